/* reduce.h - reductions over any dims, and the row kernels of softmax.
 *
 * Sums use a fixed tree: leaves of 1024 elements, accumulated in a fixed number of lanes, leaves
 * combined pairwise. The order depends on the number of elements only. f32 and f64 accumulate in
 * f64, integers and bool in i64. */
#ifndef TG_KERNELS_REDUCE_H
#define TG_KERNELS_REDUCE_H

#include "kernels/kernels.h"

typedef enum {
    TG__REDUCE_SUM,  /* f32->f32, f64->f64, integers and bool -> i64 */
    TG__REDUCE_PROD, /* the same types; exact with zeros */
    TG__REDUCE_MAX,  /* same type; NaN wins */
    TG__REDUCE_MIN,
    TG__REDUCE_ARGMAX, /* -> i64 index along the one reduced dim (or the flattened dims); first NaN,
                          else first of equals */
    TG__REDUCE_ARGMIN,
    TG__REDUCE_ALL, /* -> bool */
    TG__REDUCE_ANY,
    TG__REDUCE_SUMSQ /* sum of squared differences from a value per output (variance): floats */
} tg__reduce_op;

/* Where a reduction reads and writes. Kept dims come first, in order; then the reduced dims, in
 * order. Strides in bytes. */
typedef struct {
    int n_kept, n_reduced;
    int64_t shape[TG_MAX_DIMS];         /* kept sizes, then reduced sizes */
    int64_t in_stride[TG_MAX_DIMS];     /* the same order */
    int64_t out_stride[TG_MAX_DIMS];    /* kept dims only */
    int64_t center_stride[TG_MAX_DIMS]; /* SUMSQ: of `center`, kept dims only */
    const char *in;
    char *out;
    const char *center; /* SUMSQ: one value of the input's dtype per output */
    double scale;       /* SUM and SUMSQ of floats: the result is multiplied by this before rounding
                           to the output type (1/n for a mean); use 1 otherwise */
} tg__reduction;

/* Reduces. Empty reductions give 0 (sum), 1 (prod), true (all), false (any); the caller refuses
 * empty max/min/arg. False if dtype has no such reduction. Parallel over outputs, and over aligned
 * runs of leaves when there are few outputs. */
bool tg__reduce(tg__reduce_op op, tg_dtype dtype, const tg__reduction *r);

/* Row kernels over [outer, n, inner] elements, all contiguous row-major, f32 and f64. */
typedef enum {
    TG__ROW_SOFTMAX,         /* y = exp(x - max) / sum */
    TG__ROW_LOG_SOFTMAX,     /* y = x - max - log(sum exp(x - max)) */
    TG__ROW_SOFTMAX_GRAD,    /* dx = y * (g - sum(g * y));    a = g, b = y */
    TG__ROW_LOG_SOFTMAX_GRAD /* dx = g - exp(y) * sum(g);     a = g, b = y */
} tg__row_op;
/* a: x, or g for the gradients (b: y then, else NULL). A row with a NaN gives NaNs; a row of -inf
 * gives NaN. out may be a. */
void tg__row(tg__row_op op, tg_dtype dtype, int64_t outer, int64_t n, int64_t inner, const void *a,
             const void *b, void *out);
/* out[outer, inner] = log(sum exp(x)) over n; all -inf gives -inf, +inf gives +inf, n = 0 gives
 * -inf. */
void tg__row_logsumexp(tg_dtype dtype, int64_t outer, int64_t n, int64_t inner, const void *x,
                       void *out);
/* Running product over n without the element itself: out[i] = product of x[j], j != i. For the
 * gradient of prod, exact with zeros. */
void tg__row_prod_others(tg_dtype dtype, int64_t outer, int64_t n, int64_t inner, const void *x,
                         void *out);

#endif
