/* hooks.h - watching and changing gradients: hooks, kept gradients, names, anomaly mode. */
#ifndef TENSORGRAD_HOOKS_H
#define TENSORGRAD_HOOKS_H

#include <tensorgrad/autograd.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A hook is a function of yours that backward calls when the gradient of a tensor is complete.
 *
 *     static tg_tensor *halve(void *ctx, tg_tensor *grad) { return tg_mul_scalar(grad, 0.5); }
 *     uint64_t handle = tg_hook_add(h, &(tg_hook)TG_HOOK_INIT(halve, NULL));
 *
 * The hooks of a tensor run in the order in which they were added, each on what the one before
 * left, also in tg_gradients. A result's run before its gradient is passed on; a leaf's as soon as
 * no operation that is still to come can add to it. Whatever a hook does (add and remove hooks,
 * also itself; release the tensor; run another backward) is safe; only its gradient it must not
 * write into, because others may hold the same memory. A hook that is added while a backward runs
 * is called in that backward only if the tensor's turn is still to come, on a leaf that had no
 * hooks before not even then.
 *
 * A context that holds its own tensor, or something made from it, keeps both alive until the hook
 * is removed: hold nothing there, or remove it. */

/** What to call. At least one of gradient and accumulated must be set. */
typedef struct {
    uint32_t size;  /**< sizeof(tg_hook) */
    uint32_t flags; /**< 0, or TG_CALLBACK_OWNS (scope.h) */
    /**
     * Gets the gradient (borrowed) and returns what is to take its place, of the same shape and
     * dtype, or TG_NONE to leave it. NULL, or an error that is not cleared, stops backward: no
     * gradient changes. Runs in a fresh scope; recording is on only under create_graph, where the
     * gradient has a history.
     */
    tg_tensor *(*gradient)(void *ctx, tg_tensor *grad);
    /**
     * For leaves: gets the leaf (borrowed) after tg_backward has added into its gradient, and all
     * others. A status other than TG_OK, or an error that is not cleared, makes tg_backward fail,
     * but the gradients stay. Runs in a fresh scope, without recording; not called by tg_gradients.
     */
    tg_status (*accumulated)(void *ctx, tg_tensor *leaf);
    void *ctx;
    /** Optional. Called once, when the hook was removed or its tensor went, and no call of it
     *  runs. */
    void (*destroy)(void *ctx);
} tg_hook;
#define TG_HOOK_INIT(gradient, ctx)                                                                \
    { sizeof(tg_hook), 0, (gradient), NULL, (ctx), NULL }

/** Adds a hook (copied) to a tensor that requires gradients, and returns its handle; 0 on failure,
 *  and then destroy is not called. Of the result of an operation it belongs to that operation: it
 *  lives as long as the graph does, whether or not x is released, and stays with it when x is
 *  written in place. TG_ERR_STATE if x does not require gradients, or has a history and the hook
 *  has `accumulated`; TG_ERR_ARG if it has no method. */
TG_API uint64_t tg_hook_add(tg_tensor *x, const tg_hook *hook);
/** Removes a hook, from any thread, at any time. A call of it that runs is finished. Of a hook that
 *  is gone already: nothing, TG_OK. TG_ERR_ARG for a number that was never a handle. */
TG_API tg_status tg_hook_remove(uint64_t handle);

/** Makes tg_backward keep the gradient of a result as it does that of a leaf (tg_grad, tg_set_grad,
 *  tg_zero_grad). It is what all hooks leave, and follows x when x is written in place. Nothing on
 *  a leaf that requires gradients; TG_ERR_STATE on a tensor that does not. */
TG_API tg_status tg_retain_grad(tg_tensor *x);
/** Whether x is a result whose gradient is kept. */
TG_API bool tg_retains_grad(const tg_tensor *x);

/** Gives x a name (copied; NULL or "": none) that stands in messages and leak reports wherever x,
 *  or the operation that made it, does. Counts as writing x: not while other threads use it. */
TG_API tg_status tg_name(tg_tensor *x, const char *name);
/** The name; "" without one. Valid until the next tg_name of x or its end. */
TG_API const char *tg_name_of(const tg_tensor *x);

/**
 * Turns anomaly mode on or off for the calling thread; returns the previous mode, which closing a
 * scope also restores.
 *
 * A backward under anomaly mode fails with TG_ERR_NUMERIC at the first NaN or infinity in a
 * gradient, with all gradients as they were, and names the operation, the input, where in the
 * gradient it is, and, if the mode was on when the operation was recorded, its operands and the
 * place in your program (file and line with TENSORGRAD_SITES, see scope.h). For debugging: it reads
 * every gradient once more and notes a call stack per recorded operation.
 */
TG_API bool tg_set_anomaly_enabled(bool on);
TG_API bool tg_anomaly_enabled(void);

#ifdef __cplusplus
}
#endif
#endif
