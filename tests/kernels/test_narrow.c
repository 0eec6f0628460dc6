/* test_narrow.c - conversions from and to f16, bf16, i16 and i8. */
#include "tg_test.h"

#include "kernels/narrow.h"
#include "kernels/scalar.h"

#include <math.h>

/* binary16 by its definition. */
static double f16_value(unsigned bits) {
    int exponent = (int)(bits >> 10 & 31);
    double mantissa = bits & 1023;
    double sign = bits >> 15 ? -1 : 1;
    if (exponent == 31)
        return mantissa != 0 ? (double)NAN : sign * (double)INFINITY;
    return sign * (exponent == 0 ? ldexp(mantissa, -24) : ldexp(1024 + mantissa, exponent - 25));
}

static double bf16_value(unsigned bits) {
    uint32_t wide = (uint32_t)bits << 16;
    float x;
    memcpy(&x, &wide, sizeof x);
    return (double)x;
}

static void every_half_reads_as_its_definition_and_back(void **state) {
    (void)state;
    for (unsigned b = 0; b < 65536; b++) {
        double x = f16_value(b);
        double got = (double)tg__f32_from_f16((uint16_t)b);
        assert_true(isnan(x) ? isnan(got) : got == x && signbit(got) == signbit(x));
        if (!isnan(x))
            assert_int_equal(tg__f16_from_f32((float)x), b);
        double y = bf16_value(b);
        got = (double)tg__f32_from_bf16((uint16_t)b);
        assert_true(isnan(y) ? isnan(got) : got == y);
        if (!isnan(y))
            assert_int_equal(tg__bf16_from_f32((float)y), b);
    }
    assert_true(isnan(f16_value(tg__f16_from_f32(NAN))));
    assert_true(isnan(bf16_value(tg__bf16_from_f32(NAN))));
}

/* Between two neighbours: below the middle down, above it up, at it to the even one. */
static void rounding_is_to_nearest_with_ties_to_even(void **state) {
    (void)state;
    for (unsigned b = 0; b < 0x7bff; b++) {
        double low = f16_value(b);
        double middle = (low + f16_value(b + 1)) / 2;
        assert_int_equal(tg__f16_from_f32((float)middle), b % 2 ? b + 1 : b);
        assert_int_equal(tg__f16_from_f32(nextafterf((float)middle, 0)), b);
        assert_int_equal(tg__f16_from_f32(nextafterf((float)middle, INFINITY)), b + 1);
    }
    for (unsigned b = 0; b < 0x7f7f; b++) {
        double middle = (bf16_value(b) + bf16_value(b + 1)) / 2;
        assert_int_equal(tg__bf16_from_f32((float)middle), b % 2 ? b + 1 : b);
        assert_int_equal(tg__bf16_from_f32(nextafterf((float)middle, INFINITY)), b + 1);
    }
}

static void what_is_too_large_becomes_infinite(void **state) {
    (void)state;
    assert_int_equal(tg__f16_from_f32(65504), 0x7bff);
    assert_int_equal(tg__f16_from_f32(nextafterf(65520, 0)), 0x7bff);
    assert_int_equal(tg__f16_from_f32(65520), 0x7c00);
    assert_int_equal(tg__f16_from_f32(-1e30F), 0xfc00);
    assert_int_equal(tg__f16_from_f32(0x1p-25F), 0); /* half of the smallest: to even */
    assert_int_equal(tg__f16_from_f32(-0.0F), 0x8000);
    assert_int_equal(tg__bf16_from_f32(3.4e38F), 0x7f80);
}

static const size_t item[] = {4, 8, 8, 4, 1, 1, 2, 1, 2, 2};

/* Every pair, with every stride class, against one value at a time. */
static void every_pair_of_types_converts(void **state) {
    (void)state;
    static const double values[] = {0,    1,     -1,   2.5,   -2.5,  100,   127, 128,
                                    -129, 255.9, 300,  32767, 40000, -4e4,  7e4, 1e9,
                                    -3e9, 1e20,  0.25, 1e-7,  65519, 65520, 0.1, -0.1};
    enum { N = sizeof values / sizeof *values, MANY = 300 };
    for (int from = 0; from < TG__ALL_DTYPES; from++)
        for (int to = 0; to < TG__ALL_DTYPES; to++) {
            tg__ew_fn fn = tg__kernels_get()->cast[to][from];
            assert_non_null(fn);
            for (int gap = 1; gap <= 2; gap++) {
                _Alignas(8) static char x[MANY * 16];
                _Alignas(8) static char y[MANY * 16];
                const int64_t s[2] = {gap * (int64_t)item[to], gap * (int64_t)item[from]};
                for (int i = 0; i < MANY; i++)
                    tg__convert_double((tg_dtype)from, x + i * s[1], values[i % N]);
                char *const p[2] = {y, x};
                fn(p, s, MANY, NULL);
                for (int i = 0; i < MANY; i++) {
                    char expected[8];
                    const char *at = x + i * s[1];
                    bool whole = from >= TG_I64 && from <= TG_I8; /* the integers and bool */
                    if (whole)
                        tg__convert_i64((tg_dtype)to, expected, tg__load_i64((tg_dtype)from, at));
                    else
                        tg__convert_double((tg_dtype)to, expected,
                                           tg__load_double((tg_dtype)from, at));
                    if (memcmp(y + i * s[0], expected, item[to]) != 0)
                        fail_msg("%s to %s: element %d, %g", tg_dtype_name((tg_dtype)from),
                                 tg_dtype_name((tg_dtype)to), i, values[i % N]);
                }
            }
        }
}

static void sums_wrap_and_round(void **state) {
    (void)state;
    int8_t a8 = 100, b8 = 100, c8;
    const int64_t s[3] = {0, 0, 0};
    tg__narrow_add(TG_I8)((char *[]){(char *)&c8, (char *)&a8, (char *)&b8}, s, 1, NULL);
    assert_int_equal(c8, -56);
    uint16_t a = tg__f16_from_f32(2048), b = tg__f16_from_f32(1), c;
    tg__narrow_add(TG_F16)((char *[]){(char *)&c, (char *)&a, (char *)&b}, s, 1, NULL);
    assert_close(tg__f32_from_f16(c), 2048, 0, 0); /* 2049 is a tie */
}

TG_TEST_MAIN(cmocka_unit_test(every_half_reads_as_its_definition_and_back),
             cmocka_unit_test(rounding_is_to_nearest_with_ties_to_even),
             cmocka_unit_test(what_is_too_large_becomes_infinite),
             cmocka_unit_test(every_pair_of_types_converts), cmocka_unit_test(sums_wrap_and_round))
