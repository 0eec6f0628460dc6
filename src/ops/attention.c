/* attention.c - scaled dot-product attention.
 *
 * `attention` computes some rows of the [L, S] scores at a time, in the forward and again in the
 * gradient, so it needs memory for ROWS_BUDGET of them and keeps only its inputs. A derivative that
 * is to be differentiated again is written in recorded operations on all scores. Dropout needs the
 * same mask everywhere and takes that way too.
 *
 * A row of scores that are all -inf (a query that sees no key) counts as weights 0. */
#include "ops/attention.h"

#include "base/options.h"
#include "ops/elementwise.h"
#include "ops/softmax.h"

#include <tensorgrad/ops.h>

#include <math.h>

#define ROWS_BUDGET (1 << 20) /* scores at a time */

enum { Q, K, V, MASK, INPUTS };

/* ---- Checks ---- */

static bool check_mask(const char *op, const tg_tensor *mask, const tg_tensor *q,
                       const tg_tensor *k, bool causal) {
    if (tg__absent(mask))
        return true;
    if (causal) {
        tg__fail(TG_ERR_ARG, op, "is_causal together with a mask; give one of them");
        return false;
    }
    if (mask->dtype != TG_BOOL && mask->dtype != q->dtype) {
        tg__fail(TG_ERR_DTYPE, op, "mask is %s and query %s; give bool or query's dtype",
                 tg__describe(mask), tg__describe(q));
        return false;
    }
    bool fits = mask->ndim <= q->ndim;
    for (int i = 1; fits && i <= mask->ndim; i++) {
        const int64_t want = i == 1 ? k->shape[k->ndim - 2] : q->shape[q->ndim - i];
        const int64_t size = mask->shape[mask->ndim - i];
        fits = size == 1 || size == (i == 2 ? q->shape[q->ndim - 2] : want);
    }
    if (!fits)
        tg__fail(TG_ERR_SHAPE, op,
                 "mask is %s for query %s and key %s; it must broadcast to "
                 "[..., L, S]",
                 tg__describe(mask), tg__describe(q), tg__describe(k));
    return fits;
}

bool tg__attention_check(const char *op, tg_tensor *const *in, bool causal) {
    const tg_tensor *q = in[Q];
    const tg_tensor *k = in[K];
    const tg_tensor *v = in[V];
    const int n = q->ndim;
    if (!tg__float_only(op, q))
        return false;
    bool fits = n >= 2 && k->ndim == n && v->ndim == n;
    for (int i = 0; fits && i < n - 2; i++)
        fits = q->shape[i] == k->shape[i] && k->shape[i] == v->shape[i];
    if (!fits || q->shape[n - 1] != k->shape[n - 1] || k->shape[n - 2] != v->shape[n - 2]) {
        tg__fail(TG_ERR_SHAPE, op,
                 "query is %s, key %s and value %s; give [..., L, E], [..., S, E] and [..., S, V]",
                 tg__describe(q), tg__describe(k), tg__describe(v));
        return false;
    }
    if (k->dtype != q->dtype || v->dtype != q->dtype) {
        tg__fail(TG_ERR_DTYPE, op, "query is %s, key %s and value %s; they must have one dtype",
                 tg__describe(q), tg__describe(k), tg__describe(v));
        return false;
    }
    return check_mask(op, in[MASK], q, k, causal);
}

/* ---- In operations ---- */

/* Without numbers to multiply (E = 0) every scale is as good; 1/√0 is not. */
static double scale_of(const tg__attention_attr *a, const tg_tensor *q) {
    const int64_t e = q->shape[q->ndim - 1];
    return a->scale == 0 ? 1 / sqrt(e > 0 ? (double)e : 1.0) : a->scale;
}

/* True where key j comes after query first + i: [rows, keys]. */
static tg_tensor *future(int64_t first, int64_t rows, int64_t keys) {
    tg_tensor *i = tg_arange(TG_I64, (double)first, (double)(first + rows), 1);
    tg_tensor *j = tg_arange(TG_I64, 0, (double)keys, 1);
    return tg_gt(j, tg_unsqueeze(i, 1));
}

/* The weights of queries from number `first` on: [..., rows, S]. */
static tg_tensor *weights_of(tg_tensor *q, tg_tensor *k, tg_tensor *mask,
                             const tg__attention_attr *a, int64_t first) {
    if (q == NULL || k == NULL || mask == NULL)
        return NULL;
    const int64_t rows = q->shape[q->ndim - 2];
    const int64_t keys = k->shape[k->ndim - 2];
    tg_tensor *s = tg_matmul(tg_mul_scalar(q, scale_of(a, q)), tg_transpose(k, -2, -1));
    if (a->causal)
        s = tg_masked_fill(s, future(first, rows, keys), -INFINITY);
    if (tg__absent(mask) || keys == 0)
        return tg_softmax(s, -1);
    s = mask->dtype == TG_BOOL ? tg_masked_fill(s, tg_logical_not(mask), -INFINITY)
                               : tg_add(s, mask);
    bool was = tg__grad_off();
    tg_tensor *blind = tg_eq_scalar(tg_amax(s, TG_DIMS(-1), true), -INFINITY); /* [..., rows, 1] */
    tg__grad_back(was);
    return tg_masked_fill(tg_softmax(tg_masked_fill(s, blind, 0.0), -1), blind, 0.0);
}

/* g [..., L, S] summed to the shape of a mask. */
static tg_tensor *to_mask(tg_tensor *g, int ndim, const int64_t *shape) {
    int dims[TG_MAX_DIMS];
    int n = 0;
    if (g == NULL)
        return NULL;
    for (int i = 0; i < g->ndim; i++) {
        const int at = i - (g->ndim - ndim);
        if (at < 0 || (shape[at] == 1 && g->shape[i] != 1))
            dims[n++] = i;
    }
    return tg_reshape(n > 0 ? tg_sum(g, n, dims, true) : g, ndim, shape);
}

/* Gradients of some queries' outputs, given their weights p: out[0..3] for q, k, v and scores. */
static void gradients(tg_tensor *g, tg_tensor *const *in, tg_tensor *p, double scale,
                      tg_tensor **out) {
    out[V] = tg_matmul(tg_transpose(p, -2, -1), g);
    tg_tensor *dp = tg_matmul(g, tg_transpose(in[V], -2, -1));
    tg_tensor *ds = tg__softmax_grad(dp, p, -1);
    tg_tensor *scaled = tg_mul_scalar(ds, scale);
    out[Q] = tg_matmul(scaled, in[K]);
    out[K] = tg_matmul(tg_transpose(scaled, -2, -1), in[Q]);
    out[MASK] = ds;
}

/* ---- attention: some rows of scores at a time ---- */

static int64_t rows_at_once(const tg_tensor *q, const tg_tensor *k) {
    int64_t scores = k->shape[k->ndim - 2];
    for (int i = 0; i < q->ndim - 2; i++)
        scores *= q->shape[i];
    return scores > 0 && scores < ROWS_BUDGET ? ROWS_BUDGET / scores : 1;
}

/* Rows [first, first + n) of a mask, which may have one row for all. */
static tg_tensor *mask_rows(tg_tensor *mask, int64_t first, int64_t n) {
    if (tg__absent(mask) || mask->ndim < 2 || mask->shape[mask->ndim - 2] == 1)
        return mask;
    return tg_narrow(mask, -2, first, n);
}

/* Runs body over pieces of the queries, each in a scope of its own. */
typedef struct {
    tg_tensor *const *in; /* q, k, v, mask */
    const tg__attention_attr *a;
    tg_tensor *g;    /* of the output, for gradients */
    tg_tensor **out; /* to be filled in place; NULL where not wanted */
} pass;
typedef bool (*piece_fn)(const pass *p, int64_t first, int64_t n);

static bool for_pieces(const pass *p, piece_fn body) {
    const int64_t rows = p->in[Q]->shape[p->in[Q]->ndim - 2];
    const int64_t most = rows_at_once(p->in[Q], p->in[K]);
    for (int64_t first = 0; first < rows; first += most) {
        tg_scope s = tg_scope_open();
        const bool good = body(p, first, rows - first < most ? rows - first : most);
        if (tg_scope_close(s) != TG_OK || !good)
            return false;
    }
    return true;
}

static bool forward_piece(const pass *p, int64_t first, int64_t n) {
    tg_tensor *weights = weights_of(tg_narrow(p->in[Q], -2, first, n), p->in[K],
                                    mask_rows(p->in[MASK], first, n), p->a, first);
    tg_tensor *y = tg_matmul(weights, p->in[V]);
    return tg_copy_(tg_narrow(p->out[0], -2, first, n), y) != NULL;
}

static bool gradient_piece(const pass *p, int64_t first, int64_t n) {
    tg_tensor *in[3] = {tg_narrow(p->in[Q], -2, first, n), p->in[K], p->in[V]};
    tg_tensor *mask = mask_rows(p->in[MASK], first, n);
    tg_tensor *weights = weights_of(in[Q], in[K], mask, p->a, first);
    tg_tensor *part[INPUTS];
    gradients(tg_narrow(p->g, -2, first, n), in, weights, scale_of(p->a, p->in[Q]), part);
    bool good = part[Q] != NULL && part[K] != NULL && part[V] != NULL;
    if (good && p->out[Q] != NULL)
        good = tg_copy_(tg_narrow(p->out[Q], -2, first, n), part[Q]) != NULL;
    for (int i = K; good && i <= V; i++)
        if (p->out[i] != NULL)
            good = tg_add_(p->out[i], part[i]) != NULL;
    if (good && p->out[MASK] != NULL) {
        tg_tensor *to = mask_rows(p->out[MASK], first, n);
        good = to != NULL && tg_add_(to, to_mask(part[MASK], to->ndim, to->shape)) != NULL;
    }
    return good;
}

static const tg__field core_fields[] = {
    {"scale", TG_ATTR_FLOAT, offsetof(tg__attention_attr, scale), false, 0, 0.0},
    {"is_causal", TG_ATTR_BOOL, offsetof(tg__attention_attr, causal), false, 0, 0},
    {0}};

static bool check_scale(const char *op, double scale) {
    if (isfinite(scale))
        return true;
    tg__fail(TG_ERR_ARG, op, "scale is %s; give a finite number, or 0 for 1/sqrt(E)",
             tg__num(scale));
    return false;
}

static bool attention_forward(const tg__call *c) {
    const tg__attention_attr *a = c->attr;
    if (!check_scale("attention", a->scale) || !tg__attention_check("attention", c->in, a->causal))
        return false;
    int64_t shape[TG_MAX_DIMS];
    const tg_tensor *q = c->in[Q];
    for (int i = 0; i < q->ndim; i++)
        shape[i] = i < q->ndim - 1 ? q->shape[i] : c->in[V]->shape[q->ndim - 1];
    tg_scope s = tg_scope_open();
    tg_tensor *y = tg_empty((tg_dtype)q->dtype, q->ndim, shape);
    pass p = {.in = c->in, .a = a, .out = &y};
    const bool good = y != NULL && (y->numel == 0 || for_pieces(&p, forward_piece));
    y = tg_scope_return(s, good ? y : NULL);
    if (y != NULL)
        tg__take(y);
    c->out[0] = y;
    return y != NULL;
}

/* The gradients once, without a record of them. */
static void piecewise(tg__rule *r, tg_tensor *const *in, const tg__meta *mask) {
    tg_tensor *out[INPUTS] = {NULL};
    for (int i = Q; i <= V; i++)
        if (r->wanted[i])
            r->gin[i] = out[i] = tg_zeros_like(in[i]);
    if (r->wanted[MASK])
        r->gin[MASK] = out[MASK] = tg_zeros((tg_dtype)mask->dtype, mask->ndim, mask->shape);
    const pass p = {.in = in, .a = r->attr, .g = r->g[0], .out = out};
    const bool some = r->g[0]->numel > 0 && in[K]->shape[in[K]->ndim - 2] > 0;
    if (some && !for_pieces(&p, gradient_piece))
        for (int i = 0; i < INPUTS; i++)
            r->gin[i] = NULL;
}

static void attention_rule(tg__rule *r) {
    tg_tensor *in[INPUTS] = {r->in[Q], r->in[K], r->in[V],
                             r->in[MASK] != NULL ? r->in[MASK] : TG_NONE};
    const tg__attention_attr *a = r->attr;
    if (!tg__self()->grad_on) {
        piecewise(r, in, r->meta[MASK]);
        return;
    }
    tg_tensor *out[INPUTS];
    tg_tensor *weights = weights_of(in[Q], in[K], in[MASK], a, 0);
    gradients(r->g[0], in, weights, scale_of(a, in[Q]), out);
    for (int i = Q; i <= V; i++)
        if (r->wanted[i])
            r->gin[i] = out[i];
    if (r->wanted[MASK])
        r->gin[MASK] = to_mask(out[MASK], in[MASK]->ndim, in[MASK]->shape);
}
TG_OP(attention, .maths = "softmax(q . k^T * scale + mask) . v", .inputs = "query key value mask",
      .n_in = 4, .n_optional = 1, .flags = TG__INTERNAL | TG__BLAS, .fields = core_fields,
      .attr_size = sizeof(tg__attention_attr), .forward = attention_forward, .rule = attention_rule,
      .saves = {TG__SAVE_IN(Q, TG__ANY), TG__SAVE_IN(K, TG__ANY), TG__SAVE_IN(V, TG__ANY),
                TG__SAVE_IN(MASK, TG__ANY), TG__SAVE_META(MASK, 8)},
      .onnx = {"composed"});
TG_SAMPLES(attention, "[3,2] [4,2] [4,3]", "[2,3,2] [2,4,2] [2,4,2] b[3,4]",
           "[2,3,2] [2,3,2] [2,3,1] | is_causal=1 scale=0.7", "[1,2,3,2] [1,2,2,2] [1,2,2,2] [2]",
           "[2,3,2] [2,4,2] [2,4,2] [2,3,4]");

tg_tensor *tg__attention(tg_tensor *const *in, const tg__attention_attr *a, tg_tensor **weights) {
    if (weights == NULL && a->dropout.p == 0) {
        tg_tensor *y;
        return tg__apply(&tg__op_attention, in, INPUTS, a, &y) ? y : NULL;
    }
    tg_tensor *p = weights_of(in[Q], in[K], in[MASK], a, 0);
    p = tg__dropout(p, &a->dropout);
    if (weights != NULL)
        *weights = p;
    return tg_matmul(p, in[V]);
}

/* ---- scaled_dot_product_attention ---- */

typedef struct {
    tg__attention_attr core;
    bool gqa;
} sdpa_attr;
static const tg__field sdpa_fields[] = {
    {"dropout_p", TG_ATTR_FLOAT, offsetof(sdpa_attr, core.dropout.p), false, 0, 0.0},
    {"is_causal", TG_ATTR_BOOL, offsetof(sdpa_attr, core.causal), false, 0, 0},
    {"scale", TG_ATTR_FLOAT, offsetof(sdpa_attr, core.scale), false, 0, 0.0},
    {"enable_gqa", TG_ATTR_BOOL, offsetof(sdpa_attr, gqa), false, 0, 0},
    {"seed", TG_ATTR_INT, offsetof(sdpa_attr, core.dropout.seed), false, 0, 0},
    {"stream", TG_ATTR_INT, offsetof(sdpa_attr, core.dropout.stream), false, 0, 0},
    {"position", TG_ATTR_INT, offsetof(sdpa_attr, core.dropout.position), false, 0, 0},
    {0}};

/* Each head of x [..., H, S, D] `times` times in a row. */
static tg_tensor *repeat_heads(tg_tensor *x, int64_t times) {
    int64_t shape[TG_MAX_DIMS + 1];
    const int at = x->ndim - 3;
    if (times == 1)
        return x;
    for (int i = 0; i <= x->ndim; i++)
        shape[i] = i <= at ? x->shape[i] : i == at + 1 ? times : x->shape[i - 1];
    tg_tensor *y = tg_expand(tg_unsqueeze(x, at + 1), x->ndim + 1, shape);
    return tg_flatten(y, at, at + 1);
}

/* How many heads of query share one of key and value; 0 with an error. */
static int64_t sharing(tg_tensor *const *in) {
    const tg_tensor *q = in[Q];
    const tg_tensor *k = in[K];
    const tg_tensor *v = in[V];
    const int at = q->ndim - 3;
    const bool fits = at >= 0 && at < TG_MAX_DIMS - 3 && k->ndim == q->ndim && v->ndim == q->ndim &&
                      k->shape[at] == v->shape[at] && k->shape[at] > 0 && q->shape[at] > 0 &&
                      q->shape[at] % k->shape[at] == 0;
    if (fits)
        return q->shape[at] / k->shape[at];
    tg__fail(TG_ERR_SHAPE, "scaled_dot_product_attention",
             "query is %s, key %s and value %s; with enable_gqa dim -3 of query is a multiple of "
             "that of key and value",
             tg__describe(q), tg__describe(k), tg__describe(v));
    return 0;
}

static bool sdpa_forward(const tg__call *c) {
    static const char op[] = "scaled_dot_product_attention";
    const sdpa_attr *a = c->attr;
    tg_tensor *in[INPUTS] = {c->in[Q], c->in[K], c->in[V], c->in[MASK]};
    if (!tg__dropout_check(op, "dropout_p", a->core.dropout.p) || !check_scale(op, a->core.scale))
        return false;
    if (a->gqa) {
        const int64_t times = sharing(in);
        if (times == 0)
            return false;
        in[K] = repeat_heads(in[K], times);
        in[V] = repeat_heads(in[V], times);
        if (in[K] == NULL || in[V] == NULL)
            return false;
    }
    if (tg__attention_check(op, in, a->core.causal))
        c->out[0] = tg__attention(in, &a->core, NULL);
    return c->out[0] != NULL;
}
TG_OP(scaled_dot_product_attention, .maths = "softmax(q . k^T * scale + mask) . v",
      .inputs = "query key value mask", .n_in = 4, .n_optional = 1,
      .flags = TG__COMPOSED | TG__BLAS, .fields = sdpa_fields, .attr_size = sizeof(sdpa_attr),
      .forward = sdpa_forward, .onnx = {"Attention", 23, "is_causal=is_causal,scale=scale"});
TG_SAMPLES(scaled_dot_product_attention, "[3,2] [4,2] [4,3]",
           "[2,2,3,2] [2,2,4,2] [2,2,4,2] b[3,4]",
           "[2,3,2] [2,3,2] [2,3,1] | is_causal=1 scale=0.7",
           "[1,4,2,2] [1,2,3,2] [1,2,3,2] | enable_gqa=1",
           "[2,3,2] [2,4,2] [2,4,2] [3,4] | dropout_p=0.3 seed=2");

tg_tensor *tg_scaled_dot_product_attention(tg_tensor *query, tg_tensor *key, tg_tensor *value,
                                           const tg_attention_options *options) {
    tg_attention_options o = TG_ATTENTION_OPTIONS_INIT;
    sdpa_attr a = {0};
    if (tg__options("scaled_dot_product_attention", "tg_attention_options",
                    "TG_ATTENTION_OPTIONS_INIT", options, &o, sizeof o) != TG_OK ||
        (o.dropout_p > 0 && !tg__dropout_from(o.generator, o.dropout_p, &a.core.dropout)))
        return NULL;
    a.core.scale = o.scale;
    a.core.causal = o.is_causal;
    a.core.dropout.p = o.dropout_p;
    a.gqa = o.enable_gqa;
    tg_tensor *in[INPUTS] = {query, key, value, o.mask != NULL ? o.mask : TG_NONE};
    tg_tensor *y;
    if (!tg__apply(&tg__op_scaled_dot_product_attention, in, INPUTS, &a, &y))
        return NULL;
    if (o.dropout_p > 0)
        tg__dropout_done(o.generator, &a.core.dropout,
                         y->numel > 0 ? y->numel / y->shape[y->ndim - 1] * key->shape[key->ndim - 2]
                                      : 0);
    return y;
}
