/* test_leaks.c - the leak report of a program that loads the shared library. */
#include "tg_tidy.h"

#include <tensorgrad/scope.h>
#include <tensorgrad/tensor.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static char report[4096];

static void the_creation_site_is_in_the_program(void **state) {
    (void)state;
    setenv("TENSORGRAD_LEAKS", "1", 1); /* before the first tensor of this process */
    tg_tensor *x = tg_zeros(TG_F32, TG_SHAPE(2, 3));
    tg_tensor *y = tg_zeros_like(x); /* made by a function that a function of the library calls */
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(tg_leak_report(file), 2);
    rewind(file);
    report[fread(report, 1, sizeof report - 1, file)] = '\0';
    fclose(file);
    tg_release(x);
    tg_release(y);
    if (strstr(report, "made at an unknown place") != NULL)
        tg_skip("no backtraces here");

    char expected[256];
    snprintf(expected, sizeof expected, "%s(+0x", program_invocation_short_name);
    char *line = strchr(report, '\n');
    for (int i = 0; i < 2; i++) {
        assert_non_null(line);
        char *end = strchr(++line, '\n');
        assert_non_null(end);
        *end = '\0';
        assert_contains(line, "  f32 [2, 3], made at ");
        assert_contains(line, expected);
        assert_null(strstr(line, "libtensorgrad"));
        assert_null(strstr(line, " < ")); /* one place, not a chain */
        line = end;
    }
}

TG_TEST_MAIN(tg_tidy(the_creation_site_is_in_the_program))
