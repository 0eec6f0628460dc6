/* statistics.c - medians, quantiles and the most frequent.
 *
 * What is chosen along one dim has a position, and the gradient goes there: the position that a
 * stable sort would give it. The median of all elements has none, and equal elements share its
 * gradient. */
#include "kernels/sort.h"

#include "base/number.h"
#include "ops/elementwise.h"
#include "ops/reduce.h"

#include <math.h>
#include <string.h>

typedef struct {
    tg__arg_attr at;
    int64_t k;
} kth_attr;
static const tg__field kth_fields[] = {
    {"k", TG_ATTR_INT, offsetof(kth_attr, k), true, 0, 0},
    {"dim", TG_ATTR_INT, offsetof(kth_attr, at.dim), false, -1, 0},
    {"keepdim", TG_ATTR_BOOL, offsetof(kth_attr, at.keepdim), false, 0, 0},
    {0}};
static const tg__field dim_fields[] = {
    {"dim", TG_ATTR_INT, offsetof(tg__arg_attr, dim), true, 0, 0},
    {"keepdim", TG_ATTR_BOOL, offsetof(tg__arg_attr, keepdim), false, 0, 0},
    {0}};
#define ALONG_DIM                                                                                  \
    .inputs = "x", .n_in = 1, .fields = dim_fields, .attr_size = sizeof(tg__arg_attr), TG__PICKS,  \
    .rule = tg__pick_rule

typedef enum { KTH, MEDIAN, NANMEDIAN, MODE } choice;

/* One of each line of x (contiguous) into values and positions. */
static bool choose(const char *op, choice what, const tg_tensor *x, tg__lines l, int64_t k,
                   void *values, void *at) {
    tg__lines_to_sort lines = {.dtype = (tg_dtype)x->dtype, l.outer, l.n, l.inner, x->data};
    lines.values = values;
    lines.at = at;
    bool good = what == MODE     ? tg__mode(&lines)
                : what == KTH    ? tg__select(&lines, TG__SELECT_KTH, k)
                : what == MEDIAN ? tg__select(&lines, TG__SELECT_MEDIAN, 0)
                                 : tg__select(&lines, TG__SELECT_NANMEDIAN, 0);
    if (!good)
        tg__fail_memory(op, (uint64_t)l.n * 32);
    return good;
}

static bool choose_along(const tg__call *c, choice what, int64_t k) {
    const tg__arg_attr *a = c->attr;
    int dim = tg__arg_dim(c);
    tg_tensor *x = dim >= 0 ? tg__packed(c->op->name, c->in[0]) : NULL;
    if (x == NULL)
        return false;
    bool good = tg__new_picks(c, dim, a->keepdim, 1) &&
                choose(c->op->name, what, x, tg__lines_along(c->in[0], dim), k, c->out[0]->data,
                       c->out[1]->data);
    tg__unref(x);
    return good;
}

/* ---- kthvalue ---- */
static bool kthvalue_forward(const tg__call *c) {
    const kth_attr *a = c->attr;
    const tg_tensor *x = c->in[0];
    int dim = tg__arg_dim(c);
    if (dim < 0)
        return false;
    int64_t n = x->ndim > 0 ? x->shape[dim] : 1;
    if (a->k < 1 || a->k > n) {
        tg__fail(TG_ERR_INDEX, "kthvalue", "k is %lld for dim %d of %s; give 1 to %lld",
                 (long long)a->k, dim, tg__describe(x), (long long)n);
        return false;
    }
    return choose_along(c, KTH, a->k - 1);
}
TG_OP(kthvalue, .maths = "k-th smallest along dim, and its position", .inputs = "x", .n_in = 1,
      .fields = kth_fields, .attr_size = sizeof(kth_attr), TG__PICKS, .forward = kthvalue_forward,
      .rule = tg__pick_rule, .onnx = {"composed"});
TG_SAMPLES(kthvalue, "[2,5] | k=2", "[5,2] | k=5 dim=0 keepdim=1", "[2,3,2] | k=1 dim=1",
           "[] | k=1 dim=0");
tg_tensor *tg_kthvalue(tg_tensor *x, int64_t k, int dim, bool keepdim, tg_tensor **indices) {
    return tg__apply_rest(&tg__op_kthvalue, &x, 1, &(kth_attr){{dim, keepdim}, k}, &indices);
}

/* ---- median_dim, nanmedian_dim, mode ---- */
static bool median_dim_forward(const tg__call *c) { return choose_along(c, MEDIAN, 0); }
static bool nanmedian_dim_forward(const tg__call *c) { return choose_along(c, NANMEDIAN, 0); }
static bool mode_forward(const tg__call *c) { return choose_along(c, MODE, 0); }
static tg_tensor *chosen(const tg__op *op, tg_tensor *x, int dim, bool keepdim,
                         tg_tensor **indices) {
    return tg__apply_rest(op, &x, 1, &(tg__arg_attr){dim, keepdim}, &indices);
}
TG_OP(median_dim, .maths = "lower middle along dim, and its position", ALONG_DIM,
      .forward = median_dim_forward, .onnx = {"composed"});
TG_SAMPLES(median_dim, "[2,5] | dim=-1", "[4,2] | dim=0 keepdim=1", "[2,3,2] | dim=1",
           "[] | dim=0");
tg_tensor *tg_median_dim(tg_tensor *x, int dim, bool keepdim, tg_tensor **indices) {
    return chosen(&tg__op_median_dim, x, dim, keepdim, indices);
}
TG_OP(nanmedian_dim, .maths = "lower middle of what is not NaN along dim, and its position",
      ALONG_DIM, .forward = nanmedian_dim_forward, .onnx = {"none"});
TG_SAMPLES(nanmedian_dim, "[2,5] | dim=-1", "[4,2] | dim=0 keepdim=1", "[2,3,2] | dim=1");
tg_tensor *tg_nanmedian_dim(tg_tensor *x, int dim, bool keepdim, tg_tensor **indices) {
    return chosen(&tg__op_nanmedian_dim, x, dim, keepdim, indices);
}
TG_OP(mode, .maths = "most frequent along dim, and its last position", ALONG_DIM,
      .forward = mode_forward, .onnx = {"none"});
TG_SAMPLES(mode, "[2,5] | dim=-1", "[4,2] | dim=0 keepdim=1", "[2,3,2] | dim=1", "[] | dim=0");
tg_tensor *tg_mode(tg_tensor *x, int dim, bool keepdim, tg_tensor **indices) {
    return chosen(&tg__op_mode, x, dim, keepdim, indices);
}

/* ---- median, nanmedian: of all elements; equal ones share the gradient ---- */
static bool median_of_all(const tg__call *c, choice what) {
    tg_tensor *x = tg__packed(c->op->name, c->in[0]);
    if (x == NULL)
        return false;
    c->out[0] = tg__new(c->op->name, (tg_dtype)x->dtype, 0, NULL);
    bool good = c->out[0] != NULL;
    if (good && x->numel > 0)
        good = choose(c->op->name, what, x, (tg__lines){1, x->numel, 1}, 0, c->out[0]->data, NULL);
    else if (good && tg_dtype_is_float((tg_dtype)x->dtype))
        tg__convert_double((tg_dtype)x->dtype, c->out[0]->data, (double)__builtin_nanf(""));
    else if (good)
        good = tg__some(c->op->name, x, (1u << x->ndim) - 1);
    tg__unref(x);
    return good;
}
static bool median_forward(const tg__call *c) { return median_of_all(c, MEDIAN); }
static bool nanmedian_forward(const tg__call *c) { return median_of_all(c, NANMEDIAN); }
static void median_rule(tg__rule *r) {
    tg_tensor *x = r->in[0];
    tg_tensor *y = r->out[0];
    tg_tensor *hit = tg_logical_or(tg_eq(x, y), tg_logical_and(tg_isnan(x), tg_isnan(y)));
    hit = tg_cast(hit, (tg_dtype)x->dtype);
    r->gin[0] = tg_mul(hit, tg_div(r->g[0], tg_sum(hit, TG_ALL, false)));
}
#define OF_ALL                                                                                     \
    .inputs = "x", .n_in = 1, .rule = median_rule, .saves = {TG__SAVE_IN(0, 1), TG__SAVE_OUT(0, 1)}
TG_OP(median, .maths = "lower middle of all elements", OF_ALL, .forward = median_forward,
      .onnx = {"composed"});
TG_SAMPLES(median, "[2,3]", "[5]", "[]");
tg_tensor *tg_median(tg_tensor *x) { return tg__apply1(&tg__op_median, x, NULL); }
TG_OP(nanmedian, .maths = "lower middle of all elements that are not NaN", OF_ALL,
      .forward = nanmedian_forward, .onnx = {"none"});
TG_SAMPLES(nanmedian, "[2,3]", "[5]", "[]");
tg_tensor *tg_nanmedian(tg_tensor *x) { return tg__apply1(&tg__op_nanmedian, x, NULL); }

/* ---- quantile, nanquantile: at q·(n - 1) in the order, between neighbours ---- */
typedef struct {
    int64_t dim;
    bool keepdim;
    tg__text interpolation;
} quantile_attr;
static const tg__field quantile_fields[] = {
    {"dim", TG_ATTR_INT, offsetof(quantile_attr, dim), false, TG_FLAT, 0},
    {"keepdim", TG_ATTR_BOOL, offsetof(quantile_attr, keepdim), false, 0, 0},
    {"interpolation", TG_ATTR_TEXT, offsetof(quantile_attr, interpolation), false, 0, 0},
    {0}};
typedef enum { LINEAR, LOWER, HIGHER, NEAREST, MIDPOINT, NO_WAY } way;

/* "" is linear. */
static way way_of(const tg__text *t) {
    static const char *const names[] = {"linear", "lower", "higher", "nearest", "midpoint"};
    int k = t->text[0] == '\0' ? LINEAR : NO_WAY;
    for (int i = 0; i < NO_WAY; i++)
        if (strcmp(t->text, names[i]) == 0)
            k = i;
    return (way)k;
}

static bool quantile_check(const tg__call *c, int *dim) {
    const quantile_attr *a = c->attr;
    const char *op = c->op->name;
    const tg_tensor *x = c->in[0];
    const tg_tensor *q = c->in[1];
    if (!tg__float_only(op, x) || !tg__float_only(op, q))
        return false;
    if (way_of(&a->interpolation) == NO_WAY) {
        tg__fail(TG_ERR_ARG, op,
                 "interpolation is %s; give linear, lower, higher, nearest or midpoint",
                 tg__quote(a->interpolation.text));
        return false;
    }
    if (q->ndim > 1) {
        tg__fail(TG_ERR_SHAPE, op, "q is %s; give a number or one dim of them", tg__describe(q));
        return false;
    }
    *dim = a->dim == TG_FLAT ? 0 : tg__dim(op, x, a->dim);
    if (*dim < 0 || !tg__some(op, x,
                              a->dim == TG_FLAT ? (1u << x->ndim) - 1
                              : x->ndim > 0     ? 1u << *dim
                                                : 0))
        return false;
    for (int64_t i = 0; i < q->numel; i++) {
        double v =
            tg__load_double((tg_dtype)q->dtype, q->data + i * (q->ndim > 0 ? q->stride[0] : 0) *
                                                              (int64_t)tg__item_size(q->dtype));
        if (!(v >= 0.0 && v <= 1.0)) {
            tg__fail(TG_ERR_ARG, op, "q is %s at position %lld; give 0 to 1", tg__num(v),
                     (long long)i);
            return false;
        }
    }
    return true;
}

/* Where the quantiles of sorted rows [m, n] lie. */
typedef struct {
    tg_tensor *low, *high;    /* i64 [m, nq]: neighbours */
    tg_tensor *last, *before; /* [m, 1]: q is multiplied by this; [m, nq]: low again */
} places;

/* Floors and ceilings in the dtype in which q · last is computed later, or the weight might be off.
 * A row with NaN is NaN: at its end. Or (skip) it is as long as its numbers, and NaN
 * without any. */
static void find_places(const places *p, const tg_tensor *sorted, const tg_tensor *q, way how,
                        bool skip) {
    const bool wide = sorted->dtype == TG_F64;
    const int64_t m = sorted->shape[0];
    const int64_t n = sorted->shape[1];
    const int64_t nq = q->numel;
    int64_t *low = (int64_t *)(void *)p->low->data;
    int64_t *high = (int64_t *)(void *)p->high->data;
    for (int64_t i = 0; i < m; i++) {
        const char *row = sorted->data + i * n * (wide ? 8 : 4);
        int64_t numbers = n;
        while (numbers > 0 && isnan(tg__load_double((tg_dtype)sorted->dtype,
                                                    row + (numbers - 1) * (wide ? 8 : 4))))
            numbers--;
        const bool to_nan = skip ? numbers == 0 : numbers < n;
        const double last = to_nan ? 0.0 : (double)(numbers - 1);
        tg__convert_double((tg_dtype)sorted->dtype, p->last->data + i * (wide ? 8 : 4), last);
        for (int64_t k = 0; k < nq; k++) {
            const int64_t at = i * nq + k;
            double v = tg__load_double((tg_dtype)q->dtype, q->data + k * (wide ? 8 : 4));
            double place = wide ? v * last : (double)((float)v * (float)last);
            place = fmin(place, last); /* f32 may round it up beyond the end */
            if (how == NEAREST)
                place = rint(place);
            low[at] = (int64_t)(how == HIGHER ? ceil(place) : floor(place));
            high[at] = how == LINEAR || how == MIDPOINT ? (int64_t)ceil(place) : low[at];
            tg__convert_double((tg_dtype)sorted->dtype, p->before->data + at * (wide ? 8 : 4),
                               (double)low[at]);
            if (to_nan)
                low[at] = high[at] = skip ? 0 : n - 1;
        }
    }
}

/* below + up, or above - down where below is infinite: the end of an infinite gap. */
static tg_tensor *joined(tg_tensor *below, tg_tensor *above, tg_tensor *up, tg_tensor *down) {
    return tg_where(tg_isfinite(below), tg_add(below, up), tg_sub(above, down));
}

/* Quantiles q [nq] of the rows of x [m, n]: [m, nq]. */
static tg_tensor *of_rows(tg_tensor *x, tg_tensor *q, way how, bool skip) {
    tg_tensor *sorted = tg_sort(x, 1, false, true, NULL);
    tg_tensor *plain = tg_contiguous(q);
    if (sorted == NULL || plain == NULL)
        return NULL;
    const int64_t m = x->shape[0];
    const int64_t nq = q->numel;
    tg_dtype dtype = (tg_dtype)x->dtype;
    places p = {tg_zeros(TG_I64, TG_SHAPE(m, nq)), tg_zeros(TG_I64, TG_SHAPE(m, nq)),
                tg_zeros(dtype, TG_SHAPE(m, 1)), tg_zeros(dtype, TG_SHAPE(m, nq))};
    if (p.low == NULL || p.high == NULL || p.last == NULL || p.before == NULL)
        return NULL;
    find_places(&p, sorted, plain, how, skip);
    tg_tensor *below = tg_gather(sorted, 1, p.low);
    if (how != LINEAR) /* q has the gradient 0, which is not the same as none */
        below = tg_where(tg_ones(TG_BOOL, TG_SHAPE(1, 1)), below, q);
    if (how != LINEAR && how != MIDPOINT)
        return below;
    tg_tensor *above = tg_gather(sorted, 1, p.high);
    tg_tensor *gap = tg_sub(above, below);
    gap = tg_masked_fill(gap, tg_eq(p.low, p.high), 0.0); /* an infinite element has no gap */
    if (how == MIDPOINT)
        return joined(below, above, tg_mul_scalar(gap, 0.5), tg_mul_scalar(gap, 0.5));
    tg_tensor *weight = tg_sub(tg_mul(q, p.last), p.before);
    return joined(below, above, tg_mul(gap, weight), tg_mul(gap, tg_rsub_scalar(weight, 1.0)));
}

static bool quantile(const tg__call *c, bool skip) {
    const quantile_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    tg_tensor *q = c->in[1];
    int dim;
    if (!quantile_check(c, &dim))
        return false;
    const bool flat = a->dim == TG_FLAT || x->ndim == 0;
    int order[TG_MAX_DIMS]; /* dim to the end */
    int64_t shape[TG_MAX_DIMS + 1];
    int64_t m = 1;
    int n_out = 0;
    if (q->ndim == 1)
        shape[n_out++] = q->numel;
    for (int i = 0, k = 0; i < x->ndim; i++) {
        bool gone = flat || i == dim;
        if (!gone || a->keepdim)
            shape[n_out++] = gone ? 1 : x->shape[i];
        if (!flat && !gone) {
            m *= x->shape[i];
            order[k++] = i;
        }
    }
    if (n_out > TG_MAX_DIMS) {
        tg__fail(TG_ERR_SHAPE, c->op->name, "the result has %d dims; at most %d are supported",
                 n_out, TG_MAX_DIMS);
        return false;
    }
    if (!flat)
        order[x->ndim - 1] = dim;
    tg_tensor *moved = flat ? x : tg_permute(x, x->ndim, order);
    const int64_t n = flat ? x->numel : x->shape[dim];
    tg_tensor *rows = tg_reshape(moved, TG_SHAPE(m, n));
    tg_tensor *numbers = tg_reshape(tg_cast(q, (tg_dtype)x->dtype), TG_SHAPE(q->numel));
    tg_tensor *y = of_rows(rows, numbers, way_of(&a->interpolation), skip); /* [m, nq] */
    c->out[0] = tg_reshape(tg_transpose(y, 0, 1), n_out, shape);
    return c->out[0] != NULL;
}
static bool quantile_forward(const tg__call *c) { return quantile(c, false); }
static bool nanquantile_forward(const tg__call *c) { return quantile(c, true); }
#define QUANTILE                                                                                   \
    .inputs = "x q", .n_in = 2, .flags = TG__COMPOSED, .fields = quantile_fields,                  \
    .attr_size = sizeof(quantile_attr), .onnx = {"none"}
TG_OP(quantile, .maths = "quantiles q of x along dim", QUANTILE, .forward = quantile_forward);
TG_SAMPLES(quantile, "[2,5] %[3] | dim=1", "[7] %[]", "[3,2,2] %[2] | dim=0 keepdim=1",
           "[2,4] %[1] | interpolation=lower dim=-1", "[2,4] %[2] | interpolation=higher dim=1",
           "[2,4] %[2] | interpolation=nearest", "[2,4] %[2] | interpolation=midpoint dim=1",
           "[] %[2]");
TG_OP(nanquantile, .maths = "quantiles q of what is not NaN in x along dim", QUANTILE,
      .forward = nanquantile_forward);
TG_SAMPLES(nanquantile, "[2,5] %[3] | dim=1", "[7] %[] | keepdim=1",
           "[2,4] %[2] | interpolation=midpoint dim=1");

static tg_tensor *quantile_of(const tg__op *op, tg_tensor *x, tg_tensor *q, int dim, bool keepdim,
                              const char *interpolation) {
    quantile_attr a = {.dim = dim, .keepdim = keepdim};
    const char *text = interpolation != NULL ? interpolation : "linear";
    size_t n = strlen(text);
    if (n >= TG__MAX_TEXT) {
        tg__fail(TG_ERR_ARG, op->name,
                 "interpolation is %s; give linear, lower, higher, nearest "
                 "or midpoint",
                 tg__quote(text));
        return NULL;
    }
    memcpy(a.interpolation.text, text, n + 1);
    return tg__apply2(op, x, q, &a);
}
tg_tensor *tg_quantile(tg_tensor *x, tg_tensor *q, int dim, bool keepdim,
                       const char *interpolation) {
    return quantile_of(&tg__op_quantile, x, q, dim, keepdim, interpolation);
}
tg_tensor *tg_nanquantile(tg_tensor *x, tg_tensor *q, int dim, bool keepdim,
                          const char *interpolation) {
    return quantile_of(&tg__op_nanquantile, x, q, dim, keepdim, interpolation);
}
