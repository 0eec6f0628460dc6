/* division.c - division that rounds to an integer, and what remains.
 *
 * Rounded toward zero the rest has the sign of a (fmod), rounded down that of b (remainder). The
 * quotients are constant but for jumps, so their gradient is 0, and the rests' gradient to b is
 * minus the quotient. Integers stay integers; dividing one by 0 is an error. */
#include "ops/elementwise.h"

static bool division_forward(const tg__call *c) {
    tg_dtype dtype = tg__promote(c->in[0], c->in[1]);
    if (!tg_dtype_is_float(dtype) && dtype != TG_BOOL && c->in[0]->numel > 0 &&
        !tg__check_integers(c->op->name, "b", c->in[1], false,
                            "integers cannot be divided by 0: use tg_cast to a float dtype for "
                            "inf and NaN"))
        return false;
    return tg__binary_forward(c);
}

#define DIVISION                                                                                   \
    .inputs = "a b", .n_in = 2, .flags = TG__IN_PLACE | TG__BROADCASTS,                            \
    .forward = division_forward, .onnx = {"composed"}

/* ---- div_trunc, floor_divide: a / b rounded ---- */
static void constant_rule(tg__rule *r) {
    for (int i = 0; i < 2; i++)
        if (r->wanted[i])
            r->gin[i] = tg_zeros_like(r->g[0]);
}
TG_OP(div_trunc, .maths = "trunc(a / b)", DIVISION, .kernel = TG__BIN_div_trunc,
      .rule = constant_rule);
TG_SAMPLES(div_trunc, "[2,3] +[2,3]", "[2,3] +[3]", "[] +[2]");
TG_OP(floor_divide, .maths = "floor(a / b)", DIVISION, .kernel = TG__BIN_floor_divide,
      .rule = constant_rule);
TG_SAMPLES(floor_divide, "[2,3] +[2,3]", "[2,3] +[3]", "[] +[2]");
tg_tensor *tg_floor_divide(tg_tensor *a, tg_tensor *b) {
    return tg__apply2(&tg__op_floor_divide, a, b, NULL);
}
tg_tensor *tg_floor_divide_(tg_tensor *a, tg_tensor *b) {
    return tg__apply2_(&tg__op_floor_divide, a, b, NULL);
}
tg_tensor *tg_floor_divide_scalar(tg_tensor *x, double s) {
    return tg__with_number(&tg__op_floor_divide, x, s);
}
tg_tensor *tg_rfloor_divide_scalar(tg_tensor *x, double s) {
    return tg__number_with(&tg__op_floor_divide, s, x);
}
tg_tensor *tg_floor_divide_scalar_(tg_tensor *x, double s) {
    return tg__with_number_(&tg__op_floor_divide, x, s);
}

static const tg__op *rounding(tg_div_rounding mode) {
    switch ((int)mode) {
    case TG_DIV_TRUE:
        return &tg__op_div;
    case TG_DIV_TRUNC:
        return &tg__op_div_trunc;
    case TG_DIV_FLOOR:
        return &tg__op_floor_divide;
    default:
        tg__fail(TG_ERR_ARG, "div_mode",
                 "mode is %d; give TG_DIV_TRUE, TG_DIV_TRUNC or "
                 "TG_DIV_FLOOR",
                 (int)mode);
        return NULL;
    }
}
tg_tensor *tg_div_mode(tg_tensor *a, tg_tensor *b, tg_div_rounding mode) {
    const tg__op *op = rounding(mode);
    return op != NULL ? tg__apply2(op, a, b, NULL) : NULL;
}
tg_tensor *tg_div_mode_(tg_tensor *a, tg_tensor *b, tg_div_rounding mode) {
    const tg__op *op = rounding(mode);
    return op != NULL ? tg__apply2_(op, a, b, NULL) : NULL;
}
tg_tensor *tg_div_mode_scalar(tg_tensor *x, double s, tg_div_rounding mode) {
    const tg__op *op = rounding(mode);
    return op != NULL ? tg__with_number(op, x, s) : NULL;
}
tg_tensor *tg_div_mode_scalar_(tg_tensor *x, double s, tg_div_rounding mode) {
    const tg__op *op = rounding(mode);
    return op != NULL ? tg__with_number_(op, x, s) : NULL;
}

/* ---- fmod_whole: (a - fmod(a, b)) / b, which is how often fmod takes b from a; trunc(a / b) is
 * one more where a / b rounds up to an integer ---- */
TG_OP(fmod_whole, .maths = "(a - fmod(a, b)) / b", .inputs = "a b", .n_in = 2,
      .flags = TG__INTERNAL | TG__BROADCASTS, .forward = tg__binary_forward,
      .kernel = TG__BIN_fmod_whole, .rule = constant_rule, .onnx = {"composed"});
TG_SAMPLES(fmod_whole, "[2,3] +[2,3]", "[2,3] +[3]");

/* ---- fmod: a - trunc(a / b)·b ---- */
static void fmod_rule(tg__rule *r) {
    r->gin[0] = r->g[0];
    if (r->wanted[1])
        r->gin[1] =
            tg_neg(tg_mul(r->g[0], tg__apply2(&tg__op_fmod_whole, r->in[0], r->in[1], NULL)));
}
TG_OP(fmod, .maths = "a - trunc(a / b) * b", DIVISION, .kernel = TG__BIN_fmod, .rule = fmod_rule,
      .saves = {TG__SAVE_IN(0, 2), TG__SAVE_IN(1, 2)});
TG_SAMPLES(fmod, "[2,3] +[2,3]", "[2,3] +[3]", "[] +[2]");
tg_tensor *tg_fmod(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_fmod, a, b, NULL); }
tg_tensor *tg_fmod_(tg_tensor *a, tg_tensor *b) { return tg__apply2_(&tg__op_fmod, a, b, NULL); }
tg_tensor *tg_fmod_scalar(tg_tensor *x, double s) { return tg__with_number(&tg__op_fmod, x, s); }
tg_tensor *tg_rfmod_scalar(tg_tensor *x, double s) { return tg__number_with(&tg__op_fmod, s, x); }
tg_tensor *tg_fmod_scalar_(tg_tensor *x, double s) { return tg__with_number_(&tg__op_fmod, x, s); }

/* ---- remainder: a - floor(a / b)·b ---- */
static void remainder_rule(tg__rule *r) {
    r->gin[0] = r->g[0];
    if (r->wanted[1])
        r->gin[1] = tg_neg(tg_mul(r->g[0], tg_floor_divide(r->in[0], r->in[1])));
}
TG_OP(remainder, .maths = "a - floor(a / b) * b", DIVISION, .kernel = TG__BIN_remainder,
      .rule = remainder_rule, .saves = {TG__SAVE_IN(0, 2), TG__SAVE_IN(1, 2)});
TG_SAMPLES(remainder, "[2,3] +[2,3]", "[2,3] +[3]", "[] +[2]");
tg_tensor *tg_remainder(tg_tensor *a, tg_tensor *b) {
    return tg__apply2(&tg__op_remainder, a, b, NULL);
}
tg_tensor *tg_remainder_(tg_tensor *a, tg_tensor *b) {
    return tg__apply2_(&tg__op_remainder, a, b, NULL);
}
tg_tensor *tg_remainder_scalar(tg_tensor *x, double s) {
    return tg__with_number(&tg__op_remainder, x, s);
}
tg_tensor *tg_rremainder_scalar(tg_tensor *x, double s) {
    return tg__number_with(&tg__op_remainder, s, x);
}
tg_tensor *tg_remainder_scalar_(tg_tensor *x, double s) {
    return tg__with_number_(&tg__op_remainder, x, s);
}
