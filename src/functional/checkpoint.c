/* checkpoint.c - computing again instead of keeping.
 *
 * A checkpointed call is a node whose one saved value is a record: the function, aliases of its
 * inputs with their versions, and the states of the generators. The record is the memory behind a
 * tensor of one byte, so it lives and dies as saved values do. The rule of the node is the pullback
 * of the function (products.c). Under create_graph that pullback is itself checkpointed, with the
 * inputs and the output gradients as its inputs, so every order of derivative comes from the same
 * few lines, and no walk ever meets the graph of the walk around it.
 *
 * The inputs are aliases, not the user's headers, because those may take a newer history that leads
 * back to the node; the edges of the node know the history they had. */
#include "autograd/walk.h"
#include "base/options.h"
#include "functional/function.h"

#include <tensorgrad/tensorgrad.h>

#include <limits.h>

static const char op_name[] = "checkpoint";

typedef struct {
    int ndim;
    tg_dtype dtype;
    int64_t shape[TG_MAX_DIMS];
} sizes;

typedef struct {
    tg__function f;
    void (*destroy)(void *ctx);
    size_t bytes;
    int n_in, n_out, n_generators;
    bool preserve;
    tg_generator_state own;     /* of the thread's default generator, before the first run */
    tg_tensor **in;             /* [n_in] raw aliases */
    tg_generator **generators;  /* [n_generators] */
    tg_generator_state *states; /* [n_generators] */
    sizes *out;                 /* [n_out] what the first run gave */
    uint32_t *versions;         /* [n_in] */
    bool *recorded;             /* [n_in] those that required gradients */
} record;

/* ---- The record ---- */

static void record_free(void *of) {
    record *c = of;
    for (int i = 0; i < c->n_in; i++)
        tg__unref(c->in[i]);
    if (c->destroy != NULL)
        c->destroy(c->f.ctx);
    tg__free(c, c->bytes);
}

static bool get_states(tg_generator *const *generators, int n, tg_generator_state *own,
                       tg_generator_state *states) {
    bool good = tg_generator_get_state(NULL, own) == TG_OK;
    for (int i = 0; i < n && good; i++)
        good = tg_generator_get_state(generators[i], &states[i]) == TG_OK;
    return good;
}

/* Cannot fail: the states came from the same generators. */
static void set_states(tg_generator *const *generators, int n, const tg_generator_state *own,
                       const tg_generator_state *states) {
    (void)tg_generator_set_state(NULL, own);
    for (int i = 0; i < n; i++)
        (void)tg_generator_set_state(generators[i], &states[i]);
}

static record *record_new(const tg__function *f, const tg_checkpoint_options *o, int n_in,
                          int n_out) {
    size_t generators = (size_t)o->n_generators;
    size_t bytes = sizeof(record) +
                   (size_t)n_in * (sizeof(tg_tensor *) + sizeof(uint32_t) + sizeof(bool)) +
                   generators * (sizeof(tg_generator *) + sizeof(tg_generator_state)) +
                   (size_t)n_out * sizeof(sizes);
    record *c = tg__alloc_zero(bytes);
    if (c == NULL) {
        tg__fail_memory(op_name, bytes);
        return NULL;
    }
    *c = (record){.f = *f,
                  .bytes = bytes,
                  .n_in = n_in,
                  .n_out = n_out,
                  .n_generators = o->n_generators,
                  .preserve = o->preserve_rng};
    c->in = (tg_tensor **)(void *)(c + 1);
    c->generators = (tg_generator **)(void *)(c->in + n_in);
    c->states = (tg_generator_state *)(void *)(c->generators + generators);
    c->out = (sizes *)(void *)(c->states + generators);
    c->versions = (uint32_t *)(void *)(c->out + n_out);
    c->recorded = (bool *)(void *)(c->versions + n_in);
    for (size_t i = 0; i < generators; i++)
        c->generators[i] = o->generators[i];
    if (get_states(c->generators, c->n_generators, &c->own, c->states))
        return c;
    record_free(c);
    return NULL;
}

static bool keep_inputs(record *c, tg_tensor *const *in) {
    for (int i = 0; i < c->n_in; i++) {
        c->in[i] = tg__alias(op_name, in[i]);
        if (c->in[i] == NULL)
            return false;
        c->in[i]->epoch = UINT32_MAX; /* the version is checked: never stale */
        c->recorded[i] = tg_requires_grad(in[i]);
        c->versions[i] = atomic_load_explicit(&in[i]->storage->version, memory_order_relaxed);
    }
    return true;
}

static bool inputs_unchanged(const record *c) {
    for (int i = 0; i < c->n_in; i++) {
        const tg__storage *s = c->in[i]->storage;
        uint32_t now = atomic_load_explicit(&s->version, memory_order_relaxed);
        if (now == c->versions[i])
            continue;
        tg__fail(TG_ERR_STATE, op_name,
                 "input %d (%s) was at version %u when the function ran first, and is now at "
                 "version %u, last written by %s; write into a tg_clone of it, or after backward",
                 i, tg__describe(c->in[i]), c->versions[i], now,
                 tg__op_name(atomic_load_explicit(&s->writer, memory_order_relaxed)));
        return false;
    }
    return true;
}

/* ---- Running again ---- */

static bool same_outputs(const record *c, tg_tensor *const *out) {
    for (int k = 0; k < c->n_out; k++) {
        const sizes *first = &c->out[k];
        bool same = out[k]->ndim == first->ndim && out[k]->dtype == first->dtype;
        for (int d = 0; same && d < first->ndim; d++)
            same = out[k]->shape[d] == first->shape[d];
        if (same)
            continue;
        tg__fail(out[k]->dtype == first->dtype ? TG_ERR_SHAPE : TG_ERR_DTYPE, op_name,
                 "run again the function gave %s for output %d, and %s %s the first time; it must "
                 "compute the same both times",
                 tg__describe(out[k]), k, tg_dtype_name(first->dtype),
                 tg__describe_shape(first->ndim, first->shape));
        return false;
    }
    return true;
}

static bool foreign(const tg_tensor *x) {
    tg__fail(TG_ERR_STATE, op_name,
             "the function reached %s, which requires gradients and is not among its inputs; pass "
             "it as an input, or tg_detach it",
             x != NULL ? tg__describe(x) : "a recorded result from outside");
    return false;
}

/* A leaf that outputs depend on must be an input. */
static bool known_leaf(tg__walk *w, tg_tensor *leaf) {
    return tg__walk_target(w, leaf, TG__LEAF_EDGE, false) != NULL || foreign(leaf);
}

/* Nodes that the run has recorded are newer than `start`. */
static bool known_node(tg__walk *w, tg__node *n, uint64_t start) {
    if (n->seq <= start)
        return foreign(NULL);
    int fresh = tg__walk_claim(w, n);
    if (fresh <= 0)
        return fresh == 0;
    if (tg__walk_push(w, n))
        return true;
    atomic_store_explicit(&n->run, 0, memory_order_release);
    return false;
}

static bool known_behind(tg__walk *w, tg__node *n, uint64_t start) {
    const tg__edge *e = tg__edges(n);
    for (uint32_t i = 0; i < n->n_in; i++) {
        if (e[i].target == NULL)
            continue;
        if (!(e[i].out_nr == TG__LEAF_EDGE ? known_leaf(w, e[i].target)
                                           : known_node(w, e[i].target, start)))
            return false;
    }
    return true;
}

static bool walk_known(tg__walk *w, const record *c, tg_tensor *const *in, tg_tensor *const *out,
                       uint64_t start) {
    for (int i = 0; i < c->n_in; i++)
        if (tg_requires_grad(in[i]) && tg__walk_target(w, in[i], TG__LEAF_EDGE, true) == NULL)
            return false;
    for (int k = 0; k < c->n_out; k++) {
        if (!tg_requires_grad(out[k]))
            continue;
        if (!(out[k]->node == NULL ? known_leaf(w, out[k]) : known_node(w, out[k]->node, start)))
            return false;
    }
    while (w->s->n_heap > 0) {
        tg__node *n = tg__walk_pop(w->s); /* its reference moves into the list */
        if (!tg__walk_list(w, n)) {
            tg__walk_drop(n);
            tg__node_unref(n);
            return false;
        }
        if (!known_behind(w, n, start))
            return false;
    }
    return true;
}

/* A gradient for anything but the inputs would be lost, silently. */
static bool reaches_inputs_only(const record *c, tg_tensor *const *in, tg_tensor *const *out,
                                uint64_t start) {
    tg__walk w = {0};
    if (!tg__walk_begin(&w, op_name))
        return false;
    bool good = walk_known(&w, c, in, out, start);
    tg__walk_end(&w);
    return good;
}

/* The function as it ran first: a tg_fn with a record as ctx. */
static tg_status replay(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    const record *c = ctx;
    size_t bytes = (size_t)c->n_generators * sizeof(tg_generator_state);
    tg_generator_state own;
    tg_generator_state *states = tg__alloc(bytes);
    if (states == NULL)
        return tg__fail_memory(op_name, bytes);
    bool good = get_states(c->generators, c->n_generators, &own, states);
    if (good) {
        uint64_t start = tg__self()->clock;
        if (c->preserve)
            set_states(c->generators, c->n_generators, &c->own, c->states);
        good = tg__function_call(&c->f, in, n_in, out, n_out);
        if (c->preserve || !good)
            set_states(c->generators, c->n_generators, &own, states);
        good = good && same_outputs(c, out) && reaches_inputs_only(c, in, out, start);
    }
    tg__free(states, bytes);
    return good ? TG_OK : tg_error_status();
}

/* ---- The rule ---- */

typedef struct {
    tg__node *node; /* the node that these attributes lie in */
} attributes;

/* A pullback that lives by itself: behind it, its masks. */
typedef struct {
    tg__pullback p;
    size_t bytes;
    tg_tensor *state; /* held: the record */
    bool masks[];
} owned_pullback;

static void pullback_free(void *of) {
    owned_pullback *p = of;
    tg_unhold(p->state);
    tg__free(p, p->bytes);
}

static owned_pullback *pullback_new(const tg__rule *r, record *c) {
    size_t bytes = sizeof(owned_pullback) + (size_t)c->n_in + (size_t)c->n_out;
    owned_pullback *p = tg__alloc_zero(bytes);
    if (p == NULL) {
        tg__fail_memory(op_name, bytes);
        return NULL;
    }
    p->bytes = bytes;
    p->state = tg_hold(r->in[0]);
    p->p = (tg__pullback){.f = {op_name, replay, c, false},
                          .n_in = c->n_in,
                          .n_out = c->n_out,
                          .wanted = p->masks,
                          .recorded = c->recorded,
                          .seeded = p->masks + c->n_in};
    for (int k = 0; k < c->n_out; k++)
        p->masks[c->n_in + k] = r->g[k] != NULL;
    return p;
}

/* Input i of the node with the history it had. */
static tg_tensor *with_history(const tg__rule *r, const record *c, int i) {
    const tg__edge *e = &tg__edges(((const attributes *)r->attr)->node)[i + 1];
    if (e->target == NULL)
        return c->in[i];
    if (e->out_nr == TG__LEAF_EDGE)
        return e->target;
    tg_tensor *x = tg__alias(op_name, c->in[i]);
    if (x == NULL)
        return NULL;
    x->epoch = UINT32_MAX;
    tg__node_ref(e->target);
    tg__node_attach(e->target, x, (int)e->out_nr);
    return tg__give(x);
}

/* Inputs, then the output gradients that arrived; how many, or -1. */
static int arguments(const tg__rule *r, const record *c, bool create, tg_tensor **list) {
    int n = 0;
    for (int i = 0; i < c->n_in; i++) {
        list[n] = create ? with_history(r, c, i) : c->in[i];
        if (list[n++] == NULL)
            return -1;
    }
    for (int k = 0; k < c->n_out; k++)
        if (r->g[k] != NULL)
            list[n++] = r->g[k];
    return n;
}

/* Gradients of at most `most` wanted inputs from *next on. */
static bool pull_some(tg__rule *r, record *c, bool create, int most, int *next, tg_tensor **list,
                      tg_tensor **grads) {
    owned_pullback *p = pullback_new(r, c);
    if (p == NULL)
        return false;
    int first = *next;
    int n_wanted = 0;
    for (; *next < c->n_in && n_wanted < most; ++*next)
        if (r->wanted[*next + 1]) {
            p->masks[*next] = true;
            n_wanted++;
        }
    int n = n_wanted > 0 ? arguments(r, c, create, list) : 0;
    bool good = n >= 0;
    bool owned = false; /* the record of the second checkpoint has taken p over */
    if (n > 0 && create) {
        tg_checkpoint_options o = TG_CHECKPOINT_OPTIONS_INIT;
        o.destroy = pullback_free;
        good = tg_checkpoint(tg__pullback_call, p, list, n, grads, n_wanted, &o) == TG_OK;
        owned = good;
    } else if (n > 0) {
        tg__function f = {op_name, tg__pullback_call, p, false};
        good = tg__function_call(&f, list, n, grads, n_wanted);
    }
    for (int i = first, k = 0; good && i < *next; i++)
        if (r->wanted[i + 1])
            r->gin[i + 1] = grads[k++];
    if (!owned)
        pullback_free(p);
    return good;
}

static void checkpoint_rule(tg__rule *r) {
    record *c = (record *)(void *)r->in[0]->data;
    if (!inputs_unchanged(c))
        return;
    bool create = tg_grad_enabled();
    int most = create ? TG_CHECKPOINT_MAX_OUTPUTS : INT_MAX;
    int64_t n = 2 * (int64_t)c->n_in + c->n_out;
    tg_tensor **list = tg__list_new(op_name, n); /* [n_in + n_out] arguments, [n_in] gradients */
    int next = 0;
    while (list != NULL && next < c->n_in &&
           pull_some(r, c, create, most, &next, list, list + c->n_in + c->n_out))
        continue;
    if (list != NULL)
        tg__list_free(list, n);
}

/* ---- Recording ---- */

/* One op for each number of outputs; their nodes have any number of inputs, the first being the
 * record. */
#define OP(n)                                                                                      \
    {                                                                                              \
        .name = op_name, .maths = "fn(x), computed again in backward", .inputs = "x", .n_in = -1,  \
        .n_out = (n), .number = TG__NO_OP, .no_grad = 1, .attr_size = sizeof(attributes),          \
        .rule = checkpoint_rule, .saves = {TG__SAVE_IN(0, TG__ANY)}, .onnx = {                     \
            "none"                                                                                 \
        }                                                                                          \
    }
#define OPS4(n) OP(n), OP((n) + 1), OP((n) + 2), OP((n) + 3)
#define OPS16(n) OPS4(n), OPS4((n) + 4), OPS4((n) + 8), OPS4((n) + 12)
static const tg__op ops[] = {OPS16(1), OPS16(17)};
_Static_assert(sizeof ops / sizeof *ops == TG_CHECKPOINT_MAX_OUTPUTS, "one op per output count");

/* y as a header that no one else holds, raw. */
static tg_tensor *own_header(tg_tensor *y) {
    bool fresh = (atomic_load_explicit(&y->refs, memory_order_acquire) & TG__ALL_REFS) == 1;
    if (!fresh || (y->flags & TG__REQUIRES_GRAD))
        return tg__alias(op_name, y);
    tg__ref(y);
    return y;
}

static tg__node *node_of(tg_tensor *state, const record *c, tg_tensor *const *in,
                         tg_tensor *const *out) {
    tg_tensor **list = tg__list_new(op_name, (int64_t)c->n_in + 1);
    if (list == NULL)
        return NULL;
    list[0] = state;
    for (int i = 0; i < c->n_in; i++)
        list[i + 1] = in[i];
    attributes a = {NULL};
    tg__node *n = tg__node_new(&ops[c->n_out - 1], list, list, c->n_in + 1, &a, out);
    tg__list_free(list, (int64_t)c->n_in + 1);
    if (n != NULL)
        ((attributes *)(void *)((char *)n + n->attr_at))->node = n;
    return n;
}

static void note_sizes(record *c, tg_tensor *const *out) {
    for (int k = 0; k < c->n_out; k++) {
        c->out[k] = (sizes){.ndim = out[k]->ndim, .dtype = (tg_dtype)out[k]->dtype};
        for (int d = 0; d < out[k]->ndim; d++)
            c->out[k].shape[d] = out[k]->shape[d];
    }
}

static void drop(tg_tensor **list, int n) {
    for (int k = 0; k < n; k++) {
        tg__unref(list[k]);
        list[k] = NULL;
    }
}

/* Makes out[], given by the first run, results of a node: raw headers, in place of those given. */
static bool link_outputs(tg_tensor *state, const record *c, tg_tensor *const *in, tg_tensor **out) {
    for (int k = 0; k < c->n_out; k++) {
        out[k] = own_header(out[k]);
        if (out[k] == NULL) {
            drop(out, k);
            return false;
        }
    }
    tg__node *n = node_of(state, c, in, out);
    if (n == NULL) {
        drop(out, c->n_out);
        return false;
    }
    for (int k = 0; k < c->n_out; k++) {
        if (!tg_dtype_is_float((tg_dtype)out[k]->dtype))
            continue;
        tg__node_ref(n);
        tg__node_attach(n, out[k], k);
    }
    tg__node_unref(n);
    return true;
}

/* Runs the function without recording and records one node; out[] gets raw tensors. */
static bool run_recorded(const tg__function *f, const tg_checkpoint_options *o,
                         tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    record *c = record_new(f, o, n_in, n_out);
    if (c == NULL)
        return false;
    tg_tensor *state = tg_from_blob(c, TG_U8, 1, (const int64_t[]){1}, NULL, record_free, c);
    if (state == NULL) {
        record_free(c);
        return false;
    }
    tg_set_grad_enabled(false); /* the scope around this call restores it */
    bool called = keep_inputs(c, in) && tg__function_call(f, in, n_in, out, n_out);
    bool good = called;
    if (good) {
        note_sizes(c, out);
        good = inputs_unchanged(c) && link_outputs(state, c, in, out);
    }
    if (good)
        c->destroy = o->destroy;
    else
        set_states(c->generators, c->n_generators, &c->own, c->states);
    return good;
}

/* Nothing to record: a call like any other; out[] gets raw tensors. */
static bool run_plain(const tg__function *f, const tg_checkpoint_options *o, tg_tensor *const *in,
                      int n_in, tg_tensor **out, int n_out) {
    record *c = record_new(f, o, 0, 0); /* for the generators */
    if (c == NULL)
        return false;
    bool good = tg__function_call(f, in, n_in, out, n_out);
    for (int k = 0; k < n_out && good; k++)
        tg__ref(out[k]);
    if (!good)
        set_states(c->generators, c->n_generators, &c->own, c->states);
    record_free(c);
    return good;
}

/* ---- The call ---- */

static bool check(const tg__function *f, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out,
                  const tg_checkpoint_options *options, tg_checkpoint_options *o) {
    if (!tg__function_check(f, in, n_in, n_out, false) ||
        !tg__lists_apart(op_name, in, n_in, out, n_out))
        return false;
    if (out == NULL || n_out > TG_CHECKPOINT_MAX_OUTPUTS) {
        tg__fail(TG_ERR_ARG, op_name, "%d outputs at %s; pass room for 1 to %d", n_out,
                 out == NULL ? "NULL" : "the list", TG_CHECKPOINT_MAX_OUTPUTS);
        return false;
    }
    for (int k = 0; k < n_out; k++)
        out[k] = NULL;
    if (tg__options(op_name, "tg_checkpoint_options", "TG_CHECKPOINT_OPTIONS_INIT", options, o,
                    sizeof *o) != TG_OK ||
        !tg__flags_check(op_name, "tg_checkpoint_options", o->flags))
        return false;
    bool list = o->n_generators >= 0 && (o->n_generators == 0 || o->generators != NULL);
    for (int i = 0; list && i < o->n_generators; i++)
        list = o->generators[i] != NULL;
    if (!list)
        tg__fail(TG_ERR_ARG, op_name,
                 "%d generators at %s, or one of them is NULL; pass a list of generators and its "
                 "length",
                 (int)o->n_generators, o->generators == NULL ? "NULL" : "the list");
    return list;
}

tg_status tg_checkpoint(tg_fn fn, void *ctx, tg_tensor *const *inputs, int n_inputs,
                        tg_tensor **outputs, int n_outputs, const tg_checkpoint_options *options) {
    tg__function f = {op_name, fn, ctx, false};
    tg_checkpoint_options o = TG_CHECKPOINT_OPTIONS_INIT;
    tg_status gate = tg__gate(tg__self());
    if (gate != TG_OK)
        return gate;
    if (!check(&f, inputs, n_inputs, outputs, n_outputs, options, &o) ||
        !tg__reserve(op_name, (uint32_t)n_outputs))
        return tg_error_status();
    f.owns = (o.flags & TG_CALLBACK_OWNS) != 0;
    bool recorded = false;
    for (int i = 0; i < n_inputs; i++)
        recorded |= tg_grad_enabled() && tg_requires_grad(inputs[i]);
    tg_scope s = tg_scope_open();
    bool good = tg__gate(tg__self()) == TG_OK &&
                (recorded ? run_recorded(&f, &o, inputs, n_inputs, outputs, n_outputs)
                          : run_plain(&f, &o, inputs, n_inputs, outputs, n_outputs));
    if (tg_scope_close(s) != TG_OK && good) {
        drop(outputs, n_outputs);
        good = false;
    }
    for (int k = 0; k < n_outputs; k++)
        outputs[k] = good ? tg__give(outputs[k]) : NULL; /* room was reserved */
    if (good && !recorded && o.destroy != NULL)
        tg__call_deleter(o.destroy, ctx);
    return good ? TG_OK : tg_error_status();
}
