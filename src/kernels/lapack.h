/* lapack.h - factorisations of single matrices: the only way to LAPACK.
 *
 * Matrices are f32 or f64, column by column without gaps (the leading dimension is the number of
 * rows), and are overwritten. Without OpenBLAS, or where it must not be called, our own algorithms
 * do the work (factor.h). Eigenvectors and singular vectors are determined up to sign; here the
 * element of largest size in each column of V (of U) is positive, of several the first. */
#ifndef TG_KERNELS_LAPACK_H
#define TG_KERNELS_LAPACK_H

#include <tensorgrad/tensor.h>

/* What the functions return: 0, a positive number with the meaning said there, or one of these. */
enum { TG__LAPACK_MEMORY = -1, TG__LAPACK_TOO_LARGE = -2 };

/* A = P·L·U for A [m, n]: L below the diagonal, its ones left out, U on and above it. pivots
 * [min(m, n)] as LAPACK has them: row i was swapped with row pivots[i] - 1. > 0: which diagonal
 * element of U is exactly 0, counted from 1 (the factorisation is complete nevertheless). Matrices
 * with NaN or infinities are factorised by the rules of IEEE 754. */
int64_t tg__lapack_lu(tg_dtype dtype, int64_t m, int64_t n, void *a, int32_t *pivots);
/* The first `count` row swaps of LU, done to B [n, k]: B becomes Pᵀ·B. */
void tg__lapack_swap(tg_dtype dtype, int64_t n, int64_t k, void *b, int64_t count,
                     const int32_t *pivots);
/* A = L·Lᵀ (or Uᵀ·U) of the named triangle of A [n, n]; the other one is left alone. > 0: the order
 * of the leading minor that is not positive. */
int64_t tg__lapack_cholesky(tg_dtype dtype, int64_t n, void *a, bool upper);
/* B [n, k] = A⁻¹·B or A⁻ᵀ·B of a triangle of A [n, n]; unit: its diagonal counts as ones. */
int64_t tg__lapack_triangular(tg_dtype dtype, bool upper, bool transposed, bool unit, int64_t n,
                              int64_t k, const void *a, void *b);
/* A = Q·R. q has m rows and max(n, cols) columns, A being the first n; it becomes Q [m, cols], and
 * r [cols, n] becomes R. cols is min(m, n) or m. */
int64_t tg__lapack_qr(tg_dtype dtype, int64_t m, int64_t n, int64_t cols, void *q, void *r);
/* A = V·diag(w)·Vᵀ of the named triangle of A [n, n], which becomes V; w ascends. > 0: it did not
 * converge. A must be finite. */
int64_t tg__lapack_eigh(tg_dtype dtype, int64_t n, void *a, void *w, bool upper);
/* A = U·diag(s)·Vᵀ of A [m, n], which is destroyed; s [k] descends, k = min(m, n); u [m, k] and vt
 * [k, n], or with `full` [m, m] and [n, n]. > 0: it did not converge. A must be finite. */
int64_t tg__lapack_svd(tg_dtype dtype, int64_t m, int64_t n, void *a, void *s, void *u, void *vt,
                       bool full);

/* True if none of n numbers is NaN or infinite. */
bool tg__all_finite(tg_dtype dtype, int64_t n, const void *x);

/* For tests: false sends everything to our own algorithms. */
extern bool tg__lapack_allowed;

#endif
