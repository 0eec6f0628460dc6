/* search.c - positions in sorted sequences, and counting by value.
 *
 * Searches run in parallel, by halves of the sequence. Counting is done by one thread: sums of
 * weights keep the order of the elements. */
#include "kernels/search.h"

#include "base/threads.h"

#include <string.h>

#define PIECE 2048 /* searches worth handing to another thread */

typedef struct {
    tg_dtype dtype;
    int64_t n, step, m;
    const void *sequence, *values;
    bool right;
    int64_t *out;
} search;

/* The first position whose element is not less than v (right: is greater); a NaN on either side
 * leads to the right. */
#define FIND(T)                                                                                    \
    for (int64_t t = begin; t < end; t++) {                                                        \
        const T *sequence = (const T *)s->sequence + t / s->m * s->step;                           \
        const T v = ((const T *)s->values)[t];                                                     \
        int64_t low = 0, high = s->n;                                                              \
        while (low < high) {                                                                       \
            const int64_t middle = low + (high - low) / 2;                                         \
            const bool behind = s->right ? sequence[middle] > v : sequence[middle] >= v;           \
            high = behind ? middle : high; /* no jumps: they cannot be predicted */                \
            low = behind ? low : middle + 1;                                                       \
        }                                                                                          \
        s->out[t] = low;                                                                           \
    }                                                                                              \
    break

static void find(int64_t begin, int64_t end, void *ctx) {
    const search *s = ctx;
    switch (s->dtype) {
    case TG_F32:
        FIND(float);
    case TG_F64:
        FIND(double);
    case TG_I64:
        FIND(int64_t);
    case TG_I32:
        FIND(int32_t);
    default:
        FIND(uint8_t);
    }
}

void tg__search(tg_dtype dtype, int64_t rows, int64_t n, int64_t step, const void *sequence,
                int64_t m, const void *values, bool right, int64_t *out) {
    search s = {.dtype = dtype, .n = n, .step = step, .m = m, .right = right, .out = out};
    s.sequence = sequence;
    s.values = values;
    if (rows > 0 && m > 0)
        tg__parallel_for(rows * m, PIECE, find, &s);
}

/* ---- Counting -------------------------------------------------------------------------------- */

void tg__bincount(int64_t n, const int64_t *x, tg_dtype dtype, const void *weight, int64_t bins,
                  void *out) {
    if (bins > 0)
        memset(out, 0, (size_t)bins * (dtype == TG_F32 ? 4 : 8));
    for (int64_t i = 0; i < n; i++)
        if (weight == NULL)
            ((int64_t *)out)[x[i]]++;
        else if (dtype == TG_F32)
            ((float *)out)[x[i]] += ((const float *)weight)[i];
        else
            ((double *)out)[x[i]] += ((const double *)weight)[i];
}

#define HISTOGRAM(T)                                                                               \
    for (int64_t i = 0; i < n; i++) {                                                              \
        const T v = ((const T *)x)[i], low = (T)lo, high = (T)hi;                                  \
        if (!(v >= low && v <= high))                                                              \
            continue;                                                                              \
        const int64_t bin = (int64_t)((v - low) / (high - low) * (T)bins);                         \
        out[bin < bins ? bin : bins - 1]++;                                                        \
    }

void tg__histogram(tg_dtype dtype, int64_t n, const void *x, double lo, double hi, int64_t bins,
                   int64_t *out) {
    memset(out, 0, (size_t)bins * sizeof *out);
    if (dtype == TG_F32)
        HISTOGRAM(float)
    else
        HISTOGRAM(double)
}
