/* test_rounding.c - floor, ceil, trunc, round and frac. */
#include "unary_corners.h"

static tg_tensor *round_0(tg_tensor *x) { return tg_round(x, 0); }
static tg_tensor *round_0_(tg_tensor *x) { return tg_round_(x, 0); }

static void steps_have_cs_values_and_slope_0(void **state) {
    (void)state;
    static const corners cases[] = {
        {"floor",
         tg_floor,
         8,
         {-1.5, -1, 0, 0.5, 2.5, INF, -INF, NAN},
         {-2, -1, 0, 0, 2, INF, -INF, NAN},
         {0}},
        {"ceil",
         tg_ceil,
         8,
         {-1.5, -1, 0, 0.5, 2.5, INF, -INF, NAN},
         {-1, -1, 0, 1, 3, INF, -INF, NAN},
         {0}},
        {"trunc",
         tg_trunc,
         8,
         {-1.5, -1, 0, 0.5, 2.5, INF, -INF, NAN},
         {-1, -1, 0, 0, 2, INF, -INF, NAN},
         {0}},
        {"fix", tg_fix, 2, {-1.5, 2.5}, {-1, 2}, {0}},
        {"round",
         round_0,
         8,
         {-1.5, -0.5, 0.5, 1.5, 2.5, 0.49999999999999994, INF, NAN},
         {-2, 0, 0, 2, 2, 0, INF, NAN},
         {0}},
        {"frac",
         tg_frac,
         8,
         {-1.5, -1, 0, 0.5, 2.75, INF, -INF, NAN},
         {-0.5, 0, 0, 0.5, 0.75, NAN, NAN, NAN},
         {1, 1, 1, 1, 1, 1, 1, 1}},
    };
    check_all_corners(cases);
}

static void zeros_keep_their_sign(void **state) {
    (void)state;
    static const unary ops[] = {tg_floor, tg_ceil, tg_trunc, round_0};
    for (int k = 0; k < 4; k++) {
        tg_tensor *y = ops[k](ROW(0, -0.0));
        assert_true(!signbit(at(y, 0)) && signbit(at(y, 1)));
    }
    assert_true(signbit(at(tg_ceil(ROW(-0.5)), 0)) && signbit(at(tg_trunc(ROW(-0.5)), 0)));
}

/* PyTorch 2.13: 2.675 is below the tie, but 2.675 · 100 is rounded to it. */
static void decimals_scale_and_round_half_to_even(void **state) {
    (void)state;
    assert_values(tg_round(ROW(1.25, 1.35, -1.25, 0.05), 1), 1.2, 1.4, -1.2, 0);
    assert_values(tg_round(ROW(2.675, 2.665), 2), 2.68, 2.66);
    assert_values(tg_round(ROW(15, 25, -35, 1249), -1), 20, 20, -40, 1250);
    assert_values(tg_round(ROW(1249, 51, 50, INF), -2), 1200, 100, 0, INF);
    assert_shape(tg_round(row(TG_F32, LIST(1.26)), 1), TG_F32, TG_SHAPE(1));
    assert_values(tg_round(row(TG_F32, LIST(1.25)), 1), (double)1.2F);
    tg_tensor *x = LEAF(1.25, 15);
    sum_backward(tg_add(tg_round(x, 1), tg_round(x, -1)));
    assert_values(tg_grad(x), 0, 0);
}

static void numbers_too_large_to_scale_stay_and_too_small_vanish(void **state) {
    (void)state;
    assert_values(tg_round(ROW(1e307, -1e300, INF), 20), 1e307, -1e300, INF);
    assert_values(tg_round(row(TG_F32, LIST(1e38)), 5), (double)1e38F);
    assert_values(tg_round(row(TG_F32, LIST(3e38, -3e38)), 300), (double)3e38F, -(double)3e38F);
    assert_values(tg_round(row(TG_F32, LIST(3e38, -1)), -39), 0, 0);
    assert_values(tg_round(ROW(1e308, 1), -308), 1e308, 0);
}

static void integers_stay_as_they_are(void **state) {
    (void)state;
    static const unary ops[] = {tg_floor, tg_ceil, tg_trunc, round_0};
    for (int k = 0; k < 4; k++) {
        tg_tensor *y = ops[k](row(TG_I64, LIST(-3, 0, 7)));
        assert_shape(y, TG_I64, TG_SHAPE(3));
        assert_values(y, -3, 0, 7);
        assert_int_equal(tg_dtype_of(ops[k](row(TG_U8, LIST(255)))), TG_U8);
        assert_refused(ops[k](row(TG_BOOL, LIST(1))), TG_ERR_DTYPE, "bool [1]",
                       "f32, f64, i64, i32, u8");
    }
}

static void decimals_and_fractions_are_for_floats(void **state) {
    (void)state;
    assert_refused(tg_frac(row(TG_I32, LIST(1))), TG_ERR_DTYPE, "frac: ", "i32 [1]", "f32, f64");
    assert_refused(tg_round(row(TG_I64, LIST(15)), -1), TG_ERR_DTYPE, "round: ", "i64 [1]");
    assert_refused(tg_round(ROW(1), 309), TG_ERR_ARG, "round: ", "decimals is 309", "-308 to 308");
    assert_refused(tg_round_(ROW(1), INT64_MIN), TG_ERR_ARG, "round: ", "decimals");
}

static void in_place_forms_give_the_same(void **state) {
    (void)state;
    static const forms functions[] = {{"floor", tg_floor, tg_floor_},
                                      {"ceil", tg_ceil, tg_ceil_},
                                      {"trunc", tg_trunc, tg_trunc_},
                                      {"frac", tg_frac, tg_frac_},
                                      {"round", round_0, round_0_}};
    check_all_in_place(functions, 5);
}

TG_TEST_MAIN(tg_scoped(steps_have_cs_values_and_slope_0), tg_scoped(zeros_keep_their_sign),
             tg_scoped(decimals_scale_and_round_half_to_even),
             tg_scoped(numbers_too_large_to_scale_stay_and_too_small_vanish),
             tg_scoped(integers_stay_as_they_are), tg_scoped(decimals_and_fractions_are_for_floats),
             tg_scoped(in_place_forms_give_the_same))
