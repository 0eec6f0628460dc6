/* test_sort.c - sorting, selecting and counting equals against slow and simple ways. */
/* ctest: threads */
#include "base/alloc.h"
#include "kernels/sort.h"
#include "kernels/values.h"
#include "tg_test.h"
#include <stdlib.h>

/* n numbers of a dtype, few of them different if `few`. */
static void fill(tg_dtype dtype, void *x, int64_t n, bool few, uint64_t *seed) {
    for (int64_t i = 0; i < n; i++) {
        const uint64_t r = next_random(seed);
        const double d = few ? (double)(r % 7) - 3 : (double)(int64_t)r / 1e12;
        switch (dtype) {
        case TG_F32:
            ((float *)x)[i] = r % 11 == 0 ? NAN : r % 13 == 0 ? -0.0F : (float)d;
            break;
        case TG_F64:
            ((double *)x)[i] = r % 11 == 0 ? (double)NAN : r % 13 == 0 ? -INFINITY : d;
            break;
        case TG_I64:
            ((int64_t *)x)[i] = few ? (int64_t)d : (int64_t)r;
            break;
        case TG_I32:
            ((int32_t *)x)[i] = few ? (int32_t)d : (int32_t)(uint32_t)r;
            break;
        default:
            ((uint8_t *)x)[i] = dtype == TG_BOOL ? (uint8_t)(r & 1) : (uint8_t)(few ? r % 3 : r);
        }
    }
}

/* Orders a before b: -1, after: 1; equal: 0. NaN last. */
#define ORDER(T)                                                                                   \
    {                                                                                              \
        const T u = ((const T *)x)[a], v = ((const T *)x)[b];                                      \
        return u == v || (u != u && v != v) ? 0 : v != v || u < v ? -1 : 1;                        \
    }
static int order(tg_dtype dtype, const void *x, int64_t a, int64_t b) {
    switch (dtype) {
    case TG_F32:
        ORDER(float)
    case TG_F64:
        ORDER(double)
    case TG_I64:
        ORDER(int64_t)
    case TG_I32:
        ORDER(int32_t)
    default:
        ORDER(uint8_t)
    }
}

static const int64_t shapes[][3] = {{1, 1, 1},   {4, 2, 3},   {2, 15, 1},   {3, 17, 2},
                                    {1, 255, 2}, {2, 256, 1}, {1, 3000, 1}, {300, 60, 1}};
enum { SHAPES = 8 };

static void orders_are_stable_for_every_dtype_and_size(void **state) {
    (void)state;
    uint64_t seed = 9;
    for (int k = 0; k < 6 * SHAPES * 4; k++) {
        const tg_dtype dtype = (tg_dtype)(k % 6);
        const int64_t *s = shapes[k / 6 % SHAPES];
        const bool few = k / 6 / SHAPES & 1, descending = k / 6 / SHAPES & 2;
        const int64_t n = s[1], inner = s[2], total = s[0] * n * inner;
        char *x = malloc((size_t)total * 8), *values = malloc((size_t)total * 8);
        int64_t *at = malloc((size_t)total * 8);
        assert_true(x && values && at);
        fill(dtype, x, total, few, &seed);
        tg__lines_to_sort l = {dtype, s[0], n, inner, x, values, at};
        assert_true(tg__sort(&l, n, descending));
        for (int64_t line = 0; line < s[0] * inner; line++) {
            const int64_t base = line / inner * n * inner + line % inner;
            int64_t sum = 0;
            for (int64_t i = 0; i < n; i++) {
                const int64_t here = base + at[base + i * inner] * inner;
                sum += at[base + i * inner];
                assert_memory_equal(values + (base + i * inner) * (int64_t)item_size[dtype],
                                    x + here * (int64_t)item_size[dtype], item_size[dtype]);
                if (i == 0)
                    continue;
                const int64_t before = base + at[base + (i - 1) * inner] * inner;
                const int o = order(dtype, x, before, here) * (descending ? -1 : 1);
                assert_true(o < 0 || (o == 0 && before < here)); /* so no position stands twice */
            }
            assert_true(sum == n * (n - 1) / 2);
        }
        free(x);
        free(values);
        free(at);
    }
}

/* The first k, the k-th and the medians are what the whole order says. */
static void parts_agree_with_the_whole(void **state) {
    (void)state;
    enum { N = 1000 };
    uint64_t seed = 3;
    static char x[N * 8];
    static int64_t all[N], some[N];
    for (int k = 0; k < 6 * 4; k++) {
        const tg_dtype dtype = (tg_dtype)(k % 6);
        fill(dtype, x, N, k / 6 & 1, &seed);
        tg__lines_to_sort l = {dtype, 1, N, 1, x, NULL, all};
        assert_true(tg__sort(&l, N, k / 12));
        l.at = some;
        for (int64_t m = 1; m <= N; m = m * 3 + 1) {
            assert_true(tg__sort(&l, m, k / 12));
            assert_memory_equal(some, all, (size_t)m * 8);
        }
        l.at = all;
        assert_true(tg__sort(&l, N, false));
        l.at = some;
        for (int64_t m = 0; m < N; m += 83) {
            assert_true(tg__select(&l, TG__SELECT_KTH, m));
            assert_true(some[0] == all[m]);
        }
        int64_t numbers = N;
        while (dtype <= TG_F64 && order(dtype, x, all[numbers - 1], all[numbers - 1]) == 0 &&
               (dtype == TG_F32 ? isnan(((float *)(void *)x)[all[numbers - 1]])
                                : isnan(((double *)(void *)x)[all[numbers - 1]])))
            numbers--;
        assert_true(tg__select(&l, TG__SELECT_MEDIAN, 0));
        assert_true(some[0] == all[numbers < N ? numbers : (N - 1) / 2]);
        assert_true(tg__select(&l, TG__SELECT_NANMEDIAN, 0));
        assert_true(some[0] == all[(numbers - 1) / 2]);
    }
}

static void the_mode_is_the_smallest_of_the_most_frequent(void **state) {
    (void)state;
    const double x[9] = {3, NAN, 1, NAN, 3, 1, NAN, 7, -8};
    double value;
    int64_t at;
    tg__lines_to_sort l = {TG_F64, 1, 9, 1, x, &value, &at};
    assert_true(tg__mode(&l));
    assert_true(value == 1 && at == 5);
    const uint8_t bytes[5] = {255, 0, 255, 0, 255};
    uint8_t byte;
    tg__lines_to_sort m = {TG_U8, 1, 5, 1, bytes, &byte, &at};
    assert_true(tg__mode(&m));
    assert_true(byte == 255 && at == 4);
}

static void runs_of_equals_are_numbered(void **state) {
    (void)state;
    const float x[7] = {0, -0.0F, 1, NAN, NAN, 1, 1};
    static const int64_t expected[7] = {0, 0, 1, 2, 3, 4, 4};
    int64_t run[7];
    assert_int_equal(tg__runs(TG_F32, 7, x, run), 5);
    assert_memory_equal(run, expected, sizeof run);
    assert_int_equal(tg__runs(TG_I64, 0, NULL, run), 0);
}

static void rows_are_ordered_by_their_first_difference(void **state) {
    (void)state;
    const int32_t x[6][2] = {{2, 1}, {1, 5}, {2, 1}, {1, -5}, {0, 9}, {1, 5}};
    static const int64_t expected[6] = {4, 3, 1, 5, 0, 2}, runs[6] = {0, 1, 2, 2, 3, 3};
    int64_t order[6], run[6];
    assert_true(tg__sort_rows(TG_I32, 6, 2, x, order));
    assert_memory_equal(order, expected, sizeof order);
    assert_int_equal(tg__row_runs(TG_I32, 6, 2, x, order, run), 4);
    assert_memory_equal(run, runs, sizeof run);
    assert_int_equal(tg__row_runs(TG_I32, 6, 2, x, NULL, run), 6);
    tg__alloc_fail_at(1, true);
    const bool sorted = tg__sort_rows(TG_I32, 6, 2, x, order);
    tg__alloc_fail_at(0, false);
    assert_false(sorted);
}

static void without_memory_they_say_so(void **state) {
    (void)state;
    static double x[500];
    static int64_t at[500];
    tg__lines_to_sort l = {TG_F64, 1, 500, 1, x, NULL, at};
    tg__alloc_fail_at(1, true);
    const bool sorted = tg__sort(&l, 500, false), selected = tg__select(&l, TG__SELECT_KTH, 3);
    tg__alloc_fail_at(0, false);
    assert_false(sorted);
    assert_false(selected);
}

TG_TEST_MAIN(cmocka_unit_test(orders_are_stable_for_every_dtype_and_size),
             cmocka_unit_test(parts_agree_with_the_whole),
             cmocka_unit_test(the_mode_is_the_smallest_of_the_most_frequent),
             cmocka_unit_test(runs_of_equals_are_numbered),
             cmocka_unit_test(rows_are_ordered_by_their_first_difference),
             cmocka_unit_test(without_memory_they_say_so))
