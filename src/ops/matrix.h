/* matrix.h - what operations on matrices (the last two dims of a tensor) share. */
#ifndef TG_OPS_MATRIX_H
#define TG_OPS_MATRIX_H

#include "ops/elementwise.h"

/* ---- Checks: false with an error ---- */

bool tg__is_matrix(const char *op, const char *name, const tg_tensor *x); /* at least 2-d, float */
bool tg__is_square(const char *op, const char *name, const tg_tensor *x);
bool tg__same_float(const char *op, const tg_tensor *a, const tg_tensor *b);
/* As PyTorch: beside a, b is vectors if it is 1-d or has the shape of a without its last dim. No
 * error. */
bool tg__is_vector_system(const tg_tensor *a, const tg_tensor *b);

/* ---- Recorded pieces; NULL in, NULL out ---- */

static inline tg_tensor *tg__mt(tg_tensor *x) { return tg_transpose(x, -2, -1); }
static inline int64_t tg__rows(const tg_tensor *x) { return x->shape[x->ndim - 2]; }
static inline int64_t tg__cols(const tg_tensor *x) { return x->shape[x->ndim - 1]; }

/* x · s, keeping integers if s is whole; x itself for s = 1. */
tg_tensor *tg__scaled(const char *op, const char *name, tg_tensor *x, double s);
/* x broadcast in its batch dims to those of both, its last two dims kept. */
tg_tensor *tg__expand_batch(tg_tensor *x, int n_batch, const int64_t *batch);

/* tg_solve_triangular for rules: a 0 on the diagonal gives infinities, no error. */
tg_tensor *tg__solve_triangle(tg_tensor *a, tg_tensor *b, bool upper, bool left,
                              bool unitriangular);

/* ---- Column-major copies, as LAPACK has them. Raw. ---- */

/* A contiguous copy of x with the last two dims swapped: each matrix lies column by column. */
tg_tensor *tg__columns(const char *op, const tg_tensor *x);
/* The opposite: consumes such a copy [..., n, m], gives [..., m, n]. NULL passes through. */
tg_tensor *tg__from_columns(const char *op, tg_tensor *columns);
/* How many matrices there are in x's batch. */
int64_t tg__batch_count(const tg_tensor *x);
static inline char *tg__matrix_at(const tg_tensor *packed, int64_t i) {
    return packed->data +
           (size_t)(i * tg__rows(packed) * tg__cols(packed)) * tg__item_size(packed->dtype);
}
/* True for LAPACK's status 0; else an error about matrix i of x's batch, which `why` explains for a
 * positive status. */
bool tg__lapack_good(const char *op, const tg_tensor *x, int64_t i, int64_t status,
                     const char *why);
/* False with an error unless all of x (contiguous) is finite. */
bool tg__finite_only(const char *op, const tg_tensor *x);

#endif
