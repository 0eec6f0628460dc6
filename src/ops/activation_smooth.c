/* activation_smooth.c - activation functions that bend.
 *
 * Each has a fused kernel for its value and one for its first derivative times a gradient
 * (activation.inc); the second derivative is written in recorded operations. */
#include "ops/activation.h"

/* The ops g·f'(x): d/dg = h·f'(x) for all, d/dx = h·g·f''(x). */
#define SLOPE                                                                                      \
    .inputs = "g x", .n_in = 2, .flags = TG__INTERNAL | TG__BROADCASTS,                            \
    .saves = {TG__SAVE_IN(0, 2), TG__SAVE_IN(1, TG__ANY)}, .onnx = {"composed"}
/* The part for g; gives h·g for the rest, or NULL if it is not wanted. */
static tg_tensor *slope_rule(tg__rule *r) {
    if (r->wanted[0])
        r->gin[0] = tg__apply2(r->op, r->g[0], r->in[1], r->attr);
    return r->wanted[1] ? tg_mul(r->g[0], r->in[0]) : NULL;
}

/* ---- elu: x where x > 0, else alpha(eˣ - 1) ---- */
typedef struct {
    double alpha;
} alpha_attr;
static const tg__field alpha_fields[] = {
    {"alpha", TG_ATTR_FLOAT, offsetof(alpha_attr, alpha), false, 0, 1.0}, {0}};
#define ALPHA .fields = alpha_fields, .attr_size = sizeof(alpha_attr)
/* g where x > 0, else g·coef·e^(rate·x) */
typedef struct {
    double coef, rate;
} elu_grad_attr;
static const tg__field elu_grad_fields[] = {
    {"coef", TG_ATTR_FLOAT, offsetof(elu_grad_attr, coef), true, 0, 0},
    {"rate", TG_ATTR_FLOAT, offsetof(elu_grad_attr, rate), true, 0, 0},
    {0}};

static void elu_rule(tg__rule *r) {
    const alpha_attr *a = r->attr;
    r->gin[0] = tg__apply2(&tg__op_elu_grad, r->g[0], r->in[0], &(elu_grad_attr){a->alpha, 1.0});
}
TG_OP(elu, .maths = "x where x > 0, else alpha * (e^x - 1)", TG__ACTIVATION, ALPHA,
      .forward = tg__activation_forward, .kernel = TG__UNP_elu, .rule = elu_rule,
      .onnx = {"Elu", 6, "alpha=alpha"});
TG_SAMPLES(elu, "[2,3]", "[2,3] | alpha=0.7", "[]");
tg_tensor *tg_elu(tg_tensor *x, double alpha) {
    return tg__apply1(&tg__op_elu, x, &(alpha_attr){alpha});
}
tg_tensor *tg_elu_(tg_tensor *x, double alpha) {
    return tg__apply1_(&tg__op_elu, x, &(alpha_attr){alpha});
}

/* ---- elu_grad: its slope, also that of celu and selu ---- */
static void elu_grad_rule(tg__rule *r) {
    const elu_grad_attr *a = r->attr;
    tg_tensor *x = r->in[1];
    tg_tensor *hg = slope_rule(r);
    if (r->wanted[1]) {
        tg_tensor *bend = tg_mul_scalar(tg__apply2(&tg__op_elu_grad, hg, x, a), a->rate);
        r->gin[1] = tg_masked_fill(bend, tg_logical_not(tg_lt_scalar(x, 0.0)), 0.0);
    }
}
TG_OP(elu_grad, .maths = "g where x > 0, else g * coef * e^(rate * x)", SLOPE,
      .fields = elu_grad_fields, .attr_size = sizeof(elu_grad_attr),
      .forward = tg__binary_param_forward, .kernel = TG__BINP_elu_grad, .rule = elu_grad_rule);
TG_SAMPLES(elu_grad, "[2,3] [2,3] | coef=0.7 rate=1.3");

/* ---- selu: scale·elu(x, alpha) with the two numbers of Klambauer et al. ---- */
static void selu_rule(tg__rule *r) {
    static const elu_grad_attr a = {1.6732632423543772848170429916717, 1.0};
    tg_tensor *g = tg_mul_scalar(r->g[0], 1.0507009873554804934193349852946);
    r->gin[0] = tg__apply2(&tg__op_elu_grad, g, r->in[0], &a);
}
TG_OP(selu, .maths = "1.0507 * (x where x > 0, else 1.6733 * (e^x - 1))", TG__ACTIVATION,
      .forward = tg__unary_forward, .kernel = TG__UN_selu, .rule = selu_rule, .onnx = {"Selu", 6});
TG_SAMPLES(selu, "[2,3]", "[]");
tg_tensor *tg_selu(tg_tensor *x) { return tg__apply1(&tg__op_selu, x, NULL); }
tg_tensor *tg_selu_(tg_tensor *x) { return tg__apply1_(&tg__op_selu, x, NULL); }

/* ---- celu: x where x > 0, else alpha(e^(x/alpha) - 1) ---- */
static bool celu_forward(const tg__call *c) {
    const alpha_attr *a = c->attr;
    if (a->alpha == 0) {
        tg__fail(TG_ERR_ARG, "celu", "alpha is 0; give another number");
        return false;
    }
    return tg__activation_forward(c);
}
static void celu_rule(tg__rule *r) {
    const alpha_attr *a = r->attr;
    r->gin[0] =
        tg__apply2(&tg__op_elu_grad, r->g[0], r->in[0], &(elu_grad_attr){1.0, 1.0 / a->alpha});
}
TG_OP(celu, .maths = "x where x > 0, else alpha * (e^(x / alpha) - 1)", TG__ACTIVATION, ALPHA,
      .forward = celu_forward, .kernel = TG__UNP_celu, .rule = celu_rule,
      .onnx = {"Celu", 12, "alpha=alpha"});
TG_SAMPLES(celu, "[2,3]", "[2,3] | alpha=0.7", "[]");
tg_tensor *tg_celu(tg_tensor *x, double alpha) {
    return tg__apply1(&tg__op_celu, x, &(alpha_attr){alpha});
}
tg_tensor *tg_celu_(tg_tensor *x, double alpha) {
    return tg__apply1_(&tg__op_celu, x, &(alpha_attr){alpha});
}

/* ---- gelu: xΦ(x), or its approximation by tanh ---- */
typedef struct {
    bool approximate;
} gelu_attr;
static const tg__field gelu_fields[] = {
    {"approximate", TG_ATTR_BOOL, offsetof(gelu_attr, approximate), false, 0, 0}, {0}};
#define GELU .fields = gelu_fields, .attr_size = sizeof(gelu_attr)

/* One op, two kernels. */
static bool gelu_forward(const tg__call *c) {
    const gelu_attr *a = c->attr;
    tg__op op = *c->op;
    op.kernel = a->approximate ? TG__UN_gelu_tanh : TG__UN_gelu;
    tg__call call = *c;
    call.op = &op;
    return tg__unary_forward(&call);
}
static void gelu_rule(tg__rule *r) {
    r->gin[0] = tg__apply2(&tg__op_gelu_grad, r->g[0], r->in[0], r->attr);
}
TG_OP(gelu, .maths = "x * (1 + erf(x / sqrt(2))) / 2", TG__ACTIVATION, GELU,
      .forward = gelu_forward, .rule = gelu_rule, .onnx = {"composed"});
TG_SAMPLES(gelu, "[2,3]", "[2,3] | approximate=1", "[]");
tg_tensor *tg_gelu(tg_tensor *x, bool approximate) {
    return tg__apply1(&tg__op_gelu, x, &(gelu_attr){approximate});
}
tg_tensor *tg_gelu_(tg_tensor *x, bool approximate) {
    return tg__apply1_(&tg__op_gelu, x, &(gelu_attr){approximate});
}

/* ---- gelu_grad; f'' = φ(x)(2 - x²). With tanh, s = σ(2u): f' = s + xs', f'' = 2s' + xs'',
 *      s' = s(1 - s)2u', s'' = s'(1 - 2s)2u' + s(1 - s)2u'' ---- */
static bool gelu_grad_forward(const tg__call *c) {
    const gelu_attr *a = c->attr;
    tg__op op = *c->op;
    op.kernel = a->approximate ? TG__BIN_gelu_tanh_grad : TG__BIN_gelu_grad;
    tg__call call = *c;
    call.op = &op;
    return tg__binary_forward(&call);
}
static tg_tensor *gelu_bend(tg_tensor *x) {
    tg_tensor *square = tg_square(x);
    tg_tensor *density = tg_mul_scalar(tg_exp(tg_mul_scalar(square, -0.5)), 0.39894228040143268);
    return tg_mul(density, tg_rsub_scalar(square, 2.0));
}
static tg_tensor *gelu_tanh_bend(tg_tensor *x) {
    const double twice = 2 * 0.79788456080286536; /* 2√(2/π) */
    const double cubic = 0.044715;
    tg_tensor *square = tg_square(x);
    tg_tensor *u = tg_mul(x, tg_add_scalar(tg_mul_scalar(square, twice * cubic), twice));
    tg_tensor *du = tg_add_scalar(tg_mul_scalar(square, 3 * twice * cubic), twice);
    tg_tensor *s = tg_sigmoid(u);
    tg_tensor *flat = tg_mul(s, tg_sigmoid(tg_neg(u))); /* s(1 - s) */
    tg_tensor *ds = tg_mul(flat, du);
    tg_tensor *dds = tg_mul(tg_mul(ds, tg_rsub_scalar(tg_mul_scalar(s, 2.0), 1.0)), du);
    dds = tg_add(dds, tg_mul(flat, tg_mul_scalar(x, 6 * twice * cubic)));
    return tg_add(tg_mul_scalar(ds, 2.0), tg_mul(x, dds));
}
static void gelu_grad_rule(tg__rule *r) {
    const gelu_attr *a = r->attr;
    tg_tensor *hg = slope_rule(r);
    if (r->wanted[1])
        r->gin[1] = tg_mul(hg, a->approximate ? gelu_tanh_bend(r->in[1]) : gelu_bend(r->in[1]));
}
TG_OP(gelu_grad, .maths = "g times the derivative of gelu at x", SLOPE, GELU,
      .forward = gelu_grad_forward, .rule = gelu_grad_rule);
TG_SAMPLES(gelu_grad, "[2,3] [2,3]", "[2,3] [2,3] | approximate=1");

/* ---- silu: xσ(x) ---- */
static void silu_rule(tg__rule *r) {
    r->gin[0] = tg__apply2(&tg__op_silu_grad, r->g[0], r->in[0], NULL);
}
TG_OP(silu, .maths = "x / (1 + e^-x)", TG__ACTIVATION, .forward = tg__unary_forward,
      .kernel = TG__UN_silu, .rule = silu_rule, .onnx = {"composed"});
TG_SAMPLES(silu, "[2,3]", "[]");
tg_tensor *tg_silu(tg_tensor *x) { return tg__apply1(&tg__op_silu, x, NULL); }
tg_tensor *tg_silu_(tg_tensor *x) { return tg__apply1_(&tg__op_silu, x, NULL); }
tg_tensor *tg_swish(tg_tensor *x) { return tg_silu(x); }

/* ---- silu_grad: gσ(1 + x(1 - σ)); f'' = σ(1 - σ)(2 + x(1 - 2σ)) ---- */
static void silu_grad_rule(tg__rule *r) {
    tg_tensor *x = r->in[1];
    tg_tensor *hg = slope_rule(r);
    if (!r->wanted[1])
        return;
    tg_tensor *y = tg_sigmoid(x);
    tg_tensor *bend = tg_mul(x, tg_rsub_scalar(tg_mul_scalar(y, 2.0), 1.0));
    r->gin[1] = tg_mul(tg_mul(hg, tg_mul(y, tg_sigmoid(tg_neg(x)))), tg_add_scalar(bend, 2.0));
}
TG_OP(silu_grad, .maths = "g * s * (1 + x * (1 - s)), s = sigmoid(x)", SLOPE,
      .forward = tg__binary_forward, .kernel = TG__BIN_silu_grad, .rule = silu_grad_rule);
TG_SAMPLES(silu_grad, "[2,3] [2,3]");

/* ---- mish: x·tanh(softplus(x)) ---- */
static void mish_rule(tg__rule *r) {
    r->gin[0] = tg__apply2(&tg__op_mish_grad, r->g[0], r->in[0], NULL);
}
TG_OP(mish, .maths = "x * tanh(ln(1 + e^x))", TG__ACTIVATION, .forward = tg__unary_forward,
      .kernel = TG__UN_mish, .rule = mish_rule, .onnx = {"Mish", 18});
TG_SAMPLES(mish, "[2,3]", "[]");
tg_tensor *tg_mish(tg_tensor *x) { return tg__apply1(&tg__op_mish, x, NULL); }
tg_tensor *tg_mish_(tg_tensor *x) { return tg__apply1_(&tg__op_mish, x, NULL); }

/* ---- mish_grad: g(t + xt'), t = tanh(softplus(x)); f'' = 2t' + xt'', t' = (1 - t²)σ,
 *      t'' = t'(1 - σ - 2tσ) ---- */
static void mish_grad_rule(tg__rule *r) {
    tg_tensor *x = r->in[1];
    tg_tensor *hg = slope_rule(r);
    if (!r->wanted[1])
        return;
    tg_tensor *t = tg_tanh(tg_softplus(x, 1.0, 20.0));
    tg_tensor *s = tg_sigmoid(x);
    tg_tensor *dt = tg_mul(tg_rsub_scalar(tg_square(t), 1.0), s);
    tg_tensor *fall = tg_mul(s, tg_add_scalar(tg_mul_scalar(t, 2.0), 1.0));
    tg_tensor *bend = tg_add_scalar(tg_mul(x, tg_rsub_scalar(fall, 1.0)), 2.0);
    r->gin[1] = tg_mul(hg, tg_mul(dt, bend));
}
TG_OP(mish_grad, .maths = "g times the derivative of mish at x", SLOPE,
      .forward = tg__binary_forward, .kernel = TG__BIN_mish_grad, .rule = mish_grad_rule);
TG_SAMPLES(mish_grad, "[2,3] [2,3]");

/* ---- softplus: ln(1 + e^(beta·x))/beta; x itself where beta·x > threshold ---- */
typedef struct {
    double beta, threshold;
} softplus_attr;
static const tg__field softplus_fields[] = {
    {"beta", TG_ATTR_FLOAT, offsetof(softplus_attr, beta), false, 0, 1.0},
    {"threshold", TG_ATTR_FLOAT, offsetof(softplus_attr, threshold), false, 0, 20.0},
    {0}};
#define SOFTPLUS .fields = softplus_fields, .attr_size = sizeof(softplus_attr)
static bool softplus_forward(const tg__call *c) {
    const softplus_attr *a = c->attr;
    if (a->beta == 0) {
        tg__fail(TG_ERR_ARG, "softplus", "beta is 0; give another number");
        return false;
    }
    return tg__activation_forward(c);
}
static void softplus_rule(tg__rule *r) {
    r->gin[0] = tg__apply2(&tg__op_softplus_grad, r->g[0], r->in[0], r->attr);
}
TG_OP(softplus, .maths = "ln(1 + e^(beta * x)) / beta; x where beta * x > threshold",
      TG__ACTIVATION, SOFTPLUS, .forward = softplus_forward, .kernel = TG__UNP_softplus,
      .rule = softplus_rule, .onnx = {"composed"});
TG_SAMPLES(softplus, "[2,3]", "[2,3] | beta=2.5", "[2,3] | beta=2.0 threshold=1.0", "[]");
tg_tensor *tg_softplus(tg_tensor *x, double beta, double threshold) {
    return tg__apply1(&tg__op_softplus, x, &(softplus_attr){beta, threshold});
}
tg_tensor *tg_softplus_(tg_tensor *x, double beta, double threshold) {
    return tg__apply1_(&tg__op_softplus, x, &(softplus_attr){beta, threshold});
}

/* ---- softplus_grad: gσ(beta·x), g where linear; f'' = beta·σ(1 - σ), 0 where linear ---- */
static void softplus_grad_rule(tg__rule *r) {
    const softplus_attr *a = r->attr;
    tg_tensor *hg = slope_rule(r);
    if (!r->wanted[1])
        return;
    tg_tensor *z = tg_mul_scalar(r->in[1], a->beta);
    tg_tensor *bend = tg_mul(tg_sigmoid(z), tg_sigmoid(tg_neg(z)));
    bend = tg_mul_scalar(tg_mul(hg, bend), a->beta);
    r->gin[1] = tg_masked_fill(bend, tg_ge_scalar(z, a->threshold), 0.0);
}
TG_OP(softplus_grad, .maths = "g * sigmoid(beta * x); g where beta * x > threshold", SLOPE,
      SOFTPLUS, .forward = tg__binary_param_forward, .kernel = TG__BINP_softplus_grad,
      .rule = softplus_grad_rule);
TG_SAMPLES(softplus_grad, "[2,3] [2,3]", "[2,3] [2,3] | beta=2.0 threshold=1.0");

/* ---- logsigmoid: ln σ(x); dy/dx = σ(-x) ---- */
static void logsigmoid_rule(tg__rule *r) {
    r->gin[0] = tg_mul(r->g[0], tg_sigmoid(tg_neg(r->in[0])));
}
TG_OP(logsigmoid, .maths = "ln(1 / (1 + e^-x))", TG__ACTIVATION, .forward = tg__unary_forward,
      .kernel = TG__UN_logsigmoid, .rule = logsigmoid_rule, .onnx = {"composed"});
TG_SAMPLES(logsigmoid, "[2,3]", "[]");
tg_tensor *tg_logsigmoid(tg_tensor *x) { return tg__apply1(&tg__op_logsigmoid, x, NULL); }
tg_tensor *tg_logsigmoid_(tg_tensor *x) { return tg__apply1_(&tg__op_logsigmoid, x, NULL); }

/* ---- softsign: x/(1 + |x|); dy/dx = 1/(1 + |x|)² ---- */
static void softsign_rule(tg__rule *r) {
    tg_tensor *d = tg_add_scalar(tg_abs(r->in[0]), 1.0);
    r->gin[0] = tg_div(r->g[0], tg_square(d));
}
TG_OP(softsign, .maths = "x / (1 + |x|)", TG__ACTIVATION, .forward = tg__unary_forward,
      .kernel = TG__UN_softsign, .rule = softsign_rule, .onnx = {"Softsign", 1});
TG_SAMPLES(softsign, "[2,3]", "[]");
tg_tensor *tg_softsign(tg_tensor *x) { return tg__apply1(&tg__op_softsign, x, NULL); }
tg_tensor *tg_softsign_(tg_tensor *x) { return tg__apply1_(&tg__op_softsign, x, NULL); }

/* ---- tanhshrink: x - tanh(x); dy/dx = tanh²(x) ---- */
static void tanhshrink_rule(tg__rule *r) {
    r->gin[0] = tg_mul(r->g[0], tg_square(tg_tanh(r->in[0])));
}
TG_OP(tanhshrink, .maths = "x - tanh(x)", TG__ACTIVATION, .forward = tg__unary_forward,
      .kernel = TG__UN_tanhshrink, .rule = tanhshrink_rule, .onnx = {"composed"});
TG_SAMPLES(tanhshrink, "[2,3]", "[]");
tg_tensor *tg_tanhshrink(tg_tensor *x) { return tg__apply1(&tg__op_tanhshrink, x, NULL); }
tg_tensor *tg_tanhshrink_(tg_tensor *x) { return tg__apply1_(&tg__op_tanhshrink, x, NULL); }
