/* ctest: threads */
/* test_hooks_meanwhile.c - what hooks may do while they run, and when they go. */
#include "probes.h"

#include <tensorgrad/tensorgrad.h>

#include <pthread.h>
#include <stdatomic.h>

/* ---- Removing, and what hooks may do meanwhile ---- */

static void contexts_are_destroyed_once(void **state) {
    (void)state;
    probe p[4] = {{0}};
    tg_scope s = tg_scope_open();
    tg_tensor *x = LEAF(1);
    tg_tensor *h = tg_square(x);
    uint64_t id = add_owned(x, &p[0]);
    add_owned(x, &p[1]);
    add_owned(h, &p[2]);
    uint64_t late = add_owned(h, &p[3]);
    assert_ok(tg_hook_remove(id));
    assert_int_equal(p[0].destroyed, 1);
    assert_ok(tg_hook_remove(id)); /* gone already: nothing */
    assert_ok(tg_scope_close(s));
    for (int i = 0; i < 4; i++)
        assert_int_equal(p[i].destroyed, 1);
    assert_ok(tg_hook_remove(late));
    assert_int_equal(p[3].destroyed, 1);
}

/* Adding and removing for ever does not grow the list. */
static void removed_hooks_leave_nothing_behind(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1);
    probe p = {0};
    add_probe(x, &p);
    tg_memory_stats_t before = TG_MEMORY_STATS_INIT;
    tg_memory_stats_t after = TG_MEMORY_STATS_INIT;
    assert_ok(tg_hook_remove(add_owned(x, &p)));
    assert_ok(tg_memory_stats(&before));
    for (int i = 0; i < 1000; i++)
        assert_ok(tg_hook_remove(add_owned(x, &p)));
    assert_ok(tg_memory_stats(&after));
    assert_int_equal(before.bytes_in_use, after.bytes_in_use);
    assert_int_equal(p.destroyed, 1001);
}

typedef struct {
    uint64_t remove[2];
    tg_tensor *x;
    probe *add;
    int calls, destroyed_inside;
} meddler;

static tg_tensor *meddling(void *ctx, tg_tensor *grad) {
    (void)grad;
    meddler *m = ctx;
    m->calls++;
    for (int i = 0; i < 2; i++)
        if (m->remove[i] != 0 && tg_hook_remove(m->remove[i]) != TG_OK)
            return NULL;
    if (m->add != NULL) {
        m->destroyed_inside = m->add->destroyed;
        tg_hook h = TG_HOOK_INIT(probing, m->add);
        h.destroy = destroyed;
        if (tg_hook_add(m->x, &h) == 0)
            return NULL;
    }
    return TG_NONE;
}

static void hooks_may_remove_themselves_and_others_and_add_some(void **state) {
    (void)state;
    for (int on_leaf = 0; on_leaf < 2; on_leaf++) {
        tg_tensor *x = LEAF(1);
        tg_tensor *h = tg_mul_scalar(x, 1);
        tg_tensor *on = on_leaf ? x : h;
        probe first = {.mark = 'f'};
        probe last = {.mark = 'l'};
        probe added = {.mark = 'a'};
        meddler m = {.x = on, .add = &added};
        memset(trail, 0, sizeof trail);
        uint64_t before = add_owned(on, &first);
        m.remove[0] = add(on, meddling, &m); /* itself */
        m.remove[1] = add_owned(on, &last);  /* the next */
        tg_tensor *y = tg_sum(h, TG_ALL, false);
        assert_ok(keep_backward(y));
        assert_int_equal(m.calls, 1);
        assert_int_equal(last.calls, 0);
        assert_int_equal(last.destroyed, 1);
        assert_int_equal(added.calls, 0); /* not in this round */
        assert_ok(keep_backward(y));
        assert_int_equal(m.calls, 1);
        assert_string_equal(trail, "ffa");
        assert_ok(tg_hook_remove(before));
        assert_ok(keep_backward(y));
        assert_string_equal(trail, "ffaa");
        tg_release(y);
        tg_release(h);
        tg_release(x);
        assert_int_equal(added.destroyed, 1);
    }
}

static tg_tensor *releasing(void *ctx, tg_tensor *grad) {
    tg_tensor **all = ctx;
    for (int i = 0; i < 3; i++) {
        tg_release(all[i]);
        all[i] = NULL;
    }
    return tg_mul_scalar(grad, 2);
}

/* The last references to the tensor, the root and the leaf go inside the hook. */
static void a_hook_may_release_everything(void **state) {
    (void)state;
    for (int where = 0; where < 2; where++) {
        tg_scope s = tg_scope_open();
        tg_tensor *x = tg_keep(LEAF(1, 2));
        tg_tensor *h = tg_keep(tg_square(x));
        tg_tensor *y = tg_keep(tg_sum(h, TG_ALL, false));
        assert_ok(tg_scope_close(s));
        tg_tensor *all[3] = {y, h, x};
        add(where == 0 ? h : x, releasing, all);
        assert_ok(tg_backward(y));
        assert_null(all[0]);
    }
}

static tg_tensor *holding(void *ctx, tg_tensor *grad) {
    (void)grad;
    return tg_numel(ctx) == 1 ? TG_NONE : NULL;
}

static void let_go(void *ctx) { tg_unhold(ctx); }

/* A context that holds its own tensor is a cycle, which removing the hook breaks. */
static void removing_a_hook_breaks_a_cycle_through_its_context(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    tg_tensor *x = LEAF(1);
    tg_tensor *h = tg_square(x);
    uint64_t ids[2];
    tg_tensor *on[2] = {x, h};
    for (int i = 0; i < 2; i++) {
        tg_hook hook = TG_HOOK_INIT(holding, tg_hold(on[i]));
        hook.destroy = let_go;
        ids[i] = tg_hook_add(on[i], &hook);
    }
    sum_backward(h);
    assert_ok(tg_scope_close(s));
    assert_int_equal(tg_live_nodes(), 1);
    assert_ok(tg_hook_remove(ids[1]));
    assert_int_equal(tg_live_nodes(), 0);
    assert_true(tg_live_tensors() > 0);
    assert_ok(tg_hook_remove(ids[0]));
    assert_int_equal(tg_live_tensors(), 0);
}

typedef struct {
    tg_tensor *root;
    tg_status status;
    char message[256];
} inner;

static tg_tensor *walking(void *ctx, tg_tensor *grad) {
    (void)grad;
    inner *i = ctx;
    i->status = keep_backward(i->root);
    snprintf(i->message, sizeof i->message, "%s", tg_error_message());
    tg_error_clear();
    return TG_NONE;
}

static void a_hook_may_run_another_backward(void **state) {
    (void)state;
    tg_tensor *x = LEAF(3);
    tg_tensor *w = LEAF(2);
    tg_tensor *h = tg_square(x);
    inner i = {.root = tg_sum(tg_mul(x, w), TG_ALL, false)};
    add(h, walking, &i);
    inner j = {.root = tg_sum(tg_square(w), TG_ALL, false)};
    add(x, walking, &j);
    add(x, constant_hook, ROW(100));
    sum_backward(h);
    assert_int_equal(i.status, TG_OK);
    assert_int_equal(j.status, TG_OK);
    assert_values(tg_grad(x), 200); /* the inner walk calls hooks on x as well */
    assert_values(tg_grad(w), 3 + 4 + 4);
}

static void walking_the_same_graph_from_a_hook_is_busy(void **state) {
    (void)state;
    tg_tensor *x = LEAF(3);
    tg_tensor *h = tg_square(x);
    tg_tensor *y = tg_sum(h, TG_ALL, false);
    assert_ok(tg_name(h, "loop"));
    inner i = {.root = h};
    add(h, walking, &i);
    assert_ok(keep_backward(y));
    assert_int_equal(i.status, TG_ERR_BUSY);
    assert_contains(i.message, "walking this graph (met at square 'loop')");
    assert_values(tg_grad(x), 6);
}

static tg_tensor *loose(void *ctx, tg_tensor *grad) {
    (void)tg_scope_open(); /* left open, with a mode changed */
    tg_set_grad_enabled(true);
    tg_set_anomaly_enabled(true);
    *(int64_t *)ctx = tg_live_tensors();
    tg_tensor *y = tg_mul_scalar(tg_add(grad, grad), 1);
    return y;
}

static void a_hook_runs_in_a_fresh_scope_and_modes_come_back(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1);
    tg_tensor *h = tg_mul_scalar(x, 1);
    int64_t live = 0;
    add(h, loose, &live);
    sum_backward(h);
    assert_values(tg_grad(x), 2);
    assert_true(tg_grad_enabled());
    assert_false(tg_anomaly_enabled());
}

/* As a binding does it: what is made inside is the hook's, what is returned is handed over. */
static tg_tensor *kept;
static tg_tensor *owning(void *ctx, tg_tensor *grad) {
    tg_tensor *y = tg_mul_scalar(grad, 3);
    if (ctx != NULL)
        return tg_retain(kept = y);
    tg_release(tg_reshape(grad, TG_SHAPE(5))); /* raises */
    return y;                                  /* taken over all the same */
}

static void bindings_hand_over_what_they_return(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1);
    tg_tensor *y = tg_sum(x, TG_ALL, false);
    tg_hook h = TG_HOOK_INIT(owning, x);
    h.flags = TG_CALLBACK_OWNS;
    uint64_t id = tg_hook_add(x, &h);
    for (int i = 1; i <= 2; i++) { /* also into a gradient that is there */
        assert_ok(keep_backward(y));
        assert_values(kept, 3);
        assert_values(tg_grad(x), 3.0 * i);
        tg_release(kept); /* the hook's own, which it kept */
    }
    assert_ok(tg_hook_remove(id));
    h.ctx = NULL;
    assert_true(tg_hook_add(x, &h) != 0);
    assert_denied(keep_backward(y), TG_ERR_SHAPE, "reshape");
    assert_values(tg_grad(x), 6);
}

/* ---- After the commit ---- */

static tg_status accumulated(void *ctx, tg_tensor *leaf) {
    probe *p = ctx;
    p->calls++;
    p->recording = tg_grad_enabled();
    p->seen = at(tg_grad(leaf), 0);
    leave_mark(p->mark);
    if (p->factor != 0) { /* a step of gradient descent, in the hook */
        tg_sub_(leaf, tg_mul_scalar(tg_grad(leaf), p->factor));
        return tg_set_grad(leaf, TG_NONE);
    }
    return TG_OK;
}

static void accumulated_hooks_run_after_all_gradients_are_there(void **state) {
    (void)state;
    tg_tensor *x = LEAF(3);
    tg_tensor *w = LEAF(2);
    tg_tensor *unused = LEAF(1);
    probe on_x = {.mark = 'x', .factor = .5};
    probe on_w = {.mark = 'w'};
    probe never = {.mark = 'u'};
    probe early = {.mark = 'e'};
    add_accumulated(x, accumulated, &on_x);
    add_accumulated(w, accumulated, &on_w);
    add_accumulated(unused, accumulated, &never);
    add_probe(x, &early);
    tg_tensor *y = tg_sum(tg_mul(x, w), TG_ALL, false);
    assert_ok(tg_backward(y));
    assert_int_equal(trail[0], 'e');
    assert_int_equal(strlen(trail), 3);
    assert_close(on_x.seen, 2, 0, 0);
    assert_close(on_w.seen, 3, 0, 0);
    assert_false(on_x.recording);
    assert_true(tg_grad_enabled());
    assert_values(x, 2);
    assert_null(tg_grad(x));
    assert_int_equal(never.calls, 0);
    tg_tensor *g;
    tg_tensor *again = tg_sum(tg_mul(x, w), TG_ALL, false);
    assert_ok(tg_gradients(&again, 1, &w, 1, NULL, &g));
    assert_int_equal(on_w.calls, 1);
}

static tg_status refusing(void *ctx, tg_tensor *leaf) {
    (void)leaf;
    return *(const tg_status *)ctx;
}

static void an_error_after_the_commit_leaves_the_gradients(void **state) {
    (void)state;
    tg_tensor *x = LEAF(3);
    tg_status status = TG_ERR_IO;
    probe next = {0};
    add_accumulated(x, refusing, &status);
    add_accumulated(x, accumulated, &next);
    tg_tensor *y = tg_sum(tg_square(x), TG_ALL, false);
    assert_denied(tg_backward(y), TG_ERR_IO, "backward", "TG_ERR_IO");
    assert_values(tg_grad(x), 6);
    assert_int_equal(next.calls, 0);
}

/* The graph that was walked is free when these hooks run. */
static tg_status walking_again(void *ctx, tg_tensor *leaf) {
    (void)leaf;
    inner *i = ctx;
    tg_tensor *root = i->root;
    i->root = NULL;
    return root != NULL ? keep_backward(root) : TG_OK;
}

static void an_accumulated_hook_may_walk_the_same_graph(void **state) {
    (void)state;
    tg_tensor *x = LEAF(3);
    tg_tensor *y = tg_sum(tg_square(x), TG_ALL, false);
    inner i = {.root = y};
    add_accumulated(x, walking_again, &i);
    assert_ok(keep_backward(y));
    assert_values(tg_grad(x), 12);
}

/* ---- Every allocation failing ---- */

static void failed_allocations_leave_no_hook_and_no_gradient(void **state) {
    (void)state;
    for (uint64_t n = 1;; n++) {
        tg_scope s = tg_scope_open();
        tg_tensor *x = LEAF(1, 2);
        tg_tensor *w = LEAF(3, 4);
        probe p[2] = {{.factor = 2}, {.factor = 3}};
        tg_tensor *h = tg_mul(x, w);
        tg_tensor *y = tg_sum(tg_exp(tg_mul_scalar(h, .1)), TG_ALL, false);
        int64_t nodes = tg_live_nodes();
        tg_hook hook = TG_HOOK_INIT(probing, &p[0]);
        hook.destroy = destroyed;
        tg__alloc_fail_at(n, false);
        uint64_t on_h = tg_hook_add(h, &hook);
        hook.ctx = &p[1];
        uint64_t on_x = on_h != 0 ? tg_hook_add(x, &hook) : 0;
        tg_status status = on_x != 0 ? tg_retain_grad(h) : TG_ERR_MEMORY;
        if (status == TG_OK)
            status = tg_name(h, "h");
        if (status == TG_OK)
            status = keep_backward(y);
        tg__alloc_fail_at(0, false);
        bool passed = status == TG_OK;
        if (!passed) {
            assert_int_equal(tg_error_status(), TG_ERR_MEMORY);
            tg_error_clear();
            assert_null(tg_grad(x));
            assert_null(tg_grad(h));
            assert_int_equal(p[0].destroyed + p[1].destroyed, 0);
            if (on_h == 0)
                add_owned(h, &p[0]);
            if (on_x == 0)
                add_owned(x, &p[1]);
            assert_ok(tg_retain_grad(h));
            assert_ok(keep_backward(y));
        }
        assert_int_equal(tg_live_nodes(), nodes);
        assert_close(at(tg_grad(h), 0), .2 * exp(.3), 1e-15, 0);
        assert_close(at(tg_grad(x), 1), 3 * 4 * .2 * exp(.8), 1e-15, 0);
        assert_ok(tg_scope_close(s));
        assert_int_equal(p[0].destroyed + p[1].destroyed, 2);
        if (passed) {
            assert_true(n > 15);
            return;
        }
    }
}

/* ---- Threads ---- */

enum { THREADS = 4, ROUNDS = 200 };

typedef struct {
    tg_tensor *x;
    _Atomic int *calls;
    _Atomic int *gone;
    int wrong;
} worker;

static tg_tensor *counting_hook(void *ctx, tg_tensor *grad) {
    (void)grad;
    atomic_fetch_add((_Atomic int *)((worker *)ctx)->calls, 1);
    return TG_NONE;
}

static void count_gone(void *ctx) { atomic_fetch_add((_Atomic int *)((worker *)ctx)->gone, 1); }

/* Walks graphs of its own over a shared leaf, whose hooks all threads add and remove. */
static void *work(void *ctx) {
    worker *me = ctx;
    for (int i = 0; i < ROUNDS; i++) {
        tg_scope s = tg_scope_open();
        tg_hook h = TG_HOOK_INIT(counting_hook, me);
        h.destroy = count_gone;
        uint64_t id = tg_hook_add(me->x, &h);
        me->wrong += id == 0;
        me->wrong += tg_backward(tg_sum(tg_mul_scalar(me->x, 1), TG_ALL, false)) != TG_OK;
        me->wrong += tg_hook_remove(id) != TG_OK;
        me->wrong += tg_scope_close(s) != TG_OK;
    }
    return NULL;
}

static void threads_may_hook_and_walk_over_one_leaf(void **state) {
    (void)state;
    tg_tensor *x = LEAF(0);
    _Atomic int calls = 0;
    _Atomic int gone = 0;
    worker all[THREADS];
    pthread_t thread[THREADS];
    for (int i = 0; i < THREADS; i++) {
        all[i] = (worker){x, &calls, &gone, 0};
        assert_int_equal(pthread_create(&thread[i], NULL, work, &all[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        assert_int_equal(all[i].wrong, 0);
    }
    assert_values(tg_grad(x), (double)THREADS * ROUNDS);
    assert_int_equal(gone, THREADS * ROUNDS);
    assert_true(calls >= THREADS * ROUNDS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        hook_test(contexts_are_destroyed_once),
        hook_test(removed_hooks_leave_nothing_behind),
        hook_test(hooks_may_remove_themselves_and_others_and_add_some),
        hook_test(a_hook_may_release_everything),
        hook_test(removing_a_hook_breaks_a_cycle_through_its_context),
        hook_test(a_hook_may_run_another_backward),
        hook_test(walking_the_same_graph_from_a_hook_is_busy),
        hook_test(a_hook_runs_in_a_fresh_scope_and_modes_come_back),
        hook_test(bindings_hand_over_what_they_return),
        hook_test(accumulated_hooks_run_after_all_gradients_are_there),
        hook_test(an_error_after_the_commit_leaves_the_gradients),
        hook_test(an_accumulated_hook_may_walk_the_same_graph),
        hook_test(failed_allocations_leave_no_hook_and_no_gradient),
        hook_test(threads_may_hook_and_walk_over_one_leaf)};
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
