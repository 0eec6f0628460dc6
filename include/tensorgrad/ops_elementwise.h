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
/** -x: tg_neg by its other name. */
TG_API tg_tensor *tg_negative(tg_tensor *x);
/** x, in new memory. No bool. */
TG_API tg_tensor *tg_positive(tg_tensor *x);
/** |x|; gradient sign(x), 0 at 0. No bool. */
TG_API tg_tensor *tg_abs(tg_tensor *x);
/** |x|: tg_abs by its other name. */
TG_API tg_tensor *tg_absolute(tg_tensor *x);
/** -1, 0 or 1; 0 for NaN; gradient 0. No bool. */
TG_API tg_tensor *tg_sign(tg_tensor *x);
/** x². No bool. */
TG_API tg_tensor *tg_square(tg_tensor *x);
/** √x; NaN below 0; gradient g/(2y), +inf at 0. Float. */
TG_API tg_tensor *tg_sqrt(tg_tensor *x);
/** 1/√x; +inf at 0; gradient -g·y³/2, -inf at 0. Float. */
TG_API tg_tensor *tg_rsqrt(tg_tensor *x);
/** 1/x; ±inf at ±0; gradient -g·y², -inf there. Float. */
TG_API tg_tensor *tg_reciprocal(tg_tensor *x);

/* Rounding: integers stay as they are, no bool; gradient 0, also at the jumps. Zeros keep their
 * sign, NaN and infinities stay. */
/** The largest integer <= x. */
TG_API tg_tensor *tg_floor(tg_tensor *x);
/** The smallest integer >= x. */
TG_API tg_tensor *tg_ceil(tg_tensor *x);
/** x without its fraction: toward 0. */
TG_API tg_tensor *tg_trunc(tg_tensor *x);
/** tg_trunc by its other name. */
TG_API tg_tensor *tg_fix(tg_tensor *x);
/** The nearest multiple of 10^-decimals, half to even: round(x·10^decimals)/10^decimals, the product
 *  rounded. decimals is from -308 to 308 (TG_ERR_ARG), and 0 for integers (TG_ERR_DTYPE). A number
 *  whose product overflows has no such decimals and stays. */
TG_API tg_tensor *tg_round(tg_tensor *x, int64_t decimals);
/** x - trunc(x), with the sign of x; NaN for infinities; gradient 1. f32 and f64 only. */
TG_API tg_tensor *tg_frac(tg_tensor *x);

/* Exponentials and logarithms. */
/** eˣ; gradient g·y. Float. */
TG_API tg_tensor *tg_exp(tg_tensor *x);
/** 2ˣ; gradient g·y·ln 2. Float. */
TG_API tg_tensor *tg_exp2(tg_tensor *x);
/** eˣ - 1, exact near 0; gradient g(y + 1). Float. ONNX has Exp only, which is not exact there. */
TG_API tg_tensor *tg_expm1(tg_tensor *x);
/** ln x; -inf at 0, NaN below; gradient g/x everywhere. Float. */
TG_API tg_tensor *tg_log(tg_tensor *x);
/** log₂ x; the corners of tg_log. Float. */
TG_API tg_tensor *tg_log2(tg_tensor *x);
/** log₁₀ x; the corners of tg_log. Float. */
TG_API tg_tensor *tg_log10(tg_tensor *x);
/** ln(1 + x), exact near 0; -inf at -1, NaN below; gradient g/(1 + x) everywhere. Float. */
TG_API tg_tensor *tg_log1p(tg_tensor *x);
/** ln(x/(1 - x)), the inverse of tg_sigmoid, of x limited to [eps, 1 - eps]; eps < 0: not limited,
 *  then -inf at 0, +inf at 1, NaN outside. Gradient g/(x(1 - x)) inside and at the limits; outside
 *  it is 0, or NaN if not limited. eps above 1/2 or NaN: TG_ERR_ARG. Float. */
TG_API tg_tensor *tg_logit(tg_tensor *x, double eps);

/* Trigonometric and hyperbolic functions; angles in radians. */
/** x·π/180. Float. */
TG_API tg_tensor *tg_deg2rad(tg_tensor *x);
/** x·180/π. Float. */
TG_API tg_tensor *tg_rad2deg(tg_tensor *x);
/** sin x, radians. Float. */
TG_API tg_tensor *tg_sin(tg_tensor *x);
/** cos x, radians. Float. */
TG_API tg_tensor *tg_cos(tg_tensor *x);
/** tan x; gradient g(1 + y²). Float. */
TG_API tg_tensor *tg_tan(tg_tensor *x);
/** arcsin x in [-π/2, π/2]; NaN outside [-1, 1]; gradient g/√(1 - x²), +inf at ±1. Float. */
TG_API tg_tensor *tg_asin(tg_tensor *x);
/** arccos x in [0, π]; NaN outside [-1, 1]; gradient -g/√(1 - x²), -inf at ±1. Float. */
TG_API tg_tensor *tg_acos(tg_tensor *x);
/** arctan x in [-π/2, π/2]; gradient g/(1 + x²). Float. */
TG_API tg_tensor *tg_atan(tg_tensor *x);
/** sinh x; gradient g·cosh x. Float. */
TG_API tg_tensor *tg_sinh(tg_tensor *x);
/** cosh x; gradient g·sinh x. Float. */
TG_API tg_tensor *tg_cosh(tg_tensor *x);
/** The inverse of sinh; gradient g/√(x² + 1). Float. */
TG_API tg_tensor *tg_asinh(tg_tensor *x);
/** The inverse of cosh, >= 0; NaN below 1; gradient g/√(x² - 1), +inf at 1. Float. */
TG_API tg_tensor *tg_acosh(tg_tensor *x);
/** The inverse of tanh; ±inf at ±1, NaN outside; gradient g/(1 - x²), +inf at ±1. Float. */
TG_API tg_tensor *tg_atanh(tg_tensor *x);
/* The same functions by their long names. */
TG_API tg_tensor *tg_arcsin(tg_tensor *x);
TG_API tg_tensor *tg_arccos(tg_tensor *x);
TG_API tg_tensor *tg_arctan(tg_tensor *x);
TG_API tg_tensor *tg_arcsinh(tg_tensor *x);
TG_API tg_tensor *tg_arccosh(tg_tensor *x);
TG_API tg_tensor *tg_arctanh(tg_tensor *x);
/** tanh x; gradient g(1 - y²). Float. */
TG_API tg_tensor *tg_tanh(tg_tensor *x);
/** 1/(1 + e⁻ˣ); gradient g·y(1 - y). Float. */
TG_API tg_tensor *tg_sigmoid(tg_tensor *x);

/* Special functions. Each is within a few units of the last place, but near a zero of the function
 * (lgamma, digamma, polygamma) within that of the terms that cancel. */
/** 2/√π ∫₀ˣ exp(-t²) dt; gradient g·2/√π·exp(-x²). Float. */
TG_API tg_tensor *tg_erf(tg_tensor *x);
/** 1 - erf(x), exact where that is small. Float. */
TG_API tg_tensor *tg_erfc(tg_tensor *x);
/** exp(x²)·erfc(x), which does not underflow; gradient g(2xy - 2/√π). Float. */
TG_API tg_tensor *tg_erfcx(tg_tensor *x);
/** The inverse of erf; ±inf at ±1, NaN outside; gradient g·√π/2·exp(y²), +inf at ±1. Float. */
TG_API tg_tensor *tg_erfinv(tg_tensor *x);
/** The normal distribution, erfc(-x/√2)/2; gradient g·exp(-x²/2)/√(2π). Float. */
TG_API tg_tensor *tg_ndtr(tg_tensor *x);
/** The inverse of ndtr: -inf at 0, +inf at 1, NaN outside; gradient g·√(2π)·exp(y²/2). Float. */
TG_API tg_tensor *tg_ndtri(tg_tensor *x);
/** ln ndtr(x), exact on both sides; gradient g·√(2/π)/erfcx(-x/√2). Float. */
TG_API tg_tensor *tg_log_ndtr(tg_tensor *x);
/** ln |Γ(x)|; +inf at 0, -1, -2, …; gradient g·digamma(x). Float. */
TG_API tg_tensor *tg_lgamma(tg_tensor *x);
/** ψ(x), the slope of lgamma; ∓inf at ±0, NaN at -1, -2, …; gradient g·polygamma(1, x). Float. */
TG_API tg_tensor *tg_digamma(tg_tensor *x);
/** The n-th derivative of digamma, n from 0 to 700 (TG_ERR_ARG): (-1)ⁿ⁺¹ n! Σₖ 1/(x + k)ⁿ⁺¹ for
 *  n > 0; there ±inf at 0, -1, -2, … Gradient g·polygamma(n + 1, x). Float. */
TG_API tg_tensor *tg_polygamma(int64_t n, tg_tensor *x);
/** The modified Bessel function I₀(x); gradient g·i1(x). Float. */
TG_API tg_tensor *tg_i0(tg_tensor *x);
/** I₁(x); gradient g(i0(x) - y/x), g/2 at 0. Float. */
TG_API tg_tensor *tg_i1(tg_tensor *x);
/** exp(-|x|)·I₀(x); gradient g(i1e(x) - sign(x)·y). Float. */
TG_API tg_tensor *tg_i0e(tg_tensor *x);
/** exp(-|x|)·I₁(x); gradient g(i0e(x) - (sign(x) + 1/x)·y), g/2 at 0. Float. */
TG_API tg_tensor *tg_i1e(tg_tensor *x);
/** sin(πx)/(πx), 1 at 0 and exactly 0 at other integers; gradient 0 at 0. Float. */
TG_API tg_tensor *tg_sinc(tg_tensor *x);

/* NaN and infinities. Those that ask give bool, false for integers. */
TG_API tg_tensor *tg_isinf(tg_tensor *x);
TG_API tg_tensor *tg_isposinf(tg_tensor *x);
TG_API tg_tensor *tg_isneginf(tg_tensor *x);
/** True for numbers below 0, -0 and NaN with its sign bit set. Any dtype. */
TG_API tg_tensor *tg_signbit(tg_tensor *x);
/** x with numbers for NaN, +inf and -inf; NAN as posinf or neginf stands for the largest or lowest
 *  number of x's dtype. Gradient g, 0 where x was replaced. Integers and bool come back as they
 *  are. */
TG_API tg_tensor *tg_nan_to_num(tg_tensor *x, double nan, double posinf, double neginf);

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
TG_API tg_tensor *tg_exp2_(tg_tensor *x);
TG_API tg_tensor *tg_expm1_(tg_tensor *x);
TG_API tg_tensor *tg_log2_(tg_tensor *x);
TG_API tg_tensor *tg_log10_(tg_tensor *x);
TG_API tg_tensor *tg_log1p_(tg_tensor *x);
TG_API tg_tensor *tg_deg2rad_(tg_tensor *x);
TG_API tg_tensor *tg_rad2deg_(tg_tensor *x);
TG_API tg_tensor *tg_tan_(tg_tensor *x);
TG_API tg_tensor *tg_asin_(tg_tensor *x);
TG_API tg_tensor *tg_acos_(tg_tensor *x);
TG_API tg_tensor *tg_atan_(tg_tensor *x);
TG_API tg_tensor *tg_sinh_(tg_tensor *x);
TG_API tg_tensor *tg_cosh_(tg_tensor *x);
TG_API tg_tensor *tg_asinh_(tg_tensor *x);
TG_API tg_tensor *tg_acosh_(tg_tensor *x);
TG_API tg_tensor *tg_atanh_(tg_tensor *x);
TG_API tg_tensor *tg_erf_(tg_tensor *x);
TG_API tg_tensor *tg_erfc_(tg_tensor *x);
TG_API tg_tensor *tg_erfcx_(tg_tensor *x);
TG_API tg_tensor *tg_erfinv_(tg_tensor *x);
TG_API tg_tensor *tg_ndtr_(tg_tensor *x);
TG_API tg_tensor *tg_ndtri_(tg_tensor *x);
TG_API tg_tensor *tg_log_ndtr_(tg_tensor *x);
TG_API tg_tensor *tg_lgamma_(tg_tensor *x);
TG_API tg_tensor *tg_digamma_(tg_tensor *x);
TG_API tg_tensor *tg_i0_(tg_tensor *x);
TG_API tg_tensor *tg_i1_(tg_tensor *x);
TG_API tg_tensor *tg_i0e_(tg_tensor *x);
TG_API tg_tensor *tg_i1e_(tg_tensor *x);
TG_API tg_tensor *tg_sinc_(tg_tensor *x);
TG_API tg_tensor *tg_floor_(tg_tensor *x);
TG_API tg_tensor *tg_ceil_(tg_tensor *x);
TG_API tg_tensor *tg_trunc_(tg_tensor *x);
TG_API tg_tensor *tg_frac_(tg_tensor *x);
TG_API tg_tensor *tg_round_(tg_tensor *x, int64_t decimals);
TG_API tg_tensor *tg_logit_(tg_tensor *x, double eps);
TG_API tg_tensor *tg_polygamma_(int64_t n, tg_tensor *x);
TG_API tg_tensor *tg_nan_to_num_(tg_tensor *x, double nan, double posinf, double neginf);
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
