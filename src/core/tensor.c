/* tensor.c - headers and storages: making them, sharing them, freeing them, asking them.
 *
 * A header is one pool block of fixed size; a storage is one pool block with its data behind it.
 * Freeing never allocates and never recurses: nodes that lose their last reference are collected by
 * autograd (tg__node_unref). */
#include "core/tensor.h"

#include "core/leaks.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

tg_tensor tg__none_tensor = {
    .refs = TG__USER | 1, .magic = TG__MAGIC, .flags = TG__IS_NONE, .op = TG__NO_OP};

tg_tensor *tg_none(void) { return &tg__none_tensor; }

/* ---- Leaf locks ---- */

#define LEAF_LOCKS 64
static _Atomic uint8_t leaf_locks[LEAF_LOCKS];

static _Atomic uint8_t *lock_of(const void *what) {
    return &leaf_locks[((uintptr_t)what >> 6) % LEAF_LOCKS];
}

/* The child of a fork has none of the threads that may have held one. */
static void forget_locks(void) {
    for (int i = 0; i < LEAF_LOCKS; i++)
        atomic_store_explicit(&leaf_locks[i], 0, memory_order_relaxed);
}
static void survive_fork(void) { pthread_atfork(NULL, NULL, forget_locks); }

/* Held for an addition into a gradient at most; yields rather than spins for long. */
void tg__leaf_lock(const void *what) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, survive_fork);
    _Atomic uint8_t *l = lock_of(what);
    while (atomic_exchange_explicit(l, 1, memory_order_acquire))
        sched_yield();
}

void tg__leaf_unlock(const void *what) {
    atomic_store_explicit(lock_of(what), 0, memory_order_release);
}

/* ---- Making ---- */

static tg_tensor *header(const char *op) {
    tg_tensor *x = tg__alloc(sizeof *x);
    if (x == NULL) {
        tg__fail_memory(op, sizeof *x);
        return NULL;
    }
    x->magic = TG__MAGIC;
    x->out_nr = 0;
    x->op = TG__NO_OP;
    atomic_store_explicit(&x->refs, 1, memory_order_relaxed);
    atomic_store_explicit(&x->slot, 0, memory_order_relaxed);
    x->node = NULL;
    x->leaf = NULL;
    x->epoch = 0;
    x->seen = 0;
    atomic_store_explicit(&x->attached, 0, memory_order_relaxed);
    tg__count(&tg__self()->live_tensors, 1);
    return x;
}

/* After the fields are set: the register needs them. */
static tg_tensor *registered(tg_tensor *x) {
    int on = atomic_load_explicit(&tg__leaks_on, memory_order_relaxed);
    if (__builtin_expect(on != 0, 0)) {
        if (on < 0)
            tg__leaks_decide();
        if (atomic_load_explicit(&tg__leaks_on, memory_order_relaxed) > 0)
            tg__leaks_add(x);
    }
    return x;
}

static tg__storage *storage_new(size_t bytes) {
    if (bytes > SIZE_MAX - 2 * TG__STORAGE_HEAD)
        return NULL;
    size_t block = TG__STORAGE_HEAD + ((bytes + 63) & ~(size_t)63);
    if (bytes == 0)
        block = TG__STORAGE_HEAD + 64; /* a valid address for empty tensors */
    tg__storage *s = tg__alloc(block);
    if (s == NULL)
        return NULL;
    atomic_store_explicit(&s->refs, 1, memory_order_relaxed);
    atomic_store_explicit(&s->version, 0, memory_order_relaxed);
    atomic_store_explicit(&s->epoch, 0, memory_order_relaxed);
    atomic_store_explicit(&s->writer, TG__NO_OP, memory_order_relaxed);
    atomic_store_explicit(&s->needs_grad, 0, memory_order_relaxed);
    s->data = (char *)s + TG__STORAGE_HEAD;
    s->bytes = bytes;
    s->block = block;
    s->deleter = NULL;
    s->ctx = NULL;
    tg__count(&tg__self()->live_storages, 1);
    return s;
}

static void storage_unref(tg__storage *s) {
    if (atomic_load_explicit(&s->refs, memory_order_acquire) != 1 &&
        atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    void (*deleter)(void *) = s->deleter;
    void *ctx = s->ctx;
    tg__free(s, s->block);
    tg__count(&tg__self()->live_storages, -1);
    if (deleter != NULL)
        tg__call_deleter(deleter, ctx);
}

tg_tensor *tg__new(const char *op, tg_dtype dtype, int ndim, const int64_t *shape) {
    int64_t numel;
    size_t bytes;
    if (!tg__shape_check(op, dtype, ndim, shape, &numel, &bytes))
        return NULL;
    tg_tensor *x = header(op);
    if (x == NULL)
        return NULL;
    x->storage = storage_new(bytes);
    if (x->storage == NULL) {
        tg__free(x, sizeof *x);
        tg__count(&tg__self()->live_tensors, -1);
        tg__fail_memory(op, bytes);
        return NULL;
    }
    x->dtype = (uint8_t)dtype;
    x->ndim = (uint8_t)ndim;
    x->flags = TG__CONTIGUOUS;
    x->data = x->storage->data;
    x->numel = numel;
    for (int i = 0; i < ndim; i++)
        x->shape[i] = shape[i];
    tg__row_major(ndim, shape, x->stride);
    return registered(x);
}

/* What every header on x's memory has in common with x. */
static void share(tg_tensor *v, const tg_tensor *x) {
    v->storage = x->storage;
    atomic_fetch_add_explicit(&x->storage->refs, 1, memory_order_relaxed);
    v->dtype = x->dtype;
    v->op = x->op;
    v->epoch = x->flags & TG__IS_VIEW
                   ? x->epoch
                   : atomic_load_explicit(&x->storage->epoch, memory_order_relaxed);
}

tg_tensor *tg__view(const char *op, const tg_tensor *x, int ndim, const int64_t *shape,
                    const int64_t *stride, int64_t offset) {
    tg_tensor *v = header(op);
    if (v == NULL)
        return NULL;
    share(v, x);
    v->ndim = (uint8_t)ndim;
    v->numel = 1;
    for (int i = 0; i < ndim; i++) {
        v->shape[i] = shape[i];
        v->stride[i] = stride[i];
        v->numel *= shape[i];
    }
    v->data = x->data + (v->numel > 0 ? offset * (int64_t)tg__item_size(x->dtype) : 0);
    v->flags = TG__IS_VIEW | (tg__is_row_major(ndim, shape, stride) ? TG__CONTIGUOUS : 0);
    return registered(v);
}

tg_tensor *tg__alias(const char *op, const tg_tensor *x) {
    tg_tensor *a = header(op);
    if (a == NULL)
        return NULL;
    share(a, x);
    a->ndim = x->ndim;
    for (int i = 0; i < x->ndim; i++) {
        a->shape[i] = x->shape[i];
        a->stride[i] = x->stride[i];
    }
    a->numel = x->numel;
    a->data = x->data;
    a->flags = (uint8_t)(TG__IS_VIEW | (x->flags & (TG__CONTIGUOUS | TG__IS_NUMBER)));
    a->seen = x->seen; /* the same value */
    return registered(a);
}

/* ---- What few tensors have ---- */

tg__leaf *tg__leaf_make(const char *op, tg_tensor *x) {
    if (x->leaf != NULL)
        return x->leaf;
    tg__leaf *leaf = tg__alloc_zero(sizeof *leaf);
    if (leaf == NULL) {
        tg__fail_memory(op, sizeof *leaf);
        return NULL;
    }
    atomic_store_explicit(&leaf->refs, 1, memory_order_relaxed);
    x->leaf = leaf;
    return leaf;
}

void tg__leaf_unref(tg__leaf *leaf) {
    if (atomic_fetch_sub_explicit(&leaf->refs, 1, memory_order_acq_rel) != 1)
        return;
    tg_tensor *grad = leaf->grad;
    tg__hooks *hooks = atomic_load_explicit(&leaf->hooks, memory_order_acquire);
    if (leaf->name != NULL)
        tg__free(leaf->name, strlen(leaf->name) + 1);
    tg__free(leaf, sizeof *leaf);
    tg__unref(grad); /* a gradient has no node: one level deep */
    if (hooks != NULL)
        tg__hooks_free(hooks);
}

/* ---- Freeing ---- */

void tg__destroy(tg_tensor *x) {
    int on = atomic_load_explicit(&tg__leaks_on, memory_order_relaxed);
    if (__builtin_expect(on > 0, 0))
        tg__leaks_remove(x);
    tg__node *node = x->node;
    tg__leaf *leaf = x->leaf;
    tg__storage *storage = x->storage;
    x->magic = 0;
    tg__free(x, sizeof *x);
    tg__count(&tg__self()->live_tensors, -1);
    storage_unref(storage);
    if (leaf != NULL)
        tg__leaf_unref(leaf);
    if (node != NULL)
        tg__node_unref(node);
}

/* ---- Checks ---- */

bool tg__required(const char *op, const char *name, const tg_tensor *x) {
    if (__builtin_expect(x == NULL, 0)) {
        tg__fail_null(op, name);
        return false;
    }
    if (__builtin_expect(x->flags & TG__IS_NONE, 0)) {
        tg__fail(TG_ERR_ARG, op, "argument %s is TG_NONE; it is required", name);
        return false;
    }
    if (__builtin_expect(x->magic != TG__MAGIC, 0)) {
        tg__fail(TG_ERR_ARG, op, "argument %s is not a live tensor; it was released before", name);
        return false;
    }
    return true;
}

bool tg__writable(const char *op, const tg_tensor *x) {
    if (!tg__overlaps_itself(x))
        return true;
    tg__fail(TG_ERR_STATE, op,
             "%s lies on memory that overlaps itself (expanded); write into tg_clone of it",
             tg__describe(x));
    return false;
}

/* ---- Queries ---- */

static bool absent(const tg_tensor *x) { return x == NULL || (x->flags & TG__IS_NONE); }

int tg_ndim(const tg_tensor *x) { return absent(x) ? -1 : x->ndim; }
const int64_t *tg_shape(const tg_tensor *x) { return absent(x) ? NULL : x->shape; }
const int64_t *tg_strides(const tg_tensor *x) { return absent(x) ? NULL : x->stride; }
int64_t tg_numel(const tg_tensor *x) { return absent(x) ? -1 : x->numel; }
tg_dtype tg_dtype_of(const tg_tensor *x) { return absent(x) ? (tg_dtype)-1 : (tg_dtype)x->dtype; }
bool tg_is_contiguous(const tg_tensor *x) { return !absent(x) && (x->flags & TG__CONTIGUOUS); }
bool tg_is_none(const tg_tensor *x) { return x != NULL && (x->flags & TG__IS_NONE); }

int64_t tg_size(const tg_tensor *x, int dim) {
    if (absent(x) || dim < -x->ndim || dim >= x->ndim)
        return -1;
    return x->shape[dim < 0 ? dim + x->ndim : dim];
}

uint32_t tg_version_of(const tg_tensor *x) {
    return absent(x) ? 0 : atomic_load_explicit(&x->storage->version, memory_order_relaxed);
}
