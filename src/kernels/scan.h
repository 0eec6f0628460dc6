/* scan.h - running sums, products and extremes along one dim. */
#ifndef TG_KERNELS_SCAN_H
#define TG_KERNELS_SCAN_H

#include "kernels/kernels.h"

/* All work on [outer, n, inner] elements, contiguous, and give as many. Lines are run from their
 * beginning to their end by one thread: the same bits for any number of threads. Floats are
 * accumulated in f64. */
typedef enum {
    TG__SCAN_SUM,       /* out[i] = x[0] + … + x[i]; f32, f64, i64 */
    TG__SCAN_SUM_BACK,  /* out[i] = x[i] + … + x[n-1] */
    TG__SCAN_PROD,      /* out[i] = x[0] · … · x[i] */
    TG__SCAN_LOGSUMEXP, /* out[i] = log(e^x[0] + … + e^x[i]), without overflow; f32, f64 */
    TG__SCAN_RECUR,     /* out[i] = x[i] + a[i] · out[i-1]; f32, f64 */
    TG__SCAN_RECUR_BACK /* out[i] = x[i] + a[i+1] · out[i+1] */
} tg__scan_op;
/* a: NULL except for the recurrences. False if there is no such scan of the dtype. */
bool tg__scan(tg__scan_op op, tg_dtype dtype, int64_t outer, int64_t n, int64_t inner,
              const void *x, const void *a, void *out);

/* out[i] = the largest (or smallest) of x[0..i], at[i] = its position: the last of equals. The
 * first NaN stays; each later one moves the position. All dtypes. */
void tg__scan_extreme(bool largest, tg_dtype dtype, int64_t outer, int64_t n, int64_t inner,
                      const void *x, void *out, int64_t *at);

#endif
