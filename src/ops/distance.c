/* distance.c - p-norm distances between points, cosine similarity, normalisation.
 *
 * All are made of recorded operations around tg_vector_norm, whose gradient is 0 where the norm is.
 * Differences of all pairs are held at once: cdist takes m·n·d elements of memory. */
#include "ops/matrix.h"

#include <math.h>
#include <string.h>

typedef struct {
    double p, eps;
    int64_t dim;
    bool keepdim;
} distance_attr;

static bool check_p(const char *op, double p) {
    if (p >= 0)
        return true;
    tg__fail(TG_ERR_ARG, op, "p is %s; give a number >= 0, or infinity", tg__num(p));
    return false;
}

static bool check_eps(const char *op, double eps) {
    if (eps >= 0 && isfinite(eps))
        return true;
    tg__fail(TG_ERR_ARG, op, "eps is %s; give a finite number >= 0", tg__num(eps));
    return false;
}

static bool float_only(const tg__call *c, int n) {
    for (int i = 0; i < n; i++)
        if (!tg__float_only(c->op->name, c->in[i]))
            return false;
    return true;
}

/* ‖x‖ₚ along a dim; the largest of nothing is 0. */
static tg_tensor *norm(tg_tensor *x, double p, int dim, bool keepdim) {
    if (x != NULL && isinf(p) && x->shape[dim < 0 ? dim + x->ndim : dim] == 0)
        p = 1.0;
    return tg_vector_norm(x, p, TG_DIMS(dim), keepdim);
}

#define DISTANCE .attr_size = sizeof(distance_attr)
#define P_FIELD                                                                                    \
    { "p", TG_ATTR_FLOAT, offsetof(distance_attr, p), false, 0, 2.0 }
#define EPS_FIELD(value)                                                                           \
    { "eps", TG_ATTR_FLOAT, offsetof(distance_attr, eps), false, 0, (value) }
#define DIM_FIELD(value)                                                                           \
    { "dim", TG_ATTR_INT, offsetof(distance_attr, dim), false, (value), 0 }
#define KEEPDIM_FIELD                                                                              \
    { "keepdim", TG_ATTR_BOOL, offsetof(distance_attr, keepdim), false, 0, 0 }

static const tg__field p_fields[] = {P_FIELD, {0}};

/* ---- cdist: ‖x1[..., i, :] - x2[..., j, :]‖ₚ for all i and j ---- */
static bool cdist_forward(const tg__call *c) {
    double p = ((const distance_attr *)c->attr)->p;
    const tg_tensor *a = c->in[0];
    const tg_tensor *b = c->in[1];
    if (!tg__same_float("cdist", a, b) || !check_p("cdist", p))
        return false;
    if (a->ndim < 2 || b->ndim < 2 || tg__cols(a) != tg__cols(b)) {
        tg__fail(TG_ERR_SHAPE, "cdist", "x1 is %s and x2 %s; give [..., m, d] and [..., n, d]",
                 tg__describe(a), tg__describe(b));
        return false;
    }
    if (a->ndim == TG_MAX_DIMS || b->ndim == TG_MAX_DIMS) {
        tg__fail(TG_ERR_SHAPE, "cdist", "x1 is %s and x2 %s; at most %d dims are possible",
                 tg__describe(a), tg__describe(b), TG_MAX_DIMS - 1);
        return false;
    }
    /* [..., m, 1, d] - [..., 1, n, d] */
    c->out[0] = norm(tg_sub(tg_unsqueeze(c->in[0], -2), tg_unsqueeze(c->in[1], -3)), p, -1, false);
    return c->out[0] != NULL;
}
TG_OP(cdist, .maths = "|x1[i] - x2[j]|_p for all i and j", .inputs = "x1 x2", .n_in = 2,
      .flags = TG__COMPOSED, .fields = p_fields, DISTANCE, .forward = cdist_forward,
      .onnx = {"composed"});
TG_SAMPLES(cdist, "[2,3] [4,3]", "[2,3] [2,3] | p=1", "[2,2,2] [3,2] | p=3", "[2,2] [2,2] | p=1.5",
           "[3,2] [2,2] | p=inf", "[3,2] [2,2] | p=0");
tg_tensor *tg_cdist(tg_tensor *x1, tg_tensor *x2, double p) {
    return tg__apply2(&tg__op_cdist, x1, x2, &(distance_attr){.p = p});
}

/* ---- pdist: the distances of all pairs i < j of rows ---- */

/* The first (or second) of all pairs i < j below n, i64. Given. */
static tg_tensor *pairs(int64_t n, bool second) {
    int64_t count = 0;
    if (n > 1 && __builtin_mul_overflow(n, n - 1, &count)) {
        tg__fail(TG_ERR_SHAPE, "pdist", "%lld rows have too many pairs", (long long)n);
        return NULL;
    }
    tg_tensor *index = tg_empty(TG_I64, TG_SHAPE(count / 2));
    int64_t at = 0;
    for (int64_t i = 0; index != NULL && i < n; i++)
        for (int64_t j = i + 1; j < n; j++)
            ((int64_t *)(void *)index->data)[at++] = second ? j : i;
    return index;
}
static bool pdist_forward(const tg__call *c) {
    double p = ((const distance_attr *)c->attr)->p;
    tg_tensor *x = c->in[0];
    if (!tg__float_only("pdist", x) || !check_p("pdist", p))
        return false;
    if (x->ndim != 2) {
        tg__fail(TG_ERR_SHAPE, "pdist", "x is %s; give rows [n, d]", tg__describe(x));
        return false;
    }
    tg_tensor *d = tg_sub(tg_index_select(x, 0, pairs(x->shape[0], false)),
                          tg_index_select(x, 0, pairs(x->shape[0], true)));
    c->out[0] = norm(d, p, -1, false);
    return c->out[0] != NULL;
}
TG_OP(pdist, .maths = "|x[i] - x[j]|_p for i < j", .inputs = "x", .n_in = 1, .flags = TG__COMPOSED,
      .fields = p_fields, DISTANCE, .forward = pdist_forward, .onnx = {"composed"});
TG_SAMPLES(pdist, "[4,3]", "[3,2] | p=1", "[3,2] | p=3", "[3,2] | p=inf");
tg_tensor *tg_pdist(tg_tensor *x, double p) {
    return tg__apply1(&tg__op_pdist, x, &(distance_attr){.p = p});
}

/* ---- pairwise_distance: ‖x1 - x2 + eps‖ₚ along the last dim ---- */
static const tg__field pairwise_fields[] = {P_FIELD, EPS_FIELD(1e-6), KEEPDIM_FIELD, {0}};
static bool pairwise_distance_forward(const tg__call *c) {
    const distance_attr *a = c->attr;
    if (!tg__same_float("pairwise_distance", c->in[0], c->in[1]) ||
        !check_p("pairwise_distance", a->p) || !check_eps("pairwise_distance", a->eps))
        return false;
    if (c->in[0]->ndim == 0 && c->in[1]->ndim == 0) {
        tg__fail(TG_ERR_SHAPE, "pairwise_distance", "x1 is %s and x2 %s; give at least one dim",
                 tg__describe(c->in[0]), tg__describe(c->in[1]));
        return false;
    }
    tg_tensor *d = tg_add_scalar(tg_sub(c->in[0], c->in[1]), a->eps);
    c->out[0] = norm(d, a->p, -1, a->keepdim);
    return c->out[0] != NULL;
}
TG_OP(pairwise_distance, .maths = "|x1 - x2 + eps|_p", .inputs = "x1 x2", .n_in = 2,
      .flags = TG__COMPOSED, .fields = pairwise_fields, DISTANCE,
      .forward = pairwise_distance_forward, .onnx = {"composed"});
TG_SAMPLES(pairwise_distance, "[2,3] [2,3]", "[3] [2,3] | p=1 keepdim=1",
           "[2,3] [2,3] | p=3 eps=0.001", "[2,3] [2,1] | p=inf");
tg_tensor *tg_pairwise_distance(tg_tensor *x1, tg_tensor *x2, double p, double eps, bool keepdim) {
    return tg__apply2(&tg__op_pairwise_distance, x1, x2,
                      &(distance_attr){.p = p, .eps = eps, .keepdim = keepdim});
}

/* ---- dist: ‖a - b‖ₚ of all elements ---- */
static bool dist_forward(const tg__call *c) {
    double p = ((const distance_attr *)c->attr)->p;
    if (!tg__same_float("dist", c->in[0], c->in[1]) || !check_p("dist", p))
        return false;
    tg_tensor *d = tg_flatten(tg_sub(c->in[0], c->in[1]), 0, -1);
    c->out[0] = norm(d, p, -1, false);
    return c->out[0] != NULL;
}
TG_OP(dist, .maths = "|a - b|_p", .inputs = "a b", .n_in = 2, .flags = TG__COMPOSED,
      .fields = p_fields, DISTANCE, .forward = dist_forward, .onnx = {"composed"});
TG_SAMPLES(dist, "[2,3] [2,3]", "[2,3] [3] | p=1", "[] [] | p=3", "[2,3] [2,1] | p=inf");
tg_tensor *tg_dist(tg_tensor *a, tg_tensor *b, double p) {
    return tg__apply2(&tg__op_dist, a, b, &(distance_attr){.p = p});
}

/* ---- normalize: x / max(‖x‖ₚ, eps) ---- */

static tg_tensor *normalized(tg_tensor *x, double p, int dim, double eps) {
    return tg_div(x, tg_clamp(norm(x, p, dim, true), eps, INFINITY));
}
static const tg__field normalize_fields[] = {P_FIELD, DIM_FIELD(1), EPS_FIELD(1e-12), {0}};
static bool normalize_forward(const tg__call *c) {
    const distance_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    if (!float_only(c, 1) || !check_p("normalize", a->p) || !check_eps("normalize", a->eps))
        return false;
    int dim = tg__dim("normalize", x, a->dim);
    if (dim < 0)
        return false;
    c->out[0] = x->ndim > 0 ? normalized(x, a->p, dim, a->eps)
                            : tg_squeeze(normalized(tg_unsqueeze(x, 0), a->p, 0, a->eps), TG_ALL);
    return c->out[0] != NULL;
}
TG_OP(normalize, .maths = "x / max(|x|_p, eps)", .inputs = "x", .n_in = 1, .flags = TG__COMPOSED,
      .fields = normalize_fields, DISTANCE, .forward = normalize_forward, .onnx = {"composed"});
TG_SAMPLES(normalize, "[2,3]", "[2,3] | p=1 dim=0", "[2,3,2] | p=3 dim=-1", "[3] | dim=0 eps=10");
tg_tensor *tg_normalize(tg_tensor *x, double p, int dim, double eps) {
    return tg__apply1(&tg__op_normalize, x, &(distance_attr){.p = p, .eps = eps, .dim = dim});
}

/* ---- cosine_similarity: Σ x1·x2 / (max(‖x1‖, eps)·max(‖x2‖, eps)) ---- */
static const tg__field cosine_fields[] = {DIM_FIELD(1), EPS_FIELD(1e-8), {0}};
static bool cosine_similarity_forward(const tg__call *c) {
    const distance_attr *a = c->attr;
    int ndim;
    int64_t shape[TG_MAX_DIMS];
    if (!tg__same_float("cosine_similarity", c->in[0], c->in[1]) ||
        !check_eps("cosine_similarity", a->eps) ||
        !tg__broadcast("cosine_similarity", c->in[0], c->in[1], &ndim, shape))
        return false;
    tg_tensor *x1 = tg_expand(c->in[0], ndim, shape);
    tg_tensor *x2 = tg_expand(c->in[1], ndim, shape);
    if (x1 == NULL || x2 == NULL)
        return false;
    int dim = tg__dim("cosine_similarity", x1, a->dim);
    if (dim < 0)
        return false;
    if (ndim == 0) {
        x1 = tg_unsqueeze(x1, 0);
        x2 = tg_unsqueeze(x2, 0);
    }
    c->out[0] = tg_sum(tg_mul(normalized(x1, 2.0, dim, a->eps), normalized(x2, 2.0, dim, a->eps)),
                       TG_DIMS(dim), false);
    return c->out[0] != NULL;
}
TG_OP(cosine_similarity, .maths = "cosine of the angle of x1 and x2", .inputs = "x1 x2", .n_in = 2,
      .flags = TG__COMPOSED, .fields = cosine_fields, DISTANCE,
      .forward = cosine_similarity_forward, .onnx = {"composed"});
TG_SAMPLES(cosine_similarity, "[2,3] [2,3]", "[2,3] [3] | dim=-1", "[2,3] [2,1] | dim=0 eps=0.001");
tg_tensor *tg_cosine_similarity(tg_tensor *x1, tg_tensor *x2, int dim, double eps) {
    return tg__apply2(&tg__op_cosine_similarity, x1, x2, &(distance_attr){.eps = eps, .dim = dim});
}
