/* test_search.c - positions of values in sorted sequences, and membership. */
#include "tensors.h"

#define INF INFINITY

static void values_go_before_or_behind_their_equals(void **state) {
    (void)state;
    tg_tensor *s = ROW(1, 2, 2, 3);
    tg_tensor *v = grid(TG_F64, 2, 3, LIST(2, 0, 4, NAN, -INF, 2.5));
    assert_shape(tg_searchsorted(s, v, false), TG_I64, TG_SHAPE(2, 3));
    assert_values(tg_searchsorted(s, v, false), 1, 0, 4, 4, 0, 3);
    assert_values(tg_searchsorted(s, v, true), 3, 0, 4, 4, 0, 3);
    assert_values(tg_searchsorted(s, tg_transpose(v, 0, 1), false), 1, 4, 0, 0, 4, 3);
    assert_values(tg_searchsorted(s, number(2), false), 1);
    assert_values(tg_bucketize(v, s, true), 3, 0, 4, 4, 0, 3);
    assert_values(tg_searchsorted(tg_zeros(TG_F64, TG_SHAPE(0)), v, false), 0, 0, 0, 0, 0, 0);
}

static void each_row_has_its_own_sequence(void **state) {
    (void)state;
    tg_tensor *s = grid(TG_I32, 2, 3, LIST(1, 3, 5, 2, 4, 6));
    tg_tensor *v = grid(TG_F64, 2, 2, LIST(3, 5.5, 3, 0)); /* dtypes are promoted */
    assert_values(tg_searchsorted(s, v, false), 1, 3, 1, 0);
    assert_values(tg_searchsorted(tg_contiguous(tg_transpose(s, 0, 1)),
                                  of(TG_I32, TG_SHAPE(3, 1), LIST(2, 3, 6)), true),
                  2, 1, 2);
}

static void misfits_are_refused(void **state) {
    (void)state;
    assert_refused(tg_searchsorted(counting(TG_SHAPE(2, 3)), ROW(1), false), TG_ERR_SHAPE,
                   "searchsorted: ", "f64 [2, 3]", "f64 [1]");
    assert_refused(tg_searchsorted(counting(TG_SHAPE(2, 3)), counting(TG_SHAPE(3, 2)), false),
                   TG_ERR_SHAPE, "f64 [3, 2]");
    assert_refused(tg_searchsorted(number(1), ROW(1), false), TG_ERR_SHAPE, "f64 []");
    assert_refused(tg_bucketize(ROW(1), counting(TG_SHAPE(1, 3)), false), TG_ERR_SHAPE,
                   "bucketize: ", "f64 [1, 3]");
    assert_refused(tg_bucketize(NULL, ROW(1), false), TG_ERR_ARG, "is NULL");
}

static void members_are_found_and_nan_is_none(void **state) {
    (void)state;
    tg_tensor *x = grid(TG_I64, 2, 2, LIST(1, 2, 3, 4));
    tg_tensor *list = row(TG_I64, LIST(4, 1, 4));
    assert_shape(tg_isin(x, list, false), TG_BOOL, TG_SHAPE(2, 2));
    assert_values(tg_isin(x, list, false), 1, 0, 0, 1);
    assert_values(tg_isin(x, list, true), 0, 1, 1, 0);
    assert_values(tg_isin(x, row(TG_F32, LIST(2, 2.5)), false), 0, 1, 0, 0);
    assert_values(tg_isin(ROW(NAN, 1, -0.0, INF), ROW(NAN, 0, INF), false), 0, 0, 1, 1);
    assert_values(tg_isin(ROW(1, 2), tg_zeros(TG_F64, TG_SHAPE(0)), true), 1, 1);
    assert_shape(tg_isin(tg_zeros(TG_F64, TG_SHAPE(2, 0)), ROW(1), false), TG_BOOL, TG_SHAPE(2, 0));
    assert_values(tg_isin(number(3), number(3), false), 1);
}

TG_TEST_MAIN(tg_scoped(values_go_before_or_behind_their_equals),
             tg_scoped(each_row_has_its_own_sequence), tg_scoped(misfits_are_refused),
             tg_scoped(members_are_found_and_nan_is_none))
