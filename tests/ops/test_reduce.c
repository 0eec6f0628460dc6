/* test_reduce.c - sums, means, products and truth over any dims. */
#include "tensors.h"

#define INF INFINITY

typedef tg_tensor *(*reduction)(tg_tensor *x, int ndims, const int *dims, bool keepdim);

/* ---- Which dims ---- */

static const struct {
    const char *name;
    reduction op;
    bool floats_only, refuses_empty;
} reductions[] = {{"sum", tg_sum, false, false},       {"mean", tg_mean, true, false},
                  {"prod", tg_prod, false, false},     {"amax", tg_amax, false, true},
                  {"amin", tg_amin, false, true},      {"all", tg_all, false, false},
                  {"any", tg_any, false, false},       {"logsumexp", tg_logsumexp, false, false},
                  {"nansum", tg_nansum, false, false}, {"nanmean", tg_nanmean, true, false}};
#define REDUCTIONS (sizeof reductions / sizeof *reductions)

static void dims_are_dropped_or_kept_with_size_1(void **state) {
    (void)state;
    tg_tensor *x = tg_ones(TG_F64, TG_SHAPE(2, 3, 4));
    for (size_t k = 0; k < REDUCTIONS; k++) {
        reduction op = reductions[k].op;
        tg_dtype dtype = op == tg_all || op == tg_any ? TG_BOOL : TG_F64;
        assert_shape(op(x, TG_ALL, false), dtype, TG_0D);
        assert_shape(op(x, TG_ALL, true), dtype, TG_SHAPE(1, 1, 1));
        assert_shape(op(x, TG_DIMS(1), false), dtype, TG_SHAPE(2, 4));
        assert_shape(op(x, TG_DIMS(-1, 0), false), dtype, TG_SHAPE(3));
        assert_shape(op(x, TG_DIMS(-1, 0), true), dtype, TG_SHAPE(1, 3, 1));
        assert_shape(op(x, TG_DIMS(0, 1, 2), false), dtype, TG_0D);
        assert_shape(op(tg_ones(TG_F64, TG_0D), TG_ALL, true), dtype, TG_0D);
        assert_shape(op(tg_ones(TG_F64, TG_0D), TG_DIMS(-1), false), dtype, TG_0D);
    }
}

static void bad_dims_are_refused_by_name(void **state) {
    (void)state;
    tg_tensor *x = tg_ones(TG_F64, TG_SHAPE(2, 3));
    char name[32];
    for (size_t k = 0; k < REDUCTIONS; k++) {
        reduction op = reductions[k].op;
        (void)snprintf(name, sizeof name, "%s: ", reductions[k].name);
        assert_refused(op(x, TG_DIMS(2), false), TG_ERR_INDEX, name, "dim 2", "f64 [2, 3]",
                       "-2 to 1");
        assert_refused(op(x, TG_DIMS(0, -2), false), TG_ERR_INDEX, name, "dim -2", "twice");
        assert_refused(op(x, TG_DIMS(INT32_MAX), false), TG_ERR_INDEX, name);
        assert_refused(op(x, 9, (const int[9]){0}, false), TG_ERR_ARG, name, "9 dims");
        assert_refused(op(x, 1, NULL, false), TG_ERR_ARG, name, "NULL");
        assert_refused(op(x, -1, NULL, false), TG_ERR_ARG, name, "-1 dims");
        assert_refused(op(NULL, TG_ALL, false), TG_ERR_ARG, name, "argument x is NULL");
        assert_refused(op(number(1), TG_DIMS(1), false), TG_ERR_INDEX, name, "-1 to 0");
    }
}

/* ---- sum, mean ---- */

static void sums_and_means_of_any_layout(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(2, 3, 4));
    assert_values(tg_sum(x, TG_ALL, false), 276);
    assert_values(tg_sum(x, TG_DIMS(0, 2), false), 60, 92, 124);
    assert_values(tg_sum(tg_permute(x, TG_DIMS(2, 0, 1)), TG_DIMS(1, 0), false), 60, 92, 124);
    assert_values(tg_mean(x, TG_DIMS(-1), false), 1.5, 5.5, 9.5, 13.5, 17.5, 21.5);
    assert_values(tg_sum(tg_expand(ROW(2), TG_SHAPE(3, 5)), TG_DIMS(0), false), 6, 6, 6, 6, 6);
    assert_values(tg_sum(tg_slice(counting(TG_SHAPE(10)), 0, 0, 10, 3), TG_ALL, false), 18);
}

static void gradients_of_sum_and_mean_are_spread(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(2, 3)));
    tg_tensor *g = slope(tg_square(tg_sum(x, TG_DIMS(0), false)), NULL, x); /* 2 · column sums */
    assert_values(g, 6, 10, 14, 6, 10, 14);
    assert_values(slope(g, NULL, x), 4, 4, 4, 4, 4, 4);
    g = slope(tg_square(tg_mean(x, TG_DIMS(1), true)), NULL, x);
    assert_values_near(g, 1e-15, 2. / 3, 2. / 3, 2. / 3, 8. / 3, 8. / 3, 8. / 3);
    sum_backward(tg_mul(tg_sum(x, TG_DIMS(1), false), ROW(5, 7)));
    assert_values(tg_grad(x), 5, 5, 5, 7, 7, 7);
}

static void integers_and_bool_sum_to_i64_and_have_no_mean(void **state) {
    (void)state;
    assert_shape(tg_sum(row(TG_U8, LIST(200, 200)), TG_ALL, false), TG_I64, TG_0D);
    assert_values(tg_sum(row(TG_U8, LIST(200, 200)), TG_ALL, false), 400);
    assert_values(tg_sum(row(TG_BOOL, LIST(1, 1, 0, 1)), TG_ALL, false), 3);
    assert_values(tg_sum(row(TG_I32, LIST(INT32_MAX, INT32_MAX)), TG_ALL, false), 4294967294);
    assert_shape(tg_prod(row(TG_U8, LIST(100, 100)), TG_ALL, false), TG_I64, TG_0D);
    assert_values(tg_prod(row(TG_U8, LIST(100, 100)), TG_ALL, false), 10000);
    assert_values(tg_prod(row(TG_BOOL, LIST(1, 0)), TG_ALL, false), 0);
    for (int dtype = TG_I64; dtype <= TG_BOOL; dtype++)
        assert_refused(tg_mean(tg_ones((tg_dtype)dtype, TG_SHAPE(2)), TG_ALL, false), TG_ERR_DTYPE,
                       "mean: ", tg_dtype_name((tg_dtype)dtype), "f32, f64", "tg_cast");
}

static void long_sums_of_f32_are_accumulated_in_f64(void **state) {
    (void)state;
    enum { N = 1 << 20 };
    tg_tensor *x = tg_full(TG_F32, TG_SHAPE(N), 0.1);
    double exact = (double)N * (double)0.1F;
    assert_values(tg_sum(x, TG_ALL, false), (double)(float)exact);
    assert_values(tg_mean(x, TG_ALL, false), (double)0.1F);
    tg_tensor *mixed = row(TG_F32, LIST(1e8, 1, -1e8, 1)); /* in f32: 0 or 1 */
    assert_values(tg_sum(mixed, TG_ALL, false), 2);
    assert_values(tg_sum(tg_fill_(tg_empty(TG_F32, TG_SHAPE(3, N / 4)), 1), TG_DIMS(1), false),
                  N / 4, N / 4, N / 4);
}

static void sums_are_the_same_bits_for_any_thread_count(void **state) {
    (void)state;
    const int before = tg_num_threads();
    tg_tensor *x = tg_sin_(tg_arange(TG_F64, 0, 600000, 1));
    tg_tensor *m = tg_reshape(x, TG_SHAPE(600, 1000));
    tg_tensor *out[2][3];
    for (int k = 0; k < 2; k++) {
        assert_ok(tg_set_num_threads(k == 0 ? 1 : 5));
        out[k][0] = tg_sum(x, TG_ALL, false);
        out[k][1] = tg_sum(m, TG_DIMS(0), false);
        out[k][2] = tg_mean(m, TG_DIMS(1), false);
    }
    assert_ok(tg_set_num_threads(before));
    for (int i = 0; i < 3; i++)
        assert_memory_equal(tg_data(out[0][i]), tg_data(out[1][i]),
                            8 * (size_t)tg_numel(out[0][i]));
}

/* ---- NaN that does not count ---- */

static void nan_does_not_count_in_nansum_and_nanmean(void **state) {
    (void)state;
    tg_tensor *x = leaf(grid(TG_F64, 2, 3, LIST(1, NAN, 3, NAN, NAN, NAN)));
    tg_tensor *y = tg_nansum(x, TG_DIMS(1), false);
    assert_values(y, 4, 0);
    assert_values(slope(y, NULL, x), 1, 0, 1, 0, 0, 0);
    y = tg_nanmean(x, TG_DIMS(1), true);
    assert_shape(y, TG_F64, TG_SHAPE(2, 1));
    assert_values(y, 2, NAN);
    assert_values(slope(y, NULL, x), .5, 0, .5, 0, 0, 0);
    assert_values(tg_nanmean(x, TG_ALL, false), 2);
    assert_shape(tg_nansum(row(TG_BOOL, LIST(1, 1)), TG_ALL, false), TG_I64, TG_0D);
    assert_values(tg_nansum(row(TG_I32, LIST(INT32_MAX, 1)), TG_ALL, false), 2147483648.0);
    assert_refused(tg_nanmean(row(TG_I64, LIST(1)), TG_ALL, false), TG_ERR_DTYPE,
                   "nanmean: ", "i64 [1]");
}

/* ---- prod ---- */

static void products_and_their_slopes_are_exact_with_zeros(void **state) {
    (void)state;
    static const struct {
        double x[3], y, g[3], h[3]; /* h: slope of g0 + 2 g1 + 3 g2 */
    } cases[] = {{{0, 2, 4}, 0, {8, 0, 0}, {14, 4, 2}},
                 {{0, 2, 0}, 0, {0, 0, 0}, {6, 0, 2}},
                 {{3, 2, 4}, 24, {8, 12, 6}, {14, 13, 8}},
                 {{0, 0, 0}, 0, {0, 0, 0}, {0, 0, 0}}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        tg_tensor *x = leaf(row(TG_F64, 3, cases[k].x));
        tg_tensor *y = tg_prod(x, TG_ALL, false);
        tg_tensor *g = slope(y, NULL, x);
        tg_tensor *h = slope(g, ROW(1, 2, 3), x);
        assert_values(y, cases[k].y);
        for (int i = 0; i < 3; i++) {
            assert_true(at(g, i) == cases[k].g[i]);
            assert_true(at(h, i) == cases[k].h[i]);
        }
    }
}

static void products_over_several_dims_have_slopes_of_both_orders(void **state) {
    (void)state;
    tg_tensor *x = leaf(of(TG_F64, TG_SHAPE(2, 2, 2), LIST(1, 2, 3, 4, 5, 0, 7, 8)));
    tg_tensor *y = tg_prod(x, TG_DIMS(0, 2), true);
    assert_shape(y, TG_F64, TG_SHAPE(1, 2, 1));
    assert_values(y, 0, 672);
    tg_tensor *g = slope(y, of(TG_F64, TG_SHAPE(1, 2, 1), LIST(1, 2)), x);
    assert_values(g, 0, 0, 448, 336, 0, 10, 192, 168);
    /* d(sum of g)/dx0 of row 0: the products of three without it: of (2, 5, 0) pairs */
    tg_tensor *h = slope(g, NULL, x);
    assert_values(h, 10, 5, 2 * (4 * 7 + 4 * 8 + 7 * 8), 2 * (3 * 7 + 3 * 8 + 7 * 8), 2, 17,
                  2 * (12 + 3 * 8 + 4 * 8), 2 * (12 + 3 * 7 + 4 * 7));
}

static void products_of_8_dims_have_second_slopes(void **state) {
    (void)state;
    tg_tensor *x = leaf(of(TG_F64, TG_SHAPE(2, 1, 1, 1, 1, 1, 1, 3), LIST(1, 2, 3, 4, 5, 6)));
    tg_tensor *g = slope(tg_prod(x, TG_DIMS(7), false), NULL, x);
    assert_values(g, 6, 3, 2, 30, 24, 20);
    assert_values(slope(g, NULL, x), 5, 4, 3, 11, 10, 9);
}

/* ---- all, any ---- */

static void all_and_any_count_every_nonzero_as_true(void **state) {
    (void)state;
    for (int dtype = TG_F32; dtype <= TG_BOOL; dtype++) {
        tg_tensor *x = grid((tg_dtype)dtype, 3, 2, LIST(0, 0, 1, 0, 1, 1));
        assert_shape(tg_all(x, TG_DIMS(1), false), TG_BOOL, TG_SHAPE(3));
        assert_values(tg_all(x, TG_DIMS(1), false), 0, 0, 1);
        assert_values(tg_any(x, TG_DIMS(1), false), 0, 1, 1);
        assert_values(tg_all(x, TG_DIMS(0), true), 0, 0);
        assert_values(tg_any(x, TG_ALL, false), 1);
    }
    assert_values(tg_all(ROW(NAN, INF, -1), TG_ALL, false), 1);
    assert_values(tg_any(ROW(-0.0, 0), TG_ALL, false), 0);
}

/* ---- Without elements ---- */

static void reductions_of_nothing_give_the_neutral_element_or_an_error(void **state) {
    (void)state;
    tg_tensor *none = leaf(tg_zeros(TG_F64, TG_SHAPE(2, 0, 3)));
    assert_values(tg_sum(none, TG_ALL, false), 0);
    assert_values(tg_prod(none, TG_ALL, false), 1);
    assert_values(tg_mean(none, TG_ALL, false), NAN);
    assert_values(tg_logsumexp(none, TG_ALL, false), -INF);
    assert_values(tg_all(none, TG_ALL, false), 1);
    assert_values(tg_any(none, TG_ALL, false), 0);
    assert_values(tg_sum(none, TG_DIMS(1), false), 0, 0, 0, 0, 0, 0);
    assert_values(tg_sum(tg_zeros(TG_BOOL, TG_SHAPE(0)), TG_ALL, false), 0);
    for (size_t k = 0; k < REDUCTIONS; k++) {
        tg_tensor *y = reductions[k].op(none, TG_DIMS(0), false); /* outputs without elements */
        assert_int_equal(tg_numel(y), 0);
        assert_int_equal(tg_size(y, 1), 3);
        if (!reductions[k].refuses_empty)
            continue;
        char name[32];
        (void)snprintf(name, sizeof name, "%s: ", reductions[k].name);
        assert_refused(reductions[k].op(none, TG_DIMS(1), false), TG_ERR_SHAPE, name,
                       "f64 [2, 0, 3]", "no elements");
    }
    assert_refused(tg_max(none), TG_ERR_SHAPE, "max: ", "f64 [2, 0, 3]");
    assert_refused(tg_min(none), TG_ERR_SHAPE, "min: ");
    assert_refused(tg_argmax(none, 1, false), TG_ERR_SHAPE, "argmax: ", "f64 [2, 0, 3]");
    assert_shape(tg_argmin(none, 0, false), TG_I64, TG_SHAPE(0, 3));
}

static void reductions_of_nothing_have_gradients_without_elements(void **state) {
    (void)state;
    static const reduction some[] = {tg_sum, tg_mean, tg_prod, tg_logsumexp};
    for (size_t k = 0; k < sizeof some / sizeof *some; k++) {
        tg_tensor *none = leaf(tg_zeros(TG_F32, TG_SHAPE(2, 0)));
        assert_ok(tg_backward(some[k](none, TG_ALL, false)));
        assert_shape(tg_grad(none), TG_F32, TG_SHAPE(2, 0));
        tg_tensor *zero_d = leaf(number(1.5));
        assert_ok(tg_backward(some[k](zero_d, TG_ALL, false)));
        assert_values(tg_grad(zero_d), 1);
    }
    tg_tensor *zero_d = leaf(number(1.5));
    assert_ok(tg_backward(tg_max_dim(zero_d, 0, false, NULL)));
    assert_ok(tg_backward(tg_max(zero_d)));
    assert_values(tg_grad(zero_d), 2);
}

TG_TEST_MAIN(tg_scoped(dims_are_dropped_or_kept_with_size_1),
             tg_scoped(bad_dims_are_refused_by_name), tg_scoped(sums_and_means_of_any_layout),
             tg_scoped(gradients_of_sum_and_mean_are_spread),
             tg_scoped(integers_and_bool_sum_to_i64_and_have_no_mean),
             tg_scoped(long_sums_of_f32_are_accumulated_in_f64),
             tg_scoped(sums_are_the_same_bits_for_any_thread_count),
             tg_scoped(nan_does_not_count_in_nansum_and_nanmean),
             tg_scoped(products_and_their_slopes_are_exact_with_zeros),
             tg_scoped(products_over_several_dims_have_slopes_of_both_orders),
             tg_scoped(products_of_8_dims_have_second_slopes),
             tg_scoped(all_and_any_count_every_nonzero_as_true),
             tg_scoped(reductions_of_nothing_give_the_neutral_element_or_an_error),
             tg_scoped(reductions_of_nothing_have_gradients_without_elements))
