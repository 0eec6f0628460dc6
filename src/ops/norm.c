/* norm.c - normalisation over the last dims: layer, rms, group and instance.
 *
 * All of it is one function of rows, `norm`: x̂ = (x - mean) / √(variance + eps). Its gradient
 * keeps x only; the kernel finds the moments again. With r = 1 / √(variance + eps), M the mean over
 * a row and v = g·weight:
 *
 *     norm_grad(g, x, weight) = r (v - M(v) - x̂ M(v x̂)) = r P v,  P = P(x) symmetric
 *
 * so the derivative of hᵀ r P v to v is norm_grad(h, x) again, and to x
 *
 *     -r² (M(h v) - M(h) M(v) - M(h x̂) M(v x̂)) x̂ + r P q,  q = -r (h M(v x̂) + v M(h x̂))
 *
 * from dr/dx = -r² x̂ / n and dx̂/dx = r P. Without centring M(v) and M(h) are left out. */
#include "ops/norm.h"

#include "kernels/norm.h"
#include "ops/elementwise.h"

#include <float.h>
#include <math.h>

static const tg__field norm_fields[] = {
    {"last", TG_ATTR_INT, offsetof(tg__norm_attr, last), false, 1, 0},
    {"eps", TG_ATTR_FLOAT, offsetof(tg__norm_attr, eps), false, 0, 1e-5},
    {"center", TG_ATTR_BOOL, offsetof(tg__norm_attr, center), false, 1, 0},
    {"channel", TG_ATTR_BOOL, offsetof(tg__norm_attr, channel), false, 0, 0},
    {0}};
#define NORM                                                                                       \
    .flags = TG__INTERNAL, .fields = norm_fields, .attr_size = sizeof(tg__norm_attr),              \
    .onnx = {"composed"}

/* ---- Checks ---- */

bool tg__norm_eps(const char *op, double eps) {
    if (eps >= 0 && eps < INFINITY)
        return true;
    tg__fail(TG_ERR_ARG, op, "eps is %s; give a finite number >= 0", tg__num(eps));
    return false;
}

/* The shape of a weight for x. */
static int weight_shape(const tg_tensor *x, const tg__norm_attr *a, int64_t *shape) {
    if (a->channel) {
        shape[0] = x->shape[1];
        return 1;
    }
    for (int i = 0; i < a->last; i++)
        shape[i] = x->shape[x->ndim - a->last + i];
    return (int)a->last;
}

static bool check_weight(const char *op, const char *name, const tg_tensor *w, const tg_tensor *x,
                         const tg__norm_attr *a) {
    int64_t shape[TG_MAX_DIMS];
    int n = weight_shape(x, a, shape);
    bool fits = w->ndim == n;
    for (int i = 0; fits && i < n; i++)
        fits = w->shape[i] == shape[i];
    if (!fits) {
        tg__fail(TG_ERR_SHAPE, op, "%s is %s for x %s; give %s", name, tg__describe(w),
                 tg__describe(x), tg__describe_shape(n, shape));
        return false;
    }
    if (w->dtype != x->dtype) {
        tg__fail(TG_ERR_DTYPE, op, "%s is %s and x is %s; they must have one dtype: use tg_cast",
                 name, tg__describe(w), tg__describe(x));
        return false;
    }
    return true;
}

static bool check_norm(const char *op, const tg_tensor *x, const tg_tensor *weight,
                       const tg_tensor *bias, const tg__norm_attr *a) {
    if (!tg__float_only(op, x) || !tg__norm_eps(op, a->eps))
        return false;
    if (a->channel ? x->ndim < 2 : a->last < 1 || a->last > x->ndim) {
        tg__fail(TG_ERR_SHAPE, op, "x is %s; it needs %s", tg__describe(x),
                 a->channel ? "[N, C, ...]" : "the dims to normalise over");
        return false;
    }
    return (tg__absent(weight) || check_weight(op, "weight", weight, x, a)) &&
           (tg__absent(bias) || check_weight(op, "bias", bias, x, a));
}

/* ---- norm: x̂·weight + bias over rows ---- */

static tg__norm plan(const tg_tensor *x, const tg__norm_attr *a) {
    tg__norm p = {.dtype = (tg_dtype)x->dtype, .outer = 1, .rows = 1, .inner = 1};
    p.eps = a->eps;
    p.center = a->center;
    p.x = x->data;
    for (int i = 0; i < x->ndim; i++) {
        bool inner = a->channel ? i > 1 : i >= x->ndim - a->last;
        bool outer = a->channel && i == 0;
        *(inner ? &p.inner : outer ? &p.outer : &p.rows) *= x->shape[i];
    }
    return p;
}

/* Packed operands of a call, TG_NONE as NULL; false with an error. */
static bool pack_all(const tg__call *c, tg_tensor **packed) {
    for (int i = 0; i < c->n_in; i++) {
        if (tg__absent(c->in[i]))
            continue;
        packed[i] = tg__packed(c->op->name, c->in[i]);
        if (packed[i] == NULL)
            return false;
    }
    return true;
}
static void unpack_all(tg_tensor **packed) {
    for (int i = 0; i < 3; i++)
        tg__unref(packed[i]);
}
static const void *data_of(const tg_tensor *x) { return x != NULL ? x->data : NULL; }

/* False, with an error: a kernel had no memory, unless there was none for its output already. */
static bool no_memory(const tg__call *c) {
    if (c->out[0] != NULL)
        tg__fail_memory(c->op->name, (uint64_t)c->in[0]->numel * 2 * sizeof(double));
    return false;
}

static bool norm_forward(const tg__call *c) {
    const tg__norm_attr *a = c->attr;
    tg_tensor *in[3] = {NULL};
    if (!check_norm(c->op->name, c->in[0], c->in[1], c->in[2], a))
        return false;
    bool good = false;
    if (pack_all(c, in))
        c->out[0] = tg__new(c->op->name, (tg_dtype)in[0]->dtype, in[0]->ndim, in[0]->shape);
    if (c->out[0] != NULL) {
        tg__norm p = plan(in[0], a);
        good = tg__norm_forward(&p, a->channel, data_of(in[1]), data_of(in[2]), c->out[0]->data);
    }
    unpack_all(in);
    return good || no_memory(c);
}

/* The dims of x that a row covers (or, the others) as a list for reductions; how many. */
static int row_dims(int ndim, const tg__norm_attr *a, bool others, int *dims) {
    int n = 0;
    for (int i = 0; i < ndim; i++)
        if ((a->channel ? i != 1 : i >= ndim - a->last) != others)
            dims[n++] = i;
    return n;
}
/* The sum over all dims that a weight lacks. */
static tg_tensor *to_weight(tg_tensor *g, const tg__norm_attr *a) {
    int dims[TG_MAX_DIMS];
    if (g == NULL)
        return NULL;
    const bool others = !a->channel;
    int n = row_dims(g->ndim, a, others, dims);
    return n > 0 ? tg_sum(g, n, dims, false) : g;
}
static tg_tensor *row_mean(tg_tensor *x, const tg__norm_attr *a) {
    int dims[TG_MAX_DIMS];
    return x != NULL ? tg_mean(x, row_dims(x->ndim, a, false, dims), dims, true) : NULL;
}
/* A weight in a shape that broadcasts against x. */
static tg_tensor *to_x(tg_tensor *w, int ndim, const tg__norm_attr *a) {
    int64_t shape[TG_MAX_DIMS];
    if (!a->channel)
        return w;
    for (int i = 0; i < ndim; i++)
        shape[i] = i == 1 ? w->shape[0] : 1;
    return tg_reshape(w, ndim, shape);
}

static void norm_rule(tg__rule *r) {
    const tg__norm_attr *a = r->attr;
    tg_tensor *g = r->g[0];
    if (r->wanted[0])
        r->gin[0] =
            tg__apply3(&tg__op_norm_grad, g, r->in[0], r->in[1] != NULL ? r->in[1] : TG_NONE, a);
    if (r->wanted[1])
        r->gin[1] = tg__apply2(&tg__op_norm_weight_grad, g, r->in[0], a);
    if (r->wanted[2])
        r->gin[2] = to_weight(g, a);
}
TG_OP(norm, .maths = "(x - mean) / sqrt(variance + eps) * weight + bias", .inputs = "x weight bias",
      .n_in = 3, .n_optional = 2, NORM, .forward = norm_forward, .rule = norm_rule,
      .saves = {TG__SAVE_IN(0, 3), TG__SAVE_IN(1, 1)});
TG_SAMPLES(norm, "[2,5] none none", "[2,2,3] [2,3] none | last=2", "[3,4] none [4] | center=0",
           "[3,2,2] [2] [2] | channel=1", "[4,3] [3] none | channel=1 eps=0.1");

/* ---- norm_grad: r P (g·weight) ---- */
static bool norm_grad_forward(const tg__call *c) {
    const tg__norm_attr *a = c->attr;
    tg_tensor *in[3] = {NULL};
    if (!check_norm(c->op->name, c->in[1], c->in[2], TG_NONE, a))
        return false;
    if (!tg__same_shape(c->in[0], c->in[1]) || c->in[0]->dtype != c->in[1]->dtype) {
        tg__fail(TG_ERR_SHAPE, c->op->name, "g %s and x %s must be alike", tg__describe(c->in[0]),
                 tg__describe(c->in[1]));
        return false;
    }
    bool good = false;
    if (pack_all(c, in))
        c->out[0] = tg__new(c->op->name, (tg_dtype)in[1]->dtype, in[1]->ndim, in[1]->shape);
    if (c->out[0] != NULL) {
        tg__norm p = plan(in[1], a);
        good = tg__norm_backward(&p, a->channel, in[0]->data, data_of(in[2]), c->out[0]->data);
    }
    unpack_all(in);
    return good || no_memory(c);
}

/* 1 / √(variance + eps) of each row, in a shape that broadcasts against x. */
static tg_tensor *row_scale(tg_tensor *x, const tg__norm_attr *a) {
    tg_tensor *d = a->center ? tg_sub(x, row_mean(x, a)) : x;
    return tg_rsqrt(tg_add_scalar(row_mean(tg_square(d), a), a->eps));
}

/* The gradient to x of hᵀ·norm_grad(v, x). */
static tg_tensor *curvature(tg_tensor *h, tg_tensor *v, tg_tensor *x, const tg__norm_attr *a) {
    tg_tensor *normal = tg__apply3(&tg__op_norm, x, TG_NONE, TG_NONE, a);
    tg_tensor *scale = row_scale(x, a);
    tg_tensor *hx = row_mean(tg_mul(h, normal), a);
    tg_tensor *vx = row_mean(tg_mul(v, normal), a);
    tg_tensor *along = tg_sub(row_mean(tg_mul(h, v), a), tg_mul(hx, vx));
    if (a->center)
        along = tg_sub(along, tg_mul(row_mean(h, a), row_mean(v, a)));
    tg_tensor *q = tg_mul(tg_neg(scale), tg_add(tg_mul(h, vx), tg_mul(v, hx)));
    return tg_sub(tg__apply3(&tg__op_norm_grad, q, x, TG_NONE, a),
                  tg_mul(tg_mul(tg_square(scale), along), normal));
}

static void norm_grad_rule(tg__rule *r) {
    const tg__norm_attr *a = r->attr;
    tg_tensor *h = r->g[0];
    tg_tensor *x = r->in[1];
    tg_tensor *w = r->in[2] != NULL ? to_x(r->in[2], x->ndim, a) : NULL;
    if (r->wanted[0] || r->wanted[2]) {
        tg_tensor *t = tg__apply3(&tg__op_norm_grad, h, x, TG_NONE, a);
        if (r->wanted[0])
            r->gin[0] = r->in[2] != NULL ? tg_mul(t, w) : t;
        if (r->wanted[2])
            r->gin[2] = to_weight(tg_mul(r->in[0], t), a);
    }
    if (r->wanted[1])
        r->gin[1] = curvature(h, r->in[2] != NULL ? tg_mul(r->in[0], w) : r->in[0], x, a);
}
TG_OP(norm_grad, .maths = "gradient of norm to x", .inputs = "g x weight", .n_in = 3,
      .n_optional = 1, NORM, .forward = norm_grad_forward, .rule = norm_grad_rule,
      .saves = {TG__SAVE_IN(0, 6), TG__SAVE_IN(1, TG__ANY), TG__SAVE_IN(2, 3)});
TG_SAMPLES(norm_grad, "[2,5] [2,5] none", "[2,2,3] [2,2,3] [2,3] | last=2 eps=0.1",
           "[3,4] [3,4] [4] | center=0", "[3,2,2] [3,2,2] [2] | channel=1",
           "[4,3] [4,3] none | channel=1");

/* ---- norm_weight_grad: Σ g·x̂ ---- */
static bool norm_weight_grad_forward(const tg__call *c) {
    const tg__norm_attr *a = c->attr;
    tg_tensor *in[3] = {NULL};
    const tg_tensor *x = c->in[1];
    if (!check_norm(c->op->name, x, TG_NONE, TG_NONE, a))
        return false;
    if (!tg__same_shape(c->in[0], x) || c->in[0]->dtype != x->dtype) {
        tg__fail(TG_ERR_SHAPE, c->op->name, "g %s and x %s must be alike", tg__describe(c->in[0]),
                 tg__describe(x));
        return false;
    }
    if (pack_all(c, in)) {
        int64_t shape[TG_MAX_DIMS];
        int n = weight_shape(x, a, shape);
        c->out[0] = tg__new(c->op->name, (tg_dtype)x->dtype, n, shape);
    }
    bool good = false;
    if (c->out[0] != NULL) {
        tg__norm p = plan(in[1], a);
        good = tg__norm_weight(&p, a->channel, in[0]->data, c->out[0]->data);
    }
    unpack_all(in);
    return good || no_memory(c);
}
static void norm_weight_grad_rule(tg__rule *r) {
    const tg__norm_attr *a = r->attr;
    if (r->wanted[0])
        r->gin[0] = tg__apply3(&tg__op_norm, r->in[1], r->g[0], TG_NONE, a);
    if (r->wanted[1])
        r->gin[1] = tg__apply3(&tg__op_norm_grad, r->in[0], r->in[1], r->g[0], a);
}
TG_OP(norm_weight_grad, .maths = "sum(g * norm(x)) over rows", .inputs = "g x", .n_in = 2, NORM,
      .forward = norm_weight_grad_forward, .rule = norm_weight_grad_rule,
      .saves = {TG__SAVE_IN(0, 2), TG__SAVE_IN(1, TG__ANY)});
TG_SAMPLES(norm_weight_grad, "[2,5] [2,5]", "[2,2,3] [2,2,3] | last=2 center=0",
           "[3,2,2] [3,2,2] | channel=1");

tg_tensor *tg__norm_rows(tg_tensor *x, tg_tensor *weight, tg_tensor *bias, const tg__norm_attr *a) {
    return tg__apply3(&tg__op_norm, x, weight, bias, a);
}

/* ---- layer_norm, rms_norm ---- */
typedef struct {
    tg__sizes normalized_shape;
    double eps;
} layer_attr;
static const tg__field layer_fields[] = {
    {"normalized_shape", TG_ATTR_SHAPE, offsetof(layer_attr, normalized_shape), true, 0, 0},
    {"eps", TG_ATTR_FLOAT, offsetof(layer_attr, eps), false, 0, 1e-5},
    {0}};
static const tg__field rms_fields[] = {
    {"normalized_shape", TG_ATTR_SHAPE, offsetof(layer_attr, normalized_shape), true, 0, 0},
    {"eps", TG_ATTR_FLOAT, offsetof(layer_attr, eps), false, 0, -1.0},
    {0}};

static bool over_last_dims(const tg__call *c, bool center, double eps, tg_tensor *bias) {
    const layer_attr *a = c->attr;
    const tg_tensor *x = c->in[0];
    const tg__sizes *shape = &a->normalized_shape;
    bool fits = shape->n >= 1 && shape->n <= x->ndim;
    for (int i = 0; fits && i < shape->n; i++)
        fits = shape->size[i] == x->shape[x->ndim - shape->n + i];
    if (!fits) {
        tg__fail(TG_ERR_SHAPE, c->op->name,
                 "normalized_shape is %s for x %s; give the sizes of its last dims, at least one",
                 tg__describe_shape(shape->n, shape->size), tg__describe(x));
        return false;
    }
    tg__norm_attr at = {.last = shape->n, .eps = eps, .center = center};
    c->out[0] = tg__norm_rows(c->in[0], c->in[1], bias, &at);
    return c->out[0] != NULL;
}
static bool layer_norm_forward(const tg__call *c) {
    return over_last_dims(c, true, ((const layer_attr *)c->attr)->eps, c->in[2]);
}
TG_OP(layer_norm, .maths = "(x - mean) / sqrt(variance + eps) * weight + bias over the last dims",
      .inputs = "x weight bias", .n_in = 3, .n_optional = 2, .flags = TG__COMPOSED,
      .fields = layer_fields, .attr_size = sizeof(layer_attr), .forward = layer_norm_forward,
      .onnx = {"LayerNormalization", 17, "epsilon=eps"});
TG_SAMPLES(layer_norm, "[2,5] [5] [5] | normalized_shape=5",
           "[2,2,3] [2,3] none | normalized_shape=2,3 eps=0.1",
           "[3,4] none none | normalized_shape=4", "[4] none [4] | normalized_shape=4");

static bool sizes_from(const char *op, int ndim, const int64_t *shape, layer_attr *a) {
    if (ndim < 0 || ndim > TG_MAX_DIMS || (ndim > 0 && shape == NULL)) {
        tg__fail(TG_ERR_SHAPE, op, "normalized_shape has %d dims%s; give 1 to %d", ndim,
                 shape == NULL ? " at NULL" : "", TG_MAX_DIMS);
        return false;
    }
    a->normalized_shape.n = ndim;
    for (int i = 0; i < ndim; i++)
        a->normalized_shape.size[i] = shape[i];
    return true;
}
tg_tensor *tg_layer_norm(tg_tensor *x, int ndim, const int64_t *normalized_shape,
                         tg_tensor *weight_or_none, tg_tensor *bias_or_none, double eps) {
    layer_attr a = {.eps = eps};
    if (!sizes_from("layer_norm", ndim, normalized_shape, &a))
        return NULL;
    return tg__apply3(&tg__op_layer_norm, x, weight_or_none, bias_or_none, &a);
}

/* A negative eps stands for the distance from 1 to the next number of x's dtype. */
static bool rms_norm_forward(const tg__call *c) {
    double eps = ((const layer_attr *)c->attr)->eps;
    if (eps < 0)
        eps = c->in[0]->dtype == TG_F64 ? DBL_EPSILON : (double)FLT_EPSILON;
    return over_last_dims(c, false, eps, TG_NONE);
}
TG_OP(rms_norm, .maths = "x / sqrt(mean(x^2) + eps) * weight over the last dims",
      .inputs = "x weight", .n_in = 2, .n_optional = 1, .flags = TG__COMPOSED, .fields = rms_fields,
      .attr_size = sizeof(layer_attr), .forward = rms_norm_forward, .onnx = {"composed"});
TG_SAMPLES(rms_norm, "[2,5] [5] | normalized_shape=5",
           "[2,2,3] [2,3] | normalized_shape=2,3 eps=0.1", "[3,4] none | normalized_shape=4");
tg_tensor *tg_rms_norm(tg_tensor *x, int ndim, const int64_t *normalized_shape,
                       tg_tensor *weight_or_none, double eps) {
    layer_attr a = {.eps = eps};
    if (!sizes_from("rms_norm", ndim, normalized_shape, &a))
        return NULL;
    return tg__apply2(&tg__op_rms_norm, x, weight_or_none, &a);
}

/* ---- group_norm, instance_norm: over groups of channels of x [N, C, …] ---- */
typedef struct {
    int64_t num_groups;
    double eps;
} group_attr;
static const tg__field group_fields[] = {
    {"num_groups", TG_ATTR_INT, offsetof(group_attr, num_groups), true, 0, 0},
    {"eps", TG_ATTR_FLOAT, offsetof(group_attr, eps), false, 0, 1e-5},
    {0}};

static bool over_groups(const tg__call *c, int64_t groups, double eps) {
    tg_tensor *x = c->in[0];
    const tg__norm_attr by_channel = {.eps = eps, .center = true, .channel = true};
    if (!check_norm(c->op->name, x, c->in[1], c->in[2], &by_channel))
        return false;
    int64_t n = x->shape[1] / groups;
    for (int i = 2; i < x->ndim; i++)
        n *= x->shape[i];
    const tg__norm_attr a = {.last = 1, .eps = eps, .center = true};
    tg_tensor *y = tg_reshape(x, TG_SHAPE(x->shape[0], groups, n));
    y = tg_reshape(tg__norm_rows(y, TG_NONE, TG_NONE, &a), x->ndim, x->shape);
    tg_tensor *weight = tg__absent(c->in[1]) ? NULL : to_x(c->in[1], x->ndim, &by_channel);
    tg_tensor *bias = tg__absent(c->in[2]) ? NULL : to_x(c->in[2], x->ndim, &by_channel);
    if (!tg__absent(c->in[1]) && !tg__absent(c->in[2]))
        y = tg_addcmul(bias, y, weight, 1.0);
    else if (!tg__absent(c->in[1]))
        y = tg_mul(y, weight);
    else if (!tg__absent(c->in[2]))
        y = tg_add(y, bias);
    c->out[0] = y;
    return y != NULL;
}

static bool group_norm_forward(const tg__call *c) {
    const group_attr *a = c->attr;
    const tg_tensor *x = c->in[0];
    if (a->num_groups < 1) {
        tg__fail(TG_ERR_ARG, "group_norm", "num_groups is %lld; give at least 1",
                 (long long)a->num_groups);
        return false;
    }
    if (x->ndim < 2 || x->shape[1] % a->num_groups != 0) {
        tg__fail(TG_ERR_SHAPE, "group_norm",
                 "x is %s and num_groups %lld; x is [N, C, ...] with C a multiple of num_groups",
                 tg__describe(x), (long long)a->num_groups);
        return false;
    }
    return over_groups(c, a->num_groups, a->eps);
}
TG_OP(group_norm,
      .maths = "(x - mean) / sqrt(variance + eps) * weight + bias over groups of channels",
      .inputs = "x weight bias", .n_in = 3, .n_optional = 2, .flags = TG__COMPOSED,
      .fields = group_fields, .attr_size = sizeof(group_attr), .forward = group_norm_forward,
      .onnx = {"GroupNormalization", 21, "epsilon=eps,num_groups=num_groups"});
TG_SAMPLES(group_norm, "[2,4,3] [4] [4] | num_groups=2", "[2,4] none none | num_groups=1",
           "[2,3,2,2] [3] none | num_groups=3 eps=0.1", "[3,4] none [4] | num_groups=1");
tg_tensor *tg_group_norm(tg_tensor *x, int64_t num_groups, tg_tensor *weight_or_none,
                         tg_tensor *bias_or_none, double eps) {
    return tg__apply3(&tg__op_group_norm, x, weight_or_none, bias_or_none,
                      &(group_attr){num_groups, eps});
}

static const tg__field instance_fields[] = {
    {"eps", TG_ATTR_FLOAT, offsetof(group_attr, eps), false, 0, 1e-5}, {0}};
static bool instance_norm_forward(const tg__call *c) {
    const group_attr *a = c->attr;
    const tg_tensor *x = c->in[0];
    if (x->ndim < 2) {
        tg__fail(TG_ERR_SHAPE, "instance_norm", "x is %s; give [N, C, ...]", tg__describe(x));
        return false;
    }
    int64_t n = 1;
    for (int i = 2; i < x->ndim; i++)
        n *= x->shape[i];
    if (n == 1) {
        tg__fail(TG_ERR_SHAPE, "instance_norm",
                 "x is %s: one value per channel, whose variance is 0; give more than one",
                 tg__describe(x));
        return false;
    }
    return over_groups(c, x->shape[1] > 0 ? x->shape[1] : 1, a->eps);
}
TG_OP(instance_norm,
      .maths = "(x - mean) / sqrt(variance + eps) * weight + bias per sample and channel",
      .inputs = "x weight bias", .n_in = 3, .n_optional = 2, .flags = TG__COMPOSED,
      .fields = instance_fields, .attr_size = sizeof(group_attr), .forward = instance_norm_forward,
      .onnx = {"InstanceNormalization", 6, "epsilon=eps"});
TG_SAMPLES(instance_norm, "[2,3,4] none none", "[2,2,2,2] [2] [2] | eps=0.1");
tg_tensor *tg_instance_norm(tg_tensor *x, tg_tensor *weight_or_none, tg_tensor *bias_or_none,
                            double eps) {
    return tg__apply3(&tg__op_instance_norm, x, weight_or_none, bias_or_none,
                      &(group_attr){1, eps});
}
