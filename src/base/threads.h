/* threads.h - the library's own pool of worker threads. */
#ifndef TG_BASE_THREADS_H
#define TG_BASE_THREADS_H

#include <tensorgrad/base.h>

/* Handles items [begin, end). Must not raise errors, allocate tensors or block. */
typedef void (*tg__range_fn)(int64_t begin, int64_t end, void *ctx);

/**
 * Runs fn over [0, n) in pieces of at most `grain` items; returns when all are done.
 *
 * The pieces are [0, grain), [grain, 2·grain), …: they depend on n and grain only, never on the
 * number of threads, so a function whose result depends on its piece bounds still gives the same
 * bits for any thread count. Runs serially (same pieces) when n <= grain, with one thread, inside
 * another parallel region, in a caller that finds the pool busy, or where threads cannot be made.
 */
void tg__parallel_for(int64_t n, int64_t grain, tg__range_fn fn, void *ctx);

/* Threads that a parallel region may use now, the caller included. */
int tg__threads_limit(void);
/* Number of worker threads alive (for tests): 0 until the first parallel region that needs them. */
int tg__threads_started(void);

/* Told of each change of the number of threads (n); NULL: nobody. The BLAS shim sets it. */
extern void (*_Atomic tg__threads_changed)(int n);

/* True once the user's interrupt check asked to stop; polls it at most 20 times a second. The
 * caller raises TG_ERR_INTERRUPTED. */
bool tg__interrupted(void);

#endif
