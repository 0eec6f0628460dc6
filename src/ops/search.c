/* search.c - positions of values in sorted sequences, and membership. */
#include "kernels/search.h"

#include "ops/elementwise.h"
#include "ops/reduce.h"

/* ---- searchsorted, bucketize ---- */
typedef struct {
    bool right;
} search_attr;
static const tg__field search_fields[] = {
    {"right", TG_ATTR_BOOL, offsetof(search_attr, right), false, 0, 0}, {0}};

/* One sequence for all values, or as many as the values have rows. */
static bool search_check(const tg_tensor *sequence, const tg_tensor *values) {
    bool fits = sequence->ndim >= 1 && (sequence->ndim == 1 || sequence->ndim == values->ndim);
    for (int i = 0; fits && sequence->ndim > 1 && i < values->ndim - 1; i++)
        fits = sequence->shape[i] == values->shape[i];
    if (!fits)
        tg__fail(TG_ERR_SHAPE, "searchsorted",
                 "sorted_sequence is %s and values is %s; give a sequence of one dim, or of the "
                 "sizes of values but for the last",
                 tg__describe(sequence), tg__describe(values));
    return fits;
}

static bool searchsorted_forward(const tg__call *c) {
    const search_attr *a = c->attr;
    const tg_tensor *values = c->in[1];
    if (!search_check(c->in[0], values))
        return false;
    tg_dtype dtype = tg__promote(c->in[0], c->in[1]);
    tg_tensor *s = tg__packed_as("searchsorted", c->in[0], dtype);
    tg_tensor *v = s != NULL ? tg__packed_as("searchsorted", c->in[1], dtype) : NULL;
    if (v != NULL)
        c->out[0] = tg__new("searchsorted", TG_I64, values->ndim, values->shape);
    if (c->out[0] != NULL && v->numel > 0) {
        int64_t n = s->shape[s->ndim - 1];
        int64_t m = s->ndim > 1 ? v->shape[v->ndim - 1] : v->numel;
        tg__search(dtype, v->numel / m, n, s->ndim > 1 ? n : 0, s->data, m, v->data, a->right,
                   (int64_t *)(void *)c->out[0]->data);
    }
    tg__unref(s);
    tg__unref(v);
    return c->out[0] != NULL;
}
TG_OP(searchsorted, .maths = "where values would go into sorted_sequence",
      .inputs = "sorted_sequence values", .n_in = 2, .flags = TG__NOT_DIFF, .fields = search_fields,
      .attr_size = sizeof(search_attr), .forward = searchsorted_forward, .onnx = {"none"});
TG_SAMPLES(searchsorted, "[4] [2,3]", "[2,4] [2,3] | right=1", "[4] []");
tg_tensor *tg_searchsorted(tg_tensor *sorted_sequence, tg_tensor *values, bool right) {
    return tg__apply2(&tg__op_searchsorted, sorted_sequence, values, &(search_attr){right});
}
tg_tensor *tg_bucketize(tg_tensor *x, tg_tensor *boundaries, bool right) {
    const char *was = tg__errors_as("bucketize");
    tg_tensor *y = NULL;
    if (x == NULL || boundaries == NULL || tg_ndim(boundaries) <= 1)
        y = tg_searchsorted(boundaries, x, right);
    else
        tg__fail(TG_ERR_SHAPE, "bucketize", "boundaries is %s; give one dim of them",
                 tg__describe(boundaries));
    tg__errors_back(was);
    return y;
}

/* ---- isin ---- */
typedef struct {
    bool invert;
} isin_attr;
static const tg__field isin_fields[] = {
    {"invert", TG_ATTR_BOOL, offsetof(isin_attr, invert), false, 0, 0}, {0}};

/* Each element is looked up in the sorted list: it is there if it stands where it would go. */
static tg_tensor *is_in(tg_tensor *x, tg_tensor *list, bool invert) {
    tg_dtype dtype = tg__promote(x, list);
    tg_tensor *flat = tg_reshape(tg_cast(list, dtype), TG_SHAPE(-1));
    tg_tensor *sorted = tg_sort(flat, 0, false, false, NULL);
    tg_tensor *at = tg_searchsorted(sorted, tg_cast(x, dtype), false);
    tg_tensor *last = tg_scalar_i64(list->numel - 1);
    at = tg_reshape(tg_minimum(at, last), TG_SHAPE(-1));
    tg_tensor *found = tg_reshape(tg_index_select(sorted, 0, at), x->ndim, x->shape);
    return (invert ? tg_ne : tg_eq)(tg_cast(x, dtype), found);
}
static bool isin_forward(const tg__call *c) {
    const isin_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    tg_scope s = tg_scope_open();
    const char *was = tg__errors_as("isin");
    tg_tensor *y = c->in[1]->numel > 0 && x->numel > 0
                       ? is_in(x, c->in[1], a->invert)
                       : tg_full(TG_BOOL, x->ndim, x->shape, a->invert);
    bool good = tg__settle(c, s, y);
    tg__errors_back(was);
    return good;
}
TG_OP(isin, .maths = "x is among test_elements", .inputs = "x test_elements", .n_in = 2,
      .flags = TG__NOT_DIFF, .fields = isin_fields, .attr_size = sizeof(isin_attr),
      .forward = isin_forward, .onnx = {"composed"});
TG_SAMPLES(isin, "i[2,3]<4 i[2]<4", "[2,3] [4] | invert=1", "[] [2,2]");
tg_tensor *tg_isin(tg_tensor *x, tg_tensor *test_elements, bool invert) {
    return tg__apply2(&tg__op_isin, x, test_elements, &(isin_attr){invert});
}
