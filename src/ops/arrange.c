/* arrange.c - the same elements in another order, or more often: flip, roll, rot90, repeat,
 * repeat_interleave. */
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/view.h"

#include <string.h>

typedef struct {
    tg__dims dims;
} dims_attr;
static const tg__field dims_fields[] = {
    {"dims", TG_ATTR_DIMS, offsetof(dims_attr, dims), false, 0, 0}, {0}};

/* ---- flip: dims in reverse ---- */
static bool flip_forward(const tg__call *c) {
    const dims_attr *a = c->attr;
    const tg_tensor *x = c->in[0];
    uint32_t mask;
    if (!tg__mask_of("flip", x, &a->dims, &mask))
        return false;
    tg_tensor *y = c->out[0] = tg__new("flip", (tg_dtype)x->dtype, x->ndim, x->shape);
    if (y == NULL)
        return false;
    int64_t item = (int64_t)tg__item_size(x->dtype);
    int64_t to[TG_MAX_DIMS];
    int64_t from[TG_MAX_DIMS];
    const char *start = x->data;
    for (int i = 0; i < x->ndim; i++) {
        bool back = mask >> i & 1;
        to[i] = y->stride[i] * item;
        from[i] = (back ? -x->stride[i] : x->stride[i]) * item;
        start -= back && x->numel > 0 ? (x->shape[i] - 1) * from[i] : 0;
    }
    if (x->numel > 0)
        tg__copy_strided(x->ndim, x->shape, y->data, to, start, from, (size_t)item);
    return true;
}
static void flip_rule(tg__rule *r) { r->gin[0] = tg__apply1(&tg__op_flip, r->g[0], r->attr); }
TG_OP(flip, .maths = "x with dims in reverse", .inputs = "x", .n_in = 1, .flags = TG__ANY_DTYPE,
      .fields = dims_fields, .attr_size = sizeof(dims_attr), .forward = flip_forward,
      .rule = flip_rule, .onnx = {"composed"});
TG_SAMPLES(flip, "[2,3]", "[2,3,4] | dims=0,-1", "[5] | dims=0", "[3,2] | dims=1", "[]");
tg_tensor *tg_flip(tg_tensor *x, int ndims, const int *dims) {
    dims_attr a;
    return tg__dims_from("flip", ndims, dims, &a.dims) ? tg__apply1(&tg__op_flip, x, &a) : NULL;
}
static tg_tensor *flip_one(const char *op, tg_tensor *x, int dim) {
    const char *was = tg__errors_as(op);
    tg_tensor *y = tg_flip(x, 1, &dim);
    tg__errors_back(was);
    return y;
}
tg_tensor *tg_flipud(tg_tensor *x) { return flip_one("flipud", x, 0); }
tg_tensor *tg_fliplr(tg_tensor *x) { return flip_one("fliplr", x, 1); }

/* ---- roll: dims shifted round ---- */
typedef struct {
    tg__ints shifts;
    tg__dims dims;
} roll_attr;
static const tg__field roll_fields[] = {
    {"shifts", TG_ATTR_INTS, offsetof(roll_attr, shifts), true, 0, 0},
    {"dims", TG_ATTR_DIMS, offsetof(roll_attr, dims), false, 0, 0},
    {0}};
static tg_tensor *roll_one(tg_tensor *x, int dim, int64_t shift) {
    int64_t n = x == NULL ? 0 : x->ndim > 0 ? x->shape[dim] : 1;
    int64_t by = n > 0 ? shift % n : 0;
    by += by < 0 ? n : 0;
    if (by == 0)
        return x;
    return tg_cat((tg_tensor *[]){tg_narrow(x, dim, n - by, by), tg_narrow(x, dim, 0, n - by)}, 2,
                  dim);
}
static bool roll_forward(const tg__call *c) {
    const roll_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    for (int i = 0; i < a->dims.n; i++)
        if (tg__dim("roll", x, a->dims.dim[i]) < 0)
            return false;
    if (a->shifts.n != (a->dims.n > 0 ? a->dims.n : 1)) {
        tg__fail(TG_ERR_ARG, "roll", "%d shifts for %d dims; give one for each dim (or one alone)",
                 a->shifts.n, a->dims.n);
        return false;
    }
    tg_tensor *y = x;
    if (a->dims.n == 0)
        y = tg_reshape(roll_one(tg_reshape(x, 1, &x->numel), 0, a->shifts.value[0]), x->ndim,
                       x->shape);
    for (int i = 0; y != NULL && i < a->dims.n; i++)
        y = roll_one(y, tg__dim("roll", y, a->dims.dim[i]), a->shifts.value[i]);
    bool same = y != NULL && y->storage == x->storage;
    c->out[0] = same ? tg_clone(y) : y;
    return c->out[0] != NULL;
}
TG_OP(roll, .maths = "y[(i + shift) mod n] = x[i]", .inputs = "x", .n_in = 1,
      .flags = TG__COMPOSED | TG__ANY_DTYPE, .fields = roll_fields, .attr_size = sizeof(roll_attr),
      .forward = roll_forward, .onnx = {"composed"});
TG_SAMPLES(roll, "[5] | shifts=2 dims=0", "[2,3] | shifts=-1", "[2,3] | shifts=1,-4 dims=0,-1",
           "[2,3] | shifts=3 dims=1");
tg_tensor *tg_roll(tg_tensor *x, int n_shifts, const int64_t *shifts, int ndims, const int *dims) {
    roll_attr a;
    return tg__integers_from("roll", "shifts", n_shifts, shifts, &a.shifts) &&
                   tg__dims_from("roll", ndims, dims, &a.dims)
               ? tg__apply1(&tg__op_roll, x, &a)
               : NULL;
}

/* ---- rot90: k quarter turns from the first dim towards the second ---- */
typedef struct {
    int64_t k;
    tg__dims dims;
} rot90_attr;
static const tg__field rot90_fields[] = {
    {"k", TG_ATTR_INT, offsetof(rot90_attr, k), false, 1, 0},
    {"dims", TG_ATTR_DIMS, offsetof(rot90_attr, dims), false, 0, 0},
    {0}};
static bool rot90_forward(const tg__call *c) {
    const rot90_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    int dims[2] = {a->dims.n > 0 ? a->dims.dim[0] : 0, a->dims.n > 1 ? a->dims.dim[1] : 1};
    uint32_t mask;
    if ((a->dims.n != 2 && a->dims.n != 0) || x->ndim < 2) {
        tg__fail(TG_ERR_INDEX, "rot90", "%d dims for x %s; give two, of at least two", a->dims.n,
                 tg__describe(x));
        return false;
    }
    if (!tg__dim_mask("rot90", x, 2, dims, &mask))
        return false;
    int64_t turns = a->k % 4 + (a->k % 4 < 0 ? 4 : 0);
    if (turns == 2)
        c->out[0] = tg_flip(x, 2, dims);
    else if (turns == 0)
        c->out[0] = tg_clone(x);
    else
        c->out[0] = tg_transpose(tg_flip(x, 1, &dims[turns == 1 ? 1 : 0]), dims[0], dims[1]);
    return c->out[0] != NULL;
}
TG_OP(rot90, .maths = "k quarter turns in the plane of dims", .inputs = "x", .n_in = 1,
      .flags = TG__COMPOSED | TG__ANY_DTYPE, .fields = rot90_fields,
      .attr_size = sizeof(rot90_attr), .forward = rot90_forward, .onnx = {"composed"});
TG_SAMPLES(rot90, "[2,3]", "[2,3] | k=2", "[2,3,2] | k=-1 dims=1,2", "[2,3] | k=4");
tg_tensor *tg_rot90(tg_tensor *x, int64_t k, int ndims, const int *dims) {
    rot90_attr a = {.k = k};
    return tg__dims_from("rot90", ndims, dims, &a.dims) ? tg__apply1(&tg__op_rot90, x, &a) : NULL;
}

/* ---- repeat: x several times along each dim ---- */
typedef struct {
    tg__sizes repeats;
} repeat_attr;
static const tg__field repeat_fields[] = {
    {"repeats", TG_ATTR_SHAPE, offsetof(repeat_attr, repeats), true, 0, 0}, {0}};

/* x as [outer, times of it, inner] in a new shape. */
static tg_tensor *multiply(tg_tensor *x, int64_t outer, int64_t times, int64_t inner, int ndim,
                           const int64_t *shape) {
    int64_t one[3] = {outer, 1, inner};
    int64_t many[3] = {outer, times, inner};
    return tg_reshape(tg_expand(tg_reshape(x, 3, one), 3, many), ndim, shape);
}

static bool repeat_forward(const tg__call *c) {
    const repeat_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    int n = a->repeats.n;
    int lead = n - x->ndim;
    int64_t shape[TG_MAX_DIMS]; /* so far */
    int64_t whole[TG_MAX_DIMS]; /* in the end */
    bool good = lead >= 0;
    for (int i = 0; good && i < n; i++) {
        shape[i] = i < lead ? 1 : x->shape[i - lead];
        good = a->repeats.size[i] >= 0 &&
               !__builtin_mul_overflow(shape[i], a->repeats.size[i], &whole[i]);
    }
    if (!good) {
        tg__fail(TG_ERR_SHAPE, "repeat",
                 "repeats %s do not fit x %s; give one of 0 or more for "
                 "each dim, or more of them",
                 tg__describe_shape(n, a->repeats.size), tg__describe(x));
        return false;
    }
    if (!tg__shape_check("repeat", (tg_dtype)x->dtype, n, whole, NULL, NULL))
        return false;
    tg_tensor *y = x;
    int64_t outer = x->numel;
    int64_t inner = 1;
    for (int i = n - 1; y != NULL && i >= 0; i--) { /* the smaller copies first */
        outer = 1;
        for (int k = 0; k < i; k++)
            outer *= shape[k];
        inner *= shape[i];
        shape[i] = whole[i];
        if (a->repeats.size[i] != 1)
            y = multiply(y, outer, a->repeats.size[i], inner, n, shape);
        inner *= a->repeats.size[i];
    }
    bool same = y != NULL && y->storage == x->storage; /* a copy, and not an expanded view */
    c->out[0] = same ? tg_clone(tg_reshape(y, n, whole)) : y;
    return c->out[0] != NULL;
}
TG_OP(repeat, .maths = "x repeats[i] times along dim i", .inputs = "x", .n_in = 1,
      .flags = TG__COMPOSED | TG__ANY_DTYPE, .fields = repeat_fields,
      .attr_size = sizeof(repeat_attr), .forward = repeat_forward,
      .onnx = {"Tile", 13, "repeats=repeats"});
TG_SAMPLES(repeat, "[2,3] | repeats=2,2", "[3] | repeats=2,4", "[2,1] | repeats=1,1",
           "[2,3] | repeats=3,1", "[] | repeats=3");
tg_tensor *tg_repeat(tg_tensor *x, int n, const int64_t *repeats) {
    repeat_attr a;
    return tg__sizes_from("repeat", n, repeats, &a.repeats) ? tg__apply1(&tg__op_repeat, x, &a)
                                                            : NULL;
}
tg_tensor *tg_tile(tg_tensor *x, int n, const int64_t *repeats) {
    repeat_attr a;
    if (!tg__required("tile", "x", x) || !tg__sizes_from("tile", n, repeats, &a.repeats))
        return NULL;
    int missing = x->ndim - n;
    if (missing > 0) {
        memmove(a.repeats.size + missing, a.repeats.size, (size_t)n * sizeof *repeats);
        for (int i = 0; i < missing; i++)
            a.repeats.size[i] = 1;
        a.repeats.n = x->ndim;
    }
    const char *was = tg__errors_as("tile");
    tg_tensor *y = tg__apply1(&tg__op_repeat, x, &a);
    tg__errors_back(was);
    return y;
}

/* ---- repeat_interleave: each element several times ---- */
typedef struct {
    int64_t repeats;
    tg__dims dim;
} interleave_attr;
static const tg__field interleave_fields[] = {
    {"repeats", TG_ATTR_INT, offsetof(interleave_attr, repeats), false, 1, 0},
    {"dim", TG_ATTR_DIMS, offsetof(interleave_attr, dim), false, 0, 0},
    {0}};

/* The index that repeats each position as often as counts (i64, contiguous) says. Raw. */
static tg_tensor *spread_index(const tg_tensor *counts, int64_t n) {
    const int64_t *count = (const int64_t *)(const void *)counts->data;
    int64_t total = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t one = count[counts->numel == 1 ? 0 : i];
        if (one < 0 || __builtin_add_overflow(total, one, &total)) {
            tg__fail(TG_ERR_ARG, "repeat_interleave",
                     "%lld repeats at position %lld; give 0 or more", (long long)one, (long long)i);
            return NULL;
        }
    }
    tg_tensor *index = tg__new("repeat_interleave", TG_I64, 1, &total);
    int64_t *at = index != NULL ? (int64_t *)(void *)index->data : NULL;
    for (int64_t i = 0; at != NULL && i < n; i++)
        for (int64_t k = count[counts->numel == 1 ? 0 : i]; k > 0; k--)
            *at++ = i;
    return index;
}

static bool interleave_by(const tg__call *c, tg_tensor *x, int dim) {
    const tg_tensor *repeats = c->in[1];
    int64_t n = x->shape[dim];
    if (!tg__is_index(repeats)) {
        tg__refuse_dtype("repeat_interleave", repeats, "repeats of i64 or i32");
        return false;
    }
    if (repeats->ndim > 1 || (repeats->numel != n && repeats->numel != 1)) {
        tg__fail(TG_ERR_SHAPE, "repeat_interleave",
                 "repeats is %s for dim %d of %s; give one dim, with one number for each of its "
                 "%lld positions",
                 tg__describe(repeats), dim, tg__describe(x), (long long)n);
        return false;
    }
    tg_tensor *counts = tg__packed_as("repeat_interleave", c->in[1], TG_I64);
    tg_tensor *index = counts != NULL ? tg__give(spread_index(counts, n)) : NULL;
    tg__unref(counts);
    c->out[0] = index != NULL ? tg_index_select(x, dim, index) : NULL;
    return c->out[0] != NULL;
}

static bool repeat_interleave_forward(const tg__call *c) {
    const interleave_attr *a = c->attr;
    tg_tensor *x = c->in[0];
    int dim = 0;
    if (a->dim.n > 1) {
        tg__fail(TG_ERR_INDEX, "repeat_interleave", "%d dims for %s; give one, or none for flat x",
                 a->dim.n, tg__describe(x));
        return false;
    }
    if (a->dim.n == 1)
        dim = tg__dim("repeat_interleave", x, a->dim.dim[0]);
    if (dim < 0)
        return false;
    if (a->dim.n == 0 || x->ndim == 0)
        x = tg_reshape(x, 1, &x->numel);
    if (x == NULL)
        return false;
    if (!(c->in[1]->flags & TG__IS_NONE))
        return interleave_by(c, x, dim);
    int64_t shape[TG_MAX_DIMS];
    int64_t outer = 1;
    int64_t inner = 1;
    for (int i = 0; i < x->ndim; i++) {
        shape[i] = x->shape[i];
        *(i <= dim ? &outer : &inner) *= x->shape[i];
    }
    if (a->repeats < 0 || __builtin_mul_overflow(shape[dim], a->repeats, &shape[dim])) {
        tg__fail(TG_ERR_ARG, "repeat_interleave", "repeats is %lld; give 0 or more",
                 (long long)a->repeats);
        return false;
    }
    if (!tg__shape_check("repeat_interleave", (tg_dtype)x->dtype, x->ndim, shape, NULL, NULL))
        return false;
    tg_tensor *y = multiply(x, outer, a->repeats, inner, x->ndim, shape);
    bool same = y != NULL && y->storage == x->storage;
    c->out[0] = same ? tg_clone(y) : y;
    return c->out[0] != NULL;
}
TG_OP(repeat_interleave, .maths = "each element of x repeats times along dim",
      .inputs = "x repeats", .n_in = 2, .n_optional = 1, .no_grad = 2,
      .flags = TG__COMPOSED | TG__ANY_DTYPE, .fields = interleave_fields,
      .attr_size = sizeof(interleave_attr), .forward = repeat_interleave_forward,
      .onnx = {"composed"});
TG_SAMPLES(repeat_interleave, "[2,3] | repeats=2 dim=0", "[2,3] none | repeats=3 dim=-1",
           "[2,3] | repeats=2", "[2,3] i[3]<4 | dim=1", "[2,2] i[4]<3", "[3] i[1]<5 | dim=0",
           "[2,3] | repeats=1 dim=0");
tg_tensor *tg_repeat_interleave(tg_tensor *x, int64_t repeats, int ndims, const int *dim) {
    interleave_attr a = {.repeats = repeats};
    return tg__dims_from("repeat_interleave", ndims, dim, &a.dim)
               ? tg__apply2(&tg__op_repeat_interleave, x, TG_NONE, &a)
               : NULL;
}
tg_tensor *tg_repeat_interleave_by(tg_tensor *x, tg_tensor *repeats, int ndims, const int *dim) {
    interleave_attr a = {.repeats = 1};
    if (!tg__required("repeat_interleave", "repeats", repeats))
        return NULL;
    return tg__dims_from("repeat_interleave", ndims, dim, &a.dim)
               ? tg__apply2(&tg__op_repeat_interleave, x, repeats, &a)
               : NULL;
}
