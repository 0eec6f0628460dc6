/* triangle.c - triangles of matrices: tril, triu, and the indices of their elements. */
#include "kernels/triangle.h"

#include "ops/elementwise.h"

/* ---- tril, triu: x on and below (above) a diagonal, 0 elsewhere ---- */
typedef struct {
    int64_t diagonal;
} triangle_attr;
static const tg__field triangle_fields[] = {
    {"diagonal", TG_ATTR_INT, offsetof(triangle_attr, diagonal), false, 0, 0}, {0}};
static bool triangle_forward(const tg__call *c) {
    const triangle_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    const char *op = c->op->name;
    if (x->ndim < 2) {
        tg__fail(TG_ERR_SHAPE, op, "x is %s; give matrices, of at least 2 dims", tg__describe(x));
        return false;
    }
    tg_tensor *y = tg__new(op, (tg_dtype)x->dtype, x->ndim, x->shape);
    if (y == NULL)
        return false;
    tg__pack(x, y->data);
    int64_t rows = x->shape[x->ndim - 2];
    int64_t cols = x->shape[x->ndim - 1];
    if (x->numel > 0)
        tg__triangle(tg__item_size(x->dtype), x->numel / (rows * cols), rows, cols, a->diagonal,
                     c->op->number == TG__OP_tril, y->data);
    tg__land(c, y);
    return true;
}
static void tril_rule(tg__rule *r) {
    const triangle_attr *a = r->attr;
    r->gin[0] = tg_tril(r->g[0], a->diagonal);
}
static void triu_rule(tg__rule *r) {
    const triangle_attr *a = r->attr;
    r->gin[0] = tg_triu(r->g[0], a->diagonal);
}
TG_OP(tril, .maths = "x[i,j] where j - i <= diagonal, else 0", .inputs = "x", .n_in = 1,
      .flags = TG__IN_PLACE | TG__ANY_DTYPE, .fields = triangle_fields,
      .attr_size = sizeof(triangle_attr), .forward = triangle_forward, .rule = tril_rule,
      .onnx = {"Trilu", 14, "k=diagonal"});
TG_SAMPLES(tril, "[3,4]", "[2,3,3] | diagonal=1", "[4,3] | diagonal=-2", "[2,2] | diagonal=9");
tg_tensor *tg_tril(tg_tensor *x, int64_t diagonal) {
    return tg__apply1(&tg__op_tril, x, &(triangle_attr){diagonal});
}
tg_tensor *tg_tril_(tg_tensor *x, int64_t diagonal) {
    return tg__apply1_(&tg__op_tril, x, &(triangle_attr){diagonal});
}
TG_OP(triu, .maths = "x[i,j] where j - i >= diagonal, else 0", .inputs = "x", .n_in = 1,
      .flags = TG__IN_PLACE | TG__ANY_DTYPE, .fields = triangle_fields,
      .attr_size = sizeof(triangle_attr), .forward = triangle_forward, .rule = triu_rule,
      .onnx = {"Trilu", 14, "k=diagonal"});
TG_SAMPLES(triu, "[3,4]", "[2,3,3] | diagonal=-1", "[3,4] | diagonal=2", "[2,2] | diagonal=-9");
tg_tensor *tg_triu(tg_tensor *x, int64_t diagonal) {
    return tg__apply1(&tg__op_triu, x, &(triangle_attr){diagonal});
}
tg_tensor *tg_triu_(tg_tensor *x, int64_t diagonal) {
    return tg__apply1_(&tg__op_triu, x, &(triangle_attr){diagonal});
}

/* ---- Indices ---- */

/* The columns of row i that belong to the triangle: [*from, *to). */
static void columns(int64_t i, int64_t cols, int64_t offset, bool lower, int64_t *from,
                    int64_t *to) {
    const int64_t edge = i + offset; /* the column on the diagonal */
    *from = lower || edge < 0 ? 0 : edge < cols ? edge : cols;
    *to = !lower || edge >= cols ? cols : edge < -1 ? 0 : edge + 1;
}

/* How many elements the triangle has; they are in rows [*first, *last). Along the diagonal, which
 * enters the matrix at row `in` and leaves it at row `out`, the rows change by one element each. */
static int64_t elements(int64_t rows, int64_t cols, int64_t offset, bool lower, int64_t *first,
                        int64_t *last) {
    const int64_t in = offset < 0 ? -offset : 0;
    const int64_t limit = offset > cols - rows ? cols - offset : rows;
    const int64_t out = limit < in ? in : limit;
    *first = lower ? in : 0;
    *last = cols == 0 ? *first : lower ? rows : out;
    const int64_t n = out - in; /* of rows that the diagonal goes through */
    const int64_t longest = lower ? out + offset : cols - (in + offset);
    return n * longest - n * (n - 1) / 2 + cols * (lower ? rows - out : in);
}

static tg_tensor *triangle_indices(const char *op, int64_t rows, int64_t cols, int64_t offset,
                                   bool lower) {
    if (rows < 0 || cols < 0) {
        tg__fail(TG_ERR_SHAPE, op, "[%lld, %lld] is no matrix; give sizes of 0 or more",
                 (long long)rows, (long long)cols);
        return NULL;
    }
    int64_t shape[2] = {rows, cols}; /* that such a matrix could exist bounds the sums */
    if (!tg__shape_check(op, TG_U8, 2, shape, NULL, NULL))
        return NULL;
    offset = offset > cols ? cols : offset < -rows ? -rows : offset; /* no sums that overflow */
    int64_t first;
    int64_t last;
    shape[0] = 2;
    shape[1] = elements(rows, cols, offset, lower, &first, &last);
    tg_tensor *y = tg__new(op, TG_I64, 2, shape);
    if (y == NULL)
        return NULL;
    int64_t *row = (int64_t *)(void *)y->data;
    int64_t *col = row + shape[1];
    for (int64_t i = first; i < last; i++) {
        int64_t from;
        int64_t to;
        columns(i, cols, offset, lower, &from, &to);
        for (int64_t j = from; j < to; j++) {
            *row++ = i;
            *col++ = j;
        }
    }
    return tg__give(y);
}
tg_tensor *tg_tril_indices(int64_t rows, int64_t cols, int64_t offset) {
    return triangle_indices("tril_indices", rows, cols, offset, true);
}
tg_tensor *tg_triu_indices(int64_t rows, int64_t cols, int64_t offset) {
    return triangle_indices("triu_indices", rows, cols, offset, false);
}
