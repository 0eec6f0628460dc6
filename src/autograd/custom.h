/* custom.h - functions of the user's and their calls, inside.
 *
 * A call (tg_call) is one block: the op record that its node shows, what forward saved, and scratch
 * by input and by output. It belongs to the running tg_function_call, and from then on to the node
 * that records it, whose only attribute is the pointer. It holds the function. */
#ifndef TG_AUTOGRAD_CUSTOM_H
#define TG_AUTOGRAD_CUSTOM_H

#include "autograd/node.h"
#include "core/callback.h"

#include <tensorgrad/custom.h>

#define TG__FUNCTION_NAME 60 /* longest */

struct tg_function {
    _Atomic uint32_t refs; /* the user's, and one per call that lives */
    tg_function_class methods;
    void *ctx;
    uint16_t number; /* of the registered op, or TG__CUSTOM_FUNCTION */
    char name[TG__FUNCTION_NAME + 1], onnx[TG__FUNCTION_NAME + 1];
    char label[TG__FUNCTION_NAME + sizeof "function ''"]; /* how errors begin */
};

/* A saved tensor: while forward runs the user's, afterwards one that closes no cycle. */
typedef struct {
    tg_tensor *tensor; /* NULL once released */
    uint32_t version;
    int32_t input, output; /* which it is, or -1 */
} tg__keepsake;

typedef enum { TG__FORWARD, TG__IDLE, TG__BACKWARD } tg__phase;

/* An input: what it was before forward ran. */
typedef struct {
    tg_tensor *before; /* dirty: a copy of its elements */
    uint32_t version;
    uint16_t writer;
    int16_t output; /* which output it is, or -1 */
} tg__old_input;

struct tg_call {
    tg__op op;
    tg_function *function;
    tg__node *node;
    void *data;
    void (*deleter)(void *data);
    tg__keepsake *saved;
    int n_saved, cap_saved;
    int n_in, n_out;
    tg__phase phase;
    bool grad_on, recording;  /* of the caller; whether the call is recorded */
    bool create;              /* backward: the walk is recorded */
    tg_tensor *const *inputs; /* forward */
    const bool *wanted;       /* backward */
    void *attr;               /* struct of attributes of a registered op, or NULL */
    tg_tensor **grads;        /* [n_out] backward */
    tg__old_input *old;       /* [n_in] */
    bool *non_differentiable; /* [n_out] */
    size_t bytes;
};

static inline bool tg__is_none(const tg_tensor *x) { return (x->flags & TG__IS_NONE) != 0; }
static inline bool tg__function_owns(const tg_function *f) {
    return (f->methods.flags & TG_CALLBACK_OWNS) != 0;
}
/* An error that was raised by what a callback called does not say where it was called. */
void tg__function_named(const tg_function *f, const char *method);
/* False with an error unless the inputs are tensors or TG_NONE. */
bool tg__function_inputs(const tg_function *f, tg_tensor *const *inputs, int n_in);
/* Calls infer; false with an error. */
bool tg__function_infer(const tg_function *f, tg_tensor *const *inputs, int n_in, int output,
                        tg_dtype *dtype, int *ndim, int64_t *shape);

/* custom_call.c: */

/* With a copy of attr_size bytes of attributes. */
tg_call *tg__call_new(tg_function *f, tg_tensor *const *inputs, int n_in, int n_out,
                      const void *attr, size_t attr_size);
/* The gradient rule of all functions. */
void tg__custom_rule(tg__rule *r);

/* custom_forward.c: */

tg_status tg__custom_call(tg_function *f, tg_tensor *const *inputs, int n_inputs, const void *attr,
                          size_t attr_size, tg_tensor **outputs, int n_outputs);
void tg__call_free(tg_call *c);
void tg__call_drop_saved(tg_call *c);
void tg__call_drop_copies(tg_call *c);

#endif
