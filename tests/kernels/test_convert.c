/* test_convert.c - single values convert as the cast kernels do. */
#include "kernels/kernels.h"
#include "kernels/values.h"
#include "tg_test.h"

/* What the cast kernel makes of one element. */
static void cast(tg_dtype to, char *o, tg_dtype from, const void *x) {
    char *const p[2] = {o, (char *)(uintptr_t)x};
    const int64_t s[2] = {(int64_t)item_size[to], (int64_t)item_size[from]};
    tg__kernels_named("base")->cast[to][from](p, s, 1, NULL);
}

static void doubles_convert_as_by_the_cast_kernels(void **state) {
    (void)state;
    int64_t n;
    const double *x = special_values(TG_F64, &n);
    for (tg_dtype t = 0; t < 6; t++) {
        for (int64_t i = 0; i < n; i++) {
            _Alignas(8) char by_kernel[8];
            char got[10];
            cast(t, by_kernel, TG_F64, x + i);
            memset(got, 0x5A, sizeof(got));
            tg__convert_double(t, got + 1, x[i]); /* any alignment */
            assert_true(same_bits(t, got + 1, by_kernel));
            assert_int_equal(got[0], 0x5A);
            assert_int_equal(got[1 + item_size[t]], 0x5A);
        }
    }
}

static void integers_convert_as_by_the_cast_kernels(void **state) {
    (void)state;
    int64_t n;
    const int64_t *x = special_values(TG_I64, &n);
    for (tg_dtype t = 0; t < 6; t++) {
        for (int64_t i = 0; i < n; i++) {
            _Alignas(8) char by_kernel[8];
            char got[10];
            cast(t, by_kernel, TG_I64, x + i);
            tg__convert_i64(t, got + 1, x[i]);
            assert_memory_equal(got + 1, by_kernel, item_size[t]);
        }
    }
}

static void loads_agree_with_the_casts_to_f64_and_i64(void **state) {
    (void)state;
    for (tg_dtype t = 0; t < 6; t++) {
        int64_t n;
        const char *x = special_values(t, &n);
        for (int64_t i = 0; i < n; i++) {
            _Alignas(8) char by_kernel[8];
            char unaligned[9];
            memcpy(unaligned + 1, x + (size_t)i * item_size[t], item_size[t]);
            const double d = tg__load_double(t, unaligned + 1);
            cast(TG_F64, by_kernel, t, x + (size_t)i * item_size[t]);
            assert_true(same_bits(TG_F64, &d, by_kernel));
            const int64_t k = tg__load_i64(t, unaligned + 1);
            cast(TG_I64, by_kernel, t, x + (size_t)i * item_size[t]);
            assert_memory_equal(&k, by_kernel, sizeof(k));
        }
    }
}

static int64_t as_i64(double x) {
    int64_t y;
    tg__convert_double(TG_I64, &y, x);
    return y;
}

static int as_u8(double x) {
    uint8_t y;
    tg__convert_double(TG_U8, &y, x);
    return y;
}

static int as_bool(double x) {
    uint8_t y;
    tg__convert_double(TG_BOOL, &y, x);
    return y;
}

static void floats_truncate_and_saturate(void **state) {
    (void)state;
    assert_int_equal(as_i64(2.7), 2);
    assert_int_equal(as_i64(-2.7), -2);
    assert_int_equal(as_i64(NAN), 0);
    assert_int_equal(as_i64(INFINITY), INT64_MAX);
    assert_int_equal(as_i64(-INFINITY), INT64_MIN);
    assert_int_equal(as_i64(9223372036854775807.0), INT64_MAX);
    assert_int_equal(as_i64(-9223372036854775808.0), INT64_MIN);
    assert_int_equal(as_u8(-0.9), 0);
    assert_int_equal(as_u8(-5), 0);
    assert_int_equal(as_u8(255.9), 255);
    assert_int_equal(as_u8(256), 255);
    assert_int_equal(as_u8(NAN), 0);
    assert_int_equal(as_bool(NAN), 1);
    assert_int_equal(as_bool(-0.0), 0);
    assert_int_equal(as_bool(1e-300), 1);
}

static void wide_integers_wrap(void **state) {
    (void)state;
    uint8_t u;
    int32_t i;
    tg__convert_i64(TG_U8, &u, 256 + 7);
    assert_int_equal(u, 7);
    tg__convert_i64(TG_U8, &u, -1);
    assert_int_equal(u, 255);
    tg__convert_i64(TG_I32, &i, (int64_t)INT32_MAX + 1);
    assert_int_equal(i, INT32_MIN);
    tg__convert_i64(TG_BOOL, &u, 256);
    assert_int_equal(u, 1);
}

TG_TEST_MAIN(cmocka_unit_test(doubles_convert_as_by_the_cast_kernels),
             cmocka_unit_test(integers_convert_as_by_the_cast_kernels),
             cmocka_unit_test(loads_agree_with_the_casts_to_f64_and_i64),
             cmocka_unit_test(floats_truncate_and_saturate), cmocka_unit_test(wide_integers_wrap))
