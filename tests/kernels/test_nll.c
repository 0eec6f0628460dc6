/* test_nll.c - the ends of cross entropy. */
#include "kernels/nll.h"
#include "tg_test.h"

static const int64_t classes[] = {1, -7, 0, 1};

static void pick_negates_the_class_and_skips_what_is_ignored(void **state) {
    (void)state;
    const double rows[] = {1, 2, 3, 4, 5, 6, 7, 8}; /* [4, 2] */
    double y[4];
    tg__nll_pick(TG_F64, 4, 2, 1, rows, classes, -7, y);
    assert_true(y[0] == -2 && y[1] == 0 && y[2] == -5 && y[3] == -8);
    const float columns[] = {1, 2, 3, 4, 5, 6, 7, 8}; /* [2, 2, 2] */
    float z[4];
    tg__nll_pick(TG_F32, 2, 2, 2, columns, classes, -7, z);
    assert_true(z[0] == -3 && z[1] == 0 && z[2] == -5 && z[3] == -8);
}

static void grad_shifts_the_class_and_scales(void **state) {
    (void)state;
    float p[] = {0.25F, 0.75F, NAN, INFINITY, 0.5F, 0.5F, 1, 0};
    const float g[] = {2, 3, 4, -1};
    tg__nll_grad(TG_F32, 4, 2, 1, g, classes, -7, p);
    const float rows[] = {0.5F, -0.5F, 0, 0, -2, 2, -1, 1};
    for (int i = 0; i < 8; i++)
        assert_true(p[i] == rows[i]);
    double q[] = {0.25, NAN, 0.75, NAN, 0.5, 1, 0.5, 0};
    const double h[] = {2, 3, 4, -1};
    tg__nll_grad(TG_F64, 2, 2, 2, h, classes, -7, q);
    const double columns[] = {0.5, 0, -0.5, 0, -2, -1, 2, 1};
    for (int i = 0; i < 8; i++)
        assert_true(q[i] == columns[i]);
}

static void nothing_is_fine(void **state) {
    (void)state;
    tg__nll_grad(TG_F32, 0, 4, 1, NULL, NULL, 0, NULL);
    tg__nll_grad(TG_F32, 3, 0, 1, NULL, NULL, 0, NULL);
    tg__nll_pick(TG_F64, 0, 4, 1, NULL, NULL, 0, NULL);
}

TG_TEST_MAIN(cmocka_unit_test(pick_negates_the_class_and_skips_what_is_ignored),
             cmocka_unit_test(grad_shifts_the_class_and_scales), cmocka_unit_test(nothing_is_fine))
