/* create.c - new tensors: from memory, filled, ranges.
 *
 * Every function makes a raw tensor, fills it and hands it out by tg__give. None changes a state
 * that exists, so none is stopped by a shut scope.
 *
 * A wrapped block keeps the storage head, which owns no data; the deleter is set last, so that
 * nothing that can fail comes after it. */
#include "core/tensor.h"
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

/* ---- From memory ---- */

tg_tensor *tg_from_array(tg_dtype dtype, int ndim, const int64_t *shape, const void *data) {
    int64_t numel;
    size_t bytes;
    if (!tg__shape_check("from_array", dtype, ndim, shape, &numel, &bytes))
        return NULL;
    if (data == NULL && numel > 0) {
        tg__fail(TG_ERR_ARG, "from_array", "argument data is NULL for %s %s; pass %llu bytes",
                 tg_dtype_name(dtype), tg__describe_shape(ndim, shape), (unsigned long long)bytes);
        return NULL;
    }
    tg_tensor *x = tg__new("from_array", dtype, ndim, shape);
    if (x == NULL || numel == 0)
        return tg__give(x);
    memcpy(x->data, data, bytes);
    if (dtype == TG_BOOL) { /* any byte but 0 is true; tensors hold 0 and 1 */
        unsigned char *byte = (unsigned char *)x->data;
        for (int64_t i = 0; i < numel; i++)
            byte[i] = byte[i] != 0;
    }
    return tg__give(x);
}

/* How many bytes the elements span, all dims counting as non-empty, so that every product of a
 * stride stays in range. False with an error. */
static bool span_bytes(tg_dtype dtype, int ndim, const int64_t *shape, const int64_t *stride,
                       int64_t *span) {
    int64_t item = (int64_t)tg__item_size(dtype);
    int64_t total = item;
    for (int i = 0; i < ndim; i++) {
        if (stride[i] < 0) {
            tg__fail(TG_ERR_ARG, "from_blob",
                     "stride %lld of dim %d in %s is negative; give 0 or more (copy with "
                     "from_array what runs backwards)",
                     (long long)stride[i], i, tg__describe_shape(ndim, stride));
            return false;
        }
        int64_t step;
        int64_t reach;
        int64_t steps = shape[i] > 1 ? shape[i] - 1 : 0;
        if (__builtin_mul_overflow(stride[i], item, &step) ||
            __builtin_mul_overflow(step, steps, &reach) ||
            __builtin_add_overflow(total, reach, &total)) {
            tg__fail(TG_ERR_SHAPE, "from_blob",
                     "size overflow: %s of %s with strides %s spans more than 2^63 bytes",
                     tg__describe_shape(ndim, shape), tg_dtype_name(dtype),
                     tg__describe_shape(ndim, stride));
            return false;
        }
    }
    *span = total;
    return true;
}

static bool blob_address(const void *data, tg_dtype dtype, int64_t numel, int64_t span) {
    if (data == NULL) {
        if (numel == 0)
            return true;
        tg__fail(TG_ERR_ARG, "from_blob",
                 "argument data is NULL for %lld elements; pass the "
                 "memory",
                 (long long)numel);
        return false;
    }
    size_t item = tg__item_size(dtype);
    if ((uintptr_t)data % item != 0) {
        tg__fail(TG_ERR_ARG, "from_blob",
                 "data at %p is not aligned to the %zu bytes of %s; copy it with from_array", data,
                 item, tg_dtype_name(dtype));
        return false;
    }
    if (numel > 0 && (uintptr_t)data > UINTPTR_MAX - (uintptr_t)span) {
        tg__fail(TG_ERR_SHAPE, "from_blob",
                 "size overflow: %lld bytes from %p pass the end of the address space",
                 (long long)span, data);
        return false;
    }
    return true;
}

tg_tensor *tg_from_blob(void *data, tg_dtype dtype, int ndim, const int64_t *shape,
                        const int64_t *strides, void (*deleter)(void *ctx), void *ctx) {
    int64_t numel;
    int64_t span;
    int64_t row_major[TG_MAX_DIMS];
    if (!tg__shape_check("from_blob", dtype, ndim, shape, &numel, NULL))
        return NULL;
    if (strides == NULL) {
        tg__row_major(ndim, shape, row_major);
        strides = row_major;
    }
    if (!span_bytes(dtype, ndim, shape, strides, &span) || !blob_address(data, dtype, numel, span))
        return NULL;

    const int64_t none[1] = {0};
    tg_tensor *x = tg__new("from_blob", dtype, 1, none);
    if (x == NULL)
        return NULL;
    x->ndim = (uint8_t)ndim;
    x->numel = numel;
    for (int i = 0; i < ndim; i++) {
        x->shape[i] = shape[i];
        x->stride[i] = strides[i];
    }
    if (!tg__is_row_major(ndim, shape, strides))
        x->flags &= (uint8_t)~TG__CONTIGUOUS;
    if (data != NULL) { /* else the empty storage's own address, which is valid */
        x->data = data;
        x->storage->data = data;
        x->storage->bytes = numel > 0 ? (size_t)span : 0;
    }
    x = tg__give(x);
    if (x != NULL) {
        x->storage->ctx = ctx;
        x->storage->deleter = deleter;
    }
    return x;
}

/* ---- Filled ---- */

static tg_tensor *filled(const char *op, tg_dtype dtype, int ndim, const int64_t *shape,
                         double value) {
    tg_tensor *x = tg__new(op, dtype, ndim, shape);
    if (x != NULL && x->numel > 0) {
        uint64_t item = 0;
        tg__convert_double(dtype, &item, value);
        tg__fill(x->data, &item, tg__item_size(dtype), x->numel);
    }
    return tg__give(x);
}

tg_tensor *tg_empty(tg_dtype dtype, int ndim, const int64_t *shape) {
    return tg__give(tg__new("empty", dtype, ndim, shape));
}

tg_tensor *tg_zeros(tg_dtype dtype, int ndim, const int64_t *shape) {
    return filled("zeros", dtype, ndim, shape, 0);
}

tg_tensor *tg_ones(tg_dtype dtype, int ndim, const int64_t *shape) {
    return filled("ones", dtype, ndim, shape, 1);
}

tg_tensor *tg_full(tg_dtype dtype, int ndim, const int64_t *shape, double value) {
    return filled("full", dtype, ndim, shape, value);
}

tg_tensor *tg_scalar(tg_dtype dtype, double value) {
    tg_tensor *x = tg__new("scalar", dtype, TG_0D);
    if (x != NULL)
        tg__convert_double(dtype, x->data, value);
    return tg__give(x);
}

tg_tensor *tg_scalar_i64(int64_t value) {
    tg_tensor *x = tg__new("scalar_i64", TG_I64, TG_0D);
    if (x != NULL)
        memcpy(x->data, &value, sizeof value);
    return tg__give(x);
}

static tg_tensor *filled_like(const char *op, const tg_tensor *x, double value) {
    if (!tg__required(op, "x", x))
        return NULL;
    return filled(op, (tg_dtype)x->dtype, x->ndim, x->shape, value);
}

tg_tensor *tg_empty_like(const tg_tensor *x) {
    if (!tg__required("empty_like", "x", x))
        return NULL;
    return tg__give(tg__new("empty_like", (tg_dtype)x->dtype, x->ndim, x->shape));
}

tg_tensor *tg_zeros_like(const tg_tensor *x) { return filled_like("zeros_like", x, 0); }
tg_tensor *tg_ones_like(const tg_tensor *x) { return filled_like("ones_like", x, 1); }
tg_tensor *tg_full_like(const tg_tensor *x, double value) {
    return filled_like("full_like", x, value);
}

/* ---- Ranges ---- */

static bool counts(const char *op, tg_dtype dtype) {
    if (dtype != TG_BOOL)
        return true;
    tg__fail(TG_ERR_DTYPE, op, "dtype bool; use f32, f64, i64, i32 or u8 and compare or cast");
    return false;
}

static bool is_finite(const char *op, const char *name, double value) {
    if (isfinite(value))
        return true;
    tg__fail(TG_ERR_ARG, op, "argument %s is %s; give a finite number", name, tg__num(value));
    return false;
}

tg_tensor *tg_arange(tg_dtype dtype, double start, double end, double step) {
    if (!counts("arange", dtype) || !is_finite("arange", "start", start) ||
        !is_finite("arange", "end", end) || !is_finite("arange", "step", step))
        return NULL;
    if (step == 0) {
        tg__fail(TG_ERR_ARG, "arange", "argument step is 0; give the difference of two elements");
        return NULL;
    }
    if (step > 0 ? end < start : end > start) {
        tg__fail(TG_ERR_ARG, "arange", "step %s leads away from %s to %s; change its sign",
                 tg__num(step), tg__num(start), tg__num(end));
        return NULL;
    }
    double count = ceil((end - start) / step);
    if (!(count < 9007199254740992.0)) { /* 2^53: beyond it i * step is not exact anyway */
        tg__fail(TG_ERR_SHAPE, "arange",
                 "size overflow: %s elements from %s to %s by %s; give fewer than 2^53",
                 tg__num(count), tg__num(start), tg__num(end), tg__num(step));
        return NULL;
    }
    const int64_t n = (int64_t)count;
    tg_tensor *x = tg__new("arange", dtype, TG_SHAPE(n));
    if (x != NULL && n > 0)
        tg__fill_range(dtype, tg__item_size(dtype), x->data, start, step, n);
    return tg__give(x);
}

/* Element i of n > 1. The two halves mirror each other; the middle of an odd number belongs to
 * both. */
static double spaced(double start, double end, double step, int64_t i, int64_t n) {
    int64_t back = n - 1 - i;
    if (i == back)
        return 0.5 * start + 0.5 * end;
    if (isfinite(step))
        return i < back ? start + (double)i * step : end - (double)back * step;
    /* end - start overflows: weigh the ends instead */
    double weight = (double)i / (double)(n - 1);
    return start * (1 - weight) + end * weight;
}

#define CHUNK 128

tg_tensor *tg_linspace(tg_dtype dtype, double start, double end, int64_t n) {
    if (!counts("linspace", dtype) || !is_finite("linspace", "start", start) ||
        !is_finite("linspace", "end", end))
        return NULL;
    if (n < 0) {
        tg__fail(TG_ERR_ARG, "linspace", "argument n is %lld; give 0 or more", (long long)n);
        return NULL;
    }
    tg_tensor *x = tg__new("linspace", dtype, TG_SHAPE(n));
    if (x == NULL || n == 0)
        return tg__give(x);
    if (n == 1) {
        tg__convert_double(dtype, x->data, start);
        return tg__give(x);
    }
    double value[CHUNK];
    double step = (end - start) / (double)(n - 1);
    tg__ew_fn convert = tg__kernels_get()->cast[dtype][TG_F64];
    int64_t item = (int64_t)tg__item_size(dtype);
    for (int64_t at = 0; at < n; at += CHUNK) {
        int64_t m = n - at < CHUNK ? n - at : CHUNK;
        for (int64_t i = 0; i < m; i++)
            value[i] = spaced(start, end, step, at + i, n);
        char *const p[] = {x->data + at * item, (char *)value};
        const int64_t s[] = {item, (int64_t)sizeof *value};
        convert(p, s, m, NULL);
    }
    return tg__give(x);
}

tg_tensor *tg_eye(tg_dtype dtype, int64_t n, int64_t m) {
    tg_tensor *x = tg__new("eye", dtype, TG_SHAPE(n, m));
    if (x == NULL || x->numel == 0)
        return tg__give(x);
    uint64_t one = 0;
    size_t item = tg__item_size(dtype);
    tg__convert_double(dtype, &one, 1);
    memset(x->data, 0, (size_t)x->numel * item);
    for (int64_t i = 0; i < n && i < m; i++)
        memcpy(x->data + (size_t)(i * m + i) * item, &one, item);
    return tg__give(x);
}
