/* batch_norm.c - batch normalisation.
 *
 * The operation of the table is a pure function. tg_batch_norm adds the update of the running
 * statistics, which is no part of any graph: everything that can fail comes before the first of
 * them is written. */
#include "base/options.h"
#include "kernels/norm.h"
#include "ops/elementwise.h"
#include "ops/norm.h"

#include <math.h>

static const char op_name[] = "batch_norm";

typedef struct {
    bool training;
    double eps;
} batch_norm_attr;
static const tg__field batch_norm_fields[] = {
    {"training", TG_ATTR_BOOL, offsetof(batch_norm_attr, training), false, 0, 0},
    {"eps", TG_ATTR_FLOAT, offsetof(batch_norm_attr, eps), false, 0, 1e-5},
    {0}};

enum { X, MEAN, VAR, WEIGHT, BIAS, INPUTS };

static bool check(const tg__op *op, tg_tensor *const *in, bool training) {
    const tg_tensor *x = in[X];
    if (!tg__float_only(op_name, x))
        return false;
    if (x->ndim < 2) {
        tg__fail(TG_ERR_SHAPE, op_name, "x is %s; give [N, C, ...]", tg__describe(x));
        return false;
    }
    for (int i = MEAN; i < INPUTS; i++) {
        if (tg__absent(in[i]))
            continue;
        if (in[i]->ndim != 1 || in[i]->shape[0] != x->shape[1]) {
            tg__fail(TG_ERR_SHAPE, op_name, "%s is %s for x %s; give [%lld], one per channel",
                     tg__input_name(op, i), tg__describe(in[i]), tg__describe(x),
                     (long long)x->shape[1]);
            return false;
        }
        if (in[i]->dtype != x->dtype) {
            tg__fail(TG_ERR_DTYPE, op_name, "%s is %s and x is %s; they must have one dtype",
                     tg__input_name(op, i), tg__describe(in[i]), tg__describe(x));
            return false;
        }
    }
    if (!training && (tg__absent(in[MEAN]) || tg__absent(in[VAR]))) {
        tg__fail(TG_ERR_ARG, op_name,
                 "running_mean and running_var are needed unless training; give both");
        return false;
    }
    if (training && x->shape[1] > 0 && x->numel == x->shape[1]) {
        tg__fail(TG_ERR_SHAPE, op_name,
                 "x is %s: one value per channel, whose variance is 0; give more than one, or turn "
                 "training off",
                 tg__describe(x));
        return false;
    }
    return true;
}

/* v [C] laid out along dim 1. */
static tg_tensor *along_channels(tg_tensor *v, const tg_tensor *x) {
    int64_t shape[TG_MAX_DIMS];
    for (int i = 0; i < x->ndim; i++)
        shape[i] = i == 1 ? x->shape[1] : 1;
    return tg_reshape(v, x->ndim, shape);
}

/* ---- batch_norm ---- */
static bool batch_norm_forward(const tg__call *c) {
    const batch_norm_attr *a = c->attr;
    tg_tensor *const *in = c->in;
    if (!check(c->op, in, a->training) || !tg__norm_eps(op_name, a->eps))
        return false;
    if (a->training) {
        const tg__norm_attr at = {.eps = a->eps, .center = true, .channel = true};
        c->out[0] = tg__norm_rows(in[X], in[WEIGHT], in[BIAS], &at);
        return c->out[0] != NULL;
    }
    tg_tensor *scale = tg_rsqrt(tg_add_scalar(in[VAR], a->eps)); /* [C] */
    if (!tg__absent(in[WEIGHT]))
        scale = tg_mul(scale, in[WEIGHT]);
    scale = along_channels(scale, in[X]);
    tg_tensor *y = tg_sub(in[X], along_channels(in[MEAN], in[X]));
    c->out[0] = tg__absent(in[BIAS]) ? tg_mul(y, scale)
                                     : tg_addcmul(along_channels(in[BIAS], in[X]), y, scale, 1.0);
    return c->out[0] != NULL;
}
TG_OP(batch_norm, .maths = "(x - mean) / sqrt(variance + eps) * weight + bias per channel",
      .inputs = "x running_mean running_var weight bias", .n_in = 5, .n_optional = 4,
      .flags = TG__COMPOSED, .fields = batch_norm_fields, .attr_size = sizeof(batch_norm_attr),
      .forward = batch_norm_forward, .onnx = {"BatchNormalization", 15, "epsilon=eps"});
TG_SAMPLES(batch_norm, "[4,3] none none [3] [3] | training=1",
           "[2,2,3] none none none [2] | training=1 eps=0.1", "[3,2,2] [2] +[2] [2] [2]",
           "[4,3] [3] +[3] none none | eps=0.1", "[4,3] [3] +[3] none [3]");

/* ---- The update of the running statistics ---- */

/* False with an error unless v can be a buffer. */
static bool check_buffer(const char *name, const tg_tensor *v) {
    if (tg__absent(v))
        return true;
    if (v->flags & TG__REQUIRES_GRAD) {
        tg__fail(
            TG_ERR_STATE, op_name,
            "%s requires gradients; it is a buffer, written in place: use tg_requires_grad_ to "
            "turn that off",
            name);
        return false;
    }
    return tg__writable(op_name, v);
}

static bool check_count(const tg_tensor *count, double momentum) {
    if (count == NULL || tg__absent(count)) {
        if (!isnan(momentum))
            return true;
        tg__fail(TG_ERR_ARG, op_name,
                 "momentum is NaN, the cumulative mean, which needs num_batches; give a 0-d i64");
        return false;
    }
    if (count->dtype != TG_I64 || count->numel != 1) {
        tg__fail(TG_ERR_DTYPE, op_name, "num_batches is %s; give a 0-d i64", tg__describe(count));
        return false;
    }
    return tg__writable(op_name, count);
}

/* old + momentum·(new - old) for one of the statistics; raw. */
static tg_tensor *updated(const tg_tensor *old, const double *batch, double factor,
                          double momentum) {
    tg_tensor *y = tg__new(op_name, (tg_dtype)old->dtype, old->ndim, old->shape);
    if (y == NULL)
        return NULL;
    tg__pack(old, y->data);
    for (int64_t i = 0; i < y->numel; i++) {
        char *at = y->data + (size_t)i * tg__item_size(y->dtype);
        const double value = tg__load_double((tg_dtype)y->dtype, at);
        tg__convert_double((tg_dtype)y->dtype, at,
                           (1 - momentum) * value + momentum * (batch[i] * factor));
    }
    return y;
}

/* The running statistics after this batch, as raw tensors in next[]; NULL where there are none.
 * False with an error. */
static bool next_statistics(tg_tensor *const *in, double momentum, tg_tensor **next) {
    const int64_t channels = in[X]->shape[1];
    const size_t bytes = (size_t)channels * 2 * sizeof(double);
    tg_tensor *x = tg__packed_as(op_name, in[X], in[X]->dtype == TG_F64 ? TG_F64 : TG_F32);
    double *mean = x != NULL ? tg__alloc(bytes) : NULL;
    if (mean == NULL) {
        if (x != NULL)
            tg__fail_memory(op_name, bytes);
        tg__unref(x);
        return false;
    }
    tg__norm p = {.dtype = (tg_dtype)x->dtype, .outer = x->shape[0], .rows = channels};
    p.inner = 1;
    for (int i = 2; i < x->ndim; i++)
        p.inner *= x->shape[i];
    p.center = true;
    p.x = x->data;
    const double n = (double)(p.outer * p.inner);
    bool good = tg__norm_moments(&p, mean, mean + channels);
    if (!good)
        tg__fail_memory(op_name, (uint64_t)x->numel * sizeof(double));
    for (int i = MEAN; good && i <= VAR; i++)
        if (!tg__absent(in[i])) {
            next[i] = updated(in[i], i == MEAN ? mean : mean + channels,
                              i == MEAN ? 1 : n / (n - 1), momentum);
            good = next[i] != NULL;
        }
    tg__free(mean, bytes);
    tg__unref(x);
    return good;
}

static void write_statistics(tg_tensor *const *in, tg_tensor *const *next, tg_tensor *count) {
    for (int i = MEAN; i <= VAR; i++)
        if (next[i] != NULL) {
            tg__assign(in[i], next[i]);
            tg__bump(in[i], tg__op_batch_norm.number);
        }
    if (count != NULL && !tg__absent(count)) {
        ++*(int64_t *)(void *)count->data;
        tg__bump(count, tg__op_batch_norm.number);
    }
}

static tg_tensor *train(tg_tensor *const *in, const tg_batch_norm_options *o) {
    double momentum = o->momentum;
    if (!isnan(momentum) && !(momentum >= 0 && momentum <= 1)) {
        tg__fail(TG_ERR_ARG, op_name, "momentum is %s; give a number in [0, 1], or NaN",
                 tg__num(momentum));
        return NULL;
    }
    if (!check_count(o->num_batches, momentum) || !check_buffer("running_mean", in[MEAN]) ||
        !check_buffer("running_var", in[VAR]))
        return NULL;
    if (isnan(momentum))
        momentum = 1.0 / ((double)*(const int64_t *)(const void *)o->num_batches->data + 1);
    const batch_norm_attr a = {true, o->eps};
    tg_tensor *y;
    if (!tg__apply(&tg__op_batch_norm, in, INPUTS, &a, &y))
        return NULL;
    tg_tensor *next[INPUTS] = {NULL};
    const bool some = in[X]->numel > 0 && (!tg__absent(in[MEAN]) || !tg__absent(in[VAR]));
    const bool good = !some || next_statistics(in, momentum, next);
    if (good)
        write_statistics(in, next, o->num_batches);
    for (int i = MEAN; i <= VAR; i++)
        tg__unref(next[i]);
    if (!good)
        tg_release(y);
    return good ? y : NULL;
}

tg_tensor *tg_batch_norm(tg_tensor *x, const tg_batch_norm_options *options) {
    tg_batch_norm_options o = TG_BATCH_NORM_OPTIONS_INIT;
    if (tg__options(op_name, "tg_batch_norm_options", "TG_BATCH_NORM_OPTIONS_INIT", options, &o,
                    sizeof o) != TG_OK)
        return NULL;
    tg_tensor *in[INPUTS] = {x, tg__or_none(o.running_mean), tg__or_none(o.running_var),
                             tg__or_none(o.weight), tg__or_none(o.bias)};
    if (o.training)
        return train(in, &o);
    const batch_norm_attr a = {false, o.eps};
    tg_tensor *y;
    return tg__apply(&tg__op_batch_norm, in, INPUTS, &a, &y) ? y : NULL;
}
