/* counting.c - how many elements are not 0, have a value, or fall into a bin. No derivatives. */
#include "kernels/search.h"

#include "ops/elementwise.h"
#include "ops/reduce.h"
#include "ops/view.h"

#include <math.h>

/* ---- count_nonzero ---- */
static const tg__field count_fields[] = {
    {"dims", TG_ATTR_DIMS, offsetof(tg__reduce_attr, dims), false, 0, 0}, {0}};
static bool count_nonzero_forward(const tg__call *c) {
    const tg__reduce_attr *a = c->attr;
    uint32_t mask;
    if (!tg__mask_of("count_nonzero", c->in[0], &a->dims, &mask))
        return false;
    tg_tensor *truth = tg__as("count_nonzero", c->in[0], TG_BOOL);
    if (truth != NULL)
        c->out[0] = tg__run_reduction("count_nonzero", TG__REDUCE_SUM, truth, mask, false, TG_I64,
                                      1.0, NULL);
    tg__unref(truth);
    return c->out[0] != NULL;
}
TG_OP(count_nonzero, .maths = "how many of x are not 0 over dims", .inputs = "x", .n_in = 1,
      .flags = TG__NOT_DIFF, .fields = count_fields, .attr_size = sizeof(tg__reduce_attr),
      .forward = count_nonzero_forward, .onnx = {"composed"});
TG_SAMPLES(count_nonzero, "b[2,3]", "[2,3,2] | dims=0,2", "i[2,3]<2 | dims=-1");
tg_tensor *tg_count_nonzero(tg_tensor *x, int ndims, const int *dims) {
    return tg__reduced(&tg__op_count_nonzero, x, ndims, dims, false);
}

/* ---- bincount ---- */
typedef struct {
    int64_t minlength;
} bincount_attr;
static const tg__field bincount_fields[] = {
    {"minlength", TG_ATTR_INT, offsetof(bincount_attr, minlength), false, 0, 0}, {0}};

static bool bincount_check(const tg__call *c) {
    const bincount_attr *a = c->attr;
    const tg_tensor *x = c->in[0];
    const tg_tensor *weights = c->in[1];
    if (tg_dtype_is_float((tg_dtype)x->dtype) || x->dtype == TG_BOOL) {
        tg__refuse_dtype("bincount", x, "i64, i32, u8");
        return false;
    }
    bool weighted = !(weights->flags & TG__IS_NONE);
    if (x->ndim != 1 || (weighted && !tg__same_shape(x, weights))) {
        tg__fail(TG_ERR_SHAPE, "bincount", "x is %s%s%s; give one dim, and as many weights",
                 tg__describe(x), weighted ? " and weights is " : "",
                 weighted ? tg__describe(weights) : "");
        return false;
    }
    if (a->minlength < 0) {
        tg__fail(TG_ERR_ARG, "bincount", "minlength is %lld; give 0 or more",
                 (long long)a->minlength);
        return false;
    }
    return true;
}

/* One more than the largest of x, at least `least`; -1 with an error for a negative one. */
static int64_t bins_for(const int64_t *x, int64_t n, int64_t least) {
    for (int64_t i = 0; i < n; i++) {
        if (x[i] < 0 || x[i] == INT64_MAX) {
            tg__fail(TG_ERR_INDEX, "bincount",
                     "x is %lld at position %lld; give 0 or more, they are places of the result",
                     (long long)x[i], (long long)i);
            return -1;
        }
        least = x[i] >= least ? x[i] + 1 : least;
    }
    return least;
}

static bool bincount_forward(const tg__call *c) {
    const bincount_attr *a = c->attr;
    if (!bincount_check(c))
        return false;
    bool weighted = !(c->in[1]->flags & TG__IS_NONE);
    tg_dtype dtype = !weighted ? TG_I64 : c->in[1]->dtype == TG_F32 ? TG_F32 : TG_F64;
    tg_tensor *x = tg__packed_as("bincount", c->in[0], TG_I64);
    tg_tensor *weights = x != NULL && weighted ? tg__packed_as("bincount", c->in[1], dtype) : NULL;
    if (x != NULL && (!weighted || weights != NULL)) {
        const int64_t *places = (const int64_t *)(const void *)x->data;
        int64_t bins = bins_for(places, x->numel, a->minlength);
        if (bins >= 0)
            c->out[0] = tg__new("bincount", dtype, 1, &bins);
        if (c->out[0] != NULL)
            tg__bincount(x->numel, places, dtype, weighted ? weights->data : NULL, bins,
                         c->out[0]->data);
    }
    tg__unref(x);
    tg__unref(weights);
    return c->out[0] != NULL;
}
TG_OP(bincount, .maths = "how often each of 0, 1, 2, ... is in x, or the sum of its weights",
      .inputs = "x weights", .n_in = 2, .n_optional = 1, .flags = TG__NOT_DIFF,
      .fields = bincount_fields, .attr_size = sizeof(bincount_attr), .forward = bincount_forward,
      .onnx = {"composed"});
TG_SAMPLES(bincount, "i[7]<5 none", "i[7]<5 [7] | minlength=9", "i[3]<2 i[3]<9");
tg_tensor *tg_bincount(tg_tensor *x, tg_tensor *weights, int64_t minlength) {
    return tg__apply2(&tg__op_bincount, x, weights, &(bincount_attr){minlength});
}

/* ---- histc ---- */
typedef struct {
    int64_t bins;
    double min, max;
} histc_attr;
static const tg__field histc_fields[] = {
    {"bins", TG_ATTR_INT, offsetof(histc_attr, bins), false, 100, 0},
    {"min", TG_ATTR_FLOAT, offsetof(histc_attr, min), false, 0, 0},
    {"max", TG_ATTR_FLOAT, offsetof(histc_attr, max), false, 0, 0},
    {0}};

static bool binnable(const tg__call *c, const histc_attr *a) {
    if (!tg__float_only(c->op->name, c->in[0]))
        return false;
    if (a->bins >= 1)
        return true;
    tg__fail(TG_ERR_ARG, c->op->name, "bins is %lld; give at least 1", (long long)a->bins);
    return false;
}

/* The range: that of the data if min and max are equal, and a margin to both sides if they still
 * are. The margins are PyTorch's. */
static bool range_of(const char *op, const histc_attr *a, const tg_tensor *x, double margin,
                     double *lo, double *hi) {
    *lo = a->min;
    *hi = a->max;
    if (*lo == *hi && x->numel > 0) {
        uint32_t all = (1u << x->ndim) - 1;
        tg_dtype dtype = (tg_dtype)x->dtype;
        tg_tensor *most[2] = {
            tg__run_reduction(op, TG__REDUCE_MIN, x, all, false, dtype, 1.0, NULL), NULL};
        if (most[0] != NULL)
            most[1] = tg__run_reduction(op, TG__REDUCE_MAX, x, all, false, dtype, 1.0, NULL);
        bool good = most[1] != NULL;
        if (good) {
            *lo = tg__load_double(dtype, most[0]->data);
            *hi = tg__load_double(dtype, most[1]->data);
        }
        tg__unref(most[0]);
        tg__unref(most[1]);
        if (!good)
            return false;
    }
    if (*lo == *hi && x->numel == 0) {
        *hi += 1.0;
    } else if (*lo == *hi) {
        margin = fmax(margin, fabs(*lo) / 1048576.0); /* f32 tells these apart */
        *lo -= margin;
        *hi += margin;
    }
    /* where bins lie is computed in x's dtype: there, too, it must be a range */
    const bool wide = x->dtype == TG_F64;
    const double width = wide ? *hi - *lo : (double)((float)*hi - (float)*lo);
    if (isfinite(*lo) && isfinite(*hi) && isfinite(width) && width > 0.0)
        return true;
    tg__fail(TG_ERR_ARG, op,
             "the range is %s to %s in %s; give finite min < max that differ by a finite number "
             "(equal: the range of the data, which must be finite)",
             tg__num(*lo), tg__num(*hi), tg_dtype_name((tg_dtype)x->dtype));
    return false;
}

static bool histc_forward(const tg__call *c) {
    const histc_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    double lo;
    double hi;
    if (!binnable(c, a) || !range_of("histc", a, x, 1.0, &lo, &hi))
        return false;
    tg_tensor *packed = tg__packed("histc", x);
    tg_tensor *counts = packed != NULL ? tg__new("histc", TG_I64, 1, &a->bins) : NULL;
    if (counts != NULL) {
        tg__histogram((tg_dtype)x->dtype, x->numel, packed->data, lo, hi, a->bins,
                      (int64_t *)(void *)counts->data);
        c->out[0] = tg__as("histc", counts, (tg_dtype)x->dtype);
    }
    tg__unref(packed);
    tg__unref(counts);
    return c->out[0] != NULL;
}
TG_OP(histc, .maths = "how many of x lie in each of `bins` equal parts of min to max",
      .inputs = "x", .n_in = 1, .flags = TG__NOT_DIFF, .fields = histc_fields,
      .attr_size = sizeof(histc_attr), .forward = histc_forward, .onnx = {"none"});
TG_SAMPLES(histc, "[2,10] | bins=4 min=-1 max=1.5", "[7] | bins=3", "[]");
tg_tensor *tg_histc(tg_tensor *x, int64_t bins, double min, double max) {
    return tg__apply1(&tg__op_histc, x, &(histc_attr){bins, min, max});
}

/* ---- histogram ---- */
typedef struct {
    histc_attr range;
    bool density;
} histogram_attr;
static const tg__field histogram_fields[] = {
    {"bins", TG_ATTR_INT, offsetof(histogram_attr, range.bins), false, 100, 0},
    {"min", TG_ATTR_FLOAT, offsetof(histogram_attr, range.min), false, 0, 0},
    {"max", TG_ATTR_FLOAT, offsetof(histogram_attr, range.max), false, 0, 0},
    {"density", TG_ATTR_BOOL, offsetof(histogram_attr, density), false, 0, 0},
    {0}};

/* bins + 1 edges, exact at both ends. Raw. */
static tg_tensor *edges_of(tg_dtype dtype, double lo, double hi, int64_t bins) {
    int64_t n;
    if (__builtin_add_overflow(bins, 1, &n))
        n = bins; /* refused as too large */
    tg_tensor *edges = tg__new("histogram", dtype, 1, &n);
    if (edges == NULL)
        return NULL;
    const double step = (hi - lo) / (double)bins;
    for (int64_t i = 0; i < n; i++) {
        const double at = 2 * i < n ? lo + (double)i * step : hi - (double)(bins - i) * step;
        tg__convert_double(dtype, edges->data + (size_t)i * tg__item_size(dtype), at);
    }
    return edges;
}

/* sum[b] += weight of each x between edges b and b + 1; the last bin has both. place: room for
 * where each x goes. */
static void weigh(const tg_tensor *x, const tg_tensor *weight, const tg_tensor *edges,
                  int64_t *place, double *sum) {
    const int64_t bins = edges->numel - 1;
    tg_dtype dtype = (tg_dtype)x->dtype;
    const size_t item = tg__item_size(dtype);
    const double end = tg__load_double(dtype, edges->data + (size_t)bins * item);
    for (int64_t b = 0; b < bins; b++)
        sum[b] = 0.0;
    tg__search(dtype, 1, bins + 1, 0, edges->data, x->numel, x->data, true, place);
    for (int64_t i = 0; i < x->numel; i++) {
        int64_t b = place[i] - 1;
        if (b == bins && tg__load_double(dtype, x->data + (size_t)i * item) == end)
            b--;
        if (b >= 0 && b < bins)
            sum[b] +=
                weight != NULL ? tg__load_double(dtype, weight->data + (size_t)i * item) : 1.0;
    }
}

/* The sums in x's dtype; a density has the area 1. */
static void store_sums(const tg_tensor *edges, const double *sum, bool density, tg_tensor *y) {
    tg_dtype dtype = (tg_dtype)y->dtype;
    const size_t item = tg__item_size(dtype);
    double total = 0.0;
    for (int64_t b = 0; b < y->numel; b++)
        total += sum[b];
    for (int64_t b = 0; b < y->numel; b++) {
        const char *edge = edges->data + (size_t)b * item;
        double width = tg__load_double(dtype, edge + item) - tg__load_double(dtype, edge);
        tg__convert_double(dtype, y->data + (size_t)b * item,
                           density ? sum[b] / (total * width) : sum[b]);
    }
}

static bool histogram_forward(const tg__call *c) {
    const histogram_attr *a = c->attr;
    const int64_t bins = a->range.bins;
    const tg_tensor *x = c->in[0];
    const tg_tensor *weight = c->in[1];
    const bool weighted = !(weight->flags & TG__IS_NONE);
    double lo;
    double hi;
    if (!binnable(c, &a->range))
        return false;
    if (weighted && !tg__same_shape(x, weight)) {
        tg__fail(TG_ERR_SHAPE, "histogram", "x is %s and weight is %s; give a weight for each x",
                 tg__describe(x), tg__describe(weight));
        return false;
    }
    if (!range_of("histogram", &a->range, x, 0.5, &lo, &hi))
        return false;
    tg_dtype dtype = (tg_dtype)x->dtype;
    tg_tensor *w = weighted ? tg__packed_as("histogram", c->in[1], dtype) : NULL;
    tg_tensor *packed = !weighted || w != NULL ? tg__packed("histogram", c->in[0]) : NULL;
    tg_tensor *place = packed != NULL ? tg__new("histogram", TG_I64, x->ndim, x->shape) : NULL;
    tg_tensor *sum = place != NULL ? tg__new("histogram", TG_F64, 1, &bins) : NULL;
    c->out[1] = sum != NULL ? edges_of(dtype, lo, hi, bins) : NULL;
    c->out[0] = c->out[1] != NULL ? tg__new("histogram", dtype, 1, &bins) : NULL;
    if (c->out[0] != NULL) {
        double *sums = (double *)(void *)sum->data;
        weigh(packed, w, c->out[1], (int64_t *)(void *)place->data, sums);
        store_sums(c->out[1], sums, a->density, c->out[0]);
    }
    tg__unref(w);
    tg__unref(packed);
    tg__unref(place);
    tg__unref(sum);
    return c->out[0] != NULL;
}
TG_OP(histogram,
      .maths = "weights of x in each of `bins` equal parts of min to max, and their ends",
      .inputs = "x weight", .n_in = 2, .n_optional = 1, .n_out = 2, .flags = TG__NOT_DIFF,
      .fields = histogram_fields, .attr_size = sizeof(histogram_attr), .forward = histogram_forward,
      .onnx = {"none"});
TG_SAMPLES(histogram, "[2,10] none | bins=4 min=-1 max=1.5", "[7] [7] | bins=3 density=1",
           "[2,3] +[2,3] | bins=5");
tg_tensor *tg_histogram(tg_tensor *x, int64_t bins, double min, double max,
                        tg_tensor *weight_or_none, bool density, tg_tensor **bin_edges) {
    return tg__apply_rest(&tg__op_histogram, (tg_tensor *[]){x, weight_or_none}, 2,
                          &(histogram_attr){{bins, min, max}, density}, &bin_edges);
}
