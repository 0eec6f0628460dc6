/* ops_sort.h - sorting, searching, counting, order statistics. The rules for all operations stand
 * in ops.h. */
#ifndef TENSORGRAD_OPS_SORT_H
#define TENSORGRAD_OPS_SORT_H

#include <tensorgrad/scope.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Orders are ascending unless said otherwise, NaN counts as the greatest of all, and equals keep
 * their order. *indices gets positions along dim (i64); it may be NULL, and is NULL on failure.
 * Gradients go to the positions that values came from. */

/* ---- Order ---------------------------------------------------------------------------------- */

/** x sorted along dim. Equals always keep their order, stable or not. */
TG_API tg_tensor *tg_sort(tg_tensor *x, int dim, bool descending, bool stable, tg_tensor **indices);
/** The positions that tg_sort gives (i64), alone. */
TG_API tg_tensor *tg_argsort(tg_tensor *x, int dim, bool descending, bool stable);
/** tg_sort along dim 0, ascending. */
TG_API tg_tensor *tg_msort(tg_tensor *x);
/** The k largest (or smallest) along dim, in descending (ascending) order whether sorted or not; of
 *  equals the first. TG_ERR_INDEX unless 0 <= k <= size. */
TG_API tg_tensor *tg_topk(tg_tensor *x, int64_t k, int dim, bool largest, bool sorted,
                          tg_tensor **indices);

/* ---- Order statistics ------------------------------------------------------------------------ */

/** The k-th smallest along dim, 1 <= k <= size (else TG_ERR_INDEX). */
TG_API tg_tensor *tg_kthvalue(tg_tensor *x, int64_t k, int dim, bool keepdim, tg_tensor **indices);
/** The median of all elements, 0-d: of an even number the lower of the two in the middle; NaN if
 *  there is a NaN, or (floats) no element. Equal elements share the gradient evenly. */
TG_API tg_tensor *tg_median(tg_tensor *x);
/** The median of the elements that are not NaN; NaN if there are none. */
TG_API tg_tensor *tg_nanmedian(tg_tensor *x);
/** The median along dim, of equals as a sort has it; the first NaN if there is one. */
TG_API tg_tensor *tg_median_dim(tg_tensor *x, int dim, bool keepdim, tg_tensor **indices);
/** The median of what is not NaN along dim. */
TG_API tg_tensor *tg_nanmedian_dim(tg_tensor *x, int dim, bool keepdim, tg_tensor **indices);
/** The most frequent element along dim, the smallest of several, at its last position. A NaN equals
 *  nothing. */
TG_API tg_tensor *tg_mode(tg_tensor *x, int dim, bool keepdim, tg_tensor **indices);
/**
 * Quantiles of x along dim (or TG_FLAT) for each q in [0, 1], a number or one dim of them.
 *
 * Quantile q lies at q·(n - 1) in the order. Between two elements, interpolation decides: "linear"
 * (or NULL), "lower", "higher", "nearest" (of two as near the even position), "midpoint". A line
 * with NaN gives NaN. The result has x's dims without dim (keepdim: of size 1), and those of q
 * before them; gradients reach x, and q if linear. x and q are f32 or f64; TG_ERR_ARG for q outside
 * [0, 1].
 */
TG_API tg_tensor *tg_quantile(tg_tensor *x, tg_tensor *q, int dim, bool keepdim,
                              const char *interpolation);
/** The same for the elements that are not NaN; NaN if there are none. */
TG_API tg_tensor *tg_nanquantile(tg_tensor *x, tg_tensor *q, int dim, bool keepdim,
                                 const char *interpolation);

/* ---- Search, without gradients --------------------------------------------------------------- */

/** Where each of values would go into sorted_sequence (ascending): before its equals, or (right)
 *  behind them; i64, of values' shape. sorted_sequence has one dim, or the sizes of values but for
 *  the last. NaN goes to the end. */
TG_API tg_tensor *tg_searchsorted(tg_tensor *sorted_sequence, tg_tensor *values, bool right);
/** tg_searchsorted(boundaries, x, right) for boundaries of one dim. */
TG_API tg_tensor *tg_bucketize(tg_tensor *x, tg_tensor *boundaries, bool right);
/** True where x is (invert: is not) equal to any of test_elements. NaN equals nothing. */
TG_API tg_tensor *tg_isin(tg_tensor *x, tg_tensor *test_elements, bool invert);

/* ---- Counting, without gradients ------------------------------------------------------------- */

/** The different elements of x in order, 1-d; in *inverse which of them each element of x is (i64,
 *  of x's shape), in *counts how often each is there (i64). Both may be NULL, and are NULL on
 *  failure. A NaN equals nothing. */
TG_API tg_tensor *tg_unique(tg_tensor *x, tg_tensor **inverse, tg_tensor **counts);
/** The elements of x, flattened, without those that repeat the one before. */
TG_API tg_tensor *tg_unique_consecutive(tg_tensor *x, tg_tensor **inverse, tg_tensor **counts);
/** The different slices of x along dim, in the order of their first elements, then their second and
 *  so on; *inverse and *counts (i64, 1-d) are of slices. A slice with NaN equals nothing. */
TG_API tg_tensor *tg_unique_dim(tg_tensor *x, int dim, tg_tensor **inverse, tg_tensor **counts);
/** The slices of x along dim without those that repeat the one before. */
TG_API tg_tensor *tg_unique_consecutive_dim(tg_tensor *x, int dim, tg_tensor **inverse,
                                            tg_tensor **counts);
/** How often each of 0, 1, …, max(x) is in x (i64, or u8, i32; 1-d): i64 of at least minlength
 *  elements. With weights (of x's shape, or TG_NONE) their sums, f32 if they are, else f64.
 *  Negative elements: TG_ERR_INDEX. */
TG_API tg_tensor *tg_bincount(tg_tensor *x, tg_tensor *weights, int64_t minlength);
/** How many elements lie in each of `bins` equal parts of [min, max], in x's dtype; max belongs to
 *  the last. min = max: the range of the data. Others and NaN do not count. f32 or f64;
 *  TG_ERR_ARG unless max - min is finite and above 0 in x's dtype. */
TG_API tg_tensor *tg_histc(tg_tensor *x, int64_t bins, double min, double max);
/** The same with a weight for each element (TG_NONE: 1), and the bins + 1 ends of the bins in
 *  *bin_edges (which may be NULL). An element belongs to the bin whose ends it lies between.
 * density: divided by the sum of all and the width of the bin. On failure *bin_edges is NULL. */
TG_API tg_tensor *tg_histogram(tg_tensor *x, int64_t bins, double min, double max,
                               tg_tensor *weight_or_none, bool density, tg_tensor **bin_edges);

#ifdef __cplusplus
}
#endif
#endif
