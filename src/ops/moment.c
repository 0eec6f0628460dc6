/* moment.c - variance and standard deviation. */
#include "ops/elementwise.h"
#include "ops/view.h"

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

static tg_tensor *moment(const tg__op *op, tg_tensor *x, int n, const int *dims, double correction,
                         bool keepdim) {
    moment_attr a = {.correction = correction, .keepdim = keepdim};
    return tg__dims_from(op->name, n, dims, &a.dims) ? tg__apply1(op, x, &a) : NULL;
}

/* max(0, n - correction) over the dims; negative with an error. */
static double divisor(const char *op, const tg_tensor *x, const moment_attr *a) {
    uint32_t mask;
    if (!tg_dtype_is_float((tg_dtype)x->dtype)) {
        tg__refuse_dtype(op, x, "f32, f64");
        return -1;
    }
    if (!tg__mask_of(op, x, &a->dims, &mask))
        return -1;
    double n = 1;
    for (int i = 0; i < x->ndim; i++)
        n *= mask >> i & 1 ? (double)x->shape[i] : 1.0;
    return n > a->correction ? n - a->correction : 0.0;
}

/* Two passes: the mean first, so that nothing cancels. */
static tg_tensor *variance(const char *op, tg_tensor *x, const moment_attr *a) {
    double n = divisor(op, x, a);
    if (n < 0)
        return NULL;
    int dims[TG_MAX_DIMS];
    for (int i = 0; i < a->dims.n; i++)
        dims[i] = a->dims.dim[i];
    tg_tensor *deviation = tg_sub(x, tg_mean(x, a->dims.n, dims, true));
    return tg_div_scalar(tg_sum(tg_square(deviation), a->dims.n, dims, a->keepdim), n);
}

/* ---- var: Σ(x - mean)² / max(0, n - correction) ---- */
static bool var_forward(const tg__call *c) {
    c->out[0] = variance("var", c->in[0], c->attr);
    return c->out[0] != NULL;
}
TG_OP(var, .maths = "variance of x over dims", MOMENT, .flags = TG__COMPOSED,
      .forward = var_forward, .onnx = {"composed"});
TG_SAMPLES(var, "[2,3]", "[2,3,2] | dims=0,2 correction=0", "[2,3] | dims=-1 keepdim=1");
tg_tensor *tg_var(tg_tensor *x, int ndims, const int *dims, double correction, bool keepdim) {
    return moment(&tg__op_var, x, ndims, dims, correction, keepdim);
}

/* ---- std: √var; its slope at 0 is taken as 0 ---- */
static bool std_forward(const tg__call *c) {
    tg_scope s = tg_scope_open();
    const char *was = tg__errors_as("std");
    tg_tensor *y = tg_scope_return(s, tg_sqrt(variance("std", c->in[0], c->attr)));
    tg__errors_back(was);
    if (y != NULL)
        tg__take(y);
    c->out[0] = y;
    return y != NULL;
}
static void std_rule(tg__rule *r) {
    const moment_attr *a = r->attr;
    tg_tensor *x = r->in[0];
    int dims[TG_MAX_DIMS];
    for (int i = 0; i < a->dims.n; i++)
        dims[i] = a->dims.dim[i];
    tg_tensor *mean = tg_mean(x, a->dims.n, dims, true);
    double n = divisor("std", x, a);
    tg_tensor *y = r->out[0];
    tg_tensor *slope = tg_div(r->g[0], tg_mul_scalar(y, n));
    slope = tg_masked_fill(slope, tg_eq_scalar(y, 0.0), 0.0);
    if (!a->keepdim && mean != NULL)
        slope = tg_reshape(slope, mean->ndim, mean->shape);
    r->gin[0] = tg_mul(slope, tg_sub(x, mean));
}
TG_OP(std, .maths = "standard deviation of x over dims", MOMENT, .forward = std_forward,
      .rule = std_rule, .saves = {TG__SAVE_IN(0, 1), TG__SAVE_OUT(0, 1)}, .onnx = {"composed"});
TG_SAMPLES(std, "[2,3]", "[2,3,2] | dims=0,2 correction=0", "[2,3] | dims=-1 keepdim=1");
tg_tensor *tg_std(tg_tensor *x, int ndims, const int *dims, double correction, bool keepdim) {
    return moment(&tg__op_std, x, ndims, dims, correction, keepdim);
}
