/* pool.c - the geometry of pooling, and pooling by maximum.
 *
 * The maximum's gradient goes to the position that was chosen: a scatter to the indices, whose own
 * gradient is a gather, and so on for every order. max_unpool is the scatter without a sum. */
#include "ops/pool.h"

#include "base/options.h"
#include "kernels/index.h"
#include "ops/index.h"
#include "ops/view.h"

/* ---- Geometry ---- */

/* ⌊(in + 2·pad - extent) / stride⌋ + 1; with ceil_mode rounded up, but no window may start beyond
 * the padding on the left and x. */
static bool count_windows(const tg__call *c, const tg_tensor *x, int d, tg__pool *p) {
    const tg__pool_attr *a = c->attr;
    const int64_t extent = p->dilation[d] * (p->k[d] - 1) + 1;
    const int64_t padded = p->in[d] + 2 * p->pad[d];
    const int64_t room = padded - extent + (a->ceil_mode ? p->stride[d] - 1 : 0);
    p->out[d] = room < 0 ? 0 : room / p->stride[d] + 1;
    if (a->ceil_mode && p->out[d] > 0 && (p->out[d] - 1) * p->stride[d] >= p->in[d] + p->pad[d])
        p->out[d]--;
    if (p->out[d] < 1) {
        tg__fail(TG_ERR_SHAPE, c->op->name,
                 "%s: a window of %lld is larger than the %lld positions with padding; use a "
                 "smaller one",
                 tg__describe(x), (long long)extent, (long long)padded);
        return false;
    }
    /* With gaps in the window, one that starts in the padding may step over all of x. */
    for (int64_t i = 0; i < p->out[d] && i * p->stride[d] < p->pad[d]; i++) {
        int64_t at = i * p->stride[d] - p->pad[d];
        at = at % p->dilation[d] == 0 ? 0 : p->dilation[d] + at % p->dilation[d];
        if (at < p->in[d] && at <= i * p->stride[d] - p->pad[d] + extent - 1)
            continue;
        tg__fail(TG_ERR_SHAPE, c->op->name, "%s: window %lld lies in the padding; use less of it",
                 tg__describe(x), (long long)i);
        return false;
    }
    return true;
}

bool tg__pool_windows(const tg__call *c, int nd, const tg_tensor *x, const int64_t *in,
                      tg__pool *p) {
    const tg__pool_attr *a = c->attr;
    const char *op = c->op->name;
    p->adaptive = false;
    p->samples = NULL;
    p->count_pad = a->count_include_pad;
    p->divisor = a->divisor_override;
    if (!tg__window_values(op, &tg__kernel_field, &a->kernel_size, nd, NULL, p->k) ||
        !tg__window_values(op, &tg__stride_field, &a->stride, nd, p->k, p->stride) ||
        !tg__window_values(op, &tg__padding_field, &a->padding, nd, NULL, p->pad) ||
        !tg__window_values(op, &tg__dilation_field, &a->dilation, nd, NULL, p->dilation))
        return false;
    for (int d = 0; d < TG__SPATIAL; d++) {
        p->in[d] = in[d];
        if (p->pad[d] > p->k[d] / 2) {
            tg__fail(TG_ERR_ARG, op,
                     "padding is %lld for kernel_size %lld; give at most half of it",
                     (long long)p->pad[d], (long long)p->k[d]);
            return false;
        }
        if (!count_windows(c, x, d, p))
            return false;
    }
    return true;
}

bool tg__pool_adaptive(const tg__call *c, int nd, const int64_t *in, tg__pool *p) {
    const tg__pool_attr *a = c->attr;
    const int first = TG__SPATIAL - nd;
    *p = (tg__pool){.adaptive = true, .planes = p->planes};
    if (a->output_size.n != 1 && a->output_size.n != nd) {
        tg__fail(TG_ERR_SHAPE, c->op->name,
                 "output_size has %d entries; give 1 for all of the %d spatial dims, or %d",
                 (int)a->output_size.n, nd, nd);
        return false;
    }
    for (int d = 0; d < TG__SPATIAL; d++) {
        const int64_t want =
            d < first ? 1 : a->output_size.size[a->output_size.n == 1 ? 0 : d - first];
        p->in[d] = in[d];
        p->out[d] = want == -1 ? in[d] : want;
        if (p->out[d] < 0 || p->out[d] >= INT64_MAX / in[d]) {
            tg__fail(TG_ERR_SHAPE, c->op->name,
                     "output_size is %lld; give at least 0, or -1 for the size of x",
                     (long long)want);
            return false;
        }
    }
    return true;
}

int tg__pool_shape(const tg_tensor *x, int nd, const int64_t *spatial, int64_t *shape) {
    const int lead = x->ndim - nd;
    for (int i = 0; i < x->ndim; i++)
        shape[i] = i < lead ? x->shape[i] : spatial[TG__SPATIAL - nd + i - lead];
    return x->ndim;
}

bool tg__pool_options(const char *op, int nd, int n, const int64_t *kernel_size,
                      const tg_pool_options *options, tg__pool_attr *a) {
    tg_pool_options o = TG_POOL_OPTIONS_INIT;
    if (tg__options(op, "tg_pool_options", "TG_POOL_OPTIONS_INIT", options, &o, sizeof o) != TG_OK)
        return false;
    *a = (tg__pool_attr){.ceil_mode = o.ceil_mode, .count_include_pad = o.count_include_pad};
    a->divisor_override = o.divisor_override;
    for (int d = 0; d < nd; d++)
        if (o.stride[d] != 0) /* 0 in all: absent */
            tg__ints_from(&a->stride, nd, o.stride);
    tg__ints_from(&a->padding, nd, o.padding);
    tg__ints_from(&a->dilation, nd, o.dilation);
    return tg__ints_given(op, "kernel_size", n, kernel_size, &a->kernel_size);
}

bool tg__pool_output_size(const char *op, int n, const int64_t *output_size, tg__pool_attr *a) {
    *a = (tg__pool_attr){.adaptive = true};
    return tg__sizes_from(op, n, output_size, &a->output_size);
}

/* ---- Shared by the maxima ---- */

static int64_t planes_of(const tg_tensor *x, int nd) {
    int64_t planes = 1;
    for (int i = 0; i < x->ndim - nd; i++)
        planes *= x->shape[i];
    return planes;
}

bool tg__pool_maxima(const tg__call *c, tg__pool *p) {
    const int nd = c->op->kernel;
    tg_tensor *x = tg__packed(c->op->name, c->in[0]);
    if (x == NULL)
        return false;
    int64_t shape[TG_MAX_DIMS];
    const int ndim = tg__pool_shape(x, nd, p->out, shape);
    tg_tensor *y = tg__new(c->op->name, (tg_dtype)x->dtype, ndim, shape);
    tg_tensor *at = y != NULL ? tg__new(c->op->name, TG_I64, ndim, shape) : NULL;
    c->out[0] = y;
    c->out[1] = at;
    p->planes = planes_of(x, nd);
    bool good = at != NULL;
    if (good &&
        !tg__max_pool((tg_dtype)x->dtype, p, x->data, y->data, (int64_t *)(void *)at->data)) {
        tg__refuse_dtype(c->op->name, x, "f32, f64, i64, i32, u8");
        good = false;
    }
    tg__unref(x);
    return good;
}

/* The spatial dims as one. */
static tg_tensor *flat(tg_tensor *x, int nd) {
    return x == NULL ? NULL : tg_flatten(x, x->ndim - nd, x->ndim - 1);
}

void tg__pool_maxima_rule(tg__rule *r) {
    const int nd = r->op->kernel;
    const tg__meta *m = r->meta[0];
    const int lead = m->ndim - nd;
    int64_t shape[TG_MAX_DIMS];
    int64_t size = 1;
    for (int i = 0; i < m->ndim; i++) {
        shape[i] = m->shape[i];
        size *= i < lead ? 1 : m->shape[i];
    }
    shape[lead] = size;
    tg_tensor *plane = tg_zeros((tg_dtype)m->dtype, lead + 1, shape);
    plane = tg_scatter_add(plane, lead, flat(r->out[1], nd), flat(r->g[0], nd));
    r->gin[0] = tg_reshape(plane, m->ndim, m->shape);
}
#define MAXIMUM(nd)                                                                                \
    .inputs = "x", .n_in = 1, .n_out = 2, .kernel = (nd), .attr_size = sizeof(tg__pool_attr),      \
    .rule = tg__pool_maxima_rule, .saves = {TG__SAVE_OUT(1, 1), TG__SAVE_META(0, 1)}

/* ---- max_pool1d, 2d, 3d: values and their positions in the plane ---- */
static const tg__field max_pool_fields[] = {
    TG__POOL_FIELD(kernel_size, INTS, true, 0), TG__POOL_FIELD(stride, INTS, false, 0),
    TG__POOL_FIELD(padding, INTS, false, 0),    TG__POOL_FIELD(dilation, INTS, false, 0),
    TG__POOL_FIELD(ceil_mode, BOOL, false, 0),  {0}};
static bool max_pool_forward(const tg__call *c) {
    const int nd = c->op->kernel;
    const tg_tensor *x = c->in[0];
    int64_t in[TG__SPATIAL];
    tg__pool p;
    if (!tg__spatial_input(c->op->name, "x", x, nd))
        return false;
    tg__spatial_of(x->ndim, x->shape, nd, in);
    return tg__pool_windows(c, nd, x, in, &p) && tg__pool_maxima(c, &p);
}
#define MAX_POOL(nd)                                                                               \
    .maths = "largest of each window, and where", MAXIMUM(nd), .fields = max_pool_fields,          \
    .forward = max_pool_forward,                                                                   \
    .onnx = {"MaxPool", 12,                                                                        \
             "kernel_shape=kernel_size,strides=stride,pads=padding,dilations=dilation,"            \
             "ceil_mode=ceil_mode"}
TG_OP(max_pool1d, MAX_POOL(1));
TG_SAMPLES(max_pool1d, "[2,2,6] | kernel_size=2", "[2,7] | kernel_size=3 stride=2 padding=1",
           "[1,2,7] | kernel_size=2 stride=1 dilation=3", "[1,1,5] | kernel_size=2 ceil_mode=1");
TG_OP(max_pool2d, MAX_POOL(2));
TG_SAMPLES(max_pool2d, "[2,1,4,4] | kernel_size=2",
           "[2,4,5] | kernel_size=3,2 stride=1,2 padding=1",
           "[1,1,5,5] | kernel_size=2 stride=1 dilation=1,2 ceil_mode=1");
TG_OP(max_pool3d, MAX_POOL(3));
TG_SAMPLES(max_pool3d, "[1,2,2,3,4] | kernel_size=2,2,3 stride=1 padding=1,0,1");

static tg_tensor *max_pooled(const tg__op *op, tg_tensor *x, int n, const int64_t *kernel_size,
                             const tg_pool_options *options, tg_tensor **indices) {
    tg__pool_attr a;
    if (tg__pool_options(op->name, op->kernel, n, kernel_size, options, &a)) {
        if (a.divisor_override == 0 && a.count_include_pad)
            return tg__apply_rest(op, &x, 1, &a, &indices);
        tg__fail(TG_ERR_ARG, op->name, "count_include_pad and divisor_override are for means");
    }
    if (indices != NULL)
        *indices = NULL;
    return NULL;
}
tg_tensor *tg_max_pool1d(tg_tensor *x, int n, const int64_t *kernel_size,
                         const tg_pool_options *options, tg_tensor **indices) {
    return max_pooled(&tg__op_max_pool1d, x, n, kernel_size, options, indices);
}
tg_tensor *tg_max_pool2d(tg_tensor *x, int n, const int64_t *kernel_size,
                         const tg_pool_options *options, tg_tensor **indices) {
    return max_pooled(&tg__op_max_pool2d, x, n, kernel_size, options, indices);
}
tg_tensor *tg_max_pool3d(tg_tensor *x, int n, const int64_t *kernel_size,
                         const tg_pool_options *options, tg_tensor **indices) {
    return max_pooled(&tg__op_max_pool3d, x, n, kernel_size, options, indices);
}

/* ---- adaptive_max_pool1d, 2d, 3d ---- */
static const tg__field adaptive_fields[] = {TG__POOL_FIELD(output_size, SHAPE, true, 0), {0}};
static bool adaptive_max_pool_forward(const tg__call *c) {
    const int nd = c->op->kernel;
    const tg_tensor *x = c->in[0];
    int64_t in[TG__SPATIAL];
    tg__pool p;
    if (!tg__spatial_input(c->op->name, "x", x, nd))
        return false;
    tg__spatial_of(x->ndim, x->shape, nd, in);
    p.planes = 0;
    return tg__pool_adaptive(c, nd, in, &p) && tg__pool_maxima(c, &p);
}
#define ADAPTIVE_MAX_POOL(nd)                                                                      \
    .maths = "largest of each part, and where", MAXIMUM(nd), .fields = adaptive_fields,            \
    .forward = adaptive_max_pool_forward, .onnx = {"composed"}
TG_OP(adaptive_max_pool1d, ADAPTIVE_MAX_POOL(1));
TG_SAMPLES(adaptive_max_pool1d, "[2,2,5] | output_size=3", "[2,4] | output_size=1",
           "[1,1,4] | output_size=6");
TG_OP(adaptive_max_pool2d, ADAPTIVE_MAX_POOL(2));
TG_SAMPLES(adaptive_max_pool2d, "[2,1,4,5] | output_size=2,3", "[2,4,3] | output_size=-1,2");
TG_OP(adaptive_max_pool3d, ADAPTIVE_MAX_POOL(3));
TG_SAMPLES(adaptive_max_pool3d, "[1,2,2,3,4] | output_size=2");

static tg_tensor *adaptive_max_pooled(const tg__op *op, tg_tensor *x, int n,
                                      const int64_t *output_size, tg_tensor **indices) {
    tg__pool_attr a;
    if (tg__pool_output_size(op->name, n, output_size, &a))
        return tg__apply_rest(op, &x, 1, &a, &indices);
    if (indices != NULL)
        *indices = NULL;
    return NULL;
}
tg_tensor *tg_adaptive_max_pool1d(tg_tensor *x, int n, const int64_t *output_size,
                                  tg_tensor **indices) {
    return adaptive_max_pooled(&tg__op_adaptive_max_pool1d, x, n, output_size, indices);
}
tg_tensor *tg_adaptive_max_pool2d(tg_tensor *x, int n, const int64_t *output_size,
                                  tg_tensor **indices) {
    return adaptive_max_pooled(&tg__op_adaptive_max_pool2d, x, n, output_size, indices);
}
tg_tensor *tg_adaptive_max_pool3d(tg_tensor *x, int n, const int64_t *output_size,
                                  tg_tensor **indices) {
    return adaptive_max_pooled(&tg__op_adaptive_max_pool3d, x, n, output_size, indices);
}

/* ---- max_unpool1d, 2d, 3d: zeros with x at the given positions of the plane ---- */
static const tg__field max_unpool_fields[] = {TG__POOL_FIELD(kernel_size, INTS, true, 0),
                                              TG__POOL_FIELD(stride, INTS, false, 0),
                                              TG__POOL_FIELD(padding, INTS, false, 0),
                                              TG__POOL_FIELD(output_size, SHAPE, false, 0),
                                              {0}};
/* (in - 1)·stride - 2·padding + kernel, or output_size, which may be less than a stride away. */
static bool unpool_sizes(const tg__call *c, int nd, int64_t *out) {
    const tg__pool_attr *a = c->attr;
    const tg_tensor *x = c->in[0];
    const char *op = c->op->name;
    int64_t in[TG__SPATIAL], k[TG__SPATIAL], stride[TG__SPATIAL], pad[TG__SPATIAL];
    tg__spatial_of(x->ndim, x->shape, nd, in);
    if (!tg__window_values(op, &tg__kernel_field, &a->kernel_size, nd, NULL, k) ||
        !tg__window_values(op, &tg__stride_field, &a->stride, nd, k, stride) ||
        !tg__window_values(op, &tg__padding_field, &a->padding, nd, NULL, pad))
        return false;
    if (a->output_size.n != 0 && a->output_size.n != nd) {
        tg__fail(TG_ERR_SHAPE, op, "output_size has %d entries; give none or %d",
                 (int)a->output_size.n, nd);
        return false;
    }
    const int first = TG__SPATIAL - nd;
    for (int d = 0; d < TG__SPATIAL; d++) {
        bool over = __builtin_mul_overflow(in[d] - 1, stride[d], &out[d]) ||
                    __builtin_add_overflow(out[d], k[d] - 2 * pad[d], &out[d]);
        if (over || out[d] > TG__SPATIAL_MOST)
            out[d] = TG__SPATIAL_MOST; /* too large for a tensor: refused when it is made */
        const int64_t least = out[d] - stride[d] + 1 > 1 ? out[d] - stride[d] + 1 : 1;
        const int64_t most = out[d] + stride[d] - 1;
        const int64_t want =
            d < first || a->output_size.n == 0 ? out[d] : a->output_size.size[d - first];
        if (want < least || want > most) {
            tg__fail(TG_ERR_SHAPE, op,
                     "x is %s: its windows cover %lld positions in a spatial dim, and output_size "
                     "is %lld; give %lld to %lld",
                     tg__describe(x), (long long)out[d], (long long)want, (long long)least,
                     (long long)most);
            return false;
        }
        out[d] = want;
    }
    return true;
}
static bool max_unpool_check(const tg__call *c, int nd) {
    const tg_tensor *x = c->in[0];
    const tg_tensor *indices = c->in[1];
    if (!tg__spatial_input(c->op->name, "x", x, nd))
        return false;
    if (!tg__same_shape(x, indices)) {
        tg__fail(TG_ERR_SHAPE, c->op->name, "x is %s and indices are %s; give one for each element",
                 tg__describe(x), tg__describe(indices));
        return false;
    }
    if (tg__is_index(indices))
        return true;
    tg__refuse_dtype(c->op->name, indices, "indices of i64 or i32");
    return false;
}
/* Contiguous i64 positions, all within the plane. Raw. */
static tg_tensor *unpool_indices(const tg__call *c, int64_t size) {
    tg_tensor *at = tg__packed_as(c->op->name, c->in[1], TG_I64);
    int64_t bad = 0;
    if (at == NULL || tg__index_check(TG_I64, at->data, 8, at->numel, size, &bad) < 0)
        return at;
    tg__fail(TG_ERR_INDEX, c->op->name,
             "index %lld lies outside of a plane of %lld positions; give positions in it",
             (long long)bad, (long long)size);
    tg__unref(at);
    return NULL;
}
static bool max_unpool_forward(const tg__call *c) {
    const int nd = c->op->kernel;
    int64_t out[TG__SPATIAL];
    int64_t shape[TG_MAX_DIMS];
    if (!max_unpool_check(c, nd) || !unpool_sizes(c, nd, out))
        return false;
    const int ndim = tg__pool_shape(c->in[0], nd, out, shape);
    if (!tg__shape_check(c->op->name, TG_I64, nd, shape + ndim - nd, NULL, NULL))
        return false;
    const int64_t size = out[0] * out[1] * out[2];
    tg_tensor *at = unpool_indices(c, size);
    tg_tensor *x = at != NULL ? tg__packed(c->op->name, c->in[0]) : NULL;
    tg_tensor *y = x != NULL ? tg__new(c->op->name, (tg_dtype)x->dtype, ndim, shape) : NULL;
    if (y != NULL) {
        const int64_t planes = planes_of(x, nd);
        tg__unpool(tg__item_size(x->dtype), planes, planes > 0 ? x->numel / planes : 0, size,
                   x->data, (const int64_t *)(const void *)at->data, y->data);
    }
    tg__unref(x);
    tg__unref(at);
    c->out[0] = y;
    return y != NULL;
}
static void max_unpool_rule(tg__rule *r) {
    const int nd = r->op->kernel;
    tg_tensor *at = flat(r->in[1], nd);
    tg_tensor *g = tg_gather(flat(r->g[0], nd), -1, at);
    r->gin[0] = tg_reshape(g, r->in[1]->ndim, r->in[1]->shape);
}
#define MAX_UNPOOL(nd)                                                                             \
    .maths = "zeros with x at indices", .inputs = "x indices", .n_in = 2, .no_grad = 2,            \
    .kernel = (nd), .fields = max_unpool_fields, .attr_size = sizeof(tg__pool_attr),               \
    .forward = max_unpool_forward, .rule = max_unpool_rule, .saves = {TG__SAVE_IN(1, 1)},          \
    .onnx = {"MaxUnpool", 11, "kernel_shape=kernel_size,strides=stride,pads=padding"}
/* One window per plane: equal indices would overwrite each other. */
TG_OP(max_unpool1d, MAX_UNPOOL(1));
TG_SAMPLES(max_unpool1d, "[2,3,1] i[2,3,1]<4 | kernel_size=4",
           "[3,1] i[3,1]<3 | kernel_size=2 stride=2 output_size=3");
TG_OP(max_unpool2d, MAX_UNPOOL(2));
TG_SAMPLES(max_unpool2d, "[2,3,1,1] i[2,3,1,1]<8 | kernel_size=4 stride=3 padding=1,0");
TG_OP(max_unpool3d, MAX_UNPOOL(3));
TG_SAMPLES(max_unpool3d, "[3,1,1,1] i[3,1,1,1]<8 | kernel_size=2");

static tg_tensor *max_unpooled(const tg__op *op, tg_tensor *x, tg_tensor *indices, int n,
                               const int64_t *kernel_size, const tg_unpool_options *options) {
    tg_unpool_options o = TG_UNPOOL_OPTIONS_INIT;
    if (tg__options(op->name, "tg_unpool_options", "TG_UNPOOL_OPTIONS_INIT", options, &o,
                    sizeof o) != TG_OK)
        return NULL;
    tg__pool_attr a = {0};
    for (int d = 0; d < op->kernel; d++) {
        if (o.stride[d] != 0)
            tg__ints_from(&a.stride, op->kernel, o.stride);
        if (o.output_size[d] != 0)
            a.output_size.n = op->kernel;
        a.output_size.size[d] = o.output_size[d];
    }
    tg__ints_from(&a.padding, op->kernel, o.padding);
    return tg__ints_given(op->name, "kernel_size", n, kernel_size, &a.kernel_size)
               ? tg__apply2(op, x, indices, &a)
               : NULL;
}
tg_tensor *tg_max_unpool1d(tg_tensor *x, tg_tensor *indices, int n, const int64_t *kernel_size,
                           const tg_unpool_options *options) {
    return max_unpooled(&tg__op_max_unpool1d, x, indices, n, kernel_size, options);
}
tg_tensor *tg_max_unpool2d(tg_tensor *x, tg_tensor *indices, int n, const int64_t *kernel_size,
                           const tg_unpool_options *options) {
    return max_unpooled(&tg__op_max_unpool2d, x, indices, n, kernel_size, options);
}
tg_tensor *tg_max_unpool3d(tg_tensor *x, tg_tensor *indices, int n, const int64_t *kernel_size,
                           const tg_unpool_options *options) {
    return max_unpooled(&tg__op_max_unpool3d, x, indices, n, kernel_size, options);
}
