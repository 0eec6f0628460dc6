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

/* The distributions below are drawn by inversion, one uniform number of 52 bits (half a block of
 * the stream) per element. Parameters are finite; TG_ERR_ARG otherwise. Nothing is recorded. */

/** Uniform in [lo, hi), lo <= hi, both within the range of dtype. f32, f64. */
TG_API tg_tensor *tg_uniform(tg_dtype dtype, int ndim, const int64_t *shape, double lo, double hi,
                             tg_generator *generator_or_null);
/** Normal with a mean and a standard deviation std >= 0, from the numbers of tg_randn. f32, f64. */
TG_API tg_tensor *tg_normal(tg_dtype dtype, int ndim, const int64_t *shape, double mean, double std,
                            tg_generator *generator_or_null);
/** Normal, limited to [lo, hi], lo < hi. f32, f64. */
TG_API tg_tensor *tg_trunc_normal(tg_dtype dtype, int ndim, const int64_t *shape, double mean,
                                  double std, double lo, double hi,
                                  tg_generator *generator_or_null);
/** Exponential, of density rate·e^(-rate·y), rate > 0. f32, f64. */
TG_API tg_tensor *tg_exponential(tg_dtype dtype, int ndim, const int64_t *shape, double rate,
                                 tg_generator *generator_or_null);
/** Standard Gumbel: -ln(-ln u). f32, f64. */
TG_API tg_tensor *tg_gumbel(tg_dtype dtype, int ndim, const int64_t *shape,
                            tg_generator *generator_or_null);
/** Integers, all of [lo, hi) equally often, lo < hi; they must fit dtype: f32, f64 or
 *  any of the integers. */
TG_API tg_tensor *tg_randint(tg_dtype dtype, int ndim, const int64_t *shape, int64_t lo, int64_t hi,
                             tg_generator *generator_or_null);
/** 0, 1, …, n - 1 in random order. i64. */
TG_API tg_tensor *tg_randperm(int64_t n, tg_generator *generator_or_null);

/** tg_rand, tg_randn and tg_randint in the shape and dtype of x. */
TG_API tg_tensor *tg_rand_like(const tg_tensor *x, tg_generator *generator_or_null);
TG_API tg_tensor *tg_randn_like(const tg_tensor *x, tg_generator *generator_or_null);
TG_API tg_tensor *tg_randint_like(const tg_tensor *x, int64_t lo, int64_t hi,
                                  tg_generator *generator_or_null);

/** 1 with probability p, else 0, for each p in [0, 1] of a tensor; of its dtype. f32, f64. */
TG_API tg_tensor *tg_bernoulli(tg_tensor *p, tg_generator *generator_or_null);
/** Poisson numbers of mean rate >= 0, for each rate of a tensor; of its dtype. f32, f64. */
TG_API tg_tensor *tg_poisson(tg_tensor *rate, tg_generator *generator_or_null);
/** n columns for each row of weights ([k] or [rows, k]; finite, >= 0, not all 0), drawn with
 *  probabilities in proportion: i64 [n] or [rows, n]. Without replacement (which needs n positive
 *  weights) in the order of an exponential race. TG_ERR_NUMERIC for weights that are none. */
TG_API tg_tensor *tg_multinomial(tg_tensor *weights, int64_t n, bool replacement,
                                 tg_generator *generator_or_null);

/* In place: the values of x are replaced, its history with them. Any float dtype. */
TG_API tg_tensor *tg_uniform_(tg_tensor *x, double lo, double hi, tg_generator *generator_or_null);
TG_API tg_tensor *tg_normal_(tg_tensor *x, double mean, double std,
                             tg_generator *generator_or_null);
TG_API tg_tensor *tg_trunc_normal_(tg_tensor *x, double mean, double std, double lo, double hi,
                                   tg_generator *generator_or_null);
TG_API tg_tensor *tg_exponential_(tg_tensor *x, double rate, tg_generator *generator_or_null);
/** e to the power of normal numbers. */
TG_API tg_tensor *tg_log_normal_(tg_tensor *x, double mean, double std,
                                 tg_generator *generator_or_null);
/** Cauchy, of density 1/(π·scale·(1 + ((y - median)/scale)²)), scale > 0. */
TG_API tg_tensor *tg_cauchy_(tg_tensor *x, double median, double scale,
                             tg_generator *generator_or_null);
/** 1 with probability p in [0, 1], else 0. Any dtype. */
TG_API tg_tensor *tg_bernoulli_(tg_tensor *x, double p, tg_generator *generator_or_null);
/** Trials until the first success of probability p in (0, 1]: 1, 2, …. Any dtype but bool. */
TG_API tg_tensor *tg_geometric_(tg_tensor *x, double p, tg_generator *generator_or_null);

#ifdef __cplusplus
}
#endif
#endif
