/* record.c - calling an operation: checks, forward, recording, handing out.
 *
 * Every operation ends up here, so this path is kept short: a call without gradients touches no
 * reference count of its inputs. In-place calls build their node first, because nothing may fail
 * once memory has been written. */
#include "autograd/node.h"
#include "autograd/watch.h"

#include "kernels/kernels.h"

#include <string.h>

const char *tg__input_name(const tg__op *op, int i) {
    char *buf = tg__desc_buffer();
    const char *p = op->inputs != NULL ? op->inputs : "x";
    for (int k = 0; k < i && strchr(p, ' ') != NULL; k++)
        p = strchr(p, ' ') + 1;
    size_t n = strcspn(p, " ");
    memcpy(buf, p, n);
    buf[n] = '\0';
    return buf;
}

/* ---- Checks ---- */

static bool check_input(const tg__op *op, tg_tensor *x, int i, int n_in) {
    if (__builtin_expect(x != NULL && x->magic == TG__MAGIC && !(x->flags & TG__IS_NONE), 1))
        return true;
    if (x != NULL && (x->flags & TG__IS_NONE) && i >= n_in - op->n_optional && op->n_in >= 0)
        return true;
    return tg__required(op->name, tg__input_name(op, i), x);
}

static bool check_numbers(const tg__op *op, const void *attr) {
    for (const tg__field *f = op->fields; f != NULL && f->name != NULL; f++) {
        double value;
        if (f->type != TG_ATTR_FLOAT || f->i == TG__NAN_OK)
            continue;
        memcpy(&value, (const char *)attr + f->offset, sizeof value);
        if (value == value)
            continue;
        tg__fail(TG_ERR_ARG, op->name, "%s is %s; give a finite number", f->name, tg__num(value));
        return false;
    }
    return true;
}

static bool stale(const tg_tensor *x) {
    return (x->flags & TG__IS_VIEW) && x->epoch != UINT32_MAX &&
           x->epoch != atomic_load_explicit(&x->storage->epoch, memory_order_relaxed);
}

static bool refuse_stale(const tg__op *op, const tg_tensor *x, int i) {
    tg__fail(TG_ERR_STATE, op->name,
             "argument %s (%s) is a view made before its base was written in place by %s while "
             "recording; make the view again",
             tg__input_name(op, i), tg__describe(x),
             tg__op_name(atomic_load_explicit(&x->storage->writer, memory_order_relaxed)));
    return false;
}

static int refuse_missing_rule(const tg__op *op, tg_tensor *const *in, int n_in) {
    int i = 0;
    while (i + 1 < n_in && !(in[i]->flags & TG__REQUIRES_GRAD))
        i++;
    tg__fail(TG_ERR_UNSUPPORTED, op->name,
             "has no derivative, and input %s (%s) requires gradients; use tg_detach on it or turn "
             "recording off",
             tg__input_name(op, i), tg__describe(in[i]));
    return -1;
}

int tg__recording(const tg__op *op, tg_tensor *const *in, int n_in) {
    unsigned flags = 0;
    for (int i = 0; i < n_in; i++) {
        if (!(i < 16 && (op->no_grad >> i & 1)))
            flags |= in[i]->flags & TG__REQUIRES_GRAD;
        if (__builtin_expect(stale(in[i]), 0)) {
            refuse_stale(op, in[i], i);
            return -1;
        }
    }
    if (!flags || (op->flags & TG__NOT_DIFF))
        return 0;
    if (op->rule == NULL && !(op->flags & TG__COMPOSED))
        return refuse_missing_rule(op, in, n_in);
    return 1;
}

/* ---- Out of place ---- */

static void drop(tg_tensor **out, int n) {
    for (int k = 0; k < n; k++) {
        tg__unref(out[k]);
        out[k] = NULL;
    }
}

/* Not inlined: callers with one output hand over the address of a single pointer, and gcc then
 * takes the loop for an overrun. */
__attribute__((noinline)) static bool record_outputs(const tg__op *op, tg_tensor *const *in,
                                                     int n_in, const void *attr, tg_tensor **out,
                                                     int n_out) {
    if (!tg_dtype_is_float((tg_dtype)out[0]->dtype))
        return true; /* a cast to integers: a leaf */
    tg__node *node = tg__node_new(op, in, in, n_in, attr, out);
    if (node == NULL)
        return false;
    tg__node_attach(node, out[0], 0); /* the first output is the differentiable one */
    for (int k = 1; k < n_out; k++) {
        if (!tg_dtype_is_float((tg_dtype)out[k]->dtype))
            continue;
        tg__node_ref(node);
        tg__node_attach(node, out[k], k);
    }
    return true;
}

/* What has been said of the operands already is not said again. */
static void name_operands(const tg__op *op, tg_tensor *const *in, int n_in) {
    tg_status status = tg_error_status();
    bool explained = status == TG_ERR_SHAPE || status == TG_ERR_DTYPE || status == TG_ERR_INDEX ||
                     status == TG_ERR_ARG || status == TG_ERR_NUMERIC;
    if (!explained || tg__self()->error_as != NULL) /* the operation around this one does it */
        return;
    const char *lead = "; called with";
    for (int i = 0; i < n_in && i < 8; i++) {
        const char *what = in[i]->flags & TG__IS_NONE ? "none" : tg__describe(in[i]);
        if (strstr(tg_error_message(), what) != NULL)
            continue;
        tg__fail_add("%s %s: %s", lead, tg__input_name(op, i), what);
        lead = ",";
    }
}

/* A call that is made of others: its name in errors, its scope, its outputs handed out of it. */
typedef struct {
    const char *was;
    tg_scope scope;
} made_of;

static bool begin(made_of *m, const tg__op *op) {
    if (!tg__reserve(op->name, (uint32_t)tg__n_out(op)))
        return false;
    m->scope = tg_scope_open();
    m->was = tg__errors_as(op->name);
    return true;
}

static bool finish(const made_of *m, const tg__op *op, bool good, tg_tensor **out) {
    int n_out = tg__n_out(op);
    int kept = 1;
    for (; good && kept < n_out; kept++)
        tg__ref(out[kept]); /* so that they outlive the scope */
    out[0] = tg_scope_return(m->scope, good ? out[0] : NULL);
    tg__errors_back(m->was);
    for (int k = 1; k < n_out; k++) {
        if (out[0] != NULL) {
            tg__give(out[k]); /* there is room: begin() made it */
            continue;
        }
        if (k < kept)
            tg__unref(out[k]);
        out[k] = NULL;
    }
    return out[0] != NULL;
}

/* A result that is a view of what only the call has seen may be written like any other. */
static void disown_views(const tg__op *op, tg_tensor *const *in, int n_in, tg_tensor *const *out) {
    const int n_out = tg__n_out(op);
    for (int k = 0; k < n_out; k++) {
        bool alone = true;
        for (int i = 0; i < n_in; i++)
            alone &= in[i]->storage != out[k]->storage;
        for (int i = 0; i < n_out; i++)
            alone &= i == k || out[i]->storage != out[k]->storage;
        if (alone)
            out[k]->flags &= (uint8_t)~TG__IS_VIEW;
    }
}

static bool apply_composed(const tg__op *op, tg_tensor *const *in, int n_in, const void *attr,
                           tg_tensor **out) {
    made_of m;
    if (!begin(&m, op))
        return false;
    tg__call call = {op, in, n_in, attr, NULL, out};
    return finish(&m, op, op->forward(&call), out);
}

/* ---- f16, bf16, i16, i8 ---- */

#define MAX_BESIDE 16 /* inputs of a call that is not made on the inputs themselves */

/* What the result of a call has: the dtype of its operands, indices and masks aside. */
static tg_dtype operands_dtype(const tg__op *op, tg_tensor *const *in, int n_in) {
    tg_tensor *use[MAX_BESIDE];
    int n = 0;
    for (int i = 0; i < n_in; i++)
        if (!(i < 16 && (op->no_grad >> i & 1)))
            use[n++] = in[i];
    return n > 0 ? tg__promote_all(use, n) : TG_F32;
}

/* The call with operands of 8 and 16 bits as i32 and f32, and its results of those types brought
 * back. The conversions are recorded, so gradients find their way through them. */
static bool apply_narrow(const tg__op *op, tg_tensor *const *in, int n_in, const void *attr,
                         tg_tensor **out) {
    tg_tensor *use[MAX_BESIDE];
    if (n_in > MAX_BESIDE) {
        tg__fail(TG_ERR_UNSUPPORTED, op->name,
                 "%d inputs, one of them of 16 or 8 bits; it takes at most %d of those: use "
                 "tg_cast",
                 n_in, MAX_BESIDE);
        return false;
    }
    made_of m;
    if (!begin(&m, op))
        return false;
    for (int i = 0; i < n_in; i++)
        use[i] =
            tg__is_narrow(in[i]->dtype) ? tg_cast(in[i], tg__wide((tg_dtype)in[i]->dtype)) : in[i];
    bool good = tg__apply(op, use, n_in, attr, out);
    tg_dtype dtype = operands_dtype(op, in, n_in);
    for (int k = 0; good && k < tg__n_out(op); k++)
        if (tg__is_narrow(dtype) && out[k]->dtype == tg__wide(dtype)) {
            out[k] = tg_cast(out[k], dtype);
            good = out[k] != NULL;
        }
    return finish(&m, op, good, out);
}

static bool any_narrow(const tg__op *op, tg_tensor *const *in, int n_in) {
    unsigned narrow = 0;
    for (int i = 0; i < n_in; i++)
        narrow |= in[i]->dtype > TG_BOOL;
    return __builtin_expect(narrow != 0, 0) && !(op->flags & TG__ANY_DTYPE);
}

/* Inlined where the number of inputs is known: the loops over them vanish. */
static inline __attribute__((always_inline)) bool
apply(const tg__op *op, tg_tensor *const *in, int n_in, const void *attr, tg_tensor **out) {
    tg__thread *t = tg__self();
    if (__builtin_expect(t->watch != NULL, 0) && !tg__watch_through(t->watch))
        return tg__watched(op, in, n_in, attr, out);
    int n_out = tg__n_out(op);
    for (int k = 0; k < n_out; k++)
        out[k] = NULL;
    for (int i = 0; i < n_in; i++)
        if (!check_input(op, in[i], i, n_in))
            return false;
    if (!check_numbers(op, attr))
        return false;
    int record = t->grad_on ? tg__recording(op, in, n_in) : 0;
    if (record < 0)
        return false;
    /* then the pending error is not this call's */
    bool shut = t->error_status != TG_OK && tg__gate(t) != TG_OK;
    bool narrow = any_narrow(op, in, n_in);
    if (narrow || (op->flags & TG__COMPOSED)) {
        if (narrow ? apply_narrow(op, in, n_in, attr, out)
                   : apply_composed(op, in, n_in, attr, out)) {
            disown_views(op, in, n_in, out);
            return true;
        }
        if (!shut)
            name_operands(op, in, n_in);
        return false;
    }
    if (!tg__reserve(op->name, (uint32_t)n_out))
        return false;
    tg__call call = {op, in, n_in, attr, NULL, out};
    bool was = t->grad_on;
    t->grad_on = false; /* a forward may call other ops */
    bool good = op->forward(&call);
    t->grad_on = was;
    if (!good || (record && !record_outputs(op, in, n_in, attr, out, n_out))) {
        drop(out, n_out);
        if (!good && !shut)
            name_operands(op, in, n_in);
        return false;
    }
    for (int k = 0; k < n_out; k++) {
        out[k]->op = op->number;
        tg__give(out[k]);
    }
    return true;
}

bool tg__apply(const tg__op *op, tg_tensor *const *in, int n_in, const void *attr,
               tg_tensor **out) {
    return apply(op, in, n_in, attr, out);
}

tg_tensor *tg__apply1(const tg__op *op, tg_tensor *x, const void *attr) {
    tg_tensor *out;
    return apply(op, &x, 1, attr, &out) ? out : NULL;
}

tg_tensor *tg__apply2(const tg__op *op, tg_tensor *a, tg_tensor *b, const void *attr) {
    tg_tensor *in[2] = {a, b};
    tg_tensor *out;
    return apply(op, in, 2, attr, &out) ? out : NULL;
}

tg_tensor *tg__apply3(const tg__op *op, tg_tensor *a, tg_tensor *b, tg_tensor *c,
                      const void *attr) {
    tg_tensor *in[3] = {a, b, c};
    tg_tensor *out;
    return tg__apply(op, in, 3, attr, &out) ? out : NULL;
}

tg_tensor *tg__apply_rest(const tg__op *op, tg_tensor *const *in, int n_in, const void *attr,
                          tg_tensor **const *rest) {
    tg_tensor *out[TG__MAX_OUT];
    bool good = tg__apply(op, in, n_in, attr, out);
    for (int k = 1; k < tg__n_out(op); k++) {
        if (rest[k - 1] != NULL)
            *rest[k - 1] = out[k];
        else if (good)
            tg_release(out[k]);
    }
    return out[0];
}

/* ---- In place ---- */

#define MAX_IN_PLACE 4 /* inputs of an op that writes into x itself */

bool tg__may_write(const tg__op *op, const tg_tensor *x, bool recorded) {
    if ((x->flags & TG__REQUIRES_GRAD) && x->node == NULL) {
        tg__fail(TG_ERR_STATE, op->name,
                 "in place on a leaf that requires gradients (%s); use the form without _, or turn "
                 "recording off for the update",
                 tg__describe(x));
        return false;
    }
    if (recorded && x->leaf != NULL &&
        x->leaf->was_leaf) { /* a graph may hold x as a leaf: a cycle */
        tg__fail(TG_ERR_STATE, op->name,
                 "in place with a value that requires gradients on %s, which was a leaf that "
                 "required gradients; use the form without _, or write into a tg_clone of it",
                 tg__describe(x));
        return false;
    }
    if ((x->flags & TG__IS_VIEW) &&
        (recorded || atomic_load_explicit(&x->storage->needs_grad, memory_order_relaxed))) {
        tg__fail(TG_ERR_STATE, op->name,
                 "in place on a view (%s) that takes part in gradients; use the form without _, or "
                 "tg_index_put_ on the tensor it was made from",
                 tg__describe(x));
        return false;
    }
    if (recorded && atomic_load_explicit(&x->attached, memory_order_relaxed)) {
        tg__fail(TG_ERR_STATE, op->name,
                 "in place on an attached gradient with a value that requires gradients; tg_detach "
                 "the value");
        return false;
    }
    return true;
}

static tg_tensor *copy_of(const tg__op *op, const tg_tensor *x) {
    tg_tensor *c = tg__new(op->name, (tg_dtype)x->dtype, x->ndim, x->shape);
    if (c != NULL) {
        tg__pack(x, c->data);
        c->flags |= x->flags & TG__IS_NUMBER;
    }
    return c;
}

/* Fills values[]: the inputs, with copies where x's memory is about to change under them. */
static bool copy_overwritten(const tg__op *op, tg_tensor *const *in, int n_in, bool recorded,
                             tg_tensor **values) {
    for (int i = 0; i < n_in; i++)
        values[i] = in[i];
    bool save_old = false;
    for (int s = 0; s < TG__MAX_SAVES && op->saves[s].kind != TG__SAVES_END; s++)
        save_old |= op->saves[s].kind == TG__SAVES_IN && op->saves[s].index == 0;
    for (int i = 0; i < n_in; i++) {
        if (in[i]->flags & TG__IS_NONE)
            continue;
        if (i == 0 ? !(recorded && save_old) : !tg__ranges_meet(in[0], in[i]))
            continue;
        values[i] = copy_of(op, in[i]);
        if (values[i] == NULL)
            return false;
    }
    return true;
}

void tg__take_history(tg_tensor *x, tg__node *node, int out_nr) {
    tg__node *old = x->node;
    x->node = NULL;
    tg__node_attach(node, x, out_nr);
    atomic_fetch_add_explicit(&x->storage->epoch, 1, memory_order_relaxed);
    if (old == NULL)
        return;
    if (x->leaf != NULL)
        tg__note_leave(old, x->leaf);
    tg__node_unref(old);
}

static bool write_in_place(const tg__op *op, tg_tensor *const *in, tg_tensor *const *values,
                           int n_in, const void *attr, bool recorded) {
    tg_tensor *x = in[0];
    tg__node *node = NULL;
    if (recorded) {
        node = tg__node_new(op, in, values, n_in, attr, &x);
        if (node == NULL)
            return false;
        if (x->leaf != NULL && !tg__note_add(op->name, node, 0, x->leaf)) {
            tg__node_unref(node);
            return false;
        }
    }
    tg_tensor *use[MAX_IN_PLACE];
    use[0] = x;
    for (int i = 1; i < n_in; i++)
        use[i] = values[i];
    tg_tensor *out = NULL;
    tg__call call = {op, use, n_in, attr, x, &out};
    bool was = tg__grad_off();
    bool good = op->forward(&call);
    tg__grad_back(was);
    if (good)
        tg__bump(x, op->number);
    if (good && node != NULL)
        tg__take_history(x, node, 0);
    else if (node != NULL)
        tg__node_unref(node);
    return good;
}

bool tg__fits_in_place(const char *op, const tg_tensor *x, tg_dtype dtype, int ndim,
                       const int64_t *shape) {
    if (x->ndim != ndim || memcmp(x->shape, shape, (size_t)ndim * sizeof *shape) != 0) {
        tg__fail(TG_ERR_SHAPE, op,
                 "the result has shape %s and cannot be written in place into %s; use the form "
                 "without _",
                 tg__describe_shape(ndim, shape), tg__describe(x));
        return false;
    }
    if (tg__category(dtype) > tg__category((tg_dtype)x->dtype)) {
        tg__fail(TG_ERR_DTYPE, op,
                 "the result is %s and cannot be written in place into %s; use the form without _",
                 tg_dtype_name(dtype), tg__describe(x));
        return false;
    }
    return true;
}

/* In place where the forward cannot write into x: the result is computed beside it and copied. */
static tg_tensor *apply_and_copy(const tg__op *op, tg_tensor *const *in, int n_in,
                                 const void *attr) {
    tg_tensor *use[MAX_BESIDE];
    if (n_in > MAX_BESIDE) {
        tg__fail(TG_ERR_UNSUPPORTED, op->name, "%d inputs in place; it takes at most %d", n_in,
                 MAX_BESIDE);
        return NULL;
    }
    for (int i = 0; i < n_in; i++)
        use[i] = in[i];
    tg_scope s = tg_scope_open();
    const char *was = tg__errors_as(op->name);
    if (tg__self()->grad_on && (in[0]->flags & TG__REQUIRES_GRAD))
        use[0] = tg_clone(in[0]); /* what the call saves of x must not change */
    tg_tensor *y = NULL;
    bool good = use[0] != NULL && tg__apply(op, use, n_in, attr, &y) &&
                tg__fits_in_place(op->name, in[0], (tg_dtype)y->dtype, y->ndim, y->shape) &&
                tg__apply2_(&tg__op_copy, in[0], y, NULL) != NULL;
    tg__errors_back(was);
    return tg_scope_close(s) == TG_OK && good ? in[0] : NULL;
}

tg_tensor *tg__apply_(const tg__op *op, tg_tensor *const *in, int n_in, const void *attr) {
    tg__thread *t = tg__self();
    if (__builtin_expect(t->watch != NULL, 0) && !tg__watch_through(t->watch))
        return tg__watched_(op, in, n_in, attr);
    for (int i = 0; i < n_in; i++)
        if (!check_input(op, in[i], i, n_in))
            return NULL;
    if (tg__gate(t) != TG_OK || !check_numbers(op, attr) || !tg__writable(op->name, in[0]))
        return NULL;
    if ((op->flags & TG__COMPOSED) || any_narrow(op, in, n_in))
        return apply_and_copy(op, in, n_in, attr);
    int record = t->grad_on ? tg__recording(op, in, n_in) : 0;
    if (record > 0 && !tg_dtype_is_float((tg_dtype)in[0]->dtype))
        record = 0; /* integers take the value only */
    if (record < 0 || (t->grad_on && !tg__may_write(op, in[0], record)))
        return NULL;
    tg_tensor *values[MAX_IN_PLACE];
    bool good = copy_overwritten(op, in, n_in, record, values) &&
                write_in_place(op, in, values, n_in, attr, record);
    for (int i = 0; i < n_in; i++)
        if (values[i] != in[i])
            tg__unref(values[i]);
    if (!good)
        name_operands(op, in, n_in);
    return good ? in[0] : NULL;
}

tg_tensor *tg__apply1_(const tg__op *op, tg_tensor *x, const void *attr) {
    return tg__apply_(op, &x, 1, attr);
}

tg_tensor *tg__apply2_(const tg__op *op, tg_tensor *a, tg_tensor *b, const void *attr) {
    tg_tensor *in[2] = {a, b};
    return tg__apply_(op, in, 2, attr);
}
