/* test_narrow.c - operations on f16, bf16, i16 and i8: computed in f32 and i32, brought back. */
#include "tensors.h"

static tg_tensor *half(size_t n, const double *values) { return row(TG_F16, n, values); }

static void results_come_back_in_the_operands_type(void **state) {
    (void)state;
    tg_tensor *y = tg_add(half(LIST(1, 2)), half(LIST(0.5, 2048)));
    assert_shape(y, TG_F16, TG_SHAPE(2));
    assert_values(y, 1.5, 2050);
    assert_shape(tg_mul_scalar(y, 0.1), TG_F16, TG_SHAPE(2));
    assert_shape(tg_sum(y, TG_ALL, false), TG_F16, TG_0D);
    assert_shape(tg_eq(y, y), TG_BOOL, TG_SHAPE(2));
    assert_shape(tg_argmax(y, 0, false), TG_I64, TG_0D);
    assert_values(tg_mul(row(TG_I8, LIST(100, -3)), row(TG_I8, LIST(2, 5))), -56, -15);
    assert_shape(tg_sum(row(TG_I8, LIST(100, 100)), TG_ALL, false), TG_I64, TG_0D);
    assert_shape(tg_div(row(TG_I16, LIST(1, 2)), row(TG_I16, LIST(2, 2))), TG_F32, TG_SHAPE(2));
}

static void they_are_created_and_printed(void **state) {
    (void)state;
    assert_values(tg_scalar(TG_BF16, 1.25), 1.25);
    assert_values(tg_arange(TG_F16, 0, 1.5, 0.5), 0, 0.5, 1);
    assert_values(tg_arange(TG_I8, -1, 2, 1), -1, 0, 1);
    assert_values(tg_eye(TG_F16, 2, 2), 1, 0, 0, 1);
    assert_values(tg_full(TG_I16, TG_SHAPE(2), 1e9), 32767, 32767); /* saturates */
    char text[80];
    assert_true(tg_format(half(LIST(0.1, 2)), text, sizeof text) > 0);
    assert_contains(text, "0.1");
    assert_contains(text, "f16");
    assert_close(tg_item(tg_scalar(TG_F16, 0.1)), 0.0999755859375, 0, 0);
    assert_int_equal(tg_item_i64(tg_scalar(TG_I8, -7)), -7);
}

static void they_mix_by_pytorchs_rules(void **state) {
    (void)state;
    tg_tensor *h = half(LIST(1, 2));
    assert_shape(tg_add(h, row(TG_BF16, LIST(1, 2))), TG_F32, TG_SHAPE(2));
    assert_shape(tg_add(h, row(TG_I64, LIST(1, 2))), TG_F16, TG_SHAPE(2));
    assert_shape(tg_add(h, number(1)), TG_F16, TG_SHAPE(2)); /* a 0-d f64 does not widen */
    assert_shape(tg_add(row(TG_U8, LIST(200, 1)), row(TG_I8, LIST(100, 1))), TG_I16, TG_SHAPE(2));
    assert_values(tg_add(row(TG_U8, LIST(200, 1)), row(TG_I8, LIST(100, 1))), 300, 2);
    assert_shape(tg_gather(h, 0, row(TG_I64, LIST(1, 0))), TG_F16, TG_SHAPE(2));
    assert_shape(tg_where(tg_zeros(TG_BOOL, TG_SHAPE(2)), h, h), TG_F16, TG_SHAPE(2));
}

static void scalars_are_not_rounded_first(void **state) {
    (void)state;
    /* 0.1 in f16 is 0.09998; 1000 of those round to 99.94, 100 is exact */
    assert_values(tg_mul_scalar(half(LIST(1000)), 0.1), 100);
}

static void gradients_arrive_in_the_leafs_type(void **state) {
    (void)state;
    tg_tensor *x = leaf(half(LIST(1, -2, 3)));
    tg_tensor *w = leaf(row(TG_F32, LIST(2, 2, 2)));
    sum_backward(tg_mul(tg_square(x), w));
    assert_shape(tg_grad(x), TG_F16, TG_SHAPE(3));
    assert_values(tg_grad(x), 4, -8, 12);
    assert_values(tg_grad(w), 1, 4, 9);
    sum_backward(tg_mul(x, w)); /* adds up in f16 */
    assert_values(tg_grad(x), 6, -6, 14);
    tg_tensor *y = tg_sum(tg_mul(tg_square(x), x), TG_ALL, false);
    tg_gradients_options o = TG_GRADIENTS_OPTIONS_INIT;
    o.create_graph = true;
    tg_tensor *g = NULL;
    assert_ok(tg_gradients(&y, 1, &x, 1, &o, &g));
    tg_tensor *s = tg_sum(g, TG_ALL, false);
    tg_tensor *h = NULL;
    assert_ok(tg_gradients(&s, 1, &x, 1, NULL, &h));
    assert_values(h, 6, -12, 18);
}

static void in_place_forms_work(void **state) {
    (void)state;
    tg_tensor *x = half(LIST(1, 2));
    assert_ptr_equal(tg_mul_(x, row(TG_F32, LIST(3, 0.5))), x);
    assert_shape(x, TG_F16, TG_SHAPE(2));
    assert_values(x, 3, 1);
    assert_ptr_equal(tg_fill_(x, 0.25), x);
    assert_values(x, 0.25, 0.25);
    tg_tensor *v = tg_mul_scalar(leaf(half(LIST(2, 4))), 1.0);
    assert_ptr_equal(tg_exp_(tg_mul_scalar_(v, 0.0)), v);
    assert_values(v, 1, 1);
    tg_tensor *i = row(TG_I8, LIST(1, 2));
    assert_refused(tg_add_(i, ROW(1.5, 1.5)), TG_ERR_DTYPE, "add: the result is f64", "i8 [2]");
    assert_refused(tg_mul_(x, grid(TG_F32, 2, 2, LIST(1, 2, 3, 4))), TG_ERR_SHAPE,
                   "mul: ", "f16 [2]");
}

static void views_and_copies_keep_the_type(void **state) {
    (void)state;
    tg_tensor *x = tg_reshape(half(LIST(1, 2, 3, 4, 5, 6)), TG_SHAPE(2, 3));
    assert_shape(tg_transpose(x, 0, 1), TG_F16, TG_SHAPE(3, 2));
    assert_values(tg_contiguous(tg_transpose(x, 0, 1)), 1, 4, 2, 5, 3, 6);
    tg_tensor *joined = tg_cat((tg_tensor *[]){x, x}, 2, 0);
    assert_shape(joined, TG_F16, TG_SHAPE(4, 3));
    assert_values(tg_select(joined, 0, 3), 4, 5, 6);
}

static void errors_name_what_came(void **state) {
    (void)state;
    assert_refused(tg_mean(row(TG_I8, LIST(1, 2)), TG_ALL, false), TG_ERR_DTYPE,
                   "mean: ", "i8 [2]");
    assert_refused(tg_matmul(half(LIST(1, 2)), half(LIST(1, 2, 3))), TG_ERR_SHAPE, "f16 [2]",
                   "f16 [3]");
}

TG_TEST_MAIN(tg_scoped(results_come_back_in_the_operands_type),
             tg_scoped(they_are_created_and_printed), tg_scoped(they_mix_by_pytorchs_rules),
             tg_scoped(scalars_are_not_rounded_first),
             tg_scoped(gradients_arrive_in_the_leafs_type), tg_scoped(in_place_forms_work),
             tg_scoped(views_and_copies_keep_the_type), tg_scoped(errors_name_what_came))
