/* thread.c - the per-thread state, made on a thread's first call and freed when the thread ends.
 *
 * One thread-local pointer leads to a block with everything a thread needs: scopes, error, modes,
 * memory cache, counters. The pointer uses the initial-exec model (one load), which leaves only 8
 * bytes of static TLS to a program that opens the library at run time. The first few blocks lie in
 * the library's zero-initialised memory, so that most programs never allocate one. A thread that
 * can get no block shares one where every call fails with TG_ERR_MEMORY: nothing is written there
 * but the counters, as such a thread may still give tensors back. */
#include "base/thread.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define STATIC_BLOCKS 8

_Thread_local tg__thread *tg__thread_block __attribute__((tls_model("initial-exec")));

static tg__thread static_blocks[STATIC_BLOCKS];
static bool static_used[STATIC_BLOCKS];
static tg__thread no_block; /* usable = false */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_key_t key;
static bool have_key;
static tg__thread *living;
static uint32_t next_id = 1;
static int64_t retired[TG__COUNT_REQUESTS + 1];

static int64_t counter_of(const tg__thread *t, tg__counter which) {
    switch (which) {
    case TG__COUNT_TENSORS:
        return __atomic_load_n((const int64_t *)&t->live_tensors, __ATOMIC_RELAXED);
    case TG__COUNT_NODES:
        return __atomic_load_n((const int64_t *)&t->live_nodes, __ATOMIC_RELAXED);
    case TG__COUNT_STORAGES:
        return __atomic_load_n((const int64_t *)&t->live_storages, __ATOMIC_RELAXED);
    case TG__COUNT_BYTES:
        return __atomic_load_n((const int64_t *)&t->magazines.bytes_in_use, __ATOMIC_RELAXED);
    case TG__COUNT_REQUESTS:
        return (int64_t)__atomic_load_n((const uint64_t *)&t->magazines.requests, __ATOMIC_RELAXED);
    }
    return 0;
}

int64_t tg__thread_total(tg__counter which) {
    pthread_mutex_lock(&lock);
    int64_t sum = retired[which] + counter_of(&no_block, which);
    for (const tg__thread *t = living; t != NULL; t = t->next)
        sum += counter_of(t, which);
    pthread_mutex_unlock(&lock);
    return sum;
}

static void release_arrays(tg__thread *t) {
    if (t->levels != t->first_levels)
        tg__free(t->levels, t->cap_levels * sizeof *t->levels);
    if (t->entries != t->first_entries)
        tg__free(t->entries, t->cap_entries * sizeof *t->entries);
    if (t->info != NULL)
        tg__free(t->info, TG__INFO_BYTES);
    t->levels = t->first_levels;
    t->entries = t->first_entries;
    t->info = NULL;
}

static void thread_end(void *block) {
    tg__thread *t = block;
    tg__thread_block = t; /* what follows may ask for it; pthread cleared only the key */
    if (t->exit_hook != NULL)
        t->exit_hook(t);
    if (t->watch_free != NULL)
        t->watch_free(t);
    if (t->generator_free != NULL)
        t->generator_free(t);
    if (t->engine_free != NULL)
        t->engine_free(t);
    release_arrays(t);
    tg__magazines_flush(&t->magazines);

    pthread_mutex_lock(&lock);
    for (int c = 0; c <= TG__COUNT_REQUESTS; c++)
        retired[c] += counter_of(t, (tg__counter)c);
    for (tg__thread **p = &living; *p != NULL; p = &(*p)->next)
        if (*p == t) {
            *p = t->next;
            break;
        }
    tg__thread_block = NULL;
    if (t >= static_blocks && t < static_blocks + STATIC_BLOCKS) {
        static_used[t - static_blocks] = false;
        t = NULL;
    }
    pthread_mutex_unlock(&lock);
    free(t);
}

static void before_fork(void) { pthread_mutex_lock(&lock); }
static void after_fork(void) { pthread_mutex_unlock(&lock); }

static void init_once(void) {
    have_key = pthread_key_create(&key, thread_end) == 0;
    pthread_atfork(before_fork, after_fork, after_fork);
}

/* Called with the lock held. */
static tg__thread *take_static(void) {
    for (int i = 0; i < STATIC_BLOCKS; i++)
        if (!static_used[i]) {
            static_used[i] = true;
            memset(&static_blocks[i], 0, sizeof static_blocks[i]);
            return &static_blocks[i];
        }
    return NULL;
}

tg__thread *tg__thread_make(void) {
    pthread_once(&once, init_once);
    pthread_mutex_lock(&lock);
    tg__thread *t = take_static();
    pthread_mutex_unlock(&lock);
    if (t == NULL)
        t = calloc(1, sizeof *t);
    if (t == NULL)
        return &no_block;
    t->usable = true;
    t->grad_on = true;
    t->error_op = "";
    t->levels = t->first_levels;
    t->cap_levels = TG__FIRST_LEVELS;
    t->entries = t->first_entries;
    t->cap_entries = TG__FIRST_ENTRIES;
    pthread_mutex_lock(&lock);
    t->id = next_id++;
    if (next_id == UINT32_MAX)
        next_id = 1;
    t->next = living;
    living = t;
    pthread_mutex_unlock(&lock);
    tg__thread_block = t;
    if (have_key)
        pthread_setspecific(key, t);
    return t;
}
