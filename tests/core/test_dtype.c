/* test_dtype.c - sizes, names and promotion of element types. */
#include "tg_tidy.h"

#include <tensorgrad/tensor.h>

static const tg_dtype all[10] = {TG_F32,  TG_F64, TG_I64, TG_I32, TG_U8,
                                 TG_BOOL, TG_I16, TG_I8,  TG_F16, TG_BF16};
static const tg_dtype unknown = (tg_dtype)-1;

static void sizes_are_those_of_the_c_types(void **state) {
    (void)state;
    assert_int_equal(tg_dtype_size(TG_F32), sizeof(float));
    assert_int_equal(tg_dtype_size(TG_F64), sizeof(double));
    assert_int_equal(tg_dtype_size(TG_I64), sizeof(int64_t));
    assert_int_equal(tg_dtype_size(TG_I32), sizeof(int32_t));
    assert_int_equal(tg_dtype_size(TG_U8), 1);
    assert_int_equal(tg_dtype_size(TG_BOOL), 1);
    assert_int_equal(tg_dtype_size(TG_I16), 2);
    assert_int_equal(tg_dtype_size(TG_I8), 1);
    assert_int_equal(tg_dtype_size(TG_F16), 2);
    assert_int_equal(tg_dtype_size(TG_BF16), 2);
}

static void unknown_numbers_have_no_size(void **state) {
    (void)state;
    assert_int_equal(tg_dtype_size(unknown), 0);
    assert_int_equal(tg_dtype_size((tg_dtype)10), 0);
    assert_int_equal(tg_dtype_size((tg_dtype)1000000), 0);
}

static void names_are_short_and_never_null(void **state) {
    (void)state;
    static const char *const names[] = {"f32",  "f64", "i64", "i32", "u8",
                                        "bool", "i16", "i8",  "f16", "bf16"};
    for (int i = 0; i < 10; i++)
        assert_string_equal(tg_dtype_name((tg_dtype)i), names[i]);
    assert_string_equal(tg_dtype_name((tg_dtype)10), "unknown");
    assert_string_equal(tg_dtype_name(unknown), "unknown");
}

static void only_floats_can_require_gradients(void **state) {
    (void)state;
    for (int i = -1; i < 12; i++)
        assert_int_equal(tg_dtype_is_float((tg_dtype)i),
                         i == TG_F32 || i == TG_F64 || i == TG_F16 || i == TG_BF16);
}

/* Rows and columns in the order of the numbers; what PyTorch's promote_types gives. */
static void promotion_agrees_with_pytorch(void **state) {
    (void)state;
    static const tg_dtype table[10][10] = {
        {TG_F32, TG_F64, TG_F32, TG_F32, TG_F32, TG_F32, TG_F32, TG_F32, TG_F32, TG_F32},
        {TG_F64, TG_F64, TG_F64, TG_F64, TG_F64, TG_F64, TG_F64, TG_F64, TG_F64, TG_F64},
        {TG_F32, TG_F64, TG_I64, TG_I64, TG_I64, TG_I64, TG_I64, TG_I64, TG_F16, TG_BF16},
        {TG_F32, TG_F64, TG_I64, TG_I32, TG_I32, TG_I32, TG_I32, TG_I32, TG_F16, TG_BF16},
        {TG_F32, TG_F64, TG_I64, TG_I32, TG_U8, TG_U8, TG_I16, TG_I16, TG_F16, TG_BF16},
        {TG_F32, TG_F64, TG_I64, TG_I32, TG_U8, TG_BOOL, TG_I16, TG_I8, TG_F16, TG_BF16},
        {TG_F32, TG_F64, TG_I64, TG_I32, TG_I16, TG_I16, TG_I16, TG_I16, TG_F16, TG_BF16},
        {TG_F32, TG_F64, TG_I64, TG_I32, TG_I16, TG_I8, TG_I16, TG_I8, TG_F16, TG_BF16},
        {TG_F32, TG_F64, TG_F16, TG_F16, TG_F16, TG_F16, TG_F16, TG_F16, TG_F16, TG_F32},
        {TG_F32, TG_F64, TG_BF16, TG_BF16, TG_BF16, TG_BF16, TG_BF16, TG_BF16, TG_F32, TG_BF16},
    };
    for (int i = 0; i < 10; i++)
        for (int j = 0; j < 10; j++)
            assert_int_equal(tg_promote_types(all[i], all[j]), table[i][j]);
}

static void promotion_is_a_least_upper_bound(void **state) {
    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(tg_promote_types(all[i], all[i]), all[i]);
        for (int j = 0; j < 10; j++) {
            tg_dtype ij = tg_promote_types(all[i], all[j]);
            assert_int_equal(ij, tg_promote_types(all[j], all[i]));
            for (int k = 0; k < 10; k++)
                assert_int_equal(tg_promote_types(ij, all[k]),
                                 tg_promote_types(all[i], tg_promote_types(all[j], all[k])));
        }
    }
}

static void promotion_with_what_is_no_dtype_gives_none(void **state) {
    (void)state;
    assert_int_equal(tg_promote_types(unknown, TG_F64), unknown);
    assert_int_equal(tg_promote_types(TG_BOOL, (tg_dtype)77), unknown);
    assert_int_equal(tg_error_status(), TG_OK);
}

TG_TEST_MAIN(tg_tidy(sizes_are_those_of_the_c_types), tg_tidy(unknown_numbers_have_no_size),
             tg_tidy(names_are_short_and_never_null), tg_tidy(only_floats_can_require_gradients),
             tg_tidy(promotion_agrees_with_pytorch), tg_tidy(promotion_is_a_least_upper_bound),
             tg_tidy(promotion_with_what_is_no_dtype_gives_none))
