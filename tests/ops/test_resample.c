/* test_resample.c - interpolation. Expected values: PyTorch 2.13, f64. */
/* ctest: threads */
#include "tensors.h"

#include <tensorgrad/tensorgrad.h>

static tg_tensor *resized(tg_tensor *x, tg_interpolate_mode mode, int64_t rows, int64_t cols,
                          bool align) {
    tg_interpolate_options o = TG_INTERPOLATE_OPTIONS_INIT;
    o.mode = mode;
    o.output_size[0] = rows;
    o.output_size[1] = cols;
    o.align_corners = align;
    return tg_interpolate(x, &o);
}

static tg_tensor *scaled(tg_tensor *x, tg_interpolate_mode mode, double factor, bool recompute) {
    tg_interpolate_options o = TG_INTERPOLATE_OPTIONS_INIT;
    o.mode = mode;
    o.scale_factor[0] = factor;
    o.recompute_scale_factor = recompute;
    return tg_upsample(x, &o);
}

static void nearest_positions_are_those_of_pytorch(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(1, 1, 3));
    assert_values(resized(x, TG_INTERPOLATE_NEAREST, 7, 0, false), 0, 0, 0, 1, 1, 2, 2);
    assert_values(resized(x, TG_INTERPOLATE_NEAREST_EXACT, 7, 0, false), 0, 0, 1, 1, 1, 2, 2);
    assert_values(resized(x, TG_INTERPOLATE_NEAREST, 6, 0, false), 0, 0, 1, 1, 2, 2);
    assert_values(resized(x, TG_INTERPOLATE_NEAREST, 2, 0, false), 0, 1);
    /* 49 · (2 / 98) is 1 in f32, less in f64 */
    assert_close(
        at(resized(counting(TG_SHAPE(1, 1, 2)), TG_INTERPOLATE_NEAREST_EXACT, 98, 0, false), 49), 1,
        0, 0);
}

static void linear_positions_follow_scale_factor_unless_recomputed(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(1, 1, 3));
    assert_values_near(scaled(x, TG_INTERPOLATE_LINEAR, 1.5, false), 1e-15, 0, 0.5, 7.0 / 6,
                       11.0 / 6);
    x = tg_reshape(ROW(0, 2), TG_SHAPE(1, 1, 2));
    assert_values_near(scaled(x, TG_INTERPOLATE_LINEAR, 1.7, false), 1e-15, 0, 0.7647058823529412,
                       1.9411764705882355);
    assert_values_near(scaled(x, TG_INTERPOLATE_LINEAR, 1.7, true), 1e-15, 0, 1, 2);
}

static void planes_are_resampled_in_both_dims(void **state) {
    (void)state;
    tg_tensor *x = tg_reshape(ROW(1, 2, 3, 5), TG_SHAPE(1, 1, 2, 2));
    assert_values_near(resized(x, TG_INTERPOLATE_BILINEAR, 3, 4, true), 1e-15, 1, 4.0 / 3, 5.0 / 3,
                       2, 2, 2.5, 3, 3.5, 3, 11.0 / 3, 13.0 / 3, 5);
    x = tg_reshape(ROW(1, 2, 4), TG_SHAPE(1, 1, 1, 3));
    assert_values_near(resized(x, TG_INTERPOLATE_BICUBIC, 1, 5, false), 1e-14, 0.904, 1.244, 2,
                       3.296, 4.192);
    assert_values_near(resized(x, TG_INTERPOLATE_BICUBIC, 1, 5, true), 1e-15, 1, 1.3125, 2, 3.09375,
                       4);
    tg_interpolate_options o = TG_INTERPOLATE_OPTIONS_INIT;
    o.mode = TG_INTERPOLATE_TRILINEAR;
    o.output_size[0] = 1;
    o.output_size[1] = 3;
    o.output_size[2] = 2;
    assert_values(tg_interpolate(counting(TG_SHAPE(1, 1, 2, 2, 2)), &o), 2, 3, 3, 4, 4, 5);
}

static void area_is_the_mean_of_parts(void **state) {
    (void)state;
    tg_tensor *x = tg_add_scalar(counting(TG_SHAPE(1, 1, 5)), 1);
    assert_values(resized(x, TG_INTERPOLATE_AREA, 3, 0, false), 1.5, 3, 4.5);
    assert_values(scaled(counting(TG_SHAPE(1, 1, 2, 2)), TG_INTERPOLATE_AREA, 0.5, false), 1.5);
    assert_values(scaled(counting(TG_SHAPE(1, 1, 2, 2, 2)), TG_INTERPOLATE_AREA, 0.5, false), 3.5);
}

static void the_gradient_is_the_adjoint(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(1, 1, 3)));
    tg_tensor *y = scaled(x, TG_INTERPOLATE_LINEAR, 2, false); /* weights ¼ and ¾ */
    tg_tensor *g = slope(tg_square(y), NULL, x);
    assert_values(y, 0, 0.25, 0.75, 1.25, 1.75, 2);
    assert_values(g, 0.75, 4, 7.25);
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(1, 1, 3));
    assert_refused(resized(x, TG_INTERPOLATE_BILINEAR, 4, 4, false), TG_ERR_SHAPE,
                   "interpolate: x is f64 [1, 1, 3]", "BILINEAR", "2 spatial dims");
    assert_refused(resized(x, TG_INTERPOLATE_NEAREST, 4, 0, true), TG_ERR_ARG, "align_corners",
                   "NEAREST");
    assert_refused(resized(x, (tg_interpolate_mode)7, 4, 0, false), TG_ERR_ARG, "mode is 7");
    assert_refused(resized(x, TG_INTERPOLATE_NEAREST, 0, 0, false), TG_ERR_ARG, "neither size");
    assert_refused(resized(x, TG_INTERPOLATE_NEAREST, -1, 0, false), TG_ERR_SHAPE, "size -1");
    assert_refused(scaled(x, TG_INTERPOLATE_NEAREST, 0.1, false), TG_ERR_SHAPE, "size 0");
    assert_refused(scaled(x, TG_INTERPOLATE_NEAREST, NAN, false), TG_ERR_ARG, "scale_factor is ");
    assert_refused(scaled(x, TG_INTERPOLATE_NEAREST, -1, false), TG_ERR_ARG, "scale_factor is -1");
    assert_refused(resized(ROW(1, 2), TG_INTERPOLATE_NEAREST, 4, 0, false), TG_ERR_SHAPE, "f64 [2]",
                   "[N, C, L]");
    assert_refused(resized(tg_cast(x, TG_I32), TG_INTERPOLATE_NEAREST, 4, 0, false), TG_ERR_DTYPE,
                   "i32", "f32, f64");
    assert_shape(resized(tg_zeros(TG_F32, TG_SHAPE(0, 2, 3)), TG_INTERPOLATE_LINEAR, 5, 0, false),
                 TG_F32, TG_SHAPE(0, 2, 5));
    tg_interpolate_options o = TG_INTERPOLATE_OPTIONS_INIT;
    o.output_size[0] = 4;
    o.scale_factor[0] = 2;
    assert_refused(tg_interpolate(x, &o), TG_ERR_ARG, "both size and scale_factor");
    assert_refused(tg_interpolate(NULL, NULL), TG_ERR_ARG, "argument x is NULL");
}

TG_TEST_MAIN(tg_scoped(nearest_positions_are_those_of_pytorch),
             tg_scoped(linear_positions_follow_scale_factor_unless_recomputed),
             tg_scoped(planes_are_resampled_in_both_dims), tg_scoped(area_is_the_mean_of_parts),
             tg_scoped(the_gradient_is_the_adjoint), tg_scoped(what_does_not_fit_is_refused))
