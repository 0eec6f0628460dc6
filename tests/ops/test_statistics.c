/* test_statistics.c - medians, quantiles and the most frequent. */
#include "tensors.h"

#define INF INFINITY

static void kthvalue_is_where_a_stable_sort_has_it(void **state) {
    (void)state;
    tg_tensor *where;
    tg_tensor *x = leaf(grid(TG_F64, 2, 4, LIST(3, 1, 3, 2, NAN, 0, INF, 0)));
    tg_tensor *y = tg_kthvalue(x, 4, 1, false, &where);
    assert_values(y, 3, NAN);
    assert_values(where, 2, 0);
    assert_values(slope(y, ROW(5, 7), x), 0, 0, 5, 0, 7, 0, 0, 0);
    y = tg_kthvalue(x, 1, -2, true, &where);
    assert_shape(y, TG_F64, TG_SHAPE(1, 4));
    assert_values(y, 3, 0, 3, 0);
    assert_values(where, 0, 1, 0, 1);
    assert_values(tg_kthvalue(number(4), 1, 0, false, NULL), 4);
    assert_refused(tg_kthvalue(x, 0, 1, false, &where), TG_ERR_INDEX, "kthvalue: ", "k is 0",
                   "1 to 4");
    assert_null(where);
    assert_refused(tg_kthvalue(x, 5, 1, false, NULL), TG_ERR_INDEX, "kthvalue: ", "k is 5");
    assert_refused(tg_kthvalue(tg_zeros(TG_F64, TG_SHAPE(0)), 1, 0, false, NULL), TG_ERR_SHAPE,
                   "kthvalue: ", "f64 [0]");
}

/* Values of PyTorch. */
static void the_median_is_the_lower_middle(void **state) {
    (void)state;
    tg_tensor *where;
    tg_tensor *x = LEAF(4, 3, 1, 3);
    tg_tensor *y = tg_median(x);
    assert_shape(y, TG_F64, TG_0D);
    assert_values(y, 3);
    tg_tensor *g = slope(tg_square(y), NULL, x);
    assert_values(g, 0, 3, 0, 3);
    assert_values(slope(g, NULL, x), 0, 1, 0, 1);
    y = tg_median_dim(x, 0, false, &where);
    assert_values(where, 1);
    assert_values(slope(y, NULL, x), 0, 1, 0, 0);
    assert_values(tg_median(grid(TG_I32, 2, 2, LIST(9, -1, 7, 0))), 0);
    assert_values(tg_median_dim(grid(TG_U8, 2, 3, LIST(9, 200, 7, 0, 1, 2)), -1, true, &where), 9,
                  1);
    assert_values(where, 0, 1);
    assert_values(tg_median(tg_zeros(TG_F64, TG_SHAPE(0))), NAN);
    assert_refused(tg_median(tg_zeros(TG_I64, TG_SHAPE(0))), TG_ERR_SHAPE, "median: ", "i64 [0]");
    assert_refused(tg_median_dim(tg_zeros(TG_F64, TG_SHAPE(2, 0)), 1, false, NULL), TG_ERR_SHAPE,
                   "median_dim: ");
}

static void nan_wins_the_median_and_does_not_count_in_nanmedian(void **state) {
    (void)state;
    tg_tensor *where;
    tg_tensor *x = LEAF(1, NAN, NAN, 0);
    assert_values(tg_median(x), NAN);
    assert_values(slope(tg_median(x), NULL, x), 0, .5, .5, 0);
    assert_values(tg_median_dim(x, 0, false, &where), NAN);
    assert_values(where, 1);
    assert_values(tg_nanmedian(x), 0);
    assert_values(slope(tg_nanmedian(x), NULL, x), 0, 0, 0, 1);
    assert_values(tg_nanmedian_dim(x, 0, false, &where), 0);
    assert_values(where, 3);
    assert_values(tg_nanmedian_dim(ROW(NAN, NAN), 0, false, &where), NAN);
    assert_values(where, 0);
}

static void the_mode_is_the_smallest_of_the_most_frequent(void **state) {
    (void)state;
    tg_tensor *where;
    tg_tensor *x = leaf(grid(TG_F64, 2, 5, LIST(5, 2, 5, 2, 9, 3, 1, 2, 0, 4)));
    tg_tensor *y = tg_mode(x, 1, false, &where);
    assert_values(y, 2, 0);
    assert_values(where, 3, 3);
    assert_values(slope(y, ROW(2, 3), x), 0, 0, 0, 2, 0, 0, 0, 0, 3, 0);
    assert_values(tg_mode(row(TG_BOOL, LIST(1, 0, 1)), 0, true, &where), 1);
    assert_values(where, 2);
    assert_values(tg_mode(ROW(NAN, NAN, 7, 7, NAN), 0, false, &where), 7);
    assert_refused(tg_mode(tg_zeros(TG_F64, TG_SHAPE(0)), 0, false, &where), TG_ERR_SHAPE,
                   "mode: ");
}

/* Values of PyTorch. */
static void quantiles_lie_between_neighbours(void **state) {
    (void)state;
    static const struct {
        const char *how;
        double y[6];
    } cases[] = {{"linear", {1, 1.3, 2.2, 2.5, 3.7, 4}}, {NULL, {1, 1.3, 2.2, 2.5, 3.7, 4}},
                 {"lower", {1, 1, 2, 2, 3, 4}},          {"higher", {1, 2, 3, 3, 4, 4}},
                 {"nearest", {1, 1, 2, 3, 4, 4}},        {"midpoint", {1, 1.5, 2.5, 2.5, 3.5, 4}}};
    tg_tensor *x = ROW(3, 1, 4, 2);
    tg_tensor *q = ROW(0, .1, .4, .5, .9, 1);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        tg_tensor *y = tg_quantile(x, q, TG_FLAT, false, cases[k].how);
        assert_shape(y, TG_F64, TG_SHAPE(6));
        for (int i = 0; i < 6; i++)
            assert_true(fabs(at(y, i) - cases[k].y[i]) < 1e-14);
    }
}

static void quantiles_have_slopes_to_elements_and_to_q(void **state) {
    (void)state;
    tg_tensor *x = leaf(grid(TG_F64, 2, 3, LIST(5, 1, 3, 2, 8, 4)));
    tg_tensor *q = LEAF(.25);
    tg_tensor *y = tg_quantile(x, q, 1, true, NULL);
    assert_shape(y, TG_F64, TG_SHAPE(1, 2, 1));
    assert_values(y, 2, 3);
    assert_values(slope(y, NULL, x), 0, .5, .5, .5, 0, .5);
    assert_values(slope(y, NULL, q), 2 * (2 + 2));
    y = tg_quantile(x, q, 0, false, "lower");
    assert_values(y, 2, 1, 3);
    assert_values(slope(y, NULL, q), 0);
    assert_shape(tg_quantile(x, number(.5), 0, false, NULL), TG_F64, TG_SHAPE(3));
    assert_shape(tg_quantile(tg_cast(x, TG_F32), number(.5), TG_FLAT, true, NULL), TG_F32,
                 TG_SHAPE(1, 1));
}

/* f32 does not hold the last position: q times it, rounded up, was one too far. */
static void quantiles_of_more_elements_than_f32_counts(void **state) {
    (void)state;
    tg_tensor *x = tg_zeros(TG_F32, TG_SHAPE((1 << 24) + 4));
    assert_values(tg_quantile(x, tg_scalar(TG_F32, 1), TG_FLAT, false, NULL), 0);
}

static void nan_and_infinity_in_quantiles(void **state) {
    (void)state;
    tg_tensor *x = grid(TG_F64, 2, 3, LIST(1, NAN, 2, NAN, NAN, NAN));
    assert_values(tg_quantile(x, number(.5), 1, false, NULL), NAN, NAN);
    assert_values(tg_nanquantile(x, number(.5), 1, false, NULL), 1.5, NAN);
    tg_tensor *i = ROW(INF, 1, -INF);
    assert_values(tg_quantile(i, ROW(0, .25, .5, .75, 1), 0, false, NULL), -INF, -INF, 1, INF, INF);
}

static void bad_quantiles_are_refused_by_name(void **state) {
    (void)state;
    tg_tensor *x = ROW(1, 2);
    assert_refused(tg_quantile(x, number(1.5), 0, false, NULL), TG_ERR_ARG,
                   "quantile: ", "q is 1.5");
    assert_refused(tg_quantile(x, ROW(0, NAN), 0, false, NULL), TG_ERR_ARG, "position 1");
    assert_refused(tg_quantile(x, grid(TG_F64, 1, 1, LIST(0)), 0, false, NULL), TG_ERR_SHAPE,
                   "f64 [1, 1]");
    assert_refused(tg_quantile(x, number(0), 0, false, "cubic"), TG_ERR_ARG, "cubic", "midpoint");
    assert_refused(tg_quantile(x, number(0), 1, false, NULL), TG_ERR_INDEX, "dim 1");
    assert_refused(tg_nanquantile(row(TG_I64, LIST(1)), number(0), 0, false, NULL), TG_ERR_DTYPE,
                   "nanquantile: ", "i64 [1]");
    assert_refused(tg_quantile(tg_zeros(TG_F64, TG_SHAPE(0)), number(0), TG_FLAT, false, NULL),
                   TG_ERR_SHAPE, "f64 [0]");
    static const int64_t ones[TG_MAX_DIMS] = {1, 1, 1, 1, 1, 1, 1, 1};
    assert_refused(tg_quantile(tg_ones(TG_F64, TG_MAX_DIMS, ones), ROW(0), 0, true, NULL),
                   TG_ERR_SHAPE, "9 dims");
}

TG_TEST_MAIN(tg_scoped(kthvalue_is_where_a_stable_sort_has_it),
             tg_scoped(the_median_is_the_lower_middle),
             tg_scoped(nan_wins_the_median_and_does_not_count_in_nanmedian),
             tg_scoped(the_mode_is_the_smallest_of_the_most_frequent),
             tg_scoped(quantiles_lie_between_neighbours),
             tg_scoped(quantiles_have_slopes_to_elements_and_to_q),
             tg_scoped(quantiles_of_more_elements_than_f32_counts),
             tg_scoped(nan_and_infinity_in_quantiles), tg_scoped(bad_quantiles_are_refused_by_name))
