/* philox.c - Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw (SC'11).
 *
 * A block is 128 bits computed from a key (the seed) and a counter (position and stream) and
 * nothing else, so any run of the sequence can be computed anywhere: that is what makes random
 * tensors the same for any number of threads. random.inc computes runs of blocks; here is the
 * reference for one block, and the cutting into pieces.
 *
 * The layout of the stream, which is a promise (a seed means the same numbers in later versions):
 *   uniform f32: one number per word, its upper 24 bits; f64: per two words, the upper 53 bits of
 *   (first << 32 | second); both in [0, 1).
 *   normal: pairs by Box and Muller from (radius, angle). f32: radius and angle are one word each,
 *   so a block gives 4 numbers; f64: two words each, 2 numbers. f32 is rounded from double. */
#include "kernels/philox.h"
#include "base/threads.h"
#include "kernels/isa.h"

void tg__philox(uint64_t seed, uint64_t stream, uint64_t position, uint32_t out[4]) {
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    uint32_t c0 = (uint32_t)position, c1 = (uint32_t)(position >> 32);
    uint32_t c2 = (uint32_t)stream, c3 = (uint32_t)(stream >> 32);
    for (int round = 0; round < 10; round++) {
        const uint64_t m0 = (uint64_t)TG__PHILOX_M0 * c0, m1 = (uint64_t)TG__PHILOX_M1 * c2;
        c0 = (uint32_t)(m1 >> 32) ^ c1 ^ k0;
        c2 = (uint32_t)(m0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)m1;
        c3 = (uint32_t)m0;
        k0 += TG__PHILOX_W0;
        k1 += TG__PHILOX_W1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

#define RANDOM_PIECE 8192 /* elements; a multiple of those of a block */

typedef struct {
    void (*fill)(void *out, int64_t n, uint64_t seed, uint64_t stream, uint64_t position);
    char *out;
    int64_t item, per_block;
    uint64_t seed, stream, position;
} run;

static void run_piece(int64_t begin, int64_t end, void *ctx) {
    const run *r = ctx;
    r->fill(r->out + begin * r->item, end - begin, r->seed, r->stream,
            r->position + (uint64_t)(begin / r->per_block));
}

static uint64_t run_all(run *r, tg_dtype dtype, int64_t n) {
    r->item = dtype == TG_F32 ? 4 : 8;
    r->per_block = dtype == TG_F32 ? 4 : 2;
    if (n <= 0)
        return 0;
    tg__parallel_for(n, RANDOM_PIECE, run_piece, r);
    return (uint64_t)((n - 1) / r->per_block + 1);
}

uint64_t tg__random_uniform(tg_dtype dtype, void *out, int64_t n, uint64_t seed, uint64_t stream,
                            uint64_t position) {
    run r = {.out = out, .seed = seed, .stream = stream, .position = position};
    r.fill = tg__kernels_get()->random->uniform[dtype];
    return run_all(&r, dtype, n);
}

uint64_t tg__random_normal(tg_dtype dtype, void *out, int64_t n, uint64_t seed, uint64_t stream,
                           uint64_t position) {
    run r = {.out = out, .seed = seed, .stream = stream, .position = position};
    r.fill = tg__kernels_get()->random->normal[dtype];
    return run_all(&r, dtype, n);
}
