/* loss_margin.c - losses with a margin: of labels -1 and 1, of rankings, of distances.
 *
 * As in PyTorch, those that limit by clamp have gradient g where the margin is met exactly, and
 * those that limit by comparison (loss_multi.c) have 0. */
#include "base/options.h"
#include "ops/loss.h"

/* max(x, 0), with gradient g at 0. */
static tg_tensor *hinge(tg_tensor *x) { return tg_clamp(x, 0.0, __builtin_inf()); }

/* x where the label is (or, negated, is not) `wanted`, else 0. */
static tg_tensor *where_label(tg_tensor *label, double unwanted, tg_tensor *x) {
    return tg_masked_fill(x, tg_eq_scalar(label, unwanted), 0.0);
}

/* What losses with a margin and a reduction have. */
typedef struct {
    double margin;
    int64_t reduction;
} margin_attr;
static bool check_margin(const tg__call *c) {
    const margin_attr *a = c->attr;
    return tg__loss_reduction(c->op->name, a->reduction) &&
           tg__loss_finite(c->op->name, "margin", a->margin);
}
#define MARGIN_FIELDS(DEFAULT)                                                                      \
    {                                                                                               \
        {"margin", TG_ATTR_FLOAT, offsetof(margin_attr, margin), false, 0, DEFAULT},                \
            {"reduction", TG_ATTR_INT, offsetof(margin_attr, reduction), false, TG_REDUCE_MEAN, 0}, \
        {                                                                                           \
            0                                                                                       \
        }                                                                                           \
    }
static const tg__field margin_1_fields[] = MARGIN_FIELDS(1.0);
static const tg__field margin_0_fields[] = MARGIN_FIELDS(0.0);
#define MARGIN(N)                                                                                  \
    .flags = TG__COMPOSED, .fields = margin_##N##_fields, .attr_size = sizeof(margin_attr),        \
    .onnx = {"composed"}

/* ---- hinge_embedding_loss: x where target is 1, max(0, margin - x) where it is -1 ---- */
static bool hinge_embedding_loss_forward(const tg__call *c) {
    const margin_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    tg_tensor *target = c->in[1];
    if (!check_margin(c) || !tg__float_only("hinge_embedding_loss", x))
        return false;
    if (!tg__same_shape(x, target)) {
        tg__fail(TG_ERR_SHAPE, "hinge_embedding_loss",
                 "x is %s and target is %s; a loss does not broadcast: reshape one of them",
                 tg__describe(x), tg__describe(target));
        return false;
    }
    /* Any other target counts as both, as in PyTorch. */
    tg_tensor *near = where_label(target, -1.0, x);
    tg_tensor *far = where_label(target, 1.0, hinge(tg_rsub_scalar(x, a->margin)));
    c->out[0] = tg__loss_reduced(tg_add(far, near), a->reduction);
    return c->out[0] != NULL;
}
TG_OP(hinge_embedding_loss, .maths = "x where target is 1, max(0, margin - x) where it is -1",
      .inputs = "x target", .n_in = 2, .no_grad = 2, MARGIN(1),
      .forward = hinge_embedding_loss_forward);
TG_SAMPLES(hinge_embedding_loss, "[2,3] i[2,3]<2", "[2,3] i[2,3]<2 | margin=0.6 reduction=0",
           "[4] b[4] | reduction=2");
tg_tensor *tg_hinge_embedding_loss(tg_tensor *x, tg_tensor *target, double margin,
                                   tg_reduction reduction) {
    return tg__apply2(&tg__op_hinge_embedding_loss, x, target, &(margin_attr){margin, reduction});
}

/* ---- margin_ranking_loss: max(0, -target(x1 - x2) + margin) ---- */
static bool margin_ranking_loss_forward(const tg__call *c) {
    const margin_attr *a = c->attr;
    if (!check_margin(c) || !tg__loss_alike(c, 0, 1) || !tg__loss_alike(c, 0, 2))
        return false;
    tg_tensor *lead = tg_mul(c->in[2], tg_sub(c->in[0], c->in[1]));
    c->out[0] = tg__loss_reduced(hinge(tg_rsub_scalar(lead, a->margin)), a->reduction);
    return c->out[0] != NULL;
}
TG_OP(margin_ranking_loss, .maths = "max(0, margin - target * (x1 - x2))", .inputs = "x1 x2 target",
      .n_in = 3, MARGIN(0), .forward = margin_ranking_loss_forward);
TG_SAMPLES(margin_ranking_loss, "[2,3] [2,3] [2,3]", "[2,3] [2,3] [2,3] | margin=0.5 reduction=0",
           "[4] [4] [4] | margin=2 reduction=2");
tg_tensor *tg_margin_ranking_loss(tg_tensor *x1, tg_tensor *x2, tg_tensor *target, double margin,
                                  tg_reduction reduction) {
    return tg__apply3(&tg__op_margin_ranking_loss, x1, x2, target,
                      &(margin_attr){margin, reduction});
}

/* ---- cosine_embedding_loss: 1 - cos where target is 1, max(0, cos - margin) where it is -1 ----
 */
static bool check_cosine(const tg__call *c) {
    const tg_tensor *x = c->in[0];
    const tg_tensor *target = c->in[2];
    if (!check_margin(c) || !tg__loss_alike(c, 0, 1))
        return false;
    bool fits = (x->ndim == 1 || x->ndim == 2) && target->ndim == x->ndim - 1 &&
                (target->ndim == 0 || target->shape[0] == x->shape[0]);
    if (!fits)
        tg__fail(TG_ERR_SHAPE, c->op->name,
                 "x1 is %s and target is %s; give [N, D] with target [N], or [D] with a 0-d target",
                 tg__describe(x), tg__describe(target));
    return fits;
}
static bool cosine_embedding_loss_forward(const tg__call *c) {
    const margin_attr *a = c->attr;
    if (!check_cosine(c))
        return false;
    tg_tensor *x1 = c->in[0];
    tg_tensor *x2 = c->in[1];
    tg_tensor *target = c->in[2];
    tg_tensor *dot = tg_sum(tg_mul(x1, x2), TG_DIMS(-1), false);
    tg_tensor *s1 = tg_add_scalar(tg_sum(tg_square(x1), TG_DIMS(-1), false), 1e-12);
    tg_tensor *s2 = tg_add_scalar(tg_sum(tg_square(x2), TG_DIMS(-1), false), 1e-12);
    tg_tensor *cosine = tg_div(dot, tg_sqrt(tg_mul(s1, s2)));
    /* 0 for any other target, as in PyTorch. */
    tg_tensor *near = tg_masked_fill(tg_rsub_scalar(cosine, 1.0), tg_ne_scalar(target, 1.0), 0.0);
    tg_tensor *far =
        tg_masked_fill(hinge(tg_sub_scalar(cosine, a->margin)), tg_ne_scalar(target, -1.0), 0.0);
    c->out[0] = tg__loss_reduced(tg_add(near, far), a->reduction);
    return c->out[0] != NULL;
}
TG_OP(cosine_embedding_loss,
      .maths = "1 - cos(x1, x2) where target is 1, max(0, cos(x1, x2) - margin) where it is -1",
      .inputs = "x1 x2 target", .n_in = 3, .no_grad = 4, MARGIN(0),
      .forward = cosine_embedding_loss_forward);
TG_SAMPLES(cosine_embedding_loss, "[3,4] [3,4] i[3]<2", "[3,4] [3,4] i[3]<2 | reduction=0",
           "[4] [4] i[]<2 | reduction=2", "[3,4] [3,4] i[3]<2 | margin=0.3");
tg_tensor *tg_cosine_embedding_loss(tg_tensor *x1, tg_tensor *x2, tg_tensor *target, double margin,
                                    tg_reduction reduction) {
    return tg__apply3(&tg__op_cosine_embedding_loss, x1, x2, target,
                      &(margin_attr){margin, reduction});
}

/* ---- triplet_margin_loss: max(0, margin + d(anchor, positive) - d(anchor, negative)) ---- */
typedef struct {
    double margin, p, eps;
    bool swap;
    int64_t reduction;
} triplet_attr;
static const tg__field triplet_fields[] = {
    {"margin", TG_ATTR_FLOAT, offsetof(triplet_attr, margin), false, 0, 1.0},
    {"p", TG_ATTR_FLOAT, offsetof(triplet_attr, p), false, 0, 2.0},
    {"eps", TG_ATTR_FLOAT, offsetof(triplet_attr, eps), false, 0, 1e-6},
    {"swap", TG_ATTR_BOOL, offsetof(triplet_attr, swap), false, 0, 0},
    {"reduction", TG_ATTR_INT, offsetof(triplet_attr, reduction), false, TG_REDUCE_MEAN, 0},
    {0}};

static bool check_triplet(const tg__call *c) {
    const triplet_attr *a = c->attr;
    const char *op = c->op->name;
    if (!tg__loss_reduction(op, a->reduction) || !tg__loss_alike(c, 0, 1) ||
        !tg__loss_alike(c, 0, 2) || !tg__loss_finite(op, "margin", a->margin))
        return false;
    if (c->in[0]->ndim > 0)
        return true;
    tg__fail(TG_ERR_SHAPE, op, "anchor is %s; give [..., D]", tg__describe(c->in[0]));
    return false;
}
static tg_tensor *distance(const tg__call *c, int i, int k) {
    const triplet_attr *a = c->attr;
    return tg_pairwise_distance(c->in[i], c->in[k], a->p, a->eps, false);
}
static bool triplet_margin_loss_forward(const tg__call *c) {
    const triplet_attr *a = c->attr;
    if (!check_triplet(c))
        return false;
    tg_tensor *positive = distance(c, 0, 1);
    tg_tensor *negative = distance(c, 0, 2);
    if (a->swap)
        negative = tg_minimum(negative, distance(c, 1, 2));
    tg_tensor *each = hinge(tg_add_scalar(tg_sub(positive, negative), a->margin));
    c->out[0] = tg__loss_reduced(each, a->reduction);
    return c->out[0] != NULL;
}
TG_OP(triplet_margin_loss, .maths = "max(0, margin + d(anchor, positive) - d(anchor, negative))",
      .inputs = "anchor positive negative", .n_in = 3, .flags = TG__COMPOSED,
      .fields = triplet_fields, .attr_size = sizeof(triplet_attr),
      .forward = triplet_margin_loss_forward, .onnx = {"composed"});
TG_SAMPLES(triplet_margin_loss, "[3,4] [3,4] [3,4]", "[3,4] [3,4] [3,4] | margin=4 reduction=0",
           "[3,4] [3,4] [3,4] | p=3 swap=1 margin=5", "[4] [4] [4] | p=1 margin=9 reduction=2",
           "[3,4] [3,4] [3,4] | p=inf margin=3", "[3,4] [3,4] [3,4] | p=1.5 margin=8 eps=0.01");
tg_tensor *tg_triplet_margin_loss(tg_tensor *anchor, tg_tensor *positive, tg_tensor *negative,
                                  const tg_triplet_margin_loss_options *options) {
    tg_triplet_margin_loss_options o = TG_TRIPLET_MARGIN_LOSS_OPTIONS_INIT;
    if (tg__options("triplet_margin_loss", "tg_triplet_margin_loss_options",
                    "TG_TRIPLET_MARGIN_LOSS_OPTIONS_INIT", options, &o, sizeof o) != TG_OK)
        return NULL;
    triplet_attr a = {o.margin, o.p, o.eps, o.swap, o.reduction};
    return tg__apply3(&tg__op_triplet_margin_loss, anchor, positive, negative, &a);
}
