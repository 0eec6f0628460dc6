/* determinant.c - det, slogdet, logdet.
 *
 * The determinant is a polynomial, so its derivatives exist for singular matrices too: the first is
 * the cofactor matrix, the second is made of minors of order n - 2. Where LU divides by nothing
 * small, the cofactors are det·x⁻ᵀ; else they come from the singular values, x = U·diag(s)·Vᵀ, in
 * whose frame they are diagonal: c = ±U·diag(Π_{j≠i} sⱼ)·Vᵀ. Third derivatives divide by det. */
#include "base/alloc.h"
#include "kernels/lapack.h"
#include "ops/matrix.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* ---- One matrix ---- */

typedef struct {
    tg_dtype dtype;
    int64_t n;
    char *a; /* n² elements, the LU factors */
    int32_t *pivots;
    size_t bytes;
} work;

static bool work_begin(const char *op, const tg_tensor *x, work *w) {
    w->dtype = (tg_dtype)x->dtype;
    w->n = tg__rows(x);
    size_t elements = (size_t)(w->n * w->n) * tg__item_size(x->dtype);
    w->bytes = elements + (size_t)w->n * sizeof(int32_t);
    w->a = tg__alloc(w->bytes);
    if (w->a == NULL)
        tg__fail_memory(op, w->bytes);
    else
        w->pivots = (int32_t *)(void *)(w->a + elements);
    return w->a != NULL;
}
static void work_end(work *w) { tg__free(w->a, w->bytes); }

static double pivot_of(const work *w, int64_t i) {
    return tg__load_double(w->dtype,
                           w->a + (size_t)(i * (w->n + 1)) * (w->dtype == TG_F32 ? 4 : 8));
}

/* Factorises a copy of a matrix (either order); the sign of its row swaps in *sign. */
static int64_t factorise(work *w, const char *matrix, double *sign) {
    memcpy(w->a, matrix, (size_t)(w->n * w->n) * (w->dtype == TG_F32 ? 4 : 8));
    int64_t status = tg__lapack_lu(w->dtype, w->n, w->n, w->a, w->pivots);
    *sign = 1;
    for (int64_t i = 0; i < w->n && status >= 0; i++)
        if (w->pivots[i] != i + 1)
            *sign = -*sign;
    return status;
}

/* ---- det ---- */

/* A new tensor with the shape of x's batch. Raw. */
static tg_tensor *batch_of(const char *op, const tg_tensor *x) {
    return tg__new(op, (tg_dtype)x->dtype, x->ndim - 2, x->shape);
}

/* det of all matrices into y; with `sign` ln|det| into y and the sign there. */
static bool determinants(const char *op, tg_tensor *x, tg_tensor *y, tg_tensor *sign) {
    work w;
    tg_tensor *packed = tg__packed(op, x);
    bool good = packed != NULL && work_begin(op, x, &w);
    if (!good) {
        tg__unref(packed);
        return false;
    }
    size_t size = tg__item_size(x->dtype);
    for (int64_t i = 0; i < tg__batch_count(x) && good; i++) {
        double det;
        double log_abs = 0;
        int64_t status = factorise(&w, tg__matrix_at(packed, i), &det);
        good = status >= 0 || tg__lapack_good(op, x, i, status, "");
        for (int64_t k = 0; k < w.n && good; k++) {
            double p = pivot_of(&w, k);
            log_abs += log(fabs(p));
            det *= sign == NULL ? p : p > 0 ? 1.0 : p < 0 ? -1.0 : p;
        }
        tg__convert_double(w.dtype, y->data + (size_t)i * size, sign == NULL ? det : log_abs);
        if (sign != NULL)
            tg__convert_double(w.dtype, sign->data + (size_t)i * size, det);
    }
    work_end(&w);
    tg__unref(packed);
    return good;
}

static bool det_forward(const tg__call *c) {
    if (!tg__is_square("det", "x", c->in[0]))
        return false;
    tg_tensor *y = batch_of("det", c->in[0]);
    if (y != NULL && !determinants("det", c->in[0], y, NULL)) {
        tg__unref(y);
        y = NULL;
    }
    c->out[0] = y;
    return y != NULL;
}
/* [...] as [..., 1, 1]. */
static tg_tensor *scalar_of(tg_tensor *x) { return tg_unsqueeze(tg_unsqueeze(x, -1), -1); }
static void det_rule(tg__rule *r) {
    r->gin[0] = tg_mul(scalar_of(r->g[0]), tg__apply1(&tg__op_cofactor, r->in[0], NULL));
}
TG_OP(det, .maths = "determinant of square matrices", .inputs = "x", .n_in = 1, .flags = TG__BLAS,
      .forward = det_forward, .rule = det_rule, .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"Det", 11});
TG_SAMPLES(det, "w[3,3]", "w[2,2,2]", "[1,1]", "w[4,4]");
tg_tensor *tg_det(tg_tensor *x) { return tg__apply1(&tg__op_det, x, NULL); }

/* ---- cofactor: the matrix of ∂det/∂xᵢⱼ ---- */

/* Π of all s but those at i and j (which may be equal). */
static double others(const double *s, int64_t n, int64_t i, int64_t j) {
    double p = 1;
    for (int64_t k = 0; k < n; k++)
        p *= k == i || k == j ? 1.0 : s[k];
    return p;
}

/* A matrix in its own frame: f64 U, s, Vᵀ (columns), and det(U)·det(V). */
typedef struct {
    int64_t n;
    double *u, *vt, *s, *a, *b; /* a, b: n² numbers of room each */
    double sign;
    size_t bytes;
} frame;

static bool frame_begin(const char *op, int64_t n, frame *f) {
    size_t square = (size_t)(n * n);
    f->n = n;
    f->bytes = (4 * square + (size_t)n) * sizeof(double) + (size_t)n * sizeof(int32_t);
    f->u = tg__alloc(f->bytes);
    if (f->u == NULL) {
        tg__fail_memory(op, f->bytes);
        return false;
    }
    f->vt = f->u + square;
    f->a = f->vt + square;
    f->b = f->a + square;
    f->s = f->b + square;
    return true;
}

/* ±1: the determinant of an orthogonal matrix. */
static int64_t orientation(frame *f, const double *q) {
    int32_t *pivots = (int32_t *)(void *)(f->s + f->n);
    memcpy(f->a, q, (size_t)(f->n * f->n) * sizeof *q);
    int64_t status = tg__lapack_lu(TG_F64, f->n, f->n, f->a, pivots);
    for (int64_t i = 0; i < f->n && status >= 0; i++)
        if ((pivots[i] != i + 1) != (f->a[i * (f->n + 1)] < 0))
            f->sign = -f->sign;
    return status < 0 ? status : 0;
}

/* Of a row-major matrix. Its transpose lies in columns, so u and vt are those of xᵀ. */
static int64_t frame_of(frame *f, tg_dtype dtype, const char *matrix) {
    for (int64_t i = 0; i < f->n * f->n; i++)
        f->a[i] = tg__load_double(dtype, matrix + (size_t)i * (dtype == TG_F32 ? 4 : 8));
    int64_t status = tg__lapack_svd(TG_F64, f->n, f->n, f->a, f->s, f->u, f->vt, false);
    f->sign = 1;
    status = status == 0 ? orientation(f, f->u) : status;
    return status == 0 ? orientation(f, f->vt) : status;
}

/* out (row-major, any float dtype) = sign · xᵀ-frame's U·m·Vᵀ, transposed: out[j·n + i] is element
 * (i, j) of the transposed matrix. m in columns; uses f->a. */
static void from_frame(const frame *f, const double *m, tg_dtype dtype, char *out) {
    int64_t n = f->n;
    for (int64_t j = 0; j < n; j++) /* a = m · Vᵀ */
        for (int64_t i = 0; i < n; i++) {
            double sum = 0;
            for (int64_t k = 0; k < n; k++)
                sum += m[k * n + i] * f->vt[j * n + k];
            f->a[j * n + i] = sum;
        }
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = 0; i < n; i++) {
            double sum = 0;
            for (int64_t k = 0; k < n; k++)
                sum += f->u[k * n + i] * f->a[j * n + k];
            tg__convert_double(dtype, out + (size_t)(j * n + i) * (dtype == TG_F32 ? 4 : 8),
                               f->sign * sum);
        }
}

/* c = det·x⁻ᵀ by LU, if no pivot is small beside another one. */
static bool by_inverse(work *w, const char *matrix, char *out, int64_t *status) {
    double det;
    double least = INFINITY;
    double most = 0;
    *status = factorise(w, matrix, &det);
    for (int64_t i = 0; i < w->n && *status == 0; i++) {
        double p = pivot_of(w, i);
        det *= p;
        least = fabs(p) < least ? fabs(p) : least;
        most = fabs(p) > most ? fabs(p) : most;
    }
    if (*status != 0 || !(least > (w->dtype == TG_F32 ? 1e-3 : 1e-7) * most) || !isfinite(det))
        return false;
    /* LU of the columns that xᵀ is made of: the inverse of xᵀ in columns is x⁻ᵀ, transposed */
    size_t size = w->dtype == TG_F32 ? 4 : 8;
    memset(out, 0, (size_t)(w->n * w->n) * size);
    for (int64_t j = 0; j < w->n; j++)
        tg__convert_double(w->dtype, out + (size_t)(j * (w->n + 1)) * size, det);
    tg__lapack_swap(w->dtype, w->n, w->n, out, w->n, w->pivots);
    *status = tg__lapack_triangular(w->dtype, false, false, true, w->n, w->n, w->a, out);
    if (*status == 0)
        *status = tg__lapack_triangular(w->dtype, true, false, false, w->n, w->n, w->a, out);
    for (int64_t i = 0; i < w->n; i++) /* out is (xᵀ)⁻¹ in columns, x⁻¹ in rows: transpose */
        for (int64_t j = 0; j < i; j++) {
            char t[8];
            char *p = out + (size_t)(i * w->n + j) * size;
            char *q = out + (size_t)(j * w->n + i) * size;
            memcpy(t, p, size);
            memcpy(p, q, size);
            memcpy(q, t, size);
        }
    return true;
}

static int64_t fill_with_nan(tg_dtype dtype, int64_t n, char *out) {
    for (int64_t i = 0; i < n * n; i++)
        tg__convert_double(dtype, out + (size_t)i * (dtype == TG_F32 ? 4 : 8), NAN);
    return 0;
}

static int64_t cofactors(work *w, frame *f, const char *matrix, char *out) {
    int64_t status;
    if (w->n == 1) { /* det is x itself, whatever that is */
        tg__convert_double(w->dtype, out, 1.0);
        return 0;
    }
    if (by_inverse(w, matrix, out, &status) || status < 0)
        return status;
    if (!tg__all_finite(w->dtype, w->n * w->n, matrix))
        return fill_with_nan(w->dtype, w->n, out);
    status = frame_of(f, w->dtype, matrix);
    if (status != 0)
        return status;
    memset(f->b, 0, (size_t)(f->n * f->n) * sizeof *f->b);
    for (int64_t i = 0; i < f->n; i++)
        f->b[i * (f->n + 1)] = others(f->s, f->n, i, i);
    from_frame(f, f->b, w->dtype, out);
    return 0;
}

static bool cofactor_forward(const tg__call *c) {
    tg_tensor *x = c->in[0];
    work w;
    frame f;
    if (!tg__is_square("cofactor", "x", x))
        return false;
    tg_tensor *packed = tg__packed("cofactor", x);
    tg_tensor *y =
        packed != NULL ? tg__new("cofactor", (tg_dtype)x->dtype, x->ndim, x->shape) : NULL;
    bool good = y != NULL && work_begin("cofactor", x, &w);
    if (good && !frame_begin("cofactor", w.n, &f)) {
        work_end(&w);
        good = false;
    }
    if (good) {
        for (int64_t i = 0; i < tg__batch_count(x) && good && x->numel > 0; i++)
            good = tg__lapack_good("det", x, i,
                                   cofactors(&w, &f, tg__matrix_at(packed, i), tg__matrix_at(y, i)),
                                   "has singular values that did not converge");
        work_end(&w);
        tg__free(f.u, f.bytes);
    }
    tg__unref(packed);
    if (!good)
        tg__unref(y);
    c->out[0] = good ? y : NULL;
    return good;
}
static void cofactor_rule(tg__rule *r) {
    r->gin[0] = tg__apply2(&tg__op_det_hessian, r->in[0], r->g[0], NULL);
}
TG_OP(cofactor, .maths = "d det(x) / dx", .inputs = "x", .n_in = 1,
      .flags = TG__BLAS | TG__INTERNAL, .forward = cofactor_forward, .rule = cofactor_rule,
      .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"none"});
TG_SAMPLES(cofactor, "w[3,3]", "w[2,2,2]");

/* ---- det_hessian: Σₖₗ ∂²det/∂xᵢⱼ∂xₖₗ·gₖₗ ---- */

/* In x's frame, with pᵢⱼ = Π of the other singular values: diagonal element i is Σ_{j≠i} pᵢⱼ·gⱼⱼ,
 * element (i, j) is -pᵢⱼ·gⱼᵢ. */
static void hessian_in_frame(frame *f, const double *g) {
    int64_t n = f->n;
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = 0; i < n; i++) {
            double sum = 0;
            for (int64_t k = 0; i == j && k < n; k++)
                sum += k == i ? 0.0 : others(f->s, n, i, k) * g[k * (n + 1)];
            f->b[j * n + i] = i == j ? sum : -others(f->s, n, i, j) * g[i * n + j];
        }
}

/* b = Uᵀ·(g as xᵀ lies, in columns)·V, through a; then the result replaces b. */
static void hessian(frame *f, tg_dtype dtype, const char *gradient, char *out) {
    int64_t n = f->n;
    size_t size = dtype == TG_F32 ? 4 : 8;
    for (int64_t j = 0; j < n; j++) /* a = gᵀ·V */
        for (int64_t i = 0; i < n; i++) {
            double sum = 0;
            for (int64_t k = 0; k < n; k++)
                sum += tg__load_double(dtype, gradient + (size_t)(k * n + i) * size) *
                       f->vt[k * n + j];
            f->a[j * n + i] = sum;
        }
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = 0; i < n; i++) {
            double sum = 0;
            for (int64_t k = 0; k < n; k++)
                sum += f->u[i * n + k] * f->a[j * n + k];
            f->b[j * n + i] = sum;
        }
    memcpy(f->a, f->b, (size_t)(n * n) * sizeof *f->a);
    hessian_in_frame(f, f->a);
    from_frame(f, f->b, dtype, out);
}

static int64_t hessian_of(frame *f, tg_dtype dtype, const char *matrix, const char *gradient,
                          char *out) {
    if (!tg__all_finite(dtype, f->n * f->n, matrix))
        return fill_with_nan(dtype, f->n, out);
    int64_t status = frame_of(f, dtype, matrix);
    if (status == 0)
        hessian(f, dtype, gradient, out);
    return status;
}

static bool det_hessian_forward(const tg__call *c) {
    tg_tensor *x = c->in[0];
    frame f;
    if (!tg__is_square("det_hessian", "x", x))
        return false;
    if (!tg__same_float("det_hessian", x, c->in[1]))
        return false;
    if (!tg__same_shape(x, c->in[1])) {
        tg__fail(TG_ERR_SHAPE, "det_hessian", "x is %s and g %s; they must be alike",
                 tg__describe(x), tg__describe(c->in[1]));
        return false;
    }
    tg_tensor *packed = tg__packed("det_hessian", x);
    tg_tensor *g = packed != NULL ? tg__packed("det_hessian", c->in[1]) : NULL;
    tg_tensor *y = g != NULL ? tg__new("det_hessian", (tg_dtype)x->dtype, x->ndim, x->shape) : NULL;
    bool good = y != NULL && frame_begin("det_hessian", tg__rows(x), &f);
    if (good) {
        for (int64_t i = 0; i < tg__batch_count(x) && good && x->numel > 0; i++)
            good = tg__lapack_good("det", x, i,
                                   hessian_of(&f, (tg_dtype)x->dtype, tg__matrix_at(packed, i),
                                              tg__matrix_at(g, i), tg__matrix_at(y, i)),
                                   "has singular values that did not converge");
        tg__free(f.u, f.bytes);
    }
    tg__unref(packed);
    tg__unref(g);
    if (!good)
        tg__unref(y);
    c->out[0] = good ? y : NULL;
    return good;
}
static tg_tensor *sum_of_matrix(tg_tensor *x) { return tg_sum(x, TG_DIMS(-2, -1), true); }
/* y = (⟨g, c⟩·c - c·gᵀ·c) / det where c are the cofactors, so with φ = ⟨y, h⟩ for the gradient h:
 * ∂φ/∂c = (g·⟨h, c⟩ + h·⟨g, c⟩ - h·cᵀ·g - g·cᵀ·h) / det and ∂φ/∂det = -φ / det. */
static void det_hessian_rule(tg__rule *r) {
    tg_tensor *x = r->in[0];
    tg_tensor *g = r->in[1];
    tg_tensor *h = r->g[0];
    if (r->wanted[1])
        r->gin[1] = tg__apply2(&tg__op_det_hessian, x, h, NULL);
    if (!r->wanted[0])
        return;
    tg_tensor *c = tg__apply1(&tg__op_cofactor, x, NULL);
    tg_tensor *det = scalar_of(tg_det(x));
    tg_tensor *phi = sum_of_matrix(tg_mul(r->out[0], h));
    tg_tensor *slope =
        tg_add(tg_mul(g, sum_of_matrix(tg_mul(h, c))), tg_mul(h, sum_of_matrix(tg_mul(g, c))));
    slope = tg_sub(slope, tg_matmul(h, tg_matmul(tg__mt(c), g)));
    slope = tg_sub(slope, tg_matmul(g, tg_matmul(tg__mt(c), h)));
    r->gin[0] = tg_sub(tg__apply2(&tg__op_det_hessian, x, tg_div(slope, det), NULL),
                       tg_mul(tg_div(phi, det), c));
}
TG_OP(det_hessian, .maths = "d2 det(x) / dx2 times g", .inputs = "x g", .n_in = 2,
      .flags = TG__BLAS | TG__INTERNAL, .forward = det_hessian_forward, .rule = det_hessian_rule,
      .saves = {TG__SAVE_IN(0, TG__ANY), TG__SAVE_IN(1, 1), TG__SAVE_OUT(0, 1)}, .onnx = {"none"});
TG_SAMPLES(det_hessian, "w[3,3] [3,3]", "w[2,2,2] [2,2,2]");

/* ---- slogdet: sign and ln|det| ---- */
static bool slogdet_forward(const tg__call *c) {
    if (!tg__is_square("slogdet", "x", c->in[0]))
        return false;
    tg_tensor *sign = batch_of("slogdet", c->in[0]);
    tg_tensor *y = sign != NULL ? batch_of("slogdet", c->in[0]) : NULL;
    if (y == NULL || !determinants("slogdet", c->in[0], y, sign)) {
        tg__unref(sign);
        tg__unref(y);
        return false;
    }
    c->out[0] = sign;
    c->out[1] = y;
    return true;
}
static void slogdet_rule(tg__rule *r) {
    if (r->g[1] == NULL) /* the sign is constant almost everywhere */
        r->gin[0] = tg_zeros_like(r->in[0]);
    else
        r->gin[0] =
            tg_mul(scalar_of(r->g[1]), tg__mt(tg__apply1(&tg__op_inverse_any, r->in[0], NULL)));
}
TG_OP(slogdet, .maths = "sign(det(x)) and log|det(x)|", .inputs = "x", .n_in = 1, .n_out = 2,
      .flags = TG__BLAS, .forward = slogdet_forward, .rule = slogdet_rule,
      .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"none"});
TG_SAMPLES(slogdet, "w[3,3]", "w[2,2,2]");
tg_tensor *tg_slogdet(tg_tensor *x, tg_tensor **logabsdet) {
    return tg__apply_rest(&tg__op_slogdet, &x, 1, NULL, (tg_tensor * *[]){logabsdet});
}

/* ---- logdet: ln det, NaN where det < 0 ---- */
static bool logdet_forward(const tg__call *c) {
    tg_tensor *y = NULL;
    tg_tensor *sign = tg_slogdet(c->in[0], &y);
    tg_tensor *nan = y != NULL ? tg_scalar((tg_dtype)y->dtype, NAN) : NULL;
    c->out[0] = tg_where(tg_lt_scalar(sign, 0.0), nan, y);
    return c->out[0] != NULL;
}
TG_OP(logdet, .maths = "log(det(x))", .inputs = "x", .n_in = 1, .flags = TG__BLAS | TG__COMPOSED,
      .forward = logdet_forward, .onnx = {"none"});
TG_SAMPLES(logdet, "p[3,3]", "p[2,2,2]");
tg_tensor *tg_logdet(tg_tensor *x) { return tg__apply1(&tg__op_logdet, x, NULL); }
