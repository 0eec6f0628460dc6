/* test_custom.c - functions of the user's: classes, lifetime, infer, gradients of every order. */
#include "functions.h"

#include <stddef.h>
#include <string.h>

/* ---- Gradients ------------------------------------------------------------------------------- */

static void a_function_has_its_gradient(void **state) {
    (void)state;
    tg_function_class methods = cube_class();
    tg_function *f = function_of(&methods, NULL);
    tg_tensor *x = LEAF(1, -2, 3);
    tg_tensor *y = call1(f, x);
    assert_values(y, 1, -8, 27);
    assert_string_equal(tg_grad_op(y), "cube");
    sum_backward(y);
    assert_values(tg_grad(x), 3, 12, 27);
    tg_function_free(f);
}

static void gradients_of_every_order_follow(void **state) {
    (void)state;
    tg_function_class methods = cube_class();
    tg_function *f = function_of(&methods, NULL);
    tg_tensor *x = LEAF(1, -2, 3);
    tg_tensor *inner = tg_mul_scalar(x, 2); /* saved with a history: y = (2x)³ */
    tg_tensor *first = slope(call1(f, inner), NULL, x);
    assert_values(first, 24, 96, 216); /* 24x² */
    tg_tensor *second = slope(first, NULL, x);
    assert_values(second, 48, -96, 144);
    tg_tensor *third = slope(second, NULL, x);
    assert_values(third, 48, 48, 48);
    tg_function_free(f);
}

/* y = eˣ from its saved output. */
static tg_status exp_forward(void *ctx, tg_call *call, tg_tensor *const *in, int n_in,
                             tg_tensor **out, int n_out) {
    (void)ctx, (void)n_in, (void)n_out;
    out[0] = tg_exp(in[0]);
    return tg_call_save(call, out, 1);
}
static tg_status exp_backward(void *ctx, tg_call *call, tg_tensor *const *g, int n_out,
                              tg_tensor **gin, int n_in) {
    (void)ctx, (void)n_in, (void)n_out;
    gin[0] = tg_mul(g[0], tg_call_saved(call, 0));
    return TG_OK;
}

static void a_saved_output_has_its_history(void **state) {
    (void)state;
    tg_function_class methods = cube_class();
    methods.forward = exp_forward;
    methods.backward = exp_backward;
    tg_tensor *x = LEAF(0, .5);
    tg_tensor *y = once(&methods, NULL, x);
    tg_tensor *third = slope(slope(slope(y, NULL, x), NULL, x), NULL, x);
    assert_values_near(third, 1e-15, 1, 1.6487212707001282);
}

static void nothing_is_recorded_without_need(void **state) {
    (void)state;
    counts n = {0};
    tg_function_class methods = cube_class();
    methods.destroy = count_destroyed;
    tg_function *f = function_of(&methods, &n);
    assert_false(tg_requires_grad(call1(f, ROW(2))));
    bool was = no_grad();
    assert_false(tg_requires_grad(call1(f, LEAF(2))));
    tg_set_grad_enabled(was);
    assert_int_equal(n.forwards, 2);
    tg_function_free(f); /* no graph holds it */
    assert_int_equal(n.destroyed, 1);
}

static void a_non_differentiable_function_gives_constants(void **state) {
    (void)state;
    tg_function_class methods = cube_class();
    methods.backward = NULL;
    methods.flags = TG_FUNCTION_NOT_DIFFERENTIABLE;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *y = once(&methods, NULL, x);
    assert_values(y, 1, 8);
    assert_false(tg_requires_grad(y));
    sum_backward(tg_mul(x, y));
    assert_values(tg_grad(x), 1, 8);
    assert_denied(tg_backward(tg_sum(y, TG_ALL, false)), TG_ERR_STATE,
                  "does not require gradients");
}

static void a_backward_without_derivative_is_refused_in_create_graph(void **state) {
    (void)state;
    tg_function_class methods = cube_class();
    methods.flags = TG_FUNCTION_ONCE;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *y = tg_sum(once(&methods, NULL, x), TG_ALL, false);
    tg_gradients_options o = TG_GRADIENTS_OPTIONS_INIT;
    o.create_graph = true;
    tg_tensor *g;
    assert_denied(tg_gradients(&y, 1, &x, 1, &o, &g), TG_ERR_UNSUPPORTED,
                  "function 'cube': has no second derivative", "TG_FUNCTION_ONCE");
    assert_null(g);
    assert_ok(tg_backward(y)); /* create_graph retains */
    assert_values(tg_grad(x), 3, 12);
}

static void graphs_are_consumed_or_retained(void **state) {
    (void)state;
    tg_function_class methods = cube_class();
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *y = tg_sum(once(&methods, NULL, x), TG_ALL, false);
    tg_backward_options o = TG_BACKWARD_OPTIONS_INIT;
    o.retain_graph = true;
    assert_ok(tg_backward_ex(&y, 1, &o));
    assert_ok(tg_backward(y));
    assert_values(tg_grad(x), 6, 24);
    assert_denied(tg_backward(y), TG_ERR_STATE, "walked before", "cube");
}

/* ---- Lifetime -------------------------------------------------------------------------------- */

static void graphs_keep_the_function_alive(void **state) {
    (void)state;
    counts n = {0};
    char name[] = "cube";
    tg_function_class *methods = malloc(sizeof *methods);
    *methods = cube_class();
    methods->name = name;
    methods->destroy = count_destroyed;
    tg_function *f = function_of(methods, &n);
    memset(methods, 0xff, sizeof *methods);
    free(methods);
    memset(name, 0, sizeof name);
    tg_scope s = tg_scope_open();
    tg_tensor *x = LEAF(2);
    tg_tensor *y = call1(f, x), *z = call1(f, y);
    tg_function_free(f);
    assert_int_equal(n.destroyed, 0);
    assert_string_equal(tg_grad_op(z), "cube");
    sum_backward(z);
    assert_values(tg_grad(x), 9 * 256);
    assert_int_equal(n.destroyed, 0);
    assert_ok(tg_scope_close(s));
    assert_int_equal(n.destroyed, 1);
    assert_int_equal(n.backwards, 2);
}

/* destroy may use the library: here it gives back a tensor with a graph behind it. */
static void release_ctx(void *ctx) { tg_unhold(ctx); }

static void destroy_may_release_graphs(void **state) {
    (void)state;
    tg_function_class methods = cube_class();
    methods.forward = exp_forward;
    methods.backward = exp_backward;
    methods.destroy = release_ctx;
    tg_scope s = tg_scope_open();
    tg_tensor *x = LEAF(2);
    tg_tensor *y = x;
    for (int i = 0; i < 100; i++)
        y = once(&methods, tg_hold(tg_exp(x)), tg_mul_scalar(y, 0.1));
    assert_ok(tg_scope_close(s));
}

/* ---- Bad classes ----------------------------------------------------------------------------- */

static void missing_methods_are_named(void **state) {
    (void)state;
    tg_function_class good = cube_class(), c = good;
    assert_null(tg_function_new(NULL, NULL));
    assert_denied(tg_error_status(), TG_ERR_ARG, "function_new", "methods is NULL");
    c.forward = NULL;
    assert_null(tg_function_new(&c, NULL));
    assert_denied(tg_error_status(), TG_ERR_ARG, "function_new", "'cube' has no method forward");
    c = good;
    c.backward = NULL;
    assert_null(tg_function_new(&c, NULL));
    assert_denied(tg_error_status(), TG_ERR_ARG, "'cube' has no method backward",
                  "TG_FUNCTION_NOT_DIFFERENTIABLE");
    c.size = offsetof(tg_function_class, forward); /* too old to have methods */
    assert_null(tg_function_new(&c, NULL));
    assert_denied(tg_error_status(), TG_ERR_ARG, "'cube' has no method forward");
    c.size = 0;
    assert_null(tg_function_new(&c, NULL));
    assert_denied(tg_error_status(), TG_ERR_ARG, "methods.size is 0");
    c = good;
    c.flags = 64;
    assert_null(tg_function_new(&c, NULL));
    assert_denied(tg_error_status(), TG_ERR_UNSUPPORTED, "flags 0x40");
    c = good;
    c.name = "";
    assert_null(tg_function_new(&c, NULL));
    assert_denied(tg_error_status(), TG_ERR_ARG, "no name");
    c.name = "a name that is a good deal longer than any name of a function can be";
    assert_null(tg_function_new(&c, NULL));
    assert_denied(tg_error_status(), TG_ERR_ARG, "68 bytes; give at most 60");
    tg_function_free(NULL);
    assert_string_equal(tg_function_name(NULL), "");
    assert_string_equal(tg_function_onnx(NULL), "none");
}

/* ---- infer ----------------------------------------------------------------------------------- */

static tg_status infer_like_first(void *ctx, tg_tensor *const *in, int n_in, int output,
                                  tg_dtype *dtype, int *ndim, int64_t *shape) {
    (void)n_in;
    (void)output;
    *dtype = ctx != NULL ? TG_F32 : tg_dtype_of(in[0]);
    *ndim = tg_ndim(in[0]);
    memcpy(shape, tg_shape(in[0]), (size_t)*ndim * sizeof *shape);
    return TG_OK;
}
static tg_status infer_fails(void *ctx, tg_tensor *const *in, int n_in, int output, tg_dtype *dtype,
                             int *ndim, int64_t *shape) {
    (void)ctx, (void)in, (void)n_in, (void)output, (void)dtype, (void)ndim, (void)shape;
    return TG_ERR_SHAPE;
}

static void infer_tells_and_is_compared(void **state) {
    (void)state;
    tg_function_class methods = cube_class();
    methods.infer = infer_like_first;
    methods.onnx = "Cube";
    tg_function *f = function_of(&methods, NULL);
    tg_dtype dtype;
    int ndim;
    int64_t shape[TG_MAX_DIMS];
    tg_tensor *x = leaf(counting(TG_SHAPE(2, 3)));
    assert_ok(tg_function_infer(f, &x, 1, 0, &dtype, &ndim, shape));
    assert_true(dtype == TG_F64 && ndim == 2 && shape[0] == 2 && shape[1] == 3);
    assert_values(call1(f, x), 0, 1, 8, 27, 64, 125);
    assert_string_equal(tg_function_onnx(f), "Cube");
    assert_string_equal(tg_function_name(f), "cube");
    assert_denied(tg_function_infer(f, &x, 1, -1, &dtype, &ndim, shape), TG_ERR_INDEX, "output -1");
    assert_denied(tg_function_infer(f, &x, 1, 0, &dtype, NULL, shape), TG_ERR_ARG, "ndim");
    tg_function_free(f);

    counts n = {0};
    f = function_of(&methods, &n); /* with a ctx it says f32 */
    assert_refused(call1(f, x), TG_ERR_DTYPE,
                   "function 'cube': forward gave output 0 as f64 [2, 3]", "infer said f32 [2, 3]");
    tg_function_free(f);

    methods.infer = infer_fails;
    f = function_of(&methods, NULL);
    assert_refused(call1(f, x), TG_ERR_SHAPE, "function 'cube'");
    tg_function_free(f);
    methods.infer = NULL;
    f = function_of(&methods, NULL);
    assert_denied(tg_function_infer(f, &x, 1, 0, &dtype, &ndim, shape), TG_ERR_UNSUPPORTED,
                  "no method infer");
    tg_function_free(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        tg_scoped(a_function_has_its_gradient),
        tg_scoped(gradients_of_every_order_follow),
        tg_scoped(a_saved_output_has_its_history),
        tg_scoped(nothing_is_recorded_without_need),
        tg_scoped(a_non_differentiable_function_gives_constants),
        tg_scoped(a_backward_without_derivative_is_refused_in_create_graph),
        tg_scoped(graphs_are_consumed_or_retained),
        tg_scoped(graphs_keep_the_function_alive),
        tg_scoped(destroy_may_release_graphs),
        tg_scoped(missing_methods_are_named),
        tg_scoped(infer_tells_and_is_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
