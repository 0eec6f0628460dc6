/* join.c - tensors joined: cat, stack and their named forms. */
#include "ops/elementwise.h"
#include "ops/view.h"

static const tg__field dim_fields[] = {{"dim", TG_ATTR_INT, offsetof(tg__along, dim), false, 0, 0},
                                       {0}};

/* Like PyTorch, a 1-d tensor without elements joins anything. */
static bool skipped(const tg_tensor *x) { return x->ndim == 1 && x->numel == 0; }

/* ---- cat: tensors one after the other along dim ---- */

/* The result's shape and dtype; false with an error that names the operand. */
static bool cat_plan(const tg__call *c, int *dim, int64_t *shape, const tg_tensor **first,
                     tg_dtype *dtype) {
    const tg__along *a = c->attr;
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
    const tg__along *a = r->attr;
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
      .flags = TG__ANY_DTYPE | TG__BROADCASTS, .fields = dim_fields, .attr_size = sizeof(tg__along),
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
    return tg__apply(&tg__op_cat, tensors, n, &(tg__along){dim}, &out) ? out : NULL;
}

/* ---- stack: tensors of one shape along a new dim ---- */
static bool stack_forward(const tg__call *c) {
    const tg__along *a = c->attr;
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
      .flags = TG__ANY_DTYPE | TG__COMPOSED, .fields = dim_fields, .attr_size = sizeof(tg__along),
      .forward = stack_forward, .onnx = {"composed"});
TG_SAMPLES(stack, "[2,3] [2,3] | dim=0", "[2] [2] [2] | dim=-1", "[] [] | dim=0");
tg_tensor *tg_stack(tg_tensor *const *tensors, int n, int dim) {
    if (n < 0 || (n > 0 && tensors == NULL)) {
        tg__fail(TG_ERR_ARG, "stack", "%d tensors at %s; pass a list", n,
                 tensors == NULL ? "NULL" : "the list");
        return NULL;
    }
    tg_tensor *out;
    return tg__apply(&tg__op_stack, tensors, n, &(tg__along){dim}, &out) ? out : NULL;
}

/* ---- hstack, vstack, dstack: cat along the second, first or third dim ---- */

/* x with at least `least` dims, as NumPy's atleast_1d, atleast_2d and atleast_3d make them. */
static tg_tensor *at_least(tg_tensor *x, int least) {
    if (x->ndim >= least)
        return tg_reshape(x, x->ndim, x->shape);
    int64_t n = x->ndim > 0 ? x->shape[0] : 1;
    int64_t m = x->ndim > 1 ? x->shape[1] : 1;
    if (least == 1)
        return tg_reshape(x, TG_SHAPE(1));
    if (least == 2)
        return tg_reshape(x, TG_SHAPE(1, n));
    return x->ndim == 2 ? tg_reshape(x, TG_SHAPE(n, m, 1)) : tg_reshape(x, TG_SHAPE(1, n, 1));
}

static tg_tensor *cat_at_least(const char *op, tg_tensor *const *tensors, int n, int least,
                               int dim) {
    if (n < 1 || tensors == NULL) {
        tg__fail(TG_ERR_ARG, op, "%d tensors at %s; pass at least one", n,
                 tensors == NULL ? "NULL" : "the list");
        return NULL;
    }
    for (int i = 0; i < n; i++)
        if (!tg__required(op, "tensors", tensors[i]))
            return NULL;
    size_t bytes = (size_t)n * sizeof(tg_tensor *);
    tg_tensor **wide = tg__alloc(bytes);
    if (wide == NULL) {
        tg__fail_memory(op, bytes);
        return NULL;
    }
    tg_scope s = tg_scope_open();
    const char *was = tg__errors_as(op);
    bool good = true;
    for (int i = 0; good && i < n; i++) {
        wide[i] = at_least(tensors[i], least);
        good = wide[i] != NULL;
    }
    if (good && dim < 0) /* hstack: vectors have no second dim */
        dim = wide[0]->ndim == 1 ? 0 : 1;
    tg_tensor *y = good ? tg_cat(wide, n, dim) : NULL;
    tg__errors_back(was);
    tg__free(wide, bytes);
    return tg_scope_return(s, y);
}
tg_tensor *tg_hstack(tg_tensor *const *tensors, int n) {
    return cat_at_least("hstack", tensors, n, 1, -1);
}
tg_tensor *tg_vstack(tg_tensor *const *tensors, int n) {
    return cat_at_least("vstack", tensors, n, 2, 0);
}
tg_tensor *tg_dstack(tg_tensor *const *tensors, int n) {
    return cat_at_least("dstack", tensors, n, 3, 2);
}

/* ---- block_diag: matrices along the diagonal of one ---- */
tg_tensor *tg_block_diag(tg_tensor *const *tensors, int n) {
    int64_t size[2] = {0, 0};
    tg_dtype dtype = TG_BOOL;
    if (n < 1 || tensors == NULL) {
        tg__fail(TG_ERR_ARG, "block_diag", "%d tensors at %s; pass at least one", n,
                 tensors == NULL ? "NULL" : "the list");
        return NULL;
    }
    for (int i = 0; i < n; i++) {
        const tg_tensor *x = tensors[i];
        if (!tg__required("block_diag", "tensors", x))
            return NULL;
        if (x->ndim > 2 ||
            __builtin_add_overflow(size[0], x->ndim < 2 ? 1 : x->shape[0], &size[0]) ||
            __builtin_add_overflow(size[1], x->ndim == 0 ? 1 : x->shape[x->ndim - 1], &size[1])) {
            tg__fail(TG_ERR_SHAPE, "block_diag", "tensor %d is %s; give at most 2 dims", i,
                     tg__describe(x));
            return NULL;
        }
        dtype = i == 0 ? (tg_dtype)x->dtype : tg_promote_types(dtype, (tg_dtype)x->dtype);
    }
    tg_scope s = tg_scope_open();
    const char *was = tg__errors_as("block_diag");
    tg_tensor *y = tg_zeros(dtype, 2, size);
    int64_t row = 0;
    int64_t col = 0;
    for (int i = 0; y != NULL && i < n; i++) {
        const tg_tensor *x = tensors[i];
        int64_t rows = x->ndim < 2 ? 1 : x->shape[0];
        int64_t cols = x->ndim == 0 ? 1 : x->shape[x->ndim - 1];
        tg_index_item at[2] = {TG_RANGE(row, row + rows, 1), TG_RANGE(col, col + cols, 1)};
        y = tg_index_put_(y, 2, at, tensors[i]);
        row += rows;
        col += cols;
    }
    tg__errors_back(was);
    return tg_scope_return(s, y);
}
