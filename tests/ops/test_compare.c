/* test_compare.c - comparison, logic, predicates and where. */
#include "tensors.h"

#define INF INFINITY

typedef tg_tensor *(*binary)(tg_tensor *a, tg_tensor *b);

static const struct {
    const char *name;
    binary op;
    tg_tensor *(*scalar)(tg_tensor *x, double s);
    bool less, equal, greater, unordered;
} comparisons[] = {{"eq", tg_eq, tg_eq_scalar, false, true, false, false},
                   {"ne", tg_ne, tg_ne_scalar, true, false, true, true},
                   {"lt", tg_lt, tg_lt_scalar, true, false, false, false},
                   {"le", tg_le, tg_le_scalar, true, true, false, false},
                   {"gt", tg_gt, tg_gt_scalar, false, false, true, false},
                   {"ge", tg_ge, tg_ge_scalar, false, true, true, false}};
#define COMPARISONS (sizeof comparisons / sizeof *comparisons)

/* ---- Comparisons ---- */

static void comparisons_give_bool_in_every_dtype(void **state) {
    (void)state;
    for (size_t k = 0; k < COMPARISONS; k++)
        for (int dtype = TG_F32; dtype <= TG_BOOL; dtype++) {
            tg_tensor *a = row((tg_dtype)dtype, LIST(0, 1, 1));
            tg_tensor *b = row((tg_dtype)dtype, LIST(1, 1, 0));
            tg_tensor *y = comparisons[k].op(a, b);
            assert_shape(y, TG_BOOL, TG_SHAPE(3));
            assert_values(y, comparisons[k].less, comparisons[k].equal, comparisons[k].greater);
            assert_values(comparisons[k].scalar(a, 1), comparisons[k].less, comparisons[k].equal,
                          comparisons[k].equal);
        }
}

static void nan_is_unordered_and_zeros_are_equal(void **state) {
    (void)state;
    tg_tensor *a = ROW(NAN, 1, NAN, 0, INF, -INF);
    tg_tensor *b = ROW(1, NAN, NAN, -0.0, INF, INF);
    for (size_t k = 0; k < COMPARISONS; k++) {
        bool n = comparisons[k].unordered;
        assert_values(comparisons[k].op(a, b), n, n, n, comparisons[k].equal, comparisons[k].equal,
                      comparisons[k].less);
        assert_values(comparisons[k].scalar(ROW(0), NAN), n);
    }
}

static void comparisons_promote_and_broadcast(void **state) {
    (void)state;
    tg_tensor *i = of(TG_I32, TG_SHAPE(2, 1), LIST(1, 2));
    tg_tensor *f = row(TG_F64, LIST(1, 1.5, 2));
    assert_shape(tg_lt(i, f), TG_BOOL, TG_SHAPE(2, 3));
    assert_values(tg_lt(i, f), 0, 1, 1, 0, 0, 0);
    assert_values(tg_eq_scalar(i, 1.5), 0, 0); /* not 1 == (int)1.5 */
    assert_values(tg_gt_scalar(row(TG_U8, LIST(0, 255)), -1), 1, 1);
    assert_values(tg_eq(row(TG_U8, LIST(255)), row(TG_I32, LIST(-1))), 0);
    /* i64 against i64 is exact beyond 2^53 */
    const int64_t big[2] = {9007199254740993, 9007199254740992};
    tg_tensor *x = tg_from_array(TG_I64, TG_SHAPE(2), big);
    assert_values(tg_eq(x, tg_scalar_i64(big[0])), 1, 0);
    assert_refused(tg_le(i, tg_ones(TG_F32, TG_SHAPE(3, 3))), TG_ERR_SHAPE, "le: ", "[2, 1]",
                   "[3, 3]");
}

static void results_of_comparisons_are_leaves(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    for (size_t k = 0; k < COMPARISONS; k++) {
        tg_tensor *y = comparisons[k].op(x, x);
        assert_false(tg_requires_grad(y));
        assert_true(tg_is_leaf(y));
    }
    assert_false(tg_requires_grad(tg_logical_not(x)));
    assert_false(tg_requires_grad(tg_isnan(x)));
    assert_denied(tg_backward(tg_sum(tg_gt_scalar(x, 0), TG_ALL, false)), TG_ERR_STATE,
                  "does not require gradients");
}

/* ---- Logic ---- */

static void logic_counts_every_nonzero_as_true(void **state) {
    (void)state;
    for (int dtype = TG_F32; dtype <= TG_BOOL; dtype++) {
        tg_tensor *a = row((tg_dtype)dtype, LIST(0, 0, 2, 3));
        tg_tensor *b = row((tg_dtype)dtype, LIST(0, 5, 0, 7));
        assert_shape(tg_logical_and(a, b), TG_BOOL, TG_SHAPE(4));
        assert_values(tg_logical_and(a, b), 0, 0, 0, 1);
        assert_values(tg_logical_or(a, b), 0, 1, 1, 1);
        assert_values(tg_logical_xor(a, b), 0, 1, 1, 0);
        assert_shape(tg_logical_not(a), TG_BOOL, TG_SHAPE(4));
        assert_values(tg_logical_not(a), 1, 1, 0, 0);
    }
    tg_tensor *odd = ROW(NAN, INF, -0.0, 5e-324, 0.25, -1);
    assert_values(tg_logical_not(odd), 0, 0, 1, 0, 0, 0);
    assert_values(tg_logical_and(odd, tg_scalar(TG_I64, -9)), 1, 1, 0, 1, 1, 1);
    assert_values(tg_logical_xor(row(TG_I64, LIST(256, 4294967296)), row(TG_U8, LIST(1, 0))), 0, 1);
}

/* ---- Predicates ---- */

static void predicates_tell_nan_and_finite(void **state) {
    (void)state;
    tg_tensor *x = ROW(NAN, INF, -INF, 0, 1.7e308, -5e-324);
    assert_shape(tg_isnan(x), TG_BOOL, TG_SHAPE(6));
    assert_values(tg_isnan(x), 1, 0, 0, 0, 0, 0);
    assert_values(tg_isfinite(x), 0, 0, 0, 1, 1, 1);
    tg_tensor *f = row(TG_F32, LIST(NAN, INF, 3e38, -NAN));
    assert_values(tg_isnan(f), 1, 0, 0, 1);
    assert_values(tg_isfinite(f), 0, 0, 1, 0);
    for (int dtype = TG_I64; dtype <= TG_BOOL; dtype++) {
        assert_values(tg_isnan(row((tg_dtype)dtype, LIST(0, 1))), 0, 0);
        assert_values(tg_isfinite(row((tg_dtype)dtype, LIST(0, 1))), 1, 1);
    }
    assert_values(tg_isnan(tg_transpose(grid(TG_F64, 2, 2, LIST(1, NAN, 3, 4)), 0, 1)), 0, 0, 1, 0);
}

static void results_have_the_shape_also_without_elements(void **state) {
    (void)state;
    tg_tensor *none = tg_zeros(TG_F64, TG_SHAPE(2, 0));
    assert_shape(tg_eq(none, none), TG_BOOL, TG_SHAPE(2, 0));
    assert_shape(tg_isnan(none), TG_BOOL, TG_SHAPE(2, 0));
    assert_shape(tg_logical_not(none), TG_BOOL, TG_SHAPE(2, 0));
    assert_shape(tg_logical_or(none, tg_scalar(TG_F32, 1)), TG_BOOL, TG_SHAPE(2, 0));
    assert_shape(tg_lt(number(1), number(2)), TG_BOOL, TG_0D);
}

/* ---- where ---- */

static void where_chooses_and_sends_the_gradient_to_the_chosen(void **state) {
    (void)state;
    tg_tensor *c = of(TG_BOOL, TG_SHAPE(2, 1), LIST(1, 0));
    tg_tensor *a = LEAF(1, 2, 3);
    tg_tensor *b = leaf(number(9));
    tg_tensor *y = tg_where(c, a, b);
    assert_shape(y, TG_F64, TG_SHAPE(2, 3));
    assert_values(y, 1, 2, 3, 9, 9, 9);
    sum_backward(tg_mul(y, counting(TG_SHAPE(2, 3))));
    assert_values(tg_grad(a), 0, 1, 2);
    assert_shape(tg_grad(b), TG_F64, TG_0D);
    assert_values(tg_grad(b), 12);
}

static void where_keeps_nan_of_the_other_branch_out(void **state) {
    (void)state;
    tg_tensor *a = LEAF(NAN, 2, INF);
    tg_tensor *b = LEAF(1, NAN, 3);
    tg_tensor *c = row(TG_BOOL, LIST(0, 1, 0));
    tg_tensor *y = tg_where(c, a, b);
    assert_values(y, 1, 2, 3);
    sum_backward(tg_square(y));
    assert_values(tg_grad(a), 0, 4, 0);
    assert_values(tg_grad(b), 2, 0, 6);
}

/* As PyTorch: the zero that reaches the other branch meets its infinite slope there. */
static void the_slope_of_a_branch_not_taken_is_zero_times_its_own(void **state) {
    (void)state;
    tg_tensor *x = LEAF(0, 1);
    sum_backward(tg_where(tg_gt_scalar(x, 0), tg_log(x), number(0)));
    assert_values(tg_grad(x), NAN, 1);
}

static void where_has_second_derivatives(void **state) {
    (void)state;
    tg_tensor *x = LEAF(2, -3);
    tg_tensor *y = tg_where(tg_gt_scalar(x, 0), tg_mul(x, tg_square(x)), tg_square(x));
    tg_tensor *g = slope(y, NULL, x);
    assert_values(g, 12, -6);
    assert_values(slope(g, NULL, x), 12, 2);
}

static void where_promotes_its_branches(void **state) {
    (void)state;
    tg_tensor *c = row(TG_BOOL, LIST(1, 0));
    tg_tensor *a = leaf(row(TG_F32, LIST(1, 2)));
    tg_tensor *y = tg_where(c, a, row(TG_F64, LIST(3, 4)));
    assert_shape(y, TG_F64, TG_SHAPE(2));
    sum_backward(y);
    assert_shape(tg_grad(a), TG_F32, TG_SHAPE(2));
    assert_values(tg_grad(a), 1, 0);
    assert_shape(tg_where(c, row(TG_I64, LIST(1, 2)), row(TG_U8, LIST(3, 4))), TG_I64, TG_SHAPE(2));
    assert_shape(tg_where(c, c, tg_logical_not(c)), TG_BOOL, TG_SHAPE(2));
}

static void where_refuses_other_conditions_and_shapes(void **state) {
    (void)state;
    tg_tensor *x = ROW(1, 2, 3);
    assert_refused(tg_where(row(TG_U8, LIST(1, 0, 1)), x, x), TG_ERR_DTYPE, "where: ", "u8 [3]",
                   "bool");
    assert_refused(tg_where(row(TG_BOOL, LIST(1, 0)), x, x), TG_ERR_SHAPE, "where: ", "bool [2]",
                   "f64 [3]");
    assert_refused(tg_where(row(TG_BOOL, LIST(1)), x, ROW(1, 2)), TG_ERR_SHAPE,
                   "where: ", "f64 [3]", "f64 [2]");
    assert_refused(tg_where(NULL, x, x), TG_ERR_ARG, "where: ", "argument condition is NULL");
    assert_shape(
        tg_where(tg_scalar(TG_BOOL, 1), tg_zeros(TG_F32, TG_SHAPE(0)), tg_scalar(TG_F32, 1)),
        TG_F32, TG_SHAPE(0));
}

static void where_takes_a_number_for_a_branch(void **state) {
    (void)state;
    tg_tensor *c = row(TG_BOOL, LIST(1, 0));
    tg_tensor *x = leaf(row(TG_F32, LIST(1, 2)));
    tg_tensor *y = tg_where_scalar(c, x, .1);
    assert_shape(y, TG_F32, TG_SHAPE(2));
    assert_values(y, 1, (double).1F);
    sum_backward(y);
    assert_values(tg_grad(x), 1, 0);
    assert_values(tg_rwhere_scalar(c, x, .5), .5, 2);
    assert_shape(tg_rwhere_scalar(c, row(TG_I64, LIST(1, 2)), .5), TG_F32, TG_SHAPE(2));
    assert_shape(tg_where(c, row(TG_I32, LIST(1, 2)), tg_scalar_i64(7)), TG_I32, TG_SHAPE(2));
    assert_refused(tg_where_scalar(c, NULL, 1), TG_ERR_ARG, "where: ", "is NULL");
    assert_refused(tg_where_scalar(NULL, x, 1), TG_ERR_ARG, "where: ", "condition is NULL");
}

/* ---- where_safe ---- */

static void where_safe_before_a_function_keeps_its_slopes_finite(void **state) {
    (void)state;
    tg_tensor *x = LEAF(0, -1, 2, NAN);
    tg_tensor *ok = tg_gt_scalar(x, 0);
    tg_tensor *y = tg_where_scalar(ok, tg_log(tg_where_safe(ok, x, 1)), 0);
    assert_values_near(y, 1e-15, 0, 0, 0.69314718055994531, 0);
    tg_tensor *g = slope(y, NULL, x);
    assert_values(g, 0, 0, .5, 0);
    assert_values(slope(g, NULL, x), 0, 0, -.25, 0);
    /* √ has an infinite slope at 0, of every order */
    ok = tg_ne_scalar(x, 0);
    g = slope(tg_where_scalar(ok, tg_sqrt(tg_abs(tg_where_safe(ok, x, 4))), 0), NULL, x);
    assert_values_near(g, 1e-15, 0, -.5, 0.35355339059327379, NAN);
    assert_values(tg_select(slope(g, NULL, x), 0, 0), 0);
}

/* Whatever comes back for an element that is not chosen: its gradient is exactly 0. */
static void where_safe_lets_no_gradient_through_to_what_is_not_chosen(void **state) {
    (void)state;
    tg_tensor *x = LEAF(INF, 3, NAN);
    tg_tensor *y = tg_where_safe(row(TG_BOOL, LIST(0, 1, 0)), x, 1);
    assert_values(y, 1, 3, 1);
    assert_values(slope(y, ROW(NAN, 2, INF), x), 0, 2, 0);
    assert_refused(tg_where_safe(row(TG_BOOL, LIST(1)), x, NAN), TG_ERR_ARG,
                   "where_safe: ", "fill is nan");
    assert_refused(tg_where_safe(row(TG_BOOL, LIST(1)), x, INF), TG_ERR_ARG, "fill is inf");
    assert_refused(tg_where_safe(ROW(1), x, 1), TG_ERR_DTYPE, "where_safe: ", "bool");
    assert_refused(tg_where_safe(row(TG_BOOL, LIST(1, 0)), x, 1), TG_ERR_SHAPE, "where_safe: ");
}

/* ---- Closeness ---- */

static void isclose_compares_with_both_tolerances(void **state) {
    (void)state;
    tg_tensor *a = LEAF(1, 1, INF, INF, NAN, 0, 1, 1e-9);
    tg_tensor *b = ROW(1.000009, 1.1, INF, -INF, NAN, 1e-9, INF, 0);
    tg_tensor *y = tg_isclose(a, b, 1e-5, 1e-8, false);
    assert_shape(y, TG_BOOL, TG_SHAPE(8));
    assert_false(tg_requires_grad(y));
    assert_values(y, 1, 0, 1, 0, 0, 1, 0, 1);
    assert_values(tg_isclose(a, b, .2, 0, true), 1, 1, 1, 0, 1, 0, 0, 0);
    assert_values(tg_isclose(a, b, 0, 0, false), 0, 0, 1, 0, 0, 0, 0, 0);
    /* b is the reference */
    assert_values(tg_isclose(ROW(100, 110), ROW(110, 100), .095, 0, false), 1, 0);
    tg_tensor *i = row(TG_I64, LIST(100, 100));
    assert_values(tg_isclose(i, row(TG_I64, LIST(101, 150)), .02, 0, false), 1, 0);
    assert_values(tg_isclose(row(TG_U8, LIST(1)), row(TG_U8, LIST(2)), 0, 1, false), 1);
    assert_shape(tg_isclose(ROW(1, 2), of(TG_F32, TG_SHAPE(3, 1), LIST(1, 2, 3)), 0, 0, false),
                 TG_BOOL, TG_SHAPE(3, 2));
    assert_refused(tg_isclose(a, b, -1, 0, false), TG_ERR_ARG, "isclose: rtol is -1");
    assert_refused(tg_isclose(a, b, 0, NAN, false), TG_ERR_ARG, "isclose: ", "atol is nan");
    assert_refused(tg_isclose(a, b, INF, 0, false), TG_ERR_ARG, "isclose: rtol is inf");
    assert_refused(tg_isclose(ROW(1, 2), ROW(1, 2, 3), 0, 0, false), TG_ERR_SHAPE, "isclose: ");
}

static void allclose_and_equal_answer_for_the_whole(void **state) {
    (void)state;
    bool yes;
    assert_ok(tg_allclose(ROW(1, 2), ROW(1, 2.00001), 1e-4, 0, false, &yes));
    assert_true(yes);
    assert_ok(tg_allclose(ROW(1, 2), number(1), 1e-4, 0, false, &yes));
    assert_false(yes);
    assert_ok(tg_allclose(ROW(NAN), ROW(NAN), 0, 0, true, &yes));
    assert_true(yes);
    assert_ok(tg_allclose(tg_zeros(TG_F32, TG_SHAPE(0)), number(1), 0, 0, false, &yes));
    assert_true(yes); /* of nothing */
    assert_ok(tg_equal(ROW(1, 2), row(TG_I32, LIST(1, 2)), &yes));
    assert_true(yes);
    assert_ok(tg_equal(ROW(1, 1), number(1), &yes));
    assert_false(yes); /* another shape */
    assert_ok(tg_equal(ROW(NAN), ROW(NAN), &yes));
    assert_false(yes);
    assert_denied(tg_equal(NULL, ROW(1), &yes), TG_ERR_ARG, "equal: ", "argument a is NULL");
    assert_denied(tg_equal(ROW(1), TG_NONE, &yes), TG_ERR_ARG, "equal: ");
    assert_denied(tg_equal(ROW(1), ROW(1), NULL), TG_ERR_ARG, "out is NULL");
    assert_denied(tg_allclose(ROW(1), ROW(1), 0, 0, false, NULL), TG_ERR_ARG, "out is NULL");
    assert_denied(tg_allclose(ROW(1, 2), ROW(1, 2, 3), 0, 0, false, &yes), TG_ERR_SHAPE,
                  "allclose: ", "f64 [2]", "f64 [3]");
    assert_denied(tg_allclose(ROW(1), ROW(1), -1, 0, false, &yes), TG_ERR_ARG, "allclose: rtol");
}

/* ---- In place ---- */

static void comparisons_in_place_write_0_and_1_in_the_dtype(void **state) {
    (void)state;
    static const binary tensors[] = {tg_eq_, tg_ne_, tg_lt_, tg_le_, tg_gt_, tg_ge_};
    static tg_tensor *(*const scalars[])(tg_tensor *, double) = {
        tg_eq_scalar_, tg_ne_scalar_, tg_lt_scalar_, tg_le_scalar_, tg_gt_scalar_, tg_ge_scalar_};
    for (size_t k = 0; k < COMPARISONS; k++)
        for (int dtype = TG_F32; dtype <= TG_BF16; dtype++) {
            double expected[] = {comparisons[k].less, comparisons[k].equal, comparisons[k].greater};
            tg_tensor *x = tg_cast(ROW(0, 1, 1), (tg_dtype)dtype);
            assert_ptr_equal(tensors[k](x, ROW(1, 1, .5)), x);
            assert_int_equal(tg_dtype_of(x), dtype);
            assert_values(tg_cast(x, TG_F64), expected[0], expected[1], expected[2]);
            x = tg_cast(ROW(0, 1), (tg_dtype)dtype);
            assert_ptr_equal(scalars[k](x, 1), x);
            assert_values(tg_cast(x, TG_F64), expected[0], expected[1]);
        }
    tg_tensor *x = ROW(1, 2);
    assert_refused(tg_eq_(x, tg_ones(TG_F64, TG_SHAPE(3, 2))), TG_ERR_SHAPE, "eq: ", "[3, 2]");
    assert_values(x, 1, 2);
    assert_refused(tg_lt_(x, NULL), TG_ERR_ARG, "lt: ", "b is NULL");
    assert_refused(tg_lt_scalar_(NULL, 1), TG_ERR_ARG, "lt: ", "x is NULL");
}

static void logic_in_place_writes_its_tensor(void **state) {
    (void)state;
    tg_tensor *x = ROW(0, 2, 3);
    assert_ptr_equal(tg_logical_and_(x, ROW(1, 1, 0)), x);
    assert_values(x, 0, 1, 0);
    assert_ptr_equal(tg_logical_or_(x, ROW(5, 0, 0)), x);
    assert_values(x, 1, 1, 0);
    assert_ptr_equal(tg_logical_xor_(x, ROW(1, 0, 1)), x);
    assert_values(x, 0, 1, 1);
    assert_ptr_equal(tg_logical_not_(x), x);
    assert_values(x, 1, 0, 0);
}

/* The old values no longer matter: the gradient ends at the write. */
static void the_gradient_ends_at_a_comparison_in_place(void **state) {
    (void)state;
    tg_tensor *a = LEAF(1, 2);
    tg_tensor *x = tg_mul_scalar(a, 3);
    assert_ptr_equal(tg_gt_scalar_(x, 4), x);
    sum_backward(tg_mul(x, a));
    assert_values(tg_grad(a), 0, 1); /* of the product with a only */
    assert_refused(tg_eq_scalar_(a, 1), TG_ERR_STATE, "eq: ", "leaf");
    assert_values(a, 1, 2);
}

TG_TEST_MAIN(tg_scoped(comparisons_give_bool_in_every_dtype),
             tg_scoped(nan_is_unordered_and_zeros_are_equal),
             tg_scoped(comparisons_promote_and_broadcast),
             tg_scoped(results_of_comparisons_are_leaves),
             tg_scoped(logic_counts_every_nonzero_as_true),
             tg_scoped(predicates_tell_nan_and_finite),
             tg_scoped(results_have_the_shape_also_without_elements),
             tg_scoped(where_chooses_and_sends_the_gradient_to_the_chosen),
             tg_scoped(where_keeps_nan_of_the_other_branch_out),
             tg_scoped(the_slope_of_a_branch_not_taken_is_zero_times_its_own),
             tg_scoped(where_has_second_derivatives), tg_scoped(where_promotes_its_branches),
             tg_scoped(where_refuses_other_conditions_and_shapes),
             tg_scoped(where_takes_a_number_for_a_branch),
             tg_scoped(where_safe_before_a_function_keeps_its_slopes_finite),
             tg_scoped(where_safe_lets_no_gradient_through_to_what_is_not_chosen),
             tg_scoped(isclose_compares_with_both_tolerances),
             tg_scoped(allclose_and_equal_answer_for_the_whole),
             tg_scoped(comparisons_in_place_write_0_and_1_in_the_dtype),
             tg_scoped(logic_in_place_writes_its_tensor),
             tg_scoped(the_gradient_ends_at_a_comparison_in_place))
