/* difference.c - differences of neighbours along one dim, and areas under what they span. */
#include "ops/elementwise.h"
#include "ops/reduce.h"

/* ---- diff ---- */
typedef struct {
    int64_t n, dim;
} diff_attr;
static const tg__field diff_fields[] = {
    {"n", TG_ATTR_INT, offsetof(diff_attr, n), false, 1, 0},
    {"dim", TG_ATTR_INT, offsetof(diff_attr, dim), false, -1, 0},
    {0}};

/* Each with the next: op(second, first). */
static tg_tensor *neighbours(tg_tensor *x, int dim, tg_tensor *(*op)(tg_tensor *, tg_tensor *)) {
    if (x == NULL)
        return NULL;
    const int64_t n = x->shape[dim];
    return op(tg_narrow(x, dim, 1, n - 1), tg_narrow(x, dim, 0, n - 1));
}

/* x has dims, and dim is one of them; -1 with an error. */
static int dim_of(const char *op, const tg_tensor *x, int64_t dim) {
    if (x->ndim > 0)
        return tg__dim(op, x, dim);
    tg__fail(TG_ERR_SHAPE, op, "%s has no dims; give at least one", tg__describe(x));
    return -1;
}

static bool diff_forward(const tg__call *c) {
    const diff_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    if (a->n < 0) {
        tg__fail(TG_ERR_ARG, "diff", "n is %lld; give 0 or more", (long long)a->n);
        return false;
    }
    int dim = dim_of("diff", x, a->dim);
    if (dim < 0)
        return false;
    const int64_t size = x->shape[dim];
    const bool none = a->n > 0 && a->n >= size; /* nothing is left */
    tg_tensor *y = none ? tg_narrow(x, dim, 0, 0) : x;
    for (int64_t k = 0; k < a->n && !none; k++)
        y = neighbours(y, dim, x->dtype == TG_BOOL ? tg_logical_xor : tg_sub);
    c->out[0] = none || a->n == 0 ? tg_clone(y) : y;
    return c->out[0] != NULL;
}
TG_OP(diff, .maths = "x[i + 1] - x[i] along dim, n times", .inputs = "x", .n_in = 1,
      .flags = TG__COMPOSED, .fields = diff_fields, .attr_size = sizeof(diff_attr),
      .forward = diff_forward, .onnx = {"composed"});
TG_SAMPLES(diff, "[2,4]", "[4,3] | n=2 dim=0", "[3] | n=0", "[2,3] | n=5 dim=1");
tg_tensor *tg_diff(tg_tensor *x, int64_t n, int dim) {
    return tg__apply1(&tg__op_diff, x, &(diff_attr){n, dim});
}

/* ---- trapezoid, cumulative_trapezoid: Σ(y[i] + y[i+1])/2 · (x[i+1] - x[i]) ---- */
typedef struct {
    double dx;
    int64_t dim;
} trapezoid_attr;
static const tg__field trapezoid_fields[] = {
    {"dx", TG_ATTR_FLOAT, offsetof(trapezoid_attr, dx), false, 0, 1.0},
    {"dim", TG_ATTR_INT, offsetof(trapezoid_attr, dim), false, -1, 0},
    {0}};

/* x along dim of y: as it is, or one dim of as many elements. */
static tg_tensor *along(const tg__call *c, int dim) {
    tg_tensor *y = c->in[0];
    tg_tensor *x = c->in[1];
    const int from_end = y->ndim - dim;
    const bool fits = x->ndim == 1 ? x->shape[0] == y->shape[dim]
                                   : x->ndim >= from_end && x->ndim <= y->ndim &&
                                         x->shape[x->ndim - from_end] == y->shape[dim];
    if (!fits) {
        tg__fail(TG_ERR_SHAPE, c->op->name,
                 "y is %s and x is %s; give one x for each y along dim %d", tg__describe(y),
                 tg__describe(x), dim);
        return NULL;
    }
    int64_t shape[TG_MAX_DIMS];
    for (int i = 0; i < y->ndim; i++)
        shape[i] = i == dim ? x->shape[0] : 1;
    int lead = y->ndim - x->ndim;
    for (int i = 0; x->ndim > 1 && i < y->ndim; i++)
        shape[i] = i < lead ? 1 : x->shape[i - lead];
    return tg_reshape(x, y->ndim, shape);
}

/* Twice the areas between neighbours. */
static tg_tensor *areas(const tg__call *c, int *dim) {
    const trapezoid_attr *a = c->attr;
    tg_tensor *y = c->in[0];
    *dim = dim_of(c->op->name, y, a->dim);
    if (*dim < 0)
        return NULL;
    tg_tensor *x = c->in[1]->flags & TG__IS_NONE ? c->in[1] : along(c, *dim);
    if (x == NULL)
        return NULL;
    if (!tg_dtype_is_float((tg_dtype)y->dtype))
        y = tg_cast(y, TG_F32);
    if (y == NULL || y->shape[*dim] == 0)
        return y;
    tg_tensor *heights = neighbours(y, *dim, tg_add);
    return x->flags & TG__IS_NONE ? tg_mul_scalar(heights, a->dx)
                                  : tg_mul(heights, neighbours(x, *dim, tg_sub));
}
static bool trapezoid_forward(const tg__call *c) {
    int dim;
    tg_tensor *parts = areas(c, &dim);
    c->out[0] = parts != NULL ? tg_mul_scalar(tg_sum(parts, TG_DIMS(dim), false), 0.5) : NULL;
    return c->out[0] != NULL;
}
static bool cumulative_trapezoid_forward(const tg__call *c) {
    int dim;
    tg_tensor *parts = areas(c, &dim);
    c->out[0] = parts != NULL ? tg_mul_scalar(tg_cumsum(parts, dim), 0.5) : NULL;
    return c->out[0] != NULL;
}
#define TRAPEZOID                                                                                  \
    .inputs = "y x", .n_in = 2, .n_optional = 1, .flags = TG__COMPOSED,                            \
    .fields = trapezoid_fields, .attr_size = sizeof(trapezoid_attr), .onnx = {"composed"}
TG_OP(trapezoid, .maths = "area under y over x along dim", TRAPEZOID, .forward = trapezoid_forward);
TG_SAMPLES(trapezoid, "[2,4] none", "[4,2] none | dx=0.5 dim=0", "[2,4] [4]", "[3,2] [3,2] | dim=0",
           "[2,3,2] [3,1] | dim=1");
TG_OP(cumulative_trapezoid, .maths = "areas under y over x up to each element along dim", TRAPEZOID,
      .forward = cumulative_trapezoid_forward);
TG_SAMPLES(cumulative_trapezoid, "[2,4] none", "[4,2] none | dx=0.5 dim=0", "[2,4] [4]",
           "[3,2] [3,2] | dim=0");
tg_tensor *tg_trapezoid(tg_tensor *y, tg_tensor *x_or_none, double dx, int dim) {
    return tg__apply2(&tg__op_trapezoid, y, x_or_none, &(trapezoid_attr){dx, dim});
}
tg_tensor *tg_cumulative_trapezoid(tg_tensor *y, tg_tensor *x_or_none, double dx, int dim) {
    return tg__apply2(&tg__op_cumulative_trapezoid, y, x_or_none, &(trapezoid_attr){dx, dim});
}
