/* test_binary.c - elementwise arithmetic of two inputs: values, slopes of both orders, corners,
 * C scalars, in-place forms. */
#include "tensors.h"

#define INF INFINITY

typedef tg_tensor *(*binary)(tg_tensor *a, tg_tensor *b);
typedef tg_tensor *(*scalar)(tg_tensor *x, double s);

#define CORNERS 16
/* Values and both gradients at n pairs. */
static void check_pairs(const char *name, binary op, size_t n, const double *a, const double *b,
                        const double *y, const double *ga, const double *gb) {
    tg_tensor *x = leaf(row(TG_F64, n, a));
    tg_tensor *z = leaf(row(TG_F64, n, b));
    tg_tensor *out = op(x, z);
    sum_backward(out);
    double *got[3] = {tg_test_read(out), tg_test_read(tg_grad(x)), tg_test_read(tg_grad(z))};
    const double *expected[3] = {y, ga, gb};
    static const char *const what[3] = {"value", "slope to a", "slope to b"};
    for (int k = 0; k < 3; k++) {
        for (size_t i = 0; i < n; i++)
            if (!tg_test_close(got[k][i], expected[k][i], 1e-15, 0))
                fail_msg("%s(%g, %g): %s %.17g, expected %.17g", name, a[i], b[i], what[k],
                         got[k][i], expected[k][i]);
        free(got[k]);
    }
}

/* ---- Second order: PyTorch 2.13, f64 ---- */

static void second_derivatives_are_those_of_pytorch(void **state) {
    (void)state;
    static const double a[4] = {0.5, 1.3, 2.0, 3.7};
    static const double b[4] = {1.5, -0.7, 3.0, 0.4};
    /* y, a, b, aa, ab, ba, bb */
    static const struct {
        const char *name;
        binary op;
        double expected[7][4];
    } cases[] = {
        {"pow",
         tg_pow,
         {{0.35355339059327379, 0.83222288357271368, 8, 1.6876434167551815},
          {1.0606601717798214, -0.44812001423146119, 12, 0.18244793694650613},
          {-0.24506453586713681, 0.21834554472156947, 5.5451774444795623, 2.2079992700073685},
          {1.0606601717798214, 0.5860030955334492, 12, -0.029586151937271255},
          {-0.02808682641486282, 0.5226007709750885, 12.317766166719343, 0.69482246615084575},
          {-0.028086826414862931, 0.5226007709750885, 12.317766166719343, 0.69482246615084564},
          {0.16986579209153746, 0.057286068240628249, 3.8436241113456111, 2.8887979107142772}}},
        {"div",
         tg_div,
         {{0.33333333333333331, -1.8571428571428574, 0.66666666666666663, 9.25},
          {0.66666666666666663, -1.4285714285714286, 0.33333333333333331, 2.5},
          {-0.22222222222222221, -2.6530612244897966, -0.22222222222222221, -23.125},
          {0, 0, 0, 0},
          {-0.44444444444444442, -2.0408163265306123, -0.1111111111111111, -6.25},
          {-0.44444444444444442, -2.0408163265306123, -0.1111111111111111, -6.25},
          {0.29629629629629628, -7.5801749271137044, 0.14814814814814814, 115.625}}},
        {"mul",
         tg_mul,
         {{0.75, -0.91, 6, 1.48},
          {1.5, -0.7, 3, 0.4},
          {0.5, 1.3, 2, 3.7},
          {0, 0, 0, 0},
          {1, 1, 1, 1},
          {1, 1, 1, 1},
          {0, 0, 0, 0}}},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        tg_tensor *x = leaf(row(TG_F64, 4, a));
        tg_tensor *z = leaf(row(TG_F64, 4, b));
        tg_tensor *y = cases[k].op(x, z);
        tg_tensor *gx = slope(y, NULL, x);
        tg_tensor *gz = slope(y, NULL, z);
        tg_tensor *all[7] = {y,
                             gx,
                             gz,
                             slope(gx, NULL, x),
                             slope(gx, NULL, z),
                             slope(gz, NULL, x),
                             slope(gz, NULL, z)};
        for (int j = 0; j < 7; j++)
            for (int i = 0; i < 4; i++)
                if (!tg_test_close(at(all[j], i), cases[k].expected[j][i], 1e-14, 1e-15))
                    fail_msg("%s, derivative %d at %g, %g: %.17g", cases[k].name, j, a[i], b[i],
                             at(all[j], i));
    }
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
    check_pairs("pow", tg_pow, CORNERS, a, b, y, ga, gb);
}

static void division_by_zero_follows_ieee(void **state) {
    (void)state;
    static const double a[] = {1, -1, 0, INF, 1, INF, NAN, 0};
    static const double b[] = {0, 0, 0, INF, INF, 2, 1, 5};
    static const double y[] = {INF, -INF, NAN, NAN, 0, INF, NAN, 0};
    static const double ga[] = {INF, INF, INF, 0, 0, .5, 1, .2};
    static const double gb[] = {-INF, INF, NAN, NAN, 0, -INF, NAN, 0};
    check_pairs("div", tg_div, 8, a, b, y, ga, gb);
}

static void ties_of_maximum_and_minimum_share_and_nan_gives_to_both(void **state) {
    (void)state;
    static const double a[] = {1, 2, 3, NAN, 1, NAN, INF, -0.0};
    static const double b[] = {2, 2, 1, 1, NAN, NAN, INF, 0};
    check_pairs("maximum", tg_maximum, 8, a, b, (double[]){2, 2, 3, NAN, NAN, NAN, INF, 0},
                (double[]){0, .5, 1, 1, 1, 1, .5, .5}, (double[]){1, .5, 0, 1, 1, 1, .5, .5});
    check_pairs("minimum", tg_minimum, 8, a, b, (double[]){1, 2, 1, NAN, NAN, NAN, INF, 0},
                (double[]){1, .5, 0, 1, 1, 1, .5, .5}, (double[]){0, .5, 1, 1, 1, 1, .5, .5});
}

static void a_tensor_with_itself_gets_both_gradients(void **state) {
    (void)state;
    tg_tensor *x = LEAF(2, -3);
    sum_backward(tg_maximum(x, x));
    assert_values(tg_grad(x), 1, 1);
    assert_ok(tg_zero_grad(&x, 1));
    sum_backward(tg_mul(x, x));
    assert_values(tg_grad(x), 4, -6);
    assert_ok(tg_zero_grad(&x, 1));
    sum_backward(tg_sub(x, x));
    assert_values(tg_grad(x), 0, 0);
    assert_ok(tg_zero_grad(&x, 1));
    sum_backward(tg_div(x, x));
    assert_values(tg_grad(x), 0, 0);
}

/* ---- C scalars ---- */

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

static void scalar_forms_compute_and_have_the_slopes_of_the_tensor_forms(void **state) {
    (void)state;
    static const struct {
        scalar op;
        double y[3], g[3];
    } cases[] = {
        {tg_add_scalar, {4, 1, 2.5}, {1, 1, 1}},      {tg_sub_scalar, {0, -3, -1.5}, {1, 1, 1}},
        {tg_rsub_scalar, {0, 3, 1.5}, {-1, -1, -1}},  {tg_mul_scalar, {4, -2, 1}, {2, 2, 2}},
        {tg_div_scalar, {1, -.5, .25}, {.5, .5, .5}}, {tg_rdiv_scalar, {1, -2, 4}, {-.5, -2, -8}},
        {tg_pow_scalar, {4, 1, .25}, {4, -2, 1}}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        tg_tensor *x = LEAF(2, -1, 0.5);
        tg_tensor *y = cases[k].op(x, 2);
        sum_backward(y);
        for (int i = 0; i < 3; i++) {
            assert_true(at(y, i) == cases[k].y[i]);
            assert_true(at(tg_grad(x), i) == cases[k].g[i]);
        }
        assert_shape(cases[k].op(tg_ones(TG_F32, TG_SHAPE(0, 2)), 2), TG_F32, TG_SHAPE(0, 2));
        assert_shape(cases[k].op(tg_scalar(TG_F32, 2), 2), TG_F32, TG_0D);
    }
}

static void scalars_round_once_to_the_tensors_dtype(void **state) {
    (void)state;
    tg_tensor *x = row(TG_F32, LIST(1));
    assert_values(tg_mul_scalar(x, 0.1), (double)0.1F);
    assert_values(tg_add_scalar(x, 1e300), INF); /* beyond f32 */
    assert_values(tg_div_scalar(row(TG_I64, LIST(1)), 3), (double)(1.0F / 3.0F));
}

/* ---- Integers and bool ---- */

static void integers_wrap_and_true_division_gives_f32(void **state) {
    (void)state;
    tg_tensor *u = row(TG_U8, LIST(250, 3));
    assert_shape(tg_add(u, u), TG_U8, TG_SHAPE(2));
    assert_values(tg_add(u, u), 244, 6);
    assert_values(tg_sub(row(TG_U8, LIST(3)), row(TG_U8, LIST(5))), 254);
    assert_values(tg_mul(row(TG_I32, LIST(65536)), row(TG_I32, LIST(65536))), 0);
    int64_t most = INT64_MAX;
    tg_tensor *top = tg_from_array(TG_I64, TG_0D, &most);
    assert_true(tg_item_i64(tg_add(top, tg_scalar_i64(1))) == INT64_MIN);
    tg_tensor *q = tg_div(row(TG_I32, LIST(7, -7, 1, 0)), row(TG_I32, LIST(2, 2, 0, 0)));
    assert_shape(q, TG_F32, TG_SHAPE(4));
    assert_values(q, 3.5, -3.5, INF, NAN);
    assert_shape(tg_div(row(TG_BOOL, LIST(1)), row(TG_U8, LIST(2))), TG_F32, TG_SHAPE(1));
    assert_values(tg_maximum(row(TG_I32, LIST(-3)), row(TG_I64, LIST(-4))), -3);
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

static void bool_adds_as_or_multiplies_as_and_and_is_refused_elsewhere(void **state) {
    (void)state;
    tg_tensor *a = row(TG_BOOL, LIST(0, 0, 1, 1));
    tg_tensor *b = row(TG_BOOL, LIST(0, 1, 0, 1));
    assert_shape(tg_add(a, b), TG_BOOL, TG_SHAPE(4));
    assert_values(tg_add(a, b), 0, 1, 1, 1);
    assert_values(tg_mul(a, b), 0, 0, 0, 1);
    assert_values(tg_maximum(a, b), 0, 1, 1, 1);
    assert_values(tg_minimum(a, b), 0, 0, 0, 1);
    assert_refused(tg_sub(a, b), TG_ERR_DTYPE, "sub: ", "bool [4]", "f32, f64, i64, i32, u8");
    assert_refused(tg_pow(a, b), TG_ERR_DTYPE, "pow: ", "bool [4]");
    assert_values(tg_sub(a, row(TG_I32, LIST(5))), -5, -5, -4, -4);
}

/* ---- In place ---- */

static void in_place_forms_give_the_bits_and_gradients_of_the_plain_ones(void **state) {
    (void)state;
    static const struct {
        binary plain, in_place;
    } pairs[] = {{tg_add, tg_add_},
                 {tg_sub, tg_sub_},
                 {tg_mul, tg_mul_},
                 {tg_div, tg_div_},
                 {tg_pow, tg_pow_}};
    for (size_t k = 0; k < sizeof pairs / sizeof *pairs; k++) {
        tg_tensor *a[2];
        tg_tensor *b[2];
        tg_tensor *y[2];
        for (int i = 0; i < 2; i++) {
            a[i] = leaf(of(TG_F64, TG_SHAPE(2, 2), LIST(1.5, 2, 3, .25)));
            b[i] = LEAF(2, -1.5);
            tg_tensor *x = tg_mul_scalar(a[i], 1);
            y[i] = i == 0 ? pairs[k].plain(x, b[i]) : pairs[k].in_place(x, b[i]);
            if (i == 1)
                assert_ptr_equal(y[i], x);
            sum_backward(tg_square(y[i]));
        }
        for (int i = 0; i < 4; i++) {
            assert_true(at(y[0], i) == at(y[1], i));
            assert_true(at(tg_grad(a[0]), i) == at(tg_grad(a[1]), i));
        }
        for (int i = 0; i < 2; i++)
            assert_true(at(tg_grad(b[0]), i) == at(tg_grad(b[1]), i));
    }
}

static void scalar_in_place_forms_write_their_tensor(void **state) {
    (void)state;
    tg_tensor *x = row(TG_F32, LIST(1, 2));
    assert_ptr_equal(tg_add_scalar_(x, 3), x);
    assert_ptr_equal(tg_mul_scalar_(x, 2), x);
    assert_ptr_equal(tg_sub_scalar_(x, 1), x);
    assert_ptr_equal(tg_div_scalar_(x, 2), x);
    assert_values(x, 3.5, 4.5);
    assert_ptr_equal(tg_pow_scalar_(x, 2), x);
    assert_values(x, 12.25, 20.25);
    assert_int_equal(tg_version_of(x), 5);
}

/* ---- Without elements ---- */

static void no_elements_and_no_dims_work_forwards_and_backwards(void **state) {
    (void)state;
    static const binary all[] = {tg_add, tg_sub, tg_mul, tg_div, tg_pow, tg_maximum, tg_minimum};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        tg_tensor *a = leaf(tg_ones(TG_F64, TG_SHAPE(0, 3)));
        tg_tensor *b = leaf(tg_ones(TG_F32, TG_SHAPE(3)));
        tg_tensor *y = all[k](a, b);
        assert_shape(y, TG_F64, TG_SHAPE(0, 3));
        sum_backward(y);
        assert_shape(tg_grad(a), TG_F64, TG_SHAPE(0, 3));
        assert_shape(tg_grad(b), TG_F32, TG_SHAPE(3));
        assert_values(tg_grad(b), 0, 0, 0);
        tg_tensor *c = leaf(number(2));
        y = all[k](c, number(2));
        assert_shape(y, TG_F64, TG_0D);
        assert_ok(tg_backward(y));
        assert_shape(tg_grad(c), TG_F64, TG_0D);
    }
}

TG_TEST_MAIN(tg_scoped(second_derivatives_are_those_of_pytorch),
             tg_scoped(pow_has_the_conventional_corners), tg_scoped(division_by_zero_follows_ieee),
             tg_scoped(ties_of_maximum_and_minimum_share_and_nan_gives_to_both),
             tg_scoped(a_tensor_with_itself_gets_both_gradients),
             tg_scoped(pow_with_a_scalar_exponent_has_pytorchs_corners),
             tg_scoped(the_second_slope_of_a_power_of_0_is_0),
             tg_scoped(pow_with_a_scalar_base_has_pytorchs_corners),
             tg_scoped(scalar_forms_compute_and_have_the_slopes_of_the_tensor_forms),
             tg_scoped(scalars_round_once_to_the_tensors_dtype),
             tg_scoped(integers_wrap_and_true_division_gives_f32),
             tg_scoped(integer_powers_are_exact_and_negative_ones_refused),
             tg_scoped(bool_adds_as_or_multiplies_as_and_and_is_refused_elsewhere),
             tg_scoped(in_place_forms_give_the_bits_and_gradients_of_the_plain_ones),
             tg_scoped(scalar_in_place_forms_write_their_tensor),
             tg_scoped(no_elements_and_no_dims_work_forwards_and_backwards))
