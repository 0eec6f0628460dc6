/* test_grid.c - one_hot and meshgrid. */
#include "tensors.h"

#define IDS(...) row(TG_I64, LIST(__VA_ARGS__))

static void one_hot_marks_the_class(void **state) {
    (void)state;
    tg_tensor *y = tg_one_hot(IDS(0, 2), 3);
    assert_shape(y, TG_I64, TG_SHAPE(2, 3));
    assert_values(y, 1, 0, 0, 0, 0, 1);
    assert_values(tg_one_hot(row(TG_I32, LIST(1, 0)), -1), 0, 1, 1, 0);
    assert_shape(tg_one_hot(tg_scalar_i64(2), -1), TG_I64, TG_SHAPE(3));
    assert_shape(tg_one_hot(tg_zeros(TG_I64, TG_SHAPE(0, 2)), 4), TG_I64, TG_SHAPE(0, 2, 4));
    assert_refused(tg_one_hot(IDS(0, 3), 3), TG_ERR_INDEX, "one_hot: ", "index 3", "position 1",
                   "0 to 2");
    assert_refused(tg_one_hot(IDS(-1), -1), TG_ERR_INDEX, "index -1");
    assert_refused(tg_one_hot(tg_zeros(TG_I64, TG_SHAPE(0)), -1), TG_ERR_SHAPE, "i64 [0]");
    assert_refused(tg_one_hot(IDS(0), 0), TG_ERR_ARG, "num_classes is 0");
    assert_refused(tg_one_hot(ROW(0), 2), TG_ERR_DTYPE, "i64 or i32");
    assert_refused(tg_one_hot(tg_scalar_i64(INT64_MAX), -1), TG_ERR_INDEX, "one_hot: ");
}

static void meshgrid_spreads_vectors(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *in[2] = {x, ROW(3, 4, 5)};
    tg_tensor *out[2];
    assert_ok(tg_meshgrid(in, 2, "ij", out));
    assert_shape(out[0], TG_F64, TG_SHAPE(2, 3));
    assert_values(out[0], 1, 1, 1, 2, 2, 2);
    assert_values(out[1], 3, 4, 5, 3, 4, 5);
    assert_values(slope(out[0], counting(TG_SHAPE(2, 3)), x), 3, 12);
    assert_ok(tg_meshgrid(in, 2, "xy", out));
    assert_shape(out[0], TG_F64, TG_SHAPE(3, 2));
    assert_values(out[0], 1, 2, 1, 2, 1, 2);
    assert_values(out[1], 3, 3, 4, 4, 5, 5);
    assert_ok(tg_meshgrid(in, 1, "xy", out));
    assert_values(out[0], 1, 2);
    assert_denied(tg_meshgrid(in, 2, "yx", out), TG_ERR_ARG, "meshgrid: ", "'yx'");
    assert_null(out[0]);
    assert_denied(tg_meshgrid(in, 0, "ij", out), TG_ERR_ARG, "0 tensors");
    in[1] = row(TG_F32, LIST(1));
    assert_denied(tg_meshgrid(in, 2, "ij", out), TG_ERR_DTYPE, "f32 [1]", "f64 [2]");
    in[1] = counting(TG_SHAPE(1, 1));
    assert_denied(tg_meshgrid(in, 2, "ij", out), TG_ERR_SHAPE, "f64 [1, 1]");
}

TG_TEST_MAIN(tg_scoped(one_hot_marks_the_class), tg_scoped(meshgrid_spreads_vectors))
