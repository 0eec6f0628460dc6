/* test_trigonometric.c - trigonometric and hyperbolic functions and their inverses. */
#include "unary_corners.h"

#define PI 3.14159265358979323846

/* Values and slopes by mpmath. */
static void functions_have_their_corners(void **state) {
    (void)state;
    static const corners cases[] = {
        {"tan",
         tg_tan,
         4,
         {0, 1, INF, NAN},
         {0, 1.5574077246549022305, NAN, NAN},
         {1, 3.4255188208147597641, NAN, NAN}},
        {"asin",
         tg_asin,
         6,
         {0, 0.5, 1, -1, 1.5, NAN},
         {0, PI / 6, PI / 2, -PI / 2, NAN, NAN},
         {1, 1.1547005383792515290, INF, INF, NAN, NAN}},
        {"acos",
         tg_acos,
         6,
         {0, 0.5, 1, -1, 1.5, NAN},
         {PI / 2, PI / 3, 0, PI, NAN, NAN},
         {-1, -1.1547005383792515290, -INF, -INF, NAN, NAN}},
        {"atan",
         tg_atan,
         5,
         {0, 1, INF, -INF, NAN},
         {0, PI / 4, PI / 2, -PI / 2, NAN},
         {1, 0.5, 0, 0, NAN}},
        {"sinh",
         tg_sinh,
         5,
         {0, 1, INF, -INF, NAN},
         {0, 1.1752011936438014569, INF, -INF, NAN},
         {1, 1.5430806348152437785, INF, INF, NAN}},
        {"cosh",
         tg_cosh,
         5,
         {0, 1, INF, -INF, NAN},
         {1, 1.5430806348152437785, INF, INF, NAN},
         {0, 1.1752011936438014569, INF, -INF, NAN}},
        {"asinh",
         tg_asinh,
         5,
         {0, 1, INF, -INF, NAN},
         {0, 0.88137358701954302523, INF, -INF, NAN},
         {1, 0.70710678118654752440, 0, 0, NAN}},
        {"acosh",
         tg_acosh,
         5,
         {1, 2, 0.5, INF, NAN},
         {0, 1.3169578969248167086, NAN, INF, NAN},
         {INF, 0.57735026918962576451, NAN, 0, NAN}},
        {"atanh",
         tg_atanh,
         6,
         {0, 0.5, 1, -1, 1.5, NAN},
         {0, 0.54930614433405484570, INF, -INF, NAN, NAN},
         {1, 4 / 3.0, INF, INF, -0.8, NAN}},
    };
    check_all_corners(cases);
}

/* 1 - x² as (1 - x)(1 + x): x² would be rounded to within 10 % of the difference. */
static void slopes_near_the_ends_keep_their_digits(void **state) {
    (void)state;
    static const double close = 1 - 0x1p-50;
    static const corners cases[] = {
        {"asin", tg_asin, 1, {close}, {1.5707962846480481}, {23726566.406062893}},
        {"atanh", tg_atanh, 1, {close}, {17.675253104278605}, {562949953421312.25}},
        {"acosh", tg_acosh, 1, {1 + 0x1p-50}, {4.2146848510894029e-8}, {23726566.406062883}},
    };
    check_all_corners(cases);
}

static const forms functions[] = {
    {"sin", tg_sin, tg_sin_},       {"cos", tg_cos, tg_cos_},       {"tan", tg_tan, tg_tan_},
    {"asin", tg_asin, tg_asin_},    {"acos", tg_acos, tg_acos_},    {"atan", tg_atan, tg_atan_},
    {"sinh", tg_sinh, tg_sinh_},    {"cosh", tg_cosh, tg_cosh_},    {"tanh", tg_tanh, tg_tanh_},
    {"asinh", tg_asinh, tg_asinh_}, {"acosh", tg_acosh, tg_acosh_}, {"atanh", tg_atanh, tg_atanh_}};
#define FUNCTIONS (sizeof functions / sizeof *functions)

static void integers_and_bool_give_f32(void **state) {
    (void)state;
    check_give_f32(functions, FUNCTIONS);
}

static void in_place_forms_give_the_same(void **state) {
    (void)state;
    check_all_in_place(functions, FUNCTIONS);
}

static void long_names_are_the_same_functions(void **state) {
    (void)state;
    static const unary names[][2] = {{tg_asin, tg_arcsin},   {tg_acos, tg_arccos},
                                     {tg_atan, tg_arctan},   {tg_asinh, tg_arcsinh},
                                     {tg_acosh, tg_arccosh}, {tg_atanh, tg_arctanh}};
    tg_tensor *x = ROW(0.3, 1, 1.25);
    for (int k = 0; k < 6; k++)
        for (int i = 0; i < 3; i++)
            assert_true(tg_test_close(at(names[k][0](x), i), at(names[k][1](x), i), 0, 0));
}

TG_TEST_MAIN(tg_scoped(functions_have_their_corners),
             tg_scoped(slopes_near_the_ends_keep_their_digits),
             tg_scoped(integers_and_bool_give_f32), tg_scoped(in_place_forms_give_the_same),
             tg_scoped(long_names_are_the_same_functions))
