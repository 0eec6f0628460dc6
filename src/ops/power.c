/* power.c - powers of two inputs, and of two.
 *
 * The corners of pow's gradient follow PyTorch: wherever the factor in front is exactly 0, the
 * slope is 0, also where the other factor is infinite or NaN. */
#include "ops/elementwise.h"

#include <math.h>

/* ---- pow: aᵇ; d/da = b·aᵇ⁻¹ (0 where b = 0), d/db = y·ln a (0 where a = 0 and b >= 0) ---- */
static bool pow_forward(const tg__call *c) {
    if (!tg_dtype_is_float(tg__promote(c->in[0], c->in[1])) &&
        !tg__check_integers("pow", "b", c->in[1], true,
                            "an integer to a negative power is no integer: use tg_cast to a float "
                            "dtype first"))
        return false;
    return tg__binary_forward(c);
}
static tg_tensor *pow_base_gradient(tg_tensor *g, tg_tensor *a, tg_tensor *b) {
    if (b != NULL && (b->flags & TG__IS_NUMBER)) {
        double e = tg__load_double((tg_dtype)b->dtype, b->data);
        return e == 0.0 ? tg_zeros_like(g) : tg_mul(g, tg_mul_scalar(tg_pow_scalar(a, e - 1.0), e));
    }
    /* Where b = 0 the exponent is replaced too, or higher derivatives would meet 0 · inf. */
    tg_tensor *flat = tg_eq_scalar(b, 0.0);
    tg_tensor *e = tg_masked_fill(tg_sub_scalar(b, 1.0), flat, 1.0);
    return tg_masked_fill(tg_mul(g, tg_mul(b, tg_pow(a, e))), flat, 0.0);
}
static void pow_rule(tg__rule *r) {
    tg_tensor *a = tg__like_gradient(r->in[0], r->g[0]);
    tg_tensor *b = tg__like_gradient(r->in[1], r->g[0]);
    if (r->wanted[0])
        r->gin[0] = pow_base_gradient(r->g[0], a, b);
    if (r->wanted[1]) {
        tg_tensor *flat = tg_logical_and(tg_eq_scalar(a, 0.0), tg_ge_scalar(b, 0.0));
        tg_tensor *slope = tg_mul(r->out[0], tg_log(a));
        r->gin[1] = tg_masked_fill(tg_mul(r->g[0], slope), flat, 0.0);
    }
}
TG_OP(pow, .maths = "a^b", .inputs = "a b", .n_in = 2, .flags = TG__IN_PLACE | TG__BROADCASTS,
      .forward = pow_forward, .kernel = TG__BIN_pow, .rule = pow_rule,
      .saves = {TG__SAVE_IN(0, TG__ANY), TG__SAVE_IN(1, TG__ANY), TG__SAVE_OUT(0, 2)},
      .onnx = {"Pow", 15});
TG_SAMPLES(pow, "+[2,3] [2,3]", "+[2,3] [3]", "+[2] []");
tg_tensor *tg_pow(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_pow, a, b, NULL); }
tg_tensor *tg_pow_(tg_tensor *a, tg_tensor *b) { return tg__apply2_(&tg__op_pow, a, b, NULL); }
tg_tensor *tg_pow_scalar(tg_tensor *x, double s) { return tg__with_number(&tg__op_pow, x, s); }
tg_tensor *tg_rpow_scalar(tg_tensor *x, double s) { return tg__number_with(&tg__op_pow, s, x); }
tg_tensor *tg_pow_scalar_(tg_tensor *x, double s) { return tg__with_number_(&tg__op_pow, x, s); }

/* ---- float_power: aᵇ in f64 ---- */
static bool float_power_forward(const tg__call *c) {
    c->out[0] = tg_pow(tg_cast(c->in[0], TG_F64), tg_cast(c->in[1], TG_F64));
    return c->out[0] != NULL;
}
TG_OP(float_power, .maths = "a^b in f64", .inputs = "a b", .n_in = 2,
      .flags = TG__COMPOSED | TG__IN_PLACE | TG__ANY_DTYPE, .forward = float_power_forward,
      .onnx = {"composed"});
TG_SAMPLES(float_power, "+[2,3] [2,3]", "+[2,3] [3]");
tg_tensor *tg_float_power(tg_tensor *a, tg_tensor *b) {
    return tg__apply2(&tg__op_float_power, a, b, NULL);
}
tg_tensor *tg_float_power_(tg_tensor *a, tg_tensor *b) {
    return tg__apply2_(&tg__op_float_power, a, b, NULL);
}
/* The scalar meets the converted tensor, so that it is not rounded to the dtype of x. */
static tg_tensor *float_power_with(tg_tensor *x, double s, bool base) {
    if (!tg__required("float_power", "x", x))
        return NULL;
    tg_scope scope = tg_scope_open();
    const char *was = tg__errors_as("float_power");
    tg_tensor *wide = tg_cast(x, TG_F64);
    tg_tensor *y = base ? tg_rpow_scalar(wide, s) : tg_pow_scalar(wide, s);
    tg__errors_back(was);
    return tg_scope_return(scope, y);
}
tg_tensor *tg_float_power_scalar(tg_tensor *x, double s) { return float_power_with(x, s, false); }
tg_tensor *tg_rfloat_power_scalar(tg_tensor *x, double s) { return float_power_with(x, s, true); }

/* ---- ldexp: x·2^other ---- */
static bool ldexp_forward(const tg__call *c) {
    tg_tensor *e = c->in[1];
    if (tg__promote(c->in[0], e) == TG_F64) /* 2^500 is no f32 */
        e = tg_cast(e, TG_F64);
    c->out[0] = tg_mul(c->in[0], tg_rpow_scalar(e, 2.0));
    return c->out[0] != NULL;
}
TG_OP(ldexp, .maths = "x * 2^other", .inputs = "x other", .n_in = 2,
      .flags = TG__COMPOSED | TG__IN_PLACE, .forward = ldexp_forward, .onnx = {"composed"});
TG_SAMPLES(ldexp, "[2,3] [3]", "[2,3] i[2,3]<5", "[] [2]");
tg_tensor *tg_ldexp(tg_tensor *x, tg_tensor *other) {
    return tg__apply2(&tg__op_ldexp, x, other, NULL);
}
tg_tensor *tg_ldexp_(tg_tensor *x, tg_tensor *other) {
    return tg__apply2_(&tg__op_ldexp, x, other, NULL);
}

/* ---- frexp: x = mantissa·2^exponent, |mantissa| in [½, 1); d mantissa/dx = 2^-exponent ---- */

/* Infinities and NaN are their own mantissas. */
static void frexp_f32(char *const *p, const int64_t *s, int64_t n, const void *arg) {
    const bool exponent = *(const bool *)arg;
    for (int64_t i = 0; i < n; i++) {
        const float x = *(const float *)(const void *)(p[1] + i * s[1]);
        int e = 0;
        const float m = isfinite(x) ? frexpf(x, &e) : x;
        char *to = p[0] + i * s[0];
        if (exponent)
            *(int32_t *)(void *)to = e;
        else
            *(float *)(void *)to = m;
    }
}
static void frexp_f64(char *const *p, const int64_t *s, int64_t n, const void *arg) {
    const bool exponent = *(const bool *)arg;
    for (int64_t i = 0; i < n; i++) {
        const double x = *(const double *)(const void *)(p[1] + i * s[1]);
        int e = 0;
        const double m = isfinite(x) ? frexp(x, &e) : x;
        char *to = p[0] + i * s[0];
        if (exponent)
            *(int32_t *)(void *)to = e;
        else
            *(double *)(void *)to = m;
    }
}
static bool frexp_forward(const tg__call *c) {
    tg_dtype dtype = c->in[0]->dtype == TG_F64 ? TG_F64 : TG_F32;
    tg_tensor *x = tg__as("frexp", c->in[0], dtype);
    for (int k = 0; k < 2 && x != NULL; k++) {
        c->out[k] = tg__new("frexp", k == 0 ? dtype : TG_I32, x->ndim, x->shape);
        if (c->out[k] != NULL)
            tg__run((tg_tensor *[]){c->out[k], x}, 2, dtype == TG_F64 ? frexp_f64 : frexp_f32,
                    &(bool){k == 1}, 3);
    }
    tg__unref(x);
    return c->out[0] != NULL && c->out[1] != NULL;
}
static void frexp_rule(tg__rule *r) {
    bool was = tg__grad_off(); /* the exponent is constant */
    tg_tensor *scale = tg_rpow_scalar(tg_neg(tg_cast(r->out[1], (tg_dtype)r->g[0]->dtype)), 2.0);
    tg__grad_back(was);
    r->gin[0] = tg_mul(r->g[0], scale);
}
TG_OP(frexp, .maths = "mantissa and exponent of x", .inputs = "x", .n_in = 1, .n_out = 2,
      .forward = frexp_forward, .rule = frexp_rule, .saves = {TG__SAVE_OUT(1, 1)},
      .onnx = {"none"});
TG_SAMPLES(frexp, "[2,3]", "[]");
tg_tensor *tg_frexp(tg_tensor *x, tg_tensor **exponent) {
    return tg__apply_rest(&tg__op_frexp, &x, 1, NULL, (tg_tensor * *[]){exponent});
}
