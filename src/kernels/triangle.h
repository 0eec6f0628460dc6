/* triangle.h - the lower or upper triangle of matrices. */
#ifndef TG_KERNELS_TRIANGLE_H
#define TG_KERNELS_TRIANGLE_H

#include "kernels/kernels.h"

/* Zeroes, in `count` contiguous matrices [rows, cols], all (i, j) with j - i > diagonal (lower) or
 * j - i < diagonal (upper). */
void tg__triangle(size_t item, int64_t count, int64_t rows, int64_t cols, int64_t diagonal,
                  bool lower, char *x);

#endif
