/* checkpoint.h - gradients in less memory: compute again instead of keeping. */
#ifndef TENSORGRAD_CHECKPOINT_H
#define TENSORGRAD_CHECKPOINT_H

#include <tensorgrad/functional.h>
#include <tensorgrad/random.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    uint32_t size;     /**< sizeof(tg_checkpoint_options) */
    uint32_t flags;    /**< 0 or TG_CALLBACK_OWNS */
    bool preserve_rng; /**< fn draws the same random numbers again: from the default generator of
                            the thread, and from these, which must live as long as ctx. Default true
                        */
    int32_t n_generators;
    tg_generator *const *generators;
    /** Called once with ctx when no graph needs it any more: at once if nothing is recorded. Not
     *  called if tg_checkpoint fails. NULL: ctx must live until the graph is gone. */
    void (*destroy)(void *ctx);
} tg_checkpoint_options;
#define TG_CHECKPOINT_OPTIONS_INIT                                                                 \
    { sizeof(tg_checkpoint_options), 0, true, 0, NULL, NULL }

/** Most outputs of a function that is checkpointed. */
#define TG_CHECKPOINT_MAX_OUTPUTS 32

/**
 * outputs = fn(inputs), recorded as one operation that keeps the inputs only: a backward runs fn
 * again, with recording on, and walks what that recorded.
 *
 * A chain of n layers in segments of √n layers needs memory for 2√n of them in place of n, and one
 * forward more. Checkpoints may be nested, differentiated any number of times (create_graph), and
 * their graphs retained. Inputs may be of any dtype; integers have no gradients.
 *
 * fn must compute the same both times, must not write into its inputs, and may run on the thread
 * that runs backward. Every tensor that shall get a gradient through it must be one of the inputs:
 * if fn reaches another one that requires gradients (through ctx), backward fails with
 * TG_ERR_STATE. If nothing would be recorded (recording is off, or no input requires gradients) fn
 * is simply called. outputs, an array apart from inputs, gets n_outputs (at most
 * TG_CHECKPOINT_MAX_OUTPUTS) new references; on failure all are NULL, and all generators are where
 * they were. options may be NULL.
 *
 * Errors: TG_ERR_ARG, and those of fn. In backward: TG_ERR_STATE for an input that was written to
 * since, TG_ERR_SHAPE and TG_ERR_DTYPE if fn gave another output than the first time.
 */
TG_API tg_status tg_checkpoint(tg_fn fn, void *ctx, tg_tensor *const *inputs, int n_inputs,
                               tg_tensor **outputs, int n_outputs,
                               const tg_checkpoint_options *options);

#ifdef __cplusplus
}
#endif
#endif
