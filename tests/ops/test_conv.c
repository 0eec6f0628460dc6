/* test_conv.c - convolution and transposed convolution. Expected values: PyTorch 2.13, f64. */
/* ctest: threads */
#include "tensors.h"

#include <tensorgrad/tensorgrad.h>

/* 0, 1, 2, … + from. */
static tg_tensor *ramp(double from, int ndim, const int64_t *shape) {
    return tg_add_scalar(counting(ndim, shape), from);
}

/* ---- Values ---- */

static void conv1d_strides_pads_dilates_and_groups(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(1, 2, 4));
    tg_tensor *w = ramp(-5, TG_SHAPE(2, 2, 3));
    tg_tensor *b = ROW(0.5, -1);
    assert_values(tg_conv1d(x, w, b, NULL), -22.5, -37.5, 84, 105);
    tg_conv_options o = TG_CONV_OPTIONS_INIT;
    o.stride[0] = 2;
    o.padding[0] = 1;
    assert_values(tg_conv1d(x, w, b, &o), -6.5, -37.5, 52, 105);
    o = (tg_conv_options)TG_CONV_OPTIONS_INIT;
    o.dilation[0] = 2;
    o.padding[0] = 1;
    assert_values(tg_conv1d(x, w, TG_NONE, &o), -18, -22, 78, 50);
    o = (tg_conv_options)TG_CONV_OPTIONS_INIT;
    o.groups = 2;
    assert_values(tg_conv1d(counting(TG_SHAPE(1, 4, 4)), ramp(-3, TG_SHAPE(2, 2, 2)), TG_NONE, &o),
                  -6, -12, -18, 114, 124, 134);
}

static void same_padding_has_the_odd_one_on_the_right(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(1, 2, 4));
    tg_tensor *w = ramp(-3, TG_SHAPE(2, 2, 2));
    tg_conv_options o = TG_CONV_OPTIONS_INIT;
    o.auto_pad = TG_PADDING_SAME;
    assert_values(tg_conv1d(x, w, TG_NONE, &o), -6, -12, -18, -16, 34, 44, 54, 24);
    o.auto_pad = TG_PADDING_VALID;
    assert_shape(tg_conv1d(x, w, TG_NONE, &o), TG_F64, TG_SHAPE(1, 2, 3));
}

static void conv2d_and_conv3d_take_options_dim_by_dim(void **state) {
    (void)state;
    tg_conv_options o = TG_CONV_OPTIONS_INIT;
    o.stride[1] = 2;
    o.padding[0] = 1;
    tg_tensor *y =
        tg_conv2d(counting(TG_SHAPE(1, 2, 3, 4)), ramp(-7, TG_SHAPE(2, 2, 2, 2)), ROW(0.5, -1), &o);
    assert_shape(y, TG_F64, TG_SHAPE(1, 2, 4, 2));
    assert_values(y, -15.5, -35.5, -123.5, -179.5, -235.5, -291.5, -211.5, -247.5, 191, 235, 419,
                  491, 563, 635, 251, 279);
    o = (tg_conv_options)TG_CONV_OPTIONS_INIT;
    o.padding[0] = 1;
    y = tg_conv3d(counting(TG_SHAPE(2, 2, 2, 2)), ramp(-7, TG_SHAPE(1, 2, 2, 2, 2)), TG_NONE, &o);
    assert_shape(y, TG_F64, TG_SHAPE(1, 3, 1, 1)); /* without a batch */
    assert_values(y, 248, 400, 24);
}

static void transposed_convolutions_are_those_of_pytorch(void **state) {
    (void)state;
    tg_conv_options o = TG_CONV_OPTIONS_INIT;
    o.stride[0] = 2;
    o.padding[0] = 1;
    o.output_padding[0] = 1;
    tg_tensor *y = tg_conv_transpose1d(counting(TG_SHAPE(1, 2, 4)), ramp(-5, TG_SHAPE(2, 2, 3)),
                                       ROW(0.5, -1), &o);
    assert_values(y, 8.5, 12.5, 6.5, 8.5, 4.5, 4.5, 2.5, 12.5, 19, 41, 23, 49, 27, 57, 31, 41);
    o = (tg_conv_options)TG_CONV_OPTIONS_INIT;
    o.groups = 2;
    o.dilation[0] = 2;
    y = tg_conv_transpose1d(counting(TG_SHAPE(1, 4, 4)), ramp(1, TG_SHAPE(4, 1, 2)), TG_NONE, &o);
    assert_values(y, 12, 16, 36, 46, 28, 34, 124, 136, 292, 318, 172, 186);
    o = (tg_conv_options)TG_CONV_OPTIONS_INIT;
    o.stride[0] = 2;
    y = tg_conv_transpose2d(counting(TG_SHAPE(1, 2, 3, 4)), ramp(-7, TG_SHAPE(2, 2, 2, 2)),
                            ROW(0.5, -1), &o);
    assert_shape(y, TG_F64, TG_SHAPE(1, 2, 6, 5));
    assert_close(at(y, 1), 30.5, 0, 0);
    assert_close(at(y, 59), 183, 0, 0);
    y = tg_conv_transpose3d(tg_ones(TG_F64, TG_SHAPE(1, 1, 1, 1)), ramp(0, TG_SHAPE(1, 1, 1, 2, 2)),
                            TG_NONE, NULL);
    assert_shape(y, TG_F64, TG_SHAPE(1, 1, 2, 2));
    assert_values(y, 0, 1, 2, 3);
}

static void gradients_of_both_orders_are_those_of_pytorch(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(1, 2, 4)));
    tg_tensor *w = leaf(ramp(-5, TG_SHAPE(2, 2, 3)));
    tg_conv_options o = TG_CONV_OPTIONS_INIT;
    o.stride[0] = 2;
    o.padding[0] = 1;
    tg_tensor *g = slope(tg_square(tg_conv1d(x, w, TG_NONE, &o)), NULL, x);
    assert_values(g, 268, 952, 728, 864, 544, 1636, 1136, 1272);
    assert_values(slope(tg_square(g), NULL, w), -203392, -235536, -351936, -542112, -611584,
                  -739408, 503072, 564336, 930144, 1190784, 1448384, 1900688);
}

/* ---- Large ones: the batch is cut into pieces ---- */

static void a_batch_gives_what_its_images_give(void **state) {
    (void)state;
    tg_tensor *x = leaf(tg_sin(counting(TG_SHAPE(5, 8, 40, 40))));
    tg_tensor *w = leaf(tg_cos(counting(TG_SHAPE(6, 8, 3, 3))));
    tg_tensor *b = leaf(ROW(1, 2, 3, 4, 5, 6));
    tg_tensor *y = tg_conv2d(x, w, b, NULL);
    tg_tensor *sum = tg_zeros(TG_F64, TG_SHAPE(6, 8, 3, 3));
    sum_backward(tg_square(y));
    for (int i = 0; i < 5; i++) {
        tg_tensor *one = leaf(tg_clone(tg_detach(tg_narrow(x, 0, i, 1))));
        tg_tensor *weight = leaf(tg_clone(tg_detach(w)));
        tg_tensor *part = tg_conv2d(one, weight, tg_detach(b), NULL);
        tg_tensor *off = tg_sub(part, tg_narrow(y, 0, i, 1));
        assert_close(at(tg_max(tg_abs(off)), 0), 0, 0, 1e-12);
        sum_backward(tg_square(part));
        off = tg_sub(tg_grad(one), tg_narrow(tg_grad(x), 0, i, 1));
        assert_close(at(tg_max(tg_abs(off)), 0), 0, 0, 1e-11);
        sum = tg_add(sum, tg_grad(weight));
    }
    tg_tensor *off = tg_div(tg_sub(sum, tg_grad(w)), tg_max(tg_abs(sum)));
    assert_close(at(tg_max(tg_abs(off)), 0), 0, 0, 1e-13);
}

/* ---- Empty ones ---- */

static void a_batch_of_0_images_works_and_has_gradients(void **state) {
    (void)state;
    tg_tensor *x = leaf(tg_zeros(TG_F32, TG_SHAPE(0, 2, 4)));
    tg_tensor *w = leaf(tg_ones(TG_F32, TG_SHAPE(3, 2, 2)));
    tg_tensor *b = leaf(tg_ones(TG_F32, TG_SHAPE(3)));
    tg_tensor *y = tg_conv1d(x, w, b, NULL);
    assert_shape(y, TG_F32, TG_SHAPE(0, 3, 3));
    sum_backward(y);
    assert_shape(tg_grad(x), TG_F32, TG_SHAPE(0, 2, 4));
    assert_values(tg_grad(w), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    assert_values(tg_grad(b), 0, 0, 0);
    assert_values(tg_conv1d(tg_zeros(TG_F32, TG_SHAPE(1, 0, 4)), tg_ones(TG_F32, TG_SHAPE(1, 0, 2)),
                            TG_NONE, NULL),
                  0, 0, 0);
}

/* ---- Refusals ---- */

static void shapes_that_do_not_fit_are_named(void **state) {
    (void)state;
    tg_tensor *x = tg_ones(TG_F32, TG_SHAPE(1, 4, 5));
    tg_tensor *w = tg_ones(TG_F32, TG_SHAPE(6, 4, 3));
    tg_conv_options o = TG_CONV_OPTIONS_INIT;
    assert_refused(tg_conv1d(x, tg_ones(TG_F32, TG_SHAPE(6, 3, 3)), TG_NONE, NULL), TG_ERR_SHAPE,
                   "conv1d: ", "f32 [1, 4, 5]", "f32 [6, 3, 3]");
    assert_refused(tg_conv1d(x, tg_ones(TG_F32, TG_SHAPE(6, 4, 6)), TG_NONE, NULL), TG_ERR_SHAPE,
                   "conv1d: ", "f32 [1, 4, 5]", "f32 [6, 4, 6]", "larger");
    assert_refused(tg_conv2d(x, w, TG_NONE, NULL), TG_ERR_SHAPE, "conv2d: ", "KH, KW");
    assert_refused(tg_conv2d(tg_ones(TG_F32, TG_SHAPE(3)), w, TG_NONE, NULL), TG_ERR_SHAPE,
                   "conv2d: x is f32 [3]", "[N, C, H, W]");
    assert_refused(tg_conv1d(tg_ones(TG_F32, TG_SHAPE(1, 4, 0)), w, TG_NONE, NULL), TG_ERR_SHAPE,
                   "f32 [1, 4, 0]", "at least 1");
    assert_refused(tg_conv1d(x, w, tg_ones(TG_F32, TG_SHAPE(5)), NULL), TG_ERR_SHAPE, "f32 [5]",
                   "f32 [6, 4, 3]");
    o.groups = 4;
    assert_refused(tg_conv1d(x, tg_ones(TG_F32, TG_SHAPE(6, 1, 3)), TG_NONE, &o), TG_ERR_SHAPE,
                   "must divide into 4 groups");
    assert_refused(tg_conv_transpose1d(x, tg_ones(TG_F32, TG_SHAPE(3, 4, 3)), TG_NONE, NULL),
                   TG_ERR_SHAPE, "conv_transpose1d: ", "f32 [3, 4, 3]");
    o = (tg_conv_options)TG_CONV_OPTIONS_INIT;
    o.padding[0] = 4;
    assert_refused(tg_conv_transpose1d(x, tg_ones(TG_F32, TG_SHAPE(4, 1, 3)), TG_NONE, &o),
                   TG_ERR_SHAPE, "below 1");
}

static void dtypes_must_be_one_and_float(void **state) {
    (void)state;
    tg_tensor *x = tg_ones(TG_F32, TG_SHAPE(1, 1, 4));
    tg_tensor *w = tg_ones(TG_F32, TG_SHAPE(1, 1, 2));
    assert_refused(tg_conv1d(x, tg_cast(w, TG_F64), TG_NONE, NULL), TG_ERR_DTYPE,
                   "conv1d: ", "f32 [1, 1, 4]", "f64 [1, 1, 2]");
    assert_refused(tg_conv1d(tg_cast(x, TG_I32), tg_cast(w, TG_I32), TG_NONE, NULL), TG_ERR_DTYPE,
                   "i32", "f32, f64");
    assert_refused(tg_conv_transpose1d(x, w, tg_ones(TG_F64, TG_SHAPE(1)), NULL), TG_ERR_DTYPE,
                   "conv_transpose1d: ", "f64 [1]");
}

static void bad_options_are_named(void **state) {
    (void)state;
    tg_tensor *x = tg_ones(TG_F32, TG_SHAPE(1, 1, 4));
    tg_tensor *w = tg_ones(TG_F32, TG_SHAPE(1, 1, 2));
    static const struct {
        tg_conv_options o;
        const char *text;
    } bad[] = {{{sizeof bad[0].o, 0, {0, 1, 1}, {0}, {1, 1, 1}, {0}, 1}, "stride is 0"},
               {{sizeof bad[0].o, 0, {1, 1, 1}, {-1}, {1, 1, 1}, {0}, 1}, "padding is -1"},
               {{sizeof bad[0].o, 0, {1, 1, 1}, {INT64_MAX}, {1, 1, 1}, {0}, 1}, "padding is 922"},
               {{sizeof bad[0].o, 0, {1, 1, 1}, {0}, {0}, {0}, 1}, "dilation is 0"},
               {{sizeof bad[0].o, 0, {1, 1, 1}, {0}, {1, 1, 1}, {0}, 0}, "groups is 0"},
               {{sizeof bad[0].o, 3, {1, 1, 1}, {0}, {1, 1, 1}, {0}, 1}, "auto_pad is 3"},
               {{sizeof bad[0].o, 1, {2, 1, 1}, {0}, {1, 1, 1}, {0}, 1}, "needs stride 1"},
               {{sizeof bad[0].o, 2, {1, 1, 1}, {1}, {1, 1, 1}, {0}, 1}, "beside auto_pad"},
               {{sizeof bad[0].o, 0, {1, 1, 1}, {0}, {1, 1, 1}, {1}, 1}, "conv_transpose1d"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_refused(tg_conv1d(x, w, TG_NONE, &bad[i].o), TG_ERR_ARG, "conv1d: ", bad[i].text);
    tg_conv_options o = TG_CONV_OPTIONS_INIT;
    o.output_padding[0] = 1;
    assert_refused(tg_conv_transpose1d(x, w, TG_NONE, &o), TG_ERR_ARG, "output_padding is 1");
    o = (tg_conv_options)TG_CONV_OPTIONS_INIT;
    o.auto_pad = TG_PADDING_SAME;
    assert_refused(tg_conv_transpose1d(x, w, TG_NONE, &o), TG_ERR_ARG, "auto_pad");
    o.size = 0;
    assert_refused(tg_conv1d(x, w, TG_NONE, &o), TG_ERR_ARG, "TG_CONV_OPTIONS_INIT");
}

TG_TEST_MAIN(tg_scoped(conv1d_strides_pads_dilates_and_groups),
             tg_scoped(same_padding_has_the_odd_one_on_the_right),
             tg_scoped(conv2d_and_conv3d_take_options_dim_by_dim),
             tg_scoped(transposed_convolutions_are_those_of_pytorch),
             tg_scoped(gradients_of_both_orders_are_those_of_pytorch),
             tg_scoped(a_batch_gives_what_its_images_give),
             tg_scoped(a_batch_of_0_images_works_and_has_gradients),
             tg_scoped(shapes_that_do_not_fit_are_named), tg_scoped(dtypes_must_be_one_and_float),
             tg_scoped(bad_options_are_named))
