/* walk.c - the backward walk.
 *
 * A node's number (seq) is larger than that of every node it depends on, so taking the waiting node
 * with the largest number is a valid reverse order, with no discovery pass and no counting of
 * consumers. A node belongs to the walk that first reaches it (`run`); another walk finding it so
 * reports TG_ERR_BUSY. Gradients for leaves are staged in targets and committed by the caller, so a
 * walk that fails has changed nothing. Gradients in flight are raw tensors. */
#include "autograd/walk.h"

#include "base/threads.h"
#include "kernels/kernels.h"

#include <string.h>

static _Atomic uint64_t next_run = 1;

/* ---- Scratch ---- */

static uint32_t hash_of(const void *target, uint32_t out_nr) {
    uint64_t h = ((uint64_t)(uintptr_t)target >> 4) * 0x9e3779b97f4a7c15u + out_nr;
    return (uint32_t)(h >> 32);
}

static void scratch_free(tg__scratch *s) {
    tg__free(s->heap, s->cap_heap * sizeof *s->heap);
    tg__free(s->target, s->cap_target * sizeof *s->target);
    tg__free(s->hash, s->cap_hash * sizeof *s->hash);
    tg__free(s->visited, s->cap_visited * sizeof *s->visited);
    tg__free(s, sizeof *s);
}

static void thread_scratch_free(tg__thread *t) {
    if (t->engine != NULL)
        scratch_free(t->engine);
    t->engine = NULL;
}

bool tg__walk_begin(tg__walk *w, const char *op) {
    tg__thread *t = tg__self();
    w->op = op;
    w->s = t->engine;
    w->own_scratch = false;
    if (w->s == NULL || w->s->busy) { /* none yet, or a walk inside a walk */
        tg__scratch *s = t->usable ? tg__alloc_zero(sizeof *s) : NULL;
        if (s == NULL) {
            tg__fail_memory(op, sizeof *s);
            return false;
        }
        if (w->s == NULL) {
            t->engine = s;
            t->engine_free = thread_scratch_free;
        } else {
            w->own_scratch = true;
        }
        w->s = s;
    }
    w->s->busy = true;
    w->s->n_heap = 0;
    w->s->n_target = 0;
    w->s->n_visited = 0;
    w->id = atomic_fetch_add_explicit(&next_run, 1, memory_order_relaxed);
    return true;
}

static void drop_pending(tg__node *n) {
    for (int k = 0; k < n->n_out; k++) {
        tg_tensor *g = n->g[k];
        n->g[k] = NULL;
        tg__unref(g);
    }
    n->flags &= (uint8_t)~(TG__NODE_NEEDED | TG__NODE_WAITING);
    atomic_store_explicit(&n->run, 0, memory_order_release);
}

/* A single huge walk must not keep its arrays for ever. */
#define KEEP_BYTES ((uint64_t)1 << 20)

void tg__walk_end(tg__walk *w) {
    tg__scratch *s = w->s;
    /* The heap and the visited list hold a reference of each node, so freeing what the pending
     * gradients lead to cannot free a node still listed. */
    for (uint32_t i = 0; i < s->n_heap; i++) {
        drop_pending(s->heap[i].node);
        tg__node_unref(s->heap[i].node);
    }
    for (uint64_t i = 0; i < s->n_visited; i++) {
        drop_pending(s->visited[i]);
        tg__node_unref(s->visited[i]);
    }
    for (uint32_t i = 0; i < s->n_target; i++)
        tg__unref(s->target[i].grad);
    for (uint32_t i = s->n_target; i > 0; i--) { /* last in, first out: no chain is cut before its end */
        uint32_t at = hash_of(s->target[i - 1].target, s->target[i - 1].out_nr) & (s->cap_hash - 1);
        while (s->hash[at] != i)
            at = (at + 1) & (s->cap_hash - 1);
        s->hash[at] = 0;
    }
    s->n_heap = s->n_target = 0;
    s->n_visited = 0;
    s->busy = false;
    if (w->own_scratch) {
        scratch_free(s);
    } else if (s->cap_visited * sizeof *s->visited + s->cap_heap * sizeof *s->heap > KEEP_BYTES) {
        tg__self()->engine = NULL;
        scratch_free(s);
    }
}

/* Doubles an array; false with an error if memory is short. */
static bool room(const char *op, void *array_at, void *cap_at, bool wide, uint64_t used,
                 size_t item) {
    uint64_t cap = wide ? *(uint64_t *)cap_at : *(uint32_t *)cap_at;
    if (used < cap)
        return true;
    uint64_t bigger = cap == 0 ? 64 : cap * 2;
    void *array;
    memcpy(&array, array_at, sizeof array);
    array = bigger <= UINT32_MAX || wide ? tg__realloc(array, cap * item, bigger * item) : NULL;
    if (array == NULL) {
        tg__fail_memory(op, bigger * item);
        return false;
    }
    memcpy(array_at, &array, sizeof array);
    if (wide)
        *(uint64_t *)cap_at = bigger;
    else
        *(uint32_t *)cap_at = (uint32_t)bigger;
    return true;
}

/* ---- The heap: largest seq first ---- */

static bool heap_push(tg__walk *w, tg__node *node) {
    tg__scratch *s = w->s;
    if (!room(w->op, &s->heap, &s->cap_heap, false, s->n_heap, sizeof *s->heap))
        return false;
    uint32_t at = s->n_heap++;
    for (; at > 0 && s->heap[(at - 1) / 2].seq < node->seq; at = (at - 1) / 2)
        s->heap[at] = s->heap[(at - 1) / 2];
    s->heap[at] = (tg__waiting){node->seq, node};
    tg__node_ref(node);
    return true;
}

static tg__node *heap_pop(tg__scratch *s) {
    tg__node *top = s->heap[0].node;
    tg__waiting last = s->heap[--s->n_heap];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= s->n_heap)
            break;
        if (child + 1 < s->n_heap && s->heap[child + 1].seq > s->heap[child].seq)
            child++;
        if (s->heap[child].seq <= last.seq)
            break;
        s->heap[at] = s->heap[child];
        at = child;
    }
    s->heap[at] = last;
    return top;
}

/* Makes the node this walk's. 1: newly, 0: it was already, -1: another walk has it (error). */
static int claim(tg__walk *w, tg__node *n) {
    uint64_t owner = 0;
    if (atomic_compare_exchange_strong_explicit(&n->run, &owner, w->id, memory_order_acq_rel,
                                                memory_order_acquire))
        return 1;
    if (owner == w->id)
        return 0;
    tg__fail(TG_ERR_BUSY, w->op,
             "another backward is walking this graph (met at %s); let it finish, or record the "
             "graph once per thread",
             n->op->name);
    return -1;
}

/* ---- Targets ---- */

static void hash_insert(tg__scratch *s, uint32_t index) {
    uint32_t mask = s->cap_hash - 1;
    uint32_t at = hash_of(s->target[index].target, s->target[index].out_nr) & mask;
    while (s->hash[at] != 0)
        at = (at + 1) & mask;
    s->hash[at] = index + 1;
}

static bool target_room(tg__walk *w) {
    tg__scratch *s = w->s;
    if (s->n_target < s->cap_target && 2 * s->n_target < s->cap_hash)
        return true;
    if (!room(w->op, &s->target, &s->cap_target, false, s->n_target, sizeof *s->target))
        return false;
    uint32_t cap = 2 * s->cap_target;
    uint32_t *hash = tg__alloc_zero(cap * sizeof *hash);
    if (hash == NULL) {
        tg__fail_memory(w->op, cap * sizeof *hash);
        return false;
    }
    tg__free(s->hash, s->cap_hash * sizeof *s->hash);
    s->hash = hash;
    s->cap_hash = cap;
    for (uint32_t i = 0; i < s->n_target; i++)
        hash_insert(s, i);
    return true;
}

tg__target *tg__walk_target(tg__walk *w, void *target, uint32_t out_nr, bool add) {
    tg__scratch *s = w->s;
    if (s->cap_hash > 0) {
        uint32_t mask = s->cap_hash - 1;
        for (uint32_t at = hash_of(target, out_nr) & mask; s->hash[at] != 0; at = (at + 1) & mask) {
            tg__target *t = &s->target[s->hash[at] - 1];
            if (t->target == target && t->out_nr == out_nr)
                return t;
        }
    }
    if (!add || !target_room(w))
        return NULL;
    s->target[s->n_target] = (tg__target){target, out_nr, NULL};
    hash_insert(s, s->n_target);
    return &s->target[s->n_target++];
}

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
    tg__unref(a);
    *sum = both;
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
    tg__loop_run(&l, tg__kernels_get()->binary[TG__BIN_add][sum->dtype], NULL, 0.5);
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
    int fresh = w->pruned ? 0 : claim(w, n);
    if (w->pruned && !(n->flags & TG__NODE_NEEDED)) {
        /* Reached only because its output is asked for: keep the gradient, do not walk on. */
        tg__target *t = tg__walk_target(w, n, out_nr, false);
        return accumulate(w, &t->grad, g);
    }
    if (fresh < 0) {
        tg__unref(g);
        return false;
    }
    if (fresh > 0 || (w->pruned && !(n->flags & TG__NODE_WAITING))) {
        if (!heap_push(w, n)) {
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
    if (!seed_fits(w, root, grad, index))
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

/* ---- Pruning ---- */

static bool visit(tg__walk *w, tg__node *n) {
    int fresh = claim(w, n);
    if (fresh <= 0)
        return fresh == 0;
    if (heap_push(w, n))
        return true;
    atomic_store_explicit(&n->run, 0, memory_order_release);
    return false;
}

bool tg__walk_prune(tg__walk *w, tg_tensor *const *roots, int n_roots) {
    tg__scratch *s = w->s;
    for (int i = 0; i < n_roots; i++)
        if (roots[i]->node != NULL && !visit(w, roots[i]->node))
            return false;
    while (s->n_heap > 0) {
        if (!room(w->op, &s->visited, &s->cap_visited, true, s->n_visited, sizeof *s->visited))
            return false;
        tg__node *n = heap_pop(s);
        s->visited[s->n_visited++] = n; /* the heap's reference moves here */
        const tg__edge *e = tg__edges(n);
        for (uint32_t i = 0; i < n->n_in; i++)
            if (e[i].target != NULL && e[i].out_nr != TG__LEAF_EDGE && !visit(w, e[i].target))
                return false;
        if (tg__interrupted()) {
            tg__fail(TG_ERR_INTERRUPTED, w->op, "interrupted by the interrupt check");
            return false;
        }
    }
    w->pruned = true;
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
    tg__fail(TG_ERR_STATE, w->op,
             "%s saved %s %s (%s) at version %u, and it is now at version %u, last written by %s; "
             "write into a tg_clone of it, or after backward",
             n->op->name, s->is_output ? "its" : "input",
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
                 "the graph was walked before and its saved values are gone (first met at %s); "
                 "pass retain_graph the first time, or record the computation again",
                 n->op->name);
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
                tg__fail(TG_ERR_INTERNAL, w->op, "the gradient rule of %s gave nothing for input %s",
                         n->op->name, tg__input_name(n->op, (int)i));
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

static bool run_node(tg__walk *w, tg__node *n) {
    frame f;
    if (w->pruned)
        capture(w, n);
    if (!frame_open(&f, w, n))
        return false;
    bool good = run_rule(w, n, &f);
    if (!w->retain && n->n_saved > 0) {
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

bool tg__walk_run(tg__walk *w) {
    tg__thread *t = tg__self();
    bool was = t->grad_on;
    t->grad_on = w->create;
    bool good = true;
    while (good && w->s->n_heap > 0) {
        tg__node *n = heap_pop(w->s);
        n->flags &= (uint8_t)~TG__NODE_WAITING;
        good = run_node(w, n);
        if (!w->pruned)
            drop_pending(n);
        tg__node_unref(n);
        if (good && __builtin_expect(tg__interrupted(), 0)) {
            tg__fail(TG_ERR_INTERRUPTED, w->op, "interrupted by the interrupt check");
            good = false;
        }
    }
    t->grad_on = was;
    return good;
}
