/* alloc.c - the caching pool over the injectable allocator.
 *
 * A training step asks for the same blocks again and again, and what costs is not finding them but
 * getting them from the system (page faults, zeroing, locks). So nothing goes back until
 * tg_memory_trim or want of memory says so.
 *
 * Sizes are rounded to classes: multiples of 16 up to 256, then four steps per doubling (so at most
 * 25 % is wasted). Two kinds of blocks:
 *
 *   small, up to 32 KiB: carved from chunks of 1 MiB, which are aligned to their size, so that
 *     masking a block's address finds its chunk. Each thread has a LIFO list per class (its
 *     magazine): alloc pops and free pushes, without a lock. Empty magazines are filled by a batch
 *     from the depot, or by a run of fresh blocks; full ones give half to it.
 *   large: a header of 64 bytes and the data, each from the allocator. Free ones stand on a shelf
 *     per class, the youngest first; a request whose shelf is empty looks at the next one too.
 *
 * One mutex guards depot, chunks and shelves; it is held for a few dozen instructions, except while
 * trimming. Chunks keep no count of their free blocks: trimming, which is rare, counts them.
 *
 * A block freed by another thread goes to that thread's magazine. Only blocks in magazines of other
 * threads are out of trim's reach; a thread that ends leaves its blocks to the depot.
 *
 * Memory comes from pages.c, zeroed if it is fresh; tg__alloc_zero knows. Under AddressSanitizer
 * each request goes straight to the allocator, so that every use after free is seen; the books are
 * kept all the same.
 *
 * Cost of alloc + free: 5 ns for a small block, 22 ns for a large one (2-core EPYC, GCC 12, -O2).
 * Not done: a table of large blocks beside them (their data would be page-aligned, but each free
 * would search), and counting the free blocks of a chunk as they move (a cache miss per block for
 * what trimming rarely asks). */
#include "base/alloc.h"

#include "base/error.h"
#include "base/pages.h"
#include "base/thread.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define CHUNK_BYTES ((size_t)1 << 20)
#define RUN_BYTES 16384
#define ALIGNMENT ((size_t)64)
#define LARGEST (SIZE_MAX / 4)
#define CLASSES 232 /* class_of(LARGEST) + 1 */

typedef struct chunk {
    struct chunk *next;
    size_t used;   /* bytes from the start that were handed out, this header included */
    size_t carved; /* bytes of them that are blocks */
    size_t free;   /* while trimming: bytes of blocks that lie in the depot */
    bool leaving;  /* while trimming: is given back */
} chunk;

typedef struct large {
    size_t bytes; /* of data */
    struct large *younger, *older;
    uint64_t freed_at;
} large;

_Static_assert(sizeof(chunk) <= ALIGNMENT && sizeof(large) <= ALIGNMENT, "headers are one line");

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The depot: per class a stack of batches. The first block of a batch holds the next block and the
 * next batch, the second one the next block and how many blocks the batch has. */
static void **depot[TG__SMALL_CLASSES];
static uint64_t depot_bytes;

static chunk *chunks; /* those that were carved from; the first is being carved */
static chunk *spares; /* untouched */
static uint64_t n_spares;

static struct { large *youngest, *oldest; } shelves[CLASSES - TG__SMALL_CLASSES];
static uint64_t shelf_bytes; /* headers included */
static uint64_t free_clock;

/* What threads without a block of their own count (tg__thread.usable). */
static _Atomic int64_t homeless_bytes;
static _Atomic uint64_t homeless_requests;

typedef enum { FAIL_NEVER, FAIL_ONCE, FAIL_ONWARDS } fail_mode;
static _Atomic int failing; /* a fail_mode */
static _Atomic int64_t fail_countdown;

static void before_fork(void) { pthread_mutex_lock(&lock); }
static void after_fork(void) { pthread_mutex_unlock(&lock); }
static void survive_fork(void) { pthread_atfork(before_fork, after_fork, after_fork); }

static void enter(void) {
    pthread_once(&once, survive_fork);
    pthread_mutex_lock(&lock);
}

static void leave(void) { pthread_mutex_unlock(&lock); }

/* ---- Classes --------------------------------------------------------------------------------- */

static inline unsigned class_of(size_t bytes) {
    if (bytes <= 256)
        return (unsigned)((bytes - (bytes != 0)) >> 4);
    unsigned e = 63 - (unsigned)__builtin_clzll((unsigned long long)bytes - 1);
    return 16 + (e - 8) * 4 + ((unsigned)((bytes - 1) >> (e - 2)) - 4);
}

static size_t class_size(unsigned c) {
    if (c < 16)
        return (size_t)(c + 1) * 16;
    return (size_t)(5 + c % 4) << (c / 4 + 2);
}

/* How many blocks a magazine holds: 64 KiB, but 16 blocks at least and 512 at most. */
#define LIMIT(s) ((s) <= 128 ? 512 : (s) >= 4096 ? 16 : 65536 / (s))
#define LIMITS4(a, b, c, d) LIMIT(a), LIMIT(b), LIMIT(c), LIMIT(d)
#define LIMITS_TO_TWICE(s) LIMITS4((s) / 4 * 5, (s) / 4 * 6, (s) / 4 * 7, (s)*2)
static const uint16_t limits[] = {
    LIMITS4(16, 32, 48, 64),     LIMITS4(80, 96, 112, 128), LIMITS4(144, 160, 176, 192),
    LIMITS4(208, 224, 240, 256), LIMITS_TO_TWICE(256),      LIMITS_TO_TWICE(512),
    LIMITS_TO_TWICE(1024),       LIMITS_TO_TWICE(2048),     LIMITS_TO_TWICE(4096),
    LIMITS_TO_TWICE(8192),       LIMITS_TO_TWICE(16384)};
_Static_assert(sizeof limits / sizeof *limits == TG__SMALL_CLASSES, "one limit per small class");

static uint32_t batch_blocks(unsigned c) {
    size_t n = RUN_BYTES / class_size(c);
    return n < 1 ? 1 : n > limits[c] / 2 ? limits[c] / 2 : (uint32_t)n;
}

static uint64_t give_back(uint64_t wanted);

/* A failure lets the pool give back what it can spare, and tries once more. */
static void *system_alloc(size_t bytes, size_t alignment) {
    uint64_t excess;
    void *block = tg__pages_alloc(bytes, alignment, &excess);
    if (block == NULL && excess > 0) {
        tg__magazines_flush(&tg__self()->magazines);
        if (give_back(excess) > 0)
            block = tg__pages_alloc(bytes, alignment, &excess);
    }
    return block;
}

/* ---- Small blocks: depot and chunks ------------------------------------------------------------
 */

/* Takes a list of `count` blocks that ends in NULL. Called with the lock held. */
static void depot_push(unsigned c, void **first, uint32_t count) {
    if (count == 0)
        return;
    void **second = first[0];
    if (second != NULL)
        second[1] = (void *)(uintptr_t)count;
    first[1] = depot[c];
    depot[c] = first;
    depot_bytes += count * class_size(c);
}

static void **depot_pop(unsigned c, uint32_t *count) {
    void **first = depot[c];
    void **second = first[0];
    *count = second == NULL ? 1 : (uint32_t)(uintptr_t)second[1];
    depot[c] = first[1];
    depot_bytes -= *count * class_size(c);
    return first;
}

/* Cuts up to a batch of neighbouring blocks from a chunk; NULL if a new chunk is needed. Called
 * with the lock held. Runs begin at multiples of 64, so classes that are such have aligned blocks.
 */
static char *carve(unsigned c, uint32_t *count) {
    size_t size = class_size(c);
    if (chunks == NULL || CHUNK_BYTES - chunks->used < size) {
        if (spares == NULL)
            return NULL;
        chunk *fresh = spares;
        spares = fresh->next;
        n_spares--;
        fresh->next = chunks;
        chunks = fresh;
    }
    size_t room = (CHUNK_BYTES - chunks->used) / size;
    *count = room < batch_blocks(c) ? (uint32_t)room : batch_blocks(c);
    char *run = (char *)chunks + chunks->used;
    chunks->carved += *count * size;
    chunks->used += (*count * size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    return run;
}

static bool fetch_chunk(void) {
    chunk *fresh = system_alloc(CHUNK_BYTES, CHUNK_BYTES);
    if (fresh == NULL)
        return false;
    *fresh = (chunk){.used = ALIGNMENT};
    enter();
    fresh->next = spares;
    spares = fresh;
    n_spares++;
    leave();
    return true;
}

static void **link_run(char *run, size_t size, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        *(void **)(run + i * size) = i + 1 < count ? run + (i + 1) * size : NULL;
    return (void **)run;
}

/* Fills an empty magazine; false if memory is short. */
static __attribute__((noinline)) bool refill(tg__magazines *m, unsigned c) {
    void **first = NULL;
    uint32_t count = 0;
    char *run = NULL;
    enter();
    while (first == NULL && run == NULL) {
        if (depot[c] != NULL) {
            first = depot_pop(c, &count);
        } else if ((run = carve(c, &count)) == NULL) {
            leave();
            if (!fetch_chunk())
                return false;
            enter();
        }
    }
    leave();
    m->head[c] = run != NULL ? link_run(run, class_size(c), count) : first;
    m->count[c] = count;
    return true;
}

/* Gives the colder half of a full magazine to the depot. */
static __attribute__((noinline)) void overflow(tg__magazines *m, unsigned c) {
    uint32_t keep = m->count[c] / 2;
    void **last = m->head[c];
    for (uint32_t i = 1; i < keep; i++)
        last = *last;
    void **rest = *last;
    *last = NULL;
    enter();
    depot_push(c, rest, m->count[c] - keep);
    leave();
    m->count[c] = keep;
}

void tg__magazines_flush(tg__magazines *m) {
    enter();
    for (unsigned c = 0; c < TG__SMALL_CLASSES; c++) {
        depot_push(c, m->head[c], m->count[c]);
        m->head[c] = NULL;
        m->count[c] = 0;
    }
    leave();
}

/* ---- Large blocks ------------------------------------------------------------------------------
 */

/* Called with the lock held. */
static void unshelve(large *l) {
    unsigned s = class_of(l->bytes) - TG__SMALL_CLASSES;
    *(l->younger != NULL ? &l->younger->older : &shelves[s].youngest) = l->older;
    *(l->older != NULL ? &l->older->younger : &shelves[s].oldest) = l->younger;
    shelf_bytes -= l->bytes + ALIGNMENT;
}

/* *zeroed: the pages are fresh. */
static void *large_alloc(size_t bytes, bool *zeroed) {
    unsigned c = class_of(bytes);
    size_t size = class_size(c);
    enter();
    large *l = shelves[c - TG__SMALL_CLASSES].youngest;
    if (l == NULL && c + 1 < CLASSES)
        l = shelves[c + 1 - TG__SMALL_CLASSES].youngest;
    if (l != NULL)
        unshelve(l);
    leave();
    *zeroed = false;
    if (l == NULL) {
        l = system_alloc(size + ALIGNMENT, ALIGNMENT);
        if (l == NULL)
            return NULL;
        l->bytes = size;
        *zeroed = tg__pages_zeroed();
    }
    return (char *)l + ALIGNMENT;
}

static void large_free(void *block) {
    large *l = (large *)((char *)block - ALIGNMENT);
    unsigned s = class_of(l->bytes) - TG__SMALL_CLASSES;
    enter();
    l->younger = NULL;
    l->older = shelves[s].youngest;
    l->freed_at = free_clock++;
    *(l->older != NULL ? &l->older->younger : &shelves[s].oldest) = l;
    shelves[s].youngest = l;
    shelf_bytes += l->bytes + ALIGNMENT;
    leave();
}

/* ---- Giving back -------------------------------------------------------------------------------
 */

static large *oldest_large(void) {
    large *found = NULL;
    for (unsigned s = 0; s < CLASSES - TG__SMALL_CLASSES; s++) {
        large *l = shelves[s].oldest;
        if (l != NULL && (found == NULL || l->freed_at < found->freed_at))
            found = l;
    }
    return found;
}

static chunk *owner_of(void *block) {
    return (chunk *)((uintptr_t)block & ~(uintptr_t)(CHUNK_BYTES - 1));
}

static void count_free_blocks(void) {
    for (chunk *k = chunks; k != NULL; k = k->next)
        k->free = 0;
    for (unsigned c = 0; c < TG__SMALL_CLASSES; c++)
        for (void **batch = depot[c]; batch != NULL; batch = batch[1])
            for (void **b = batch; b != NULL; b = b[0])
                owner_of(b)->free += class_size(c);
}

/* Takes the blocks of leaving chunks out of the depot, and batches the others anew. */
static void purge(unsigned c) {
    void **batch = depot[c];
    void **stay = NULL;
    uint32_t count = 0;
    depot[c] = NULL;
    while (batch != NULL) {
        void **next_batch = batch[1];
        while (batch != NULL) {
            void **b = batch;
            batch = b[0];
            depot_bytes -= class_size(c);
            if (owner_of(b)->leaving)
                continue;
            b[0] = stay;
            stay = b;
            if (++count == batch_blocks(c)) {
                depot_push(c, stay, count);
                stay = NULL;
                count = 0;
            }
        }
        batch = next_batch;
    }
    depot_push(c, stay, count);
}

/* Takes chunks without live blocks out of the pool until `wanted` bytes are together. */
static chunk *take_free_chunks(uint64_t wanted) {
    chunk *taken = NULL;
    uint64_t sum = 0;
    while (sum < wanted && spares != NULL) {
        chunk *k = spares;
        spares = k->next;
        n_spares--;
        k->next = taken;
        taken = k;
        sum += CHUNK_BYTES;
    }
    if (sum >= wanted)
        return taken;
    count_free_blocks();
    bool any = false;
    for (chunk **link = &chunks; *link != NULL;) {
        chunk *k = *link;
        if (sum < wanted && k->free == k->carved) {
            *link = k->next;
            k->leaving = any = true;
            k->next = taken;
            taken = k;
            sum += CHUNK_BYTES;
        } else {
            link = &k->next;
        }
    }
    for (unsigned c = 0; any && c < TG__SMALL_CLASSES; c++)
        purge(c);
    return taken;
}

/* Gives unused blocks back to the allocator, large ones first and the oldest of them first, until
 * `wanted` bytes are together or there are no more; returns how many bytes it was. */
static uint64_t give_back(uint64_t wanted) {
    uint64_t sum = 0;
    large *blocks = NULL;
    chunk *empty = NULL;
    enter();
    for (large *l; sum < wanted && (l = oldest_large()) != NULL; sum += l->bytes + ALIGNMENT) {
        unshelve(l);
        l->older = blocks;
        blocks = l;
    }
    if (sum < wanted)
        empty = take_free_chunks(wanted - sum);
    leave();
    while (blocks != NULL) {
        large *l = blocks;
        blocks = l->older;
        tg__pages_free(l, l->bytes + ALIGNMENT);
    }
    while (empty != NULL) {
        chunk *k = empty;
        empty = k->next;
        tg__pages_free(k, CHUNK_BYTES);
        sum += CHUNK_BYTES;
    }
    return sum;
}

uint64_t tg_memory_trim(uint64_t keep_bytes) {
    tg__thread *t = tg__self();
    if (t->usable)
        tg__magazines_flush(&t->magazines);
    enter();
    uint64_t unused = shelf_bytes + depot_bytes + n_spares * CHUNK_BYTES;
    leave();
    return unused > keep_bytes ? give_back(unused - keep_bytes) : 0;
}

/* ---- Requests ----------------------------------------------------------------------------------
 */

static inline void count_request(tg__magazines *m) {
    uint64_t n = atomic_load_explicit(&m->requests, memory_order_relaxed);
    atomic_store_explicit(&m->requests, n + 1, memory_order_relaxed);
}

static bool injected_failure(void) {
    int mode = atomic_load(&failing);
    if (mode == FAIL_NEVER)
        return false;
    int64_t left = atomic_fetch_sub(&fail_countdown, 1);
    return left == 1 || (left < 1 && mode == FAIL_ONWARDS);
}

static inline void *pop(tg__magazines *m, unsigned c) {
    void **block = m->head[c];
    m->head[c] = *block;
    m->count[c]--;
    return block;
}

static inline void count_taken(tg__magazines *m, size_t bytes) {
    int64_t now = atomic_load_explicit(&m->bytes_in_use, memory_order_relaxed) + (int64_t)bytes;
    atomic_store_explicit(&m->bytes_in_use, now, memory_order_relaxed);
    if (__builtin_expect(now > m->bytes_peak, 0))
        m->bytes_peak = now;
}

/* Every request that the magazine cannot serve at once. */
static __attribute__((noinline)) void *alloc_slow(tg__thread *t, size_t bytes, bool *zeroed) {
    tg__magazines *m = &t->magazines;
    *zeroed = false;
    if (!t->usable) {
        atomic_fetch_add(&homeless_requests, 1);
        return NULL;
    }
    count_request(m);
    if (injected_failure() || bytes > LARGEST)
        return NULL;
    void *block;
    if (TG__ALLOC_DIRECT) {
        block = system_alloc(bytes > 0 ? bytes : 1, ALIGNMENT);
    } else if (bytes > TG__SMALL_MAX) {
        block = large_alloc(bytes, zeroed);
    } else {
        unsigned c = class_of(bytes);
        block = m->head[c] != NULL || refill(m, c) ? pop(m, c) : NULL;
    }
    if (block != NULL)
        count_taken(m, bytes);
    return block;
}

void *tg__alloc(size_t bytes) {
    tg__thread *t = tg__self();
    tg__magazines *m = &t->magazines;
    if (!TG__ALLOC_DIRECT && bytes <= TG__SMALL_MAX) {
        unsigned c = class_of(bytes);
        if (m->head[c] != NULL &&
            atomic_load_explicit(&failing, memory_order_relaxed) == FAIL_NEVER) {
            count_request(m);
            count_taken(m, bytes);
            return pop(m, c);
        }
    }
    bool zeroed;
    return alloc_slow(t, bytes, &zeroed);
}

static __attribute__((noinline)) void free_homeless(void **block, size_t bytes) {
    atomic_fetch_sub(&homeless_bytes, (int64_t)bytes);
    if (TG__ALLOC_DIRECT) {
        tg__pages_free(block, bytes > 0 ? bytes : 1);
    } else if (bytes > TG__SMALL_MAX) {
        large_free(block);
    } else {
        block[0] = NULL;
        enter();
        depot_push(class_of(bytes), block, 1);
        leave();
    }
}

void tg__free(void *block, size_t bytes) {
    if (block == NULL)
        return;
    tg__thread *t = tg__self();
    if (!t->usable) {
        free_homeless(block, bytes);
        return;
    }
    tg__magazines *m = &t->magazines;
    tg__count(&m->bytes_in_use, -(int64_t)bytes);
    if (TG__ALLOC_DIRECT) {
        tg__pages_free(block, bytes > 0 ? bytes : 1);
        return;
    }
    if (bytes > TG__SMALL_MAX) {
        large_free(block);
        return;
    }
    unsigned c = class_of(bytes);
    *(void **)block = m->head[c];
    m->head[c] = block;
    if (++m->count[c] >= limits[c])
        overflow(m, c);
}

void *tg__alloc_zero(size_t bytes) {
    bool zeroed = false;
    void *block = bytes > TG__SMALL_MAX ? alloc_slow(tg__self(), bytes, &zeroed) : tg__alloc(bytes);
    if (block != NULL && !zeroed)
        memset(block, 0, bytes);
    return block;
}

void *tg__realloc(void *block, size_t old_bytes, size_t new_bytes) {
    void *grown = tg__alloc(new_bytes);
    if (grown == NULL || block == NULL)
        return grown;
    memcpy(grown, block, old_bytes < new_bytes ? old_bytes : new_bytes);
    tg__free(block, old_bytes);
    return grown;
}

uint64_t tg__alloc_fail_at(uint64_t n, bool persistent) {
    static _Atomic uint64_t counted;
    atomic_store(&failing, FAIL_NEVER);
    uint64_t total =
        (uint64_t)tg__thread_total(TG__COUNT_REQUESTS) + atomic_load(&homeless_requests);
    atomic_store(&fail_countdown, n > INT64_MAX ? INT64_MAX : (int64_t)n);
    if (n > 0)
        atomic_store(&failing, persistent ? FAIL_ONWARDS : FAIL_ONCE);
    return total - atomic_exchange(&counted, total);
}

/* ---- For the program ----------------------------------------------------------------------------
 */

tg_status tg_memory_stats(tg_memory_stats_t *stats) {
    if (stats == NULL)
        return tg__fail(TG_ERR_ARG, "memory_stats", "stats is NULL; pass a tg_memory_stats_t");
    if (stats->size != sizeof *stats)
        return tg__fail(TG_ERR_ARG, "memory_stats",
                        "stats.size is %u, expected %zu; begin with TG_MEMORY_STATS_INIT",
                        (unsigned)stats->size, sizeof *stats);
    int64_t in_use = tg__thread_total(TG__COUNT_BYTES) + atomic_load(&homeless_bytes);
    stats->bytes_in_use = in_use > 0 ? (uint64_t)in_use : 0;
    stats->requests =
        (uint64_t)tg__thread_total(TG__COUNT_REQUESTS) + atomic_load(&homeless_requests);
    tg__pages_stats(&stats->bytes_held, &stats->system_allocs);
    return TG_OK;
}

uint64_t tg_memory_peak(void) {
    int64_t peak = tg__self()->magazines.bytes_peak;
    return peak > 0 ? (uint64_t)peak : 0;
}

void tg_memory_reset_peak(void) {
    tg__magazines *m = &tg__self()->magazines;
    m->bytes_peak = atomic_load_explicit(&m->bytes_in_use, memory_order_relaxed);
}
