/* loss_class.c - losses of class indices: nll_loss and cross_entropy.
 *
 * cross_entropy of indices without label smoothing is fused: softmax_nll reduces each row of logits
 * to one number through a block of log-softmax rows that stays in the cache, and its gradient is
 * one array made in place; nothing of the logits' size is kept between them. */
#include "base/alloc.h"
#include "base/options.h"
#include "kernels/nll.h"
#include "ops/index.h"
#include "ops/loss.h"
#include "ops/reduce.h"

/* ---- Checks ---- */

/* Where the classes are: dim 1, or dim 0 of a single sample. */
static int class_dim_of(const tg_tensor *x) { return x->ndim == 1 ? 0 : 1; }

/* target has x's shape without the classes. */
static bool indices_fit(const tg_tensor *x, const tg_tensor *target) {
    bool fits = x->ndim >= 1 && target->ndim == x->ndim - 1;
    for (int i = 0, k = 0; fits && i < x->ndim; i++)
        if (i != class_dim_of(x))
            fits = x->shape[i] == target->shape[k++];
    return fits;
}

static bool check_class_weight(const tg__call *c) {
    const tg_tensor *x = c->in[0];
    const tg_tensor *w = c->in[2];
    if ((w->flags & TG__IS_NONE) ||
        (w->ndim == 1 && w->shape[0] == x->shape[class_dim_of(x)] && w->dtype == x->dtype))
        return true;
    tg__fail(TG_ERR_SHAPE, c->op->name,
             "weight is %s for %s %s; give one weight per class, of the same dtype",
             tg__describe(w), tg__input_name(c->op, 0), tg__describe(x));
    return false;
}

/* The target as contiguous i64, each class in range or ignored. Raw; NULL with an error. */
static tg_tensor *checked_classes(const char *op, const tg_tensor *x, tg_tensor *target,
                                  int64_t ignore_index) {
    tg_tensor *index = tg__packed_as(op, target, TG_I64);
    if (index == NULL)
        return NULL;
    int dim = class_dim_of(x);
    int64_t classes = x->shape[dim];
    const int64_t *at = (const int64_t *)(const void *)index->data;
    for (int64_t i = 0; i < index->numel; i++) {
        if ((at[i] >= 0 && at[i] < classes) || at[i] == ignore_index)
            continue;
        tg__fail(TG_ERR_INDEX, op,
                 "index %lld at position %lld is out of range for dim %d of %s; give 0 to %lld, or "
                 "the ignore_index %lld",
                 (long long)at[i], (long long)i, dim, tg__describe(x), (long long)classes - 1,
                 (long long)ignore_index);
        tg__unref(index);
        return NULL;
    }
    return index;
}

/* ---- softmax_nll: -ln softmax(x)[target], 0 where ignored ---- */
typedef struct {
    int64_t ignore_index;
} ignore_attr;
static const tg__field ignore_fields[] = {
    {"ignore_index", TG_ATTR_INT, offsetof(ignore_attr, ignore_index), false, -100, 0}, {0}};
#define IGNORE .fields = ignore_fields, .attr_size = sizeof(ignore_attr)

static tg__lines rows_of(const tg_tensor *x) { return tg__lines_along(x, class_dim_of(x)); }

static bool check_softmax_nll(const char *op, const tg_tensor *x, const tg_tensor *target) {
    if (!tg__float_only(op, x))
        return false;
    if (tg__is_index(target) && indices_fit(x, target))
        return true;
    tg__fail(TG_ERR_SHAPE, op,
             "x is %s and target is %s; give class indices of x's shape without "
             "the classes",
             tg__describe(x), tg__describe(target));
    return false;
}

#define BLOCK_BYTES ((int64_t)1 << 20) /* of log-softmax at a time */

static bool softmax_nll_forward(const tg__call *c) {
    const ignore_attr *a = c->attr;
    const char *op = c->op->name;
    tg_tensor *target = c->in[1];
    if (!check_softmax_nll(op, c->in[0], target))
        return false;
    tg_tensor *index = checked_classes(op, c->in[0], target, a->ignore_index);
    tg_tensor *x = index != NULL ? tg__packed(op, c->in[0]) : NULL;
    tg_tensor *y = x != NULL ? tg__new(op, (tg_dtype)x->dtype, target->ndim, target->shape) : NULL;
    bool good = y != NULL;
    if (good && y->numel > 0) {
        tg__lines r = rows_of(x);
        int64_t item = (int64_t)tg__item_size(x->dtype);
        int64_t each = r.n * r.inner * item; /* bytes of one outer position; 0 if all is ignored */
        int64_t count = each > 0 && each < BLOCK_BYTES ? BLOCK_BYTES / each : 1;
        count = count < r.outer ? count : r.outer;
        char *block = tg__alloc((size_t)(count * each));
        good = block != NULL;
        if (!good)
            tg__fail_memory(op, (uint64_t)(count * each));
        for (int64_t o = 0; good && o < r.outer; o += count) {
            int64_t some = r.outer - o < count ? r.outer - o : count;
            tg__row(TG__ROW_LOG_SOFTMAX, (tg_dtype)x->dtype, some, r.n, r.inner, x->data + o * each,
                    NULL, block);
            tg__nll_pick((tg_dtype)x->dtype, some, r.n, r.inner, block,
                         (const int64_t *)(const void *)index->data + o * r.inner, a->ignore_index,
                         y->data + o * r.inner * item);
        }
        tg__free(block, (size_t)(count * each));
    }
    tg__unref(index);
    tg__unref(x);
    if (good)
        c->out[0] = y;
    else
        tg__unref(y);
    return good;
}
static void softmax_nll_rule(tg__rule *r) {
    r->gin[0] = tg__apply3(&tg__op_softmax_nll_grad, r->g[0], r->in[0], r->in[1], r->attr);
}
TG_OP(softmax_nll, .maths = "-ln(softmax(x))[target], 0 where ignored", .inputs = "x target",
      .n_in = 2, .no_grad = 2, .flags = TG__INTERNAL, IGNORE, .forward = softmax_nll_forward,
      .rule = softmax_nll_rule, .saves = {TG__SAVE_IN(0, 1), TG__SAVE_IN(1, 1)},
      .onnx = {"SoftmaxCrossEntropyLoss", 13, "ignore_index=ignore_index"});
TG_SAMPLES(softmax_nll, "[3,4] i[3]<4", "[4] i[]<4", "[2,3,2] i[2,2]<3 | ignore_index=1");

/* ---- softmax_nll_grad: g(p - 1 at target), p = softmax(x), 0 where ignored. d/dg = Σ h(p - 1 at
 *      target), d/dx = g·p(h - Σ hp) ---- */
static bool softmax_nll_grad_forward(const tg__call *c) {
    const ignore_attr *a = c->attr;
    const char *op = c->op->name;
    tg_tensor *g = c->in[0];
    tg_tensor *target = c->in[2];
    if (!check_softmax_nll(op, c->in[1], target))
        return false;
    if (g->dtype != c->in[1]->dtype || !tg__same_shape(g, target)) {
        tg__fail(TG_ERR_SHAPE, op, "g is %s for target %s; they must have one shape",
                 tg__describe(g), tg__describe(target));
        return false;
    }
    tg_tensor *index = checked_classes(op, c->in[1], target, a->ignore_index);
    tg_tensor *x = index != NULL ? tg__packed(op, c->in[1]) : NULL;
    tg_tensor *packed = x != NULL ? tg__packed(op, g) : NULL;
    tg_tensor *y = packed != NULL ? tg__new(op, (tg_dtype)x->dtype, x->ndim, x->shape) : NULL;
    if (y != NULL && y->numel > 0) {
        tg__lines r = rows_of(x);
        tg__row(TG__ROW_SOFTMAX, (tg_dtype)x->dtype, r.outer, r.n, r.inner, x->data, NULL, y->data);
        tg__nll_grad((tg_dtype)x->dtype, r.outer, r.n, r.inner, packed->data,
                     (const int64_t *)(const void *)index->data, a->ignore_index, y->data);
    }
    tg__unref(index);
    tg__unref(x);
    tg__unref(packed);
    c->out[0] = y;
    return y != NULL;
}
static void softmax_nll_grad_rule(tg__rule *r) {
    const ignore_attr *a = r->attr;
    tg_tensor *x = r->in[1];
    struct {
        int64_t dim;
    } along = {class_dim_of(x)};
    int dim = (int)along.dim;
    tg_tensor *h = r->g[0];
    tg_tensor *index = tg_unsqueeze(tg_cast(r->in[2], TG_I64), dim);
    tg_tensor *ignored = tg_eq(index, tg_scalar_i64(a->ignore_index));
    tg_tensor *p = tg_softmax(x, dim);
    if (r->wanted[0]) {
        tg_tensor *at = tg_gather(h, dim, tg_masked_fill(index, ignored, 0.0));
        tg_tensor *all = tg_sub(tg_sum(tg_mul(h, p), TG_DIMS(dim), true), at);
        r->gin[0] = tg_squeeze(tg_masked_fill(all, ignored, 0.0), TG_DIMS(dim));
    }
    if (r->wanted[1]) {
        tg_tensor *bend = tg__apply2(&tg__op_softmax_grad, h, p, &along);
        bend = tg_mul(bend, tg_unsqueeze(r->in[0], dim));
        r->gin[1] = tg_masked_fill(bend, ignored, 0.0);
    }
}
TG_OP(softmax_nll_grad, .maths = "g * (softmax(x) - 1 at target), 0 where ignored",
      .inputs = "g x target", .n_in = 3, .no_grad = 4, .flags = TG__INTERNAL, IGNORE,
      .forward = softmax_nll_grad_forward, .rule = softmax_nll_grad_rule,
      .saves = {TG__SAVE_IN(0, 2), TG__SAVE_IN(1, TG__ANY), TG__SAVE_IN(2, TG__ANY)},
      .onnx = {"composed"});
TG_SAMPLES(softmax_nll_grad, "[3] [3,4] i[3]<4", "[] [4] i[]<4",
           "[2,2] [2,3,2] i[2,2]<3 | ignore_index=1");

/* ---- Means over what is not ignored ---- */

/* The target with its own dims; 1 where it counts and 0 where ignored; the weight of each. */
typedef struct {
    tg_tensor *index;   /* i64, 0 where ignored */
    tg_tensor *ignored; /* bool */
    tg_tensor *weight;  /* of the logits' dtype, 0 where ignored */
} choice;
static choice choose(tg_tensor *target, int64_t ignore_index, tg_tensor *weight, tg_dtype dtype) {
    choice k;
    tg_tensor *index = tg_cast(target, TG_I64);
    k.ignored = tg_eq(index, tg_scalar_i64(ignore_index));
    k.index = tg_masked_fill(index, k.ignored, 0.0);
    k.weight = tg_cast(tg_logical_not(k.ignored), dtype);
    if (!(weight->flags & TG__IS_NONE) && k.index != NULL) {
        tg_tensor *w = tg_index_select(weight, 0, tg_reshape(k.index, TG_SHAPE(-1)));
        k.weight = tg_mul(k.weight, tg_reshape(w, k.index->ndim, k.index->shape));
    }
    return k;
}
/* The mean divides by the weights. */
static tg_tensor *reduced(tg_tensor *each, tg_tensor *weight, int64_t reduction) {
    if (reduction != TG_REDUCE_MEAN)
        return tg__loss_reduced(each, reduction);
    return tg_div(tg_sum(each, TG_ALL, false), tg_sum(weight, TG_ALL, false));
}

/* ---- nll_loss: -weight[target]·x[target] ---- */
typedef struct {
    int64_t ignore_index, reduction;
} nll_attr;
static const tg__field nll_fields[] = {
    {"ignore_index", TG_ATTR_INT, offsetof(nll_attr, ignore_index), false, -100, 0},
    {"reduction", TG_ATTR_INT, offsetof(nll_attr, reduction), false, TG_REDUCE_MEAN, 0},
    {0}};
static bool nll_loss_check(const tg__call *c) {
    const nll_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    tg_tensor *target = c->in[1];
    if (!tg__loss_reduction("nll_loss", a->reduction) || !tg__float_only("nll_loss", x))
        return false;
    if (!tg__is_index(target)) {
        tg__refuse_dtype("nll_loss", target, "a target of i64 or i32");
        return false;
    }
    if (!indices_fit(x, target)) {
        tg__fail(TG_ERR_SHAPE, "nll_loss",
                 "x is %s and target is %s; x is [N, C, ...] with class indices [N, ...]",
                 tg__describe(x), tg__describe(target));
        return false;
    }
    if (!check_class_weight(c))
        return false;
    tg_tensor *index = checked_classes("nll_loss", x, target, a->ignore_index);
    tg__unref(index);
    return index != NULL;
}
static bool nll_loss_forward(const tg__call *c) {
    const nll_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    if (!nll_loss_check(c))
        return false;
    int dim = class_dim_of(x);
    choice k = choose(c->in[1], a->ignore_index, c->in[2], (tg_dtype)x->dtype);
    tg_tensor *each;
    if (x->shape[dim] > 0)
        each = tg_squeeze(tg_gather(x, dim, tg_unsqueeze(k.index, dim)), TG_DIMS(dim));
    else /* no class, so all are ignored */
        each = tg_zeros_like(k.weight);
    /* masked_fill, not a product: what is ignored may be infinite */
    each = tg_neg(tg_mul(tg_masked_fill(each, k.ignored, 0.0), k.weight));
    c->out[0] = reduced(each, k.weight, a->reduction);
    return c->out[0] != NULL;
}
TG_OP(nll_loss, .maths = "-weight[target] * x[target]", .inputs = "x target weight", .n_in = 3,
      .n_optional = 1, .flags = TG__COMPOSED, .fields = nll_fields, .attr_size = sizeof(nll_attr),
      .forward = nll_loss_forward,
      .onnx = {"NegativeLogLikelihoodLoss", 13, "ignore_index=ignore_index,reduction=reduction"});
TG_SAMPLES(nll_loss, "[3,4] i[3]<4 none", "[4] i[]<4 none | reduction=2",
           "[2,3,2] i[2,2]<3 +[3] | ignore_index=1", "[3,4] i[3]<4 +[4] | reduction=0");
tg_tensor *tg_nll_loss(tg_tensor *x, tg_tensor *target, tg_tensor *weight, int64_t ignore_index,
                       tg_reduction reduction) {
    return tg__apply3(&tg__op_nll_loss, x, target, weight, &(nll_attr){ignore_index, reduction});
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

static bool cross_entropy_check(const tg__call *c) {
    const cross_entropy_attr *a = c->attr;
    const tg_tensor *x = c->in[0];
    tg_tensor *target = c->in[1];
    if (!tg_dtype_is_float((tg_dtype)x->dtype) ||
        (!tg__is_index(target) && target->dtype != x->dtype)) {
        tg__fail(TG_ERR_DTYPE, "cross_entropy",
                 "logits are %s and target is %s; logits are f32 or f64, targets i64, i32 or "
                 "probabilities of the logits' dtype",
                 tg__describe(x), tg__describe(target));
        return false;
    }
    if (x->ndim == 0 ||
        !(tg__is_index(target) ? indices_fit(x, target) : tg__same_shape(x, target))) {
        tg__fail(TG_ERR_SHAPE, "cross_entropy",
                 "logits are %s and target is %s; logits are [N, C, ...] with class indices "
                 "[N, ...] or probabilities of the logits' shape",
                 tg__describe(x), tg__describe(target));
        return false;
    }
    if (!check_class_weight(c))
        return false;
    if (!(a->label_smoothing >= 0.0 && a->label_smoothing <= 1.0)) {
        tg__fail(TG_ERR_ARG, "cross_entropy", "label_smoothing is %s; give a number in [0, 1]",
                 tg__num(a->label_smoothing));
        return false;
    }
    return tg__loss_reduction("cross_entropy", a->reduction);
}

/* w [C] laid out along the class dim. */
static tg_tensor *along_classes(tg_tensor *w, const tg_tensor *x) {
    int64_t shape[TG_MAX_DIMS];
    for (int i = 0; i < x->ndim; i++)
        shape[i] = i == class_dim_of(x) ? w->shape[0] : 1;
    return tg_reshape(w, x->ndim, shape);
}

/* Σ over classes of target·(-log p)·w; the mean divides by the number of distributions. */
static tg_tensor *from_probabilities(const tg__call *c) {
    const cross_entropy_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    tg_tensor *target = c->in[1];
    int dim = class_dim_of(x);
    double smooth = a->label_smoothing;
    if (smooth > 0)
        target = tg_add_scalar(tg_mul_scalar(target, 1.0 - smooth), smooth / (double)x->shape[dim]);
    tg_tensor *each = tg_mul(target, tg_log_softmax(x, dim));
    if (!(c->in[2]->flags & TG__IS_NONE))
        each = tg_mul(each, along_classes(c->in[2], x));
    return tg__loss_reduced(tg_neg(tg_sum(each, TG_DIMS(dim), false)), a->reduction);
}

/* The loss of class indices. */
static tg_tensor *from_indices(const tg__call *c) {
    const cross_entropy_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    tg_tensor *each = tg__apply2(&tg__op_softmax_nll, x, c->in[1], &(ignore_attr){a->ignore_index});
    if (each == NULL)
        return NULL;
    bool weighted = !(c->in[2]->flags & TG__IS_NONE);
    if (!weighted && a->label_smoothing == 0 && a->reduction != TG_REDUCE_MEAN)
        return tg__loss_reduced(each, a->reduction);
    choice k = choose(c->in[1], a->ignore_index, c->in[2], (tg_dtype)x->dtype);
    if (weighted)
        each = tg_mul(each, k.weight);
    if (a->label_smoothing > 0) {
        int dim = class_dim_of(x);
        tg_tensor *all = tg_log_softmax(x, dim);
        if (weighted)
            all = tg_mul(all, along_classes(c->in[2], x));
        all = tg_masked_fill(tg_sum(all, TG_DIMS(dim), false), k.ignored, 0.0);
        each = tg_sub(tg_mul_scalar(each, 1.0 - a->label_smoothing),
                      tg_mul_scalar(all, a->label_smoothing / (double)x->shape[dim]));
    }
    return reduced(each, k.weight, a->reduction);
}

static bool cross_entropy_forward(const tg__call *c) {
    if (!cross_entropy_check(c))
        return false;
    c->out[0] = tg__is_index(c->in[1]) ? from_indices(c) : from_probabilities(c);
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

/* ---- info_nce_loss: cross entropy of the similarities of each query with all keys ---- */
typedef struct {
    double temperature;
    int64_t reduction;
} info_nce_attr;
static const tg__field info_nce_fields[] = {
    {"temperature", TG_ATTR_FLOAT, offsetof(info_nce_attr, temperature), false, 0, 0.1},
    {"reduction", TG_ATTR_INT, offsetof(info_nce_attr, reduction), false, TG_REDUCE_MEAN, 0},
    {0}};
static bool info_nce_loss_forward(const tg__call *c) {
    const info_nce_attr *a = c->attr;
    const tg_tensor *q = c->in[0];
    if (!tg__loss_reduction("info_nce_loss", a->reduction) || !tg__loss_alike(c, 0, 1))
        return false;
    if (!(a->temperature > 0) || !__builtin_isfinite(a->temperature)) {
        tg__fail(TG_ERR_ARG, "info_nce_loss", "temperature is %s; give a finite number > 0",
                 tg__num(a->temperature));
        return false;
    }
    if (q->ndim != 2) {
        tg__fail(TG_ERR_SHAPE, "info_nce_loss", "query is %s; give [N, D]", tg__describe(q));
        return false;
    }
    tg_tensor *query = tg_normalize(c->in[0], 2.0, 1, 1e-12);
    tg_tensor *key = tg_normalize(c->in[1], 2.0, 1, 1e-12);
    tg_tensor *logits = tg_div_scalar(tg_matmul(query, tg_transpose(key, 0, 1)), a->temperature);
    tg_cross_entropy_options o = TG_CROSS_ENTROPY_OPTIONS_INIT;
    o.reduction = (int32_t)a->reduction;
    c->out[0] = tg_cross_entropy(logits, tg_arange(TG_I64, 0, (double)q->shape[0], 1), &o);
    return c->out[0] != NULL;
}
TG_OP(info_nce_loss, .maths = "cross_entropy(cos(query_i, key_j) / temperature) with target i",
      .inputs = "query key", .n_in = 2, .flags = TG__COMPOSED | TG__BLAS, .fields = info_nce_fields,
      .attr_size = sizeof(info_nce_attr), .forward = info_nce_loss_forward, .onnx = {"composed"});
TG_SAMPLES(info_nce_loss, "[3,4] [3,4] | temperature=0.5",
           "[3,4] [3,4] | temperature=1 reduction=0", "[2,3] [2,3] | temperature=0.7 reduction=2");
tg_tensor *tg_info_nce_loss(tg_tensor *query, tg_tensor *key, double temperature,
                            tg_reduction reduction) {
    return tg__apply2(&tg__op_info_nce_loss, query, key, &(info_nce_attr){temperature, reduction});
}
