/* dispatch.c - which kernel table this processor gets.
 *
 * An instruction set defines only the kernels that it does better than the one before it. The full
 * tables are put together here on first use: each starts as a copy of the one below and is
 * overlaid with its own kernels.
 *
 * The choice among them is made once and kept in an atomic pointer; threads that race make the same
 * choice. TENSORGRAD_ISA can ask for a lower instruction set; one that the processor or the build
 * lacks is ignored, with one line for the log hook. */
#include "base/env.h"
#include "base/log.h"
#include "kernels/isa.h"
#include "kernels/narrow.h"
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#ifndef TG_HAVE_AVX2
#define TG_HAVE_AVX2 0
#endif
#ifndef TG_HAVE_AVX512
#define TG_HAVE_AVX512 0
#endif

enum { BASE, AVX2, AVX512, N_TABLES };

static tg__kernels tables[N_TABLES];
static bool usable[N_TABLES];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void lay_over(tg__ew_fn *to, const tg__ew_fn *from, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (from[i])
            to[i] = from[i];
    }
}

#define LAY_OVER(member)                                                                           \
    lay_over((tg__ew_fn *)to->member, (const tg__ew_fn *)from->member,                             \
             sizeof(to->member) / sizeof(tg__ew_fn))

/* Adds to the list a table that is the last one with these kernels over it. */
static void add_table(int number, const tg__kernels *below, const tg__kernels *from) {
    tg__kernels *to = &tables[number];
    *to = *below;
    to->isa = from->isa;
    LAY_OVER(unary);
    LAY_OVER(binary);
    LAY_OVER(unary_p);
    LAY_OVER(binary_p);
    LAY_OVER(ternary);
    LAY_OVER(compare);
    LAY_OVER(predicate);
    LAY_OVER(cast);
    LAY_OVER(where);
    LAY_OVER(masked_fill);
    LAY_OVER(clamp);
    to->reduce = from->reduce ? from->reduce : to->reduce;
    to->rows = from->rows ? from->rows : to->rows;
    to->optim = from->optim ? from->optim : to->optim;
    to->random = from->random ? from->random : to->random;
    usable[number] = true;
}

static void make_tables(void) {
    add_table(BASE, &tg__kernels_base, &tg__kernels_base);
    tg__narrow_casts(tables[BASE].cast);
#if TG_HAVE_AVX2
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        add_table(AVX2, &tables[BASE], &tg__kernels_avx2);
#endif
#if TG_HAVE_AVX512
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        add_table(AVX512, &tables[usable[AVX2] ? AVX2 : BASE], &tg__kernels_avx512);
#endif
}

const tg__kernels *tg__kernels_named(const char *isa) {
    pthread_once(&once, make_tables);
    for (int i = 0; i < N_TABLES; i++) {
        if (usable[i] && strcmp(tables[i].isa, isa) == 0)
            return &tables[i];
    }
    return NULL;
}

static const tg__kernels *best(void) {
    pthread_once(&once, make_tables);
    return usable[AVX512] ? &tables[AVX512] : usable[AVX2] ? &tables[AVX2] : &tables[BASE];
}

static _Atomic(const tg__kernels *) chosen;

static const tg__kernels *choose(void) {
    const char *forced = tg__env_get()->isa;
    const tg__kernels *k = *forced ? tg__kernels_named(forced) : NULL;
    const bool refused = *forced && !k;
    if (!k)
        k = best();
    const tg__kernels *none = NULL;
    if (atomic_compare_exchange_strong_explicit(&chosen, &none, k, memory_order_acq_rel,
                                                memory_order_acquire)) {
        if (refused)
            tg__log(TG_LOG_WARN, "TENSORGRAD_ISA=%s is not available here; using %s", forced,
                    k->isa);
        return k;
    }
    return none; /* another thread was first */
}

const tg__kernels *tg__kernels_get(void) {
    const tg__kernels *k = atomic_load_explicit(&chosen, memory_order_acquire);
    return k ? k : choose();
}
