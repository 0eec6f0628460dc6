/* vector_norm.c - norms of vectors: (Σ|x|ᵖ)^(1/p) for any p, and what it becomes at 0 and ±∞.
 *
 * The gradient is 0 where the norm is 0, and at elements that are 0, for every p. */
#include "ops/elementwise.h"
#include "ops/reduce.h"
#include "ops/view.h"

#include <math.h>

typedef struct {
    tg__dims dims;
    double p;
    bool keepdim;
} norm_attr;
static const tg__field norm_fields[] = {
    {"p", TG_ATTR_FLOAT, offsetof(norm_attr, p), false, 0, 2.0},
    {"dims", TG_ATTR_DIMS, offsetof(norm_attr, dims), false, 0, 0},
    {"keepdim", TG_ATTR_BOOL, offsetof(norm_attr, keepdim), false, 0, 0},
    {0}};

/* √Σx² with the squares in f64. Raw. */
static tg_tensor *euclidean(tg_tensor *x, uint32_t mask, bool keepdim) {
    tg_tensor *y = tg__run_reduction("vector_norm", TG__REDUCE_SUMSQ, x, mask, keepdim,
                                     (tg_dtype)x->dtype, 1.0, NULL);
    if (y != NULL)
        tg__run((tg_tensor *[]){y, y}, 2, tg__kernels_get()->unary[TG__UN_sqrt][y->dtype], NULL,
                0.3);
    return y;
}

/* All other p, from other operations. */
static tg_tensor *general(tg_tensor *x, const norm_attr *a) {
    int dims[TG_MAX_DIMS];
    int n = tg__dims_list(&a->dims, dims);
    if (a->p == 0.0)
        return tg_cast(tg_sum(tg_ne_scalar(x, 0.0), n, dims, a->keepdim), (tg_dtype)x->dtype);
    tg_tensor *size = tg_abs(x);
    if (isinf(a->p))
        return (a->p > 0 ? tg_amax : tg_amin)(size, n, dims, a->keepdim);
    if (a->p == 1.0)
        return tg_sum(size, n, dims, a->keepdim);
    return tg_pow_scalar(tg_sum(tg_pow_scalar(size, a->p), n, dims, a->keepdim), 1.0 / a->p);
}

static bool vector_norm_forward(const tg__call *c) {
    const norm_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    uint32_t mask;
    if (!tg__float_only("vector_norm", x) || !tg__mask_of("vector_norm", x, &a->dims, &mask))
        return false;
    if (isinf(a->p) && !tg__some("vector_norm", x, mask))
        return false;
    if (a->p == 2.0) {
        c->out[0] = euclidean(x, mask, a->keepdim);
        return c->out[0] != NULL;
    }
    tg_scope s = tg_scope_open();
    const char *was = tg__errors_as("vector_norm");
    bool good = tg__settle(c, s, general(x, a));
    tg__errors_back(was);
    return good;
}

/* Through the elements whose size is the norm, which share it. */
static tg_tensor *extreme_gradient(const tg__rule *r, tg_tensor *g, tg_tensor *y) {
    const norm_attr *a = r->attr;
    tg_tensor *x = r->in[0];
    int dims[TG_MAX_DIMS];
    tg_tensor *hit = tg_cast(tg_eq(tg_abs(x), y), (tg_dtype)x->dtype);
    tg_tensor *share = tg_div(g, tg_sum(hit, tg__dims_list(&a->dims, dims), dims, true));
    return tg_mul(tg_mul(tg_sign(x), hit), share);
}
static void vector_norm_rule(tg__rule *r) {
    const norm_attr *a = r->attr;
    const double p = a->p;
    tg_tensor *x = r->in[0];
    tg_tensor *g = tg__kept(r->g[0], r->meta[0], &a->dims, a->keepdim);
    tg_tensor *y = tg__kept(r->out[0], r->meta[0], &a->dims, a->keepdim);
    if (p == 0.0) {
        r->gin[0] = tg_zeros_like(x);
    } else if (p == 1.0) {
        r->gin[0] = tg_mul(tg_sign(x), g);
    } else if (isinf(p)) {
        r->gin[0] = extreme_gradient(r, g, y);
    } else { /* zeros are replaced before the powers, so that no order of derivative meets 0·∞ */
        tg_tensor *none = tg_eq_scalar(y, 0.0);
        tg_tensor *size = tg_masked_fill(y, none, 1.0);
        if (p == 2.0) {
            r->gin[0] = tg_mul(x, tg_masked_fill(tg_div(g, size), none, 0.0));
            return;
        }
        tg_tensor *slope = tg_mul(g, tg_pow_scalar(size, 1.0 - p));
        tg_tensor *power = tg_masked_fill(tg_abs(x), tg_eq_scalar(x, 0.0), 1.0);
        power = tg_mul(tg_sign(x), tg_pow_scalar(power, p - 1.0));
        r->gin[0] = tg_mul(power, tg_masked_fill(slope, none, 0.0));
    }
}
TG_OP(vector_norm, .maths = "(sum of |x|^p over dims)^(1/p)", .inputs = "x", .n_in = 1,
      .fields = norm_fields, .attr_size = sizeof(norm_attr), .forward = vector_norm_forward,
      .rule = vector_norm_rule,
      .saves = {TG__SAVE_IN(0, 1), TG__SAVE_OUT(0, 1), TG__SAVE_META(0, 1)}, .onnx = {"composed"});
TG_SAMPLES(vector_norm, "[2,3]", "[2,3] | p=1 dims=-1", "[2,3,2] | p=3 dims=0,2 keepdim=1",
           "[2,3] | p=0 dims=0", "[2,3] | p=inf dims=1", "[2,3] | p=-inf", "[2,3] | p=0.5 dims=0",
           "[4] | p=1.5 keepdim=1", "[2,3] | p=-2 dims=1", "[] | p=2");
tg_tensor *tg_vector_norm(tg_tensor *x, double p, int ndims, const int *dims, bool keepdim) {
    norm_attr a = {.p = p, .keepdim = keepdim};
    return tg__dims_from("vector_norm", ndims, dims, &a.dims)
               ? tg__apply1(&tg__op_vector_norm, x, &a)
               : NULL;
}
tg_tensor *tg_norm(tg_tensor *x, double p, int ndims, const int *dims, bool keepdim) {
    return tg_vector_norm(x, p, ndims, dims, keepdim);
}

/* ---- renorm: slices along dim whose norm is too large are scaled down to it ---- */
typedef struct {
    double p, maxnorm;
    int64_t dim;
} renorm_attr;
static const tg__field renorm_fields[] = {
    {"p", TG_ATTR_FLOAT, offsetof(renorm_attr, p), false, 0, 2.0},
    {"dim", TG_ATTR_INT, offsetof(renorm_attr, dim), true, 0, 0},
    {"maxnorm", TG_ATTR_FLOAT, offsetof(renorm_attr, maxnorm), true, 0, 0},
    {0}};
static bool renorm_forward(const tg__call *c) {
    const renorm_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    if (!tg__float_only("renorm", x))
        return false;
    int dim = tg__dim("renorm", x, a->dim);
    if (dim < 0)
        return false;
    if (x->ndim < 2) {
        tg__fail(TG_ERR_SHAPE, "renorm", "%s has no slices; give at least two dims",
                 tg__describe(x));
        return false;
    }
    if (!(a->p > 0.0) || !(a->maxnorm >= 0.0)) {
        tg__fail(TG_ERR_ARG, "renorm", "p is %s and maxnorm is %s; give p > 0 and maxnorm >= 0",
                 tg__num(a->p), tg__num(a->maxnorm));
        return false;
    }
    int others[TG_MAX_DIMS];
    int n = 0;
    for (int i = 0; i < x->ndim; i++)
        if (i != dim)
            others[n++] = i;
    tg_tensor *norm = tg_vector_norm(x, a->p, n, others, true);
    tg_tensor *factor = tg_rdiv_scalar(tg_add_scalar(norm, 1e-7), a->maxnorm); /* as PyTorch */
    factor = tg_masked_fill(factor, tg_logical_not(tg_gt_scalar(norm, a->maxnorm)), 1.0);
    c->out[0] = tg_mul(x, factor);
    return c->out[0] != NULL;
}
TG_OP(renorm, .maths = "x with slices along dim scaled to at most maxnorm", .inputs = "x",
      .n_in = 1, .flags = TG__COMPOSED | TG__IN_PLACE, .fields = renorm_fields,
      .attr_size = sizeof(renorm_attr), .forward = renorm_forward, .onnx = {"composed"});
TG_SAMPLES(renorm, "[3,4] | dim=0 maxnorm=1.5", "[2,3,2] | p=1 dim=1 maxnorm=2",
           "[2,3] | p=3 dim=-1 maxnorm=50");
tg_tensor *tg_renorm(tg_tensor *x, double p, int dim, double maxnorm) {
    return tg__apply1(&tg__op_renorm, x, &(renorm_attr){p, maxnorm, dim});
}
tg_tensor *tg_renorm_(tg_tensor *x, double p, int dim, double maxnorm) {
    return tg__apply1_(&tg__op_renorm, x, &(renorm_attr){p, maxnorm, dim});
}
