/* nll.c - the ends of cross entropy: picking from log-softmax, and its gradient from softmax.
 *
 * Memory-bound, so one pass each; rows that are ignored may hold anything and are not looked at. */
#include "kernels/nll.h"
#include "base/threads.h"

#define PIECE 16384 /* elements worth handing to another thread */

typedef struct {
    int64_t n, inner, ignore;
    const void *g;
    const int64_t *classes;
    void *p;
} job;

#define DEFINE(T, NAME)                                                                            \
    static void pick_##NAME(const job *j, int64_t outer, const T *logp, T *y) {                    \
        for (int64_t o = 0; o < outer; o++)                                                        \
            for (int64_t i = 0; i < j->inner; i++) {                                               \
                const int64_t k = o * j->inner + i, c = j->classes[k];                             \
                y[k] = c == j->ignore ? (T)0 : -logp[(o * j->n + c) * j->inner + i];               \
            }                                                                                      \
    }                                                                                              \
    static void one_row_##NAME(T *p, int64_t n, int64_t c, T g, bool ignored) {                    \
        if (!ignored)                                                                              \
            p[c] -= (T)1;                                                                          \
        for (int64_t i = 0; i < n; i++)                                                            \
            p[i] = ignored ? (T)0 : g * p[i];                                                      \
    }                                                                                              \
    static void grad_##NAME(int64_t begin, int64_t end, void *ctx) {                               \
        const job *j = ctx;                                                                        \
        const int64_t inner = j->inner;                                                            \
        for (int64_t o = begin; o < end; o++) {                                                    \
            const int64_t *classes = j->classes + o * inner;                                       \
            const T *g = (const T *)j->g + o * inner;                                              \
            T *p = (T *)j->p + o * j->n * inner;                                                   \
            if (inner == 1) {                                                                      \
                one_row_##NAME(p, j->n, *classes, *g, *classes == j->ignore);                      \
                continue;                                                                          \
            }                                                                                      \
            for (int64_t i = 0; i < inner; i++)                                                    \
                if (classes[i] != j->ignore)                                                       \
                    p[classes[i] * inner + i] -= (T)1;                                             \
            for (int64_t c = 0; c < j->n; c++, p += inner)                                         \
                for (int64_t i = 0; i < inner; i++)                                                \
                    p[i] = classes[i] == j->ignore ? (T)0 : g[i] * p[i];                           \
        }                                                                                          \
    }
DEFINE(float, f32)
DEFINE(double, f64)

void tg__nll_pick(tg_dtype dtype, int64_t outer, int64_t n, int64_t inner, const void *logp,
                  const int64_t *classes, int64_t ignore, void *y) {
    const job j = {.n = n, .inner = inner, .ignore = ignore, .classes = classes};
    if (dtype == TG_F64)
        pick_f64(&j, outer, logp, y);
    else
        pick_f32(&j, outer, logp, y);
}

void tg__nll_grad(tg_dtype dtype, int64_t outer, int64_t n, int64_t inner, const void *g,
                  const int64_t *classes, int64_t ignore, void *p) {
    job j = {n, inner, ignore, g, classes, p};
    const int64_t work = n * inner;
    if (work > 0)
        tg__parallel_for(outer, work < PIECE ? PIECE / work : 1,
                         dtype == TG_F64 ? grad_f64 : grad_f32, &j);
}
