/* test_norm.c - layer, rms, group and instance normalisation: values and slopes of PyTorch 2.13. */
#include "tensors.h"

#include <tensorgrad/tensorgrad.h>

static tg_tensor *three_rows(void) {
    return leaf(grid(TG_F64, 3, 4, LIST(1, 2, 4, -1, .5, .5, .5, .5, 3, -7, 2, 10)));
}
static tg_tensor *weights(void) { return LEAF(1, -2, .5, 3); }
static tg_tensor *biases(void) { return LEAF(.1, .2, .3, .4); }
static tg_tensor *weighed(tg_tensor *y) {
    return tg_mul(y, tg_reshape(counting(TG_SHAPE(3, 4)), tg_ndim(y), tg_shape(y)));
}

#define near(x, ...) tg_test_values(x, 1e-11, 1e-12, LIST(__VA_ARGS__), #x, __FILE__, __LINE__)

static void layer_norm_is_that_of_pytorch(void **state) {
    (void)state;
    tg_tensor *x = three_rows();
    tg_tensor *w = weights();
    tg_tensor *b = biases();
    tg_tensor *y = tg_layer_norm(x, TG_SHAPE(4), w, b, 1e-5);
    near(y, -0.17734967142114058, -0.35469934284228116, 0.9933741785528514, -3.7602450713171085, .1,
         .2, .3, .4, 0.2655211550463443, 3.179380790834198, .3, 4.372507721112264);
    sum_backward(weighed(y));
    near(tg_grad(x), -1.557423699441747, -1.7707723576119399, 1.6854257259436425,
         1.6427703311100448, -158.11388300841895, -4585.30260724415, -474.34164902525686,
         5217.758139277826, -0.32650734912470564, 0.29022766138083983, -0.3310423100926888,
         0.3673219978365544);
    near(tg_grad(w), 1.324169240370755, -13.12986388733275, 2.773496714211406, 10.40561657276119);
    near(tg_grad(b), 12, 15, 18, 21);
}

static void rms_norm_is_that_of_pytorch(void **state) {
    (void)state;
    tg_tensor *x = three_rows();
    tg_tensor *w = weights();
    tg_tensor *y = tg_rms_norm(x, TG_SHAPE(4), w, 1e-3);
    near(y, 0.42636267422977814, -1.7054506969191126, 0.8527253484595563, -1.2790880226893344,
         0.998005980069749, -1.996011960139498, 0.4990029900348745, 2.9940179402092473,
         0.47139870108990506, 2.1998606050862235, 0.1571329003633017, 4.713987010899051);
    sum_backward(weighed(y));
    near(tg_grad(x), 0.17438938684184707, -0.5039465747758621, 1.1239202215971664,
         3.662874681226156, -0.9622209050871708, -28.906388347040146, -2.9582328652266687,
         32.9699824172843, -0.16873716951681983, 0.4984753291147803, -0.16486907979898036,
         0.4327178039115118);
    near(tg_grad(w), 7.763213528998237, -4.056617474079703, 12.541595281522754, 22.991572877762096);
}

static void without_eps_rms_norm_takes_that_of_the_dtype(void **state) {
    (void)state;
    tg_tensor *narrow = row(TG_F32, LIST(1e-4, 2e-4, 3e-4));
    assert_values_near(tg_rms_norm(narrow, TG_SHAPE(3), TG_NONE, -1), 1e-6, 0.2455320954322815,
                       0.491064190864563, 0.7365963459014893);
    tg_tensor *wide = ROW(1e-9, 2e-9, 3e-9);
    assert_values_near(tg_rms_norm(wide, TG_SHAPE(3), TG_NONE, -1), 1e-12, 0.0664145819925861,
                       0.1328291639851722, 0.19924374597775826);
}

static void group_norm_is_that_of_pytorch(void **state) {
    (void)state;
    tg_tensor *x = three_rows();
    tg_tensor *w = weights();
    tg_tensor *b = biases();
    tg_tensor *y = tg_group_norm(tg_unsqueeze(x, 2), 2, w, b, 1e-5);
    assert_shape(y, TG_F64, TG_SHAPE(3, 4, 1));
    near(y, -0.8999800005999798, -1.7999600011999597, 0.79999960000048, -2.59999760000288, .1, .2,
         .3, .4, 1.0999998000000601, 2.1999996000001203, -0.19999984375007324, 3.3999990625004397);
    sum_backward(weighed(y));
    near(tg_grad(w), 7.9999984000004805, -8.00001819940056, -7.999998474999544, 7.999998962498731);
    near(tg_grad(b), 12, 15, 18, 21);
    tg_tensor *all = tg_group_norm(tg_detach(x), 1, TG_NONE, TG_NONE, 1e-5);
    tg_tensor *rows = tg_layer_norm(tg_detach(x), TG_SHAPE(4), TG_NONE, TG_NONE, 1e-5);
    assert_close(tg_item(tg_max(tg_abs(tg_sub(all, rows)))), 0, 0, 1e-15);
}

static void instance_norm_takes_each_channel_on_its_own(void **state) {
    (void)state;
    tg_tensor *x = three_rows();
    tg_tensor *y = tg_instance_norm(tg_reshape(x, TG_SHAPE(1, 3, 4)), TG_NONE, TG_NONE, 1e-5);
    tg_tensor *rows = tg_layer_norm(x, TG_SHAPE(4), TG_NONE, TG_NONE, 1e-5);
    assert_close(tg_item(tg_max(tg_abs(tg_sub(tg_reshape(y, TG_SHAPE(3, 4)), rows)))), 0, 0, 1e-15);
    assert_refused(tg_instance_norm(three_rows(), TG_NONE, TG_NONE, 1e-5), TG_ERR_SHAPE,
                   "instance_norm", "one value per channel");
}

static void a_constant_row_gives_zero_and_no_slope(void **state) {
    (void)state;
    tg_tensor *x = leaf(tg_full(TG_F64, TG_SHAPE(2, 5), 0.1));
    tg_tensor *y = tg_layer_norm(x, TG_SHAPE(5), TG_NONE, TG_NONE, 1e-5);
    assert_values(tg_max(tg_abs(y)), 0);
    sum_backward(y);
    assert_close(tg_item(tg_max(tg_abs(tg_grad(x)))), 0, 0, 1e-12);
}

static void nan_and_infinity_stay_in_their_row(void **state) {
    (void)state;
    tg_tensor *x = grid(TG_F64, 3, 2, LIST(NAN, 1, INFINITY, 1, -1, 1));
    tg_tensor *y = tg_layer_norm(x, TG_SHAPE(2), TG_NONE, TG_NONE, 0);
    assert_values(y, NAN, NAN, NAN, NAN, -1, 1);
}

static void large_offsets_do_not_cancel(void **state) {
    (void)state;
    tg_tensor *x = row(TG_F32, LIST(10000000, 10000001, 10000002, 10000003));
    tg_tensor *y = tg_layer_norm(x, TG_SHAPE(4), TG_NONE, TG_NONE, 0);
    assert_values_near(y, 1e-6, -1.3416407864998738, -0.4472135954999579, 0.4472135954999579,
                       1.3416407864998738);
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    tg_tensor *x = three_rows();
    assert_refused(tg_layer_norm(x, TG_SHAPE(3), TG_NONE, TG_NONE, 1e-5), TG_ERR_SHAPE,
                   "layer_norm", "[3]", "f64 [3, 4]");
    assert_refused(tg_layer_norm(x, TG_0D, TG_NONE, TG_NONE, 1e-5), TG_ERR_SHAPE, "at least one");
    assert_refused(tg_layer_norm(x, -1, NULL, TG_NONE, TG_NONE, 1e-5), TG_ERR_SHAPE, "-1 dims");
    assert_refused(tg_layer_norm(x, TG_SHAPE(4), ROW(1, 2, 3), TG_NONE, 1e-5), TG_ERR_SHAPE,
                   "weight is f64 [3]", "give [4]");
    assert_refused(tg_layer_norm(x, TG_SHAPE(4), TG_NONE, row(TG_F32, LIST(1, 2, 3, 4)), 1e-5),
                   TG_ERR_DTYPE, "bias is f32 [4]");
    assert_refused(tg_layer_norm(x, TG_SHAPE(4), TG_NONE, TG_NONE, -1), TG_ERR_ARG, "eps is -1");
    assert_refused(tg_layer_norm(x, TG_SHAPE(4), TG_NONE, TG_NONE, (double)NAN), TG_ERR_ARG, "eps");
    assert_refused(tg_rms_norm(row(TG_I64, LIST(1, 2)), TG_SHAPE(2), TG_NONE, 0), TG_ERR_DTYPE,
                   "i64 [2]", "f32, f64");
    assert_refused(tg_group_norm(x, 3, TG_NONE, TG_NONE, 1e-5), TG_ERR_SHAPE, "num_groups 3");
    assert_refused(tg_group_norm(x, 0, TG_NONE, TG_NONE, 1e-5), TG_ERR_ARG, "num_groups is 0");
    assert_refused(tg_group_norm(ROW(1, 2), 1, TG_NONE, TG_NONE, 1e-5), TG_ERR_SHAPE,
                   "[N, C, ...]");
}

TG_TEST_MAIN(tg_scoped(layer_norm_is_that_of_pytorch), tg_scoped(rms_norm_is_that_of_pytorch),
             tg_scoped(without_eps_rms_norm_takes_that_of_the_dtype),
             tg_scoped(group_norm_is_that_of_pytorch),
             tg_scoped(instance_norm_takes_each_channel_on_its_own),
             tg_scoped(a_constant_row_gives_zero_and_no_slope),
             tg_scoped(nan_and_infinity_stay_in_their_row), tg_scoped(large_offsets_do_not_cancel),
             tg_scoped(what_does_not_fit_is_refused))
