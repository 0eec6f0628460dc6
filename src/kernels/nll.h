/* nll.h - the ends of cross entropy: picking from log-softmax, and its gradient from softmax. */
#ifndef TG_KERNELS_NLL_H
#define TG_KERNELS_NLL_H

#include "kernels/kernels.h"

/* Arrays are contiguous: rows [outer, n, inner] of f32 or f64, classes [outer, inner], each in
 * [0, n) or `ignore`. */

/* y[outer, inner] = -logp at the class, 0 where ignored. */
void tg__nll_pick(tg_dtype dtype, int64_t outer, int64_t n, int64_t inner, const void *logp,
                  const int64_t *classes, int64_t ignore, void *y);
/* p = g(p - 1 at the class), 0 where ignored; g [outer, inner]. In parallel over outer. */
void tg__nll_grad(tg_dtype dtype, int64_t outer, int64_t n, int64_t inner, const void *g,
                  const int64_t *classes, int64_t ignore, void *p);

#endif
