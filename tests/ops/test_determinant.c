/* test_determinant.c - determinants and their derivatives, of singular matrices too. */
#include "tensors.h"

static tg_tensor *m(double a, double b, double c, double d) {
    return grid(TG_F64, 2, 2, LIST(a, b, c, d));
}
static tg_tensor *cube(const double *values) { return of(TG_F64, 2, (int64_t[]){3, 3}, 9, values); }

static void determinants_of_small_matrices(void **state) {
    (void)state;
    assert_values_near(tg_det(m(1, 2, 3, 4)), 1e-14, -2);
    assert_values(tg_det(m(0, 1, 1, 0)), -1);
    assert_values(tg_det(m(1, 2, 2, 4)), 0);
    assert_values(tg_det(tg_zeros(TG_F64, TG_SHAPE(0, 0))), 1);
    assert_shape(tg_det(tg_zeros(TG_F32, TG_SHAPE(3, 0, 2, 2))), TG_F32, TG_SHAPE(3, 0));
    assert_values(tg_det(m(NAN, 1, 1, 2)), NAN);
    assert_values(tg_det(grid(TG_F64, 1, 1, LIST(-INFINITY))), -INFINITY);
    assert_refused(tg_det(ROW(1)), TG_ERR_SHAPE, "det: x is f64 [1]");
}

/* The cofactors by hand, whatever the rank. */
static void the_gradient_is_the_cofactor_matrix(void **state) {
    (void)state;
    tg_tensor *x = leaf(m(1, 2, 3, 4));
    assert_values_near(slope(tg_det(x), NULL, x), 1e-13, 4, -3, -2, 1);
    x = leaf(m(1, 2, 2, 4));
    assert_values_near(slope(tg_det(x), NULL, x), 1e-13, 4, -2, -2, 1);
    x = leaf(m(0, 0, 0, 0));
    assert_values(slope(tg_det(x), NULL, x), 0, 0, 0, 0);
    /* rank 2: the third row is the sum of the others */
    x = leaf(cube((const double[]){1, 2, 3, 4, 5, 6, 5, 7, 9}));
    assert_values_near(slope(tg_det(x), NULL, x), 1e-12, 3, -6, 3, 3, -6, 3, -3, 6, -3);
    /* rank 1: no minor of order 2 */
    x = leaf(cube((const double[]){1, 2, 3, 2, 4, 6, 3, 6, 9}));
    tg_tensor *g = slope(tg_det(x), NULL, x);
    for (int i = 0; i < 9; i++)
        assert_true(fabs(at(g, i)) < 1e-13);
}

/* det = ad - bc: ∂²/∂a∂d = 1, ∂²/∂b∂c = -1, for any a, b, c, d; orthogonal ones have equal singular
 * values. */
static void the_second_derivative_needs_no_inverse(void **state) {
    (void)state;
    tg_tensor *all[] = {m(1, 2, 3, 4), m(1, 2, 2, 4), m(0, 0, 0, 0), m(0, 1, -1, 0)};
    for (int k = 0; k < 4; k++) {
        tg_tensor *x = leaf(all[k]);
        tg_tensor *g = slope(tg_det(x), NULL, x);
        tg_tensor *h = slope(tg_mul(g, m(1, 10, 100, 1000)), NULL, x);
        static const double expected[] = {1000, -100, -10, 1};
        for (int i = 0; i < 4; i++)
            assert_true(fabs(at(h, i) - expected[i]) < 1e-11);
    }
    /* rank 1 of order 3: the second derivative is made of the elements themselves */
    tg_tensor *x = leaf(cube((const double[]){1, 0, 0, 0, 0, 0, 0, 0, 0}));
    tg_tensor *g = slope(tg_det(x), NULL, x);
    tg_tensor *h = slope(tg_select(tg_select(g, 0, 1), 0, 1), NULL, x); /* of a·i - c·g */
    assert_values_near(tg_add_scalar(h, 1), 1e-13, 1, 1, 1, 1, 1, 1, 1, 1, 2);
}

static void f32_batches_have_gradients(void **state) {
    (void)state;
    tg_tensor *both = tg_stack((tg_tensor *[]){m(1, 2, 3, 4), m(1, 2, 2, 4)}, 2, 0);
    tg_tensor *x = leaf(tg_cast(both, TG_F32));
    assert_values_near(slope(tg_det(x), NULL, x), 1e-5, 4, -3, -2, 1, 4, -2, -2, 1);
}

static void signs_and_logarithms(void **state) {
    (void)state;
    tg_tensor *y = NULL;
    assert_values(tg_slogdet(m(0, 2, 3, 0), &y), -1);
    assert_values_near(y, 1e-15, 1.791759469228055);
    assert_values(tg_slogdet(m(1, 2, 2, 4), &y), 0);
    assert_values(y, -INFINITY);
    /* no overflow, where the determinant has one */
    tg_tensor *large = tg_mul_scalar(tg_eye(TG_F64, 4, 4), 1e200);
    assert_values(tg_slogdet(large, &y), 1);
    assert_values_near(y, 1e-14, 1842.0680743952366);
    assert_values(tg_slogdet(tg_zeros(TG_F64, TG_SHAPE(0, 0)), &y), 1);
    assert_values(y, 0);
    assert_values_near(tg_logdet(m(2, 0, 0, 3)), 1e-15, 1.791759469228055);
    assert_values(tg_logdet(m(0, 2, 3, 0)), NAN);
    assert_values(tg_logdet(m(1, 2, 2, 4)), -INFINITY);
}

static void the_gradient_of_slogdet_is_the_inverse_transposed(void **state) {
    (void)state;
    tg_tensor *x = leaf(m(1, 2, 3, 4));
    tg_tensor *y = NULL;
    tg_tensor *sign = tg_slogdet(x, &y);
    assert_values_near(slope(y, NULL, x), 1e-13, -2, 1.5, 1, -0.5);
    assert_values(slope(sign, NULL, x), 0, 0, 0, 0);
    x = leaf(m(1, 2, 2, 4));
    assert_non_null(tg_slogdet(x, &y));
    tg_tensor *g = slope(y, NULL, x);
    for (int i = 0; i < 4; i++)
        assert_false(isfinite(at(g, i)));
}

TG_TEST_MAIN(tg_scoped(determinants_of_small_matrices),
             tg_scoped(the_gradient_is_the_cofactor_matrix),
             tg_scoped(the_second_derivative_needs_no_inverse),
             tg_scoped(f32_batches_have_gradients), tg_scoped(signs_and_logarithms),
             tg_scoped(the_gradient_of_slogdet_is_the_inverse_transposed))
