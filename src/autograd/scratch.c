/* scratch.c - the arrays of a backward walk: waiting nodes, targets, nodes met.
 *
 * They belong to the thread and are kept from walk to walk, so a training step allocates none. A
 * walk inside a walk gets its own. Waiting nodes form a heap, largest number first; targets are
 * found through a hash table that is emptied entry by entry, so its size does not matter. */
#include "autograd/walk.h"

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
    tg__free(s->due, s->cap_due * sizeof *s->due);
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
    w->s->n_due = w->s->next_due = 0;
    w->anomaly = t->anomaly_on;
    w->id = atomic_fetch_add_explicit(&next_run, 1, memory_order_relaxed);
    return true;
}

void tg__walk_drop(tg__node *n) {
    for (int k = 0; k < n->n_out; k++) {
        tg_tensor *g = n->g[k];
        n->g[k] = NULL;
        tg__unref(g);
    }
    n->flags &= (uint8_t) ~(TG__NODE_NEEDED | TG__NODE_WAITING);
    atomic_store_explicit(&n->run, 0, memory_order_release);
}

/* A single huge walk must not keep its arrays for ever. */
#define KEEP_BYTES ((uint64_t)1 << 20)

static uint64_t bytes_of(const tg__scratch *s) {
    return s->cap_visited * sizeof *s->visited + s->cap_due * sizeof *s->due +
           s->cap_heap * sizeof *s->heap + s->cap_target * sizeof *s->target +
           s->cap_hash * sizeof *s->hash;
}

void tg__walk_leave(tg__walk *w) {
    tg__scratch *s = w->s;
    /* The heap and the visited list hold a reference of each node, so freeing what the pending
     * gradients lead to cannot free a node still listed. */
    for (uint32_t i = 0; i < s->n_heap; i++) {
        tg__walk_drop(s->heap[i].node);
        tg__node_unref(s->heap[i].node);
    }
    for (uint64_t i = 0; i < s->n_visited; i++) {
        tg__walk_drop(s->visited[i]);
        tg__node_unref(s->visited[i]);
    }
    s->n_heap = 0;
    s->n_visited = 0;
}

void tg__walk_end(tg__walk *w) {
    tg__scratch *s = w->s;
    tg__walk_leave(w);
    for (uint32_t i = 0; i < s->n_target; i++)
        tg__unref(s->target[i].grad);
    for (uint32_t i = s->n_target; i > 0;
         i--) { /* last in, first out: no chain is cut before its end */
        uint32_t at = hash_of(s->target[i - 1].target, s->target[i - 1].out_nr) & (s->cap_hash - 1);
        while (s->hash[at] != i)
            at = (at + 1) & (s->cap_hash - 1);
        s->hash[at] = 0;
    }
    for (uint32_t i = 0; i < s->n_target; i++)
        if (s->target[i].out_nr == TG__LEAF_EDGE)
            tg__unref(s->target[i].target);
        else if (s->target[i].out_nr == TG__RETAIN_EDGE)
            tg__leaf_unref(s->target[i].target);
    s->n_target = 0;
    s->busy = false;
    if (w->own_scratch) {
        scratch_free(s);
    } else if (bytes_of(s) > KEEP_BYTES) {
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

bool tg__walk_push(tg__walk *w, tg__node *node) {
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

tg__node *tg__walk_pop(tg__scratch *s) {
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
int tg__walk_claim(tg__walk *w, tg__node *n) {
    uint64_t owner = 0;
    if (atomic_compare_exchange_strong_explicit(&n->run, &owner, w->id, memory_order_acq_rel,
                                                memory_order_acquire))
        return 1;
    if (owner == w->id)
        return 0;
    tg__fail(TG_ERR_BUSY, w->op,
             "another backward is walking this graph (met at %s%s); let it finish, or record the "
             "graph once per thread",
             tg__node_called(n), tg__node_where(n));
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
    if (out_nr == TG__LEAF_EDGE)
        tg__ref(target);
    else if (out_nr == TG__RETAIN_EDGE)
        tg__leaf_ref(target);
    s->target[s->n_target] = (tg__target){target, out_nr, 0, NULL};
    hash_insert(s, s->n_target);
    return &s->target[s->n_target++];
}

bool tg__walk_due(tg__walk *w, tg_tensor *leaf, uint64_t seq) {
    tg__scratch *s = w->s;
    tg__target *t = tg__walk_target(w, leaf, TG__LEAF_EDGE, !w->pruned);
    if (t == NULL)
        return w->pruned; /* not asked for: it gets no gradient */
    if (!room(w->op, &s->due, &s->cap_due, false, s->n_due, sizeof *s->due))
        return false;
    s->due[s->n_due++] = (tg__due){seq, (uint32_t)(t - s->target)};
    t->due = s->n_due;
    return true;
}

/* ---- The list of nodes that pruning met ---- */

bool tg__walk_list(tg__walk *w, tg__node *node) {
    tg__scratch *s = w->s;
    if (!room(w->op, &s->visited, &s->cap_visited, true, s->n_visited, sizeof *s->visited))
        return false;
    s->visited[s->n_visited++] = node;
    return true;
}
