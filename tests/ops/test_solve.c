/* test_solve.c - inverse and systems: exact small ones, batches, what is singular. */
#include "tensors.h"

static tg_tensor *m(double a, double b, double c, double d) {
    return grid(TG_F64, 2, 2, LIST(a, b, c, d));
}
static tg_tensor *pair(tg_tensor *a, tg_tensor *b) { return tg_stack((tg_tensor *[]){a, b}, 2, 0); }

static void inverses_of_small_matrices(void **state) {
    (void)state;
    assert_values_near(tg_inv(m(1, 2, 3, 4)), 1e-14, -2, 1, 1.5, -0.5);
    assert_values(tg_inv(m(0, 2, 4, 0)), 0, 0.25, 0.5, 0);
    assert_values(tg_inverse(grid(TG_F64, 1, 1, LIST(-4))), -0.25);
    assert_shape(tg_inv(tg_zeros(TG_F32, TG_SHAPE(2, 0, 0))), TG_F32, TG_SHAPE(2, 0, 0));
    assert_shape(tg_inv(tg_zeros(TG_F32, TG_SHAPE(0, 3, 3))), TG_F32, TG_SHAPE(0, 3, 3));
    tg_tensor *both = tg_inv(pair(m(2, 0, 0, 4), m(1, 1, 0, 1)));
    assert_values(both, 0.5, 0, 0, 0.25, 1, -1, 0, 1);
}

static void a_singular_matrix_is_named(void **state) {
    (void)state;
    assert_refused(tg_inv(m(1, 2, 2, 4)), TG_ERR_NUMERIC, "inv: the matrix", "f64 [2, 2]",
                   "is singular");
    tg_tensor *batch = tg_unsqueeze(pair(m(1, 0, 0, 1), m(1, 2, 2, 4)), 0);
    assert_refused(tg_inv(batch), TG_ERR_NUMERIC, "matrix [0, 1] of the batch", "is singular");
    assert_refused(tg_solve(batch, m(1, 2, 3, 4)), TG_ERR_NUMERIC, "solve: matrix [0, 1]");
    assert_refused(tg_solve(m(0, 0, 0, 0), ROW(1, 2)), TG_ERR_NUMERIC, "solve: the matrix");
}

static void nan_stays_nan(void **state) {
    (void)state;
    assert_values(tg_inv(m(NAN, 1, 1, 2)), NAN, NAN, NAN, NAN);
    assert_true(isnan(at(tg_solve(m(1, 0, 0, 1), ROW(NAN, 2)), 0)));
}

static void systems_are_solved_for_matrices_and_vectors(void **state) {
    (void)state;
    tg_tensor *a = m(1, 2, 3, 4);
    assert_values_near(tg_solve(a, ROW(5, 11)), 1e-13, 1, 2);
    assert_values_near(tg_solve(a, m(5, 1, 11, 1)), 1e-13, 1, -1, 2, 1);
    assert_values(tg_solve(m(0, 2, 4, 0), ROW(2, 4)), 1, 1);
    /* a vector per matrix */
    tg_tensor *twice = pair(m(2, 0, 0, 4), m(1, 1, 0, 1));
    assert_values(tg_solve(twice, m(2, 4, 3, 1)), 1, 1, 2, 1);
    /* one matrix, several right-hand sides; several matrices, one */
    tg_tensor *y = tg_solve(m(2, 0, 0, 4), pair(m(2, 4, 4, 8), m(4, 0, 0, 4)));
    assert_values(y, 1, 2, 1, 2, 2, 0, 0, 1);
    assert_shape(tg_solve(m(1, 2, 3, 4), tg_zeros(TG_F64, TG_SHAPE(3, 0, 2, 5))), TG_F64,
                 TG_SHAPE(3, 0, 2, 5));
    assert_shape(tg_solve(tg_zeros(TG_F64, TG_SHAPE(0, 0)), tg_zeros(TG_F64, TG_SHAPE(3, 0, 5))),
                 TG_F64, TG_SHAPE(3, 0, 5));
    assert_shape(tg_solve(twice, tg_zeros(TG_F64, TG_SHAPE(3, 1, 2, 5))), TG_F64,
                 TG_SHAPE(3, 2, 2, 5));
    assert_shape(tg_solve(a, tg_zeros(TG_F64, TG_SHAPE(2, 0))), TG_F64, TG_SHAPE(2, 0));
}

static void f32_and_strides(void **state) {
    (void)state;
    tg_tensor *a = tg_cast(tg_transpose(m(1, 3, 2, 4), 0, 1), TG_F32);
    tg_tensor *y = tg_solve(a, tg_cast(ROW(5, 11), TG_F32));
    assert_shape(y, TG_F32, TG_SHAPE(2));
    assert_values_near(y, 1e-5, 1, 2);
    assert_values_near(tg_inv(tg_transpose(m(1, 3, 2, 4), 0, 1)), 1e-13, -2, 1, 1.5, -0.5);
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    assert_refused(tg_inv(ROW(1, 2)), TG_ERR_SHAPE, "inv: x is f64 [2]", "[..., m, n]");
    assert_refused(tg_inv(tg_zeros(TG_F64, TG_SHAPE(2, 3))), TG_ERR_SHAPE, "f64 [2, 3]", "equal");
    assert_refused(tg_inv(grid(TG_I64, 1, 1, LIST(1))), TG_ERR_DTYPE, "inv: ", "i64", "f32, f64");
    assert_refused(tg_solve(m(1, 2, 3, 4), ROW(1, 2, 3)), TG_ERR_SHAPE, "solve: ", "as many rows");
    assert_refused(tg_solve(m(1, 2, 3, 4), tg_cast(ROW(1, 2), TG_F32)), TG_ERR_DTYPE, "tg_cast");
    assert_refused(
        tg_solve(tg_zeros(TG_F64, TG_SHAPE(2, 2, 2)), tg_zeros(TG_F64, TG_SHAPE(3, 2, 1))),
        TG_ERR_SHAPE, "batch sizes 2 and 3");
}

static void triangles_are_solved_from_both_sides(void **state) {
    (void)state;
    tg_tensor *a = m(2, 99, 1, 4); /* the 99 is not read */
    assert_values(tg_solve_triangular(a, m(2, 4, 5, 6), false, true, false), 1, 2, 1, 1);
    assert_values(tg_solve_triangular(a, m(2, 4, 5, 6), false, true, true), 2, 4, 3, 2);
    /* y·[[2, 0], [1, 4]] = [[4, 4]] */
    assert_values(tg_solve_triangular(a, grid(TG_F64, 1, 2, LIST(4, 4)), false, false, false), 1.5,
                  1);
    tg_tensor *u = m(2, 1, 99, 4);
    assert_values(tg_solve_triangular(u, m(5, 2, 4, 8), true, true, false), 2, 0, 1, 2);
    assert_refused(tg_solve_triangular(m(1, 2, 3, 0), m(1, 2, 3, 4), true, true, false),
                   TG_ERR_NUMERIC, "solve_triangular: the matrix", "0 on its diagonal");
    assert_values(tg_solve_triangular(m(0, 2, 3, 0), m(1, 2, 3, 4), true, true, true), -5, -6, 3,
                  4);
    assert_refused(tg_solve_triangular(u, tg_zeros(TG_F64, TG_SHAPE(2, 3)), true, false, false),
                   TG_ERR_SHAPE, "as many columns");
}

/* Only the triangle that is read has a gradient. */
static void the_gradient_stays_in_the_triangle(void **state) {
    (void)state;
    tg_tensor *a = leaf(m(2, 99, 1, 4));
    sum_backward(tg_solve_triangular(a, grid(TG_F64, 2, 1, LIST(2, 5)), false, true, false));
    /* y = (b₁/a₁₁, (b₂ - a₂₁·b₁/a₁₁)/a₂₂) = (1, 1) */
    assert_values(tg_grad(a), -0.375, 0, -0.25, -0.25);
}

static void gradients_of_solve_and_inv_by_hand(void **state) {
    (void)state;
    tg_tensor *a = leaf(m(2, 0, 0, 4));
    tg_tensor *b = LEAF(2, 4);
    sum_backward(tg_solve(a, b)); /* y = (1, 1); gb = a⁻ᵀ·1, ga = -gb·yᵀ */
    assert_values(tg_grad(b), 0.5, 0.25);
    assert_values(tg_grad(a), -0.5, -0.5, -0.25, -0.25);
    tg_tensor *x = leaf(grid(TG_F64, 1, 1, LIST(4)));
    tg_tensor *d = slope(tg_inv(x), NULL, x);
    assert_values(d, -0.0625);
    assert_values(slope(d, NULL, x), 2.0 / 64);
}

TG_TEST_MAIN(tg_scoped(inverses_of_small_matrices), tg_scoped(a_singular_matrix_is_named),
             tg_scoped(nan_stays_nan), tg_scoped(systems_are_solved_for_matrices_and_vectors),
             tg_scoped(f32_and_strides), tg_scoped(what_does_not_fit_is_refused),
             tg_scoped(triangles_are_solved_from_both_sides),
             tg_scoped(the_gradient_stays_in_the_triangle),
             tg_scoped(gradients_of_solve_and_inv_by_hand))
