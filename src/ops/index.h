/* index.h - what operations that take an index tensor along one dim share. */
#ifndef TG_OPS_INDEX_H
#define TG_OPS_INDEX_H

#include "autograd/op.h"

static inline bool tg__is_index(const tg_tensor *x) {
    return x->dtype == TG_I64 || x->dtype == TG_I32;
}
/* False with an error unless index is i64 or i32. */
bool tg__index_dtype(const char *op, const tg_tensor *index);
/* For calls of x and index (and src, or NULL), with int64_t dim as first attribute: index has x's
 * rank and no size beyond x's except in dim, and src covers it. */
bool tg__gather_check(const tg__call *c, const tg_tensor *src, int *dim);
/* Input 1 as a contiguous i64 tensor whose values lie in dim of input 0. Raw; NULL with an error.
 */
tg_tensor *tg__checked_index(const tg__call *c, int dim);
void tg__byte_strides(const tg_tensor *x, int64_t *stride);
/* g at the index, in the shape of src: the gradient of what was scattered. */
tg_tensor *tg__gather_back(tg_tensor *g, int64_t dim, tg_tensor *index, const tg__meta *src);

#endif
