/* test_node.c - what a recorded operation holds, and how it goes. */
#include "tg_test.h"

#include "tensors.h"

#include "autograd/node.h"

#include <tensorgrad/tensorgrad.h>

static void a_node_points_to_its_producers_in_order(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *c = ROW(3, 4);
    tg_tensor *h = tg_square(x);
    tg_tensor *y = tg_where(tg_gt(c, x), h, x);
    const tg__node *n = y->node;
    assert_int_equal(n->n_in, 3);
    const tg__edge *e = tg__edges(n);
    assert_null(e[0].target);
    assert_ptr_equal(e[1].target, h->node);
    assert_int_equal(e[1].out_nr, 0);
    assert_ptr_equal(e[2].target, x);
    assert_int_equal(e[2].out_nr, TG__LEAF_EDGE);
    assert_true(n->seq > h->node->seq);
    assert_int_equal(y->out_nr, 0);
}

static void only_values_that_live_edges_need_are_saved(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *c = ROW(3, 4);
    assert_int_equal(tg_add(x, c)->node->n_saved, 0);
    const tg__node *n = tg_mul(x, c)->node; /* only c: it is x's slope */
    assert_int_equal(n->n_saved, 1);
    assert_int_equal(tg__saved_of(n)[0].index, 1);
    assert_ptr_equal(tg__saved_of(n)[0].tensor->storage, c->storage);
    assert_ptr_not_equal(tg__saved_of(n)[0].tensor, c); /* a header of its own */
    n = tg_mul(c, x)->node;
    assert_int_equal(tg__saved_of(n)[0].index, 0);
    n = tg_mul(x, x)->node;
    assert_int_equal(n->n_saved, 2);
    assert_ptr_equal(tg__saved_of(n)[0].tensor, x); /* leaves cannot be written while recording */
    tg_tensor *y = tg_exp(x);
    assert_ptr_not_equal(tg__saved_of(y->node)[0].tensor, y);
    assert_true(tg__saved_of(y->node)[0].is_output);
}

static void sizes_are_kept_only_for_inputs_that_differ(void **state) {
    (void)state;
    tg_tensor *x = leaf(grid(TG_F64, 2, 2, LIST(1, 2, 3, 4)));
    tg_tensor *same = tg_add(x, tg_square(x));
    assert_int_equal(tg__edges(same->node)[0].meta, 0);
    tg_tensor *half = leaf(row(TG_F32, LIST(1, 2)));
    const tg__node *n = tg_add(x, half)->node;
    assert_int_equal(tg__edges(n)[0].meta, 0);
    const tg__meta *m = tg__meta_of(n, &tg__edges(n)[1]);
    assert_non_null(m);
    assert_int_equal(m->ndim, 1);
    assert_int_equal(m->shape[0], 2);
    assert_int_equal(m->dtype, TG_F32);
}

static void attributes_are_copied(void **state) {
    (void)state;
    int dims[2] = {1, 0};
    tg_tensor *x = leaf(grid(TG_F64, 2, 3, LIST(1, 2, 3, 4, 5, 6)));
    tg_tensor *y = tg_permute(x, 2, dims);
    dims[0] = dims[1] = 0;
    sum_backward(tg_mul(y, grid(TG_F64, 3, 2, LIST(1, 2, 3, 4, 5, 6))));
    assert_values(tg_grad(x), 1, 3, 5, 2, 4, 6);
}

static void backward_lets_go_of_saved_values(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *y = tg_sum(tg_exp(tg_square(x)), TG_ALL, false);
    int64_t live = tg_live_tensors();
    assert_int_equal(tg_backward(y), TG_OK);
    assert_true(tg_live_tensors() < live + 1); /* the saved output of exp went, the gradient came */
}

/* A graph hangs together by what lies below: the result alone keeps all of it. */
static void dropping_handles_in_any_order_frees_everything(void **state) {
    (void)state;
    for (int order = 0; order < 6; order++) {
        tg_tensor *h[3];
        tg_scope s = tg_scope_open();
        tg_tensor *x = tg_keep(LEAF(1, 2));
        h[0] = tg_keep(tg_square(x));
        h[1] = tg_keep(tg_mul(h[0], x));
        h[2] = tg_keep(tg_sub(h[1], h[0]));
        assert_int_equal(tg_scope_close(s), TG_OK);
        int first = order % 3;
        int second = (first + 1 + order / 3) % 3;
        tg_release(x);
        tg_release(h[first]);
        tg_release(h[second]);
        tg_release(h[3 - first - second]);
        assert_int_equal(tg_live_nodes(), 0);
        assert_int_equal(tg_live_tensors(), 0);
    }
}

static void wide_nodes_keep_every_input(void **state) {
    (void)state;
    enum { N = 3000 };
    tg_tensor **parts = malloc(N * sizeof *parts);
    assert_non_null(parts);
    for (int i = 0; i < N; i++)
        parts[i] = i % 3 == 0 ? LEAF(i) : ROW(i);
    tg_tensor *y = tg_cat(parts, N, 0);
    assert_int_equal(y->node->n_in, N);
    sum_backward(tg_square(y));
    for (int i = 0; i < N; i += 3)
        assert_values(tg_grad(parts[i]), 2.0 * i);
    free(parts);
}

static void clocks_go_beyond_what_a_thread_has_seen(void **state) {
    (void)state;
    tg__thread *t = tg__self();
    uint64_t now = t->clock;
    tg_tensor *y = tg_square(LEAF(1));
    assert_true(y->node->seq > now);
    t->clock = 0; /* as on a thread that recorded nothing yet */
    tg_tensor *z = tg_square(y);
    assert_true(z->node->seq > y->node->seq);
    sum_backward(z);
}

int main(void) {
    const struct CMUnitTest tests[] = {tg_scoped(a_node_points_to_its_producers_in_order),
                                       tg_scoped(only_values_that_live_edges_need_are_saved),
                                       tg_scoped(sizes_are_kept_only_for_inputs_that_differ),
                                       tg_scoped(attributes_are_copied),
                                       tg_scoped(backward_lets_go_of_saved_values),
                                       tg_scoped(dropping_handles_in_any_order_frees_everything),
                                       tg_scoped(wide_nodes_keep_every_input),
                                       tg_scoped(clocks_go_beyond_what_a_thread_has_seen)};
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
