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
#define SHARES 16  /* at most so many partial sums of the gradient to the weight */

typedef struct {
    const tg__norm *p;
    bool per_row;
    const void *g, *weight, *bias;
    void *out;
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

static void over_rows(const work *w, tg__range_fn f32, tg__range_fn f64) {
    const int64_t n = row_length(w->p);
    if (n == 0 || w->p->rows == 0)
        return;
    tg__parallel_for(w->p->rows, n < PIECE ? PIECE / n : 1, w->p->dtype == TG_F32 ? f32 : f64,
                     (void *)(uintptr_t)w);
}

void tg__norm_forward(const tg__norm *p, bool per_row, const void *weight, const void *bias,
                      void *y) {
    const work w = {.p = p, .per_row = per_row, .weight = weight, .bias = bias, .out = y};
    over_rows(&w, forward_f32, forward_f64);
}

void tg__norm_backward(const tg__norm *p, bool per_row, const void *g, const void *weight,
                       void *out) {
    const work w = {.p = p, .per_row = per_row, .g = g, .weight = weight, .out = out};
    over_rows(&w, backward_f32, backward_f64);
}

void tg__norm_moments(const tg__norm *p, double *mean, double *variance) {
    const work w = {.p = p, .mean = mean, .variance = variance};
    over_rows(&w, all_moments_f32, all_moments_f64);
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
    over_rows(&w, dots_f32, dots_f64);
    return true;
}
