/* moment.c - variance and standard deviation, alone or together with the mean.
 *
 * Two passes over x: the mean first, then the squares of what is left, so that nothing cancels. The
 * rules are those of the mathematics, with one convention: the slope of the standard deviation at 0
 * is 0. */
#include "ops/elementwise.h"
#include "ops/reduce.h"
#include "ops/view.h"

#include <float.h>

typedef struct {
    tg__dims dims;
    double correction;
    bool keepdim;
} moment_attr;
static const tg__field moment_fields[] = {
    {"dims", TG_ATTR_DIMS, offsetof(moment_attr, dims), false, 0, 0},
    {"correction", TG_ATTR_FLOAT, offsetof(moment_attr, correction), false, 0, 1.0},
    {"keepdim", TG_ATTR_BOOL, offsetof(moment_attr, keepdim), false, 0, 0},
    {0}};
#define MOMENT .inputs = "x", .n_in = 1, .fields = moment_fields, .attr_size = sizeof(moment_attr)

static bool attributes(const tg__op *op, int n, const int *dims, double correction, bool keepdim,
                       moment_attr *a) {
    *a = (moment_attr){.correction = correction, .keepdim = keepdim};
    return tg__dims_from(op->name, n, dims, &a->dims);
}
static tg_tensor *moment(const tg__op *op, tg_tensor *x, int n, const int *dims, double correction,
                         bool keepdim) {
    moment_attr a;
    return attributes(op, n, dims, correction, keepdim, &a) ? tg__apply1(op, x, &a) : NULL;
}
static tg_tensor *moment_and_mean(const tg__op *op, tg_tensor *x, int n, const int *dims,
                                  double correction, bool keepdim, tg_tensor **mean) {
    moment_attr a;
    if (mean != NULL)
        *mean = NULL;
    if (!attributes(op, n, dims, correction, keepdim, &a))
        return NULL;
    return tg__apply_rest(op, &x, 1, &a, &mean);
}

/* max(0, n - correction) for n elements. */
static double divisor(double n, double correction) { return n > correction ? n - correction : 0.0; }

static bool check(const tg__call *c, uint32_t *mask) {
    const moment_attr *a = c->attr;
    return tg__float_only(c->op->name, c->in[0]) &&
           tg__mask_of(c->op->name, c->in[0], &a->dims, mask);
}

/* Whether some deviations are no larger than the rounding of their mean: numbers that are all
 * equal, whose deviation must be 0 to the last bit. In f32 the f64 accumulators see to that. */
static bool in_doubt(const tg_tensor *mean, const tg_tensor *var, double correction, double n) {
    if (mean->dtype != TG_F64 || n < 2.0)
        return false;
    const double *m = (const double *)(const void *)mean->data;
    const double *v = (const double *)(const void *)var->data;
    for (int64_t i = 0; i < mean->numel; i++) {
        double rounding = 4.0 * DBL_EPSILON * m[i];
        if (v[i] > 0.0 && v[i] * divisor(n, correction) / n <= rounding * rounding)
            return true;
    }
    return false;
}

/* mean += the mean of x - mean. */
static bool refine(const char *op, tg_tensor *x, uint32_t mask, double n, tg_tensor *mean) {
    tg_dtype dtype = (tg_dtype)x->dtype;
    tg_tensor *rest = tg__new(op, dtype, x->ndim, x->shape);
    if (rest == NULL)
        return false;
    tg__run((tg_tensor *[]){rest, x, mean}, 3, tg__kernels_get()->binary[TG__BIN_sub][dtype], NULL,
            0.3);
    tg_tensor *d = tg__run_reduction(op, TG__REDUCE_SUM, rest, mask, true, dtype, 1.0 / n, NULL);
    tg__unref(rest);
    if (d == NULL)
        return false;
    tg__run((tg_tensor *[]){mean, mean, d}, 3, tg__kernels_get()->binary[TG__BIN_add][dtype], NULL,
            0.3);
    tg__unref(d);
    return true;
}

/* The variance in out[0]; the mean in *mean, with all its dims. Raw. */
static bool moments(const tg__call *c, uint32_t mask, tg_tensor **mean) {
    const moment_attr *a = c->attr;
    const char *op = c->op->name;
    tg_tensor *x = c->in[0];
    tg_dtype dtype = (tg_dtype)x->dtype;
    double n = (double)tg__count_over(x, mask);
    double nan = (double)__builtin_nanf("");
    *mean =
        tg__run_reduction(op, TG__REDUCE_SUM, x, mask, true, dtype, n > 0 ? 1.0 / n : nan, NULL);
    for (int pass = 0; pass < 2 && *mean != NULL; pass++) {
        tg__unref(c->out[0]);
        c->out[0] = tg__run_reduction(op, TG__REDUCE_SUMSQ, x, mask, a->keepdim, dtype,
                                      1.0 / divisor(n, a->correction), *mean);
        if (c->out[0] == NULL || !in_doubt(*mean, c->out[0], a->correction, n))
            break;
        if (pass == 0 && !refine(op, x, mask, n, *mean))
            return false;
    }
    return c->out[0] != NULL;
}

/* ---- For the rules ---- */

/* x - mean, recorded. */
static tg_tensor *deviation(tg_tensor *x, const moment_attr *a) {
    int dims[TG_MAX_DIMS];
    return tg_sub(x, tg_mean(x, tg__dims_list(&a->dims, dims), dims, true));
}
static double count_in_rule(const tg__rule *r) {
    const moment_attr *a = r->attr;
    return (double)tg__count_of_meta(r->meta[0], tg__mask_of_meta(r->meta[0], &a->dims));
}
static tg_tensor *var_gradient(const tg__rule *r) {
    const moment_attr *a = r->attr;
    tg_tensor *slope = tg_mul_scalar(r->g[0], 2.0 / divisor(count_in_rule(r), a->correction));
    return tg_mul(tg__kept(slope, r->meta[0], &a->dims, a->keepdim), deviation(r->in[0], a));
}
static tg_tensor *std_gradient(const tg__rule *r) {
    const moment_attr *a = r->attr;
    tg_tensor *y = r->out[0];
    tg_tensor *slope = tg_div(r->g[0], tg_mul_scalar(y, divisor(count_in_rule(r), a->correction)));
    slope = tg_masked_fill(slope, tg_eq_scalar(y, 0.0), 0.0);
    return tg_mul(tg__kept(slope, r->meta[0], &a->dims, a->keepdim), deviation(r->in[0], a));
}
/* first: the gradient through output 0, if it had one. */
static tg_tensor *with_mean(const tg__rule *r, tg_tensor *first) {
    const moment_attr *a = r->attr;
    if (r->g[1] == NULL)
        return first;
    tg_tensor *each = tg_div_scalar(r->g[1], count_in_rule(r));
    each = tg__spread(each, r->meta[0], &a->dims, a->keepdim);
    return r->g[0] != NULL ? tg_add(first, each) : each;
}

/* ---- var: Σ(x - mean)² / max(0, n - correction) ---- */
static bool var_forward(const tg__call *c) {
    uint32_t mask;
    tg_tensor *mean = NULL;
    bool good = check(c, &mask) && moments(c, mask, &mean);
    tg__unref(mean);
    return good;
}
static void var_rule(tg__rule *r) { r->gin[0] = var_gradient(r); }
TG_OP(var, .maths = "variance of x over dims", MOMENT, .forward = var_forward, .rule = var_rule,
      .saves = {TG__SAVE_IN(0, 1), TG__SAVE_META(0, 1)}, .onnx = {"composed"});
TG_SAMPLES(var, "[2,3]", "[2,3,2] | dims=0,2 correction=0", "[2,3] | dims=-1 keepdim=1");
tg_tensor *tg_var(tg_tensor *x, int ndims, const int *dims, double correction, bool keepdim) {
    return moment(&tg__op_var, x, ndims, dims, correction, keepdim);
}

/* ---- std: √var; its slope at 0 is taken as 0 ---- */

/* out[0] becomes its root: nobody else holds it yet. */
static bool take_root(const tg__call *c) {
    tg_tensor *y = c->out[0];
    if (y == NULL)
        return false;
    tg__run((tg_tensor *[]){y, y}, 2, tg__kernels_get()->unary[TG__UN_sqrt][y->dtype], NULL, 0.3);
    return true;
}
static bool std_forward(const tg__call *c) { return var_forward(c) && take_root(c); }
static void std_rule(tg__rule *r) { r->gin[0] = std_gradient(r); }
#define STD_SAVES                                                                                  \
    { TG__SAVE_IN(0, 1), TG__SAVE_OUT(0, 1), TG__SAVE_META(0, 1) }
TG_OP(std, .maths = "standard deviation of x over dims", MOMENT, .forward = std_forward,
      .rule = std_rule, .saves = STD_SAVES, .onnx = {"composed"});
TG_SAMPLES(std, "[2,3]", "[2,3,2] | dims=0,2 correction=0", "[2,3] | dims=-1 keepdim=1");
tg_tensor *tg_std(tg_tensor *x, int ndims, const int *dims, double correction, bool keepdim) {
    return moment(&tg__op_std, x, ndims, dims, correction, keepdim);
}

/* ---- var_mean, std_mean: the same two passes give both ---- */
static bool var_mean_forward(const tg__call *c) {
    const moment_attr *a = c->attr;
    uint32_t mask;
    tg_tensor *mean = NULL;
    bool good = check(c, &mask) && moments(c, mask, &mean);
    if (good && !a->keepdim) { /* of the same elements */
        mean->ndim = c->out[0]->ndim;
        for (int i = 0; i < mean->ndim; i++)
            mean->shape[i] = c->out[0]->shape[i];
        tg__row_major(mean->ndim, mean->shape, mean->stride);
    }
    c->out[1] = mean;
    return good;
}
static bool std_mean_forward(const tg__call *c) { return var_mean_forward(c) && take_root(c); }
static void var_mean_rule(tg__rule *r) {
    r->gin[0] = with_mean(r, r->g[0] != NULL ? var_gradient(r) : NULL);
}
static void std_mean_rule(tg__rule *r) {
    r->gin[0] = with_mean(r, r->g[0] != NULL ? std_gradient(r) : NULL);
}
TG_OP(var_mean, .maths = "variance and mean of x over dims", MOMENT, .n_out = 2,
      .forward = var_mean_forward, .rule = var_mean_rule,
      .saves = {TG__SAVE_IN(0, 1), TG__SAVE_META(0, 1)}, .onnx = {"composed"});
TG_SAMPLES(var_mean, "[2,3]", "[2,3,2] | dims=0,2 correction=0", "[2,3] | dims=-1 keepdim=1");
tg_tensor *tg_var_mean(tg_tensor *x, int ndims, const int *dims, double correction, bool keepdim,
                       tg_tensor **mean) {
    return moment_and_mean(&tg__op_var_mean, x, ndims, dims, correction, keepdim, mean);
}
TG_OP(std_mean, .maths = "standard deviation and mean of x over dims", MOMENT, .n_out = 2,
      .forward = std_mean_forward, .rule = std_mean_rule, .saves = STD_SAVES, .onnx = {"composed"});
TG_SAMPLES(std_mean, "[2,3]", "[2,3,2] | dims=0,2 correction=0", "[2,3] | dims=-1 keepdim=1");
tg_tensor *tg_std_mean(tg_tensor *x, int ndims, const int *dims, double correction, bool keepdim,
                       tg_tensor **mean) {
    return moment_and_mean(&tg__op_std_mean, x, ndims, dims, correction, keepdim, mean);
}
