/* tg_test.h - cmocka, and the few assertions it lacks.
 *
 * A test file is a list of functions whose names are sentences, and at its end
 *
 *     TG_TEST_MAIN(cmocka_unit_test(this_holds), cmocka_unit_test(that_fails))
 *
 * Assertions belong on the main thread: cmocka leaves a failed test by a jump. */
#ifndef TG_TEST_H
#define TG_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include <tensorgrad/base.h>

#define TG_TEST_MAIN(...)                                                                          \
    int main(void) {                                                                               \
        const struct CMUnitTest tests[] = {__VA_ARGS__};                                           \
        return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;                             \
    }

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) && !defined(__SANITIZE_THREAD__)
#define __SANITIZE_THREAD__ 1
#endif
#endif
#ifdef __SANITIZE_THREAD__
/* OpenBLAS hands work to its threads in ways that ThreadSanitizer does not see; of what those write
 * it notices only the clearing of results, by memset. */
const char *__tsan_default_suppressions(void);
__attribute__((weak)) const char *__tsan_default_suppressions(void) { return "race:gemm_beta\n"; }
#endif

/* Loops over all operations are shortened where each call costs tenfold. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TG_TEST_SLOW 1
#else
#define TG_TEST_SLOW 0
#endif

/* Leaves the test, saying why it cannot run here. */
#define tg_skip(...)                                                                               \
    do {                                                                                           \
        print_message("skipped: " __VA_ARGS__);                                                    \
        print_message("\n");                                                                       \
        skip();                                                                                    \
    } while (0)

/* |a - b| <= atol + rtol |b|. NaN is close to NaN, an infinity to itself only. */
static inline bool tg_test_close(double a, double b, double rtol, double atol) {
    if (isnan(a) || isnan(b))
        return isnan(a) && isnan(b);
    if (isinf(a) || isinf(b))
        return a == b;
    return fabs(a - b) <= atol + rtol * fabs(b);
}

static inline void tg_test_assert_close(double a, double b, double rtol, double atol,
                                        const char *text, const char *file, int line) {
    if (tg_test_close(a, b, rtol, atol))
        return;
    print_error("%s: %.17g, expected %.17g (differ by %.3g; rtol %.3g, atol %.3g)\n", text, a, b,
                fabs(a - b), rtol, atol);
    _fail(file, line);
}

#define assert_close(a, b, rtol, atol)                                                             \
    tg_test_assert_close(a, b, rtol, atol, #a, __FILE__, __LINE__)

/* The same for n elements: a function for double and one for float. */
#define TG_TEST_ALL_CLOSE(name, type)                                                              \
    static inline void name(const type *a, const type *b, int64_t n, double rtol, double atol,     \
                            const char *text, const char *file, int line) {                        \
        for (int64_t i = 0; i < n; i++)                                                            \
            if (!tg_test_close((double)a[i], (double)b[i], rtol, atol)) {                          \
                print_error("element %lld of %lld: ", (long long)i, (long long)n);                 \
                tg_test_assert_close((double)a[i], (double)b[i], rtol, atol, text, file, line);    \
            }                                                                                      \
    }
TG_TEST_ALL_CLOSE(tg_test_all_close_f64, double)
TG_TEST_ALL_CLOSE(tg_test_all_close_f32, float)

#define assert_all_close_f64(a, b, n, rtol, atol)                                                  \
    tg_test_all_close_f64(a, b, n, rtol, atol, #a, __FILE__, __LINE__)
#define assert_all_close_f32(a, b, n, rtol, atol)                                                  \
    tg_test_all_close_f32(a, b, n, rtol, atol, #a, __FILE__, __LINE__)

static inline void tg_test_assert_contains(const char *text, const char *part, const char *file,
                                           int line) {
    if (text != NULL && strstr(text, part) != NULL)
        return;
    print_error("'%s' does not contain '%s'\n", text == NULL ? "(null)" : text, part);
    _fail(file, line);
}

#define assert_contains(text, part) tg_test_assert_contains(text, part, __FILE__, __LINE__)

static inline void tg_test_assert_error(tg_status got, tg_status expected, const char *part,
                                        const char *file, int line) {
    if (got != expected) {
        print_error("%s, expected %s; the last message is '%s'\n", tg_status_name(got),
                    tg_status_name(expected), tg_error_message());
        _fail(file, line);
    }
    tg_test_assert_contains(tg_error_message(), part, file, line);
}

/* An action failed with this status, and the message contains the text. */
#define assert_fails(action, status, part)                                                         \
    tg_test_assert_error(action, status, part, __FILE__, __LINE__)

static inline void tg_test_assert_ok(tg_status got, const char *text, const char *file, int line) {
    if (got == TG_OK)
        return;
    print_error("%s: %s: %s\n", text, tg_status_name(got), tg_error_message());
    _fail(file, line);
}

#define assert_ok(action) tg_test_assert_ok(action, #action, __FILE__, __LINE__)

#endif
