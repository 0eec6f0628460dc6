/* lapack.c - the calls of OpenBLAS's LAPACK; nothing else in the library makes any.
 *
 * Facts this file is built around:
 * - A bad argument makes xerbla print, so sizes are checked before and workspaces are as large as
 *   the documentation asks for; they are never queried.
 * - Fortran passes the lengths of its text arguments behind all others; leaving them out works
 * until a compiler makes use of them.
 * - The iterations of eigenvalues and singular values may not end on NaN: callers pass finite
 *   matrices. OpenBLAS's pivoting and its products with 0 do not treat NaN as IEEE 754 does, so LU
 *   of such a matrix is left to our own.
 * - OpenBLAS starts its threads where it pays; tg__blas_enter says when that must not be. */
#include "kernels/lapack.h"

#include "base/alloc.h"
#include "kernels/factor.h"
#include "kernels/gemm.h"

#include <math.h>
#include <string.h>

/* Work arrays of n² elements stay below 2^31. */
#define LARGEST 20000

bool tg__lapack_allowed = true;

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
/* Numbers of room for LAPACK's singular values: 4·k² + 6·k + max(m, n) at least. */
static int64_t svd_work(int64_t m, int64_t n) {
    const int64_t k = smaller(m, n);
    return 4 * k * k + 7 * k + 64 * larger(m, n);
}
static size_t item(tg_dtype dtype) { return dtype == TG_F32 ? sizeof(float) : sizeof(double); }

bool tg__all_finite(tg_dtype dtype, int64_t n, const void *x) {
    /* x - x is 0, or NaN where x is not finite */
    if (dtype == TG_F32) {
        const float *p = x;
        float sum = 0;
        for (int64_t i = 0; i < n; i++)
            sum += p[i] - p[i];
        return sum == 0;
    }
    const double *p = x;
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += p[i] - p[i];
    return sum == 0;
}

/* ---- Our own algorithms on either dtype ------------------------------------------------------ */

/* n numbers as f64: x itself, or a copy. */
static double *widen(tg_dtype dtype, int64_t n, const void *x) {
    if (dtype == TG_F64)
        return (double *)(uintptr_t)x;
    double *wide = tg__alloc((size_t)n * sizeof *wide);
    for (int64_t i = 0; wide != NULL && i < n; i++)
        wide[i] = (double)((const float *)x)[i];
    return wide;
}

/* Writes the numbers back and frees the copy; NULL and x itself are fine. */
static void narrow(int64_t n, double *wide, void *x) {
    if (wide == x || wide == NULL)
        return;
    for (int64_t i = 0; i < n; i++)
        ((float *)x)[i] = (float)wide[i];
    tg__free(wide, (size_t)n * sizeof *wide);
}

static void forget(int64_t n, double *wide, const void *x) {
    if (wide != x)
        tg__free(wide, (size_t)n * sizeof *wide);
}

static int64_t own_lu(tg_dtype dtype, int64_t m, int64_t n, void *a, int32_t *pivots) {
    double *wide = widen(dtype, m * n, a);
    if (wide == NULL)
        return TG__LAPACK_MEMORY;
    int64_t zero = tg__factor_lu(m, n, wide, pivots);
    narrow(m * n, wide, a);
    return zero;
}

static int64_t own_cholesky(tg_dtype dtype, int64_t n, void *a, bool upper) {
    double *wide = widen(dtype, n * n, a);
    if (wide == NULL)
        return TG__LAPACK_MEMORY;
    int64_t minor = tg__factor_cholesky(n, wide, upper);
    narrow(n * n, wide, a);
    return minor;
}

static int64_t own_triangular(tg_dtype dtype, bool upper, bool transposed, bool unit, int64_t n,
                              int64_t k, const void *a, void *b) {
    double *wide_a = widen(dtype, n * n, a);
    double *wide_b = wide_a != NULL ? widen(dtype, n * k, b) : NULL;
    if (wide_b != NULL)
        tg__factor_triangular(upper, transposed, unit, n, k, wide_a, wide_b);
    narrow(n * k, wide_b, b);
    forget(n * n, wide_a, a);
    return wide_b != NULL ? 0 : TG__LAPACK_MEMORY;
}

static int64_t own_qr(tg_dtype dtype, int64_t m, int64_t n, int64_t cols, void *q, void *r) {
    const int64_t width = larger(n, cols);
    double *wide_q = widen(dtype, m * width, q);
    double *wide_r = widen(dtype, cols * n, r);
    double *tau = tg__alloc((size_t)smaller(m, n) * sizeof *tau);
    bool good = wide_q != NULL && wide_r != NULL && tau != NULL;
    if (good)
        tg__factor_qr(m, n, cols, wide_q, wide_r, tau);
    tg__free(tau, (size_t)smaller(m, n) * sizeof *tau);
    narrow(m * width, wide_q, q);
    narrow(cols * n, wide_r, r);
    return good ? 0 : TG__LAPACK_MEMORY;
}

static int64_t own_eigh(tg_dtype dtype, int64_t n, void *a, void *w, bool upper) {
    double *wide = widen(dtype, n * n, a);
    double *values = tg__alloc((size_t)n * sizeof *values);
    double *v = tg__alloc((size_t)(n * n) * sizeof *v);
    int64_t status = TG__LAPACK_MEMORY;
    if (wide != NULL && values != NULL && v != NULL) {
        status = tg__factor_eigh(n, wide, values, v, upper);
        for (int64_t i = 0; i < n; i++)
            if (dtype == TG_F32)
                ((float *)w)[i] = (float)values[i];
            else
                ((double *)w)[i] = values[i];
    }
    tg__free(v, (size_t)(n * n) * sizeof *v);
    tg__free(values, (size_t)n * sizeof *values);
    narrow(n * n, wide, a);
    return status;
}

static double load(tg_dtype dtype, const void *x, int64_t i) {
    return dtype == TG_F32 ? (double)((const float *)x)[i] : ((const double *)x)[i];
}
static void store(tg_dtype dtype, void *x, int64_t i, double value) {
    if (dtype == TG_F32)
        ((float *)x)[i] = (float)value;
    else
        ((double *)x)[i] = value;
}

/* to [rows, cols] = from, or = fromᵀ with from [cols, rows]. */
static void put(tg_dtype dtype, int64_t rows, int64_t cols, bool transposed, const double *from,
                void *to) {
    for (int64_t j = 0; j < cols; j++)
        for (int64_t i = 0; i < rows; i++)
            store(dtype, to, j * rows + i, transposed ? from[i * cols + j] : from[j * rows + i]);
}

/* The taller of A and Aᵀ = V·diag(s)·Uᵀ. A square V of the wide side is completed by being square
 * already; with `full` the long side is completed. */
static int64_t own_svd(tg_dtype dtype, int64_t m, int64_t n, void *a, void *s, void *u, void *vt,
                       bool full) {
    const bool wide = m < n;
    const int64_t tall = larger(m, n);
    const int64_t k = smaller(m, n);
    const int64_t cols = full ? tall : k;
    const size_t numbers = (size_t)(tall * cols + k * k + k);
    double *left = tg__alloc(numbers * sizeof *left);
    if (left == NULL)
        return TG__LAPACK_MEMORY;
    double *right = left + tall * cols;
    double *values = right + k * k;
    for (int64_t j = 0; j < k; j++)
        for (int64_t i = 0; i < tall; i++)
            left[j * tall + i] = load(dtype, a, wide ? i * m + j : j * m + i);
    int64_t status = tg__factor_svd(tall, k, cols, left, values, right);
    for (int64_t i = 0; i < k; i++)
        store(dtype, s, i, values[i]);
    put(dtype, m, full ? m : k, false, wide ? right : left, u);
    put(dtype, full ? n : k, n, true, wide ? left : right, vt);
    tg__free(left, numbers * sizeof *left);
    return status;
}

/* ---- LAPACK's ------------------------------------------------------------------------------- */

#if TG_BLAS_OPENBLAS
typedef int32_t fint;
typedef size_t flen; /* of a text argument, as gfortran passes it */

#define DECLARE(t, T)                                                                              \
    void t##getrf_(const fint *m, const fint *n, T *a, const fint *lda, fint *pivots, fint *info); \
    void t##potrf_(const char *uplo, const fint *n, T *a, const fint *lda, fint *info, flen);      \
    void t##trsm_(const char *side, const char *uplo, const char *trans, const char *diag,         \
                  const fint *m, const fint *n, const T *alpha, const T *a, const fint *lda, T *b, \
                  const fint *ldb, flen, flen, flen, flen);                                        \
    void t##geqrf_(const fint *m, const fint *n, T *a, const fint *lda, T *tau, T *work,           \
                   const fint *lwork, fint *info);                                                 \
    void t##orgqr_(const fint *m, const fint *n, const fint *k, T *a, const fint *lda,             \
                   const T *tau, T *work, const fint *lwork, fint *info);                          \
    void t##syevd_(const char *jobz, const char *uplo, const fint *n, T *a, const fint *lda, T *w, \
                   T *work, const fint *lwork, fint *iwork, const fint *liwork, fint *info, flen,  \
                   flen);                                                                          \
    void t##gesdd_(const char *jobz, const fint *m, const fint *n, T *a, const fint *lda, T *s,    \
                   T *u, const fint *ldu, T *vt, const fint *ldvt, T *work, const fint *lwork,     \
                   fint *iwork, fint *info, flen);
DECLARE(s, float)
DECLARE(d, double)

/* One call for the dtype at hand. */
#define CALL(dtype, name, ...)                                                                     \
    do {                                                                                           \
        if ((dtype) == TG_F32)                                                                     \
            s##name##_(__VA_ARGS__);                                                               \
        else                                                                                       \
            d##name##_(__VA_ARGS__);                                                               \
    } while (0)

static int64_t their_lu(tg_dtype dtype, int64_t m, int64_t n, void *a, int32_t *pivots) {
    fint rows = (fint)m, cols = (fint)n, info = 0;
    CALL(dtype, getrf, &rows, &cols, a, &rows, pivots, &info);
    return info;
}

static int64_t their_cholesky(tg_dtype dtype, int64_t n, void *a, bool upper) {
    fint size = (fint)n, info = 0;
    CALL(dtype, potrf, upper ? "U" : "L", &size, a, &size, &info, 1);
    return info;
}

static int64_t their_triangular(tg_dtype dtype, bool upper, bool transposed, bool unit, int64_t n,
                                int64_t k, const void *a, void *b) {
    fint size = (fint)n, cols = (fint)k;
    const char *uplo = upper ? "U" : "L", *trans = transposed ? "T" : "N", *diag = unit ? "U" : "N";
    const float one = 1;
    const double two = 1;
    if (dtype == TG_F32)
        strsm_("L", uplo, trans, diag, &size, &cols, &one, a, &size, b, &size, 1, 1, 1, 1);
    else
        dtrsm_("L", uplo, trans, diag, &size, &cols, &two, a, &size, b, &size, 1, 1, 1, 1);
    return 0;
}

static int64_t their_qr(tg_dtype dtype, int64_t m, int64_t n, int64_t cols, void *q, void *r) {
    const int64_t k = smaller(m, n), width = larger(n, cols);
    const size_t size = item(dtype);
    const size_t numbers = (size_t)(k + 32 * width); /* 32: the usual width of a block */
    char *tau = tg__alloc(numbers * size);
    if (tau == NULL)
        return TG__LAPACK_MEMORY;
    char *work = tau + (size_t)k * size;
    fint rows = (fint)m, all = (fint)n, wanted = (fint)cols, few = (fint)k, info = 0;
    fint lwork = (fint)(32 * width);
    CALL(dtype, geqrf, &rows, &all, q, &rows, (void *)tau, (void *)work, &lwork, &info);
    for (int64_t c = 0; c < n; c++) {
        const size_t filled = (size_t)smaller(c + 1, cols) * size;
        char *to = (char *)r + (size_t)(c * cols) * size;
        memcpy(to, (char *)q + (size_t)(c * m) * size, filled);
        memset(to + filled, 0, (size_t)cols * size - filled);
    }
    CALL(dtype, orgqr, &rows, &wanted, &few, q, &rows, (void *)tau, (void *)work, &lwork, &info);
    tg__free(tau, numbers * size);
    return 0;
}

static int64_t their_eigh(tg_dtype dtype, int64_t n, void *a, void *w, bool upper) {
    const int64_t numbers = 1 + 6 * n + 2 * n * n, integers = 3 + 5 * n;
    const size_t bytes = (size_t)numbers * item(dtype), more = (size_t)integers * sizeof(fint);
    void *work = tg__alloc(bytes);
    fint *iwork = tg__alloc(more);
    fint size = (fint)n, lwork = (fint)numbers, liwork = (fint)integers, info = TG__LAPACK_MEMORY;
    if (work != NULL && iwork != NULL)
        CALL(dtype, syevd, "V", upper ? "U" : "L", &size, a, &size, w, work, &lwork, iwork, &liwork,
             &info, 1, 1);
    tg__free(work, bytes);
    tg__free(iwork, more);
    return info;
}

static int64_t their_svd(tg_dtype dtype, int64_t m, int64_t n, void *a, void *s, void *u, void *vt,
                         bool full) {
    const int64_t k = smaller(m, n), numbers = svd_work(m, n);
    const size_t bytes = (size_t)numbers * item(dtype), more = (size_t)(8 * k) * sizeof(fint);
    void *work = tg__alloc(bytes);
    fint *iwork = tg__alloc(more);
    fint rows = (fint)m, cols = (fint)n, lwork = (fint)numbers, info = TG__LAPACK_MEMORY;
    fint ldvt = (fint)(full ? n : k);
    if (work != NULL && iwork != NULL)
        CALL(dtype, gesdd, full ? "A" : "S", &rows, &cols, a, &rows, s, u, &rows, vt, &ldvt, work,
             &lwork, iwork, &info, 1);
    tg__free(work, bytes);
    tg__free(iwork, more);
    return info;
}

static bool enter(void) { return tg__lapack_allowed && tg__blas_enter(); }
#else
static bool enter(void) { return false; }
#define their_lu own_lu
#define their_cholesky own_cholesky
#define their_triangular own_triangular
#define their_qr own_qr
#define their_eigh own_eigh
#define their_svd own_svd
#endif

static int64_t leave(bool theirs, int64_t status) {
    if (theirs)
        tg__blas_leave();
    return status;
}

/* ---- Signs ----------------------------------------------------------------------------------- */

/* True if the largest of n numbers is negative; of several (to 1e-5) the first one counts, so that
 * rounding decides nothing. */
static bool points_down(tg_dtype dtype, int64_t n, const void *x) {
    double most = 0;
    for (int64_t i = 0; i < n; i++)
        most = fabs(load(dtype, x, i)) > most ? fabs(load(dtype, x, i)) : most;
    for (int64_t i = 0; i < n; i++)
        if (fabs(load(dtype, x, i)) >= (1 - 1e-5) * most)
            return load(dtype, x, i) < 0;
    return false;
}

static void negate(tg_dtype dtype, int64_t n, void *x, int64_t step) {
    for (int64_t i = 0; i < n; i++)
        store(dtype, x, i * step, -load(dtype, x, i * step));
}

/* The sign of each column of u [rows, k], and of the row of vt [ldvt, cols] beside it, is made
 * ours, whoever computed them. */
static void choose_signs(tg_dtype dtype, int64_t rows, int64_t k, void *u, int64_t ldvt,
                         int64_t cols, void *vt) {
    for (int64_t j = 0; j < k; j++) {
        char *column = (char *)u + (size_t)(j * rows) * item(dtype);
        if (!points_down(dtype, rows, column))
            continue;
        negate(dtype, rows, column, 1);
        if (vt != NULL)
            negate(dtype, cols, (char *)vt + (size_t)j * item(dtype), ldvt);
    }
}

/* ---- Who does it ----------------------------------------------------------------------------- */

int64_t tg__lapack_lu(tg_dtype dtype, int64_t m, int64_t n, void *a, int32_t *pivots) {
    if (m == 0 || n == 0)
        return 0;
    if (larger(m, n) > tg__blas_int_limit)
        return TG__LAPACK_TOO_LARGE;
    const bool theirs = tg__all_finite(dtype, m * n, a) && enter();
    return leave(theirs,
                 theirs ? their_lu(dtype, m, n, a, pivots) : own_lu(dtype, m, n, a, pivots));
}

void tg__lapack_swap(tg_dtype dtype, int64_t n, int64_t k, void *b, int64_t count,
                     const int32_t *pivots) {
    const size_t size = item(dtype);
    for (int64_t c = 0; c < k; c++) {
        char *column = (char *)b + (size_t)(c * n) * size;
        for (int64_t i = 0; i < count; i++) {
            char t[8];
            char *x = column + (size_t)i * size;
            char *y = column + (size_t)(pivots[i] - 1) * size;
            memcpy(t, x, size);
            memmove(x, y, size);
            memcpy(y, t, size);
        }
    }
}

int64_t tg__lapack_cholesky(tg_dtype dtype, int64_t n, void *a, bool upper) {
    if (n == 0)
        return 0;
    if (n > tg__blas_int_limit)
        return TG__LAPACK_TOO_LARGE;
    const bool theirs = tg__all_finite(dtype, n * n, a) && enter();
    return leave(theirs,
                 theirs ? their_cholesky(dtype, n, a, upper) : own_cholesky(dtype, n, a, upper));
}

int64_t tg__lapack_triangular(tg_dtype dtype, bool upper, bool transposed, bool unit, int64_t n,
                              int64_t k, const void *a, void *b) {
    if (n == 0 || k == 0)
        return 0;
    if (larger(n, k) > tg__blas_int_limit)
        return TG__LAPACK_TOO_LARGE;
    const bool theirs = enter();
    return leave(theirs, theirs ? their_triangular(dtype, upper, transposed, unit, n, k, a, b)
                                : own_triangular(dtype, upper, transposed, unit, n, k, a, b));
}

int64_t tg__lapack_qr(tg_dtype dtype, int64_t m, int64_t n, int64_t cols, void *q, void *r) {
    if (m == 0 || cols == 0)
        return 0;
    if (larger(m, n) > tg__blas_int_limit / 32)
        return TG__LAPACK_TOO_LARGE;
    const bool theirs = n > 0 && tg__all_finite(dtype, m * n, q) && enter();
    return leave(theirs,
                 theirs ? their_qr(dtype, m, n, cols, q, r) : own_qr(dtype, m, n, cols, q, r));
}

int64_t tg__lapack_eigh(tg_dtype dtype, int64_t n, void *a, void *w, bool upper) {
    if (n == 0)
        return 0;
    if (n > LARGEST)
        return TG__LAPACK_TOO_LARGE;
    const bool theirs = enter();
    int64_t status =
        leave(theirs, theirs ? their_eigh(dtype, n, a, w, upper) : own_eigh(dtype, n, a, w, upper));
    if (status == 0)
        choose_signs(dtype, n, n, a, 0, 0, NULL);
    return status;
}

int64_t tg__lapack_svd(tg_dtype dtype, int64_t m, int64_t n, void *a, void *s, void *u, void *vt,
                       bool full) {
    if (larger(m, n) > tg__blas_int_limit / 64 || smaller(m, n) > LARGEST ||
        svd_work(m, n) > tg__blas_int_limit)
        return TG__LAPACK_TOO_LARGE;
    const bool theirs = m > 0 && n > 0 && enter();
    int64_t status = leave(theirs, theirs ? their_svd(dtype, m, n, a, s, u, vt, full)
                                          : own_svd(dtype, m, n, a, s, u, vt, full));
    const int64_t k = smaller(m, n);
    if (status == 0)
        choose_signs(dtype, m, k, u, full ? n : k, n, vt);
    return status;
}
