/* norm.h - normalisation over rows, for the families built on it. */
#ifndef TG_OPS_NORM_H
#define TG_OPS_NORM_H

#include "autograd/op.h"

typedef struct {
    int64_t last; /* rows are the last so many dims; weights have their shape */
    double eps;
    bool center;  /* else the mean counts as 0 */
    bool channel; /* rows are all dims but 1; weights are [C] */
} tg__norm_attr;

/* (x - mean) / √(variance + eps) · weight + bias; recorded. */
tg_tensor *tg__norm_rows(tg_tensor *x, tg_tensor *weight, tg_tensor *bias, const tg__norm_attr *a);
/* False with an error unless eps is finite and not negative. */
bool tg__norm_eps(const char *op, double eps);

#endif
