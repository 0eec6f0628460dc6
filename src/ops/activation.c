/* activation.c - the activation functions of neural networks. */
#include "ops/elementwise.h"

/* ---- leaky_relu: x where x > 0, else slope·x ---- */
typedef struct {
    double slope;
} leaky_relu_attr;
static const tg__field leaky_relu_fields[] = {
    {"slope", TG_ATTR_FLOAT, offsetof(leaky_relu_attr, slope), false, 0, 0.01}, {0}};
static void leaky_relu_rule(tg__rule *r) {
    r->gin[0] = tg__apply2(&tg__op_leaky_relu_grad, r->g[0], r->in[0], r->attr);
}
TG_OP(leaky_relu, .maths = "x where x > 0, else slope * x", .inputs = "x", .n_in = 1,
      .flags = TG__IN_PLACE, .fields = leaky_relu_fields, .attr_size = sizeof(leaky_relu_attr),
      .forward = tg__unary_param_forward, .kernel = TG__UNP_leaky_relu, .rule = leaky_relu_rule,
      .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"LeakyRelu", 16, "alpha=slope"});
TG_SAMPLES(leaky_relu, "[2,3]", "[2,3] | slope=0.3", "[]");
tg_tensor *tg_leaky_relu(tg_tensor *x, double slope) {
    return tg__apply1(&tg__op_leaky_relu, x, &(leaky_relu_attr){slope});
}
tg_tensor *tg_leaky_relu_(tg_tensor *x, double slope) {
    return tg__apply1_(&tg__op_leaky_relu, x, &(leaky_relu_attr){slope});
}

/* ---- leaky_relu_grad: g where x > 0, else slope·g ---- */
static void leaky_relu_grad_rule(tg__rule *r) {
    if (r->wanted[0])
        r->gin[0] = tg__apply2(&tg__op_leaky_relu_grad, r->g[0], r->in[1], r->attr);
    if (r->wanted[1])
        r->gin[1] = tg_zeros_like(r->in[1]);
}
TG_OP(leaky_relu_grad, .maths = "g where x > 0, else slope * g", .inputs = "g x", .n_in = 2,
      .flags = TG__INTERNAL | TG__BROADCASTS, .fields = leaky_relu_fields,
      .attr_size = sizeof(leaky_relu_attr), .forward = tg__binary_param_forward,
      .kernel = TG__BINP_leaky_relu_grad, .rule = leaky_relu_grad_rule,
      .saves = {TG__SAVE_IN(1, TG__ANY)}, .onnx = {"composed"});
TG_SAMPLES(leaky_relu_grad, "[2,3] [2,3]");
