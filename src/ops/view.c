/* view.c - other shapes for the same memory.
 *
 * A view is a header with new sizes and strides. Its gradient is the inverse view of g, or for
 * slices a zero tensor with g put into the slice (index_put). */
#include "ops/view.h"

#include "ops/elementwise.h"

#include <string.h>

/* ---- One dim as an attribute ---- */
const tg__field tg__along_fields[] = {{"dim", TG_ATTR_INT, offsetof(tg__along, dim), true, 0, 0},
                                      {0}};

/* ---- Lists from the caller ---- */

bool tg__sizes_from(const char *op, int n, const int64_t *shape, tg__sizes *out) {
    if (n < 0 || n > TG_MAX_DIMS) {
        tg__fail(TG_ERR_SHAPE, op, "%d dims; give 0 to %d", n, TG_MAX_DIMS);
        return false;
    }
    if (n > 0 && shape == NULL) {
        tg__fail(TG_ERR_ARG, op, "shape is NULL with %d dims; pass the sizes", n);
        return false;
    }
    memset(out, 0, sizeof *out);
    out->n = n;
    for (int i = 0; i < n; i++)
        out->size[i] = shape[i];
    return true;
}

bool tg__dims_from(const char *op, int n, const int *dims, tg__dims *out) {
    if (n < 0 || n > TG_MAX_DIMS || (n > 0 && dims == NULL)) {
        tg__fail(TG_ERR_ARG, op, "%d dims at %s; give up to %d, or TG_ALL", n,
                 dims == NULL ? "NULL" : "the list", TG_MAX_DIMS);
        return false;
    }
    memset(out, 0, sizeof *out);
    out->n = (int8_t)n;
    for (int i = 0; i < n && i < TG_MAX_DIMS; i++) /* far beyond the range: keep it wrong */
        out->dim[i] = (int8_t)(dims[i] < -100 ? -100 : dims[i] > 100 ? 100 : dims[i]);
    return true;
}

bool tg__integers_from(const char *op, const char *what, int n, const int64_t *values,
                       tg__ints *out) {
    if (n < 0 || n > TG__MAX_INTS || (n > 0 && values == NULL)) {
        tg__fail(TG_ERR_ARG, op, "%d %s at %s; give 0 to %d", n, what,
                 values == NULL ? "NULL" : "the list", TG__MAX_INTS);
        return false;
    }
    memset(out, 0, sizeof *out);
    out->n = n;
    for (int i = 0; i < n && i < TG__MAX_INTS; i++)
        out->value[i] = values[i];
    return true;
}

bool tg__mask_of(const char *op, const tg_tensor *x, const tg__dims *dims, uint32_t *mask) {
    int list[TG_MAX_DIMS];
    for (int i = 0; i < dims->n; i++)
        list[i] = dims->dim[i];
    return tg__dim_mask(op, x, dims->n, list, mask);
}

/* ---- reshape, view ---- */

/* Replaces a -1 and checks the count. */
static bool resolve_shape(const char *op, const tg_tensor *x, const tg__sizes *want,
                          int64_t *shape) {
    int hole = -1;
    int64_t known = 1;
    for (int i = 0; i < want->n; i++) {
        shape[i] = want->size[i];
        if (shape[i] == -1 && hole < 0) {
            hole = i;
            continue;
        }
        if (shape[i] < 0 || __builtin_mul_overflow(known, shape[i], &known)) {
            tg__fail(TG_ERR_SHAPE, op,
                     "shape %s is not possible; sizes are 0 or more, one may be -1",
                     tg__describe_shape(want->n, want->size));
            return false;
        }
    }
    if (hole >= 0 && known == 0) {
        tg__fail(TG_ERR_SHAPE, op, "-1 in %s is ambiguous with 0 elements; give the size",
                 tg__describe_shape(want->n, want->size));
        return false;
    }
    if (hole >= 0) {
        shape[hole] = x->numel / known;
        known *= shape[hole];
    }
    if (known != x->numel) {
        tg__fail(TG_ERR_SHAPE, op,
                 "%s has %lld elements and does not fit shape %s; give sizes with that product",
                 tg__describe(x), (long long)x->numel, tg__describe_shape(want->n, want->size));
        return false;
    }
    /* without elements any sizes fit, and their strides may overflow */
    return x->numel > 0 || tg__shape_check(op, (tg_dtype)x->dtype, want->n, shape, NULL, NULL);
}

/* Strides for `shape` on x's memory; false if the layout does not allow it. Groups of old dims that
 * are contiguous among themselves are matched with groups of new dims of the same product. */
static bool view_strides(const tg_tensor *x, int ndim, const int64_t *shape, int64_t *stride) {
    if (x->numel == 0 || (x->flags & TG__CONTIGUOUS)) {
        tg__row_major(ndim, shape, stride);
        return true;
    }
    int at = ndim - 1;
    int64_t chunk = 1;
    int64_t base = x->stride[x->ndim - 1];
    int64_t filled = 1;
    for (int i = x->ndim - 1; i >= 0; i--) {
        chunk *= x->shape[i];
        bool ends = i == 0 || (x->shape[i - 1] != 1 && x->stride[i - 1] != chunk * base);
        if (!ends)
            continue;
        while (at >= 0 && (filled < chunk || shape[at] == 1)) {
            stride[at] = filled * base;
            filled *= shape[at--];
        }
        if (filled != chunk)
            return false;
        if (i > 0) {
            base = x->stride[i - 1];
            chunk = filled = 1;
        }
    }
    return at == -1;
}

typedef struct {
    tg__sizes shape;
} shape_attr;
static const tg__field shape_fields[] = {
    {"shape", TG_ATTR_SHAPE, offsetof(shape_attr, shape), true, 0, 0}, {0}};

static bool reshape_forward(const tg__call *c) {
    const shape_attr *a = c->attr;
    const char *op = c->op->name;
    tg_tensor *x = c->in[0];
    int64_t shape[TG_MAX_DIMS];
    int64_t stride[TG_MAX_DIMS];
    if (!resolve_shape(op, x, &a->shape, shape))
        return false;
    if (view_strides(x, a->shape.n, shape, stride)) {
        c->out[0] = tg__view(op, x, a->shape.n, shape, stride, 0);
        return c->out[0] != NULL;
    }
    if (c->op->number == TG__OP_view) {
        tg__fail(TG_ERR_SHAPE, op,
                 "the strides %s of %s do not allow shape %s without a copy; use tg_reshape or "
                 "tg_contiguous",
                 tg__describe_shape(x->ndim, x->stride), tg__describe(x),
                 tg__describe_shape(a->shape.n, shape));
        return false;
    }
    c->out[0] = tg__new(op, (tg_dtype)x->dtype, a->shape.n, shape);
    if (c->out[0] == NULL)
        return false;
    tg__pack(x, c->out[0]->data);
    return true;
}
/* g in the shape of input 0: the inverse of reshape, view, squeeze and unsqueeze. */
static void unshape_rule(tg__rule *r) {
    r->gin[0] = tg_reshape(r->g[0], r->meta[0]->ndim, r->meta[0]->shape);
}
TG_OP(reshape, .maths = "x in another shape", .inputs = "x", .n_in = 1,
      .flags = TG__ANY_DTYPE | TG__VIEWS, .fields = shape_fields, .attr_size = sizeof(shape_attr),
      .forward = reshape_forward, .rule = unshape_rule, .saves = {TG__SAVE_META(0, 1)},
      .onnx = {"Reshape", 14, "shape=shape"});
TG_SAMPLES(reshape, "[2,6] | shape=3,4", "[2,3] | shape=-1", "[] | shape=1,1");
tg_tensor *tg_reshape(tg_tensor *x, int ndim, const int64_t *shape) {
    shape_attr a;
    return tg__sizes_from("reshape", ndim, shape, &a.shape) ? tg__apply1(&tg__op_reshape, x, &a)
                                                            : NULL;
}

TG_OP(view, .maths = "x in another shape, never copied", .inputs = "x", .n_in = 1,
      .flags = TG__ANY_DTYPE | TG__VIEWS, .fields = shape_fields, .attr_size = sizeof(shape_attr),
      .forward = reshape_forward, .rule = unshape_rule, .saves = {TG__SAVE_META(0, 1)},
      .onnx = {"Reshape", 14, "shape=shape"});
TG_SAMPLES(view, "[2,6]@c | shape=3,4", "[2,3]@c | shape=-1");
tg_tensor *tg_view(tg_tensor *x, int ndim, const int64_t *shape) {
    shape_attr a;
    return tg__sizes_from("view", ndim, shape, &a.shape) ? tg__apply1(&tg__op_view, x, &a) : NULL;
}

/* ---- flatten: dims start..end become one ---- */
typedef struct {
    int64_t start, end;
} flatten_attr;
static const tg__field flatten_fields[] = {
    {"start_dim", TG_ATTR_INT, offsetof(flatten_attr, start), false, 0, 0},
    {"end_dim", TG_ATTR_INT, offsetof(flatten_attr, end), false, -1, 0},
    {0}};
static bool flatten_forward(const tg__call *c) {
    const flatten_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    int first = tg__dim("flatten", x, a->start);
    int last = first < 0 ? -1 : tg__dim("flatten", x, a->end);
    if (last < 0)
        return false;
    if (first > last) {
        tg__fail(TG_ERR_INDEX, "flatten",
                 "start_dim %lld comes after end_dim %lld for %s; give them in order",
                 (long long)a->start, (long long)a->end, tg__describe(x));
        return false;
    }
    int64_t shape[TG_MAX_DIMS];
    int n = 0;
    for (int i = 0; i < first; i++)
        shape[n++] = x->shape[i];
    shape[n] = 1;
    for (int i = first; i <= last && i < x->ndim; i++)
        shape[n] *= x->shape[i];
    n++;
    for (int i = last + 1; i < x->ndim; i++)
        shape[n++] = x->shape[i];
    c->out[0] = tg_reshape(x, n, shape);
    return c->out[0] != NULL;
}
TG_OP(flatten, .maths = "dims start_dim..end_dim as one", .inputs = "x", .n_in = 1,
      .flags = TG__ANY_DTYPE | TG__VIEWS | TG__COMPOSED, .fields = flatten_fields,
      .attr_size = sizeof(flatten_attr), .forward = flatten_forward, .onnx = {"composed"});
TG_SAMPLES(flatten, "[2,3,2]", "[2,3,2] | start_dim=1", "[2,3,2] | end_dim=1", "[]");
tg_tensor *tg_flatten(tg_tensor *x, int start_dim, int end_dim) {
    return tg__apply1(&tg__op_flatten, x, &(flatten_attr){start_dim, end_dim});
}

/* ---- unflatten: one dim becomes several ---- */
typedef struct {
    int64_t dim;
    tg__sizes sizes;
} unflatten_attr;
static const tg__field unflatten_fields[] = {
    {"dim", TG_ATTR_INT, offsetof(unflatten_attr, dim), true, 0, 0},
    {"sizes", TG_ATTR_SHAPE, offsetof(unflatten_attr, sizes), true, 0, 0},
    {0}};
static bool unflatten_forward(const tg__call *c) {
    const unflatten_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    int dim = tg__dim("unflatten", x, a->dim);
    if (dim < 0)
        return false;
    int n = a->sizes.n;
    if (x->ndim == 0 || n == 0 || x->ndim - 1 + n > TG_MAX_DIMS) {
        tg__fail(TG_ERR_SHAPE, "unflatten", "%d sizes for dim %d of %s; give 1 or more, of %d dims",
                 n, dim, tg__describe(x), TG_MAX_DIMS);
        return false;
    }
    /* the sizes alone, as those of a tensor like that dim, so that -1 means what is left of it */
    tg_tensor part = {.dtype = x->dtype, .ndim = 1, .numel = x->shape[dim]};
    part.shape[0] = x->shape[dim];
    int64_t shape[TG_MAX_DIMS];
    int64_t sizes[TG_MAX_DIMS];
    if (!resolve_shape("unflatten", &part, &a->sizes, sizes))
        return false;
    int at = 0;
    for (int i = 0; i < x->ndim; i++)
        for (int k = 0; k < (i == dim ? n : 1); k++)
            shape[at++] = i == dim ? sizes[k] : x->shape[i];
    c->out[0] = tg_reshape(x, at, shape);
    return c->out[0] != NULL;
}
TG_OP(unflatten, .maths = "dim in several dims", .inputs = "x", .n_in = 1,
      .flags = TG__VIEWS | TG__COMPOSED | TG__ANY_DTYPE, .fields = unflatten_fields,
      .attr_size = sizeof(unflatten_attr), .forward = unflatten_forward, .onnx = {"composed"});
TG_SAMPLES(unflatten, "[2,6] | dim=1 sizes=2,3", "[6] | dim=-1 sizes=3,-1",
           "[4,3] | dim=0 sizes=2,1,2");
tg_tensor *tg_unflatten(tg_tensor *x, int dim, int n, const int64_t *sizes) {
    unflatten_attr a = {.dim = dim};
    return tg__sizes_from("unflatten", n, sizes, &a.sizes) ? tg__apply1(&tg__op_unflatten, x, &a)
                                                           : NULL;
}

/* ---- permute ---- */
typedef struct {
    tg__dims dims;
} dims_attr;
static const tg__field permute_fields[] = {
    {"dims", TG_ATTR_DIMS, offsetof(dims_attr, dims), true, 0, 0}, {0}};
static bool permute_forward(const tg__call *c) {
    const dims_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    uint32_t mask = 0;
    if (a->dims.n != x->ndim) {
        tg__fail(TG_ERR_INDEX, "permute", "%d dims for %s; name each of its %d dims once",
                 a->dims.n, tg__describe(x), x->ndim);
        return false;
    }
    if (a->dims.n > 0 && !tg__mask_of("permute", x, &a->dims, &mask))
        return false;
    int64_t shape[TG_MAX_DIMS];
    int64_t stride[TG_MAX_DIMS];
    for (int i = 0; i < x->ndim; i++) {
        int d = a->dims.dim[i] < 0 ? a->dims.dim[i] + x->ndim : a->dims.dim[i];
        shape[i] = x->shape[d];
        stride[i] = x->stride[d];
    }
    c->out[0] = tg__view("permute", x, x->ndim, shape, stride, 0);
    return c->out[0] != NULL;
}
static void permute_rule(tg__rule *r) {
    const dims_attr *a = r->attr;
    int inverse[TG_MAX_DIMS];
    for (int i = 0; i < a->dims.n; i++)
        inverse[a->dims.dim[i] < 0 ? a->dims.dim[i] + a->dims.n : a->dims.dim[i]] = i;
    r->gin[0] = tg_permute(r->g[0], a->dims.n, inverse);
}
TG_OP(permute, .maths = "dims in another order", .inputs = "x", .n_in = 1,
      .flags = TG__ANY_DTYPE | TG__VIEWS, .fields = permute_fields, .attr_size = sizeof(dims_attr),
      .forward = permute_forward, .rule = permute_rule, .onnx = {"Transpose", 13, "perm=dims"});
TG_SAMPLES(permute, "[2,3,4] | dims=2,0,1", "[2,3] | dims=-1,0");
tg_tensor *tg_permute(tg_tensor *x, int ndims, const int *dims) {
    dims_attr a;
    return tg__dims_from("permute", ndims, dims, &a.dims) ? tg__apply1(&tg__op_permute, x, &a)
                                                          : NULL;
}

/* ---- transpose: two dims swapped ---- */
typedef struct {
    int64_t dim0, dim1;
} transpose_attr;
static const tg__field transpose_fields[] = {
    {"dim0", TG_ATTR_INT, offsetof(transpose_attr, dim0), true, 0, 0},
    {"dim1", TG_ATTR_INT, offsetof(transpose_attr, dim1), true, 0, 0},
    {0}};
static bool transpose_forward(const tg__call *c) {
    const transpose_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    int d0 = tg__dim("transpose", x, a->dim0);
    int d1 = d0 < 0 ? -1 : tg__dim("transpose", x, a->dim1);
    if (d1 < 0)
        return false;
    int64_t shape[TG_MAX_DIMS];
    int64_t stride[TG_MAX_DIMS];
    for (int i = 0; i < x->ndim; i++) {
        int from = i == d0 ? d1 : i == d1 ? d0 : i;
        shape[i] = x->shape[from];
        stride[i] = x->stride[from];
    }
    c->out[0] = tg__view("transpose", x, x->ndim, shape, stride, 0);
    return c->out[0] != NULL;
}
static void transpose_rule(tg__rule *r) {
    const transpose_attr *a = r->attr;
    r->gin[0] = tg_transpose(r->g[0], (int)a->dim0, (int)a->dim1);
}
TG_OP(transpose, .maths = "dims dim0 and dim1 swapped", .inputs = "x", .n_in = 1,
      .flags = TG__ANY_DTYPE | TG__VIEWS, .fields = transpose_fields,
      .attr_size = sizeof(transpose_attr), .forward = transpose_forward, .rule = transpose_rule,
      .onnx = {"Transpose", 13});
TG_SAMPLES(transpose, "[2,3] | dim0=0 dim1=1", "[2,3,4] | dim0=-1 dim1=0");
tg_tensor *tg_transpose(tg_tensor *x, int dim0, int dim1) {
    return tg__apply1(&tg__op_transpose, x, &(transpose_attr){dim0, dim1});
}

/* ---- t: a matrix turned; vectors stay ---- */
static bool t_forward(const tg__call *c) {
    tg_tensor *x = c->in[0];
    if (x->ndim > 2) {
        tg__fail(TG_ERR_SHAPE, "t", "x is %s; give at most 2 dims, or use tg_transpose",
                 tg__describe(x));
        return false;
    }
    int last = x->ndim > 0 ? x->ndim - 1 : 0;
    c->out[0] = tg_transpose(x, 0, last);
    return c->out[0] != NULL;
}
TG_OP(t, .maths = "x[j,i]", .inputs = "x", .n_in = 1,
      .flags = TG__VIEWS | TG__COMPOSED | TG__ANY_DTYPE, .forward = t_forward,
      .onnx = {"Transpose", 13});
TG_SAMPLES(t, "[2,3]", "[3]", "[]");
tg_tensor *tg_t(tg_tensor *x) { return tg__apply1(&tg__op_t, x, NULL); }
tg_tensor *tg_swapaxes(tg_tensor *x, int dim0, int dim1) { return tg_transpose(x, dim0, dim1); }
tg_tensor *tg_swapdims(tg_tensor *x, int dim0, int dim1) { return tg_transpose(x, dim0, dim1); }

/* ---- movedim: some dims elsewhere, the others in their order ---- */
typedef struct {
    tg__dims source, destination;
} movedim_attr;
static const tg__field movedim_fields[] = {
    {"source", TG_ATTR_DIMS, offsetof(movedim_attr, source), true, 0, 0},
    {"destination", TG_ATTR_DIMS, offsetof(movedim_attr, destination), true, 0, 0},
    {0}};
static bool movedim_forward(const tg__call *c) {
    const movedim_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    uint32_t from;
    uint32_t to;
    if (!tg__mask_of("movedim", x, &a->source, &from) ||
        !tg__mask_of("movedim", x, &a->destination, &to))
        return false;
    if (a->source.n != a->destination.n) {
        tg__fail(TG_ERR_INDEX, "movedim", "%d dims of %s to %d places; give as many", a->source.n,
                 tg__describe(x), a->destination.n);
        return false;
    }
    int order[TG_MAX_DIMS];
    for (int i = 0; i < a->source.n; i++)
        order[tg__dim("movedim", x, a->destination.dim[i])] =
            tg__dim("movedim", x, a->source.dim[i]);
    int next = 0; /* of the dims that stay */
    for (int i = 0; a->source.n > 0 && i < x->ndim; i++) {
        if (to >> i & 1)
            continue;
        while (from >> next & 1)
            next++;
        order[i] = next++;
    }
    c->out[0] = a->source.n > 0 && x->ndim > 0 ? tg_permute(x, x->ndim, order)
                                               : tg_reshape(x, x->ndim, x->shape);
    return c->out[0] != NULL;
}
TG_OP(movedim, .maths = "dims source at the places destination", .inputs = "x", .n_in = 1,
      .flags = TG__VIEWS | TG__COMPOSED | TG__ANY_DTYPE, .fields = movedim_fields,
      .attr_size = sizeof(movedim_attr), .forward = movedim_forward, .onnx = {"Transpose", 13});
TG_SAMPLES(movedim, "[2,3,4] | source=0 destination=-1", "[2,3,4] | source=0,1 destination=2,0",
           "[2,3] | source=-1 destination=0");
tg_tensor *tg_movedim(tg_tensor *x, int n_source, const int *source, int n_destination,
                      const int *destination) {
    movedim_attr a;
    return tg__dims_from("movedim", n_source, source, &a.source) &&
                   tg__dims_from("movedim", n_destination, destination, &a.destination)
               ? tg__apply1(&tg__op_movedim, x, &a)
               : NULL;
}
tg_tensor *tg_moveaxis(tg_tensor *x, int n_source, const int *source, int n_destination,
                       const int *destination) {
    return tg_movedim(x, n_source, source, n_destination, destination);
}

/* ---- expand: sizes of 1 repeated without copying ---- */
static bool expand_forward(const tg__call *c) {
    const shape_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    int n = a->shape.n;
    int lead = n - x->ndim;
    int64_t shape[TG_MAX_DIMS];
    int64_t stride[TG_MAX_DIMS];
    bool good = lead >= 0;
    for (int i = 0; good && i < n; i++) {
        int64_t old = i < lead ? 1 : x->shape[i - lead];
        int64_t want = a->shape.size[i] == -1 && i >= lead ? old : a->shape.size[i];
        good = want >= 0 && (want == old || old == 1);
        shape[i] = want;
        stride[i] = i < lead || want != old || old == 1 ? 0 : x->stride[i - lead];
    }
    if (!good) {
        tg__fail(TG_ERR_SHAPE, "expand",
                 "%s does not expand to %s; sizes of 1 may grow, others must stay", tg__describe(x),
                 tg__describe_shape(n, a->shape.size));
        return false;
    }
    if (!tg__shape_check("expand", (tg_dtype)x->dtype, n, shape, NULL, NULL))
        return false;
    c->out[0] = tg__view("expand", x, n, shape, stride, 0);
    return c->out[0] != NULL;
}
static void expand_rule(tg__rule *r) { r->gin[0] = r->g[0]; }
TG_OP(expand, .maths = "x repeated along dims of size 1", .inputs = "x", .n_in = 1,
      .flags = TG__ANY_DTYPE | TG__VIEWS | TG__BROADCASTS, .fields = shape_fields,
      .attr_size = sizeof(shape_attr), .forward = expand_forward, .rule = expand_rule,
      .onnx = {"Expand", 13, "shape=shape"});
TG_SAMPLES(expand, "[3,1] | shape=3,4", "[3,1] | shape=2,-1,4", "[] | shape=2,2");
tg_tensor *tg_expand(tg_tensor *x, int ndim, const int64_t *shape) {
    shape_attr a;
    return tg__sizes_from("expand", ndim, shape, &a.shape) ? tg__apply1(&tg__op_expand, x, &a)
                                                           : NULL;
}
tg_tensor *tg_broadcast_to(tg_tensor *x, int ndim, const int64_t *shape) {
    return tg_expand(x, ndim, shape);
}

/* ---- Like another tensor ---- */
tg_tensor *tg_expand_as(tg_tensor *x, tg_tensor *other) {
    return tg__required("expand_as", "other", other) ? tg_expand(x, other->ndim, other->shape)
                                                     : NULL;
}
tg_tensor *tg_reshape_as(tg_tensor *x, tg_tensor *other) {
    return tg__required("reshape_as", "other", other) ? tg_reshape(x, other->ndim, other->shape)
                                                      : NULL;
}
tg_tensor *tg_view_as(tg_tensor *x, tg_tensor *other) {
    return tg__required("view_as", "other", other) ? tg_view(x, other->ndim, other->shape) : NULL;
}
tg_tensor *tg_ravel(tg_tensor *x) { return tg_reshape(x, TG_SHAPE(-1)); }

/* ---- squeeze, unsqueeze ---- */
static const tg__field squeeze_fields[] = {
    {"dims", TG_ATTR_DIMS, offsetof(dims_attr, dims), false, 0, 0}, {0}};
static bool squeeze_forward(const tg__call *c) {
    const dims_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    uint32_t mask;
    if (!tg__mask_of("squeeze", x, &a->dims, &mask))
        return false;
    int64_t shape[TG_MAX_DIMS];
    int64_t stride[TG_MAX_DIMS];
    int n = 0;
    for (int i = 0; i < x->ndim; i++) {
        if ((mask >> i & 1) && x->shape[i] == 1)
            continue;
        shape[n] = x->shape[i];
        stride[n++] = x->stride[i];
    }
    c->out[0] = tg__view("squeeze", x, n, shape, stride, 0);
    return c->out[0] != NULL;
}
TG_OP(squeeze, .maths = "dims of size 1 dropped", .inputs = "x", .n_in = 1,
      .flags = TG__ANY_DTYPE | TG__VIEWS, .fields = squeeze_fields, .attr_size = sizeof(dims_attr),
      .forward = squeeze_forward, .rule = unshape_rule, .saves = {TG__SAVE_META(0, 1)},
      .onnx = {"Squeeze", 13, "axes=dims"});
TG_SAMPLES(squeeze, "[2,1,3,1]", "[2,1,3,1] | dims=1", "[2,1,3,1] | dims=-1,0");
tg_tensor *tg_squeeze(tg_tensor *x, int ndims, const int *dims) {
    dims_attr a;
    return tg__dims_from("squeeze", ndims, dims, &a.dims) ? tg__apply1(&tg__op_squeeze, x, &a)
                                                          : NULL;
}

static bool unsqueeze_forward(const tg__call *c) {
    const tg__along *a = c->attr;
    tg_tensor *x = c->in[0];
    int64_t d = a->dim < 0 ? a->dim + x->ndim + 1 : a->dim;
    if (d < 0 || d > x->ndim) {
        tg__fail(TG_ERR_INDEX, "unsqueeze", "dim %lld is out of range for %s; give %d to %d",
                 (long long)a->dim, tg__describe(x), -x->ndim - 1, x->ndim);
        return false;
    }
    if (x->ndim == TG_MAX_DIMS) {
        tg__fail(TG_ERR_SHAPE, "unsqueeze", "%s has the largest number of dims already; reshape it",
                 tg__describe(x));
        return false;
    }
    int64_t shape[TG_MAX_DIMS];
    int64_t stride[TG_MAX_DIMS];
    for (int i = 0; i <= x->ndim; i++) {
        int from = i > d ? i - 1 : i;
        shape[i] = i == d ? 1 : x->shape[from];
        stride[i] = i == d ? (i < x->ndim ? x->stride[i] * x->shape[i] : 1) : x->stride[from];
    }
    c->out[0] = tg__view("unsqueeze", x, x->ndim + 1, shape, stride, 0);
    return c->out[0] != NULL;
}
TG_OP(unsqueeze, .maths = "a dim of size 1 inserted", .inputs = "x", .n_in = 1,
      .flags = TG__ANY_DTYPE | TG__VIEWS, .fields = tg__along_fields,
      .attr_size = sizeof(tg__along), .forward = unsqueeze_forward, .rule = unshape_rule,
      .saves = {TG__SAVE_META(0, 1)}, .onnx = {"Unsqueeze", 13, "axes=dim"});
TG_SAMPLES(unsqueeze, "[2,3] | dim=0", "[2,3] | dim=-1", "[] | dim=0");
tg_tensor *tg_unsqueeze(tg_tensor *x, int dim) {
    return tg__apply1(&tg__op_unsqueeze, x, &(tg__along){dim});
}
