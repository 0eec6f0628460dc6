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
/** The shape of `other`. */
TG_API tg_tensor *tg_reshape_as(tg_tensor *x, tg_tensor *other);
TG_API tg_tensor *tg_view_as(tg_tensor *x, tg_tensor *other);
/** One dim: tg_reshape to [-1]. */
TG_API tg_tensor *tg_ravel(tg_tensor *x);
/** Dim becomes n dims of these sizes, one of which may be -1. */
TG_API tg_tensor *tg_unflatten(tg_tensor *x, int dim, int n, const int64_t *sizes);
/** Dims start to end (both included) become one. A 0-d tensor becomes [1]. */
TG_API tg_tensor *tg_flatten(tg_tensor *x, int start_dim, int end_dim);
/** Dim i of the result is dim dims[i] of x; dims is a permutation. */
TG_API tg_tensor *tg_permute(tg_tensor *x, int ndims, const int *dims);
/** Swaps two dims. */
TG_API tg_tensor *tg_transpose(tg_tensor *x, int dim0, int dim1);
/** The same. */
TG_API tg_tensor *tg_swapaxes(tg_tensor *x, int dim0, int dim1);
TG_API tg_tensor *tg_swapdims(tg_tensor *x, int dim0, int dim1);
/** A matrix turned; x of less than 2 dims stays. */
TG_API tg_tensor *tg_t(tg_tensor *x);
/** Dims source come to stand at places destination, the others keep their order. */
TG_API tg_tensor *tg_movedim(tg_tensor *x, int n_source, const int *source, int n_destination,
                             const int *destination);
/** The same. */
TG_API tg_tensor *tg_moveaxis(tg_tensor *x, int n_source, const int *source, int n_destination,
                              const int *destination);
/** Repeats dims of size 1, without copying, and adds dims at the left; -1 keeps a size. */
TG_API tg_tensor *tg_expand(tg_tensor *x, int ndim, const int64_t *shape);
/** The same. */
TG_API tg_tensor *tg_broadcast_to(tg_tensor *x, int ndim, const int64_t *shape);
/** tg_expand to the shape of `other`. */
TG_API tg_tensor *tg_expand_as(tg_tensor *x, tg_tensor *other);
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
/** The elements x[.., i, .., i + offset, ..] of two dims, which become one, the last. offset < 0:
 *  below the main diagonal. The gradient is 0 elsewhere. */
TG_API tg_tensor *tg_diagonal(tg_tensor *x, int64_t offset, int dim1, int dim2);
/**
 * A view of x's elements, counted in row-major order: y[i, j] is element offset + i stride[0] +
 * j stride[1]. Strides are 0 or more; TG_ERR_SHAPE if an element lies outside.
 *
 * If x is not contiguous the result is a view of a copy, so that it does not depend on how x lies
 * in memory (PyTorch speaks of the memory). Where elements meet, gradients add up, and writing in
 * place is refused.
 */
TG_API tg_tensor *tg_as_strided(tg_tensor *x, int ndim, const int64_t *size, const int64_t *stride,
                                int64_t offset);
/** Windows of `size` elements every `step` elements along dim: a view whose last dim runs within
 *  the windows. They may overlap; gradients add up. (PyTorch's Tensor.unfold.) */
TG_API tg_tensor *tg_unfold_dim(tg_tensor *x, int dim, int64_t size, int64_t step);

/* ---- Pieces: views along one dim, put into out[]; on failure all of them are NULL ----------- */

/** n pieces of these sizes, which add up to that of dim. out has room for n. */
TG_API TG_NODISCARD tg_status tg_split(tg_tensor *x, int n, const int64_t *sizes, int dim,
                                       tg_tensor **out);
/** Pieces of size ceil(size / chunks), the last perhaps smaller: *n_out of them, at most chunks,
 *  for which out has room. */
TG_API TG_NODISCARD tg_status tg_chunk(tg_tensor *x, int chunks, int dim, tg_tensor **out,
                                       int *n_out);
/** n pieces, the first ones larger by one if the size is no multiple of n. */
TG_API TG_NODISCARD tg_status tg_tensor_split(tg_tensor *x, int n, int dim, tg_tensor **out);
/** n + 1 pieces, between the positions in indices (as in tg_slice). */
TG_API TG_NODISCARD tg_status tg_tensor_split_at(tg_tensor *x, int n, const int64_t *indices,
                                                 int dim, tg_tensor **out);
/** n equal sections along dim 1 (of a vector: 0), 0 and 2. */
TG_API TG_NODISCARD tg_status tg_hsplit(tg_tensor *x, int n, tg_tensor **out);
TG_API TG_NODISCARD tg_status tg_vsplit(tg_tensor *x, int n, tg_tensor **out);
TG_API TG_NODISCARD tg_status tg_dsplit(tg_tensor *x, int n, tg_tensor **out);
/** x[0], x[1], … along dim, which goes. n is the size of dim. */
TG_API TG_NODISCARD tg_status tg_unbind(tg_tensor *x, int dim, tg_tensor **out, int n);

/* ---- Other orders: copies ------------------------------------------------------------------- */

/** Dims in reverse; TG_ALL: all. */
TG_API tg_tensor *tg_flip(tg_tensor *x, int ndims, const int *dims);
/** tg_flip of dim 1. */
TG_API tg_tensor *tg_fliplr(tg_tensor *x);
/** tg_flip of dim 0. */
TG_API tg_tensor *tg_flipud(tg_tensor *x);
/** Elements moved by shifts[i] along dims[i], those that fall off coming in at the other end.
 *  TG_ALL as dims, with one shift: x as if flat. */
TG_API tg_tensor *tg_roll(tg_tensor *x, int n_shifts, const int64_t *shifts, int ndims,
                          const int *dims);
/** k quarter turns in the plane of two dims, from the first towards the second; TG_ALL: dims 0 and
 *  1. */
TG_API tg_tensor *tg_rot90(tg_tensor *x, int64_t k, int ndims, const int *dims);

#ifdef __cplusplus
}
#endif
#endif
