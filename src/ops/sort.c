/* sort.c - sorting along one dim, and the first of the order.
 *
 * Every order is stable (equals keep their order, descending too), and NaN counts as the greatest
 * of all. Gradients go to where the values came from. */
#include "kernels/sort.h"

#include "ops/elementwise.h"
#include "ops/reduce.h"

typedef struct {
    int64_t dim;
    bool descending, stable;
} sort_attr;
static const tg__field sort_fields[] = {
    {"dim", TG_ATTR_INT, offsetof(sort_attr, dim), false, -1, 0},
    {"descending", TG_ATTR_BOOL, offsetof(sort_attr, descending), false, 0, 0},
    {"stable", TG_ATTR_BOOL, offsetof(sort_attr, stable), false, 0, 0},
    {0}};
#define SORT .inputs = "x", .n_in = 1, .fields = sort_fields, .attr_size = sizeof(sort_attr)

/* The first k along dim into values and positions (NULL: not wanted), which are there already. */
static bool first_of(const tg__call *c, int dim, int64_t k, bool descending, tg_tensor *values,
                     tg_tensor *at) {
    tg_tensor *x = c->in[0];
    tg_tensor *packed = tg__packed(c->op->name, x);
    if (packed == NULL)
        return false;
    tg__lines l = tg__lines_along(x, dim);
    tg__lines_to_sort lines = {.dtype = (tg_dtype)x->dtype, l.outer, l.n, l.inner, packed->data};
    lines.values = values != NULL ? values->data : NULL;
    lines.at = at != NULL ? (int64_t *)(void *)at->data : NULL;
    bool good = tg__sort(&lines, k, descending);
    tg__unref(packed);
    if (!good)
        tg__fail_memory(c->op->name, (uint64_t)l.n * 32);
    return good;
}

/* ---- sort ---- */
static bool sort_forward(const tg__call *c) {
    const sort_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    int dim = tg__dim("sort", x, a->dim);
    if (dim < 0)
        return false;
    int64_t n = x->ndim > 0 ? x->shape[dim] : 1;
    return tg__new_picks(c, dim, true, n) &&
           first_of(c, dim, n, a->descending, c->out[0], c->out[1]);
}
static void sort_rule(tg__rule *r) {
    const sort_attr *a = r->attr;
    r->gin[0] = tg__put_back(r->meta[0], a->dim, r->out[1], r->g[0]);
}
TG_OP(sort, .maths = "x in order along dim, and where it came from", SORT, TG__PICKS,
      .forward = sort_forward, .rule = sort_rule, .onnx = {"composed"});
TG_SAMPLES(sort, "[2,5]", "[3,2,2] | dim=0 descending=1", "[2,3] | dim=1 stable=1", "[] | dim=0");
tg_tensor *tg_sort(tg_tensor *x, int dim, bool descending, bool stable, tg_tensor **indices) {
    return tg__apply_rest(&tg__op_sort, &x, 1, &(sort_attr){dim, descending, stable}, &indices);
}
tg_tensor *tg_msort(tg_tensor *x) { return tg_sort(x, 0, false, true, NULL); }

/* ---- argsort ---- */
static bool argsort_forward(const tg__call *c) {
    const sort_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    int dim = tg__dim("argsort", x, a->dim);
    if (dim < 0)
        return false;
    c->out[0] = tg__new("argsort", TG_I64, x->ndim, x->shape);
    return c->out[0] != NULL &&
           first_of(c, dim, x->ndim > 0 ? x->shape[dim] : 1, a->descending, NULL, c->out[0]);
}
TG_OP(argsort, .maths = "positions that put x in order along dim", SORT, .flags = TG__NOT_DIFF,
      .forward = argsort_forward, .onnx = {"composed"});
TG_SAMPLES(argsort, "[2,5]", "[3,2,2] | dim=0 descending=1", "[2,3] | dim=1 stable=1");
tg_tensor *tg_argsort(tg_tensor *x, int dim, bool descending, bool stable) {
    return tg__apply1(&tg__op_argsort, x, &(sort_attr){dim, descending, stable});
}

/* ---- topk ---- */
typedef struct {
    int64_t k, dim;
    bool largest, sorted;
} topk_attr;
static const tg__field topk_fields[] = {
    {"k", TG_ATTR_INT, offsetof(topk_attr, k), true, 0, 0},
    {"dim", TG_ATTR_INT, offsetof(topk_attr, dim), false, -1, 0},
    {"largest", TG_ATTR_BOOL, offsetof(topk_attr, largest), false, 1, 0},
    {"sorted", TG_ATTR_BOOL, offsetof(topk_attr, sorted), false, 1, 0},
    {0}};
static bool topk_forward(const tg__call *c) {
    const topk_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    int dim = tg__dim("topk", x, a->dim);
    if (dim < 0)
        return false;
    int64_t n = x->ndim > 0 ? x->shape[dim] : 1;
    if (a->k < 0 || a->k > n) {
        tg__fail(TG_ERR_INDEX, "topk", "k is %lld and dim %d of %s has size %lld; give 0 to %lld",
                 (long long)a->k, dim, tg__describe(x), (long long)n, (long long)n);
        return false;
    }
    if (x->ndim == 0 && a->k == 0) {
        tg__fail(TG_ERR_SHAPE, "topk", "k is 0 and x is 0-d, which has one element; give 1");
        return false;
    }
    return tg__new_picks(c, dim, true, a->k) &&
           first_of(c, dim, a->k, a->largest, c->out[0], c->out[1]);
}
static void topk_rule(tg__rule *r) {
    const topk_attr *a = r->attr;
    r->gin[0] = tg__put_back(r->meta[0], a->dim, r->out[1], r->g[0]);
}
TG_OP(topk, .maths = "the k largest along dim, and where they are", .inputs = "x", .n_in = 1,
      .fields = topk_fields, .attr_size = sizeof(topk_attr), TG__PICKS, .forward = topk_forward,
      .rule = topk_rule, .onnx = {"TopK", 11, "axis=dim,largest=largest,sorted=sorted"});
TG_SAMPLES(topk, "[2,5] | k=2", "[5,2] | k=3 dim=0 largest=0", "[2,3] | k=3 dim=1 sorted=0",
           "[2,20] | k=2", "[3] | k=0", "[] | k=1 dim=0");
tg_tensor *tg_topk(tg_tensor *x, int64_t k, int dim, bool largest, bool sorted,
                   tg_tensor **indices) {
    return tg__apply_rest(&tg__op_topk, &x, 1, &(topk_attr){k, dim, largest, sorted}, &indices);
}
