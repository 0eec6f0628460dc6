/* elementwise.h - what elementwise operations share: promotion, broadcasting, in-place results. */
#ifndef TG_OPS_ELEMENTWISE_H
#define TG_OPS_ELEMENTWISE_H

#include "autograd/op.h"
#include "kernels/kernels.h"

/* Forwards that look up c->op->kernel in the kernel tables. */
bool tg__unary_forward(const tg__call *c);  /* kernel: tg__unary */
bool tg__binary_forward(const tg__call *c); /* kernel: tg__binary */
/* The same with parameters: the op's first two FLOAT attributes are the kernel's u and v. */
bool tg__unary_param_forward(const tg__call *c);  /* kernel: tg__unary_p */
bool tg__binary_param_forward(const tg__call *c); /* kernel: tg__binary_p */
/* tg__unary_param_forward with these parameters instead. */
bool tg__unary_with(const tg__call *c, tg__unary_p kernel, double u, double v);
bool tg__ternary_forward(const tg__call *c);   /* kernel: tg__ternary */
bool tg__compare_forward(const tg__call *c);   /* kernel: tg__compare */
bool tg__predicate_forward(const tg__call *c); /* kernel: tg__predicate */
bool tg__logical_forward(const tg__call *c);   /* kernel: tg__binary, on bool */

/* An optional operand that was not given; and what stands for it where a caller passed NULL. */
static inline bool tg__absent(const tg_tensor *x) { return x->flags & TG__IS_NONE; }
static inline tg_tensor *tg__or_none(tg_tensor *x) { return x != NULL ? x : TG_NONE; }

/* The broadcast shape of n operands; false with an error. */
bool tg__broadcast_all(const char *op, tg_tensor *const *in, int n, int *ndim, int64_t *shape);
/* x itself with one more reference, or a converted copy. Raw; NULL with an error. */
tg_tensor *tg__as(const char *op, tg_tensor *x, tg_dtype dtype);
/* For rules: x in the dtype of the gradient g, converted by a recorded op where it has another.
 * What is computed of an integer alone would be in f32, of bool refused, and a 0-d f64 may be
 * broadcast before it meets an f32. */
static inline tg_tensor *tg__like_gradient(tg_tensor *x, const tg_tensor *g) {
    return x == NULL || x->dtype == g->dtype ? x : tg_cast(x, (tg_dtype)g->dtype);
}
/* x if contiguous, or a contiguous copy. Raw. */
tg_tensor *tg__packed(const char *op, tg_tensor *x);
/* Both: x if contiguous and of the dtype, or a contiguous copy that is. Raw. */
tg_tensor *tg__packed_as(const char *op, tg_tensor *x, tg_dtype dtype);

/* Where the result of a call goes: a new tensor, or c->into (or a temporary of `dtype` for it)
 * after checking that shape and category fit. Raw. */
tg_tensor *tg__dest(const tg__call *c, tg_dtype dtype, int ndim, const int64_t *shape);
/* Hands the filled dest over: as c->out[0], or into c->into. Consumes it. */
void tg__land(const tg__call *c, tg_tensor *dest);

/* Raises TG_ERR_DTYPE for x, listing what the operation takes. */
void tg__refuse_dtype(const char *op, const tg_tensor *x, const char *takes);

/* False with an error unless x is f32 or f64. */
bool tg__float_only(const char *op, const tg_tensor *x);

/* False with TG_ERR_NUMERIC if an integer (or bool) of x is 0, or with `negative` below 0: the text
 * names it and its place and ends in `advice`. */
bool tg__check_integers(const char *op, const char *name, tg_tensor *x, bool negative,
                        const char *advice);

/* Runs a kernel over operands broadcast to the shape of operand 0. */
void tg__run(tg_tensor *const *operands, int n, tg__ew_fn fn, const void *arg, double cost);

/* A 0-d tensor that stands for a C scalar next to x: of x's dtype where that is float, else f32.
 * Raw; NULL with an error. */
tg_tensor *tg__number(const tg__op *op, const tg_tensor *x, double s);
/* op(x, s), op(s, x) and the in-place op(x, s) for a C scalar. */
tg_tensor *tg__with_number(const tg__op *op, tg_tensor *x, double s);
tg_tensor *tg__number_with(const tg__op *op, double s, tg_tensor *x);
tg_tensor *tg__with_number_(const tg__op *op, tg_tensor *x, double s);

/* The in-place forms of ops without derivative, as eq_: writes y, op's result on x, into x, whose
 * gradient ends there. Consumes y, which may be NULL after an error; gives x, or NULL with an error
 * and nothing written. */
tg_tensor *tg__overwrite(const tg__op *op, tg_tensor *x, tg_tensor *y);
tg_tensor *tg__overwrite_with_number(const tg__op *op, tg_tensor *x, double s);

#endif
