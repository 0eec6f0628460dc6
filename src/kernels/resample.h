/* resample.h - one dim of a tensor at other positions: nearest, linear, cubic. */
#ifndef TG_KERNELS_RESAMPLE_H
#define TG_KERNELS_RESAMPLE_H

#include "kernels/kernels.h"

typedef enum {
    TG__RESAMPLE_NEAREST,       /* position ⌊i·scale⌋ */
    TG__RESAMPLE_NEAREST_EXACT, /* position ⌊(i + ½)·scale⌋ */
    TG__RESAMPLE_LINEAR,
    TG__RESAMPLE_CUBIC, /* convolution with a = -¾ */
    TG__RESAMPLE_MODES
} tg__resample_mode;

/* x is [outer, in, inner], y [outer, out, inner], contiguous; all of them at least 1, except outer
 * and inner. */
typedef struct {
    tg__resample_mode mode;
    int64_t outer, in, out, inner;
    bool align_corners; /* the first and the last positions meet; else the outer edges */
    double scale;       /* positions of x per position of y; 0: in / out. Not with align_corners */
} tg__resample;

/* f32 and f64. False only if memory is short. */
bool tg__resample_forward(tg_dtype dtype, const tg__resample *r, const void *x, void *y);
/* The adjoint: dx from g, which is like y. */
bool tg__resample_grad(tg_dtype dtype, const tg__resample *r, const void *g, void *dx);

#endif
