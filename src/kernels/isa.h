/* isa.h - what each instruction set brings to the kernel tables. */
#ifndef TG_KERNELS_ISA_H
#define TG_KERNELS_ISA_H

#include "kernels/kernels.h"
#include "kernels/optim.h"

/* The kernels defined for each instruction set; what one leaves NULL it takes from the one before
 * (dispatch.c). Base is complete. The others are there only if their files were built
 * (TG_HAVE_AVX2, TG_HAVE_AVX512 in dispatch.c). */
extern const tg__kernels tg__kernels_base;
extern const tg__kernels tg__kernels_avx2;
extern const tg__kernels tg__kernels_avx512;

/* Optimizer steps over one piece, by dtype (f32, f64); see optim.h. */
struct tg__optim_table {
    void (*sgd[2])(int64_t n, void *p, const void *g, void *buf, const tg__sgd_args *a);
    void (*adam[2])(int64_t n, void *p, const void *g, void *m, void *v, void *max_v,
                    const tg__adam_args *a);
};

/* n random numbers from the blocks position, position + 1, …, by dtype (f32, f64); see philox.c.
 * words: the 32-bit words of the blocks themselves. */
struct tg__random_table {
    void (*uniform[2])(void *out, int64_t n, uint64_t seed, uint64_t stream, uint64_t position);
    void (*normal[2])(void *out, int64_t n, uint64_t seed, uint64_t stream, uint64_t position);
    void (*words)(void *out, int64_t n, uint64_t seed, uint64_t stream, uint64_t position);
};

#endif
