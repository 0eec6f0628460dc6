/* tensor.h - tensors: element types, creation, queries, access to the data, printing. */
#ifndef TENSORGRAD_TENSOR_H
#define TENSORGRAD_TENSOR_H

#include <tensorgrad/base.h>

#ifdef __cplusplus
#include <initializer_list>
extern "C" {
#endif

/** A tensor: a handle on strided memory, counted by reference (scope.h). All members are private.
 */
typedef struct tg_tensor tg_tensor;

/** Element types. The numbers are part of the ABI. TG_I16 to TG_BF16 are types to store in:
 *  operations compute them as i32 and f32 and convert the result back. */
typedef enum {
    TG_F32 = 0,
    TG_F64 = 1,
    TG_I64 = 2,
    TG_I32 = 3,
    TG_U8 = 4,
    TG_BOOL = 5, /**< one byte, 0 or 1 */
    TG_I16 = 6,
    TG_I8 = 7,
    TG_F16 = 8, /**< IEEE binary16 */
    TG_BF16 = 9 /**< the upper half of f32 */
} tg_dtype;

/* Shapes and lists of dims in one argument: tg_zeros(TG_F32, TG_SHAPE(2, 3)). TG_0D is the shape of
 * a 0-d tensor, TG_ALL stands for all dims of a reduction. */
#ifdef __cplusplus
#define TG_SHAPE(...)                                                                              \
    (static_cast<int>(std::initializer_list<int64_t>{__VA_ARGS__}.size())),                        \
        (std::initializer_list<int64_t>{__VA_ARGS__}.begin())
#define TG_DIMS(...)                                                                               \
    (static_cast<int>(std::initializer_list<int>{__VA_ARGS__}.size())),                            \
        (std::initializer_list<int>{__VA_ARGS__}.begin())
#else
#define TG_SHAPE(...)                                                                              \
    ((int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))),                             \
        ((const int64_t[]){__VA_ARGS__})
#define TG_DIMS(...)                                                                               \
    ((int)(sizeof((const int[]){__VA_ARGS__}) / sizeof(int))), ((const int[]){__VA_ARGS__})
#endif
#define TG_0D 0, NULL
#define TG_ALL 0, NULL

/** The tensor that stands for an absent optional argument. Never counted; not NULL, which always
 *  means failure. */
TG_API tg_tensor *tg_none(void);
#define TG_NONE tg_none()

/* ---- Element types -------------------------------------------------------------------------- */

/** Bytes of one element; 0 for a number that is no dtype of this version. */
TG_API size_t tg_dtype_size(tg_dtype dtype);
/** "f32", "f64", "i64", "i32", "u8", "bool", …; "unknown" for other numbers. */
TG_API const char *tg_dtype_name(tg_dtype dtype);
/** True for the types that can require gradients. */
TG_API bool tg_dtype_is_float(tg_dtype dtype);
/** The dtype that arithmetic of two tensors with dims gives: the higher category (bool < integer <
 *  float), within it the wider type; u8 with a signed integer gives the signed one, with i8 i16;
 * f16 with bf16 gives f32. */
TG_API tg_dtype tg_promote_types(tg_dtype a, tg_dtype b);

/* ---- Creation -------------------------------------------------------------------------------
 * Each returns a new contiguous tensor without gradient, or NULL: TG_ERR_SHAPE for a negative size,
 * more than TG_MAX_DIMS dims or a byte count that overflows, TG_ERR_DTYPE, TG_ERR_MEMORY. */

/** Copies row-major elements. `data` may be NULL only if the shape has no elements. */
TG_API tg_tensor *tg_from_array(tg_dtype dtype, int ndim, const int64_t *shape, const void *data);
/**
 * Wraps memory of the caller without copying.
 *
 * strides are in elements, 0 or positive; NULL means row-major. `data` must be aligned to the
 * element size. When the last tensor on the memory goes, deleter(ctx) is called once (NULL: nothing
 * is). If this function fails, the deleter is not called and the memory stays the caller's.
 */
TG_API tg_tensor *tg_from_blob(void *data, tg_dtype dtype, int ndim, const int64_t *shape,
                               const int64_t *strides, void (*deleter)(void *ctx), void *ctx);
/** Uninitialised memory. */
TG_API tg_tensor *tg_empty(tg_dtype dtype, int ndim, const int64_t *shape);
TG_API tg_tensor *tg_zeros(tg_dtype dtype, int ndim, const int64_t *shape);
TG_API tg_tensor *tg_ones(tg_dtype dtype, int ndim, const int64_t *shape);
/** Every element is value, converted as tg_cast converts. */
TG_API tg_tensor *tg_full(tg_dtype dtype, int ndim, const int64_t *shape, double value);
/** A 0-d tensor. */
TG_API tg_tensor *tg_scalar(tg_dtype dtype, double value);
/** A 0-d i64 tensor: exact where a double is not. */
TG_API tg_tensor *tg_scalar_i64(int64_t value);
/** start, start + step, … below end (above it for a negative step): ceil((end - start) / step)
 *  elements, each computed as start + i * step in double. TG_ERR_ARG if step is 0, an argument is
 *  not finite or the direction is wrong. */
TG_API tg_tensor *tg_arange(tg_dtype dtype, double start, double end, double step);
/** n evenly spaced values from start to end, both included, computed from the nearer end so that
 *  the result is symmetric. n = 1 gives start. TG_ERR_ARG if n < 0 or an end is not finite. */
TG_API tg_tensor *tg_linspace(tg_dtype dtype, double start, double end, int64_t n);
/** [n, m] with ones on the main diagonal. */
TG_API tg_tensor *tg_eye(tg_dtype dtype, int64_t n, int64_t m);
/** Same shape and dtype as x, contiguous, no gradient. */
TG_API tg_tensor *tg_empty_like(const tg_tensor *x);
TG_API tg_tensor *tg_zeros_like(const tg_tensor *x);
TG_API tg_tensor *tg_ones_like(const tg_tensor *x);
TG_API tg_tensor *tg_full_like(const tg_tensor *x, double value);

/* ---- Queries: they take NULL, answer as said, and never touch the error --------------------- */

/** Number of dims; -1 for NULL or TG_NONE. */
TG_API int tg_ndim(const tg_tensor *x);
/** tg_ndim(x) sizes, owned by x; NULL for NULL. */
TG_API const int64_t *tg_shape(const tg_tensor *x);
/** tg_ndim(x) strides in elements, owned by x; NULL for NULL. */
TG_API const int64_t *tg_strides(const tg_tensor *x);
/** Size of one dim; dim may be negative; -1 if there is no such dim. */
TG_API int64_t tg_size(const tg_tensor *x, int dim);
/** Number of elements; -1 for NULL. */
TG_API int64_t tg_numel(const tg_tensor *x);
/** The dtype; (tg_dtype)-1 for NULL. */
TG_API tg_dtype tg_dtype_of(const tg_tensor *x);
/** True if the elements lie in row-major order without gaps. */
TG_API bool tg_is_contiguous(const tg_tensor *x);
TG_API bool tg_is_none(const tg_tensor *x);
/** How often the memory behind x was written in place; views share it. */
TG_API uint32_t tg_version_of(const tg_tensor *x);

/* ---- Data ----------------------------------------------------------------------------------- */

/** Element 0; the others lie tg_strides(x) apart. NULL for NULL and for tensors without elements.
 */
TG_API const void *tg_data(const tg_tensor *x);
/** The same for writing: counts as an in-place write of x, so a graph that saved x will refuse to
 *  run backward. NULL also if writing is not allowed: TG_ERR_STATE on memory that overlaps itself
 *  (expanded). */
TG_API void *tg_data_mut(tg_tensor *x);
/** The one element of x, as double; NaN and an error (TG_ERR_SHAPE) if there is not exactly one. */
TG_API double tg_item(const tg_tensor *x);
/** The one element of an integer or bool tensor, exactly; 0 and an error otherwise. */
TG_API int64_t tg_item_i64(const tg_tensor *x);
/** Copies all elements, row-major whatever the layout, to dst. bytes must be exactly
 *  tg_numel(x) * tg_dtype_size(dtype). */
TG_API TG_NODISCARD tg_status tg_copy_to(const tg_tensor *x, void *dst, size_t bytes);

/** Prints x as NumPy does (large tensors are summarised), with dtype and shape. buf gets at most
 *  cap bytes with the final zero. Returns the full length without it, or -1 with an error. */
TG_API int64_t tg_format(const tg_tensor *x, char *buf, size_t cap);
/** The same to a file, with a newline. */
TG_API tg_status tg_print(const tg_tensor *x, FILE *file);

#ifdef __cplusplus
}
#endif
#endif
