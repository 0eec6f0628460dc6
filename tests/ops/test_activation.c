/* test_activation.c - activation functions in their corners. */
#include "tensors.h"

static void leaky_relu_has_its_slope_at_zero(void **state) {
    (void)state;
    tg_tensor *x = LEAF(-2, 0, 3);
    tg_tensor *y = tg_leaky_relu(x, 0.25);
    assert_values(y, -0.5, 0, 3);
    sum_backward(y);
    assert_values(tg_grad(x), 0.25, 0.25, 1);
}

TG_TEST_MAIN(tg_scoped(leaky_relu_has_its_slope_at_zero))
