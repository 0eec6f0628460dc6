/* test_sites.c - TENSORGRAD_SITES: the leak report names the file and line of the call that made a
 * tensor. */
#define TENSORGRAD_SITES
#include <tensorgrad/tensorgrad.h>

#include "tg_tidy.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static char report[8192];

static const char *report_text(void) {
    FILE *file = tmpfile();
    assert_non_null(file);
    tg_leak_report(file);
    rewind(file);
    report[fread(report, 1, sizeof report - 1, file)] = '\0';
    fclose(file);
    return report;
}

/* The line of the report (after the heading) that speaks of the i-th live tensor. */
static const char *line_of(int i) {
    static char line[512];
    const char *at = strchr(report_text(), '\n');
    for (; i > 0 && at != NULL; i--)
        at = strchr(at + 1, '\n');
    assert_non_null(at);
    snprintf(line, sizeof line, "%.*s", (int)strcspn(at + 1, "\n"), at + 1);
    return line;
}

/* "made at <this file>:<line>", at the end. */
static void made_at(int i, int line) {
    char expected[256];
    const char *text = line_of(i);
    snprintf(expected, sizeof expected, ", made at %s:%d", __FILE__, line);
    size_t n = strlen(text);
    size_t m = strlen(expected);
    if (n < m || strcmp(text + n - m, expected) != 0)
        fail_msg("'%s' does not end in '%s'", text, expected);
}

static int with_leaks(void **state) {
    (void)state;
    return setenv("TENSORGRAD_LEAKS", "1", 1); /* before the first tensor of this process */
}

static void a_line_per_call(void **state) {
    (void)state;
    int at = __LINE__ + 1;
    tg_tensor *x = tg_zeros(TG_F32, TG_SHAPE(2, 3));
    tg_tensor *y = tg_exp(x);

    tg_tensor *z = tg_add(x, y);
    made_at(0, at);
    made_at(1, at + 1);
    made_at(2, at + 3);
    assert_contains(line_of(2), "f32 [2, 3] by add, made at ");
    tg_release(x);
    made_at(0, at + 1);
    tg_release(y);
    tg_release(z);
}

static tg_tensor *layer(tg_tensor *x) { return tg_mul_scalar(x, 2); }
static const int layer_line = __LINE__ - 1;

/* The argument is made elsewhere, after the call around it has begun. */
static void calls_inside_a_call_have_their_own_lines(void **state) {
    (void)state;
    tg_tensor *x = tg_ones(TG_F64, TG_SHAPE(2));
    tg_tensor *h = NULL;
    int at = __LINE__ + 1;
    tg_tensor *y = tg_neg(h = layer(x));
    made_at(0, at - 3);
    made_at(1, layer_line);
    made_at(2, at);
    assert_contains(line_of(2), "by neg");
    tg_release(y);
    tg_release(h);
    tg_release(x);
}

static void a_graph_names_the_calls_that_recorded_it(void **state) {
    (void)state;
    tg_tensor *w = tg_requires_grad_(tg_ones(TG_F64, TG_SHAPE(2)), true);
    int at = __LINE__ + 1;
    tg_tensor *y = tg_exp(w); /* and what it saves for backward */
    assert_int_equal(tg_live_tensors(), 3);
    made_at(1, at);
    made_at(2, at);
    tg_release(y);
    tg_release(w);
}

/* A call of the library that was not told where it stands is not given the line of the last one. */
static void a_site_ends_with_its_call(void **state) {
    (void)state;
    tg_tensor *w = tg_requires_grad_(tg_ones(TG_F64, TG_0D), true);
    assert_int_equal(tg_backward(w), TG_OK);
    assert_null(strstr(line_of(1), "test_sites.c:"));
    tg_tensor *v = (tg_ones)(TG_F64, TG_0D);
    assert_null(strstr(line_of(2), "test_sites.c:"));
    tg_release(w);
    tg_release(v);
    tg_tensor *failed = tg_add(NULL, NULL);
    assert_null(failed);
    v = (tg_ones)(TG_F64, TG_0D);
    assert_null(strstr(line_of(0), "test_sites.c:"));
    tg_release(v);
}

static void bindings_name_places_themselves(void **state) {
    (void)state;
    static const char file[] = "model.py";
    tg_site(file, 7);
    tg_tensor *x = (tg_zeros)(TG_F32, TG_0D);
    tg_tensor *y = (tg_zeros)(TG_F32, TG_0D);
    assert_contains(line_of(0), "made at model.py:7");
    assert_contains(line_of(1), "made at model.py:7");
    assert_ptr_equal(tg_sited(y, file, 8), y);
    tg_tensor *z = (tg_zeros)(TG_F32, TG_0D);
    assert_contains(line_of(0), "made at model.py:7");
    assert_contains(line_of(1), "made at model.py:8");
    assert_null(strstr(line_of(2), "model.py"));
    assert_null(tg_sited(NULL, file, 9));
    assert_true(tg_is_none(tg_sited(TG_NONE, file, 9)));
    tg_release(x);
    tg_release(y);
    tg_release(z);
}

static void *on_another_thread(void *out) {
    *(tg_tensor **)out = (tg_zeros)(TG_F32, TG_0D);
    return NULL;
}

static void sites_belong_to_threads(void **state) {
    (void)state;
    pthread_t thread;
    tg_tensor *x = NULL;
    tg_site("here", 1);
    assert_int_equal(pthread_create(&thread, NULL, on_another_thread, &x), 0);
    pthread_join(thread, NULL);
    tg_site(NULL, 0);
    assert_null(strstr(line_of(0), "here"));
    tg_release(x);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        tg_tidy(a_line_per_call),
        tg_tidy(calls_inside_a_call_have_their_own_lines),
        tg_tidy(a_graph_names_the_calls_that_recorded_it),
        tg_tidy(a_site_ends_with_its_call),
        tg_tidy(bindings_name_places_themselves),
        tg_tidy(sites_belong_to_threads),
    };
    return cmocka_run_group_tests(tests, with_leaks, NULL) == 0 ? 0 : 1;
}
