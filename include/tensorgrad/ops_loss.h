/* ops_loss.h - losses. The rules for all operations stand in ops.h. */
#ifndef TENSORGRAD_OPS_LOSS_H
#define TENSORGRAD_OPS_LOSS_H

#include <tensorgrad/scope.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How a loss or a scatter combines its elements. */
typedef enum { TG_REDUCE_NONE = 0, TG_REDUCE_MEAN = 1, TG_REDUCE_SUM = 2 } tg_reduction;

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

#ifdef __cplusplus
}
#endif
#endif
