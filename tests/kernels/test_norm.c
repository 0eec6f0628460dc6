/* test_norm.c - normalisation of rows and its gradients against plain sums in long double. */
/* ctest: threads */
#include "kernels/norm.h"
#include "kernels/values.h"
#include "tg_test.h"

#include <stdlib.h>

typedef struct {
    int64_t outer, rows, inner;
} sizes;
static const sizes all[] = {{1, 3, 5},  {1, 700, 33}, {1, 2, 5000}, {4, 3, 1},
                            {6, 40, 7}, {2, 1, 9},    {30, 5, 64}};
enum { SIZES = 7, MOST = 40000 };

static double get_at(tg_dtype t, const void *x, int64_t i) {
    return t == TG_F32 ? (double)((const float *)x)[i] : ((const double *)x)[i];
}
static void put_at(tg_dtype t, void *x, int64_t i, double v) {
    if (t == TG_F32)
        ((float *)x)[i] = (float)v;
    else
        ((double *)x)[i] = v;
}

typedef struct {
    long double mean, scale, sum_v, sum_vx;
} plain_row;

/* Element j of row r. */
static int64_t place(const tg__norm *p, int64_t r, int64_t j) {
    return (j / p->inner * p->rows + r) * p->inner + j % p->inner;
}
static int64_t weight_of(const tg__norm *p, bool per_row, int64_t r, int64_t j) {
    return per_row ? r : j % p->inner;
}

static plain_row plain(const tg__norm *p, int64_t r, bool per_row, const void *g, const void *w) {
    const int64_t n = p->outer * p->inner;
    plain_row y = {0};
    long double square = 0;
    for (int64_t j = 0; p->center && j < n; j++)
        y.mean += (long double)get_at(p->dtype, p->x, place(p, r, j)) / n;
    for (int64_t j = 0; j < n; j++) {
        const long double d = (long double)get_at(p->dtype, p->x, place(p, r, j)) - y.mean;
        square += d * d / n;
    }
    y.scale = 1 / sqrtl(square + (long double)p->eps);
    for (int64_t j = 0; j < n; j++) {
        const long double v = (long double)get_at(p->dtype, g, place(p, r, j)) *
                              (long double)get_at(p->dtype, w, weight_of(p, per_row, r, j));
        const long double d = (long double)get_at(p->dtype, p->x, place(p, r, j)) - y.mean;
        y.sum_v += v;
        y.sum_vx += v * d * y.scale;
    }
    return y;
}

static double x[MOST], g[MOST], w[MOST], b[MOST], y[MOST];

static void fill(tg_dtype t) {
    uint64_t seed = 5;
    double *const list[] = {x, g, w, b};
    for (int k = 0; k < 4; k++)
        for (int64_t i = 0; i < MOST; i++)
            put_at(t, list[k], i, (double)(random_below(&seed, 2000) - 1000) / 300 + (k == 0));
}

static void results_are_those_of_plain_sums(void **state) {
    (void)state;
    for (tg_dtype t = TG_F32; t <= TG_F64; t++) {
        fill(t);
        const double rtol = t == TG_F32 ? 1e-6 : 1e-12;
        for (int k = 0; k < 2 * SIZES; k++) {
            const sizes s = all[k / 2];
            const tg__norm p = {t, s.outer, s.rows, s.inner, .01, k % 2, x};
            const bool per_row = s.outer > 1;
            const int64_t n = s.outer * s.inner;
            tg__norm_forward(&p, per_row, w, b, y);
            for (int64_t r = 0; r < s.rows; r++) {
                const plain_row e = plain(&p, r, per_row, g, w);
                for (int64_t j = 0; j < n; j += 3) {
                    const int64_t at = place(&p, r, j), at_w = weight_of(&p, per_row, r, j);
                    const long double normal = ((long double)get_at(t, x, at) - e.mean) * e.scale;
                    assert_close(get_at(t, y, at),
                                 (double)(normal * (long double)get_at(t, w, at_w) +
                                          (long double)get_at(t, b, at_w)),
                                 rtol, rtol);
                }
            }
            tg__norm_backward(&p, per_row, g, w, y);
            for (int64_t r = 0; r < s.rows; r++) {
                const plain_row e = plain(&p, r, per_row, g, w);
                for (int64_t j = 0; j < n; j += 3) {
                    const int64_t at = place(&p, r, j);
                    const long double normal = ((long double)get_at(t, x, at) - e.mean) * e.scale;
                    const long double v = (long double)get_at(t, g, at) *
                                          (long double)get_at(t, w, weight_of(&p, per_row, r, j));
                    const long double mean = p.center ? e.sum_v / n : 0;
                    assert_close(get_at(t, y, at),
                                 (double)(e.scale * (v - mean - normal * e.sum_vx / n)), rtol,
                                 4 * rtol);
                }
            }
        }
    }
}

static void gradients_to_weights_are_sums_over_rows(void **state) {
    (void)state;
    fill(TG_F64);
    for (int k = 0; k < SIZES; k++) {
        const sizes s = all[k];
        const tg__norm p = {TG_F64, s.outer, s.rows, s.inner, .01, true, x};
        const bool per_row = s.outer > 1;
        const int64_t count = per_row ? s.rows : s.inner;
        long double *sum = calloc((size_t)count, sizeof *sum);
        assert_non_null(sum);
        assert_true(tg__norm_weight(&p, per_row, g, y));
        for (int64_t r = 0; r < s.rows; r++) {
            const plain_row e = plain(&p, r, per_row, g, w);
            for (int64_t j = 0; j < s.outer * s.inner; j++)
                sum[weight_of(&p, per_row, r, j)] += (long double)g[place(&p, r, j)] *
                                                     ((long double)x[place(&p, r, j)] - e.mean) *
                                                     e.scale;
        }
        for (int64_t i = 0; i < count; i++)
            assert_close(y[i], (double)sum[i], 1e-11, 1e-11);
        free(sum);
    }
}

static void bits_do_not_depend_on_threads(void **state) {
    (void)state;
    static double z[MOST];
    const tg__norm p = {TG_F64, 1, 1000, 40, .01, true, x};
    fill(TG_F64);
    for (int pass = 0; pass < 3; pass++) {
        for (int threads = 1; threads <= 4; threads += 3) {
            double *out = threads == 1 ? y : z;
            tg_set_num_threads(threads);
            if (pass == 0)
                tg__norm_forward(&p, false, w, b, out);
            else if (pass == 1)
                tg__norm_backward(&p, false, g, w, out);
            else
                assert_true(tg__norm_weight(&p, false, g, out));
        }
        assert_memory_equal(y, z, pass < 2 ? sizeof y : 40 * sizeof *y);
    }
}

static void moments_and_empty_rows(void **state) {
    (void)state;
    const double few[] = {1, 5, 3, 3, 2, 12};
    const tg__norm p = {TG_F64, 3, 2, 1, 0, true, few};
    double mean[2], var[2];
    tg__norm_moments(&p, mean, var);
    assert_true(mean[0] == 2 && var[0] == 2. / 3);
    assert_close(mean[1], 20. / 3, 1e-15, 0);
    assert_close(var[1], 134. / 9, 1e-15, 0);
    const tg__norm none = {TG_F64, 1, 0, 3, 0, true, few};
    assert_true(tg__norm_weight(&none, false, few, y));
    assert_true(y[0] == 0 && y[2] == 0);
}

TG_TEST_MAIN(cmocka_unit_test(results_are_those_of_plain_sums),
             cmocka_unit_test(gradients_to_weights_are_sums_over_rows),
             cmocka_unit_test(bits_do_not_depend_on_threads),
             cmocka_unit_test(moments_and_empty_rows))
