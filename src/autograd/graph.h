/* graph.h - a copy of a recorded graph, for graph.c, dot.c and svg.c. */
#ifndef TG_AUTOGRAD_GRAPH_H
#define TG_AUTOGRAD_GRAPH_H

#include "autograd/node.h"
#include "base/text.h"

#include <tensorgrad/graph.h>

typedef struct {
    tg_graph_node_info info; /* first_edge, n_edges: into `edges` */
    uint64_t order;          /* nodes are sorted by it: seq; 0: leaves */
    void *key;               /* held: tg__node *, or tg_tensor * of a leaf; NULL: of a trace */
    char *label, *name;      /* own copies, or NULL */
} tg__graph_node;

struct tg_graph {
    tg__graph_node *nodes;
    tg_graph_edge_info *edges;
    uint64_t n_nodes, cap_nodes, n_edges, cap_edges;
    uint32_t *hash; /* 1 + node, by key; a power of two */
    uint64_t cap_hash;
};

/* "f32 [2, 3]", or "" if the shape is not known; room for TG__DESC_BYTES. */
void tg__graph_shape(const tg_graph_node_info *n, char *buf);
/* Ends what `put` writes in a buffer or a file. */
typedef bool tg__graph_writer(const char *op, const tg_graph *g, tg__output *o);
int64_t tg__graph_format(const char *op, const tg_graph *g, tg__graph_writer *put, char *buf,
                         size_t cap);
tg_status tg__graph_write(const char *op, const tg_graph *g, tg__graph_writer *put, FILE *file);

#endif
