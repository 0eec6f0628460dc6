/* dropout.h - dropout at a given place of the random sequence, for what is built on it. */
#ifndef TG_OPS_DROPOUT_H
#define TG_OPS_DROPOUT_H

#include "autograd/op.h"

#include <tensorgrad/random.h>

typedef struct {
    double p;
    int64_t seed, stream, position; /* the bits of unsigned numbers */
} tg__dropout_attr;

/* x/(1 - p) where element i of x (row-major) is kept, else 0; x itself if p = 0. Recorded. */
tg_tensor *tg__dropout(tg_tensor *x, const tg__dropout_attr *a);
/* False with an error unless p is a probability; `name` is what the caller calls it. */
bool tg__dropout_check(const char *op, const char *name, double p);
/* Where a generator stands. False with an error. */
bool tg__dropout_from(tg_generator *generator, double p, tg__dropout_attr *a);
/* Moves the generator behind dropout of n elements at a. */
void tg__dropout_done(tg_generator *generator, const tg__dropout_attr *a, int64_t n);

#endif
