/* special.c - special functions of one number, in double.
 *
 * What libm has (erf, erfc, lgamma_r) is built upon, the rest is made of convergent sums of terms
 * of one sign, asymptotic series where they are exact to the last bit, and Newton steps. Where an
 * argument is rounded before it enters an exponential, its rounding error is carried along with
 * fma: exp(-x²) of a rounded x² loses as many digits as x² has.
 *
 * Formulas: DLMF (dlmf.nist.gov) chapters 5 (gamma), 7 (error functions), 10.25 and 10.40 (Bessel),
 * 25.11 (Hurwitz zeta). The Chebyshev coefficients were computed to 60 digits. */
#include "kernels/special.h"

#include <math.h>

#define PI 3.14159265358979323846
#define SQRT_PI 1.77245385090551602730
#define SQRT_2 1.41421356237309504880
#define SQRT_HALF 0x1.6a09e667f3bcdp-1          /* √½ rounded */
#define SQRT_HALF_REST (-4.833646656726457e-17) /* and what the rounding took */
#define COUNT(list) ((int)(sizeof(list) / sizeof(*list)))

/* ---- Error functions ------------------------------------------------------------------------- */

/* The y > 0 with erfc(y) = z, for 0 < z <= 1/2. The start is within 1 %, and Halley's method
 * triples the digits once it is close; u is Newton's step. */
static double erfc_inverse(double z) {
    const double a = 0.147, l = log(z * (2 - z)), t = 2 / (PI * a) + l / 2;
    double y = sqrt(-l / a / (sqrt(t * t - l / a) + t)); /* Winitzki's approximation */
    for (int i = 0; i < 8; i++) {
        const double u = (z - erfc(y)) / (2 / SQRT_PI * exp(-y * y));
        y -= u / (1 + u * y);
        if (fabs(u) < 1e-7)
            break;
    }
    return y;
}

double tg__erfinv(double x) {
    const double size = fabs(x);
    if (!(size < 1))
        return size == 1 ? copysign(INFINITY, x) : NAN;
    if (size > 0.5)
        return copysign(erfc_inverse(1 - size), x);
    double y = SQRT_PI / 2 * x;
    if (size < 1e-9) /* the next term is πx²/12 of this */
        return y;
    y *= 1 + PI / 12 * x * x;
    for (int i = 0; i < 2; i++) {
        const double u = (erf(y) - x) / (2 / SQRT_PI * exp(-y * y));
        y -= u / (1 + u * y);
    }
    return y;
}

double tg__erfcx(double x) {
    if (x < 9) {
        const double square = x * x; /* and its rounding error: */
        const double rest = fma(x, x, -square);
        const double e = exp(square);
        return isinf(e) ? e : (e + e * rest) * erfc(x);
    }
    /* 1/(x√π) · (1 - 1/2x² + 1·3/(2x²)² - …) */
    const double q = -0.5 / (x * x);
    double tail = 0, term = 1;
    for (int k = 1; k < 40 && fabs(term) > 1e-18; k += 2) {
        term *= q * k;
        tail += term;
    }
    return (1 + tail) / SQRT_PI / x;
}

/* y' = 2xy - 2/√π, then y⁽ᵏ⁺¹⁾ = 2x·y⁽ᵏ⁾ + 2k·y⁽ᵏ⁻¹⁾. For larger x little is left of these
 * differences: there the ratios y⁽ᵏ⁾/y⁽ᵏ⁻¹⁾ = -k/t(k) are taken from a continued fraction of
 * positive terms, t(k) = x + (k + 1)/2 / t(k + 1) (DLMF 7.18.13, from iᵏerfc). It starts where it
 * is the root of t = x + k/2t but for what the steps down shrink to nothing. */
double tg__erfcx_slope(int n, double x) {
    double y = tg__erfcx(x);
    if (x >= 1) {
        const int last = 10 + 2 * n + (int)((160 + 8 * n) / (x * x));
        double t = (x + sqrt(x * x + 2 * (last + 1))) / 2;
        for (int k = last; k > 0; k--) {
            t = x + (k + 1) * 0.5 / t;
            if (k <= n)
                y *= -k / t;
        }
        return y;
    }
    double before = -1 / SQRT_PI; /* y⁽⁻¹⁾ of the recurrence, times 2k = 2 */
    for (int k = 0; k < n; k++) {
        const double next = 2 * x * y + 2 * (k > 0 ? k : 1) * before;
        before = y;
        y = next;
    }
    return y;
}

double tg__ndtr(double x) {
    const double t = -x * SQRT_HALF, y = erfc(t);
    if (!(t > 0.5 && t < 40))
        return y / 2;
    const double rest = fma(-x, SQRT_HALF, -t) - x * SQRT_HALF_REST; /* -x/√2 - t */
    return (y - rest * (2 / SQRT_PI) * exp(-t * t)) / 2;
}

double tg__ndtri(double p) {
    if (!(p > 0 && p < 1))
        return p == 0 ? -INFINITY : p == 1 ? INFINITY : NAN;
    if (p < 0.25)
        return -SQRT_2 * erfc_inverse(2 * p);
    if (p > 0.75)
        return SQRT_2 * erfc_inverse(2 * (1 - p));
    return SQRT_2 * tg__erfinv(2 * (p - 0.5));
}

double tg__log_ndtr(double x) {
    if (x < -1)
        return log(tg__erfcx(-x * SQRT_HALF) / 2) - 0.5 * x * x;
    return log1p(-tg__ndtr(-x));
}

/* ---- Gamma ----------------------------------------------------------------------------------- */

double tg__lgamma(double x) {
    int sign;
    return lgamma_r(x, &sign);
}

double tg__digamma(double x) {
    if (x == 0)
        return copysign(INFINITY, -x);
    double y = 0;
    if (x < 0) { /* ψ(x) = ψ(1 - x) - π cot(πx) */
        const double r = x - rint(x);
        if (!(fabs(r) > 0)) /* a pole, or -inf */
            return NAN;
        y = -PI / tan(PI * r);
        x = 1 - x;
    }
    double steps = 0; /* ψ(x + n) - ψ(x), small terms first */
    if (x < 10) {
        const int n = (int)(11 - x);
        for (int k = n - 1; k >= 0; k--)
            steps += 1 / (x + k);
        x += n;
    }
    /* B₂ₖ/2k of DLMF 5.11.2 */
    static const double b[] = {1.0 / 12,  -1.0 / 120,     1.0 / 252, -1.0 / 240,
                               1.0 / 132, -691.0 / 32760, 1.0 / 12};
    const double q = 1 / (x * x);
    double tail = 0;
    for (int k = COUNT(b) - 1; k >= 0; k--)
        tail = q * (b[k] + tail);
    return y + (log(x) - 0.5 / x - tail - steps);
}

/* n! · ζ(n + 1, x) = n! · Σ 1/(x + k)ⁿ⁺¹ for x > 0, n >= 1: the first terms, relative to that of
 * k = 0, and the rest by Euler and Maclaurin's formula. */
static double zeta_terms(int n, double x) {
    if (isinf(x))
        return 0;
    const double s = n + 1, edge = fmax(12, 0.7 * s);
    double sum = 0, a = x, term = 1;
    for (int k = 0; a < edge; a = x + k) {
        term = pow(x / a, s);
        sum += term;
        k++;
        if (term < 1e-18 * sum)
            break;
    }
    if (a >= edge) {
        /* B₂ⱼ/(2j)! */
        static const double b[] = {
            8.33333333333333333e-2,   -1.38888888888888889e-3,  3.30687830687830688e-5,
            -8.2671957671957672e-7,   2.0876756987868099e-8,    -5.28419013868749318e-10,
            1.33825365306846788e-11,  -3.38968029632258287e-13, 8.58606205627784456e-15,
            -2.17486869855806187e-16, 5.50900282836022952e-18,  -1.39544646858125233e-19};
        double rest = a / n + 0.5, rising = s / a;
        for (int j = 0; j < COUNT(b); j++) {
            rest += b[j] * rising;
            rising *= (s + 2 * j + 1) / a * ((s + 2 * j + 2) / a);
        }
        sum += pow(x / a, s) * rest;
    }
    double first = 1 / x; /* n!/xⁿ⁺¹, by factors that stay in range */
    for (int k = 1; k <= n; k++)
        first *= k / x;
    return first * sum;
}

double tg__polygamma(int n, double x) {
    if (n == 0)
        return tg__digamma(x);
    if (isnan(x) || (isinf(x) && x < 0))
        return NAN;
    const double sign = n % 2 == 0 ? -1 : 1;
    if (x > 0)
        return sign * zeta_terms(n, x);
    /* Below 0 the terms left of the pole at 0 are a finite part of the same sum from the other
     * side: ζ(s, x) = ζ(s, above) ± (ζ(s, below) - ζ(s, 1 - x)). */
    const double above = x - floor(x), below = ceil(x) - x;
    if (!(below > 0))
        return sign * INFINITY;
    return sign * (zeta_terms(n, above) + sign * (zeta_terms(n, below) - zeta_terms(n, 1 - x)));
}

/* ---- Bessel ---------------------------------------------------------------------------------- */

/* Σ c[k] Tₖ(t), the first one whole, by Clenshaw's recurrence. */
static double chebyshev(double t, const double *c, int n) {
    double b1 = 0, b2 = 0;
    for (int k = n - 1; k > 0; k--) {
        const double b = 2 * t * b1 - b2 + c[k];
        b2 = b1;
        b1 = b;
    }
    return t * b1 - b2 + c[0];
}

/* Up to here power series in x²/4, beyond √x e⁻ˣ Iᵥ(x) in Chebyshev polynomials of 16/x - 1. */
#define BESSEL_EDGE 8.0

static const double i0_power[] = {1.0,
                                  1.0,
                                  2.5e-1,
                                  2.77777777777777778e-2,
                                  1.73611111111111111e-3,
                                  6.94444444444444444e-5,
                                  1.92901234567901235e-6,
                                  3.93675988914084152e-8,
                                  6.15118732678256488e-10,
                                  7.59405842812662331e-12,
                                  7.59405842812662331e-14,
                                  6.27608134555919281e-16,
                                  4.35838982330499501e-18,
                                  2.57892888952958285e-20,
                                  1.3157800456783586e-22,
                                  5.8479113141260382e-25,
                                  2.28434035708048367e-27,
                                  7.90429189301205423e-30,
                                  2.43959626327532538e-32,
                                  6.75788438580422543e-35,
                                  1.68947109645105636e-37,
                                  3.83100021870987836e-40,
                                  7.91528970807826107e-43,
                                  1.49627404689570153e-45}; /* 1/k!² */
static const double i1_power[] = {1.0,
                                  5.0e-1,
                                  8.33333333333333333e-2,
                                  6.94444444444444444e-3,
                                  3.47222222222222222e-4,
                                  1.15740740740740741e-5,
                                  2.75573192239858907e-7,
                                  4.9209498614260519e-9,
                                  6.83465258531396098e-11,
                                  7.59405842812662331e-13,
                                  6.9036894801151121e-15,
                                  5.23006778796599401e-17,
                                  3.3526075563884577e-19,
                                  1.84209206394970203e-21,
                                  8.7718669711890573e-24,
                                  3.65494457132877388e-26,
                                  1.34372962181204922e-28,
                                  4.39127327389558568e-31,
                                  1.28399803330280283e-33,
                                  3.37894219290211271e-36,
                                  8.04510045929074456e-39,
                                  1.74136373577721744e-41,
                                  3.44143030786011351e-44,
                                  6.23447519539875636e-47}; /* 1/(k! (k + 1)!) */
static const double i0_large[] = {
    4.02245205507054416e-1,   3.36911647825569409e-3,   6.88975834691682398e-5,
    2.89137052083475648e-6,   2.04891858946906374e-7,   2.26666899049817806e-8,
    3.39623202570838635e-9,   4.94060238822496959e-10,  1.18891471078464383e-11,
    -3.14991652796324136e-11, -1.32158118404477131e-11, -1.79417853150680612e-12,
    7.18012445138366623e-13,  3.8527783827421427e-13,   1.54008621752140983e-14,
    -4.15056934728722209e-14, -9.55484669882830765e-15, 3.81168066935262242e-15,
    1.77256013305652638e-15,  -3.42548561967721913e-16, -2.82762398051658348e-16,
    3.46122286769746109e-17,  4.46562142029676e-17,     -4.83050448594418207e-18,
    -7.23318048787475395e-18, 9.9214754121736986e-19,   1.19365089084598209e-18};
static const double i1_large[] = {
    3.8928811750914006e-1,    -9.76109749136146841e-3,  -1.10588938762623716e-4,
    -3.88256480887769039e-6,  -2.51223623787020893e-7,  -2.63146884688951951e-8,
    -3.83538038596423702e-9,  -5.58974346219658381e-10, -1.89749581235054123e-11,
    3.25260358301548824e-11,  1.41258074366137813e-11,  2.03562854414708951e-12,
    -7.19855177624590851e-13, -4.08355111109219732e-13, -2.10154184277266431e-14,
    4.27244001671195135e-14,  1.04202769841288028e-14,  -3.8144030724370078e-15,
    -1.88035477551078245e-15, 3.30820231092092828e-16,  2.96262899764595014e-16,
    -3.20952592199342396e-17, -4.65030536848935833e-17, 4.41434832307170795e-18,
    7.51729631084210481e-18,  -9.31417886732688338e-19, -1.24219327519489096e-18};

/* Σ c[k] (x²/4)ᵏ: at the rounded x²/4, and its rounding error times the slope there. */
static double power_series(const double *c, int n, double x) {
    const double half = x / 2, q = half * half, rest = fma(half, half, -q);
    double y = c[n - 1], slope = 0;
    for (int k = n - 2; k >= 0; k--) {
        slope = slope * q + y;
        y = y * q + c[k];
    }
    return y + slope * rest;
}

/* y·eˣ, where eˣ may overflow before it does. */
static double times_exp(double y, double x) {
    if (x < 700)
        return y * exp(x);
    const double half = exp(x / 2);
    return isinf(half) ? copysign(half, y) : y * half * half;
}

double tg__i0e(double x) {
    x = fabs(x);
    if (x <= BESSEL_EDGE)
        return power_series(i0_power, COUNT(i0_power), x) * exp(-x);
    return chebyshev(16 / x - 1, i0_large, COUNT(i0_large)) / sqrt(x);
}

double tg__i0(double x) {
    x = fabs(x);
    if (x <= BESSEL_EDGE)
        return power_series(i0_power, COUNT(i0_power), x);
    return times_exp(tg__i0e(x), x);
}

double tg__i1e(double x) {
    const double size = fabs(x);
    if (size <= BESSEL_EDGE)
        return x / 2 * power_series(i1_power, COUNT(i1_power), x) * exp(-size);
    return copysign(chebyshev(16 / size - 1, i1_large, COUNT(i1_large)) / sqrt(size), x);
}

double tg__i1(double x) {
    const double size = fabs(x);
    if (size <= BESSEL_EDGE)
        return x / 2 * power_series(i1_power, COUNT(i1_power), x);
    return times_exp(tg__i1e(x), size);
}

/* ---- sinc ------------------------------------------------------------------------------------ */

/* sin(πx), exactly 0 at integers. */
static double sin_pi(double x) {
    const double n = rint(x), r = x - n;
    const double y = fabs(r) <= 0.25 ? sin(PI * r) : copysign(cos(PI * (0.5 - fabs(r))), r);
    return fmod(n, 2) == 0 ? y : -y;
}

/* πⁿ · dⁿ/dzⁿ sin(z)/z as its power series Σ (-1)ᵏ z²ᵏ⁻ⁿ / ((2k - n)! (2k + 1)), 2k >= n. */
static double sinc_series(int n, double z) {
    int k = (n + 1) / 2;
    double power = k % 2 == 0 ? 1 : -1; /* ±z²ᵏ⁻ⁿ/(2k - n)! */
    if (2 * k > n)
        power *= z;
    double sum = 0;
    for (; fabs(power) > 1e-18 * fabs(sum); k++) {
        sum += power / (2 * k + 1);
        power *= -z * z / ((double)(2 * k - n + 1) * (2 * k - n + 2));
    }
    for (int i = 0; i < n; i++)
        sum *= PI;
    return sum;
}

double tg__sinc(int n, double x) {
    const double z = PI * x;
    if (z * z < n + 1)
        return z == 0 && n == 0 ? 1 : sinc_series(n, z);
    /* x·sinc is sin(πx)/π: differentiated n times, x·sinc⁽ⁿ⁾ + n·sinc⁽ⁿ⁻¹⁾ = πⁿ⁻¹·sin⁽ⁿ⁾(πx) */
    const double sine = sin_pi(x), r = x - rint(x);
    double cosine = fabs(r) < 0.25 ? cos(PI * r) : sin(PI * (0.5 - fabs(r)));
    if (fmod(rint(x), 2) != 0)
        cosine = -cosine;
    const double turn[4] = {sine, cosine, -sine, -cosine};
    double y = sine / z, power = 1;
    for (int k = 1; k <= n; k++) {
        y = (power * turn[k % 4] - k * y) / x;
        power *= PI;
    }
    return y;
}
