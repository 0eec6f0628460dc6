/* compare.c - comparison, logic and selection. Results are bool and have no gradient. */
#include "ops/elementwise.h"

#define COMPARISON                                                                                 \
    .inputs = "a b", .n_in = 2, .flags = TG__NOT_DIFF | TG__BROADCASTS,                            \
    .forward = tg__compare_forward

TG_OP(eq, .maths = "a == b", COMPARISON, .kernel = TG__CMP_eq, .onnx = {"Equal", 13});
TG_SAMPLES(eq, "[2,3] [3]");
tg_tensor *tg_eq(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_eq, a, b, NULL); }
tg_tensor *tg_eq_scalar(tg_tensor *x, double s) { return tg__with_number(&tg__op_eq, x, s); }

TG_OP(ne, .maths = "a != b", COMPARISON, .kernel = TG__CMP_ne, .onnx = {"composed"});
TG_SAMPLES(ne, "[2,3] [3]");
tg_tensor *tg_ne(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_ne, a, b, NULL); }
tg_tensor *tg_ne_scalar(tg_tensor *x, double s) { return tg__with_number(&tg__op_ne, x, s); }

TG_OP(lt, .maths = "a < b", COMPARISON, .kernel = TG__CMP_lt, .onnx = {"Less", 13});
TG_SAMPLES(lt, "[2,3] [3]");
tg_tensor *tg_lt(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_lt, a, b, NULL); }
tg_tensor *tg_lt_scalar(tg_tensor *x, double s) { return tg__with_number(&tg__op_lt, x, s); }

TG_OP(le, .maths = "a <= b", COMPARISON, .kernel = TG__CMP_le, .onnx = {"LessOrEqual", 16});
TG_SAMPLES(le, "[2,3] [3]");
tg_tensor *tg_le(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_le, a, b, NULL); }
tg_tensor *tg_le_scalar(tg_tensor *x, double s) { return tg__with_number(&tg__op_le, x, s); }

TG_OP(gt, .maths = "a > b", COMPARISON, .kernel = TG__CMP_gt, .onnx = {"Greater", 13});
TG_SAMPLES(gt, "[2,3] [3]");
tg_tensor *tg_gt(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_gt, a, b, NULL); }
tg_tensor *tg_gt_scalar(tg_tensor *x, double s) { return tg__with_number(&tg__op_gt, x, s); }

TG_OP(ge, .maths = "a >= b", COMPARISON, .kernel = TG__CMP_ge, .onnx = {"GreaterOrEqual", 16});
TG_SAMPLES(ge, "[2,3] [3]");
tg_tensor *tg_ge(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_ge, a, b, NULL); }
tg_tensor *tg_ge_scalar(tg_tensor *x, double s) { return tg__with_number(&tg__op_ge, x, s); }

#define LOGICAL                                                                                    \
    .inputs = "a b", .n_in = 2, .flags = TG__NOT_DIFF | TG__BROADCASTS,                            \
    .forward = tg__logical_forward

TG_OP(logical_and, .maths = "a and b", LOGICAL, .kernel = TG__BIN_logical_and, .onnx = {"And", 7});
TG_SAMPLES(logical_and, "b[2,3] b[3]");
tg_tensor *tg_logical_and(tg_tensor *a, tg_tensor *b) {
    return tg__apply2(&tg__op_logical_and, a, b, NULL);
}

TG_OP(logical_or, .maths = "a or b", LOGICAL, .kernel = TG__BIN_logical_or, .onnx = {"Or", 7});
TG_SAMPLES(logical_or, "b[2,3] b[3]");
tg_tensor *tg_logical_or(tg_tensor *a, tg_tensor *b) {
    return tg__apply2(&tg__op_logical_or, a, b, NULL);
}

TG_OP(logical_xor, .maths = "a xor b", LOGICAL, .kernel = TG__BIN_logical_xor, .onnx = {"Xor", 7});
TG_SAMPLES(logical_xor, "b[2,3] b[3]");
tg_tensor *tg_logical_xor(tg_tensor *a, tg_tensor *b) {
    return tg__apply2(&tg__op_logical_xor, a, b, NULL);
}

TG_OP(logical_not, .maths = "not x", .inputs = "x", .n_in = 1, .flags = TG__NOT_DIFF,
      .forward = tg__unary_forward, .kernel = TG__UN_logical_not, .onnx = {"Not", 1});
TG_SAMPLES(logical_not, "b[2,3]");
tg_tensor *tg_logical_not(tg_tensor *x) { return tg__apply1(&tg__op_logical_not, x, NULL); }

TG_OP(isnan, .maths = "x is NaN", .inputs = "x", .n_in = 1, .flags = TG__NOT_DIFF,
      .forward = tg__predicate_forward, .kernel = TG__PRED_isnan, .onnx = {"IsNaN", 13});
TG_SAMPLES(isnan, "[2,3]");
tg_tensor *tg_isnan(tg_tensor *x) { return tg__apply1(&tg__op_isnan, x, NULL); }

TG_OP(isfinite, .maths = "x is finite", .inputs = "x", .n_in = 1, .flags = TG__NOT_DIFF,
      .forward = tg__predicate_forward, .kernel = TG__PRED_isfinite, .onnx = {"composed"});
TG_SAMPLES(isfinite, "[2,3]");
tg_tensor *tg_isfinite(tg_tensor *x) { return tg__apply1(&tg__op_isfinite, x, NULL); }

/* ---- where: a where condition, else b ---- */

static bool where_forward(const tg__call *c) {
    int ndim;
    int64_t shape[TG_MAX_DIMS];
    if (c->in[0]->dtype != TG_BOOL) {
        tg__refuse_dtype("where", c->in[0], "a bool condition");
        return false;
    }
    if (!tg__broadcast_all("where", c->in, 3, &ndim, shape))
        return false;
    tg_dtype dtype = tg__promote(c->in[1], c->in[2]);
    tg_tensor *y = tg__dest(c, dtype, ndim, shape);
    tg_tensor *a = y != NULL ? tg__as("where", c->in[1], dtype) : NULL;
    tg_tensor *b = a != NULL ? tg__as("where", c->in[2], dtype) : NULL;
    bool good = b != NULL;
    if (good)
        tg__run((tg_tensor *[]){y, c->in[0], a, b}, 4, tg__kernels_get()->where[dtype], NULL, 0.5);
    tg__unref(a);
    tg__unref(b);
    if (good)
        tg__land(c, y);
    else
        tg__unref(y);
    return good;
}
static void where_rule(tg__rule *r) {
    tg_tensor *zero = tg_scalar((tg_dtype)r->g[0]->dtype, 0.0);
    if (r->wanted[1])
        r->gin[1] = tg_where(r->in[0], r->g[0], zero);
    if (r->wanted[2])
        r->gin[2] = tg_where(r->in[0], zero, r->g[0]);
}
TG_OP(where, .maths = "a where condition, else b", .inputs = "condition a b", .n_in = 3,
      .flags = TG__BROADCASTS, .no_grad = 1, .forward = where_forward, .rule = where_rule,
      .saves = {TG__SAVE_IN(0, TG__ANY)}, .onnx = {"Where", 16});
TG_SAMPLES(where, "b[2,3] [2,3] [2,3]", "b[3] [2,1] []");
tg_tensor *tg_where(tg_tensor *condition, tg_tensor *a, tg_tensor *b) {
    return tg__apply3(&tg__op_where, condition, a, b, NULL);
}
