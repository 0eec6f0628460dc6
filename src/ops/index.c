/* index.c - gathering and adding by index tensors along one dim. Every index is checked before
 * anything is written. */
#include "kernels/index.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/reduce.h"
#include "ops/view.h"

/* ---- Shared checks ---- */

bool tg__index_dtype(const char *op, const tg_tensor *index) {
    if (tg__is_index(index))
        return true;
    tg__refuse_dtype(op, index, "an index of i64 or i32");
    return false;
}

/* All indices (contiguous) lie in [0, size). */
static bool check_range(const char *op, const tg_tensor *index, const tg_tensor *x, int dim) {
    int64_t size = x->ndim > 0 ? x->shape[dim] : 1;
    int64_t bad = 0;
    int64_t at = tg__index_check((tg_dtype)index->dtype, index->data,
                                 (int64_t)tg__item_size(index->dtype), index->numel, size, &bad);
    if (at < 0)
        return true;
    tg__fail(TG_ERR_INDEX, op,
             "index %lld at position %lld is out of range for dim %d of %s; give "
             "0 to %lld",
             (long long)bad, (long long)at, dim, tg__describe(x), (long long)size - 1);
    return false;
}

/* ---- index_select: rows of x ---- */
static bool index_select_check(const tg__call *c, int *dim) {
    const tg__along *a = c->attr;
    const tg_tensor *index = c->in[1];
    *dim = tg__dim(c->op->name, c->in[0], a->dim);
    if (*dim < 0 || !tg__index_dtype(c->op->name, index))
        return false;
    if (index->ndim > 1) {
        tg__fail(TG_ERR_SHAPE, c->op->name, "index is %s; give one dim, or use tg_gather",
                 tg__describe(index));
        return false;
    }
    if (c->in[0]->ndim == 0 && index->numel != 1) {
        tg__fail(TG_ERR_SHAPE, c->op->name, "x is 0-d and index is %s; give a single index",
                 tg__describe(index));
        return false;
    }
    return true;
}
static bool index_select_forward(const tg__call *c) {
    int dim;
    if (!index_select_check(c, &dim))
        return false;
    tg_tensor *x = tg__packed("index_select", c->in[0]);
    tg_tensor *index = x != NULL ? tg__packed("index_select", c->in[1]) : NULL;
    bool good = index != NULL && check_range("index_select", index, c->in[0], dim);
    if (good) {
        int64_t shape[TG_MAX_DIMS];
        for (int i = 0; i < x->ndim; i++)
            shape[i] = i == dim ? index->numel : x->shape[i];
        c->out[0] = tg__new("index_select", (tg_dtype)x->dtype, x->ndim, shape);
        good = c->out[0] != NULL;
    }
    if (good) {
        tg__lines l = tg__lines_along(x, dim);
        if (c->out[0]->numel > 0)
            tg__index_select(tg__item_size(x->dtype), l.outer, l.n, l.inner,
                             x->ndim > 0 ? index->numel : 1, (tg_dtype)index->dtype, index->data,
                             (int64_t)tg__item_size(index->dtype), x->data, c->out[0]->data);
    }
    tg__unref(x);
    tg__unref(index);
    return good;
}
static void index_select_rule(tg__rule *r) {
    const tg__along *a = r->attr;
    const tg__meta *m = r->meta[0];
    tg_tensor *zeros = tg_zeros((tg_dtype)m->dtype, m->ndim, m->shape);
    r->gin[0] = tg_index_add(zeros, (int)a->dim, r->in[1], r->g[0], 1.0);
}
TG_OP(index_select, .maths = "rows of x along dim", .inputs = "x index", .n_in = 2, .no_grad = 2,
      .flags = TG__ANY_DTYPE, .fields = tg__along_fields, .attr_size = sizeof(tg__along),
      .forward = index_select_forward, .rule = index_select_rule,
      .saves = {TG__SAVE_IN(1, 1), TG__SAVE_META(0, 1)}, .onnx = {"Gather", 13, "axis=dim"});
TG_SAMPLES(index_select, "[4,3] i[3]<4 | dim=0", "[2,3] i[5]<3 | dim=-1", "[4] i[]<4 | dim=0");
tg_tensor *tg_index_select(tg_tensor *x, int dim, tg_tensor *index) {
    return tg__apply2(&tg__op_index_select, x, index, &(tg__along){dim});
}

/* ---- index_add: x with alpha * src added to its rows; the gradient of index_select ---- */
typedef struct {
    int64_t dim;
    double alpha;
} index_add_attr;
static const tg__field index_add_fields[] = {
    {"dim", TG_ATTR_INT, offsetof(index_add_attr, dim), true, 0, 0},
    {"alpha", TG_ATTR_FLOAT, offsetof(index_add_attr, alpha), false, TG__NAN_OK, 1.0},
    {0}};

/* src times alpha, contiguous. Raw. */
static tg_tensor *scaled(tg_tensor *src, double alpha) {
    if (alpha == 1.0)
        return tg__packed("index_add", src);
    tg_tensor *y = tg__new("index_add", (tg_dtype)src->dtype, src->ndim, src->shape);
    if (y == NULL)
        return NULL;
    _Alignas(8) char value[8];
    tg__convert_double((tg_dtype)y->dtype, value, alpha);
    tg_tensor one = {.dtype = y->dtype, .data = value, .numel = 1};
    tg__run((tg_tensor *[]){y, src, &one}, 3, tg__kernels_get()->binary[TG__BIN_mul][y->dtype],
            NULL, 0.3);
    return y;
}

static bool index_add_check(const tg__call *c, int *dim) {
    const tg_tensor *x = c->in[0];
    const tg_tensor *src = c->in[2];
    if (!index_select_check(c, dim))
        return false;
    bool fits = src->ndim == x->ndim && src->dtype == x->dtype;
    for (int i = 0; fits && i < x->ndim; i++)
        fits = src->shape[i] == (i == *dim ? c->in[1]->numel : x->shape[i]);
    if (!fits)
        tg__fail(src->dtype != x->dtype ? TG_ERR_DTYPE : TG_ERR_SHAPE, "index_add",
                 "src is %s for x %s and index %s; it has x's dtype, and x's sizes but for dim %d, "
                 "where it has one for each index",
                 tg__describe(src), tg__describe(x), tg__describe(c->in[1]), *dim);
    return fits;
}

static bool index_add_forward(const tg__call *c) {
    const index_add_attr *a = c->attr;
    int dim;
    if (!index_add_check(c, &dim))
        return false;
    tg_tensor *x = c->in[0];
    tg_tensor *index = tg__packed("index_add", c->in[1]);
    tg_tensor *add = index != NULL ? scaled(c->in[2], a->alpha) : NULL;
    bool good = add != NULL && check_range("index_add", index, x, dim);
    /* the kernel wants rows without gaps */
    bool beside = c->into != NULL && !(x->flags & TG__CONTIGUOUS);
    tg_tensor *y = NULL;
    if (good)
        y = beside ? tg__packed("index_add", x) : tg__copy_or_into(c);
    good = y != NULL;
    if (good && add->numel > 0) {
        tg__lines l = tg__lines_along(x, dim);
        tg__index_add((tg_dtype)x->dtype, l.outer, l.n, l.inner, x->ndim > 0 ? index->numel : 1,
                      (tg_dtype)index->dtype, index->data, (int64_t)tg__item_size(index->dtype),
                      add->data, y->data);
    }
    if (good && beside)
        tg__assign(x, y);
    if (beside)
        tg__unref(y);
    tg__unref(index);
    tg__unref(add);
    return good;
}
static void index_add_rule(tg__rule *r) {
    const index_add_attr *a = r->attr;
    r->gin[0] = r->g[0];
    if (!r->wanted[2])
        return;
    tg_tensor *g = tg_index_select(r->g[0], (int)a->dim, r->in[1]);
    r->gin[2] = a->alpha == 1.0 ? g : tg_mul_scalar(g, a->alpha);
}
TG_OP(index_add, .maths = "x; x[index] += alpha * src along dim", .inputs = "x index src",
      .n_in = 3, .no_grad = 2, .flags = TG__IN_PLACE, .fields = index_add_fields,
      .attr_size = sizeof(index_add_attr), .forward = index_add_forward, .rule = index_add_rule,
      .saves = {TG__SAVE_IN(1, 4)}, .onnx = {"composed"});
TG_SAMPLES(index_add, "[4,3] i[3]<4 [3,3] | dim=0", "[2,3] i[5]<3 [2,5] | dim=1 alpha=-0.5");
tg_tensor *tg_index_add(tg_tensor *x, int dim, tg_tensor *index, tg_tensor *src, double alpha) {
    return tg__apply3(&tg__op_index_add, x, index, src, &(index_add_attr){dim, alpha});
}
tg_tensor *tg_index_add_(tg_tensor *x, int dim, tg_tensor *index, tg_tensor *src, double alpha) {
    tg_tensor *in[3] = {x, index, src};
    return tg__apply_(&tg__op_index_add, in, 3, &(index_add_attr){dim, alpha});
}

/* ---- gather, scatter_add ---- */

bool tg__gather_check(const tg__call *c, const tg_tensor *src, int *dim) {
    const tg__along *a = c->attr;
    const char *op = c->op->name;
    const tg_tensor *x = c->in[0];
    const tg_tensor *index = c->in[1];
    *dim = tg__dim(op, x, a->dim);
    if (*dim < 0 || !tg__index_dtype(op, index))
        return false;
    bool fits = index->ndim == x->ndim && (src == NULL || src->ndim == x->ndim);
    for (int i = 0; fits && i < x->ndim; i++)
        fits = (i == *dim || index->shape[i] <= x->shape[i]) &&
               (src == NULL || index->shape[i] <= src->shape[i]);
    if (!fits) {
        tg__fail(
            TG_ERR_SHAPE, op,
            "index %s does not fit x %s%s%s: it needs as many dims and no larger sizes (dim %d "
            "may differ from x)",
            tg__describe(index), tg__describe(x), src != NULL ? " and src " : "",
            src != NULL ? tg__describe(src) : "", *dim);
        return false;
    }
    if (src != NULL && src->dtype != x->dtype) {
        tg__fail(TG_ERR_DTYPE, op, "src is %s and x is %s; they must have one dtype",
                 tg__describe(src), tg__describe(x));
        return false;
    }
    return true;
}

void tg__byte_strides(const tg_tensor *x, int64_t *stride) {
    for (int i = 0; i < x->ndim; i++)
        stride[i] = x->stride[i] * (int64_t)tg__item_size(x->dtype);
}

tg_tensor *tg__checked_index(const tg__call *c, int dim) {
    tg_tensor *index = tg__packed_as(c->op->name, c->in[1], TG_I64);
    if (index != NULL && !check_range(c->op->name, index, c->in[0], dim)) {
        tg__unref(index);
        return NULL;
    }
    return index;
}

static bool gather_forward(const tg__call *c) {
    int dim;
    if (!tg__gather_check(c, NULL, &dim))
        return false;
    const tg_tensor *x = c->in[0];
    tg_tensor *index = tg__checked_index(c, dim);
    tg_tensor *y =
        index != NULL ? tg__new("gather", (tg_dtype)x->dtype, index->ndim, index->shape) : NULL;
    if (y != NULL && y->numel > 0) {
        int64_t xs[TG_MAX_DIMS];
        int64_t is[TG_MAX_DIMS];
        int64_t ys[TG_MAX_DIMS];
        tg__byte_strides(x, xs);
        tg__byte_strides(index, is);
        tg__byte_strides(y, ys);
        tg__gather(tg__item_size(x->dtype), y->ndim, y->shape, dim, x->data, xs, index->data, is,
                   y->data, ys);
    }
    tg__unref(index);
    c->out[0] = y;
    return y != NULL;
}
static void gather_rule(tg__rule *r) {
    const tg__along *a = r->attr;
    const tg__meta *m = r->meta[0];
    tg_tensor *zeros = tg_zeros((tg_dtype)m->dtype, m->ndim, m->shape);
    r->gin[0] = tg_scatter_add(zeros, (int)a->dim, r->in[1], r->g[0]);
}
TG_OP(gather, .maths = "y[i,j] = x[index[i,j], j] for dim 0", .inputs = "x index", .n_in = 2,
      .no_grad = 2, .flags = TG__ANY_DTYPE, .fields = tg__along_fields,
      .attr_size = sizeof(tg__along), .forward = gather_forward, .rule = gather_rule,
      .saves = {TG__SAVE_IN(1, 1), TG__SAVE_META(0, 1)},
      .onnx = {"GatherElements", 13, "axis=dim"});
TG_SAMPLES(gather, "[3,4] i[2,4]<3 | dim=0", "[2,3] i[2,5]<3 | dim=1", "[4] i[3]<4 | dim=0");
tg_tensor *tg_gather(tg_tensor *x, int dim, tg_tensor *index) {
    return tg__apply2(&tg__op_gather, x, index, &(tg__along){dim});
}

static bool scatter_add_forward(const tg__call *c) {
    int dim;
    const tg_tensor *x = c->in[0];
    const tg_tensor *src = c->in[2];
    if (!tg__gather_check(c, src, &dim))
        return false;
    tg_tensor *index = tg__checked_index(c, dim);
    if (index == NULL)
        return false;
    tg_tensor *y = c->into;
    if (y == NULL) {
        y = c->out[0] = tg__new("scatter_add", (tg_dtype)x->dtype, x->ndim, x->shape);
        if (y != NULL)
            tg__pack(x, y->data);
    }
    if (y != NULL && index->numel > 0) {
        int64_t ys[TG_MAX_DIMS];
        int64_t is[TG_MAX_DIMS];
        int64_t ss[TG_MAX_DIMS];
        tg__byte_strides(y, ys);
        tg__byte_strides(index, is);
        tg__byte_strides(src, ss);
        tg__scatter_add((tg_dtype)y->dtype, y->ndim, index->shape, dim, y->data, ys, index->data,
                        is, src->data, ss);
    }
    tg__unref(index);
    return y != NULL;
}
tg_tensor *tg__gather_back(tg_tensor *grad, int64_t dim, tg_tensor *index, const tg__meta *src) {
    tg_tensor *g = tg_gather(grad, (int)dim, index);
    bool whole = g != NULL && g->ndim == src->ndim;
    tg_index_item items[TG_MAX_DIMS];
    for (int i = 0; g != NULL && i < src->ndim; i++) {
        whole &= g->shape[i] == src->shape[i];
        items[i] = (tg_index_item)TG_RANGE(0, g->shape[i], 1);
    }
    if (whole || g == NULL)
        return g;
    /* src may reach beyond index: those elements were not used */
    return tg_index_put(tg_zeros((tg_dtype)src->dtype, src->ndim, src->shape), src->ndim, items, g);
}
static void scatter_add_rule(tg__rule *r) {
    const tg__along *a = r->attr;
    r->gin[0] = r->g[0];
    if (r->wanted[2])
        r->gin[2] = tg__gather_back(r->g[0], a->dim, r->in[1], r->meta[2]);
}
TG_OP(scatter_add, .maths = "x; x[index[i,j], j] += src[i,j] for dim 0", .inputs = "x index src",
      .n_in = 3, .no_grad = 2, .flags = TG__IN_PLACE, .fields = tg__along_fields,
      .attr_size = sizeof(tg__along), .forward = scatter_add_forward, .rule = scatter_add_rule,
      .saves = {TG__SAVE_IN(1, 4), TG__SAVE_META(2, 4)},
      .onnx = {"ScatterElements", 16, "axis=dim"});
TG_SAMPLES(scatter_add, "[3,4] i[2,4]<3 [2,4] | dim=0", "[2,3] i[2,5]<3 [3,6] | dim=1");
tg_tensor *tg_scatter_add(tg_tensor *x, int dim, tg_tensor *index, tg_tensor *src) {
    return tg__apply3(&tg__op_scatter_add, x, index, src, &(tg__along){dim});
}
tg_tensor *tg_scatter_add_(tg_tensor *x, int dim, tg_tensor *index, tg_tensor *src) {
    tg_tensor *in[3] = {x, index, src};
    return tg__apply_(&tg__op_scatter_add, in, 3, &(tg__along){dim});
}
