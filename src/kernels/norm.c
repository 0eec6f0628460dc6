/* norm.c - numbers brought to mean 0 and variance 1 in groups, and the gradients of that.
 *
 * A row is read three times (mean, variance, result), which is as fast as once while it is in the
 * cache; nothing is kept for the gradient, which finds mean and variance again in the same way. Two
 * passes, because the variance from one pass over squares cancels. Rows are shared out among
 * threads, and all sums within a row have a fixed order. */
#include "kernels/norm.h"

#include "base/alloc.h"
#include "base/threads.h"
#include <math.h>
#include <string.h>

#define PIECE 8192 /* elements worth handing to another thread */
#define LANES 8    /* sums that are taken side by side */
#define SHORT 16   /* segments that are brought together */
#define SHARES 16  /* at most so many partial sums of the gradient to the weight */

typedef struct {
    const tg__norm *p;
    bool per_row;
    const void *g, *weight, *bias;
    void *out;
    bool whole;              /* out is as large as x */
    double *mean, *variance; /* of all rows; or NULL */
    int64_t rows_per_share;
    double *shares;
} work;

/* Mean and 1 / sqrt(variance + eps) of a row. */
typedef struct {
    double mean, scale;
} moments;

static int64_t row_length(const tg__norm *p) { return p->outer * p->inner; }

/* Where segment o of row r begins. */
static int64_t at(const tg__norm *p, int64_t o, int64_t r) { return (o * p->rows + r) * p->inner; }

static double fold(const double *s) {
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

#define T float
#define NAME(f) f##_f32
#include "kernels/norm_type.inc"
#define T double
#define NAME(f) f##_f64
#include "kernels/norm_type.inc"

static void over_rows(work *w, tg__range_fn f32, tg__range_fn f64) {
    const int64_t n = row_length(w->p);
    tg__parallel_for(w->p->rows, n < PIECE ? PIECE / n : 1, w->p->dtype == TG_F32 ? f32 : f64, w);
}

/* Copies between [outer, rows, inner] and [rows, outer, inner]. */
static void turn(const tg__norm *p, char *dst, const char *src, bool back) {
    const int64_t item = p->dtype == TG_F32 ? 4 : 8;
    const int64_t shape[3] = {p->rows, p->outer, p->inner};
    const int64_t plain[3] = {p->inner * item, p->rows * p->inner * item, item};
    const int64_t turned[3] = {p->outer * p->inner * item, p->inner * item, item};
    tg__copy_strided(3, shape, dst, back ? plain : turned, src, back ? turned : plain,
                     (size_t)item);
}

/* Runs over rows, which are first brought together in memory where they lie in short segments. The
 * results then overwrite what they were computed from: x, or g where there is one. */
static bool all_rows(work *w, tg__range_fn f32, tg__range_fn f64) {
    const tg__norm *p = w->p;
    const int64_t n = row_length(p);
    if (n == 0 || p->rows == 0)
        return true;
    if (p->outer == 1 || p->inner >= SHORT) {
        over_rows(w, f32, f64);
        return true;
    }
    const size_t half = (size_t)(p->rows * n) * (p->dtype == TG_F32 ? 4 : 8);
    const size_t bytes = w->g != NULL ? 2 * half : half;
    char *memory = tg__alloc(bytes);
    if (memory == NULL)
        return false;
    char *last = w->g != NULL ? memory + half : memory;
    turn(p, memory, p->x, false);
    if (w->g != NULL)
        turn(p, last, w->g, false);
    const tg__norm rows = {p->dtype, 1, p->rows, n, p->eps, p->center, memory};
    work together = *w;
    together.p = &rows;
    together.g = w->g != NULL ? last : NULL;
    together.out = w->whole ? last : w->out;
    over_rows(&together, f32, f64);
    if (w->whole)
        turn(p, w->out, last, true);
    tg__free(memory, bytes);
    return true;
}

bool tg__norm_forward(const tg__norm *p, bool per_row, const void *weight, const void *bias,
                      void *y) {
    work w = {.p = p, .per_row = per_row, .weight = weight, .bias = bias, .out = y, .whole = true};
    return all_rows(&w, forward_f32, forward_f64);
}

bool tg__norm_backward(const tg__norm *p, bool per_row, const void *g, const void *weight,
                       void *out) {
    work w = {.p = p, .per_row = per_row, .g = g, .weight = weight, .out = out, .whole = true};
    return all_rows(&w, backward_f32, backward_f64);
}

bool tg__norm_moments(const tg__norm *p, double *mean, double *variance) {
    work w = {.p = p, .mean = mean, .variance = variance};
    return all_rows(&w, all_moments_f32, all_moments_f64);
}

/* Per element of a row, the sum runs over rows: shares of them are summed on their own. */
static bool sum_over_rows(work *w) {
    const tg__norm *p = w->p;
    const int64_t n = row_length(p), few = n < PIECE ? PIECE / n : 1;
    w->rows_per_share = (p->rows + SHARES - 1) / SHARES;
    if (w->rows_per_share < few)
        w->rows_per_share = few;
    const int64_t shares = (p->rows + w->rows_per_share - 1) / w->rows_per_share;
    const size_t bytes = (size_t)(shares * n) * sizeof(double);
    w->shares = tg__alloc(bytes);
    if (w->shares == NULL)
        return false;
    tg__parallel_for(shares, 1, p->dtype == TG_F32 ? shares_f32 : shares_f64, w);
    for (int64_t s = 1; s < shares; s++)
        for (int64_t i = 0; i < n; i++)
            w->shares[i] += w->shares[s * n + i];
    for (int64_t i = 0; i < n; i++)
        if (p->dtype == TG_F32)
            ((float *)w->out)[i] = (float)w->shares[i];
        else
            ((double *)w->out)[i] = w->shares[i];
    tg__free(w->shares, bytes);
    return true;
}

bool tg__norm_weight(const tg__norm *p, bool per_row, const void *g, void *out) {
    work w = {.p = p, .per_row = per_row, .g = g, .out = out};
    const int64_t n = row_length(p);
    if (n == 0 || p->rows == 0) { /* sums of nothing */
        memset(out, 0, (size_t)(per_row ? p->rows : n) * (p->dtype == TG_F32 ? 4 : 8));
        return true;
    }
    if (!per_row)
        return sum_over_rows(&w);
    return all_rows(&w, dots_f32, dots_f64);
}
