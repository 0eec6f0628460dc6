/* ops_elementwise.h - arithmetic and functions of one number. The rules for all
 * operations stand in ops.h. */
#ifndef TENSORGRAD_OPS_ELEMENTWISE_H
#define TENSORGRAD_OPS_ELEMENTWISE_H

#include <tensorgrad/scope.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Elementwise: one input ----------------------------------------------------------------- */

/** -x. No bool. */
TG_API tg_tensor *tg_neg(tg_tensor *x);
/** |x|; gradient sign(x), 0 at 0. No bool. */
TG_API tg_tensor *tg_abs(tg_tensor *x);
/** -1, 0 or 1; 0 for NaN; gradient 0. No bool. */
TG_API tg_tensor *tg_sign(tg_tensor *x);
/** x². No bool. */
TG_API tg_tensor *tg_square(tg_tensor *x);
/** √x; NaN below 0; gradient g/(2y), +inf at 0. Float. */
TG_API tg_tensor *tg_sqrt(tg_tensor *x);
/** 1/√x; +inf at 0. Float. */
TG_API tg_tensor *tg_rsqrt(tg_tensor *x);
/** 1/x. Float. */
TG_API tg_tensor *tg_reciprocal(tg_tensor *x);
/** eˣ. Float. */
TG_API tg_tensor *tg_exp(tg_tensor *x);
/** ln x; -inf at 0, NaN below; gradient g/x everywhere. Float. */
TG_API tg_tensor *tg_log(tg_tensor *x);
/** sin x, radians. Float. */
TG_API tg_tensor *tg_sin(tg_tensor *x);
/** cos x, radians. Float. */
TG_API tg_tensor *tg_cos(tg_tensor *x);
/** tanh x; gradient g(1 - y²). Float. */
TG_API tg_tensor *tg_tanh(tg_tensor *x);
/** 1/(1 + e⁻ˣ); gradient g·y(1 - y). Float. */
TG_API tg_tensor *tg_sigmoid(tg_tensor *x);
/** max(x, 0); NaN stays; gradient 0 at 0. No bool. */
TG_API tg_tensor *tg_relu(tg_tensor *x);
/** x limited to [lo, hi]; -INFINITY and INFINITY mean no limit. NaN stays; lo > hi gives hi. The
 *  gradient is g inside and at the limits, else 0. No bool. */
TG_API tg_tensor *tg_clamp(tg_tensor *x, double lo, double hi);

TG_API tg_tensor *tg_neg_(tg_tensor *x);
TG_API tg_tensor *tg_abs_(tg_tensor *x);
TG_API tg_tensor *tg_sign_(tg_tensor *x);
TG_API tg_tensor *tg_square_(tg_tensor *x);
TG_API tg_tensor *tg_sqrt_(tg_tensor *x);
TG_API tg_tensor *tg_rsqrt_(tg_tensor *x);
TG_API tg_tensor *tg_reciprocal_(tg_tensor *x);
TG_API tg_tensor *tg_exp_(tg_tensor *x);
TG_API tg_tensor *tg_log_(tg_tensor *x);
TG_API tg_tensor *tg_sin_(tg_tensor *x);
TG_API tg_tensor *tg_cos_(tg_tensor *x);
TG_API tg_tensor *tg_tanh_(tg_tensor *x);
TG_API tg_tensor *tg_sigmoid_(tg_tensor *x);
TG_API tg_tensor *tg_relu_(tg_tensor *x);
TG_API tg_tensor *tg_clamp_(tg_tensor *x, double lo, double hi);

/* ---- Elementwise: two inputs ---------------------------------------------------------------- */

/** a + b; bool + bool is or. */
TG_API tg_tensor *tg_add(tg_tensor *a, tg_tensor *b);
/** a - b. No bool. */
TG_API tg_tensor *tg_sub(tg_tensor *a, tg_tensor *b);
/** a · b; bool · bool is and. */
TG_API tg_tensor *tg_mul(tg_tensor *a, tg_tensor *b);
/** a / b, true division: integers give f32. */
TG_API tg_tensor *tg_div(tg_tensor *a, tg_tensor *b);
/** aᵇ as C's pow. Gradient to a: g·b·aᵇ⁻¹, 0 where b = 0; to b: g·y·ln a, 0 where a = 0 and b >= 0.
 *  Integers to a negative integer power: TG_ERR_NUMERIC. No bool. */
TG_API tg_tensor *tg_pow(tg_tensor *a, tg_tensor *b);
/** The larger; NaN wins. Ties share the gradient in halves. */
TG_API tg_tensor *tg_maximum(tg_tensor *a, tg_tensor *b);
/** The smaller; NaN wins. Ties share the gradient in halves. */
TG_API tg_tensor *tg_minimum(tg_tensor *a, tg_tensor *b);

TG_API tg_tensor *tg_add_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_sub_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_mul_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_div_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_pow_(tg_tensor *a, tg_tensor *b);

/* With a C scalar: of the float category, so an integer x gives f32 and a float x keeps its
 * dtype. */
TG_API tg_tensor *tg_add_scalar(tg_tensor *x, double s);
TG_API tg_tensor *tg_sub_scalar(tg_tensor *x, double s);
/** s - x. */
TG_API tg_tensor *tg_rsub_scalar(tg_tensor *x, double s);
TG_API tg_tensor *tg_mul_scalar(tg_tensor *x, double s);
TG_API tg_tensor *tg_div_scalar(tg_tensor *x, double s);
/** s / x. */
TG_API tg_tensor *tg_rdiv_scalar(tg_tensor *x, double s);
/** xˢ. */
TG_API tg_tensor *tg_pow_scalar(tg_tensor *x, double s);
/** sˣ. */
TG_API tg_tensor *tg_rpow_scalar(tg_tensor *x, double s);
TG_API tg_tensor *tg_add_scalar_(tg_tensor *x, double s);
TG_API tg_tensor *tg_sub_scalar_(tg_tensor *x, double s);
TG_API tg_tensor *tg_mul_scalar_(tg_tensor *x, double s);
TG_API tg_tensor *tg_div_scalar_(tg_tensor *x, double s);
TG_API tg_tensor *tg_pow_scalar_(tg_tensor *x, double s);

/* ---- Elementwise: three inputs, which broadcast ---------------------------------------------- */

/** x + value·a·b. No bool. */
TG_API tg_tensor *tg_addcmul(tg_tensor *x, tg_tensor *a, tg_tensor *b, double value);
TG_API tg_tensor *tg_addcmul_(tg_tensor *x, tg_tensor *a, tg_tensor *b, double value);

#ifdef __cplusplus
}
#endif
#endif
