/* op.h - the operations as data: list them, describe them, call them by name. */
#ifndef TENSORGRAD_OP_H
#define TENSORGRAD_OP_H

#include <tensorgrad/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The type of an attribute, and which member of tg_attr carries it. */
typedef enum {
    TG_ATTR_INT = 0,   /**< i */
    TG_ATTR_FLOAT = 1, /**< f */
    TG_ATTR_BOOL = 2,  /**< i, 0 or 1 */
    TG_ATTR_DTYPE = 3, /**< i, a tg_dtype */
    TG_ATTR_DIMS = 4,  /**< n, ints: dims, n = 0: all */
    TG_ATTR_SHAPE = 5, /**< n, ints: sizes */
    TG_ATTR_INDEX = 6, /**< n, items: an index list */
    TG_ATTR_INTS = 7,  /**< n, ints: any integers (strides, pads) */
    TG_ATTR_TEXT = 8   /**< text */
} tg_attr_type;

/** One named attribute of a call. */
typedef struct {
    const char *name;
    int32_t type; /**< tg_attr_type */
    int32_t n;
    int64_t i;
    double f;
    const int64_t *ints;
    const tg_index_item *items;
    const char *text;
} tg_attr;

/** What an operation takes and gives. */
typedef struct {
    const char *name;
    const char *maths;  /**< one line */
    int32_t n_inputs;   /**< -1: any number */
    int32_t n_optional; /**< how many of the last inputs may be TG_NONE */
    int32_t n_outputs;
    int32_t n_attrs;
    bool differentiable;
    bool in_place;      /**< has a form that ends in _ */
    bool internal;      /**< made by gradient rules; no public function */
    const char *onnx;   /**< ONNX operator, "composed" or "none" */
    int32_t onnx_opset; /**< first opset of the form used; 0 if there is no operator */
} tg_op_info;

/** How many operations there are; they are numbered from 0. */
TG_API int tg_op_count(void);
/** The number of an operation, or -1. */
TG_API int tg_op_find(const char *name);
/** Describes operation `op`. TG_ERR_INDEX if there is none. */
TG_API tg_status tg_op_describe(int op, tg_op_info *info);
/** Name, type and default of attribute `attr` of operation `op`; *required tells whether a call
 * must give it. */
TG_API tg_status tg_op_attr(int op, int attr, tg_attr *out, bool *required);

/**
 * Calls an operation by name, as its own function would.
 *
 * inputs: tensors in order, TG_NONE for absent optional ones (which may also be left off the end).
 * attrs: in any order; those left out take their defaults. out gets n_out new references.
 * TG_ERR_ARG for an unknown operation or attribute, a wrong count or type; else the operation's own
 * errors. On failure all of out[] is NULL.
 */
TG_API tg_status tg_op_call(const char *name, tg_tensor *const *inputs, int n_inputs,
                            const tg_attr *attrs, int n_attrs, tg_tensor **out, int n_out);

#ifdef __cplusplus
}
#endif
#endif
