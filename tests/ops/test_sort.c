/* test_sort.c - sorting along one dim, and the first of the order. */
#include "tensors.h"

#define INF INFINITY

static void equals_keep_their_order_both_ways(void **state) {
    (void)state;
    tg_tensor *from;
    tg_tensor *x = LEAF(2, 1, 2, 1, 3);
    tg_tensor *y = tg_sort(x, 0, false, false, &from);
    assert_values(y, 1, 1, 2, 2, 3);
    assert_shape(from, TG_I64, TG_SHAPE(5));
    assert_values(from, 1, 3, 0, 2, 4);
    tg_tensor *g = slope(tg_square(y), ROW(1, 2, 3, 4, 5), x);
    assert_values(g, 12, 2, 16, 4, 30);
    assert_values(slope(g, NULL, x), 6, 2, 8, 4, 10);
    assert_values(tg_sort(x, -1, true, true, &from), 3, 2, 2, 1, 1);
    assert_values(from, 4, 0, 2, 1, 3);
    assert_values(tg_argsort(x, 0, true, false), 4, 0, 2, 1, 3);
    assert_false(tg_requires_grad(tg_argsort(x, 0, true, false)));
}

static void nan_is_the_greatest_and_zeros_are_equal(void **state) {
    (void)state;
    tg_tensor *x = ROW(NAN, 1, -INF, 0.0, INF, -NAN, -0.0, -1);
    assert_values(tg_argsort(x, 0, false, false), 2, 7, 3, 6, 1, 4, 0, 5);
    assert_values(tg_argsort(x, 0, true, false), 0, 5, 4, 1, 3, 6, 7, 2);
    tg_tensor *y = tg_sort(tg_cast(x, TG_F32), 0, false, false, NULL);
    assert_values(y, -INF, -1, 0, 0, 1, INF, NAN, NAN);
    assert_true(signbit(at(y, 3)) && !signbit(at(y, 2)));
}

static void every_dim_and_dtype_is_sorted(void **state) {
    (void)state;
    for (int dtype = TG_F32; dtype <= TG_BOOL; dtype++) {
        tg_tensor *x = grid((tg_dtype)dtype, 3, 2, LIST(1, 0, 0, 1, 1, 0));
        tg_tensor *from;
        assert_shape(tg_sort(x, 0, false, false, NULL), (tg_dtype)dtype, TG_SHAPE(3, 2));
        assert_values(tg_sort(x, 0, false, false, &from), 0, 0, 1, 0, 1, 1);
        assert_values(from, 1, 0, 0, 2, 2, 1);
        assert_values(tg_msort(x), 0, 0, 1, 0, 1, 1);
        assert_values(tg_sort(tg_transpose(x, 0, 1), 1, true, false, NULL), 1, 1, 0, 1, 0, 0);
    }
    const int64_t ends[4] = {INT64_MAX, INT64_MIN, 0, -1};
    assert_values(tg_argsort(tg_from_array(TG_I64, TG_SHAPE(4), ends), 0, false, false), 1, 3, 2,
                  0);
    assert_values(tg_sort(number(7), 0, false, false, NULL), 7);
    assert_shape(tg_sort(tg_zeros(TG_F64, TG_SHAPE(2, 0)), 1, false, false, NULL), TG_F64,
                 TG_SHAPE(2, 0));
}

static void topk_is_the_beginning_of_the_order(void **state) {
    (void)state;
    tg_tensor *at_k;
    tg_tensor *x = LEAF(1, 4, 4, NAN, 0, 4);
    tg_tensor *y = tg_topk(x, 3, 0, true, true, &at_k);
    assert_values(y, NAN, 4, 4);
    assert_values(at_k, 3, 1, 2);
    assert_values(slope(y, ROW(1, 2, 3), x), 0, 2, 3, 1, 0, 0);
    assert_values(tg_topk(x, 2, -1, false, false, &at_k), 0, 1);
    assert_values(at_k, 4, 0);
    assert_shape(tg_topk(x, 0, 0, true, true, NULL), TG_F64, TG_SHAPE(0));
    assert_values(tg_topk(number(3), 1, 0, true, true, NULL), 3);
    tg_tensor *m = counting(TG_SHAPE(40, 2)); /* few of many */
    assert_values(tg_topk(m, 2, 0, true, true, &at_k), 78, 79, 76, 77);
    assert_values(at_k, 39, 39, 38, 38);
    assert_refused(tg_topk(x, 7, 0, true, true, &at_k), TG_ERR_INDEX, "topk: ", "k is 7",
                   "f64 [6]");
    assert_null(at_k);
    assert_refused(tg_topk(x, -1, 0, true, true, NULL), TG_ERR_INDEX, "topk: ", "k is -1");
    assert_refused(tg_topk(number(1), 0, 0, true, true, NULL), TG_ERR_SHAPE, "topk: ", "0-d");
    assert_refused(tg_sort(x, 1, false, false, NULL), TG_ERR_INDEX, "sort: ", "dim 1");
    assert_refused(tg_argsort(x, -2, false, false), TG_ERR_INDEX, "argsort: ", "dim -2");
}

static void a_sort_without_memory_is_a_clean_error(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(4000));
    tg_tensor *from = number(1);
    tg__alloc_fail_at(5, true);
    for (int n = 1;; n++) {
        tg__alloc_fail_at((uint64_t)n, true);
        tg_tensor *y = tg_sort(x, 0, true, false, &from);
        tg__alloc_fail_at(0, false);
        if (y != NULL)
            break;
        assert_null(from);
        assert_int_equal(tg_error_status(), TG_ERR_MEMORY);
        tg_error_clear();
    }
    assert_values(tg_select(from, 0, 0), 3999);
}

TG_TEST_MAIN(tg_scoped(equals_keep_their_order_both_ways),
             tg_scoped(nan_is_the_greatest_and_zeros_are_equal),
             tg_scoped(every_dim_and_dtype_is_sorted),
             tg_scoped(topk_is_the_beginning_of_the_order),
             tg_scoped(a_sort_without_memory_is_a_clean_error))
