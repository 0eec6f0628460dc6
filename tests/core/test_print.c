/* test_print.c - tensors as text, as NumPy prints arrays.
 *
 * The expected texts are those of numpy.array2string with precision 4 (f32: with NumPy's rule of
 * 1e8 for an exponent, as for f64), followed by dtype and shape. */
#include "core/tensor.h"

#include "tg_tidy.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

static char text[1 << 16];

static const char *format(const tg_tensor *x) {
    int64_t n = tg_format(x, text, sizeof text);
    if (n < 0)
        fail_msg("%s", tg_error_message());
    assert_true((size_t)n < sizeof text);
    assert_int_equal(strlen(text), n);
    return text;
}

/* Prints and releases. */
static void check(tg_tensor *x, const char *expected) {
    assert_non_null(x);
    const char *got = format(x);
    assert_string_equal(got, expected);
    tg_release(x);
}

#define F64(...)                                                                                   \
    tg_from_array(TG_F64, 1, (const int64_t[]){sizeof((double[]){__VA_ARGS__}) / sizeof(double)},  \
                  (const double[]){__VA_ARGS__})
#define F32(...)                                                                                   \
    tg_from_array(TG_F32, 1, (const int64_t[]){sizeof((float[]){__VA_ARGS__}) / sizeof(float)},    \
                  (const float[]){__VA_ARGS__})

/* ---- Numbers ---- */

static void columns_align_at_the_point(void **state) {
    (void)state;
    check(tg_from_array(TG_F32, TG_SHAPE(2, 2), (float[]){1, 2, 3, 4}),
          "[[1. 2.]\n [3. 4.]] f32 [2, 2]");
    check(F64(1, 2.5, 3.25), "[1.   2.5  3.25] f64 [3]");
    check(F64(-1.5, 10, 0.125), "[-1.5   10.     0.125] f64 [3]");
    check(F64(-0.0, 0), "[-0.  0.] f64 [2]");
}

static void at_most_four_decimals_are_shown(void **state) {
    (void)state;
    check(F64(0.99999, 1.5), "[1.  1.5] f64 [2]");
    check(F64(3.14159265, 2.71828183), "[3.1416 2.7183] f64 [2]");
    check(F64(0.12345), "[0.1235] f64 [1]"); /* a little above the half */
    check(F64(0.03125), "[0.0312] f64 [1]"); /* the half: to even */
}

static void f32_shows_the_digits_it_has(void **state) {
    (void)state;
    check(F32(0.1F, 0.2F), "[0.1 0.2] f32 [2]");
    check(F32(12345.678F), "[12345.678] f32 [1]"); /* 12345.677734375 */
    check(F32(123456.789F), "[123456.79] f32 [1]");
    check(F32(1e-45F), "[1.e-45] f32 [1]");
    check(F64(5e-324), "[5.e-324] f64 [1]");
}

static void a_wide_range_calls_for_an_exponent(void **state) {
    (void)state;
    check(F64(1e-5, 1), "[1.e-05 1.e+00] f64 [2]");
    check(F64(1, 1000), "[   1. 1000.] f64 [2]");
    check(F64(1, 1001), "[1.000e+00 1.001e+03] f64 [2]");
    check(F64(99999999), "[99999999.] f64 [1]");
    check(F64(1e8), "[1.e+08] f64 [1]");
    check(F64(0.0001, .05), "[0.0001 0.05  ] f64 [2]");
    check(F64(0.00009), "[9.e-05] f64 [1]");
    check(F32(0.0001F), "[0.0001] f32 [1]"); /* the f32 nearest to 1e-4 is below it */
    check(F64(1e100, -2.5e-3), "[ 1.0e+100 -2.5e-003] f64 [2]");
    check(F64(0.00005, 0), "[5.e-05 0.e+00] f64 [2]");
    check(F64(1.23456789e10, 1), "[1.2346e+10 1.0000e+00] f64 [2]");
}

static void nan_and_infinities_stand_at_the_right(void **state) {
    (void)state;
    check(F64(1.5, NAN, -INFINITY), "[ 1.5  nan -inf] f64 [3]");
    check(F64(NAN, INFINITY), "[nan inf] f64 [2]");
    check(F64(INFINITY, 1e10, 1), "[   inf 1.e+10 1.e+00] f64 [3]");
    check(F64(1, NAN), "[ 1. nan] f64 [2]");
    check(F64(-NAN), "[nan] f64 [1]");
    check(F64(1, 2.25, INFINITY), "[1.   2.25  inf] f64 [3]");
}

static void integers_are_right_aligned(void **state) {
    (void)state;
    check(tg_from_array(TG_I32, TG_SHAPE(3), (int32_t[]){1, -20, 300}), "[  1 -20 300] i32 [3]");
    check(tg_from_array(TG_I64, TG_SHAPE(2, 1), (int64_t[]){INT64_MAX, INT64_MIN}),
          "[[ 9223372036854775807]\n [-9223372036854775808]] i64 [2, 1]");
    check(tg_from_array(TG_U8, TG_SHAPE(3), "\x00\x7f\xff"), "[  0 127 255] u8 [3]");
}

static void booleans_are_words(void **state) {
    (void)state;
    check(tg_from_array(TG_BOOL, TG_SHAPE(2), "\x01\x00"), "[ True False] bool [2]");
    check(tg_ones(TG_BOOL, TG_SHAPE(2, 1)), "[[ True]\n [ True]] bool [2, 1]");
}

static void a_0d_tensor_is_its_number(void **state) {
    (void)state;
    check(tg_scalar(TG_F64, 3.14159265), "3.1416 f64 []");
    check(tg_scalar(TG_F32, 2), "2. f32 []");
    check(tg_scalar(TG_F64, 1e-9), "1.e-09 f64 []");
    check(tg_scalar(TG_F64, NAN), "nan f64 []");
    check(tg_scalar(TG_F32, -INFINITY), "-inf f32 []");
    check(tg_scalar(TG_I32, -7), "-7 i32 []");
    check(tg_scalar(TG_BOOL, 1), "True bool []");
}

/* ---- Shapes ---- */

static void empty_tensors_show_their_shape(void **state) {
    (void)state;
    check(tg_zeros(TG_F32, TG_SHAPE(0)), "[] f32 [0]");
    check(tg_zeros(TG_BOOL, TG_SHAPE(2, 0, 3)), "[] bool [2, 0, 3]");
}

static void more_dims_have_empty_lines_between(void **state) {
    (void)state;
    tg_tensor *x = tg_arange(TG_I32, 0, 8, 1);
    check(tg_from_array(TG_I32, TG_SHAPE(2, 2, 2), tg_data(x)),
          "[[[0 1]\n  [2 3]]\n\n [[4 5]\n  [6 7]]] i32 [2, 2, 2]");
    check(tg_from_array(TG_I32, TG_SHAPE(2, 1, 2, 2), tg_data(x)),
          "[[[[0 1]\n   [2 3]]]\n\n\n [[[4 5]\n   [6 7]]]] i32 [2, 1, 2, 2]");
    check(tg_from_array(TG_I32, TG_SHAPE(1, 1, 1, 1, 1, 1, 1, 2), tg_data(x)),
          "[[[[[[[[0 1]]]]]]]] i32 [1, 1, 1, 1, 1, 1, 1, 2]");
    tg_release(x);
}

static void any_layout_prints_by_index(void **state) {
    (void)state;
    tg_tensor *x = tg_arange(TG_F32, 0, 6, 1);
    const int64_t shape[] = {3, 2};
    const int64_t stride[] = {1, 3};
    const int64_t repeat[] = {0, 4};
    check(tg__give(tg__view("test", x, 2, shape, stride, 0)),
          "[[0. 3.]\n [1. 4.]\n [2. 5.]] f32 [3, 2]");
    check(tg__give(tg__view("test", x, 2, shape, repeat, 1)),
          "[[1. 5.]\n [1. 5.]\n [1. 5.]] f32 [3, 2]");
    tg_release(x);
}

static void long_lines_break_before_column_75(void **state) {
    (void)state;
    check(tg_arange(TG_F64, 0, 30, 1),
          "[ 0.  1.  2.  3.  4.  5.  6.  7.  8.  9. 10. 11. 12. 13. 14. 15. 16. 17.\n"
          " 18. 19. 20. 21. 22. 23. 24. 25. 26. 27. 28. 29.] f64 [30]");
    tg_tensor *x = tg_arange(TG_F64, 0, 600, 1.5);
    format(x);
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        assert_true(strcspn(line, "\n") <= 74 || strchr(line, '\n') == NULL);
        const char *end = line + strcspn(line, "\n");
        assert_true(end[-1] != ' '); /* no blanks at the end of a line */
    }
    tg_release(x);
}

/* ---- Summaries ---- */

static void a_thousand_elements_are_shown_and_one_more_summarised(void **state) {
    (void)state;
    tg_tensor *x = tg_arange(TG_I64, 0, 1000, 1);
    format(x);
    assert_null(strstr(text, "..."));
    assert_contains(text, " 500 ");
    tg_release(x);
    check(tg_arange(TG_I64, 0, 1001, 1), "[   0    1    2 ...  998  999 1000] i64 [1001]");
}

static void a_summary_leaves_out_the_middle_of_each_long_dim(void **state) {
    (void)state;
    tg_tensor *x = tg_arange(TG_I32, 0, 10000, 1);
    check(tg_from_array(TG_I32, TG_SHAPE(100, 100), tg_data(x)),
          "[[   0    1    2 ...   97   98   99]\n"
          " [ 100  101  102 ...  197  198  199]\n"
          " [ 200  201  202 ...  297  298  299]\n"
          " ...\n"
          " [9700 9701 9702 ... 9797 9798 9799]\n"
          " [9800 9801 9802 ... 9897 9898 9899]\n"
          " [9900 9901 9902 ... 9997 9998 9999]] i32 [100, 100]");
    check(tg_from_array(TG_I32, TG_SHAPE(7, 2, 2, 100), tg_data(x)),
          "[[[[   0    1    2 ...   97   98   99]\n   [ 100  101  102 ...  197  198  199]]\n\n"
          "  [[ 200  201  202 ...  297  298  299]\n   [ 300  301  302 ...  397  398  399]]]\n\n\n"
          " [[[ 400  401  402 ...  497  498  499]\n   [ 500  501  502 ...  597  598  599]]\n\n"
          "  [[ 600  601  602 ...  697  698  699]\n   [ 700  701  702 ...  797  798  799]]]\n\n\n"
          " [[[ 800  801  802 ...  897  898  899]\n   [ 900  901  902 ...  997  998  999]]\n\n"
          "  [[1000 1001 1002 ... 1097 1098 1099]\n   [1100 1101 1102 ... 1197 1198 1199]]]\n\n\n"
          " ...\n\n\n"
          " [[[1600 1601 1602 ... 1697 1698 1699]\n   [1700 1701 1702 ... 1797 1798 1799]]\n\n"
          "  [[1800 1801 1802 ... 1897 1898 1899]\n   [1900 1901 1902 ... 1997 1998 1999]]]\n\n\n"
          " [[[2000 2001 2002 ... 2097 2098 2099]\n   [2100 2101 2102 ... 2197 2198 2199]]\n\n"
          "  [[2200 2201 2202 ... 2297 2298 2299]\n   [2300 2301 2302 ... 2397 2398 2399]]]\n\n\n"
          " [[[2400 2401 2402 ... 2497 2498 2499]\n   [2500 2501 2502 ... 2597 2598 2599]]\n\n"
          "  [[2600 2601 2602 ... 2697 2698 2699]\n   [2700 2701 2702 ... 2797 2798 2799]]]] "
          "i32 [7, 2, 2, 100]");
    tg_release(x);
}

static void a_summary_is_laid_out_by_what_it_shows(void **state) {
    (void)state;
    double *data = calloc(2000, sizeof *data);
    assert_non_null(data);
    data[1000] = 1e12; /* not shown */
    check(tg_from_array(TG_F64, TG_SHAPE(2000), data), "[0. 0. 0. ... 0. 0. 0.] f64 [2000]");
    data[1999] = 1e12;
    check(tg_from_array(TG_F64, TG_SHAPE(2000), data),
          "[0.e+00 0.e+00 0.e+00 ... 0.e+00 0.e+00 1.e+12] f64 [2000]");
    free(data);
}

/* ---- Where it goes ---- */

static void a_small_buffer_gets_the_beginning(void **state) {
    (void)state;
    static const char expected[] = "[1.5 2. ] f32 [2]";
    tg_tensor *x = F32(1.5F, 2);
    for (size_t cap = 1; cap <= sizeof expected + 2; cap++) {
        char buf[sizeof expected + 4];
        memset(buf, '#', sizeof buf);
        assert_int_equal(tg_format(x, buf, cap), sizeof expected - 1);
        size_t n = cap <= sizeof expected - 1 ? cap - 1 : sizeof expected - 1;
        assert_memory_equal(buf, expected, n);
        assert_int_equal(buf[n], '\0');
        for (size_t i = cap; i < sizeof buf; i++)
            assert_int_equal(buf[i], '#');
    }
    assert_int_equal(tg_format(x, NULL, 0), sizeof expected - 1);
    char untouched = '#';
    assert_int_equal(tg_format(x, &untouched, 0), sizeof expected - 1);
    assert_int_equal(untouched, '#');
    tg_release(x);
}

static void format_refuses_null_and_none(void **state) {
    (void)state;
    tg_tensor *x = tg_scalar(TG_F32, 1);
    assert_int_equal(tg_format(NULL, text, sizeof text), -1);
    assert_fails(tg_error_status(), TG_ERR_ARG, "format: argument x is NULL");
    tg_error_clear();
    assert_int_equal(tg_format(TG_NONE, text, sizeof text), -1);
    assert_fails(tg_error_status(), TG_ERR_ARG, "format: argument x is TG_NONE");
    assert_int_equal(tg_format(x, NULL, 5), -1);
    assert_fails(tg_error_status(), TG_ERR_ARG, "format: argument buf is NULL");
    tg_error_clear();
    assert_fails(tg_print(x, NULL), TG_ERR_ARG, "print: argument file is NULL");
    tg_error_clear();
    assert_fails(tg_print(NULL, stdout), TG_ERR_ARG, "print: argument x is NULL");
    tg_release(x);
}

static void print_writes_the_same_and_a_newline(void **state) {
    (void)state;
    tg_tensor *x = tg_linspace(TG_F32, -1, 1, 40);
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_ok(tg_print(x, file));
    int64_t n = tg_format(x, text, sizeof text);
    char *read = malloc((size_t)n + 3);
    assert_non_null(read);
    rewind(file);
    assert_int_equal(fread(read, 1, (size_t)n + 2, file), n + 1);
    assert_memory_equal(read, text, (size_t)n);
    assert_int_equal(read[n], '\n');
    free(read);
    fclose(file);
    tg_release(x);
}

static void print_tells_that_a_stream_failed(void **state) {
    (void)state;
    tg_tensor *x = tg_ones(TG_F32, TG_SHAPE(3));
    FILE *file = fopen("/dev/full", "w");
    if (file == NULL) {
        tg_release(x);
        tg_skip("there is no /dev/full");
    }
    setvbuf(file, NULL, _IONBF, 0);
    assert_fails(tg_print(x, file), TG_ERR_IO, "print: cannot write f32 [3]: No space left");
    fclose(file);
    tg_release(x);
}

static void printing_allocates_nothing(void **state) {
    (void)state;
    tg_tensor *x = tg_full(TG_F64, TG_SHAPE(40, 40), 0.1);
    tg__alloc_fail_at(1, true);
    int64_t n = tg_format(x, text, sizeof text);
    tg__alloc_fail_at(0, false);
    assert_true(n > 0);
    tg_release(x);
}

static void printing_works_in_a_shut_scope(void **state) {
    (void)state;
    tg_tensor *x = tg_scalar(TG_F32, 1);
    tg_scope s = tg_scope_open();
    assert_null(tg_zeros(TG_F32, TG_SHAPE(-1)));
    assert_string_equal(format(x), "1. f32 []");
    assert_int_equal(tg_scope_close(s), TG_ERR_SHAPE);
    tg_release(x);
}

static bool use_decimal_comma(void) {
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE"};
    for (int i = 0; i < 4; i++)
        if (setlocale(LC_ALL, names[i]) != NULL)
            return true;
    if (system("localedef -i de_DE -f UTF-8 ./de_DE.UTF-8 >/dev/null 2>&1") < 0)
        return false;
    setenv("LOCPATH", ".", 1);
    return setlocale(LC_ALL, "de_DE.UTF-8") != NULL;
}

static void the_locale_changes_nothing(void **state) {
    (void)state;
    if (!use_decimal_comma())
        tg_skip("no locale with a decimal comma");
    snprintf(text, sizeof text, "%.1f", 1.5);
    assert_string_equal(text, "1,5"); /* it is in force */
    check(F64(1.5, -1234.25), "[    1.5  -1234.25] f64 [2]");
    check(F64(1.5e-7, 1e10), "[1.5e-07 1.0e+10] f64 [2]");
    check(tg_full(TG_I64, TG_SHAPE(2), 1234567), "[1234567 1234567] i64 [2]");
    setlocale(LC_ALL, "C");
}

TG_TEST_MAIN(tg_tidy(columns_align_at_the_point), tg_tidy(at_most_four_decimals_are_shown),
             tg_tidy(f32_shows_the_digits_it_has), tg_tidy(a_wide_range_calls_for_an_exponent),
             tg_tidy(nan_and_infinities_stand_at_the_right), tg_tidy(integers_are_right_aligned),
             tg_tidy(booleans_are_words), tg_tidy(a_0d_tensor_is_its_number),
             tg_tidy(empty_tensors_show_their_shape), tg_tidy(more_dims_have_empty_lines_between),
             tg_tidy(any_layout_prints_by_index), tg_tidy(long_lines_break_before_column_75),
             tg_tidy(a_thousand_elements_are_shown_and_one_more_summarised),
             tg_tidy(a_summary_leaves_out_the_middle_of_each_long_dim),
             tg_tidy(a_summary_is_laid_out_by_what_it_shows),
             tg_tidy(a_small_buffer_gets_the_beginning), tg_tidy(format_refuses_null_and_none),
             tg_tidy(print_writes_the_same_and_a_newline),
             tg_tidy(print_tells_that_a_stream_failed), tg_tidy(printing_allocates_nothing),
             tg_tidy(printing_works_in_a_shut_scope), tg_tidy(the_locale_changes_nothing))
