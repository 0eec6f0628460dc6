/* tables.h - the reduction and row kernels of one instruction set, and the tree that sums follow.
 *
 * The tree: a sequence of n elements is cut into leaves of TG__LEAF. Within a leaf element i is
 * added to lane i % TG__LANES, in order; the lanes are folded by halves (l with l + 8, then with
 * l + 4, …). Leaves are combined pairwise: a sequence of several leaves is split at the largest
 * power of two below their number. So the bits of a result depend on the elements and their number
 * only: not on the layout in memory (each cell of a column reduction goes through the same tree),
 * not on vector width, and not on threads, which take runs of leaves that are subtrees. */
#ifndef TG_KERNELS_TABLES_H
#define TG_KERNELS_TABLES_H

#include "kernels/reduce.h"

#define TG__LEAF 1024
#define TG__LANES 16
#define TG__REDUCE_OPS (TG__REDUCE_SUMSQ + 1)
#define TG__ROW_OPS (TG__ROW_LOG_SOFTMAX_GRAD + 1)

/* What a reduction accumulates in: f of floats, i of integers, bool, ALL and ANY. */
typedef union {
    double f;
    int64_t i;
} tg__cell;

/* The kernels of one reduction of one dtype; all NULL if there is no such reduction. */
typedef struct {
    /* out[i] = the result over the n in [1, TG__LEAF] contiguous elements at x + i * step. SUMSQ:
     * around center[i * center_step]. MAX and MIN: the first of equals. ARGMAX and ARGMIN: the
     * value. */
    void (*leaves)(tg__cell *out, const char *x, int64_t step, int64_t n, int64_t count,
                   const double *center, int64_t center_step);
    /* Takes into acc[j], for each k < n in order, element j < w of the row at x + offset[k]. */
    void (*cols)(tg__cell *acc, const char *x, const int64_t *offset, int64_t n, int64_t w,
                 const double *center);
    /* Floats' SUM, PROD, SUMSQ: takes n contiguous elements into lanes, the first into lane 0. */
    void (*lanes)(double *acc, const char *x, int64_t n, double center);
    /* ARGMAX and ARGMIN: where in n contiguous elements is `value` first (NaN is found as NaN). */
    int64_t (*find)(const char *x, int64_t n, tg__cell value);
    /* ARGMAX and ARGMIN: as cols, and at[j] = first + k where a better value was found. */
    void (*cols_arg)(tg__cell *best, int64_t *at, const char *x, const int64_t *offset, int64_t n,
                     int64_t w, int64_t first);
} tg__reduce_kernels;

struct tg__reduce_table {
    tg__reduce_kernels op[TG__REDUCE_OPS][TG__DTYPES];
};

/* The row kernels of one dtype. A row is n contiguous elements; columns are w elements side by side
 * in each of n rows `step` bytes apart, with parameters per column in double. */
typedef struct {
    void (*row[TG__ROW_OPS])(const void *a, const void *b, void *out, int64_t n);
    void (*logsumexp)(const void *x, void *out, int64_t n);
    /* out = exp(x - shift) */
    void (*cols_exp)(const char *x, char *out, int64_t step, int64_t n, int64_t w,
                     const double *shift);
    /* acc += exp(x - shift); acc += a * b */
    void (*cols_sum_exp)(tg__cell *acc, const char *x, int64_t step, int64_t n, int64_t w,
                         const double *shift);
    void (*cols_dot)(tg__cell *acc, const char *a, const char *b, int64_t step, int64_t n,
                     int64_t w);
    /* The last pass of each tg__row_op, from the maximum m of x and the sum s of its columns.
     * SOFTMAX: a holds the exponentials. */
    void (*cols_last[TG__ROW_OPS])(const char *a, const char *b, char *out, int64_t step, int64_t n,
                                   int64_t w, const double *m, const double *s);
} tg__row_kernels;

struct tg__row_table {
    tg__row_kernels type[2]; /* f32, f64 */
};

/* The functions of reduce.h with the kernels of a given instruction set. */
bool tg__reduce_with(const struct tg__reduce_table *table, tg__reduce_op op, tg_dtype dtype,
                     const tg__reduction *r);
void tg__row_with(const tg__kernels *kernels, tg__row_op op, tg_dtype dtype, int64_t outer,
                  int64_t n, int64_t inner, const void *a, const void *b, void *out);
void tg__row_logsumexp_with(const tg__kernels *kernels, tg_dtype dtype, int64_t outer, int64_t n,
                            int64_t inner, const void *x, void *out);

/* Leaves as they come, combined pairwise: level[j] holds the result of 2^j leaves if bit j of n is
 * set. */
typedef struct {
    int64_t n;
    double level[54];
} tg__tree;

static inline void tg__tree_push(tg__tree *t, double leaf, bool product) {
    int j = 0;
    for (; t->n >> j & 1; j++)
        leaf = product ? t->level[j] * leaf : t->level[j] + leaf;
    t->level[j] = leaf;
    t->n++;
}

/* The result of all leaves; at least one was pushed. */
static inline double tg__tree_result(const tg__tree *t, bool product) {
    int j = 0;
    while (!(t->n >> j & 1))
        j++;
    double r = t->level[j];
    for (j++; t->n >> j; j++)
        if (t->n >> j & 1)
            r = product ? t->level[j] * r : t->level[j] + r;
    return r;
}

/* Where rows come from that are summed column by column. */
typedef struct tg__row_source tg__row_source;
struct tg__row_source {
    /* Takes n <= 64 rows (first, first + TG__LANES, …) into acc[0..w). */
    void (*take)(const tg__row_source *s, tg__cell *acc, int64_t first, int64_t n);
    /* NULL, or a faster way for a whole leaf: rows [first, first + n) into out. */
    void (*leaf)(const tg__row_source *s, int64_t first, int64_t n, tg__cell *out,
                 tg__cell *scratch);
    int64_t w;
    bool product;
};
/* Sums (or multiplies) rows [first, first + n), n >= 1 and first a multiple of TG__LEAF, along the
 * tree into out[0..w). scratch: w cells for each of tg__cols_levels(n). */
void tg__cols_reduce(const tg__row_source *s, int64_t first, int64_t n, tg__cell *out,
                     tg__cell *scratch);
int tg__cols_levels(int64_t n);
/* The end of a leaf: lane[l * w + j] of TG__LANES lanes, folded by halves into out[0..w). */
void tg__cols_fold(tg__cell *lane, int64_t w, bool product, tg__cell *out);
/* Rows without gaps are taken TG__LANES at a time if they are at most this wide; beyond, it gains
 * nothing. */
#define TG__DENSE 256

#endif
