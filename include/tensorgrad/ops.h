/* ops.h - the operations. */
#ifndef TENSORGRAD_OPS_H
#define TENSORGRAD_OPS_H

#include <tensorgrad/scope.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Rules for all of them:
 *
 * - They return a new reference (scope.h), or NULL with an error; given NULL they return NULL.
 * - Dims may be negative (counted from the end). keepdim keeps reduced dims with size 1.
 * - Binary operations broadcast: shapes are aligned at the right, sizes must be equal or 1.
 * - Mixed dtypes are promoted: the higher category of bool < integer < float wins; tensors with
 * dims outrank 0-d tensors of the same category, which outrank C scalars.
 * - Functions that end in _ work in place: they write into their first argument and return it, with
 *   no new reference. The result must fit its shape and dtype category. While recording they are
 *   refused (TG_ERR_STATE) on a leaf that requires gradients and on views that take part in
 *   gradients.
 * - Errors: TG_ERR_SHAPE for shapes that do not fit, TG_ERR_DTYPE for a dtype the operation does
 * not take (the text lists those it takes), TG_ERR_INDEX for dims and indices out of range. They
 * are found before anything is written.
 * - "float" below means f32 or f64; integer and bool inputs of operations marked float are
 * converted to f32. */

/** How a loss or a scatter combines its elements. */
typedef enum { TG_REDUCE_NONE = 0, TG_REDUCE_MEAN = 1, TG_REDUCE_SUM = 2 } tg_reduction;

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

/* ---- Indexing ------------------------------------------------------------------------------- */

typedef enum {
    TG_INDEX_INT = 0,      /**< one position: start; drops the dim */
    TG_INDEX_SLICE = 1,    /**< start:end:step */
    TG_INDEX_ELLIPSIS = 2, /**< as many full slices as are missing; at most one */
    TG_INDEX_NEWAXIS = 3   /**< a new dim of size 1 */
} tg_index_kind;

/** One item of an index list, for one dim from the left. */
typedef struct {
    int32_t kind;     /**< tg_index_kind */
    int32_t reserved; /**< 0 */
    int64_t start, end, step;
} tg_index_item;

#define TG_AT(i)                                                                                   \
    { TG_INDEX_INT, 0, (i), 0, 0 }
#define TG_RANGE(start, end, step)                                                                 \
    { TG_INDEX_SLICE, 0, (start), (end), (step) }
#define TG_EVERYTHING                                                                              \
    { TG_INDEX_SLICE, 0, 0, TG_SLICE_END, 1 }
#define TG_ELLIPSIS                                                                                \
    { TG_INDEX_ELLIPSIS, 0, 0, 0, 0 }
#define TG_NEWAXIS                                                                                 \
    { TG_INDEX_NEWAXIS, 0, 0, 0, 0 }

/** x[items]: a view. Fewer items than dims leave the rest whole. */
TG_API tg_tensor *tg_index(tg_tensor *x, int n_items, const tg_index_item *items);
/** x with x[items] = value (broadcast, converted), in new memory. */
TG_API tg_tensor *tg_index_put(tg_tensor *x, int n_items, const tg_index_item *items,
                               tg_tensor *value);
/** x[items] = value. Acts on x itself, so gradients reach what x was made of, and value. */
TG_API tg_tensor *tg_index_put_(tg_tensor *x, int n_items, const tg_index_item *items,
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
/** value where mask (bool, broadcast to x) is true, else x. */
TG_API tg_tensor *tg_masked_fill(tg_tensor *x, tg_tensor *mask, double value);
TG_API tg_tensor *tg_masked_fill_(tg_tensor *x, tg_tensor *mask, double value);

/** Joins along an existing dim; the other sizes must agree. Dtypes are promoted. 1-d tensors
 * without elements are skipped. */
TG_API tg_tensor *tg_cat(tg_tensor *const *tensors, int n, int dim);
/** Joins tensors of equal shape along a new dim. */
TG_API tg_tensor *tg_stack(tg_tensor *const *tensors, int n, int dim);

/* ---- Elementwise: one input ----------------------------------------------------------------- */

/** -x. No bool. */
TG_API tg_tensor *tg_neg(tg_tensor *x);
/** |x|; gradient sign(x), 0 at 0. No bool. */
TG_API tg_tensor *tg_abs(tg_tensor *x);
/** -1, 0 or 1; 0 for NaN; gradient 0. No bool. */
TG_API tg_tensor *tg_sign(tg_tensor *x);
/** x². No bool. */
TG_API tg_tensor *tg_square(tg_tensor *x);
/** √x; NaN below 0; gradient g/(2y), +inf at 0. Float. */
TG_API tg_tensor *tg_sqrt(tg_tensor *x);
/** 1/√x; +inf at 0. Float. */
TG_API tg_tensor *tg_rsqrt(tg_tensor *x);
/** 1/x. Float. */
TG_API tg_tensor *tg_reciprocal(tg_tensor *x);
/** eˣ. Float. */
TG_API tg_tensor *tg_exp(tg_tensor *x);
/** ln x; -inf at 0, NaN below; gradient g/x everywhere. Float. */
TG_API tg_tensor *tg_log(tg_tensor *x);
/** sin x, radians. Float. */
TG_API tg_tensor *tg_sin(tg_tensor *x);
/** cos x, radians. Float. */
TG_API tg_tensor *tg_cos(tg_tensor *x);
/** tanh x; gradient g(1 - y²). Float. */
TG_API tg_tensor *tg_tanh(tg_tensor *x);
/** 1/(1 + e⁻ˣ); gradient g·y(1 - y). Float. */
TG_API tg_tensor *tg_sigmoid(tg_tensor *x);
/** max(x, 0); NaN stays; gradient 0 at 0. No bool. */
TG_API tg_tensor *tg_relu(tg_tensor *x);
/** x limited to [lo, hi]; -INFINITY and INFINITY mean no limit. NaN stays; lo > hi gives hi. The
 *  gradient is g inside and at the limits, else 0. No bool. */
TG_API tg_tensor *tg_clamp(tg_tensor *x, double lo, double hi);

TG_API tg_tensor *tg_neg_(tg_tensor *x);
TG_API tg_tensor *tg_abs_(tg_tensor *x);
TG_API tg_tensor *tg_sign_(tg_tensor *x);
TG_API tg_tensor *tg_square_(tg_tensor *x);
TG_API tg_tensor *tg_sqrt_(tg_tensor *x);
TG_API tg_tensor *tg_rsqrt_(tg_tensor *x);
TG_API tg_tensor *tg_reciprocal_(tg_tensor *x);
TG_API tg_tensor *tg_exp_(tg_tensor *x);
TG_API tg_tensor *tg_log_(tg_tensor *x);
TG_API tg_tensor *tg_sin_(tg_tensor *x);
TG_API tg_tensor *tg_cos_(tg_tensor *x);
TG_API tg_tensor *tg_tanh_(tg_tensor *x);
TG_API tg_tensor *tg_sigmoid_(tg_tensor *x);
TG_API tg_tensor *tg_relu_(tg_tensor *x);
TG_API tg_tensor *tg_clamp_(tg_tensor *x, double lo, double hi);

/* ---- Elementwise: two inputs ---------------------------------------------------------------- */

/** a + b; bool + bool is or. */
TG_API tg_tensor *tg_add(tg_tensor *a, tg_tensor *b);
/** a - b. No bool. */
TG_API tg_tensor *tg_sub(tg_tensor *a, tg_tensor *b);
/** a · b; bool · bool is and. */
TG_API tg_tensor *tg_mul(tg_tensor *a, tg_tensor *b);
/** a / b, true division: integers give f32. */
TG_API tg_tensor *tg_div(tg_tensor *a, tg_tensor *b);
/** aᵇ as C's pow. Gradient to a: g·b·aᵇ⁻¹, 0 where b = 0; to b: g·y·ln a, 0 where a = 0 and b >= 0.
 *  Integers to a negative integer power: TG_ERR_NUMERIC. No bool. */
TG_API tg_tensor *tg_pow(tg_tensor *a, tg_tensor *b);
/** The larger; NaN wins. Ties share the gradient in halves. */
TG_API tg_tensor *tg_maximum(tg_tensor *a, tg_tensor *b);
/** The smaller; NaN wins. Ties share the gradient in halves. */
TG_API tg_tensor *tg_minimum(tg_tensor *a, tg_tensor *b);

TG_API tg_tensor *tg_add_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_sub_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_mul_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_div_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_pow_(tg_tensor *a, tg_tensor *b);

/* With a C scalar: of the float category, so an integer x gives f32 and a float x keeps its
 * dtype. */
TG_API tg_tensor *tg_add_scalar(tg_tensor *x, double s);
TG_API tg_tensor *tg_sub_scalar(tg_tensor *x, double s);
/** s - x. */
TG_API tg_tensor *tg_rsub_scalar(tg_tensor *x, double s);
TG_API tg_tensor *tg_mul_scalar(tg_tensor *x, double s);
TG_API tg_tensor *tg_div_scalar(tg_tensor *x, double s);
/** s / x. */
TG_API tg_tensor *tg_rdiv_scalar(tg_tensor *x, double s);
/** xˢ. */
TG_API tg_tensor *tg_pow_scalar(tg_tensor *x, double s);
/** sˣ. */
TG_API tg_tensor *tg_rpow_scalar(tg_tensor *x, double s);
TG_API tg_tensor *tg_add_scalar_(tg_tensor *x, double s);
TG_API tg_tensor *tg_sub_scalar_(tg_tensor *x, double s);
TG_API tg_tensor *tg_mul_scalar_(tg_tensor *x, double s);
TG_API tg_tensor *tg_div_scalar_(tg_tensor *x, double s);
TG_API tg_tensor *tg_pow_scalar_(tg_tensor *x, double s);

/* ---- Comparison and logic: bool results, no gradients --------------------------------------- */

TG_API tg_tensor *tg_eq(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_ne(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_lt(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_le(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_gt(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_ge(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_eq_scalar(tg_tensor *x, double s);
TG_API tg_tensor *tg_ne_scalar(tg_tensor *x, double s);
TG_API tg_tensor *tg_lt_scalar(tg_tensor *x, double s);
TG_API tg_tensor *tg_le_scalar(tg_tensor *x, double s);
TG_API tg_tensor *tg_gt_scalar(tg_tensor *x, double s);
TG_API tg_tensor *tg_ge_scalar(tg_tensor *x, double s);
/** Inputs of any dtype count as true where they are not 0. */
TG_API tg_tensor *tg_logical_and(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_logical_or(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_logical_xor(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_logical_not(tg_tensor *x);
TG_API tg_tensor *tg_isnan(tg_tensor *x);
TG_API tg_tensor *tg_isfinite(tg_tensor *x);
/** a where condition (bool) is true, else b; all three broadcast. The branch that is not taken gets
 *  gradient 0. */
TG_API tg_tensor *tg_where(tg_tensor *condition, tg_tensor *a, tg_tensor *b);

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

/* ---- Products ------------------------------------------------------------------------------- */

/** a·b: [m,k]·[k,n], batched over leading dims, which broadcast; a 1-d operand is a row (left) or a
 *  column (right) whose dim is dropped from the result. f32, f64, i64, i32. */
TG_API tg_tensor *tg_matmul(tg_tensor *a, tg_tensor *b);
/** Σ aᵢ bᵢ of two 1-d tensors of equal length. */
TG_API tg_tensor *tg_dot(tg_tensor *a, tg_tensor *b);
/** x·wᵀ + b: x [..., in], w [out, in], b [out] or TG_NONE. f32, f64. */
TG_API tg_tensor *tg_linear(tg_tensor *x, tg_tensor *w, tg_tensor *b_or_none);

/* ---- Losses: no broadcasting; 0-d unless TG_REDUCE_NONE ------------------------------------- */

/** (x - target)². Shapes must be equal. f32, f64. */
TG_API tg_tensor *tg_mse_loss(tg_tensor *x, tg_tensor *target, tg_reduction reduction);
/** |x - target|; gradient 0 where equal. */
TG_API tg_tensor *tg_l1_loss(tg_tensor *x, tg_tensor *target, tg_reduction reduction);

typedef struct {
    uint32_t size;          /**< sizeof(tg_cross_entropy_options) */
    int32_t reduction;      /**< tg_reduction; default mean */
    int64_t ignore_index;   /**< class indices that count as absent; default -100 */
    double label_smoothing; /**< ε in [0, 1]; default 0 */
    tg_tensor *weight;      /**< [C], one weight per class, or NULL */
} tg_cross_entropy_options;
#define TG_CROSS_ENTROPY_OPTIONS_INIT                                                              \
    { sizeof(tg_cross_entropy_options), TG_REDUCE_MEAN, -100, 0.0, NULL }

/**
 * Softmax cross entropy of logits.
 *
 * logits: [C], [N, C] or [N, C, d1, …], f32 or f64. target: class indices (i64 or i32) of the
 * logits' shape without C, or probabilities of the logits' shape and dtype. Per element, with ε the
 * label smoothing and w the weights: (1 - ε)·w[t]·(-log p[t]) + ε/C·Σ_c w[c]·(-log p[c]). The mean
 * divides by Σ w[t] over the elements that are not ignored (NaN if there are none), for
 * probabilities by N·d1·…. The gradient reaches logits, and targets that are probabilities. options
 * may be NULL.
 */
TG_API tg_tensor *tg_cross_entropy(tg_tensor *logits, tg_tensor *target,
                                   const tg_cross_entropy_options *options);

/* ---- Optimizer steps -------------------------------------------------------------------------
 * One pass over lists of n tensors; not recorded, allowed on leaves; every version is bumped.
 * Parameters whose gradient is TG_NONE are skipped. All checks come before the first write. */

typedef struct {
    uint32_t size;   /**< sizeof(tg_sgd_options) */
    bool nesterov;   /**< needs momentum > 0 and dampening = 0 */
    bool maximize;   /**< climb instead of descend */
    double lr;       /**< learning rate, >= 0 */
    double momentum; /**< >= 0 */
    double dampening;
    double weight_decay; /**< >= 0: added to the gradient, times the parameter */
} tg_sgd_options;
#define TG_SGD_OPTIONS_INIT                                                                        \
    { sizeof(tg_sgd_options), false, false, 1e-3, 0.0, 0.0, 0.0 }

typedef struct {
    uint32_t size; /**< sizeof(tg_adam_options) */
    bool amsgrad;
    bool maximize;
    double lr;           /**< learning rate, >= 0 */
    double beta1, beta2; /**< in [0, 1) */
    double eps;          /**< >= 0; added outside the square root */
    double weight_decay; /**< >= 0: added to the gradient, times the parameter */
} tg_adam_options;
#define TG_ADAM_OPTIONS_INIT                                                                       \
    { sizeof(tg_adam_options), false, false, 1e-3, 0.9, 0.999, 1e-8, 0.0 }

/** g += wd·p; buf = first ? g : momentum·buf + (1 - dampening)·g; p -= lr·(nesterov ? g +
 * momentum·buf : buf). `buffers` (NULL without momentum) are tensors like the parameters; first[i]
 * tells that buffer i holds nothing yet. */
TG_API tg_status tg_sgd_step_(tg_tensor *const *params, tg_tensor *const *grads,
                              tg_tensor *const *buffers, const bool *first, int n,
                              const tg_sgd_options *options);
/** Adam (Kingma & Ba 2015): m = β₁m + (1-β₁)g; v = β₂v + (1-β₂)g²;
 *  p -= lr/(1-β₁ᵗ)·m / (√v/√(1-β₂ᵗ) + eps), with t = steps[i], 1 for the first step. max_v (NULL
 * without amsgrad) keeps the largest v. */
TG_API tg_status tg_adam_step_(tg_tensor *const *params, tg_tensor *const *grads,
                               tg_tensor *const *m, tg_tensor *const *v, tg_tensor *const *max_v,
                               const int64_t *steps, int n, const tg_adam_options *options);

#ifdef __cplusplus
}
#endif
#endif
