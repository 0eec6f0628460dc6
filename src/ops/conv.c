/* conv.c - convolution and transposed convolution over one to three spatial dims.
 *
 * The operations here work out the sizes and call conv_nd or, transposed, conv_nd_input, which have
 * the gradients (conv_nd.c). */
#include "ops/conv.h"

#include "base/options.h"
#include "ops/elementwise.h"
#include "ops/window.h"

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
        return tg__conv_misfit(op,
                               nd == 1   ? "w must be [O, C / groups, K]"
                               : nd == 2 ? "w must be [O, C / groups, KH, KW]"
                                         : "w must be [O, C / groups, KD, KH, KW]",
                               x, w);
    tg__spatial_of(x->ndim, x->shape, nd, s->in);
    tg__spatial_of(w->ndim, w->shape, nd, s->k);
    for (int d = 0; d < TG__SPATIAL; d++)
        if (s->k[d] < 1 || s->k[d] > INT32_MAX)
            return tg__conv_misfit(op, "the sizes of the kernel must be at least 1", x, w);
    return tg__window_values(op, &tg__stride_field, &a->stride, nd, NULL, s->stride) &&
           tg__window_values(op, &tg__padding_field, &a->padding, nd, NULL, s->pad) &&
           tg__window_values(op, &tg__dilation_field, &a->dilation, nd, NULL, s->dilation);
}

static void write_sizes(const conv_attr *a, int nd, const sizes *s, const int64_t *size,
                        tg__conv_attr *out) {
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
    sizes s = {.in = {0}};
    int64_t more[TG__SPATIAL] = {0};
    int64_t out[TG__SPATIAL];
    if (!read_sizes(c, nd, &s) || !automatic(c, nd, &s, more))
        return false;
    for (int d = 0; d < TG__SPATIAL; d++) {
        const int64_t padded = s.in[d] + 2 * s.pad[d] + more[d];
        const int64_t kernel = s.dilation[d] * (s.k[d] - 1) + 1;
        if (kernel > padded) {
            tg__fail(TG_ERR_SHAPE, c->op->name,
                     "x is %s and w is %s: a kernel of %lld (with dilation) is larger than the "
                     "%lld positions of x with padding; use a smaller one or more padding",
                     tg__describe(x), tg__describe(w), (long long)kernel, (long long)padded);
            return false;
        }
        out[d] = (padded - kernel) / s.stride[d] + 1;
    }
    tg__conv_attr a;
    write_sizes(c->attr, nd, &s, out, &a);
    c->out[0] = tg__apply3(&tg__op_conv_nd, c->in[0], c->in[1], c->in[2], &a);
    return c->out[0] != NULL;
}
#define CONV(nd)                                                                                   \
    .maths = "y = sum of x * w over windows, + b", .inputs = "x w b", .n_in = 3, .n_optional = 1,  \
    .flags = TG__COMPOSED | TG__BLAS, .fields = conv_fields, .attr_size = sizeof(conv_attr),       \
    .kernel = (nd), .forward = conv_forward,                                                       \
    .onnx = {"Conv", 11,                                                                           \
             "strides=stride,pads=padding,dilations=dilation,group=groups,auto_pad=auto_pad"}
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
static const tg__window_field output_padding_field = {"output_padding", 0, 0, false};
static bool transpose_sizes(const tg__call *c, int nd, const sizes *s, int64_t *out) {
    const conv_attr *a = c->attr;
    int64_t extra[TG__SPATIAL] = {0};
    if (!tg__window_values(c->op->name, &output_padding_field, &a->output_padding, nd, NULL, extra))
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
                     "x is %s and w is %s: with these strides and paddings a size of the result "
                     "is below 1 or too large; use less padding",
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
    sizes s = {.in = {0}};
    int64_t out[TG__SPATIAL];
    if (!read_sizes(c, nd, &s) || !transpose_sizes(c, nd, &s, out))
        return false;
    tg__conv_attr a;
    write_sizes(c->attr, nd, &s, out, &a);
    int64_t channels;
    if (!tg__absent(b) &&
        (b->ndim != 1 || __builtin_mul_overflow(w->shape[1], a.groups, &channels) ||
         b->shape[0] != channels))
        return tg__conv_misfit(c->op->name, "b must be [O] for w [C, O / groups, ...]", b, w);
    if (!tg__one_float_dtype(c))
        return false;
    tg_tensor *y = tg__apply2(&tg__op_conv_nd_input, c->in[0], c->in[1], &a);
    if (y != NULL && !tg__absent(b)) {
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
