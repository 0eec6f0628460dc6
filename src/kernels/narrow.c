/* narrow.c - conversions from and to f16, bf16, i16 and i8.
 *
 * There are direct kernels between f16, bf16 and f32, and between i16, i8 and i32. Every other pair
 * goes through one of those two, piece by piece through a buffer on the stack. Floats become
 * integers by truncation and saturate; wider integers wrap. f64 becomes f16 by way of f32, rounded
 * twice, as in PyTorch. */
#include "kernels/narrow.h"
#include "kernels/scalar.h"

#define PIECE 128

/* Out and in may be the same memory, as in every elementwise kernel. */
#define DIRECT(name, TO, FROM, convert)                                                            \
    static void name(char *const *p, const int64_t *s, int64_t n, const void *arg) {               \
        (void)arg;                                                                                 \
        char *o = p[0];                                                                            \
        const char *x = p[1];                                                                      \
        if (s[0] == (int64_t)sizeof(TO) && s[1] == (int64_t)sizeof(FROM)) {                        \
            for (int64_t i = 0; i < n; i++)                                                        \
                ((TO *)(void *)o)[i] = (TO)convert(((const FROM *)(const void *)x)[i]);            \
            return;                                                                                \
        }                                                                                          \
        for (int64_t i = 0; i < n; i++)                                                            \
            *(TO *)(void *)(o + i * s[0]) =                                                        \
                (TO)convert(*(const FROM *)(const void *)(x + i * s[1]));                          \
    }
DIRECT(f32_f16, float, uint16_t, tg__f32_from_f16)
DIRECT(f32_bf16, float, uint16_t, tg__f32_from_bf16)
DIRECT(f16_f32, uint16_t, float, tg__f16_from_f32)
DIRECT(bf16_f32, uint16_t, float, tg__bf16_from_f32)
DIRECT(i32_i16, int32_t, int16_t, (int32_t))
DIRECT(i32_i8, int32_t, int8_t, (int32_t))
DIRECT(i16_i32, int16_t, int32_t, (int16_t))
DIRECT(i8_i32, int8_t, int32_t, (int8_t))
DIRECT(i16_saturated, int16_t, int32_t, tg__i16_saturated)
DIRECT(i8_saturated, int8_t, int32_t, tg__i8_saturated)

/* In two steps; the middle has four bytes. */
static void in_two(char *const *p, const int64_t *s, int64_t n, tg__ew_fn first, tg__ew_fn second) {
    uint32_t middle[PIECE];
    for (int64_t i = 0; i < n; i += PIECE) {
        const int64_t m = n - i < PIECE ? n - i : PIECE;
        char *const in[2] = {(char *)middle, p[1] + i * s[1]};
        const int64_t in_step[2] = {sizeof *middle, s[1]};
        first(in, in_step, m, NULL);
        char *const out[2] = {p[0] + i * s[0], (char *)middle};
        const int64_t out_step[2] = {s[0], sizeof *middle};
        second(out, out_step, m, NULL);
    }
}

static tg__ew_fn cast(tg_dtype to, tg_dtype from) { return tg__kernels_get()->cast[to][from]; }

#define VIA(to, from, middle)                                                                      \
    static void to##_from_##from(char *const *p, const int64_t *s, int64_t n, const void *arg) {   \
        (void)arg;                                                                                 \
        in_two(p, s, n, cast(middle, from), cast(to, middle));                                     \
    }
#define SATURATED(to, from, last)                                                                  \
    static void to##_from_##from(char *const *p, const int64_t *s, int64_t n, const void *arg) {   \
        (void)arg;                                                                                 \
        in_two(p, s, n, cast(TG_I32, from), last);                                                 \
    }

/* Each line names a destination, a source and what lies between: VIA of all pairs. */
#define FROM_HALF(V, half)                                                                         \
    V(TG_F64, half, TG_F32)                                                                        \
    V(TG_I64, half, TG_F32)                                                                        \
    V(TG_I32, half, TG_F32)                                                                        \
    V(TG_U8, half, TG_F32)                                                                         \
    V(TG_BOOL, half, TG_F32)                                                                       \
    V(TG_I16, half, TG_F32)                                                                        \
    V(TG_I8, half, TG_F32)
#define TO_HALF(V, half)                                                                           \
    V(half, TG_F64, TG_F32)                                                                        \
    V(half, TG_I64, TG_F32)                                                                        \
    V(half, TG_I32, TG_F32)                                                                        \
    V(half, TG_U8, TG_F32)                                                                         \
    V(half, TG_BOOL, TG_F32)
#define FROM_SHORT(V, small)                                                                       \
    V(TG_F32, small, TG_I32)                                                                       \
    V(TG_F64, small, TG_I32)                                                                       \
    V(TG_I64, small, TG_I32)                                                                       \
    V(TG_U8, small, TG_I32)                                                                        \
    V(TG_BOOL, small, TG_I32)                                                                      \
    V(TG_F16, small, TG_I32)                                                                       \
    V(TG_BF16, small, TG_I32)
#define TO_SHORT(V, small)                                                                         \
    V(small, TG_I64, TG_I32)                                                                       \
    V(small, TG_U8, TG_I32)                                                                        \
    V(small, TG_BOOL, TG_I32)
#define ALL_PAIRS(V)                                                                               \
    FROM_HALF(V, TG_F16)                                                                           \
    FROM_HALF(V, TG_BF16)                                                                          \
    TO_HALF(V, TG_F16)                                                                             \
    TO_HALF(V, TG_BF16)                                                                            \
    FROM_SHORT(V, TG_I16)                                                                          \
    FROM_SHORT(V, TG_I8)                                                                           \
    TO_SHORT(V, TG_I16)                                                                            \
    TO_SHORT(V, TG_I8)                                                                             \
    V(TG_F16, TG_BF16, TG_F32)                                                                     \
    V(TG_BF16, TG_F16, TG_F32)                                                                     \
    V(TG_I16, TG_I8, TG_I32)                                                                       \
    V(TG_I8, TG_I16, TG_I32)

ALL_PAIRS(VIA)
SATURATED(TG_I16, TG_F32, i16_saturated)
SATURATED(TG_I16, TG_F64, i16_saturated)
SATURATED(TG_I8, TG_F32, i8_saturated)
SATURATED(TG_I8, TG_F64, i8_saturated)

void tg__narrow_casts(tg__ew_fn table[TG__ALL_DTYPES][TG__ALL_DTYPES]) {
#define ENTER(to, from, middle) table[to][from] = to##_from_##from;
    ALL_PAIRS(ENTER)
    ENTER(TG_I16, TG_F32, )
    ENTER(TG_I16, TG_F64, )
    ENTER(TG_I8, TG_F32, )
    ENTER(TG_I8, TG_F64, )
    table[TG_F32][TG_F16] = f32_f16;
    table[TG_F32][TG_BF16] = f32_bf16;
    table[TG_F16][TG_F32] = f16_f32;
    table[TG_BF16][TG_F32] = bf16_f32;
    table[TG_I32][TG_I16] = i32_i16;
    table[TG_I32][TG_I8] = i32_i8;
    table[TG_I16][TG_I32] = i16_i32;
    table[TG_I8][TG_I32] = i8_i32;
}

/* ---- a + b: what adding gradients up needs, which may not fail ---- */

#define ADD(name, T, sum)                                                                          \
    static void name(char *const *p, const int64_t *s, int64_t n, const void *arg) {               \
        (void)arg;                                                                                 \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const T a = *(const T *)(const void *)(p[1] + i * s[1]);                               \
            const T b = *(const T *)(const void *)(p[2] + i * s[2]);                               \
            *(T *)(void *)(p[0] + i * s[0]) = (sum);                                               \
        }                                                                                          \
    }
ADD(add_i16, int16_t, (int16_t)(a + b))
ADD(add_i8, int8_t, (int8_t)(a + b))
ADD(add_f16, uint16_t, tg__f16_from_f32(tg__f32_from_f16(a) + tg__f32_from_f16(b)))
ADD(add_bf16, uint16_t, tg__bf16_from_f32(tg__f32_from_bf16(a) + tg__f32_from_bf16(b)))

tg__ew_fn tg__narrow_add(tg_dtype dtype) {
    return dtype == TG_F16    ? add_f16
           : dtype == TG_BF16 ? add_bf16
           : dtype == TG_I16  ? add_i16
                              : add_i8;
}
