/* sort.c - sorting, selecting and counting equals along one dim.
 *
 * Elements become unsigned keys whose order is the order wanted (NaN last, both zeros alike;
 * descending: the complement), each with its position. Equal keys are ordered by position, so every
 * order is unique and no way of sorting can change a result. Keys of up to 32 bits share a word
 * with their position (sort_type.inc is compiled for both forms).
 *
 * Short lines are sorted by insertion and merging, longer ones by digits of a byte, which skips
 * digits that are all alike. The first k of many are kept in a heap. Selecting narrows the keys
 * down digit by digit and needs no order. Lines are shared out to threads; a job takes the scratch
 * memory for one line, and says so if it cannot have it. */
#include "kernels/sort.h"

#include "base/alloc.h"
#include "base/threads.h"

#include <stdatomic.h>
#include <string.h>

#define DIGITS 256
#define SMALL 256  /* elements below this are merged */
#define RUN 16     /* elements sorted by insertion */
#define PIECE 8192 /* elements worth handing to another thread */

/* ---- Keys ------------------------------------------------------------------------------------ */

#define NAN_KEY_32 UINT32_MAX
#define NAN_KEY_64 UINT64_MAX

static inline uint32_t key_f32(float x) {
    uint32_t u;
    memcpy(&u, &x, 4);
    if (x != x)
        return NAN_KEY_32;
    if (x == 0)
        return UINT32_C(1) << 31;
    return u >> 31 ? ~u : u | UINT32_C(1) << 31;
}
static inline uint64_t key_f64(double x) {
    uint64_t u;
    memcpy(&u, &x, 8);
    if (x != x)
        return NAN_KEY_64;
    if (x == 0)
        return UINT64_C(1) << 63;
    return u >> 63 ? ~u : u | UINT64_C(1) << 63;
}
static inline uint64_t key_i64(int64_t x) { return (uint64_t)x ^ UINT64_C(1) << 63; }
static inline uint32_t key_i32(int32_t x) { return (uint32_t)x ^ UINT32_C(1) << 31; }

typedef struct {
    uint64_t key;
    int64_t at;
} pair;

/* ---- The work
 * ------------------------------------------------------------------------------------ */

typedef enum { SORT, SELECT, MODE } task;

typedef struct {
    const tg__lines_to_sort *l;
    task task;
    tg__select_rule rule;
    int64_t k, item;
    int64_t kept; /* results per line */
    bool descending, packed;
    atomic_bool starved;
} work;

static const uint8_t item_size[TG__DTYPES] = {4, 8, 8, 4, 1, 1};

static const char *line_at(const work *w, int64_t line) {
    const int64_t first = line / w->l->inner * w->l->n * w->l->inner + line % w->l->inner;
    return (const char *)w->l->x + first * w->item;
}

/* Result number i of a line is the element at position `at`. */
static void store(const work *w, int64_t line, int64_t i, int64_t at) {
    const tg__lines_to_sort *l = w->l;
    const int64_t place = (line / l->inner * w->kept + i) * l->inner + line % l->inner;
    if (l->at != NULL)
        l->at[place] = at;
    if (l->values == NULL)
        return;
    const char *from = line_at(w, line) + at * l->inner * w->item;
    char *to = (char *)l->values + place * w->item;
    if (w->item == 4)
        memcpy(to, from, 4);
    else if (w->item == 8)
        memcpy(to, from, 8);
    else
        *to = *from;
}

static bool is_float(tg_dtype dtype) { return dtype == TG_F32 || dtype == TG_F64; }

#define E uint64_t
#define FN(name) packed_##name
#define KEY(e) ((e) >> 32)
#define AT(e) ((int64_t)((e)&UINT32_MAX))
#define MAKE(key, at) ((uint64_t)(key) << 32 | (uint64_t)(at))
#define KEY_BYTES 4
#include "kernels/sort_type.inc"
#define E pair
#define FN(name) pair_##name
#define KEY(e) ((e).key)
#define AT(e) ((e).at)
#define MAKE(key, at) ((pair){(key), (at)})
#define KEY_BYTES 8
#include "kernels/sort_type.inc"

/* ---- Selecting ------------------------------------------------------------------------------- */

static void load_keys(const work *w, const char *x, uint64_t *key) {
    const int64_t n = w->l->n;
    const int64_t step = w->l->inner;
    for (int64_t i = 0; i < n; i++)
        switch (w->l->dtype) {
        case TG_F32:
            key[i] = key_f32(((const float *)x)[i * step]);
            break;
        case TG_F64:
            key[i] = key_f64(((const double *)x)[i * step]);
            break;
        case TG_I64:
            key[i] = key_i64(((const int64_t *)x)[i * step]);
            break;
        case TG_I32:
            key[i] = key_i32(((const int32_t *)x)[i * step]);
            break;
        default:
            key[i] = ((const uint8_t *)x)[i * step];
        }
}

/* The key at position k of the order of n keys; *before: how many are smaller. Spoils key[]. */
static uint64_t select_key(uint64_t *key, int64_t n, int64_t k, int64_t *count, int64_t *before) {
    *before = 0;
    for (int shift = 56; shift >= 0 && n > 1; shift -= 8) {
        memset(count, 0, DIGITS * sizeof *count);
        for (int64_t i = 0; i < n; i++)
            count[key[i] >> shift & (DIGITS - 1)]++;
        int64_t digit = 0;
        while (k >= count[digit]) {
            k -= count[digit];
            *before += count[digit++];
        }
        if (count[digit] == n)
            continue;
        int64_t left = 0;
        for (int64_t i = 0; i < n; i++)
            if ((int64_t)(key[i] >> shift & (DIGITS - 1)) == digit)
                key[left++] = key[i];
        n = left;
    }
    return key[0];
}

static int64_t nans(const work *w, const uint64_t *key) {
    const uint64_t nan = w->item == 4 ? NAN_KEY_32 : NAN_KEY_64;
    int64_t n = 0;
    for (int64_t i = 0; is_float(w->l->dtype) && i < w->l->n; i++)
        n += key[i] == nan;
    return n;
}

/* memory: n keys, and n more to spoil. */
static void select_line(const work *w, int64_t line, uint64_t *key, int64_t *count) {
    const int64_t n = w->l->n;
    load_keys(w, line_at(w, line), key);
    int64_t k = w->k;
    if (w->rule != TG__SELECT_KTH) {
        const int64_t numbers = n - nans(w, key);
        const bool to_nan = w->rule == TG__SELECT_MEDIAN ? numbers < n : numbers == 0;
        k = to_nan ? numbers : (numbers - 1) / 2;
    }
    memcpy(key + n, key, (size_t)n * sizeof *key);
    int64_t before;
    const uint64_t chosen = select_key(key + n, n, k, count, &before);
    int64_t at = 0; /* the (k - before)-th of those equal to it */
    for (int64_t skip = k - before;; at++)
        if (key[at] == chosen && skip-- == 0)
            break;
    store(w, line, 0, at);
}

/* ---- Jobs ------------------------------------------------------------------------------------ */

static void jobs(int64_t begin, int64_t end, void *ctx) {
    work *w = ctx;
    const int64_t n = w->l->n;
    const size_t each = w->task == SELECT || w->packed ? sizeof(uint64_t) : sizeof(pair);
    const size_t bytes = DIGITS * sizeof(int64_t) + 2 * (size_t)n * each;
    int64_t *count = tg__alloc(bytes);
    if (count == NULL) {
        atomic_store(&w->starved, true);
        return;
    }
    void *memory = count + DIGITS;
    for (int64_t line = begin; line < end; line++)
        if (w->task == SELECT)
            select_line(w, line, memory, count);
        else if (w->packed)
            packed_line(w, line, memory, count);
        else
            pair_line(w, line, memory, count);
    tg__free(count, bytes);
}

static bool run(work *w) {
    const tg__lines_to_sort *l = w->l;
    const int64_t lines = l->outer * l->inner;
    w->item = item_size[l->dtype];
    w->packed = w->item <= 4 && l->n <= UINT32_MAX;
    if (lines == 0 || l->n == 0 || w->kept == 0)
        return true;
    tg__parallel_for(lines, l->n < PIECE ? PIECE / l->n : 1, jobs, w);
    return !atomic_load(&w->starved);
}

bool tg__sort(const tg__lines_to_sort *l, int64_t k, bool descending) {
    work w = {.l = l, .task = SORT, .k = k, .kept = k, .descending = descending};
    return run(&w);
}

bool tg__select(const tg__lines_to_sort *l, tg__select_rule rule, int64_t k) {
    work w = {.l = l, .task = SELECT, .rule = rule, .k = k, .kept = 1};
    return run(&w);
}

bool tg__mode(const tg__lines_to_sort *l) {
    work w = {.l = l, .task = MODE, .k = l->n, .kept = 1};
    return run(&w);
}

#define RUNS(T)                                                                                    \
    for (int64_t i = 0; i < n; i++) {                                                              \
        const T *p = (const T *)x + i;                                                             \
        runs += i == 0 || p[0] != p[-1];                                                           \
        run_of[i] = runs - 1;                                                                      \
    }                                                                                              \
    break

int64_t tg__runs(tg_dtype dtype, int64_t n, const void *x, int64_t *run_of) {
    int64_t runs = 0;
    switch (dtype) {
    case TG_F32:
        RUNS(float);
    case TG_F64:
        RUNS(double);
    case TG_I64:
        RUNS(int64_t);
    case TG_I32:
        RUNS(int32_t);
    default:
        RUNS(uint8_t);
    }
    return runs;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

/* Which of rows a and b comes first: below 0: a, above: b; 0: they are alike but for NaN. */
#define COMPARE(T)                                                                                 \
    for (int64_t i = 0; i < m; i++) {                                                              \
        const T u = ((const T *)x)[a * m + i], v = ((const T *)x)[b * m + i];                      \
        if (u < v || (v != v && u == u))                                                           \
            return -1;                                                                             \
        if (u > v || (u != u && v == v))                                                           \
            return 1;                                                                              \
    }                                                                                              \
    return 0

static int compare_rows(tg_dtype dtype, int64_t m, const void *x, int64_t a, int64_t b) {
    switch (dtype) {
    case TG_F32:
        COMPARE(float);
    case TG_F64:
        COMPARE(double);
    case TG_I64:
        COMPARE(int64_t);
    case TG_I32:
        COMPARE(int32_t);
    default:
        COMPARE(uint8_t);
    }
}

static bool has_nan(tg_dtype dtype, int64_t m, const void *x, int64_t row) {
    bool nan = false;
    for (int64_t i = row * m; i < (row + 1) * m && is_float(dtype); i++)
        nan |= dtype == TG_F32 ? ((const float *)x)[i] != ((const float *)x)[i]
                               : ((const double *)x)[i] != ((const double *)x)[i];
    return nan;
}

int64_t tg__row_runs(tg_dtype dtype, int64_t n, int64_t m, const void *x, const int64_t *order,
                     int64_t *run_of) {
    int64_t runs = 0;
    for (int64_t i = 0; i < n; i++) {
        const int64_t here = order != NULL ? order[i] : i;
        const int64_t before = i == 0 ? here : order != NULL ? order[i - 1] : i - 1;
        runs +=
            i == 0 || compare_rows(dtype, m, x, before, here) != 0 || has_nan(dtype, m, x, here);
        run_of[i] = runs - 1;
    }
    return runs;
}

bool tg__sort_rows(tg_dtype dtype, int64_t n, int64_t m, const void *x, int64_t *order) {
    const size_t bytes = (size_t)n * sizeof *order;
    int64_t *memory = tg__alloc(bytes);
    if (memory == NULL)
        return false;
    int64_t *from = order;
    int64_t *to = memory;
    for (int64_t i = 0; i < n; i++)
        from[i] = i;
    for (int64_t width = 1; width < n; width *= 2) {
        for (int64_t start = 0; start < n; start += 2 * width) {
            const int64_t middle = start + width < n ? start + width : n;
            const int64_t end = middle + width < n ? middle + width : n;
            int64_t a = start, b = middle;
            for (int64_t i = start; i < end; i++) {
                const bool first =
                    b == end || (a < middle && compare_rows(dtype, m, x, from[a], from[b]) <= 0);
                to[i] = first ? from[a++] : from[b++];
            }
        }
        int64_t *other = from;
        from = to;
        to = other;
    }
    if (from != order)
        memcpy(order, from, bytes);
    tg__free(memory, bytes);
    return true;
}
