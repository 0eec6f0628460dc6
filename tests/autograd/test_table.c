/* test_table.c - the operations as data. (Every op's attributes and errors:
 * tests/ops/test_op_table.c.) */
#include "tg_test.h"

#include "tensors.h"

#include <tensorgrad/tensorgrad.h>

static void operations_are_found_by_name_and_described(void **state) {
    (void)state;
    assert_true(tg_op_count() >= 60);
    int mul = tg_op_find("mul");
    assert_true(mul >= 0);
    assert_int_equal(tg_op_find("no_such"), -1);
    assert_int_equal(tg_op_find(NULL), -1);
    tg_op_info info;
    assert_int_equal(tg_op_describe(mul, &info), TG_OK);
    assert_string_equal(info.name, "mul");
    assert_int_equal(info.n_inputs, 2);
    assert_int_equal(info.n_outputs, 1);
    assert_true(info.differentiable);
    assert_true(info.in_place);
    assert_false(info.internal);
    assert_string_equal(info.onnx, "Mul");
    assert_denied(tg_op_describe(-1, &info), TG_ERR_INDEX, "-1");
    assert_denied(tg_op_describe(tg_op_count(), &info), TG_ERR_INDEX, "does not exist");
    assert_denied(tg_op_describe(mul, NULL), TG_ERR_ARG, "info");
}

static void attributes_have_names_types_and_defaults(void **state) {
    (void)state;
    int op = tg_op_find("var");
    tg_attr a;
    bool required;
    assert_int_equal(tg_op_attr(op, 1, &a, &required), TG_OK);
    assert_string_equal(a.name, "correction");
    assert_int_equal(a.type, TG_ATTR_FLOAT);
    assert_close(a.f, 1.0, 0, 0);
    assert_false(required);
    assert_int_equal(tg_op_attr(tg_op_find("cast"), 0, &a, &required), TG_OK);
    assert_true(required);
    assert_denied(tg_op_attr(op, 9, &a, &required), TG_ERR_INDEX, "var");
    assert_denied(tg_op_attr(-3, 0, &a, &required), TG_ERR_INDEX, "-3");
    assert_denied(tg_op_attr(op, 0, NULL, &required), TG_ERR_ARG, "out");
}

static void a_call_by_name_is_the_call(void **state) {
    (void)state;
    tg_tensor *x = leaf(grid(TG_F64, 2, 3, LIST(1, 2, 3, 4, 5, 6)));
    tg_tensor *y;
    int64_t dims[1] = {1};
    tg_attr attrs[2] = {{.name = "keepdim", .type = TG_ATTR_BOOL, .i = 1},
                        {.name = "dims", .type = TG_ATTR_DIMS, .n = 1, .ints = dims}};
    assert_int_equal(tg_op_call("sum", &x, 1, attrs, 2, &y, 1), TG_OK);
    assert_shape(y, TG_F64, TG_SHAPE(2, 1));
    assert_values(y, 6, 15);
    sum_backward(y);
    assert_values(tg_grad(x), 1, 1, 1, 1, 1, 1);
    tg_tensor *two[2];
    tg_attr dim = {.name = "dim", .type = TG_ATTR_INT, .i = 0};
    assert_int_equal(tg_op_call("max_dim", &x, 1, &dim, 1, two, 2), TG_OK);
    assert_values(two[0], 4, 5, 6);
    assert_values(two[1], 1, 1, 1);
}

static void optional_inputs_may_be_left_off(void **state) {
    (void)state;
    tg_tensor *in[3] = {grid(TG_F64, 1, 2, LIST(1, 2)), grid(TG_F64, 2, 2, LIST(1, 2, 3, 4)),
                        TG_NONE};
    tg_tensor *y;
    assert_int_equal(tg_op_call("linear", in, 2, NULL, 0, &y, 1), TG_OK);
    assert_values(y, 5, 11);
    assert_int_equal(tg_op_call("linear", in, 3, NULL, 0, &y, 1), TG_OK);
    assert_values(y, 5, 11);
    assert_denied(tg_op_call("linear", in, 1, NULL, 0, &y, 1), TG_ERR_ARG, "linear", "2 to 3");
    assert_null(y);
}

static void wrong_attributes_are_named(void **state) {
    (void)state;
    tg_tensor *x = ROW(1, 2);
    tg_tensor *y;
    tg_attr a = {.name = "dim", .type = TG_ATTR_FLOAT, .f = 0};
    assert_denied(tg_op_call("softmax", &x, 1, &a, 1, &y, 1), TG_ERR_ARG, "softmax", "dim",
                  "TG_ATTR_INT");
    assert_denied(tg_op_call("softmax", &x, 1, NULL, 0, &y, 1), TG_ERR_ARG, "dim", "required");
    assert_denied(tg_op_call("softmax", &x, 1, NULL, 1, &y, 1), TG_ERR_ARG, "NULL");
    a = (tg_attr){.name = "shape", .type = TG_ATTR_SHAPE, .n = 99};
    assert_denied(tg_op_call("reshape", &x, 1, &a, 1, &y, 1), TG_ERR_SHAPE, "shape", "99");
    a.n = 1;
    assert_denied(tg_op_call("reshape", &x, 1, &a, 1, &y, 1), TG_ERR_ARG, "NULL");
    int64_t far = 1000;
    a = (tg_attr){.name = "dims", .type = TG_ATTR_DIMS, .n = 1, .ints = &far};
    assert_denied(tg_op_call("sum", &x, 1, &a, 1, &y, 1), TG_ERR_INDEX, "1000");
    a = (tg_attr){.name = NULL, .type = TG_ATTR_INT};
    assert_denied(tg_op_call("sum", &x, 1, &a, 1, &y, 1), TG_ERR_ARG, "(null)");
    a = (tg_attr){.name = "dtype", .type = TG_ATTR_DTYPE, .i = 77};
    assert_denied(tg_op_call("cast", &x, 1, &a, 1, &y, 1), TG_ERR_DTYPE, "77");
}

static void names_that_are_no_operation_are_quoted_safely(void **state) {
    (void)state;
    tg_tensor *x = ROW(1);
    tg_tensor *y = x;
    assert_denied(tg_op_call("", &x, 1, NULL, 0, &y, 1), TG_ERR_ARG, "''");
    assert_null(y);
    assert_denied(tg_op_call("a\nb\xff", &x, 1, NULL, 0, &y, 1), TG_ERR_ARG, "\\x0a", "\\xff");
    static char longest[1 << 20];
    memset(longest, 'x', sizeof longest - 1);
    assert_denied(tg_op_call(longest, &x, 1, NULL, 0, &y, 1), TG_ERR_ARG, "...");
    assert_denied(tg_op_call("neg", &x, 1, NULL, 0, NULL, 1), TG_ERR_ARG, "out");
    assert_denied(tg_op_call("neg", NULL, 1, NULL, 0, &y, 1), TG_ERR_ARG, "neg");
    assert_denied(tg_op_call("neg", &x, -1, NULL, 0, &y, 1), TG_ERR_ARG, "neg");
    assert_denied(tg_op_call("neg", &x, 2, NULL, 0, &y, 1), TG_ERR_ARG, "neg");
}

static void integers_pass_for_float_attributes(void **state) {
    (void)state;
    tg_tensor *x = ROW(-3, 5);
    tg_tensor *y;
    tg_attr lo = {.name = "lo", .type = TG_ATTR_INT, .i = 0};
    assert_int_equal(tg_op_call("clamp", &x, 1, &lo, 1, &y, 1), TG_OK);
    assert_values(y, 0, 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {tg_scoped(operations_are_found_by_name_and_described),
                                       tg_scoped(attributes_have_names_types_and_defaults),
                                       tg_scoped(a_call_by_name_is_the_call),
                                       tg_scoped(optional_inputs_may_be_left_off),
                                       tg_scoped(wrong_attributes_are_named),
                                       tg_scoped(names_that_are_no_operation_are_quoted_safely),
                                       tg_scoped(integers_pass_for_float_attributes)};
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
