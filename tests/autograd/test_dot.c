/* test_dot.c - a graph in Graphviz's language. */
#include "tensors.h"

#include <tensorgrad/tensorgrad.h>

#include "base/alloc.h"

#include <stdlib.h>

static void the_text_is_this(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    tg_tensor *x = leaf(row(TG_F32, LIST(3, 1))), *mean = NULL;
    tg_var_mean(x, TG_ALL, 1, false, &mean);
    tg_tensor *y = tg_mul(x, x);
    tg_graph *g = tg_graph_new(&y, 1);
    assert_ok(tg_graph_label(g, 0, "a \"quoted\\\" name\nof two lines\x01"));
    char text[1024], small[10];
    int64_t n = tg_graph_format_dot(g, text, sizeof text);
    assert_string_equal(
        text, "digraph tensorgrad {\n"
              "  node [shape=box, style=filled, fillcolor=white, fontname=\"sans-serif\"];\n"
              "  n0 [label=\"a \\\"quoted\\\\\\\" name\\nof two lines\\nf32 [2]\", "
              "fillcolor=\"#dbe9f6\"];\n"
              "  n1 [label=\"mul\\nf32 [2]\", style=\"rounded,filled\", penwidth=2];\n"
              "  n0 -> n1;\n"
              "  n0 -> n1;\n"
              "}\n");
    assert_int_equal(n, strlen(text));
    assert_int_equal(tg_graph_format_dot(g, small, sizeof small), n);
    assert_string_equal(small, "digraph t");
    assert_int_equal(tg_graph_format_dot(g, NULL, 0), n);
    FILE *file = tmpfile();
    assert_ok(tg_graph_write_dot(g, file));
    assert_int_equal(ftell(file), n);
    fclose(file);
    tg__alloc_fail_at(1, false);
    assert_int_equal(tg_graph_format_dot(g, text, sizeof text), -1);
    tg__alloc_fail_at(0, false);
    assert_denied(tg_error_status(), TG_ERR_MEMORY, "graph_format_dot");
    assert_denied(tg_graph_write_dot(NULL, stdout), TG_ERR_ARG, "graph is NULL");
    assert_denied(tg_graph_write_dot(g, NULL), TG_ERR_ARG, "file is NULL");
    tg_graph_free(g);
    (void)!tg_scope_close(s);
    tg_error_clear();
    assert_int_equal(tg_live_tensors(), 0);
}

static void an_edge_names_the_output_it_comes_from(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    tg_trace_t *t = tg_trace_begin();
    tg_tensor *indices = NULL;
    tg_max_dim(ROW(1, 3, 2), 0, false, &indices);
    tg_neg(indices);
    tg_trace_end(t);
    tg_graph *g = tg_graph_from_trace(t);
    char text[1024];
    assert_true(tg_graph_format_dot(g, text, sizeof text) > 0);
    assert_contains(text, "n1 -> n2 [taillabel=\"1\"];\n");
    tg_graph_free(g);
    tg_trace_free(t);
    assert_ok(tg_scope_close(s));
}

TG_TEST_MAIN(cmocka_unit_test(the_text_is_this),
             cmocka_unit_test(an_edge_names_the_output_it_comes_from))
