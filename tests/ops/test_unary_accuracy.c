/* test_unary_accuracy.c - how far elementwise functions of one input are off, in units of the last
 * place (ulp), for f32 and f64 and every instruction set.
 *
 * Numbers of every magnitude of the domain, and a dense grid where the function bends. Printed is
 * the worst that was found. test_unary_exhaustive.c takes every number of f32. */
#include "unary_truth.h"

#include "tg_test.h"

enum { N = 32768 };

typedef struct {
    double off, x, got;
} worst;

/* Half of the points at random in the dense interval, half with random bits, so at all magnitudes;
 * those outside the domain are drawn again. */
static double point(const accuracy *a, bool wide, int i, uint64_t *state) {
    for (;;) {
        *state = *state * 6364136223846793005U + 1442695040888963407U;
        const uint64_t bits = *state ^ *state >> 29;
        double x;
        if (i % 2 == 0) {
            x = a->dense[0] + (a->dense[1] - a->dense[0]) * (double)(bits >> 11) * 0x1p-53;
        } else { /* sign, exponent, digits */
            const int most = wide ? 1023 : 127, least = wide ? -1074 : -149;
            const double span = fmin(most, log2(fmax(fabs(a->lo), fabs(a->hi)))) - least;
            x = ldexp(1 + (double)(bits >> 40) * 0x1p-24,
                      least + (int)(span * (double)(bits >> 8 & 0xffff) / 0xffff));
            x *= bits >> 7 & 1 ? -1 : 1;
        }
        x = wide ? x : (double)(float)x;
        if (x >= a->lo && x <= a->hi && x != 0 && isfinite(x))
            return x;
    }
}

static worst measure(const accuracy *a, tg__ew_fn fn, bool wide) {
    static double in[N], out[N];
    static float in32[N], out32[N];
    uint64_t state = 12345;
    for (int i = 0; i < N; i++) {
        in[i] = point(a, wide, i, &state);
        in32[i] = (float)in[i];
    }
    char *p[2] = {wide ? (char *)out : (char *)out32, wide ? (char *)in : (char *)in32};
    fn(p, (const int64_t[]){wide ? 8 : 4, wide ? 8 : 4}, N, NULL);
    worst w = {0, 0, 0};
    for (int i = 0; i < N; i++) {
        const double got = wide ? out[i] : (double)out32[i];
        const double off = ulps_off(got, a->truth((real)in[i]), wide ? DBL_MANT_DIG : FLT_MANT_DIG,
                                    wide ? -1074 : -149, a->floor);
        if (off > w.off)
            w = (worst){off, in[i], got};
    }
    return w;
}

static void functions_are_within_their_limits(void **state) {
    (void)state;
    static const char *const isas[] = {"base", "avx2", "avx512"};
    for (size_t k = 0; k < ACCURACIES; k++) {
        const accuracy *a = &accuracies[k];
        for (int wide = 0; wide < 1 + TRUTH_IS_WIDE; wide++) {
            tg__ew_fn before = NULL;
            for (int i = 0; i < 3; i++) {
                const tg__kernels *kernels = tg__kernels_named(isas[i]);
                tg__ew_fn fn =
                    kernels != NULL ? kernels->unary[a->op][wide ? TG_F64 : TG_F32] : NULL;
                if (fn == NULL || fn == before)
                    continue;
                before = fn;
                const worst w = measure(a, fn, wide);
                print_message("%-10s %s %-6s %6.3f ulp at %.17g\n", a->name, wide ? "f64" : "f32",
                              isas[i], w.off, w.x);
                if (w.off > a->limit)
                    fail_msg("%s(%.17g) is %.17g: %g ulp off", a->name, w.x, w.got, w.off);
            }
        }
    }
}

TG_TEST_MAIN(cmocka_unit_test(functions_are_within_their_limits))
