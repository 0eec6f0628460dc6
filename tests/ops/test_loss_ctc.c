/* test_loss_ctc.c - ctc_loss: PyTorch 2.13, f64, through log_softmax; and the sum over all paths.
 */
#include "tensors.h"

#define INF INFINITY
#define IDS(...) row(TG_I64, LIST(__VA_ARGS__))

/* [4, 2, 3] */
static tg_tensor *scores(void) {
    return leaf(of(TG_F64, 3, (const int64_t[]){4, 2, 3},
                   LIST(0.5, -1.0, 0.25, 1.0, 0.0, -0.5, -0.75, 1.5, 0.0, 0.5, 0.5, 1.0, 2.0, -0.5,
                        0.5, -1.0, 0.25, 0.75, 0.0, 1.0, -1.0, 1.5, -0.25, 0.5)));
}
/* [4, 1, 3], not normalised */
static tg_tensor *frames(void) {
    return leaf(of(TG_F64, 3, (const int64_t[]){4, 1, 3},
                   LIST(-1, -2, -0.5, -0.7, -0.9, -1.5, -2, -0.3, -2.5, -0.4, -1.6, -2)));
}

static tg_tensor *ctc(tg_tensor *x, tg_tensor *targets, tg_tensor *lengths, tg_tensor *counts,
                      int64_t blank, bool zero_infinity, tg_reduction reduction) {
    tg_ctc_loss_options o = TG_CTC_LOSS_OPTIONS_INIT;
    o.blank = blank;
    o.zero_infinity = zero_infinity;
    o.reduction = reduction;
    return tg_ctc_loss(x, targets, lengths, counts, &o);
}

static void losses_and_slopes_through_log_softmax_are_pytorchs(void **state) {
    (void)state;
    tg_tensor *x = scores();
    tg_tensor *y = ctc(tg_log_softmax(x, 2), grid(TG_I64, 2, 2, LIST(1, 2, 2, 2)), IDS(4, 3),
                       IDS(2, 1), 0, false, TG_REDUCE_NONE);
    assert_shape(y, TG_F64, TG_SHAPE(2));
    assert_values_near(y, 1e-13, 2.70956224156978, 1.1100479429935122);
    sum_backward(y);
    tg_test_values(tg_grad(x), 1e-11, 1e-15,
                   LIST(-0.24869779272024714, -0.14032700641633497, 0.3890247991365821,
                        -0.23329796450807777, 0.23122389762214907, 0.0020740668859287165,
                        0.05919949631839163, -0.15833001633561355, 0.09913052001722193,
                        -0.030932231430719458, 0.27406861906119695, -0.24313638763047749,
                        0.227715937652261, 0.020401597423192492, -0.24811753507545348,
                        -0.016668301572925533, 0.34068926105959996, -0.3240209594866744,
                        -0.11436512344664171, 0.6652409557748219, -0.5508758323281803, 0, 0, 0),
                   "the slope", __FILE__, __LINE__);
    x = scores();
    y = ctc(tg_log_softmax(x, 2), grid(TG_I64, 2, 2, LIST(0, 1, 1, 1)), TG_NONE, TG_NONE, 2, false,
            TG_REDUCE_NONE);
    assert_values_near(y, 1e-13, 2.1390451321085275, 3.666432564465511);
}

static void targets_may_stand_one_after_the_other(void **state) {
    (void)state;
    tg_tensor *x = tg_log_softmax(scores(), 2);
    tg_tensor *y = ctc(x, IDS(1, 2, 2), IDS(4, 3), IDS(2, 1), 0, false,
                       TG_REDUCE_MEAN); /* per label, then N */
    assert_shape(y, TG_F64, TG_0D);
    assert_values_near(y, 1e-13, 1.232414531889201);
    y = ctc(x, tg_cast(IDS(1, 2, 2), TG_I32), tg_cast(IDS(4, 3), TG_I32), IDS(2, 1), 0, false,
            TG_REDUCE_SUM);
    assert_values_near(y, 1e-13, 2.70956224156978 + 1.1100479429935122);
    y = ctc(x, grid(TG_I64, 2, 2, LIST(1, 2, 2, 2)), IDS(4, 3), TG_NONE, 0, false, TG_REDUCE_SUM);
    assert_values_near(y, 1e-13, 6.545092270131602);
}

static void a_sample_may_come_without_a_batch(void **state) {
    (void)state;
    tg_tensor *x = tg_select(tg_log_softmax(scores(), 2), 1, 0);
    tg_tensor *y = ctc(x, IDS(1, 2), TG_NONE, TG_NONE, 0, false, TG_REDUCE_NONE);
    assert_shape(y, TG_F64, TG_0D);
    assert_values_near(y, 1e-13, 2.70956224156978);
    y = ctc(x, IDS(1, 2, 0), tg_scalar_i64(4), tg_scalar_i64(2), 0, false, TG_REDUCE_MEAN);
    assert_values_near(y, 1e-13, 2.70956224156978 / 2);
}

static void the_slope_is_that_of_the_formula(void **state) {
    (void)state; /* of all paths: minus the posteriors */
    tg_tensor *x = frames();
    tg_tensor *y =
        ctc(x, grid(TG_I64, 1, 2, LIST(1, 1)), TG_NONE, TG_NONE, 0, false, TG_REDUCE_SUM);
    assert_values_near(y, 1e-14, 2.9788432766922885);
    sum_backward(y);
    assert_values_near(tg_grad(x), 1e-12, -0.08036659105415868, -0.9196334089458413, 0,
                       -0.8900681923399836, -0.1099318076600164, 0, -0.14604284476801385,
                       -0.8539571552319861, 0, -0.6562872378420991, -0.3437127621579009, 0);
}

static void what_cannot_be_aligned_is_infinite_or_0(void **state) {
    (void)state;
    for (int zero = 0; zero < 2; zero++) {
        tg_tensor *x = frames();
        tg_tensor *y =
            ctc(x, grid(TG_I64, 1, 2, LIST(1, 1)), IDS(2), TG_NONE, 0, zero, TG_REDUCE_NONE);
        assert_values(y, zero ? 0 : INF);
        tg_tensor *g = slope(y, NULL, x);
        double odd = zero ? 0 : NAN;
        assert_values(g, odd, odd, odd, odd, odd, odd, 0, 0, 0, 0, 0, 0);
        tg_tensor *h = slope(g, NULL, x);
        /* class 2 is on no path */
        assert_values(h, odd, odd, 0, odd, odd, 0, 0, 0, 0, 0, 0, 0);
    }
}

/* Σ of slope · direction, whose differences are the second slope. */
static tg_tensor *directed(tg_tensor *x) {
    tg_tensor *y =
        ctc(x, grid(TG_I64, 1, 2, LIST(1, 2)), TG_NONE, TG_NONE, 0, false, TG_REDUCE_SUM);
    return tg_mul(slope(y, NULL, x), tg_reshape(tg_arange(TG_F64, 0, 12, 1), TG_SHAPE(4, 1, 3)));
}
static void the_third_slope_matches_differences_of_the_second(void **state) {
    (void)state;
    tg_tensor *x = frames();
    tg_tensor *second = slope(directed(x), NULL, x);
    tg_tensor *weight = tg_reshape(tg_arange(TG_F64, 12, 0, -1), TG_SHAPE(4, 1, 3));
    tg_tensor *third = slope(second, weight, x);
    for (int i = 0; i < 12; i += 5) {
        double value[2];
        for (int side = 0; side < 2; side++) {
            tg_tensor *z = leaf(tg_clone(tg_detach(x)));
            ((double *)tg_data_mut(z))[i] += side ? 1e-5 : -1e-5;
            value[side] =
                tg_item(tg_sum(tg_mul(slope(directed(z), NULL, z), weight), TG_ALL, false));
        }
        assert_close(at(third, i), (value[1] - value[0]) / 2e-5, 1e-6, 1e-7);
    }
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    tg_tensor *x = scores();
    tg_tensor *t = grid(TG_I64, 2, 2, LIST(1, 2, 2, 1));
    tg_ctc_loss_options o = TG_CTC_LOSS_OPTIONS_INIT;
    assert_refused(tg_ctc_loss(x, IDS(1, 2), TG_NONE, TG_NONE, NULL), TG_ERR_SHAPE,
                   "ctc_loss: log_probs is f64 [4, 2, 3] and targets is i64 [2]", "target_lengths");
    assert_refused(tg_ctc_loss(x, ROW(1, 2), TG_NONE, TG_NONE, NULL), TG_ERR_DTYPE,
                   "ctc_loss: ", "f64 [2]");
    assert_refused(tg_ctc_loss(x, t, IDS(5, 1), TG_NONE, NULL), TG_ERR_INDEX,
                   "ctc_loss: ", "5 at position 0", "0 to 4");
    assert_refused(tg_ctc_loss(x, t, IDS(4), TG_NONE, NULL), TG_ERR_SHAPE,
                   "ctc_loss: input_lengths is i64 [1]", "2 samples");
    assert_refused(tg_ctc_loss(x, t, ROW(4, 4), TG_NONE, NULL), TG_ERR_DTYPE, "lengths of i64");
    assert_refused(tg_ctc_loss(x, t, TG_NONE, IDS(3, 1), NULL), TG_ERR_INDEX,
                   "ctc_loss: ", "3 at position 0", "0 to 2");
    assert_refused(tg_ctc_loss(x, IDS(1, 2, 2), TG_NONE, IDS(2, 2), NULL), TG_ERR_INDEX,
                   "ctc_loss: target_lengths has 2 at position 1", "3 of targets");
    assert_refused(tg_ctc_loss(x, IDS(1, 2, 2), TG_NONE, IDS(2, -1), NULL), TG_ERR_INDEX,
                   "ctc_loss: target_lengths has -1 at position 1");
    assert_refused(tg_ctc_loss(x, grid(TG_I64, 2, 2, LIST(1, 2, 3, 1)), TG_NONE, TG_NONE, NULL),
                   TG_ERR_INDEX, "ctc_loss: label 0 of sample 1 is 3", "0 to 2");
    assert_refused(tg_ctc_loss(x, grid(TG_I64, 2, 2, LIST(1, 0, 2, 1)), TG_NONE, TG_NONE, NULL),
                   TG_ERR_INDEX, "ctc_loss: label 1 of sample 0 is 0", "except the blank 0");
    o.blank = 3;
    assert_refused(tg_ctc_loss(x, t, TG_NONE, TG_NONE, &o), TG_ERR_INDEX, "ctc_loss: blank is 3");
    o = (tg_ctc_loss_options)TG_CTC_LOSS_OPTIONS_INIT;
    o.reduction = 3;
    assert_refused(tg_ctc_loss(x, t, TG_NONE, TG_NONE, &o), TG_ERR_ARG, "ctc_loss: reduction 3");
    assert_refused(tg_ctc_loss(tg_cast(tg_detach(x), TG_I64), t, TG_NONE, TG_NONE, NULL),
                   TG_ERR_DTYPE, "ctc_loss: i64 [4, 2, 3]");
}

static void empty_batches_give_empty_losses(void **state) {
    (void)state;
    tg_tensor *x = leaf(tg_zeros(TG_F64, TG_SHAPE(4, 0, 3)));
    tg_tensor *y =
        ctc(x, tg_zeros(TG_I64, TG_SHAPE(0, 2)), TG_NONE, TG_NONE, 0, false, TG_REDUCE_NONE);
    assert_shape(y, TG_F64, TG_SHAPE(0));
    sum_backward(y);
    assert_shape(tg_grad(x), TG_F64, TG_SHAPE(4, 0, 3));
}

TG_TEST_MAIN(tg_scoped(losses_and_slopes_through_log_softmax_are_pytorchs),
             tg_scoped(targets_may_stand_one_after_the_other),
             tg_scoped(a_sample_may_come_without_a_batch),
             tg_scoped(the_slope_is_that_of_the_formula),
             tg_scoped(what_cannot_be_aligned_is_infinite_or_0),
             tg_scoped(the_third_slope_matches_differences_of_the_second),
             tg_scoped(what_does_not_fit_is_refused), tg_scoped(empty_batches_give_empty_losses))
