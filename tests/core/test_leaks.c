/* test_leaks.c - counters of live objects, and the register of tensors.
 *
 * These tests switch the register on and off as a fresh process would find it. */
/* ctest: threads */
#include "core/leaks.h"

#include "base/env.h"

#include "tg_tidy.h"

#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char report[1 << 16];

static void decide_again(const char *leaks) {
    if (leaks != NULL)
        setenv("TENSORGRAD_LEAKS", leaks, 1);
    else
        unsetenv("TENSORGRAD_LEAKS");
    tg__env_reset();
    atomic_store(&tg__leaks_on, -1);
}

static int switch_off(void **state) {
    decide_again(NULL);
    return tg_test_tidy(state);
}

#define leak_test(test) cmocka_unit_test_teardown(test, switch_off)

/* The report as text; its return value goes to *live. */
static const char *report_text(int64_t *live) {
    FILE *file = tmpfile();
    assert_non_null(file);
    *live = tg_leak_report(file);
    rewind(file);
    size_t n = fread(report, 1, sizeof report - 1, file);
    report[n] = '\0';
    fclose(file);
    return report;
}

static int lines_of(const char *text) {
    int n = 0;
    for (; *text != '\0'; text++)
        n += *text == '\n';
    return n;
}

/* ---- Counters ---- */

static void live_objects_are_counted(void **state) {
    (void)state;
    assert_int_equal(tg_live_tensors(), 0);
    tg_tensor *x = tg_zeros(TG_F32, TG_SHAPE(2, 3));
    tg_tensor *y = tg_zeros(TG_F32, TG_SHAPE(2, 3));
    tg_tensor *v = tg__give(tg__alias("test", x));
    assert_int_equal(tg_live_tensors(), 3);
    assert_int_equal(tg_live_storages(), 2);
    assert_int_equal(tg_live_nodes(), 0);
    tg_release(x);
    assert_int_equal(tg_live_tensors(), 2);
    assert_int_equal(tg_live_storages(), 2); /* the view holds it */
    tg_release(v);
    assert_int_equal(tg_live_storages(), 1);
    tg_release(y);
}

static void *make_and_keep(void *ctx) {
    *(tg_tensor **)ctx = tg_zeros(TG_F32, TG_SHAPE(4));
    return NULL;
}

static void objects_outlive_the_thread_that_made_them(void **state) {
    (void)state;
    pthread_t thread;
    tg_tensor *x = NULL;
    assert_int_equal(pthread_create(&thread, NULL, make_and_keep, &x), 0);
    pthread_join(thread, NULL);
    assert_int_equal(tg_live_tensors(), 1);
    tg_release(x); /* freed by another thread: the counts still meet */
    assert_int_equal(tg_live_tensors(), 0);
    assert_int_equal(tg_live_storages(), 0);
}

/* ---- The register ---- */

static void without_the_variable_only_counts_are_reported(void **state) {
    (void)state;
    int64_t live;
    decide_again(NULL);
    tg_tensor *x = tg_zeros(TG_F32, TG_SHAPE(2));
    assert_int_equal(atomic_load(&tg__leaks_on), 0);
    assert_string_equal(report_text(&live), "tensorgrad: 1 live tensors, 0 nodes, 1 storages\n");
    assert_int_equal(live, 1);
    tg_release(x);
    decide_again("yes"); /* no value of this variable */
    tg_release(tg_zeros(TG_F32, TG_SHAPE(2)));
    assert_int_equal(atomic_load(&tg__leaks_on), 0);
}

static void each_live_tensor_has_a_line_in_order_of_creation(void **state) {
    (void)state;
    int64_t live;
    decide_again("1");
    tg_tensor *a = tg_zeros(TG_F32, TG_SHAPE(2, 3));
    tg_tensor *b = tg_ones(TG_I64, TG_0D);
    tg_tensor *c = tg__give(tg__alias("test", a));
    assert_int_equal(atomic_load(&tg__leaks_on), 1);
    report_text(&live);
    assert_int_equal(live, 3);
    assert_int_equal(lines_of(report), 4);
    const char *first = strstr(report, "\n  f32 [2, 3], made at ");
    const char *second = strstr(report, "\n  i64 [], made at ");
    assert_non_null(first);
    assert_non_null(second);
    assert_true(first < second);
    assert_non_null(strstr(second, "\n  f32 [2, 3], made at "));
    tg_release(b);
    report_text(&live);
    assert_int_equal(live, 2);
    assert_null(strstr(report, "i64"));
    tg_release(a);
    tg_release(c);
    report_text(&live);
    assert_int_equal(live, 0);
    assert_int_equal(lines_of(report), 1);
}

static void the_shape_of_wrapped_memory_is_reported(void **state) {
    (void)state;
    int64_t live;
    static double data[6];
    decide_again("1");
    tg_tensor *x = tg_from_blob(data, TG_F64, TG_SHAPE(3, 2), NULL, NULL, NULL);
    assert_contains(report_text(&live), "\n  f64 [3, 2], made at ");
    tg_release(x);
}

static void the_op_is_named(void **state) {
    (void)state;
    int64_t live;
    decide_again("1");
    tg_tensor *x = tg_zeros(TG_F32, TG_SHAPE(2));
    x->op = 0;
    const char *name = tg__op_name(0);
    char expected[128];
    snprintf(expected, sizeof expected, name[0] != '\0' ? "f32 [2] by %s, made at" : "f32 [2]%s",
             name);
    assert_contains(report_text(&live), expected);
    tg_release(x);
}

static void file_and_line_are_reported_when_given(void **state) {
    (void)state;
    int64_t live;
    decide_again("1");
    tg__self()->site_file = "model.c";
    tg__self()->site_line = 42;
    tg_tensor *x = tg_zeros(TG_F32, TG_SHAPE(2));
    tg__self()->site_file = NULL;
    tg_tensor *y = tg_zeros(TG_F32, TG_SHAPE(2));
    report_text(&live);
    assert_contains(report, "\n  f32 [2], made at model.c:42\n");
    assert_int_equal(lines_of(report), 3);
    tg_release(x);
    tg_release(y);
}

static __attribute__((noinline)) tg_tensor *made_here(void) {
    tg_tensor *x = tg_zeros(TG_F32, TG_SHAPE(2));
    __asm__ volatile("" ::: "memory"); /* no tail call: this frame is the site */
    return x;
}

static int first_object(struct dl_phdr_info *info, size_t size, void *base) {
    (void)size;
    *(uintptr_t *)base = (uintptr_t)info->dlpi_addr;
    return 1; /* the program itself comes first */
}

/* This program holds the library itself, so the chain of calls is shown. */
static void the_creation_site_is_in_the_chain(void **state) {
    (void)state;
    int64_t live;
    uintptr_t base = 0;
    bool found = false;
    decide_again("1");
    tg_tensor *x = made_here();
    report_text(&live);
    tg_release(x);
    if (strstr(report, "made at an unknown place") != NULL)
        tg_skip("no backtraces here");
    dl_iterate_phdr(first_object, &base);
    for (const char *p = report; !found && (p = strstr(p, "(+0x")) != NULL; p++) {
        uintptr_t address = base + (uintptr_t)strtoull(p + 2, NULL, 16);
        found = address - (uintptr_t)made_here < 256;
    }
    if (!found)
        print_message("%s", report);
    assert_true(found);
}

static void many_tensors_come_and_go(void **state) {
    (void)state;
    enum { N = 5000 };
    int64_t live;
    static tg_tensor *x[N];
    decide_again("1");
    for (int i = 0; i < N; i++)
        x[i] = tg_zeros(TG_U8, TG_SHAPE(i % 7));
    for (int i = 0; i < N; i += 2) /* from both ends */
        tg_release(x[i % 4 == 0 ? i : N - i]);
    report_text(&live);
    assert_int_equal(live, N / 2);
    for (int i = 1; i < N; i += 2)
        tg_release(x[i]);
    report_text(&live);
    assert_int_equal(live, 0);
    assert_int_equal(lines_of(report), 1);
}

static void *churn(void *ctx) {
    unsigned seed = (unsigned)(uintptr_t)ctx;
    tg_tensor *x[16] = {NULL};
    for (int i = 0; i < 500; i++) {
        seed = seed * 1103515245u + 12345u;
        tg_tensor **slot = &x[seed >> 16 & 15];
        tg_release(*slot);
        *slot = tg_zeros(TG_U8, TG_SHAPE(3));
    }
    for (int i = 0; i < 16; i++)
        tg_release(x[i]);
    return NULL;
}

static void threads_share_the_register(void **state) {
    (void)state;
    int64_t live;
    pthread_t thread[4];
    decide_again("1");
    tg_tensor *x = tg_zeros(TG_F64, TG_SHAPE(1));
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, churn, (void *)(uintptr_t)(i + 1)), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    report_text(&live);
    assert_int_equal(live, 1);
    assert_int_equal(lines_of(report), 2);
    tg_release(x);
}

static void the_register_takes_nothing_from_the_pool(void **state) {
    (void)state;
    tg_memory_stats_t off = TG_MEMORY_STATS_INIT;
    tg_memory_stats_t on = TG_MEMORY_STATS_INIT;
    tg_memory_stats_t start = TG_MEMORY_STATS_INIT;
    decide_again(NULL);
    assert_ok(tg_memory_stats(&start));
    tg_release(tg_zeros(TG_F32, TG_SHAPE(2)));
    assert_ok(tg_memory_stats(&off));
    decide_again("1");
    tg_release(tg_zeros(TG_F32, TG_SHAPE(2)));
    assert_ok(tg_memory_stats(&on));
    assert_true(on.requests - off.requests == off.requests - start.requests);
    assert_true(on.bytes_in_use == start.bytes_in_use);
}

static void tensors_older_than_the_register_are_counted(void **state) {
    (void)state;
    int64_t live;
    decide_again(NULL);
    tg_tensor *x = tg_zeros(TG_F32, TG_SHAPE(2));
    decide_again("1");
    tg_tensor *y = tg_zeros(TG_F32, TG_SHAPE(3));
    report_text(&live);
    assert_int_equal(live, 2);
    assert_contains(report, "f32 [3], made at ");
    assert_contains(report, "  and 1 without a record\n");
    tg_release(x); /* unknown to the register: no harm */
    tg_release(y);
}

static void a_report_without_a_file_is_refused(void **state) {
    (void)state;
    assert_int_equal(tg_leak_report(NULL), -1);
    assert_fails(tg_error_status(), TG_ERR_ARG, "leak_report: argument file is NULL");
}

/* ---- At exit ---- */

/* Runs a child that makes `n` tensors and leaves with exit(); what it wrote to stderr is in report,
 * what to stdout is lost. */
static void run_child(const char *leaks, int n) {
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(fds[1], STDERR_FILENO);
        close(fds[0]);
        close(fds[1]);
        if (freopen("/dev/null", "w", stdout) == NULL)
            _exit(3);
        decide_again(leaks);
        for (int i = 0; i < n; i++)
            (void)tg_full(TG_F32, TG_SHAPE(i + 1, 5), i);
        exit(0);
    }
    close(fds[1]);
    size_t used = 0;
    ssize_t got;
    while ((got = read(fds[0], report + used, sizeof report - 1 - used)) > 0)
        used += (size_t)got;
    report[used] = '\0';
    close(fds[0]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
}

static void leaks_are_reported_at_exit(void **state) {
    (void)state;
    run_child("1", 2);
    assert_contains(report, "tensorgrad: 2 live tensors, 0 nodes, 2 storages\n");
    assert_contains(report, "\n  f32 [1, 5], made at ");
    assert_contains(report, "\n  f32 [2, 5], made at ");
}

static void without_leaks_or_the_variable_nothing_is_written(void **state) {
    (void)state;
    run_child("1", 0);
    assert_null(strstr(report, "tensorgrad: "));
    run_child(NULL, 2);
    assert_null(strstr(report, "tensorgrad: "));
    run_child("0", 2);
    assert_null(strstr(report, "tensorgrad: "));
}

TG_TEST_MAIN(leak_test(live_objects_are_counted),
             leak_test(objects_outlive_the_thread_that_made_them),
             leak_test(without_the_variable_only_counts_are_reported),
             leak_test(each_live_tensor_has_a_line_in_order_of_creation),
             leak_test(the_shape_of_wrapped_memory_is_reported), leak_test(the_op_is_named),
             leak_test(file_and_line_are_reported_when_given),
             leak_test(the_creation_site_is_in_the_chain), leak_test(many_tensors_come_and_go),
             leak_test(threads_share_the_register),
             leak_test(the_register_takes_nothing_from_the_pool),
             leak_test(tensors_older_than_the_register_are_counted),
             leak_test(a_report_without_a_file_is_refused), leak_test(leaks_are_reported_at_exit),
             leak_test(without_leaks_or_the_variable_nothing_is_written))
