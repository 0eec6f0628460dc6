/* dropout.c - dropout and its variants.
 *
 * The operations of the table are pure functions: they carry the place in the random sequence as
 * attributes, so a gradient, a second derivative or a recomputation finds the same mask, and none
 * is kept. The public functions take the place from a generator, and move it on only when
 * everything has worked. */
#include "ops/dropout.h"

#include "kernels/draw.h"
#include "ops/elementwise.h"

#include <math.h>

static const tg__field dropout_fields[] = {
    {"p", TG_ATTR_FLOAT, offsetof(tg__dropout_attr, p), false, 0, 0.5},
    {"seed", TG_ATTR_INT, offsetof(tg__dropout_attr, seed), false, 0, 0},
    {"stream", TG_ATTR_INT, offsetof(tg__dropout_attr, stream), false, 0, 0},
    {"position", TG_ATTR_INT, offsetof(tg__dropout_attr, position), false, 0, 0},
    {0}};
#define DROPOUT                                                                                    \
    .inputs = "x", .n_in = 1, .fields = dropout_fields, .attr_size = sizeof(tg__dropout_attr)

bool tg__dropout_check(const char *op, const char *name, double p) {
    if (p >= 0 && p <= 1)
        return true;
    tg__fail(TG_ERR_ARG, op, "%s is %s; give a probability in [0, 1]", name, tg__num(p));
    return false;
}

static bool check(const tg__call *c) {
    const tg__dropout_attr *a = c->attr;
    return tg__float_only(c->op->name, c->in[0]) && tg__dropout_check(c->op->name, "p", a->p);
}

static tg__draw_from from_of(const tg__dropout_attr *a) {
    return (tg__draw_from){(uint64_t)a->seed, (uint64_t)a->stream, (uint64_t)a->position};
}

/* 1/(1 - p) for what is kept; p = 1 keeps nothing. */
static double scale_of(double p) { return p < 1 ? 1 / (1 - p) : 0; }

/* ---- dropout: x/(1 - p) where the mask keeps it, else 0 ---- */
static bool dropout_forward(const tg__call *c) {
    const tg__dropout_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    if (!check(c))
        return false;
    tg_tensor *dest = tg__dest(c, (tg_dtype)x->dtype, x->ndim, x->shape);
    tg_tensor *packed = dest != NULL ? tg__packed("dropout", x) : NULL;
    tg_tensor *y = packed; /* the place of element i in row-major order decides */
    if (packed != NULL && (packed == x || !(dest->flags & TG__CONTIGUOUS)))
        y = dest->flags & TG__CONTIGUOUS
                ? dest
                : tg__new("dropout", (tg_dtype)x->dtype, x->ndim, x->shape);
    if (y != NULL) {
        tg__draw_keep((tg_dtype)x->dtype, x->numel, a->p, scale_of(a->p), packed->data, y->data,
                      from_of(a));
        if (y != dest)
            tg__assign(dest, y);
        tg__land(c, dest);
    } else {
        tg__unref(dest);
    }
    if (y != NULL && y != packed && y != dest)
        tg__unref(y);
    tg__unref(packed);
    return y != NULL;
}
static void dropout_rule(tg__rule *r) { r->gin[0] = tg__apply1(&tg__op_dropout, r->g[0], r->attr); }
TG_OP(dropout, .maths = "x / (1 - p) where kept, else 0", DROPOUT, .flags = TG__IN_PLACE,
      .forward = dropout_forward, .rule = dropout_rule, .onnx = {"Dropout", 13});
TG_SAMPLES(dropout, "[2,3]", "[3,4] | p=0.2 seed=3", "[] | p=0.1", "[5] | p=1",
           "[2,5] | p=0 stream=2 position=-1");

/* ---- dropout_mask: 1 where kept, else 0, of x's shape ---- */
static bool dropout_mask_forward(const tg__call *c) {
    const tg__dropout_attr *a = c->attr;
    const tg_tensor *x = c->in[0];
    if (!check(c))
        return false;
    c->out[0] = tg__new("dropout_mask", (tg_dtype)x->dtype, x->ndim, x->shape);
    if (c->out[0] != NULL)
        tg__draw_keep((tg_dtype)x->dtype, x->numel, a->p, 1, NULL, c->out[0]->data, from_of(a));
    return c->out[0] != NULL;
}
TG_OP(dropout_mask, .maths = "1 where kept, else 0", DROPOUT, .flags = TG__INTERNAL | TG__NOT_DIFF,
      .forward = dropout_mask_forward, .onnx = {"none"});
TG_SAMPLES(dropout_mask, "[2,3]", "[3,4] | p=0.2 seed=3");

/* ---- Whole channels ---- */

/* The first two dims of x, the others 1: one element per channel. */
static tg_tensor *channels_of(const tg__call *c) {
    const tg_tensor *x = c->in[0];
    int64_t shape[TG_MAX_DIMS];
    if (x->ndim < 2) {
        tg__fail(TG_ERR_SHAPE, c->op->name, "x is %s; give [N, C, ...]", tg__describe(x));
        return NULL;
    }
    for (int i = 0; i < x->ndim; i++)
        shape[i] = i < 2 ? x->shape[i] : 1;
    return tg_ones((tg_dtype)x->dtype, x->ndim, shape);
}

/* ---- feature_dropout: dropout with one decision per channel ---- */
static bool feature_dropout_forward(const tg__call *c) {
    if (check(c))
        c->out[0] = tg_mul(c->in[0], tg__apply1(&tg__op_dropout, channels_of(c), c->attr));
    return c->out[0] != NULL;
}
TG_OP(feature_dropout, .maths = "x / (1 - p) where the channel is kept, else 0", DROPOUT,
      .flags = TG__COMPOSED | TG__IN_PLACE, .forward = feature_dropout_forward,
      .onnx = {"composed"});
TG_SAMPLES(feature_dropout, "[2,3,2]", "[3,4] | p=0.2 seed=3", "[1,4,2,1] | p=0.7");

/* ---- alpha_dropout: a·x + b where kept, else -a·λα + b ---- */

#define SELU_LIMIT 1.7580993408473766 /* λα: selu tends to -λα */

static tg_tensor *alpha(tg_tensor *x, tg_tensor *like, const tg__dropout_attr *at) {
    const double p = at->p;
    tg_tensor *kept = tg__apply1(&tg__op_dropout_mask, like, at);
    if (p == 1)
        return tg_mul(x, kept);
    const double a = 1 / sqrt((SELU_LIMIT * SELU_LIMIT * p + 1) * (1 - p));
    tg_tensor *shift = tg_mul_scalar(tg_sub_scalar(kept, 1 - p), SELU_LIMIT * a);
    return tg_add(tg_mul(x, tg_mul_scalar(kept, a)), shift);
}
static bool alpha_dropout_forward(const tg__call *c) {
    if (check(c))
        c->out[0] = alpha(c->in[0], c->in[0], c->attr);
    return c->out[0] != NULL;
}
TG_OP(alpha_dropout, .maths = "a * (x where kept, else -lambda * alpha) + b", DROPOUT,
      .flags = TG__COMPOSED | TG__IN_PLACE, .forward = alpha_dropout_forward, .onnx = {"composed"});
TG_SAMPLES(alpha_dropout, "[2,3]", "[3,4] | p=0.2 seed=3", "[3] | p=1");
static bool feature_alpha_dropout_forward(const tg__call *c) {
    if (check(c))
        c->out[0] = alpha(c->in[0], channels_of(c), c->attr);
    return c->out[0] != NULL;
}
TG_OP(feature_alpha_dropout, .maths = "alpha_dropout with one decision per channel", DROPOUT,
      .flags = TG__COMPOSED | TG__IN_PLACE, .forward = feature_alpha_dropout_forward,
      .onnx = {"composed"});
TG_SAMPLES(feature_alpha_dropout, "[2,3,2]", "[3,4] | p=0.2 seed=3");

/* ---- Drawing ---- */

bool tg__dropout_from(tg_generator *generator, double p, tg__dropout_attr *a) {
    tg_generator_state s;
    if (tg_generator_get_state(generator, &s) != TG_OK)
        return false;
    *a = (tg__dropout_attr){p, (int64_t)s.seed, (int64_t)s.stream, (int64_t)s.position};
    return true;
}

void tg__dropout_done(tg_generator *generator, const tg__dropout_attr *a, int64_t n) {
    const tg_generator_state s = {(uint64_t)a->seed, (uint64_t)a->stream,
                                  (uint64_t)a->position + tg__draw_blocks32(n)};
    (void)tg_generator_set_state(generator, &s);
}

tg_tensor *tg__dropout(tg_tensor *x, const tg__dropout_attr *a) {
    return a->p == 0 ? x : tg__apply1(&tg__op_dropout, x, a);
}

/* Calls op with the place where the generator stands, then moves it by the blocks of n elements. */
static tg_tensor *drawn(const tg__op *op, tg_tensor *x, double p, int64_t n, bool in_place,
                        tg_generator *generator) {
    tg__dropout_attr a;
    if (!tg__dropout_from(generator, p, &a))
        return NULL;
    tg_tensor *y = in_place ? tg__apply1_(op, x, &a) : tg__apply1(op, x, &a);
    if (y != NULL)
        tg__dropout_done(generator, &a, n);
    return y;
}

/* What a call without training gives: x, once p has been looked at. */
static tg_tensor *unchanged(const char *op, tg_tensor *x, double p, bool in_place) {
    if (!tg__required(op, "x", x) || !tg__dropout_check(op, "p", p))
        return NULL;
    return in_place ? x : tg__give_existing(x);
}

tg_tensor *tg_dropout(tg_tensor *x, double p, bool train, tg_generator *generator_or_null) {
    if (!train)
        return unchanged("dropout", x, p, false);
    return drawn(&tg__op_dropout, x, p, x != NULL ? x->numel : 0, false, generator_or_null);
}
tg_tensor *tg_dropout_(tg_tensor *x, double p, bool train, tg_generator *generator_or_null) {
    if (!train)
        return unchanged("dropout", x, p, true);
    return drawn(&tg__op_dropout, x, p, x != NULL ? x->numel : 0, true, generator_or_null);
}
tg_tensor *tg_alpha_dropout(tg_tensor *x, double p, bool train, tg_generator *generator_or_null) {
    if (!train)
        return unchanged("alpha_dropout", x, p, false);
    return drawn(&tg__op_alpha_dropout, x, p, x != NULL ? x->numel : 0, false, generator_or_null);
}

static tg_tensor *by_channel(const tg__op *op, tg_tensor *x, double p, tg_generator *generator) {
    const int64_t n = x != NULL && x->ndim >= 2 ? x->shape[0] * x->shape[1] : 0;
    return drawn(op, x, p, n, false, generator);
}
tg_tensor *tg_feature_alpha_dropout(tg_tensor *x, double p, bool train,
                                    tg_generator *generator_or_null) {
    if (!train)
        return unchanged("feature_alpha_dropout", x, p, false);
    return by_channel(&tg__op_feature_alpha_dropout, x, p, generator_or_null);
}

/* x of ndim dims, or of one less: a single sample. */
static tg_tensor *samples(const char *op, tg_tensor *x, int ndim, double p, bool train,
                          tg_generator *generator) {
    if (!tg__required(op, "x", x))
        return NULL;
    if (x->ndim != ndim && x->ndim != ndim - 1) {
        tg__fail(TG_ERR_SHAPE, op, "x is %s; give %d dims, or %d for a single sample",
                 tg__describe(x), ndim, ndim - 1);
        return NULL;
    }
    if (!train)
        return unchanged(op, x, p, false);
    if (x->ndim == ndim)
        return by_channel(&tg__op_feature_dropout, x, p, generator);
    tg_generator_state before;
    if (tg_generator_get_state(generator, &before) != TG_OK)
        return NULL;
    tg_scope s = tg_scope_open();
    tg_tensor *y = by_channel(&tg__op_feature_dropout, tg_unsqueeze(x, 0), p, generator);
    y = tg_scope_return(s, tg_squeeze(y, TG_DIMS(0)));
    if (y == NULL)
        (void)tg_generator_set_state(generator, &before);
    return y;
}
tg_tensor *tg_dropout1d(tg_tensor *x, double p, bool train, tg_generator *generator_or_null) {
    return samples("dropout1d", x, 3, p, train, generator_or_null);
}
tg_tensor *tg_dropout2d(tg_tensor *x, double p, bool train, tg_generator *generator_or_null) {
    return samples("dropout2d", x, 4, p, train, generator_or_null);
}
tg_tensor *tg_dropout3d(tg_tensor *x, double p, bool train, tg_generator *generator_or_null) {
    return samples("dropout3d", x, 5, p, train, generator_or_null);
}
