/* ops_nn.h - normalisation, dropout, embedding, attention, recurrent layers. The rules for all
 * operations stand in ops.h. */
#ifndef TENSORGRAD_OPS_NN_H
#define TENSORGRAD_OPS_NN_H

#include <tensorgrad/scope.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif
#endif
