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

TG_TEST_MAIN(tg_scoped(addcmul_broadcasts_all_three),
             tg_scoped(addcmul_refuses_bool_and_names_all_operands))
