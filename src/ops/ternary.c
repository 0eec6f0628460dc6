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
