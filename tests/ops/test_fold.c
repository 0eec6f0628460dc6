/* test_fold.c - windows as columns, and back. Expected values: PyTorch 2.13. */
/* ctest: threads */
#include "tensors.h"

#include <tensorgrad/tensorgrad.h>

static void windows_become_columns(void **state) {
    (void)state;
    tg_tensor *y = tg_unfold2d(counting(TG_SHAPE(1, 1, 3, 3)), TG_SHAPE(2), NULL);
    assert_shape(y, TG_F64, TG_SHAPE(1, 4, 4));
    assert_values(y, 0, 1, 3, 4, 1, 2, 4, 5, 3, 4, 6, 7, 4, 5, 7, 8);
    tg_fold_options o = TG_FOLD_OPTIONS_INIT;
    o.dilation[0] = o.dilation[1] = 2;
    o.padding[1] = 1;
    y = tg_unfold2d(counting(TG_SHAPE(1, 2, 3)), TG_SHAPE(1, 2), &o);
    assert_shape(y, TG_F64, TG_SHAPE(2, 6)); /* without a batch */
    assert_values(y, 0, 0, 1, 0, 3, 4, 1, 2, 0, 4, 5, 0);
}

static void folding_counts_overlaps(void **state) {
    (void)state;
    tg_tensor *ones = tg_ones(TG_F64, TG_SHAPE(1, 4, 4));
    tg_tensor *x = tg_fold(ones, TG_SHAPE(3, 3), TG_SHAPE(2), NULL);
    assert_shape(x, TG_F64, TG_SHAPE(1, 1, 3, 3));
    assert_values(x, 1, 2, 1, 2, 4, 2, 1, 2, 1);
    assert_shape(tg_fold(tg_ones(TG_F32, TG_SHAPE(4, 4)), TG_SHAPE(3), TG_SHAPE(2), NULL), TG_F32,
                 TG_SHAPE(1, 3, 3));
    assert_shape(tg_fold(tg_ones(TG_F32, TG_SHAPE(0, 4, 4)), TG_SHAPE(3), TG_SHAPE(2), NULL),
                 TG_F32, TG_SHAPE(0, 1, 3, 3));
}

static void each_is_the_gradient_of_the_other(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(1, 1, 3, 3)));
    sum_backward(tg_unfold2d(x, TG_SHAPE(2), NULL));
    assert_values(tg_grad(x), 1, 2, 1, 2, 4, 2, 1, 2, 1);
    tg_tensor *col = leaf(counting(TG_SHAPE(1, 4, 4)));
    tg_tensor *g =
        slope(tg_fold(col, TG_SHAPE(3), TG_SHAPE(2), NULL), counting(TG_SHAPE(1, 1, 3, 3)), col);
    assert_values(g, 0, 1, 3, 4, 1, 2, 4, 5, 3, 4, 6, 7, 4, 5, 7, 8);
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(1, 1, 3, 3));
    assert_refused(tg_unfold2d(x, TG_SHAPE(4), NULL), TG_ERR_SHAPE, "unfold2d: f64 [1, 1, 3, 3]",
                   "window of 4");
    assert_refused(tg_unfold2d(ROW(1, 2), TG_SHAPE(1), NULL), TG_ERR_SHAPE, "f64 [2]",
                   "[N, C, H, W]");
    assert_refused(tg_unfold2d(tg_cast(x, TG_I64), TG_SHAPE(2), NULL), TG_ERR_DTYPE, "i64");
    tg_tensor *col = counting(TG_SHAPE(1, 4, 4));
    assert_refused(tg_fold(col, TG_SHAPE(3, 4), TG_SHAPE(2), NULL), TG_ERR_SHAPE,
                   "fold: x is f64 [1, 4, 4]", "6 windows");
    assert_refused(tg_fold(col, TG_SHAPE(3), TG_SHAPE(3, 1), NULL), TG_ERR_SHAPE, "3 elements");
    assert_refused(tg_fold(col, TG_SHAPE(0), TG_SHAPE(2), NULL), TG_ERR_SHAPE, "output_size [0]");
    assert_refused(tg_fold(x, TG_SHAPE(3), TG_SHAPE(2), NULL), TG_ERR_SHAPE, "f64 [1, 1, 3, 3]");
    tg_fold_options o = TG_FOLD_OPTIONS_INIT;
    o.stride[1] = 0;
    assert_refused(tg_unfold2d(x, TG_SHAPE(2), &o), TG_ERR_ARG, "stride is 0");
}

TG_TEST_MAIN(tg_scoped(windows_become_columns), tg_scoped(folding_counts_overlaps),
             tg_scoped(each_is_the_gradient_of_the_other), tg_scoped(what_does_not_fit_is_refused))
