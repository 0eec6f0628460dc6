/* ops_activation.h - activation functions. The rules for all operations stand in ops.h. */
#ifndef TENSORGRAD_OPS_ACTIVATION_H
#define TENSORGRAD_OPS_ACTIVATION_H

#include <tensorgrad/scope.h>

#ifdef __cplusplus
extern "C" {
#endif

/** x where x > 0, else slope·x; gradient slope at 0. Float. */
TG_API tg_tensor *tg_leaky_relu(tg_tensor *x, double slope);
TG_API tg_tensor *tg_leaky_relu_(tg_tensor *x, double slope);

#ifdef __cplusplus
}
#endif
#endif
