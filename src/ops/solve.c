/* solve.c - linear systems: inverse, solve, solve_triangular.
 *
 * LAPACK has matrices column by column, so operands are copied into that layout once per call and
 * results back. Gradient rules are solves again (Giles 2008, "Collected matrix derivative results
 * for forward and reverse mode algorithmic differentiation", 2.2 and 2.3). */
#include "base/alloc.h"
#include "kernels/lapack.h"
#include "ops/matrix.h"

#include <string.h>

static const char SINGULAR[] = "is singular";

/* ---- One matrix: LU, then the right-hand sides ---- */

/* b [n, k] = A⁻¹·b; a [n, n] is destroyed. > 0: A is singular (b is what division by 0 makes of
 * it). All column by column. */
static int64_t solve_one(tg_dtype dtype, int64_t n, int64_t k, void *a, void *b, int32_t *pivots) {
    int64_t zero = tg__lapack_lu(dtype, n, n, a, pivots);
    if (zero < 0)
        return zero;
    tg__lapack_swap(dtype, n, k, b, n, pivots);
    int64_t status = tg__lapack_triangular(dtype, false, false, true, n, k, a, b);
    if (status == 0)
        status = tg__lapack_triangular(dtype, true, false, false, n, k, a, b);
    return status != 0 ? status : zero;
}

/* For all matrices of a batch: a and b (the same batch) in columns. */
static bool solve_batch(const char *op, const tg_tensor *x, tg_tensor *a, tg_tensor *b,
                        bool may_be_singular) {
    int64_t n = tg__rows(a);
    size_t bytes = (size_t)n * sizeof(int32_t);
    int32_t *pivots = tg__alloc(bytes);
    if (pivots == NULL) {
        tg__fail_memory(op, bytes);
        return false;
    }
    bool good = true;
    for (int64_t i = 0; i < tg__batch_count(a) && good; i++) {
        int64_t status = solve_one((tg_dtype)a->dtype, n, tg__rows(b), tg__matrix_at(a, i),
                                   tg__matrix_at(b, i), pivots);
        good = (status > 0 && may_be_singular) || tg__lapack_good(op, x, i, status, SINGULAR);
    }
    tg__free(pivots, bytes);
    return good;
}

/* ---- inv: x⁻¹; gx = -yᵀ·g·yᵀ ---- */
static bool inverse(const tg__call *c, bool may_be_singular) {
    const char *op = c->op->name;
    const tg_tensor *x = c->in[0];
    if (!tg__is_square(op, "x", x))
        return false;
    /* row by row, xᵀ is solved in columns: its inverse is that of x, row by row again */
    tg_tensor *a = tg__new(op, (tg_dtype)x->dtype, x->ndim, x->shape);
    tg_tensor *y = a != NULL ? tg__new(op, (tg_dtype)x->dtype, x->ndim, x->shape) : NULL;
    bool good = y != NULL;
    if (good) {
        int64_t n = tg__rows(x);
        tg__pack(x, a->data);
        if (y->numel > 0)
            memset(y->data, 0, (size_t)y->numel * tg__item_size(y->dtype));
        for (int64_t i = 0; i < tg__batch_count(x); i++)
            for (int64_t j = 0; j < n; j++)
                tg__convert_double(
                    (tg_dtype)y->dtype,
                    tg__matrix_at(y, i) + (size_t)(j * (n + 1)) * tg__item_size(y->dtype), 1.0);
        good = solve_batch(op, x, a, y, may_be_singular);
    }
    tg__unref(a);
    if (!good)
        tg__unref(y);
    c->out[0] = good ? y : NULL;
    return good;
}
static bool inv_forward(const tg__call *c) { return inverse(c, false); }
static void inv_rule(tg__rule *r) {
    tg_tensor *y = tg__mt(r->out[0]);
    r->gin[0] = tg_neg(tg_matmul(tg_matmul(y, r->g[0]), y));
}
TG_OP(inv, .maths = "x^-1 of square matrices", .inputs = "x", .n_in = 1, .flags = TG__BLAS,
      .forward = inv_forward, .rule = inv_rule, .saves = {TG__SAVE_OUT(0, 1)}, .onnx = {"none"});
TG_SAMPLES(inv, "w[3,3]", "w[2,2,2]");
tg_tensor *tg_inv(tg_tensor *x) { return tg__apply1(&tg__op_inv, x, NULL); }
tg_tensor *tg_inverse(tg_tensor *x) { return tg_inv(x); }

/* ---- inverse_any: the same, with infinities where x is singular; for rules ---- */
static bool inverse_any_forward(const tg__call *c) { return inverse(c, true); }
TG_OP(inverse_any, .maths = "x^-1, infinite where x is singular", .inputs = "x", .n_in = 1,
      .flags = TG__BLAS | TG__INTERNAL, .forward = inverse_any_forward, .rule = inv_rule,
      .saves = {TG__SAVE_OUT(0, 1)}, .onnx = {"none"});
TG_SAMPLES(inverse_any, "w[3,3]");

/* ---- solve: a·y = b; gb = a⁻ᵀ·g, ga = -gb·yᵀ ---- */

/* Batch dims of a and b [..., *, *] to one; false with an error. */
static bool common_batch(const char *op, const tg_tensor *a, const tg_tensor *b, int *n,
                         int64_t *batch) {
    int na = a->ndim - 2;
    int nb = b->ndim - 2;
    *n = na > nb ? na : nb;
    for (int i = 1; i <= *n; i++) {
        int64_t sa = i <= na ? a->shape[na - i] : 1;
        int64_t sb = i <= nb ? b->shape[nb - i] : 1;
        if (sa != sb && sa != 1 && sb != 1) {
            tg__fail(TG_ERR_SHAPE, op, "batch sizes %lld and %lld of %s and %s do not broadcast",
                     (long long)sa, (long long)sb, tg__describe(a), tg__describe(b));
            return false;
        }
        batch[*n - i] = sa == 1 ? sb : sa;
    }
    return true;
}

/* Copies of a and b in columns, broadcast to one batch. Raw; false with an error and nothing. */
static bool both_in_columns(const tg__call *c, tg_tensor **a, tg_tensor **b) {
    const char *op = c->op->name;
    int n;
    int64_t batch[TG_MAX_DIMS];
    *a = *b = NULL;
    if (!common_batch(op, c->in[0], c->in[1], &n, batch))
        return false;
    tg_scope s = tg_scope_open();
    const char *was = tg__errors_as(op);
    tg_tensor *wide_a = tg__expand_batch(c->in[0], n, batch);
    tg_tensor *wide_b = tg__expand_batch(c->in[1], n, batch);
    if (wide_a != NULL && wide_b != NULL) {
        *a = tg__columns(op, wide_a);
        *b = *a != NULL ? tg__columns(op, wide_b) : NULL;
    }
    tg__errors_back(was);
    if (tg_scope_close(s) == TG_OK && *b != NULL)
        return true;
    tg__unref(*a);
    tg__unref(*b);
    return false;
}

/* b is [..., n, k] beside a [..., n, n]. */
static bool check_system(const char *op, const tg_tensor *a, const tg_tensor *b) {
    if (!tg__is_square(op, "a", a) || !tg__is_matrix(op, "b", b) || !tg__same_float(op, a, b))
        return false;
    if (tg__rows(b) == tg__rows(a))
        return true;
    tg__fail(TG_ERR_SHAPE, op, "a is %s and b %s; b must have as many rows as a", tg__describe(a),
             tg__describe(b));
    return false;
}

static bool solve_matrices_forward(const tg__call *c) {
    tg_tensor *a;
    tg_tensor *b;
    if (!check_system("solve", c->in[0], c->in[1]) || !both_in_columns(c, &a, &b))
        return false;
    bool good = solve_batch("solve", a, a, b, false);
    tg__unref(a);
    if (!good) {
        tg__unref(b);
        return false;
    }
    c->out[0] = tg__from_columns("solve", b);
    return c->out[0] != NULL;
}
static void solve_matrices_rule(tg__rule *r) {
    tg_tensor *gb = tg__apply2(&tg__op_solve_matrices, tg__mt(r->in[0]), r->g[0], NULL);
    if (r->wanted[0])
        r->gin[0] = tg_neg(tg_matmul(gb, tg__mt(r->out[0])));
    r->gin[1] = gb;
}
TG_OP(solve_matrices, .maths = "a^-1 . b", .inputs = "a b", .n_in = 2,
      .flags = TG__BLAS | TG__INTERNAL | TG__BROADCASTS, .forward = solve_matrices_forward,
      .rule = solve_matrices_rule, .saves = {TG__SAVE_IN(0, TG__ANY), TG__SAVE_OUT(0, 1)},
      .onnx = {"none"});
TG_SAMPLES(solve_matrices, "w[3,3] [3,2]", "w[2,2,2] [2,1]", "w[2,2] [2,2,1]");

bool tg__is_vector_system(const tg_tensor *a, const tg_tensor *b) {
    bool same = b->ndim == a->ndim - 1;
    for (int i = 0; same && i < b->ndim; i++)
        same = a->shape[i] == b->shape[i];
    return b->ndim == 1 || same;
}

/* One matrix a and a batch b [..., n, k]: factorised once, for [n, ...·k]. */
static tg_tensor *solve_many(tg_tensor *a, tg_tensor *b) {
    int order[TG_MAX_DIMS];
    int back[TG_MAX_DIMS];
    int64_t shape[TG_MAX_DIMS];
    int n = b->ndim;
    for (int i = 0; i < n; i++) /* the rows first */
        order[i] = i == 0 ? n - 2 : i == n - 1 ? n - 1 : i - 1;
    for (int i = 0; i < n; i++) {
        back[order[i]] = i;
        shape[i] = b->shape[order[i]];
    }
    tg_tensor *wide = tg_permute(b, n, order);
    wide = tg_reshape(wide, TG_SHAPE(shape[0], shape[0] > 0 ? b->numel / shape[0] : 0));
    tg_tensor *y = tg__apply2(&tg__op_solve_matrices, a, wide, NULL);
    return tg_permute(tg_reshape(y, n, shape), n, back);
}

static bool solve_forward(const tg__call *c) {
    tg_tensor *a = c->in[0];
    tg_tensor *b = c->in[1];
    if (!tg__is_square("solve", "a", a))
        return false;
    bool vector = tg__is_vector_system(a, b);
    b = vector ? tg_unsqueeze(b, -1) : b;
    if (b == NULL || !check_system("solve", a, b))
        return false;
    tg_tensor *y = a->ndim == 2 && b->ndim > 2 ? solve_many(a, b)
                                               : tg__apply2(&tg__op_solve_matrices, a, b, NULL);
    c->out[0] = vector ? tg_squeeze(y, TG_DIMS(-1)) : y;
    return c->out[0] != NULL;
}
TG_OP(solve, .maths = "y of a . y = b", .inputs = "a b", .n_in = 2,
      .flags = TG__BLAS | TG__COMPOSED, .forward = solve_forward, .onnx = {"none"});
TG_SAMPLES(solve, "w[3,3] [3,2]", "w[3,3] [3]", "w[2,2,2] [2,2]", "w[2,2] [3,2,1]");
tg_tensor *tg_solve(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_solve, a, b, NULL); }

/* ---- solve_triangular ---- */
typedef struct {
    bool upper, left, unitriangular;
    bool checked; /* a 0 on the diagonal is an error; not in rules, where it gives infinities */
} triangular_attr;
#define TRIANGULAR_FIELDS                                                                          \
    {"upper", TG_ATTR_BOOL, offsetof(triangular_attr, upper), true, 0, 0},                         \
        {"left", TG_ATTR_BOOL, offsetof(triangular_attr, left), false, 1, 0}, {                    \
        "unitriangular", TG_ATTR_BOOL, offsetof(triangular_attr, unitriangular), false, 0, 0       \
    }
static const tg__field solve_triangular_fields[] = {TRIANGULAR_FIELDS, {0}};
static const tg__field triangular_fields[] = {
    TRIANGULAR_FIELDS,
    {"checked", TG_ATTR_BOOL, offsetof(triangular_attr, checked), false, 0, 0},
    {0}};

static bool zero_on_diagonal(const tg_tensor *a, int64_t i) {
    int64_t n = tg__rows(a);
    for (int64_t k = 0; k < n; k++)
        if (tg__load_double((tg_dtype)a->dtype,
                            tg__matrix_at(a, i) +
                                (size_t)(k * (n + 1)) * tg__item_size(a->dtype)) == 0)
            return true;
    return false;
}

/* ---- triangular: a⁻¹·b of a triangle of a; ga = -triangle(a⁻ᵀ·g·yᵀ) ---- */
static bool triangular_forward(const tg__call *c) {
    const triangular_attr *t = c->attr;
    tg_tensor *a;
    tg_tensor *b;
    if (!check_system("solve_triangular", c->in[0], c->in[1]) || !both_in_columns(c, &a, &b))
        return false;
    bool good = true;
    for (int64_t i = 0; i < tg__batch_count(a) && good; i++) {
        int64_t status = t->checked && !t->unitriangular && zero_on_diagonal(a, i)
                             ? 1
                             : tg__lapack_triangular((tg_dtype)a->dtype, t->upper, false,
                                                     t->unitriangular, tg__rows(a), tg__rows(b),
                                                     tg__matrix_at(a, i), tg__matrix_at(b, i));
        good = tg__lapack_good("solve_triangular", a, i, status, "has a 0 on its diagonal");
    }
    tg__unref(a);
    if (!good) {
        tg__unref(b);
        return false;
    }
    c->out[0] = tg__from_columns("solve_triangular", b);
    return c->out[0] != NULL;
}
static void triangular_rule(tg__rule *r) {
    const triangular_attr *t = r->attr;
    triangular_attr back = {.upper = !t->upper, .left = true, .unitriangular = t->unitriangular};
    tg_tensor *gb = tg__apply2(&tg__op_triangular, tg__mt(r->in[0]), r->g[0], &back);
    if (r->wanted[0]) {
        tg_tensor *ga = tg_neg(tg_matmul(gb, tg__mt(r->out[0])));
        int64_t k = t->unitriangular ? 1 : 0;
        r->gin[0] = t->upper ? tg_triu(ga, k) : tg_tril(ga, -k);
    }
    r->gin[1] = gb;
}
TG_OP(triangular, .maths = "a^-1 . b of a triangle of a", .inputs = "a b", .n_in = 2,
      .flags = TG__BLAS | TG__INTERNAL | TG__BROADCASTS, .fields = triangular_fields,
      .attr_size = sizeof(triangular_attr), .forward = triangular_forward, .rule = triangular_rule,
      .saves = {TG__SAVE_IN(0, TG__ANY), TG__SAVE_OUT(0, 1)}, .onnx = {"none"});
TG_SAMPLES(triangular, "w[3,3] [3,2] | upper=1", "w[2,2,2] [2,1] | upper=0",
           "w[2,2] [2,2,1] | upper=0 unitriangular=1");

/* y·a = b is aᵀ·yᵀ = bᵀ. */
static tg_tensor *triangular(tg_tensor *a, tg_tensor *b, triangular_attr t) {
    if (t.left)
        return tg__apply2(&tg__op_triangular, a, b, &t);
    t.upper = !t.upper;
    return tg__mt(tg__apply2(&tg__op_triangular, tg__mt(a), tg__mt(b), &t));
}
tg_tensor *tg__solve_triangle(tg_tensor *a, tg_tensor *b, bool upper, bool left,
                              bool unitriangular) {
    return triangular(a, b, (triangular_attr){upper, left, unitriangular, false});
}

static bool solve_triangular_forward(const tg__call *c) {
    triangular_attr t = *(const triangular_attr *)c->attr;
    const tg_tensor *a = c->in[0];
    const tg_tensor *b = c->in[1];
    if (!tg__is_square("solve_triangular", "a", a) || !tg__is_matrix("solve_triangular", "b", b))
        return false;
    if (!t.left && tg__cols(b) != tg__rows(a)) {
        tg__fail(TG_ERR_SHAPE, "solve_triangular",
                 "a is %s and b %s; with left = 0, b must have as many columns as a",
                 tg__describe(a), tg__describe(b));
        return false;
    }
    t.checked = true;
    c->out[0] = triangular(c->in[0], c->in[1], t);
    return c->out[0] != NULL;
}
TG_OP(solve_triangular, .maths = "y of a . y = b, a triangular", .inputs = "a b", .n_in = 2,
      .flags = TG__BLAS | TG__COMPOSED, .fields = solve_triangular_fields,
      .attr_size = sizeof(triangular_attr), .forward = solve_triangular_forward, .onnx = {"none"});
TG_SAMPLES(solve_triangular, "w[3,3] [3,2] | upper=1", "w[3,3] [2,3] | upper=0 left=0",
           "w[2,2,2] [2,1] | upper=0", "w[2,2] [1,2] | upper=1 left=0 unitriangular=1");
tg_tensor *tg_solve_triangular(tg_tensor *a, tg_tensor *b, bool upper, bool left,
                               bool unitriangular) {
    return tg__apply2(&tg__op_solve_triangular, a, b,
                      &(triangular_attr){upper, left, unitriangular, true});
}
