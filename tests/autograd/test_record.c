/* test_record.c - what is recorded, and what in-place writes may do. */
#include "tg_test.h"

#include "tensors.h"

#include "autograd/op.h"

#include <tensorgrad/tensorgrad.h>

static void only_what_needs_gradients_is_recorded(void **state) {
    (void)state;
    int64_t nodes = tg_live_nodes();
    tg_tensor *c = tg_mul(ROW(1, 2), ROW(3, 4));
    assert_int_equal(tg_live_nodes(), nodes);
    assert_false(tg_requires_grad(c));
    tg_tensor *y = tg_mul(LEAF(1, 2), c);
    assert_int_equal(tg_live_nodes(), nodes + 1);
    assert_true(tg_requires_grad(y));
    assert_false(tg_requires_grad(tg_gt(y, c)));
    assert_false(tg_requires_grad(tg_argmax(y, 0, false)));
}

static void unused_graphs_go_with_their_result(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    int64_t nodes = tg_live_nodes();
    tg_tensor *y = tg_exp(tg_square(tg_sin(x)));
    assert_int_equal(tg_live_nodes(), nodes + 3);
    tg_release(y);
    assert_int_equal(tg_live_nodes(), nodes + 2); /* the scope still holds the intermediates */
}

/* ---- In place ---- */

static void in_place_on_a_leaf_is_refused_with_recording_only(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    assert_refused(tg_add_scalar_(x, 1), TG_ERR_STATE, "add", "leaf", "without _");
    assert_values(x, 1, 2);
    bool was = no_grad();
    assert_ptr_equal(tg_add_scalar_(x, 1), x);
    tg_set_grad_enabled(was);
    assert_values(x, 2, 3);
    assert_int_equal(tg_version_of(x), 1);
}

static void an_intermediate_takes_the_new_history(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *y = tg_mul_scalar(x, 3);
    assert_ptr_equal(tg_square_(y), y);
    assert_string_equal(tg_grad_op(y), "square");
    assert_values(y, 9, 36);
    sum_backward(y); /* 9x^2 */
    assert_values(tg_grad(x), 18, 36);
}

static void saved_outputs_survive_their_own_write(void **state) {
    (void)state;
    tg_tensor *x = LEAF(0, 1);
    tg_tensor *y = tg_clone(x);
    sum_backward(tg_exp_(y));
    assert_values_near(tg_grad(x), 1e-15, 1, 2.718281828459045);
}

static void a_plain_leaf_that_receives_gradients_becomes_a_result(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *sum = tg_zeros(TG_F64, TG_SHAPE(2));
    for (int i = 0; i < 3; i++)
        assert_non_null(tg_add_(sum, tg_square(x)));
    assert_false(tg_is_leaf(sum));
    sum_backward(sum);
    assert_values(tg_grad(x), 6, 12);
}

static void an_operand_that_is_the_target_is_read_before_it_is_written(void **state) {
    (void)state;
    tg_tensor *x = LEAF(2, 3);
    tg_tensor *y = tg_clone(x);
    assert_non_null(tg_mul_(y, y));
    assert_values(y, 4, 9);
    sum_backward(y);
    assert_values(tg_grad(x), 4, 6);
    tg_tensor *z = ROW(1, 2, 3, 4); /* overlapping, not identical */
    tg_tensor *head = tg_narrow(z, 0, 0, 3);
    tg_tensor *tail = tg_narrow(z, 0, 1, 3);
    assert_ptr_equal(tg_add_(tail, head), tail);
    assert_values(z, 1, 3, 5, 7);
}

static void a_changed_saved_value_is_named(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *w = ROW(3, 4);
    tg_tensor *y = tg_mul(x, w);
    tg_add_scalar_(w, 1);
    tg_mul_scalar_(w, 2);
    assert_denied(tg_backward(tg_sum(y, TG_ALL, false)), TG_ERR_STATE, "mul saved input b",
                  "version 0", "version 2", "written by mul", "tg_clone");
    tg_tensor *e = tg_exp(x);
    tg_tensor *part = tg_narrow(tg_detach(e), 0, 0, 1); /* one counter for all on the memory */
    bool was = no_grad();
    tg_fill_(part, 0);
    tg_set_grad_enabled(was);
    assert_denied(tg_backward(tg_sum(e, TG_ALL, false)), TG_ERR_STATE, "exp saved its output",
                  "fill");
    assert_null(tg_grad(x));
}

static void values_that_no_rule_saved_may_change(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *w = ROW(3, 4);
    tg_tensor *y = tg_add(x, w);
    tg_fill_(w, 9);
    sum_backward(y);
    assert_values(tg_grad(x), 1, 1);
    tg_tensor *c = ROW(5, 6);
    tg_tensor *product = tg_mul(x, c); /* x is not needed: c wants no gradient */
    bool was = no_grad();
    tg_fill_(x, 7);
    tg_set_grad_enabled(was);
    sum_backward(product);
    assert_values(tg_grad(x), 6, 7);
}

/* ---- Views ---- */

static void views_that_take_part_in_gradients_are_not_written(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2, 3);
    tg_tensor *y = tg_mul_scalar(x, 1);
    tg_tensor *v = tg_narrow(y, 0, 0, 2);
    assert_refused(tg_fill_(v, 0), TG_ERR_STATE, "fill", "view", "tg_index_put_");
    tg_tensor *base = tg_zeros(TG_F64, TG_SHAPE(3));
    tg_tensor *plain = tg_narrow(base, 0, 0, 1);
    assert_ptr_equal(tg_fill_(plain, 4), plain);
    assert_refused(tg_copy_(plain, tg_narrow(x, 0, 0, 1)), TG_ERR_STATE, "copy", "view");
    tg_requires_grad_(base, true);
    assert_refused(tg_fill_(plain, 5), TG_ERR_STATE, "view");
    assert_refused(tg_fill_(tg_detach(y), 5), TG_ERR_STATE, "view");
    bool was = no_grad();
    assert_ptr_equal(tg_fill_(plain, 6), plain);
    tg_set_grad_enabled(was);
    assert_values(base, 6, 0, 0);
}

/* The loss without reduction ends in tg_contiguous, the put in tg_reshape: views of what only the
 * call has seen. */
static void results_of_composed_operations_are_nobodys_views(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *loss = tg_mse_loss(x, ROW(0, 0), TG_REDUCE_NONE);
    assert_ptr_equal(tg_mul_(loss, ROW(3, 5)), loss);
    assert_values(loss, 3, 20);
    assert_values(slope(loss, NULL, x), 6, 20);
    tg_tensor *put = tg_put(x, tg_zeros(TG_I64, TG_SHAPE(1)), ROW(7), false);
    assert_ptr_equal(tg_square_(put), put);
    assert_values(slope(put, NULL, x), 0, 4);
    tg_tensor *product =
        tg_einsum("ij,jk->ki",
                  (tg_tensor *[]){tg_reshape(x, TG_SHAPE(1, 2)), tg_reshape(x, TG_SHAPE(2, 1))}, 2);
    assert_ptr_equal(tg_mul_scalar_(product, 3), product);
    assert_values(slope(product, NULL, x), 6, 12);
    tg_tensor *part = tg_select(x, 0, 0); /* a view of x still is one */
    assert_denied(tg_mul_scalar_(part, 2) != NULL ? TG_OK : tg_error_status(), TG_ERR_STATE,
                  "view");
}

static void index_put_writes_a_part_through_the_base(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2, 3);
    tg_tensor *v = LEAF(10);
    tg_tensor *y = tg_mul_scalar(x, 2);
    assert_ptr_equal(tg_index_put_(y, 1, &(tg_index_item)TG_AT(1), tg_reshape(v, TG_0D)), y);
    assert_values(y, 2, 10, 6);
    sum_backward(tg_square(y));
    assert_values(tg_grad(x), 8, 0, 24);
    assert_values(tg_grad(v), 20);
}

static void a_view_older_than_a_recorded_write_is_stale(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *y = tg_zeros(TG_F64, TG_SHAPE(2));
    tg_tensor *old = tg_narrow(y, 0, 0, 1);
    tg_tensor *detached = tg_detach(y);
    assert_non_null(tg_add_(y, x));
    assert_refused(tg_square(old), TG_ERR_STATE, "square", "view made before", "add");
    tg_tensor *fresh = tg_narrow(y, 0, 0, 1);
    sum_backward(tg_square(fresh));
    assert_values(tg_grad(x), 2, 0);
    assert_values(tg_square(detached), 1, 4); /* no history to miss */
    bool was = no_grad();
    assert_values(tg_square(old), 1);
    tg_set_grad_enabled(was);
}

static void expanded_memory_is_not_written(void **state) {
    (void)state;
    tg_tensor *e = tg_expand(ROW(1), TG_SHAPE(3));
    assert_refused(tg_add_scalar_(e, 1), TG_ERR_STATE, "overlaps", "tg_clone");
    assert_null(tg_data_mut(e));
    assert_int_equal(tg_error_status(), TG_ERR_STATE);
    tg_error_clear();
}

/* ---- Cycles ---- */

static void a_tensor_saved_and_then_written_with_its_own_result_is_freed(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    tg_tensor *w = LEAF(2, 2);
    tg_tensor *x = tg_clone(LEAF(3, 4));
    tg_tensor *y = tg_mul(x, w);    /* saves x */
    assert_non_null(tg_add_(x, y)); /* x now depends on the node that saved it */
    tg_tensor *plain = ROW(1, 1);
    tg_tensor *z = tg_mul(plain, w); /* the same for a leaf without gradient */
    assert_non_null(tg_add_(plain, z));
    assert_int_equal(tg_scope_close(s), TG_OK);
    assert_int_equal(tg_live_tensors(), 0);
    assert_int_equal(tg_live_nodes(), 0);
}

static void in_place_calls_do_nothing_in_a_shut_scope(void **state) {
    (void)state;
    tg_tensor *x = ROW(1, 2);
    tg_scope s = tg_scope_open();
    assert_null(tg_add(x, NULL));
    assert_null(tg_add_scalar_(x, 1));
    assert_null(tg_index_put_(x, 0, NULL, x));
    assert_int_equal(tg_scope_close(s), TG_ERR_ARG);
    tg_error_clear();
    assert_values(x, 1, 2);
}

static void a_missing_rule_is_told_when_the_call_is_recorded(void **state) {
    (void)state;
    tg__op without = tg__op_mul;
    without.name = "twist";
    without.rule = NULL;
    tg_tensor *x = ROW(1, 2);
    tg_tensor *w = LEAF(3, 4);
    assert_ok(tg_name(w, "w"));
    assert_values(tg__apply2(&without, x, x, NULL), 1, 4);
    int64_t nodes = tg_live_nodes();
    assert_refused(tg__apply2(&without, x, w, NULL), TG_ERR_UNSUPPORTED, "twist: has no derivative",
                   "input b (f64 [2] 'w')", "tg_detach");
    assert_int_equal(tg_live_nodes(), nodes);
    bool was = no_grad();
    assert_values(tg__apply2(&without, x, w, NULL), 3, 8);
    tg_set_grad_enabled(was);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        tg_scoped(only_what_needs_gradients_is_recorded),
        tg_scoped(unused_graphs_go_with_their_result),
        tg_scoped(in_place_on_a_leaf_is_refused_with_recording_only),
        tg_scoped(an_intermediate_takes_the_new_history),
        tg_scoped(saved_outputs_survive_their_own_write),
        tg_scoped(a_plain_leaf_that_receives_gradients_becomes_a_result),
        tg_scoped(an_operand_that_is_the_target_is_read_before_it_is_written),
        tg_scoped(a_changed_saved_value_is_named),
        tg_scoped(values_that_no_rule_saved_may_change),
        tg_scoped(views_that_take_part_in_gradients_are_not_written),
        tg_scoped(results_of_composed_operations_are_nobodys_views),
        tg_scoped(index_put_writes_a_part_through_the_base),
        tg_scoped(a_view_older_than_a_recorded_write_is_stale),
        tg_scoped(expanded_memory_is_not_written),
        tg_scoped(a_tensor_saved_and_then_written_with_its_own_result_is_freed),
        tg_scoped(in_place_calls_do_nothing_in_a_shut_scope),
        tg_scoped(a_missing_rule_is_told_when_the_call_is_recorded)};
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
