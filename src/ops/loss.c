/* loss.c - losses: compositions of recorded operations, without broadcasting. */
#include "base/options.h"
#include "ops/elementwise.h"

static tg_tensor *reduce_loss(const char *op, tg_tensor *each, int64_t reduction) {
    switch (reduction) {
    case TG_REDUCE_NONE:
        return tg_contiguous(each);
    case TG_REDUCE_MEAN:
        return tg_mean(each, TG_ALL, false);
    case TG_REDUCE_SUM:
        return tg_sum(each, TG_ALL, false);
    default:
        tg__fail(TG_ERR_ARG, op, "reduction %lld; give TG_REDUCE_NONE, _MEAN or _SUM",
                 (long long)reduction);
        return NULL;
    }
}

typedef struct {
    int64_t reduction;
} loss_attr;
static const tg__field loss_fields[] = {
    {"reduction", TG_ATTR_INT, offsetof(loss_attr, reduction), false, TG_REDUCE_MEAN, 0}, {0}};

/* Alike in shape, float, one dtype. */
static bool check_pair(const tg__call *c) {
    const tg_tensor *x = c->in[0];
    const tg_tensor *target = c->in[1];
    if (!tg__same_shape(x, target)) {
        tg__fail(TG_ERR_SHAPE, c->op->name,
                 "x is %s and target is %s; a loss does not broadcast: reshape one of them",
                 tg__describe(x), tg__describe(target));
        return false;
    }
    if (x->dtype != target->dtype || !tg_dtype_is_float((tg_dtype)x->dtype)) {
        tg__fail(TG_ERR_DTYPE, c->op->name,
                 "x is %s and target is %s; both must be f32 or both f64: use tg_cast",
                 tg__describe(x), tg__describe(target));
        return false;
    }
    return true;
}

/* ---- mse_loss: (x - target)² ---- */
static bool mse_loss_forward(const tg__call *c) {
    const loss_attr *a = c->attr;
    if (check_pair(c))
        c->out[0] = reduce_loss("mse_loss", tg_square(tg_sub(c->in[0], c->in[1])), a->reduction);
    return c->out[0] != NULL;
}
TG_OP(mse_loss, .maths = "(x - target)^2", .inputs = "x target", .n_in = 2, .flags = TG__COMPOSED,
      .fields = loss_fields, .attr_size = sizeof(loss_attr), .forward = mse_loss_forward,
      .onnx = {"composed"});
TG_SAMPLES(mse_loss, "[2,3] [2,3]", "[2,3] [2,3] | reduction=0", "[4] [4] | reduction=2");
tg_tensor *tg_mse_loss(tg_tensor *x, tg_tensor *target, tg_reduction reduction) {
    return tg__apply2(&tg__op_mse_loss, x, target, &(loss_attr){reduction});
}

/* ---- l1_loss: |x - target| ---- */
static bool l1_loss_forward(const tg__call *c) {
    const loss_attr *a = c->attr;
    if (check_pair(c))
        c->out[0] = reduce_loss("l1_loss", tg_abs(tg_sub(c->in[0], c->in[1])), a->reduction);
    return c->out[0] != NULL;
}
TG_OP(l1_loss, .maths = "|x - target|", .inputs = "x target", .n_in = 2, .flags = TG__COMPOSED,
      .fields = loss_fields, .attr_size = sizeof(loss_attr), .forward = l1_loss_forward,
      .onnx = {"composed"});
TG_SAMPLES(l1_loss, "[2,3] [2,3]", "[2,3] [2,3] | reduction=0", "[4] [4] | reduction=2");
tg_tensor *tg_l1_loss(tg_tensor *x, tg_tensor *target, tg_reduction reduction) {
    return tg__apply2(&tg__op_l1_loss, x, target, &(loss_attr){reduction});
}

/* ---- cross_entropy ---- */
typedef struct {
    int64_t reduction, ignore_index;
    double label_smoothing;
} cross_entropy_attr;
static const tg__field cross_entropy_fields[] = {
    {"reduction", TG_ATTR_INT, offsetof(cross_entropy_attr, reduction), false, TG_REDUCE_MEAN, 0},
    {"ignore_index", TG_ATTR_INT, offsetof(cross_entropy_attr, ignore_index), false, -100, 0},
    {"label_smoothing", TG_ATTR_FLOAT, offsetof(cross_entropy_attr, label_smoothing), false, 0, 0},
    {0}};

/* Where the classes are, and whether the target holds probabilities; -1 with an error. */
static int class_dim(const tg_tensor *x, const tg_tensor *target, bool *probabilities) {
    int dim = x->ndim == 1 ? 0 : 1;
    *probabilities = tg_dtype_is_float((tg_dtype)target->dtype);
    bool fits = x->ndim >= 1 && target->ndim == x->ndim - (*probabilities ? 0 : 1);
    for (int i = 0, k = 0; fits && i < x->ndim; i++)
        if (*probabilities || i != dim)
            fits = x->shape[i] == target->shape[k++];
    if (fits)
        return dim;
    tg__fail(
        TG_ERR_SHAPE, "cross_entropy",
        "logits are %s and target is %s; logits are [N, C, ...] with class indices [N, ...] or "
        "probabilities of the logits' shape",
        tg__describe(x), tg__describe(target));
    return -1;
}

static bool cross_entropy_check(const tg__call *c, int *dim, bool *probabilities) {
    const cross_entropy_attr *a = c->attr;
    const tg_tensor *x = c->in[0];
    const tg_tensor *target = c->in[1];
    const tg_tensor *weight = c->in[2];
    bool index = target->dtype == TG_I64 || target->dtype == TG_I32;
    if (!tg_dtype_is_float((tg_dtype)x->dtype) || (!index && target->dtype != x->dtype)) {
        tg__fail(TG_ERR_DTYPE, "cross_entropy",
                 "logits are %s and target is %s; logits are f32 or f64, targets i64, i32 or "
                 "probabilities of the logits' dtype",
                 tg__describe(x), tg__describe(target));
        return false;
    }
    *dim = class_dim(x, target, probabilities);
    if (*dim < 0)
        return false;
    bool weighted = !(weight->flags & TG__IS_NONE);
    if (weighted &&
        (weight->ndim != 1 || weight->shape[0] != x->shape[*dim] || weight->dtype != x->dtype)) {
        tg__fail(TG_ERR_SHAPE, "cross_entropy",
                 "weight is %s for logits %s; give one weight per class, of the logits' dtype",
                 tg__describe(weight), tg__describe(x));
        return false;
    }
    if (!(a->label_smoothing >= 0.0 && a->label_smoothing <= 1.0)) {
        tg__fail(TG_ERR_ARG, "cross_entropy", "label_smoothing is %s; give a number in [0, 1]",
                 tg__num(a->label_smoothing));
        return false;
    }
    if (a->reduction < TG_REDUCE_NONE || a->reduction > TG_REDUCE_SUM) {
        tg__fail(TG_ERR_ARG, "cross_entropy", "reduction %lld; give TG_REDUCE_NONE, _MEAN or _SUM",
                 (long long)a->reduction);
        return false;
    }
    return true;
}

/* w [C] laid out along the class dim. */
static tg_tensor *along_classes(tg_tensor *w, const tg_tensor *x, int dim) {
    int64_t shape[TG_MAX_DIMS];
    for (int i = 0; i < x->ndim; i++)
        shape[i] = i == dim ? x->shape[dim] : 1;
    return tg_reshape(w, x->ndim, shape);
}

/* Σ over classes of target·(-log p)·w; the mean divides by the number of distributions. */
static tg_tensor *from_probabilities(const tg__call *c, tg_tensor *logp, int dim) {
    const cross_entropy_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    tg_tensor *target = c->in[1];
    double smooth = a->label_smoothing;
    double classes = (double)x->shape[dim];
    if (smooth > 0)
        target = tg_add_scalar(tg_mul_scalar(target, 1.0 - smooth), smooth / classes);
    tg_tensor *each = tg_mul(target, logp);
    if (!(c->in[2]->flags & TG__IS_NONE))
        each = tg_mul(each, along_classes(c->in[2], x, dim));
    each = tg_neg(tg_sum(each, TG_DIMS(dim), false));
    return reduce_loss("cross_entropy", each, a->reduction);
}

/* The loss of class indices. `used` is 1 where the target is not ignored, else 0. */
static tg_tensor *from_indices(const tg__call *c, tg_tensor *logp, int dim) {
    const cross_entropy_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    tg_tensor *weight = c->in[2];
    tg_dtype dtype = (tg_dtype)x->dtype;
    bool weighted = !(weight->flags & TG__IS_NONE);
    tg_tensor *index = tg_unsqueeze(tg_cast(c->in[1], TG_I64), dim);
    tg_tensor *ignored = tg_eq(index, tg_scalar_i64(a->ignore_index));
    tg_tensor *safe = tg_masked_fill(index, ignored, 0.0);
    tg_tensor *used = tg_cast(tg_logical_not(ignored), dtype);
    tg_tensor *w = used; /* Σ w[target] over the targets that count */
    if (weighted && safe != NULL)
        w = tg_mul(used, tg_reshape(tg_index_select(weight, 0, tg_reshape(safe, TG_SHAPE(-1))),
                                    safe->ndim, safe->shape));
    /* masked_fill, not a product: an ignored row may hold infinities */
    tg_tensor *picked = tg_masked_fill(tg_gather(logp, dim, safe), ignored, 0.0);
    tg_tensor *each = tg_neg(weighted ? tg_mul(picked, w) : picked);
    if (a->label_smoothing > 0) {
        tg_tensor *all = weighted ? tg_mul(logp, along_classes(weight, x, dim)) : logp;
        all = tg_masked_fill(tg_sum(all, TG_DIMS(dim), true), ignored, 0.0);
        each = tg_sub(tg_mul_scalar(each, 1.0 - a->label_smoothing),
                      tg_mul_scalar(all, a->label_smoothing / (double)x->shape[dim]));
    }
    if (a->reduction == TG_REDUCE_MEAN)
        return tg_div(tg_sum(each, TG_ALL, false), tg_sum(w, TG_ALL, false));
    return reduce_loss("cross_entropy", tg_squeeze(each, TG_DIMS(dim)), a->reduction);
}

static bool cross_entropy_forward(const tg__call *c) {
    int dim;
    bool probabilities;
    if (!cross_entropy_check(c, &dim, &probabilities))
        return false;
    tg_tensor *logp = tg_log_softmax(c->in[0], dim);
    c->out[0] = probabilities ? from_probabilities(c, logp, dim) : from_indices(c, logp, dim);
    return c->out[0] != NULL;
}
TG_OP(cross_entropy, .maths = "-log(softmax(logits))[target]", .inputs = "logits target weight",
      .n_in = 3, .n_optional = 1, .flags = TG__COMPOSED, .fields = cross_entropy_fields,
      .attr_size = sizeof(cross_entropy_attr), .forward = cross_entropy_forward,
      .onnx = {"SoftmaxCrossEntropyLoss", 13, "ignore_index=ignore_index,reduction=reduction"});
TG_SAMPLES(cross_entropy, "[3,4] i[3]<4 none", "[4] i[]<4 none | reduction=2",
           "[2,3,2] i[2,2]<3 +[3] | label_smoothing=0.1", "[3,4] [3,4] none | reduction=0",
           "[3,4] [3,4] +[4] | label_smoothing=0.2", "[3,4] i[3]<4 +[4] | ignore_index=1");
tg_tensor *tg_cross_entropy(tg_tensor *logits, tg_tensor *target,
                            const tg_cross_entropy_options *options) {
    tg_cross_entropy_options o = TG_CROSS_ENTROPY_OPTIONS_INIT;
    if (tg__options("cross_entropy", "tg_cross_entropy_options", "TG_CROSS_ENTROPY_OPTIONS_INIT",
                    options, &o, sizeof o) != TG_OK)
        return NULL;
    cross_entropy_attr a = {o.reduction, o.ignore_index, o.label_smoothing};
    return tg__apply3(&tg__op_cross_entropy, logits, target, o.weight != NULL ? o.weight : TG_NONE,
                      &a);
}
