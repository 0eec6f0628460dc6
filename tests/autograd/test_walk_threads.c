/* ctest: threads */
/* test_walk_threads.c - walks beside and inside each other: shared leaves, shared graphs, handing
 * graphs over, deleters that walk. Threads report; assertions stay on the main thread. */
#include "tensors.h"

#include <pthread.h>
#include <stdatomic.h>

enum { THREADS = 4 };

static void run_all(void *(*work)(void *), void *contexts, size_t size) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, work, (char *)contexts + (size_t)i * size), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

/* ---- Shared leaves ---- */

typedef struct {
    tg_tensor *a, *b;
    int steps, failed;
} worker;

/* Adds 1·step to .grad of a, in whole numbers, and 2 to that of b. */
static void *add_gradients(void *ctx) {
    worker *w = ctx;
    for (int i = 1; i <= w->steps; i++) {
        tg_scope s = tg_scope_open();
        tg_tensor *y = tg_add(tg_mul_scalar(w->a, i), tg_mul_scalar(w->b, 2));
        tg_status status = tg_backward(tg_sum(y, TG_ALL, false));
        if (tg_scope_close(s) != TG_OK || status != TG_OK)
            w->failed++;
    }
    return NULL;
}

static void threads_that_share_leaves_lose_no_gradient(void **state) {
    (void)state;
    enum { STEPS = 400 };
    tg_tensor *a = tg_keep(leaf(tg_zeros(TG_F64, TG_SHAPE(7))));
    tg_tensor *b = tg_keep(leaf(tg_zeros(TG_F32, TG_SHAPE(7))));
    worker workers[THREADS];
    for (int i = 0; i < THREADS; i++)
        workers[i] = (worker){a, b, STEPS, 0};
    run_all(add_gradients, workers, sizeof *workers);
    double sum = (double)THREADS * STEPS * (STEPS + 1) / 2;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(workers[i].failed, 0);
    assert_values(tg_grad(a), sum, sum, sum, sum, sum, sum, sum);
    assert_values(tg_grad(b), 2 * THREADS * STEPS, 2 * THREADS * STEPS, 2 * THREADS * STEPS,
                  2 * THREADS * STEPS, 2 * THREADS * STEPS, 2 * THREADS * STEPS,
                  2 * THREADS * STEPS);
    tg_release(a);
    tg_release(b);
}

/* ---- One graph, many walkers ---- */

typedef struct {
    tg_tensor *root, *leaf;
    int walked, busy, other;
} contender;

static void *contend(void *ctx) {
    contender *c = ctx;
    for (int i = 0; i < 300; i++) {
        tg_scope s = tg_scope_open();
        tg_gradients_options o = TG_GRADIENTS_OPTIONS_INIT;
        o.retain_graph = true;
        tg_tensor *g;
        tg_status status = i % 2 ? tg_gradients(&c->root, 1, &c->leaf, 1, &o, &g) : TG_OK;
        if (i % 2 == 0) {
            tg_backward_options b = TG_BACKWARD_OPTIONS_INIT;
            b.retain_graph = true;
            status = tg_backward_ex(&c->root, 1, &b);
        }
        c->walked += status == TG_OK;
        c->busy += status == TG_ERR_BUSY;
        c->other += status != TG_OK && status != TG_ERR_BUSY;
        if (status == TG_OK && i % 2 && tg_item(g) != 6)
            c->other++;
        (void)!tg_scope_close(s);
        tg_error_clear();
    }
    return NULL;
}

/* Each walk is whole or refused; afterwards nobody is busy and the sum fits the count. */
static void walks_of_one_graph_are_whole_or_busy(void **state) {
    (void)state;
    tg_tensor *x = tg_keep(leaf(number(3)));
    tg_tensor *y = x;
    for (int i = 0; i < 50; i++)
        y = tg_add_scalar(y, 1);
    y = tg_keep(tg_sub(tg_square(tg_sub_scalar(y, 50)), number(1)));
    contender all[THREADS];
    for (int i = 0; i < THREADS; i++)
        all[i] = (contender){y, x, 0, 0, 0};
    run_all(contend, all, sizeof *all);
    int walked = 0;
    int busy = 0;
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(all[i].other, 0);
        walked += all[i].walked;
        busy += all[i].busy;
    }
    assert_int_equal(walked + busy, 300 * THREADS);
    assert_true(walked > 0);
    if (tg_grad(x) != NULL)
        assert_int_equal((int)tg_item(tg_grad(x)) % 6, 0);
    assert_ok(tg_zero_grad(&x, 1));
    assert_ok(tg_backward(y));
    assert_values(tg_grad(x), 6);
    tg_release(x);
    tg_release(y);
}

/* ---- Graphs that change hands ---- */

typedef struct {
    tg_tensor *leaf, *result;
} handed;

static void *record(void *ctx) {
    handed *h = ctx;
    tg_scope s = tg_scope_open();
    tg_tensor *y = h->leaf;
    for (int i = 0; i < 1000; i++)
        y = tg_mul_scalar(y, i % 2 ? 0.5 : 2);
    h->result = tg_retain(y);
    (void)!tg_scope_close(s);
    return NULL;
}

static void *drop(void *ctx) {
    tg_release(((handed *)ctx)->result);
    return NULL;
}

static void a_graph_recorded_on_one_thread_is_walked_and_freed_on_others(void **state) {
    (void)state;
    tg_tensor *x = tg_keep(leaf(number(3)));
    handed all[THREADS];
    for (int i = 0; i < THREADS; i++)
        all[i] = (handed){x, NULL};
    run_all(record, all, sizeof *all);
    tg_tensor *sum = all[0].result;
    for (int i = 1; i < THREADS; i++)
        sum = tg_add(sum, tg_square(all[i].result));
    assert_ok(tg_backward(sum));
    assert_values(tg_grad(x), 1 + (THREADS - 1) * 6);
    tg_release(sum);
    run_all(drop, all, sizeof *all);
    tg_release(x);
}

/* ---- Walks inside a walk ---- */

typedef struct {
    tg_tensor *x, *part;
    double memory[2];
    int calls;
    tg_status own, shared;
} deleter_context;

/* Runs when backward lets go of the saved value: walks a graph of its own, and a part of the one
 * that is being walked. */
static void walking_deleter(void *ctx) {
    deleter_context *d = ctx;
    bool was = tg_set_grad_enabled(true); /* a walk does not record */
    d->calls++;
    d->own = tg_backward(tg_square(d->x));
    d->shared = tg_backward(d->part);
    tg_error_clear();
    (void)tg_set_grad_enabled(was);
}

static void a_deleter_may_walk_another_graph(void **state) {
    (void)state;
    deleter_context d = {.x = leaf(number(5)), .memory = {2, 3}};
    tg_tensor *w = LEAF(1, 1);
    tg_scope s = tg_scope_open();
    tg_tensor *blob = tg_from_blob(d.memory, TG_F64, TG_SHAPE(2), NULL, walking_deleter, &d);
    tg_tensor *h = tg_add(w, w);                           /* saves nothing */
    tg_tensor *y = tg_sum(tg_mul(h, blob), TG_ALL, false); /* saves blob */
    d.part = tg_sum(h, TG_ALL, false);
    tg_release(blob); /* now only the graph holds it */
    assert_int_equal(d.calls, 0);
    assert_ok(tg_backward(y));
    assert_ok(tg_scope_close(s));
    assert_int_equal(d.calls, 1);
    assert_int_equal(d.own, TG_OK);
    assert_int_equal(d.shared, TG_OK); /* the walk around it has not come to h yet */
    assert_values(tg_grad(d.x), 10);
    assert_values(tg_grad(w), 2 * 2 + 2, 2 * 3 + 2);
}

static void clearing_deleter(void *calls) {
    ++*(int *)calls;
    assert_null(tg_reshape(NULL, TG_SHAPE(1)));
    tg_error_clear();
}

static void a_deleter_that_clears_errors_does_not_hide_a_failed_walk(void **state) {
    (void)state;
    double memory[2] = {2, 3};
    int calls = 0;
    tg_tensor *w = LEAF(1, 1);
    tg_tensor *blob = tg_from_blob(memory, TG_F64, TG_SHAPE(2), NULL, clearing_deleter, &calls);
    tg_tensor *y = tg_sum(tg_pow(w, blob), TG_ALL, false); /* saves w and blob */
    tg_release(blob);
    bool was = no_grad();
    tg_fill_(w, 5);
    (void)tg_set_grad_enabled(was);
    assert_denied(tg_backward(y), TG_ERR_STATE, "backward: ", "pow saved input a", "fill");
    assert_int_equal(calls, 1);
    assert_null(tg_grad(w));
}

/* ---- Modes belong to threads ---- */

static void *mode_of_a_new_thread(void *ctx) {
    *(bool *)ctx = tg_grad_enabled();
    (void)tg_set_grad_enabled(false);
    return NULL;
}

static void grad_mode_is_each_threads_own(void **state) {
    (void)state;
    bool on[THREADS] = {false};
    bool was = no_grad();
    run_all(mode_of_a_new_thread, on, sizeof *on);
    for (int i = 0; i < THREADS; i++)
        assert_true(on[i]);
    assert_false(tg_grad_enabled());
    (void)tg_set_grad_enabled(was);
}

TG_TEST_MAIN(tg_scoped(threads_that_share_leaves_lose_no_gradient),
             tg_scoped(walks_of_one_graph_are_whole_or_busy),
             tg_scoped(a_graph_recorded_on_one_thread_is_walked_and_freed_on_others),
             tg_scoped(a_deleter_may_walk_another_graph),
             tg_scoped(a_deleter_that_clears_errors_does_not_hide_a_failed_walk),
             tg_scoped(grad_mode_is_each_threads_own))
