/* activation.h - what the activation functions share. */
#ifndef TG_OPS_ACTIVATION_H
#define TG_OPS_ACTIVATION_H

#include "ops/elementwise.h"

/* A function of x whose gradient needs x. */
#define TG__ACTIVATION .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE, .saves = {TG__SAVE_IN(0, 1)}

/* False with an error unless every FLOAT attribute of the call is finite. */
bool tg__finite_attrs(const tg__call *c);
/* tg__unary_param_forward after that check. */
bool tg__activation_forward(const tg__call *c);

#endif
