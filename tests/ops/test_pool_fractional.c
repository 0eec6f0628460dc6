/* test_pool_fractional.c - windows from given samples. Expected values: PyTorch 2.13. */
/* ctest: threads */
#include "tensors.h"

#include <tensorgrad/tensorgrad.h>

static void windows_are_those_of_pytorch(void **state) {
    (void)state;
    tg_fractional_pool_options o = TG_FRACTIONAL_POOL_OPTIONS_INIT;
    o.kernel_size[0] = o.kernel_size[1] = 2;
    o.output_size[0] = o.output_size[1] = 3;
    tg_tensor *x = leaf(counting(TG_SHAPE(1, 1, 5, 5)));
    tg_tensor *samples = tg_reshape(ROW(0.3, 0.6), TG_SHAPE(1, 1, 2));
    tg_tensor *at = NULL;
    tg_tensor *y = tg_fractional_max_pool2d(x, samples, &o, &at);
    assert_values(y, 6, 7, 9, 16, 17, 19, 21, 22, 24);
    assert_shape(at, TG_I64, TG_SHAPE(1, 1, 3, 3));
    assert_values(at, 6, 7, 9, 16, 17, 19, 21, 22, 24);
    sum_backward(tg_square(y));
    assert_values(tg_grad(x), 0, 0, 0, 0, 0, 0, 12, 14, 0, 18, 0, 0, 0, 0, 0, 0, 32, 34, 0, 38, 0,
                  42, 44, 0, 48);
}

static void sizes_belong_to_dims(void **state) {
    (void)state;
    tg_fractional_pool_options o = TG_FRACTIONAL_POOL_OPTIONS_INIT;
    o.kernel_size[0] = 2;
    o.kernel_size[1] = 3;
    o.output_size[0] = 3;
    o.output_size[1] = 2;
    tg_tensor *samples = tg_reshape(ROW(0.7, 0.2), TG_SHAPE(1, 1, 2));
    assert_values(tg_fractional_max_pool2d(counting(TG_SHAPE(1, 5, 6)), samples, &o, NULL), 8, 11,
                  14, 17, 26, 29);
    o.kernel_size[1] = 2;
    o.kernel_size[2] = 1;
    o.output_size[0] = 2;
    o.output_size[2] = 3;
    samples = tg_reshape(ROW(0.1, 0.9, 0.5), TG_SHAPE(1, 1, 3));
    assert_values(tg_fractional_max_pool3d(counting(TG_SHAPE(1, 1, 4, 5, 6)), samples, &o, NULL),
                  36, 38, 41, 54, 56, 59, 96, 98, 101, 114, 116, 119);
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    tg_fractional_pool_options o = TG_FRACTIONAL_POOL_OPTIONS_INIT;
    tg_tensor *x = counting(TG_SHAPE(2, 1, 4, 4));
    tg_tensor *samples = tg_zeros(TG_F32, TG_SHAPE(2, 1, 2));
    assert_refused(tg_fractional_max_pool2d(x, samples, &o, NULL), TG_ERR_ARG,
                   "fractional_max_pool2d: kernel_size is 0");
    o.kernel_size[0] = o.kernel_size[1] = 2;
    assert_refused(tg_fractional_max_pool2d(x, samples, &o, NULL), TG_ERR_SHAPE, "at least 1");
    o.output_size[0] = 3;
    o.output_size[1] = 4;
    assert_refused(tg_fractional_max_pool2d(x, samples, &o, NULL), TG_ERR_SHAPE,
                   "4 windows of 2 in 4 positions");
    o.output_size[1] = 3;
    assert_shape(tg_fractional_max_pool2d(x, samples, &o, NULL), TG_F64, TG_SHAPE(2, 1, 3, 3));
    assert_refused(tg_fractional_max_pool2d(x, tg_ones(TG_F32, TG_SHAPE(2, 1, 2)), &o, NULL),
                   TG_ERR_ARG, "a sample is 1");
    assert_refused(tg_fractional_max_pool2d(x, tg_zeros(TG_F32, TG_SHAPE(1, 1, 2)), &o, NULL),
                   TG_ERR_SHAPE, "f64 [2, 1, 4, 4]", "f32 [1, 1, 2]", "[N, C, 2]");
    assert_refused(tg_fractional_max_pool2d(x, tg_zeros(TG_I64, TG_SHAPE(2, 1, 2)), &o, NULL),
                   TG_ERR_DTYPE, "i64 [2, 1, 2]");
    tg_tensor *none = tg_zeros(TG_F64, TG_SHAPE(0, 1, 4, 4));
    assert_shape(tg_fractional_max_pool2d(none, tg_zeros(TG_F32, TG_SHAPE(0, 1, 2)), &o, NULL),
                 TG_F64, TG_SHAPE(0, 1, 3, 3));
}

TG_TEST_MAIN(tg_scoped(windows_are_those_of_pytorch), tg_scoped(sizes_belong_to_dims),
             tg_scoped(what_does_not_fit_is_refused))
