/* test_softmax.c - softmax, log_softmax, logsumexp. */
#include "tensors.h"

#define INF INFINITY

typedef tg_tensor *(*along)(tg_tensor *x, int dim);

static tg_tensor *logsumexp_all(tg_tensor *x, int dim) {
    return tg_logsumexp(x, TG_DIMS(dim), false);
}

/* ---- Values, slopes of both orders: PyTorch 2.13, f64 ---- */

/* y = f(x) · w, g = d(sum y)/dx, h = d(sum g · w)/dx with w = 1, 2, 3. */
static void check(const char *name, along op, bool reduces, const double *x3, const double *y,
                  const double *g, const double *h) {
    tg_tensor *x = leaf(row(TG_F64, 3, x3));
    tg_tensor *w = ROW(1, 2, 3);
    tg_tensor *out = reduces ? op(x, 0) : tg_mul(op(x, 0), w);
    tg_tensor *first = slope(out, NULL, x);
    tg_tensor *second = slope(first, w, x);
    for (int i = 0; i < 3; i++) {
        if ((!reduces || i == 0) && !tg_test_close(at(out, i), y[i], 2e-15, 0))
            fail_msg("%s, value %d: %.17g", name, i, at(out, i));
        if (!tg_test_close(at(first, i), g[i], 1e-13, 1e-16))
            fail_msg("%s, slope %d: %.17g", name, i, at(first, i));
        if (!tg_test_close(at(second, i), h[i], 1e-13, 1e-16))
            fail_msg("%s, second slope %d: %.17g", name, i, at(second, i));
    }
}

static void values_and_slopes_are_those_of_pytorch(void **state) {
    (void)state;
    static const double x[3] = {1, 2, 4};
    check("logsumexp", logsumexp_all, true, x, (double[]){4.169846019556286},
          (double[]){0.042010066134066035, 0.11419519938459442, 0.8437947344813391},
          (double[]){-0.075693093076615148, -0.091559960065427687, 0.16725305314204375});
    check("softmax", tg_softmax, false, x,
          (double[]){0.04201006613406605, 0.22839039876918898, 2.531384203444018},
          (double[]){-0.0756930930766152, -0.09155996006542783, 0.1672530531420433},
          (double[]){0.12617647093556603, 0.045668088607789897, -0.17184455954335612});
    check("log_softmax", tg_log_softmax, false, x,
          (double[]){-3.1698460195562856, -4.339692039112571, -0.509538058668857},
          (double[]){0.7479396031956037, 1.3148288036924332, -2.0627684068880368},
          (double[]){0.45415855845969116, 0.54935976039256673, -1.0035183188522601});
    static const double far[3] = {710, -INF, 3};
    check("logsumexp", logsumexp_all, true, far, (double[]){710},
          (double[]){1, 0, 8.99086122645542e-308}, (double[]){0, 0, 1.7981722452910839e-307});
    check("log_softmax", tg_log_softmax, false, far, (double[]){0, -INF, -2121},
          (double[]){-5, 2, 3}, (double[]){0, 0, 0});
}

static void rows_add_up_to_one_along_any_dim_and_layout(void **state) {
    (void)state;
    tg_tensor *x = tg_sin(counting(TG_SHAPE(3, 4, 5)));
    tg_tensor *layouts[2] = {x, tg_permute(x, TG_DIMS(2, 0, 1))};
    for (int l = 0; l < 2; l++)
        for (int dim = -3; dim < 3; dim++) {
            tg_tensor *y = tg_softmax(layouts[l], dim);
            tg_tensor *sum = tg_sum(y, TG_DIMS(dim), false);
            assert_close(at(tg_min(sum), 0), 1, 1e-15, 0);
            assert_close(at(tg_max(sum), 0), 1, 1e-15, 0);
            tg_tensor *difference = tg_sub(tg_log(y), tg_log_softmax(layouts[l], dim));
            assert_close(at(tg_max(tg_abs(difference)), 0), 0, 0, 2e-15);
            tg_tensor *packed = tg_softmax(tg_clone(layouts[l]), dim);
            assert_memory_equal(tg_data(packed), tg_data(y), 60 * sizeof(double));
        }
}

static void f32_is_as_exact_as_f32_can_be(void **state) {
    (void)state;
    tg_tensor *x = tg_mul_scalar(tg_sin(counting(TG_SHAPE(7, 33))), 20);
    tg_tensor *narrow = tg_softmax(tg_cast(x, TG_F32), 1);
    assert_shape(narrow, TG_F32, TG_SHAPE(7, 33));
    tg_tensor *wide = tg_softmax(tg_cast(tg_cast(x, TG_F32), TG_F64), 1);
    tg_tensor *ratio = tg_div(tg_cast(narrow, TG_F64), wide);
    assert_close(at(tg_min(ratio), 0), 1, 4e-6, 0); /* x - max, up to 40, is rounded to f32 */
    assert_close(at(tg_max(ratio), 0), 1, 4e-6, 0);
}

/* ---- Extremes ---- */

static void large_numbers_do_not_overflow(void **state) {
    (void)state;
    tg_tensor *x = grid(TG_F64, 3, 2, LIST(1e30, 0, 1000, 1000, -1000, -1000));
    assert_values(tg_softmax(x, 1), 1, 0, .5, .5, .5, .5);
    assert_values_near(tg_log_softmax(x, 1), 1e-15, 0, -1e30, -M_LN2, -M_LN2, -M_LN2, -M_LN2);
    assert_values_near(tg_logsumexp(x, TG_DIMS(1), false), 1e-15, 1e30, 1000 + M_LN2,
                       -1000 + M_LN2);
    tg_tensor *f = row(TG_F32, LIST(1e38, -1e38, 3e38));
    assert_values(tg_softmax(f, 0), 0, 0, 1);
}

/* As PyTorch 2.13. */
static void infinite_and_nan_rows_give_nan_and_one_minus_infinity_does_not(void **state) {
    (void)state;
    tg_tensor *x =
        leaf(of(TG_F64, TG_SHAPE(5, 2), LIST(-INF, -INF, INF, 1, NAN, 1, INF, INF, -INF, 1)));
    assert_values(tg_softmax(x, 1), NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, 0, 1);
    assert_values(tg_log_softmax(x, 1), NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, -INF, 0);
    tg_tensor *masked = LEAF(-INF, 1);
    sum_backward(tg_mul(tg_log_softmax(masked, 0), ROW(1, 2)));
    assert_values(tg_grad(masked), 1, -1);
    assert_ok(tg_zero_grad(&masked, 1));
    sum_backward(tg_mul(tg_softmax(masked, 0), ROW(1, 2)));
    assert_values(tg_grad(masked), 0, 0);
}

/* -inf everywhere: PyTorch gives NaN slopes, here there is nothing to shift. */
static void logsumexp_of_infinities(void **state) {
    (void)state;
    tg_tensor *x =
        leaf(of(TG_F64, TG_SHAPE(5, 2), LIST(-INF, -INF, INF, 1, NAN, 1, INF, INF, -INF, 1)));
    tg_tensor *y = tg_logsumexp(x, TG_DIMS(1), false);
    assert_values(y, -INF, INF, NAN, INF, 1);
    tg_tensor *g = slope(y, NULL, x);
    assert_values(g, 0, 0, NAN, 0, NAN, NAN, NAN, NAN, 0, 1);
    tg_tensor *low = LEAF(-INF, -INF);
    g = slope(tg_logsumexp(low, TG_ALL, true), NULL, low);
    assert_values(g, 0, 0);
    assert_values(slope(g, ROW(1, 2), low), 0, 0);
}

/* ---- logsumexp over several dims ---- */

static void logsumexp_goes_over_any_dims(void **state) {
    (void)state;
    tg_tensor *x = leaf(tg_sin(counting(TG_SHAPE(2, 3, 4))));
    tg_tensor *expected = tg_log(tg_sum(tg_exp(x), TG_DIMS(0, 2), true));
    tg_tensor *y = tg_logsumexp(x, TG_DIMS(-1, 0), true);
    assert_shape(y, TG_F64, TG_SHAPE(1, 3, 1));
    for (int i = 0; i < 3; i++)
        assert_close(at(y, i), at(expected, i), 1e-15, 0);
    tg_tensor *g = slope(y, NULL, x);
    tg_tensor *naive = slope(expected, NULL, x);
    for (int i = 0; i < 24; i++)
        assert_close(at(g, i), at(naive, i), 1e-14, 0);
    assert_close(at(tg_logsumexp(tg_permute(x, TG_DIMS(1, 2, 0)), TG_DIMS(1, 2), false), 2),
                 at(expected, 2), 1e-15, 0);
    assert_values_near(tg_logsumexp(row(TG_I64, LIST(0, 0)), TG_ALL, false), 1e-7, M_LN2);
    assert_shape(tg_logsumexp(row(TG_I64, LIST(0, 0)), TG_ALL, false), TG_F32, TG_0D);
    assert_shape(tg_logsumexp(row(TG_BOOL, LIST(0, 1)), TG_ALL, false), TG_F32, TG_0D);
}

/* ---- Refusals, no dims, no elements ---- */

static void softmax_refuses_integers_and_bad_dims_by_name(void **state) {
    (void)state;
    assert_refused(tg_softmax(row(TG_I32, LIST(1, 2)), 0), TG_ERR_DTYPE, "softmax: ", "i32 [2]",
                   "f32, f64", "tg_cast");
    assert_refused(tg_log_softmax(row(TG_BOOL, LIST(1)), 0), TG_ERR_DTYPE,
                   "log_softmax: ", "bool [1]");
    assert_refused(tg_softmax(ROW(1, 2), 1), TG_ERR_INDEX, "softmax: ", "dim 1", "f64 [2]",
                   "-1 to 0");
    assert_refused(tg_log_softmax(ROW(1, 2), INT32_MIN), TG_ERR_INDEX, "log_softmax: ");
    assert_refused(tg_softmax(NULL, 0), TG_ERR_ARG, "softmax: ", "argument x is NULL");
}

static void no_dims_and_no_elements_work(void **state) {
    (void)state;
    tg_tensor *x = leaf(number(3));
    assert_values(tg_softmax(x, 0), 1);
    assert_values(tg_log_softmax(x, -1), 0);
    assert_values(tg_logsumexp(x, TG_ALL, false), 3);
    assert_ok(tg_backward(tg_softmax(x, 0)));
    assert_values(tg_grad(x), 0);
    tg_tensor *none = leaf(tg_zeros(TG_F32, TG_SHAPE(2, 0)));
    for (int dim = 0; dim < 2; dim++) {
        assert_shape(tg_softmax(none, dim), TG_F32, TG_SHAPE(2, 0));
        sum_backward(tg_log_softmax(none, dim));
    }
    assert_shape(tg_grad(none), TG_F32, TG_SHAPE(2, 0));
    assert_values(tg_logsumexp(none, TG_DIMS(1), false), -INF, -INF);
}

TG_TEST_MAIN(tg_scoped(values_and_slopes_are_those_of_pytorch),
             tg_scoped(rows_add_up_to_one_along_any_dim_and_layout),
             tg_scoped(f32_is_as_exact_as_f32_can_be), tg_scoped(large_numbers_do_not_overflow),
             tg_scoped(infinite_and_nan_rows_give_nan_and_one_minus_infinity_does_not),
             tg_scoped(logsumexp_of_infinities), tg_scoped(logsumexp_goes_over_any_dims),
             tg_scoped(softmax_refuses_integers_and_bad_dims_by_name),
             tg_scoped(no_dims_and_no_elements_work))
