/* test_bitwise.c - bits and divisors of integers. Values: PyTorch 2.13. */
#include "pairs.h"

static void bits_are_combined_in_every_integer_dtype_and_bool(void **state) {
    (void)state;
    static const tg_dtype signed_ones[] = {TG_I64, TG_I32, TG_I16, TG_I8};
    for (int k = 0; k < 4; k++) {
        tg_dtype t = signed_ones[k];
        tg_tensor *a = tg_cast(row(TG_I64, LIST(-1, 12, 7)), t);
        tg_tensor *b = tg_cast(row(TG_I64, LIST(100, 10, -8)), t);
        assert_int_equal(tg_dtype_of(tg_bitwise_and(a, b)), t);
        assert_values(tg_cast(tg_bitwise_and(a, b), TG_I64), 100, 8, 0);
        assert_values(tg_cast(tg_bitwise_or(a, b), TG_I64), -1, 14, -1);
        assert_values(tg_cast(tg_bitwise_xor(a, b), TG_I64), -101, 6, -1);
        assert_values(tg_cast(tg_bitwise_not(a), TG_I64), 0, -13, -8);
    }
    tg_tensor *u = row(TG_U8, LIST(200, 15));
    assert_values(tg_bitwise_and(u, tg_scalar_i64(300)), 8, 12); /* 300 is 44 as u8 */
    assert_shape(tg_bitwise_and(u, tg_scalar_i64(300)), TG_U8, TG_SHAPE(2));
    assert_values(tg_bitwise_not(u), 55, 240);
    tg_tensor *p = row(TG_BOOL, LIST(0, 0, 1, 1));
    tg_tensor *q = row(TG_BOOL, LIST(0, 1, 0, 1));
    assert_shape(tg_bitwise_xor(p, q), TG_BOOL, TG_SHAPE(4));
    assert_values(tg_bitwise_and(p, q), 0, 0, 0, 1);
    assert_values(tg_bitwise_or(p, q), 0, 1, 1, 1);
    assert_values(tg_bitwise_xor(p, q), 0, 1, 1, 0);
    assert_values(tg_bitwise_not(p), 1, 1, 0, 0);
    assert_shape(tg_bitwise_or(p, row(TG_I32, LIST(4, 4, 4, 4))), TG_I32, TG_SHAPE(4));
    assert_values(tg_bitwise_or(p, row(TG_I32, LIST(4, 4, 4, 4))), 4, 4, 5, 5);
}

static void shifts_beyond_the_type_leave_the_sign(void **state) {
    (void)state;
    tg_tensor *a = row(TG_I64, LIST(-8, -8, -8, 8, 1, 1, -1));
    tg_tensor *b = row(TG_I64, LIST(63, 64, -1, 3, 62, 0, 200));
    assert_values(tg_bitwise_left_shift(a, b), 0, 0, 0, 64, 0x1p62, 1, 0);
    assert_values(tg_bitwise_right_shift(a, b), -1, -1, -1, 1, 0, 1, -1);
    a = row(TG_I32, LIST(-8, -8, 8, 1, 3));
    b = row(TG_I32, LIST(31, 32, 3, -5, 31));
    assert_values(tg_bitwise_left_shift(a, b), 0, 0, 64, 0, INT32_MIN);
    assert_values(tg_bitwise_right_shift(a, b), -1, -1, 1, 0, 0);
    a = row(TG_U8, LIST(200, 200, 3));
    b = row(TG_U8, LIST(1, 8, 7));
    assert_values(tg_bitwise_left_shift(a, b), 144, 0, 128);
    assert_values(tg_bitwise_right_shift(a, b), 100, 0, 0);
    tg_tensor *small = tg_cast(row(TG_I64, LIST(-100, 100)), TG_I8);
    assert_values(tg_cast(tg_bitwise_right_shift(small, tg_scalar_i64(9)), TG_I64), -1, 0);
    assert_values(tg_cast(tg_bitwise_left_shift(small, tg_scalar_i64(9)), TG_I64), 0, 0);
}

static void divisors_and_multiples_are_not_negative(void **state) {
    (void)state;
    tg_tensor *a = row(TG_I64, LIST(-4, 0, 6, 0, -12, 7));
    tg_tensor *b = row(TG_I64, LIST(6, 0, -4, 5, -18, 1));
    assert_values(tg_gcd(a, b), 2, 0, 2, 5, 6, 1);
    assert_values(tg_lcm(a, b), 12, 0, 12, 0, 36, 7);
    tg_tensor *u = row(TG_U8, LIST(12, 0, 255));
    assert_values(tg_gcd(u, row(TG_U8, LIST(18, 7, 51))), 6, 7, 51);
    assert_values(tg_lcm(u, row(TG_U8, LIST(18, 7, 51))), 36, 0, 255);
    tg_tensor *lowest = tg_scalar_i64(INT64_MIN);
    assert_true(tg_item_i64(tg_gcd(lowest, tg_scalar_i64(-1))) == 1);
    assert_true(tg_item_i64(tg_gcd(lowest, tg_scalar_i64(0))) == INT64_MIN); /* has no opposite */
    assert_values(tg_gcd(row(TG_I32, LIST(12)), tg_scalar_i64(8)), 4);
    assert_shape(tg_gcd(row(TG_I32, LIST(12)), tg_scalar_i64(8)), TG_I32, TG_SHAPE(1));
}

static const struct {
    const char *name;
    binary op, in_place;
    bool takes_bool;
} all[] = {{"bitwise_and", tg_bitwise_and, tg_bitwise_and_, true},
           {"bitwise_or", tg_bitwise_or, tg_bitwise_or_, true},
           {"bitwise_xor", tg_bitwise_xor, tg_bitwise_xor_, true},
           {"bitwise_left_shift", tg_bitwise_left_shift, tg_bitwise_left_shift_, false},
           {"bitwise_right_shift", tg_bitwise_right_shift, tg_bitwise_right_shift_, false},
           {"gcd", tg_gcd, tg_gcd_, false},
           {"lcm", tg_lcm, tg_lcm_, false}};
#define ALL (sizeof all / sizeof *all)

static void floats_are_refused_and_named(void **state) {
    (void)state;
    tg_tensor *i = row(TG_I32, LIST(1, 2));
    for (size_t k = 0; k < ALL; k++) {
        const char *takes = all[k].takes_bool ? "takes i64, i32, u8, bool:" : "takes i64, i32, u8:";
        assert_refused(all[k].op(ROW(1, 2), i), TG_ERR_DTYPE, all[k].name, "f64 [2] is not", takes);
        assert_refused(all[k].op(i, row(TG_F32, LIST(1, 2))), TG_ERR_DTYPE, "f32 [2] is not");
        assert_refused(all[k].in_place(i, ROW(1, 2)), TG_ERR_DTYPE, "f64 [2] is not");
        tg_tensor *b = row(TG_BOOL, LIST(1, 0));
        if (!all[k].takes_bool)
            assert_refused(all[k].op(b, b), TG_ERR_DTYPE, "bool [2] is not");
    }
    assert_refused(tg_bitwise_not(ROW(1)), TG_ERR_DTYPE, "bitwise_not: f64 [1] is not",
                   "i64, i32, u8, bool");
    assert_values(i, 1, 2);
}

static void in_place_forms_give_what_the_plain_ones_give(void **state) {
    (void)state;
    for (size_t k = 0; k < ALL; k++) {
        tg_tensor *x = grid(TG_I32, 2, 2, LIST(12, 7, -5, 3));
        tg_tensor *y = row(TG_I32, LIST(3, 2));
        tg_tensor *expected = all[k].op(x, y);
        assert_ptr_equal(all[k].in_place(x, y), x);
        for (int i = 0; i < 4; i++)
            assert_true(at(x, i) == at(expected, i));
    }
    tg_tensor *x = row(TG_I32, LIST(5));
    assert_ptr_equal(tg_bitwise_not_(x), x);
    assert_values(x, -6);
    tg_tensor *p = row(TG_BOOL, LIST(1));
    assert_refused(tg_bitwise_or_(p, x), TG_ERR_DTYPE, "bitwise_or: ", "i32", "bool [1]");
}

static void no_elements_and_no_dims_work(void **state) {
    (void)state;
    for (size_t k = 0; k < ALL; k++) {
        assert_shape(all[k].op(tg_ones(TG_I64, TG_SHAPE(0, 3)), tg_ones(TG_I32, TG_SHAPE(3))),
                     TG_I64, TG_SHAPE(0, 3));
        assert_shape(all[k].op(tg_scalar_i64(2), tg_scalar_i64(3)), TG_I64, TG_0D);
    }
}

TG_TEST_MAIN(tg_scoped(bits_are_combined_in_every_integer_dtype_and_bool),
             tg_scoped(shifts_beyond_the_type_leave_the_sign),
             tg_scoped(divisors_and_multiples_are_not_negative),
             tg_scoped(floats_are_refused_and_named),
             tg_scoped(in_place_forms_give_what_the_plain_ones_give),
             tg_scoped(no_elements_and_no_dims_work))
