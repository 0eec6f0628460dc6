/* custom_call.c - a call of a function: what forward leaves, and backward.
 *
 * While forward runs the saved tensors are the user's own; afterwards they are headers that close
 * no cycle (node.c says why). Backward checks that none was changed, hands them out with the
 * history they had, and compares what it gets with the inputs. */
#include "autograd/custom.h"

#include <string.h>

/* ---- Calls ----------------------------------------------------------------------------------- */

tg_call *tg__call_new(tg_function *f, tg_tensor *const *inputs, int n_in, int n_out,
                      const void *attr, size_t attr_size) {
    size_t grads = (size_t)n_out * sizeof(tg_tensor *), old = (size_t)n_in * sizeof(tg__old_input);
    size_t room = (attr_size + 15) & ~(size_t)15;
    size_t bytes = sizeof(tg_call) + room + grads + old + (size_t)n_out * sizeof(bool);
    tg_call *c = tg__alloc_zero(bytes);
    if (c == NULL) {
        tg__fail_memory(f->label, bytes);
        return NULL;
    }
    atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
    bool constant = (f->methods.flags & TG_FUNCTION_NOT_DIFFERENTIABLE) != 0;
    c->op = (tg__op){.name = f->name,
                     .maths = "a function of the user's",
                     .inputs = "input",
                     .n_in = -1,
                     .n_out = (uint8_t)n_out,
                     .number = f->number,
                     .flags = constant ? TG__NOT_DIFF : 0,
                     .attr_size = sizeof(tg_call *),
                     .rule = constant ? NULL : tg__custom_rule,
                     .saves = {TG__SAVE_METAS},
                     .onnx = {f->onnx, 0, NULL}};
    c->function = f;
    c->inputs = inputs;
    c->n_in = n_in;
    c->n_out = n_out;
    if (attr_size > 0)
        c->attr = memcpy(c + 1, attr, attr_size);
    c->grads = (tg_tensor **)(void *)((char *)(c + 1) + room);
    c->old = (tg__old_input *)(void *)((char *)c->grads + grads);
    c->non_differentiable = (bool *)((char *)c->old + old);
    c->bytes = bytes;
    for (int i = 0; i < n_in; i++)
        if (!tg__is_none(inputs[i]))
            c->old[i].version =
                atomic_load_explicit(&inputs[i]->storage->version, memory_order_relaxed);
    return c;
}

void tg__call_drop_saved(tg_call *c) {
    for (int i = 0; i < c->n_saved; i++) {
        tg_tensor *x = c->saved[i].tensor;
        c->saved[i].tensor = NULL;
        tg__unref(x);
    }
}

static void set_data(tg_call *c, void *data, void (*deleter)(void *)) {
    void *old = c->data;
    void (*old_deleter)(void *) = c->deleter;
    c->data = data;
    c->deleter = deleter;
    if (old_deleter != NULL)
        tg__call_deleter(old_deleter, old);
}

void tg__call_drop_copies(tg_call *c) {
    for (int i = 0; i < c->n_in; i++) {
        tg__unref(c->old[i].before);
        c->old[i].before = NULL;
    }
}

void tg__call_free(tg_call *c) {
    tg__call_drop_saved(c);
    tg__call_drop_copies(c);
    set_data(c, NULL, NULL);
    tg__free(c->saved, (size_t)c->cap_saved * sizeof *c->saved);
    tg_function *f = c->function;
    tg__free(c, c->bytes);
    tg_function_free(f);
}

static tg_call *call_of(const tg__node *node) {
    tg_call *c;
    memcpy(&c, (const char *)node + node->attr_at, sizeof(tg_call *));
    return c;
}

void tg__custom_drop_saved(tg__node *node) { tg__call_drop_saved(call_of(node)); }
void tg__custom_free(tg__node *node) { tg__call_free(call_of(node)); }

/* ---- What callbacks may ask and tell --------------------------------------------------------- */

static bool in_phase(const tg_call *c, tg__phase wanted, const char *op) {
    if (c == NULL) {
        tg__fail_null(op, "call");
        return false;
    }
    if (c->phase == wanted)
        return true;
    tg__fail(TG_ERR_STATE, op, "%s is not running %s; call it there, with the call it was given",
             c->function->label, wanted == TG__FORWARD ? "forward" : "backward");
    return false;
}

static bool in_range(const tg_call *c, const char *op, const char *what, int i, int n) {
    if (i >= 0 && i < n)
        return true;
    tg__fail(TG_ERR_INDEX, op, "%s has no %s %d; there are %d, counted from 0", c->function->label,
             what, i, n);
    return false;
}

static bool room_to_save(tg_call *c, int n) {
    if (n <= c->cap_saved - c->n_saved)
        return true;
    const int most = INT32_MAX / (int)sizeof *c->saved;
    size_t old = (size_t)c->cap_saved * sizeof *c->saved;
    int cap = n > most - c->n_saved ? 0 : c->n_saved + n;
    if (cap > 0 && cap < 2 * c->cap_saved)
        cap = 2 * c->cap_saved;
    size_t bytes = (size_t)cap * sizeof *c->saved;
    tg__keepsake *more = cap > 0 ? tg__realloc(c->saved, old, bytes) : NULL;
    if (more == NULL) {
        tg__fail_memory("call_save", bytes);
        return false;
    }
    c->saved = more;
    c->cap_saved = cap;
    return true;
}

tg_status tg_call_save(tg_call *c, tg_tensor *const *tensors, int n) {
    static const char op[] = "call_save";
    if (!in_phase(c, TG__FORWARD, op))
        return tg_error_status();
    if (n < 0 || (n > 0 && tensors == NULL))
        return tg__fail(TG_ERR_ARG, op, "%d tensors at %s; pass a list and its length", n,
                        tensors == NULL ? "NULL" : "the list");
    for (int i = 0; i < n; i++)
        if ((tensors[i] == NULL || !tg__is_none(tensors[i])) &&
            !tg__required(op, "tensors", tensors[i]))
            return tg_error_status();
    if (!room_to_save(c, n))
        return TG_ERR_MEMORY;
    for (int i = 0; i < n; i++) {
        if (!tg__is_none(tensors[i]))
            tg__ref(tensors[i]);
        c->saved[c->n_saved++] = (tg__keepsake){tensors[i], 0, -1, -1};
    }
    return TG_OK;
}

tg_status tg_call_mark_non_differentiable(tg_call *c, int output) {
    static const char op[] = "call_mark_non_differentiable";
    if (!in_phase(c, TG__FORWARD, op) || !in_range(c, op, "output", output, c->n_out))
        return tg_error_status();
    c->non_differentiable[output] = true;
    return TG_OK;
}

static bool keep_elements(tg_call *c, tg__old_input *old, const tg_tensor *x) {
    old->before = tg__new(c->function->label, (tg_dtype)x->dtype, x->ndim, x->shape);
    if (old->before == NULL)
        return false;
    tg__pack(x, old->before->data);
    old->version = atomic_load_explicit(&x->storage->version, memory_order_relaxed);
    old->writer = atomic_load_explicit(&x->storage->writer, memory_order_relaxed);
    return true;
}

tg_status tg_call_mark_dirty(tg_call *c, int input) {
    static const char op[] = "call_mark_dirty";
    if (!in_phase(c, TG__FORWARD, op) || !in_range(c, op, "input", input, c->n_in) ||
        !tg__required(op, "input", c->inputs[input]))
        return tg_error_status();
    const tg_tensor *x = c->inputs[input];
    tg__old_input *old = &c->old[input];
    if (old->before != NULL)
        return TG_OK;
    if (c->grad_on && (c->op.flags & TG__NOT_DIFF) && (x->flags & TG__REQUIRES_GRAD))
        return tg__fail(TG_ERR_UNSUPPORTED, op,
                        "%s is not differentiable and writes input %d (%s), which requires "
                        "gradients; write into tg_clone of it",
                        c->function->label, input, tg__describe(x));
    bool recorded = c->recording && tg_dtype_is_float((tg_dtype)x->dtype);
    if (!tg__writable(c->function->label, x) ||
        (c->grad_on && !tg__may_write(&c->op, x, recorded)) || !keep_elements(c, old, x))
        return tg_error_status();
    return TG_OK;
}

tg_status tg_call_set_data(tg_call *c, void *data, void (*deleter)(void *data)) {
    if (!in_phase(c, TG__FORWARD, "call_set_data"))
        return tg_error_status();
    set_data(c, data, deleter);
    return TG_OK;
}

const void *tg_call_attrs(const tg_call *c) { return c != NULL ? c->attr : NULL; }

void *tg_call_data(const tg_call *c) { return c != NULL ? c->data : NULL; }

bool tg_call_needs_grad(const tg_call *c, int input) {
    if (c == NULL || input < 0 || input >= c->n_in)
        return false;
    if (c->phase == TG__BACKWARD)
        return c->wanted[input];
    return c->phase == TG__FORWARD && c->recording && (c->inputs[input]->flags & TG__REQUIRES_GRAD);
}

/* ---- Saved tensors in backward ------------------------------------------------------------------
 */

int tg_call_saved_count(const tg_call *c) { return c != NULL ? c->n_saved : 0; }

tg_tensor *tg_call_saved(tg_call *c, int i) {
    if (!in_phase(c, TG__BACKWARD, "call_saved") ||
        !in_range(c, "call_saved", "saved tensor", i, c->n_saved))
        return NULL;
    const tg__keepsake *k = &c->saved[i];
    const tg__edge *e = k->input >= 0 ? &tg__edges(c->node)[k->input] : NULL;
    if (tg__is_none(k->tensor) || (e != NULL && e->target != NULL && e->out_nr == TG__LEAF_EDGE))
        return tg__give_existing(k->tensor);
    tg_tensor *x = tg__alias("call_saved", k->tensor);
    if (x == NULL)
        return NULL;
    x->epoch = UINT32_MAX; /* its version was checked: never stale */
    tg__node *source = e != NULL ? e->target : NULL;
    if (k->output >= 0 && !c->non_differentiable[k->output] &&
        tg_dtype_is_float((tg_dtype)x->dtype))
        source = c->node;
    if (c->create && source != NULL) {
        tg__node_ref(source);
        tg__node_attach(source, x, e != NULL ? (int)e->out_nr : k->output);
    }
    return tg__give(x);
}

/* ---- Backward -------------------------------------------------------------------------------- */

static bool may_run(const tg_call *c) {
    const tg_function *f = c->function;
    if (c->create && (f->methods.flags & TG_FUNCTION_ONCE)) {
        tg__fail(
            TG_ERR_UNSUPPORTED, f->label,
            "has no second derivative (TG_FUNCTION_ONCE); walk the graph without create_graph, "
            "or write backward in recorded operations");
        return false;
    }
    for (int s = 0; s < c->n_saved; s++) {
        const tg__keepsake *k = &c->saved[s];
        if (tg__is_none(k->tensor))
            continue;
        const tg__storage *storage = k->tensor->storage;
        uint32_t now = atomic_load_explicit(&storage->version, memory_order_relaxed);
        if (now == k->version)
            continue;
        tg__fail(TG_ERR_STATE, f->label,
                 "saved tensor %d (%s) at version %u, and it is now at version %u, last written by "
                 "%s; write into a tg_clone of it, or after backward",
                 s, tg__describe(k->tensor), k->version, now,
                 tg__op_name(atomic_load_explicit(&storage->writer, memory_order_relaxed)));
        return false;
    }
    return true;
}

static bool fits(const tg_call *c, const tg_tensor *g, const tg__meta *m, int i) {
    if (g == NULL) {
        tg__fail(TG_ERR_SHAPE, c->function->label,
                 "gradient %d is NULL, its input is %s %s; backward must set it, to TG_NONE if "
                 "there is none",
                 i, tg_dtype_name((tg_dtype)m->dtype), tg__describe_shape(m->ndim, m->shape));
        return false;
    }
    bool same =
        tg__is_none(g) ||
        (g->ndim == m->ndim && memcmp(g->shape, m->shape, (size_t)m->ndim * sizeof *m->shape) == 0);
    if (same && (tg__is_none(g) || g->dtype == m->dtype))
        return true;
    tg__fail(same ? TG_ERR_DTYPE : TG_ERR_SHAPE, c->function->label,
             "gradient %d is %s, its input is %s %s; backward must give it in that shape and dtype",
             i, tg__describe(g), tg_dtype_name((tg_dtype)m->dtype),
             tg__describe_shape(m->ndim, m->shape));
    return false;
}

/* A gradient for the walk, which may add to it in place: not to memory that is the user's. */
static tg_tensor *given(tg_tensor *raw) {
    if (tg__is_none(raw) || raw->storage->deleter == NULL)
        return tg__give(raw);
    tg_tensor *y = tg_clone(raw);
    tg__unref(raw);
    return y;
}

/* Leaves NULL in gin, and an error, if it fails. */
void tg__custom_rule(tg__rule *r) {
    tg_call *c;
    memcpy(&c, r->attr, sizeof(tg_call *));
    const tg_function *f = c->function;
    c->create = tg__self()->grad_on;
    if (!may_run(c))
        return;
    for (int k = 0; k < c->n_out; k++)
        c->grads[k] = r->g[k] != NULL ? r->g[k] : &tg__none_tensor;
    c->wanted = r->wanted;
    c->phase = TG__BACKWARD;
    tg__callback cb = tg__callback_enter(tg__function_owns(f));
    tg_status status = TG_ERR_MEMORY;
    if (tg__callback_ok(cb))
        status = f->methods.backward(f->ctx, c, c->grads, c->n_out, r->gin, c->n_in);
    status = tg__callback_leave(cb, f->label, status, r->gin, c->n_in);
    c->phase = TG__IDLE;
    c->wanted = NULL;
    if (status != TG_OK)
        tg__function_named(f, "backward");
    for (int i = 0; i < c->n_in; i++) {
        tg_tensor *g = r->gin[i];
        r->gin[i] = NULL;
        if (r->wanted[i] && status == TG_OK && fits(c, g, r->meta[i], i)) {
            r->gin[i] = given(g);
            continue;
        }
        if (r->wanted[i] && status == TG_OK)
            status = tg_error_status();
        tg__unref(g);
    }
}
