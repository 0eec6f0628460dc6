/* philox.h - Philox4x32-10, counter-based random numbers. */
#ifndef TG_KERNELS_PHILOX_H
#define TG_KERNELS_PHILOX_H

#include "kernels/kernels.h"

/* The generator's multipliers and key increments. */
#define TG__PHILOX_M0 0xD2511F53U
#define TG__PHILOX_M1 0xCD9E8D57U
#define TG__PHILOX_W0 0x9E3779B9U
#define TG__PHILOX_W1 0xBB67AE85U

/* One block of 128 random bits for (key = seed, counter = (position, stream)). */
void tg__philox(uint64_t seed, uint64_t stream, uint64_t position, uint32_t out[4]);
/* Fill n contiguous elements from blocks position, position + 1, …; f32 and f64. Return how many
 * blocks were used: a function of n and dtype only. */
uint64_t tg__random_uniform(tg_dtype dtype, void *out, int64_t n, uint64_t seed, uint64_t stream,
                            uint64_t position);
uint64_t tg__random_normal(tg_dtype dtype, void *out, int64_t n, uint64_t seed, uint64_t stream,
                           uint64_t position);

#endif
