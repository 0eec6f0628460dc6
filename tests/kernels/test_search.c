/* test_search.c - positions in sorted sequences and counting by value, against plain loops. */
/* ctest: threads */
#include "kernels/search.h"
#include "kernels/values.h"
#include "tg_test.h"

static void positions_are_how_many_come_before(void **state) {
    (void)state;
    enum { ROWS = 3, N = 37, M = 2000 };
    static int32_t sequence[ROWS][N], values[ROWS][M];
    static int64_t out[ROWS][M];
    uint64_t seed = 1;
    for (int r = 0; r < ROWS; r++) {
        sequence[r][0] = -20;
        for (int i = 1; i < N; i++)
            sequence[r][i] = sequence[r][i - 1] + (int32_t)random_below(&seed, 3);
        for (int i = 0; i < M; i++)
            values[r][i] = (int32_t)random_below(&seed, 80) - 40;
    }
    for (int right = 0; right < 2; right++)
        for (int own = 0; own < 2; own++) { /* a sequence for each row, or one for all */
            tg__search(TG_I32, own ? ROWS : 1, N, own ? N : 0, sequence, own ? M : ROWS * M, values,
                       right, &out[0][0]);
            for (int r = 0; r < ROWS; r++)
                for (int i = 0; i < M; i++) {
                    int64_t n = 0;
                    for (int j = 0; j < N; j++)
                        n += sequence[own ? r : 0][j] < values[r][i] ||
                             (right && sequence[own ? r : 0][j] == values[r][i]);
                    assert_true(out[r][i] == n);
                }
        }
}

static void nan_goes_to_the_end(void **state) {
    (void)state;
    const double sequence[3] = {1, 2, NAN}, values[3] = {NAN, 3, 1.5};
    int64_t out[3];
    static const int64_t expected[3] = {3, 3, 1};
    tg__search(TG_F64, 1, 3, 0, sequence, 3, values, false, out);
    assert_memory_equal(out, expected, sizeof out);
    tg__search(TG_F64, 1, 0, 0, NULL, 3, values, true, out);
    assert_true(out[0] == 0 && out[1] == 0 && out[2] == 0);
}

static void values_are_counted_and_weighed(void **state) {
    (void)state;
    const int64_t x[4] = {2, 0, 2, 2};
    const float weight[4] = {1, 2, .5F, .25F};
    int64_t count[4];
    float sum[4];
    static const int64_t counts[4] = {1, 0, 3, 0};
    static const float sums[4] = {2, 0, 1.75F, 0};
    tg__bincount(4, x, TG_I64, NULL, 4, count);
    assert_memory_equal(count, counts, sizeof count);
    tg__bincount(4, x, TG_F32, weight, 4, sum);
    assert_memory_equal(sum, sums, sizeof sum);
}

static void the_last_bin_has_its_end(void **state) {
    (void)state;
    const double x[7] = {0, .25, .4999, .5, 1, 1.0001, NAN};
    int64_t out[4];
    static const int64_t expected[4] = {1, 2, 1, 1};
    tg__histogram(TG_F64, 7, x, 0, 1, 4, out);
    assert_memory_equal(out, expected, sizeof out);
}

TG_TEST_MAIN(cmocka_unit_test(positions_are_how_many_come_before),
             cmocka_unit_test(nan_goes_to_the_end),
             cmocka_unit_test(values_are_counted_and_weighed),
             cmocka_unit_test(the_last_bin_has_its_end))
