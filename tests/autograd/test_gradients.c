/* test_gradients.c - tg_gradients: seeds, intermediates, several orders through views, in-place
 * writes and operations with two outputs, and what stays as it was. */
#include "tensors.h"

static tg_gradients_options keeping(void) {
    tg_gradients_options o = TG_GRADIENTS_OPTIONS_INIT;
    o.retain_graph = true;
    return o;
}

/* ---- Seeds ---- */

static void several_outputs_are_summed_with_their_weights(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *outputs[3] = {tg_square(x), tg_sum(x, TG_ALL, false), tg_mul_scalar(x, 3)};
    tg_tensor *weights[3] = {ROW(10, 100), TG_NONE, ROW(1, 2)};
    tg_gradients_options o = keeping();
    o.grad_outputs = weights;
    tg_tensor *g;
    assert_ok(tg_gradients(outputs, 3, &x, 1, &o, &g));
    assert_values(g, 20 + 1 + 3, 400 + 1 + 6);
    tg_tensor *twice[2] = {outputs[0], outputs[0]};
    weights[1] = ROW(1, 1);
    assert_ok(tg_gradients(twice, 2, &x, 1, &o, &g));
    assert_values(g, 22, 404);
}

static void seeds_are_checked_one_by_one(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *outputs[2] = {tg_sum(x, TG_ALL, false), tg_square(x)};
    tg_tensor *weights[2] = {TG_NONE, TG_NONE};
    tg_gradients_options o = keeping();
    tg_tensor *g = x;
    assert_denied(tg_gradients(outputs, 2, &x, 1, &o, &g), TG_ERR_SHAPE, "gradients: ", "root 1",
                  "f64 [2]", "tg_sum");
    assert_null(g);
    o.grad_outputs = weights;
    assert_denied(tg_gradients(outputs, 2, &x, 1, &o, &g), TG_ERR_SHAPE, "root 1");
    weights[1] = ROW(1, 2, 3);
    assert_denied(tg_gradients(outputs, 2, &x, 1, &o, &g), TG_ERR_SHAPE, "grad_outputs[1]",
                  "f64 [3]", "f64 [2]");
    weights[1] = row(TG_F32, LIST(1, 2));
    assert_denied(tg_gradients(outputs, 2, &x, 1, &o, &g), TG_ERR_DTYPE, "grad_outputs[1]", "f32",
                  "f64");
    weights[1] = NULL;
    assert_denied(tg_gradients(outputs, 2, &x, 1, &o, &g), TG_ERR_ARG, "grad_outputs");
    weights[1] = ROW(1, 1);
    assert_ok(tg_gradients(outputs, 2, &x, 1, &o, &g)); /* nobody stayed busy */
    assert_values(g, 3, 5);
}

static void a_null_seed_passes_on_the_error_that_made_it(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *y = tg_square(x);
    tg_tensor *bad = tg_reshape(x, TG_SHAPE(7));
    tg_gradients_options o = keeping();
    o.grad_outputs = &bad;
    tg_tensor *g;
    assert_denied(tg_gradients(&y, 1, &x, 1, &o, &g), TG_ERR_SHAPE, "reshape: ", "[7]");
}

static void one_element_of_any_rank_needs_no_seed(void **state) {
    (void)state;
    tg_tensor *x = leaf(of(TG_F32, TG_SHAPE(1, 1, 1), LIST(3)));
    tg_tensor *y = tg_square(x);
    tg_tensor *g;
    assert_ok(tg_gradients(&y, 1, &x, 1, NULL, &g));
    assert_shape(g, TG_F32, TG_SHAPE(1, 1, 1));
    assert_values(g, 6);
}

static void no_elements_are_seeded_with_none(void **state) {
    (void)state;
    tg_tensor *x = leaf(tg_zeros(TG_F64, TG_SHAPE(0, 2)));
    tg_tensor *y = tg_exp(x);
    tg_gradients_options o = keeping();
    tg_tensor *g;
    assert_denied(tg_gradients(&y, 1, &x, 1, &o, &g), TG_ERR_SHAPE, "root 0", "[0, 2]");
    tg_tensor *seed = tg_zeros(TG_F64, TG_SHAPE(0, 2));
    o.grad_outputs = &seed;
    assert_ok(tg_gradients(&y, 1, &x, 1, &o, &g));
    assert_shape(g, TG_F64, TG_SHAPE(0, 2));
}

static void seeds_with_history_have_gradients_themselves(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *v = LEAF(3, 4);
    tg_tensor *y = tg_mul(x, tg_square(x)); /* g = 3x²·v */
    tg_gradients_options o = keeping();
    o.create_graph = true;
    o.grad_outputs = &v;
    tg_tensor *g;
    assert_ok(tg_gradients(&y, 1, &x, 1, &o, &g));
    assert_values(g, 9, 48);
    assert_values(slope(g, NULL, v), 3, 12);
    assert_values(slope(g, NULL, x), 18, 48);
    /* without create_graph the result has no history, whatever the seed has */
    o.create_graph = false;
    assert_ok(tg_gradients(&y, 1, &x, 1, &o, &g));
    assert_false(tg_requires_grad(g));
}

/* ---- Inputs ---- */

static void intermediates_of_views_and_two_outputs_are_inputs_too(void **state) {
    (void)state;
    tg_tensor *x = leaf(grid(TG_F64, 2, 3, LIST(1, 5, 2, 9, 3, 4)));
    tg_tensor *h = tg_mul_scalar(x, 2);
    tg_tensor *at_max;
    tg_tensor *largest = tg_max_dim(h, 1, false, &at_max);
    tg_tensor *view = tg_select(h, 0, 1);
    tg_tensor *y = tg_add(tg_sum(tg_square(largest), TG_ALL, false), tg_sum(view, TG_ALL, false));
    tg_tensor *inputs[4] = {largest, view, h, x};
    tg_tensor *g[4];
    tg_gradients_options o = keeping();
    assert_ok(tg_gradients(&y, 1, inputs, 4, &o, g));
    assert_values(g[0], 20, 36);
    assert_values(g[1], 1, 1, 1);
    assert_values(g[2], 0, 20, 0, 37, 1, 1);
    assert_values(g[3], 0, 40, 0, 74, 2, 2);
    assert_denied(tg_gradients(&y, 1, &at_max, 1, &o, g), TG_ERR_STATE, "input 0", "i64 [2]",
                  "does not require gradients");
}

static void an_overwritten_result_stands_for_its_new_history(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *h = tg_mul_scalar(x, 3);
    tg_square_(h); /* 9x² */
    tg_tensor *y = tg_sum(tg_mul_scalar(h, 5), TG_ALL, false);
    tg_tensor *inputs[2] = {h, x};
    tg_tensor *g[2];
    assert_ok(tg_gradients(&y, 1, inputs, 2, NULL, g));
    assert_values(g[0], 5, 5);
    assert_values(g[1], 90, 180);
}

static void what_is_behind_a_detach_is_unused(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *w = LEAF(3, 4);
    tg_tensor *y = tg_sum(tg_mul(tg_detach(tg_square(x)), w), TG_ALL, false);
    tg_tensor *inputs[2] = {w, x};
    tg_tensor *g[2];
    tg_gradients_options o = keeping();
    o.allow_unused = true;
    assert_ok(tg_gradients(&y, 1, inputs, 2, &o, g));
    assert_values(g[0], 1, 4);
    assert_null(g[1]);
    assert_int_equal(tg_error_status(), TG_OK);
}

static void lists_are_checked(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1);
    tg_tensor *y = tg_square(x);
    tg_tensor *g = x;
    assert_denied(tg_gradients(NULL, 1, &x, 1, NULL, &g), TG_ERR_ARG, "gradients: ", "roots");
    assert_null(g);
    assert_denied(tg_gradients(&y, 0, &x, 1, NULL, &g), TG_ERR_ARG, "0 roots");
    assert_denied(tg_gradients(&y, 1, NULL, 1, NULL, &g), TG_ERR_ARG, "inputs");
    assert_denied(tg_gradients(&y, 1, &x, -1, NULL, &g), TG_ERR_ARG, "-1 inputs");
    tg_tensor *with_null[2] = {x, NULL};
    tg_tensor *two[2];
    assert_denied(tg_gradients(&y, 1, with_null, 2, NULL, two), TG_ERR_ARG, "inputs", "NULL");
    assert_null(two[0]);
    tg_gradients_options o = keeping();
    o.size = 2;
    assert_denied(tg_gradients(&y, 1, &x, 1, &o, &g), TG_ERR_ARG, "TG_GRADIENTS_OPTIONS_INIT");
    assert_ok(tg_gradients(&y, 1, &x, 1, NULL, &g));
    assert_values(g, 2);
}

/* ---- Several orders ---- */

static void in_place_writes_have_all_orders(void **state) {
    (void)state;
    tg_tensor *x = LEAF(.5, 1);
    tg_tensor *y = tg_clone(x);
    tg_mul_(y, y);    /* x² */
    tg_exp_(y);       /* e^(x²), which exp saved: no more writes */
    y = tg_mul(y, x); /* x·e^(x²) */
    for (int order = 0; order < 4; order++) {
        double e = order == 0   ? .5
                   : order == 1 ? 1 + 2 * .25
                   : order == 2 ? 6 * .5 + 4 * .125
                                : 6 + 24 * .25 + 8 * .0625;
        double one = order == 0 ? 1 : order == 1 ? 3 : order == 2 ? 10 : 38;
        assert_values_near(y, 1e-14, e * exp(.25), one * exp(1));
        y = slope(y, NULL, x);
    }
}

static void views_joins_and_selections_have_all_orders(void **state) {
    (void)state;
    tg_tensor *x = leaf(grid(TG_F64, 2, 2, LIST(1, 2, 3, 4)));
    tg_tensor *parts[2] = {tg_transpose(x, 0, 1), tg_expand(tg_select(x, 0, 1), TG_SHAPE(1, 2))};
    tg_tensor *all = tg_cat(parts, 2, 0); /* [1 3; 2 4; 3 4] */
    tg_tensor *y = tg_where(tg_gt_scalar(all, 3), tg_pow_scalar(all, 3), tg_square(all));
    tg_tensor *g = slope(y, NULL, x);
    assert_values(g, 2, 4, 6 + 6, 48 + 48);
    tg_tensor *h = slope(g, NULL, x);
    assert_values(h, 2, 2, 4, 48);
    assert_values(slope(h, NULL, x), 0, 0, 0, 12);
}

static void mixed_dtypes_have_two_orders(void **state) {
    (void)state;
    tg_tensor *x = leaf(row(TG_F32, LIST(1, 2)));
    tg_tensor *w = leaf(number(3));
    tg_tensor *y = tg_mul(tg_mul(tg_cast(x, TG_F64), tg_square(w)), ROW(1, 10));
    tg_tensor *gw = slope(y, NULL, w); /* 2w·Σ c·x */
    assert_values(gw, 126);
    tg_tensor *gx = slope(gw, NULL, x);
    assert_shape(gx, TG_F32, TG_SHAPE(2));
    assert_values(gx, 6, 60);
    assert_values(slope(gx, NULL, w), 2 + 20);
}

static void the_walk_of_a_recorded_gradient_checks_versions_too(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *g = slope(tg_mul(tg_square(x), x), NULL, x);
    bool was = no_grad();
    tg_fill_(x, 9);
    (void)tg_set_grad_enabled(was);
    assert_denied(tg_backward(tg_sum(g, TG_ALL, false)), TG_ERR_STATE, "saved", "version 0",
                  "version 1", "fill");
    assert_null(tg_grad(x));
}

static void create_graph_retains_and_leaves_the_mode_as_it_was(void **state) {
    (void)state;
    tg_tensor *x = LEAF(2);
    tg_tensor *y = tg_exp(tg_square(x));
    tg_gradients_options o = TG_GRADIENTS_OPTIONS_INIT;
    o.create_graph = true;
    tg_tensor *g;
    bool was = no_grad();
    assert_ok(tg_gradients(&y, 1, &x, 1, &o, &g)); /* records although the mode is off */
    assert_false(tg_grad_enabled());
    (void)tg_set_grad_enabled(was);
    assert_true(tg_requires_grad(g));
    assert_ok(tg_gradients(&y, 1, &x, 1, NULL, &g));
    assert_true(tg_grad_enabled());
    assert_denied(tg_gradients(&y, 1, &x, 1, NULL, &g), TG_ERR_STATE, "walked before");
    assert_null(tg_grad(x));
}

/* ---- Stopping ---- */

static bool stop_at(void *countdown) { return --*(int *)countdown < 0; }

static void an_interrupted_walk_can_be_repeated(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *y = tg_sum(tg_exp(tg_square(x)), TG_ALL, false);
    tg_gradients_options o = keeping();
    tg_tensor *g = x;
    int countdown = 0;
    tg_set_interrupt_check(stop_at, &countdown);
    assert_denied(tg_gradients(&y, 1, &x, 1, &o, &g), TG_ERR_INTERRUPTED,
                  "gradients: ", "interrupt");
    tg_set_interrupt_check(NULL, NULL);
    assert_null(g);
    assert_ok(tg_gradients(&y, 1, &x, 1, &o, &g));
    assert_values_near(g, 1e-15, 2 * exp(1), 4 * exp(4));
}

/* ---- Ownership ---- */

static void results_are_the_callers_and_share_nothing_that_changes(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *y = tg_add(x, x);
    tg_tensor *seed = ROW(5, 6);
    tg_gradients_options o = keeping();
    o.grad_outputs = &seed;
    tg_tensor *inputs[2] = {x, x};
    tg_tensor *g[2];
    assert_ok(tg_gradients(&y, 1, inputs, 2, &o, g));
    assert_ptr_not_equal(g[0], g[1]);
    assert_values(g[0], 10, 12);
    assert_values(g[1], 10, 12);
    assert_values(seed, 5, 6);
    sum_backward(tg_mul(y, ROW(1, 2)));
    assert_values(tg_grad(x), 2, 4);
    assert_values(g[0], 10, 12);
    tg_release(g[0]);
    assert_values(g[1], 10, 12);
}

TG_TEST_MAIN(tg_scoped(several_outputs_are_summed_with_their_weights),
             tg_scoped(seeds_are_checked_one_by_one),
             tg_scoped(a_null_seed_passes_on_the_error_that_made_it),
             tg_scoped(one_element_of_any_rank_needs_no_seed),
             tg_scoped(no_elements_are_seeded_with_none),
             tg_scoped(seeds_with_history_have_gradients_themselves),
             tg_scoped(intermediates_of_views_and_two_outputs_are_inputs_too),
             tg_scoped(an_overwritten_result_stands_for_its_new_history),
             tg_scoped(what_is_behind_a_detach_is_unused), tg_scoped(lists_are_checked),
             tg_scoped(in_place_writes_have_all_orders),
             tg_scoped(views_joins_and_selections_have_all_orders),
             tg_scoped(mixed_dtypes_have_two_orders),
             tg_scoped(the_walk_of_a_recorded_gradient_checks_versions_too),
             tg_scoped(create_graph_retains_and_leaves_the_mode_as_it_was),
             tg_scoped(an_interrupted_walk_can_be_repeated),
             tg_scoped(results_are_the_callers_and_share_nothing_that_changes))
