/* pages.c - where the pool's memory comes from: the built-in allocator or the program's.
 *
 * The built-in one maps pages: malloc would give freed blocks back to the system at times of its
 * own, and mapped memory comes zeroed. Blocks of 2 MiB and more lie on huge pages where the system
 * has them (first touch of 16 MiB: 1.4 instead of 8.7 ms). Under AddressSanitizer it is malloc's,
 * which ASan watches.
 *
 * The books (bytes held, calls) and the cap are kept here. A request enters the books before the
 * allocator is called, and the allocator can only be replaced while they say 0: so a block always
 * goes back where it came from. The allocator is called without a lock held. */
#include "base/pages.h"

#include "base/env.h"
#include "base/error.h"
#include "base/log.h"
#include "base/options.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE_BYTES ((size_t)4096)
#define HUGE_BYTES ((size_t)2 << 20)

static void *built_in_alloc(void *ctx, size_t bytes, size_t alignment);
static void built_in_free(void *ctx, void *block, size_t bytes);
#define BUILT_IN                                                                                   \
    { sizeof(tg_allocator), built_in_alloc, built_in_free, NULL }

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static tg_allocator allocator = BUILT_IN;
static uint64_t held, calls;

static void before_fork(void) { pthread_mutex_lock(&lock); }
static void after_fork(void) { pthread_mutex_unlock(&lock); }
static void survive_fork(void) { pthread_atfork(before_fork, after_fork, after_fork); }

static void enter(void) {
    pthread_once(&once, survive_fork);
    pthread_mutex_lock(&lock);
}

static void leave(void) { pthread_mutex_unlock(&lock); }

#if TG__ALLOC_DIRECT

/* ASan ends the process where malloc would say no, so what cannot be is not asked for. */
static void *built_in_alloc(void *ctx, size_t bytes, size_t alignment) {
    (void)ctx;
    void *block = NULL;
    if (bytes / PAGE_BYTES > (size_t)sysconf(_SC_PHYS_PAGES))
        return NULL;
    return posix_memalign(&block, alignment, bytes) == 0 ? block : NULL;
}

static void built_in_free(void *ctx, void *block, size_t bytes) {
    (void)ctx;
    (void)bytes;
    free(block);
}

#else

static size_t round_to_pages(size_t bytes) { return (bytes + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1); }

static void *built_in_alloc(void *ctx, size_t bytes, size_t alignment) {
    (void)ctx;
    bytes = round_to_pages(bytes);
    if (bytes >= HUGE_BYTES && alignment < HUGE_BYTES)
        alignment = HUGE_BYTES;
    size_t slack = alignment > PAGE_BYTES ? alignment - PAGE_BYTES : 0;
    char *base =
        mmap(NULL, bytes + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED)
        return NULL;
    size_t before = slack == 0 ? 0 : -(uintptr_t)base & (alignment - 1);
    if (before > 0)
        munmap(base, before);
    if (slack > before)
        munmap(base + before + bytes, slack - before);
#ifdef MADV_HUGEPAGE
    if (bytes >= HUGE_BYTES)
        madvise(base + before, bytes, MADV_HUGEPAGE);
#endif
    return base + before;
}

static void built_in_free(void *ctx, void *block, size_t bytes) {
    (void)ctx;
    munmap(block, round_to_pages(bytes));
}

#endif

bool tg__pages_zeroed(void) {
    enter();
    bool zeroed = !TG__ALLOC_DIRECT && allocator.alloc == built_in_alloc;
    leave();
    return zeroed;
}

void *tg__pages_alloc(size_t bytes, size_t alignment, uint64_t *excess) {
    uint64_t cap = tg__env_get()->pool_max;
    enter();
    tg_allocator a = allocator;
    bool fits = bytes <= cap && held <= cap - bytes;
    *excess = fits ? UINT64_MAX : bytes > cap ? 0 : held - (cap - bytes);
    if (fits) {
        held += bytes;
        calls++;
    }
    leave();
    if (!fits)
        return NULL;
    void *block = a.alloc(a.ctx, bytes, alignment);
    if (block != NULL && ((uintptr_t)block & (alignment - 1)) == 0)
        return block;
    if (block != NULL) {
        a.free(a.ctx, block, bytes);
        tg__log(TG_LOG_WARN,
                "the allocator was asked for memory aligned to %zu bytes and returned %p",
                alignment, block);
        *excess = 0;
    }
    enter();
    held -= bytes;
    leave();
    return NULL;
}

void tg__pages_free(void *block, size_t bytes) {
    enter();
    tg_allocator a = allocator;
    leave();
    a.free(a.ctx, block, bytes);
    enter();
    held -= bytes;
    leave();
}

void tg__pages_stats(uint64_t *held_now, uint64_t *calls_so_far) {
    enter();
    *held_now = held;
    *calls_so_far = calls;
    leave();
}

static tg_status replace(const tg_allocator *next) {
    tg_memory_trim(0);
    enter();
    uint64_t still = held;
    if (still == 0)
        allocator = *next;
    leave();
    if (still == 0)
        return TG_OK;
    return tg__fail(TG_ERR_STATE, "set_allocator",
                    "%llu bytes of the present allocator are in use, or cached by other threads; "
                    "replace it before the first tensor is made, or after all are released and the "
                    "threads that used the library have ended",
                    (unsigned long long)still);
}

tg_status tg_set_allocator(const tg_allocator *given) {
    tg_allocator next = BUILT_IN;
    if (given == NULL)
        return replace(&next);
    next = (tg_allocator){.size = sizeof next};
    tg_status status = tg__options("set_allocator", "allocator", "size = sizeof(tg_allocator)",
                                   given, &next, sizeof next);
    if (status != TG_OK)
        return status;
    if (next.alloc == NULL || next.free == NULL)
        return tg__fail(TG_ERR_ARG, "set_allocator", "the allocator lacks the required method '%s'",
                        next.alloc == NULL ? "alloc" : "free");
    return replace(&next);
}
