/* test_shuffle.c - exchanges of channels and positions. Expected values: PyTorch 2.13. */
#include "tensors.h"

#include <tensorgrad/tensorgrad.h>

static void pixels_are_shuffled_as_in_pytorch(void **state) {
    (void)state;
    tg_tensor *y = tg_pixel_shuffle(counting(TG_SHAPE(1, 4, 1, 2)), 2);
    assert_shape(y, TG_F64, TG_SHAPE(1, 1, 2, 4));
    assert_values(y, 0, 2, 1, 3, 4, 6, 5, 7);
    assert_values(tg_pixel_unshuffle(counting(TG_SHAPE(1, 1, 2, 4)), 2), 0, 2, 1, 3, 4, 6, 5, 7);
    assert_values(tg_pixel_unshuffle(y, 2), 0, 1, 2, 3, 4, 5, 6, 7);
    tg_tensor *wide = counting(TG_SHAPE(2, 1, 1, 1, 1, 4, 1, 1));
    assert_shape(tg_pixel_shuffle(wide, 2), TG_F64, TG_SHAPE(2, 1, 1, 1, 1, 1, 2, 2));
    assert_shape(tg_pixel_shuffle(tg_cast(wide, TG_BOOL), 1), TG_BOOL,
                 TG_SHAPE(2, 1, 1, 1, 1, 4, 1, 1));
}

static void channels_are_interleaved(void **state) {
    (void)state;
    assert_values(tg_channel_shuffle(counting(TG_SHAPE(1, 6, 1)), 3), 0, 2, 4, 1, 3, 5);
    assert_shape(tg_channel_shuffle(tg_zeros(TG_F16, TG_SHAPE(0, 6, 2)), 2), TG_F16,
                 TG_SHAPE(0, 6, 2));
}

static void what_does_not_divide_is_refused(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(1, 6, 3, 4));
    assert_refused(tg_pixel_shuffle(x, 2), TG_ERR_SHAPE, "pixel_shuffle: x is f64 [1, 6, 3, 4]",
                   "6 channels");
    assert_refused(tg_pixel_unshuffle(x, 2), TG_ERR_SHAPE, "pixel_unshuffle: ", "(2)");
    assert_refused(tg_channel_shuffle(x, 4), TG_ERR_SHAPE, "channel_shuffle: ", "4 groups");
    assert_refused(tg_pixel_shuffle(x, 0), TG_ERR_ARG, "upscale_factor is 0");
    assert_refused(tg_pixel_unshuffle(x, -1), TG_ERR_ARG, "downscale_factor is -1");
    assert_refused(tg_channel_shuffle(x, 0), TG_ERR_ARG, "groups is 0");
    assert_refused(tg_pixel_shuffle(ROW(1, 2), 1), TG_ERR_SHAPE, "f64 [2]");
    assert_refused(tg_channel_shuffle(ROW(1, 2), 1), TG_ERR_SHAPE, "f64 [2]");
}

TG_TEST_MAIN(tg_scoped(pixels_are_shuffled_as_in_pytorch), tg_scoped(channels_are_interleaved),
             tg_scoped(what_does_not_divide_is_refused))
