/* test_scan.c - running sums, products and extremes against plain loops. */
/* ctest: threads */
#include "kernels/scan.h"
#include "kernels/values.h"
#include "tg_test.h"
#include <stdlib.h>

static const int64_t shapes[][3] = {{1, 1, 1},  {3, 7, 1}, {2, 5, 33}, {1, 400, 70},
                                    {50, 9, 2}, {2, 0, 3}, {0, 4, 2},  {1, 30000, 1}};
enum { SHAPES = 8 };

static double step(tg__scan_op op, double before, double x, double a) {
    switch (op) {
    case TG__SCAN_PROD:
        return before * x;
    case TG__SCAN_LOGSUMEXP:
        return fmax(before, x) + log1p(exp(fmin(before, x) - fmax(before, x)));
    case TG__SCAN_RECUR:
    case TG__SCAN_RECUR_BACK:
        return x + a * before;
    default:
        return before + x;
    }
}

static void scans_follow_their_definition(void **state) {
    (void)state;
    uint64_t seed = 5;
    for (int k = 0; k < SHAPES; k++) {
        const int64_t outer = shapes[k][0], n = shapes[k][1], inner = shapes[k][2];
        const size_t total = (size_t)(outer * n * inner);
        double *x = calloc(total + 1, 8), *a = calloc(total + 1, 8), *y = calloc(total + 1, 8);
        assert_true(x && a && y);
        for (size_t i = 0; i < total; i++) {
            x[i] = (double)random_below(&seed, 1000) / 500 - 1;
            a[i] = (double)random_below(&seed, 1000) / 500 - 1;
        }
        for (int op = TG__SCAN_SUM; op <= TG__SCAN_RECUR_BACK; op++) {
            const bool back = op == TG__SCAN_SUM_BACK || op == TG__SCAN_RECUR_BACK;
            assert_true(tg__scan((tg__scan_op)op, TG_F64, outer, n, inner, x, a, y));
            for (int64_t line = 0; line < outer * inner; line++) {
                const int64_t base = line / inner * n * inner + line % inner;
                double acc = 0;
                for (int64_t i = 0; i < n; i++) {
                    const int64_t at = base + (back ? n - 1 - i : i) * inner;
                    const double factor =
                        op == TG__SCAN_RECUR_BACK && i > 0 ? a[at + inner] : a[at];
                    acc = i == 0 ? x[at] : step((tg__scan_op)op, acc, x[at], factor);
                    assert_true(fabs(y[at] - acc) <= 1e-9 * (1 + fabs(acc)));
                }
            }
        }
        free(x);
        free(a);
        free(y);
    }
}

static void integers_wrap_and_others_are_refused(void **state) {
    (void)state;
    const int64_t x[3] = {INT64_MAX, 1, 2};
    int64_t y[3];
    assert_true(tg__scan(TG__SCAN_SUM, TG_I64, 1, 3, 1, x, NULL, y));
    assert_true(y[0] == INT64_MAX && y[1] == INT64_MIN && y[2] == INT64_MIN + 2);
    assert_true(tg__scan(TG__SCAN_PROD, TG_I64, 1, 3, 1, x, NULL, y));
    assert_true(y[2] == -2);
    assert_false(tg__scan(TG__SCAN_LOGSUMEXP, TG_I64, 1, 3, 1, x, NULL, y));
    assert_false(tg__scan(TG__SCAN_SUM, TG_I32, 1, 3, 1, x, NULL, y));
}

static void the_last_of_equals_and_every_nan_take_the_position(void **state) {
    (void)state;
    const double x[8] = {2, 1, 2, 3, NAN, 9, NAN, 0};
    double y[8];
    int64_t at[8];
    static const int64_t most[8] = {0, 0, 2, 3, 4, 4, 6, 6};
    tg__scan_extreme(true, TG_F64, 1, 8, 1, x, y, at);
    assert_memory_equal(at, most, sizeof at);
    for (int i = 0; i < 8; i++)
        assert_true(y[i] == x[at[i]] || (isnan(y[i]) && isnan(x[at[i]])));
    const uint8_t u[6] = {3, 200, 1, 1, 1, 200}; /* two columns */
    uint8_t v[6];
    static const int64_t least[6] = {0, 0, 1, 1, 2, 1};
    tg__scan_extreme(false, TG_U8, 1, 3, 2, u, v, at);
    assert_memory_equal(at, least, sizeof least);
    static const uint8_t values[6] = {3, 200, 1, 1, 1, 1};
    assert_memory_equal(v, values, 6);
}

TG_TEST_MAIN(cmocka_unit_test(scans_follow_their_definition),
             cmocka_unit_test(integers_wrap_and_others_are_refused),
             cmocka_unit_test(the_last_of_equals_and_every_nan_take_the_position))
