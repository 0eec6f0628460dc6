/* unary_corners.h - values and slopes of functions of one input at chosen points. */
#ifndef TESTS_OPS_UNARY_CORNERS_H
#define TESTS_OPS_UNARY_CORNERS_H

#include "tensors.h"

#define INF INFINITY
#define MOST_POINTS 8

typedef tg_tensor *(*unary)(tg_tensor *x);

/* At x[0..n): y, and the slope g for an output gradient of 1. */
typedef struct {
    const char *name;
    unary op;
    int n;
    double x[MOST_POINTS], y[MOST_POINTS], g[MOST_POINTS];
} corners;

/* In f64, within a few units of the last place; infinities, zeros and NaN exactly. */
static inline void check_corners(const corners *c) {
    tg_tensor *x = leaf(row(TG_F64, (size_t)c->n, c->x));
    tg_tensor *y = c->op(x);
    sum_backward(y);
    double *values = tg_test_read(y);
    double *slopes = tg_test_read(tg_grad(x));
    for (int i = 0; i < c->n; i++)
        if (!tg_test_close(values[i], c->y[i], 1e-15, 0) ||
            !tg_test_close(slopes[i], c->g[i], 1e-14, 0))
            fail_msg("%s at %.17g: value %.17g (expected %.17g), slope %.17g (expected %.17g)",
                     c->name, c->x[i], values[i], c->y[i], slopes[i], c->g[i]);
    free(values);
    free(slopes);
}

#define check_all_corners(cases)                                                                   \
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)                                      \
    check_corners(&cases[k])

/* A function and its in-place form. */
typedef struct {
    const char *name;
    unary op, in_place;
} forms;

/* Integers and bool give f32. */
static inline void check_gives_f32(const char *name, unary op) {
    static const tg_dtype from[] = {TG_I64, TG_I32, TG_U8, TG_BOOL};
    for (int d = 0; d < 4; d++) {
        tg_tensor *x = row(from[d], LIST(1, 0));
        tg_tensor *y = op(x);
        assert_shape(y, TG_F32, TG_SHAPE(2));
        tg_tensor *expected = op(tg_cast(x, TG_F32));
        for (int i = 0; i < 2; i++)
            if (!tg_test_close(at(y, i), at(expected, i), 0, 0))
                fail_msg("%s of %s is not that of f32", name, tg_dtype_name(from[d]));
    }
}

/* The in-place form gives the bits and the gradient of the other. */
static inline void check_in_place(const char *name, unary plain, unary in_place) {
    static const double points[] = {0.25, 0.75, 0.5};
    tg_tensor *a = leaf(row(TG_F64, 3, points));
    tg_tensor *b = leaf(row(TG_F64, 3, points));
    tg_tensor *y = plain(tg_mul_scalar(a, 1));
    tg_tensor *x = tg_mul_scalar(b, 1);
    assert_ptr_equal(in_place(x), x);
    sum_backward(tg_square(y));
    sum_backward(tg_square(x));
    for (int i = 0; i < 3; i++)
        if (!tg_test_close(at(x, i), at(y, i), 0, 0) ||
            !tg_test_close(at(tg_grad(b), i), at(tg_grad(a), i), 0, 0))
            fail_msg("%s in place differs at %g", name, points[i]);
}

/* The same for all. */
static inline void check_give_f32(const forms *f, size_t n) {
    for (size_t k = 0; k < n; k++)
        check_gives_f32(f[k].name, f[k].op);
}
static inline void check_all_in_place(const forms *f, size_t n) {
    for (size_t k = 0; k < n; k++)
        check_in_place(f[k].name, f[k].op, f[k].in_place);
}

#endif
