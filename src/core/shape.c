/* shape.c - sizes, strides and broadcasting.
 *
 * tg__shape_check is the one place where sizes are validated; the API and every parser call it. It
 * multiplies with overflow checks over all dims, also when one of them is 0, so that strides of an
 * empty tensor cannot overflow either. */
#include "core/tensor.h"

#include <stdio.h>
#include <string.h>

const char *tg__describe_shape(int ndim, const int64_t *shape) {
    char *buf = tg__desc_buffer();
    size_t used = 0;
    buf[used++] = '[';
    for (int i = 0; i < ndim && i < TG_MAX_DIMS; i++) {
        int n = snprintf(buf + used, TG__DESC_BYTES - used - 2, i ? ", %lld" : "%lld",
                         (long long)shape[i]);
        if (n < 0 || used + (size_t)n >= TG__DESC_BYTES - 2)
            break;
        used += (size_t)n;
    }
    buf[used++] = ']';
    buf[used] = '\0';
    return buf;
}

const char *tg__describe(const tg_tensor *x) {
    if (x == NULL)
        return "NULL";
    if (x->flags & TG__IS_NONE)
        return "TG_NONE";
    const char *shape = tg__describe_shape(x->ndim, x->shape);
    char *buf = tg__desc_buffer();
    snprintf(buf, TG__DESC_BYTES, "%s %s", tg_dtype_name((tg_dtype)x->dtype), shape);
    if (x->leaf == NULL || x->leaf->name == NULL)
        return buf;
    const char *name = tg__quote(x->leaf->name); /* whole, or not at all: it may end in a quote */
    size_t used = strlen(buf);
    if (used + strlen(name) + 2 <= TG__DESC_BYTES)
        snprintf(buf + used, TG__DESC_BYTES - used, " %s", name);
    tg__desc_undo(); /* the name is copied: a message has room for as many tensors as without */
    return buf;
}

bool tg__shape_check(const char *op, tg_dtype dtype, int ndim, const int64_t *shape, int64_t *numel,
                     size_t *bytes) {
    if ((unsigned)dtype >= TG__KNOWN_DTYPES) {
        tg__fail(TG_ERR_DTYPE, op,
                 "dtype %d (%s) is not supported; use one of those that tg_dtype names", (int)dtype,
                 tg_dtype_name(dtype));
        return false;
    }
    if (ndim < 0 || ndim > TG_MAX_DIMS) {
        tg__fail(TG_ERR_SHAPE, op, "%d dims; give 0 to %d", ndim, TG_MAX_DIMS);
        return false;
    }
    if (ndim > 0 && shape == NULL) {
        tg__fail(TG_ERR_ARG, op, "shape is NULL with %d dims; pass the sizes", ndim);
        return false;
    }
    int64_t n = 1;
    int64_t without_zeros = (int64_t)tg__item_size(dtype);
    for (int i = 0; i < ndim; i++) {
        if (shape[i] < 0) {
            tg__fail(TG_ERR_SHAPE, op, "size %lld of dim %d in %s is negative; give 0 or more",
                     (long long)shape[i], i, tg__describe_shape(ndim, shape));
            return false;
        }
        n *= shape[i] == 0 ? 0 : 1;
        if (shape[i] != 0 && __builtin_mul_overflow(without_zeros, shape[i], &without_zeros)) {
            tg__fail(TG_ERR_SHAPE, op,
                     "size overflow: %s of %s has more than 2^63 bytes; use smaller sizes",
                     tg__describe_shape(ndim, shape), tg_dtype_name(dtype));
            return false;
        }
    }
    n *= without_zeros / (int64_t)tg__item_size(dtype);
    if (numel != NULL)
        *numel = n;
    if (bytes != NULL)
        *bytes = (size_t)n * tg__item_size(dtype);
    return true;
}

void tg__row_major(int ndim, const int64_t *shape, int64_t *stride) {
    int64_t step = 1;
    for (int i = ndim - 1; i >= 0; i--) {
        stride[i] = step;
        step *= shape[i] > 0 ? shape[i] : 1;
    }
}

bool tg__is_row_major(int ndim, const int64_t *shape, const int64_t *stride) {
    int64_t step = 1;
    for (int i = ndim - 1; i >= 0; i--) {
        if (shape[i] == 0)
            return true;
        if (shape[i] != 1 && stride[i] != step)
            return false;
        step *= shape[i];
    }
    return true;
}

/* Sorts the dims of size > 1 by stride; without overlap each stride exceeds the reach of all
 * smaller ones. Layouts that interleave without meeting are counted as overlapping: they cannot be
 * made by this library's views. */
bool tg__overlaps_itself(const tg_tensor *x) {
    if (x->numel <= 1 || (x->flags & TG__CONTIGUOUS))
        return false;
    int order[TG_MAX_DIMS];
    int n = 0;
    for (int i = 0; i < x->ndim; i++) {
        if (x->shape[i] == 1)
            continue;
        int at = n++;
        for (; at > 0 && x->stride[order[at - 1]] > x->stride[i]; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    int64_t reach = 0;
    for (int k = 0; k < n; k++) {
        if (x->stride[order[k]] <= reach)
            return true;
        reach += x->stride[order[k]] * (x->shape[order[k]] - 1);
    }
    return false;
}

bool tg__ranges_meet(const tg_tensor *a, const tg_tensor *b) {
    if (a->numel == 0 || b->numel == 0)
        return false;
    int64_t ra = 1;
    int64_t rb = 1;
    for (int i = 0; i < a->ndim; i++)
        ra += a->stride[i] * (a->shape[i] - 1);
    for (int i = 0; i < b->ndim; i++)
        rb += b->stride[i] * (b->shape[i] - 1);
    uintptr_t a0 = (uintptr_t)a->data;
    uintptr_t b0 = (uintptr_t)b->data;
    return a0 < b0 + (uintptr_t)rb * tg__item_size(b->dtype) &&
           b0 < a0 + (uintptr_t)ra * tg__item_size(a->dtype);
}

int tg__dim(const char *op, const tg_tensor *x, int64_t dim) {
    int n = x->ndim > 0 ? x->ndim : 1;
    if (dim < -n || dim >= n) {
        tg__fail(TG_ERR_INDEX, op, "dim %lld is out of range for %s; give %d to %d", (long long)dim,
                 tg__describe(x), -n, n - 1);
        return -1;
    }
    return (int)(dim < 0 ? dim + n : dim);
}

bool tg__dim_mask(const char *op, const tg_tensor *x, int n, const int *dims, uint32_t *mask) {
    *mask = 0;
    if (n == 0) {
        *mask = (1u << x->ndim) - 1;
        return true;
    }
    if (n < 0 || dims == NULL) {
        tg__fail(TG_ERR_ARG, op, "%d dims at %s; pass TG_DIMS(...) or TG_ALL", n,
                 dims == NULL ? "NULL" : "the list");
        return false;
    }
    for (int i = 0; i < n; i++) {
        int d = tg__dim(op, x, dims[i]);
        if (d < 0)
            return false;
        if (*mask & (1u << d)) {
            tg__fail(TG_ERR_INDEX, op, "dim %d is given twice for %s; give each dim once", dims[i],
                     tg__describe(x));
            return false;
        }
        *mask |= 1u << d;
    }
    *mask &= (1u << x->ndim) - 1; /* dim 0 of a 0-d tensor */
    return true;
}

bool tg__broadcast(const char *op, const tg_tensor *a, const tg_tensor *b, int *ndim,
                   int64_t *shape) {
    int n = a->ndim > b->ndim ? a->ndim : b->ndim;
    for (int i = 1; i <= n; i++) {
        int64_t sa = i <= a->ndim ? a->shape[a->ndim - i] : 1;
        int64_t sb = i <= b->ndim ? b->shape[b->ndim - i] : 1;
        if (sa != sb && sa != 1 && sb != 1) {
            tg__fail(TG_ERR_SHAPE, op,
                     "%s and %s do not broadcast: sizes %lld and %lld at dim -%d must be equal or "
                     "1; reshape or unsqueeze one of them",
                     tg__describe(a), tg__describe(b), (long long)sa, (long long)sb, i);
            return false;
        }
        shape[n - i] = sa == 1 ? sb : sa;
    }
    *ndim = n;
    return true;
}

void tg__broadcast_strides(const tg_tensor *x, int ndim, int64_t *stride) {
    int lead = ndim - x->ndim;
    for (int i = 0; i < ndim; i++)
        stride[i] = i < lead || x->shape[i - lead] == 1 ? 0 : x->stride[i - lead];
}

bool tg__same_shape(const tg_tensor *a, const tg_tensor *b) {
    if (a->ndim != b->ndim)
        return false;
    for (int i = 0; i < a->ndim; i++)
        if (a->shape[i] != b->shape[i])
            return false;
    return true;
}
