/* tree.h - the order of sums, written down a second time, as plainly as possible. */
#ifndef TESTS_KERNELS_TREE_H
#define TESTS_KERNELS_TREE_H

#include <stdbool.h>
#include <stdint.h>

/* A leaf of n <= 1024 elements: 16 lanes, folded by halves. */
static inline double model_leaf(const double *x, int64_t n, bool product) {
    double lane[16];
    for (int l = 0; l < 16; l++)
        lane[l] = product ? 1 : 0;
    for (int64_t i = 0; i < n; i++)
        lane[i % 16] = product ? lane[i % 16] * x[i] : lane[i % 16] + x[i];
    for (int half = 8; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            lane[l] = product ? lane[l] * lane[l + half] : lane[l] + lane[l + half];
    return lane[0];
}

/* Leaves split at the largest power of two below their number. */
static inline double model_tree(const double *x, int64_t n, bool product) {
    if (n <= 1024)
        return model_leaf(x, n, product);
    int64_t left = 1024;
    while (2 * left < n)
        left *= 2;
    const double a = model_tree(x, left, product), b = model_tree(x + left, n - left, product);
    return product ? a * b : a + b;
}

#endif
