/* test_spectrum.c - pseudo-inverse, rank, least squares, matrix norms. */
#include "tensors.h"

#define INF INFINITY

static tg_tensor *m(double a, double b, double c, double d) {
    return grid(TG_F64, 2, 2, LIST(a, b, c, d));
}

static void pseudo_inverses_by_hand(void **state) {
    (void)state;
    assert_values_near(tg_pinv(m(1, 2, 2, 4), -1), 1e-13, 0.04, 0.08, 0.08, 0.16);
    assert_values(tg_pinv(grid(TG_F64, 1, 2, LIST(0, 0)), -1), 0, 0);
    assert_values_near(tg_pinv(grid(TG_F64, 1, 2, LIST(3, 4)), -1), 1e-14, 0.12, 0.16);
    assert_values(tg_pinv(m(2, 0, 0, 0.5), 0.3), 0.5, 0, 0, 0);
    assert_shape(tg_pinv(tg_zeros(TG_F64, TG_SHAPE(2, 0, 3)), -1), TG_F64, TG_SHAPE(2, 3, 0));
    assert_refused(tg_pinv(m(1, 2, 3, 4), -0.5), TG_ERR_ARG, "pinv: rtol is -0.5", "-1 for");
    assert_refused(tg_pinv(m(1, 2, 3, 4), INF), TG_ERR_ARG, "pinv: rtol is inf");
    assert_refused(tg_pinv(m(NAN, 2, 3, 4), -1), TG_ERR_NUMERIC, "pinv: the matrix", "NaN");
}

static void ranks_are_counted(void **state) {
    (void)state;
    tg_tensor *both = tg_stack((tg_tensor *[]){m(1, 2, 3, 4), m(1, 2, 2, 4), m(0, 0, 0, 0)}, 3, 0);
    tg_tensor *rank = tg_matrix_rank(both, -1);
    assert_shape(rank, TG_I64, TG_SHAPE(3));
    assert_values(rank, 2, 1, 0);
    assert_values(tg_matrix_rank(m(1, 0, 0, 0.1), 0.2), 1);
    assert_values(tg_matrix_rank(tg_zeros(TG_F32, TG_SHAPE(0, 3)), -1), 0);
    assert_false(tg_requires_grad(tg_matrix_rank(leaf(m(1, 2, 3, 4)), -1)));
}

/* The line 1 + 2x through three points that lie on it, and the shortest y of y₁ + y₂ = 2. */
static void least_squares_by_hand(void **state) {
    (void)state;
    tg_tensor *a = grid(TG_F64, 3, 2, LIST(1, 0, 1, 1, 1, 2));
    assert_values_near(tg_lstsq(a, grid(TG_F64, 3, 1, LIST(1, 3, 5))), 1e-13, 1, 2);
    /* residuals (1, -2, 1)/6 of [0, 1, 0]: mean 1/3, slope 0 */
    tg_tensor *y = tg_lstsq(a, grid(TG_F64, 3, 1, LIST(0, 1, 0)));
    assert_true(fabs(at(y, 0) - 1.0 / 3) < 1e-14 && fabs(at(y, 1)) < 1e-14);
    assert_values_near(tg_lstsq(grid(TG_F64, 1, 2, LIST(1, 1)), grid(TG_F64, 1, 1, LIST(2))), 1e-14,
                       1, 1);
    assert_refused(tg_lstsq(m(1, 2, 2, 4), m(1, 2, 3, 4)), TG_ERR_NUMERIC, "lstsq: the matrix",
                   "full rank", "tg_pinv");
    assert_refused(tg_lstsq(a, m(1, 2, 3, 4)), TG_ERR_SHAPE, "lstsq: ", "as many rows");
    assert_values_near(tg_lstsq(a, ROW(1, 3, 5)), 1e-13, 1, 2);
    assert_refused(tg_lstsq(a, number(1)), TG_ERR_SHAPE, "lstsq: b is f64 []");
}

static void norms_of_a_small_matrix(void **state) {
    (void)state;
    tg_tensor *x = m(3, 0, -4, 0);
    assert_values(tg_matrix_norm(x, NULL, TG_ALL, false), 5);
    assert_values(tg_matrix_norm(x, "fro", TG_ALL, false), 5);
    assert_values_near(tg_matrix_norm(x, "nuc", TG_ALL, false), 1e-15, 5);
    assert_values_near(tg_matrix_norm(x, "2", TG_ALL, false), 1e-15, 5);
    assert_values(tg_matrix_norm(x, "-2", TG_ALL, false), 0);
    assert_values(tg_matrix_norm(x, "1", TG_ALL, false), 7);
    assert_values(tg_matrix_norm(x, "-1", TG_ALL, false), 0);
    assert_values(tg_matrix_norm(x, "inf", TG_ALL, false), 4);
    assert_values(tg_matrix_norm(x, "-inf", TG_ALL, false), 3);
    assert_values(tg_matrix_norm(x, "1", TG_DIMS(1, 0), false), 4);
    tg_tensor *cube = tg_zeros(TG_F64, TG_SHAPE(2, 3, 4));
    assert_shape(tg_matrix_norm(cube, "nuc", TG_DIMS(0, 2), true), TG_F64, TG_SHAPE(1, 3, 1));
    assert_values(tg_matrix_norm(tg_zeros(TG_F64, TG_SHAPE(2, 0)), "2", TG_ALL, false), 0);
    tg_tensor *zero = leaf(m(0, 0, 0, 0));
    assert_values(slope(tg_matrix_norm(zero, "fro", TG_ALL, false), NULL, zero), 0, 0, 0, 0);
}

static void unknown_norms_and_dims_are_refused(void **state) {
    (void)state;
    tg_tensor *x = m(1, 2, 3, 4);
    assert_refused(tg_matrix_norm(x, "3", TG_ALL, false), TG_ERR_ARG, "matrix_norm: ord is '3'",
                   "fro, nuc");
    assert_refused(tg_matrix_norm(x, "-fro", TG_ALL, false), TG_ERR_ARG, "ord is '-fro'");
    assert_refused(tg_matrix_norm(x, "1", TG_DIMS(0), false), TG_ERR_INDEX,
                   "1 dims for f64 [2, 2]");
    assert_refused(tg_matrix_norm(x, "1", TG_DIMS(0, -2), false), TG_ERR_INDEX, "two different");
    assert_refused(tg_matrix_norm(x, "1", TG_DIMS(0, 2), false), TG_ERR_INDEX, "dim 2");
    assert_refused(tg_matrix_norm(ROW(1), "1", TG_ALL, false), TG_ERR_SHAPE, "matrix_norm: x is");
}

TG_TEST_MAIN(tg_scoped(pseudo_inverses_by_hand), tg_scoped(ranks_are_counted),
             tg_scoped(least_squares_by_hand), tg_scoped(norms_of_a_small_matrix),
             tg_scoped(unknown_norms_and_dims_are_refused))
