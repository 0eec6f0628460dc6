/* test_threads.c - tensors, gradients and graphs that several threads use at once.
 *
 * Values are whole numbers, so sums do not depend on the order and must come out exactly. Threads
 * report by counting what went wrong; assertions stay on the main thread. Walks that meet in one
 * graph are in test_walk_threads.c. */
/* ctest: threads */
#include "core/tensor.h"

#include "tensors.h"

#include <tensorgrad/tensorgrad.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

enum { THREADS = 6 };

static pthread_barrier_t meet;

/* Runs body on all threads, each with its own element of contexts. */
static void run_all(void *(*body)(void *), void *contexts, size_t size) {
    pthread_t thread[THREADS];
    assert_int_equal(pthread_barrier_init(&meet, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(
            pthread_create(&thread[i], NULL, body, (char *)contexts + (size_t)i * size), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    pthread_barrier_destroy(&meet);
}

typedef struct {
    int number, wrong;
    tg_tensor *x, *w, *out;
} worker;

static void prepare(worker *all, tg_tensor *x, tg_tensor *w) {
    for (int i = 0; i < THREADS; i++)
        all[i] = (worker){.number = i + 1, .x = x, .w = w};
}

static int wrongs(const worker *all) {
    int n = 0;
    for (int i = 0; i < THREADS; i++)
        n += all[i].wrong;
    return n;
}

static bool holds(const tg_tensor *x, double value) {
    double elements[64];
    size_t bytes = (size_t)tg_numel(x) * sizeof *elements;
    if (x == NULL || bytes > sizeof elements || tg_copy_to(x, elements, bytes) != TG_OK)
        return false;
    for (int64_t i = 0; i < tg_numel(x); i++)
        if (elements[i] != value)
            return false;
    return true;
}

static uint32_t all_refs(const tg_tensor *x) { return (uint32_t)atomic_load(&x->refs); }
static uint32_t user_refs(const tg_tensor *x) { return (uint32_t)(atomic_load(&x->refs) >> 32); }

/* ---- Tensors that all read ---- */

/* Independent graphs over the same data, matrix products and views among it. */
static void *train_alone(void *arg) {
    worker *me = arg;
    tg_scope outer = tg_scope_open();
    tg_tensor *w = tg_requires_grad_(tg_full(TG_F64, TG_SHAPE(4, 2), me->number), true);
    for (int i = 0; i < 60; i++) {
        tg_scope s = tg_scope_open();
        tg_tensor *y = tg_matmul(tg_transpose(me->x, 0, 1), w); /* [8,4]·[4,2] of ones · number */
        me->wrong += tg_backward(tg_sum(tg_square(y), TG_ALL, false)) != TG_OK;
        /* dy: 2 · 4 · number at each of 8 · 2 places, each w element sees 8 of them */
        me->wrong += !holds(tg_grad(w), 2.0 * 4 * me->number * 8);
        me->wrong += tg_zero_grad(&w, 1) != TG_OK;
        me->wrong += tg_scope_close(s) != TG_OK;
    }
    me->wrong += tg_scope_close(outer) != TG_OK;
    return NULL;
}

static void data_is_shared_by_independent_graphs(void **state) {
    (void)state;
    worker all[THREADS];
    prepare(all, tg_ones(TG_F64, TG_SHAPE(4, 8)), NULL);
    run_all(train_alone, all, sizeof *all);
    assert_int_equal(wrongs(all), 0);
    assert_int_equal(all_refs(all[0].x), 1);
}

/* ---- Gradients that all add to ---- */

enum { ROUNDS = 100 };

static void *attach_and_add(void *arg) {
    worker *me = arg;
    for (int i = 0; i < ROUNDS; i++) {
        tg_scope s = tg_scope_open();
        tg_tensor *y = tg_sum(tg_mul_scalar(me->w, me->number), TG_ALL, false);
        pthread_barrier_wait(&meet);
        me->wrong += tg_backward(y) != TG_OK;
        pthread_barrier_wait(&meet);
        if (me->number == 1) {
            me->wrong += !holds(tg_grad(me->w), THREADS * (THREADS + 1) / 2);
            me->wrong += tg_zero_grad(&me->w, 1) != TG_OK;
        }
        me->wrong += tg_scope_close(s) != TG_OK;
    }
    return NULL;
}

/* The first gradient of a leaf is attached, the others added: whoever comes first. */
static void the_first_gradient_may_come_from_any_thread(void **state) {
    (void)state;
    worker all[THREADS];
    prepare(all, NULL, leaf(tg_ones(TG_F64, TG_SHAPE(5))));
    run_all(attach_and_add, all, sizeof *all);
    assert_int_equal(wrongs(all), 0);
    assert_null(tg_grad(all[0].w));
}

static void *add_only(void *arg) {
    worker *me = arg;
    for (int i = 0; i < ROUNDS; i++) {
        tg_scope s = tg_scope_open();
        tg_tensor *y = tg_sum(tg_mul_scalar(me->w, me->number), TG_ALL, false);
        me->wrong += tg_backward(y) != TG_OK;
        me->wrong += tg_scope_close(s) != TG_OK;
    }
    return NULL;
}

/* Added up in place, in memory of the user's with strides of its own. */
static void threads_add_into_a_gradient_that_was_set(void **state) {
    (void)state;
    worker all[THREADS];
    prepare(all, NULL, leaf(tg_ones(TG_F64, TG_SHAPE(3, 5))));
    tg_tensor *memory = tg_zeros(TG_F64, TG_SHAPE(5, 6));
    tg_tensor *view = tg_transpose(tg_slice(memory, 1, 0, TG_SLICE_END, 2), 0, 1);
    assert_ok(tg_set_grad(all[0].w, view));
    uint32_t version = tg_version_of(memory);
    run_all(add_only, all, sizeof *all);
    assert_int_equal(wrongs(all), 0);
    assert_int_equal(tg_version_of(memory) - version, THREADS * ROUNDS);
    double sum = ROUNDS * THREADS * (THREADS + 1) / 2.0;
    assert_true(holds(view, sum));
    assert_true(holds(tg_slice(memory, 1, 1, TG_SLICE_END, 2), 0)); /* between its elements */
}

/* Threads look at, drop, set and add gradients of one leaf; nothing is lost or freed twice. */
static void *churn_gradient(void *arg) {
    worker *me = arg;
    for (int i = 0; i < ROUNDS; i++) {
        tg_scope s = tg_scope_open();
        tg_tensor *g = tg_grad(me->w);
        me->wrong += g != NULL && tg_numel(g) != 5;
        if (me->number % 3 == 0)
            me->wrong += tg_backward(tg_sum(me->w, TG_ALL, false)) != TG_OK;
        else if (me->number % 3 == 1)
            me->wrong += tg_set_grad(me->w, tg_zeros_like(me->w)) != TG_OK;
        else
            me->wrong += tg_zero_grad(&me->w, 1) != TG_OK;
        me->wrong += tg_scope_close(s) != TG_OK;
    }
    return NULL;
}

static void gradients_may_be_replaced_while_others_look(void **state) {
    (void)state;
    worker all[THREADS];
    prepare(all, NULL, leaf(tg_ones(TG_F64, TG_SHAPE(5))));
    run_all(churn_gradient, all, sizeof *all);
    assert_int_equal(wrongs(all), 0);
    assert_ok(tg_zero_grad(&all[0].w, 1));
    assert_int_equal(tg_live_tensors(), 1);
}

/* ---- One graph, walked without retain_graph ---- */

static void *walk_once(void *arg) {
    worker *me = arg;
    pthread_barrier_wait(&meet);
    tg_status status = tg_backward(me->x);
    me->number = status == TG_OK;
    me->wrong = status != TG_OK && status != TG_ERR_BUSY && status != TG_ERR_STATE;
    tg_error_clear();
    return NULL;
}

/* One gets through at most; the others are busy, or find the graph used up. */
static void a_graph_is_used_up_once(void **state) {
    (void)state;
    int got_through = 0;
    for (int round = 0; round < 30; round++) {
        tg_scope s = tg_scope_open();
        worker all[THREADS];
        tg_tensor *w = leaf(tg_ones(TG_F64, TG_SHAPE(3)));
        tg_tensor *y = tg_square(w);
        for (int i = 0; i < 40; i++)
            y = tg_mul(y, tg_ones_like(y));
        prepare(all, tg_sum(y, TG_ALL, false), w);
        run_all(walk_once, all, sizeof *all);
        int walked = 0;
        for (int i = 0; i < THREADS; i++)
            walked += all[i].number;
        assert_int_equal(wrongs(all), 0);
        assert_true(walked <= 1);
        assert_true(walked == 0 ? tg_grad(w) == NULL : holds(tg_grad(w), 2));
        got_through += walked;
        assert_denied(tg_backward(all[0].x), TG_ERR_STATE, "the graph was walked before");
        assert_ok(tg_scope_close(s));
    }
    assert_true(got_through > 0);
}

/* Each thread records its own part on top of a common one, and tries until nobody is in its way. */
static void *retry_until_free(void *arg) {
    worker *me = arg;
    for (int i = 0; i < 40; i++) {
        tg_scope s = tg_scope_open();
        tg_tensor *y = tg_sum(tg_mul_scalar(tg_square(me->x), me->number), TG_ALL, false);
        tg_backward_options o = TG_BACKWARD_OPTIONS_INIT;
        o.retain_graph = true;
        tg_status status;
        while ((status = tg_backward_ex(&y, 1, &o)) == TG_ERR_BUSY) {
            tg_error_clear();
            sched_yield();
        }
        me->wrong += status != TG_OK;
        me->wrong += tg_scope_close(s) != TG_OK;
    }
    return NULL;
}

static void a_busy_walk_can_be_tried_again(void **state) {
    (void)state;
    worker all[THREADS];
    tg_tensor *w = leaf(tg_full(TG_F64, TG_SHAPE(4), 2));
    tg_tensor *common = w;
    for (int i = 0; i < 30; i++)
        common = tg_mul_scalar(common, i % 2 ? 0.5 : 2);
    prepare(all, common, w);
    run_all(retry_until_free, all, sizeof *all);
    assert_int_equal(wrongs(all), 0);
    assert_true(holds(tg_grad(w), 40 * 2 * 2 * THREADS * (THREADS + 1) / 2.0));
}

/* ---- References ---- */

enum { HANDED = 300 };
static tg_tensor *_Atomic box[THREADS];

/* Takes what the neighbour made and puts something of its own there instead. */
static void *hand_over(void *arg) {
    worker *me = arg;
    for (int i = 0; i < HANDED; i++) {
        tg_scope s = tg_scope_open();
        tg_tensor *x = tg_full(TG_F64, TG_SHAPE(3), i % 2 ? 7 : 7.0);
        tg_tensor *y =
            tg_sub_scalar(tg_exp(tg_mul_scalar(tg_sub(x, me->w), 0)), 1); /* 0, a graph */
        if (i % 2)
            tg_keep(y);
        else
            tg_retain(y);
        tg_tensor *got = atomic_exchange(&box[(me->number + i) % THREADS], y);
        if (got != NULL) {
            me->wrong += !holds(got, 0);
            me->wrong += i % 3 == 0 && tg_backward(tg_sum(got, TG_ALL, false)) != TG_OK;
            tg_release(got);
        }
        me->wrong += tg_scope_close(s) != TG_OK;
    }
    return NULL;
}

static void kept_and_retained_tensors_change_hands(void **state) {
    (void)state;
    worker all[THREADS];
    prepare(all, NULL, leaf(tg_ones(TG_F64, TG_SHAPE(3))));
    run_all(hand_over, all, sizeof *all);
    assert_int_equal(wrongs(all), 0);
    for (int i = 0; i < THREADS; i++)
        tg_release(atomic_exchange(&box[i], NULL));
    assert_true(holds(tg_grad(all[0].w), 0));
    assert_int_equal(tg_live_tensors(), 2); /* w and its gradient */
    assert_int_equal(tg_live_nodes(), 0);
}

static _Atomic int deleted;
static void count_deleted(void *ctx) {
    (void)ctx;
    atomic_fetch_add(&deleted, 1);
}

static void *drop_at_once(void *arg) {
    worker *me = arg;
    pthread_barrier_wait(&meet);
    tg_release(me->x);
    return NULL;
}

/* The last reference may go on any thread, and the graph behind it with it, once. */
static void all_let_go_at_once(void **state) {
    (void)state;
    static double memory[2] = {1, 1};
    atomic_store(&deleted, 0);
    for (int round = 0; round < 60; round++) {
        worker all[THREADS];
        tg_scope s = tg_scope_open();
        tg_tensor *blob = tg_from_blob(memory, TG_F64, TG_SHAPE(2), NULL, count_deleted, NULL);
        tg_tensor *trunk = tg_exp(tg_mul(blob, leaf(tg_ones(TG_F64, TG_SHAPE(2)))));
        prepare(all, trunk, NULL);
        for (int i = 0; i < THREADS; i++)
            all[i].x = i % 2 ? tg_retain(trunk) : tg_keep(tg_square(trunk));
        assert_ok(tg_scope_close(s));
        assert_int_equal(atomic_load(&deleted), round);
        run_all(drop_at_once, all, sizeof *all);
        assert_int_equal(atomic_load(&deleted), round + 1);
        assert_int_equal(tg_live_tensors(), 0);
        assert_int_equal(tg_live_nodes(), 0);
    }
}

/* tg_grad hands out the same tensor in the scopes of all threads: each has entries of its own. */
static void *entries(void *arg) {
    worker *me = arg;
    for (int i = 0; i < ROUNDS; i++) {
        tg_scope s = tg_scope_open();
        me->wrong += tg_grad(me->w) != me->x;
        tg_scope inner = tg_scope_open();
        for (int k = 0; k < 3; k++)
            me->wrong += tg_grad(me->w) != me->x;
        if (i % 4 == 0)
            tg_release(me->x); /* one entry of mine */
        if (i % 4 == 1)
            me->wrong += tg_scope_return(inner, me->x) != me->x;
        else if (i % 4 != 2) /* left to the outer one */
            me->wrong += tg_scope_close(inner) != TG_OK;
        me->wrong += tg_scope_close(s) != TG_OK;
    }
    return NULL;
}

static void a_tensor_stands_in_the_scopes_of_many_threads(void **state) {
    (void)state;
    worker all[THREADS];
    tg_tensor *w = leaf(tg_ones(TG_F64, TG_SHAPE(3)));
    assert_ok(tg_backward(tg_sum(w, TG_ALL, false)));
    tg_tensor *g = tg_keep(tg_grad(w)); /* no entry here: nothing distinguishes the threads */
    tg_release(g);
    prepare(all, g, w);
    run_all(entries, all, sizeof *all);
    assert_int_equal(wrongs(all), 0);
    assert_int_equal(all_refs(g), 1);
    assert_int_equal(user_refs(g), 0);
    tg_tensor *again = tg_grad(w); /* found by searching from now on */
    assert_ptr_equal(again, g);
    assert_int_equal(all_refs(g), 2);
    tg_release(again);
    assert_int_equal(all_refs(g), 1);
}

static void *hold_through(void *arg) {
    worker *me = arg;
    for (int i = 0; i < 1000; i++) {
        tg_hold(me->x);
        me->wrong += tg_retain(me->x) != me->x;
        tg_unhold(me->x);
        tg_release(me->x);
    }
    return NULL;
}

static void references_are_counted_exactly(void **state) {
    (void)state;
    worker all[THREADS];
    tg_tensor *x = tg_keep(tg_ones(TG_F64, TG_SHAPE(3)));
    prepare(all, x, NULL);
    run_all(hold_through, all, sizeof *all);
    assert_int_equal(wrongs(all), 0);
    assert_int_equal(all_refs(x), 1);
    assert_int_equal(user_refs(x), 1);
    tg_release(x);
}

/* ---- The end of a thread ---- */

static void *leave_open(void *arg) {
    worker *me = arg;
    tg_scope_open();
    tg_tensor *y = tg_square(tg_mul(me->w, me->x));
    me->out = tg_retain(y);
    for (int i = 0; i < 40; i++) {
        tg_scope_open();
        tg_grad(me->w);
        y = tg_add(y, y);
    }
    pthread_barrier_wait(&meet);
    return NULL; /* all end at once, their scopes open */
}

static void threads_end_with_open_scopes(void **state) {
    (void)state;
    worker all[THREADS];
    tg_tensor *w = leaf(tg_ones(TG_F64, TG_SHAPE(3)));
    assert_ok(tg_backward(tg_sum(w, TG_ALL, false)));
    prepare(all, tg_full(TG_F64, TG_SHAPE(3), 3), w);
    run_all(leave_open, all, sizeof *all);
    for (int i = 0; i < THREADS; i++) { /* what they retained lives on, with its history */
        assert_int_equal(all_refs(all[i].out), 1);
        assert_ok(tg_backward(tg_sum(all[i].out, TG_ALL, false)));
        tg_release(all[i].out);
    }
    assert_true(holds(tg_grad(w), 1 + THREADS * 18));
}

/* ---- Fork ---- */

#define CHILD_SECONDS 20

static int in_child(int (*body)(tg_tensor *), tg_tensor *w) {
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(CHILD_SECONDS);
        _exit(body(w));
    }
    int status = 0;
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A training step with products, an optimizer and the parent's leaf among the parameters. */
static int child_trains(tg_tensor *w) {
    tg_tensor *own = tg_requires_grad_(tg_full(TG_F64, TG_SHAPE(5, 2), 1), true);
    tg_tensor *params[] = {w, own};
    tg_sgd_options o = TG_SGD_OPTIONS_INIT;
    o.lr = 1;
    tg_optimizer *sgd = tg_sgd_new(params, 2, &o);
    tg_optimizer_zero_grad(sgd);
    for (int i = 0; i < 3; i++) {
        tg_scope s = tg_scope_open();
        tg_tensor *x = tg_reshape(w, TG_SHAPE(1, 5));
        tg_backward(tg_sum(tg_matmul(x, own), TG_ALL, false));
        if (i == 0 && (!holds(tg_grad(w), 2) || !holds(tg_grad(own), 3)))
            return 1;
        tg_optimizer_step(sgd);
        tg_optimizer_zero_grad(sgd);
        if (tg_scope_close(s) != TG_OK)
            return 2;
    }
    tg_optimizer_free(sgd);
    tg_release(own);
    return 0;
}

static void a_child_trains(void **state) {
    (void)state;
    worker all[THREADS];
    tg_tensor *w = leaf(tg_full(TG_F64, TG_SHAPE(5), 3));
    prepare(all, tg_ones(TG_F64, TG_SHAPE(4, 8)), w);
    run_all(train_alone, all, sizeof *all); /* pools, BLAS and caches have been in use */
    assert_int_equal(wrongs(all), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(in_child(child_trains, w), 0);
    assert_true(holds(w, 3));
    assert_null(tg_grad(w));
}

static _Atomic bool stop;

static void *keep_adding(void *arg) {
    while (!atomic_load(&stop))
        add_only(arg);
    return NULL;
}

/* More leaves than there are locks for them. */
static int child_uses_every_lock(tg_tensor *w) {
    tg_scope s = tg_scope_open();
    tg_tensor *sum = tg_sum(w, TG_ALL, false);
    for (int i = 0; i < 400; i++)
        sum = tg_add(sum, leaf(tg_zeros(TG_F64, TG_0D)));
    if (tg_backward(sum) != TG_OK)
        return 1;
    return tg_scope_close(s) == TG_OK ? 0 : 2;
}

/* Threads of the parent that hold a lock at the moment of the fork do not exist in the child. */
static tg_tensor *being_added;
static _Atomic int locked, let_go;

static void *hold_its_lock(void *arg) {
    tg__leaf_lock(being_added);
    atomic_store(&locked, 1);
    while (!atomic_load(&let_go))
        sched_yield();
    tg__leaf_unlock(being_added);
    return arg;
}

static void a_lock_held_at_the_fork_is_free_in_the_child(void **state) {
    (void)state;
    pthread_t thread;
    being_added = leaf(tg_zeros(TG_F64, TG_SHAPE(5)));
    assert_int_equal(pthread_create(&thread, NULL, hold_its_lock, NULL), 0);
    while (!atomic_load(&locked))
        sched_yield();
    int code = in_child(child_uses_every_lock, being_added);
    atomic_store(&let_go, 1);
    pthread_join(thread, NULL);
    assert_int_equal(code, 0);
}

static void fork_while_gradients_are_being_added(void **state) {
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    tg_skip("the locks of AddressSanitizer's allocator do not survive this");
#endif
    worker adders[2];
    pthread_t thread[2];
    int failed = 0;
    tg_tensor *w = leaf(tg_zeros(TG_F64, TG_SHAPE(1000)));
    atomic_store(&stop, false);
    for (int i = 0; i < 2; i++) {
        adders[i] = (worker){.number = 1, .w = w};
        assert_int_equal(pthread_create(&thread[i], NULL, keep_adding, &adders[i]), 0);
    }
    for (int i = 0; i < 40 && failed == 0; i++)
        failed = in_child(child_uses_every_lock, w);
    atomic_store(&stop, true);
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(failed, 0);
    assert_int_equal(adders[0].wrong + adders[1].wrong, 0);
}

TG_TEST_MAIN(tg_scoped(data_is_shared_by_independent_graphs),
             tg_scoped(the_first_gradient_may_come_from_any_thread),
             tg_scoped(threads_add_into_a_gradient_that_was_set),
             tg_scoped(gradients_may_be_replaced_while_others_look),
             tg_scoped(a_graph_is_used_up_once), tg_scoped(a_busy_walk_can_be_tried_again),
             tg_scoped(kept_and_retained_tensors_change_hands), tg_tidy(all_let_go_at_once),
             tg_scoped(a_tensor_stands_in_the_scopes_of_many_threads),
             tg_tidy(references_are_counted_exactly), tg_scoped(threads_end_with_open_scopes),
             tg_scoped(a_child_trains), tg_scoped(a_lock_held_at_the_fork_is_free_in_the_child),
             tg_scoped(fork_while_gradients_are_being_added))
