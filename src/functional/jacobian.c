/* jacobian.c - whole Jacobians and Hessians.
 *
 * By rows: one pull per element of the outputs, seeded with a unit vector. By columns: with
 * h(u) = Jᵀu recorded once (products.c), one pull through h per element of the inputs. */
#include "functional/function.h"

#include "base/threads.h"
#include "kernels/kernels.h"

#include <tensorgrad/tensorgrad.h>

#include <limits.h>

bool tg__one_element(const char *op, const tg_tensor *y) {
    if (y->numel == 1)
        return true;
    tg__fail(TG_ERR_SHAPE, op,
             "the function gave %s; it must give one element: reduce it (tg_sum, tg_mean)",
             tg__describe(y));
    return false;
}

/* 1 at element e, 0 elsewhere. */
static tg_tensor *unit(const tg_tensor *like, int64_t e) {
    tg_tensor *x = tg_zeros_like(like);
    if (x != NULL)
        tg__convert_double((tg_dtype)x->dtype, x->data + (size_t)e * tg__item_size(x->dtype), 1.0);
    return x;
}

static bool flatten(tg_tensor **x) {
    if (*x != NULL)
        *x = tg_reshape(*x, 1, (const int64_t[]){(*x)->numel});
    return *x != NULL;
}

/* One pull, seeded with element e of roots[k]: row[i] = its derivatives by in[i], flat. */
static bool pull_unit(const tg__graph *g, int k, int64_t e, tg_tensor **row) {
    if (tg__interrupted()) {
        tg__fail(TG_ERR_INTERRUPTED, g->op, "interrupted by the interrupt check");
        return false;
    }
    if (!tg__reserve(g->op, (uint32_t)g->n_in))
        return false;
    tg_scope s = tg_scope_open();
    tg__graph one = *g;
    one.out = g->out + k;
    one.n_out = 1;
    tg_tensor *seed = unit(g->out[k], e);
    bool good = seed != NULL && tg__pull(&one, &seed, row);
    int kept = 0;
    while (good && kept < g->n_in) {
        good = flatten(&row[kept]);
        if (good)
            tg__ref(row[kept++]);
    }
    if (tg_scope_close(s) != TG_OK)
        good = false;
    for (int i = 0; i < kept; i++) {
        if (good)
            tg__give(row[i]); /* room was reserved */
        else
            tg__unref(row[i]);
    }
    return good;
}

/* rows[i] [numel(out k), numel(in i)] for one output. */
static bool rows_of(const tg__graph *g, int k, tg_tensor **rows) {
    int64_t n = g->out[k]->numel;
    if (n == 0 || !tg_requires_grad(g->out[k])) {
        for (int i = 0; i < g->n_in; i++) {
            rows[i] = tg_zeros((tg_dtype)g->in[i]->dtype, 2, (const int64_t[]){n, g->in[i]->numel});
            if (rows[i] == NULL)
                return false;
        }
        return true;
    }
    int64_t slots;
    if (n >= INT_MAX || __builtin_mul_overflow(n + 1, (int64_t)g->n_in, &slots)) {
        tg__fail_memory(g->op, UINT64_MAX);
        return false;
    }
    tg_tensor **all = tg__list_new(g->op, slots); /* [n_in, n], and a row */
    if (all == NULL)
        return false;
    tg_tensor **row = all + n * g->n_in;
    bool good = true;
    for (int64_t e = 0; e < n && good; e++) {
        good = pull_unit(g, k, e, row);
        for (int i = 0; i < g->n_in && good; i++)
            all[i * n + e] = row[i];
    }
    for (int i = 0; i < g->n_in && good; i++) {
        rows[i] = tg_stack(all + i * n, (int)n, 0);
        good = rows[i] != NULL;
    }
    tg__list_free(all, slots);
    return good;
}

bool tg__rows(const tg__graph *g, tg_tensor **rows) {
    tg__graph kept = *g;
    kept.retain = true;
    for (int k = 0; k < g->n_out; k++)
        if (!rows_of(&kept, k, rows + (int64_t)k * g->n_in))
            return false;
    return true;
}

/* ---- By columns ---- */

static bool columns_pay(const tg__graph *g) {
    double n_in = 2; /* recording h costs about as much as two pulls more */
    double n_out = 0;
    bool same = true; /* a pull through h has the dtypes of the outputs */
    for (int i = 0; i < g->n_in; i++) {
        n_in += (double)g->in[i]->numel;
        same &= g->in[i]->dtype == g->in[0]->dtype;
    }
    for (int k = 0; k < g->n_out; k++) {
        n_out += (double)g->out[k]->numel;
        same &= g->out[k]->dtype == g->in[0]->dtype;
    }
    return same && n_in < n_out;
}

static bool transposed(const tg__graph *g, tg_tensor *const *columns, tg_tensor **matrices) {
    for (int k = 0; k < g->n_out; k++)
        for (int i = 0; i < g->n_in; i++) {
            tg_tensor *x = columns[(int64_t)i * g->n_out + k];
            tg_tensor *y = tg_contiguous(tg_transpose(x, 0, 1));
            if (y == NULL)
                return false;
            matrices[(int64_t)k * g->n_in + i] = y;
        }
    return true;
}

static bool by_columns(const tg__graph *g, tg_tensor **matrices) {
    int64_t n_pairs = (int64_t)g->n_out * g->n_in;
    int64_t n = (int64_t)g->n_out + g->n_in + n_pairs;
    tg_tensor **u = tg__list_new(g->op, n); /* [n_out] seeds, [n_in] images, [n_in, n_out] */
    if (u == NULL)
        return false;
    tg_tensor **h = u + g->n_out;
    tg_tensor **columns = h + g->n_in;
    tg__graph turned = {
        .op = g->op, .out = h, .n_out = g->n_in, .in = u, .n_in = g->n_out, .create = g->create};
    bool good =
        tg__pull_seeds(g, u, h) && tg__rows(&turned, columns) && transposed(g, columns, matrices);
    tg__list_free(u, n);
    return good;
}

bool tg__jacobian_of(const tg__graph *g, tg_tensor **matrices) {
    return columns_pay(g) ? by_columns(g, matrices) : tg__rows(g, matrices);
}

/* ---- Public ---- */

/* Shape [a…, b…]; -1 with an error beyond TG_MAX_DIMS. */
static int joined_shape(const char *op, const tg_tensor *a, const tg_tensor *b, int64_t *shape) {
    if (a->ndim + b->ndim > TG_MAX_DIMS) {
        tg__fail(TG_ERR_SHAPE, op,
                 "the result by %s of %s would have %d dims; there are at most %d: reshape them",
                 tg__describe(b), tg__describe(a), a->ndim + b->ndim, TG_MAX_DIMS);
        return -1;
    }
    for (int d = 0; d < a->ndim; d++)
        shape[d] = a->shape[d];
    for (int d = 0; d < b->ndim; d++)
        shape[a->ndim + d] = b->shape[d];
    return a->ndim + b->ndim;
}

/* All Jacobians of g in their full shapes. */
static bool shaped(const tg__graph *g, tg_tensor **matrices) {
    int64_t shape[TG_MAX_DIMS];
    for (int k = 0; k < g->n_out; k++)
        for (int i = 0; i < g->n_in; i++)
            if (joined_shape(g->op, g->out[k], g->in[i], shape) < 0)
                return false;
    if (!tg__jacobian_of(g, matrices))
        return false;
    for (int k = 0; k < g->n_out; k++)
        for (int i = 0; i < g->n_in; i++) {
            tg_tensor **m = &matrices[(int64_t)k * g->n_in + i];
            int ndim = joined_shape(g->op, g->out[k], g->in[i], shape);
            *m = tg_reshape(*m, ndim, shape);
            if (*m == NULL)
                return false;
        }
    return true;
}

tg_status tg_jacobian(tg_fn fn, void *ctx, tg_tensor *const *inputs, int n_inputs, int n_outputs,
                      const tg_functional_options *options, tg_tensor **jacobians) {
    tg__session s;
    int64_t n = (int64_t)n_outputs * n_inputs;
    if (!tg__session_begin(&s, "jacobian", fn, ctx, inputs, n_inputs, n_outputs, options, jacobians,
                           n, NULL))
        return tg_error_status();
    bool good = shaped(&s.g, jacobians);
    return tg__session_end(&s, good, jacobians, n, NULL);
}

tg_status tg_hessian(tg_fn fn, void *ctx, tg_tensor *const *inputs, int n_inputs,
                     const tg_functional_options *options, tg_tensor **hessians) {
    tg__session s;
    int64_t n = (int64_t)n_inputs * n_inputs;
    if (!tg__session_begin(&s, "hessian", fn, ctx, inputs, n_inputs, 1, options, hessians, n, NULL))
        return tg_error_status();
    tg_tensor **grads = tg__list_new("hessian", n_inputs);
    tg__graph first = s.g;
    first.create = true;
    bool good =
        grads != NULL && tg__one_element("hessian", s.out[0]) && tg__pull(&first, NULL, grads);
    tg__graph second = s.g;
    second.out = grads;
    second.n_out = n_inputs;
    good = good && shaped(&second, hessians);
    if (grads != NULL)
        tg__list_free(grads, n_inputs);
    return tg__session_end(&s, good, hessians, n, NULL);
}
