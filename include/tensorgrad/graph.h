/* graph.h - the graph that was recorded, to iterate and to draw. */
#ifndef TENSORGRAD_GRAPH_H
#define TENSORGRAD_GRAPH_H

#include <tensorgrad/trace.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A graph is a copy of what was recorded, taken at one moment: nodes in an order in which every
 * node comes after those it depends on, and edges from the node that makes a tensor to the one that
 * takes it. It holds the recorded operations and the leaves until it is freed, but none of the
 * results, and what happens to the tensors later does not change it. */

/** A graph. Any number of threads may read one. */
typedef struct tg_graph tg_graph;

typedef enum {
    TG_GRAPH_OP = 0,  /**< an operation */
    TG_GRAPH_LEAF = 1 /**< a tensor that no operation of the graph made */
} tg_graph_kind;

typedef struct {
    int32_t kind;      /**< tg_graph_kind */
    bool root;         /**< one of the roots, or makes one */
    bool shape_known;  /**< else dtype, ndim and shape mean nothing: nothing holds that result */
    const char *op;    /**< name of the operation; "" for a leaf */
    const char *label; /**< see tg_graph_label; "" if there is none */
    tg_dtype dtype;    /**< of the leaf, or of the operation's first output */
    int32_t ndim;
    int64_t shape[TG_MAX_DIMS];
    int64_t first_edge, n_edges; /**< the edges that come in, by number */
} tg_graph_node_info;

typedef struct {
    int64_t source, target; /**< nodes */
    int32_t output, input;  /**< which output of source is which input of target */
} tg_graph_edge_info;

/** The graph that backward would walk from these roots: operations that lead to leaves requiring
 *  gradients, and those leaves. NULL with TG_ERR_ARG (n_roots < 1, NULL), TG_ERR_STATE (a root
 *  that does not require gradients), TG_ERR_MEMORY. Depth is bounded by memory only. No backward
 *  may consume the graph meanwhile. */
TG_API tg_graph *tg_graph_new(tg_tensor *const *roots, int n_roots);
/** The graph of a trace: all its nodes, and a leaf for each value that no node made and some node
 *  takes. Its roots are the nodes whose results no node takes. NULL with TG_ERR_MEMORY. */
TG_API tg_graph *tg_graph_from_trace(const tg_trace_t *trace);
/** NULL is fine. */
TG_API void tg_graph_free(tg_graph *graph);

/** How many nodes; -1 for NULL. */
TG_API int64_t tg_graph_nodes(const tg_graph *graph);
/** How many edges; -1 for NULL. */
TG_API int64_t tg_graph_edges(const tg_graph *graph);
/** Describes node i. The texts are valid as long as the graph, the label until it is set again.
 *  TG_ERR_INDEX if there is none. */
TG_API tg_status tg_graph_node(const tg_graph *graph, int64_t i, tg_graph_node_info *info);
/** Describes edge i. TG_ERR_INDEX if there is none. */
TG_API tg_status tg_graph_edge(const tg_graph *graph, int64_t i, tg_graph_edge_info *info);
/** The tensor of leaf i: one new reference. NULL with TG_ERR_INDEX if there is no such node, with
 *  TG_ERR_STATE if it is an operation. */
TG_API tg_tensor *tg_graph_tensor(const tg_graph *graph, int64_t i);

/** Sets the label of node i, which drawings show (at first the name that tg_name gave the leaf or
 *  the result); "" or NULL: none. TG_ERR_INDEX, TG_ERR_MEMORY. */
TG_API tg_status tg_graph_label(tg_graph *graph, int64_t i, const char *label);
/** The node that is leaf x or made x; -1 if there is none (of a trace: leaves only). Sets no error.
 */
TG_API int64_t tg_graph_find(const tg_graph *graph, const tg_tensor *x);

/** The graph in Graphviz's language. buf gets at most cap bytes with the final zero. Returns the
 *  full length without it, or -1 with an error. */
TG_API int64_t tg_graph_format_dot(const tg_graph *graph, char *buf, size_t cap);
/** The same to a file. TG_ERR_IO. */
TG_API tg_status tg_graph_write_dot(const tg_graph *graph, FILE *file);

/** How many nodes a drawing may have. */
#define TG_GRAPH_MOST_DRAWN 5000
/** The graph as a self-contained SVG drawing, in layers from the leaves down to the roots.
 *  TG_ERR_SHAPE for more than TG_GRAPH_MOST_DRAWN nodes (use DOT). buf as for tg_graph_format_dot.
 */
TG_API int64_t tg_graph_format_svg(const tg_graph *graph, char *buf, size_t cap);
/** The same to a file. TG_ERR_IO. */
TG_API tg_status tg_graph_write_svg(const tg_graph *graph, FILE *file);

#ifdef __cplusplus
}
#endif
#endif
