/* view.h - view geometry that several families use. */
#ifndef TG_OPS_VIEW_H
#define TG_OPS_VIEW_H

#include "autograd/op.h"

/* The geometry of a view: where x[items] lies in x. */
typedef struct {
    int ndim;
    int64_t shape[TG_MAX_DIMS], stride[TG_MAX_DIMS];
    int64_t offset; /* elements */
} tg__geometry;

/* Resolves an index list against x; false with an error. */
bool tg__resolve(const char *op, const tg_tensor *x, const tg__items *items, tg__geometry *out);
/* Copies a caller's list; false with an error if it is too long or malformed. */
bool tg__items_from(const char *op, int n, const tg_index_item *items, tg__items *out);
/* Checks and copies a list of sizes from the caller. */
bool tg__sizes_from(const char *op, int n, const int64_t *shape, tg__sizes *out);
/* Checks and copies a list of dims. */
bool tg__dims_from(const char *op, int n, const int *dims, tg__dims *out);
/* tg__dim_mask for stored dims. */
bool tg__mask_of(const char *op, const tg_tensor *x, const tg__dims *dims, uint32_t *mask);

#endif
