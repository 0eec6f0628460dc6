/* op.h - what an operation is: the record that everything about it is read from.
 *
 * An op is one block in src/ops/<family>.c:
 *
 *     static void exp_rule(tg__rule *r) { r->gin[0] = tg_mul(r->g[0], r->out[0]); }
 *     TG_OP(exp, .maths = "e^x", .inputs = "x", .n_in = 1, .flags = TG__IN_PLACE,
 *           .forward = tg__unary_forward, .kernel = TG__UN_exp, .rule = exp_rule,
 *           .saves = {TG__SAVE_OUT(0, 1)}, .onnx = {"Exp", 13});
 *     TG_SAMPLES(exp, "[2,3]", "[]");
 *     tg_tensor *tg_exp(tg_tensor *x) { return tg__apply1(&tg__op_exp, x, NULL); }
 *
 * The build collects the TG_OP lines into the table and the TG_SAMPLES lines into the tests
 * (tests/support/samples.h has their language). */
#ifndef TG_AUTOGRAD_OP_H
#define TG_AUTOGRAD_OP_H

#include "core/tensor.h"

#include <tensorgrad/op.h>

/* The number of each op: its place in the table. */
enum {
#define TG_OP_X(name) TG__OP_##name,
#include "op_list.h"
#undef TG_OP_X
    TG__OP_COUNT
};

typedef struct tg__op tg__op;

/* ---- Attributes: a plain struct per op, described field by field ---- */

/* Lists inside attribute structs. */
typedef struct {
    int8_t n; /* 0: all */
    int8_t dim[TG_MAX_DIMS];
} tg__dims;
typedef struct {
    int32_t n;
    int64_t size[TG_MAX_DIMS];
} tg__sizes;
/* Any integers: pads, strides, window sizes. */
#define TG__MAX_INTS 16
typedef struct {
    int32_t n;
    int64_t value[TG__MAX_INTS];
} tg__ints;
/* Text, with its final zero: the equation of einsum. */
#define TG__MAX_TEXT 128
typedef struct {
    char text[TG__MAX_TEXT];
} tg__text;
#define TG__MAX_ITEMS 12
typedef struct {
    int32_t n;
    tg_index_item item[TG__MAX_ITEMS];
} tg__items;

/* A field: its C type follows from `type`: INT int64_t, FLOAT double, BOOL bool, DTYPE int32_t,
 * DIMS tg__dims, SHAPE tg__sizes, INDEX tg__items, INTS tg__ints, TEXT tg__text. */
typedef struct {
    const char *name; /* NULL ends the list */
    tg_attr_type type;
    uint16_t offset;
    bool required;
    int64_t i; /* defaults; of a FLOAT: 0, or TG__NAN_OK */
    double f;
} tg__field;
/* NaN is a value like any other; without it a call with NaN is refused. */
#define TG__NAN_OK 1

/* ---- Forward ---- */

typedef struct {
    const tg__op *op;
    tg_tensor *const *in; /* checked: not NULL; TG_NONE only where optional */
    int n_in;
    const void *attr;
    tg_tensor *into; /* in place: in[0], to be overwritten; else NULL */
    tg_tensor **out; /* to fill with raw tensors; in place nothing is filled */
} tg__call;

/* ---- Gradient rules ---- */

typedef struct {
    int8_t ndim;
    uint8_t dtype;
    int64_t shape[]; /* ndim sizes */
} tg__meta;

typedef struct {
    const tg__op *op;
    const void *attr;
    int n_in, n_out;
    tg_tensor *const *in;        /* the saved inputs; NULL where `saves` does not name them */
    tg_tensor *const *out;       /* the saved outputs */
    tg_tensor *const *g;         /* output gradients; NULL where none arrived (at least one did) */
    const bool *wanted;          /* which input gradients are asked for */
    const tg__meta *const *meta; /* sizes and dtype of inputs, where recorded */
    tg_tensor **gin; /* to fill where wanted: what an op returned, or one of g, or TG_NONE */
} tg__rule;

typedef struct {
    uint8_t kind, index;
    uint16_t wanted; /* saved only if one of these inputs wants a gradient (bit per input) */
} tg__save;
enum { TG__SAVES_END, TG__SAVES_IN, TG__SAVES_OUT, TG__SAVES_META };
#define TG__ANY 0xffff
/* The value of input i is needed for the gradients of the inputs in the bit mask. */
#define TG__SAVE_IN(i, mask)                                                                       \
    { TG__SAVES_IN, (i), (mask) }
#define TG__SAVE_OUT(i, mask)                                                                      \
    { TG__SAVES_OUT, (i), (mask) }
/* Only the sizes and dtype of input i are needed. */
#define TG__SAVE_META(i, mask)                                                                     \
    { TG__SAVES_META, (i), (mask) }
/* The same for all inputs of a variadic op. */
#define TG__SAVE_METAS                                                                             \
    { TG__SAVES_META, 0xff, TG__ANY }

/* ---- The record ---- */

enum {
    TG__IN_PLACE = 1,   /* has a form that ends in _ */
    TG__BROADCASTS = 2, /* gradients may arrive in a broadcast shape or promoted dtype: the engine
                           sums and casts them back */
    TG__NOT_DIFF = 4,   /* outputs are leaves by nature (comparisons, indices) */
    TG__COMPOSED = 8,   /* forward calls recorded ops: no node of its own */
    TG__INTERNAL = 16,  /* used by gradient rules only */
    TG__VIEWS = 32,     /* output shares memory with input 0, where it can */
    TG__ANY_DTYPE = 64, /* moves elements or converts them by itself: takes f16, bf16, i16 and i8 as
                           they are. All others get them as f32 or i32, and give them back so */
    TG__BLAS = 128 /* runs through BLAS or LAPACK: the last bits depend on layout and threads */
};

#define TG__MAX_OUT 4
#define TG__MAX_SAVES 8

typedef struct {
    const char *op;    /* ONNX operator; "composed"; "none" */
    int opset;         /* first opset of the form used; 0 without an operator */
    const char *attrs; /* "onnx=ours" pairs, or NULL */
} tg__onnx;

struct tg__op {
    const char *name, *maths;
    const char *inputs; /* names, separated by blanks; one name for all of a variadic op */
    int16_t n_in;       /* -1: any number */
    uint8_t n_optional; /* how many of the last may be TG_NONE */
    uint8_t n_out;      /* 0 in the record means 1 */
    uint16_t number;
    uint16_t flags;
    uint16_t kernel;  /* for the shared forwards: which kernel */
    uint16_t no_grad; /* bit mask of inputs without gradient (indices, masks) */
    uint16_t attr_size;
    const tg__field *fields;
    bool (*forward)(const tg__call *c); /* false with an error raised; nothing written */
    void (*rule)(tg__rule *r);
    tg__save saves[TG__MAX_SAVES];
    tg__onnx onnx;
};

#define TG_OP(NAME, ...)                                                                           \
    const tg__op tg__op_##NAME = {.name = #NAME, .number = TG__OP_##NAME, __VA_ARGS__}
/* Collected by the build for the tests; nothing in the library. */
#define TG_SAMPLES(NAME, ...) _Static_assert(1, "samples of " #NAME)

#define TG_OP_X(name) extern const tg__op tg__op_##name;
#include "op_list.h"
#undef TG_OP_X
extern const tg__op *const tg__op_table[TG__OP_COUNT + 1];

/* Any op by its number, registered ones included, or NULL (table.c). */
const tg__op *tg__op_at(int number);
/* register.c: how many ops the user registered; the i-th; calling it, with its attributes. */
int tg__registered_count(void);
const tg__op *tg__registered(int i);
tg_status tg__registered_call(int i, tg_tensor *const *in, int n_in, const void *attr,
                              tg_tensor **out, int n_out);

static inline int tg__n_out(const tg__op *op) { return op->n_out > 0 ? op->n_out : 1; }

/* ---- Calling (record.c) ---- */

/* Checks inputs, runs forward, records, and gives the outputs. False: all of out[] is NULL. */
bool tg__apply(const tg__op *op, tg_tensor *const *in, int n_in, const void *attr, tg_tensor **out);
tg_tensor *tg__apply1(const tg__op *op, tg_tensor *x, const void *attr);
tg_tensor *tg__apply2(const tg__op *op, tg_tensor *a, tg_tensor *b, const void *attr);
tg_tensor *tg__apply3(const tg__op *op, tg_tensor *a, tg_tensor *b, tg_tensor *c, const void *attr);
/* For ops of several outputs: returns the first, puts the others where rest[0], rest[1], … point
 * (NULL: not wanted). On failure they are NULL. */
tg_tensor *tg__apply_rest(const tg__op *op, tg_tensor *const *in, int n_in, const void *attr,
                          tg_tensor **const *rest);
/* The in-place form, by the rules of Law 3: returns in[0], or NULL with nothing written. */
tg_tensor *tg__apply_(const tg__op *op, tg_tensor *const *in, int n_in, const void *attr);
tg_tensor *tg__apply1_(const tg__op *op, tg_tensor *x, const void *attr);
tg_tensor *tg__apply2_(const tg__op *op, tg_tensor *a, tg_tensor *b, const void *attr);

/* False with an error unless a result of this dtype and shape may be written into x. */
bool tg__fits_in_place(const char *op, const tg_tensor *x, tg_dtype dtype, int ndim,
                       const int64_t *shape);

/* The value of a field as the public struct has it; `dims` are those of a DIMS field, widened. What
 * it points to is in `attrs` and `dims`. (table.c) */
void tg__attr_read(const tg__field *f, const void *attrs, const int64_t *dims, tg_attr *out);

/* Name of input i, in a short-lived buffer. */
const char *tg__input_name(const tg__op *op, int i);

/* Runs a block without recording: `bool was = tg__grad_off(); ...; tg__grad_back(was);` */
static inline bool tg__grad_off(void) {
    tg__thread *t = tg__self();
    bool was = t->grad_on;
    t->grad_on = false;
    return was;
}
static inline void tg__grad_back(bool was) { tg__self()->grad_on = was; }

#endif
