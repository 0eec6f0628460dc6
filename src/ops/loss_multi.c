/* loss_multi.c - losses of scores for many classes: multi_margin, and targets of several labels.
 *
 * The margins are compared, so the gradient is 0 where one is met exactly. */
#include "base/alloc.h"
#include "base/options.h"

#include "ops/index.h"
#include "ops/loss.h"

/* x is [N, C] or [C]; target fits it without the classes, or (labels) with them. */
static bool check_scores(const tg__call *c, bool labels) {
    const tg_tensor *x = c->in[0];
    const tg_tensor *target = c->in[1];
    if (!tg__float_only(c->op->name, x))
        return false;
    if (!tg__is_index(target)) {
        tg__refuse_dtype(c->op->name, target, "a target of i64 or i32");
        return false;
    }
    bool fits = x->ndim == 1 || x->ndim == 2;
    if (fits && labels)
        fits = tg__same_shape(x, target);
    else if (fits)
        fits = target->ndim == x->ndim - 1 && (x->ndim == 1 || target->shape[0] == x->shape[0]);
    if (fits)
        return true;
    tg__fail(TG_ERR_SHAPE, c->op->name, "x is %s and target is %s; give x [N, C] with target %s",
             tg__describe(x), tg__describe(target),
             labels ? "[N, C], or both [C]" : "[N], or [C] with a 0-d target");
    return false;
}

/* Reads a target in place through any strides: entry k of row n. */
static int64_t entry(const tg_tensor *target, int64_t n, int64_t k) {
    int last = target->ndim - 1;
    int64_t at = last >= 0 ? k * target->stride[last] : 0;
    if (last >= 1)
        at += n * target->stride[0];
    return tg__load_i64((tg_dtype)target->dtype,
                        target->data + at * (int64_t)tg__item_size(target->dtype));
}

static bool class_fails(const tg__call *c, int64_t value, int64_t position) {
    const tg_tensor *x = c->in[0];
    tg__fail(TG_ERR_INDEX, c->op->name,
             "index %lld at position %lld is out of range for dim %d of %s; give 0 to %lld",
             (long long)value, (long long)position, x->ndim - 1, tg__describe(x),
             (long long)x->shape[x->ndim - 1] - 1);
    return false;
}

/* ---- multi_margin_loss: Σ_{i≠y} w[y]·max(0, margin - x[y] + x[i])^p / C ---- */
typedef struct {
    double margin;
    int64_t p, reduction;
} multi_margin_attr;
static const tg__field multi_margin_fields[] = {
    {"p", TG_ATTR_INT, offsetof(multi_margin_attr, p), false, 1, 0},
    {"margin", TG_ATTR_FLOAT, offsetof(multi_margin_attr, margin), false, 0, 1.0},
    {"reduction", TG_ATTR_INT, offsetof(multi_margin_attr, reduction), false, TG_REDUCE_MEAN, 0},
    {0}};
static bool check_multi_margin(const tg__call *c) {
    const multi_margin_attr *a = c->attr;
    const tg_tensor *x = c->in[0];
    const tg_tensor *w = c->in[2];
    const char *op = c->op->name;
    if (!tg__loss_reduction(op, a->reduction) || !tg__loss_finite(op, "margin", a->margin) ||
        !check_scores(c, false))
        return false;
    if (a->p != 1 && a->p != 2) {
        tg__fail(TG_ERR_ARG, op, "p is %lld; give 1 or 2", (long long)a->p);
        return false;
    }
    int64_t classes = x->shape[x->ndim - 1];
    if (!(w->flags & TG__IS_NONE) &&
        (w->ndim != 1 || w->shape[0] != classes || w->dtype != x->dtype)) {
        tg__fail(TG_ERR_SHAPE, op,
                 "weight is %s for x %s; give one weight per class, of the same dtype",
                 tg__describe(w), tg__describe(x));
        return false;
    }
    int64_t n = x->ndim == 2 ? x->shape[0] : 1;
    for (int64_t i = 0; i < n; i++) {
        int64_t value = entry(c->in[1], 0, i);
        if (value < 0 || value >= classes)
            return class_fails(c, value, i);
    }
    return true;
}
static bool multi_margin_loss_forward(const tg__call *c) {
    const multi_margin_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    tg_tensor *weight = c->in[2];
    if (!check_multi_margin(c))
        return false;
    int64_t classes = x->shape[x->ndim - 1];
    tg_tensor *y = tg_unsqueeze(tg_cast(c->in[1], TG_I64), -1);
    if (classes == 0) { /* then there is no sample either */
        c->out[0] = tg__loss_reduced(tg_sum(x, TG_DIMS(-1), false), a->reduction);
        return c->out[0] != NULL;
    }
    tg_tensor *z = tg_sub(x, tg_gather(x, -1, y));
    z = tg_relu(tg_add_scalar(z, a->margin));
    if (a->p == 2)
        z = tg_square(z);
    if (!(weight->flags & TG__IS_NONE) && y != NULL)
        z = tg_mul(z, tg_reshape(tg_index_select(weight, 0, tg_reshape(y, TG_SHAPE(-1))), y->ndim,
                                 y->shape));
    tg_tensor *is_y = tg_eq(tg_arange(TG_I64, 0, (double)classes, 1), y);
    z = tg_masked_fill(z, is_y, 0.0);
    tg_tensor *each = tg_div_scalar(tg_sum(z, TG_DIMS(-1), false), (double)classes);
    c->out[0] = tg__loss_reduced(each, a->reduction);
    return c->out[0] != NULL;
}
TG_OP(multi_margin_loss,
      .maths = "sum over i != y of weight[y] * max(0, margin - x[y] + x[i])^p / C; y = target",
      .inputs = "x target weight", .n_in = 3, .n_optional = 1, .flags = TG__COMPOSED,
      .fields = multi_margin_fields, .attr_size = sizeof(multi_margin_attr),
      .forward = multi_margin_loss_forward, .onnx = {"composed"});
TG_SAMPLES(multi_margin_loss, "[3,4] i[3]<4 none", "[3,4] i[3]<4 +[4] | p=2 reduction=0",
           "[4] i[]<4 none | margin=2 reduction=2", "[3,4] i[3]<4 none | p=2 margin=0.7");
tg_tensor *tg_multi_margin_loss(tg_tensor *x, tg_tensor *target,
                                const tg_multi_margin_loss_options *options) {
    tg_multi_margin_loss_options o = TG_MULTI_MARGIN_LOSS_OPTIONS_INIT;
    if (tg__options("multi_margin_loss", "tg_multi_margin_loss_options",
                    "TG_MULTI_MARGIN_LOSS_OPTIONS_INIT", options, &o, sizeof o) != TG_OK)
        return NULL;
    multi_margin_attr a = {o.margin, o.p, o.reduction};
    return tg__apply3(&tg__op_multi_margin_loss, x, target, o.weight != NULL ? o.weight : TG_NONE,
                      &a);
}

/* ---- multilabel_margin_loss: Σ_{y in target} Σ_{i not in target} max(0, 1 - x[y] + x[i]) / C ----
 */
static bool multilabel_margin_loss_forward(const tg__call *c) {
    const tg__loss_attr *a = c->attr;
    if (!tg__loss_reduction(c->op->name, a->reduction))
        return false;
    tg_tensor *each = tg__apply2(&tg__op_multilabel_margin, c->in[0], c->in[1], NULL);
    c->out[0] = tg__loss_reduced(each, a->reduction);
    return c->out[0] != NULL;
}
TG_OP(multilabel_margin_loss,
      .maths = "sum over y in target, i not in target, of max(0, 1 - x[y] + x[i]) / C",
      .inputs = "x target", .n_in = 2, TG__LOSS, .forward = multilabel_margin_loss_forward,
      .onnx = {"none"});
TG_SAMPLES(multilabel_margin_loss, "[3,4] i[3,4]<4", "[3,4] i[3,4]<3 | reduction=0",
           "[5] i[5]<3 | reduction=2");
tg_tensor *tg_multilabel_margin_loss(tg_tensor *x, tg_tensor *target, tg_reduction reduction) {
    return tg__apply2(&tg__op_multilabel_margin_loss, x, target, &(tg__loss_attr){reduction});
}

/* ---- multilabel_margin: the loss of each row; multilabel_margin_slope: its derivative. The loss
 *      is made of straight pieces, so the slope is a constant to every further derivative ---- */

static bool check_labels(const tg__call *c) {
    const tg_tensor *target = c->in[1];
    if (!check_scores(c, true))
        return false;
    int64_t classes = target->shape[target->ndim - 1];
    for (int64_t i = 0; i < target->numel; i++) {
        int64_t value = entry(target, i / classes, i % classes);
        if (value < -1 || value >= classes)
            return class_fails(c, value, i);
    }
    return true;
}

/* One row: the loss, or its derivative into slope where that is not NULL. `listed` marks the
 * classes that the target names before its first -1. */
static double label_row(const tg_tensor *x, const tg_tensor *target, int64_t n, char *listed,
                        double *slope) {
    int last = x->ndim - 1;
    int64_t classes = x->shape[last];
    int64_t item = (int64_t)tg__item_size(x->dtype);
    const char *row = x->data + (last > 0 ? n * x->stride[0] * item : 0);
    int64_t step = x->stride[last] * item;
    int64_t count = 0;
    for (int64_t i = 0; i < classes; i++) {
        listed[i] = 0;
        if (slope != NULL)
            slope[i] = 0;
    }
    for (; count < classes && entry(target, n, count) >= 0; count++)
        listed[entry(target, n, count)] = 1;
    double sum = 0;
    for (int64_t k = 0; k < count; k++) {
        int64_t y = entry(target, n, k);
        double room = 1 - tg__load_double((tg_dtype)x->dtype, row + y * step);
        for (int64_t i = 0; i < classes; i++) {
            double z = listed[i] ? 0 : room + tg__load_double((tg_dtype)x->dtype, row + i * step);
            if (!(z > 0) && z == z)
                continue;
            sum += z;
            if (slope != NULL && z > 0) {
                slope[i] += 1;
                slope[y] -= 1;
            }
        }
    }
    return sum / (double)classes;
}

/* Fills y with the losses of the rows, or with their slopes. */
static bool all_rows(const tg__call *c, bool slopes) {
    tg_tensor *x = c->in[0];
    if (!check_labels(c))
        return false;
    int64_t classes = x->shape[x->ndim - 1];
    int64_t n = x->ndim == 2 ? x->shape[0] : 1;
    size_t bytes = (size_t)classes * (1 + sizeof(double));
    tg_tensor *y =
        tg__new(c->op->name, (tg_dtype)x->dtype, slopes ? x->ndim : x->ndim - 1, x->shape);
    char *memory = y != NULL ? tg__alloc(bytes) : NULL;
    if (y != NULL && memory == NULL)
        tg__fail_memory(c->op->name, bytes);
    if (memory == NULL) {
        tg__unref(y);
        return false;
    }
    double *slope = slopes ? (double *)(void *)memory : NULL;
    char *listed = memory + (size_t)classes * sizeof(double);
    int64_t item = (int64_t)tg__item_size(y->dtype);
    for (int64_t i = 0; i < n; i++) {
        double value = classes > 0 ? label_row(x, c->in[1], i, listed, slope) : 0;
        for (int64_t k = 0; slopes && k < classes; k++)
            tg__convert_double((tg_dtype)y->dtype, y->data + (i * classes + k) * item,
                               slope[k] / (double)classes);
        if (!slopes)
            tg__convert_double((tg_dtype)y->dtype, y->data + i * item, value);
    }
    tg__free(memory, bytes);
    c->out[0] = y;
    return true;
}
static bool multilabel_margin_forward(const tg__call *c) { return all_rows(c, false); }
static void multilabel_margin_rule(tg__rule *r) {
    tg_tensor *slope = tg__apply2(&tg__op_multilabel_margin_slope, r->in[0], r->in[1], NULL);
    r->gin[0] = tg_mul(tg_unsqueeze(r->g[0], -1), slope);
}
TG_OP(multilabel_margin,
      .maths = "sum over y in target, i not in target, of max(0, 1 - x[y] + x[i]) / C",
      .inputs = "x target", .n_in = 2, .no_grad = 2, .flags = TG__INTERNAL,
      .forward = multilabel_margin_forward, .rule = multilabel_margin_rule,
      .saves = {TG__SAVE_IN(0, 1), TG__SAVE_IN(1, 1)}, .onnx = {"none"});
TG_SAMPLES(multilabel_margin, "[3,4] i[3,4]<4", "[5] i[5]<3");

static bool multilabel_margin_slope_forward(const tg__call *c) { return all_rows(c, true); }
TG_OP(multilabel_margin_slope, .maths = "the derivative of multilabel_margin", .inputs = "x target",
      .n_in = 2, .no_grad = 2, .flags = TG__INTERNAL | TG__NOT_DIFF,
      .forward = multilabel_margin_slope_forward, .onnx = {"none"});
TG_SAMPLES(multilabel_margin_slope, "[3,4] i[3,4]<4", "[5] i[5]<3");

/* ---- multilabel_soft_margin_loss: the mean over classes of the loss of each logit ---- */
static bool multilabel_soft_margin_loss_forward(const tg__call *c) {
    const tg__loss_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    if (!tg__loss_reduction(c->op->name, a->reduction) || !tg__loss_alike(c, 0, 1) ||
        !tg__loss_weight(c, 2))
        return false;
    if (x->ndim == 0) {
        tg__fail(TG_ERR_SHAPE, c->op->name, "x is %s; give [..., C]", tg__describe(x));
        return false;
    }
    tg_tensor *each = tg__apply2(&tg__op_bce_logits, x, c->in[1], NULL);
    each = tg_mean(tg__loss_weighted(each, c->in[2]), TG_DIMS(-1), false);
    c->out[0] = tg__loss_reduced(each, a->reduction);
    return c->out[0] != NULL;
}
TG_OP(multilabel_soft_margin_loss,
      .maths = "mean over classes of weight * ((1 - target) * ln(1 + e^x) + target * ln(1 + e^-x))",
      .inputs = "x target weight", .n_in = 3, .n_optional = 1, TG__LOSS,
      .forward = multilabel_soft_margin_loss_forward, .onnx = {"composed"});
TG_SAMPLES(multilabel_soft_margin_loss, "[2,3] %[2,3] none", "[2,3] [2,3] +[3] | reduction=0",
           "[4] %[4] none | reduction=2");
tg_tensor *tg_multilabel_soft_margin_loss(tg_tensor *x, tg_tensor *target, tg_tensor *weight,
                                          tg_reduction reduction) {
    return tg__apply3(&tg__op_multilabel_soft_margin_loss, x, target, weight,
                      &(tg__loss_attr){reduction});
}
