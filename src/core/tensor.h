/* tensor.h - what a tensor is inside: header, storage, references. */
#ifndef TG_CORE_TENSOR_H
#define TG_CORE_TENSOR_H

#include "base/error.h"
#include "base/thread.h"

#include <tensorgrad/scope.h>
#include <tensorgrad/tensor.h>

#include <stdatomic.h>

/* The memory behind tensors. Views share it. */
typedef struct {
    _Atomic uint32_t refs;
    _Atomic uint32_t version;   /* in-place writes */
    _Atomic uint32_t epoch;     /* recorded in-place writes: older views are stale */
    _Atomic uint16_t writer;    /* who wrote last: number of an op, or one of those below */
    _Atomic uint8_t needs_grad; /* some tensor on this memory takes part in gradients */
    void *data;
    size_t bytes;
    size_t block;               /* what to give back to tg__free, this struct included */
    void (*deleter)(void *ctx); /* of memory that is not ours */
    void *ctx;
} tg__storage;

#define TG__STORAGE_HEAD 64
/* Writers that are no ops of the table. */
#define TG__NO_OP 0xffffu /* tg_data_mut */
#define TG__SGD_STEP 0xfffeu
#define TG__ADAM_STEP 0xfffdu
#define TG__CUSTOM_FUNCTION 0xfffcu

typedef struct tg__node tg__node; /* autograd's */

typedef struct tg__hooks tg__hooks; /* autograd's */

/* What only few tensors have: leaves that require gradients, results that retain theirs, and
 * tensors with a name. It never leads to a node, so nodes may hold it. */
typedef struct {
    _Atomic uint32_t refs;
    bool was_leaf;              /* required gradients as a leaf, now or before */
    bool retains;               /* a result whose gradient backward keeps */
    tg_tensor *grad;            /* held; guarded by tg__leaf_lock */
    _Atomic(tg__hooks *) hooks; /* of a leaf */
    char *name;                 /* NULL: none */
} tg__leaf;

enum {
    TG__REQUIRES_GRAD = 1, /* a leaf marked by the user */
    TG__IS_VIEW = 2,       /* shares memory with the tensor it was made from */
    TG__CONTIGUOUS = 4,    /* row-major without gaps */
    TG__IS_NONE = 16,
    TG__IS_NUMBER = 32 /* a C scalar: never widens a tensor within its category */
};

#define TG__MAGIC 0x7467

struct tg_tensor {
    _Atomic uint64_t refs; /* low half: all references; high half: those of the user */
    uint16_t magic;        /* TG__MAGIC while it lives */
    uint8_t dtype, ndim;
    uint8_t flags;
    uint8_t out_nr;        /* which output of its node this is */
    uint16_t op;           /* number of the op that made it, for messages; TG__NO_OP */
    _Atomic uint64_t slot; /* scope.c: where its youngest scope entry is */
    tg__storage *storage;
    char *data; /* element 0 */
    int64_t numel;
    tg__node *node;            /* the recorded op it is the result of, or NULL */
    tg__leaf *leaf;            /* NULL for most */
    uint32_t epoch;            /* of the storage, when this view was made */
    _Atomic uint32_t attached; /* to a leaf, as its gradient */
    uint64_t seen;             /* trace.c: as which value of which trace; 0: of none */
    int64_t shape[TG_MAX_DIMS];
    int64_t stride[TG_MAX_DIMS]; /* in elements */
};

extern tg_tensor tg__none_tensor;

#define TG__USER ((uint64_t)1 << 32)
#define TG__ALL_REFS 0xffffffffu

/* ---- Sizes (shape.c) ---- */

/* Checks dtype, rank, sizes and overflow; the one place that does. *numel and *bytes may be NULL.
 */
bool tg__shape_check(const char *op, tg_dtype dtype, int ndim, const int64_t *shape, int64_t *numel,
                     size_t *bytes);
/* Row-major strides in elements. */
void tg__row_major(int ndim, const int64_t *shape, int64_t *stride);
bool tg__is_row_major(int ndim, const int64_t *shape, const int64_t *stride);
/* True if two indices reach the same element (stride 0 on a dim > 1, or interleaving strides). */
bool tg__overlaps_itself(const tg_tensor *x);
/* True if the memory ranges of a and b intersect. */
bool tg__ranges_meet(const tg_tensor *a, const tg_tensor *b);
/* 0 <= dim < ndim for dim in [-ndim, ndim), a 0-d tensor counting as 1-d; else raises TG_ERR_INDEX
 * and returns -1. */
int tg__dim(const char *op, const tg_tensor *x, int64_t dim);
/* Marks the named dims (n = 0: all) in a mask; false with an error for bad or repeated ones. */
bool tg__dim_mask(const char *op, const tg_tensor *x, int n, const int *dims, uint32_t *mask);
/* The broadcast shape of a and b; false with an error naming both shapes and the dim. */
bool tg__broadcast(const char *op, const tg_tensor *a, const tg_tensor *b, int *ndim,
                   int64_t *shape);
/* Strides in elements of x seen as a tensor of the broadcast shape (0 where repeated). */
void tg__broadcast_strides(const tg_tensor *x, int ndim, int64_t *stride);
bool tg__same_shape(const tg_tensor *a, const tg_tensor *b);

/* ---- Text for messages: "f32 [2, 3]" ---- */
const char *tg__describe(const tg_tensor *x);
const char *tg__describe_shape(int ndim, const int64_t *shape);

/* ---- Making and freeing ----
 * "Raw" tensors carry one engine reference (total 1, user 0) and stand in no scope. */

/* A contiguous tensor of uninitialised memory; raises and returns NULL on failure. */
tg_tensor *tg__new(const char *op, tg_dtype dtype, int ndim, const int64_t *shape);
/* A view of x: same storage, element 0 `offset` elements further. */
tg_tensor *tg__view(const char *op, const tg_tensor *x, int ndim, const int64_t *shape,
                    const int64_t *stride, int64_t offset);
/* The same header again without node and leaf: for detached views and saved values. */
tg_tensor *tg__alias(const char *op, const tg_tensor *x);

/* Hands a raw tensor to the innermost scope or to the caller. On failure (no room for the entry)
 * frees it and returns NULL. NULL passes through. */
tg_tensor *tg__give(tg_tensor *raw);
/* Hands out one more reference of a tensor that exists already. */
tg_tensor *tg__give_existing(tg_tensor *x);
/* Makes room for n scope entries, so that the next n tg__give cannot fail. */
bool tg__reserve(const char *op, uint32_t n);
/* The opposite of tg__give: x's youngest acquisition becomes an engine reference. */
void tg__take(tg_tensor *x);

static inline void tg__ref(tg_tensor *x) {
    atomic_fetch_add_explicit(&x->refs, 1, memory_order_relaxed);
}
void tg__destroy(tg_tensor *x);
static inline void tg__unref(tg_tensor *x) {
    if (x == NULL || (x->flags & TG__IS_NONE))
        return;
    /* The last reference needs no locked instruction: nobody is left to see it go. */
    if ((atomic_load_explicit(&x->refs, memory_order_acquire) & TG__ALL_REFS) == 1 ||
        (atomic_fetch_sub_explicit(&x->refs, 1, memory_order_acq_rel) & TG__ALL_REFS) == 1)
        tg__destroy(x);
}
/* True if the caller's is the only reference to x and to its memory, which is the library's own
 * (tg_from_blob's is the user's to see). */
static inline bool tg__exclusive(const tg_tensor *x) {
    return (atomic_load_explicit(&x->refs, memory_order_acquire) & TG__ALL_REFS) == 1 &&
           atomic_load_explicit(&x->storage->refs, memory_order_acquire) == 1 &&
           x->storage->data == (char *)x->storage + TG__STORAGE_HEAD;
}

/* Gives back one reference of a node (defined by autograd, which knows what a node is). */
void tg__node_unref(tg__node *node);
/* Names the place where the node was recorded, if it remembers one (autograd). */
void tg__node_sited(tg__node *node, const char *file, int line);

/* A write has happened, by op number `op`. */
static inline void tg__bump(tg_tensor *x, uint16_t op) {
    atomic_fetch_add_explicit(&x->storage->version, 1, memory_order_relaxed);
    atomic_store_explicit(&x->storage->writer, op, memory_order_relaxed);
}

/* ---- Checks ---- */

/* False with an error if x is NULL (propagation), or TG_NONE where a tensor is required. */
bool tg__required(const char *op, const char *name, const tg_tensor *x);
/* False with an error if writing x in place is impossible: memory that overlaps itself. */
bool tg__writable(const char *op, const tg_tensor *x);

/* x's tg__leaf, made if it has none; NULL with an error if memory is short. */
tg__leaf *tg__leaf_make(const char *op, tg_tensor *x);
static inline void tg__leaf_ref(tg__leaf *leaf) {
    atomic_fetch_add_explicit(&leaf->refs, 1, memory_order_relaxed);
}
void tg__leaf_unref(tg__leaf *leaf);
/* Takes all hooks off a leaf that ends (defined by autograd). */
void tg__hooks_free(tg__hooks *hooks);

/* Leaf locks, held for a few instructions or an addition: striped by address, of a tg__leaf or of
 * whatever else is shared for a moment. */
void tg__leaf_lock(const void *what);
void tg__leaf_unlock(const void *what);

static inline size_t tg__item_size(unsigned dtype) {
    static const uint8_t sizes[] = {4, 8, 8, 4, 1, 1, 2, 1, 2, 2};
    return sizes[dtype];
}
#define TG__KNOWN_DTYPES 10

/* The dtype of an operation on a and b: PyTorch's rule, where tensors with dims outrank 0-d tensors
 * and those outrank C scalars within a category. */
tg_dtype tg__promote(const tg_tensor *a, const tg_tensor *b);
/* The same for any number of operands; TG_NONE does not count. */
tg_dtype tg__promote_all(tg_tensor *const *in, int n);
/* i16, i8, f16, bf16: types that are stored and converted, but computed in tg__wide (i32, f32). */
bool tg__is_narrow(unsigned dtype);
tg_dtype tg__wide(tg_dtype dtype);
/* 0 bool, 1 integer, 2 float: mixed operands take the dtype of the highest category. */
int tg__category(tg_dtype dtype);

/* ---- Data movement (data.c) ---- */

/* Copies x's elements, row-major, to dst (x->numel elements). */
void tg__pack(const tg_tensor *x, void *dst);
/* dst[...] = src for equal shapes, converting dtypes; src may be broadcast by stride 0. */
void tg__assign(tg_tensor *dst, const tg_tensor *src);

/* The name of op or writer number `op` (defined by autograd's op table). */
const char *tg__op_name(uint16_t op);

#endif
