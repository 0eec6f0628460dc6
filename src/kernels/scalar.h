/* scalar.h - conversions of one value: floating point to integers, and types of 16 and 8 bits.
 *
 * Truncates toward zero and saturates; NaN gives 0. The conversion itself always sees a value in
 * range, so there is no undefined behaviour and the compiler may turn every choice into a vector
 * select. */
#ifndef TG_KERNELS_SCALAR_H
#define TG_KERNELS_SCALAR_H

#include <stdint.h>
#include <string.h>

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

/* ---- Floating point of 16 bits ----
 * f16 is IEEE binary16, bf16 the upper half of binary32; to them, to nearest with ties to even. */

static inline float tg__f32_from_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint32_t tg__bits_of_f32(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float tg__f32_from_f16(uint16_t half) {
    const uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    const uint32_t magnitude = half & 0x7fffu;
    /* The exponent's bias differs by 112; subnormals are a multiple of 2^-24. */
    const uint32_t normal = (magnitude << 13) + (112u << 23);
    const uint32_t special = normal + (112u << 23); /* infinity and NaN */
    const uint32_t tiny = tg__bits_of_f32((float)(int32_t)magnitude * 0x1p-24F);
    return tg__f32_from_bits(sign | (magnitude >= 0x7c00u  ? special
                                     : magnitude < 0x0400u ? tiny
                                                           : normal));
}

static inline uint16_t tg__f16_from_f32(float x) {
    const uint32_t bits = tg__bits_of_f32(x);
    const uint32_t sign = bits >> 16 & 0x8000u;
    const uint32_t magnitude = bits & 0x7fffffffu;
    /* Half of the last place, and the tie's bit, round to even. */
    const uint32_t normal = (magnitude - (112u << 23) + 0x0fffu + (magnitude >> 13 & 1u)) >> 13;
    /* Below 2^-14: adding 0.5 leaves the multiple of 2^-24, rounded by the addition itself. */
    const float shifted = tg__f32_from_bits(magnitude < 0x38800000u ? magnitude : 0) + 0.5F;
    const uint32_t tiny = tg__bits_of_f32(shifted) - 0x3f000000u;
    const uint32_t big = magnitude > 0x7f800000u ? 0x7e00u : 0x7c00u; /* NaN, infinity */
    return (uint16_t)(sign | (magnitude >= 0x477ff000u  ? big
                              : magnitude < 0x38800000u ? tiny
                                                        : normal));
}

static inline float tg__f32_from_bf16(uint16_t half) {
    return tg__f32_from_bits((uint32_t)half << 16);
}

static inline uint16_t tg__bf16_from_f32(float x) {
    const uint32_t bits = tg__bits_of_f32(x);
    const uint32_t rounded = bits + 0x7fffu + (bits >> 16 & 1u);
    return (uint16_t)(x != x ? (bits >> 16) | 0x40u : rounded >> 16);
}

/* ---- Integers of 8 and 16 bits ---- */

static inline int8_t tg__i8_saturated(int32_t x) {
    return (int8_t)(x < INT8_MIN ? INT8_MIN : x > INT8_MAX ? INT8_MAX : x);
}
static inline int16_t tg__i16_saturated(int32_t x) {
    return (int16_t)(x < INT16_MIN ? INT16_MIN : x > INT16_MAX ? INT16_MAX : x);
}

#endif
