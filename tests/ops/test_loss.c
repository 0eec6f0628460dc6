/* test_loss.c - losses of numbers and of distributions. */
#include "tensors.h"

#define INF INFINITY
#define IDS(...) row(TG_I64, LIST(__VA_ARGS__))
#define NONE TG_REDUCE_NONE

typedef tg_tensor *(*pair)(tg_tensor *x, tg_tensor *target, tg_reduction reduction);

/* ---- mse_loss, l1_loss ---- */

static void losses_of_pairs_have_their_values_and_slopes(void **state) {
    (void)state;
    static const struct {
        pair op;
        double each[4], mean, sum, slope[4];
    } cases[] = {{tg_mse_loss, {4, 0, 0.25, 9}, 3.3125, 13.25, {4, 0, -1, 6}},
                 {tg_l1_loss, {2, 0, 0.5, 3}, 1.375, 5.5, {1, 0, -1, 1}}};
    for (int k = 0; k < 2; k++) {
        tg_tensor *x = leaf(grid(TG_F64, 2, 2, LIST(3, 2, 0.5, -1)));
        tg_tensor *target = leaf(grid(TG_F64, 2, 2, LIST(1, 2, 1, -4)));
        tg_tensor *each = cases[k].op(x, target, TG_REDUCE_NONE);
        assert_shape(each, TG_F64, TG_SHAPE(2, 2));
        tg_tensor *sum = cases[k].op(x, target, TG_REDUCE_SUM);
        tg_tensor *mean = cases[k].op(x, target, TG_REDUCE_MEAN);
        assert_shape(mean, TG_F64, TG_0D);
        assert_values(mean, cases[k].mean);
        assert_values(sum, cases[k].sum);
        assert_ok(tg_backward(sum));
        for (int i = 0; i < 4; i++) {
            assert_true(at(each, i) == cases[k].each[i]);
            assert_true(at(tg_grad(x), i) == cases[k].slope[i]);
            assert_true(at(tg_grad(target), i) == -cases[k].slope[i]);
        }
        assert_ok(tg_zero_grad((tg_tensor *const[]){x, target}, 2));
        assert_ok(tg_backward(mean));
        for (int i = 0; i < 4; i++)
            assert_true(at(tg_grad(x), i) == cases[k].slope[i] / 4);
        assert_shape(cases[k].op(tg_scalar(TG_F32, 1), tg_scalar(TG_F32, 3), TG_REDUCE_NONE),
                     TG_F32, TG_0D);
    }
}

static void losses_of_pairs_have_second_slopes(void **state) {
    (void)state;
    tg_tensor *x = LEAF(3, 2, 1);
    tg_tensor *g = slope(tg_mse_loss(x, ROW(1, 2, 4), TG_REDUCE_SUM), NULL, x);
    assert_values(slope(g, ROW(1, 2, 3), x), 2, 4, 6);
    g = slope(tg_l1_loss(x, ROW(1, 2, 4), TG_REDUCE_SUM), NULL, x);
    assert_values(slope(g, ROW(1, 2, 3), x), 0, 0, 0);
}

static void losses_of_pairs_refuse_to_broadcast_and_to_promote(void **state) {
    (void)state;
    static const struct {
        const char *name;
        pair op;
    } cases[] = {{"mse_loss: ", tg_mse_loss}, {"l1_loss: ", tg_l1_loss}};
    for (int k = 0; k < 2; k++) {
        tg_tensor *x = counting(TG_SHAPE(3, 1));
        assert_refused(cases[k].op(x, counting(TG_SHAPE(3)), TG_REDUCE_MEAN), TG_ERR_SHAPE,
                       cases[k].name, "f64 [3, 1]", "f64 [3]", "does not broadcast");
        assert_refused(cases[k].op(x, number(1), TG_REDUCE_SUM), TG_ERR_SHAPE, cases[k].name,
                       "f64 []");
        assert_refused(cases[k].op(x, tg_cast(x, TG_F32), TG_REDUCE_MEAN), TG_ERR_DTYPE,
                       cases[k].name, "f64 [3, 1]", "f32 [3, 1]", "tg_cast");
        assert_refused(cases[k].op(IDS(1), IDS(1), TG_REDUCE_MEAN), TG_ERR_DTYPE, cases[k].name,
                       "i64 [1]");
        assert_refused(cases[k].op(x, x, (tg_reduction)3), TG_ERR_ARG, cases[k].name, "reduction 3",
                       "TG_REDUCE_NONE");
        assert_refused(cases[k].op(x, x, (tg_reduction)-1), TG_ERR_ARG, cases[k].name);
        assert_refused(cases[k].op(x, NULL, TG_REDUCE_MEAN), TG_ERR_ARG, cases[k].name,
                       "argument target is NULL");
        tg_tensor *none = leaf(tg_zeros(TG_F32, TG_SHAPE(0)));
        assert_values(cases[k].op(none, none, TG_REDUCE_SUM), 0);
        assert_shape(cases[k].op(none, none, TG_REDUCE_NONE), TG_F32, TG_SHAPE(0));
        tg_tensor *mean = cases[k].op(none, none, TG_REDUCE_MEAN);
        assert_values(mean, NAN);
        assert_ok(tg_backward(mean));
    }
}

/* ---- PyTorch 2.13, f64 ---- */

static tg_tensor *input(void) { return LEAF(0.5, -1.25, 2, -3); }
static tg_tensor *aim(void) { return LEAF(0, 0.5, 2, 1); }

static void smooth_l1_and_huber_bend_at_their_width(void **state) {
    (void)state;
    tg_tensor *x = input();
    tg_tensor *t = aim();
    tg_tensor *y = tg_smooth_l1_loss(x, t, 0.5, NONE); /* |d| = beta counts as far */
    assert_values(y, 0.25, 1.5, 0, 3.75);
    sum_backward(y);
    assert_values(tg_grad(x), 1, -1, 0, -1);
    assert_values(tg_grad(t), -1, 1, 0, 1);
    x = input();
    y = tg_huber_loss(x, aim(), 2, NONE);
    assert_values(y, 0.125, 1.53125, 0, 6);
    sum_backward(y);
    assert_values(tg_grad(x), 0.5, -1.75, 0, -2);
    assert_values(tg_huber_loss(ROW(2), ROW(0), 2, NONE), 2);
}

static void smooth_l1_of_width_0_is_l1(void **state) {
    (void)state;
    tg_tensor *x = input();
    tg_tensor *y = tg_smooth_l1_loss(x, aim(), 0, NONE);
    assert_values(y, 0.5, 1.75, 0, 4);
    sum_backward(y);
    assert_values(tg_grad(x), 1, -1, 0, -1);
}

static void log_cosh_is_exact_near_0_and_does_not_overflow(void **state) {
    (void)state; /* mpmath */
    tg_tensor *x = LEAF(1e-6, 0.5, 1, 3, -900);
    tg_tensor *y = tg_log_cosh_loss(x, tg_zeros(TG_F64, TG_SHAPE(5)), NONE);
    assert_values_near(y, 1e-15, 4.999999999999166e-13, 0.12011450695827752, 0.4337808304830272,
                       2.309328504577785, 899.3068528194401);
    sum_backward(y);
    assert_values_near(tg_grad(x), 1e-15, 9.999999999996667e-07, 0.46211715726000973,
                       0.7615941559557649, 0.9950547536867305, -1);
}

static void kl_div_has_pytorchs_values_and_slopes(void **state) {
    (void)state;
    tg_tensor *x = input();
    tg_tensor *t = LEAF(0.25, 0.5, 1, 2);
    tg_tensor *y = tg_kl_div(x, t, false, NONE);
    assert_values_near(y, 1e-15, -0.47157359027997264, 0.27842640972002736, -2, 7.386294361119891);
    sum_backward(y);
    assert_values_near(tg_grad(x), 1e-15, -0.25, -0.5, -1, -2);
    assert_values_near(tg_grad(t), 1e-14, -0.8862943611198906, 1.5568528194400546, -1,
                       4.693147180559945);
    x = input();
    t = aim();
    y = tg_kl_div(x, t, true, NONE);
    assert_values_near(y, 1e-15, -0.5, 2.885262223725224, 0, 10.87312731383618);
    sum_backward(y);
    assert_values_near(tg_grad(x), 1e-15, -1, -1.6487212707001282, -7.38905609893065,
                       -2.718281828459045);
    assert_values_near(tg_grad(t), 1e-15, 0.5, 4.533983494425352, 7.38905609893065,
                       13.591409142295225);
    tg_tensor *grid2 = grid(TG_F64, 2, 2, LIST(0.5, -1.25, 2, -3));
    tg_tensor *t2 = grid(TG_F64, 2, 2, LIST(0.25, 0.5, 1, 2));
    assert_values_near(tg_kl_div(grid2, t2, false, TG_REDUCE_BATCHMEAN), 1e-15, 2.5965735902799727);
    assert_values_near(tg_kl_div(grid2, t2, false, TG_REDUCE_MEAN), 1e-15, 2.5965735902799727 / 2);
}

static void a_target_of_0_diverges_by_nothing(void **state) {
    (void)state;
    tg_tensor *x = LEAF(-2, -2);
    tg_tensor *t = LEAF(0, 1);
    tg_tensor *y = tg_kl_div(x, t, false, NONE);
    assert_values(y, 0, 2);
    sum_backward(y);
    assert_values(tg_grad(x), 0, -1);
    assert_values(tg_grad(t), -INF, 3); /* the slope of t·ln t */
}

static tg_tensor *poisson(tg_tensor *x, tg_tensor *t, bool log_input, bool full) {
    tg_poisson_nll_loss_options o = TG_POISSON_NLL_LOSS_OPTIONS_INIT;
    o.reduction = NONE;
    o.log_input = log_input;
    o.full = full;
    return tg_poisson_nll_loss(x, t, &o);
}

static void poisson_nll_has_pytorchs_values_and_slopes(void **state) {
    (void)state;
    tg_tensor *x = input();
    tg_tensor *t = LEAF(0.5, 2, 3, 1);
    assert_values_near(poisson(x, t, true, false), 1e-14, 1.3987212707001282, 2.78650479686019,
                       1.3890560989306504, 3.049787068367864);
    tg_tensor *y = poisson(x, t, true, true);
    assert_values_near(y, 1e-14, 1.3987212707001282, 3.438311281464726, 3.153137642473707,
                       3.049787068367864);
    sum_backward(y);
    assert_values_near(tg_grad(x), 1e-14, 1.1487212707001282, -1.7134952031398099, 4.38905609893065,
                       -0.950212931632136);
    assert_values_near(tg_grad(t), 1e-14, -0.5, 2.1931471805599454, -0.7347210446652235, 3);
    x = LEAF(0.5, 1.25, 2, 0);
    y = poisson(x, t, false, false);
    assert_values_near(y, 1e-14, 0.8465735802799728, 0.8037128813715806, -0.07944155667983566,
                       18.420680743952367);
    sum_backward(y);
    assert_values_near(tg_grad(x), 1e-8, 1.9999999656405976e-08, -0.5999999872000001,
                       -0.49999999250000005, -99999999);
}

static void stirling_keeps_small_targets_out_of_its_slope(void **state) {
    (void)state;
    tg_tensor *t = LEAF(0, 1);
    sum_backward(poisson(ROW(0.5, 0.5), t, true, true));
    assert_values(tg_grad(t), -0.5, -0.5); /* PyTorch: NaN for the first */
}

static tg_tensor *gaussian(tg_tensor *x, tg_tensor *t, tg_tensor *var, bool full, double eps) {
    tg_gaussian_nll_loss_options o = TG_GAUSSIAN_NLL_LOSS_OPTIONS_INIT;
    o.reduction = NONE;
    o.full = full;
    o.eps = eps;
    return tg_gaussian_nll_loss(x, t, var, &o);
}

static void gaussian_nll_limits_the_variance_out_of_sight_of_its_slope(void **state) {
    (void)state;
    tg_tensor *x = input();
    tg_tensor *t = aim();
    tg_tensor *var = LEAF(0.5, 2, 0, 1);
    tg_tensor *y = gaussian(x, t, var, false, 1e-6);
    assert_values_near(y, 1e-14, -0.09657359027997264, 1.1121985902799727, -6.907755278982137, 8);
    sum_backward(y);
    assert_values_near(tg_grad(x), 1e-14, 1, -0.875, 0, -4);
    assert_values_near(tg_grad(t), 1e-14, -1, 0.875, 0, 4);
    assert_values_near(tg_grad(var), 1e-14, 0.5, -0.1328125, 500000, -7.5);
    assert_values_near(gaussian(x, t, var, true, 0.25), 1e-14, 0.8223649429247, 2.0311371234846454,
                       0.22579135264472738, 8.918938533204672);
    assert_values(var, 0.5, 2, 0, 1); /* the limit is not written into it */
}

static void gaussian_nll_takes_a_variance_per_row(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(2, 2));
    tg_tensor *t = tg_zeros_like(x);
    tg_tensor *a = gaussian(x, t, grid(TG_F64, 2, 1, LIST(1, 2)), false, 1e-6);
    tg_tensor *b = gaussian(x, t, ROW(1, 2), false, 1e-6);
    assert_values_near(a, 1e-15, 0, 0.5, 1.3465735902799727, 2.5965735902799727);
    for (int i = 0; i < 4; i++)
        assert_true(at(a, i) == at(b, i));
}

static void bad_options_are_refused_by_name(void **state) {
    (void)state;
    tg_tensor *x = ROW(1, 2);
    static const double bad[] = {NAN, INF, -1};
    for (int i = 0; i < 3; i++) {
        assert_refused(tg_smooth_l1_loss(x, x, bad[i], NONE), TG_ERR_ARG,
                       "smooth_l1_loss: ", "beta is");
        assert_refused(tg_huber_loss(x, x, bad[i], NONE), TG_ERR_ARG, "huber_loss: ", "delta is");
        assert_refused(gaussian(x, x, x, false, bad[i]), TG_ERR_ARG,
                       "gaussian_nll_loss: ", "eps is");
        tg_poisson_nll_loss_options o = TG_POISSON_NLL_LOSS_OPTIONS_INIT;
        o.eps = bad[i];
        assert_refused(tg_poisson_nll_loss(x, x, &o), TG_ERR_ARG, "poisson_nll_loss: ", "eps is");
    }
    assert_refused(tg_huber_loss(x, x, 0, NONE), TG_ERR_ARG, "huber_loss: delta is 0");
    assert_refused(tg_kl_div(x, x, false, (tg_reduction)4), TG_ERR_ARG, "kl_div: reduction 4");
    assert_refused(tg_mse_loss(x, x, TG_REDUCE_BATCHMEAN), TG_ERR_ARG, "mse_loss: reduction 3");
    assert_refused(tg_kl_div(x, ROW(1), false, NONE), TG_ERR_SHAPE, "kl_div: ", "f64 [2]",
                   "f64 [1]");
    assert_refused(gaussian(x, x, ROW(1, -2), false, 1e-6), TG_ERR_NUMERIC,
                   "gaussian_nll_loss: var has -2");
    assert_refused(gaussian(x, x, ROW(1, 2, 3), false, 1e-6), TG_ERR_SHAPE,
                   "gaussian_nll_loss: var is f64 [3]", "f64 [2]");
}

TG_TEST_MAIN(tg_scoped(losses_of_pairs_have_their_values_and_slopes),
             tg_scoped(losses_of_pairs_have_second_slopes),
             tg_scoped(losses_of_pairs_refuse_to_broadcast_and_to_promote),
             tg_scoped(smooth_l1_and_huber_bend_at_their_width),
             tg_scoped(smooth_l1_of_width_0_is_l1),
             tg_scoped(log_cosh_is_exact_near_0_and_does_not_overflow),
             tg_scoped(kl_div_has_pytorchs_values_and_slopes),
             tg_scoped(a_target_of_0_diverges_by_nothing),
             tg_scoped(poisson_nll_has_pytorchs_values_and_slopes),
             tg_scoped(stirling_keeps_small_targets_out_of_its_slope),
             tg_scoped(gaussian_nll_limits_the_variance_out_of_sight_of_its_slope),
             tg_scoped(gaussian_nll_takes_a_variance_per_row),
             tg_scoped(bad_options_are_refused_by_name))
