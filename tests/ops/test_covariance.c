/* test_covariance.c - covariances and correlations of rows. */
#include "tensors.h"

#define INF INFINITY

static void covariances_of_two_rows(void **state) {
    (void)state;
    tg_tensor *x = leaf(grid(TG_F64, 2, 3, LIST(1, 2, 3, 4, 0, 2)));
    tg_tensor *y = tg_cov(x, 1, TG_NONE, TG_NONE);
    assert_shape(y, TG_F64, TG_SHAPE(2, 2));
    assert_values(y, 1, -1, -1, 4);
    assert_values(slope(tg_select(tg_select(y, 0, 0), 0, 1), NULL, x), 1, -1, 0, -.5, 0, .5);
    assert_values(tg_cov(ROW(1, 2, 6), 0, TG_NONE, TG_NONE), 14. / 3);
    assert_shape(tg_cov(row(TG_I64, LIST(1, 2)), 1, TG_NONE, TG_NONE), TG_F32, TG_0D);
    assert_values(tg_cov(x, 3, TG_NONE, TG_NONE), INF, -INF, -INF, INF);
    assert_values(tg_cov(number(1), 1, TG_NONE, TG_NONE), NAN);
}

/* Values of PyTorch. */
static void weights_count_observations(void **state) {
    (void)state;
    tg_tensor *x = grid(TG_F64, 2, 3, LIST(1, 2, 4, 0, 1, 5));
    tg_tensor *often = row(TG_I64, LIST(1, 2, 0));
    assert_values_near(tg_cov(x, 1, often, TG_NONE), 1e-15, 1. / 3, 1. / 3, 1. / 3, 1. / 3);
    assert_values_near(tg_cov(x, 1, often, ROW(.1, .2, .3)), 1e-14, .25, .25, .25, .25);
    assert_refused(tg_cov(x, 1, row(TG_I64, LIST(1, 2)), TG_NONE), TG_ERR_SHAPE,
                   "cov: ", "fweights", "i64 [2]", "f64 [2, 3]");
    assert_refused(tg_cov(x, 1, ROW(1, 2, 3), TG_NONE), TG_ERR_DTYPE, "cov: ", "f64 [3]");
    assert_refused(tg_cov(x, 1, row(TG_I64, LIST(1, -2, 0)), TG_NONE), TG_ERR_ARG, "fweights is -2",
                   "position 1");
    assert_refused(tg_cov(x, 1, TG_NONE, ROW(1, 2, NAN)), TG_ERR_ARG, "aweights");
    assert_refused(tg_cov(counting(TG_SHAPE(1, 2, 3)), 1, TG_NONE, TG_NONE), TG_ERR_SHAPE,
                   "f64 [1, 2, 3]");
}

static void correlations_lie_between_minus_one_and_one(void **state) {
    (void)state;
    tg_tensor *x = leaf(grid(TG_F64, 2, 3, LIST(1, 2, 3, 4, 0, 2)));
    tg_tensor *y = tg_corrcoef(x);
    assert_values(y, 1, -.5, -.5, 1);
    assert_values(tg_corrcoef(ROW(1, 2)), 1);
    assert_values_near(tg_corrcoef(grid(TG_F64, 2, 2, LIST(1, 1, 2, 3))), 1e-15, NAN, NAN, NAN, 1);
    assert_refused(tg_corrcoef(counting(TG_SHAPE(1, 2, 3))), TG_ERR_SHAPE, "corrcoef: ");
}

TG_TEST_MAIN(tg_scoped(covariances_of_two_rows), tg_scoped(weights_count_observations),
             tg_scoped(correlations_lie_between_minus_one_and_one))
