/* test_function.c - calling functions of the user's: what they may leave behind, and who owns what
 * they make. */
#include "tensors.h"

#include <tensorgrad/functional.h>
#include <tensorgrad/optim.h>

static tg_status nothing(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)ctx, (void)in, (void)n_in, (void)n_out;
    out[0] = in[0];
    return TG_OK;
}

static tg_status none(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)ctx, (void)in, (void)n_in, (void)n_out;
    out[0] = TG_NONE;
    return TG_OK;
}

static tg_status status_only(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out,
                             int n_out) {
    (void)ctx, (void)n_in, (void)n_out;
    out[0] = in[0];
    return TG_ERR_BUSY;
}

static tg_status error_only(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)ctx, (void)n_in, (void)n_out;
    out[0] = tg_square(in[0]);
    tg_reshape(in[0], TG_SHAPE(99));
    return TG_OK;
}

static tg_status scopes_and_modes(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out,
                                  int n_out) {
    (void)ctx, (void)n_in, (void)n_out;
    out[0] = tg_square(in[0]);
    tg_scope left_open = tg_scope_open();
    (void)left_open;
    tg_exp(in[0]);
    tg_set_grad_enabled(false);
    return TG_OK;
}

static tg_status writes(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)ctx, (void)n_in, (void)n_out;
    out[0] = tg_mul_scalar_(in[0], 2);
    return TG_OK;
}

/* As a binding: everything made is its own, and what it returns is handed over. */
static tg_status owning(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)ctx, (void)n_in, (void)n_out;
    tg_tensor *twice = tg_add(in[0], in[0]);
    out[0] = tg_retain(tg_square(twice));
    tg_release(out[0]);
    tg_release(twice);
    return TG_OK;
}

/* A function that differentiates another. */
static tg_status nested(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)ctx, (void)n_in, (void)n_out;
    tg_functional_options o = TG_FUNCTIONAL_OPTIONS_INIT;
    o.create_graph = true;
    tg_tensor *v = tg_ones_like(in[0]);
    return tg_vjp(scopes_and_modes, NULL, in, 1, &v, 1, &o, NULL, out);
}

static void outputs_that_are_missing_are_named(void **state) {
    (void)state;
    tg_tensor *x = number(2);
    tg_tensor *g[2] = {x, x};
    assert_denied(tg_vjp(nothing, NULL, &x, 1, NULL, 2, NULL, NULL, g), TG_ERR_ARG,
                  "vjp: ", "output 1 of 2", "unset");
    assert_denied(tg_vjp(none, NULL, &x, 1, NULL, 1, NULL, NULL, g), TG_ERR_ARG, "output 0 of 1",
                  "TG_NONE");
    assert_null(g[0]);
}

static void a_status_or_an_error_is_a_failure(void **state) {
    (void)state;
    tg_tensor *x = number(2);
    tg_tensor *g = x;
    assert_denied(tg_vjp(status_only, NULL, &x, 1, NULL, 1, NULL, NULL, &g), TG_ERR_BUSY,
                  "vjp: ", "TG_ERR_BUSY");
    assert_denied(tg_vjp(error_only, NULL, &x, 1, NULL, 1, NULL, NULL, &g), TG_ERR_SHAPE,
                  "reshape: ", "[99]");
    assert_null(g);
}

static void scopes_and_modes_left_behind_are_put_right(void **state) {
    (void)state;
    tg_tensor *x = number(3);
    tg_tensor *g;
    assert_ok(tg_vjp(scopes_and_modes, NULL, &x, 1, NULL, 1, NULL, NULL, &g));
    assert_values(g, 6);
    assert_true(tg_grad_enabled());
}

static void inputs_cannot_be_written(void **state) {
    (void)state;
    tg_tensor *x = number(3);
    tg_tensor *g;
    assert_denied(tg_vjp(writes, NULL, &x, 1, NULL, 1, NULL, NULL, &g), TG_ERR_STATE, "in place");
    assert_values(x, 3);
}

static void bindings_hand_their_references_over(void **state) {
    (void)state;
    tg_tensor *x = number(3);
    tg_functional_options o = TG_FUNCTIONAL_OPTIONS_INIT;
    o.flags = TG_CALLBACK_OWNS;
    tg_tensor *y;
    tg_tensor *g;
    assert_ok(tg_vjp(owning, NULL, &x, 1, NULL, 1, &o, &y, &g));
    assert_values(y, 36);
    assert_values(g, 24);
}

static void functions_nest(void **state) {
    (void)state;
    tg_tensor *x = ROW(3, 4);
    tg_tensor *j;
    assert_ok(tg_jacobian(nested, NULL, &x, 1, 1, NULL, &j)); /* of 2x */
    assert_values(j, 2, 0, 0, 2);
}

/* Without a scope the results are the caller's, each with one reference. */
static void results_outside_scopes_are_the_callers(void **state) {
    (void)state;
    tg_tensor *x = number(3);
    tg_tensor *y;
    tg_tensor *g;
    assert_ok(tg_vjp(scopes_and_modes, NULL, &x, 1, NULL, 1, NULL, &y, &g));
    assert_values(y, 9);
    assert_values(g, 6);
    tg_release(y);
    tg_release(g);
    tg_release(x);
}

TG_TEST_MAIN(tg_scoped(outputs_that_are_missing_are_named),
             tg_scoped(a_status_or_an_error_is_a_failure),
             tg_scoped(scopes_and_modes_left_behind_are_put_right),
             tg_scoped(inputs_cannot_be_written), tg_scoped(bindings_hand_their_references_over),
             tg_scoped(functions_nest), tg_tidy(results_outside_scopes_are_the_callers))
