/* product.c - products by their classical names: all are made of matmul and mul.
 *
 * A product whose inner size is 1 (outer, kron) is elementwise. The additive forms (addmm and its
 * kin) follow BLAS: with beta = 0 the addend is not read, so NaN in it does no harm. */
#include "ops/matrix.h"
#include "ops/view.h"

#include <math.h>

static bool wants_ndim(const char *op, const char *name, const tg_tensor *x, int ndim) {
    if (x->ndim == ndim)
        return true;
    tg__fail(TG_ERR_SHAPE, op, "%s is %s; it must have %d dim%s, or use tg_matmul", name,
             tg__describe(x), ndim, ndim == 1 ? "" : "s");
    return false;
}

static bool same_batch(const char *op, const tg_tensor *a, const tg_tensor *b) {
    if (a->shape[0] == b->shape[0])
        return true;
    tg__fail(TG_ERR_SHAPE, op, "%s and %s: the first dims must be equal", tg__describe(a),
             tg__describe(b));
    return false;
}

/* ---- mm, bmm, mv: matmul of fixed ranks ---- */
static bool mm_forward(const tg__call *c) {
    if (!wants_ndim("mm", "a", c->in[0], 2) || !wants_ndim("mm", "b", c->in[1], 2))
        return false;
    c->out[0] = tg_matmul(c->in[0], c->in[1]);
    return c->out[0] != NULL;
}
#define PRODUCT .inputs = "a b", .n_in = 2, .flags = TG__COMPOSED | TG__BLAS
TG_OP(mm, .maths = "a . b of matrices", PRODUCT, .forward = mm_forward, .onnx = {"MatMul", 13});
TG_SAMPLES(mm, "[2,3] [3,4]");
tg_tensor *tg_mm(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_mm, a, b, NULL); }

static bool bmm_forward(const tg__call *c) {
    const tg_tensor *a = c->in[0];
    const tg_tensor *b = c->in[1];
    if (!wants_ndim("bmm", "a", a, 3) || !wants_ndim("bmm", "b", b, 3))
        return false;
    if (!same_batch("bmm", a, b))
        return false;
    c->out[0] = tg_matmul(c->in[0], c->in[1]);
    return c->out[0] != NULL;
}
TG_OP(bmm, .maths = "a . b of batches of matrices", PRODUCT, .forward = bmm_forward,
      .onnx = {"MatMul", 13});
TG_SAMPLES(bmm, "[2,2,3] [2,3,2]");
tg_tensor *tg_bmm(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_bmm, a, b, NULL); }

static bool mv_forward(const tg__call *c) {
    if (!wants_ndim("mv", "a", c->in[0], 2) || !wants_ndim("mv", "b", c->in[1], 1))
        return false;
    c->out[0] = tg_matmul(c->in[0], c->in[1]);
    return c->out[0] != NULL;
}
TG_OP(mv, .maths = "a . b of a matrix and a vector", PRODUCT, .forward = mv_forward,
      .onnx = {"MatMul", 13});
TG_SAMPLES(mv, "[2,3] [3]");
tg_tensor *tg_mv(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_mv, a, b, NULL); }

tg_tensor *tg_vdot(tg_tensor *a, tg_tensor *b) { return tg_dot(a, b); }

/* ---- inner: Σ over the last dims of both ---- */
static bool inner_forward(const tg__call *c) {
    tg_tensor *a = c->in[0];
    tg_tensor *b = c->in[1];
    if (a->ndim == 0 || b->ndim == 0) {
        c->out[0] = tg_mul(a, b);
        return c->out[0] != NULL;
    }
    int64_t k = a->shape[a->ndim - 1];
    if (k != b->shape[b->ndim - 1]) {
        tg__fail(TG_ERR_SHAPE, "inner", "%s and %s: the last dims must be equal", tg__describe(a),
                 tg__describe(b));
        return false;
    }
    int last_a = a->ndim - 1;
    int last_b = b->ndim - 1;
    c->out[0] = tg_tensordot(a, b, 1, &last_a, 1, &last_b);
    return c->out[0] != NULL;
}
TG_OP(inner, .maths = "sum over k of a[.., k] * b[.., k]", PRODUCT, .forward = inner_forward,
      .onnx = {"composed"});
TG_SAMPLES(inner, "[3] [3]", "[2,3] [4,3]", "[2,2,3] [3]", "[] [2,3]");
tg_tensor *tg_inner(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_inner, a, b, NULL); }

/* ---- outer: aᵢ·bⱼ ---- */
static bool outer_forward(const tg__call *c) {
    if (!wants_ndim("outer", "a", c->in[0], 1) || !wants_ndim("outer", "b", c->in[1], 1))
        return false;
    c->out[0] = tg_mul(tg_unsqueeze(c->in[0], 1), c->in[1]);
    return c->out[0] != NULL;
}
TG_OP(outer, .maths = "a[i] * b[j]", .inputs = "a b", .n_in = 2, .flags = TG__COMPOSED,
      .forward = outer_forward, .onnx = {"composed"});
TG_SAMPLES(outer, "[2] [3]");
tg_tensor *tg_outer(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_outer, a, b, NULL); }
tg_tensor *tg_ger(tg_tensor *a, tg_tensor *b) { return tg_outer(a, b); }

/* ---- addmm and its kin: beta·c + alpha·product ---- */
typedef struct {
    double beta, alpha;
} scales;
static const tg__field scale_fields[] = {
    {"beta", TG_ATTR_FLOAT, offsetof(scales, beta), false, 0, 1.0},
    {"alpha", TG_ATTR_FLOAT, offsetof(scales, alpha), false, 0, 1.0},
    {0}};

static bool is_finite(const char *op, const char *name, double s) {
    if (isfinite(s))
        return true;
    tg__fail(TG_ERR_ARG, op, "%s is %s; give a finite number", name, tg__num(s));
    return false;
}

/* The addend c must broadcast to the product's shape, and is not read if beta is 0. */
static bool add_product(const tg__call *c, tg_tensor *product) {
    const scales *s = c->attr;
    const char *op = c->op->name;
    tg_tensor *addend = c->in[0];
    if (product == NULL)
        return false;
    int ndim;
    int64_t shape[TG_MAX_DIMS];
    if (!tg__broadcast(op, addend, product, &ndim, shape))
        return false;
    bool fits = ndim == product->ndim;
    for (int i = 0; fits && i < ndim; i++)
        fits = shape[i] == product->shape[i];
    if (!fits) {
        tg__fail(TG_ERR_SHAPE, op, "c is %s and the product %s; c must broadcast to it",
                 tg__describe(addend), tg__describe(product));
        return false;
    }
    product = tg__scaled(op, "alpha", product, s->alpha);
    if (s->beta != 0.0)
        product = tg_add(tg__scaled(op, "beta", addend, s->beta), product);
    c->out[0] = product;
    return product != NULL;
}

static bool check_scales(const tg__call *c) {
    const scales *s = c->attr;
    return is_finite(c->op->name, "beta", s->beta) && is_finite(c->op->name, "alpha", s->alpha);
}

/* The ranks that a and b must have, by op. */
static bool additive(const tg__call *c, int rank_a, int rank_b) {
    const char *op = c->op->name;
    return check_scales(c) && wants_ndim(op, "a", c->in[1], rank_a) &&
           wants_ndim(op, "b", c->in[2], rank_b);
}

#define ADDITIVE                                                                                   \
    .inputs = "c a b", .n_in = 3, .flags = TG__COMPOSED | TG__BLAS | TG__IN_PLACE,                 \
    .fields = scale_fields, .attr_size = sizeof(scales)

static bool addmm_forward(const tg__call *c) {
    return additive(c, 2, 2) && add_product(c, tg_matmul(c->in[1], c->in[2]));
}
TG_OP(addmm, .maths = "beta * c + alpha * a . b", ADDITIVE, .forward = addmm_forward,
      .onnx = {"Gemm", 13, "alpha=alpha,beta=beta"});
TG_SAMPLES(addmm, "[2,4] [2,3] [3,4]", "[4] [2,3] [3,4] | beta=0.5 alpha=2",
           "[2,1] [2,3] [3,2] | alpha=-1", "[] [2,3] [3,2]");

static bool addmv_forward(const tg__call *c) {
    return additive(c, 2, 1) && add_product(c, tg_matmul(c->in[1], c->in[2]));
}
TG_OP(addmv, .maths = "beta * c + alpha * a . b, b a vector", ADDITIVE, .forward = addmv_forward,
      .onnx = {"composed"});
TG_SAMPLES(addmv, "[2] [2,3] [3]", "[] [2,3] [3] | beta=0.5 alpha=2");

static bool addr_forward(const tg__call *c) {
    return additive(c, 1, 1) && add_product(c, tg_outer(c->in[1], c->in[2]));
}
TG_OP(addr, .maths = "beta * c + alpha * a[i] * b[j]", ADDITIVE, .forward = addr_forward,
      .onnx = {"composed"});
TG_SAMPLES(addr, "[2,3] [2] [3]", "[3] [2] [3] | beta=0.5 alpha=2");

static bool baddbmm_forward(const tg__call *c) {
    return additive(c, 3, 3) && same_batch("baddbmm", c->in[1], c->in[2]) &&
           add_product(c, tg_matmul(c->in[1], c->in[2]));
}
TG_OP(baddbmm, .maths = "beta * c + alpha * a . b of batches", ADDITIVE, .forward = baddbmm_forward,
      .onnx = {"composed"});
TG_SAMPLES(baddbmm, "[2,2,2] [2,2,3] [2,3,2]", "[2] [2,2,3] [2,3,2] | beta=0.5 alpha=2");

/* Σ over the batch: one product of [n, b·k] and [b·k, p]. */
static tg_tensor *summed_product(tg_tensor *a, tg_tensor *b) {
    int64_t k = a->shape[0] * a->shape[2];
    return tg_matmul(tg_reshape(tg_transpose(a, 0, 1), TG_SHAPE(a->shape[1], k)),
                     tg_reshape(b, TG_SHAPE(k, b->shape[2])));
}

static bool addbmm_forward(const tg__call *c) {
    tg_tensor *a = c->in[1];
    tg_tensor *b = c->in[2];
    if (!additive(c, 3, 3) || !same_batch("addbmm", a, b))
        return false;
    if (a->shape[2] != b->shape[1]) {
        tg__fail(TG_ERR_SHAPE, "addbmm", "%s and %s: the last dim of a must equal dim 1 of b",
                 tg__describe(a), tg__describe(b));
        return false;
    }
    return add_product(c, summed_product(a, b));
}
TG_OP(addbmm, .maths = "beta * c + alpha * sum over the batch of a . b", ADDITIVE,
      .forward = addbmm_forward, .onnx = {"composed"});
TG_SAMPLES(addbmm, "[2,2] [3,2,3] [3,3,2]", "[2] [2,2,3] [2,3,2] | beta=0.5 alpha=2");

static tg_tensor *added(const tg__op *op, tg_tensor *c, tg_tensor *a, tg_tensor *b, double beta,
                        double alpha) {
    return tg__apply3(op, c, a, b, &(scales){beta, alpha});
}
static tg_tensor *added_(const tg__op *op, tg_tensor *c, tg_tensor *a, tg_tensor *b, double beta,
                         double alpha) {
    return tg__apply_(op, (tg_tensor *[]){c, a, b}, 3, &(scales){beta, alpha});
}
#define ADDITIVE_FUNCTIONS(name)                                                                   \
    tg_tensor *tg_##name(tg_tensor *c, tg_tensor *a, tg_tensor *b, double beta, double alpha) {    \
        return added(&tg__op_##name, c, a, b, beta, alpha);                                        \
    }                                                                                              \
    tg_tensor *tg_##name##_(tg_tensor *c, tg_tensor *a, tg_tensor *b, double beta, double alpha) { \
        return added_(&tg__op_##name, c, a, b, beta, alpha);                                       \
    }
ADDITIVE_FUNCTIONS(addmm)
ADDITIVE_FUNCTIONS(addmv)
ADDITIVE_FUNCTIONS(addr)
ADDITIVE_FUNCTIONS(addbmm)
ADDITIVE_FUNCTIONS(baddbmm)

/* ---- tensordot: Σ over pairs of dims ---- */
typedef struct {
    tg__dims dims_a, dims_b;
} pair_attr;
static const tg__field pair_fields[] = {
    {"dims_a", TG_ATTR_DIMS, offsetof(pair_attr, dims_a), false, 0, 0},
    {"dims_b", TG_ATTR_DIMS, offsetof(pair_attr, dims_b), false, 0, 0},
    {0}};

/* The dims of x in two groups: order = those not in the list (*kept of them), then the list. */
static bool sort_dims(const tg_tensor *x, const tg__dims *list, int *order, int *kept) {
    uint32_t mask = 0;
    for (int i = 0; i < list->n; i++) {
        int d = tg__dim("tensordot", x, list->dim[i]);
        if (d < 0)
            return false;
        if (mask & 1u << d || x->ndim == 0) {
            tg__fail(TG_ERR_INDEX, "tensordot", "dim %d is given twice for %s; give each once",
                     list->dim[i], tg__describe(x));
            return false;
        }
        mask |= 1u << d;
        order[x->ndim - list->n + i] = d;
    }
    *kept = 0;
    for (int d = 0; d < x->ndim; d++)
        if (!(mask >> d & 1))
            order[(*kept)++] = d;
    return true;
}

static bool tensordot_plan(const tg__call *c, int *order_a, int *order_b, int *kept_a,
                           int *kept_b) {
    const pair_attr *p = c->attr;
    const tg_tensor *a = c->in[0];
    const tg_tensor *b = c->in[1];
    if (p->dims_a.n > a->ndim || p->dims_b.n > b->ndim || p->dims_a.n != p->dims_b.n) {
        bool far = (p->dims_a.n > 0 && tg__dim("tensordot", a, p->dims_a.dim[0]) < 0) ||
                   (p->dims_b.n > 0 && tg__dim("tensordot", b, p->dims_b.dim[0]) < 0);
        if (!far)
            tg__fail(TG_ERR_SHAPE, "tensordot",
                     "%d dims of %s and %d of %s; give as many of each, and no more than it has",
                     p->dims_a.n, tg__describe(a), p->dims_b.n, tg__describe(b));
        return false;
    }
    if (!sort_dims(a, &p->dims_a, order_a, kept_a) || !sort_dims(b, &p->dims_b, order_b, kept_b))
        return false;
    for (int i = 0; i < p->dims_a.n; i++) {
        int64_t sa = a->shape[order_a[*kept_a + i]];
        int64_t sb = b->shape[order_b[*kept_b + i]];
        if (sa == sb)
            continue;
        tg__fail(TG_ERR_SHAPE, "tensordot",
                 "dim %d of %s and dim %d of %s have sizes %lld and %lld; they must be equal",
                 order_a[*kept_a + i], tg__describe(a), order_b[*kept_b + i], tg__describe(b),
                 (long long)sa, (long long)sb);
        return false;
    }
    if (*kept_a + *kept_b <= TG_MAX_DIMS)
        return true;
    tg__fail(TG_ERR_SHAPE, "tensordot", "%s and %s give %d dims; at most %d are possible",
             tg__describe(a), tg__describe(b), *kept_a + *kept_b, TG_MAX_DIMS);
    return false;
}

static bool tensordot_forward(const tg__call *c) {
    int order_a[TG_MAX_DIMS];
    int order_b[TG_MAX_DIMS];
    int kept_a = 0;
    int kept_b = 0;
    if (!tensordot_plan(c, order_a, order_b, &kept_a, &kept_b))
        return false;
    const tg_tensor *a = c->in[0];
    const tg_tensor *b = c->in[1];
    int64_t shape[TG_MAX_DIMS];
    int64_t m = 1;
    int64_t n = 1;
    int64_t k = 1;
    for (int i = 0; i < kept_a; i++)
        m *= shape[i] = a->shape[order_a[i]];
    for (int i = 0; i < kept_b; i++)
        n *= shape[kept_a + i] = b->shape[order_b[i]];
    for (int i = kept_a; i < a->ndim; i++)
        k *= a->shape[order_a[i]];
    tg_tensor *left = tg_reshape(tg_permute(c->in[0], a->ndim, order_a), TG_SHAPE(m, k));
    tg_tensor *right = tg_reshape(tg_permute(c->in[1], b->ndim, order_b), TG_SHAPE(n, k));
    c->out[0] = tg_reshape(tg_matmul(left, tg_transpose(right, 0, 1)), kept_a + kept_b, shape);
    return c->out[0] != NULL;
}
TG_OP(tensordot, .maths = "sum over pairs of dims of a and b", PRODUCT, .fields = pair_fields,
      .attr_size = sizeof(pair_attr), .forward = tensordot_forward, .onnx = {"composed"});
TG_SAMPLES(tensordot, "[2,3,4] [4,3,2] | dims_a=1,2 dims_b=1,0", "[2,3] [3] | dims_a=-1 dims_b=0",
           "[2] [3]", "[2,3] [2,3] | dims_a=0,1 dims_b=0,1");
tg_tensor *tg_tensordot(tg_tensor *a, tg_tensor *b, int ndims_a, const int *dims_a, int ndims_b,
                        const int *dims_b) {
    pair_attr p = {0};
    return tg__dims_from("tensordot", ndims_a, dims_a, &p.dims_a) &&
                   tg__dims_from("tensordot", ndims_b, dims_b, &p.dims_b)
               ? tg__apply2(&tg__op_tensordot, a, b, &p)
               : NULL;
}

/* ---- kron: each element of a times all of b ---- */
static bool kron_forward(const tg__call *c) {
    const tg_tensor *a = c->in[0];
    const tg_tensor *b = c->in[1];
    int n = a->ndim > b->ndim ? a->ndim : b->ndim;
    if (2 * n > TG_MAX_DIMS) {
        tg__fail(TG_ERR_SHAPE, "kron", "%s and %s; give at most %d dims", tg__describe(a),
                 tg__describe(b), TG_MAX_DIMS / 2);
        return false;
    }
    int64_t wide_a[TG_MAX_DIMS];
    int64_t wide_b[TG_MAX_DIMS];
    int64_t shape[TG_MAX_DIMS];
    for (int i = 0; i < n; i++) {
        wide_a[2 * i] = i < n - a->ndim ? 1 : a->shape[i - (n - a->ndim)];
        wide_b[2 * i + 1] = i < n - b->ndim ? 1 : b->shape[i - (n - b->ndim)];
        wide_a[2 * i + 1] = wide_b[2 * i] = 1;
        if (__builtin_mul_overflow(wide_a[2 * i], wide_b[2 * i + 1], &shape[i])) {
            tg__fail(TG_ERR_SHAPE, "kron", "%s and %s: size overflow", tg__describe(a),
                     tg__describe(b));
            return false;
        }
    }
    tg_tensor *y = tg_mul(tg_reshape(c->in[0], 2 * n, wide_a), tg_reshape(c->in[1], 2 * n, wide_b));
    c->out[0] = tg_reshape(y, n, shape);
    return c->out[0] != NULL;
}
TG_OP(kron, .maths = "Kronecker product", .inputs = "a b", .n_in = 2, .flags = TG__COMPOSED,
      .forward = kron_forward, .onnx = {"composed"});
TG_SAMPLES(kron, "[2,3] [3,2]", "[2] [2,2]", "[] [3]");
tg_tensor *tg_kron(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_kron, a, b, NULL); }

/* ---- cross: the vector product along a dim of size 3 ---- */
static const tg__field cross_fields[] = {
    {"dim", TG_ATTR_INT, offsetof(tg__along, dim), false, -1, 0}, {0}};
/* The components 1, 2, 0 (or 2, 0, 1). */
static tg_tensor *turned(tg_tensor *x, int dim, int64_t first) {
    const int64_t order[3] = {first, (first + 1) % 3, (first + 2) % 3};
    return tg_index_select(x, dim, tg_from_array(TG_I64, TG_SHAPE(3), order));
}
static bool cross_forward(const tg__call *c) {
    int64_t dim = ((const tg__along *)c->attr)->dim;
    int at[2];
    for (int i = 0; i < 2; i++) {
        at[i] = tg__dim("cross", c->in[i], dim);
        if (at[i] < 0)
            return false;
        if (c->in[i]->ndim == 0 || c->in[i]->shape[at[i]] != 3) {
            tg__fail(TG_ERR_SHAPE, "cross", "%s is %s; dim %lld must have size 3",
                     i == 0 ? "a" : "b", tg__describe(c->in[i]), (long long)dim);
            return false;
        }
    }
    if (c->in[0]->ndim != c->in[1]->ndim) {
        tg__fail(TG_ERR_SHAPE, "cross", "%s and %s must have as many dims", tg__describe(c->in[0]),
                 tg__describe(c->in[1]));
        return false;
    }
    tg_tensor *a = c->in[0];
    tg_tensor *b = c->in[1];
    c->out[0] = tg_sub(tg_mul(turned(a, at[0], 1), turned(b, at[1], 2)),
                       tg_mul(turned(a, at[0], 2), turned(b, at[1], 1)));
    return c->out[0] != NULL;
}
TG_OP(cross, .maths = "a x b along dim", .inputs = "a b", .n_in = 2, .flags = TG__COMPOSED,
      .fields = cross_fields, .attr_size = sizeof(tg__along), .forward = cross_forward,
      .onnx = {"composed"});
TG_SAMPLES(cross, "[3] [3]", "[2,3] [1,3]", "[3,2] [3,2] | dim=0");
tg_tensor *tg_cross(tg_tensor *a, tg_tensor *b, int dim) {
    return tg__apply2(&tg__op_cross, a, b, &(tg__along){dim});
}

/* ---- bilinear: Σ x1ᵢ·w[o][i][j]·x2ⱼ + b[o] ---- */
static bool bilinear_check(const tg__call *c) {
    const tg_tensor *x1 = c->in[0];
    const tg_tensor *x2 = c->in[1];
    const tg_tensor *w = c->in[2];
    const tg_tensor *b = c->in[3];
    bool fits = w->ndim == 3 && x1->ndim >= 1 && x1->ndim == x2->ndim &&
                x1->shape[x1->ndim - 1] == w->shape[1] && x2->shape[x2->ndim - 1] == w->shape[2];
    for (int i = 0; fits && i < x1->ndim - 1; i++)
        fits = x1->shape[i] == x2->shape[i];
    if (!fits) {
        tg__fail(TG_ERR_SHAPE, "bilinear",
                 "x1 is %s, x2 %s and w %s; w is [out, in1, in2], x1 [..., in1], x2 [..., in2]",
                 tg__describe(x1), tg__describe(x2), tg__describe(w));
        return false;
    }
    if (!tg__absent(b) && (b->ndim != 1 || b->shape[0] != w->shape[0])) {
        tg__fail(TG_ERR_SHAPE, "bilinear", "b is %s and w %s; b is [out]", tg__describe(b),
                 tg__describe(w));
        return false;
    }
    return tg__same_float("bilinear", x1, w) && tg__same_float("bilinear", x2, w) &&
           (tg__absent(b) || tg__same_float("bilinear", b, w));
}
static bool bilinear_forward(const tg__call *c) {
    if (!bilinear_check(c))
        return false;
    tg_tensor *x1 = c->in[0];
    tg_tensor *x2 = c->in[1];
    tg_tensor *w = c->in[2];
    int64_t out = w->shape[0];
    int64_t in1 = w->shape[1];
    int64_t in2 = w->shape[2];
    int64_t rows = 1;
    int64_t shape[TG_MAX_DIMS];
    for (int i = 0; i < x1->ndim - 1; i++)
        rows *= shape[i] = x1->shape[i];
    shape[x1->ndim - 1] = out;
    /* [rows, in1] . [in1, out * in2], then each row's [out, in2] . [in2, 1] */
    tg_tensor *flat = tg_reshape(tg_transpose(w, 0, 1), TG_SHAPE(in1, out * in2));
    tg_tensor *half = tg_matmul(tg_reshape(x1, TG_SHAPE(rows, in1)), flat);
    tg_tensor *y = tg_matmul(tg_reshape(half, TG_SHAPE(rows, out, in2)),
                             tg_reshape(x2, TG_SHAPE(rows, in2, 1)));
    y = tg_reshape(y, x1->ndim, shape);
    c->out[0] = tg__absent(c->in[3]) ? y : tg_add(y, c->in[3]);
    return c->out[0] != NULL;
}
TG_OP(bilinear, .maths = "x1 . w[o] . x2 + b[o]", .inputs = "x1 x2 w b", .n_in = 4, .n_optional = 1,
      .flags = TG__COMPOSED | TG__BLAS, .forward = bilinear_forward, .onnx = {"composed"});
TG_SAMPLES(bilinear, "[2,3] [2,4] [2,3,4] [2]", "[3] [2] [2,3,2] none",
           "[2,2,2] [2,2,3] [2,2,3] none");
tg_tensor *tg_bilinear(tg_tensor *x1, tg_tensor *x2, tg_tensor *w, tg_tensor *b_or_none) {
    tg_tensor *in[4] = {x1, x2, w, b_or_none};
    tg_tensor *out;
    return tg__apply(&tg__op_bilinear, in, 4, NULL, &out) ? out : NULL;
}
