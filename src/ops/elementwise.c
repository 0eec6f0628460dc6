/* elementwise.c - what elementwise operations share: promotion, broadcasting, in-place results.
 *
 * Operands of one dtype and shape, contiguous, go straight to the kernel; a 0-d operand goes with
 * step 0. Everything else is converted, broadcast and planned as a loop. */
#include "ops/elementwise.h"

#include <string.h>

/* ---- Operands ---- */

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

tg_tensor *tg__packed_as(const char *op, tg_tensor *x, tg_dtype dtype) {
    return x->dtype == dtype ? tg__packed(op, x) : tg__as(op, x, dtype);
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

static void refuse_integer(const char *op, const char *name, const tg_tensor *x, int64_t place,
                           int64_t value, const char *advice) {
    int64_t index[TG_MAX_DIMS];
    for (int d = x->ndim - 1; d >= 0; d--) {
        index[d] = place % x->shape[d];
        place /= x->shape[d];
    }
    tg__fail(TG_ERR_NUMERIC, op, "%s is %lld at %s; %s", name, (long long)value,
             tg__describe_shape(x->ndim, index), advice);
}

bool tg__check_integers(const char *op, const char *name, tg_tensor *x, bool negative,
                        const char *advice) {
    tg_tensor *packed = tg__packed(op, x);
    if (packed == NULL)
        return false;
    const size_t item = tg__item_size(x->dtype);
    int64_t value = 1;
    int64_t i = 0;
    for (; i < packed->numel; i++) {
        value = tg__load_i64((tg_dtype)x->dtype, packed->data + (size_t)i * item);
        if (negative ? value < 0 : value == 0)
            break;
    }
    bool good = i == packed->numel;
    tg__unref(packed);
    if (!good)
        refuse_integer(op, name, x, i, value, advice);
    return good;
}

/* ---- Results ---- */

tg_tensor *tg__dest(const tg__call *c, tg_dtype dtype, int ndim, const int64_t *shape) {
    tg_tensor *x = c->into;
    if (x == NULL)
        return tg__new(c->op->name, dtype, ndim, shape);
    if (!tg__fits_in_place(c->op->name, x, dtype, ndim, shape))
        return NULL;
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

/* Nanoseconds per element, to decide about threads: calls of libm (_ONCE) and the rest. */
enum {
    COST_F = 3,
    COST_FI = 3,
    COST_FIB = 3,
    COST_I = 3,
    COST_IB = 3,
    COST_B = 3,
    COST_F_ONCE = 80,
    COST_FI_ONCE = 80,
    COST_I_ONCE = 80
};
#define TG_UN(name, types, expr) [TG__UN_##name] = COST_##types,
static const uint8_t unary_cost[TG__UN_COUNT] = {
#include "kernels/ew_ops.def"
};
#define TG_BIN(name, types, expr) [TG__BIN_##name] = COST_##types,
static const uint8_t binary_cost[TG__BIN_COUNT] = {
#include "kernels/ew_ops.def"
};
#define TG_UNP(name, types, expr) [TG__UNP_##name] = COST_##types,
static const uint8_t unary_p_cost[TG__UNP_COUNT + 1] = {
#include "kernels/ew_ops.def"
};
#define TG_BINP(name, types, expr) [TG__BINP_##name] = COST_##types,
static const uint8_t binary_p_cost[TG__BINP_COUNT + 1] = {
#include "kernels/ew_ops.def"
};

/* ---- Forwards ---- */

/* The parameters u and v of a kernel, in its dtype. */
typedef struct {
    _Alignas(8) char value[16];
} params;
static params params_in(tg_dtype dtype, double u, double v) {
    params p;
    tg__convert_double(dtype, p.value, u);
    tg__convert_double(dtype, p.value + tg__item_size(dtype), v);
    return p;
}
/* The op's first two FLOAT attributes. */
static void numbers_of(const tg__call *c, double *uv) {
    int n = 0;
    for (const tg__field *f = c->op->fields; f != NULL && f->name != NULL && n < 2; f++)
        if (f->type == TG_ATTR_FLOAT)
            uv[n++] = *(const double *)(const void *)((const char *)c->attr + f->offset);
}
static params params_of(const tg__call *c, tg_dtype dtype) {
    double uv[2] = {0};
    numbers_of(c, uv);
    return params_in(dtype, uv[0], uv[1]);
}

/* Refuses the first operand whose dtype the kernels of the row do not take. */
static void refuse(const tg__call *c, const tg__ew_fn *row) {
    int i = 0;
    while (i < c->n_in - 1 && ((c->in[i]->flags & TG__IS_NONE) || row[c->in[i]->dtype] != NULL))
        i++;
    tg__refuse_dtype(c->op->name, c->in[i],
                     row[TG_F32] != NULL    ? "f32, f64, i64, i32, u8"
                     : row[TG_BOOL] != NULL ? "i64, i32, u8, bool"
                                            : "i64, i32, u8");
}

/* uv: the parameters, or NULL. */
static bool unary(const tg__call *c, const tg__ew_fn *row, const double *uv, double cost) {
    tg_tensor *x = c->in[0];
    tg_dtype dtype = (tg_dtype)x->dtype;
    if (row[dtype] == NULL) {
        if (row[TG_I64] != NULL) {
            refuse(c, row);
            return false;
        }
        /* logical: any dtype counts as bool; else a float function of an integer or bool */
        dtype = row[TG_BOOL] != NULL ? TG_BOOL : TG_F32;
    }
    tg_tensor *y = tg__dest(c, dtype, x->ndim, x->shape);
    if (y == NULL)
        return false;
    const params p = uv != NULL ? params_in(dtype, uv[0], uv[1]) : (params){{0}};
    tg_tensor *a = tg__as(c->op->name, x, dtype);
    if (a != NULL) {
        run((tg_tensor *[]){y, a}, 2, row[dtype], uv != NULL ? p.value : NULL, cost / 10.0);
        tg__unref(a);
        tg__land(c, y);
        return true;
    }
    tg__unref(y);
    return false;
}

bool tg__unary_forward(const tg__call *c) {
    return unary(c, tg__kernels_get()->unary[c->op->kernel], NULL, unary_cost[c->op->kernel]);
}
bool tg__unary_with(const tg__call *c, tg__unary_p kernel, double u, double v) {
    return unary(c, tg__kernels_get()->unary_p[kernel], (const double[]){u, v},
                 unary_p_cost[kernel]);
}
bool tg__unary_param_forward(const tg__call *c) {
    double uv[2] = {0};
    numbers_of(c, uv);
    return tg__unary_with(c, (tg__unary_p)c->op->kernel, uv[0], uv[1]);
}

/* out_dtype[...] = fn(a, b), both converted to `dtype`. */
static bool binary(const tg__call *c, tg_dtype dtype, tg_dtype out_dtype, tg__ew_fn fn,
                   const void *arg, double cost) {
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
        run((tg_tensor *[]){y, ca, cb}, 3, fn, arg, cost);
    tg__unref(ca);
    tg__unref(cb);
    if (good)
        tg__land(c, y);
    else
        tg__unref(y);
    return good;
}

/* The dtype to compute in: that of the operands, f32 where the kernel takes floats only. -1 with an
 * error if it takes neither. */
static int computed_in(const tg__call *c, const tg__ew_fn *row) {
    tg_dtype dtype = tg__promote_all(c->in, c->n_in);
    if (row[dtype] == NULL && row[TG_I64] == NULL)
        dtype = TG_F32; /* true division of integers */
    if (row[dtype] != NULL)
        return (int)dtype;
    refuse(c, row);
    return -1;
}

bool tg__binary_forward(const tg__call *c) {
    const tg__ew_fn *row = tg__kernels_get()->binary[c->op->kernel];
    tg_dtype dtype = tg__promote(c->in[0], c->in[1]);
    if (row[dtype] == NULL) {
        int other = computed_in(c, row);
        if (other < 0)
            return false;
        dtype = (tg_dtype)other;
    }
    return binary(c, dtype, dtype, row[dtype], NULL, binary_cost[c->op->kernel] / 10.0);
}

bool tg__binary_param_forward(const tg__call *c) {
    const tg__ew_fn *row = tg__kernels_get()->binary_p[c->op->kernel];
    int dtype = computed_in(c, row);
    if (dtype < 0)
        return false;
    params p = params_of(c, (tg_dtype)dtype);
    return binary(c, (tg_dtype)dtype, (tg_dtype)dtype, row[dtype], p.value,
                  binary_p_cost[c->op->kernel] / 10.0);
}

bool tg__broadcast_all(const char *op, tg_tensor *const *in, int n, int *ndim, int64_t *shape) {
    tg_tensor so_far = *in[0]; /* only its shape and dtype are looked at */
    for (int i = 1; i < n; i++) {
        if (!tg__broadcast(op, &so_far, in[i], ndim, shape))
            return false;
        so_far.ndim = (uint8_t)*ndim;
        for (int d = 0; d < *ndim; d++)
            so_far.shape[d] = shape[d];
    }
    return true;
}

bool tg__ternary_forward(const tg__call *c) {
    const tg__ew_fn *row = tg__kernels_get()->ternary[c->op->kernel];
    int ndim;
    int64_t shape[TG_MAX_DIMS];
    int dtype = computed_in(c, row);
    if (dtype < 0 || !tg__broadcast_all(c->op->name, c->in, 3, &ndim, shape))
        return false;
    tg_tensor *use[4] = {tg__dest(c, (tg_dtype)dtype, ndim, shape)};
    int n = 1;
    while (n < 4 && use[n - 1] != NULL) {
        use[n] = tg__as(c->op->name, c->in[n - 1], (tg_dtype)dtype);
        n++;
    }
    bool good = use[n - 1] != NULL;
    if (good) {
        params p = params_of(c, (tg_dtype)dtype);
        run(use, 4, row[dtype], p.value, 0.6);
    }
    for (int i = 1; i < n; i++)
        tg__unref(use[i]);
    if (good)
        tg__land(c, use[0]);
    else
        tg__unref(use[0]);
    return good;
}

bool tg__compare_forward(const tg__call *c) {
    tg_dtype dtype = tg__promote(c->in[0], c->in[1]);
    return binary(c, dtype, TG_BOOL, tg__kernels_get()->compare[c->op->kernel][dtype], NULL, 0.3);
}

bool tg__logical_forward(const tg__call *c) {
    return binary(c, TG_BOOL, TG_BOOL, tg__kernels_get()->binary[c->op->kernel][TG_BOOL], NULL,
                  0.3);
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

tg_tensor *tg__number(const tg__op *op, const tg_tensor *x, double s) {
    if (!tg__required(op->name, "x", x))
        return NULL;
    tg_dtype dtype = x->dtype == TG_F64 ? TG_F64 : TG_F32;
    tg_tensor *n = tg__new(op->name, dtype, 0, NULL);
    if (n == NULL)
        return NULL;
    tg__convert_double(dtype, n->data, s);
    n->flags |= TG__IS_NUMBER;
    return n;
}

tg_tensor *tg__with_number(const tg__op *op, tg_tensor *x, double s) {
    tg_tensor *n = tg__number(op, x, s);
    if (n == NULL)
        return NULL;
    tg_tensor *y = tg__apply2(op, x, n, NULL);
    tg__unref(n);
    return y;
}

tg_tensor *tg__number_with(const tg__op *op, double s, tg_tensor *x) {
    tg_tensor *n = tg__number(op, x, s);
    if (n == NULL)
        return NULL;
    tg_tensor *y = tg__apply2(op, n, x, NULL);
    tg__unref(n);
    return y;
}

tg_tensor *tg__with_number_(const tg__op *op, tg_tensor *x, double s) {
    tg_tensor *n = tg__number(op, x, s);
    if (n == NULL)
        return NULL;
    tg_tensor *y = tg__apply2_(op, x, n, NULL);
    tg__unref(n);
    return y;
}

/* ---- Overwriting ---- */

tg_tensor *tg__overwrite(const tg__op *op, tg_tensor *x, tg_tensor *y) {
    if (y == NULL)
        return NULL;
    const char *was = tg__errors_as(op->name);
    bool good = tg__fits_in_place(op->name, x, (tg_dtype)y->dtype, y->ndim, y->shape) &&
                tg__apply2_(&tg__op_copy, x, y, NULL) != NULL;
    tg__errors_back(was);
    tg_release(y);
    return good ? x : NULL;
}

tg_tensor *tg__overwrite_with_number(const tg__op *op, tg_tensor *x, double s) {
    return tg__overwrite(op, x, tg__with_number(op, x, s));
}
