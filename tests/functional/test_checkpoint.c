/* test_checkpoint.c - checkpointing: the same bits as without, whatever happens between. */
#include "small_stack.h"
#include "tensors.h"

#include <tensorgrad/checkpoint.h>
#include <tensorgrad/ops.h>
#include <tensorgrad/optim.h>

static int calls;

/* y0 = tanh(x0 x1) [2, 2], y1 = Σ x0² [], y2 = argmax of x0, for x0 [2, 3], x1 [3, 2]. */
static tg_status layer(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)ctx, (void)n_in;
    calls++;
    out[0] = tg_tanh(tg_matmul(in[0], in[1]));
    if (n_out > 1)
        out[1] = tg_sum(tg_square(in[0]), TG_ALL, false);
    if (n_out > 2)
        out[2] = tg_argmax(in[0], TG_FLAT, false);
    return TG_OK;
}

static void make(tg_tensor **x) {
    x[0] = leaf(grid(TG_F64, 2, 3, LIST(.1, -.2, .3, .4, -.5, .6)));
    x[1] = leaf(grid(TG_F64, 3, 2, LIST(1, 2, -1, .5, .25, -2)));
}

static tg_tensor *loss_of(tg_tensor *const *y) {
    return tg_add(tg_sum(tg_square(y[0]), TG_ALL, false), tg_mul_scalar(y[1], 3));
}

static void assert_same(const tg_tensor *a, const tg_tensor *b) {
    assert_int_equal(tg_numel(a), tg_numel(b));
    for (int64_t i = 0; i < tg_numel(a); i++)
        assert_close(at(a, i), at(b, i), 0, 0);
}

static void gradients_are_those_of_the_plain_call(void **state) {
    (void)state;
    tg_tensor *x[2];
    tg_tensor *w[2];
    tg_tensor *y[3];
    make(x);
    make(w);
    layer(NULL, w, 2, y, 3);
    assert_ok(tg_backward(loss_of(y)));
    calls = 0;
    assert_ok(tg_checkpoint(layer, NULL, x, 2, y, 3, NULL));
    assert_int_equal(calls, 1);
    assert_string_equal(tg_grad_op(y[0]), "checkpoint");
    assert_false(tg_requires_grad(y[2]));
    assert_int_equal(tg_item_i64(y[2]), 5);
    assert_ok(tg_backward(loss_of(y)));
    assert_int_equal(calls, 2);
    assert_same(tg_grad(x[0]), tg_grad(w[0]));
    assert_same(tg_grad(x[1]), tg_grad(w[1]));
}

static void a_kept_graph_can_be_walked_again(void **state) {
    (void)state;
    tg_tensor *x[2];
    tg_tensor *y[1];
    tg_tensor *g[2];
    make(x);
    assert_ok(tg_checkpoint(layer, NULL, x, 2, y, 1, NULL));
    tg_tensor *root = tg_sum(y[0], TG_ALL, false);
    tg_gradients_options o = TG_GRADIENTS_OPTIONS_INIT;
    o.retain_graph = true;
    assert_ok(tg_gradients(&root, 1, x, 2, &o, g));
    assert_ok(tg_gradients(&root, 1, x, 1, NULL, g + 1)); /* only one input is asked for */
    assert_same(g[0], g[1]);
    assert_denied(tg_gradients(&root, 1, x, 1, NULL, g), TG_ERR_STATE, "walked before");
}

static void higher_orders_go_through_it(void **state) {
    (void)state;
    tg_tensor *x[2][2];
    tg_tensor *g[2];
    for (int with = 0; with < 2; with++) {
        make(x[with]);
        tg_tensor *in[2] = {tg_mul_scalar(x[with][0], 2), x[with][1]}; /* one not a leaf */
        tg_tensor *y[2];
        if (with)
            assert_ok(tg_checkpoint(layer, NULL, in, 2, y, 2, NULL));
        else
            layer(NULL, in, 2, y, 2);
        tg_tensor *d = loss_of(y);
        for (int order = 0; order < 3; order++)
            d = slope(d, NULL, x[with][order % 2]);
        g[with] = d;
    }
    for (int64_t i = 0; i < 6; i++)
        assert_close(at(g[1], i), at(g[0], i), 1e-12, 1e-12);
}

/* More inputs than one node may have outputs. */
static tg_status sum_of_squares(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out,
                                int n_out) {
    (void)ctx, (void)n_out;
    out[0] = tg_square(in[0]);
    for (int i = 1; i < n_in; i++)
        out[0] = tg_add(out[0], tg_mul(tg_square(in[i]), in[i - 1]));
    return TG_OK;
}

static void any_number_of_inputs(void **state) {
    (void)state;
    tg_tensor *x[40];
    tg_tensor *y;
    tg_tensor *g[40];
    tg_tensor *h[40];
    for (int i = 0; i < 40; i++)
        x[i] = leaf(number(1 + i % 3));
    tg_gradients_options o = TG_GRADIENTS_OPTIONS_INIT;
    o.create_graph = true;
    assert_ok(tg_checkpoint(sum_of_squares, NULL, x, 40, &y, 1, NULL));
    assert_ok(tg_gradients(&y, 1, x, 40, &o, g));
    for (int i = 1; i < 39; i++)
        assert_close(tg_item(g[i]), 2 * at(x[i], 0) * at(x[i - 1], 0) + pow(at(x[i + 1], 0), 2), 0,
                     0);
    assert_ok(
        tg_gradients(g + 35, 1, x, 40, &(tg_gradients_options){sizeof o, .allow_unused = true}, h));
    assert_close(tg_item(h[35]), 2 * at(x[34], 0), 0, 0);
    assert_close(tg_item(h[36]), 2 * at(x[36], 0), 0, 0);
}

/* x ↦ x · (noise of the thread + noise of ctx) */
static tg_status noisy(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)n_in, (void)n_out;
    tg_tensor *a = tg_randn(TG_F64, TG_SHAPE(4), NULL);
    out[0] = tg_mul(in[0], ctx != NULL ? tg_add(a, tg_randn(TG_F64, TG_SHAPE(4), ctx)) : a);
    return TG_OK;
}

static void the_same_random_numbers_are_drawn_again(void **state) {
    (void)state;
    tg_generator *mine = tg_generator_new(5);
    tg_checkpoint_options o = TG_CHECKPOINT_OPTIONS_INIT;
    o.n_generators = 1;
    o.generators = &mine;
    tg_tensor *x = LEAF(1, 1, 1, 1);
    tg_tensor *y;
    assert_ok(tg_manual_seed(11));
    assert_ok(tg_checkpoint(noisy, mine, &x, 1, &y, 1, &o));
    double next[2];
    next[0] = at(tg_rand(TG_F64, TG_SHAPE(1), NULL), 0); /* backward draws nothing of its own */
    tg_generator_state before[2];
    tg_generator_state after[2];
    assert_ok(tg_generator_get_state(NULL, &before[0]));
    assert_ok(tg_generator_get_state(mine, &before[1]));
    sum_backward(y);
    assert_same(tg_grad(x), y);
    assert_ok(tg_generator_get_state(NULL, &after[0]));
    assert_ok(tg_generator_get_state(mine, &after[1]));
    assert_memory_equal(before, after, sizeof before);
    /* and the forward moved them as a plain call does */
    assert_ok(tg_manual_seed(11));
    tg_randn(TG_F64, TG_SHAPE(4), NULL);
    next[1] = at(tg_rand(TG_F64, TG_SHAPE(1), NULL), 0);
    assert_close(next[0], next[1], 0, 0);
    o.preserve_rng = false;
    assert_ok(tg_zero_grad(&x, 1));
    assert_ok(tg_checkpoint(noisy, NULL, &x, 1, &y, 1, &o));
    sum_backward(y);
    assert_true(at(tg_grad(x), 0) != at(y, 0));
    tg_generator_free(mine);
}

/* A checkpoint inside a checkpoint, `depth` deep. */
static tg_status nested(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    int *depth = ctx;
    (void)n_in, (void)n_out;
    if (*depth == 0)
        return noisy(NULL, in, 1, out, 1);
    tg_tensor *y;
    if (tg_checkpoint(nested, depth - 1, in, 1, &y, 1, NULL) == TG_OK)
        out[0] = tg_sin(y);
    return tg_error_status();
}

static void checkpoints_nest(void **state) {
    (void)state;
    int depths[] = {0, 1, 2, 3};
    tg_tensor *g[2];
    for (int with = 0; with < 2; with++) {
        tg_tensor *x = LEAF(1, 2, 3, 4);
        tg_tensor *y;
        assert_ok(tg_manual_seed(2));
        if (with)
            assert_ok(tg_checkpoint(nested, depths + 3, &x, 1, &y, 1, NULL));
        else
            noisy(NULL, &x, 1, &y, 1);
        for (int i = 0; i < 3 && !with; i++)
            y = tg_sin(y);
        sum_backward(y);
        g[with] = tg_grad(x);
    }
    assert_same(g[0], g[1]);
}

static tg_status pick(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)n_in, (void)n_out;
    *(bool *)ctx = tg_grad_enabled();
    out[0] = tg_index_select(in[1], 0, in[0]);
    return TG_OK;
}

static void inputs_may_be_whole_numbers_and_modes_stay(void **state) {
    (void)state;
    bool recording = true;
    tg_tensor *in[2] = {row(TG_I64, LIST(2, 0, 2)), leaf(row(TG_F32, LIST(1, 2, 3)))};
    tg_tensor *y;
    assert_ok(tg_checkpoint(pick, &recording, in, 2, &y, 1, NULL));
    assert_false(recording); /* the first run records nothing */
    assert_true(tg_grad_enabled());
    sum_backward(y);
    assert_true(recording);
    assert_values(tg_grad(in[1]), 1, 0, 2);
    no_grad();
    assert_ok(tg_checkpoint(pick, &recording, in, 2, &y, 1, NULL));
    assert_false(recording || tg_requires_grad(y) || tg_grad_enabled());
    tg_set_grad_enabled(true);
    in[1] = tg_detach(in[1]);
    assert_ok(tg_checkpoint(pick, &recording, in, 2, &y, 1, NULL));
    assert_false(tg_requires_grad(y));
}

static tg_status pass(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)ctx, (void)n_in, (void)n_out;
    out[0] = in[0];
    out[1] = in[0];
    return TG_OK;
}

static void an_input_as_output_has_a_header_of_its_own(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *y[2];
    assert_ok(tg_checkpoint(pass, NULL, &x, 1, y, 2, NULL));
    assert_ptr_not_equal(y[0], x);
    assert_ptr_not_equal(y[0], y[1]);
    sum_backward(tg_add(y[0], tg_mul_scalar(y[1], 2)));
    assert_values(tg_grad(x), 3, 3);
}

/* ---- Refusals ---- */

static tg_status through_ctx(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out,
                             int n_out) {
    (void)n_in, (void)n_out;
    out[0] = tg_mul(in[0], ctx);
    return TG_OK;
}

static void gradients_that_would_be_lost_are_refused(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *w = leaf(row(TG_F64, LIST(7, 8)));
    tg_tensor *y;
    assert_ok(tg_checkpoint(through_ctx, w, &x, 1, &y, 1, NULL));
    assert_denied(tg_backward(tg_sum(y, TG_ALL, false)), TG_ERR_STATE, "checkpoint: ", "f64 [2]",
                  "not among its inputs");
    assert_ok(tg_checkpoint(through_ctx, tg_exp(w), &x, 1, &y, 1, NULL));
    assert_denied(tg_backward(tg_sum(y, TG_ALL, false)), TG_ERR_STATE, "recorded result",
                  "not among its inputs");
    assert_ok(tg_checkpoint(through_ctx, tg_detach(w), &x, 1, &y, 1, NULL));
    sum_backward(y);
    assert_values(tg_grad(x), 7, 8);
}

static void inputs_written_since_are_refused(void **state) {
    (void)state;
    tg_tensor *x = tg_mul_scalar(LEAF(1, 2), 1);
    tg_tensor *y;
    assert_ok(tg_checkpoint(through_ctx, ROW(3, 4), &x, 1, &y, 1, NULL));
    tg_add_scalar_(x, 1);
    assert_denied(tg_backward(tg_sum(y, TG_ALL, false)), TG_ERR_STATE, "checkpoint: ", "input 0",
                  "f64 [2]", "version 0", "version 1", "by add");
}

static tg_status changes(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)n_in, (void)n_out;
    int *n = ctx;
    out[0] = ++*n > 1 ? tg_cat((tg_tensor *const[]){in[0], in[0]}, 2, 0) : tg_square(in[0]);
    return *n > 2 ? TG_ERR_IO : TG_OK;
}

static void a_function_that_changes_its_mind_is_refused(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *y;
    int n = 0;
    assert_ok(tg_checkpoint(changes, &n, &x, 1, &y, 1, NULL));
    tg_tensor *root = tg_sum(y, TG_ALL, false);
    tg_backward_options o = TG_BACKWARD_OPTIONS_INIT;
    o.retain_graph = true;
    assert_denied(tg_backward_ex(&root, 1, &o), TG_ERR_SHAPE, "checkpoint: ", "f64 [4]", "output 0",
                  "f64 [2]");
    assert_denied(tg_backward_ex(&root, 1, &o), TG_ERR_IO, "checkpoint: ", "TG_ERR_IO");
    assert_null(tg_grad(x));
}

static void wrong_calls_are_named(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *y[40];
    tg_checkpoint_options o = TG_CHECKPOINT_OPTIONS_INIT;
    assert_denied(tg_checkpoint(NULL, NULL, &x, 1, y, 1, NULL), TG_ERR_ARG, "checkpoint: ", "fn");
    assert_denied(tg_checkpoint(pass, NULL, &x, 1, y, 33, NULL), TG_ERR_ARG, "33 outputs", "32");
    assert_denied(tg_checkpoint(pass, NULL, &x, 1, NULL, 2, NULL), TG_ERR_ARG, "NULL");
    assert_denied(tg_checkpoint(pass, NULL, &x, 1, y, 3, NULL), TG_ERR_ARG, "output 2 of 3");
    assert_denied(tg_checkpoint(pass, NULL, (tg_tensor *const[]){TG_NONE}, 1, y, 2, NULL),
                  TG_ERR_ARG, "inputs");
    assert_denied(tg_checkpoint(pass, NULL, &x, 1, &x, 1, NULL), TG_ERR_ARG, "share an array");
    o.n_generators = 1;
    assert_denied(tg_checkpoint(pass, NULL, &x, 1, y, 2, &o), TG_ERR_ARG, "1 generators", "NULL");
    o.n_generators = 0;
    o.flags = 2;
    assert_denied(tg_checkpoint(pass, NULL, &x, 1, y, 2, &o), TG_ERR_UNSUPPORTED, "0x2");
    o.size = 0;
    assert_denied(tg_checkpoint(pass, NULL, &x, 1, y, 2, &o), TG_ERR_ARG,
                  "TG_CHECKPOINT_OPTIONS_INIT");
}

/* ---- Lives ---- */

static int destroyed;

static void destroy(void *ctx) {
    (void)ctx;
    destroyed++;
}

static tg_status refuses(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)ctx, (void)n_in, (void)n_out;
    tg_rand(TG_F64, TG_SHAPE(3), NULL);
    out[0] = tg_reshape(in[0], TG_SHAPE(99));
    return TG_OK;
}

static void ctx_is_destroyed_with_the_last_graph(void **state) {
    (void)state;
    tg_checkpoint_options o = TG_CHECKPOINT_OPTIONS_INIT;
    o.destroy = destroy;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *y[2];
    destroyed = 0;
    tg_scope s = tg_scope_open();
    assert_ok(tg_checkpoint(pass, NULL, &x, 1, y, 2, &o));
    assert_int_equal(destroyed, 0);
    assert_ok(tg_scope_close(s));
    assert_int_equal(destroyed, 1); /* never walked */
    assert_ok(tg_checkpoint(pass, NULL, &x, 1, y, 2, &o));
    tg_tensor *g = slope(y[0], NULL, x); /* the gradient's graph needs it as well */
    assert_int_equal(destroyed, 1);
    assert_values(g, 1, 1);
    sum_backward(y[0]);
    assert_int_equal(destroyed, 1);
    tg_tensor *plain = ROW(1, 2);
    assert_ok(tg_checkpoint(pass, NULL, &plain, 1, y, 2, &o));
    assert_int_equal(destroyed, 2); /* nothing recorded: at once */
    tg_generator_state before;
    tg_generator_state after;
    assert_ok(tg_generator_get_state(NULL, &before));
    assert_denied(tg_checkpoint(refuses, NULL, &x, 1, y, 1, &o), TG_ERR_SHAPE, "reshape: ");
    assert_ok(tg_generator_get_state(NULL, &after));
    assert_memory_equal(&before, &after, sizeof before);
    assert_int_equal(destroyed, 2); /* failed: ctx stays the caller's */
}

/* x written in place after the call, by a recorded operation: no cycle, or this leaves a node. */
static void later_writes_make_no_cycle(void **state) {
    (void)state;
    tg_tensor *x = tg_mul_scalar(LEAF(1, 2), 1);
    tg_tensor *y;
    assert_ok(tg_checkpoint(through_ctx, ROW(3, 4), &x, 1, &y, 1, NULL));
    tg_mul_(x, y);
    assert_true(tg_live_nodes() > 0);
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    double expected = NAN;
    for (int create = 0; create < 2; create++)
        for (uint64_t n = 1;; n++) {
            tg_scope s = tg_scope_open();
            tg_tensor *x[2];
            tg_tensor *y[2] = {NULL, NULL};
            tg_tensor *g[2] = {NULL, NULL};
            make(x);
            tg_gradients_options o = TG_GRADIENTS_OPTIONS_INIT;
            o.create_graph = create;
            tg_scope inner = tg_scope_open();
            int64_t live[3] = {tg_live_tensors(), tg_live_storages(), tg_live_nodes()};
            tg__alloc_fail_at(n, false);
            tg_status status = tg_checkpoint(layer, NULL, x, 2, y, 2, NULL);
            if (status == TG_OK) {
                tg_tensor *root = loss_of(y);
                status = tg_gradients(&root, 1, x, 2, &o, g);
                if (status == TG_OK && create)
                    status = tg_backward(tg_sum(g[0], TG_ALL, false));
            }
            tg__alloc_fail_at(0, false);
            bool done = status == TG_OK;
            if (done)
                expected = at(g[0], 0);
            tg_status closed = tg_scope_close(inner);
            assert_int_equal(closed, status);
            if (!done) {
                assert_int_equal(status, TG_ERR_MEMORY);
                tg_error_clear();
                assert_int_equal(tg_live_tensors(), live[0]);
                assert_int_equal(tg_live_storages(), live[1]);
                assert_int_equal(tg_live_nodes(), live[2]);
            }
            assert_ok(tg_scope_close(s));
            if (done) {
                assert_false(isnan(expected));
                assert_true(n > 50);
                break;
            }
        }
}

/* ---- Threads and depth ---- */

static tg_status waves(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)ctx, (void)n_in, (void)n_out;
    out[0] = tg_sin(tg_mul_scalar(in[0], 1.2));
    return TG_OK;
}

typedef struct {
    tg_tensor *root; /* of the other thread's graph */
    double slope;
    tg_status status;
} elsewhere;

/* A long chain, recorded and walked on a small stack; before it, a graph of the main thread. */
static void *walk_elsewhere(void *arg) {
    elsewhere *e = arg;
    e->status = tg_backward(e->root);
    tg_scope s = tg_scope_open();
    tg_tensor *x = tg_requires_grad_(tg_scalar(TG_F64, 0), true);
    tg_tensor *y = x;
    for (int i = 0; i < 2000 && y != NULL; i++) {
        tg_tensor *next = NULL;
        (void)tg_checkpoint(waves, NULL, &y, 1, &next, 1, NULL);
        y = next;
    }
    (void)tg_backward(y);
    tg_tensor *g = tg_grad(x);
    e->slope = g != NULL ? tg_item(g) / pow(1.2, 1000) : NAN; /* of 1.2^2000 */
    tg_status status = tg_scope_close(s);
    e->status = e->status != TG_OK ? e->status : status;
    return NULL;
}

static void backward_may_run_elsewhere_and_deep(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 1, 1, 1);
    tg_tensor *y;
    assert_ok(tg_checkpoint(noisy, NULL, &x, 1, &y, 1, NULL));
    elsewhere e = {.root = tg_sum(y, TG_ALL, false)};
    on_a_small_stack(walk_elsewhere, &e);
    assert_int_equal(e.status, TG_OK);
    assert_same(tg_grad(x), y);                      /* the random numbers of the first thread */
    assert_close(e.slope, pow(1.2, 1000), 1e-12, 0); /* cos 0 each time */
}

TG_TEST_MAIN(tg_scoped(gradients_are_those_of_the_plain_call),
             tg_scoped(a_kept_graph_can_be_walked_again), tg_scoped(higher_orders_go_through_it),
             tg_scoped(any_number_of_inputs), tg_scoped(the_same_random_numbers_are_drawn_again),
             tg_scoped(checkpoints_nest), tg_scoped(inputs_may_be_whole_numbers_and_modes_stay),
             tg_scoped(an_input_as_output_has_a_header_of_its_own),
             tg_scoped(gradients_that_would_be_lost_are_refused),
             tg_scoped(inputs_written_since_are_refused),
             tg_scoped(a_function_that_changes_its_mind_is_refused),
             tg_scoped(wrong_calls_are_named), tg_scoped(ctx_is_destroyed_with_the_last_graph),
             tg_scoped(later_writes_make_no_cycle), tg_scoped(every_allocation_may_fail),
             tg_scoped(backward_may_run_elsewhere_and_deep))
