/* test_log.c - lines for the user's log hook. */
#include "base/log.h"

#include "tg_test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
    char last[512];
    tg_log_level level;
    int lines;
    pthread_mutex_t lock;
} seen;

static void note(tg_log_level level, const char *message, void *ctx) {
    seen *s = ctx;
    pthread_mutex_lock(&s->lock);
    snprintf(s->last, sizeof s->last, "%s", message);
    s->level = level;
    s->lines++;
    pthread_mutex_unlock(&s->lock);
}

static void warnings_wait_for_a_hook(void **state) {
    (void)state;
    seen s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    tg__log(TG_LOG_DEBUG, "gone");
    tg__log(TG_LOG_INFO, "gone too");
    for (int i = 0; i < 20; i++)
        tg__log(TG_LOG_WARN, "warning %d", i);
    tg_set_log_hook(note, &s);
    assert_int_equal(s.lines, 16);
    assert_string_equal(s.last, "warning 15");
    assert_int_equal(s.level, TG_LOG_WARN);

    tg_set_log_hook(NULL, NULL);
    tg_set_log_hook(note, &s); /* delivered once only */
    assert_int_equal(s.lines, 16);
    tg_set_log_hook(NULL, NULL);
}

static void lines_arrive_with_level_and_text(void **state) {
    (void)state;
    seen s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    tg_set_log_hook(note, &s);
    tg__log(TG_LOG_INFO, "%s has %d rows", "table", 36);
    assert_int_equal(s.lines, 1);
    assert_int_equal(s.level, TG_LOG_INFO);
    assert_string_equal(s.last, "table has 36 rows");
    tg_set_log_hook(NULL, NULL);
    tg__log(TG_LOG_INFO, "nobody listens");
    assert_int_equal(s.lines, 1);
}

static void a_line_is_one_line_and_is_cut(void **state) {
    (void)state;
    seen s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    tg_set_log_hook(note, &s);
    tg__log(TG_LOG_WARN, "a\nb\tc\033[31md\r");
    assert_string_equal(s.last, "a b c [31md ");

    char text[400];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    tg__log(TG_LOG_WARN, "%s", text);
    assert_int_equal(strlen(s.last), 255);

    for (size_t shift = 0; shift < 4; shift++) { /* never inside a character */
        memset(text, 'x', sizeof text - 1);
        for (size_t i = shift; i + 3 < sizeof text - 1; i += 3)
            memcpy(text + i, "€", 3);
        tg__log(TG_LOG_WARN, "%s", text);
        size_t n = strlen(s.last);
        assert_true(n <= 255 && n >= 253);
        assert_int_equal((n - shift) % 3, 0);
    }
    tg__log(TG_LOG_WARN, "grün");
    assert_string_equal(s.last, "grün");
    tg_set_log_hook(NULL, NULL);
}

static void *log_much(void *arg) {
    for (int i = 0; i < 1000; i++)
        tg__log(TG_LOG_INFO, "thread %d line %d", *(int *)arg, i);
    return NULL;
}

static void threads_may_log_at_the_same_time(void **state) {
    (void)state;
    seen s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    tg_set_log_hook(note, &s);
    pthread_t threads[4];
    int names[4] = {0, 1, 2, 3};
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, log_much, &names[i]), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(s.lines, 4000);
    tg_set_log_hook(NULL, NULL);
}

/* ctest: threads */
TG_TEST_MAIN(cmocka_unit_test(warnings_wait_for_a_hook), /* first: it counts what waits */
             cmocka_unit_test(lines_arrive_with_level_and_text),
             cmocka_unit_test(a_line_is_one_line_and_is_cut),
             cmocka_unit_test(threads_may_log_at_the_same_time))
