/* exponential.c - exponentials and logarithms. */
#include "ops/elementwise.h"

#define LN_2 0.69314718055994530942
#define LN_10 2.30258509299404568402

/* ---- exp: eˣ ---- */
static void exp_rule(tg__rule *r) { r->gin[0] = tg_mul(r->g[0], r->out[0]); }
TG_OP(exp, .maths = "e^x", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_exp, .rule = exp_rule,
      .saves = {TG__SAVE_OUT(0, 1)}, .onnx = {"Exp", 13});
TG_SAMPLES(exp, "[2,3]", "[]");
tg_tensor *tg_exp(tg_tensor *x) { return tg__apply1(&tg__op_exp, x, NULL); }
tg_tensor *tg_exp_(tg_tensor *x) { return tg__apply1_(&tg__op_exp, x, NULL); }

/* ---- exp2: 2ˣ; dy/dx = y·ln 2 ---- */
static void exp2_rule(tg__rule *r) { r->gin[0] = tg_mul(tg_mul_scalar(r->g[0], LN_2), r->out[0]); }
TG_OP(exp2, .maths = "2^x", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_exp2, .rule = exp2_rule,
      .saves = {TG__SAVE_OUT(0, 1)}, .onnx = {"composed"});
TG_SAMPLES(exp2, "[2,3]", "[]");
tg_tensor *tg_exp2(tg_tensor *x) { return tg__apply1(&tg__op_exp2, x, NULL); }
tg_tensor *tg_exp2_(tg_tensor *x) { return tg__apply1_(&tg__op_exp2, x, NULL); }

/* ---- expm1: eˣ - 1, exact near 0; dy/dx = y + 1 ---- */
static void expm1_rule(tg__rule *r) { r->gin[0] = tg_mul(r->g[0], tg_add_scalar(r->out[0], 1.0)); }
TG_OP(expm1, .maths = "e^x - 1", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_expm1, .rule = expm1_rule,
      .saves = {TG__SAVE_OUT(0, 1)}, .onnx = {"composed"});
TG_SAMPLES(expm1, "[2,3]", "[]");
tg_tensor *tg_expm1(tg_tensor *x) { return tg__apply1(&tg__op_expm1, x, NULL); }
tg_tensor *tg_expm1_(tg_tensor *x) { return tg__apply1_(&tg__op_expm1, x, NULL); }

/* ---- log: ln x ---- */
static void log_rule(tg__rule *r) { r->gin[0] = tg_div(r->g[0], r->in[0]); }
TG_OP(log, .maths = "ln(x)", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_log, .rule = log_rule,
      .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"Log", 13});
TG_SAMPLES(log, "+[2,3]");
tg_tensor *tg_log(tg_tensor *x) { return tg__apply1(&tg__op_log, x, NULL); }
tg_tensor *tg_log_(tg_tensor *x) { return tg__apply1_(&tg__op_log, x, NULL); }

/* ---- log2: dy/dx = 1/(x·ln 2) ---- */
static void log2_rule(tg__rule *r) { r->gin[0] = tg_div(r->g[0], tg_mul_scalar(r->in[0], LN_2)); }
TG_OP(log2, .maths = "log2(x)", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_log2, .rule = log2_rule,
      .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"composed"});
TG_SAMPLES(log2, "+[2,3]");
tg_tensor *tg_log2(tg_tensor *x) { return tg__apply1(&tg__op_log2, x, NULL); }
tg_tensor *tg_log2_(tg_tensor *x) { return tg__apply1_(&tg__op_log2, x, NULL); }

/* ---- log10: dy/dx = 1/(x·ln 10) ---- */
static void log10_rule(tg__rule *r) { r->gin[0] = tg_div(r->g[0], tg_mul_scalar(r->in[0], LN_10)); }
TG_OP(log10, .maths = "log10(x)", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_log10, .rule = log10_rule,
      .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"composed"});
TG_SAMPLES(log10, "+[2,3]");
tg_tensor *tg_log10(tg_tensor *x) { return tg__apply1(&tg__op_log10, x, NULL); }
tg_tensor *tg_log10_(tg_tensor *x) { return tg__apply1_(&tg__op_log10, x, NULL); }

/* ---- log1p: ln(1 + x), exact near 0; dy/dx = 1/(1 + x) ---- */
static void log1p_rule(tg__rule *r) { r->gin[0] = tg_div(r->g[0], tg_add_scalar(r->in[0], 1.0)); }
TG_OP(log1p, .maths = "ln(1 + x)", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = tg__unary_forward, .kernel = TG__UN_log1p, .rule = log1p_rule,
      .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"composed"});
TG_SAMPLES(log1p, "+[2,3]", "%[3]");
tg_tensor *tg_log1p(tg_tensor *x) { return tg__apply1(&tg__op_log1p, x, NULL); }
tg_tensor *tg_log1p_(tg_tensor *x) { return tg__apply1_(&tg__op_log1p, x, NULL); }

/* ---- logit: ln(x/(1 - x)) of x limited to [eps, 1 - eps]; dy/dx = 1/(x(1 - x)) ---- */
typedef struct {
    double eps;
} logit_attr;
static const tg__field logit_fields[] = {
    {"eps", TG_ATTR_FLOAT, offsetof(logit_attr, eps), false, 0, -1}, {0}};
static bool logit_forward(const tg__call *c) {
    const double eps = ((const logit_attr *)c->attr)->eps;
    if (!(eps <= 0.5)) {
        tg__fail(TG_ERR_ARG, "logit", "eps is %s; give a number up to 0.5, negative for no limits",
                 tg__num(eps));
        return false;
    }
    return eps < 0 ? tg__unary_with(c, TG__UNP_logit, -__builtin_inf(), __builtin_inf())
                   : tg__unary_with(c, TG__UNP_logit, eps, 1 - eps);
}
static void logit_rule(tg__rule *r) {
    const double eps = ((const logit_attr *)r->attr)->eps;
    const bool limited = eps >= 0;
    tg_tensor *x = r->in[0];
    tg_tensor *outside = tg_logical_or(tg_lt_scalar(x, limited ? eps : 0.0),
                                       tg_gt_scalar(x, limited ? 1.0 - eps : 1.0));
    tg_tensor *g = tg_div(r->g[0], tg_mul(x, tg_rsub_scalar(x, 1.0)));
    r->gin[0] = tg_masked_fill(g, outside, limited ? 0.0 : __builtin_nan(""));
}
TG_OP(logit, .maths = "ln(x / (1 - x)), x limited to [eps, 1 - eps]", .inputs = "x", .n_in = 1,
      .flags = TG__IN_PLACE, .fields = logit_fields, .attr_size = sizeof(logit_attr),
      .forward = logit_forward, .rule = logit_rule, .saves = {TG__SAVE_IN(0, 1)},
      .onnx = {"composed"});
TG_SAMPLES(logit, "%[2,3]", "%[3,3] | eps=0.2", "%[4] | eps=0");
tg_tensor *tg_logit(tg_tensor *x, double eps) {
    return tg__apply1(&tg__op_logit, x, &(logit_attr){eps});
}
tg_tensor *tg_logit_(tg_tensor *x, double eps) {
    return tg__apply1_(&tg__op_logit, x, &(logit_attr){eps});
}
