/* gemm_reference.c - matrix products by our own loops.
 *
 * Used for integers, in builds without BLAS, where OpenBLAS cannot be called (blas.c), and as the
 * tests' second opinion. C is computed in tiles, which threads share out; for each tile, k is
 * walked in blocks, and a block of B whose rows are not contiguous is copied first, so that the
 * inner loop runs along contiguous memory in B and C. Without memory for the copy it reads B where
 * it is. The order of the additions for one element of C depends on k only (the same bits for any
 * layout, number of threads, and without memory), and no product is skipped: 0 · NaN is NaN. Cost:
 * a quarter to a tenth of the speed of OpenBLAS. */
#include "base/alloc.h"
#include "base/threads.h"
#include "kernels/gemm.h"
#include <string.h>

#define TILE_M 64
#define TILE_N 128
#define TILE_K 128
#define PIECE 131072 /* multiplications worth handing to another thread */

#define T float
#define SUFFIX f32
#include "kernels/gemm_type.inc"
#define T double
#define SUFFIX f64
#include "kernels/gemm_type.inc"
#define T uint64_t
#define SUFFIX i64
#include "kernels/gemm_type.inc"
#define T uint32_t
#define SUFFIX i32
#include "kernels/gemm_type.inc"
#define T uint8_t
#define SUFFIX u8
#include "kernels/gemm_type.inc"

void tg__gemm_small(const tg__gemm *g) {
    switch (g->dtype) {
    case TG_F32:
        small_f32(g);
        break;
    case TG_F64:
        small_f64(g);
        break;
    case TG_I64:
        small_i64(g);
        break;
    case TG_I32:
        small_i32(g);
        break;
    default:
        small_u8(g);
    }
}

static void run_tiles(int64_t begin, int64_t end, void *ctx) {
    const tg__gemm *g = ctx;
    const int64_t across = (g->n + TILE_N - 1) / TILE_N;
    const size_t item = g->dtype == TG_F64 || g->dtype == TG_I64   ? 8
                        : g->dtype == TG_F32 || g->dtype == TG_I32 ? 4
                                                                   : 1;
    const int64_t k = g->k < TILE_K ? g->k : TILE_K, n = g->n < TILE_N ? g->n : TILE_N;
    const size_t bytes = (size_t)(k * n) * item;
    void *packed = g->b_col != 1 ? tg__alloc(bytes) : NULL;
    for (int64_t t = begin; t < end; t++) {
        const int64_t i = t / across * TILE_M, j = t % across * TILE_N;
        switch (g->dtype) {
        case TG_F32:
            tile_f32(g, i, j, packed);
            break;
        case TG_F64:
            tile_f64(g, i, j, packed);
            break;
        case TG_I64:
            tile_i64(g, i, j, packed);
            break;
        case TG_I32:
            tile_i32(g, i, j, packed);
            break;
        default:
            tile_u8(g, i, j, packed);
        }
    }
    tg__free(packed, bytes);
}

void tg__gemm_reference(const tg__gemm *g) {
    if (g->m == 0 || g->n == 0)
        return;
    tg__gemm copy = *g;
    const int64_t m = g->m < TILE_M ? g->m : TILE_M, n = g->n < TILE_N ? g->n : TILE_N;
    const int64_t work = m * n * (g->k < PIECE ? g->k + 1 : PIECE);
    tg__parallel_for((g->m + TILE_M - 1) / TILE_M * ((g->n + TILE_N - 1) / TILE_N),
                     work < PIECE ? PIECE / work : 1, run_tiles, &copy);
}
