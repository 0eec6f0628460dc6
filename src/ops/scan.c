/* scan.c - running sums, products and extremes along one dim.
 *
 * The gradients of cumprod and logcumsumexp need sums of products of neighbours,
 *
 *     dx[j] = Σ over i >= j of g[i] · Π over the k <= i, k != j of x[k]     (cumprod)
 *
 * which a linear recurrence gives in one pass and without dividing: s[j] = g[j] + x[j+1] · s[j+1]
 * (recur_back). So zeros need no special case. */
#include "kernels/scan.h"

#include "ops/elementwise.h"
#include "ops/reduce.h"
#include "ops/view.h"

#include <tensorgrad/autograd.h>

#include <math.h>

#define SCAN .inputs = "x", .n_in = 1, .fields = tg__along_fields, .attr_size = sizeof(tg__along)

/* Runs a scan over in[0] (and in[1], of the same shape and dtype) in `dtype`. */
static bool scan(const tg__call *c, tg__scan_op kind, tg_dtype dtype) {
    const tg__along *at = c->attr;
    const char *op = c->op->name;
    tg_tensor *x = c->in[0];
    int dim = tg__dim(op, x, at->dim);
    if (dim < 0 || (c->into != NULL && !tg__fits_in_place(op, x, dtype, x->ndim, x->shape)))
        return false;
    tg_tensor *a = tg__packed_as(op, x, dtype);
    tg_tensor *b = a != NULL && c->n_in == 2 ? tg__packed(op, c->in[1]) : NULL;
    tg_tensor *y = NULL;
    if (a != NULL && (c->n_in == 1 || b != NULL))
        y = tg__new(op, dtype, x->ndim, x->shape);
    if (y != NULL) {
        tg__lines l = tg__lines_along(x, dim);
        tg__scan(kind, dtype, l.outer, l.n, l.inner, a->data, b != NULL ? b->data : NULL, y->data);
    }
    tg__unref(a);
    tg__unref(b);
    if (y != NULL)
        tg__land(c, y);
    return y != NULL;
}
static tg_dtype accumulated(const tg_tensor *x) {
    return tg_dtype_is_float((tg_dtype)x->dtype) ? (tg_dtype)x->dtype : TG_I64;
}

/* y moved on by one along dim, with `first` in the first place. */
static tg_tensor *shifted(tg_tensor *y, int64_t dim, double first) {
    int64_t shape[TG_MAX_DIMS];
    int n = tg_ndim(y);
    if (n < 0)
        return NULL;
    if (n == 0)
        return tg_full_like(y, first);
    int d = (int)(dim < 0 ? dim + n : dim);
    for (int i = 0; i < n; i++)
        shape[i] = i == d ? 1 : y->shape[i];
    if (y->numel == 0)
        return y;
    tg_tensor *begin = tg_full((tg_dtype)y->dtype, n, shape, first);
    return tg_cat((tg_tensor *[]){begin, tg_narrow(y, d, 0, y->shape[d] - 1)}, 2, d);
}

/* ---- cumsum, and its gradient: the sum from behind ---- */
static bool cumsum_forward(const tg__call *c) {
    return scan(c, TG__SCAN_SUM, accumulated(c->in[0]));
}
static void cumsum_rule(tg__rule *r) {
    r->gin[0] = tg__apply1(&tg__op_cumsum_back, r->g[0], r->attr);
}
TG_OP(cumsum, .maths = "x[0] + ... + x[i] along dim", SCAN, .flags = TG__IN_PLACE,
      .forward = cumsum_forward, .rule = cumsum_rule, .onnx = {"CumSum", 14, "axis=dim"});
TG_SAMPLES(cumsum, "[2,3] | dim=1", "[2,3,2] | dim=-2", "[3] | dim=0", "[] | dim=0");
tg_tensor *tg_cumsum(tg_tensor *x, int dim) {
    return tg__apply1(&tg__op_cumsum, x, &(tg__along){dim});
}
tg_tensor *tg_cumsum_(tg_tensor *x, int dim) {
    return tg__apply1_(&tg__op_cumsum, x, &(tg__along){dim});
}

static bool cumsum_back_forward(const tg__call *c) {
    return scan(c, TG__SCAN_SUM_BACK, accumulated(c->in[0]));
}
static void cumsum_back_rule(tg__rule *r) {
    r->gin[0] = tg__apply1(&tg__op_cumsum, r->g[0], r->attr);
}
TG_OP(cumsum_back, .maths = "x[i] + ... + x[n-1] along dim", SCAN, .flags = TG__INTERNAL,
      .forward = cumsum_back_forward, .rule = cumsum_back_rule, .onnx = {"composed"});
TG_SAMPLES(cumsum_back, "[2,3] | dim=1", "[2,3,2] | dim=1");

/* ---- recur: y[i] = x[i] + a[i]·y[i-1]; recur_back: y[i] = x[i] + a[i+1]·y[i+1]. Each is the
 *      other's gradient to x; that to a[i] is the product of what a[i] joins ---- */
static bool recur_check(const tg__call *c) {
    const tg_tensor *x = c->in[0];
    if (tg__same_shape(x, c->in[1]) && x->dtype == c->in[1]->dtype)
        return tg__float_only(c->op->name, x);
    tg__fail(TG_ERR_SHAPE, c->op->name, "%s and %s must be alike", tg__describe(x),
             tg__describe(c->in[1]));
    return false;
}
static bool recur_forward(const tg__call *c) {
    return recur_check(c) && scan(c, TG__SCAN_RECUR, (tg_dtype)c->in[0]->dtype);
}
static bool recur_back_forward(const tg__call *c) {
    return recur_check(c) && scan(c, TG__SCAN_RECUR_BACK, (tg_dtype)c->in[0]->dtype);
}
static void recur_rule(tg__rule *r) {
    const tg__along *a = r->attr;
    tg_tensor *s = tg__apply2(&tg__op_recur_back, r->g[0], r->in[1], a);
    r->gin[0] = s;
    if (r->wanted[1])
        r->gin[1] = tg_mul(s, shifted(r->out[0], a->dim, 0.0));
}
static void recur_back_rule(tg__rule *r) {
    const tg__along *a = r->attr;
    tg_tensor *s = tg__apply2(&tg__op_recur, r->g[0], r->in[1], a);
    r->gin[0] = s;
    if (r->wanted[1])
        r->gin[1] = tg_mul(shifted(s, a->dim, 0.0), r->out[0]);
}
#define RECUR                                                                                      \
    .inputs = "x a", .n_in = 2, .fields = tg__along_fields, .attr_size = sizeof(tg__along),        \
    .flags = TG__INTERNAL, .saves = {TG__SAVE_IN(1, TG__ANY), TG__SAVE_OUT(0, 2)},                 \
    .onnx = {"none"}
TG_OP(recur, .maths = "y[i] = x[i] + a[i] y[i-1] along dim", RECUR, .forward = recur_forward,
      .rule = recur_rule);
TG_SAMPLES(recur, "[2,3] [2,3] | dim=1", "[3,2] [3,2] | dim=0");
TG_OP(recur_back, .maths = "y[i] = x[i] + a[i+1] y[i+1] along dim", RECUR,
      .forward = recur_back_forward, .rule = recur_back_rule);
TG_SAMPLES(recur_back, "[2,3] [2,3] | dim=1", "[3,2] [3,2] | dim=0");

/* ---- cumprod ---- */
static bool cumprod_forward(const tg__call *c) {
    return scan(c, TG__SCAN_PROD, accumulated(c->in[0]));
}
static void cumprod_rule(tg__rule *r) {
    const tg__along *a = r->attr;
    tg_tensor *before = shifted(r->out[0], a->dim, 1.0);
    tg_tensor *behind = tg__apply2(&tg__op_recur_back, r->g[0], r->in[0], a);
    r->gin[0] = tg_mul(before, behind);
}
TG_OP(cumprod, .maths = "x[0] * ... * x[i] along dim", SCAN, .flags = TG__IN_PLACE,
      .forward = cumprod_forward, .rule = cumprod_rule,
      .saves = {TG__SAVE_IN(0, 1), TG__SAVE_OUT(0, 1)}, .onnx = {"composed"});
TG_SAMPLES(cumprod, "[2,3] | dim=1", "[2,3,2] | dim=-2", "[4] | dim=0", "[] | dim=0");
tg_tensor *tg_cumprod(tg_tensor *x, int dim) {
    return tg__apply1(&tg__op_cumprod, x, &(tg__along){dim});
}
tg_tensor *tg_cumprod_(tg_tensor *x, int dim) {
    return tg__apply1_(&tg__op_cumprod, x, &(tg__along){dim});
}

/* ---- logcumsumexp: dx[k] = e^(x[k] - y[k]) · t[k], t[k] = g[k]/w[k] + e^(y[k] - y[k+1]) · t[k+1],
 *      w[k] = e^(x[k] - y[k]) + e^(y[k-1] - y[k]) · w[k-1] ---- */
static bool logcumsumexp_forward(const tg__call *c) {
    return scan(c, TG__SCAN_LOGSUMEXP, c->in[0]->dtype == TG_F64 ? TG_F64 : TG_F32);
}
/* As y never falls, no exponential overflows. Were y exact, w would be 1; so its rounding cancels,
 * and y has no gradient of its own. Where y is -inf there is nothing yet to share. */
static void logcumsumexp_rule(tg__rule *r) {
    const tg__along *a = r->attr;
    tg_tensor *y = tg_detach(r->out[0]);
    tg_tensor *from = tg_masked_fill(y, tg_eq_scalar(y, -(double)INFINITY), 0.0);
    tg_tensor *step = tg_exp(tg_sub(shifted(y, a->dim, -(double)INFINITY), from));
    tg_tensor *e = tg_exp(tg_sub(r->in[0], from));
    tg_tensor *w = tg__apply2(&tg__op_recur, e, step, a);
    w = tg_masked_fill(w, tg_logical_not(tg_gt_scalar(w, 0.0)), 1.0);
    tg_tensor *sum = tg__apply2(&tg__op_recur_back, tg_div(r->g[0], w), step, a);
    r->gin[0] = tg_mul(e, sum);
}
TG_OP(logcumsumexp, .maths = "ln(e^x[0] + ... + e^x[i]) along dim", SCAN,
      .forward = logcumsumexp_forward, .rule = logcumsumexp_rule,
      .saves = {TG__SAVE_IN(0, 1), TG__SAVE_OUT(0, 1)}, .onnx = {"composed"});
TG_SAMPLES(logcumsumexp, "[2,3] | dim=1", "[2,3,2] | dim=-2", "[4] | dim=0", "[] | dim=0");
tg_tensor *tg_logcumsumexp(tg_tensor *x, int dim) {
    return tg__apply1(&tg__op_logcumsumexp, x, &(tg__along){dim});
}

/* ---- cummax, cummin: of equals the last one has the position, and the gradient ---- */
static bool cumulative_extreme(const tg__call *c, bool largest) {
    const tg__along *a = c->attr;
    tg_tensor *x = c->in[0];
    int dim = tg__dim(c->op->name, x, a->dim);
    tg_tensor *packed = dim >= 0 ? tg__packed(c->op->name, x) : NULL;
    if (packed == NULL)
        return false;
    tg__lines l = tg__lines_along(x, dim);
    bool good = tg__new_picks(c, dim, true, l.n);
    if (good)
        tg__scan_extreme(largest, (tg_dtype)x->dtype, l.outer, l.n, l.inner, packed->data,
                         c->out[0]->data, (int64_t *)(void *)c->out[1]->data);
    tg__unref(packed);
    return good;
}
static bool cummax_forward(const tg__call *c) { return cumulative_extreme(c, true); }
static bool cummin_forward(const tg__call *c) { return cumulative_extreme(c, false); }
static void cumulative_rule(tg__rule *r) {
    const tg__along *a = r->attr;
    r->gin[0] = tg__put_back(r->meta[0], a->dim, r->out[1], r->g[0]);
}
TG_OP(cummax, .maths = "largest of x[0] ... x[i] along dim, and its position", SCAN, TG__PICKS,
      .forward = cummax_forward, .rule = cumulative_rule, .onnx = {"none"});
TG_SAMPLES(cummax, "[2,3] | dim=1", "[2,3,2] | dim=-2", "[5] | dim=0", "[] | dim=0");
TG_OP(cummin, .maths = "smallest of x[0] ... x[i] along dim, and its position", SCAN, TG__PICKS,
      .forward = cummin_forward, .rule = cumulative_rule, .onnx = {"none"});
TG_SAMPLES(cummin, "[2,3] | dim=1", "[2,3,2] | dim=-2", "[5] | dim=0", "[] | dim=0");
tg_tensor *tg_cummax(tg_tensor *x, int dim, tg_tensor **indices) {
    return tg__apply_rest(&tg__op_cummax, &x, 1, &(tg__along){dim}, &indices);
}
tg_tensor *tg_cummin(tg_tensor *x, int dim, tg_tensor **indices) {
    return tg__apply_rest(&tg__op_cummin, &x, 1, &(tg__along){dim}, &indices);
}
