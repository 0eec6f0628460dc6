/* ops_sort.h - sorting, searching, counting, order statistics. The rules for all operations stand
 * in ops.h. */
#ifndef TENSORGRAD_OPS_SORT_H
#define TENSORGRAD_OPS_SORT_H

#include <tensorgrad/scope.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif
#endif
