/* decompose.c - orthogonal factorisations: QR, eigenvalues of symmetric matrices, singular values.
 *
 * Eigenvectors and singular vectors are determined up to their signs only, and where eigenvalues
 * (squares of singular values) are equal not even that: gradients through them divide by the
 * differences and become infinite or NaN there; those through the values alone stay right. The
 * rules are those of Giles 2008, 3.1 and 3.2 (eigenvalues, singular values) and Seeger et al. 2017,
 * "Auto-differentiating linear algebra", 4.2 and 4.3 (QR, symmetric eigenvalues); QR of wide
 * matrices splits A = [A₁ A₂] = Q·[R₁ Qᵀ·A₂]. */
#include "kernels/lapack.h"
#include "ops/matrix.h"

#include <string.h>

/* ---- QR ---- */

/* Q [..., m, cols] and R [..., cols, n] of x [..., m, n]; false with an error. */
static bool qr_of(const char *op, const tg_tensor *x, int64_t cols, tg_tensor **out) {
    int64_t m = tg__rows(x);
    int64_t n = tg__cols(x);
    int64_t width = n > cols ? n : cols;
    int64_t shape[TG_MAX_DIMS];
    size_t size = tg__item_size(x->dtype);
    tg_dtype dtype = (tg_dtype)x->dtype;
    memcpy(shape, x->shape, sizeof shape);
    shape[x->ndim - 2] = width;
    shape[x->ndim - 1] = m;
    tg_tensor *a = tg__columns(op, x);
    tg_tensor *wide = a != NULL ? tg__new(op, dtype, x->ndim, shape) : NULL;
    shape[x->ndim - 2] = cols;
    tg_tensor *q = wide != NULL ? tg__new(op, dtype, x->ndim, shape) : NULL;
    shape[x->ndim - 2] = n;
    shape[x->ndim - 1] = cols;
    tg_tensor *r = q != NULL ? tg__new(op, dtype, x->ndim, shape) : NULL;
    bool good = r != NULL;
    for (int64_t i = 0; good && i < tg__batch_count(x); i++) {
        char *at = tg__matrix_at(wide, i);
        memset(at, 0, (size_t)(m * width) * size);
        memcpy(at, tg__matrix_at(a, i), (size_t)(m * n) * size);
        good = tg__lapack_good(op, x, i, tg__lapack_qr(dtype, m, n, cols, at, tg__matrix_at(r, i)),
                               "");
        if (good)
            memcpy(tg__matrix_at(q, i), at, (size_t)(m * cols) * size);
    }
    tg__unref(a);
    tg__unref(wide);
    out[0] = good ? tg__from_columns(op, q) : NULL;
    out[1] = out[0] != NULL ? tg__from_columns(op, r) : NULL;
    if (!good)
        tg__unref(q);
    if (out[0] == NULL)
        tg__unref(r);
    if (out[1] == NULL) {
        tg__unref(out[0]);
        out[0] = NULL;
    }
    return out[1] != NULL;
}

static bool qr_reduced_forward(const tg__call *c) {
    const tg_tensor *x = c->in[0];
    return tg__is_matrix("qr", "x", x) &&
           qr_of("qr", x, tg__rows(x) < tg__cols(x) ? tg__rows(x) : tg__cols(x), c->out);
}
/* M = R·gRᵀ - gQᵀ·Q; gA = (gQ + Q·(tril M + tril₋₁ Mᵀ))·R⁻ᵀ for square R. */
static tg_tensor *tall_gradient(tg_tensor *q, tg_tensor *r, tg_tensor *gq, tg_tensor *gr) {
    tg_tensor *m = tg_sub(tg_matmul(r, tg__mt(gr)), tg_matmul(tg__mt(gq), q));
    m = tg_add(tg_tril(m, 0), tg__mt(tg_tril(m, -1)));
    return tg__solve_triangle(tg__mt(r), tg_add(gq, tg_matmul(q, m)), false, false, false);
}
static void qr_reduced_rule(tg__rule *r) {
    tg_tensor *q = r->out[0];
    tg_tensor *up = r->out[1];
    tg_tensor *gq = r->g[0] != NULL ? r->g[0] : tg_zeros_like(q);
    tg_tensor *gr = r->g[1] != NULL ? r->g[1] : tg_zeros_like(up);
    int64_t k = tg__rows(up);
    int64_t rest = tg__cols(up) - k;
    if (rest == 0) {
        r->gin[0] = tall_gradient(q, up, gq, gr);
        return;
    }
    tg_tensor *g2 = tg_narrow(gr, -1, k, rest); /* of R₂ = Qᵀ·A₂, A₂ = Q·R₂ */
    tg_tensor *a2 = tg_matmul(q, tg_narrow(up, -1, k, rest));
    gq = tg_add(gq, tg_matmul(a2, tg__mt(g2)));
    tg_tensor *g1 = tall_gradient(q, tg_narrow(up, -1, 0, k), gq, tg_narrow(gr, -1, 0, k));
    r->gin[0] = tg_cat((tg_tensor *[]){g1, tg_matmul(q, g2)}, 2, -1);
}
TG_OP(qr_reduced, .maths = "x = Q . R, Q with min(m, n) columns", .inputs = "x", .n_in = 1,
      .n_out = 2, .flags = TG__BLAS | TG__INTERNAL, .forward = qr_reduced_forward,
      .rule = qr_reduced_rule, .saves = {TG__SAVE_OUT(0, 1), TG__SAVE_OUT(1, 1)}, .onnx = {"none"});
TG_SAMPLES(qr_reduced, "w[3,3]", "w[4,2]", "w[2,4]", "w[2,3,2]");

static bool qr_complete_forward(const tg__call *c) {
    return tg__is_matrix("qr", "x", c->in[0]) && qr_of("qr", c->in[0], tg__rows(c->in[0]), c->out);
}
TG_OP(qr_complete, .maths = "x = Q . R, Q square", .inputs = "x", .n_in = 1, .n_out = 2,
      .flags = TG__BLAS | TG__INTERNAL | TG__NOT_DIFF, .forward = qr_complete_forward,
      .onnx = {"none"});
TG_SAMPLES(qr_complete, "w[4,2]", "w[2,3,2]");

/* False with an error if a gradient would be asked of columns that x does not determine. */
static bool no_gradient_wanted(const char *op, const tg_tensor *x, const char *instead) {
    if (!tg__self()->grad_on || !(x->flags & TG__REQUIRES_GRAD))
        return true;
    tg__fail(
        TG_ERR_UNSUPPORTED, op,
        "x is %s and requires gradients, but the columns that complete a square matrix are not "
        "determined by it; %s",
        tg__describe(x), instead);
    return false;
}

typedef struct {
    bool complete;
} qr_attr;
static const tg__field qr_fields[] = {
    {"complete", TG_ATTR_BOOL, offsetof(qr_attr, complete), false, 0, 0}, {0}};
static bool qr_forward(const tg__call *c) {
    tg_tensor *x = c->in[0];
    if (!tg__is_matrix("qr", "x", x))
        return false;
    const tg__op *op = &tg__op_qr_reduced;
    if (((const qr_attr *)c->attr)->complete && tg__rows(x) > tg__cols(x)) {
        op = &tg__op_qr_complete;
        if (!no_gradient_wanted("qr", x, "use complete = 0, or tg_detach"))
            return false;
    }
    return tg__apply(op, c->in, 1, NULL, c->out);
}
TG_OP(qr, .maths = "x = Q . R, Q orthogonal, R upper triangular", .inputs = "x", .n_in = 1,
      .n_out = 2, .flags = TG__BLAS | TG__COMPOSED, .fields = qr_fields,
      .attr_size = sizeof(qr_attr), .forward = qr_forward, .onnx = {"none"});
TG_SAMPLES(qr, "w[3,3]", "w[3,2]", "w[2,3]", "w[3,3] | complete=1");
tg_tensor *tg_qr(tg_tensor *x, bool complete, tg_tensor **r) {
    return tg__apply_rest(&tg__op_qr, &x, 1, &(qr_attr){complete}, (tg_tensor * *[]){r});
}

/* ---- eigh: x = V·diag(w)·Vᵀ ---- */
typedef struct {
    bool upper;
} eigh_attr;
static const tg__field eigh_fields[] = {
    {"upper", TG_ATTR_BOOL, offsetof(eigh_attr, upper), false, 0, 0}, {0}};
#define EIGH .fields = eigh_fields, .attr_size = sizeof(eigh_attr)

static bool eigh_forward(const tg__call *c) {
    const tg_tensor *x = c->in[0];
    bool upper = ((const eigh_attr *)c->attr)->upper;
    if (!tg__is_square("eigh", "x", x))
        return false;
    tg_tensor *v = tg__columns("eigh", x);
    tg_tensor *w = v != NULL && tg__finite_only("eigh", v)
                       ? tg__new("eigh", (tg_dtype)x->dtype, x->ndim - 1, x->shape)
                       : NULL;
    bool good = w != NULL;
    int64_t n = tg__rows(x);
    for (int64_t i = 0; good && i < tg__batch_count(x); i++)
        good = tg__lapack_good("eigh", x, i,
                               tg__lapack_eigh((tg_dtype)x->dtype, n, tg__matrix_at(v, i),
                                               w->data + (size_t)(i * n) * tg__item_size(x->dtype),
                                               upper),
                               "has eigenvalues that did not converge");
    if (good)
        c->out[1] = tg__from_columns("eigh", v);
    else
        tg__unref(v);
    if (c->out[1] == NULL) {
        tg__unref(w);
        return false;
    }
    c->out[0] = w;
    return true;
}
/* x [..., j] - x [..., i] as [..., i, j], with ones on the diagonal. */
static tg_tensor *differences(tg_tensor *x) {
    if (x == NULL)
        return NULL;
    int64_t n = x->shape[x->ndim - 1];
    return tg_add(tg_sub(tg_unsqueeze(x, -2), tg_unsqueeze(x, -1)),
                  tg_eye((tg_dtype)x->dtype, n, n));
}
static tg_tensor *diagonal_matrix(tg_tensor *v) { return tg_diag_embed(v, 0, -2, -1); }
static tg_tensor *skew(tg_tensor *x) { return tg_sub(x, tg__mt(x)); }
/* gx = V·(diag(gw) + ½·skew(Vᵀ·gV) / (wⱼ - wᵢ))·Vᵀ: PyTorch's, which is symmetric. */
static void eigh_rule(tg__rule *r) {
    tg_tensor *w = r->out[0];
    tg_tensor *v = r->out[1];
    tg_tensor *middle = r->g[0] != NULL ? diagonal_matrix(r->g[0]) : NULL;
    if (r->g[1] != NULL) {
        tg_tensor *turn =
            tg_div(tg_mul_scalar(skew(tg_matmul(tg__mt(v), r->g[1])), 0.5), differences(w));
        middle = r->g[0] != NULL ? tg_add(middle, turn) : turn;
    }
    r->gin[0] = tg_matmul(tg_matmul(v, middle), tg__mt(v));
}
TG_OP(eigh, .maths = "x = V . diag(w) . V^T, x symmetric", .inputs = "x", .n_in = 1, .n_out = 2,
      .flags = TG__BLAS, EIGH, .forward = eigh_forward, .rule = eigh_rule,
      .saves = {TG__SAVE_OUT(0, 1), TG__SAVE_OUT(1, 1)}, .onnx = {"none"});
TG_SAMPLES(eigh, "s[3,3]", "s[3,3] | upper=1", "s[2,2,2]");
tg_tensor *tg_eigh(tg_tensor *x, bool upper, tg_tensor **vectors) {
    return tg__apply_rest(&tg__op_eigh, &x, 1, &(eigh_attr){upper}, (tg_tensor * *[]){vectors});
}

static bool eigvalsh_forward(const tg__call *c) {
    tg_tensor *out[2];
    if (tg__apply(&tg__op_eigh, c->in, 1, c->attr, out))
        c->out[0] = out[0];
    return c->out[0] != NULL;
}
TG_OP(eigvalsh, .maths = "eigenvalues of symmetric x, ascending", .inputs = "x", .n_in = 1,
      .flags = TG__BLAS | TG__COMPOSED, EIGH, .forward = eigvalsh_forward, .onnx = {"none"});
TG_SAMPLES(eigvalsh, "s[3,3]", "s[2,2,2] | upper=1");
tg_tensor *tg_eigvalsh(tg_tensor *x, bool upper) {
    return tg__apply1(&tg__op_eigvalsh, x, &(eigh_attr){upper});
}

/* ---- svd: x = U·diag(s)·Vᵀ ---- */

static bool svd_of(const char *op, const tg_tensor *x, bool full, tg_tensor **out) {
    int64_t m = tg__rows(x);
    int64_t n = tg__cols(x);
    int64_t k = m < n ? m : n;
    int last = x->ndim - 1;
    tg_dtype dtype = (tg_dtype)x->dtype;
    int64_t shape[TG_MAX_DIMS];
    memcpy(shape, x->shape, sizeof shape);
    shape[last - 1] = k;
    tg_tensor *a = tg__columns(op, x);
    tg_tensor *s = a != NULL && tg__finite_only(op, a) ? tg__new(op, dtype, last, shape) : NULL;
    shape[last - 1] = full ? m : k;
    shape[last] = m;
    tg_tensor *u = s != NULL ? tg__new(op, dtype, x->ndim, shape) : NULL;
    shape[last - 1] = n;
    shape[last] = full ? n : k;
    tg_tensor *vt = u != NULL ? tg__new(op, dtype, x->ndim, shape) : NULL;
    bool good = vt != NULL;
    for (int64_t i = 0; good && i < tg__batch_count(x); i++)
        good = tg__lapack_good(op, x, i,
                               tg__lapack_svd(dtype, m, n, tg__matrix_at(a, i),
                                              s->data + (size_t)(i * k) * tg__item_size(dtype),
                                              tg__matrix_at(u, i), tg__matrix_at(vt, i), full),
                               "has singular values that did not converge");
    tg__unref(a);
    if (good) {
        out[0] = tg__from_columns(op, u);
        u = NULL;
        out[2] = out[0] != NULL ? tg__from_columns(op, vt) : NULL;
        vt = out[0] != NULL ? NULL : vt;
    }
    if (out[2] == NULL) {
        tg__unref(out[0]);
        tg__unref(u);
        tg__unref(vt);
        tg__unref(s);
        out[0] = NULL;
        return false;
    }
    out[1] = s;
    return true;
}

static bool svd_reduced_forward(const tg__call *c) {
    return tg__is_matrix("svd", "x", c->in[0]) && svd_of("svd", c->in[0], false, c->out);
}
/* With E = sⱼ² - sᵢ²: gx = U·(skew(Uᵀ·gU)/E·S + S·skew(Vᵀ·gV)/E + diag(gs))·Vᵀ, and what of gU and
 * gV lies outside the spans of U and V: (I - U·Uᵀ)·gU·S⁻¹·Vᵀ + U·S⁻¹·gVᵀ·(I - V·Vᵀ). */
static void svd_reduced_rule(tg__rule *r) {
    tg_tensor *u = r->out[0];
    tg_tensor *s = r->out[1];
    tg_tensor *vt = r->out[2];
    tg_tensor *gu = r->g[0];
    tg_tensor *gvt = r->g[2];
    tg_tensor *row = tg_unsqueeze(s, -2);
    tg_tensor *column = tg_unsqueeze(s, -1);
    tg_tensor *e = gu != NULL || gvt != NULL ? differences(tg_square(s)) : NULL;
    tg_tensor *middle = diagonal_matrix(r->g[1] != NULL ? r->g[1] : tg_zeros_like(s));
    tg_tensor *within_u = gu != NULL ? tg_matmul(tg__mt(u), gu) : NULL;
    tg_tensor *within_v = gvt != NULL ? tg_matmul(vt, tg__mt(gvt)) : NULL; /* Vᵀ·gV */
    if (gu != NULL)
        middle = tg_add(middle, tg_mul(tg_div(skew(within_u), e), row));
    if (gvt != NULL)
        middle = tg_add(middle, tg_mul(tg_div(skew(within_v), e), column));
    tg_tensor *left = tg_matmul(u, middle);
    if (gu != NULL && tg__rows(u) > tg__cols(u))
        left = tg_add(left, tg_div(tg_sub(gu, tg_matmul(u, within_u)), row));
    r->gin[0] = tg_matmul(left, vt);
    if (gvt != NULL && tg__cols(vt) > tg__rows(vt)) {
        tg_tensor *outside = tg_sub(gvt, tg_matmul(tg__mt(within_v), vt));
        r->gin[0] = tg_add(r->gin[0], tg_matmul(u, tg_div(outside, column)));
    }
}
TG_OP(svd_reduced, .maths = "x = U . diag(s) . V^T, min(m, n) columns", .inputs = "x", .n_in = 1,
      .n_out = 3, .flags = TG__BLAS | TG__INTERNAL, .forward = svd_reduced_forward,
      .rule = svd_reduced_rule,
      .saves = {TG__SAVE_OUT(0, 1), TG__SAVE_OUT(1, 1), TG__SAVE_OUT(2, 1)}, .onnx = {"none"});
TG_SAMPLES(svd_reduced, "w[3,3]", "w[4,2]", "w[2,4]", "w[2,3,2]");

static bool svd_full_forward(const tg__call *c) {
    return tg__is_matrix("svd", "x", c->in[0]) && svd_of("svd", c->in[0], true, c->out);
}
TG_OP(svd_full, .maths = "x = U . diag(s) . V^T, U and V square", .inputs = "x", .n_in = 1,
      .n_out = 3, .flags = TG__BLAS | TG__INTERNAL | TG__NOT_DIFF, .forward = svd_full_forward,
      .onnx = {"none"});
TG_SAMPLES(svd_full, "w[4,2]", "w[2,2,3]");

typedef struct {
    bool full_matrices;
} svd_attr;
static const tg__field svd_fields[] = {
    {"full_matrices", TG_ATTR_BOOL, offsetof(svd_attr, full_matrices), false, 1, 0}, {0}};
static bool svd_forward(const tg__call *c) {
    tg_tensor *x = c->in[0];
    if (!tg__is_matrix("svd", "x", x))
        return false;
    const tg__op *op = &tg__op_svd_reduced;
    if (((const svd_attr *)c->attr)->full_matrices && tg__rows(x) != tg__cols(x)) {
        op = &tg__op_svd_full;
        if (!no_gradient_wanted("svd", x, "use full_matrices = 0, or tg_detach"))
            return false;
    }
    return tg__apply(op, c->in, 1, NULL, c->out);
}
TG_OP(svd, .maths = "x = U . diag(s) . V^T", .inputs = "x", .n_in = 1, .n_out = 3,
      .flags = TG__BLAS | TG__COMPOSED, .fields = svd_fields, .attr_size = sizeof(svd_attr),
      .forward = svd_forward, .onnx = {"none"});
TG_SAMPLES(svd, "w[3,3]", "w[3,2] | full_matrices=0", "w[2,2,3] | full_matrices=0");
tg_tensor *tg_svd(tg_tensor *x, bool full_matrices, tg_tensor **s, tg_tensor **vt) {
    return tg__apply_rest(&tg__op_svd, &x, 1, &(svd_attr){full_matrices}, (tg_tensor * *[]){s, vt});
}

static bool svdvals_forward(const tg__call *c) {
    tg_tensor *out[3];
    if (tg__apply(&tg__op_svd_reduced, c->in, 1, NULL, out))
        c->out[0] = out[1];
    return c->out[0] != NULL;
}
TG_OP(svdvals, .maths = "singular values of x, descending", .inputs = "x", .n_in = 1,
      .flags = TG__BLAS | TG__COMPOSED, .forward = svdvals_forward, .onnx = {"none"});
TG_SAMPLES(svdvals, "w[3,3]", "w[4,2]", "w[2,2,3]");
tg_tensor *tg_svdvals(tg_tensor *x) { return tg__apply1(&tg__op_svdvals, x, NULL); }
