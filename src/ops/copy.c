/* copy.c - copies, conversion and overwriting. */
#include "ops/elementwise.h"

/* ---- cast: x converted to dtype; the engine converts the gradient back ---- */
typedef struct {
    int32_t dtype;
} cast_attr;
static const tg__field cast_fields[] = {
    {"dtype", TG_ATTR_DTYPE, offsetof(cast_attr, dtype), true, 0, 0}, {0}};
static bool cast_forward(const tg__call *c) {
    const cast_attr *a = c->attr;
    tg_tensor *y = tg__new("cast", (tg_dtype)a->dtype, c->in[0]->ndim, c->in[0]->shape);
    if (y == NULL)
        return false;
    tg__assign(y, c->in[0]);
    c->out[0] = y;
    return true;
}
static void pass_rule(tg__rule *r) { r->gin[0] = r->g[0]; }
TG_OP(cast, .maths = "x as dtype", .inputs = "x", .n_in = 1,
      .flags = TG__ANY_DTYPE | TG__BROADCASTS, .fields = cast_fields,
      .attr_size = sizeof(cast_attr), .forward = cast_forward, .rule = pass_rule,
      .onnx = {"Cast", 13, "to=dtype"});
TG_SAMPLES(cast, "[2,3] | dtype=f64");
tg_tensor *tg_cast(tg_tensor *x, tg_dtype dtype) {
    return tg__apply1(&tg__op_cast, x, &(cast_attr){(int32_t)dtype});
}

/* ---- clone: a copy in new memory ---- */
static bool clone_forward(const tg__call *c) {
    tg_tensor *x = c->in[0];
    c->out[0] = tg__new("clone", (tg_dtype)x->dtype, x->ndim, x->shape);
    if (c->out[0] == NULL)
        return false;
    tg__pack(x, c->out[0]->data);
    return true;
}
TG_OP(clone, .maths = "x", .inputs = "x", .n_in = 1, .flags = TG__ANY_DTYPE,
      .forward = clone_forward, .rule = pass_rule, .onnx = {"Identity", 16});
TG_SAMPLES(clone, "[2,3]");
tg_tensor *tg_clone(tg_tensor *x) { return tg__apply1(&tg__op_clone, x, NULL); }

/* ---- contiguous: x in row-major order ---- */
static bool contiguous_forward(const tg__call *c) {
    if (!(c->in[0]->flags & TG__CONTIGUOUS))
        return clone_forward(c);
    c->out[0] = tg__alias("contiguous", c->in[0]);
    return c->out[0] != NULL;
}
TG_OP(contiguous, .maths = "x", .inputs = "x", .n_in = 1, .flags = TG__ANY_DTYPE | TG__VIEWS,
      .forward = contiguous_forward, .rule = pass_rule, .onnx = {"Identity", 16});
TG_SAMPLES(contiguous, "[2,3]");
tg_tensor *tg_contiguous(tg_tensor *x) { return tg__apply1(&tg__op_contiguous, x, NULL); }

/* ---- copy: src, in the shape and dtype of x ---- */
static bool copy_forward(const tg__call *c) {
    tg_tensor *x = c->in[0];
    tg_tensor *src = c->in[1];
    int ndim;
    int64_t shape[TG_MAX_DIMS];
    if (!tg__broadcast("copy", x, src, &ndim, shape))
        return false;
    bool fits = ndim == x->ndim;
    for (int i = 0; fits && i < ndim; i++)
        fits = shape[i] == x->shape[i];
    if (!fits) {
        tg__fail(TG_ERR_SHAPE, "copy", "%s does not broadcast to %s; reshape it", tg__describe(src),
                 tg__describe(x));
        return false;
    }
    tg_tensor *y = c->into;
    if (y == NULL)
        y = c->out[0] = tg__new("copy", (tg_dtype)x->dtype, x->ndim, x->shape);
    if (y == NULL)
        return false;
    tg__run((tg_tensor *[]){y, src}, 2, tg__kernels_get()->cast[y->dtype][src->dtype], NULL, 0.3);
    return true;
}
static void copy_rule(tg__rule *r) {
    if (r->wanted[0])
        r->gin[0] = tg_zeros_like(r->g[0]);
    if (r->wanted[1])
        r->gin[1] = r->g[0];
}
TG_OP(copy, .maths = "src", .inputs = "x src", .n_in = 2,
      .flags = TG__ANY_DTYPE | TG__IN_PLACE | TG__BROADCASTS, .forward = copy_forward,
      .rule = copy_rule, .onnx = {"composed"});
TG_SAMPLES(copy, "[2,3] [2,3]", "[2,3] [3]");
tg_tensor *tg_copy_(tg_tensor *x, tg_tensor *src) {
    return tg__apply2_(&tg__op_copy, x, src, NULL);
}

/* ---- fill: value everywhere ---- */
typedef struct {
    double value;
} fill_attr;
static const tg__field fill_fields[] = {
    {"value", TG_ATTR_FLOAT, offsetof(fill_attr, value), true, TG__NAN_OK, 0}, {0}};
static bool fill_forward(const tg__call *c) {
    const fill_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    tg_tensor *y = c->into;
    if (y == NULL)
        y = c->out[0] = tg__new("fill", (tg_dtype)x->dtype, x->ndim, x->shape);
    if (y == NULL)
        return false;
    _Alignas(8) char value[8];
    tg__convert_double((tg_dtype)y->dtype, value, a->value);
    tg_tensor one = {.dtype = y->dtype, .data = value, .numel = 1};
    tg__run((tg_tensor *[]){y, &one}, 2, tg__kernels_get()->cast[y->dtype][y->dtype], NULL, 0.2);
    return true;
}
static void fill_rule(tg__rule *r) { r->gin[0] = tg_zeros_like(r->g[0]); }
TG_OP(fill, .maths = "value", .inputs = "x", .n_in = 1, .flags = TG__ANY_DTYPE | TG__IN_PLACE,
      .fields = fill_fields, .attr_size = sizeof(fill_attr), .forward = fill_forward,
      .rule = fill_rule, .onnx = {"composed"});
TG_SAMPLES(fill, "[2,3] | value=1.5");
tg_tensor *tg_fill_(tg_tensor *x, double value) {
    return tg__apply1_(&tg__op_fill, x, &(fill_attr){value});
}
tg_tensor *tg_zero_(tg_tensor *x) { return tg_fill_(x, 0.0); }
