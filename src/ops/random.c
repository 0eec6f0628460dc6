/* random.c - tensors of random numbers of many distributions.
 *
 * Each call checks everything, fills a new tensor from where the generator stands, and moves the
 * generator last; how far depends on sizes only. The in-place forms fill a tensor beside x and copy
 * it, so they follow the rules of every in-place operation. */
#include "kernels/draw.h"
#include "kernels/philox.h"
#include "ops/elementwise.h"

#include <tensorgrad/random.h>

#include <float.h>
#include <math.h>

/* One draw: a distribution with its parameters. */
typedef struct {
    const char *op;
    tg__draw_kind kind;
    double a, b;
    bool normal;   /* of tg_randn's numbers instead: mean a, standard deviation b */
    bool exponent; /* e to the power of them */
    double lo, hi; /* limits of a truncated normal number, whose mean and deviation follow */
    double mean, std;
    bool truncated;
} draw;

/* ---- Checks ---- */

static bool is_finite(const char *op, const char *name, double value) {
    if (isfinite(value))
        return true;
    tg__fail(TG_ERR_ARG, op, "%s is %s; give a finite number", name, tg__num(value));
    return false;
}

static bool at_least_0(const char *op, const char *name, double value, bool zero) {
    if (!is_finite(op, name, value))
        return false;
    if (value > 0 || (zero && value == 0))
        return true;
    tg__fail(TG_ERR_ARG, op, "%s is %s; give a number %s 0", name, tg__num(value),
             zero ? ">=" : ">");
    return false;
}

static bool probability(const char *op, double p, bool zero) {
    if (p <= 1 && (p > 0 || (zero && p == 0)))
        return true;
    tg__fail(TG_ERR_ARG, op, "p is %s; give a probability in %s, 1]", tg__num(p),
             zero ? "[0" : "(0");
    return false;
}

static bool uniform_between(const char *op, double lo, double hi, draw *d) {
    *d = (draw){.op = op, .kind = TG__DRAW_UNIFORM, .a = lo, .b = hi};
    if (!is_finite(op, "lo", lo) || !is_finite(op, "hi", hi))
        return false;
    if (lo <= hi)
        return true;
    tg__fail(TG_ERR_ARG, op, "lo is %s and hi %s; lo must not be above hi", tg__num(lo),
             tg__num(hi));
    return false;
}

static bool normal_of(const char *op, double mean, double std, bool exponent, draw *d) {
    *d = (draw){.op = op, .normal = true, .exponent = exponent, .a = mean, .b = std};
    return is_finite(op, "mean", mean) && at_least_0(op, "std", std, true);
}

static double normal_below(double z) { return 0.5 * erfc(z * -0.70710678118654752440); }

/* The part of the distribution function between the limits; both on the side where it is small, so
 * that far limits keep their precision. */
static bool truncated(const char *op, double mean, double std, double lo, double hi, draw *d) {
    *d = (draw){.op = op, .kind = TG__DRAW_NORMAL, .truncated = true, .mean = mean, .std = std};
    if (!is_finite(op, "mean", mean) || !at_least_0(op, "std", std, false))
        return false;
    if (!(lo < hi)) {
        tg__fail(TG_ERR_ARG, op, "lo is %s and hi %s; lo must be below hi", tg__num(lo),
                 tg__num(hi));
        return false;
    }
    d->lo = lo;
    d->hi = hi;
    if (lo > mean) { /* mirrored */
        d->std = -std;
        d->a = normal_below((mean - hi) / std);
        d->b = normal_below((mean - lo) / std);
    } else {
        d->a = normal_below((lo - mean) / std);
        d->b = normal_below((hi - mean) / std);
    }
    return true;
}

static bool exponential_of(const char *op, double rate, draw *d) {
    *d = (draw){.op = op, .kind = TG__DRAW_EXPONENTIAL, .a = rate};
    return at_least_0(op, "rate", rate, false);
}

/* ---- Drawing ---- */

static tg__draw_from from_of(const tg_generator_state *s) {
    return (tg__draw_from){s->seed, s->stream, s->position};
}

/* x = e^(a + b·x), or without e. */
static void shape_normal(tg_tensor *x, const draw *d) {
    if (x->dtype == TG_F32)
        for (int64_t i = 0; i < x->numel; i++) {
            float *v = (float *)(void *)x->data + i;
            const double y = d->a + d->b * (double)*v;
            *v = (float)(d->exponent ? exp(y) : y);
        }
    else
        for (int64_t i = 0; i < x->numel; i++) {
            double *v = (double *)(void *)x->data + i;
            const double y = d->a + d->b * *v;
            *v = d->exponent ? exp(y) : y;
        }
}

/* x = mean + std·x, within the limits whatever the rounding. */
static void shape_truncated(tg_tensor *x, const draw *d) {
    for (int64_t i = 0; i < x->numel; i++) {
        char *at = x->data + (size_t)i * tg__item_size(x->dtype);
        const double z = tg__load_double((tg_dtype)x->dtype, at);
        const double y = d->mean + d->std * z;
        tg__convert_double((tg_dtype)x->dtype, at, y < d->lo ? d->lo : y > d->hi ? d->hi : y);
    }
}

/* Fills x, which is contiguous; returns how many blocks it took. */
static uint64_t fill(tg_tensor *x, const draw *d, const tg_tensor *parameter,
                     const tg_generator_state *s) {
    if (d->normal) {
        const uint64_t blocks = tg__random_normal((tg_dtype)x->dtype, x->data, x->numel, s->seed,
                                                  s->stream, s->position);
        shape_normal(x, d);
        return blocks;
    }
    tg__draw(d->kind, (tg_dtype)x->dtype, x->data, x->numel, d->a, d->b,
             parameter != NULL ? (tg_dtype)parameter->dtype : TG_F64,
             parameter != NULL ? parameter->data : NULL, from_of(s));
    if (d->truncated)
        shape_truncated(x, d);
    return tg__draw_blocks64(x->numel);
}

/* A new raw tensor of the draw; the generator has moved. */
static tg_tensor *filled(const draw *d, const tg_tensor *parameter, tg_dtype dtype, int ndim,
                         const int64_t *shape, tg_generator *generator) {
    tg_generator_state s;
    if (tg_generator_get_state(generator, &s) != TG_OK)
        return NULL;
    tg_tensor *x = tg__new(d->op, dtype, ndim, shape);
    if (x == NULL || x->numel == 0)
        return x;
    s.position += fill(x, d, parameter, &s);
    (void)tg_generator_set_state(generator, &s);
    return x;
}

static bool is_uniform(const draw *d) { return !d->normal && d->kind == TG__DRAW_UNIFORM; }

/* False with an error if the limits of uniform numbers are infinite in dtype. */
static bool within(const draw *d, tg_dtype dtype) {
    const double most = dtype == TG_F16    ? 65504
                        : dtype == TG_BF16 ? 0x1.fep127
                        : dtype == TG_F32  ? (double)FLT_MAX
                                           : DBL_MAX;
    if (!is_uniform(d) || (d->a >= -most && d->b <= most))
        return true;
    tg__fail(TG_ERR_ARG, d->op, "lo is %s and hi %s; give numbers that %s can hold, up to %s",
             tg__num(d->a), tg__num(d->b), tg_dtype_name(dtype), tg__num(most));
    return false;
}

static tg_tensor *floats(const draw *d, tg_dtype dtype, int ndim, const int64_t *shape,
                         tg_generator *generator) {
    if (!tg__shape_check(d->op, dtype, ndim, shape, NULL, NULL))
        return NULL;
    if (dtype != TG_F32 && dtype != TG_F64) {
        tg__fail(TG_ERR_DTYPE, d->op, "dtype %s; it takes f32 and f64", tg_dtype_name(dtype));
        return NULL;
    }
    if (!within(d, dtype))
        return NULL;
    return tg__give(filled(d, NULL, dtype, ndim, shape, generator));
}

/* The largest number of a 16-bit dtype below hi. */
static float narrow_below(tg_dtype dtype, double hi) {
    uint16_t bits;
    tg__convert_double(dtype, &bits, hi);
    if (tg__load_double(dtype, &bits) >= hi)
        bits = (bits & 0x7fff) == 0 ? 0x8001 : bits & 0x8000 ? bits + 1 : bits - 1;
    return (float)tg__load_double(dtype, &bits);
}

/* Uniform numbers in f32 that are to be rounded to 16 bits: so that none becomes hi. */
static void keep_below(tg_tensor *y, const draw *d, tg_dtype dtype) {
    const float most = narrow_below(dtype, d->b);
    float *v = (float *)(void *)y->data;
    for (int64_t i = 0; i < y->numel && d->a < d->b; i++)
        v[i] = v[i] < most ? v[i] : most;
}

/* x[...] = the draw. The generator moves back if x cannot be written. */
static tg_tensor *replaced(tg_tensor *x, const draw *d, bool integers, tg_generator *generator) {
    tg_generator_state s;
    if (!tg__required(d->op, "x", x) || tg_generator_get_state(generator, &s) != TG_OK)
        return NULL;
    const bool is_float = tg_dtype_is_float((tg_dtype)x->dtype);
    if (!is_float && !(integers && (x->dtype != TG_BOOL || d->kind == TG__DRAW_BERNOULLI))) {
        tg__refuse_dtype(d->op, x,
                         !integers                       ? "float dtypes"
                         : d->kind == TG__DRAW_BERNOULLI ? "any dtype"
                                                         : "any dtype but bool");
        return NULL;
    }
    if (!within(d, (tg_dtype)x->dtype))
        return NULL;
    const tg_dtype dtype = x->dtype == TG_F64 || x->dtype == TG_BOOL ? (tg_dtype)x->dtype
                           : is_float                                ? TG_F32
                                                                     : TG_I64;
    tg_tensor *y = filled(d, NULL, dtype, x->ndim, x->shape, generator);
    if (y == NULL)
        return NULL;
    if (is_uniform(d) && (x->dtype == TG_F16 || x->dtype == TG_BF16))
        keep_below(y, d, (tg_dtype)x->dtype);
    const char *was = tg__errors_as(d->op);
    tg_tensor *done = tg_copy_(x, y);
    tg__errors_back(was);
    tg__unref(y);
    if (done == NULL)
        (void)tg_generator_set_state(generator, &s);
    return done;
}

/* ---- Floats ---- */

tg_tensor *tg_uniform(tg_dtype dtype, int ndim, const int64_t *shape, double lo, double hi,
                      tg_generator *generator_or_null) {
    draw d;
    return uniform_between("uniform", lo, hi, &d)
               ? floats(&d, dtype, ndim, shape, generator_or_null)
               : NULL;
}
tg_tensor *tg_uniform_(tg_tensor *x, double lo, double hi, tg_generator *generator_or_null) {
    draw d;
    return uniform_between("uniform_", lo, hi, &d) ? replaced(x, &d, false, generator_or_null)
                                                   : NULL;
}

tg_tensor *tg_normal(tg_dtype dtype, int ndim, const int64_t *shape, double mean, double std,
                     tg_generator *generator_or_null) {
    draw d;
    return normal_of("normal", mean, std, false, &d)
               ? floats(&d, dtype, ndim, shape, generator_or_null)
               : NULL;
}
tg_tensor *tg_normal_(tg_tensor *x, double mean, double std, tg_generator *generator_or_null) {
    draw d;
    return normal_of("normal_", mean, std, false, &d) ? replaced(x, &d, false, generator_or_null)
                                                      : NULL;
}
tg_tensor *tg_log_normal_(tg_tensor *x, double mean, double std, tg_generator *generator_or_null) {
    draw d;
    return normal_of("log_normal_", mean, std, true, &d) ? replaced(x, &d, false, generator_or_null)
                                                         : NULL;
}

tg_tensor *tg_trunc_normal(tg_dtype dtype, int ndim, const int64_t *shape, double mean, double std,
                           double lo, double hi, tg_generator *generator_or_null) {
    draw d;
    return truncated("trunc_normal", mean, std, lo, hi, &d)
               ? floats(&d, dtype, ndim, shape, generator_or_null)
               : NULL;
}
tg_tensor *tg_trunc_normal_(tg_tensor *x, double mean, double std, double lo, double hi,
                            tg_generator *generator_or_null) {
    draw d;
    return truncated("trunc_normal_", mean, std, lo, hi, &d)
               ? replaced(x, &d, false, generator_or_null)
               : NULL;
}

tg_tensor *tg_exponential(tg_dtype dtype, int ndim, const int64_t *shape, double rate,
                          tg_generator *generator_or_null) {
    draw d;
    return exponential_of("exponential", rate, &d)
               ? floats(&d, dtype, ndim, shape, generator_or_null)
               : NULL;
}
tg_tensor *tg_exponential_(tg_tensor *x, double rate, tg_generator *generator_or_null) {
    draw d;
    return exponential_of("exponential_", rate, &d) ? replaced(x, &d, false, generator_or_null)
                                                    : NULL;
}

tg_tensor *tg_gumbel(tg_dtype dtype, int ndim, const int64_t *shape,
                     tg_generator *generator_or_null) {
    const draw d = {.op = "gumbel", .kind = TG__DRAW_GUMBEL};
    return floats(&d, dtype, ndim, shape, generator_or_null);
}

tg_tensor *tg_cauchy_(tg_tensor *x, double median, double scale, tg_generator *generator_or_null) {
    const draw d = {.op = "cauchy_", .kind = TG__DRAW_CAUCHY, .a = median, .b = scale};
    return is_finite(d.op, "median", median) && at_least_0(d.op, "scale", scale, false)
               ? replaced(x, &d, false, generator_or_null)
               : NULL;
}

tg_tensor *tg_rand_like(const tg_tensor *x, tg_generator *generator_or_null) {
    if (!tg__required("rand_like", "x", x))
        return NULL;
    return tg_rand((tg_dtype)x->dtype, x->ndim, x->shape, generator_or_null);
}
tg_tensor *tg_randn_like(const tg_tensor *x, tg_generator *generator_or_null) {
    if (!tg__required("randn_like", "x", x))
        return NULL;
    return tg_randn((tg_dtype)x->dtype, x->ndim, x->shape, generator_or_null);
}

/* ---- Integers ---- */

/* The least and the largest integer of a dtype; false for one that holds none. */
static bool range_of(tg_dtype dtype, int64_t *least, int64_t *most) {
    switch (dtype) {
    case TG_F32: /* all integers up to there are exact */
        *most = (int64_t)1 << 24;
        break;
    case TG_F64:
        *most = (int64_t)1 << 53;
        break;
    case TG_I64:
        *least = INT64_MIN;
        *most = INT64_MAX;
        return true;
    case TG_I32:
        *least = INT32_MIN;
        *most = INT32_MAX;
        return true;
    case TG_I16:
        *least = INT16_MIN;
        *most = INT16_MAX;
        return true;
    case TG_I8:
        *least = INT8_MIN;
        *most = INT8_MAX;
        return true;
    case TG_U8:
        *least = 0;
        *most = UINT8_MAX;
        return true;
    default:
        return false;
    }
    *least = -*most;
    return true;
}

static tg_tensor *integers(const char *op, tg_dtype dtype, int ndim, const int64_t *shape,
                           int64_t lo, int64_t hi, tg_generator *generator) {
    int64_t least;
    int64_t most;
    tg_generator_state s;
    if (!tg__shape_check(op, dtype, ndim, shape, NULL, NULL))
        return NULL;
    if (!range_of(dtype, &least, &most)) {
        tg__fail(TG_ERR_DTYPE, op, "dtype %s; it takes f32, f64, i64, i32, i16, i8, u8",
                 tg_dtype_name(dtype));
        return NULL;
    }
    if (lo >= hi || lo < least || hi - 1 > most) {
        tg__fail(TG_ERR_ARG, op,
                 "lo is %lld and hi %lld for %s; give lo < hi, from %lld to at most %lld",
                 (long long)lo, (long long)hi, tg_dtype_name(dtype), (long long)least,
                 (long long)most);
        return NULL;
    }
    if (tg_generator_get_state(generator, &s) != TG_OK)
        return NULL;
    tg_tensor *x = tg__give(tg__new(op, dtype, ndim, shape));
    if (x == NULL || x->numel == 0)
        return x;
    tg__draw_integers(dtype, x->data, x->numel, lo, (uint64_t)hi - (uint64_t)lo, from_of(&s));
    s.position += tg__draw_blocks64(x->numel);
    (void)tg_generator_set_state(generator, &s);
    return x;
}

tg_tensor *tg_randint(tg_dtype dtype, int ndim, const int64_t *shape, int64_t lo, int64_t hi,
                      tg_generator *generator_or_null) {
    return integers("randint", dtype, ndim, shape, lo, hi, generator_or_null);
}
tg_tensor *tg_randint_like(const tg_tensor *x, int64_t lo, int64_t hi,
                           tg_generator *generator_or_null) {
    if (!tg__required("randint_like", "x", x))
        return NULL;
    return integers("randint_like", (tg_dtype)x->dtype, x->ndim, x->shape, lo, hi,
                    generator_or_null);
}

tg_tensor *tg_randperm(int64_t n, tg_generator *generator_or_null) {
    tg_generator_state s;
    if (n < 0) {
        tg__fail(TG_ERR_ARG, "randperm", "n is %lld; give 0 or more", (long long)n);
        return NULL;
    }
    if (tg_generator_get_state(generator_or_null, &s) != TG_OK)
        return NULL;
    tg_tensor *x = tg__give(tg__new("randperm", TG_I64, TG_SHAPE(n)));
    if (x == NULL || n == 0)
        return x;
    tg__draw_permutation((int64_t *)(void *)x->data, n, from_of(&s));
    s.position += tg__draw_blocks64(n);
    (void)tg_generator_set_state(generator_or_null, &s);
    return x;
}

tg_tensor *tg_bernoulli_(tg_tensor *x, double p, tg_generator *generator_or_null) {
    const draw d = {.op = "bernoulli_", .kind = TG__DRAW_BERNOULLI, .a = p};
    return probability(d.op, p, true) ? replaced(x, &d, true, generator_or_null) : NULL;
}
tg_tensor *tg_geometric_(tg_tensor *x, double p, tg_generator *generator_or_null) {
    const draw d = {.op = "geometric_", .kind = TG__DRAW_GEOMETRIC, .a = p};
    return probability(d.op, p, false) ? replaced(x, &d, true, generator_or_null) : NULL;
}

/* ---- With a tensor of parameters ---- */

/* x packed and float, all of it in [0, most]; raw, or NULL with an error. */
static tg_tensor *parameters(const char *op, const char *name, tg_tensor *x, double most) {
    if (!tg__required(op, name, x) || !tg__float_only(op, x))
        return NULL;
    if (x->dtype != TG_F32 && x->dtype != TG_F64) {
        tg__refuse_dtype(op, x, "f32, f64");
        return NULL;
    }
    tg_tensor *packed = tg__packed(op, x);
    for (int64_t i = 0; packed != NULL && i < x->numel; i++) {
        const double v =
            tg__load_double((tg_dtype)x->dtype, packed->data + (size_t)i * tg__item_size(x->dtype));
        if (v >= 0 && v <= most)
            continue;
        tg__fail(TG_ERR_NUMERIC, op, "%s is %s at position %lld of %s; give %s", name, tg__num(v),
                 (long long)i, tg__describe(x), most == 1 ? "0 to 1" : "finite numbers >= 0");
        tg__unref(packed);
        return NULL;
    }
    return packed;
}

static tg_tensor *by_parameters(const draw *d, tg_tensor *packed, tg_generator *generator) {
    tg_tensor *y = NULL;
    if (packed != NULL)
        y = tg__give(
            filled(d, packed, (tg_dtype)packed->dtype, packed->ndim, packed->shape, generator));
    tg__unref(packed);
    return y;
}

tg_tensor *tg_bernoulli(tg_tensor *p, tg_generator *generator_or_null) {
    const draw d = {.op = "bernoulli", .kind = TG__DRAW_BERNOULLI};
    return by_parameters(&d, parameters(d.op, "p", p, 1), generator_or_null);
}
tg_tensor *tg_poisson(tg_tensor *rate, tg_generator *generator_or_null) {
    const draw d = {.op = "poisson", .kind = TG__DRAW_POISSON};
    return by_parameters(&d, parameters(d.op, "rate", rate, 1e300), generator_or_null);
}

/* How many weights of a row are positive. */
static int64_t positive(const tg_tensor *packed, int64_t row, int64_t k) {
    int64_t n = 0;
    for (int64_t c = 0; c < k; c++)
        n += tg__load_double((tg_dtype)packed->dtype,
                             packed->data + (size_t)(row * k + c) * tg__item_size(packed->dtype)) >
             0;
    return n;
}

static bool check_multinomial(const tg_tensor *packed, int64_t rows, int64_t k, int64_t n,
                              bool replacement) {
    static const char op[] = "multinomial";
    if (n < 1 || (!replacement && n > k)) {
        tg__fail(TG_ERR_ARG, op, "n is %lld for %lld weights%s; give at least 1%s", (long long)n,
                 (long long)k, replacement ? "" : " without replacement",
                 replacement ? "" : " and at most the number of weights");
        return false;
    }
    for (int64_t r = 0; r < rows; r++) {
        const int64_t some = positive(packed, r, k);
        if (some >= (replacement ? 1 : n))
            continue;
        tg__fail(
            TG_ERR_NUMERIC, op,
            "%lld positive weights in row %lld of %s, to draw %lld%s; give more, or draw fewer",
            (long long)some, (long long)r, tg__describe(packed), (long long)n,
            replacement ? "" : " without replacement");
        return false;
    }
    return true;
}

tg_tensor *tg_multinomial(tg_tensor *weights, int64_t n, bool replacement,
                          tg_generator *generator_or_null) {
    static const char op[] = "multinomial";
    tg_generator_state s;
    tg_tensor *packed = parameters(op, "weights", weights, 1e300);
    if (packed == NULL)
        return NULL;
    tg_tensor *y = NULL;
    const int ndim = packed->ndim;
    if (ndim != 1 && ndim != 2) {
        tg__fail(TG_ERR_SHAPE, op, "weights is %s; give [k] or [rows, k]", tg__describe(packed));
    } else {
        const int64_t rows = ndim == 2 ? packed->shape[0] : 1;
        const int64_t k = packed->shape[ndim - 1];
        const int64_t shape[2] = {rows, n};
        if (check_multinomial(packed, rows, k, n, replacement) &&
            tg_generator_get_state(generator_or_null, &s) == TG_OK)
            y = tg__new(op, TG_I64, ndim, shape + 2 - ndim);
        if (y != NULL && y->numel > 0 &&
            !tg__draw_columns((tg_dtype)packed->dtype, packed->data, rows, k, n, replacement,
                              (int64_t *)(void *)y->data, from_of(&s))) {
            tg__fail_memory(op, (uint64_t)k * 2 * sizeof(double));
            tg__unref(y);
            y = NULL;
        }
        y = tg__give(y);
        if (y != NULL) {
            s.position += tg__draw_blocks64(replacement ? y->numel : packed->numel);
            (void)tg_generator_set_state(generator_or_null, &s);
        }
    }
    tg__unref(packed);
    return y;
}
