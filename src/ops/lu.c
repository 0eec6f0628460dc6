/* lu.c - LU with row swaps, and Cholesky: the factorisations that solve systems.
 *
 * With A = P·[L₁; L₂]·[U₁ U₂], L₁ and U₁ square, the strict lower triangle of
 * dX = L₁⁻¹·Pᵀ·dA₁·U₁⁻¹ is L₁⁻¹·dL₁ and its upper one dU₁·U₁⁻¹; the gradients follow from that.
 * Cholesky's is that of Seeger et al. 2017, "Auto-differentiating linear algebra", 4.1, symmetrised
 * as PyTorch does: A counts as a symmetric matrix, although only one triangle is read. */
#include "base/alloc.h"
#include "kernels/lapack.h"
#include "ops/matrix.h"

#include <string.h>

/* Gives the outputs of a composition made in scope s as raw tensors; false if one is NULL. */
static bool keep_all(tg_scope s, tg_tensor *const *made, int n, tg_tensor **out) {
    bool good = true;
    for (int k = 0; k < n; k++)
        good = good && made[k] != NULL;
    for (int k = 0; good && k < n; k++)
        tg__ref(made[k]);
    if (tg_scope_close(s) != TG_OK && good) {
        for (int k = 0; k < n; k++)
            tg__unref(made[k]);
        good = false;
    }
    for (int k = 0; good && k < n; k++)
        out[k] = made[k];
    return good;
}

/* ---- Shared ---- */

static tg_tensor *block(tg_tensor *x, int64_t row, int64_t rows, int64_t col, int64_t cols) {
    return tg_narrow(tg_narrow(x, -2, row, rows), -1, col, cols);
}

/* Contiguous i64 pivots; NULL with an error unless all lie in [1, m]. Raw. */
static tg_tensor *contiguous_pivots(const char *op, tg_tensor *pivots, int64_t m) {
    tg_tensor *packed = tg__packed_as(op, pivots, TG_I64);
    for (int64_t i = 0; packed != NULL && i < packed->numel; i++) {
        int64_t p = ((const int64_t *)(const void *)packed->data)[i];
        if (p >= 1 && p <= m)
            continue;
        tg__fail(TG_ERR_INDEX, op,
                 "pivot %lld at position %lld of %s is out of range; give 1 to %lld", (long long)p,
                 (long long)i, tg__describe(packed), (long long)m);
        tg__unref(packed);
        return NULL;
    }
    return packed;
}

/* P [..., m, m] of the row swaps of matrices with m rows. Given. */
static tg_tensor *permutation(const char *op, tg_tensor *pivots, int64_t m, tg_dtype dtype) {
    int64_t shape[TG_MAX_DIMS];
    int n = pivots->ndim;
    int64_t k = pivots->shape[n - 1];
    memcpy(shape, pivots->shape, sizeof shape);
    shape[n - 1] = shape[n] = m;
    size_t bytes = (size_t)m * sizeof(int64_t);
    tg_tensor *p = tg_zeros(dtype, n + 1, shape);
    tg_tensor *packed = p != NULL ? contiguous_pivots(op, pivots, m) : NULL;
    int64_t *row = packed != NULL ? tg__alloc(bytes) : NULL;
    if (packed != NULL && row == NULL)
        tg__fail_memory(op, bytes);
    for (int64_t b = 0; row != NULL && b < tg__batch_count(p); b++) {
        const int64_t *swap = (const int64_t *)(const void *)packed->data + b * k;
        for (int64_t i = 0; i < m; i++)
            row[i] = i;
        for (int64_t i = 0; i < k; i++) {
            int64_t t = row[i];
            row[i] = row[swap[i] - 1];
            row[swap[i] - 1] = t;
        }
        for (int64_t i = 0; i < m; i++)
            tg__convert_double(
                dtype, tg__matrix_at(p, b) + (size_t)(row[i] * m + i) * tg__item_size(p->dtype),
                1.0);
    }
    tg__unref(packed);
    if (row == NULL)
        return NULL;
    tg__free(row, bytes);
    return p;
}

/* The gradient of A = P·L·U; l [m, k] and u [k, n] are read as triangles, l with ones. M =
 * tril₋₁(L₁ᵀ·gL₁ - gU₂·U₂ᵀ) + triu(gU₁·U₁ᵀ - L₂ᵀ·gL₂), and
 * Pᵀ·gA = [L₁⁻ᵀ·M·U₁⁻ᵀ, L₁⁻ᵀ·gU₂; gL₂·U₁⁻ᵀ]. */
static tg_tensor *lu_gradient(tg_tensor *p, tg_tensor *l, tg_tensor *u, tg_tensor *gl,
                              tg_tensor *gu) {
    if (p == NULL || l == NULL || u == NULL)
        return NULL;
    int64_t m = tg__rows(l);
    int64_t n = tg__cols(u);
    int64_t k = tg__cols(l);
    tg_tensor *l1 = block(l, 0, k, 0, k);
    tg_tensor *u1 = block(u, 0, k, 0, k);
    tg_tensor *unit = tg_add(tg_tril(l1, -1), tg_eye((tg_dtype)l->dtype, k, k));
    tg_tensor *low = tg_matmul(tg__mt(unit), tg_tril(block(gl, 0, k, 0, k), -1));
    tg_tensor *high = tg_matmul(tg_triu(block(gu, 0, k, 0, k), 0), tg__mt(tg_triu(u1, 0)));
    tg_tensor *beside = NULL; /* gradient of U₂ or L₂ */
    if (n > k) {
        beside = block(gu, 0, k, k, n - k);
        low = tg_sub(low, tg_matmul(beside, tg__mt(block(u, 0, k, k, n - k))));
    } else if (m > k) {
        beside = block(gl, k, m - k, 0, k);
        high = tg_sub(high, tg_matmul(tg__mt(block(l, k, m - k, 0, k)), beside));
    }
    tg_tensor *middle = tg_add(tg_tril(low, -1), tg_triu(high, 0));
    middle = tg__solve_triangle(tg__mt(l1), middle, true, true, true);
    tg_tensor *ga = tg__solve_triangle(tg__mt(u1), middle, false, false, false);
    if (n > k) {
        tg_tensor *right = tg__solve_triangle(tg__mt(l1), beside, true, true, true);
        ga = tg_cat((tg_tensor *[]){ga, right}, 2, -1);
    } else if (m > k) {
        tg_tensor *below = tg__solve_triangle(tg__mt(u1), beside, false, false, false);
        ga = tg_cat((tg_tensor *[]){ga, below}, 2, -2);
    }
    return tg_matmul(p, ga);
}

/* ---- lu_factor: L and U in one matrix, and the row swaps ---- */
static bool lu_factor_forward(const tg__call *c) {
    const tg_tensor *x = c->in[0];
    if (!tg__is_matrix("lu_factor", "x", x))
        return false;
    int64_t m = tg__rows(x);
    int64_t n = tg__cols(x);
    int64_t k = m < n ? m : n;
    int64_t shape[TG_MAX_DIMS];
    memcpy(shape, x->shape, sizeof shape);
    shape[x->ndim - 2] = k;
    tg_tensor *a = tg__columns("lu_factor", x);
    tg_tensor *pivots = a != NULL ? tg__new("lu_factor", TG_I32, x->ndim - 1, shape) : NULL;
    bool good = pivots != NULL;
    for (int64_t i = 0; good && i < tg__batch_count(x); i++) {
        int64_t status = tg__lapack_lu((tg_dtype)x->dtype, m, n, tg__matrix_at(a, i),
                                       (int32_t *)(void *)pivots->data + i * k);
        good = status > 0 || tg__lapack_good("lu_factor", x, i, status, "");
    }
    if (good)
        c->out[0] = tg__from_columns("lu_factor", a);
    else
        tg__unref(a);
    if (c->out[0] == NULL) {
        tg__unref(pivots);
        return false;
    }
    c->out[1] = pivots;
    return true;
}
static void lu_factor_rule(tg__rule *r) {
    tg_tensor *lu = r->out[0];
    int64_t m = tg__rows(lu);
    int64_t n = tg__cols(lu);
    int64_t k = m < n ? m : n;
    tg_tensor *p = permutation("lu_factor", r->out[1], m, (tg_dtype)lu->dtype);
    r->gin[0] = lu_gradient(p, tg_narrow(lu, -1, 0, k), tg_narrow(lu, -2, 0, k),
                            tg_narrow(r->g[0], -1, 0, k), tg_narrow(r->g[0], -2, 0, k));
}
TG_OP(lu_factor, .maths = "L and U of x = P . L . U in one matrix, and the row swaps",
      .inputs = "x", .n_in = 1, .n_out = 2, .flags = TG__BLAS, .forward = lu_factor_forward,
      .rule = lu_factor_rule, .saves = {TG__SAVE_OUT(0, 1), TG__SAVE_OUT(1, 1)}, .onnx = {"none"});
TG_SAMPLES(lu_factor, "w[3,3]", "w[2,4]", "w[4,2]", "w[2,2,2]");
tg_tensor *tg_lu_factor(tg_tensor *x, tg_tensor **pivots) {
    return tg__apply_rest(&tg__op_lu_factor, &x, 1, NULL, (tg_tensor * *[]){pivots});
}

/* ---- lu: x = P·L·U ---- */
static bool lu_forward(const tg__call *c) {
    tg_scope s = tg_scope_open();
    const char *was = tg__errors_as("lu");
    tg_tensor *made[3] = {NULL};
    tg_tensor *pivots;
    tg_tensor *lu = tg_lu_factor(c->in[0], &pivots);
    if (lu != NULL) {
        int64_t m = tg__rows(lu);
        int64_t n = tg__cols(lu);
        int64_t k = m < n ? m : n;
        made[0] = permutation("lu", pivots, m, (tg_dtype)lu->dtype);
        made[1] = tg_add(tg_tril(tg_narrow(lu, -1, 0, k), -1), tg_eye((tg_dtype)lu->dtype, m, k));
        made[2] = tg_triu(tg_narrow(lu, -2, 0, k), 0);
    }
    tg__errors_back(was);
    return keep_all(s, made, 3, c->out);
}
static void lu_rule(tg__rule *r) {
    tg_tensor *l = r->out[1];
    tg_tensor *u = r->out[2];
    r->gin[0] = lu_gradient(r->out[0], l, u, r->g[1] != NULL ? r->g[1] : tg_zeros_like(l),
                            r->g[2] != NULL ? r->g[2] : tg_zeros_like(u));
}
TG_OP(lu, .maths = "x = P . L . U", .inputs = "x", .n_in = 1, .n_out = 3, .flags = TG__BLAS,
      .forward = lu_forward, .rule = lu_rule,
      .saves = {TG__SAVE_OUT(0, 1), TG__SAVE_OUT(1, 1), TG__SAVE_OUT(2, 1)}, .onnx = {"none"});
TG_SAMPLES(lu, "w[3,3]", "w[2,3]", "w[3,2]");
tg_tensor *tg_lu(tg_tensor *x, tg_tensor **l, tg_tensor **u) {
    return tg__apply_rest(&tg__op_lu, &x, 1, NULL, (tg_tensor * *[]){l, u});
}

/* ---- lu_solve: y of (P·L·U)·y = b ---- */
static bool check_pivots(const tg_tensor *lu, const tg_tensor *pivots) {
    bool whole = pivots->dtype == TG_I32 || pivots->dtype == TG_I64;
    bool fits = whole && pivots->ndim == lu->ndim - 1;
    for (int i = 0; fits && i < pivots->ndim; i++)
        fits = pivots->shape[i] == lu->shape[i];
    if (!fits) {
        tg__fail(whole ? TG_ERR_SHAPE : TG_ERR_DTYPE, "lu_solve",
                 "pivots are %s for lu %s; give those of tg_lu_factor, i32 (or i64) [..., n]",
                 tg__describe(pivots), tg__describe(lu));
        return false;
    }
    return true;
}
static bool lu_solve_forward(const tg__call *c) {
    tg_tensor *lu = c->in[0];
    if (!tg__is_square("lu_solve", "lu", lu) || !tg__is_matrix("lu_solve", "b", c->in[2]) ||
        !tg__same_float("lu_solve", lu, c->in[2]) || !check_pivots(lu, c->in[1]))
        return false;
    tg_tensor *p = permutation("lu_solve", c->in[1], tg__rows(lu), (tg_dtype)lu->dtype);
    tg_tensor *y = tg_matmul(tg__mt(p), c->in[2]);
    y = tg_solve_triangular(lu, y, false, true, true);
    c->out[0] = tg_solve_triangular(lu, y, true, true, false);
    return c->out[0] != NULL;
}
TG_OP(lu_solve, .maths = "y of P . L . U . y = b", .inputs = "lu pivots b", .n_in = 3, .no_grad = 2,
      .flags = TG__COMPOSED | TG__BLAS, .forward = lu_solve_forward, .onnx = {"none"});
/* pivots are no free numbers: test_lu.c has what can be tested */
TG_SAMPLES(lu_solve, "w[0,0] i[0]<1 [0,2]");
tg_tensor *tg_lu_solve(tg_tensor *lu, tg_tensor *pivots, tg_tensor *b) {
    return tg__apply3(&tg__op_lu_solve, lu, pivots, b, NULL);
}

/* ---- cholesky: x = L·Lᵀ, or Uᵀ·U ---- */
typedef struct {
    bool upper;
} upper_attr;
static const tg__field upper_fields[] = {
    {"upper", TG_ATTR_BOOL, offsetof(upper_attr, upper), false, 0, 0}, {0}};

static bool cholesky_forward(const tg__call *c) {
    const tg_tensor *x = c->in[0];
    bool upper = ((const upper_attr *)c->attr)->upper;
    if (!tg__is_square("cholesky", "x", x))
        return false;
    tg_tensor *a = tg__columns("cholesky", x);
    int64_t n = tg__rows(x);
    size_t size = tg__item_size(x->dtype);
    bool good = a != NULL;
    for (int64_t i = 0; good && i < tg__batch_count(x); i++) {
        char *at = tg__matrix_at(a, i);
        int64_t status = tg__lapack_cholesky((tg_dtype)x->dtype, n, at, upper);
        good = tg__lapack_good("cholesky", x, i, status, "is not positive definite");
        for (int64_t j = 0; good && j < n; j++) /* the other triangle of column j */
            memset(at + (size_t)(j * n + (upper ? j + 1 : 0)) * size, 0,
                   (size_t)(upper ? n - j - 1 : j) * size);
    }
    if (good)
        c->out[0] = tg__from_columns("cholesky", a);
    else
        tg__unref(a);
    return c->out[0] != NULL;
}
/* P = tril(Lᵀ·gL) with half its diagonal; gx is the symmetric part of L⁻ᵀ·P·L⁻¹. */
static void cholesky_rule(tg__rule *r) {
    bool upper = ((const upper_attr *)r->attr)->upper;
    tg_tensor *l = upper ? tg__mt(r->out[0]) : r->out[0];
    tg_tensor *g = upper ? tg__mt(r->g[0]) : r->g[0];
    tg_tensor *p = tg_matmul(tg__mt(l), g);
    p = tg_mul_scalar(tg_add(tg_tril(p, 0), tg_tril(p, -1)), 0.5);
    p = tg__solve_triangle(tg__mt(l), p, true, true, false);
    p = tg__solve_triangle(l, p, false, false, false);
    r->gin[0] = tg_mul_scalar(tg_add(p, tg__mt(p)), 0.5);
}
#define UPPER .fields = upper_fields, .attr_size = sizeof(upper_attr)
TG_OP(cholesky, .maths = "L of x = L . L^T", .inputs = "x", .n_in = 1, .flags = TG__BLAS, UPPER,
      .forward = cholesky_forward, .rule = cholesky_rule, .saves = {TG__SAVE_OUT(0, 1)},
      .onnx = {"none"});
TG_SAMPLES(cholesky, "p[3,3]", "p[3,3] | upper=1", "p[2,2,2]");
tg_tensor *tg_cholesky(tg_tensor *x, bool upper) {
    return tg__apply1(&tg__op_cholesky, x, &(upper_attr){upper});
}

/* ---- cholesky_solve: y of L·Lᵀ·y = b ---- */
static bool cholesky_solve_forward(const tg__call *c) {
    tg_tensor *l = c->in[1];
    bool upper = ((const upper_attr *)c->attr)->upper;
    if (!tg__is_square("cholesky_solve", "l", l) || !tg__is_matrix("cholesky_solve", "b", c->in[0]))
        return false;
    tg_tensor *first = upper ? tg__mt(l) : l;
    tg_tensor *y = tg_solve_triangular(first, c->in[0], false, true, false);
    c->out[0] = tg_solve_triangular(tg__mt(first), y, true, true, false);
    return c->out[0] != NULL;
}
TG_OP(cholesky_solve, .maths = "y of L . L^T . y = b", .inputs = "b l", .n_in = 2,
      .flags = TG__COMPOSED | TG__BLAS, UPPER, .forward = cholesky_solve_forward, .onnx = {"none"});
TG_SAMPLES(cholesky_solve, "[3,2] w[3,3]", "[3,2] w[3,3] | upper=1", "[2,2,1] w[2,2]");
tg_tensor *tg_cholesky_solve(tg_tensor *b, tg_tensor *l, bool upper) {
    return tg__apply2(&tg__op_cholesky_solve, b, l, &(upper_attr){upper});
}

/* ---- cholesky_inverse: (L·Lᵀ)⁻¹ ---- */
static bool cholesky_inverse_forward(const tg__call *c) {
    tg_tensor *l = c->in[0];
    bool upper = ((const upper_attr *)c->attr)->upper;
    if (!tg__is_square("cholesky_inverse", "l", l))
        return false;
    tg_tensor *eye = tg_eye((tg_dtype)l->dtype, tg__rows(l), tg__rows(l));
    tg_tensor *y = tg_solve_triangular(upper ? tg__mt(l) : l, eye, false, true, false);
    c->out[0] = tg_matmul(tg__mt(y), y);
    return c->out[0] != NULL;
}
TG_OP(cholesky_inverse, .maths = "(L . L^T)^-1", .inputs = "l", .n_in = 1,
      .flags = TG__COMPOSED | TG__BLAS, UPPER, .forward = cholesky_inverse_forward,
      .onnx = {"none"});
TG_SAMPLES(cholesky_inverse, "w[3,3]", "w[3,3] | upper=1");
tg_tensor *tg_cholesky_inverse(tg_tensor *l, bool upper) {
    return tg__apply1(&tg__op_cholesky_inverse, l, &(upper_attr){upper});
}
