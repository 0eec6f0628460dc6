/* trigonometric.c - trigonometric and hyperbolic functions and their inverses.
 *
 * Slopes of the inverses are written with (1 - x)(1 + x) for 1 - x², which would lose its digits
 * near ±1. */
#include "ops/elementwise.h"

/* (1 - x)(1 + x) */
static tg_tensor *one_minus_square(tg_tensor *x) {
    return tg_mul(tg_rsub_scalar(x, 1.0), tg_add_scalar(x, 1.0));
}

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

/* ---- tan: dy/dx = 1 + y² ---- */
static void tan_rule(tg__rule *r) {
    r->gin[0] = tg_mul(r->g[0], tg_add_scalar(tg_square(r->out[0]), 1.0));
}
TG_OP(tan, .maths = "tan(x)", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_tan, .rule = tan_rule,
      .saves = {TG__SAVE_OUT(0, 1)}, .onnx = {"Tan", 7});
TG_SAMPLES(tan, "%[2,3]");
tg_tensor *tg_tan(tg_tensor *x) { return tg__apply1(&tg__op_tan, x, NULL); }
tg_tensor *tg_tan_(tg_tensor *x) { return tg__apply1_(&tg__op_tan, x, NULL); }

/* ---- asin: dy/dx = 1/√(1 - x²) ---- */
static void asin_rule(tg__rule *r) {
    r->gin[0] = tg_mul(r->g[0], tg_rsqrt(one_minus_square(r->in[0])));
}
TG_OP(asin, .maths = "asin(x)", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_asin, .rule = asin_rule,
      .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"Asin", 7});
TG_SAMPLES(asin, "%[2,3]");
tg_tensor *tg_asin(tg_tensor *x) { return tg__apply1(&tg__op_asin, x, NULL); }
tg_tensor *tg_asin_(tg_tensor *x) { return tg__apply1_(&tg__op_asin, x, NULL); }
tg_tensor *tg_arcsin(tg_tensor *x) { return tg_asin(x); }

/* ---- acos: dy/dx = -1/√(1 - x²) ---- */
static void acos_rule(tg__rule *r) {
    r->gin[0] = tg_mul(tg_neg(r->g[0]), tg_rsqrt(one_minus_square(r->in[0])));
}
TG_OP(acos, .maths = "acos(x)", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_acos, .rule = acos_rule,
      .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"Acos", 7});
TG_SAMPLES(acos, "%[2,3]");
tg_tensor *tg_acos(tg_tensor *x) { return tg__apply1(&tg__op_acos, x, NULL); }
tg_tensor *tg_acos_(tg_tensor *x) { return tg__apply1_(&tg__op_acos, x, NULL); }
tg_tensor *tg_arccos(tg_tensor *x) { return tg_acos(x); }

/* ---- atan: dy/dx = 1/(1 + x²) ---- */
static void atan_rule(tg__rule *r) {
    r->gin[0] = tg_div(r->g[0], tg_add_scalar(tg_square(r->in[0]), 1.0));
}
TG_OP(atan, .maths = "atan(x)", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_atan, .rule = atan_rule,
      .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"Atan", 7});
TG_SAMPLES(atan, "[2,3]", "[]");
tg_tensor *tg_atan(tg_tensor *x) { return tg__apply1(&tg__op_atan, x, NULL); }
tg_tensor *tg_atan_(tg_tensor *x) { return tg__apply1_(&tg__op_atan, x, NULL); }
tg_tensor *tg_arctan(tg_tensor *x) { return tg_atan(x); }

/* ---- sinh, cosh ---- */
static void sinh_rule(tg__rule *r) { r->gin[0] = tg_mul(r->g[0], tg_cosh(r->in[0])); }
TG_OP(sinh, .maths = "sinh(x)", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_sinh, .rule = sinh_rule,
      .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"Sinh", 9});
TG_SAMPLES(sinh, "[2,3]", "[]");
tg_tensor *tg_sinh(tg_tensor *x) { return tg__apply1(&tg__op_sinh, x, NULL); }
tg_tensor *tg_sinh_(tg_tensor *x) { return tg__apply1_(&tg__op_sinh, x, NULL); }

static void cosh_rule(tg__rule *r) { r->gin[0] = tg_mul(r->g[0], tg_sinh(r->in[0])); }
TG_OP(cosh, .maths = "cosh(x)", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_cosh, .rule = cosh_rule,
      .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"Cosh", 9});
TG_SAMPLES(cosh, "[2,3]", "[]");
tg_tensor *tg_cosh(tg_tensor *x) { return tg__apply1(&tg__op_cosh, x, NULL); }
tg_tensor *tg_cosh_(tg_tensor *x) { return tg__apply1_(&tg__op_cosh, x, NULL); }

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

/* ---- asinh: dy/dx = 1/√(x² + 1); hypot, as x² may overflow ---- */
static void asinh_rule(tg__rule *r) {
    r->gin[0] = tg_div(r->g[0], tg__with_number(&tg__op_hypot, r->in[0], 1.0));
}
TG_OP(asinh, .maths = "asinh(x)", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_asinh, .rule = asinh_rule,
      .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"Asinh", 9});
TG_SAMPLES(asinh, "[2,3]", "[]");
tg_tensor *tg_asinh(tg_tensor *x) { return tg__apply1(&tg__op_asinh, x, NULL); }
tg_tensor *tg_asinh_(tg_tensor *x) { return tg__apply1_(&tg__op_asinh, x, NULL); }
tg_tensor *tg_arcsinh(tg_tensor *x) { return tg_asinh(x); }

/* ---- acosh: dy/dx = 1/√(x² - 1), by its factors, as x² may overflow ---- */
static void acosh_rule(tg__rule *r) {
    tg_tensor *x = tg_abs(r->in[0]);
    tg_tensor *root = tg_mul(tg_rsqrt(tg_sub_scalar(x, 1.0)), tg_rsqrt(tg_add_scalar(x, 1.0)));
    r->gin[0] = tg_mul(r->g[0], root);
}
TG_OP(acosh, .maths = "acosh(x)", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_acosh, .rule = acosh_rule,
      .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"Acosh", 9});
TG_SAMPLES(acosh, ">[2,3]");
tg_tensor *tg_acosh(tg_tensor *x) { return tg__apply1(&tg__op_acosh, x, NULL); }
tg_tensor *tg_acosh_(tg_tensor *x) { return tg__apply1_(&tg__op_acosh, x, NULL); }
tg_tensor *tg_arccosh(tg_tensor *x) { return tg_acosh(x); }

/* ---- atanh: dy/dx = 1/(1 - x²) ---- */
static void atanh_rule(tg__rule *r) { r->gin[0] = tg_div(r->g[0], one_minus_square(r->in[0])); }
TG_OP(atanh, .maths = "atanh(x)", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_atanh, .rule = atanh_rule,
      .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"Atanh", 9});
TG_SAMPLES(atanh, "%[2,3]");
tg_tensor *tg_atanh(tg_tensor *x) { return tg__apply1(&tg__op_atanh, x, NULL); }
tg_tensor *tg_atanh_(tg_tensor *x) { return tg__apply1_(&tg__op_atanh, x, NULL); }
tg_tensor *tg_arctanh(tg_tensor *x) { return tg_atanh(x); }
