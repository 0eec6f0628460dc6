/* elementwise.c - what elementwise operations share: promotion, broadcasting, in-place results.
 *
 * Operands of one dtype and shape, contiguous, go straight to the kernel; a 0-d operand goes with
 * step 0. Everything else is converted, broadcast and planned as a loop. */
#include "ops/elementwise.h"

#include <string.h>

/* ---- Promotion ---- */

static int category(unsigned dtype) { return dtype == TG_BOOL ? 0 : dtype <= TG_F64 ? 2 : 1; }

/* 2: with dims, 1: 0-d, 0: a C scalar. */
static int rank_of(const tg_tensor *x) {
    return x->flags & TG__IS_NUMBER ? 0 : x->ndim > 0 ? 2 : 1;
}

tg_dtype tg__promote(const tg_tensor *a, const tg_tensor *b) {
    tg_dtype da = (tg_dtype)a->dtype;
    tg_dtype db = (tg_dtype)b->dtype;
    if (da == db)
        return da;
    int ra = rank_of(a);
    int rb = rank_of(b);
    if (ra == rb)
        return tg_promote_types(da, db);
    tg_dtype high = ra > rb ? da : db;
    tg_dtype low = ra > rb ? db : da;
    if (category(low) > category(high))
        return tg_promote_types(high, low);
    return high;
}

tg_tensor *tg__as(const char *op, tg_tensor *x, tg_dtype dtype) {
    if (x->dtype == dtype) {
        tg__ref(x);
        return x;
    }
    tg_tensor *y = tg__new(op, dtype, x->ndim, x->shape);
    if (y != NULL)
        tg__assign(y, x);
    return y;
}

tg_tensor *tg__packed(const char *op, tg_tensor *x) {
    if (x->flags & TG__CONTIGUOUS) {
        tg__ref(x);
        return x;
    }
    tg_tensor *y = tg__new(op, (tg_dtype)x->dtype, x->ndim, x->shape);
    if (y != NULL)
        tg__pack(x, y->data);
    return y;
}

void tg__refuse_dtype(const char *op, const tg_tensor *x, const char *takes) {
    tg__fail(TG_ERR_DTYPE, op, "%s is not supported; it takes %s: use tg_cast", tg__describe(x),
             takes);
}

bool tg__float_only(const char *op, const tg_tensor *x) {
    if (tg_dtype_is_float((tg_dtype)x->dtype))
        return true;
    tg__refuse_dtype(op, x, "f32, f64");
    return false;
}

/* ---- Results ---- */

tg_tensor *tg__dest(const tg__call *c, tg_dtype dtype, int ndim, const int64_t *shape) {
    tg_tensor *x = c->into;
    if (x == NULL)
        return tg__new(c->op->name, dtype, ndim, shape);
    bool same = x->ndim == ndim &&
                (ndim == 0 || memcmp(x->shape, shape, (size_t)ndim * sizeof *shape) == 0);
    if (!same) {
        tg__fail(TG_ERR_SHAPE, c->op->name,
                 "the result has shape %s and cannot be written in place into %s; use the form "
                 "without _",
                 tg__describe_shape(ndim, shape), tg__describe(x));
        return NULL;
    }
    if (category(dtype) > category(x->dtype)) {
        tg__fail(TG_ERR_DTYPE, c->op->name,
                 "the result is %s and cannot be written in place into %s; use the form without _",
                 tg_dtype_name(dtype), tg__describe(x));
        return NULL;
    }
    if (x->dtype != dtype)
        return tg__new(c->op->name, dtype, ndim, shape);
    tg__ref(x);
    return x;
}

void tg__land(const tg__call *c, tg_tensor *dest) {
    if (c->into == NULL) {
        c->out[0] = dest;
        return;
    }
    if (dest != c->into)
        tg__assign(c->into, dest);
    tg__unref(dest);
}

/* ---- Running ---- */

void tg__run(tg_tensor *const *operands, int n, tg__ew_fn fn, const void *arg, double cost) {
    const tg_tensor *out = operands[0];
    tg__loop l = {.n_operands = n, .ndim = out->ndim};
    for (int d = 0; d < out->ndim; d++)
        l.shape[d] = out->shape[d];
    for (int k = 0; k < n; k++) {
        const tg_tensor *x = operands[k];
        int64_t item = (int64_t)tg__item_size(x->dtype);
        tg__broadcast_strides(x, out->ndim, l.stride[k]);
        for (int d = 0; d < out->ndim; d++)
            l.stride[k][d] *= item;
        l.data[k] = x->data;
    }
    tg__loop_coalesce(&l);
    tg__loop_run(&l, fn, arg, cost);
}

/* One dtype, and every input contiguous in the output's shape or a single element. */
static bool run_flat(tg_tensor *const *operands, int n, tg__ew_fn fn, const void *arg,
                     double cost) {
    const tg_tensor *out = operands[0];
    char *p[TG__LOOP_OPERANDS];
    int64_t s[TG__LOOP_OPERANDS];
    for (int k = 0; k < n; k++) {
        const tg_tensor *x = operands[k];
        p[k] = x->data;
        s[k] = (int64_t)tg__item_size(x->dtype);
        if (k > 0 && x->numel == 1 && out->numel != 1)
            s[k] = 0;
        else if (!(x->flags & TG__CONTIGUOUS) || x->numel != out->numel)
            return false;
    }
    tg__loop_flat(p, s, n, out->numel, fn, arg, cost);
    return true;
}

static void run(tg_tensor *const *operands, int n, tg__ew_fn fn, const void *arg, double cost) {
    if (!run_flat(operands, n, fn, arg, cost))
        tg__run(operands, n, fn, arg, cost);
}

/* Nanoseconds per element, to decide about threads. */
static double unary_cost(int kernel) {
    switch (kernel) {
    case TG__UN_exp:
    case TG__UN_log:
    case TG__UN_sin:
    case TG__UN_cos:
    case TG__UN_tanh:
    case TG__UN_sigmoid:
        return 8.0;
    case TG__UN_sqrt:
    case TG__UN_rsqrt:
    case TG__UN_reciprocal:
        return 1.0;
    default:
        return 0.3;
    }
}

/* ---- Forwards ---- */

bool tg__unary_forward(const tg__call *c) {
    const tg__ew_fn *row = tg__kernels_get()->unary[c->op->kernel];
    tg_tensor *x = c->in[0];
    tg_dtype dtype = (tg_dtype)x->dtype;
    if (row[dtype] == NULL) {
        if (row[TG_BOOL] != NULL) { /* logical: any dtype counts as bool */
            dtype = TG_BOOL;
        } else if (row[TG_I64] == NULL) { /* float function of an integer or bool */
            dtype = TG_F32;
        } else {
            tg__refuse_dtype(c->op->name, x, "f32, f64, i64, i32, u8");
            return false;
        }
    }
    tg_tensor *y = tg__dest(c, dtype, x->ndim, x->shape);
    if (y == NULL)
        return false;
    tg_tensor *a = tg__as(c->op->name, x, dtype);
    if (a != NULL) {
        run((tg_tensor *[]){y, a}, 2, row[dtype], NULL, unary_cost(c->op->kernel));
        tg__unref(a);
        tg__land(c, y);
        return true;
    }
    tg__unref(y);
    return false;
}

/* out_dtype[...] = fn(a, b), both converted to `dtype`. */
static bool binary(const tg__call *c, tg_dtype dtype, tg_dtype out_dtype, tg__ew_fn fn,
                   double cost) {
    tg_tensor *a = c->in[0];
    tg_tensor *b = c->in[1];
    int ndim = a->ndim;
    int64_t broadcast[TG_MAX_DIMS];
    const int64_t *shape = a->shape;
    if (!tg__same_shape(a, b)) {
        if (!tg__broadcast(c->op->name, a, b, &ndim, broadcast))
            return false;
        shape = broadcast;
    }
    tg_tensor *y = tg__dest(c, out_dtype, ndim, shape);
    if (y == NULL)
        return false;
    tg_tensor *ca = tg__as(c->op->name, a, dtype);
    tg_tensor *cb = ca != NULL ? tg__as(c->op->name, b, dtype) : NULL;
    bool good = cb != NULL;
    if (good)
        run((tg_tensor *[]){y, ca, cb}, 3, fn, NULL, cost);
    tg__unref(ca);
    tg__unref(cb);
    if (good)
        tg__land(c, y);
    else
        tg__unref(y);
    return good;
}

bool tg__binary_forward(const tg__call *c) {
    const tg__ew_fn *row = tg__kernels_get()->binary[c->op->kernel];
    tg_tensor *a = c->in[0];
    tg_tensor *b = c->in[1];
    tg_dtype dtype = tg__promote(a, b);
    if (row[dtype] == NULL && row[TG_I64] == NULL)
        dtype = TG_F32; /* true division of integers */
    if (row[dtype] == NULL) {
        tg__refuse_dtype(c->op->name, a, "f32, f64, i64, i32, u8");
        return false;
    }
    return binary(c, dtype, dtype, row[dtype], c->op->kernel == TG__BIN_pow ? 20.0 : 0.4);
}

bool tg__compare_forward(const tg__call *c) {
    tg_dtype dtype = tg__promote(c->in[0], c->in[1]);
    return binary(c, dtype, TG_BOOL, tg__kernels_get()->compare[c->op->kernel][dtype], 0.3);
}

bool tg__logical_forward(const tg__call *c) {
    return binary(c, TG_BOOL, TG_BOOL, tg__kernels_get()->binary[c->op->kernel][TG_BOOL], 0.3);
}

bool tg__predicate_forward(const tg__call *c) {
    tg_tensor *x = c->in[0];
    tg_tensor *y = tg__dest(c, TG_BOOL, x->ndim, x->shape);
    if (y == NULL)
        return false;
    run((tg_tensor *[]){y, x}, 2, tg__kernels_get()->predicate[c->op->kernel][x->dtype], NULL, 0.3);
    tg__land(c, y);
    return true;
}

/* ---- C scalars ---- */

/* A 0-d tensor that stands for a C scalar next to x: of x's dtype where that is float, else f32. */
static tg_tensor *number(const tg__op *op, const tg_tensor *x, double s, const char *name) {
    if (!tg__required(op->name, name, x))
        return NULL;
    tg_dtype dtype = tg_dtype_is_float((tg_dtype)x->dtype) ? (tg_dtype)x->dtype : TG_F32;
    tg_tensor *n = tg__new(op->name, dtype, 0, NULL);
    if (n == NULL)
        return NULL;
    tg__convert_double(dtype, n->data, s);
    n->flags |= TG__IS_NUMBER;
    return n;
}

tg_tensor *tg__with_number(const tg__op *op, tg_tensor *x, double s) {
    tg_tensor *n = number(op, x, s, "x");
    if (n == NULL)
        return NULL;
    tg_tensor *y = tg__apply2(op, x, n, NULL);
    tg__unref(n);
    return y;
}

tg_tensor *tg__number_with(const tg__op *op, double s, tg_tensor *x) {
    tg_tensor *n = number(op, x, s, "x");
    if (n == NULL)
        return NULL;
    tg_tensor *y = tg__apply2(op, n, x, NULL);
    tg__unref(n);
    return y;
}

tg_tensor *tg__with_number_(const tg__op *op, tg_tensor *x, double s) {
    tg_tensor *n = number(op, x, s, "x");
    if (n == NULL)
        return NULL;
    tg_tensor *y = tg__apply2_(op, x, n, NULL);
    tg__unref(n);
    return y;
}
