/* optim.h - optimizers. */
#ifndef TENSORGRAD_OPTIM_H
#define TENSORGRAD_OPTIM_H

#include <tensorgrad/autograd.h>
#include <tensorgrad/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An optimizer: holds its parameters and their state. For use by one thread at a time. */
typedef struct tg_optimizer tg_optimizer;

/**
 * The methods of an optimizer. `self` is the memory of state_size bytes that tg_optimizer_new made
 * (zeroed) for the instance.
 */
typedef struct {
    uint32_t size;     /**< sizeof(tg_optimizer_class) */
    uint32_t flags;    /**< 0, or TG_CALLBACK_OWNS for methods written in a garbage-collected
                            language */
    const char *name;  /**< required: for messages */
    size_t state_size; /**< bytes of `self` */
    /** Required. Updates n parameters whose gradients are grads[i] (TG_NONE: skip). Must allocate
     * all state before it writes any parameter. Runs in a fresh scope, with recording off; on
     * failure it raises an error or returns a status, and has changed nothing. */
    tg_status (*step)(void *self, tg_tensor *const *params, tg_tensor *const *grads, int n);
    /** Optional. Frees what `self` holds (not self). */
    void (*destroy)(void *self);
    /** Optional. The learning rate, for schedulers. */
    double (*get_lr)(const void *self);
    tg_status (*set_lr)(void *self, double lr);
} tg_optimizer_class;

/** Makes an optimizer of a class of your own. The parameters are held; each must be a leaf that
 *  requires gradients, and none may be given twice. *self gets the instance's memory, to be filled
 *  in before the first step. TG_ERR_ARG names a missing method. */
TG_API tg_optimizer *tg_optimizer_new(const tg_optimizer_class *methods, tg_tensor *const *params,
                                      int n, void **self);
/** NULL is fine. */
TG_API void tg_optimizer_free(tg_optimizer *optimizer);
/** One update from the present gradients. Parameters without a gradient are skipped. On failure no
 *  parameter has changed. */
TG_API tg_status tg_optimizer_step(tg_optimizer *optimizer);
/** Drops the gradients of all parameters. */
TG_API tg_status tg_optimizer_zero_grad(tg_optimizer *optimizer);
/** TG_ERR_UNSUPPORTED and NaN if the class has no learning rate. */
TG_API double tg_optimizer_lr(const tg_optimizer *optimizer);
TG_API tg_status tg_optimizer_set_lr(tg_optimizer *optimizer, double lr);

/** Stochastic gradient descent with momentum (options: ops_step.h; NULL: defaults). TG_ERR_ARG for
 * values out of range. */
TG_API tg_optimizer *tg_sgd_new(tg_tensor *const *params, int n, const tg_sgd_options *options);
/** Adam (options: ops_step.h; NULL: defaults). */
TG_API tg_optimizer *tg_adam_new(tg_tensor *const *params, int n, const tg_adam_options *options);

#ifdef __cplusplus
}
#endif
#endif
