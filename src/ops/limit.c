/* limit.c - the larger and the smaller of two inputs, and inputs kept between bounds. */
#include "ops/elementwise.h"

#include <math.h>

/* ---- maximum_grad: g where a > b, g/2 where a = b, 0 where a < b, g at NaN ---- */
static tg_tensor *maximum_grad(tg_tensor *g, tg_tensor *a, tg_tensor *b) {
    return tg__apply3(&tg__op_maximum_grad, g, a, b, NULL);
}
static void maximum_grad_rule(tg__rule *r) {
    if (r->wanted[0])
        r->gin[0] = maximum_grad(r->g[0], r->in[1], r->in[2]);
    for (int i = 1; i < 3; i++)
        if (r->wanted[i])
            r->gin[i] = tg_zeros_like(r->g[0]);
}
TG_OP(maximum_grad, .maths = "g where a > b, g / 2 where a == b, else 0", .inputs = "g a b",
      .n_in = 3, .flags = TG__INTERNAL | TG__BROADCASTS, .forward = tg__ternary_forward,
      .kernel = TG__TER_maximum_grad, .rule = maximum_grad_rule,
      .saves = {TG__SAVE_IN(1, 1), TG__SAVE_IN(2, 1)}, .onnx = {"composed"});
TG_SAMPLES(maximum_grad, "[2,3] [2,3] [2,3]", "[2,3] [3] [2,1]");

/* ---- maximum, minimum: the taken side gets g, ties get halves, NaN gives g to both ---- */
static void maximum_rule(tg__rule *r) {
    if (r->wanted[0])
        r->gin[0] = maximum_grad(r->g[0], r->in[0], r->in[1]);
    if (r->wanted[1])
        r->gin[1] = maximum_grad(r->g[0], r->in[1], r->in[0]);
}
static void minimum_rule(tg__rule *r) { /* the smaller one is that which the other exceeds */
    if (r->wanted[0])
        r->gin[0] = maximum_grad(r->g[0], r->in[1], r->in[0]);
    if (r->wanted[1])
        r->gin[1] = maximum_grad(r->g[0], r->in[0], r->in[1]);
}
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

/* ---- fmax, fmin: a number wins over NaN; ties give everything to a ---- */
static void number_rule(tg__rule *r, bool larger) {
    tg_tensor *a = r->in[0];
    tg_tensor *b = r->in[1];
    tg_tensor *first = tg_logical_or(larger ? tg_ge(a, b) : tg_le(a, b), tg_isnan(b));
    if (r->wanted[0])
        r->gin[0] = tg_masked_fill(r->g[0], tg_logical_not(first), 0.0);
    if (r->wanted[1])
        r->gin[1] = tg_masked_fill(r->g[0], first, 0.0);
}
static void fmax_rule(tg__rule *r) { number_rule(r, true); }
static void fmin_rule(tg__rule *r) { number_rule(r, false); }
TG_OP(fmax, .maths = "max(a, b), not NaN", .inputs = "a b", .n_in = 2, .flags = TG__BROADCASTS,
      .forward = tg__binary_forward, .kernel = TG__BIN_fmax, .rule = fmax_rule,
      .saves = {TG__SAVE_IN(0, TG__ANY), TG__SAVE_IN(1, TG__ANY)}, .onnx = {"composed"});
TG_SAMPLES(fmax, "[2,3] [2,3]", "[2,3] [3]", "[] [2]");
tg_tensor *tg_fmax(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_fmax, a, b, NULL); }

TG_OP(fmin, .maths = "min(a, b), not NaN", .inputs = "a b", .n_in = 2, .flags = TG__BROADCASTS,
      .forward = tg__binary_forward, .kernel = TG__BIN_fmin, .rule = fmin_rule,
      .saves = {TG__SAVE_IN(0, TG__ANY), TG__SAVE_IN(1, TG__ANY)}, .onnx = {"composed"});
TG_SAMPLES(fmin, "[2,3] [2,3]", "[2,3] [3]", "[] [2]");
tg_tensor *tg_fmin(tg_tensor *a, tg_tensor *b) { return tg__apply2(&tg__op_fmin, a, b, NULL); }

/* ---- clamp: x limited to [lo, hi] ---- */
typedef struct {
    double lo, hi;
} clamp_attr;
static const tg__field clamp_fields[] = {
    {"lo", TG_ATTR_FLOAT, offsetof(clamp_attr, lo), false, 0, -INFINITY},
    {"hi", TG_ATTR_FLOAT, offsetof(clamp_attr, hi), false, 0, INFINITY},
    {0}};
static bool clamp_forward(const tg__call *c) {
    const clamp_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    tg__ew_fn fn = tg__kernels_get()->clamp[x->dtype];
    if (fn == NULL) {
        tg__refuse_dtype("clamp", x, "f32, f64, i64, i32, u8");
        return false;
    }
    tg_tensor *y = tg__dest(c, (tg_dtype)x->dtype, x->ndim, x->shape);
    if (y == NULL)
        return false;
    _Alignas(8) char limits[16];
    const bool whole = !tg_dtype_is_float((tg_dtype)x->dtype); /* then rounded inwards */
    tg__convert_double((tg_dtype)x->dtype, limits, whole ? ceil(a->lo) : a->lo);
    tg__convert_double((tg_dtype)x->dtype, limits + tg__item_size(x->dtype),
                       whole ? floor(a->hi) : a->hi);
    tg__run((tg_tensor *[]){y, x}, 2, fn, limits, 0.3);
    tg__land(c, y);
    return true;
}
static void clamp_rule(tg__rule *r) {
    r->gin[0] = tg__apply2(&tg__op_clamp_grad, r->g[0], r->in[0], r->attr);
}
TG_OP(clamp, .maths = "min(max(x, lo), hi)", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
      .fields = clamp_fields, .attr_size = sizeof(clamp_attr), .forward = clamp_forward,
      .rule = clamp_rule, .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"Clip", 13, "min=lo,max=hi"});
TG_SAMPLES(clamp, "[2,3] | lo=-0.5 hi=0.7", "[2,3] | lo=0.1", "[4] | hi=0.0");
tg_tensor *tg_clamp(tg_tensor *x, double lo, double hi) {
    return tg__apply1(&tg__op_clamp, x, &(clamp_attr){lo, hi});
}
tg_tensor *tg_clamp_(tg_tensor *x, double lo, double hi) {
    return tg__apply1_(&tg__op_clamp, x, &(clamp_attr){lo, hi});
}
tg_tensor *tg_clip(tg_tensor *x, double lo, double hi) { return tg_clamp(x, lo, hi); }
tg_tensor *tg_clamp_min(tg_tensor *x, double lo) { return tg_clamp(x, lo, INFINITY); }
tg_tensor *tg_clamp_max(tg_tensor *x, double hi) { return tg_clamp(x, -INFINITY, hi); }
tg_tensor *tg_clamp_min_(tg_tensor *x, double lo) { return tg_clamp_(x, lo, INFINITY); }
tg_tensor *tg_clamp_max_(tg_tensor *x, double hi) { return tg_clamp_(x, -INFINITY, hi); }

/* ---- clamp_grad: g where lo <= x <= hi, else 0 ---- */
static void clamp_grad_rule(tg__rule *r) {
    if (r->wanted[0])
        r->gin[0] = tg__apply2(&tg__op_clamp_grad, r->g[0], r->in[1], r->attr);
    if (r->wanted[1])
        r->gin[1] = tg_zeros_like(r->in[1]);
}
TG_OP(clamp_grad, .maths = "g where lo <= x <= hi, else 0", .inputs = "g x", .n_in = 2,
      .flags = TG__INTERNAL | TG__BROADCASTS, .fields = clamp_fields,
      .attr_size = sizeof(clamp_attr), .forward = tg__binary_param_forward,
      .kernel = TG__BINP_clamp_grad, .rule = clamp_grad_rule, .saves = {TG__SAVE_IN(1, TG__ANY)},
      .onnx = {"composed"});
TG_SAMPLES(clamp_grad, "[2,3] [2,3] | lo=-0.5 hi=0.7", "[2,3] [3] | lo=0.1");

/* ---- clamp_tensor: x limited to [lo, hi], each a tensor or absent ---- */
static bool clamp_tensor_forward(const tg__call *c) {
    tg_dtype dtype = tg__promote_all(c->in, 3);
    tg_tensor *in[3] = {c->in[0], c->in[1], c->in[2]};
    tg_tensor *made[3] = {NULL, NULL, NULL};
    bool good = !(in[1]->flags & in[2]->flags & TG__IS_NONE);
    if (!good)
        tg__fail(TG_ERR_ARG, "clamp_tensor", "neither lo nor hi is given; give at least one");
    for (int i = 1; i < 3 && good; i++) {
        if (!(in[i]->flags & TG__IS_NONE))
            continue;
        in[i] = made[i] = tg__new("clamp_tensor", dtype, 0, NULL); /* a bound that bounds nothing */
        good = in[i] != NULL;
        if (good)
            tg__convert_double(dtype, in[i]->data, i == 1 ? -INFINITY : INFINITY);
    }
    tg__call whole = *c;
    whole.in = in;
    good = good && tg__ternary_forward(&whole);
    tg__unref(made[1]);
    tg__unref(made[2]);
    return good;
}
/* At equality x wins. Of crossed bounds hi is the result. */
static void clamp_tensor_rule(tg__rule *r) {
    tg_tensor *x = r->in[0];
    tg_tensor *lo = r->in[1];
    tg_tensor *hi = r->in[2];
    if (r->wanted[0]) {
        tg_tensor *inside = lo != NULL ? tg_ge(x, lo) : tg_le(x, hi);
        if (lo != NULL && hi != NULL)
            inside = tg_logical_and(inside, tg_le(x, hi));
        r->gin[0] = tg_masked_fill(r->g[0], tg_logical_not(inside), 0.0);
    }
    if (r->wanted[1]) {
        tg_tensor *below = tg_lt(x, lo);
        if (hi != NULL)
            below = tg_logical_and(below, tg_lt(lo, hi));
        r->gin[1] = tg_masked_fill(r->g[0], tg_logical_not(below), 0.0);
    }
    if (r->wanted[2]) {
        tg_tensor *above = tg_gt(x, hi);
        if (lo != NULL)
            above = tg_logical_or(above, tg_lt(hi, lo));
        r->gin[2] = tg_masked_fill(r->g[0], tg_logical_not(above), 0.0);
    }
}
TG_OP(clamp_tensor, .maths = "min(max(x, lo), hi)", .inputs = "x lo hi", .n_in = 3, .n_optional = 2,
      .flags = TG__IN_PLACE | TG__BROADCASTS, .forward = clamp_tensor_forward,
      .kernel = TG__TER_clamp_tensor, .rule = clamp_tensor_rule,
      .saves = {TG__SAVE_IN(0, TG__ANY), TG__SAVE_IN(1, TG__ANY), TG__SAVE_IN(2, TG__ANY)},
      .onnx = {"composed"});
TG_SAMPLES(clamp_tensor, "[2,3] [2,3] [2,3]", "[2,3] [3] >[2,1]", "[2,3] [3] none",
           "[2,3] none [3]", "[] [2] none");
tg_tensor *tg_clamp_tensor(tg_tensor *x, tg_tensor *lo_or_none, tg_tensor *hi_or_none) {
    return tg__apply3(&tg__op_clamp_tensor, x, lo_or_none, hi_or_none, NULL);
}
tg_tensor *tg_clamp_tensor_(tg_tensor *x, tg_tensor *lo_or_none, tg_tensor *hi_or_none) {
    tg_tensor *in[3] = {x, lo_or_none, hi_or_none};
    return tg__apply_(&tg__op_clamp_tensor, in, 3, NULL);
}
