/* test_csv_bulk.c - the CSV reader on large files, pipes and random bytes. */
#include "tg_test.h"

#include "base/number.h"

#include <tensorgrad/data.h>
#include <tensorgrad/scope.h>

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH "test_csv_bulk.csv"

static const char *file_of(const void *bytes, size_t n) {
    unlink(PATH); /* some file systems wait for the disk where an old file is cut to nothing */
    FILE *f = fopen(PATH, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    return PATH;
}

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

static uint64_t bytes_in_use(void) {
    tg_memory_stats_t stats = TG_MEMORY_STATS_INIT;
    assert_ok(tg_memory_stats(&stats));
    return stats.bytes_in_use;
}

/* ---- Size ------------------------------------------------------------------------------------ */

/* Cells of all lengths cross every boundary of the buffer. */
static void long_files(void **state) {
    (void)state;
    enum { ROWS = 100000 };
    FILE *f = fopen(PATH, "wb");
    assert_non_null(f);
    fputs("i,\"half, negative\",text\n", f);
    for (int i = 0; i < ROWS; i++)
        fprintf(f, "%d,\"-%d.%d\",%.*s\n", i, i / 2, i % 2 * 5, i % 40,
                "some text that is skipped and more of it");
    assert_int_equal(fclose(f), 0);
    const char *const names[] = {"half, negative", "i"};
    tg_csv_options o = TG_CSV_OPTIONS_INIT;
    o.columns = names;
    o.n_columns = 2;
    tg_tensor *x = tg_read_csv(PATH, TG_F64, &o);
    assert_non_null(x);
    assert_int_equal(tg_shape(x)[0], ROWS);
    const double *d = tg_data(x);
    for (int i = 0; i < ROWS; i++)
        if (d[2 * i] != -0.5 * i || d[2 * i + 1] != i)
            fail_msg("row %d is %g, %g", i, d[2 * i], d[2 * i + 1]);
    tg_release(x);
}

static void wide_rows(void **state) {
    (void)state;
    enum { COLUMNS = 200000 };
    FILE *f = fopen(PATH, "wb");
    assert_non_null(f);
    for (int row = 0; row < 3; row++)
        for (int i = 0; i < COLUMNS; i++)
            fprintf(f, row == 0 ? "c%d%c" : "%d%c", i, i + 1 < COLUMNS ? ',' : '\n');
    assert_int_equal(fclose(f), 0);
    tg_tensor *x = tg_read_csv(PATH, TG_F32, NULL);
    assert_non_null(x);
    assert_int_equal(tg_shape(x)[0], 2);
    assert_int_equal(tg_shape(x)[1], COLUMNS);
    const float *d = tg_data(x);
    for (int i = 0; i < 2 * COLUMNS; i++)
        assert_true(d[i] == (float)(i % COLUMNS));
    tg_release(x);
}

/* An open quote, or a file that is no text, does not fill the memory. */
static void endless_cells_are_errors(void **state) {
    (void)state;
    size_t n = 3 << 20;
    char *text = malloc(n);
    assert_non_null(text);
    memset(text, '1', n);
    memcpy(text, "x,y\n\"", 5);
    expect_failure(tg_read_csv(file_of(text, n), TG_F64, NULL), TG_ERR_FORMAT,
                   "line 2, column 1 'x': the cell is longer than 1 MiB; is its quote closed?");
    text[4] = '1';
    expect_failure(tg_read_csv(file_of(text, n), TG_F64, NULL), TG_ERR_FORMAT,
                   "the cell is longer than 1 MiB; is this a text file?");
    free(text);
}

static void *write_slowly(void *path) {
    FILE *f = fopen(path, "wb");
    if (f == NULL)
        return NULL;
    for (const char *p = "x,y\r\n1,2\n\"3\",4"; *p != '\0'; p++) {
        fputc(*p, f);
        fflush(f);
    }
    fclose(f);
    return path;
}

static void pipes_deliver_pieces(void **state) {
    (void)state;
    char fifo[] = "test_csv_bulk.fifo";
    unlink(fifo);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    pthread_t writer;
    assert_int_equal(pthread_create(&writer, NULL, write_slowly, fifo), 0);
    expect_values(tg_read_csv(fifo, TG_F64, NULL), 2, 2, VALUES(1, 2, 3, 4));
    void *wrote;
    assert_int_equal(pthread_join(writer, &wrote), 0);
    assert_non_null(wrote);
    unlink(fifo);
}

/* ---- Random tables --------------------------------------------------------------------------- */

static uint32_t random_state = 12345;
static uint32_t rnd(uint32_t below) {
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % below;
}

/* Whatever way a table is written, the same bits come back. */
static void random_tables_round_trip(void **state) {
    (void)state;
    for (int round = 0; round < 300; round++) {
        int rows = 1 + (int)rnd(30), columns = 1 + (int)rnd(6);
        double values[200];
        unlink(PATH);
        FILE *f = fopen(PATH, "wb");
        assert_non_null(f);
        for (int c = 0; c < columns; c++)
            fprintf(f, "c%d%s", c, c + 1 < columns ? "," : "\n");
        for (int i = 0; i < rows * columns; i++) {
            uint64_t bits =
                (uint64_t)rnd(1 << 24) << 40 | (uint64_t)rnd(1 << 24) << 20 | rnd(1 << 20);
            memcpy(&values[i], &bits, sizeof bits);
            if (!isfinite(values[i]))
                values[i] = (double)rnd(1000) / 7;
            char text[32];
            tg__format_double(text, values[i], rnd(2) == 0 ? 0 : 17);
            const char *const quote = rnd(3) == 0 ? "\"" : "";
            fprintf(f, "%.*s%s%s%s%.*s%s", (int)rnd(3), "  ", quote, text, quote, (int)rnd(2), "\t",
                    (i + 1) % columns != 0 ? ","
                    : rnd(2) == 0          ? "\r\n"
                                           : "\n");
        }
        assert_int_equal(fclose(f), 0);
        expect_values(tg_read_csv(PATH, TG_F64, NULL), rows, columns, values);
    }
}

/* No bytes make it crash, leak or fail without a reason. */
static void random_bytes(void **state) {
    (void)state;
    static const char alphabet[] = "\"\"\"\n\n\r\r\n,,,;  \t10.-e5ax\0\xEF\xBB\xBF\xFF";
    uint64_t before = bytes_in_use();
    int good = 0;
    for (int round = 0; round < 5000; round++) {
        char bytes[64];
        size_t n = rnd(sizeof bytes);
        for (size_t i = 0; i < n; i++)
            bytes[i] = alphabet[rnd(round % 2 == 0 ? 16 : sizeof alphabet - 1)];
        tg_csv_options o = TG_CSV_OPTIONS_INIT;
        o.no_header = rnd(2);
        o.missing_as_nan = rnd(2);
        tg_tensor *x = tg_read_csv(file_of(bytes, n), TG_F64, &o);
        if (x == NULL) {
            assert_int_equal(tg_error_status(), TG_ERR_FORMAT);
            assert_true(strlen(tg_error_message()) > 20);
            tg_error_clear();
        } else {
            good++;
            tg_release(x);
        }
        assert_int_equal(bytes_in_use(), before);
    }
    assert_true(good > 100); /* else the bytes are too wild to test anything */
}

TG_TEST_MAIN(cmocka_unit_test(long_files), cmocka_unit_test(wide_rows),
             cmocka_unit_test(endless_cells_are_errors), cmocka_unit_test(pipes_deliver_pieces),
             cmocka_unit_test(random_tables_round_trip), cmocka_unit_test(random_bytes))
