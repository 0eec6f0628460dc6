/* conv.c - convolution and transposed convolution over one to three spatial dims.
 *
 * One trilinear form, Σ y·x·w over all windows, stands behind all of it. Its three partial
 * derivatives are the internal operations
 *
 *   conv_nd         y  from x and w
 *   conv_nd_input   x  from y and w
 *   conv_nd_weight  w  from x and y
 *
 * and the gradients of each are the other two, so every order of derivative is there. Their
 * attribute `size` gives the spatial sizes of the result, which the other two do not always
 * determine; the padding on the right follows from it.
 *
 * The public operations work out the sizes and call conv_nd or, transposed, conv_nd_input. */
#include "kernels/conv.h"
#include "base/options.h"
#include "ops/elementwise.h"
#include "ops/view.h"
#include "ops/window.h"

/* ---- Shared by the internal three ---- */

typedef struct {
    tg__ints stride, padding, dilation;
    int64_t groups;
    tg__sizes size;
} nd_attr;
static const tg__field nd_fields[] = {
    {"stride", TG_ATTR_INTS, offsetof(nd_attr, stride), false, 0, 0},
    {"padding", TG_ATTR_INTS, offsetof(nd_attr, padding), false, 0, 0},
    {"dilation", TG_ATTR_INTS, offsetof(nd_attr, dilation), false, 0, 0},
    {"groups", TG_ATTR_INT, offsetof(nd_attr, groups), false, 1, 0},
    {"size", TG_ATTR_SHAPE, offsetof(nd_attr, size), true, 0, 0},
    {0}};
#define ND                                                                                         \
    .flags = TG__INTERNAL | TG__BLAS, .fields = nd_fields, .attr_size = sizeof(nd_attr),           \
    .onnx = {"composed"}

static const int64_t ones[TG__SPATIAL] = {1, 1, 1};
static const int64_t zeros[TG__SPATIAL] = {0, 0, 0};

static bool misfit(const char *op, const char *why, const tg_tensor *a, const tg_tensor *b) {
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
            "%lld) do not cover %lld positions",
            d, (long long)s->out[d], (long long)s->k[d], (long long)s->stride[d],
            (long long)s->dilation[d], (long long)s->pad[d], (long long)s->in[d]);
        return false;
    }
    return true;
}

/* Fills s from the two operands of x, w, y that are there (the third is NULL) and the attributes.
 */
static bool geometry(const tg__call *c, const tg_tensor *x, const tg_tensor *w, const tg_tensor *y,
                     tg__conv *s) {
    const nd_attr *a = c->attr;
    const char *op = c->op->name;
    const int nd = a->size.n;
    if (nd < 1 || nd > TG__SPATIAL) {
        tg__fail(TG_ERR_SHAPE, op, "size has %d entries; give 1 to %d", nd, TG__SPATIAL);
        return false;
    }
    const tg_tensor *first = x != NULL ? x : y;
    const bool batched = first->ndim == nd + 2;
    if ((x != NULL && !tg__spatial_input(op, "x", x, nd)) ||
        (y != NULL && !tg__spatial_input(op, "g", y, nd)))
        return false;
    if ((w != NULL && w->ndim != nd + 2) || (x != NULL && y != NULL && x->ndim != y->ndim))
        return misfit(op, "wrong number of dims", first, w != NULL ? w : y);
    if (!tg__one_float_dtype(c) ||
        !tg__window_values(op, &tg__stride_field, &a->stride, nd, ones, s->stride) ||
        !tg__window_values(op, &tg__padding_field, &a->padding, nd, zeros, s->pad) ||
        !tg__window_values(op, &tg__dilation_field, &a->dilation, nd, ones, s->dilation))
        return false;
    if (a->groups < 1) {
        tg__fail(TG_ERR_ARG, op, "groups is %lld; give at least 1", (long long)a->groups);
        return false;
    }
    tg__spatial_of(x ? x->ndim : nd, x ? x->shape : a->size.size, nd, s->in);
    tg__spatial_of(w ? w->ndim : nd, w ? w->shape : a->size.size, nd, s->k);
    tg__spatial_of(y ? y->ndim : nd, y ? y->shape : a->size.size, nd, s->out);
    for (int d = 0; d < TG__SPATIAL; d++)
        if (s->in[d] < 1 || s->out[d] < 1 || s->k[d] < 1 || s->k[d] > INT32_MAX)
            return misfit(op, "the spatial sizes and those of the kernel must be at least 1", first,
                          w ? w : y);
    s->groups = a->groups;
    s->n = batched ? first->shape[0] : 1;
    const int64_t outputs = w != NULL ? w->shape[0] : y->shape[batched];
    s->o = outputs / s->groups;
    s->c = w != NULL ? w->shape[1] : x->shape[batched] / s->groups;
    if (outputs % s->groups != 0 ||
        (x != NULL && w == NULL && x->shape[batched] % s->groups != 0)) {
        tg__fail(TG_ERR_SHAPE, op, "%s and %s: the channels do not divide into %lld groups",
                 tg__describe(first), tg__describe(w ? w : y), (long long)s->groups);
        return false;
    }
    int64_t channels;
    if (__builtin_mul_overflow(s->c, s->groups, &channels) ||
        (x != NULL && x->shape[batched] != channels)) {
        tg__fail(TG_ERR_SHAPE, op,
                 "x is %s and w is %s: w takes %lld channels in each of %lld groups, x has %lld",
                 tg__describe(first), tg__describe(w), (long long)s->c, (long long)s->groups,
                 (long long)first->shape[batched]);
        return false;
    }
    if (w != NULL && y != NULL && y->shape[batched] != outputs)
        return misfit(op, "the channels must be the first dim of w", y, w);
    if (x != NULL && y != NULL && batched && x->shape[0] != y->shape[0])
        return misfit(op, "the batch sizes differ", x, y);
    return sizes_agree(op, s);
}

/* A new tensor [n, channels, spatial…], without n like `like`. Raw. */
static tg_tensor *result(const tg__call *c, const tg_tensor *like, int64_t channels) {
    const nd_attr *a = c->attr;
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

static nd_attr with_size(const nd_attr *a, const tg__meta *like, int skip) {
    nd_attr b = *a;
    b.size.n = like->ndim - skip;
    for (int d = 0; d < b.size.n; d++)
        b.size.size[d] = like->shape[skip + d];
    return b;
}

/* The same with the spatial sizes of `like`, the last nd. */
static nd_attr sized(const nd_attr *a, const tg__meta *like) {
    return with_size(a, like, like->ndim - a->size.n);
}

static tg_tensor *forward_of(tg_tensor *x, tg_tensor *w, const nd_attr *a) {
    return tg__apply3(&tg__op_conv_nd, x, w, TG_NONE, a);
}

/* ---- conv_nd: y = Σ x·w + b. dx = conv_nd_input(g, w), dw = conv_nd_weight(x, g), db = Σ g ----
 */
static bool conv_nd_forward(const tg__call *c) {
    const tg_tensor *w = c->in[1];
    const tg_tensor *b = c->in[2];
    tg__conv s;
    if (!geometry(c, c->in[0], w, NULL, &s))
        return false;
    const bool biased = !(b->flags & TG__IS_NONE);
    if (biased && (b->ndim != 1 || b->shape[0] != w->shape[0]))
        return misfit(c->op->name, "b is [O] and w is [O, C / groups, ...]", b, w);
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
        const nd_attr a = sized(r->attr, r->meta[0]);
        r->gin[0] = tg__apply2(&tg__op_conv_nd_input, g, r->in[1], &a);
    }
    if (r->wanted[1]) {
        const nd_attr a = sized(r->attr, r->meta[1]);
        r->gin[1] = tg__apply2(&tg__op_conv_nd_weight, r->in[0], g, &a);
    }
    if (!r->wanted[2])
        return;
    const nd_attr *a = r->attr;
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
    if (!geometry(c, NULL, c->in[1], c->in[0], &s))
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
        const nd_attr a = sized(r->attr, r->meta[0]);
        r->gin[0] = forward_of(r->g[0], r->in[1], &a);
    }
    if (r->wanted[1]) {
        const nd_attr a = sized(r->attr, r->meta[1]);
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
    if (!geometry(c, c->in[0], NULL, c->in[1], &s))
        return false;
    const nd_attr *a = c->attr;
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
        const nd_attr a = sized(r->attr, r->meta[0]);
        r->gin[0] = tg__apply2(&tg__op_conv_nd_input, r->in[1], r->g[0], &a);
    }
    if (r->wanted[1]) {
        const nd_attr a = sized(r->attr, r->meta[1]);
        r->gin[1] = forward_of(r->in[0], r->g[0], &a);
    }
}
TG_OP(conv_nd_weight, .maths = "w = sum of x * g over windows", .inputs = "x g", .n_in = 2, ND,
      .forward = conv_nd_weight_forward, .rule = conv_nd_weight_rule,
      .saves = {TG__SAVE_IN(0, 2), TG__SAVE_IN(1, 1), TG__SAVE_META(0, 1), TG__SAVE_META(1, 2)});
TG_SAMPLES(conv_nd_weight, "[2,2,5] [2,2,3] | size=3", "[3,4] [2,2] | size=2 stride=2",
           "[1,2,4,4] [1,2,3,4] | size=2,3 padding=0,1 groups=2");

/* ---- The public operations: what they share ---- */

typedef struct {
    tg__ints stride, padding, dilation, output_padding;
    int64_t groups, auto_pad;
} conv_attr;
static const tg__field conv_fields[] = {
    {"stride", TG_ATTR_INTS, offsetof(conv_attr, stride), false, 0, 0},
    {"padding", TG_ATTR_INTS, offsetof(conv_attr, padding), false, 0, 0},
    {"dilation", TG_ATTR_INTS, offsetof(conv_attr, dilation), false, 0, 0},
    {"groups", TG_ATTR_INT, offsetof(conv_attr, groups), false, 1, 0},
    {"auto_pad", TG_ATTR_INT, offsetof(conv_attr, auto_pad), false, TG_PADDING_GIVEN, 0},
    {0}};
static const tg__field transpose_fields[] = {
    {"stride", TG_ATTR_INTS, offsetof(conv_attr, stride), false, 0, 0},
    {"padding", TG_ATTR_INTS, offsetof(conv_attr, padding), false, 0, 0},
    {"output_padding", TG_ATTR_INTS, offsetof(conv_attr, output_padding), false, 0, 0},
    {"dilation", TG_ATTR_INTS, offsetof(conv_attr, dilation), false, 0, 0},
    {"groups", TG_ATTR_INT, offsetof(conv_attr, groups), false, 1, 0},
    {0}};

/* What the attributes say, dim by dim. */
typedef struct {
    int64_t in[TG__SPATIAL], k[TG__SPATIAL], stride[TG__SPATIAL], pad[TG__SPATIAL],
        dilation[TG__SPATIAL];
} sizes;

static bool read_sizes(const tg__call *c, int nd, sizes *s) {
    const conv_attr *a = c->attr;
    const char *op = c->op->name;
    const tg_tensor *x = c->in[0];
    const tg_tensor *w = c->in[1];
    if (!tg__spatial_input(op, "x", x, nd))
        return false;
    if (w->ndim != nd + 2)
        return misfit(op,
                      nd == 1   ? "w is [O, C / groups, K]"
                      : nd == 2 ? "w is [O, C / groups, KH, KW]"
                                : "w is [O, C / groups, KD, KH, KW]",
                      x, w);
    tg__spatial_of(x->ndim, x->shape, nd, s->in);
    tg__spatial_of(w->ndim, w->shape, nd, s->k);
    for (int d = 0; d < TG__SPATIAL; d++)
        if (s->k[d] < 1 || s->k[d] > INT32_MAX)
            return misfit(op, "the sizes of the kernel must be at least 1", x, w);
    return tg__window_values(op, &tg__stride_field, &a->stride, nd, ones, s->stride) &&
           tg__window_values(op, &tg__padding_field, &a->padding, nd, zeros, s->pad) &&
           tg__window_values(op, &tg__dilation_field, &a->dilation, nd, ones, s->dilation);
}

static void write_sizes(const conv_attr *a, int nd, const sizes *s, const int64_t *size,
                        nd_attr *out) {
    const int first = TG__SPATIAL - nd;
    tg__ints_from(&out->stride, nd, s->stride + first);
    tg__ints_from(&out->padding, nd, s->pad + first);
    tg__ints_from(&out->dilation, nd, s->dilation + first);
    out->groups = a->groups;
    out->size.n = nd;
    for (int d = 0; d < nd; d++)
        out->size.size[d] = size[first + d];
}

/* The paddings of `auto_pad`: on the left, and how much less than twice that in all. */
static bool automatic(const tg__call *c, int nd, sizes *s, int64_t *more) {
    const conv_attr *a = c->attr;
    const char *op = c->op->name;
    bool padded = false;
    bool strided = false;
    for (int d = 0; d < TG__SPATIAL; d++) {
        padded |= s->pad[d] != 0;
        strided |= s->stride[d] != 1;
        more[d] = 0;
    }
    if (a->auto_pad == TG_PADDING_GIVEN)
        return true;
    if (a->auto_pad != TG_PADDING_SAME && a->auto_pad != TG_PADDING_VALID) {
        tg__fail(TG_ERR_ARG, op, "auto_pad is %lld; give TG_PADDING_GIVEN, _SAME or _VALID",
                 (long long)a->auto_pad);
        return false;
    }
    if (padded || (strided && a->auto_pad == TG_PADDING_SAME)) {
        tg__fail(TG_ERR_ARG, op,
                 padded ? "padding is given beside auto_pad; leave one of them out"
                        : "auto_pad is TG_PADDING_SAME with a stride; it needs stride 1");
        return false;
    }
    for (int d = TG__SPATIAL - nd; a->auto_pad == TG_PADDING_SAME && d < TG__SPATIAL; d++) {
        const int64_t total = s->dilation[d] * (s->k[d] - 1);
        s->pad[d] = total / 2; /* the odd one on the right */
        more[d] = total - 2 * s->pad[d];
    }
    return true;
}

/* ---- conv1d, conv2d, conv3d ---- */
static bool conv_forward(const tg__call *c) {
    const int nd = c->op->kernel;
    const tg_tensor *x = c->in[0];
    const tg_tensor *w = c->in[1];
    sizes s;
    int64_t more[TG__SPATIAL];
    int64_t out[TG__SPATIAL];
    if (!read_sizes(c, nd, &s) || !automatic(c, nd, &s, more))
        return false;
    for (int d = 0; d < TG__SPATIAL; d++) {
        const int64_t padded = s.in[d] + 2 * s.pad[d] + more[d];
        const int64_t kernel = s.dilation[d] * (s.k[d] - 1) + 1;
        if (kernel > padded) {
            tg__fail(TG_ERR_SHAPE, c->op->name,
                     "x is %s and w is %s: a kernel of %lld (with dilation) is larger than the "
                     "%lld of x with padding",
                     tg__describe(x), tg__describe(w), (long long)kernel, (long long)padded);
            return false;
        }
        out[d] = (padded - kernel) / s.stride[d] + 1;
    }
    nd_attr a;
    write_sizes(c->attr, nd, &s, out, &a);
    c->out[0] = tg__apply3(&tg__op_conv_nd, c->in[0], c->in[1], c->in[2], &a);
    return c->out[0] != NULL;
}
#define CONV(nd)                                                                                   \
    .maths = "y = sum of x * w over windows, + b", .inputs = "x w b", .n_in = 3, .n_optional = 1,  \
    .flags = TG__COMPOSED | TG__BLAS, .fields = conv_fields, .attr_size = sizeof(conv_attr),       \
    .kernel = (nd), .forward = conv_forward,                                                       \
    .onnx = {"Conv", 11, "strides=stride,pads=padding,dilations=dilation,group=groups"}
TG_OP(conv1d, CONV(1));
TG_SAMPLES(conv1d, "[2,2,5] [3,2,3] [3]", "[2,2,5] [2,2,2] none | stride=2 padding=1",
           "[4,5] [4,2,2] [4] | groups=2 dilation=2", "[1,2,5] [2,2,4] none | auto_pad=1",
           "[2,3,4] [2,3,1] [2]", "[1,2,4] [2,2,2] none | auto_pad=2");
TG_OP(conv2d, CONV(2));
TG_SAMPLES(conv2d, "[2,2,4,4] [3,2,2,3] [3] | stride=2,1 padding=1,0",
           "[2,4,5] [2,2,2,2] [2] | dilation=1,2 padding=1", "[1,4,3,3] [4,1,2,2] [4] | groups=4",
           "[1,2,4,3] [4,1,3,3] none | groups=2 padding=1", "[2,3,2,3] [4,3,1,1] [4]",
           "[1,2,3,4] [2,2,2,3] none | auto_pad=1", "[1,4,3,3] [6,2,2,2] none | groups=2");
TG_OP(conv3d, CONV(3));
TG_SAMPLES(conv3d, "[1,2,3,3,3] [2,2,2,2,2] [2] | stride=1 padding=1,0,0",
           "[2,2,3,4] [2,1,1,2,2] none | groups=2 stride=1,1,2");

static bool conv_options(const char *op, int nd, const tg_conv_options *options, conv_attr *a) {
    tg_conv_options o = TG_CONV_OPTIONS_INIT;
    if (tg__options(op, "tg_conv_options", "TG_CONV_OPTIONS_INIT", options, &o, sizeof o) != TG_OK)
        return false;
    tg__ints_from(&a->stride, nd, o.stride);
    tg__ints_from(&a->padding, nd, o.padding);
    tg__ints_from(&a->dilation, nd, o.dilation);
    tg__ints_from(&a->output_padding, nd, o.output_padding);
    a->groups = o.groups;
    a->auto_pad = o.auto_pad;
    return true;
}
static tg_tensor *convolved(const tg__op *op, tg_tensor *x, tg_tensor *w, tg_tensor *b,
                            const tg_conv_options *options) {
    conv_attr a;
    if (!conv_options(op->name, op->kernel, options, &a))
        return NULL;
    for (int d = 0; d < op->kernel; d++)
        if (a.output_padding.value[d] != 0) {
            tg__fail(TG_ERR_ARG, op->name, "output_padding is for tg_conv_transpose%dd",
                     op->kernel);
            return NULL;
        }
    return tg__apply3(op, x, w, b, &a);
}
tg_tensor *tg_conv1d(tg_tensor *x, tg_tensor *w, tg_tensor *b_or_none,
                     const tg_conv_options *options) {
    return convolved(&tg__op_conv1d, x, w, b_or_none, options);
}
tg_tensor *tg_conv2d(tg_tensor *x, tg_tensor *w, tg_tensor *b_or_none,
                     const tg_conv_options *options) {
    return convolved(&tg__op_conv2d, x, w, b_or_none, options);
}
tg_tensor *tg_conv3d(tg_tensor *x, tg_tensor *w, tg_tensor *b_or_none,
                     const tg_conv_options *options) {
    return convolved(&tg__op_conv3d, x, w, b_or_none, options);
}

/* ---- conv_transpose1d, 2d, 3d: size (L - 1)·stride - 2·padding + dilation·(k - 1) +
 *      output_padding + 1 ---- */
static const tg__window_field output_padding_field = {"output_padding", 0, 0};
static bool transpose_sizes(const tg__call *c, int nd, const sizes *s, int64_t *out) {
    const conv_attr *a = c->attr;
    int64_t extra[TG__SPATIAL];
    if (!tg__window_values(c->op->name, &output_padding_field, &a->output_padding, nd, zeros,
                           extra))
        return false;
    for (int d = 0; d < TG__SPATIAL; d++) {
        if (extra[d] > 0 && extra[d] >= s->stride[d] && extra[d] >= s->dilation[d]) {
            tg__fail(TG_ERR_ARG, c->op->name,
                     "output_padding is %lld; it must be smaller than stride or dilation",
                     (long long)extra[d]);
            return false;
        }
        const int64_t kernel = s->dilation[d] * (s->k[d] - 1) + 1 + extra[d];
        bool over = __builtin_mul_overflow(s->in[d] - 1, s->stride[d], &out[d]) ||
                    __builtin_add_overflow(out[d], kernel - 2 * s->pad[d], &out[d]);
        if (over || out[d] < 1) {
            tg__fail(TG_ERR_SHAPE, c->op->name,
                     "x is %s and w is %s: with these strides and paddings the result has a size "
                     "below 1 or too large a one",
                     tg__describe(c->in[0]), tg__describe(c->in[1]));
            return false;
        }
    }
    return true;
}
static bool conv_transpose_forward(const tg__call *c) {
    const int nd = c->op->kernel;
    const tg_tensor *w = c->in[1];
    const tg_tensor *b = c->in[2];
    sizes s;
    int64_t out[TG__SPATIAL];
    if (!read_sizes(c, nd, &s) || !transpose_sizes(c, nd, &s, out))
        return false;
    nd_attr a;
    write_sizes(c->attr, nd, &s, out, &a);
    int64_t channels;
    if (!(b->flags & TG__IS_NONE) &&
        (b->ndim != 1 || __builtin_mul_overflow(w->shape[1], a.groups, &channels) ||
         b->shape[0] != channels))
        return misfit(c->op->name, "b is [O] and w is [C, O / groups, ...]", b, w);
    if (!tg__one_float_dtype(c))
        return false;
    tg_tensor *y = tg__apply2(&tg__op_conv_nd_input, c->in[0], c->in[1], &a);
    if (y != NULL && !(b->flags & TG__IS_NONE)) {
        const int64_t shape[TG__SPATIAL + 1] = {b->shape[0], 1, 1, 1};
        y = tg_add(y, tg_reshape(c->in[2], nd + 1, shape));
    }
    c->out[0] = y;
    return y != NULL;
}
#define TRANSPOSE(nd)                                                                              \
    .maths = "x = sum of y * w over windows, + b", .inputs = "x w b", .n_in = 3, .n_optional = 1,  \
    .flags = TG__COMPOSED | TG__BLAS, .fields = transpose_fields, .attr_size = sizeof(conv_attr),  \
    .kernel = (nd), .forward = conv_transpose_forward,                                             \
    .onnx = {"ConvTranspose", 11,                                                                  \
             "strides=stride,pads=padding,output_padding=output_padding,dilations=dilation,"       \
             "group=groups"}
TG_OP(conv_transpose1d, TRANSPOSE(1));
TG_SAMPLES(conv_transpose1d, "[2,2,3] [2,3,3] [3]",
           "[2,2,3] [2,2,2] none | stride=2 padding=1 output_padding=1",
           "[4,3] [4,1,2] [2] | groups=2 dilation=2 output_padding=1", "[2,2,3] [2,3,1] none");
TG_OP(conv_transpose2d, TRANSPOSE(2));
TG_SAMPLES(conv_transpose2d, "[2,2,2,3] [2,2,2,3] [2] | stride=2,1 padding=1,0",
           "[1,2,3,3] [2,1,2,2] none | groups=2 stride=2 output_padding=0,1");
TG_OP(conv_transpose3d, TRANSPOSE(3));
TG_SAMPLES(conv_transpose3d, "[1,2,2,2,2] [2,2,2,2,2] [2] | stride=1,1,2 padding=1,0,0");

static tg_tensor *transposed(const tg__op *op, tg_tensor *x, tg_tensor *w, tg_tensor *b,
                             const tg_conv_options *options) {
    conv_attr a;
    if (!conv_options(op->name, op->kernel, options, &a))
        return NULL;
    if (a.auto_pad != TG_PADDING_GIVEN) {
        tg__fail(TG_ERR_ARG, op->name, "auto_pad is for convolutions that are not transposed");
        return NULL;
    }
    return tg__apply3(op, x, w, b, &a);
}
tg_tensor *tg_conv_transpose1d(tg_tensor *x, tg_tensor *w, tg_tensor *b_or_none,
                               const tg_conv_options *options) {
    return transposed(&tg__op_conv_transpose1d, x, w, b_or_none, options);
}
tg_tensor *tg_conv_transpose2d(tg_tensor *x, tg_tensor *w, tg_tensor *b_or_none,
                               const tg_conv_options *options) {
    return transposed(&tg__op_conv_transpose2d, x, w, b_or_none, options);
}
tg_tensor *tg_conv_transpose3d(tg_tensor *x, tg_tensor *w, tg_tensor *b_or_none,
                               const tg_conv_options *options) {
    return transposed(&tg__op_conv_transpose3d, x, w, b_or_none, options);
}
