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
    uint32_t out_nr; /* TG__LEAF_EDGE for a leaf */
    tg_tensor *grad; /* raw; NULL: nothing yet */
} tg__target;

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
    bool busy;
} tg__scratch;

typedef struct {
    tg__scratch *s;
    uint64_t id;
    const char *op; /* "backward" or "gradients" */
    bool retain, create;
    bool pruned; /* tg_gradients: only needed nodes and captured targets count */
    bool own_scratch;
} tg__walk;

bool tg__walk_begin(tg__walk *w, const char *op);
void tg__walk_end(tg__walk *w);

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

/* walk.c: */

/* Gives the root its seed: its own gradient, or ones. */
bool tg__walk_seed(tg__walk *w, tg_tensor *root, tg_tensor *grad_or_null, int index);
/* tg_gradients: marks which nodes lead to the registered targets. */
bool tg__walk_prune(tg__walk *w, tg_tensor *const *roots, int n_roots);
/* Runs all rules, newest node first. */
bool tg__walk_run(tg__walk *w);

/* sum += g, in place, for equal shapes and dtypes. Cannot fail. */
void tg__accumulate(tg_tensor *sum, const tg_tensor *g);

#endif
