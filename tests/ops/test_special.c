/* test_special.c - error functions, gamma and its derivatives, Bessel functions, sinc.
 *
 * The functions themselves are tested in tests/kernels/test_special.c; here are their slopes. */
#include "unary_corners.h"

#define SQRT_PI 1.77245385090551602730
#define PI 3.14159265358979323846

static tg_tensor *trigamma(tg_tensor *x) { return tg_polygamma(1, x); }
static tg_tensor *trigamma_(tg_tensor *x) { return tg_polygamma_(1, x); }

/* Values and slopes by mpmath. */
static void functions_have_their_corners(void **state) {
    (void)state;
    static const corners cases[] = {
        {"erf",
         tg_erf,
         5,
         {0, 1, INF, -INF, NAN},
         {0, 0.84270079294971486934, 1, -1, NAN},
         {2 / SQRT_PI, 0.41510749742059470334, 0, 0, NAN}},
        {"erfc",
         tg_erfc,
         5,
         {0, 10, INF, -INF, NAN},
         {1, 2.0884875837625447570e-45, 0, 2, NAN},
         {-2 / SQRT_PI, -4.1976562313544168901e-44, 0, 0, NAN}},
        {"erfinv",
         tg_erfinv,
         6,
         {0, 0.5, 1, -1, 1.5, NAN},
         {0, 0.47693627620446987338, INF, -INF, NAN, NAN},
         {SQRT_PI / 2, 1.1125848189719498041, INF, INF, NAN, NAN}},
        {"erfcx",
         tg_erfcx,
         3,
         {0, 1, NAN},
         {1, 0.42758357615580700442, NAN},
         {-2 / SQRT_PI, -0.27321201478389856, NAN}},
        {"ndtr",
         tg_ndtr,
         5,
         {0, 1, INF, -INF, NAN},
         {0.5, 0.84134474606854294859, 1, 0, NAN},
         {0.39894228040143267794, 0.24197072451914334980, 0, 0, NAN}},
        {"ndtri",
         tg_ndtri,
         6,
         {0, 0.5, 0.75, 1, -1, NAN},
         {-INF, 0, 0.67448975019608174320, INF, NAN, NAN},
         {INF, 2.5066282746310005024, 3.1468650805610923956, INF, NAN, NAN}},
        {"log_ndtr",
         tg_log_ndtr,
         4,
         {0, -10, INF, NAN},
         {-0.69314718055994530942, -53.231285150512470578, 0, NAN},
         {0.79788456080286535588, 10.098093233962511963, 0, NAN}},
        {"lgamma",
         tg_lgamma,
         6,
         {0, 1, 0.5, -1.5, INF, NAN},
         {INF, 0, 0.57236494292470008707, 0.86004701537648101451, INF, NAN},
         {-INF, -0.57721566490153286061, -1.9635100260214234794, 0.70315664064524318723, INF, NAN}},
        {"digamma",
         tg_digamma,
         6,
         {0, 1, 0.5, -1, INF, NAN},
         {-INF, -0.57721566490153286061, -1.9635100260214234794, NAN, INF, NAN},
         {INF, PI * PI / 6, PI * PI / 2, INF, 0, NAN}},
        {"polygamma 1",
         trigamma,
         4,
         {0, 1, 0.5, NAN},
         {INF, PI * PI / 6, PI * PI / 2, NAN},
         {-INF, -2.4041138063191885708, -16.828796644234319996, NAN}},
        {"i0",
         tg_i0,
         5,
         {0, 1, -1, INF, NAN},
         {1, 1.2660658777520083356, 1.2660658777520083356, INF, NAN},
         {0, 0.56515910399248502721, -0.56515910399248502721, INF, NAN}},
        {"i1",
         tg_i1,
         3,
         {0, 1, NAN},
         {0, 0.56515910399248502721, NAN},
         {0.5, 0.70090677375952330839, NAN}},
        {"i0e",
         tg_i0e,
         4,
         {0, 1, -1, NAN},
         {1, 0.46575960759364043651, 0.46575960759364043651, NAN},
         {0, -0.25784919224393198763, 0.25784919224393198763, NAN}},
        {"i1e",
         tg_i1e,
         3,
         {0, 1, NAN},
         {0, 0.20791041534970844887, NAN},
         {0.5, 0.049938776894223538763, NAN}},
        {"sinc",
         tg_sinc,
         6,
         {0, -0.0, 0.5, 1, -2, NAN},
         {1, 1, 2 / PI, 0, 0, NAN},
         {0, 0, -4 / PI, -1, -0.5, NAN}},
    };
    check_all_corners(cases);
}

/* sin(πx)/(πx) by the quotient rule has no digits left here. */
static void slopes_of_sinc_near_0_keep_their_digits(void **state) {
    (void)state;
    tg_tensor *x = leaf(row(TG_F32, LIST(1e-4, 0)));
    tg_tensor *g = slope(tg_sinc(x), NULL, x);
    assert_values_near(g, 1e-6, -PI * PI / 3 * 1e-4, 0);
    assert_values_near(slope(g, NULL, x), 1e-6, -PI * PI / 3, -PI * PI / 3);
}

static void second_slopes_of_bessel_functions_exist_at_0(void **state) {
    (void)state;
    tg_tensor *x = LEAF(0);
    assert_values(slope(slope(tg_i0(x), NULL, x), NULL, x), 0.5);
    assert_values(slope(slope(tg_i1(x), NULL, x), NULL, x), 0);
}

static void polygamma_refuses_orders_out_of_range(void **state) {
    (void)state;
    assert_refused(tg_polygamma(-1, ROW(1)), TG_ERR_ARG, "polygamma: ", "n is -1", "0 to 700");
    assert_refused(tg_polygamma_(701, ROW(1)), TG_ERR_ARG, "polygamma: ", "n is 701");
    assert_refused(tg_polygamma(INT64_MAX, ROW(1)), TG_ERR_ARG, "polygamma: ");
    assert_values(tg_polygamma(0, ROW(0.25)), at(tg_digamma(ROW(0.25)), 0));
    tg_tensor *x = ROW(1);
    tg_tensor *y = NULL;
    assert_denied(tg_op_call("polygamma", &x, 1, NULL, 0, &y, 1), TG_ERR_ARG, "polygamma: ", "n");
}

static const forms functions[] = {{"erf", tg_erf, tg_erf_},
                                  {"erfc", tg_erfc, tg_erfc_},
                                  {"erfcx", tg_erfcx, tg_erfcx_},
                                  {"erfinv", tg_erfinv, tg_erfinv_},
                                  {"ndtr", tg_ndtr, tg_ndtr_},
                                  {"ndtri", tg_ndtri, tg_ndtri_},
                                  {"log_ndtr", tg_log_ndtr, tg_log_ndtr_},
                                  {"lgamma", tg_lgamma, tg_lgamma_},
                                  {"digamma", tg_digamma, tg_digamma_},
                                  {"polygamma", trigamma, trigamma_},
                                  {"i0", tg_i0, tg_i0_},
                                  {"i1", tg_i1, tg_i1_},
                                  {"i0e", tg_i0e, tg_i0e_},
                                  {"i1e", tg_i1e, tg_i1e_},
                                  {"sinc", tg_sinc, tg_sinc_}};
#define FUNCTIONS (sizeof functions / sizeof *functions)

static void integers_and_bool_give_f32(void **state) {
    (void)state;
    check_give_f32(functions, FUNCTIONS);
}

static void in_place_forms_give_the_same(void **state) {
    (void)state;
    check_all_in_place(functions, FUNCTIONS);
}

TG_TEST_MAIN(tg_scoped(functions_have_their_corners),
             tg_scoped(slopes_of_sinc_near_0_keep_their_digits),
             tg_scoped(second_slopes_of_bessel_functions_exist_at_0),
             tg_scoped(polygamma_refuses_orders_out_of_range),
             tg_scoped(integers_and_bool_give_f32), tg_scoped(in_place_forms_give_the_same))
