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
/** The nearest multiple of 10^-decimals, half to even: round(x·10^decimals)/10^decimals, the
 * product rounded. decimals is from -308 to 308 (TG_ERR_ARG), and 0 for integers (TG_ERR_DTYPE). A
 * number whose product overflows has no such decimals and stays. */
TG_API tg_tensor *tg_round(tg_tensor *x, int64_t decimals);
/** x - trunc(x), with the sign of x; NaN for infinities; gradient 1. f32 and f64 only. */
TG_API tg_tensor *tg_frac(tg_tensor *x);

/* Exponentials and logarithms. */
/** eˣ; gradient g·y. Float. */
TG_API tg_tensor *tg_exp(tg_tensor *x);
/** 2ˣ; gradient g·y·ln 2. Float. */
TG_API tg_tensor *tg_exp2(tg_tensor *x);
/** eˣ - 1, exact near 0; gradient g(y + 1), whose relative accuracy is lost where y has rounded to
 *  -1. Float. ONNX has Exp only, which is not exact there. */
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
/** tg_asin by its long name. */
TG_API tg_tensor *tg_arcsin(tg_tensor *x);
/** tg_acos by its long name. */
TG_API tg_tensor *tg_arccos(tg_tensor *x);
/** tg_atan by its long name. */
TG_API tg_tensor *tg_arctan(tg_tensor *x);
/** tg_asinh by its long name. */
TG_API tg_tensor *tg_arcsinh(tg_tensor *x);
/** tg_acosh by its long name. */
TG_API tg_tensor *tg_arccosh(tg_tensor *x);
/** tg_atanh by its long name. */
TG_API tg_tensor *tg_arctanh(tg_tensor *x);
/** tanh x; gradient g(1 - y²), whose relative accuracy is lost where y has rounded to 1 or -1.
 *  Float. */
TG_API tg_tensor *tg_tanh(tg_tensor *x);
/** 1/(1 + e⁻ˣ); gradient g·y(1 - y), whose relative accuracy is lost where y has rounded to 1.
 *  Float. */
TG_API tg_tensor *tg_sigmoid(tg_tensor *x);

/* Special functions. Each is within a few units of the last place, but near a zero of the function
 * (lgamma, digamma, polygamma) within that of the terms that cancel. */
/** 2/√π ∫₀ˣ exp(-t²) dt; gradient g·2/√π·exp(-x²). Float. */
TG_API tg_tensor *tg_erf(tg_tensor *x);
/** 1 - erf(x), exact where that is small. Float. */
TG_API tg_tensor *tg_erfc(tg_tensor *x);
/** exp(x²)·erfc(x), which does not underflow; gradient g(2xy - 2/√π), also exact for large x, where
 *  that cancels. Float. */
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
 *  n > 0; there ±inf at 0, -1, -2, … Gradient g·polygamma(n + 1, x), for n < 700. Float. */
TG_API tg_tensor *tg_polygamma(int64_t n, tg_tensor *x);
/** The modified Bessel function I₀(x); gradient g·i1(x). Float. */
TG_API tg_tensor *tg_i0(tg_tensor *x);
/** I₁(x); gradient g(i0(x) - y/x), g/2 at 0. Float. */
TG_API tg_tensor *tg_i1(tg_tensor *x);
/** exp(-|x|)·I₀(x); gradient g(i1e(x) - sign(x)·y), accurate to a few units of y, of which only
 *  1/(2|x|) is left for large x. Float. */
TG_API tg_tensor *tg_i0e(tg_tensor *x);
/** exp(-|x|)·I₁(x); gradient g(i0e(x) - (sign(x) + 1/x)·y), as accurate as that of i0e; g/2 at 0.
 *  Float. */
TG_API tg_tensor *tg_i1e(tg_tensor *x);
/** sin(πx)/(πx), 1 at 0 and exactly 0 at other integers; gradient 0 at 0. Float. */
TG_API tg_tensor *tg_sinc(tg_tensor *x);

/* NaN and infinities; see also tg_isnan and tg_isfinite. */
/** True for +inf and -inf; of integers and bool all false. Bool result. */
TG_API tg_tensor *tg_isinf(tg_tensor *x);
/** True for +inf. */
TG_API tg_tensor *tg_isposinf(tg_tensor *x);
/** True for -inf. */
TG_API tg_tensor *tg_isneginf(tg_tensor *x);
/** True for numbers below 0, for -0 and for NaN with its sign bit set. */
TG_API tg_tensor *tg_signbit(tg_tensor *x);
/** x with numbers for NaN, +inf and -inf; NAN as posinf or neginf stands for the largest or lowest
 *  number of x's dtype. Gradient g, 0 where x was replaced. Integers and bool come back as they
 *  are. */
TG_API tg_tensor *tg_nan_to_num(tg_tensor *x, double nan, double posinf, double neginf);

/** max(x, 0); NaN stays; gradient 0 at 0. No bool. */
TG_API tg_tensor *tg_relu(tg_tensor *x);
/** x limited to [lo, hi]; -INFINITY and INFINITY mean no limit. NaN stays; lo > hi gives hi. The
 *  gradient is g inside and at the limits, else 0. Integers stay integers: limits that are none are
 *  rounded inwards. A NaN limit is TG_ERR_ARG. No bool. */
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

/* ---- Elementwise: two inputs ----------------------------------------------------------------
 * They broadcast and promote. Those marked float convert integers and bool to f32. */

/** a + b; bool + bool is or. */
TG_API tg_tensor *tg_add(tg_tensor *a, tg_tensor *b);
/** a - b. No bool. */
TG_API tg_tensor *tg_sub(tg_tensor *a, tg_tensor *b);
/** other - x. No bool. */
TG_API tg_tensor *tg_rsub(tg_tensor *x, tg_tensor *other);
/** a · b; bool · bool is and. */
TG_API tg_tensor *tg_mul(tg_tensor *a, tg_tensor *b);
/** a / b, true division: integers give f32. Gradient to b: -g·a/b². */
TG_API tg_tensor *tg_div(tg_tensor *a, tg_tensor *b);
/** a + alpha·b. With integers alpha must be one, with bool it must be 1 (else
 *  TG_ERR_DTYPE). */
TG_API tg_tensor *tg_add_alpha(tg_tensor *a, tg_tensor *b, double alpha);
/** a - alpha·b, as tg_add_alpha. No bool. */
TG_API tg_tensor *tg_sub_alpha(tg_tensor *a, tg_tensor *b, double alpha);

/** How tg_div_mode rounds. */
typedef enum {
    TG_DIV_TRUE = 0,  /**< not at all: tg_div */
    TG_DIV_TRUNC = 1, /**< toward zero */
    TG_DIV_FLOOR = 2  /**< down: tg_floor_divide */
} tg_div_rounding;
/** a / b, rounded as mode says. Rounded, integers stay integers (TG_ERR_NUMERIC if b has a 0; the
 *  lowest number divided by -1 wraps) and the gradient is 0. No bool where it rounds. */
TG_API tg_tensor *tg_div_mode(tg_tensor *a, tg_tensor *b, tg_div_rounding mode);
/** ⌊a / b⌋, from the exact remainder, so that a = ⌊a/b⌋·b + remainder(a, b) holds but for rounding;
 *  b = 0 gives what a / b gives. Gradient 0. Integers stay integers: a 0 in b is TG_ERR_NUMERIC. No
 *  bool. */
TG_API tg_tensor *tg_floor_divide(tg_tensor *a, tg_tensor *b);
/** a - trunc(a / b)·b, exactly, with the sign of a; NaN for b = 0. Gradient to a: g; to b:
 *  -g·trunc(a / b), a / b not rounded first. Integers: a 0 in b is TG_ERR_NUMERIC. No bool. */
TG_API tg_tensor *tg_fmod(tg_tensor *a, tg_tensor *b);
/** a - ⌊a / b⌋·b, with the sign of b: remainder(-1, inf) is inf; NaN for b = 0. Gradient to a: g;
 * to b: -g·⌊a / b⌋. Integers: a 0 in b is TG_ERR_NUMERIC. No bool. */
TG_API tg_tensor *tg_remainder(tg_tensor *a, tg_tensor *b);

/** aᵇ as C's pow. Gradient to a: g·b·aᵇ⁻¹, 0 where b = 0; to b: g·y·ln a, 0 where a = 0 and b >= 0.
 *  Integers to a negative integer power: TG_ERR_NUMERIC. No bool. */
TG_API tg_tensor *tg_pow(tg_tensor *a, tg_tensor *b);
/** aᵇ of a and b converted to f64, also of integers and bool. */
TG_API tg_tensor *tg_float_power(tg_tensor *a, tg_tensor *b);
/** x · 2^other; other need not be an integer and has a gradient too, g·y·ln 2. Float. */
TG_API tg_tensor *tg_ldexp(tg_tensor *x, tg_tensor *other);
/** The mantissa of x, 0 or of size in [½, 1), and in *exponent (i32; NULL: not wanted) the power of
 *  two that it is multiplied by; infinities and NaN have exponent 0. Gradient: g·2^-exponent.
 * Float.
 */
TG_API tg_tensor *tg_frexp(tg_tensor *x, tg_tensor **exponent);

/** The larger; NaN wins. Ties share the gradient in halves; at NaN both get all of it. */
TG_API tg_tensor *tg_maximum(tg_tensor *a, tg_tensor *b);
/** The smaller; NaN wins. Ties share the gradient in halves; at NaN both get all of it. */
TG_API tg_tensor *tg_minimum(tg_tensor *a, tg_tensor *b);
/** The larger; a number wins over NaN. The gradient goes to the one taken, at ties (and two NaN) to
 *  a. */
TG_API tg_tensor *tg_fmax(tg_tensor *a, tg_tensor *b);
/** The smaller; a number wins over NaN. The gradient goes to the one taken, at ties (and two NaN)
 * to a. */
TG_API tg_tensor *tg_fmin(tg_tensor *a, tg_tensor *b);

/** √(a² + b²) without overflow on the way. Gradient to a: g·a/y, to b: g·b/y; 0 at the origin.
 *  Float. */
TG_API tg_tensor *tg_hypot(tg_tensor *a, tg_tensor *b);
/** The angle of the point (b, a) in (-π, π], as C's atan2. Gradient to a: g·b/(a² + b²), to b:
 *  -g·a/(a² + b²); 0 at the origin. Float. */
TG_API tg_tensor *tg_atan2(tg_tensor *a, tg_tensor *b);
/** |a| with the sign of b (that of a zero counts). Gradient to a: g or -g, 0 at 0; to b: 0.
 *  Float. */
TG_API tg_tensor *tg_copysign(tg_tensor *a, tg_tensor *b);
/** The number of the dtype next to a in the direction of b. Not differentiable: the result is a
 *  leaf. Float. */
TG_API tg_tensor *tg_nextafter(tg_tensor *a, tg_tensor *b);
/** 0 where x < 0 or x is NaN, values where x = 0, 1 where x > 0. Not differentiable: the result is
 * a leaf. */
TG_API tg_tensor *tg_heaviside(tg_tensor *x, tg_tensor *values);
/** ln(eᵃ + eᵇ) without overflow; near 0 accurate to a few units of the larger input. Gradients:
 *  g·eᵃ/(eᵃ + eᵇ) and the rest of g; both 0 where y = -inf. Float. */
TG_API tg_tensor *tg_logaddexp(tg_tensor *a, tg_tensor *b);
/** log₂(2ᵃ + 2ᵇ) without overflow, as tg_logaddexp. Float. */
TG_API tg_tensor *tg_logaddexp2(tg_tensor *a, tg_tensor *b);
/** a·ln b; 0 where a = 0, unless b is NaN. Gradient to a: g·ln b, 0 where a = 0 and b <= 0; to b:
 *  g·a/b, NaN where both are 0. Float. */
TG_API tg_tensor *tg_xlogy(tg_tensor *a, tg_tensor *b);
/** a·ln(1 + b), exact near b = 0; 0 where a = 0, unless b is NaN. Gradient to a: g·ln(1 + b), 0
 * where a = 0 and b <= -1; to b: g·a/(1 + b). Float. */
TG_API tg_tensor *tg_xlog1py(tg_tensor *a, tg_tensor *b);

TG_API tg_tensor *tg_add_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_sub_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_mul_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_div_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_add_alpha_(tg_tensor *a, tg_tensor *b, double alpha);
TG_API tg_tensor *tg_sub_alpha_(tg_tensor *a, tg_tensor *b, double alpha);
TG_API tg_tensor *tg_div_mode_(tg_tensor *a, tg_tensor *b, tg_div_rounding mode);
TG_API tg_tensor *tg_floor_divide_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_fmod_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_remainder_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_pow_(tg_tensor *a, tg_tensor *b);
/** The power is computed in f64 and rounded to the dtype of a. */
TG_API tg_tensor *tg_float_power_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_ldexp_(tg_tensor *x, tg_tensor *other);
TG_API tg_tensor *tg_hypot_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_atan2_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_copysign_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_nextafter_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_heaviside_(tg_tensor *x, tg_tensor *values);
TG_API tg_tensor *tg_xlogy_(tg_tensor *a, tg_tensor *b);

/* With a C scalar: of the float category, so an integer x gives f32 and a float x keeps its
 * dtype. An exact integer scalar is the 0-d tensor of tg_scalar_i64, which leaves the dtype of an
 * integer x with dims as it is. */
TG_API tg_tensor *tg_add_scalar(tg_tensor *x, double s);
TG_API tg_tensor *tg_sub_scalar(tg_tensor *x, double s);
/** s - x. */
TG_API tg_tensor *tg_rsub_scalar(tg_tensor *x, double s);
TG_API tg_tensor *tg_mul_scalar(tg_tensor *x, double s);
TG_API tg_tensor *tg_div_scalar(tg_tensor *x, double s);
/** s / x. */
TG_API tg_tensor *tg_rdiv_scalar(tg_tensor *x, double s);
TG_API tg_tensor *tg_div_mode_scalar(tg_tensor *x, double s, tg_div_rounding mode);
TG_API tg_tensor *tg_floor_divide_scalar(tg_tensor *x, double s);
/** ⌊s / x⌋. */
TG_API tg_tensor *tg_rfloor_divide_scalar(tg_tensor *x, double s);
TG_API tg_tensor *tg_fmod_scalar(tg_tensor *x, double s);
/** fmod(s, x). */
TG_API tg_tensor *tg_rfmod_scalar(tg_tensor *x, double s);
TG_API tg_tensor *tg_remainder_scalar(tg_tensor *x, double s);
/** remainder(s, x). */
TG_API tg_tensor *tg_rremainder_scalar(tg_tensor *x, double s);
/** xˢ. */
TG_API tg_tensor *tg_pow_scalar(tg_tensor *x, double s);
/** sˣ. */
TG_API tg_tensor *tg_rpow_scalar(tg_tensor *x, double s);
TG_API tg_tensor *tg_float_power_scalar(tg_tensor *x, double s);
/** sˣ in f64. */
TG_API tg_tensor *tg_rfloat_power_scalar(tg_tensor *x, double s);
TG_API tg_tensor *tg_copysign_scalar(tg_tensor *x, double s);
TG_API tg_tensor *tg_xlogy_scalar(tg_tensor *x, double s);
/** s·ln x. */
TG_API tg_tensor *tg_rxlogy_scalar(tg_tensor *x, double s);
TG_API tg_tensor *tg_xlog1py_scalar(tg_tensor *x, double s);
/** s·ln(1 + x). */
TG_API tg_tensor *tg_rxlog1py_scalar(tg_tensor *x, double s);
TG_API tg_tensor *tg_add_scalar_(tg_tensor *x, double s);
TG_API tg_tensor *tg_sub_scalar_(tg_tensor *x, double s);
TG_API tg_tensor *tg_mul_scalar_(tg_tensor *x, double s);
TG_API tg_tensor *tg_div_scalar_(tg_tensor *x, double s);
TG_API tg_tensor *tg_div_mode_scalar_(tg_tensor *x, double s, tg_div_rounding mode);
TG_API tg_tensor *tg_floor_divide_scalar_(tg_tensor *x, double s);
TG_API tg_tensor *tg_fmod_scalar_(tg_tensor *x, double s);
TG_API tg_tensor *tg_remainder_scalar_(tg_tensor *x, double s);
TG_API tg_tensor *tg_pow_scalar_(tg_tensor *x, double s);
TG_API tg_tensor *tg_copysign_scalar_(tg_tensor *x, double s);
TG_API tg_tensor *tg_xlogy_scalar_(tg_tensor *x, double s);

/* Other names. */

/** tg_sub. */
TG_API tg_tensor *tg_subtract(tg_tensor *a, tg_tensor *b);
/** tg_mul. */
TG_API tg_tensor *tg_multiply(tg_tensor *a, tg_tensor *b);
/** tg_div. */
TG_API tg_tensor *tg_divide(tg_tensor *a, tg_tensor *b);
/** tg_div. */
TG_API tg_tensor *tg_true_divide(tg_tensor *a, tg_tensor *b);
/** tg_atan2. */
TG_API tg_tensor *tg_arctan2(tg_tensor *a, tg_tensor *b);

/* ---- Integers: bits and divisors. No gradients, no floats ------------------------------------ */

/** Bit by bit; of bool as tg_logical_and. */
TG_API tg_tensor *tg_bitwise_and(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_bitwise_or(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_bitwise_xor(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_bitwise_not(tg_tensor *x);
/** a · 2ᵇ by bits; 0 where b is negative or not below the number of bits. No bool. */
TG_API tg_tensor *tg_bitwise_left_shift(tg_tensor *a, tg_tensor *b);
/** ⌊a / 2ᵇ⌋ by bits; where b is negative or not below the number of bits 0, or -1 for a below 0. No
 *  bool. */
TG_API tg_tensor *tg_bitwise_right_shift(tg_tensor *a, tg_tensor *b);
/** The greatest common divisor, not negative; gcd(0, 0) is 0. No bool. */
TG_API tg_tensor *tg_gcd(tg_tensor *a, tg_tensor *b);
/** The least common multiple, not negative; 0 if one of them is 0. No bool. */
TG_API tg_tensor *tg_lcm(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_bitwise_and_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_bitwise_or_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_bitwise_xor_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_bitwise_not_(tg_tensor *x);
TG_API tg_tensor *tg_bitwise_left_shift_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_bitwise_right_shift_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_gcd_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_lcm_(tg_tensor *a, tg_tensor *b);

/* ---- Elementwise: three inputs, which broadcast ---------------------------------------------- */

/** x + value·a·b. No bool. */
TG_API tg_tensor *tg_addcmul(tg_tensor *x, tg_tensor *a, tg_tensor *b, double value);
/** x + value·a/b, true division: integers give f32. */
TG_API tg_tensor *tg_addcdiv(tg_tensor *x, tg_tensor *a, tg_tensor *b, double value);
/** a + weight·(b - a), computed as b - (b - a)(1 - weight) where |weight| >= ½, so that weight 1
 *  gives b. Gradients: g·(1 - weight), g·weight, g·(b - a). Float. */
TG_API tg_tensor *tg_lerp(tg_tensor *a, tg_tensor *b, tg_tensor *weight);
TG_API tg_tensor *tg_lerp_scalar(tg_tensor *a, tg_tensor *b, double weight);
/**
 * x limited to [lo, hi], tensors or TG_NONE for no limit (of both: TG_ERR_ARG).
 *
 * NaN in any of them gives NaN; lo > hi gives hi. The gradient goes to x where lo <= x <= hi, to lo
 * where x < lo < hi, to hi where x > hi or hi < lo, and nowhere at NaN. Promotes. No bool.
 */
TG_API tg_tensor *tg_clamp_tensor(tg_tensor *x, tg_tensor *lo_or_none, tg_tensor *hi_or_none);
TG_API tg_tensor *tg_addcmul_(tg_tensor *x, tg_tensor *a, tg_tensor *b, double value);
TG_API tg_tensor *tg_addcdiv_(tg_tensor *x, tg_tensor *a, tg_tensor *b, double value);
TG_API tg_tensor *tg_lerp_(tg_tensor *a, tg_tensor *b, tg_tensor *weight);
TG_API tg_tensor *tg_lerp_scalar_(tg_tensor *a, tg_tensor *b, double weight);
TG_API tg_tensor *tg_clamp_tensor_(tg_tensor *x, tg_tensor *lo_or_none, tg_tensor *hi_or_none);
/** tg_clamp without an upper limit. */
TG_API tg_tensor *tg_clamp_min(tg_tensor *x, double lo);
/** tg_clamp without a lower limit. */
TG_API tg_tensor *tg_clamp_max(tg_tensor *x, double hi);
TG_API tg_tensor *tg_clamp_min_(tg_tensor *x, double lo);
TG_API tg_tensor *tg_clamp_max_(tg_tensor *x, double hi);
/** tg_clamp. */
TG_API tg_tensor *tg_clip(tg_tensor *x, double lo, double hi);

#ifdef __cplusplus
}
#endif
#endif
