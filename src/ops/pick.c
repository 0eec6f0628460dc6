/* pick.c - the named forms of index lists with tensors: index_copy, index_fill, take, put,
 * take_along_dim, select_scatter, slice_scatter. */
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/view.h"

/* A list with one item behind full slices; its length. */
static int list_at(int dim, tg_index_item item, tg_index_item *list) {
    for (int i = 0; i < dim; i++)
        list[i] = (tg_index_item)TG_EVERYTHING;
    list[dim] = item;
    return dim + 1;
}

/* The dim of a call whose first attribute it is; -1 with an error, also for 0-d tensors. */
static int dim_of(const tg__call *c) {
    const tg__along *a = c->attr;
    int dim = tg__dim(c->op->name, c->in[0], a->dim);
    if (dim < 0 || c->in[0]->ndim > 0)
        return dim;
    tg__fail(TG_ERR_SHAPE, c->op->name, "x is 0-d and has no dims to take a part of; reshape it");
    return -1;
}

/* x[..., index, ...] = value for a 0-d or 1-d index. */
static bool put_rows(const tg__call *c, tg_tensor *value) {
    tg_tensor *index = c->in[1];
    int dim = dim_of(c);
    if (dim < 0)
        return false;
    if (index->ndim > 1 || index->dtype == TG_BOOL) {
        tg__fail(index->ndim > 1 ? TG_ERR_SHAPE : TG_ERR_DTYPE, c->op->name,
                 "index is %s; give one dim of i64 or i32", tg__describe(index));
        return false;
    }
    tg_index_item list[TG_MAX_DIMS];
    int64_t count = index->numel;
    int n = list_at(dim, (tg_index_item)TG_PICK(tg_reshape(index, 1, &count)), list);
    c->out[0] = tg_index_put(c->in[0], n, list, value);
    return c->out[0] != NULL;
}

/* ---- index_copy: x with src in its rows ---- */
static bool index_copy_forward(const tg__call *c) {
    const tg_tensor *x = c->in[0];
    const tg_tensor *src = c->in[2];
    int dim = dim_of(c);
    if (dim < 0)
        return false;
    bool fits = src->ndim == x->ndim;
    for (int i = 0; fits && i < x->ndim; i++)
        fits = src->shape[i] == (i == dim ? c->in[1]->numel : x->shape[i]);
    if (!fits) {
        tg__fail(TG_ERR_SHAPE, "index_copy",
                 "src is %s for x %s and index %s; it has x's sizes, but for dim %d, where it has "
                 "one for each index",
                 tg__describe(src), tg__describe(x), tg__describe(c->in[1]), dim);
        return false;
    }
    return put_rows(c, c->in[2]);
}
TG_OP(index_copy, .maths = "x; x[index] = src along dim", .inputs = "x index src", .n_in = 3,
      .no_grad = 2, .flags = TG__IN_PLACE | TG__COMPOSED | TG__ANY_DTYPE,
      .fields = tg__along_fields, .attr_size = sizeof(tg__along), .forward = index_copy_forward,
      .onnx = {"composed"});
TG_SAMPLES(index_copy, "[4,3] i[1]<4 [1,3] | dim=0", "[2,3] i[1]<3 [2,1] | dim=-1");
tg_tensor *tg_index_copy(tg_tensor *x, int dim, tg_tensor *index, tg_tensor *src) {
    return tg__apply3(&tg__op_index_copy, x, index, src, &(tg__along){dim});
}
tg_tensor *tg_index_copy_(tg_tensor *x, int dim, tg_tensor *index, tg_tensor *src) {
    tg_tensor *in[3] = {x, index, src};
    return tg__apply_(&tg__op_index_copy, in, 3, &(tg__along){dim});
}

/* ---- index_fill: x with value in its rows ---- */
typedef struct {
    int64_t dim;
    double value;
} index_fill_attr;
static const tg__field index_fill_fields[] = {
    {"dim", TG_ATTR_INT, offsetof(index_fill_attr, dim), true, 0, 0},
    {"value", TG_ATTR_FLOAT, offsetof(index_fill_attr, value), true, TG__NAN_OK, 0},
    {0}};
static bool index_fill_forward(const tg__call *c) {
    const index_fill_attr *a = c->attr;
    return put_rows(c, tg_scalar((tg_dtype)c->in[0]->dtype, a->value));
}
TG_OP(index_fill, .maths = "x; x[index] = value along dim", .inputs = "x index", .n_in = 2,
      .no_grad = 2, .flags = TG__IN_PLACE | TG__COMPOSED | TG__ANY_DTYPE,
      .fields = index_fill_fields, .attr_size = sizeof(index_fill_attr),
      .forward = index_fill_forward, .onnx = {"composed"});
TG_SAMPLES(index_fill, "[4,3] i[2]<4 | dim=0 value=1.5", "[2,3] i[]<3 | dim=-1 value=-1");
tg_tensor *tg_index_fill(tg_tensor *x, int dim, tg_tensor *index, double value) {
    return tg__apply2(&tg__op_index_fill, x, index, &(index_fill_attr){dim, value});
}
tg_tensor *tg_index_fill_(tg_tensor *x, int dim, tg_tensor *index, double value) {
    return tg__apply2_(&tg__op_index_fill, x, index, &(index_fill_attr){dim, value});
}

/* ---- take, put: x as if it were flat ---- */
static tg_tensor *flat(tg_tensor *x) { return tg_reshape(x, 1, &x->numel); }

static bool take_forward(const tg__call *c) {
    if (!tg__index_dtype("take", c->in[1]))
        return false;
    c->out[0] = tg_index(flat(c->in[0]), 1, &(tg_index_item)TG_PICK(c->in[1]));
    return c->out[0] != NULL;
}
TG_OP(take, .maths = "y[i] = flat x[index[i]]", .inputs = "x index", .n_in = 2, .no_grad = 2,
      .flags = TG__COMPOSED | TG__ANY_DTYPE, .forward = take_forward, .onnx = {"composed"});
TG_SAMPLES(take, "[2,3] i[4]<6", "[2,3] i[2,2]<6", "[3] i[]<3");
tg_tensor *tg_take(tg_tensor *x, tg_tensor *index) {
    return tg__apply2(&tg__op_take, x, index, NULL);
}

typedef struct {
    bool accumulate;
} put_attr;
static const tg__field put_fields[] = {
    {"accumulate", TG_ATTR_BOOL, offsetof(put_attr, accumulate), false, 0, 0}, {0}};
static bool put_forward(const tg__call *c) {
    const put_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    tg_tensor *src = c->in[2];
    if (!tg__index_dtype("put", c->in[1]))
        return false;
    if (src->numel != c->in[1]->numel) {
        tg__fail(TG_ERR_SHAPE, "put", "index %s and src %s; they must have as many elements",
                 tg__describe(c->in[1]), tg__describe(src));
        return false;
    }
    tg_index_item list = TG_PICK(flat(c->in[1]));
    tg_tensor *y = a->accumulate ? tg_index_put_accumulate(flat(x), 1, &list, flat(src))
                                 : tg_index_put(flat(x), 1, &list, flat(src));
    c->out[0] = tg_reshape(y, x->ndim, x->shape);
    return c->out[0] != NULL;
}
TG_OP(put, .maths = "x; flat x[index[i]] = src[i]", .inputs = "x index src", .n_in = 3,
      .no_grad = 2, .flags = TG__IN_PLACE | TG__COMPOSED | TG__ANY_DTYPE, .fields = put_fields,
      .attr_size = sizeof(put_attr), .forward = put_forward, .onnx = {"composed"});
TG_SAMPLES(put, "[2,3] i[1]<6 [1]", "[2,3] i[2,2]<6 [4] | accumulate=1");
tg_tensor *tg_put(tg_tensor *x, tg_tensor *index, tg_tensor *src, bool accumulate) {
    return tg__apply3(&tg__op_put, x, index, src, &(put_attr){accumulate});
}
tg_tensor *tg_put_(tg_tensor *x, tg_tensor *index, tg_tensor *src, bool accumulate) {
    tg_tensor *in[3] = {x, index, src};
    return tg__apply_(&tg__op_put, in, 3, &(put_attr){accumulate});
}

/* ---- take_along_dim: gather, broadcast in all other dims; without dim, of the flat x ---- */
typedef struct {
    tg__dims dims;
} dims_attr;
static const tg__field take_along_fields[] = {
    {"dim", TG_ATTR_DIMS, offsetof(dims_attr, dims), false, 0, 0}, {0}};
/* Negative indices counted from the start. */
static tg_tensor *from_start(tg_tensor *index, int64_t size) {
    return tg_where(tg_lt(index, tg_scalar_i64(0)), tg_add(index, tg_scalar_i64(size)), index);
}
static bool take_along_dim_forward(const tg__call *c) {
    const dims_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    tg_tensor *index = c->in[1];
    if (!tg__index_dtype("take_along_dim", index))
        return false;
    if (a->dims.n == 0) {
        c->out[0] = tg_gather(flat(x), 0, from_start(flat(index), x->numel));
        return c->out[0] != NULL;
    }
    int dim = a->dims.n == 1 ? tg__dim("take_along_dim", x, a->dims.dim[0]) : -1;
    if (a->dims.n > 1)
        tg__fail(TG_ERR_INDEX, "take_along_dim", "%d dims for %s; give one, or none for flat x",
                 a->dims.n, tg__describe(x));
    if (dim < 0)
        return false;
    int64_t shapes[2][TG_MAX_DIMS]; /* of x and index */
    bool fits = index->ndim == x->ndim;
    for (int i = 0; fits && i < x->ndim; i++) {
        int64_t n = x->shape[i];
        int64_t m = index->shape[i];
        fits = i == dim || n == m || n == 1 || m == 1;
        shapes[0][i] = i == dim || n != 1 ? n : m;
        shapes[1][i] = i == dim || m != 1 ? m : n;
    }
    if (!fits) {
        tg__fail(TG_ERR_SHAPE, "take_along_dim",
                 "index %s does not broadcast with x %s in all dims but %d; give sizes that are "
                 "equal or 1",
                 tg__describe(index), tg__describe(x), dim);
        return false;
    }
    index = from_start(index, x->ndim > 0 ? x->shape[dim] : 1);
    c->out[0] =
        tg_gather(tg_expand(x, x->ndim, shapes[0]), dim, tg_expand(index, x->ndim, shapes[1]));
    return c->out[0] != NULL;
}
TG_OP(take_along_dim, .maths = "y[i,j] = x[index[i,j], j] for dim 0", .inputs = "x index",
      .n_in = 2, .no_grad = 2, .flags = TG__COMPOSED | TG__ANY_DTYPE, .fields = take_along_fields,
      .attr_size = sizeof(dims_attr), .forward = take_along_dim_forward, .onnx = {"composed"});
TG_SAMPLES(take_along_dim, "[3,4] i[2,4]<3 | dim=0", "[3,1] i[2,5]<3 | dim=0",
           "[2,3] i[1,4]<3 | dim=-1", "[2,3] i[4]<6");
tg_tensor *tg_take_along_dim(tg_tensor *x, tg_tensor *index, int ndims, const int *dim) {
    dims_attr a;
    return tg__dims_from("take_along_dim", ndims, dim, &a.dims)
               ? tg__apply2(&tg__op_take_along_dim, x, index, &a)
               : NULL;
}

/* ---- select_scatter, slice_scatter: x with src in place of a part ---- */

/* x with src at `item` of dim; src must have the part's shape. */
static bool put_part(const tg__call *c, int dim, tg_index_item item) {
    tg_index_item list[TG_MAX_DIMS];
    int n = list_at(dim, item, list);
    const tg_tensor *part = tg_index(c->in[0], n, list);
    if (part == NULL)
        return false;
    if (!tg__same_shape(part, c->in[1])) {
        tg__fail(TG_ERR_SHAPE, c->op->name,
                 "src %s has another shape than %s, the part of x %s; reshape it",
                 tg__describe(c->in[1]), tg__describe_shape(part->ndim, part->shape),
                 tg__describe(c->in[0]));
        return false;
    }
    c->out[0] = tg_index_put(c->in[0], n, list, c->in[1]);
    return c->out[0] != NULL;
}

typedef struct {
    int64_t dim, index;
} select_attr;
static const tg__field select_fields[] = {
    {"dim", TG_ATTR_INT, offsetof(select_attr, dim), true, 0, 0},
    {"index", TG_ATTR_INT, offsetof(select_attr, index), true, 0, 0},
    {0}};
static bool select_scatter_forward(const tg__call *c) {
    const select_attr *a = c->attr;
    int dim = dim_of(c);
    return dim >= 0 && put_part(c, dim, (tg_index_item)TG_AT(a->index));
}
TG_OP(select_scatter, .maths = "x with x[..., index, ...] = src", .inputs = "x src", .n_in = 2,
      .flags = TG__COMPOSED | TG__ANY_DTYPE, .fields = select_fields,
      .attr_size = sizeof(select_attr), .forward = select_scatter_forward, .onnx = {"composed"});
TG_SAMPLES(select_scatter, "[2,3] [2] | dim=1 index=-1", "[2,3] [3] | dim=0 index=1");
tg_tensor *tg_select_scatter(tg_tensor *x, tg_tensor *src, int dim, int64_t index) {
    return tg__apply2(&tg__op_select_scatter, x, src, &(select_attr){dim, index});
}

typedef struct {
    int64_t dim, start, end, step;
} slice_attr;
static const tg__field slice_fields[] = {
    {"dim", TG_ATTR_INT, offsetof(slice_attr, dim), false, 0, 0},
    {"start", TG_ATTR_INT, offsetof(slice_attr, start), false, 0, 0},
    {"end", TG_ATTR_INT, offsetof(slice_attr, end), false, TG_SLICE_END, 0},
    {"step", TG_ATTR_INT, offsetof(slice_attr, step), false, 1, 0},
    {0}};
static bool slice_scatter_forward(const tg__call *c) {
    const slice_attr *a = c->attr;
    int dim = dim_of(c);
    return dim >= 0 && put_part(c, dim, (tg_index_item)TG_RANGE(a->start, a->end, a->step));
}
TG_OP(slice_scatter, .maths = "x with x[..., start:end:step, ...] = src", .inputs = "x src",
      .n_in = 2, .flags = TG__COMPOSED | TG__ANY_DTYPE, .fields = slice_fields,
      .attr_size = sizeof(slice_attr), .forward = slice_scatter_forward, .onnx = {"composed"});
TG_SAMPLES(slice_scatter, "[5,2] [2,2] | start=1 step=2 end=4", "[2,4] [2,3] | dim=-1 start=-3");
tg_tensor *tg_slice_scatter(tg_tensor *x, tg_tensor *src, int dim, int64_t start, int64_t end,
                            int64_t step) {
    return tg__apply2(&tg__op_slice_scatter, x, src, &(slice_attr){dim, start, end, step});
}
