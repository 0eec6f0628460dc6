/* test_exponential.c - exponentials, logarithms and logit. */
#include "unary_corners.h"

/* Values by mpmath; slopes by the formulas of ops_elementwise.h. */
static void exponentials_and_logarithms_have_their_corners(void **state) {
    (void)state;
    static const double ln2 = 0.69314718055994530942, ln10 = 2.30258509299404568402;
    static const corners cases[] = {
        {"exp", tg_exp, 4, {0, INF, -INF, NAN}, {1, INF, 0, NAN}, {1, INF, 0, NAN}},
        {"exp2",
         tg_exp2,
         6,
         {0, 3, -1, INF, -INF, NAN},
         {1, 8, 0.5, INF, 0, NAN},
         {ln2, 8 * ln2, 0.5 * ln2, INF, 0, NAN}},
        {"expm1",
         tg_expm1,
         6,
         {0, 1e-10, 1, INF, -INF, NAN},
         {0, 1.00000000005e-10, 1.7182818284590452354, INF, -1, NAN},
         {1, 1.0000000001, 2.7182818284590452354, INF, 0, NAN}},
        {"log",
         tg_log,
         6,
         {0, -0.0, 1, -1, INF, NAN},
         {-INF, -INF, 0, NAN, INF, NAN},
         {INF, -INF, 1, -1, 0, NAN}},
        {"log2",
         tg_log2,
         6,
         {0, 8, 0.5, -1, INF, NAN},
         {-INF, 3, -1, NAN, INF, NAN},
         {INF, 0.125 / ln2, 2 / ln2, -1 / ln2, 0, NAN}},
        {"log10",
         tg_log10,
         6,
         {0, 1000, 0.1, -1, INF, NAN},
         {-INF, 3, -1, NAN, INF, NAN},
         {INF, 0.001 / ln10, 10 / ln10, -1 / ln10, 0, NAN}},
        {"log1p",
         tg_log1p,
         7,
         {0, 1e-10, 1, -1, -2, INF, NAN},
         {0, 9.9999999995e-11, 0.69314718055994530942, -INF, NAN, INF, NAN},
         {1, 1 / 1.0000000001, 0.5, INF, -1, 0, NAN}},
    };
    check_all_corners(cases);
}

static tg_tensor *logit_free(tg_tensor *x) { return tg_logit(x, -1); }
static tg_tensor *logit_quarter(tg_tensor *x) { return tg_logit(x, 0.25); }
static tg_tensor *logit_zero(tg_tensor *x) { return tg_logit(x, 0); }
static tg_tensor *logit_free_(tg_tensor *x) { return tg_logit_(x, -1); }

static void logit_is_limited_by_eps_and_has_slope_on_the_closed_interval(void **state) {
    (void)state;
    static const double ln3 = 1.0986122886681098;
    static const corners cases[] = {
        {"logit",
         logit_free,
         8,
         {0, 1, 0.5, 0.75, -0.1, 1.1, NAN, INF},
         {-INF, INF, 0, ln3, NAN, NAN, NAN, NAN},
         {INF, INF, 4, 1 / 0.1875, NAN, NAN, NAN, NAN}},
        {"logit of eps 0.25",
         logit_quarter,
         8,
         {0, 1, 0.25, 0.75, 0.2, 0.8, NAN, -INF},
         {-ln3, ln3, -ln3, ln3, -ln3, ln3, NAN, -ln3},
         {0, 0, 1 / 0.1875, 1 / 0.1875, 0, 0, NAN, 0}},
        {"logit of eps 0", logit_zero, 4, {0, 1, -5, 5}, {-INF, INF, -INF, INF}, {INF, INF, 0, 0}},
    };
    check_all_corners(cases);
}

static void logit_is_exact_around_one_half(void **state) {
    (void)state;
    /* mpmath, at 0.5 + 2^-40 and 0.5 - 2^-50 */
    assert_values_near(tg_logit(ROW(0.5 + 0x1p-40, 0.5 - 0x1p-50), -1), 1e-15,
                       3.637978807091713e-12, -3.5527136788005009e-15);
    assert_values_near(tg_logit(row(TG_F32, LIST(0.5 + 0x1p-20)), -1), 1e-7, 3.814697265625e-06);
}

static void logit_refuses_an_eps_beyond_the_middle(void **state) {
    (void)state;
    assert_refused(tg_logit(ROW(0.5), 0.6), TG_ERR_ARG, "logit: ", "eps is 0.6");
    assert_refused(tg_logit_(ROW(0.5), INF), TG_ERR_ARG, "logit: ", "eps");
    assert_refused(tg_logit(ROW(0.5), NAN), TG_ERR_ARG, "logit: ", "eps is nan");
    assert_values(tg_logit(ROW(0.1, 0.9), 0.5), 0, 0);
}

static const forms functions[] = {
    {"exp", tg_exp, tg_exp_},       {"exp2", tg_exp2, tg_exp2_},
    {"expm1", tg_expm1, tg_expm1_}, {"log", tg_log, tg_log_},
    {"log2", tg_log2, tg_log2_},    {"log10", tg_log10, tg_log10_},
    {"log1p", tg_log1p, tg_log1p_}, {"logit", logit_free, logit_free_}};
#define FUNCTIONS (sizeof functions / sizeof *functions)

static void integers_and_bool_give_f32(void **state) {
    (void)state;
    check_give_f32(functions, FUNCTIONS);
}

static void in_place_forms_give_the_same(void **state) {
    (void)state;
    check_all_in_place(functions, FUNCTIONS);
}

TG_TEST_MAIN(tg_scoped(exponentials_and_logarithms_have_their_corners),
             tg_scoped(logit_is_limited_by_eps_and_has_slope_on_the_closed_interval),
             tg_scoped(logit_is_exact_around_one_half),
             tg_scoped(logit_refuses_an_eps_beyond_the_middle),
             tg_scoped(integers_and_bool_give_f32), tg_scoped(in_place_forms_give_the_same))
