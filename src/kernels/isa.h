/* isa.h - the kernel tables of the instruction sets, and the kernels they share. */
#ifndef TG_KERNELS_ISA_H
#define TG_KERNELS_ISA_H

#include "kernels/kernels.h"
#include "kernels/optim.h"

/* Each is there only if its file was built (TG_HAVE_AVX2, TG_HAVE_AVX512 in dispatch.c). */
extern const tg__kernels tg__kernels_base;
extern const tg__kernels tg__kernels_avx2;
extern const tg__kernels tg__kernels_avx512;

/* Optimizer steps over one piece, by dtype (f32, f64); see optim.h. */
struct tg__optim_table {
    void (*sgd[2])(int64_t n, void *p, const void *g, void *buf, const tg__sgd_args *a);
    void (*adam[2])(int64_t n, void *p, const void *g, void *m, void *v, void *max_v,
                    const tg__adam_args *a);
};

/* n random numbers from the blocks position, position + 1, …, by dtype (f32, f64); see philox.c. */
struct tg__random_table {
    void (*uniform[2])(void *out, int64_t n, uint64_t seed, uint64_t stream, uint64_t position);
    void (*normal[2])(void *out, int64_t n, uint64_t seed, uint64_t stream, uint64_t position);
};

/* The parameters of a tg__ew_fn. */
#define TG_PARAMS                                                                                  \
    char *const *p, const int64_t *s, int64_t n, const void *arg __attribute__((unused))

/* The _ONCE kernels of ew_ops.def: defined by isa_base.c, part of every table. */
#define TG_DECLARE_F(k)
#define TG_DECLARE_FI(k)
#define TG_DECLARE_FIB(k)
#define TG_DECLARE_B(k)
#define TG_DECLARE_F_ONCE(k)                                                                       \
    void tg__##k##_f32(TG_PARAMS);                                                                 \
    void tg__##k##_f64(TG_PARAMS);
#define TG_DECLARE_FI_ONCE(k)                                                                      \
    TG_DECLARE_F_ONCE(k)                                                                           \
    void tg__##k##_i64(TG_PARAMS);                                                                 \
    void tg__##k##_i32(TG_PARAMS);                                                                 \
    void tg__##k##_u8(TG_PARAMS);
#define TG_UN(name, types, expr) TG_DECLARE_##types(un_##name)
#define TG_BIN(name, types, expr) TG_DECLARE_##types(bin_##name)
#define TG_CMP(name, types, expr) TG_DECLARE_##types(cmp_##name)
#define TG_PRED(name, types, expr) TG_DECLARE_##types(pred_##name)
#include "kernels/ew_ops.def"

#endif
