/* test_svg.c - a graph as a drawing. */
#include "tensors.h"

#include <tensorgrad/tensorgrad.h>

#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>

static char *drawn(const tg_graph *g) {
    int64_t n = tg_graph_format_svg(g, NULL, 0);
    if (n < 0)
        fail_msg("%s", tg_error_message());
    char *text = malloc((size_t)n + 1);
    assert_non_null(text);
    assert_int_equal(tg_graph_format_svg(g, text, (size_t)n + 1), n);
    return text;
}

static int count(const char *text, const char *part) {
    int n = 0;
    for (; (text = strstr(text, part)) != NULL; text++)
        n++;
    return n;
}

/* Every tag that opens is closed, in order; entities are known ones. */
static void assert_well_formed(const char *s) {
    const char *open[32];
    int depth = 0;
    for (; *s != '\0'; s++) {
        if (*s == '&')
            assert_true(strncmp(s, "&lt;", 4) == 0 || strncmp(s, "&gt;", 4) == 0 ||
                        strncmp(s, "&amp;", 5) == 0 || strncmp(s, "&quot;", 6) == 0);
        assert_true(*s != '>');
        if (*s != '<')
            continue;
        bool closes = s[1] == '/';
        const char *name = s + 1 + closes;
        size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz");
        assert_true(n > 0);
        const char *end = name;
        bool quoted = false;
        for (; *end != '>' || quoted; end++) {
            assert_true(*end != '\0' && *end != '<');
            quoted ^= *end == '"';
        }
        if (closes) {
            assert_true(depth-- > 0 && strncmp(open[depth], name, n) == 0);
        } else if (end[-1] != '/') {
            assert_true(depth < 32);
            open[depth++] = name;
        }
        s = end;
    }
    assert_int_equal(depth, 0);
}

/* The rectangle of node i in the order of the file. */
static void rectangle(const char *text, int i, double *r) {
    const char *at = strstr(text, "<g class=");
    for (; i > 0; i--)
        at = strstr(at + 1, "<g class=");
    at = strstr(at, "<rect");
    assert_int_equal(sscanf(at, "<rect x=\"%lf\" y=\"%lf\" width=\"%lf\" height=\"%lf\"", &r[0],
                            &r[1], &r[2], &r[3]),
                     4);
}

static void every_node_and_edge_is_drawn_once(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    tg_tensor *w = leaf(grid(TG_F32, 3, 2, LIST(1, 2, 3, 4, 5, 6)));
    tg_tensor *b = leaf(row(TG_F32, LIST(1, 2)));
    tg_tensor *x = grid(TG_F32, 1, 3, LIST(1, 2, 3));
    tg_tensor *y = tg_tanh(tg_add(tg_matmul(x, w), b));
    y = tg_sum(tg_mul(y, b), TG_ALL, false);
    tg_graph *g = tg_graph_new(&y, 1);
    assert_ok(tg_graph_label(g, tg_graph_find(g, w), "<w> & \"b\" \xFF"));
    char *text = drawn(g);
    int nodes = (int)tg_graph_nodes(g), edges = (int)tg_graph_edges(g);
    assert_well_formed(text);
    assert_int_equal(count(text, "<g class="), nodes);
    assert_int_equal(count(text, "marker-end="), edges);
    assert_int_equal(count(text, "class=\"leaf\""), 2);
    assert_int_equal(count(text, "class=\"op root\""), 1);
    assert_contains(text, ">&lt;w&gt; &amp; &quot;b&quot; \xEF\xBF\xBD</text>");
    assert_contains(text, ">f32 [3, 2]</text>");
    double size[2], a[4], c[4];
    assert_int_equal(
        sscanf(strstr(text, "width="), "width=\"%lf\" height=\"%lf\"", &size[0], &size[1]), 2);
    for (int i = 0; i < nodes; i++) { /* inside the page, and apart from each other */
        rectangle(text, i, a);
        assert_true(a[0] >= 0 && a[1] >= 0 && a[0] + a[2] <= size[0] && a[1] + a[3] <= size[1]);
        for (int k = 0; k < i; k++) {
            rectangle(text, k, c);
            assert_true(a[1] != c[1] || a[0] + a[2] < c[0] || c[0] + c[2] < a[0]);
        }
    }
    for (int64_t e = 0; e < edges; e++) { /* from above to below */
        tg_graph_edge_info edge;
        assert_ok(tg_graph_edge(g, e, &edge));
        rectangle(text, (int)edge.source, a);
        rectangle(text, (int)edge.target, c);
        assert_true(a[1] + a[3] < c[1]);
    }
    char *again = drawn(g);
    assert_string_equal(text, again);
    free(again);
    free(text);
    FILE *file = tmpfile();
    assert_ok(tg_graph_write_svg(g, file));
    fclose(file);
    for (uint64_t n = 1; n <= 2; n++) {
        tg__alloc_fail_at(n, false);
        assert_int_equal(tg_graph_format_svg(g, NULL, 0), -1);
        tg__alloc_fail_at(0, false);
        assert_denied(tg_error_status(), TG_ERR_MEMORY, "graph_format_svg");
    }
    tg_graph_free(g);
    (void)!tg_scope_close(s);
    tg_error_clear();
    assert_int_equal(tg_live_tensors(), 0);
}

static tg_graph *chain(int n) {
    tg_scope s = tg_scope_open();
    tg_tensor *y = LEAF(1);
    for (int i = 1; i < n; i++)
        y = tg_neg(y);
    tg_graph *g = tg_graph_new(&y, 1);
    assert_ok(tg_scope_close(s));
    assert_int_equal(tg_graph_nodes(g), n);
    return g;
}

static void too_many_nodes_are_refused(void **state) {
    (void)state;
    tg_graph *g = chain(TG_GRAPH_MOST_DRAWN);
    free(drawn(g));
    tg_graph_free(g);
    g = chain(TG_GRAPH_MOST_DRAWN + 1);
    assert_int_equal(tg_graph_format_svg(g, NULL, 0), -1);
    assert_denied(tg_error_status(), TG_ERR_SHAPE, "5001 nodes", "tg_graph_write_dot");
    tg_graph_free(g);
    tg_trace_t *t = tg_trace_begin();
    g = tg_graph_from_trace(t);
    char *text = drawn(g); /* of nothing */
    assert_well_formed(text);
    free(text);
    tg_graph_free(g);
    tg_trace_free(t);
}

/* Wide layers: sorting stays fast enough. */
static void thousands_of_nodes_in_a_layer_are_drawn(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    tg_tensor *x = LEAF(1), *all[1600];
    for (int i = 0; i < 1600; i++)
        all[i] = tg_exp(tg_neg(x));
    tg_graph *g = tg_graph_new(all, 1600);
    char *text = drawn(g);
    assert_int_equal(count(text, "<g class="), 3201);
    assert_well_formed(text);
    free(text);
    tg_graph_free(g);
    assert_ok(tg_scope_close(s));
}

TG_TEST_MAIN(cmocka_unit_test(every_node_and_edge_is_drawn_once),
             cmocka_unit_test(too_many_nodes_are_refused),
             cmocka_unit_test(thousands_of_nodes_in_a_layer_are_drawn))
