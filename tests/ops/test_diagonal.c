/* test_diagonal.c - diagonals as views, written, and as matrices. */
#include "tensors.h"

static void diagonal_is_a_view(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(2, 3)));
    assert_values(tg_diagonal(x, 0, 0, 1), 0, 4);
    assert_values(tg_diagonal(x, 1, 0, 1), 1, 5);
    assert_values(tg_diagonal(x, -1, 0, 1), 3);
    assert_values(tg_diagonal(x, 1, 1, 0), 3);
    assert_shape(tg_diagonal(x, 3, 0, 1), TG_F64, TG_SHAPE(0));
    assert_shape(tg_diagonal(x, INT64_MIN, 0, 1), TG_F64, TG_SHAPE(0));
    assert_shape(tg_diagonal(x, INT64_MAX, 0, 1), TG_F64, TG_SHAPE(0));
    assert_true(tg_data(tg_diagonal(x, 0, 0, 1)) == tg_data(x));
    assert_values(slope(tg_square(tg_diagonal(x, 1, 0, 1)), NULL, x), 0, 2, 0, 0, 0, 10);
    tg_tensor *y = tg_diagonal(counting(TG_SHAPE(2, 3, 2)), 0, 0, -1);
    assert_shape(y, TG_F64, TG_SHAPE(3, 2));
    assert_values(y, 0, 7, 2, 9, 4, 11);
    tg_tensor *m = tg_zeros(TG_F64, TG_SHAPE(2, 2));
    assert_non_null(tg_fill_(tg_diagonal(m, 0, 0, 1), 3));
    assert_values(m, 3, 0, 0, 3);
    assert_refused(tg_diagonal(x, 0, 0, -2), TG_ERR_INDEX, "both 0", "f64 [2, 3]");
    assert_refused(tg_diagonal(x, 0, 0, 2), TG_ERR_INDEX, "-2 to 1");
    assert_refused(tg_diagonal(number(1), 0, 0, 1), TG_ERR_INDEX, "f64 []");
}

static void diagonal_scatter_replaces_it(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(2, 3)));
    tg_tensor *src = LEAF(8, 9);
    tg_tensor *y = tg_diagonal_scatter(x, src, 1, 0, 1);
    assert_values(y, 0, 8, 2, 3, 4, 9);
    assert_values(slope(y, counting(TG_SHAPE(2, 3)), x), 0, 0, 2, 3, 4, 0);
    assert_values(slope(y, counting(TG_SHAPE(2, 3)), src), 1, 5);
    assert_refused(tg_diagonal_scatter(x, ROW(1), 0, 0, 1), TG_ERR_SHAPE, "f64 [1]", "[2]");
}

static void matrices_are_made_of_diagonals(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    assert_values(tg_diag_embed(x, 0, -2, -1), 1, 0, 0, 2);
    assert_values(tg_diag_embed(x, 1, 0, 1), 0, 1, 0, 0, 0, 2, 0, 0, 0);
    assert_values(tg_diag(x, -1), 0, 0, 0, 1, 0, 0, 0, 2, 0);
    tg_tensor *y = tg_diag_embed(grid(TG_F64, 2, 2, LIST(1, 2, 3, 4)), 0, 0, 2);
    assert_shape(y, TG_F64, TG_SHAPE(2, 2, 2));
    assert_values(y, 1, 0, 3, 0, 0, 2, 0, 4);
    assert_values(slope(tg_diag(x, 0), counting(TG_SHAPE(2, 2)), x), 0, 3);
    tg_tensor *m = counting(TG_SHAPE(2, 3));
    assert_values(tg_diag(m, 1), 1, 5);
    assert_true(tg_data(tg_diag(m, 0)) != tg_data(m)); /* a copy */
    assert_refused(tg_diag(number(1), 0), TG_ERR_SHAPE, "diag: ", "f64 []");
    assert_refused(tg_diag_embed(x, INT64_MIN, 0, 1), TG_ERR_SHAPE, "diag_embed: ");
    assert_refused(tg_diag_embed(x, INT64_MAX - 1, 0, 1), TG_ERR_SHAPE, "diag_embed: ");
    assert_refused(tg_diag_embed(x, 0, 1, 1), TG_ERR_INDEX, "both 1");
    assert_refused(tg_diag_embed(number(1), 0, 0, 1), TG_ERR_SHAPE, "f64 []");
}

TG_TEST_MAIN(tg_scoped(diagonal_is_a_view), tg_scoped(diagonal_scatter_replaces_it),
             tg_scoped(matrices_are_made_of_diagonals))
