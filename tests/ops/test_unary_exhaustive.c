/* ctest: long timeout=14400 */
/* test_unary_exhaustive.c - every number of f32 through every function of libm, against libm's in
 * double; those of special.h compute in double and are left to test_unary_accuracy.c.
 *
 * TG_TEST_STRIDE=1000 in the environment takes every thousandth only. */
#include "unary_truth.h"

#include "tg_test.h"

#include <stdlib.h>

enum { BLOCK = 4096 };

/* The numbers with bits first, first + stride, …; NaN gives NaN. */
static void check_block(const accuracy *a, tg__ew_fn fn, uint64_t first, uint64_t stride,
                        double *worst, float *at) {
    static float in[BLOCK], out[BLOCK];
    for (uint64_t i = 0; i < BLOCK; i++) {
        const uint32_t bits = (uint32_t)(first + i * stride);
        memcpy(&in[i], &bits, sizeof bits);
    }
    char *p[2] = {(char *)out, (char *)in};
    fn(p, (const int64_t[]){4, 4}, BLOCK, NULL);
    for (int i = 0; i < BLOCK; i++) {
        const double x = (double)in[i];
        if (out[i] == (float)a->narrow(x))
            continue;
        const double off = ulps_off((double)out[i], (real)a->narrow(x), FLT_MANT_DIG, -149, 0);
        if (off > *worst) {
            *worst = off;
            *at = in[i];
        }
    }
}

static void every_f32_is_within_the_limits(void **state) {
    (void)state;
    const char *text = getenv("TG_TEST_STRIDE");
    const uint64_t stride = text != NULL ? strtoull(text, NULL, 10) : 1;
    assert_true(stride > 0);
    for (size_t k = 0; k < ACCURACIES; k++) {
        const accuracy *a = &accuracies[k];
        if (a->narrow == NULL)
            continue;
        const tg__ew_fn fn = tg__kernels_get()->unary[a->op][TG_F32];
        double worst = 0;
        float at = 0;
        for (uint64_t bits = 0; bits <= UINT32_MAX; bits += BLOCK * stride)
            check_block(a, fn, bits, stride, &worst, &at);
        print_message("%-10s %6.3f ulp at %.9g\n", a->name, worst, (double)at);
        if (worst > a->limit)
            fail_msg("%s(%.9g) is %g ulp off", a->name, (double)at, worst);
    }
}

TG_TEST_MAIN(cmocka_unit_test(every_f32_is_within_the_limits))
