/* thread.h - the per-thread state: error, scopes, modes, memory cache, counters. */
#ifndef TG_BASE_THREAD_H
#define TG_BASE_THREAD_H

#include "base/alloc.h"

/* One reference that a scope holds. The object is a tensor; base does not look inside. */
typedef struct {
    void *object;      /* NULL: given back already */
    uint32_t user_at;  /* references of the user when the entry was made */
    uint32_t previous; /* 1 + position of the object's next older entry here, 0: none */
} tg__entry;

typedef enum { TG__LEVEL_SCOPE, TG__LEVEL_BARRIER } tg__level_kind;

/* One open scope or callback barrier: where its entries begin and what to restore at its end. */
typedef struct {
    uint32_t first_entry;
    uint32_t serial;
    uint8_t kind;
    bool grad_on, anomaly_on; /* modes found at opening */
} tg__level;

#define TG__FIRST_LEVELS 32
#define TG__FIRST_ENTRIES 64
#define TG__MESSAGE_BYTES 768
#define TG__DESC_BYTES 112
#define TG__DESC_SLOTS 8

typedef struct tg__thread tg__thread;
struct tg__thread {
    bool
        usable; /* false only in the one shared block of threads that could get none of their own */
    bool grad_on;
    bool anomaly_on;  /* gradients are searched for NaN and Inf, nodes remember where they were made
                       */
    bool in_parallel; /* running inside a parallel region: nested ones run serially */
    uint32_t id;      /* never 0, unique among living threads */
    uint64_t clock;   /* Lamport time of recorded nodes (autograd) */

    /* Scopes: levels[0..n_levels) are open, the last is the innermost. */
    tg__level *levels;
    tg__entry *entries;
    uint32_t n_levels, cap_levels;
    uint32_t n_entries, cap_entries;
    uint32_t lost_levels; /* scopes opened when levels could not grow: shut, without a record */
    uint32_t barrier;     /* 1 + position of the innermost barrier level, 0: none */
    uint32_t next_serial;
    void (*exit_hook)(tg__thread *); /* closes what is open when the thread ends; set by core */

    /* Error: level is the number of levels open when it was raised. */
    tg_status error_status;
    uint32_t error_level;
    const char *error_op; /* static text, or error_op_copy */
    const char *error_as; /* the op that errors raised now are named after; NULL: their own */
    char error_op_copy[48];
    char message[TG__MESSAGE_BYTES];
    char desc[TG__DESC_SLOTS][TG__DESC_BYTES]; /* ring of short descriptions for messages */
    uint32_t next_desc;

    tg__magazines magazines;
    _Atomic int64_t live_tensors, live_nodes,
        live_storages;     /* this thread's share, may be negative */
    const char *site_file; /* set by TENSORGRAD_SITES macros */
    int site_line;
    int64_t interrupt_polled_ns;
    void *engine; /* autograd's scratch, allocated lazily */
    void (*engine_free)(tg__thread *);
    void *generator; /* core's default random generator, allocated lazily */
    void (*generator_free)(tg__thread *);
    void *watch; /* autograd's: what is told of every operation; NULL: nothing */
    void (*watch_free)(tg__thread *);
    void *dead_nodes; /* list of nodes to destroy, while destruction is running (autograd) */
    bool destroying;
    char *info; /* buffer of tg_build_info, TG__INFO_BYTES */

    tg__level first_levels[TG__FIRST_LEVELS];
    tg__entry first_entries[TG__FIRST_ENTRIES];
    tg__thread *next; /* list of living threads */
};

#define TG__INFO_BYTES 2048

extern _Thread_local tg__thread *tg__thread_block __attribute__((tls_model("initial-exec")));
tg__thread *tg__thread_make(void);

/* The calling thread's block; never NULL. One load and a branch. */
static inline tg__thread *tg__self(void) {
    tg__thread *t = tg__thread_block;
    return __builtin_expect(t != NULL, 1) ? t : tg__thread_make();
}

/* Adds to one of this thread's counters; no other thread writes it. */
static inline void tg__count(_Atomic int64_t *counter, int64_t by) {
    __atomic_store_n((int64_t *)counter, __atomic_load_n((int64_t *)counter, __ATOMIC_RELAXED) + by,
                     __ATOMIC_RELAXED);
}

/* Sums a counter over living threads and those that ended. */
typedef enum {
    TG__COUNT_TENSORS,
    TG__COUNT_NODES,
    TG__COUNT_STORAGES,
    TG__COUNT_BYTES,
    TG__COUNT_REQUESTS
} tg__counter;
int64_t tg__thread_total(tg__counter which);

#endif
