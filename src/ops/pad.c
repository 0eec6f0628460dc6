/* pad.c - borders around x, or less than x.
 *
 * Constant borders are a filled tensor with x put into it. The other kinds take rows of x again:
 * index_select along each dim, whose gradient adds up what came from one element. */
#include "ops/elementwise.h"
#include "ops/view.h"

typedef struct {
    tg__ints pads;
    int64_t mode; /* tg_pad_mode */
    double value;
} pad_attr;
static const tg__field pad_fields[] = {
    {"pads", TG_ATTR_INTS, offsetof(pad_attr, pads), true, 0, 0},
    {"mode", TG_ATTR_INT, offsetof(pad_attr, mode), false, TG_PAD_CONSTANT, 0},
    {"value", TG_ATTR_FLOAT, offsetof(pad_attr, value), false, TG__NAN_OK, 0},
    {0}};

/* How much a mode can take from a dim of this size. */
static int64_t most(int64_t mode, int64_t size) {
    return mode == TG_PAD_REFLECT ? size - 1 : mode == TG_PAD_CIRCULAR ? size : INT64_MAX;
}

/* The pads of dim i, 0 where none are given. */
static void pads_of(const pad_attr *a, const tg_tensor *x, int i, int64_t *before, int64_t *after) {
    int at = 2 * (x->ndim - 1 - i);
    *before = at < a->pads.n ? a->pads.value[at] : 0;
    *after = at < a->pads.n ? a->pads.value[at + 1] : 0;
}

/* The result's shape; false with an error. */
static bool pad_check(const pad_attr *a, const tg_tensor *x, int64_t *shape) {
    if (a->mode < TG_PAD_CONSTANT || a->mode > TG_PAD_CIRCULAR) {
        tg__fail(TG_ERR_ARG, "pad",
                 "mode is %lld; give one of TG_PAD_CONSTANT, _REFLECT, "
                 "_REPLICATE, _CIRCULAR",
                 (long long)a->mode);
        return false;
    }
    if (a->pads.n % 2 != 0 || a->pads.n > 2 * x->ndim) {
        tg__fail(TG_ERR_SHAPE, "pad",
                 "%d pads for x %s; give two for each dim, the last dim first, at most %d",
                 a->pads.n, tg__describe(x), 2 * x->ndim);
        return false;
    }
    for (int i = 0; i < x->ndim; i++) {
        int64_t before;
        int64_t after;
        int64_t size = x->shape[i];
        pads_of(a, x, i, &before, &after);
        bool good = !__builtin_add_overflow(size, before, &shape[i]) &&
                    !__builtin_add_overflow(shape[i], after, &shape[i]) && shape[i] >= 0;
        if (a->mode == TG_PAD_CONSTANT) /* what is cropped must be there */
            good = good && before >= -size && after >= -size - (before < 0 ? before : 0);
        else if (before != 0 || after != 0)
            good = good && before >= 0 && after >= 0 && before <= most(a->mode, size) &&
                   after <= most(a->mode, size) && size > 0;
        if (good)
            continue;
        tg__fail(TG_ERR_SHAPE, "pad",
                 "pads %lld and %lld do not fit dim %d of %s: negative ones crop a constant pad, "
                 "reflect takes less than the size, circular at most the size",
                 (long long)before, (long long)after, i, tg__describe(x));
        return false;
    }
    return tg__shape_check("pad", (tg_dtype)x->dtype, x->ndim, shape, NULL, NULL);
}

static tg_tensor *pad_constant(tg_tensor *x, const pad_attr *a, const int64_t *shape) {
    tg_index_item from[TG_MAX_DIMS];
    tg_index_item to[TG_MAX_DIMS];
    bool grows = false;
    for (int i = 0; i < x->ndim; i++) {
        int64_t before;
        int64_t after;
        pads_of(a, x, i, &before, &after);
        from[i] = (tg_index_item)TG_RANGE(before < 0 ? -before : 0,
                                          x->shape[i] + (after < 0 ? after : 0), 1);
        to[i] =
            (tg_index_item)TG_RANGE(before > 0 ? before : 0, shape[i] - (after > 0 ? after : 0), 1);
        grows |= before > 0 || after > 0;
    }
    tg_tensor *part = tg_index(x, x->ndim, from);
    if (!grows)
        return tg_clone(part);
    return tg_index_put(tg_full((tg_dtype)x->dtype, x->ndim, shape, a->value), x->ndim, to, part);
}

/* The positions of a dim that make up the padded one. */
static tg_tensor *source_index(int64_t mode, int64_t size, int64_t before, int64_t after) {
    int64_t n = before + size + after;
    tg_tensor *index = tg__new("pad", TG_I64, 1, &n);
    if (index == NULL)
        return NULL;
    int64_t *at = (int64_t *)(void *)index->data;
    for (int64_t j = 0; j < n; j++) {
        int64_t i = j - before;
        if (mode == TG_PAD_REFLECT)
            at[j] = i < 0 ? -i : i >= size ? 2 * (size - 1) - i : i;
        else if (mode == TG_PAD_REPLICATE)
            at[j] = i < 0 ? 0 : i >= size ? size - 1 : i;
        else
            at[j] = i < 0 ? i + size : i >= size ? i - size : i;
    }
    return tg__give(index);
}

static bool pad_forward(const tg__call *c) {
    const pad_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    int64_t shape[TG_MAX_DIMS];
    if (!pad_check(a, x, shape))
        return false;
    if (a->mode == TG_PAD_CONSTANT) {
        c->out[0] = pad_constant(x, a, shape);
        return c->out[0] != NULL;
    }
    tg_tensor *y = x;
    for (int i = 0; y != NULL && i < x->ndim; i++) {
        int64_t before;
        int64_t after;
        pads_of(a, x, i, &before, &after);
        if (before != 0 || after != 0)
            y = tg_index_select(y, i, source_index(a->mode, x->shape[i], before, after));
    }
    c->out[0] = y == x ? tg_clone(x) : y;
    return c->out[0] != NULL;
}
TG_OP(pad, .maths = "x with borders", .inputs = "x", .n_in = 1,
      .flags = TG__COMPOSED | TG__ANY_DTYPE, .fields = pad_fields, .attr_size = sizeof(pad_attr),
      .forward = pad_forward, .onnx = {"Pad", 13, "pads=pads,mode=mode,constant_value=value"});
TG_SAMPLES(pad, "[2,3] | pads=1,2", "[2,3] | pads=1,0,0,2 value=1.5", "[3,4] | pads=-1,-1,1,-2",
           "[5] | pads=-2,0", "[2,4] | pads=2,3 mode=1", "[3,3] | pads=1,2,2,1 mode=1",
           "[2,3] | pads=2,0,1,4 mode=2", "[2,3] | pads=3,2,1,0 mode=3", "[2] | pads=0,0 mode=2");
tg_tensor *tg_pad(tg_tensor *x, int n_pads, const int64_t *pads, tg_pad_mode mode, double value) {
    pad_attr a = {.mode = mode, .value = value};
    return tg__integers_from("pad", "pads", n_pads, pads, &a.pads) ? tg__apply1(&tg__op_pad, x, &a)
                                                                   : NULL;
}
