/* alloc.h - the caching pool over the injectable allocator. See alloc.c for the story. */
#ifndef TG_BASE_ALLOC_H
#define TG_BASE_ALLOC_H

#include <tensorgrad/base.h>

/* Blocks up to TG__SMALL_MAX bytes are carved from chunks and cached per thread by size class. */
#define TG__SMALL_MAX 32768
#define TG__SMALL_CLASSES 44

/* One thread's cache: a LIFO list of free blocks per small class. */
typedef struct {
    void *head[TG__SMALL_CLASSES];
    uint32_t count[TG__SMALL_CLASSES];
    /* Statistics of this thread, written by it alone and summed by readers: relaxed atomics. */
    _Atomic int64_t bytes_in_use; /* may go negative: blocks freed here, taken elsewhere */
    _Atomic uint64_t requests;
    int64_t bytes_peak; /* the highest bytes_in_use since it was reset; this thread's alone */
} tg__magazines;

/* A block of at least `bytes`, aligned to 64 where bytes >= 64 is a multiple of 64, else to 16;
 * NULL if memory is short (no error is set: the caller knows what for). bytes = 0 gives a valid
 * block. */
void *tg__alloc(size_t bytes);
/* bytes must be what tg__alloc was asked for. NULL is fine. Never fails, never allocates. */
void tg__free(void *block, size_t bytes);
/* tg__alloc + zeroes. */
void *tg__alloc_zero(size_t bytes);
/* Grows a block keeping old_bytes of content; NULL leaves the old block as it was. */
void *tg__realloc(void *block, size_t old_bytes, size_t new_bytes);

/* Gives a dying thread's cache to the shared depot. */
void tg__magazines_flush(tg__magazines *m);

/* Fault injection, for tests: the n-th request from now (1 = the next) fails, and with `persistent`
 * all after it; 0 switches off. Counts requests of the whole process above the pool. Returns the
 * number of requests seen since the previous call. */
uint64_t tg__alloc_fail_at(uint64_t n, bool persistent);

#endif
