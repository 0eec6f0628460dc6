/* softmax.h - the gradient of softmax, for what is built on it. */
#ifndef TG_OPS_SOFTMAX_H
#define TG_OPS_SOFTMAX_H

#include "autograd/op.h"

/* y (g - Σ g·y) along dim: the gradient to x of y = softmax(x). Recorded. */
tg_tensor *tg__softmax_grad(tg_tensor *g, tg_tensor *y, int dim);

#endif
