/* test_triangle.c - tril, triu and their indices. */
#include "tensors.h"

static void tril_and_triu_keep_one_side(void **state) {
    (void)state;
    tg_tensor *x = leaf(of(TG_F64, TG_SHAPE(2, 3), LIST(1, 2, 3, 4, 5, 6)));
    assert_values(tg_tril(x, 0), 1, 0, 0, 4, 5, 0);
    assert_values(tg_tril(x, 1), 1, 2, 0, 4, 5, 6);
    assert_values(tg_tril(x, -1), 0, 0, 0, 4, 0, 0);
    assert_values(tg_triu(x, 0), 1, 2, 3, 0, 5, 6);
    assert_values(tg_triu(x, 2), 0, 0, 3, 0, 0, 0);
    assert_values(tg_triu(x, -1), 1, 2, 3, 4, 5, 6);
    assert_values(tg_tril(x, INT64_MAX), 1, 2, 3, 4, 5, 6);
    assert_values(tg_tril(x, INT64_MIN), 0, 0, 0, 0, 0, 0);
    assert_values(tg_triu(x, INT64_MAX), 0, 0, 0, 0, 0, 0);
    assert_values(tg_triu(x, INT64_MIN), 1, 2, 3, 4, 5, 6);
    assert_values(slope(tg_square(tg_tril(x, 0)), NULL, x), 2, 0, 0, 8, 10, 0);
    assert_shape(tg_tril(tg_zeros(TG_F32, TG_SHAPE(2, 0, 3)), 0), TG_F32, TG_SHAPE(2, 0, 3));
    for (int dtype = TG_F32; dtype <= TG_BF16; dtype++) {
        tg_tensor *m = tg_cast(grid(TG_F64, 2, 2, LIST(1, 1, 1, 1)), (tg_dtype)dtype);
        assert_values(tg_cast(tg_triu(m, 1), TG_F64), 0, 1, 0, 0);
    }
}

/* 0 times NaN would be NaN. */
static void what_is_cut_is_zero_whatever_it_was(void **state) {
    (void)state;
    tg_tensor *x = grid(TG_F64, 2, 2, LIST(NAN, INFINITY, 1, NAN));
    assert_values(tg_triu(x, 1), 0, INFINITY, 0, 0);
    tg_tensor *y = counting(TG_SHAPE(2, 2));
    assert_ptr_equal(tg_tril_(y, -1), y);
    assert_values(y, 0, 0, 2, 0);
    tg_tensor *z = counting(TG_SHAPE(2, 2));
    tg_tensor *turned = tg_transpose(z, 0, 1);
    assert_ptr_equal(tg_triu_(turned, 1), turned);
    assert_values(z, 0, 0, 2, 0);
}

static void matrices_are_needed(void **state) {
    (void)state;
    assert_refused(tg_tril(ROW(1, 2), 0), TG_ERR_SHAPE, "tril: ", "f64 [2]");
    assert_refused(tg_triu(number(1), 0), TG_ERR_SHAPE, "triu: ");
}

static void indices_are_those_of_the_kept_elements(void **state) {
    (void)state;
    tg_tensor *y = tg_tril_indices(3, 2, 0);
    assert_shape(y, TG_I64, TG_SHAPE(2, 5));
    assert_values(y, 0, 1, 1, 2, 2, 0, 0, 1, 0, 1);
    assert_values(tg_triu_indices(2, 3, 1), 0, 0, 1, 1, 2, 2);
    assert_values(tg_tril_indices(2, 2, -1), 1, 0);
    assert_shape(tg_triu_indices(2, 2, 5), TG_I64, TG_SHAPE(2, 0));
    assert_shape(tg_tril_indices(0, 4, 0), TG_I64, TG_SHAPE(2, 0));
    assert_shape(tg_tril_indices(2, 2, INT64_MAX), TG_I64, TG_SHAPE(2, 4));
    assert_shape(tg_triu_indices(2, 2, INT64_MIN), TG_I64, TG_SHAPE(2, 4));
    /* matrices far larger than memory take no longer */
    assert_values(tg_triu_indices(INT64_MAX, 1, 0), 0, 0);
    assert_values(tg_tril_indices(INT64_MAX, 1, 1 - INT64_MAX), INT64_MAX - 1, 0);
    assert_values(tg_tril_indices(1, INT64_MAX, 0), 0, 0);
    assert_refused(tg_tril_indices(INT64_MAX, 1, 0), TG_ERR_SHAPE, "tril_indices: ");
    assert_refused(tg_tril_indices(INT64_MAX, 2, 0), TG_ERR_SHAPE, "tril_indices: ");
    assert_shape(tg_triu_indices(INT64_MAX, 1, 1), TG_I64, TG_SHAPE(2, 0));
    assert_values(tg_triu_indices(3, 3, -1), 0, 0, 0, 1, 1, 1, 2, 2, 0, 1, 2, 0, 1, 2, 1, 2);
    assert_values(tg_tril_indices(2, 4, 1), 0, 0, 1, 1, 1, 0, 1, 0, 1, 2);
    assert_refused(tg_tril_indices(-1, 2, 0), TG_ERR_SHAPE, "tril_indices: ", "[-1, 2]");
}

TG_TEST_MAIN(tg_scoped(tril_and_triu_keep_one_side), tg_scoped(what_is_cut_is_zero_whatever_it_was),
             tg_scoped(matrices_are_needed), tg_scoped(indices_are_those_of_the_kept_elements))
