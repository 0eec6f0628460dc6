/* mask.c - bool masks: masked_fill, masked_select, masked_scatter, nonzero. */
#include "kernels/places.h"
#include "ops/elementwise.h"
#include "ops/view.h"

static bool is_mask(const char *op, const tg_tensor *mask) {
    if (mask->dtype == TG_BOOL)
        return true;
    tg__refuse_dtype(op, mask, "a bool mask");
    return false;
}

/* ---- masked_fill: value where mask, else x ---- */
typedef struct {
    double value;
} masked_fill_attr;
static const tg__field masked_fill_fields[] = {
    {"value", TG_ATTR_FLOAT, offsetof(masked_fill_attr, value), true, TG__NAN_OK, 0}, {0}};
static bool masked_fill_forward(const tg__call *c) {
    const masked_fill_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    tg_tensor *mask = c->in[1];
    if (!is_mask("masked_fill", mask))
        return false;
    int ndim;
    int64_t shape[TG_MAX_DIMS];
    if (!tg__broadcast("masked_fill", x, mask, &ndim, shape))
        return false;
    tg_tensor *y = tg__dest(c, (tg_dtype)x->dtype, ndim, shape);
    if (y == NULL)
        return false;
    _Alignas(8) char value[8];
    tg__convert_double((tg_dtype)y->dtype, value, a->value);
    tg__run((tg_tensor *[]){y, x, mask}, 3, tg__kernels_get()->masked_fill[y->dtype], value, 0.4);
    tg__land(c, y);
    return true;
}
static void masked_fill_rule(tg__rule *r) { r->gin[0] = tg_masked_fill(r->g[0], r->in[1], 0.0); }
TG_OP(masked_fill, .maths = "value where mask, else x", .inputs = "x mask", .n_in = 2, .no_grad = 2,
      .flags = TG__IN_PLACE | TG__BROADCASTS, .fields = masked_fill_fields,
      .attr_size = sizeof(masked_fill_attr), .forward = masked_fill_forward,
      .rule = masked_fill_rule, .saves = {TG__SAVE_IN(1, 1)}, .onnx = {"composed"});
TG_SAMPLES(masked_fill, "[2,3] b[2,3] | value=2", "[2,3] b[3] | value=0", "[3] b[2,1] | value=1");
tg_tensor *tg_masked_fill(tg_tensor *x, tg_tensor *mask, double value) {
    return tg__apply2(&tg__op_masked_fill, x, mask, &(masked_fill_attr){value});
}
tg_tensor *tg_masked_fill_(tg_tensor *x, tg_tensor *mask, double value) {
    return tg__apply2_(&tg__op_masked_fill, x, mask, &(masked_fill_attr){value});
}

/* ---- masked_fill_tensor: the same for a 0-d tensor, which gets the sum of the gradient ---- */
static bool masked_fill_tensor_forward(const tg__call *c) {
    tg_tensor *value = c->in[2];
    if (!is_mask("masked_fill_tensor", c->in[1]))
        return false;
    if (value->ndim > 0) {
        tg__fail(TG_ERR_SHAPE, "masked_fill_tensor",
                 "value is %s; give a 0-d tensor, or use tg_where", tg__describe(value));
        return false;
    }
    c->out[0] = tg_where(c->in[1], tg_cast(value, (tg_dtype)c->in[0]->dtype), c->in[0]);
    return c->out[0] != NULL;
}
TG_OP(masked_fill_tensor, .maths = "value where mask, else x", .inputs = "x mask value", .n_in = 3,
      .no_grad = 2, .flags = TG__IN_PLACE | TG__COMPOSED, .forward = masked_fill_tensor_forward,
      .onnx = {"composed"});
TG_SAMPLES(masked_fill_tensor, "[2,3] b[2,3] []", "[2,3] b[3] []", "[3] b[2,1] []");
tg_tensor *tg_masked_fill_tensor(tg_tensor *x, tg_tensor *mask, tg_tensor *value) {
    return tg__apply3(&tg__op_masked_fill_tensor, x, mask, value, NULL);
}
tg_tensor *tg_masked_fill_tensor_(tg_tensor *x, tg_tensor *mask, tg_tensor *value) {
    tg_tensor *in[3] = {x, mask, value};
    return tg__apply_(&tg__op_masked_fill_tensor, in, 3, NULL);
}

/* ---- masked_select: the elements where mask is true ---- */

/* x and the mask in their common shape. */
static bool spread(const tg__call *c, tg_tensor **x, tg_tensor **mask) {
    int ndim;
    int64_t shape[TG_MAX_DIMS];
    if (!is_mask(c->op->name, c->in[1]) ||
        !tg__broadcast(c->op->name, c->in[0], c->in[1], &ndim, shape))
        return false;
    *x = tg_expand(c->in[0], ndim, shape);
    *mask = tg_expand(c->in[1], ndim, shape);
    return *x != NULL && *mask != NULL;
}

static bool masked_select_forward(const tg__call *c) {
    tg_tensor *x;
    tg_tensor *mask;
    if (!spread(c, &x, &mask))
        return false;
    c->out[0] = tg_index(x, 1, &(tg_index_item)TG_PICK(mask));
    return c->out[0] != NULL;
}
TG_OP(masked_select, .maths = "the elements of x where mask", .inputs = "x mask", .n_in = 2,
      .no_grad = 2, .flags = TG__COMPOSED | TG__ANY_DTYPE, .forward = masked_select_forward,
      .onnx = {"composed"});
TG_SAMPLES(masked_select, "[3,4] b[3,4]", "[3,4] b[4]", "[3] b[2,1]", "[] b[]");
tg_tensor *tg_masked_select(tg_tensor *x, tg_tensor *mask) {
    return tg__apply2(&tg__op_masked_select, x, mask, NULL);
}

/* ---- masked_scatter: x with the elements of src, one after the other, where mask ---- */
static bool masked_scatter_forward(const tg__call *c) {
    tg_tensor *x;
    tg_tensor *mask;
    tg_tensor *src = c->in[2];
    if (!spread(c, &x, &mask))
        return false;
    tg_tensor *flat = tg__packed("masked_scatter", mask);
    if (flat == NULL)
        return false;
    int64_t n = tg__count_true((const uint8_t *)flat->data, flat->numel);
    tg__unref(flat);
    if (src->numel < n) {
        tg__fail(TG_ERR_SHAPE, "masked_scatter",
                 "src %s has %lld elements for %lld places; give at least as many",
                 tg__describe(src), (long long)src->numel, (long long)n);
        return false;
    }
    tg_tensor *row = tg_narrow(tg_reshape(src, 1, &src->numel), 0, 0, n);
    c->out[0] = tg_index_put(x, 1, &(tg_index_item)TG_PICK(mask), row);
    return c->out[0] != NULL;
}
TG_OP(masked_scatter, .maths = "x with src, in order, where mask", .inputs = "x mask src",
      .n_in = 3, .no_grad = 2, .flags = TG__IN_PLACE | TG__COMPOSED | TG__ANY_DTYPE,
      .forward = masked_scatter_forward, .onnx = {"composed"});
TG_SAMPLES(masked_scatter, "[3,4] b[3,4] [12]", "[3,4] b[4] [3,5]", "[3] b[2,1] [6]");
tg_tensor *tg_masked_scatter(tg_tensor *x, tg_tensor *mask, tg_tensor *src) {
    return tg__apply3(&tg__op_masked_scatter, x, mask, src, NULL);
}
tg_tensor *tg_masked_scatter_(tg_tensor *x, tg_tensor *mask, tg_tensor *src) {
    tg_tensor *in[3] = {x, mask, src};
    return tg__apply_(&tg__op_masked_scatter, in, 3, NULL);
}

/* ---- nonzero: where x is not 0 ---- */
static bool nonzero_forward(const tg__call *c) {
    const tg_tensor *x = c->in[0];
    tg_tensor *flat = tg__packed_as("nonzero", c->in[0], TG_BOOL);
    if (flat == NULL)
        return false;
    const uint8_t *mask = (const uint8_t *)flat->data;
    int64_t shape[2] = {tg__count_true(mask, flat->numel), x->ndim};
    tg_tensor *at = tg__new("nonzero", TG_I64, 1, shape);
    c->out[0] = at != NULL ? tg__new("nonzero", TG_I64, 2, shape) : NULL;
    if (c->out[0] != NULL) {
        const int64_t *position = (const int64_t *)(const void *)at->data;
        int64_t *row = (int64_t *)(void *)c->out[0]->data;
        tg__list_true(mask, flat->numel, (int64_t *)(void *)at->data);
        for (int64_t i = 0; i < shape[0]; i++, row += x->ndim) {
            int64_t rest = position[i];
            for (int d = x->ndim - 1; d >= 0; d--) {
                row[d] = rest % x->shape[d];
                rest /= x->shape[d];
            }
        }
    }
    tg__unref(at);
    tg__unref(flat);
    return c->out[0] != NULL;
}
TG_OP(nonzero, .maths = "the indices of x where it is not 0", .inputs = "x", .n_in = 1,
      .flags = TG__NOT_DIFF | TG__ANY_DTYPE, .forward = nonzero_forward, .onnx = {"NonZero", 13});
TG_SAMPLES(nonzero, "[2,3]", "b[2,2,3]", "b[]", "i[5]<2");
tg_tensor *tg_nonzero(tg_tensor *x) { return tg__apply1(&tg__op_nonzero, x, NULL); }
tg_tensor *tg_argwhere(tg_tensor *x) { return tg_nonzero(x); }
