/* test_vector_norm.c - norms of vectors for every kind of p. */
#include "tensors.h"

#define INF INFINITY

/* Norms and slopes of (3, -4): by hand. */
static void norms_and_slopes_of_a_vector(void **state) {
    (void)state;
    static const struct {
        double p, y, g[2];
    } cases[] = {{0, 2, {0, 0}},
                 {1, 7, {1, -1}},
                 {2, 5, {.6, -.8}},
                 {INF, 4, {0, -1}},
                 {-INF, 3, {1, 0}},
                 {3, 4.4979414452754147, {0.44485135173053536, -0.79084684752095175}},
                 {.5, 13.928203230275509, {2.1547005383792515, -1.8660254037844387}},
                 {-1, 12. / 7, {16. / 49, -9. / 49}}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        tg_tensor *x = LEAF(3, -4);
        tg_tensor *y = tg_vector_norm(x, cases[k].p, TG_ALL, false);
        assert_values_near(y, 1e-15, cases[k].y);
        assert_values_near(slope(y, NULL, x), 4e-15, cases[k].g[0], cases[k].g[1]);
        assert_values(tg_norm(x, cases[k].p, TG_ALL, true), at(y, 0));
    }
}

static void the_slope_at_zero_is_zero_for_every_p_and_both_orders(void **state) {
    (void)state;
    static const double p[] = {0, .5, 1, 1.5, 2, 3, 7, INF, -INF, -1};
    for (size_t k = 0; k < sizeof p / sizeof *p; k++) {
        tg_tensor *x = LEAF(0, -0.0, 0);
        tg_tensor *y = tg_vector_norm(x, p[k], TG_ALL, false);
        assert_values(y, 0);
        tg_tensor *g = slope(y, NULL, x);
        assert_values(g, 0, 0, 0);
        assert_values(slope(g, NULL, x), 0, 0, 0);
    }
    tg_tensor *x = LEAF(0, 2); /* one element that is 0 */
    assert_values_near(slope(tg_vector_norm(x, .5, TG_ALL, false), NULL, x), 1e-15, 0, 1);
    assert_values_near(slope(tg_vector_norm(x, 1.5, TG_ALL, false), NULL, x), 1e-15, 0, 1);
    assert_values(slope(tg_vector_norm(x, -2, TG_ALL, false), NULL, x), 0, 0);
}

static void equal_sizes_share_the_slope_of_the_extreme_norms(void **state) {
    (void)state;
    tg_tensor *x = leaf(grid(TG_F64, 2, 3, LIST(-2, 2, 1, 1, -1, 1)));
    tg_tensor *y = tg_vector_norm(x, INF, TG_DIMS(1), false);
    assert_values(y, 2, 1);
    assert_values_near(slope(y, NULL, x), 1e-15, -.5, .5, 0, 1. / 3, -1. / 3, 1. / 3);
    y = tg_vector_norm(x, -INF, TG_DIMS(0), true);
    assert_shape(y, TG_F64, TG_SHAPE(1, 3));
    assert_values(y, 1, 1, 1);
    assert_values(slope(y, NULL, x), 0, 0, .5, 1, -1, .5);
    tg_tensor *n = LEAF(NAN, 1);
    assert_values(slope(tg_vector_norm(n, INF, TG_ALL, false), NULL, n), NAN, NAN);
}

static void squares_of_f32_are_summed_in_f64(void **state) {
    (void)state;
    enum { N = 1 << 16 };
    tg_tensor *x = tg_full(TG_F32, TG_SHAPE(N), 0.1);
    double exact = sqrt((double)N * (double)0.1F * (double)0.1F);
    assert_values(tg_vector_norm(x, 2, TG_ALL, false), (double)(float)exact);
}

static void norms_of_nothing(void **state) {
    (void)state;
    tg_tensor *none = leaf(tg_zeros(TG_F64, TG_SHAPE(2, 0)));
    assert_values(tg_vector_norm(none, 2, TG_DIMS(1), false), 0, 0);
    assert_values(tg_vector_norm(none, 0, TG_ALL, false), 0);
    assert_values(tg_vector_norm(none, .5, TG_ALL, false), 0);
    assert_refused(tg_vector_norm(none, INF, TG_ALL, false), TG_ERR_SHAPE,
                   "vector_norm: ", "f64 [2, 0]");
    assert_shape(tg_vector_norm(none, -INF, TG_DIMS(0), false), TG_F64, TG_SHAPE(0));
}

/* Values of PyTorch. */
static void slices_beyond_a_norm_are_scaled_down(void **state) {
    (void)state;
    tg_tensor *x = leaf(grid(TG_F64, 3, 2, LIST(3, 4, .3, .4, 0, 0)));
    tg_tensor *y = tg_renorm(x, 2, 0, 1);
    assert_values_near(y, 1e-7, .6, .8, .3, .4, 0, 0);
    assert_values_near(slope(y, NULL, x), 2e-6, .032, -.024, 1, 1, 1, 1);
    tg_tensor *w = tg_clone(tg_detach(x));
    assert_ptr_equal(tg_renorm_(w, INF, 1, .5), w);
    assert_values_near(w, 1e-6, .5, .5, .05, .05, 0, 0);
    assert_refused(tg_renorm(ROW(1), 2, 0, 1), TG_ERR_SHAPE, "renorm: ", "f64 [1]");
    assert_refused(tg_renorm(x, 0, 0, 1), TG_ERR_ARG, "renorm: ", "p is 0");
    assert_refused(tg_renorm(x, 2, 0, -1), TG_ERR_ARG, "renorm: ", "maxnorm is -1");
}

static void bad_arguments_are_refused_by_name(void **state) {
    (void)state;
    assert_refused(tg_vector_norm(row(TG_I32, LIST(1)), 2, TG_ALL, false), TG_ERR_DTYPE,
                   "vector_norm: ", "i32 [1]", "f32, f64");
    assert_refused(tg_vector_norm(ROW(1), NAN, TG_ALL, false), TG_ERR_ARG,
                   "vector_norm: ", "p is nan");
    assert_refused(tg_vector_norm(ROW(1), 3, TG_DIMS(1), false), TG_ERR_INDEX,
                   "vector_norm: ", "dim 1");
}

TG_TEST_MAIN(tg_scoped(norms_and_slopes_of_a_vector),
             tg_scoped(the_slope_at_zero_is_zero_for_every_p_and_both_orders),
             tg_scoped(equal_sizes_share_the_slope_of_the_extreme_norms),
             tg_scoped(squares_of_f32_are_summed_in_f64), tg_scoped(norms_of_nothing),
             tg_scoped(slices_beyond_a_norm_are_scaled_down),
             tg_scoped(bad_arguments_are_refused_by_name))
