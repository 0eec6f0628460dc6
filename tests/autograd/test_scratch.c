/* test_scratch.c - the arrays of a backward walk: the heap of waiting nodes, the targets, the nodes
 * met, and walks inside walks. */
/* ctest: threads */
#include "autograd/walk.h"

#include "tg_tidy.h"

#include <pthread.h>
#include <stdlib.h>

/* Nodes without inputs and outputs; the test holds a reference of each. */
enum { NODES = 4000 };
static tg__node *nodes[NODES];

static int make_nodes(void **state) {
    (void)state;
    for (int i = 0; i < NODES; i++) {
        nodes[i] = calloc(1, sizeof(tg__node) + sizeof(tg_tensor *));
        if (nodes[i] == NULL)
            return -1;
        nodes[i]->op = &tg__op_add;
        nodes[i]->seq = (uint64_t)i + 1;
        tg__node_ref(nodes[i]);
    }
    return 0;
}

static int free_nodes(void **state) {
    (void)state;
    for (int i = 0; i < NODES; i++)
        free(nodes[i]);
    return 0;
}

/* Every node is as it was: the test's reference only, no walk, no flags, nothing pending. */
static int nodes_are_free(void **state) {
    for (int i = 0; i < NODES; i++)
        if (atomic_load(&nodes[i]->refs) != 1 || atomic_load(&nodes[i]->run) != 0 ||
            nodes[i]->flags != 0 || nodes[i]->n_out != 0) {
            print_error("node %d: %u references, walk %llu, flags %u\n", i,
                        atomic_load(&nodes[i]->refs),
                        (unsigned long long)atomic_load(&nodes[i]->run), nodes[i]->flags);
            return -1;
        }
    tg__alloc_fail_at(0, false);
    return tg_test_tidy(state);
}

static uint64_t seed = 88172645463325252u;
static uint64_t next(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
}

static void shuffle(int *order, int n) {
    for (int i = 0; i < n; i++)
        order[i] = i;
    for (int i = n - 1; i > 0; i--) {
        int k = (int)(next() % (uint64_t)(i + 1));
        int swap = order[i];
        order[i] = order[k];
        order[k] = swap;
    }
}

static tg__walk begin(void) {
    tg__walk w = {0};
    assert_true(tg__walk_begin(&w, "backward"));
    return w;
}

/* ---- Waiting nodes ---- */

static void the_newest_node_comes_first(void **state) {
    (void)state;
    static int order[NODES];
    for (int round = 0; round < 3; round++) {
        tg__walk w = begin();
        shuffle(order, NODES);
        for (int i = 0; i < NODES; i++)
            assert_true(tg__walk_push(&w, nodes[order[i]]));
        assert_int_equal(w.s->n_heap, NODES);
        for (int i = NODES - 1; i >= 0; i--) {
            tg__node *n = tg__walk_pop(w.s);
            assert_ptr_equal(n, nodes[i]);
            assert_int_equal(atomic_load(&n->refs), 2); /* the heap's is mine now */
            tg__node_unref(n);
        }
        assert_int_equal(w.s->n_heap, 0);
        tg__walk_end(&w);
    }
}

static void pushing_and_popping_may_alternate(void **state) {
    (void)state;
    static bool waiting[NODES];
    int largest_seen = 0;
    tg__walk w = begin();
    memset(waiting, 0, sizeof waiting);
    for (int step = 0; step < 40000; step++) {
        int i = (int)(next() % NODES);
        if (w.s->n_heap == 0 || (next() % 2 == 0 && !waiting[i])) {
            if (waiting[i])
                continue;
            assert_true(tg__walk_push(&w, nodes[i]));
            waiting[i] = true;
        } else {
            int newest = NODES - 1;
            while (!waiting[newest])
                newest--;
            tg__node *n = tg__walk_pop(w.s);
            assert_ptr_equal(n, nodes[newest]);
            waiting[newest] = false;
            tg__node_unref(n);
        }
        largest_seen = (int)w.s->n_heap > largest_seen ? (int)w.s->n_heap : largest_seen;
    }
    assert_true(largest_seen > 20);
    tg__walk_end(&w); /* the rest is given up */
}

static void a_node_belongs_to_one_walk(void **state) {
    (void)state;
    tg__walk a = begin();
    tg__walk b = begin();
    assert_true(a.id != 0 && a.id != b.id);
    assert_int_equal(tg__walk_claim(&a, nodes[0]), 1);
    assert_int_equal(tg__walk_claim(&a, nodes[0]), 0);
    assert_int_equal(tg_error_status(), TG_OK);
    assert_int_equal(tg__walk_claim(&b, nodes[0]), -1);
    assert_fails(tg_error_status(), TG_ERR_BUSY,
                 "backward: another backward is walking this graph "
                 "(met at add)");
    tg__walk_drop(nodes[0]);
    assert_int_equal(tg__walk_claim(&b, nodes[0]), 1);
    tg__walk_drop(nodes[0]);
    tg__walk_end(&b);
    tg__walk_end(&a);
}

/* A walk that stops in the middle gives up what waits, with its pending gradients. */
static void the_end_gives_everything_back(void **state) {
    (void)state;
    tg__walk w = begin();
    for (int i = 0; i < 200; i++) {
        nodes[i]->n_out = 1;
        nodes[i]->g[0] = tg__new("test", TG_F32, TG_SHAPE(2));
        assert_non_null(nodes[i]->g[0]);
        assert_int_equal(tg__walk_claim(&w, nodes[i]), 1);
        nodes[i]->flags = TG__NODE_WAITING | TG__NODE_NEEDED;
        if (i % 2) {
            assert_true(tg__walk_push(&w, nodes[i]));
        } else {
            tg__node_ref(nodes[i]);
            assert_true(tg__walk_list(&w, nodes[i]));
        }
        tg__target *t = tg__walk_target(&w, nodes[i], 7, true);
        assert_non_null(t);
        t->grad = tg__new("test", TG_F32, TG_SHAPE(2));
    }
    assert_int_equal(w.s->n_visited, 100);
    assert_int_equal(tg_live_tensors(), 400);
    tg__walk_end(&w);
    assert_int_equal(tg_live_tensors(), 0);
    for (int i = 0; i < 200; i++)
        nodes[i]->n_out = 0;
}

/* ---- Targets ---- */

/* Distinct addresses that nobody looks at. */
static char places[1 << 16];

static void targets_are_found_by_address_and_output(void **state) {
    (void)state;
    static const int sizes[] = {1, 63, 64, 65, 3000, 10, 20000, 500};
    for (size_t round = 0; round < sizeof sizes / sizeof *sizes; round++) {
        tg__walk w = begin();
        int n = sizes[round];
        for (int i = 0; i < n; i++) {
            /* neighbours, as in slabs, and the same address for several outputs */
            void *place = places + 16 * (i / 3 % 4096);
            uint32_t out = (uint32_t)(i % 3 + 3 * (i / 12288));
            assert_null(tg__walk_target(&w, place, out, false));
            tg__target *t = tg__walk_target(&w, place, out, true);
            assert_non_null(t);
            assert_true(t->target == place && t->out_nr == out && t->grad == NULL);
            assert_ptr_equal(tg__walk_target(&w, place, out, true), t); /* not twice */
            assert_ptr_equal(tg__walk_target(&w, place, out, false), t);
        }
        assert_int_equal(w.s->n_target, n);
        assert_int_equal(tg_error_status(), TG_OK); /* absence is no error */
        for (int i = 0; i < n; i++) {
            const tg__target *t = &w.s->target[i];
            assert_ptr_equal(tg__walk_target(&w, t->target, t->out_nr, false), t);
        }
        uint32_t *hash = w.s->hash;
        uint32_t cap = w.s->cap_hash;
        tg__walk_end(&w);
        bool kept = tg__self()->engine != NULL;
        for (uint32_t i = 0; kept && i < cap; i++)
            assert_int_equal(hash[i], 0); /* emptied for the next walk */
        w = begin();
        assert_null(tg__walk_target(&w, places, 0, false));
        tg__walk_end(&w);
    }
}

/* Enough entries whose probe chains cross: emptying must not lose any. */
static void the_table_is_emptied_whatever_the_order(void **state) {
    (void)state;
    for (int round = 0; round < 300; round++) {
        tg__walk w = begin();
        int n = (int)(next() % 200);
        for (int i = 0; i < n; i++)
            assert_non_null(
                tg__walk_target(&w, places + 16 * (next() % 300), (uint32_t)(next() % 3), true));
        tg__walk_end(&w);
        const tg__scratch *s = tg__self()->engine;
        for (uint32_t i = 0; i < s->cap_hash; i++)
            assert_int_equal(s->hash[i], 0);
    }
}

/* ---- Memory ---- */

/* A walk that needs each array to grow: true if it got through. */
static bool walk_of(int n) {
    tg__walk w = {0};
    if (!tg__walk_begin(&w, "backward"))
        return false;
    bool good = true;
    for (int i = 0; good && i < n; i++) {
        good = tg__walk_claim(&w, nodes[i]) == 1 && tg__walk_push(&w, nodes[i]);
        if (!good)
            tg__walk_drop(nodes[i]);
    }
    for (int i = 0; good && i < n; i++) {
        tg__node *node = tg__walk_pop(w.s);
        good = tg__walk_target(&w, node, 0, true) != NULL && tg__walk_list(&w, node);
        if (!good) {
            tg__walk_drop(node);
            tg__node_unref(node);
        }
    }
    uint32_t found = 0;
    for (uint32_t i = 0; i < w.s->n_target; i++) {
        const tg__target *t = &w.s->target[i];
        found += tg__walk_target(&w, t->target, t->out_nr, false) == t;
    }
    good = good && found == (uint32_t)n;
    assert_int_equal(found, w.s->n_target); /* also when it failed */
    tg__walk_end(&w);
    return good;
}

static void *in_thread(void *body) {
    ((void (*)(void))(uintptr_t)body)();
    return NULL;
}

static int failures;

/* On a thread of its own, which has no arrays yet. */
static void fail_each_request(void) {
    for (int persistent = 0; persistent < 2; persistent++)
        for (int n = 1; failures >= 0; n++) {
            void *engine = tg__self()->engine;
            tg__self()->engine = NULL; /* a fresh thread's walk */
            tg__alloc_fail_at((uint64_t)n, persistent);
            bool good = walk_of(300);
            tg__alloc_fail_at(0, false);
            tg_status status = tg_error_status();
            tg_error_clear();
            if (!good && status == TG_ERR_MEMORY &&
                walk_of(300)) /* and again, with what is there */
                failures++;
            else if (!good)
                failures = -1;
            if (tg__self()->engine != NULL)
                tg__self()->engine_free(tg__self());
            tg__self()->engine = engine;
            if (good)
                break;
        }
}

static void every_growth_can_fail(void **state) {
    (void)state;
    pthread_t thread;
    uint64_t bytes = (uint64_t)tg__thread_total(TG__COUNT_BYTES);
    failures = 0;
    void *body = (void *)(uintptr_t)fail_each_request;
    assert_int_equal(pthread_create(&thread, NULL, in_thread, body), 0);
    pthread_join(thread, NULL);
    assert_true(failures >= 2 * 5); /* scratch, heap, targets, their table, nodes met */
    assert_int_equal((uint64_t)tg__thread_total(TG__COUNT_BYTES), bytes);
}

static void the_next_walk_asks_for_no_memory(void **state) {
    (void)state;
    assert_true(walk_of(2000));
    tg__alloc_fail_at(0, false);
    assert_true(walk_of(2000));
    assert_int_equal(tg__alloc_fail_at(0, false), 0);
}

static void a_huge_walk_keeps_nothing(void **state) {
    (void)state;
    int64_t bytes = tg__thread_total(TG__COUNT_BYTES);
    if (tg__self()->engine != NULL)
        tg__self()->engine_free(tg__self());
    tg__walk w = begin();
    for (int i = 0; i < 50000; i++)
        assert_non_null(tg__walk_target(&w, places + i, 0, true));
    tg__walk_end(&w);
    assert_null(tg__self()->engine);
    w = begin();
    for (int i = 0; i < 100000; i++)
        assert_true(tg__walk_push(&w, nodes[i % NODES]));
    tg__walk_end(&w);
    assert_null(tg__self()->engine);
    assert_true(tg__thread_total(TG__COUNT_BYTES) <= bytes);
    assert_true(walk_of(100));
    assert_non_null(tg__self()->engine);
}

/* ---- Walks inside walks ---- */

static void a_walk_inside_a_walk_has_arrays_of_its_own(void **state) {
    (void)state;
    assert_true(walk_of(100)); /* the thread's arrays are there */
    int64_t bytes = tg__thread_total(TG__COUNT_BYTES);
    enum { DEEP = 5 };
    tg__walk w[DEEP];
    for (int d = 0; d < DEEP; d++) {
        w[d] = begin();
        assert_int_equal(w[d].own_scratch, d > 0);
        for (int k = 0; k < d; k++)
            assert_ptr_not_equal(w[k].s, w[d].s);
        for (int i = d; i < 500; i += DEEP) {
            assert_int_equal(tg__walk_claim(&w[d], nodes[i]), 1);
            assert_true(tg__walk_push(&w[d], nodes[i]));
            assert_non_null(tg__walk_target(&w[d], places + i, 1, true));
        }
    }
    for (int d = DEEP - 1; d >= 0; d--) {
        assert_int_equal(w[d].s->n_heap, 100);
        assert_int_equal(w[d].s->n_target, 100);
        for (int i = 0; i < 500; i++) {
            const tg__target *t = tg__walk_target(&w[d], places + i, 1, false);
            assert_true((t != NULL) == (i % DEEP == d));
        }
        tg__node *n = tg__walk_pop(w[d].s);
        assert_ptr_equal(n, nodes[500 - DEEP + d]);
        tg__walk_drop(n);
        tg__node_unref(n);
        tg__walk_end(&w[d]);
    }
    assert_int_equal(tg__thread_total(TG__COUNT_BYTES), bytes);
    assert_true(walk_of(300));
}

static void the_arrays_of_the_thread_are_free_again_after_its_walk(void **state) {
    (void)state;
    tg__walk a = begin();
    tg__walk b = begin();
    tg__walk_end(&b);
    tg__walk c = begin();
    assert_true(c.own_scratch);
    tg__walk_end(&c);
    tg__walk_end(&a);
    a = begin();
    assert_false(a.own_scratch);
    tg__walk_end(&a);
}

static void walk_once(void) { failures = walk_of(1000) ? 0 : 1; }

static void the_arrays_go_with_their_thread(void **state) {
    (void)state;
    pthread_t thread;
    int64_t bytes = tg__thread_total(TG__COUNT_BYTES);
    void *body = (void *)(uintptr_t)walk_once;
    assert_int_equal(pthread_create(&thread, NULL, in_thread, body), 0);
    pthread_join(thread, NULL);
    assert_int_equal(failures, 0);
    assert_int_equal(tg__thread_total(TG__COUNT_BYTES), bytes);
}

#define scratch_test(test) cmocka_unit_test_teardown(test, nodes_are_free)

int main(void) {
    const struct CMUnitTest tests[] = {
        scratch_test(the_newest_node_comes_first),
        scratch_test(pushing_and_popping_may_alternate),
        scratch_test(a_node_belongs_to_one_walk),
        scratch_test(the_end_gives_everything_back),
        scratch_test(targets_are_found_by_address_and_output),
        scratch_test(the_table_is_emptied_whatever_the_order),
        scratch_test(every_growth_can_fail),
        scratch_test(the_next_walk_asks_for_no_memory),
        scratch_test(a_huge_walk_keeps_nothing),
        scratch_test(a_walk_inside_a_walk_has_arrays_of_its_own),
        scratch_test(the_arrays_of_the_thread_are_free_again_after_its_walk),
        scratch_test(the_arrays_go_with_their_thread),
    };
    return cmocka_run_group_tests(tests, make_nodes, free_nodes) == 0 ? 0 : 1;
}
