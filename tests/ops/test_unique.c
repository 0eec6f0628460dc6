/* test_unique.c - the different values of a tensor, which one each is, and how often. */
#include "tensors.h"

static void values_come_in_order_with_inverse_and_counts(void **state) {
    (void)state;
    tg_tensor *inverse;
    tg_tensor *counts;
    tg_tensor *x = grid(TG_I64, 2, 3, LIST(3, 1, 3, -2, 1, 3));
    tg_tensor *y = tg_unique(x, &inverse, &counts);
    assert_shape(y, TG_I64, TG_SHAPE(3));
    assert_values(y, -2, 1, 3);
    assert_shape(inverse, TG_I64, TG_SHAPE(2, 3));
    assert_values(inverse, 2, 1, 2, 0, 1, 2);
    assert_values(counts, 1, 2, 3);
    assert_values(tg_unique(tg_transpose(x, 0, 1), &inverse, NULL), -2, 1, 3);
    assert_values(inverse, 2, 0, 1, 1, 2, 2);
    for (int dtype = TG_F32; dtype <= TG_BOOL; dtype++)
        assert_values(tg_unique(row((tg_dtype)dtype, LIST(1, 0, 1, 1)), NULL, &counts), 0, 1);
    assert_values(counts, 1, 3);
    assert_values(tg_unique(number(4), &inverse, NULL), 4);
    assert_shape(inverse, TG_I64, TG_0D);
    assert_shape(tg_unique(tg_zeros(TG_F32, TG_SHAPE(2, 0)), &inverse, &counts), TG_F32,
                 TG_SHAPE(0));
    assert_shape(inverse, TG_I64, TG_SHAPE(2, 0));
    assert_shape(counts, TG_I64, TG_SHAPE(0));
}

/* Values of PyTorch. */
static void each_nan_is_a_value_of_its_own(void **state) {
    (void)state;
    tg_tensor *inverse;
    tg_tensor *counts;
    assert_values(tg_unique(ROW(NAN, 1, NAN, 0, -0.0), &inverse, &counts), 0, 1, NAN, NAN);
    assert_values(inverse, 2, 1, 3, 0, 0);
    assert_values(counts, 2, 1, 1, 1);
    assert_values(tg_unique_consecutive(ROW(NAN, NAN, 1, 0, -0.0), &inverse, &counts), NAN, NAN, 1,
                  0);
    assert_values(inverse, 0, 1, 2, 3, 3);
    assert_values(counts, 1, 1, 1, 2);
}

static void repetitions_are_left_out_where_they_stand(void **state) {
    (void)state;
    tg_tensor *inverse;
    tg_tensor *counts;
    tg_tensor *x = grid(TG_I32, 2, 3, LIST(1, 1, 2, 2, 2, 1));
    assert_values(tg_unique_consecutive(x, &inverse, &counts), 1, 2, 1);
    assert_shape(inverse, TG_I64, TG_SHAPE(2, 3));
    assert_values(inverse, 0, 0, 1, 1, 1, 2);
    assert_values(counts, 2, 3, 1);
    inverse = counts = number(1);
    assert_refused(tg_unique(NULL, &inverse, &counts), TG_ERR_ARG, "unique: ", "x is NULL");
    assert_null(inverse);
    assert_null(counts);
}

static void slices_are_compared_element_by_element(void **state) {
    (void)state;
    tg_tensor *inverse;
    tg_tensor *counts;
    tg_tensor *x = grid(TG_I64, 4, 2, LIST(1, 9, 0, 5, 1, 2, 1, 9));
    tg_tensor *y = tg_unique_dim(x, 0, &inverse, &counts);
    assert_shape(y, TG_I64, TG_SHAPE(3, 2));
    assert_values(y, 0, 5, 1, 2, 1, 9);
    assert_values(inverse, 2, 0, 1, 2);
    assert_values(counts, 1, 1, 2);
    y = tg_unique_dim(tg_transpose(x, 0, 1), -1, &inverse, NULL);
    assert_shape(y, TG_I64, TG_SHAPE(2, 3));
    assert_values(y, 0, 1, 1, 5, 2, 9);
    assert_values(inverse, 2, 0, 1, 2);
    tg_tensor *f = grid(TG_F64, 3, 2, LIST(1, NAN, 1, NAN, 0, -0.0));
    assert_values(tg_unique_dim(f, 0, NULL, &counts), 0, -0.0, 1, NAN, 1, NAN);
    assert_values(counts, 1, 1, 1);
    y = tg_unique_consecutive_dim(grid(TG_U8, 4, 2, LIST(1, 9, 1, 9, 0, 5, 1, 9)), 0, &inverse,
                                  &counts);
    assert_values(y, 1, 9, 0, 5, 1, 9);
    assert_values(inverse, 0, 0, 1, 2);
    assert_values(counts, 2, 1, 1);
    assert_shape(tg_unique_dim(tg_zeros(TG_F64, TG_SHAPE(0, 3)), 0, &inverse, NULL), TG_F64,
                 TG_SHAPE(0, 3));
    assert_shape(inverse, TG_I64, TG_SHAPE(0));
    assert_refused(tg_unique_dim(number(1), 0, &inverse, &counts), TG_ERR_SHAPE,
                   "unique_dim: ", "f64 []");
    assert_null(counts);
    assert_refused(tg_unique_consecutive_dim(x, 2, NULL, NULL), TG_ERR_INDEX,
                   "unique_consecutive_dim: ", "dim 2");
}

TG_TEST_MAIN(tg_scoped(slices_are_compared_element_by_element),
             tg_scoped(values_come_in_order_with_inverse_and_counts),
             tg_scoped(each_nan_is_a_value_of_its_own),
             tg_scoped(repetitions_are_left_out_where_they_stand))
