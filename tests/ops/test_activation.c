/* test_activation.c - activation functions of straight pieces in their corners: PyTorch 2.13. */
#include "tensors.h"

#define INF INFINITY

static tg_tensor *half_leaky(tg_tensor *x) { return tg_leaky_relu(x, 0.25); }
static tg_tensor *unit_hardtanh(tg_tensor *x) { return tg_hardtanh(x, -1, 1); }
static tg_tensor *half_hardshrink(tg_tensor *x) { return tg_hardshrink(x, 0.5); }
static tg_tensor *half_softshrink(tg_tensor *x) { return tg_softshrink(x, 0.5); }
static tg_tensor *threshold_at_1(tg_tensor *x) { return tg_threshold(x, 1, 20); }

#define CASE 8
typedef struct {
    const char *name;
    tg_tensor *(*f)(tg_tensor *x);
    int n;
    double x[CASE], y[CASE], g[CASE];
} table;

static const table pieces[] = {
    {"leaky_relu", half_leaky, 4, {-2, 0, 3, NAN}, {-0.5, 0, 3, NAN}, {0.25, 0.25, 1, 0.25}},
    {"relu6", tg_relu6, 6, {-1, 0, 3, 6, 7, NAN}, {0, 0, 3, 6, 6, NAN}, {0, 0, 1, 0, 0, 1}},
    {"hardtanh",
     unit_hardtanh,
     6,
     {-2, -1, 0.5, 1, INF, NAN},
     {-1, -1, 0.5, 1, 1, NAN},
     {0, 0, 1, 0, 0, 1}},
    {"hardsigmoid",
     tg_hardsigmoid,
     6,
     {-4, -3, 0, 1.5, 3, NAN},
     {0, 0, 0.5, 0.75, 1, NAN},
     {0, 0, 1.0 / 6, 1.0 / 6, 0, 0}},
    {"hardswish",
     tg_hardswish,
     7,
     {-4, -3, -1.5, 0, 1.5, 3, INF},
     {0, 0, -0.375, 0, 1.125, 3, INF},
     {0, 0, 0, 0.5, 1, 1, 1}},
    {"hardshrink",
     half_hardshrink,
     6,
     {-1, -0.5, 0.25, 0.5, INF, NAN},
     {-1, 0, 0, 0, INF, NAN},
     {1, 0, 0, 0, 1, 1}},
    {"softshrink",
     half_softshrink,
     6,
     {-1, -0.5, 0.25, 0.5, INF, NAN},
     {-0.5, 0, 0, 0, INF, NAN},
     {1, 0, 0, 0, 1, 1}},
    {"threshold",
     threshold_at_1,
     5,
     {-1, 1, 1.5, INF, NAN},
     {20, 20, 1.5, INF, NAN},
     {0, 0, 1, 1, 1}},
};

static void pieces_and_their_slopes_meet_as_in_pytorch(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof pieces / sizeof *pieces; k++) {
        const table *t = &pieces[k];
        tg_tensor *x = leaf(row(TG_F64, (size_t)t->n, t->x));
        tg_tensor *y = t->f(x);
        sum_backward(y);
        for (int i = 0; i < t->n; i++)
            if (!tg_test_close(at(y, i), t->y[i], 0, 0) ||
                !tg_test_close(at(tg_grad(x), i), t->g[i], 0, 0))
                fail_msg("%s(%g) is %.17g with slope %.17g", t->name, t->x[i], at(y, i),
                         at(tg_grad(x), i));
    }
}

static void the_slope_of_hardswish_bends(void **state) {
    (void)state;
    tg_tensor *x = LEAF(-3.5, -3, 1, 3, 4);
    tg_tensor *g = slope(tg_hardswish(x), NULL, x);
    assert_values(slope(g, NULL, x), 0, 0, 1.0 / 3, 0, 0);
}

static void relu6_keeps_integers_and_the_others_give_f32(void **state) {
    (void)state;
    tg_tensor *x = row(TG_I64, LIST(-2, 3, 9));
    tg_tensor *y = tg_relu6(x);
    assert_shape(y, TG_I64, TG_SHAPE(3));
    assert_values(y, 0, 3, 6);
    y = tg_hardtanh(x, -1, 1);
    assert_shape(y, TG_F32, TG_SHAPE(3));
    assert_values(y, -1, 1, 1);
}

static void prelu_has_a_weight_per_channel(void **state) {
    (void)state;
    tg_tensor *x = leaf(grid(TG_F64, 2, 3, LIST(-1, 0, 2, 3, -4, -5)));
    tg_tensor *w = LEAF(0.5, 0.25, 2);
    tg_tensor *y = tg_prelu(x, w);
    assert_values(y, -0.5, 0, 2, 3, -1, -10);
    sum_backward(y);
    assert_values(tg_grad(x), 0.5, 0.25, 1, 1, 0.25, 2);
    assert_values(tg_grad(w), -1, -4, -5);
    tg_tensor *one = leaf(number(0.5));
    tg_tensor *v = LEAF(-2, 0, 4);
    y = tg_prelu(v, one);
    assert_values(y, -1, 0, 4);
    sum_backward(y);
    assert_values(tg_grad(v), 0.5, 0.5, 1);
    assert_values(tg_grad(one), -2);
}

static void prelu_refuses_what_does_not_fit(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(2, 3));
    assert_refused(tg_prelu(x, ROW(1, 2)), TG_ERR_SHAPE, "prelu: ", "f64 [2]", "f64 [2, 3]",
                   "3 channels");
    assert_refused(tg_prelu(x, counting(TG_SHAPE(1, 3))), TG_ERR_SHAPE, "prelu: ", "f64 [1, 3]");
    assert_refused(tg_prelu(counting(TG_SHAPE(3)), ROW(1, 2, 3)), TG_ERR_SHAPE, "prelu: ");
    assert_refused(tg_prelu(x, row(TG_F32, LIST(1))), TG_ERR_DTYPE, "prelu: ", "f32 [1]");
}

static void rrelu_is_the_mean_slope_outside_training(void **state) {
    (void)state;
    assert_values(tg_rrelu(ROW(-2, 3), 0.125, 0.375, false, NULL), -0.5, 3);
}

static void rrelu_draws_a_slope_for_each_element(void **state) {
    (void)state;
    tg_tensor *x = leaf(tg_sub_scalar(tg_zeros(TG_F64, TG_SHAPE(1000)), 1.0));
    tg_generator *g = tg_generator_new(3);
    tg_tensor *y = tg_rrelu(x, 0.25, 0.5, true, g);
    tg_generator_free(g);
    double low = tg_item(tg_min(y));
    double high = tg_item(tg_max(y));
    assert_true(low > -0.5 && low < -0.499 && high < -0.25 && high > -0.251);
    sum_backward(y);
    for (int i = 0; i < 1000; i += 111)
        assert_true(at(tg_grad(x), i) == -at(y, i));
    assert_values(tg_rrelu(ROW(2, 3), 0.25, 0.5, true, NULL), 2, 3);
}

static void rrelu_fails_under_its_own_name(void **state) {
    (void)state;
    tg_tensor *x = ROW(-1, 2);
    for (int training = 0; training < 2; training++) {
        tg__alloc_fail_at(1, true);
        tg_tensor *y = tg_rrelu(x, 0.25, 0.5, training, NULL);
        tg__alloc_fail_at(0, false);
        assert_refused(y, TG_ERR_MEMORY, "rrelu: ");
    }
    assert_refused(tg_rrelu(x, -1e308, 1e308, true, NULL), TG_ERR_ARG, "rrelu: ", "finite");
    assert_values(tg_rrelu(x, 1e308, 1.5e308, false, NULL), -1.25e308, 2);
}

static void bad_parameters_are_refused_by_name(void **state) {
    (void)state;
    tg_tensor *x = ROW(1, 2);
    static const double bad[] = {INF, -INF};
    for (int i = 0; i < 2; i++) {
        assert_refused(tg_leaky_relu(x, bad[i]), TG_ERR_ARG, "leaky_relu: ", "slope is", "finite");
        assert_refused(tg_hardshrink(x, bad[i]), TG_ERR_ARG, "hardshrink: ", "lambd is", ">= 0");
        assert_refused(tg_softshrink(x, bad[i]), TG_ERR_ARG, "softshrink: ", "lambd is", ">= 0");
    }
    assert_refused(tg_softshrink(x, -1), TG_ERR_ARG, "softshrink: lambd is -1");
    assert_refused(tg_hardtanh(x, 1, 0), TG_ERR_ARG, "hardtanh: lo is 1 and hi is 0");
    assert_refused(tg_hardtanh(x, NAN, 0), TG_ERR_ARG, "hardtanh: ", "lo is");
    assert_refused(tg_threshold(x, NAN, 0), TG_ERR_ARG, "threshold: ", "threshold is");
    assert_refused(tg_rrelu(x, 1, 0, true, NULL), TG_ERR_ARG, "rrelu: lower is 1 and upper is 0");
    assert_refused(tg_rrelu(x, 0, INF, false, NULL), TG_ERR_ARG, "rrelu: ");
    assert_refused(tg_rrelu(row(TG_I64, LIST(1)), 0, 1, false, NULL), TG_ERR_DTYPE, "rrelu: ");
    assert_values(tg_hardtanh(x, -INF, 1.5), 1, 1.5);
    assert_values(tg_threshold(x, -INF, NAN), 1, 2);
}

TG_TEST_MAIN(tg_scoped(pieces_and_their_slopes_meet_as_in_pytorch),
             tg_scoped(the_slope_of_hardswish_bends),
             tg_scoped(relu6_keeps_integers_and_the_others_give_f32),
             tg_scoped(prelu_has_a_weight_per_channel), tg_scoped(prelu_refuses_what_does_not_fit),
             tg_scoped(rrelu_is_the_mean_slope_outside_training),
             tg_scoped(rrelu_draws_a_slope_for_each_element),
             tg_scoped(rrelu_fails_under_its_own_name),
             tg_scoped(bad_parameters_are_refused_by_name))
