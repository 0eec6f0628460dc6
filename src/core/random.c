/* random.c - generators, and tensors of random numbers.
 *
 * A generator is three numbers: the seed is the key of Philox, (position, stream) its counter. A
 * tensor takes the blocks from position on and moves it behind them, as the last thing and only if
 * everything worked, so a failed call can be repeated and gives what it would have given.
 *
 * Streams: 0 belongs to tg_generator_new(seed) and tg_manual_seed(seed), which are the same stream.
 * Others are the image of (stream of the parent, index) under a mixing function that never maps two
 * indices of one parent to the same stream. A thread that was not seeded draws from seed 0 and the
 * stream of its number. */
#include "core/tensor.h"
#include "kernels/philox.h"

#include <tensorgrad/random.h>

struct tg_generator {
    uint64_t seed;
    uint64_t stream;
    uint64_t position;
};

/* A bijection of 64 bits that leaves no pattern of the input visible (the finaliser of
 * SplitMix64, Steele, Lea and Flood, OOPSLA 2014). */
static uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static uint64_t stream_of(uint64_t parent, uint64_t index) {
    return mix(mix(parent + 0x9e3779b97f4a7c15u) ^ (index + 1));
}

static tg_generator *make(const char *op, uint64_t seed, uint64_t stream) {
    tg_generator *g = tg__alloc(sizeof *g);
    if (g == NULL) {
        tg__fail_memory(op, sizeof *g);
        return NULL;
    }
    *g = (tg_generator){.seed = seed, .stream = stream};
    return g;
}

tg_generator *tg_generator_new(uint64_t seed) { return make("generator_new", seed, 0); }

void tg_generator_free(tg_generator *generator) { tg__free(generator, sizeof *generator); }

/* ---- The thread's own ---- */

static void free_own(tg__thread *t) {
    tg_generator_free(t->generator);
    t->generator = NULL;
}

/* The generator meant by an argument: NULL is the thread's own, made when first needed. NULL with
 * an error if there is no memory for it. */
static tg_generator *meant(const char *op, const tg_generator *generator) {
    if (generator != NULL)
        return (tg_generator *)generator;
    tg__thread *t = tg__self();
    if (t->generator == NULL && t->usable) {
        t->generator = make(op, 0, stream_of(0, t->id));
        t->generator_free = free_own;
    }
    return t->generator;
}

tg_status tg_manual_seed(uint64_t seed) {
    tg_generator *g = meant("manual_seed", NULL);
    if (g == NULL)
        return TG_ERR_MEMORY;
    *g = (tg_generator){.seed = seed};
    return TG_OK;
}

/* ---- State ---- */

tg_status tg_generator_get_state(const tg_generator *generator, tg_generator_state *state) {
    if (state == NULL)
        return tg__fail(TG_ERR_ARG, "generator_get_state",
                        "argument state is NULL; pass where the "
                        "state goes");
    const tg_generator *g = meant("generator_get_state", generator);
    if (g == NULL)
        return TG_ERR_MEMORY;
    *state = (tg_generator_state){g->seed, g->stream, g->position};
    return TG_OK;
}

tg_status tg_generator_set_state(tg_generator *generator, const tg_generator_state *state) {
    if (state == NULL)
        return tg__fail(TG_ERR_ARG, "generator_set_state",
                        "argument state is NULL; pass what "
                        "tg_generator_get_state gave");
    tg_generator *g = meant("generator_set_state", generator);
    if (g == NULL)
        return TG_ERR_MEMORY;
    *g = (tg_generator){state->seed, state->stream, state->position};
    return TG_OK;
}

tg_generator *tg_generator_split(const tg_generator *generator, uint64_t index) {
    const tg_generator *g = meant("generator_split", generator);
    if (g == NULL)
        return NULL;
    return make("generator_split", g->seed, stream_of(g->stream, index));
}

/* ---- Tensors ---- */

typedef uint64_t (*fill_fn)(tg_dtype dtype, void *out, int64_t n, uint64_t seed, uint64_t stream,
                            uint64_t position);

static tg_tensor *drawn(const char *op, fill_fn fill, tg_dtype dtype, int ndim,
                        const int64_t *shape, tg_generator *generator) {
    int64_t numel;
    if (!tg__shape_check(op, dtype, ndim, shape, &numel, NULL))
        return NULL;
    if (dtype != TG_F32 && dtype != TG_F64) {
        tg__fail(TG_ERR_DTYPE, op, "dtype %s; it takes f32 and f64", tg_dtype_name(dtype));
        return NULL;
    }
    tg_generator *g = meant(op, generator);
    if (g == NULL)
        return NULL;
    tg_tensor *x = tg__give(tg__new(op, dtype, ndim, shape));
    if (x != NULL && numel > 0)
        g->position += fill(dtype, x->data, numel, g->seed, g->stream, g->position);
    return x;
}

tg_tensor *tg_rand(tg_dtype dtype, int ndim, const int64_t *shape,
                   tg_generator *generator_or_null) {
    return drawn("rand", tg__random_uniform, dtype, ndim, shape, generator_or_null);
}

tg_tensor *tg_randn(tg_dtype dtype, int ndim, const int64_t *shape,
                    tg_generator *generator_or_null) {
    return drawn("randn", tg__random_normal, dtype, ndim, shape, generator_or_null);
}
