/* custom.h - operations of your own: forward and backward as callbacks. */
#ifndef TENSORGRAD_CUSTOM_H
#define TENSORGRAD_CUSTOM_H

#include <tensorgrad/autograd.h>
#include <tensorgrad/op.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A function object says what an operation computes and how its gradient follows. It is made once
 * from a class (a table of callbacks) and a context pointer, and called as often as wanted, from
 * any thread. Every recorded call keeps the function alive until its graph is gone.
 *
 *     static tg_status cube(void *ctx, tg_call *call, tg_tensor *const *in, int n_in,
 *                           tg_tensor **out, int n_out) {
 *         out[0] = tg_mul(in[0], tg_square(in[0]));
 *         return tg_call_save(call, in, 1);
 *     }
 *     static tg_status cube_back(void *ctx, tg_call *call, tg_tensor *const *g, int n_out,
 *                                tg_tensor **gin, int n_in) {
 *         gin[0] = tg_mul(g[0], tg_mul_scalar(tg_square(tg_call_saved(call, 0)), 3));
 *         return TG_OK;
 *     }
 *     tg_function *f = tg_function_new(&(tg_function_class){.size = sizeof(tg_function_class),
 *         .name = "cube", .forward = cube, .backward = cube_back}, NULL);
 *     tg_function_call(f, &x, 1, &y, 1);
 *
 * Callbacks run in a fresh scope: what they make goes at their end, except what they hand back.
 * Arguments are borrowed. A callback fails by returning a status, or by leaving an error or a NULL
 * behind. */

/** An operation of your own. */
typedef struct tg_function tg_function;
/** One call of a function: what forward leaves for backward. Valid inside the callbacks only. */
typedef struct tg_call tg_call;

/** Flags of tg_function_class, beside TG_CALLBACK_OWNS (scope.h). */
/** The outputs are constants for gradients; there is no backward. */
#define TG_FUNCTION_NOT_DIFFERENTIABLE 2u
/** backward computes with something else than recorded operations, so it has no derivative: a walk
 *  with create_graph is refused with TG_ERR_UNSUPPORTED, where it would be silently wrong. */
#define TG_FUNCTION_ONCE 4u

/** Most outputs of one call. */
#define TG_FUNCTION_MAX_OUTPUTS 64

/** What a function does. `ctx` is what tg_function_new was given. The texts are copied. */
typedef struct {
    uint32_t size;    /**< sizeof(tg_function_class) */
    uint32_t flags;   /**< TG_CALLBACK_OWNS | TG_FUNCTION_NOT_DIFFERENTIABLE | TG_FUNCTION_ONCE */
    const char *name; /**< required, up to 60 bytes: for messages, tg_grad_op and graphs */
    /**
     * Required. Computes the outputs, with recording off.
     *
     * inputs may be TG_NONE where the caller said so. outputs[k] is to be set, to TG_NONE if there
     * is none. An output may be an input: the caller gets a fresh header on the same memory.
     */
    tg_status (*forward)(void *ctx, tg_call *call, tg_tensor *const *inputs, int n_inputs,
                         tg_tensor **outputs, int n_outputs);
    /**
     * Required unless TG_FUNCTION_NOT_DIFFERENTIABLE. The gradients of the inputs.
     *
     * grads[k] is the gradient of output k, TG_NONE where none arrived; n_outputs counts to the
     * last output that was a tensor. Where tg_call_needs_grad, gin[i] must be set, to a tensor with
     * the shape and dtype of input i or to TG_NONE for no gradient; what is set elsewhere is
     * ignored. Recording is on in a walk with create_graph: written in recorded operations on
     * tg_call_saved and grads, backward gives every order of derivative.
     */
    tg_status (*backward)(void *ctx, tg_call *call, tg_tensor *const *grads, int n_outputs,
                          tg_tensor **gin, int n_inputs);
    /** Optional. The dtype and shape (room for TG_MAX_DIMS sizes) of output `output` for these
     *  inputs. tg_function_infer asks it; what forward gives is compared with it. */
    tg_status (*infer)(void *ctx, tg_tensor *const *inputs, int n_inputs, int output,
                       tg_dtype *dtype, int *ndim, int64_t *shape);
    const char *onnx; /**< optional: the ONNX operator that it is, as "Operator" */
    /** Optional. Frees ctx, when the function and the last graph that it is part of are gone; on
     *  whatever thread that happens. */
    void (*destroy)(void *ctx);
} tg_function_class;

/**
 * Makes a function. TG_ERR_ARG names a missing method, TG_ERR_UNSUPPORTED an unknown flag; destroy
 * is not called then, ctx stays yours.
 *
 * ctx must not own a tensor that was computed by this function: that would be a cycle that is never
 * freed.
 */
TG_API tg_function *tg_function_new(const tg_function_class *methods, void *ctx);
/** Gives the function back; graphs that it is part of keep what they need. NULL is fine. */
TG_API void tg_function_free(tg_function *function);
/** Its name; "" for NULL. */
TG_API const char *tg_function_name(const tg_function *function);
/** The ONNX operator that it is, or "none". */
TG_API const char *tg_function_onnx(const tg_function *function);

/**
 * Calls forward and records the call if an input requires gradients.
 *
 * outputs gets n_outputs new references, TG_NONE where forward set that. On failure all are NULL
 * and nothing has changed: inputs that were marked dirty have their elements back. TG_ERR_ARG: an
 * output left NULL. TG_ERR_SHAPE, TG_ERR_DTYPE: not what infer said. TG_ERR_STATE: a dirty input is
 * not among the outputs, or an input that requires gradients was written without
 * tg_call_mark_dirty.
 *
 * Later, in backward, with the name of the function: TG_ERR_STATE if a saved tensor was changed,
 * TG_ERR_SHAPE or TG_ERR_DTYPE for a gradient that does not fit its input, TG_ERR_SHAPE for NULL.
 */
TG_API tg_status tg_function_call(tg_function *function, tg_tensor *const *inputs, int n_inputs,
                                  tg_tensor **outputs, int n_outputs);
/** What output `output` would be. TG_ERR_UNSUPPORTED if the class has no infer. */
TG_API tg_status tg_function_infer(tg_function *function, tg_tensor *const *inputs, int n_inputs,
                                   int output, tg_dtype *dtype, int *ndim, int64_t *shape);

/* ---- Operations by name ---------------------------------------------------------------------- */

/** An attribute of an operation of one's own: a member of its struct of attributes. */
typedef struct {
    const char *name;
    int32_t type;    /**< TG_ATTR_INT: int64_t, TG_ATTR_FLOAT: double, TG_ATTR_BOOL: bool,
                          TG_ATTR_DTYPE: int32_t */
    uint32_t offset; /**< of the member */
    bool required;   /**< a call must give it */
    int64_t i;       /**< default, unless of type FLOAT */
    double f;        /**< default of type FLOAT */
} tg_op_field;

/** Most attributes of an operation, bytes of their struct, and operations of one's own. */
#define TG_OP_MAX_FIELDS 16
#define TG_OP_MAX_ATTR_BYTES 512
#define TG_OP_MAX_REGISTERED 256

/** An operation to register. All texts are copied. */
typedef struct {
    uint32_t size;      /**< sizeof(tg_op_class) */
    int32_t n_outputs;  /**< 1 to TG_FUNCTION_MAX_OUTPUTS */
    const char *maths;  /**< optional: one line, up to 60 bytes */
    int32_t n_inputs;   /**< up to 16; -1: any number */
    int32_t n_optional; /**< how many of the last may be TG_NONE, or left off a call */
    const tg_op_field *fields;
    int32_t n_fields;
    uint32_t attr_size;                /**< sizeof the struct of attributes */
    const tg_function_class *function; /**< required: its name, forward and backward */
    void *ctx;                         /**< what the callbacks get */
} tg_op_class;

/**
 * Adds an operation to the table of op.h, for the life of the process: tg_op_find, tg_op_describe,
 * tg_op_attr and tg_op_call know it from then on. Any thread.
 *
 * The callbacks find the values of the attributes by tg_call_attrs. Returns the number, or -1:
 * TG_ERR_ARG for a name that is taken or holds other characters than letters, digits, _ . and :,
 * for fields that do not lie in the struct or share a name, and as tg_function_new; TG_ERR_STATE
 * when there are TG_OP_MAX_REGISTERED. On failure ctx stays the caller's; destroy is never called.
 */
TG_API int tg_op_register(const tg_op_class *op);
/** The struct of attributes of the running call, all members filled; NULL if it has none. */
TG_API const void *tg_call_attrs(const tg_call *call);

/* ---- In forward ------------------------------------------------------------------------------ */

/**
 * Saves n tensors for backward, after those saved before: inputs, outputs, anything else, TG_NONE.
 *
 * Changing one of them in place before backward is an error there (TG_ERR_STATE). They are released
 * by the walk unless it retains the graph. Inputs and outputs come back with their history, others
 * as constants.
 */
TG_API tg_status tg_call_save(tg_call *call, tg_tensor *const *tensors, int n);
/** Output `output` is a constant for gradients. */
TG_API tg_status tg_call_mark_non_differentiable(tg_call *call, int output);
/**
 * Announces that forward writes into an input; it must also be among the outputs.
 *
 * To be called before writing: the elements are kept aside until the call has succeeded. Refused as
 * for operations that end in _: TG_ERR_STATE on a leaf that requires gradients, on a view that
 * takes part in gradients, on memory that overlaps itself. The input itself takes the new history.
 */
TG_API tg_status tg_call_mark_dirty(tg_call *call, int input);
/** Anything else that backward needs. `deleter` (may be NULL) frees it with the call's graph, or at
 *  once if the call is not recorded; also what was set before. */
TG_API tg_status tg_call_set_data(tg_call *call, void *data, void (*deleter)(void *data));

/* ---- In forward and backward ----------------------------------------------------------------- */

/** What tg_call_set_data set, or NULL. */
TG_API void *tg_call_data(const tg_call *call);
/** Whether the gradient of input `input` is wanted: in forward, whether it may be. */
TG_API bool tg_call_needs_grad(const tg_call *call, int input);

/* ---- In backward ----------------------------------------------------------------------------- */

/** How many tensors were saved. */
TG_API int tg_call_saved_count(const tg_call *call);
/** Saved tensor number i: one new reference. TG_ERR_INDEX if there is none. */
TG_API tg_tensor *tg_call_saved(tg_call *call, int i);

#ifdef __cplusplus
}
#endif
#endif
