/* test_csv.c - the CSV reader: what it reads, and what it says of what it cannot read.
 *
 * Large files, pipes and random ones are in test_csv_bulk.c. */
#include "tg_test.h"

#include "base/alloc.h"

#include <tensorgrad/data.h>
#include <tensorgrad/scope.h>

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH "test_csv.csv"

/* ---- Helpers --------------------------------------------------------------------------------- */

static const char *file_of(const void *bytes, size_t n) {
    unlink(PATH); /* some file systems wait for the disk where an old file is cut to nothing */
    FILE *f = fopen(PATH, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    return PATH;
}

static const char *file_with(const char *text) { return file_of(text, strlen(text)); }

/* The file holds exactly these numbers (NaN equals NaN) as f64 [rows, columns]. */
static void expect_values(tg_tensor *x, int64_t rows, int64_t columns, const double *values) {
    if (x == NULL)
        fail_msg("%s", tg_error_message());
    assert_int_equal(tg_ndim(x), 2);
    assert_int_equal(tg_shape(x)[0], rows);
    assert_int_equal(tg_shape(x)[1], columns);
    assert_int_equal(tg_dtype_of(x), TG_F64);
    const double *got = tg_data(x);
    for (int64_t i = 0; i < rows * columns; i++)
        if (!(got[i] == values[i] || (isnan(got[i]) && isnan(values[i]))))
            fail_msg("element %d is %.17g, expected %.17g", (int)i, got[i], values[i]);
    tg_release(x);
}
#define VALUES(...) ((const double[]){__VA_ARGS__})

static void expect_failure(tg_tensor *x, tg_status status, const char *part) {
    assert_null(x);
    assert_fails(tg_error_status(), status, part);
    assert_string_equal(tg_error_op(), "read_csv");
    tg_error_clear();
    assert_int_equal(tg_live_tensors(), 0);
}

static void expect_bad(const char *text, const char *part) {
    expect_failure(tg_read_csv(file_with(text), TG_F64, NULL), TG_ERR_FORMAT, part);
}

static uint64_t bytes_in_use(void) {
    tg_memory_stats_t stats = TG_MEMORY_STATS_INIT;
    assert_ok(tg_memory_stats(&stats));
    return stats.bytes_in_use;
}

/* ---- What is read ---------------------------------------------------------------------------- */

static void reads_rows_in_order(void **state) {
    (void)state;
    expect_values(tg_read_csv(file_with("x,y\n1,2\n-3,4.5e-1\n"), TG_F64, NULL), 2, 2,
                  VALUES(1, 2, -3, 0.45));
    tg_tensor *x = tg_read_csv(PATH, TG_F32, NULL);
    assert_non_null(x);
    assert_int_equal(tg_dtype_of(x), TG_F32);
    assert_true(((const float *)tg_data(x))[3] == 0.45f);
    assert_true(tg_is_contiguous(x) && !tg_is_none(x));
    tg_release(x);
}

static void ends_of_lines_and_of_the_file(void **state) {
    (void)state;
    expect_values(tg_read_csv(file_with("x,y\r\n1,2\r\n3,4\r\n"), TG_F64, NULL), 2, 2,
                  VALUES(1, 2, 3, 4));
    expect_values(tg_read_csv(file_with("x,y\r\n1,2\n3,4"), TG_F64, NULL), 2, 2,
                  VALUES(1, 2, 3, 4));
    expect_values(tg_read_csv(file_with("\n  \nx,y\n\n1,2\n \t \n\r\n3,4\n\n"), TG_F64, NULL), 2, 2,
                  VALUES(1, 2, 3, 4));
    expect_values(tg_read_csv(file_with("x\n\"1\""), TG_F64, NULL), 1, 1, VALUES(1));
    expect_bad("x,y\r1,2\r", "line 1: a carriage return without a line feed");
    expect_bad("x,y\n1,2\r", "line 2: a carriage return without a line feed");
}

static void header_only_gives_no_rows(void **state) {
    (void)state;
    const char *const texts[] = {"x,y", "x,y\n", "x,y\r\n", "x,\"y\""};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        expect_values(tg_read_csv(file_with(texts[i]), TG_F64, NULL), 0, 2, VALUES(0));
}

static void empty_files_are_errors(void **state) {
    (void)state;
    expect_bad("", "is empty; expected a header");
    expect_bad("\n \n\r\n", "is empty; expected a header");
    expect_bad("\xEF\xBB\xBF", "is empty; expected a header");
    tg_csv_options o = TG_CSV_OPTIONS_INIT;
    o.no_header = true;
    expect_failure(tg_read_csv(file_with(""), TG_F64, &o), TG_ERR_FORMAT,
                   "is empty; expected at least one row");
}

static void quotes(void **state) {
    (void)state;
    const char *const names[] = {"a \"b\"", "c,d", "e\nf", "g", " h "};
    tg_csv_options o = TG_CSV_OPTIONS_INIT;
    o.columns = names;
    o.n_columns = 5;
    const char *text =
        "\"a \"\"b\"\"\",\"c,d\",\"e\nf\", g ,\" h \"\n\"1\",\" 2 \", \"3\" ,4,\"5\"\t\n";
    expect_values(tg_read_csv(file_with(text), TG_F64, &o), 1, 5, VALUES(1, 2, 3, 4, 5));
    expect_bad("x\n\"1\n2\n", "line 2, column 1 'x': the quote opened here is never closed");
    expect_bad("x,y\n1,2\"\n", "line 2, column 2 'y': a quote inside an unquoted cell");
    expect_bad("x,y\n\"1\"2,3\n", "line 2, column 1 'x': text after the end of a quoted cell");
    expect_bad("x,y\n\"1\" \"2\",3\n", "text after the end of a quoted cell");
    expect_bad("x\n\"1\"\r2\n", "a carriage return without a line feed");
    expect_bad("\"x\n1\n", "line 1, column 1: the quote opened here is never closed");
}

static void byte_order_marks(void **state) {
    (void)state;
    const char *const names[] = {"x"};
    tg_csv_options o = TG_CSV_OPTIONS_INIT;
    o.columns = names;
    o.n_columns = 1;
    expect_values(tg_read_csv(file_with("\xEF\xBB\xBFx\n7\n"), TG_F64, &o), 1, 1, VALUES(7));
    expect_failure(tg_read_csv(file_of("\xFF\xFEx\0\n\0", 6), TG_F64, NULL), TG_ERR_FORMAT,
                   "line 1: the text is in UTF-16; save it as UTF-8");
    expect_failure(tg_read_csv(file_of("\xFE\xFF\0x\0\n", 6), TG_F64, NULL), TG_ERR_FORMAT,
                   "UTF-16");
}

static void zero_bytes_are_errors(void **state) {
    (void)state;
    expect_failure(tg_read_csv(file_of("x,y\n1,\0002\n", 9), TG_F64, NULL), TG_ERR_FORMAT,
                   "line 2, column 2 'y': a zero byte");
    expect_failure(tg_read_csv(file_of("x\n\"\0\"\n", 6), TG_F64, NULL), TG_ERR_FORMAT,
                   "line 2, column 1 'x': a zero byte");
    expect_failure(tg_read_csv(file_of("x\n\"1\"\0\n", 7), TG_F64, NULL), TG_ERR_FORMAT,
                   "a zero byte");
}

/* ---- Numbers --------------------------------------------------------------------------------- */

static void numbers(void **state) {
    (void)state;
    expect_values(
        tg_read_csv(file_with("x\n 1\t\n+2.\n.5\n-0\n1e-310\nInf\n-infinity\nnan\n9007199254"
                              "740993\n1E+2\n1e-9999\n"),
                    TG_F64, NULL),
        11, 1,
        VALUES(1, 2, 0.5, -0.0, 1e-310, INFINITY, -INFINITY, NAN, 9007199254740992.0, 100, 0));
    char *text = malloc(3000);
    assert_non_null(text);
    memcpy(text, "x\n0.", 4);
    memset(text + 4, '3', 2990); /* more digits than any buffer on a stack */
    memcpy(text + 2994, "\n", 2);
    expect_values(tg_read_csv(file_with(text), TG_F64, NULL), 1, 1, VALUES(1.0 / 3));
    free(text);
}

static void what_is_no_number_is_named(void **state) {
    (void)state;
    expect_bad("time,\"air pressure\"\n1,2\n3,abc\n",
               "read_csv: 'test_csv.csv', line 3, column 2 'air pressure': expected a decimal "
               "number, found 'abc'");
    expect_bad("x\n0x10\n", "found '0x10'");
    expect_bad("x\n1,5\n", "line 2: the row has more cells than the 1 columns");
    expect_bad("x\n1 2\n", "found '1 2'");
    expect_bad("x\n1.5.\n", "found '1.5.'");
    expect_bad("x\n1e\n", "found '1e'");
    expect_bad("x\nnan(1)\n", "found 'nan(1)'");
    expect_bad("x\na\x01\xC3\n", "found 'a\\x01\\xc3'");
    expect_bad("x,y\n\"1\",\"a\nb\"\n", "line 2, column 2 'y': expected a decimal number");
    expect_bad("x,\"y\nz\"\n\n1,2\n\n3,q\n", "line 6, column 2"); /* lines inside quotes count */
    /* A long cell is cut, and the message still ends well. */
    char text[400] = "x\n";
    memset(text + 2, 'a', 300);
    expect_bad(text, "found 'aaaaaaaa");
}

static void numbers_beyond_the_range_are_errors(void **state) {
    (void)state;
    expect_bad("x\n1e400\n", "line 2, column 1 'x': the number is beyond the range of f64");
    expect_failure(tg_read_csv(file_with("x\n-1e39\n"), TG_F32, NULL), TG_ERR_FORMAT,
                   "beyond the range of f32; read the file as f64");
    expect_failure(tg_read_csv(file_with("x\n1e400\n"), TG_F32, NULL), TG_ERR_FORMAT,
                   "beyond the range of f64");
    tg_tensor *x = tg_read_csv(file_with("x\ninf\n3.4028235e38\n"), TG_F32, NULL);
    assert_non_null(x);
    assert_true(isinf(((const float *)tg_data(x))[0]));
    tg_release(x);
}

static void missing_values(void **state) {
    (void)state;
    expect_bad("x,y\n1,\n", "line 2, column 2 'y': the value is missing");
    expect_bad("x,y\n ,1\n", "line 2, column 1 'x': the value is missing");
    expect_bad("x\n\"\"\n", "the value is missing");
    expect_bad("x\n1\n\" \"\n", "line 3, column 1 'x': the value is missing");
    tg_csv_options o = TG_CSV_OPTIONS_INIT;
    o.missing_as_nan = true;
    expect_values(tg_read_csv(file_with("x,y\n1,\n\t,\"\"\n,4\n"), TG_F64, &o), 3, 2,
                  VALUES(1, NAN, NAN, NAN, NAN, 4));
    expect_failure(tg_read_csv(file_with("x\nNA\n"), TG_F64, &o), TG_ERR_FORMAT, "found 'NA'");
}

static void rows_of_another_length_are_errors(void **state) {
    (void)state;
    expect_bad("x,y\n1,2\n3\n", "line 3: the row has 1 cells, expected 2");
    expect_bad("x,y\n1,2,3\n", "line 2: the row has more cells than the 2 columns");
    expect_bad("x,y\n1,2,\n", "line 2: the row has more cells");
    expect_bad("x,y,z\n1,2\n", "line 2: the row has 2 cells, expected 3");
}

/* Numbers do not follow the locale. A German locale is built if the system has none. */
static void decimal_points_in_every_locale(void **state) {
    (void)state;
    if (setlocale(LC_ALL, "de_DE.UTF-8") == NULL) {
        char here[1024];
        assert_non_null(getcwd(here, sizeof here));
        int made = system("localedef -i de_DE -f UTF-8 ./de_DE.UTF-8 >/dev/null 2>&1");
        assert_int_equal(setenv("LOCPATH", here, 1), 0);
        if (made == -1 || setlocale(LC_ALL, "de_DE.UTF-8") == NULL) {
            tg_skip("no German locale here, and localedef cannot make one");
        }
    }
    assert_string_equal(localeconv()->decimal_point, ",");
    expect_values(tg_read_csv(file_with("x,y\n1.5e3,-0.25\n"), TG_F64, NULL), 1, 2,
                  VALUES(1500, -0.25));
    expect_bad("x\n\"1,5\"\n", "found '1,5'");
    assert_non_null(setlocale(LC_ALL, "C"));
}

/* ---- Options --------------------------------------------------------------------------------- */

static void chosen_columns_in_the_order_given(void **state) {
    (void)state;
    const char *text =
        "name,x,y,note\n\"a \"\"quoted\"\", one\",1,2,\"two\nlines\"\nb,3,4,\n,5,6,x y\n";
    const char *const names[] = {"y", "x", "y"};
    tg_csv_options o = TG_CSV_OPTIONS_INIT;
    o.columns = names;
    o.n_columns = 3;
    expect_values(tg_read_csv(file_with(text), TG_F64, &o), 3, 3,
                  VALUES(2, 1, 2, 4, 3, 4, 6, 5, 6));
    o.n_columns = 1;
    expect_values(tg_read_csv(PATH, TG_F64, &o), 3, 1, VALUES(2, 4, 6));

    const char *const unknown[] = {"x", "z"};
    o.columns = unknown;
    o.n_columns = 2;
    expect_failure(tg_read_csv(PATH, TG_F64, &o), TG_ERR_ARG,
                   "no column is called 'z'; the header has 4 names, first 'name'");
    const char *const twice[] = {"x"};
    o.columns = twice;
    o.n_columns = 1;
    expect_failure(tg_read_csv(file_with("x,y,x\n1,2,3\n"), TG_F64, &o), TG_ERR_ARG,
                   "columns 1 and 3 are both called 'x'");
    expect_values(tg_read_csv(PATH, TG_F64, NULL), 1, 3, VALUES(1, 2, 3));
}

static void without_a_header_columns_have_numbers(void **state) {
    (void)state;
    const char *const names[] = {"2", "0"};
    tg_csv_options o = TG_CSV_OPTIONS_INIT;
    o.no_header = true;
    expect_values(tg_read_csv(file_with("1,2\n3,4\n"), TG_F64, &o), 2, 2, VALUES(1, 2, 3, 4));
    o.columns = names;
    o.n_columns = 2;
    expect_values(tg_read_csv(file_with("1,text,2\n3,,4"), TG_F64, &o), 2, 2, VALUES(2, 1, 4, 3));
    const char *const wrong[] = {"3", "x", "01", "", "-1", "99999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        o.columns = &wrong[i];
        o.n_columns = 1;
        expect_failure(tg_read_csv(PATH, TG_F64, &o), TG_ERR_ARG,
                       "without a header they are called 0 to 2");
    }
    o.columns = NULL;
    o.n_columns = 0;
    expect_failure(tg_read_csv(PATH, TG_F64, &o), TG_ERR_FORMAT, "line 1, column 2: expected");
}

static void at_most_max_rows(void **state) {
    (void)state;
    tg_csv_options o = TG_CSV_OPTIONS_INIT;
    o.max_rows = 2;
    expect_values(tg_read_csv(file_with("x\n1\n2\nwhat follows is not looked at\""), TG_F64, &o), 2,
                  1, VALUES(1, 2));
    expect_values(tg_read_csv(file_with("x\n1\n"), TG_F64, &o), 1, 1, VALUES(1));
    o.no_header = true;
    o.max_rows = 1;
    expect_values(tg_read_csv(file_with("1\n2\n"), TG_F64, &o), 1, 1, VALUES(1));
    o.max_rows = -1;
    expect_failure(tg_read_csv(PATH, TG_F64, &o), TG_ERR_ARG, "max_rows is -1");
}

static void separators(void **state) {
    (void)state;
    tg_csv_options o = TG_CSV_OPTIONS_INIT;
    o.separator = ';';
    expect_values(tg_read_csv(file_with("a,b;c\n1;2\n"), TG_F64, &o), 1, 2, VALUES(1, 2));
    o.separator = '\t';
    expect_values(tg_read_csv(file_with("a\tb\n 1 \t2\n"), TG_F64, &o), 1, 2, VALUES(1, 2));
    o.separator = ' ';
    expect_values(tg_read_csv(file_with("a b\n1 2\n"), TG_F64, &o), 1, 2, VALUES(1, 2));
    o.separator = '\0'; /* a struct begun without the initialiser */
    expect_values(tg_read_csv(file_with("a,b\n1,2\n"), TG_F64, &o), 1, 2, VALUES(1, 2));
    const char bad[] = {'"', '\n', '\r', '.', '-', '+', '7', 'e', (char)0xC3, 0x01, 0x7F};
    for (size_t i = 0; i < sizeof bad; i++) {
        o.separator = bad[i];
        expect_failure(tg_read_csv(PATH, TG_F64, &o), TG_ERR_ARG, "the separator is byte 0x");
    }
}

static void bad_arguments(void **state) {
    (void)state;
    file_with("x\n1\n");
    expect_failure(tg_read_csv(NULL, TG_F64, NULL), TG_ERR_ARG, "argument path is NULL");
    expect_failure(tg_read_csv(PATH, TG_I64, NULL), TG_ERR_DTYPE, "dtype i64; expected f32 or f64");
    expect_failure(tg_read_csv(PATH, (tg_dtype)99, NULL), TG_ERR_DTYPE, "expected f32 or f64");
    const char *const names[] = {"x", NULL};
    tg_csv_options o = TG_CSV_OPTIONS_INIT;
    o.columns = names;
    expect_failure(tg_read_csv(PATH, TG_F64, &o), TG_ERR_ARG,
                   "columns is not NULL and n_columns 0");
    o.n_columns = -1;
    expect_failure(tg_read_csv(PATH, TG_F64, &o), TG_ERR_ARG, "n_columns -1");
    o.n_columns = 2;
    expect_failure(tg_read_csv(PATH, TG_F64, &o), TG_ERR_ARG, "columns[1] is NULL");
    o.columns = NULL;
    expect_failure(tg_read_csv(PATH, TG_F64, &o), TG_ERR_ARG, "columns is NULL and n_columns 2");
    o = (tg_csv_options)TG_CSV_OPTIONS_INIT;
    o.size = 0;
    expect_failure(tg_read_csv(PATH, TG_F64, &o), TG_ERR_ARG, "begin with TG_CSV_OPTIONS_INIT");
}

static void files_that_cannot_be_read(void **state) {
    (void)state;
    expect_failure(tg_read_csv("no/such/file.csv", TG_F64, NULL), TG_ERR_IO,
                   "cannot open 'no/such/file.csv': No such file or directory");
    expect_failure(tg_read_csv("", TG_F64, NULL), TG_ERR_IO, "cannot open ''");
    expect_failure(tg_read_csv(".", TG_F64, NULL), TG_ERR_IO, "cannot read '.': Is a directory");
    char name[600];
    memset(name, 'n', sizeof name - 1);
    memcpy(name + sizeof name - 9, "last.csv", 9);
    expect_failure(tg_read_csv(name, TG_F64, NULL), TG_ERR_IO, "nlast.csv': File name too long");
}

/* ---- Failures -------------------------------------------------------------------------------- */

static bool always(void *calls) {
    ++*(int *)calls;
    return true;
}

static void an_interrupt_stops_the_reader(void **state) {
    (void)state;
    int calls = 0;
    file_with("x\n1\n");
    uint64_t before = bytes_in_use();
    tg_set_interrupt_check(always, &calls);
    usleep(60000); /* the check is polled 20 times a second at most */
    tg_tensor *x = tg_read_csv(PATH, TG_F64, NULL);
    tg_set_interrupt_check(NULL, NULL);
    expect_failure(x, TG_ERR_INTERRUPTED, "interrupted in line 1 of 'test_csv.csv'");
    assert_int_equal(calls, 1);
    assert_int_equal(bytes_in_use(), before);
    expect_values(tg_read_csv(PATH, TG_F64, NULL), 1, 1, VALUES(1));
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    const char *text = "a,\"b\",c\n1,\"2\",x\n3,4,\"y\"\n";
    const char *const names[] = {"b", "a"};
    tg_csv_options o = TG_CSV_OPTIONS_INIT;
    o.columns = names;
    o.n_columns = 2;
    expect_values(tg_read_csv(file_with(text), TG_F64, &o), 2, 2, VALUES(2, 1, 4, 3));
    uint64_t before = bytes_in_use();
    for (int persistent = 0; persistent < 2; persistent++) {
        bool failed = true;
        for (uint64_t n = 1; failed; n++) {
            tg__alloc_fail_at(n, persistent != 0);
            tg_tensor *x = tg_read_csv(PATH, TG_F64, &o);
            tg__alloc_fail_at(0, false);
            failed = x == NULL;
            if (failed) {
                assert_int_equal(tg_error_status(), TG_ERR_MEMORY);
                tg_error_clear();
                assert_int_equal(tg_live_tensors(), 0);
            } else {
                assert_true(n > 6); /* buffer, texts, columns, block, tensor */
                tg_release(x);
            }
            assert_int_equal(bytes_in_use(), before);
            expect_values(tg_read_csv(PATH, TG_F64, &o), 2, 2, VALUES(2, 1, 4, 3));
        }
    }
}

static void in_a_scope_the_tensor_is_the_scopes(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    assert_non_null(tg_read_csv(file_with("x\n1\n"), TG_F64, NULL));
    assert_null(tg_read_csv("none.csv", TG_F64, NULL));
    assert_int_equal(tg_scope_close(s), TG_ERR_IO);
    assert_int_equal(tg_live_tensors(), 0);
    tg_error_clear();
}

static char last_line[300];
static void take_line(tg_log_level level, const char *message, void *ctx) {
    (void)ctx;
    if (level == TG_LOG_WARN)
        snprintf(last_line, sizeof last_line, "%s", message);
}

static void a_header_of_numbers_is_logged(void **state) {
    (void)state;
    tg_set_log_hook(take_line, NULL);
    last_line[0] = '\0';
    expect_values(tg_read_csv(file_with("x,2\n1,2\n"), TG_F64, NULL), 1, 2, VALUES(1, 2));
    assert_string_equal(last_line, "");
    expect_values(tg_read_csv(file_with("1,2\n3,4\n"), TG_F64, NULL), 1, 2, VALUES(3, 4));
    tg_set_log_hook(NULL, NULL);
    assert_contains(last_line, "the header holds numbers only; if it is data, set no_header");
}

TG_TEST_MAIN(cmocka_unit_test(reads_rows_in_order), cmocka_unit_test(ends_of_lines_and_of_the_file),
             cmocka_unit_test(header_only_gives_no_rows), cmocka_unit_test(empty_files_are_errors),
             cmocka_unit_test(quotes), cmocka_unit_test(byte_order_marks),
             cmocka_unit_test(zero_bytes_are_errors), cmocka_unit_test(numbers),
             cmocka_unit_test(what_is_no_number_is_named),
             cmocka_unit_test(numbers_beyond_the_range_are_errors),
             cmocka_unit_test(missing_values), cmocka_unit_test(rows_of_another_length_are_errors),
             cmocka_unit_test(decimal_points_in_every_locale),
             cmocka_unit_test(chosen_columns_in_the_order_given),
             cmocka_unit_test(without_a_header_columns_have_numbers),
             cmocka_unit_test(at_most_max_rows), cmocka_unit_test(separators),
             cmocka_unit_test(bad_arguments), cmocka_unit_test(files_that_cannot_be_read),
             cmocka_unit_test(an_interrupt_stops_the_reader),
             cmocka_unit_test(every_allocation_may_fail),
             cmocka_unit_test(in_a_scope_the_tensor_is_the_scopes),
             cmocka_unit_test(a_header_of_numbers_is_logged))
