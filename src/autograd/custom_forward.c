/* custom_forward.c - calling a function: forward, and recording the call.
 *
 * Forward may do anything, so a call is settled afterwards in two steps: `settle` makes all that
 * can fail (headers, aliases, the node, room in the scope), `commit` cannot fail. The elements of
 * inputs that forward announced to write are kept until then, and put back if there is no commit.
 */
#include "autograd/custom.h"
#include "autograd/watch.h"

#include <string.h>

/* ---- Forward --------------------------------------------------------------------------------- */

static bool run_forward(tg_call *c, tg_tensor **outputs) {
    const tg_function *f = c->function;
    int n_out = c->n_out;
    bool was = tg__grad_off();
    c->phase = TG__FORWARD;
    tg__callback cb = tg__callback_enter(tg__function_owns(f));
    tg_status status = TG_ERR_MEMORY;
    if (tg__callback_ok(cb))
        status = f->methods.forward(f->ctx, c, c->inputs, c->n_in, outputs, n_out);
    status = tg__callback_leave(cb, f->label, status, outputs, n_out);
    c->phase = TG__IDLE;
    tg__grad_back(was);
    if (status != TG_OK)
        tg__function_named(f, "forward");
    return status == TG_OK;
}

/* None may be NULL; those at the end that are absent do not count. */
static bool count_outputs(tg_call *c, tg_tensor *const *outputs) {
    int n = 0;
    for (int k = 0; k < c->n_out; k++) {
        if (outputs[k] == NULL) {
            tg__fail(TG_ERR_ARG, c->function->label,
                     "forward left output %d NULL; set it, to TG_NONE if there is none", k);
            return false;
        }
        if (!tg__is_none(outputs[k]))
            n = k + 1;
    }
    c->n_out = n;
    c->op.n_out = (uint8_t)n;
    return true;
}

static int output_of(const tg_call *c, tg_tensor *const *outputs, const tg_tensor *x) {
    for (int k = 0; k < c->n_out; k++)
        if (outputs[k] == x)
            return k;
    return -1;
}

/* Whether x lies on memory that forward announced to write. */
static bool is_dirty(const tg_call *c, const tg_tensor *x) {
    for (int i = 0; i < c->n_in; i++)
        if (c->old[i].before != NULL && c->inputs[i]->storage == x->storage)
            return true;
    return false;
}

static bool check_writes(const tg_call *c, tg_tensor *const *outputs) {
    for (int i = 0; i < c->n_in; i++) {
        const tg_tensor *x = c->inputs[i];
        if (c->old[i].before != NULL && output_of(c, outputs, x) < 0) {
            tg__fail(TG_ERR_STATE, c->function->label,
                     "input %d (%s) is marked dirty and is not among the outputs; return it", i,
                     tg__describe(x));
            return false;
        }
        if (tg__is_none(x) || !c->recording || !(x->flags & TG__REQUIRES_GRAD) || is_dirty(c, x) ||
            c->old[i].version == atomic_load_explicit(&x->storage->version, memory_order_relaxed))
            continue;
        tg__fail(TG_ERR_STATE, c->function->label,
                 "forward wrote into input %d (%s), which requires gradients; call "
                 "tg_call_mark_dirty before, or write into tg_clone of it",
                 i, tg__describe(x));
        return false;
    }
    return true;
}

static bool check_inferred(const tg_call *c, tg_tensor *const *outputs) {
    const tg_function *f = c->function;
    for (int k = 0; f->methods.infer != NULL && k < c->n_out; k++) {
        tg_dtype dtype;
        int ndim;
        int64_t shape[TG_MAX_DIMS];
        const tg_tensor *y = outputs[k];
        if (tg__is_none(y))
            continue;
        if (!tg__function_infer(f, c->inputs, c->n_in, k, &dtype, &ndim, shape))
            return false;
        bool same = y->ndim == ndim && memcmp(y->shape, shape, (size_t)ndim * sizeof *shape) == 0;
        if (same && y->dtype == dtype)
            continue;
        tg__fail(same ? TG_ERR_DTYPE : TG_ERR_SHAPE, f->label,
                 "forward gave output %d as %s, and infer said %s %s; make them agree", k,
                 tg__describe(y), tg_dtype_name(dtype), tg__describe_shape(ndim, shape));
        return false;
    }
    return true;
}

/* Turns what forward saved into what a node may hold (node.c): aliases, and leaves as they are. */
static bool settle_saved(tg_call *c, tg_tensor *const *outputs) {
    for (int s = 0; s < c->n_saved; s++) {
        tg__keepsake *k = &c->saved[s];
        tg_tensor *x = k->tensor;
        if (tg__is_none(x))
            continue;
        for (int i = 0; i < c->n_in && k->input < 0; i++)
            if (c->inputs[i] == x && c->old[i].before == NULL)
                k->input = i;
        if (k->input < 0)
            k->output = output_of(c, outputs, x);
        if (k->input >= 0 && (x->flags & TG__REQUIRES_GRAD) && x->node == NULL)
            continue;
        k->tensor = tg__alias(c->function->label, x);
        if (x->leaf != NULL && x->leaf->name != NULL && k->tensor != NULL) {
            tg__leaf_ref(x->leaf); /* so that messages can name the value */
            k->tensor->leaf = x->leaf;
        }
        tg__unref(x);
        if (k->tensor == NULL)
            return false;
    }
    return true;
}

/* An output that somebody else holds too, or that has a history, is handed out in a header of its
 * own. */
static bool own_headers(const tg_call *c, tg_tensor **outputs) {
    for (int k = 0; k < c->n_out; k++) {
        tg_tensor *y = outputs[k];
        bool alone = (atomic_load_explicit(&y->refs, memory_order_acquire) & TG__ALL_REFS) == 1;
        if (tg__is_none(y) || (alone && y->node == NULL && y->leaf == NULL))
            continue;
        outputs[k] = tg__alias(c->function->label, y);
        tg__unref(y);
        if (outputs[k] == NULL)
            return false;
    }
    return true;
}

static bool differentiable(const tg_call *c, const tg_tensor *y, int k) {
    return c->recording && !tg__is_none(y) && !c->non_differentiable[k] &&
           tg_dtype_is_float((tg_dtype)y->dtype);
}

static bool make_node(tg_call *c, tg_tensor *const *outputs) {
    bool any = false;
    for (int k = 0; k < c->n_out; k++)
        any |= differentiable(c, outputs[k], k);
    if (!any)
        return true;
    c->node = tg__node_new(&c->op, c->inputs, c->inputs, c->n_in, &c, outputs);
    for (int i = 0; c->node != NULL && i < c->n_in; i++) {
        tg__leaf *label = c->old[i].before != NULL ? c->inputs[i]->leaf : NULL;
        int k = c->old[i].output;
        if (label != NULL && differentiable(c, outputs[k], k) &&
            !tg__note_add(c->function->label, c->node, (uint32_t)k, label))
            return false;
    }
    return c->node != NULL;
}

/* All that can fail. */
static bool settle(tg_call *c, tg_tensor **outputs) {
    if (!count_outputs(c, outputs) || !check_writes(c, outputs) || !check_inferred(c, outputs))
        return false;
    for (int i = 0; i < c->n_in; i++)
        c->old[i].output = (int16_t)output_of(c, outputs, c->inputs[i]);
    if (!c->recording)
        tg__call_drop_saved(c);
    else if (!settle_saved(c, outputs))
        return false;
    return own_headers(c, outputs) && make_node(c, outputs) &&
           tg__reserve(c->function->label, (uint32_t)c->n_out);
}

/* Inputs that were written become what they are now the results of. */
static void take_dirty(tg_call *c, tg_tensor **outputs) {
    for (int i = 0; i < c->n_in; i++) {
        tg_tensor *x = c->inputs[i];
        int k = c->old[i].output;
        if (c->old[i].before == NULL)
            continue;
        tg__bump(x, c->op.number);
        if (c->node == NULL || !differentiable(c, outputs[k], k))
            continue;
        tg__node_ref(c->node);
        tg__take_history(x, c->node, k);
        outputs[k]->epoch = atomic_load_explicit(&x->storage->epoch, memory_order_relaxed);
    }
}

/* Cannot fail: records the call and hands out its outputs. */
static void commit(tg_call *c, tg_tensor **outputs) {
    tg__node *node = c->node;
    for (int k = 0; node != NULL && k < c->n_out; k++)
        if (differentiable(c, outputs[k], k)) {
            tg__node_ref(node);
            tg__node_attach(node, outputs[k], k);
        }
    take_dirty(c, outputs);
    for (int k = 0; k < c->n_out; k++) {
        if (!tg__is_none(outputs[k]))
            outputs[k]->op = c->op.number;
        tg__give(outputs[k]); /* there is room: settle made it */
    }
    if (node == NULL) {
        tg__call_free(c);
        return;
    }
    for (int s = 0; s < c->n_saved; s++)
        if (!tg__is_none(c->saved[s].tensor))
            c->saved[s].version =
                atomic_load_explicit(&c->saved[s].tensor->storage->version, memory_order_relaxed);
    tg__call_drop_copies(c);
    c->inputs = NULL;
    node->flags |= c->n_saved > 0 ? TG__NODE_CUSTOM | TG__NODE_BESIDE : TG__NODE_CUSTOM;
    tg__node_unref(node);
}

/* The last copy made goes back first: where two inputs share memory, the oldest is what counts. */
static void put_back(tg_call *c) {
    for (;;) {
        int last = -1;
        for (int i = 0; i < c->n_in; i++)
            if (c->old[i].before != NULL && (last < 0 || c->old[i].version > c->old[last].version))
                last = i;
        if (last < 0)
            return;
        tg__old_input *old = &c->old[last];
        tg__storage *storage = c->inputs[last]->storage;
        tg__assign(c->inputs[last], old->before);
        atomic_store_explicit(&storage->version, old->version, memory_order_relaxed);
        atomic_store_explicit(&storage->writer, old->writer, memory_order_relaxed);
        tg__unref(old->before);
        old->before = NULL;
    }
}

static void undo(tg_call *c, tg_tensor **outputs, int n_outputs) {
    put_back(c);
    for (int k = 0; k < n_outputs; k++) {
        tg__unref(outputs[k]);
        outputs[k] = NULL;
    }
    if (c->node != NULL)
        tg__node_unref(c->node); /* not marked yet: leaves the call alone */
    tg__call_free(c);
}

tg_status tg__custom_call(tg_function *f, tg_tensor *const *inputs, int n_inputs, const void *attr,
                          size_t attr_size, tg_tensor **outputs, int n_outputs) {
    if (outputs == NULL || n_outputs < 1 || n_outputs > TG_FUNCTION_MAX_OUTPUTS)
        return tg__fail(TG_ERR_ARG, "function_call",
                        "room for %d outputs at %s; pass an array of 1 to %d", n_outputs,
                        outputs == NULL ? "NULL" : "the array", TG_FUNCTION_MAX_OUTPUTS);
    for (int k = 0; k < n_outputs; k++)
        outputs[k] = NULL;
    if (f == NULL)
        return tg__fail_null("function_call", "function");
    tg__thread *t = tg__self();
    tg_status gate = tg__gate(t);
    if (gate != TG_OK)
        return gate;
    if (!tg__function_inputs(f, inputs, n_inputs))
        return tg_error_status();
    tg_call *c = tg__call_new(f, inputs, n_inputs, n_outputs, attr, attr_size);
    if (c == NULL)
        return TG_ERR_MEMORY;
    int record = t->grad_on ? tg__recording(&c->op, inputs, n_inputs) : 0;
    c->grad_on = t->grad_on;
    c->recording = record > 0;
    tg__op told = c->op; /* which may be gone when the call is */
    told.flags |= TG__ANY_DTYPE;
    tg__watching w = {NULL};
    bool watched = __builtin_expect(t->watch != NULL, 0);
    bool begun = !watched || tg__watch_begin(&w, &told, inputs, n_inputs, NULL, n_outputs, false);
    bool good = begun && record >= 0 && run_forward(c, outputs) && settle(c, outputs);
    if (good)
        commit(c, outputs);
    else
        undo(c, outputs, n_outputs);
    if (watched && begun)
        tg__watch_end(&w, &told, inputs, n_inputs, outputs, good ? n_outputs : 0);
    return good ? TG_OK : tg_error_status();
}

tg_status tg_function_call(tg_function *f, tg_tensor *const *inputs, int n_inputs,
                           tg_tensor **outputs, int n_outputs) {
    return tg__custom_call(f, inputs, n_inputs, NULL, 0, outputs, n_outputs);
}
