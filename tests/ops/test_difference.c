/* test_difference.c - differences of neighbours and areas along one dim. */
#include "tensors.h"

static void differences_of_any_order(void **state) {
    (void)state;
    tg_tensor *x = leaf(grid(TG_F64, 2, 4, LIST(1, 4, 9, 16, 2, 2, 0, 5)));
    assert_values(tg_diff(x, 1, -1), 3, 5, 7, 0, -2, 5);
    assert_values(tg_diff(x, 2, 1), 2, 2, -2, 7);
    assert_values(tg_diff(x, 1, 0), 1, -2, -9, -11);
    assert_values(tg_diff(x, 0, 0), 1, 4, 9, 16, 2, 2, 0, 5);
    assert_shape(tg_diff(x, 4, 1), TG_F64, TG_SHAPE(2, 0));
    assert_shape(tg_diff(x, INT64_MAX, 0), TG_F64, TG_SHAPE(0, 4));
    tg_tensor *g = slope(tg_square(tg_diff(x, 1, 1)), NULL, x);
    assert_values(g, -6, -4, -4, 14, 0, 4, -14, 10);
    assert_values(tg_diff(row(TG_BOOL, LIST(1, 0, 0)), 1, 0), 1, 0);
    assert_shape(tg_diff(row(TG_U8, LIST(3, 1)), 1, 0), TG_U8, TG_SHAPE(1));
    assert_values(tg_diff(row(TG_U8, LIST(3, 1)), 1, 0), 254);
    assert_refused(tg_diff(x, -1, 0), TG_ERR_ARG, "diff: ", "n is -1");
    assert_refused(tg_diff(x, 1, 2), TG_ERR_INDEX, "diff: ", "dim 2");
    assert_refused(tg_diff(number(1), 1, 0), TG_ERR_SHAPE, "diff: ", "f64 []");
}

/* Values of PyTorch. */
static void areas_over_even_and_uneven_steps(void **state) {
    (void)state;
    tg_tensor *y = leaf(grid(TG_F64, 2, 3, LIST(1, 2, 4, 1, 1, 1)));
    tg_tensor *x = LEAF(0, 1, 3);
    tg_tensor *area = tg_trapezoid(y, x, 1, -1);
    assert_values(area, 7.5, 3);
    assert_values(slope(area, NULL, y), .5, 1.5, 1, .5, 1.5, 1);
    assert_values(slope(area, ROW(1, 0), x), -1.5, -1.5, 3);
    assert_values(tg_trapezoid(y, TG_NONE, 2, 1), 9, 4);
    assert_values(tg_trapezoid(y, TG_NONE, 1, 0), 1, 1.5, 2.5);
    assert_values(tg_cumulative_trapezoid(y, x, 1, 1), 1.5, 7.5, 1, 3);
    assert_values(tg_cumulative_trapezoid(y, TG_NONE, 1, 0), 1, 1.5, 2.5);
    assert_values(tg_trapezoid(ROW(1), TG_NONE, 1, 0), 0);
    assert_values(tg_trapezoid(tg_zeros(TG_F64, TG_SHAPE(0)), TG_NONE, 1, 0), 0);
    assert_shape(tg_trapezoid(row(TG_I64, LIST(1, 2)), TG_NONE, 1, 0), TG_F32, TG_0D);
    assert_refused(tg_trapezoid(y, ROW(1, 2), 1, 1), TG_ERR_SHAPE, "trapezoid: ", "f64 [2, 3]",
                   "f64 [2]", "dim 1");
    assert_refused(tg_trapezoid(y, number(1), 1, 1), TG_ERR_SHAPE, "f64 []");
    assert_refused(tg_cumulative_trapezoid(number(1), TG_NONE, 1, 0), TG_ERR_SHAPE,
                   "cumulative_trapezoid: ", "f64 []");
    assert_refused(tg_trapezoid(y, TG_NONE, NAN, 1), TG_ERR_ARG, "trapezoid: ", "dx");
}

TG_TEST_MAIN(tg_scoped(differences_of_any_order), tg_scoped(areas_over_even_and_uneven_steps))
