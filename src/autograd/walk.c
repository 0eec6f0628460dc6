/* walk.c - the backward walk.
 *
 * A node's number (seq) is larger than that of every node it depends on, so taking the waiting node
 * with the largest number is a valid reverse order, with no discovery pass and no counting of
 * consumers. A node belongs to the walk that first reaches it (`run`); another walk finding it so
 * reports TG_ERR_BUSY. Gradients for leaves are staged in targets and committed by the caller, so a
 * walk that fails has changed nothing. Gradients in flight are raw tensors. */
#include "autograd/walk.h"
#include "autograd/watch.h"

#include "base/threads.h"
#include "kernels/kernels.h"
#include "kernels/narrow.h"

#include <string.h>

/* ---- Delivering gradients ---- */

/* What an op returned, as a raw tensor. */
static tg_tensor *raw(tg_tensor *given) {
    tg__take(given);
    return given;
}

/* Adds g (raw, consumed) to *sum (raw or NULL). In place where nobody else can see the sum. */
static bool accumulate(tg__walk *w, tg_tensor **sum, tg_tensor *g) {
    if (*sum == NULL) {
        *sum = g;
        return true;
    }
    tg_tensor *a = *sum;
    if (!w->create && tg__exclusive(a) && (a->flags & TG__CONTIGUOUS)) {
        tg__accumulate(a, g);
        tg__unref(g);
        return true;
    }
    tg_scope s = tg_scope_open();
    tg_tensor *both = tg_add(a, g);
    if (both != NULL)
        raw(both);
    (void)!tg_scope_close(s);
    tg__unref(g);
    if (both == NULL)
        return false;
    *sum = both;
    tg__unref(a);
    return true;
}

void tg__accumulate(tg_tensor *sum, const tg_tensor *g) {
    tg__loop l = {.n_operands = 3, .ndim = sum->ndim, .data = {sum->data, sum->data, g->data}};
    int64_t item = (int64_t)tg__item_size(sum->dtype);
    for (int i = 0; i < sum->ndim; i++) {
        l.shape[i] = sum->shape[i];
        l.stride[0][i] = l.stride[1][i] = sum->stride[i] * item;
        l.stride[2][i] = g->stride[i] * item;
    }
    tg__loop_coalesce(&l);
    tg__loop_run(&l,
                 tg__is_narrow(sum->dtype) ? tg__narrow_add((tg_dtype)sum->dtype)
                                           : tg__kernels_get()->binary[TG__BIN_add][sum->dtype],
                 NULL, 0.5);
}

/* Brings a gradient to the shape and dtype of the input it is for. Returns raw, consumes g. */
static tg_tensor *fitted(const tg__meta *m, tg_tensor *g) {
    bool same = g->dtype == m->dtype && g->ndim == m->ndim &&
                memcmp(g->shape, m->shape, (size_t)m->ndim * sizeof(int64_t)) == 0;
    if (same)
        return g;
    tg_scope s = tg_scope_open();
    tg__sizes shape = {.n = m->ndim};
    memcpy(shape.size, m->shape, (size_t)m->ndim * sizeof(int64_t));
    tg_tensor *y = tg__apply1(&tg__op_sum_to, g, &shape);
    if (y != NULL && y->dtype != m->dtype)
        y = tg_cast(y, (tg_dtype)m->dtype);
    if (y != NULL)
        raw(y);
    (void)!tg_scope_close(s);
    tg__unref(g);
    return y;
}

static bool needed(const tg__walk *w, const tg__edge *e) {
    if (e->target == NULL)
        return false;
    if (!w->pruned)
        return true;
    if (e->out_nr == TG__LEAF_EDGE)
        return tg__walk_target((tg__walk *)w, e->target, TG__LEAF_EDGE, false) != NULL;
    const tg__node *n = e->target;
    return (n->flags & TG__NODE_NEEDED) ||
           tg__walk_target((tg__walk *)w, e->target, e->out_nr, false) != NULL;
}

/* Hands g (raw, consumed) to an edge's target. */
static bool deliver(tg__walk *w, void *target, uint32_t out_nr, tg_tensor *g) {
    if (out_nr == TG__LEAF_EDGE) {
        tg__target *t = tg__walk_target(w, target, TG__LEAF_EDGE, true);
        if (t != NULL)
            return accumulate(w, &t->grad, g);
        tg__unref(g);
        return false;
    }
    tg__node *n = target;
    int fresh = w->listed ? 0 : tg__walk_claim(w, n);
    if (w->pruned && !(n->flags & TG__NODE_NEEDED) && tg__extra_of(n) == NULL) {
        /* Reached only because its output is asked for: keep the gradient, do not walk on. */
        tg__target *t = tg__walk_target(w, n, out_nr, false);
        return accumulate(w, &t->grad, g);
    }
    if (fresh < 0) {
        tg__unref(g);
        return false;
    }
    if (fresh > 0 || (w->listed && !(n->flags & TG__NODE_WAITING))) {
        if (!tg__walk_push(w, n)) {
            if (fresh > 0)
                atomic_store_explicit(&n->run, 0, memory_order_release);
            tg__unref(g);
            return false;
        }
        n->flags |= TG__NODE_WAITING;
    }
    return accumulate(w, &n->g[out_nr], g);
}

/* ---- Roots ---- */

static bool seed_fits(tg__walk *w, const tg_tensor *root, const tg_tensor *grad, int index) {
    if (grad == NULL && root->numel != 1) {
        tg__fail(TG_ERR_SHAPE, w->op,
                 "root %d is %s; a gradient is implied for one element only: reduce it (tg_sum, "
                 "tg_mean) or pass grad_outputs",
                 index, tg__describe(root));
        return false;
    }
    if (grad == NULL || (tg__same_shape(root, grad) && root->dtype == grad->dtype))
        return true;
    tg__fail(root->dtype != grad->dtype ? TG_ERR_DTYPE : TG_ERR_SHAPE, w->op,
             "grad_outputs[%d] is %s and its root is %s; they must be alike", index,
             tg__describe(grad), tg__describe(root));
    return false;
}

bool tg__walk_seed(tg__walk *w, tg_tensor *root, tg_tensor *grad, int index) {
    if (!seed_fits(w, root, grad, index) ||
        (w->anomaly && grad != NULL && !tg__anomaly_value(w, grad, "a gradient in grad_outputs")))
        return false;
    tg_tensor *g = grad;
    if (g != NULL) {
        tg__ref(g);
    } else {
        g = tg__new(w->op, (tg_dtype)root->dtype, root->ndim, root->shape);
        if (g == NULL)
            return false;
        tg__convert_double((tg_dtype)g->dtype, g->data, 1.0);
    }
    if (root->node == NULL) {
        if (w->pruned && tg__walk_target(w, root, TG__LEAF_EDGE, false) == NULL) {
            tg__unref(g);
            return true;
        }
        return deliver(w, root, TG__LEAF_EDGE, g);
    }
    tg__edge e = {root->node, root->out_nr, 0};
    if (!needed(w, &e)) {
        tg__unref(g);
        return true;
    }
    return deliver(w, root->node, root->out_nr, g);
}

/* ---- Discovery ---- */

static bool visit(tg__walk *w, tg__node *n) {
    int fresh = tg__walk_claim(w, n);
    if (fresh <= 0)
        return fresh == 0;
    if (tg__walk_push(w, n))
        return true;
    atomic_store_explicit(&n->run, 0, memory_order_release);
    return false;
}

static bool has_hooks(const tg_tensor *leaf) {
    return leaf->leaf != NULL &&
           atomic_load_explicit(&leaf->leaf->hooks, memory_order_acquire) != NULL;
}

bool tg__walk_discover(tg__walk *w, tg_tensor *const *roots, int n_roots) {
    tg__scratch *s = w->s;
    w->listed = true;
    for (int i = 0; i < n_roots; i++) {
        if (roots[i]->node == NULL && has_hooks(roots[i]) && !tg__walk_due(w, roots[i], UINT64_MAX))
            return false;
        if (roots[i]->node != NULL && !visit(w, roots[i]->node))
            return false;
    }
    while (s->n_heap > 0) {
        tg__node *n = tg__walk_pop(s); /* its reference moves into the list */
        if (!tg__walk_list(w, n)) {
            tg__walk_drop(n);
            tg__node_unref(n);
            return false;
        }
        const tg__edge *e = tg__edges(n);
        for (uint32_t i = 0; i < n->n_in; i++) {
            if (e[i].target == NULL)
                continue;
            if (e[i].out_nr != TG__LEAF_EDGE) {
                if (!visit(w, e[i].target))
                    return false;
            } else if (has_hooks(e[i].target) && !tg__walk_due(w, e[i].target, n->seq)) {
                return false;
            }
        }
        if (tg__interrupted()) {
            tg__fail(TG_ERR_INTERRUPTED, w->op, "interrupted by the interrupt check");
            return false;
        }
    }
    return true;
}

bool tg__walk_prune(tg__walk *w, tg_tensor *const *roots, int n_roots) {
    const tg__scratch *s = w->s;
    w->pruned = true;
    if (!tg__walk_discover(w, roots, n_roots))
        return false;
    for (uint64_t k = s->n_visited; k > 0; k--) { /* producers before consumers */
        tg__node *n = s->visited[k - 1];
        const tg__edge *e = tg__edges(n);
        for (uint32_t i = 0; i < n->n_in && !(n->flags & TG__NODE_NEEDED); i++)
            if (needed(w, &e[i]))
                n->flags |= TG__NODE_NEEDED;
    }
    return true;
}

/* ---- One node ---- */

#define FEW 8

/* The arrays a rule sees: on the stack for ordinary ops, in one block for variadic ones. */
typedef struct {
    tg_tensor *few[3 * FEW];
    const tg__meta *few_meta[FEW];
    bool few_wanted[FEW];
    void *block;
    size_t bytes;
    tg_tensor **in, **out, **gin;
    const tg__meta **meta;
    bool *wanted;
} frame;

static bool frame_open(frame *f, const tg__walk *w, const tg__node *n) {
    size_t slots = n->n_in > n->n_out ? n->n_in : n->n_out;
    f->block = NULL;
    f->bytes = 0;
    f->in = f->few;
    f->out = f->few + FEW;
    f->gin = f->few + 2 * FEW;
    f->meta = f->few_meta;
    f->wanted = f->few_wanted;
    if (slots > FEW) {
        f->bytes = slots * (4 * sizeof(void *) + sizeof(bool));
        f->block = tg__alloc(f->bytes);
        if (f->block == NULL) {
            tg__fail_memory(w->op, f->bytes);
            return false;
        }
        f->in = f->block;
        f->out = f->in + slots;
        f->gin = f->out + slots;
        f->meta = (const tg__meta **)(void *)(f->gin + slots);
        f->wanted = (bool *)(void *)(f->meta + slots);
    }
    for (size_t i = 0; i < slots; i++)
        f->in[i] = f->out[i] = f->gin[i] = NULL;
    return true;
}

static bool changed(const tg__walk *w, const tg__node *n, const tg__saved *s) {
    uint32_t now = atomic_load_explicit(&s->tensor->storage->version, memory_order_relaxed);
    if (now == s->version)
        return false;
    tg__fail(
        TG_ERR_STATE, w->op,
        "%s%s saved %s %s (%s) at version %u, and it is now at version %u, last written by %s; "
        "write into a tg_clone of it, or after backward",
        tg__node_called(n), tg__node_where(n), s->is_output ? "its" : "input",
        s->is_output ? "output" : tg__input_name(n->op, s->index), tg__describe(s->tensor),
        s->version, now,
        tg__op_name(atomic_load_explicit(&s->tensor->storage->writer, memory_order_relaxed)));
    return true;
}

/* With create_graph, a saved value gets the history it had: a header for the rule's scope. */
static tg_tensor *with_history(const tg__walk *w, tg__node *n, const tg__saved *s) {
    const tg__edge *e = s->is_output ? NULL : &tg__edges(n)[s->index];
    if (!w->create || (e != NULL && (e->target == NULL || e->out_nr == TG__LEAF_EDGE)))
        return s->tensor;
    tg_tensor *x = tg__alias(w->op, s->tensor);
    if (x == NULL)
        return NULL;
    x->epoch = UINT32_MAX; /* its version was checked: never stale */
    tg__node *source = e != NULL ? e->target : n;
    tg__node_ref(source);
    tg__node_attach(source, x, e != NULL ? (int)e->out_nr : s->index);
    return tg__give(x);
}

static bool unpack(const tg__walk *w, tg__node *n, frame *f) {
    const tg__saved *s = tg__saved_of(n);
    if (n->flags & TG__NODE_RELEASED) {
        tg__fail(TG_ERR_STATE, w->op,
                 "the graph was walked before and its saved values are gone (first met at %s%s); "
                 "pass retain_graph the first time, or record the computation again",
                 tg__node_called(n), tg__node_where(n));
        return false;
    }
    for (int k = 0; k < n->n_saved; k++) {
        if (s[k].tensor == NULL)
            continue;
        if (changed(w, n, &s[k]))
            return false;
        tg_tensor *x = with_history(w, n, &s[k]);
        if (x == NULL)
            return false;
        (s[k].is_output ? f->out : f->in)[s[k].index] = x;
    }
    return true;
}

/* Turns what the rule left in gin into raw tensors; false if one is missing. */
static bool collect(const tg__walk *w, const tg__node *n, frame *f) {
    for (uint32_t i = 0; i < n->n_in; i++) {
        tg_tensor *x = f->gin[i];
        if (!f->wanted[i]) {
            f->gin[i] = NULL;
            continue;
        }
        if (x == NULL) {
            if (tg_error_status() == TG_OK)
                tg__fail(TG_ERR_INTERNAL, w->op,
                         "the gradient rule of %s gave nothing for input %s", n->op->name,
                         tg__input_name(n->op, (int)i));
            for (uint32_t j = 0; j < i; j++)
                tg__unref(f->gin[j]);
            return false;
        }
        if (x->flags & TG__IS_NONE)
            f->gin[i] = NULL;
        else
            tg__ref(x); /* the scope's reference goes with the scope */
    }
    return true;
}

static bool run_rule(tg__walk *w, tg__node *n, frame *f) {
    const tg__edge *e = tg__edges(n);
    for (uint32_t i = 0; i < n->n_in; i++) {
        f->meta[i] = tg__meta_of(n, &e[i]);
        f->wanted[i] = needed(w, &e[i]);
    }
    tg_scope scope = tg_scope_open();
    bool good = unpack(w, n, f);
    if (good) {
        tg__rule r = {.op = n->op,
                      .attr = (const char *)n + n->attr_at,
                      .n_in = (int)n->n_in,
                      .n_out = n->n_out,
                      .in = f->in,
                      .out = f->out,
                      .g = n->g,
                      .wanted = f->wanted,
                      .meta = f->meta,
                      .gin = f->gin};
        n->op->rule(&r);
        good = collect(w, n, f);
    }
    if (tg_scope_close(scope) != TG_OK && good) {
        for (uint32_t i = 0; i < n->n_in; i++)
            tg__unref(f->gin[i]);
        good = false;
    }
    return good;
}

static bool fits_leaf(const tg__walk *w, const tg__node *n, const tg_tensor *leaf,
                      const tg_tensor *g) {
    if (tg__same_shape(leaf, g) && leaf->dtype == g->dtype)
        return true;
    tg__fail(TG_ERR_INTERNAL, w->op, "%s gave a gradient of %s for %s", n->op->name,
             tg__describe(g), tg__describe(leaf));
    return false;
}

/* Delivers gin[]; consumes all of it, also on failure. */
static bool deliver_all(tg__walk *w, tg__node *n, frame *f) {
    const tg__edge *e = tg__edges(n);
    bool good = true;
    for (uint32_t i = 0; i < n->n_in; i++) {
        tg_tensor *g = f->gin[i];
        if (g == NULL)
            continue;
        if (good && f->meta[i] != NULL)
            g = fitted(f->meta[i], g);
        if (g != NULL && good && e[i].out_nr == TG__LEAF_EDGE && !fits_leaf(w, n, e[i].target, g))
            good = false;
        if (g != NULL && good && w->anomaly && !tg__anomaly_input(w, n, i, g))
            good = false;
        if (g == NULL || !good) {
            tg__unref(g);
            good = false;
            continue;
        }
        good = deliver(w, e[i].target, e[i].out_nr, g);
    }
    return good;
}

/* Outputs that tg_gradients asked for keep what arrived. */
static void capture(tg__walk *w, tg__node *n) {
    for (int k = 0; k < n->n_out; k++) {
        tg__target *t = n->g[k] != NULL ? tg__walk_target(w, n, (uint32_t)k, false) : NULL;
        if (t == NULL)
            continue;
        tg__ref(n->g[k]);
        t->grad = n->g[k];
    }
}

/* Stages the gradients that results of the node are to keep. */
static bool retain_grads(tg__walk *w, const tg__node *n, const tg__extra *x) {
    tg__note *note = atomic_load_explicit(&x->notes, memory_order_acquire);
    for (; note != NULL; note = note->next) {
        if (!note->leaf->retains || n->g[note->out_nr] == NULL ||
            atomic_load_explicit(&note->gone, memory_order_relaxed))
            continue;
        tg__target *t = tg__walk_target(w, note->leaf, TG__RETAIN_EDGE, true);
        if (t == NULL)
            return false;
        tg__ref(n->g[note->out_nr]);
        t->grad = n->g[note->out_nr];
    }
    return true;
}

/* The gradients of the node's results are complete: runs the hooks on them. */
static bool run_hooks(tg__walk *w, tg__node *n, const tg__extra *x) {
    if (n->flags & TG__NODE_RELEASED) /* which the rule will say */
        return true;
    if (atomic_load_explicit(&x->hooks, memory_order_acquire) != NULL)
        for (uint32_t k = 0; k < n->n_out; k++)
            if (n->g[k] != NULL && !tg__hooks_run(w, n, NULL, k, &n->g[k]))
                return false;
    return w->pruned || retain_grads(w, n, x);
}

static bool run_node(tg__walk *w, tg__node *n) {
    frame f;
    const tg__extra *x = tg__extra_of(n);
    bool good = (!w->anomaly || tg__anomaly_arrived(w, n)) && (x == NULL || run_hooks(w, n, x));
    if (w->pruned) {
        if (good)
            capture(w, n);
        if (!(n->flags & TG__NODE_NEEDED))
            return good; /* met for its hooks only */
    }
    if (!frame_open(&f, w, n))
        return false;
    good = good && run_rule(w, n, &f);
    if (!w->retain && (n->n_saved > 0 || (n->flags & TG__NODE_BESIDE))) {
        n->flags |= TG__NODE_RELEASED;
        tg__node_drop_saved(n);
    }
    if (good) {
        for (int k = 0; k < n->n_out; k++) {
            tg__unref(n->g[k]);
            n->g[k] = NULL;
        }
        good = deliver_all(w, n, &f);
    }
    tg__free(f.block, f.bytes);
    return good;
}

/* Runs the hooks of the leaves whose gradients are final now. */
static bool run_due(tg__walk *w) {
    tg__scratch *s = w->s;
    while (s->next_due < s->n_due) {
        const tg__due d = s->due[s->next_due];
        if (s->n_heap > 0 && s->heap[0].seq >= d.seq)
            break;
        s->next_due++;
        tg__target *t = &s->target[d.target];
        if (t->due != s->next_due || t->grad == NULL) /* another node uses it, or none did */
            continue;
        if (!tg__hooks_run(w, NULL, t->target, 0, &t->grad))
            return false;
    }
    return true;
}

bool tg__walk_run(tg__walk *w) {
    tg__thread *t = tg__self();
    bool was = t->grad_on;
    t->grad_on = w->create;
    tg__watch *watch = t->watch;
    if (__builtin_expect(watch != NULL, 0))
        watch->depth++; /* what hooks run is no call of the program's */
    bool good = true;
    while (good && w->s->n_heap > 0) {
        tg__node *n = tg__walk_pop(w->s);
        n->flags &= (uint8_t)~TG__NODE_WAITING;
        good = __builtin_expect(t->watch != NULL, 0) ? tg__watched_rule(w, n, run_node)
                                                     : run_node(w, n);
        if (!w->listed)
            tg__walk_drop(n);
        tg__node_unref(n);
        if (good && __builtin_expect(tg__interrupted(), 0)) {
            tg__fail(TG_ERR_INTERRUPTED, w->op, "interrupted by the interrupt check");
            good = false;
        }
        if (good && w->s->next_due < w->s->n_due)
            good = run_due(w);
    }
    if (good && w->s->next_due < w->s->n_due) /* a leaf as root */
        good = run_due(w);
    if (good && w->anomaly)
        good = tg__anomaly_targets(w);
    t->grad_on = was;
    if (__builtin_expect(watch != NULL, 0))
        watch->depth--;
    return good;
}
