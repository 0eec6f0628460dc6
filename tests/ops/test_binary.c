/* test_binary.c - elementwise arithmetic of two inputs: values, slopes of both orders, corners,
 * C scalars, in-place forms. */
#include "pairs.h"

typedef tg_tensor *(*scalar)(tg_tensor *x, double s);

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

static void division_by_zero_follows_ieee(void **state) {
    (void)state;
    static const double a[] = {1, -1, 0, INF, 1, INF, NAN, 0};
    static const double b[] = {0, 0, 0, INF, INF, 2, 1, 5};
    static const double y[] = {INF, -INF, NAN, NAN, 0, INF, NAN, 0};
    static const double ga[] = {INF, INF, INF, 0, 0, .5, 1, .2};
    static const double gb[] = {-INF, INF, NAN, NAN, 0, -INF, NAN, 0};
    check_pairs("div", tg_div, 8, a, b, y, ga, gb);
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
    static const binary all[] = {tg_add, tg_sub, tg_mul, tg_div, tg_rsub};
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

/* ---- Other forms ---- */

static void other_names_call_the_same(void **state) {
    (void)state;
    tg_tensor *a = ROW(-6);
    tg_tensor *b = ROW(4);
    assert_values(tg_subtract(a, b), -10);
    assert_values(tg_rsub(a, b), 10);
    assert_values(tg_multiply(a, b), -24);
    assert_values(tg_divide(a, b), -1.5);
    assert_values(tg_true_divide(a, b), -1.5);
}

static void alpha_scales_the_second_operand(void **state) {
    (void)state;
    tg_tensor *a = LEAF(1, 2);
    tg_tensor *b = LEAF(3, -4);
    sum_backward(tg_add_alpha(a, b, .5));
    assert_values(tg_add_alpha(a, b, .5), 2.5, 0);
    assert_values(tg_grad(b), .5, .5);
    assert_values(tg_sub_alpha(a, b, 2), -5, 10);
    assert_values(tg_add_alpha(a, b, INF), INF, -INF);
    tg_tensor *x = ROW(1, 2);
    assert_ptr_equal(tg_add_alpha_(x, b, 2), x);
    assert_ptr_equal(tg_sub_alpha_(x, b, 1), x);
    assert_values(x, 4, -2);
    /* an integer b of a float a is not rounded to f32 first */
    assert_values(tg_add_alpha(ROW(0), row(TG_I64, LIST(16777217)), 2), 33554434);
}

static void alpha_of_integers_is_an_integer(void **state) {
    (void)state;
    tg_tensor *i = row(TG_I64, LIST(1, 2));
    assert_shape(tg_add_alpha(i, i, -3), TG_I64, TG_SHAPE(2));
    assert_values(tg_add_alpha(i, i, -3), -2, -4);
    assert_values(tg_sub_alpha(row(TG_U8, LIST(1)), row(TG_U8, LIST(3)), 2), 251);
    assert_values(tg_add_alpha(row(TG_U8, LIST(5)), row(TG_U8, LIST(3)), -1), 2);
    assert_refused(tg_add_alpha(i, i, .5), TG_ERR_DTYPE, "add_alpha: alpha = 0.5", "i64 [2]");
    assert_refused(tg_sub_alpha(i, i, 1e300), TG_ERR_DTYPE, "sub_alpha: alpha = 1e+300");
    assert_refused(tg_add_alpha(i, i, INF), TG_ERR_DTYPE, "alpha = inf");
    assert_refused(tg_add_alpha(i, i, NAN), TG_ERR_DTYPE, "alpha = nan");
    tg_tensor *p = row(TG_BOOL, LIST(1));
    assert_values(tg_add_alpha(p, p, 1), 1);
    assert_refused(tg_add_alpha(p, p, 2), TG_ERR_DTYPE, "alpha = 2", "give 1");
    assert_values(tg_add_alpha(row(TG_I32, LIST(1)), p, 2), 3);
}

/* ---- Promotion ---- */

/* An exact integer scalar is a 0-d i64: it does not widen an integer with dims, nor round. */
static void exact_integer_scalars_are_0d_tensors(void **state) {
    (void)state;
    const int64_t big = 9007199254740993; /* 2^53 + 1 */
    tg_tensor *x = tg_from_array(TG_I64, TG_SHAPE(1), &big);
    assert_true(tg_item_i64(tg_sub(x, tg_scalar_i64(big - 1))) == 1);
    assert_true(tg_item_i64(tg_mul(x, tg_scalar_i64(3))) == 3 * big);
    static const tg_dtype integers[] = {TG_I64, TG_I32, TG_U8, TG_I16, TG_I8};
    for (int k = 0; k < 5; k++) {
        tg_tensor *i = tg_cast(ROW(5, 7), integers[k]);
        assert_shape(tg_add(i, tg_scalar_i64(3)), integers[k], TG_SHAPE(2));
        assert_values(tg_cast(tg_add(i, tg_scalar_i64(3)), TG_I64), 8, 10);
        assert_shape(tg_rsub(i, tg_scalar_i64(9)), integers[k], TG_SHAPE(2));
        assert_ptr_equal(tg_mul_(i, tg_scalar_i64(2)), i);
        assert_values(tg_cast(i, TG_I64), 10, 14);
        assert_shape(tg_add_scalar(i, 3), TG_F32, TG_SHAPE(2)); /* a C scalar is a float */
    }
    assert_shape(tg_add(row(TG_F32, LIST(1)), tg_scalar_i64(3)), TG_F32, TG_SHAPE(1));
    assert_shape(tg_add(row(TG_BOOL, LIST(1)), tg_scalar_i64(3)), TG_I64, TG_SHAPE(1));
}

static void operands_promote_by_category_then_by_dims(void **state) {
    (void)state;
    static const struct {
        tg_dtype a;
        int a_dims;
        tg_dtype b;
        int b_dims;
        tg_dtype y;
    } cases[] = {
        {TG_I32, 1, TG_F64, 1, TG_F64},    {TG_F32, 1, TG_F64, 0, TG_F32},
        {TG_I64, 1, TG_F32, 0, TG_F32},    {TG_F16, 1, TG_BF16, 1, TG_F32},
        {TG_U8, 1, TG_I8, 1, TG_I16},      {TG_BOOL, 1, TG_U8, 0, TG_U8},
        {TG_U8, 1, TG_I64, 0, TG_U8},      {TG_F32, 0, TG_F64, 0, TG_F64},
        {TG_F16, 1, TG_F64, 0, TG_F16},    {TG_I64, 1, TG_F16, 1, TG_F16},
        {TG_BOOL, 1, TG_BOOL, 0, TG_BOOL}, {TG_I32, 0, TG_I64, 1, TG_I64},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const int64_t shape[1] = {2};
        tg_tensor *x = tg_ones(cases[k].a, cases[k].a_dims, shape);
        tg_tensor *z = tg_ones(cases[k].b, cases[k].b_dims, shape);
        static const binary ops[] = {tg_add, tg_mul, tg_maximum};
        for (int i = 0; i < 3; i++)
            if (tg_dtype_of(ops[i](x, z)) != cases[k].y || tg_dtype_of(ops[i](z, x)) != cases[k].y)
                fail_msg("%s with %s gives %s", tg_dtype_name(cases[k].a),
                         tg_dtype_name(cases[k].b), tg_dtype_name(tg_dtype_of(ops[i](x, z))));
    }
    assert_shape(tg_add_scalar(row(TG_I32, LIST(1)), 1.5), TG_F32, TG_SHAPE(1));
    assert_shape(tg_div(row(TG_I64, LIST(1)), row(TG_I64, LIST(2))), TG_F32, TG_SHAPE(1));
}

static void in_place_results_must_fit_the_category(void **state) {
    (void)state;
    tg_tensor *i = row(TG_I32, LIST(7));
    assert_refused(tg_div_(i, row(TG_I32, LIST(2))), TG_ERR_DTYPE, "div: ", "f32", "i32 [1]");
    assert_refused(tg_add_scalar_(i, 1), TG_ERR_DTYPE, "add: ");
    assert_refused(tg_mul_(row(TG_BOOL, LIST(1)), i), TG_ERR_DTYPE, "mul: ", "bool [1]");
    assert_refused(tg_add_alpha_(i, ROW(1), 1), TG_ERR_DTYPE, "add_alpha: ");
    assert_values(i, 7);
}

TG_TEST_MAIN(tg_scoped(second_derivatives_are_those_of_pytorch),
             tg_scoped(division_by_zero_follows_ieee),
             tg_scoped(a_tensor_with_itself_gets_both_gradients),
             tg_scoped(scalar_forms_compute_and_have_the_slopes_of_the_tensor_forms),
             tg_scoped(scalars_round_once_to_the_tensors_dtype),
             tg_scoped(integers_wrap_and_true_division_gives_f32),
             tg_scoped(bool_adds_as_or_multiplies_as_and_and_is_refused_elsewhere),
             tg_scoped(in_place_forms_give_the_bits_and_gradients_of_the_plain_ones),
             tg_scoped(scalar_in_place_forms_write_their_tensor),
             tg_scoped(no_elements_and_no_dims_work_forwards_and_backwards),
             tg_scoped(other_names_call_the_same), tg_scoped(alpha_scales_the_second_operand),
             tg_scoped(alpha_of_integers_is_an_integer),
             tg_scoped(exact_integer_scalars_are_0d_tensors),
             tg_scoped(operands_promote_by_category_then_by_dims),
             tg_scoped(in_place_results_must_fit_the_category))
