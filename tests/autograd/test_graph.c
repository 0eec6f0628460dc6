/* test_graph.c - a recorded graph as lists of nodes and edges. */
#include "tensors.h"

#include <tensorgrad/tensorgrad.h>

#include "base/alloc.h"
#include "small_stack.h"

static int teardown(void **state) {
    (void)state;
    tg_error_clear();
    return tg_live_tensors() == 0 && tg_live_nodes() == 0 ? 0 : -1;
}

static tg_graph_node_info node(const tg_graph *g, int64_t i) {
    tg_graph_node_info info;
    assert_ok(tg_graph_node(g, i, &info));
    return info;
}

static tg_graph_edge_info edge(const tg_graph *g, int64_t i) {
    tg_graph_edge_info info;
    assert_ok(tg_graph_edge(g, i, &info));
    return info;
}

static void assert_edge(const tg_graph *g, int64_t i, int64_t from, int64_t to, int output,
                        int input) {
    tg_graph_edge_info e = edge(g, i);
    assert_int_equal(e.source, from);
    assert_int_equal(e.target, to);
    assert_int_equal(e.output, output);
    assert_int_equal(e.input, input);
}

static void nodes_come_after_what_they_depend_on(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    tg_tensor *w = leaf(grid(TG_F32, 3, 1, LIST(1, 2, 3)));
    tg_tensor *x = grid(TG_F32, 2, 3, LIST(1, 2, 3, 4, 5, 6));
    tg_tensor *e = tg_exp(tg_matmul(x, w));
    tg_tensor *y = tg_mul(e, e);
    tg_graph *g = tg_graph_new(&y, 1);
    assert_int_equal(tg_graph_nodes(g), 4);
    assert_int_equal(tg_graph_edges(g), 4);
    int64_t at_w = tg_graph_find(g, w), at_e = tg_graph_find(g, e), at_y = tg_graph_find(g, y);
    assert_int_equal(at_w, 0);
    assert_int_equal(at_e, 2);
    assert_int_equal(at_y, 3);
    assert_int_equal(tg_graph_find(g, x), -1); /* no gradient goes there */
    assert_int_equal(node(g, 0).kind, TG_GRAPH_LEAF);
    assert_string_equal(node(g, 0).op, "");
    assert_string_equal(node(g, 1).op, "matmul");
    assert_string_equal(node(g, 2).op, "exp");
    assert_string_equal(node(g, 3).op, "mul");
    assert_true(node(g, 3).root);
    assert_false(node(g, 2).root);
    assert_true(node(g, 0).shape_known);
    assert_int_equal(node(g, 0).ndim, 2);
    assert_int_equal(node(g, 0).shape[0], 3);
    assert_false(node(g, 1).shape_known);
    assert_int_equal(node(g, 2).shape[0], 2); /* a saved output */
    assert_int_equal(node(g, 3).shape[0], 2);
    assert_edge(g, node(g, 1).first_edge, 0, 1, 0, 1);
    assert_edge(g, node(g, 2).first_edge, 1, 2, 0, 0);
    assert_edge(g, node(g, 3).first_edge, 2, 3, 0, 0);
    assert_edge(g, node(g, 3).first_edge + 1, 2, 3, 0, 1);
    assert_ptr_equal(tg_graph_tensor(g, 0), w);
    assert_refused(tg_graph_tensor(g, 1), TG_ERR_STATE, "node 1 is matmul");
    assert_denied(tg_graph_node(g, 4, &(tg_graph_node_info){0}), TG_ERR_INDEX, "node 4");
    assert_denied(tg_graph_edge(g, -1, &(tg_graph_edge_info){0}), TG_ERR_INDEX, "edge -1");
    assert_ok(tg_backward(tg_sum(y, TG_ALL, false))); /* the graph is still there */
    assert_string_equal(node(g, 1).op, "matmul");
    tg_graph_free(g);
    assert_ok(tg_scope_close(s));
}

static void roots_and_outputs_are_told_apart(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    tg_tensor *x = LEAF(3, 1, 2), *mean = NULL;
    tg_tensor *var = tg_var_mean(x, TG_ALL, 1, false, &mean);
    tg_tensor *roots[] = {tg_neg(mean), var, x};
    tg_graph *g = tg_graph_new(roots, 3);
    assert_true(node(g, tg_graph_find(g, x)).root);
    assert_true(node(g, tg_graph_find(g, roots[0])).root);
    assert_true(node(g, tg_graph_find(g, var)).root);
    tg_graph_free(g);
    assert_refused((tg_tensor *)(void *)tg_graph_new(roots, 0), TG_ERR_ARG, "0 roots");
    assert_refused((tg_tensor *)(void *)tg_graph_new(NULL, 1), TG_ERR_ARG, "at NULL");
    roots[1] = ROW(1);
    assert_refused((tg_tensor *)(void *)tg_graph_new(roots, 2), TG_ERR_STATE, "root 1 (f64 [1])");
    tg_graph_free(NULL);
    assert_int_equal(tg_graph_nodes(NULL), -1);
    assert_int_equal(tg_graph_edges(NULL), -1);
    assert_int_equal(tg_graph_find(NULL, NULL), -1);
    (void)!tg_scope_close(s);
}

static void a_trace_is_a_graph_too(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    tg_tensor *x = ROW(1, 2), *c = ROW(3, 4);
    tg_trace_t *t = tg_trace_begin();
    tg_tensor *a = tg_add(x, c);
    tg_tensor *low = NULL;
    tg_max_dim(tg_mul(a, x), 0, false, &low);
    tg_neg_(x);
    tg_exp(x);
    assert_ok(tg_trace_end(t));
    tg_graph *g = tg_graph_from_trace(t);
    tg_trace_free(t);
    assert_int_equal(tg_graph_nodes(g), 2 + 5);
    assert_int_equal(tg_graph_edges(g), 2 + 2 + 1 + 1 + 1);
    const char *ops[] = {"", "", "add", "mul", "max_dim", "neg", "exp"};
    for (int i = 0; i < 7; i++) {
        assert_string_equal(node(g, i).op, ops[i]);
        assert_true(node(g, i).shape_known);
        assert_int_equal(node(g, i).root, i == 4 || i == 6);
        for (int64_t e = 0; e < node(g, i).n_edges; e++) {
            assert_int_equal(edge(g, node(g, i).first_edge + e).target, i);
            assert_true(edge(g, node(g, i).first_edge + e).source < i);
        }
    }
    assert_int_equal(tg_graph_find(g, x), 0);
    assert_int_equal(tg_graph_find(g, c), 1);
    assert_edge(g, node(g, 6).first_edge, 5, 6, 0, 0);
    tg_graph_free(g);
    t = tg_trace_begin();
    g = tg_graph_from_trace(t); /* nothing happened */
    assert_int_equal(tg_graph_nodes(g), 0);
    tg_graph_free(g);
    tg_trace_free(t);
    assert_refused((tg_tensor *)(void *)tg_graph_from_trace(NULL), TG_ERR_ARG, "trace is NULL");
    assert_ok(tg_scope_close(s));
}

static void nodes_have_labels(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    tg_tensor *x = LEAF(1);
    tg_tensor *y = tg_exp(x);
    tg_graph *g = tg_graph_new(&y, 1);
    assert_string_equal(node(g, 0).label, "");
    assert_ok(tg_graph_label(g, 0, "weight"));
    assert_ok(tg_graph_label(g, 1, "a"));
    assert_ok(tg_graph_label(g, 1, "result"));
    assert_string_equal(node(g, 0).label, "weight");
    assert_string_equal(node(g, 1).label, "result");
    assert_ok(tg_graph_label(g, 0, NULL));
    assert_string_equal(node(g, 0).label, "");
    tg_graph_free(g);
    assert_ok(tg_name(x, "x"));
    assert_ok(tg_name(y, "y"));
    g = tg_graph_new(&y, 1);
    assert_string_equal(node(g, 0).label, "x");
    assert_string_equal(node(g, 1).label, "y");
    assert_denied(tg_graph_label(g, 2, "b"), TG_ERR_INDEX, "node 2 does not exist");
    tg_graph_free(g);
    assert_ok(tg_scope_close(s));
}

#define DEEP 200000

static void *deep(void *ok) {
    tg_tensor *x = tg_requires_grad_(tg_scalar(TG_F32, 1), true);
    tg_tensor *y = tg_retain(x);
    for (int i = 0; i < DEEP; i++) {
        tg_tensor *z = tg_neg(y);
        tg_release(y);
        y = z;
    }
    tg_graph *g = tg_graph_new(&y, 1);
    tg_release(y);
    tg_release(x);
    tg_graph_edge_info e = {0};
    *(bool *)ok = tg_graph_nodes(g) == DEEP + 1 && tg_graph_edges(g) == DEEP &&
                  tg_graph_edge(g, 0, &e) == TG_OK && e.target == DEEP && e.source == DEEP - 1;
    tg_graph_free(g);
    return NULL;
}

static void any_depth_fits_a_small_stack(void **state) {
    (void)state;
    bool ok = false;
    on_a_small_stack(deep, &ok);
    assert_true(ok);
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    tg_tensor *x = LEAF(1);
    assert_ok(tg_name(x, "x"));
    tg_trace_t *t = tg_trace_begin();
    tg_tensor *y = x;
    for (int i = 0; i < 200; i++)
        y = tg_add(tg_exp(y), number(1));
    assert_ok(tg_trace_end(t));
    for (int kind = 0; kind < 2; kind++) {
        tg_graph *g = NULL;
        uint64_t n = 1;
        for (; g == NULL; n++) {
            int64_t live = tg_live_tensors();
            tg_scope inner = tg_scope_open();
            tg__alloc_fail_at(n, false);
            g = kind == 0 ? tg_graph_new(&y, 1) : tg_graph_from_trace(t);
            if (g != NULL && tg_graph_label(g, 0, "x") != TG_OK) {
                tg_graph_free(g);
                g = NULL;
            }
            tg__alloc_fail_at(0, false);
            assert_int_equal(tg_scope_close(inner), g != NULL ? TG_OK : TG_ERR_MEMORY);
            tg_error_clear();
            assert_int_equal(tg_live_tensors(), live);
        }
        assert_true(n > 8);
        tg_graph_free(g);
    }
    tg_trace_free(t);
    assert_ok(tg_scope_close(s));
}

#define TEST(f) cmocka_unit_test_teardown(f, teardown)
TG_TEST_MAIN(TEST(nodes_come_after_what_they_depend_on), TEST(roots_and_outputs_are_told_apart),
             TEST(a_trace_is_a_graph_too), TEST(nodes_have_labels),
             TEST(any_depth_fits_a_small_stack), TEST(every_allocation_may_fail))
