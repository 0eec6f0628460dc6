/* ops_conv.h - convolution, pooling, resampling. The rules for all operations stand in ops.h. */
#ifndef TENSORGRAD_OPS_CONV_H
#define TENSORGRAD_OPS_CONV_H

#include <tensorgrad/scope.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Spatial dims are the last one (1d), two (2d) or three (3d) of x, which is [N, C, spatial…] or,
 * without a batch, [C, spatial…]. N may be 0; spatial sizes may not. Lists of options have one
 * entry per spatial dim, from the left: the first one for 1d, the first two for 2d. */

/* ---- Convolution ---------------------------------------------------------------------------- */

typedef enum {
    TG_PADDING_GIVEN = 0, /**< as `padding` says */
    TG_PADDING_SAME = 1,  /**< the output has the size of x; needs stride 1. An odd total has the
                               larger part on the right */
    TG_PADDING_VALID = 2  /**< none */
} tg_padding;

typedef struct {
    uint32_t size;             /**< sizeof(tg_conv_options) */
    int32_t auto_pad;          /**< tg_padding; not for transposed convolutions */
    int64_t stride[3];         /**< at least 1; default 1 */
    int64_t padding[3];        /**< zeros on each side; default 0 */
    int64_t dilation[3];       /**< distance of the kernel's elements, at least 1; default 1 */
    int64_t output_padding[3]; /**< transposed only: more on the right of the output, smaller than
                                    stride or dilation; default 0 */
    int64_t groups;            /**< channels are split into so many independent groups; default 1 */
} tg_conv_options;
#define TG_CONV_OPTIONS_INIT                                                                       \
    { sizeof(tg_conv_options), TG_PADDING_GIVEN, {1, 1, 1}, {0, 0, 0}, {1, 1, 1}, {0, 0, 0}, 1 }

/**
 * Convolution (cross-correlation, as everywhere in deep learning).
 *
 * y[n, o, p] = b[o] + Σ_c Σ_k w[o, c, k] · x[n, c, p·stride - padding + k·dilation] with x = 0
 * outside. x [N, C, L] or [C, L], w [O, C / groups, K], b [O] or TG_NONE. The output has
 * ⌊(L + 2·padding - dilation·(K - 1) - 1) / stride⌋ + 1 positions. Other paddings: tg_pad before
 * it. f32 or f64, all of one dtype. options may be NULL. TG_ERR_SHAPE if the kernel is larger than
 * x with its padding, or channels do not divide into groups; TG_ERR_ARG for bad options.
 */
TG_API tg_tensor *tg_conv1d(tg_tensor *x, tg_tensor *w, tg_tensor *b_or_none,
                            const tg_conv_options *options);
/** The same for x [N, C, H, W] and w [O, C / groups, KH, KW]. */
TG_API tg_tensor *tg_conv2d(tg_tensor *x, tg_tensor *w, tg_tensor *b_or_none,
                            const tg_conv_options *options);
/** The same for x [N, C, D, H, W] and w [O, C / groups, KD, KH, KW]. */
TG_API tg_tensor *tg_conv3d(tg_tensor *x, tg_tensor *w, tg_tensor *b_or_none,
                            const tg_conv_options *options);

/**
 * Transposed convolution: what the gradient of tg_conv1d with the same options makes of x.
 *
 * x [N, C, L] or [C, L], w [C, O / groups, K], b [O] or TG_NONE. The output has
 * (L - 1)·stride - 2·padding + dilation·(K - 1) + output_padding + 1 positions. f32 or f64.
 */
TG_API tg_tensor *tg_conv_transpose1d(tg_tensor *x, tg_tensor *w, tg_tensor *b_or_none,
                                      const tg_conv_options *options);
/** The same for x [N, C, H, W] and w [C, O / groups, KH, KW]. */
TG_API tg_tensor *tg_conv_transpose2d(tg_tensor *x, tg_tensor *w, tg_tensor *b_or_none,
                                      const tg_conv_options *options);
/** The same for x [N, C, D, H, W] and w [C, O / groups, KD, KH, KW]. */
TG_API tg_tensor *tg_conv_transpose3d(tg_tensor *x, tg_tensor *w, tg_tensor *b_or_none,
                                      const tg_conv_options *options);

/* ---- Pooling -------------------------------------------------------------------------------- */

/* Windows of kernel_size positions, `stride` apart, over each channel. kernel_size has one entry
 * for all spatial dims or one for each: tg_max_pool2d(x, TG_SHAPE(2), NULL, NULL). There are ⌊(L +
 * 2·padding - dilation·(kernel_size - 1) - 1) / stride⌋ + 1 of them; with ceil_mode the division
 * rounds up, and a window that would start beyond x and the padding on its left is left out.
 * options may be NULL. TG_ERR_SHAPE if a window is larger than x with its padding, TG_ERR_ARG for
 * bad options. */
typedef struct {
    uint32_t size;            /**< sizeof(tg_pool_options) */
    bool ceil_mode;           /**< round the number of windows up; default false */
    bool count_include_pad;   /**< means divide by the positions in the padding too; default true */
    int64_t stride[3];        /**< 0 in all: kernel_size; default 0 */
    int64_t padding[3];       /**< on each side, at most half of kernel_size; default 0 */
    int64_t dilation[3];      /**< maxima only: distance of a window's positions; default 1 */
    int64_t divisor_override; /**< means divide by this; 0: by the number of positions; default 0 */
} tg_pool_options;
#define TG_POOL_OPTIONS_INIT                                                                       \
    { sizeof(tg_pool_options), false, true, {0, 0, 0}, {0, 0, 0}, {1, 1, 1}, 0 }

/** The largest of each window: NaN wins, else the first of equals, which gets the gradient. The
 *  padding never wins. *indices (or NULL) gets the positions, i64, counted row-major within a
 *  channel of x. f32, f64, i64, i32, u8. */
TG_API tg_tensor *tg_max_pool1d(tg_tensor *x, int n, const int64_t *kernel_size,
                                const tg_pool_options *options, tg_tensor **indices);
TG_API tg_tensor *tg_max_pool2d(tg_tensor *x, int n, const int64_t *kernel_size,
                                const tg_pool_options *options, tg_tensor **indices);
TG_API tg_tensor *tg_max_pool3d(tg_tensor *x, int n, const int64_t *kernel_size,
                                const tg_pool_options *options, tg_tensor **indices);

/** The mean of each window, with zeros in the padding. The divisor counts the padding (unless
 *  count_include_pad is off), but nothing beyond it. f32, f64. */
TG_API tg_tensor *tg_avg_pool1d(tg_tensor *x, int n, const int64_t *kernel_size,
                                const tg_pool_options *options);
TG_API tg_tensor *tg_avg_pool2d(tg_tensor *x, int n, const int64_t *kernel_size,
                                const tg_pool_options *options);
TG_API tg_tensor *tg_avg_pool3d(tg_tensor *x, int n, const int64_t *kernel_size,
                                const tg_pool_options *options);

/** (Σ x^p)^(1/p) over each window; NaN where the sum is negative, gradient 0 where it is 0. p > 0.
 *  Of the options stride and ceil_mode; a window that ceil_mode cuts off counts as if its mean went
 *  on (as in PyTorch). f32, f64. */
TG_API tg_tensor *tg_lp_pool1d(tg_tensor *x, double p, int n, const int64_t *kernel_size,
                               const tg_pool_options *options);
TG_API tg_tensor *tg_lp_pool2d(tg_tensor *x, double p, int n, const int64_t *kernel_size,
                               const tg_pool_options *options);
TG_API tg_tensor *tg_lp_pool3d(tg_tensor *x, double p, int n, const int64_t *kernel_size,
                               const tg_pool_options *options);

/** The mean of each of output_size parts: part i of O covers positions ⌊i·L/O⌋ to ⌈(i + 1)·L/O⌉.
 *  output_size has one entry for all spatial dims or one for each; -1 keeps the size of x. f32,
 *  f64. */
TG_API tg_tensor *tg_adaptive_avg_pool1d(tg_tensor *x, int n, const int64_t *output_size);
TG_API tg_tensor *tg_adaptive_avg_pool2d(tg_tensor *x, int n, const int64_t *output_size);
TG_API tg_tensor *tg_adaptive_avg_pool3d(tg_tensor *x, int n, const int64_t *output_size);

/** The largest of each of output_size parts, and where it was, as in tg_max_pool1d. */
TG_API tg_tensor *tg_adaptive_max_pool1d(tg_tensor *x, int n, const int64_t *output_size,
                                         tg_tensor **indices);
TG_API tg_tensor *tg_adaptive_max_pool2d(tg_tensor *x, int n, const int64_t *output_size,
                                         tg_tensor **indices);
TG_API tg_tensor *tg_adaptive_max_pool3d(tg_tensor *x, int n, const int64_t *output_size,
                                         tg_tensor **indices);

typedef struct {
    uint32_t size;          /**< sizeof(tg_fractional_pool_options) */
    uint32_t reserved;      /**< 0 */
    int64_t kernel_size[3]; /**< required */
    int64_t output_size[3]; /**< required; with kernel_size - 1 at most the size of x */
} tg_fractional_pool_options;
#define TG_FRACTIONAL_POOL_OPTIONS_INIT                                                            \
    {                                                                                              \
        sizeof(tg_fractional_pool_options), 0, {0, 0, 0}, { 0, 0, 0 }                              \
    }

/** The largest of output_size windows that start at ⌊(i + u)·α⌋ - ⌊u·α⌋, α = (L - k) / (O - 1), the
 *  last one at L - k (Graham 2015). samples [N, C, 2] are the u of each channel in [0, 1), width
 *  before height as in PyTorch: tg_rand(TG_F32, TG_SHAPE(N, C, 2), NULL). Otherwise as
 *  tg_max_pool2d. */
TG_API tg_tensor *tg_fractional_max_pool2d(tg_tensor *x, tg_tensor *samples,
                                           const tg_fractional_pool_options *options,
                                           tg_tensor **indices);
/** The same with three spatial dims: samples [N, C, 3] for depth, height and width. */
TG_API tg_tensor *tg_fractional_max_pool3d(tg_tensor *x, tg_tensor *samples,
                                           const tg_fractional_pool_options *options,
                                           tg_tensor **indices);

typedef struct {
    uint32_t size;          /**< sizeof(tg_unpool_options) */
    uint32_t reserved;      /**< 0 */
    int64_t stride[3];      /**< of the pooling; 0 in all: kernel_size; default 0 */
    int64_t padding[3];     /**< of the pooling; default 0 */
    int64_t output_size[3]; /**< of the result, less than a stride from
                                 (L - 1)·stride - 2·padding + kernel_size, which 0 in all means */
} tg_unpool_options;
#define TG_UNPOOL_OPTIONS_INIT                                                                     \
    {                                                                                              \
        sizeof(tg_unpool_options), 0, {0, 0, 0}, {0, 0, 0}, { 0, 0, 0 }                            \
    }

/** Zeros, with the elements of x at the positions that tg_max_pool1d gave: indices has x's shape,
 *  i64 or i32. Of equal indices the last one stays; all of them get its gradient. TG_ERR_INDEX for
 *  an index outside of the result. Any dtype. */
TG_API tg_tensor *tg_max_unpool1d(tg_tensor *x, tg_tensor *indices, int n,
                                  const int64_t *kernel_size, const tg_unpool_options *options);
TG_API tg_tensor *tg_max_unpool2d(tg_tensor *x, tg_tensor *indices, int n,
                                  const int64_t *kernel_size, const tg_unpool_options *options);
TG_API tg_tensor *tg_max_unpool3d(tg_tensor *x, tg_tensor *indices, int n,
                                  const int64_t *kernel_size, const tg_unpool_options *options);

typedef struct {
    uint32_t size;     /**< sizeof(tg_local_response_norm_options) */
    uint32_t reserved; /**< 0 */
    double alpha;      /**< default 1e-4 */
    double beta;       /**< default 0.75 */
    double k;          /**< default 1 */
} tg_local_response_norm_options;
#define TG_LOCAL_RESPONSE_NORM_OPTIONS_INIT                                                        \
    { sizeof(tg_local_response_norm_options), 0, 1e-4, 0.75, 1.0 }

/** x / (k + α·m)^β, m the mean of x² over `size` neighbouring channels (zeros beyond the ends); the
 *  channel itself is at place ⌊size / 2⌋ of them. x [N, C, …], at least 3-d. f32, f64. */
TG_API tg_tensor *tg_local_response_norm(tg_tensor *x, int64_t size,
                                         const tg_local_response_norm_options *options);

/* ---- Resampling ----------------------------------------------------------------------------- */

typedef enum {
    TG_INTERPOLATE_NEAREST = 0,       /**< the position ⌊i·scale⌋ of x */
    TG_INTERPOLATE_NEAREST_EXACT = 1, /**< the position ⌊(i + ½)·scale⌋ */
    TG_INTERPOLATE_LINEAR = 2,        /**< one spatial dim */
    TG_INTERPOLATE_BILINEAR = 3,      /**< two */
    TG_INTERPOLATE_BICUBIC = 4,       /**< two; cubic convolution with a = -0.75 */
    TG_INTERPOLATE_TRILINEAR = 5,     /**< three */
    TG_INTERPOLATE_AREA = 6           /**< tg_adaptive_avg_pool */
} tg_interpolate_mode;

typedef struct {
    uint32_t size;          /**< sizeof(tg_interpolate_options) */
    int32_t mode;           /**< tg_interpolate_mode; default nearest */
    int64_t output_size[3]; /**< spatial sizes; 0 in all: from scale_factor */
    double scale_factor[3]; /**< per spatial dim; 0: as the first one. The sizes are
                                 ⌊L·scale_factor⌋ */
    bool align_corners;     /**< linear and cubic: the centres of the first and last positions meet,
                                 not the outer edges; default false */
    bool recompute_scale_factor; /**< compute with the ratio of the sizes, not with scale_factor
                                      itself; default false */
} tg_interpolate_options;
#define TG_INTERPOLATE_OPTIONS_INIT                                                                \
    { sizeof(tg_interpolate_options), TG_INTERPOLATE_NEAREST, {0, 0, 0}, {0, 0, 0}, false, false }

/**
 * Resamples the spatial dims of x [N, C, L], [N, C, H, W] or [N, C, D, H, W] to other sizes.
 *
 * With scale = L / size (or 1 / scale_factor) position i of the result is read at
 * (i + ½)·scale - ½ in x, with align_corners at i·(L - 1) / (size - 1). Positions beyond the border
 * count as the border. Give either output_size or scale_factor. f32, f64.
 */
TG_API tg_tensor *tg_interpolate(tg_tensor *x, const tg_interpolate_options *options);
/** tg_interpolate. */
TG_API tg_tensor *tg_upsample(tg_tensor *x, const tg_interpolate_options *options);

typedef enum {
    TG_GRID_BILINEAR = 0, /**< between the 4 (with three dims 8) nearest elements */
    TG_GRID_NEAREST = 1,  /**< halves to even; the gradient for grid is 0 */
    TG_GRID_BICUBIC = 2   /**< 16 elements, a = -0.75; two spatial dims */
} tg_grid_mode;
typedef enum {
    TG_GRID_ZEROS = 0,     /**< elements outside of x are 0 */
    TG_GRID_BORDER = 1,    /**< positions outside move to the border */
    TG_GRID_REFLECTION = 2 /**< positions outside are mirrored at the border until inside */
} tg_grid_padding;
typedef struct {
    uint32_t size;        /**< sizeof(tg_grid_sample_options) */
    int32_t mode;         /**< tg_grid_mode; default bilinear */
    int32_t padding_mode; /**< tg_grid_padding; default zeros */
    bool align_corners;   /**< -1 and 1 are the centres of the outer elements, not their outer
                               edges; default false */
} tg_grid_sample_options;
#define TG_GRID_SAMPLE_OPTIONS_INIT                                                                \
    { sizeof(tg_grid_sample_options), TG_GRID_BILINEAR, TG_GRID_ZEROS, false }

/** x [N, C, H, W] at the positions grid [N, H', W', 2]: grid[n, i, j] is (x, y), each from -1 to 1
 *  across x. Gives [N, C, H', W']; with three spatial dims grid is [N, D', H', W', 3] of (x, y, z).
 *  Both get gradients. f32, f64, of one dtype. options may be NULL. */
TG_API tg_tensor *tg_grid_sample(tg_tensor *x, tg_tensor *grid,
                                 const tg_grid_sample_options *options);
/** The grid of an affine map for tg_grid_sample: theta [N, 2, 3] times (x, y, 1) at the positions
 * of a result of `size` [N, C, H, W]; or [N, 3, 4] for [N, C, D, H, W]. f32, f64. */
TG_API tg_tensor *tg_affine_grid(tg_tensor *theta, int n, const int64_t *size, bool align_corners);

/* ---- Rearrangement -------------------------------------------------------------------------- */

/** […, C·r², H, W] to […, C, H·r, W·r]: each group of r² channels becomes r x r pixels. Any dtype.
 */
TG_API tg_tensor *tg_pixel_shuffle(tg_tensor *x, int64_t upscale_factor);
/** […, C, H·r, W·r] to […, C·r², H, W]: undoes tg_pixel_shuffle. */
TG_API tg_tensor *tg_pixel_unshuffle(tg_tensor *x, int64_t downscale_factor);
/** [N, C, …] with channel j of group i becoming channel j·groups + i. Any dtype. */
TG_API tg_tensor *tg_channel_shuffle(tg_tensor *x, int64_t groups);

typedef struct {
    uint32_t size;       /**< sizeof(tg_fold_options) */
    uint32_t reserved;   /**< 0 */
    int64_t dilation[2]; /**< default 1 */
    int64_t padding[2];  /**< default 0 */
    int64_t stride[2];   /**< default 1 */
} tg_fold_options;
#define TG_FOLD_OPTIONS_INIT                                                                       \
    {                                                                                              \
        sizeof(tg_fold_options), 0, {1, 1}, {0, 0}, { 1, 1 }                                       \
    }

/** The windows of x [N, C, H, W] or [C, H, W] as columns [N, C·KH·KW, L]:
 * torch.nn.functional.unfold. kernel_size has one entry or two; L counts the windows row by row.
 * f32, f64. */
TG_API tg_tensor *tg_unfold2d(tg_tensor *x, int n, const int64_t *kernel_size,
                              const tg_fold_options *options);
/** Columns [N, C·KH·KW, L] or [C·KH·KW, L] added up to [N, C, H, W]: the adjoint of tg_unfold2d, so
 *  positions that several windows cover are sums. output_size is H and W. f32, f64. */
TG_API tg_tensor *tg_fold(tg_tensor *x, int n_size, const int64_t *output_size, int n,
                          const int64_t *kernel_size, const tg_fold_options *options);

#ifdef __cplusplus
}
#endif
#endif
