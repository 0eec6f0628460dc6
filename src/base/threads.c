/* threads.c - the library's own pool of worker threads.
 *
 * There is one pool, which runs one job at a time. A job is a range cut into pieces; whoever takes
 * part draws the next piece from a shared counter, the caller too. So nothing waits for a worker
 * that the system is slow to wake: what it would have done, others do. A caller that finds the pool
 * busy works alone.
 *
 * The gate is one word: how many workers may still enter the job, and how many are inside. A worker
 * enters by compare-and-swap. The caller shuts the gate when no pieces are left, waits until nobody
 * is inside, and only then may the job be overwritten. A worker that comes late finds it shut.
 *
 * Idle workers look at the gate for a few microseconds, then sleep. They start when a job first
 * needs them, take over the caller's floating-point environment for the job (so that the result
 * does not depend on who computed it), end when the number of threads is lowered or the library is
 * unloaded, and are forgotten in a forked child, where the next job starts new ones. Where no
 * thread can be made, jobs run with those there are. */
#include "base/threads.h"

#include "base/env.h"
#include "base/error.h"
#include "base/log.h"
#include "base/thread.h"

#include <fenv.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_THREADS 1024
#define STACK_BYTES ((size_t)256 << 10)
#define WORKER_SPIN_NS 4000
#define CALLER_SPIN_NS 20000
#define POLL_NS 50000000

#define SLOT 0x10000u /* the gate: slots left in the upper half, workers inside in the lower */
#define INSIDE(gate) ((gate) & (SLOT - 1))

void (*_Atomic tg__threads_changed)(int n);

static struct {
    /* The job: written by the caller while the gate is shut and nobody inside. Whoever draws a
     * piece owns the line, and finds the rest of the job there. */
    _Alignas(64) _Atomic int64_t next_piece;
    int64_t n, grain, pieces;
    tg__range_fn fn;
    void *ctx;
    fenv_t fenv;

    _Atomic uint32_t gate; /* on the next line */
    pthread_mutex_t lock;
    pthread_cond_t wake, done;
    _Atomic int sleeping; /* workers waiting for wake */
    _Atomic int keep;     /* workers from this number on shall end */
    _Atomic int started;
    _Atomic bool waiting; /* the caller waits for done */
    _Atomic bool busy;    /* held by the caller of the job, or whoever starts or ends workers */
    _Atomic bool refused; /* the system had no thread for us; do not ask with each job */
    _Atomic int limit;    /* threads a job may use; 0: not decided */
    pthread_t threads[MAX_THREADS];
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER,
          .wake = PTHREAD_COND_INITIALIZER,
          .done = PTHREAD_COND_INITIALIZER,
          .keep = INT_MAX};

static struct {
    tg_interrupt_fn fn;
    void *ctx;
    _Atomic bool set;
} interrupt; /* fn and ctx under the pool's lock */

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void before_fork(void) { pthread_mutex_lock(&pool.lock); }
static void after_fork(void) { pthread_mutex_unlock(&pool.lock); }

/* The child has one thread, and nobody else in any job. */
static void in_child(void) {
    pthread_cond_init(&pool.wake, NULL);
    pthread_cond_init(&pool.done, NULL);
    pool.gate = 0;
    pool.busy = false;
    pool.sleeping = 0;
    pool.waiting = false;
    pool.keep = INT_MAX;
    pool.started = 0;
    pool.refused = false;
    pthread_mutex_unlock(&pool.lock);
}

static void survive_fork(void) { pthread_atfork(before_fork, after_fork, in_child); }

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* ---- Workers -----------------------------------------------------------------------------------
 */

static void run_pieces(void) {
    for (;;) {
        int64_t piece = atomic_fetch_add_explicit(&pool.next_piece, 1, memory_order_relaxed);
        if (piece >= pool.pieces)
            break;
        int64_t begin = piece * pool.grain;
        int64_t end = pool.n - begin > pool.grain ? begin + pool.grain : pool.n;
        pool.fn(begin, end, pool.ctx);
    }
    atomic_fetch_and(&pool.gate, SLOT - 1); /* nobody else need enter */
}

static bool enter_job(void) {
    uint32_t gate = atomic_load(&pool.gate);
    while (gate >= SLOT)
        if (atomic_compare_exchange_weak(&pool.gate, &gate, gate - SLOT + 1))
            return true;
    return false;
}

/* Whoever has looked at the gate and not yet begun to wait holds the lock: passing through it makes
 * sure that the signal reaches him. Sent without it, he need not wait for it when he wakes. */
static void pass_lock(void) {
    pthread_mutex_lock(&pool.lock);
    pthread_mutex_unlock(&pool.lock);
}

static void leave_job(void) {
    if (INSIDE(atomic_fetch_sub(&pool.gate, 1)) == 1 && atomic_load(&pool.waiting)) {
        pass_lock();
        pthread_cond_signal(&pool.done);
    }
}

/* Waits until the gate opens or the worker shall end. */
static void wait_for_job(int index) {
    int64_t deadline = now_ns() + WORKER_SPIN_NS;
    do {
        for (int i = 0; i < 16; i++) {
            if (atomic_load_explicit(&pool.gate, memory_order_relaxed) >= SLOT)
                return;
            relax();
        }
    } while (now_ns() < deadline);

    /* Counted as sleeping first, then a last look: a caller opens the gate first, then looks
     * whether somebody sleeps. */
    pthread_mutex_lock(&pool.lock);
    atomic_fetch_add(&pool.sleeping, 1);
    while (atomic_load(&pool.gate) < SLOT && index < atomic_load(&pool.keep))
        pthread_cond_wait(&pool.wake, &pool.lock);
    atomic_fetch_sub(&pool.sleeping, 1);
    pthread_mutex_unlock(&pool.lock);
}

static void *worker(void *arg) {
    int index = (int)(intptr_t)arg;
    tg__thread *t = tg__self();
    if (!t->usable) /* without a block of its own it cannot say that it is in a parallel region */
        return NULL;
    t->in_parallel = true;
    while (index < atomic_load(&pool.keep)) {
        if (enter_job()) {
            fesetenv(&pool.fenv);
            run_pieces();
            leave_job();
        } else {
            wait_for_job(index);
        }
    }
    return NULL;
}

/* Signals are the program's affair: none but those that a fault raises is handled here. */
static void signals_to_block(sigset_t *set) {
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};
    sigfillset(set);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(set, faults[i]);
}

static bool start_worker(int index) {
    pthread_attr_t attr;
    if (pthread_attr_init(&attr) != 0)
        return false;
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    sigset_t block;
    sigset_t before;
    signals_to_block(&block);
    pthread_sigmask(SIG_SETMASK, &block, &before);
    void *arg = (void *)(intptr_t)index;
    int failed = pthread_create(&pool.threads[index], &attr, worker, arg);
    if (failed != 0) /* a program with much thread-local memory needs larger stacks */
        failed = pthread_create(&pool.threads[index], NULL, worker, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (failed != 0)
        return false;
#ifdef __linux__
    pthread_setname_np(pool.threads[index], "tensorgrad");
#endif
    return true;
}

/* Returns how many workers a job may have that would like `wanted`. The caller holds busy. */
static int ensure_workers(int wanted) {
    int there = atomic_load(&pool.started);
    while (there < wanted && !atomic_load(&pool.refused)) {
        if (start_worker(there)) {
            atomic_store(&pool.started, ++there);
        } else {
            atomic_store(&pool.refused, true);
            tg__log(TG_LOG_WARN, "the system refused a thread: working with %d of %d", there + 1,
                    wanted + 1);
        }
    }
    return there < wanted ? there : wanted;
}

/* Ends the workers beyond the first `remaining`. The caller holds busy. */
static void end_workers(int remaining) {
    int there = atomic_load(&pool.started);
    if (there <= remaining)
        return;
    pthread_mutex_lock(&pool.lock);
    atomic_store(&pool.keep, remaining);
    pthread_cond_broadcast(&pool.wake);
    pthread_mutex_unlock(&pool.lock);
    for (int i = remaining; i < there; i++)
        pthread_join(pool.threads[i], NULL);
    atomic_store(&pool.started, remaining);
    atomic_store(&pool.keep, INT_MAX);
}

static bool acquire_pool(void) {
    return !atomic_exchange_explicit(&pool.busy, true, memory_order_acquire);
}

static void release_pool(void) { atomic_store_explicit(&pool.busy, false, memory_order_release); }

/* When the library is unloaded or the process ends. Workers that somebody is still using are left
 * alone; otherwise they end, and no job gets workers any more. */
static __attribute__((destructor)) void end_of_library(void) {
    if (acquire_pool())
        end_workers(0);
}

/* ---- Jobs --------------------------------------------------------------------------------------
 */

static void wake_workers(int wanted) {
    int sleeping = atomic_load(&pool.sleeping);
    if (sleeping == 0)
        return;
    pass_lock();
    if (wanted >= sleeping)
        pthread_cond_broadcast(&pool.wake);
    else
        for (int i = 0; i < wanted; i++)
            pthread_cond_signal(&pool.wake);
}

static void wait_until_empty(void) {
    int64_t deadline = now_ns() + CALLER_SPIN_NS;
    do {
        for (int i = 0; i < 16; i++) {
            if (INSIDE(atomic_load(&pool.gate)) == 0)
                return;
            relax();
        }
    } while (now_ns() < deadline);
    pthread_mutex_lock(&pool.lock);
    atomic_store(&pool.waiting, true);
    while (INSIDE(atomic_load(&pool.gate)) != 0)
        pthread_cond_wait(&pool.done, &pool.lock);
    atomic_store(&pool.waiting, false);
    pthread_mutex_unlock(&pool.lock);
}

/* Runs the job with workers; false if there are none. */
static bool run_shared(tg__thread *t, int64_t n, int64_t grain, int64_t pieces, tg__range_fn fn,
                       void *ctx) {
    int limit = tg_num_threads();
    if (limit < 2 || !acquire_pool())
        return false;
    pthread_once(&once, survive_fork);
    int workers = ensure_workers(limit < pieces ? limit - 1 : (int)pieces - 1);
    if (workers == 0) {
        release_pool();
        return false;
    }
    pool.fn = fn;
    pool.ctx = ctx;
    pool.n = n;
    pool.grain = grain;
    pool.pieces = pieces;
    fegetenv(&pool.fenv);
    atomic_store_explicit(&pool.next_piece, 0, memory_order_relaxed);
    atomic_store(&pool.gate, (uint32_t)workers * SLOT);
    wake_workers(workers);

    t->in_parallel = true;
    run_pieces();
    t->in_parallel = false;
    if (INSIDE(atomic_load(&pool.gate)) != 0)
        wait_until_empty();
    release_pool();
    return true;
}

void tg__parallel_for(int64_t n, int64_t grain, tg__range_fn fn, void *ctx) {
    if (n <= 0)
        return;
    if (grain < 1)
        grain = 1;
    if (n > grain) {
        tg__thread *t = tg__self();
        if (t->usable && !t->in_parallel && run_shared(t, n, grain, (n - 1) / grain + 1, fn, ctx))
            return;
    }
    int64_t begin = 0;
    for (; n - begin > grain; begin += grain)
        fn(begin, begin + grain, ctx);
    fn(begin, n, ctx);
}

/* ---- The number of threads ----------------------------------------------------------------------
 */

static int default_threads(void) {
    int n = tg__env_get()->num_threads;
#ifdef CPU_COUNT_S
    cpu_set_t allowed[8]; /* 8192 CPUs */
    if (n == 0 && sched_getaffinity(0, sizeof allowed, allowed) == 0)
        n = CPU_COUNT_S(sizeof allowed, allowed);
#endif
    if (n == 0)
        n = (int)sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > MAX_THREADS ? MAX_THREADS : n;
}

int tg_num_threads(void) {
    int n = atomic_load_explicit(&pool.limit, memory_order_relaxed);
    if (n == 0) {
        int undecided = 0;
        n = default_threads();
        if (!atomic_compare_exchange_strong(&pool.limit, &undecided, n))
            n = undecided;
    }
    return n;
}

tg_status tg_set_num_threads(int n) {
    if (n < 1 || n > MAX_THREADS)
        return tg__fail(TG_ERR_ARG, "set_num_threads", "n is %d, expected 1 to %d", n, MAX_THREADS);
    atomic_store(&pool.limit, n);
    atomic_store(&pool.refused, false);
    if (acquire_pool()) {
        end_workers(n - 1);
        release_pool();
    }
    void (*changed)(int) = atomic_load(&tg__threads_changed);
    if (changed != NULL)
        changed(n);
    return TG_OK;
}

int tg__threads_limit(void) {
    const tg__thread *t = tg__self();
    if (!t->usable || t->in_parallel)
        return 1;
    int n = tg_num_threads();
    int there = atomic_load(&pool.started) + 1;
    return atomic_load(&pool.refused) && there < n ? there : n;
}

int tg__threads_started(void) { return atomic_load(&pool.started); }

/* ---- Interrupts ---------------------------------------------------------------------------------
 */

void tg_set_interrupt_check(tg_interrupt_fn fn, void *ctx) {
    pthread_once(&once, survive_fork);
    pthread_mutex_lock(&pool.lock);
    interrupt.fn = fn;
    interrupt.ctx = ctx;
    atomic_store(&interrupt.set, fn != NULL);
    pthread_mutex_unlock(&pool.lock);
}

bool tg__interrupted(void) {
    if (!atomic_load_explicit(&interrupt.set, memory_order_relaxed))
        return false;
    tg__thread *t = tg__self();
    if (!t->usable)
        return false;
    int64_t now = now_ns();
    if (t->interrupt_polled_ns != 0 && now - t->interrupt_polled_ns < POLL_NS)
        return false;
    t->interrupt_polled_ns = now;
    pthread_mutex_lock(&pool.lock);
    tg_interrupt_fn fn = interrupt.fn;
    void *ctx = interrupt.ctx;
    pthread_mutex_unlock(&pool.lock);
    return fn != NULL && fn(ctx); /* without the lock: it may wait for one that others hold */
}
