/* svg.c - a graph as a drawing.
 *
 * A node stands one layer below the lowest of those it depends on, a leaf right above the first
 * node that takes it. Within a layer nodes are sorted by the mean place of their neighbours, layer
 * by layer, down and up a few times, which keeps most edges from crossing. The same graph gives the
 * same bytes. */
#include "autograd/graph.h"

#include <string.h>

#define SWEEPS 4
#define GAP 24    /* between nodes of a layer */
#define LAYER 84  /* from layer to layer */
#define HEIGHT 40 /* of a node */
#define MARGIN 20
#define LETTER 7   /* a letter of 12 px, about */
#define LETTERS 40 /* of a line; the rest is cut */

typedef struct {
    int32_t layer, place; /* place: within the layer */
    double wish;          /* mean place of the neighbours, 0 to 1 */
    double x, y, width;   /* x: of the middle */
} spot;

typedef struct {
    const tg_graph *g;
    spot *at;
    int32_t *order; /* nodes, layer by layer */
    int32_t *first; /* of each layer in order[]; n_layers + 1 of them */
    int32_t n_layers;
} drawing;

/* ---- Layers ---- */

static void set_layers(drawing *d) {
    const tg_graph *g = d->g;
    for (uint64_t i = 0; i < g->n_nodes; i++) { /* producers come first */
        const tg_graph_node_info *n = &g->nodes[i].info;
        d->at[i].layer = 0;
        for (int64_t e = n->first_edge; e < n->first_edge + n->n_edges; e++)
            if (d->at[g->edges[e].source].layer >= d->at[i].layer)
                d->at[i].layer = d->at[g->edges[e].source].layer + 1;
    }
    for (uint64_t i = 0; i < g->n_nodes; i++) /* leaves go down to where they are taken first */
        if (g->nodes[i].info.kind == TG_GRAPH_LEAF)
            d->at[i].layer = INT32_MAX;
    for (uint64_t e = 0; e < g->n_edges; e++) {
        spot *from = &d->at[g->edges[e].source];
        const int32_t above = d->at[g->edges[e].target].layer - 1;
        if (g->nodes[g->edges[e].source].info.kind == TG_GRAPH_LEAF && above < from->layer)
            from->layer = above;
    }
    for (uint64_t i = 0; i < g->n_nodes; i++)
        if (d->at[i].layer == INT32_MAX)
            d->at[i].layer = 0;
    for (uint64_t i = 0; i < g->n_nodes; i++)
        if (d->at[i].layer >= d->n_layers)
            d->n_layers = d->at[i].layer + 1;
}

static void fill_layers(drawing *d) {
    memset(d->first, 0, ((size_t)d->n_layers + 1) * sizeof *d->first);
    for (uint64_t i = 0; i < d->g->n_nodes; i++)
        d->first[d->at[i].layer + 1]++;
    for (int32_t l = 0; l < d->n_layers; l++)
        d->first[l + 1] += d->first[l];
    for (uint64_t i = 0; i < d->g->n_nodes; i++)
        d->order[d->first[d->at[i].layer]++] = (int32_t)i;
    for (int32_t l = d->n_layers; l > 0; l--) /* each has moved to where the next began */
        d->first[l] = d->first[l - 1];
    d->first[0] = 0;
    for (int32_t l = 0; l < d->n_layers; l++)
        for (int32_t k = d->first[l]; k < d->first[l + 1]; k++)
            d->at[d->order[k]].place = k - d->first[l];
}

/* ---- Order within layers ---- */

/* Where a node is in its layer, from 0 to 1. */
static double share(const drawing *d, int64_t i) {
    const spot *s = &d->at[i];
    int32_t size = d->first[s->layer + 1] - d->first[s->layer];
    return ((double)s->place + 0.5) / size;
}

/* Every node wishes to be in the middle of those it takes from, or of those that take from it. */
static void set_wishes(const drawing *d, bool down, int32_t *count) {
    const tg_graph *g = d->g;
    for (uint64_t i = 0; i < g->n_nodes; i++) {
        d->at[i].wish = 0;
        count[i] = 0;
    }
    for (uint64_t e = 0; e < g->n_edges; e++) {
        int64_t from = g->edges[e].source, to = g->edges[e].target;
        int64_t moved = down ? to : from;
        d->at[moved].wish += share(d, down ? from : to);
        count[moved]++;
    }
    for (uint64_t i = 0; i < g->n_nodes; i++)
        d->at[i].wish = count[i] > 0 ? d->at[i].wish / count[i] : share(d, (int64_t)i);
}

/* Stable, by wish: insertion, for a layer is mostly in order. */
static void sort_layer(const drawing *d, int32_t l) {
    int32_t *order = d->order + d->first[l];
    int32_t n = d->first[l + 1] - d->first[l];
    for (int32_t k = 1; k < n; k++) {
        int32_t moved = order[k], at = k;
        for (; at > 0 && d->at[order[at - 1]].wish > d->at[moved].wish; at--)
            order[at] = order[at - 1];
        order[at] = moved;
    }
    for (int32_t k = 0; k < n; k++)
        d->at[order[k]].place = k;
}

static void set_order(const drawing *d, int32_t *count) {
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        set_wishes(d, sweep % 2 == 0, count);
        for (int32_t l = 0; l < d->n_layers; l++)
            sort_layer(d, l);
    }
}

/* ---- Places ---- */

/* What a node shows in its two lines. */
static void lines(const tg_graph_node_info *n, const char **title, char *shape) {
    tg__graph_shape(n, shape);
    *title = n->label[0] != '\0' ? n->label : n->kind == TG_GRAPH_LEAF ? "leaf" : n->op;
}

static int letters(const char *text) {
    int n = 0;
    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xC0) != 0x80;
    return n < LETTERS ? n : LETTERS;
}

/* Sets all places; returns the width of the drawing. */
static double set_places(const drawing *d) {
    double widest = 0;
    for (uint64_t i = 0; i < d->g->n_nodes; i++) {
        char shape[TG__DESC_BYTES];
        const char *title;
        lines(&d->g->nodes[i].info, &title, shape);
        int n = letters(title) > letters(shape) ? letters(title) : letters(shape);
        d->at[i].width = (n > 4 ? n : 4) * LETTER + 16;
        d->at[i].y = MARGIN + d->at[i].layer * (double)LAYER;
    }
    for (int pass = 0; pass < 2; pass++) /* first the widths, then centred */
        for (int32_t l = 0; l < d->n_layers; l++) {
            double width = -GAP;
            for (int32_t k = d->first[l]; k < d->first[l + 1]; k++)
                width += d->at[d->order[k]].width + GAP;
            widest = width > widest ? width : widest;
            double x = MARGIN + (widest - width) / 2;
            for (int32_t k = d->first[l]; k < d->first[l + 1]; k++) {
                spot *s = &d->at[d->order[k]];
                s->x = x + s->width / 2;
                x += s->width + GAP;
            }
        }
    return widest + 2 * MARGIN;
}

/* ---- Writing ---- */

static void put_number(tg__output *o, const char *before, double value) {
    tg__put(o, before);
    tg__put_fixed(o, value, 1);
}

static void put_line(tg__output *o, const spot *s, double y, const char *style, const char *text) {
    char cut[4 * LETTERS + 4];
    size_t n = 0;
    for (int k = 0; text[n] != '\0' && n < sizeof cut - 4; n++) {
        k += ((unsigned char)text[n] & 0xC0) != 0x80;
        if (k > LETTERS)
            break;
        cut[n] = text[n];
    }
    cut[n] = '\0';
    put_number(o, "<text x=\"", s->x);
    put_number(o, "\" y=\"", y);
    tg__put(o, "\"");
    tg__put(o, style);
    tg__put(o, ">");
    tg__put_xml(o, cut);
    tg__put(o, "</text>\n");
}

static void put_node(tg__output *o, const spot *s, const tg_graph_node_info *n) {
    char shape[TG__DESC_BYTES];
    const char *title;
    lines(n, &title, shape);
    tg__put(o, "<g class=\"");
    tg__put(o, n->kind == TG_GRAPH_LEAF ? "leaf" : "op");
    tg__put(o, n->root ? " root\"><title>" : "\"><title>");
    tg__put_xml(o, n->label[0] != '\0' ? n->label : title);
    tg__put(o, " ");
    tg__put_xml(o, n->op);
    tg__put(o, "</title>");
    put_number(o, "<rect x=\"", s->x - s->width / 2);
    put_number(o, "\" y=\"", s->y);
    put_number(o, "\" width=\"", s->width);
    put_number(o, "\" height=\"", HEIGHT);
    tg__put(o, n->kind == TG_GRAPH_LEAF ? "\"/>\n" : "\" rx=\"8\"/>\n");
    put_line(o, s, s->y + (shape[0] != '\0' ? 17 : 24), "", title);
    if (shape[0] != '\0')
        put_line(o, s, s->y + 33, " class=\"shape\"", shape);
    tg__put(o, "</g>\n");
}

static void put_edge(tg__output *o, const spot *from, const spot *to) {
    double middle = (from->y + HEIGHT + to->y) / 2;
    put_number(o, "<path d=\"M", from->x);
    put_number(o, " ", from->y + HEIGHT);
    put_number(o, "C", from->x);
    put_number(o, " ", middle);
    put_number(o, " ", to->x);
    put_number(o, " ", middle);
    put_number(o, " ", to->x);
    put_number(o, " ", to->y - 2);
    tg__put(o, "\" marker-end=\"url(#a)\"/>\n");
}

static void put_drawing(tg__output *o, const drawing *d) {
    const tg_graph *g = d->g;
    double width = set_places(d);
    double height = 2 * MARGIN + HEIGHT + (d->n_layers > 0 ? d->n_layers - 1 : 0) * (double)LAYER;
    put_number(o, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", width);
    put_number(o, "\" height=\"", height);
    put_number(o, "\" viewBox=\"0 0 ", width);
    put_number(o, " ", height);
    tg__put(o, "\" role=\"img\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#333\" "
               "text-anchor=\"middle\">\n<title>graph of ");
    tg__put_integer(o, (int64_t)g->n_nodes);
    tg__put(o, " nodes</title>\n<style>rect{fill:#fff;stroke:#666}.leaf rect{fill:#dbe9f6}"
               ".root rect{stroke-width:2.5}path{fill:none;stroke:#999}.shape{font-size:10px;"
               "fill:#666}</style>\n<defs><marker id=\"a\" viewBox=\"0 0 6 6\" refX=\"5\" "
               "refY=\"3\" markerWidth=\"6\" markerHeight=\"6\" orient=\"auto\"><path d=\"M0 0L6 "
               "3L0 6z\" style=\"fill:#999;stroke:none\"/></marker></defs>\n"
               "<rect width=\"100%\" height=\"100%\" style=\"stroke:none\"/>\n");
    for (uint64_t e = 0; e < g->n_edges; e++)
        put_edge(o, &d->at[g->edges[e].source], &d->at[g->edges[e].target]);
    for (uint64_t i = 0; i < g->n_nodes; i++)
        put_node(o, &d->at[i], &g->nodes[i].info);
    tg__put(o, "</svg>\n");
}

static bool put_svg(const char *op, const tg_graph *g, tg__output *o) {
    size_t n = g->n_nodes;
    if (n > TG_GRAPH_MOST_DRAWN) {
        tg__fail(TG_ERR_SHAPE, op,
                 "the graph has %zu nodes, a drawing at most %d; use tg_graph_write_dot, or draw "
                 "the graph of a part",
                 n, TG_GRAPH_MOST_DRAWN);
        return false;
    }
    size_t bytes = n * sizeof(spot) + (3 * n + 2) * sizeof(int32_t);
    drawing d = {.g = g, .at = tg__alloc(bytes)};
    if (d.at == NULL) {
        tg__fail_memory(op, bytes);
        return false;
    }
    d.order = (int32_t *)(void *)(d.at + n);
    d.first = d.order + n;
    int32_t *count = d.first + n + 2;
    set_layers(&d);
    fill_layers(&d);
    set_order(&d, count);
    put_drawing(o, &d);
    tg__free(d.at, bytes);
    return true;
}

int64_t tg_graph_format_svg(const tg_graph *g, char *buf, size_t cap) {
    return tg__graph_format("graph_format_svg", g, put_svg, buf, cap);
}

tg_status tg_graph_write_svg(const tg_graph *g, FILE *file) {
    return tg__graph_write("graph_write_svg", g, put_svg, file);
}
