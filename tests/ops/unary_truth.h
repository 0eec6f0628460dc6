/* unary_truth.h - what functions of one number should give, in long double.
 *
 * x87's long double has 11 bits more than double. Where it is no wider than double, comparisons
 * with f64 say nothing (TRUTH_IS_WIDE). Inverses are found by Newton's steps on the function that
 * they invert, the others by sums that do not cancel. */
#ifndef TESTS_OPS_UNARY_TRUTH_H
#define TESTS_OPS_UNARY_TRUTH_H

#include "kernels/kernels.h"
#include "kernels/special.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

#define TRUTH_IS_WIDE (LDBL_MANT_DIG >= 64)

typedef long double real;

static const real pi_l = 3.14159265358979323846264338327950288L;

static inline real sigmoid_l(real x) {
    return x >= 0 ? 1 / (1 + expl(-x)) : expl(x) / (1 + expl(x));
}
static inline real rsqrt_l(real x) { return 1 / sqrtl(x); }
static inline real reciprocal_l(real x) { return 1 / x; }
static inline real deg2rad_l(real x) { return x / 180 * pi_l; }
static inline real rad2deg_l(real x) { return x / pi_l * 180; }
static inline real frac_l(real x) { return x - truncl(x); }
static inline real square_l(real x) { return x * x; }

/* The y with erfc(y) = z: from a start near it, which may be rough. */
static inline real erfc_inverse_l(real z, real y) {
    for (int i = 0; i < 4; i++)
        y += (erfcl(y) - z) / (2 / sqrtl(pi_l) * expl(-y * y));
    return y;
}
static inline real erfinv_l(real x) {
    real y = (real)tg__erfinv((double)x);
    if (fabsl(x) > 0.5L)
        return x > 0 ? erfc_inverse_l(1 - x, y) : -erfc_inverse_l(1 + x, -y);
    for (int i = 0; i < 4; i++)
        y -= (erfl(y) - x) / (2 / sqrtl(pi_l) * expl(-y * y));
    return y;
}
static inline real erfcx_l(real x) {
    if (x < 20)
        return expl(x * x) * erfcl(x);
    real sum = 1, term = 1;
    for (int k = 1; k < 30; k += 2)
        sum += term *= -k / (2 * x * x);
    return sum / (x * sqrtl(pi_l));
}
static inline real ndtr_l(real x) { return erfcl(-x * sqrtl(0.5L)) / 2; }
static inline real ndtri_l(real p) {
    const real root = sqrtl(2), y = (real)tg__ndtri((double)p) / root;
    return p < 0.5L ? -root * erfc_inverse_l(2 * p, -y) : root * erfc_inverse_l(2 * (1 - p), y);
}
static inline real log_ndtr_l(real x) { return x < 0 ? logl(ndtr_l(x)) : log1pl(-ndtr_l(-x)); }

static inline real digamma_l(real x) {
    real y = 0;
    if (x < 0) {
        y = -pi_l / tanl(pi_l * (x - rintl(x)));
        x = 1 - x;
    }
    for (; x < 40; x++)
        y -= 1 / x;
    const real q = 1 / (x * x);
    return y + logl(x) - 0.5L / x -
           q * (1 / 12.0L -
                q * (1 / 120.0L -
                     q * (1 / 252.0L - q * (1 / 240.0L - q * (1 / 132.0L - q * 691 / 32760.0L)))));
}
/* n!·Σ 1/(x + k)ⁿ⁺¹ with the sign of the n-th derivative; x > -100. */
static inline real polygamma_l(int n, real x) {
    real y = 0, sign = n % 2 == 0 ? -1 : 1, factorial = 1;
    for (int i = 2; i <= n; i++)
        factorial *= i;
    for (; x < 60; x++)
        y += powl(x, -n - 1);
    /* Euler and Maclaurin: ∫, half of the first, B₂/2!, B₄/4!, … */
    static const real b[] = {1 / 12.0L,       -1 / 720.0L,     1 / 30240.0L,
                             -1 / 1209600.0L, 1 / 47900160.0L, -691 / 1307674368000.0L};
    real rising = (n + 1) / x, rest = x / n + 0.5L;
    for (int j = 0; j < 6; j++) {
        rest += b[j] * rising;
        rising *= (n + 2 + 2 * j) / x * ((n + 3 + 2 * j) / x);
    }
    return sign * factorial * (y + rest * powl(x, -n - 1));
}
static inline real trigamma_l(real x) { return polygamma_l(1, x); }
static inline real tetragamma_l(real x) { return polygamma_l(2, x); }

/* Σ (x/2)²ᵏ⁺ᵛ / (k! (k + v)!) */
static inline real bessel_l(int v, real x) {
    real term = v == 0 ? 1 : x / 2, sum = 0;
    for (int k = 1; fabsl(term) > 1e-22L * fabsl(sum); k++) {
        sum += term;
        term *= x * x / 4 / k / (k + v);
    }
    return sum;
}
static inline real i0_l(real x) { return bessel_l(0, x); }
static inline real i1_l(real x) { return bessel_l(1, x); }
static inline real i0e_l(real x) { return bessel_l(0, x) * expl(-fabsl(x)); }
static inline real i1e_l(real x) { return bessel_l(1, x) * expl(-fabsl(x)); }

static inline real sinc_l(real x) {
    const real r = x - rintl(x), y = sinl(pi_l * r);
    return x == 0 ? 1 : (fmodl(rintl(x), 2) == 0 ? y : -y) / (pi_l * x);
}

/* A function: its kernel, what it should give, where, and how far off it may be, in units of the
 * last place of the result or of `floor`, if that is larger. `dense` is the interval where it
 * happens; the domain is taken by magnitudes. `narrow` serves f32 (NULL: f32 is computed as f64
 * is, and rounded). */
typedef struct {
    const char *name;
    tg__unary op;
    real (*truth)(real);
    double (*narrow)(double);
    double lo, hi;
    double dense[2];
    double limit, floor;
} accuracy;

#define ANY_SIZE -INFINITY, INFINITY
static const accuracy accuracies[] = {
    {"floor", TG__UN_floor, floorl, floor, ANY_SIZE, {-100, 100}, 0, 0},
    {"ceil", TG__UN_ceil, ceill, ceil, ANY_SIZE, {-100, 100}, 0, 0},
    {"round", TG__UN_round, rintl, rint, ANY_SIZE, {-100, 100}, 0, 0},
    {"trunc", TG__UN_trunc, truncl, trunc, ANY_SIZE, {-100, 100}, 0, 0},
    {"frac", TG__UN_frac, frac_l, NULL, ANY_SIZE, {-100, 100}, 0, 0},
    {"square", TG__UN_square, square_l, NULL, ANY_SIZE, {-10, 10}, 0.501, 0},
    {"sqrt", TG__UN_sqrt, sqrtl, sqrt, 0, INFINITY, {0, 10}, 0.501, 0},
    {"reciprocal", TG__UN_reciprocal, reciprocal_l, NULL, ANY_SIZE, {-10, 10}, 0.501, 0},
    {"rsqrt", TG__UN_rsqrt, rsqrt_l, NULL, 0, INFINITY, {0, 10}, 1.6, 0},
    {"deg2rad", TG__UN_deg2rad, deg2rad_l, NULL, ANY_SIZE, {-400, 400}, 1.6, 0},
    {"rad2deg", TG__UN_rad2deg, rad2deg_l, NULL, ANY_SIZE, {-10, 10}, 1.6, 0},
    {"exp", TG__UN_exp, expl, exp, -746, 710, {-20, 20}, 4, 0},
    {"exp2", TG__UN_exp2, exp2l, exp2, -1080, 1025, {-20, 20}, 4, 0},
    {"expm1", TG__UN_expm1, expm1l, expm1, -746, 710, {-20, 20}, 4, 0},
    {"log", TG__UN_log, logl, log, 0, INFINITY, {0, 10}, 4, 0},
    {"log2", TG__UN_log2, log2l, log2, 0, INFINITY, {0, 10}, 4, 0},
    {"log10", TG__UN_log10, log10l, log10, 0, INFINITY, {0, 10}, 4, 0},
    {"log1p", TG__UN_log1p, log1pl, log1p, -1, INFINITY, {-1, 10}, 4, 0},
    {"sin", TG__UN_sin, sinl, sin, ANY_SIZE, {-20, 20}, 4, 0},
    {"cos", TG__UN_cos, cosl, cos, ANY_SIZE, {-20, 20}, 4, 0},
    {"tan", TG__UN_tan, tanl, tan, ANY_SIZE, {-20, 20}, 4, 0},
    {"asin", TG__UN_asin, asinl, asin, -1, 1, {-1, 1}, 4, 0},
    {"acos", TG__UN_acos, acosl, acos, -1, 1, {-1, 1}, 4, 0},
    {"atan", TG__UN_atan, atanl, atan, ANY_SIZE, {-10, 10}, 4, 0},
    {"sinh", TG__UN_sinh, sinhl, sinh, -712, 712, {-20, 20}, 4, 0},
    {"cosh", TG__UN_cosh, coshl, cosh, -712, 712, {-20, 20}, 4, 0},
    {"tanh", TG__UN_tanh, tanhl, tanh, ANY_SIZE, {-20, 20}, 4, 0},
    {"asinh", TG__UN_asinh, asinhl, asinh, ANY_SIZE, {-10, 10}, 4, 0},
    {"acosh", TG__UN_acosh, acoshl, acosh, 1, INFINITY, {1, 10}, 4, 0},
    {"atanh", TG__UN_atanh, atanhl, atanh, -1, 1, {-1, 1}, 4, 0},
    {"sigmoid", TG__UN_sigmoid, sigmoid_l, NULL, -746, INFINITY, {-20, 20}, 4, 0},
    {"erf", TG__UN_erf, erfl, erf, ANY_SIZE, {-6, 6}, 4, 0},
    {"erfc", TG__UN_erfc, erfcl, erfc, -INFINITY, 27, {-6, 27}, 4, 0},
    {"erfcx", TG__UN_erfcx, erfcx_l, NULL, -26, INFINITY, {-5, 40}, 4, 0},
    {"erfinv", TG__UN_erfinv, erfinv_l, NULL, -1, 1, {-1, 1}, 4, 0},
    {"ndtr", TG__UN_ndtr, ndtr_l, NULL, -38, INFINITY, {-38, 10}, 4, 0},
    {"ndtri", TG__UN_ndtri, ndtri_l, NULL, 1e-300, 1, {0, 1}, 4, 0x1p-4},
    {"log_ndtr", TG__UN_log_ndtr, log_ndtr_l, NULL, -140, 38, {-10, 10}, 4, 0},
    {"lgamma", TG__UN_lgamma, lgammal, NULL, -100, 1e300, {-10, 10}, 4, 1},
    {"digamma", TG__UN_digamma, digamma_l, NULL, -1000, 1e300, {-10, 10}, 4, 2},
    {"i0", TG__UN_i0, i0_l, NULL, -700, 700, {-20, 20}, 4, 0},
    {"i0e", TG__UN_i0e, i0e_l, NULL, -1000, 1000, {-20, 20}, 4, 0},
    {"i1", TG__UN_i1, i1_l, NULL, -700, 700, {-20, 20}, 4, 0},
    {"i1e", TG__UN_i1e, i1e_l, NULL, -1000, 1000, {-20, 20}, 4, 0},
    {"sinc", TG__UN_sinc, sinc_l, NULL, ANY_SIZE, {-10, 10}, 4, 0},
};
#define ACCURACIES (sizeof accuracies / sizeof *accuracies)

/* The distance of `got` from the truth in units of the last place, in a type of so many digits and
 * with this smallest number. */
static inline double ulps_off(double got, real truth, int digits, int lowest, double floor) {
    const real rounded = digits == 24 ? (real)(float)truth : (real)(double)truth;
    if ((real)got == rounded)
        return 0;
    if (isnan(got) || isnan(truth))
        return isnan(got) && isnan(truth) ? 0 : INFINITY;
    if (isinf(got) || isinf(rounded))
        return INFINITY;
    int exponent;
    (void)frexpl(fmaxl(fabsl(truth), (real)floor), &exponent);
    exponent = exponent - digits > lowest ? exponent - digits : lowest;
    return (double)fabsl(ldexpl((real)got - truth, -exponent));
}

#endif
