/* ops_index.h - indexing: slices, gather and scatter, masks, joining. The rules for all operations
 * stand in ops.h. */
#ifndef TENSORGRAD_OPS_INDEX_H
#define TENSORGRAD_OPS_INDEX_H

#include <tensorgrad/scope.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Indexing ------------------------------------------------------------------------------- */

typedef enum {
    TG_INDEX_INT = 0,      /**< one position: start; drops the dim */
    TG_INDEX_SLICE = 1,    /**< start:end:step */
    TG_INDEX_ELLIPSIS = 2, /**< as many full slices as are missing; at most one */
    TG_INDEX_NEWAXIS = 3,  /**< a new dim of size 1 */
    TG_INDEX_TENSOR = 4    /**< the positions in `tensor` */
} tg_index_kind;

/** One item of an index list, for one dim from the left (a mask: for as many as it has). */
typedef struct {
    int32_t kind;     /**< tg_index_kind */
    int32_t reserved; /**< 0 */
    int64_t start, end, step;
    tg_tensor *tensor; /**< TG_INDEX_TENSOR: i64, i32 or a bool mask; else NULL */
} tg_index_item;

#define TG_AT(i)                                                                                   \
    { TG_INDEX_INT, 0, (i), 0, 0, NULL }
#define TG_RANGE(start, end, step)                                                                 \
    { TG_INDEX_SLICE, 0, (start), (end), (step), NULL }
#define TG_EVERYTHING                                                                              \
    { TG_INDEX_SLICE, 0, 0, TG_SLICE_END, 1, NULL }
#define TG_ELLIPSIS                                                                                \
    { TG_INDEX_ELLIPSIS, 0, 0, 0, 0, NULL }
#define TG_NEWAXIS                                                                                 \
    { TG_INDEX_NEWAXIS, 0, 0, 0, 0, NULL }
#define TG_PICK(tensor)                                                                            \
    { TG_INDEX_TENSOR, 0, 0, 0, 0, (tensor) }

/**
 * x[items]. Fewer items than dims leave the rest whole.
 *
 * Without tensors in the list the result is a view. With them it is a copy, and PyTorch's rules
 * hold: index tensors are broadcast to one shape; a bool mask stands for the positions where it is
 * true, in row-major order, and must have the sizes of the dims it takes; the dims of that shape
 * stand where the tensors' dims stood if those are neighbours (integers in between do not count),
 * else first. Negative indices count from the end. The gradient of an element that is picked often
 * is the sum. Every index is checked first: TG_ERR_INDEX names index, dim and size.
 * In tg_op_call, the tensors are the inputs after x, in the order of the list.
 */
TG_API tg_tensor *tg_index(tg_tensor *x, int n_items, const tg_index_item *items);
/** x with x[items] = value (broadcast, converted), in new memory. Where positions repeat the last
 *  value in row-major order wins, and all values get the gradient, as in PyTorch. */
TG_API tg_tensor *tg_index_put(tg_tensor *x, int n_items, const tg_index_item *items,
                               tg_tensor *value);
/** x[items] = value. Acts on x itself, so gradients reach what x was made of, and value. */
TG_API tg_tensor *tg_index_put_(tg_tensor *x, int n_items, const tg_index_item *items,
                                tg_tensor *value);
/** x with x[items] += value: repeated positions add up, in row-major order of value. (index_put
 *  with accumulate = true in the table of operations.) */
TG_API tg_tensor *tg_index_put_accumulate(tg_tensor *x, int n_items, const tg_index_item *items,
                                          tg_tensor *value);
TG_API tg_tensor *tg_index_put_accumulate_(tg_tensor *x, int n_items, const tg_index_item *items,
                                           tg_tensor *value);
/** Rows of x along dim, at the positions in index (1-d or 0-d, i64 or i32, no negatives). */
TG_API tg_tensor *tg_index_select(tg_tensor *x, int dim, tg_tensor *index);
/** y[i][j][k] = x[index[i][j][k]][j][k] for dim 0, and so on. index has as many dims as x and no
 * size larger than x's except in dim; i64 or i32. */
TG_API tg_tensor *tg_gather(tg_tensor *x, int dim, tg_tensor *index);
/** y = x; y[index[i][j][k]][j][k] += src[i][j][k] for dim 0, and so on. src has x's dtype and is at
 *  least as large as index; repeated indices add up in row-major order. */
TG_API tg_tensor *tg_scatter_add(tg_tensor *x, int dim, tg_tensor *index, tg_tensor *src);
TG_API tg_tensor *tg_scatter_add_(tg_tensor *x, int dim, tg_tensor *index, tg_tensor *src);
/** y = x; y[index[j]] += alpha * src[j] along dim: src has x's dtype and sizes, but for dim as many
 *  as index (1-d or 0-d). Repeated indices add up in order. */
TG_API tg_tensor *tg_index_add(tg_tensor *x, int dim, tg_tensor *index, tg_tensor *src,
                               double alpha);
TG_API tg_tensor *tg_index_add_(tg_tensor *x, int dim, tg_tensor *index, tg_tensor *src,
                                double alpha);
/** y = x; y[index[i][j][k]][j][k] = src[i][j][k] for dim 0, and so on, with shapes as in
 *  tg_scatter_add. Where indices repeat the last in row-major order wins, while all of src gets the
 *  gradient, as in PyTorch: give each place once if you differentiate. */
TG_API tg_tensor *tg_scatter(tg_tensor *x, int dim, tg_tensor *index, tg_tensor *src);
TG_API tg_tensor *tg_scatter_(tg_tensor *x, int dim, tg_tensor *index, tg_tensor *src);
/** The same with a number in place of src. */
TG_API tg_tensor *tg_scatter_value(tg_tensor *x, int dim, tg_tensor *index, double value);
TG_API tg_tensor *tg_scatter_value_(tg_tensor *x, int dim, tg_tensor *index, double value);

/** How what falls on one place is combined. */
typedef enum {
    TG_SCATTER_SUM = 0,
    TG_SCATTER_PROD = 1,
    TG_SCATTER_MEAN = 2, /**< floats only */
    TG_SCATTER_AMAX = 3, /**< NaN wins */
    TG_SCATTER_AMIN = 4
} tg_scatter_mode;
/** y = x, and each place that index names becomes the sum, product, mean or extreme of the elements
 *  of src that fall on it and, with include_self, of x. Shapes as in tg_scatter_add. Extremes that
 *  are equal share the gradient, x among them; that of a product is exact at zeros (its own
 *  derivative is not). */
TG_API tg_tensor *tg_scatter_reduce(tg_tensor *x, int dim, tg_tensor *index, tg_tensor *src,
                                    tg_scatter_mode reduce, bool include_self);
TG_API tg_tensor *tg_scatter_reduce_(tg_tensor *x, int dim, tg_tensor *index, tg_tensor *src,
                                     tg_scatter_mode reduce, bool include_self);

/** y = x; y[index[j]] = src[j] along dim: src has x's sizes, but for dim as many as index (1-d or
 *  0-d). Negative indices count from the end; of repeated ones the last wins. */
TG_API tg_tensor *tg_index_copy(tg_tensor *x, int dim, tg_tensor *index, tg_tensor *src);
TG_API tg_tensor *tg_index_copy_(tg_tensor *x, int dim, tg_tensor *index, tg_tensor *src);
/** y = x; y[index[j]] = value along dim. */
TG_API tg_tensor *tg_index_fill(tg_tensor *x, int dim, tg_tensor *index, double value);
TG_API tg_tensor *tg_index_fill_(tg_tensor *x, int dim, tg_tensor *index, double value);
/** Elements of x, counted in row-major order, at the positions in index (negative ones count from
 *  the end), in the shape of index. */
TG_API tg_tensor *tg_take(tg_tensor *x, tg_tensor *index);
/** x with src[i] at position index[i], counted in row-major order; accumulate: added there. src has
 *  as many elements as index. */
TG_API tg_tensor *tg_put(tg_tensor *x, tg_tensor *index, tg_tensor *src, bool accumulate);
TG_API tg_tensor *tg_put_(tg_tensor *x, tg_tensor *index, tg_tensor *src, bool accumulate);
/** tg_gather with x and index broadcast in all dims but dim: TG_DIMS(1), or TG_ALL for both as if
 *  flat. Negative indices count from the end. */
TG_API tg_tensor *tg_take_along_dim(tg_tensor *x, tg_tensor *index, int ndims, const int *dim);
/** x with src in place of x[..., index, ...] on dim; src has exactly that shape. */
TG_API tg_tensor *tg_select_scatter(tg_tensor *x, tg_tensor *src, int dim, int64_t index);
/** x with src in place of x[..., start:end:step, ...] on dim; src has exactly that shape. */
TG_API tg_tensor *tg_slice_scatter(tg_tensor *x, tg_tensor *src, int dim, int64_t start,
                                   int64_t end, int64_t step);

/* ---- Masks: bool, broadcast with x ---------------------------------------------------------- */

/** value where mask is true, else x. */
TG_API tg_tensor *tg_masked_fill(tg_tensor *x, tg_tensor *mask, double value);
TG_API tg_tensor *tg_masked_fill_(tg_tensor *x, tg_tensor *mask, double value);
/** The same for a 0-d tensor, converted to x's dtype: its gradient is the sum over the mask. */
TG_API tg_tensor *tg_masked_fill_tensor(tg_tensor *x, tg_tensor *mask, tg_tensor *value);
TG_API tg_tensor *tg_masked_fill_tensor_(tg_tensor *x, tg_tensor *mask, tg_tensor *value);
/** The elements of x where mask is true, in row-major order: [n]. */
TG_API tg_tensor *tg_masked_select(tg_tensor *x, tg_tensor *mask);
/** x with the elements of src, in row-major order, one after the other where mask is true. src has
 *  at least as many as are needed. */
TG_API tg_tensor *tg_masked_scatter(tg_tensor *x, tg_tensor *mask, tg_tensor *src);
TG_API tg_tensor *tg_masked_scatter_(tg_tensor *x, tg_tensor *mask, tg_tensor *src);
/** The indices of the n elements that are not 0, in row-major order: i64 [n, ndim]. Not
 *  differentiable. */
TG_API tg_tensor *tg_nonzero(tg_tensor *x);
/** tg_nonzero under its other name. */
TG_API tg_tensor *tg_argwhere(tg_tensor *x);

/* ---- Triangles ------------------------------------------------------------------------------ */

/** Matrices (the last two dims) without what lies above the diagonal (j - i > diagonal). */
TG_API tg_tensor *tg_tril(tg_tensor *x, int64_t diagonal);
TG_API tg_tensor *tg_tril_(tg_tensor *x, int64_t diagonal);
/** Matrices without what lies below the diagonal (j - i < diagonal). */
TG_API tg_tensor *tg_triu(tg_tensor *x, int64_t diagonal);
TG_API tg_tensor *tg_triu_(tg_tensor *x, int64_t diagonal);
/** The indices of the elements that tg_tril keeps of a [rows, cols] matrix, in row-major order: i64
 *  [2, n], rows first. */
TG_API tg_tensor *tg_tril_indices(int64_t rows, int64_t cols, int64_t offset);
/** The same for tg_triu. */
TG_API tg_tensor *tg_triu_indices(int64_t rows, int64_t cols, int64_t offset);

/* ---- Joining -------------------------------------------------------------------------------- */

/** Joins along an existing dim; the other sizes must agree. Dtypes are promoted. 1-d tensors
 * without elements are skipped. */
TG_API tg_tensor *tg_cat(tg_tensor *const *tensors, int n, int dim);
/** Joins tensors of equal shape along a new dim. */
TG_API tg_tensor *tg_stack(tg_tensor *const *tensors, int n, int dim);
/** tg_cat along dim 1 (of vectors: 0); 0-d tensors count as vectors. */
TG_API tg_tensor *tg_hstack(tg_tensor *const *tensors, int n);
/** tg_cat along dim 0; vectors count as rows. */
TG_API tg_tensor *tg_vstack(tg_tensor *const *tensors, int n);
/** tg_cat along dim 2; [n] counts as [1, n, 1] and [m, n] as [m, n, 1]. */
TG_API tg_tensor *tg_dstack(tg_tensor *const *tensors, int n);
/** A matrix with these along its diagonal, and 0 elsewhere. Vectors count as rows; dtypes are
 *  promoted. */
TG_API tg_tensor *tg_block_diag(tg_tensor *const *tensors, int n);

/* ---- More of the same, borders -------------------------------------------------------------- */

/** x repeats[i] times along dim i; more repeats than dims add dims at the left. The gradient is the
 *  sum over the repeats. */
TG_API tg_tensor *tg_repeat(tg_tensor *x, int n, const int64_t *repeats);
/** tg_repeat where missing repeats, at the left, are 1. */
TG_API tg_tensor *tg_tile(tg_tensor *x, int n, const int64_t *repeats);
/** Each element `repeats` times along dim: TG_DIMS(1), or TG_ALL for x as if flat. */
TG_API tg_tensor *tg_repeat_interleave(tg_tensor *x, int64_t repeats, int ndims, const int *dim);
/** The same with a number for each position (i64 or i32, 1-d), or one for all. */
TG_API tg_tensor *tg_repeat_interleave_by(tg_tensor *x, tg_tensor *repeats, int ndims,
                                          const int *dim);

typedef enum {
    TG_PAD_CONSTANT = 0,  /**< `value`; negative pads crop */
    TG_PAD_REFLECT = 1,   /**< … 2 1 | 0 1 2 | 1 0 …; less than the size */
    TG_PAD_REPLICATE = 2, /**< … 0 0 | 0 1 2 | 2 2 … */
    TG_PAD_CIRCULAR = 3   /**< … 1 2 | 0 1 2 | 0 1 …; at most the size */
} tg_pad_mode;
/** x with borders. pads are pairs (before, after), the last dim first; dims without a pair stay.
 *  Gradients of elements that a border repeats add up. */
TG_API tg_tensor *tg_pad(tg_tensor *x, int n_pads, const int64_t *pads, tg_pad_mode mode,
                         double value);

/* ---- Grids and diagonals -------------------------------------------------------------------- */

/** 1 at the class, 0 elsewhere: i64 [..., num_classes]. -1: as many as the largest index needs.
 *  TG_ERR_INDEX for an index out of range. */
TG_API tg_tensor *tg_one_hot(tg_tensor *index, int64_t num_classes);
/** The coordinates of a grid: out[i] is vector i along dim i, expanded (a view) to the grid's
 *  shape. indexing "ij"; "xy" swaps the first two dims. out has room for n. */
TG_API TG_NODISCARD tg_status tg_meshgrid(tg_tensor *const *tensors, int n, const char *indexing,
                                          tg_tensor **out);
/** Of a vector the matrix with it on a diagonal; of a matrix a copy of the diagonal. */
TG_API tg_tensor *tg_diag(tg_tensor *x, int64_t diagonal);
/** Zeros with x's last dim on the diagonals of dims dim1 and dim2 of the result. */
TG_API tg_tensor *tg_diag_embed(tg_tensor *x, int64_t offset, int dim1, int dim2);
/** x with src in place of tg_diagonal(x, offset, dim1, dim2), whose shape it has. */
TG_API tg_tensor *tg_diagonal_scatter(tg_tensor *x, tg_tensor *src, int64_t offset, int dim1,
                                      int dim2);

#ifdef __cplusplus
}
#endif
#endif
