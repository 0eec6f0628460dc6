/* join.c - cat and stack. */
#include "ops/elementwise.h"

typedef struct {
    int64_t dim;
} dim_attr;
static const tg__field dim_fields[] = {{"dim", TG_ATTR_INT, offsetof(dim_attr, dim), false, 0, 0},
                                       {0}};

/* Like PyTorch, a 1-d tensor without elements joins anything. */
static bool skipped(const tg_tensor *x) { return x->ndim == 1 && x->numel == 0; }

/* ---- cat: tensors one after the other along dim ---- */

/* The result's shape and dtype; false with an error that names the operand. */
static bool cat_plan(const tg__call *c, int *dim, int64_t *shape, const tg_tensor **first,
                     tg_dtype *dtype) {
    const dim_attr *a = c->attr;
    if (c->n_in == 0) {
        tg__fail(TG_ERR_ARG, "cat", "no tensors; pass at least one");
        return false;
    }
    *first = c->in[0];
    for (int i = 0; i < c->n_in && skipped(*first); i++)
        *first = c->in[i];
    if ((*first)->ndim == 0) {
        tg__fail(TG_ERR_SHAPE, "cat", "tensor 0 is 0-d; use tg_stack");
        return false;
    }
    *dim = tg__dim("cat", *first, a->dim);
    if (*dim < 0)
        return false;
    for (int k = 0; k < (*first)->ndim; k++)
        shape[k] = k == *dim ? 0 : (*first)->shape[k];
    *dtype = (tg_dtype)c->in[0]->dtype;
    for (int i = 0; i < c->n_in; i++) {
        const tg_tensor *x = c->in[i];
        *dtype = tg_promote_types(*dtype, (tg_dtype)x->dtype);
        if (skipped(x))
            continue;
        bool fits = x->ndim == (*first)->ndim;
        for (int k = 0; fits && k < x->ndim; k++)
            fits = k == *dim || x->shape[k] == shape[k];
        if (!fits || __builtin_add_overflow(shape[*dim], fits ? x->shape[*dim] : 0, &shape[*dim])) {
            tg__fail(TG_ERR_SHAPE, "cat",
                     "tensor %d is %s and does not join %s along dim %d; other "
                     "sizes must be equal",
                     i, tg__describe(x), tg__describe(*first), *dim);
            return false;
        }
    }
    return true;
}

static bool cat_forward(const tg__call *c) {
    int dim;
    int64_t shape[TG_MAX_DIMS];
    const tg_tensor *first;
    tg_dtype dtype;
    if (!cat_plan(c, &dim, shape, &first, &dtype))
        return false;
    tg_tensor *y = c->out[0] = tg__new("cat", dtype, first->ndim, shape);
    if (y == NULL)
        return false;
    tg_tensor part = *y; /* the range that one input fills */
    part.flags = 0;
    for (int i = 0; i < c->n_in; i++) {
        tg_tensor *x = c->in[i];
        if (skipped(x))
            continue;
        part.shape[dim] = x->shape[dim];
        part.numel = x->numel;
        if (x->numel > 0)
            tg__assign(&part, x);
        part.data += x->shape[dim] * y->stride[dim] * (int64_t)tg__item_size(dtype);
    }
    return true;
}
static void cat_rule(tg__rule *r) {
    const dim_attr *a = r->attr;
    const tg_tensor *g = r->g[0];
    int dim = (int)(a->dim < 0 ? a->dim + g->ndim : a->dim);
    int64_t at = 0;
    for (int i = 0; i < r->n_in; i++) {
        const tg__meta *m = r->meta[i];
        bool empty = m->ndim == 1 && m->shape[0] == 0;
        if (r->wanted[i])
            r->gin[i] = empty ? tg_zeros((tg_dtype)m->dtype, m->ndim, m->shape)
                              : tg_narrow(r->g[0], dim, at, m->shape[dim]);
        at += empty ? 0 : m->shape[dim];
    }
}
TG_OP(cat, .maths = "tensors joined along dim", .inputs = "tensors", .n_in = -1,
      .flags = TG__ANY_DTYPE | TG__BROADCASTS, .fields = dim_fields, .attr_size = sizeof(dim_attr),
      .forward = cat_forward, .rule = cat_rule, .saves = {TG__SAVE_METAS},
      .onnx = {"Concat", 13, "axis=dim"});
TG_SAMPLES(cat, "[2,3] [1,3] | dim=0", "[2,1] [2,2] [2,3] | dim=-1", "[3] | dim=0");
tg_tensor *tg_cat(tg_tensor *const *tensors, int n, int dim) {
    if (n < 0 || (n > 0 && tensors == NULL)) {
        tg__fail(TG_ERR_ARG, "cat", "%d tensors at %s; pass a list", n,
                 tensors == NULL ? "NULL" : "the list");
        return NULL;
    }
    tg_tensor *out;
    return tg__apply(&tg__op_cat, tensors, n, &(dim_attr){dim}, &out) ? out : NULL;
}

/* ---- stack: tensors of one shape along a new dim ---- */
static bool stack_forward(const tg__call *c) {
    const dim_attr *a = c->attr;
    if (c->n_in == 0) {
        tg__fail(TG_ERR_ARG, "stack", "no tensors; pass at least one");
        return false;
    }
    for (int i = 1; i < c->n_in; i++)
        if (!tg__same_shape(c->in[0], c->in[i])) {
            tg__fail(TG_ERR_SHAPE, "stack",
                     "tensor %d is %s and tensor 0 is %s; shapes must be equal", i,
                     tg__describe(c->in[i]), tg__describe(c->in[0]));
            return false;
        }
    int n = c->in[0]->ndim + 1;
    if (a->dim < -n || a->dim >= n) {
        tg__fail(TG_ERR_INDEX, "stack",
                 "dim %lld is out of range for a new dim of %s; give %d to %d", (long long)a->dim,
                 tg__describe(c->in[0]), -n, n - 1);
        return false;
    }
    size_t bytes = (size_t)c->n_in * sizeof(tg_tensor *);
    tg_tensor **wide = tg__alloc(bytes);
    if (wide == NULL) {
        tg__fail_memory("stack", bytes);
        return false;
    }
    int64_t dim = a->dim < 0 ? a->dim + n : a->dim;
    bool good = true;
    for (int i = 0; good && i < c->n_in; i++) {
        wide[i] = tg_unsqueeze(c->in[i], (int)dim);
        good = wide[i] != NULL;
    }
    if (good)
        c->out[0] = tg_cat(wide, c->n_in, (int)dim);
    tg__free(wide, bytes);
    return good && c->out[0] != NULL;
}
TG_OP(stack, .maths = "tensors joined along a new dim", .inputs = "tensors", .n_in = -1,
      .flags = TG__ANY_DTYPE | TG__COMPOSED, .fields = dim_fields, .attr_size = sizeof(dim_attr),
      .forward = stack_forward, .onnx = {"composed"});
TG_SAMPLES(stack, "[2,3] [2,3] | dim=0", "[2] [2] [2] | dim=-1", "[] [] | dim=0");
tg_tensor *tg_stack(tg_tensor *const *tensors, int n, int dim) {
    if (n < 0 || (n > 0 && tensors == NULL)) {
        tg__fail(TG_ERR_ARG, "stack", "%d tensors at %s; pass a list", n,
                 tensors == NULL ? "NULL" : "the list");
        return NULL;
    }
    tg_tensor *out;
    return tg__apply(&tg__op_stack, tensors, n, &(dim_attr){dim}, &out) ? out : NULL;
}
