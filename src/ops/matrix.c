/* matrix.c - what operations on matrices share: checks, layouts, words for errors; and trace,
 * matrix_power. */
#include "ops/matrix.h"
#include "kernels/lapack.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Checks ---- */

bool tg__is_matrix(const char *op, const char *name, const tg_tensor *x) {
    if (!tg_dtype_is_float((tg_dtype)x->dtype)) {
        tg__refuse_dtype(op, x, "f32, f64");
        return false;
    }
    if (x->ndim >= 2)
        return true;
    tg__fail(TG_ERR_SHAPE, op, "%s is %s; give matrices [..., m, n]", name, tg__describe(x));
    return false;
}

bool tg__is_square(const char *op, const char *name, const tg_tensor *x) {
    if (!tg__is_matrix(op, name, x))
        return false;
    if (tg__rows(x) == tg__cols(x))
        return true;
    tg__fail(TG_ERR_SHAPE, op, "%s is %s; its last two dims must be equal", name, tg__describe(x));
    return false;
}

bool tg__same_float(const char *op, const tg_tensor *a, const tg_tensor *b) {
    const tg_tensor *bad = !tg_dtype_is_float((tg_dtype)a->dtype)   ? a
                           : !tg_dtype_is_float((tg_dtype)b->dtype) ? b
                                                                    : NULL;
    if (bad != NULL) {
        tg__refuse_dtype(op, bad, "f32, f64");
        return false;
    }
    if (a->dtype == b->dtype)
        return true;
    tg__fail(TG_ERR_DTYPE, op, "%s and %s; both must be f32 or both f64: use tg_cast",
             tg__describe(a), tg__describe(b));
    return false;
}

/* ---- Pieces ---- */

tg_tensor *tg__scaled(const char *op, const char *name, tg_tensor *x, double s) {
    if (x == NULL || s == 1.0)
        return x;
    if (tg_dtype_is_float((tg_dtype)x->dtype))
        return tg_mul_scalar(x, s);
    if (s != floor(s) || fabs(s) > 9e15) {
        tg__fail(TG_ERR_DTYPE, op, "%s is %s for %s; integers take a whole number", name,
                 tg__num(s), tg__describe(x));
        return NULL;
    }
    return tg_mul(x, tg_cast(tg_scalar_i64((int64_t)s), (tg_dtype)x->dtype));
}

tg_tensor *tg__expand_batch(tg_tensor *x, int n_batch, const int64_t *batch) {
    if (x == NULL)
        return NULL;
    int64_t shape[TG_MAX_DIMS];
    memcpy(shape, batch, (size_t)n_batch * sizeof *shape);
    shape[n_batch] = tg__rows(x);
    shape[n_batch + 1] = tg__cols(x);
    return tg_expand(x, n_batch + 2, shape);
}

/* ---- Column-major copies ---- */

static tg_tensor *swapped(const char *op, const tg_tensor *x) {
    int64_t shape[TG_MAX_DIMS];
    int64_t stride[TG_MAX_DIMS];
    int n = x->ndim;
    memcpy(shape, x->shape, sizeof shape);
    memcpy(stride, x->stride, sizeof stride);
    shape[n - 2] = x->shape[n - 1];
    shape[n - 1] = x->shape[n - 2];
    stride[n - 2] = x->stride[n - 1];
    stride[n - 1] = x->stride[n - 2];
    tg_tensor *view = tg__view(op, x, n, shape, stride, 0);
    tg_tensor *copy = view != NULL ? tg__new(op, (tg_dtype)x->dtype, n, shape) : NULL;
    if (copy != NULL)
        tg__pack(view, copy->data);
    tg__unref(view);
    return copy;
}

tg_tensor *tg__columns(const char *op, const tg_tensor *x) { return swapped(op, x); }

tg_tensor *tg__from_columns(const char *op, tg_tensor *columns) {
    if (columns == NULL)
        return NULL;
    tg_tensor *rows = swapped(op, columns);
    tg__unref(columns);
    return rows;
}

int64_t tg__batch_count(const tg_tensor *x) {
    int64_t n = 1;
    for (int i = 0; i < x->ndim - 2; i++)
        n *= x->shape[i];
    return n;
}

/* "the matrix", or "matrix [1, 0] of the batch". */
static const char *which(const tg_tensor *x, int64_t i) {
    if (x->ndim <= 2)
        return "the matrix";
    int64_t at[TG_MAX_DIMS];
    for (int d = x->ndim - 3; d >= 0; d--) {
        at[d] = i % x->shape[d];
        i /= x->shape[d];
    }
    char *text = tg__desc_buffer();
    snprintf(text, TG__DESC_BYTES, "matrix %s of the batch", tg__describe_shape(x->ndim - 2, at));
    return text;
}

bool tg__lapack_good(const char *op, const tg_tensor *x, int64_t i, int64_t status,
                     const char *why) {
    if (status == 0)
        return true;
    if (status == TG__LAPACK_MEMORY)
        tg__fail_memory(op, (uint64_t)(tg__rows(x) * tg__cols(x)) * sizeof(double));
    else if (status == TG__LAPACK_TOO_LARGE)
        tg__fail(TG_ERR_UNSUPPORTED, op,
                 "%s is too large for LAPACK's 32-bit sizes; use smaller matrices",
                 tg__describe(x));
    else
        tg__fail(TG_ERR_NUMERIC, op,
                 "%s (x is %s) %s; check its values, or add a small multiple of the identity",
                 which(x, i), tg__describe(x), why);
    return false;
}

bool tg__finite_only(const char *op, const tg_tensor *x) {
    int64_t size = tg__rows(x) * tg__cols(x);
    for (int64_t i = 0; i < tg__batch_count(x); i++)
        if (!tg__all_finite((tg_dtype)x->dtype, size, tg__matrix_at(x, i))) {
            tg__fail(TG_ERR_NUMERIC, op,
                     "%s (x is %s) contains NaN or infinities; use finite numbers", which(x, i),
                     tg__describe(x));
            return false;
        }
    return true;
}

/* ---- trace: Σ xᵢᵢ ---- */
static bool trace_forward(const tg__call *c) {
    tg_tensor *x = c->in[0];
    if (x->ndim != 2) {
        tg__fail(TG_ERR_SHAPE, "trace", "x is %s; give one matrix [m, n]", tg__describe(x));
        return false;
    }
    c->out[0] = tg_sum(tg_diagonal(x, 0, 0, 1), TG_ALL, false);
    return c->out[0] != NULL;
}
TG_OP(trace, .maths = "sum of x[i][i]", .inputs = "x", .n_in = 1, .flags = TG__COMPOSED,
      .forward = trace_forward, .onnx = {"composed"});
TG_SAMPLES(trace, "[3,3]", "[2,4]", "[4,2]");
tg_tensor *tg_trace(tg_tensor *x) { return tg__apply1(&tg__op_trace, x, NULL); }

/* ---- matrix_power: xⁿ by squaring ---- */
typedef struct {
    int64_t n;
} power_attr;
static const tg__field power_fields[] = {{"n", TG_ATTR_INT, offsetof(power_attr, n), true, 0, 0},
                                         {0}};
static bool matrix_power_forward(const tg__call *c) {
    tg_tensor *x = c->in[0];
    int64_t n = ((const power_attr *)c->attr)->n;
    if (!tg__is_square("matrix_power", "x", x))
        return false;
    if (n == INT64_MIN) {
        tg__fail(TG_ERR_ARG, "matrix_power", "n is %lld; give an exponent above it", (long long)n);
        return false;
    }
    if (n == 0) {
        tg_tensor *eye = tg_eye((tg_dtype)x->dtype, tg__rows(x), tg__rows(x));
        c->out[0] = tg_clone(tg_expand(eye, x->ndim, x->shape));
        return c->out[0] != NULL;
    }
    tg_tensor *square = n < 0 ? tg_inv(x) : x;
    tg_tensor *y = NULL;
    for (n = n < 0 ? -n : n; n > 0 && square != NULL; n /= 2) {
        if (n % 2)
            y = y == NULL ? square : tg_matmul(y, square);
        if (n > 1)
            square = tg_matmul(square, square);
    }
    c->out[0] = y == x ? tg_clone(x) : y;
    return c->out[0] != NULL && square != NULL;
}
TG_OP(matrix_power, .maths = "x^n of matrices", .inputs = "x", .n_in = 1,
      .flags = TG__COMPOSED | TG__BLAS, .fields = power_fields, .attr_size = sizeof(power_attr),
      .forward = matrix_power_forward, .onnx = {"composed"});
TG_SAMPLES(matrix_power, "[3,3] | n=3", "[2,2,2] | n=1", "w[3,3] | n=-2", "[2,2] | n=4");
tg_tensor *tg_matrix_power(tg_tensor *x, int64_t n) {
    return tg__apply1(&tg__op_matrix_power, x, &(power_attr){n});
}

/* ---- matrix_exp: Σ xᵏ/k! ---- */

/* Of the Padé approximant of order 13, divided by the first: Higham 2005, "The scaling and squaring
 * method for the matrix exponential revisited", (2.1) and table 2.3 for the largest norm. */
static const double pade[] = {1,
                              1.0 / 2,
                              3.0 / 25,
                              11.0 / 600,
                              11.0 / 5520,
                              3.0 / 18400,
                              1.0 / 96600,
                              1.0 / 1932000,
                              1.0 / 48944000,
                              1.0 / 1585785600,
                              1.0 / 67395888000,
                              1.0 / 3953892096000,
                              1.0 / 355850288640000,
                              1.0 / 64764752532480000};
#define MOST_NORM 5.371920351148152

/* How often x is halved so that no column sum of any matrix exceeds the most; -1 with an error. */
static int halvings(tg_tensor *x) {
    bool was = tg__grad_off();
    tg_tensor *sums = tg_sum(tg_abs(x), TG_DIMS(-2), false);
    tg_tensor *largest = sums != NULL && sums->numel > 0 ? tg_max(sums) : tg_scalar(TG_F64, 0.0);
    tg__grad_back(was);
    if (largest == NULL)
        return -1;
    double norm = tg_item(largest);
    int n = 0;
    for (; isfinite(norm) && norm > MOST_NORM; norm /= 2)
        n++;
    return n;
}

/* c[0]·I + c[2]·x² + c[4]·x⁴ + c[6]·x⁶ + x⁶·(c[8]·x² + c[10]·x⁴ + c[12]·x⁶) */
static tg_tensor *even_part(tg_tensor *eye, tg_tensor *const *power, const double *c) {
    tg_tensor *high = tg_add(tg_mul_scalar(power[0], c[8]), tg_mul_scalar(power[1], c[10]));
    high = tg_matmul(power[2], tg_add(high, tg_mul_scalar(power[2], c[12])));
    tg_tensor *low = tg_add(tg_mul_scalar(eye, c[0]), tg_mul_scalar(power[0], c[2]));
    low = tg_add(low, tg_mul_scalar(power[1], c[4]));
    return tg_add(tg_add(low, tg_mul_scalar(power[2], c[6])), high);
}

static bool matrix_exp_forward(const tg__call *c) {
    tg_tensor *x = c->in[0];
    if (!tg__is_square("matrix_exp", "x", x))
        return false;
    int n = halvings(x);
    if (n < 0)
        return false;
    x = n > 0 ? tg_mul_scalar(x, ldexp(1.0, -n)) : x;
    tg_tensor *eye = x != NULL ? tg_eye((tg_dtype)x->dtype, tg__rows(x), tg__rows(x)) : NULL;
    tg_tensor *power[3];
    power[0] = tg_matmul(x, x);
    power[1] = tg_matmul(power[0], power[0]);
    power[2] = tg_matmul(power[1], power[0]);
    tg_tensor *odd = tg_matmul(x, even_part(eye, power, pade + 1));
    tg_tensor *even = even_part(eye, power, pade);
    tg_tensor *y = tg_solve(tg_sub(even, odd), tg_add(even, odd));
    for (; n > 0; n--)
        y = tg_matmul(y, y);
    c->out[0] = y;
    return y != NULL;
}
TG_OP(matrix_exp, .maths = "e^x of matrices", .inputs = "x", .n_in = 1,
      .flags = TG__COMPOSED | TG__BLAS, .forward = matrix_exp_forward, .onnx = {"none"});
TG_SAMPLES(matrix_exp, "[3,3]", "[2,2,2]", "w[2,2]");
tg_tensor *tg_matrix_exp(tg_tensor *x) { return tg__apply1(&tg__op_matrix_exp, x, NULL); }
