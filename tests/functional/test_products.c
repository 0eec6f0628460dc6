/* test_products.c - products with Jacobians and Hessians, against numbers worked out by hand, and
 * the nested derivatives that the tape gives by itself. */
#include "tensors.h"

#include <tensorgrad/functional.h>

static int calls;

/* y0 [2] = x0² · x1, y1 = Σ x0, for x0 [2], x1 []. */
static tg_status two(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)ctx;
    assert_int_equal(n_in, 2);
    assert_int_equal(n_out, 2);
    calls++;
    out[0] = tg_mul(tg_square(in[0]), in[1]);
    out[1] = tg_sum(in[0], TG_ALL, false);
    return TG_OK;
}

/* Σ x³ */
static tg_status cubes(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)ctx, (void)n_in, (void)n_out;
    out[0] = tg_sum(tg_mul(tg_square(in[0]), in[0]), TG_ALL, false);
    return TG_OK;
}

/* Σ x0² · x1 */
static tg_status mixed(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)ctx, (void)n_in, (void)n_out;
    out[0] = tg_sum(tg_mul(tg_square(in[0]), in[1]), TG_ALL, false);
    return TG_OK;
}

static tg_status constant(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)ctx, (void)in, (void)n_in, (void)n_out;
    out[0] = number(3);
    return TG_OK;
}

static tg_status whole(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)ctx, (void)n_in, (void)n_out;
    out[0] = tg_argmax(in[0], TG_FLAT, false);
    return TG_OK;
}

static tg_status fails(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)ctx, (void)n_in, (void)n_out;
    tg_rand(TG_F64, TG_SHAPE(5), NULL);
    out[0] = tg_matmul(in[0], tg_ones(TG_F64, TG_SHAPE(7, 7)));
    return TG_OK;
}

static void vjp_weighs_the_rows_of_the_jacobian(void **state) {
    (void)state;
    tg_tensor *in[2] = {LEAF(1, 2), number(3)};
    tg_tensor *seeds[2] = {ROW(10, 100), number(7)};
    tg_tensor *y[2];
    tg_tensor *g[2];
    assert_ok(tg_vjp(two, NULL, in, 2, seeds, 2, NULL, y, g));
    assert_values(y[0], 3, 12);
    assert_values(y[1], 3);
    assert_values(g[0], 10 * 6 + 7, 100 * 12 + 7); /* 2·x0·x1·v + w */
    assert_values(g[1], 10 + 400);
    assert_shape(g[1], TG_F64, TG_0D);
    assert_false(tg_requires_grad(y[0]) || tg_requires_grad(g[0]));
    assert_null(tg_grad(in[0]));
}

static void jvp_is_the_derivative_in_a_direction(void **state) {
    (void)state;
    tg_tensor *in[2] = {ROW(1, 2), number(3)};
    tg_tensor *t[2] = {ROW(1, -1), TG_NONE};
    tg_tensor *y[2];
    tg_tensor *d[2];
    assert_ok(tg_jvp(two, NULL, in, 2, t, 2, NULL, y, d));
    assert_values(d[0], 6 * 1 + 1, -12 + 4); /* 2·x0·x1·t0 + x0²·t1 */
    assert_values(d[1], 0);
    assert_values(y[1], 3);
}

static void products_with_the_hessian(void **state) {
    (void)state;
    tg_tensor *in[2] = {ROW(1, 2), ROW(3, 4)};
    tg_tensor *v[2] = {ROW(1, 10), ROW(100, 1000)};
    tg_tensor *y;
    for (int vhp = 0; vhp < 2; vhp++) {
        tg_tensor *p[2];
        assert_ok((vhp ? tg_vhp : tg_hvp)(mixed, NULL, in, 2, v, NULL, &y, p));
        assert_values(y, 3 + 16);
        assert_values(p[0], 2 * 3 * 1 + 2 * 1 * 100, 2 * 4 * 10 + 2 * 2 * 1000);
        assert_values(p[1], 2 * 1 * 1, 2 * 2 * 10);
    }
}

static void create_graph_leads_back_to_the_inputs(void **state) {
    (void)state;
    tg_tensor *x = LEAF(2);
    tg_tensor *h = tg_mul_scalar(x, 2); /* an intermediate */
    tg_functional_options o = TG_FUNCTIONAL_OPTIONS_INIT;
    o.create_graph = true;
    tg_tensor *y;
    tg_tensor *g;
    assert_ok(tg_vjp(cubes, NULL, &h, 1, NULL, 1, &o, &y, &g));
    assert_values(g, 48);                        /* 3h² */
    assert_values(slope(g, NULL, x), 6 * 4 * 2); /* 6h · 2 */
    assert_values(slope(y, NULL, x), 96);
    tg_tensor *one = ROW(1);
    assert_ok(tg_hvp(cubes, NULL, &x, 1, &one, &o, NULL, &g));
    assert_values(g, 12);
    assert_values(slope(g, NULL, x), 6);
    assert_ok(tg_jvp(cubes, NULL, &x, 1, &one, 1, &o, NULL, &g));
    assert_values(g, 12);
    assert_values(slope(g, NULL, x), 12);
    assert_null(tg_grad(x));
}

static void what_depends_on_nothing_has_zeros(void **state) {
    (void)state;
    tg_tensor *x = grid(TG_F32, 1, 2, LIST(1, 2));
    tg_tensor *v = grid(TG_F32, 1, 2, LIST(1, 1));
    tg_tensor *g;
    assert_ok(tg_vjp(constant, NULL, &x, 1, NULL, 1, NULL, NULL, &g));
    assert_shape(g, TG_F32, TG_SHAPE(1, 2));
    assert_values(g, 0, 0);
    assert_ok(tg_jvp(constant, NULL, &x, 1, &v, 1, NULL, NULL, &g));
    assert_shape(g, TG_F64, TG_0D);
    assert_values(g, 0);
    assert_ok(tg_hvp(constant, NULL, &x, 1, &v, NULL, NULL, &g));
    assert_values(g, 0, 0);
}

static void recording_is_on_inside_and_the_mode_outside_stays(void **state) {
    (void)state;
    tg_tensor *x = ROW(2);
    tg_tensor *g;
    no_grad();
    assert_ok(tg_vjp(cubes, NULL, &x, 1, NULL, 1, NULL, NULL, &g));
    assert_values(g, 12);
    assert_false(tg_grad_enabled());
    assert_false(tg_requires_grad(x));
    tg_set_grad_enabled(true);
}

static void refusals_name_what_is_wrong(void **state) {
    (void)state;
    tg_tensor *x = ROW(1, 2);
    tg_tensor *whole_numbers = row(TG_I64, LIST(1, 2));
    tg_tensor *three = ROW(1, 2, 3);
    tg_tensor *single = row(TG_F32, LIST(1, 2));
    tg_tensor *both[2] = {x, number(1)};
    tg_tensor *g[2] = {x, x};
    assert_denied(tg_vjp(NULL, NULL, &x, 1, NULL, 1, NULL, NULL, g), TG_ERR_ARG, "vjp: ", "fn");
    assert_null(g[0]);
    assert_denied(tg_vjp(cubes, NULL, NULL, 1, NULL, 1, NULL, NULL, g), TG_ERR_ARG, "inputs");
    assert_denied(tg_jvp(cubes, NULL, &x, 0, NULL, 1, NULL, NULL, g), TG_ERR_ARG,
                  "jvp: ", "0 inputs");
    assert_denied(tg_vjp(cubes, NULL, &x, 1, NULL, 1, NULL, NULL, NULL), TG_ERR_ARG,
                  "1 results at NULL");
    assert_denied(tg_hvp(cubes, NULL, &whole_numbers, 1, &x, NULL, NULL, g), TG_ERR_DTYPE,
                  "hvp: ", "input 0", "i64 [2]");
    assert_denied(tg_vjp(whole, NULL, &x, 1, NULL, 1, NULL, NULL, g), TG_ERR_DTYPE, "output 0",
                  "i64 []");
    assert_denied(tg_vjp(two, NULL, both, 2, NULL, 2, NULL, NULL, g), TG_ERR_SHAPE, "output 0",
                  "f64 [2]", "cotangents[0]");
    assert_denied(tg_jvp(cubes, NULL, &x, 1, &three, 1, NULL, NULL, g), TG_ERR_SHAPE, "tangents[0]",
                  "f64 [3]", "input 0", "f64 [2]");
    assert_denied(tg_vhp(cubes, NULL, &x, 1, &single, NULL, NULL, g), TG_ERR_DTYPE, "vectors[0]",
                  "f32");
    assert_denied(tg_vjp(cubes, NULL, both, 2, NULL, 1, NULL, NULL, both), TG_ERR_ARG, "share");
    assert_denied(tg_vjp(cubes, NULL, both, 2, NULL, 1, NULL, both + 1, g), TG_ERR_ARG, "share");
    assert_non_null(both[1]);
    tg_functional_options o = TG_FUNCTIONAL_OPTIONS_INIT;
    o.flags = 6;
    assert_denied(tg_vjp(cubes, NULL, &x, 1, NULL, 1, &o, NULL, g), TG_ERR_UNSUPPORTED, "0x6");
}

static void a_failing_function_says_why_and_leaves_the_generator(void **state) {
    (void)state;
    assert_ok(tg_manual_seed(3));
    tg_generator_state before;
    tg_generator_state after;
    assert_ok(tg_generator_get_state(NULL, &before));
    tg_tensor *x = ROW(1, 2);
    tg_tensor *g = x;
    assert_denied(tg_vjp(fails, NULL, &x, 1, NULL, 1, NULL, NULL, &g), TG_ERR_SHAPE,
                  "matmul: ", "[7, 7]");
    assert_null(g);
    assert_ok(tg_generator_get_state(NULL, &after));
    assert_memory_equal(&before, &after, sizeof before);
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    for (int kind = 0; kind < 4; kind++)
        for (uint64_t n = 1;; n++) {
            tg_scope s = tg_scope_open();
            tg_tensor *in[2] = {LEAF(1, 2), LEAF(3, 4)};
            tg_tensor *v[2] = {ROW(1, 10), ROW(100, 1000)};
            tg_tensor *y[2] = {NULL, NULL};
            tg_tensor *p[2] = {in[0], in[0]};
            const tg_functional_options o = {sizeof o, 0, true};
            int64_t live[3] = {tg_live_tensors(), tg_live_storages(), tg_live_nodes()};
            tg__alloc_fail_at(n, false);
            tg_status status = kind == 0   ? tg_vjp(mixed, NULL, in, 2, NULL, 1, &o, y, p)
                               : kind == 1 ? tg_jvp(mixed, NULL, in, 2, v, 1, &o, y, p)
                               : kind == 2 ? tg_hvp(mixed, NULL, in, 2, v, &o, y, p)
                                           : tg_vhp(mixed, NULL, in, 2, v, &o, y, p);
            tg__alloc_fail_at(0, false);
            if (status == TG_OK) {
                assert_ok(tg_scope_close(s));
                assert_true(n > 20);
                break;
            }
            assert_denied(status, TG_ERR_MEMORY, "out of memory");
            assert_null(p[0]);
            assert_null(y[0]);
            assert_int_equal(tg_live_tensors(), live[0]);
            assert_int_equal(tg_live_storages(), live[1]);
            assert_int_equal(tg_live_nodes(), live[2]);
            assert_ok(tg_scope_close(s));
        }
}

/* ---- The tape itself, to higher orders ---- */

static void x_cubed_at_two_gives_12_12_6(void **state) {
    (void)state;
    tg_tensor *x = leaf(number(2));
    tg_tensor *d = tg_mul(tg_square(x), x);
    static const double expected[3] = {12, 12, 6};
    for (int order = 0; order < 3; order++) {
        d = slope(d, NULL, x);
        assert_close(tg_item(d), expected[order], 0, 1e-12);
    }
}

static void the_fourth_derivative_of_tanh(void **state) {
    (void)state;
    for (double at_x = -2; at_x <= 2; at_x += .25) {
        tg_tensor *x = leaf(number(at_x));
        tg_tensor *d = tg_tanh(x);
        for (int order = 0; order < 4; order++)
            d = slope(d, NULL, x);
        double t = tanh(at_x); /* tanh'''' = 8t(1 - t²)(2 - 3t²) */
        assert_close(tg_item(d), 8 * t * (1 - t * t) * (2 - 3 * t * t), 0, 1e-6);
    }
}

TG_TEST_MAIN(tg_scoped(vjp_weighs_the_rows_of_the_jacobian),
             tg_scoped(jvp_is_the_derivative_in_a_direction), tg_scoped(products_with_the_hessian),
             tg_scoped(create_graph_leads_back_to_the_inputs),
             tg_scoped(what_depends_on_nothing_has_zeros),
             tg_scoped(recording_is_on_inside_and_the_mode_outside_stays),
             tg_scoped(refusals_name_what_is_wrong),
             tg_scoped(a_failing_function_says_why_and_leaves_the_generator),
             tg_scoped(every_allocation_may_fail), tg_scoped(x_cubed_at_two_gives_12_12_6),
             tg_scoped(the_fourth_derivative_of_tanh))
