/* ops_step.h - optimizer steps on lists of tensors. The rules for all operations stand in ops.h. */
#ifndef TENSORGRAD_OPS_STEP_H
#define TENSORGRAD_OPS_STEP_H

#include <tensorgrad/scope.h>

#ifdef __cplusplus
extern "C" {
#endif

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
