/* places.h - reading and writing parts of an array that lists of offsets name. */
#ifndef TG_KERNELS_PLACES_H
#define TG_KERNELS_PLACES_H

#include "kernels/kernels.h"

/* n places, each a block of `shape`: block p lies at x + x_at[p] and belongs to v + v_at[p]. All
 * offsets and strides are in bytes. */
typedef struct {
    size_t item;
    int ndim;
    int64_t shape[TG_MAX_DIMS], x_stride[TG_MAX_DIMS], v_stride[TG_MAX_DIMS];
    int64_t n;
    const int64_t *x_at, *v_at;
    char *x, *v;
} tg__places;

/* v = x at the places. */
void tg__places_read(const tg__places *p);
/* x = v; of places that share elements the last one wins. */
void tg__places_write(const tg__places *p);
/* x += v, in the order of the places for every element: the same bits for any number of threads. */
void tg__places_add(const tg__places *p, tg_dtype dtype);

/* out += src over a shape; strides in bytes. Elements of out may meet: they are added to in
 * row-major order. */
void tg__add_strided(tg_dtype dtype, int ndim, const int64_t *shape, char *out,
                     const int64_t *out_stride, const char *src, const int64_t *src_stride);

/* How many of n bools are true. */
int64_t tg__count_true(const uint8_t *mask, int64_t n);
/* Their positions, in order. */
void tg__list_true(const uint8_t *mask, int64_t n, int64_t *out);

#endif
