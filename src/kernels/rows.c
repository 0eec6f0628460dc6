/* rows.c - softmax and its kin over one dim of [outer, n, inner].
 *
 * With inner = 1 each row is one call of a row kernel. Otherwise columns are taken side by side, in
 * several passes over a block of them (maximum, exponentials, sum, last pass). Both give the same
 * bits: the sums follow the tree of tables.h. Blocks need scratch memory; without it they are as
 * narrow as the stack allows. */
#include "base/alloc.h"
#include "base/threads.h"
#include "kernels/tables.h"
#include <math.h>

#define LOCAL 128  /* cells on the stack */
#define WIDTH 1024 /* columns of a block: long rows are what memory likes */
#define PIECE 8192 /* elements worth handing to another thread */
#define ROWS 64    /* rows per call of a reduction kernel */

enum { LOGSUMEXP = TG__ROW_OPS }; /* one more, beside those of tg__row_op */

typedef struct {
    int op;
    tg_dtype dtype;
    int64_t item;
    const tg__row_kernels *k;
    const tg__reduce_kernels *sum, *max;
    int64_t outer, n, inner, width, blocks;
    const char *a, *b;
    char *out;
} rows;

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

static void jobs_by_rows(int64_t begin, int64_t end, void *ctx) {
    const rows *r = ctx;
    const int64_t step = r->n * r->item;
    for (int64_t i = begin; i < end; i++)
        if (r->op == LOGSUMEXP)
            r->k->logsumexp(r->a + i * step, r->out + i * r->item, r->n);
        else
            r->k->row[r->op](r->a + i * step, r->b ? r->b + i * step : NULL, r->out + i * step,
                             r->n);
}

/* ---- Columns --------------------------------------------------------------------------------- */

/* w columns of one outer position. */
typedef struct {
    tg__row_source base;
    const rows *r;
    const char *a, *b;
    char *out;
    const double *m;
} block;

static void take_sum(const tg__row_source *base, tg__cell *acc, int64_t first, int64_t n) {
    const block *k = (const block *)base;
    const rows *r = k->r;
    const int64_t step = r->inner * r->item;
    int64_t offset[ROWS];
    for (int64_t i = 0; i < n; i++)
        offset[i] = (first + i * TG__LANES) * step;
    r->sum->cols(acc, r->op == TG__ROW_SOFTMAX ? k->out : k->a, offset, n, base->w, NULL);
}

static void take_sum_exp(const tg__row_source *base, tg__cell *acc, int64_t first, int64_t n) {
    const block *k = (const block *)base;
    const int64_t step = k->r->inner * k->r->item;
    k->r->k->cols_sum_exp(acc, k->a + first * step, step * TG__LANES, n, base->w, k->m);
}

static void take_dot(const tg__row_source *base, tg__cell *acc, int64_t first, int64_t n) {
    const block *k = (const block *)base;
    const int64_t step = k->r->inner * k->r->item;
    k->r->k->cols_dot(acc, k->a + first * step, k->b + first * step, step * TG__LANES, n, base->w);
}

/* A leaf of rows without gaps: TG__LANES rows are one row as far as memory goes. */
static void dense_leaf(const tg__row_source *base, int64_t first, int64_t n, tg__cell *out,
                       tg__cell *scratch) {
    const block *k = (const block *)base;
    const rows *r = k->r;
    const int64_t step = r->inner * r->item, wide = step * TG__LANES, w = base->w;
    const char *a = (r->op == TG__ROW_SOFTMAX ? k->out : k->a) + first * step;
    const char *b = r->op == TG__ROW_SOFTMAX_GRAD ? k->b + first * step : NULL;
    for (int64_t j = 0; j < TG__LANES * w; j++)
        scratch[j].f = 0;
    const int64_t blocks = n / TG__LANES, rest = n % TG__LANES;
    int64_t offset[TG__LEAF / TG__LANES + 1];
    for (int64_t i = 0; i <= blocks; i++)
        offset[i] = i * wide;
    if (b) {
        r->k->cols_dot(scratch, a, b, wide, blocks, TG__LANES * w);
        r->k->cols_dot(scratch, a + blocks * wide, b + blocks * wide, 0, rest > 0, rest * w);
    } else {
        r->sum->cols(scratch, a, offset, blocks, TG__LANES * w, NULL);
        r->sum->cols(scratch, a, offset + blocks, rest > 0, rest * w, NULL);
    }
    tg__cols_fold(scratch, w, false, out);
}

static void find_maximum(const block *k, tg__cell *m) {
    const rows *r = k->r;
    for (int64_t j = 0; j < k->base.w; j++)
        m[j].f = -(double)INFINITY;
    int64_t some;
    for (int64_t i = 0; i < r->n; i += some) {
        int64_t offset[ROWS];
        some = smaller(r->n - i, ROWS);
        for (int64_t l = 0; l < some; l++)
            offset[l] = (i + l) * r->inner * r->item;
        r->max->cols(m, k->a, offset, some, k->base.w, NULL);
    }
    for (int64_t j = 0; r->op == LOGSUMEXP && j < k->base.w; j++)
        if (isinf(m[j].f)) /* exp(inf - inf) would be NaN */
            m[j].f = 0;
}

static void store_logsumexp(const block *k, const double *m, const double *s) {
    for (int64_t j = 0; j < k->base.w; j++)
        if (k->r->dtype == TG_F32)
            ((float *)k->out)[j] = (float)(m[j] + log(s[j]));
        else
            ((double *)k->out)[j] = m[j] + log(s[j]);
}

/* memory: 2 cells per column, and scratch for the sums. */
static void run_block(block *k, tg__cell *memory) {
    static void (*const take[])(const tg__row_source *, tg__cell *, int64_t, int64_t) = {
        take_sum, take_sum_exp, take_dot, take_sum, take_sum_exp};
    const rows *r = k->r;
    const int64_t step = r->inner * r->item, w = k->base.w;
    tg__cell *m = memory, *s = memory + w;
    k->m = &m->f;
    if (r->op != TG__ROW_SOFTMAX_GRAD && r->op != TG__ROW_LOG_SOFTMAX_GRAD)
        find_maximum(k, m);
    if (r->op == TG__ROW_SOFTMAX)
        r->k->cols_exp(k->a, k->out, step, r->n, w, &m->f);
    k->base.take = take[r->op];
    if (w == r->inner && w <= TG__DENSE && r->op != TG__ROW_LOG_SOFTMAX && r->op != LOGSUMEXP)
        k->base.leaf = dense_leaf;
    tg__cols_reduce(&k->base, 0, r->n, s, s + w);
    if (r->op == LOGSUMEXP) {
        store_logsumexp(k, &m->f, &s->f);
        return;
    }
    if (r->op == TG__ROW_LOG_SOFTMAX)
        for (int64_t j = 0; j < w; j++)
            s[j].f = log(s[j].f);
    r->k->cols_last[r->op](r->op == TG__ROW_SOFTMAX ? k->out : k->a, k->b, k->out, step, r->n, w,
                           &m->f, &s->f);
}

static void jobs_by_cols(int64_t begin, int64_t end, void *ctx) {
    const rows *r = ctx;
    tg__cell local[LOCAL], *memory = local;
    const int64_t per_column = 2 + tg__cols_levels(r->n) + (r->inner <= TG__DENSE ? TG__LANES : 0);
    int64_t most = smaller(r->width, r->inner);
    const size_t bytes = (size_t)(most * per_column) * sizeof *local;
    tg__cell *heap = bytes > sizeof local ? tg__alloc(bytes) : NULL;
    if (heap)
        memory = heap;
    else
        most = smaller(most, LOCAL / per_column);
    for (int64_t t = begin; t < end; t++) {
        const int64_t o = t / r->blocks, start = t % r->blocks * r->width;
        const int64_t stop = smaller(start + r->width, r->inner);
        for (int64_t j = start; j < stop; j += most) {
            const int64_t in = (o * r->n * r->inner + j) * r->item;
            block k = {.base = {.w = smaller(most, stop - j)}, .r = r};
            k.a = r->a + in;
            k.b = r->b ? r->b + in : NULL;
            k.out = r->out + (r->op == LOGSUMEXP ? (o * r->inner + j) * r->item : in);
            run_block(&k, memory);
        }
    }
    tg__free(heap, bytes);
}

/* ---- All ------------------------------------------------------------------------------------- */

static void run_rows(const tg__kernels *kernels, rows *r) {
    r->item = r->dtype == TG_F32 ? 4 : 8;
    r->k = &kernels->rows->type[r->dtype == TG_F64];
    r->sum = &kernels->reduce->op[TG__REDUCE_SUM][r->dtype];
    r->max = &kernels->reduce->op[TG__REDUCE_MAX][r->dtype];
    if (r->outer == 0 || r->n == 0 || r->inner == 0)
        return;
    if (r->inner == 1) {
        tg__parallel_for(r->outer, r->n < PIECE ? PIECE / r->n : 1, jobs_by_rows, r);
        return;
    }
    r->width = WIDTH;
    const int threads = tg__threads_limit();
    while (threads > 1 && r->width > 64 && r->outer * (r->inner / r->width) < threads)
        r->width /= 2;
    r->blocks = (r->inner + r->width - 1) / r->width;
    const int64_t work = smaller(r->width, r->inner) * r->n;
    tg__parallel_for(r->outer * r->blocks, work < PIECE ? PIECE / work : 1, jobs_by_cols, r);
}

void tg__row_with(const tg__kernels *kernels, tg__row_op op, tg_dtype dtype, int64_t outer,
                  int64_t n, int64_t inner, const void *a, const void *b, void *out) {
    rows r = {.op = (int)op, .dtype = dtype, .outer = outer, .n = n, .inner = inner};
    r.a = a;
    r.b = b;
    r.out = out;
    run_rows(kernels, &r);
}

void tg__row_logsumexp_with(const tg__kernels *kernels, tg_dtype dtype, int64_t outer, int64_t n,
                            int64_t inner, const void *x, void *out) {
    for (int64_t i = 0; n == 0 && i < outer * inner; i++)
        if (dtype == TG_F32)
            ((float *)out)[i] = -INFINITY;
        else
            ((double *)out)[i] = -(double)INFINITY;
    rows r = {.op = LOGSUMEXP, .dtype = dtype, .outer = outer, .n = n, .inner = inner};
    r.a = x;
    r.out = out;
    run_rows(kernels, &r);
}

void tg__row(tg__row_op op, tg_dtype dtype, int64_t outer, int64_t n, int64_t inner, const void *a,
             const void *b, void *out) {
    tg__row_with(tg__kernels_get(), op, dtype, outer, n, inner, a, b, out);
}

void tg__row_logsumexp(tg_dtype dtype, int64_t outer, int64_t n, int64_t inner, const void *x,
                       void *out) {
    tg__row_logsumexp_with(tg__kernels_get(), dtype, outer, n, inner, x, out);
}

/* ---- Products of the others ------------------------------------------------------------------ */

#define OTHERS 64  /* elements whose products from the left are kept at a time */
#define COLUMNS 16 /* turned into rows at a time */

typedef struct {
    tg_dtype dtype;
    int64_t n, inner;
    const char *x;
    char *out;
} others;

static double load(const others *o, int64_t i) {
    return o->dtype == TG_F32 ? (double)((const float *)o->x)[i] : ((const double *)o->x)[i];
}

static double product(const others *o, int64_t base, int64_t first, int64_t end) {
    double p[4] = {1, 1, 1, 1}; /* multiplications overlap */
    int64_t i = first;
    for (; i + 4 <= end; i += 4)
        for (int l = 0; l < 4; l++)
            p[l] *= load(o, base + (i + l) * o->inner);
    for (; i < end; i++)
        p[0] *= load(o, base + i * o->inner);
    return (p[0] * p[1]) * (p[2] * p[3]);
}

/* At most OTHERS elements of a row, given the product of all others of the row. */
static __attribute__((noinline)) void fill_few(const others *o, int64_t base, int64_t first,
                                               int64_t end, double outside) {
    double before[OTHERS], p = outside;
    for (int64_t i = first; i < end; i++) {
        before[i - first] = p;
        p *= load(o, base + i * o->inner);
    }
    p = 1;
    for (int64_t i = end - 1; i >= first; i--) {
        const int64_t at = base + i * o->inner;
        const double x = load(o, at), y = before[i - first] * p;
        if (o->dtype == TG_F32)
            ((float *)o->out)[at] = (float)y;
        else
            ((double *)o->out)[at] = y;
        p *= x;
    }
}

/* Elements [first, end) of one row. Halves hand their product to each other, so nothing is divided
 * and no memory is needed: n * log2(n / OTHERS) multiplications. */
static void fill_others(const others *o, int64_t base, int64_t first, int64_t end, double outside) {
    if (end - first <= OTHERS) {
        fill_few(o, base, first, end, outside);
        return;
    }
    const int64_t middle = first + (end - first) / 2;
    const double left = product(o, base, first, middle), right = product(o, base, middle, end);
    fill_others(o, base, first, middle, outside * right);
    fill_others(o, base, middle, end, outside * left);
}

static void jobs_of_others(int64_t begin, int64_t end, void *ctx) {
    const others *o = ctx;
    for (int64_t t = begin; t < end; t++)
        fill_others(o, t / o->inner * o->n * o->inner + t % o->inner, 0, o->n, 1);
}

/* Blocks of neighbouring columns, turned into rows and back if there is memory for it. */
static void blocks_of_others(int64_t begin, int64_t end, void *ctx) {
    const others *o = ctx;
    const int64_t item = o->dtype == TG_F32 ? 4 : 8, per_outer = (o->inner + COLUMNS - 1) / COLUMNS;
    const int64_t row = o->n * item;
    const size_t bytes = (size_t)(2 * COLUMNS * row);
    char *memory = tg__alloc(bytes);
    for (int64_t t = begin; t < end; t++) {
        const int64_t start = t % per_outer * COLUMNS,
                      first = t / per_outer * o->n * o->inner + start;
        const int64_t w = smaller(COLUMNS, o->inner - start);
        if (!memory) {
            for (int64_t j = 0; j < w; j++)
                fill_others(o, first + j, 0, o->n, 1);
            continue;
        }
        const others turned = {o->dtype, o->n, 1, memory, memory + COLUMNS * row};
        const int64_t shape[2] = {w, o->n}, rows_step[2] = {row, item};
        const int64_t cols_step[2] = {item, o->inner * item};
        tg__copy_strided(2, shape, memory, rows_step, o->x + first * item, cols_step, (size_t)item);
        jobs_of_others(0, w, (void *)(uintptr_t)&turned);
        tg__copy_strided(2, shape, o->out + first * item, cols_step, turned.out, rows_step,
                         (size_t)item);
    }
    tg__free(memory, bytes);
}

void tg__row_prod_others(tg_dtype dtype, int64_t outer, int64_t n, int64_t inner, const void *x,
                         void *out) {
    if (outer == 0 || n == 0 || inner == 0)
        return;
    others o = {.dtype = dtype, .n = n, .inner = inner, .x = x, .out = out};
    if (inner == 1)
        tg__parallel_for(outer, n < PIECE ? PIECE / n : 1, jobs_of_others, &o);
    else
        tg__parallel_for(outer * ((inner + COLUMNS - 1) / COLUMNS),
                         n * COLUMNS < PIECE ? PIECE / (n * COLUMNS) : 1, blocks_of_others, &o);
}
