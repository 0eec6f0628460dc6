/* diagonal.c - diagonals: as views, written, and as matrices. */
#include "ops/elementwise.h"
#include "ops/view.h"

typedef struct {
    int64_t offset, dim1, dim2;
} diagonal_attr;
static const tg__field diagonal_fields[] = {
    {"offset", TG_ATTR_INT, offsetof(diagonal_attr, offset), false, 0, 0},
    {"dim1", TG_ATTR_INT, offsetof(diagonal_attr, dim1), false, 0, 0},
    {"dim2", TG_ATTR_INT, offsetof(diagonal_attr, dim2), false, 1, 0},
    {0}};

/* Two different dims of n; false with an error. `what` describes what they belong to. */
static bool two_dims(const char *op, const diagonal_attr *a, int n, const char *what, int *d1,
                     int *d2) {
    if (a->dim1 < -n || a->dim1 >= n || a->dim2 < -n || a->dim2 >= n) {
        tg__fail(TG_ERR_INDEX, op, "dims %lld and %lld are out of range for %s; give %d to %d",
                 (long long)a->dim1, (long long)a->dim2, what, -n, n - 1);
        return false;
    }
    *d1 = (int)(a->dim1 < 0 ? a->dim1 + n : a->dim1);
    *d2 = (int)(a->dim2 < 0 ? a->dim2 + n : a->dim2);
    if (*d1 == *d2)
        tg__fail(TG_ERR_INDEX, op, "dim1 and dim2 are both %d for %s; give two dims", *d1, what);
    return *d1 != *d2;
}

/* Where the diagonal lies in x. */
static bool diagonal_of(const char *op, const tg_tensor *x, const diagonal_attr *a,
                        tg__geometry *g) {
    int d1;
    int d2;
    if (!two_dims(op, a, x->ndim, tg__describe(x), &d1, &d2))
        return false;
    int64_t rows = x->shape[d1];
    int64_t cols = x->shape[d2];
    int64_t down = a->offset < 0 ? (a->offset < -rows ? rows : -a->offset) : 0;
    int64_t right = a->offset > 0 ? (a->offset > cols ? cols : a->offset) : 0;
    int64_t n = rows - down < cols - right ? rows - down : cols - right;
    g->ndim = 0;
    for (int i = 0; i < x->ndim; i++) {
        if (i == d1 || i == d2)
            continue;
        g->shape[g->ndim] = x->shape[i];
        g->stride[g->ndim++] = x->stride[i];
    }
    g->shape[g->ndim] = n;
    g->stride[g->ndim++] = x->stride[d1] + x->stride[d2];
    g->offset = n > 0 && x->numel > 0 ? down * x->stride[d1] + right * x->stride[d2] : 0;
    return true;
}

/* ---- diagonal: a view, its dim is the last ---- */
static bool diagonal_forward(const tg__call *c) {
    tg__geometry g;
    if (!diagonal_of("diagonal", c->in[0], c->attr, &g))
        return false;
    c->out[0] = tg__view("diagonal", c->in[0], g.ndim, g.shape, g.stride, g.offset);
    return c->out[0] != NULL;
}
static void diagonal_rule(tg__rule *r) {
    const tg__meta *m = r->meta[0];
    tg_tensor *zeros = tg_zeros((tg_dtype)m->dtype, m->ndim, m->shape);
    r->gin[0] = tg__apply2(&tg__op_diagonal_scatter, zeros, r->g[0], r->attr);
}
TG_OP(diagonal, .maths = "y[i] = x[i, i + offset]", .inputs = "x", .n_in = 1,
      .flags = TG__VIEWS | TG__ANY_DTYPE, .fields = diagonal_fields,
      .attr_size = sizeof(diagonal_attr), .forward = diagonal_forward, .rule = diagonal_rule,
      .saves = {TG__SAVE_META(0, 1)}, .onnx = {"composed"});
TG_SAMPLES(diagonal, "[3,4]", "[2,3,4] | offset=1 dim1=-1 dim2=0", "[3,3] | offset=-1",
           "[2,3,3] | offset=-2 dim1=1 dim2=2", "[2,2] | offset=5");
tg_tensor *tg_diagonal(tg_tensor *x, int64_t offset, int dim1, int dim2) {
    return tg__apply1(&tg__op_diagonal, x, &(diagonal_attr){offset, dim1, dim2});
}

/* ---- diagonal_scatter: x with src on the diagonal ---- */
static bool diagonal_scatter_forward(const tg__call *c) {
    const tg_tensor *x = c->in[0];
    const tg_tensor *src = c->in[1];
    tg__geometry g;
    if (!diagonal_of("diagonal_scatter", x, c->attr, &g))
        return false;
    bool fits = src->ndim == g.ndim;
    for (int i = 0; fits && i < g.ndim; i++)
        fits = src->shape[i] == g.shape[i];
    if (!fits) {
        tg__fail(TG_ERR_SHAPE, "diagonal_scatter",
                 "src %s is not of the diagonal's shape %s in %s; reshape it", tg__describe(src),
                 tg__describe_shape(g.ndim, g.shape), tg__describe(x));
        return false;
    }
    tg_tensor *y = tg__copy_or_into(c);
    if (y == NULL || !diagonal_of("diagonal_scatter", y, c->attr, &g))
        return false;
    tg_tensor part = *src; /* the diagonal of y */
    part.dtype = y->dtype;
    part.flags = 0;
    for (int i = 0; i < g.ndim; i++)
        part.stride[i] = g.stride[i];
    part.data = y->data + g.offset * (int64_t)tg__item_size(y->dtype);
    tg__assign(&part, src);
    return true;
}
static void diagonal_scatter_rule(tg__rule *r) {
    const diagonal_attr *a = r->attr;
    const tg__meta *m = r->meta[1];
    if (r->wanted[0])
        r->gin[0] = tg__apply2(&tg__op_diagonal_scatter, r->g[0],
                               tg_zeros((tg_dtype)m->dtype, m->ndim, m->shape), a);
    if (r->wanted[1])
        r->gin[1] = tg__apply1(&tg__op_diagonal, r->g[0], a);
}
TG_OP(diagonal_scatter, .maths = "x with x[i, i + offset] = src[i]", .inputs = "x src", .n_in = 2,
      .flags = TG__BROADCASTS | TG__ANY_DTYPE, .fields = diagonal_fields,
      .attr_size = sizeof(diagonal_attr), .forward = diagonal_scatter_forward,
      .rule = diagonal_scatter_rule, .saves = {TG__SAVE_META(1, TG__ANY)}, .onnx = {"composed"});
TG_SAMPLES(diagonal_scatter, "[3,4] [3]", "[2,3,4] [3,2] | offset=0 dim1=2 dim2=0",
           "[3,3] [2] | offset=-1");
tg_tensor *tg_diagonal_scatter(tg_tensor *x, tg_tensor *src, int64_t offset, int dim1, int dim2) {
    return tg__apply2(&tg__op_diagonal_scatter, x, src, &(diagonal_attr){offset, dim1, dim2});
}

/* ---- diag_embed: matrices with x on a diagonal ---- */
static const tg__field embed_fields[] = {
    {"offset", TG_ATTR_INT, offsetof(diagonal_attr, offset), false, 0, 0},
    {"dim1", TG_ATTR_INT, offsetof(diagonal_attr, dim1), false, -2, 0},
    {"dim2", TG_ATTR_INT, offsetof(diagonal_attr, dim2), false, -1, 0},
    {0}};
static bool diag_embed_forward(const tg__call *c) {
    const diagonal_attr *a = c->attr;
    const tg_tensor *x = c->in[0];
    int d1;
    int d2;
    if (x->ndim == 0 || x->ndim == TG_MAX_DIMS) {
        tg__fail(TG_ERR_SHAPE, "diag_embed", "x is %s; give 1 to %d dims", tg__describe(x),
                 TG_MAX_DIMS - 1);
        return false;
    }
    if (!two_dims("diag_embed", a, x->ndim + 1, tg__describe(x), &d1, &d2))
        return false;
    int64_t size;
    if (a->offset < -INT64_MAX / 2 ||
        __builtin_add_overflow(x->shape[x->ndim - 1], a->offset < 0 ? -a->offset : a->offset,
                               &size)) {
        tg__fail(TG_ERR_SHAPE, "diag_embed",
                 "offset %lld gives no possible matrix; give one near 0", (long long)a->offset);
        return false;
    }
    int64_t shape[TG_MAX_DIMS];
    for (int i = 0, from = 0; i <= x->ndim; i++)
        shape[i] = i == d1 || i == d2 ? size : x->shape[from++];
    tg_tensor *zeros = tg_zeros((tg_dtype)x->dtype, x->ndim + 1, shape);
    c->out[0] = tg_diagonal_scatter(zeros, c->in[0], a->offset, d1, d2);
    return c->out[0] != NULL;
}
TG_OP(diag_embed, .maths = "y[i, i + offset] = x[i], else 0", .inputs = "x", .n_in = 1,
      .flags = TG__COMPOSED | TG__ANY_DTYPE, .fields = embed_fields,
      .attr_size = sizeof(diagonal_attr), .forward = diag_embed_forward, .onnx = {"composed"});
TG_SAMPLES(diag_embed, "[3]", "[2,3] | offset=1", "[2,3] | offset=-1 dim1=0 dim2=2");
tg_tensor *tg_diag_embed(tg_tensor *x, int64_t offset, int dim1, int dim2) {
    return tg__apply1(&tg__op_diag_embed, x, &(diagonal_attr){offset, dim1, dim2});
}

/* ---- diag: a matrix of a vector, or the diagonal of a matrix ---- */
typedef struct {
    int64_t diagonal;
} diag_attr;
static const tg__field diag_fields[] = {
    {"diagonal", TG_ATTR_INT, offsetof(diag_attr, diagonal), false, 0, 0}, {0}};
static bool diag_forward(const tg__call *c) {
    const diag_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    if (x->ndim < 1 || x->ndim > 2) {
        tg__fail(TG_ERR_SHAPE, "diag",
                 "x is %s; give a vector or a matrix, or use tg_diagonal or tg_diag_embed",
                 tg__describe(x));
        return false;
    }
    c->out[0] = x->ndim == 1 ? tg_diag_embed(x, a->diagonal, 0, 1)
                             : tg_clone(tg_diagonal(x, a->diagonal, 0, 1));
    return c->out[0] != NULL;
}
TG_OP(diag, .maths = "the diagonal of a matrix; a matrix with x on the diagonal", .inputs = "x",
      .n_in = 1, .flags = TG__COMPOSED | TG__ANY_DTYPE, .fields = diag_fields,
      .attr_size = sizeof(diag_attr), .forward = diag_forward, .onnx = {"composed"});
TG_SAMPLES(diag, "[3]", "[3] | diagonal=-1", "[3,4] | diagonal=1");
tg_tensor *tg_diag(tg_tensor *x, int64_t diagonal) {
    return tg__apply1(&tg__op_diag, x, &(diag_attr){diagonal});
}
