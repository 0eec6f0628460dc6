/* test_number.c - numbers as text, the same in every locale. */
#include "base/number.h"

#include "comma.h"

#include <errno.h>
#include <float.h>
#include <stdio.h>
#include <stdlib.h>

static double parse(const char *text) {
    double value = -12345;
    if (!tg__parse_double(text, strlen(text), &value)) {
        print_error("'%s' was refused\n", text);
        fail();
    }
    return value;
}

static void assert_same_bits(double a, double b) {
    uint64_t x;
    uint64_t y;
    memcpy(&x, &a, sizeof x);
    memcpy(&y, &b, sizeof y);
    if (x != y)
        print_error("%a, expected %a\n", a, b);
    assert_true(x == y);
}

static uint64_t random_bits(void) {
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static double random_double(void) {
    for (;;) {
        uint64_t bits = random_bits();
        double value;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value))
            return value;
    }
}

static void simple_numbers_are_read(void **state) {
    (void)state;
    assert_same_bits(parse("0"), 0.0);
    assert_same_bits(parse("-0"), -0.0);
    assert_same_bits(parse("+1"), 1.0);
    assert_same_bits(parse("1."), 1.0);
    assert_same_bits(parse(".5"), 0.5);
    assert_same_bits(parse("1.5e3"), 1500.0);
    assert_same_bits(parse("-2.5E-3"), -0.0025);
    assert_same_bits(parse("0.1"), 0.1);
    assert_same_bits(parse("123456789012345678"), 123456789012345678.0);
    assert_same_bits(parse("000000000000000000000000000000000001e00000000000000000000001"), 10.0);
    assert_same_bits(parse("9007199254740993"), 9007199254740992.0);
    assert_same_bits(parse("0e999999999999999999999999"), 0.0);
}

static void infinities_and_nan_are_read_in_any_case(void **state) {
    (void)state;
    assert_same_bits(parse("inf"), INFINITY);
    assert_same_bits(parse("-Infinity"), -INFINITY);
    assert_same_bits(parse("+INF"), INFINITY);
    assert_true(isnan(parse("NaN")));
    assert_true(isnan(parse("-nan")));
}

static void other_texts_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",     " ",     " 1",   "1 ",     "-",         "+",    ".",     "e5",  "1e",  "1e+",
        "1e5x", "1,5",   "1.5.", "1.2.3",  "0x10",      "0x",   "1e5.",  "--1", "+-1", "infinit",
        "in",   "infx",  "nanx", "nan(1)", "infinityx", "1e 5", "1_0",   "1f",  "\t1", "1\n",
        "e",    "1e1e1", "١",    "−1",     ".e1",       "-.",   "in\x06"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        double value = 42;
        if (tg__parse_double(bad[i], strlen(bad[i]), &value))
            print_error("'%s' was read as %g\n", bad[i], value);
        assert_true(value == 42);
        assert_false(tg__parse_double(bad[i], strlen(bad[i]), &value));
    }
    double value = 42;
    assert_false(tg__parse_double(NULL, 3, &value));
    assert_true(value == 42);
}

static void only_the_given_length_is_read(void **state) {
    (void)state;
    double value;
    assert_true(tg__parse_double("12345", 2, &value));
    assert_same_bits(value, 12.0);
    assert_false(tg__parse_double("1\0002", 3, &value));
    assert_false(tg__parse_double("1\0", 2, &value));
    assert_false(tg__parse_double("\0001", 2, &value));

    char *text = malloc(3); /* no terminator: AddressSanitizer sees a read beyond */
    assert_non_null(text);
    memcpy(text, "1e1", 3);
    assert_true(tg__parse_double(text, 3, &value));
    assert_same_bits(value, 10.0);
    memcpy(text, "inf", 3);
    assert_true(tg__parse_double(text, 3, &value));
    memcpy(text, "1e-", 3);
    assert_false(tg__parse_double(text, 3, &value));
    free(text);
}

static void the_ends_of_the_range_follow_ieee(void **state) {
    (void)state;
    assert_same_bits(parse("1.7976931348623157e308"), DBL_MAX);
    assert_same_bits(parse("1.7976931348623158e308"), DBL_MAX);
    assert_same_bits(parse("1.7976931348623159e308"), INFINITY);
    assert_same_bits(parse("-1e309"), -INFINITY);
    assert_same_bits(parse("1e99999999999999999999"), INFINITY);
    assert_same_bits(parse("1e-310"), 1e-310);
    assert_same_bits(parse("5e-324"), DBL_TRUE_MIN);
    assert_same_bits(parse("2.4703282292062328e-324"), DBL_TRUE_MIN);
    assert_same_bits(parse("2.4703282292062327e-324"), 0.0);
    assert_same_bits(parse("-1e-99999999999999999999"), -0.0);
}

static void long_texts_are_rounded_correctly(void **state) {
    (void)state;
    enum { LONG = 5000 };
    char text[LONG + 64];

    /* 1 + 2^-53 lies in the middle between 1 and the next double: ties go to even, and any digit
     * beyond decides, however far away. */
    const char *middle = "1.00000000000000011102230246251565404236316680908203125";
    assert_same_bits(parse(middle), 1.0);
    size_t n = strlen(middle);
    memcpy(text, middle, n);
    memset(text + n, '0', LONG - n);
    text[LONG] = '\0';
    assert_same_bits(parse(text), 1.0);
    text[LONG - 1] = '1';
    assert_same_bits(parse(text), 1 + DBL_EPSILON);

    /* Zeros in front and behind, undone by the exponent. */
    memset(text, '0', LONG);
    memcpy(text, "0.", 2);
    snprintf(text + LONG, 64, "15e%d", LONG - 2 + 1);
    assert_same_bits(parse(text), 1.5);
    text[0] = '7';
    memset(text + 1, '0', LONG - 1);
    snprintf(text + LONG, 64, "e-%d", LONG - 1);
    assert_same_bits(parse(text), 7.0);
}

static void reading_agrees_with_strtod(void **state) {
    (void)state;
    for (int i = 0; i < 200000; i++) {
        char text[64];
        int digits = 1 + (int)(random_bits() % 25);
        int n = 0;
        int point = (int)(random_bits() % 26);
        for (int d = 0; d < digits; d++) {
            if (d == point)
                text[n++] = '.';
            text[n++] = (char)('0' + random_bits() % 10);
        }
        int range = i % 2 == 0 ? 30 : 340;
        snprintf(text + n, sizeof text - (size_t)n, "e%d",
                 (int)(random_bits() % (2 * (unsigned)range)) - range);
        assert_same_bits(parse(text), strtod(text, NULL));
    }
}

static void errno_is_left_alone(void **state) {
    (void)state;
    char buf[352];
    errno = 77;
    parse("1e400");
    parse("1e-310");
    parse("1.7976931348623159e308");
    tg__format_double(buf, 1e-310, 0);
    tg__format_fixed(buf, DBL_MAX, 20);
    assert_int_equal(errno, 77);
}

static void writing_follows_printf(void **state) {
    (void)state;
    char buf[352];
    char expected[512];
    for (int i = 0; i < 20000; i++) {
        double value =
            i % 3 == 0 ? (double)(int64_t)(random_bits() % 2000000) / 1000 : random_double();
        int digits = 1 + i % 17;
        int n = tg__format_double(buf, value, digits);
        snprintf(expected, sizeof expected, "%.*g", digits, value);
        assert_string_equal(buf, expected);
        assert_int_equal(n, strlen(buf));
        assert_true(n < 32);
        n = tg__format_exp(buf, value, i % 21);
        snprintf(expected, sizeof expected, "%.*e", i % 21, value);
        assert_string_equal(buf, expected);
        assert_true(n < 32 && (size_t)n == strlen(buf));
        n = tg__format_fixed(buf, value, i % 21);
        snprintf(expected, sizeof expected, "%.*f", i % 21, value);
        assert_string_equal(buf, expected);
        assert_true(n < 352 && (size_t)n == strlen(buf));
    }
    assert_int_equal(tg__format_fixed(buf, -DBL_MAX, 20), 1 + 309 + 1 + 20);
}

static void what_is_no_number_is_written_plainly(void **state) {
    (void)state;
    char buf[352];
    for (int digits = 0; digits < 3; digits++) {
        assert_int_equal(tg__format_double(buf, INFINITY, digits), 3);
        assert_string_equal(buf, "inf");
        assert_int_equal(tg__format_double(buf, -INFINITY, digits), 4);
        assert_string_equal(buf, "-inf");
        assert_int_equal(tg__format_double(buf, -(double)NAN, digits), 3);
        assert_string_equal(buf, "nan");
    }
    assert_int_equal(tg__format_fixed(buf, NAN, 3), 3);
    assert_int_equal(tg__format_exp(buf, -INFINITY, 3), 4);
    assert_string_equal(buf, "-inf");
}

static void digits_out_of_range_are_clamped(void **state) {
    (void)state;
    char buf[352];
    tg__format_double(buf, 1.0 / 3, 100);
    assert_string_equal(buf, "0.33333333333333331");
    tg__format_double(buf, 1.0 / 3, -4);
    assert_string_equal(buf, "0.3");
    tg__format_fixed(buf, 0.5, 1000);
    assert_string_equal(buf, "0.50000000000000000000");
    tg__format_exp(buf, 1.0, -1);
    assert_string_equal(buf, "1e+00");
}

static void the_shortest_text_is_written(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0, "0"},           {-0.0, "-0"},
                 {1, "1"},           {0.1, "0.1"},
                 {-1.5, "-1.5"},     {100000, "100000"},
                 {1e22, "1e+22"},    {1.0 / 3, "0.3333333333333333"},
                 {5e-324, "5e-324"}, {DBL_MAX, "1.7976931348623157e+308"},
                 {1e-5, "1e-05"},    {0.1 + 0.2, "0.30000000000000004"},
                 {1e-310, "1e-310"}};
    char buf[32];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int n = tg__format_double(buf, cases[i].value, 0);
        assert_string_equal(buf, cases[i].text);
        assert_int_equal(n, strlen(buf));
    }
}

static void the_shortest_text_reads_back_and_no_shorter_one_does(void **state) {
    (void)state;
    for (int i = 0; i < 20000; i++) {
        double value = random_double();
        if (i % 4 == 1)
            value = (double)(int64_t)(random_bits() % 100000) / 100;
        if (i % 4 == 2) { /* subnormal */
            uint64_t bits = random_bits() >> (12 + random_bits() % 50);
            memcpy(&value, &bits, sizeof value);
        }
        char buf[32];
        int n = tg__format_double(buf, value, 0);
        double again = NAN;
        assert_true(n < 32 && tg__parse_double(buf, (size_t)n, &again));
        assert_same_bits(again, value);
        int digits = 0; /* significant ones */
        for (const char *p = buf; *p != '\0' && *p != 'e'; p++)
            if (*p >= '0' && *p <= '9' && (digits > 0 || *p != '0'))
                digits++;
        if (strpbrk(buf, ".e") == NULL)
            for (int at = n - 1; at > 0 && buf[at] == '0'; at--)
                digits--;
        if (digits > 1) {
            char shorter[352];
            snprintf(shorter, sizeof shorter, "%.*g", digits - 1, value);
            assert_false(strtod(shorter, NULL) == value);
        }
    }
}

/* ---- A locale with a decimal comma
 * ---------------------------------------------------------------- */

static void check_in_comma_locale(void) {
    char buf[352];
    assert_same_bits(parse("1.5e3"), 1500.0);
    assert_same_bits(parse("0.3333333333333333333333333333"), 1.0 / 3);
    double value = 42;
    assert_false(tg__parse_double("1,5", 3, &value));
    assert_int_equal(tg__format_double(buf, 1.5, 17), 3);
    assert_string_equal(buf, "1.5");
    tg__format_double(buf, -1234567.25, 0);
    assert_string_equal(buf, "-1234567.25");
    tg__format_fixed(buf, 1234567.125, 2);
    assert_string_equal(buf, "1234567.12");
    tg__format_exp(buf, 0.00015, 3);
    assert_string_equal(buf, "1.500e-04");
    for (int i = 0; i < 5000; i++) {
        value = random_double();
        double again;
        int n = tg__format_double(buf, value, 0);
        assert_true(tg__parse_double(buf, (size_t)n, &again));
        assert_same_bits(again, value);
    }
}

static void a_decimal_comma_changes_nothing(void **state) {
    (void)state;
    if (!in_decimal_comma(check_in_comma_locale))
        tg_skip("no locale with a decimal comma");
}

TG_TEST_MAIN(cmocka_unit_test(simple_numbers_are_read),
             cmocka_unit_test(infinities_and_nan_are_read_in_any_case),
             cmocka_unit_test(other_texts_are_refused),
             cmocka_unit_test(only_the_given_length_is_read),
             cmocka_unit_test(the_ends_of_the_range_follow_ieee),
             cmocka_unit_test(long_texts_are_rounded_correctly),
             cmocka_unit_test(reading_agrees_with_strtod), cmocka_unit_test(errno_is_left_alone),
             cmocka_unit_test(writing_follows_printf),
             cmocka_unit_test(what_is_no_number_is_written_plainly),
             cmocka_unit_test(digits_out_of_range_are_clamped),
             cmocka_unit_test(the_shortest_text_is_written),
             cmocka_unit_test(the_shortest_text_reads_back_and_no_shorter_one_does),
             cmocka_unit_test(a_decimal_comma_changes_nothing))
