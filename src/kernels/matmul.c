/* matmul.c - batched products: what becomes one product, what is packed, who computes it.
 *
 * The batch dims are merged where both operands allow it, then folded into m (B is the same for all
 * items and A's rows follow on) or, for a single row of A, into n. What remains is a list of equal
 * items. Each goes to
 *
 *   our own loop      up to SMALL multiplications, where a call of BLAS costs more than the work
 *   OpenBLAS          f32 and f64: dot, gemv or gemm, reading both operands where they are
 *   the reference     integers, and where OpenBLAS cannot be called
 *
 * Operands that BLAS cannot read (stride 0, no contiguous dim) are packed once, for the whole
 * batch. Sizes and leading dimensions beyond 32 bits are cut into packed tiles. Items that OpenBLAS
 * computes on one thread are shared out to our own; larger ones come one by one and use OpenBLAS's
 * threads. A bias is written to C first and the product added to it, which costs what clearing C
 * would. */
#include "base/alloc.h"
#include "base/threads.h"
#include "kernels/blas.h"
#include "kernels/gemm.h"
#include <string.h>

#define SMALL 512      /* multiplications */
#define PIECE 32768    /* multiplications worth handing to another thread */
#define MOST_PIECES 32 /* OpenBLAS has buffers for so many callers at least */
#define TILE 2048      /* of products that are too large for 32-bit sizes */

typedef struct {
    tg__gemm one; /* the first item */
    const void *bias;
    int64_t item; /* bytes per element */
    int n_batch;
    int64_t batch[TG_MAX_DIMS], a_batch[TG_MAX_DIMS], b_batch[TG_MAX_DIMS];
    int64_t items;
    bool small, blas, tiled;
} plan;

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/* ---- One item -------------------------------------------------------------------------------- */

static void fill_rows(const plan *p, const tg__gemm *g) {
    const size_t bytes = (size_t)(g->n * p->item);
    for (int64_t i = 0; i < g->m; i++) {
        char *row = (char *)g->c + i * g->c_row * p->item;
        if (p->bias)
            memcpy(row, p->bias, bytes);
        else
            memset(row, 0, bytes);
    }
}

static void pack(const plan *p, const void *x, int64_t rows, int64_t cols, int64_t row, int64_t col,
                 char *packed) {
    const int64_t shape[2] = {rows, cols}, to[2] = {cols * p->item, p->item};
    const int64_t from[2] = {row * p->item, col * p->item};
    tg__copy_strided(2, shape, packed, to, x, from, (size_t)p->item);
}

/* Tile by tile, with packed operands and result. memory: three tiles. */
static void run_tiles(const plan *p, const tg__gemm *g, int64_t tile, char *memory) {
    char *a = memory, *b = a + tile * tile * p->item, *c = b + tile * tile * p->item;
    for (int64_t i = 0; i < g->m; i += tile)
        for (int64_t j = 0; j < g->n; j += tile) {
            tg__gemm t = {.dtype = g->dtype, .a = a, .b = b, .c = c};
            t.m = smaller(tile, g->m - i);
            t.n = smaller(tile, g->n - j);
            t.a_col = t.b_col = 1;
            t.b_row = t.c_row = t.n;
            char *out = (char *)g->c + (i * g->c_row + j) * p->item;
            if (g->add)
                pack(p, out, t.m, t.n, g->c_row, 1, c);
            for (int64_t q = 0; q < g->k; q += tile) {
                t.k = t.a_row = smaller(tile, g->k - q);
                t.add = g->add || q > 0;
                pack(p, (const char *)g->a + (i * g->a_row + q * g->a_col) * p->item, t.m, t.k,
                     g->a_row, g->a_col, a);
                pack(p, (const char *)g->b + (q * g->b_row + j * g->b_col) * p->item, t.k, t.n,
                     g->b_row, g->b_col, b);
                tg__blas_product(&t);
            }
            for (int64_t r = 0; r < t.m; r++)
                memcpy(out + r * g->c_row * p->item, c + r * t.n * p->item,
                       (size_t)(t.n * p->item));
        }
}

static bool run_tiled(const plan *p, const tg__gemm *g) {
    const int64_t tile = smaller(TILE, tg__blas_int_limit);
    const size_t bytes = (size_t)(3 * tile * tile * p->item);
    char *memory = tg__alloc(bytes);
    if (!memory)
        return false;
    run_tiles(p, g, tile, memory);
    tg__free(memory, bytes);
    return true;
}

static tg__gemm item_of(const plan *p, int64_t number) {
    tg__gemm g = p->one;
    g.c = (char *)g.c + number * g.m * g.n * p->item;
    int64_t a = 0, b = 0;
    for (int d = p->n_batch - 1; d >= 0; d--) {
        const int64_t at = number % p->batch[d];
        number /= p->batch[d];
        a += at * p->a_batch[d];
        b += at * p->b_batch[d];
    }
    g.a = (const char *)g.a + a * p->item;
    g.b = (const char *)g.b + b * p->item;
    return g;
}

static bool run_item(const plan *p, const tg__gemm *g) {
    if (p->bias)
        fill_rows(p, g);
    if (p->small)
        tg__gemm_small(g);
    else if (!p->blas)
        tg__gemm_reference(g);
    else if (p->tiled)
        return run_tiled(p, g);
    else
        tg__blas_product(g);
    return true;
}

static void run_items(int64_t begin, int64_t end, void *ctx) {
    const plan *p = ctx;
    for (int64_t t = begin; t < end; t++) {
        const tg__gemm g = item_of(p, t);
        run_item(p, &g);
    }
}

/* ---- The plan -------------------------------------------------------------------------------- */

/* Batch dims without those of size 1, neighbours merged where both operands allow it. */
static void merge_batch(plan *p, const tg__matmul *m) {
    int n = 0;
    for (int d = 0; d < m->n_batch; d++) {
        const int64_t size = m->batch[d], a = m->a.batch[d], b = m->b.batch[d];
        if (size == 1)
            continue;
        if (n > 0 && p->a_batch[n - 1] == a * size && p->b_batch[n - 1] == b * size)
            p->batch[n - 1] *= size;
        else
            p->batch[n++] = size;
        p->a_batch[n - 1] = a;
        p->b_batch[n - 1] = b;
    }
    p->n_batch = n;
}

/* The last batch dims become rows or columns of one larger product. */
static void fold_batch(plan *p) {
    tg__gemm *g = &p->one;
    for (; p->n_batch > 0; p->n_batch--) {
        const int d = p->n_batch - 1;
        const int64_t size = p->batch[d], a = p->a_batch[d], b = p->b_batch[d];
        if (b == 0 && (g->m == 1 || a == g->m * g->a_row)) {
            g->a_row = g->m == 1 ? a : g->a_row;
            g->m *= size;
        } else if (a == 0 && g->m == 1 && !p->bias && (g->n == 1 || b == g->n * g->b_col)) {
            g->b_col = g->n == 1 ? b : g->b_col;
            g->n *= size;
        } else {
            break;
        }
    }
    g->c_row = g->n;
    p->items = 1;
    for (int d = 0; d < p->n_batch; d++)
        p->items *= p->batch[d];
}

/* Packs an operand for all items that have one of their own, and points the plan to the copy.
 * *bytes is 0 if there is nothing to do. */
static char *pack_batch(const plan *p, const void **x, int64_t rows, int64_t cols, int64_t *row,
                        int64_t *col, int64_t *stride, size_t *bytes) {
    int64_t own[TG_MAX_DIMS], size = rows * p->item, total;
    bool over = __builtin_mul_overflow(size, cols, &size);
    total = size;
    for (int d = p->n_batch - 1; d >= 0; d--) {
        own[d] = stride[d] == 0 ? 0 : total / p->item;
        if (stride[d] != 0)
            over |= __builtin_mul_overflow(total, p->batch[d], &total);
    }
    *bytes = (size_t)total;
    char *packed = over ? NULL : tg__alloc(*bytes);
    if (!packed)
        return NULL;
    for (int64_t done = 0; done < total; done += size) {
        int64_t from = 0, rest = done / size;
        for (int d = p->n_batch - 1; d >= 0; d--)
            if (stride[d] != 0) {
                from += rest % p->batch[d] * stride[d];
                rest /= p->batch[d];
            }
        pack(p, (const char *)*x + from * p->item, rows, cols, *row, *col, packed + done);
    }
    memcpy(stride, own, sizeof *own * (size_t)p->n_batch);
    *x = packed;
    *row = cols;
    *col = 1;
    return packed;
}

static bool run_batch(plan *p) {
    const tg__gemm *g = &p->one;
    if (p->items == 1)
        return run_item(p, g);
    const double work = (double)g->m * (double)g->n * (double)g->k;
    const bool shared =
        p->blas ? !p->tiled && tg__blas_is_serial(g) && !tg__blas_is_openmp() : work < PIECE;
    if (shared) {
        const int64_t grain = work < PIECE ? (int64_t)(PIECE / (work + 1)) + 1 : 1;
        const int64_t least = (p->items + MOST_PIECES - 1) / MOST_PIECES;
        tg__parallel_for(p->items, grain > least ? grain : least, run_items, p);
        return true;
    }
    for (int64_t t = 0; t < p->items; t++) {
        const tg__gemm one = item_of(p, t);
        if (!run_item(p, &one))
            return false;
    }
    return true;
}

bool tg__matmul_run(const tg__matmul *m) {
    plan p;
    p.bias = m->bias;
    p.tiled = false;
    p.item = m->dtype == TG_F64 || m->dtype == TG_I64 ? 8 : m->dtype == TG_U8 ? 1 : 4;
    p.one = (tg__gemm){.dtype = m->dtype, .m = m->m, .n = m->n, .k = m->k, .c = m->c};
    p.one.a = m->a.data;
    p.one.a_row = m->a.row;
    p.one.a_col = m->a.col;
    p.one.b = m->b.data;
    p.one.b_row = m->b.row;
    p.one.b_col = m->b.col;
    p.one.add = m->bias != NULL;
    merge_batch(&p, m);
    fold_batch(&p);
    tg__gemm *g = &p.one;
    if (p.items == 0 || g->m == 0 || g->n == 0)
        return true;
    if (g->k == 0) {
        tg__gemm all = *g;
        all.m *= p.items;
        fill_rows(&p, &all);
        return true;
    }
    p.small = (double)g->m * (double)g->n * (double)g->k <= SMALL;
    p.blas = !p.small && (m->dtype == TG_F32 || m->dtype == TG_F64) && tg__blas_usable();
    if (!p.blas)
        return run_batch(&p);

    size_t a_bytes = 0, b_bytes = 0;
    char *a = NULL, *b = NULL;
    bool done = false;
    if (!tg__blas_fits(g)) {
        p.tiled = true;
    } else {
        if (!tg__blas_takes_a(g) &&
            !(a = pack_batch(&p, &g->a, g->m, g->k, &g->a_row, &g->a_col, p.a_batch, &a_bytes)))
            return false;
        if (!tg__blas_takes_b(g) &&
            !(b = pack_batch(&p, &g->b, g->k, g->n, &g->b_row, &g->b_col, p.b_batch, &b_bytes))) {
            tg__free(a, a_bytes);
            return false;
        }
    }
    done = run_batch(&p);
    tg__free(a, a_bytes);
    tg__free(b, b_bytes);
    return done;
}
