/* counter.h - counts what a program asks of malloc, by standing in front of it.
 *
 * The functions below come before the C library's for the whole process, shared libraries included,
 * and pass every request on. They need glibc's second names; under sanitizers, which stand there
 * themselves, nothing is counted. Include it in one file of a program. */
#ifndef TG_BENCH_COUNTER_H
#define TG_BENCH_COUNTER_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define COUNTER_WORKS 0
#endif
#endif
#if !defined(COUNTER_WORKS)
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define COUNTER_WORKS 1
#else
#define COUNTER_WORKS 0
#endif
#endif

static uint64_t counter_count;
/* Calls so far. */
static inline uint64_t counter_calls(void) {
    return __atomic_load_n(&counter_count, __ATOMIC_RELAXED);
}

#if COUNTER_WORKS
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static inline void counter_add(void) { __atomic_fetch_add(&counter_count, 1, __ATOMIC_RELAXED); }

void *malloc(size_t size) {
    counter_add();
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size) {
    counter_add();
    return __libc_calloc(n, size);
}

void *realloc(void *block, size_t size) {
    counter_add();
    return __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    counter_add();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size) {
    counter_add();
    *block = __libc_memalign(alignment, size);
    return *block == NULL && size != 0 ? ENOMEM : 0;
}
#endif

#endif
