/* test_pad.c - borders of all kinds, crops, gradients, bounds. */
#include "tensors.h"

static void constant_pads_put_a_value_around(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(2, 2)));
    tg_tensor *y = tg_pad(x, TG_SHAPE(1, 0, 0, 1), TG_PAD_CONSTANT, 7);
    assert_shape(y, TG_F64, TG_SHAPE(3, 3));
    assert_values(y, 7, 0, 1, 7, 2, 3, 7, 7, 7);
    assert_values(slope(y, counting(TG_SHAPE(3, 3)), x), 1, 2, 4, 5);
    assert_values(tg_pad(x, TG_SHAPE(-1, 1), TG_PAD_CONSTANT, 7), 1, 7, 3, 7);
    assert_values(tg_pad(x, TG_SHAPE(0, -1), TG_PAD_CONSTANT, 7), 0, 2);
    assert_shape(tg_pad(x, TG_SHAPE(-1, -1), TG_PAD_CONSTANT, 0), TG_F64, TG_SHAPE(2, 0));
    assert_values(tg_pad(ROW(1), TG_SHAPE(1, 0), TG_PAD_CONSTANT, NAN), NAN, 1);
    assert_true(tg_data(tg_pad(x, TG_SHAPE(0, 0), TG_PAD_CONSTANT, 0)) != tg_data(x));
    assert_values(tg_pad(number(3), 0, NULL, TG_PAD_CONSTANT, 0), 3);
    assert_values(tg_pad(tg_zeros(TG_F64, TG_SHAPE(0)), TG_SHAPE(1, 1), TG_PAD_CONSTANT, 2), 2, 2);
}

/* PyTorch: F.pad(torch.arange(3.), ...) and the gradients of the sum. */
static void other_pads_repeat_elements_and_add_up_their_gradients(void **state) {
    (void)state;
    tg_tensor *x = LEAF(0, 1, 2);
    tg_tensor *y = tg_pad(x, TG_SHAPE(2, 1), TG_PAD_REFLECT, 0);
    assert_values(y, 2, 1, 0, 1, 2, 1);
    assert_values(slope(y, NULL, x), 1, 3, 2);
    y = tg_pad(x, TG_SHAPE(2, 1), TG_PAD_REPLICATE, 0);
    assert_values(y, 0, 0, 0, 1, 2, 2);
    assert_values(slope(y, NULL, x), 3, 1, 2);
    y = tg_pad(x, TG_SHAPE(3, 2), TG_PAD_CIRCULAR, 0);
    assert_values(y, 0, 1, 2, 0, 1, 2, 0, 1);
    assert_values(slope(y, NULL, x), 3, 3, 2);
    tg_tensor *m = tg_pad(counting(TG_SHAPE(2, 2)), TG_SHAPE(1, 0, 0, 1), TG_PAD_REFLECT, 0);
    assert_values(m, 1, 0, 1, 3, 2, 3, 1, 0, 1);
}

static void pads_that_do_not_fit_are_refused(void **state) {
    (void)state;
    tg_tensor *x = ROW(0, 1, 2);
    assert_refused(tg_pad(x, TG_SHAPE(3, 0), TG_PAD_REFLECT, 0), TG_ERR_SHAPE, "pad: ", "pads 3",
                   "dim 0", "f64 [3]");
    assert_refused(tg_pad(x, TG_SHAPE(0, 4), TG_PAD_CIRCULAR, 0), TG_ERR_SHAPE, "4");
    assert_refused(tg_pad(x, TG_SHAPE(-1, 0), TG_PAD_REPLICATE, 0), TG_ERR_SHAPE, "-1");
    assert_refused(tg_pad(x, TG_SHAPE(-2, -2), TG_PAD_CONSTANT, 0), TG_ERR_SHAPE, "-2");
    assert_refused(tg_pad(x, TG_SHAPE(-4, 4), TG_PAD_CONSTANT, 0), TG_ERR_SHAPE, "-4");
    assert_refused(tg_pad(x, TG_SHAPE(1), TG_PAD_CONSTANT, 0), TG_ERR_SHAPE, "1 pads");
    assert_refused(tg_pad(x, TG_SHAPE(1, 1, 1, 1), TG_PAD_CONSTANT, 0), TG_ERR_SHAPE, "4 pads");
    assert_refused(tg_pad(x, TG_SHAPE(1, 1), (tg_pad_mode)7, 0), TG_ERR_ARG, "mode is 7");
    assert_refused(tg_pad(x, TG_SHAPE(INT64_MAX, 1), TG_PAD_CONSTANT, 0), TG_ERR_SHAPE, "pad: ");
    assert_refused(tg_pad(x, TG_SHAPE(INT64_MIN, INT64_MIN), TG_PAD_CONSTANT, 0), TG_ERR_SHAPE,
                   "pad: ");
    assert_refused(tg_pad(x, TG_SHAPE(INT64_MIN, INT64_MAX), TG_PAD_CONSTANT, 0), TG_ERR_SHAPE,
                   "pads -9223372036854775808 and 9223372036854775807");
    assert_refused(tg_pad(x, 2, NULL, TG_PAD_CONSTANT, 0), TG_ERR_ARG, "pads");
    assert_refused(tg_pad(tg_zeros(TG_F64, TG_SHAPE(0)), TG_SHAPE(1, 0), TG_PAD_REPLICATE, 0),
                   TG_ERR_SHAPE, "f64 [0]");
}

TG_TEST_MAIN(tg_scoped(constant_pads_put_a_value_around),
             tg_scoped(other_pads_repeat_elements_and_add_up_their_gradients),
             tg_scoped(pads_that_do_not_fit_are_refused))
