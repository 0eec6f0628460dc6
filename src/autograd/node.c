/* node.c - building and destroying recorded operations.
 *
 * Saved inputs are alias headers: the user's header may be written in place later and then carry a
 * newer history that leads back to this node, which would be a cycle. Leaves that require gradients
 * are saved as they are: recorded in-place writes refuse them. Saved outputs are aliases for the
 * same reason. Destruction keeps a list through the nodes themselves, so it neither recurses nor
 * allocates. */
#include "autograd/node.h"

#include <string.h>

static bool wants(const tg__op *op, const tg_tensor *x, int i) {
    return (x->flags & TG__REQUIRES_GRAD) && !(i < 16 && (op->no_grad >> i & 1));
}

static bool same_as_output(const tg_tensor *x, const tg_tensor *y) {
    return x->dtype == y->dtype && tg__same_shape(x, y);
}

static size_t meta_bytes(const tg_tensor *x) {
    return sizeof(tg__meta) + (size_t)x->ndim * sizeof(int64_t);
}

/* Takes a saved value; false if memory is short. */
static bool save(tg__saved *slot, const tg__op *op, tg_tensor *x, int index, bool is_output,
                 bool in_place) {
    slot->is_output = is_output;
    slot->index = (uint8_t)index;
    slot->version = atomic_load_explicit(&x->storage->version, memory_order_relaxed) +
                    (is_output && in_place ? 1 : 0);
    if (!is_output && (x->flags & TG__REQUIRES_GRAD) && x->node == NULL) {
        tg__ref(x);
        slot->tensor = x;
    } else {
        slot->tensor = tg__alias(op->name, x);
        if (x->leaf != NULL && x->leaf->name != NULL && slot->tensor != NULL) {
            tg__leaf_ref(x->leaf); /* so that messages can name the value */
            slot->tensor->leaf = x->leaf;
        }
    }
    return slot->tensor != NULL;
}

static void connect(tg__node *n, const tg__op *op, tg_tensor *const *in, uint64_t *newest) {
    tg__edge *e = tg__edges(n);
    for (uint32_t i = 0; i < n->n_in; i++) {
        const tg_tensor *x = in[i];
        e[i].target = NULL;
        e[i].out_nr = 0;
        e[i].meta = 0;
        if (!wants(op, x, (int)i))
            continue;
        if (x->node != NULL) {
            e[i].target = x->node;
            e[i].out_nr = x->out_nr;
            tg__node_ref(x->node);
            if (x->node->seq > *newest)
                *newest = x->node->seq;
        } else {
            e[i].target = in[i];
            e[i].out_nr = TG__LEAF_EDGE;
            tg__ref(in[i]);
        }
    }
}

static uint32_t wanted_mask(const tg__op *op, tg_tensor *const *in, int n_in) {
    uint32_t mask = 0;
    for (int i = 0; i < n_in; i++)
        if (wants(op, in[i], i))
            mask |= 1u << (i < 16 ? i : 15);
    return mask;
}

/* What a node will need: how many saved values, how many bytes, where the attributes begin. */
typedef struct {
    uint32_t mask; /* inputs that want gradients, as tg__save counts them */
    bool mixed;    /* in place, among several dtypes: no input's gradient need have the result's */
    int n_saved;
    size_t attr_at, meta_at, bytes;
} layout;

static bool mixed_in_place(tg_tensor *const *in, int n_in, const tg_tensor *out) {
    bool mixed = false;
    for (int i = 1; i < n_in && in[0] == out; i++)
        mixed |= !(in[i]->flags & TG__IS_NONE) && in[i]->dtype != out->dtype;
    return mixed;
}

/* Whether input i's sizes must be remembered. */
static bool needs_meta(const tg__op *op, tg_tensor *const *in, int i, const tg_tensor *out,
                       const layout *l) {
    if (in[i]->flags & TG__IS_NONE)
        return false;
    if ((op->flags & TG__BROADCASTS) && (i >= 16 || (l->mask >> i & 1)) &&
        (l->mixed || !same_as_output(in[i], out)))
        return true;
    for (int s = 0; s < TG__MAX_SAVES && op->saves[s].kind != TG__SAVES_END; s++)
        if (op->saves[s].kind == TG__SAVES_META && (op->saves[s].wanted & l->mask) &&
            (op->saves[s].index == i || op->saves[s].index == 0xff))
            return true;
    return false;
}

static layout plan(const tg__op *op, tg_tensor *const *in, int n_in, const tg_tensor *out) {
    layout l = {.mask = wanted_mask(op, in, n_in), .mixed = mixed_in_place(in, n_in, out)};
    for (int s = 0; s < TG__MAX_SAVES && op->saves[s].kind != TG__SAVES_END; s++)
        if (op->saves[s].kind != TG__SAVES_META && (op->saves[s].wanted & l.mask))
            l.n_saved++;
    l.attr_at = sizeof(tg__node) + (size_t)tg__n_out(op) * sizeof(tg_tensor *) +
                (size_t)n_in * sizeof(tg__edge) + (size_t)l.n_saved * sizeof(tg__saved);
    l.meta_at = l.bytes = l.attr_at + ((op->attr_size + 7u) & ~7u);
    for (int i = 0; i < n_in; i++)
        if (needs_meta(op, in, i, out, &l))
            l.bytes += meta_bytes(in[i]);
    return l;
}

static void write_metas(tg__node *n, const layout *l, tg_tensor *const *in, const tg_tensor *out) {
    tg__edge *edges = tg__edges(n);
    size_t at = l->meta_at;
    for (uint32_t i = 0; at < l->bytes; i++) {
        if (!needs_meta(n->op, in, (int)i, out, l))
            continue;
        tg__meta *m = (tg__meta *)(void *)((char *)n + at);
        m->ndim = (int8_t)in[i]->ndim;
        m->dtype = in[i]->dtype;
        memcpy(m->shape, in[i]->shape, in[i]->ndim * sizeof(int64_t));
        edges[i].meta = (uint32_t)at;
        at += meta_bytes(in[i]);
    }
}

/* False if memory is short; the slots not filled are NULL. */
static bool save_all(tg__node *n, const layout *l, tg_tensor *const *in, tg_tensor *const *values,
                     tg_tensor *const *out) {
    const tg__op *op = n->op;
    tg__saved *slot = tg__saved_of(n);
    for (int k = 0; k < l->n_saved; k++)
        slot[k].tensor = NULL;
    for (int s = 0; s < TG__MAX_SAVES && op->saves[s].kind != TG__SAVES_END; s++) {
        const tg__save *v = &op->saves[s];
        if (v->kind == TG__SAVES_META || !(v->wanted & l->mask))
            continue;
        bool is_output = v->kind == TG__SAVES_OUT;
        tg_tensor *x = is_output ? out[v->index] : values[v->index];
        bool in_place = is_output && x == in[0];
        if (!(x->flags & TG__IS_NONE) && !save(slot, op, x, v->index, is_output, in_place))
            return false;
        slot++;
    }
    return true;
}

tg__node *tg__node_new(const tg__op *op, tg_tensor *const *in, tg_tensor *const *values, int n_in,
                       const void *attr, tg_tensor *const *out) {
    layout l = plan(op, in, n_in, out[0]);
    tg__node *n = l.bytes <= UINT32_MAX ? tg__alloc(l.bytes) : NULL;
    if (n == NULL) {
        tg__fail_memory(op->name, l.bytes);
        return NULL;
    }
    atomic_store_explicit(&n->refs, 1, memory_order_relaxed);
    atomic_store_explicit(&n->run, 0, memory_order_relaxed);
    n->n_in = (uint32_t)n_in;
    n->op = op;
    atomic_store_explicit(&n->extra, NULL, memory_order_relaxed);
    n->bytes = (uint32_t)l.bytes;
    n->attr_at = (uint32_t)l.attr_at;
    n->n_out = (uint8_t)tg__n_out(op);
    n->n_saved = (uint8_t)l.n_saved;
    n->flags = 0;
    for (int k = 0; k < n->n_out; k++)
        n->g[k] = NULL;
    tg__thread *t = tg__self();
    tg__count(&t->live_nodes, 1);
    uint64_t newest = t->clock;
    connect(n, op, in, &newest);
    n->seq = t->clock = newest + 1;
    if (op->attr_size > 0)
        memcpy((char *)n + l.attr_at, attr, op->attr_size);
    write_metas(n, &l, in, out[0]);
    if (!save_all(n, &l, in, values, out) ||
        (__builtin_expect(t->anomaly_on, 0) && !tg__origin_note(n, in))) {
        tg__node_unref(n);
        return NULL;
    }
    return n;
}

void tg__node_attach(tg__node *node, tg_tensor *x, int out_nr) {
    x->node = node;
    x->out_nr = (uint8_t)out_nr;
    x->flags |= TG__REQUIRES_GRAD;
    atomic_store_explicit(&x->storage->needs_grad, 1, memory_order_relaxed);
}

void tg__node_drop_saved(tg__node *node) {
    tg__saved *s = tg__saved_of(node);
    for (int i = 0; i < node->n_saved; i++) {
        tg_tensor *x = s[i].tensor;
        s[i].tensor = NULL;
        tg__unref(x);
    }
    if (__builtin_expect(node->flags & TG__NODE_BESIDE, 0))
        tg__custom_drop_saved(node);
}

/* ---- What few nodes have ---- */

tg__extra *tg__extra_make(const char *op, tg__node *node) {
    tg__extra *x = tg__extra_of(node);
    if (x != NULL)
        return x;
    tg__extra *fresh = tg__alloc_zero(sizeof *fresh);
    if (fresh == NULL) {
        tg__fail_memory(op, sizeof *fresh);
        return NULL;
    }
    if (atomic_compare_exchange_strong_explicit(&node->extra, &x, fresh, memory_order_acq_rel,
                                                memory_order_acquire))
        return fresh;
    tg__free(fresh, sizeof *fresh); /* another thread was faster */
    return x;
}

static void extra_free(tg__extra *x) {
    tg__hooks *hooks = atomic_load_explicit(&x->hooks, memory_order_acquire);
    tg__note *note = atomic_load_explicit(&x->notes, memory_order_acquire);
    tg__free(x->origin, sizeof *x->origin);
    tg__free(x, sizeof *x);
    while (note != NULL) {
        tg__note *next = note->next;
        tg__leaf_unref(note->leaf);
        tg__free(note, sizeof *note);
        note = next;
    }
    if (hooks != NULL)
        tg__hooks_free(hooks);
}

/* ---- Destroying ---- */

static void destroy(tg__node *n, tg__extra *extra) {
    tg__node_drop_saved(n);
    if (__builtin_expect(n->flags & TG__NODE_CUSTOM, 0))
        tg__custom_free(n);
    const tg__edge *e = tg__edges(n);
    for (uint32_t i = 0; i < n->n_in; i++) {
        if (e[i].target == NULL)
            continue;
        if (e[i].out_nr == TG__LEAF_EDGE)
            tg__unref(e[i].target);
        else
            tg__node_unref(e[i].target);
    }
    tg__free(n, n->bytes);
    tg__count(&tg__self()->live_nodes, -1);
    if (extra != NULL)
        extra_free(extra);
}

/* Puts a dead node in front of the thread's list. */
static void enlist(tg__thread *t, tg__node *n) {
    tg__extra *extra = tg__extra_of(n);
    if (__builtin_expect(extra != NULL, 0)) {
        n->flags |= TG__NODE_DEAD_EXTRA;
        extra->link = t->dead_nodes;
    } else {
        n->link = t->dead_nodes;
    }
    t->dead_nodes = n;
}

void tg__node_unref(tg__node *node) {
    if (atomic_load_explicit(&node->refs, memory_order_acquire) != 1 &&
        atomic_fetch_sub_explicit(&node->refs, 1, memory_order_acq_rel) != 1)
        return;
    tg__thread *t = tg__self();
    if (!t->usable) { /* no list to keep: rare enough to recurse */
        destroy(node, tg__extra_of(node));
        return;
    }
    enlist(t, node);
    if (t->destroying)
        return; /* the loop below, further up the stack, comes to it */
    t->destroying = true;
    while (t->dead_nodes != NULL) {
        tg__node *next = t->dead_nodes;
        tg__extra *extra = next->flags & TG__NODE_DEAD_EXTRA ? tg__extra_of(next) : NULL;
        t->dead_nodes = extra != NULL ? extra->link : next->link;
        destroy(next, extra);
    }
    t->destroying = false;
}
