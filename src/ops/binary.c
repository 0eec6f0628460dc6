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
tg_tensor *tg_div_scalar(tg_tensor *x, double s) { return tg__with_number(&tg__op_div, x, s); }
tg_tensor *tg_rdiv_scalar(tg_tensor *x, double s) { return tg__number_with(&tg__op_div, s, x); }
tg_tensor *tg_div_scalar_(tg_tensor *x, double s) { return tg__with_number_(&tg__op_div, x, s); }

/* ---- pow: aᵇ; d/da = b·aᵇ⁻¹ (0 where b = 0), d/db = y·ln a (0 where a = 0 and b >= 0) ---- */
static bool pow_forward(const tg__call *c) {
    tg_tensor *b = c->in[1];
    tg_dtype dtype = tg__promote(c->in[0], b);
    if (tg_dtype_is_float(dtype))
        return tg__binary_forward(c);
    tg_tensor *packed = tg__packed("pow", b);
    if (packed == NULL)
        return false;
    bool negative = false;
    size_t item = tg__item_size(b->dtype);
    for (int64_t i = 0; i < packed->numel && !negative; i++)
        negative = tg__load_i64((tg_dtype)b->dtype, packed->data + (size_t)i * item) < 0;
    tg__unref(packed);
    if (negative) {
        tg__fail(TG_ERR_NUMERIC, "pow",
                 "%s to a negative integer power has no integer result; use tg_cast to a float "
                 "dtype first",
                 tg__describe(c->in[0]));
        return false;
    }
    return tg__binary_forward(c);
}
static tg_tensor *pow_base_gradient(tg_tensor *g, tg_tensor *a, tg_tensor *b) {
    if (b->flags & TG__IS_NUMBER) {
        double e = tg__load_double((tg_dtype)b->dtype, b->data);
        return e == 0.0 ? tg_zeros_like(g) : tg_mul(g, tg_mul_scalar(tg_pow_scalar(a, e - 1.0), e));
    }
    /* Where b = 0 the exponent is replaced too, or higher derivatives would meet 0 · inf. */
    tg_tensor *flat = tg_eq_scalar(b, 0.0);
    tg_tensor *e = tg_masked_fill(tg_sub_scalar(b, 1.0), flat, 1.0);
    return tg_masked_fill(tg_mul(g, tg_mul(b, tg_pow(a, e))), flat, 0.0);
}
static void pow_rule(tg__rule *r) {
    tg_tensor *a = r->in[0];
    tg_tensor *b = r->in[1];
    if (r->wanted[0])
        r->gin[0] = pow_base_gradient(r->g[0], a, b);
    if (r->wanted[1]) {
        tg_tensor *flat = tg_logical_and(tg_eq_scalar(a, 0.0), tg_ge_scalar(b, 0.0));
        tg_tensor *slope = tg_mul(r->out[0], tg_log(a));
        r->gin[1] = tg_masked_fill(tg_mul(r->g[0], slope), flat, 0.0);
    }
}
TG_OP(pow, .maths = "a^b", .inputs = "a b", .n_in = 2, .flags = TG__IN_PLACE | TG__BROADCASTS,
      .forward = pow_forward, .kernel = TG__BIN_pow, .rule = pow_rule,
      .saves = {TG__SAVE_IN(0, TG__ANY), TG__SAVE_IN(1, TG__ANY), TG__SAVE_OUT(0, 2)},
      .onnx = {"Pow", 15});
TG_SAMPLES(pow, "+[2,3] [2,3]", "+[2,3] [3]", "+[2] []");
tg_tensor *tg_pow(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_pow, a, b, NULL); }
tg_tensor *tg_pow_(tg_tensor *a, tg_tensor *b) { return tg__apply2_(&tg__op_pow, a, b, NULL); }
tg_tensor *tg_pow_scalar(tg_tensor *x, double s) { return tg__with_number(&tg__op_pow, x, s); }
tg_tensor *tg_rpow_scalar(tg_tensor *x, double s) { return tg__number_with(&tg__op_pow, s, x); }
tg_tensor *tg_pow_scalar_(tg_tensor *x, double s) { return tg__with_number_(&tg__op_pow, x, s); }

/* ---- maximum, minimum: the taken side gets g, ties get halves, NaN gives g to both ---- */
static tg_tensor *side(tg_tensor *g, tg_tensor *x, tg_tensor *other, bool larger) {
    tg_tensor *shared = tg_where(tg_eq(x, other), tg_mul_scalar(g, 0.5), g);
    return tg_masked_fill(shared, larger ? tg_lt(x, other) : tg_gt(x, other), 0.0);
}
static void extremum_rule(tg__rule *r, bool larger) {
    if (r->wanted[0])
        r->gin[0] = side(r->g[0], r->in[0], r->in[1], larger);
    if (r->wanted[1])
        r->gin[1] = side(r->g[0], r->in[1], r->in[0], larger);
}
static void maximum_rule(tg__rule *r) { extremum_rule(r, true); }
static void minimum_rule(tg__rule *r) { extremum_rule(r, false); }
TG_OP(maximum, .maths = "max(a, b)", .inputs = "a b", .n_in = 2, .flags = TG__BROADCASTS,
      .forward = tg__binary_forward, .kernel = TG__BIN_maximum, .rule = maximum_rule,
      .saves = {TG__SAVE_IN(0, TG__ANY), TG__SAVE_IN(1, TG__ANY)}, .onnx = {"Max", 13});
TG_SAMPLES(maximum, "[2,3] [2,3]", "[2,3] [3]");
tg_tensor *tg_maximum(tg_tensor *a, tg_tensor *b) {
    return tg__apply2(&tg__op_maximum, a, b, NULL);
}

TG_OP(minimum, .maths = "min(a, b)", .inputs = "a b", .n_in = 2, .flags = TG__BROADCASTS,
      .forward = tg__binary_forward, .kernel = TG__BIN_minimum, .rule = minimum_rule,
      .saves = {TG__SAVE_IN(0, TG__ANY), TG__SAVE_IN(1, TG__ANY)}, .onnx = {"Min", 13});
TG_SAMPLES(minimum, "[2,3] [2,3]", "[2,3] [3]");
tg_tensor *tg_minimum(tg_tensor *a, tg_tensor *b) {
    return tg__apply2(&tg__op_minimum, a, b, NULL);
}
