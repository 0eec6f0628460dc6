/* activation_gated.c - activations along a dim: gated linear units, and softmin. */
#include "ops/activation.h"
#include "ops/view.h"

static const tg__field last_fields[] = {
    {"dim", TG_ATTR_INT, offsetof(tg__along, dim), false, -1, 0}, {0}};
#define GATED                                                                                      \
    .inputs = "x", .n_in = 1, .flags = TG__COMPOSED, .fields = last_fields,                        \
    .attr_size = sizeof(tg__along), .onnx = {"composed"}

/* The two halves of x along the attribute's dim; false with an error. */
static bool halves(const tg__call *c, tg_tensor **a, tg_tensor **b) {
    const tg__along *attr = c->attr;
    tg_tensor *x = c->in[0];
    int dim = tg__dim(c->op->name, x, attr->dim);
    if (dim < 0 || !tg__float_only(c->op->name, x))
        return false;
    if (x->ndim == 0 || x->shape[dim] % 2 != 0) {
        tg__fail(TG_ERR_SHAPE, c->op->name,
                 "%s cannot be halved along dim %d; its size must be "
                 "even",
                 tg__describe(x), dim);
        return false;
    }
    int64_t half = x->shape[dim] / 2;
    *a = tg_narrow(x, dim, 0, half);
    *b = tg_narrow(x, dim, half, half);
    return *b != NULL;
}

/* ---- glu: a·σ(b) for the halves a, b of x ---- */
static bool glu_forward(const tg__call *c) {
    tg_tensor *a;
    tg_tensor *b;
    if (halves(c, &a, &b))
        c->out[0] = tg_mul(a, tg_sigmoid(b));
    return c->out[0] != NULL;
}
TG_OP(glu, .maths = "a * sigmoid(b) for the halves a, b of x", GATED, .forward = glu_forward);
TG_SAMPLES(glu, "[2,6]", "[2,4,3] | dim=1", "[4] | dim=0");
tg_tensor *tg_glu(tg_tensor *x, int dim) { return tg__apply1(&tg__op_glu, x, &(tg__along){dim}); }

/* ---- swiglu: silu(a)·b ---- */
static bool swiglu_forward(const tg__call *c) {
    tg_tensor *a;
    tg_tensor *b;
    if (halves(c, &a, &b))
        c->out[0] = tg_mul(tg_silu(a), b);
    return c->out[0] != NULL;
}
TG_OP(swiglu, .maths = "silu(a) * b for the halves a, b of x", GATED, .forward = swiglu_forward);
TG_SAMPLES(swiglu, "[2,6]", "[2,4,3] | dim=1");
tg_tensor *tg_swiglu(tg_tensor *x, int dim) {
    return tg__apply1(&tg__op_swiglu, x, &(tg__along){dim});
}

/* ---- geglu: gelu(a)·b ---- */
static bool geglu_forward(const tg__call *c) {
    tg_tensor *a;
    tg_tensor *b;
    if (halves(c, &a, &b))
        c->out[0] = tg_mul(tg_gelu(a, false), b);
    return c->out[0] != NULL;
}
TG_OP(geglu, .maths = "gelu(a) * b for the halves a, b of x", GATED, .forward = geglu_forward);
TG_SAMPLES(geglu, "[2,6]", "[2,4,3] | dim=1");
tg_tensor *tg_geglu(tg_tensor *x, int dim) {
    return tg__apply1(&tg__op_geglu, x, &(tg__along){dim});
}

/* ---- reglu: relu(a)·b ---- */
static bool reglu_forward(const tg__call *c) {
    tg_tensor *a;
    tg_tensor *b;
    if (halves(c, &a, &b))
        c->out[0] = tg_mul(tg_relu(a), b);
    return c->out[0] != NULL;
}
TG_OP(reglu, .maths = "relu(a) * b for the halves a, b of x", GATED, .forward = reglu_forward);
TG_SAMPLES(reglu, "[2,6]", "[2,4,3] | dim=1");
tg_tensor *tg_reglu(tg_tensor *x, int dim) {
    return tg__apply1(&tg__op_reglu, x, &(tg__along){dim});
}

/* ---- softmin: softmax(-x) ---- */
static bool softmin_forward(const tg__call *c) {
    const tg__along *a = c->attr;
    if (tg__float_only("softmin", c->in[0]))
        c->out[0] = tg_softmax(tg_neg(c->in[0]), (int)a->dim);
    return c->out[0] != NULL;
}
TG_OP(softmin, .maths = "e^-x / sum(e^-x) along dim", .inputs = "x", .n_in = 1,
      .flags = TG__COMPOSED, .fields = tg__along_fields, .attr_size = sizeof(tg__along),
      .forward = softmin_forward, .onnx = {"composed"});
TG_SAMPLES(softmin, "[2,3] | dim=-1", "[2,3,2] | dim=1", "[] | dim=0");
tg_tensor *tg_softmin(tg_tensor *x, int dim) {
    return tg__apply1(&tg__op_softmin, x, &(tg__along){dim});
}
