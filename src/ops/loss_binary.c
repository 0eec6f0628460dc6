/* loss_binary.c - losses of yes or no: of probabilities, of logits, of labels -1 and 1. */
#include "ops/loss.h"

/* ---- binary_cross_entropy: -(target·ln x + (1 - target)·ln(1 - x)) ---- */

/* All of input i in [0, 1]. */
static bool check_probabilities(const tg__call *c, int i) {
    tg_tensor *x = c->in[i];
    if (x->numel == 0)
        return true;
    bool was = tg__grad_off();
    tg_tensor *least = tg_min(x);
    tg_tensor *most = tg_max(x);
    tg__grad_back(was);
    if (least == NULL || most == NULL)
        return false;
    double low = tg__load_double((tg_dtype)x->dtype, least->data);
    double high = tg__load_double((tg_dtype)x->dtype, most->data);
    if (low >= 0 && high <= 1)
        return true;
    tg__fail(TG_ERR_NUMERIC, "binary_cross_entropy", "%s has %s; give probabilities in [0, 1]%s",
             tg__input_name(c->op, i), tg__num(low >= 0 ? high : low),
             i == 0 ? ", or logits to tg_binary_cross_entropy_with_logits" : "");
    return false;
}
static bool bce_forward(const tg__call *c) {
    const tg__loss_attr *a = c->attr;
    if (!tg__loss_reduction(c->op->name, a->reduction) || !tg__loss_alike(c, 0, 1) ||
        !tg__loss_weight(c, 2) || !check_probabilities(c, 0) || !check_probabilities(c, 1))
        return false;
    tg_tensor *each = tg__apply2(&tg__op_bce_each, c->in[0], c->in[1], NULL);
    c->out[0] = tg__loss_reduced(tg__loss_weighted(each, c->in[2]), a->reduction);
    return c->out[0] != NULL;
}
TG_OP(binary_cross_entropy, .maths = "-(target * ln(x) + (1 - target) * ln(1 - x))",
      .inputs = "x target weight", .n_in = 3, .n_optional = 1, TG__LOSS, .forward = bce_forward,
      .onnx = {"composed"});
TG_SAMPLES(binary_cross_entropy, "%[2,3] %[2,3] none", "%[2,3] %[2,3] +[3] | reduction=0",
           "%[4] %[4] none | reduction=2", "%[2,3] %[2,3] +[2,1]");
tg_tensor *tg_binary_cross_entropy(tg_tensor *x, tg_tensor *target, tg_tensor *weight,
                                   tg_reduction reduction) {
    return tg__apply3(&tg__op_binary_cross_entropy, x, target, weight, &(tg__loss_attr){reduction});
}

/* ---- bce_each: one element of it, logarithms not below -100; d/dx = (x - t)/max(x(1 - x), 1e-12),
 *      d/dt = ln(1 - x) - ln x, limited alike ---- */
static tg_tensor *limited(tg_tensor *x) { return tg_clamp(x, -100.0, __builtin_inf()); }
static bool bce_each_forward(const tg__call *c) {
    return tg__float_only("bce_each", c->in[0]) && tg__float_only("bce_each", c->in[1]) &&
           tg__binary_forward(c);
}
static void bce_each_rule(tg__rule *r) {
    tg_tensor *x = r->in[0];
    tg_tensor *t = r->in[1];
    if (r->wanted[0]) {
        tg_tensor *d = tg_clamp(tg_mul(x, tg_rsub_scalar(x, 1.0)), 1e-12, __builtin_inf());
        r->gin[0] = tg_mul(r->g[0], tg_div(tg_sub(x, t), d));
    }
    if (r->wanted[1])
        r->gin[1] = tg_mul(r->g[0], tg_sub(limited(tg_log1p(tg_neg(x))), limited(tg_log(x))));
}
TG_OP(bce_each, .maths = "-(target * ln(x) + (1 - target) * ln(1 - x))", .inputs = "x target",
      .n_in = 2, .flags = TG__INTERNAL | TG__BROADCASTS, .forward = bce_each_forward,
      .kernel = TG__BIN_bce, .rule = bce_each_rule,
      .saves = {TG__SAVE_IN(0, TG__ANY), TG__SAVE_IN(1, 1)}, .onnx = {"composed"});
TG_SAMPLES(bce_each, "%[2,3] %[2,3]");

/* ---- binary_cross_entropy_with_logits: that of σ(x), without overflow ---- */
static bool bce_with_logits_forward(const tg__call *c) {
    const tg__loss_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    tg_tensor *t = c->in[1];
    tg_tensor *positive = c->in[3];
    if (!tg__loss_reduction(c->op->name, a->reduction) || !tg__loss_alike(c, 0, 1) ||
        !tg__loss_weight(c, 2) || !tg__loss_weight(c, 3))
        return false;
    tg_tensor *each;
    if (positive->flags & TG__IS_NONE) {
        each = tg__apply2(&tg__op_bce_logits, x, t, NULL);
    } else { /* both terms have one sign: nothing cancels */
        tg_tensor *yes = tg_mul(tg_mul(positive, t), tg_logsigmoid(x));
        tg_tensor *no = tg_mul(tg_rsub_scalar(t, 1.0), tg_logsigmoid(tg_neg(x)));
        each = tg_neg(tg_add(yes, no));
    }
    c->out[0] = tg__loss_reduced(tg__loss_weighted(each, c->in[2]), a->reduction);
    return c->out[0] != NULL;
}
TG_OP(binary_cross_entropy_with_logits,
      .maths = "-(pos_weight * target * ln(sigmoid(x)) + (1 - target) * ln(sigmoid(-x)))",
      .inputs = "x target weight pos_weight", .n_in = 4, .n_optional = 2, TG__LOSS,
      .forward = bce_with_logits_forward, .onnx = {"composed"});
TG_SAMPLES(binary_cross_entropy_with_logits, "[2,3] %[2,3] none none",
           "[2,3] %[2,3] +[3] none | reduction=0", "[4] [4] none +[1] | reduction=2",
           "[2,3] %[2,3] +[2,1] +[3]");
tg_tensor *tg_binary_cross_entropy_with_logits(tg_tensor *x, tg_tensor *target, tg_tensor *weight,
                                               tg_tensor *pos_weight, tg_reduction reduction) {
    tg_tensor *in[4] = {x, target, weight, pos_weight};
    tg_tensor *out;
    return tg__apply(&tg__op_binary_cross_entropy_with_logits, in, 4, &(tg__loss_attr){reduction},
                     &out)
               ? out
               : NULL;
}

/* ---- bce_logits: (1 - t)·softplus(x) + t·softplus(-x) ---- */
static void bce_logits_rule(tg__rule *r) {
    if (r->wanted[0])
        r->gin[0] = tg__apply3(&tg__op_bce_logits_grad, r->g[0], r->in[0], r->in[1], NULL);
    if (r->wanted[1])
        r->gin[1] = tg_neg(tg_mul(r->g[0], r->in[0]));
}
TG_OP(bce_logits, .maths = "(1 - t) * ln(1 + e^x) + t * ln(1 + e^-x)", .inputs = "x t", .n_in = 2,
      .flags = TG__INTERNAL | TG__BROADCASTS, .forward = tg__binary_forward,
      .kernel = TG__BIN_bce_logits, .rule = bce_logits_rule,
      .saves = {TG__SAVE_IN(0, TG__ANY), TG__SAVE_IN(1, 1)}, .onnx = {"composed"});
TG_SAMPLES(bce_logits, "[2,3] [2,3]");

/* ---- bce_logits_grad: g(σ(x) - t); d/dx = gσ(1 - σ), d/dt = -g ---- */
static void bce_logits_grad_rule(tg__rule *r) {
    tg_tensor *x = r->in[1];
    if (r->wanted[0])
        r->gin[0] = tg__apply3(&tg__op_bce_logits_grad, r->g[0], x, r->in[2], NULL);
    if (!r->wanted[1] && !r->wanted[2])
        return;
    tg_tensor *hg = tg_mul(r->g[0], r->in[0]);
    if (r->wanted[1])
        r->gin[1] = tg_mul(hg, tg_mul(tg_sigmoid(x), tg_sigmoid(tg_neg(x))));
    if (r->wanted[2])
        r->gin[2] = tg_neg(hg);
}
TG_OP(bce_logits_grad, .maths = "g * (sigmoid(x) - t)", .inputs = "g x t", .n_in = 3,
      .flags = TG__INTERNAL | TG__BROADCASTS, .forward = tg__ternary_forward,
      .kernel = TG__TER_bce_logits_grad, .rule = bce_logits_grad_rule,
      .saves = {TG__SAVE_IN(0, 6), TG__SAVE_IN(1, 3), TG__SAVE_IN(2, 1)}, .onnx = {"composed"});
TG_SAMPLES(bce_logits_grad, "[2,3] [2,3] [2,3]");

/* ---- sigmoid_focal_loss: bce_logits·(1 - p)^gamma, p the probability of the target ---- */
typedef struct {
    double alpha, gamma;
    int64_t reduction;
} focal_attr;
static const tg__field focal_fields[] = {
    {"alpha", TG_ATTR_FLOAT, offsetof(focal_attr, alpha), false, 0, 0.25},
    {"gamma", TG_ATTR_FLOAT, offsetof(focal_attr, gamma), false, 0, 2.0},
    {"reduction", TG_ATTR_INT, offsetof(focal_attr, reduction), false, TG_REDUCE_MEAN, 0},
    {0}};
/* a·t + b·(1 - t) */
static tg_tensor *either(tg_tensor *t, tg_tensor *a, tg_tensor *b) {
    return tg_add(tg_mul(t, a), tg_mul(tg_rsub_scalar(t, 1.0), b));
}
static bool focal_forward(const tg__call *c) {
    const focal_attr *a = c->attr;
    const char *op = c->op->name;
    tg_tensor *x = c->in[0];
    tg_tensor *t = c->in[1];
    if (!tg__loss_reduction(op, a->reduction) || !tg__loss_alike(c, 0, 1) ||
        !tg__loss_finite(op, "alpha", a->alpha))
        return false;
    if (!(a->gamma >= 0) || !__builtin_isfinite(a->gamma)) {
        tg__fail(TG_ERR_ARG, op, "gamma is %s; give a finite number >= 0", tg__num(a->gamma));
        return false;
    }
    tg_tensor *each = tg__apply2(&tg__op_bce_logits, x, t, NULL);
    tg_tensor *miss = either(t, tg_sigmoid(tg_neg(x)), tg_sigmoid(x)); /* 1 - p */
    each = tg_mul(each, tg_pow_scalar(miss, a->gamma));
    if (a->alpha >= 0) { /* alpha·t + (1 - alpha)(1 - t) */
        tg_tensor *balance = tg_mul_scalar(t, 2 * a->alpha - 1);
        each = tg_mul(each, tg_add_scalar(balance, 1 - a->alpha));
    }
    c->out[0] = tg__loss_reduced(each, a->reduction);
    return c->out[0] != NULL;
}
TG_OP(sigmoid_focal_loss, .maths = "alpha_t * (1 - p_t)^gamma * -ln(p_t); p = sigmoid(x)",
      .inputs = "x target", .n_in = 2, .flags = TG__COMPOSED, .fields = focal_fields,
      .attr_size = sizeof(focal_attr), .forward = focal_forward, .onnx = {"composed"});
TG_SAMPLES(sigmoid_focal_loss, "[2,3] %[2,3]", "[2,3] %[2,3] | alpha=-1 gamma=1.5 reduction=0",
           "[4] %[4] | alpha=0.6 gamma=0 reduction=2");
tg_tensor *tg_sigmoid_focal_loss(tg_tensor *x, tg_tensor *target, double alpha, double gamma,
                                 tg_reduction reduction) {
    return tg__apply2(&tg__op_sigmoid_focal_loss, x, target,
                      &(focal_attr){alpha, gamma, reduction});
}

/* ---- dice_loss: 1 - (2Σ x·target + smooth)/(Σ x + Σ target + smooth), a sum per sample ---- */
typedef struct {
    double smooth;
    int64_t reduction;
} dice_attr;
static const tg__field dice_fields[] = {
    {"smooth", TG_ATTR_FLOAT, offsetof(dice_attr, smooth), false, 0, 1.0},
    {"reduction", TG_ATTR_INT, offsetof(dice_attr, reduction), false, TG_REDUCE_MEAN, 0},
    {0}};
static bool dice_loss_forward(const tg__call *c) {
    const dice_attr *a = c->attr;
    if (!tg__loss_reduction("dice_loss", a->reduction) || !tg__loss_alike(c, 0, 1))
        return false;
    if (!(a->smooth >= 0) || !__builtin_isfinite(a->smooth)) {
        tg__fail(TG_ERR_ARG, "dice_loss", "smooth is %s; give a finite number >= 0",
                 tg__num(a->smooth));
        return false;
    }
    if (c->in[0]->ndim < 2) {
        tg__fail(TG_ERR_SHAPE, "dice_loss", "x is %s; give [N, ...]", tg__describe(c->in[0]));
        return false;
    }
    tg_tensor *x = tg_flatten(c->in[0], 1, -1);
    tg_tensor *t = tg_flatten(c->in[1], 1, -1);
    tg_tensor *both = tg_sum(tg_mul(x, t), TG_DIMS(1), false);
    tg_tensor *all = tg_sum(tg_add(x, t), TG_DIMS(1), false);
    tg_tensor *share =
        tg_div(tg_add_scalar(tg_mul_scalar(both, 2.0), a->smooth), tg_add_scalar(all, a->smooth));
    c->out[0] = tg__loss_reduced(tg_rsub_scalar(share, 1.0), a->reduction);
    return c->out[0] != NULL;
}
TG_OP(dice_loss, .maths = "1 - (2 sum(x * target) + smooth) / (sum(x) + sum(target) + smooth)",
      .inputs = "x target", .n_in = 2, .flags = TG__COMPOSED, .fields = dice_fields,
      .attr_size = sizeof(dice_attr), .forward = dice_loss_forward, .onnx = {"composed"});
TG_SAMPLES(dice_loss, "%[2,3] %[2,3]", "%[2,2,3] %[2,2,3] | smooth=0 reduction=0",
           "%[3,2] %[3,2] | smooth=0.5 reduction=2");
tg_tensor *tg_dice_loss(tg_tensor *x, tg_tensor *target, double smooth, tg_reduction reduction) {
    return tg__apply2(&tg__op_dice_loss, x, target, &(dice_attr){smooth, reduction});
}

/* ---- soft_margin_loss: ln(1 + e^(-target·x)) ---- */
static bool soft_margin_loss_forward(const tg__call *c) {
    const tg__loss_attr *a = c->attr;
    if (!tg__loss_reduction("soft_margin_loss", a->reduction) || !tg__loss_alike(c, 0, 1))
        return false;
    tg_tensor *each = tg_neg(tg_logsigmoid(tg_mul(c->in[0], c->in[1])));
    c->out[0] = tg__loss_reduced(each, a->reduction);
    return c->out[0] != NULL;
}
TG_OP(soft_margin_loss, .maths = "ln(1 + e^(-target * x))", .inputs = "x target", .n_in = 2,
      TG__LOSS, .forward = soft_margin_loss_forward, .onnx = {"composed"});
TG_SAMPLES(soft_margin_loss, "[2,3] [2,3]", "[2,3] [2,3] | reduction=0", "[4] [4] | reduction=2");
tg_tensor *tg_soft_margin_loss(tg_tensor *x, tg_tensor *target, tg_reduction reduction) {
    return tg__apply2(&tg__op_soft_margin_loss, x, target, &(tg__loss_attr){reduction});
}
