/* conv.h - the trilinear form behind convolution, for the operations made of it. */
#ifndef TG_OPS_CONV_H
#define TG_OPS_CONV_H

#include "autograd/op.h"

/* The attributes of conv_nd (x w b), conv_nd_input (g w) and conv_nd_weight (x g). */
typedef struct {
    tg__ints stride, padding, dilation;
    int64_t groups;
    tg__sizes size; /* the spatial sizes of the result */
} tg__conv_attr;

/* False with TG_ERR_SHAPE: "a and b: why". */
bool tg__conv_misfit(const char *op, const char *why, const tg_tensor *a, const tg_tensor *b);

#endif
