/* ops_create.h - index grids, windows and other tensors made from numbers. The rules for all
 * operations stand in ops.h. */
#ifndef TENSORGRAD_OPS_CREATE_H
#define TENSORGRAD_OPS_CREATE_H

#include <tensorgrad/scope.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Windows: f32, f64 -----------------------------------------------------------------------
 * n points of a curve over one period. With `periodic` the period is n, as transforms of length n
 * want it; else n - 1, so that the window is symmetric. n = 1 gives 1. TG_ERR_ARG if n < 0. */

/** 1/2 - 1/2 cos(2πi/period). */
TG_API tg_tensor *tg_hann_window(tg_dtype dtype, int64_t n, bool periodic);
/** 0.54 - 0.46 cos(2πi/period). */
TG_API tg_tensor *tg_hamming_window(tg_dtype dtype, int64_t n, bool periodic);
/** 0.42 - 0.5 cos(2πi/period) + 0.08 cos(4πi/period). */
TG_API tg_tensor *tg_blackman_window(tg_dtype dtype, int64_t n, bool periodic);
/** 1 - |2i/period - 1|. */
TG_API tg_tensor *tg_bartlett_window(tg_dtype dtype, int64_t n, bool periodic);

#ifdef __cplusplus
}
#endif
#endif
