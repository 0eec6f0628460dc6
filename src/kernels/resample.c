/* resample.c - one dim of a tensor at other positions.
 *
 * Each output is a sum of up to four taps: positions of x and their weights, worked out once for
 * all rows. Positions that would lie outside are the border's. Nearest positions are computed in
 * f32, as PyTorch does, so that both choose the same neighbour where rounding decides. */
#include "kernels/resample.h"

#include "base/alloc.h"
#include "base/threads.h"
#include <math.h>
#include <string.h>

#define PIECE 16384 /* elements worth handing to another thread */
#define TAPS 4

typedef struct {
    int64_t at[TAPS];
    double weight[TAPS];
} taps;

typedef struct {
    const tg__resample *r;
    const taps *taps; /* [out] */
    int n;            /* of them in use */
    const void *from;
    void *to;
} job;

/* ---- Positions and weights ------------------------------------------------------------------- */

static int64_t clip(int64_t at, int64_t size) { return at < 0 ? 0 : at < size ? at : size - 1; }

static int64_t nearest(const tg__resample *r, int64_t i) {
    const bool exact = r->mode == TG__RESAMPLE_NEAREST_EXACT;
    if (!exact && r->in == r->out)
        return i;
    if (!exact && r->out == 2 * r->in)
        return i / 2;
    const float scale = r->scale > 0 ? (float)r->scale : (float)r->in / (float)r->out;
    return clip((int64_t)floorf(((float)i + (exact ? 0.5F : 0.0F)) * scale), r->in);
}

/* Where output i lies in x, as a real number. */
static double place(const tg__resample *r, int64_t i) {
    if (r->align_corners)
        return r->out > 1 ? (double)i * ((double)(r->in - 1) / (double)(r->out - 1)) : 0;
    const double scale = r->scale > 0 ? r->scale : (double)r->in / (double)r->out;
    const double at = scale * ((double)i + 0.5) - 0.5;
    return at < 0 && r->mode == TG__RESAMPLE_LINEAR ? 0 : at;
}

static double near_curve(double x) { return (1.25 * x - 2.25) * x * x + 1; }
static double far_curve(double x) { return ((-0.75 * x + 3.75) * x - 6) * x + 3; }

static taps taps_of(const tg__resample *r, int64_t i) {
    taps t = {{0}, {1}};
    if (r->mode <= TG__RESAMPLE_NEAREST_EXACT) {
        t.at[0] = nearest(r, i);
        return t;
    }
    const bool linear = r->mode == TG__RESAMPLE_LINEAR;
    if (linear && r->in == r->out) { /* whatever the scale */
        t.at[0] = t.at[1] = i;
        return t;
    }
    const double at = place(r, i);
    double whole = floor(at);
    whole = whole < (double)(r->in - 1) ? whole : (double)(r->in - 1);
    double part = at - whole;
    part = part > 0 ? part : 0;
    part = part < 1 ? part : 1;
    const int64_t first = (int64_t)whole;
    if (linear) {
        t.at[0] = first;
        t.at[1] = clip(first + 1, r->in);
        t.weight[0] = 1 - part;
        t.weight[1] = part;
        return t;
    }
    for (int k = 0; k < TAPS; k++)
        t.at[k] = clip(first - 1 + k, r->in);
    t.weight[0] = far_curve(part + 1);
    t.weight[1] = near_curve(part);
    t.weight[2] = near_curve(1 - part);
    t.weight[3] = far_curve(2 - part);
    return t;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

#define ROWS(T)                                                                                    \
    static void read_##T(int64_t begin, int64_t end, void *ctx) {                                  \
        const job *j = ctx;                                                                        \
        const int64_t in = j->r->in, out = j->r->out, inner = j->r->inner;                         \
        for (int64_t t = begin; t < end; t++) {                                                    \
            const T *x = (const T *)j->from + t / out * in * inner;                                \
            T *y = (T *)j->to + t * inner;                                                         \
            const taps *s = &j->taps[t % out];                                                     \
            const T first = (T)s->weight[0];                                                       \
            for (int64_t i = 0; i < inner; i++)                                                    \
                y[i] = first * x[s->at[0] * inner + i];                                            \
            for (int k = 1; k < j->n; k++) {                                                       \
                const T weight = (T)s->weight[k];                                                  \
                const T *row = x + s->at[k] * inner;                                               \
                for (int64_t i = 0; i < inner; i++)                                                \
                    y[i] += weight * row[i];                                                       \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    static void spread_##T(int64_t begin, int64_t end, void *ctx) {                                \
        const job *j = ctx;                                                                        \
        const int64_t in = j->r->in, out = j->r->out, inner = j->r->inner;                         \
        for (int64_t t = begin; t < end; t++) {                                                    \
            T *dx = (T *)j->to + t * in * inner;                                                   \
            memset(dx, 0, (size_t)(in * inner) * sizeof(T));                                       \
            for (int64_t o = 0; o < out; o++) {                                                    \
                const T *g = (const T *)j->from + (t * out + o) * inner;                           \
                const taps *s = &j->taps[o];                                                       \
                for (int k = 0; k < j->n; k++) {                                                   \
                    const T weight = (T)s->weight[k];                                              \
                    T *row = dx + s->at[k] * inner;                                                \
                    for (int64_t i = 0; i < inner; i++)                                            \
                        row[i] += weight * g[i];                                                   \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }
ROWS(float)
ROWS(double)

static bool run(const tg__resample *r, int64_t items, int64_t work, tg__range_fn fn,
                const void *from, void *to) {
    size_t bytes;
    if (items == 0 || r->inner == 0)
        return true;
    taps *list =
        __builtin_mul_overflow((size_t)r->out, sizeof(taps), &bytes) ? NULL : tg__alloc(bytes);
    if (list == NULL)
        return false;
    for (int64_t i = 0; i < r->out; i++)
        list[i] = taps_of(r, i);
    job j = {.r = r, .taps = list, .from = from, .to = to};
    j.n = r->mode == TG__RESAMPLE_CUBIC ? TAPS : r->mode == TG__RESAMPLE_LINEAR ? 2 : 1;
    tg__parallel_for(items, work < PIECE ? PIECE / work : 1, fn, &j);
    tg__free(list, bytes);
    return true;
}

bool tg__resample_forward(tg_dtype dtype, const tg__resample *r, const void *x, void *y) {
    return run(r, r->outer * r->out, r->inner + 1, dtype == TG_F32 ? read_float : read_double, x,
               y);
}

bool tg__resample_grad(tg_dtype dtype, const tg__resample *r, const void *g, void *dx) {
    return run(r, r->outer, (r->in + r->out) * r->inner + 1,
               dtype == TG_F32 ? spread_float : spread_double, g, dx);
}
