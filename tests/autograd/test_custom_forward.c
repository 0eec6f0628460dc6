/* test_custom_forward.c - calling functions: outputs, inputs written in place, what is undone. */
#include "functions.h"

#include <tensorgrad/hooks.h>

/* ---- A forward that does what it is told ----------------------------------------------------- */

enum {
    RETURN_INPUT,      /* y = x */
    RETURN_TWICE,      /* the same result as two outputs */
    RETURN_VIEW,       /* a view of the input */
    TWO_KINDS,         /* x², and the index of the largest: i64 */
    MARKED,            /* x² twice, the second marked as a constant */
    LAST_ABSENT,       /* x², TG_NONE */
    FIRST_NULL,        /* NULL, x² */
    DOUBLE_,           /* x doubled in place */
    DOUBLE_UNMARKED,   /* in place without saying so */
    DOUBLE_KEPT,       /* in place, and another output */
    DOUBLE_AND_FAIL,   /* in place, then an error */
    DOUBLE_AND_STATUS, /* in place, then a status */
    CAPTURED           /* a leaf from elsewhere */
};

static tg_tensor *captured;

static tg_status told_forward(void *ctx, tg_call *call, tg_tensor *const *in, int n_in,
                              tg_tensor **out, int n_out) {
    const int what = *(int *)ctx;
    tg_tensor *x = in[0];
    (void)n_in;
    if (tg_grad_enabled())
        return TG_ERR_INTERNAL;
    if (what >= DOUBLE_ && what <= DOUBLE_AND_STATUS && what != DOUBLE_UNMARKED &&
        (tg_call_mark_dirty(call, 0) != TG_OK || tg_call_mark_dirty(call, 0) != TG_OK))
        return tg_error_status();
    if (what >= DOUBLE_ && what <= DOUBLE_AND_STATUS)
        tg_mul_scalar_(x, 2);
    out[0] = what <= RETURN_TWICE || (what >= DOUBLE_ && what != DOUBLE_KEPT) ? x : tg_square(x);
    switch (what) {
    case RETURN_TWICE:
        out[0] = tg_square(x);
        out[1] = out[0];
        break;
    case RETURN_VIEW:
        out[0] = tg_reshape(x, TG_SHAPE(-1, 1));
        break;
    case TWO_KINDS:
        out[1] = tg_argmax(x, 0, true);
        break;
    case MARKED:
        out[1] = tg_square(x);
        return tg_call_mark_non_differentiable(call, 1);
    case FIRST_NULL:
        out[1] = out[0];
        out[0] = NULL;
        break;
    case DOUBLE_AND_FAIL:
        tg_reshape(x, TG_SHAPE(77));
        break;
    case DOUBLE_AND_STATUS:
        return TG_ERR_IO;
    case CAPTURED:
        out[0] = captured;
        break;
    default:
        break;
    }
    for (int k = 1; k < n_out; k++)
        if (out[k] == NULL)
            out[k] = TG_NONE;
    return TG_OK;
}

/* Twice the gradients of all outputs. */
static tg_status told_backward(void *ctx, tg_call *call, tg_tensor *const *g, int n_out,
                               tg_tensor **gin, int n_in) {
    (void)ctx, (void)call, (void)n_in;
    gin[0] = TG_NONE;
    for (int k = 0; k < n_out; k++)
        if (!tg_is_none(g[k])) {
            tg_tensor *twice = tg_reshape(tg_mul_scalar(g[k], 2), TG_SHAPE(-1));
            gin[0] = tg_is_none(gin[0]) ? twice : tg_add(gin[0], twice);
        }
    return TG_OK;
}

static tg_status told(int what, tg_tensor *x, tg_tensor **out, int n_out) {
    static int now;
    now = what;
    tg_function_class methods = cube_class();
    methods.name = "told";
    methods.forward = told_forward;
    methods.backward = told_backward;
    tg_function *f = function_of(&methods, &now);
    tg_status status = tg_function_call(f, &x, 1, out, n_out);
    tg_function_free(f);
    return status;
}

/* ---- Outputs --------------------------------------------------------------------------------- */

static void a_returned_input_gets_a_fresh_header(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2), *y;
    assert_ok(told(RETURN_INPUT, x, &y, 1));
    assert_true(y != x && tg_data(y) == tg_data(x));
    assert_true(tg_is_leaf(x));
    sum_backward(y);
    assert_values(tg_grad(x), 2, 2);
    tg_tensor *plain = ROW(1, 2);
    assert_ok(told(RETURN_INPUT, plain, &y, 1)); /* also where nothing is recorded */
    assert_true(y != plain && !tg_requires_grad(y));
}

static void a_tensor_from_elsewhere_keeps_its_own_history(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2), *y;
    captured = LEAF(5, 6);
    assert_ok(told(CAPTURED, x, &y, 1));
    assert_true(y != captured && tg_is_leaf(captured));
    sum_backward(y);
    assert_values(tg_grad(x), 2, 2);
    assert_null(tg_grad(captured));
}

static void one_result_may_be_two_outputs(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2), *y[2];
    assert_ok(told(RETURN_TWICE, x, y, 2));
    assert_true(y[0] != y[1]);
    sum_backward(tg_add(y[0], tg_mul_scalar(y[1], 10)));
    assert_values(tg_grad(x), 22, 22);
}

static void views_of_inputs_are_outputs_like_others(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2), *y;
    assert_ok(told(RETURN_VIEW, x, &y, 1));
    assert_shape(y, TG_F64, TG_SHAPE(2, 1));
    assert_refused(tg_add_scalar_(y, 1), TG_ERR_STATE, "view");
    sum_backward(y);
    assert_values(tg_grad(x), 2, 2);
}

static void integers_and_marked_outputs_are_constants(void **state) {
    (void)state;
    tg_tensor *x = LEAF(2, 1), *y[2];
    assert_ok(told(TWO_KINDS, x, y, 2));
    assert_true(tg_requires_grad(y[0]) && !tg_requires_grad(y[1]));
    assert_ok(told(MARKED, x, y, 2));
    assert_true(tg_requires_grad(y[0]) && !tg_requires_grad(y[1]));
    sum_backward(tg_add(y[0], y[1]));
    assert_values(tg_grad(x), 2, 2);
}

static void outputs_may_be_absent_but_not_forgotten(void **state) {
    (void)state;
    tg_tensor *x = LEAF(2, 1), *y[3];
    assert_ok(told(LAST_ABSENT, x, y, 3));
    assert_true(tg_is_none(y[1]) && tg_is_none(y[2]));
    sum_backward(y[0]);
    assert_values(tg_grad(x), 2, 2);
    assert_denied(told(FIRST_NULL, x, y, 2), TG_ERR_ARG,
                  "function 'told': forward left output 0 NULL");
    assert_true(y[0] == NULL && y[1] == NULL);
}

/* ---- In place -------------------------------------------------------------------------------- */

static void a_dirty_input_takes_the_new_history(void **state) {
    (void)state;
    tg_tensor *w = LEAF(1, 2), *x = tg_mul_scalar(w, 3), *y;
    tg_tensor *view = tg_reshape(x, TG_SHAPE(2, 1));
    assert_ok(told(DOUBLE_, x, &y, 1));
    assert_values(x, 6, 12);
    assert_true(y != x && tg_data(y) == tg_data(x));
    assert_string_equal(tg_grad_op(x), "told");
    assert_refused(tg_square(view), TG_ERR_STATE, "view made before", "custom function");
    sum_backward(tg_add(x, y)); /* the same output twice: d = 2·2·3 */
    assert_values(tg_grad(w), 12, 12);
}

static void names_and_kept_gradients_move_with_a_dirty_input(void **state) {
    (void)state;
    tg_tensor *w = LEAF(1, 2), *x = tg_mul_scalar(w, 3), *y;
    assert_ok(tg_name(x, "hidden"));
    assert_ok(tg_retain_grad(x));
    assert_ok(told(DOUBLE_, x, &y, 1));
    sum_backward(tg_square(x));
    assert_values(tg_grad(x), 12, 24); /* of x as it is now */
    assert_values(tg_grad(w), 72, 144);
    tg_function_class methods = cube_class();
    tg_tensor *z = once(&methods, NULL, x);
    bool was = no_grad();
    tg_add_scalar_(x, 1);
    tg_set_grad_enabled(was);
    assert_denied(tg_backward(tg_sum(z, TG_ALL, false)), TG_ERR_STATE, "function 'cube'",
                  "'hidden'");
}

static void a_plain_dirty_input_is_just_written(void **state) {
    (void)state;
    tg_tensor *x = ROW(1, 2), *y;
    uint32_t version = tg_version_of(x);
    assert_ok(told(DOUBLE_, x, &y, 1));
    assert_values(x, 2, 4);
    assert_true(tg_version_of(x) > version && !tg_requires_grad(x));
    bool was = no_grad();
    tg_tensor *w = LEAF(1, 2);
    assert_ok(told(DOUBLE_, w, &y, 1)); /* an update of a leaf */
    tg_set_grad_enabled(was);
    assert_values(w, 2, 4);
    assert_true(tg_is_leaf(w));
}

static void what_may_not_be_written_is_refused_before_it_is(void **state) {
    (void)state;
    tg_tensor *w = LEAF(1, 2), *y;
    assert_denied(told(DOUBLE_, w, &y, 1), TG_ERR_STATE, "in place on a leaf");
    assert_values(w, 1, 2);
    tg_tensor *h = tg_mul_scalar(w, 3), *view = tg_reshape(h, TG_SHAPE(2));
    assert_denied(told(DOUBLE_, view, &y, 1), TG_ERR_STATE, "in place on a view");
    assert_values(h, 3, 6);
    tg_tensor *wide = tg_expand(ROW(1), TG_SHAPE(2));
    assert_denied(told(DOUBLE_, wide, &y, 1), TG_ERR_STATE, "overlaps itself");
}

static void a_failed_call_puts_dirty_inputs_back(void **state) {
    (void)state;
    tg_tensor *w = LEAF(1, 2), *x = tg_mul_scalar(w, 3), *y;
    tg_tensor *user = tg_square(x); /* saved x at its version */
    uint32_t version = tg_version_of(x);
    assert_denied(told(DOUBLE_AND_FAIL, x, &y, 1), TG_ERR_SHAPE, "; in forward of function 'told'");
    assert_denied(told(DOUBLE_AND_STATUS, x, &y, 1), TG_ERR_IO, "function 'told'");
    assert_denied(told(DOUBLE_KEPT, x, &y, 1), TG_ERR_STATE,
                  "input 0 (f64 [2]) is marked dirty and is not among the outputs");
    assert_values(x, 3, 6);
    assert_int_equal(tg_version_of(x), version);
    assert_string_equal(tg_grad_op(x), "mul");
    sum_backward(user);
    assert_values(tg_grad(w), 18, 36);
}

static void writing_without_a_word_is_found(void **state) {
    (void)state;
    tg_tensor *x = tg_mul_scalar(LEAF(1, 2), 3), *y;
    assert_denied(told(DOUBLE_UNMARKED, x, &y, 1), TG_ERR_STATE,
                  "forward wrote into input 0 (f64 [2])", "tg_call_mark_dirty");
}

static tg_status mark_constant(void *ctx, tg_call *call, tg_tensor *const *in, int n_in,
                               tg_tensor **out, int n_out) {
    (void)ctx, (void)n_in, (void)n_out;
    out[0] = in[0];
    return tg_call_mark_dirty(call, 0);
}

static void a_constant_function_may_not_write_what_has_a_history(void **state) {
    (void)state;
    tg_function_class methods = cube_class();
    methods.forward = mark_constant;
    methods.backward = NULL;
    methods.flags = TG_FUNCTION_NOT_DIFFERENTIABLE;
    tg_tensor *x = tg_mul_scalar(LEAF(1, 2), 3);
    assert_refused(once(&methods, NULL, x), TG_ERR_UNSUPPORTED, "is not differentiable and writes");
    assert_non_null(once(&methods, NULL, ROW(1)));
}

/* Two inputs on one memory: what was first counts. */
static tg_status write_both(void *ctx, tg_call *call, tg_tensor *const *in, int n_in,
                            tg_tensor **out, int n_out) {
    (void)ctx, (void)n_out;
    for (int i = n_in; i-- > 0;) {
        if (tg_call_mark_dirty(call, i) != TG_OK)
            return tg_error_status();
        tg_add_scalar_(in[i], 1);
        out[i] = in[i];
    }
    return TG_ERR_IO;
}

static void shared_memory_is_put_back_as_it_was(void **state) {
    (void)state;
    tg_function_class methods = cube_class();
    methods.forward = write_both;
    tg_function *f = function_of(&methods, NULL);
    tg_tensor *x = ROW(1, 2), *in[2] = {x, tg_reshape(x, TG_SHAPE(2, 1))}, *out[2];
    assert_denied(tg_function_call(f, in, 2, out, 2), TG_ERR_IO, "cube");
    assert_values(x, 1, 2);
    in[0] = in[1];
    in[1] = x;
    assert_denied(tg_function_call(f, in, 2, out, 2), TG_ERR_IO, "cube");
    assert_values(x, 1, 2);
    tg_function_free(f);
}

/* ---- Arguments ------------------------------------------------------------------------------- */

static void wrong_calls_are_refused(void **state) {
    (void)state;
    tg_function_class methods = cube_class();
    tg_function *f = function_of(&methods, NULL);
    tg_tensor *x = LEAF(1), *null = NULL, *y = x;
    assert_denied(tg_function_call(NULL, &x, 1, &y, 1), TG_ERR_ARG, "function");
    assert_null(y);
    assert_denied(tg_function_call(f, &null, 1, &y, 1), TG_ERR_ARG, "function 'cube'", "input 0");
    assert_denied(tg_function_call(f, NULL, 1, &y, 1), TG_ERR_ARG, "1 inputs at NULL");
    assert_denied(tg_function_call(f, &x, -1, &y, 1), TG_ERR_ARG, "-1 inputs");
    assert_denied(tg_function_call(f, &x, 1, &y, 0), TG_ERR_ARG, "room for 0 outputs");
    assert_denied(tg_function_call(f, &x, 1, NULL, 1), TG_ERR_ARG, "at NULL");
    assert_denied(tg_function_call(f, &x, 1, &y, TG_FUNCTION_MAX_OUTPUTS + 1), TG_ERR_ARG,
                  "pass an array of 1 to 64");
    tg_function_free(f);
}

static void a_shut_scope_calls_nothing(void **state) {
    (void)state;
    counts n = {0};
    tg_function_class methods = cube_class();
    tg_function *f = function_of(&methods, &n);
    tg_tensor *x = ROW(1), *y;
    tg_scope s = tg_scope_open();
    tg_reshape(x, TG_SHAPE(3));
    assert_int_equal(tg_function_call(f, &x, 1, &y, 1), TG_ERR_SHAPE);
    assert_int_equal(tg_scope_close(s), TG_ERR_SHAPE);
    tg_error_clear();
    assert_int_equal(n.forwards, 0);
    tg_function_free(f);
}

/* ---- Failed allocations ---------------------------------------------------------------------- */

static void every_allocation_of_an_in_place_call_may_fail(void **state) {
    (void)state;
    for (uint64_t n = 1;; n++) {
        tg_scope s = tg_scope_open();
        tg_tensor *w = LEAF(1, 2), *x = tg_mul_scalar(w, 3), *y;
        int64_t live[3] = {tg_live_tensors(), tg_live_storages(), tg_live_nodes()};
        tg__alloc_fail_at(n, false);
        static int what = DOUBLE_;
        tg_function_class methods = cube_class();
        methods.forward = told_forward;
        methods.backward = told_backward;
        tg_function *f = tg_function_new(&methods, &what);
        tg_status status = f != NULL ? tg_function_call(f, &x, 1, &y, 1) : TG_ERR_MEMORY;
        tg_function_free(f);
        tg__alloc_fail_at(0, false);
        if (status == TG_OK) {
            sum_backward(x);
            assert_values(tg_grad(w), 6, 6);
            assert_ok(tg_scope_close(s));
            assert_true(n > 5);
            return;
        }
        assert_denied(status, TG_ERR_MEMORY, "out of memory");
        assert_true(tg_live_tensors() == live[0] && tg_live_storages() == live[1] &&
                    tg_live_nodes() == live[2]);
        assert_values(x, 3, 6);
        assert_string_equal(tg_grad_op(x), "mul");
        assert_ok(tg_scope_close(s));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        tg_scoped(a_returned_input_gets_a_fresh_header),
        tg_scoped(a_tensor_from_elsewhere_keeps_its_own_history),
        tg_scoped(one_result_may_be_two_outputs),
        tg_scoped(views_of_inputs_are_outputs_like_others),
        tg_scoped(integers_and_marked_outputs_are_constants),
        tg_scoped(outputs_may_be_absent_but_not_forgotten),
        tg_scoped(a_dirty_input_takes_the_new_history),
        tg_scoped(names_and_kept_gradients_move_with_a_dirty_input),
        tg_scoped(a_plain_dirty_input_is_just_written),
        tg_scoped(what_may_not_be_written_is_refused_before_it_is),
        tg_scoped(a_failed_call_puts_dirty_inputs_back),
        tg_scoped(writing_without_a_word_is_found),
        tg_scoped(a_constant_function_may_not_write_what_has_a_history),
        tg_scoped(shared_memory_is_put_back_as_it_was),
        tg_scoped(wrong_calls_are_refused),
        tg_scoped(a_shut_scope_calls_nothing),
        tg_scoped(every_allocation_of_an_in_place_call_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
