/* index.h - gather and scatter over checked indices. */
#ifndef TG_KERNELS_INDEX_H
#define TG_KERNELS_INDEX_H

#include "kernels/kernels.h"

/* The first position in idx (i64 or i32, n elements `step` bytes apart) whose value is outside
 * [0, size), or -1. The value is stored in *bad. */
int64_t tg__index_check(tg_dtype idx_dtype, const void *idx, int64_t step, int64_t n, int64_t size,
                        int64_t *bad);

/* out += src over n elements of one type; integers wrap, bools are or-ed. */
void tg__add_elements(tg_dtype dtype, char *restrict out, const char *restrict src, int64_t n);

/* out[o, j, i] = x[o, idx[j], i]: x is [outer, size, inner], out is [outer, n, inner], contiguous.
 */
void tg__index_select(size_t item, int64_t outer, int64_t size, int64_t inner, int64_t n,
                      tg_dtype idx_dtype, const void *idx, int64_t idx_step, const void *x,
                      void *out);
/* out[o, idx[j], i] += src[o, j, i], in the order of j for every element: same bits for any number
 * of threads. */
void tg__index_add(tg_dtype dtype, int64_t outer, int64_t size, int64_t inner, int64_t n,
                   tg_dtype idx_dtype, const void *idx, int64_t idx_step, const void *src,
                   void *out);

/* out[.., j, ..] = x[.., idx[.., j, ..], ..] along dim `dim`: idx and out have `shape`; all strides
 * in bytes, idx is i64. Indices were checked. */
void tg__gather(size_t item, int ndim, const int64_t *shape, int dim, const char *x,
                const int64_t *x_stride, const char *idx, const int64_t *idx_stride, char *out,
                const int64_t *out_stride);
/* out[.., idx[.., j, ..], ..] = src[.., j, ..]; of places that meet the last in row-major order
 * wins. The strides of src may be 0. */
void tg__scatter(size_t item, int ndim, const int64_t *shape, int dim, char *out,
                 const int64_t *out_stride, const char *idx, const int64_t *idx_stride,
                 const char *src, const int64_t *src_stride);
/* out[.., idx[.., j, ..], ..] += src[.., j, ..], in row-major order of src for every element. */
void tg__scatter_add(tg_dtype dtype, int ndim, const int64_t *shape, int dim, char *out,
                     const int64_t *out_stride, const char *idx, const int64_t *idx_stride,
                     const char *src, const int64_t *src_stride);

/* The same with another operation in place of +. NaN wins over any number. */
typedef enum { TG__COMBINE_PROD, TG__COMBINE_MAX, TG__COMBINE_MIN } tg__combine;
void tg__scatter_combine(tg__combine how, tg_dtype dtype, int ndim, const int64_t *shape, int dim,
                         char *out, const int64_t *out_stride, const char *idx,
                         const int64_t *idx_stride, const char *src, const int64_t *src_stride);

#endif
