/* test_history.c - histories at their edges: what may not close a circle, what must lead back, and
 * what has to outlive a deleter. */
#include "core/tensor.h"

#include "tensors.h"

#include <tensorgrad/tensorgrad.h>

/* ---- Leaves that were ---- */

/* A graph may hold x as a leaf; a history of x that leads there would never be freed. */
static void what_was_a_leaf_takes_no_history(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *z = tg_mul_scalar(x, 2);
    assert_non_null(tg_requires_grad_(x, false));
    uint32_t version = tg_version_of(x);
    assert_refused(tg_add_(x, z), TG_ERR_STATE, "add: in place", "f64 [2], which was a leaf");
    assert_int_equal(tg_version_of(x), version);
    assert_values(x, 1, 2);
    assert_true(tg_is_leaf(x));

    assert_ptr_equal(tg_add_(x, ROW(1, 1)), x); /* a value without history */
    bool was = no_grad();
    assert_ptr_equal(tg_add_(x, z), x);
    (void)tg_set_grad_enabled(was);
    assert_values(x, 4, 7);
    assert_values(tg_add_(tg_clone(x), z), 6, 11); /* as the message says */
}

/* ---- Attached gradients ---- */

static void a_gradient_that_was_dropped_is_a_tensor_like_others(void **state) {
    (void)state;
    tg_tensor *w = LEAF(1, 2);
    sum_backward(w);
    tg_tensor *g = tg_grad(w);
    assert_refused(tg_requires_grad_(g, true), TG_ERR_STATE, "attached");
    assert_refused(tg_mul_(g, w), TG_ERR_STATE, "attached gradient");
    assert_ok(tg_zero_grad(&w, 1));
    assert_ptr_equal(tg_mul_(g, w), g);
    sum_backward(g);
    assert_values(tg_grad(w), 1, 1);

    g = tg_grad(w);
    assert_ok(tg_set_grad(w, ROW(3, 4))); /* another takes its place */
    assert_ptr_equal(tg_requires_grad_(g, true), g);
    assert_refused(tg_requires_grad_(tg_grad(w), true), TG_ERR_STATE, "attached");
}

/* ---- Seeds with a history ---- */

static tg_tensor *gradient(tg_tensor *y, tg_tensor *x, tg_tensor *seed, bool create) {
    tg_gradients_options o = TG_GRADIENTS_OPTIONS_INIT;
    o.create_graph = create;
    o.grad_outputs = &seed;
    tg_tensor *g = NULL;
    if (tg_gradients(&y, 1, &x, 1, &o, &g) != TG_OK)
        fail_msg("no gradient: %s", tg_error_message());
    return g;
}

/* With create_graph the result leads back to a seed that no operation touched on its way. */
static void a_seed_that_passes_through_stays_connected(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *v = LEAF(5, 6);
    tg_tensor *g = gradient(tg_add_scalar(x, 1), x, v, true);
    assert_values(g, 5, 6);
    assert_true(tg_requires_grad(g));
    assert_false(tg_is_leaf(g));
    sum_backward(tg_square(g));
    assert_values(tg_grad(v), 10, 12);

    g = gradient(x, x, v, true); /* the root is the input */
    assert_values(slope(tg_square(g), NULL, v), 10, 12);
    g = gradient(tg_add_scalar(x, 1), x, tg_square(v), true);
    assert_values(slope(g, NULL, v), 10, 12);

    bool was = no_grad();
    g = gradient(x, x, v, true); /* create_graph records whatever the mode */
    (void)tg_set_grad_enabled(was);
    assert_true(tg_requires_grad(g));
    g = gradient(tg_add_scalar(x, 1), x, v, false);
    assert_false(tg_requires_grad(g));
    assert_null(tg_grad(x));
}

static void connecting_a_seed_may_fail_for_want_of_memory(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *v = LEAF(5, 6);
    tg_gradients_options o = TG_GRADIENTS_OPTIONS_INIT;
    o.create_graph = true;
    o.grad_outputs = &v;
    assert_true(tg_requires_grad(gradient(x, x, v, true))); /* the arrays of the walk are there */
    int failed = 0;
    for (;; failed++) {
        tg_tensor *g = x;
        int64_t tensors = tg_live_tensors();
        int64_t nodes = tg_live_nodes();
        tg__alloc_fail_at((uint64_t)failed + 1, false);
        tg_status status = tg_gradients(&x, 1, &x, 1, &o, &g);
        tg__alloc_fail_at(0, false);
        if (status == TG_OK)
            break;
        assert_denied(status, TG_ERR_MEMORY, "out of memory");
        assert_null(g);
        assert_int_equal(tg_live_tensors(), tensors);
        assert_int_equal(tg_live_nodes(), nodes);
    }
    assert_true(failed >= 2);
}

/* ---- Gradients keep their dtype ---- */

static tg_tensor *put_first(tg_tensor *x, tg_tensor *y) {
    const tg_index_item first[] = {TG_RANGE(0, 1, 1)};
    return tg_index_put_(x, 1, first, tg_slice(y, 0, 0, 1, 1));
}

/* In place the wider operand gives way; so must its gradients. */
static void mixed_dtypes_in_place_have_gradients_of_their_own_dtype(void **state) {
    (void)state;
    tg_tensor *(*const write[])(tg_tensor *, tg_tensor *) = {tg_add_, tg_sub_,  tg_mul_,  tg_div_,
                                                             tg_pow_, tg_copy_, put_first};
    /* by x and by y, at x = 2, y = 4, second element x = 3, y = 1 */
    static const double by_x[][2] = {{1, 1}, {1, 1}, {4, 1}, {0.25, 1}, {32, 1}, {0, 0}, {0, 1}};
    static const double by_y[][2] = {
        {1, 1}, {-1, -1}, {2, 3}, {-0.125, -3}, {11.090354888959125, 3.2958368660043291},
        {1, 1}, {1, 0}};
    for (size_t i = 0; i < sizeof write / sizeof *write; i++)
        for (int wider = 0; wider < 2; wider++) {
            tg_tensor *a = leaf(row(wider ? TG_F32 : TG_F64, LIST(2, 3)));
            tg_tensor *b = leaf(row(wider ? TG_F64 : TG_F32, LIST(4, 1)));
            tg_tensor *x = tg_mul_scalar(a, 1);
            assert_ptr_equal(write[i](x, b), x);
            sum_backward(x);
            assert_shape(tg_grad(a), wider ? TG_F32 : TG_F64, TG_SHAPE(2));
            assert_shape(tg_grad(b), wider ? TG_F64 : TG_F32, TG_SHAPE(2));
            for (int k = 0; k < 2; k++) {
                assert_close(at(tg_grad(a), k), by_x[i][k], 1e-6, 0);
                assert_close(at(tg_grad(b), k), by_y[i][k], 1e-6, 0);
            }
        }
}

/* ---- Who wrote ---- */

static void the_step_of_an_optimizer_is_named_as_the_writer(void **state) {
    (void)state;
    tg_tensor *w = LEAF(1, 2);
    tg_tensor *g = ROW(1, 1);
    tg_tensor *y = tg_sum(tg_square(w), TG_ALL, false);
    assert_ok(tg_sgd_step_(&w, &g, NULL, NULL, 1, NULL));
    assert_denied(tg_backward(y), TG_ERR_STATE, "square saved input x", "at version 0",
                  "now at version 1", "last written by sgd_step_");
    y = tg_sum(tg_square(w), TG_ALL, false);
    tg_tensor *m = tg_zeros_like(w);
    tg_tensor *v = tg_zeros_like(w);
    assert_ok(tg_adam_step_(&w, &g, &m, &v, NULL, (const int64_t[]){1}, 1, NULL));
    assert_denied(tg_backward(y), TG_ERR_STATE, "last written by adam_step_");
}

/* ---- Deleters in the middle of a walk ---- */

static tg_tensor *owners[3];
static int calls;

static void let_go(void *ctx) {
    (void)ctx;
    calls++;
    for (int i = 0; i < 3; i++) {
        tg_tensor *x = owners[i];
        owners[i] = NULL;
        tg_release(x);
    }
}

/* w · blob, where blob goes when the walk has used it, and takes root, input and leaf along. */
static void record_with_deleter(void) {
    static double memory[2] = {2, 3};
    calls = 0;
    tg_scope s = tg_scope_open();
    tg_tensor *blob = tg_from_blob(memory, TG_F64, TG_SHAPE(2), NULL, let_go, NULL);
    tg_tensor *w = LEAF(1, 1);
    tg_tensor *h = tg_mul_scalar(w, 1);
    owners[0] = tg_keep(tg_sum(tg_mul_scalar(tg_mul(h, blob), 1), TG_ALL, false));
    owners[1] = tg_keep(h);
    owners[2] = tg_keep(w);
    assert_ok(tg_scope_close(s));
    assert_int_equal(calls, 0);
}

static void a_deleter_may_drop_the_graph_that_is_being_walked(void **state) {
    (void)state;
    record_with_deleter();
    assert_ok(tg_backward(owners[0]));
    assert_int_equal(calls, 1);
    assert_int_equal(tg_live_tensors(), 0);
    assert_int_equal(tg_live_nodes(), 0);

    record_with_deleter();
    tg_tensor *watched = tg_retain(owners[2]); /* the gradient arrives all the same */
    assert_ok(tg_backward(owners[0]));
    tg_tensor *g = tg_grad(watched);
    assert_values(g, 2, 3);
    tg_release(g);
    tg_release(watched);

    record_with_deleter();
    tg_tensor *in[] = {owners[1], owners[2]};
    tg_tensor *out[2];
    assert_ok(tg_gradients(&owners[0], 1, in, 2, NULL, out));
    assert_int_equal(calls, 1);
    for (int i = 0; i < 2; i++) {
        assert_values(out[i], 2, 3);
        tg_release(out[i]);
    }
    assert_int_equal(tg_live_tensors(), 0);
    assert_int_equal(tg_live_nodes(), 0);
}

TG_TEST_MAIN(tg_scoped(what_was_a_leaf_takes_no_history),
             tg_scoped(a_gradient_that_was_dropped_is_a_tensor_like_others),
             tg_scoped(a_seed_that_passes_through_stays_connected),
             tg_scoped(connecting_a_seed_may_fail_for_want_of_memory),
             tg_scoped(mixed_dtypes_in_place_have_gradients_of_their_own_dtype),
             tg_scoped(the_step_of_an_optimizer_is_named_as_the_writer),
             tg_tidy(a_deleter_may_drop_the_graph_that_is_being_walked))
