/* test_copy.c - cast, clone, contiguous, copy_, fill_. */
#include "tensors.h"

#define INF INFINITY

/* ---- cast ---- */

static void casts_to_integers_truncate_and_saturate(void **state) {
    (void)state;
    tg_tensor *x = ROW(2.7, -2.7, NAN, INF, -INF, 1e30, -1e30, 0.999, -0.0);
    assert_values(tg_cast(x, TG_I64), 2, -2, 0, (double)INT64_MAX, (double)INT64_MIN,
                  (double)INT64_MAX, (double)INT64_MIN, 0, 0);
    assert_true(tg_item_i64(tg_cast(number(INF), TG_I64)) == INT64_MAX);
    assert_values(tg_cast(x, TG_I32), 2, -2, 0, INT32_MAX, INT32_MIN, INT32_MAX, INT32_MIN, 0, 0);
    assert_values(tg_cast(x, TG_U8), 2, 0, 0, 255, 0, 255, 0, 0, 0);
    assert_values(tg_cast(tg_cast(x, TG_F32), TG_I32), 2, -2, 0, INT32_MAX, INT32_MIN, INT32_MAX,
                  INT32_MIN, 0, 0);
    assert_values(tg_cast(ROW(2147483647, 2147483648, -2147483648.0, -2147483649.0), TG_I32),
                  INT32_MAX, INT32_MAX, INT32_MIN, INT32_MIN);
}

static void casts_to_bool_ask_whether_it_is_not_zero(void **state) {
    (void)state;
    assert_values(tg_cast(ROW(0, -0.0, 0.25, NAN, 5e-324, -1), TG_BOOL), 0, 0, 1, 1, 1, 1);
    assert_values(tg_cast(row(TG_I64, LIST(0, 256, 4294967296, -1)), TG_BOOL), 0, 1, 1, 1);
}

static void casts_between_integers_wrap(void **state) {
    (void)state;
    tg_tensor *x = row(TG_I64, LIST(4294967297, -1, 300, 2147483648));
    assert_values(tg_cast(x, TG_I32), 1, -1, 300, INT32_MIN);
    assert_values(tg_cast(x, TG_U8), 1, 255, 44, 0);
    assert_values(tg_cast(row(TG_U8, LIST(200)), TG_I32), 200);
}

static void casts_between_floats_round_to_nearest(void **state) {
    (void)state;
    assert_values(tg_cast(ROW(0.1, 1e300, -1e300, 1e-300, NAN, 16777217), TG_F32), (double)0.1F,
                  INF, -INF, 0, NAN, 16777216);
    assert_values(tg_cast(row(TG_F32, LIST(0.1)), TG_F64), (double)0.1F);
}

static void the_gradient_of_a_cast_is_cast_back(void **state) {
    (void)state;
    tg_tensor *x = leaf(row(TG_F32, LIST(1, 2)));
    tg_tensor *y = tg_cast(x, TG_F64);
    assert_shape(y, TG_F64, TG_SHAPE(2));
    assert_string_equal(tg_grad_op(y), "cast");
    sum_backward(tg_mul_scalar(tg_square(y), 0.1));
    assert_shape(tg_grad(x), TG_F32, TG_SHAPE(2));
    assert_values(tg_grad(x), (double)0.2F, (double)0.4F);
}

static void a_cast_to_integers_is_a_leaf(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1.5, 2.5);
    tg_tensor *y = tg_cast(x, TG_I64);
    assert_false(tg_requires_grad(y));
    assert_true(tg_is_leaf(y));
    assert_values(tg_mul(y, x), 1.5, 5);
    assert_false(tg_requires_grad(tg_cast(y, TG_F64)));
}

static void a_cast_to_the_same_dtype_is_a_fresh_header(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1);
    tg_tensor *y = tg_cast(x, TG_F64);
    assert_ptr_not_equal(y, x);
    assert_false(tg_is_leaf(y));
    sum_backward(tg_square(y));
    assert_values(tg_grad(x), 2);
}

static void unknown_dtypes_are_refused_by_name(void **state) {
    (void)state;
    tg_tensor *x = ROW(1);
    assert_refused(tg_cast(x, (tg_dtype)10), TG_ERR_DTYPE, "cast: ", "10", "unknown");
    assert_refused(tg_cast(x, (tg_dtype)-1), TG_ERR_DTYPE, "cast: ", "-1");
    assert_refused(tg_cast(x, (tg_dtype)1000), TG_ERR_DTYPE, "cast: ", "1000");
    assert_refused(tg_cast(TG_NONE, TG_F32), TG_ERR_ARG, "cast: ", "TG_NONE");
}

static void casting_keeps_shapes_of_any_layout(void **state) {
    (void)state;
    tg_tensor *x = tg_transpose(counting(TG_SHAPE(2, 3)), 0, 1);
    assert_shape(tg_cast(x, TG_I32), TG_I32, TG_SHAPE(3, 2));
    assert_values(tg_cast(x, TG_I32), 0, 3, 1, 4, 2, 5);
    assert_shape(tg_cast(number(3), TG_U8), TG_U8, TG_0D);
    assert_shape(tg_cast(tg_zeros(TG_F32, TG_SHAPE(2, 0)), TG_BOOL), TG_BOOL, TG_SHAPE(2, 0));
    assert_values(tg_cast(tg_expand(number(2.5), TG_SHAPE(3)), TG_I64), 2, 2, 2);
}

/* ---- clone, contiguous ---- */

static void a_clone_is_contiguous_in_memory_of_its_own(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(2, 3)));
    tg_tensor *view = tg_transpose(x, 0, 1);
    tg_tensor *y = tg_clone(view);
    assert_true(tg_is_contiguous(y));
    assert_ptr_not_equal(tg_data(y), tg_data(x));
    assert_values(y, 0, 3, 1, 4, 2, 5);
    sum_backward(tg_mul(y, counting(TG_SHAPE(3, 2))));
    assert_values(tg_grad(x), 0, 2, 4, 1, 3, 5);
    assert_values(tg_clone(tg_expand(row(TG_BOOL, LIST(1)), TG_SHAPE(3))), 1, 1, 1);
}

static void contiguous_copies_only_what_is_not(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(2, 3)));
    tg_tensor *same = tg_contiguous(x);
    assert_ptr_not_equal(same, x); /* a header of its own */
    assert_ptr_equal(tg_data(same), tg_data(x));
    tg_tensor *turned = tg_contiguous(tg_transpose(x, 0, 1));
    assert_ptr_not_equal(tg_data(turned), tg_data(x));
    assert_true(tg_is_contiguous(turned));
    assert_values(turned, 0, 3, 1, 4, 2, 5);
    sum_backward(tg_add(same, tg_transpose(turned, 0, 1)));
    assert_values(tg_grad(x), 2, 2, 2, 2, 2, 2);
}

/* ---- copy_ ---- */

static void copy_broadcasts_and_converts(void **state) {
    (void)state;
    tg_tensor *x = tg_zeros(TG_I32, TG_SHAPE(2, 3));
    assert_ptr_equal(tg_copy_(x, ROW(1.9, -2.9, 3)), x);
    assert_values(x, 1, -2, 3, 1, -2, 3);
    assert_int_equal(tg_version_of(x), 1);
    assert_non_null(tg_copy_(tg_select(x, 0, 1), tg_scalar(TG_BOOL, 1)));
    assert_values(x, 1, -2, 3, 1, 1, 1);
    assert_non_null(
        tg_copy_(tg_transpose(x, 0, 1), of(TG_U8, TG_SHAPE(3, 2), LIST(1, 2, 3, 4, 5, 6))));
    assert_values(x, 1, 3, 5, 2, 4, 6);
    tg_tensor *none = tg_zeros(TG_F32, TG_SHAPE(0, 3));
    assert_ptr_equal(tg_copy_(none, tg_ones(TG_F32, TG_SHAPE(3))), none);
}

static void copy_refuses_a_source_that_does_not_fit(void **state) {
    (void)state;
    tg_tensor *x = tg_zeros(TG_F64, TG_SHAPE(3));
    assert_refused(tg_copy_(x, ROW(1, 2)), TG_ERR_SHAPE, "copy: ", "f64 [3]", "f64 [2]");
    assert_refused(tg_copy_(x, counting(TG_SHAPE(2, 3))), TG_ERR_SHAPE, "copy: ", "f64 [2, 3]",
                   "f64 [3]");
    assert_refused(tg_copy_(number(0), ROW(1)), TG_ERR_SHAPE, "copy: ", "f64 [1]", "f64 []");
    assert_refused(tg_copy_(x, NULL), TG_ERR_ARG, "argument src is NULL");
    assert_values(x, 0, 0, 0);
    assert_int_equal(tg_version_of(x), 0);
}

static void copy_sends_the_gradient_to_the_source_alone(void **state) {
    (void)state;
    tg_tensor *w = LEAF(1, 2);
    tg_tensor *src = leaf(tg_scalar(TG_F32, 3));
    tg_tensor *x = tg_mul_scalar(w, 5);
    assert_ptr_equal(tg_copy_(x, src), x);
    assert_values(x, 3, 3);
    assert_string_equal(tg_grad_op(x), "copy");
    sum_backward(tg_mul(x, ROW(1, 10)));
    assert_values(tg_grad(w), 0, 0);
    assert_shape(tg_grad(src), TG_F32, TG_0D);
    assert_values(tg_grad(src), 11);
}

static void a_leaf_that_receives_a_value_with_gradient_becomes_a_result(void **state) {
    (void)state;
    tg_tensor *x = tg_zeros(TG_F64, TG_SHAPE(2));
    tg_tensor *w = LEAF(1, 2);
    assert_true(tg_is_leaf(x));
    assert_ptr_equal(tg_copy_(x, w), x);
    assert_false(tg_is_leaf(x));
    assert_true(tg_requires_grad(x));
    sum_backward(tg_square(x));
    assert_values(tg_grad(w), 2, 4);
}

static void integers_that_receive_a_value_with_gradient_stay_leaves(void **state) {
    (void)state;
    tg_tensor *w = LEAF(1.5, -2.5);
    tg_tensor *i = tg_zeros(TG_I64, TG_SHAPE(2));
    assert_ptr_equal(tg_copy_(i, w), i);
    assert_values(i, 1, -2);
    assert_true(tg_is_leaf(i));
    assert_false(tg_requires_grad(i));
    assert_ptr_equal(tg_index_put_(i, 1, (tg_index_item[]){TG_AT(0)}, tg_select(w, 0, 1)), i);
    assert_values(i, -2, -2);
    assert_false(tg_requires_grad(i));
    assert_false(tg_requires_grad(tg_index_put(i, 0, NULL, w)));
}

/* ---- fill_, zero_ ---- */

static void fill_writes_every_element_and_nothing_else(void **state) {
    (void)state;
    tg_tensor *x = tg_ones(TG_U8, TG_SHAPE(2, 3));
    assert_non_null(tg_fill_(tg_select(x, 1, 1), 300));
    assert_values(x, 1, 255, 1, 1, 255, 1);
    assert_ptr_equal(tg_zero_(x), x);
    assert_values(x, 0, 0, 0, 0, 0, 0);
    tg_tensor *i = tg_ones(TG_I64, TG_0D);
    tg_fill_(i, -2.9);
    assert_true(tg_item_i64(i) == -2);
    assert_values(tg_fill_(tg_zeros(TG_BOOL, TG_SHAPE(2)), NAN), 1, 1);
    assert_shape(tg_fill_(tg_zeros(TG_F32, TG_SHAPE(0)), 1), TG_F32, TG_SHAPE(0));
    assert_refused(tg_fill_(NULL, 0), TG_ERR_ARG, "argument x is NULL");
}

static void filling_cuts_the_gradient(void **state) {
    (void)state;
    tg_tensor *w = LEAF(1, 2);
    tg_tensor *x = tg_mul_scalar(w, 5);
    tg_fill_(x, 7);
    sum_backward(tg_square(x));
    assert_values(tg_grad(w), 0, 0);
    assert_refused(tg_zero_(w), TG_ERR_STATE, "leaf that requires gradients");
    bool was = no_grad();
    assert_ptr_equal(tg_zero_(w), w);
    (void)tg_set_grad_enabled(was);
    assert_values(w, 0, 0);
}

TG_TEST_MAIN(
    tg_scoped(casts_to_integers_truncate_and_saturate),
    tg_scoped(casts_to_bool_ask_whether_it_is_not_zero), tg_scoped(casts_between_integers_wrap),
    tg_scoped(casts_between_floats_round_to_nearest),
    tg_scoped(the_gradient_of_a_cast_is_cast_back), tg_scoped(a_cast_to_integers_is_a_leaf),
    tg_scoped(a_cast_to_the_same_dtype_is_a_fresh_header),
    tg_scoped(unknown_dtypes_are_refused_by_name), tg_scoped(casting_keeps_shapes_of_any_layout),
    tg_scoped(a_clone_is_contiguous_in_memory_of_its_own),
    tg_scoped(contiguous_copies_only_what_is_not), tg_scoped(copy_broadcasts_and_converts),
    tg_scoped(copy_refuses_a_source_that_does_not_fit),
    tg_scoped(copy_sends_the_gradient_to_the_source_alone),
    tg_scoped(a_leaf_that_receives_a_value_with_gradient_becomes_a_result),
    tg_scoped(integers_that_receive_a_value_with_gradient_stay_leaves),
    tg_scoped(fill_writes_every_element_and_nothing_else), tg_scoped(filling_cuts_the_gradient))
