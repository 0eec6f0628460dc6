/* graph.c - a recorded graph as lists of nodes and edges.
 *
 * The tape is followed breadth first: the list of nodes is the queue as well, so any depth works on
 * any stack. Nothing is written into recorded nodes, as a walk does, so a graph may be taken while
 * another is walked. Sorted by number (seq), which grows along every path, nodes come after what
 * they depend on; leaves come first. */
#include "autograd/graph.h"
#include "autograd/watch.h"

#include <tensorgrad/hooks.h>

#include <string.h>

#define MOST_NODES ((uint64_t)1 << 31)

/* ---- Lists ---- */

static bool room(const char *op, void *array_at, uint64_t *cap, uint64_t used, size_t item) {
    if (used < *cap)
        return true;
    uint64_t bigger = *cap == 0 ? 64 : 2 * *cap;
    void *array;
    memcpy(&array, array_at, sizeof array);
    void *grown = tg__realloc(array, *cap * item, bigger * item);
    if (grown == NULL) {
        tg__fail_memory(op, bigger * item);
        return false;
    }
    memcpy(array_at, &grown, sizeof grown);
    *cap = bigger;
    return true;
}

static uint64_t place_of(const tg_graph *g, const void *key) {
    uint64_t mask = g->cap_hash - 1;
    uint64_t at = ((uint64_t)(uintptr_t)key * 0x9e3779b97f4a7c15u >> 32) & mask;
    while (g->hash[at] != 0 && g->nodes[g->hash[at] - 1].key != key)
        at = (at + 1) & mask;
    return at;
}

static bool rehash(tg_graph *g, const char *op, uint64_t cap) {
    uint32_t *hash = tg__alloc_zero(cap * sizeof *hash);
    if (hash == NULL) {
        tg__fail_memory(op, cap * sizeof *hash);
        return false;
    }
    tg__free(g->hash, g->cap_hash * sizeof *g->hash);
    g->hash = hash;
    g->cap_hash = cap;
    for (uint64_t i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].key != NULL)
            g->hash[place_of(g, g->nodes[i].key)] = (uint32_t)i + 1;
    return true;
}

static void set_shape(tg_graph_node_info *n, unsigned dtype, int ndim, const int64_t *shape) {
    n->shape_known = true;
    n->dtype = (tg_dtype)dtype;
    n->ndim = ndim;
    memcpy(n->shape, shape, (size_t)ndim * sizeof *shape);
}

/* A node at the end of the list; NULL with an error. */
static tg__graph_node *add_node(tg_graph *g, const char *op, void *key, tg_graph_kind kind) {
    if (g->n_nodes >= MOST_NODES) {
        tg__fail(TG_ERR_SHAPE, op, "the graph has more than 2^31 nodes");
        return NULL;
    }
    if (!room(op, &g->nodes, &g->cap_nodes, g->n_nodes, sizeof *g->nodes) ||
        (g->cap_hash < 2 * (g->n_nodes + 1) &&
         !rehash(g, op, g->cap_hash == 0 ? 256 : 2 * g->cap_hash)))
        return NULL;
    tg__graph_node *n = &g->nodes[g->n_nodes++];
    *n = (tg__graph_node){.info = {.kind = kind, .op = "", .label = ""}, .key = key};
    if (key != NULL)
        g->hash[place_of(g, key)] = (uint32_t)g->n_nodes;
    return n;
}

static bool add_edge(tg_graph *g, const char *op, const tg_graph_edge_info *e) {
    if (!room(op, &g->edges, &g->cap_edges, g->n_edges, sizeof *g->edges))
        return false;
    g->edges[g->n_edges++] = *e;
    return true;
}

static char *copy_text(const char *op, const char *text) {
    size_t n = strlen(text) + 1;
    char *copy = tg__alloc(n);
    if (copy == NULL)
        tg__fail_memory(op, n);
    else
        memcpy(copy, text, n);
    return copy;
}

static void free_text(char *text) {
    if (text != NULL)
        tg__free(text, strlen(text) + 1);
}

/* The name that a tensor has already is a label; false with an error. */
static bool set_label(const char *op, tg__graph_node *n, const char *name) {
    if (name == NULL || *name == '\0')
        return true;
    n->label = copy_text(op, name);
    if (n->label != NULL)
        n->info.label = n->label;
    return n->label != NULL;
}

/* ---- The tape ---- */

/* The node of a leaf or of a recorded operation, added if it is new; -1 with an error. */
static int64_t visit(tg_graph *g, const char *op, void *key, bool leaf) {
    if (g->cap_hash > 0) {
        uint32_t at = g->hash[place_of(g, key)];
        if (at != 0)
            return (int64_t)at - 1;
    }
    tg__graph_node *n = add_node(g, op, key, leaf ? TG_GRAPH_LEAF : TG_GRAPH_OP);
    if (n == NULL)
        return -1;
    if (leaf) {
        tg_tensor *x = key;
        tg__ref(x);
        set_shape(&n->info, x->dtype, x->ndim, x->shape);
    } else {
        tg__node *recorded = key;
        tg__node_ref(recorded);
        n->order = recorded->seq;
        n->info.op = recorded->op->name;
        const tg__saved *s = tg__saved_of(recorded);
        for (int k = 0; k < recorded->n_saved; k++)
            if (s[k].tensor != NULL && s[k].is_output && s[k].index == 0)
                set_shape(&n->info, s[k].tensor->dtype, s[k].tensor->ndim, s[k].tensor->shape);
    }
    const char *name = leaf ? tg_name_of(key) : tg__node_name(key);
    return set_label(op, n, name) ? (int64_t)g->n_nodes - 1 : -1;
}

/* Adds the edges of node i, and the nodes they come from. */
static bool expand(tg_graph *g, const char *op, int64_t i) {
    const tg__node *recorded = g->nodes[i].key;
    const tg__edge *e = tg__edges(recorded);
    g->nodes[i].info.first_edge = (int64_t)g->n_edges;
    for (uint32_t k = 0; k < recorded->n_in; k++) {
        if (e[k].target == NULL)
            continue;
        bool leaf = e[k].out_nr == TG__LEAF_EDGE;
        int64_t from = visit(g, op, e[k].target, leaf);
        const tg_graph_edge_info edge = {from, i, leaf ? 0 : (int32_t)e[k].out_nr, (int32_t)k};
        if (from < 0 || !add_edge(g, op, &edge))
            return false;
        g->nodes[i].info.n_edges++;
    }
    return true;
}

/* Moves element `at` of a heap of places, largest (order, place) first, down to where it belongs.
 */
static void sift(const tg_graph *g, uint32_t *heap, uint64_t n, uint64_t at) {
    uint32_t moved = heap[at];
    for (;;) {
        uint64_t child = 2 * at + 1;
        if (child >= n)
            break;
#define AFTER(a, b)                                                                                \
    (g->nodes[a].order != g->nodes[b].order ? g->nodes[a].order > g->nodes[b].order : (a) > (b))
        if (child + 1 < n && AFTER(heap[child + 1], heap[child]))
            child++;
        if (!AFTER(heap[child], moved))
            break;
#undef AFTER
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moved;
}

/* Puts the nodes into their order and renumbers edges. False with an error. */
static bool sort_nodes(tg_graph *g, const char *op) {
    uint64_t n = g->n_nodes, bytes = 2 * n * sizeof(uint32_t);
    uint32_t *order = tg__alloc(bytes);
    tg__graph_node *sorted = tg__alloc(g->cap_nodes * sizeof *sorted);
    if (order == NULL || sorted == NULL) {
        tg__fail_memory(op, order == NULL ? bytes : g->cap_nodes * sizeof *sorted);
        tg__free(order, bytes);
        tg__free(sorted, g->cap_nodes * sizeof *sorted);
        return false;
    }
    uint32_t *place = order + n;
    for (uint64_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    for (uint64_t i = n / 2; i > 0; i--)
        sift(g, order, n, i - 1);
    for (uint64_t left = n; left > 1; left--) {
        uint32_t last = order[0];
        order[0] = order[left - 1];
        order[left - 1] = last;
        sift(g, order, left - 1, 0);
    }
    for (uint64_t i = 0; i < n; i++) {
        place[order[i]] = (uint32_t)i;
        sorted[i] = g->nodes[order[i]];
    }
    for (uint64_t i = 0; i < g->n_edges; i++) {
        g->edges[i].source = place[g->edges[i].source];
        g->edges[i].target = place[g->edges[i].target];
    }
    tg__free(g->nodes, g->cap_nodes * sizeof *g->nodes);
    g->nodes = sorted;
    memset(g->hash, 0, g->cap_hash * sizeof *g->hash);
    for (uint64_t i = 0; i < n; i++)
        if (sorted[i].key != NULL)
            g->hash[place_of(g, sorted[i].key)] = (uint32_t)i + 1;
    tg__free(order, bytes);
    return true;
}

static bool follow(tg_graph *g, const char *op, tg_tensor *const *roots, int n_roots) {
    for (int i = 0; i < n_roots; i++) {
        tg_tensor *x = roots[i];
        int64_t at = visit(g, op, x->node != NULL ? (void *)x->node : x, x->node == NULL);
        if (at < 0)
            return false;
        g->nodes[at].info.root = true;
        if (x->out_nr == 0)
            set_shape(&g->nodes[at].info, x->dtype, x->ndim, x->shape);
    }
    for (uint64_t i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].info.kind == TG_GRAPH_OP && !expand(g, op, (int64_t)i))
            return false;
    return sort_nodes(g, op);
}

static tg_graph *empty(const char *op) {
    tg_graph *g = tg__alloc_zero(sizeof *g);
    if (g == NULL)
        tg__fail_memory(op, sizeof *g);
    return g;
}

tg_graph *tg_graph_new(tg_tensor *const *roots, int n_roots) {
    static const char op[] = "graph_new";
    if (roots == NULL || n_roots < 1) {
        tg__fail(TG_ERR_ARG, op, "%d roots at %s; pass at least one", n_roots,
                 roots == NULL ? "NULL" : "the list");
        return NULL;
    }
    for (int i = 0; i < n_roots; i++) {
        if (!tg__required(op, "roots", roots[i]))
            return NULL;
        if (!(roots[i]->flags & TG__REQUIRES_GRAD)) {
            tg__fail(TG_ERR_STATE, op,
                     "root %d (%s) does not require gradients, so nothing was recorded; use "
                     "tg_graph_from_trace",
                     i, tg__describe(roots[i]));
            return NULL;
        }
    }
    tg_graph *g = empty(op);
    if (g == NULL || follow(g, op, roots, n_roots))
        return g;
    tg_graph_free(g);
    return NULL;
}

/* ---- A trace ---- */

/* What has become a node of the graph: 1 + node of each operation and of each value no node made.
 */
typedef struct {
    const tg_trace_t *trace;
    uint32_t *of_node, *of_value;
    size_t bytes;
} traced;

static int64_t value_node(tg_graph *g, const char *op, traced *t, int64_t v, int32_t *output) {
    tg_trace_value_info info;
    if (tg_trace_value(t->trace, v, &info) != TG_OK)
        return -1;
    *output = info.output;
    if (info.producer >= 0)
        return (int64_t)t->of_node[info.producer] - 1;
    if (t->of_value[v] == 0) {
        tg_tensor *x = tg__trace_held(t->trace, v);
        tg__graph_node *n = add_node(g, op, x, TG_GRAPH_LEAF);
        if (n == NULL)
            return -1;
        tg__ref(x);
        set_shape(&n->info, info.dtype, info.ndim, info.shape);
        t->of_value[v] = (uint32_t)g->n_nodes;
        if (!set_label(op, n, tg_name_of(x)))
            return -1;
    }
    return (int64_t)t->of_value[v] - 1;
}

static bool add_call(tg_graph *g, const char *op, traced *t, int64_t i) {
    tg_trace_node_info call;
    tg_trace_value_info out;
    if (tg_trace_node(t->trace, i, &call) != TG_OK)
        return false;
    bool made = call.n_outputs > 0 && call.outputs[0] >= 0;
    if (made && tg_trace_value(t->trace, call.outputs[0], &out) != TG_OK)
        return false;
    tg_graph_node_info info = {.kind = TG_GRAPH_OP,
                               .root = true, /* until a node takes its result */
                               .label = "",
                               .first_edge = (int64_t)g->n_edges};
    if (made)
        set_shape(&info, out.dtype, out.ndim, out.shape);
    tg_graph_edge_info edge = {0};
    for (int32_t k = 0; k < call.n_inputs; k++) {
        if (call.inputs[k] < 0)
            continue;
        edge.input = k;
        edge.source = value_node(g, op, t, call.inputs[k], &edge.output);
        if (edge.source < 0 || !add_edge(g, op, &edge))
            return false;
        g->nodes[edge.source].info.root = false;
        info.n_edges++;
    }
    char *name = call.number < 0 ? copy_text(op, call.op) : NULL;
    tg__graph_node *n = call.number < 0 && name == NULL ? NULL : add_node(g, op, NULL, TG_GRAPH_OP);
    if (n == NULL) {
        free_text(name);
        return false;
    }
    n->info = info;
    n->name = name;
    n->info.op = name != NULL ? name : call.op;
    n->order = (uint64_t)i + 1;
    t->of_node[i] = (uint32_t)g->n_nodes;
    for (int64_t e = info.first_edge; e < info.first_edge + info.n_edges; e++)
        g->edges[e].target = (int64_t)g->n_nodes - 1;
    return true;
}

tg_graph *tg_graph_from_trace(const tg_trace_t *trace) {
    static const char op[] = "graph_from_trace";
    if (trace == NULL) {
        tg__fail_null(op, "trace");
        return NULL;
    }
    int64_t n = tg_trace_nodes(trace), values = tg_trace_values(trace);
    traced t = {.trace = trace, .bytes = (size_t)(n + values) * sizeof(uint32_t)};
    tg_graph *g = empty(op);
    t.of_node = g != NULL ? tg__alloc_zero(t.bytes) : NULL;
    if (t.of_node == NULL) {
        if (g != NULL)
            tg__fail_memory(op, t.bytes);
        tg_graph_free(g);
        return NULL;
    }
    t.of_value = t.of_node + n;
    bool good = true;
    for (int64_t i = 0; good && i < n; i++)
        good = add_call(g, op, &t, i);
    good = good && (g->n_nodes == 0 || sort_nodes(g, op));
    tg__free(t.of_node, t.bytes);
    if (good)
        return g;
    tg_graph_free(g);
    return NULL;
}

/* ---- Reading ---- */

void tg_graph_free(tg_graph *g) {
    if (g == NULL)
        return;
    for (uint64_t i = 0; i < g->n_nodes; i++) {
        tg__graph_node *n = &g->nodes[i];
        free_text(n->label);
        free_text(n->name);
        if (n->key != NULL && n->info.kind == TG_GRAPH_LEAF)
            tg__unref(n->key);
        else if (n->key != NULL)
            tg__node_unref(n->key);
    }
    tg__free(g->nodes, g->cap_nodes * sizeof *g->nodes);
    tg__free(g->edges, g->cap_edges * sizeof *g->edges);
    tg__free(g->hash, g->cap_hash * sizeof *g->hash);
    tg__free(g, sizeof *g);
}

int64_t tg_graph_nodes(const tg_graph *g) { return g == NULL ? -1 : (int64_t)g->n_nodes; }
int64_t tg_graph_edges(const tg_graph *g) { return g == NULL ? -1 : (int64_t)g->n_edges; }

static bool exists(const char *op, const char *what, const tg_graph *g, int64_t i, uint64_t n) {
    if (g == NULL)
        tg__fail_null(op, "graph");
    else if (i < 0 || (uint64_t)i >= n)
        tg__fail(TG_ERR_INDEX, op, "%s %lld does not exist; the graph has %llu", what, (long long)i,
                 (unsigned long long)n);
    else
        return true;
    return false;
}

tg_status tg_graph_node(const tg_graph *g, int64_t i, tg_graph_node_info *info) {
    static const char op[] = "graph_node";
    if (!exists(op, "node", g, i, g == NULL ? 0 : g->n_nodes))
        return tg_error_status();
    if (info == NULL)
        return tg__fail_null(op, "info");
    *info = g->nodes[i].info;
    return TG_OK;
}

tg_status tg_graph_edge(const tg_graph *g, int64_t i, tg_graph_edge_info *info) {
    static const char op[] = "graph_edge";
    if (!exists(op, "edge", g, i, g == NULL ? 0 : g->n_edges))
        return tg_error_status();
    if (info == NULL)
        return tg__fail_null(op, "info");
    *info = g->edges[i];
    return TG_OK;
}

tg_tensor *tg_graph_tensor(const tg_graph *g, int64_t i) {
    static const char op[] = "graph_tensor";
    if (!exists(op, "node", g, i, g == NULL ? 0 : g->n_nodes))
        return NULL;
    const tg__graph_node *n = &g->nodes[i];
    if (n->info.kind == TG_GRAPH_LEAF)
        return tg__give_existing(n->key);
    tg__fail(TG_ERR_STATE, op,
             "node %lld is %s, whose result the graph does not hold; only leaves "
             "have tensors",
             (long long)i, n->info.op);
    return NULL;
}

tg_status tg_graph_label(tg_graph *g, int64_t i, const char *label) {
    static const char op[] = "graph_label";
    if (!exists(op, "node", g, i, g == NULL ? 0 : g->n_nodes))
        return tg_error_status();
    char *copy = NULL;
    if (label != NULL && *label != '\0') {
        copy = copy_text(op, label);
        if (copy == NULL)
            return tg_error_status();
    }
    tg__graph_node *n = &g->nodes[i];
    free_text(n->label);
    n->label = copy;
    n->info.label = copy != NULL ? copy : "";
    return TG_OK;
}

int64_t tg_graph_find(const tg_graph *g, const tg_tensor *x) {
    if (g == NULL || x == NULL || (x->flags & TG__IS_NONE) || g->cap_hash == 0)
        return -1;
    uint32_t at = g->hash[place_of(g, x)];
    if (at == 0 && x->node != NULL)
        at = g->hash[place_of(g, x->node)];
    return (int64_t)at - 1;
}

/* ---- For drawings ---- */

void tg__graph_shape(const tg_graph_node_info *n, char *buf) {
    buf[0] = '\0';
    if (n->shape_known)
        snprintf(buf, TG__DESC_BYTES, "%s %s", tg_dtype_name(n->dtype),
                 tg__describe_shape(n->ndim, n->shape));
}

int64_t tg__graph_format(const char *op, const tg_graph *g, tg__graph_writer *put, char *buf,
                         size_t cap) {
    tg__output o = {0};
    if (g == NULL || (buf == NULL && cap > 0)) {
        tg__fail_null(op, g == NULL ? "graph" : "buf");
        return -1;
    }
    if (put(op, g, &o))
        return tg__output_format(op, &o, buf, cap);
    tg__output_free(&o);
    return -1;
}

tg_status tg__graph_write(const char *op, const tg_graph *g, tg__graph_writer *put, FILE *file) {
    tg__output o = {0};
    if (g == NULL || file == NULL)
        return tg__fail_null(op, g == NULL ? "graph" : "file");
    if (put(op, g, &o))
        return tg__output_write(op, &o, file);
    tg__output_free(&o);
    return tg_error_status();
}
