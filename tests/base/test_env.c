/* test_env.c - the settings that come from environment variables. */
#include "base/env.h"

#include "tg_test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const names[] = {"TENSORGRAD_NUM_THREADS", "TENSORGRAD_ISA",
                                    "TENSORGRAD_POOL_MAX",    "TENSORGRAD_DETERMINISTIC",
                                    "TENSORGRAD_LEAKS",       "TENSORGRAD_PROGRESS"};

static char last[512];
static int lines;

static void note(tg_log_level level, const char *message, void *ctx) {
    (void)ctx;
    assert_int_equal(level, TG_LOG_WARN);
    snprintf(last, sizeof last, "%s", message);
    lines++;
}

static int clean(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
    tg__env_reset();
    tg_set_log_hook(note, NULL);
    lines = 0;
    last[0] = '\0';
    return 0;
}

static const tg__env *with(const char *name, const char *value) {
    clean(NULL);
    setenv(name, value, 1);
    return tg__env_get();
}

static void whole_numbers_are_checked(void **state) {
    (void)state;
    int64_t n = -1;
    assert_true(tg__env_parse_int("12", 1, 1024, &n));
    assert_int_equal(n, 12);
    assert_true(tg__env_parse_int("+7", 1, 1024, &n));
    assert_int_equal(n, 7);
    assert_true(tg__env_parse_int("-5", -5, 5, &n));
    assert_int_equal(n, -5);
    assert_true(tg__env_parse_int("9223372036854775807", 0, INT64_MAX, &n));
    assert_true(n == INT64_MAX);
    assert_true(tg__env_parse_int("000000000000000000000000000000000000001", 0, 9, &n));
    assert_int_equal(n, 1);
    static const char *const bad[] = {"",
                                      " 1",
                                      "1 ",
                                      "abc",
                                      "1e9",
                                      "1.0",
                                      "0x1",
                                      "-",
                                      "+",
                                      "--1",
                                      "99999999999999999999",
                                      "9223372036854775808",
                                      "1025",
                                      "0"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(tg__env_parse_int(bad[i], 1, 1024, &n));
        assert_int_equal(n, 1);
    }
    assert_false(tg__env_parse_int(NULL, 1, 1024, &n));
}

static void sizes_take_suffixes(void **state) {
    (void)state;
    uint64_t n = 1;
    assert_true(tg__env_parse_bytes("0", &n));
    assert_true(n == 0);
    assert_true(tg__env_parse_bytes("1000", &n));
    assert_true(n == 1000);
    assert_true(tg__env_parse_bytes("64K", &n));
    assert_true(n == 65536);
    assert_true(tg__env_parse_bytes("3m", &n));
    assert_true(n == 3u << 20);
    assert_true(tg__env_parse_bytes("17179869183G", &n));
    assert_true(n == 17179869183u * ((uint64_t)1 << 30));
    assert_true(tg__env_parse_bytes("18446744073709551615", &n));
    assert_true(n == UINT64_MAX);
    static const char *const bad[] = {"",
                                      "K",
                                      "1T",
                                      "1KB",
                                      "1 K",
                                      "-1",
                                      "+1",
                                      "1.5G",
                                      " 1",
                                      "1K ",
                                      "18446744073709551616",
                                      "17179869184G",
                                      "1KK",
                                      "x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(tg__env_parse_bytes(bad[i], &n));
        assert_true(n == UINT64_MAX);
    }
    assert_false(tg__env_parse_bytes(NULL, &n));
}

static void nothing_set_gives_the_defaults(void **state) {
    (void)state;
    const tg__env *env = tg__env_get();
    assert_int_equal(env->num_threads, 0);
    assert_string_equal(env->isa, "");
    assert_true(env->pool_max == UINT64_MAX);
    assert_false(env->deterministic);
    assert_false(env->leaks);
    assert_false(env->progress_off);
    assert_int_equal(lines, 0);
}

static void good_values_are_taken(void **state) {
    (void)state;
    assert_int_equal(with("TENSORGRAD_NUM_THREADS", "1024")->num_threads, 1024);
    assert_string_equal(with("TENSORGRAD_ISA", "avx512")->isa, "avx512");
    assert_string_equal(with("TENSORGRAD_ISA", "base")->isa, "base");
    assert_true(with("TENSORGRAD_POOL_MAX", "2G")->pool_max == (uint64_t)2 << 30);
    assert_true(with("TENSORGRAD_DETERMINISTIC", "1")->deterministic);
    assert_false(with("TENSORGRAD_DETERMINISTIC", "0")->deterministic);
    assert_true(with("TENSORGRAD_LEAKS", "1")->leaks);
    assert_true(with("TENSORGRAD_PROGRESS", "0")->progress_off);
    assert_false(with("TENSORGRAD_PROGRESS", "1")->progress_off);
    assert_int_equal(lines, 0);
}

static void bad_values_are_ignored_and_named(void **state) {
    (void)state;
    static const char *const threads[] = {"-3", "abc", "1e9", "", "0", "1025", "4 "};
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        assert_int_equal(with("TENSORGRAD_NUM_THREADS", threads[i])->num_threads, 0);
        assert_int_equal(lines, 1);
        assert_contains(last, "TENSORGRAD_NUM_THREADS='");
        assert_contains(last, threads[i]);
        assert_contains(last, "1 to 1024");
    }
    assert_string_equal(with("TENSORGRAD_ISA", "AVX2")->isa, "");
    assert_contains(last, "TENSORGRAD_ISA='AVX2'");
    assert_string_equal(with("TENSORGRAD_ISA", "")->isa, "");
    assert_int_equal(lines, 1);
    assert_true(with("TENSORGRAD_POOL_MAX", "0")->pool_max == UINT64_MAX);
    assert_contains(last, "TENSORGRAD_POOL_MAX='0'");
    assert_true(with("TENSORGRAD_POOL_MAX", "12 GB")->pool_max == UINT64_MAX);
    assert_int_equal(lines, 1);
    assert_false(with("TENSORGRAD_DETERMINISTIC", "yes")->deterministic);
    assert_contains(last, "TENSORGRAD_DETERMINISTIC='yes' is ignored: expected 0 or 1");
    assert_false(with("TENSORGRAD_LEAKS", "2")->leaks);
    assert_int_equal(lines, 1);
    assert_false(with("TENSORGRAD_PROGRESS", "off")->progress_off);
    assert_int_equal(lines, 1);
}

static void long_and_strange_values_are_shown_safely(void **state) {
    (void)state;
    char *text = malloc(1 << 20);
    assert_non_null(text);
    memset(text, '\033', (1 << 20) - 1);
    text[(1 << 20) - 1] = '\0';
    with("TENSORGRAD_ISA", text);
    assert_int_equal(lines, 1);
    assert_true(strlen(last) < 256);
    assert_null(strchr(last, '\033'));
    assert_contains(last, "...'");
    assert_contains(last, "expected base, avx2, avx512 or neon");
    free(text);
}

static void a_warning_waits_for_the_hook(void **state) {
    (void)state;
    tg_set_log_hook(NULL, NULL);
    setenv("TENSORGRAD_NUM_THREADS", "many", 1);
    tg__env_get();
    assert_int_equal(lines, 0);
    tg_set_log_hook(note, NULL);
    assert_int_equal(lines, 1);
    assert_contains(last, "TENSORGRAD_NUM_THREADS='many'");
}

static void variables_are_read_once(void **state) {
    (void)state;
    setenv("TENSORGRAD_NUM_THREADS", "3", 1);
    assert_int_equal(tg__env_get()->num_threads, 3);
    setenv("TENSORGRAD_NUM_THREADS", "4", 1);
    assert_int_equal(tg__env_get()->num_threads, 3);
    tg__env_reset();
    assert_int_equal(tg__env_get()->num_threads, 4);
}

static void *read_threads(void *arg) {
    *(int *)arg = tg__env_get()->num_threads;
    return NULL;
}

static void threads_may_ask_first_at_the_same_time(void **state) {
    (void)state;
    setenv("TENSORGRAD_NUM_THREADS", "5", 1);
    pthread_t threads[8];
    int got[8];
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_threads, &got[i]), 0);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 8; i++)
        assert_int_equal(got[i], 5);
}

#define TEST(f) cmocka_unit_test_setup(f, clean)

/* ctest: threads */
TG_TEST_MAIN(TEST(whole_numbers_are_checked), TEST(sizes_take_suffixes),
             TEST(nothing_set_gives_the_defaults), TEST(good_values_are_taken),
             TEST(bad_values_are_ignored_and_named), TEST(long_and_strange_values_are_shown_safely),
             TEST(a_warning_waits_for_the_hook), TEST(variables_are_read_once),
             TEST(threads_may_ask_first_at_the_same_time))
