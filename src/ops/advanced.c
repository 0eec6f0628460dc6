/* advanced.c - index lists with tensors: x[items], and writing or adding into it.
 *
 * tg_index and tg_index_put first bring the tensors of a list down to one: `at`, i64, of their
 * common shape, with the position in the dims that they take, counted in row-major order. That is
 * where all indices are checked, masks become positions and negative ones are turned. index_at,
 * index_at_put and index_at_add then work on x and `at`, and are each other's gradients. Lists
 * without tensors go to slice.c. */
#include "kernels/index.h"
#include "kernels/places.h"
#include "ops/elementwise.h"
#include "ops/view.h"

#include <string.h>

typedef struct {
    tg__items items;
} items_attr;
static const tg__field items_fields[] = {
    {"items", TG_ATTR_INDEX, offsetof(items_attr, items), true, 0, 0}, {0}};
typedef struct {
    tg__items items;
    bool accumulate;
} put_attr;
static const tg__field put_fields[] = {
    {"items", TG_ATTR_INDEX, offsetof(put_attr, items), true, 0, 0},
    {"accumulate", TG_ATTR_BOOL, offsetof(put_attr, accumulate), false, 0, 0},
    {0}};

/* ---- Positions: from the tensors of a list to one ---- */

typedef struct {
    const char *op;
    const tg_tensor *x;
    tg_tensor *part[TG__MAX_ITEMS]; /* i64 [...], by tensor of the list: positions; raw */
    int dim[TG__MAX_ITEMS];         /* of x, the first it takes */
    int64_t size[TG__MAX_ITEMS];    /* elements in the dims it takes */
    int n;
    tg__items plain; /* the list, with one item per dim that a tensor takes */
    int ndim;        /* of the common shape */
    int64_t shape[TG_MAX_DIMS];
} positions;

/* Indices as i64, negative ones turned, all checked. */
static tg_tensor *from_indices(const positions *p, tg_tensor *index, int dim) {
    int64_t size = p->x->shape[dim];
    tg_tensor *at = tg__new(p->op, TG_I64, index->ndim, index->shape);
    if (at == NULL)
        return NULL;
    tg__assign(at, index);
    int64_t *value = (int64_t *)(void *)at->data;
    for (int64_t i = 0; i < at->numel; i++) {
        if (value[i] < -size || value[i] >= size) {
            tg__fail(TG_ERR_INDEX, p->op,
                     "index %lld at position %lld is out of range for dim %d of %s, which has size "
                     "%lld; give %lld to %lld",
                     (long long)value[i], (long long)i, dim, tg__describe(p->x), (long long)size,
                     (long long)-size, (long long)size - 1);
            tg__unref(at);
            return NULL;
        }
        value[i] += value[i] < 0 ? size : 0;
    }
    return at;
}

/* The positions where a mask over dims dim, dim + 1, … is true. */
static tg_tensor *from_mask(const positions *p, tg_tensor *mask, int dim) {
    for (int i = 0; i < mask->ndim; i++)
        if (mask->shape[i] != p->x->shape[dim + i]) {
            tg__fail(TG_ERR_INDEX, p->op,
                     "mask %s at dim %d of %s: dim %d has size %lld and the mask %lld; they must "
                     "be equal",
                     tg__describe(mask), dim, tg__describe(p->x), dim + i,
                     (long long)p->x->shape[dim + i], (long long)mask->shape[i]);
            return NULL;
        }
    tg_tensor *flat = tg__packed(p->op, mask);
    if (flat == NULL)
        return NULL;
    const uint8_t *bits = (const uint8_t *)flat->data;
    int64_t count = tg__count_true(bits, flat->numel);
    tg_tensor *at = tg__new(p->op, TG_I64, 1, &count);
    if (at != NULL)
        tg__list_true(bits, flat->numel, (int64_t *)(void *)at->data);
    tg__unref(flat);
    return at;
}

static bool add_item(positions *p, tg_index_item item) {
    if (p->plain.n == TG__MAX_ITEMS) {
        tg__fail(TG_ERR_SHAPE, p->op, "the index list takes more than %d dims; give fewer",
                 TG__MAX_ITEMS);
        return false;
    }
    p->plain.item[p->plain.n++] = item;
    return true;
}

/* Dims of x that an item takes; `next` is the tensor whose turn it is. */
static int dims_of(const tg_index_item *it, const tg_tensor *next) {
    if (it->kind != TG_INDEX_TENSOR)
        return it->kind == TG_INDEX_INT || it->kind == TG_INDEX_SLICE;
    return next->dtype == TG_BOOL ? next->ndim : 1;
}

/* Checks how many dims the list takes and that its tensors are there; -1 with an error. */
static int dims_taken(const positions *p, const tg__items *items, tg_tensor *const *given,
                      int n_given) {
    int used = 0;
    int ellipses = 0;
    int tensors = 0;
    for (int i = 0; i < items->n; i++)
        tensors += items->item[i].kind == TG_INDEX_TENSOR;
    if (tensors != n_given) {
        tg__fail(TG_ERR_ARG, p->op, "the index list has %d tensors and %d came; pass them in order",
                 tensors, n_given);
        return -1;
    }
    for (int i = 0; i < n_given; i++)
        if (given[i]->dtype != TG_I64 && given[i]->dtype != TG_I32 && given[i]->dtype != TG_BOOL) {
            tg__refuse_dtype(p->op, given[i], "an index of i64 or i32, or a bool mask");
            return -1;
        }
    for (int i = 0, next = 0; i < items->n; i++) {
        const tg_index_item *it = &items->item[i];
        used += dims_of(it, it->kind == TG_INDEX_TENSOR ? given[next++] : NULL);
        ellipses += it->kind == TG_INDEX_ELLIPSIS;
    }
    if (ellipses > 1) {
        tg__fail(TG_ERR_ARG, p->op, "%d ellipses in the list; give one", ellipses);
        return -1;
    }
    if (used > p->x->ndim) {
        tg__fail(TG_ERR_INDEX, p->op,
                 "%d indices for %s, which has %d dims; give at most one for each", used,
                 tg__describe(p->x), p->x->ndim);
        return -1;
    }
    return used;
}

static bool take_tensor(positions *p, tg_tensor *t, int dim) {
    bool mask = t->dtype == TG_BOOL;
    int n = mask ? t->ndim : 1;
    p->dim[p->n] = dim;
    p->part[p->n] = mask ? from_mask(p, t, dim) : from_indices(p, t, dim);
    if (p->part[p->n] == NULL)
        return false;
    int64_t size = 1;
    for (int i = 0; i < n; i++)
        size *= p->x->shape[dim + i]; /* no more than the mask has elements, or one size */
    p->size[p->n++] = size;
    tg_index_item whole = {TG_INDEX_TENSOR, 0, 0, 0, n == 0, NULL};
    bool good = true;
    for (int i = 0; good && i < (n > 0 ? n : 1); i++)
        good = add_item(p, whole);
    return good;
}

/* Goes through the list; false with an error. */
static bool read_list(positions *p, const tg__items *items, tg_tensor *const *given, int n_given) {
    int used = dims_taken(p, items, given, n_given);
    if (used < 0)
        return false;
    int dim = 0;
    for (int i = 0, next = 0; i < items->n; i++) {
        const tg_index_item *it = &items->item[i];
        tg_tensor *t = it->kind == TG_INDEX_TENSOR ? given[next++] : NULL;
        if (!(t != NULL ? take_tensor(p, t, dim) : add_item(p, *it)))
            return false;
        dim += it->kind == TG_INDEX_ELLIPSIS ? p->x->ndim - used : dims_of(it, t);
    }
    return true;
}

/* All parts broadcast to one shape and joined: at = (at * size) + part, part by part. */
static tg_tensor *join_parts(positions *p) {
    if (!tg__broadcast_all(p->op, p->part, p->n, &p->ndim, p->shape))
        return NULL;
    if (p->n == 1) {
        tg__ref(p->part[0]);
        return p->part[0];
    }
    tg_tensor *at = tg__new(p->op, TG_I64, p->ndim, p->shape);
    tg_tensor *wide = at != NULL ? tg__new(p->op, TG_I64, p->ndim, p->shape) : NULL;
    if (wide == NULL) {
        tg__unref(at);
        return NULL;
    }
    int64_t *sum = (int64_t *)(void *)at->data;
    const int64_t *next = (const int64_t *)(const void *)wide->data;
    for (int k = 0; k < p->n; k++) {
        tg__run((tg_tensor *[]){wide, p->part[k]}, 2, tg__kernels_get()->cast[TG_I64][TG_I64], NULL,
                0.3);
        for (int64_t i = 0; i < at->numel; i++)
            sum[i] = (k > 0 ? sum[i] * p->size[k] : 0) + next[i];
    }
    tg__unref(wide);
    return at;
}

/* The tensors of a list as one, which the open scope owns; p->plain is the list that goes with it.
 * NULL with an error. */
static tg_tensor *to_positions(positions *p, const char *op, const tg_tensor *x,
                               const tg__items *items, tg_tensor *const *given, int n_given) {
    memset(p, 0, sizeof *p);
    p->op = op;
    p->x = x;
    tg__geometry g;
    tg_tensor *at = NULL;
    /* whatever else is wrong with the list is said before any tensor is looked at */
    if (read_list(p, items, given, n_given) && tg__resolve(op, x, &p->plain, &g))
        at = join_parts(p);
    for (int k = 0; k < p->n; k++)
        tg__unref(p->part[k]);
    return tg__give(at);
}

static bool has_tensors(const tg__items *items) {
    for (int i = 0; i < items->n; i++)
        if (items->item[i].kind == TG_INDEX_TENSOR)
            return true;
    return false;
}

/* ---- Geometry of x at positions ---- */

typedef struct {
    tg__geometry g;
    int front; /* dims of the result before those of the positions */
    int ndim;  /* of the result */
    int64_t shape[TG_MAX_DIMS];
    int rest[TG_MAX_DIMS]; /* the dims of g that stay, in order */
    int n_rest;
} pattern;

/* The result's shape; false with an error, also if `at` is no list of positions in x. */
static bool match(const char *op, const tg_tensor *x, const tg__items *items, const tg_tensor *at,
                  pattern *m) {
    if (!tg__resolve(op, x, items, &m->g))
        return false;
    int64_t size = 1;
    int first = -1;
    int last = -1;
    int picked = 0;
    m->n_rest = 0;
    for (int i = 0; i < m->g.ndim; i++) {
        if (!(m->g.picked >> i & 1)) {
            m->rest[m->n_rest++] = i;
            continue;
        }
        first = first < 0 ? i : first;
        last = i;
        picked++;
        if (__builtin_mul_overflow(size, m->g.shape[i], &size))
            size = INT64_MAX; /* some other dim has size 0 */
    }
    m->front = last - first + 1 == picked && picked > 0 ? first : 0;
    m->ndim = m->n_rest + at->ndim;
    if (picked == 0 || at->dtype != TG_I64 || m->ndim > TG_MAX_DIMS) {
        tg__fail(at->dtype != TG_I64 ? TG_ERR_DTYPE : TG_ERR_SHAPE, op,
                 "positions %s (i64) in %d dims of x %s give %d dims; give at most %d",
                 tg__describe(at), picked, tg__describe(x), m->ndim, TG_MAX_DIMS);
        return false;
    }
    for (int i = 0; i < m->ndim; i++)
        m->shape[i] = i < m->front              ? m->g.shape[m->rest[i]]
                      : i < m->front + at->ndim ? at->shape[i - m->front]
                                                : m->g.shape[m->rest[i - at->ndim]];
    int64_t bad = 0;
    int64_t where = tg__index_check(TG_I64, at->data, sizeof(int64_t), at->numel, size, &bad);
    if (where < 0)
        return true;
    tg__fail(TG_ERR_INDEX, op,
             "position %lld is out of range for the indexed elements of %s; give 0 to %lld",
             (long long)bad, tg__describe(x), (long long)size - 1);
    return false;
}

/* The offset in x, in bytes, of each position. */
static void offsets_in(const pattern *m, const tg_tensor *x, const tg_tensor *at, int64_t *out) {
    const int64_t *position = (const int64_t *)(const void *)at->data;
    int64_t item = (int64_t)tg__item_size(x->dtype);
    for (int64_t i = 0; i < at->numel; i++) {
        int64_t rest = position[i];
        out[i] = m->g.offset * item;
        for (int d = m->g.ndim - 1; d >= 0; d--) {
            if (!(m->g.picked >> d & 1))
                continue;
            out[i] += rest % m->g.shape[d] * m->g.stride[d] * item;
            rest /= m->g.shape[d];
        }
    }
}

/* The offset in v, whose strides over the result are given in bytes, of each position. */
static void offsets_over(const tg_tensor *at, const int64_t *stride, int64_t *out) {
    for (int64_t i = 0; i < at->numel; i++) {
        int64_t rest = i;
        out[i] = 0;
        for (int d = at->ndim - 1; d >= 0; d--) {
            out[i] += rest % at->shape[d] * stride[d];
            rest /= at->shape[d];
        }
    }
}

typedef enum { READ, WRITE, ADD } act;

/* Moves between x at the positions and v, broadcast to the result's shape. at is contiguous. */
static bool move(const char *op, const pattern *m, const tg_tensor *x, const tg_tensor *at,
                 const tg_tensor *v, act what) {
    tg__places p = {.item = tg__item_size(x->dtype), .ndim = m->n_rest, .n = at->numel};
    p.x = x->data;
    p.v = v->data;
    int64_t stride[TG_MAX_DIMS];
    tg__broadcast_strides(v, m->ndim, stride);
    bool empty = at->numel == 0;
    for (int i = 0; i < m->ndim; i++)
        stride[i] *= (int64_t)p.item;
    for (int i = 0; i < m->n_rest; i++) {
        p.shape[i] = m->g.shape[m->rest[i]];
        p.x_stride[i] = m->g.stride[m->rest[i]] * (int64_t)p.item;
        p.v_stride[i] = stride[i < m->front ? i : i + at->ndim];
        empty |= p.shape[i] == 0;
    }
    if (empty)
        return true;
    size_t bytes = (size_t)at->numel * 2 * sizeof(int64_t);
    int64_t *offsets = tg__alloc(bytes);
    if (offsets == NULL) {
        tg__fail_memory(op, bytes);
        return false;
    }
    offsets_in(m, x, at, offsets);
    offsets_over(at, stride + m->front, offsets + at->numel);
    p.x_at = offsets;
    p.v_at = offsets + at->numel;
    if (what == READ)
        tg__places_read(&p);
    else if (what == WRITE)
        tg__places_write(&p);
    else
        tg__places_add(&p, (tg_dtype)x->dtype);
    tg__free(offsets, bytes);
    return true;
}

/* ---- index_at: x at positions, a copy ---- */
static bool index_at_forward(const tg__call *c) {
    const items_attr *a = c->attr;
    const tg_tensor *x = c->in[0];
    tg_tensor *at = tg__packed("index_at", c->in[1]);
    pattern m;
    bool good = at != NULL && match("index_at", x, &a->items, at, &m);
    if (good) {
        c->out[0] = tg__new("index_at", (tg_dtype)x->dtype, m.ndim, m.shape);
        good = c->out[0] != NULL && move("index_at", &m, x, at, c->out[0], READ);
    }
    tg__unref(at);
    return good;
}
static void index_at_rule(tg__rule *r) {
    const tg__meta *m = r->meta[0];
    tg_tensor *zeros = tg_zeros((tg_dtype)m->dtype, m->ndim, m->shape);
    r->gin[0] = tg__apply3(&tg__op_index_at_add, zeros, r->g[0], r->in[1], r->attr);
}
TG_OP(index_at, .maths = "x[items] at positions", .inputs = "x at", .n_in = 2, .no_grad = 2,
      .flags = TG__INTERNAL | TG__ANY_DTYPE, .fields = items_fields,
      .attr_size = sizeof(items_attr), .forward = index_at_forward, .rule = index_at_rule,
      .saves = {TG__SAVE_IN(1, 1), TG__SAVE_META(0, 1)}, .onnx = {"GatherND", 13});
TG_SAMPLES(index_at, "[3,4] i[2]<3 | items=t", "[2,3,4] i[2,2]<12 | items=:,t,t",
           "[2,3,4] i[3]<8 | items=t,::2,t");

/* ---- index_at_put, index_at_add: x with value at positions ---- */
static bool put(const tg__call *c, act what) {
    const items_attr *a = c->attr;
    const char *op = c->op->name;
    tg_tensor *x = c->in[0];
    tg_tensor *at = tg__packed(op, c->in[2]);
    pattern m;
    bool good = at != NULL && match(op, x, &a->items, at, &m) &&
                tg__fits_part(op, x, c->in[1], m.ndim, m.shape);
    tg_tensor *value = good ? tg__as(op, c->in[1], (tg_dtype)x->dtype) : NULL;
    tg_tensor *y = value != NULL ? tg__copy_or_into(c) : NULL;
    /* (a copy has strides of its own) */
    good = y != NULL && (y == x || match(op, y, &a->items, at, &m)) &&
           move(op, &m, y, at, value, what);
    tg__unref(value);
    tg__unref(at);
    return good;
}
static bool index_at_put_forward(const tg__call *c) { return put(c, WRITE); }
static bool index_at_add_forward(const tg__call *c) { return put(c, ADD); }
static void index_at_put_rule(tg__rule *r) {
    if (r->wanted[0])
        r->gin[0] = tg__apply3(&tg__op_index_at_put, r->g[0],
                               tg_scalar((tg_dtype)r->g[0]->dtype, 0.0), r->in[2], r->attr);
    if (r->wanted[1])
        r->gin[1] = tg__apply2(&tg__op_index_at, r->g[0], r->in[2], r->attr);
}
static void index_at_add_rule(tg__rule *r) {
    r->gin[0] = r->g[0];
    if (r->wanted[1])
        r->gin[1] = tg__apply2(&tg__op_index_at, r->g[0], r->in[2], r->attr);
}
TG_OP(index_at_put, .maths = "x with x[items] = value at positions", .inputs = "x value at",
      .n_in = 3, .no_grad = 4,
      .flags = TG__IN_PLACE | TG__BROADCASTS | TG__INTERNAL | TG__ANY_DTYPE, .fields = items_fields,
      .attr_size = sizeof(items_attr), .forward = index_at_put_forward, .rule = index_at_put_rule,
      .saves = {TG__SAVE_IN(2, TG__ANY), TG__SAVE_META(1, 2)}, .onnx = {"ScatterND", 16});
TG_SAMPLES(index_at_put, "[3,4] [4] i[1]<3 | items=t", "[4,3] [1,3] i[1]<4 | items=t",
           "[2,3,4] [2] i[1]<8 | items=t,::2,t", "[3,4] [] i[]<12 | items=t,t");
TG_OP(index_at_add, .maths = "x with x[items] += value at positions", .inputs = "x value at",
      .n_in = 3, .no_grad = 4, .flags = TG__IN_PLACE | TG__BROADCASTS | TG__INTERNAL,
      .fields = items_fields, .attr_size = sizeof(items_attr), .forward = index_at_add_forward,
      .rule = index_at_add_rule, .saves = {TG__SAVE_IN(2, 2), TG__SAVE_META(1, 2)},
      .onnx = {"ScatterND", 16});
TG_SAMPLES(index_at_add, "[3,4] [5,4] i[5]<3 | items=t", "[2,3,4] [2] i[3]<8 | items=t,::2,t",
           "[3] [2,2] i[2,2]<3 | items=t");

/* ---- index: x[items] ---- */
static bool index_forward(const tg__call *c) {
    const items_attr *a = c->attr;
    if (c->n_in == 0) {
        tg__fail(TG_ERR_ARG, "index", "no tensors; pass x and the tensors of the list");
        return false;
    }
    if (!has_tensors(&a->items)) {
        c->out[0] = tg__apply1(&tg__op_index_part, c->in[0], a);
        return c->out[0] != NULL;
    }
    positions p;
    tg_tensor *at = to_positions(&p, "index", c->in[0], &a->items, c->in + 1, c->n_in - 1);
    items_attr plain = {p.plain};
    c->out[0] = tg__apply2(&tg__op_index_at, c->in[0], at, &plain);
    return c->out[0] != NULL;
}
TG_OP(index, .maths = "x[items]", .inputs = "x indices", .n_in = -1,
      .flags = TG__COMPOSED | TG__VIEWS | TG__ANY_DTYPE, .fields = items_fields,
      .attr_size = sizeof(items_attr), .forward = index_forward, .onnx = {"composed"});
TG_SAMPLES(index, "[3,4] | items=1", "[3,5] | items=:,1:4:2", "[4] | items=none,::3",
           "[3,4] i[2]<3 | items=t", "[2,3,4] i[3]<2 i[2,1]<4 | items=t,:,t",
           "[2,3,4] i[3]<3 i[3]<4 | items=none,1,t,t", "[3,4] b[3,4] | items=t",
           "[3,4,2] b[4] i[]<2 | items=...,t,t", "[4] b[] | items=t",
           "[2,3] i[3]<2 i[3]<3 | items=t,t");

/* Copies the list, and puts its tensors behind the first `lead` inputs. The number of inputs, or
 * -1. */
static int gather_inputs(const char *op, int lead, int n, const tg_index_item *items,
                         tg__items *list, tg_tensor **in) {
    if (!tg__items_from(op, n, items, list))
        return -1;
    for (int i = 0; i < n; i++)
        if (items[i].kind == TG_INDEX_TENSOR)
            in[lead++] = items[i].tensor;
    return lead;
}

tg_tensor *tg_index(tg_tensor *x, int n_items, const tg_index_item *items) {
    items_attr a;
    tg_tensor *in[TG__MAX_ITEMS + 2] = {x};
    int n = gather_inputs("index", 1, n_items, items, &a.items, in);
    if (n < 0)
        return NULL;
    tg_tensor *out = NULL;
    if (n > 1)
        return tg__apply(&tg__op_index, in, n, &a, &out) ? out : NULL;
    const char *was = tg__errors_as("index"); /* a view is cheap to make */
    out = tg__apply1(&tg__op_index_part, x, &a);
    tg__errors_back(was);
    return out;
}

/* ---- index_put: x with x[items] = value ---- */

/* What to call for a put: an op and its inputs (at most 3). The tensors are checked: in is x,
 * value, then those of the list. */
typedef struct {
    const tg__op *op;
    tg_tensor *in[3];
    int n;
    items_attr attr;
} put_call;

static bool plan_put(const put_attr *a, tg_tensor *const *in, int n_in, put_call *call) {
    memset(call, 0, sizeof *call);
    call->in[0] = in[0];
    call->in[1] = in[1];
    call->n = 2;
    call->op = &tg__op_index_part_put;
    call->attr.items = a->items;
    if (has_tensors(&a->items)) {
        positions p;
        call->in[2] = to_positions(&p, "index_put", in[0], &a->items, in + 2, n_in - 2);
        call->n = 3;
        call->op = a->accumulate ? &tg__op_index_at_add : &tg__op_index_at_put;
        call->attr.items = p.plain;
    } else if (a->accumulate) { /* no position can repeat */
        tg_tensor *part = tg__apply1(&tg__op_index_part, in[0], &call->attr);
        if (part == NULL || !tg__fits_part("index_put", in[0], in[1], part->ndim, part->shape))
            return false;
        call->in[1] = tg_add(part, tg_cast(in[1], (tg_dtype)in[0]->dtype));
    }
    return call->in[call->n - 1] != NULL;
}

static bool index_put_forward(const tg__call *c) {
    put_call call;
    if (c->n_in < 2) {
        tg__fail(TG_ERR_ARG, "index_put", "%d tensors; pass x, value and the tensors of the list",
                 c->n_in);
        return false;
    }
    if (!plan_put(c->attr, c->in, c->n_in, &call))
        return false;
    return tg__apply(call.op, call.in, call.n, &call.attr, c->out);
}
TG_OP(index_put, .maths = "x with x[items] = value", .inputs = "x value indices", .n_in = -1,
      .flags = TG__IN_PLACE | TG__COMPOSED | TG__ANY_DTYPE, .fields = put_fields,
      .attr_size = sizeof(put_attr), .forward = index_put_forward, .onnx = {"ScatterND", 16});
TG_SAMPLES(index_put, "[3,4] [4] | items=1", "[3,5] [3,2] | items=:,1:4:2", "[2,3] [] | items=0,1",
           "[3,5] [2] | items=:,1:4:2 accumulate=1", "[4,3] [3,3] i[3]<4 | items=t accumulate=1",
           "[2,3,4] [2,3,3] i[3]<2 i[2,1]<4 | items=t,:,t accumulate=1",
           "[3,4] [] b[3,4] | items=t", "[3,4] [4] i[]<3 | items=t");

static tg_tensor *put_beside(tg_tensor *x, int n_items, const tg_index_item *items,
                             tg_tensor *value, bool accumulate) {
    put_attr a = {.accumulate = accumulate};
    tg_tensor *in[TG__MAX_ITEMS + 2] = {x, value};
    int n = gather_inputs("index_put", 2, n_items, items, &a.items, in);
    tg_tensor *out;
    return n >= 0 && tg__apply(&tg__op_index_put, in, n, &a, &out) ? out : NULL;
}
tg_tensor *tg_index_put(tg_tensor *x, int n_items, const tg_index_item *items, tg_tensor *value) {
    return put_beside(x, n_items, items, value, false);
}
tg_tensor *tg_index_put_accumulate(tg_tensor *x, int n_items, const tg_index_item *items,
                                   tg_tensor *value) {
    return put_beside(x, n_items, items, value, true);
}

/* Writes into x itself, not into a copy beside it. */
static tg_tensor *put_into(tg_tensor *x, int n_items, const tg_index_item *items, tg_tensor *value,
                           bool accumulate) {
    put_attr a = {.accumulate = accumulate};
    tg_tensor *in[TG__MAX_ITEMS + 2] = {x, value};
    int n = gather_inputs("index_put", 2, n_items, items, &a.items, in);
    for (int i = 0; i < n; i++)
        if (!tg__required("index_put", i < 2 ? tg__input_name(&tg__op_index_put, i) : "indices",
                          in[i]))
            return NULL;
    if (n < 0)
        return NULL;
    tg_scope s = tg_scope_open();
    const char *was = tg__errors_as("index_put");
    put_call call;
    bool good =
        plan_put(&a, in, n, &call) && tg__apply_(call.op, call.in, call.n, &call.attr) != NULL;
    tg__errors_back(was);
    return tg_scope_close(s) == TG_OK && good ? x : NULL;
}
tg_tensor *tg_index_put_(tg_tensor *x, int n_items, const tg_index_item *items, tg_tensor *value) {
    return put_into(x, n_items, items, value, false);
}
tg_tensor *tg_index_put_accumulate_(tg_tensor *x, int n_items, const tg_index_item *items,
                                    tg_tensor *value) {
    return put_into(x, n_items, items, value, true);
}
