/* shuffle.c - exchanges of channels and positions: reshapes and permutations. */
#include "ops/elementwise.h"

typedef struct {
    int64_t factor;
} factor_attr;

/* The dims before the last three as one; false with an error unless x has three and factor is
 * positive. */
static bool leading(const tg__call *c, int64_t *batch) {
    const factor_attr *a = c->attr;
    const tg_tensor *x = c->in[0];
    *batch = 1;
    if (x->ndim < 3) {
        tg__fail(TG_ERR_SHAPE, c->op->name, "x is %s; give [..., C, H, W]", tg__describe(x));
        return false;
    }
    if (a->factor < 1 || a->factor > INT32_MAX) {
        tg__fail(TG_ERR_ARG, c->op->name, "%s is %lld; give 1 to %d", c->op->fields[0].name,
                 (long long)a->factor, INT32_MAX);
        return false;
    }
    for (int i = 0; i < x->ndim - 3; i++)
        *batch *= x->shape[i];
    return true;
}

/* x [batch, …] as [lead…, channels, rows, cols]. */
static tg_tensor *trailing(tg_tensor *x, const tg_tensor *like, int64_t channels, int64_t rows,
                           int64_t cols) {
    int64_t shape[TG_MAX_DIMS];
    const int n = like->ndim;
    for (int i = 0; i < n - 3; i++)
        shape[i] = like->shape[i];
    shape[n - 3] = channels;
    shape[n - 2] = rows;
    shape[n - 1] = cols;
    return tg_reshape(x, n, shape);
}

#define SHUFFLE                                                                                    \
    .inputs = "x", .n_in = 1, .flags = TG__COMPOSED | TG__VIEWS | TG__ANY_DTYPE,                   \
    .attr_size = sizeof(factor_attr)

/* ---- pixel_shuffle: […, C·r², H, W] to […, C, H·r, W·r] ---- */
static const tg__field upscale_fields[] = {
    {"upscale_factor", TG_ATTR_INT, offsetof(factor_attr, factor), true, 0, 0}, {0}};
static bool pixel_shuffle_forward(const tg__call *c) {
    const int64_t r = ((const factor_attr *)c->attr)->factor;
    const tg_tensor *x = c->in[0];
    int64_t batch;
    if (!leading(c, &batch))
        return false;
    const int64_t channels = x->shape[x->ndim - 3];
    const int64_t h = x->shape[x->ndim - 2];
    const int64_t w = x->shape[x->ndim - 1];
    const int64_t square = r * r;
    int64_t rows;
    int64_t cols;
    if (channels % square != 0 || __builtin_mul_overflow(h, r, &rows) ||
        __builtin_mul_overflow(w, r, &cols)) {
        tg__fail(TG_ERR_SHAPE, c->op->name,
                 "x is %s: %lld channels must divide by upscale_factor² (%lld)", tg__describe(x),
                 (long long)channels, (long long)square);
        return false;
    }
    tg_tensor *y = tg_reshape(c->in[0], TG_SHAPE(batch, channels / square, r, r, h, w));
    c->out[0] =
        trailing(tg_permute(y, TG_DIMS(0, 1, 4, 2, 5, 3)), x, channels / square, rows, cols);
    return c->out[0] != NULL;
}
TG_OP(pixel_shuffle, .maths = "[C r^2, H, W] to [C, H r, W r]", SHUFFLE, .fields = upscale_fields,
      .forward = pixel_shuffle_forward, .onnx = {"DepthToSpace", 13, "blocksize=upscale_factor"});
TG_SAMPLES(pixel_shuffle, "[2,4,2,3] | upscale_factor=2", "[9,1,2] | upscale_factor=3",
           "[2,1,8,1,2] | upscale_factor=2");
tg_tensor *tg_pixel_shuffle(tg_tensor *x, int64_t upscale_factor) {
    return tg__apply1(&tg__op_pixel_shuffle, x, &(factor_attr){upscale_factor});
}

/* ---- pixel_unshuffle: […, C, H·r, W·r] to […, C·r², H, W] ---- */
static const tg__field downscale_fields[] = {
    {"downscale_factor", TG_ATTR_INT, offsetof(factor_attr, factor), true, 0, 0}, {0}};
static bool pixel_unshuffle_forward(const tg__call *c) {
    const int64_t r = ((const factor_attr *)c->attr)->factor;
    const tg_tensor *x = c->in[0];
    int64_t batch;
    if (!leading(c, &batch))
        return false;
    const int64_t channels = x->shape[x->ndim - 3];
    const int64_t h = x->shape[x->ndim - 2];
    const int64_t w = x->shape[x->ndim - 1];
    int64_t out;
    if (h % r != 0 || w % r != 0 || __builtin_mul_overflow(channels, r * r, &out)) {
        tg__fail(TG_ERR_SHAPE, c->op->name,
                 "x is %s: height and width must divide by downscale_factor (%lld)",
                 tg__describe(x), (long long)r);
        return false;
    }
    tg_tensor *y = tg_reshape(c->in[0], TG_SHAPE(batch, channels, h / r, r, w / r, r));
    c->out[0] = trailing(tg_permute(y, TG_DIMS(0, 1, 3, 5, 2, 4)), x, out, h / r, w / r);
    return c->out[0] != NULL;
}
TG_OP(pixel_unshuffle, .maths = "[C, H r, W r] to [C r^2, H, W]", SHUFFLE,
      .fields = downscale_fields, .forward = pixel_unshuffle_forward, .onnx = {"composed"});
TG_SAMPLES(pixel_unshuffle, "[2,1,4,6] | downscale_factor=2", "[2,3,3] | downscale_factor=3");
tg_tensor *tg_pixel_unshuffle(tg_tensor *x, int64_t downscale_factor) {
    return tg__apply1(&tg__op_pixel_unshuffle, x, &(factor_attr){downscale_factor});
}

/* ---- channel_shuffle: channels [g, C / g] to [C / g, g] ---- */
static const tg__field groups_fields[] = {
    {"groups", TG_ATTR_INT, offsetof(factor_attr, factor), true, 0, 0}, {0}};
static bool channel_shuffle_forward(const tg__call *c) {
    const int64_t groups = ((const factor_attr *)c->attr)->factor;
    const tg_tensor *x = c->in[0];
    if (x->ndim < 3) {
        tg__fail(TG_ERR_SHAPE, c->op->name, "x is %s; give [N, C, ...], at least 3-d",
                 tg__describe(x));
        return false;
    }
    if (groups < 1) {
        tg__fail(TG_ERR_ARG, c->op->name, "groups is %lld; give at least 1", (long long)groups);
        return false;
    }
    if (x->shape[1] % groups != 0) {
        tg__fail(TG_ERR_SHAPE, c->op->name, "x is %s: %lld channels must divide into %lld groups",
                 tg__describe(x), (long long)x->shape[1], (long long)groups);
        return false;
    }
    int64_t rest = 1;
    for (int i = 2; i < x->ndim; i++)
        rest *= x->shape[i];
    tg_tensor *y = tg_reshape(c->in[0], TG_SHAPE(x->shape[0], groups, x->shape[1] / groups, rest));
    c->out[0] = tg_reshape(tg_transpose(y, 1, 2), x->ndim, x->shape);
    return c->out[0] != NULL;
}
TG_OP(channel_shuffle, .maths = "channels of groups interleaved", SHUFFLE, .fields = groups_fields,
      .forward = channel_shuffle_forward, .onnx = {"composed"});
TG_SAMPLES(channel_shuffle, "[2,6,2] | groups=3", "[1,4,2,2] | groups=2");
tg_tensor *tg_channel_shuffle(tg_tensor *x, int64_t groups) {
    return tg__apply1(&tg__op_channel_shuffle, x, &(factor_attr){groups});
}
