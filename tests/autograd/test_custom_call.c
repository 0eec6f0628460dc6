/* test_custom_call.c - what forward may save and backward may ask, wrong gradients, failed
 * allocations, threads. */
#include "functions.h"

#include <pthread.h>

/* ---- Two inputs, two outputs ----------------------------------------------------------------- */

/* (a·b, a + b) with a constant that is saved too. */
static tg_status pair_forward(void *ctx, tg_call *call, tg_tensor *const *in, int n_in,
                              tg_tensor **out, int n_out) {
    counts *n = ctx;
    (void)n_in, (void)n_out;
    n->forwards = tg_call_needs_grad(call, 0) | tg_call_needs_grad(call, 1) << 1;
    out[0] = tg_mul(in[0], in[1]);
    out[1] = tg_add(in[0], in[1]);
    tg_tensor *more[2] = {TG_NONE, tg_full_like(in[0], 5)};
    tg_status status = tg_call_save(call, in, 2);
    return status == TG_OK ? tg_call_save(call, more, 2) : status;
}
static tg_status pair_backward(void *ctx, tg_call *call, tg_tensor *const *g, int n_out,
                               tg_tensor **gin, int n_in) {
    counts *n = ctx;
    assert_int_equal(n_in, 2);
    assert_int_equal(n_out, 2);
    assert_int_equal(tg_call_saved_count(call), 4);
    assert_true(tg_call_saved(call, 2) == TG_NONE);
    assert_true(tg_item(tg_select(tg_call_saved(call, 3), 0, 0)) == 5);
    n->wanted = tg_call_needs_grad(call, 0) | tg_call_needs_grad(call, 1) << 1;
    n->backwards++;
    for (int i = 0; i < 2; i++) {
        tg_tensor *sum = TG_NONE;
        if (!tg_is_none(g[0]))
            sum = tg_mul(g[0], tg_call_saved(call, 1 - i));
        if (!tg_is_none(g[1]))
            sum = tg_is_none(sum) ? g[1] : tg_add(sum, g[1]);
        gin[i] = sum;
    }
    return TG_OK;
}

static tg_function *pair(counts *n) {
    tg_function_class methods = cube_class();
    methods.name = "pair";
    methods.forward = pair_forward;
    methods.backward = pair_backward;
    methods.destroy = count_destroyed;
    return function_of(&methods, n);
}

static void absent_output_gradients_are_none(void **state) {
    (void)state;
    static counts n; /* the graph goes after the test */
    tg_function *f = pair(&n);
    tg_tensor *in[2] = {LEAF(1, 2), LEAF(3, 4)}, *out[2];
    assert_ok(tg_function_call(f, in, 2, out, 2));
    assert_values(out[0], 3, 8);
    assert_values(out[1], 4, 6);
    assert_int_equal(n.forwards, 3);
    sum_backward(out[1]);
    assert_values(tg_grad(in[0]), 1, 1);
    assert_ok(tg_function_call(f, in, 2, out, 2));
    sum_backward(tg_add(out[0], out[1]));
    assert_values(tg_grad(in[0]), 5, 6);
    assert_values(tg_grad(in[1]), 3, 4);
    assert_int_equal(n.wanted, 3);
    tg_function_free(f);
}

static void the_mask_says_what_is_wanted(void **state) {
    (void)state;
    static counts n; /* the graph goes after the test */
    tg_function *f = pair(&n);
    tg_tensor *in[2] = {ROW(1, 2), LEAF(3, 4)}, *out[2];
    assert_ok(tg_function_call(f, in, 2, out, 2));
    assert_int_equal(n.forwards, 2);
    sum_backward(out[0]); /* sets gin[0] too: ignored */
    assert_int_equal(n.wanted, 2);
    assert_values(tg_grad(in[1]), 1, 2);
    in[0] = LEAF(1, 2);
    assert_ok(tg_function_call(f, in, 2, out, 2));
    tg_tensor *root = tg_sum(out[0], TG_ALL, false), *g;
    assert_ok(tg_gradients(&root, 1, in, 1, NULL, &g)); /* pruned */
    assert_int_equal(n.wanted, 1);
    assert_values(g, 3, 4);
    tg_function_free(f);
}

static void mixed_second_derivatives_are_right(void **state) {
    (void)state;
    static counts n; /* the graph goes after the test */
    tg_function *f = pair(&n);
    tg_tensor *in[2] = {LEAF(1, 2), LEAF(3, 4)}, *out[2];
    assert_ok(tg_function_call(f, in, 2, out, 2));
    tg_tensor *y = tg_mul(out[0], out[1]); /* ab(a + b) = a²b + ab² */
    tg_tensor *da = slope(y, NULL, in[0]);
    assert_values(da, 15, 32);                    /* 2ab + b² */
    assert_values(slope(da, NULL, in[1]), 8, 12); /* 2a + 2b */
    assert_values(slope(da, NULL, in[0]), 6, 8);  /* 2b */
    tg_function_free(f);
}

/* ---- Saved tensors --------------------------------------------------------------------------- */

static void a_changed_saved_tensor_is_named(void **state) {
    (void)state;
    tg_function_class methods = cube_class();
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *h = tg_mul_scalar(x, 2);
    tg_tensor *y = once(&methods, NULL, h);
    tg_tensor *root = tg_sum(y, TG_ALL, false);
    bool was = no_grad();
    tg_add_scalar_(h, 1);
    tg_set_grad_enabled(was);
    assert_denied(tg_backward(root), TG_ERR_STATE, "function 'cube': saved tensor 0 (f64 [2])",
                  "at version 0", "now at version 1", "written by add");
    assert_null(tg_grad(x));
}

static tg_status save_wrongly(void *ctx, tg_call *call, tg_tensor *const *in, int n_in,
                              tg_tensor **out, int n_out) {
    (void)n_in, (void)n_out;
    tg_tensor *null = NULL;
    switch (*(int *)ctx) {
    case 0:
        return tg_call_save(call, &null, 1);
    case 1:
        return tg_call_save(call, NULL, 1);
    case 2:
        return tg_call_save(call, in, -1);
    case 3:
        return tg_call_saved(call, 0) == NULL ? tg_error_status() : TG_OK;
    case 4:
        return tg_call_mark_dirty(call, 1);
    case 5:
        return tg_call_mark_non_differentiable(call, 1);
    default:
        out[0] = tg_clone(in[0]);
        return TG_OK;
    }
}

static void wrong_use_of_a_call_is_refused(void **state) {
    (void)state;
    static int which;
    which = 0;
    tg_function_class methods = cube_class();
    methods.forward = save_wrongly;
    tg_function *f = function_of(&methods, &which);
    static const struct {
        tg_status status;
        const char *text;
    } expected[] = {{TG_ERR_ARG, "call_save: argument tensors is NULL"},
                    {TG_ERR_ARG, "call_save: 1 tensors at NULL"},
                    {TG_ERR_ARG, "call_save: -1 tensors"},
                    {TG_ERR_STATE, "call_saved: function 'cube' is not running backward"},
                    {TG_ERR_INDEX, "call_mark_dirty: function 'cube' has no input 1; there are 1"},
                    {TG_ERR_INDEX, "function 'cube' has no output 1; there are 1"}};
    for (; which < 6; which++)
        assert_refused(call1(f, LEAF(1)), expected[which].status, expected[which].text);
    assert_non_null(call1(f, LEAF(1)));
    tg_function_free(f);
    assert_denied(tg_call_save(NULL, NULL, 0), TG_ERR_ARG, "call");
    assert_null(tg_call_data(NULL));
    assert_false(tg_call_needs_grad(NULL, 0));
    assert_int_equal(tg_call_saved_count(NULL), 0);
}

static tg_status save_many(void *ctx, tg_call *call, tg_tensor *const *in, int n_in,
                           tg_tensor **out, int n_out) {
    (void)ctx, (void)n_in, (void)n_out;
    for (int i = 0; i < 100; i++) {
        tg_tensor *x = tg_add_scalar(in[0], i);
        if (tg_call_save(call, &x, 1) != TG_OK)
            return tg_error_status();
    }
    out[0] = tg_mul_scalar(in[0], 4950);
    return TG_OK;
}
static tg_status sum_saved(void *ctx, tg_call *call, tg_tensor *const *g, int n_out,
                           tg_tensor **gin, int n_in) {
    (void)ctx, (void)n_out, (void)n_in;
    gin[0] = g[0];
    for (int i = 0; i < tg_call_saved_count(call); i++)
        gin[0] = tg_add(gin[0], tg_call_saved(call, i));
    assert_null(tg_call_saved(call, 100));
    assert_denied(tg_error_status(), TG_ERR_INDEX, "no saved tensor 100; there are 100");
    return TG_OK;
}

static void any_number_is_saved(void **state) {
    (void)state;
    tg_function_class methods = cube_class();
    methods.forward = save_many;
    methods.backward = sum_saved;
    tg_tensor *x = LEAF(0);
    int64_t before = tg_live_storages();
    tg_tensor *root = once(&methods, NULL, x);
    assert_true(tg_live_storages() > before + 100);
    assert_ok(tg_backward(root));
    assert_values(tg_grad(x), 4951);
    assert_true(tg_live_storages() < before + 10); /* released by the walk */
}

/* ---- Data of a call -------------------------------------------------------------------------- */

static int freed;
static void count_freed(void *data) { freed += *(int *)data; }

static tg_status set_data(void *ctx, tg_call *call, tg_tensor *const *in, int n_in, tg_tensor **out,
                          int n_out) {
    static int one = 1, ten = 10;
    tg_status status = tg_call_set_data(call, &ten, count_freed);
    if (status == TG_OK)
        status = tg_call_set_data(call, &one, count_freed);
    return status == TG_OK ? cube_forward(ctx, call, in, n_in, out, n_out) : status;
}
static tg_status read_data(void *ctx, tg_call *call, tg_tensor *const *g, int n_out,
                           tg_tensor **gin, int n_in) {
    if (*(int *)tg_call_data(call) != 1)
        return TG_ERR_INTERNAL;
    return cube_backward(ctx, call, g, n_out, gin, n_in);
}

static void data_goes_with_the_graph(void **state) {
    (void)state;
    tg_function_class methods = cube_class();
    methods.forward = set_data;
    methods.backward = read_data;
    freed = 0;
    tg_scope s = tg_scope_open();
    once(&methods, NULL, ROW(1)); /* not recorded: at once */
    assert_int_equal(freed, 11);
    tg_tensor *x = LEAF(2);
    sum_backward(once(&methods, NULL, x));
    assert_values(tg_grad(x), 12);
    assert_int_equal(freed, 21);
    assert_ok(tg_scope_close(s));
    assert_int_equal(freed, 22);
}

/* ---- Wrong gradients ------------------------------------------------------------------------- */

enum { NULL_GRADIENT, WRONG_SHAPE, WRONG_DTYPE, STATUS, ERROR, NO_GRADIENT, BLOB };

static double blob[2] = {7, 7};
static void keep_blob(void *ctx) { (void)ctx; }

static tg_status wrong_backward(void *ctx, tg_call *call, tg_tensor *const *g, int n_out,
                                tg_tensor **gin, int n_in) {
    (void)n_out, (void)n_in, (void)call;
    gin[0] = tg_mul_scalar(g[0], 2);
    switch (*(int *)ctx) {
    case WRONG_SHAPE:
        gin[1] = tg_ones(TG_F64, TG_SHAPE(1, 2));
        break;
    case WRONG_DTYPE:
        gin[1] = tg_ones(TG_F32, TG_SHAPE(2));
        break;
    case STATUS:
        gin[1] = g[0];
        return TG_ERR_NUMERIC;
    case ERROR:
        gin[1] = g[0];
        tg_reshape(g[0], TG_SHAPE(5)); /* fails, and nobody looks */
        break;
    case NO_GRADIENT:
        gin[1] = TG_NONE;
        break;
    case BLOB:
        gin[0] = gin[1] = tg_from_blob(blob, TG_F64, TG_SHAPE(2), NULL, keep_blob, NULL);
        break;
    default:
        break;
    }
    return TG_OK;
}
static tg_status add_forward(void *ctx, tg_call *call, tg_tensor *const *in, int n_in,
                             tg_tensor **out, int n_out) {
    (void)ctx, (void)call, (void)n_in, (void)n_out;
    out[0] = tg_add(in[0], in[1]);
    return TG_OK;
}

static void wrong_gradients_are_named(void **state) {
    (void)state;
    static const struct {
        tg_status status;
        const char *text;
    } expected[] = {
        {TG_ERR_SHAPE, "function 'foo': gradient 1 is NULL, its input is f64 [2]"},
        {TG_ERR_SHAPE, "function 'foo': gradient 1 is f64 [1, 2], its input is f64 [2]"},
        {TG_ERR_DTYPE, "function 'foo': gradient 1 is f32 [2], its input is f64 [2]"},
        {TG_ERR_NUMERIC, "function 'foo': the callback returned"},
        {TG_ERR_SHAPE, "; in backward of function 'foo'"}};
    static int which;
    which = 0;
    tg_function_class methods = cube_class();
    methods.name = "foo";
    methods.forward = add_forward;
    methods.backward = wrong_backward;
    tg_function *f = function_of(&methods, &which);
    tg_tensor *in[2] = {LEAF(1, 2), LEAF(3, 4)}, *y;
    for (; which <= ERROR; which++) {
        assert_ok(tg_function_call(f, in, 2, &y, 1));
        assert_denied(tg_backward(tg_sum(y, TG_ALL, false)), expected[which].status,
                      expected[which].text);
        assert_null(tg_grad(in[0]));
        assert_null(tg_grad(in[1]));
    }
    assert_ok(tg_function_call(f, in, 2, &y, 1));
    sum_backward(y);
    assert_values(tg_grad(in[0]), 2, 2);
    assert_null(tg_grad(in[1]));
    tg_function_free(f);
}

static void memory_of_the_user_is_not_added_to(void **state) {
    (void)state;
    static int which = BLOB;
    tg_function_class methods = cube_class();
    methods.forward = add_forward;
    methods.backward = wrong_backward;
    tg_function *f = function_of(&methods, &which);
    tg_tensor *in[2] = {LEAF(1, 2), LEAF(3, 4)}, *y;
    for (int i = 0; i < 2; i++) {
        assert_ok(tg_function_call(f, in, 2, &y, 1));
        sum_backward(tg_add(y, tg_mul(in[0], in[1])));
    }
    assert_values(tg_grad(in[0]), 20, 22);
    assert_true(blob[0] == 7 && blob[1] == 7);
    tg_function_free(f);
}

/* ---- TG_CALLBACK_OWNS ------------------------------------------------------------------------ */

static tg_status owning_forward(void *ctx, tg_call *call, tg_tensor *const *in, int n_in,
                                tg_tensor **out, int n_out) {
    (void)ctx, (void)n_in, (void)n_out;
    tg_tensor *squared = tg_square(in[0]);
    out[0] = tg_mul(in[0], squared);
    tg_release(squared);
    out[1] = tg_retain(in[0]);
    return tg_call_save(call, in, 1);
}
static tg_status owning_backward(void *ctx, tg_call *call, tg_tensor *const *g, int n_out,
                                 tg_tensor **gin, int n_in) {
    (void)n_out, (void)n_in;
    tg_tensor *x = tg_call_saved(call, 0);
    tg_tensor *squared = tg_square(x), *three = tg_mul_scalar(squared, 3);
    gin[0] = tg_mul(g[0], three);
    tg_release(x);
    tg_release(squared);
    tg_release(three);
    return ctx != NULL ? TG_ERR_NUMERIC : TG_OK;
}

static void owning_callbacks_hand_their_references_over(void **state) {
    (void)state;
    tg_function_class methods = cube_class();
    methods.flags = TG_CALLBACK_OWNS;
    methods.forward = owning_forward;
    methods.backward = owning_backward;
    for (int fails = 0; fails < 2; fails++) {
        tg_scope s = tg_scope_open();
        tg_function *f = function_of(&methods, fails ? &methods : NULL);
        tg_tensor *x = LEAF(2), *out[2];
        assert_ok(tg_function_call(f, &x, 1, out, 2));
        assert_true(out[1] != x);
        tg_status status = tg_backward(out[0]);
        if (fails) {
            assert_denied(status, TG_ERR_NUMERIC, "function 'cube'");
        } else {
            assert_ok(status);
            assert_values(tg_grad(x), 12);
        }
        tg_function_free(f);
        assert_ok(tg_scope_close(s));
    }
}

/* ---- Failed allocations ---------------------------------------------------------------------- */

static tg_tensor *second_order(tg_tensor *x) {
    tg_function_class methods = cube_class();
    tg_function *f = tg_function_new(&methods, NULL);
    tg_tensor *y = NULL, *h = tg_mul_scalar(x, 2), *g = NULL;
    tg_status status = f != NULL && h != NULL ? tg_function_call(f, &h, 1, &y, 1) : TG_ERR_MEMORY;
    tg_function_free(f);
    tg_gradients_options o = TG_GRADIENTS_OPTIONS_INIT;
    o.create_graph = true;
    y = status == TG_OK ? tg_sum(y, TG_ALL, false) : NULL;
    if (y == NULL || tg_gradients(&y, 1, &x, 1, &o, &g) != TG_OK)
        return NULL;
    g = tg_sum(g, TG_ALL, false);
    return g != NULL && tg_backward(g) == TG_OK ? g : NULL;
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    for (uint64_t n = 1;; n++) {
        tg_scope s = tg_scope_open();
        tg_tensor *x = LEAF(1, 2);
        tg__alloc_fail_at(n, false);
        tg_tensor *y = second_order(x);
        tg__alloc_fail_at(0, false);
        if (y != NULL) {
            assert_values(tg_grad(x), 48, 96);
            assert_ok(tg_scope_close(s));
            assert_true(n > 30);
            return;
        }
        assert_denied(tg_error_status(), TG_ERR_MEMORY, "out of memory");
        assert_null(tg_grad(x));
        assert_values(tg_test_made(second_order(x)), 24 + 96);
        assert_values(tg_grad(x), 48, 96);
        assert_ok(tg_scope_close(s));
    }
}

/* ---- Threads --------------------------------------------------------------------------------- */

enum { THREADS = 4, STEPS = 200 };

typedef struct {
    tg_function *f;
    tg_tensor *w;
    int failed;
} worker;

static void *work(void *ctx) {
    worker *w = ctx;
    for (int i = 0; i < STEPS; i++) {
        tg_scope s = tg_scope_open();
        tg_tensor *y = tg_sum(call1(w->f, w->w), TG_ALL, false);
        tg_status status = tg_backward(y);
        if (tg_scope_close(s) != TG_OK || status != TG_OK)
            w->failed++;
    }
    return NULL;
}

static void threads_share_a_function(void **state) {
    (void)state;
    tg_function_class methods = cube_class();
    tg_function *f = function_of(&methods, NULL);
    tg_tensor *w = tg_keep(LEAF(1, 2));
    worker workers[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (worker){f, w, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(workers[i].failed, 0);
    }
    assert_values(tg_grad(w), 3. * THREADS * STEPS, 12. * THREADS * STEPS);
    tg_function_free(f);
    tg_release(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        tg_scoped(absent_output_gradients_are_none),
        tg_scoped(the_mask_says_what_is_wanted),
        tg_scoped(mixed_second_derivatives_are_right),
        tg_scoped(a_changed_saved_tensor_is_named),
        tg_scoped(wrong_use_of_a_call_is_refused),
        tg_scoped(any_number_is_saved),
        tg_scoped(data_goes_with_the_graph),
        tg_scoped(wrong_gradients_are_named),
        tg_scoped(memory_of_the_user_is_not_added_to),
        tg_scoped(owning_callbacks_hand_their_references_over),
        tg_scoped(every_allocation_may_fail),
        tg_scoped(threads_share_a_function),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
