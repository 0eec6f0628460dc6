/* test_power.c - powers: values, slopes of both orders, corners, integers. */
#include "pairs.h"

/* ---- Second order: PyTorch 2.13, f64 ---- */

static void second_derivatives_are_those_of_pytorch(void **state) {
    (void)state;
    static const double a[4] = {0.5, 1.3, 2.0, 3.7};
    static const double b[4] = {1.5, -0.7, 3.0, 0.4};
    /* y, a, b, aa, ab, ba, bb */
    static const double expected[7][4] = {
        {0.35355339059327379, 0.83222288357271368, 8, 1.6876434167551815},
        {1.0606601717798214, -0.44812001423146119, 12, 0.18244793694650613},
        {-0.24506453586713681, 0.21834554472156947, 5.5451774444795623, 2.2079992700073685},
        {1.0606601717798214, 0.5860030955334492, 12, -0.029586151937271255},
        {-0.02808682641486282, 0.5226007709750885, 12.317766166719343, 0.69482246615084575},
        {-0.028086826414862931, 0.5226007709750885, 12.317766166719343, 0.69482246615084564},
        {0.16986579209153746, 0.057286068240628249, 3.8436241113456111, 2.8887979107142772}};
    tg_tensor *x = leaf(row(TG_F64, 4, a));
    tg_tensor *z = leaf(row(TG_F64, 4, b));
    tg_tensor *y = tg_pow(x, z);
    tg_tensor *gx = slope(y, NULL, x);
    tg_tensor *gz = slope(y, NULL, z);
    tg_tensor *all[7] = {
        y, gx, gz, slope(gx, NULL, x), slope(gx, NULL, z), slope(gz, NULL, x), slope(gz, NULL, z)};
    for (int j = 0; j < 7; j++)
        for (int i = 0; i < 4; i++)
            if (!tg_test_close(at(all[j], i), expected[j][i], 1e-14, 1e-15))
                fail_msg("derivative %d at %g, %g: %.17g", j, a[i], b[i], at(all[j], i));
}

/* ---- Corners ---- */

/* PyTorch 2.13; the first nine are the table that ops follow. */
static void pow_has_the_conventional_corners(void **state) {
    (void)state;
    static const double a[] = {0, 0, 0, 0, 0, -2, -2, NAN, NAN, 1, -0.0, -0.0, INF, 2, 2, INF};
    static const double b[] = {0, .5, 1, 2, -1, 2, .5, 0, 1, NAN, 3, -1, 2, INF, -INF, 0};
    static const double y[] = {1, 0, 0, 0, INF, 4, NAN, 1, NAN, 1, 0, -INF, INF, INF, 0, 1};
    static const double ga[] = {0, INF, 1, 0, -INF, -4, NAN, 0, 1, NAN, 0, -INF, INF, INF, NAN, 0};
    static const double gb[] = {0, 0, 0, 0, -INF, NAN, NAN, NAN, NAN, 0, 0, INF, INF, INF, 0, INF};
    check_pairs("pow", tg_pow, 16, a, b, y, ga, gb);
}

/* x^s: y, slope, second slope at 0, -2, NaN, 1.5, inf. PyTorch 2.13. */
static void pow_with_a_scalar_exponent_has_pytorchs_corners(void **state) {
    (void)state;
    static const struct {
        double s, y[5], g[5], h[5];
    } cases[] = {
        {0, {1, 1, 1, 1, 1}, {0, 0, 0, 0, 0}, {0, 0, 0, 0, 0}},
        {.5,
         {0, NAN, NAN, 1.2247448713915889, INF},
         {INF, NAN, NAN, 0.40824829046386307, 0},
         {-INF, NAN, NAN, -0.13608276348795434, 0}},
        {1, {0, -2, NAN, 1.5, INF}, {1, 1, 1, 1, 1}, {0, 0, 0, 0, 0}},
        {2, {0, 4, NAN, 2.25, INF}, {0, -4, NAN, 3, INF}, {2, 2, 2, 2, 2}},
        {3, {0, -8, NAN, 3.375, INF}, {0, 12, NAN, 6.75, INF}, {0, -12, NAN, 9, INF}},
        {-1,
         {INF, -.5, NAN, 0.66666666666666663, 0},
         {-INF, -.25, NAN, -0.44444444444444442, 0},
         {INF, -.25, NAN, 0.59259259259259256, 0}},
        {-2,
         {INF, .25, NAN, 0.44444444444444442, 0},
         {-INF, .25, NAN, -0.59259259259259256, 0},
         {INF, .375, NAN, 1.1851851851851851, 0}},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        tg_tensor *x = LEAF(0, -2, NAN, 1.5, INF);
        tg_tensor *y = tg_pow_scalar(x, cases[k].s);
        tg_tensor *g = slope(y, NULL, x);
        tg_tensor *h = slope(g, NULL, x);
        for (int i = 0; i < 5; i++)
            if (!tg_test_close(at(y, i), cases[k].y[i], 4e-16, 0) ||
                !tg_test_close(at(g, i), cases[k].g[i], 4e-16, 0) ||
                !tg_test_close(at(h, i), cases[k].h[i], 4e-16, 0))
                fail_msg("x^%g at point %d: %.17g, slopes %.17g, %.17g", cases[k].s, i, at(y, i),
                         at(g, i), at(h, i));
    }
}

/* The same with the exponent in a tensor. */
static void the_second_slope_of_a_power_of_0_is_0(void **state) {
    (void)state;
    tg_tensor *x = LEAF(0, -2, NAN, 1.5, INF);
    tg_tensor *g = slope(tg_pow(x, ROW(0, 0, 0, 0, 0)), NULL, x);
    assert_values(g, 0, 0, 0, 0, 0);
    assert_values(slope(g, NULL, x), 0, 0, 0, 0, 0);
}

static void pow_with_a_scalar_base_has_pytorchs_corners(void **state) {
    (void)state;
    static const struct {
        double s, y[6], g[6];
    } cases[] = {{0, {1, INF, NAN, 0, 0, INF}, {0, -INF, NAN, 0, 0, -INF}},
                 {2,
                  {1, .5, NAN, 2.8284271247461903, INF, 0},
                  {0.69314718055994529, 0.34657359027997264, NAN, 1.9605162869370945, INF, 0}},
                 {-2, {1, -.5, NAN, NAN, INF, 0}, {NAN, NAN, NAN, NAN, NAN, NAN}},
                 {1, {1, 1, 1, 1, 1, 1}, {0, 0, 0, 0, 0, 0}}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        tg_tensor *x = LEAF(0, -1, NAN, 1.5, INF, -INF);
        tg_tensor *y = tg_rpow_scalar(x, cases[k].s);
        sum_backward(y);
        tg_tensor *g = tg_grad(x);
        for (int i = 0; i < 6; i++)
            if (!tg_test_close(at(y, i), cases[k].y[i], 4e-16, 0) ||
                !tg_test_close(at(g, i), cases[k].g[i], 4e-16, 0))
                fail_msg("%g^x at point %d: %.17g, slope %.17g", cases[k].s, i, at(y, i), at(g, i));
    }
}

static void integer_powers_are_exact_and_negative_ones_refused(void **state) {
    (void)state;
    tg_tensor *x = row(TG_I64, LIST(3, -2, 0, 10));
    assert_shape(tg_pow(x, row(TG_I32, LIST(4, 3, 0, 18))), TG_I64, TG_SHAPE(4));
    assert_values(tg_pow(x, row(TG_I32, LIST(4, 3, 0, 18))), 81, -8, 1, 1e18);
    assert_values(tg_pow(row(TG_U8, LIST(2, 3)), row(TG_U8, LIST(8, 6))), 0, 217);
    assert_refused(tg_pow(x, row(TG_I32, LIST(1, 1, -1, 1))), TG_ERR_NUMERIC, "pow: ", "i64 [4]",
                   "negative", "tg_cast");
    assert_refused(tg_pow_(x, row(TG_I64, LIST(-1))), TG_ERR_NUMERIC, "negative");
    assert_values(x, 3, -2, 0, 10);
    /* a float exponent, or a C scalar, makes it a float power */
    assert_shape(tg_pow(x, row(TG_F64, LIST(-1))), TG_F64, TG_SHAPE(4));
    assert_values(tg_pow_scalar(row(TG_I64, LIST(2, 4)), -1), .5, .25);
    assert_values(tg_pow(row(TG_BOOL, LIST(1, 0)), row(TG_I64, LIST(0, 0))), 1, 1);
}

static void zero_is_named_where_an_integer_power_has_no_result(void **state) {
    (void)state;
    tg_tensor *b = of(TG_I64, TG_SHAPE(2, 3), LIST(1, 2, 3, 4, -5, 6));
    assert_refused(tg_pow(row(TG_I32, LIST(2)), b), TG_ERR_NUMERIC, "pow: b is -5 at [1, 1]");
    assert_refused(tg_pow(row(TG_I32, LIST(2)), tg_transpose(b, 0, 1)), TG_ERR_NUMERIC,
                   "pow: b is -5 at [1, 1]");
}

/* What depends on an integer alone is computed in the dtype of the result, not in f32. */
static void slopes_at_integer_operands_are_exact(void **state) {
    (void)state;
    tg_tensor *e = LEAF(1.5);
    sum_backward(tg_pow(row(TG_I64, LIST(3)), e));
    assert_values_near(tg_grad(e), 1e-15, 5.1961524227066319 * 1.0986122886681098);
    tg_tensor *x = LEAF(1);
    sum_backward(tg_pow(x, row(TG_I64, LIST(16777218)))); /* f32 has no 16777217 */
    assert_values(tg_grad(x), 16777218);
}

/* ---- float_power, ldexp ---- */

static void float_power_computes_in_f64_whatever_comes(void **state) {
    (void)state;
    assert_shape(tg_float_power(row(TG_I32, LIST(2, 3)), row(TG_BOOL, LIST(1, 0))), TG_F64,
                 TG_SHAPE(2));
    assert_values(tg_float_power(row(TG_I32, LIST(2, 3)), row(TG_I64, LIST(-1, 0))), .5, 1);
    tg_tensor *x = row(TG_F32, LIST(2));
    assert_shape(tg_float_power_scalar(x, .1), TG_F64, TG_SHAPE(1));
    /* 2^0.1 and 0.1^2 in f64: the scalar was not rounded to f32 */
    assert_values_near(tg_float_power_scalar(x, .1), 1e-15, 1.0717734625362931);
    assert_values_near(tg_rfloat_power_scalar(x, .1), 1e-15, .1 * .1);
    assert_refused(tg_float_power_scalar(NULL, 1), TG_ERR_ARG, "float_power: ", "x is NULL");
    tg_tensor *leaf32 = leaf(row(TG_F32, LIST(3)));
    sum_backward(tg_float_power_scalar(leaf32, 2));
    assert_shape(tg_grad(leaf32), TG_F32, TG_SHAPE(1));
    assert_values(tg_grad(leaf32), 6);
    assert_ptr_equal(tg_float_power_(x, x), x);
    assert_values(x, 4);
    assert_shape(x, TG_F32, TG_SHAPE(1));
}

static void ldexp_multiplies_by_powers_of_two(void **state) {
    (void)state;
    static const double a[] = {1, -3, INF, 0, 5e-324};
    static const double b[] = {3, -1, 2, 4, 3};
    static const double y[] = {8, -1.5, INF, 0, 4e-323};
    static const double ga[] = {8, .5, 4, 16, 8};
    const double ln2 = 0.69314718055994531;
    const double gb[] = {8 * ln2, -1.5 * ln2, INF, 0, 0};
    tg_tensor *x = leaf(row(TG_F64, 5, a));
    tg_tensor *e = leaf(row(TG_F64, 5, b));
    sum_backward(tg_ldexp(x, e));
    assert_values(tg_ldexp(x, e), y[0], y[1], y[2], y[3], y[4]);
    assert_values(tg_grad(x), ga[0], ga[1], ga[2], ga[3], ga[4]);
    for (int i = 0; i < 4; i++)
        assert_close(at(tg_grad(e), i), gb[i], 1e-15, 0);
    /* integers: the result is f32 with an f32 or integer x, and 2^500 is in reach of f64 */
    assert_shape(tg_ldexp(row(TG_I32, LIST(3)), row(TG_I64, LIST(2))), TG_F32, TG_SHAPE(1));
    assert_values(tg_ldexp(ROW(1), row(TG_I32, LIST(500))), 0x1p500);
    tg_tensor *z = ROW(3);
    assert_ptr_equal(tg_ldexp_(z, ROW(2)), z);
    assert_values(z, 12);
}

static void frexp_takes_numbers_apart(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, -3, 0, 5e-324, INF, NAN);
    tg_tensor *e;
    tg_tensor *m = tg_frexp(x, &e);
    assert_values(m, .5, -.75, 0, .5, INF, NAN);
    assert_shape(e, TG_I32, TG_SHAPE(6));
    assert_values(e, 1, 2, 0, -1073, 0, 0);
    assert_false(tg_requires_grad(e));
    tg_tensor *back = tg_ldexp(m, e);
    assert_values(back, 1, -3, 0, 5e-324, INF, NAN);
    sum_backward(tg_frexp(x, NULL));
    assert_values(tg_grad(x), .5, .25, 1, INF, 1, 1);
    assert_shape(tg_frexp(row(TG_I32, LIST(8)), &e), TG_F32, TG_SHAPE(1));
    assert_values(e, 4);
    assert_null(tg_frexp(NULL, &e));
    assert_null(e);
    tg_error_clear();
}

static void no_elements_and_no_dims_work(void **state) {
    (void)state;
    static const binary all[] = {tg_pow, tg_float_power, tg_ldexp};
    for (size_t k = 0; k < 3; k++) {
        tg_tensor *a = leaf(tg_ones(TG_F64, TG_SHAPE(0, 3)));
        sum_backward(all[k](a, tg_ones(TG_F64, TG_SHAPE(3))));
        assert_shape(tg_grad(a), TG_F64, TG_SHAPE(0, 3));
        assert_shape(all[k](number(2), number(3)), TG_F64, TG_0D);
    }
}

TG_TEST_MAIN(tg_scoped(second_derivatives_are_those_of_pytorch),
             tg_scoped(pow_has_the_conventional_corners),
             tg_scoped(pow_with_a_scalar_exponent_has_pytorchs_corners),
             tg_scoped(the_second_slope_of_a_power_of_0_is_0),
             tg_scoped(pow_with_a_scalar_base_has_pytorchs_corners),
             tg_scoped(integer_powers_are_exact_and_negative_ones_refused),
             tg_scoped(zero_is_named_where_an_integer_power_has_no_result),
             tg_scoped(slopes_at_integer_operands_are_exact),
             tg_scoped(float_power_computes_in_f64_whatever_comes),
             tg_scoped(ldexp_multiplies_by_powers_of_two), tg_scoped(frexp_takes_numbers_apart),
             tg_scoped(no_elements_and_no_dims_work))
