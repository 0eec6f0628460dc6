/* ops_conv.h - convolution, pooling, resampling. The rules for all operations stand in ops.h. */
#ifndef TENSORGRAD_OPS_CONV_H
#define TENSORGRAD_OPS_CONV_H

#include <tensorgrad/scope.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif
#endif
