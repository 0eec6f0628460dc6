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

#ifdef __cplusplus
}
#endif
#endif
