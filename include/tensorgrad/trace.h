/* trace.h - a recording of the operations that a thread calls, whatever the grad mode. */
#ifndef TENSORGRAD_TRACE_H
#define TENSORGRAD_TRACE_H

#include <tensorgrad/op.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Between tg_trace_begin and tg_trace_end every operation that the calling thread calls becomes a
 * node, in the order of the calls, also where nothing is recorded for gradients. An operation that
 * is made of others (linear, cross_entropy, ...) is one node, itself; what backward runs is none.
 *
 * Nodes take and give values, numbered from 0. A tensor that no node made, be it a parameter, an
 * input or a constant, is a value without a producer, and the trace holds it until it is freed. The
 * results of nodes are not held. An in-place operation makes a new value of the tensor it writes,
 * and the trace keeps a copy of what stood there if it had not seen that being made. The same
 * elements of the same memory are the same value, whichever tensor they are in (tg_detach).
 *
 * Memory that was written through another tensor (a view, tg_data_mut) is seen when it is used
 * next: that use is of a new value without a producer, marked `changed`. Numbers that the program
 * reads (tg_item) and gives back are constants. */

/** A trace. One thread at a time may use it; after tg_trace_end any number may read it. */
typedef struct tg_trace_t tg_trace_t;

/** Begins to record on the calling thread. NULL with TG_ERR_STATE while one is open on it, or
 *  inside an operation or a hook; TG_ERR_MEMORY. While it records, an operation that finds no
 *  memory for its node fails with TG_ERR_MEMORY, and has not happened. */
TG_API tg_trace_t *tg_trace_begin(void);
/** Ends the recording; what was recorded stays. TG_ERR_STATE if it was ended before, is another
 *  thread's, or inside an operation or a hook. The end of the thread ends it too. */
TG_API tg_status tg_trace_end(tg_trace_t *trace);
/** Ends it if need be and frees it. NULL is fine. TG_ERR_STATE (nothing is freed) as for
 *  tg_trace_end, except that an ended one is fine. */
TG_API tg_status tg_trace_free(tg_trace_t *trace);

/** How many nodes it has; -1 for NULL. */
TG_API int64_t tg_trace_nodes(const tg_trace_t *trace);
/** How many values it has; -1 for NULL. */
TG_API int64_t tg_trace_values(const tg_trace_t *trace);

/** One call. The pointers are valid until the next operation is recorded or the trace is freed. */
typedef struct {
    const char *op; /**< its name */
    int32_t number; /**< as tg_op_find gives it; -1: not one of the library's */
    int32_t n_inputs, n_outputs;
    int32_t n_attrs;        /**< read them with tg_trace_attr */
    bool in_place;          /**< the form that ends in _: output 0 is input 0, written */
    const int64_t *inputs;  /**< values; -1: an optional input that was absent */
    const int64_t *outputs; /**< values; -1: one that a function of yours left out */
} tg_trace_node_info;

/** Describes node i. TG_ERR_INDEX if there is none. */
TG_API tg_status tg_trace_node(const tg_trace_t *trace, int64_t i, tg_trace_node_info *info);
/** Attribute number `attr` of node i, in the order of tg_op_attr. Lists and texts are valid as the
 *  pointers of tg_trace_node_info are. TG_ERR_INDEX if there is none. */
TG_API tg_status tg_trace_attr(const tg_trace_t *trace, int64_t i, int attr, tg_attr *out);

/** One value. */
typedef struct {
    int64_t producer; /**< the node that made it; -1: none, see tg_trace_tensor */
    int32_t output;   /**< which of its outputs */
    tg_dtype dtype;
    bool changed; /**< made by a write that was no recorded operation on this tensor */
    int32_t ndim;
    int64_t shape[TG_MAX_DIMS];
} tg_trace_value_info;

/** Describes value i. TG_ERR_INDEX if there is none. */
TG_API tg_status tg_trace_value(const tg_trace_t *trace, int64_t i, tg_trace_value_info *info);
/** The tensor behind value i, which no node made: the tensor itself, or a copy of what it held if
 *  an operation wrote into it later. One new reference. NULL with TG_ERR_INDEX if there is no such
 *  value, with TG_ERR_STATE if a node made it, or if it was written by something else since. */
TG_API tg_tensor *tg_trace_tensor(const tg_trace_t *trace, int64_t i);
/** The value that x has now in the trace; -1 if it has none. Sets no error. */
TG_API int64_t tg_trace_find(const tg_trace_t *trace, const tg_tensor *x);

#ifdef __cplusplus
}
#endif
#endif
