/* convert.c - one value from and to any dtype.
 *
 * The rules of the cast kernels (scalar.h), for attributes, scalars and item access. Sources and
 * destinations need no alignment. */
#include "kernels/kernels.h"
#include "kernels/scalar.h"
#include <string.h>

#define STORE(type, expression)                                                                    \
    do {                                                                                           \
        const type converted = (expression);                                                       \
        memcpy(dst, &converted, sizeof(converted));                                                \
    } while (0)

void tg__convert_double(tg_dtype to, void *dst, double value) {
    switch (to) {
    case TG_F32:
        STORE(float, (float)value);
        break;
    case TG_F64:
        STORE(double, value);
        break;
    case TG_I64:
        STORE(int64_t, tg__i64_from_f64(value));
        break;
    case TG_I32:
        STORE(int32_t, tg__i32_from_f64(value));
        break;
    case TG_U8:
        STORE(uint8_t, tg__u8_from_f64(value));
        break;
    case TG_BOOL:
        STORE(uint8_t, value != 0);
        break;
    case TG_I16:
        STORE(int16_t, tg__i16_saturated(tg__i32_from_f64(value)));
        break;
    case TG_I8:
        STORE(int8_t, tg__i8_saturated(tg__i32_from_f64(value)));
        break;
    case TG_F16:
        STORE(uint16_t, tg__f16_from_f32((float)value));
        break;
    case TG_BF16:
        STORE(uint16_t, tg__bf16_from_f32((float)value));
        break;
    default:
        break;
    }
}

void tg__convert_i64(tg_dtype to, void *dst, int64_t value) {
    switch (to) {
    case TG_F32:
        STORE(float, (float)value);
        break;
    case TG_F64:
        STORE(double, (double)value);
        break;
    case TG_I64:
        STORE(int64_t, value);
        break;
    case TG_I32:
        STORE(int32_t, (int32_t)value);
        break;
    case TG_U8:
        STORE(uint8_t, (uint8_t)value);
        break;
    case TG_BOOL:
        STORE(uint8_t, value != 0);
        break;
    case TG_I16:
        STORE(int16_t, (int16_t)value);
        break;
    case TG_I8:
        STORE(int8_t, (int8_t)value);
        break;
    case TG_F16:
        STORE(uint16_t, tg__f16_from_f32((float)value));
        break;
    case TG_BF16:
        STORE(uint16_t, tg__bf16_from_f32((float)value));
        break;
    default:
        break;
    }
}

/* One value of any dtype: both readers start from here. */
typedef struct {
    bool is_float;
    double f;
    int64_t i;
} any;

static any load(tg_dtype dtype, const void *src) {
    any v = {false, 0, 0};
    switch (dtype) {
    case TG_F32: {
        float x;
        memcpy(&x, src, sizeof(x));
        v.is_float = true;
        v.f = (double)x;
        break;
    }
    case TG_F64:
        v.is_float = true;
        memcpy(&v.f, src, sizeof(v.f));
        break;
    case TG_I64:
        memcpy(&v.i, src, sizeof(v.i));
        break;
    case TG_I32: {
        int32_t x;
        memcpy(&x, src, sizeof(x));
        v.i = x;
        break;
    }
    case TG_U8:
        v.i = *(const uint8_t *)src;
        break;
    case TG_I16: {
        int16_t x;
        memcpy(&x, src, sizeof x);
        v.i = x;
        break;
    }
    case TG_I8:
        v.i = *(const int8_t *)src;
        break;
    case TG_F16:
    case TG_BF16: {
        uint16_t x;
        memcpy(&x, src, sizeof x);
        v.is_float = true;
        v.f = (double)(dtype == TG_F16 ? tg__f32_from_f16(x) : tg__f32_from_bf16(x));
        break;
    }
    case TG_BOOL:
        v.i = *(const uint8_t *)src != 0;
        break;
    default:
        break;
    }
    return v;
}

double tg__load_double(tg_dtype dtype, const void *src) {
    const any v = load(dtype, src);
    return v.is_float ? v.f : (double)v.i;
}

int64_t tg__load_i64(tg_dtype dtype, const void *src) {
    const any v = load(dtype, src);
    return v.is_float ? tg__i64_from_f64(v.f) : v.i;
}
