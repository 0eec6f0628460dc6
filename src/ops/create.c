/* create.c - windows.
 *
 * A window is symmetric about the middle of its period: point i is computed from the nearer end, so
 * both halves have the same bits. */
#include "core/tensor.h"
#include "kernels/kernels.h"

#include <tensorgrad/ops_create.h>

#include <math.h>

/* A window's value at a fraction t in [0, 1/2] of its period. */
typedef double (*curve)(double t);

static double turn(double t) { return cos(6.28318530717958647693 * t); }
static double hann(double t) { return 0.5 - 0.5 * turn(t); }
static double hamming(double t) { return 0.54 - 0.46 * turn(t); }
static double blackman(double t) { return t == 0 ? 0 : 0.42 - 0.5 * turn(t) + 0.08 * turn(2 * t); }
static double bartlett(double t) { return 2 * t; }

static tg_tensor *window(const char *op, curve at, tg_dtype dtype, int64_t n, bool periodic) {
    if (n < 0) {
        tg__fail(TG_ERR_ARG, op, "n is %lld; give 0 or more", (long long)n);
        return NULL;
    }
    if (!tg__shape_check(op, dtype, TG_SHAPE(n), NULL, NULL))
        return NULL;
    if (dtype != TG_F32 && dtype != TG_F64) {
        tg__fail(TG_ERR_DTYPE, op, "dtype %s; it takes f32 and f64", tg_dtype_name(dtype));
        return NULL;
    }
    tg_tensor *x = tg__new(op, dtype, TG_SHAPE(n));
    const int64_t period = periodic ? n : n - 1;
    for (int64_t i = 0; x != NULL && i < n; i++) {
        const int64_t near = i <= period - i ? i : period - i;
        const double y = n == 1 ? 1 : at((double)near / (double)period);
        tg__convert_double(dtype, x->data + (size_t)i * tg__item_size(dtype), y);
    }
    return tg__give(x);
}

tg_tensor *tg_hann_window(tg_dtype dtype, int64_t n, bool periodic) {
    return window("hann_window", hann, dtype, n, periodic);
}
tg_tensor *tg_hamming_window(tg_dtype dtype, int64_t n, bool periodic) {
    return window("hamming_window", hamming, dtype, n, periodic);
}
tg_tensor *tg_blackman_window(tg_dtype dtype, int64_t n, bool periodic) {
    return window("blackman_window", blackman, dtype, n, periodic);
}
tg_tensor *tg_bartlett_window(tg_dtype dtype, int64_t n, bool periodic) {
    return window("bartlett_window", bartlett, dtype, n, periodic);
}
