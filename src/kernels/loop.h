/* loop.h - loops whose body wants two dims at a time. */
#ifndef TG_KERNELS_LOOP_H
#define TG_KERNELS_LOOP_H

#include "kernels/kernels.h"

/* Handles n_out x n_in elements; operand k advances out_step[k] and in_step[k] bytes. */
typedef void (*tg__tile_fn)(char *const *p, const int64_t *out_step, const int64_t *in_step,
                            int64_t n_out, int64_t n_in, const void *ctx);
/* tg__loop_run for such a body. Needs at least two dims, coalesced. */
void tg__loop_tiles(const tg__loop *l, tg__tile_fn fn, const void *ctx, double cost);

#endif
