/* test_loss_binary.c - losses of yes or no: PyTorch 2.13, f64. */
#include "tensors.h"

#define INF INFINITY
#define NONE TG_REDUCE_NONE

static tg_tensor *input(void) { return LEAF(0.5, -1.25, 2, -3); }
static tg_tensor *labels(void) { return LEAF(0, 0.75, 1, 1); }

static void probabilities_have_limited_logarithms_and_slopes(void **state) {
    (void)state;
    tg_tensor *x = LEAF(0.25, 0.5, 1, 0);
    tg_tensor *t = labels();
    tg_tensor *y = tg_binary_cross_entropy(x, t, TG_NONE, NONE);
    assert_values_near(y, 1e-15, 0.2876820724517809, 0.6931471805599453, 0, 100);
    sum_backward(y);
    /* PyTorch has 1e-12 in f32: -1000000003995.8 */
    assert_values_near(tg_grad(x), 1e-15, 1.3333333333333333, -1, 0, -1e12);
    /* the slope of what was computed; PyTorch: -inf and inf at the ends */
    assert_values_near(tg_grad(t), 1e-15, 1.0986122886681098, 0, -100, 100);
}

static void what_is_no_probability_is_refused(void **state) {
    (void)state;
    static const double bad[] = {-0.001, 1.001, NAN, INF};
    for (int i = 0; i < 4; i++) {
        assert_refused(tg_binary_cross_entropy(ROW(0.5, bad[i]), ROW(1, 1), TG_NONE, NONE),
                       TG_ERR_NUMERIC, "binary_cross_entropy: x has ", "[0, 1]");
        assert_refused(tg_binary_cross_entropy(ROW(1, 1), ROW(0.5, bad[i]), TG_NONE, NONE),
                       TG_ERR_NUMERIC, "binary_cross_entropy: target has ", "[0, 1]");
    }
}

static void logits_have_pytorchs_losses_and_slopes(void **state) {
    (void)state;
    tg_tensor *x = input();
    tg_tensor *t = labels();
    tg_tensor *y = tg_binary_cross_entropy_with_logits(x, t, TG_NONE, TG_NONE, NONE);
    assert_values_near(y, 1e-15, 0.9740769841801067, 1.189429081345373, 0.1269280110429725,
                       3.048587351573742);
    sum_backward(y);
    assert_values_near(tg_grad(x), 1e-14, 0.6224593312018546, -0.5272998611746912,
                       -0.11920292202211769, -0.9525741268224333);
    assert_values_near(tg_grad(t), 1e-15, -0.5, 1.25, -2, 3);
    tg_tensor *w = ROW(2, 0.5, 3, 1.5);
    x = input();
    t = labels();
    y = tg_binary_cross_entropy_with_logits(x, t, TG_NONE, w, NONE);
    assert_values_near(y, 1e-15, 0.9740769841801067, 0.6262056758408581, 0.3807840331289175,
                       4.572881027360613);
    sum_backward(y);
    assert_values_near(tg_grad(x), 1e-14, 0.6224593312018546, -0.23581241323418198,
                       -0.35760876606635295, -1.4288611902336499);
    assert_values_near(tg_grad(t), 1e-13, -0.025923015819893314, 0.4990354593273136,
                       -1.746143977914055, 4.524293675786871);
    y = tg_binary_cross_entropy_with_logits(input(), labels(), w, TG_NONE, TG_REDUCE_MEAN);
    assert_values_near(y, 1e-15, 1.8741333923806076);
}

static void large_logits_neither_overflow_nor_cancel(void **state) {
    (void)state;
    for (int weighted = 0; weighted < 2; weighted++) {
        tg_tensor *x = LEAF(-1000, 1000, -1000, 1000, 40, -40);
        tg_tensor *t = ROW(0, 0, 1, 1, 1, 0);
        tg_tensor *w = weighted ? ROW(1) : TG_NONE;
        tg_tensor *y = tg_binary_cross_entropy_with_logits(x, t, TG_NONE, w, NONE);
        double tiny = 4.248354255291589e-18; /* e⁻⁴⁰ */
        assert_values_near(y, 1e-14, 0, 1000, 1000, 0, tiny, tiny);
        sum_backward(y);
        assert_values_near(tg_grad(x), 1e-14, 0, 1, -1, 0, -tiny, tiny);
    }
}

static void focal_loss_has_the_values_of_its_formula(void **state) {
    (void)state;
    tg_tensor *x = input();
    tg_tensor *t = LEAF(0, 1, 1, 0);
    tg_tensor *y = tg_sigmoid_focal_loss(x, t, 0.25, 2, NONE);
    assert_values_near(y, 1e-13, 0.28305870064455735, 0.2268645381799656, 0.00045089070881009483,
                       8.196249337274802e-05);
    sum_backward(y);
    assert_values_near(tg_grad(x), 1e-12, 0.3946138664059373, -0.21845571511549877,
                       -0.0012177350488481945, 0.00023615388486621075);
    assert_values_near(
        tg_sigmoid_focal_loss(x, t, -1, 0, TG_REDUCE_SUM), 1e-14,
        at(tg_binary_cross_entropy_with_logits(x, t, TG_NONE, TG_NONE, TG_REDUCE_SUM), 0));
}

static void soft_margin_loss_has_pytorchs_values_and_no_overflow(void **state) {
    (void)state;
    tg_tensor *x = input();
    tg_tensor *y = tg_soft_margin_loss(x, ROW(1, -1, 1, -1), NONE);
    assert_values_near(y, 1e-15, 0.4740769841801067, 0.2519290813453729, 0.1269280110429725,
                       0.04858735157374206);
    sum_backward(y);
    assert_values_near(tg_grad(x), 1e-14, -0.37754066879814546, 0.22270013882530884,
                       -0.11920292202211755, 0.04742587317756679);
    assert_values(tg_soft_margin_loss(ROW(-1000), ROW(1), NONE), 1000); /* PyTorch: inf */
}

static void dice_loss_is_the_share_that_is_missing(void **state) {
    (void)state;
    tg_tensor *x = leaf(grid(TG_F64, 2, 2, LIST(1, 0, 0.5, 0.5)));
    tg_tensor *t = grid(TG_F64, 2, 2, LIST(1, 0, 1, 0));
    tg_tensor *y = tg_dice_loss(x, t, 1, NONE);
    assert_values_near(y, 1e-15, 0, 1.0 / 3); /* 1 - 3/3, 1 - 2/3 */
    sum_backward(y);
    /* (share - 2t)/3 */
    assert_values_near(tg_grad(x), 1e-15, -1.0 / 3, 1.0 / 3, -4.0 / 9, 2.0 / 9);
    assert_refused(tg_dice_loss(x, t, -1, NONE), TG_ERR_ARG, "dice_loss: smooth is -1");
    assert_refused(tg_dice_loss(ROW(1), ROW(1), 1, NONE), TG_ERR_SHAPE, "dice_loss: x is f64 [1]");
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(2, 3));
    tg_tensor *zero = tg_zeros_like(x);
    assert_refused(tg_binary_cross_entropy(zero, ROW(1, 2, 3), TG_NONE, NONE), TG_ERR_SHAPE,
                   "binary_cross_entropy: x is f64 [2, 3] and target is f64 [3]");
    assert_refused(tg_binary_cross_entropy(zero, zero, ROW(1, 2), NONE), TG_ERR_SHAPE,
                   "binary_cross_entropy: weight is f64 [2]");
    assert_refused(tg_binary_cross_entropy_with_logits(x, x, TG_NONE, ROW(1, 2), NONE),
                   TG_ERR_SHAPE, "binary_cross_entropy_with_logits: pos_weight is f64 [2]",
                   "f64 [2, 3]");
    assert_refused(tg_binary_cross_entropy_with_logits(x, x, row(TG_F32, LIST(1)), TG_NONE, NONE),
                   TG_ERR_SHAPE, "weight is f32 [1]");
    assert_refused(tg_sigmoid_focal_loss(x, x, NAN, 2, NONE), TG_ERR_ARG,
                   "sigmoid_focal_loss: ", "alpha is");
    assert_refused(tg_sigmoid_focal_loss(x, x, 0.5, -1, NONE), TG_ERR_ARG,
                   "sigmoid_focal_loss: gamma is -1");
    assert_refused(tg_soft_margin_loss(x, x, (tg_reduction)5), TG_ERR_ARG,
                   "soft_margin_loss: reduction 5");
}

TG_TEST_MAIN(tg_scoped(probabilities_have_limited_logarithms_and_slopes),
             tg_scoped(what_is_no_probability_is_refused),
             tg_scoped(logits_have_pytorchs_losses_and_slopes),
             tg_scoped(large_logits_neither_overflow_nor_cancel),
             tg_scoped(focal_loss_has_the_values_of_its_formula),
             tg_scoped(soft_margin_loss_has_pytorchs_values_and_no_overflow),
             tg_scoped(dice_loss_is_the_share_that_is_missing),
             tg_scoped(what_does_not_fit_is_refused))
