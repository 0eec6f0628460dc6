/* extreme.c - the largest and the smallest over any dims, and where they are.
 *
 * Two families: amax and its kin choose over any dims, and equal elements share the gradient; those
 * that also give a position choose along one dim, and the first of equals gets both. */
#include "ops/elementwise.h"
#include "ops/reduce.h"
#include "ops/view.h"

/* ---- amax, amin, max, min: equal elements share the gradient ---- */
static bool extreme_forward(const tg__call *c, tg__reduce_op kind) {
    const tg__reduce_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    uint32_t mask;
    if (!tg__mask_of(c->op->name, x, &a->dims, &mask) || !tg__some(c->op->name, x, mask))
        return false;
    c->out[0] =
        tg__run_reduction(c->op->name, kind, x, mask, a->keepdim, (tg_dtype)x->dtype, 1.0, NULL);
    return c->out[0] != NULL;
}
static bool amax_forward(const tg__call *c) { return extreme_forward(c, TG__REDUCE_MAX); }
static bool amin_forward(const tg__call *c) { return extreme_forward(c, TG__REDUCE_MIN); }
static void extreme_rule(tg__rule *r) {
    const tg__reduce_attr *a = r->attr;
    const tg__meta *m = r->meta[0];
    tg_tensor *hit = tg_cast(tg_eq(r->in[0], tg__spread(r->out[0], m, &a->dims, a->keepdim)),
                             (tg_dtype)m->dtype);
    int dims[TG_MAX_DIMS];
    tg__dims_list(&a->dims, dims);
    tg_tensor *share = tg_div(r->g[0], tg_sum(hit, a->dims.n, dims, a->keepdim));
    r->gin[0] = tg_mul(hit, tg__spread(share, m, &a->dims, a->keepdim));
}
static tg_tensor *of_all(const tg__op *op, const char *name, tg_tensor *x) {
    const char *was = tg__errors_as(name);
    tg_tensor *y = tg__reduced(op, x, TG_ALL, false);
    tg__errors_back(was);
    return y;
}
#define EXTREME                                                                                    \
    TG__REDUCTION, .rule = extreme_rule,                                                           \
                   .saves = {TG__SAVE_IN(0, 1), TG__SAVE_OUT(0, 1), TG__SAVE_META(0, 1)}
TG_OP(amax, .maths = "largest of x over dims", EXTREME, .forward = amax_forward,
      .onnx = {"ReduceMax", 13, "axes=dims,keepdims=keepdim"});
TG_SAMPLES(amax, "[2,3]", "[2,3,2] | dims=0,2", "[2,3] | dims=-1 keepdim=1");
tg_tensor *tg_amax(tg_tensor *x, int ndims, const int *dims, bool keepdim) {
    return tg__reduced(&tg__op_amax, x, ndims, dims, keepdim);
}
tg_tensor *tg_max(tg_tensor *x) { return of_all(&tg__op_amax, "max", x); }

TG_OP(amin, .maths = "smallest of x over dims", EXTREME, .forward = amin_forward,
      .onnx = {"ReduceMin", 13, "axes=dims,keepdims=keepdim"});
TG_SAMPLES(amin, "[2,3]", "[2,3,2] | dims=0,2", "[2,3] | dims=-1 keepdim=1");
tg_tensor *tg_amin(tg_tensor *x, int ndims, const int *dims, bool keepdim) {
    return tg__reduced(&tg__op_amin, x, ndims, dims, keepdim);
}
tg_tensor *tg_min(tg_tensor *x) { return of_all(&tg__op_amin, "min", x); }

/* ---- Picking along one dim ---- */
tg__lines tg__lines_along(const tg_tensor *x, int dim) {
    tg__lines l = {1, x->ndim > 0 ? x->shape[dim] : 1, 1};
    for (int i = 0; i < x->ndim; i++)
        *(i < dim ? &l.outer : &l.inner) *= i == dim ? 1 : x->shape[i];
    return l;
}

int tg__arg_dim(const tg__call *c) {
    const tg__arg_attr *a = c->attr;
    const tg_tensor *x = c->in[0];
    int dim = tg__dim(c->op->name, x, a->dim);
    return dim >= 0 && tg__some(c->op->name, x, x->ndim > 0 ? 1u << dim : 0) ? dim : -1;
}

bool tg__new_picks(const tg__call *c, int dim, bool kept, int64_t size) {
    const tg_tensor *x = c->in[0];
    int64_t shape[TG_MAX_DIMS];
    int n = 0;
    for (int i = 0; i < x->ndim; i++)
        if (i != dim || kept)
            shape[n++] = i == dim ? size : x->shape[i];
    c->out[0] = tg__new(c->op->name, (tg_dtype)x->dtype, n, shape);
    if (c->out[0] != NULL)
        c->out[1] = tg__new(c->op->name, TG_I64, n, shape);
    return c->out[0] != NULL && c->out[1] != NULL;
}

tg_tensor *tg__put_back(const tg__meta *m, int64_t dim, tg_tensor *at, tg_tensor *g) {
    if (m->ndim == 0)
        return g;
    tg_tensor *zeros = tg_zeros((tg_dtype)m->dtype, m->ndim, m->shape);
    return tg_scatter_add(zeros, (int)dim, at, g);
}

void tg__pick_rule(tg__rule *r) {
    const tg__arg_attr *a = r->attr;
    const tg__meta *m = r->meta[0];
    tg_tensor *g = r->g[0];
    tg_tensor *at = r->out[1];
    int dim = (int)(a->dim < 0 ? a->dim + m->ndim : a->dim);
    if (!a->keepdim && m->ndim > 0) {
        g = tg_unsqueeze(g, dim);
        at = tg_unsqueeze(at, dim);
    }
    r->gin[0] = tg__put_back(m, dim, at, g);
}

/* ---- argmax, argmin: the first of equals; also over all elements ---- */
static const tg__field arg_fields[] = {
    {"dim", TG_ATTR_INT, offsetof(tg__arg_attr, dim), false, TG_FLAT, 0},
    {"keepdim", TG_ATTR_BOOL, offsetof(tg__arg_attr, keepdim), false, 0, 0},
    {0}};
static bool arg_forward(const tg__call *c, tg__reduce_op kind, tg_tensor **out) {
    const tg__arg_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    uint32_t mask = (1u << x->ndim) - 1;
    if (a->dim == TG_FLAT) {
        if (!tg__some(c->op->name, x, mask))
            return false;
    } else {
        int dim = tg__arg_dim(c);
        if (dim < 0)
            return false;
        mask &= 1u << dim;
    }
    *out = tg__run_reduction(c->op->name, kind, x, mask, a->keepdim, TG_I64, 1.0, NULL);
    return *out != NULL;
}
static bool argmax_forward(const tg__call *c) {
    return arg_forward(c, TG__REDUCE_ARGMAX, &c->out[0]);
}
static bool argmin_forward(const tg__call *c) {
    return arg_forward(c, TG__REDUCE_ARGMIN, &c->out[0]);
}
#define ARG                                                                                        \
    .inputs = "x", .n_in = 1, .flags = TG__NOT_DIFF, .fields = arg_fields,                         \
    .attr_size = sizeof(tg__arg_attr)
TG_OP(argmax, .maths = "position of the largest along dim", ARG, .forward = argmax_forward,
      .onnx = {"ArgMax", 13, "axis=dim,keepdims=keepdim"});
TG_SAMPLES(argmax, "[2,3] | dim=1", "[2,3] | dim=0 keepdim=1", "[2,3]", "[2,3] | keepdim=1");
tg_tensor *tg_argmax(tg_tensor *x, int dim, bool keepdim) {
    return tg__apply1(&tg__op_argmax, x, &(tg__arg_attr){dim, keepdim});
}
TG_OP(argmin, .maths = "position of the smallest along dim", ARG, .forward = argmin_forward,
      .onnx = {"ArgMin", 13, "axis=dim,keepdims=keepdim"});
TG_SAMPLES(argmin, "[2,3] | dim=1", "[2,3] | dim=0 keepdim=1", "[2,3]", "[2,3] | keepdim=1");
tg_tensor *tg_argmin(tg_tensor *x, int dim, bool keepdim) {
    return tg__apply1(&tg__op_argmin, x, &(tg__arg_attr){dim, keepdim});
}

/* ---- max_dim, min_dim: the first of equals, and its position ---- */
static const tg__field extreme_dim_fields[] = {
    {"dim", TG_ATTR_INT, offsetof(tg__arg_attr, dim), true, 0, 0},
    {"keepdim", TG_ATTR_BOOL, offsetof(tg__arg_attr, keepdim), false, 0, 0},
    {0}};
static bool extreme_dim_forward(const tg__call *c, tg__reduce_op value, tg__reduce_op position) {
    const tg__arg_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    int dim = tg__arg_dim(c);
    if (dim < 0)
        return false;
    uint32_t mask = x->ndim > 0 ? 1u << dim : 0;
    const char *op = c->op->name;
    c->out[0] = tg__run_reduction(op, value, x, mask, a->keepdim, (tg_dtype)x->dtype, 1.0, NULL);
    if (c->out[0] != NULL)
        c->out[1] = tg__run_reduction(op, position, x, mask, a->keepdim, TG_I64, 1.0, NULL);
    return c->out[0] != NULL && c->out[1] != NULL;
}
static bool max_dim_forward(const tg__call *c) {
    return extreme_dim_forward(c, TG__REDUCE_MAX, TG__REDUCE_ARGMAX);
}
static bool min_dim_forward(const tg__call *c) {
    return extreme_dim_forward(c, TG__REDUCE_MIN, TG__REDUCE_ARGMIN);
}
#define EXTREME_DIM                                                                                \
    .inputs = "x", .n_in = 1, .fields = extreme_dim_fields, .attr_size = sizeof(tg__arg_attr),     \
    TG__PICKS, .rule = tg__pick_rule
TG_OP(max_dim, .maths = "largest along dim, and its position", EXTREME_DIM,
      .forward = max_dim_forward, .onnx = {"composed"});
TG_SAMPLES(max_dim, "[2,3] | dim=1", "[2,3] | dim=0 keepdim=1");
TG_OP(min_dim, .maths = "smallest along dim, and its position", EXTREME_DIM,
      .forward = min_dim_forward, .onnx = {"composed"});
TG_SAMPLES(min_dim, "[2,3] | dim=1", "[2,3] | dim=0 keepdim=1");

static tg_tensor *extreme_dim(const tg__op *op, tg_tensor *x, int dim, bool keepdim,
                              tg_tensor **indices) {
    return tg__apply_rest(op, &x, 1, &(tg__arg_attr){dim, keepdim}, &indices);
}
tg_tensor *tg_max_dim(tg_tensor *x, int dim, bool keepdim, tg_tensor **indices) {
    return extreme_dim(&tg__op_max_dim, x, dim, keepdim, indices);
}
tg_tensor *tg_min_dim(tg_tensor *x, int dim, bool keepdim, tg_tensor **indices) {
    return extreme_dim(&tg__op_min_dim, x, dim, keepdim, indices);
}

/* ---- aminmax: both at once ---- */
static bool aminmax_forward(const tg__call *c) {
    const tg__reduce_attr *a = c->attr;
    int dims[TG_MAX_DIMS];
    int n = tg__dims_list(&a->dims, dims);
    c->out[0] = tg_amin(c->in[0], n, dims, a->keepdim);
    c->out[1] = tg_amax(c->in[0], n, dims, a->keepdim);
    return c->out[0] != NULL && c->out[1] != NULL;
}
TG_OP(aminmax, .maths = "smallest and largest of x over dims", TG__REDUCTION, .n_out = 2,
      .flags = TG__COMPOSED, .forward = aminmax_forward, .onnx = {"composed"});
TG_SAMPLES(aminmax, "[2,3]", "[2,3,2] | dims=0,2", "[2,3] | dims=-1 keepdim=1", "[]");
tg_tensor *tg_aminmax(tg_tensor *x, int ndims, const int *dims, bool keepdim, tg_tensor **max) {
    tg__reduce_attr a = {.keepdim = keepdim};
    if (max != NULL)
        *max = NULL;
    if (!tg__dims_from("aminmax", ndims, dims, &a.dims))
        return NULL;
    return tg__apply_rest(&tg__op_aminmax, &x, 1, &a, &max);
}
