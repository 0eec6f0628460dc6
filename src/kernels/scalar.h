/* scalar.h - from floating point to integers, one value at a time.
 *
 * Truncates toward zero and saturates; NaN gives 0. The conversion itself always sees a value in
 * range, so there is no undefined behaviour and the compiler may turn every choice into a vector
 * select. */
#ifndef TG_KERNELS_SCALAR_H
#define TG_KERNELS_SCALAR_H

#include <stdint.h>

#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "the kernels need IEEE arithmetic with NaN and infinity: build without -ffast-math"
#endif

static inline int64_t tg__i64_from_f64(double x) {
    const double edge = 9223372036854775808.0; /* 2^63 */
    double y = x > -edge ? x : -edge;          /* NaN: -edge */
    y = y < edge ? y : 0;
    const int64_t r = (int64_t)y;
    return x >= edge ? INT64_MAX : x == x ? r : 0;
}

static inline int64_t tg__i64_from_f32(float x) {
    const float edge = 9223372036854775808.0F;
    float y = x > -edge ? x : -edge;
    y = y < edge ? y : 0;
    const int64_t r = (int64_t)y;
    return x >= edge ? INT64_MAX : x == x ? r : 0;
}

static inline int32_t tg__i32_from_f64(double x) {
    const double edge = 2147483648.0; /* 2^31 */
    double y = x > -edge ? x : -edge;
    y = y < edge ? y : 0;
    const int32_t r = (int32_t)y;
    return x >= edge ? INT32_MAX : x == x ? r : 0;
}

static inline int32_t tg__i32_from_f32(float x) {
    const float edge = 2147483648.0F;
    float y = x > -edge ? x : -edge;
    y = y < edge ? y : 0;
    const int32_t r = (int32_t)y;
    return x >= edge ? INT32_MAX : x == x ? r : 0;
}

static inline uint8_t tg__u8_from_f64(double x) {
    double y = x > 0 ? x : 0; /* NaN: 0 */
    y = y < 255 ? y : 255;
    return (uint8_t)(int32_t)y;
}

static inline uint8_t tg__u8_from_f32(float x) {
    float y = x > 0 ? x : 0;
    y = y < 255 ? y : 255;
    return (uint8_t)(int32_t)y;
}

#endif
