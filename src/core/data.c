/* data.c - reading and writing the elements: pointers, single items, copies.
 *
 * tg__pack and tg__assign are the two ways in which elements move between layouts; operations that
 * copy are made of them. Rows of whole elements go through tg__copy_strided, conversions through
 * the cast kernels. */
#include "core/tensor.h"
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

/* Nanoseconds per element of a conversion, rough: for deciding when threads pay. */
#define CAST_COST 0.5

static bool empty(const tg_tensor *x) {
    return x == NULL || (x->flags & TG__IS_NONE) || x->numel == 0;
}

const void *tg_data(const tg_tensor *x) { return empty(x) ? NULL : x->data; }

void *tg_data_mut(tg_tensor *x) {
    if (!tg__required("data_mut", "x", x) || tg__gate(tg__self()) != TG_OK || x->numel == 0 ||
        !tg__writable("data_mut", x))
        return NULL;
    tg__bump(x, TG__NO_OP);
    return x->data;
}

static bool single(const char *op, const tg_tensor *x) {
    if (!tg__required(op, "x", x))
        return false;
    if (x->numel == 1)
        return true;
    tg__fail(TG_ERR_SHAPE, op, "%s has %lld elements; give a tensor of exactly one",
             tg__describe(x), (long long)x->numel);
    return false;
}

double tg_item(const tg_tensor *x) {
    return single("item", x) ? tg__load_double((tg_dtype)x->dtype, x->data) : (double)NAN;
}

int64_t tg_item_i64(const tg_tensor *x) {
    if (!single("item_i64", x))
        return 0;
    if (tg_dtype_is_float((tg_dtype)x->dtype)) {
        tg__fail(TG_ERR_DTYPE, "item_i64",
                 "%s is floating point; it takes integers and bool (use tg_item)", tg__describe(x));
        return 0;
    }
    return tg__load_i64((tg_dtype)x->dtype, x->data);
}

tg_status tg_copy_to(const tg_tensor *x, void *dst, size_t bytes) {
    if (!tg__required("copy_to", "x", x))
        return tg_error_status();
    size_t needed = (size_t)x->numel * tg__item_size(x->dtype);
    if (bytes != needed)
        return tg__fail(TG_ERR_ARG, "copy_to",
                        "%s takes %llu bytes and dst has %llu; they must be "
                        "equal",
                        tg__describe(x), (unsigned long long)needed, (unsigned long long)bytes);
    if (dst == NULL && bytes > 0)
        return tg__fail(TG_ERR_ARG, "copy_to", "argument dst is NULL; pass %llu bytes",
                        (unsigned long long)bytes);
    tg__pack(x, dst);
    return TG_OK;
}

static void in_bytes(int ndim, const int64_t *stride, size_t item, int64_t *out) {
    for (int i = 0; i < ndim; i++)
        out[i] = stride[i] * (int64_t)item;
}

void tg__pack(const tg_tensor *x, void *dst) {
    if (x->numel == 0)
        return;
    size_t item = tg__item_size(x->dtype);
    if (x->flags & TG__CONTIGUOUS) {
        memcpy(dst, x->data, (size_t)x->numel * item);
        return;
    }
    int64_t to[TG_MAX_DIMS];
    int64_t from[TG_MAX_DIMS];
    tg__row_major(x->ndim, x->shape, to);
    in_bytes(x->ndim, to, item, to);
    in_bytes(x->ndim, x->stride, item, from);
    tg__copy_strided(x->ndim, x->shape, dst, to, x->data, from, item);
}

static void convert(tg_tensor *dst, const tg_tensor *src) {
    tg__ew_fn fn = tg__kernels_get()->cast[dst->dtype][src->dtype];
    size_t to = tg__item_size(dst->dtype);
    size_t from = tg__item_size(src->dtype);
    if (dst->flags & src->flags & TG__CONTIGUOUS) {
        char *const p[] = {dst->data, src->data};
        const int64_t s[] = {(int64_t)to, (int64_t)from};
        tg__loop_flat(p, s, 2, dst->numel, fn, NULL, CAST_COST);
        return;
    }
    tg__loop l = {.n_operands = 2, .ndim = dst->ndim, .data = {dst->data, src->data}};
    memcpy(l.shape, dst->shape, sizeof *l.shape * dst->ndim);
    in_bytes(dst->ndim, dst->stride, to, l.stride[0]);
    in_bytes(dst->ndim, src->stride, from, l.stride[1]);
    tg__loop_coalesce(&l);
    tg__loop_run(&l, fn, NULL, CAST_COST);
}

void tg__assign(tg_tensor *dst, const tg_tensor *src) {
    if (dst->numel == 0)
        return;
    if (dst->dtype != src->dtype) {
        convert(dst, src);
        return;
    }
    size_t item = tg__item_size(dst->dtype);
    if (dst->flags & src->flags & TG__CONTIGUOUS) {
        memcpy(dst->data, src->data, (size_t)dst->numel * item);
        return;
    }
    int64_t to[TG_MAX_DIMS];
    int64_t from[TG_MAX_DIMS];
    in_bytes(dst->ndim, dst->stride, item, to);
    in_bytes(dst->ndim, src->stride, item, from);
    tg__copy_strided(dst->ndim, dst->shape, dst->data, to, src->data, from, item);
}
