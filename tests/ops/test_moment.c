/* test_moment.c - variance and standard deviation. */
#include "tensors.h"

#define INF INFINITY

/* ---- Values and slopes: PyTorch 2.13, f64 ---- */

static void values_and_slopes_of_three_numbers(void **state) {
    (void)state;
    /* x = 1, 2, 4; h is the slope of g0 + 2 g1 + 3 g2 */
    static const struct {
        bool root;
        double correction, y, g[3], h[3];
    } cases[] = {
        {false,
         0,
         1.5555555555555554,
         {-0.88888888888888895, -0.22222222222222232, 1.1111111111111109},
         {-2. / 3, 0, 2. / 3}},
        {true,
         0,
         1.247219128924647,
         {-0.35634832254989923, -0.08908708063747484, 0.44543540318737396},
         {-0.038180177416060612, 0.05727026612409096, -0.019090088708030251}},
        {false,
         1,
         2.333333333333333,
         {-1.3333333333333335, -0.3333333333333335, 1.6666666666666665},
         {-1, 0, 1}},
        {true,
         1,
         1.5275252316519465,
         {-0.43643578047198484, -0.10910894511799625, 0.5455447255899809},
         {-0.046760976479141181, 0.070141464718711882, -0.023380488239570674}},
        {false,
         2,
         4.666666666666666,
         {-2.666666666666667, -0.666666666666667, 3.333333333333333},
         {-2, 0, 2}},
        {true,
         2,
         2.1602468994692865,
         {-0.6172133998483678, -0.154303349962092, 0.7715167498104596},
         {-0.066130007126610768, 0.099195010689916291, -0.033065003563305384}},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        tg_tensor *x = LEAF(1, 2, 4);
        tg_tensor *y = cases[k].root ? tg_std(x, TG_ALL, cases[k].correction, false)
                                     : tg_var(x, TG_ALL, cases[k].correction, false);
        assert_shape(y, TG_F64, TG_0D);
        tg_tensor *g = slope(y, NULL, x);
        tg_tensor *h = slope(g, ROW(1, 2, 3), x);
        assert_values_near(y, 1e-15, cases[k].y);
        for (int i = 0; i < 3; i++) {
            assert_close(at(g, i), cases[k].g[i], 2e-15, 1e-16);
            assert_close(at(h, i), cases[k].h[i], 1e-13, 1e-15);
        }
    }
}

static void moments_go_over_any_dims(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(2, 3, 2));
    assert_values(tg_var(x, TG_DIMS(0), 1, false), 18, 18, 18, 18, 18, 18);
    assert_values_near(tg_std(x, TG_DIMS(-1, 1), 0, false), 1e-15, 1.707825127659933,
                       1.707825127659933);
    assert_shape(tg_var(x, TG_DIMS(-1, 1), 0, true), TG_F64, TG_SHAPE(2, 1, 1));
    assert_shape(tg_std(x, TG_DIMS(1), 0.5, true), TG_F64, TG_SHAPE(2, 1, 2));
    assert_values_near(tg_var(tg_transpose(x, 0, 1), TG_DIMS(0), 0.5, false), 1e-15, 3.2, 3.2, 3.2,
                       3.2);
    assert_values_near(tg_var(row(TG_F32, LIST(1, 2, 4)), TG_ALL, 1, false), 1e-7, 7. / 3);
    tg_tensor *w = leaf(x);
    sum_backward(tg_std(w, TG_DIMS(0), 1, true));
    double r = 0.70710678118654757; /* ±√½ for two numbers each */
    assert_values_near(tg_grad(w), 1e-15, -r, -r, -r, -r, -r, -r, r, r, r, r, r, r);
}

/* ---- Corners ---- */

static void equal_numbers_have_std_0_with_slope_0_of_both_orders(void **state) {
    (void)state;
    tg_tensor *x = leaf(grid(TG_F64, 2, 3, LIST(3, 3, 3, 1, 2, 4)));
    tg_tensor *y = tg_std(x, TG_DIMS(1), 1, false);
    assert_values_near(y, 1e-15, 0, 1.5275252316519465);
    tg_tensor *g = slope(y, NULL, x);
    assert_values_near(g, 2e-15, 0, 0, 0, -0.43643578047198484, -0.10910894511799625,
                       0.5455447255899809);
    tg_tensor *h = slope(g, of(TG_F64, TG_SHAPE(2, 3), LIST(1, 2, 3, 1, 2, 3)), x);
    assert_values_near(h, 1e-13, 0, 0, 0, -0.046760976479141181, 0.070141464718711882,
                       -0.023380488239570674);
    assert_values(tg_var(x, TG_DIMS(1), 0, false), 0, at(tg_var(x, TG_DIMS(1), 0, false), 1));
}

static void too_few_numbers_divide_by_zero(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2, 4);
    assert_values(tg_var(x, TG_ALL, 3, false), INF);
    assert_values(tg_var(x, TG_ALL, 7.5, false), INF);
    assert_values(tg_std(x, TG_ALL, 3, false), INF);
    assert_values(tg_var(ROW(3, 3), TG_ALL, 2, false), NAN);
    assert_ok(tg_backward(tg_std(x, TG_ALL, 3, false)));
    assert_values(tg_grad(x), NAN, NAN, NAN);
}

static void one_number_has_no_sample_deviation(void **state) {
    (void)state;
    tg_tensor *x = LEAF(5);
    assert_values(tg_var(x, TG_ALL, 1, false), NAN);
    tg_tensor *y = tg_std(x, TG_ALL, 1, false);
    assert_values(y, NAN);
    assert_ok(tg_backward(y));
    assert_values(tg_grad(x), NAN);
    assert_ok(tg_zero_grad(&x, 1));
    y = tg_std(x, TG_ALL, 0, false);
    assert_values(y, 0);
    assert_ok(tg_backward(y));
    assert_values(tg_grad(x), 0);
    tg_tensor *zero_d = leaf(number(5));
    assert_values(tg_var(zero_d, TG_ALL, 0, false), 0);
    assert_ok(tg_backward(tg_var(zero_d, TG_ALL, 0, false)));
    assert_values(tg_grad(zero_d), 0);
}

static void no_numbers_give_nan(void **state) {
    (void)state;
    tg_tensor *none = leaf(tg_zeros(TG_F64, TG_SHAPE(2, 0)));
    assert_values(tg_var(none, TG_ALL, 0, false), NAN);
    assert_values(tg_std(none, TG_DIMS(1), 1, false), NAN, NAN);
    assert_shape(tg_std(none, TG_DIMS(0), 1, false), TG_F64, TG_SHAPE(0));
    assert_ok(tg_backward(tg_std(none, TG_ALL, 1, false)));
    assert_shape(tg_grad(none), TG_F64, TG_SHAPE(2, 0));
}

static void nan_and_infinity_give_nan(void **state) {
    (void)state;
    assert_values(tg_var(ROW(1, NAN, 2), TG_ALL, 1, false), NAN);
    assert_values(tg_std(ROW(1, INF, 2), TG_ALL, 1, false), NAN);
}

/* The textbook formula E[x²] - E[x]² has no digit left here. */
static void large_offsets_do_not_cancel(void **state) {
    (void)state;
    assert_values_near(tg_var(ROW(1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16), TG_ALL, 1, false), 1e-14,
                       30);
    tg_tensor *f = row(TG_F32, LIST(16777216 - 4, 16777216 - 2, 16777216));
    assert_values(tg_var(f, TG_ALL, 1, false), 4);
}

static void both_moments_come_with_slopes(void **state) {
    (void)state;
    tg_tensor *x = leaf(grid(TG_F64, 2, 3, LIST(1, 2, 6, 4, 4, 4)));
    tg_tensor *mean;
    tg_tensor *y = tg_var_mean(x, TG_DIMS(1), 1, false, &mean);
    assert_values(y, 7, 0);
    assert_values(mean, 3, 4);
    assert_values(slope(y, NULL, x), -2, -1, 3, 0, 0, 0);
    assert_values_near(slope(mean, ROW(3, 6), x), 1e-15, 1, 1, 1, 2, 2, 2);
    tg_tensor *both = tg_add(tg_mul(y, mean), mean); /* d = mean·dvar + (var + 1)·dmean */
    assert_values_near(slope(both, NULL, x), 1e-14, -6 + 8. / 3, -3 + 8. / 3, 9 + 8. / 3, 1. / 3,
                       1. / 3, 1. / 3);
    y = tg_std_mean(x, TG_DIMS(-1), 0, true, &mean);
    assert_shape(y, TG_F64, TG_SHAPE(2, 1));
    assert_shape(mean, TG_F64, TG_SHAPE(2, 1));
    assert_values_near(y, 1e-15, 2.1602468994692865, 0);
    assert_values_near(slope(tg_add(y, mean), NULL, x), 1e-14, 1. / 3 - 0.30860669992418382,
                       1. / 3 - 0.15430334996209191, 1. / 3 + 0.46291004988627571, 1. / 3, 1. / 3,
                       1. / 3);
    y = tg_std_mean(LEAF(5), TG_ALL, 1, false, &mean);
    assert_values(y, NAN);
    assert_values(mean, 5);
    assert_refused(tg_var_mean(row(TG_I64, LIST(1, 2)), TG_ALL, 1, false, &mean), TG_ERR_DTYPE,
                   "var_mean: ", "i64 [2]");
    assert_null(mean);
    assert_refused(tg_std_mean(x, TG_DIMS(2), 1, false, NULL), TG_ERR_INDEX, "std_mean: ", "dim 2");
}

/* Numbers whose mean is no f32: 16777217⅓. */
static void the_rounding_of_an_f32_mean_does_not_count(void **state) {
    (void)state;
    tg_tensor *x = grid(TG_F32, 2, 3, LIST(16777216, 16777218, 16777218, 1, 2, 6));
    assert_values(tg_var(x, TG_DIMS(1), 0, false), (double)(float)(8. / 9),
                  (double)(float)(14. / 3));
    assert_values_near(tg_var(x, TG_DIMS(1), 1, false), 1e-7, 4. / 3, 7);
}

/* The mean of n equal numbers, rounded, is not always that number. */
static void equal_numbers_have_variance_0_to_the_last_bit(void **state) {
    (void)state;
    for (int n = 1; n < 200; n += 7)
        for (double v = 0.1; v < 1e9; v *= 7.3) {
            tg_tensor *x = leaf(tg_full(TG_F64, TG_SHAPE(2, n), v));
            assert_values(tg_var(x, TG_DIMS(1), 0, false), 0, 0);
            assert_values(tg_max(tg_abs(slope(tg_std(x, TG_ALL, 1, false), NULL, x))), 0);
        }
}

static void other_dtypes_and_a_nan_correction_are_refused_by_name(void **state) {
    (void)state;
    assert_refused(tg_var(row(TG_I64, LIST(1, 2)), TG_ALL, 1, false), TG_ERR_DTYPE,
                   "var: ", "i64 [2]", "f32, f64", "tg_cast");
    assert_refused(tg_std(row(TG_BOOL, LIST(1, 0)), TG_ALL, 1, false), TG_ERR_DTYPE,
                   "std: ", "bool [2]");
    assert_refused(tg_var(ROW(1, 2), TG_ALL, NAN, false), TG_ERR_ARG, "var: ", "correction is nan");
    assert_refused(tg_std(ROW(1, 2), TG_ALL, NAN, false), TG_ERR_ARG, "std: ", "correction is nan");
    assert_refused(tg_var(ROW(1, 2), TG_DIMS(1), 1, false), TG_ERR_INDEX, "var: ", "dim 1");
    assert_refused(tg_std(ROW(1, 2), TG_DIMS(0, 0), 1, false), TG_ERR_INDEX, "std: ", "twice");
    assert_refused(tg_var(NULL, TG_ALL, 1, false), TG_ERR_ARG, "var: ", "argument x is NULL");
}

TG_TEST_MAIN(tg_scoped(values_and_slopes_of_three_numbers), tg_scoped(moments_go_over_any_dims),
             tg_scoped(equal_numbers_have_std_0_with_slope_0_of_both_orders),
             tg_scoped(too_few_numbers_divide_by_zero),
             tg_scoped(one_number_has_no_sample_deviation), tg_scoped(no_numbers_give_nan),
             tg_scoped(nan_and_infinity_give_nan), tg_scoped(large_offsets_do_not_cancel),
             tg_scoped(both_moments_come_with_slopes),
             tg_scoped(the_rounding_of_an_f32_mean_does_not_count),
             tg_scoped(equal_numbers_have_variance_0_to_the_last_bit),
             tg_scoped(other_dtypes_and_a_nan_correction_are_refused_by_name))
