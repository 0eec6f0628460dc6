/* kernels.h - the loops over pointers and strides that all operations are made of.
 *
 * Nothing here knows a tensor, raises an error or allocates, except where a function says so by
 * returning false. Strides are in bytes and never negative. dtype numbers are tg_dtype. All results
 * are the same bits for any number of threads and any instruction set, matmul excepted. */
#ifndef TG_KERNELS_H
#define TG_KERNELS_H

#include <tensorgrad/tensor.h>

/* ---- Elementwise ---------------------------------------------------------------------------- */

/* Handles n elements; p[0] is the output, p[1..] the inputs; s[i] is the byte step of p[i]. `arg`
 * points to parameters in the kernel's own type, or is NULL. An input may be the output itself
 * (same pointer, same step); other overlaps are not allowed. */
typedef void (*tg__ew_fn)(char *const *p, const int64_t *s, int64_t n, const void *arg);

/* Up to four operands over the same shape. Build, coalesce, run. */
#define TG__LOOP_OPERANDS 4
typedef struct {
    int n_operands, ndim;
    int64_t shape[TG_MAX_DIMS];
    int64_t stride[TG__LOOP_OPERANDS][TG_MAX_DIMS]; /* bytes; 0: broadcast */
    char *data[TG__LOOP_OPERANDS];                  /* [0] is written */
} tg__loop;

/* Drops dims of size 1, sorts dims by the output's strides, merges what can be merged. */
void tg__loop_coalesce(tg__loop *l);
/* Calls fn over the whole shape, in parallel where it pays (cost: nanoseconds per element, rough).
 * Zero elements: nothing. */
void tg__loop_run(const tg__loop *l, tg__ew_fn fn, const void *arg, double cost);
/* The contiguous fast path: n elements, operand i advances s[i] bytes (item size, or 0). */
void tg__loop_flat(char *const *p, const int64_t *s, int n_operands, int64_t n, tg__ew_fn fn,
                   const void *arg, double cost);

/* Kernel numbers, from ew_ops.def. */
typedef enum {
#define TG_UN(name, types, expr) TG__UN_##name,
#include "kernels/ew_ops.def"
    TG__UN_COUNT
} tg__unary;
typedef enum {
#define TG_BIN(name, types, expr) TG__BIN_##name,
#include "kernels/ew_ops.def"
    TG__BIN_COUNT
} tg__binary;
typedef enum {
#define TG_UNP(name, types, expr) TG__UNP_##name,
#include "kernels/ew_ops.def"
    TG__UNP_COUNT
} tg__unary_p;
typedef enum {
#define TG_BINP(name, types, expr) TG__BINP_##name,
#include "kernels/ew_ops.def"
    TG__BINP_COUNT
} tg__binary_p;
typedef enum {
#define TG_TER(name, types, expr) TG__TER_##name,
#include "kernels/ew_ops.def"
    TG__TER_COUNT
} tg__ternary;
typedef enum {
#define TG_CMP(name, types, expr) TG__CMP_##name,
#include "kernels/ew_ops.def"
    TG__CMP_COUNT
} tg__compare;
typedef enum {
#define TG_PRED(name, types, expr) TG__PRED_##name,
#include "kernels/ew_ops.def"
    TG__PRED_COUNT
} tg__predicate;

#define TG__DTYPES 6      /* f32 f64 i64 i32 u8 bool: what is computed in */
#define TG__ALL_DTYPES 10 /* and i16 i8 f16 bf16, which are stored and converted */

/* One instruction set's kernels. An entry is NULL where the operation does not take the dtype. */
typedef struct {
    const char *isa;
    tg__ew_fn unary[TG__UN_COUNT][TG__DTYPES];
    tg__ew_fn binary[TG__BIN_COUNT][TG__DTYPES];
    tg__ew_fn unary_p[TG__UNP_COUNT + 1][TG__DTYPES];   /* arg: T[2], the parameters u and v */
    tg__ew_fn binary_p[TG__BINP_COUNT + 1][TG__DTYPES]; /* arg: the same */
    tg__ew_fn ternary[TG__TER_COUNT + 1][TG__DTYPES];   /* arg: the same */
    tg__ew_fn compare[TG__CMP_COUNT][TG__DTYPES];       /* output bool */
    tg__ew_fn predicate[TG__PRED_COUNT][TG__DTYPES];    /* one input, output bool */
    tg__ew_fn cast[TG__ALL_DTYPES][TG__ALL_DTYPES];     /* [to][from]; [t][t] is a plain copy */
    tg__ew_fn where[TG__ALL_DTYPES];                    /* out, bool condition, a, b */
    tg__ew_fn masked_fill[TG__ALL_DTYPES];              /* out, x, bool mask; arg: the value */
    tg__ew_fn clamp[TG__DTYPES];                        /* out, x; arg: T[2], lo and hi */
    /* out[j] += sum over i of in[i][j] etc. live in reduce.h's functions, which use this table: */
    const struct tg__reduce_table *reduce;
    const struct tg__row_table *rows;
    /* and optim.h's and philox.h's (isa.h): */
    const struct tg__optim_table *optim;
    const struct tg__random_table *random;
} tg__kernels;

/* The table of the best instruction set the CPU has (or TENSORGRAD_ISA names); chosen once. */
const tg__kernels *tg__kernels_get(void);
/* The table of one instruction set by name ("base", "avx2", "avx512"), NULL if not available here.
 */
const tg__kernels *tg__kernels_named(const char *isa);

/* Copies n elements of `item` bytes (1, 2, 4, 8) between strided arrays of the same shape, with
 * tiles where the unit strides disagree (transposes). */
void tg__copy_strided(int ndim, const int64_t *shape, char *dst, const int64_t *dst_stride,
                      const char *src, const int64_t *src_stride, size_t item);
/* Writes one value (of `item` bytes) n times, contiguously. */
void tg__fill(void *dst, const void *value, size_t item, int64_t n);
/* start + i * step for i in [0, n), computed in double and converted to dtype, whose elements have
 * `item` bytes. */
void tg__fill_range(tg_dtype dtype, size_t item, void *dst, double start, double step, int64_t n);

/* Converts one value as the cast kernels do: to bool is != 0, float to integer truncates and
 * saturates (NaN: 0), wider integer to narrower wraps. */
void tg__convert_double(tg_dtype to, void *dst, double value);
void tg__convert_i64(tg_dtype to, void *dst, int64_t value);
double tg__load_double(tg_dtype dtype, const void *src);
int64_t tg__load_i64(tg_dtype dtype, const void *src);

#endif
