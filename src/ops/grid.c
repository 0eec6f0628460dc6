/* grid.c - index grids: one_hot, meshgrid. */
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/view.h"

#include <string.h>

/* ---- one_hot: 1 at the class, 0 elsewhere ---- */
typedef struct {
    int64_t num_classes;
} one_hot_attr;
static const tg__field one_hot_fields[] = {
    {"num_classes", TG_ATTR_INT, offsetof(one_hot_attr, num_classes), false, -1, 0}, {0}};

/* How many classes there are; -1 with an error. All indices are checked. */
static int64_t classes(const tg_tensor *index, const tg_tensor *x, int64_t given) {
    const int64_t *at = (const int64_t *)(const void *)index->data;
    int64_t n = given;
    if (given < -1 || given == 0 || (given == -1 && index->numel == 0)) {
        tg__fail(given == -1 ? TG_ERR_SHAPE : TG_ERR_ARG, "one_hot",
                 "num_classes is %lld for index %s; give 1 or more, or -1 for the largest index "
                 "plus one",
                 (long long)given, tg__describe(x));
        return -1;
    }
    for (int64_t i = 0; given == -1 && i < index->numel; i++)
        n = at[i] < INT64_MAX && at[i] + 1 > n ? at[i] + 1 : n;
    for (int64_t i = 0; i < index->numel; i++)
        if (at[i] < 0 || at[i] >= n) {
            tg__fail(TG_ERR_INDEX, "one_hot",
                     "index %lld at position %lld of %s is out of range; give 0 to %lld",
                     (long long)at[i], (long long)i, tg__describe(x), (long long)n - 1);
            return -1;
        }
    return n;
}

static bool one_hot_forward(const tg__call *c) {
    const one_hot_attr *a = c->attr;
    const tg_tensor *x = c->in[0];
    if (!tg__index_dtype("one_hot", x))
        return false;
    if (x->ndim == TG_MAX_DIMS) {
        tg__fail(TG_ERR_SHAPE, "one_hot", "%s has the largest number of dims already; give fewer",
                 tg__describe(x));
        return false;
    }
    tg_tensor *index = tg__packed_as("one_hot", c->in[0], TG_I64);
    int64_t n = index != NULL ? classes(index, x, a->num_classes) : -1;
    if (n >= 0) {
        int64_t shape[TG_MAX_DIMS];
        memcpy(shape, x->shape, sizeof shape);
        shape[x->ndim] = n;
        c->out[0] = tg__new("one_hot", TG_I64, x->ndim + 1, shape);
    }
    if (c->out[0] != NULL && c->out[0]->numel > 0) {
        const int64_t *at = (const int64_t *)(const void *)index->data;
        int64_t *row = (int64_t *)(void *)c->out[0]->data;
        memset(row, 0, (size_t)c->out[0]->numel * sizeof *row);
        for (int64_t i = 0; i < index->numel; i++, row += n)
            row[at[i]] = 1;
    }
    tg__unref(index);
    return c->out[0] != NULL;
}
TG_OP(one_hot, .maths = "y[i, k] = 1 if k = index[i], else 0", .inputs = "index", .n_in = 1,
      .no_grad = 1, .flags = TG__NOT_DIFF, .fields = one_hot_fields,
      .attr_size = sizeof(one_hot_attr), .forward = one_hot_forward, .onnx = {"OneHot", 11});
TG_SAMPLES(one_hot, "i[4]<3 | num_classes=3", "i[2,3]<4", "i[]<2 | num_classes=5");
tg_tensor *tg_one_hot(tg_tensor *index, int64_t num_classes) {
    return tg__apply1(&tg__op_one_hot, index, &(one_hot_attr){num_classes});
}

/* ---- meshgrid ---- */

/* Vector i as a view of the grid's shape: varying along dim `dim` only. */
static tg_tensor *spread(tg_tensor *x, int dim, int ndim, const int64_t *shape) {
    int64_t thin[TG_MAX_DIMS];
    for (int k = 0; k < ndim; k++)
        thin[k] = k == dim ? x->numel : 1;
    return tg_expand(tg_reshape(x, ndim, thin), ndim, shape);
}

/* Dim of the grid that vector i runs along. */
static int dim_of(int i, int n, bool swapped) { return swapped && n > 1 && i < 2 ? 1 - i : i; }

tg_status tg_meshgrid(tg_tensor *const *tensors, int n, const char *indexing, tg_tensor **out) {
    bool xy = indexing != NULL && strcmp(indexing, "xy") == 0;
    if (n < 1 || n > TG_MAX_DIMS || tensors == NULL || out == NULL)
        return tg__fail(TG_ERR_ARG, "meshgrid", "%d tensors at %s; give 1 to %d and room for them",
                        n, tensors == NULL || out == NULL ? "NULL" : "the list", TG_MAX_DIMS);
    for (int i = 0; i < n; i++)
        out[i] = NULL;
    if (!xy && (indexing == NULL || strcmp(indexing, "ij") != 0))
        return tg__fail(TG_ERR_ARG, "meshgrid", "indexing is %s; give \"ij\" or \"xy\"",
                        tg__quote(indexing));
    int64_t shape[TG_MAX_DIMS];
    for (int i = 0; i < n; i++) {
        if (!tg__required("meshgrid", "tensors", tensors[i]))
            return tg_error_status();
        if (tensors[i]->ndim > 1 || tensors[i]->dtype != tensors[0]->dtype)
            return tg__fail(tensors[i]->ndim > 1 ? TG_ERR_SHAPE : TG_ERR_DTYPE, "meshgrid",
                            "tensor %d is %s and tensor 0 is %s; give vectors of one dtype", i,
                            tg__describe(tensors[i]), tg__describe(tensors[0]));
        shape[dim_of(i, n, xy)] = tensors[i]->numel;
    }
    const char *was = tg__errors_as("meshgrid");
    bool good = true;
    for (int i = 0; good && i < n; i++) {
        tg_scope s = tg_scope_open();
        out[i] = tg_scope_return(s, spread(tensors[i], dim_of(i, n, xy), n, shape));
        good = out[i] != NULL;
        for (int k = 0; !good && k < i; k++) {
            tg_release(out[k]);
            out[k] = NULL;
        }
    }
    tg__errors_back(was);
    return good ? TG_OK : tg_error_status();
}
