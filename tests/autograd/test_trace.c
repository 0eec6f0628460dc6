/* test_trace.c - the recording of operations. */
#include "tensors.h"

#include <tensorgrad/tensorgrad.h>

#include "base/alloc.h"

#include <pthread.h>
#include <stdlib.h>

static tg_trace_node_info node(const tg_trace_t *t, int64_t i) {
    tg_trace_node_info info;
    assert_ok(tg_trace_node(t, i, &info));
    return info;
}

static tg_trace_value_info value(const tg_trace_t *t, int64_t i) {
    tg_trace_value_info info;
    assert_ok(tg_trace_value(t, i, &info));
    return info;
}

static int teardown(void **state) {
    (void)state;
    tg_error_clear();
    return tg_live_tensors() == 0 && tg_live_nodes() == 0 ? 0 : -1;
}

static void calls_are_recorded_with_their_values(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    tg_tensor *x = grid(TG_F32, 2, 3, LIST(1, 2, 3, 4, 5, 6));
    tg_tensor *w = leaf(grid(TG_F32, 3, 1, LIST(1, 1, 1)));
    tg_trace_t *t = tg_trace_begin();
    tg_tensor *y = tg_matmul(x, w);
    no_grad();
    tg_tensor *z = tg_sum(tg_exp(y), TG_DIMS(-2), true);
    assert_ok(tg_trace_end(t));
    tg_tensor *after = tg_exp(y);

    assert_int_equal(tg_trace_nodes(t), 3);
    assert_int_equal(tg_trace_values(t), 5);
    assert_string_equal(node(t, 0).op, "matmul");
    assert_string_equal(node(t, 1).op, "exp");
    assert_string_equal(node(t, 2).op, "sum");
    assert_int_equal(node(t, 0).n_inputs, 2);
    assert_int_equal(node(t, 0).inputs[0], tg_trace_find(t, x));
    assert_int_equal(node(t, 0).inputs[1], tg_trace_find(t, w));
    assert_int_equal(node(t, 0).outputs[0], tg_trace_find(t, y));
    assert_int_equal(node(t, 1).inputs[0], tg_trace_find(t, y));
    assert_int_equal(node(t, 2).outputs[0], tg_trace_find(t, z));
    assert_int_equal(tg_trace_find(t, after), -1);
    assert_int_equal(node(t, 0).number, tg_op_find("matmul"));
    tg_trace_value_info v = value(t, tg_trace_find(t, y));
    assert_int_equal(v.producer, 0);
    assert_int_equal(v.dtype, TG_F32);
    assert_int_equal(v.ndim, 2);
    assert_int_equal(v.shape[0], 2);
    assert_int_equal(v.shape[1], 1);
    assert_int_equal(value(t, tg_trace_find(t, x)).producer, -1);
    assert_ptr_equal(tg_trace_tensor(t, tg_trace_find(t, w)), w);
    assert_refused(tg_trace_tensor(t, tg_trace_find(t, y)), TG_ERR_STATE, "result of node 0");
    assert_ok(tg_trace_free(t));
    assert_ok(tg_scope_close(s));
}

static void attributes_are_typed(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    tg_tensor *x = counting(TG_SHAPE(2, 3, 4));
    tg_trace_t *t = tg_trace_begin();
    tg_sum(x, TG_DIMS(0, -1), true);
    tg_reshape(x, TG_SHAPE(4, -1));
    tg_leaky_relu(x, 0.25);
    assert_ok(tg_trace_end(t));
    tg_attr a;
    assert_int_equal(node(t, 0).n_attrs, 2);
    assert_ok(tg_trace_attr(t, 0, 0, &a));
    assert_string_equal(a.name, "dims");
    assert_int_equal(a.type, TG_ATTR_DIMS);
    assert_int_equal(a.n, 2);
    assert_int_equal(a.ints[0], 0);
    assert_int_equal(a.ints[1], -1);
    assert_ok(tg_trace_attr(t, 0, 1, &a));
    assert_string_equal(a.name, "keepdim");
    assert_int_equal(a.i, 1);
    assert_ok(tg_trace_attr(t, 1, 0, &a));
    assert_int_equal(a.type, TG_ATTR_SHAPE);
    assert_int_equal(a.n, 2);
    assert_int_equal(a.ints[0], 4);
    assert_ok(tg_trace_attr(t, 2, 0, &a));
    assert_true(a.f == 0.25);
    assert_denied(tg_trace_attr(t, 2, 1, &a), TG_ERR_INDEX, "1 attributes");
    assert_denied(tg_trace_attr(t, 3, 0, &a), TG_ERR_INDEX, "node 3 does not exist");
    tg_trace_free(t);
    assert_ok(tg_scope_close(s));
}

static void a_composed_operation_is_one_node(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    tg_tensor *x = leaf(counting(TG_SHAPE(2, 4)));
    tg_tensor *target = row(TG_I64, LIST(1, 3));
    tg_trace_t *t = tg_trace_begin();
    tg_tensor *loss = tg_cross_entropy(x, target, NULL);
    assert_ok(tg_backward(loss)); /* runs operations too */
    assert_ok(tg_trace_end(t));
    assert_int_equal(tg_trace_nodes(t), 1);
    assert_string_equal(node(t, 0).op, "cross_entropy");
    assert_int_equal(node(t, 0).outputs[0], tg_trace_find(t, loss));
    assert_int_equal(node(t, 0).n_inputs, 3);
    assert_int_equal(node(t, 0).inputs[2], -1); /* no weights */
    tg_trace_free(t);
    assert_ok(tg_scope_close(s));
}

static tg_tensor *doubles(void *ctx, tg_tensor *grad) {
    (void)ctx;
    return tg_add(grad, grad);
}

static void what_hooks_run_is_no_node(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    tg_tensor *x = LEAF(1, 2);
    const tg_hook hook = TG_HOOK_INIT(doubles, NULL);
    assert_true(tg_hook_add(x, &hook) != 0);
    tg_trace_t *t = tg_trace_begin();
    tg_tensor *y = tg_sum(tg_exp(x), TG_ALL, false);
    assert_true(tg_hook_add(y, &hook) != 0);
    assert_ok(tg_backward(y));
    assert_int_equal(tg_trace_nodes(t), 2);
    assert_close(at(tg_grad(x), 0), 4 * exp(1), 1e-12, 0);
    tg_trace_free(t);
    assert_ok(tg_scope_close(s));
}

/* Writes its result itself. */
static tg_status triple(void *ctx, tg_call *call, tg_tensor *const *in, int n_in, tg_tensor **out,
                        int n_out) {
    (void)ctx;
    (void)call;
    (void)n_in;
    out[0] = tg_scalar(TG_F64, 3 * tg_item(in[0]));
    for (int k = 1; k < n_out; k++)
        out[k] = TG_NONE;
    return out[0] != NULL ? TG_OK : TG_ERR_MEMORY;
}

static tg_status triple_back(void *ctx, tg_call *call, tg_tensor *const *g, int n_out,
                             tg_tensor **gin, int n_in) {
    (void)ctx;
    (void)call;
    (void)n_out;
    (void)n_in;
    gin[0] = tg_mul_scalar(g[0], 3);
    return TG_OK;
}

static void a_function_of_the_users_is_one_node(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    tg_function_class methods = {
        .size = sizeof methods, .name = "triple", .forward = triple, .backward = triple_back};
    tg_function *f = tg_function_new(&methods, NULL);
    assert_non_null(f);
    tg_tensor *x = number(2), *y[2];
    tg_trace_t *t = tg_trace_begin();
    tg_profile *p = tg_profile_begin(NULL);
    assert_ok(tg_function_call(f, &x, 1, y, 2));
    tg_tensor *z = tg_neg(y[0]);
    assert_ok(tg_profile_end(p));
    assert_ok(tg_trace_end(t));
    tg_function_free(f);
    assert_int_equal(tg_trace_nodes(t), 2);
    assert_string_equal(node(t, 0).op, "triple");
    assert_int_equal(node(t, 0).number, -1);
    assert_int_equal(node(t, 0).outputs[1], -1);
    assert_int_equal(node(t, 1).inputs[0], node(t, 0).outputs[0]);
    assert_int_equal(node(t, 1).outputs[0], tg_trace_find(t, z));
    assert_int_equal(tg_profile_rows(p), 2);
    tg_profile_free(p);
    tg_trace_free(t);
    assert_ok(tg_scope_close(s));
}

static void narrow_types_are_one_node(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    tg_tensor *x = row(TG_F16, LIST(1, 2));
    tg_trace_t *t = tg_trace_begin();
    tg_tensor *y = tg_exp(x);
    assert_int_equal(tg_trace_nodes(t), 1);
    assert_int_equal(value(t, tg_trace_find(t, y)).dtype, TG_F16);
    tg_trace_free(t);
    assert_ok(tg_scope_close(s));
}

static void writing_in_place_makes_a_new_value(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    tg_tensor *x = ROW(1, 2);
    tg_trace_t *t = tg_trace_begin();
    int64_t before, between;
    tg_tensor *y = tg_exp(x);
    before = tg_trace_find(t, x);
    tg_add_(x, x);
    between = tg_trace_find(t, x);
    tg_mul_(x, y);
    tg_mul_(y, y);
    assert_ok(tg_trace_end(t));
    assert_int_equal(tg_trace_nodes(t), 4);
    assert_true(node(t, 1).in_place);
    assert_int_equal(node(t, 1).inputs[0], before);
    assert_int_equal(node(t, 1).outputs[0], between);
    assert_int_equal(node(t, 2).inputs[0], between);
    assert_int_equal(node(t, 2).outputs[0], tg_trace_find(t, x));
    assert_int_equal(node(t, 3).outputs[0], tg_trace_find(t, y));
    assert_int_equal(value(t, between).producer, 1);
    assert_values(tg_trace_tensor(t, before), 1, 2); /* what was there */
    assert_false(value(t, between).changed);
    tg_trace_free(t);
    assert_ok(tg_scope_close(s));
}

static void writing_behind_its_back_is_noticed(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    tg_trace_t *t = tg_trace_begin();
    tg_tensor *x = tg_exp(counting(TG_SHAPE(2, 2)));
    tg_tensor *c = ROW(1, 2);
    tg_tensor *v = tg_select(x, 0, 0);
    tg_neg(c);
    int64_t old = tg_trace_find(t, c);
    tg_add_(v, c); /* x has changed */
    *(double *)tg_data_mut(c) = 5;
    assert_int_equal(tg_trace_find(t, x), -1);
    tg_neg(x);
    tg_neg(c);
    assert_ok(tg_trace_end(t));
    int64_t n = tg_trace_nodes(t);
    assert_true(value(t, node(t, n - 2).inputs[0]).changed);
    assert_int_equal(value(t, node(t, n - 2).inputs[0]).producer, -1);
    assert_true(value(t, node(t, n - 1).inputs[0]).changed);
    assert_refused(tg_trace_tensor(t, old), TG_ERR_STATE, "was written by tg_data_mut");
    tg_trace_free(t);
    assert_ok(tg_scope_close(s));
}

static void detaching_keeps_the_value(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    tg_tensor *x = LEAF(1, 2);
    tg_trace_t *t = tg_trace_begin();
    tg_tensor *y = tg_exp(x);
    tg_tensor *d = tg_detach(y);
    assert_int_equal(tg_trace_find(t, d), tg_trace_find(t, y));
    assert_int_equal(tg_trace_find(t, tg_detach(x)), tg_trace_find(t, x));
    tg_neg(d);
    assert_int_equal(node(t, 1).inputs[0], node(t, 0).outputs[0]);
    tg_trace_free(t);
    assert_ok(tg_scope_close(s));
}

static tg_status squares(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)ctx;
    (void)n_in;
    (void)n_out;
    out[0] = tg_mul(in[0], in[0]);
    return out[0] != NULL ? TG_OK : TG_ERR_INTERNAL;
}

/* Parts of a program that pass tensors on in headers of their own. */
static void checkpointing_keeps_the_values(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    tg_tensor *x = LEAF(1, 2), *y = NULL, *z = NULL;
    tg_trace_t *t = tg_trace_begin();
    assert_ok(tg_checkpoint(squares, NULL, &x, 1, &y, 1, NULL));
    assert_ok(tg_checkpoint(squares, NULL, &y, 1, &z, 1, NULL));
    assert_ok(tg_trace_end(t));
    assert_int_equal(tg_trace_nodes(t), 2);
    assert_int_equal(tg_trace_values(t), 3);
    assert_int_equal(node(t, 0).inputs[0], tg_trace_find(t, x));
    assert_int_equal(node(t, 0).outputs[0], tg_trace_find(t, y));
    assert_int_equal(node(t, 1).inputs[1], tg_trace_find(t, y));
    assert_int_equal(node(t, 1).outputs[0], tg_trace_find(t, z));
    tg_trace_free(t);
    assert_ok(tg_scope_close(s));
}

/* Results are not held: their memory is used again, and is not mistaken for what was there. */
static void results_are_not_held(void **state) {
    (void)state;
    tg_tensor *x = number(2);
    tg_trace_t *t = tg_trace_begin();
    int64_t before = tg_live_tensors();
    for (int i = 0; i < 1000; i++) {
        tg_tensor *y = tg_exp(x);
        assert_int_equal(tg_trace_find(t, y), i + 1);
        tg_release(y);
        tg_tensor *fresh = tg_scalar(TG_F64, 1);
        assert_int_equal(tg_trace_find(t, fresh), -1);
        tg_release(fresh);
    }
    assert_int_equal(tg_live_tensors(), before);
    tg_release(x);
    assert_int_equal(tg_live_tensors(), before); /* x is */
    assert_ok(tg_trace_free(t));
}

static void it_is_begun_and_ended_once(void **state) {
    (void)state;
    tg_trace_t *t = tg_trace_begin();
    assert_refused((tg_tensor *)(void *)tg_trace_begin(), TG_ERR_STATE, "open on this thread");
    assert_ok(tg_trace_end(t));
    assert_denied(tg_trace_end(t), TG_ERR_STATE, "ended before");
    assert_ok(tg_trace_free(t));
    assert_denied(tg_trace_end(NULL), TG_ERR_ARG, "NULL");
    assert_ok(tg_trace_free(NULL));
    assert_int_equal(tg_trace_nodes(NULL), -1);
    assert_int_equal(tg_trace_values(NULL), -1);
    assert_int_equal(tg_trace_find(NULL, NULL), -1);
    assert_refused(tg_trace_tensor(NULL, 0), TG_ERR_ARG, "NULL");
}

static void an_operation_that_fails_is_not_recorded(void **state) {
    (void)state;
    tg_tensor *a = ROW(1, 2), *b = ROW(1, 2, 3);
    tg_trace_t *t = tg_trace_begin();
    assert_refused(tg_add(a, b), TG_ERR_SHAPE, "add");
    assert_refused(tg_add(a, NULL), TG_ERR_ARG, "NULL");
    assert_int_equal(tg_trace_nodes(t), 0);
    assert_int_equal(tg_trace_values(t), 0);
    tg_release(a);
    tg_release(b);
    tg_trace_free(t);
}

/* Many inputs, so that all tables grow. */
static bool record(tg_tensor *x, tg_tensor *y) {
    tg_trace_t *t = tg_trace_begin();
    bool good = t != NULL;
    for (int i = 0; good && i < 100; i++) {
        int64_t nodes = tg_trace_nodes(t), values = tg_trace_values(t);
        tg_tensor *c = tg_scalar(TG_F64, i);
        tg_tensor *sum = c != NULL ? tg_add(x, c) : NULL;
        good = sum != NULL && tg_mul_(y, c) != NULL;
        if (sum == NULL && (tg_trace_nodes(t) != nodes || tg_trace_values(t) != values))
            fail_msg("a failed call left something behind");
        tg_release(sum);
        tg_release(c);
    }
    if (tg_trace_free(t) != TG_OK)
        fail_msg("not freed: %s", tg_error_message());
    return good;
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    tg_tensor *x = number(1), *y = number(0);
    int64_t live = tg_live_tensors();
    bool done = false;
    uint64_t n = 1;
    for (; !done; n++) {
        tg__alloc_fail_at(n, false);
        done = record(x, y);
        tg__alloc_fail_at(0, false);
        if (!done)
            assert_int_equal(tg_error_status(), TG_ERR_MEMORY);
        tg_error_clear();
        assert_int_equal(tg_live_tensors(), live);
    }
    assert_true(n > 300);
    tg_release(x);
    tg_release(y);
}

static void *traces_alone(void *x) {
    tg_trace_t *t = tg_trace_begin();
    for (int i = 0; i < 1000; i++)
        tg_release(tg_exp(x));
    bool good = tg_trace_nodes(t) == 1000 && tg_trace_values(t) == 1001;
    return good && tg_trace_free(t) == TG_OK ? x : NULL;
}

static void threads_trace_on_their_own(void **state) {
    (void)state;
    tg_tensor *x = number(1);
    pthread_t thread[4];
    tg_trace_t *t = tg_trace_begin();
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, traces_alone, x), 0);
    for (int i = 0; i < 4; i++) {
        void *result;
        pthread_join(thread[i], &result);
        assert_ptr_equal(result, x);
    }
    assert_int_equal(tg_trace_nodes(t), 0);
    tg_trace_free(t);
    tg_release(x);
}

static void *leaves_it_open(void *x) {
    tg_trace_t *t = tg_trace_begin();
    tg_release(tg_exp(x));
    return t;
}

static void *ends_it(void *t) { return tg_trace_free(t) == TG_ERR_STATE ? t : NULL; }

static void the_end_of_the_thread_ends_it(void **state) {
    (void)state;
    tg_tensor *x = number(1);
    pthread_t thread;
    void *t;
    assert_int_equal(pthread_create(&thread, NULL, leaves_it_open, x), 0);
    pthread_join(thread, &t);
    assert_int_equal(tg_trace_nodes(t), 1);
    assert_denied(tg_trace_end(t), TG_ERR_STATE, "ended before");
    assert_ok(tg_trace_free(t));
    t = tg_trace_begin(); /* and another thread cannot */
    void *result;
    assert_int_equal(pthread_create(&thread, NULL, ends_it, t), 0);
    pthread_join(thread, &result);
    assert_ptr_equal(result, t);
    assert_ok(tg_trace_free(t));
    tg_release(x);
}

#define TEST(f) cmocka_unit_test_teardown(f, teardown)
TG_TEST_MAIN(TEST(calls_are_recorded_with_their_values), TEST(attributes_are_typed),
             TEST(a_composed_operation_is_one_node), TEST(what_hooks_run_is_no_node),
             TEST(a_function_of_the_users_is_one_node), TEST(narrow_types_are_one_node),
             TEST(writing_in_place_makes_a_new_value), TEST(writing_behind_its_back_is_noticed),
             TEST(detaching_keeps_the_value), TEST(checkpointing_keeps_the_values),
             TEST(results_are_not_held), TEST(it_is_begun_and_ended_once),
             TEST(an_operation_that_fails_is_not_recorded), TEST(every_allocation_may_fail),
             TEST(threads_trace_on_their_own), TEST(the_end_of_the_thread_ends_it))
