/* activation.c - activation functions made of straight pieces.
 *
 * Their derivatives are constant on each piece, so the ops that apply a slope to a gradient have no
 * derivative to x of their own. The smooth ones are in activation_smooth.c. */
#include "ops/activation.h"

/* What ops with a constant slope on each piece share: d/dg applies the same slope, d/dx is 0. */
static void pieces_rule(tg__rule *r) {
    if (r->wanted[0])
        r->gin[0] = tg__apply2(r->op, r->g[0], r->in[1], r->attr);
    if (r->wanted[1])
        r->gin[1] = tg_zeros_like(r->in[1]);
}
#define PIECES                                                                                     \
    .inputs = "g x", .n_in = 2, .flags = TG__INTERNAL | TG__BROADCASTS, .rule = pieces_rule,       \
    .saves = {TG__SAVE_IN(1, TG__ANY)}, .onnx = {"composed"}

bool tg__finite_attrs(const tg__call *c) {
    for (const tg__field *f = c->op->fields; f != NULL && f->name != NULL; f++) {
        if (f->type != TG_ATTR_FLOAT)
            continue;
        double value = *(const double *)(const void *)((const char *)c->attr + f->offset);
        if (__builtin_isfinite(value))
            continue;
        tg__fail(TG_ERR_ARG, c->op->name, "%s is %s; give a finite number", f->name,
                 tg__num(value));
        return false;
    }
    return true;
}
bool tg__activation_forward(const tg__call *c) {
    return tg__finite_attrs(c) && tg__unary_param_forward(c);
}

/* ---- leaky_relu: x where x > 0, else slope·x ---- */
typedef struct {
    double slope;
} leaky_relu_attr;
static const tg__field leaky_relu_fields[] = {
    {"slope", TG_ATTR_FLOAT, offsetof(leaky_relu_attr, slope), false, 0, 0.01}, {0}};
static void leaky_relu_rule(tg__rule *r) {
    r->gin[0] = tg__apply2(&tg__op_leaky_relu_grad, r->g[0], r->in[0], r->attr);
}
TG_OP(leaky_relu, .maths = "x where x > 0, else slope * x", TG__ACTIVATION,
      .fields = leaky_relu_fields, .attr_size = sizeof(leaky_relu_attr),
      .forward = tg__activation_forward, .kernel = TG__UNP_leaky_relu, .rule = leaky_relu_rule,
      .onnx = {"LeakyRelu", 16, "alpha=slope"});
TG_SAMPLES(leaky_relu, "[2,3]", "[2,3] | slope=0.3", "[]");
tg_tensor *tg_leaky_relu(tg_tensor *x, double slope) {
    return tg__apply1(&tg__op_leaky_relu, x, &(leaky_relu_attr){slope});
}
tg_tensor *tg_leaky_relu_(tg_tensor *x, double slope) {
    return tg__apply1_(&tg__op_leaky_relu, x, &(leaky_relu_attr){slope});
}

/* ---- leaky_relu_grad: g where x > 0, else slope·g ---- */
TG_OP(leaky_relu_grad, .maths = "g where x > 0, else slope * g", PIECES,
      .fields = leaky_relu_fields, .attr_size = sizeof(leaky_relu_attr),
      .forward = tg__binary_param_forward, .kernel = TG__BINP_leaky_relu_grad);
TG_SAMPLES(leaky_relu_grad, "[2,3] [2,3]");

/* ---- prelu: x where x > 0, else w·x, with one w or one per channel ---- */
static bool prelu_forward(const tg__call *c) {
    tg_tensor *x = c->in[0];
    tg_tensor *w = c->in[1];
    int64_t channels = x->ndim > 1 ? x->shape[1] : 1;
    if (w->ndim > 1 || (w->numel != 1 && w->numel != channels)) {
        tg__fail(TG_ERR_SHAPE, "prelu",
                 "weight is %s for x %s; give a single number, or one for each of the %lld "
                 "channels of dim 1",
                 tg__describe(w), tg__describe(x), (long long)channels);
        return false;
    }
    if (x->dtype != w->dtype || !tg_dtype_is_float((tg_dtype)x->dtype)) {
        tg__fail(TG_ERR_DTYPE, "prelu", "x is %s and weight is %s; both must be f32 or both f64",
                 tg__describe(x), tg__describe(w));
        return false;
    }
    int64_t shape[TG_MAX_DIMS];
    for (int i = 0; i < x->ndim; i++)
        shape[i] = i == 1 ? w->numel : 1;
    c->out[0] = tg__apply2(&tg__op_prelu_each, x, tg_reshape(w, x->ndim, shape), NULL);
    return c->out[0] != NULL;
}
TG_OP(prelu, .maths = "x where x > 0, else weight * x", .inputs = "x weight", .n_in = 2,
      .flags = TG__COMPOSED, .forward = prelu_forward, .onnx = {"PRelu", 16});
TG_SAMPLES(prelu, "[2,3,2] [3]", "[2,3] [1]", "[4] []", "[] [1]");
tg_tensor *tg_prelu(tg_tensor *x, tg_tensor *weight) {
    return tg__apply2(&tg__op_prelu, x, weight, NULL);
}

/* ---- prelu_each: the same, broadcasting; at 0 the slope is w, and w gets 0 ---- */
static void prelu_each_rule(tg__rule *r) {
    tg_tensor *above = tg_gt_scalar(r->in[0], 0.0);
    if (r->wanted[0])
        r->gin[0] = tg_where(above, r->g[0], tg_mul(r->g[0], r->in[1]));
    if (r->wanted[1])
        r->gin[1] = tg_masked_fill(tg_mul(r->g[0], r->in[0]), above, 0.0);
}
TG_OP(prelu_each, .maths = "x where x > 0, else w * x", .inputs = "x w", .n_in = 2,
      .flags = TG__INTERNAL | TG__BROADCASTS, .forward = tg__binary_forward,
      .kernel = TG__BIN_prelu, .rule = prelu_each_rule,
      .saves = {TG__SAVE_IN(0, TG__ANY), TG__SAVE_IN(1, 1)}, .onnx = {"PRelu", 16});
TG_SAMPLES(prelu_each, "[2,3] [3]", "[2,3] [2,1]");

/* ---- rrelu: leaky_relu with a slope between lower and upper, drawn or their mean ---- */
tg_tensor *tg_rrelu(tg_tensor *x, double lower, double upper, bool training,
                    tg_generator *generator) {
    if (!tg__required("rrelu", "x", x) || !tg__float_only("rrelu", x))
        return NULL;
    if (!(lower <= upper) || !__builtin_isfinite(upper - lower)) {
        tg__fail(TG_ERR_ARG, "rrelu", "lower is %s and upper is %s; give finite lower <= upper",
                 tg__num(lower), tg__num(upper));
        return NULL;
    }
    tg_scope s = tg_scope_open();
    const char *was = tg__errors_as("rrelu");
    tg_tensor *y;
    if (training) {
        tg_tensor *slope = tg_rand((tg_dtype)x->dtype, x->ndim, x->shape, generator);
        slope = tg_add_scalar(tg_mul_scalar(slope, upper - lower), lower);
        y = tg__apply2(&tg__op_prelu_each, x, slope, NULL);
    } else {
        y = tg_leaky_relu(x, lower / 2 + upper / 2);
    }
    tg__errors_back(was);
    return tg_scope_return(s, y);
}

/* ---- hardtanh: x limited to [lo, hi]; the slope is 0 at both ---- */
typedef struct {
    double lo, hi;
} hardtanh_attr;
static const tg__field hardtanh_fields[] = {
    {"lo", TG_ATTR_FLOAT, offsetof(hardtanh_attr, lo), false, 0, -1.0},
    {"hi", TG_ATTR_FLOAT, offsetof(hardtanh_attr, hi), false, 0, 1.0},
    {0}};
static bool hardtanh_forward(const tg__call *c) {
    const hardtanh_attr *a = c->attr;
    if (!(a->lo <= a->hi)) {
        tg__fail(TG_ERR_ARG, "hardtanh", "lo is %s and hi is %s; give lo <= hi", tg__num(a->lo),
                 tg__num(a->hi));
        return false;
    }
    return tg__unary_param_forward(c);
}
static void hardtanh_rule(tg__rule *r) {
    r->gin[0] = tg__apply2(&tg__op_hardtanh_grad, r->g[0], r->in[0], r->attr);
}
TG_OP(hardtanh, .maths = "min(max(x, lo), hi)", TG__ACTIVATION, .fields = hardtanh_fields,
      .attr_size = sizeof(hardtanh_attr), .forward = hardtanh_forward, .kernel = TG__UNP_hardtanh,
      .rule = hardtanh_rule, .onnx = {"Clip", 13, "min=lo,max=hi"});
TG_SAMPLES(hardtanh, "[2,3]", "[5] | lo=-0.3 hi=0.9", "[]");
tg_tensor *tg_hardtanh(tg_tensor *x, double lo, double hi) {
    return tg__apply1(&tg__op_hardtanh, x, &(hardtanh_attr){lo, hi});
}
tg_tensor *tg_hardtanh_(tg_tensor *x, double lo, double hi) {
    return tg__apply1_(&tg__op_hardtanh, x, &(hardtanh_attr){lo, hi});
}

/* ---- hardtanh_grad: g where lo < x < hi ---- */
TG_OP(hardtanh_grad, .maths = "g where lo < x < hi, else 0", PIECES, .fields = hardtanh_fields,
      .attr_size = sizeof(hardtanh_attr), .forward = tg__binary_param_forward,
      .kernel = TG__BINP_hardtanh_grad);
TG_SAMPLES(hardtanh_grad, "[2,3] [2,3] | lo=-0.5 hi=0.8");

/* ---- relu6: x limited to [0, 6] ---- */
static void relu6_rule(tg__rule *r) {
    r->gin[0] = tg__apply2(&tg__op_hardtanh_grad, r->g[0], r->in[0], &(hardtanh_attr){0.0, 6.0});
}
TG_OP(relu6, .maths = "min(max(x, 0), 6)", TG__ACTIVATION, .forward = tg__unary_forward,
      .kernel = TG__UN_relu6, .rule = relu6_rule, .onnx = {"composed"});
TG_SAMPLES(relu6, "[2,3]", "[]");
tg_tensor *tg_relu6(tg_tensor *x) { return tg__apply1(&tg__op_relu6, x, NULL); }
tg_tensor *tg_relu6_(tg_tensor *x) { return tg__apply1_(&tg__op_relu6, x, NULL); }

/* ---- hardsigmoid: (x + 3)/6 limited to [0, 1] ---- */
static void hardsigmoid_rule(tg__rule *r) {
    r->gin[0] = tg__apply2(&tg__op_hardsigmoid_grad, r->g[0], r->in[0], NULL);
}
TG_OP(hardsigmoid, .maths = "min(max(x + 3, 0), 6) / 6", TG__ACTIVATION,
      .forward = tg__unary_forward, .kernel = TG__UN_hardsigmoid, .rule = hardsigmoid_rule,
      .onnx = {"composed"});
TG_SAMPLES(hardsigmoid, "[2,3]", "[]");
tg_tensor *tg_hardsigmoid(tg_tensor *x) { return tg__apply1(&tg__op_hardsigmoid, x, NULL); }
tg_tensor *tg_hardsigmoid_(tg_tensor *x) { return tg__apply1_(&tg__op_hardsigmoid, x, NULL); }

/* ---- hardsigmoid_grad: g/6 where -3 < x < 3 ---- */
TG_OP(hardsigmoid_grad, .maths = "g / 6 where -3 < x < 3, else 0", PIECES,
      .forward = tg__binary_forward, .kernel = TG__BIN_hardsigmoid_grad);
TG_SAMPLES(hardsigmoid_grad, "[2,3] [2,3]");

/* ---- hardswish: x·hardsigmoid(x) ---- */
static void hardswish_rule(tg__rule *r) {
    r->gin[0] = tg__apply2(&tg__op_hardswish_grad, r->g[0], r->in[0], NULL);
}
TG_OP(hardswish, .maths = "x * min(max(x + 3, 0), 6) / 6", TG__ACTIVATION,
      .forward = tg__unary_forward, .kernel = TG__UN_hardswish, .rule = hardswish_rule,
      .onnx = {"HardSwish", 14});
TG_SAMPLES(hardswish, "[2,3]", "[]");
tg_tensor *tg_hardswish(tg_tensor *x) { return tg__apply1(&tg__op_hardswish, x, NULL); }
tg_tensor *tg_hardswish_(tg_tensor *x) { return tg__apply1_(&tg__op_hardswish, x, NULL); }

/* ---- hardswish_grad: 0 up to -3, g from 3 on, g(x/3 + ½) between; d/dx = g/3 there ---- */
static void hardswish_grad_rule(tg__rule *r) {
    if (r->wanted[0])
        r->gin[0] = tg__apply2(&tg__op_hardswish_grad, r->g[0], r->in[1], NULL);
    if (r->wanted[1]) {
        tg_tensor *each = tg_mul_scalar(tg_mul(r->g[0], r->in[0]), 1.0 / 3.0);
        r->gin[1] = tg__apply2(&tg__op_hardtanh_grad, each, r->in[1], &(hardtanh_attr){-3.0, 3.0});
    }
}
TG_OP(hardswish_grad, .maths = "0 up to -3, g from 3 on, g * (x / 3 + 1/2) between",
      .inputs = "g x", .n_in = 2, .flags = TG__INTERNAL | TG__BROADCASTS,
      .forward = tg__binary_forward, .kernel = TG__BIN_hardswish_grad, .rule = hardswish_grad_rule,
      .saves = {TG__SAVE_IN(0, 2), TG__SAVE_IN(1, TG__ANY)}, .onnx = {"composed"});
TG_SAMPLES(hardswish_grad, "[2,3] [2,3]");

/* ---- hardshrink: 0 where |x| <= lambd, else x ---- */
typedef struct {
    double lambd;
} shrink_attr;
static const tg__field shrink_fields[] = {
    {"lambd", TG_ATTR_FLOAT, offsetof(shrink_attr, lambd), false, 0, 0.5}, {0}};
#define SHRINK .fields = shrink_fields, .attr_size = sizeof(shrink_attr)
static bool shrink_forward(const tg__call *c) {
    const shrink_attr *a = c->attr;
    if (!(a->lambd >= 0) || !__builtin_isfinite(a->lambd)) {
        tg__fail(TG_ERR_ARG, c->op->name, "lambd is %s; give a finite number >= 0",
                 tg__num(a->lambd));
        return false;
    }
    return tg__unary_param_forward(c);
}
static void shrink_rule(tg__rule *r) {
    r->gin[0] = tg__apply2(&tg__op_shrink_grad, r->g[0], r->in[0], r->attr);
}
TG_OP(hardshrink, .maths = "0 where |x| <= lambd, else x", TG__ACTIVATION, SHRINK,
      .forward = shrink_forward, .kernel = TG__UNP_hardshrink, .rule = shrink_rule,
      .onnx = {"Shrink", 9, "lambd=lambd"});
TG_SAMPLES(hardshrink, "[2,3]", "[2,3] | lambd=1.0", "[]");
tg_tensor *tg_hardshrink(tg_tensor *x, double lambd) {
    return tg__apply1(&tg__op_hardshrink, x, &(shrink_attr){lambd});
}
tg_tensor *tg_hardshrink_(tg_tensor *x, double lambd) {
    return tg__apply1_(&tg__op_hardshrink, x, &(shrink_attr){lambd});
}

/* ---- softshrink: x moved toward 0 by lambd, and no further ---- */
TG_OP(softshrink, .maths = "sign(x) * max(|x| - lambd, 0)", TG__ACTIVATION, SHRINK,
      .forward = shrink_forward, .kernel = TG__UNP_softshrink, .rule = shrink_rule,
      .onnx = {"Shrink", 9, "lambd=lambd,bias=lambd"});
TG_SAMPLES(softshrink, "[2,3]", "[2,3] | lambd=1.0", "[]");
tg_tensor *tg_softshrink(tg_tensor *x, double lambd) {
    return tg__apply1(&tg__op_softshrink, x, &(shrink_attr){lambd});
}
tg_tensor *tg_softshrink_(tg_tensor *x, double lambd) {
    return tg__apply1_(&tg__op_softshrink, x, &(shrink_attr){lambd});
}

/* ---- shrink_grad: 0 where |x| <= lambd, else g ---- */
TG_OP(shrink_grad, .maths = "0 where |x| <= lambd, else g", PIECES, SHRINK,
      .forward = tg__binary_param_forward, .kernel = TG__BINP_shrink_grad);
TG_SAMPLES(shrink_grad, "[2,3] [2,3]");

/* ---- threshold: x where x > threshold, else value ---- */
typedef struct {
    double threshold, value;
} threshold_attr;
static const tg__field threshold_fields[] = {
    {"threshold", TG_ATTR_FLOAT, offsetof(threshold_attr, threshold), true, 0, 0},
    {"value", TG_ATTR_FLOAT, offsetof(threshold_attr, value), true, TG__NAN_OK, 0},
    {0}};
#define THRESHOLD .fields = threshold_fields, .attr_size = sizeof(threshold_attr)
static void threshold_rule(tg__rule *r) {
    r->gin[0] = tg__apply2(&tg__op_threshold_grad, r->g[0], r->in[0], r->attr);
}
TG_OP(threshold, .maths = "x where x > threshold, else value", TG__ACTIVATION, THRESHOLD,
      .forward = tg__unary_param_forward, .kernel = TG__UNP_threshold, .rule = threshold_rule,
      .onnx = {"composed"});
TG_SAMPLES(threshold, "[2,3] | threshold=0.1 value=20", "[] | threshold=-0.5 value=-1");
tg_tensor *tg_threshold(tg_tensor *x, double threshold, double value) {
    return tg__apply1(&tg__op_threshold, x, &(threshold_attr){threshold, value});
}
tg_tensor *tg_threshold_(tg_tensor *x, double threshold, double value) {
    return tg__apply1_(&tg__op_threshold, x, &(threshold_attr){threshold, value});
}

/* ---- threshold_grad: g where x > threshold ---- */
TG_OP(threshold_grad, .maths = "g where x > threshold, else 0", PIECES, THRESHOLD,
      .forward = tg__binary_param_forward, .kernel = TG__BINP_threshold_grad);
TG_SAMPLES(threshold_grad, "[2,3] [2,3] | threshold=0.1 value=0");
