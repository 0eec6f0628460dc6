/* reduce.c - sums, means, products and truth over any dims.
 *
 * The dims of a call become a mask; kept dims keep their order. A gradient that is spread back over
 * the reduced dims is a view with stride 0. */
#include "ops/reduce.h"

#include "ops/elementwise.h"
#include "ops/view.h"

const tg__field tg__reduce_fields[] = {
    {"dims", TG_ATTR_DIMS, offsetof(tg__reduce_attr, dims), false, 0, 0},
    {"keepdim", TG_ATTR_BOOL, offsetof(tg__reduce_attr, keepdim), false, 0, 0},
    {0}};

tg_tensor *tg__reduced(const tg__op *op, tg_tensor *x, int n, const int *dims, bool keepdim) {
    tg__reduce_attr a = {.keepdim = keepdim};
    return tg__dims_from(op->name, n, dims, &a.dims) ? tg__apply1(op, x, &a) : NULL;
}

/* ---- Shared by the forwards ---- */

int64_t tg__count_over(const tg_tensor *x, uint32_t mask) {
    int64_t n = 1;
    for (int i = 0; i < x->ndim; i++)
        n *= tg__is_in(mask, i) ? x->shape[i] : 1;
    return n;
}

int tg__dims_list(const tg__dims *dims, int *list) {
    for (int i = 0; i < dims->n; i++)
        list[i] = dims->dim[i];
    return dims->n;
}

tg_tensor *tg__run_reduction(const char *op, tg__reduce_op kind, const tg_tensor *x, uint32_t mask,
                             bool keepdim, tg_dtype out_dtype, double scale,
                             const tg_tensor *center) {
    tg__reduction r = {.in = x->data, .scale = scale};
    int64_t item = (int64_t)tg__item_size(x->dtype);
    int64_t shape[TG_MAX_DIMS];
    int n = 0;
    for (int i = 0; i < x->ndim; i++) {
        if (!tg__is_in(mask, i)) {
            r.shape[r.n_kept] = x->shape[i];
            r.in_stride[r.n_kept++] = x->stride[i] * item;
        }
        if (!tg__is_in(mask, i) || keepdim)
            shape[n++] = tg__is_in(mask, i) ? 1 : x->shape[i];
    }
    for (int i = 0; i < x->ndim; i++) {
        if (!tg__is_in(mask, i))
            continue;
        r.shape[r.n_kept + r.n_reduced] = x->shape[i];
        r.in_stride[r.n_kept + r.n_reduced++] = x->stride[i] * item;
    }
    tg_tensor *y = tg__new(op, out_dtype, n, shape);
    if (y == NULL)
        return NULL;
    int64_t step = 1;
    for (int k = r.n_kept - 1; k >= 0; k--) {
        r.out_stride[k] = step * (int64_t)tg__item_size(out_dtype);
        r.center_stride[k] = step * item;
        step *= r.shape[k];
    }
    r.out = y->data;
    r.center = center != NULL ? center->data : NULL;
    if (y->numel > 0 && !tg__reduce(kind, (tg_dtype)x->dtype, &r)) {
        tg__refuse_dtype(op, x, "f32, f64, i64, i32, u8");
        tg__unref(y);
        return NULL;
    }
    return y;
}

static tg_tensor *run(const char *op, tg__reduce_op kind, const tg_tensor *x, uint32_t mask,
                      bool keepdim, tg_dtype out_dtype, double scale) {
    return tg__run_reduction(op, kind, x, mask, keepdim, out_dtype, scale, NULL);
}

bool tg__some(const char *op, const tg_tensor *x, uint32_t mask) {
    if (tg__count_over(x, mask) > 0)
        return true;
    tg__fail(TG_ERR_SHAPE, op, "%s has no elements to choose from; give at least one",
             tg__describe(x));
    return false;
}

bool tg__settle(const tg__call *c, tg_scope s, tg_tensor *y) {
    y = tg_scope_return(s, y);
    if (y != NULL)
        tg__take(y);
    c->out[0] = y;
    return y != NULL;
}

/* ---- Shared by the rules ---- */

uint32_t tg__mask_of_meta(const tg__meta *m, const tg__dims *dims) {
    if (dims->n == 0)
        return (1u << m->ndim) - 1;
    uint32_t mask = 0;
    for (int i = 0; i < dims->n; i++)
        mask |=
            1u << (dims->dim[i] < 0 ? dims->dim[i] + (m->ndim > 0 ? m->ndim : 1) : dims->dim[i]);
    return mask & ((1u << m->ndim) - 1);
}

int64_t tg__count_of_meta(const tg__meta *m, uint32_t mask) {
    int64_t n = 1;
    for (int i = 0; i < m->ndim; i++)
        n *= tg__is_in(mask, i) ? m->shape[i] : 1;
    return n;
}

tg_tensor *tg__kept(tg_tensor *g, const tg__meta *m, const tg__dims *dims, bool keepdim) {
    if (keepdim)
        return g;
    uint32_t mask = tg__mask_of_meta(m, dims);
    int64_t kept[TG_MAX_DIMS];
    for (int i = 0; i < m->ndim; i++)
        kept[i] = tg__is_in(mask, i) ? 1 : m->shape[i];
    return tg_reshape(g, m->ndim, kept);
}

tg_tensor *tg__spread(tg_tensor *g, const tg__meta *m, const tg__dims *dims, bool keepdim) {
    return tg_expand(tg__kept(g, m, dims, keepdim), m->ndim, m->shape);
}

static tg_tensor *spread(tg_tensor *g, const tg__meta *m, const tg__reduce_attr *a) {
    return tg__spread(g, m, &a->dims, a->keepdim);
}

/* ---- sum ---- */
static tg_dtype sum_dtype(const tg_tensor *x) {
    return tg_dtype_is_float((tg_dtype)x->dtype) ? (tg_dtype)x->dtype : TG_I64;
}
static bool sum_forward(const tg__call *c) {
    const tg__reduce_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    uint32_t mask;
    if (tg__mask_of("sum", x, &a->dims, &mask))
        c->out[0] = run("sum", TG__REDUCE_SUM, x, mask, a->keepdim, sum_dtype(x), 1.0);
    return c->out[0] != NULL;
}
static void sum_rule(tg__rule *r) { r->gin[0] = spread(r->g[0], r->meta[0], r->attr); }
TG_OP(sum, .maths = "sum of x over dims", TG__REDUCTION, .forward = sum_forward, .rule = sum_rule,
      .saves = {TG__SAVE_META(0, 1)}, .onnx = {"ReduceSum", 13, "axes=dims,keepdims=keepdim"});
TG_SAMPLES(sum, "[2,3]", "[2,3,2] | dims=0,2", "[2,3] | dims=-1 keepdim=1", "[]");
tg_tensor *tg_sum(tg_tensor *x, int ndims, const int *dims, bool keepdim) {
    return tg__reduced(&tg__op_sum, x, ndims, dims, keepdim);
}

/* ---- sum_to: x summed to a shape that broadcasts to x's; how gradients are un-broadcast ---- */
typedef struct {
    tg__sizes shape;
} sum_to_attr;
static const tg__field sum_to_fields[] = {
    {"shape", TG_ATTR_SHAPE, offsetof(sum_to_attr, shape), false, 0, 0}, {0}};
static bool sum_to_forward(const tg__call *c) {
    const sum_to_attr *a = c->attr;
    const tg_tensor *x = c->in[0];
    int lead = x->ndim - a->shape.n;
    uint32_t mask = 0;
    bool fits = lead >= 0;
    for (int i = 0; fits && i < x->ndim; i++) {
        int64_t want = i < lead ? 1 : a->shape.size[i - lead];
        if (i < lead || (want == 1 && x->shape[i] != 1))
            mask |= 1u << i;
        fits = want == 1 || want == x->shape[i];
    }
    if (!fits) {
        tg__fail(TG_ERR_SHAPE, "sum_to",
                 "%s does not sum to shape %s; give a shape that broadcasts to it", tg__describe(x),
                 tg__describe_shape(a->shape.n, a->shape.size));
        return false;
    }
    tg_tensor *y = run("sum_to", TG__REDUCE_SUM, x, mask, true, sum_dtype(x), 1.0);
    if (y == NULL)
        return false;
    y->ndim = (uint8_t)a->shape.n; /* the leading dims all have size 1 now */
    for (int i = 0; i < a->shape.n; i++)
        y->shape[i] = a->shape.size[i];
    tg__row_major(y->ndim, y->shape, y->stride);
    c->out[0] = y;
    return true;
}
static void sum_to_rule(tg__rule *r) {
    r->gin[0] = tg_expand(r->g[0], r->meta[0]->ndim, r->meta[0]->shape);
}
TG_OP(sum_to, .maths = "x summed to shape", .inputs = "x", .n_in = 1, .flags = TG__INTERNAL,
      .fields = sum_to_fields, .attr_size = sizeof(sum_to_attr), .forward = sum_to_forward,
      .rule = sum_to_rule, .saves = {TG__SAVE_META(0, 1)}, .onnx = {"composed"});
TG_SAMPLES(sum_to, "[2,3] | shape=3", "[2,3] | shape=2,1", "[2,3]", "[]");

/* ---- mean ---- */
static bool mean_forward(const tg__call *c) {
    const tg__reduce_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    uint32_t mask;
    if (!tg__float_only("mean", x) || !tg__mask_of("mean", x, &a->dims, &mask))
        return false;
    double n = (double)tg__count_over(x, mask);
    if (n > 0) {
        c->out[0] = run("mean", TG__REDUCE_SUM, x, mask, a->keepdim, (tg_dtype)x->dtype, 1.0 / n);
        return c->out[0] != NULL;
    }
    c->out[0] = run("mean", TG__REDUCE_SUM, x, mask, a->keepdim, (tg_dtype)x->dtype, 1.0);
    if (c->out[0] == NULL)
        return false;
    double nan = __builtin_nan("");
    _Alignas(8) char value[8];
    tg__convert_double((tg_dtype)x->dtype, value, nan);
    tg__fill(c->out[0]->data, value, tg__item_size(x->dtype), c->out[0]->numel);
    return true;
}
static void mean_rule(tg__rule *r) {
    const tg__reduce_attr *a = r->attr;
    double n = (double)tg__count_of_meta(r->meta[0], tg__mask_of_meta(r->meta[0], &a->dims));
    r->gin[0] = spread(tg_div_scalar(r->g[0], n), r->meta[0], a);
}
TG_OP(mean, .maths = "mean of x over dims", TG__REDUCTION, .forward = mean_forward,
      .rule = mean_rule, .saves = {TG__SAVE_META(0, 1)},
      .onnx = {"ReduceMean", 13, "axes=dims,keepdims=keepdim"});
TG_SAMPLES(mean, "[2,3]", "[2,3,2] | dims=0,2", "[2,3] | dims=-1 keepdim=1");
tg_tensor *tg_mean(tg_tensor *x, int ndims, const int *dims, bool keepdim) {
    return tg__reduced(&tg__op_mean, x, ndims, dims, keepdim);
}

/* ---- nansum, nanmean: NaN does not count ---- */
static tg_tensor *without_nan(tg_tensor *x) {
    return tg_dtype_is_float((tg_dtype)x->dtype) ? tg_masked_fill(x, tg_isnan(x), 0.0) : x;
}
static bool nansum_forward(const tg__call *c) {
    const tg__reduce_attr *a = c->attr;
    int dims[TG_MAX_DIMS];
    c->out[0] = tg_sum(without_nan(c->in[0]), tg__dims_list(&a->dims, dims), dims, a->keepdim);
    return c->out[0] != NULL;
}
TG_OP(nansum, .maths = "sum of x over dims, NaN counting as 0", TG__REDUCTION,
      .flags = TG__COMPOSED, .forward = nansum_forward, .onnx = {"composed"});
TG_SAMPLES(nansum, "[2,3]", "[2,3,2] | dims=0,2", "[2,3] | dims=-1 keepdim=1", "[]");
tg_tensor *tg_nansum(tg_tensor *x, int ndims, const int *dims, bool keepdim) {
    return tg__reduced(&tg__op_nansum, x, ndims, dims, keepdim);
}
static bool nanmean_forward(const tg__call *c) {
    const tg__reduce_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    if (!tg__float_only("nanmean", x))
        return false;
    int dims[TG_MAX_DIMS];
    int n = tg__dims_list(&a->dims, dims);
    tg_tensor *count = tg_sum(tg_eq(x, x), n, dims, a->keepdim); /* NaN is not equal to itself */
    tg_tensor *sum = tg_sum(without_nan(x), n, dims, a->keepdim);
    c->out[0] = tg_div(sum, tg_cast(count, (tg_dtype)x->dtype));
    return c->out[0] != NULL;
}
TG_OP(nanmean, .maths = "mean of what is not NaN in x over dims", TG__REDUCTION,
      .flags = TG__COMPOSED, .forward = nanmean_forward, .onnx = {"composed"});
TG_SAMPLES(nanmean, "[2,3]", "[2,3,2] | dims=0,2", "[2,3] | dims=-1 keepdim=1", "[]");
tg_tensor *tg_nanmean(tg_tensor *x, int ndims, const int *dims, bool keepdim) {
    return tg__reduced(&tg__op_nanmean, x, ndims, dims, keepdim);
}

/* ---- prod ---- */
static bool prod_forward(const tg__call *c) {
    const tg__reduce_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    uint32_t mask;
    if (tg__mask_of("prod", x, &a->dims, &mask))
        c->out[0] = run("prod", TG__REDUCE_PROD, x, mask, a->keepdim, sum_dtype(x), 1.0);
    return c->out[0] != NULL;
}
/* Kept dims first, then the reduced ones: the order, its inverse, and the sizes in that order. */
typedef struct {
    int order[TG_MAX_DIMS], inverse[TG_MAX_DIMS];
    int n_kept;
    int64_t folded[TG_MAX_DIMS], sizes[TG_MAX_DIMS];
} fold;
static fold fold_of(int ndim, const int64_t *shape, uint32_t mask) {
    fold f = {.n_kept = 0};
    int n = 0;
    int64_t last = 1;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < ndim; i++) {
            if (tg__is_in(mask, i) != (pass == 1))
                continue;
            f.sizes[n] = shape[i];
            f.order[n] = i;
            f.inverse[i] = n++;
            if (pass == 0)
                f.folded[f.n_kept++] = shape[i];
            else
                last *= shape[i];
        }
    f.folded[f.n_kept] = last;
    return f;
}
/* The product of the other elements along the reduced dims, times g: exact where x has zeros. */
static void prod_rule(tg__rule *r) {
    const tg__reduce_attr *a = r->attr;
    const tg__meta *m = r->meta[0];
    uint32_t mask = tg__mask_of_meta(m, &a->dims);
    if (mask == 0) {
        r->gin[0] = r->g[0];
        return;
    }
    fold f = fold_of(m->ndim, m->shape, mask);
    tg_tensor *rows = tg_reshape(tg_permute(r->in[0], m->ndim, f.order), f.n_kept + 1, f.folded);
    tg_tensor *others = tg__apply1(&tg__op_prod_others, rows, NULL);
    others = tg_permute(tg_reshape(others, m->ndim, f.sizes), m->ndim, f.inverse);
    r->gin[0] = tg_mul(spread(r->g[0], m, a), others);
}
TG_OP(prod, .maths = "product of x over dims", TG__REDUCTION, .forward = prod_forward,
      .rule = prod_rule, .saves = {TG__SAVE_IN(0, 1), TG__SAVE_META(0, 1)},
      .onnx = {"ReduceProd", 13, "axes=dims,keepdims=keepdim"});
TG_SAMPLES(prod, "[2,3]", "[2,3,2] | dims=0,2", "[2,3] | dims=-1 keepdim=1", "[]");
tg_tensor *tg_prod(tg_tensor *x, int ndims, const int *dims, bool keepdim) {
    return tg__reduced(&tg__op_prod, x, ndims, dims, keepdim);
}

/* ---- prod_others: the product of all other elements of the last dim ---- */
static bool prod_others_forward(const tg__call *c) {
    tg_tensor *x = c->in[0];
    if (!tg__float_only("prod_others", x))
        return false;
    tg_tensor *packed = tg__packed("prod_others", x);
    if (packed == NULL)
        return false;
    c->out[0] = tg__new("prod_others", (tg_dtype)x->dtype, x->ndim, x->shape);
    if (c->out[0] != NULL && x->numel > 0) {
        int64_t n = x->ndim > 0 ? x->shape[x->ndim - 1] : 1;
        tg__row_prod_others((tg_dtype)x->dtype, x->numel / n, n, 1, packed->data, c->out[0]->data);
    }
    tg__unref(packed);
    return c->out[0] != NULL;
}
/* With M[i] = x where element i is replaced by 1: dx[j] = Σ_{i≠j} g[i] · Π_{k≠j} M[i][k]. In rows,
 * so that the dim which M adds always has room. */
static void prod_others_rule(tg__rule *r) {
    tg_tensor *x = r->in[0];
    if (x->ndim == 0) {
        r->gin[0] = tg_zeros_like(x);
        return;
    }
    int64_t n = x->shape[x->ndim - 1];
    int64_t rows = 1;
    for (int i = 0; i < x->ndim - 1; i++)
        rows *= x->shape[i];
    tg_tensor *eye = tg_eye(TG_BOOL, n, n);
    tg_tensor *one = tg_scalar((tg_dtype)x->dtype, 1.0);
    tg_tensor *matrix = tg_where(eye, one, tg_reshape(x, TG_SHAPE(rows, 1, n)));
    tg_tensor *pairs = tg_masked_fill(tg__apply1(&tg__op_prod_others, matrix, NULL), eye, 0.0);
    tg_tensor *g = tg_reshape(r->g[0], TG_SHAPE(rows, n, 1)); /* pairs: [rows, n, n] */
    r->gin[0] = tg_reshape(tg_sum(tg_mul(g, pairs), TG_DIMS(-2), false), x->ndim, x->shape);
}
TG_OP(prod_others, .maths = "product of the other elements of the last dim", .inputs = "x",
      .n_in = 1, .flags = TG__INTERNAL, .forward = prod_others_forward, .rule = prod_others_rule,
      .saves = {TG__SAVE_IN(0, 1)}, .onnx = {"composed"});
TG_SAMPLES(prod_others, "[2,3]", "[4]");

/* ---- all, any ---- */
static bool truth_forward(const tg__call *c, tg__reduce_op kind) {
    const tg__reduce_attr *a = c->attr;
    uint32_t mask;
    if (!tg__mask_of(c->op->name, c->in[0], &a->dims, &mask))
        return false;
    c->out[0] = run(c->op->name, kind, c->in[0], mask, a->keepdim, TG_BOOL, 1.0);
    return c->out[0] != NULL;
}
static bool all_forward(const tg__call *c) { return truth_forward(c, TG__REDUCE_ALL); }
static bool any_forward(const tg__call *c) { return truth_forward(c, TG__REDUCE_ANY); }
TG_OP(all, .maths = "all of x over dims are not 0", TG__REDUCTION, .flags = TG__NOT_DIFF,
      .forward = all_forward, .onnx = {"composed"});
TG_SAMPLES(all, "b[2,3]", "[2,3] | dims=0");
tg_tensor *tg_all(tg_tensor *x, int ndims, const int *dims, bool keepdim) {
    return tg__reduced(&tg__op_all, x, ndims, dims, keepdim);
}
TG_OP(any, .maths = "any of x over dims is not 0", TG__REDUCTION, .flags = TG__NOT_DIFF,
      .forward = any_forward, .onnx = {"composed"});
TG_SAMPLES(any, "b[2,3]", "[2,3] | dims=0");
tg_tensor *tg_any(tg_tensor *x, int ndims, const int *dims, bool keepdim) {
    return tg__reduced(&tg__op_any, x, ndims, dims, keepdim);
}
