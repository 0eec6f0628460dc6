/* test_distance.c - distances by hand, their gradients where points meet, similarity. */
#include "tensors.h"

#define INF INFINITY

static void distances_of_all_pairs(void **state) {
    (void)state;
    tg_tensor *a = grid(TG_F64, 2, 2, LIST(0, 0, 1, 1));
    tg_tensor *b = grid(TG_F64, 3, 2, LIST(3, 4, 1, 1, 0, -2));
    assert_values_near(tg_cdist(a, b, 2), 1e-15, 5, 1.4142135623730951, 2, 3.605551275463989, 0,
                       3.1622776601683795);
    assert_values(tg_cdist(a, b, 1), 7, 2, 2, 5, 0, 4);
    assert_values(tg_cdist(a, b, INF), 4, 1, 2, 3, 0, 3);
    assert_values(tg_cdist(a, b, 0), 2, 2, 1, 2, 0, 2);
    assert_true(fabs(at(tg_cdist(a, b, 3), 0) - 4.497941445275415) < 1e-14);
    assert_values(tg_pdist(b, 1), 5, 9, 4);
    assert_shape(tg_pdist(tg_zeros(TG_F64, TG_SHAPE(1, 2)), 2), TG_F64, TG_SHAPE(0));
    assert_shape(tg_pdist(tg_zeros(TG_F64, TG_SHAPE(0, 2)), 2), TG_F64, TG_SHAPE(0));
    assert_values(tg_cdist(tg_zeros(TG_F64, TG_SHAPE(1, 0)), tg_zeros(TG_F64, TG_SHAPE(2, 0)), INF),
                  0, 0);
    assert_shape(
        tg_cdist(tg_zeros(TG_F32, TG_SHAPE(5, 1, 2, 3)), tg_zeros(TG_F32, TG_SHAPE(4, 6, 3)), 2),
        TG_F32, TG_SHAPE(5, 4, 2, 6));
}

/* Where points are equal, for every p: gradient 0 of both orders, no NaN. */
static void equal_points_have_gradient_0(void **state) {
    (void)state;
    static const double ps[] = {0, 0.5, 1, 1.5, 2, 3, INF};
    for (size_t k = 0; k < sizeof ps / sizeof *ps; k++) {
        tg_tensor *x = leaf(grid(TG_F64, 1, 2, LIST(1, 2)));
        tg_tensor *g = slope(tg_cdist(x, tg_detach(x), ps[k]), NULL, x);
        assert_values(g, 0, 0);
        assert_values(slope(g, NULL, x), 0, 0);
        tg_tensor *y = LEAF(1, 2);
        assert_values(slope(tg_dist(y, ROW(1, 2), ps[k]), NULL, y), 0, 0);
        /* one coordinate is equal */
        g = slope(tg_dist(y, ROW(1, 5), ps[k]), NULL, y);
        assert_values_near(g, 1e-15, 0, ps[k] == 0 ? 0 : -1);
    }
}

static void distances_of_two_tensors(void **state) {
    (void)state;
    assert_values(tg_dist(ROW(0, 0), ROW(3, 4), 2), 5);
    assert_values(tg_dist(grid(TG_F64, 2, 2, LIST(1, 2, 3, 4)), ROW(1, 2), 1), 4);
    assert_values(tg_dist(number(3), number(5), 3), 2);
    tg_tensor *x = LEAF(1, 1);
    assert_values(slope(tg_dist(x, ROW(0, 0), INF), NULL, x), 0.5, 0.5);
    /* PyTorch's values for the same point: eps·√2 and 1/√2 */
    x = leaf(grid(TG_F64, 1, 2, LIST(1, 2)));
    tg_tensor *d = tg_pairwise_distance(x, tg_detach(x), 2, 1e-6, false);
    assert_values_near(d, 1e-9, 1.4142135623730951e-6);
    assert_values_near(slope(d, NULL, x), 1e-9, 0.70710678118654752, 0.70710678118654752);
    assert_shape(tg_pairwise_distance(x, x, 2, 0, true), TG_F64, TG_SHAPE(1, 1));
}

static void normalize_divides_by_the_norm(void **state) {
    (void)state;
    assert_values_near(tg_normalize(ROW(3, 4), 2, 0, 1e-12), 1e-15, 0.6, 0.8);
    assert_values(tg_normalize(grid(TG_F64, 2, 2, LIST(1, 3, -2, 2)), 1, 1, 1e-12), 0.25, 0.75,
                  -0.5, 0.5);
    tg_tensor *x = LEAF(0, 0);
    tg_tensor *y = tg_normalize(x, 2, 0, 1e-12);
    assert_values(y, 0, 0);
    assert_values(slope(y, NULL, x), 1e12, 1e12);
    assert_values(tg_normalize(number(-3), 2, 0, 1e-12), -1);
}

static void similarity_is_the_cosine(void **state) {
    (void)state;
    tg_tensor *a = grid(TG_F64, 2, 2, LIST(1, 0, 1, 1));
    assert_values_near(tg_cosine_similarity(a, ROW(1, 1), 1, 1e-8), 1e-15, 0.70710678118654752, 1);
    tg_tensor *zero = LEAF(0, 0);
    tg_tensor *y = tg_cosine_similarity(zero, ROW(1, 0), 0, 1e-8);
    assert_values(y, 0);
    assert_values(slope(y, NULL, zero), 1e8, 0);
    assert_refused(tg_cosine_similarity(a, ROW(1, 2, 3), 1, 1e-8), TG_ERR_SHAPE,
                   "cosine_similarity: ", "broadcast");
    assert_refused(tg_cosine_similarity(a, a, 2, 1e-8), TG_ERR_INDEX, "dim 2");
}

static void bad_options_and_shapes_are_refused(void **state) {
    (void)state;
    tg_tensor *x = grid(TG_F64, 1, 2, LIST(1, 2));
    assert_refused(tg_cdist(x, x, -1), TG_ERR_ARG, "cdist: p is -1");
    assert_refused(tg_dist(x, x, NAN), TG_ERR_ARG, "dist: ", "p is ");
    assert_refused(tg_cdist(x, ROW(1, 2), 2), TG_ERR_SHAPE, "cdist: ", "f64 [2]", "[..., m, d]");
    assert_refused(tg_cdist(x, grid(TG_F64, 1, 3, LIST(1, 2, 3)), 2), TG_ERR_SHAPE, "f64 [1, 3]");
    assert_refused(tg_cdist(x, tg_cast(x, TG_F32), 2), TG_ERR_DTYPE, "tg_cast");
    assert_refused(tg_pdist(ROW(1, 2), 2), TG_ERR_SHAPE, "pdist: x is f64 [2]");
    assert_refused(tg_normalize(x, 2, 1, -1), TG_ERR_ARG, "normalize: eps is -1");
    assert_refused(tg_normalize(x, 2, 2, 0), TG_ERR_INDEX, "dim 2");
    assert_refused(tg_pairwise_distance(number(1), number(2), 2, 0, false), TG_ERR_SHAPE,
                   "at least one dim");
    assert_refused(tg_pairwise_distance(x, x, 2, INF, false), TG_ERR_ARG, "eps is inf");
}

TG_TEST_MAIN(tg_scoped(distances_of_all_pairs), tg_scoped(equal_points_have_gradient_0),
             tg_scoped(distances_of_two_tensors), tg_scoped(normalize_divides_by_the_norm),
             tg_scoped(similarity_is_the_cosine), tg_scoped(bad_options_and_shapes_are_refused))
