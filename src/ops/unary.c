/* unary.c - elementwise operations of one input. */
#include "ops/elementwise.h"

#include <float.h>

/* Gradient rules compute in recorded ops: the same code serves every order. */

/* ---- neg: -x ---- */
static void neg_rule(tg__rule *r) { r->gin[0] = tg_neg(r->g[0]); }
TG_OP(neg, .maths = "-x", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_neg, .rule = neg_rule, .onnx = {"Neg", 13});
TG_SAMPLES(neg, "[2,3]", "[]");
tg_tensor *tg_neg(tg_tensor *x) { return tg__apply1(&tg__op_neg, x, NULL); }
tg_tensor *tg_neg_(tg_tensor *x) { return tg__apply1_(&tg__op_neg, x, NULL); }
tg_tensor *tg_negative(tg_tensor *x) { return tg_neg(x); }

/* ---- abs: |x| ---- */
static void abs_rule(tg__rule *r) {
    r->gin[0] = tg__apply2(&tg__op_abs_grad, r->g[0], r->in[0], NULL);
}
TG_OP(abs, .maths = "|x|", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_abs, .rule = abs_rule,
      .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"Abs", 13});
TG_SAMPLES(abs, "[2,3]");
tg_tensor *tg_abs(tg_tensor *x) { return tg__apply1(&tg__op_abs, x, NULL); }
tg_tensor *tg_abs_(tg_tensor *x) { return tg__apply1_(&tg__op_abs, x, NULL); }
tg_tensor *tg_absolute(tg_tensor *x) { return tg_abs(x); }

/* ---- abs_grad: g · sign(x) ---- */
static void abs_grad_rule(tg__rule *r) {
    if (r->wanted[0])
        r->gin[0] = tg__apply2(&tg__op_abs_grad, r->g[0], r->in[1], NULL);
    if (r->wanted[1])
        r->gin[1] = tg_zeros_like(r->in[1]);
}
TG_OP(abs_grad, .maths = "g * sign(x)", .inputs = "g x", .n_in = 2,
      .flags = TG__INTERNAL | TG__BROADCASTS, .forward = tg__binary_forward,
      .kernel = TG__BIN_abs_grad, .rule = abs_grad_rule, .saves = {TG__SAVE_IN(1, TG__ANY)},
      .onnx = {"composed"});
TG_SAMPLES(abs_grad, "[2,3] [2,3]");

/* ---- sign: -1, 0 or 1 ---- */
static void sign_rule(tg__rule *r) { r->gin[0] = tg_zeros_like(r->g[0]); }
TG_OP(sign, .maths = "sign(x)", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_sign, .rule = sign_rule, .onnx = {"Sign", 13});
TG_SAMPLES(sign, "[2,3]");
tg_tensor *tg_sign(tg_tensor *x) { return tg__apply1(&tg__op_sign, x, NULL); }
tg_tensor *tg_sign_(tg_tensor *x) { return tg__apply1_(&tg__op_sign, x, NULL); }

/* ---- square: x² ---- */
static void square_rule(tg__rule *r) { r->gin[0] = tg_mul(tg_mul_scalar(r->g[0], 2.0), r->in[0]); }
TG_OP(square, .maths = "x^2", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_square, .rule = square_rule,
      .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"composed"});
TG_SAMPLES(square, "[2,3]", "[]");
tg_tensor *tg_square(tg_tensor *x) { return tg__apply1(&tg__op_square, x, NULL); }
tg_tensor *tg_square_(tg_tensor *x) { return tg__apply1_(&tg__op_square, x, NULL); }

/* ---- sqrt: √x; dy/dx = 1/(2y) ---- */
static void sqrt_rule(tg__rule *r) { r->gin[0] = tg_div(r->g[0], tg_mul_scalar(r->out[0], 2.0)); }
TG_OP(sqrt, .maths = "sqrt(x)", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_sqrt, .rule = sqrt_rule,
      .saves = {TG__SAVE_OUT(0, 1)}, .onnx = {"Sqrt", 13});
TG_SAMPLES(sqrt, "+[2,3]");
tg_tensor *tg_sqrt(tg_tensor *x) { return tg__apply1(&tg__op_sqrt, x, NULL); }
tg_tensor *tg_sqrt_(tg_tensor *x) { return tg__apply1_(&tg__op_sqrt, x, NULL); }

/* ---- rsqrt: 1/√x; dy/dx = -y³/2 ---- */
static void rsqrt_rule(tg__rule *r) {
    tg_tensor *y = r->out[0];
    r->gin[0] = tg_mul(tg_mul_scalar(r->g[0], -0.5), tg_mul(y, tg_square(y)));
}
TG_OP(rsqrt, .maths = "1 / sqrt(x)", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_rsqrt, .rule = rsqrt_rule,
      .saves = {TG__SAVE_OUT(0, 1)}, .onnx = {"composed"});
TG_SAMPLES(rsqrt, "+[2,3]");
tg_tensor *tg_rsqrt(tg_tensor *x) { return tg__apply1(&tg__op_rsqrt, x, NULL); }
tg_tensor *tg_rsqrt_(tg_tensor *x) { return tg__apply1_(&tg__op_rsqrt, x, NULL); }

/* ---- reciprocal: 1/x; dy/dx = -y² ---- */
static void reciprocal_rule(tg__rule *r) {
    r->gin[0] = tg_mul(tg_neg(r->g[0]), tg_square(r->out[0]));
}
TG_OP(reciprocal, .maths = "1 / x", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_reciprocal, .rule = reciprocal_rule,
      .saves = {TG__SAVE_OUT(0, 1)}, .onnx = {"Reciprocal", 13});
TG_SAMPLES(reciprocal, "+[2,3]");
tg_tensor *tg_reciprocal(tg_tensor *x) { return tg__apply1(&tg__op_reciprocal, x, NULL); }
tg_tensor *tg_reciprocal_(tg_tensor *x) { return tg__apply1_(&tg__op_reciprocal, x, NULL); }

/* ---- positive: x ---- */
static void positive_rule(tg__rule *r) { r->gin[0] = r->g[0]; }
TG_OP(positive, .maths = "x", .inputs = "x", .n_in = 1, .forward = tg__unary_forward,
      .kernel = TG__UN_positive, .rule = positive_rule, .onnx = {"Identity", 13});
TG_SAMPLES(positive, "[2,3]", "[]");
tg_tensor *tg_positive(tg_tensor *x) { return tg__apply1(&tg__op_positive, x, NULL); }

/* ---- deg2rad: x·π/180, and back ---- */
static void deg2rad_rule(tg__rule *r) { r->gin[0] = tg_deg2rad(r->g[0]); }
TG_OP(deg2rad, .maths = "x * pi / 180", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_deg2rad, .rule = deg2rad_rule,
      .onnx = {"composed"});
TG_SAMPLES(deg2rad, "[2,3]", "[]");
tg_tensor *tg_deg2rad(tg_tensor *x) { return tg__apply1(&tg__op_deg2rad, x, NULL); }
tg_tensor *tg_deg2rad_(tg_tensor *x) { return tg__apply1_(&tg__op_deg2rad, x, NULL); }

static void rad2deg_rule(tg__rule *r) { r->gin[0] = tg_rad2deg(r->g[0]); }
TG_OP(rad2deg, .maths = "x * 180 / pi", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_rad2deg, .rule = rad2deg_rule,
      .onnx = {"composed"});
TG_SAMPLES(rad2deg, "[2,3]", "[]");
tg_tensor *tg_rad2deg(tg_tensor *x) { return tg__apply1(&tg__op_rad2deg, x, NULL); }
tg_tensor *tg_rad2deg_(tg_tensor *x) { return tg__apply1_(&tg__op_rad2deg, x, NULL); }

/* ---- nan_to_num: numbers in place of NaN and infinities, which get gradient 0 ---- */
typedef struct {
    double nan, posinf, neginf;
} nan_to_num_attr;
static const tg__field nan_to_num_fields[] = {
    {"nan", TG_ATTR_FLOAT, offsetof(nan_to_num_attr, nan), false, TG__NAN_OK, 0},
    {"posinf", TG_ATTR_FLOAT, offsetof(nan_to_num_attr, posinf), false, TG__NAN_OK,
     __builtin_nan("")},
    {"neginf", TG_ATTR_FLOAT, offsetof(nan_to_num_attr, neginf), false, TG__NAN_OK,
     __builtin_nan("")},
    {0}};
/* The largest finite number of a float dtype. */
static double largest(tg_dtype dtype) {
    switch (dtype) {
    case TG_F64:
        return DBL_MAX;
    case TG_F16:
        return 65504;
    case TG_BF16:
        return 0x1.fep127;
    default:
        return FLT_MAX;
    }
}
static bool nan_to_num_forward(const tg__call *c) {
    const nan_to_num_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    if (!tg_dtype_is_float((tg_dtype)x->dtype)) {
        c->out[0] = tg_clone(x);
        return c->out[0] != NULL;
    }
    const double most = largest((tg_dtype)x->dtype);
    const double posinf = a->posinf == a->posinf ? a->posinf : most;
    const double neginf = a->neginf == a->neginf ? a->neginf : -most;
    tg_tensor *y = tg_masked_fill(x, tg_isnan(x), a->nan);
    y = tg_masked_fill(y, tg_isposinf(x), posinf);
    c->out[0] = tg_masked_fill(y, tg_isneginf(x), neginf);
    return c->out[0] != NULL;
}
TG_OP(nan_to_num, .maths = "x with numbers for NaN and infinities", .inputs = "x", .n_in = 1,
      .flags = TG__COMPOSED | TG__IN_PLACE | TG__ANY_DTYPE, .fields = nan_to_num_fields,
      .attr_size = sizeof(nan_to_num_attr), .forward = nan_to_num_forward, .onnx = {"composed"});
TG_SAMPLES(nan_to_num, "[2,3]", "[3] | nan=1 posinf=2 neginf=-2");
tg_tensor *tg_nan_to_num(tg_tensor *x, double nan, double posinf, double neginf) {
    return tg__apply1(&tg__op_nan_to_num, x, &(nan_to_num_attr){nan, posinf, neginf});
}
tg_tensor *tg_nan_to_num_(tg_tensor *x, double nan, double posinf, double neginf) {
    return tg__apply1_(&tg__op_nan_to_num, x, &(nan_to_num_attr){nan, posinf, neginf});
}

/* ---- Predicates: bool results ---- */
#define PREDICATE .inputs = "x", .n_in = 1, .flags = TG__NOT_DIFF, .forward = tg__predicate_forward

TG_OP(isinf, .maths = "x is +-inf", PREDICATE, .kernel = TG__PRED_isinf, .onnx = {"IsInf", 10});
TG_SAMPLES(isinf, "[2,3]");
tg_tensor *tg_isinf(tg_tensor *x) { return tg__apply1(&tg__op_isinf, x, NULL); }

TG_OP(isposinf, .maths = "x is +inf", PREDICATE, .kernel = TG__PRED_isposinf, .onnx = {"composed"});
TG_SAMPLES(isposinf, "[2,3]");
tg_tensor *tg_isposinf(tg_tensor *x) { return tg__apply1(&tg__op_isposinf, x, NULL); }

TG_OP(isneginf, .maths = "x is -inf", PREDICATE, .kernel = TG__PRED_isneginf, .onnx = {"composed"});
TG_SAMPLES(isneginf, "[2,3]");
tg_tensor *tg_isneginf(tg_tensor *x) { return tg__apply1(&tg__op_isneginf, x, NULL); }

TG_OP(signbit, .maths = "x is below 0 or -0", PREDICATE, .kernel = TG__PRED_signbit,
      .onnx = {"composed"});
TG_SAMPLES(signbit, "[2,3]");
tg_tensor *tg_signbit(tg_tensor *x) { return tg__apply1(&tg__op_signbit, x, NULL); }

/* ---- sigmoid: 1/(1 + e⁻ˣ) ---- */
static void sigmoid_rule(tg__rule *r) {
    r->gin[0] = tg__apply2(&tg__op_sigmoid_grad, r->g[0], r->out[0], NULL);
}
TG_OP(sigmoid, .maths = "1 / (1 + e^-x)", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_sigmoid, .rule = sigmoid_rule,
      .saves = {TG__SAVE_OUT(0, 1)}, .onnx = {"Sigmoid", 13});
TG_SAMPLES(sigmoid, "[2,3]");
tg_tensor *tg_sigmoid(tg_tensor *x) { return tg__apply1(&tg__op_sigmoid, x, NULL); }
tg_tensor *tg_sigmoid_(tg_tensor *x) { return tg__apply1_(&tg__op_sigmoid, x, NULL); }

/* ---- sigmoid_grad: g·y(1 - y); d/dy = g(1 - 2y) ---- */
static void sigmoid_grad_rule(tg__rule *r) {
    if (r->wanted[0])
        r->gin[0] = tg__apply2(&tg__op_sigmoid_grad, r->g[0], r->in[1], NULL);
    if (r->wanted[1])
        r->gin[1] =
            tg_mul(tg_mul(r->g[0], r->in[0]), tg_rsub_scalar(tg_mul_scalar(r->in[1], 2.0), 1.0));
}
TG_OP(sigmoid_grad, .maths = "g * y * (1 - y)", .inputs = "g y", .n_in = 2,
      .flags = TG__INTERNAL | TG__BROADCASTS, .forward = tg__binary_forward,
      .kernel = TG__BIN_sigmoid_grad, .rule = sigmoid_grad_rule,
      .saves = {TG__SAVE_IN(0, 2), TG__SAVE_IN(1, TG__ANY)}, .onnx = {"composed"});
TG_SAMPLES(sigmoid_grad, "[2,3] [2,3]");

/* ---- relu: max(x, 0) ---- */
static void relu_rule(tg__rule *r) {
    r->gin[0] = tg__apply2(&tg__op_relu_grad, r->g[0], r->out[0], NULL);
}
TG_OP(relu, .maths = "max(x, 0)", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_relu, .rule = relu_rule,
      .saves = {TG__SAVE_OUT(0, 1)}, .onnx = {"Relu", 14});
TG_SAMPLES(relu, "[2,3]");
tg_tensor *tg_relu(tg_tensor *x) { return tg__apply1(&tg__op_relu, x, NULL); }
tg_tensor *tg_relu_(tg_tensor *x) { return tg__apply1_(&tg__op_relu, x, NULL); }

/* ---- relu_grad: g where y > 0 or y is NaN, else 0 ---- */
static void relu_grad_rule(tg__rule *r) {
    if (r->wanted[0])
        r->gin[0] = tg__apply2(&tg__op_relu_grad, r->g[0], r->in[1], NULL);
    if (r->wanted[1])
        r->gin[1] = tg_zeros_like(r->in[1]);
}
TG_OP(relu_grad, .maths = "g where y > 0, else 0", .inputs = "g y", .n_in = 2,
      .flags = TG__INTERNAL | TG__BROADCASTS, .forward = tg__binary_forward,
      .kernel = TG__BIN_relu_grad, .rule = relu_grad_rule, .saves = {TG__SAVE_IN(1, TG__ANY)},
      .onnx = {"composed"});
TG_SAMPLES(relu_grad, "[2,3] [2,3]");
