/* blas.h - matrix products: the only way to BLAS. */
#ifndef TG_KERNELS_BLAS_H
#define TG_KERNELS_BLAS_H

#include "kernels/kernels.h"

/* One operand of a batched product: element (b, i, j) lies at data + sum(batch index * batch
 * stride)
 * + i * row + j * col. Strides in elements, any non-negative value, 0 for broadcast. */
typedef struct {
    const void *data;
    int64_t row, col;
    int64_t batch[TG_MAX_DIMS];
} tg__matrix;

/* C[batch…, m, n] = A[batch…, m, k] · B[batch…, k, n]; C is contiguous row-major. */
typedef struct {
    tg_dtype dtype; /* f32, f64 through BLAS; i64, i32, u8 by our own loops */
    int n_batch;
    int64_t batch[TG_MAX_DIMS];
    int64_t m, n, k;
    tg__matrix a, b;
    void *c;
    const void *bias; /* NULL, or n contiguous elements added to every row of C */
} tg__matmul;

/**
 * Runs the product. False only if memory for packing is short (C may then hold anything).
 *
 * k = 0 gives zeros (plus bias). Never copies a transpose: strides (1, ld) and (ld, 1) go to BLAS
 * as they are; other layouts are packed. A batch that coalesces with m or a broadcast B becomes one
 * product; vectors go to gemv and dot; small products to an own kernel; sizes beyond 32 bits are
 * split. IEEE results: 0 * NaN is NaN.
 */
bool tg__matmul_run(const tg__matmul *p);

/* "OpenBLAS 0.3.21 …": config, core, variant (serial, pthread, openmp), threads; or "reference". */
void tg__blas_describe(char *buf, size_t cap);
/* True if OpenBLAS was built with OpenMP: its pool hangs in forked children. */
bool tg__blas_is_openmp(void);

#endif
