/* test_hooks.c - hooks on gradients: order, replacement, turns, errors. */
#include "probes.h"

#include <tensorgrad/tensorgrad.h>

/* ---- Order and replacement ---- */

static void hooks_run_in_order_each_on_what_the_one_before_left(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *h = tg_mul_scalar(x, 3);
    probe a = {.factor = 2, .mark = 'a'};
    probe b = {.mark = 'b'};
    probe c = {.factor = 5, .mark = 'c'};
    probe d = {.factor = 10, .mark = 'd'};
    add_probe(h, &a);
    add_probe(h, &b);
    add_probe(h, &c);
    add_probe(x, &d);
    sum_backward(tg_mul_scalar(h, 7));
    assert_string_equal(trail, "abcd");
    assert_close(a.seen, 7, 0, 0);
    assert_close(b.seen, 14, 0, 0);
    assert_close(c.seen, 14, 0, 0);
    assert_close(d.seen, 210, 0, 0);
    assert_values(tg_grad(x), 2100, 2100);
    assert_false(a.recording);
}

static void a_hook_sees_the_sum_of_all_consumers_once(void **state) {
    (void)state;
    tg_tensor *x = LEAF(3);
    tg_tensor *h = tg_square(x);
    probe on_h = {.mark = 'h'};
    probe on_x = {.mark = 'x'};
    add_probe(h, &on_h);
    add_probe(x, &on_x);
    sum_backward(tg_add(tg_add(h, h), tg_mul(x, h))); /* 2x^2 + x^3 */
    assert_int_equal(on_h.calls, 1);
    assert_int_equal(on_x.calls, 1);
    assert_close(on_h.seen, 5, 0, 0);
    assert_close(on_x.seen, 12 + 27, 0, 0);
    assert_values(tg_grad(x), 39);
}

static void a_hook_outlives_the_handle_of_its_tensor(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1);
    tg_tensor *h = tg_mul_scalar(x, 2);
    probe p = {.factor = 3, .mark = 'p'};
    add_probe(h, &p);
    tg_tensor *y = tg_sum(tg_mul_scalar(h, 1), TG_ALL, false);
    tg_release(h);
    assert_ok(tg_backward(y));
    assert_values(tg_grad(x), 6);
}

static void a_hook_stays_with_the_operation_when_its_result_is_written(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1);
    tg_tensor *h = tg_mul_scalar(x, 2);
    probe before = {.mark = 'b'};
    add_probe(h, &before);
    tg_mul_scalar_(h, 10);
    probe after = {.mark = 'a'};
    add_probe(h, &after);
    sum_backward(h);
    assert_string_equal(trail, "ab");
    assert_close(after.seen, 1, 0, 0);
    assert_close(before.seen, 10, 0, 0);
    assert_values(tg_grad(x), 20);
}

static void each_output_has_hooks_of_its_own(void **state) {
    (void)state;
    tg_tensor *x = leaf(grid(TG_F64, 2, 2, LIST(1, 2, 3, 4)));
    tg_tensor *logabsdet = NULL;
    tg_tensor *sign = tg_slogdet(x, &logabsdet);
    probe on_sign = {.mark = 's'};
    probe on_log = {.mark = 'l', .factor = 2};
    if (tg_requires_grad(sign))
        add_probe(sign, &on_sign);
    add_probe(logabsdet, &on_log);
    assert_ok(tg_backward(logabsdet));
    assert_string_equal(trail, "l");
    assert_values_near(tg_grad(x), 1e-14, -4, 3, 2, -1);
}

static void replacements_must_fit(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *h = tg_square(x);
    assert_ok(tg_name(h, "hidden"));
    tg_tensor *y = tg_sum(h, TG_ALL, false);
    uint64_t id = add(h, constant_hook, ROW(1, 2, 3));
    assert_denied(keep_backward(y), TG_ERR_SHAPE, "square 'hidden'", "f64 [2]", "f64 [3]", "alike");
    assert_ok(tg_hook_remove(id));
    id = add(h, constant_hook, row(TG_F32, LIST(1, 2)));
    assert_denied(keep_backward(y), TG_ERR_DTYPE, "f32 [2]");
    assert_ok(tg_hook_remove(id));
    add(h, constant_hook, NULL);
    assert_denied(keep_backward(y), TG_ERR_ARG, "returned NULL", "TG_NONE");
    assert_null(tg_grad(x));
}

static void a_returned_tensor_is_never_written(void **state) {
    (void)state;
    double memory[2] = {5, 6};
    tg_tensor *blob = tg_from_blob(memory, TG_F64, TG_SHAPE(2), NULL, NULL, NULL);
    tg_tensor *mine = ROW(3, 4);
    tg_tensor *x = LEAF(1, 1);
    tg_tensor *w = LEAF(1, 1);
    tg_tensor *h = tg_mul_scalar(x, 1);
    add(x, constant_hook, mine);
    add(w, constant_hook, blob);
    sum_backward(tg_add(tg_add(h, x), tg_add(w, w)));
    assert_values(tg_grad(x), 3, 4);
    assert_values(tg_grad(w), 5, 6);
    sum_backward(tg_add(tg_add(tg_mul_scalar(x, 1), x), tg_add(w, w)));
    assert_values(tg_grad(x), 6, 8);
    assert_values(tg_grad(w), 10, 12);
    assert_values(mine, 3, 4);
    assert_close(memory[0], 5, 0, 0);
}

static void a_replacement_brings_no_history_into_grad(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1);
    tg_tensor *w = LEAF(4);
    add(x, constant_hook, w);
    tg_tensor *h = tg_mul_scalar(w, 2);
    tg_tensor *z = LEAF(1);
    add(z, constant_hook, h);
    sum_backward(tg_add(x, z));
    assert_values(tg_grad(x), 4);
    assert_values(tg_grad(z), 8);
    assert_false(tg_requires_grad(tg_grad(x)));
    assert_false(tg_requires_grad(tg_grad(z)));
    assert_null(tg_grad(w));
}

/* ---- When a leaf's hooks run ---- */

static void a_leafs_hooks_run_as_soon_as_its_gradient_is_final(void **state) {
    (void)state;
    tg_tensor *early = LEAF(1); /* first layer: its gradient comes last */
    tg_tensor *late = LEAF(1);
    tg_tensor *root = LEAF(1);
    probe e = {.mark = 'e'};
    probe l = {.mark = 'l'};
    probe m = {.mark = 'm'};
    add_probe(early, &e);
    add_probe(late, &l);
    tg_tensor *h = tg_mul_scalar(early, 2);
    add_probe(h, &m);
    sum_backward(tg_mul(tg_exp(h), late));
    assert_string_equal(trail, "lme");
    probe r = {.mark = 'r', .factor = 3};
    add_probe(root, &r);
    assert_ok(tg_backward(root)); /* a leaf may be the root */
    assert_values(tg_grad(root), 3);
}

static void gradients_runs_hooks_and_leaves_the_others_alone(void **state) {
    (void)state;
    tg_tensor *x = LEAF(3);
    tg_tensor *w = LEAF(2);
    tg_tensor *h = tg_square(x);
    tg_tensor *y = tg_mul(h, w);
    probe on_x = {.mark = 'x', .factor = 2};
    probe on_h = {.mark = 'h', .factor = 5};
    probe on_w = {.mark = 'w'};
    add_probe(x, &on_x);
    add_probe(h, &on_h);
    add_probe(w, &on_w);
    tg_gradients_options o = TG_GRADIENTS_OPTIONS_INIT;
    o.retain_graph = true;
    tg_tensor *both[2] = {x, h};
    tg_tensor *g[2];
    assert_ok(tg_gradients(&y, 1, both, 2, &o, g));
    assert_values(g[0], 2 * 5 * 2 * 6);
    assert_values(g[1], 10);
    assert_string_equal(trail, "hx");
    assert_ok(tg_gradients(&y, 1, &h, 1, &o, g)); /* only as an input: its hooks run all the same */
    assert_values(g[0], 10);
    assert_string_equal(trail, "hxh");
    assert_null(tg_grad(x));
}

static void create_graph_records_what_hooks_do(void **state) {
    (void)state;
    tg_tensor *x = LEAF(3);
    tg_tensor *h = tg_square(x);
    probe p = {.factor = 10};
    add_probe(h, &p);
    tg_tensor *d = slope(tg_mul(h, x), NULL, x); /* dh = x, times 10: 20 x^2 + x^2 */
    assert_true(p.recording);
    assert_values(d, 21 * 9);
    assert_int_equal(p.calls, 1);
    assert_values(slope(d, NULL, x), 40 * 3 + 10 * 2 * 3); /* x^2 is h, whose hook runs again */
    assert_int_equal(p.calls, 2);
}

/* ---- Errors ---- */

static tg_tensor *failing(void *ctx, tg_tensor *grad) {
    if (ctx != NULL)
        return tg_reshape(grad, TG_SHAPE(7));
    tg_tensor *y = tg_matmul(grad, TG_NONE);
    (void)y;
    return TG_NONE; /* with an error that is not cleared */
}

static void an_error_in_a_hook_stops_backward_and_changes_nothing(void **state) {
    (void)state;
    for (int where = 0; where < 3; where++)
        for (int how = 0; how < 2; how++) {
            tg_tensor *x = LEAF(1, 2);
            tg_tensor *w = LEAF(3, 4);
            sum_backward(tg_add(x, w));
            tg_tensor *h = tg_mul(x, w);
            tg_tensor *y = tg_sum(tg_exp(h), TG_ALL, false);
            assert_ok(tg_retain_grad(h));
            tg_tensor *on[3] = {x, h, y};
            uint64_t id = add(on[where], failing, how == 0 ? x : NULL);
            probe after = {.mark = 'n'};
            add_probe(on[where], &after);
            assert_denied(keep_backward(y), how == 0 ? TG_ERR_SHAPE : TG_ERR_ARG,
                          how == 0 ? "reshape" : "matmul");
            assert_int_equal(after.calls, 0);
            assert_values(tg_grad(x), 1, 1);
            assert_values(tg_grad(w), 1, 1);
            assert_null(tg_grad(h));
            assert_ok(tg_hook_remove(id));
            assert_ok(keep_backward(y));
            assert_int_equal(after.calls, 1);
            assert_close(at(tg_grad(x), 0), 1 + 3 * exp(3), 1e-15, 0);
        }
}

static tg_status refusing(void *ctx, tg_tensor *leaf) {
    (void)leaf;
    return *(const tg_status *)ctx;
}

static void bad_hooks_are_refused(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1);
    tg_hook h = TG_HOOK_INIT(NULL, NULL);
    assert_int_equal(tg_hook_add(x, &h), 0);
    assert_denied(tg_error_status(), TG_ERR_ARG, "hook_add", "no method", "gradient");
    h.gradient = probing;
    h.flags = 2;
    assert_int_equal(tg_hook_add(x, &h), 0);
    assert_denied(tg_error_status(), TG_ERR_UNSUPPORTED, "0x2");
    h.flags = 0;
    assert_int_equal(tg_hook_add(ROW(1), &h), 0);
    assert_denied(tg_error_status(), TG_ERR_STATE, "f64 [1]", "does not require gradients");
    assert_int_equal(tg_hook_add(NULL, &h), 0);
    assert_denied(tg_error_status(), TG_ERR_ARG, "NULL");
    assert_int_equal(tg_hook_add(TG_NONE, &h), 0);
    assert_denied(tg_error_status(), TG_ERR_ARG, "TG_NONE");
    assert_int_equal(tg_hook_add(x, NULL), 0);
    assert_denied(tg_error_status(), TG_ERR_ARG, "hook is NULL");
    h.size = 0;
    assert_int_equal(tg_hook_add(x, &h), 0);
    assert_denied(tg_error_status(), TG_ERR_ARG, "TG_HOOK_INIT");
    h.size = sizeof h;
    h.accumulated = refusing;
    assert_int_equal(tg_hook_add(tg_square(x), &h), 0);
    assert_denied(tg_error_status(), TG_ERR_STATE, "result of square", "leaves only");
    assert_denied(tg_hook_remove(0), TG_ERR_ARG, "0 is no handle");
    assert_denied(tg_hook_remove(UINT64_MAX), TG_ERR_ARG, "no handle");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        hook_test(hooks_run_in_order_each_on_what_the_one_before_left),
        hook_test(a_hook_sees_the_sum_of_all_consumers_once),
        hook_test(a_hook_outlives_the_handle_of_its_tensor),
        hook_test(a_hook_stays_with_the_operation_when_its_result_is_written),
        hook_test(each_output_has_hooks_of_its_own),
        hook_test(replacements_must_fit),
        hook_test(a_returned_tensor_is_never_written),
        hook_test(a_replacement_brings_no_history_into_grad),
        hook_test(a_leafs_hooks_run_as_soon_as_its_gradient_is_final),
        hook_test(gradients_runs_hooks_and_leaves_the_others_alone),
        hook_test(create_graph_records_what_hooks_do),
        hook_test(an_error_in_a_hook_stops_backward_and_changes_nothing),
        hook_test(bad_hooks_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
