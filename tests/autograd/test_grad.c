/* test_grad.c - leaves, attached gradients, grad mode. */
#include "tg_test.h"

#include "tensors.h"

#include <tensorgrad/tensorgrad.h>

static void only_float_leaves_can_require_gradients(void **state) {
    (void)state;
    tg_tensor *i = row(TG_I64, LIST(1, 2));
    assert_refused(tg_requires_grad_(i, true), TG_ERR_DTYPE, "requires_grad_", "i64 [2]", "f64");
    assert_refused(tg_requires_grad_(row(TG_BOOL, LIST(1)), true), TG_ERR_DTYPE, "bool");
    tg_tensor *y = tg_square(LEAF(1));
    assert_refused(tg_requires_grad_(y, false), TG_ERR_STATE, "square", "tg_detach");
    assert_ptr_equal(tg_requires_grad_(y, true), y);
    assert_refused(tg_requires_grad_(NULL, true), TG_ERR_ARG, "NULL");
    tg_tensor *x = LEAF(1);
    tg_requires_grad_(x, false);
    assert_false(tg_requires_grad(x));
    assert_false(tg_requires_grad(tg_square(x)));
}

static void leaves_and_results_are_told_apart(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1);
    tg_tensor *y = tg_square(x);
    assert_true(tg_is_leaf(x));
    assert_false(tg_is_leaf(y));
    assert_string_equal(tg_grad_op(x), "");
    assert_string_equal(tg_grad_op(y), "square");
    tg_tensor *d = tg_detach(y);
    assert_true(tg_is_leaf(d));
    assert_false(tg_requires_grad(d));
    assert_ptr_equal(tg_data(d), tg_data(y));
}

static void the_mode_is_per_scope(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1);
    assert_true(tg_grad_enabled());
    tg_scope s = tg_scope_open();
    assert_true(tg_set_grad_enabled(false));
    assert_false(tg_requires_grad(tg_square(x)));
    assert_false(tg_set_grad_enabled(false));
    assert_int_equal(tg_scope_close(s), TG_OK);
    assert_true(tg_grad_enabled());
    assert_true(tg_requires_grad(tg_square(x)));
}

static void a_set_gradient_shares_memory_but_not_history(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *g = tg_square(x);
    assert_int_equal(tg_set_grad(x, g), TG_OK);
    tg_tensor *attached = tg_grad(x);
    assert_ptr_equal(tg_data(attached), tg_data(g));
    assert_ptr_not_equal(attached, g);
    assert_false(tg_requires_grad(attached));
    assert_refused(tg_requires_grad_(attached, true), TG_ERR_STATE, "attached");
    assert_int_equal(tg_set_grad(x, TG_NONE), TG_OK);
    assert_null(tg_grad(x));
    assert_values(attached, 1, 4); /* what was handed out stays */
}

static void a_gradient_must_fit_its_leaf(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    assert_denied(tg_set_grad(x, ROW(1)), TG_ERR_SHAPE, "[1]", "[2]");
    assert_denied(tg_set_grad(x, row(TG_F32, LIST(1, 2))), TG_ERR_DTYPE, "f32");
    assert_denied(tg_set_grad(x, tg_expand(number(1), TG_SHAPE(2))), TG_ERR_STATE, "overlaps");
    assert_denied(tg_set_grad(x, NULL), TG_ERR_ARG, "grad", "NULL");
    assert_denied(tg_set_grad(NULL, x), TG_ERR_ARG, "leaf");
    assert_denied(tg_set_grad(ROW(1, 2), ROW(1, 2)), TG_ERR_STATE, "tg_requires_grad_");
    assert_null(tg_grad(x));
}

static void backward_adds_into_a_set_gradient(void **state) {
    (void)state;
    tg_tensor *x = leaf(grid(TG_F64, 2, 2, LIST(1, 2, 3, 4)));
    tg_tensor *g = tg_clone(grid(TG_F64, 2, 2, LIST(10, 20, 30, 40)));
    assert_int_equal(tg_set_grad(x, tg_transpose(g, 0, 1)), TG_OK);
    uint32_t version = tg_version_of(g);
    sum_backward(tg_square(x));
    assert_values(tg_grad(x), 12, 34, 26, 48);
    assert_values(g, 12, 26, 34, 48); /* the caller's memory */
    assert_true(tg_version_of(g) > version);
}

static void attached_gradients_refuse_recorded_writes(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    sum_backward(tg_square(x));
    tg_tensor *g = tg_grad(x);
    assert_refused(tg_add_(g, x), TG_ERR_STATE, "attached gradient");
    assert_ptr_equal(tg_mul_scalar_(g, 2), g);
    assert_values(tg_grad(x), 4, 8);
}

static void zero_grad_drops_gradients(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1);
    tg_tensor *y = LEAF(2);
    sum_backward(tg_mul(x, y));
    tg_tensor *all[4] = {x, NULL, TG_NONE, y};
    assert_int_equal(tg_zero_grad(all, 4), TG_OK);
    assert_null(tg_grad(x));
    assert_null(tg_grad(y));
    assert_int_equal(tg_error_status(), TG_OK);
    assert_denied(tg_zero_grad(NULL, 2), TG_ERR_ARG, "zero_grad");
    assert_int_equal(tg_zero_grad(NULL, 0), TG_OK);
}

static void a_missing_gradient_is_no_error(void **state) {
    (void)state;
    assert_null(tg_grad(LEAF(1)));
    assert_null(tg_grad(ROW(1)));
    assert_null(tg_grad(NULL));
    assert_null(tg_grad(TG_NONE));
    assert_int_equal(tg_error_status(), TG_OK);
}

/* ---- Gradients of results ---- */

static void a_result_keeps_its_gradient_when_asked(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *h = tg_square(x);
    tg_tensor *other = tg_exp(x);
    assert_false(tg_retains_grad(h));
    assert_ok(tg_retain_grad(h));
    assert_ok(tg_retain_grad(h)); /* once */
    assert_true(tg_retains_grad(h));
    assert_null(tg_grad(h));
    tg_backward_options o = TG_BACKWARD_OPTIONS_INIT;
    o.retain_graph = true;
    tg_tensor *y = tg_sum(tg_add(tg_mul_scalar(h, 3), tg_mul(h, other)), TG_ALL, false);
    assert_ok(tg_backward_ex(&y, 1, &o));
    assert_values_near(tg_grad(h), 1e-15, 3 + exp(1), 3 + exp(2));
    assert_null(tg_grad(other));
    assert_false(tg_requires_grad(tg_grad(h)));
    tg_tensor *first = tg_grad(h);
    assert_ok(tg_backward_ex(&y, 1, &o));
    assert_ptr_equal(tg_grad(h), first); /* added into, as that of a leaf */
    assert_values_near(first, 1e-15, 2 * (3 + exp(1)), 2 * (3 + exp(2)));
    assert_ok(tg_zero_grad(&h, 1));
    assert_null(tg_grad(h));
    assert_ok(tg_set_grad(h, ROW(10, 20)));
    tg_tensor *g;
    assert_ok(tg_gradients(&y, 1, &x, 1, NULL, &g));
    assert_values(tg_grad(h), 10, 20);
}

static void a_kept_gradient_follows_writes_in_place(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *h = tg_mul_scalar(x, 2);
    assert_ok(tg_retain_grad(h));
    tg_mul_scalar_(h, 5);
    sum_backward(tg_mul_scalar(h, 3));
    assert_values(tg_grad(h), 3, 3); /* of what h is now, not 15 of what it was */
    assert_values(tg_grad(x), 30, 30);
}

static void keeping_leads_to_no_cycle(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *h = tg_square(x);
    assert_ok(tg_retain_grad(h));
    tg_tensor *root = tg_keep(tg_sum(h, TG_ALL, false));
    assert_ok(tg_scope_close(s)); /* h goes before the graph does */
    assert_ok(tg_backward(root));
    tg_release(root);
    assert_int_equal(tg_live_nodes(), 0);
}

static void gradients_are_kept_of_what_has_some(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1);
    assert_ok(tg_retain_grad(x)); /* it does so anyway */
    assert_false(tg_retains_grad(x));
    assert_false(tg_retains_grad(NULL));
    assert_denied(tg_retain_grad(ROW(1)), TG_ERR_STATE, "retain_grad", "f64 [1]",
                  "does not require gradients");
    assert_denied(tg_retain_grad(NULL), TG_ERR_ARG, "NULL");
    tg_tensor *h = tg_square(x);
    assert_denied(tg_set_grad(h, ROW(1)), TG_ERR_STATE, "no leaf");
}

int main(void) {
    const struct CMUnitTest tests[] = {tg_scoped(only_float_leaves_can_require_gradients),
                                       tg_scoped(leaves_and_results_are_told_apart),
                                       tg_scoped(the_mode_is_per_scope),
                                       tg_scoped(a_set_gradient_shares_memory_but_not_history),
                                       tg_scoped(a_gradient_must_fit_its_leaf),
                                       tg_scoped(backward_adds_into_a_set_gradient),
                                       tg_scoped(attached_gradients_refuse_recorded_writes),
                                       tg_scoped(zero_grad_drops_gradients),
                                       tg_scoped(a_missing_gradient_is_no_error),
                                       tg_scoped(a_result_keeps_its_gradient_when_asked),
                                       tg_scoped(a_kept_gradient_follows_writes_in_place),
                                       tg_scoped(keeping_leads_to_no_cycle),
                                       tg_scoped(gradients_are_kept_of_what_has_some)};
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
