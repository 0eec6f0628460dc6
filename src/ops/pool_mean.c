/* pool_mean.c - pooling by mean, by p-norm, and normalisation over neighbouring channels.
 *
 * Means are linear: their gradient is the adjoint, avg_pool_grad, whose gradient is the mean again.
 * The others are composed of means. */
#include "ops/pool.h"

#include "base/options.h"
#include "ops/view.h"

/* ---- Shared ---- */

/* Reads x (or g, with the sizes of x in the attribute `size`) and runs a kernel. */
static bool means(const tg__call *c, int nd, bool adjoint) {
    const tg__pool_attr *a = c->attr;
    const tg_tensor *given = c->in[0];
    int64_t in[TG__SPATIAL];
    int64_t shape[TG_MAX_DIMS];
    tg__pool p;
    p.planes = 1;
    tg__spatial_of(adjoint ? nd : given->ndim, adjoint ? a->size.size : given->shape, nd, in);
    if (!(a->adaptive ? tg__pool_adaptive(c, nd, in, &p) : tg__pool_windows(c, nd, given, in, &p)))
        return false;
    const int ndim = tg__pool_shape(given, nd, adjoint ? p.in : p.out, shape);
    for (int d = 0; adjoint && d < nd; d++)
        if (given->shape[ndim - nd + d] != p.out[TG__SPATIAL - nd + d]) {
            tg__fail(TG_ERR_SHAPE, c->op->name, "g is %s; the windows over size are %lld in dim %d",
                     tg__describe(given), (long long)p.out[TG__SPATIAL - nd + d], ndim - nd + d);
            return false;
        }
    if (!tg__float_only(c->op->name, given))
        return false;
    for (int i = 0; i < ndim - nd; i++)
        p.planes *= shape[i];
    tg_tensor *from = tg__packed(c->op->name, c->in[0]);
    tg_tensor *to = from != NULL ? tg__new(c->op->name, (tg_dtype)from->dtype, ndim, shape) : NULL;
    if (to != NULL && to->numel > 0)
        (adjoint ? tg__avg_pool_grad : tg__avg_pool)((tg_dtype)to->dtype, &p, from->data, to->data);
    tg__unref(from);
    c->out[0] = to;
    return to != NULL;
}

static void means_rule(tg__rule *r) {
    const tg__meta *m = r->meta[0];
    const int nd = r->op->kernel;
    tg__pool_attr a = *(const tg__pool_attr *)r->attr;
    a.size.n = nd;
    for (int d = 0; d < nd; d++)
        a.size.size[d] = m->shape[m->ndim - nd + d];
    r->gin[0] = tg__apply1(&tg__op_avg_pool_grad, r->g[0], &a);
}
#define MEANS(nd)                                                                                  \
    .inputs = "x", .n_in = 1, .kernel = (nd), .attr_size = sizeof(tg__pool_attr),                  \
    .rule = means_rule, .saves = {TG__SAVE_META(0, 1)}

/* ---- avg_pool1d, 2d, 3d ---- */
#define WINDOW_FIELDS                                                                              \
    TG__POOL_FIELD(kernel_size, INTS, true, 0), TG__POOL_FIELD(stride, INTS, false, 0),            \
        TG__POOL_FIELD(padding, INTS, false, 0), TG__POOL_FIELD(ceil_mode, BOOL, false, 0),        \
        TG__POOL_FIELD(count_include_pad, BOOL, false, 1),                                         \
        TG__POOL_FIELD(divisor_override, INT, false, 0)
static const tg__field avg_pool_fields[] = {WINDOW_FIELDS, {0}};
static bool avg_pool_forward(const tg__call *c) {
    const int nd = c->op->kernel;
    return tg__spatial_input(c->op->name, "x", c->in[0], nd) && means(c, nd, false);
}
#define AVG_POOL(nd)                                                                               \
    .maths = "mean of each window", MEANS(nd), .fields = avg_pool_fields,                          \
    .forward = avg_pool_forward,                                                                   \
    .onnx = {"AveragePool", 11,                                                                    \
             "kernel_shape=kernel_size,strides=stride,pads=padding,ceil_mode=ceil_mode,"           \
             "count_include_pad=count_include_pad"}
TG_OP(avg_pool1d, AVG_POOL(1));
TG_SAMPLES(avg_pool1d, "[2,2,6] | kernel_size=2", "[2,7] | kernel_size=3 stride=2 padding=1",
           "[1,1,5] | kernel_size=2 ceil_mode=1 count_include_pad=0 padding=1",
           "[1,1,5] | kernel_size=3 stride=2 padding=1 divisor_override=2 ceil_mode=1");
TG_OP(avg_pool2d, AVG_POOL(2));
TG_SAMPLES(avg_pool2d, "[2,1,4,4] | kernel_size=2",
           "[2,4,5] | kernel_size=3,2 stride=1,2 padding=1 count_include_pad=0",
           "[1,1,4,5] | kernel_size=2 stride=3 ceil_mode=1 padding=0,1");
TG_OP(avg_pool3d, AVG_POOL(3));
TG_SAMPLES(avg_pool3d, "[1,2,2,3,4] | kernel_size=2,2,3 stride=1 padding=1,0,1");

static tg_tensor *avg_pooled(const tg__op *op, tg_tensor *x, int n, const int64_t *kernel_size,
                             const tg_pool_options *options) {
    tg__pool_attr a;
    if (!tg__pool_options(op->name, op->kernel, n, kernel_size, options, &a))
        return NULL;
    for (int d = 0; d < op->kernel; d++)
        if (a.dilation.value[d] != 1) {
            tg__fail(TG_ERR_ARG, op->name, "dilation is for tg_max_pool%dd", op->kernel);
            return NULL;
        }
    a.dilation.n = 0;
    return tg__apply1(op, x, &a);
}
tg_tensor *tg_avg_pool1d(tg_tensor *x, int n, const int64_t *kernel_size,
                         const tg_pool_options *options) {
    return avg_pooled(&tg__op_avg_pool1d, x, n, kernel_size, options);
}
tg_tensor *tg_avg_pool2d(tg_tensor *x, int n, const int64_t *kernel_size,
                         const tg_pool_options *options) {
    return avg_pooled(&tg__op_avg_pool2d, x, n, kernel_size, options);
}
tg_tensor *tg_avg_pool3d(tg_tensor *x, int n, const int64_t *kernel_size,
                         const tg_pool_options *options) {
    return avg_pooled(&tg__op_avg_pool3d, x, n, kernel_size, options);
}

/* ---- adaptive_avg_pool1d, 2d, 3d: parts ⌊i·L/O⌋ to ⌈(i + 1)·L/O⌉ ---- */
static const tg__field adaptive_fields[] = {TG__POOL_FIELD(output_size, SHAPE, true, 0), {0}};
static bool adaptive_avg_pool_forward(const tg__call *c) {
    const int nd = c->op->kernel;
    tg__pool_attr a = *(const tg__pool_attr *)c->attr;
    a.adaptive = true;
    tg__call call = *c;
    call.attr = &a;
    return tg__spatial_input(c->op->name, "x", c->in[0], nd) && means(&call, nd, false);
}
static void adaptive_avg_pool_rule(tg__rule *r) {
    tg__pool_attr a = *(const tg__pool_attr *)r->attr;
    a.adaptive = true;
    tg__rule rule = *r;
    rule.attr = &a;
    means_rule(&rule);
}
#define ADAPTIVE_AVG_POOL(nd)                                                                      \
    .maths = "mean of each part", .inputs = "x", .n_in = 1, .kernel = (nd),                        \
    .attr_size = sizeof(tg__pool_attr), .fields = adaptive_fields,                                 \
    .forward = adaptive_avg_pool_forward, .rule = adaptive_avg_pool_rule,                          \
    .saves = {TG__SAVE_META(0, 1)}, .onnx = {"composed"}
TG_OP(adaptive_avg_pool1d, ADAPTIVE_AVG_POOL(1));
TG_SAMPLES(adaptive_avg_pool1d, "[2,2,5] | output_size=3", "[2,4] | output_size=1",
           "[1,1,4] | output_size=6");
TG_OP(adaptive_avg_pool2d, ADAPTIVE_AVG_POOL(2));
TG_SAMPLES(adaptive_avg_pool2d, "[2,1,4,5] | output_size=2,3", "[2,4,3] | output_size=-1,2");
TG_OP(adaptive_avg_pool3d, ADAPTIVE_AVG_POOL(3));
TG_SAMPLES(adaptive_avg_pool3d, "[1,2,2,3,4] | output_size=2");

static tg_tensor *adaptive_avg_pooled(const tg__op *op, tg_tensor *x, int n,
                                      const int64_t *output_size) {
    tg__pool_attr a;
    return tg__pool_output_size(op->name, n, output_size, &a) ? tg__apply1(op, x, &a) : NULL;
}
tg_tensor *tg_adaptive_avg_pool1d(tg_tensor *x, int n, const int64_t *output_size) {
    return adaptive_avg_pooled(&tg__op_adaptive_avg_pool1d, x, n, output_size);
}
tg_tensor *tg_adaptive_avg_pool2d(tg_tensor *x, int n, const int64_t *output_size) {
    return adaptive_avg_pooled(&tg__op_adaptive_avg_pool2d, x, n, output_size);
}
tg_tensor *tg_adaptive_avg_pool3d(tg_tensor *x, int n, const int64_t *output_size) {
    return adaptive_avg_pooled(&tg__op_adaptive_avg_pool3d, x, n, output_size);
}

/* ---- avg_pool_grad: the adjoint of both; its gradient is the mean of h ---- */
static const tg__field avg_pool_grad_fields[] = {TG__POOL_FIELD(size, SHAPE, true, 0),
                                                 TG__POOL_FIELD(kernel_size, INTS, false, 0),
                                                 TG__POOL_FIELD(stride, INTS, false, 0),
                                                 TG__POOL_FIELD(padding, INTS, false, 0),
                                                 TG__POOL_FIELD(ceil_mode, BOOL, false, 0),
                                                 TG__POOL_FIELD(count_include_pad, BOOL, false, 1),
                                                 TG__POOL_FIELD(divisor_override, INT, false, 0),
                                                 TG__POOL_FIELD(adaptive, BOOL, false, 0),
                                                 TG__POOL_FIELD(output_size, SHAPE, false, 0),
                                                 {0}};
static bool avg_pool_grad_forward(const tg__call *c) {
    const tg__pool_attr *a = c->attr;
    const int nd = a->size.n;
    bool good = nd >= 1 && nd <= TG__SPATIAL && c->in[0]->ndim > nd;
    for (int d = 0; good && d < nd; d++)
        good = a->size.size[d] > 0 && a->size.size[d] < TG__SPATIAL_MOST;
    if (good)
        return means(c, nd, true);
    tg__fail(TG_ERR_SHAPE, c->op->name, "g is %s; size needs 1 to %d spatial sizes of at least 1",
             tg__describe(c->in[0]), TG__SPATIAL);
    return false;
}
static void avg_pool_grad_rule(tg__rule *r) {
    const tg__pool_attr *a = r->attr;
    static const tg__op *const of[2][TG__SPATIAL] = {
        {&tg__op_avg_pool1d, &tg__op_avg_pool2d, &tg__op_avg_pool3d},
        {&tg__op_adaptive_avg_pool1d, &tg__op_adaptive_avg_pool2d, &tg__op_adaptive_avg_pool3d}};
    r->gin[0] = tg__apply1(of[a->adaptive ? 1 : 0][a->size.n - 1], r->g[0], a);
}
TG_OP(avg_pool_grad, .maths = "g shared out over its windows", .inputs = "g", .n_in = 1,
      .flags = TG__INTERNAL, .fields = avg_pool_grad_fields, .attr_size = sizeof(tg__pool_attr),
      .forward = avg_pool_grad_forward, .rule = avg_pool_grad_rule, .onnx = {"composed"});
TG_SAMPLES(avg_pool_grad, "[2,3] | size=6 kernel_size=2", "[2,3] | size=5 adaptive=1 output_size=3",
           "[1,2,2,3] | size=3,4 kernel_size=2 stride=1,2 padding=0,1 count_include_pad=0");

/* ---- lp_pool1d, 2d, 3d: (Σ xᵖ)^(1/p) of each window ---- */
static const tg__field lp_pool_fields[] = {
    {"p", TG_ATTR_FLOAT, offsetof(tg__pool_attr, p), true, 0, 0},
    TG__POOL_FIELD(kernel_size, INTS, true, 0),
    TG__POOL_FIELD(stride, INTS, false, 0),
    TG__POOL_FIELD(ceil_mode, BOOL, false, 0),
    {0}};
/* The mean is turned into a sum by the kernel's size, also where ceil_mode cuts a window off: so
 * PyTorch does it. The way through sign, relu and abs makes the gradient 0 where the sum is 0. */
static bool lp_pool_forward(const tg__call *c) {
    const int nd = c->op->kernel;
    tg__pool_attr a = *(const tg__pool_attr *)c->attr;
    static const tg__op *const means_of[] = {&tg__op_avg_pool1d, &tg__op_avg_pool2d,
                                             &tg__op_avg_pool3d};
    if (!(a.p > 0) || a.p > 1e300) {
        tg__fail(TG_ERR_ARG, c->op->name, "p is %s; give a finite number above 0", tg__num(a.p));
        return false;
    }
    if (!tg__float_only(c->op->name, c->in[0]))
        return false;
    a.count_include_pad = true;
    tg_tensor *mean = tg__apply1(means_of[nd - 1], tg_pow_scalar(c->in[0], a.p), &a);
    double count = 1;
    for (int d = 0; d < nd; d++)
        count *= (double)a.kernel_size.value[a.kernel_size.n == 1 ? 0 : d];
    tg_tensor *sum = tg_mul_scalar(tg_mul(tg_sign(mean), tg_relu(tg_abs(mean))), count);
    c->out[0] = tg_pow_scalar(sum, 1.0 / a.p);
    return c->out[0] != NULL;
}
#define LP_POOL(nd)                                                                                \
    .maths = "(sum of x^p)^(1/p) of each window", .inputs = "x", .n_in = 1, .kernel = (nd),        \
    .flags = TG__COMPOSED, .fields = lp_pool_fields, .attr_size = sizeof(tg__pool_attr),           \
    .forward = lp_pool_forward, .onnx = {"composed"}
TG_OP(lp_pool1d, LP_POOL(1));
TG_SAMPLES(lp_pool1d, "+[2,2,5] | p=2 kernel_size=2", "+[2,5] | p=1.5 kernel_size=3 stride=1",
           "+[1,1,5] | p=3 kernel_size=2 ceil_mode=1");
TG_OP(lp_pool2d, LP_POOL(2));
TG_SAMPLES(lp_pool2d, "+[1,2,4,4] | p=2 kernel_size=2", "+[2,4,3] | p=3 kernel_size=3,2 stride=1");
TG_OP(lp_pool3d, LP_POOL(3));
TG_SAMPLES(lp_pool3d, "+[1,2,2,3,4] | p=2 kernel_size=2,2,3 stride=1");

static tg_tensor *lp_pooled(const tg__op *op, tg_tensor *x, double p, int n,
                            const int64_t *kernel_size, const tg_pool_options *options) {
    tg__pool_attr a;
    if (!tg__pool_options(op->name, op->kernel, n, kernel_size, options, &a))
        return NULL;
    bool plain = a.divisor_override == 0 && a.count_include_pad;
    for (int d = 0; d < op->kernel; d++)
        plain &= a.padding.value[d] == 0 && a.dilation.value[d] == 1;
    if (!plain) {
        tg__fail(TG_ERR_ARG, op->name, "takes stride and ceil_mode only, of the options");
        return NULL;
    }
    a.padding.n = a.dilation.n = 0;
    a.p = p;
    return tg__apply1(op, x, &a);
}
tg_tensor *tg_lp_pool1d(tg_tensor *x, double p, int n, const int64_t *kernel_size,
                        const tg_pool_options *options) {
    return lp_pooled(&tg__op_lp_pool1d, x, p, n, kernel_size, options);
}
tg_tensor *tg_lp_pool2d(tg_tensor *x, double p, int n, const int64_t *kernel_size,
                        const tg_pool_options *options) {
    return lp_pooled(&tg__op_lp_pool2d, x, p, n, kernel_size, options);
}
tg_tensor *tg_lp_pool3d(tg_tensor *x, double p, int n, const int64_t *kernel_size,
                        const tg_pool_options *options) {
    return lp_pooled(&tg__op_lp_pool3d, x, p, n, kernel_size, options);
}

/* ---- local_response_norm: x / (k + α·mean of x² over `size` channels)^β ---- */
typedef struct {
    int64_t size;
    double alpha, beta, k;
} norm_attr;
static const tg__field norm_fields[] = {
    {"size", TG_ATTR_INT, offsetof(norm_attr, size), true, 0, 0},
    {"alpha", TG_ATTR_FLOAT, offsetof(norm_attr, alpha), false, 0, 1e-4},
    {"beta", TG_ATTR_FLOAT, offsetof(norm_attr, beta), false, 0, 0.75},
    {"k", TG_ATTR_FLOAT, offsetof(norm_attr, k), false, 0, 1.0},
    {0}};
static bool local_response_norm_check(const tg__call *c) {
    const norm_attr *a = c->attr;
    const tg_tensor *x = c->in[0];
    if (x->ndim < 3) {
        tg__fail(TG_ERR_SHAPE, c->op->name, "x is %s; give [N, C, ...], at least 3-d",
                 tg__describe(x));
        return false;
    }
    if (a->size < 1 || a->size > INT32_MAX) {
        tg__fail(TG_ERR_ARG, c->op->name, "size is %lld; give 1 to %d", (long long)a->size,
                 INT32_MAX);
        return false;
    }
    const double values[] = {a->alpha, a->beta, a->k};
    static const char *const names[] = {"alpha", "beta", "k"};
    for (int i = 0; i < 3; i++)
        if (!(values[i] - values[i] == 0)) {
            tg__fail(TG_ERR_ARG, c->op->name, "%s is %s; give a finite number", names[i],
                     tg__num(values[i]));
            return false;
        }
    return tg__float_only(c->op->name, x);
}
/* A mean over windows of channels, channel i at the place size / 2 of its window. */
static bool local_response_norm_forward(const tg__call *c) {
    const norm_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    if (!local_response_norm_check(c))
        return false;
    if (x->numel == 0) {
        c->out[0] = tg_clone(x);
        return c->out[0] != NULL;
    }
    const int64_t channels = x->shape[1];
    int64_t rest = 1;
    for (int i = 2; i < x->ndim; i++)
        rest *= x->shape[i];
    tg__pool_attr mean = {.count_include_pad = true, .divisor_override = a->size};
    tg__ints_from(&mean.kernel_size, 2, (const int64_t[]){a->size, 1});
    tg__ints_from(&mean.stride, 1, (const int64_t[]){1});
    tg__ints_from(&mean.padding, 2, (const int64_t[]){a->size / 2, 0});
    tg_tensor *squares = tg_reshape(tg_square(x), TG_SHAPE(x->shape[0], channels, rest));
    squares = tg__apply1(&tg__op_avg_pool2d, squares, &mean);
    squares = tg_reshape(tg_narrow(squares, 1, 0, channels), x->ndim, x->shape);
    tg_tensor *scale = tg_add_scalar(tg_mul_scalar(squares, a->alpha), a->k);
    c->out[0] = tg_div(x, tg_pow_scalar(scale, a->beta));
    return c->out[0] != NULL;
}
TG_OP(local_response_norm, .maths = "x / (k + alpha * mean of x^2 over channels)^beta",
      .inputs = "x", .n_in = 1, .flags = TG__COMPOSED, .fields = norm_fields,
      .attr_size = sizeof(norm_attr), .forward = local_response_norm_forward,
      .onnx = {"LRN", 13, "size=size,alpha=alpha,beta=beta,bias=k"});
TG_SAMPLES(local_response_norm, "[2,4,3] | size=3", "[1,5,2,2] | size=2 alpha=0.5 beta=0.5 k=2",
           "[2,3,2] | size=5 alpha=1");
tg_tensor *tg_local_response_norm(tg_tensor *x, int64_t size,
                                  const tg_local_response_norm_options *options) {
    tg_local_response_norm_options o = TG_LOCAL_RESPONSE_NORM_OPTIONS_INIT;
    if (tg__options("local_response_norm", "tg_local_response_norm_options",
                    "TG_LOCAL_RESPONSE_NORM_OPTIONS_INIT", options, &o, sizeof o) != TG_OK)
        return NULL;
    return tg__apply1(&tg__op_local_response_norm, x, &(norm_attr){size, o.alpha, o.beta, o.k});
}
