/* test_pool_mean.c - pooling by mean and norm. Expected values: PyTorch 2.13, f64. */
/* ctest: threads */
#include "tensors.h"

#include <tensorgrad/tensorgrad.h>

static tg_tensor *line(tg_tensor *x) { return tg_test_made(tg_reshape(x, TG_SHAPE(1, 1, -1))); }
#define LINE(...) line(ROW(__VA_ARGS__))

static void the_divisor_counts_padding_but_nothing_beyond(void **state) {
    (void)state;
    tg_pool_options o = TG_POOL_OPTIONS_INIT;
    o.ceil_mode = true;
    assert_values(tg_avg_pool1d(LINE(1, 2, 3), TG_SHAPE(2), &o), 1.5, 3);
    o = (tg_pool_options)TG_POOL_OPTIONS_INIT;
    o.stride[0] = 2;
    o.padding[0] = 1;
    assert_values(tg_avg_pool1d(LINE(1, 2, 3, 4, 5), TG_SHAPE(3), &o), 1, 3, 3);
    o.count_include_pad = false;
    assert_values(tg_avg_pool1d(LINE(1, 2, 3, 4, 5), TG_SHAPE(3), &o), 1.5, 3, 4.5);
    o.divisor_override = 2;
    assert_values(tg_avg_pool1d(LINE(1, 2, 3, 4, 5), TG_SHAPE(3), &o), 1.5, 4.5, 4.5);
    o = (tg_pool_options)TG_POOL_OPTIONS_INIT;
    o.stride[0] = 4;
    o.padding[0] = 1;
    o.ceil_mode = true;
    assert_values(tg_avg_pool1d(LINE(0, 1, 2, 3, 4, 5), TG_SHAPE(2), &o), 0, 3.5);
}

static void means_share_their_gradient_out(void **state) {
    (void)state;
    tg_tensor *x = leaf(LINE(1, 2, 3, 4, 5));
    tg_pool_options o = TG_POOL_OPTIONS_INIT;
    o.stride[0] = 2;
    tg_tensor *y = tg_avg_pool1d(x, TG_SHAPE(3), &o);
    tg_tensor *g = slope(tg_square(y), NULL, x); /* 2·y/3 per window: means 2 and 4 */
    assert_values_near(g, 1e-15, 4.0 / 3, 4.0 / 3, 4, 8.0 / 3, 8.0 / 3);
    assert_values_near(slope(tg_square(g), NULL, x), 1e-14, 80.0 / 27, 80.0 / 27, 192.0 / 27,
                       112.0 / 27, 112.0 / 27);
}

static void planes_of_two_and_three_dims_are_averaged(void **state) {
    (void)state;
    assert_values(tg_avg_pool2d(counting(TG_SHAPE(1, 2, 4)), TG_SHAPE(2), NULL), 2.5, 4.5);
    assert_values(tg_avg_pool3d(counting(TG_SHAPE(1, 2, 2, 2)), TG_SHAPE(2), NULL), 3.5);
    assert_values(tg_adaptive_avg_pool2d(counting(TG_SHAPE(1, 2, 4)), TG_SHAPE(1, 2)), 2.5, 4.5);
    assert_values(tg_adaptive_avg_pool3d(counting(TG_SHAPE(1, 2, 2, 2)), TG_SHAPE(1)), 3.5);
    assert_values(tg_adaptive_avg_pool1d(LINE(1, 2, 3, 4, 5), TG_SHAPE(3)), 1.5, 3, 4.5);
    assert_shape(tg_adaptive_avg_pool1d(tg_zeros(TG_F32, TG_SHAPE(0, 2, 5)), TG_SHAPE(3)), TG_F32,
                 TG_SHAPE(0, 2, 3));
}

static void means_refuse_what_they_do_not_take(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(1, 1, 4));
    tg_pool_options o = TG_POOL_OPTIONS_INIT;
    o.dilation[0] = 2;
    assert_refused(tg_avg_pool1d(x, TG_SHAPE(2), &o), TG_ERR_ARG, "avg_pool1d: dilation");
    assert_refused(tg_avg_pool1d(tg_cast(x, TG_I64), TG_SHAPE(2), NULL), TG_ERR_DTYPE, "i64",
                   "f32, f64");
    assert_refused(tg_avg_pool1d(x, TG_SHAPE(5), NULL), TG_ERR_SHAPE, "window of 5");
    assert_refused(tg_adaptive_avg_pool2d(x, TG_SHAPE(1, 2, 3)), TG_ERR_SHAPE,
                   "output_size has 3 entries");
}

static void norms_pool_as_in_pytorch(void **state) {
    (void)state;
    tg_pool_options o = TG_POOL_OPTIONS_INIT;
    o.ceil_mode = true;
    assert_values_near(tg_lp_pool1d(LINE(1, 2, 3, 4, 5), 2, TG_SHAPE(2), &o), 1e-15,
                       2.23606797749979, 5, 7.0710678118654755);
    tg_tensor *x = leaf(LINE(0, 0, 3, 4));
    tg_tensor *y = tg_lp_pool1d(x, 2, TG_SHAPE(2), NULL);
    assert_values_near(y, 1e-15, 0, 5);
    sum_backward(y);
    assert_values_near(tg_grad(x), 1e-15, 0, 0, 0.6, 0.8);
    assert_values(tg_lp_pool1d(LINE(-1, -2), 3, TG_SHAPE(2), NULL), NAN);
    assert_values_near(tg_lp_pool2d(tg_ones(TG_F64, TG_SHAPE(1, 2, 2)), 2, TG_SHAPE(2), NULL),
                       1e-15, 2);
    assert_values_near(tg_lp_pool3d(tg_ones(TG_F64, TG_SHAPE(1, 2, 2, 2)), 3, TG_SHAPE(2), NULL),
                       1e-15, 2);
    assert_refused(tg_lp_pool1d(x, 0, TG_SHAPE(2), NULL), TG_ERR_ARG, "lp_pool1d: p is 0");
    assert_refused(tg_lp_pool1d(x, NAN, TG_SHAPE(2), NULL), TG_ERR_ARG, "p is ");
    o.padding[0] = 1;
    assert_refused(tg_lp_pool1d(x, 2, TG_SHAPE(2), &o), TG_ERR_ARG, "stride and ceil_mode only");
}

static void responses_are_normalised_over_neighbouring_channels(void **state) {
    (void)state;
    tg_local_response_norm_options o = TG_LOCAL_RESPONSE_NORM_OPTIONS_INIT;
    o.alpha = 0.5;
    o.beta = 0.5;
    o.k = 2;
    tg_tensor *x = tg_reshape(ROW(1, 2, 3), TG_SHAPE(1, 3, 1));
    assert_values_near(tg_local_response_norm(x, 2, &o), 1e-15, 0.6666666666666666,
                       1.1094003924504583, 1.3093073414159544);
    assert_shape(tg_local_response_norm(tg_zeros(TG_F32, TG_SHAPE(2, 3, 0, 4)), 3, NULL), TG_F32,
                 TG_SHAPE(2, 3, 0, 4));
    assert_refused(tg_local_response_norm(x, 0, NULL), TG_ERR_ARG, "size is 0");
    assert_refused(tg_local_response_norm(ROW(1, 2), 1, NULL), TG_ERR_SHAPE, "f64 [2]",
                   "at least 3-d");
    o.beta = NAN;
    assert_refused(tg_local_response_norm(x, 1, &o), TG_ERR_ARG, "beta is ");
}

TG_TEST_MAIN(tg_scoped(the_divisor_counts_padding_but_nothing_beyond),
             tg_scoped(means_share_their_gradient_out),
             tg_scoped(planes_of_two_and_three_dims_are_averaged),
             tg_scoped(means_refuse_what_they_do_not_take), tg_scoped(norms_pool_as_in_pytorch),
             tg_scoped(responses_are_normalised_over_neighbouring_channels))
