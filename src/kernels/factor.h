/* factor.h - our own factorisations, in f64; see lapack.h for what each does. */
#ifndef TG_KERNELS_FACTOR_H
#define TG_KERNELS_FACTOR_H

#include <stdbool.h>
#include <stdint.h>

int64_t tg__factor_lu(int64_t m, int64_t n, double *a, int32_t *pivots);
int64_t tg__factor_cholesky(int64_t n, double *a, bool upper);
void tg__factor_triangular(bool upper, bool transposed, bool unit, int64_t n, int64_t k,
                           const double *a, double *b);
/* tau: min(m, n) numbers of room. */
void tg__factor_qr(int64_t m, int64_t n, int64_t cols, double *q, double *r, double *tau);
/* v: n * n numbers of room. */
int64_t tg__factor_eigh(int64_t n, double *a, double *w, double *v, bool upper);
/* m >= n. A [m, n] becomes the first n columns of u [m, cols]; v [n, n] is V, not transposed. cols
 * is n or m; u starts with A. */
int64_t tg__factor_svd(int64_t m, int64_t n, int64_t cols, double *u, double *s, double *v);

#endif
