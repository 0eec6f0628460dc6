/* blas.c - the calls of OpenBLAS; nothing else in the library knows it.
 *
 * Facts this file is built around (OpenBLAS 0.3.21):
 * - A bad argument makes it print and return with the result untouched: everything is checked
 * before.
 * - It spins for ever if it cannot map its buffer of 128 MiB per thread. So before the first call
 * the address space is probed; if it is short, OpenBLAS is never called (the reference product is).
 * - Its number of threads is one per process and shared with other users of the library, so it is
 * set only when the program says so: TENSORGRAD_NUM_THREADS, tg_set_num_threads. With
 *   TENSORGRAD_DETERMINISTIC=1 it is 1 during each of our products and then what it was.
 * - scal, axpy and iamax do not treat NaN as IEEE 754 does and are not used; beta is 0 or 1 only,
 * and 1 where gemv would scale.
 * - Small products run on the calling thread only. */
#include "kernels/blas.h"

#include "base/env.h"
#include "base/log.h"
#include "base/threads.h"
#include "kernels/gemm.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>

int64_t tg__blas_int_limit = INT32_MAX;
size_t tg__blas_buffer_bytes = (size_t)128 << 20;

/* ---- Layouts --------------------------------------------------------------------------------- */

/* A matrix as BLAS sees it: rows `ld` elements apart, or (trans) columns; ld is 0 if BLAS cannot
 * read it. */
typedef struct {
    bool trans;
    int64_t ld;
} layout;

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

/* Strides of dims of size 1 mean nothing and are made to fit. */
static layout layout_of(int64_t rows, int64_t cols, int64_t row, int64_t col) {
    if ((col == 1 || cols == 1) && (row >= cols || rows == 1))
        return (layout){false, rows == 1 ? cols : row};
    if ((row == 1 || rows == 1) && col >= rows)
        return (layout){true, col};
    return (layout){false, 0};
}

static layout layout_a(const tg__gemm *g) { return layout_of(g->m, g->k, g->a_row, g->a_col); }

static layout layout_b(const tg__gemm *g) { return layout_of(g->k, g->n, g->b_row, g->b_col); }

/* The operands' leading dimensions, or steps if they are vectors; 0 if BLAS cannot take them. */
static int64_t lead_a(const tg__gemm *g) {
    return g->m > 1 ? layout_a(g).ld : g->k > 1 ? g->a_col : 1;
}

static int64_t lead_b(const tg__gemm *g) {
    return g->n > 1 ? layout_b(g).ld : g->k > 1 ? g->b_row : 1;
}

bool tg__blas_takes_a(const tg__gemm *g) { return lead_a(g) > 0; }

bool tg__blas_takes_b(const tg__gemm *g) { return lead_b(g) > 0; }

bool tg__blas_fits(const tg__gemm *g) {
    const int64_t c = g->m == 1 ? 1 : g->c_row;
    return larger(larger(larger(g->m, g->n), larger(g->k, c)), larger(lead_a(g), lead_b(g))) <=
           tg__blas_int_limit;
}

bool tg__blas_is_serial(const tg__gemm *g) {
    if (g->m == 1 && g->n == 1)
        return g->k <= 10000;
    if (g->m == 1 || g->n == 1)
        return (double)larger(g->m, g->n) * (double)g->k < 9216;
    return (double)g->m * (double)g->n * (double)g->k <= 262144;
}

#if TG_BLAS_OPENBLAS
#include <cblas.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#if defined(__linux__)
#include <sched.h>
#endif

#define MOST_PROBED 128 /* OpenBLAS is seldom built for more threads */

/* ---- Threads --------------------------------------------------------------------------------- */

enum { POOL_RUNS, POOL_UNKNOWN, POOL_REFUSED }; /* OpenBLAS's threads */

static struct {
    pthread_once_t once;
    bool usable;
    int probed; /* OpenBLAS has, or can have, so many threads */
    pthread_mutex_t lock;
    _Atomic int pool;
    int inside; /* products that want one thread and are running */
    int saved;  /* the number of threads to go back to after them */
} blas = {.once = PTHREAD_ONCE_INIT, .lock = PTHREAD_MUTEX_INITIALIZER};

static void before_fork(void) { pthread_mutex_lock(&blas.lock); }
static void after_fork(void) { pthread_mutex_unlock(&blas.lock); }
static void in_child(void) {
    blas.inside = 0;
    blas.pool = POOL_UNKNOWN;
    pthread_mutex_unlock(&blas.lock);
}

static bool address_space_for(int threads) {
    const size_t bytes = (size_t)threads * tg__blas_buffer_bytes;
    void *p = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return false;
    munmap(p, bytes);
    return true;
}

static void *pass_gate(void *gate) {
    pthread_mutex_lock(gate);
    pthread_mutex_unlock(gate);
    return NULL;
}

/* Whether the system gives us n more threads at once. OpenBLAS would wait for ever for one that it
 * did not get. */
static bool threads_for(int n) {
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    pthread_t threads[MOST_PROBED];
    int made = 0;
    pthread_mutex_lock(&gate);
    while (made < n && made < MOST_PROBED &&
           pthread_create(&threads[made], NULL, pass_gate, &gate) == 0)
        made++;
    pthread_mutex_unlock(&gate);
    for (int i = 0; i < made; i++)
        pthread_join(threads[i], NULL);
    return made == n || made == MOST_PROBED;
}

/* False if OpenBLAS would have to start its threads and could not. */
static bool pool_is_fine(void) {
    if (atomic_load_explicit(&blas.pool, memory_order_relaxed) == POOL_RUNS)
        return true;
    pthread_mutex_lock(&blas.lock);
    if (blas.pool == POOL_UNKNOWN) {
        const int n = openblas_get_num_threads();
        blas.pool = n == 1 || threads_for(n - 1) ? POOL_RUNS : POOL_REFUSED;
        if (blas.pool == POOL_REFUSED)
            tg__log(TG_LOG_WARN,
                    "OpenBLAS cannot start its %d threads here: matrix products will "
                    "be slow",
                    n);
    }
    const bool fine = blas.pool == POOL_RUNS;
    pthread_mutex_unlock(&blas.lock);
    return fine;
}

/* Whether OpenBLAS's threads are there: not in a child that was forked after it was loaded. */
static bool pool_runs(void) {
#if defined(__linux__)
    struct stat task; /* a link per thread and two more */
    if (stat("/proc/self/task", &task) == 0)
        return (int)task.st_nlink - 2 >= openblas_get_num_threads();
#endif
    return true;
}

/* The program asks for n threads. The caller holds the lock. */
static void set_threads(int n) {
    if (blas.pool == POOL_REFUSED || n == openblas_get_num_threads())
        return;
    if (n > blas.probed || blas.pool == POOL_UNKNOWN) {
        const int more = blas.pool == POOL_UNKNOWN ? n : n - blas.probed;
        if (!address_space_for(n) || !threads_for(more)) {
            tg__log(TG_LOG_WARN,
                    "OpenBLAS keeps %d threads: there are no address space and threads for %d",
                    openblas_get_num_threads(), n);
            return;
        }
        blas.probed = n > blas.probed ? n : blas.probed;
    }
    if (blas.inside > 0)
        blas.saved = n;
    else
        openblas_set_num_threads(n);
}

static void threads_changed(int n) {
    pthread_mutex_lock(&blas.lock);
    if (blas.usable)
        set_threads(n);
    pthread_mutex_unlock(&blas.lock);
}

/* True if the program chose the number of threads, by environment or by call. */
static bool threads_chosen(int n) {
    if (tg__env_get()->num_threads > 0)
        return true;
#if defined(__linux__) && defined(CPU_COUNT_S)
    cpu_set_t allowed[8];
    if (sched_getaffinity(0, sizeof allowed, allowed) == 0)
        return n != CPU_COUNT_S(sizeof allowed, allowed);
#endif
    return false;
}

static void start(void) {
    const int ours = tg_num_threads(), theirs = openblas_get_num_threads();
    blas.probed = theirs;
    blas.usable = address_space_for(ours > theirs ? ours : theirs); /* ours call it, too */
    if (!blas.usable) {
        tg__log(TG_LOG_WARN,
                "OpenBLAS is not used: there is no address space for its buffers (%zu MiB for each "
                "of %d threads); matrix products will be slow",
                tg__blas_buffer_bytes >> 20, theirs);
        return;
    }
    blas.pool = pool_runs() ? POOL_RUNS : POOL_UNKNOWN;
    pthread_atfork(before_fork, after_fork, in_child);
    if (threads_chosen(ours))
        threads_changed(ours);
    atomic_store(&tg__threads_changed, threads_changed);
}

bool tg__blas_usable(void) {
    pthread_once(&blas.once, start);
    return blas.usable;
}

static void enter_single(void) {
    pthread_mutex_lock(&blas.lock);
    if (blas.inside++ == 0) {
        blas.saved = openblas_get_num_threads();
        if (blas.saved > 1)
            openblas_set_num_threads(1);
    }
    pthread_mutex_unlock(&blas.lock);
}

static void leave_single(void) {
    pthread_mutex_lock(&blas.lock);
    if (--blas.inside == 0 && blas.saved > 1)
        openblas_set_num_threads(blas.saved);
    pthread_mutex_unlock(&blas.lock);
}

/* ---- Products -------------------------------------------------------------------------------- */

static void gemm(const tg__gemm *g) {
    const layout a = layout_a(g), b = layout_b(g);
    const CBLAS_TRANSPOSE ta = a.trans ? CblasTrans : CblasNoTrans;
    const CBLAS_TRANSPOSE tb = b.trans ? CblasTrans : CblasNoTrans;
    const blasint m = (blasint)g->m, n = (blasint)g->n, k = (blasint)g->k;
    if (g->dtype == TG_F32)
        cblas_sgemm(CblasRowMajor, ta, tb, m, n, k, 1, g->a, (blasint)a.ld, g->b, (blasint)b.ld,
                    g->add ? 1 : 0, g->c, (blasint)g->c_row);
    else
        cblas_dgemm(CblasRowMajor, ta, tb, m, n, k, 1, g->a, (blasint)a.ld, g->b, (blasint)b.ld,
                    g->add ? 1 : 0, g->c, (blasint)g->c_row);
}

/* y += M · x for an [rows, cols] matrix, or y += Mᵀ · x. */
static void gemv(tg_dtype dtype, layout l, int64_t rows, int64_t cols, bool transposed,
                 const void *matrix, const void *x, int64_t x_step, void *y, int64_t y_step) {
    const bool t = l.trans != transposed;
    const blasint m = (blasint)(l.trans ? cols : rows), n = (blasint)(l.trans ? rows : cols);
    if (dtype == TG_F32)
        cblas_sgemv(CblasRowMajor, t ? CblasTrans : CblasNoTrans, m, n, 1, matrix, (blasint)l.ld, x,
                    (blasint)x_step, 1, y, (blasint)y_step);
    else
        cblas_dgemv(CblasRowMajor, t ? CblasTrans : CblasNoTrans, m, n, 1, matrix, (blasint)l.ld, x,
                    (blasint)x_step, 1, y, (blasint)y_step);
}

static void vector_product(const tg__gemm *g) {
    const size_t item = g->dtype == TG_F32 ? 4 : 8;
    if (!g->add)
        for (int64_t i = 0; i < g->m; i++)
            memset((char *)g->c + (size_t)(i * g->c_row) * item, 0, (size_t)g->n * item);
    if (g->m > 1)
        gemv(g->dtype, layout_a(g), g->m, g->k, false, g->a, g->b, lead_b(g), g->c, g->c_row);
    else if (g->n > 1)
        gemv(g->dtype, layout_b(g), g->k, g->n, true, g->b, g->a, lead_a(g), g->c, 1);
    else if (g->dtype == TG_F32)
        *(float *)g->c +=
            cblas_sdot((blasint)g->k, g->a, (blasint)lead_a(g), g->b, (blasint)lead_b(g));
    else
        *(double *)g->c +=
            cblas_ddot((blasint)g->k, g->a, (blasint)lead_a(g), g->b, (blasint)lead_b(g));
}

void tg__blas_product(const tg__gemm *g) {
    const bool serial = tg__blas_is_serial(g);
    if (!serial && !pool_is_fine()) {
        tg__gemm_reference(g);
        return;
    }
    const bool single = !serial && tg__env_get()->deterministic;
    if (single)
        enter_single();
    if (g->m == 1 || g->n == 1)
        vector_product(g);
    else
        gemm(g);
    if (single)
        leave_single();
}

bool tg__blas_enter(void) {
    if (!tg__blas_usable() || !pool_is_fine())
        return false;
    if (tg__env_get()->deterministic)
        enter_single();
    return true;
}

void tg__blas_leave(void) {
    if (tg__env_get()->deterministic)
        leave_single();
}

void tg__blas_describe(char *buf, size_t cap) {
    static const char *const variants[] = {"serial", "pthread", "openmp"};
    const bool usable = tg__blas_usable();
    const int parallel = openblas_get_parallel(), n = openblas_get_num_threads();
    snprintf(buf, cap, "%s; core %s; %s; %d thread%s%s", openblas_get_config(),
             openblas_get_corename(),
             parallel >= 0 && parallel <= 2 ? variants[parallel] : "unknown variant", n,
             n == 1 ? "" : "s", usable ? "" : "; not used: too little address space");
}

bool tg__blas_is_openmp(void) { return openblas_get_parallel() == 2; }

#else

bool tg__blas_usable(void) { return false; }

void tg__blas_product(const tg__gemm *g) { tg__gemm_reference(g); }

bool tg__blas_enter(void) { return false; }

void tg__blas_leave(void) {}

void tg__blas_describe(char *buf, size_t cap) { snprintf(buf, cap, "reference"); }

bool tg__blas_is_openmp(void) { return false; }

#endif
