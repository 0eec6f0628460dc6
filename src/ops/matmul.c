/* matmul.c - products through BLAS.
 *
 * Operands become [batch…, rows, cols] by strides alone; the shim decides how to run them. The
 * gradients are products again, with the transposes as views. */
#include "kernels/blas.h"

#include "ops/elementwise.h"

#include <string.h>

static const char TAKES[] = "f32, f64, i64, i32";

static bool product_dtype(const char *op, const tg_tensor *a, const tg_tensor *b, tg_dtype *dtype) {
    *dtype = tg__promote(a, b);
    if (*dtype == TG_F32 || *dtype == TG_F64 || *dtype == TG_I64 || *dtype == TG_I32)
        return true;
    tg__refuse_dtype(op, a, TAKES);
    return false;
}

/* The last two dims of x as a matrix. A 1-d x is a row on the left, a column on the right. */
static tg__matrix matrix_of(const tg_tensor *x, bool left, int64_t *rows, int64_t *cols) {
    tg__matrix m = {.data = x->data};
    int n = x->ndim;
    if (n == 1) {
        *rows = left ? 1 : x->shape[0];
        *cols = left ? x->shape[0] : 1;
        m.row = left ? 0 : x->stride[0];
        m.col = left ? x->stride[0] : 0;
        return m;
    }
    *rows = x->shape[n - 2];
    *cols = x->shape[n - 1];
    m.row = x->stride[n - 2];
    m.col = x->stride[n - 1];
    return m;
}

/* Fills the batch part of p and of the output's shape; false with an error. */
static bool plan_batch(const char *op, const tg_tensor *a, const tg_tensor *b, tg__matmul *p) {
    int na = a->ndim > 2 ? a->ndim - 2 : 0;
    int nb = b->ndim > 2 ? b->ndim - 2 : 0;
    p->n_batch = na > nb ? na : nb;
    for (int i = 1; i <= p->n_batch; i++) {
        int at = p->n_batch - i;
        int64_t sa = i <= na ? a->shape[na - i] : 1;
        int64_t sb = i <= nb ? b->shape[nb - i] : 1;
        if (sa != sb && sa != 1 && sb != 1) {
            tg__fail(TG_ERR_SHAPE, op,
                     "batch sizes %lld and %lld of %s and %s do not broadcast; they must be equal "
                     "or 1",
                     (long long)sa, (long long)sb, tg__describe(a), tg__describe(b));
            return false;
        }
        p->batch[at] = sa == 1 ? sb : sa;
        p->a.batch[at] = i <= na && sa != 1 ? a->stride[na - i] : 0;
        p->b.batch[at] = i <= nb && sb != 1 ? b->stride[nb - i] : 0;
    }
    return true;
}

static bool inner_mismatch(const char *op, const tg_tensor *a, const tg_tensor *b, int64_t ka,
                           int64_t kb) {
    if (ka == kb)
        return false;
    bool transposed = b->ndim >= 2 && b->shape[b->ndim - 1] == ka;
    tg__fail(TG_ERR_SHAPE, op,
             "%s and %s: the last dim of a (%lld) must equal the %s of b (%lld)%s", tg__describe(a),
             tg__describe(b), (long long)ka, b->ndim == 1 ? "length" : "last but one dim",
             (long long)kb, transposed ? "; did you mean tg_transpose(b, -2, -1)?" : "");
    return true;
}

/* Operands, sizes and batch of p; false with an error. */
static bool plan(const char *op, const tg_tensor *a, const tg_tensor *b, tg__matmul *p) {
    int64_t kb;
    p->a = matrix_of(a, true, &p->m, &p->k);
    p->b = matrix_of(b, false, &kb, &p->n);
    return !inner_mismatch(op, a, b, p->k, kb) && plan_batch(op, a, b, p);
}

/* a·b with operands of one dtype. Raw. */
static tg_tensor *product(const char *op, const tg_tensor *a, const tg_tensor *b) {
    tg__matmul p = {.dtype = (tg_dtype)a->dtype};
    if (!plan(op, a, b, &p))
        return NULL;
    int64_t shape[TG_MAX_DIMS];
    int n = 0;
    for (; n < p.n_batch; n++)
        shape[n] = p.batch[n];
    if (a->ndim > 1)
        shape[n++] = p.m;
    if (b->ndim > 1)
        shape[n++] = p.n;
    tg_tensor *c = tg__new(op, p.dtype, n, shape);
    if (c == NULL)
        return NULL;
    p.c = c->data;
    if (c->numel > 0 && !tg__matmul_run(&p)) {
        tg__fail_memory(op, (uint64_t)c->numel * tg__item_size(p.dtype));
        tg__unref(c);
        return NULL;
    }
    return c;
}

/* ---- matmul ---- */
static bool matmul_forward(const tg__call *c) {
    tg_dtype dtype;
    for (int i = 0; i < 2; i++)
        if (c->in[i]->ndim == 0) {
            tg__fail(TG_ERR_SHAPE, "matmul", "argument %s is 0-d; use tg_mul to scale",
                     i == 0 ? "a" : "b");
            return false;
        }
    if (!product_dtype("matmul", c->in[0], c->in[1], &dtype))
        return false;
    /* before anything is converted, so that the text shows what came */
    if (c->in[0]->dtype != c->in[1]->dtype && !plan("matmul", c->in[0], c->in[1], &(tg__matmul){0}))
        return false;
    tg_tensor *a = tg__as("matmul", c->in[0], dtype);
    tg_tensor *b = a != NULL ? tg__as("matmul", c->in[1], dtype) : NULL;
    if (b != NULL)
        c->out[0] = product("matmul", a, b);
    tg__unref(a);
    tg__unref(b);
    return c->out[0] != NULL;
}
/* Left operand [.., m, k] of g [.., m, n] and b: g·bᵀ. */
static tg_tensor *left_gradient(tg_tensor *g, const tg_tensor *a, tg_tensor *b) {
    if (a->ndim == 1 && b->ndim == 1)
        return tg_mul(g, b);
    if (b->ndim == 1) /* g [.., m] outer b [k] */
        return tg_mul(tg_unsqueeze(g, -1), b);
    if (a->ndim == 1) /* g [.., n], b [.., k, n] */
        return tg_squeeze(tg_matmul(tg_unsqueeze(g, -2), tg_transpose(b, -2, -1)), TG_DIMS(-2));
    return tg_matmul(g, tg_transpose(b, -2, -1));
}
/* Right operand [.., k, n]: aᵀ·g; a batch against one matrix b is folded into the rows. */
static tg_tensor *right_gradient(tg_tensor *g, tg_tensor *a, const tg_tensor *b) {
    if (a->ndim == 1 && b->ndim == 1)
        return tg_mul(g, a);
    if (a->ndim == 1) /* a [k] outer g [.., n] */
        return tg_mul(tg_unsqueeze(a, -1), tg_unsqueeze(g, -2));
    if (b->ndim == 1) /* a [.., m, k], g [.., m] */
        return tg_squeeze(tg_matmul(tg_transpose(a, -2, -1), tg_unsqueeze(g, -1)), TG_DIMS(-1));
    if (a->ndim > 2 && b->ndim == 2 && a->numel > 0) {
        a = tg_reshape(a, TG_SHAPE(-1, a->shape[a->ndim - 1]));
        g = tg_reshape(g, TG_SHAPE(a != NULL ? a->shape[0] : 0, b->shape[1]));
    }
    return tg_matmul(tg_transpose(a, -2, -1), g);
}
static void matmul_rule(tg__rule *r) {
    if (r->wanted[0])
        r->gin[0] = left_gradient(r->g[0], r->in[0], r->in[1]);
    if (r->wanted[1])
        r->gin[1] = right_gradient(r->g[0], r->in[0], r->in[1]);
}
TG_OP(matmul, .maths = "a . b", .inputs = "a b", .n_in = 2, .flags = TG__BROADCASTS | TG__BLAS,
      .forward = matmul_forward, .rule = matmul_rule,
      .saves = {TG__SAVE_IN(0, TG__ANY), TG__SAVE_IN(1, TG__ANY)}, .onnx = {"MatMul", 13});
TG_SAMPLES(matmul, "[2,3] [3,4]", "[3] [3]", "[2,3] [3]", "[3] [3,2]", "[5,2,3] [3,4]",
           "[2,1,2,3] [3,3,2]", "[2,2,3] [3]", "[3] [2,3,2]");
tg_tensor *tg_matmul(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_matmul, a, b, NULL); }

/* ---- dot: Σ aᵢ·bᵢ ---- */
static bool dot_forward(const tg__call *c) {
    tg_tensor *a = c->in[0];
    tg_tensor *b = c->in[1];
    if (a->ndim != 1 || b->ndim != 1 || a->shape[0] != b->shape[0]) {
        tg__fail(TG_ERR_SHAPE, "dot",
                 "%s and %s: give two 1-d tensors of equal length, or use "
                 "tg_matmul",
                 tg__describe(a), tg__describe(b));
        return false;
    }
    c->out[0] = tg_matmul(a, b);
    return c->out[0] != NULL;
}
TG_OP(dot, .maths = "sum(a * b)", .inputs = "a b", .n_in = 2, .flags = TG__COMPOSED | TG__BLAS,
      .forward = dot_forward, .onnx = {"MatMul", 13});
TG_SAMPLES(dot, "[4] [4]");
tg_tensor *tg_dot(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_dot, a, b, NULL); }

/* ---- linear: x·wᵀ + b ---- */
static bool linear_check(const tg_tensor *x, const tg_tensor *w, const tg_tensor *b) {
    bool shapes = x->ndim >= 1 && w->ndim == 2 && x->shape[x->ndim - 1] == w->shape[1];
    if (!shapes) {
        tg__fail(TG_ERR_SHAPE, "linear", "x is %s and w is %s; x is [..., in] and w is [out, in]",
                 tg__describe(x), tg__describe(w));
        return false;
    }
    if (!tg__absent(b) && (b->ndim != 1 || b->shape[0] != w->shape[0])) {
        tg__fail(TG_ERR_SHAPE, "linear", "b is %s and w is %s; b is [out], as the first dim of w",
                 tg__describe(b), tg__describe(w));
        return false;
    }
    bool dtypes = x->dtype == w->dtype && (tg__absent(b) || b->dtype == x->dtype);
    if (!dtypes || !tg_dtype_is_float((tg_dtype)x->dtype)) {
        tg__fail(TG_ERR_DTYPE, "linear",
                 "x is %s, w is %s, b is %s; all must be f32 or all f64: use tg_cast",
                 tg__describe(x), tg__describe(w), tg__describe(b));
        return false;
    }
    return true;
}
static bool linear_forward(const tg__call *c) {
    const tg_tensor *x = c->in[0];
    const tg_tensor *w = c->in[1];
    const tg_tensor *b = c->in[2];
    if (!linear_check(x, w, b))
        return false;
    int64_t shape[TG_MAX_DIMS];
    memcpy(shape, x->shape, sizeof shape);
    shape[x->ndim - 1] = w->shape[0];
    tg_tensor *bias = tg__absent(b) ? NULL : tg__packed("linear", c->in[2]);
    if (!tg__absent(b) && bias == NULL)
        return false;
    tg_tensor *y = tg__new("linear", (tg_dtype)x->dtype, x->ndim, shape);
    if (y != NULL && y->numel > 0) {
        tg__matmul p = {.dtype = (tg_dtype)x->dtype, .n = w->shape[0], .c = y->data};
        p.a = matrix_of(x, true, &p.m, &p.k);
        p.b = (tg__matrix){.data = w->data, .row = w->stride[1], .col = w->stride[0]};
        p.n_batch = x->ndim > 2 ? x->ndim - 2 : 0;
        for (int i = 0; i < p.n_batch; i++) {
            p.batch[i] = x->shape[i];
            p.a.batch[i] = x->stride[i];
        }
        p.bias = bias != NULL ? bias->data : NULL;
        if (!tg__matmul_run(&p)) {
            tg__fail_memory("linear", (uint64_t)y->numel * tg__item_size(y->dtype));
            tg__unref(y);
            y = NULL;
        }
    }
    tg__unref(bias);
    c->out[0] = y;
    return y != NULL;
}
static void linear_rule(tg__rule *r) {
    tg_tensor *g = r->g[0];
    if (r->wanted[0])
        r->gin[0] = tg_matmul(g, r->in[1]);
    int64_t out = g->shape[g->ndim - 1];
    bool empty = g->numel == 0;
    if ((r->wanted[1] || r->wanted[2]) && !empty)
        g = tg_reshape(g, TG_SHAPE(-1, out));
    if (r->wanted[1]) {
        tg_tensor *x = r->in[0];
        if (empty)
            r->gin[1] = tg_zeros((tg_dtype)x->dtype, TG_SHAPE(out, x->shape[x->ndim - 1]));
        else
            r->gin[1] = tg_matmul(
                tg_transpose(g, 0, 1),
                tg_reshape(x, TG_SHAPE(g != NULL ? g->shape[0] : 0, x->shape[x->ndim - 1])));
    }
    if (r->wanted[2])
        r->gin[2] = empty ? tg_zeros((tg_dtype)r->g[0]->dtype, TG_SHAPE(out))
                          : tg_sum(g, TG_DIMS(0), false);
}
TG_OP(linear, .maths = "x . w^T + b", .inputs = "x w b", .n_in = 3, .n_optional = 1,
      .flags = TG__BLAS, .forward = linear_forward, .rule = linear_rule,
      .saves = {TG__SAVE_IN(0, 2), TG__SAVE_IN(1, 1)}, .onnx = {"Gemm", 13});
TG_SAMPLES(linear, "[2,3] [4,3] [4]", "[3] [2,3] [2]", "[2,2,3] [4,3] none", "[2,3] [4,3] none");
tg_tensor *tg_linear(tg_tensor *x, tg_tensor *w, tg_tensor *b_or_none) {
    return tg__apply3(&tg__op_linear, x, w, b_or_none, NULL);
}
