/* test_matrix.c - trace, powers, layouts. */
#include "tensors.h"

#include "ops/matrix.h"

static tg_tensor *m23(void) { return grid(TG_F64, 2, 3, LIST(1, 2, 3, 4, 5, 6)); }

static void trace_sums_the_diagonal(void **state) {
    (void)state;
    assert_values(tg_trace(m23()), 6);
    assert_values(tg_trace(tg_zeros(TG_F64, TG_SHAPE(0, 3))), 0);
    tg_tensor *whole = tg_trace(grid(TG_I32, 2, 2, LIST(1, 2, 3, 4)));
    assert_shape(whole, TG_I64, TG_0D);
    assert_values(whole, 5);
    tg_tensor *x = leaf(m23());
    assert_values(slope(tg_trace(x), NULL, x), 1, 0, 0, 0, 1, 0);
    assert_refused(tg_trace(ROW(1)), TG_ERR_SHAPE, "trace: x is f64 [1]");
}

static void powers_of_a_matrix(void **state) {
    (void)state;
    tg_tensor *x = grid(TG_F64, 2, 2, LIST(1, 1, 0, 1));
    assert_values(tg_matrix_power(x, 10), 1, 10, 0, 1);
    assert_values(tg_matrix_power(x, 1), 1, 1, 0, 1);
    assert_values(tg_matrix_power(x, 0), 1, 0, 0, 1);
    assert_values(tg_matrix_power(x, -3), 1, -3, 0, 1);
    assert_values(tg_matrix_power(x, INT32_MAX), 1, INT32_MAX, 0, 1);
    assert_refused(tg_matrix_power(x, INT64_MIN), TG_ERR_ARG, "matrix_power: n is");
    assert_refused(tg_matrix_power(m23(), 2), TG_ERR_SHAPE, "matrix_power: x is f64 [2, 3]");
    assert_refused(tg_matrix_power(tg_zeros(TG_F64, TG_SHAPE(2, 2)), -1), TG_ERR_NUMERIC,
                   "matrix_power: the matrix", "singular");
}

static void exponentials_of_known_matrices(void **state) {
    (void)state;
    assert_values(tg_matrix_exp(tg_zeros(TG_F64, TG_SHAPE(2, 2))), 1, 0, 0, 1);
    assert_values(tg_matrix_exp(grid(TG_F64, 2, 2, LIST(0, 3, 0, 0))), 1, 3, 0, 1);
    assert_values_near(tg_matrix_exp(grid(TG_F64, 1, 1, LIST(10))), 1e-13, 22026.465794806718);
    assert_values_near(tg_matrix_exp(grid(TG_F64, 1, 1, LIST(-700))), 1e-11,
                       9.8596765437597708e-305);
    /* a rotation by 2 */
    assert_values_near(tg_matrix_exp(grid(TG_F64, 2, 2, LIST(0, 2, -2, 0))), 1e-14,
                       -0.41614683654714241, 0.90929742682568171, -0.90929742682568171,
                       -0.41614683654714241);
    tg_tensor *f = tg_matrix_exp(grid(TG_F32, 2, 2, LIST(1, 0, 0, 2)));
    assert_shape(f, TG_F32, TG_SHAPE(2, 2));
    assert_values_near(tg_diagonal(f, 0, 0, 1), 1e-6, 2.7182818284590451, 7.3890560989306504);
    assert_shape(tg_matrix_exp(tg_zeros(TG_F64, TG_SHAPE(3, 0, 0))), TG_F64, TG_SHAPE(3, 0, 0));
    assert_values(tg_matrix_exp(grid(TG_F64, 1, 1, LIST(NAN))), NAN);
    assert_refused(tg_matrix_exp(m23()), TG_ERR_SHAPE, "matrix_exp: x is f64 [2, 3]");
}

static void copies_in_columns_come_back(void **state) {
    (void)state;
    tg_tensor *x = tg_slice(counting(TG_SHAPE(2, 3, 5)), 2, 0, 5, 2);
    tg_tensor *columns = tg__columns("test", x);
    assert_shape(columns, TG_F64, TG_SHAPE(2, 3, 3));
    assert_values(columns, 0, 5, 10, 2, 7, 12, 4, 9, 14, 15, 20, 25, 17, 22, 27, 19, 24, 29);
    tg_tensor *back = tg__from_columns("test", columns);
    for (int i = 0; i < 18; i++)
        assert_true(at(back, i) == at(x, i));
    tg__unref(back);
}

TG_TEST_MAIN(tg_scoped(trace_sums_the_diagonal), tg_scoped(powers_of_a_matrix),
             tg_scoped(exponentials_of_known_matrices), tg_scoped(copies_in_columns_come_back))
