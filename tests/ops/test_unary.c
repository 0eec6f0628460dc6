/* test_unary.c - elementwise operations of one input: values, slopes, corners, dtypes. */
#include "tensors.h"

#include <float.h>

typedef tg_tensor *(*unary)(tg_tensor *x);

/* ---- Derivatives to third order: PyTorch 2.13, f64 ---- */

/* The value and three derivatives at four points. */
static void check_orders(const char *name, unary op, const double *points,
                         const double expected[4][4]) {
    tg_tensor *x = leaf(row(TG_F64, 4, points));
    tg_tensor *y = op(x);
    for (int order = 0; order < 4; order++) {
        double *got = tg_test_read(y);
        for (int i = 0; i < 4; i++)
            if (!tg_test_close(got[i], expected[order][i], 1e-13, 1e-15))
                fail_msg("%s, derivative %d at %g: %.17g, expected %.17g", name, order, points[i],
                         got[i], expected[order][i]);
        free(got);
        if (order < 3)
            y = slope(y, NULL, x);
    }
}

static void derivatives_to_third_order_are_those_of_pytorch(void **state) {
    (void)state;
    static const double any[4] = {-2.5, -0.75, 0.3, 1.7};
    static const double positive[4] = {0.2, 0.9, 1.0, 3.5};
    static const struct {
        const char *name;
        unary op;
        const double *points;
        double expected[4][4];
    } cases[] = {
        {"exp",
         tg_exp,
         any,
         {{0.0820849986238988, 0.47236655274101469, 1.3498588075760032, 5.4739473917271999},
          {0.0820849986238988, 0.47236655274101469, 1.3498588075760032, 5.4739473917271999},
          {0.0820849986238988, 0.47236655274101469, 1.3498588075760032, 5.4739473917271999},
          {0.0820849986238988, 0.47236655274101469, 1.3498588075760032, 5.4739473917271999}}},
        {"sin",
         tg_sin,
         any,
         {{-0.59847214410395655, -0.68163876002333412, 0.29552020666133955, 0.99166481045246857},
          {-0.8011436155469337, 0.7316888688738209, 0.95533648912560598, -0.12884449429552464},
          {0.59847214410395655, 0.68163876002333412, -0.29552020666133955, -0.99166481045246857},
          {0.8011436155469337, -0.7316888688738209, -0.95533648912560598, 0.12884449429552464}}},
        {"cos",
         tg_cos,
         any,
         {{-0.8011436155469337, 0.7316888688738209, 0.95533648912560598, -0.12884449429552464},
          {0.59847214410395655, 0.68163876002333412, -0.29552020666133955, -0.99166481045246857},
          {0.8011436155469337, -0.7316888688738209, -0.95533648912560598, 0.12884449429552464},
          {-0.59847214410395655, -0.68163876002333412, 0.29552020666133955, 0.99166481045246857}}},
        {"tanh",
         tg_tanh,
         any,
         {{-0.98661429815143031, -0.6351489523872873, 0.2913126124515909, 0.93540907060309897},
          {0.02659222668316057, 0.59658580828133145, 0.91513696182662918, 0.1250098706334466},
          {0.052472542130580405, 0.75784170227802139, -0.53318187820145435, -0.23387073381089182},
          {0.1021260276128307, 0.25085547326918839, -1.3643061061011235, 0.40627467599904005}}},
        {"sigmoid",
         tg_sigmoid,
         any,
         {{0.075858180021243546, 0.32082130082460703, 0.57444251681165903, 0.84553473491646525},
          {0.07010371654510815, 0.21789499376181404, 0.24445831169074586, 0.13060574696620808},
          {0.05946783584543406, 0.078084283078144412, -0.036396183955576263, -0.090257644313071303},
          {0.040616530104486924, -0.066974376076951836, -0.11410088523739327,
           0.028258580122601053}}},
        {"square",
         tg_square,
         any,
         {{6.25, 0.5625, 0.09, 2.89}, {-5, -1.5, 0.6, 3.4}, {2, 2, 2, 2}, {0, 0, 0, 0}}},
        {"log",
         tg_log,
         positive,
         {{-1.6094379124341003, -0.10536051565782628, 0, 1.2527629684953681},
          {5, 1.1111111111111112, 1, 0.2857142857142857},
          {-25, -1.2345679012345678, -1, -0.081632653061224483},
          {250, 2.7434842249657061, 2, 0.046647230320699701}}},
        {"sqrt",
         tg_sqrt,
         positive,
         {{0.44721359549995793, 0.94868329805051377, 1, 1.8708286933869707},
          {1.1180339887498949, 0.52704627669472992, 0.5, 0.2672612419124244},
          {-2.7950849718747373, -0.29280348705262776, -0.25, -0.038180177416060633},
          {20.96313728906053, 0.48800581175437963, 0.375, 0.016362933178311702}}},
        {"rsqrt",
         tg_rsqrt,
         positive,
         {{2.2360679774997898, 1.0540925533894598, 1, 0.53452248382484879},
          {-5.5901699437494754, -0.58560697410525553, -0.5, -0.076360354832121266},
          {41.926274578121074, 0.97601162350875925, 0.75, 0.032725866356623404},
          {-524.07843222651343, -2.7111433986354427, -1.875, -0.023375618826159576}}},
        {"reciprocal",
         tg_reciprocal,
         positive,
         {{5, 1.1111111111111112, 1, 0.2857142857142857},
          {-25, -1.2345679012345681, -1, -0.081632653061224483},
          {250, 2.743484224965707, 2, 0.046647230320699701},
          {-3750, -9.1449474165523572, -6, -0.039983340274885454}}},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        check_orders(cases[k].name, cases[k].op, cases[k].points, cases[k].expected);
}

/* ---- Corners: value and gradient ---- */

#define INF INFINITY
static const double special[] = {0, -0.0, INF, -INF, NAN, -1, 5e-324, 1.7e308, 710, -746};
#define SPECIALS (sizeof special / sizeof *special)

static void check_special(const char *name, unary op, const double *y, const double *g) {
    tg_tensor *x = leaf(row(TG_F64, SPECIALS, special));
    tg_tensor *out = op(x);
    sum_backward(out);
    double *values = tg_test_read(out);
    double *slopes = tg_test_read(tg_grad(x));
    for (size_t i = 0; i < SPECIALS; i++)
        if (!tg_test_close(values[i], y[i], 4e-16, 0) || !tg_test_close(slopes[i], g[i], 4e-16, 0))
            fail_msg("%s at %g: value %.17g (expected %.17g), slope %.17g (expected %.17g)", name,
                     special[i], values[i], y[i], slopes[i], g[i]);
    free(values);
    free(slopes);
}

/* PyTorch 2.13, f64, except sigmoid(-746), which is e^-746 = 0 there as here. */
static void special_points_have_pytorchs_values_and_slopes(void **state) {
    (void)state;
    static const struct {
        const char *name;
        unary op;
        double y[SPECIALS], g[SPECIALS];
    } cases[] = {
        {"neg",
         tg_neg,
         {0, 0, -INF, INF, NAN, 1, -5e-324, -1.7e308, -710, 746},
         {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1}},
        {"abs",
         tg_abs,
         {0, 0, INF, INF, NAN, 1, 5e-324, 1.7e308, 710, 746},
         {0, 0, 1, -1, 0, -1, 1, 1, 1, -1}},
        {"sign", tg_sign, {0, 0, 1, -1, 0, -1, 1, 1, 1, -1}, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
        {"square",
         tg_square,
         {0, 0, INF, INF, NAN, 1, 0, INF, 504100, 556516},
         {0, 0, INF, -INF, NAN, -2, 1e-323, INF, 1420, -1492}},
        {"sqrt",
         tg_sqrt,
         {0, 0, INF, NAN, NAN, NAN, 2.2227587494850775e-162, 1.3038404810405297e+154,
          26.645825188948457, NAN},
         {INF, -INF, 0, NAN, NAN, NAN, 2.2494568972715982e+161, 3.8348249442368524e-155,
          0.018764665626020038, NAN}},
        {"rsqrt",
         tg_rsqrt,
         {INF, -INF, 0, NAN, NAN, NAN, 4.4989137945431964e+161, 7.6696498884737049e-155,
          0.037529331252040075, NAN},
         {-INF, INF, 0, NAN, NAN, NAN, -INF, 0, -2.6429106515521176e-05, NAN}},
        {"reciprocal",
         tg_reciprocal,
         {INF, -INF, 0, 0, NAN, -1, INF, 1 / 1.7e308, 1. / 710, -1. / 746},
         {-INF, -INF, 0, 0, NAN, -1, -INF, 0, -1.9837333862328904e-06, -1.7968935304645329e-06}},
        {"exp",
         tg_exp,
         {1, 1, INF, 0, NAN, 0.36787944117144233, 1, INF, INF, 0},
         {1, 1, INF, 0, NAN, 0.36787944117144233, 1, INF, INF, 0}},
        {"log",
         tg_log,
         {-INF, -INF, INF, NAN, NAN, NAN, -744.44007192138122, 709.72683689322821,
          6.5652649700353614, NAN},
         {INF, -INF, 0, 0, NAN, -1, INF, 1 / 1.7e308, 1. / 710, -1. / 746}},
        {"sin",
         tg_sin,
         {0, 0, NAN, NAN, NAN, -0.8414709848078965, 5e-324, -0.59525608486320769,
          6.0288706691585265e-05, 0.99178656640604357},
         {1, 1, NAN, NAN, NAN, 0.54030230586813977, 1, 0.803536056087918, 0.99999999818263596,
          -0.12790389633044991}},
        {"cos",
         tg_cos,
         {1, 1, NAN, NAN, NAN, 0.54030230586813977, 1, 0.803536056087918, 0.99999999818263596,
          -0.12790389633044991},
         {0, 0, NAN, NAN, NAN, 0.8414709848078965, -5e-324, 0.59525608486320769,
          -6.0288706691585265e-05, -0.99178656640604357}},
        {"tanh",
         tg_tanh,
         {0, 0, 1, -1, NAN, -0.76159415595576485, 5e-324, 1, 1, -1},
         {1, 1, 0, 0, NAN, 0.41997434161402614, 1, 0, 0, 0}},
        {"sigmoid",
         tg_sigmoid,
         {.5, .5, 1, 0, NAN, 0.2689414213699951, .5, 1, 1, 0},
         {.25, .25, 0, 0, NAN, 0.19661193324148185, .25, 0, 0, 0}},
        {"relu",
         tg_relu,
         {0, 0, INF, 0, NAN, 0, 5e-324, 1.7e308, 710, 0},
         {0, 0, 1, 0, 1, 0, 1, 1, 1, 0}},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        check_special(cases[k].name, cases[k].op, cases[k].y, cases[k].g);
}

static void signs_of_zero_follow_c(void **state) {
    (void)state;
    tg_tensor *zeros = ROW(0, -0.0);
    static const struct {
        const char *name;
        unary op;
        bool negative[2];
    } cases[] = {{"neg", tg_neg, {true, false}},   {"abs", tg_abs, {false, false}},
                 {"sqrt", tg_sqrt, {false, true}}, {"sin", tg_sin, {false, true}},
                 {"tanh", tg_tanh, {false, true}}, {"square", tg_square, {false, false}},
                 {"relu", tg_relu, {false, false}}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        for (int i = 0; i < 2; i++)
            if (!signbit(at(cases[k].op(zeros), i)) == cases[k].negative[i])
                fail_msg("%s(%s0) has the wrong sign", cases[k].name, i == 0 ? "" : "-");
}

static void the_slope_of_sign_is_zero_of_any_order(void **state) {
    (void)state;
    tg_tensor *x = LEAF(-2, 0, 3);
    tg_tensor *y = tg_mul(tg_sign(x), x); /* |x| */
    tg_tensor *g = slope(y, NULL, x);
    assert_values(g, -1, 0, 1);
    assert_values(slope(g, NULL, x), 0, 0, 0);
}

static void kinks_have_second_slope_zero(void **state) {
    (void)state;
    tg_tensor *x = LEAF(-2, 0, 3);
    tg_tensor *g = slope(tg_abs(tg_square(x)), NULL, x);
    assert_values(g, -4, 0, 6);
    assert_values(slope(g, NULL, x), 2, 0, 2); /* |.|' is 0 at 0, so that branch is not seen */
    g = slope(tg_relu(tg_mul(x, tg_square(x))), NULL, x);
    assert_values(g, 0, 0, 27);
    assert_values(slope(g, NULL, x), 0, 0, 18);
}

/* ---- positive, degrees ---- */

static void positive_is_a_copy_with_slope_1(void **state) {
    (void)state;
    tg_tensor *x = LEAF(-1, 0, NAN);
    tg_tensor *y = tg_positive(x);
    assert_true(tg_data(y) != tg_data(x));
    assert_values(y, -1, 0, NAN);
    sum_backward(y);
    assert_values(tg_grad(x), 1, 1, 1);
    assert_values(tg_negative(x), 1, 0, NAN);
    assert_values(tg_absolute(x), 1, 0, NAN);
}

static void degrees_and_radians_are_inverse(void **state) {
    (void)state;
    const double pi = 3.14159265358979323846;
    tg_tensor *x = LEAF(0, 180, -90, INF);
    tg_tensor *y = tg_deg2rad(x);
    assert_values_near(y, 4e-16, 0, pi, -pi / 2, INF);
    assert_values_near(tg_rad2deg(y), 4e-16, 0, 180, -90, INF);
    sum_backward(y);
    assert_values_near(tg_grad(x), 4e-16, pi / 180, pi / 180, pi / 180, pi / 180);
    assert_shape(tg_deg2rad(row(TG_I64, LIST(180))), TG_F32, TG_SHAPE(1));
    assert_values_near(tg_rad2deg(row(TG_F32, LIST(1))), 6e-8, 180 / pi);
}

/* ---- NaN and infinities ---- */

static void predicates_of_infinities_and_signs(void **state) {
    (void)state;
    tg_tensor *x = LEAF(0, -0.0, 1, -1, INF, -INF, NAN, -5e-324);
    assert_shape(tg_isinf(x), TG_BOOL, TG_SHAPE(8));
    assert_values(tg_isinf(x), 0, 0, 0, 0, 1, 1, 0, 0);
    assert_values(tg_isposinf(x), 0, 0, 0, 0, 1, 0, 0, 0);
    assert_values(tg_isneginf(x), 0, 0, 0, 0, 0, 1, 0, 0);
    assert_values(tg_signbit(x), 0, 1, 0, 1, 0, 1, signbit(NAN) != 0, 1);
    assert_false(tg_requires_grad(tg_signbit(x)));
    for (int dtype = TG_I64; dtype <= TG_BOOL; dtype++) {
        tg_tensor *i = row((tg_dtype)dtype, LIST(0, 1));
        assert_values(tg_isinf(i), 0, 0);
        assert_values(tg_isposinf(i), 0, 0);
        assert_values(tg_isneginf(i), 0, 0);
        assert_values(tg_signbit(i), 0, 0);
    }
    assert_values(tg_signbit(row(TG_I32, LIST(-1, INT32_MIN))), 1, 1);
    assert_values(tg_isinf(tg_cast(ROW(INF, 65504), TG_F16)), 1, 0);
}

static void nan_to_num_replaces_and_passes_no_gradient_there(void **state) {
    (void)state;
    tg_tensor *x = LEAF(NAN, INF, -INF, 2, -0.0);
    tg_tensor *y = tg_nan_to_num(x, 0, NAN, NAN);
    assert_values(y, 0, DBL_MAX, -DBL_MAX, 2, 0);
    sum_backward(y);
    assert_values(tg_grad(x), 0, 0, 0, 1, 1);
    assert_values(tg_nan_to_num(x, -1, 7, -8), -1, 7, -8, 2, 0);
    assert_values(tg_nan_to_num(x, NAN, INF, -INF), NAN, INF, -INF, 2, 0);
    tg_tensor *z = tg_clone(ROW(NAN, INF, 1));
    assert_ptr_equal(tg_nan_to_num_(z, 5, 6, 7), z);
    assert_values(z, 5, 6, 1);
}

static void nan_to_num_knows_the_largest_number_of_every_dtype(void **state) {
    (void)state;
    static const struct {
        tg_dtype dtype;
        double largest;
    } cases[] = {
        {TG_F32, (double)FLT_MAX}, {TG_F64, DBL_MAX}, {TG_F16, 65504}, {TG_BF16, 0x1.fep127}};
    for (int k = 0; k < 4; k++) {
        tg_tensor *y = tg_nan_to_num(tg_cast(ROW(NAN, INF, -INF), cases[k].dtype), 0, NAN, NAN);
        assert_int_equal(tg_dtype_of(y), cases[k].dtype);
        assert_values(tg_cast(y, TG_F64), 0, cases[k].largest, -cases[k].largest);
    }
    tg_tensor *i = row(TG_I32, LIST(-5, 7));
    assert_shape(tg_nan_to_num(i, 1, 1, 1), TG_I32, TG_SHAPE(2));
    assert_values(tg_nan_to_num(i, 1, 1, 1), -5, 7);
}

/* ---- dtypes ---- */

static const unary floats_only[] = {tg_sqrt, tg_rsqrt, tg_reciprocal, tg_exp,    tg_log,
                                    tg_sin,  tg_cos,   tg_tanh,       tg_sigmoid};
#define FLOATS_ONLY (sizeof floats_only / sizeof *floats_only)
static const unary no_bool[] = {tg_neg, tg_abs, tg_sign, tg_square, tg_relu};
#define NO_BOOL (sizeof no_bool / sizeof *no_bool)

static void float_functions_of_integers_and_bool_give_f32(void **state) {
    (void)state;
    static const tg_dtype from[] = {TG_I64, TG_I32, TG_U8, TG_BOOL};
    for (size_t k = 0; k < FLOATS_ONLY; k++)
        for (int d = 0; d < 4; d++) {
            tg_tensor *x = row(from[d], LIST(1, 0));
            tg_tensor *y = floats_only[k](x);
            assert_shape(y, TG_F32, TG_SHAPE(2));
            tg_tensor *expected = floats_only[k](tg_cast(x, TG_F32));
            assert_true(at(y, 0) == at(expected, 0));
        }
}

static void arithmetic_of_one_input_keeps_integers_and_refuses_bool(void **state) {
    (void)state;
    for (size_t k = 0; k < NO_BOOL; k++) {
        assert_int_equal(tg_dtype_of(no_bool[k](row(TG_I32, LIST(3)))), TG_I32);
        assert_int_equal(tg_dtype_of(no_bool[k](row(TG_U8, LIST(3)))), TG_U8);
        assert_refused(no_bool[k](row(TG_BOOL, LIST(1))), TG_ERR_DTYPE, "bool [1]",
                       "f32, f64, i64, i32, u8", "tg_cast");
    }
}

static void integers_wrap_around(void **state) {
    (void)state;
    assert_values(tg_neg(row(TG_U8, LIST(0, 1, 255))), 0, 255, 1);
    assert_values(tg_square(row(TG_U8, LIST(15, 16, 17))), 225, 0, 33);
    tg_tensor *lowest = row(TG_I32, LIST(INT32_MIN, INT32_MAX, -3));
    assert_values(tg_neg(lowest), INT32_MIN, -(double)INT32_MAX, 3);
    assert_values(tg_abs(lowest), INT32_MIN, INT32_MAX, 3);
    assert_values(tg_sign(lowest), -1, 1, -1);
    assert_values(tg_relu(lowest), 0, INT32_MAX, 0);
    int64_t low = INT64_MIN;
    tg_tensor *wide = tg_from_array(TG_I64, TG_SHAPE(1), &low);
    assert_true(tg_item_i64(tg_neg(wide)) == INT64_MIN);
    assert_true(tg_item_i64(tg_square(row(TG_I64, LIST(4294967296)))) == 0);
}

/* ---- In place ---- */

static const struct {
    unary plain, in_place;
} pairs[] = {{tg_neg, tg_neg_},
             {tg_abs, tg_abs_},
             {tg_sign, tg_sign_},
             {tg_square, tg_square_},
             {tg_sqrt, tg_sqrt_},
             {tg_rsqrt, tg_rsqrt_},
             {tg_reciprocal, tg_reciprocal_},
             {tg_exp, tg_exp_},
             {tg_log, tg_log_},
             {tg_sin, tg_sin_},
             {tg_cos, tg_cos_},
             {tg_tanh, tg_tanh_},
             {tg_sigmoid, tg_sigmoid_},
             {tg_relu, tg_relu_}};

static void check_in_place(unary plain, unary in_place) {
    static const double points[] = {0.25, 1.5, 0.75, 3};
    tg_tensor *a = leaf(row(TG_F64, 4, points));
    tg_tensor *b = leaf(row(TG_F64, 4, points));
    tg_tensor *once = tg_mul_scalar(a, 1);
    tg_tensor *other = tg_mul_scalar(b, 1);
    tg_tensor *y = plain(once);
    assert_ptr_equal(in_place(other), other);
    double *expected = tg_test_read(y);
    double *got = tg_test_read(other);
    assert_memory_equal(got, expected, sizeof points);
    free(got);
    free(expected);
    sum_backward(tg_square(y));
    sum_backward(tg_square(other));
    expected = tg_test_read(tg_grad(a));
    got = tg_test_read(tg_grad(b));
    assert_memory_equal(got, expected, sizeof points);
    free(got);
    free(expected);
}

static void in_place_forms_give_the_bits_and_gradients_of_the_plain_ones(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof pairs / sizeof *pairs; k++)
        check_in_place(pairs[k].plain, pairs[k].in_place);
}

static void in_place_on_strided_memory_leaves_the_rest_alone(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof pairs / sizeof *pairs; k++) {
        tg_tensor *x = of(TG_F32, TG_SHAPE(2, 3), LIST(1, 2, 3, 4, 5, 6));
        tg_tensor *expected = pairs[k].plain(tg_clone(tg_select(x, 1, 1)));
        assert_non_null(pairs[k].in_place(tg_select(x, 1, 1)));
        assert_values(x, 1, at(expected, 0), 3, 4, at(expected, 1), 6);
    }
}

/* ---- The operations that gradients are made of, called by name ---- */

/* f(g, y) summed; its slopes are f(1, y) and g·f'(y), summed over what was repeated. */
static void gradient_operations_broadcast_like_any_other(void **state) {
    (void)state;
    static const struct {
        const char *name;
        double f[3], slope[3]; /* at y = 1, 2, 3 */
    } cases[] = {{"abs_grad", {1, 1, 1}, {0, 0, 0}},
                 {"tanh_grad", {0, -3, -8}, {-2, -4, -6}},
                 {"sigmoid_grad", {0, -2, -6}, {-1, -3, -5}},
                 {"relu_grad", {1, 1, 1}, {0, 0, 0}}};
    for (int k = 0; k < 4; k++)
        for (int swapped = 0; swapped < 2; swapped++) {
            tg_tensor *wide = leaf(of(TG_F64, TG_SHAPE(2, 3), LIST(1, 2, 3, 1, 2, 3)));
            tg_tensor *narrow = leaf(row(TG_F32, LIST(1, 2, 3)));
            /* behind results, where the gradients meet others */
            tg_tensor *a = tg_mul_scalar(wide, 1);
            tg_tensor *b = tg_mul_scalar(narrow, 1);
            tg_tensor *in[2] = {swapped ? b : a, swapped ? a : b}; /* g, y */
            tg_tensor *y;
            assert_ok(tg_op_call(cases[k].name, in, 2, NULL, 0, &y, 1));
            assert_shape(y, TG_F64, TG_SHAPE(2, 3));
            sum_backward(tg_add(y, tg_add(a, b)));
            assert_shape(tg_grad(wide), TG_F64, TG_SHAPE(2, 3));
            assert_shape(tg_grad(narrow), TG_F32, TG_SHAPE(3));
            for (int i = 0; i < 3; i++) {
                double to_g = 1 + cases[k].f[i];
                double to_y = 1 + (i + 1) * cases[k].slope[i];
                assert_true(at(tg_grad(wide), i) == (swapped ? to_y : to_g));
                assert_true(at(tg_grad(narrow), i) == 2 * (swapped ? to_g : to_y));
            }
        }
}

/* ---- 0-d and 0-size ---- */

static void tensors_of_no_dims_and_no_elements_work_forwards_and_backwards(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof pairs / sizeof *pairs; k++) {
        tg_tensor *x = leaf(number(1.5));
        tg_tensor *y = pairs[k].plain(x);
        assert_shape(y, TG_F64, TG_0D);
        assert_ok(tg_backward(y));
        assert_shape(tg_grad(x), TG_F64, TG_0D);
        tg_tensor *none = leaf(tg_zeros(TG_F32, TG_SHAPE(2, 0)));
        y = pairs[k].plain(none);
        assert_shape(y, TG_F32, TG_SHAPE(2, 0));
        sum_backward(y);
        assert_shape(tg_grad(none), TG_F32, TG_SHAPE(2, 0));
    }
}

TG_TEST_MAIN(tg_scoped(positive_is_a_copy_with_slope_1), tg_scoped(degrees_and_radians_are_inverse),
             tg_scoped(predicates_of_infinities_and_signs),
             tg_scoped(nan_to_num_replaces_and_passes_no_gradient_there),
             tg_scoped(nan_to_num_knows_the_largest_number_of_every_dtype),
             tg_scoped(derivatives_to_third_order_are_those_of_pytorch),
             tg_scoped(special_points_have_pytorchs_values_and_slopes),
             tg_scoped(signs_of_zero_follow_c), tg_scoped(the_slope_of_sign_is_zero_of_any_order),
             tg_scoped(kinks_have_second_slope_zero),
             tg_scoped(float_functions_of_integers_and_bool_give_f32),
             tg_scoped(arithmetic_of_one_input_keeps_integers_and_refuses_bool),
             tg_scoped(integers_wrap_around),
             tg_scoped(in_place_forms_give_the_bits_and_gradients_of_the_plain_ones),
             tg_scoped(in_place_on_strided_memory_leaves_the_rest_alone),
             tg_scoped(gradient_operations_broadcast_like_any_other),
             tg_scoped(tensors_of_no_dims_and_no_elements_work_forwards_and_backwards))
