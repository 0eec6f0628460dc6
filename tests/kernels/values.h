/* values.h - numbers to test kernels with: the awkward ones first, then random ones. */
#ifndef TESTS_KERNELS_VALUES_H
#define TESTS_KERNELS_VALUES_H

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <tensorgrad/tensor.h>

static const size_t item_size[6] = {4, 8, 8, 4, 1, 1};
static const char *const type_name[6] = {"f32", "f64", "i64", "i32", "u8", "bool"};

/* splitmix64: the next of a sequence of well mixed words. */
static inline uint64_t next_random(uint64_t *state) {
    uint64_t z = (*state += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

/* In [0, n). */
static inline int64_t random_below(uint64_t *state, int64_t n) {
    return (int64_t)(next_random(state) % (uint64_t)n);
}

#define SPECIAL_FLOATS(type, eps, small, tiny, huge)                                               \
    {                                                                                              \
        0, -(type)0, 1, -1, 2, -2, 3, -3, (type)0.5, (type)-0.5, (type)1.5, (type)-1.5, (type)2.7, \
            (type)-2.7, 10, -10, 88, -88, 100, -104, 255, 256, 800, -800, 1 + eps, 1 - eps / 2,    \
            tiny, -tiny, 3 * tiny, small, -small, huge, -huge, huge / 3, INFINITY, -INFINITY, NAN, \
            (type)2147483520.0, (type)2147483647.0, (type)2147483648.0, (type)-2147483648.0,       \
            (type)-2147483904.0, (type)9223371487098961920.0, (type)9223372036854775808.0,         \
            (type)-9223372036854775808.0, (type)1e30, (type)-1e30                                  \
    }
static const float special_f32[] = SPECIAL_FLOATS(float, FLT_EPSILON, FLT_MIN, 0x1p-149F, FLT_MAX);
static const double special_f64[] =
    SPECIAL_FLOATS(double, DBL_EPSILON, DBL_MIN, 0x1p-1074, DBL_MAX);
static const int64_t special_i64[] = {0,
                                      1,
                                      -1,
                                      2,
                                      -2,
                                      3,
                                      -7,
                                      100,
                                      127,
                                      128,
                                      255,
                                      256,
                                      -256,
                                      46341,
                                      INT32_MAX,
                                      INT32_MIN,
                                      (int64_t)INT32_MAX + 1,
                                      (int64_t)INT32_MIN - 1,
                                      16777217,
                                      9007199254740993,
                                      INT64_MAX,
                                      INT64_MIN,
                                      INT64_MAX - 1,
                                      INT64_MIN + 1};
static const int32_t special_i32[] = {
    0,   1,         -1,        2,     -2,     3,   -7,   100,      127,   128,
    255, INT32_MAX, INT32_MIN, 46341, -46341, 256, -256, 16777217, 65535, INT32_MIN + 1};
static const uint8_t special_u8[] = {0, 1, 2, 3, 15, 16, 100, 127, 128, 129, 200, 254, 255};
static const uint8_t special_bool[] = {0, 1};

static inline const void *special_values(tg_dtype dtype, int64_t *n) {
    switch (dtype) {
    case TG_F32:
        *n = sizeof(special_f32) / 4;
        return special_f32;
    case TG_F64:
        *n = sizeof(special_f64) / 8;
        return special_f64;
    case TG_I64:
        *n = sizeof(special_i64) / 8;
        return special_i64;
    case TG_I32:
        *n = sizeof(special_i32) / 4;
        return special_i32;
    case TG_U8:
        *n = sizeof(special_u8);
        return special_u8;
    default:
        *n = sizeof(special_bool);
        return special_bool;
    }
}

/* A random value: a quarter of them special, floats of all magnitudes, and some small numbers. */
static inline void random_value(tg_dtype dtype, void *dst, uint64_t *state) {
    int64_t n;
    const char *special = special_values(dtype, &n);
    const uint64_t kind = next_random(state) % 4, bits = next_random(state);
    const double small = ((double)(int64_t)(bits >> 20) - 0x1p43) * 0x1p-40;
    const size_t size = item_size[dtype];
    if (dtype == TG_BOOL || kind == 0) {
        memcpy(dst, special + (size_t)random_below(state, n) * size, size);
    } else if (kind == 1 && dtype == TG_F32) {
        const float x = (float)small;
        memcpy(dst, &x, size);
    } else if (kind == 1 && dtype == TG_F64) {
        memcpy(dst, &small, size);
    } else { /* any bits, but for floats no NaN other than NAN itself */
        memcpy(dst, &bits, size);
        float f;
        double d;
        memcpy(&f, dst, sizeof(f) < size ? sizeof(f) : size);
        if (dtype == TG_F32 && isnan(f))
            memcpy(dst, &(const float){NAN}, size);
        if (dtype == TG_F64) {
            memcpy(&d, dst, sizeof(d));
            if (isnan(d))
                memcpy(dst, &(const double){(double)NAN}, size);
        }
    }
}

static inline void random_values(tg_dtype dtype, void *dst, int64_t n, uint64_t seed) {
    uint64_t state = seed;
    for (int64_t i = 0; i < n; i++)
        random_value(dtype, (char *)dst + (size_t)i * item_size[dtype], &state);
}

/* Whether two elements have the same bits, all NaNs counting as one. */
static inline bool same_bits(tg_dtype dtype, const void *a, const void *b) {
    if (memcmp(a, b, item_size[dtype]) == 0)
        return true;
    if (dtype == TG_F32) {
        float x, y;
        memcpy(&x, a, sizeof(x));
        memcpy(&y, b, sizeof(y));
        return isnan(x) && isnan(y);
    }
    if (dtype == TG_F64) {
        double x, y;
        memcpy(&x, a, sizeof(x));
        memcpy(&y, b, sizeof(y));
        return isnan(x) && isnan(y);
    }
    return false;
}

#endif
