/* ops_loss.h - losses. The rules for all operations stand in ops.h. */
#ifndef TENSORGRAD_OPS_LOSS_H
#define TENSORGRAD_OPS_LOSS_H

#include <tensorgrad/scope.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Losses do not broadcast: shapes that differ are an error (TG_ERR_SHAPE). Inputs are f32 or f64
 * and of one dtype unless it says otherwise. Without elements the mean is NaN and the sum 0. A
 * weight that is a plain argument may be TG_NONE, one in an options struct NULL: no weight. Options
 * that are out of their range: TG_ERR_ARG. Options structs may be NULL. */

/** How a loss or a scatter combines its elements. */
typedef enum {
    TG_REDUCE_NONE = 0,     /**< not: one value each */
    TG_REDUCE_MEAN = 1,     /**< 0-d: their mean */
    TG_REDUCE_SUM = 2,      /**< 0-d: their sum */
    TG_REDUCE_BATCHMEAN = 3 /**< 0-d: their sum over the size of dim 0; tg_kl_div only */
} tg_reduction;

/* ---- Of numbers ------------------------------------------------------------------------------ */

/** (x - target)². */
TG_API tg_tensor *tg_mse_loss(tg_tensor *x, tg_tensor *target, tg_reduction reduction);
/** |x - target|; gradient 0 where equal. */
TG_API tg_tensor *tg_l1_loss(tg_tensor *x, tg_tensor *target, tg_reduction reduction);
/** d²/(2·beta) where |d| < beta, else |d| - beta/2, for d = x - target. beta >= 0; 0 is l1_loss. */
TG_API tg_tensor *tg_smooth_l1_loss(tg_tensor *x, tg_tensor *target, double beta,
                                    tg_reduction reduction);
/** d²/2 where |d| <= delta, else delta(|d| - delta/2), for d = x - target. delta > 0. */
TG_API tg_tensor *tg_huber_loss(tg_tensor *x, tg_tensor *target, double delta,
                                tg_reduction reduction);
/** ln cosh(x - target), exact near 0 and without overflow. */
TG_API tg_tensor *tg_log_cosh_loss(tg_tensor *x, tg_tensor *target, tg_reduction reduction);

/* ---- Of distributions ------------------------------------------------------------------------ */

/**
 * Kullback-Leibler divergence: target(ln target - x) of log-probabilities x.
 *
 * log_target: target holds logarithms too, e^target(target - x). A target of 0 gives 0; the
 * gradient to it is -inf there (PyTorch: NaN). The mean is over all elements; the divergence per
 * sample is TG_REDUCE_BATCHMEAN.
 */
TG_API tg_tensor *tg_kl_div(tg_tensor *x, tg_tensor *target, bool log_target,
                            tg_reduction reduction);

typedef struct {
    uint32_t size;     /**< sizeof(tg_poisson_nll_loss_options) */
    int32_t reduction; /**< tg_reduction; default mean */
    double eps;        /**< > 0; default 1e-8 */
    bool log_input;    /**< x is the logarithm of the rate; default true */
    bool full;         /**< add Stirling's approximation of ln target!; default false */
} tg_poisson_nll_loss_options;
#define TG_POISSON_NLL_LOSS_OPTIONS_INIT                                                           \
    { sizeof(tg_poisson_nll_loss_options), TG_REDUCE_MEAN, 1e-8, true, false }
/** Counts of a Poisson distribution: eˣ - target·x, or x - target·ln(x + eps). full adds
 *  target·ln target - target + ½ln(2π·target) where target > 1. */
TG_API tg_tensor *tg_poisson_nll_loss(tg_tensor *x, tg_tensor *target,
                                      const tg_poisson_nll_loss_options *options);

typedef struct {
    uint32_t size;     /**< sizeof(tg_gaussian_nll_loss_options) */
    int32_t reduction; /**< tg_reduction; default mean */
    double eps;        /**< least variance, > 0; default 1e-6 */
    bool full;         /**< add ½ln 2π; default false */
} tg_gaussian_nll_loss_options;
#define TG_GAUSSIAN_NLL_LOSS_OPTIONS_INIT                                                          \
    { sizeof(tg_gaussian_nll_loss_options), TG_REDUCE_MEAN, 1e-6, false }
/**
 * Numbers of a normal distribution: ½(ln v + (x - target)²/v) with v = max(var, eps).
 *
 * var has x's shape, that shape with a last size of 1, or without its last dim. A negative variance
 * is TG_ERR_NUMERIC. The gradient of var is that of v, also where eps was the larger.
 */
TG_API tg_tensor *tg_gaussian_nll_loss(tg_tensor *x, tg_tensor *target, tg_tensor *var,
                                       const tg_gaussian_nll_loss_options *options);

/* ---- Of yes or no ---------------------------------------------------------------------------- */

/** -(target·ln x + (1 - target)·ln(1 - x)), each times weight, which expands to x. The logarithms
 *  are not below -100; the gradient is g(x - target)/max(x(1 - x), 1e-12). x or target outside [0,
 * 1] or NaN: TG_ERR_NUMERIC. */
TG_API tg_tensor *tg_binary_cross_entropy(tg_tensor *x, tg_tensor *target, tg_tensor *weight,
                                          tg_reduction reduction);
/** The same of 1/(1 + e⁻ˣ), without overflow and cancellation. pos_weight, which expands to x,
 *  multiplies the part of target, weight all of it. */
TG_API tg_tensor *tg_binary_cross_entropy_with_logits(tg_tensor *x, tg_tensor *target,
                                                      tg_tensor *weight, tg_tensor *pos_weight,
                                                      tg_reduction reduction);
/** Focal loss (Lin et al. 2017) of logits: alpha_t·(1 - p_t)^gamma·(-ln p_t), p_t the probability
 * of the target, alpha_t = alpha·target + (1 - alpha)(1 - target), or 1 where alpha < 0. gamma >=
 * 0. */
TG_API tg_tensor *tg_sigmoid_focal_loss(tg_tensor *x, tg_tensor *target, double alpha, double gamma,
                                        tg_reduction reduction);
/** Dice loss (Milletari et al. 2016) of probabilities [N, ...]: 1 - (2Σ x·target + smooth)/(Σ x +
 *  Σ target + smooth) for each of the N samples. smooth >= 0. */
TG_API tg_tensor *tg_dice_loss(tg_tensor *x, tg_tensor *target, double smooth,
                               tg_reduction reduction);
/** ln(1 + e^(-target·x)), target -1 or 1; without overflow. */
TG_API tg_tensor *tg_soft_margin_loss(tg_tensor *x, tg_tensor *target, tg_reduction reduction);

/* ---- Of classes ------------------------------------------------------------------------------ */

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
 * divides by Σ w[t] over the elements that are not ignored (NaN if there are none, with gradient
 * 0), for probabilities by N·d1·…. The gradient reaches logits, and targets that are
 * probabilities. A class out of range: TG_ERR_INDEX.
 */
TG_API tg_tensor *tg_cross_entropy(tg_tensor *logits, tg_tensor *target,
                                   const tg_cross_entropy_options *options);
/** -weight[target]·x[target] of log-probabilities x [C], [N, C] or [N, C, d1, …] and class indices
 *  (i64 or i32) of that shape without C; 0 where target is ignore_index (PyTorch's is -100).
 * weight: [C]. The mean divides by the weights of what is not ignored. */
TG_API tg_tensor *tg_nll_loss(tg_tensor *x, tg_tensor *target, tg_tensor *weight,
                              int64_t ignore_index, tg_reduction reduction);

/** InfoNCE (van den Oord et al. 2018) of queries and keys [N, D]: the cross entropy of the cosines
 * of each query with all keys, over temperature (> 0), where key i belongs to query i. */
TG_API tg_tensor *tg_info_nce_loss(tg_tensor *query, tg_tensor *key, double temperature,
                                   tg_reduction reduction);

typedef struct {
    uint32_t size;     /**< sizeof(tg_multi_margin_loss_options) */
    int32_t reduction; /**< tg_reduction; default mean */
    int64_t p;         /**< 1 or 2; default 1 */
    double margin;     /**< default 1 */
    tg_tensor *weight; /**< [C], one weight per class, or NULL */
} tg_multi_margin_loss_options;
#define TG_MULTI_MARGIN_LOSS_OPTIONS_INIT                                                          \
    { sizeof(tg_multi_margin_loss_options), TG_REDUCE_MEAN, 1, 1.0, NULL }
/** Σ_{i≠t} weight[t]·max(0, margin - x[t] + x[i])ᵖ / C for x [N, C] or [C] and class indices
 *  t = target (i64 or i32) [N] or []; gradient 0 where a margin is met exactly. NaN scores give NaN
 *  (PyTorch leaves them out). */
TG_API tg_tensor *tg_multi_margin_loss(tg_tensor *x, tg_tensor *target,
                                       const tg_multi_margin_loss_options *options);
/** Σ_t Σ_i max(0, 1 - x[t] + x[i]) / C over the classes t that target names before its first -1,
 *  and the others i. x and target (i64 or i32) are both [N, C] or [C]; gradient 0 where a margin is
 *  met exactly. NaN scores give NaN (PyTorch leaves them out). */
TG_API tg_tensor *tg_multilabel_margin_loss(tg_tensor *x, tg_tensor *target,
                                            tg_reduction reduction);
/** The mean over the last dim of tg_binary_cross_entropy_with_logits; weight expands to x. */
TG_API tg_tensor *tg_multilabel_soft_margin_loss(tg_tensor *x, tg_tensor *target, tg_tensor *weight,
                                                 tg_reduction reduction);

/* ---- Of sequences ---------------------------------------------------------------------------- */

typedef struct {
    uint32_t size;      /**< sizeof(tg_ctc_loss_options) */
    int32_t reduction;  /**< tg_reduction; default mean */
    int64_t blank;      /**< the class that stands for no label; default 0 */
    bool zero_infinity; /**< 0 instead of infinite losses, with gradient 0; default false */
} tg_ctc_loss_options;
#define TG_CTC_LOSS_OPTIONS_INIT                                                                   \
    { sizeof(tg_ctc_loss_options), TG_REDUCE_MEAN, 0, false }
/**
 * Connectionist temporal classification (Graves et al. 2006): -ln of the summed probability of all
 * alignments of the frames with the labels.
 *
 * log_probs: [T, N, C], or [T, C] for a single sample. targets (i64 or i32): labels [N, S], or all
 * of them one after the other, or [S] for a single sample; none is the blank. input_lengths and
 * target_lengths (i64 or i32): one per sample, or TG_NONE: T, and S. The mean divides each loss by
 * its number of labels (at least 1), then by N. A sample that no alignment fits has loss +inf and
 * gradient NaN. The gradient is that of the formula, minus the posterior of each class; PyTorch's
 * is that plus e^log_probs, which is the same after log_softmax. Lengths and labels out of range:
 * TG_ERR_INDEX.
 */
TG_API tg_tensor *tg_ctc_loss(tg_tensor *log_probs, tg_tensor *targets, tg_tensor *input_lengths,
                              tg_tensor *target_lengths, const tg_ctc_loss_options *options);

/* ---- With a margin ---------------------------------------------------------------------------
 * The gradient is g where a margin is met exactly. */

/** x where target is 1, max(0, margin - x) where it is -1; their sum for any other target.
 *  target may have any dtype. */
TG_API tg_tensor *tg_hinge_embedding_loss(tg_tensor *x, tg_tensor *target, double margin,
                                          tg_reduction reduction);
/** max(0, margin - target(x1 - x2)), target -1 or 1. */
TG_API tg_tensor *tg_margin_ranking_loss(tg_tensor *x1, tg_tensor *x2, tg_tensor *target,
                                         double margin, tg_reduction reduction);
/** 1 - cos(x1, x2) where target is 1, max(0, cos(x1, x2) - margin) where it is -1, else 0. x1, x2
 *  [N, D] with target [N], or [D] with target []; target of any dtype. 1e-12 is added to the
 * squared lengths. */
TG_API tg_tensor *tg_cosine_embedding_loss(tg_tensor *x1, tg_tensor *x2, tg_tensor *target,
                                           double margin, tg_reduction reduction);

typedef struct {
    uint32_t size;     /**< sizeof(tg_triplet_margin_loss_options) */
    int32_t reduction; /**< tg_reduction; default mean */
    double margin;     /**< default 1 */
    double p;          /**< of the norm, >= 0 or infinite; default 2 */
    double eps;        /**< added to each difference, >= 0; default 1e-6 */
    bool swap;         /**< take d(positive, negative) where it is the smaller; default false */
} tg_triplet_margin_loss_options;
#define TG_TRIPLET_MARGIN_LOSS_OPTIONS_INIT                                                        \
    { sizeof(tg_triplet_margin_loss_options), TG_REDUCE_MEAN, 1.0, 2.0, 1e-6, false }
/** max(0, margin + d(anchor, positive) - d(anchor, negative)), d(a, b) the p-norm of a - b + eps
 * over the last dim. All three have one shape. */
TG_API tg_tensor *tg_triplet_margin_loss(tg_tensor *anchor, tg_tensor *positive,
                                         tg_tensor *negative,
                                         const tg_triplet_margin_loss_options *options);

#ifdef __cplusplus
}
#endif
#endif
