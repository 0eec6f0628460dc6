/* pool.c - maxima and means over windows.
 *
 * Planes are shared out to threads; within one the windows come in row-major order, so what is
 * added to one element of a gradient is added in a fixed order. Sums run in double. */
#include "kernels/pool.h"

#include "base/threads.h"
#include <math.h>
#include <string.h>

#define PIECE 16384 /* positions worth handing to another thread */

typedef struct {
    const tg__pool *p;
    const void *x;
    void *y;
    int64_t *at;
} job;

static int64_t volume(const int64_t *size) { return size[0] * size[1] * size[2]; }

/* The positions of window i along dim d that lie in x: from, from + step, … below to; `count` is
 * how many a mean counts. */
typedef struct {
    int64_t from, to, step, count;
} range;

static range fractional(const tg__pool *p, int64_t plane, int d, int64_t i) {
    const double u = p->samples[plane * 3 + d];
    const int64_t room = p->in[d] - p->k[d];
    int64_t start = room;
    if (i < p->out[d] - 1) {
        const double alpha = (double)room / (double)(p->out[d] - 1);
        start = (int64_t)(((double)i + u) * alpha) - (int64_t)(u * alpha);
    }
    return (range){.from = start, .to = start + p->k[d], .step = 1, .count = p->k[d]};
}

static range range_of(const tg__pool *p, int64_t plane, int d, int64_t i) {
    range r = {.step = 1};
    if (p->samples != NULL)
        return fractional(p, plane, d, i);
    const int64_t in = p->in[d], out = p->out[d];
    if (p->adaptive) {
        r.from = i * in / out;
        r.to = ((i + 1) * in + out - 1) / out;
        r.count = r.to - r.from;
        return r;
    }
    const int64_t start = i * p->stride[d] - p->pad[d];
    int64_t end = start + (p->k[d] - 1) * p->dilation[d] + 1;
    r.step = p->dilation[d];
    r.from = start < 0 ? (-start + r.step - 1) / r.step * r.step + start : start;
    const int64_t padded = end < in + p->pad[d] ? end : in + p->pad[d];
    r.to = end < in ? end : in;
    r.count = p->count_pad ? padded - start : r.to - r.from;
    return r;
}

#define FOR_WINDOWS(p, plane, d, h, w)                                                             \
    for (int64_t od_ = 0; od_ < (p)->out[0]; od_++)                                                \
        for (int64_t oh_ = 0; oh_ < (p)->out[1]; oh_++)                                            \
            for (range d = range_of(p, plane, 0, od_), h = range_of(p, plane, 1, oh_),             \
                       *once_ = &h;                                                                \
                 once_ != NULL; once_ = NULL)                                                      \
                for (int64_t ow_ = 0; ow_ < (p)->out[2]; ow_++)                                    \
                    for (range w = range_of(p, plane, 2, ow_), *each_ = &w; each_ != NULL;         \
                         each_ = NULL)

#define FOR_POSITIONS(p, d, h, w, at)                                                              \
    for (int64_t id_ = (d).from; id_ < (d).to; id_ += (d).step)                                    \
        for (int64_t ih_ = (h).from; ih_ < (h).to; ih_ += (h).step)                                \
            for (int64_t iw_ = (w).from, at = (id_ * (p)->in[1] + ih_) * (p)->in[2] + iw_;         \
                 iw_ < (w).to; iw_ += (w).step, at += (w).step)

static double divisor_of(const tg__pool *p, range d, range h, range w) {
    return p->divisor != 0 ? (double)p->divisor
                           : (double)d.count * (double)h.count * (double)w.count;
}

#define MAXIMA(T, NOT_NUMBER)                                                                      \
    static void maxima_##T(int64_t begin, int64_t end, void *ctx) {                                \
        const job *j = ctx;                                                                        \
        const tg__pool *p = j->p;                                                                  \
        const int64_t size = volume(p->out);                                                       \
        for (int64_t t = begin; t < end; t++) {                                                    \
            const T *x = (const T *)j->x + t * volume(p->in);                                      \
            T *y = (T *)j->y + t * size;                                                           \
            int64_t *where = j->at + t * size;                                                     \
            FOR_WINDOWS(p, t, d, h, w) {                                                           \
                int64_t best = (d.from * p->in[1] + h.from) * p->in[2] + w.from;                   \
                T most = x[best];                                                                  \
                FOR_POSITIONS(p, d, h, w, at) {                                                    \
                    const T value = x[at];                                                         \
                    if (value > most || NOT_NUMBER(value)) {                                       \
                        most = value;                                                              \
                        best = at;                                                                 \
                    }                                                                              \
                }                                                                                  \
                *y++ = most;                                                                       \
                *where++ = best;                                                                   \
            }                                                                                      \
        }                                                                                          \
    }

#define NEVER(value) false
MAXIMA(float, isnan)
MAXIMA(double, isnan)
MAXIMA(int64_t, NEVER)
MAXIMA(int32_t, NEVER)
MAXIMA(uint8_t, NEVER)

#define MEANS(T)                                                                                   \
    static void means_##T(int64_t begin, int64_t end, void *ctx) {                                 \
        const job *j = ctx;                                                                        \
        const tg__pool *p = j->p;                                                                  \
        for (int64_t t = begin; t < end; t++) {                                                    \
            const T *x = (const T *)j->x + t * volume(p->in);                                      \
            T *y = (T *)j->y + t * volume(p->out);                                                 \
            FOR_WINDOWS(p, t, d, h, w) {                                                           \
                double sum = 0;                                                                    \
                FOR_POSITIONS(p, d, h, w, at) sum += (double)x[at];                                \
                const bool empty = d.from >= d.to || h.from >= h.to || w.from >= w.to;             \
                *y++ = empty ? 0 : (T)(sum / divisor_of(p, d, h, w));                              \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    static void shares_##T(int64_t begin, int64_t end, void *ctx) {                                \
        const job *j = ctx;                                                                        \
        const tg__pool *p = j->p;                                                                  \
        for (int64_t t = begin; t < end; t++) {                                                    \
            const T *g = (const T *)j->x + t * volume(p->out);                                     \
            T *dx = (T *)j->y + t * volume(p->in);                                                 \
            memset(dx, 0, (size_t)volume(p->in) * sizeof(T));                                      \
            FOR_WINDOWS(p, t, d, h, w) {                                                           \
                const T share = (T)((double)*g++ / divisor_of(p, d, h, w));                        \
                FOR_POSITIONS(p, d, h, w, at) dx[at] += share;                                     \
            }                                                                                      \
        }                                                                                          \
    }
MEANS(float)
MEANS(double)

static void run(const tg__pool *p, tg__range_fn fn, const void *x, void *y, int64_t *at) {
    job j = {.p = p, .x = x, .y = y, .at = at};
    double work =
        (double)volume(p->out); /* kernels larger than x may have more than 2^63 positions */
    for (int d = 0; d < 3 && !p->adaptive; d++)
        work *= (double)p->k[d];
    work += (double)volume(p->in);
    tg__parallel_for(p->planes, work < PIECE ? (int64_t)(PIECE / work) : 1, fn, &j);
}

bool tg__max_pool(tg_dtype dtype, const tg__pool *p, const void *x, void *y, int64_t *at) {
    static const tg__range_fn maxima[TG__DTYPES] = {maxima_float, maxima_double, maxima_int64_t,
                                                    maxima_int32_t, maxima_uint8_t};
    if (maxima[dtype] == NULL)
        return false;
    run(p, maxima[dtype], x, y, at);
    return true;
}

void tg__avg_pool(tg_dtype dtype, const tg__pool *p, const void *x, void *y) {
    run(p, dtype == TG_F32 ? means_float : means_double, x, y, NULL);
}

void tg__avg_pool_grad(tg_dtype dtype, const tg__pool *p, const void *g, void *dx) {
    run(p, dtype == TG_F32 ? shares_float : shares_double, g, dx, NULL);
}

void tg__unpool(size_t item, int64_t planes, int64_t n, int64_t size, const void *x,
                const int64_t *at, void *y) {
    memset(y, 0, (size_t)(planes * size) * item);
    for (int64_t t = 0; t < planes; t++)
        for (int64_t i = t * n; i < (t + 1) * n; i++)
            memcpy((char *)y + (t * size + at[i]) * (int64_t)item,
                   (const char *)x + i * (int64_t)item, item);
}
