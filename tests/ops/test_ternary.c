/* test_ternary.c - elementwise operations of three inputs. */
#include "tensors.h"

static void addcmul_broadcasts_all_three(void **state) {
    (void)state;
    tg_tensor *y = tg_addcmul(number(1), ROW(1, 2), grid(TG_F64, 2, 1, LIST(10, 20)), 0.5);
    assert_shape(y, TG_F64, TG_SHAPE(2, 2));
    assert_values(y, 6, 11, 11, 21);
}

static void addcmul_refuses_bool_and_names_all_operands(void **state) {
    (void)state;
    tg_tensor *b = tg_zeros(TG_BOOL, TG_SHAPE(2));
    assert_refused(tg_addcmul(b, b, b, 1), TG_ERR_DTYPE, "addcmul: bool [2]");
    assert_refused(tg_addcmul(ROW(1, 2), ROW(1, 2, 3), number(1), 1), TG_ERR_SHAPE,
                   "called with b: f64 []");
}

static void addcdiv_divides_truly(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 1, 1);
    tg_tensor *a = LEAF(3, 0, 3);
    tg_tensor *b = LEAF(0, 0, 4);
    tg_tensor *y = tg_addcdiv(x, a, b, .5);
    assert_values(y, INFINITY, NAN, 1.375);
    sum_backward(y);
    assert_values(tg_grad(x), 1, 1, 1);
    assert_values(tg_grad(a), INFINITY, INFINITY, .125);
    assert_values(tg_grad(b), -INFINITY, NAN, -.09375);
    tg_tensor *i = row(TG_I32, LIST(1));
    assert_shape(tg_addcdiv(i, i, row(TG_I32, LIST(2)), 1), TG_F32, TG_SHAPE(1));
    assert_values(tg_addcdiv(i, i, row(TG_I32, LIST(2)), 1), 1.5);
    assert_refused(tg_addcdiv_(i, i, i, 1), TG_ERR_DTYPE, "addcdiv: ", "i32 [1]");
    tg_tensor *z = ROW(1);
    assert_ptr_equal(tg_addcdiv_(z, ROW(3), ROW(2), 2), z);
    assert_values(z, 4);
}

/* 0.1 + 1·(0.7 - 0.1) is not 0.7: beyond the middle it counts from the other end. */
static void lerp_is_exact_at_both_ends(void **state) {
    (void)state;
    tg_tensor *a = LEAF(.1, .1, 1, 1, 1);
    tg_tensor *b = LEAF(.7, .7, 3, 3, 3);
    tg_tensor *w = LEAF(0, 1, .5, 2, -.25);
    tg_tensor *y = tg_lerp(a, b, w);
    assert_values(y, .1, .7, 2, 5, .5);
    sum_backward(y);
    assert_values(tg_grad(a), 1, 0, .5, -1, 1.25);
    assert_values(tg_grad(b), 0, 1, .5, 2, -.25);
    assert_values_near(tg_grad(w), 1e-15, .6, .6, 2, 2, 2);
    assert_values(tg_lerp(ROW(INFINITY, 1), ROW(INFINITY, NAN), number(0)), NAN, NAN);
}

static void lerp_takes_a_number_for_the_weight(void **state) {
    (void)state;
    tg_tensor *a = row(TG_F32, LIST(0, 1));
    tg_tensor *b = row(TG_F32, LIST(1, 3));
    assert_shape(tg_lerp_scalar(a, b, .1), TG_F32, TG_SHAPE(2));
    assert_values(tg_lerp_scalar(a, b, .25), .25, 1.5);
    assert_values(tg_lerp_scalar(row(TG_F32, LIST(0)), ROW(1), .1), .1); /* not rounded to f32 */
    assert_ptr_equal(tg_lerp_scalar_(a, b, .5), a);
    assert_values(a, .5, 2);
    assert_ptr_equal(tg_lerp_(a, b, tg_scalar(TG_F32, 1)), a);
    assert_values(a, 1, 3);
    assert_refused(tg_lerp_scalar(NULL, b, 1), TG_ERR_ARG, "lerp: ", "argument a is NULL");
    assert_refused(tg_lerp_scalar_(a, NULL, 1), TG_ERR_ARG, "lerp: ", "argument b is NULL");
    assert_shape(tg_lerp_scalar(tg_zeros(TG_F64, TG_SHAPE(0)), number(1), .5), TG_F64, TG_SHAPE(0));
    /* bool ends with a weight that has a gradient */
    tg_tensor *w = LEAF(.25);
    tg_tensor *p = row(TG_BOOL, LIST(1));
    sum_backward(tg_lerp(tg_logical_not(p), p, w));
    assert_values(tg_grad(w), 1);
}

/* One number for all as the last operand has a loop of its own. */
static void a_weight_of_one_element_gives_the_bits_of_many(void **state) {
    (void)state;
    tg_tensor *a = tg_arange(TG_F32, 0, 100, 1);
    tg_tensor *b = tg_mul_scalar(a, -.3);
    tg_tensor *one = tg_lerp_scalar(a, b, .7);
    tg_tensor *many = tg_lerp(a, b, tg_full(TG_F32, TG_SHAPE(100), .7));
    bool same;
    assert_ok(tg_equal(one, many, &same));
    assert_true(same);
}

TG_TEST_MAIN(tg_scoped(addcmul_broadcasts_all_three),
             tg_scoped(addcmul_refuses_bool_and_names_all_operands),
             tg_scoped(addcdiv_divides_truly), tg_scoped(lerp_is_exact_at_both_ends),
             tg_scoped(lerp_takes_a_number_for_the_weight),
             tg_scoped(a_weight_of_one_element_gives_the_bits_of_many))
