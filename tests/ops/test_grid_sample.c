/* test_grid_sample.c - sampling at positions, and grids of affine maps. Expected values:
 * PyTorch 2.13, f64. */
/* ctest: threads */
#include "tensors.h"

#include <tensorgrad/tensorgrad.h>

static tg_tensor *sampled(tg_tensor *x, tg_tensor *grid, tg_grid_mode mode, tg_grid_padding padding,
                          bool align) {
    tg_grid_sample_options o = TG_GRID_SAMPLE_OPTIONS_INIT;
    o.mode = (int32_t)mode;
    o.padding_mode = (int32_t)padding;
    o.align_corners = align;
    return tg_grid_sample(x, grid, &o);
}

/* Values and both slopes for [[1, 2], [3, 5]] at (-1, 0), (½, -¼), (2, 0). */
static const struct {
    tg_grid_mode mode;
    tg_grid_padding padding;
    bool align;
    double y[3], x[4], grid[6];
} cases[] = {{TG_GRID_BILINEAR,
              TG_GRID_ZEROS,
              false,
              {1, 2.75, 0},
              {0.25, 0.75, 0.25, 0.25},
              {2, 1, -2.75, 3, 0, 0}},
             {TG_GRID_BILINEAR,
              TG_GRID_BORDER,
              true,
              {2, 2.78125, 3.5},
              {0.65625, 0.96875, 0.59375, 0.78125},
              {0, 1, 0.6875, 1.375, 0, 1.5}},
             {TG_GRID_BILINEAR,
              TG_GRID_REFLECTION,
              false,
              {2, 2.75, 2.75},
              {0.75, 1, 0.75, 0.5},
              {0, 2, 0, 3, -1.5, 2.5}},
             {TG_GRID_BILINEAR,
              TG_GRID_REFLECTION,
              true,
              {2, 2.78125, 2.75},
              {0.90625, 0.71875, 0.84375, 0.53125},
              {0, 1, 0.6875, 1.375, -0.75, 1.25}},
             {TG_GRID_NEAREST, TG_GRID_ZEROS, true, {1, 2, 0}, {1, 1, 0, 0}, {0}},
             {TG_GRID_NEAREST, TG_GRID_REFLECTION, false, {1, 2, 1}, {2, 1, 0, 0}, {0}},
             {TG_GRID_BICUBIC,
              TG_GRID_ZEROS,
              false,
              {1.0205078125, 3.06640625, -0.3896484375},
              {0.3525390625, 0.767578125, 0.3525390625, 0.150390625},
              {2.337890625, 1.189453125, -1.248046875, 4.546875, 0.779296875, -0.369140625}},
             {TG_GRID_BICUBIC,
              TG_GRID_BORDER,
              false,
              {1.859375, 2.6796875, 3.5},
              {0.546875, 1.2265625, 0.546875, 0.6796875},
              {-0.28125, 2.14453125, 0.919921875, 3.09375, 0, 3.375}},
             {TG_GRID_BICUBIC,
              TG_GRID_REFLECTION,
              true,
              {2, 2.7435302734375, 2.75},
              {0.8568115234375, 0.8267822265625, 0.7994384765625, 0.5169677734375},
              {0, 1.5, 0.740478515625, 1.99951171875, -1.125, 1.875}}};

static void values_and_slopes_are_those_of_pytorch(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tg_tensor *x = leaf(tg_reshape(ROW(1, 2, 3, 5), TG_SHAPE(1, 1, 2, 2)));
        tg_tensor *grid = leaf(tg_reshape(ROW(-1, 0, 0.5, -0.25, 2, 0), TG_SHAPE(1, 1, 3, 2)));
        tg_tensor *y = sampled(x, grid, cases[i].mode, cases[i].padding, cases[i].align);
        sum_backward(y);
        for (int k = 0; k < 3; k++)
            assert_close(at(y, k), cases[i].y[k], 1e-15, 0);
        for (int k = 0; k < 4; k++)
            assert_close(at(tg_grad(x), k), cases[i].x[k], 1e-15, 0);
        for (int k = 0; k < 6; k++)
            assert_close(at(tg_grad(grid), k), cases[i].grid[k], 1e-14, 1e-15);
    }
}

static void solids_are_sampled_at_x_y_z(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(1, 1, 2, 2, 2));
    tg_tensor *grid = tg_reshape(ROW(0.5, 0, -0.5), TG_SHAPE(1, 1, 1, 1, 3));
    tg_tensor *y = tg_grid_sample(x, grid, NULL);
    assert_shape(y, TG_F64, TG_SHAPE(1, 1, 1, 1, 1));
    assert_values(y, 2);
}

static void nan_and_far_positions_are_safe(void **state) {
    (void)state;
    tg_tensor *x = tg_ones(TG_F64, TG_SHAPE(1, 1, 2, 2));
    tg_tensor *grid = tg_reshape(ROW(NAN, 0, 1e300, 0), TG_SHAPE(1, 1, 2, 2));
    assert_values(sampled(x, grid, TG_GRID_BILINEAR, TG_GRID_ZEROS, false), NAN, 0);
    assert_values(sampled(x, grid, TG_GRID_NEAREST, TG_GRID_BORDER, false), NAN, 1);
    assert_values(sampled(x, grid, TG_GRID_BILINEAR, TG_GRID_BORDER, true), NAN, 1);
    assert_shape(tg_grid_sample(tg_ones(TG_F32, TG_SHAPE(0, 1, 2, 2)),
                                tg_ones(TG_F32, TG_SHAPE(0, 3, 4, 2)), NULL),
                 TG_F32, TG_SHAPE(0, 1, 3, 4));
}

static void affine_maps_become_grids(void **state) {
    (void)state;
    tg_tensor *theta = tg_reshape(ROW(1, 2, 3, 4, 5, 6), TG_SHAPE(1, 2, 3));
    tg_tensor *y = tg_affine_grid(theta, TG_SHAPE(1, 1, 2, 3), false);
    assert_shape(y, TG_F64, TG_SHAPE(1, 2, 3, 2));
    assert_values_near(y, 1e-14, 4.0 / 3, 5.0 / 6, 2, 3.5, 8.0 / 3, 37.0 / 6, 10.0 / 3, 35.0 / 6, 4,
                       8.5, 14.0 / 3, 67.0 / 6);
    assert_values(tg_affine_grid(theta, TG_SHAPE(1, 1, 1, 3), true), 2, 2, 3, 6, 4, 10);
    tg_tensor *solid = tg_reshape(tg_arange(TG_F64, 0, 12, 1), TG_SHAPE(1, 3, 4));
    assert_values(tg_affine_grid(solid, TG_SHAPE(1, 1, 1, 2, 1), true), 2, 2, 2, 4, 12, 20);
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    tg_tensor *x = tg_ones(TG_F64, TG_SHAPE(1, 1, 2, 2));
    tg_tensor *grid = tg_ones(TG_F64, TG_SHAPE(1, 3, 3, 2));
    assert_refused(tg_grid_sample(x, tg_ones(TG_F64, TG_SHAPE(1, 3, 3, 3)), NULL), TG_ERR_SHAPE,
                   "grid_sample: x is f64 [1, 1, 2, 2]", "f64 [1, 3, 3, 3]");
    assert_refused(tg_grid_sample(x, tg_ones(TG_F64, TG_SHAPE(2, 3, 3, 2)), NULL), TG_ERR_SHAPE,
                   "f64 [2, 3, 3, 2]");
    assert_refused(tg_grid_sample(x, tg_cast(grid, TG_F32), NULL), TG_ERR_DTYPE,
                   "f32 [1, 3, 3, 2]");
    assert_refused(sampled(x, grid, (tg_grid_mode)3, TG_GRID_ZEROS, false), TG_ERR_ARG,
                   "mode is 3");
    assert_refused(sampled(x, grid, TG_GRID_NEAREST, (tg_grid_padding)3, false), TG_ERR_ARG,
                   "padding_mode is 3");
    assert_refused(sampled(tg_ones(TG_F64, TG_SHAPE(1, 1, 2, 2, 2)),
                           tg_ones(TG_F64, TG_SHAPE(1, 1, 1, 1, 3)), TG_GRID_BICUBIC, TG_GRID_ZEROS,
                           false),
                   TG_ERR_ARG, "_BICUBIC");
    tg_tensor *theta = tg_ones(TG_F64, TG_SHAPE(2, 2, 3));
    assert_refused(tg_affine_grid(theta, TG_SHAPE(1, 1, 2, 2), false), TG_ERR_SHAPE,
                   "affine_grid: theta is f64 [2, 2, 3] for size [1, 1, 2, 2]");
    assert_refused(tg_affine_grid(theta, TG_SHAPE(2, 1, 2), false), TG_ERR_SHAPE, "[N, 3, 4]");
    assert_refused(tg_affine_grid(tg_cast(theta, TG_I64), TG_SHAPE(2, 1, 2, 2), false),
                   TG_ERR_DTYPE, "i64 [2, 2, 3]");
}

TG_TEST_MAIN(tg_scoped(values_and_slopes_are_those_of_pytorch),
             tg_scoped(solids_are_sampled_at_x_y_z), tg_scoped(nan_and_far_positions_are_safe),
             tg_scoped(affine_maps_become_grids), tg_scoped(what_does_not_fit_is_refused))
