/* trace.c - the recording of operations.
 *
 * A value is found again by its header. Results carry the number of the trace and their own in the
 * header (`seen`), so they need not be held and no address is ever mistaken for another. What no
 * node made may be shared with other threads, so nothing is written into it: it is held, and found
 * by its memory through a hash table. A value that got new contents is entered again; the youngest
 * entry counts. All room is made before an operation runs: recording afterwards cannot fail. */
#include "autograd/watch.h"

#include <string.h>

#define MOST_VALUES ((uint64_t)1 << 31)

typedef struct {
    int64_t producer; /* -1: none */
    int32_t output;
    uint32_t version;   /* of the memory, when the value was there */
    tg_tensor *tensor;  /* held, and in the hash table; NULL: a result, found by `seen` */
    tg_tensor *content; /* held: what it was before an operation wrote into it */
    uint8_t dtype, ndim;
    bool changed;
    int64_t shape[TG_MAX_DIMS];
} value;

typedef struct {
    const tg__op *op; /* NULL: not of the table; its name is in the arena */
    uint64_t at;      /* in the arena: inputs, outputs, attributes, dims, name */
    uint32_t n_in, n_out;
    bool in_place;
} node;

struct tg_trace_t {
    tg__thread *thread; /* that records; NULL: ended */
    uint32_t number;    /* of the trace, in `seen` */
    node *nodes;
    uint64_t n_nodes, cap_nodes;
    value *values;
    uint64_t n_values, cap_values;
    uint32_t *hash; /* 1 + value, 0: free; a power of two */
    uint64_t cap_hash;
    char *arena;
    uint64_t n_arena, cap_arena;
    uint64_t values_before; /* the operation under way */
};

static _Atomic uint32_t next_number = 1;

/* ---- Room ---- */

static bool room(const char *op, void *array_at, uint64_t *cap, uint64_t needed, size_t item) {
    if (needed <= *cap)
        return true;
    uint64_t bigger = *cap == 0 ? 64 : *cap;
    while (bigger < needed)
        bigger *= 2;
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

static uint64_t hash_of(const tg_tensor *x) {
    return (uint64_t)(uintptr_t)x->data * 0x9e3779b97f4a7c15u >> 32;
}

/* The same elements of the same memory: the same value, whichever header (tg_detach). */
static bool same(const tg_tensor *x, const tg_tensor *y) {
    return x == y ||
           (x->data == y->data && x->storage == y->storage && x->dtype == y->dtype &&
            tg__same_shape(x, y) && memcmp(x->stride, y->stride, x->ndim * sizeof *x->stride) == 0);
}

static uint32_t *free_place(uint32_t *hash, uint64_t cap, const tg_tensor *x) {
    uint64_t at = hash_of(x) & (cap - 1);
    while (hash[at] != 0)
        at = (at + 1) & (cap - 1);
    return &hash[at];
}

static bool hash_room(tg_trace_t *t, const char *op, uint64_t values) {
    uint64_t cap = t->cap_hash == 0 ? 256 : t->cap_hash;
    while (cap < 2 * values)
        cap *= 2;
    if (cap == t->cap_hash)
        return true;
    uint32_t *hash = tg__alloc_zero(cap * sizeof *hash);
    if (hash == NULL) {
        tg__fail_memory(op, cap * sizeof *hash);
        return false;
    }
    for (uint64_t i = 0; i < t->n_values; i++)
        if (t->values[i].tensor != NULL)
            *free_place(hash, cap, t->values[i].tensor) = (uint32_t)i + 1;
    tg__free(t->hash, t->cap_hash * sizeof *t->hash);
    t->hash = hash;
    t->cap_hash = cap;
    return true;
}

/* ---- Values ---- */

static uint32_t version_of(const tg_tensor *x) {
    return atomic_load_explicit(&x->storage->version, memory_order_relaxed);
}

static int64_t find(const tg_trace_t *t, const tg_tensor *x) {
    int64_t best = x->seen >> 32 == t->number ? (int64_t)(uint32_t)x->seen - 1 : -1;
    if (t->cap_hash == 0)
        return best;
    for (uint64_t at = hash_of(x) & (t->cap_hash - 1); t->hash[at] != 0;
         at = (at + 1) & (t->cap_hash - 1)) {
        int64_t i = (int64_t)t->hash[at] - 1;
        if (i > best && same(t->values[i].tensor, x))
            best = i;
    }
    return best;
}

/* There is room: tg__trace_before made it. `held`: x is found by its address. */
static int64_t add_value(tg_trace_t *t, tg_tensor *x, int64_t producer, int32_t output, bool held) {
    int64_t i = (int64_t)t->n_values++;
    value *v = &t->values[i];
    *v = (value){.producer = producer,
                 .output = output,
                 .version = version_of(x),
                 .dtype = x->dtype,
                 .ndim = x->ndim};
    memcpy(v->shape, x->shape, x->ndim * sizeof *v->shape);
    if (held) {
        tg__ref(x);
        v->tensor = x;
        *free_place(t->hash, t->cap_hash, x) = (uint32_t)i + 1;
    } else {
        x->seen = (uint64_t)t->number << 32 | (uint32_t)(i + 1);
    }
    return i;
}

/* The youngest value goes again. Last in, first out: no chain of the table is cut before its end.
 */
static void drop_value(tg_trace_t *t) {
    value *v = &t->values[--t->n_values];
    if (v->tensor == NULL)
        return;
    uint64_t at = hash_of(v->tensor) & (t->cap_hash - 1);
    while (t->hash[at] != (uint32_t)t->n_values + 1)
        at = (at + 1) & (t->cap_hash - 1);
    t->hash[at] = 0;
    tg__unref(v->content);
    tg__unref(v->tensor);
}

static int64_t input_value(tg_trace_t *t, tg_tensor *x) {
    if (x->flags & TG__IS_NONE)
        return -1;
    int64_t i = find(t, x);
    if (i >= 0 && t->values[i].version == version_of(x))
        return i;
    int64_t fresh = add_value(t, x, -1, 0, true);
    t->values[fresh].changed = i >= 0;
    return fresh;
}

/* What stood in x, before an operation writes there. */
static bool keep_content(const char *op, value *v) {
    if (v->tensor == NULL || v->content != NULL || v->producer >= 0)
        return true;
    v->content = tg__new(op, (tg_dtype)v->dtype, v->ndim, v->shape);
    if (v->content != NULL)
        tg__pack(v->tensor, v->content->data);
    return v->content != NULL;
}

/* ---- Recording ---- */

static bool of_table(const tg__op *op) {
    return op->number < TG__OP_COUNT && tg__op_table[op->number] == op;
}

static size_t attr_room(const tg__op *op) { return (op->attr_size + 7u) & ~7u; }

/* Attributes: the struct, then each list of dims as 64-bit integers. */
static void write_attrs(char *to, const tg__op *op, const void *attr) {
    memcpy(to, attr, op->attr_size);
    char *dims_to = to + attr_room(op);
    for (const tg__field *f = op->fields; f != NULL && f->name != NULL; f++) {
        if (f->type == TG_ATTR_INDEX) {
            tg__items *items = (tg__items *)(void *)(to + f->offset);
            for (int i = 0; i < items->n && i < TG__MAX_ITEMS; i++)
                items->item[i].tensor = NULL; /* they are inputs */
        } else if (f->type == TG_ATTR_DIMS) {
            const tg__dims *dims = (const tg__dims *)(const void *)(to + f->offset);
            int64_t wide[TG_MAX_DIMS] = {0};
            for (int i = 0; i < dims->n && i < TG_MAX_DIMS; i++)
                wide[i] = dims->dim[i];
            memcpy(dims_to, wide, sizeof wide);
            dims_to += sizeof wide;
        }
    }
}

static size_t attr_bytes(const tg__op *op) {
    size_t bytes = attr_room(op);
    for (const tg__field *f = op->fields; f != NULL && f->name != NULL; f++)
        if (f->type == TG_ATTR_DIMS)
            bytes += TG_MAX_DIMS * sizeof(int64_t);
    return bytes;
}

bool tg__trace_before(tg_trace_t *t, const tg__op *op, tg_tensor *const *in, int n_in,
                      const void *attr, int n_out, bool in_place) {
    bool ours = of_table(op);
    size_t tail = ours ? attr_bytes(op) : ((strlen(op->name) + 8) & ~(size_t)7);
    uint64_t bytes = (uint64_t)(n_in + n_out) * sizeof(int64_t) + tail;
    uint64_t values = t->n_values + (uint64_t)(n_in + n_out);
    if (values >= MOST_VALUES) {
        tg__fail(TG_ERR_SHAPE, op->name,
                 "the open trace has %llu values and takes no more; end it with tg_trace_end",
                 (unsigned long long)t->n_values);
        return false;
    }
    if (!room(op->name, &t->nodes, &t->cap_nodes, t->n_nodes + 1, sizeof *t->nodes) ||
        !room(op->name, &t->values, &t->cap_values, values, sizeof *t->values) ||
        !room(op->name, &t->arena, &t->cap_arena, t->n_arena + bytes, 1) ||
        !hash_room(t, op->name, values))
        return false;
    t->values_before = t->n_values;
    int64_t *ids = (int64_t *)(void *)(t->arena + t->n_arena);
    for (int i = 0; i < n_in; i++)
        ids[i] = input_value(t, in[i]);
    if (in_place && ids[0] >= 0 && !keep_content(op->name, &t->values[ids[0]])) {
        tg__trace_after(t, NULL, 0);
        return false;
    }
    char *after = (char *)(ids + n_in + n_out);
    if (!ours)
        memcpy(after, op->name, strlen(op->name) + 1);
    else if (op->attr_size > 0)
        write_attrs(after, op, attr);
    t->nodes[t->n_nodes] =
        (node){ours ? op : NULL, t->n_arena, (uint32_t)n_in, (uint32_t)n_out, in_place};
    return true;
}

void tg__trace_after(tg_trace_t *t, tg_tensor *const *out, int n_out) {
    if (n_out == 0) {
        while (t->n_values > t->values_before)
            drop_value(t);
        return;
    }
    node *n = &t->nodes[t->n_nodes];
    int64_t *ids = (int64_t *)(void *)(t->arena + n->at);
    const char *tail = (const char *)(ids + n->n_in + n->n_out);
    for (uint32_t k = 0; k < n->n_out; k++) {
        ids[n->n_in + k] = -1;
        if ((int)k >= n_out || (out[k]->flags & TG__IS_NONE)) /* a function of the user's may */
            continue;
        /* Only a written tensor can be one that others see too. */
        bool held = n->in_place && out[k]->seen >> 32 != t->number;
        ids[n->n_in + k] = add_value(t, out[k], (int64_t)t->n_nodes, (int32_t)k, held);
    }
    size_t bytes = n->op != NULL ? attr_bytes(n->op) : ((strlen(tail) + 8) & ~(size_t)7);
    t->n_arena = n->at + (uint64_t)(n->n_in + n->n_out) * sizeof(int64_t) + bytes;
    t->n_nodes++;
}

/* ---- Beginning and ending ---- */

tg_trace_t *tg_trace_begin(void) {
    static const char op[] = "trace_begin";
    tg__watch *w = tg__watch_open(op);
    if (w == NULL)
        return NULL;
    if (w->trace != NULL) {
        tg__fail(TG_ERR_STATE, op, "a trace is open on this thread; end it with tg_trace_end");
        return NULL;
    }
    tg_trace_t *t = tg__alloc_zero(sizeof *t);
    if (t == NULL) {
        tg__watch_close();
        tg__fail_memory(op, sizeof *t);
        return NULL;
    }
    t->thread = tg__self();
    t->number = atomic_fetch_add_explicit(&next_number, 1, memory_order_relaxed);
    if (t->number == 0) /* after 2^32 of them */
        t->number = atomic_fetch_add_explicit(&next_number, 1, memory_order_relaxed);
    w->trace = t;
    return t;
}

static tg_status stop(tg_trace_t *t, const char *op) {
    if (t->thread != tg__self())
        return tg__fail(TG_ERR_STATE, op,
                        "the trace records on another thread; end it there, or end that thread");
    tg__watch *w = tg__watch_open(op);
    if (w == NULL)
        return tg_error_status();
    w->trace = NULL;
    t->thread = NULL;
    tg__watch_close();
    return TG_OK;
}

tg_status tg_trace_end(tg_trace_t *t) {
    static const char op[] = "trace_end";
    if (t == NULL)
        return tg__fail_null(op, "trace");
    if (t->thread == NULL)
        return tg__fail(TG_ERR_STATE, op, "the trace was ended before; read it, or free it");
    return stop(t, op);
}

void tg__trace_orphan(tg_trace_t *t) { t->thread = NULL; }

tg_status tg_trace_free(tg_trace_t *t) {
    if (t == NULL)
        return TG_OK;
    if (t->thread != NULL && stop(t, "trace_free") != TG_OK)
        return tg_error_status();
    for (uint64_t i = 0; i < t->n_values; i++) {
        tg__unref(t->values[i].content);
        tg__unref(t->values[i].tensor);
    }
    tg__free(t->nodes, t->cap_nodes * sizeof *t->nodes);
    tg__free(t->values, t->cap_values * sizeof *t->values);
    tg__free(t->hash, t->cap_hash * sizeof *t->hash);
    tg__free(t->arena, t->cap_arena);
    tg__free(t, sizeof *t);
    return TG_OK;
}

/* ---- Reading ---- */

int64_t tg_trace_nodes(const tg_trace_t *t) { return t == NULL ? -1 : (int64_t)t->n_nodes; }
int64_t tg_trace_values(const tg_trace_t *t) { return t == NULL ? -1 : (int64_t)t->n_values; }

/* False with an error unless item i of n exists and there is somewhere to put it. */
static bool readable(const char *op, const char *what, const tg_trace_t *t, int64_t i, uint64_t n,
                     const void *out) {
    if (t == NULL || out == NULL)
        tg__fail_null(op, t == NULL ? "trace" : "info");
    else if (i < 0 || (uint64_t)i >= n)
        tg__fail(TG_ERR_INDEX, op, "%s %lld does not exist; the trace has %llu", what, (long long)i,
                 (unsigned long long)n);
    else
        return true;
    return false;
}

static int count_attrs(const tg__op *op) {
    int n = 0;
    while (op != NULL && op->fields != NULL && op->fields[n].name != NULL)
        n++;
    return n;
}

tg_status tg_trace_node(const tg_trace_t *t, int64_t i, tg_trace_node_info *info) {
    if (!readable("trace_node", "node", t, i, t == NULL ? 0 : t->n_nodes, info))
        return tg_error_status();
    const node *n = &t->nodes[i];
    const int64_t *ids = (const int64_t *)(const void *)(t->arena + n->at);
    *info = (tg_trace_node_info){.op = n->op != NULL ? n->op->name
                                                     : (const char *)(ids + n->n_in + n->n_out),
                                 .number = n->op != NULL ? n->op->number : -1,
                                 .n_inputs = (int32_t)n->n_in,
                                 .n_outputs = (int32_t)n->n_out,
                                 .n_attrs = count_attrs(n->op),
                                 .in_place = n->in_place,
                                 .inputs = ids,
                                 .outputs = ids + n->n_in};
    return TG_OK;
}

tg_status tg_trace_attr(const tg_trace_t *t, int64_t i, int attr, tg_attr *out) {
    static const char op[] = "trace_attr";
    if (!readable(op, "node", t, i, t == NULL ? 0 : t->n_nodes, out))
        return tg_error_status();
    const node *n = &t->nodes[i];
    if (attr < 0 || attr >= count_attrs(n->op))
        return tg__fail(TG_ERR_INDEX, op, "node %lld has %d attributes; there is no number %d",
                        (long long)i, count_attrs(n->op), attr);
    const char *values = t->arena + n->at + (n->n_in + n->n_out) * sizeof(int64_t);
    const char *dims = values + attr_room(n->op);
    for (int k = 0; k < attr; k++)
        if (n->op->fields[k].type == TG_ATTR_DIMS)
            dims += TG_MAX_DIMS * sizeof(int64_t);
    tg__attr_read(&n->op->fields[attr], values, (const int64_t *)(const void *)dims, out);
    return TG_OK;
}

tg_status tg_trace_value(const tg_trace_t *t, int64_t i, tg_trace_value_info *info) {
    if (!readable("trace_value", "value", t, i, t == NULL ? 0 : t->n_values, info))
        return tg_error_status();
    const value *v = &t->values[i];
    *info = (tg_trace_value_info){.producer = v->producer,
                                  .output = v->output,
                                  .dtype = (tg_dtype)v->dtype,
                                  .changed = v->changed,
                                  .ndim = v->ndim};
    memcpy(info->shape, v->shape, v->ndim * sizeof *v->shape);
    return TG_OK;
}

tg_tensor *tg__trace_held(const tg_trace_t *t, int64_t i) { return t->values[i].tensor; }

tg_tensor *tg_trace_tensor(const tg_trace_t *t, int64_t i) {
    static const char op[] = "trace_tensor";
    if (!readable(op, "value", t, i, t == NULL ? 0 : t->n_values, t))
        return NULL;
    const value *v = &t->values[i];
    if (v->producer >= 0) {
        tg__fail(TG_ERR_STATE, op,
                 "value %lld is the result of node %lld, which the trace does "
                 "not hold; keep the tensor itself",
                 (long long)i, (long long)v->producer);
        return NULL;
    }
    if (v->content == NULL && v->version != version_of(v->tensor)) {
        tg__fail(
            TG_ERR_STATE, op,
            "value %lld (%s) was written by %s after it was used, through another tensor or "
            "after the trace; read it before",
            (long long)i, tg__describe(v->tensor),
            tg__op_name(atomic_load_explicit(&v->tensor->storage->writer, memory_order_relaxed)));
        return NULL;
    }
    return tg__give_existing(v->content != NULL ? v->content : v->tensor);
}

int64_t tg_trace_find(const tg_trace_t *t, const tg_tensor *x) {
    if (t == NULL || x == NULL || (x->flags & TG__IS_NONE))
        return -1;
    int64_t i = find(t, x);
    return i >= 0 && t->values[i].version == version_of(x) ? i : -1;
}
