/* autograd.h - gradients: what is recorded, backward, grad mode. */
#ifndef TENSORGRAD_AUTOGRAD_H
#define TENSORGRAD_AUTOGRAD_H

#include <tensorgrad/scope.h>

#ifdef __cplusplus
extern "C" {
#endif

/* While grad mode is on, an operation on a tensor that requires gradients is recorded. tg_backward
 * walks the record in reverse and adds the gradient of the root into .grad of every leaf (a tensor
 * that requires gradients and was not made by a recorded operation). Everything is iterative: the
 * depth of a graph is bounded by memory only. */

/** Marks a leaf as requiring gradients, or not. Returns x. TG_ERR_DTYPE for types that are not
 *  float; TG_ERR_STATE on a recorded result (use tg_detach) and on an attached gradient. */
TG_API tg_tensor *tg_requires_grad_(tg_tensor *x, bool on);
/** True for leaves marked so and for what was recorded from them. */
TG_API bool tg_requires_grad(const tg_tensor *x);
/** True unless x is the result of a recorded operation. */
TG_API bool tg_is_leaf(const tg_tensor *x);
/** The name of the operation that x is the recorded result of; "" for a leaf. */
TG_API const char *tg_grad_op(const tg_tensor *x);

/** Turns recording on or off for the calling thread; returns the previous mode, which closing a
 *  scope also restores. */
TG_API bool tg_set_grad_enabled(bool on);
TG_API bool tg_grad_enabled(void);

/** The same elements in the same memory, without history. Writing through it is seen by graphs. */
TG_API tg_tensor *tg_detach(tg_tensor *x);

/** tg_backward_ex for one root of one element, with the defaults. */
TG_API tg_status tg_backward(tg_tensor *root);

typedef struct {
    uint32_t size;     /**< sizeof(tg_backward_options) */
    bool retain_graph; /**< keep saved values so that the graph can be walked again */
    /** One gradient per root, same shape and dtype; an entry TG_NONE, or NULL here, means 1, which
     *  only a root of one element may use. */
    tg_tensor *const *grad_outputs;
} tg_backward_options;
#define TG_BACKWARD_OPTIONS_INIT                                                                   \
    { sizeof(tg_backward_options), false, NULL }

/**
 * Adds d(sum of roots · grad_outputs)/d(leaf) into .grad of every leaf reached.
 *
 * Gradients are committed together at the end: on failure no .grad has changed. Without
 * retain_graph the walk consumes the graph's saved values, also when it fails.
 * TG_ERR_STATE: a root without history, a graph already consumed, a saved value that was changed
 * since (the text names the op, both versions and who changed it). TG_ERR_SHAPE/TG_ERR_DTYPE: a
 * gradient that does not fit its root, or none given for a root with more than one element.
 * TG_ERR_BUSY: another backward is walking the same graph. Under anomaly mode TG_ERR_NUMERIC; and
 * whatever a hook raises (hooks.h).
 */
TG_API tg_status tg_backward_ex(tg_tensor *const *roots, int n_roots,
                                const tg_backward_options *options);

typedef struct {
    uint32_t size;     /**< sizeof(tg_gradients_options) */
    bool retain_graph; /**< keep saved values so that the graph can be walked again */
    bool create_graph; /**< record the walk, so that the gradients have gradients; implies retain */
    bool allow_unused; /**< out[i] = NULL for an input that no output depends on, not an error */
    tg_tensor *const *grad_outputs; /**< as in tg_backward_options, one per output */
} tg_gradients_options;
#define TG_GRADIENTS_OPTIONS_INIT                                                                  \
    { sizeof(tg_gradients_options), false, false, false, NULL }

/**
 * The gradients of the outputs (summed, weighted by grad_outputs) with respect to the inputs, which
 * may be leaves or intermediate results. .grad is not touched. out[i] gets one new reference each;
 * on failure all are NULL. Only the part of the graph between outputs and inputs is walked.
 * Errors as for tg_backward_ex; TG_ERR_STATE for an input that does not require gradients or that
 * nothing depends on (see allow_unused). options may be NULL.
 */
TG_API tg_status tg_gradients(tg_tensor *const *outputs, int n_outputs, tg_tensor *const *inputs,
                              int n_inputs, const tg_gradients_options *options, tg_tensor **out);

/** The live gradient of a leaf, or of a result that keeps its own (tg_retain_grad): later backwards
 *  add into it. NULL without an error if there is none. */
TG_API tg_tensor *tg_grad(const tg_tensor *leaf);
/** Attaches a gradient (same shape and dtype as the leaf), sharing the memory of `grad` but none of
 *  its history; TG_NONE drops the present one. */
TG_API tg_status tg_set_grad(tg_tensor *leaf, tg_tensor *grad);
/** Drops the gradients of n leaves. NULL and TG_NONE entries are skipped. */
TG_API tg_status tg_zero_grad(tg_tensor *const *leaves, int n);

#ifdef __cplusplus
}
#endif
#endif
