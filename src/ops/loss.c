/* loss.c - what losses share, and the losses of numbers and of distributions.
 *
 * Losses are compositions of recorded operations around one fused kernel per element where there is
 * one. They do not broadcast: shapes that differ are a mistake more often than a wish. The others:
 * loss_binary.c (yes or no), loss_class.c (one of many), loss_margin.c, loss_ctc.c. */
#include "ops/loss.h"
#include "base/options.h"

/* ---- Shared ---- */

bool tg__loss_reduction(const char *op, int64_t reduction) {
    if (reduction >= TG_REDUCE_NONE && reduction <= TG_REDUCE_SUM)
        return true;
    tg__fail(TG_ERR_ARG, op, "reduction %lld; give TG_REDUCE_NONE, _MEAN or _SUM",
             (long long)reduction);
    return false;
}

tg_tensor *tg__loss_reduced(tg_tensor *each, int64_t reduction) {
    if (reduction == TG_REDUCE_NONE)
        return tg_contiguous(each);
    return reduction == TG_REDUCE_MEAN ? tg_mean(each, TG_ALL, false) : tg_sum(each, TG_ALL, false);
}

bool tg__loss_alike(const tg__call *c, int i, int k) {
    const tg_tensor *a = c->in[i];
    const tg_tensor *b = c->in[k];
    if (!tg__same_shape(a, b)) {
        tg__fail(TG_ERR_SHAPE, c->op->name,
                 "%s is %s and %s is %s; a loss does not broadcast: reshape one of them",
                 tg__input_name(c->op, i), tg__describe(a), tg__input_name(c->op, k),
                 tg__describe(b));
        return false;
    }
    if (a->dtype != b->dtype || !tg_dtype_is_float((tg_dtype)a->dtype)) {
        tg__fail(TG_ERR_DTYPE, c->op->name,
                 "%s is %s and %s is %s; both must be f32 or both f64: use tg_cast",
                 tg__input_name(c->op, i), tg__describe(a), tg__input_name(c->op, k),
                 tg__describe(b));
        return false;
    }
    return true;
}

bool tg__loss_weight(const tg__call *c, int i) {
    const tg_tensor *x = c->in[0];
    const tg_tensor *w = c->in[i];
    if (w->flags & TG__IS_NONE)
        return true;
    bool fits = w->dtype == x->dtype && w->ndim <= x->ndim;
    for (int d = 1; fits && d <= w->ndim; d++)
        fits = w->shape[w->ndim - d] == 1 || w->shape[w->ndim - d] == x->shape[x->ndim - d];
    if (!fits)
        tg__fail(TG_ERR_SHAPE, c->op->name,
                 "%s is %s for %s; give one that expands to that shape, of the same dtype",
                 tg__input_name(c->op, i), tg__describe(w), tg__describe(x));
    return fits;
}

tg_tensor *tg__loss_weighted(tg_tensor *each, tg_tensor *weight) {
    return weight->flags & TG__IS_NONE ? each : tg_mul(each, weight);
}

bool tg__loss_finite(const char *op, const char *name, double value) {
    if (__builtin_isfinite(value))
        return true;
    tg__fail(TG_ERR_ARG, op, "%s is %s; give a finite number", name, tg__num(value));
    return false;
}

const tg__field tg__loss_fields[] = {
    {"reduction", TG_ATTR_INT, offsetof(tg__loss_attr, reduction), false, TG_REDUCE_MEAN, 0}, {0}};

/* Of losses of two alike inputs with nothing but a reduction. */
static bool check_pair(const tg__call *c) {
    const tg__loss_attr *a = c->attr;
    return tg__loss_reduction(c->op->name, a->reduction) && tg__loss_alike(c, 0, 1);
}
#define PAIR .inputs = "x target", .n_in = 2, TG__LOSS

/* ---- mse_loss: (x - target)² ---- */
static bool mse_loss_forward(const tg__call *c) {
    const tg__loss_attr *a = c->attr;
    if (check_pair(c))
        c->out[0] = tg__loss_reduced(tg_square(tg_sub(c->in[0], c->in[1])), a->reduction);
    return c->out[0] != NULL;
}
TG_OP(mse_loss, .maths = "(x - target)^2", PAIR, .forward = mse_loss_forward, .onnx = {"composed"});
TG_SAMPLES(mse_loss, "[2,3] [2,3]", "[2,3] [2,3] | reduction=0", "[4] [4] | reduction=2");
tg_tensor *tg_mse_loss(tg_tensor *x, tg_tensor *target, tg_reduction reduction) {
    return tg__apply2(&tg__op_mse_loss, x, target, &(tg__loss_attr){reduction});
}

/* ---- l1_loss: |x - target| ---- */
static bool l1_loss_forward(const tg__call *c) {
    const tg__loss_attr *a = c->attr;
    if (check_pair(c))
        c->out[0] = tg__loss_reduced(tg_abs(tg_sub(c->in[0], c->in[1])), a->reduction);
    return c->out[0] != NULL;
}
TG_OP(l1_loss, .maths = "|x - target|", PAIR, .forward = l1_loss_forward, .onnx = {"composed"});
TG_SAMPLES(l1_loss, "[2,3] [2,3]", "[2,3] [2,3] | reduction=0", "[4] [4] | reduction=2");
tg_tensor *tg_l1_loss(tg_tensor *x, tg_tensor *target, tg_reduction reduction) {
    return tg__apply2(&tg__op_l1_loss, x, target, &(tg__loss_attr){reduction});
}

/* ---- log_cosh_loss: ln cosh(x - target) ---- */
static bool log_cosh_loss_forward(const tg__call *c) {
    const tg__loss_attr *a = c->attr;
    if (check_pair(c)) {
        tg_tensor *each = tg__apply1(&tg__op_log_cosh, tg_sub(c->in[0], c->in[1]), NULL);
        c->out[0] = tg__loss_reduced(each, a->reduction);
    }
    return c->out[0] != NULL;
}
TG_OP(log_cosh_loss, .maths = "ln(cosh(x - target))", PAIR, .forward = log_cosh_loss_forward,
      .onnx = {"composed"});
TG_SAMPLES(log_cosh_loss, "[2,3] [2,3]", "[2,3] [2,3] | reduction=0", "[4] [4] | reduction=2");
tg_tensor *tg_log_cosh_loss(tg_tensor *x, tg_tensor *target, tg_reduction reduction) {
    return tg__apply2(&tg__op_log_cosh_loss, x, target, &(tg__loss_attr){reduction});
}

static void log_cosh_rule(tg__rule *r) { r->gin[0] = tg_mul(r->g[0], tg_tanh(r->in[0])); }
TG_OP(log_cosh, .maths = "ln(cosh(x))", .inputs = "x", .n_in = 1, .flags = TG__INTERNAL,
      .forward = tg__unary_forward, .kernel = TG__UN_log_cosh, .rule = log_cosh_rule,
      .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"composed"});
TG_SAMPLES(log_cosh, "[2,3]", ">[3]");

/* ---- smooth_l1_loss: d²/2beta where |d| < beta, else |d| - beta/2 ---- */
typedef struct {
    double width; /* beta of smooth_l1, delta of huber */
    int64_t reduction;
} bend_attr;
static const tg__field smooth_l1_loss_fields[] = {
    {"beta", TG_ATTR_FLOAT, offsetof(bend_attr, width), false, 0, 1.0},
    {"reduction", TG_ATTR_INT, offsetof(bend_attr, reduction), false, TG_REDUCE_MEAN, 0},
    {0}};
static bool smooth_l1_loss_forward(const tg__call *c) {
    const bend_attr *a = c->attr;
    if (!tg__loss_reduction("smooth_l1_loss", a->reduction) || !tg__loss_alike(c, 0, 1))
        return false;
    if (!(a->width >= 0) || !__builtin_isfinite(a->width)) {
        tg__fail(TG_ERR_ARG, "smooth_l1_loss", "beta is %s; give a finite number >= 0",
                 tg__num(a->width));
        return false;
    }
    tg_tensor *d = tg_sub(c->in[0], c->in[1]);
    d = a->width > 0 ? tg__apply1(&tg__op_smooth_l1, d, a) : tg_abs(d);
    c->out[0] = tg__loss_reduced(d, a->reduction);
    return c->out[0] != NULL;
}
TG_OP(smooth_l1_loss,
      .maths = "d^2 / (2 beta) where |d| < beta, else |d| - beta / 2; d = x - target",
      .inputs = "x target", .n_in = 2, .flags = TG__COMPOSED, .fields = smooth_l1_loss_fields,
      .attr_size = sizeof(bend_attr), .forward = smooth_l1_loss_forward, .onnx = {"composed"});
TG_SAMPLES(smooth_l1_loss, "[2,3] [2,3]", "[2,3] [2,3] | beta=0.4 reduction=0",
           "[4] [4] | beta=0 reduction=2", "[2,3] [2,3] | beta=8");
tg_tensor *tg_smooth_l1_loss(tg_tensor *x, tg_tensor *target, double beta, tg_reduction reduction) {
    return tg__apply2(&tg__op_smooth_l1_loss, x, target, &(bend_attr){beta, reduction});
}

/* ---- smooth_l1: the loss of a difference; its slope is d/beta limited to [-1, 1] ---- */
static const tg__field width_fields[] = {
    {"width", TG_ATTR_FLOAT, offsetof(bend_attr, width), true, 0, 0}, {0}};
static bool width_forward(const tg__call *c) {
    const bend_attr *a = c->attr;
    if (a->width > 0)
        return tg__unary_param_forward(c);
    tg__fail(TG_ERR_ARG, c->op->name, "width is %s; give a number > 0", tg__num(a->width));
    return false;
}
static void smooth_l1_rule(tg__rule *r) {
    const bend_attr *a = r->attr;
    tg_tensor *d = tg_hardtanh(tg_div_scalar(r->in[0], a->width), -1.0, 1.0);
    r->gin[0] = tg_mul(r->g[0], d);
}
TG_OP(smooth_l1, .maths = "x^2 / (2 width) where |x| < width, else |x| - width / 2", .inputs = "x",
      .n_in = 1, .flags = TG__INTERNAL, .fields = width_fields, .attr_size = sizeof(bend_attr),
      .forward = width_forward, .kernel = TG__UNP_smooth_l1, .rule = smooth_l1_rule,
      .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"composed"});
TG_SAMPLES(smooth_l1, "[2,3] | width=0.8");

/* ---- huber_loss: d²/2 where |d| <= delta, else delta(|d| - delta/2) ---- */
static const tg__field huber_loss_fields[] = {
    {"delta", TG_ATTR_FLOAT, offsetof(bend_attr, width), false, 0, 1.0},
    {"reduction", TG_ATTR_INT, offsetof(bend_attr, reduction), false, TG_REDUCE_MEAN, 0},
    {0}};
static bool huber_loss_forward(const tg__call *c) {
    const bend_attr *a = c->attr;
    if (!tg__loss_reduction("huber_loss", a->reduction) || !tg__loss_alike(c, 0, 1))
        return false;
    if (!(a->width > 0) || !__builtin_isfinite(a->width)) {
        tg__fail(TG_ERR_ARG, "huber_loss", "delta is %s; give a finite number > 0",
                 tg__num(a->width));
        return false;
    }
    tg_tensor *each = tg__apply1(&tg__op_huber, tg_sub(c->in[0], c->in[1]), a);
    c->out[0] = tg__loss_reduced(each, a->reduction);
    return c->out[0] != NULL;
}
TG_OP(huber_loss,
      .maths = "d^2 / 2 where |d| <= delta, else delta * (|d| - delta / 2); d = x - target",
      .inputs = "x target", .n_in = 2, .flags = TG__COMPOSED, .fields = huber_loss_fields,
      .attr_size = sizeof(bend_attr), .forward = huber_loss_forward, .onnx = {"composed"});
TG_SAMPLES(huber_loss, "[2,3] [2,3]", "[2,3] [2,3] | delta=0.4 reduction=0",
           "[4] [4] | delta=8 reduction=2");
tg_tensor *tg_huber_loss(tg_tensor *x, tg_tensor *target, double delta, tg_reduction reduction) {
    return tg__apply2(&tg__op_huber_loss, x, target, &(bend_attr){delta, reduction});
}

/* ---- huber: the loss of a difference; its slope is d limited to [-delta, delta] ---- */
static void huber_rule(tg__rule *r) {
    const bend_attr *a = r->attr;
    r->gin[0] = tg_mul(r->g[0], tg_hardtanh(r->in[0], -a->width, a->width));
}
TG_OP(huber, .maths = "x^2 / 2 where |x| <= width, else width * (|x| - width / 2)", .inputs = "x",
      .n_in = 1, .flags = TG__INTERNAL, .fields = width_fields, .attr_size = sizeof(bend_attr),
      .forward = width_forward, .kernel = TG__UNP_huber, .rule = huber_rule,
      .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"composed"});
TG_SAMPLES(huber, "[2,3] | width=0.8");

/* ---- kl_div: target(ln target - x), or eᵗ(t - x) for a target t that is a logarithm ---- */
typedef struct {
    bool log_target;
    int64_t reduction;
} kl_div_attr;
static const tg__field kl_div_fields[] = {
    {"log_target", TG_ATTR_BOOL, offsetof(kl_div_attr, log_target), false, 0, 0},
    {"reduction", TG_ATTR_INT, offsetof(kl_div_attr, reduction), false, TG_REDUCE_MEAN, 0},
    {0}};
static bool kl_div_forward(const tg__call *c) {
    const kl_div_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    tg_tensor *t = c->in[1];
    bool by_batch = a->reduction == TG_REDUCE_BATCHMEAN;
    if ((!by_batch && !tg__loss_reduction("kl_div", a->reduction)) || !tg__loss_alike(c, 0, 1))
        return false;
    tg_tensor *each = a->log_target ? tg_mul(tg_exp(t), tg_sub(t, x))
                                    : tg__apply2(&tg__op_kl_div_each, x, t, NULL);
    if (by_batch) {
        each = tg_sum(each, TG_ALL, false);
        c->out[0] = x->ndim > 0 ? tg_div_scalar(each, (double)x->shape[0]) : each;
    } else {
        c->out[0] = tg__loss_reduced(each, a->reduction);
    }
    return c->out[0] != NULL;
}
TG_OP(kl_div, .maths = "target * (ln(target) - x)", .inputs = "x target", .n_in = 2,
      .flags = TG__COMPOSED, .fields = kl_div_fields, .attr_size = sizeof(kl_div_attr),
      .forward = kl_div_forward, .onnx = {"composed"});
TG_SAMPLES(kl_div, "[2,3] %[2,3]", "[2,3] %[2,3] | reduction=0", "[2,3] %[2,3] | reduction=3",
           "[2,3] [2,3] | log_target=1", "[4] [4] | log_target=1 reduction=3");
tg_tensor *tg_kl_div(tg_tensor *x, tg_tensor *target, bool log_target, tg_reduction reduction) {
    return tg__apply2(&tg__op_kl_div, x, target, &(kl_div_attr){log_target, reduction});
}

/* ---- kl_div_each: 0·ln 0 is 0; d/dx = -target, d/dtarget = ln target + 1 - x ---- */
static void kl_div_each_rule(tg__rule *r) {
    tg_tensor *t = r->in[1];
    if (r->wanted[0])
        r->gin[0] = tg_neg(tg_mul(r->g[0], t));
    if (r->wanted[1])
        r->gin[1] = tg_mul(r->g[0], tg_sub(tg_add_scalar(tg_log(t), 1.0), r->in[0]));
}
TG_OP(kl_div_each, .maths = "target * (ln(target) - x)", .inputs = "x target", .n_in = 2,
      .flags = TG__INTERNAL | TG__BROADCASTS, .forward = tg__binary_forward,
      .kernel = TG__BIN_kl_div, .rule = kl_div_each_rule,
      .saves = {TG__SAVE_IN(0, 2), TG__SAVE_IN(1, TG__ANY)}, .onnx = {"composed"});
TG_SAMPLES(kl_div_each, "[2,3] %[2,3]");

/* ---- poisson_nll_loss: eˣ - target·x, or x - target·ln(x + eps) ---- */
typedef struct {
    bool log_input, full;
    double eps;
    int64_t reduction;
} poisson_attr;
static const tg__field poisson_fields[] = {
    {"log_input", TG_ATTR_BOOL, offsetof(poisson_attr, log_input), false, 1, 0},
    {"full", TG_ATTR_BOOL, offsetof(poisson_attr, full), false, 0, 0},
    {"eps", TG_ATTR_FLOAT, offsetof(poisson_attr, eps), false, 0, 1e-8},
    {"reduction", TG_ATTR_INT, offsetof(poisson_attr, reduction), false, TG_REDUCE_MEAN, 0},
    {0}};

/* Stirling's t·ln t - t + ½ ln 2πt for ln t!, where t > 1. The others are replaced before the
 * logarithm, so that no 0·∞ reaches their gradient. */
static tg_tensor *stirling(tg_tensor *t) {
    tg_tensor *small = tg_le_scalar(t, 1.0);
    tg_tensor *safe = tg_masked_fill(t, small, 1.0);
    tg_tensor *ln = tg_log(safe);
    tg_tensor *root = tg_mul_scalar(tg_add_scalar(ln, 1.8378770664093453), 0.5); /* + ln 2π */
    return tg_masked_fill(tg_add(tg_sub(tg_mul(safe, ln), safe), root), small, 0.0);
}
static bool poisson_nll_loss_forward(const tg__call *c) {
    const poisson_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    tg_tensor *t = c->in[1];
    if (!tg__loss_reduction("poisson_nll_loss", a->reduction) || !tg__loss_alike(c, 0, 1))
        return false;
    if (!(a->eps > 0) || !__builtin_isfinite(a->eps)) {
        tg__fail(TG_ERR_ARG, "poisson_nll_loss", "eps is %s; give a finite number > 0",
                 tg__num(a->eps));
        return false;
    }
    tg_tensor *each = a->log_input ? tg_sub(tg_exp(x), tg_mul(t, x))
                                   : tg_sub(x, tg_mul(t, tg_log(tg_add_scalar(x, a->eps))));
    if (a->full)
        each = tg_add(each, stirling(t));
    c->out[0] = tg__loss_reduced(each, a->reduction);
    return c->out[0] != NULL;
}
TG_OP(poisson_nll_loss, .maths = "e^x - target * x, or x - target * ln(x + eps)",
      .inputs = "x target", .n_in = 2, .flags = TG__COMPOSED, .fields = poisson_fields,
      .attr_size = sizeof(poisson_attr), .forward = poisson_nll_loss_forward, .onnx = {"composed"});
TG_SAMPLES(poisson_nll_loss, "[2,3] +[2,3]", "[2,3] >[2,3] | full=1 reduction=0",
           "+[2,3] +[2,3] | log_input=0 eps=0.01", "[4] +[4] | full=1 reduction=2");
tg_tensor *tg_poisson_nll_loss(tg_tensor *x, tg_tensor *target,
                               const tg_poisson_nll_loss_options *options) {
    tg_poisson_nll_loss_options o = TG_POISSON_NLL_LOSS_OPTIONS_INIT;
    if (tg__options("poisson_nll_loss", "tg_poisson_nll_loss_options",
                    "TG_POISSON_NLL_LOSS_OPTIONS_INIT", options, &o, sizeof o) != TG_OK)
        return NULL;
    poisson_attr a = {o.log_input, o.full, o.eps, o.reduction};
    return tg__apply2(&tg__op_poisson_nll_loss, x, target, &a);
}

/* ---- gaussian_nll_loss: ½(ln v + (x - target)²/v), v = max(var, eps) ---- */
typedef struct {
    bool full;
    double eps;
    int64_t reduction;
} gaussian_attr;
static const tg__field gaussian_fields[] = {
    {"full", TG_ATTR_BOOL, offsetof(gaussian_attr, full), false, 0, 0},
    {"eps", TG_ATTR_FLOAT, offsetof(gaussian_attr, eps), false, 0, 1e-6},
    {"reduction", TG_ATTR_INT, offsetof(gaussian_attr, reduction), false, TG_REDUCE_MEAN, 0},
    {0}};

/* var has x's shape, that shape with a last size of 1, or without its last dim; none below 0. */
static bool check_variance(const tg_tensor *x, tg_tensor *var) {
    bool fits = var->dtype == x->dtype && (var->ndim == x->ndim || var->ndim == x->ndim - 1);
    for (int i = 0; fits && i < var->ndim; i++)
        fits = var->shape[i] == x->shape[i] || (i == x->ndim - 1 && var->shape[i] == 1);
    if (!fits) {
        tg__fail(TG_ERR_SHAPE, "gaussian_nll_loss",
                 "var is %s for x %s; give x's shape, with a last size of 1, or without the last "
                 "dim, of the same dtype",
                 tg__describe(var), tg__describe(x));
        return false;
    }
    if (var->numel == 0)
        return true;
    bool was = tg__grad_off();
    tg_tensor *least = tg_min(var);
    tg__grad_back(was);
    if (least == NULL)
        return false;
    double low = tg__load_double((tg_dtype)least->dtype, least->data);
    if (low < 0)
        tg__fail(TG_ERR_NUMERIC, "gaussian_nll_loss", "var has %s; variances are not negative",
                 tg__num(low));
    return !(low < 0);
}
static bool gaussian_nll_loss_forward(const tg__call *c) {
    const gaussian_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    tg_tensor *var = c->in[2];
    if (!tg__loss_reduction("gaussian_nll_loss", a->reduction) || !tg__loss_alike(c, 0, 1))
        return false;
    if (!(a->eps > 0) || !__builtin_isfinite(a->eps)) {
        tg__fail(TG_ERR_ARG, "gaussian_nll_loss", "eps is %s; give a finite number > 0",
                 tg__num(a->eps));
        return false;
    }
    if (!check_variance(x, var))
        return false;
    /* The limit is out of sight of the gradient, as in PyTorch: it is that at v. */
    tg_tensor *v = tg_clone(var->ndim < x->ndim ? tg_unsqueeze(var, -1) : var);
    bool was = tg__grad_off();
    tg_tensor *limited = tg_clamp_(v, a->eps, __builtin_inf());
    tg__grad_back(was);
    if (limited == NULL)
        return false;
    tg_tensor *square = tg_square(tg_sub(x, c->in[1]));
    tg_tensor *each = tg_mul_scalar(tg_add(tg_log(v), tg_div(square, v)), 0.5);
    if (a->full)
        each = tg_add_scalar(each, 0.91893853320467274); /* ½ ln 2π */
    c->out[0] = tg__loss_reduced(each, a->reduction);
    return c->out[0] != NULL;
}
TG_OP(gaussian_nll_loss, .maths = "(ln(v) + (x - target)^2 / v) / 2; v = max(var, eps)",
      .inputs = "x target var", .n_in = 3, .flags = TG__COMPOSED, .fields = gaussian_fields,
      .attr_size = sizeof(gaussian_attr), .forward = gaussian_nll_loss_forward,
      .onnx = {"composed"});
TG_SAMPLES(gaussian_nll_loss, "[2,3] [2,3] +[2,3]", "[2,3] [2,3] +[2,1] | full=1 reduction=0",
           "[2,3] [2,3] +[2] | eps=0.01 reduction=2");
tg_tensor *tg_gaussian_nll_loss(tg_tensor *x, tg_tensor *target, tg_tensor *var,
                                const tg_gaussian_nll_loss_options *options) {
    tg_gaussian_nll_loss_options o = TG_GAUSSIAN_NLL_LOSS_OPTIONS_INIT;
    if (tg__options("gaussian_nll_loss", "tg_gaussian_nll_loss_options",
                    "TG_GAUSSIAN_NLL_LOSS_OPTIONS_INIT", options, &o, sizeof o) != TG_OK)
        return NULL;
    gaussian_attr a = {o.full, o.eps, o.reduction};
    return tg__apply3(&tg__op_gaussian_nll_loss, x, target, var, &a);
}
