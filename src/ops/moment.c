/* moment.c - variance and standard deviation, alone or together with the mean.
 *
 * Two passes over x: the mean first, then the squares of what is left, so that nothing cancels. The
 * rules are those of the mathematics, with one convention: the slope of the standard deviation at 0
 * is 0. */
#include "ops/elementwise.h"
#include "ops/reduce.h"
#include "ops/view.h"

#include <float.h>
#include <math.h>

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

static double value_at(const tg_tensor *x, int64_t i) {
    return tg__load_double((tg_dtype)x->dtype, x->data + (size_t)i * tg__item_size(x->dtype));
}

/* Whether the rounding of some mean matters. In f64 it does where all numbers are equal, because
 * then the deviation must be 0 to the last bit; in f32, where deviations are so small that the
 * square of the rounding is not lost among theirs. */
static bool in_doubt(const tg_tensor *mean, const tg_tensor *var, double correction, double n) {
    const double most = mean->dtype == TG_F64 ? 4.0 * DBL_EPSILON : 1.0 / 4096;
    if (n < 2.0)
        return false;
    for (int64_t i = 0; i < mean->numel; i++) {
        double small = most * value_at(mean, i);
        double v = value_at(var, i) * divisor(n, correction) / n;
        if (v > 0.0 && v <= small * small)
            return true;
    }
    return false;
}

/* The means of x - mean: what rounding took from the mean. Raw. */
static tg_tensor *rest_of(const char *op, tg_tensor *x, uint32_t mask, double n, tg_tensor *mean) {
    tg_dtype dtype = (tg_dtype)x->dtype;
    tg_tensor *rest = tg__new(op, dtype, x->ndim, x->shape);
    if (rest == NULL)
        return NULL;
    tg__run((tg_tensor *[]){rest, x, mean}, 3, tg__kernels_get()->binary[TG__BIN_sub][dtype], NULL,
            0.3);
    tg_tensor *d = tg__run_reduction(op, TG__REDUCE_SUM, rest, mask, true, dtype, 1.0 / n, NULL);
    tg__unref(rest);
    return d;
}

static tg_tensor *squares(const tg__call *c, uint32_t mask, double n, const tg_tensor *mean) {
    const moment_attr *a = c->attr;
    return tg__run_reduction(c->op->name, TG__REDUCE_SUMSQ, c->in[0], mask, a->keepdim,
                             (tg_dtype)c->in[0]->dtype, 1.0 / divisor(n, a->correction), mean);
}

/* f64: the mean takes up what it lacks, and the squares are taken again. f32: it has no room for
 * it, but Σ(x - m)² = Σ(x - mean)² + n(mean - m)². */
static bool settle_doubt(const tg__call *c, uint32_t mask, double n, tg_tensor *mean) {
    const moment_attr *a = c->attr;
    tg_dtype dtype = (tg_dtype)mean->dtype;
    tg_tensor *d = rest_of(c->op->name, c->in[0], mask, n, mean);
    if (d == NULL)
        return false;
    if (dtype == TG_F64) {
        tg__run((tg_tensor *[]){mean, mean, d}, 3, tg__kernels_get()->binary[TG__BIN_add][dtype],
                NULL, 0.3);
        tg__unref(c->out[0]);
        c->out[0] = squares(c, mask, n, mean);
    } else {
        float *var = (float *)(void *)c->out[0]->data;
        const double scale = n / divisor(n, a->correction);
        for (int64_t i = 0; i < d->numel; i++) {
            double v = (double)var[i] - value_at(d, i) * value_at(d, i) * scale;
            if (var[i] > 0.0F && isfinite(var[i]))
                var[i] = (float)fmax(v, 0.0);
        }
    }
    tg__unref(d);
    return c->out[0] != NULL;
}

/* The variance in out[0]; the mean in *mean, with all its dims. Raw. */
static bool moments(const tg__call *c, uint32_t mask, tg_tensor **mean) {
    const moment_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    double n = (double)tg__count_over(x, mask);
    double scale = n > 0 ? 1.0 / n : (double)NAN;
    *mean = tg__run_reduction(c->op->name, TG__REDUCE_SUM, x, mask, true, (tg_dtype)x->dtype, scale,
                              NULL);
    if (*mean != NULL)
        c->out[0] = squares(c, mask, n, *mean);
    return c->out[0] != NULL &&
           (!in_doubt(*mean, c->out[0], a->correction, n) || settle_doubt(c, mask, n, *mean));
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
