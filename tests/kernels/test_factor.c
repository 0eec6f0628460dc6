/* test_factor.c - our own factorisations: their defining equations, in long double. */
#include "tg_test.h"

#include "kernels/factor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 12 };

static void fill(double *x, int64_t n, uint32_t seed) {
    for (int64_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (double)(seed >> 8) / (1 << 23) - 1;
    }
}

/* c [m, n] = a · b, all column by column; each may be transposed. */
static void product(int64_t m, int64_t n, int64_t k, const double *a, bool ta, const double *b,
                    bool tb, double *c) {
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = 0; i < m; i++) {
            long double sum = 0;
            for (int64_t l = 0; l < k; l++)
                sum += (long double)a[ta ? i * k + l : l * m + i] * b[tb ? l * n + j : j * k + l];
            c[j * m + i] = (double)sum;
        }
}

static void assert_near(int64_t n, const double *got, const double *expected, double tolerance) {
    for (int64_t i = 0; i < n; i++)
        if (!(fabs(got[i] - expected[i]) <= tolerance))
            fail_msg("element %lld: %.17g, expected %.17g", (long long)i, got[i], expected[i]);
}

static void assert_orthonormal(int64_t m, int64_t n, const double *q) {
    double gram[MOST * MOST];
    double eye[MOST * MOST] = {0};
    for (int64_t i = 0; i < n; i++)
        eye[i * n + i] = 1;
    product(n, n, m, q, true, q, false, gram);
    assert_near(n * n, gram, eye, 1e-13);
}

static void lu_gives_back_the_matrix_with_its_rows_swapped(void **state) {
    (void)state;
    for (int64_t m = 1; m <= 7; m++)
        for (int64_t n = 1; n <= 7; n++) {
            double a[MOST * MOST];
            double lu[MOST * MOST];
            double back[MOST * MOST];
            int32_t pivots[MOST];
            int64_t k = m < n ? m : n;
            fill(a, m * n, (uint32_t)(m * 8 + n));
            memcpy(lu, a, sizeof lu);
            assert_int_equal(tg__factor_lu(m, n, lu, pivots), 0);
            double l[MOST * MOST] = {0};
            double u[MOST * MOST] = {0};
            for (int64_t j = 0; j < k; j++)
                for (int64_t i = j; i < m; i++) {
                    l[j * m + i] = i == j ? 1 : lu[j * m + i];
                    assert_true(fabs(l[j * m + i]) <= 1);
                }
            for (int64_t j = 0; j < n; j++)
                for (int64_t i = 0; i <= j && i < k; i++)
                    u[j * k + i] = lu[j * m + i];
            product(m, n, k, l, false, u, false, back);
            for (int64_t i = k - 1; i >= 0; i--)
                for (int64_t j = 0; j < n; j++) {
                    double t = back[j * m + i];
                    back[j * m + i] = back[j * m + pivots[i] - 1];
                    back[j * m + pivots[i] - 1] = t;
                }
            assert_near(m * n, back, a, 1e-14);
        }
}

static void lu_names_the_first_pivot_that_is_0(void **state) {
    (void)state;
    double a[9] = {1, 2, 3, 2, 4, 6, 1, 1, 1}; /* the second column is twice the first */
    int32_t pivots[3];
    assert_int_equal(tg__factor_lu(3, 3, a, pivots), 2);
    assert_int_equal(pivots[0], 3);
}

static void cholesky_squares_to_the_matrix_and_names_a_bad_minor(void **state) {
    (void)state;
    for (int64_t n = 1; n <= 6; n++)
        for (int upper = 0; upper < 2; upper++) {
            double a[MOST * MOST];
            double x[MOST * MOST];
            double back[MOST * MOST];
            fill(x, n * n, (uint32_t)n);
            product(n, n, n, x, false, x, true, a);
            for (int64_t i = 0; i < n; i++)
                a[i * n + i] += 1;
            memcpy(x, a, sizeof x);
            assert_int_equal(tg__factor_cholesky(n, x, upper), 0);
            for (int64_t j = 0; j < n; j++)
                for (int64_t i = 0; i < n; i++)
                    if (upper ? i > j : i < j) {
                        assert_true(x[j * n + i] == a[j * n + i]); /* left alone */
                        x[j * n + i] = 0;
                    }
            product(n, n, n, x, upper, x, !upper, back);
            assert_near(n * n, back, a, 1e-13);
        }
    double bad[9] = {1, 0, 0, 0, 4, 6, 0, 6, 9}; /* the last minor is 0 */
    assert_int_equal(tg__factor_cholesky(3, bad, false), 3);
    double nan[1] = {NAN};
    assert_int_equal(tg__factor_cholesky(1, nan, false), 1);
}

static void triangles_are_solved_in_all_forms(void **state) {
    (void)state;
    for (int form = 0; form < 8; form++) {
        bool upper = form & 1;
        bool transposed = form & 2;
        bool unit = form & 4;
        const int64_t n = 5;
        const int64_t k = 2;
        double a[MOST * MOST];
        double b[MOST * MOST];
        double x[MOST * MOST];
        double back[MOST * MOST];
        fill(a, n * n, 7);
        for (int64_t i = 0; i < n; i++)
            a[i * n + i] += 3;
        fill(b, n * k, 9);
        memcpy(x, b, sizeof x);
        tg__factor_triangular(upper, transposed, unit, n, k, a, x);
        for (int64_t j = 0; j < n; j++)
            for (int64_t i = 0; i < n; i++)
                if (upper ? i > j : i < j)
                    a[j * n + i] = 0;
                else if (i == j && unit)
                    a[j * n + i] = 1;
        product(n, k, n, a, transposed, x, false, back);
        assert_near(n * k, back, b, 1e-13);
    }
}

static void qr_has_orthonormal_columns_and_a_triangle(void **state) {
    (void)state;
    for (int64_t m = 1; m <= 6; m++)
        for (int64_t n = 0; n <= 6; n++)
            for (int complete = 0; complete < 2; complete++) {
                double a[MOST * MOST];
                double q[MOST * MOST] = {0};
                double r[MOST * MOST];
                double tau[MOST];
                double back[MOST * MOST];
                int64_t cols = complete || m < n ? m : n;
                fill(a, m * n, (uint32_t)(m * 8 + n));
                memcpy(q, a, (size_t)(m * n) * sizeof *q);
                tg__factor_qr(m, n, cols, q, r, tau);
                assert_orthonormal(m, cols, q);
                for (int64_t j = 0; j < n; j++)
                    for (int64_t i = j + 1; i < cols; i++)
                        assert_true(r[j * cols + i] == 0);
                product(m, n, cols, q, false, r, false, back);
                assert_near(m * n, back, a, 1e-13);
            }
}

static void eigenvalues_ascend_and_give_back_the_matrix(void **state) {
    (void)state;
    for (int64_t n = 1; n <= 8; n++)
        for (int upper = 0; upper < 2; upper++) {
            double x[MOST * MOST];
            double a[MOST * MOST];
            double v[MOST * MOST];
            double w[MOST];
            double scaled[MOST * MOST];
            double back[MOST * MOST];
            fill(x, n * n, (uint32_t)n + 50);
            for (int64_t j = 0; j < n; j++)
                for (int64_t i = 0; i < n; i++)
                    a[j * n + i] = x[j * n + i] + x[i * n + j];
            memcpy(x, a, sizeof x);
            for (int64_t j = 0; j < n; j++) /* the other triangle is not read */
                for (int64_t i = 0; i < n; i++)
                    if (upper ? i > j : i < j)
                        x[j * n + i] = 1e9;
            assert_int_equal(tg__factor_eigh(n, x, w, v, upper), 0);
            assert_orthonormal(n, n, x);
            for (int64_t j = 0; j < n; j++) {
                assert_true(j == 0 || w[j - 1] <= w[j]);
                for (int64_t i = 0; i < n; i++)
                    scaled[j * n + i] = x[j * n + i] * w[j];
            }
            product(n, n, n, scaled, false, x, true, back);
            assert_near(n * n, back, a, 1e-13);
        }
}

/* By hand: [[2, 1], [1, 2]] has 1 and 3; the zero matrix has zeros; a multiple of I stays. */
static void eigenvalues_of_known_matrices(void **state) {
    (void)state;
    double v[4];
    double w[2];
    double a[4] = {2, 1, 1, 2};
    assert_int_equal(tg__factor_eigh(2, a, w, v, false), 0);
    assert_near(2, w, (const double[]){1, 3}, 1e-15);
    double zero[4] = {0};
    assert_int_equal(tg__factor_eigh(2, zero, w, v, false), 0);
    assert_near(2, w, (const double[]){0, 0}, 0);
    double tiny[4] = {2e-300, 1e-300, 1e-300, 2e-300};
    assert_int_equal(tg__factor_eigh(2, tiny, w, v, false), 0);
    assert_near(2, w, (const double[]){1e-300, 3e-300}, 1e-314);
    double huge[4] = {2e300, 1e300, 1e300, 2e300};
    assert_int_equal(tg__factor_eigh(2, huge, w, v, false), 0);
    assert_near(2, w, (const double[]){1e300, 3e300}, 1e286);
}

static void check_svd(int64_t m, int64_t n, int64_t cols, const double *a) {
    double u[MOST * MOST] = {0};
    double s[MOST];
    double v[MOST * MOST];
    double scaled[MOST * MOST];
    double back[MOST * MOST];
    double scale = 1;
    for (int64_t i = 0; i < m * n; i++)
        scale = fabs(a[i]) > scale ? fabs(a[i]) : scale;
    memcpy(u, a, (size_t)(m * n) * sizeof *u);
    assert_int_equal(tg__factor_svd(m, n, cols, u, s, v), 0);
    assert_orthonormal(m, cols, u);
    assert_orthonormal(n, n, v);
    for (int64_t j = 0; j < n; j++) {
        assert_true(s[j] >= 0 && (j == 0 || s[j - 1] >= s[j]));
        for (int64_t i = 0; i < m; i++)
            scaled[j * m + i] = u[j * m + i] * s[j];
    }
    product(m, n, n, scaled, false, v, true, back);
    assert_near(m * n, back, a, 1e-13 * scale);
}

static void singular_values_descend_and_give_back_the_matrix(void **state) {
    (void)state;
    for (int64_t m = 1; m <= 7; m++)
        for (int64_t n = 0; n <= m; n++) {
            double a[MOST * MOST];
            fill(a, m * n, (uint32_t)(m * 8 + n));
            check_svd(m, n, n, a);
            check_svd(m, n, m, a);
            for (int64_t i = 0; i < m * n; i++)
                a[i] *= 1e200;
            check_svd(m, n, n, a);
        }
    double low[12] = {1, 2, 3, 4, 2, 4, 6, 8, 0, 0, 0, 0}; /* rank 1 */
    check_svd(4, 3, 3, low);
    check_svd(4, 3, 4, low);
    double zero[6] = {0};
    check_svd(3, 2, 3, zero);
}

TG_TEST_MAIN(cmocka_unit_test(lu_gives_back_the_matrix_with_its_rows_swapped),
             cmocka_unit_test(lu_names_the_first_pivot_that_is_0),
             cmocka_unit_test(cholesky_squares_to_the_matrix_and_names_a_bad_minor),
             cmocka_unit_test(triangles_are_solved_in_all_forms),
             cmocka_unit_test(qr_has_orthonormal_columns_and_a_triangle),
             cmocka_unit_test(eigenvalues_ascend_and_give_back_the_matrix),
             cmocka_unit_test(eigenvalues_of_known_matrices),
             cmocka_unit_test(singular_values_descend_and_give_back_the_matrix))
