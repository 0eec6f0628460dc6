/* search.h - positions in sorted sequences, and counting by value. */
#ifndef TG_KERNELS_SEARCH_H
#define TG_KERNELS_SEARCH_H

#include "kernels/kernels.h"

/* out[r, i]: where values[r, i] would go into the ascending sequence r of n elements: before its
 * equals, or (right) behind them. `step`: elements from one sequence to the next, 0 for one
 * sequence for all rows. NaN goes to the end. */
void tg__search(tg_dtype dtype, int64_t rows, int64_t n, int64_t step, const void *sequence,
                int64_t m, const void *values, bool right, int64_t *out);

/* out[x[i]] += weight[i] (1 if NULL) in the order of i; out is [bins], x was checked. The dtype is
 * that of weight and out: f32, f64; i64 without weights. out is cleared first. */
void tg__bincount(int64_t n, const int64_t *x, tg_dtype dtype, const void *weight, int64_t bins,
                  void *out);

/* out[b] = how many of the n elements (f32 or f64) lie in bin b of [lo, hi], cut into equal parts;
 * hi belongs to the last. lo < hi. */
void tg__histogram(tg_dtype dtype, int64_t n, const void *x, double lo, double hi, int64_t bins,
                   int64_t *out);

#endif
