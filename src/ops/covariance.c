/* covariance.c - covariances and correlations of variables (rows) over observations (columns). */
#include "ops/elementwise.h"
#include "ops/reduce.h"

typedef struct {
    double correction;
} cov_attr;
static const tg__field cov_fields[] = {
    {"correction", TG_ATTR_FLOAT, offsetof(cov_attr, correction), false, 0, 1.0}, {0}};

/* [variables, observations], float. */
static tg_tensor *table(const char *op, tg_tensor *x) {
    if (x->ndim > 2) {
        tg__fail(TG_ERR_SHAPE, op, "x is %s; give at most two dims: variables, observations",
                 tg__describe(x));
        return NULL;
    }
    tg_tensor *y = tg_dtype_is_float((tg_dtype)x->dtype) ? x : tg_cast(x, TG_F32);
    return x->ndim == 2 ? y : tg_reshape(y, TG_SHAPE(1, x->numel));
}

/* Weights fit the n observations and are finite and not negative, or absent. */
static bool check_weights(const tg__call *c, int i, int64_t n) {
    const tg_tensor *w = c->in[i];
    const char *name = tg__input_name(c->op, i);
    if (w->flags & TG__IS_NONE)
        return true;
    if (w->ndim > 1 || w->numel != n) {
        tg__fail(TG_ERR_SHAPE, "cov", "%s is %s for %lld observations of x %s; give one each", name,
                 tg__describe(w), (long long)n, tg__describe(c->in[0]));
        return false;
    }
    if (i == 1 && (tg_dtype_is_float((tg_dtype)w->dtype) || w->dtype == TG_BOOL)) {
        tg__refuse_dtype("cov", w, "fweights of i64, i32 or u8: how often each was observed");
        return false;
    }
    const int64_t step = (w->ndim > 0 ? w->stride[0] : 0) * (int64_t)tg__item_size(w->dtype);
    for (int64_t k = 0; k < n; k++) {
        double v = tg__load_double((tg_dtype)w->dtype, w->data + k * step);
        if (v >= 0.0)
            continue;
        tg__fail(TG_ERR_ARG, "cov", "%s is %s at position %lld; give 0 or more", name, tg__num(v),
                 (long long)k);
        return false;
    }
    return true;
}

/* How often each observation counts [1, n], or TG_NONE. */
static tg_tensor *weights(const tg__call *c, tg_dtype dtype, int64_t n) {
    tg_tensor *both = TG_NONE;
    for (int i = 1; i < 3; i++) {
        if (c->in[i]->flags & TG__IS_NONE)
            continue;
        tg_tensor *w = tg_reshape(tg_cast(c->in[i], dtype), TG_SHAPE(1, n));
        both = tg_is_none(both) ? w : tg_mul(both, w);
    }
    return both;
}

/* What the squares are divided by, 0-d: the observations but for the correction. */
static tg_tensor *divisor(const tg__call *c, tg_tensor *w, tg_tensor *total) {
    const cov_attr *a = c->attr;
    tg_tensor *importance = c->in[2];
    tg_tensor *d;
    if (importance->flags & TG__IS_NONE) {
        d = tg_sub_scalar(total, a->correction);
    } else {
        tg_tensor *flat = tg_reshape(tg_cast(importance, tg_dtype_of(w)), TG_SHAPE(1, -1));
        tg_tensor *mean = tg_div(tg_sum(tg_mul(w, flat), TG_ALL, false), total);
        d = tg_sub(total, tg_mul_scalar(mean, a->correction));
    }
    return tg_masked_fill(d, tg_le_scalar(d, 0.0), 0.0);
}

/* ---- cov ---- */
static bool cov_forward(const tg__call *c) {
    const cov_attr *a = c->attr;
    tg_tensor *x = table("cov", c->in[0]);
    if (x == NULL)
        return false;
    const int64_t n = x->shape[1];
    if (!check_weights(c, 1, n) || !check_weights(c, 2, n))
        return false;
    tg_tensor *w = weights(c, (tg_dtype)x->dtype, n);
    tg_tensor *y;
    if (tg_is_none(w)) {
        tg_tensor *off = tg_sub(x, tg_mean(x, TG_DIMS(1), true));
        double d = (double)n > a->correction ? (double)n - a->correction : 0.0;
        y = tg_div_scalar(tg_matmul(off, tg_transpose(off, 0, 1)), d);
    } else {
        tg_tensor *total = tg_sum(w, TG_ALL, false);
        tg_tensor *mean = tg_div(tg_sum(tg_mul(x, w), TG_DIMS(1), true), total);
        tg_tensor *off = tg_sub(x, mean);
        y = tg_matmul(tg_mul(off, w), tg_transpose(off, 0, 1));
        y = tg_div(y, divisor(c, w, total));
    }
    c->out[0] = tg_squeeze(y, TG_ALL);
    return c->out[0] != NULL;
}
TG_OP(cov, .maths = "covariances of the rows of x", .inputs = "x fweights aweights", .n_in = 3,
      .n_optional = 2, .no_grad = 2, .flags = TG__COMPOSED | TG__BLAS, .fields = cov_fields,
      .attr_size = sizeof(cov_attr), .forward = cov_forward, .onnx = {"composed"});
TG_SAMPLES(cov, "[2,4] none none", "[5] none none | correction=0", "[2,4] i[4]<5 none",
           "[2,4] none +[4] | correction=2", "[3,4] i[4]<5 +[4]");
tg_tensor *tg_cov(tg_tensor *x, double correction, tg_tensor *fweights_or_none,
                  tg_tensor *aweights_or_none) {
    return tg__apply3(&tg__op_cov, x, fweights_or_none, aweights_or_none, &(cov_attr){correction});
}

/* ---- corrcoef ---- */
static bool corrcoef_forward(const tg__call *c) {
    tg_tensor *x = table("corrcoef", c->in[0]);
    if (x == NULL)
        return false;
    const int64_t n = x->shape[0];
    tg_tensor *y = tg_cov(x, 1.0, TG_NONE, TG_NONE);
    if (n == 1) {
        c->out[0] = tg_div(y, y);
        return c->out[0] != NULL;
    }
    tg_tensor *diagonal = tg_slice(tg_reshape(y, TG_SHAPE(n * n)), 0, 0, TG_SLICE_END, n + 1);
    tg_tensor *size = tg_sqrt(diagonal);
    y = tg_div(tg_div(y, tg_unsqueeze(size, 1)), tg_unsqueeze(size, 0));
    c->out[0] = tg_clamp(y, -1.0, 1.0);
    return c->out[0] != NULL;
}
TG_OP(corrcoef, .maths = "correlations of the rows of x", .inputs = "x", .n_in = 1,
      .flags = TG__COMPOSED | TG__BLAS, .forward = corrcoef_forward, .onnx = {"composed"});
TG_SAMPLES(corrcoef, "[3,5]");
tg_tensor *tg_corrcoef(tg_tensor *x) { return tg__apply1(&tg__op_corrcoef, x, NULL); }
