/* scan.c - running sums, products and extremes along one dim.
 *
 * A job is up to WIDTH neighbouring lines of [outer, n, inner], walked together row by row, with an
 * accumulator for each. Each line is one chain of operations, so how the work is cut changes no
 * bit. */
#include "kernels/scan.h"

#include "base/threads.h"

#include <math.h>

#define WIDTH 32
#define PIECE 16384 /* elements worth handing to another thread */

/* w lines of n elements, `inner` elements from one row to the next. */
typedef struct {
    const void *x, *a;
    void *out;
    int64_t *at;
    int64_t n, inner, w;
} strip;
typedef void (*strip_fn)(const strip *s);

/* Where row i starts, from the end if `back`. */
#define ROW(i) ((back ? s->n - 1 - (i) : (i)) * s->inner)

/* acc = step, element by element; v is the element. One line is a chain in a register. */
#define SCAN(name, T, A, first, back_, step)                                                       \
    static void name##_##T(const strip *s) {                                                       \
        const bool back = back_;                                                                   \
        const T *x = s->x;                                                                         \
        T *out = s->out;                                                                           \
        A sum[WIDTH];                                                                              \
        for (int64_t j = 0; j < s->w; j++)                                                         \
            sum[j] = first;                                                                        \
        if (s->w == 1) {                                                                           \
            A acc = first;                                                                         \
            for (int64_t i = 0; i < s->n; i++) {                                                   \
                const A v = (A)x[ROW(i)];                                                          \
                acc = step;                                                                        \
                out[ROW(i)] = (T)acc;                                                              \
            }                                                                                      \
            return;                                                                                \
        }                                                                                          \
        for (int64_t i = 0; i < s->n; i++)                                                         \
            for (int64_t j = 0; j < s->w; j++) {                                                   \
                const A v = (A)x[ROW(i) + j], acc = sum[j];                                        \
                sum[j] = step;                                                                     \
                out[ROW(i) + j] = (T)sum[j];                                                       \
            }                                                                                      \
    }
SCAN(sum, float, double, 0, false, acc + v)
SCAN(sum, double, double, 0, false, acc + v)
SCAN(sum, uint64_t, uint64_t, 0, false, acc + v)
SCAN(sum_back, float, double, 0, true, acc + v)
SCAN(sum_back, double, double, 0, true, acc + v)
SCAN(sum_back, uint64_t, uint64_t, 0, true, acc + v)
SCAN(prod, float, double, 1, false, acc *v)
SCAN(prod, double, double, 1, false, acc *v)
SCAN(prod, uint64_t, uint64_t, 1, false, acc *v)

/* Forwards, a[i] leads from out[i-1] to out[i]; backwards, a[i+1] leads from out[i+1] to out[i]. */
#define RECUR(name, T, back_)                                                                      \
    static void name##_##T(const strip *s) {                                                       \
        const bool back = back_;                                                                   \
        double acc[WIDTH];                                                                         \
        for (int64_t i = 0; i < s->n; i++) {                                                       \
            const T *x = (const T *)s->x + ROW(i);                                                 \
            const T *a = (const T *)s->a + (back && i > 0 ? ROW(i - 1) : ROW(i));                  \
            T *out = (T *)s->out + ROW(i);                                                         \
            for (int64_t j = 0; j < s->w; j++) {                                                   \
                acc[j] = (double)x[j] + (i > 0 ? (double)a[j] * acc[j] : 0);                       \
                out[j] = (T)acc[j];                                                                \
            }                                                                                      \
        }                                                                                          \
    }
RECUR(recur, float, false)
RECUR(recur, double, false)
RECUR(recur_back, float, true)
RECUR(recur_back, double, true)

/* The sum is kept as scale · e^most, where most is the largest so far. */
static double add_exp(double *most, double *scale, double v) {
    if (isnan(v) || isnan(*most)) {
        *most = (double)NAN;
    } else if (v > *most) {
        *scale = 1 + (isinf(v) ? 0 : *scale * exp(*most - v));
        *most = v;
    } else if (!isinf(*most)) {
        *scale += exp(v - *most);
    }
    return isinf(*most) ? *most : *most + log(*scale);
}
#define LOGSUMEXP(T)                                                                               \
    static void logsumexp_##T(const strip *s) {                                                    \
        const bool back = false;                                                                   \
        double most[WIDTH], scale[WIDTH];                                                          \
        for (int64_t j = 0; j < s->w; j++) {                                                       \
            most[j] = -(double)INFINITY;                                                           \
            scale[j] = 0;                                                                          \
        }                                                                                          \
        for (int64_t i = 0; i < s->n; i++) {                                                       \
            const T *x = (const T *)s->x + ROW(i);                                                 \
            T *out = (T *)s->out + ROW(i);                                                         \
            for (int64_t j = 0; j < s->w; j++)                                                     \
                out[j] = (T)add_exp(&most[j], &scale[j], (double)x[j]);                            \
        }                                                                                          \
    }
LOGSUMEXP(float)
LOGSUMEXP(double)

#define EXTREME(name, T, op)                                                                       \
    static void name##_##T(const strip *s) {                                                       \
        const bool back = false;                                                                   \
        T best[WIDTH];                                                                             \
        int64_t place[WIDTH];                                                                      \
        for (int64_t i = 0; i < s->n; i++) {                                                       \
            const T *x = (const T *)s->x + ROW(i);                                                 \
            for (int64_t j = 0; j < s->w; j++) {                                                   \
                if (i == 0 || x[j] op best[j] || x[j] != x[j]) {                                   \
                    best[j] = x[j];                                                                \
                    place[j] = i;                                                                  \
                }                                                                                  \
                ((T *)s->out)[ROW(i) + j] = best[j];                                               \
                s->at[ROW(i) + j] = place[j];                                                      \
            }                                                                                      \
        }                                                                                          \
    }
EXTREME(most, float, >=)
EXTREME(most, double, >=)
EXTREME(most, int64_t, >=)
EXTREME(most, int32_t, >=)
EXTREME(most, uint8_t, >=)
EXTREME(least, float, <=)
EXTREME(least, double, <=)
EXTREME(least, int64_t, <=)
EXTREME(least, int32_t, <=)
EXTREME(least, uint8_t, <=)

/* ---- Jobs ------------------------------------------------------------------------------------ */

typedef struct {
    strip_fn fn;
    int64_t item, n, inner, blocks;
    const char *x, *a;
    char *out;
    int64_t *at;
} scan;

static void jobs(int64_t begin, int64_t end, void *ctx) {
    const scan *c = ctx;
    for (int64_t t = begin; t < end; t++) {
        const int64_t start = t % c->blocks * WIDTH;
        const int64_t first = t / c->blocks * c->n * c->inner + start;
        strip s = {.n = c->n, .inner = c->inner};
        s.w = c->inner - start < WIDTH ? c->inner - start : WIDTH;
        s.x = c->x + first * c->item;
        s.a = c->a != NULL ? c->a + first * c->item : NULL;
        s.out = c->out + first * c->item;
        s.at = c->at != NULL ? c->at + first : NULL;
        c->fn(&s);
    }
}

static void run(scan *c, tg_dtype dtype, int64_t outer) {
    static const uint8_t item[TG__DTYPES] = {4, 8, 8, 4, 1, 1};
    c->item = item[dtype];
    c->blocks = (c->inner + WIDTH - 1) / WIDTH;
    if (outer == 0 || c->n == 0 || c->inner == 0)
        return;
    const int64_t work = (c->inner < WIDTH ? c->inner : WIDTH) * c->n;
    tg__parallel_for(outer * c->blocks, work < PIECE ? PIECE / work : 1, jobs, c);
}

bool tg__scan(tg__scan_op op, tg_dtype dtype, int64_t outer, int64_t n, int64_t inner,
              const void *x, const void *a, void *out) {
    static const strip_fn fn[][3] = {
        [TG__SCAN_SUM] = {sum_float, sum_double, sum_uint64_t},
        [TG__SCAN_SUM_BACK] = {sum_back_float, sum_back_double, sum_back_uint64_t},
        [TG__SCAN_PROD] = {prod_float, prod_double, prod_uint64_t},
        [TG__SCAN_LOGSUMEXP] = {logsumexp_float, logsumexp_double},
        [TG__SCAN_RECUR] = {recur_float, recur_double},
        [TG__SCAN_RECUR_BACK] = {recur_back_float, recur_back_double}};
    if (dtype > TG_I64 || fn[op][dtype] == NULL)
        return false;
    scan c = {.fn = fn[op][dtype], .n = n, .inner = inner, .x = x, .a = a, .out = out};
    run(&c, dtype, outer);
    return true;
}

void tg__scan_extreme(bool largest, tg_dtype dtype, int64_t outer, int64_t n, int64_t inner,
                      const void *x, void *out, int64_t *at) {
    static const strip_fn fn[2][TG__DTYPES] = {
        {least_float, least_double, least_int64_t, least_int32_t, least_uint8_t, least_uint8_t},
        {most_float, most_double, most_int64_t, most_int32_t, most_uint8_t, most_uint8_t}};
    scan c = {.fn = fn[largest][dtype], .n = n, .inner = inner, .x = x, .out = out, .at = at};
    run(&c, dtype, outer);
}
