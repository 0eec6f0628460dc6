/* dispatch.c - which kernel table this processor gets.
 *
 * The choice is made once, on first use, and kept in an atomic pointer; threads that race make the
 * same choice. TENSORGRAD_ISA can ask for a lower instruction set; one that the processor or the
 * build lacks is ignored, with one line for the log hook. */
#include "base/env.h"
#include "base/log.h"
#include "kernels/isa.h"
#include <stdatomic.h>
#include <string.h>

#ifndef TG_HAVE_AVX2
#define TG_HAVE_AVX2 0
#endif
#ifndef TG_HAVE_AVX512
#define TG_HAVE_AVX512 0
#endif

#if TG_HAVE_AVX2
static bool has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif

#if TG_HAVE_AVX512
static bool has_avx512(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif

const tg__kernels *tg__kernels_named(const char *isa) {
#if TG_HAVE_AVX512
    if (strcmp(isa, "avx512") == 0)
        return has_avx512() ? &tg__kernels_avx512 : NULL;
#endif
#if TG_HAVE_AVX2
    if (strcmp(isa, "avx2") == 0)
        return has_avx2() ? &tg__kernels_avx2 : NULL;
#endif
    return strcmp(isa, "base") == 0 ? &tg__kernels_base : NULL;
}

static const tg__kernels *best(void) {
    const tg__kernels *k = tg__kernels_named("avx512");
    if (!k)
        k = tg__kernels_named("avx2");
    return k ? k : &tg__kernels_base;
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
