/* draw.c - random numbers of many distributions, each from a fixed number of random bits.
 *
 * Every distribution is drawn by inversion of its distribution function, from one uniform number
 * per element: so how many blocks a tensor takes depends on its size only, element i is the same
 * for any number of threads, and a later draw does not depend on the values of an earlier one.
 * Nothing is rejected. */
#include "kernels/draw.h"

#include "base/alloc.h"
#include "base/threads.h"
#include "kernels/isa.h"
#include "kernels/random_log.h"
#include <float.h>
#include <math.h>

#define PIECE 4096 /* elements; a multiple of those of a block */
#define CHUNK 256  /* words on the stack */

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

uint64_t tg__draw_blocks32(int64_t n) { return ((uint64_t)n + 3) / 4; }
uint64_t tg__draw_blocks64(int64_t n) { return ((uint64_t)n + 1) / 2; }

static void words(uint32_t *w, int64_t n, const tg__draw_from *from, uint64_t block) {
    tg__kernels_get()->random->words(w, n, from->seed, from->stream, from->position + block);
}

/* ---- Dropout --------------------------------------------------------------------------------- */

typedef struct {
    tg_dtype dtype;
    double limit, scale;
    const void *x;
    void *y;
    tg__draw_from from;
} keeping;

static void keep_piece(int64_t begin, int64_t end, void *ctx) {
    const keeping *k = ctx;
    uint32_t w[CHUNK];
    for (int64_t at = begin; at < end; at += CHUNK) {
        const int64_t n = smaller(CHUNK, end - at);
        words(w, n, &k->from, (uint64_t)at / 4);
        if (k->dtype == TG_F32) {
            const float *x = k->x != NULL ? (const float *)k->x + at : NULL;
            float *y = (float *)k->y + at;
            const float scale = (float)k->scale;
            for (int64_t i = 0; i < n; i++)
                y[i] = (double)w[i] < k->limit ? 0 : (x != NULL ? x[i] : 1) * scale;
        } else {
            const double *x = k->x != NULL ? (const double *)k->x + at : NULL;
            double *y = (double *)k->y + at;
            for (int64_t i = 0; i < n; i++)
                y[i] = (double)w[i] < k->limit ? 0 : (x != NULL ? x[i] : 1) * k->scale;
        }
    }
}

void tg__draw_keep(tg_dtype dtype, int64_t n, double p, double scale, const void *x, void *y,
                   tg__draw_from from) {
    keeping k = {dtype, p * 4294967296.0, scale, x, y, from};
    if (n > 0)
        tg__parallel_for(n, PIECE, keep_piece, &k);
}

/* ---- Distributions --------------------------------------------------------------------------- */

/* Wichura's algorithm AS 241 (PPND16, Applied Statistics 37, 1988): relative error about 1e-16. */
double tg__normal_quantile(double u) {
    static const double central[2][8] = {
        {3.3871328727963666080, 133.14166789178437745, 1971.5909503065514427, 13731.693765509461125,
         45921.953931549871457, 67265.770927008700853, 33430.575583588128105,
         2509.0809287301226727},
        {1, 42.313330701600911252, 687.18700749205790830, 5394.1960214247511077,
         21213.794301586595867, 39307.895800092710610, 28729.085735721942674,
         5226.4952788528545610}};
    static const double middle[2][8] = {
        {1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550,
         3.64784832476320460504, 1.27045825245236838258, 0.241780725177450611770,
         0.0227238449892691845833, 7.74545014278341407640e-4},
        {1, 2.05319162663775882187, 1.67638483018380384940, 0.689767334985100004550,
         0.148103976427480074590, 0.0151986665636164571966, 5.47593808499534494600e-4,
         1.05075007164441684324e-9}};
    static const double tail[2][8] = {
        {6.65790464350110377720, 5.46378491116411436990, 1.78482653991729133580,
         0.296560571828504891230, 0.0265321895265761230930, 1.24266094738807843860e-3,
         2.71155556874348757815e-5, 2.01033439929228813265e-7},
        {1, 0.599832206555887937690, 0.136929880922735805310, 0.0148753612908506148525,
         7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
         2.04426310338993978564e-15}};
    const double q = u - 0.5;
    const double(*c)[8] = central;
    double r = 0.180625 - q * q;
    const bool far = r < 0;
    if (far) {
        r = sqrt(-random_log(q < 0 ? u : 1 - u));
        c = r <= 5 ? middle : tail;
        r -= r <= 5 ? 1.6 : 5;
    }
    double top = c[0][7], bottom = c[1][7];
    for (int i = 6; i >= 0; i--) {
        top = top * r + c[0][i];
        bottom = bottom * r + c[1][i];
    }
    const double y = top / bottom;
    return !far ? q * y : q < 0 ? -y : y;
}

/* The distribution function is summed from where it begins to count, so the cost grows with the
 * root of the mean. Above a mean of 10^4 an expansion is used that is wrong by less than 10^-8. */
double tg__poisson_quantile(double u, double mean) {
    if (!(mean > 0))
        return mean == 0 ? 0 : (double)NAN;
    if (mean > 1e4) { /* Cornish and Fisher's expansion, with Sheppard's correction for steps */
        const double z = tg__normal_quantile(u);
        const double skew = (z * z - 1) / 6, tails = (z - z * z * z) / (72 * sqrt(mean));
        const double y = ceil(mean + sqrt(mean - 1.0 / 12) * z + skew + tails - 0.5);
        return y > 0 ? y : 0;
    }
    if (mean < 16) {
        double p = exp(-mean), sum = p, k = 0;
        while (u >= sum && k < 400) {
            k += 1;
            p *= mean / k;
            sum += p;
        }
        return k;
    }
    /* Densities relative to that of the mode, as far as they count. */
    const double mode = floor(mean), least = 1e-18;
    double p = 1, total = 1, first = mode;
    for (double k = mode; p > least; total += p)
        p *= mean / ++k;
    p = 1;
    while (first > 0 && p > least) {
        p *= first-- / mean;
        total += p;
    }
    double k = first, sum = p;
    while (sum <= u * total && (k < mode || p > least)) {
        p *= mean / ++k;
        sum += p;
    }
    return k;
}

/* u is the middle of one of 2^53 equal parts of (0, 1): neither 0 nor 1. */
static double inverted(tg__draw_kind kind, double u, double a, double b) {
    switch (kind) {
    case TG__DRAW_UNIFORM:
        return a * (1 - u) + b * u;
    case TG__DRAW_EXPONENTIAL:
        return -random_log(u) / a;
    case TG__DRAW_GUMBEL:
        return -random_log(-random_log(u));
    case TG__DRAW_CAUCHY:
        return a + b * tan(3.14159265358979323846 * (u - 0.5));
    case TG__DRAW_GEOMETRIC: {
        const double k = a < 1 ? ceil(random_log(u) / log1p(-a)) : 1;
        return k < 1 ? 1 : k;
    }
    case TG__DRAW_NORMAL: {
        const double v = a + u * (b - a);
        return tg__normal_quantile(v);
    }
    case TG__DRAW_BERNOULLI:
        return u < a ? 1 : 0;
    default:
        return tg__poisson_quantile(u, a);
    }
}

typedef struct {
    tg__draw_kind kind;
    tg_dtype dtype, parameter_dtype;
    char *out;
    const void *parameter;
    double a, b;
    int64_t item;
    int64_t lo;
    uint64_t span;
    tg__draw_from from;
} drawing;

static void store(const drawing *d, int64_t i, double y) {
    if (d->dtype == TG_F64)
        ((double *)(void *)d->out)[i] = y;
    else if (d->dtype == TG_F32)
        ((float *)(void *)d->out)[i] = (float)y;
    else
        tg__convert_double(d->dtype, d->out + i * d->item, y);
}

/* Rounding to f32 may reach the upper end of a uniform number. */
static double below(const drawing *d, double y) {
    if (d->dtype == TG_F32 && (double)(float)y >= d->b && d->a < d->b)
        return (double)nextafterf((float)d->b, (float)d->a);
    return y >= d->b && d->a < d->b ? nextafter(d->b, d->a) : y;
}

static void draw_piece(int64_t begin, int64_t end, void *ctx) {
    const drawing *d = ctx;
    uint32_t w[CHUNK];
    for (int64_t at = begin; at < end; at += CHUNK / 2) {
        const int64_t n = smaller(CHUNK / 2, end - at);
        words(w, 2 * n, &d->from, (uint64_t)at / 2);
        for (int64_t i = 0; i < n; i++) {
            const uint64_t bits = ((uint64_t)w[2 * i] << 32 | w[2 * i + 1]) >> 12;
            const double u = ((double)bits + 0.5) * 0x1p-52;
            double a = d->a;
            if (d->parameter != NULL)
                a = d->parameter_dtype == TG_F32 ? (double)((const float *)d->parameter)[at + i]
                                                 : ((const double *)d->parameter)[at + i];
            const double y = inverted(d->kind, u, a, d->b);
            store(d, at + i, d->kind == TG__DRAW_UNIFORM ? below(d, y) : y);
        }
    }
}

static int64_t item_of(tg_dtype dtype) {
    switch (dtype) {
    case TG_F64:
    case TG_I64:
        return 8;
    case TG_F32:
    case TG_I32:
        return 4;
    case TG_I16:
    case TG_F16:
    case TG_BF16:
        return 2;
    default:
        return 1;
    }
}

void tg__draw(tg__draw_kind kind, tg_dtype dtype, void *out, int64_t n, double a, double b,
              tg_dtype parameter_dtype, const void *parameter, tg__draw_from from) {
    drawing d = {.kind = kind, .dtype = dtype, .parameter_dtype = parameter_dtype, .out = out};
    d.parameter = parameter;
    d.a = a;
    d.b = b;
    d.item = item_of(dtype);
    d.from = from;
    if (n > 0)
        tg__parallel_for(n, PIECE, draw_piece, &d);
}

/* ---- Integers -------------------------------------------------------------------------------- */

/* The upper half of the product of two 64-bit numbers: word / 2^64 · span, rounded down. No number
 * is more frequent than another by more than span / 2^64. */
static uint64_t scaled(uint64_t word, uint64_t span) {
    const uint64_t a = word >> 32, b = word & 0xffffffff, c = span >> 32, d = span & 0xffffffff;
    const uint64_t middle = a * d + (b * d >> 32); /* fits: (2^32 - 1)^2 + 2^32 - 1 */
    return a * c + (middle >> 32) + ((b * c + (middle & 0xffffffff)) >> 32);
}

static void integers_piece(int64_t begin, int64_t end, void *ctx) {
    const drawing *d = ctx;
    uint32_t w[CHUNK];
    for (int64_t at = begin; at < end; at += CHUNK / 2) {
        const int64_t n = smaller(CHUNK / 2, end - at);
        words(w, 2 * n, &d->from, (uint64_t)at / 2);
        for (int64_t i = 0; i < n; i++) {
            const uint64_t word = (uint64_t)w[2 * i] << 32 | w[2 * i + 1];
            tg__convert_i64(d->dtype, d->out + (at + i) * d->item,
                            (int64_t)((uint64_t)d->lo + scaled(word, d->span)));
        }
    }
}

void tg__draw_integers(tg_dtype dtype, void *out, int64_t n, int64_t lo, uint64_t span,
                       tg__draw_from from) {
    drawing d = {.dtype = dtype, .out = out, .item = item_of(dtype), .lo = lo, .span = span};
    d.from = from;
    if (n > 0)
        tg__parallel_for(n, PIECE, integers_piece, &d);
}

void tg__draw_permutation(int64_t *out, int64_t n, tg__draw_from from) {
    uint32_t w[CHUNK];
    for (int64_t i = 0; i < n; i++) { /* Fisher and Yates, from the inside */
        const int64_t j = i % (CHUNK / 2);
        if (j == 0)
            words(w, 2 * smaller(CHUNK / 2, n - i), &from, (uint64_t)i / 2);
        const uint64_t word = (uint64_t)w[2 * j] << 32 | w[2 * j + 1];
        const int64_t at = (int64_t)scaled(word, (uint64_t)i + 1);
        out[i] = out[at];
        out[at] = i;
    }
}

/* ---- Columns by weight ----------------------------------------------------------------------- */

typedef struct {
    double key;
    int64_t column;
} runner;

static double weight_at(tg_dtype dtype, const void *weights, int64_t i) {
    return dtype == TG_F32 ? (double)((const float *)weights)[i] : ((const double *)weights)[i];
}

/* Number i of the sequence, in (0, 1). */
static double number_at(const tg__draw_from *from, int64_t i) {
    uint32_t w[4];
    words(w, 4, from, (uint64_t)i / 2);
    const uint32_t *half = w + i % 2 * 2;
    return ((double)(((uint64_t)half[0] << 32 | half[1]) >> 12) + 0.5) * 0x1p-52;
}

/* How many of the rising sums are <= u. */
static int64_t position_of(const double *sums, int64_t k, double u) {
    int64_t low = 0, high = k - 1; /* the answer is in [low, high] */
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (sums[middle] <= u)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool ahead(runner a, runner b) {
    return a.key < b.key || (a.key == b.key && a.column < b.column);
}

/* Lets heap[i] sink to its place among k runners, the foremost at the top. */
static void sink(runner *heap, int64_t i, int64_t k) {
    for (int64_t child = 2 * i + 1; child < k; child = 2 * i + 1) {
        if (child + 1 < k && ahead(heap[child + 1], heap[child]))
            child++;
        if (!ahead(heap[child], heap[i]))
            return;
        const runner r = heap[i];
        heap[i] = heap[child];
        heap[child] = r;
        i = child;
    }
}

/* The n foremost when column c arrives after an exponential time of rate weight c. */
static void race(tg_dtype dtype, const void *weights, int64_t row, int64_t k, int64_t n,
                 int64_t *out, runner *heap, const tg__draw_from *from) {
    for (int64_t c = 0; c < k; c++) {
        const double w = weight_at(dtype, weights, row * k + c);
        const double time = -random_log(number_at(from, row * k + c));
        const double arrival = time / w; /* finite, so as to come before those with weight 0 */
        heap[c] = (runner){!(w > 0) ? (double)INFINITY : arrival < DBL_MAX ? arrival : DBL_MAX, c};
    }
    for (int64_t i = k / 2; i >= 0; i--)
        sink(heap, i, k);
    for (int64_t j = 0; j < n; j++) {
        out[row * n + j] = heap[0].column;
        heap[0] = heap[k - 1 - j];
        sink(heap, 0, k - 1 - j);
    }
}

static void spin(tg_dtype dtype, const void *weights, int64_t row, int64_t k, int64_t n,
                 int64_t *out, double *sums, const tg__draw_from *from) {
    double sum = 0;
    int64_t last = 0; /* the last column that can be drawn */
    for (int64_t c = 0; c < k; c++) {
        const double w = weight_at(dtype, weights, row * k + c);
        last = w > 0 ? c : last;
        sums[c] = sum += w;
    }
    for (int64_t j = 0; j < n; j++)
        out[row * n + j] = position_of(sums, last + 1, number_at(from, row * n + j) * sums[last]);
}

bool tg__draw_columns(tg_dtype dtype, const void *weights, int64_t rows, int64_t k, int64_t n,
                      bool replacement, int64_t *out, tg__draw_from from) {
    const size_t bytes = (size_t)k * (replacement ? sizeof(double) : sizeof(runner));
    void *memory = tg__alloc(bytes);
    for (int64_t r = 0; memory != NULL && r < rows; r++)
        if (replacement)
            spin(dtype, weights, r, k, n, out, memory, &from);
        else
            race(dtype, weights, r, k, n, out, memory, &from);
    tg__free(memory, bytes);
    return memory != NULL;
}
