/* norm.h - numbers brought to mean 0 and variance 1 in groups, and the gradients of that. */
#ifndef TG_KERNELS_NORM_H
#define TG_KERNELS_NORM_H

#include "kernels/kernels.h"

/* x is [outer, rows, inner], contiguous. Row r is the elements x[:, r, :]: n = outer * inner of
 * them. With mean and variance (divided by n) of its row, an element becomes
 * (x - mean) / sqrt(variance + eps); without `center` the mean counts as 0. */
typedef struct {
    tg_dtype dtype; /* f32 or f64; sums and what is between them are double */
    int64_t outer, rows, inner;
    double eps;
    bool center;
    const void *x;
} tg__norm;

/* All return false if memory is short. */

/* y = normalised x, times weight, plus bias (each may be NULL). per_row: weight and bias have one
 * number per row; else outer is 1 and they have one per element of a row. */
bool tg__norm_forward(const tg__norm *p, bool per_row, const void *weight, const void *bias,
                      void *y);
/* The gradient to x of what weighs the normalised x with g · weight (NULL: g). */
bool tg__norm_backward(const tg__norm *p, bool per_row, const void *g, const void *weight,
                       void *out);
/* The gradient to the weight: the sum of g · normalised x, [rows] or [inner]. The sums are taken in
 * an order that depends on the sizes only. */
bool tg__norm_weight(const tg__norm *p, bool per_row, const void *g, void *out);
/* Mean and variance (divided by n) of every row. */
bool tg__norm_moments(const tg__norm *p, double *mean, double *variance);

#endif
