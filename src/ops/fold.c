/* fold.c - windows of an image as columns, and columns added up to an image.
 *
 * unfold2d and fold are each other's adjoint, so each is the other's gradient rule. The kernels are
 * those that convolution makes its columns with. */
#include "base/options.h"
#include "kernels/conv.h"
#include "ops/elementwise.h"
#include "ops/view.h"
#include "ops/window.h"

typedef struct {
    tg__ints kernel_size, dilation, padding, stride;
    tg__sizes output_size;
} fold_attr;
#define FOLD_FIELD(name, type, required)                                                           \
    { #name, TG_ATTR_##type, offsetof(fold_attr, name), required, 0, 0 }

/* The geometry but for n and the channels (c, one group): windows over `in`. */
static bool windows(const tg__call *c, const int64_t *in, tg__conv *s) {
    const fold_attr *a = c->attr;
    const char *op = c->op->name;
    *s = (tg__conv){.groups = 1, .n = 1};
    if (!tg__window_values(op, &tg__kernel_field, &a->kernel_size, 2, NULL, s->k) ||
        !tg__window_values(op, &tg__dilation_field, &a->dilation, 2, NULL, s->dilation) ||
        !tg__window_values(op, &tg__padding_field, &a->padding, 2, NULL, s->pad) ||
        !tg__window_values(op, &tg__stride_field, &a->stride, 2, NULL, s->stride))
        return false;
    for (int d = 0; d < TG__SPATIAL; d++) {
        s->in[d] = in[d];
        const int64_t room = in[d] + 2 * s->pad[d];
        const int64_t extent = s->dilation[d] * (s->k[d] - 1) + 1;
        s->out[d] = (room - extent) / s->stride[d] + 1;
        if (extent > room) {
            tg__fail(TG_ERR_SHAPE, op,
                     "%s: a window of %lld (with dilation) is larger than the %lld positions with "
                     "padding; use a smaller one or more padding",
                     tg__describe(c->in[0]), (long long)extent, (long long)room);
            return false;
        }
    }
    return true;
}

/* |k| and the number of windows; false if they overflow. */
static bool columns_of(const tg__conv *s, int64_t *kernel, int64_t *positions) {
    return !__builtin_mul_overflow(s->k[1], s->k[2], kernel) &&
           !__builtin_mul_overflow(s->out[1], s->out[2], positions);
}

static bool too_large(const tg__call *c) {
    tg__fail(TG_ERR_SHAPE, c->op->name,
             "%s: the result would be too large; use a smaller window or padding",
             tg__describe(c->in[0]));
    return false;
}

/* ---- unfold2d: x [N, C, H, W] to columns [N, C·|k|, L] ---- */
static const tg__field unfold_fields[] = {FOLD_FIELD(kernel_size, INTS, true),
                                          FOLD_FIELD(dilation, INTS, false),
                                          FOLD_FIELD(padding, INTS, false),
                                          FOLD_FIELD(stride, INTS, false),
                                          {0}};
static bool unfold2d_forward(const tg__call *c) {
    const tg_tensor *x = c->in[0];
    int64_t in[TG__SPATIAL];
    tg__conv s;
    if (!tg__spatial_input(c->op->name, "x", x, 2))
        return false;
    tg__spatial_of(x->ndim, x->shape, 2, in);
    if (!windows(c, in, &s) || !tg__float_only(c->op->name, x))
        return false;
    s.n = x->ndim == 4 ? x->shape[0] : 1;
    s.c = x->shape[x->ndim - 3];
    int64_t kernel;
    int64_t positions;
    int64_t rows;
    if (!columns_of(&s, &kernel, &positions) || __builtin_mul_overflow(s.c, kernel, &rows))
        return too_large(c);
    const int64_t shape[3] = {s.n, rows, positions};
    const int skip = x->ndim == 4 ? 0 : 1;
    tg_tensor *from = tg__packed(c->op->name, c->in[0]);
    tg_tensor *y =
        from != NULL ? tg__new(c->op->name, (tg_dtype)x->dtype, 3 - skip, shape + skip) : NULL;
    if (y != NULL && y->numel > 0)
        tg__im2col(tg__item_size(y->dtype), &s, s.n, from->data, y->data, rows * positions,
                   positions);
    tg__unref(from);
    c->out[0] = y;
    return y != NULL;
}
static void unfold2d_rule(tg__rule *r) {
    fold_attr a = *(const fold_attr *)r->attr;
    const tg__meta *m = r->meta[0];
    a.output_size.n = 2;
    a.output_size.size[0] = m->shape[m->ndim - 2];
    a.output_size.size[1] = m->shape[m->ndim - 1];
    r->gin[0] = tg__apply1(&tg__op_fold, r->g[0], &a);
}
TG_OP(unfold2d, .maths = "windows of x as columns", .inputs = "x", .n_in = 1,
      .fields = unfold_fields, .attr_size = sizeof(fold_attr), .forward = unfold2d_forward,
      .rule = unfold2d_rule, .saves = {TG__SAVE_META(0, 1)}, .onnx = {"composed"});
TG_SAMPLES(unfold2d, "[2,2,3,4] | kernel_size=2", "[2,4,3] | kernel_size=2,1 stride=2 padding=1",
           "[1,1,5,4] | kernel_size=2 dilation=2,1");

static bool fold_options(const char *op, int n, const int64_t *kernel_size,
                         const tg_fold_options *options, fold_attr *a) {
    tg_fold_options o = TG_FOLD_OPTIONS_INIT;
    if (tg__options(op, "tg_fold_options", "TG_FOLD_OPTIONS_INIT", options, &o, sizeof o) != TG_OK)
        return false;
    tg__ints_from(&a->dilation, 2, o.dilation);
    tg__ints_from(&a->padding, 2, o.padding);
    tg__ints_from(&a->stride, 2, o.stride);
    return tg__ints_given(op, "kernel_size", n, kernel_size, &a->kernel_size);
}
tg_tensor *tg_unfold2d(tg_tensor *x, int n, const int64_t *kernel_size,
                       const tg_fold_options *options) {
    fold_attr a = {.output_size.n = 0};
    return fold_options("unfold2d", n, kernel_size, options, &a)
               ? tg__apply1(&tg__op_unfold2d, x, &a)
               : NULL;
}

/* ---- fold: columns [N, C·|k|, L] added up to [N, C, H, W] ---- */
static const tg__field fold_fields[] = {
    FOLD_FIELD(output_size, SHAPE, true), FOLD_FIELD(kernel_size, INTS, true),
    FOLD_FIELD(dilation, INTS, false),    FOLD_FIELD(padding, INTS, false),
    FOLD_FIELD(stride, INTS, false),      {0}};
static bool fold_plan(const tg__call *c, tg__conv *s) {
    const fold_attr *a = c->attr;
    const tg_tensor *x = c->in[0];
    const int n = a->output_size.n;
    int64_t in[TG__SPATIAL] = {1};
    for (int d = 0; d < 2; d++)
        in[1 + d] = n == 1 || n == 2 ? a->output_size.size[n == 1 ? 0 : d] : 0;
    if (in[1] < 1 || in[2] < 1 || in[1] > INT32_MAX || in[2] > INT32_MAX) {
        tg__fail(TG_ERR_SHAPE, c->op->name, "output_size %s; give height and width",
                 tg__describe_shape(n, a->output_size.size));
        return false;
    }
    if (x->ndim != 2 && x->ndim != 3) {
        tg__fail(TG_ERR_SHAPE, c->op->name, "x is %s; give columns [N, C * kernel, L]",
                 tg__describe(x));
        return false;
    }
    if (!windows(c, in, s) || !tg__float_only(c->op->name, x))
        return false;
    int64_t kernel;
    int64_t positions;
    if (!columns_of(s, &kernel, &positions))
        return too_large(c);
    const int64_t rows = x->shape[x->ndim - 2];
    if (rows % kernel != 0 || x->shape[x->ndim - 1] != positions) {
        tg__fail(TG_ERR_SHAPE, c->op->name,
                 "x is %s: the %lld rows must be a multiple of the kernel's %lld elements, and "
                 "there are %lld windows",
                 tg__describe(x), (long long)rows, (long long)kernel, (long long)positions);
        return false;
    }
    s->n = x->ndim == 3 ? x->shape[0] : 1;
    s->c = rows / kernel;
    return true;
}
static bool fold_forward(const tg__call *c) {
    tg__conv s;
    if (!fold_plan(c, &s))
        return false;
    const int64_t shape[4] = {s.n, s.c, s.in[1], s.in[2]};
    const int skip = c->in[0]->ndim == 3 ? 0 : 1;
    tg_tensor *x = tg__packed(c->op->name, c->in[0]);
    tg_tensor *y =
        x != NULL ? tg__new(c->op->name, (tg_dtype)x->dtype, 4 - skip, shape + skip) : NULL;
    if (y != NULL && y->numel > 0)
        tg__col2im((tg_dtype)y->dtype, &s, s.n, x->data, y->data);
    tg__unref(x);
    c->out[0] = y;
    return y != NULL;
}
static void fold_rule(tg__rule *r) { r->gin[0] = tg__apply1(&tg__op_unfold2d, r->g[0], r->attr); }
TG_OP(fold, .maths = "columns added up to x", .inputs = "x", .n_in = 1, .fields = fold_fields,
      .attr_size = sizeof(fold_attr), .forward = fold_forward, .rule = fold_rule,
      .onnx = {"Col2Im", 18,
               "image_shape=output_size,block_shape=kernel_size,dilations=dilation,pads=padding,"
               "strides=stride"});
TG_SAMPLES(fold, "[2,4,6] | output_size=3,4 kernel_size=2",
           "[4,6] | output_size=4,3 kernel_size=2,1 stride=2,3 padding=1,1",
           "[1,4,9] | output_size=5,4 kernel_size=2 dilation=2,1");
tg_tensor *tg_fold(tg_tensor *x, int n_size, const int64_t *output_size, int n,
                   const int64_t *kernel_size, const tg_fold_options *options) {
    fold_attr a = {.output_size.n = 0};
    return tg__sizes_from("fold", n_size, output_size, &a.output_size) &&
                   fold_options("fold", n, kernel_size, options, &a)
               ? tg__apply1(&tg__op_fold, x, &a)
               : NULL;
}
