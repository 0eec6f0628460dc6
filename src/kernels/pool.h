/* pool.h - maxima and means over windows of one to three spatial dims. */
#ifndef TG_KERNELS_POOL_H
#define TG_KERNELS_POOL_H

#include "kernels/kernels.h"

/* x is [planes, in…], y [planes, out…], contiguous; missing spatial dims have size 1 and come
 * first. Sliding windows start at out * stride - pad and take k positions, `dilation` apart;
 * adaptive ones are [⌊i·in/out⌋, ⌈(i + 1)·in/out⌉); fractional ones of k positions start at
 * ⌊(i + u)·α⌋ - ⌊u·α⌋ with α = (in - k) / (out - 1), the last one at in - k. */
typedef struct {
    int64_t planes;
    int64_t in[3], out[3], k[3], stride[3], pad[3], dilation[3];
    bool adaptive;
    const double *samples; /* fractional: u in [0, 1), [planes, 3]; else NULL */
    bool count_pad;        /* a mean divides by the positions in the padding too */
    int64_t divisor;       /* what a mean divides by; 0: the number of positions */
} tg__pool;

/* y = the largest of each window, at = where in the plane (row-major) it was: NaN wins, else the
 * first of equals. f32 f64 i64 i32 u8; false for others. Each window holds at least one position of
 * x. */
bool tg__max_pool(tg_dtype dtype, const tg__pool *p, const void *x, void *y, int64_t *at);

/* y = the mean of each window; a window without positions gives 0. f32, f64. */
void tg__avg_pool(tg_dtype dtype, const tg__pool *p, const void *x, void *y);
/* Its adjoint: dx = each g shared out over its window. */
void tg__avg_pool_grad(tg_dtype dtype, const tg__pool *p, const void *g, void *dx);

/* y = zeros [planes, size], y[at] = x for x and at [planes, n]; indices were checked. Items of 1, 4
 * or 8 bytes; the last of equal indices stays. */
void tg__unpool(size_t item, int64_t planes, int64_t n, int64_t size, const void *x,
                const int64_t *at, void *y);

#endif
