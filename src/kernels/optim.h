/* optim.h - one pass over parameter, gradient and state per optimizer step. */
#ifndef TG_KERNELS_OPTIM_H
#define TG_KERNELS_OPTIM_H

#include "kernels/kernels.h"

/* All arrays contiguous, n elements of dtype f32 or f64; hyperparameters are used in the dtype's
 * precision, computed in double first where they do not depend on the element. Formulas as
 * PyTorch's. */
typedef struct {
    double lr, momentum, dampening, weight_decay;
    bool nesterov, maximize;
    bool first; /* the momentum buffer is set to the gradient instead of decayed */
} tg__sgd_args;
/* g += wd·p; buf = first ? g : momentum·buf + (1 - dampening)·g; d = nesterov ? g + momentum·buf :
 * buf; p -= lr·d. buf may be NULL when momentum is 0. */
void tg__sgd_step(tg_dtype dtype, int64_t n, void *p, const void *g, void *buf,
                  const tg__sgd_args *a);
typedef struct {
    double lr, beta1, beta2, eps, weight_decay;
    bool decoupled; /* AdamW: p *= 1 - lr·wd first */
    bool maximize;
    int64_t step; /* 1 for the first */
} tg__adam_args;
/* m = b1·m + (1-b1)·g; v = b2·v + (1-b2)·g²; p -= lr/(1-b1^t) · m / (sqrt(v)/sqrt(1-b2^t) + eps).
 * max_v (NULL: plain Adam) keeps the running maximum of v and is used instead of it (AMSGrad). */
void tg__adam_step(tg_dtype dtype, int64_t n, void *p, const void *g, void *m, void *v, void *max_v,
                   const tg__adam_args *a);

#endif
