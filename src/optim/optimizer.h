/* optimizer.h - checks that the optimizers share. */
#ifndef TG_OPTIM_OPTIMIZER_H
#define TG_OPTIM_OPTIMIZER_H

#include <tensorgrad/optim.h>

/* Hyperparameters: each raises TG_ERR_ARG naming the value and what is allowed. */
tg_status tg__check_not_negative(const char *op, const char *name, double value);
tg_status tg__check_fraction(const char *op, const char *name, double value); /* in [0, 1) */
tg_status tg__check_finite(const char *op, const char *name, double value);

#endif
