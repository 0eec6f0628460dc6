/* test_loss_multi.c - losses of scores for many classes: PyTorch 2.13, f64. */
#include "tensors.h"

#define NONE TG_REDUCE_NONE
#define IDS(...) row(TG_I64, LIST(__VA_ARGS__))

static tg_tensor *scores(void) {
    return leaf(grid(TG_F64, 2, 4, LIST(0.1, 0.2, 0.4, 0.8, 1, -0.5, 0.25, 0)));
}

static tg_tensor *multi(tg_tensor *x, tg_tensor *t, int64_t p, double margin, tg_tensor *w,
                        tg_reduction reduction) {
    tg_multi_margin_loss_options o = TG_MULTI_MARGIN_LOSS_OPTIONS_INIT;
    o.reduction = reduction;
    o.p = p;
    o.margin = margin;
    o.weight = w;
    return tg_multi_margin_loss(x, t, &o);
}

static void multi_margin_has_pytorchs_values_and_slopes(void **state) {
    (void)state;
    tg_tensor *x = scores();
    tg_tensor *y = multi(x, IDS(3, 0), 1, 1, NULL, NONE);
    assert_values_near(y, 1e-15, 0.32499999999999996, 0.0625);
    sum_backward(y);
    /* the last 0: exactly at the margin */
    assert_values(tg_grad(x), 0.25, 0.25, 0.25, -0.75, -0.25, 0, 0.25, 0);
    x = scores();
    y = multi(x, IDS(3, 2), 2, 0.5, ROW(0.5, 1, 2, 3), TG_REDUCE_MEAN);
    assert_values_near(y, 1e-15, 0.41);
    sum_backward(y);
    assert_values_near(tg_grad(x), 1e-14, 0, 0, 0.07499999999999998, -0.07499999999999998, 0.625, 0,
                       -0.75, 0.125);
    assert_shape(multi(LEAF(1, 2), tg_scalar_i64(1), 1, 1, NULL, NONE), TG_F64, TG_0D);
}

static void multilabel_margin_has_pytorchs_values_and_slopes(void **state) {
    (void)state;
    tg_tensor *x = scores();
    tg_tensor *t = grid(TG_I64, 2, 4, LIST(3, 0, -1, 1, 2, -1, -1, -1));
    tg_tensor *y = tg_multilabel_margin_loss(x, t, NONE);
    assert_values_near(y, 1e-15, 0.8500000000000001, 0.6875);
    tg_tensor *g = slope(y, NULL, x);
    assert_values(g, -0.5, 0.5, 0.5, -0.5, 0.25, 0.25, -0.75, 0.25);
    assert_values(slope(g, NULL, x), 0, 0, 0, 0, 0, 0, 0, 0);
    assert_values(tg_multilabel_margin_loss(ROW(1, 0), IDS(0, -1), NONE), 0); /* at the margin */
    assert_values(tg_multilabel_margin_loss(ROW(NAN, 0), IDS(0, -1), NONE), NAN);
    assert_values(tg_multilabel_margin_loss(ROW(1, 5), IDS(-1, 0), NONE), 0);
}

static void multilabel_soft_margin_has_pytorchs_values_and_slopes(void **state) {
    (void)state;
    tg_tensor *x = scores();
    tg_tensor *t = grid(TG_F64, 2, 4, LIST(1, 0, 0, 1, 0, 1, 1, 0));
    tg_tensor *y = tg_multilabel_soft_margin_loss(x, t, ROW(0.5, 1, 2, 3), NONE);
    assert_values_near(y, 1e-15, 1.0149174255154039, 1.215507052344185);
    sum_backward(y);
    assert_values_near(tg_grad(x), 1e-14, -0.0593776015651325, 0.1374584993281195,
                       0.299343830056226, -0.23251913915429068, 0.09138232232875061,
                       -0.15561483280046362, -0.21891174955710094, 0.375);
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    tg_tensor *x = scores();
    assert_refused(multi(x, IDS(0, 4), 1, 1, NULL, NONE), TG_ERR_INDEX,
                   "multi_margin_loss: index 4 at position 1", "dim 1", "0 to 3");
    assert_refused(multi(x, IDS(0), 1, 1, NULL, NONE), TG_ERR_SHAPE,
                   "multi_margin_loss: ", "f64 [2, 4]", "i64 [1]");
    assert_refused(multi(x, ROW(0, 1), 1, 1, NULL, NONE), TG_ERR_DTYPE,
                   "multi_margin_loss: ", "f64 [2]");
    assert_refused(multi(x, IDS(0, 1), 3, 1, NULL, NONE), TG_ERR_ARG, "multi_margin_loss: p is 3");
    assert_refused(multi(x, IDS(0, 1), 1, NAN, NULL, NONE), TG_ERR_ARG, "margin");
    assert_refused(multi(x, IDS(0, 1), 1, 1, ROW(1, 2), NONE), TG_ERR_SHAPE, "weight is f64 [2]");
    assert_refused(tg_multilabel_margin_loss(x, IDS(0, 1), NONE), TG_ERR_SHAPE,
                   "multilabel_margin_loss: ", "i64 [2]");
    assert_refused(tg_multilabel_margin_loss(ROW(1, 2), IDS(-2, 0), NONE), TG_ERR_INDEX,
                   "multilabel_margin_loss: index -2 at position 0");
    assert_refused(tg_multilabel_soft_margin_loss(x, x, ROW(1, 2), NONE), TG_ERR_SHAPE,
                   "multilabel_soft_margin_loss: weight is f64 [2]");
}

static void empty_batches_have_sum_0(void **state) {
    (void)state;
    tg_tensor *x = leaf(tg_zeros(TG_F64, TG_SHAPE(0, 3)));
    assert_values(multi(x, tg_zeros(TG_I64, TG_SHAPE(0)), 1, 1, NULL, TG_REDUCE_SUM), 0);
    assert_values(tg_multilabel_margin_loss(x, tg_zeros(TG_I64, TG_SHAPE(0, 3)), TG_REDUCE_SUM), 0);
}

TG_TEST_MAIN(tg_scoped(multi_margin_has_pytorchs_values_and_slopes),
             tg_scoped(multilabel_margin_has_pytorchs_values_and_slopes),
             tg_scoped(multilabel_soft_margin_has_pytorchs_values_and_slopes),
             tg_scoped(what_does_not_fit_is_refused), tg_scoped(empty_batches_have_sum_0))
