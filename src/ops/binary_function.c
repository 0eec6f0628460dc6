/* binary_function.c - elementwise functions of two inputs beyond arithmetic.
 *
 * Where a slope is 0 by definition, what it would divide by is replaced before the division, not
 * the quotient after it: else the next derivative would meet 0 · inf. */
#include "ops/elementwise.h"

#include <math.h>

#define TWO_FLOATS .inputs = "a b", .n_in = 2, .forward = tg__binary_forward, .onnx = {"composed"}

/* ---- hypot: √(a² + b²); d/da = a/y, 0 at the origin ---- */

/* x / y where y is not 0, else 0. */
static tg_tensor *ratio(tg_tensor *x, tg_tensor *y) {
    tg_tensor *origin = tg_eq_scalar(y, 0.0);
    return tg_masked_fill(tg_div(x, tg_masked_fill(y, origin, 1.0)), origin, 0.0);
}
static void hypot_rule(tg__rule *r) {
    for (int i = 0; i < 2; i++)
        if (r->wanted[i])
            r->gin[i] = tg_mul(r->g[0], ratio(r->in[i], r->out[0]));
}
TG_OP(hypot, .maths = "sqrt(a^2 + b^2)", TWO_FLOATS, .flags = TG__IN_PLACE | TG__BROADCASTS,
      .kernel = TG__BIN_hypot, .rule = hypot_rule,
      .saves = {TG__SAVE_IN(0, 1), TG__SAVE_IN(1, 2), TG__SAVE_OUT(0, TG__ANY)});
TG_SAMPLES(hypot, "[2,3] [2,3]", "[2,3] +[3]", "[] [2]");
tg_tensor *tg_hypot(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_hypot, a, b, NULL); }
tg_tensor *tg_hypot_(tg_tensor *a, tg_tensor *b) { return tg__apply2_(&tg__op_hypot, a, b, NULL); }

/* ---- atan2: the angle of (b, a); d/da = b/(a² + b²), d/db = -a/(a² + b²), 0 at the origin ---- */
static void atan2_rule(tg__rule *r) {
    tg_tensor *length = tg_hypot(r->in[0], r->in[1]);
    if (r->wanted[0])
        r->gin[0] = tg_mul(r->g[0], ratio(ratio(r->in[1], length), length));
    if (r->wanted[1])
        r->gin[1] = tg_neg(tg_mul(r->g[0], ratio(ratio(r->in[0], length), length)));
}
TG_OP(atan2, .maths = "atan2(a, b)", TWO_FLOATS, .flags = TG__IN_PLACE | TG__BROADCASTS,
      .kernel = TG__BIN_atan2, .rule = atan2_rule,
      .saves = {TG__SAVE_IN(0, TG__ANY), TG__SAVE_IN(1, TG__ANY)});
TG_SAMPLES(atan2, "[2,3] [2,3]", "[2,3] +[3]", "[] [2]");
tg_tensor *tg_atan2(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_atan2, a, b, NULL); }
tg_tensor *tg_atan2_(tg_tensor *a, tg_tensor *b) { return tg__apply2_(&tg__op_atan2, a, b, NULL); }
tg_tensor *tg_arctan2(tg_tensor *a, tg_tensor *b) { return tg_atan2(a, b); }

/* ---- copysign: |a| with the sign of b; d/da = y/a, 0 at 0 ---- */
static void copysign_rule(tg__rule *r) {
    if (r->wanted[0])
        r->gin[0] = tg_mul(r->g[0], ratio(r->out[0], r->in[0]));
    if (r->wanted[1])
        r->gin[1] = tg_zeros_like(r->g[0]);
}
TG_OP(copysign, .maths = "|a| * sign(b)", TWO_FLOATS, .flags = TG__IN_PLACE | TG__BROADCASTS,
      .kernel = TG__BIN_copysign, .rule = copysign_rule,
      .saves = {TG__SAVE_IN(0, 1), TG__SAVE_OUT(0, 1)});
TG_SAMPLES(copysign, "[2,3] [2,3]", "[2,3] [3]", "[] [2]");
tg_tensor *tg_copysign(tg_tensor *a, tg_tensor *b) {
    return tg__apply2(&tg__op_copysign, a, b, NULL);
}
tg_tensor *tg_copysign_(tg_tensor *a, tg_tensor *b) {
    return tg__apply2_(&tg__op_copysign, a, b, NULL);
}
tg_tensor *tg_copysign_scalar(tg_tensor *x, double s) {
    return tg__with_number(&tg__op_copysign, x, s);
}
tg_tensor *tg_copysign_scalar_(tg_tensor *x, double s) {
    return tg__with_number_(&tg__op_copysign, x, s);
}

/* ---- nextafter: the number next to a in the direction of b ---- */

/* Of 16 bits: numbers of one sign are ordered as their patterns. arg: the pattern of inf. */
static void next_narrow(char *const *p, const int64_t *s, int64_t n, const void *arg) {
    const int inf = *(const int *)arg;
    for (int64_t i = 0; i < n; i++) {
        const int a = *(const uint16_t *)(const void *)(p[1] + i * s[1]);
        const int b = *(const uint16_t *)(const void *)(p[2] + i * s[2]);
        const int size_a = a & 0x7fff;
        const int size_b = b & 0x7fff;
        const int from = a == size_a ? size_a : -size_a;
        const int to = b == size_b ? size_b : -size_b;
        int y = b;
        if (size_a > inf) /* NaN */
            y = a;
        else if (size_b <= inf && from == 0 && to != 0)
            y = to > 0 ? 1 : 0x8001;
        else if (size_b <= inf && from != to)
            y = (from < to) == (from > 0) ? a + 1 : a - 1;
        *(uint16_t *)(void *)(p[0] + i * s[0]) = (uint16_t)y;
    }
}
/* f16 and bf16 have other neighbours than the f32 in which everything else is computed. */
static bool nextafter_forward(const tg__call *c) {
    tg_dtype dtype = tg__promote(c->in[0], c->in[1]);
    const bool narrow = dtype == TG_F16 || dtype == TG_BF16;
    tg_tensor *in[2] = {NULL, NULL};
    for (int i = 0; i < 2 && (i == 0 || in[0] != NULL); i++)
        in[i] = tg__as("nextafter", c->in[i], narrow ? dtype : tg__wide((tg_dtype)c->in[i]->dtype));
    bool good = in[1] != NULL;
    int ndim;
    int64_t shape[TG_MAX_DIMS];
    if (good && narrow) {
        const int inf = dtype == TG_F16 ? 0x7c00 : 0x7f80;
        good = tg__broadcast("nextafter", in[0], in[1], &ndim, shape) &&
               (c->out[0] = tg__new("nextafter", dtype, ndim, shape)) != NULL;
        if (good)
            tg__run((tg_tensor *[]){c->out[0], in[0], in[1]}, 3, next_narrow, &inf, 1);
    } else if (good) {
        tg__call wide = *c;
        wide.in = in;
        good = tg__binary_forward(&wide);
    }
    tg__unref(in[0]);
    tg__unref(in[1]);
    return good;
}
TG_OP(nextafter, .maths = "next number from a toward b", .inputs = "a b", .n_in = 2,
      .flags = TG__ANY_DTYPE | TG__NOT_DIFF | TG__BROADCASTS, .forward = nextafter_forward,
      .kernel = TG__BIN_nextafter, .onnx = {"none"});
TG_SAMPLES(nextafter, "[2,3] [2,3]", "[2,3] [3]");
tg_tensor *tg_nextafter(tg_tensor *a, tg_tensor *b) {
    return tg__apply2(&tg__op_nextafter, a, b, NULL);
}
tg_tensor *tg_nextafter_(tg_tensor *a, tg_tensor *b) {
    return tg__overwrite(&tg__op_nextafter, a, tg_nextafter(a, b));
}

/* ---- heaviside: 0 below 0, 1 above, values at 0 ---- */
TG_OP(heaviside, .maths = "x > 0, values at 0", .inputs = "x values", .n_in = 2,
      .flags = TG__NOT_DIFF | TG__BROADCASTS, .forward = tg__binary_forward,
      .kernel = TG__BIN_heaviside, .onnx = {"composed"});
TG_SAMPLES(heaviside, "[2,3] [2,3]", "[2,3] [3]");
tg_tensor *tg_heaviside(tg_tensor *x, tg_tensor *values) {
    return tg__apply2(&tg__op_heaviside, x, values, NULL);
}
tg_tensor *tg_heaviside_(tg_tensor *x, tg_tensor *values) {
    return tg__overwrite(&tg__op_heaviside, x, tg_heaviside(x, values));
}

/* ---- logaddexp, logaddexp2: log(e^a + e^b), log₂(2^a + 2^b) ---- */

/* d/da = e^a/(e^a + e^b), 0 where y = -inf. */
static tg_tensor *share(tg_tensor *g, tg_tensor *x, tg_tensor *other, tg_tensor *y, double scale) {
    tg_tensor *nothing = tg_eq_scalar(y, -INFINITY);
    tg_tensor *lead = tg_masked_fill(tg_sub(x, other), nothing, 0.0); /* ln of the odds */
    if (scale != 1.0)
        lead = tg_mul_scalar(lead, scale);
    return tg_masked_fill(tg_mul(g, tg_sigmoid(lead)), nothing, 0.0);
}
static void share_rule(tg__rule *r, double scale) {
    if (r->wanted[0])
        r->gin[0] = share(r->g[0], r->in[0], r->in[1], r->out[0], scale);
    if (r->wanted[1])
        r->gin[1] = share(r->g[0], r->in[1], r->in[0], r->out[0], scale);
}
static void logaddexp_rule(tg__rule *r) { share_rule(r, 1.0); }
static void logaddexp2_rule(tg__rule *r) { share_rule(r, 0.69314718055994530942); /* ln 2 */ }
TG_OP(logaddexp, .maths = "log(e^a + e^b)", TWO_FLOATS, .flags = TG__BROADCASTS,
      .kernel = TG__BIN_logaddexp, .rule = logaddexp_rule,
      .saves = {TG__SAVE_IN(0, TG__ANY), TG__SAVE_IN(1, TG__ANY), TG__SAVE_OUT(0, TG__ANY)});
TG_SAMPLES(logaddexp, "[2,3] [2,3]", "[2,3] [3]", "[] [2]");
tg_tensor *tg_logaddexp(tg_tensor *a, tg_tensor *b) {
    return tg__apply2(&tg__op_logaddexp, a, b, NULL);
}
TG_OP(logaddexp2, .maths = "log2(2^a + 2^b)", TWO_FLOATS, .flags = TG__BROADCASTS,
      .kernel = TG__BIN_logaddexp2, .rule = logaddexp2_rule,
      .saves = {TG__SAVE_IN(0, TG__ANY), TG__SAVE_IN(1, TG__ANY), TG__SAVE_OUT(0, TG__ANY)});
TG_SAMPLES(logaddexp2, "[2,3] [2,3]", "[2,3] [3]", "[] [2]");
tg_tensor *tg_logaddexp2(tg_tensor *a, tg_tensor *b) {
    return tg__apply2(&tg__op_logaddexp2, a, b, NULL);
}

/* ---- xlogy: a·ln b; d/da = ln b, 0 where a = 0 and b <= 0, d/db = a/b ---- */

/* b with `value` in its place where a = 0 and the logarithm would be -inf or NaN. */
static tg_tensor *in_domain(const tg__rule *r, double edge, double value) {
    tg_tensor *b = tg__like_gradient(r->in[1], r->g[0]);
    tg_tensor *flat = tg_logical_and(tg_eq_scalar(r->in[0], 0.0), tg_le_scalar(b, edge));
    return tg_masked_fill(b, flat, value);
}
static void xlogy_rule(tg__rule *r) {
    if (r->wanted[0])
        r->gin[0] = tg_xlogy(r->g[0], in_domain(r, 0.0, 1.0));
    if (r->wanted[1])
        r->gin[1] = tg_mul(r->g[0], tg_div(r->in[0], r->in[1]));
}
TG_OP(xlogy, .maths = "a * log(b)", TWO_FLOATS, .flags = TG__IN_PLACE | TG__BROADCASTS,
      .kernel = TG__BIN_xlogy, .rule = xlogy_rule,
      .saves = {TG__SAVE_IN(0, TG__ANY), TG__SAVE_IN(1, TG__ANY)});
TG_SAMPLES(xlogy, "[2,3] +[2,3]", "[2,3] +[3]", "[] +[2]");
tg_tensor *tg_xlogy(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_xlogy, a, b, NULL); }
tg_tensor *tg_xlogy_(tg_tensor *a, tg_tensor *b) { return tg__apply2_(&tg__op_xlogy, a, b, NULL); }
tg_tensor *tg_xlogy_scalar(tg_tensor *x, double s) { return tg__with_number(&tg__op_xlogy, x, s); }
tg_tensor *tg_rxlogy_scalar(tg_tensor *x, double s) { return tg__number_with(&tg__op_xlogy, s, x); }
tg_tensor *tg_xlogy_scalar_(tg_tensor *x, double s) {
    return tg__with_number_(&tg__op_xlogy, x, s);
}

/* ---- xlog1py: a·ln(1 + b); d/da = ln(1 + b), 0 where a = 0 and b <= -1, d/db = a/(1 + b) ---- */
static void xlog1py_rule(tg__rule *r) {
    if (r->wanted[0])
        r->gin[0] = tg_xlog1py(r->g[0], in_domain(r, -1.0, 0.0));
    if (r->wanted[1])
        r->gin[1] = tg_mul(
            r->g[0], tg_div(r->in[0], tg_add_scalar(tg__like_gradient(r->in[1], r->g[0]), 1.0)));
}
TG_OP(xlog1py, .maths = "a * log(1 + b)", TWO_FLOATS, .flags = TG__BROADCASTS,
      .kernel = TG__BIN_xlog1py, .rule = xlog1py_rule,
      .saves = {TG__SAVE_IN(0, TG__ANY), TG__SAVE_IN(1, TG__ANY)});
TG_SAMPLES(xlog1py, "[2,3] +[2,3]", "[2,3] +[3]", "[] +[2]");
tg_tensor *tg_xlog1py(tg_tensor *a, tg_tensor *b) {
    return tg__apply2(&tg__op_xlog1py, a, b, NULL);
}
tg_tensor *tg_xlog1py_scalar(tg_tensor *x, double s) {
    return tg__with_number(&tg__op_xlog1py, x, s);
}
tg_tensor *tg_rxlog1py_scalar(tg_tensor *x, double s) {
    return tg__number_with(&tg__op_xlog1py, s, x);
}
