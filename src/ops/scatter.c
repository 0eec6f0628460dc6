/* scatter.c - writing along one dim at places that an index names: scatter, scatter_reduce.
 *
 * scatter_reduce is composed: without include_self the touched places are first set to the neutral
 * element, and then everything is as with it; sums and means are scatter_add; products and extremes
 * are scatter_combine, which has the gradients that need care. */
#include "kernels/index.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/view.h"

#include <math.h>

/* ---- scatter: x; x[index[i,j], j] = src[i,j] for dim 0, or a number ---- */
typedef struct {
    int64_t dim;
    double value;
} scatter_attr;
static const tg__field scatter_fields[] = {
    {"dim", TG_ATTR_INT, offsetof(scatter_attr, dim), true, 0, 0},
    {"value", TG_ATTR_FLOAT, offsetof(scatter_attr, value), false, TG__NAN_OK, 0},
    {0}};
static bool scatter_forward(const tg__call *c) {
    const scatter_attr *a = c->attr;
    const tg_tensor *src = c->in[2]->flags & TG__IS_NONE ? NULL : c->in[2];
    int dim;
    if (!tg__gather_check(c, src, &dim))
        return false;
    tg_tensor *index = tg__checked_index(c, dim);
    tg_tensor *y = index != NULL ? tg__copy_or_into(c) : NULL;
    if (y != NULL && index->numel > 0) {
        int64_t ys[TG_MAX_DIMS];
        int64_t is[TG_MAX_DIMS];
        int64_t ss[TG_MAX_DIMS] = {0};
        _Alignas(8) char value[8];
        tg__byte_strides(y, ys);
        tg__byte_strides(index, is);
        if (src != NULL)
            tg__byte_strides(src, ss);
        else
            tg__convert_double((tg_dtype)y->dtype, value, a->value);
        tg__scatter(tg__item_size(y->dtype), y->ndim, index->shape, dim, y->data, ys, index->data,
                    is, src != NULL ? src->data : value, ss);
    }
    tg__unref(index);
    return y != NULL;
}
static void scatter_rule(tg__rule *r) {
    const scatter_attr *a = r->attr;
    if (r->wanted[0])
        r->gin[0] = tg_scatter_value(r->g[0], (int)a->dim, r->in[1], 0.0);
    if (r->wanted[2])
        r->gin[2] = tg__gather_back(r->g[0], a->dim, r->in[1], r->meta[2]);
}
TG_OP(scatter, .maths = "x; x[index[i,j], j] = src[i,j] for dim 0", .inputs = "x index src",
      .n_in = 3, .n_optional = 1, .no_grad = 2, .flags = TG__IN_PLACE | TG__ANY_DTYPE,
      .fields = scatter_fields, .attr_size = sizeof(scatter_attr), .forward = scatter_forward,
      .rule = scatter_rule, .saves = {TG__SAVE_IN(1, TG__ANY), TG__SAVE_META(2, 4)},
      .onnx = {"ScatterElements", 16, "axis=dim"});
TG_SAMPLES(scatter, "[3,4] i[1,4]<3 [1,4] | dim=0", "[2,3] i[2,1]<3 [3,6] | dim=1",
           "[3,4] i[2,4]<3 | dim=0 value=1.5", "[4] i[3]<4 none | dim=-1 value=-2");
tg_tensor *tg_scatter(tg_tensor *x, int dim, tg_tensor *index, tg_tensor *src) {
    return tg__required("scatter", "src", src)
               ? tg__apply3(&tg__op_scatter, x, index, src, &(scatter_attr){dim, 0})
               : NULL;
}
tg_tensor *tg_scatter_(tg_tensor *x, int dim, tg_tensor *index, tg_tensor *src) {
    tg_tensor *in[3] = {x, index, src};
    return tg__required("scatter", "src", src)
               ? tg__apply_(&tg__op_scatter, in, 3, &(scatter_attr){dim, 0})
               : NULL;
}
tg_tensor *tg_scatter_value(tg_tensor *x, int dim, tg_tensor *index, double value) {
    return tg__apply3(&tg__op_scatter, x, index, TG_NONE, &(scatter_attr){dim, value});
}
tg_tensor *tg_scatter_value_(tg_tensor *x, int dim, tg_tensor *index, double value) {
    tg_tensor *in[3] = {x, index, TG_NONE};
    return tg__apply_(&tg__op_scatter, in, 3, &(scatter_attr){dim, value});
}

/* ---- scatter_combine: products and extremes of x and what falls on it ---- */
typedef struct {
    int64_t dim, how; /* tg__combine */
} combine_attr;
static const tg__field combine_fields[] = {
    {"dim", TG_ATTR_INT, offsetof(combine_attr, dim), true, 0, 0},
    {"how", TG_ATTR_INT, offsetof(combine_attr, how), true, 0, 0},
    {0}};
static bool scatter_combine_forward(const tg__call *c) {
    const combine_attr *a = c->attr;
    const tg_tensor *src = c->in[2];
    int dim;
    if (a->how < TG__COMBINE_PROD || a->how > TG__COMBINE_MIN) {
        tg__fail(TG_ERR_ARG, "scatter_combine", "how is %lld; give 0 to 2", (long long)a->how);
        return false;
    }
    if (!tg__gather_check(c, src, &dim))
        return false;
    tg_tensor *index = tg__checked_index(c, dim);
    tg_tensor *y = index != NULL ? tg__copy_or_into(c) : NULL;
    if (y != NULL && index->numel > 0) {
        int64_t ys[TG_MAX_DIMS];
        int64_t is[TG_MAX_DIMS];
        int64_t ss[TG_MAX_DIMS];
        tg__byte_strides(y, ys);
        tg__byte_strides(index, is);
        tg__byte_strides(src, ss);
        tg__scatter_combine((tg__combine)a->how, (tg_dtype)y->dtype, y->ndim, index->shape, dim,
                            y->data, ys, index->data, is, src->data, ss);
    }
    tg__unref(index);
    return y != NULL;
}

/* x as it is, ones where it is zero; *zero is where, as 0 and 1. */
static tg_tensor *without_zeros(tg_tensor *x, tg_tensor **mask) {
    *mask = tg_eq(x, tg_scalar(TG_F32, 0.0));
    return tg_masked_fill(x, *mask, 1.0);
}

/* The factor of g for one side of a product: the product of all other factors. With a zero among
 * them that is 0, so only places with none, or the only zero itself, have any. */
static tg_tensor *other_factors(tg_tensor *product, tg_tensor *zeros, tg_tensor *factor,
                                tg_tensor *is_zero) {
    tg_tensor *none = tg_eq(zeros, tg_scalar(TG_F32, 0.0));
    tg_tensor *one = tg_eq(zeros, tg_scalar(TG_F32, 1.0));
    tg_tensor *nothing = tg_zeros_like(product);
    return tg_where(is_zero, tg_where(one, product, nothing),
                    tg_where(none, tg_div(product, factor), nothing));
}

static void product_rule(tg__rule *r, const combine_attr *a) {
    int dim = (int)a->dim;
    tg_tensor *index = r->in[1];
    tg_tensor *x_zero;
    tg_tensor *src_zero;
    tg_tensor *x = without_zeros(r->in[0], &x_zero);
    tg_tensor *src = without_zeros(r->in[2], &src_zero);
    tg_tensor *product = tg__apply3(&tg__op_scatter_combine, x, index, src, a);
    tg_dtype dtype = tg_dtype_of(x);
    tg_tensor *zeros = tg_scatter_add(tg_cast(x_zero, dtype), dim, index, tg_cast(src_zero, dtype));
    if (r->wanted[0])
        r->gin[0] = tg_mul(r->g[0], other_factors(product, zeros, x, x_zero));
    if (r->wanted[2])
        r->gin[2] = tg_mul(tg_gather(r->g[0], dim, index),
                           other_factors(tg_gather(product, dim, index),
                                         tg_gather(zeros, dim, index), src, src_zero));
}

/* All that equal the extreme share its gradient. */
static void extreme_rule(tg__rule *r, const combine_attr *a) {
    int dim = (int)a->dim;
    tg_tensor *index = r->in[1];
    tg_tensor *y = r->out[0];
    tg_dtype dtype = tg_dtype_of(y);
    tg_tensor *x_has = tg_cast(tg_eq(r->in[0], y), dtype);
    tg_tensor *src_has = tg_cast(tg_eq(r->in[2], tg_gather(y, dim, index)), dtype);
    tg_tensor *share = tg_div(r->g[0], tg_scatter_add(x_has, dim, index, src_has));
    if (r->wanted[0])
        r->gin[0] = tg_mul(share, x_has);
    if (r->wanted[2])
        r->gin[2] = tg_mul(tg_gather(share, dim, index), src_has);
}

static void scatter_combine_rule(tg__rule *r) {
    const combine_attr *a = r->attr;
    if (a->how == TG__COMBINE_PROD)
        product_rule(r, a);
    else
        extreme_rule(r, a);
}
TG_OP(scatter_combine, .maths = "x; x[index[i,j], j] *= src[i,j] for dim 0",
      .inputs = "x index src", .n_in = 3, .no_grad = 2, .flags = TG__INTERNAL,
      .fields = combine_fields, .attr_size = sizeof(combine_attr),
      .forward = scatter_combine_forward, .rule = scatter_combine_rule,
      .saves = {TG__SAVE_IN(0, TG__ANY), TG__SAVE_IN(1, TG__ANY), TG__SAVE_IN(2, TG__ANY),
                TG__SAVE_OUT(0, TG__ANY)},
      .onnx = {"ScatterElements", 18, "axis=dim"});
TG_SAMPLES(scatter_combine, "[3,4] i[2,4]<3 [2,4] | dim=0 how=0",
           "[2,3] i[2,5]<3 [2,5] | dim=1 how=1", "[2,3] i[2,5]<3 [2,5] | dim=1 how=2");

/* ---- scatter_reduce ---- */
typedef struct {
    int64_t dim, reduce; /* tg_scatter_mode */
    bool include_self;
} reduce_attr;
static const tg__field reduce_fields[] = {
    {"dim", TG_ATTR_INT, offsetof(reduce_attr, dim), true, 0, 0},
    {"reduce", TG_ATTR_INT, offsetof(reduce_attr, reduce), true, 0, 0},
    {"include_self", TG_ATTR_BOOL, offsetof(reduce_attr, include_self), false, 1, 0},
    {0}};

/* What changes nothing: the identity of a reduction. */
static double neutral(int64_t reduce, unsigned dtype) {
    switch (reduce) {
    case TG_SCATTER_PROD:
        return 1.0;
    case TG_SCATTER_AMAX:
        return dtype == TG_BOOL ? 0.0 : -INFINITY;
    case TG_SCATTER_AMIN:
        return dtype == TG_BOOL ? 1.0 : INFINITY;
    default:
        return 0.0;
    }
}

/* How many elements make up each mean; 1 where nothing falls and x stays. */
static tg_tensor *counts(const tg_tensor *x, tg_tensor *index, int dim, bool include_self) {
    tg_tensor *self = tg_ones_like(x);
    if (!include_self)
        self = tg_scatter_value(self, dim, index, 0.0);
    return tg_scatter_add(self, dim, index, tg_ones((tg_dtype)x->dtype, index->ndim, index->shape));
}

static bool scatter_reduce_forward(const tg__call *c) {
    const reduce_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    tg_tensor *index = c->in[1];
    tg_tensor *src = c->in[2];
    int dim;
    if (a->reduce < TG_SCATTER_SUM || a->reduce > TG_SCATTER_AMIN) {
        tg__fail(TG_ERR_ARG, "scatter_reduce",
                 "reduce is %lld; give one of TG_SCATTER_SUM, _PROD, _MEAN, _AMAX, _AMIN",
                 (long long)a->reduce);
        return false;
    }
    if (a->reduce == TG_SCATTER_MEAN && !tg__float_only("scatter_reduce", x))
        return false;
    if (!tg__gather_check(c, src, &dim))
        return false;
    tg_index_item used[TG_MAX_DIMS];
    for (int i = 0; i < index->ndim; i++)
        used[i] = (tg_index_item)TG_RANGE(0, index->shape[i], 1);
    if (!tg__same_shape(src, index))
        src = tg_index(src, index->ndim, used);
    tg_tensor *self = x;
    if (!a->include_self)
        self = tg_scatter_value(x, dim, index, neutral(a->reduce, x->dtype));
    if (a->reduce == TG_SCATTER_SUM || a->reduce == TG_SCATTER_MEAN) {
        c->out[0] = tg_scatter_add(self, dim, index, src);
        if (a->reduce == TG_SCATTER_MEAN)
            c->out[0] = tg_div(c->out[0], counts(x, index, dim, a->include_self));
    } else {
        combine_attr how = {dim, a->reduce == TG_SCATTER_PROD   ? TG__COMBINE_PROD
                                 : a->reduce == TG_SCATTER_AMAX ? TG__COMBINE_MAX
                                                                : TG__COMBINE_MIN};
        c->out[0] = tg__apply3(&tg__op_scatter_combine, self, index, src, &how);
    }
    return c->out[0] != NULL;
}
TG_OP(scatter_reduce, .maths = "x; x[index[i,j], j] = reduce(x, src[i,j]) for dim 0",
      .inputs = "x index src", .n_in = 3, .no_grad = 2, .flags = TG__IN_PLACE | TG__COMPOSED,
      .fields = reduce_fields, .attr_size = sizeof(reduce_attr), .forward = scatter_reduce_forward,
      .onnx = {"ScatterElements", 18, "axis=dim"});
TG_SAMPLES(scatter_reduce, "[3,4] i[2,4]<3 [2,4] | dim=0 reduce=0",
           "[3,4] i[2,4]<3 [3,5] | dim=0 reduce=0 include_self=0",
           "[3,4] i[2,4]<3 [2,4] | dim=0 reduce=1", "[2,3] i[2,5]<3 [2,5] | dim=1 reduce=2",
           "[2,3] i[2,5]<3 [2,5] | dim=1 reduce=2 include_self=0",
           "[2,3] i[2,5]<3 [2,5] | dim=1 reduce=3", "[2,3] i[2,5]<3 [2,6] | dim=1 reduce=4",
           "[2,3] i[2,5]<3 [2,5] | dim=-1 reduce=3 include_self=0",
           "[4] i[3]<4 [3] | dim=0 reduce=1 include_self=0",
           "[4] i[3]<4 [3] | dim=0 reduce=4 include_self=0");
tg_tensor *tg_scatter_reduce(tg_tensor *x, int dim, tg_tensor *index, tg_tensor *src,
                             tg_scatter_mode reduce, bool include_self) {
    return tg__apply3(&tg__op_scatter_reduce, x, index, src,
                      &(reduce_attr){dim, reduce, include_self});
}
tg_tensor *tg_scatter_reduce_(tg_tensor *x, int dim, tg_tensor *index, tg_tensor *src,
                              tg_scatter_mode reduce, bool include_self) {
    tg_tensor *in[3] = {x, index, src};
    return tg__apply_(&tg__op_scatter_reduce, in, 3, &(reduce_attr){dim, reduce, include_self});
}
