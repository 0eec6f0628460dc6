/* test_curve.c - the loss curve as SVG. */
#include "tg_test.h"

#include "base/alloc.h"

#include <tensorgrad/scope.h>
#include <tensorgrad/train.h>

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH "test_curve.svg"

/* ---- Helpers --------------------------------------------------------------------------------- */

static tg_curve *curve_of(int n, const double *values) {
    tg_curve *c = tg_curve_new("Title", "loss");
    assert_non_null(c);
    for (int i = 0; i < n; i++)
        assert_ok(tg_curve_add(c, i + 1, values[i]));
    return c;
}
#define CURVE(...)                                                                                 \
    curve_of(sizeof((const double[]){__VA_ARGS__}) / sizeof(double), (const double[]){__VA_ARGS__})

/* What is in the file. */
static const char *content(void) {
    static char text[400000];
    FILE *f = fopen(PATH, "rb");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    assert_int_equal(fclose(f), 0);
    text[n] = '\0';
    assert_int_equal(strlen(text), n);
    return text;
}

/* Every opening tag is closed, in order; no bare & or < in text. */
static void expect_well_formed(const char *text) {
    const char *open[32];
    size_t length[32];
    int depth = 0;
    assert_memory_equal(text, "<svg xmlns=\"http://www.w3.org/2000/svg\" ", 40);
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '&')
            assert_true(strncmp(p, "&amp;", 5) == 0 || strncmp(p, "&lt;", 4) == 0 ||
                        strncmp(p, "&gt;", 4) == 0 || strncmp(p, "&quot;", 6) == 0);
        if (*p != '<')
            continue;
        const char *end = strchr(p, '>');
        assert_non_null(end);
        if (p[1] == '/') {
            assert_true(depth > 0);
            depth--;
            assert_int_equal(length[depth], end - p - 2);
            assert_memory_equal(p + 2, open[depth], length[depth]);
        } else if (end[-1] != '/') {
            assert_true(depth < 32);
            open[depth] = p + 1;
            length[depth++] = strcspn(p + 1, " >");
        }
        p = end;
    }
    assert_int_equal(depth, 0);
}

static const char *draw(tg_curve *c) {
    assert_ok(tg_curve_write_svg(c, PATH));
    tg_curve_free(c);
    const char *text = content();
    expect_well_formed(text);
    return text;
}

/* The points of the line; every one lies inside the plot. */
static int points(const char *text, double (*xy)[2], int cap) {
    const char *p = strstr(text, "points=\"");
    assert_non_null(p);
    p += 8;
    int n = 0;
    while (*p != '"') {
        char *end;
        double x = strtod(p, &end);
        assert_int_equal(*end, ',');
        double y = strtod(end + 1, &end);
        assert_int_equal(*end, ' ');
        p = end + 1;
        assert_true(x >= 84 && x <= 700 && y >= 48 && y <= 360);
        assert_true(n < cap);
        xy[n][0] = x;
        xy[n++][1] = y;
    }
    return n;
}

static bool is_logarithmic(const char *text) { return strstr(text, "class=\"f\"") != NULL; }

/* ---- What is drawn --------------------------------------------------------------------------- */

static void values_fall_where_they_should(void **state) {
    (void)state;
    double xy[4][2];
    const char *text = draw(CURVE(10, 20, 40, 10));
    assert_int_equal(points(text, xy, 4), 4);
    assert_close(xy[0][0], 84, 0, 0.01);
    assert_close(xy[3][0], 700, 0, 0.01);
    assert_close(xy[1][0], 84 + 616 / 3.0, 0, 0.01);
    assert_close(xy[0][1], xy[3][1], 0, 0);
    /* 5 % of margin at both ends: 10..40 fills 10/11 of the height */
    assert_close(xy[0][1] - xy[2][1], 312 * 10 / 11.0, 0, 0.02);
    assert_close((xy[0][1] - xy[1][1]) / (xy[0][1] - xy[2][1]), 1 / 3.0, 0, 0.001);
    assert_contains(text, ">Title</text>");
    assert_contains(text, ">loss</text>");
    assert_contains(text, ">step</text>");
    assert_contains(text, ">4 values; last 10 at step 4; lowest 10 at step 1</text>");
    const char *const ticks[] = {">10<", ">20<", ">30<", ">40<", ">1<", ">2<", ">3<", ">4<"};
    for (size_t i = 0; i < sizeof ticks / sizeof *ticks; i++)
        assert_contains(text, ticks[i]);
    assert_false(is_logarithmic(text));
}

static void the_same_curve_gives_the_same_bytes(void **state) {
    (void)state;
    char *first = strdup(draw(CURVE(3, 2, 1.5)));
    assert_non_null(first);
    assert_string_equal(first, draw(CURVE(3, 2, 1.5)));
    free(first);
}

static void a_wide_span_is_drawn_logarithmically(void **state) {
    (void)state;
    double xy[4][2];
    const char *text = draw(CURVE(1000, 100, 10, 1));
    assert_true(is_logarithmic(text));
    assert_int_equal(points(text, xy, 4), 4);
    assert_close(xy[1][1] - xy[0][1], xy[3][1] - xy[2][1], 0, 0.02);
    assert_contains(text, ">1000<");
    assert_contains(text, ">100<");
    assert_contains(text, ">1<");
    assert_false(is_logarithmic(draw(CURVE(100, 1))));      /* two decades and no more */
    assert_false(is_logarithmic(draw(CURVE(1000, 1, 0))));  /* no logarithm */
    assert_false(is_logarithmic(draw(CURVE(1000, 1, -1)))); /* no logarithm */
    text = draw(CURVE(1e-3, 1e-6, 2e-7));
    assert_contains(text, ">0.001<");
    assert_contains(text, ">1e-6<");
    text = draw(CURVE(1e300, 5e-324)); /* many decades: some are left out */
    assert_contains(text, ">1e-200<");
    int labels = 0;
    for (const char *p = text; (p = strstr(p, ">1e")) != NULL; p++)
        labels++;
    assert_in_range(labels, 6, 12);
}

/* Labels tell neighbours apart, whatever the range. */
static void ticks_have_distinct_labels(void **state) {
    (void)state;
    const double ranges[][2] = {
        {0, 1},         {-1, 1},          {0.9999, 1.0001}, {1e6, 1e6 + 1},
        {1e15, 3e15},   {-5e-9, 3e-8},    {0, 5e-324},      {-1e308, 1e308},
        {1, 1 + 1e-12}, {1e-300, 2e-300}, {123456, 123460}, {7, 7},
        {0, 0},         {-DBL_MAX, 1},    {3, 299},         {1e7, 1e7 + 30}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        const char *text = draw(CURVE(ranges[i][0], ranges[i][1]));
        char labels[40][40];
        int n = 0;
        for (const char *p = text; (p = strstr(p, "text-anchor=\"end\">")) != NULL; n++) {
            p += 18;
            size_t length = strcspn(p, "<");
            assert_true(length > 0 && length < 20 && n < 40);
            memcpy(labels[n], p, length);
            labels[n][length] = '\0';
            for (int k = 0; k < n; k++)
                if (strcmp(labels[k], labels[n]) == 0)
                    fail_msg("range %d: '%s' stands twice", (int)i, labels[n]);
            assert_true(strcmp(labels[n], "-0") != 0);
        }
        if (n < (ranges[i][1] == 5e-324 ? 1 : 3) || n > 14)
            fail_msg("range %d has %d labels", (int)i, n);
    }
}

static void one_value_is_a_dot(void **state) {
    (void)state;
    const char *text = draw(CURVE(0.5));
    assert_contains(text, "<circle class=\"d\" cx=\"392.0\" cy=\"204.0\" r=\"3\"/>");
    assert_contains(text, "1 value; last 0.5 at step 1");
}

static void no_values_are_drawn_too(void **state) {
    (void)state;
    tg_curve *c = tg_curve_new("", "");
    assert_int_equal(tg_curve_count(c), 0);
    assert_contains(draw(c), ">0 values</text>");
    assert_contains(draw(CURVE(NAN)), ">1 value; 1 is not finite and left out</text>");
}

static void what_is_not_finite_is_left_out_and_counted(void **state) {
    (void)state;
    double xy[4][2];
    tg_curve *c = CURVE(3, NAN, INFINITY, 2, -INFINITY);
    assert_int_equal(tg_curve_count(c), 5);
    const char *text = draw(c);
    assert_int_equal(points(text, xy, 4), 2);
    assert_contains(text, "5 values; last 2 at step 4; lowest 2 at step 4; 3 are not finite");
}

static void steps_may_be_any_that_increase(void **state) {
    (void)state;
    double xy[8][2];
    tg_curve *c = tg_curve_new("", "");
    const int64_t steps[] = {INT64_MIN, -1, 0, 1000000, INT64_MAX};
    for (int i = 0; i < 5; i++)
        assert_ok(tg_curve_add(c, steps[i], i));
    assert_int_equal(points(draw(c), xy, 8), 4); /* 0 shares its column with its neighbours */
    c = tg_curve_new("", "");                    /* doubles cannot tell these apart */
    assert_ok(tg_curve_add(c, INT64_MAX - 1, 1));
    assert_ok(tg_curve_add(c, INT64_MAX, 2));
    assert_int_equal(points(draw(c), xy, 8), 2);
    c = tg_curve_new("", "");
    assert_ok(tg_curve_add(c, 1000000, 1));
    assert_ok(tg_curve_add(c, 5000000, 2));
    const char *text = draw(c);
    assert_contains(text, ">3000000<");
}

static void long_curves_give_small_files(void **state) {
    (void)state;
    enum { N = 1000000 };
    static double xy[4000][2];
    tg_curve *c = tg_curve_new("Long", "loss");
    for (int i = 0; i < N; i++)
        assert_ok(tg_curve_add(c, i, i == 123456 ? 1000 : (i % 7 - 3) * 1.5));
    assert_int_equal(tg_curve_count(c), N);
    const char *text = draw(c);
    assert_true(strlen(text) < 100000);
    int n = points(text, xy, 4000);
    assert_in_range(n, 2000, 617 * 4);
    double top = 1000, x = 0;
    for (int i = 0; i < n; i++) {
        if (i > 0)
            assert_true(xy[i][0] >= xy[i - 1][0]);
        if (xy[i][1] < top) {
            top = xy[i][1];
            x = xy[i][0];
        }
    }
    assert_close(x, 84 + 616 * 123456.0 / (N - 1), 0, 0.01); /* the peak of one step is there */
}

static void few_values_are_all_drawn(void **state) {
    (void)state;
    double values[600], xy[700][2];
    for (int i = 0; i < 600; i++)
        values[i] = i % 3;
    assert_int_equal(points(draw(curve_of(600, values)), xy, 700), 600);
}

static void texts_cannot_break_the_file(void **state) {
    (void)state;
    tg_curve *c =
        tg_curve_new("a<b> & \"c\"\n\x01 \xC3\xA9 \xFF \xED\xA0\x80 \xE2\x82", "\xF0\x9F\x93\x88<");
    assert_ok(tg_curve_add(c, 1, 1));
    const char *text = draw(c);
    assert_contains(text, ">a&lt;b&gt; &amp; &quot;c&quot;\xEF\xBF\xBD\xEF\xBF\xBD \xC3\xA9 "
                          "\xEF\xBF\xBD \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD "
                          "\xEF\xBF\xBD\xEF\xBF\xBD</text>");
    assert_contains(text, ">\xF0\x9F\x93\x88&lt;</text>");
    static char title[100001];
    for (int i = 0; i < 100000; i += 2)
        memcpy(title + i, "\xC3\xA9", 2);
    c = tg_curve_new(title, title);
    assert_true(strlen(draw(c)) < 4000);
    c = tg_curve_new(title + 1, ""); /* cut in front of a character, not inside */
    assert_non_null(c);
    assert_null(strstr(draw(c), "\xC3<"));
}

/* ---- Errors ---------------------------------------------------------------------------------- */

static void bad_arguments(void **state) {
    (void)state;
    assert_null(tg_curve_new(NULL, ""));
    assert_fails(tg_error_status(), TG_ERR_ARG, "curve_new: argument title is NULL");
    assert_null(tg_curve_new("", NULL));
    assert_fails(tg_error_status(), TG_ERR_ARG, "argument label is NULL");
    tg_error_clear();
    assert_fails(tg_curve_add(NULL, 0, 0), TG_ERR_ARG, "curve_add: argument curve is NULL");
    tg_error_clear();
    assert_fails(tg_curve_write_svg(NULL, PATH), TG_ERR_ARG, "curve_write_svg: argument curve is");
    tg_error_clear();
    assert_int_equal(tg_curve_count(NULL), -1);
    tg_curve_free(NULL);
    tg_curve *c = CURVE(1, 2);
    assert_fails(tg_curve_add(c, 2, 3), TG_ERR_ARG, "step 2 after step 2; steps must increase");
    assert_fails(tg_curve_add(c, -5, 3), TG_ERR_ARG, "step -5 after step 2");
    assert_fails(tg_curve_write_svg(c, NULL), TG_ERR_ARG, "argument path is NULL");
    assert_fails(tg_curve_write_svg(c, ""), TG_ERR_ARG, "argument path is empty");
    assert_int_equal(tg_curve_count(c), 2);
    tg_error_clear();
    tg_curve_free(c);
}

static void paths_that_cannot_be_written(void **state) {
    (void)state;
    tg_curve *c = CURVE(1, 2);
    assert_fails(
        tg_curve_write_svg(c, "no/such/dir/curve.svg"), TG_ERR_IO,
        "curve_write_svg: cannot write 'no/such/dir/curve.svg': No such file or directory");
    assert_fails(tg_curve_write_svg(c, "."), TG_ERR_IO, "cannot write '.': Is a directory");
    tg_error_clear();
    struct stat s;
    unlink(PATH);
    assert_int_not_equal(stat(PATH, &s), 0);
    assert_ok(tg_curve_write_svg(c, PATH)); /* the curve is as it was */
    assert_int_equal(stat(PATH, &s), 0);
    tg_curve_free(c);
}

static void in_a_shut_scope_nothing_is_written(void **state) {
    (void)state;
    tg_curve *c = CURVE(1, 2);
    unlink(PATH);
    tg_scope s = tg_scope_open();
    assert_int_equal(tg_curve_add(c, 0, 1), TG_ERR_ARG); /* shuts the scope */
    assert_int_equal(tg_curve_add(c, 9, 1), TG_ERR_ARG);
    assert_int_equal(tg_curve_write_svg(c, PATH), TG_ERR_ARG);
    assert_fails(tg_scope_close(s), TG_ERR_ARG, "step 0 after step 2");
    assert_int_equal(tg_curve_count(c), 2);
    assert_int_not_equal(access(PATH, F_OK), 0);
    assert_ok(tg_curve_add(c, 9, 1));
    tg_curve_free(c);
    tg_error_clear();
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    char *expected = strdup(draw(CURVE(3, 2, 1)));
    assert_non_null(expected);
    for (int persistent = 0; persistent < 2; persistent++) {
        bool failed = true;
        int failures = 0;
        for (uint64_t n = 1; failed; n++) {
            unlink(PATH);
            tg__alloc_fail_at(n, persistent != 0);
            tg_curve *c = tg_curve_new("Title", "loss");
            for (int i = 1; i <= 3 && c != NULL; i++) {
                tg_status status = tg_curve_add(c, i, 4 - i);
                if (status != TG_OK) { /* try again: nothing has changed */
                    failures++;
                    tg__alloc_fail_at(0, false);
                    assert_int_equal(status, TG_ERR_MEMORY);
                    assert_ok(tg_curve_add(c, i, 4 - i));
                }
            }
            tg_status status = c != NULL ? tg_curve_write_svg(c, PATH) : TG_ERR_MEMORY;
            failed = tg__alloc_fail_at(0, false) >= n || c == NULL || status != TG_OK;
            failures += status != TG_OK;
            if (c != NULL && status != TG_OK) {
                assert_int_equal(status, TG_ERR_MEMORY);
                assert_int_not_equal(access(PATH, F_OK), 0);
                assert_ok(tg_curve_write_svg(c, PATH));
            }
            if (c != NULL)
                assert_string_equal(content(), expected);
            tg_curve_free(c);
            tg_error_clear();
        }
        assert_true(failures >= 4); /* curve, points, text, path */
    }
    free(expected);
}

TG_TEST_MAIN(cmocka_unit_test(values_fall_where_they_should),
             cmocka_unit_test(the_same_curve_gives_the_same_bytes),
             cmocka_unit_test(a_wide_span_is_drawn_logarithmically),
             cmocka_unit_test(ticks_have_distinct_labels), cmocka_unit_test(one_value_is_a_dot),
             cmocka_unit_test(no_values_are_drawn_too),
             cmocka_unit_test(what_is_not_finite_is_left_out_and_counted),
             cmocka_unit_test(steps_may_be_any_that_increase),
             cmocka_unit_test(long_curves_give_small_files),
             cmocka_unit_test(few_values_are_all_drawn),
             cmocka_unit_test(texts_cannot_break_the_file), cmocka_unit_test(bad_arguments),
             cmocka_unit_test(paths_that_cannot_be_written),
             cmocka_unit_test(in_a_shut_scope_nothing_is_written),
             cmocka_unit_test(every_allocation_may_fail))
