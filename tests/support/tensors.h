/* tensors.h - tensors from literals, and what they hold.
 *
 *     tg_tensor *x = leaf(grid(TG_F64, 2, 3, LIST(1, 2, 3, 4, 5, 6)));
 *     sum_backward(tg_square(x));
 *     assert_values(tg_grad(x), 2, 4, 6, 8, 10, 12);
 *     assert_refused(tg_reshape(x, TG_SHAPE(4)), TG_ERR_SHAPE, "reshape", "[4]");
 *
 * A test listed with tg_scoped runs inside a scope, which owns what it makes; a refusal is cleared,
 * so that the scope stays open. At its end the scope must be without error, and nothing live. */
#ifndef TG_TENSORS_H
#define TG_TENSORS_H

#include "base/alloc.h"

#include "tg_tidy.h"

#include <tensorgrad/autograd.h>
#include <tensorgrad/op.h>

#include <stdlib.h>

/* ---- A scope around each test --------------------------------------------------------------- */

static tg_scope tg_test_scope;

static inline int tg_test_begin(void **state) {
    (void)state;
    tg_test_scope = tg_scope_open();
    return 0;
}

static inline int tg_test_end(void **state) {
    tg__alloc_fail_at(0, false);
    tg_set_interrupt_check(NULL, NULL);
    tg_status status = tg_scope_close(tg_test_scope);
    if (status != TG_OK)
        print_error("left an error: %s\n", tg_error_message());
    return tg_test_tidy(state) == 0 && status == TG_OK ? 0 : 1;
}

#define tg_scoped(test) cmocka_unit_test_setup_teardown(test, tg_test_begin, tg_test_end)

/* ---- Making --------------------------------------------------------------------------------- */

#define LIST(...)                                                                                  \
    (sizeof((const double[]){__VA_ARGS__}) / sizeof(double)), ((const double[]){__VA_ARGS__})
#define NOTHING 0, NULL

static inline tg_tensor *tg_test_made(tg_tensor *x) {
    if (x == NULL)
        fail_msg("could not make a tensor: %s", tg_error_message());
    return x;
}

static inline tg_tensor *of(tg_dtype dtype, int ndim, const int64_t *shape, size_t n,
                            const double *values) {
    if (dtype > TG_BOOL) {
        tg_scope s = tg_scope_open();
        return tg_test_made(tg_scope_return(s, tg_cast(of(TG_F64, ndim, shape, n, values), dtype)));
    }
    _Alignas(8) char *data = malloc(n * 8 + 1);
    if (data == NULL)
        fail_msg("no memory for %zu values", n);
    for (size_t i = 0; i < n; i++)
        switch (dtype) {
        case TG_F32:
            ((float *)(void *)data)[i] = (float)values[i];
            break;
        case TG_F64:
            ((double *)(void *)data)[i] = values[i];
            break;
        case TG_I64:
            ((int64_t *)(void *)data)[i] = (int64_t)values[i];
            break;
        case TG_I32:
            ((int32_t *)(void *)data)[i] = (int32_t)values[i];
            break;
        default:
            ((uint8_t *)data)[i] = (uint8_t)values[i];
            break;
        }
    tg_tensor *x = tg_test_made(tg_from_array(dtype, ndim, shape, data));
    free(data);
    if (tg_numel(x) != (int64_t)n)
        fail_msg("%zu values for %lld elements", n, (long long)tg_numel(x));
    return x;
}

static inline tg_tensor *row(tg_dtype dtype, size_t n, const double *values) {
    return of(dtype, 1, (const int64_t[]){(int64_t)n}, n, values);
}

static inline tg_tensor *grid(tg_dtype dtype, int64_t rows, int64_t cols, size_t n,
                              const double *values) {
    return of(dtype, 2, (const int64_t[]){rows, cols}, n, values);
}

/* f64 and 1-d: the usual case. */
#define ROW(...) row(TG_F64, LIST(__VA_ARGS__))
#define LEAF(...) leaf(ROW(__VA_ARGS__))

static inline tg_tensor *leaf(tg_tensor *x) { return tg_test_made(tg_requires_grad_(x, true)); }
static inline tg_tensor *number(double value) { return tg_test_made(tg_scalar(TG_F64, value)); }

/* 0, 1, 2, … in a shape, f64. */
static inline tg_tensor *counting(int ndim, const int64_t *shape) {
    int64_t n = 1;
    for (int i = 0; i < ndim; i++)
        n *= shape[i];
    tg_tensor *flat = tg_test_made(tg_arange(TG_F64, 0, (double)n, 1));
    return tg_test_made(tg_reshape(flat, ndim, shape));
}

/* ---- Reading -------------------------------------------------------------------------------- */

/* All elements as double, row-major; free() it. */
static inline double *tg_test_read(const tg_tensor *x) {
    if (tg_dtype_of(x) > TG_BOOL) {
        tg_tensor *wide = tg_test_made(tg_cast(tg_detach((tg_tensor *)(uintptr_t)x), TG_F64));
        double *out = tg_test_read(wide);
        return out; /* wide belongs to the scope around the test */
    }
    size_t n = (size_t)tg_numel(x);
    size_t item = tg_dtype_size(tg_dtype_of(x));
    char *raw = malloc(n * item + 1);
    double *out = malloc(n * sizeof *out + 1);
    if (raw == NULL || out == NULL || tg_copy_to(x, raw, n * item) != TG_OK)
        fail_msg("could not read a tensor: %s", tg_error_message());
    for (size_t i = 0; i < n; i++) {
        const void *at = raw + i * item;
        switch (tg_dtype_of(x)) {
        case TG_F32:
            out[i] = (double)*(const float *)at;
            break;
        case TG_F64:
            out[i] = *(const double *)at;
            break;
        case TG_I64:
            out[i] = (double)*(const int64_t *)at;
            break;
        case TG_I32:
            out[i] = *(const int32_t *)at;
            break;
        default:
            out[i] = *(const uint8_t *)at;
            break;
        }
    }
    free(raw);
    return out;
}

/* Element i in row-major order. */
static inline double at(const tg_tensor *x, int64_t i) {
    double *all = tg_test_read(x);
    double value = all[i];
    free(all);
    return value;
}

static inline void tg_test_values(const tg_tensor *x, double rtol, double atol, size_t n,
                                  const double *expected, const char *text, const char *file,
                                  int line) {
    if (x == NULL) {
        print_error("%s is NULL: %s\n", text, tg_error_message());
        _fail(file, line);
    }
    if (tg_numel(x) != (int64_t)n) {
        print_error("%s has %lld elements, expected %zu\n", text, (long long)tg_numel(x), n);
        _fail(file, line);
    }
    double *got = tg_test_read(x);
    for (size_t i = 0; i < n; i++)
        if (!tg_test_close(got[i], expected[i], rtol, atol)) {
            print_error("%s, element %zu of %zu: %.17g, expected %.17g\n", text, i, n, got[i],
                        expected[i]);
            free(got);
            _fail(file, line);
        }
    free(got);
}

static inline void tg_test_shape(const tg_tensor *x, tg_dtype dtype, int ndim, const int64_t *shape,
                                 const char *text, const char *file, int line) {
    if (x == NULL) {
        print_error("%s is NULL: %s\n", text, tg_error_message());
        _fail(file, line);
    }
    bool same = tg_ndim(x) == ndim && tg_dtype_of(x) == dtype;
    for (int i = 0; same && i < ndim; i++)
        same = tg_shape(x)[i] == shape[i];
    if (same)
        return;
    print_error("%s is %s [", text, tg_dtype_name(tg_dtype_of(x)));
    for (int i = 0; i < tg_ndim(x); i++)
        print_error(" %lld", (long long)tg_shape(x)[i]);
    print_error(" ], expected %s [", tg_dtype_name(dtype));
    for (int i = 0; i < ndim; i++)
        print_error(" %lld", (long long)shape[i]);
    print_error(" ]\n");
    _fail(file, line);
}

/* The elements, row-major, exactly (NaN is NaN), whatever the shape. */
#define assert_values(x, ...) tg_test_values(x, 0, 0, LIST(__VA_ARGS__), #x, __FILE__, __LINE__)
/* The same within rtol of each. */
#define assert_values_near(x, rtol, ...)                                                           \
    tg_test_values(x, rtol, 1e-300, LIST(__VA_ARGS__), #x, __FILE__, __LINE__)
/* dtype and shape: assert_shape(x, TG_F32, TG_SHAPE(2, 3)). */
#define assert_shape(x, dtype, ...) tg_test_shape(x, dtype, __VA_ARGS__, #x, __FILE__, __LINE__)

/* ---- Refusals ------------------------------------------------------------------------------- */

static inline void tg_test_denied(tg_status got, tg_status expected, const char *const *parts,
                                  const char *text, const char *file, int line) {
    if (got != expected)
        print_error("%s: ", text);
    for (int i = 0; parts[i] != NULL; i++)
        tg_test_assert_error(got, expected, parts[i], file, line);
    if (tg_error_status() != expected) {
        print_error("%s: the pending error is %s\n", text, tg_status_name(tg_error_status()));
        _fail(file, line);
    }
    tg_error_clear();
}

static inline void tg_test_refused(const tg_tensor *x, tg_status expected, const char *const *parts,
                                   const char *text, const char *file, int line) {
    if (x != NULL) {
        print_error("%s was not refused\n", text);
        _fail(file, line);
    }
    tg_test_denied(tg_error_status(), expected, parts, text, file, line);
}

/* A call gave NULL with this status and a message that contains all the texts. */
#define assert_refused(x, status, ...)                                                             \
    tg_test_refused(x, status, (const char *const[]){__VA_ARGS__, NULL}, #x, __FILE__, __LINE__)
/* The same for an action. */
#define assert_denied(action, status, ...)                                                         \
    tg_test_denied(action, status, (const char *const[]){__VA_ARGS__, NULL}, #action, __FILE__,    \
                   __LINE__)

/* ---- Gradients ------------------------------------------------------------------------------ */

/* Backward from the sum of y. */
static inline void tg_test_sum_backward(tg_tensor *y, const char *text, const char *file,
                                        int line) {
    tg_status status = tg_backward(tg_sum(y, TG_ALL, false));
    if (status == TG_OK)
        return;
    print_error("backward of %s: %s: %s\n", text, tg_status_name(status), tg_error_message());
    _fail(file, line);
}
#define sum_backward(y) tg_test_sum_backward(y, #y, __FILE__, __LINE__)

/* d(sum of y · g)/dx with history, so that it can be differentiated again; g NULL: ones. Zeros
 * where y does not depend on x. */
static inline tg_tensor *slope(tg_tensor *y, tg_tensor *g, tg_tensor *x) {
    tg_tensor *root = tg_test_made(tg_sum(g == NULL ? y : tg_mul(y, g), TG_ALL, false));
    tg_gradients_options o = TG_GRADIENTS_OPTIONS_INIT;
    o.create_graph = true;
    o.allow_unused = true;
    tg_tensor *out = NULL;
    if (tg_requires_grad(root) && tg_gradients(&root, 1, &x, 1, &o, &out) != TG_OK)
        fail_msg("no slope: %s", tg_error_message());
    return out != NULL ? out : tg_test_made(tg_zeros_like(x));
}

/* Without history. */
static inline bool no_grad(void) { return tg_set_grad_enabled(false); }

#endif
