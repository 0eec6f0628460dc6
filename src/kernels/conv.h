/* conv.h - convolution over one to three spatial dims, and its two adjoints. */
#ifndef TG_KERNELS_CONV_H
#define TG_KERNELS_CONV_H

#include "kernels/kernels.h"

/* x [n, groups * c, in…], w [groups * o, c, k…], y [n, groups * o, out…], all contiguous; missing
 * spatial dims have size 1 and come first. Window position `out` reads x at
 * out * stride - pad + k * dilation; what lies outside of x is 0. */
typedef struct {
    int64_t n, groups, c, o;
    int64_t in[3], k[3], out[3], stride[3], pad[3], dilation[3];
} tg__conv;

/* f32 and f64. False only if memory is short (the result may then hold anything). The last bits may
 * depend on the number of threads, through BLAS. */

/* y = Σ x·w + bias; bias [groups * o] or NULL. */
bool tg__conv_forward(tg_dtype dtype, const tg__conv *s, const void *x, const void *w,
                      const void *bias, void *y);
/* dx = Σ g·w: the gradient for x where g is that of y; also the transposed convolution. */
bool tg__conv_input(tg_dtype dtype, const tg__conv *s, const void *g, const void *w, void *dx);
/* dw = Σ x·g: the gradient for w. */
bool tg__conv_weight(tg_dtype dtype, const tg__conv *s, const void *x, const void *g, void *dw);

/* The windows as columns: element (channel, k, position) of image i goes to
 * col[i * image + (channel * |k| + k) * row + position]. Items of 4 or 8 bytes. */
void tg__im2col(size_t item, const tg__conv *s, int64_t n, const void *x, void *col, int64_t image,
                int64_t row);
/* dx = Σ of the columns, [n, channels, |k|, |out|], at the places they were read from. */
void tg__col2im(tg_dtype dtype, const tg__conv *s, int64_t n, const void *col, void *dx);

#endif
