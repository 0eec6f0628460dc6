/* walk.h - the state of one backward walk. */
#ifndef TG_AUTOGRAD_WALK_H
#define TG_AUTOGRAD_WALK_H

#include "autograd/node.h"

/* A node that has received a gradient and waits for its turn. */
typedef struct {
    uint64_t seq;
    tg__node *node;
} tg__waiting;

/* A leaf, or an intermediate result asked for by tg_gradients, and what it has received. */
typedef struct {
    void *target;    /* tg_tensor * of a leaf (held: a deleter may drop the graph), or tg__node * */
    uint32_t out_nr; /* TG__LEAF_EDGE for a leaf; TG__RETAIN_EDGE: target is a tg__leaf, held */
    uint32_t due;    /* 1 + place of its last entry in due[]; TG__COMMITTED at the end; 0 */
    tg_tensor *grad; /* raw; NULL: nothing yet */
} tg__target;
#define TG__RETAIN_EDGE 0xfffffffeu
#define TG__COMMITTED 0xffffffffu

/* A leaf with hooks, and a node that uses it: when all nodes with this number or a larger one have
 * run, and no later entry names the leaf, its gradient is final. */
typedef struct {
    uint64_t seq;
    uint32_t target;
} tg__due;

/* Growing arrays, kept by the thread from walk to walk. */
typedef struct tg__scratch {
    tg__waiting *heap;
    uint32_t n_heap, cap_heap;
    tg__target *target;
    uint32_t n_target, cap_target;
    uint32_t *hash; /* open addressing over target[]: 1 + index, 0: free; twice cap_target */
    uint32_t cap_hash;
    tg__node **visited;
    uint64_t n_visited, cap_visited;
    tg__due *due; /* largest seq first */
    uint32_t n_due, cap_due;
    uint32_t next_due; /* those before have had their turn */
    bool busy;
} tg__scratch;

typedef struct {
    tg__scratch *s;
    uint64_t id;
    const char *op; /* "backward" or "gradients" */
    bool retain, create;
    bool listed; /* all nodes are claimed and in visited[] */
    bool pruned; /* tg_gradients: listed, only needed nodes and captured targets count */
    bool anomaly;
    bool own_scratch;
} tg__walk;

bool tg__walk_begin(tg__walk *w, const char *op);
void tg__walk_end(tg__walk *w);
/* Gives up the nodes, before the end. */
void tg__walk_leave(tg__walk *w);

/* scratch.c: */

/* Adds a node to the waiting ones, with a reference; false with an error if memory is short. */
bool tg__walk_push(tg__walk *w, tg__node *node);
/* Takes the waiting node with the largest number, and its reference. */
tg__node *tg__walk_pop(tg__scratch *s);
/* Makes the node this walk's. 1: newly, 0: it was already, -1: another walk has it (error). */
int tg__walk_claim(tg__walk *w, tg__node *n);
/* Frees a node's pending gradients and gives it up. */
void tg__walk_drop(tg__node *n);
/* Appends to the list of nodes met, taking over a reference; false with an error. */
bool tg__walk_list(tg__walk *w, tg__node *node);
/* Finds, or with `add` registers, a target; NULL if absent or memory is short. */
tg__target *tg__walk_target(tg__walk *w, void *target, uint32_t out_nr, bool add);
/* Notes that a node with this number uses a leaf with hooks; false with an error. */
bool tg__walk_due(tg__walk *w, tg_tensor *leaf, uint64_t seq);

/* walk.c: */

/* Gives the root its seed: its own gradient, or ones. */
bool tg__walk_seed(tg__walk *w, tg_tensor *root, tg_tensor *grad_or_null, int index);
/* Claims and lists all nodes, and finds the leaves with hooks; before the seeds. */
bool tg__walk_discover(tg__walk *w, tg_tensor *const *roots, int n_roots);
/* tg_gradients: the same, and marks which nodes lead to the registered targets. */
bool tg__walk_prune(tg__walk *w, tg_tensor *const *roots, int n_roots);
/* Runs all rules, newest node first. */
bool tg__walk_run(tg__walk *w);

/* hooks.c: */

/* Hooks on gradients of leaves that exist; without any, nobody need look for them. */
extern _Atomic int64_t tg__leaf_hooks;
/* Hooks to run after gradients were added into leaves. */
extern _Atomic int64_t tg__accumulated_hooks;
/* Runs the hooks of a node's output, or of a leaf (node NULL, out_nr 0), on *g, which they may
 * replace. */
bool tg__hooks_run(tg__walk *w, const tg__node *node, const tg_tensor *leaf, uint32_t out_nr,
                   tg_tensor **g);
/* Runs the hooks of a leaf that follow the commit. */
bool tg__hooks_follow(const char *op, tg_tensor *leaf);

/* anomaly.c: each is false with an error if it finds a NaN or an infinity. */

/* What the rule of n gave for input i. */
bool tg__anomaly_input(const tg__walk *w, const tg__node *n, uint32_t i, const tg_tensor *g);
/* The sums that have reached the node. */
bool tg__anomaly_arrived(const tg__walk *w, const tg__node *n);
/* The sums that have reached leaves and other targets. */
bool tg__anomaly_targets(const tg__walk *w);
/* Any other gradient; `format` says what holds the value. */
bool tg__anomaly_value(const tg__walk *w, const tg_tensor *g, const char *what);

/* sum += g, in place, for equal shapes and dtypes. Cannot fail. */
void tg__accumulate(tg_tensor *sum, const tg_tensor *g);

#endif
