/* sequence.c - reads the elements that make one output of a reduction.
 *
 * A sequence is read in one of three ways, with the same bits (tables.h):
 *
 *   contiguous     straight from memory, a leaf at a time
 *   gathered       pieces that are not contiguous are copied to a buffer on the stack first
 *   side by side   several sequences that lie next to each other, row by row, with a cell for each
 *
 * Nothing here allocates; frames stay below 2 KiB. Side by side, the tree is walked depth first, so
 * the scratch memory is one row of cells per level of the tree. */
#include "kernels/sequence.h"

#include <math.h>
#include <string.h>

#define CHUNK 128 /* elements gathered at a time: a multiple of TG__LANES */

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/* ---- Combining cells ------------------------------------------------------------------------- */

tg__cell tg__sequence_identity(const tg__sequence *s) {
    tg__cell c = {.i = 0};
    switch (s->op) {
    case TG__REDUCE_PROD:
        if (s->floats)
            c.f = 1;
        else
            c.i = 1;
        break;
    case TG__REDUCE_MAX:
    case TG__REDUCE_ARGMAX:
        if (s->floats)
            c.f = -(double)INFINITY;
        else
            c.i = INT64_MIN;
        break;
    case TG__REDUCE_MIN:
    case TG__REDUCE_ARGMIN:
        if (s->floats)
            c.f = (double)INFINITY;
        else
            c.i = INT64_MAX;
        break;
    case TG__REDUCE_ALL:
        c.i = 1;
        break;
    default:
        break;
    }
    return c;
}

/* True if a later value replaces the best one so far. */
static bool better(const tg__sequence *s, tg__cell later, tg__cell best) {
    const bool largest = s->op == TG__REDUCE_MAX || s->op == TG__REDUCE_ARGMAX;
    if (!s->floats)
        return largest ? later.i > best.i : later.i < best.i;
    if (isnan(later.f))
        return !isnan(best.f);
    return largest ? later.f > best.f : later.f < best.f;
}

/* For all but tree reductions. */
static void combine(const tg__sequence *s, tg__cell *acc, tg__cell later) {
    switch (s->op) {
    case TG__REDUCE_SUM:
        acc->i = (int64_t)((uint64_t)acc->i + (uint64_t)later.i);
        break;
    case TG__REDUCE_PROD:
        acc->i = (int64_t)((uint64_t)acc->i * (uint64_t)later.i);
        break;
    case TG__REDUCE_ALL:
        acc->i &= later.i;
        break;
    case TG__REDUCE_ANY:
        acc->i |= later.i;
        break;
    default:
        if (better(s, later, *acc))
            *acc = later;
    }
}

tg__cell tg__sequence_join(const tg__sequence *s, const tg__cell *cells, const int64_t *cells_at,
                           int64_t n, int64_t *at) {
    if (s->tree) {
        tg__tree tree;
        tree.n = 0;
        for (int64_t i = 0; i < n; i++)
            tg__tree_push(&tree, cells[i].f, s->product);
        return (tg__cell){.f = tg__tree_result(&tree, s->product)};
    }
    tg__cell acc = cells[0];
    if (s->arg)
        *at = cells_at[0];
    for (int64_t i = 1; i < n; i++) {
        if (s->arg && better(s, cells[i], acc))
            *at = cells_at[i];
        combine(s, &acc, cells[i]);
    }
    return acc;
}

/* ---- One sequence ---------------------------------------------------------------------------- */

/* Where a walk along the sequence stands. */
typedef struct {
    int64_t at[TG_MAX_DIMS];
    int64_t offset; /* bytes */
} cursor;

static void cursor_set(const tg__sequence *s, cursor *c, int64_t position) {
    c->offset = 0;
    for (int d = s->ndim - 1; d >= 0; d--) {
        c->at[d] = d > 0 ? position % s->shape[d] : position;
        position /= s->shape[d];
        c->offset += c->at[d] * s->stride[d];
    }
}

/* Moves forward along the last dim, with carry. At the end of the sequence the cursor stands
 * outside. */
static void cursor_advance(const tg__sequence *s, cursor *c, int64_t by) {
    int d = s->ndim - 1;
    c->at[d] += by;
    c->offset += by * s->stride[d];
    for (; d > 0 && c->at[d] >= s->shape[d]; d--) {
        const int64_t carry = c->at[d] / s->shape[d];
        c->at[d] -= carry * s->shape[d];
        c->at[d - 1] += carry;
        c->offset += carry * (s->stride[d - 1] - s->shape[d] * s->stride[d]);
    }
}

static void copy_items(char *dst, const char *src, int64_t stride, int64_t n, int64_t item) {
    if (item == 4) {
        for (int64_t i = 0; i < n; i++)
            memcpy(dst + 4 * i, src + i * stride, 4);
    } else if (item == 8) {
        for (int64_t i = 0; i < n; i++)
            memcpy(dst + 8 * i, src + i * stride, 8);
    } else {
        for (int64_t i = 0; i < n; i++)
            dst[i] = src[i * stride];
    }
}

/* The next elements of the sequence, at most `most`: in place if enough of them are contiguous,
 * else copied to the buffer. Their number *n is a multiple of TG__LANES or all of `most`. */
static const char *next_elements(const tg__sequence *s, cursor *c, const char *x, int64_t most,
                                 char *buffer, int64_t *n) {
    const int last = s->ndim - 1;
    int64_t ready = smaller(most, s->shape[last] - c->at[last]);
    if (s->stride[last] == s->item && (ready == most || ready >= TG__LANES)) {
        if (ready < most)
            ready -= ready % TG__LANES;
        const char *here = x + c->offset;
        cursor_advance(s, c, ready);
        *n = ready;
        return here;
    }
    most = smaller(most, CHUNK);
    for (*n = 0; *n < most; *n += ready) {
        ready = smaller(most - *n, s->shape[last] - c->at[last]);
        copy_items(buffer + *n * s->item, x + c->offset, s->stride[last], ready, s->item);
        cursor_advance(s, c, ready);
    }
    return buffer;
}

bool tg__sequence_scattered(const tg__sequence *s) {
    return s->ndim > 1 && s->stride[s->ndim - 1] != s->item;
}

/* Elements [first, end) of the dims from d on. Whole steps of dim d go to the kernel for copies,
 * which knows how to transpose. */
static void copy_range(const tg__sequence *s, int d, const char *x, int64_t first, int64_t end,
                       char *dst) {
    if (d == s->ndim - 1) {
        copy_items(dst, x + first * s->stride[d], s->stride[d], end - first, s->item);
        return;
    }
    int64_t inner = 1, dst_stride[TG_MAX_DIMS], shape[TG_MAX_DIMS];
    for (int i = s->ndim - 1; i > d; i--) {
        shape[i] = s->shape[i];
        dst_stride[i] = inner * s->item;
        inner *= shape[i];
    }
    dst_stride[d] = inner * s->item;
    int64_t row = first / inner;
    if (first % inner != 0 || end - first < inner) { /* to the end of a row */
        const int64_t stop = smaller(end, (row + 1) * inner);
        copy_range(s, d + 1, x + row * s->stride[d], first % inner, stop - row * inner, dst);
        dst += (stop - first) * s->item;
        first = stop;
        row++;
    }
    shape[d] = (end - first) / inner;
    if (shape[d] > 0)
        tg__copy_strided(s->ndim - d, shape + d, dst, dst_stride + d, x + row * s->stride[d],
                         s->stride + d, (size_t)s->item);
    row += shape[d];
    dst += shape[d] * inner * s->item;
    first += shape[d] * inner;
    if (first < end)
        copy_range(s, d + 1, x + row * s->stride[d], 0, end - first, dst);
}

void tg__sequence_copy(const tg__sequence *s, const char *x, int64_t first, int64_t n, char *dst) {
    copy_range(s, 0, x, first, first + n, dst);
}

/* One leaf of a tree, read through the cursor. */
static double gathered_leaf(const tg__sequence *s, cursor *c, const char *x, int64_t n,
                            double center) {
    _Alignas(8) char buffer[CHUNK * 8];
    double lane[TG__LANES];
    for (int l = 0; l < TG__LANES; l++)
        lane[l] = s->product ? 1 : 0;
    for (int64_t done = 0, some; done < n; done += some) {
        const char *elements = next_elements(s, c, x, n - done, buffer, &some);
        s->k->lanes(lane, elements, some, center);
    }
    for (int half = TG__LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            lane[l] = s->product ? lane[l] * lane[l + half] : lane[l] + lane[l + half];
    return lane[0];
}

static tg__cell reduce_tree(const tg__sequence *s, const char *x, int64_t first, int64_t n,
                            double center) {
    tg__tree tree;
    tree.n = 0;
    cursor c;
    if (!s->contiguous)
        cursor_set(s, &c, first);
    while (n > 0) {
        tg__cell leaf[32];
        const int64_t size = smaller(n, TG__LEAF);
        int64_t leaves = 1;
        if (s->contiguous) {
            leaves = smaller(n / size, 32);
            s->k->leaves(leaf, x + first * s->item, size * s->item, size, leaves, &center, 0);
        } else {
            leaf[0].f = gathered_leaf(s, &c, x, size, center);
        }
        for (int64_t i = 0; i < leaves; i++)
            tg__tree_push(&tree, leaf[i].f, s->product);
        first += leaves * size;
        n -= leaves * size;
    }
    return (tg__cell){.f = tg__tree_result(&tree, s->product)};
}

/* Everything else: pieces from left to right. */
static tg__cell reduce_fold(const tg__sequence *s, const char *x, int64_t first, int64_t n,
                            int64_t *at) {
    _Alignas(8) char buffer[CHUNK * 8];
    const int64_t end = first + n;
    tg__cell acc = tg__sequence_identity(s);
    *at = first;
    cursor c;
    if (!s->contiguous)
        cursor_set(s, &c, first);
    for (int64_t some; first < end; first += some) {
        some = smaller(end - first, TG__LEAF);
        const char *elements =
            s->contiguous ? x + first * s->item : next_elements(s, &c, x, some, buffer, &some);
        tg__cell cell;
        s->k->leaves(&cell, elements, 0, some, 1, NULL, 0);
        if (s->arg && better(s, cell, acc))
            *at = first + s->k->find(elements, some, cell);
        combine(s, &acc, cell);
        if ((s->op == TG__REDUCE_ALL && !acc.i) || (s->op == TG__REDUCE_ANY && acc.i))
            break;
    }
    return acc;
}

tg__cell tg__sequence_reduce(const tg__sequence *s, const char *x, int64_t first, int64_t n,
                             double center, int64_t *at) {
    return s->tree ? reduce_tree(s, x, first, n, center) : reduce_fold(s, x, first, n, at);
}

/* ---- Sequences side by side ------------------------------------------------------------------ */

static void merge_cells(tg__cell *restrict acc, const tg__cell *restrict right, int64_t w,
                        bool product) {
    if (product)
        for (int64_t j = 0; j < w; j++)
            acc[j].f *= right[j].f;
    else
        for (int64_t j = 0; j < w; j++)
            acc[j].f += right[j].f;
}

/* Lanes lane, lane + step, … of a leaf of n rows. */
static void reduce_lanes(const tg__row_source *s, int64_t first, int64_t n, int lane, int step,
                         tg__cell *out, tg__cell *scratch) {
    if (step == TG__LANES) {
        for (int64_t j = 0; j < s->w; j++)
            out[j].f = s->product ? 1 : 0;
        s->take(s, out, first + lane, (n - lane + TG__LANES - 1) / TG__LANES);
        return;
    }
    reduce_lanes(s, first, n, lane, 2 * step, out, scratch);
    if (lane + step < n) {
        reduce_lanes(s, first, n, lane + step, 2 * step, scratch, scratch + s->w);
        merge_cells(out, scratch, s->w, s->product);
    }
}

void tg__cols_reduce(const tg__row_source *s, int64_t first, int64_t n, tg__cell *out,
                     tg__cell *scratch) {
    if (n <= TG__LEAF) {
        if (s->leaf)
            s->leaf(s, first, n, out, scratch);
        else
            reduce_lanes(s, first, n, 0, 1, out, scratch);
        return;
    }
    int64_t left = TG__LEAF;
    while (left < n - left)
        left *= 2;
    tg__cols_reduce(s, first, left, out, scratch);
    tg__cols_reduce(s, first + left, n - left, scratch, scratch + s->w);
    merge_cells(out, scratch, s->w, s->product);
}

void tg__cols_fold(tg__cell *lane, int64_t w, bool product, tg__cell *out) {
    for (int half = TG__LANES / 2; half > 0; half /= 2)
        merge_cells(lane, lane + half * w, half * w, product);
    memcpy(out, lane, (size_t)w * sizeof *out);
}

int tg__cols_levels(int64_t n) {
    int levels = 4; /* log2 of TG__LANES */
    for (int64_t leaves = (n - 1) / TG__LEAF; leaves > 0; leaves /= 2)
        levels++;
    return levels;
}

typedef struct {
    tg__row_source base;
    const tg__sequence *s;
    const char *x;
    const double *center;
} column_source;

/* The offsets of n rows: first, first + step, … */
static void row_offsets(const tg__sequence *s, int64_t first, int64_t step, int64_t n,
                        int64_t *offset) {
    cursor c;
    cursor_set(s, &c, first);
    for (int64_t i = 0; i < n; i++) {
        offset[i] = c.offset;
        cursor_advance(s, &c, step);
    }
}

static void take_rows(const tg__row_source *base, tg__cell *acc, int64_t first, int64_t n) {
    const column_source *source = (const column_source *)base;
    int64_t offset[TG__SEQ_ROWS];
    row_offsets(source->s, first, TG__LANES, n, offset);
    source->s->k->cols(acc, source->x, offset, n, base->w, source->center);
}

/* A leaf of dense rows: TG__LANES rows are one row as far as memory goes, with a cell for each
 * column of each lane. */
static void dense_leaf(const tg__row_source *base, int64_t first, int64_t n, tg__cell *out,
                       tg__cell *scratch) {
    const column_source *source = (const column_source *)base;
    const tg__sequence *s = source->s;
    const int64_t w = base->w, blocks = n / TG__LANES, rest = n % TG__LANES;
    int64_t offset[TG__LEAF / TG__LANES];
    for (int64_t j = 0; j < TG__LANES * w; j++)
        scratch[j].f = s->product ? 1 : 0;
    row_offsets(s, first, TG__LANES, blocks, offset);
    s->k->cols(scratch, source->x, offset, blocks, TG__LANES * w, NULL);
    if (rest > 0) {
        row_offsets(s, first + n - rest, 1, 1, offset);
        s->k->cols(scratch, source->x, offset, 1, rest * w, NULL);
    }
    tg__cols_fold(scratch, w, s->product, out);
}

static void fold_rows(const tg__sequence *s, const char *x, int64_t w, int64_t first, int64_t n,
                      tg__cell *cells, int64_t *at) {
    const tg__cell empty = tg__sequence_identity(s);
    for (int64_t j = 0; j < w; j++) {
        cells[j] = empty;
        if (s->arg)
            at[j] = first;
    }
    int64_t some;
    for (const int64_t end = first + n; first < end; first += some) {
        int64_t offset[TG__SEQ_ROWS];
        some = smaller(end - first, TG__SEQ_ROWS);
        row_offsets(s, first, 1, some, offset);
        if (s->arg)
            s->k->cols_arg(cells, at, x, offset, some, w, first);
        else
            s->k->cols(cells, x, offset, some, w, NULL);
    }
}

void tg__sequence_cols(const tg__sequence *s, const char *x, int64_t w, int64_t first, int64_t n,
                       const double *center, tg__cell *cells, int64_t *at, tg__cell *scratch) {
    if (!s->tree) {
        fold_rows(s, x, w, first, n, cells, at);
        return;
    }
    const bool dense = tg__sequence_dense(s, w);
    const column_source source = {
        {take_rows, dense ? dense_leaf : NULL, w, s->product}, s, x, center};
    tg__cols_reduce(&source.base, first, n, cells, scratch);
}

int tg__sequence_levels(const tg__sequence *s, int64_t w, int64_t n) {
    if (!s->tree)
        return 0;
    return tg__cols_levels(n) + (w <= TG__DENSE ? TG__LANES : 0);
}

bool tg__sequence_dense(const tg__sequence *s, int64_t w) {
    return s->tree && s->op != TG__REDUCE_SUMSQ && w <= TG__DENSE && s->ndim == 1 &&
           s->stride[0] == w * s->item;
}
