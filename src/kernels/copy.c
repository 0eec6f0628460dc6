/* copy.c - copies between layouts, and filling.
 *
 * A copy whose layouts agree is memcpy; one that crosses (a transpose) goes through small square
 * buffers: a tile is read row by row and written row by row, so that every cache line of either
 * side is touched once, also when the strides are powers of two and the rows of a tile compete for
 * the same cache sets. */
#include "base/threads.h"
#include "kernels/loop.h"
#include <string.h>

#define COPY_NS 0.3 /* per element */

static tg__ew_fn copy_kernel(size_t item) {
    const tg_dtype dtype = item == 8 ? TG_F64 : item == 4 ? TG_F32 : item == 2 ? TG_I16 : TG_U8;
    return tg__kernels_get()->cast[dtype][dtype];
}

/* dst[i][j] = src[j][i] for i < rows, j < cols: j is contiguous in dst, i in src. edge * item is a
 * cache line or less. */
static inline __attribute__((always_inline)) void transpose(char *dst, int64_t dst_row,
                                                            const char *src, int64_t src_row,
                                                            int64_t rows, int64_t cols, size_t item,
                                                            int64_t edge) {
    char buf[1024];
    for (int64_t i0 = 0; i0 < rows; i0 += edge) {
        const int64_t ni = rows - i0 < edge ? rows - i0 : edge;
        for (int64_t j0 = 0; j0 < cols; j0 += edge) {
            const int64_t nj = cols - j0 < edge ? cols - j0 : edge;
            const int64_t size = (int64_t)item;
            for (int64_t j = 0; j < nj; j++)
                memcpy(buf + j * edge * size, src + (j0 + j) * src_row + i0 * size,
                       (size_t)(ni * size));
            for (int64_t i = 0; i < ni; i++) {
                char *row = dst + (i0 + i) * dst_row + j0 * size;
                for (int64_t j = 0; j < nj; j++)
                    memcpy(row + j * size, buf + (j * edge + i) * size, item);
            }
        }
    }
}

typedef struct {
    size_t item;
    tg__ew_fn fn;
} copy;

static void copy_tile(char *const *p, const int64_t *out_step, const int64_t *in_step,
                      int64_t n_out, int64_t n_in, const void *ctx) {
    const copy *c = ctx;
    const int64_t item = (int64_t)c->item;
    if (in_step[0] == item && out_step[1] == item && in_step[1] >= 64 && n_out > 1) {
        if (item == 8)
            transpose(p[0], out_step[0], p[1], in_step[1], n_out, n_in, 8, 8);
        else if (item == 4)
            transpose(p[0], out_step[0], p[1], in_step[1], n_out, n_in, 4, 16);
        else if (item == 2)
            transpose(p[0], out_step[0], p[1], in_step[1], n_out, n_in, 2, 16);
        else
            transpose(p[0], out_step[0], p[1], in_step[1], n_out, n_in, 1, 32);
        return;
    }
    char *line[2] = {p[0], p[1]};
    for (int64_t i = 0; i < n_out; i++) {
        if (in_step[0] == item && in_step[1] == item)
            memcpy(line[0], line[1], (size_t)(n_in * item));
        else
            c->fn(line, in_step, n_in, NULL);
        line[0] += out_step[0];
        line[1] += out_step[1];
    }
}

static void copy_bytes(char *const *p, const int64_t *s, int64_t n, const void *arg) {
    (void)arg;
    memcpy(p[0], p[1], (size_t)(n * s[0]));
}

void tg__copy_strided(int ndim, const int64_t *shape, char *dst, const int64_t *dst_stride,
                      const char *src, const int64_t *src_stride, size_t item) {
    tg__loop l = {.n_operands = 2, .ndim = ndim, .data = {dst, (char *)(uintptr_t)src}};
    for (int d = 0; d < ndim; d++) {
        l.shape[d] = shape[d];
        l.stride[0][d] = dst_stride[d];
        l.stride[1][d] = src_stride[d];
    }
    tg__loop_coalesce(&l);
    const int64_t size = (int64_t)item;
    if (l.ndim >= 2) {
        const copy c = {item, copy_kernel(item)};
        tg__loop_tiles(&l, copy_tile, &c, COPY_NS);
    } else if (l.ndim == 0 || (l.stride[0][0] == size && l.stride[1][0] == size)) {
        const int64_t s[2] = {size, size};
        tg__loop_flat(l.data, s, 2, l.ndim == 0 ? 1 : l.shape[0], copy_bytes, NULL, COPY_NS);
    } else {
        tg__loop_run(&l, copy_kernel(item), NULL, COPY_NS);
    }
}

void tg__fill(void *dst, const void *value, size_t item, int64_t n) {
    char *const p[2] = {dst, (char *)(uintptr_t)value};
    const int64_t s[2] = {(int64_t)item, 0};
    tg__loop_flat(p, s, 2, n, copy_kernel(item), NULL, COPY_NS / 2);
}

/* ---- Ranges ---------------------------------------------------------------------------------- */

#define RANGE_BLOCK 128   /* doubles on the stack */
#define RANGE_PIECE 16384 /* elements per thread and turn */

typedef struct {
    tg__ew_fn convert;
    char *dst;
    int64_t item;
    double start, step;
} range;

static void range_piece(int64_t begin, int64_t end, void *ctx) {
    const range *r = ctx;
    double value[RANGE_BLOCK];
    const int64_t s[2] = {r->item, sizeof(double)};
    for (int64_t i = begin; i < end; i += RANGE_BLOCK) {
        const int64_t n = end - i < RANGE_BLOCK ? end - i : RANGE_BLOCK;
        for (int64_t j = 0; j < n; j++)
            value[j] = r->start + (double)(i + j) * r->step;
        char *const p[2] = {r->dst + i * r->item, (char *)value};
        r->convert(p, s, n, NULL);
    }
}

void tg__fill_range(tg_dtype dtype, size_t item, void *dst, double start, double step, int64_t n) {
    range r = {tg__kernels_get()->cast[dtype][TG_F64], dst, (int64_t)item, start, step};
    if (n > 0)
        tg__parallel_for(n, RANGE_PIECE, range_piece, &r);
}
