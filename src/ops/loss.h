/* loss.h - what losses share: reductions, and checks that run before anything is computed. */
#ifndef TG_OPS_LOSS_H
#define TG_OPS_LOSS_H

#include "ops/elementwise.h"

/* False with an error unless it is TG_REDUCE_NONE, _MEAN or _SUM. */
bool tg__loss_reduction(const char *op, int64_t reduction);
/* The loss of each element, or their mean or sum. NULL passes through. */
tg_tensor *tg__loss_reduced(tg_tensor *each, int64_t reduction);

/* False with an error unless inputs i and k have one shape, and one float dtype. */
bool tg__loss_alike(const tg__call *c, int i, int k);
/* False with an error unless input i is none, or of the dtype of input 0 and expands to its
 * shape. */
bool tg__loss_weight(const tg__call *c, int i);
/* each · weight, or each itself without a weight. */
tg_tensor *tg__loss_weighted(tg_tensor *each, tg_tensor *weight);
/* False with an error unless the number is finite. */
bool tg__loss_finite(const char *op, const char *name, double value);

/* The attributes of a loss that has nothing but a reduction. */
typedef struct {
    int64_t reduction;
} tg__loss_attr;
extern const tg__field tg__loss_fields[];
#define TG__LOSS                                                                                   \
    .flags = TG__COMPOSED, .fields = tg__loss_fields, .attr_size = sizeof(tg__loss_attr)

#endif
