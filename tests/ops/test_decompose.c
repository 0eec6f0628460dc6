/* test_decompose.c - QR, symmetric eigenvalues, singular values: known small cases, shapes, signs,
 * what has no gradient. */
#include "tensors.h"

#define ROOT_HALF 0.70710678118654752

static tg_tensor *m(double a, double b, double c, double d) {
    return grid(TG_F64, 2, 2, LIST(a, b, c, d));
}

static void assert_alike(tg_tensor *got, tg_tensor *expected, double tolerance) {
    assert_shape(got, tg_dtype_of(expected), tg_ndim(expected), tg_shape(expected));
    if (tg_numel(got) > 0 && !(tg_item(tg_max(tg_abs(tg_sub(got, expected)))) <= tolerance))
        fail_msg("differs by %g", tg_item(tg_max(tg_abs(tg_sub(got, expected)))));
}

static void assert_orthonormal(tg_tensor *q) {
    tg_tensor *eye = tg_eye(TG_F64, tg_size(q, -1), tg_size(q, -1));
    tg_tensor *gram = tg_matmul(tg_transpose(q, -2, -1), q);
    assert_alike(gram, tg_expand(eye, tg_ndim(gram), tg_shape(gram)), 1e-13);
}

/* [[3], [4]] = [[-0.6], [-0.8]]·[[-5]]: Householder's sign. */
static void qr_by_hand(void **state) {
    (void)state;
    tg_tensor *r = NULL;
    assert_values_near(tg_qr(grid(TG_F64, 2, 1, LIST(3, 4)), false, &r), 1e-15, -0.6, -0.8);
    assert_values_near(r, 1e-15, -5);
    assert_values_near(tg_qr(grid(TG_F64, 2, 1, LIST(3, 4)), true, &r), 1e-15, -0.6, -0.8, -0.8,
                       0.6);
    assert_values_near(r, 1e-15, -5, 0);
}

static void qr_of_all_shapes_gives_back_the_matrix(void **state) {
    (void)state;
    tg_generator *g = tg_generator_new(3);
    for (int64_t rows = 0; rows < 5; rows++)
        for (int64_t cols = 0; cols < 5; cols++)
            for (int complete = 0; complete < 2; complete++) {
                tg_tensor *x = tg_randn(TG_F64, TG_SHAPE(2, rows, cols), g);
                tg_tensor *r = NULL;
                tg_tensor *q = tg_qr(x, complete, &r);
                int64_t k = complete || rows < cols ? rows : cols;
                assert_shape(q, TG_F64, TG_SHAPE(2, rows, k));
                assert_shape(r, TG_F64, TG_SHAPE(2, k, cols));
                assert_orthonormal(q);
                assert_alike(tg_matmul(q, r), x, 1e-13);
            }
    tg_generator_free(g);
}

static void columns_that_complete_a_square_have_no_gradient(void **state) {
    (void)state;
    tg_tensor *x = leaf(grid(TG_F64, 2, 1, LIST(3, 4)));
    tg_tensor *other = NULL;
    assert_refused(tg_qr(x, true, &other), TG_ERR_UNSUPPORTED, "qr: x is f64 [2, 1]",
                   "complete = 0");
    assert_refused(tg_svd(x, true, &other, NULL), TG_ERR_UNSUPPORTED, "svd: x is f64 [2, 1]",
                   "full_matrices = 0");
    assert_non_null(tg_qr(tg_detach(x), true, NULL));
    bool was = no_grad();
    assert_non_null(tg_svd(x, true, NULL, NULL));
    tg_set_grad_enabled(was);
}

static void eigenvalues_by_hand(void **state) {
    (void)state;
    tg_tensor *v = NULL;
    assert_values_near(tg_eigh(m(2, 1, 1, 2), false, &v), 1e-14, 1, 3);
    assert_values_near(v, 1e-14, ROOT_HALF, ROOT_HALF, -ROOT_HALF, ROOT_HALF);
    assert_values_near(tg_eigvalsh(m(2, 99, 1, 2), false), 1e-14, 1, 3); /* the lower triangle */
    assert_values_near(tg_eigvalsh(m(2, 1, 99, 2), true), 1e-14, 1, 3);
    assert_shape(tg_eigh(tg_zeros(TG_F32, TG_SHAPE(3, 0, 0)), false, &v), TG_F32, TG_SHAPE(3, 0));
    assert_shape(v, TG_F32, TG_SHAPE(3, 0, 0));
    assert_refused(tg_eigh(m(NAN, 1, 1, 2), false, NULL), TG_ERR_NUMERIC, "eigh: the matrix",
                   "NaN or infinities");
    tg_tensor *batch = tg_stack((tg_tensor *[]){m(1, 0, 0, 1), m(INFINITY, 0, 0, 1)}, 2, 0);
    assert_refused(tg_eigvalsh(batch, false), TG_ERR_NUMERIC, "eigvalsh: matrix [1] of the batch");
}

/* The trace is the sum of the eigenvalues: its gradient is I, also where they are equal. */
static void equal_eigenvalues_have_a_gradient(void **state) {
    (void)state;
    tg_tensor *x = leaf(m(2, 0, 0, 2));
    assert_values(slope(tg_eigvalsh(x, false), NULL, x), 1, 0, 0, 1);
    assert_values(slope(tg_svdvals(x), NULL, x), 1, 0, 0, 1);
}

static void singular_values_by_hand(void **state) {
    (void)state;
    tg_tensor *s = NULL;
    tg_tensor *vt = NULL;
    /* diag(3, -2) swapped: [[0, 3], [-2, 0]] */
    assert_values(tg_svd(m(0, 3, -2, 0), true, &s, &vt), 1, 0, 0, 1);
    assert_values(s, 3, 2);
    assert_values(vt, 0, 1, -1, 0);
    assert_values_near(tg_svdvals(m(1, 2, 2, 4)), 1e-13, 5, at(tg_svdvals(m(1, 2, 2, 4)), 1));
    assert_true(at(tg_svdvals(m(1, 2, 2, 4)), 1) < 1e-15);
    assert_refused(tg_svdvals(m(NAN, 1, 1, 2)), TG_ERR_NUMERIC, "svdvals: the matrix", "NaN");
    assert_refused(tg_svdvals(ROW(1)), TG_ERR_SHAPE, "svdvals: x is f64 [1]");
}

static void svd_of_all_shapes_gives_back_the_matrix(void **state) {
    (void)state;
    tg_generator *g = tg_generator_new(3);
    for (int64_t rows = 0; rows < 5; rows++)
        for (int64_t cols = 0; cols < 5; cols++)
            for (int full = 0; full < 2; full++) {
                tg_tensor *x = tg_randn(TG_F64, TG_SHAPE(2, rows, cols), g);
                tg_tensor *s = NULL;
                tg_tensor *vt = NULL;
                tg_tensor *u = tg_svd(x, full, &s, &vt);
                int64_t k = rows < cols ? rows : cols;
                assert_shape(s, TG_F64, TG_SHAPE(2, k));
                assert_shape(u, TG_F64, TG_SHAPE(2, rows, full ? rows : k));
                assert_shape(vt, TG_F64, TG_SHAPE(2, full ? cols : k, cols));
                assert_orthonormal(u);
                assert_orthonormal(tg_transpose(vt, -2, -1));
                tg_tensor *scaled = tg_mul(tg_narrow(u, -1, 0, k), tg_unsqueeze(s, -2));
                assert_alike(tg_matmul(scaled, tg_narrow(vt, -2, 0, k)), x, 1e-13);
            }
    tg_generator_free(g);
}

/* Of each column of U (of V for eigh) the largest element is positive, whoever computed it. */
static void signs_are_chosen(void **state) {
    (void)state;
    tg_generator *g = tg_generator_new(3);
    for (int k = 0; k < 20; k++) {
        tg_tensor *x = tg_randn(TG_F64, TG_SHAPE(4, 4), g);
        tg_tensor *v = NULL;
        assert_non_null(tg_eigh(x, false, &v));
        tg_tensor *both[2] = {tg_svd(x, false, NULL, NULL), v};
        for (int i = 0; i < 2; i++) {
            tg_tensor *most = tg_amax(both[i], TG_DIMS(0), false);
            tg_tensor *least = tg_amin(both[i], TG_DIMS(0), false);
            for (int c = 0; c < 4; c++)
                assert_true(at(most, c) >= -at(least, c) * (1 - 1e-5));
        }
    }
    tg_generator_free(g);
}

TG_TEST_MAIN(tg_scoped(qr_by_hand), tg_scoped(qr_of_all_shapes_gives_back_the_matrix),
             tg_scoped(columns_that_complete_a_square_have_no_gradient),
             tg_scoped(eigenvalues_by_hand), tg_scoped(equal_eigenvalues_have_a_gradient),
             tg_scoped(singular_values_by_hand), tg_scoped(svd_of_all_shapes_gives_back_the_matrix),
             tg_scoped(signs_are_chosen))
