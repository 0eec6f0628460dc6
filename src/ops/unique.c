/* unique.c - the different values of a tensor, where each element has its own, and how often.
 *
 * Both ops number the runs of equal neighbours: unique those of the sorted elements,
 * unique_consecutive those of the elements as they stand. A NaN equals nothing, not even itself, so
 * each is a value of its own. */
#include "kernels/sort.h"

#include "ops/elementwise.h"
#include "ops/reduce.h"

#include <string.h>

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
        int64_t *inverse = (int64_t *)(void *)c->out[1]->data;
        int64_t *count = (int64_t *)(void *)c->out[2]->data;
        for (int64_t i = n - 1; i >= 0; i--) { /* the first of a run is written last */
            memcpy(c->out[0]->data + (size_t)run_of[i] * item, ordered->data + (size_t)i * item,
                   item);
            inverse[from != NULL ? from[i] : i] = run_of[i];
        }
        for (int64_t r = 0; r < runs; r++)
            count[r] = 0;
        for (int64_t i = 0; i < n; i++)
            count[run_of[i]]++;
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
