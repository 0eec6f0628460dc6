/* test_division.c - division that rounds, its rests, integers and what they are divided by. */
#include "pairs.h"

/* a, b, and PyTorch's trunc(a / b), a // b, fmod and remainder of them. */
#define PAIRS 14
static const double a[PAIRS] = {7, -7, 7, -7, 1, 0, -1, 1, INF, NAN, 5, 0, -0.0, 1};
static const double b[PAIRS] = {2, 2, -2, -2, 0, 0, INF, -INF, 2, 1, NAN, 3, 3, 0.1};
static const double truncated[PAIRS] = {3,   -3,  -3,  3,   INF, NAN,  -0.0,
                                        -0., INF, NAN, NAN, 0,   -0.0, 10};
static const double floored[PAIRS] = {3, -4, -4, 3, INF, NAN, -1, -1, NAN, NAN, NAN, 0, -0.0, 9};
static const double rest[PAIRS] = {1, -1,  1,   -1,  NAN, NAN,  -1,
                                   1, NAN, NAN, NAN, 0,   -0.0, 0.09999999999999995};
static const double rest_down[PAIRS] = {1,    1,   -1,  -1,  NAN, NAN,  INF,
                                        -INF, NAN, NAN, NAN, 0,   -0.0, 0.09999999999999995};
static const double ones[PAIRS] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
static const double zeros[PAIRS];

static tg_tensor *truncating(tg_tensor *x, tg_tensor *y) { return tg_div_mode(x, y, TG_DIV_TRUNC); }

static void quotients_round_and_have_slope_zero(void **state) {
    (void)state;
    check_pairs("div_trunc", truncating, PAIRS, a, b, truncated, zeros, zeros);
    check_pairs("floor_divide", tg_floor_divide, PAIRS, a, b, floored, zeros, zeros);
    for (int i = 0; i < PAIRS; i++) {
        tg_tensor *x = number(a[i]);
        tg_tensor *y = number(b[i]);
        if (truncated[i] == 0)
            assert_true(!signbit(tg_item(truncating(x, y))) == !signbit(truncated[i]));
        if (floored[i] == 0)
            assert_true(!signbit(tg_item(tg_floor_divide(x, y))) == !signbit(floored[i]));
    }
}

/* d/db is minus the quotient: of PyTorch too -inf where it is infinite. 1 / 0.1 rounds to 10, but
 * 0.1 is nine times in 1. */
static void rests_have_minus_the_quotient_for_a_slope(void **state) {
    (void)state;
    double to_b[2][PAIRS];
    for (int i = 0; i < PAIRS; i++) {
        to_b[0][i] = -truncated[i];
        to_b[1][i] = -floored[i];
    }
    to_b[0][PAIRS - 1] = -9;
    check_pairs("fmod", tg_fmod, PAIRS, a, b, rest, ones, to_b[0]);
    check_pairs("remainder", tg_remainder, PAIRS, a, b, rest_down, ones, to_b[1]);
}

/* 0.3 / 0.1 rounds to 3, but 0.3 is below three times 0.1. */
static void floors_come_from_the_exact_rest(void **state) {
    (void)state;
    assert_values(tg_floor_divide(ROW(.3), ROW(.1)), 2);
    assert_values(truncating(ROW(.3), ROW(.1)), 2);
    assert_values(tg_floor_divide(ROW(1), ROW(.1)), 9);
    assert_values(tg_floor_divide(ROW(1e300), ROW(1e-5)), 1e305);
    assert_values(tg_floor_divide(row(TG_F32, LIST(-1e30)), row(TG_F32, LIST(1e-30))), -INF);
}

static void integers_stay_integers(void **state) {
    (void)state;
    tg_tensor *x = row(TG_I32, LIST(7, -7, 7, -7, INT32_MIN));
    tg_tensor *y = row(TG_I32, LIST(2, 2, -2, -2, -1));
    assert_shape(truncating(x, y), TG_I32, TG_SHAPE(5));
    assert_values(truncating(x, y), 3, -3, -3, 3, INT32_MIN);
    assert_values(tg_floor_divide(x, y), 3, -4, -4, 3, INT32_MIN);
    assert_values(tg_fmod(x, y), 1, -1, 1, -1, 0);
    assert_values(tg_remainder(x, y), 1, 1, -1, -1, 0);
    assert_values(tg_remainder(row(TG_U8, LIST(7, 255)), row(TG_U8, LIST(255, 16))), 7, 15);
    assert_shape(tg_fmod(x, tg_scalar_i64(4)), TG_I32, TG_SHAPE(5)); /* an exact scalar */
    assert_values(tg_floor_divide(x, tg_scalar_i64(4)), 1, -2, 1, -2, INT32_MIN / 4);
    assert_values(tg_remainder(tg_scalar_i64(-7), row(TG_I32, LIST(2, -2))), 1, -1);
    assert_refused(tg_fmod(row(TG_BOOL, LIST(1)), row(TG_BOOL, LIST(1))), TG_ERR_DTYPE,
                   "fmod: bool [1]", "f32, f64, i64, i32, u8");
    tg_tensor *lowest = tg_scalar_i64(INT64_MIN);
    assert_true(tg_item_i64(truncating(lowest, tg_scalar_i64(-1))) == INT64_MIN);
    assert_true(tg_item_i64(tg_remainder(lowest, tg_scalar_i64(-1))) == 0);
}

static void an_integer_divided_by_zero_is_named(void **state) {
    (void)state;
    static const struct {
        const char *name;
        binary op, in_place;
    } all[] = {
        {"floor_divide: b is 0 at [1, 2]; integers cannot", tg_floor_divide, tg_floor_divide_},
        {"fmod: b is 0 at [1, 2]", tg_fmod, tg_fmod_},
        {"remainder: b is 0 at [1, 2]", tg_remainder, tg_remainder_},
        {"div_trunc: b is 0 at [1, 2]", truncating, truncating}};
    tg_tensor *x = row(TG_I64, LIST(7, 8, 9));
    tg_tensor *y = of(TG_I32, TG_SHAPE(2, 3), LIST(1, 2, 3, 4, 5, 0));
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        assert_refused(all[k].op(x, y), TG_ERR_NUMERIC, all[k].name, "tg_cast", "i64 [3]");
        assert_refused(all[k].op(tg_transpose(x, 0, 0), tg_expand(y, TG_SHAPE(4, 2, 3))),
                       TG_ERR_NUMERIC, "b is 0 at [0, 1, 2]");
        assert_refused(all[k].in_place(x, tg_scalar_i64(0)), TG_ERR_NUMERIC, "b is 0 at []");
        assert_values(x, 7, 8, 9);
        assert_shape(all[k].op(tg_zeros(TG_I64, TG_SHAPE(0)), tg_scalar_i64(0)), TG_I64,
                     TG_SHAPE(0)); /* nothing is divided */
        assert_values(all[k].op(ROW(7, 8, 9), row(TG_I32, LIST(1, 2, 3))),
                      all[k].op == tg_floor_divide || all[k].op == truncating ? 7 : 0,
                      all[k].op == tg_floor_divide || all[k].op == truncating ? 4 : 0,
                      all[k].op == tg_floor_divide || all[k].op == truncating ? 3 : 0);
    }
}

static void modes_choose_the_rounding(void **state) {
    (void)state;
    tg_tensor *x = ROW(-7, 7);
    tg_tensor *y = ROW(2, 2);
    assert_values(tg_div_mode(x, y, TG_DIV_TRUE), -3.5, 3.5);
    assert_values(tg_div_mode(x, y, TG_DIV_TRUNC), -3, 3);
    assert_values(tg_div_mode(x, y, TG_DIV_FLOOR), -4, 3);
    assert_values(tg_div_mode_scalar(x, 2, TG_DIV_TRUNC), -3, 3);
    assert_refused(tg_div_mode(x, y, (tg_div_rounding)3), TG_ERR_ARG, "div_mode: mode is 3",
                   "TG_DIV_FLOOR");
    assert_refused(tg_div_mode_(x, y, (tg_div_rounding)-1), TG_ERR_ARG, "mode is -1");
    assert_refused(tg_div_mode_scalar(x, 1, (tg_div_rounding)9), TG_ERR_ARG, "mode is 9");
    assert_refused(tg_div_mode_scalar_(x, 1, (tg_div_rounding)9), TG_ERR_ARG, "mode is 9");
    assert_ptr_equal(tg_div_mode_(x, y, TG_DIV_FLOOR), x);
    assert_values(x, -4, 3);
    assert_ptr_equal(tg_div_mode_scalar_(x, 3, TG_DIV_TRUNC), x);
    assert_values(x, -1, 1);
    /* an integer tensor holds the rounded quotient, not the true one */
    tg_tensor *i = row(TG_I32, LIST(7));
    assert_refused(tg_div_mode_(i, i, TG_DIV_TRUE), TG_ERR_DTYPE, "div: ", "f32", "i32 [1]");
    assert_refused(tg_div_(i, i), TG_ERR_DTYPE, "div: ");
    assert_non_null(tg_div_mode_(i, tg_scalar_i64(2), TG_DIV_FLOOR));
    assert_values(i, 3);
}

static void scalars_stand_on_either_side(void **state) {
    (void)state;
    tg_tensor *x = LEAF(3, -3);
    assert_values(tg_floor_divide_scalar(x, 2), 1, -2);
    assert_values(tg_rfloor_divide_scalar(x, 7), 2, -3);
    assert_values(tg_fmod_scalar(x, 2), 1, -1);
    assert_values(tg_rfmod_scalar(x, 7), 1, 1);
    assert_values(tg_remainder_scalar(x, 2), 1, 1);
    sum_backward(tg_rremainder_scalar(x, 7)); /* 1, -2 */
    assert_values(tg_rremainder_scalar(x, 7), 1, -2);
    assert_values(tg_grad(x), -2, 3);
    tg_tensor *i = row(TG_I64, LIST(7));
    assert_shape(tg_fmod_scalar(i, 2.5), TG_F32, TG_SHAPE(1)); /* a C scalar is a float */
    assert_values(tg_fmod_scalar(i, 2.5), 2);
    assert_values(tg_fmod_scalar(i, 0), NAN); /* so it does not divide integers */
    tg_tensor *y = ROW(7, -7);
    assert_ptr_equal(tg_floor_divide_scalar_(y, 2), y);
    assert_values(y, 3, -4);
    assert_ptr_equal(tg_remainder_scalar_(y, 3), y);
    assert_values(y, 0, 2);
    assert_ptr_equal(tg_fmod_scalar_(y, 2), y);
    assert_values(y, 0, 0);
}

static void in_place_forms_have_the_gradients_of_the_plain_ones(void **state) {
    (void)state;
    static const struct {
        binary plain, in_place;
    } all[] = {
        {tg_floor_divide, tg_floor_divide_}, {tg_fmod, tg_fmod_}, {tg_remainder, tg_remainder_}};
    for (int k = 0; k < 3; k++) {
        tg_tensor *leaves[2][2];
        for (int i = 0; i < 2; i++) {
            leaves[i][0] = LEAF(7.5, -7.5);
            leaves[i][1] = LEAF(2, 2);
            tg_tensor *x = tg_mul_scalar(leaves[i][0], 1);
            sum_backward(tg_square((i == 0 ? all[k].plain : all[k].in_place)(x, leaves[i][1])));
        }
        for (int j = 0; j < 4; j++)
            assert_true(at(tg_grad(leaves[0][j / 2]), j % 2) ==
                        at(tg_grad(leaves[1][j / 2]), j % 2));
    }
}

static void second_slopes_are_finite_where_the_first_are(void **state) {
    (void)state;
    static const double x[] = {7, -7, 0.5};
    static const double y[] = {2, 3, -0.1};
    second_slopes_are_finite("fmod", tg_fmod, 3, x, y);
    second_slopes_are_finite("remainder", tg_remainder, 3, x, y);
}

TG_TEST_MAIN(tg_scoped(quotients_round_and_have_slope_zero),
             tg_scoped(rests_have_minus_the_quotient_for_a_slope),
             tg_scoped(floors_come_from_the_exact_rest), tg_scoped(integers_stay_integers),
             tg_scoped(an_integer_divided_by_zero_is_named), tg_scoped(modes_choose_the_rounding),
             tg_scoped(scalars_stand_on_either_side),
             tg_scoped(in_place_forms_have_the_gradients_of_the_plain_ones),
             tg_scoped(second_slopes_are_finite_where_the_first_are))
