/* gradcheck.h - gradients held against differences. */
#ifndef TENSORGRAD_GRADCHECK_H
#define TENSORGRAD_GRADCHECK_H

#include <tensorgrad/functional.h>
#include <tensorgrad/op.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    uint32_t size;     /**< sizeof(tg_gradcheck_options) */
    uint32_t flags;    /**< 0 or TG_CALLBACK_OWNS */
    double eps;        /**< step of the central differences, > 0. Default 1e-6 */
    double atol, rtol; /**< |analytic - numeric| <= atol + rtol · |numeric|. Defaults 1e-5, 1e-3 */
    double nondet_tol; /**< by how much two runs on equal inputs may differ. Default 0 */
    bool fast;         /**< one random direction per input and output, not every element */
    uint64_t seed;     /**< of those directions */
} tg_gradcheck_options;
#define TG_GRADCHECK_OPTIONS_INIT                                                                  \
    { sizeof(tg_gradcheck_options), 0, 1e-6, 1e-5, 1e-3, 0, false, 0 }

/** The derivative that is furthest outside its tolerance (or nearest to its end). */
typedef struct {
    uint32_t size; /**< sizeof(tg_gradcheck_result), set by the caller */
    bool passed;
    int32_t input, output;  /**< the worst: which input, which output; -1: nothing was compared */
    int64_t input_element;  /**< row-major number in the input; -1 in fast mode */
    int64_t output_element; /**< and in the output */
    double analytic, numeric;
    double excess;    /**< |analytic - numeric| / tolerance: above 1 is a failure */
    int64_t compared; /**< how many derivatives */
    char text[384];   /**< the report: one line */
} tg_gradcheck_result;
#define TG_GRADCHECK_RESULT_INIT                                                                   \
    { sizeof(tg_gradcheck_result), false, -1, -1, -1, -1, 0, 0, 0, 0, "" }

/**
 * Compares the derivatives of fn with central differences.
 *
 * Checked are the inputs that require gradients, or if none does all that are f64; those must be
 * f64. Others are handed on as they are. fn must be smooth at the inputs. Its outputs may be of any
 * dtype; those that are no floats are not looked at. Before each run the thread's default generator
 * is set to where it was at the call, so fn may draw from it. Also checked: that a second run gives
 * the same values, and a second backward the same gradients (nondet_tol), and that gradients have
 * the shape of their input.
 *
 * In fast mode v·(J u) is compared for random u and v, one pair per input and output: two runs per
 * input and one backward per output.
 *
 * Returns TG_OK if everything agrees, TG_ERR_NUMERIC if not, with the report as its message; other
 * errors are those of fn, its derivatives, and TG_ERR_ARG, TG_ERR_DTYPE. *result (or NULL) is
 * filled in the first two cases. Inputs, their .grad and generators stay as they are.
 */
TG_API tg_status tg_gradcheck(tg_fn fn, void *ctx, tg_tensor *const *inputs, int n_inputs,
                              int n_outputs, const tg_gradcheck_options *options,
                              tg_gradcheck_result *result);
/** The same for the second derivatives: checks the function from inputs and random output gradients
 *  to the gradients that fn gives. In the result, `output` counts the checked inputs of fn (whose
 *  gradient it is), and `input` the inputs of fn followed by one output gradient per float output.
 */
TG_API tg_status tg_gradgradcheck(tg_fn fn, void *ctx, tg_tensor *const *inputs, int n_inputs,
                                  int n_outputs, const tg_gradcheck_options *options,
                                  tg_gradcheck_result *result);
/** tg_gradcheck of an operation by its name, called as tg_op_call does. second: tg_gradgradcheck.
 */
TG_API tg_status tg_gradcheck_op(const char *name, tg_tensor *const *inputs, int n_inputs,
                                 const tg_attr *attrs, int n_attrs, bool second,
                                 const tg_gradcheck_options *options, tg_gradcheck_result *result);

#ifdef __cplusplus
}
#endif
#endif
