/* overlap.c - views whose elements may overlap: as_strided, unfold_dim.
 *
 * Their gradient adds up what lies on one element: strided_add, whose own gradient is as_strided
 * again. as_strided speaks of x as its elements in row-major order, so that a result and its
 * gradient do not depend on how x happens to lie in memory. */
#include "kernels/places.h"
#include "ops/elementwise.h"
#include "ops/view.h"

#include <string.h>

typedef struct {
    tg__sizes size;
    tg__ints stride;
    int64_t offset;
} strided_attr;
static const tg__field strided_fields[] = {
    {"size", TG_ATTR_SHAPE, offsetof(strided_attr, size), true, 0, 0},
    {"stride", TG_ATTR_INTS, offsetof(strided_attr, stride), true, 0, 0},
    {"offset", TG_ATTR_INT, offsetof(strided_attr, offset), false, 0, 0},
    {0}};

/* Whether all elements lie among the n of x; false with an error. */
static bool inside(const char *op, int ndim, const int64_t *size, const strided_attr *a,
                   int64_t n) {
    int64_t last = a->offset;
    bool good = a->stride.n == ndim && a->offset >= 0;
    bool empty = false;
    for (int i = 0; good && i < ndim; i++) {
        good = a->stride.value[i] >= 0 && size[i] >= 0;
        empty |= size[i] == 0;
    }
    for (int i = 0; good && !empty && i < ndim; i++) {
        int64_t more;
        good = !__builtin_mul_overflow(size[i] - 1, a->stride.value[i], &more) &&
               !__builtin_add_overflow(last, more, &last);
    }
    good = good && (empty || last < n);
    if (!good)
        tg__fail(TG_ERR_SHAPE, op,
                 "size %s, stride %s and offset %lld do not lie within %lld elements; give one "
                 "stride of 0 or more for each size",
                 tg__describe_shape(ndim, size),
                 tg__describe_shape(a->stride.n < TG_MAX_DIMS ? a->stride.n : TG_MAX_DIMS,
                                    a->stride.value),
                 (long long)a->offset, (long long)n);
    return good;
}

/* ---- as_strided: a view of x's elements, in row-major order, at the given strides ---- */
static bool as_strided_forward(const tg__call *c) {
    const strided_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    const tg__sizes *s = &a->size;
    if (!inside("as_strided", s->n, s->size, a, x->numel) ||
        !tg__shape_check("as_strided", (tg_dtype)x->dtype, s->n, s->size, NULL, NULL))
        return false;
    tg_tensor *base = tg__packed("as_strided", x);
    if (base == NULL)
        return false;
    bool empty = false;
    for (int i = 0; i < s->n; i++)
        empty |= s->size[i] == 0;
    c->out[0] = tg__view("as_strided", base, s->n, s->size, a->stride.value, empty ? 0 : a->offset);
    tg__unref(base);
    return c->out[0] != NULL;
}
static void as_strided_rule(tg__rule *r) {
    const strided_attr *a = r->attr;
    const tg__meta *m = r->meta[0];
    strided_attr back = {.stride = a->stride, .offset = a->offset};
    back.size.n = m->ndim;
    memcpy(back.size.size, m->shape, (size_t)m->ndim * sizeof *m->shape);
    r->gin[0] = tg__apply1(&tg__op_strided_add, r->g[0], &back);
}
TG_OP(as_strided, .maths = "y[i,j] = flat x[offset + i stride[0] + j stride[1]]", .inputs = "x",
      .n_in = 1, .flags = TG__VIEWS | TG__ANY_DTYPE, .fields = strided_fields,
      .attr_size = sizeof(strided_attr), .forward = as_strided_forward, .rule = as_strided_rule,
      .saves = {TG__SAVE_META(0, 1)}, .onnx = {"composed"});
TG_SAMPLES(as_strided, "[3,4] | size=2,3 stride=4,1 offset=1", "[6] | size=4,3 stride=1,1",
           "[2,3] | size=3,2 stride=0,2");
tg_tensor *tg_as_strided(tg_tensor *x, int ndim, const int64_t *size, const int64_t *stride,
                         int64_t offset) {
    strided_attr a = {.offset = offset};
    if (!tg__sizes_from("as_strided", ndim, size, &a.size))
        return NULL;
    if (ndim > 0 && stride == NULL)
        return tg__fail_null("as_strided", "stride"), NULL;
    a.stride.n = ndim;
    for (int i = 0; i < ndim; i++)
        a.stride.value[i] = stride[i];
    return tg__apply1(&tg__op_as_strided, x, &a);
}

/* ---- strided_add: zeros of a size, with x added at strides ---- */
static bool strided_add_forward(const tg__call *c) {
    const strided_attr *a = c->attr;
    const tg_tensor *x = c->in[0];
    int64_t n;
    if (!tg__shape_check("strided_add", (tg_dtype)x->dtype, a->size.n, a->size.size, &n, NULL) ||
        !inside("strided_add", x->ndim, x->shape, a, n))
        return false;
    tg_tensor *y = c->out[0] = tg__new("strided_add", (tg_dtype)x->dtype, a->size.n, a->size.size);
    if (y == NULL)
        return false;
    int64_t item = (int64_t)tg__item_size(x->dtype);
    int64_t to[TG_MAX_DIMS];
    int64_t from[TG_MAX_DIMS];
    for (int i = 0; i < x->ndim; i++) {
        to[i] = a->stride.value[i] * item;
        from[i] = x->stride[i] * item;
    }
    if (n > 0)
        memset(y->data, 0, (size_t)(n * item));
    if (x->numel > 0)
        tg__add_strided((tg_dtype)x->dtype, x->ndim, x->shape, y->data + a->offset * item, to,
                        x->data, from);
    return true;
}
static void strided_add_rule(tg__rule *r) {
    const strided_attr *a = r->attr;
    const tg__meta *m = r->meta[0];
    r->gin[0] = tg_as_strided(r->g[0], m->ndim, m->shape, a->stride.value, a->offset);
}
TG_OP(strided_add, .maths = "flat y[offset + i stride[0] + j stride[1]] += x[i,j]", .inputs = "x",
      .n_in = 1, .flags = TG__INTERNAL, .fields = strided_fields, .attr_size = sizeof(strided_attr),
      .forward = strided_add_forward, .rule = strided_add_rule, .saves = {TG__SAVE_META(0, 1)},
      .onnx = {"composed"});
TG_SAMPLES(strided_add, "[2,3] | size=3,4 stride=4,1 offset=1", "[4,3] | size=6 stride=1,1",
           "[3,2] | size=2,3 stride=0,2");

/* ---- unfold_dim: windows along a dim, a view ---- */
typedef struct {
    int64_t dim, size, step;
} unfold_attr;
static const tg__field unfold_fields[] = {
    {"dim", TG_ATTR_INT, offsetof(unfold_attr, dim), true, 0, 0},
    {"size", TG_ATTR_INT, offsetof(unfold_attr, size), true, 0, 0},
    {"step", TG_ATTR_INT, offsetof(unfold_attr, step), true, 0, 0},
    {0}};
static bool unfold_dim_forward(const tg__call *c) {
    const unfold_attr *a = c->attr;
    const tg_tensor *x = c->in[0];
    int dim = tg__dim("unfold_dim", x, a->dim);
    if (dim < 0)
        return false;
    int64_t length = x->ndim > 0 ? x->shape[dim] : 1;
    if (a->size < 0 || a->size > length || a->step < 1 || x->ndim == TG_MAX_DIMS) {
        tg__fail(TG_ERR_SHAPE, "unfold_dim",
                 "windows of size %lld every %lld do not fit dim %d of %s; give a size of at most "
                 "%lld, a step of at least 1, and x of at most %d dims",
                 (long long)a->size, (long long)a->step, dim, tg__describe(x), (long long)length,
                 TG_MAX_DIMS - 1);
        return false;
    }
    int64_t shape[TG_MAX_DIMS];
    int64_t stride[TG_MAX_DIMS];
    for (int i = 0; i < x->ndim; i++) {
        shape[i] = i == dim ? (length - a->size) / a->step + 1 : x->shape[i];
        /* (a single window needs no stride, which might overflow) */
        stride[i] = i == dim && shape[i] > 1 ? a->step * x->stride[i] : x->stride[i];
    }
    shape[x->ndim] = a->size;
    stride[x->ndim] = x->ndim > 0 ? x->stride[dim] : 1;
    if (!tg__shape_check("unfold_dim", (tg_dtype)x->dtype, x->ndim + 1, shape, NULL, NULL))
        return false;
    c->out[0] = tg__view("unfold_dim", x, x->ndim + 1, shape, stride, 0);
    return c->out[0] != NULL;
}
static void unfold_dim_rule(tg__rule *r) {
    const unfold_attr *a = r->attr;
    const tg__meta *m = r->meta[0];
    int dim = (int)(a->dim < 0 ? a->dim + m->ndim : a->dim);
    strided_attr back = {.offset = 0};
    back.size.n = m->ndim;
    memcpy(back.size.size, m->shape, (size_t)m->ndim * sizeof *m->shape);
    tg__row_major(m->ndim, m->shape, back.stride.value);
    back.stride.n = m->ndim + 1;
    back.stride.value[m->ndim] = m->ndim > 0 ? back.stride.value[dim] : 1;
    if (m->ndim > 0 && m->shape[dim] - a->size >= a->step) /* two windows or more */
        back.stride.value[dim] *= a->step;
    r->gin[0] = tg__apply1(&tg__op_strided_add, r->g[0], &back);
}
TG_OP(unfold_dim, .maths = "y[w, k] = x[w step + k] along dim", .inputs = "x", .n_in = 1,
      .flags = TG__VIEWS | TG__ANY_DTYPE, .fields = unfold_fields, .attr_size = sizeof(unfold_attr),
      .forward = unfold_dim_forward, .rule = unfold_dim_rule, .saves = {TG__SAVE_META(0, 1)},
      .onnx = {"composed"});
TG_SAMPLES(unfold_dim, "[7] | dim=0 size=3 step=2", "[2,5] | dim=-1 size=3 step=1",
           "[5,2] | dim=0 size=2 step=3", "[] | dim=0 size=1 step=1", "[4] | dim=0 size=4 step=9");
tg_tensor *tg_unfold_dim(tg_tensor *x, int dim, int64_t size, int64_t step) {
    return tg__apply1(&tg__op_unfold_dim, x, &(unfold_attr){dim, size, step});
}
