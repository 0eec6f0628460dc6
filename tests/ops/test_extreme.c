/* test_extreme.c - the largest and the smallest, and where they are. */
#include "tensors.h"

#define INF INFINITY

/* ---- Extremes ---- */

static void ties_share_the_slope_of_amax_and_amin_evenly(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 3, 3, 2);
    tg_tensor *y = tg_max(x);
    assert_shape(y, TG_F64, TG_0D);
    assert_values(y, 3);
    assert_ok(tg_backward(y));
    assert_values(tg_grad(x), 0, .5, .5, 0);
    tg_tensor *m = leaf(grid(TG_F64, 2, 3, LIST(2, 2, 2, -1, -5, -5)));
    sum_backward(tg_amin(m, TG_DIMS(1), false));
    assert_values_near(tg_grad(m), 1e-15, 1. / 3, 1. / 3, 1. / 3, 0, .5, .5);
    assert_ok(tg_zero_grad(&m, 1));
    sum_backward(tg_mul(tg_amax(m, TG_DIMS(-1, 0), true), number(6)));
    assert_values(tg_grad(m), 2, 2, 2, 0, 0, 0);
    assert_values(tg_min(m), -5);
    tg_tensor *i = LEAF(INF, INF, 1);
    assert_ok(tg_backward(tg_max(i)));
    assert_values(tg_grad(i), .5, .5, 0);
}

static void a_nan_wins_and_makes_the_slope_of_amax_nan(void **state) {
    (void)state;
    tg_tensor *x = leaf(grid(TG_F64, 2, 3, LIST(NAN, 1, 2, 4, 3, 4)));
    tg_tensor *y = tg_amax(x, TG_DIMS(1), false);
    assert_values(y, NAN, 4);
    sum_backward(y);
    assert_values(tg_grad(x), NAN, NAN, NAN, .5, 0, .5);
    assert_values(tg_amin(x, TG_DIMS(1), false), NAN, 3);
    assert_values(tg_amax(x, TG_DIMS(0), false), NAN, 3, 4);
    assert_values(tg_max(row(TG_F32, LIST(1, 2, NAN))), NAN);
    assert_values(tg_min(row(TG_F32, LIST(NAN, 2, -INF))), NAN);
}

static void the_second_slope_of_extremes_is_zero(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 3, 3);
    tg_tensor *g = slope(tg_square(tg_max(x)), NULL, x); /* 2·max·[0, ½, ½] */
    assert_values(g, 0, 3, 3);
    assert_values(slope(g, NULL, x), 0, 1, 1);
}

static void extremes_keep_the_dtype(void **state) {
    (void)state;
    assert_shape(tg_amax(row(TG_I32, LIST(-5, 7)), TG_ALL, false), TG_I32, TG_0D);
    assert_values(tg_amin(row(TG_U8, LIST(3, 200)), TG_ALL, false), 3);
    const int64_t big[2] = {9007199254740993, 9007199254740992};
    assert_true(tg_item_i64(tg_max(tg_from_array(TG_I64, TG_SHAPE(2), big))) == big[0]);
}

/* ---- Positions ---- */

static void max_dim_gives_the_first_of_equals_position_and_slope(void **state) {
    (void)state;
    tg_tensor *x = leaf(grid(TG_F64, 2, 4, LIST(1, 3, 3, 2, 0, -1, 0, -1)));
    tg_tensor *at_max;
    tg_tensor *y = tg_max_dim(x, 1, false, &at_max);
    assert_shape(y, TG_F64, TG_SHAPE(2));
    assert_values(y, 3, 0);
    assert_shape(at_max, TG_I64, TG_SHAPE(2));
    assert_values(at_max, 1, 0);
    assert_false(tg_requires_grad(at_max));
    tg_tensor *g = slope(tg_square(y), NULL, x);
    assert_values(g, 0, 6, 0, 0, 0, 0, 0, 0);
    assert_values(slope(g, NULL, x), 0, 2, 0, 0, 2, 0, 0, 0);
    y = tg_min_dim(x, -2, true, &at_max);
    assert_shape(y, TG_F64, TG_SHAPE(1, 4));
    assert_values(at_max, 1, 1, 1, 1);
    sum_backward(tg_min_dim(x, 1, false, NULL));
    assert_values(tg_grad(x), 1, 0, 0, 0, 0, 1, 0, 0);
}

static void the_first_nan_is_the_position_of_both_extremes(void **state) {
    (void)state;
    tg_tensor *x = LEAF(5, NAN, 9, NAN);
    tg_tensor *where;
    tg_tensor *y = tg_max_dim(x, 0, false, &where);
    assert_values(y, NAN);
    assert_values(where, 1);
    assert_ok(tg_backward(y));
    assert_values(tg_grad(x), 0, 1, 0, 0);
    assert_values(tg_argmin(x, 0, false), 1);
    assert_values(tg_argmax(x, 0, true), 1);
    assert_shape(tg_argmax(x, 0, true), TG_I64, TG_SHAPE(1));
}

static void argmax_and_argmin_take_the_first_of_equals_in_any_layout(void **state) {
    (void)state;
    tg_tensor *x = grid(TG_I32, 3, 2, LIST(1, 9, 7, 9, 7, 0));
    assert_values(tg_argmax(x, 0, false), 1, 0);
    assert_values(tg_argmin(x, 0, false), 0, 2);
    assert_values(tg_argmax(tg_transpose(x, 0, 1), 1, false), 1, 0);
    assert_values(tg_argmax(x, -1, false), 1, 1, 0);
    assert_values(tg_argmax(number(4), 0, false), 0);
    assert_values(tg_argmax(ROW(-0.0, 0), 0, false), 0);
}

static void a_failed_max_dim_clears_the_position(void **state) {
    (void)state;
    tg_tensor *where = number(1);
    assert_refused(tg_max_dim(ROW(1), 1, false, &where), TG_ERR_INDEX, "max_dim: ", "dim 1",
                   "f64 [1]");
    assert_null(where);
    where = number(1);
    assert_refused(tg_min_dim(tg_zeros(TG_F32, TG_SHAPE(0)), 0, false, &where), TG_ERR_SHAPE,
                   "min_dim: ", "f32 [0]");
    assert_null(where);
}

static void without_a_dim_positions_count_all_elements(void **state) {
    (void)state;
    tg_tensor *x = grid(TG_F64, 2, 3, LIST(1, 7, 7, 0, 5, 0));
    assert_shape(tg_argmax(x, TG_FLAT, false), TG_I64, TG_0D);
    assert_values(tg_argmax(x, TG_FLAT, false), 1);
    assert_values(tg_argmin(tg_transpose(x, 0, 1), TG_FLAT, false), 1);
    assert_shape(tg_argmin(x, TG_FLAT, true), TG_I64, TG_SHAPE(1, 1));
    assert_values(tg_argmin(number(4), TG_FLAT, false), 0);
    assert_refused(tg_argmax(tg_zeros(TG_F32, TG_SHAPE(2, 0)), TG_FLAT, false), TG_ERR_SHAPE,
                   "argmax: ", "f32 [2, 0]");
}

/* ---- Both ---- */

static void aminmax_is_amin_and_amax_with_their_slopes(void **state) {
    (void)state;
    tg_tensor *x = leaf(grid(TG_F64, 2, 3, LIST(1, 3, 3, NAN, 0, 2)));
    tg_tensor *most;
    tg_tensor *least = tg_aminmax(x, TG_DIMS(1), false, &most);
    assert_values(least, 1, NAN);
    assert_values(most, 3, NAN);
    assert_values(slope(least, ROW(1, 0), x), 1, 0, 0, NAN, NAN, NAN);
    assert_values(slope(tg_square(most), ROW(1, 0), x), 0, 3, 3, NAN, NAN, NAN);
    assert_values(tg_aminmax(ROW(4, 2), TG_ALL, true, NULL), 2);
    assert_refused(tg_aminmax(tg_zeros(TG_F64, TG_SHAPE(0)), TG_ALL, false, &most), TG_ERR_SHAPE,
                   "aminmax: ", "f64 [0]");
    assert_null(most);
    most = number(1);
    assert_refused(tg_aminmax(x, 1, NULL, false, &most), TG_ERR_ARG, "aminmax: ", "NULL");
    assert_null(most);
}

TG_TEST_MAIN(tg_scoped(ties_share_the_slope_of_amax_and_amin_evenly),
             tg_scoped(a_nan_wins_and_makes_the_slope_of_amax_nan),
             tg_scoped(the_second_slope_of_extremes_is_zero), tg_scoped(extremes_keep_the_dtype),
             tg_scoped(max_dim_gives_the_first_of_equals_position_and_slope),
             tg_scoped(the_first_nan_is_the_position_of_both_extremes),
             tg_scoped(argmax_and_argmin_take_the_first_of_equals_in_any_layout),
             tg_scoped(a_failed_max_dim_clears_the_position),
             tg_scoped(without_a_dim_positions_count_all_elements),
             tg_scoped(aminmax_is_amin_and_amax_with_their_slopes))
