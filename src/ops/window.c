/* window.c - the attributes of sliding windows: kernel sizes, strides, padding.
 *
 * Convolution, pooling and unfolding take lists with one entry for all spatial dims or one for
 * each. They are checked here, once; the bound of INT32_MAX keeps every product of two within 64
 * bits. */
#include "ops/window.h"

#include "ops/elementwise.h"

const tg__window_field tg__kernel_field = {"kernel_size", 1, 1, true};
const tg__window_field tg__stride_field = {"stride", 1, 1, false};
const tg__window_field tg__padding_field = {"padding", 0, 0, false};
const tg__window_field tg__dilation_field = {"dilation", 1, 1, false};

bool tg__window_values(const char *op, const tg__window_field *field, const tg__ints *list, int nd,
                       const int64_t *absent, int64_t *out) {
    const int first = TG__SPATIAL - nd;
    if (list->n != 1 && list->n != nd && (list->n != 0 || field->required)) {
        tg__fail(TG_ERR_ARG, op, "%s has %d entries; give 1 for all of the %d spatial dims, or %d",
                 field->name, (int)list->n, nd, nd);
        return false;
    }
    for (int d = 0; d < TG__SPATIAL; d++) {
        if (d < first)
            out[d] = field->missing;
        else if (list->n == 0)
            out[d] = absent != NULL ? absent[d] : field->missing;
        else
            out[d] = list->value[list->n == 1 ? 0 : d - first];
        if (out[d] < field->least || out[d] > INT32_MAX) {
            tg__fail(TG_ERR_ARG, op, "%s is %lld; give %lld to %d", field->name, (long long)out[d],
                     (long long)field->least, INT32_MAX);
            return false;
        }
    }
    return true;
}

void tg__spatial_of(int ndim, const int64_t *shape, int nd, int64_t *out) {
    for (int d = 0; d < TG__SPATIAL; d++) {
        const int at = ndim - TG__SPATIAL + d;
        out[d] = d < TG__SPATIAL - nd ? 1 : shape[at];
    }
}

void tg__ints_from(tg__ints *out, int nd, const int64_t *value) {
    out->n = nd;
    for (int d = 0; d < nd; d++)
        out->value[d] = value[d];
}

bool tg__ints_given(const char *op, const char *name, int n, const int64_t *value, tg__ints *out) {
    out->n = 0;
    if (n < 0 || n > TG__SPATIAL || (n > 0 && value == NULL)) {
        tg__fail(TG_ERR_ARG, op,
                 "%s has %d entries%s; give one for all spatial dims or one for each", name, n,
                 value == NULL ? " at NULL" : "");
        return false;
    }
    tg__ints_from(out, n, value);
    return true;
}

bool tg__spatial_input(const char *op, const char *name, const tg_tensor *x, int nd) {
    static const char *const dims[] = {"", "L", "H, W", "D, H, W"};
    bool good = x->ndim == nd + 1 || x->ndim == nd + 2;
    for (int i = 1; good && i <= nd; i++)
        good = x->shape[x->ndim - i] > 0;
    if (!good)
        tg__fail(TG_ERR_SHAPE, op, "%s is %s; give [N, C, %s] or [C, %s] with %s of at least 1",
                 name, tg__describe(x), dims[nd], dims[nd], dims[nd]);
    return good;
}

bool tg__one_float_dtype(const tg__call *c) {
    for (int i = 0; i < c->n_in; i++) {
        const tg_tensor *x = c->in[i];
        if (tg__absent(x))
            continue;
        if (!tg__float_only(c->op->name, x))
            return false;
        if (x->dtype != c->in[0]->dtype) {
            tg__fail(TG_ERR_DTYPE, c->op->name,
                     "%s is %s and %s is %s; give one dtype: use tg_cast", tg__input_name(c->op, 0),
                     tg__describe(c->in[0]), tg__input_name(c->op, i), tg__describe(x));
            return false;
        }
    }
    return true;
}
