/* test_resample.c - resampling along one dim: known weights, and the adjoint by its definition. */
/* ctest: threads */
#include "kernels/resample.h"
#include "tg_test.h"

#include <stdlib.h>

/* Σ (A x)·g = Σ x·(Aᵀ g) for all modes and sizes. */
static void the_gradient_is_the_adjoint(void **state) {
    (void)state;
    double x[3 * 9 * 2], y[3 * 9 * 2], g[3 * 9 * 2], back[3 * 9 * 2];
    for (int i = 0; i < 54; i++) {
        x[i] = sin(1.1 * i);
        g[i] = cos(0.7 * i);
    }
    for (int in = 1; in < 10; in++)
        for (int out = 1; out < 10; out++)
            for (int mode = 0; mode < TG__RESAMPLE_MODES * 2; mode++) {
                const tg__resample r = {.mode = (tg__resample_mode)(mode / 2),
                                        .outer = 3,
                                        .inner = 2,
                                        .in = in,
                                        .out = out,
                                        .align_corners = mode % 2};
                assert_true(tg__resample_forward(TG_F64, &r, x, y));
                assert_true(tg__resample_grad(TG_F64, &r, g, back));
                double one = 0, other = 0;
                for (int i = 0; i < 6 * out; i++)
                    one += y[i] * g[i];
                for (int i = 0; i < 6 * in; i++)
                    other += x[i] * back[i];
                assert_close(one, other, 1e-12, 1e-12);
            }
}

/* Every mode keeps a constant, the linear one a straight line away from the border (the cubic one
 * does not: that takes a = -½). */
static void constants_and_lines_stay(void **state) {
    (void)state;
    float x[12], y[40];
    for (int mode = 0; mode < TG__RESAMPLE_MODES; mode++) {
        const tg__resample r = {
            .mode = (tg__resample_mode)mode, .outer = 1, .inner = 1, .in = 12, .out = 40};
        for (int i = 0; i < 12; i++)
            x[i] = 3;
        assert_true(tg__resample_forward(TG_F32, &r, x, y));
        for (int i = 0; i < 40; i++)
            assert_close((double)y[i], 3, 1e-6, 0);
        for (int i = 0; i < 12; i++)
            x[i] = (float)i;
        assert_true(tg__resample_forward(TG_F32, &r, x, y));
        for (int i = 2; mode == TG__RESAMPLE_LINEAR && i < 38; i++)
            assert_close((double)y[i], (i + 0.5) * 0.3 - 0.5, 1e-6, 0);
    }
}

static void a_given_scale_is_used(void **state) {
    (void)state;
    const double x[4] = {0, 10, 20, 30};
    double y[3];
    tg__resample r = {.mode = TG__RESAMPLE_LINEAR, .outer = 1, .inner = 1, .in = 4, .out = 3};
    r.scale = 0.5;
    assert_true(tg__resample_forward(TG_F64, &r, x, y)); /* at -¼, ¼, ¾ */
    assert_all_close_f64(y, ((const double[]){0, 2.5, 7.5}), 3, 1e-15, 0);
    r.mode = TG__RESAMPLE_NEAREST;
    assert_true(tg__resample_forward(TG_F64, &r, x, y));
    assert_all_close_f64(y, ((const double[]){0, 0, 10}), 3, 0, 0);
    r.outer = 0;
    assert_true(tg__resample_forward(TG_F64, &r, x, y));
    assert_true(tg__resample_grad(TG_F64, &r, x, y));
}

TG_TEST_MAIN(cmocka_unit_test(the_gradient_is_the_adjoint),
             cmocka_unit_test(constants_and_lines_stay), cmocka_unit_test(a_given_scale_is_used))
