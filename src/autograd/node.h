/* node.h - a recorded operation.
 *
 * One pool block: the struct, then for its n_out outputs the pending gradients, for its n_in inputs
 * the edges, the saved values, the attributes, and the sizes of the inputs whose gradient must be
 * brought back to a smaller shape or another dtype. */
#ifndef TG_AUTOGRAD_NODE_H
#define TG_AUTOGRAD_NODE_H

#include "autograd/op.h"

#include "core/site.h"

/* Where an input's gradient goes. */
typedef struct {
    void *target;    /* tg__node *, or tg_tensor * for a leaf; NULL: no gradient wanted */
    uint32_t out_nr; /* which output of the node */
    uint32_t meta;   /* offset of the input's tg__meta in the node, in bytes; 0: none */
} tg__edge;
#define TG__LEAF_EDGE 0xffffffffu /* out_nr of an edge to a leaf */

typedef struct {
    tg_tensor *tensor; /* NULL once released */
    uint32_t version;
    uint8_t is_output;
    uint8_t index;
    uint16_t reserved;
} tg__saved;

enum {
    TG__NODE_RELEASED = 1,   /* a walk has consumed the saved values */
    TG__NODE_NEEDED = 2,     /* scratch of tg_gradients: leads to an input */
    TG__NODE_WAITING = 4,    /* scratch: in the heap */
    TG__NODE_DEAD_EXTRA = 8, /* in the list of nodes to destroy, with an extra */
    TG__NODE_CUSTOM = 64,    /* of a function of the user's: owns a tg_call (custom.c) */
    TG__NODE_BESIDE = 128    /* which has saved values of its own */
};

/* A tensor that is a result of the node and has a name, or wants its gradient kept. */
typedef struct tg__note tg__note;
struct tg__note {
    tg__note *next;
    tg__leaf *leaf; /* held; it leads to no node, so this is no cycle */
    uint32_t out_nr;
    _Atomic bool gone; /* the tensor was written in place and is the result of another node now */
};

/* What anomaly mode remembers of a recording. */
#define TG__ORIGIN_INPUTS 224
typedef struct {
    tg__site site;
    char inputs[TG__ORIGIN_INPUTS]; /* "a f32 [2, 3] 'x', b f32 [3]" */
} tg__origin;

/* What few nodes have. */
typedef struct {
    tg__node *link;             /* list of nodes to destroy */
    _Atomic(tg__hooks *) hooks; /* on its results */
    _Atomic(tg__note *) notes;
    tg__origin *origin; /* set while the node is made */
} tg__extra;

struct tg__node {
    _Atomic uint32_t refs;
    uint32_t n_in;
    const tg__op *op;
    uint64_t seq;         /* larger than that of every node it depends on, over all threads */
    _Atomic uint64_t run; /* the walk that owns the scratch below; 0: none */
    union {
        _Atomic(tg__extra *) extra; /* NULL for most */
        tg__node *link;             /* list of nodes to destroy; with an extra it is in there */
    };
    uint32_t bytes;
    uint32_t attr_at; /* offset of the attributes */
    uint8_t n_out, n_saved, flags, reserved;
    uint32_t reserved2;
    tg_tensor *g[]; /* [n_out] */
};

static inline tg__edge *tg__edges(const tg__node *n) {
    return (tg__edge *)(void *)(n->g + n->n_out);
}
static inline tg__saved *tg__saved_of(const tg__node *n) {
    return (tg__saved *)(void *)(tg__edges(n) + n->n_in);
}
static inline const tg__meta *tg__meta_of(const tg__node *n, const tg__edge *e) {
    return e->meta ? (const tg__meta *)((const char *)n + e->meta) : NULL;
}

/* Builds the node of a call: edges, saved values, attributes. `out` are its outputs (in place: the
 * tensor to be written); values[i] is what to save of input i: in[i] itself, or a copy where in[i]
 * is about to be overwritten. NULL with an error if memory is short. One reference. */
tg__node *tg__node_new(const tg__op *op, tg_tensor *const *in, tg_tensor *const *values, int n_in,
                       const void *attr, tg_tensor *const *out);
static inline void tg__node_ref(tg__node *node) {
    atomic_fetch_add_explicit(&node->refs, 1, memory_order_relaxed);
}
/* Makes x the result of the node, and takes over one reference of it. */
void tg__node_attach(tg__node *node, tg_tensor *x, int out_nr);
void tg__node_drop_saved(tg__node *node);
/* The node's extra, made if it has none; NULL with an error if memory is short. */
tg__extra *tg__extra_make(const char *op, tg__node *node);
static inline tg__extra *tg__extra_of(const tg__node *node) {
    return atomic_load_explicit(&node->extra, memory_order_acquire);
}

/* label.c: */

/* Notes that a tensor with this tg__leaf is a result of the node; false if memory is short. */
bool tg__note_add(const char *op, tg__node *node, uint32_t out_nr, tg__leaf *leaf);
/* The tensor is that no longer. */
void tg__note_leave(tg__node *node, const tg__leaf *leaf);
/* The name that tg_name gave one of its results; NULL: none. */
const char *tg__node_name(const tg__node *node);
/* "mul", or "mul 'name of its result'", in a short-lived buffer. */
const char *tg__node_called(const tg__node *node);
/* " recorded at file.c:12", or "" if that is not known, in a short-lived buffer. */
const char *tg__node_where(const tg__node *node);

/* anomaly.c: remembers where the node is recorded and from what; false if memory is short. */
bool tg__origin_note(tg__node *node, tg_tensor *const *in);

/* record.c: */

/* Whether a call must be recorded; -1 with an error if it cannot be. */
int tg__recording(const tg__op *op, tg_tensor *const *in, int n_in);
/* The rules of Law 3 for writing x in place with recording on; false with an error. */
bool tg__may_write(const tg__op *op, const tg_tensor *x, bool recorded);
/* x, just written, becomes output out_nr of the node in place of what it was; takes over one
 * reference of the node. */
void tg__take_history(tg_tensor *x, tg__node *node, int out_nr);

/* custom.c: what a node with TG__NODE_CUSTOM holds beside it. */
void tg__custom_drop_saved(tg__node *node);
void tg__custom_free(tg__node *node);

#endif
