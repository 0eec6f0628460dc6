/* ops_create.h - index grids, windows and other tensors made from numbers. The rules for all
 * operations stand in ops.h. */
#ifndef TENSORGRAD_OPS_CREATE_H
#define TENSORGRAD_OPS_CREATE_H

#include <tensorgrad/scope.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif
#endif
