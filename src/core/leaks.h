/* leaks.h - the register of live tensors that TENSORGRAD_LEAKS=1 keeps. */
#ifndef TG_CORE_LEAKS_H
#define TG_CORE_LEAKS_H

#include "core/tensor.h"

/* Non-zero once the first tensor was made under TENSORGRAD_LEAKS=1; read before calling below. */
extern _Atomic int tg__leaks_on;
/* -1: not decided yet; reads the environment, registers the report at exit. */
void tg__leaks_decide(void);
/* Notes / forgets a tensor with its creation site: TENSORGRAD_SITES file and line if set, else the
 * first return address outside the library. */
void tg__leaks_add(const tg_tensor *x);
void tg__leaks_remove(const tg_tensor *x);

#endif
