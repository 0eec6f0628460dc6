/* spectrum.c - what singular values are good for: pinv, matrix_rank, matrix norms; and least
 * squares.
 *
 * Singular values below a tolerance count as 0. The derivative of the pseudo-inverse is that at
 * constant rank (Golub & Pereyra 1973, "The differentiation of pseudo-inverses and nonlinear least
 * squares problems", 4.12). */
#include "ops/matrix.h"
#include "ops/reduce.h"
#include "ops/view.h"

#include <float.h>
#include <math.h>
#include <string.h>

typedef struct {
    double rtol;
} rtol_attr;
static const tg__field rtol_fields[] = {
    {"rtol", TG_ATTR_FLOAT, offsetof(rtol_attr, rtol), false, 0, -1.0}, {0}};
#define RTOL .fields = rtol_fields, .attr_size = sizeof(rtol_attr)

static double epsilon(const tg_tensor *x) {
    return x->dtype == TG_F32 ? (double)FLT_EPSILON : DBL_EPSILON;
}

/* The relative tolerance of a call: max(m, n)·ε by default. Negative with an error. */
static double tolerance(const char *op, const tg_tensor *x, double rtol) {
    if (!tg__is_matrix(op, "x", x))
        return -1;
    if (rtol == -1.0) {
        int64_t n = tg__rows(x) > tg__cols(x) ? tg__rows(x) : tg__cols(x);
        return (double)n * epsilon(x);
    }
    if (rtol >= 0 && isfinite(rtol))
        return rtol;
    tg__fail(TG_ERR_ARG, op, "rtol is %s; give a number >= 0, or -1 for max(m, n) * epsilon",
             tg__num(rtol));
    return -1;
}

/* Where singular values s [..., k] count as 0: s <= rtol · the largest. */
static tg_tensor *negligible(tg_tensor *s, double rtol) {
    if (s == NULL || s->shape[s->ndim - 1] == 0)
        return s == NULL ? NULL : tg_cast(s, TG_BOOL);
    return tg_le(s, tg_mul_scalar(tg_narrow(s, -1, 0, 1), rtol));
}

/* ---- pinv: V·S⁺·Uᵀ ---- */
static bool pinv_forward(const tg__call *c) {
    double rtol = tolerance("pinv", c->in[0], ((const rtol_attr *)c->attr)->rtol);
    if (rtol < 0)
        return false;
    tg_scope scope = tg_scope_open();
    const char *was = tg__errors_as("pinv");
    tg_tensor *s = NULL;
    tg_tensor *vt = NULL;
    tg_tensor *u = tg_svd(c->in[0], false, &s, &vt);
    tg_tensor *none = negligible(s, rtol);
    tg_tensor *up = tg_masked_fill(tg_reciprocal(s), none, 0.0);
    tg_tensor *y = tg_matmul(tg_mul(tg__mt(vt), tg_unsqueeze(up, -2)), tg__mt(u));
    bool good = tg__settle(c, scope, y);
    tg__errors_back(was);
    return good;
}
/* gx = -yᵀ·g·yᵀ + (I - x·y)·gᵀ·y·yᵀ + yᵀ·y·gᵀ·(I - y·x) */
static void pinv_rule(tg__rule *r) {
    tg_tensor *x = r->in[0];
    tg_tensor *y = r->out[0];
    tg_tensor *yt = tg__mt(y);
    tg_tensor *gt = tg__mt(r->g[0]);
    tg_tensor *left = tg_matmul(gt, tg_matmul(y, yt));
    left = tg_sub(left, tg_matmul(x, tg_matmul(y, left)));
    tg_tensor *right = tg_matmul(tg_matmul(yt, y), gt);
    right = tg_sub(right, tg_matmul(tg_matmul(right, y), x));
    tg_tensor *inside = tg_matmul(tg_matmul(yt, r->g[0]), yt);
    r->gin[0] = tg_sub(tg_add(left, right), inside);
}
TG_OP(pinv, .maths = "pseudo-inverse of x", .inputs = "x", .n_in = 1, .flags = TG__BLAS, RTOL,
      .forward = pinv_forward, .rule = pinv_rule, .saves = {TG__SAVE_IN(0, 1), TG__SAVE_OUT(0, 1)},
      .onnx = {"none"});
TG_SAMPLES(pinv, "w[3,3]", "w[4,2]", "w[2,4] | rtol=0.0001", "w[2,3,2]");
tg_tensor *tg_pinv(tg_tensor *x, double rtol) {
    return tg__apply1(&tg__op_pinv, x, &(rtol_attr){rtol});
}

/* ---- matrix_rank: how many singular values count ---- */
static bool matrix_rank_forward(const tg__call *c) {
    double rtol = tolerance("matrix_rank", c->in[0], ((const rtol_attr *)c->attr)->rtol);
    if (rtol < 0)
        return false;
    tg_scope scope = tg_scope_open();
    const char *was = tg__errors_as("matrix_rank");
    tg_tensor *none = negligible(tg_svdvals(c->in[0]), rtol);
    tg_tensor *rank = tg_sum(tg_logical_not(none), TG_DIMS(-1), false);
    bool good = tg__settle(c, scope, rank);
    tg__errors_back(was);
    return good;
}
TG_OP(matrix_rank, .maths = "number of singular values above rtol times the largest", .inputs = "x",
      .n_in = 1, .flags = TG__BLAS | TG__NOT_DIFF, RTOL, .forward = matrix_rank_forward,
      .onnx = {"none"});
TG_SAMPLES(matrix_rank, "w[3,3]", "[4,2]", "w[2,2,3] | rtol=0.1");
tg_tensor *tg_matrix_rank(tg_tensor *x, double rtol) {
    return tg__apply1(&tg__op_matrix_rank, x, &(rtol_attr){rtol});
}

/* ---- lstsq: the y that makes ‖a·y - b‖ least, of full rank; the shortest such if a is wide ----
 */

/* False with an error if a diagonal element of R is negligible beside the largest. */
static bool full_rank(tg_tensor *r, double rtol) {
    if (r == NULL)
        return false;
    if (r->numel == 0)
        return true;
    bool was = tg__grad_off();
    tg_tensor *d = tg_abs(tg_diagonal(r, 0, -2, -1));
    tg_tensor *bad =
        tg_le(tg_amin(d, TG_DIMS(-1), false), tg_mul_scalar(tg_amax(d, TG_DIMS(-1), false), rtol));
    tg_tensor *first = tg_argmax(tg_cast(tg_reshape(bad, TG_SHAPE(-1)), TG_I32), 0, false);
    tg_tensor *any = tg_any(bad, TG_ALL, false);
    tg__grad_back(was);
    if (first == NULL || any == NULL)
        return false;
    return tg_item_i64(any) == 0 ||
           tg__lapack_good("lstsq", r, tg_item_i64(first), 1, "is not of full rank; use tg_pinv");
}

static bool lstsq_forward(const tg__call *c) {
    tg_tensor *a = c->in[0];
    tg_tensor *b = c->in[1];
    if (!tg__is_matrix("lstsq", "a", a))
        return false;
    bool vector = tg__is_vector_system(a, b);
    b = vector ? tg_unsqueeze(b, -1) : b;
    if (b == NULL || !tg__is_matrix("lstsq", "b", b) || !tg__same_float("lstsq", a, b))
        return false;
    if (tg__rows(b) != tg__rows(a)) {
        tg__fail(TG_ERR_SHAPE, "lstsq", "a is %s and b %s; b must have as many rows as a",
                 tg__describe(a), tg__describe(b));
        return false;
    }
    bool wide = tg__rows(a) < tg__cols(a);
    int64_t most = wide ? tg__cols(a) : tg__rows(a);
    tg_tensor *r = NULL;
    tg_tensor *q = tg_qr(wide ? tg__mt(a) : a, false, &r);
    if (!full_rank(r, (double)most * epsilon(a)))
        return false;
    tg_tensor *y; /* wide: aᵀ = Q·R, y = Q·R⁻ᵀ·b */
    if (wide)
        y = tg_matmul(q, tg_solve_triangular(tg__mt(r), b, false, true, false));
    else
        y = tg_solve_triangular(r, tg_matmul(tg__mt(q), b), true, true, false);
    c->out[0] = vector ? tg_squeeze(y, TG_DIMS(-1)) : y;
    return c->out[0] != NULL;
}
TG_OP(lstsq, .maths = "y that makes |a . y - b| least", .inputs = "a b", .n_in = 2,
      .flags = TG__BLAS | TG__COMPOSED, .forward = lstsq_forward, .onnx = {"none"});
TG_SAMPLES(lstsq, "w[4,2] [4,3]", "w[3,3] [3,1]", "w[2,4] [2,2]", "w[2,3,2] [2,3,1]", "w[4,2] [4]",
           "w[2,3,2] [2,3]");
tg_tensor *tg_lstsq(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_lstsq, a, b, NULL); }

/* ---- matrix_norm ---- */
typedef struct {
    tg__text ord;
    tg__dims dims;
    bool keepdim;
} norm_attr;
static const tg__field norm_fields[] = {
    {"ord", TG_ATTR_TEXT, offsetof(norm_attr, ord), false, 0, 0},
    {"dims", TG_ATTR_DIMS, offsetof(norm_attr, dims), false, 0, 0},
    {"keepdim", TG_ATTR_BOOL, offsetof(norm_attr, keepdim), false, 0, 0},
    {0}};

/* The largest (or least) of s along its last dim; the largest of nothing is 0. */
static tg_tensor *extreme(tg_tensor *s, bool least) {
    if (s != NULL && s->shape[s->ndim - 1] == 0 && !least)
        return tg_sum(s, TG_DIMS(-1), false);
    return least ? tg_amin(s, TG_DIMS(-1), false) : tg_amax(s, TG_DIMS(-1), false);
}

static tg_tensor *norm_of(tg_tensor *x, const char *ord) {
    bool least = ord[0] == '-';
    const char *size = ord + (least ? 1 : 0);
    if (ord[0] == '\0' || strcmp(ord, "fro") == 0)
        return tg_vector_norm(x, 2.0, TG_DIMS(-2, -1), false);
    if (strcmp(ord, "nuc") == 0)
        return tg_sum(tg_svdvals(x), TG_DIMS(-1), false);
    if (strcmp(size, "2") == 0)
        return extreme(tg_svdvals(x), least);
    if (strcmp(size, "1") == 0)
        return extreme(tg_sum(tg_abs(x), TG_DIMS(-2), false), least);
    if (strcmp(size, "inf") == 0)
        return extreme(tg_sum(tg_abs(x), TG_DIMS(-1), false), least);
    tg__fail(TG_ERR_ARG, "matrix_norm", "ord is %s; give fro, nuc, 2, -2, 1, -1, inf or -inf",
             tg__quote(ord));
    return NULL;
}

/* x with the two dims last; false with an error. */
static bool norm_dims(tg_tensor *x, const tg__dims *dims, int *order) {
    int at[2] = {x->ndim - 2, x->ndim - 1};
    for (int i = 0; i < dims->n; i++) {
        int d = tg__dim("matrix_norm", x, dims->dim[i]);
        if (d < 0)
            return false;
        at[i < 2 ? i : 1] = d;
    }
    if ((dims->n != 0 && dims->n != 2) || at[0] == at[1]) {
        tg__fail(TG_ERR_INDEX, "matrix_norm", "%d dims for %s; give two different ones", dims->n,
                 tg__describe(x));
        return false;
    }
    int n = 0;
    for (int d = 0; d < x->ndim; d++)
        if (d != at[0] && d != at[1])
            order[n++] = d;
    order[n] = at[0];
    order[n + 1] = at[1];
    return true;
}

static bool matrix_norm_forward(const tg__call *c) {
    const norm_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    int order[TG_MAX_DIMS];
    if (!tg__is_matrix("matrix_norm", "x", x) || !norm_dims(x, &a->dims, order))
        return false;
    int64_t shape[TG_MAX_DIMS];
    memcpy(shape, x->shape, sizeof shape);
    shape[order[x->ndim - 2]] = shape[order[x->ndim - 1]] = 1;
    tg_tensor *y = norm_of(tg_permute(x, x->ndim, order), a->ord.text);
    c->out[0] = a->keepdim ? tg_reshape(y, x->ndim, shape) : y;
    return c->out[0] != NULL;
}
TG_OP(matrix_norm, .maths = "norm of matrices", .inputs = "x", .n_in = 1,
      .flags = TG__BLAS | TG__COMPOSED, .fields = norm_fields, .attr_size = sizeof(norm_attr),
      .forward = matrix_norm_forward, .onnx = {"composed"});
TG_SAMPLES(matrix_norm, "[2,3]", "w[3,3] | ord=nuc", "w[2,3] | ord=2", "w[3,2] | ord=-2",
           "[2,3] | ord=1", "[2,3] | ord=-1", "[2,3,2] | ord=inf dims=2,0 keepdim=1",
           "[2,3] | ord=-inf", "[2,2,3] | ord=fro dims=0,-1");
tg_tensor *tg_matrix_norm(tg_tensor *x, const char *ord, int ndims, const int *dims, bool keepdim) {
    norm_attr a = {.keepdim = keepdim};
    size_t n = ord != NULL ? strlen(ord) : 0;
    if (n >= TG__MAX_TEXT) {
        tg__fail(TG_ERR_ARG, "matrix_norm", "ord is %s; give fro, nuc, 2, -2, 1, -1, inf or -inf",
                 tg__quote(ord));
        return NULL;
    }
    if (ord != NULL)
        memcpy(a.ord.text, ord, n + 1);
    return tg__dims_from("matrix_norm", ndims, dims, &a.dims)
               ? tg__apply1(&tg__op_matrix_norm, x, &a)
               : NULL;
}
