/* test_pool.c - pooling by maximum, and its undoing. Expected values: PyTorch 2.13, f64. */
/* ctest: threads */
#include "tensors.h"

#include <tensorgrad/tensorgrad.h>

#define INF INFINITY

static tg_tensor *line(tg_tensor *x) { return tg_test_made(tg_reshape(x, TG_SHAPE(1, 1, -1))); }
#define LINE(...) line(ROW(__VA_ARGS__))

static void the_first_of_equals_wins_and_gets_the_gradient(void **state) {
    (void)state;
    tg_pool_options o = TG_POOL_OPTIONS_INIT;
    o.stride[0] = 1;
    tg_tensor *x = leaf(LINE(1, 1, 0, 1));
    tg_tensor *at = NULL;
    tg_tensor *y = tg_max_pool1d(x, TG_SHAPE(2), &o, &at);
    assert_values(y, 1, 1, 1);
    assert_shape(at, TG_I64, TG_SHAPE(1, 1, 3));
    assert_values(at, 0, 1, 3);
    sum_backward(y);
    assert_values(tg_grad(x), 1, 1, 0, 1);
}

static void nan_wins(void **state) {
    (void)state;
    tg_pool_options o = TG_POOL_OPTIONS_INIT;
    o.stride[0] = 1;
    tg_tensor *at = NULL;
    assert_values(tg_max_pool1d(LINE(1, NAN, 3, INF, 2), TG_SHAPE(3), &o, &at), NAN, NAN, INF);
    assert_values(at, 1, 1, 3);
    assert_values(tg_adaptive_max_pool1d(LINE(1, NAN, 3, NAN), TG_SHAPE(1), &at), NAN);
    assert_values(at, 3); /* the last NaN, as in PyTorch */
}

static void padding_never_wins_and_ceil_mode_leaves_out_what_starts_beyond(void **state) {
    (void)state;
    tg_pool_options o = TG_POOL_OPTIONS_INIT;
    o.stride[0] = 3;
    o.padding[0] = 1;
    o.ceil_mode = true;
    assert_values(tg_max_pool1d(LINE(-1, -2, -3, -4), TG_SHAPE(2), &o, NULL), -1, -3);
    o.stride[0] = 2;
    assert_values(tg_max_pool1d(LINE(-INF, -INF, 5), TG_SHAPE(2), &o, NULL), -INF, 5);
    assert_shape(tg_max_pool2d(counting(TG_SHAPE(1, 5, 5)), TG_SHAPE(2), NULL, NULL), TG_F64,
                 TG_SHAPE(1, 2, 2));
}

static void indices_count_within_a_channel(void **state) {
    (void)state;
    tg_tensor *at = NULL;
    tg_tensor *y = tg_max_pool2d(counting(TG_SHAPE(2, 4, 4)), TG_SHAPE(2), NULL, &at);
    assert_values(y, 5, 7, 13, 15, 21, 23, 29, 31);
    assert_values(at, 5, 7, 13, 15, 5, 7, 13, 15);
    y = tg_max_pool3d(counting(TG_SHAPE(1, 2, 2, 2)), TG_SHAPE(2), NULL, &at);
    assert_values(y, 7);
    assert_values(at, 7);
}

static void integers_and_empty_batches_are_taken(void **state) {
    (void)state;
    tg_tensor *x = tg_cast(tg_neg(counting(TG_SHAPE(1, 1, 4))), TG_I64);
    assert_shape(tg_max_pool1d(x, TG_SHAPE(2), NULL, NULL), TG_I64, TG_SHAPE(1, 1, 2));
    assert_values(tg_max_pool1d(x, TG_SHAPE(2), NULL, NULL), 0, -2);
    assert_refused(tg_max_pool1d(tg_cast(x, TG_BOOL), TG_SHAPE(2), NULL, NULL), TG_ERR_DTYPE,
                   "max_pool1d: bool", "u8");
    assert_shape(tg_max_pool1d(tg_zeros(TG_F32, TG_SHAPE(0, 3, 4)), TG_SHAPE(2), NULL, NULL),
                 TG_F32, TG_SHAPE(0, 3, 2));
    assert_shape(tg_adaptive_max_pool1d(tg_zeros(TG_F32, TG_SHAPE(2, 3, 4)), TG_SHAPE(0), NULL),
                 TG_F32, TG_SHAPE(2, 3, 0));
}

static void adaptive_parts_overlap_where_they_must(void **state) {
    (void)state;
    tg_tensor *at = NULL;
    assert_values(tg_adaptive_max_pool1d(LINE(5, 1, 4, 2, 3), TG_SHAPE(3), &at), 5, 4, 3);
    assert_values(at, 0, 2, 4);
    tg_tensor *y = tg_adaptive_max_pool2d(counting(TG_SHAPE(1, 3, 4)), TG_SHAPE(-1, 2), NULL);
    assert_values(y, 1, 3, 5, 7, 9, 11);
    assert_values(tg_adaptive_max_pool3d(counting(TG_SHAPE(1, 2, 2, 2)), TG_SHAPE(1), NULL), 7);
}

static void unpooling_puts_values_back(void **state) {
    (void)state;
    tg_tensor *at = NULL;
    tg_tensor *x = counting(TG_SHAPE(1, 1, 2, 4));
    tg_tensor *y = leaf(tg_detach(tg_max_pool2d(x, TG_SHAPE(2), NULL, &at)));
    tg_tensor *back = tg_max_unpool2d(y, at, TG_SHAPE(2), NULL);
    assert_values(back, 0, 0, 0, 0, 0, 5, 0, 7);
    assert_values(slope(back, tg_add_scalar(x, 1), y), 6, 8);
    tg_unpool_options o = TG_UNPOOL_OPTIONS_INIT;
    o.output_size[0] = 5;
    tg_tensor *i = tg_reshape(tg_cast(ROW(1, 2), TG_I32), TG_SHAPE(1, 2));
    assert_values(tg_max_unpool1d(tg_reshape(ROW(5, 7), TG_SHAPE(1, 2)), i, TG_SHAPE(2), &o), 0, 5,
                  7, 0, 0);
    i = tg_zeros(TG_I64, TG_SHAPE(1, 1, 1, 1));
    assert_values(tg_max_unpool3d(tg_ones(TG_F64, TG_SHAPE(1, 1, 1, 1)), i, TG_SHAPE(1), NULL), 1);
}

static void unpooling_refuses_indices_and_sizes_that_do_not_fit(void **state) {
    (void)state;
    tg_tensor *x = tg_reshape(ROW(5, 7), TG_SHAPE(1, 2));
    tg_tensor *far = tg_reshape(tg_cast(ROW(1, 4), TG_I64), TG_SHAPE(1, 2));
    tg_tensor *at = tg_zeros(TG_I64, TG_SHAPE(1, 2));
    assert_refused(tg_max_unpool1d(x, far, TG_SHAPE(2), NULL), TG_ERR_INDEX,
                   "max_unpool1d: index 4 lies outside of a plane of 4");
    assert_refused(tg_max_unpool1d(x, tg_zeros(TG_I64, TG_SHAPE(1, 3)), TG_SHAPE(2), NULL),
                   TG_ERR_SHAPE, "f64 [1, 2]", "i64 [1, 3]");
    assert_refused(tg_max_unpool1d(x, x, TG_SHAPE(2), NULL), TG_ERR_DTYPE, "f64 [1, 2]", "i64");
    tg_unpool_options o = TG_UNPOOL_OPTIONS_INIT;
    o.output_size[0] = 6;
    assert_refused(tg_max_unpool1d(x, at, TG_SHAPE(2), &o), TG_ERR_SHAPE, "output_size is 6",
                   "3 to 5");
    o.output_size[0] = 0;
    o.padding[0] = 2;
    assert_refused(tg_max_unpool1d(x, at, TG_SHAPE(2), &o), TG_ERR_SHAPE, "cover 0 positions");
}

static void windows_that_do_not_fit_are_refused(void **state) {
    (void)state;
    tg_tensor *x = tg_ones(TG_F32, TG_SHAPE(1, 1, 3));
    tg_pool_options o = TG_POOL_OPTIONS_INIT;
    assert_refused(tg_max_pool1d(x, TG_SHAPE(4), NULL, NULL), TG_ERR_SHAPE,
                   "max_pool1d: f32 [1, 1, 3]", "window of 4", "3 positions");
    o.padding[0] = 2;
    assert_refused(tg_max_pool1d(x, TG_SHAPE(3), &o, NULL), TG_ERR_ARG, "padding is 2",
                   "at most half");
    o = (tg_pool_options)TG_POOL_OPTIONS_INIT;
    o.padding[0] = 1;
    o.dilation[0] = 3; /* positions -1 and 2 of 1 */
    o.stride[0] = 1;
    assert_refused(tg_max_pool1d(tg_ones(TG_F32, TG_SHAPE(1, 1, 2)), TG_SHAPE(2), &o, NULL),
                   TG_ERR_SHAPE, "window 0 lies in the padding");
    o = (tg_pool_options)TG_POOL_OPTIONS_INIT;
    o.divisor_override = 3;
    assert_refused(tg_max_pool1d(x, TG_SHAPE(3), &o, NULL), TG_ERR_ARG, "divisor_override");
    tg_tensor *at = x;
    assert_refused(tg_max_pool2d(tg_ones(TG_F32, TG_SHAPE(4)), TG_SHAPE(2), NULL, &at),
                   TG_ERR_SHAPE, "f32 [4]", "[N, C, H, W]");
    assert_null(at);
    assert_refused(tg_adaptive_max_pool1d(x, TG_SHAPE(-2), NULL), TG_ERR_SHAPE,
                   "output_size is -2");
}

/* Kernels may be larger than x; the number of positions in this one is 2^64 - 1. */
static void a_kernel_may_have_more_positions_than_can_be_counted(void **state) {
    (void)state;
    tg_pool_options o = TG_POOL_OPTIONS_INIT;
    const int64_t kernel[3] = {5, 1722007169, 2142470067};
    for (int d = 0; d < 3; d++)
        o.padding[d] = kernel[d] / 2;
    tg_tensor *x = tg_full(TG_F64, TG_SHAPE(1, 1, 1, 1, 1), 7);
    assert_values(tg_max_pool3d(x, 3, kernel, &o, NULL), 7);
    o.divisor_override = 2;
    assert_values(tg_avg_pool3d(x, 3, kernel, &o), 3.5);
}

TG_TEST_MAIN(tg_scoped(the_first_of_equals_wins_and_gets_the_gradient), tg_scoped(nan_wins),
             tg_scoped(padding_never_wins_and_ceil_mode_leaves_out_what_starts_beyond),
             tg_scoped(indices_count_within_a_channel),
             tg_scoped(integers_and_empty_batches_are_taken),
             tg_scoped(adaptive_parts_overlap_where_they_must),
             tg_scoped(unpooling_puts_values_back),
             tg_scoped(unpooling_refuses_indices_and_sizes_that_do_not_fit),
             tg_scoped(windows_that_do_not_fit_are_refused),
             tg_scoped(a_kernel_may_have_more_positions_than_can_be_counted))
