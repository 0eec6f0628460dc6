/* test_loss_margin.c - losses with a margin: PyTorch 2.13, f64. */
#include "tensors.h"

#define INF INFINITY
#define NONE TG_REDUCE_NONE
#define IDS(...) row(TG_I64, LIST(__VA_ARGS__))

static void hinge_embedding_has_a_slope_at_the_margin(void **state) {
    (void)state;
    tg_tensor *x = LEAF(0.5, 1, 2, -0.5);
    tg_tensor *y = tg_hinge_embedding_loss(x, IDS(-1, -1, -1, 1), 1, NONE);
    assert_values(y, 0.5, 0, 0, -0.5);
    sum_backward(y);
    assert_values(tg_grad(x), -1, -1, 0, 1);
    assert_values(tg_hinge_embedding_loss(ROW(0.25), ROW(0), 1, NONE), 1); /* both of them */
    assert_values(tg_hinge_embedding_loss(ROW(0.25), row(TG_BOOL, LIST(1)), 1, NONE), 0.25);
}

static void margin_ranking_has_a_slope_at_ties(void **state) {
    (void)state;
    tg_tensor *a = LEAF(1, 2, 3);
    tg_tensor *b = LEAF(1, 1, 5);
    tg_tensor *y = tg_margin_ranking_loss(a, b, ROW(1, 1, -1), 0, NONE);
    assert_values(y, 0, 0, 0);
    sum_backward(y);
    assert_values(tg_grad(a), -1, 0, 0);
    assert_values(tg_grad(b), 1, 0, 0);
    y = tg_margin_ranking_loss(a, ROW(1, 1, 2.5), ROW(1, 1, -1), 0.5, NONE);
    assert_values(y, 0.5, 0, 1);
}

static void cosine_embedding_has_pytorchs_values_and_slopes(void **state) {
    (void)state;
    tg_tensor *a = leaf(grid(TG_F64, 3, 2, LIST(1, 2, 1, 0.5, 1, 1)));
    tg_tensor *b = leaf(grid(TG_F64, 3, 2, LIST(2, 1, 0.5, 1, -1, 1)));
    tg_tensor *y = tg_cosine_embedding_loss(a, b, IDS(1, -1, -1), 0.25, NONE);
    assert_values_near(y, 1e-12, 0.20000000000016005, 0.5499999999993599, 0);
    sum_backward(y);
    assert_values_near(tg_grad(a), 1e-11, -0.23999999999998398, 0.11999999999991201,
                       -0.2399999999992959, 0.479999999999872, 0, 0);
    assert_values_near(tg_grad(b), 1e-11, 0.11999999999991201, -0.23999999999998398,
                       0.479999999999872, -0.2399999999992959, 0, 0);
    tg_tensor *zero = leaf(tg_zeros(TG_F64, TG_SHAPE(2)));
    y = tg_cosine_embedding_loss(zero, ROW(1, 0), tg_scalar_i64(1), 0, NONE);
    assert_shape(y, TG_F64, TG_0D);
    assert_values(y, 1);
    sum_backward(y);
    assert_values_near(tg_grad(zero), 1e-11, -1e6, 0);
}

static tg_tensor *triplet(tg_tensor *const *x, double margin, double p, bool swap) {
    tg_triplet_margin_loss_options o = TG_TRIPLET_MARGIN_LOSS_OPTIONS_INIT;
    o.reduction = NONE;
    o.margin = margin;
    o.p = p;
    o.swap = swap;
    return tg_triplet_margin_loss(x[0], x[1], x[2], &o);
}

static void triplets_have_pytorchs_values_and_slopes(void **state) {
    (void)state;
    static const struct {
        double margin, p;
        bool swap;
        double y[2], g[3][6];
    } cases[] = {
        {1,
         2,
         false,
         {1.792894966360604, 0.05648000112124674},
         {{1.0404407071114206, 0.6666657709682511, 0.04044092933423549, -0.8944271394134637,
           -0.9701417483854655, 0.6897497231769206},
          {-0.33333392592558025, -0.6666671851846419, 0.6666658518516049, 0.8944266543423849,
           -8.944275487699336e-07, -0.4472146688125156},
          {-0.7071067811858404, 1.4142163908044622e-06, -0.7071067811858404, 4.850710788709677e-07,
           0.9701426428130143, -0.242535054364405}}},
        {0.5,
         1,
         false,
         {2.0000019999999994, 0},
         {{2, 0, 0, 0, 0, 0}, {-1, -1, 1, 0, 0, 0}, {-1, 1, -1, 0, 0, 0}}},
        {2,
         3,
         true,
         {2.655681681556084, 1.0296774110110927},
         {{0.7812129526403282, 0.6050085007526503, 0.02495444422142934, -0.9244810828113426,
           -0.9897171859374773, 0.2929786722629356},
          {-0.15125242769289168, -0.6050085007551702, 0.6050060807260071, 0.9244810828110951,
           -9.244829317760342e-13, -0.23112165742786484},
          {-0.6299605249474365, 2.519852179188383e-12, -0.6299605249474365, 2.474290490554895e-13,
           0.9897171859384017, -0.06185701483507075}}},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        tg_tensor *x[3] = {leaf(grid(TG_F64, 2, 3, LIST(1, 2, -0.5, 0, 1, 2))),
                           leaf(grid(TG_F64, 2, 3, LIST(0.5, 1, 0.5, 1, 1, 1.5))),
                           leaf(grid(TG_F64, 2, 3, LIST(1.5, 2, 0, 0, -1, 2.5)))};
        tg_tensor *y = triplet(x, cases[k].margin, cases[k].p, cases[k].swap);
        assert_values_near(y, 1e-12, cases[k].y[0], cases[k].y[1]);
        sum_backward(y);
        for (int i = 0; i < 18; i++)
            assert_close(at(tg_grad(x[i / 6]), i % 6), cases[k].g[i / 6][i % 6], 1e-9, 0);
    }
}

static void triplets_of_one_point_have_a_slope(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *y = triplet((tg_tensor *[]){x, ROW(1, 2), ROW(4, 2)}, 0, 2, false);
    assert_values(y, 0);
    y = triplet((tg_tensor *[]){x, x, x}, 1, INFINITY, false);
    assert_shape(y, TG_F64, TG_0D);
    assert_values(y, 1);
    tg_triplet_margin_loss_options o = TG_TRIPLET_MARGIN_LOSS_OPTIONS_INIT;
    o.eps = 0; /* both distances are 0, and so are their slopes */
    y = tg_triplet_margin_loss(x, ROW(1, 2), ROW(1, 2), &o);
    assert_values(y, 1);
    sum_backward(y);
    assert_values(tg_grad(x), 0, 0);
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(2, 3));
    assert_refused(tg_hinge_embedding_loss(x, ROW(1, 1, 1), 1, NONE), TG_ERR_SHAPE,
                   "hinge_embedding_loss: ", "f64 [2, 3]", "f64 [3]");
    assert_refused(tg_hinge_embedding_loss(x, x, NAN, NONE), TG_ERR_ARG,
                   "hinge_embedding_loss: ", "margin is");
    assert_refused(tg_margin_ranking_loss(x, x, ROW(1), 0, NONE), TG_ERR_SHAPE,
                   "margin_ranking_loss: ", "target is f64 [1]");
    assert_refused(tg_cosine_embedding_loss(x, x, IDS(1), 0, NONE), TG_ERR_SHAPE,
                   "cosine_embedding_loss: ", "i64 [1]", "[N, D]");
    assert_refused(tg_cosine_embedding_loss(x, x, IDS(1, 1), INF, NONE), TG_ERR_ARG,
                   "cosine_embedding_loss: ", "margin is");
    assert_refused(triplet((tg_tensor *[]){x, x, ROW(1)}, 1, 2, false), TG_ERR_SHAPE,
                   "triplet_margin_loss: anchor is f64 [2, 3] and negative is f64 [1]");
    assert_refused(triplet((tg_tensor *[]){x, x, x}, 1, -1, false), TG_ERR_ARG,
                   "triplet_margin_loss: p is -1");
    tg_tensor *one = number(1);
    assert_refused(triplet((tg_tensor *[]){one, one, one}, 1, 2, false), TG_ERR_SHAPE,
                   "triplet_margin_loss: anchor is f64 []");
}

TG_TEST_MAIN(tg_scoped(hinge_embedding_has_a_slope_at_the_margin),
             tg_scoped(margin_ranking_has_a_slope_at_ties),
             tg_scoped(cosine_embedding_has_pytorchs_values_and_slopes),
             tg_scoped(triplets_have_pytorchs_values_and_slopes),
             tg_scoped(triplets_of_one_point_have_a_slope), tg_scoped(what_does_not_fit_is_refused))
