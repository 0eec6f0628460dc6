/* attention.h - attention, for what is built on it. */
#ifndef TG_OPS_ATTENTION_H
#define TG_OPS_ATTENTION_H

#include "ops/dropout.h"

typedef struct {
    double scale; /* 0: 1/√E */
    bool causal;
    tg__dropout_attr dropout;
} tg__attention_attr;

/* Shapes and dtypes of query, key, value and mask (TG_NONE: none); false with an error. */
bool tg__attention_check(const char *op, tg_tensor *const *in, bool causal);
/* The attention weights after dropout, and their product with value; recorded. in: query, key,
 * value, mask. weights NULL: not wanted. */
tg_tensor *tg__attention(tg_tensor *const *in, const tg__attention_attr *a, tg_tensor **weights);

#endif
