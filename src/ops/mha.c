/* mha.c - multi-head attention, and what positions add to attention. */
#include "base/options.h"
#include "ops/attention.h"
#include "ops/elementwise.h"

#include <math.h>

typedef struct {
    int64_t num_heads;
    bool batch_first, causal, average_weights;
    tg__dropout_attr dropout;
} mha_attr;
static const tg__field mha_fields[] = {
    {"num_heads", TG_ATTR_INT, offsetof(mha_attr, num_heads), true, 0, 0},
    {"batch_first", TG_ATTR_BOOL, offsetof(mha_attr, batch_first), false, 0, 0},
    {"is_causal", TG_ATTR_BOOL, offsetof(mha_attr, causal), false, 0, 0},
    {"average_weights", TG_ATTR_BOOL, offsetof(mha_attr, average_weights), false, 1, 0},
    {"dropout_p", TG_ATTR_FLOAT, offsetof(mha_attr, dropout.p), false, 0, 0.0},
    {"seed", TG_ATTR_INT, offsetof(mha_attr, dropout.seed), false, 0, 0},
    {"stream", TG_ATTR_INT, offsetof(mha_attr, dropout.stream), false, 0, 0},
    {"position", TG_ATTR_INT, offsetof(mha_attr, dropout.position), false, 0, 0},
    {0}};
enum { QUERY, KEY, VALUE, IN_W, OUT_W, IN_B, OUT_B, MASK, PADDING, INPUTS };
#define MHA                                                                                        \
    .inputs = "query key value in_proj_weight out_proj_weight in_proj_bias out_proj_bias "         \
              "attn_mask key_padding_mask",                                                        \
    .n_in = INPUTS, .n_optional = 4, .flags = TG__COMPOSED | TG__BLAS, .fields = mha_fields,       \
    .attr_size = sizeof(mha_attr), .onnx = {"composed"}

/* Sizes of a call. */
typedef struct {
    int64_t n, l, s, e, heads; /* batch, queries, keys, numbers, heads */
    bool single;               /* without a batch dim */
} sizes;

/* ---- Checks ---- */

static bool has_shape(const tg_tensor *x, int ndim, int64_t a, int64_t b) {
    return tg__absent(x) ||
           (x->ndim == ndim && x->shape[0] == a && (ndim == 1 || x->shape[1] == b));
}

/* Query, key and value; false with an error. */
static bool check_sequences(const tg__call *c, sizes *z) {
    const mha_attr *a = c->attr;
    const tg_tensor *q = c->in[QUERY];
    const tg_tensor *k = c->in[KEY];
    const tg_tensor *v = c->in[VALUE];
    bool fits = (q->ndim == 2 || q->ndim == 3) && k->ndim == q->ndim && tg__same_shape(k, v);
    z->single = q->ndim == 2;
    if (fits) {
        const int batch = z->single ? -1 : a->batch_first ? 0 : 1;
        const int time = z->single ? 0 : 1 - batch;
        z->e = q->shape[q->ndim - 1];
        z->n = z->single ? 1 : q->shape[batch];
        z->l = q->shape[time];
        z->s = k->shape[time];
        fits = k->shape[q->ndim - 1] == z->e && (z->single || k->shape[batch] == z->n);
    }
    if (!fits)
        tg__fail(TG_ERR_SHAPE, c->op->name, "query is %s, key %s and value %s; give %s",
                 tg__describe(q), tg__describe(k), tg__describe(v),
                 a->batch_first ? "[N, L, E], [N, S, E] and [N, S, E]"
                                : "[L, N, E], [S, N, E] and [S, N, E]");
    return fits;
}

static bool check_weights(const tg__call *c, const sizes *z) {
    for (int i = IN_W; i <= OUT_B; i++) {
        const tg_tensor *w = c->in[i];
        const bool matrix = i == IN_W || i == OUT_W;
        const int64_t rows = z->e * (i == IN_W || i == IN_B ? 3 : 1);
        if (has_shape(w, matrix ? 2 : 1, rows, z->e))
            continue;
        tg__fail(TG_ERR_SHAPE, c->op->name, "%s is %s for E = %lld; give %s",
                 tg__input_name(c->op, i), tg__describe(w), (long long)z->e,
                 i == IN_W    ? "[3E, E]"
                 : i == OUT_W ? "[E, E]"
                 : i == IN_B  ? "[3E]"
                              : "[E]");
        return false;
    }
    const tg_tensor *mask = c->in[MASK];
    const bool fits =
        has_shape(mask, 2, z->l, z->s) || (mask->ndim == 3 && mask->shape[0] == z->n * z->heads &&
                                           mask->shape[1] == z->l && mask->shape[2] == z->s);
    const tg_tensor *padding = c->in[PADDING];
    if (fits &&
        (has_shape(padding, 2, z->n, z->s) || (z->single && has_shape(padding, 1, z->s, 0))))
        return true;
    tg__fail(TG_ERR_SHAPE, c->op->name,
             "attn_mask is %s and key_padding_mask %s; give [L, S] or [N*num_heads, L, S], and "
             "[N, S], here L = %lld, S = %lld, N = %lld",
             tg__absent(mask) ? "none" : tg__describe(mask),
             tg__absent(padding) ? "none" : tg__describe(padding), (long long)z->l, (long long)z->s,
             (long long)z->n);
    return false;
}

static bool check_dtypes(const tg__call *c) {
    const unsigned dtype = c->in[QUERY]->dtype;
    if (!tg__float_only(c->op->name, c->in[QUERY]))
        return false;
    for (int i = KEY; i < INPUTS; i++) {
        const tg_tensor *x = c->in[i];
        if (tg__absent(x) || x->dtype == dtype || (i >= MASK && x->dtype == TG_BOOL))
            continue;
        tg__fail(TG_ERR_DTYPE, c->op->name, "%s is %s and query %s; give query's dtype%s",
                 tg__input_name(c->op, i), tg__describe(x), tg__describe(c->in[QUERY]),
                 i >= MASK ? " or bool" : "");
        return false;
    }
    return true;
}

static bool check(const tg__call *c, sizes *z) {
    const mha_attr *a = c->attr;
    if (!tg__dropout_check(c->op->name, "dropout_p", a->dropout.p) || !check_sequences(c, z))
        return false;
    if (a->num_heads < 1 || z->e % a->num_heads != 0) {
        tg__fail(a->num_heads < 1 ? TG_ERR_ARG : TG_ERR_SHAPE, c->op->name,
                 "num_heads is %lld for %s; give a divisor of E = %lld", (long long)a->num_heads,
                 tg__describe(c->in[QUERY]), (long long)z->e);
        return false;
    }
    z->heads = a->num_heads;
    if (a->causal && !tg__absent(c->in[MASK])) {
        tg__fail(TG_ERR_ARG, c->op->name, "is_causal together with attn_mask; give one of them");
        return false;
    }
    return check_weights(c, z) && check_dtypes(c);
}

/* ---- The parts ---- */

/* x projected by part `which` of the stacked weights, as [N, heads, length, E/heads]. */
static tg_tensor *project(const tg__call *c, const sizes *z, int which, int64_t length) {
    const mha_attr *a = c->attr;
    const int64_t e = z->e;
    tg_tensor *w = tg_narrow(c->in[IN_W], 0, which * e, e);
    tg_tensor *b = tg__absent(c->in[IN_B]) ? TG_NONE : tg_narrow(c->in[IN_B], 0, which * e, e);
    tg_tensor *y = tg_linear(c->in[QUERY + which], w, b);
    const bool batch_first = a->batch_first || z->single;
    const int64_t n = batch_first ? z->n : length;
    const int64_t m = batch_first ? length : z->n;
    y = tg_reshape(y, TG_SHAPE(n, m, z->heads, e / z->heads));
    return batch_first ? tg_permute(y, TG_DIMS(0, 2, 1, 3)) : tg_permute(y, TG_DIMS(1, 2, 0, 3));
}

/* Numbers to add for a mask: -inf where bool is true. */
static tg_tensor *as_numbers(tg_tensor *mask, tg_dtype dtype) {
    if (mask == NULL || mask->dtype != TG_BOOL)
        return mask;
    return tg_masked_fill(tg_zeros(dtype, mask->ndim, mask->shape), mask, -INFINITY);
}

/* Both masks as one of numbers, broadcast to [N, heads, L, S]; TG_NONE without any. */
static tg_tensor *joint_mask(const tg__call *c, const sizes *z) {
    const mha_attr *a = c->attr;
    const tg_dtype dtype = (tg_dtype)c->in[QUERY]->dtype;
    tg_tensor *mask = NULL;
    if (!tg__absent(c->in[MASK])) {
        mask = as_numbers(c->in[MASK], dtype);
        if (c->in[MASK]->ndim == 3)
            mask = tg_reshape(mask, TG_SHAPE(z->n, z->heads, z->l, z->s));
    } else if (a->causal && !tg__absent(c->in[PADDING])) { /* no longer causal only */
        tg_tensor *i = tg_unsqueeze(tg_arange(TG_I64, 0, (double)z->l, 1), 1);
        mask = as_numbers(tg_gt(tg_arange(TG_I64, 0, (double)z->s, 1), i), dtype);
    }
    if (tg__absent(c->in[PADDING]))
        return tg__or_none(mask);
    tg_tensor *padding = tg_reshape(as_numbers(c->in[PADDING], dtype), TG_SHAPE(z->n, 1, 1, z->s));
    const bool both = !tg__absent(c->in[MASK]) || a->causal;
    return both ? tg_add(mask, padding) : padding;
}

/* y [N, heads, L, E/heads] as query was, projected. */
static tg_tensor *join_heads(const tg__call *c, const sizes *z, tg_tensor *y) {
    const mha_attr *a = c->attr;
    const tg_tensor *q = c->in[QUERY];
    y = a->batch_first || z->single ? tg_permute(y, TG_DIMS(0, 2, 1, 3))
                                    : tg_permute(y, TG_DIMS(2, 0, 1, 3));
    return tg_linear(tg_reshape(y, q->ndim, q->shape), c->in[OUT_W], c->in[OUT_B]);
}

static bool run(const tg__call *c, bool with_weights) {
    const mha_attr *a = c->attr;
    sizes z = {0};
    if (!check(c, &z))
        return false;
    tg_tensor *mask = joint_mask(c, &z);
    tg_tensor *in[4] = {project(c, &z, 0, z.l), project(c, &z, 1, z.s), project(c, &z, 2, z.s),
                        mask};
    const tg__attention_attr at = {0, a->causal && mask != NULL && tg__absent(mask), a->dropout};
    if (in[0] == NULL || in[1] == NULL || in[2] == NULL || mask == NULL)
        return false;
    tg_tensor *weights = NULL;
    tg_tensor *y = tg__attention(in, &at, with_weights ? &weights : NULL);
    c->out[0] = join_heads(c, &z, y);
    if (!with_weights)
        return c->out[0] != NULL;
    if (a->average_weights)
        weights = tg_mean(weights, TG_DIMS(1), false);
    if (z.single)
        weights = tg_squeeze(weights, TG_DIMS(0));
    c->out[1] = tg_contiguous(weights);
    return c->out[0] != NULL && c->out[1] != NULL;
}

/* ---- multi_head_attention, and with its weights ---- */
static bool mha_forward(const tg__call *c) { return run(c, false); }
TG_OP(multi_head_attention, .maths = "attention in heads of projected query, key and value", MHA,
      .forward = mha_forward);
TG_SAMPLES(multi_head_attention, "[2,1,4] [3,1,4] [3,1,4] [12,4] [4,4] | num_heads=2",
           "[2,2,2] [2,3,2] [2,3,2] [6,2] [2,2] [6] [2] [2,3] | num_heads=1 batch_first=1",
           "[2,4] [2,4] [2,4] [12,4] [4,4] none [4] none none | num_heads=4 is_causal=1",
           "[2,2,2] [3,2,2] [3,2,2] [6,2] [2,2] [6] none [4,2,3] [2,3] | num_heads=2");
static bool mha_weights_forward(const tg__call *c) { return run(c, true); }
TG_OP(multi_head_attention_weights, .maths = "multi_head_attention and its weights", MHA,
      .n_out = 2, .forward = mha_weights_forward);
TG_SAMPLES(multi_head_attention_weights, "[2,1,4] [3,1,4] [3,1,4] [12,4] [4,4] | num_heads=2",
           "[2,1,4] [3,1,4] [3,1,4] [12,4] [4,4] | num_heads=2 average_weights=0 dropout_p=0.2",
           "[2,2] [2,2] [2,2] [6,2] [2,2] none none none [2] | num_heads=2 is_causal=1");

tg_tensor *tg_multi_head_attention(tg_tensor *query, tg_tensor *key, tg_tensor *value,
                                   const tg_mha_options *options, tg_tensor **weights) {
    static const char op[] = "multi_head_attention";
    tg_mha_options o = TG_MHA_OPTIONS_INIT;
    mha_attr a = {0};
    if (weights != NULL)
        *weights = NULL;
    if (tg__options(op, "tg_mha_options", "TG_MHA_OPTIONS_INIT", options, &o, sizeof o) != TG_OK ||
        (o.dropout_p > 0 && !tg__dropout_from(o.generator, o.dropout_p, &a.dropout)))
        return NULL;
    a.num_heads = o.num_heads;
    a.batch_first = o.batch_first;
    a.causal = o.is_causal;
    a.average_weights = o.average_weights;
    a.dropout.p = o.dropout_p;
    tg_tensor *in[INPUTS] = {query,
                             key,
                             value,
                             o.in_proj_weight,
                             o.out_proj_weight,
                             tg__or_none(o.in_proj_bias),
                             tg__or_none(o.out_proj_bias),
                             tg__or_none(o.attn_mask),
                             tg__or_none(o.key_padding_mask)};
    tg_tensor *y = NULL;
    if (weights != NULL)
        y = tg__apply_rest(&tg__op_multi_head_attention_weights, in, INPUTS, &a, &weights);
    else if (!tg__apply(&tg__op_multi_head_attention, in, INPUTS, &a, &y))
        y = NULL;
    if (y != NULL && o.dropout_p > 0) {
        const int64_t width = y->shape[y->ndim - 1];
        const int64_t rows = width > 0 ? y->numel / width : 0;
        const int64_t keys = key->shape[key->ndim == 3 && o.batch_first ? 1 : 0];
        tg__dropout_done(o.generator, &a.dropout, rows * o.num_heads * keys);
    }
    return y;
}

/* ---- rope: pairs turned by angles ---- */
typedef struct {
    bool interleaved;
} rope_attr;
static const tg__field rope_fields[] = {
    {"interleaved", TG_ATTR_BOOL, offsetof(rope_attr, interleaved), false, 0, 0}, {0}};

static bool check_angles(const tg_tensor *x, const tg_tensor *angle, const char *name) {
    bool fits = angle->ndim >= 1 && angle->ndim <= x->ndim;
    for (int i = 1; fits && i <= angle->ndim; i++) {
        const int64_t size = angle->shape[angle->ndim - i];
        fits =
            i == 1 ? size == x->shape[x->ndim - 1] / 2 : size == 1 || size == x->shape[x->ndim - i];
    }
    if (!fits)
        tg__fail(TG_ERR_SHAPE, "rope", "%s is %s for x %s; it must broadcast to [..., T, D/2]",
                 name, tg__describe(angle), tg__describe(x));
    else if (angle->dtype != x->dtype)
        tg__fail(TG_ERR_DTYPE, "rope", "%s is %s and x is %s; they must have one dtype", name,
                 tg__describe(angle), tg__describe(x));
    return fits && angle->dtype == x->dtype;
}

static bool rope_forward(const tg__call *c) {
    const rope_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    if (!tg__float_only("rope", x))
        return false;
    if (x->ndim < 1 || x->shape[x->ndim - 1] % 2 != 0 || x->ndim == TG_MAX_DIMS) {
        tg__fail(TG_ERR_SHAPE, "rope", "x is %s; give [..., T, D] with an even D", tg__describe(x));
        return false;
    }
    if (!check_angles(x, c->in[1], "cos") || !check_angles(x, c->in[2], "sin"))
        return false;
    const int64_t half = x->shape[x->ndim - 1] / 2;
    tg_tensor *p = a->interleaved ? tg_slice(x, -1, 0, TG_SLICE_END, 2) : tg_narrow(x, -1, 0, half);
    tg_tensor *q =
        a->interleaved ? tg_slice(x, -1, 1, TG_SLICE_END, 2) : tg_narrow(x, -1, half, half);
    tg_tensor *turned[2] = {tg_sub(tg_mul(p, c->in[1]), tg_mul(q, c->in[2])),
                            tg_add(tg_mul(q, c->in[1]), tg_mul(p, c->in[2]))};
    c->out[0] =
        a->interleaved ? tg_flatten(tg_stack(turned, 2, -1), -2, -1) : tg_cat(turned, 2, -1);
    return c->out[0] != NULL;
}
TG_OP(rope, .maths = "pairs (p, q) of x become (p cos - q sin, q cos + p sin)",
      .inputs = "x cos sin", .n_in = 3, .flags = TG__COMPOSED, .fields = rope_fields,
      .attr_size = sizeof(rope_attr), .forward = rope_forward,
      .onnx = {"RotaryEmbedding", 23, "interleaved=interleaved"});
TG_SAMPLES(rope, "[2,3,4] [3,2] [3,2]", "[3,4] [3,2] [3,2] | interleaved=1", "[6] [3] [3]");
tg_tensor *tg_rope(tg_tensor *x, tg_tensor *cos, tg_tensor *sin, bool interleaved) {
    return tg__apply3(&tg__op_rope, x, cos, sin, &(rope_attr){interleaved});
}

/* ---- Numbers of positions and heads ---- */

static bool check_dtype(const char *op, tg_dtype dtype) {
    if (dtype == TG_F32 || dtype == TG_F64)
        return true;
    tg__fail(TG_ERR_DTYPE, op, "dtype %s; it takes f32 and f64", tg_dtype_name(dtype));
    return false;
}

tg_tensor *tg_rope_angles(tg_dtype dtype, int64_t n, int64_t dim, double base) {
    static const char op[] = "rope_angles";
    if (!check_dtype(op, dtype))
        return NULL;
    if (n < 0 || dim < 0 || dim % 2 != 0 || !(base > 0) || isinf(base)) {
        tg__fail(TG_ERR_ARG, op,
                 "n is %lld, dim %lld and base %s; give n >= 0, an even dim >= 0, a base > 0",
                 (long long)n, (long long)dim, tg__num(base));
        return NULL;
    }
    tg_tensor *x = tg__new(op, dtype, TG_SHAPE(n, dim / 2));
    for (int64_t i = 0; x != NULL && i < x->numel; i++) {
        const double speed = pow(base, -2 * (double)(i % (dim / 2)) / (double)dim);
        tg__convert_double(dtype, x->data + (size_t)i * tg__item_size(dtype),
                           (double)(i / (dim / 2)) * speed);
    }
    return tg__give(x);
}

/* Powers of 2^(-8/n) for the power of two n below num_heads, then every second one of 2n heads. */
tg_tensor *tg_alibi_slopes(tg_dtype dtype, int64_t num_heads) {
    static const char op[] = "alibi_slopes";
    if (!check_dtype(op, dtype))
        return NULL;
    if (num_heads < 1) {
        tg__fail(TG_ERR_ARG, op, "num_heads is %lld; give at least 1", (long long)num_heads);
        return NULL;
    }
    tg_tensor *x = tg__new(op, dtype, TG_SHAPE(num_heads));
    int64_t n = 1;
    while (n <= num_heads / 2)
        n *= 2;
    for (int64_t i = 0; x != NULL && i < num_heads; i++) {
        const double power =
            i < n ? (double)(i + 1) / (double)n : (double)(2 * (i - n) + 1) / (double)(2 * n);
        tg__convert_double(dtype, x->data + (size_t)i * tg__item_size(dtype), exp2(-8 * power));
    }
    return tg__give(x);
}
