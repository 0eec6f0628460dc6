/* narrow.h - conversions from and to f16, bf16, i16 and i8. */
#ifndef TG_KERNELS_NARROW_H
#define TG_KERNELS_NARROW_H

#include "kernels/kernels.h"

/* Puts them into a table that has those of the other types. */
void tg__narrow_casts(tg__ew_fn cast[TG__ALL_DTYPES][TG__ALL_DTYPES]);

/* The kernel of a + b in one of these types: computed in f32 or i32, then rounded or wrapped. */
tg__ew_fn tg__narrow_add(tg_dtype dtype);

#endif
