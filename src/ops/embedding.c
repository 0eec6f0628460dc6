/* embedding.c - rows of a table, and sums, means and maxima over bags of them.
 *
 * A bag operation is an embedding of all indices followed by a reduction over runs of rows, in
 * recorded operations, so it has derivatives of every order. Which row holds the maximum is found
 * beforehand by bag_argmax, as indices. */
#include "base/options.h"
#include "kernels/index.h"
#include "ops/elementwise.h"
#include "ops/index.h"

#include <math.h>
#include <string.h>

/* weight is [V, D] and float, indices are integers; false with an error. */
static bool check_table(const char *op, const tg_tensor *weight, const tg_tensor *indices) {
    if (!tg__float_only(op, weight))
        return false;
    if (weight->ndim != 2) {
        tg__fail(TG_ERR_SHAPE, op, "weight is %s; give [V, D]", tg__describe(weight));
        return false;
    }
    if (tg__is_index(indices))
        return true;
    tg__refuse_dtype(op, indices, "indices of i64 or i32");
    return false;
}

/* All of the packed indices are rows of weight. */
static bool check_rows(const char *op, const tg_tensor *indices, const tg_tensor *weight) {
    int64_t bad = 0;
    int64_t at = tg__index_check((tg_dtype)indices->dtype, indices->data,
                                 (int64_t)tg__item_size(indices->dtype), indices->numel,
                                 weight->shape[0], &bad);
    if (at < 0)
        return true;
    tg__fail(TG_ERR_INDEX, op,
             "index %lld at position %lld is no row of weight %s, dim 0 of size %lld; give 0 to "
             "%lld",
             (long long)bad, (long long)at, tg__describe(weight), (long long)weight->shape[0],
             (long long)weight->shape[0] - 1);
    return false;
}

/* The row meant by padding_idx, -1 for none; -2 with an error. */
static int64_t padding_row(const char *op, int64_t padding_idx, const tg_tensor *weight) {
    const int64_t rows = weight->shape[0];
    if (padding_idx == TG_NO_PADDING)
        return -1;
    if (padding_idx >= -rows && padding_idx < rows)
        return padding_idx < 0 ? padding_idx + rows : padding_idx;
    tg__fail(TG_ERR_INDEX, op, "padding_idx is %lld for weight %s; give %lld to %lld",
             (long long)padding_idx, tg__describe(weight), (long long)-rows, (long long)rows - 1);
    return -2;
}

/* ---- embedding: rows of weight ---- */
typedef struct {
    int64_t padding_idx;
    bool scale_grad_by_freq;
} embedding_attr;
static const tg__field embedding_fields[] = {
    {"padding_idx", TG_ATTR_INT, offsetof(embedding_attr, padding_idx), false, TG_NO_PADDING, 0},
    {"scale_grad_by_freq", TG_ATTR_BOOL, offsetof(embedding_attr, scale_grad_by_freq), false, 0, 0},
    {0}};
static bool embedding_forward(const tg__call *c) {
    const embedding_attr *a = c->attr;
    static const char op[] = "embedding";
    const tg_tensor *weight = c->in[0];
    if (!check_table(op, weight, c->in[1]) || padding_row(op, a->padding_idx, weight) < -1)
        return false;
    int64_t shape[TG_MAX_DIMS + 1];
    const int n = c->in[1]->ndim;
    memcpy(shape, c->in[1]->shape, (size_t)n * sizeof *shape);
    shape[n] = weight->shape[1];
    tg_tensor *index = tg__packed(op, c->in[1]);
    tg_tensor *table = index != NULL ? tg__packed(op, c->in[0]) : NULL;
    if (table != NULL && check_rows(op, index, weight))
        c->out[0] = tg__new(op, (tg_dtype)weight->dtype, n + 1, shape);
    if (c->out[0] != NULL && c->out[0]->numel > 0)
        tg__index_select(tg__item_size(weight->dtype), 1, weight->shape[0], weight->shape[1],
                         index->numel, (tg_dtype)index->dtype, index->data,
                         (int64_t)tg__item_size(index->dtype), table->data, c->out[0]->data);
    tg__unref(index);
    tg__unref(table);
    return c->out[0] != NULL;
}

/* 1 / (how often each index [n] occurs), [n, 1]. */
static tg_tensor *rarity(tg_tensor *index, tg_dtype dtype, int64_t rows) {
    tg_tensor *counts = tg_zeros(dtype, TG_SHAPE(rows));
    if (index == NULL)
        return NULL;
    counts = tg_scatter_add(counts, 0, index, tg_ones(dtype, TG_SHAPE(index->numel)));
    return tg_unsqueeze(tg_reciprocal(tg_index_select(counts, 0, index)), 1);
}

static void embedding_rule(tg__rule *r) {
    const embedding_attr *a = r->attr;
    const tg__meta *m = r->meta[0];
    tg_tensor *index = r->in[1];
    const int64_t n = index->numel;
    const int64_t rows = m->shape[0];
    index = tg_reshape(index, TG_SHAPE(n));
    tg_tensor *g = tg_reshape(r->g[0], TG_SHAPE(n, m->shape[1]));
    if (a->scale_grad_by_freq && n > 0)
        g = tg_mul(g, rarity(index, (tg_dtype)m->dtype, rows));
    if (a->padding_idx != TG_NO_PADDING) {
        const int64_t row = a->padding_idx < 0 ? a->padding_idx + rows : a->padding_idx;
        tg_tensor *padding = tg_eq(index, tg_scalar_i64(row));
        g = tg_masked_fill(g, tg_unsqueeze(padding, 1), 0.0);
    }
    tg_tensor *zeros = tg_zeros((tg_dtype)m->dtype, m->ndim, m->shape);
    r->gin[0] = tg_index_add(zeros, 0, index, g, 1.0);
}
TG_OP(embedding, .maths = "weight[indices]", .inputs = "weight indices", .n_in = 2, .no_grad = 2,
      .fields = embedding_fields, .attr_size = sizeof(embedding_attr), .forward = embedding_forward,
      .rule = embedding_rule, .saves = {TG__SAVE_IN(1, 1), TG__SAVE_META(0, 1)},
      .onnx = {"Gather", 13});
TG_SAMPLES(embedding, "[4,3] i[2,3]<4", "[4,3] i[5]<4", "[3,2] i[]<3");
tg_tensor *tg_embedding(tg_tensor *weight, tg_tensor *indices, int64_t padding_idx,
                        bool scale_grad_by_freq) {
    return tg__apply2(&tg__op_embedding, weight, indices,
                      &(embedding_attr){padding_idx, scale_grad_by_freq});
}

/* ---- embedding_renorm_ ---- */

static double norm_of(tg_dtype dtype, const char *row, int64_t n, double p) {
    const size_t item = tg__item_size(dtype);
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        const double x = fabs(tg__load_double(dtype, row + (size_t)i * item));
        if (isinf(p))
            sum = x > sum || isnan(x) ? x : sum;
        else
            sum += p == 2 ? x * x : pow(x, p);
    }
    return isinf(p) ? sum : p == 2 ? sqrt(sum) : pow(sum, 1 / p);
}

/* As PyTorch: scaled by max_norm / (norm + 1e-7). */
static void limit_rows(tg_tensor *table, const tg_tensor *index, double max_norm, double p) {
    const tg_dtype dtype = (tg_dtype)table->dtype;
    const int64_t n = table->shape[1];
    const size_t item = tg__item_size(dtype);
    for (int64_t j = 0; j < index->numel; j++) {
        const int64_t r = tg__load_i64((tg_dtype)index->dtype,
                                       index->data + (size_t)j * tg__item_size(index->dtype));
        char *row = table->data + (size_t)(r * n) * item;
        const double norm = norm_of(dtype, row, n, p);
        if (norm > max_norm)
            for (int64_t i = 0; i < n; i++) {
                char *at = row + (size_t)i * item;
                tg__convert_double(dtype, at,
                                   tg__load_double(dtype, at) * (max_norm / (norm + 1e-7)));
            }
    }
}

tg_tensor *tg_embedding_renorm_(tg_tensor *weight, tg_tensor *indices, double max_norm,
                                double norm_type) {
    static const char op[] = "embedding_renorm_";
    if (!tg__required(op, "weight", weight) || !tg__required(op, "indices", indices) ||
        tg__gate(tg__self()) != TG_OK || !check_table(op, weight, indices) ||
        !tg__writable(op, weight))
        return NULL;
    if (!(max_norm >= 0) || !(norm_type > 0)) {
        tg__fail(TG_ERR_ARG, op,
                 "max_norm is %s and norm_type %s; give max_norm >= 0, norm_type > 0",
                 tg__num(max_norm), tg__num(norm_type));
        return NULL;
    }
    tg_tensor *index = tg__packed(op, indices);
    tg_tensor *table = index != NULL ? tg__packed(op, weight) : NULL;
    const bool good = table != NULL && check_rows(op, index, weight);
    if (good) {
        limit_rows(table, index, max_norm, norm_type);
        if (table != weight)
            tg__assign(weight, table);
        tg__bump(weight, tg__op_embedding.number);
    }
    tg__unref(index);
    tg__unref(table);
    return good ? weight : NULL;
}

/* ---- Bags ---- */

typedef struct {
    int64_t mode, padding_idx;
    bool scale_grad_by_freq, include_last_offset;
} bag_attr;
static const tg__field bag_fields[] = {
    {"mode", TG_ATTR_INT, offsetof(bag_attr, mode), false, TG_BAG_MEAN, 0},
    {"padding_idx", TG_ATTR_INT, offsetof(bag_attr, padding_idx), false, TG_NO_PADDING, 0},
    {"scale_grad_by_freq", TG_ATTR_BOOL, offsetof(bag_attr, scale_grad_by_freq), false, 0, 0},
    {"include_last_offset", TG_ATTR_BOOL, offsetof(bag_attr, include_last_offset), false, 0, 0},
    {0}};

/* ---- bag_argmax: for each bag and column, the position of the (first) largest row ----
 * rows [n, D]; bag [n]: which bag a row belongs to, in order, or -1; counts [B] says how many bags
 * there are. Bags without rows: 0. */
static bool check_bags(const tg_tensor *rows, const tg_tensor *bag, const tg_tensor *counts) {
    if (!tg__float_only("bag_argmax", rows))
        return false;
    if (rows->ndim != 2 || bag->ndim != 1 || bag->shape[0] != rows->shape[0] || counts->ndim != 1) {
        tg__fail(TG_ERR_SHAPE, "bag_argmax",
                 "rows is %s, bag %s and counts %s; give [n, D], [n], [B]", tg__describe(rows),
                 tg__describe(bag), tg__describe(counts));
        return false;
    }
    if (bag->dtype == TG_I64)
        return true;
    tg__refuse_dtype("bag_argmax", bag, "a bag number of i64 per row");
    return false;
}

static void find_largest(const tg_tensor *rows, const int64_t *bag, int64_t *at) {
    const int64_t n = rows->shape[0];
    const int64_t width = rows->shape[1];
    const tg_dtype dtype = (tg_dtype)rows->dtype;
    const size_t item = tg__item_size(dtype);
    int64_t last = -1;
    for (int64_t i = 0; i < n; i++) {
        if (bag[i] < 0)
            continue;
        int64_t *best = at + bag[i] * width;
        for (int64_t k = 0; k < width; k++) {
            const char *column = rows->data + (size_t)k * item;
            const double x = tg__load_double(dtype, column + (size_t)(i * width) * item);
            const double y = tg__load_double(dtype, column + (size_t)(best[k] * width) * item);
            if (bag[i] != last || x > y || (isnan(x) && !isnan(y)))
                best[k] = i;
        }
        last = bag[i];
    }
}

static bool bag_argmax_forward(const tg__call *c) {
    static const char op[] = "bag_argmax";
    const int64_t bags = c->in[2]->ndim == 1 ? c->in[2]->shape[0] : 0;
    if (!check_bags(c->in[0], c->in[1], c->in[2]))
        return false;
    tg_tensor *rows = tg__packed(op, c->in[0]);
    tg_tensor *bag = rows != NULL ? tg__packed(op, c->in[1]) : NULL;
    bool good = bag != NULL;
    int64_t before = 0;
    for (int64_t i = 0; good && i < bag->numel; i++) {
        const int64_t b = ((const int64_t *)(const void *)bag->data)[i];
        good = b >= -1 && b < bags && (b < 0 || b >= before);
        before = b < 0 ? before : b;
        if (!good)
            tg__fail(TG_ERR_INDEX, op, "bag %lld at position %lld; give -1 to %lld in rising order",
                     (long long)b, (long long)i, (long long)bags - 1);
    }
    if (good)
        c->out[0] = tg__new(op, TG_I64, TG_SHAPE(bags, rows->shape[1]));
    if (c->out[0] != NULL && c->out[0]->numel > 0) {
        memset(c->out[0]->data, 0, (size_t)c->out[0]->numel * sizeof(int64_t));
        find_largest(rows, (const int64_t *)(const void *)bag->data,
                     (int64_t *)(void *)c->out[0]->data);
    }
    tg__unref(rows);
    tg__unref(bag);
    return c->out[0] != NULL;
}
TG_OP(bag_argmax, .maths = "position of the largest row of each bag", .inputs = "rows bag counts",
      .n_in = 3, .no_grad = 7, .flags = TG__INTERNAL | TG__NOT_DIFF, .forward = bag_argmax_forward,
      .onnx = {"none"});
TG_SAMPLES(bag_argmax, "[3,2] i[3]<1 i[2]<1");

/* ---- embedding_bag ---- */

enum { WEIGHT, INDICES, OFFSETS, FACTORS };

static bool check_shapes(const tg__call *c) {
    const bag_attr *a = c->attr;
    const tg_tensor *indices = c->in[INDICES];
    const tg_tensor *offsets = c->in[OFFSETS];
    const bool runs = !tg__absent(offsets);
    const int want = runs ? 1 : 2;
    if (indices->ndim != want || (runs && offsets->ndim != 1)) {
        tg__fail(TG_ERR_SHAPE, "embedding_bag",
                 "indices is %s and offsets %s; give indices [B, N], or indices [n] with offsets "
                 "[B]",
                 tg__describe(indices), runs ? tg__describe(offsets) : "none");
        return false;
    }
    if (runs && !tg__is_index(offsets)) {
        tg__refuse_dtype("embedding_bag", offsets, "offsets of i64 or i32");
        return false;
    }
    if (a->include_last_offset && (!runs || offsets->shape[0] < 1)) {
        tg__fail(TG_ERR_SHAPE, "embedding_bag",
                 "include_last_offset with offsets %s; give at least one offset",
                 runs ? tg__describe(offsets) : "none");
        return false;
    }
    return true;
}

static bool check_bag(const tg__call *c) {
    const bag_attr *a = c->attr;
    const tg_tensor *factors = c->in[FACTORS];
    static const char op[] = "embedding_bag";
    if (a->mode < TG_BAG_SUM || a->mode > TG_BAG_MAX) {
        tg__fail(TG_ERR_ARG, op, "mode is %lld; give TG_BAG_SUM, _MEAN or _MAX",
                 (long long)a->mode);
        return false;
    }
    if (!check_table(op, c->in[WEIGHT], c->in[INDICES]) || !check_shapes(c))
        return false;
    if (a->mode == TG_BAG_MAX && a->scale_grad_by_freq) {
        tg__fail(TG_ERR_ARG, op, "scale_grad_by_freq with TG_BAG_MAX; use sum or mean");
        return false;
    }
    if (tg__absent(factors))
        return true;
    if (a->mode != TG_BAG_SUM) {
        tg__fail(TG_ERR_ARG, op, "sample_weights with mode %lld; they need TG_BAG_SUM",
                 (long long)a->mode);
        return false;
    }
    if (!tg__same_shape(factors, c->in[INDICES])) {
        tg__fail(TG_ERR_SHAPE, op, "sample_weights is %s and indices %s; they must be alike",
                 tg__describe(factors), tg__describe(c->in[INDICES]));
        return false;
    }
    if (factors->dtype != c->in[WEIGHT]->dtype) {
        tg__fail(TG_ERR_DTYPE, op, "sample_weights is %s and weight %s; they must have one dtype",
                 tg__describe(factors), tg__describe(c->in[WEIGHT]));
        return false;
    }
    return true;
}

static bool check_offsets(const int64_t *at, int64_t n, int64_t count, bool last) {
    for (int64_t i = 0; i < n; i++) {
        const int64_t low = i == 0 ? 0 : at[i - 1];
        if ((i == 0 && at[0] != 0) || at[i] < low || at[i] > count) {
            tg__fail(TG_ERR_INDEX, "embedding_bag",
                     "offset %lld at position %lld; offsets begin with 0 and rise to at most %lld, "
                     "the number of indices",
                     (long long)at[i], (long long)i, (long long)count);
            return false;
        }
    }
    if (!last || at[n - 1] == count)
        return true;
    tg__fail(TG_ERR_INDEX, "embedding_bag",
             "the last offset is %lld; with include_last_offset it is %lld, the number of indices",
             (long long)at[n - 1], (long long)count);
    return false;
}

/* The bag of every index, -1 for padding, as a recorded-nothing i64 tensor [n]; counts[B] gets how
 * many indices each bag has. NULL with an error. */
static tg_tensor *number_bags(const tg__call *c, tg_tensor *flat, int64_t bags, int64_t padding,
                              tg_tensor *counts) {
    const bag_attr *a = c->attr;
    tg_tensor *offsets = tg__absent(c->in[OFFSETS]) ? NULL : tg_cast(c->in[OFFSETS], TG_I64);
    offsets = offsets != NULL ? tg_contiguous(offsets) : NULL;
    tg_tensor *numbers = flat != NULL ? tg_empty(TG_I64, TG_SHAPE(flat->numel)) : NULL;
    if (numbers == NULL || counts == NULL || (!tg__absent(c->in[OFFSETS]) && offsets == NULL))
        return NULL;
    const int64_t *index = (const int64_t *)(const void *)flat->data;
    int64_t *number = (int64_t *)(void *)numbers->data;
    int64_t *count = (int64_t *)(void *)counts->data;
    const int64_t *at = offsets != NULL ? (const int64_t *)(const void *)offsets->data : NULL;
    if (at != NULL && !check_offsets(at, offsets->numel, flat->numel, a->include_last_offset))
        return NULL;
    if (at != NULL && bags == 0 && flat->numel > 0) {
        tg__fail(TG_ERR_SHAPE, "embedding_bag", "%lld indices in no bag: offsets is %s",
                 (long long)flat->numel, tg__describe(offsets));
        return NULL;
    }
    int64_t b = 0;
    for (int64_t i = 0; i < flat->numel; i++) {
        if (at == NULL)
            b = i / c->in[INDICES]->shape[1];
        while (at != NULL && b + 1 < bags && at[b + 1] <= i)
            b++;
        number[i] = index[i] == padding ? -1 : b;
        count[b] += number[i] >= 0;
    }
    return numbers;
}

static tg_tensor *largest(tg_tensor *rows, tg_tensor *bag, tg_tensor *counts) {
    if (rows == NULL || counts == NULL)
        return NULL;
    const int64_t bags = counts->numel;
    if (rows->shape[0] == 0)
        return tg_zeros((tg_dtype)rows->dtype, TG_SHAPE(bags, rows->shape[1]));
    tg_tensor *at = tg__apply3(&tg__op_bag_argmax, rows, bag, counts, NULL);
    /* gather takes no more rows than there are: as one row of all columns */
    const int64_t width = rows->shape[1];
    tg_tensor *column = tg_arange(TG_I64, 0, (double)width, 1);
    at = tg_add(tg_mul(at, tg_scalar_i64(width)), column);
    tg_tensor *picked = tg_index_select(tg_reshape(rows, TG_SHAPE(rows->numel)), 0,
                                        tg_reshape(at, TG_SHAPE(bags * width)));
    picked = tg_reshape(picked, TG_SHAPE(bags, width));
    return tg_masked_fill(picked, tg_unsqueeze(tg_eq_scalar(counts, 0), 1), 0.0);
}

static bool embedding_bag_forward(const tg__call *c) {
    const bag_attr *a = c->attr;
    if (!check_bag(c))
        return false;
    const tg_tensor *weight = c->in[WEIGHT];
    const int64_t padding = padding_row("embedding_bag", a->padding_idx, weight);
    if (padding < -1)
        return false;
    const int64_t bags = tg__absent(c->in[OFFSETS])
                             ? c->in[INDICES]->shape[0]
                             : c->in[OFFSETS]->shape[0] - (a->include_last_offset ? 1 : 0);
    tg_tensor *flat = tg_cast(tg_reshape(c->in[INDICES], TG_SHAPE(c->in[INDICES]->numel)), TG_I64);
    tg_tensor *counts = tg_zeros(TG_I64, TG_SHAPE(bags));
    tg_tensor *bag = number_bags(c, flat, bags, padding, counts);
    tg_tensor *rows = tg_embedding(c->in[WEIGHT], flat, a->padding_idx, a->scale_grad_by_freq);
    if (bag == NULL || rows == NULL)
        return false;
    if (a->mode == TG_BAG_MAX) {
        c->out[0] = largest(rows, bag, counts);
        return c->out[0] != NULL;
    }
    if (!tg__absent(c->in[FACTORS]))
        rows = tg_mul(rows, tg_reshape(c->in[FACTORS], TG_SHAPE(flat->numel, 1)));
    tg_tensor *padded = tg_lt_scalar(bag, 0);
    rows = tg_masked_fill(rows, tg_unsqueeze(padded, 1), 0.0);
    tg_tensor *zeros = tg_zeros((tg_dtype)weight->dtype, TG_SHAPE(bags, weight->shape[1]));
    tg_tensor *sum =
        bags == 0 ? zeros : tg_index_add(zeros, 0, tg_masked_fill(bag, padded, 0.0), rows, 1.0);
    if (a->mode == TG_BAG_MEAN) {
        tg_tensor *divisor = tg_clamp(tg_cast(counts, (tg_dtype)weight->dtype), 1, INFINITY);
        sum = tg_div(sum, tg_unsqueeze(divisor, 1));
    }
    c->out[0] = sum;
    return sum != NULL;
}
TG_OP(embedding_bag, .maths = "sum, mean or max of weight[indices] over bags",
      .inputs = "weight indices offsets sample_weights", .n_in = 4, .n_optional = 2, .no_grad = 6,
      .flags = TG__COMPOSED, .fields = bag_fields, .attr_size = sizeof(bag_attr),
      .forward = embedding_bag_forward, .onnx = {"composed"});
TG_SAMPLES(embedding_bag, "[4,3] i[2,3]<4", "[4,3] i[2,3]<4 none none | mode=0",
           "[4,3] i[2,3]<4 none none | mode=2", "[4,3] i[2,3]<4 none [2,3] | mode=0 padding_idx=2",
           "[4,3] i[6]<4 i[1]<1 none | mode=1", "[4,3] i[6]<4 i[3]<1 [6] | mode=0",
           "[4,3] i[6]<4 i[2]<1 none | mode=2 padding_idx=-1",
           "[4,3] i[6]<4 i[1]<1 none | mode=1 padding_idx=0");

tg_tensor *tg_embedding_bag(tg_tensor *weight, tg_tensor *indices,
                            const tg_embedding_bag_options *options) {
    tg_embedding_bag_options o = TG_EMBEDDING_BAG_OPTIONS_INIT;
    if (tg__options("embedding_bag", "tg_embedding_bag_options", "TG_EMBEDDING_BAG_OPTIONS_INIT",
                    options, &o, sizeof o) != TG_OK)
        return NULL;
    const bag_attr a = {o.mode, o.padding_idx, o.scale_grad_by_freq, o.include_last_offset};
    tg_tensor *in[4] = {weight, indices, tg__or_none(o.offsets), tg__or_none(o.sample_weights)};
    tg_tensor *y;
    return tg__apply(&tg__op_embedding_bag, in, 4, &a, &y) ? y : NULL;
}
