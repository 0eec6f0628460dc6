/* recurrent.c - recurrent layers and their cells: rnn, lstm, gru.
 *
 * All in recorded operations. What a layer does to its inputs does not depend on its state, so it
 * is one product over the whole sequence; the loop over time holds the product with the state and
 * the gates. */
#include "base/alloc.h"
#include "base/options.h"
#include "ops/dropout.h"
#include "ops/elementwise.h"

#include "kernels/draw.h"

#include <string.h>

typedef enum { TANH, RELU, LSTM, GRU } kind;

static int64_t gates_of(kind k) { return k == LSTM ? 4 : k == GRU ? 3 : 1; }

/* The weights of one layer in one direction; TG_NONE where there are none. */
typedef struct {
    tg_tensor *w_ih, *w_hh, *b_ih, *b_hh, *w_hr;
} layer;

/* ---- One step ---- */

static tg_tensor *part(tg_tensor *x, int64_t i, int64_t n) { return tg_narrow(x, -1, i * n, n); }

/* From a = w_ih·x + b_ih and the state; updates h (and c of an lstm). */
static bool step(kind k, const layer *w, tg_tensor *a, tg_tensor **h, tg_tensor **c) {
    const int64_t n = w->w_hh->shape[0] / gates_of(k);
    tg_tensor *b = tg_linear(*h, w->w_hh, w->b_hh);
    if (k == GRU) {
        tg_tensor *rz = tg_sigmoid(tg_add(tg_narrow(a, -1, 0, 2 * n), tg_narrow(b, -1, 0, 2 * n)));
        tg_tensor *r = part(rz, 0, n);
        tg_tensor *z = part(rz, 1, n);
        tg_tensor *fresh = tg_tanh(tg_add(part(a, 2, n), tg_mul(r, part(b, 2, n))));
        *h = tg_add(fresh, tg_mul(z, tg_sub(*h, fresh)));
        return *h != NULL;
    }
    tg_tensor *g = tg_add(a, b);
    if (k != LSTM) {
        *h = k == RELU ? tg_relu(g) : tg_tanh(g);
        return *h != NULL;
    }
    tg_tensor *in_forget = tg_sigmoid(tg_narrow(g, -1, 0, 2 * n));
    tg_tensor *kept = tg_mul(part(in_forget, 1, n), *c);
    *c = tg_add(kept, tg_mul(part(in_forget, 0, n), tg_tanh(part(g, 2, n))));
    *h = tg_mul(tg_sigmoid(part(g, 3, n)), tg_tanh(*c));
    if (!tg__absent(w->w_hr))
        *h = tg_linear(*h, w->w_hr, TG_NONE);
    return *h != NULL && *c != NULL;
}

/* ---- Checks ---- */

static bool refuse_shape(const char *op, const char *name, const tg_tensor *x, int ndim,
                         const int64_t *shape) {
    tg__fail(TG_ERR_SHAPE, op, "%s is %s; give %s", name, tg__describe(x),
             tg__describe_shape(ndim, shape));
    return false;
}

/* x has this shape and the dtype of the input; false with an error. */
static bool has_shape(const char *op, const char *name, const tg_tensor *x, tg_dtype dtype,
                      int ndim, const int64_t *shape) {
    bool fits = x->ndim == ndim;
    for (int i = 0; fits && i < ndim; i++)
        fits = x->shape[i] == shape[i];
    if (!fits)
        return refuse_shape(op, name, x, ndim, shape);
    if (x->dtype == dtype)
        return true;
    tg__fail(TG_ERR_DTYPE, op, "%s is %s and x is %s; they must have one dtype", name,
             tg__describe(x), tg_dtype_name(dtype));
    return false;
}

/* Of a layer with n inputs and r numbers of state. *hidden: H. */
static bool check_layer(const char *op, kind k, const layer *w, tg_dtype dtype, int64_t n,
                        int64_t *r, int64_t *hidden) {
    const int64_t gates = gates_of(k);
    if (w->w_hh->ndim != 2 || w->w_hh->shape[0] % gates != 0) {
        tg__fail(TG_ERR_SHAPE, op, "w_hh is %s; give [%lld H, H]", tg__describe(w->w_hh),
                 (long long)gates);
        return false;
    }
    const int64_t all = w->w_hh->shape[0];
    *hidden = all / gates;
    *r = *hidden;
    if (!tg__absent(w->w_hr)) {
        if (w->w_hr->ndim != 2)
            return refuse_shape(op, "w_hr", w->w_hr, TG_SHAPE(-1, *hidden));
        *r = w->w_hr->shape[0];
        if (!has_shape(op, "w_hr", w->w_hr, dtype, TG_SHAPE(*r, *hidden)))
            return false;
    }
    return has_shape(op, "w_ih", w->w_ih, dtype, TG_SHAPE(all, n)) &&
           has_shape(op, "w_hh", w->w_hh, dtype, TG_SHAPE(all, *r)) &&
           (tg__absent(w->b_ih) || has_shape(op, "b_ih", w->b_ih, dtype, TG_SHAPE(all))) &&
           (tg__absent(w->b_hh) || has_shape(op, "b_hh", w->b_hh, dtype, TG_SHAPE(all)));
}

/* ---- Cells ---- */

typedef struct {
    bool relu;
} cell_attr;
static const tg__field cell_fields[] = {
    {"relu", TG_ATTR_BOOL, offsetof(cell_attr, relu), false, 0, 0}, {0}};

/* inputs: x, h, (c,) w_ih, w_hh, b_ih, b_hh */
static bool cell(const tg__call *c, kind k) {
    const char *op = c->op->name;
    tg_tensor *x = c->in[0];
    const int states = k == LSTM ? 2 : 1;
    tg_tensor *const *in = c->in + 1 + states;
    const layer w = {in[0], in[1], in[2], in[3], TG_NONE};
    int64_t r;
    int64_t hidden;
    if (!tg__float_only(op, x))
        return false;
    if (x->ndim != 1 && x->ndim != 2) {
        tg__fail(TG_ERR_SHAPE, op, "x is %s; give [N, I], or [I] for a single sample",
                 tg__describe(x));
        return false;
    }
    if (!check_layer(op, k, &w, (tg_dtype)x->dtype, x->shape[x->ndim - 1], &r, &hidden))
        return false;
    const int64_t shape[2] = {x->shape[0], hidden};
    for (int i = 1; i <= states; i++)
        if (!has_shape(op, i == 1 ? "h" : "c", c->in[i], (tg_dtype)x->dtype, x->ndim,
                       shape + 2 - x->ndim))
            return false;
    tg_tensor *h = c->in[1];
    tg_tensor *memory = k == LSTM ? c->in[2] : NULL;
    if (!step(k, &w, tg_linear(x, w.w_ih, w.b_ih), &h, &memory))
        return false;
    c->out[0] = h;
    if (k == LSTM)
        c->out[1] = memory;
    return true;
}

/* ---- rnn_cell, gru_cell, lstm_cell ---- */
static bool rnn_cell_forward(const tg__call *c) {
    return cell(c, ((const cell_attr *)c->attr)->relu ? RELU : TANH);
}
TG_OP(rnn_cell, .maths = "tanh(w_ih . x + b_ih + w_hh . h + b_hh)",
      .inputs = "x h w_ih w_hh b_ih b_hh", .n_in = 6, .n_optional = 2,
      .flags = TG__COMPOSED | TG__BLAS, .fields = cell_fields, .attr_size = sizeof(cell_attr),
      .forward = rnn_cell_forward, .onnx = {"composed"});
TG_SAMPLES(rnn_cell, "[2,3] [2,4] [4,3] [4,4] [4] [4]", "[3] [2] [2,3] [2,2]",
           "[2,3] [2,2] [2,3] [2,2] none [2] | relu=1");

static bool gru_cell_forward(const tg__call *c) { return cell(c, GRU); }
TG_OP(gru_cell, .maths = "(1 - z) * n + z * h", .inputs = "x h w_ih w_hh b_ih b_hh", .n_in = 6,
      .n_optional = 2, .flags = TG__COMPOSED | TG__BLAS, .forward = gru_cell_forward,
      .onnx = {"composed"});
TG_SAMPLES(gru_cell, "[2,3] [2,2] [6,3] [6,2] [6] [6]", "[3] [2] [6,3] [6,2]");

static bool lstm_cell_forward(const tg__call *c) { return cell(c, LSTM); }
TG_OP(lstm_cell, .maths = "c' = f * c + i * g; h' = o * tanh(c')",
      .inputs = "x h c w_ih w_hh b_ih b_hh", .n_in = 7, .n_optional = 2, .n_out = 2,
      .flags = TG__COMPOSED | TG__BLAS, .forward = lstm_cell_forward, .onnx = {"composed"});
TG_SAMPLES(lstm_cell, "[2,3] [2,2] [2,2] [8,3] [8,2] [8] [8]", "[3] [2] [2] [8,3] [8,2]");

/* w_ih, w_hh and biases of a cell's caller, behind its states. */
static bool take_weights(const char *op, tg_tensor *const *weights, int n, tg_tensor **in) {
    if ((n != 2 && n != 4) || weights == NULL) {
        tg__fail(TG_ERR_ARG, op, "%d weights%s; give w_ih and w_hh, or these and b_ih and b_hh", n,
                 weights == NULL ? " at NULL" : "");
        return false;
    }
    for (int i = 0; i < 4; i++)
        in[i] = i < n ? weights[i] : TG_NONE;
    return true;
}
tg_tensor *tg_rnn_cell(tg_tensor *x, tg_tensor *h, tg_tensor *const *weights, int n_weights,
                       bool relu) {
    tg_tensor *in[6] = {x, h};
    tg_tensor *y;
    return take_weights("rnn_cell", weights, n_weights, in + 2) &&
                   tg__apply(&tg__op_rnn_cell, in, 6, &(cell_attr){relu}, &y)
               ? y
               : NULL;
}
tg_tensor *tg_gru_cell(tg_tensor *x, tg_tensor *h, tg_tensor *const *weights, int n_weights) {
    tg_tensor *in[6] = {x, h};
    tg_tensor *y;
    return take_weights("gru_cell", weights, n_weights, in + 2) &&
                   tg__apply(&tg__op_gru_cell, in, 6, NULL, &y)
               ? y
               : NULL;
}
tg_tensor *tg_lstm_cell(tg_tensor *x, tg_tensor *h, tg_tensor *c, tg_tensor *const *weights,
                        int n_weights, tg_tensor **c_next) {
    tg_tensor *in[7] = {x, h, c};
    if (c_next != NULL)
        *c_next = NULL;
    return take_weights("lstm_cell", weights, n_weights, in + 3)
               ? tg__apply_rest(&tg__op_lstm_cell, in, 7, NULL, &c_next)
               : NULL;
}

/* ---- Layers over time ---- */

typedef struct {
    int64_t num_layers;
    bool bidirectional, batch_first, no_biases, relu, projection;
    tg__dropout_attr dropout;
} recurrent_attr;
#define OF_ALL                                                                                     \
    {"num_layers", TG_ATTR_INT, offsetof(recurrent_attr, num_layers), false, 1, 0},                \
        {"bidirectional", TG_ATTR_BOOL, offsetof(recurrent_attr, bidirectional), false, 0, 0},     \
        {"batch_first", TG_ATTR_BOOL, offsetof(recurrent_attr, batch_first), false, 0, 0},         \
        {"no_biases", TG_ATTR_BOOL, offsetof(recurrent_attr, no_biases), false, 0, 0},             \
        {"dropout_p", TG_ATTR_FLOAT, offsetof(recurrent_attr, dropout.p), false, 0, 0.0},          \
        {"seed", TG_ATTR_INT, offsetof(recurrent_attr, dropout.seed), false, 0, 0},                \
        {"stream", TG_ATTR_INT, offsetof(recurrent_attr, dropout.stream), false, 0, 0}, {          \
        "position", TG_ATTR_INT, offsetof(recurrent_attr, dropout.position), false, 0, 0           \
    }
static const tg__field rnn_fields[] = {
    OF_ALL, {"relu", TG_ATTR_BOOL, offsetof(recurrent_attr, relu), false, 0, 0}, {0}};
static const tg__field gru_fields[] = {OF_ALL, {0}};
static const tg__field lstm_fields[] = {
    OF_ALL, {"projection", TG_ATTR_BOOL, offsetof(recurrent_attr, projection), false, 0, 0}, {0}};
#define RECURRENT                                                                                  \
    .inputs = "tensors", .n_in = -1, .flags = TG__COMPOSED | TG__BLAS,                             \
    .attr_size = sizeof(recurrent_attr)

/* A call of layers, with all that its loops need. */
typedef struct {
    const char *op;
    kind k;
    const recurrent_attr *a;
    tg_tensor *const *in;
    int states, directions, per_layer;   /* per layer and direction: how many weights */
    int64_t steps, batch, width, hidden; /* T, N, size of h, size of c */
    bool single;
    tg_tensor *h0, *c0;
    tg_tensor **last_h, **last_c; /* of every layer and direction */
    tg_tensor **outputs;          /* of every step */
} run;

static layer layer_at(const run *r, int64_t i) {
    tg_tensor *const *w = r->in + 1 + r->states + i * r->per_layer;
    const bool biases = !r->a->no_biases;
    return (layer){w[0], w[1], biases ? w[2] : TG_NONE, biases ? w[3] : TG_NONE,
                   r->a->projection ? w[r->per_layer - 1] : TG_NONE};
}

static bool check_states(const run *r) {
    const int64_t layers = r->a->num_layers * r->directions;
    for (int i = 1; i <= r->states; i++) {
        const int64_t size = i == 1 ? r->width : r->hidden;
        const int64_t shape[3] = {layers, r->single ? size : r->batch, size};
        if (!has_shape(r->op, i == 1 ? "h0" : "c0", r->in[i], (tg_dtype)r->in[0]->dtype,
                       r->single ? 2 : 3, shape))
            return false;
    }
    return true;
}

static bool check_input(run *r) {
    const recurrent_attr *a = r->a;
    const tg_tensor *x = r->in[0];
    if (!tg__float_only(r->op, x))
        return false;
    r->single = x->ndim == 2;
    if (!r->single && x->ndim != 3) {
        tg__fail(TG_ERR_SHAPE, r->op, "x is %s; give %s, or [T, I] for a single sample",
                 tg__describe(x), a->batch_first ? "[N, T, I]" : "[T, N, I]");
        return false;
    }
    r->steps = x->shape[a->batch_first && !r->single ? 1 : 0];
    r->batch = r->single ? 1 : x->shape[a->batch_first ? 0 : 1];
    if (r->steps > 0)
        return true;
    tg__fail(TG_ERR_SHAPE, r->op, "x is %s, a sequence of no steps; give at least one",
             tg__describe(x));
    return false;
}

/* Counts and shapes of everything; false with an error. */
static bool check_run(const tg__call *c, run *r) {
    const recurrent_attr *a = r->a;
    r->states = r->k == LSTM ? 2 : 1;
    r->directions = a->bidirectional ? 2 : 1;
    r->per_layer = 2 + (a->no_biases ? 0 : 2) + (a->projection ? 1 : 0);
    if (!tg__dropout_check(r->op, "dropout_p", a->dropout.p))
        return false;
    if (a->num_layers < 1 || a->num_layers > 1000000) {
        tg__fail(TG_ERR_ARG, r->op, "num_layers is %lld; give 1 to 1000000",
                 (long long)a->num_layers);
        return false;
    }
    const int64_t layers = a->num_layers * r->directions;
    const int64_t want = 1 + r->states + layers * r->per_layer;
    if (c->n_in != want) {
        tg__fail(TG_ERR_ARG, r->op,
                 "%d tensors; give %lld: x, h0%s and %d weights for each of %lld layers and "
                 "directions",
                 c->n_in, (long long)want, r->k == LSTM ? ", c0" : "", r->per_layer,
                 (long long)layers);
        return false;
    }
    if (!check_input(r))
        return false;
    int64_t inputs = r->in[0]->shape[r->in[0]->ndim - 1];
    for (int64_t i = 0; i < layers; i++) {
        const layer w = layer_at(r, i);
        int64_t width;
        int64_t hidden;
        if (i > 0 && i % r->directions == 0)
            inputs = r->directions * r->width;
        if (!check_layer(r->op, r->k, &w, (tg_dtype)r->in[0]->dtype, inputs, &width, &hidden))
            return false;
        if (i > 0 && (width != r->width || hidden != r->hidden))
            return refuse_shape(r->op, "w_hh", w.w_hh,
                                TG_SHAPE(gates_of(r->k) * r->hidden, r->width));
        r->width = width;
        r->hidden = hidden;
    }
    return check_states(r);
}

/* One layer in one direction over x [T, N, I]: [T, N, width]. */
static tg_tensor *over_time(const run *r, tg_tensor *x, int64_t index) {
    const layer w = layer_at(r, index);
    const bool backwards = r->directions == 2 && index % 2 == 1;
    tg_tensor *a = tg_linear(x, w.w_ih, w.b_ih);
    tg_tensor *h = tg_select(r->h0, 0, index);
    tg_tensor *c = r->k == LSTM ? tg_select(r->c0, 0, index) : NULL;
    for (int64_t i = 0; i < r->steps; i++) {
        const int64_t t = backwards ? r->steps - 1 - i : i;
        tg_tensor *at = tg_select(a, 0, t);
        if (at == NULL || h == NULL || !step(r->k, &w, at, &h, &c))
            return NULL;
        r->outputs[t] = h;
    }
    r->last_h[index] = h;
    if (r->k == LSTM)
        r->last_c[index] = c;
    return tg_stack(r->outputs, (int)r->steps, 0);
}

static tg_tensor *all_layers(run *r) {
    tg_tensor *x = r->in[0];
    if (r->single)
        x = tg_unsqueeze(x, 1);
    else if (r->a->batch_first)
        x = tg_transpose(x, 0, 1);
    r->h0 = r->single ? tg_unsqueeze(r->in[1], 1) : r->in[1];
    if (r->k == LSTM)
        r->c0 = r->single ? tg_unsqueeze(r->in[2], 1) : r->in[2];
    if (r->h0 == NULL)
        return NULL;
    tg__dropout_attr at = r->a->dropout;
    for (int64_t l = 0; x != NULL && l < r->a->num_layers; l++) {
        if (l > 0) {
            x = tg__dropout(x, &at);
            if (x != NULL)
                at.position = (int64_t)((uint64_t)at.position + tg__draw_blocks32(x->numel));
        }
        tg_tensor *both[2] = {over_time(r, x, l * r->directions)};
        if (r->directions == 2)
            both[1] = over_time(r, x, l * 2 + 1);
        x = r->directions == 2 ? tg_cat(both, 2, -1) : both[0];
    }
    if (r->single)
        return tg_squeeze(x, TG_DIMS(1));
    return r->a->batch_first ? tg_contiguous(tg_transpose(x, 0, 1)) : x;
}

/* The last states of all layers and directions as one tensor. */
static tg_tensor *joined(const run *r, tg_tensor **last) {
    tg_tensor *y = tg_stack(last, (int)(r->a->num_layers * r->directions), 0);
    return r->single ? tg_squeeze(y, TG_DIMS(1)) : y;
}

static bool layers(const tg__call *c, kind k) {
    const recurrent_attr *a = c->attr;
    run r = {.op = c->op->name, .k = k, .a = a, .in = c->in};
    if (!check_run(c, &r))
        return false;
    const int64_t count = a->num_layers * r.directions;
    if (r.steps > INT32_MAX) {
        tg__fail(TG_ERR_SHAPE, r.op, "x is %s; give fewer than 2^31 steps", tg__describe(c->in[0]));
        return false;
    }
    const size_t bytes = (size_t)(r.steps + 2 * count) * sizeof *r.outputs;
    r.outputs = tg__alloc_zero(bytes);
    if (r.outputs == NULL) {
        tg__fail_memory(r.op, bytes);
        return false;
    }
    r.last_h = r.outputs + r.steps;
    r.last_c = r.last_h + count;
    c->out[0] = all_layers(&r);
    if (c->out[0] != NULL)
        c->out[1] = joined(&r, r.last_h);
    if (k == LSTM && c->out[0] != NULL)
        c->out[2] = joined(&r, r.last_c);
    tg__free(r.outputs, bytes);
    return c->out[0] != NULL && c->out[1] != NULL && (k != LSTM || c->out[2] != NULL);
}

/* ---- rnn, gru, lstm ---- */
static bool rnn_forward(const tg__call *c) {
    return layers(c, ((const recurrent_attr *)c->attr)->relu ? RELU : TANH);
}
TG_OP(rnn, .maths = "layers of rnn_cell over a sequence", RECURRENT, .fields = rnn_fields,
      .n_out = 2, .forward = rnn_forward, .onnx = {"RNN", 14});
TG_SAMPLES(rnn, "[3,2,3] [1,2,2] [2,3] [2,2] [2] [2]",
           "[2,3,3] [2,2,2] [2,3] [2,2] [2,3] [2,2] | no_biases=1 batch_first=1 bidirectional=1",
           "[2,3] [2,2] [2,3] [2,2] [2,2] [2,2] | no_biases=1 num_layers=2 relu=1");

static bool gru_forward(const tg__call *c) { return layers(c, GRU); }
TG_OP(gru, .maths = "layers of gru_cell over a sequence", RECURRENT, .fields = gru_fields,
      .n_out = 2, .forward = gru_forward, .onnx = {"GRU", 14});
TG_SAMPLES(gru, "[2,2,3] [1,2,2] [6,3] [6,2] [6] [6]",
           "[2,1,2] [2,1,1] [3,2] [3,1] [3,1] [3,1] | no_biases=1 num_layers=2 dropout_p=0.4");

static bool lstm_forward(const tg__call *c) { return layers(c, LSTM); }
TG_OP(lstm, .maths = "layers of lstm_cell over a sequence", RECURRENT, .fields = lstm_fields,
      .n_out = 3, .forward = lstm_forward, .onnx = {"LSTM", 14});
TG_SAMPLES(lstm, "[2,2,3] [1,2,2] [1,2,2] [8,3] [8,2] [8] [8]",
           "[2,1,2] [2,1,1] [2,1,2] [8,2] [8,1] [1,2] [8,2] [8,1] [1,2] | no_biases=1 projection=1 "
           "bidirectional=1");

/* ---- The public functions ---- */

/* A state of zeros for n weights that fit, or anything for those that do not. */
static tg_tensor *zero_state(const tg_tensor *x, int n, const tg_recurrent_options *o,
                             int64_t width) {
    const int64_t layers = (int64_t)o->num_layers * (o->bidirectional ? 2 : 1);
    const int64_t batch = x->ndim == 3 ? x->shape[o->batch_first ? 0 : 1] : 1;
    if (layers < 0 || layers > n / 2)
        return tg_zeros((tg_dtype)x->dtype, TG_0D);
    return x->ndim == 3 ? tg_zeros((tg_dtype)x->dtype, TG_SHAPE(layers, batch, width))
                        : tg_zeros((tg_dtype)x->dtype, TG_SHAPE(layers, width));
}

/* x, the states and the weights as one list. */
static bool gather(const tg__op *op, tg_tensor *x, tg_tensor *const *weights, int n,
                   const tg_recurrent_options *o, tg_tensor **list) {
    const int states = op == &tg__op_lstm ? 2 : 1;
    const tg_tensor *w_hh = weights[1];
    if (!tg__required(op->name, "x", x) || !tg__required(op->name, "weights", w_hh))
        return false;
    list[0] = x;
    list[1] = o->h0;
    if (states == 2)
        list[2] = o->c0;
    const int64_t width = w_hh->ndim == 2 ? w_hh->shape[1] : 0;
    const int64_t hidden = w_hh->ndim == 2 ? w_hh->shape[0] / 4 : 0;
    for (int i = 1; i <= states; i++)
        if (list[i] == NULL)
            list[i] = zero_state(x, n, o, i == 1 ? width : hidden);
    for (int i = 0; i < n; i++)
        list[1 + states + i] = weights[i];
    return list[1] != NULL && list[states] != NULL;
}

/* How many numbers go from layer to layer, with dropout. */
static int64_t dropped(const tg_tensor *y, const tg_recurrent_options *o) {
    const int64_t each = (int64_t)((tg__draw_blocks32(y->numel)) * 4);
    return each * (o->num_layers - 1);
}

static tg_tensor *recurrent(const tg__op *op, tg_tensor *x, tg_tensor *const *weights, int n,
                            const tg_recurrent_options *options, tg_tensor **const *rest) {
    tg_recurrent_options o = TG_RECURRENT_OPTIONS_INIT;
    recurrent_attr a = {0};
    for (int k = 1; k < tg__n_out(op); k++)
        if (rest[k - 1] != NULL)
            *rest[k - 1] = NULL;
    if (tg__options(op->name, "tg_recurrent_options", "TG_RECURRENT_OPTIONS_INIT", options, &o,
                    sizeof o) != TG_OK)
        return NULL;
    if (n < 2 || weights == NULL) {
        tg__fail(TG_ERR_ARG, op->name, "%d weights%s; give w_ih, w_hh, … of every layer", n,
                 weights == NULL ? " at NULL" : "");
        return NULL;
    }
    if (!tg__dropout_check(op->name, "dropout_p", o.dropout_p) ||
        !tg__dropout_from(o.generator, o.train ? o.dropout_p : 0, &a.dropout))
        return NULL;
    a.num_layers = o.num_layers;
    a.bidirectional = o.bidirectional;
    a.batch_first = o.batch_first;
    a.no_biases = o.no_biases;
    a.relu = o.relu && op == &tg__op_rnn;
    a.projection = o.projection && op == &tg__op_lstm;
    const size_t bytes = (size_t)(n + 3) * sizeof(tg_tensor *);
    tg_tensor **list = tg__alloc_zero(bytes);
    if (list == NULL) {
        tg__fail_memory(op->name, bytes);
        return NULL;
    }
    tg_tensor *y = NULL;
    if (gather(op, x, weights, n, &o, list))
        y = tg__apply_rest(op, list, n + (op == &tg__op_lstm ? 3 : 2), &a, rest);
    if (o.h0 == NULL)
        tg_release(list[1]);
    if (o.c0 == NULL && op == &tg__op_lstm)
        tg_release(list[2]);
    if (y != NULL && a.dropout.p > 0)
        tg__dropout_done(o.generator, &a.dropout, dropped(y, &o));
    tg__free(list, bytes);
    return y;
}

tg_tensor *tg_rnn(tg_tensor *x, tg_tensor *const *weights, int n_weights,
                  const tg_recurrent_options *options, tg_tensor **h_n) {
    return recurrent(&tg__op_rnn, x, weights, n_weights, options, &h_n);
}
tg_tensor *tg_gru(tg_tensor *x, tg_tensor *const *weights, int n_weights,
                  const tg_recurrent_options *options, tg_tensor **h_n) {
    return recurrent(&tg__op_gru, x, weights, n_weights, options, &h_n);
}
tg_tensor *tg_lstm(tg_tensor *x, tg_tensor *const *weights, int n_weights,
                   const tg_recurrent_options *options, tg_tensor **h_n, tg_tensor **c_n) {
    return recurrent(&tg__op_lstm, x, weights, n_weights, options,
                     (tg_tensor * *const[]){h_n, c_n});
}
