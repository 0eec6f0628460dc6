/* conv_nd.c - convolution as a trilinear form.
 *
 * Σ y·x·w over all windows stands behind every convolution. Its three partial derivatives are the
 * operations
 *
 *   conv_nd         y  from x and w
 *   conv_nd_input   x  from y and w
 *   conv_nd_weight  w  from x and y
 *
 * and the gradients of each are the other two, so every order of derivative is there. Their
 * attribute `size` gives the spatial sizes of the result, which the other two do not always
 * determine; the padding on the right follows from it. */
#include "ops/conv.h"

#include "kernels/conv.h"
#include "ops/elementwise.h"
#include "ops/window.h"

/* ---- Shared by the internal three ---- */

static const tg__field nd_fields[] = {
    {"stride", TG_ATTR_INTS, offsetof(tg__conv_attr, stride), false, 0, 0},
    {"padding", TG_ATTR_INTS, offsetof(tg__conv_attr, padding), false, 0, 0},
    {"dilation", TG_ATTR_INTS, offsetof(tg__conv_attr, dilation), false, 0, 0},
    {"groups", TG_ATTR_INT, offsetof(tg__conv_attr, groups), false, 1, 0},
    {"size", TG_ATTR_SHAPE, offsetof(tg__conv_attr, size), true, 0, 0},
    {0}};
#define ND                                                                                         \
    .flags = TG__INTERNAL | TG__BLAS, .fields = nd_fields, .attr_size = sizeof(tg__conv_attr),     \
    .onnx = {"composed"}

bool tg__conv_misfit(const char *op, const char *why, const tg_tensor *a, const tg_tensor *b) {
    tg__fail(TG_ERR_SHAPE, op, "%s and %s: %s", tg__describe(a), tg__describe(b), why);
    return false;
}

/* The windows over x and the padding must be as many as y has positions. */
static bool sizes_agree(const char *op, const tg__conv *s) {
    for (int d = 0; d < TG__SPATIAL; d++) {
        int64_t windows; /* from the first to the end of the last */
        bool over = __builtin_mul_overflow(s->out[d] - 1, s->stride[d], &windows) ||
                    __builtin_add_overflow(windows, s->dilation[d] * (s->k[d] - 1) + 1, &windows);
        const int64_t rest = over ? -2 : s->in[d] + 2 * s->pad[d] - windows;
        const int64_t most = s->stride[d] > s->dilation[d] ? s->stride[d] : s->dilation[d];
        if (rest >= -1 && rest < most)
            continue;
        tg__fail(
            TG_ERR_SHAPE, op,
            "in spatial dim %d, %lld windows (kernel %lld, stride %lld, dilation %lld, padding "
            "%lld) do not cover %lld positions; give sizes that belong together",
            d, (long long)s->out[d], (long long)s->k[d], (long long)s->stride[d],
            (long long)s->dilation[d], (long long)s->pad[d], (long long)s->in[d]);
        return false;
    }
    return true;
}

/* Which of x, w and y is the result; the inputs are the other two, in this order or, for X, y and
 * then w. */
typedef enum { THE_Y, THE_X, THE_W } missing;

typedef struct {
    missing is;
    const tg_tensor *first, *second;
    bool batched;
} operands;

/* Ranks, dtypes and attributes; fills the strides, paddings, dilations and groups. */
static bool read_operands(const tg__call *c, const operands *o, int nd, tg__conv *s) {
    const tg__conv_attr *a = c->attr;
    const char *op = c->op->name;
    if (!tg__spatial_input(op, o->is == THE_X ? "g" : "x", o->first, nd) ||
        (o->is == THE_W && !tg__spatial_input(op, "g", o->second, nd)))
        return false;
    if (o->second->ndim != (o->is == THE_W ? o->first->ndim : nd + 2))
        return tg__conv_misfit(op, "the numbers of dims must agree with that of size", o->first,
                               o->second);
    if (!tg__one_float_dtype(c) ||
        !tg__window_values(op, &tg__stride_field, &a->stride, nd, NULL, s->stride) ||
        !tg__window_values(op, &tg__padding_field, &a->padding, nd, NULL, s->pad) ||
        !tg__window_values(op, &tg__dilation_field, &a->dilation, nd, NULL, s->dilation))
        return false;
    s->groups = a->groups;
    if (a->groups >= 1)
        return true;
    tg__fail(TG_ERR_ARG, op, "groups is %lld; give at least 1", (long long)a->groups);
    return false;
}

/* Fills n and the channels per group. */
static bool read_channels(const char *op, const operands *o, tg__conv *s) {
    const int at = o->batched;
    s->n = o->batched ? o->first->shape[0] : 1;
    const int64_t outputs = o->second->shape[o->is == THE_W ? at : 0];
    bool whole = outputs % s->groups == 0;
    s->o = outputs / s->groups;
    if (o->is != THE_W) {
        s->c = o->second->shape[1];
    } else {
        s->c = o->first->shape[at] / s->groups;
        whole &= o->first->shape[at] % s->groups == 0;
        if (o->batched && o->first->shape[0] != o->second->shape[0])
            return tg__conv_misfit(op, "the batch sizes must be equal", o->first, o->second);
    }
    if (!whole) {
        tg__fail(TG_ERR_SHAPE, op, "%s and %s: the channels must divide into %lld groups",
                 tg__describe(o->first), tg__describe(o->second), (long long)s->groups);
        return false;
    }
    int64_t channels;
    if (__builtin_mul_overflow(s->c, s->groups, &channels))
        channels = -1;
    const int64_t needed = o->is == THE_Y ? channels : outputs;
    if (o->is != THE_W && (o->first->shape[at] != needed || channels < 0)) {
        tg__fail(TG_ERR_SHAPE, op,
                 "%s with %lld channels and w %s: for %lld groups w takes %lld channels and gives "
                 "%lld (transposed: the other way round)",
                 tg__describe(o->first), (long long)o->first->shape[at], tg__describe(o->second),
                 (long long)s->groups, (long long)channels, (long long)outputs);
        return false;
    }
    return true;
}

/* Fills s from the inputs and the attributes; false with an error. */
static bool geometry(const tg__call *c, missing is, tg__conv *s) {
    const tg__conv_attr *a = c->attr;
    const char *op = c->op->name;
    const int nd = a->size.n;
    if (nd < 1 || nd > TG__SPATIAL) {
        tg__fail(TG_ERR_SHAPE, op, "size has %d entries; give 1 to %d", nd, TG__SPATIAL);
        return false;
    }
    const operands o = {is, c->in[0], c->in[1], c->in[0]->ndim == nd + 2};
    if (!read_operands(c, &o, nd, s))
        return false;
    int64_t *const of_first = is == THE_X ? s->out : s->in;
    int64_t *const of_second = is == THE_W ? s->out : s->k;
    int64_t *const of_result = is == THE_Y ? s->out : is == THE_X ? s->in : s->k;
    tg__spatial_of(o.first->ndim, o.first->shape, nd, of_first);
    tg__spatial_of(o.second->ndim, o.second->shape, nd, of_second);
    tg__spatial_of(nd, a->size.size, nd, of_result);
    for (int d = 0; d < TG__SPATIAL; d++)
        if (s->in[d] < 1 || s->in[d] > TG__SPATIAL_MOST || s->out[d] < 1 || s->k[d] < 1 ||
            s->k[d] > INT32_MAX)
            return tg__conv_misfit(op,
                                   "the spatial sizes and those of the kernel must be at least 1",
                                   o.first, o.second);
    return read_channels(op, &o, s) && sizes_agree(op, s);
}

/* A new tensor [n, channels, spatial…], without n like `like`. Raw. */
static tg_tensor *result(const tg__call *c, const tg_tensor *like, int64_t channels) {
    const tg__conv_attr *a = c->attr;
    int64_t shape[TG_MAX_DIMS];
    int n = 0;
    if (like->ndim == a->size.n + 2)
        shape[n++] = like->shape[0];
    shape[n++] = channels;
    for (int d = 0; d < a->size.n; d++)
        shape[n++] = a->size.size[d];
    return tg__new(c->op->name, (tg_dtype)like->dtype, n, shape);
}

/* Contiguous forms of both operands; false with nothing held. */
static bool packed_pair(const tg__call *c, tg_tensor **a, tg_tensor **b) {
    *a = tg__packed(c->op->name, c->in[0]);
    *b = *a != NULL ? tg__packed(c->op->name, c->in[1]) : NULL;
    if (*b != NULL)
        return true;
    tg__unref(*a);
    return false;
}

/* Ends a forward: gives y, or an error for want of memory. */
static bool finish(const tg__call *c, tg_tensor *a, tg_tensor *b, tg_tensor *y, bool good) {
    tg__unref(a);
    tg__unref(b);
    if (y != NULL && !good) {
        tg__fail_memory(c->op->name, (uint64_t)y->numel * tg__item_size(y->dtype));
        tg__unref(y);
        y = NULL;
    }
    c->out[0] = y;
    return y != NULL;
}

static tg__conv_attr with_size(const tg__conv_attr *a, const tg__meta *like, int skip) {
    tg__conv_attr b = *a;
    b.size.n = like->ndim - skip;
    for (int d = 0; d < b.size.n; d++)
        b.size.size[d] = like->shape[skip + d];
    return b;
}

/* The same with the spatial sizes of `like`, the last nd. */
static tg__conv_attr sized(const tg__conv_attr *a, const tg__meta *like) {
    return with_size(a, like, like->ndim - a->size.n);
}

static tg_tensor *forward_of(tg_tensor *x, tg_tensor *w, const tg__conv_attr *a) {
    return tg__apply3(&tg__op_conv_nd, x, w, TG_NONE, a);
}

/* ---- conv_nd: y = Σ x·w + b. dx = conv_nd_input(g, w), dw = conv_nd_weight(x, g), db = Σ g ----
 */
static bool conv_nd_forward(const tg__call *c) {
    const tg_tensor *w = c->in[1];
    const tg_tensor *b = c->in[2];
    tg__conv s;
    if (!geometry(c, THE_Y, &s))
        return false;
    const bool biased = !tg__absent(b);
    if (biased && (b->ndim != 1 || b->shape[0] != w->shape[0]))
        return tg__conv_misfit(c->op->name, "b must be [O] for w [O, C / groups, ...]", b, w);
    tg_tensor *x;
    tg_tensor *weight;
    if (!packed_pair(c, &x, &weight))
        return false;
    tg_tensor *bias = biased ? tg__packed(c->op->name, c->in[2]) : NULL;
    tg_tensor *y = biased && bias == NULL ? NULL : result(c, x, w->shape[0]);
    const bool good = y != NULL && tg__conv_forward((tg_dtype)x->dtype, &s, x->data, weight->data,
                                                    bias ? bias->data : NULL, y->data);
    tg__unref(bias);
    return finish(c, x, weight, y, good);
}
static void conv_nd_rule(tg__rule *r) {
    tg_tensor *g = r->g[0];
    if (r->wanted[0]) {
        const tg__conv_attr a = sized(r->attr, r->meta[0]);
        r->gin[0] = tg__apply2(&tg__op_conv_nd_input, g, r->in[1], &a);
    }
    if (r->wanted[1]) {
        const tg__conv_attr a = sized(r->attr, r->meta[1]);
        r->gin[1] = tg__apply2(&tg__op_conv_nd_weight, r->in[0], g, &a);
    }
    if (!r->wanted[2])
        return;
    const tg__conv_attr *a = r->attr;
    int dims[TG_MAX_DIMS];
    int n = 0;
    for (int i = 0; i < g->ndim; i++)
        if (i != g->ndim - a->size.n - 1)
            dims[n++] = i;
    r->gin[2] = tg_sum(g, n, dims, false);
}
TG_OP(conv_nd, .maths = "y = sum of x * w over windows, + b", .inputs = "x w b", .n_in = 3,
      .n_optional = 1, ND, .forward = conv_nd_forward, .rule = conv_nd_rule,
      .saves = {TG__SAVE_IN(0, 2), TG__SAVE_IN(1, 1), TG__SAVE_META(0, 1), TG__SAVE_META(1, 2)});
TG_SAMPLES(conv_nd, "[2,2,5] [2,2,3] [2] | size=3", "[3,4] [2,3,2] none | size=2 stride=2",
           "[1,2,4,4] [2,1,2,3] [2] | size=3,4 padding=0,1 dilation=1,1 stride=1 groups=2");

/* ---- conv_nd_input: x from g and w. With h for x: dg = conv_nd(h, w), dw = conv_nd_weight(h, g)
 * ---- */
static bool conv_nd_input_forward(const tg__call *c) {
    tg__conv s;
    if (!geometry(c, THE_X, &s))
        return false;
    tg_tensor *g;
    tg_tensor *w;
    if (!packed_pair(c, &g, &w))
        return false;
    tg_tensor *x = result(c, g, s.c * s.groups);
    const bool good =
        x != NULL && tg__conv_input((tg_dtype)g->dtype, &s, g->data, w->data, x->data);
    return finish(c, g, w, x, good);
}
static void conv_nd_input_rule(tg__rule *r) {
    if (r->wanted[0]) {
        const tg__conv_attr a = sized(r->attr, r->meta[0]);
        r->gin[0] = forward_of(r->g[0], r->in[1], &a);
    }
    if (r->wanted[1]) {
        const tg__conv_attr a = sized(r->attr, r->meta[1]);
        r->gin[1] = tg__apply2(&tg__op_conv_nd_weight, r->g[0], r->in[0], &a);
    }
}
TG_OP(conv_nd_input, .maths = "x = sum of g * w over windows", .inputs = "g w", .n_in = 2, ND,
      .forward = conv_nd_input_forward, .rule = conv_nd_input_rule,
      .saves = {TG__SAVE_IN(0, 2), TG__SAVE_IN(1, 1), TG__SAVE_META(0, 1), TG__SAVE_META(1, 2)});
TG_SAMPLES(conv_nd_input, "[2,2,3] [2,2,3] | size=5", "[2,2] [2,3,2] | size=4 stride=2",
           "[1,2,3,3] [2,1,2,3] | size=4,3 padding=0,1 groups=2");

/* ---- conv_nd_weight: w from x and g. With h for w: dx = conv_nd_input(g, h), dg = conv_nd(x, h)
 * ---- */
static bool conv_nd_weight_forward(const tg__call *c) {
    tg__conv s;
    if (!geometry(c, THE_W, &s))
        return false;
    const tg__conv_attr *a = c->attr;
    tg_tensor *x;
    tg_tensor *g;
    if (!packed_pair(c, &x, &g))
        return false;
    int64_t shape[TG_MAX_DIMS] = {s.o * s.groups, s.c};
    for (int d = 0; d < a->size.n; d++)
        shape[2 + d] = a->size.size[d];
    tg_tensor *w = tg__new(c->op->name, (tg_dtype)x->dtype, a->size.n + 2, shape);
    const bool good =
        w != NULL && tg__conv_weight((tg_dtype)x->dtype, &s, x->data, g->data, w->data);
    return finish(c, x, g, w, good);
}
static void conv_nd_weight_rule(tg__rule *r) {
    if (r->wanted[0]) {
        const tg__conv_attr a = sized(r->attr, r->meta[0]);
        r->gin[0] = tg__apply2(&tg__op_conv_nd_input, r->in[1], r->g[0], &a);
    }
    if (r->wanted[1]) {
        const tg__conv_attr a = sized(r->attr, r->meta[1]);
        r->gin[1] = forward_of(r->in[0], r->g[0], &a);
    }
}
TG_OP(conv_nd_weight, .maths = "w = sum of x * g over windows", .inputs = "x g", .n_in = 2, ND,
      .forward = conv_nd_weight_forward, .rule = conv_nd_weight_rule,
      .saves = {TG__SAVE_IN(0, 2), TG__SAVE_IN(1, 1), TG__SAVE_META(0, 1), TG__SAVE_META(1, 2)});
TG_SAMPLES(conv_nd_weight, "[2,2,5] [2,2,3] | size=3", "[3,4] [2,2] | size=2 stride=2",
           "[1,2,4,4] [1,2,3,4] | size=2,3 padding=0,1 groups=2");
