/* softmax.c - softmax, its logarithm, and logsumexp: one pass per row in the kernels. */
#include "ops/softmax.h"

#include "kernels/reduce.h"
#include "ops/elementwise.h"
#include "ops/reduce.h"
#include "ops/view.h"

#include <tensorgrad/autograd.h>

#define ALONG_DIM .fields = tg__along_fields, .attr_size = sizeof(tg__along)

/* Runs a row kernel over a (and b, of the same shape) along the attribute's dim. */
static bool rows(const tg__call *c, tg__row_op kind) {
    const tg__along *at = c->attr;
    const char *op = c->op->name;
    tg_tensor *x = c->in[0];
    int dim = tg__dim(op, x, at->dim);
    if (dim < 0 || !tg__float_only(op, x))
        return false;
    if (c->n_in == 2 && (!tg__same_shape(x, c->in[1]) || x->dtype != c->in[1]->dtype)) {
        tg__fail(TG_ERR_SHAPE, op, "%s and %s must be alike", tg__describe(x),
                 tg__describe(c->in[1]));
        return false;
    }
    tg_tensor *a = tg__packed(op, x);
    tg_tensor *b = a != NULL && c->n_in == 2 ? tg__packed(op, c->in[1]) : NULL;
    if (a != NULL && (c->n_in == 1 || b != NULL))
        c->out[0] = tg__new(op, (tg_dtype)x->dtype, x->ndim, x->shape);
    if (c->out[0] != NULL && x->numel > 0) {
        int64_t n = x->ndim > 0 ? x->shape[dim] : 1;
        int64_t inner = 1;
        for (int i = dim + 1; i < x->ndim; i++)
            inner *= x->shape[i];
        tg__row(kind, (tg_dtype)x->dtype, x->numel / (n * inner), n, inner, a->data,
                b != NULL ? b->data : NULL, c->out[0]->data);
    }
    tg__unref(a);
    tg__unref(b);
    return c->out[0] != NULL;
}

/* ---- softmax ---- */
static bool softmax_forward(const tg__call *c) { return rows(c, TG__ROW_SOFTMAX); }
static void softmax_rule(tg__rule *r) {
    r->gin[0] = tg__apply2(&tg__op_softmax_grad, r->g[0], r->out[0], r->attr);
}
TG_OP(softmax, .maths = "e^x / sum(e^x) along dim", .inputs = "x", .n_in = 1, ALONG_DIM,
      .forward = softmax_forward, .rule = softmax_rule, .saves = {TG__SAVE_OUT(0, 1)},
      .onnx = {"Softmax", 13, "axis=dim"});
TG_SAMPLES(softmax, "[2,3] | dim=-1", "[2,3,2] | dim=1", "[] | dim=0");
tg_tensor *tg_softmax(tg_tensor *x, int dim) {
    return tg__apply1(&tg__op_softmax, x, &(tg__along){dim});
}

/* ---- softmax_grad: f = y(g - s), s = Σ g·y. d/dg = softmax_grad(h, y);
 *      d/dy = h(g - s) - g·t, t = Σ h·y ---- */
static bool softmax_grad_forward(const tg__call *c) { return rows(c, TG__ROW_SOFTMAX_GRAD); }
static void softmax_grad_rule(tg__rule *r) {
    const tg__along *a = r->attr;
    int dim = (int)a->dim;
    tg_tensor *h = r->g[0];
    tg_tensor *y = r->in[1];
    if (r->wanted[0])
        r->gin[0] = tg__apply2(&tg__op_softmax_grad, h, y, a);
    if (!r->wanted[1])
        return;
    tg_tensor *g = r->in[0];
    tg_tensor *s = tg_sum(tg_mul(g, y), TG_DIMS(dim), true);
    tg_tensor *t = tg_sum(tg_mul(h, y), TG_DIMS(dim), true);
    r->gin[1] = tg_sub(tg_mul(h, tg_sub(g, s)), tg_mul(g, t));
}
TG_OP(softmax_grad, .maths = "y * (g - sum(g * y))", .inputs = "g y", .n_in = 2,
      .flags = TG__INTERNAL, ALONG_DIM, .forward = softmax_grad_forward, .rule = softmax_grad_rule,
      .saves = {TG__SAVE_IN(0, 2), TG__SAVE_IN(1, TG__ANY)}, .onnx = {"composed"});
TG_SAMPLES(softmax_grad, "[2,3] [2,3] | dim=-1", "[2,3] [2,3] | dim=0");
tg_tensor *tg__softmax_grad(tg_tensor *g, tg_tensor *y, int dim) {
    return tg__apply2(&tg__op_softmax_grad, g, y, &(tg__along){dim});
}

/* ---- log_softmax ---- */
static bool log_softmax_forward(const tg__call *c) { return rows(c, TG__ROW_LOG_SOFTMAX); }
static void log_softmax_rule(tg__rule *r) {
    r->gin[0] = tg__apply2(&tg__op_log_softmax_grad, r->g[0], r->out[0], r->attr);
}
TG_OP(log_softmax, .maths = "x - ln(sum(e^x)) along dim", .inputs = "x", .n_in = 1, ALONG_DIM,
      .forward = log_softmax_forward, .rule = log_softmax_rule, .saves = {TG__SAVE_OUT(0, 1)},
      .onnx = {"LogSoftmax", 13, "axis=dim"});
TG_SAMPLES(log_softmax, "[2,3] | dim=-1", "[2,3,2] | dim=1", "[] | dim=0");
tg_tensor *tg_log_softmax(tg_tensor *x, int dim) {
    return tg__apply1(&tg__op_log_softmax, x, &(tg__along){dim});
}

/* ---- log_softmax_grad: f = g - eʸ·s, s = Σ g. d/dg = h - Σ h·eʸ; d/dy = -h·eʸ·s ---- */
static bool log_softmax_grad_forward(const tg__call *c) {
    return rows(c, TG__ROW_LOG_SOFTMAX_GRAD);
}
static void log_softmax_grad_rule(tg__rule *r) {
    const tg__along *a = r->attr;
    int dim = (int)a->dim;
    tg_tensor *h = r->g[0];
    tg_tensor *weighted = tg_mul(h, tg_exp(r->in[1]));
    if (r->wanted[0])
        r->gin[0] = tg_sub(h, tg_sum(weighted, TG_DIMS(dim), true));
    if (r->wanted[1])
        r->gin[1] = tg_neg(tg_mul(weighted, tg_sum(r->in[0], TG_DIMS(dim), true)));
}
TG_OP(log_softmax_grad, .maths = "g - e^y * sum(g)", .inputs = "g y", .n_in = 2,
      .flags = TG__INTERNAL, ALONG_DIM, .forward = log_softmax_grad_forward,
      .rule = log_softmax_grad_rule, .saves = {TG__SAVE_IN(0, 2), TG__SAVE_IN(1, TG__ANY)},
      .onnx = {"composed"});
TG_SAMPLES(log_softmax_grad, "[2,3] [2,3] | dim=-1", "[2,3] [2,3] | dim=0");

/* ---- logsumexp over any dims ---- */
typedef struct {
    tg__dims dims;
    bool keepdim;
} logsumexp_attr;
static const tg__field logsumexp_fields[] = {
    {"dims", TG_ATTR_DIMS, offsetof(logsumexp_attr, dims), false, 0, 0},
    {"keepdim", TG_ATTR_BOOL, offsetof(logsumexp_attr, keepdim), false, 0, 0},
    {0}};
static bool logsumexp_forward(const tg__call *c) {
    const logsumexp_attr *a = c->attr;
    tg_tensor *x = tg__as("logsumexp", c->in[0], c->in[0]->dtype == TG_F64 ? TG_F64 : TG_F32);
    uint32_t mask;
    if (x == NULL || !tg__mask_of("logsumexp", x, &a->dims, &mask)) {
        tg__unref(x);
        return false;
    }
    /* Kept dims first, then the reduced ones, packed: each output is one row. */
    tg_tensor moved = *x;
    int64_t shape[TG_MAX_DIMS];
    int64_t n = 1;
    int at = 0;
    int n_out = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < x->ndim; i++) {
            bool reduced = mask >> i & 1;
            if (pass == 0 && (!reduced || a->keepdim))
                shape[n_out++] = reduced ? 1 : x->shape[i];
            if (reduced != (pass == 1))
                continue;
            moved.shape[at] = x->shape[i];
            moved.stride[at++] = x->stride[i];
            n *= reduced ? x->shape[i] : 1;
        }
    moved.flags = tg__is_row_major(moved.ndim, moved.shape, moved.stride) ? TG__CONTIGUOUS : 0;
    c->out[0] = tg__new("logsumexp", (tg_dtype)x->dtype, n_out, shape);
    tg_tensor *packed = c->out[0] != NULL
                            ? tg__new("logsumexp", (tg_dtype)x->dtype, moved.ndim, moved.shape)
                            : NULL;
    if (packed != NULL) {
        tg__pack(&moved, packed->data);
        tg__row_logsumexp((tg_dtype)x->dtype, c->out[0]->numel, n, 1, packed->data,
                          c->out[0]->data);
    }
    tg__unref(packed);
    tg__unref(x);
    return packed != NULL;
}
/* g·e^(x - y)/Σe^(x - y): softmax, whatever y is. It is only the shift that keeps the exponentials
 * in range, has no gradient of its own, and its rounding (1e-11 where y is 1e5) cancels. Where y is
 * -inf nothing was there to shift, and the gradient is 0; NaN stays where it arises. */
static void logsumexp_rule(tg__rule *r) {
    const logsumexp_attr *a = r->attr;
    tg_tensor *x = r->in[0];
    tg_tensor *y = tg_detach(r->out[0]);
    tg_tensor *g = r->g[0];
    y = tg_masked_fill(y, tg_eq_scalar(y, -__builtin_inf()), 0.0);
    if (!a->keepdim) {
        uint32_t mask;
        int64_t kept[TG_MAX_DIMS];
        if (!tg__mask_of("logsumexp", x, &a->dims, &mask))
            return;
        for (int i = 0; i < x->ndim; i++)
            kept[i] = mask >> i & 1 ? 1 : x->shape[i];
        y = tg_reshape(y, x->ndim, kept);
        g = tg_reshape(g, x->ndim, kept);
    }
    tg_tensor *e = tg_exp(tg_sub(x, y));
    int dims[TG_MAX_DIMS];
    tg_tensor *sum = tg_sum(e, tg__dims_list(&a->dims, dims), dims, true);
    sum = tg_masked_fill(sum, tg_logical_not(tg_gt_scalar(sum, 0.0)), 1.0);
    r->gin[0] = tg_mul(tg_div(g, sum), e);
}
TG_OP(logsumexp, .maths = "ln(sum(e^x)) over dims", .inputs = "x", .n_in = 1,
      .fields = logsumexp_fields, .attr_size = sizeof(logsumexp_attr), .forward = logsumexp_forward,
      .rule = logsumexp_rule, .saves = {TG__SAVE_IN(0, 1), TG__SAVE_OUT(0, 1)},
      .onnx = {"ReduceLogSumExp", 13, "axes=dims,keepdims=keepdim"});
TG_SAMPLES(logsumexp, "[2,3]", "[2,3,2] | dims=0,2", "[2,3] | dims=-1 keepdim=1");
tg_tensor *tg_logsumexp(tg_tensor *x, int ndims, const int *dims, bool keepdim) {
    logsumexp_attr a = {.keepdim = keepdim};
    return tg__dims_from("logsumexp", ndims, dims, &a.dims) ? tg__apply1(&tg__op_logsumexp, x, &a)
                                                            : NULL;
}
