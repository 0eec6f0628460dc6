/* pairs.h - functions of two inputs at given pairs. */
#ifndef TESTS_OPS_PAIRS_H
#define TESTS_OPS_PAIRS_H

#include "tensors.h"

#define INF INFINITY

typedef tg_tensor *(*binary)(tg_tensor *a, tg_tensor *b);

/* Values and both gradients at n pairs, within rtol. */
static inline void check_pairs_near(const char *name, binary op, double rtol, size_t n,
                                    const double *a, const double *b, const double *y,
                                    const double *ga, const double *gb) {
    tg_tensor *x = leaf(row(TG_F64, n, a));
    tg_tensor *z = leaf(row(TG_F64, n, b));
    tg_tensor *out = tg_test_made(op(x, z));
    sum_backward(out);
    double *got[3] = {tg_test_read(out), tg_test_read(tg_grad(x)), tg_test_read(tg_grad(z))};
    const double *expected[3] = {y, ga, gb};
    static const char *const what[3] = {"value", "slope to a", "slope to b"};
    for (int k = 0; k < 3; k++) {
        for (size_t i = 0; i < n; i++)
            if (!tg_test_close(got[k][i], expected[k][i], rtol, 0))
                fail_msg("%s(%g, %g): %s %.17g, expected %.17g", name, a[i], b[i], what[k],
                         got[k][i], expected[k][i]);
        free(got[k]);
    }
}
static inline void check_pairs(const char *name, binary op, size_t n, const double *a,
                               const double *b, const double *y, const double *ga,
                               const double *gb) {
    check_pairs_near(name, op, 1e-15, n, a, b, y, ga, gb);
}

/* d²/da², d²/dadb and d²/db² of the sum at n pairs are all finite. */
static inline void second_slopes_are_finite(const char *name, binary op, size_t n, const double *a,
                                            const double *b) {
    tg_tensor *x = leaf(row(TG_F64, n, a));
    tg_tensor *z = leaf(row(TG_F64, n, b));
    tg_tensor *y = tg_test_made(op(x, z));
    tg_tensor *first[2] = {slope(y, NULL, x), slope(y, NULL, z)};
    for (int k = 0; k < 4; k++) {
        double *h = tg_test_read(slope(first[k / 2], NULL, k % 2 == 0 ? x : z));
        for (size_t i = 0; i < n; i++)
            if (!isfinite(h[i]))
                fail_msg("%s(%g, %g): second slope %d is %g", name, a[i], b[i], k, h[i]);
        free(h);
    }
}

#endif
