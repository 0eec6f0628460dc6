/* test_gradcheck.c - gradcheck: that it finds what is wrong and says where. Wrong gradients are
 * made with tg_detach, which hides a factor from the tape but not from differences. */
#include "tensors.h"

#include <tensorgrad/gradcheck.h>
#include <tensorgrad/random.h>

#include <stdio.h>

/* y0 = x0 · tanh(x1), y1 = argmax of x0 */
static tg_status smooth(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)ctx, (void)n_in;
    out[0] = tg_mul(in[0], tg_tanh(in[1]));
    if (n_out > 1)
        out[1] = tg_argmax(in[0], TG_FLAT, false);
    return TG_OK;
}

/* Element 2 of input 1 has a gradient that is half of what it should be. */
static tg_status half_wrong(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)ctx, (void)n_in, (void)n_out;
    tg_tensor *parts[2] = {
        tg_square(tg_slice(in[1], 0, 0, 2, 1)),
        tg_mul(tg_slice(in[1], 0, 2, 3, 1), tg_detach(tg_slice(in[1], 0, 2, 3, 1)))};
    out[0] = tg_sum(in[0], TG_ALL, false);
    out[1] = tg_cat(parts, 2, 0);
    return TG_OK;
}

/* x² by x · x with a first derivative that is right and a second that is not: d = 2x, d² = 1. */
static tg_status second_wrong(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out,
                              int n_out) {
    (void)ctx, (void)n_in, (void)n_out;
    tg_tensor *x = in[0];
    tg_tensor *fixed = tg_detach(x);
    tg_tensor *linear = tg_mul_scalar(tg_mul(x, fixed), 2); /* value 2x², slope 2x, curvature 0 */
    out[0] = tg_sub(linear, tg_square(fixed));
    return TG_OK;
}

static tg_status dropout(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)n_in, (void)n_out;
    out[0] = tg_mul(tg_square(in[0]), tg_rand(TG_F64, TG_SHAPE(3), ctx));
    return TG_OK;
}

static tg_status drifting(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)n_in, (void)n_out;
    double *by = ctx;
    *by += 1e-4;
    out[0] = tg_add_scalar(in[0], *by);
    return TG_OK;
}

static tg_status jumping(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)ctx, (void)n_in, (void)n_out;
    out[0] = at(in[0], 0) > 1 ? in[0] : tg_sum(in[0], TG_ALL, true);
    return TG_OK;
}

static tg_status broken(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)ctx, (void)n_in, (void)n_out;
    out[0] = tg_reshape(in[0], TG_SHAPE(77));
    return TG_OK;
}

static tg_status not_a_number(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out,
                              int n_out) {
    (void)ctx, (void)n_in, (void)n_out;
    out[0] = tg_sqrt(in[0]);
    return TG_OK;
}

static void right_gradients_pass(void **state) {
    (void)state;
    tg_tensor *in[2] = {LEAF(1, 2, 3), LEAF(.1, -.2, .3)};
    for (int fast = 0; fast < 2; fast++) {
        tg_gradcheck_options o = TG_GRADCHECK_OPTIONS_INIT;
        tg_gradcheck_result r = TG_GRADCHECK_RESULT_INIT;
        o.fast = fast;
        assert_ok(tg_gradcheck(smooth, NULL, in, 2, 2, &o, &r));
        assert_true(r.passed);
        assert_int_equal(r.compared, fast ? 2 : 18);
        assert_true(r.excess < 1e-3);
        assert_contains(r.text, fast ? "gradcheck: 0 of 2" : "gradcheck: 0 of 18");
        assert_ok(tg_gradgradcheck(smooth, NULL, in, 2, 2, &o, &r));
        assert_int_equal(r.compared, fast ? 6 : 6 * 9); /* 2 gradients by 2 inputs and a seed */
        assert_contains(r.text, "gradgradcheck: 0 of");
    }
    assert_null(tg_grad(in[0]));
    assert_values(in[0], 1, 2, 3);
}

static void the_worst_element_is_named(void **state) {
    (void)state;
    tg_tensor *in[2] = {ROW(1, 2), ROW(1, 2, 5)};
    tg_gradcheck_result r = TG_GRADCHECK_RESULT_INIT;
    assert_denied(tg_gradcheck(half_wrong, NULL, in, 2, 2, NULL, &r), TG_ERR_NUMERIC,
                  "gradcheck: 1 of 20 derivatives differ", "output 1, element 2",
                  "input 1, element 2", "analytic 5", "numeric 10");
    assert_false(r.passed);
    assert_int_equal(r.output, 1);
    assert_int_equal(r.output_element, 2);
    assert_int_equal(r.input, 1);
    assert_int_equal(r.input_element, 2);
    assert_close(r.analytic, 5, 0, 0);
    assert_close(r.numeric, 10, 0, 1e-6);
    assert_close(r.excess, 5 / (1e-5 + 1e-3 * 10), 1e-6, 0);
    assert_int_equal(r.compared, 20);
    assert_contains(r.text, "analytic 5");
}

static void the_fast_mode_finds_it_too(void **state) {
    (void)state;
    tg_tensor *in[2] = {ROW(1, 2), ROW(1, 2, 5)};
    tg_gradcheck_options o = TG_GRADCHECK_OPTIONS_INIT;
    tg_gradcheck_result r = TG_GRADCHECK_RESULT_INIT;
    o.fast = true;
    for (o.seed = 0; o.seed < 8; o.seed++) {
        assert_denied(tg_gradcheck(half_wrong, NULL, in, 2, 2, &o, &r), TG_ERR_NUMERIC,
                      "1 of 4 derivatives", "output 1, in a random direction", "input 1");
        assert_int_equal(r.input_element, -1);
    }
}

static void a_wrong_second_derivative_is_found(void **state) {
    (void)state;
    tg_tensor *x = ROW(1.5);
    tg_gradcheck_result r = TG_GRADCHECK_RESULT_INIT;
    assert_denied(tg_gradgradcheck(second_wrong, NULL, &x, 1, 1, NULL, &r), TG_ERR_NUMERIC,
                  "gradgradcheck: 1 of 2", "output 0, element 0, by input 0, element 0",
                  "analytic 0");
    assert_true(fabs(r.numeric) > 1e-3);
}

static void only_marked_inputs_are_checked(void **state) {
    (void)state;
    tg_tensor *in[2] = {LEAF(1, 2), ROW(1, 2, 5)};
    tg_gradcheck_result r = TG_GRADCHECK_RESULT_INIT;
    assert_ok(tg_gradcheck(half_wrong, NULL, in, 2, 2, NULL, &r));
    assert_int_equal(r.compared, 8);
}

static void what_draws_from_the_default_generator_can_be_checked(void **state) {
    (void)state;
    tg_tensor *x = ROW(1, 2, 3);
    tg_generator_state before;
    tg_generator_state after;
    assert_ok(tg_generator_get_state(NULL, &before));
    assert_ok(tg_gradcheck(dropout, NULL, &x, 1, 1, NULL, NULL));
    assert_ok(tg_gradgradcheck(dropout, NULL, &x, 1, 1, NULL, NULL));
    assert_ok(tg_generator_get_state(NULL, &after));
    assert_memory_equal(&before, &after, sizeof before);
}

static void what_differs_from_run_to_run_is_found(void **state) {
    (void)state;
    tg_tensor *x = ROW(1, 2, 3);
    tg_generator *g = tg_generator_new(1);
    tg_gradcheck_options o = TG_GRADCHECK_OPTIONS_INIT;
    tg_gradcheck_result r = TG_GRADCHECK_RESULT_INIT;
    double by = 0;
    assert_denied(tg_gradcheck(dropout, g, &x, 1, 1, NULL, &r), TG_ERR_NUMERIC,
                  "gradcheck: not deterministic", "output 0, element 0");
    assert_false(r.passed);
    assert_int_equal(r.compared, 0);
    assert_denied(tg_gradcheck(drifting, &by, &x, 1, 1, NULL, NULL), TG_ERR_NUMERIC,
                  "not deterministic");
    o.nondet_tol = 1;
    o.eps = 10;
    assert_ok(tg_gradcheck(drifting, &by, &x, 1, 1, &o, NULL));
    tg_generator_free(g);
}

static void what_is_not_finite_fails(void **state) {
    (void)state;
    tg_tensor *x = ROW(4, -1);
    tg_gradcheck_result r = TG_GRADCHECK_RESULT_INIT;
    assert_denied(tg_gradcheck(not_a_number, NULL, &x, 1, 1, NULL, &r), TG_ERR_NUMERIC,
                  "numeric nan", "inf times");
    assert_true(isinf(r.excess));
}

static void operations_are_checked_by_name(void **state) {
    (void)state;
    tg_tensor *in[2] = {LEAF(.5, -.25, 2), LEAF(3, 4, -1)};
    const tg_attr beta = {.name = "beta", .type = TG_ATTR_FLOAT, .f = .5};
    tg_gradcheck_result r = TG_GRADCHECK_RESULT_INIT;
    assert_ok(tg_gradcheck_op("mul", in, 2, NULL, 0, false, NULL, &r));
    assert_int_equal(r.compared, 18);
    assert_ok(tg_gradcheck_op("mul", in, 2, NULL, 0, true, NULL, &r));
    assert_ok(tg_gradcheck_op("smooth_l1_loss", in, 2, &beta, 1, false, NULL, &r));
    const tg_attr dim = {.name = "dim", .type = TG_ATTR_INT, .i = 0};
    assert_ok(tg_gradcheck_op("max_dim", in, 1, &dim, 1, true, NULL, &r)); /* two outputs */
    assert_denied(tg_gradcheck_op("nothing", in, 2, NULL, 0, false, NULL, &r), TG_ERR_ARG,
                  "no operation", "nothing");
    assert_denied(tg_gradcheck_op("mul", in, 1, NULL, 0, false, NULL, &r), TG_ERR_ARG,
                  "mul: ", "inputs");
}

static void wrong_calls_are_named(void **state) {
    (void)state;
    tg_tensor *x = ROW(1, 2, 3);
    tg_tensor *f32 = leaf(row(TG_F32, LIST(1, 2)));
    tg_tensor *whole = row(TG_I64, LIST(1, 2));
    tg_gradcheck_options o = TG_GRADCHECK_OPTIONS_INIT;
    tg_gradcheck_result r = TG_GRADCHECK_RESULT_INIT;
    assert_denied(tg_gradcheck(smooth, NULL, &f32, 1, 1, NULL, NULL), TG_ERR_DTYPE,
                  "gradcheck: ", "input 0", "f32 [2]", "f64");
    assert_denied(tg_gradcheck(smooth, NULL, &whole, 1, 1, NULL, NULL), TG_ERR_DTYPE, "none of");
    assert_denied(tg_gradgradcheck(NULL, NULL, &x, 1, 1, NULL, NULL), TG_ERR_ARG,
                  "gradgradcheck: ", "fn");
    assert_denied(tg_gradcheck(broken, NULL, &x, 1, 1, NULL, NULL), TG_ERR_SHAPE, "reshape: ");
    assert_denied(tg_gradgradcheck(broken, NULL, &x, 1, 1, NULL, NULL), TG_ERR_SHAPE, "reshape: ");
    assert_denied(tg_gradcheck(jumping, NULL, &x, 1, 1, NULL, NULL), TG_ERR_SHAPE, "output 0",
                  "f64 [1]", "f64 [3]");
    o.eps = 0;
    assert_denied(tg_gradcheck(broken, NULL, &x, 1, 1, &o, NULL), TG_ERR_ARG, "eps is 0");
    o.eps = 1e-6;
    o.rtol = NAN;
    assert_denied(tg_gradcheck(broken, NULL, &x, 1, 1, &o, NULL), TG_ERR_ARG, "rtol is nan");
    o.rtol = 0;
    o.flags = 4;
    assert_denied(tg_gradcheck(broken, NULL, &x, 1, 1, &o, NULL), TG_ERR_UNSUPPORTED, "0x4");
    r.size = 3;
    assert_denied(tg_gradcheck(broken, NULL, &x, 1, 1, NULL, &r), TG_ERR_ARG,
                  "TG_GRADCHECK_RESULT_INIT");
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    for (int kind = 0; kind < 4; kind++)
        for (uint64_t n = 1;; n++) {
            tg_scope s = tg_scope_open();
            tg_tensor *in[2] = {LEAF(1, 2), LEAF(.1, -.2)};
            tg_gradcheck_options o = TG_GRADCHECK_OPTIONS_INIT;
            o.fast = kind & 1;
            int64_t live[3] = {tg_live_tensors(), tg_live_storages(), tg_live_nodes()};
            tg__alloc_fail_at(n, false);
            tg_status status = kind < 2 ? tg_gradcheck(smooth, NULL, in, 2, 1, &o, NULL)
                                        : tg_gradgradcheck(smooth, NULL, in, 2, 1, &o, NULL);
            tg__alloc_fail_at(0, false);
            assert_int_equal(tg_live_tensors(), live[0]);
            assert_int_equal(tg_live_storages(), live[1]);
            assert_int_equal(tg_live_nodes(), live[2]);
            if (status == TG_OK) {
                assert_ok(tg_scope_close(s));
                assert_true(n > 50);
                break;
            }
            assert_denied(status, TG_ERR_MEMORY, "out of memory");
            assert_ok(tg_scope_close(s));
        }
}

TG_TEST_MAIN(tg_scoped(right_gradients_pass), tg_scoped(the_worst_element_is_named),
             tg_scoped(the_fast_mode_finds_it_too), tg_scoped(a_wrong_second_derivative_is_found),
             tg_scoped(only_marked_inputs_are_checked),
             tg_scoped(what_draws_from_the_default_generator_can_be_checked),
             tg_scoped(what_differs_from_run_to_run_is_found), tg_scoped(what_is_not_finite_fails),
             tg_scoped(operations_are_checked_by_name), tg_scoped(wrong_calls_are_named),
             tg_scoped(every_allocation_may_fail))
