/* unary.c - elementwise operations of one input. */
#include "ops/elementwise.h"

/* Gradient rules compute in recorded ops: the same code serves every order. */

/* ---- neg: -x ---- */
static void neg_rule(tg__rule *r) { r->gin[0] = tg_neg(r->g[0]); }
TG_OP(neg, .maths = "-x", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_neg, .rule = neg_rule, .onnx = {"Neg", 13});
TG_SAMPLES(neg, "[2,3]", "[]");
tg_tensor *tg_neg(tg_tensor *x) { return tg__apply1(&tg__op_neg, x, NULL); }
tg_tensor *tg_neg_(tg_tensor *x) { return tg__apply1_(&tg__op_neg, x, NULL); }

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

/* ---- exp: eˣ ---- */
static void exp_rule(tg__rule *r) { r->gin[0] = tg_mul(r->g[0], r->out[0]); }
TG_OP(exp, .maths = "e^x", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_exp, .rule = exp_rule,
      .saves = {TG__SAVE_OUT(0, 1)}, .onnx = {"Exp", 13});
TG_SAMPLES(exp, "[2,3]", "[]");
tg_tensor *tg_exp(tg_tensor *x) { return tg__apply1(&tg__op_exp, x, NULL); }
tg_tensor *tg_exp_(tg_tensor *x) { return tg__apply1_(&tg__op_exp, x, NULL); }

/* ---- log: ln x ---- */
static void log_rule(tg__rule *r) { r->gin[0] = tg_div(r->g[0], r->in[0]); }
TG_OP(log, .maths = "ln(x)", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_log, .rule = log_rule,
      .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"Log", 13});
TG_SAMPLES(log, "+[2,3]");
tg_tensor *tg_log(tg_tensor *x) { return tg__apply1(&tg__op_log, x, NULL); }
tg_tensor *tg_log_(tg_tensor *x) { return tg__apply1_(&tg__op_log, x, NULL); }

/* ---- sin, cos ---- */
static void sin_rule(tg__rule *r) { r->gin[0] = tg_mul(r->g[0], tg_cos(r->in[0])); }
TG_OP(sin, .maths = "sin(x)", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_sin, .rule = sin_rule,
      .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"Sin", 7});
TG_SAMPLES(sin, "[2,3]");
tg_tensor *tg_sin(tg_tensor *x) { return tg__apply1(&tg__op_sin, x, NULL); }
tg_tensor *tg_sin_(tg_tensor *x) { return tg__apply1_(&tg__op_sin, x, NULL); }

static void cos_rule(tg__rule *r) { r->gin[0] = tg_mul(tg_neg(r->g[0]), tg_sin(r->in[0])); }
TG_OP(cos, .maths = "cos(x)", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_cos, .rule = cos_rule,
      .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"Cos", 7});
TG_SAMPLES(cos, "[2,3]");
tg_tensor *tg_cos(tg_tensor *x) { return tg__apply1(&tg__op_cos, x, NULL); }
tg_tensor *tg_cos_(tg_tensor *x) { return tg__apply1_(&tg__op_cos, x, NULL); }

/* ---- tanh ---- */
static void tanh_rule(tg__rule *r) {
    r->gin[0] = tg__apply2(&tg__op_tanh_grad, r->g[0], r->out[0], NULL);
}
TG_OP(tanh, .maths = "tanh(x)", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_tanh, .rule = tanh_rule,
      .saves = {TG__SAVE_OUT(0, 1)}, .onnx = {"Tanh", 13});
TG_SAMPLES(tanh, "[2,3]");
tg_tensor *tg_tanh(tg_tensor *x) { return tg__apply1(&tg__op_tanh, x, NULL); }
tg_tensor *tg_tanh_(tg_tensor *x) { return tg__apply1_(&tg__op_tanh, x, NULL); }

/* ---- tanh_grad: g(1 - y²); d/dg = 1 - y², d/dy = -2gy ---- */
static void tanh_grad_rule(tg__rule *r) {
    if (r->wanted[0])
        r->gin[0] = tg__apply2(&tg__op_tanh_grad, r->g[0], r->in[1], NULL);
    if (r->wanted[1])
        r->gin[1] = tg_mul(tg_mul(r->g[0], r->in[0]), tg_mul_scalar(r->in[1], -2.0));
}
TG_OP(tanh_grad, .maths = "g * (1 - y^2)", .inputs = "g y", .n_in = 2,
      .flags = TG__INTERNAL | TG__BROADCASTS, .forward = tg__binary_forward,
      .kernel = TG__BIN_tanh_grad, .rule = tanh_grad_rule,
      .saves = {TG__SAVE_IN(0, 2), TG__SAVE_IN(1, TG__ANY)}, .onnx = {"composed"});
TG_SAMPLES(tanh_grad, "[2,3] [2,3]");

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
