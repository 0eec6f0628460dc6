/* pages.h - where the pool's memory comes from: the built-in allocator or the program's. */
#ifndef TG_BASE_PAGES_H
#define TG_BASE_PAGES_H

#include <tensorgrad/base.h>

/* In AddressSanitizer builds the pool steps aside: each request is a call of the allocator. */
#if defined(__SANITIZE_ADDRESS__)
#define TG__ALLOC_DIRECT 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TG__ALLOC_DIRECT 1
#endif
#endif
#ifndef TG__ALLOC_DIRECT
#define TG__ALLOC_DIRECT 0
#endif

/* Takes memory from the allocator. NULL on failure; then *excess says how much must be given back
 * before another try makes sense: what exceeds the cap (TENSORGRAD_POOL_MAX), UINT64_MAX where the
 * allocator had none, 0 if no try ever will. */
void *tg__pages_alloc(size_t bytes, size_t alignment, uint64_t *excess);
void tg__pages_free(void *block, size_t bytes);
/* Whether memory just allocated is zero. */
bool tg__pages_zeroed(void);
/* Bytes taken and not given back; calls of the allocator so far. */
void tg__pages_stats(uint64_t *held, uint64_t *calls);

#endif
