/* ops_reduce.h - sums, extremes and statistics along dims. The rules for all operations stand in
 * ops.h. */
#ifndef TENSORGRAD_OPS_REDUCE_H
#define TENSORGRAD_OPS_REDUCE_H

#include <tensorgrad/scope.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Reductions ------------------------------------------------------------------------------
 * dims: TG_DIMS(0, -1), or TG_ALL for all. Sums use a fixed tree with f64 accumulators: the same
 * bits for any number of threads. */

/** Σ x; integers and bool give i64; 0 without elements. */
TG_API tg_tensor *tg_sum(tg_tensor *x, int ndims, const int *dims, bool keepdim);
/** Σ x / n; NaN without elements. f32 or f64 only. */
TG_API tg_tensor *tg_mean(tg_tensor *x, int ndims, const int *dims, bool keepdim);
/** Π x; integers and bool give i64; 1 without elements. The gradient is exact where x has zeros. */
TG_API tg_tensor *tg_prod(tg_tensor *x, int ndims, const int *dims, bool keepdim);
/** The largest element, 0-d. NaN wins. Equal elements share the gradient evenly. */
TG_API tg_tensor *tg_max(tg_tensor *x);
/** The smallest element, 0-d. */
TG_API tg_tensor *tg_min(tg_tensor *x);
/** The largest along dims; equal elements share the gradient evenly. */
TG_API tg_tensor *tg_amax(tg_tensor *x, int ndims, const int *dims, bool keepdim);
TG_API tg_tensor *tg_amin(tg_tensor *x, int ndims, const int *dims, bool keepdim);
/** The largest along one dim and its position (i64) in *indices, which may be NULL; the first of
 *  equals gets position and gradient. On failure *indices is NULL. */
TG_API tg_tensor *tg_max_dim(tg_tensor *x, int dim, bool keepdim, tg_tensor **indices);
TG_API tg_tensor *tg_min_dim(tg_tensor *x, int dim, bool keepdim, tg_tensor **indices);
/** Position (i64) of the first largest along one dim; NaN counts as largest. */
TG_API tg_tensor *tg_argmax(tg_tensor *x, int dim, bool keepdim);
TG_API tg_tensor *tg_argmin(tg_tensor *x, int dim, bool keepdim);
/** Σ(x - mean)² / max(0, n - correction). f32 or f64. */
TG_API tg_tensor *tg_var(tg_tensor *x, int ndims, const int *dims, double correction, bool keepdim);
/** √var; gradient 0 where the elements are all equal, NaN where n <= correction. */
TG_API tg_tensor *tg_std(tg_tensor *x, int ndims, const int *dims, double correction, bool keepdim);
/** True if all elements are not 0. */
TG_API tg_tensor *tg_all(tg_tensor *x, int ndims, const int *dims, bool keepdim);
/** True if any element is not 0. */
TG_API tg_tensor *tg_any(tg_tensor *x, int ndims, const int *dims, bool keepdim);
/** ln Σ eˣ without overflow; -inf where all are -inf (gradient 0) or there are none. Float. */
TG_API tg_tensor *tg_logsumexp(tg_tensor *x, int ndims, const int *dims, bool keepdim);
/** eˣ / Σ eˣ along dim. f32 or f64. */
TG_API tg_tensor *tg_softmax(tg_tensor *x, int dim);
/** x - ln Σ eˣ along dim. f32 or f64. */
TG_API tg_tensor *tg_log_softmax(tg_tensor *x, int dim);

#ifdef __cplusplus
}
#endif
#endif
