/* test_limit.c - maximum, minimum, fmax, fmin and clamp: ties, NaN, bounds. */
#include "pairs.h"

/* ---- The larger and the smaller ---- */

static void ties_of_maximum_and_minimum_share_and_nan_gives_to_both(void **state) {
    (void)state;
    static const double a[] = {1, 2, 3, NAN, 1, NAN, INF, -0.0};
    static const double b[] = {2, 2, 1, 1, NAN, NAN, INF, 0};
    check_pairs("maximum", tg_maximum, 8, a, b, (double[]){2, 2, 3, NAN, NAN, NAN, INF, 0},
                (double[]){0, .5, 1, 1, 1, 1, .5, .5}, (double[]){1, .5, 0, 1, 1, 1, .5, .5});
    check_pairs("minimum", tg_minimum, 8, a, b, (double[]){1, 2, 1, NAN, NAN, NAN, INF, 0},
                (double[]){1, .5, 0, 1, 1, 1, .5, .5}, (double[]){0, .5, 1, 1, 1, 1, .5, .5});
}

/* ---- clamp ---- */

static void clamp_limits_and_its_slope_is_1_on_the_closed_interval(void **state) {
    (void)state;
    tg_tensor *x = LEAF(-2, -1, 0, 2, 3, NAN, INF, -INF);
    tg_tensor *y = tg_clamp(x, -1, 2);
    assert_values(y, -1, -1, 0, 2, 2, NAN, 2, -1);
    sum_backward(y);
    assert_values(tg_grad(x), 0, 1, 1, 1, 0, 0, 0, 0);
}

static void clamp_with_infinite_limits_is_one_sided(void **state) {
    (void)state;
    tg_tensor *x = LEAF(-1, 0, 1, INF, -INF);
    sum_backward(tg_clamp(x, 0, INF));
    assert_values(tg_grad(x), 0, 1, 1, 1, 0); /* unlike relu, whose slope at 0 is 0 */
    assert_values(tg_clamp(x, -INF, 0), -1, 0, 0, 0, -INF);
    assert_values(tg_clamp(x, -INF, INF), -1, 0, 1, INF, -INF);
}

static void clamp_with_crossed_limits_gives_the_upper_one_without_slope(void **state) {
    (void)state;
    tg_tensor *x = LEAF(-2, 2, 2.5, 3, NAN);
    tg_tensor *y = tg_clamp(x, 3, 2);
    assert_values(y, 2, 2, 2, 2, NAN);
    sum_backward(y);
    assert_values(tg_grad(x), 0, 0, 0, 0, 0);
}

static void clamp_keeps_integers_and_refuses_nan_limits_and_bool(void **state) {
    (void)state;
    assert_shape(tg_clamp(row(TG_I32, LIST(-5, 0, 9)), -1, 3), TG_I32, TG_SHAPE(3));
    assert_values(tg_clamp(row(TG_I64, LIST(-5, 0, 9)), -INF, 3), -5, 0, 3);
    assert_values(tg_clamp(row(TG_U8, LIST(0, 7, 255)), 3, INF), 3, 7, 255);
    assert_refused(tg_clamp(ROW(1), NAN, 2), TG_ERR_ARG, "clamp: ", " is nan");
    assert_refused(tg_clamp_(ROW(1), 0, NAN), TG_ERR_ARG, "clamp: ", " is nan");
    assert_refused(tg_clamp(row(TG_BOOL, LIST(1)), 0, 1), TG_ERR_DTYPE, "clamp: ", "bool [1]",
                   "f32, f64, i64, i32, u8");
}

static void fmax_and_fmin_ignore_nan_and_give_ties_to_the_first(void **state) {
    (void)state;
    static const double a[] = {1, 2, 3, NAN, 1, NAN, INF, -INF};
    static const double b[] = {2, 2, 1, 1, NAN, NAN, INF, 0};
    check_pairs("fmax", tg_fmax, 8, a, b, (double[]){2, 2, 3, 1, 1, NAN, INF, 0},
                (double[]){0, 1, 1, 0, 1, 1, 1, 0}, (double[]){1, 0, 0, 1, 0, 0, 0, 1});
    check_pairs("fmin", tg_fmin, 8, a, b, (double[]){1, 2, 1, 1, 1, NAN, INF, -INF},
                (double[]){1, 1, 0, 0, 1, 1, 1, 1}, (double[]){0, 0, 1, 1, 0, 0, 0, 0});
    assert_values(tg_fmax(row(TG_I32, LIST(-3, 7)), row(TG_I64, LIST(-4, 8))), -3, 8);
    assert_shape(tg_fmin(row(TG_BOOL, LIST(1)), row(TG_BOOL, LIST(0))), TG_BOOL, TG_SHAPE(1));
}

/* ---- clamp: its other forms ---- */

static void clamp_of_integers_rounds_limits_inwards(void **state) {
    (void)state;
    tg_tensor *x = row(TG_I32, LIST(-3, 0, 1, 2, 5));
    assert_values(tg_clamp(x, -1.5, 1.5), -1, 0, 1, 1, 1);
    assert_values(tg_clamp(x, .5, INF), 1, 1, 1, 2, 5);
    assert_values(tg_clamp(row(TG_U8, LIST(0, 255)), -7, 300), 0, 255);
}

static void one_sided_forms_and_the_other_name_are_clamp(void **state) {
    (void)state;
    tg_tensor *x = ROW(-2, 0, 3, NAN);
    assert_values(tg_clamp_min(x, 1), 1, 1, 3, NAN);
    assert_values(tg_clamp_max(x, 1), -2, 0, 1, NAN);
    assert_values(tg_clip(x, -1, 1), -1, 0, 1, NAN);
    assert_ptr_equal(tg_clamp_min_(x, -1), x);
    assert_ptr_equal(tg_clamp_max_(x, 2), x);
    assert_values(x, -1, 0, 2, NAN);
    tg_tensor *none = tg_zeros(TG_F32, TG_SHAPE(0));
    assert_shape(tg_clamp(none, 0, 1), TG_F32, TG_SHAPE(0));
}

static void clamp_in_place_has_the_gradient_of_the_plain_form(void **state) {
    (void)state;
    tg_tensor *a = LEAF(.25, 1.5, -.75, 1);
    tg_tensor *x = tg_mul_scalar(a, 1);
    assert_ptr_equal(tg_clamp_(x, -.5, 1), x);
    assert_values(x, .25, 1, -.5, 1);
    sum_backward(tg_square(x));
    assert_values(tg_grad(a), .5, 0, 0, 2);
}

/* ---- Bounds that are tensors. Gradients: PyTorch 2.13 ---- */

static void check_bounds(tg_tensor *x, tg_tensor *lo, tg_tensor *hi, const double *expected[4]) {
    tg_tensor *y = tg_clamp_tensor(x, lo, hi);
    sum_backward(y);
    tg_tensor *all[4] = {y, tg_grad(x), tg_is_none(lo) ? NULL : tg_grad(lo),
                         tg_is_none(hi) ? NULL : tg_grad(hi)};
    for (int k = 0; k < 4; k++)
        for (int64_t i = 0; all[k] != NULL && i < tg_numel(x); i++)
            if (!tg_test_close(at(all[k], i), expected[k][i], 0, 0))
                fail_msg("%d of element %d: %g, expected %g", k, (int)i, at(all[k], i),
                         expected[k][i]);
}

static void tensor_bounds_take_the_gradient_outside(void **state) {
    (void)state;
    check_bounds(LEAF(-2, 0, 1, 2, 5, NAN), LEAF(0, 0, 0, 0, 0, 0), LEAF(2, 2, 2, 2, 2, 2),
                 (const double *[]){(double[]){0, 0, 1, 2, 2, NAN}, (double[]){0, 1, 1, 1, 0, 0},
                                    (double[]){1, 0, 0, 0, 0, 0}, (double[]){0, 0, 0, 0, 1, 0}});
    /* crossed: the upper one has the last word, and all of the gradient */
    check_bounds(LEAF(-2, 1, 5, NAN), LEAF(2, 2, 2, 2), LEAF(0, 0, 0, 0),
                 (const double *[]){(double[]){0, 0, 0, NAN}, (double[]){0, 0, 0, 0},
                                    (double[]){0, 0, 0, 0}, (double[]){1, 1, 1, 1}});
    check_bounds(LEAF(1, 1, 3), LEAF(NAN, 0, NAN), LEAF(2, NAN, NAN),
                 (const double *[]){(double[]){NAN, NAN, NAN}, (double[]){0, 0, 0},
                                    (double[]){0, 0, 0}, (double[]){0, 0, 0}});
}

static void one_tensor_bound_is_enough(void **state) {
    (void)state;
    check_bounds(LEAF(-2, 0, 1, NAN), LEAF(0, 0, 0, 0), TG_NONE,
                 (const double *[]){(double[]){0, 0, 1, NAN}, (double[]){0, 1, 1, 0},
                                    (double[]){1, 0, 0, 0}, NULL});
    check_bounds(LEAF(-2, 0, 1, NAN), TG_NONE, LEAF(0, 0, 0, 0),
                 (const double *[]){(double[]){-2, 0, 0, NAN}, (double[]){1, 1, 0, 0}, NULL,
                                    (double[]){0, 0, 1, 0}});
    assert_refused(tg_clamp_tensor(ROW(1), TG_NONE, TG_NONE), TG_ERR_ARG,
                   "clamp_tensor: ", "neither lo nor hi");
    assert_refused(tg_clamp_tensor(TG_NONE, ROW(1), ROW(2)), TG_ERR_ARG, "argument x");
}

static void tensor_bounds_broadcast_promote_and_work_in_place(void **state) {
    (void)state;
    tg_tensor *x = row(TG_I32, LIST(-5, 0, 9));
    assert_shape(tg_clamp_tensor(x, tg_scalar_i64(-1), TG_NONE), TG_I32, TG_SHAPE(3));
    assert_values(tg_clamp_tensor(x, tg_scalar_i64(-1), row(TG_I32, LIST(1, 1, 1))), -1, 0, 1);
    assert_shape(tg_clamp_tensor(x, ROW(-.5), TG_NONE), TG_F64, TG_SHAPE(3));
    assert_values(tg_clamp_tensor(x, ROW(-.5), TG_NONE), -.5, 0, 9);
    assert_shape(tg_clamp_tensor(x, of(TG_I32, TG_SHAPE(2, 1), LIST(0, 1)), TG_NONE), TG_I32,
                 TG_SHAPE(2, 3));
    assert_ptr_equal(tg_clamp_tensor_(x, TG_NONE, tg_scalar_i64(2)), x);
    assert_values(x, -5, 0, 2);
    assert_refused(tg_clamp_tensor(row(TG_BOOL, LIST(1)), row(TG_BOOL, LIST(1)), TG_NONE),
                   TG_ERR_DTYPE, "clamp_tensor: ", "bool [1]");
    assert_refused(tg_clamp_tensor(ROW(1, 2), ROW(1, 2, 3), TG_NONE), TG_ERR_SHAPE,
                   "clamp_tensor: ", "f64 [2]", "f64 [3]");
}

static void no_elements_and_no_dims_work(void **state) {
    (void)state;
    static const binary all[] = {tg_maximum, tg_minimum, tg_fmax, tg_fmin};
    for (size_t k = 0; k < 4; k++) {
        tg_tensor *a = leaf(tg_ones(TG_F64, TG_SHAPE(0, 3)));
        tg_tensor *b = leaf(tg_ones(TG_F32, TG_SHAPE(3)));
        sum_backward(all[k](a, b));
        assert_shape(tg_grad(a), TG_F64, TG_SHAPE(0, 3));
        assert_values(tg_grad(b), 0, 0, 0);
        assert_shape(all[k](number(2), number(3)), TG_F64, TG_0D);
    }
}

TG_TEST_MAIN(tg_scoped(ties_of_maximum_and_minimum_share_and_nan_gives_to_both),
             tg_scoped(clamp_limits_and_its_slope_is_1_on_the_closed_interval),
             tg_scoped(clamp_with_infinite_limits_is_one_sided),
             tg_scoped(clamp_with_crossed_limits_gives_the_upper_one_without_slope),
             tg_scoped(clamp_keeps_integers_and_refuses_nan_limits_and_bool),
             tg_scoped(fmax_and_fmin_ignore_nan_and_give_ties_to_the_first),
             tg_scoped(clamp_of_integers_rounds_limits_inwards),
             tg_scoped(one_sided_forms_and_the_other_name_are_clamp),
             tg_scoped(clamp_in_place_has_the_gradient_of_the_plain_form),
             tg_scoped(tensor_bounds_take_the_gradient_outside),
             tg_scoped(one_tensor_bound_is_enough),
             tg_scoped(tensor_bounds_broadcast_promote_and_work_in_place),
             tg_scoped(no_elements_and_no_dims_work))
