/* special.c - error functions, gamma and its derivatives, Bessel functions, sinc. */
#include "ops/elementwise.h"

#include "kernels/special.h"

#define SQRT_PI 1.77245385090551602730
#define SQRT_2_PI 2.50662827463100050242 /* √(2π) */
#define SQRT_HALF 0.70710678118654752440

/* s · g · exp(k·x²) */
static tg_tensor *gaussian(tg_tensor *g, double s, double k, tg_tensor *x) {
    return tg_mul(tg_mul_scalar(g, s), tg_exp(tg_mul_scalar(tg_square(x), k)));
}

/* ---- erf: 2/√π ∫₀ˣ exp(-t²) dt ---- */
static void erf_rule(tg__rule *r) { r->gin[0] = gaussian(r->g[0], 2 / SQRT_PI, -1, r->in[0]); }
TG_OP(erf, .maths = "erf(x)", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_erf, .rule = erf_rule,
      .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"Erf", 13});
TG_SAMPLES(erf, "[2,3]", "[]");
tg_tensor *tg_erf(tg_tensor *x) { return tg__apply1(&tg__op_erf, x, NULL); }
tg_tensor *tg_erf_(tg_tensor *x) { return tg__apply1_(&tg__op_erf, x, NULL); }

/* ---- erfc: 1 - erf(x), exact where that is small ---- */
static void erfc_rule(tg__rule *r) { r->gin[0] = gaussian(r->g[0], -2 / SQRT_PI, -1, r->in[0]); }
TG_OP(erfc, .maths = "1 - erf(x)", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_erfc, .rule = erfc_rule,
      .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"composed"});
TG_SAMPLES(erfc, "[2,3]", "[]");
tg_tensor *tg_erfc(tg_tensor *x) { return tg__apply1(&tg__op_erfc, x, NULL); }
tg_tensor *tg_erfc_(tg_tensor *x) { return tg__apply1_(&tg__op_erfc, x, NULL); }

/* The attribute of functions that are an n-th derivative. */
typedef struct {
    int64_t n;
} order_attr;
/* The kernel for an order from 0 to `most`. */
static bool order_forward(const tg__call *c, tg__unary_p kernel, int most) {
    const int64_t n = ((const order_attr *)c->attr)->n;
    if (n >= 0 && n <= most)
        return tg__unary_with(c, kernel, (double)n, 0);
    tg__fail(TG_ERR_ARG, c->op->name, "n is %lld; give an order from 0 to %d", (long long)n, most);
    return false;
}

/* ---- erfcx: exp(x²)·erfc(x); dy/dx = 2xy - 2/√π ---- */
static void erfcx_rule(tg__rule *r) {
    tg_tensor *slope = tg__apply1(&tg__op_erfcx_grad, r->in[0], &(order_attr){1});
    r->gin[0] = tg_mul(r->g[0], slope);
}
TG_OP(erfcx, .maths = "exp(x^2) * erfc(x)", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_erfcx, .rule = erfcx_rule,
      .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"composed"});
TG_SAMPLES(erfcx, "[2,3]", "[]");
tg_tensor *tg_erfcx(tg_tensor *x) { return tg__apply1(&tg__op_erfcx, x, NULL); }
tg_tensor *tg_erfcx_(tg_tensor *x) { return tg__apply1_(&tg__op_erfcx, x, NULL); }

/* ---- erfcx_grad: the n-th derivative of erfcx ---- */
static const tg__field erfcx_grad_fields[] = {
    {"n", TG_ATTR_INT, offsetof(order_attr, n), false, 1, 0}, {0}};
static bool erfcx_grad_forward(const tg__call *c) {
    return order_forward(c, TG__UNP_erfcx_grad, TG__ERFCX_MOST);
}
static void erfcx_grad_rule(tg__rule *r) {
    const int64_t n = ((const order_attr *)r->attr)->n;
    tg_tensor *slope = tg__apply1(&tg__op_erfcx_grad, r->in[0], &(order_attr){n + 1});
    r->gin[0] = tg_mul(r->g[0], slope);
}
TG_OP(erfcx_grad, .maths = "n-th derivative of exp(x^2) * erfc(x)", .inputs = "x", .n_in = 1,
      .flags = TG__INTERNAL, .fields = erfcx_grad_fields, .attr_size = sizeof(order_attr),
      .forward = erfcx_grad_forward, .rule = erfcx_grad_rule, .saves = {TG__SAVE_IN(0, 1)},
      .onnx = {"composed"});
TG_SAMPLES(erfcx_grad, "[2,3]", "[3] | n=2", "+[3] | n=3");

/* ---- erfinv: erf(y) = x; dy/dx = √π/2 · exp(y²) ---- */
static void erfinv_rule(tg__rule *r) { r->gin[0] = gaussian(r->g[0], SQRT_PI / 2, 1, r->out[0]); }
TG_OP(erfinv, .maths = "y with erf(y) = x", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_erfinv, .rule = erfinv_rule,
      .saves = {TG__SAVE_OUT(0, 1)}, .onnx = {"none"});
TG_SAMPLES(erfinv, "%[2,3]");
tg_tensor *tg_erfinv(tg_tensor *x) { return tg__apply1(&tg__op_erfinv, x, NULL); }
tg_tensor *tg_erfinv_(tg_tensor *x) { return tg__apply1_(&tg__op_erfinv, x, NULL); }

/* ---- ndtr: erfc(-x/√2)/2, the normal distribution; dy/dx = exp(-x²/2)/√(2π) ---- */
static void ndtr_rule(tg__rule *r) { r->gin[0] = gaussian(r->g[0], 1 / SQRT_2_PI, -0.5, r->in[0]); }
TG_OP(ndtr, .maths = "erfc(-x / sqrt(2)) / 2", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_ndtr, .rule = ndtr_rule,
      .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"composed"});
TG_SAMPLES(ndtr, "[2,3]", "[]");
tg_tensor *tg_ndtr(tg_tensor *x) { return tg__apply1(&tg__op_ndtr, x, NULL); }
tg_tensor *tg_ndtr_(tg_tensor *x) { return tg__apply1_(&tg__op_ndtr, x, NULL); }

/* ---- ndtri: ndtr(y) = x; dy/dx = √(2π)·exp(y²/2) ---- */
static void ndtri_rule(tg__rule *r) { r->gin[0] = gaussian(r->g[0], SQRT_2_PI, 0.5, r->out[0]); }
TG_OP(ndtri, .maths = "y with ndtr(y) = x", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_ndtri, .rule = ndtri_rule,
      .saves = {TG__SAVE_OUT(0, 1)}, .onnx = {"none"});
TG_SAMPLES(ndtri, "%[2,3]");
tg_tensor *tg_ndtri(tg_tensor *x) { return tg__apply1(&tg__op_ndtri, x, NULL); }
tg_tensor *tg_ndtri_(tg_tensor *x) { return tg__apply1_(&tg__op_ndtri, x, NULL); }

/* ---- log_ndtr: ln ndtr(x); dy/dx = √(2/π)/erfcx(-x/√2) ---- */
static void log_ndtr_rule(tg__rule *r) {
    tg_tensor *e = tg_erfcx(tg_mul_scalar(r->in[0], -SQRT_HALF));
    r->gin[0] = tg_div(tg_mul_scalar(r->g[0], 2 / SQRT_2_PI), e);
}
TG_OP(log_ndtr, .maths = "ln(ndtr(x))", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_log_ndtr, .rule = log_ndtr_rule,
      .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"composed"});
TG_SAMPLES(log_ndtr, "[2,3]", "[]");
tg_tensor *tg_log_ndtr(tg_tensor *x) { return tg__apply1(&tg__op_log_ndtr, x, NULL); }
tg_tensor *tg_log_ndtr_(tg_tensor *x) { return tg__apply1_(&tg__op_log_ndtr, x, NULL); }

/* ---- lgamma: ln |Γ(x)|; dy/dx = ψ(x) ---- */
static void lgamma_rule(tg__rule *r) { r->gin[0] = tg_mul(r->g[0], tg_digamma(r->in[0])); }
TG_OP(lgamma, .maths = "ln |gamma(x)|", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_lgamma, .rule = lgamma_rule,
      .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"none"});
TG_SAMPLES(lgamma, "+[2,3]", ">[3]");
tg_tensor *tg_lgamma(tg_tensor *x) { return tg__apply1(&tg__op_lgamma, x, NULL); }
tg_tensor *tg_lgamma_(tg_tensor *x) { return tg__apply1_(&tg__op_lgamma, x, NULL); }

/* ---- digamma: ψ(x) = d/dx ln Γ(x) ---- */
static void digamma_rule(tg__rule *r) { r->gin[0] = tg_mul(r->g[0], tg_polygamma(1, r->in[0])); }
TG_OP(digamma, .maths = "d/dx ln(gamma(x))", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_digamma, .rule = digamma_rule,
      .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"none"});
TG_SAMPLES(digamma, "+[2,3]", ">[3]");
tg_tensor *tg_digamma(tg_tensor *x) { return tg__apply1(&tg__op_digamma, x, NULL); }
tg_tensor *tg_digamma_(tg_tensor *x) { return tg__apply1_(&tg__op_digamma, x, NULL); }

/* ---- polygamma: the n-th derivative of ψ ---- */
static const tg__field polygamma_fields[] = {
    {"n", TG_ATTR_INT, offsetof(order_attr, n), true, 0, 0}, {0}};
static bool polygamma_forward(const tg__call *c) {
    return order_forward(c, TG__UNP_polygamma, TG__POLYGAMMA_MOST);
}
static void polygamma_rule(tg__rule *r) {
    r->gin[0] = tg_mul(r->g[0], tg_polygamma(((const order_attr *)r->attr)->n + 1, r->in[0]));
}
TG_OP(polygamma, .maths = "n-th derivative of digamma(x)", .inputs = "x", .n_in = 1,
      .flags = TG__IN_PLACE, .fields = polygamma_fields, .attr_size = sizeof(order_attr),
      .forward = polygamma_forward, .rule = polygamma_rule, .saves = {TG__SAVE_IN(0, 1)},
      .onnx = {"none"});
TG_SAMPLES(polygamma, ">[2,3] | n=0", ">[2,3] | n=1", ">[3] | n=2", ">[] | n=3");
tg_tensor *tg_polygamma(int64_t n, tg_tensor *x) {
    return tg__apply1(&tg__op_polygamma, x, &(order_attr){n});
}
tg_tensor *tg_polygamma_(int64_t n, tg_tensor *x) {
    return tg__apply1_(&tg__op_polygamma, x, &(order_attr){n});
}

/* ---- i0, i1: modified Bessel functions; i0' = i1, i1' = i0 - i1/x ---- */

/* y/x, and 1/2 where x is 0: the slope of an odd function y with slope 1/2 there. */
static tg_tensor *over_x(tg_tensor *y, tg_tensor *x) {
    tg_tensor *zero = tg_le_scalar(tg_abs(x), 1e-30); /* also where y has lost its digits */
    return tg_masked_fill(tg_div(y, tg_masked_fill(x, zero, 1.0)), zero, 0.5);
}

static void i0_rule(tg__rule *r) { r->gin[0] = tg_mul(r->g[0], tg_i1(r->in[0])); }
TG_OP(i0, .maths = "I0(x)", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_i0, .rule = i0_rule,
      .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"none"});
TG_SAMPLES(i0, "[2,3]", "[]");
tg_tensor *tg_i0(tg_tensor *x) { return tg__apply1(&tg__op_i0, x, NULL); }
tg_tensor *tg_i0_(tg_tensor *x) { return tg__apply1_(&tg__op_i0, x, NULL); }

static void i1_rule(tg__rule *r) {
    r->gin[0] = tg_mul(r->g[0], tg_sub(tg_i0(r->in[0]), over_x(r->out[0], r->in[0])));
}
TG_OP(i1, .maths = "I1(x)", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_i1, .rule = i1_rule,
      .saves = {TG__SAVE_IN(0, 1), TG__SAVE_OUT(0, 1)}, .onnx = {"none"});
TG_SAMPLES(i1, "[2,3]", "[]");
tg_tensor *tg_i1(tg_tensor *x) { return tg__apply1(&tg__op_i1, x, NULL); }
tg_tensor *tg_i1_(tg_tensor *x) { return tg__apply1_(&tg__op_i1, x, NULL); }

/* ---- i0e, i1e: the same times exp(-|x|), which adds -sign(x)·y to the slope ---- */
static void i0e_rule(tg__rule *r) {
    tg_tensor *x = r->in[0];
    r->gin[0] = tg_mul(r->g[0], tg_sub(tg_i1e(x), tg_mul(tg_sign(x), r->out[0])));
}
TG_OP(i0e, .maths = "exp(-|x|) * I0(x)", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_i0e, .rule = i0e_rule,
      .saves = {TG__SAVE_IN(0, 1), TG__SAVE_OUT(0, 1)}, .onnx = {"none"});
TG_SAMPLES(i0e, "[2,3]", "[]");
tg_tensor *tg_i0e(tg_tensor *x) { return tg__apply1(&tg__op_i0e, x, NULL); }
tg_tensor *tg_i0e_(tg_tensor *x) { return tg__apply1_(&tg__op_i0e, x, NULL); }

static void i1e_rule(tg__rule *r) {
    tg_tensor *x = r->in[0];
    tg_tensor *y = r->out[0];
    tg_tensor *slope = tg_sub(tg_i0e(x), over_x(y, x));
    r->gin[0] = tg_mul(r->g[0], tg_sub(slope, tg_mul(tg_sign(x), y)));
}
TG_OP(i1e, .maths = "exp(-|x|) * I1(x)", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_i1e, .rule = i1e_rule,
      .saves = {TG__SAVE_IN(0, 1), TG__SAVE_OUT(0, 1)}, .onnx = {"none"});
TG_SAMPLES(i1e, "[2,3]", "[]");
tg_tensor *tg_i1e(tg_tensor *x) { return tg__apply1(&tg__op_i1e, x, NULL); }
tg_tensor *tg_i1e_(tg_tensor *x) { return tg__apply1_(&tg__op_i1e, x, NULL); }

/* ---- sinc: sin(πx)/(πx), 1 at 0 ---- */
static void sinc_rule(tg__rule *r) {
    tg_tensor *slope = tg__apply1(&tg__op_sinc_grad, r->in[0], &(order_attr){1});
    r->gin[0] = tg_mul(r->g[0], slope);
}
TG_OP(sinc, .maths = "sin(pi x) / (pi x)", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_sinc, .rule = sinc_rule,
      .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"composed"});
TG_SAMPLES(sinc, "[2,3]", "[]");
tg_tensor *tg_sinc(tg_tensor *x) { return tg__apply1(&tg__op_sinc, x, NULL); }
tg_tensor *tg_sinc_(tg_tensor *x) { return tg__apply1_(&tg__op_sinc, x, NULL); }

/* ---- sinc_grad: the n-th derivative of sinc ---- */
static const tg__field sinc_grad_fields[] = {
    {"n", TG_ATTR_INT, offsetof(order_attr, n), false, 1, 0}, {0}};
static bool sinc_grad_forward(const tg__call *c) {
    return order_forward(c, TG__UNP_sinc_grad, TG__SINC_MOST);
}
static void sinc_grad_rule(tg__rule *r) {
    const int64_t n = ((const order_attr *)r->attr)->n;
    tg_tensor *slope = tg__apply1(&tg__op_sinc_grad, r->in[0], &(order_attr){n + 1});
    r->gin[0] = tg_mul(r->g[0], slope);
}
TG_OP(sinc_grad, .maths = "n-th derivative of sin(pi x) / (pi x)", .inputs = "x", .n_in = 1,
      .flags = TG__INTERNAL, .fields = sinc_grad_fields, .attr_size = sizeof(order_attr),
      .forward = sinc_grad_forward, .rule = sinc_grad_rule, .saves = {TG__SAVE_IN(0, 1)},
      .onnx = {"composed"});
TG_SAMPLES(sinc_grad, "[2,3]", "[3] | n=2", "%[3] | n=3");
