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
/** Σ x where NaN counts as 0. */
TG_API tg_tensor *tg_nansum(tg_tensor *x, int ndims, const int *dims, bool keepdim);
/** Σ x / n; NaN without elements. f32 or f64 only. */
TG_API tg_tensor *tg_mean(tg_tensor *x, int ndims, const int *dims, bool keepdim);
/** The mean of the elements that are not NaN; NaN if there are none. f32 or f64. */
TG_API tg_tensor *tg_nanmean(tg_tensor *x, int ndims, const int *dims, bool keepdim);
/** Π x; integers and bool give i64; 1 without elements. The gradient is exact where x has zeros. */
TG_API tg_tensor *tg_prod(tg_tensor *x, int ndims, const int *dims, bool keepdim);
/** The largest element, 0-d. NaN wins. Equal elements share the gradient evenly. */
TG_API tg_tensor *tg_max(tg_tensor *x);
/** The smallest element, 0-d. */
TG_API tg_tensor *tg_min(tg_tensor *x);
/** The largest along dims; equal elements share the gradient evenly, a NaN makes it NaN. */
TG_API tg_tensor *tg_amax(tg_tensor *x, int ndims, const int *dims, bool keepdim);
TG_API tg_tensor *tg_amin(tg_tensor *x, int ndims, const int *dims, bool keepdim);
/** The smallest along dims, and the largest in *max (which may be NULL), with the gradients of
 *  tg_amin and tg_amax. On failure *max is NULL. */
TG_API tg_tensor *tg_aminmax(tg_tensor *x, int ndims, const int *dims, bool keepdim,
                             tg_tensor **max);
/** The largest along one dim and its position (i64) in *indices, which may be NULL; the first of
 *  equals gets position and gradient. On failure *indices is NULL. */
TG_API tg_tensor *tg_max_dim(tg_tensor *x, int dim, bool keepdim, tg_tensor **indices);
TG_API tg_tensor *tg_min_dim(tg_tensor *x, int dim, bool keepdim, tg_tensor **indices);

/** As a dim: all elements in row-major order, as if they were one dim. */
#define TG_FLAT INT32_MIN

/** Position (i64) of the first largest along one dim, or TG_FLAT; NaN counts as largest. */
TG_API tg_tensor *tg_argmax(tg_tensor *x, int dim, bool keepdim);
/** Position of the first smallest; NaN counts as smallest. */
TG_API tg_tensor *tg_argmin(tg_tensor *x, int dim, bool keepdim);
/** Σ(x - mean)² / max(0, n - correction). f32 or f64. */
TG_API tg_tensor *tg_var(tg_tensor *x, int ndims, const int *dims, double correction, bool keepdim);
/** √var; gradient 0 where the elements are all equal, NaN where n <= correction. */
TG_API tg_tensor *tg_std(tg_tensor *x, int ndims, const int *dims, double correction, bool keepdim);
/** The variance, and the mean in *mean (which may be NULL). On failure *mean is NULL. */
TG_API tg_tensor *tg_var_mean(tg_tensor *x, int ndims, const int *dims, double correction,
                              bool keepdim, tg_tensor **mean);
/** The standard deviation, and the mean in *mean (which may be NULL). */
TG_API tg_tensor *tg_std_mean(tg_tensor *x, int ndims, const int *dims, double correction,
                              bool keepdim, tg_tensor **mean);
/** (Σ|x|ᵖ)^(1/p). p = 0: how many are not 0 (gradient 0); INFINITY and -INFINITY: the largest and
 *  the smallest |x|, whose equals share the gradient (TG_ERR_SHAPE without elements). The gradient
 *  is 0 where the norm is 0, and at elements that are 0. f32 or f64. */
TG_API tg_tensor *tg_vector_norm(tg_tensor *x, double p, int ndims, const int *dims, bool keepdim);
/** tg_vector_norm under its other name. */
TG_API tg_tensor *tg_norm(tg_tensor *x, double p, int ndims, const int *dims, bool keepdim);
/** x with the slices along dim whose p-norm exceeds maxnorm multiplied by maxnorm / (norm + 1e-7).
 *  p > 0, maxnorm >= 0. f32 or f64, at least two dims. */
TG_API tg_tensor *tg_renorm(tg_tensor *x, double p, int dim, double maxnorm);
TG_API tg_tensor *tg_renorm_(tg_tensor *x, double p, int dim, double maxnorm);
/** True if all elements are not 0. */
TG_API tg_tensor *tg_all(tg_tensor *x, int ndims, const int *dims, bool keepdim);
/** True if any element is not 0. */
TG_API tg_tensor *tg_any(tg_tensor *x, int ndims, const int *dims, bool keepdim);
/** How many elements are not 0 (i64). */
TG_API tg_tensor *tg_count_nonzero(tg_tensor *x, int ndims, const int *dims);
/** ln Σ eˣ without overflow; -inf where all are -inf (gradient 0) or there are none. The gradient
 * is g times the softmax over dims, also where y has lost digits to a large x. Float. */
TG_API tg_tensor *tg_logsumexp(tg_tensor *x, int ndims, const int *dims, bool keepdim);
/** eˣ / Σ eˣ along dim. f32 or f64. */
TG_API tg_tensor *tg_softmax(tg_tensor *x, int dim);
/** x - ln Σ eˣ along dim. f32 or f64. */
TG_API tg_tensor *tg_log_softmax(tg_tensor *x, int dim);

/* ---- Scans: running along one dim, in the shape of x ----------------------------------------- */

/** y[i] = x[0] + … + x[i]; integers and bool give i64. Floats are accumulated in f64. */
TG_API tg_tensor *tg_cumsum(tg_tensor *x, int dim);
TG_API tg_tensor *tg_cumsum_(tg_tensor *x, int dim);
/** y[i] = x[0] · … · x[i]; integers and bool give i64. The gradient is exact where x has zeros. */
TG_API tg_tensor *tg_cumprod(tg_tensor *x, int dim);
TG_API tg_tensor *tg_cumprod_(tg_tensor *x, int dim);
/** y[i] = ln(e^x[0] + … + e^x[i]) without overflow; where y is -inf no gradient arises. Float. */
TG_API tg_tensor *tg_logcumsumexp(tg_tensor *x, int dim);
/** The largest of x[0] … x[i], and its position (i64) in *indices, which may be NULL: the last of
 *  equals, which gets the gradient. A NaN stays to the end. On failure *indices is NULL. */
TG_API tg_tensor *tg_cummax(tg_tensor *x, int dim, tg_tensor **indices);
/** The smallest of x[0] … x[i]; otherwise as tg_cummax. */
TG_API tg_tensor *tg_cummin(tg_tensor *x, int dim, tg_tensor **indices);

/* ---- Differences and areas ------------------------------------------------------------------- */

/** x[i + 1] - x[i] along dim, n times (bool: where they differ); nothing is left from n = size on,
 * and n = 0 copies. */
TG_API tg_tensor *tg_diff(tg_tensor *x, int64_t n, int dim);
/** Σ(y[i] + y[i + 1])/2 · (x[i + 1] - x[i]) along dim: the area under y. x has one dim, or dims
 * that broadcast to y's, and as many elements along dim; TG_NONE: they are dx apart. Float. */
TG_API tg_tensor *tg_trapezoid(tg_tensor *y, tg_tensor *x_or_none, double dx, int dim);
/** The same up to each element but the first. */
TG_API tg_tensor *tg_cumulative_trapezoid(tg_tensor *y, tg_tensor *x_or_none, double dx, int dim);

/* ---- Covariance ------------------------------------------------------------------------------ */

/**
 * Covariances of variables (rows of x) over observations (columns): [rows, rows], or 0-d for one.
 *
 * Σ w (x - mean)(x' - mean') / max(0, d), where d is Σw - correction. w is fweights, how often each
 * was observed (integers), times aweights, how important it is (then d is Σw - correction · Σ w·a /
 * Σw); TG_NONE: 1. x has at most two dims. Float. TG_ERR_ARG for negative weights.
 */
TG_API tg_tensor *tg_cov(tg_tensor *x, double correction, tg_tensor *fweights_or_none,
                         tg_tensor *aweights_or_none);
/** Covariances divided by the standard deviations of both, kept in [-1, 1]. */
TG_API tg_tensor *tg_corrcoef(tg_tensor *x);

#ifdef __cplusplus
}
#endif
#endif
