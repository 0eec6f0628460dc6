/* gemm.h - one product of two matrices, computed by OpenBLAS or by our own loops. */
#ifndef TG_KERNELS_GEMM_H
#define TG_KERNELS_GEMM_H

#include "kernels/kernels.h"

/* C = A · B, or C += A · B. Strides in elements; C's columns are contiguous. */
typedef struct {
    tg_dtype dtype;
    int64_t m, n, k; /* C is [m, n], A [m, k], B [k, n] */
    const void *a, *b;
    int64_t a_row, a_col, b_row, b_col;
    void *c;
    int64_t c_row;
    bool add;
} tg__gemm;

/* Our own loops: any strides (0 too), any sizes, f32 f64 i64 i32 u8 (integers wrap). In parallel
 * where it pays; the bits do not depend on the number of threads. Memory for packing is asked for,
 * but not needed. */
void tg__gemm_reference(const tg__gemm *g);
/* The same without any preparation, for a handful of elements. */
void tg__gemm_small(const tg__gemm *g);

/* True if OpenBLAS is there and may be called. The first call finds out and applies
 * TENSORGRAD_NUM_THREADS. */
bool tg__blas_usable(void);
/* The product by OpenBLAS, f32 or f64, m, n, k >= 1: dot if m = n = 1, gemv if one of them is 1,
 * else gemm. The caller has made sure of tg__blas_usable, tg__blas_takes and of sizes. */
void tg__blas_product(const tg__gemm *g);
/* Around calls of OpenBLAS's LAPACK: false if they must not be made (there is no OpenBLAS, or it
 * has no room for its threads); true is ended by tg__blas_leave. */
bool tg__blas_enter(void);
void tg__blas_leave(void);
/* True if OpenBLAS can read the operands where they are: each is a vector with a stride, or one of
 * its dims is contiguous and the other one steps over it. */
bool tg__blas_takes_a(const tg__gemm *g);
bool tg__blas_takes_b(const tg__gemm *g);
/* True if all sizes and leading dimensions are within the limit. */
bool tg__blas_fits(const tg__gemm *g);
/* True if OpenBLAS computes this product with one thread whatever its settings. */
bool tg__blas_is_serial(const tg__gemm *g);

/* What a size or leading dimension given to OpenBLAS may be at most: INT32_MAX. Tests lower it. */
extern int64_t tg__blas_int_limit;
/* Bytes of address space OpenBLAS takes per thread: 128 MiB. Tests raise it. */
extern size_t tg__blas_buffer_bytes;

#endif
