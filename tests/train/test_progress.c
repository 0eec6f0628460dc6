/* test_progress.c - the progress bar, on a pseudo-terminal and on a file. */
#include "tg_test.h"

#include "base/alloc.h"
#include "base/env.h"

#include <tensorgrad/train.h>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* ---- A terminal and a clock ------------------------------------------------------------------ */

static double now;
static double read_clock(void *ctx) { return *(double *)ctx; }

typedef struct {
    int master;
    FILE *file; /* the program's side */
} terminal;

static void resize(const terminal *t, unsigned short columns) {
    assert_int_equal(ioctl(t->master, TIOCSWINSZ, &(struct winsize){24, columns, 0, 0}), 0);
}

static terminal terminal_open(unsigned short columns) {
    terminal t = {posix_openpt(O_RDWR | O_NOCTTY), NULL};
    if (t.master < 0 || grantpt(t.master) != 0 || unlockpt(t.master) != 0)
        tg_skip("no pseudo-terminals here");
    int slave = open(ptsname(t.master), O_RDWR | O_NOCTTY);
    assert_true(slave >= 0 && isatty(slave));
    struct termios mode;
    assert_int_equal(tcgetattr(slave, &mode), 0);
    cfmakeraw(&mode);
    assert_int_equal(tcsetattr(slave, TCSANOW, &mode), 0);
    assert_int_equal(fcntl(t.master, F_SETFL, O_NONBLOCK), 0);
    t.file = fdopen(slave, "w");
    assert_non_null(t.file);
    resize(&t, columns);
    return t;
}

static void terminal_close(terminal *t) {
    fclose(t->file);
    close(t->master);
}

/* What was written since the last call. */
static const char *written(const terminal *t) {
    static char text[65536];
    size_t n = 0;
    ssize_t got;
    while (n < sizeof text - 1 && (got = read(t->master, text + n, sizeof text - 1 - n)) > 0)
        n += (size_t)got;
    text[n] = '\0';
    return text;
}

/* The line that a terminal shows after this text, without blanks at its end; counts the line feeds.
 */
static const char *shown(const char *text, int *feeds) {
    static char line[4096];
    size_t at = 0, length = 0;
    *feeds = 0;
    for (; *text != '\0'; text++) {
        if (*text == '\r') {
            at = 0;
        } else if (*text == '\n') {
            ++*feeds;
        } else {
            assert_true(at < sizeof line - 1);
            line[at++] = *text;
            length = at > length ? at : length;
        }
    }
    while (length > 0 && line[length - 1] == ' ')
        length--;
    line[length] = '\0';
    return line;
}

static int count(const char *text, char c) {
    int n = 0;
    for (; *text != '\0'; text++)
        n += *text == c;
    return n;
}

static tg_progress *progress_on(FILE *file, const char *label, int64_t total, int width) {
    tg_progress_options o = TG_PROGRESS_OPTIONS_INIT;
    o.file = file;
    o.width = width;
    o.clock = read_clock;
    o.clock_ctx = &now;
    now = 100;
    tg_progress *p = tg_progress_new(label, total, &o);
    assert_non_null(p);
    return p;
}

static void expect_line(const terminal *t, const char *expected) {
    int feeds;
    assert_string_equal(shown(written(t), &feeds), expected);
    assert_int_equal(feeds, 0);
}

/* ---- On a terminal --------------------------------------------------------------------------- */

static void a_terminal_shows_where_the_loop_is(void **state) {
    (void)state;
    terminal t = terminal_open(80);
    tg_progress *p = progress_on(t.file, "fit", 200, 0);
    expect_line(&t, "");
    tg_progress_update(p, 0, NAN);
    expect_line(&t, "fit   0% [>                      ]   0/200  0:00 elapsed, ?:?? left  nan");
    now += 12.2;
    tg_progress_update(p, 84, 0.123456789);
    expect_line(&t,
                "fit  42% [=========>             ]  84/200  0:12 elapsed, 0:17 left  0.123457");
    now += 3600;
    tg_progress_update(p, 100, -1e-7);
    expect_line(&t, "fit  50% [========>        ] 100/200  1:00:12 elapsed, 1:00:12 left  -1e-07");
    now += 1e6;
    tg_progress_update(p, 100, 1);
    expect_line(&t, "fit  50% [===========>           ] 100/200  >99h elapsed, >99h left  1");
    tg_progress_update(p, 200, 0.5);
    expect_line(&t, "fit 100% [=======================] 200/200  >99h elapsed, 0:00 left  0.5");
    tg_progress_free(p);
    assert_string_equal(written(&t), "\n");
    terminal_close(&t);
}

static void it_is_redrawn_ten_times_a_second_at_most(void **state) {
    (void)state;
    terminal t = terminal_open(80);
    tg_progress *p = progress_on(t.file, "fit", 1000000, 0);
    int draws = 0;
    for (int i = 1; i <= 20000; i++) { /* two seconds */
        now = 100 + 1e-4 * i;
        tg_progress_update(p, i, 1);
        if (i % 1000 == 0)
            draws += count(written(&t), '\r');
    }
    draws += count(written(&t), '\r');
    assert_in_range(draws, 18, 21);
    tg_progress_free(p); /* the state that was not drawn yet comes now */
    int feeds;
    assert_contains(shown(written(&t), &feeds), " 20000/1000000 ");
    assert_int_equal(feeds, 1);
    terminal_close(&t);
}

static void the_end_is_drawn_at_once(void **state) {
    (void)state;
    terminal t = terminal_open(80);
    tg_progress *p = progress_on(t.file, "", 3, 0);
    for (int i = 1; i <= 3; i++)
        tg_progress_update(p, i, i);
    const char *text = written(&t);
    assert_int_equal(count(text, '\r'), 2); /* the first and the last */
    int feeds;
    assert_contains(shown(text, &feeds), "100% [=====");
    tg_progress_update(p, 3, 3);
    tg_progress_update(p, 3, 3);
    assert_string_equal(written(&t), ""); /* and once only */
    tg_progress_free(p);
    terminal_close(&t);
}

static void a_short_line_covers_a_longer_one(void **state) {
    (void)state;
    terminal t = terminal_open(80);
    tg_progress *p = progress_on(t.file, "fit", 10, 12);
    tg_progress_update(p, 1, 0.123456);
    int feeds;
    now += 1;
    tg_progress_update(p, 2, 1);
    assert_string_equal(shown(written(&t), &feeds),
                        "fit  20% [==>         ]  2/10  0:01 elapsed, 0:04 left  1");
    tg_progress_free(p);
    terminal_close(&t);
}

static void no_line_is_longer_than_the_terminal(void **state) {
    (void)state;
    terminal t = terminal_open(80);
    for (unsigned short columns = 1; columns < 130; columns++) {
        tg_progress *p = progress_on(t.file, "learning", 123456, columns % 3 * 20);
        resize(&t, columns);
        now += 5000;
        tg_progress_update(p, 61728, -1.2345678e-100);
        int feeds;
        const char *line = shown(written(&t), &feeds);
        size_t room = columns < 5 ? 4 : columns - 1u;
        if (strlen(line) > room)
            fail_msg("%d columns: '%s'", columns, line);
        assert_contains(line, "50%");
        if (columns > 110)
            assert_contains(line, "learning  50% [");
        if (columns > 74)
            assert_contains(line, " 61728/123456  1:23:20 elapsed, 1:23:20 left  -1.23457e-100");
        if (columns > 30)
            assert_contains(line, "-1.23457e-100");
        tg_progress_free(p);
        written(&t);
    }
    terminal_close(&t);
}

static void the_width_of_the_bar_can_be_set(void **state) {
    (void)state;
    terminal t = terminal_open(100);
    tg_progress *p = progress_on(t.file, "", 4, 4);
    tg_progress_update(p, 3, 2);
    expect_line(&t, " 75% [===>] 3/4  0:00 elapsed, 0:00 left  2");
    tg_progress_free(p);
    terminal_close(&t);
}

static void labels_are_cut_and_made_harmless(void **state) {
    (void)state;
    terminal t = terminal_open(120);
    tg_progress *p = progress_on(t.file, "a\n\x1b[2Jb\r", 4, 4);
    tg_progress_update(p, 4, 2);
    expect_line(&t, "a??[2Jb? 100% [====] 4/4  0:00 elapsed, 0:00 left  2");
    tg_progress_free(p);
    written(&t);
    char label[81] = "", expected[200];
    for (int i = 0; i < 40; i++)
        memcpy(label + 2 * i, "\xC3\xA9", 3); /* two bytes, one column */
    p = progress_on(t.file, label, 4, 4);
    tg_progress_update(p, 4, 2);
    snprintf(expected, sizeof expected, "%.64s 100%% [====] 4/4  0:00 elapsed, 0:00 left  2",
             label);
    expect_line(&t, expected);
    tg_progress_free(p);
    terminal_close(&t);
}

static void a_clock_may_go_astray(void **state) {
    (void)state;
    terminal t = terminal_open(100);
    tg_progress *p = progress_on(t.file, "", 4, 4);
    tg_progress_update(p, 1, 1);
    now = 50; /* set back */
    tg_progress_update(p, 2, 1);
    assert_contains(written(&t), "2/4  0:00 elapsed, 0:00 left  1");
    now = NAN;
    tg_progress_update(p, 3, 1);
    assert_contains(written(&t), "3/4  0:00 elapsed");
    tg_progress_free(p);
    terminal_close(&t);
}

/* ---- Elsewhere ------------------------------------------------------------------------------- */

static const char *content(FILE *f) {
    static char text[4096];
    rewind(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    text[n] = '\0';
    return text;
}

static void a_file_gets_a_line_at_every_tenth(void **state) {
    (void)state;
    FILE *f = tmpfile();
    assert_non_null(f);
    tg_progress *p = progress_on(f, "fit", 1000, 0);
    for (int i = 0; i <= 1000; i++) {
        now = 100 + i;
        tg_progress_update(p, i, 0.25 * i);
    }
    tg_progress_update(p, 1000, 1);
    tg_progress_free(p);
    const char *text = content(f);
    assert_int_equal(count(text, '\n'), 10);
    assert_int_equal(count(text, '\r'), 0);
    assert_memory_equal(text, "fit: 100/1000 (10%)  1:40 elapsed, 15:00 left  25\n", 50);
    assert_contains(text, "\nfit: 1000/1000 (100%)  16:40 elapsed, 0:00 left  250\n");
    fclose(f);
}

static void few_steps_give_few_lines(void **state) {
    (void)state;
    FILE *f = tmpfile();
    assert_non_null(f);
    tg_progress *p = progress_on(f, "", 3, 0);
    for (int i = -5; i <= 5; i++)
        tg_progress_update(p, i, i);
    tg_progress_free(p);
    assert_string_equal(content(f), "1/3 (33%)  0:00 elapsed, 0:00 left  1\n"
                                    "2/3 (66%)  0:00 elapsed, 0:00 left  2\n"
                                    "3/3 (100%)  0:00 elapsed, 0:00 left  3\n");
    fclose(f);
}

static void every_percent_is_exact(void **state) {
    (void)state;
    FILE *f = tmpfile();
    assert_non_null(f);
    tg_progress *p = progress_on(f, "", 100, 0);
    for (int i = 1; i <= 100; i++) {
        tg_progress_update(p, i, 0);
        char line[32];
        snprintf(line, sizeof line, "%d/100 (%d%%)", i, i);
        if (i % 10 == 0)
            assert_contains(content(f), line);
    }
    tg_progress_free(p);
    assert_int_equal(count(content(f), '\n'), 10);
    fclose(f);
}

static void the_default_is_stderr_and_the_real_clock(void **state) {
    (void)state;
    FILE *f = tmpfile();
    assert_non_null(f);
    fflush(stderr);
    int kept = dup(STDERR_FILENO);
    assert_true(kept >= 0 && dup2(fileno(f), STDERR_FILENO) >= 0);
    tg_progress *p = tg_progress_new("fit", 1, NULL);
    tg_progress_update(p, 1, 7);
    tg_progress_free(p);
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    close(kept);
    assert_non_null(p);
    assert_contains(content(f), "fit: 1/1 (100%)  0:0");
    fclose(f);
}

static void the_environment_can_silence_it(void **state) {
    (void)state;
    FILE *f = tmpfile();
    assert_non_null(f);
    terminal t = terminal_open(80);
    assert_int_equal(setenv("TENSORGRAD_PROGRESS", "0", 1), 0);
    tg__env_reset();
    tg_progress *quiet = progress_on(f, "fit", 2, 0), *unseen = progress_on(t.file, "fit", 2, 0);
    assert_int_equal(unsetenv("TENSORGRAD_PROGRESS"), 0);
    tg__env_reset();
    for (int i = 0; i <= 2; i++) {
        tg_progress_update(quiet, i, i);
        tg_progress_update(unseen, i, i);
    }
    tg_progress_free(quiet);
    tg_progress_free(unseen);
    assert_string_equal(content(f), "");
    assert_string_equal(written(&t), "");
    fclose(f);
    terminal_close(&t);
}

/* ---- Errors ---------------------------------------------------------------------------------- */

static void bad_arguments(void **state) {
    (void)state;
    assert_null(tg_progress_new(NULL, 1, NULL));
    assert_fails(tg_error_status(), TG_ERR_ARG, "progress_new: argument label is NULL");
    assert_null(tg_progress_new("fit", 0, NULL));
    assert_fails(tg_error_status(), TG_ERR_ARG, "total is 0; give the number of steps, 1 or more");
    assert_null(tg_progress_new("fit", -3, NULL));
    assert_fails(tg_error_status(), TG_ERR_ARG, "total is -3");
    tg_progress_options o = TG_PROGRESS_OPTIONS_INIT;
    o.width = -1;
    assert_null(tg_progress_new("fit", 1, &o));
    assert_fails(tg_error_status(), TG_ERR_ARG, "width is -1");
    o.size = 0;
    assert_null(tg_progress_new("fit", 1, &o));
    assert_fails(tg_error_status(), TG_ERR_ARG, "begin with TG_PROGRESS_OPTIONS_INIT");
    tg_error_clear();
    tg__alloc_fail_at(1, false);
    tg_progress *p = tg_progress_new("fit", 1, NULL);
    tg__alloc_fail_at(0, false);
    assert_null(p);
    assert_fails(tg_error_status(), TG_ERR_MEMORY, "progress_new: out of memory");
    tg_error_clear();
}

static void no_bar_shows_nothing(void **state) {
    (void)state;
    tg_progress_update(NULL, 1, 1);
    tg_progress_free(NULL);
    assert_int_equal(tg_error_status(), TG_OK);
}

TG_TEST_MAIN(cmocka_unit_test(a_terminal_shows_where_the_loop_is),
             cmocka_unit_test(it_is_redrawn_ten_times_a_second_at_most),
             cmocka_unit_test(the_end_is_drawn_at_once),
             cmocka_unit_test(a_short_line_covers_a_longer_one),
             cmocka_unit_test(no_line_is_longer_than_the_terminal),
             cmocka_unit_test(the_width_of_the_bar_can_be_set),
             cmocka_unit_test(labels_are_cut_and_made_harmless),
             cmocka_unit_test(a_clock_may_go_astray),
             cmocka_unit_test(a_file_gets_a_line_at_every_tenth),
             cmocka_unit_test(few_steps_give_few_lines), cmocka_unit_test(every_percent_is_exact),
             cmocka_unit_test(the_default_is_stderr_and_the_real_clock),
             cmocka_unit_test(the_environment_can_silence_it), cmocka_unit_test(bad_arguments),
             cmocka_unit_test(no_bar_shows_nothing))
