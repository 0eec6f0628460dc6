/* view.h - view geometry that several families use. */
#ifndef TG_OPS_VIEW_H
#define TG_OPS_VIEW_H

#include "autograd/op.h"

/* The geometry of a view: where x[items] lies in x. */
typedef struct {
    int ndim;
    int64_t shape[TG_MAX_DIMS], stride[TG_MAX_DIMS];
    int64_t offset;  /* elements */
    uint32_t picked; /* bit mask: dims that a tensor of the list stands for, whole as yet */
} tg__geometry;

/* An item for a tensor that takes no dim of x: a 0-d mask, which makes a dim of size 1. */
static inline bool tg__of_new_dim(const tg_index_item *item) { return item->step == 1; }

/* The attribute of an op along one dim, and its description where the dim must be given. */
typedef struct {
    int64_t dim;
} tg__along;
extern const tg__field tg__along_fields[];

/* Resolves an index list against x; false with an error. */
bool tg__resolve(const char *op, const tg_tensor *x, const tg__items *items, tg__geometry *out);
/* Copies a caller's list; false with an error if it is too long or malformed. */
bool tg__items_from(const char *op, int n, const tg_index_item *items, tg__items *out);
/* False with an error unless value broadcasts to an indexed part of x. */
bool tg__fits_part(const char *op, const tg_tensor *x, const tg_tensor *value, int ndim,
                   const int64_t *shape);
/* Where an op writes that changes a part of x: c->into, or a copy of x as c->out[0]. */
tg_tensor *tg__copy_or_into(const tg__call *c);
/* Checks and copies a list of sizes from the caller. */
bool tg__sizes_from(const char *op, int n, const int64_t *shape, tg__sizes *out);
/* Checks and copies a list of dims. */
bool tg__dims_from(const char *op, int n, const int *dims, tg__dims *out);
/* Checks and copies a list of any integers, which is called `what`. */
bool tg__integers_from(const char *op, const char *what, int n, const int64_t *values,
                       tg__ints *out);
/* tg__dim_mask for stored dims. */
bool tg__mask_of(const char *op, const tg_tensor *x, const tg__dims *dims, uint32_t *mask);

#endif
