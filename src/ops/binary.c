/* binary.c - elementwise arithmetic of two inputs.
 *
 * Gradients arrive in the broadcast shape and the promoted dtype; the engine sums and casts them
 * back, so no rule speaks of it. The forms with a C scalar call the same operations with a 0-d
 * tensor that does not widen. */
#include "ops/elementwise.h"

#define BINARY                                                                                     \
    .inputs = "a b", .n_in = 2, .flags = TG__IN_PLACE | TG__BROADCASTS,                            \
    .forward = tg__binary_forward

/* ---- add: a + b ---- */
static void add_rule(tg__rule *r) { r->gin[0] = r->gin[1] = r->g[0]; }
TG_OP(add, .maths = "a + b", BINARY, .kernel = TG__BIN_add, .rule = add_rule, .onnx = {"Add", 14});
TG_SAMPLES(add, "[2,3] [2,3]", "[2,1,3] [4,1]", "[] [2]");
tg_tensor *tg_add(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_add, a, b, NULL); }
tg_tensor *tg_add_(tg_tensor *a, tg_tensor *b) { return tg__apply2_(&tg__op_add, a, b, NULL); }
tg_tensor *tg_add_scalar(tg_tensor *x, double s) { return tg__with_number(&tg__op_add, x, s); }
tg_tensor *tg_add_scalar_(tg_tensor *x, double s) { return tg__with_number_(&tg__op_add, x, s); }

/* ---- sub: a - b ---- */
static void sub_rule(tg__rule *r) {
    r->gin[0] = r->g[0];
    if (r->wanted[1])
        r->gin[1] = tg_neg(r->g[0]);
}
TG_OP(sub, .maths = "a - b", BINARY, .kernel = TG__BIN_sub, .rule = sub_rule, .onnx = {"Sub", 14});
TG_SAMPLES(sub, "[2,3] [2,3]", "[2,3] [3]");
tg_tensor *tg_sub(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_sub, a, b, NULL); }
tg_tensor *tg_sub_(tg_tensor *a, tg_tensor *b) { return tg__apply2_(&tg__op_sub, a, b, NULL); }
tg_tensor *tg_subtract(tg_tensor *a, tg_tensor *b) { return tg_sub(a, b); }
tg_tensor *tg_rsub(tg_tensor *x, tg_tensor *other) {
    return tg__apply2(&tg__op_sub, other, x, NULL);
}
tg_tensor *tg_sub_scalar(tg_tensor *x, double s) { return tg__with_number(&tg__op_sub, x, s); }
tg_tensor *tg_rsub_scalar(tg_tensor *x, double s) { return tg__number_with(&tg__op_sub, s, x); }
tg_tensor *tg_sub_scalar_(tg_tensor *x, double s) { return tg__with_number_(&tg__op_sub, x, s); }

/* ---- mul: a · b ---- */
static void mul_rule(tg__rule *r) {
    if (r->wanted[0])
        r->gin[0] = tg_mul(r->g[0], r->in[1]);
    if (r->wanted[1])
        r->gin[1] = tg_mul(r->g[0], r->in[0]);
}
TG_OP(mul, .maths = "a * b", BINARY, .kernel = TG__BIN_mul, .rule = mul_rule,
      .saves = {TG__SAVE_IN(0, 2), TG__SAVE_IN(1, 1)}, .onnx = {"Mul", 14});
TG_SAMPLES(mul, "[2,3] [2,3]", "[2,1,3] [4,1]", "[2] []");
tg_tensor *tg_mul(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_mul, a, b, NULL); }
tg_tensor *tg_mul_(tg_tensor *a, tg_tensor *b) { return tg__apply2_(&tg__op_mul, a, b, NULL); }
tg_tensor *tg_multiply(tg_tensor *a, tg_tensor *b) { return tg_mul(a, b); }
tg_tensor *tg_mul_scalar(tg_tensor *x, double s) { return tg__with_number(&tg__op_mul, x, s); }
tg_tensor *tg_mul_scalar_(tg_tensor *x, double s) { return tg__with_number_(&tg__op_mul, x, s); }

/* ---- div: a / b; d/da = 1/b, d/db = -a/b² ---- */
static void div_rule(tg__rule *r) {
    if (r->wanted[0])
        r->gin[0] = tg_div(r->g[0], r->in[1]);
    if (r->wanted[1])
        r->gin[1] = tg_neg(tg_div(tg_mul(r->g[0], tg_div(r->in[0], r->in[1])), r->in[1]));
}
TG_OP(div, .maths = "a / b", BINARY, .kernel = TG__BIN_div, .rule = div_rule,
      .saves = {TG__SAVE_IN(0, 2), TG__SAVE_IN(1, TG__ANY)}, .onnx = {"Div", 14});
TG_SAMPLES(div, "[2,3] +[2,3]", "[2,3] +[3]");
tg_tensor *tg_div(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_div, a, b, NULL); }
tg_tensor *tg_div_(tg_tensor *a, tg_tensor *b) { return tg__apply2_(&tg__op_div, a, b, NULL); }
tg_tensor *tg_divide(tg_tensor *a, tg_tensor *b) { return tg_div(a, b); }
tg_tensor *tg_true_divide(tg_tensor *a, tg_tensor *b) { return tg_div(a, b); }
tg_tensor *tg_div_scalar(tg_tensor *x, double s) { return tg__with_number(&tg__op_div, x, s); }
tg_tensor *tg_rdiv_scalar(tg_tensor *x, double s) { return tg__number_with(&tg__op_div, s, x); }
tg_tensor *tg_div_scalar_(tg_tensor *x, double s) { return tg__with_number_(&tg__op_div, x, s); }

/* ---- add_alpha, sub_alpha: a + alpha·b, a - alpha·b ---- */
typedef struct {
    double alpha;
} alpha_attr;
static const tg__field alpha_fields[] = {
    {"alpha", TG_ATTR_FLOAT, offsetof(alpha_attr, alpha), false, 0, 1.0}, {0}};
/* alpha·b in the dtype of the result; of integers exactly, so alpha must be one. */
static tg_tensor *scaled(const tg__call *c) {
    const double alpha = ((const alpha_attr *)c->attr)->alpha;
    tg_tensor *b = c->in[1];
    if (alpha == 1.0)
        return b;
    tg_dtype dtype = tg__promote(c->in[0], b);
    if (tg_dtype_is_float(dtype))
        return tg_mul_scalar(tg_dtype_is_float((tg_dtype)b->dtype) ? b : tg_cast(b, dtype), alpha);
    int64_t whole = alpha > -0x1p63 && alpha < 0x1p63 ? (int64_t)alpha : 0;
    if (dtype == TG_BOOL || (double)whole != alpha) {
        tg__fail(TG_ERR_DTYPE, c->op->name, "alpha = %s with %s: give %s, or tg_cast to f32 or f64",
                 tg__num(alpha), tg__describe(b), dtype == TG_BOOL ? "1" : "an integer");
        return NULL;
    }
    return tg_mul(tg_cast(b, dtype), tg_cast(tg_scalar_i64(whole), dtype));
}
static bool add_alpha_forward(const tg__call *c) {
    c->out[0] = tg_add(c->in[0], scaled(c));
    return c->out[0] != NULL;
}
static bool sub_alpha_forward(const tg__call *c) {
    c->out[0] = tg_sub(c->in[0], scaled(c));
    return c->out[0] != NULL;
}
#define WITH_ALPHA                                                                                 \
    .inputs = "a b", .n_in = 2, .flags = TG__COMPOSED | TG__IN_PLACE, .fields = alpha_fields,      \
    .attr_size = sizeof(alpha_attr), .onnx = {"composed"}
TG_OP(add_alpha, .maths = "a + alpha * b", WITH_ALPHA, .forward = add_alpha_forward);
TG_SAMPLES(add_alpha, "[2,3] [3] | alpha=0.5", "[2,3] [2,3]", "[] [2] | alpha=-2");
tg_tensor *tg_add_alpha(tg_tensor *a, tg_tensor *b, double alpha) {
    return tg__apply2(&tg__op_add_alpha, a, b, &(alpha_attr){alpha});
}
tg_tensor *tg_add_alpha_(tg_tensor *a, tg_tensor *b, double alpha) {
    return tg__apply2_(&tg__op_add_alpha, a, b, &(alpha_attr){alpha});
}
TG_OP(sub_alpha, .maths = "a - alpha * b", WITH_ALPHA, .forward = sub_alpha_forward);
TG_SAMPLES(sub_alpha, "[2,3] [3] | alpha=0.5", "[2,3] [2,3]");
tg_tensor *tg_sub_alpha(tg_tensor *a, tg_tensor *b, double alpha) {
    return tg__apply2(&tg__op_sub_alpha, a, b, &(alpha_attr){alpha});
}
tg_tensor *tg_sub_alpha_(tg_tensor *a, tg_tensor *b, double alpha) {
    return tg__apply2_(&tg__op_sub_alpha, a, b, &(alpha_attr){alpha});
}
