/* test_batch_norm.c - batch normalisation and its running statistics: values of PyTorch 2.13. */
#include "tensors.h"

#include <tensorgrad/tensorgrad.h>

#define near(x, ...) tg_test_values(x, 1e-12, 1e-13, LIST(__VA_ARGS__), #x, __FILE__, __LINE__)

static tg_tensor *batch(void) {
    return leaf(grid(TG_F64, 4, 3, LIST(1, 2, 4, -1, 5, 5, 3, -7, 8, 10, 0, 1)));
}
static tg_batch_norm_options options(bool training) {
    tg_batch_norm_options o = TG_BATCH_NORM_OPTIONS_INIT;
    o.training = training;
    o.running_mean = ROW(1, 2, 3);
    o.running_var = ROW(4, 5, 6);
    o.weight = LEAF(1, -2, .5);
    o.bias = LEAF(.1, .2, .3);
    return o;
}

static void training_is_that_of_pytorch(void **state) {
    (void)state;
    tg_tensor *x = batch();
    tg_batch_norm_options o = options(true);
    tg_tensor *y = tg_batch_norm(x, &o);
    near(y, -0.4427202623577393, -0.7058213950538104, 0.200000079999904, -0.9251382733423965,
         -2.0645534876345257, 0.399999920000096, 0.039697748626917884, 3.370374882688336,
         0.999999440000672, 1.728160787073218, 0.2, -0.399999440000672);
    near(o.running_mean, 1.225, 1.8, 3.15);
    near(o.running_var, 5.8916666666666675, 7.1, 6.233333333333334);
    assert_int_equal(tg_version_of(o.running_mean), 1);
    sum_backward(tg_mul(y, counting(TG_SHAPE(4, 3))));
    near(tg_grad(x), -0.7183644881104836, 1.724544739841369, -0.9359991936010368,
         0.3315523386820534, -0.10451745128390265, -0.2639998464001152, 0.40259973452793685,
         0.41807085031360686, 0.5519991552014977, -0.015787585099506743, -2.038098138871073,
         0.6479998847996543);
    near(tg_grad(o.weight), 11.21621875539328, -6.11429441661322, -3.599997120003456);
    near(tg_grad(o.bias), 18, 22, 26);
}

static void evaluation_uses_the_running_statistics(void **state) {
    (void)state;
    tg_batch_norm_options o = options(false);
    near(tg_batch_norm(batch(), &o), 0.09999999999999998, 0.19999999999999996, 0.5041239751286898,
         -0.8999987500023438, -2.4832788897222, 0.7082479502573795, 1.0999987500023436,
         8.2498366691666, 1.320619875643449, 4.599994375010547, 1.9888525931481331,
         -0.1082479502573796);
    assert_values(o.running_mean, 1, 2, 3);
    assert_int_equal(tg_version_of(o.running_mean), 0);
}

/* The mean of all batches so far: with a fresh count the first batch replaces what was there. */
static void a_nan_momentum_gives_the_cumulative_mean(void **state) {
    (void)state;
    tg_batch_norm_options o = options(true);
    o.momentum = (double)NAN;
    assert_refused(tg_batch_norm(batch(), &o), TG_ERR_ARG, "num_batches");
    assert_values(o.running_mean, 1, 2, 3);
    o.num_batches = tg_scalar_i64(0);
    assert_non_null(tg_batch_norm(batch(), &o));
    near(o.running_mean, 3.25, 0, 4.5);
    near(o.running_var, 22.916666666666668, 26, 8.333333333333334);
    assert_non_null(tg_batch_norm(tg_add_scalar(batch(), 2), &o));
    near(o.running_mean, 4.25, 1, 5.5);
    assert_true(tg_item_i64(o.num_batches) == 2);
}

/* Numbers that f16 holds exactly, and statistics of either dtype. */
static void half_precision_is_computed_in_f32(void **state) {
    (void)state;
    tg_batch_norm_options o = TG_BATCH_NORM_OPTIONS_INIT;
    o.training = true;
    o.momentum = .5;
    for (int wide = 0; wide < 2; wide++) {
        o.running_mean = tg_zeros(wide ? TG_F32 : TG_F16, TG_SHAPE(3));
        o.running_var = tg_zeros(wide ? TG_F32 : TG_F16, TG_SHAPE(3));
        tg_tensor *y = tg_batch_norm(tg_cast(batch(), TG_F16), &o);
        assert_shape(y, wide ? TG_F32 : TG_F16, TG_SHAPE(4, 3));
        tg_tensor *exact = tg_batch_norm(
            batch(), &(tg_batch_norm_options){.size = sizeof o, .training = true, .eps = 1e-5});
        assert_close(tg_item(tg_max(tg_abs(tg_sub(tg_cast(y, TG_F64), exact)))), 0, 0, 1e-3);
        assert_values(tg_cast(o.running_mean, TG_F64), 1.625, 0, 2.25);
        assert_values(tg_sub_scalar(tg_cast(tg_select(o.running_var, 0, 1), TG_F64), 13), 0);
    }
}

static void channels_span_all_other_dims(void **state) {
    (void)state;
    tg_tensor *x = tg_sin(counting(TG_SHAPE(3, 2, 4, 5)));
    tg_batch_norm_options o = TG_BATCH_NORM_OPTIONS_INIT;
    o.training = true;
    tg_tensor *y = tg_batch_norm(x, &o);
    tg_tensor *rows = tg_reshape(tg_permute(x, TG_DIMS(1, 0, 2, 3)), TG_SHAPE(2, 60));
    tg_tensor *z = tg_layer_norm(rows, TG_SHAPE(60), TG_NONE, TG_NONE, 1e-5);
    z = tg_permute(tg_reshape(z, TG_SHAPE(2, 3, 4, 5)), TG_DIMS(1, 0, 2, 3));
    assert_close(tg_item(tg_max(tg_abs(tg_sub(y, z)))), 0, 0, 1e-13);
}

static void a_failed_call_changes_no_statistics(void **state) {
    (void)state;
    tg_tensor *x = batch();
    tg_batch_norm_options o = options(true);
    o.num_batches = tg_scalar_i64(5);
    int failed = 0;
    for (uint64_t n = 1;; n++) {
        tg_scope s = tg_scope_open();
        tg__alloc_fail_at(n, true);
        tg_tensor *y = tg_batch_norm(x, &o);
        tg__alloc_fail_at(0, false);
        bool good = y != NULL;
        (void)!tg_scope_close(s);
        tg_error_clear();
        if (good)
            break;
        failed++;
        assert_values(o.running_mean, 1, 2, 3);
        assert_values(o.running_var, 4, 5, 6);
        assert_true(tg_item_i64(o.num_batches) == 5);
    }
    assert_true(failed > 3);
    assert_true(tg_item_i64(o.num_batches) == 6);
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    tg_tensor *x = batch();
    tg_batch_norm_options o = options(true);
    assert_refused(tg_batch_norm(tg_narrow(x, 0, 0, 1), &o), TG_ERR_SHAPE, "one value per channel",
                   "f64 [1, 3]");
    assert_refused(tg_batch_norm(ROW(1, 2), &o), TG_ERR_SHAPE, "[N, C, ...]");
    assert_refused(tg_batch_norm(tg_cast(x, TG_F32), &o), TG_ERR_DTYPE, "running_mean is f64 [3]");
    assert_refused(tg_batch_norm(tg_cast(x, TG_I32), &o), TG_ERR_DTYPE, "i32");
    o.momentum = 1.5;
    assert_refused(tg_batch_norm(x, &o), TG_ERR_ARG, "momentum is 1.5");
    o.momentum = .1;
    o.eps = -1;
    assert_refused(tg_batch_norm(x, &o), TG_ERR_ARG, "eps is -1");
    o.eps = 0;
    o.weight = ROW(1, 2);
    assert_refused(tg_batch_norm(x, &o), TG_ERR_SHAPE, "weight is f64 [2]", "give [3]");
    o.weight = NULL;
    tg_requires_grad_(o.running_var, true);
    assert_refused(tg_batch_norm(x, &o), TG_ERR_STATE, "running_var requires gradients");
    o.running_var = tg_expand(number(1), TG_SHAPE(3));
    assert_refused(tg_batch_norm(x, &o), TG_ERR_STATE, "overlap");
    o.running_var = NULL;
    o.num_batches = number(3);
    assert_refused(tg_batch_norm(x, &o), TG_ERR_DTYPE, "num_batches is f64 []");
    o.num_batches = NULL;
    o.training = false;
    assert_refused(tg_batch_norm(x, &o), TG_ERR_ARG, "running_mean and running_var are needed");
    assert_refused(tg_batch_norm(x, NULL), TG_ERR_ARG, "running_mean and running_var are needed");
    assert_refused(tg_batch_norm(NULL, &o), TG_ERR_ARG, "x is NULL");
}

TG_TEST_MAIN(tg_scoped(training_is_that_of_pytorch),
             tg_scoped(evaluation_uses_the_running_statistics),
             tg_scoped(a_nan_momentum_gives_the_cumulative_mean),
             tg_scoped(half_precision_is_computed_in_f32), tg_scoped(channels_span_all_other_dims),
             tg_scoped(a_failed_call_changes_no_statistics),
             tg_scoped(what_does_not_fit_is_refused))
