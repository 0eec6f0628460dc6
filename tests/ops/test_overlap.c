/* test_overlap.c - as_strided and unfold_dim: geometry, sums of gradients, bounds. */
#include "tensors.h"

static void as_strided_sees_x_in_row_major_order(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(2, 3)));
    const int64_t size[2] = {2, 3};
    const int64_t stride[2] = {2, 1};
    tg_tensor *y = tg_as_strided(x, 2, size, stride, 1);
    assert_values(y, 1, 2, 3, 3, 4, 5);
    assert_true(tg_data(y) == (const double *)tg_data(x) + 1);
    assert_values(slope(y, NULL, x), 0, 1, 1, 2, 1, 1);
    /* the same elements whatever the layout */
    tg_tensor *turned = tg_transpose(counting(TG_SHAPE(3, 2)), 0, 1); /* 0 2 4 | 1 3 5 */
    assert_values(tg_as_strided(turned, 2, size, stride, 1), 2, 4, 1, 1, 3, 5);
    const int64_t none[2] = {0, 0};
    assert_values(tg_as_strided(x, 2, size, none, 5), 5, 5, 5, 5, 5, 5);
    assert_values(slope(tg_as_strided(x, 2, size, none, 5), NULL, x), 0, 0, 0, 0, 0, 6);
    assert_values(tg_as_strided(x, 0, NULL, NULL, 4), 4);
    assert_shape(tg_as_strided(x, 2, none, stride, 99), TG_F64, TG_SHAPE(0, 0));
    assert_refused(tg_as_strided(x, 2, size, stride, 2), TG_ERR_SHAPE, "as_strided: ", "[2, 3]",
                   "[2, 1]", "offset 2", "6 elements");
    assert_refused(tg_as_strided(x, 2, size, stride, -1), TG_ERR_SHAPE, "offset -1");
    const int64_t negative[2] = {-1, 1};
    assert_refused(tg_as_strided(x, 2, size, negative, 3), TG_ERR_SHAPE, "[-1, 1]");
    const int64_t huge[2] = {INT64_MAX, INT64_MAX};
    assert_refused(tg_as_strided(x, 2, size, huge, 0), TG_ERR_SHAPE, "as_strided: ");
    assert_refused(tg_as_strided(x, 2, huge, none, 0), TG_ERR_SHAPE, "as_strided: ");
    assert_refused(tg_as_strided(x, 2, size, NULL, 0), TG_ERR_ARG, "stride");
}

static void windows_overlap_and_gradients_add_up(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2, 3, 4, 5);
    tg_tensor *y = tg_unfold_dim(x, 0, 3, 1);
    assert_shape(y, TG_F64, TG_SHAPE(3, 3));
    assert_values(y, 1, 2, 3, 2, 3, 4, 3, 4, 5);
    assert_true(tg_data(y) == tg_data(x));
    assert_values(slope(y, NULL, x), 1, 2, 3, 2, 1);
    tg_tensor *g = slope(tg_square(y), NULL, x);
    assert_values(g, 2, 8, 18, 16, 10);
    assert_values(slope(g, NULL, x), 2, 4, 6, 4, 2);
    assert_values(tg_unfold_dim(x, 0, 2, 3), 1, 2, 4, 5);
    tg_tensor *m = tg_transpose(counting(TG_SHAPE(4, 2)), 0, 1); /* [2, 4] */
    tg_tensor *w = tg_unfold_dim(m, -1, 2, 2);
    assert_shape(w, TG_F64, TG_SHAPE(2, 2, 2));
    assert_values(w, 0, 2, 4, 6, 1, 3, 5, 7);
    assert_shape(tg_unfold_dim(number(3), 0, 1, 1), TG_F64, TG_SHAPE(1));
    assert_shape(tg_unfold_dim(x, 0, 0, 2), TG_F64, TG_SHAPE(3, 0));
    assert_values(tg_unfold_dim(x, 0, 5, INT64_MAX), 1, 2, 3, 4, 5);
    assert_refused(tg_unfold_dim(x, 0, 6, 1), TG_ERR_SHAPE, "unfold_dim: ", "size 6", "f64 [5]");
    assert_refused(tg_unfold_dim(x, 0, 2, 0), TG_ERR_SHAPE, "every 0");
    assert_refused(tg_unfold_dim(x, 0, -1, 1), TG_ERR_SHAPE, "size -1");
    tg_tensor *plain = counting(TG_SHAPE(4));
    assert_refused(tg_fill_(tg_unfold_dim(plain, 0, 3, 1), 0), TG_ERR_STATE, "fill");
}

TG_TEST_MAIN(tg_scoped(as_strided_sees_x_in_row_major_order),
             tg_scoped(windows_overlap_and_gradients_add_up))
