/* rounding.c - rounding to integers and decimals, and what is left over.
 *
 * These are steps: flat almost everywhere, so their gradient is 0, also where they jump. Integers
 * come back as they are. */
#include "ops/elementwise.h"

#include <math.h>

static void flat_rule(tg__rule *r) { r->gin[0] = tg_zeros_like(r->g[0]); }
#define STEPS                                                                                      \
    .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE, .forward = tg__unary_forward, .rule = flat_rule

/* ---- floor: the largest integer <= x ---- */
TG_OP(floor, .maths = "largest integer <= x", STEPS, .kernel = TG__UN_floor, .onnx = {"Floor", 13});
TG_SAMPLES(floor, "[2,3]", "[]");
tg_tensor *tg_floor(tg_tensor *x) { return tg__apply1(&tg__op_floor, x, NULL); }
tg_tensor *tg_floor_(tg_tensor *x) { return tg__apply1_(&tg__op_floor, x, NULL); }

/* ---- ceil: the smallest integer >= x ---- */
TG_OP(ceil, .maths = "smallest integer >= x", STEPS, .kernel = TG__UN_ceil, .onnx = {"Ceil", 13});
TG_SAMPLES(ceil, "[2,3]", "[]");
tg_tensor *tg_ceil(tg_tensor *x) { return tg__apply1(&tg__op_ceil, x, NULL); }
tg_tensor *tg_ceil_(tg_tensor *x) { return tg__apply1_(&tg__op_ceil, x, NULL); }

/* ---- trunc: the integer part, toward 0 ---- */
TG_OP(trunc, .maths = "x without its fraction", STEPS, .kernel = TG__UN_trunc,
      .onnx = {"composed"});
TG_SAMPLES(trunc, "[2,3]", "[]");
tg_tensor *tg_trunc(tg_tensor *x) { return tg__apply1(&tg__op_trunc, x, NULL); }
tg_tensor *tg_trunc_(tg_tensor *x) { return tg__apply1_(&tg__op_trunc, x, NULL); }
tg_tensor *tg_fix(tg_tensor *x) { return tg_trunc(x); }

/* ---- frac: x - trunc(x); dy/dx = 1 ---- */
static bool frac_forward(const tg__call *c) {
    return tg__float_only("frac", c->in[0]) && tg__unary_forward(c);
}
static void frac_rule(tg__rule *r) { r->gin[0] = r->g[0]; }
TG_OP(frac, .maths = "x - trunc(x)", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .forward = frac_forward, .kernel = TG__UN_frac, .rule = frac_rule, .onnx = {"composed"});
TG_SAMPLES(frac, "[2,3]", "[]");
tg_tensor *tg_frac(tg_tensor *x) { return tg__apply1(&tg__op_frac, x, NULL); }
tg_tensor *tg_frac_(tg_tensor *x) { return tg__apply1_(&tg__op_frac, x, NULL); }

/* ---- round: to the nearest multiple of 10^-decimals, half to even ---- */
#define MOST_DECIMALS 308 /* 10^308 is the last power of ten that f64 holds */
typedef struct {
    int64_t decimals;
} round_attr;
static const tg__field round_fields[] = {
    {"decimals", TG_ATTR_INT, offsetof(round_attr, decimals), false, 0, 0}, {0}};
static bool round_forward(const tg__call *c) {
    const int64_t decimals = ((const round_attr *)c->attr)->decimals;
    if (decimals == 0)
        return tg__unary_forward(c);
    if (!tg__float_only("round", c->in[0]))
        return false;
    if (decimals < -MOST_DECIMALS || decimals > MOST_DECIMALS) {
        tg__fail(TG_ERR_ARG, "round", "decimals is %lld; give a number from -%d to %d",
                 (long long)decimals, MOST_DECIMALS, MOST_DECIMALS);
        return false;
    }
    const double scale = pow(10, fabs((double)decimals));
    if (decimals > 0)
        return tg__unary_with(c, TG__UNP_round_up, scale, 0);
    /* Where the dtype does not hold the scale, every number is less than half of it. */
    const bool zero = c->in[0]->dtype == TG_F32 && decimals < -38;
    return tg__unary_with(c, TG__UNP_round_down, zero ? 1 : scale, zero ? 0 : 1);
}
TG_OP(round, .maths = "nearest multiple of 10^-decimals, half to even", .inputs = "x", .n_in = 1,
      .flags = TG__IN_PLACE, .fields = round_fields, .attr_size = sizeof(round_attr),
      .forward = round_forward, .kernel = TG__UN_round, .rule = flat_rule, .onnx = {"composed"});
TG_SAMPLES(round, "[2,3]", "[3] | decimals=2", "[2,2] | decimals=-1", "[]");
tg_tensor *tg_round(tg_tensor *x, int64_t decimals) {
    return tg__apply1(&tg__op_round, x, &(round_attr){decimals});
}
tg_tensor *tg_round_(tg_tensor *x, int64_t decimals) {
    return tg__apply1_(&tg__op_round, x, &(round_attr){decimals});
}
