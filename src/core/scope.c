/* scope.c - scopes and references.
 *
 * A scope is a position in the thread's array of entries; an entry is one reference that closing
 * the scope gives back. The levels array holds open scopes and callback barriers, innermost last; a
 * scope's token is (thread, serial, depth), so a stale or foreign token is recognised.
 *
 * A tensor's header remembers where its youngest entry is (thread and position), so keep and
 * release find it at once; older entries of the same tensor hang behind it. When two threads hold
 * entries of one tensor only the first is remembered, the header is marked, and the others are
 * found by searching their own thread's array. Entries given back leave a gap that the end of the
 * scope, or a neighbour's release at the top, removes; a full array closes its gaps before it
 * grows, so that a loop which releases all that it makes may run in one scope for ever. */
#include "core/callback.h"
#include "core/tensor.h"

#include <string.h>

#define SLOT_SHARED ((uint64_t)1 << 31) /* entries may exist that the header does not know */
#define SLOT_POSITION 0x7fffffffu
#define MAX_DEPTH 65535u

static uint32_t depth(const tg__thread *t) { return t->n_levels + t->lost_levels; }
static bool in_scope(const tg__thread *t) { return depth(t) > t->barrier; }

/* First entry that code running now may touch. */
static uint32_t entries_floor(const tg__thread *t) {
    return t->barrier > 0 ? t->levels[t->barrier - 1].first_entry : 0;
}

/* ---- Growing arrays ---- */

static bool grow(void **array, uint32_t *cap, const void *first, size_t item) {
    if (*cap >= SLOT_POSITION / 2)
        return false;
    uint32_t bigger = *cap * 2;
    void *fresh = tg__alloc(bigger * item);
    if (fresh == NULL)
        return false;
    memcpy(fresh, *array, *cap * item);
    if (*array != first)
        tg__free(*array, *cap * item);
    *array = fresh;
    *cap = bigger;
    return true;
}

static uint32_t innermost_first(const tg__thread *t) {
    return t->n_levels > 0 ? t->levels[t->n_levels - 1].first_entry : 0;
}

/* Moves the innermost level's entries together, if that frees a good part of the array. Going
 * upwards, the slot of a tensor always names the new place of its entry before. */
static bool close_gaps(tg__thread *t) {
    const uint32_t bottom = innermost_first(t);
    uint32_t gaps = 0;
    for (uint32_t i = bottom; i < t->n_entries; i++)
        gaps += t->entries[i].object == NULL;
    if (gaps < t->cap_entries / 4)
        return false;
    uint32_t to = bottom;
    for (uint32_t from = bottom; from < t->n_entries; from++) {
        tg__entry e = t->entries[from];
        tg_tensor *x = e.object;
        if (x == NULL)
            continue;
        uint64_t old = atomic_load_explicit(&x->slot, memory_order_acquire);
        while (old >> 32 == t->id) { /* else it is one that is found by searching */
            uint64_t moved = (uint64_t)t->id << 32 | (old & SLOT_SHARED) | (to + 1);
            if (t->entries[from].previous > bottom)
                e.previous = (uint32_t)(old & SLOT_POSITION);
            if (atomic_compare_exchange_weak_explicit(&x->slot, &old, moved, memory_order_acq_rel,
                                                      memory_order_acquire))
                break;
        }
        t->entries[to++] = e;
    }
    t->n_entries = to;
    return true;
}

bool tg__reserve(const char *op, uint32_t n) {
    tg__thread *t = tg__self();
    if (!t->usable)
        return false;
    if (!in_scope(t))
        return true;
    while (t->n_entries + n > t->cap_entries) {
        if (close_gaps(t))
            continue;
        void *array = t->entries;
        if (!grow(&array, &t->cap_entries, t->first_entries, sizeof *t->entries)) {
            tg__fail_memory(op, 2 * t->cap_entries * sizeof *t->entries);
            return false;
        }
        t->entries = array;
    }
    return true;
}

/* ---- Entries ---- */

static void note_position(tg__thread *t, tg_tensor *x, uint32_t position) {
    uint64_t mine = (uint64_t)t->id << 32 | (position + 1);
    uint64_t old = atomic_load_explicit(&x->slot, memory_order_acquire);
    for (;;) {
        uint64_t shared = old & SLOT_SHARED;
        if ((old & SLOT_POSITION) == 0 || old >> 32 == t->id) {
            t->entries[position].previous = (uint32_t)(old & SLOT_POSITION);
            if (atomic_compare_exchange_weak_explicit(&x->slot, &old, mine | shared,
                                                      memory_order_acq_rel, memory_order_acquire))
                return;
        } else {
            t->entries[position].previous = 0;
            if (atomic_compare_exchange_weak_explicit(&x->slot, &old, old | SLOT_SHARED,
                                                      memory_order_acq_rel, memory_order_acquire))
                return;
        }
    }
}

static void push_entry(tg__thread *t, tg_tensor *x, uint32_t user_at) {
    uint32_t position = t->n_entries++;
    t->entries[position].object = x;
    t->entries[position].user_at = user_at;
    note_position(t, x, position);
}

/* 1 + position of x's youngest entry on this thread, 0: none. */
static uint32_t youngest(const tg__thread *t, const tg_tensor *x) {
    uint64_t slot = atomic_load_explicit(&x->slot, memory_order_acquire);
    uint32_t at = 0;
    if (slot >> 32 == t->id)
        at = (uint32_t)(slot & SLOT_POSITION);
    if (at == 0 && slot & SLOT_SHARED)
        for (uint32_t i = t->n_entries; i > 0 && at == 0; i--)
            if (t->entries[i - 1].object == x)
                at = i;
    return at > entries_floor(t) ? at : 0;
}

/* Takes the entry at `position` out of the array; the reference stays with the caller. */
static tg_tensor *remove_entry(tg__thread *t, uint32_t position) {
    tg_tensor *x = t->entries[position].object;
    uint64_t mine = (uint64_t)t->id << 32 | (position + 1);
    uint64_t old = atomic_load_explicit(&x->slot, memory_order_acquire);
    while ((old & ~SLOT_SHARED) == mine) {
        uint64_t shared = old & SLOT_SHARED;
        uint32_t previous = t->entries[position].previous;
        uint64_t next = previous > 0 ? ((uint64_t)t->id << 32 | previous) : 0;
        if (atomic_compare_exchange_weak_explicit(&x->slot, &old, next | shared,
                                                  memory_order_acq_rel, memory_order_acquire))
            break;
    }
    t->entries[position].object = NULL;
    uint32_t bottom = innermost_first(t);
    while (t->n_entries > bottom && t->entries[t->n_entries - 1].object == NULL)
        t->n_entries--;
    return x;
}

tg_tensor *tg__give(tg_tensor *raw) {
    if (raw == NULL || (raw->flags & TG__IS_NONE))
        return raw;
    tg__thread *t = tg__self();
    if (!in_scope(t)) {
        atomic_fetch_add_explicit(&raw->refs, TG__USER, memory_order_relaxed);
        return raw;
    }
    if (t->n_entries == t->cap_entries && !tg__reserve("scope", 1)) {
        tg__unref(raw);
        return NULL;
    }
    push_entry(t, raw, (uint32_t)(atomic_load_explicit(&raw->refs, memory_order_relaxed) >> 32));
    return raw;
}

tg_tensor *tg__give_existing(tg_tensor *x) {
    if (x == NULL || (x->flags & TG__IS_NONE))
        return x;
    tg__ref(x);
    return tg__give(x);
}

/* ---- References ---- */

/* One reference of the user's less; `total` tells whether it goes or only changes hands. False if
 * there is none. */
static bool drop_user(tg_tensor *x, bool total) {
    uint64_t old = atomic_load_explicit(&x->refs, memory_order_relaxed);
    uint64_t less = TG__USER + (total ? 1 : 0);
    do {
        if (old >> 32 == 0)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&x->refs, &old, old - less,
                                                    memory_order_acq_rel, memory_order_relaxed));
    if (total && (old & TG__ALL_REFS) == 1)
        tg__destroy(x);
    return true;
}

static bool unusual(const tg_tensor *x) { return x == NULL || (x->flags & TG__IS_NONE); }

static bool alive(const char *op, const tg_tensor *x) {
    if (__builtin_expect(x->magic == TG__MAGIC, 1))
        return true;
    tg__fail(TG_ERR_ARG, op, "argument x is not a live tensor; it was released before");
    return false;
}

tg_tensor *tg_keep(tg_tensor *x) {
    if (unusual(x) || !alive("keep", x))
        return x;
    tg__thread *t = tg__self();
    uint32_t at = youngest(t, x);
    if (at > 0) {
        remove_entry(t, at - 1);
        atomic_fetch_add_explicit(&x->refs, TG__USER, memory_order_relaxed);
    }
    return x;
}

tg_tensor *tg_retain(tg_tensor *x) {
    if (unusual(x))
        return x;
    if (!alive("retain", x))
        return NULL;
    uint64_t old = atomic_load_explicit(&x->refs, memory_order_relaxed);
    do {
        if ((old & TG__ALL_REFS) >= 0x80000000u) {
            tg__fail(TG_ERR_SHAPE, "retain", "%s has 2^31 references; release some",
                     tg__describe(x));
            return NULL;
        }
    } while (!atomic_compare_exchange_weak_explicit(&x->refs, &old, old + TG__USER + 1,
                                                    memory_order_relaxed, memory_order_relaxed));
    return x;
}

void tg_release(tg_tensor *x) {
    if (unusual(x) || !alive("release", x))
        return;
    uint64_t slot = atomic_load_explicit(&x->slot, memory_order_relaxed);
    uint64_t refs = atomic_load_explicit(&x->refs, memory_order_acquire);
    if (__builtin_expect(slot == 0 && refs == (TG__USER | 1), 1)) {
        tg__destroy(x); /* the only reference there is: no one else can see x */
        return;
    }
    tg__thread *t = tg__self();
    uint32_t at = youngest(t, x);
    if (at > 0 && refs >> 32 <= t->entries[at - 1].user_at) {
        tg__unref(remove_entry(t, at - 1));
        return;
    }
    if (!drop_user(x, true))
        tg__fail(TG_ERR_STATE, "release",
                 "%s: no reference of yours to give back; its scope or another holder owns it "
                 "(tg_keep or tg_retain it first)",
                 tg__describe(x));
}

void tg__take(tg_tensor *x) {
    if (unusual(x))
        return;
    tg__thread *t = tg__self();
    uint32_t at = youngest(t, x);
    uint64_t refs = atomic_load_explicit(&x->refs, memory_order_acquire);
    if (at > 0 && refs >> 32 <= t->entries[at - 1].user_at)
        remove_entry(t, at - 1);
    else if (!drop_user(x, false))
        tg__ref(x); /* there was none to take: leave the owner's alone */
}

tg_tensor *tg_hold(tg_tensor *x) {
    if (!unusual(x) && alive("hold", x))
        tg__ref(x);
    return x;
}

void tg_unhold(tg_tensor *x) {
    if (!unusual(x) && alive("unhold", x))
        tg__unref(x);
}

/* ---- Levels ---- */

static void close_levels(tg__thread *t, uint32_t down_to);

static void thread_exit(tg__thread *t) {
    t->barrier = 0;
    close_levels(t, 0);
}

/* Pushes a level; false if the array cannot grow. */
static bool open_level(tg__thread *t, tg__level_kind kind) {
    if (t->n_levels == MAX_DEPTH)
        return false;
    if (t->n_levels == t->cap_levels) {
        void *array = t->levels;
        if (!grow(&array, &t->cap_levels, t->first_levels, sizeof *t->levels))
            return false;
        t->levels = array;
    }
    t->exit_hook = thread_exit;
    tg__level *l = &t->levels[t->n_levels++];
    l->first_entry = t->n_entries;
    l->serial = ++t->next_serial & 0xffffffu;
    l->kind = (uint8_t)kind;
    l->grad_on = t->grad_on;
    l->anomaly_on = t->anomaly_on;
    return true;
}

/* 0, which closes nothing, beyond MAX_DEPTH: scopes without a record, which go with the one around.
 */
static uint64_t token(const tg__thread *t, uint32_t serial, uint32_t at_depth) {
    if (at_depth > MAX_DEPTH)
        return 0;
    return (uint64_t)(t->id & 0xffffffu) << 40 | (uint64_t)serial << 16 | at_depth;
}

/* Gives back what the innermost level holds, and pops it. Deleters run here, which may do anything:
 * grow the arrays, leave scopes open (then the caller comes again), close scopes. */
static void close_top(tg__thread *t) {
    const uint32_t at = t->n_levels;
    const tg__level level = t->levels[at - 1];
    while (t->n_levels >= at && t->n_entries > level.first_entry) {
        uint32_t top = t->n_entries - 1;
        if (t->entries[top].object == NULL)
            t->n_entries--;
        else
            tg__unref(remove_entry(t, top));
    }
    if (t->n_levels == at) {
        t->grad_on = level.grad_on;
        t->anomaly_on = level.anomaly_on;
        t->n_levels--;
    }
}

/* Pops levels until down_to remain, giving back their entries and restoring the modes. */
static void close_levels(tg__thread *t, uint32_t down_to) {
    if (depth(t) > down_to && t->n_levels <= down_to) {
        t->lost_levels = down_to - t->n_levels;
    } else {
        t->lost_levels = 0;
        while (t->n_levels > down_to)
            close_top(t);
    }
    if (t->error_level > depth(t))
        t->error_level = depth(t);
}

tg_scope tg_scope_open(void) {
    tg__thread *t = tg__self();
    if (!t->usable)
        return 0;
    /* A level that is lost stays lost until it is closed: those opened inside have no record
     * either, or they would close in the wrong order. */
    if (t->lost_levels == 0 && open_level(t, TG__LEVEL_SCOPE))
        return token(t, t->levels[t->n_levels - 1].serial, t->n_levels);
    t->lost_levels++;
    tg__fail_memory("scope_open", 2 * t->cap_levels * sizeof *t->levels);
    return token(t, 0, depth(t));
}

/* The depth that s was opened at, or 0 with an error if it cannot be closed now. */
static uint32_t find_scope(const tg__thread *t, const char *op, tg_scope s) {
    uint32_t d = (uint32_t)(s & 0xffff);
    uint32_t serial = (uint32_t)(s >> 16) & 0xffffffu;
    const char *why = NULL;
    if (d == 0)
        why = "it is no scope";
    else if (s >> 40 != (t->id & 0xffffffu))
        why = "it was opened on another thread";
    else if (d > depth(t) || (d <= t->n_levels && t->levels[d - 1].serial != serial))
        why = "it is closed already";
    else if (d <= t->barrier)
        why = "it was opened outside the running callback";
    else if (d > t->n_levels ? serial != 0 : t->levels[d - 1].kind != TG__LEVEL_SCOPE)
        why = "it is no scope";
    if (why == NULL)
        return d;
    tg__fail(TG_ERR_STATE, op, "the scope cannot be closed here: %s; nothing was done", why);
    return 0;
}

tg_status tg_scope_close(tg_scope s) {
    tg__thread *t = tg__self();
    if (!t->usable)
        return TG_ERR_MEMORY;
    uint32_t d = find_scope(t, "scope_close", s);
    if (d == 0)
        return TG_ERR_STATE;
    tg_status status = tg__gate(t);
    close_levels(t, d - 1);
    return status;
}

tg_tensor *tg_scope_return(tg_scope s, tg_tensor *y) {
    tg__thread *t = tg__self();
    if (!t->usable)
        return NULL;
    uint32_t d = find_scope(t, "scope_return", s);
    if (d == 0)
        return NULL;
    if (y == NULL)
        tg__fail_null("scope_return", "y");
    bool good = y != NULL && (unusual(y) || alive("scope_return", y)) && tg__gate(t) == TG_OK;
    if (good && !unusual(y))
        tg__ref(y);
    close_levels(t, d - 1);
    return good ? tg__give(y) : NULL;
}

/* ---- Callbacks ---- */

tg__callback tg__callback_enter(bool owns) {
    tg__thread *t = tg__self();
    tg__callback c = {0};
    if (!t->usable || tg__gate(t) != TG_OK) /* or what is raised inside would replace the error */
        return c;
    if (t->lost_levels > 0 || !open_level(t, TG__LEVEL_BARRIER)) {
        tg__fail_memory("callback", 2 * t->cap_levels * sizeof *t->levels);
        return c;
    }
    uint32_t outer = t->barrier;
    t->barrier = t->n_levels;
    c.token = (uint64_t)owns << 63 | (uint64_t)outer << 32 | t->n_levels;
    if (!owns && !open_level(t, TG__LEVEL_SCOPE)) {
        close_levels(t, t->n_levels - 1);
        t->barrier = outer;
        tg__fail_memory("callback", 2 * t->cap_levels * sizeof *t->levels);
        c.token = 0;
    }
    return c;
}

tg_status tg__callback_leave(tg__callback c, const char *op, tg_status returned,
                             tg_tensor **results, int n_results) {
    if (!tg__callback_ok(c)) {
        tg_status status = tg_error_status();
        return status != TG_OK ? status : TG_ERR_MEMORY;
    }
    tg__thread *t = tg__self();
    bool owns = c.token >> 63;
    uint32_t barrier = (uint32_t)c.token;
    tg_status raised = tg_error_status(); /* what was raised behind the barrier and not cleared */
    if (raised == TG_OK && t->error_status != TG_OK && t->error_level >= barrier)
        raised = t->error_status; /* set aside by a scope that was left open */
    for (int i = 0; i < n_results; i++) {
        if (unusual(results[i]))
            continue;
        if (owns)
            tg__take(results[i]);
        else
            tg__ref(results[i]);
    }
    close_levels(t, barrier - 1);
    t->barrier = (uint32_t)(c.token >> 32) & 0x7fffffffu;
    tg_status status = raised != TG_OK ? raised : returned;
    if (status == TG_OK)
        return TG_OK;
    for (int i = 0; i < n_results; i++) {
        tg__unref(results[i]);
        results[i] = NULL;
    }
    if (raised == TG_OK)
        tg__fail(status, op, "the callback returned %s without saying why", tg_status_name(status));
    return status;
}
