/* ternary.c - elementwise operations of three inputs, which broadcast. */
#include "ops/elementwise.h"

/* ---- addcmul: x + value·a·b ---- */
typedef struct {
    double value;
} value_attr;
static const tg__field value_fields[] = {
    {"value", TG_ATTR_FLOAT, offsetof(value_attr, value), false, TG__NAN_OK, 1.0}, {0}};
static void addcmul_rule(tg__rule *r) {
    const value_attr *a = r->attr;
    r->gin[0] = r->g[0];
    if (r->wanted[1])
        r->gin[1] = tg_mul(tg_mul_scalar(r->g[0], a->value), r->in[2]);
    if (r->wanted[2])
        r->gin[2] = tg_mul(tg_mul_scalar(r->g[0], a->value), r->in[1]);
}
TG_OP(addcmul, .maths = "x + value * a * b", .inputs = "x a b", .n_in = 3,
      .flags = TG__IN_PLACE | TG__BROADCASTS, .fields = value_fields,
      .attr_size = sizeof(value_attr), .forward = tg__ternary_forward, .kernel = TG__TER_addcmul,
      .rule = addcmul_rule, .saves = {TG__SAVE_IN(1, 4), TG__SAVE_IN(2, 2)}, .onnx = {"composed"});
TG_SAMPLES(addcmul, "[2,3] [2,3] [2,3]", "[2,3] [3] [2,1] | value=0.5", "[] [] []");
tg_tensor *tg_addcmul(tg_tensor *x, tg_tensor *a, tg_tensor *b, double value) {
    return tg__apply3(&tg__op_addcmul, x, a, b, &(value_attr){value});
}
tg_tensor *tg_addcmul_(tg_tensor *x, tg_tensor *a, tg_tensor *b, double value) {
    tg_tensor *in[3] = {x, a, b};
    return tg__apply_(&tg__op_addcmul, in, 3, &(value_attr){value});
}

/* ---- addcdiv: x + value·a/b ---- */
static void addcdiv_rule(tg__rule *r) {
    const value_attr *a = r->attr;
    r->gin[0] = r->g[0];
    if (!r->wanted[1] && !r->wanted[2])
        return;
    tg_tensor *slope = tg_div(tg_mul_scalar(r->g[0], a->value), r->in[2]);
    if (r->wanted[1])
        r->gin[1] = slope;
    if (r->wanted[2])
        r->gin[2] = tg_neg(tg_mul(slope, tg_div(r->in[1], r->in[2])));
}
TG_OP(addcdiv, .maths = "x + value * a / b", .inputs = "x a b", .n_in = 3,
      .flags = TG__IN_PLACE | TG__BROADCASTS, .fields = value_fields,
      .attr_size = sizeof(value_attr), .forward = tg__ternary_forward, .kernel = TG__TER_addcdiv,
      .rule = addcdiv_rule, .saves = {TG__SAVE_IN(1, 4), TG__SAVE_IN(2, 6)}, .onnx = {"composed"});
TG_SAMPLES(addcdiv, "[2,3] [2,3] +[2,3]", "[2,3] [3] +[2,1] | value=0.5", "[] [] +[]");
tg_tensor *tg_addcdiv(tg_tensor *x, tg_tensor *a, tg_tensor *b, double value) {
    return tg__apply3(&tg__op_addcdiv, x, a, b, &(value_attr){value});
}
tg_tensor *tg_addcdiv_(tg_tensor *x, tg_tensor *a, tg_tensor *b, double value) {
    tg_tensor *in[3] = {x, a, b};
    return tg__apply_(&tg__op_addcdiv, in, 3, &(value_attr){value});
}

/* ---- lerp: a + weight·(b - a), counted from the nearer end so that both ends are exact ---- */
static void lerp_rule(tg__rule *r) {
    if (r->wanted[0])
        r->gin[0] = tg_mul(r->g[0], tg_rsub_scalar(tg__like_gradient(r->in[2], r->g[0]), 1.0));
    if (r->wanted[1])
        r->gin[1] = tg_mul(r->g[0], r->in[2]);
    if (r->wanted[2])
        r->gin[2] = tg_mul(r->g[0], tg_sub(tg__like_gradient(r->in[1], r->g[0]),
                                           tg__like_gradient(r->in[0], r->g[0])));
}
TG_OP(lerp, .maths = "a + weight * (b - a)", .inputs = "a b weight", .n_in = 3,
      .flags = TG__IN_PLACE | TG__BROADCASTS, .forward = tg__ternary_forward,
      .kernel = TG__TER_lerp, .rule = lerp_rule,
      .saves = {TG__SAVE_IN(0, 4), TG__SAVE_IN(1, 4), TG__SAVE_IN(2, 3)}, .onnx = {"composed"});
TG_SAMPLES(lerp, "[2,3] [2,3] [2,3]", "[2,3] [3] [2,1]", "[2,3] [2,3] []", "[] [] [2]");
tg_tensor *tg_lerp(tg_tensor *a, tg_tensor *b, tg_tensor *weight) {
    return tg__apply3(&tg__op_lerp, a, b, weight, NULL);
}
tg_tensor *tg_lerp_(tg_tensor *a, tg_tensor *b, tg_tensor *weight) {
    tg_tensor *in[3] = {a, b, weight};
    return tg__apply_(&tg__op_lerp, in, 3, NULL);
}
/* The weight as an operand that does not widen a and b, in the wider dtype of the two. Raw. */
static tg_tensor *weight_of(const tg_tensor *a, const tg_tensor *b, double weight) {
    if (!tg__required("lerp", "a", a) || !tg__required("lerp", "b", b))
        return NULL;
    return tg__number(&tg__op_lerp, b->dtype == TG_F64 ? b : a, weight);
}
tg_tensor *tg_lerp_scalar(tg_tensor *a, tg_tensor *b, double weight) {
    tg_tensor *w = weight_of(a, b, weight);
    tg_tensor *y = w != NULL ? tg_lerp(a, b, w) : NULL;
    tg__unref(w);
    return y;
}
tg_tensor *tg_lerp_scalar_(tg_tensor *a, tg_tensor *b, double weight) {
    tg_tensor *w = weight_of(a, b, weight);
    tg_tensor *y = w != NULL ? tg_lerp_(a, b, w) : NULL;
    tg__unref(w);
    return y;
}
