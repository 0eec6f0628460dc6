/* test_activation_gated.c - gated linear units and softmin: PyTorch 2.13, f64. */
#include "tensors.h"

static tg_tensor *input(void) { return leaf(grid(TG_F64, 1, 4, LIST(0.5, -1.5, 2, -0.25))); }

static void the_halves_gate_each_other(void **state) {
    (void)state;
    tg_tensor *x = input();
    assert_values_near(tg_glu(x, -1), 1e-15, 0.44039853898894116, -0.656735248671303);
    assert_values_near(tg_swiglu(x, 1), 1e-15, 0.6224593312018546, 0.06840957142738363);
    assert_values_near(tg_geglu(x, 1), 1e-14, 0.6914624612740131, 0.02505270047582176);
    assert_values(tg_reglu(x, 1), 1, 0);
    assert_shape(tg_glu(x, 1), TG_F64, TG_SHAPE(1, 2));
    sum_backward(tg_glu(x, 1));
    assert_values_near(tg_grad(x), 1e-14, 0.8807970779778823, 0.43782349911420193,
                       0.05249679270175331, -0.3692011241063975);
}

static void odd_sizes_and_bad_dims_are_refused(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(2, 3));
    assert_refused(tg_glu(x, 1), TG_ERR_SHAPE, "glu: ", "f64 [2, 3]", "dim 1", "even");
    assert_refused(tg_swiglu(number(1), 0), TG_ERR_SHAPE, "swiglu: ", "f64 []");
    assert_refused(tg_geglu(x, 2), TG_ERR_INDEX, "geglu: ");
    assert_refused(tg_reglu(tg_cast(x, TG_I64), 0), TG_ERR_DTYPE, "reglu: ", "i64 [2, 3]");
    assert_shape(tg_glu(tg_zeros(TG_F32, TG_SHAPE(2, 0)), 1), TG_F32, TG_SHAPE(2, 0));
}

static void softmin_prefers_the_smallest(void **state) {
    (void)state;
    assert_values_near(tg_softmin(ROW(0, 1, 3), 0), 1e-14, 0.70538451269824133, 0.25949646034241912,
                       0.035119026959339725);
    assert_refused(tg_softmin(row(TG_I64, LIST(1)), 0), TG_ERR_DTYPE, "softmin: ", "i64 [1]");
}

TG_TEST_MAIN(tg_scoped(the_halves_gate_each_other), tg_scoped(odd_sizes_and_bad_dims_are_refused),
             tg_scoped(softmin_prefers_the_smallest))
