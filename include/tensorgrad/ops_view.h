/* ops_view.h - views, copies and conversion. The rules for all operations stand in ops.h. */
#ifndef TENSORGRAD_OPS_VIEW_H
#define TENSORGRAD_OPS_VIEW_H

#include <tensorgrad/scope.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Copies and conversion ------------------------------------------------------------------ */

/** x converted to dtype: to bool is x != 0; float to integer truncates towards zero and saturates
 *  (NaN: 0); wider integers wrap. The gradient is converted back. */
TG_API tg_tensor *tg_cast(tg_tensor *x, tg_dtype dtype);
/** A contiguous copy in new memory. */
TG_API tg_tensor *tg_clone(tg_tensor *x);
/** x if its elements lie in row-major order already (a new header on the same memory), else a
 *  copy. */
TG_API tg_tensor *tg_contiguous(tg_tensor *x);
/** x[...] = src, broadcast to x and converted to its dtype. */
TG_API tg_tensor *tg_copy_(tg_tensor *x, tg_tensor *src);
/** x[...] = value. */
TG_API tg_tensor *tg_fill_(tg_tensor *x, double value);
TG_API tg_tensor *tg_zero_(tg_tensor *x);

/* ---- Views: new headers on the same memory; gradients flow through -------------------------- */

/** Another shape for the same elements in row-major order; one size may be -1. A view where the
 *  strides allow it, else a copy. */
TG_API tg_tensor *tg_reshape(tg_tensor *x, int ndim, const int64_t *shape);
/** tg_reshape that never copies: TG_ERR_SHAPE where the strides do not allow a view. */
TG_API tg_tensor *tg_view(tg_tensor *x, int ndim, const int64_t *shape);
/** Dims start to end (both included) become one. A 0-d tensor becomes [1]. */
TG_API tg_tensor *tg_flatten(tg_tensor *x, int start_dim, int end_dim);
/** Dim i of the result is dim dims[i] of x; dims is a permutation. */
TG_API tg_tensor *tg_permute(tg_tensor *x, int ndims, const int *dims);
/** Swaps two dims. */
TG_API tg_tensor *tg_transpose(tg_tensor *x, int dim0, int dim1);
/** Repeats dims of size 1, without copying, and adds dims at the left; -1 keeps a size. */
TG_API tg_tensor *tg_expand(tg_tensor *x, int ndim, const int64_t *shape);
/** Drops the given dims where they have size 1; TG_ALL: all of size 1. */
TG_API tg_tensor *tg_squeeze(tg_tensor *x, int ndims, const int *dims);
/** Inserts a dim of size 1 before position dim. */
TG_API tg_tensor *tg_unsqueeze(tg_tensor *x, int dim);
/** x[..., index, ...] on one dim, which is dropped. index may be negative. */
TG_API tg_tensor *tg_select(tg_tensor *x, int dim, int64_t index);
/** x[..., start : start + length, ...]; the range must lie inside the dim. */
TG_API tg_tensor *tg_narrow(tg_tensor *x, int dim, int64_t start, int64_t length);
/** x[..., start:end:step, ...] as in Python: negative positions count from the end, positions
 * beyond the ends are clipped; step >= 1. TG_SLICE_END as end means "to the end". */
TG_API tg_tensor *tg_slice(tg_tensor *x, int dim, int64_t start, int64_t end, int64_t step);
#define TG_SLICE_END INT64_MAX

#ifdef __cplusplus
}
#endif
#endif
