/* slice.c - parts of a tensor: select, narrow, slice, index lists, and writing into parts.
 *
 * One resolver turns an index list into the geometry of a view; select, narrow and slice are index
 * lists with one entry that matters. index_part and index_part_put are lists without tensors, and
 * each other's gradients; advanced.c does those with tensors, for which the resolver marks dims. */
#include "ops/elementwise.h"
#include "ops/view.h"

#include <string.h>

/* ---- Index lists ---- */

bool tg__items_from(const char *op, int n, const tg_index_item *items, tg__items *out) {
    if (n < 0 || n > TG__MAX_ITEMS) {
        tg__fail(TG_ERR_SHAPE, op, "%d index items; give 0 to %d", n, TG__MAX_ITEMS);
        return false;
    }
    if (n > 0 && items == NULL) {
        tg__fail(TG_ERR_ARG, op, "items is NULL with %d entries; pass them", n);
        return false;
    }
    memset(out, 0, sizeof *out);
    out->n = n;
    for (int i = 0; i < n; i++) {
        out->item[i] = items[i];
        out->item[i].tensor = NULL; /* tensors travel as inputs, in the order of the list */
    }
    return true;
}

static bool add_dim(const char *op, tg__geometry *g, int64_t size, int64_t stride) {
    if (g->ndim == TG_MAX_DIMS) {
        tg__fail(TG_ERR_SHAPE, op, "the result has more than %d dims; give fewer new ones",
                 TG_MAX_DIMS);
        return false;
    }
    g->shape[g->ndim] = size;
    g->stride[g->ndim++] = stride;
    return true;
}

static bool take_int(const char *op, const tg_tensor *x, int dim, int64_t at, tg__geometry *g) {
    int64_t size = x->shape[dim];
    if (at < -size || at >= size) {
        tg__fail(TG_ERR_INDEX, op, "index %lld is out of range for dim %d of %s; give %lld to %lld",
                 (long long)at, dim, tg__describe(x), (long long)-size, (long long)size - 1);
        return false;
    }
    g->offset += (at < 0 ? at + size : at) * x->stride[dim];
    return true;
}

/* A position of a slice: negative ones count from the end, the rest is clipped. */
static int64_t clipped(int64_t at, int64_t size) {
    if (at < 0)
        at = at < -size ? 0 : at + size;
    return at > size ? size : at;
}

static bool take_slice(const char *op, const tg_tensor *x, int dim, const tg_index_item *s,
                       tg__geometry *g) {
    if (s->step < 1) {
        tg__fail(TG_ERR_ARG, op, "step %lld of dim %d; give 1 or more", (long long)s->step, dim);
        return false;
    }
    int64_t size = x->shape[dim];
    int64_t start = clipped(s->start, size);
    int64_t end = clipped(s->end, size);
    int64_t count = end > start ? (end - start - 1) / s->step + 1 : 0;
    g->offset += count > 0 ? start * x->stride[dim] : 0;
    return add_dim(op, g, count, count > 1 ? x->stride[dim] * s->step : x->stride[dim]);
}

/* How many dims the items use up; -1 with an error for unknown kinds or two ellipses. */
static int used_dims(const char *op, const tg__items *items) {
    int used = 0;
    int ellipses = 0;
    for (int i = 0; i < items->n; i++) {
        int kind = items->item[i].kind;
        used += kind == TG_INDEX_INT || kind == TG_INDEX_SLICE ||
                (kind == TG_INDEX_TENSOR && !tg__of_new_dim(&items->item[i]));
        ellipses += kind == TG_INDEX_ELLIPSIS;
        if (kind < TG_INDEX_INT || kind > TG_INDEX_TENSOR || ellipses > 1) {
            tg__fail(TG_ERR_ARG, op,
                     ellipses > 1 ? "item %d is a second ellipsis; one is allowed"
                                  : "item %d is of no known kind; give a tg_index_kind",
                     i);
            return -1;
        }
    }
    return used;
}

bool tg__resolve(const char *op, const tg_tensor *x, const tg__items *items, tg__geometry *g) {
    int used = used_dims(op, items);
    if (used < 0)
        return false;
    if (used > x->ndim) {
        tg__fail(TG_ERR_INDEX, op,
                 "%d indices for %s, which has %d dims; give at most one for each", used,
                 tg__describe(x), x->ndim);
        return false;
    }
    g->ndim = 0;
    g->picked = 0;
    g->offset = 0;
    int dim = 0;
    for (int i = 0; i < items->n; i++) {
        const tg_index_item *it = &items->item[i];
        bool good = true;
        if (it->kind == TG_INDEX_INT) {
            good = take_int(op, x, dim++, it->start, g);
        } else if (it->kind == TG_INDEX_SLICE) {
            good = take_slice(op, x, dim, it, g);
            dim++;
        } else if (it->kind == TG_INDEX_NEWAXIS) {
            good = add_dim(op, g, 1, 1);
        } else if (it->kind == TG_INDEX_TENSOR) {
            g->picked |= 1u << g->ndim;
            bool fresh = tg__of_new_dim(it);
            good = add_dim(op, g, fresh ? 1 : x->shape[dim], fresh ? 1 : x->stride[dim]);
            dim += !fresh;
        } else {
            for (int k = x->ndim - used; good && k > 0; k--, dim++)
                good = add_dim(op, g, x->shape[dim], x->stride[dim]);
        }
        if (!good)
            return false;
    }
    for (; dim < x->ndim; dim++)
        if (!add_dim(op, g, x->shape[dim], x->stride[dim]))
            return false;
    return true;
}

typedef struct {
    tg__items items;
} index_attr;
static const tg__field index_fields[] = {
    {"items", TG_ATTR_INDEX, offsetof(index_attr, items), true, 0, 0}, {0}};

/* The geometry of a list without tensors; false with an error. */
static bool plain_geometry(const char *op, const tg_tensor *x, const tg__items *items,
                           tg__geometry *g) {
    if (!tg__resolve(op, x, items, g))
        return false;
    if (g->picked == 0)
        return true;
    tg__fail(TG_ERR_ARG, op, "the list has tensors; use tg_index or tg_index_put");
    return false;
}

/* ---- index_part: x[items], a view ---- */
static bool index_part_forward(const tg__call *c) {
    const index_attr *a = c->attr;
    tg__geometry g;
    if (!plain_geometry("index_part", c->in[0], &a->items, &g))
        return false;
    c->out[0] = tg__view("index_part", c->in[0], g.ndim, g.shape, g.stride, g.offset);
    return c->out[0] != NULL;
}
static void index_part_rule(tg__rule *r) {
    const tg__meta *m = r->meta[0];
    tg_tensor *zeros = tg_zeros((tg_dtype)m->dtype, m->ndim, m->shape);
    r->gin[0] = tg__apply2(&tg__op_index_part_put, zeros, r->g[0], r->attr);
}
TG_OP(index_part, .maths = "x[items]", .inputs = "x", .n_in = 1,
      .flags = TG__VIEWS | TG__INTERNAL | TG__ANY_DTYPE, .fields = index_fields,
      .attr_size = sizeof(index_attr), .forward = index_part_forward, .rule = index_part_rule,
      .saves = {TG__SAVE_META(0, 1)}, .onnx = {"composed"});
TG_SAMPLES(index_part, "[3,4] | items=1", "[3,5] | items=:,1:4:2", "[2,3,4] | items=...,-1",
           "[4] | items=none,::3", "[3] | items=2:1");

/* ---- index_part_put: x with value in x[items] ---- */
bool tg__fits_part(const char *op, const tg_tensor *x, const tg_tensor *value, int ndim,
                   const int64_t *shape) {
    bool fits = value->ndim <= ndim;
    for (int i = 1; fits && i <= value->ndim; i++) {
        int64_t size = value->shape[value->ndim - i];
        fits = size == 1 || size == shape[ndim - i];
    }
    if (!fits)
        tg__fail(TG_ERR_SHAPE, op,
                 "value %s does not broadcast to %s, the indexed part of x %s; reshape it",
                 tg__describe(value), tg__describe_shape(ndim, shape), tg__describe(x));
    return fits;
}

tg_tensor *tg__copy_or_into(const tg__call *c) {
    const tg_tensor *x = c->in[0];
    if (c->into != NULL)
        return c->into;
    c->out[0] = tg__new(c->op->name, (tg_dtype)x->dtype, x->ndim, x->shape);
    if (c->out[0] != NULL)
        tg__pack(x, c->out[0]->data);
    return c->out[0];
}

/* y[part] = value, of one dtype. */
static void write_part(tg_tensor *y, const tg__geometry *g, const tg_tensor *value) {
    int64_t item = (int64_t)tg__item_size(y->dtype);
    int64_t to[TG_MAX_DIMS];
    int64_t from[TG_MAX_DIMS];
    tg__broadcast_strides(value, g->ndim, from);
    for (int i = 0; i < g->ndim; i++) {
        if (g->shape[i] == 0)
            return;
        to[i] = g->stride[i] * item;
        from[i] *= item;
    }
    tg__copy_strided(g->ndim, g->shape, y->data + g->offset * item, to, value->data, from,
                     (size_t)item);
}

static bool index_part_put_forward(const tg__call *c) {
    const index_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    tg__geometry g;
    if (!plain_geometry("index_part_put", x, &a->items, &g) ||
        !tg__fits_part("index_part_put", x, c->in[1], g.ndim, g.shape))
        return false;
    tg_tensor *value = tg__as("index_part_put", c->in[1], (tg_dtype)x->dtype);
    tg_tensor *y = value != NULL ? tg__copy_or_into(c) : NULL;
    bool good = y != NULL && plain_geometry("index_part_put", y, &a->items, &g);
    if (good) /* (a copy has strides of its own) */
        write_part(y, &g, value);
    tg__unref(value);
    return good;
}
static void index_part_put_rule(tg__rule *r) {
    if (r->wanted[0])
        r->gin[0] = tg__apply2(&tg__op_index_part_put, r->g[0],
                               tg_scalar((tg_dtype)r->g[0]->dtype, 0.0), r->attr);
    if (r->wanted[1])
        r->gin[1] = tg__apply1(&tg__op_index_part, r->g[0], r->attr);
}
TG_OP(index_part_put, .maths = "x with x[items] = value", .inputs = "x value", .n_in = 2,
      .flags = TG__IN_PLACE | TG__BROADCASTS | TG__INTERNAL | TG__ANY_DTYPE, .fields = index_fields,
      .attr_size = sizeof(index_attr), .forward = index_part_put_forward,
      .rule = index_part_put_rule, .saves = {TG__SAVE_META(1, 2)}, .onnx = {"ScatterND", 16});
TG_SAMPLES(index_part_put, "[3,4] [4] | items=1", "[3,5] [3,2] | items=:,1:4:2",
           "[2,3] [] | items=0,1");

/* ---- select, narrow, slice: one entry behind full slices ---- */

/* x indexed by `item` at `dim` and whole elsewhere. */
static tg_tensor *at_dim(tg_tensor *x, int dim, tg_index_item item) {
    tg_index_item items[TG_MAX_DIMS];
    for (int i = 0; i < dim; i++)
        items[i] = (tg_index_item)TG_EVERYTHING;
    items[dim] = item;
    index_attr a;
    return tg__items_from("index", dim + 1, items, &a.items) ? tg__apply1(&tg__op_index_part, x, &a)
                                                             : NULL;
}

/* The dim an op names, which must exist: 0-d tensors have none. */
static int existing_dim(const char *op, const tg_tensor *x, int64_t dim) {
    if (x->ndim == 0) {
        tg__fail(TG_ERR_INDEX, op, "%s has no dims to take a part of; reshape it", tg__describe(x));
        return -1;
    }
    return tg__dim(op, x, dim);
}

typedef struct {
    int64_t dim, index;
} select_attr;
static const tg__field select_fields[] = {
    {"dim", TG_ATTR_INT, offsetof(select_attr, dim), true, 0, 0},
    {"index", TG_ATTR_INT, offsetof(select_attr, index), true, 0, 0},
    {0}};
static bool select_forward(const tg__call *c) {
    const select_attr *a = c->attr;
    int dim = existing_dim("select", c->in[0], a->dim);
    if (dim >= 0)
        c->out[0] = at_dim(c->in[0], dim, (tg_index_item)TG_AT(a->index));
    return c->out[0] != NULL;
}
TG_OP(select, .maths = "x[..., index, ...]", .inputs = "x", .n_in = 1,
      .flags = TG__VIEWS | TG__COMPOSED | TG__ANY_DTYPE, .fields = select_fields,
      .attr_size = sizeof(select_attr), .forward = select_forward,
      .onnx = {"Gather", 13, "axis=dim,indices=index"});
TG_SAMPLES(select, "[2,3] | dim=1 index=2", "[2,3] | dim=0 index=-1");
tg_tensor *tg_select(tg_tensor *x, int dim, int64_t index) {
    return tg__apply1(&tg__op_select, x, &(select_attr){dim, index});
}

typedef struct {
    int64_t dim, start, length;
} narrow_attr;
static const tg__field narrow_fields[] = {
    {"dim", TG_ATTR_INT, offsetof(narrow_attr, dim), true, 0, 0},
    {"start", TG_ATTR_INT, offsetof(narrow_attr, start), true, 0, 0},
    {"length", TG_ATTR_INT, offsetof(narrow_attr, length), true, 0, 0},
    {0}};
static bool narrow_forward(const tg__call *c) {
    const narrow_attr *a = c->attr;
    const tg_tensor *x = c->in[0];
    int dim = existing_dim("narrow", x, a->dim);
    if (dim < 0)
        return false;
    int64_t size = x->shape[dim];
    int64_t start = a->start < 0 ? a->start + size : a->start;
    if (a->start < -size || start > size || a->length < 0 || a->length > size - start) {
        tg__fail(
            TG_ERR_INDEX, "narrow",
            "start %lld, length %lld do not lie inside dim %d of %s; give a range in 0 to %lld",
            (long long)a->start, (long long)a->length, dim, tg__describe(x), (long long)size);
        return false;
    }
    c->out[0] = at_dim(c->in[0], dim, (tg_index_item)TG_RANGE(start, start + a->length, 1));
    return c->out[0] != NULL;
}
TG_OP(narrow, .maths = "x[..., start:start+length, ...]", .inputs = "x", .n_in = 1,
      .flags = TG__VIEWS | TG__COMPOSED | TG__ANY_DTYPE, .fields = narrow_fields,
      .attr_size = sizeof(narrow_attr), .forward = narrow_forward, .onnx = {"composed"});
TG_SAMPLES(narrow, "[4,3] | dim=0 start=1 length=2", "[4,3] | dim=-1 start=-2 length=1");
tg_tensor *tg_narrow(tg_tensor *x, int dim, int64_t start, int64_t length) {
    return tg__apply1(&tg__op_narrow, x, &(narrow_attr){dim, start, length});
}

typedef struct {
    int64_t dim, start, end, step;
} slice_attr;
static const tg__field slice_fields[] = {
    {"dim", TG_ATTR_INT, offsetof(slice_attr, dim), true, 0, 0},
    {"start", TG_ATTR_INT, offsetof(slice_attr, start), false, 0, 0},
    {"end", TG_ATTR_INT, offsetof(slice_attr, end), false, TG_SLICE_END, 0},
    {"step", TG_ATTR_INT, offsetof(slice_attr, step), false, 1, 0},
    {0}};
static bool slice_forward(const tg__call *c) {
    const slice_attr *a = c->attr;
    int dim = existing_dim("slice", c->in[0], a->dim);
    if (dim >= 0)
        c->out[0] = at_dim(c->in[0], dim, (tg_index_item)TG_RANGE(a->start, a->end, a->step));
    return c->out[0] != NULL;
}
TG_OP(slice, .maths = "x[..., start:end:step, ...]", .inputs = "x", .n_in = 1,
      .flags = TG__VIEWS | TG__COMPOSED | TG__ANY_DTYPE, .fields = slice_fields,
      .attr_size = sizeof(slice_attr), .forward = slice_forward,
      .onnx = {"Slice", 13, "axes=dim,starts=start,ends=end,steps=step"});
TG_SAMPLES(slice, "[5,3] | dim=0 start=1 end=5 step=2", "[5] | dim=0 start=-3",
           "[4] | dim=0 end=0");
tg_tensor *tg_slice(tg_tensor *x, int dim, int64_t start, int64_t end, int64_t step) {
    return tg__apply1(&tg__op_slice, x, &(slice_attr){dim, start, end, step});
}
