/* test_anomaly.c - the first NaN or infinity of a gradient, and where it comes from. */
#define TENSORGRAD_SITES
#include "tensors.h"

#include <tensorgrad/tensorgrad.h>

#include <errno.h>

static int anomaly_begin(void **state) {
    int status = tg_test_begin(state);
    tg_set_anomaly_enabled(true); /* until the test's scope closes */
    return status;
}

#define anomaly_test(test) cmocka_unit_test_setup_teardown(test, anomaly_begin, tg_test_end)

static tg_status keep_backward(tg_tensor *root) {
    tg_backward_options o = TG_BACKWARD_OPTIONS_INIT;
    o.retain_graph = true;
    return tg_backward_ex(&root, 1, &o);
}

static const char *here(int line) {
    static char text[256];
    snprintf(text, sizeof text, "%s:%d", __FILE__, line);
    return text;
}

static void the_mode_is_the_threads_and_scopes_restore_it(void **state) {
    (void)state;
    assert_false(tg_anomaly_enabled());
    tg_scope s = tg_scope_open();
    assert_false(tg_set_anomaly_enabled(true));
    assert_true(tg_anomaly_enabled());
    tg_scope inner = tg_scope_open();
    assert_true(tg_set_anomaly_enabled(false));
    assert_ok(tg_scope_close(inner));
    assert_true(tg_anomaly_enabled());
    assert_ok(tg_scope_close(s));
    assert_false(tg_anomaly_enabled());
}

static void without_the_mode_nans_pass(void **state) {
    (void)state;
    tg_tensor *x = LEAF(0, 4);
    sum_backward(tg_mul_scalar(tg_sqrt(x), 0));
    assert_true(isnan(at(tg_grad(x), 0)));
}

static void the_first_nan_names_operation_input_place_and_operands(void **state) {
    (void)state;
    tg_tensor *x = leaf(grid(TG_F64, 2, 2, LIST(1, 4, 0, 9)));
    assert_ok(tg_name(x, "variance"));
    sum_backward(x);
    tg_tensor *h = tg_sqrt(x);
    int line = __LINE__ - 1;
    assert_ok(tg_name(h, "deviation"));
    tg_tensor *y = tg_sum(tg_mul_scalar(tg_mul_scalar(h, 0), 3), TG_ALL, false);
    assert_denied(keep_backward(y), TG_ERR_NUMERIC, "backward", "sqrt 'deviation'", "input x",
                  "f64 [2, 2]", "first NaN, at [1, 0]", "called with x f64 [2, 2] 'variance'",
                  here(line));
    assert_values(tg_grad(x), 1, 1, 1, 1);
    tg_set_anomaly_enabled(false);
    assert_ok(keep_backward(y));
}

static void an_infinity_is_found_in_any_layout_and_dtype(void **state) {
    (void)state;
    static const tg_dtype dtypes[] = {TG_F32, TG_F64, TG_F16, TG_BF16};
    for (int i = 0; i < 4; i++) {
        tg_tensor *x = leaf(of(dtypes[i], TG_SHAPE(2, 3), LIST(1, 2, 3, 4, 5, 6)));
        tg_tensor *g = of(dtypes[i], TG_SHAPE(3, 2), LIST(1, 2, 3, INFINITY, 5, 6));
        tg_tensor *y = tg_transpose(x, 0, 1);
        tg_backward_options o = TG_BACKWARD_OPTIONS_INIT;
        o.grad_outputs = &g;
        assert_denied(tg_backward_ex(&y, 1, &o), TG_ERR_NUMERIC, "grad_outputs",
                      "infinity at [1, 1]", tg_dtype_name(dtypes[i]));
        tg_tensor *zero = tg_zeros_like(x);
        tg_tensor *z = tg_div(tg_transpose(x, 0, 1), tg_transpose(zero, 0, 1));
        assert_denied(tg_backward(tg_sum(z, TG_ALL, false)), TG_ERR_NUMERIC, "div", "input a",
                      "infinity, at [0, 0]");
        assert_null(tg_grad(x));
    }
}

static void a_sum_that_overflows_is_told_apart(void **state) {
    (void)state;
    tg_tensor *x = leaf(row(TG_F32, LIST(1)));
    tg_tensor *h = tg_mul_scalar(x, 1);
    int line = __LINE__ - 1;
    tg_tensor *big = tg_mul_scalar(h, 3e38);
    assert_denied(tg_backward(tg_sum(tg_add(big, tg_mul_scalar(h, 3e38)), TG_ALL, false)),
                  TG_ERR_NUMERIC, "result of mul", "sum has the first infinity", here(line));
    assert_denied(
        tg_backward(tg_sum(tg_add(tg_mul_scalar(x, 3e38), tg_mul_scalar(x, 3e38)), TG_ALL, false)),
        TG_ERR_NUMERIC, "reach f32 [1] are finite");
    assert_null(tg_grad(x));
}

static tg_tensor *spoil(void *ctx, tg_tensor *grad) {
    (void)ctx;
    return tg_mul_scalar(grad, INFINITY);
}

static void a_hooks_gradient_is_checked_too(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1);
    tg_hook h = TG_HOOK_INIT(spoil, NULL);
    assert_true(tg_hook_add(x, &h) != 0);
    assert_denied(tg_backward(tg_sum(tg_square(x), TG_ALL, false)), TG_ERR_NUMERIC,
                  "a hook returned", "infinity at [0]");
    assert_null(tg_grad(x));
}

static void a_recording_made_before_says_how_to_learn_more(void **state) {
    (void)state;
    tg_tensor *x = LEAF(-1);
    tg_tensor *y = tg_log(tg_mul_scalar(x, 0));
    tg_set_anomaly_enabled(true);
    assert_denied(tg_backward(tg_sum(y, TG_ALL, false)), TG_ERR_NUMERIC, "log", "input x",
                  "Turn anomaly mode on before");
    tg_set_anomaly_enabled(false);
}

static void gradients_and_recorded_walks_are_searched_as_well(void **state) {
    (void)state;
    tg_tensor *x = LEAF(0);
    tg_tensor *y = tg_sum(tg_pow_scalar(x, 1.5), TG_ALL, false);
    tg_tensor *d = slope(y, NULL, x); /* 1.5 sqrt(x): finite */
    tg_tensor *g = NULL;
    tg_tensor *root = tg_sum(d, TG_ALL, false);
    assert_denied(tg_gradients(&root, 1, &x, 1, NULL, &g), TG_ERR_NUMERIC, "gradients", "infinity",
                  "called with");
    assert_null(g);
}

/* Other errors tell the place as well. */
static void errors_of_recordings_made_under_it_tell_the_place(void **state) {
    (void)state;
    tg_tensor *x = leaf(number(2));
    tg_tensor *y = tg_exp(tg_square(x));
    int line = __LINE__ - 1;
    assert_ok(tg_backward(y));
    assert_denied(tg_backward(y), TG_ERR_STATE, "met at exp recorded at ", here(line));
    tg_tensor *h = tg_square(x);
    line = __LINE__ - 1;
    *(double *)tg_data_mut(x) = 3;
    assert_denied(tg_backward(h), TG_ERR_STATE, "square recorded at ", here(line), "saved input x");
}

/* Without the macros the place is a return address in the program. */
static void without_sites_the_place_is_an_address(void **state) {
    (void)state;
    tg_tensor *x = leaf(number(0));
    tg_tensor *y = (tg_log)((tg_mul_scalar)(x, 1));
    assert_denied(tg_backward(y), TG_ERR_NUMERIC, "log", "called with x f64 []");
}

static void recording_needs_memory_and_leaves_nothing_without(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1);
    for (uint64_t n = 1;; n++) {
        int64_t nodes = tg_live_nodes();
        tg__alloc_fail_at(n, false);
        tg_tensor *y = tg_square(x);
        tg__alloc_fail_at(0, false);
        if (y != NULL) {
            assert_true(n > 3);
            return;
        }
        assert_denied(tg_error_status(), TG_ERR_MEMORY, "square");
        assert_int_equal(tg_live_nodes(), nodes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        tg_scoped(the_mode_is_the_threads_and_scopes_restore_it),
        tg_scoped(without_the_mode_nans_pass),
        anomaly_test(the_first_nan_names_operation_input_place_and_operands),
        anomaly_test(an_infinity_is_found_in_any_layout_and_dtype),
        anomaly_test(a_sum_that_overflows_is_told_apart),
        anomaly_test(a_hooks_gradient_is_checked_too),
        tg_scoped(a_recording_made_before_says_how_to_learn_more),
        anomaly_test(gradients_and_recorded_walks_are_searched_as_well),
        anomaly_test(errors_of_recordings_made_under_it_tell_the_place),
        anomaly_test(without_sites_the_place_is_an_address),
        anomaly_test(recording_needs_memory_and_leaves_nothing_without)};
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
