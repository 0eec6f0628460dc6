/* hooks.c - functions of the user's that see gradients.
 *
 * A list of hooks hangs on a leaf, or on a node for all its outputs. Hooks are appended and never
 * moved; one that was removed is passed over, and unlinked by a later addition, once nobody runs
 * it. An entry is counted twice: `users` (being registered, and calls that run) decide when the
 * user's context goes, `refs` (those, and standing in the list) when the entry does. So removing a
 * hook, or the end of its tensor, may meet a call of it on any thread.
 *
 * Handles are found through a table of chains by number. Its locks and those of the lists are the
 * striped leaf locks: two are never held at once, and nothing of the user's runs under one. */
#include "autograd/walk.h"

#include "base/options.h"
#include "core/callback.h"

#include <tensorgrad/hooks.h>

typedef struct entry entry;
struct entry {
    tg_hook hook;
    uint64_t id;
    uint64_t place; /* in its list */
    uint32_t out_nr;
    bool on_leaf;
    _Atomic bool removed;
    _Atomic uint32_t users, refs;
    entry *next;     /* of the list */
    entry *in_chain; /* of the table */
};

struct tg__hooks {
    entry *first, *last;
    uint64_t added; /* places given so far */
};

_Atomic int64_t tg__leaf_hooks;
_Atomic int64_t tg__accumulated_hooks;

/* ---- The table of handles ---- */

#define CHAINS 256
typedef struct {
    _Alignas(64) entry *first; /* so that each has a leaf lock of its own */
} chain;
static chain table[CHAINS];
static _Atomic uint64_t next_id = 1;

static void count_leaf(const entry *e, int by) {
    if (!e->on_leaf)
        return;
    if (e->hook.gradient != NULL)
        atomic_fetch_add_explicit(&tg__leaf_hooks, by, memory_order_relaxed);
    if (e->hook.accumulated != NULL)
        atomic_fetch_add_explicit(&tg__accumulated_hooks, by, memory_order_relaxed);
}

static void enter(entry *e) {
    chain *c = &table[e->id % CHAINS];
    tg__leaf_lock(c);
    e->in_chain = c->first;
    c->first = e;
    tg__leaf_unlock(c);
    count_leaf(e, 1);
}

/* Takes a hook out of the table, and with it the right to give its registration back; NULL if
 * somebody else did. */
static entry *withdraw(uint64_t id) {
    chain *c = &table[id % CHAINS];
    tg__leaf_lock(c);
    entry **link = &c->first;
    while (*link != NULL && (*link)->id != id)
        link = &(*link)->in_chain;
    entry *e = *link;
    if (e != NULL)
        *link = e->in_chain;
    tg__leaf_unlock(c);
    if (e != NULL)
        count_leaf(e, -1);
    return e;
}

/* ---- Entries ---- */

static void drop_ref(entry *e) {
    if (atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) == 1)
        tg__free(e, sizeof *e);
}

static void drop_user(entry *e) {
    void (*destroy)(void *) = e->hook.destroy;
    void *ctx = e->hook.ctx;
    bool last = atomic_fetch_sub_explicit(&e->users, 1, memory_order_acq_rel) == 1;
    drop_ref(e);
    if (last && destroy != NULL)
        tg__call_deleter(destroy, ctx);
}

/* ---- Lists ---- */

/* Unlinks what was removed and runs no more. */
static entry *purge(tg__hooks *h) {
    entry *dead = NULL;
    entry *previous = NULL;
    for (entry *e = h->first; e != NULL;) {
        entry *next = e->next;
        if (atomic_load_explicit(&e->removed, memory_order_acquire) &&
            atomic_load_explicit(&e->users, memory_order_acquire) == 0) {
            *(previous != NULL ? &previous->next : &h->first) = next;
            e->next = dead;
            dead = e;
        } else {
            previous = e;
        }
        e = next;
    }
    h->last = previous;
    return dead;
}

static void append(tg__hooks *h, entry *e) {
    tg__leaf_lock(h);
    entry *dead = purge(h);
    e->place = h->added++;
    *(h->last != NULL ? &h->last->next : &h->first) = e;
    h->last = e;
    tg__leaf_unlock(h);
    while (dead != NULL) {
        entry *next = dead->next;
        drop_ref(dead);
        dead = next;
    }
}

/* Holds an entry for a call; false if its context is going already. */
static bool hold(entry *e) {
    uint32_t users = atomic_load_explicit(&e->users, memory_order_acquire);
    do {
        if (users == 0 || atomic_load_explicit(&e->removed, memory_order_acquire))
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&e->users, &users, users + 1,
                                                    memory_order_acq_rel, memory_order_acquire));
    atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
    return true;
}

/* The hook after e (NULL: the first) with a place below `end`, held for a call; gives e back. */
static entry *following(tg__hooks *h, entry *e, uint32_t out_nr, uint64_t end) {
    tg__leaf_lock(h);
    entry *n = e != NULL ? e->next : h->first;
    while (n != NULL && (n->out_nr != out_nr || n->place >= end || !hold(n)))
        n = n->next;
    tg__leaf_unlock(h);
    if (e != NULL)
        drop_user(e);
    return n;
}

static uint64_t places(tg__hooks *h) {
    tg__leaf_lock(h);
    uint64_t end = h->added;
    tg__leaf_unlock(h);
    return end;
}

void tg__hooks_free(tg__hooks *h) {
    entry *e = h->first;
    tg__free(h, sizeof *h);
    while (e != NULL) {
        entry *next = e->next;
        entry *mine = withdraw(e->id);
        if (mine != NULL) {
            atomic_store_explicit(&e->removed, true, memory_order_release);
            drop_user(e);
        }
        drop_ref(e);
        e = next;
    }
}

/* ---- Adding and removing ---- */

static const char add_op[] = "hook_add";

static bool check_hook(const tg_tensor *x, const tg_hook *given, tg_hook *hook) {
    if (!tg__required(add_op, "x", x) || tg__gate(tg__self()) != TG_OK)
        return false;
    if (given == NULL) {
        tg__fail(TG_ERR_ARG, add_op, "argument hook is NULL; give a tg_hook");
        return false;
    }
    if (tg__options(add_op, "tg_hook", "TG_HOOK_INIT", given, hook, sizeof *hook) != TG_OK)
        return false;
    if (hook->gradient == NULL && hook->accumulated == NULL) {
        tg__fail(TG_ERR_ARG, add_op,
                 "the hook has no method; set gradient, or accumulated, or both");
        return false;
    }
    if (hook->flags & ~TG_CALLBACK_OWNS) {
        tg__fail(TG_ERR_UNSUPPORTED, add_op,
                 "the hook sets flags 0x%x; this version knows TG_CALLBACK_OWNS",
                 (unsigned)hook->flags);
        return false;
    }
    if (!(x->flags & TG__REQUIRES_GRAD)) {
        tg__fail(TG_ERR_STATE, add_op,
                 "%s does not require gradients, so it never gets one; call tg_requires_grad_ on "
                 "it, or on a leaf it is made from before it is made",
                 tg__describe(x));
        return false;
    }
    if (x->node != NULL && hook->accumulated != NULL) {
        tg__fail(TG_ERR_STATE, add_op,
                 "%s is the result of %s, and gradients are accumulated on leaves only; set "
                 "gradient instead of accumulated, or add the hook to a leaf",
                 tg__describe(x), x->node->op->name);
        return false;
    }
    return true;
}

/* The list of a tensor, made if it has none; NULL with an error. */
static tg__hooks *list_of(tg_tensor *x) {
    _Atomic(tg__hooks *) *at;
    if (x->node == NULL) {
        tg__leaf *leaf = tg__leaf_make(add_op, x);
        at = leaf != NULL ? &leaf->hooks : NULL;
    } else {
        tg__extra *extra = tg__extra_make(add_op, x->node);
        at = extra != NULL ? &extra->hooks : NULL;
    }
    if (at == NULL)
        return NULL;
    tg__hooks *h = atomic_load_explicit(at, memory_order_acquire);
    if (h != NULL)
        return h;
    tg__hooks *fresh = tg__alloc_zero(sizeof *fresh);
    if (fresh == NULL) {
        tg__fail_memory(add_op, sizeof *fresh);
        return NULL;
    }
    if (atomic_compare_exchange_strong_explicit(at, &h, fresh, memory_order_acq_rel,
                                                memory_order_acquire))
        return fresh;
    tg__free(fresh, sizeof *fresh); /* another thread was faster */
    return h;
}

uint64_t tg_hook_add(tg_tensor *x, const tg_hook *given) {
    tg_hook hook = {0};
    if (!check_hook(x, given, &hook))
        return 0;
    entry *e = tg__alloc_zero(sizeof *e);
    if (e == NULL) {
        tg__fail_memory(add_op, sizeof *e);
        return 0;
    }
    tg__hooks *h = list_of(x);
    if (h == NULL) {
        tg__free(e, sizeof *e);
        return 0;
    }
    e->hook = hook;
    e->id = atomic_fetch_add_explicit(&next_id, 1, memory_order_relaxed);
    e->out_nr = x->node != NULL ? x->out_nr : 0;
    e->on_leaf = x->node == NULL;
    atomic_store_explicit(&e->users, 1, memory_order_relaxed);
    atomic_store_explicit(&e->refs, 2, memory_order_relaxed);
    const uint64_t id = e->id;
    enter(e);
    append(h, e);
    return id;
}

tg_status tg_hook_remove(uint64_t handle) {
    if (handle == 0 || handle >= atomic_load_explicit(&next_id, memory_order_relaxed))
        return tg__fail(TG_ERR_ARG, "hook_remove",
                        "%llu is no handle; give what tg_hook_add returned",
                        (unsigned long long)handle);
    entry *e = withdraw(handle);
    if (e != NULL) {
        atomic_store_explicit(&e->removed, true, memory_order_release);
        drop_user(e);
    }
    return TG_OK;
}

/* ---- Calling ---- */

/* Whose gradient a message is about. */
static const char *owner(const tg__node *node, const tg_tensor *leaf) {
    return node != NULL ? tg__node_called(node) : tg__describe(leaf);
}

static bool refuse(const tg__walk *w, const entry *e, const char *of, const tg_tensor *g,
                   const tg_tensor *got) {
    const unsigned long long id = e->id;
    if (got == NULL)
        tg__fail(TG_ERR_ARG, w->op,
                 "hook %llu on %s returned NULL without raising an error; return the gradient to "
                 "use, or TG_NONE to leave it as it is",
                 id, of);
    else
        tg__fail(got->dtype != g->dtype ? TG_ERR_DTYPE : TG_ERR_SHAPE, w->op,
                 "hook %llu on %s got a gradient of %s and returned %s; they must be alike", id, of,
                 tg__describe(g), tg__describe(got));
    return false;
}

/* Puts what the hook returned (raw, consumed) in place of *g. */
static bool replace(const tg__walk *w, const entry *e, const char *of, tg_tensor **g,
                    tg_tensor *got) {
    if (got == *g || (got->flags & TG__IS_NONE)) {
        tg__unref(got);
        return true;
    }
    bool fits = got->dtype == (*g)->dtype && tg__same_shape(got, *g);
    if (!fits)
        refuse(w, e, of, *g, got);
    else if (w->anomaly)
        fits = tg__anomaly_value(w, got, "the gradient that a hook returned");
    if (fits && !w->create && (got->flags & TG__REQUIRES_GRAD)) { /* it brings no history along */
        tg_tensor *plain = tg__alias(w->op, got);
        tg__unref(got);
        got = plain;
        fits = plain != NULL;
        if (fits)
            plain->epoch = UINT32_MAX;
    }
    if (!fits) {
        tg__unref(got);
        return false;
    }
    tg__unref(*g);
    *g = got;
    return true;
}

static bool call(const tg__walk *w, const entry *e, const tg__node *node, const tg_tensor *leaf,
                 tg_tensor **g) {
    tg_tensor *got = NULL;
    tg__callback c = tg__callback_enter(e->hook.flags & TG_CALLBACK_OWNS);
    if (tg__callback_ok(c))
        got = e->hook.gradient(e->hook.ctx, *g);
    if (tg__callback_leave(c, w->op, TG_OK, &got, 1) != TG_OK)
        return false;
    const char *of = owner(node, leaf);
    return got != NULL ? replace(w, e, of, g, got) : refuse(w, e, of, *g, NULL);
}

bool tg__hooks_run(tg__walk *w, const tg__node *node, const tg_tensor *leaf, uint32_t out_nr,
                   tg_tensor **g) {
    tg__hooks *h = atomic_load_explicit(
        node != NULL ? &tg__extra_of(node)->hooks : &leaf->leaf->hooks, memory_order_acquire);
    const uint64_t end = places(h);
    bool good = true;
    entry *e = following(h, NULL, out_nr, end);
    while (e != NULL) {
        if (good && e->hook.gradient != NULL)
            good = call(w, e, node, leaf, g);
        e = following(h, e, out_nr, good ? end : 0);
    }
    return good;
}

bool tg__hooks_follow(const char *op, tg_tensor *leaf) {
    tg__hooks *h = atomic_load_explicit(&leaf->leaf->hooks, memory_order_acquire);
    if (h == NULL)
        return true;
    const uint64_t end = places(h);
    bool good = true;
    entry *e = following(h, NULL, 0, end);
    while (e != NULL) {
        if (good && e->hook.accumulated != NULL) {
            tg_status status = TG_OK;
            tg__callback c = tg__callback_enter(e->hook.flags & TG_CALLBACK_OWNS);
            if (tg__callback_ok(c))
                status = e->hook.accumulated(e->hook.ctx, leaf);
            good = tg__callback_leave(c, op, status, NULL, 0) == TG_OK;
        }
        e = following(h, e, 0, good ? end : 0);
    }
    return good;
}
