/* random.h - random numbers from explicit generators. */
#ifndef TENSORGRAD_RANDOM_H
#define TENSORGRAD_RANDOM_H

#include <tensorgrad/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Philox4x32-10 (Salmon et al., SC'11): counter-based, so a stream does not depend on the number of
 * threads. Each tensor takes the counters it needs; a failed call takes none. */

/** A generator: a key made from the seed, and a position. For use by one thread at a time. */
typedef struct tg_generator tg_generator;

/** A generator at the start of the stream of `seed`. NULL: TG_ERR_MEMORY. */
TG_API tg_generator *tg_generator_new(uint64_t seed);
/** NULL is fine. */
TG_API void tg_generator_free(tg_generator *generator);
/** Seeds the calling thread's default generator, which is used where NULL is passed. */
TG_API tg_status tg_manual_seed(uint64_t seed);

/** Everything needed to continue a stream. */
typedef struct {
    uint64_t seed;
    uint64_t stream;
    uint64_t position; /**< in blocks of 128 bits */
} tg_generator_state;
/** Copies the state out of a generator (NULL: the thread's default one). */
TG_API tg_status tg_generator_get_state(const tg_generator *generator, tg_generator_state *state);
/** Continues from a saved state. */
TG_API tg_status tg_generator_set_state(tg_generator *generator, const tg_generator_state *state);
/** An independent stream of the same seed: (seed, index) names it, so workers get reproducible
 *  streams. The parent does not move. */
TG_API tg_generator *tg_generator_split(const tg_generator *generator, uint64_t index);

/** Uniform in [0, 1): 24 random bits for f32, 53 for f64. */
TG_API tg_tensor *tg_rand(tg_dtype dtype, int ndim, const int64_t *shape,
                          tg_generator *generator_or_null);
/** Standard normal (Box–Muller on pairs). f32 and f64. */
TG_API tg_tensor *tg_randn(tg_dtype dtype, int ndim, const int64_t *shape,
                           tg_generator *generator_or_null);

#ifdef __cplusplus
}
#endif
#endif
