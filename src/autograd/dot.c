/* dot.c - a graph in Graphviz's language. */
#include "autograd/graph.h"

/* Text of a label inside its quotes. */
static void put_text(tg__output *o, const char *text) {
    for (const char *s = text; *s != '\0'; s++) {
        if (*s == '"' || *s == '\\')
            tg__put(o, "\\");
        if (*s == '\n')
            tg__put(o, "\\n");
        else if ((unsigned char)*s >= ' ')
            tg__put_bytes(o, s, 1);
    }
}

static void put_node(tg__output *o, int64_t i, const tg_graph_node_info *n) {
    char shape[TG__DESC_BYTES];
    const char *parts[] = {n->label, n->op, shape};
    const char *gap = "";
    tg__graph_shape(n, shape);
    tg__put(o, "  n");
    tg__put_integer(o, i);
    tg__put(o, " [label=\"");
    for (int k = 0; k < 3; k++)
        if (parts[k][0] != '\0') {
            tg__put(o, gap);
            put_text(o, parts[k]);
            gap = "\\n";
        }
    tg__put(o, n->kind == TG_GRAPH_LEAF ? "\", fillcolor=\"#dbe9f6\""
                                        : "\", style=\"rounded,filled\"");
    tg__put(o, n->root ? ", penwidth=2];\n" : "];\n");
}

static bool put_graph(const char *op, const tg_graph *g, tg__output *o) {
    (void)op;
    tg__put(o, "digraph tensorgrad {\n  node [shape=box, style=filled, fillcolor=white, "
               "fontname=\"sans-serif\"];\n");
    for (uint64_t i = 0; i < g->n_nodes; i++)
        put_node(o, (int64_t)i, &g->nodes[i].info);
    for (uint64_t i = 0; i < g->n_edges; i++) {
        const tg_graph_edge_info *e = &g->edges[i];
        tg__put(o, "  n");
        tg__put_integer(o, e->source);
        tg__put(o, " -> n");
        tg__put_integer(o, e->target);
        if (e->output > 0) {
            tg__put(o, " [taillabel=\"");
            tg__put_integer(o, e->output);
            tg__put(o, "\"]");
        }
        tg__put(o, ";\n");
    }
    tg__put(o, "}\n");
    return true;
}

int64_t tg_graph_format_dot(const tg_graph *g, char *buf, size_t cap) {
    return tg__graph_format("graph_format_dot", g, put_graph, buf, cap);
}

tg_status tg_graph_write_dot(const tg_graph *g, FILE *file) {
    return tg__graph_write("graph_write_dot", g, put_graph, file);
}
