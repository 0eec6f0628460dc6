/* test_backward.c - what goes into a backward walk and what comes out. */
#include "tg_test.h"

#include "tensors.h"

#include <tensorgrad/tensorgrad.h>

static tg_backward_options keep_graph(void) {
    tg_backward_options o = TG_BACKWARD_OPTIONS_INIT;
    o.retain_graph = true;
    return o;
}

/* ---- Accumulation ---- */

static void gradients_of_two_backwards_add_up(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2, 3);
    sum_backward(tg_square(x));
    assert_values(tg_grad(x), 2, 4, 6);
    tg_tensor *first = tg_grad(x);
    sum_backward(tg_mul_scalar(x, 10));
    assert_values(tg_grad(x), 12, 14, 16);
    assert_ptr_equal(tg_grad(x), first); /* the live gradient is added into */
    assert_values(first, 12, 14, 16);
}

static void a_leaf_used_many_times_gets_the_sum(void **state) {
    (void)state;
    tg_tensor *x = LEAF(3);
    tg_tensor *y = tg_add(tg_mul(x, x), tg_mul(x, tg_add(x, x)));
    sum_backward(y); /* 3x^2 */
    assert_values(tg_grad(x), 18);
}

static void a_leaf_with_100000_consumers_works(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1);
    tg_tensor *total = number(0);
    enum { N = 100000 };
    tg_tensor **parts = malloc(N * sizeof *parts);
    assert_non_null(parts);
    for (int i = 0; i < N; i++)
        parts[i] = tg_mul_scalar(x, 2);
    tg_tensor *all = tg_cat(parts, N, 0);
    free(parts);
    assert_int_equal(tg_numel(all), N);
    sum_backward(tg_add(total, all));
    assert_values(tg_grad(x), 2.0 * N);
}

static void broadcast_and_converted_inputs_get_their_own_shape_and_dtype(void **state) {
    (void)state;
    tg_tensor *x = leaf(grid(TG_F64, 2, 3, LIST(1, 2, 3, 4, 5, 6)));
    tg_tensor *row32 = leaf(row(TG_F32, LIST(1, 10, 100)));
    tg_tensor *column = leaf(grid(TG_F64, 2, 1, LIST(1, 2)));
    tg_tensor *zero_d = leaf(number(2));
    sum_backward(tg_mul(tg_mul(tg_mul(x, row32), column), zero_d));
    assert_shape(tg_grad(row32), TG_F32, TG_SHAPE(3));
    assert_values(tg_grad(row32), 18, 24, 30);
    assert_shape(tg_grad(column), TG_F64, TG_SHAPE(2, 1));
    assert_values(tg_grad(column), 642, 1308);
    assert_shape(tg_grad(zero_d), TG_F64, TG_0D);
    assert_values(tg_grad(zero_d), 1629);
}

static void an_expanded_gradient_becomes_memory_of_its_own(void **state) {
    (void)state;
    tg_tensor *x = leaf(grid(TG_F64, 2, 2, LIST(1, 2, 3, 4)));
    tg_tensor *w = leaf(grid(TG_F64, 2, 2, LIST(1, 2, 3, 4)));
    sum_backward(tg_add(x, w)); /* both receive one and the same expanded ones */
    assert_true(tg_is_contiguous(tg_grad(x)));
    assert_ptr_not_equal(tg_data(tg_grad(x)), tg_data(tg_grad(w)));
    tg_fill_(tg_grad(x), 5);
    assert_values(tg_grad(w), 1, 1, 1, 1);
}

/* ---- Seeds and roots ---- */

static void a_root_of_several_elements_needs_a_gradient(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2, 3);
    tg_tensor *y = tg_square(x);
    assert_denied(tg_backward(y), TG_ERR_SHAPE, "backward", "[3]", "tg_sum");
    tg_backward_options o = keep_graph();
    tg_tensor *g = ROW(1, 10, 100);
    o.grad_outputs = &g;
    assert_int_equal(tg_backward_ex(&y, 1, &o), TG_OK);
    assert_values(tg_grad(x), 2, 40, 600);
    g = ROW(1, 10);
    assert_denied(tg_backward_ex(&y, 1, &o), TG_ERR_SHAPE, "[2]", "[3]");
    g = row(TG_F32, LIST(1, 10, 100));
    assert_denied(tg_backward_ex(&y, 1, &o), TG_ERR_DTYPE, "f32", "f64");
    assert_values(tg_grad(x), 2, 40, 600);
    g = NULL;
    assert_denied(tg_backward_ex(&y, 1, &o), TG_ERR_ARG, "grad_outputs", "NULL");
    g = TG_NONE;
    assert_denied(tg_backward_ex(&y, 1, &o), TG_ERR_SHAPE, "[3]");
}

static void a_root_without_a_graph_is_refused(void **state) {
    (void)state;
    assert_denied(tg_backward(number(1)), TG_ERR_STATE, "does not require gradients",
                  "tg_requires_grad_");
    assert_denied(tg_backward(NULL), TG_ERR_ARG, "NULL");
    assert_denied(tg_backward(TG_NONE), TG_ERR_ARG, "TG_NONE");
    assert_denied(tg_backward_ex(NULL, 1, NULL), TG_ERR_ARG, "roots");
    assert_denied(tg_backward_ex(NULL, 0, NULL), TG_ERR_ARG, "roots");
}

static void a_leaf_may_be_the_root(void **state) {
    (void)state;
    tg_tensor *x = leaf(number(3));
    assert_int_equal(tg_backward(x), TG_OK);
    assert_values(tg_grad(x), 1);
}

static void several_roots_are_walked_together(void **state) {
    (void)state;
    tg_tensor *x = leaf(number(3));
    tg_tensor *h = tg_square(x);
    tg_tensor *roots[3] = {h, tg_mul(h, h), h};
    assert_int_equal(tg_backward_ex(roots, 3, NULL), TG_OK);
    assert_values(tg_grad(x), 6 + 4 * 27 + 6);
}

static void options_are_checked_by_their_size(void **state) {
    (void)state;
    tg_tensor *y = tg_square(leaf(number(3)));
    tg_backward_options o = keep_graph();
    o.size = 0;
    assert_denied(tg_backward_ex(&y, 1, &o), TG_ERR_ARG, "TG_BACKWARD_OPTIONS_INIT");
    struct {
        tg_backward_options o;
        int64_t newer;
    } larger = {keep_graph(), 1};
    larger.o.size = sizeof larger;
    assert_denied(tg_backward_ex(&y, 1, &larger.o), TG_ERR_UNSUPPORTED, "backward");
    larger.newer = 0;
    assert_int_equal(tg_backward_ex(&y, 1, &larger.o), TG_OK);
}

/* ---- Walking twice ---- */

static void a_second_backward_names_what_is_gone_and_the_remedy(void **state) {
    (void)state;
    tg_tensor *x = leaf(number(3));
    tg_tensor *y = tg_exp(tg_square(x));
    assert_int_equal(tg_backward(y), TG_OK);
    double g = tg_item(tg_grad(x));
    assert_denied(tg_backward(y), TG_ERR_STATE, "exp", "retain_graph");
    assert_close(tg_item(tg_grad(x)), g, 0, 0);
    tg_tensor *z = tg_exp(tg_square(x));
    tg_backward_options o = keep_graph();
    assert_int_equal(tg_backward_ex(&z, 1, &o), TG_OK);
    assert_int_equal(tg_backward(z), TG_OK);
    assert_close(tg_item(tg_grad(x)), 3 * g, 1e-15, 0);
}

static void a_graph_that_saved_nothing_can_be_walked_again(void **state) {
    (void)state;
    tg_tensor *x = leaf(number(3));
    tg_tensor *y = tg_add(x, x);
    assert_int_equal(tg_backward(y), TG_OK);
    assert_int_equal(tg_backward(y), TG_OK);
    assert_values(tg_grad(x), 4);
}

static void a_failed_walk_without_retain_consumes_the_graph(void **state) {
    (void)state;
    tg_tensor *x = leaf(number(2));
    tg_tensor *h = tg_square(x);
    tg_tensor *y = tg_exp(tg_mul_scalar(h, 1));
    *(double *)tg_data_mut(x) = 5; /* square saved it */
    assert_denied(tg_backward(y), TG_ERR_STATE, "square saved input x", "tg_data_mut");
    assert_null(tg_grad(x));
    assert_denied(tg_backward(y), TG_ERR_STATE, "exp", "walked before");
}

/* ---- tg_gradients ---- */

static void gradients_leaves_grad_alone_and_serves_intermediates(void **state) {
    (void)state;
    tg_tensor *x = leaf(number(3));
    tg_tensor *h = tg_square(x);
    tg_tensor *y = tg_mul(h, x); /* x^3 */
    tg_tensor *inputs[3] = {h, x, h};
    tg_tensor *g[3];
    assert_int_equal(tg_gradients(&y, 1, inputs, 3, NULL, g), TG_OK);
    assert_values(g[0], 3);
    assert_values(g[1], 27);
    assert_values(g[2], 3);
    assert_null(tg_grad(x));
    assert_int_equal(tg_error_status(), TG_OK);
}

static void an_output_may_be_an_input(void **state) {
    (void)state;
    tg_tensor *x = leaf(number(3));
    tg_tensor *y = tg_square(x);
    tg_tensor *both[2] = {y, x};
    tg_tensor *g[2];
    assert_int_equal(tg_gradients(&y, 1, both, 2, NULL, g), TG_OK);
    assert_values(g[0], 1);
    assert_values(g[1], 6);
    tg_tensor *gx;
    assert_int_equal(tg_gradients(&x, 1, &x, 1, NULL, &gx), TG_OK);
    assert_values(gx, 1);
}

static void only_the_needed_part_is_walked(void **state) {
    (void)state;
    tg_tensor *x = leaf(number(3));
    tg_tensor *w = leaf(number(4));
    tg_tensor *spoiled = tg_clone(number(7));
    tg_tensor *side = tg_mul(w, spoiled); /* saved, then changed: its rule would fail */
    tg_fill_(spoiled, 0);
    tg_tensor *y = tg_add(tg_square(x), side);
    tg_tensor *g;
    assert_int_equal(tg_gradients(&y, 1, &x, 1, NULL, &g), TG_OK);
    assert_values(g, 6);
    assert_denied(tg_gradients(&y, 1, &w, 1, NULL, &g), TG_ERR_STATE, "mul saved input b", "fill");
    assert_null(g);
}

static void unused_inputs_are_an_error_or_null(void **state) {
    (void)state;
    tg_tensor *x = leaf(number(3));
    tg_tensor *other = leaf(number(4));
    tg_tensor *y = tg_square(x);
    tg_tensor *inputs[2] = {x, other};
    tg_tensor *g[2];
    tg_gradients_options o = TG_GRADIENTS_OPTIONS_INIT;
    o.retain_graph = true;
    assert_denied(tg_gradients(&y, 1, inputs, 2, &o, g), TG_ERR_STATE, "input 1", "allow_unused");
    assert_null(g[0]);
    assert_null(g[1]);
    o.allow_unused = true;
    assert_int_equal(tg_gradients(&y, 1, inputs, 2, &o, g), TG_OK);
    assert_values(g[0], 6);
    assert_null(g[1]);
    tg_tensor *constant = number(1);
    assert_denied(tg_gradients(&y, 1, &constant, 1, &o, g), TG_ERR_STATE, "input 0",
                  "does not require gradients");
    assert_denied(tg_gradients(&y, 1, inputs, 2, &o, NULL), TG_ERR_ARG, "out");
}

static void higher_orders_follow_from_recorded_walks(void **state) {
    (void)state;
    tg_tensor *x = leaf(number(2));
    tg_tensor *y = tg_mul(tg_mul(x, x), x);
    y = slope(y, NULL, x);
    assert_values(y, 12);
    y = slope(y, NULL, x);
    assert_values(y, 12);
    y = slope(y, NULL, x);
    assert_values(y, 6);
    y = slope(y, NULL, x);
    assert_values(y, 0);
}

static void the_fourth_derivative_of_tanh_is_right(void **state) {
    (void)state;
    const double at = 0.3;
    tg_tensor *x = leaf(number(at));
    tg_tensor *d = tg_tanh(x);
    for (int k = 0; k < 4; k++)
        d = slope(d, NULL, x);
    double t = tanh(at); /* d4/dx4 = 8t(1 - t^2)(2 - 3t^2) */
    assert_close(tg_item(d), 8 * t * (1 - t * t) * (2 - 3 * t * t), 1e-12, 0);
}

static void create_graph_gives_the_first_order_of_a_plain_walk(void **state) {
    (void)state;
    tg_tensor *x = LEAF(0.5, -1, 2);
    tg_tensor *y = tg_sum(tg_exp(tg_mul(tg_sin(x), x)), TG_ALL, false);
    tg_gradients_options o = TG_GRADIENTS_OPTIONS_INIT;
    o.retain_graph = true;
    tg_tensor *plain;
    tg_tensor *recorded;
    assert_int_equal(tg_gradients(&y, 1, &x, 1, &o, &plain), TG_OK);
    o.create_graph = true;
    assert_int_equal(tg_gradients(&y, 1, &x, 1, &o, &recorded), TG_OK);
    assert_false(tg_requires_grad(plain));
    assert_true(tg_requires_grad(recorded));
    assert_memory_equal(tg_data(plain), tg_data(recorded), 3 * sizeof(double));
    sum_backward(y);
    assert_false(tg_requires_grad(tg_grad(x)));
}

/* ---- Interrupts and scopes ---- */

static bool always(void *calls) {
    ++*(int *)calls;
    return true;
}

static void an_interrupt_stops_backward_and_changes_nothing(void **state) {
    (void)state;
    tg_tensor *x = leaf(number(1));
    sum_backward(tg_mul_scalar(x, 3));
    tg_tensor *y = tg_exp(tg_square(x));
    tg_backward_options o = keep_graph();
    int calls = 0;
    tg_set_interrupt_check(always, &calls);
    assert_denied(tg_backward_ex(&y, 1, &o), TG_ERR_INTERRUPTED, "interrupted");
    tg_set_interrupt_check(NULL, NULL);
    assert_true(calls > 0);
    assert_values(tg_grad(x), 3);
    assert_int_equal(tg_backward(y), TG_OK);
    assert_close(tg_item(tg_grad(x)), 3 + 2 * exp(1), 1e-15, 0);
}

static void a_shut_scope_stops_backward_and_gradients(void **state) {
    (void)state;
    tg_tensor *x = leaf(number(1));
    tg_tensor *y = tg_square(x);
    tg_scope s = tg_scope_open();
    assert_null(tg_reshape(x, TG_SHAPE(7)));
    tg_tensor *g = x;
    assert_int_equal(tg_backward(y), TG_ERR_SHAPE);
    assert_int_equal(tg_gradients(&y, 1, &x, 1, NULL, &g), TG_ERR_SHAPE);
    assert_null(g);
    assert_int_equal(tg_scope_close(s), TG_ERR_SHAPE);
    assert_null(tg_grad(x));
    tg_error_clear();
    assert_int_equal(tg_backward(y), TG_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        tg_scoped(gradients_of_two_backwards_add_up),
        tg_scoped(a_leaf_used_many_times_gets_the_sum),
        tg_scoped(a_leaf_with_100000_consumers_works),
        tg_scoped(broadcast_and_converted_inputs_get_their_own_shape_and_dtype),
        tg_scoped(an_expanded_gradient_becomes_memory_of_its_own),
        tg_scoped(a_root_of_several_elements_needs_a_gradient),
        tg_scoped(a_root_without_a_graph_is_refused),
        tg_scoped(a_leaf_may_be_the_root),
        tg_scoped(several_roots_are_walked_together),
        tg_scoped(options_are_checked_by_their_size),
        tg_scoped(a_second_backward_names_what_is_gone_and_the_remedy),
        tg_scoped(a_graph_that_saved_nothing_can_be_walked_again),
        tg_scoped(a_failed_walk_without_retain_consumes_the_graph),
        tg_scoped(gradients_leaves_grad_alone_and_serves_intermediates),
        tg_scoped(an_output_may_be_an_input),
        tg_scoped(only_the_needed_part_is_walked),
        tg_scoped(unused_inputs_are_an_error_or_null),
        tg_scoped(higher_orders_follow_from_recorded_walks),
        tg_scoped(the_fourth_derivative_of_tanh_is_right),
        tg_scoped(create_graph_gives_the_first_order_of_a_plain_walk),
        tg_scoped(an_interrupt_stops_backward_and_changes_nothing),
        tg_scoped(a_shut_scope_stops_backward_and_gradients)};
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
