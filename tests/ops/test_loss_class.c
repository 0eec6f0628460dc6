/* test_loss_class.c - cross_entropy and nll_loss: PyTorch 2.13, f64. */
#include "tensors.h"

#define INF INFINITY
#define IDS(...) row(TG_I64, LIST(__VA_ARGS__))

/* ---- cross_entropy with class indices: PyTorch 2.13, f64 ---- */

static tg_tensor *logits(void) {
    return leaf(grid(TG_F64, 4, 3, LIST(0.5, -1.2, 2, 1.5, 0.3, -0.7, -2, 0.1, 0.4, 3, -1, 0.2)));
}
static tg_tensor *classes(void) { return IDS(2, 0, 1, 1); }
static tg_tensor *weights(void) { return ROW(0.2, 1.5, 0.8); }

static tg_tensor *loss(tg_tensor *x, tg_tensor *target, tg_tensor *weight, int64_t ignore,
                       double smoothing, tg_reduction reduction) {
    tg_cross_entropy_options o = TG_CROSS_ENTROPY_OPTIONS_INIT;
    o.weight = weight;
    o.ignore_index = ignore;
    o.label_smoothing = smoothing;
    o.reduction = reduction;
    return tg_cross_entropy(x, target, &o);
}

static void class_indices_give_pytorchs_losses_and_slopes(void **state) {
    (void)state;
    static const struct {
        bool weighted;
        int ignore;
        double smoothing, each[4], mean, sum, g[12]; /* g of the mean */
    } cases[] = {
        {false,
         -100,
         0,
         {0.23419613713579818, 0.3450052766575144, 0.90515505404967167, 4.0761511776499768},
         1.3901269113732404,
         5.5605076454929616,
         {0.044135514716592786, 0.0080628313643085012, -0.052198346080901292, -0.072945845889647615,
          0.053327686413049163, 0.019618159476598441, 0.01238276843485954, -0.14888020897295762,
          0.13649744053809806, 0.23166902581345639, -0.2457568337814959, 0.014087807968039524}},
        {false,
         -100,
         0.1,
         {0.39086280380246485, 0.45833860999084775, 0.96515505404967172, 3.9028178443166435},
         1.4292935780399072,
         5.7171743121596279,
         {0.035802181383259454, -0.00027050196902483198, -0.035531679414234629,
          -0.056279179222980952, 0.044994353079715832, 0.011284826143265108, 0.0040494351015262064,
          -0.13221354230629095, 0.12816410720476473, 0.22333569248012305, -0.22909016711482924,
          0.0057544746347061911}},
        {false,
         1,
         0,
         {0.23419613713579818, 0.3450052766575144, 0, 0},
         0.28960070689665629,
         0.57920141379331258,
         {0.088271029433185572, 0.016125662728617002, -0.10439669216180258, -0.14589169177929523,
          0.10665537282609833, 0.039236318953196882, 0, 0, 0, 0, 0, 0}},
        {false,
         1,
         0.1,
         {0.39086280380246485, 0.45833860999084775, 0, 0},
         0.4246007068966563,
         0.8492014137933126,
         {0.071604362766518909, -0.00054100393804966396, -0.071063358828469259, -0.1125583584459619,
          0.089988706159431664, 0.022569652286530215, 0, 0, 0, 0, 0, 0}},
        {true,
         -100,
         0,
         {0.18735690970863855, 0.069001055331502886, 1.3577325810745076, 6.1142267664749657},
         1.9320793281474036,
         7.7283173125896152,
         {0.035308411773274227, 0.0064502650914468017, -0.041758676864721039, -0.014589169177929524,
          0.010665537282609834, 0.0039236318953196885, 0.018574152652289309, -0.22332031345943643,
          0.20474616080714708, 0.34750353872018458, -0.36863525067224384, 0.021131711952059287}},
        {true,
         -100,
         0.1,
         {0.3581375634990912, 0.20951805618647878, 1.3033889108045296, 5.7838166879649675},
         1.9137153046137667,
         7.6548612184550668,
         {0.033788863488996207, -0.0060228588040055044, -0.02776600468499071,
          -4.2406084273868632e-05, 0.0015429574221029474, -0.0015005513378290771,
          0.016081968089965339, -0.2050616328612393, 0.1889796647712739, 0.33039227033262081,
          -0.34391812842014413, 0.013525858087523318}},
        {true,
         1,
         0,
         {0.18735690970863855, 0.069001055331502886, 0, 0},
         0.25635796504014141,
         0.25635796504014141,
         {0.14123364709309691, 0.025801060365787207, -0.16703470745888416, -0.058356676711718097,
          0.042662149130439336, 0.015694527581278754, 0, 0, 0, 0, 0, 0}},
        {true,
         1,
         0.1,
         {0.3581375634990912, 0.20951805618647878, 0, 0},
         0.56765561968556999,
         0.56765561968556999,
         {0.13515545395598483, -0.024091435216022018, -0.11106401873996284, -0.00016962433709547453,
          0.0061718296884117896, -0.0060022053513163086, 0, 0, 0, 0, 0, 0}},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        tg_tensor *x = logits();
        tg_tensor *w = cases[k].weighted ? weights() : NULL;
        double s = cases[k].smoothing;
        tg_tensor *each = loss(x, classes(), w, cases[k].ignore, s, TG_REDUCE_NONE);
        assert_shape(each, TG_F64, TG_SHAPE(4));
        tg_tensor *mean = loss(x, classes(), w, cases[k].ignore, s, TG_REDUCE_MEAN);
        assert_shape(mean, TG_F64, TG_0D);
        assert_values_near(mean, 1e-14, cases[k].mean);
        assert_values_near(loss(x, classes(), w, cases[k].ignore, s, TG_REDUCE_SUM), 1e-14,
                           cases[k].sum);
        assert_ok(tg_backward(mean));
        for (int i = 0; i < 4; i++)
            assert_close(at(each, i), cases[k].each[i], 1e-14, 1e-16);
        for (int i = 0; i < 12; i++)
            assert_close(at(tg_grad(x), i), cases[k].g[i], 1e-13, 1e-16);
    }
}

static void the_second_slope_is_that_of_pytorch(void **state) {
    (void)state;
    tg_tensor *x = logits();
    tg_tensor *g = slope(tg_cross_entropy(x, classes(), NULL), NULL, x);
    tg_tensor *h = slope(g, counting(TG_SHAPE(4, 3)), x);
    assert_values_near(h, 1e-13, -0.071264051309449572, -0.004955936667176644, 0.0762199879766262,
                       -0.065555366684747235, 0.033582789407821299, 0.031972577276925998,
                       -0.01853030141095123, -0.050201798825877435, 0.068732100236828741,
                       -0.030041710719244191, 0.0036929330933706123, 0.026348777625873135);
}

static void indices_of_both_widths_and_f32_logits_work(void **state) {
    (void)state;
    tg_tensor *x = leaf(tg_cast(tg_detach(logits()), TG_F32));
    tg_tensor *y = tg_cross_entropy(x, tg_cast(classes(), TG_I32), NULL);
    assert_shape(y, TG_F32, TG_0D);
    assert_values_near(y, 1e-6, 1.3901269113732404);
    assert_ok(tg_backward(y));
    assert_shape(tg_grad(x), TG_F32, TG_SHAPE(4, 3));
}

static void a_vector_is_one_sample(void **state) {
    (void)state;
    tg_tensor *x = LEAF(0.5, -1.2, 2);
    tg_tensor *y = tg_cross_entropy(x, tg_scalar_i64(2), NULL);
    assert_shape(y, TG_F64, TG_0D);
    assert_values_near(y, 1e-14, 0.23419613713579818);
    assert_ok(tg_backward(y));
    assert_values_near(tg_grad(x), 1e-13, 0.17654205886637114, 0.032251325457234005,
                       -0.20879338432360517);
    assert_shape(loss(x, tg_scalar_i64(2), NULL, -100, 0, TG_REDUCE_NONE), TG_F64, TG_0D);
    assert_values_near(tg_cross_entropy(x, ROW(.2, .3, .5), NULL), 1e-14, 1.4941961371357981);
    assert_values_near(loss(x, tg_scalar_i64(2), weights(), -100, 0, TG_REDUCE_NONE), 1e-14,
                       0.18735690970863855);
}

static void more_dims_behind_the_classes_are_more_samples(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(1, 2, 3)));
    tg_tensor *target = grid(TG_I64, 1, 3, LIST(0, 1, 1));
    tg_tensor *each = loss(x, target, NULL, -100, 0, TG_REDUCE_NONE);
    assert_shape(each, TG_F64, TG_SHAPE(1, 3));
    assert_values_near(each, 1e-14, 3.0485873515737421, 0.048587351573741965, 0.048587351573741965);
    tg_tensor *mean = tg_cross_entropy(x, target, NULL);
    assert_values_near(mean, 1e-14, 1.0485873515737421);
    assert_ok(tg_backward(mean));
    assert_shape(tg_grad(x), TG_F64, TG_SHAPE(1, 2, 3));
    assert_values_near(tg_cross_entropy(x, tg_softmax(tg_detach(x), 1), NULL), 1e-13,
                       0.19086497110644235);
}

/* ---- Corners ---- */

static void when_all_are_ignored_the_mean_is_nan_and_the_slope_0(void **state) {
    (void)state;
    for (int weighted = 0; weighted < 2; weighted++)
        for (int r = TG_REDUCE_NONE; r <= TG_REDUCE_SUM; r++) {
            tg_tensor *x = logits();
            tg_tensor *y = loss(x, IDS(-100, -100, -100, -100), weighted ? weights() : NULL, -100,
                                weighted ? 0.1 : 0, (tg_reduction)r);
            if (r == TG_REDUCE_NONE)
                assert_values(y, 0, 0, 0, 0);
            else
                assert_values(y, r == TG_REDUCE_MEAN ? NAN : 0);
            sum_backward(y);
            assert_values(tg_grad(x), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
        }
}

static void weights_that_add_up_to_0_give_nan(void **state) {
    (void)state;
    tg_tensor *x = logits();
    tg_tensor *y = loss(x, IDS(0, 0, 0, 0), ROW(0, 1, 1), -100, 0, TG_REDUCE_MEAN);
    assert_values(y, NAN);
}

static void a_negative_ignore_index_may_be_any_number(void **state) {
    (void)state;
    tg_tensor *x = logits();
    assert_values_near(loss(x, IDS(2, -1, -1, -1), NULL, -1, 0, TG_REDUCE_MEAN), 1e-14,
                       0.23419613713579818);
    assert_values_near(loss(x, IDS(2, 7, 7, 7), NULL, 7, 0, TG_REDUCE_MEAN), 1e-14,
                       0.23419613713579818);
}

static void a_class_out_of_range_is_an_error_unless_ignored(void **state) {
    (void)state;
    tg_tensor *x = logits();
    assert_refused(tg_cross_entropy(x, IDS(0, 1, 3, 0), NULL), TG_ERR_INDEX,
                   "cross_entropy: ", "index 3", "position 2", "dim 1", "f64 [4, 3]", "0 to 2");
    assert_refused(tg_cross_entropy(x, IDS(0, -1, 0, 0), NULL), TG_ERR_INDEX,
                   "cross_entropy: ", "index -1", "position 1");
    assert_refused(loss(x, IDS(0, 5, 0, 0), weights(), -100, 0.1, TG_REDUCE_SUM), TG_ERR_INDEX,
                   "cross_entropy: ", "index 5");
    assert_refused(tg_cross_entropy(ROW(1, 2), tg_scalar_i64(2), NULL), TG_ERR_INDEX,
                   "cross_entropy: ", "index 2");
}

static void infinite_logits_reach_their_rows_only(void **state) {
    (void)state;
    tg_tensor *x = leaf(grid(TG_F64, 2, 3, LIST(-INF, 0, 1, 0, INF, 0)));
    tg_tensor *y = loss(x, IDS(1, -100), NULL, -100, 0, TG_REDUCE_NONE);
    assert_values_near(y, 1e-14, 1.3132616875182228, 0);
    tg_tensor *first = tg_select(loss(x, IDS(0, 0), NULL, -100, 0, TG_REDUCE_NONE), 0, 0);
    assert_values(first, INF);
    assert_ok(tg_backward(first));
    tg_tensor *g = tg_select(tg_grad(x), 0, 0);
    assert_values_near(g, 1e-14, -1, 0.2689414213699951, 0.7310585786300049);
}

static void an_empty_batch_has_mean_nan_and_sum_0(void **state) {
    (void)state;
    tg_tensor *x = leaf(tg_zeros(TG_F64, TG_SHAPE(0, 3)));
    tg_tensor *target = tg_zeros(TG_I64, TG_SHAPE(0));
    assert_values(tg_cross_entropy(x, target, NULL), NAN);
    assert_values(tg_cross_entropy(x, tg_zeros(TG_F64, TG_SHAPE(0, 3)), NULL), NAN);
    assert_values(loss(x, target, weights(), -100, 0.1, TG_REDUCE_SUM), 0);
    assert_shape(loss(x, target, NULL, -100, 0, TG_REDUCE_NONE), TG_F64, TG_SHAPE(0));
    assert_ok(tg_backward(tg_cross_entropy(x, target, NULL)));
    assert_shape(tg_grad(x), TG_F64, TG_SHAPE(0, 3));
}

/* ---- cross_entropy with probabilities: PyTorch 2.13, f64 ---- */

static tg_tensor *probabilities(void) {
    return leaf(grid(TG_F64, 4, 3, LIST(.2, .3, .5, 1, 0, 0, .1, .8, .1, .25, .25, .5)));
}

static void probabilities_give_pytorchs_losses(void **state) {
    (void)state;
    static const struct {
        bool weighted;
        double smoothing, each[4], mean;
    } cases[] = {
        {false,
         0,
         {1.4941961371357981, 0.3450052766575144, 1.0851550540496715, 2.4761511776499763},
         1.3501269113732401},
        {false,
         0.1,
         {1.524862803802465, 0.45833860999084775, 1.1271550540496718, 2.4628178443166435},
         1.3932935780399069},
        {true,
         0,
         {1.7084345620508603, 0.069001055331502886, 1.1947015702645731, 2.6828247215612309},
         1.4137404773020417},
        {true,
         0.1,
         {1.7271074506070909, 0.20951805618647881, 1.1566610010755887, 2.6955548475426059},
         1.4472103388529409}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        tg_tensor *w = cases[k].weighted ? weights() : NULL;
        double s = cases[k].smoothing;
        tg_tensor *each = loss(logits(), probabilities(), w, -100, s, TG_REDUCE_NONE);
        assert_shape(each, TG_F64, TG_SHAPE(4));
        for (int i = 0; i < 4; i++)
            assert_close(at(each, i), cases[k].each[i], 1e-14, 0);
        assert_values_near(loss(logits(), probabilities(), w, -100, s, TG_REDUCE_MEAN), 1e-14,
                           cases[k].mean); /* the mean divides by the samples, not by weights */
    }
}

static void probabilities_and_logits_have_pytorchs_slopes(void **state) {
    (void)state;
    tg_tensor *x = logits();
    tg_tensor *p = probabilities();
    assert_ok(tg_backward(loss(x, p, weights(), -100, 0.1, TG_REDUCE_MEAN)));
    assert_values_near(tg_grad(x), 1e-11, 0.028363840181040222, -0.10661976946349652,
                       0.078255929282456296, -4.2406084273868632e-05, 0.0015429574221029474,
                       -0.0015005513378290771, 0.0093530697716906232, -0.15576319524610691,
                       0.14641012547441626, 0.17840333715094608, -0.093370851897885382,
                       -0.085032485253060702);
    assert_values_near(tg_grad(p), 1e-13, 0.078038826171110923, 1.159041196283332,
                       0.042155304684443673, 0.01552523744958815, 0.52143928087191116,
                       0.45810094979835259, 0.13523197743223525, 0.30548983074176422,
                       0.10892790972894091, 0.003426802994248945, 1.3757010224568673,
                       0.51770721197699576);
}

/* ---- Refusals ---- */

static void cross_entropy_refuses_what_does_not_fit(void **state) {
    (void)state;
    tg_tensor *x = logits();
    assert_refused(tg_cross_entropy(x, IDS(0, 1), NULL), TG_ERR_SHAPE,
                   "cross_entropy: ", "f64 [4, 3]", "i64 [2]", "[N, C, ...]");
    assert_refused(tg_cross_entropy(x, counting(TG_SHAPE(4)), NULL), TG_ERR_SHAPE, "f64 [4]");
    assert_refused(tg_cross_entropy(x, counting(TG_SHAPE(3, 4)), NULL), TG_ERR_SHAPE, "f64 [3, 4]");
    assert_refused(tg_cross_entropy(number(1), tg_scalar_i64(0), NULL), TG_ERR_SHAPE, "f64 []");
    assert_refused(tg_cross_entropy(x, row(TG_BOOL, LIST(0, 1, 0, 1)), NULL), TG_ERR_DTYPE,
                   "cross_entropy: ", "bool [4]", "i64, i32");
    assert_refused(tg_cross_entropy(x, tg_cast(probabilities(), TG_F32), NULL), TG_ERR_DTYPE,
                   "f32 [4, 3]");
    assert_refused(tg_cross_entropy(IDS(1, 2), tg_scalar_i64(0), NULL), TG_ERR_DTYPE, "i64 [2]");
    assert_refused(tg_cross_entropy(x, NULL, NULL), TG_ERR_ARG, "argument target is NULL");
    assert_refused(loss(x, classes(), ROW(1, 2), -100, 0, TG_REDUCE_MEAN), TG_ERR_SHAPE,
                   "cross_entropy: ", "weight is f64 [2]", "f64 [4, 3]");
    assert_refused(loss(x, classes(), row(TG_F32, LIST(1, 1, 1)), -100, 0, TG_REDUCE_MEAN),
                   TG_ERR_SHAPE, "weight is f32 [3]", "dtype");
    static const double bad[] = {-0.1, 1.1, NAN, INF};
    for (int i = 0; i < 4; i++)
        assert_refused(loss(x, classes(), NULL, -100, bad[i], TG_REDUCE_MEAN), TG_ERR_ARG,
                       "cross_entropy: ", "label_smoothing", i == 2 ? "nan" : "[0, 1]");
    assert_refused(loss(x, classes(), NULL, -100, 0, (tg_reduction)7), TG_ERR_ARG,
                   "cross_entropy: ", "reduction 7");
    tg_cross_entropy_options o = TG_CROSS_ENTROPY_OPTIONS_INIT;
    o.size = 0;
    assert_refused(tg_cross_entropy(x, classes(), &o), TG_ERR_ARG,
                   "cross_entropy: ", "TG_CROSS_ENTROPY_OPTIONS_INIT");
    struct {
        tg_cross_entropy_options known;
        uint64_t later;
    } newer = {TG_CROSS_ENTROPY_OPTIONS_INIT, 1};
    newer.known.size = sizeof newer;
    assert_refused(tg_cross_entropy(x, classes(), &newer.known), TG_ERR_UNSUPPORTED,
                   "tg_cross_entropy_options");
    newer.later = 0;
    assert_values_near(tg_cross_entropy(x, classes(), &newer.known), 1e-14, 1.3901269113732404);
    newer.known.size = 8; /* an older caller: only the reduction is read */
    newer.known.reduction = TG_REDUCE_SUM;
    newer.known.label_smoothing = 99;
    assert_values_near(tg_cross_entropy(x, classes(), &newer.known), 1e-14, 5.5605076454929616);
}

/* ---- nll_loss ---- */

static void nll_loss_picks_and_weighs_the_target(void **state) {
    (void)state;
    tg_tensor *x = leaf(grid(TG_F64, 2, 3, LIST(-1, -2, -0.5, -3, -0.25, -1)));
    tg_tensor *w = ROW(0.5, 1, 2);
    tg_tensor *y = tg_nll_loss(x, IDS(0, 2), w, -100, TG_REDUCE_MEAN);
    assert_values_near(y, 1e-15, 1);
    assert_ok(tg_backward(y));
    assert_values_near(tg_grad(x), 1e-15, -0.2, 0, 0, 0, 0, -0.8);
    assert_values(tg_nll_loss(x, IDS(0, 2), w, 2, TG_REDUCE_NONE), 0.5, 0);
    assert_values(tg_nll_loss(x, IDS(0, 2), TG_NONE, -100, TG_REDUCE_SUM), 2);
    tg_tensor *one = LEAF(-1, -2, -0.5);
    y = tg_nll_loss(one, tg_scalar_i64(1), TG_NONE, -100, TG_REDUCE_MEAN);
    assert_shape(y, TG_F64, TG_0D);
    assert_values(y, 2);
    assert_ok(tg_backward(y));
    assert_values(tg_grad(one), 0, -1, 0);
}

static void nll_loss_without_any_weight_is_nan(void **state) {
    (void)state;
    tg_tensor *x = leaf(grid(TG_F64, 2, 2, LIST(-1, -2, -3, -4)));
    tg_tensor *y = tg_nll_loss(x, IDS(0, 0), ROW(0, 1), -100, TG_REDUCE_MEAN);
    assert_values(y, NAN);
    assert_ok(tg_backward(y));
    assert_values(tg_grad(x), NAN, 0, NAN, 0);
    assert_values(tg_nll_loss(x, IDS(-1, -1), TG_NONE, -1, TG_REDUCE_MEAN), NAN);
    assert_values(tg_nll_loss(x, IDS(-1, -1), TG_NONE, -1, TG_REDUCE_SUM), 0);
}

static void what_nll_loss_ignores_may_be_infinite(void **state) {
    (void)state;
    tg_tensor *x = leaf(grid(TG_F64, 2, 2, LIST(-1, -2, -INF, -INF)));
    tg_tensor *y = tg_nll_loss(x, IDS(1, -100), TG_NONE, -100, TG_REDUCE_MEAN);
    assert_values(y, 2);
    assert_ok(tg_backward(y));
    assert_values(tg_grad(x), 0, -1, 0, 0);
}

static void nll_loss_refuses_what_does_not_fit(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(2, 3));
    assert_refused(tg_nll_loss(x, IDS(0, 3), TG_NONE, -100, TG_REDUCE_MEAN), TG_ERR_INDEX,
                   "nll_loss: index 3 at position 1", "dim 1", "0 to 2");
    assert_refused(tg_nll_loss(x, IDS(0), TG_NONE, -100, TG_REDUCE_MEAN), TG_ERR_SHAPE,
                   "nll_loss: ", "f64 [2, 3]", "i64 [1]");
    assert_refused(tg_nll_loss(x, x, TG_NONE, -100, TG_REDUCE_MEAN), TG_ERR_DTYPE, "nll_loss: ");
    assert_refused(tg_nll_loss(x, IDS(0, 1), ROW(1), -100, TG_REDUCE_MEAN), TG_ERR_SHAPE,
                   "nll_loss: weight is f64 [1]");
    assert_refused(tg_nll_loss(x, IDS(0, 1), TG_NONE, -100, (tg_reduction)3), TG_ERR_ARG,
                   "nll_loss: reduction 3");
}

/* ---- info_nce_loss ---- */

static void info_nce_tells_the_own_key_from_the_others(void **state) {
    (void)state;
    tg_tensor *q = grid(TG_F64, 2, 2, LIST(1, 0, 0, 2));
    tg_tensor *k = grid(TG_F64, 2, 2, LIST(3, 0, 0, 1));
    /* cosines 1 and 0: ln(1 + e^(-1/temperature)) each */
    assert_values_near(tg_info_nce_loss(q, k, 0.5, TG_REDUCE_NONE), 1e-14, 0.12692801104297249,
                       0.12692801104297249);
    assert_refused(tg_info_nce_loss(q, k, 0, TG_REDUCE_SUM), TG_ERR_ARG,
                   "info_nce_loss: temperature is 0");
    assert_refused(tg_info_nce_loss(ROW(1), ROW(1), 1, TG_REDUCE_SUM), TG_ERR_SHAPE,
                   "info_nce_loss: query is f64 [1]");
}

/* ---- Large ---- */

static void many_rows_go_through_several_blocks(void **state) {
    (void)state;
    /* 3000 rows of 100 classes in f64 are more than 1 MiB; every row is a shift of the first. */
    tg_tensor *base = tg_mul_scalar(tg_arange(TG_F64, 0, 100, 1), 0.1);
    tg_tensor *shift = tg_reshape(tg_arange(TG_F64, 0, 3000, 1), TG_SHAPE(3000, 1));
    tg_tensor *x = leaf(tg_add(base, shift));
    tg_tensor *target = tg_zeros(TG_I64, TG_SHAPE(3000));
    tg_tensor *each = loss(x, target, NULL, -100, 0, TG_REDUCE_NONE);
    /* ln Σ e^(0.1 i), i < 100, by mpmath */
    assert_close(tg_item(tg_min(each)), 12.252123060083720, 1e-12, 0);
    assert_close(tg_item(tg_max(each)), 12.252123060083720, 1e-12, 0);
    tg_tensor *turned = tg_reshape(tg_transpose(x, 0, 1), TG_SHAPE(1, 100, 3000));
    each = loss(turned, tg_zeros(TG_I64, TG_SHAPE(1, 3000)), NULL, -100, 0, TG_REDUCE_SUM);
    assert_close(tg_item(each), 12.252123060083720 * 3000, 1e-12, 0);
}

TG_TEST_MAIN(
    tg_scoped(class_indices_give_pytorchs_losses_and_slopes),
    tg_scoped(the_second_slope_is_that_of_pytorch),
    tg_scoped(indices_of_both_widths_and_f32_logits_work), tg_scoped(a_vector_is_one_sample),
    tg_scoped(more_dims_behind_the_classes_are_more_samples),
    tg_scoped(when_all_are_ignored_the_mean_is_nan_and_the_slope_0),
    tg_scoped(weights_that_add_up_to_0_give_nan),
    tg_scoped(a_negative_ignore_index_may_be_any_number),
    tg_scoped(a_class_out_of_range_is_an_error_unless_ignored),
    tg_scoped(infinite_logits_reach_their_rows_only),
    tg_scoped(an_empty_batch_has_mean_nan_and_sum_0), tg_scoped(probabilities_give_pytorchs_losses),
    tg_scoped(probabilities_and_logits_have_pytorchs_slopes),
    tg_scoped(cross_entropy_refuses_what_does_not_fit),
    tg_scoped(nll_loss_picks_and_weighs_the_target), tg_scoped(nll_loss_without_any_weight_is_nan),
    tg_scoped(what_nll_loss_ignores_may_be_infinite), tg_scoped(nll_loss_refuses_what_does_not_fit),
    tg_scoped(info_nce_tells_the_own_key_from_the_others),
    tg_scoped(many_rows_go_through_several_blocks))
