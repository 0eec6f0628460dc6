/* functional.h - derivatives of functions: products with the Jacobian and the Hessian, or all of
 * them. */
#ifndef TENSORGRAD_FUNCTIONAL_H
#define TENSORGRAD_FUNCTIONAL_H

#include <tensorgrad/autograd.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * A function of the user's: sets outputs[0..n_outputs) from inputs[0..n_inputs).
 *
 * It runs in a fresh scope, its inputs are borrowed, and what it puts into outputs passes out as by
 * tg_scope_return; with TG_CALLBACK_OWNS in the flags of the options it runs behind a barrier
 * instead and hands its references over. Returns TG_OK, or a status; an error that it leaves
 * pending is a failure whatever it returns, so results of operations need no check one by one:
 *
 *     static tg_status f(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
 *         out[0] = tg_sum(tg_square(in[0]), TG_ALL, false);
 *         return TG_OK;
 *     }
 *
 * It must not write into its inputs. When it fails, the random numbers that it took from the
 * thread's default generator are put back.
 */
typedef tg_status (*tg_fn)(void *ctx, tg_tensor *const *inputs, int n_inputs, tg_tensor **outputs,
                           int n_outputs);

typedef struct {
    uint32_t size;     /**< sizeof(tg_functional_options) */
    uint32_t flags;    /**< 0 or TG_CALLBACK_OWNS */
    bool create_graph; /**< record, so that the results have gradients with respect to those inputs
                            that require them */
} tg_functional_options;
#define TG_FUNCTIONAL_OPTIONS_INIT                                                                 \
    { sizeof(tg_functional_options), 0, false }

/* All functions below call fn once, with recording on, on tensors that stand for the inputs:
 * those themselves and their .grad stay as they are. Inputs and outputs are floats of any shape.
 * Where an output does not depend on an input the result is zeros. Tensors that fn reaches by
 * itself, through ctx, count as constants. options may be NULL. Each result is one new
 * reference, in another array than the inputs; on failure all are NULL. Errors: TG_ERR_ARG for
 * NULL and counts below 1, TG_ERR_DTYPE for inputs and outputs that are no floats, TG_ERR_SHAPE,
 * and those of fn and of its derivatives. */

/**
 * Vector-Jacobian products: gradients[i] = Σₖ cotangents[k] · ∂outputs[k]/∂inputs[i], of the shape
 * of inputs[i]. Reverse mode: the cost of one backward.
 *
 * cotangents: n_outputs tensors, each of shape and dtype of its output; TG_NONE, or NULL for all,
 * means 1 and is for outputs of one element. outputs: room for what fn gave, or NULL.
 */
TG_API tg_status tg_vjp(tg_fn fn, void *ctx, tg_tensor *const *inputs, int n_inputs,
                        tg_tensor *const *cotangents, int n_outputs,
                        const tg_functional_options *options, tg_tensor **outputs,
                        tg_tensor **gradients);
/**
 * Jacobian-vector products: derivatives[k] = Σᵢ ∂outputs[k]/∂inputs[i] · tangents[i], of the shape
 * of output k: the derivative of fn in the direction of the tangents.
 *
 * tangents: n_inputs tensors, each of shape and dtype of its input; TG_NONE, or NULL for all, means
 * 1 and is for inputs of one element. By two reverse passes (u ↦ uᵀJ is linear, and its transpose
 * is J), so every operation that has a second derivative can be in fn. outputs as for tg_vjp.
 */
TG_API tg_status tg_jvp(tg_fn fn, void *ctx, tg_tensor *const *inputs, int n_inputs,
                        tg_tensor *const *tangents, int n_outputs,
                        const tg_functional_options *options, tg_tensor **outputs,
                        tg_tensor **derivatives);
/**
 * The Jacobian: jacobians[k · n_inputs + i] is ∂outputs[k]/∂inputs[i] of shape [outputs[k]…,
 * inputs[i]…], which must have at most TG_MAX_DIMS dims.
 *
 * By rows, one backward per element of the outputs, or by columns, one per element of the inputs,
 * whichever are fewer; columns cost about two more passes.
 */
TG_API tg_status tg_jacobian(tg_fn fn, void *ctx, tg_tensor *const *inputs, int n_inputs,
                             int n_outputs, const tg_functional_options *options,
                             tg_tensor **jacobians);
/**
 * The Hessian of a function with one output of one element: hessians[i · n_inputs + j] is
 * ∂²output/∂inputs[i]∂inputs[j] of shape [inputs[i]…, inputs[j]…].
 */
TG_API tg_status tg_hessian(tg_fn fn, void *ctx, tg_tensor *const *inputs, int n_inputs,
                            const tg_functional_options *options, tg_tensor **hessians);
/**
 * Hessian-vector products: products[i] = Σⱼ ∂²output/∂inputs[i]∂inputs[j] · vectors[j], of the
 * shape of inputs[i], for one output of one element. vectors: as the tangents of tg_jvp. value:
 * room for the output, or NULL.
 */
TG_API tg_status tg_hvp(tg_fn fn, void *ctx, tg_tensor *const *inputs, int n_inputs,
                        tg_tensor *const *vectors, const tg_functional_options *options,
                        tg_tensor **value, tg_tensor **products);
/**
 * Vector-Hessian products: products[j] = Σᵢ vectors[i] · ∂²output/∂inputs[i]∂inputs[j]. The same
 * numbers as tg_hvp where the second derivative is continuous, in one pass less.
 */
TG_API tg_status tg_vhp(tg_fn fn, void *ctx, tg_tensor *const *inputs, int n_inputs,
                        tg_tensor *const *vectors, const tg_functional_options *options,
                        tg_tensor **value, tg_tensor **products);

#ifdef __cplusplus
}
#endif
#endif
