/* index.c - gather and scatter over checked indices.
 *
 * Indices are checked first, as a whole, by tg__index_check; the functions that move data trust
 * them. What is added to one element is added in the order of the sources, by one thread: threads
 * share out outer positions, columns or lines, never the sources of one element. */
#include "kernels/index.h"

#include "base/threads.h"
#include <string.h>

#define PIECE 16384 /* elements worth handing to another thread */

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

static inline int64_t load_index(tg_dtype dtype, const char *p) {
    return dtype == TG_I64 ? *(const int64_t *)p : *(const int32_t *)p;
}

int64_t tg__index_check(tg_dtype idx_dtype, const void *idx, int64_t step, int64_t n, int64_t size,
                        int64_t *bad) {
    const char *p = idx;
    for (int64_t start = 0; start < n; start += 256) {
        const int64_t end = smaller(n, start + 256);
        int wrong = 0; /* negative ones are large as unsigned */
        if (idx_dtype == TG_I64)
            for (int64_t i = start; i < end; i++)
                wrong |= (uint64_t) * (const int64_t *)(p + i * step) >= (uint64_t)size;
        else
            for (int64_t i = start; i < end; i++)
                wrong |= (uint64_t)(int64_t) * (const int32_t *)(p + i * step) >= (uint64_t)size;
        for (int64_t i = start; wrong && i < end; i++) {
            *bad = load_index(idx_dtype, p + i * step);
            if (*bad < 0 || *bad >= size)
                return i;
        }
    }
    return -1;
}

/* ---- Along one dim, contiguous --------------------------------------------------------------- */

typedef struct {
    tg_dtype dtype, idx_dtype;
    int64_t item, outer, size, inner, n, idx_step;
    const char *idx, *x;
    char *out;
} selection;

static int64_t index_at(const selection *s, int64_t j) {
    return load_index(s->idx_dtype, s->idx + j * s->idx_step);
}

/* Rows [begin, end) of [outer, n]. */
static void select_rows(int64_t begin, int64_t end, void *ctx) {
    const selection *s = ctx;
    const int64_t bytes = s->inner * s->item;
    for (int64_t t = begin; t < end; t++) {
        const char *from = s->x + (t / s->n * s->size + index_at(s, t % s->n)) * bytes;
        char *to = s->out + t * bytes;
        if (bytes == 4)
            memcpy(to, from, 4);
        else if (bytes == 8)
            memcpy(to, from, 8);
        else
            memcpy(to, from, (size_t)bytes);
    }
}

void tg__index_select(size_t item, int64_t outer, int64_t size, int64_t inner, int64_t n,
                      tg_dtype idx_dtype, const void *idx, int64_t idx_step, const void *x,
                      void *out) {
    if (outer == 0 || inner == 0 || n == 0)
        return;
    selection s = {.idx_dtype = idx_dtype, .item = (int64_t)item, .outer = outer, .size = size};
    s.inner = inner;
    s.n = n;
    s.idx_step = idx_step;
    s.idx = idx;
    s.x = x;
    s.out = out;
    tg__parallel_for(outer * n, inner < PIECE ? PIECE / inner : 1, select_rows, &s);
}

void tg__add_elements(tg_dtype dtype, char *restrict out, const char *restrict src, int64_t w) {
    switch (dtype) {
    case TG_F32:
        for (int64_t i = 0; i < w; i++)
            ((float *)out)[i] += ((const float *)src)[i];
        break;
    case TG_F64:
        for (int64_t i = 0; i < w; i++)
            ((double *)out)[i] += ((const double *)src)[i];
        break;
    case TG_I64:
        for (int64_t i = 0; i < w; i++)
            ((uint64_t *)out)[i] += ((const uint64_t *)src)[i];
        break;
    case TG_I32:
        for (int64_t i = 0; i < w; i++)
            ((uint32_t *)out)[i] += ((const uint32_t *)src)[i];
        break;
    case TG_U8:
        for (int64_t i = 0; i < w; i++)
            ((uint8_t *)out)[i] = (uint8_t)(((uint8_t *)out)[i] + ((const uint8_t *)src)[i]);
        break;
    default:
        for (int64_t i = 0; i < w; i++)
            ((uint8_t *)out)[i] |= ((const uint8_t *)src)[i];
    }
}

#define COLUMNS 64 /* of a job of index_add */

/* Jobs: [outer, blocks of COLUMNS columns]. */
static void add_columns(int64_t begin, int64_t end, void *ctx) {
    const selection *s = ctx;
    const int64_t blocks = (s->inner + COLUMNS - 1) / COLUMNS;
    while (begin < end) { /* as many blocks of one outer position as there are, at once */
        const int64_t o = begin / blocks, first = begin % blocks;
        const int64_t last = smaller(blocks, first + (end - begin));
        const int64_t start = first * COLUMNS, w = smaller(s->inner, last * COLUMNS) - start;
        for (int64_t j = 0; j < s->n; j++)
            tg__add_elements(s->dtype,
                             s->out + ((o * s->size + index_at(s, j)) * s->inner + start) * s->item,
                             s->x + ((o * s->n + j) * s->inner + start) * s->item, w);
        begin += last - first;
    }
}

static int64_t item_of(tg_dtype dtype) {
    return dtype == TG_F64 || dtype == TG_I64 ? 8 : dtype == TG_F32 || dtype == TG_I32 ? 4 : 1;
}

void tg__index_add(tg_dtype dtype, int64_t outer, int64_t size, int64_t inner, int64_t n,
                   tg_dtype idx_dtype, const void *idx, int64_t idx_step, const void *src,
                   void *out) {
    if (outer == 0 || inner == 0 || n == 0)
        return;
    selection s = {.dtype = dtype, .idx_dtype = idx_dtype, .item = item_of(dtype), .outer = outer};
    s.size = size;
    s.inner = inner;
    s.n = n;
    s.idx_step = idx_step;
    s.idx = idx;
    s.x = src;
    s.out = out;
    const int64_t work = smaller(inner, COLUMNS) * n;
    tg__parallel_for(outer * ((inner + COLUMNS - 1) / COLUMNS), work < PIECE ? PIECE / work : 1,
                     add_columns, &s);
}

/* ---- Elementwise along one dim, any strides -------------------------------------------------- */

/* A line: the positions along `dim` with all other coordinates fixed. Only elements of one line
 * meet in one place of the output of scatter_add. */
typedef struct {
    tg_dtype dtype;
    int64_t item;
    int ndim; /* of the lines' coordinates, without dim */
    int64_t shape[TG_MAX_DIMS];
    int64_t stride[3][TG_MAX_DIMS]; /* of the strided operand, the indices, the operand like them */
    int64_t along[3];               /* the same along dim */
    int64_t length;
    enum { GATHER, SCATTER, ADD, COMBINE } act;
    tg__combine how;
    const char *base[3];
} lines;

static void move_item(char *to, const char *from, int64_t item) {
    if (item == 4)
        memcpy(to, from, 4);
    else if (item == 8)
        memcpy(to, from, 8);
    else if (item == 2)
        memcpy(to, from, 2);
    else
        *to = *from;
}

/* wide: a type in which a product may wrap */
#define COMBINE_AS(type, wide)                                                                     \
    do {                                                                                           \
        const type a = *(const type *)(const void *)out, b = *(const type *)(const void *)src;     \
        *(type *)(void *)out = how == TG__COMBINE_PROD  ? (type)((wide)a * (wide)b)                \
                               : how == TG__COMBINE_MAX ? (b > a || b != b ? b : a)                \
                                                        : (b < a || b != b ? b : a);               \
    } while (0)

static void combine(tg_dtype dtype, tg__combine how, char *out, const char *src) {
    switch (dtype) {
    case TG_F32:
        COMBINE_AS(float, float);
        break;
    case TG_F64:
        COMBINE_AS(double, double);
        break;
    case TG_I64:
        COMBINE_AS(int64_t, uint64_t);
        break;
    case TG_I32:
        COMBINE_AS(int32_t, uint32_t);
        break;
    default: /* u8, and bools as 0 and 1 */
        COMBINE_AS(uint8_t, uint32_t);
    }
}

/* n positions of one line, or (step of the lines' last dim) the same position of n lines. */
static void run_steps(const lines *l, const char *const *p, const int64_t *step, int64_t n) {
    const int64_t along = l->along[0], item = l->item;
    const int act = l->act; /* (what is written might be l, for all the compiler knows) */
    for (int64_t i = 0; i < n; i++) {
        const int64_t at = *(const int64_t *)(p[1] + i * step[1]) * along;
        char *indexed = (char *)(uintptr_t)(p[0] + i * step[0] + at);
        char *plain = (char *)(uintptr_t)(p[2] + i * step[2]);
        if (act == GATHER)
            move_item(plain, indexed, item);
        else if (act == SCATTER)
            move_item(indexed, plain, item);
        else if (act == ADD)
            tg__add_elements(l->dtype, indexed, plain, 1);
        else
            combine(l->dtype, l->how, indexed, plain);
    }
}

/* Lines [begin, end): along the lines, or across neighbouring ones if that is the shorter way in
 * memory. The positions of a line come in order either way. */
static void run_lines(int64_t begin, int64_t end, void *ctx) {
    const lines *l = ctx;
    const int last = l->ndim - 1;
    const bool across = last >= 0 && l->stride[2][last] < l->along[2];
    const int64_t along[3] = {0, l->along[1], l->along[2]};
    while (begin < end) {
        const char *p[3] = {l->base[0], l->base[1], l->base[2]};
        int64_t rest = begin, n = 1;
        for (int d = last; d >= 0; d--) {
            const int64_t at = rest % l->shape[d];
            rest /= l->shape[d];
            for (int k = 0; k < 3; k++)
                p[k] += at * l->stride[k][d];
        }
        if (!across) {
            run_steps(l, p, along, l->length);
        } else {
            const int64_t step[3] = {l->stride[0][last], l->stride[1][last], l->stride[2][last]};
            n = smaller(end - begin, l->shape[last] - begin % l->shape[last]);
            for (int64_t j = 0; j < l->length; j++) {
                const char *row[3] = {p[0], p[1] + j * along[1], p[2] + j * along[2]};
                run_steps(l, row, step, n);
            }
        }
        begin += n;
    }
}

static void run_all(lines *l, int ndim, const int64_t *shape, int dim,
                    const int64_t *const *stride) {
    int64_t count = 1;
    l->ndim = 0;
    for (int d = 0; d < ndim; d++) {
        if (d == dim)
            continue;
        for (int k = 0; k < 3; k++)
            l->stride[k][l->ndim] = stride[k][d];
        l->shape[l->ndim++] = shape[d];
        count *= shape[d];
    }
    l->length = ndim > 0 ? shape[dim] : 1;
    for (int k = 0; k < 3; k++)
        l->along[k] = ndim > 0 ? stride[k][dim] : 0;
    if (count > 0 && l->length > 0)
        tg__parallel_for(count, l->length < PIECE ? PIECE / l->length : 1, run_lines, l);
}

void tg__gather(size_t item, int ndim, const int64_t *shape, int dim, const char *x,
                const int64_t *x_stride, const char *idx, const int64_t *idx_stride, char *out,
                const int64_t *out_stride) {
    lines l = {.item = (int64_t)item, .act = GATHER, .base = {x, idx, out}};
    run_all(&l, ndim, shape, dim, (const int64_t *const[]){x_stride, idx_stride, out_stride});
}

void tg__scatter_add(tg_dtype dtype, int ndim, const int64_t *shape, int dim, char *out,
                     const int64_t *out_stride, const char *idx, const int64_t *idx_stride,
                     const char *src, const int64_t *src_stride) {
    lines l = {.dtype = dtype, .item = item_of(dtype), .act = ADD, .base = {out, idx, src}};
    run_all(&l, ndim, shape, dim, (const int64_t *const[]){out_stride, idx_stride, src_stride});
}

void tg__scatter(size_t item, int ndim, const int64_t *shape, int dim, char *out,
                 const int64_t *out_stride, const char *idx, const int64_t *idx_stride,
                 const char *src, const int64_t *src_stride) {
    lines l = {.item = (int64_t)item, .act = SCATTER, .base = {out, idx, src}};
    run_all(&l, ndim, shape, dim, (const int64_t *const[]){out_stride, idx_stride, src_stride});
}

void tg__scatter_combine(tg__combine how, tg_dtype dtype, int ndim, const int64_t *shape, int dim,
                         char *out, const int64_t *out_stride, const char *idx,
                         const int64_t *idx_stride, const char *src, const int64_t *src_stride) {
    lines l = {.dtype = dtype, .act = COMBINE, .how = how, .base = {out, idx, src}};
    l.item = item_of(dtype);
    run_all(&l, ndim, shape, dim, (const int64_t *const[]){out_stride, idx_stride, src_stride});
}
