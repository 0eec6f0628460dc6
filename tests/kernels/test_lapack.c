/* test_lapack.c - LAPACK and our own algorithms give the same, in f32 and f64; what must not reach
 * LAPACK does not. */
#include "tg_test.h"

#include "base/alloc.h"
#include "kernels/gemm.h"
#include "kernels/lapack.h"

#include <math.h>
#include <string.h>

enum { MOST = 40 };
typedef struct {
    double x[MOST * MOST]; /* or floats */
} matrix;

static double get(tg_dtype dtype, const matrix *m, int64_t i) {
    return dtype == TG_F32 ? (double)((const float *)(const void *)m->x)[i] : m->x[i];
}
static void set(tg_dtype dtype, matrix *m, int64_t i, double value) {
    if (dtype == TG_F32)
        ((float *)(void *)m->x)[i] = (float)value;
    else
        m->x[i] = value;
}

static void fill(tg_dtype dtype, matrix *m, int64_t n, uint32_t seed) {
    for (int64_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        set(dtype, m, i, (double)(seed >> 8) / (1 << 23) - 1);
    }
}

static void assert_alike(tg_dtype dtype, int64_t n, const matrix *a, const matrix *b) {
    for (int64_t i = 0; i < n; i++)
        if (!(fabs(get(dtype, a, i) - get(dtype, b, i)) <= (dtype == TG_F32 ? 1e-4 : 1e-11)))
            fail_msg("element %lld: LAPACK %.17g, ours %.17g", (long long)i, get(dtype, a, i),
                     get(dtype, b, i));
}

static const struct {
    int64_t m, n;
} sizes[] = {{1, 1}, {3, 3}, {5, 2}, {2, 5}, {17, 17}, {33, 20}, {20, 33}, {40, 40}};
#define FOR_SIZES(dtype, m, n)                                                                     \
    for (tg_dtype dtype = TG_F32; dtype <= TG_F64; dtype++)                                        \
        for (size_t at_ = 0; at_ < sizeof sizes / sizeof *sizes; at_++)                            \
            for (int64_t m = sizes[at_].m, n = sizes[at_].n, once_ = 1; once_; once_ = 0)

static void lu_and_triangles_agree(void **state) {
    (void)state;
    static matrix a[2], b[2];
    FOR_SIZES(dtype, m, n) {
        int32_t pivots[2][MOST];
        for (int own = 0; own < 2; own++) {
            tg__lapack_allowed = !own;
            fill(dtype, &a[own], m * n, 3);
            assert_int_equal(tg__lapack_lu(dtype, m, n, &a[own], pivots[own]), 0);
            if (m != n)
                continue;
            fill(dtype, &b[own], n * 3, 4);
            tg__lapack_swap(dtype, n, 3, &b[own], n, pivots[own]);
            assert_int_equal(
                tg__lapack_triangular(dtype, false, false, true, n, 3, &a[own], &b[own]), 0);
            assert_int_equal(
                tg__lapack_triangular(dtype, false, true, true, n, 3, &a[own], &b[own]), 0);
        }
        assert_memory_equal(pivots[0], pivots[1], (size_t)(m < n ? m : n) * sizeof(int32_t));
        assert_alike(dtype, m * n, &a[0], &a[1]);
        if (m == n && n < 10)
            assert_alike(dtype, n * 3, &b[0], &b[1]);
    }
    tg__lapack_allowed = true;
}

static void cholesky_agrees(void **state) {
    (void)state;
    static matrix a[2];
    FOR_SIZES(dtype, m, n) {
        if (m != n)
            continue;
        for (int upper = 0; upper < 2; upper++) {
            for (int own = 0; own < 2; own++) {
                tg__lapack_allowed = !own;
                fill(dtype, &a[own], n * n, 3);
                for (int64_t i = 0; i < n; i++)
                    set(dtype, &a[own], i * (n + 1), 2.0 * (double)n);
                assert_int_equal(tg__lapack_cholesky(dtype, n, &a[own], upper), 0);
            }
            assert_alike(dtype, n * n, &a[0], &a[1]);
        }
        for (int own = 0; own < 2; own++) {
            tg__lapack_allowed = !own;
            fill(dtype, &a[own], n * n, 3);
            for (int64_t i = 0; i < n; i++)
                set(dtype, &a[own], i * (n + 1), i == n - 1 ? -1 : 2.0 * (double)n);
            assert_int_equal(tg__lapack_cholesky(dtype, n, &a[own], false), n);
        }
    }
    tg__lapack_allowed = true;
}

static void qr_agrees_signs_included(void **state) {
    (void)state;
    static matrix q[2], r[2];
    FOR_SIZES(dtype, m, n)
    for (int complete = 0; complete < 2; complete++) {
        int64_t k = m < n ? m : n;
        int64_t cols = complete ? m : k;
        for (int own = 0; own < 2; own++) {
            tg__lapack_allowed = !own;
            memset(&q[own], 0, sizeof q[own]);
            fill(dtype, &q[own], m * n, 3);
            assert_int_equal(tg__lapack_qr(dtype, m, n, cols, &q[own], &r[own]), 0);
        }
        assert_alike(dtype, m * cols, &q[0], &q[1]);
        assert_alike(dtype, cols * n, &r[0], &r[1]);
    }
    tg__lapack_allowed = true;
}

static void eigenvalues_and_vectors_agree_signs_included(void **state) {
    (void)state;
    static matrix v[2], w[2];
    FOR_SIZES(dtype, m, n) {
        if (m != n)
            continue;
        for (int upper = 0; upper < 2; upper++) {
            for (int own = 0; own < 2; own++) {
                tg__lapack_allowed = !own;
                fill(dtype, &v[own], n * n, 3);
                for (int64_t i = 0; i < n; i++)
                    set(dtype, &v[own], i * (n + 1), 3.0 * (double)i);
                assert_int_equal(tg__lapack_eigh(dtype, n, &v[own], &w[own], upper), 0);
            }
            assert_alike(dtype, n, &w[0], &w[1]);
            assert_alike(dtype, n * n, &v[0], &v[1]);
        }
    }
    tg__lapack_allowed = true;
}

static void singular_values_and_vectors_agree_signs_included(void **state) {
    (void)state;
    static matrix a, s[2], u[2], vt[2];
    FOR_SIZES(dtype, m, n)
    for (int full = 0; full < 2; full++) {
        int64_t k = m < n ? m : n;
        for (int own = 0; own < 2; own++) {
            tg__lapack_allowed = !own;
            fill(dtype, &a, m * n, 3);
            for (int64_t i = 0; i < k; i++)
                set(dtype, &a, i * (m + 1), 5.0 * (double)(i + 1));
            assert_int_equal(tg__lapack_svd(dtype, m, n, &a, &s[own], &u[own], &vt[own], full), 0);
        }
        assert_alike(dtype, k, &s[0], &s[1]);
        assert_alike(dtype, m * k, &u[0], &u[1]);
        if (!full || n <= m)
            assert_alike(dtype, (full ? n : k) * n, &vt[0], &vt[1]);
    }
    tg__lapack_allowed = true;
}

static void matrices_that_are_not_finite_are_factorised_by_ieee_754(void **state) {
    (void)state;
    double a[4] = {NAN, 1, 1, 2};
    int32_t pivots[2];
    assert_int_equal(tg__lapack_lu(TG_F64, 2, 2, a, pivots), 0);
    assert_true(isnan(a[0]));
    double q[4] = {NAN, 1, 1, 2};
    double r[4];
    assert_int_equal(tg__lapack_qr(TG_F64, 2, 2, 2, q, r), 0);
    assert_true(isnan(r[0]));
    double c[1] = {INFINITY};
    assert_int_equal(tg__lapack_cholesky(TG_F64, 1, c, false), 0);
    assert_true(isinf(c[0]));
    assert_false(tg__all_finite(TG_F64, 4, a));
    assert_false(tg__all_finite(TG_F32, 2, (const float[]){1, INFINITY}));
    assert_true(tg__all_finite(TG_F32, 2, (const float[]){1, 3e38f}));
    assert_true(tg__all_finite(TG_F64, 0, NULL));
}

static void too_large_sizes_are_refused_before_anything_is_read(void **state) {
    (void)state;
    int64_t was = tg__blas_int_limit;
    tg__blas_int_limit = 100;
    assert_int_equal(tg__lapack_lu(TG_F64, 101, 1, NULL, NULL), TG__LAPACK_TOO_LARGE);
    assert_int_equal(tg__lapack_cholesky(TG_F64, 101, NULL, false), TG__LAPACK_TOO_LARGE);
    assert_int_equal(tg__lapack_triangular(TG_F64, true, false, false, 1, 101, NULL, NULL),
                     TG__LAPACK_TOO_LARGE);
    assert_int_equal(tg__lapack_qr(TG_F64, 101, 1, 1, NULL, NULL), TG__LAPACK_TOO_LARGE);
    assert_int_equal(tg__lapack_svd(TG_F64, 101, 1, NULL, NULL, NULL, NULL, false),
                     TG__LAPACK_TOO_LARGE);
    tg__blas_int_limit = 64 * 100; /* LAPACK takes the size of its work array in 32 bits too */
    assert_int_equal(tg__lapack_svd(TG_F64, 100, 4, NULL, NULL, NULL, NULL, false),
                     TG__LAPACK_TOO_LARGE);
    tg__blas_int_limit = was;
    assert_int_equal(tg__lapack_eigh(TG_F64, 30000, NULL, NULL, false), TG__LAPACK_TOO_LARGE);
}

static void empty_matrices_need_nothing(void **state) {
    (void)state;
    assert_int_equal(tg__lapack_lu(TG_F64, 0, 3, NULL, NULL), 0);
    assert_int_equal(tg__lapack_cholesky(TG_F32, 0, NULL, true), 0);
    assert_int_equal(tg__lapack_eigh(TG_F32, 0, NULL, NULL, true), 0);
    assert_int_equal(tg__lapack_triangular(TG_F32, true, true, true, 0, 3, NULL, NULL), 0);
    double u[4];
    assert_int_equal(tg__lapack_svd(TG_F64, 2, 0, NULL, NULL, u, NULL, true), 0);
    assert_true(u[0] == 1 && u[1] == 0 && u[2] == 0 && u[3] == 1);
    double q[4] = {5, 5, 5, 5};
    assert_int_equal(tg__lapack_qr(TG_F64, 2, 0, 2, q, u), 0);
    assert_true(q[0] == 1 && q[1] == 0 && q[2] == 0 && q[3] == 1);
}

static void missing_memory_is_said(void **state) {
    (void)state;
    static matrix a, w, u, vt;
    for (int own = 0; own < 2; own++) {
        tg__lapack_allowed = !own;
        fill(TG_F32, &a, 9, 3);
        tg__alloc_fail_at(1, true);
        assert_int_equal(tg__lapack_eigh(TG_F32, 3, &a, &w, false), TG__LAPACK_MEMORY);
        assert_int_equal(tg__lapack_svd(TG_F32, 3, 3, &a, &w, &u, &vt, false), TG__LAPACK_MEMORY);
        assert_int_equal(tg__lapack_qr(TG_F32, 3, 3, 3, &a, &w), TG__LAPACK_MEMORY);
        tg__alloc_fail_at(0, false);
    }
    tg__lapack_allowed = true;
}

TG_TEST_MAIN(cmocka_unit_test(lu_and_triangles_agree), cmocka_unit_test(cholesky_agrees),
             cmocka_unit_test(qr_agrees_signs_included),
             cmocka_unit_test(eigenvalues_and_vectors_agree_signs_included),
             cmocka_unit_test(singular_values_and_vectors_agree_signs_included),
             cmocka_unit_test(matrices_that_are_not_finite_are_factorised_by_ieee_754),
             cmocka_unit_test(too_large_sizes_are_refused_before_anything_is_read),
             cmocka_unit_test(empty_matrices_need_nothing),
             cmocka_unit_test(missing_memory_is_said))
