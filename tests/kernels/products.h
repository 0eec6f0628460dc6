/* products.h - matrix products to test with: layouts, a reference, an error bound. */
#ifndef TESTS_KERNELS_PRODUCTS_H
#define TESTS_KERNELS_PRODUCTS_H

#include "kernels/gemm.h"
#include "kernels/values.h"
#include "tg_test.h"
#include <stdlib.h>

/* How an operand lies in memory. */
typedef enum {
    ROWS,      /* row-major */
    COLUMNS,   /* column-major */
    WIDE_ROWS, /* row-major, with a gap after each row */
    WIDE_COLUMNS,
    SPREAD,  /* no contiguous dim */
    ONE_ROW, /* all rows are the same: stride 0 */
    ONE_COLUMN,
    ONE_VALUE,
    LAYOUTS
} operand_layout;

/* Strides in elements of an [m, n] matrix; the number of elements it spans. */
static inline int64_t operand_strides(operand_layout l, int64_t m, int64_t n, int64_t *row,
                                      int64_t *col) {
    static const int64_t garbage = 1; /* of dims of size 1: must not matter */
    *row = l == ROWS || l == ONE_COLUMN ? n : l == WIDE_ROWS ? n + 3 : l == SPREAD ? 2 * n + 1 : 1;
    *col = l == COLUMNS || l == ONE_ROW ? m : l == WIDE_COLUMNS ? m + 2 : l == SPREAD ? 2 : 1;
    if (l == ONE_ROW || l == ONE_VALUE) {
        *row = 0;
        *col = l == ONE_ROW ? 1 : 0;
    }
    if (l == ONE_COLUMN) {
        *row = 1;
        *col = 0;
    }
    const int64_t span = (m > 0 ? m - 1 : 0) * *row + (n > 0 ? n - 1 : 0) * *col + 1;
    if (m == 1)
        *row = garbage;
    if (n == 1)
        *col = garbage;
    return span;
}

static inline double product_value(tg_dtype dtype, const void *x, int64_t i) {
    switch (dtype) {
    case TG_F32:
        return (double)((const float *)x)[i];
    case TG_F64:
        return ((const double *)x)[i];
    default:
        fail();
        return 0;
    }
}

static inline uint64_t product_integer(tg_dtype dtype, const void *x, int64_t i) {
    return dtype == TG_I64   ? (uint64_t)((const int64_t *)x)[i]
           : dtype == TG_I32 ? (uint64_t)((const int32_t *)x)[i]
                             : (uint64_t)((const uint8_t *)x)[i];
}

/* Small numbers that are not all representable sums, so that rounding happens. */
static inline void product_fill(tg_dtype dtype, void *x, int64_t n, uint64_t seed) {
    for (int64_t i = 0; i < n; i++) {
        const uint64_t r = next_random(&seed);
        const double u = (double)(r >> 11) * 0x1p-52 - 1;
        if (dtype == TG_F32)
            ((float *)x)[i] = (float)u;
        else if (dtype == TG_F64)
            ((double *)x)[i] = u;
        else
            memcpy((char *)x + (size_t)i * item_size[dtype], &r, item_size[dtype]);
    }
}

/* Compares C with the exact product, element by element; where C began with `start` (NULL: nothing)
 * the product was added to it. The bound is that of a sum of k + 1 terms in any order. */
static inline void check_product(const tg__gemm *g, const void *start) {
    const double eps = g->dtype == TG_F32 ? (double)FLT_EPSILON : DBL_EPSILON;
    for (int64_t i = 0; i < g->m; i++)
        for (int64_t j = 0; j < g->n; j++) {
            const int64_t at = i * g->c_row + j;
            if (g->dtype > TG_F64) {
                uint64_t s = start ? product_integer(g->dtype, start, at) : 0;
                for (int64_t p = 0; p < g->k; p++)
                    s += product_integer(g->dtype, g->a, i * g->a_row + p * g->a_col) *
                         product_integer(g->dtype, g->b, p * g->b_row + j * g->b_col);
                const uint64_t mask = UINT64_MAX >> (64 - 8 * item_size[g->dtype]);
                assert_int_equal(product_integer(g->dtype, g->c, at) & mask, s & mask);
                continue;
            }
            long double s = start ? (long double)product_value(g->dtype, start, at) : 0;
            long double magnitude = fabsl(s);
            for (int64_t p = 0; p < g->k; p++) {
                const long double t =
                    (long double)product_value(g->dtype, g->a, i * g->a_row + p * g->a_col) *
                    (long double)product_value(g->dtype, g->b, p * g->b_row + j * g->b_col);
                s += t;
                magnitude += fabsl(t);
            }
            const double bound = (double)(g->k + 1) * eps / 2 * 1.01 * (double)magnitude;
            assert_close(product_value(g->dtype, g->c, at), (double)s, 0, bound + 1e-300);
        }
}

#endif
