/* unique.c - the different values (or slices) of a tensor, which one each is, and how often.
 *
 * Both ops number the runs of equal neighbours: unique those of the sorted elements,
 * unique_consecutive those of the elements as they stand. A NaN equals nothing, not even itself, so
 * each is a value of its own. */
#include "kernels/index.h"
#include "kernels/sort.h"

#include "ops/elementwise.h"
#include "ops/reduce.h"
#include "ops/view.h"

#include <string.h>

/* Which run each element is in, where it came from, and how long the runs are. */
static void number(int64_t n, const int64_t *run_of, const int64_t *from, int64_t runs,
                   tg_tensor *inverse, tg_tensor *counts) {
    int64_t *which = (int64_t *)(void *)inverse->data;
    int64_t *count = (int64_t *)(void *)counts->data;
    for (int64_t r = 0; r < runs; r++)
        count[r] = 0;
    for (int64_t i = 0; i < n; i++) {
        which[from != NULL ? from[i] : i] = run_of[i];
        count[run_of[i]]++;
    }
}

/* From x in order (contiguous, 1-d) and where its elements came from (NULL: there): the first of
 * each run, the run of each element in place, and the lengths. */
static bool runs_of(const tg__call *c, const tg_tensor *ordered, const int64_t *from) {
    const char *op = c->op->name;
    const tg_tensor *x = c->in[0];
    const int64_t n = ordered->numel;
    const size_t item = tg__item_size(ordered->dtype);
    tg_tensor *run = tg__new(op, TG_I64, 1, &n);
    if (run == NULL)
        return false;
    int64_t *run_of = (int64_t *)(void *)run->data;
    int64_t runs = tg__runs((tg_dtype)ordered->dtype, n, ordered->data, run_of);
    c->out[0] = tg__new(op, (tg_dtype)ordered->dtype, 1, &runs);
    c->out[1] = c->out[0] != NULL ? tg__new(op, TG_I64, x->ndim, x->shape) : NULL;
    c->out[2] = c->out[1] != NULL ? tg__new(op, TG_I64, 1, &runs) : NULL;
    if (c->out[2] != NULL) {
        for (int64_t i = n - 1; i >= 0; i--) /* the first of a run is written last */
            memcpy(c->out[0]->data + (size_t)run_of[i] * item, ordered->data + (size_t)i * item,
                   item);
        number(n, run_of, from, runs, c->out[1], c->out[2]);
    }
    tg__unref(run);
    return c->out[2] != NULL;
}

static bool unique_forward(const tg__call *c) {
    tg_tensor *x = tg__packed("unique", c->in[0]);
    if (x == NULL)
        return false;
    const int64_t n = x->numel;
    tg_tensor *ordered = tg__new("unique", (tg_dtype)x->dtype, 1, &n);
    tg_tensor *from = ordered != NULL ? tg__new("unique", TG_I64, 1, &n) : NULL;
    bool good = from != NULL;
    if (good) {
        int64_t *at = (int64_t *)(void *)from->data;
        tg__lines_to_sort lines = {(tg_dtype)x->dtype, 1, n, 1, x->data, ordered->data, at};
        good = tg__sort(&lines, n, false);
        if (!good)
            tg__fail_memory("unique", (uint64_t)n * 32);
        good = good && runs_of(c, ordered, at);
    }
    tg__unref(x);
    tg__unref(ordered);
    tg__unref(from);
    return good;
}
static bool unique_consecutive_forward(const tg__call *c) {
    tg_tensor *x = tg__packed("unique_consecutive", c->in[0]);
    bool good = x != NULL && runs_of(c, x, NULL);
    tg__unref(x);
    return good;
}
#define UNIQUE .inputs = "x", .n_in = 1, .n_out = 3, .flags = TG__NOT_DIFF
TG_OP(unique, .maths = "different values of x in order, which one each is, how often", UNIQUE,
      .forward = unique_forward, .onnx = {"composed"});
TG_SAMPLES(unique, "i[2,5]<4", "b[3]", "[2,3]", "[]");
tg_tensor *tg_unique(tg_tensor *x, tg_tensor **inverse, tg_tensor **counts) {
    return tg__apply_rest(&tg__op_unique, &x, 1, NULL, (tg_tensor * *[]){inverse, counts});
}
TG_OP(unique_consecutive, .maths = "x without repetitions, which one each is, how often", UNIQUE,
      .forward = unique_consecutive_forward, .onnx = {"none"});
TG_SAMPLES(unique_consecutive, "i[2,5]<4", "b[3]", "[2,3]", "[]");
tg_tensor *tg_unique_consecutive(tg_tensor *x, tg_tensor **inverse, tg_tensor **counts) {
    return tg__apply_rest(&tg__op_unique_consecutive, &x, 1, NULL,
                          (tg_tensor * *[]){inverse, counts});
}

/* ---- unique_dim, unique_consecutive_dim: of the slices along dim ---- */

/* x with the slices along dim as rows, packed. Raw. */
static tg_tensor *as_rows(const char *op, const tg_tensor *x, int dim) {
    tg_tensor moved = *x;
    moved.shape[0] = x->shape[dim];
    moved.stride[0] = x->stride[dim];
    for (int i = 0, k = 1; i < x->ndim; i++)
        if (i != dim) {
            moved.shape[k] = x->shape[i];
            moved.stride[k++] = x->stride[i];
        }
    moved.flags = tg__is_row_major(moved.ndim, moved.shape, moved.stride) ? TG__CONTIGUOUS : 0;
    tg_tensor *rows = tg__new(op, (tg_dtype)x->dtype, moved.ndim, moved.shape);
    if (rows != NULL)
        tg__pack(&moved, rows->data);
    return rows;
}

/* The outputs, for n slices in `order`, of which each run's first becomes a value. first: room for
 * as many positions. */
static bool slices_of(const tg__call *c, int dim, const tg_tensor *rows, const int64_t *order,
                      int64_t *run_of, int64_t *first) {
    const char *op = c->op->name;
    const tg_tensor *x = c->in[0];
    const int64_t n = rows->shape[0];
    tg_dtype dtype = (tg_dtype)x->dtype;
    int64_t m = 1;
    for (int i = 1; i < rows->ndim; i++)
        m *= rows->shape[i];
    int64_t runs = tg__row_runs(dtype, n, m, rows->data, order, run_of);
    for (int64_t i = n - 1; i >= 0; i--)
        first[run_of[i]] = order != NULL ? order[i] : i;
    int64_t shape[TG_MAX_DIMS];
    for (int i = 0; i < x->ndim; i++)
        shape[i] = i == dim ? runs : x->shape[i];
    tg_tensor *packed = tg__packed(op, c->in[0]);
    c->out[0] = packed != NULL ? tg__new(op, dtype, x->ndim, shape) : NULL;
    c->out[1] = c->out[0] != NULL ? tg__new(op, TG_I64, 1, &n) : NULL;
    c->out[2] = c->out[1] != NULL ? tg__new(op, TG_I64, 1, &runs) : NULL;
    if (c->out[2] != NULL) {
        tg__lines l = tg__lines_along(x, dim);
        if (c->out[0]->numel > 0)
            tg__index_select(tg__item_size(dtype), l.outer, n, l.inner, runs, TG_I64, first, 8,
                             packed->data, c->out[0]->data);
        number(n, run_of, order, runs, c->out[1], c->out[2]);
    }
    tg__unref(packed);
    return c->out[2] != NULL;
}

static bool unique_slices(const tg__call *c, bool sorted) {
    const tg__along *a = c->attr;
    const char *op = c->op->name;
    const tg_tensor *x = c->in[0];
    int dim = tg__dim(op, x, a->dim);
    if (dim < 0)
        return false;
    if (x->ndim == 0) {
        tg__fail(TG_ERR_SHAPE, op, "%s has no slices; give at least one dim", tg__describe(x));
        return false;
    }
    const int64_t shape[2] = {3, x->shape[dim]};
    tg_tensor *rows = as_rows(op, x, dim);
    tg_tensor *room = rows != NULL ? tg__new(op, TG_I64, 2, shape) : NULL;
    bool good = room != NULL;
    if (good) {
        int64_t *order = (int64_t *)(void *)room->data;
        const int64_t n = shape[1];
        if (sorted)
            good = tg__sort_rows((tg_dtype)x->dtype, n, n > 0 ? rows->numel / n : 0, rows->data,
                                 order);
        if (!good)
            tg__fail_memory(op, (uint64_t)n * 8);
        good = good && slices_of(c, dim, rows, sorted ? order : NULL, order + n, order + 2 * n);
    }
    tg__unref(rows);
    tg__unref(room);
    return good;
}
static bool unique_dim_forward(const tg__call *c) { return unique_slices(c, true); }
static bool unique_consecutive_dim_forward(const tg__call *c) { return unique_slices(c, false); }
#define SLICES UNIQUE, .fields = tg__along_fields, .attr_size = sizeof(tg__along)
TG_OP(unique_dim, .maths = "different slices of x in order, which one each is, how often", SLICES,
      .forward = unique_dim_forward, .onnx = {"composed"});
TG_SAMPLES(unique_dim, "i[5,2]<2 | dim=0", "b[2,5] | dim=-1", "[2,3,2] | dim=1");
tg_tensor *tg_unique_dim(tg_tensor *x, int dim, tg_tensor **inverse, tg_tensor **counts) {
    return tg__apply_rest(&tg__op_unique_dim, &x, 1, &(tg__along){dim},
                          (tg_tensor * *[]){inverse, counts});
}
TG_OP(unique_consecutive_dim, .maths = "slices without repetitions, which one each is, how often",
      SLICES, .forward = unique_consecutive_dim_forward, .onnx = {"none"});
TG_SAMPLES(unique_consecutive_dim, "i[5,2]<2 | dim=0", "b[2,5] | dim=-1");
tg_tensor *tg_unique_consecutive_dim(tg_tensor *x, int dim, tg_tensor **inverse,
                                     tg_tensor **counts) {
    return tg__apply_rest(&tg__op_unique_consecutive_dim, &x, 1, &(tg__along){dim},
                          (tg_tensor * *[]){inverse, counts});
}
