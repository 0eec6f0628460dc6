/* test_lu.c - LU and Cholesky: exact small factors, and systems solved by them. */
#include "tensors.h"

static tg_tensor *m(double a, double b, double c, double d) {
    return grid(TG_F64, 2, 2, LIST(a, b, c, d));
}

static void lu_of_a_small_matrix_by_hand(void **state) {
    (void)state;
    tg_tensor *pivots = NULL;
    assert_values(tg_lu_factor(m(2, 6, 4, 8), &pivots), 4, 8, 0.5, 2);
    assert_shape(pivots, TG_I32, TG_SHAPE(2));
    assert_values(pivots, 2, 2);
    tg_tensor *l = NULL;
    tg_tensor *u = NULL;
    assert_values(tg_lu(m(2, 6, 4, 8), &l, &u), 0, 1, 1, 0);
    assert_values(l, 1, 0, 0.5, 1);
    assert_values(u, 4, 8, 0, 2);
    assert_non_null(tg_lu(m(2, 6, 4, 8), NULL, NULL));
    /* a singular matrix has factors, too */
    assert_values(tg_lu_factor(m(1, 2, 1, 2), NULL), 1, 2, 1, 0);
}

static void lu_of_all_shapes_gives_back_the_matrix(void **state) {
    (void)state;
    tg_generator *g = tg_generator_new(3);
    for (int64_t rows = 1; rows < 6; rows++)
        for (int64_t cols = 1; cols < 6; cols++) {
            tg_tensor *x = tg_randn(TG_F64, TG_SHAPE(2, rows, cols), g);
            tg_tensor *l = NULL;
            tg_tensor *u = NULL;
            tg_tensor *p = tg_lu(x, &l, &u);
            tg_tensor *back = tg_matmul(p, tg_matmul(l, u));
            assert_true(tg_item(tg_max(tg_abs(tg_sub(back, x)))) < 1e-14);
        }
    tg_generator_free(g);
}

static void lu_solve_solves_and_has_the_gradients_of_solve(void **state) {
    (void)state;
    tg_tensor *g[2][2];
    for (int way = 0; way < 2; way++) {
        tg_tensor *a = leaf(m(2, 6, 4, 8));
        tg_tensor *b = leaf(grid(TG_F64, 2, 1, LIST(10, 16)));
        tg_tensor *pivots = NULL;
        tg_tensor *lu = tg_lu_factor(a, &pivots);
        tg_tensor *y = way == 0 ? tg_lu_solve(lu, pivots, b) : tg_solve(a, b);
        assert_values_near(y, 1e-13, 2, 1);
        g[way][0] = slope(tg_square(y), NULL, a);
        g[way][1] = slope(tg_square(y), NULL, b);
    }
    for (int i = 0; i < 4; i++)
        assert_true(fabs(at(g[0][0], i) - at(g[1][0], i)) < 1e-12);
    for (int i = 0; i < 2; i++)
        assert_true(fabs(at(g[0][1], i) - at(g[1][1], i)) < 1e-12);
}

static void pivots_are_checked(void **state) {
    (void)state;
    tg_tensor *b = grid(TG_F64, 2, 1, LIST(1, 2));
    tg_tensor *lu = m(4, 8, 0.5, 2);
    assert_refused(tg_lu_solve(lu, row(TG_I32, LIST(2, 3)), b), TG_ERR_INDEX, "lu_solve: pivot 3",
                   "position 1", "1 to 2");
    assert_refused(tg_lu_solve(lu, row(TG_I32, LIST(0, 1)), b), TG_ERR_INDEX, "pivot 0");
    assert_refused(tg_lu_solve(lu, row(TG_I32, LIST(1)), b), TG_ERR_SHAPE, "pivots are i32 [1]");
    assert_refused(tg_lu_solve(lu, row(TG_F64, LIST(1, 2)), b), TG_ERR_DTYPE, "pivots are f64 [2]");
    assert_values(tg_lu_solve(lu, row(TG_I64, LIST(2, 2)), tg_zeros(TG_F64, TG_SHAPE(2, 1))), 0, 0);
}

static void cholesky_reads_one_triangle(void **state) {
    (void)state;
    assert_values(tg_cholesky(m(4, 99, 2, 5), false), 2, 0, 1, 2);
    assert_values(tg_cholesky(m(4, 2, 99, 5), true), 2, 1, 0, 2);
    assert_shape(tg_cholesky(tg_zeros(TG_F64, TG_SHAPE(3, 0, 0)), false), TG_F64,
                 TG_SHAPE(3, 0, 0));
    tg_tensor *bad = tg_stack((tg_tensor *[]){m(4, 2, 2, 5), m(1, 2, 2, 1)}, 2, 0);
    assert_refused(tg_cholesky(bad, false), TG_ERR_NUMERIC, "cholesky: matrix [1] of the batch",
                   "not positive definite");
    assert_refused(tg_cholesky(m(NAN, 0, 0, 1), false), TG_ERR_NUMERIC, "not positive definite");
}

/* d(L₁₁ + L₂₁ + L₂₂)/dA by hand, symmetrised: L₁₁ = √a, L₂₁ = b/√a, L₂₂ = √(c - b²/a). */
static void the_gradient_of_cholesky_is_symmetric(void **state) {
    (void)state;
    tg_tensor *x = leaf(m(4, 2, 2, 5));
    sum_backward(tg_cholesky(x, false));
    /* da: 1/4 - 2/16 + 4/16/4; db: 1/2 - 2/4/2, halved between both; dc: 1/4 */
    assert_values_near(tg_grad(x), 1e-14, 0.1875, 0.125, 0.125, 0.25);
}

static void systems_and_inverses_by_cholesky(void **state) {
    (void)state;
    tg_tensor *l = m(2, 99, 1, 2); /* of [[4, 2], [2, 5]] */
    assert_values(tg_cholesky_solve(grid(TG_F64, 2, 1, LIST(6, 7)), l, false), 1, 1);
    assert_values(tg_cholesky_inverse(l, false), 0.3125, -0.125, -0.125, 0.25);
    tg_tensor *u = m(2, 1, 99, 2);
    assert_values(tg_cholesky_solve(grid(TG_F64, 2, 1, LIST(6, 7)), u, true), 1, 1);
    assert_values(tg_cholesky_inverse(u, true), 0.3125, -0.125, -0.125, 0.25);
    assert_refused(tg_cholesky_solve(ROW(1, 2), l, false), TG_ERR_SHAPE, "cholesky_solve: b is");
}

TG_TEST_MAIN(tg_scoped(lu_of_a_small_matrix_by_hand),
             tg_scoped(lu_of_all_shapes_gives_back_the_matrix),
             tg_scoped(lu_solve_solves_and_has_the_gradients_of_solve),
             tg_scoped(pivots_are_checked), tg_scoped(cholesky_reads_one_triangle),
             tg_scoped(the_gradient_of_cholesky_is_symmetric),
             tg_scoped(systems_and_inverses_by_cholesky))
