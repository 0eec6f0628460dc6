/* window.h - the attributes of sliding windows: kernel sizes, strides, padding. */
#ifndef TG_OPS_WINDOW_H
#define TG_OPS_WINDOW_H

#include "autograd/op.h"

/* Inside the ops every spatial geometry has three dims; fewer lie at the end of the arrays. */
#define TG__SPATIAL 3
/* No tensor has a larger size; sums of a few of them and of attributes do not overflow. */
#define TG__SPATIAL_MOST ((int64_t)1 << 60)

/* What an attribute may hold, and what it is when absent or for a missing dim. */
typedef struct {
    const char *name;
    int64_t least;   /* and at most INT32_MAX */
    int64_t missing; /* for dims that are not there, and where the attribute is absent */
    bool required;   /* must not be absent */
} tg__window_field;
extern const tg__window_field tg__kernel_field, tg__stride_field, tg__padding_field,
    tg__dilation_field;

/* One value for all nd dims, or one for each, into out[3]. `absent` (or NULL) is what the
 * attribute is when absent, in place of the field's own. False with TG_ERR_ARG. */
bool tg__window_values(const char *op, const tg__window_field *field, const tg__ints *list, int nd,
                       const int64_t *absent, int64_t *out);

/* The spatial sizes (the last nd) of a tensor, into out[3]. */
void tg__spatial_of(int ndim, const int64_t *shape, int nd, int64_t *out);

/* Copies from the caller: the first nd of a list in an options struct. */
void tg__ints_from(tg__ints *out, int nd, const int64_t *value);
/* A list with its length from the caller; false with an error. */
bool tg__ints_given(const char *op, const char *name, int n, const int64_t *value, tg__ints *out);

/* x is [N, C, spatial…] or [C, spatial…] with sizes of at least 1 behind N, else an error. */
bool tg__spatial_input(const char *op, const char *name, const tg_tensor *x, int nd);
/* All float and of one dtype; TG_NONE does not count. False with TG_ERR_DTYPE. */
bool tg__one_float_dtype(const tg__call *c);

#endif
