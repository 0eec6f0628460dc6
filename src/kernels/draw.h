/* draw.h - random numbers of many distributions, each from a fixed number of random bits. */
#ifndef TG_KERNELS_DRAW_H
#define TG_KERNELS_DRAW_H

#include "kernels/kernels.h"

/* Where in the sequence of blocks a draw begins (philox.h). */
typedef struct {
    uint64_t seed, stream, position;
} tg__draw_from;

/* Blocks for n elements that take 32 or 64 bits each. */
uint64_t tg__draw_blocks32(int64_t n);
uint64_t tg__draw_blocks64(int64_t n);

/* Element i is kept if its word, as a fraction of 2^32, is at least p: y = x · scale, else 0.
 * x NULL: all ones. f32 and f64; 32 bits per element. y may be x. */
void tg__draw_keep(tg_dtype dtype, int64_t n, double p, double scale, const void *x, void *y,
                   tg__draw_from from);

/* Distributions of one uniform number of 53 bits; a and b are their parameters. */
typedef enum {
    TG__DRAW_UNIFORM,     /* in [a, b) */
    TG__DRAW_EXPONENTIAL, /* of rate a */
    TG__DRAW_GUMBEL,      /* standard */
    TG__DRAW_CAUCHY,      /* of median a and scale b */
    TG__DRAW_GEOMETRIC,   /* trials until the first success, whose probability is a */
    TG__DRAW_NORMAL,      /* standard, with its distribution function limited to [a, b] */
    TG__DRAW_BERNOULLI,   /* 1 with probability a */
    TG__DRAW_POISSON      /* of mean a */
} tg__draw_kind;

/* n elements of any dtype, 64 bits each, converted as casts do. parameter: NULL, or n values of
 * parameter_dtype (f32 or f64) that stand for a, element by element. */
void tg__draw(tg__draw_kind kind, tg_dtype dtype, void *out, int64_t n, double a, double b,
              tg_dtype parameter_dtype, const void *parameter, tg__draw_from from);

/* lo + a number in [0, span), span >= 1; 64 bits each. Any dtype. */
void tg__draw_integers(tg_dtype dtype, void *out, int64_t n, int64_t lo, uint64_t span,
                       tg__draw_from from);
/* 0 … n - 1 in random order; 64 bits each. */
void tg__draw_permutation(int64_t *out, int64_t n, tg__draw_from from);

/* For each row of weights [rows, k] n of its k columns, with probabilities in proportion; weights
 * are finite, not negative, and (without replacement) at least n of a row positive. With
 * replacement column j of row r takes number r · n + j of 64 bits; without, the columns race:
 * weight c of row r takes number r · k + c. False if memory for one row is short. */
bool tg__draw_columns(tg_dtype dtype, const void *weights, int64_t rows, int64_t k, int64_t n,
                      bool replacement, int64_t *out, tg__draw_from from);

/* The number below which a normal number lies with probability u in (0, 1). */
double tg__normal_quantile(double u);
/* The number of events of a Poisson process with mean `mean` >= 0 that u in (0, 1) stands for. */
double tg__poisson_quantile(double u, double mean);

#endif
