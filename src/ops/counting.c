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
    tg_tensor *wide = tg__as("bincount", c->in[0], TG_I64);
    tg_tensor *x = wide != NULL ? tg__packed("bincount", wide) : NULL;
    tg_tensor *like = x != NULL && weighted ? tg__as("bincount", c->in[1], dtype) : NULL;
    tg_tensor *weights = like != NULL ? tg__packed("bincount", like) : NULL;
    if (x != NULL && (!weighted || weights != NULL)) {
        const int64_t *places = (const int64_t *)(const void *)x->data;
        int64_t bins = bins_for(places, x->numel, a->minlength);
        if (bins >= 0)
            c->out[0] = tg__new("bincount", dtype, 1, &bins);
        if (c->out[0] != NULL)
            tg__bincount(x->numel, places, dtype, weighted ? weights->data : NULL, bins,
                         c->out[0]->data);
    }
    tg__unref(wide);
    tg__unref(x);
    tg__unref(like);
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

/* The range: that of the data if min and max are equal, and one wider if they still are. */
static bool histc_range(const histc_attr *a, const tg_tensor *x, double *lo, double *hi) {
    *lo = a->min;
    *hi = a->max;
    if (*lo == *hi && x->numel > 0) {
        uint32_t all = (1u << x->ndim) - 1;
        tg_dtype dtype = (tg_dtype)x->dtype;
        tg_tensor *most[2] = {
            tg__run_reduction("histc", TG__REDUCE_MIN, x, all, false, dtype, 1.0, NULL), NULL};
        if (most[0] != NULL)
            most[1] = tg__run_reduction("histc", TG__REDUCE_MAX, x, all, false, dtype, 1.0, NULL);
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
    if (*lo == *hi) {
        double margin = fmax(1.0, fabs(*lo) / 1048576.0); /* f32 tells these apart */
        *lo -= margin;
        *hi += margin;
    }
    if (isfinite(*lo) && isfinite(*hi) && *lo < *hi)
        return true;
    tg__fail(TG_ERR_ARG, "histc",
             "the range is %g to %g; give finite min < max (equal: the range of the data, which "
             "must be finite)",
             *lo, *hi);
    return false;
}

static bool histc_forward(const tg__call *c) {
    const histc_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    double lo;
    double hi;
    if (!tg__float_only("histc", x))
        return false;
    if (a->bins < 1) {
        tg__fail(TG_ERR_ARG, "histc", "bins is %lld; give at least 1", (long long)a->bins);
        return false;
    }
    if (!histc_range(a, x, &lo, &hi))
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
