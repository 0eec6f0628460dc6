/* test_conv.c - convolution and its adjoints against plain loops over all indices. */
/* ctest: threads */
#include "kernels/conv.h"
#include "tg_test.h"

#include <stdlib.h>

static double *numbers(int64_t n, double seed) {
    double *x = malloc((size_t)n * sizeof *x + 1);
    assert_non_null(x);
    for (int64_t i = 0; i < n; i++)
        x[i] = sin(seed + 1.7 * (double)i);
    return x;
}

static int64_t volume(const int64_t *s) { return s[0] * s[1] * s[2]; }

/* Which element of the plane window `at` meets with kernel element `k`, or -1. */
static int64_t meets(const tg__conv *s, int64_t at, int64_t k) {
    int64_t place = 0;
    for (int d = 0, after_out = (int)volume(s->out), after_k = (int)volume(s->k); d < 3; d++) {
        after_out /= (int)s->out[d];
        after_k /= (int)s->k[d];
        const int64_t i = at / after_out % s->out[d] * s->stride[d] - s->pad[d] +
                          k / after_k % s->k[d] * s->dilation[d];
        if (i < 0 || i >= s->in[d])
            return -1;
        place = place * s->in[d] + i;
    }
    return place;
}

/* Calls f for all (x, w, y) that meet. */
#define FOR_ALL(s, xi, wi, yi)                                                                     \
    for (int64_t n = 0; n < (s)->n; n++)                                                           \
        for (int64_t o = 0; o < (s)->groups * (s)->o; o++)                                         \
            for (int64_t c = 0; c < (s)->c; c++)                                                   \
                for (int64_t k = 0; k < volume((s)->k); k++)                                       \
                    for (int64_t p = 0; p < volume((s)->out); p++)                                 \
                        for (int64_t in = meets(s, p, k), once = 1; in >= 0 && once; once = 0)     \
                            for (int64_t                                                           \
                                     xi = ((n * (s)->groups + o / (s)->o) * (s)->c + c) *          \
                                              volume((s)->in) +                                    \
                                          in,                                                      \
                                     wi = (o * (s)->c + c) * volume((s)->k) + k,                   \
                                     yi = (n * (s)->groups * (s)->o + o) * volume((s)->out) + p,   \
                                     each = 1;                                                     \
                                 each; each = 0)

static float *narrow(const double *x, int64_t n) {
    float *f = malloc((size_t)n * sizeof *f + 1);
    assert_non_null(f);
    for (int64_t i = 0; i < n; i++)
        f[i] = (float)x[i];
    return f;
}

static void check(const tg__conv *s) {
    const int64_t nx = s->n * s->groups * s->c * volume(s->in);
    const int64_t nw = s->groups * s->o * s->c * volume(s->k);
    const int64_t ny = s->n * s->groups * s->o * volume(s->out);
    double *x = numbers(nx, 1), *w = numbers(nw, 2), *y = numbers(ny, 3), *b = numbers(99, 4);
    double *xs = calloc((size_t)nx + 1, sizeof *xs), *ws = calloc((size_t)nw + 1, sizeof *ws);
    double *ys = calloc((size_t)ny + 1, sizeof *ys);
    assert_non_null(xs);
    assert_non_null(ws);
    assert_non_null(ys);
    for (int64_t i = 0; i < ny; i++)
        ys[i] = b[i / volume(s->out) % (s->groups * s->o)];
    FOR_ALL(s, xi, wi, yi) {
        ys[yi] += x[xi] * w[wi];
        xs[xi] += y[yi] * w[wi];
        ws[wi] += y[yi] * x[xi];
    }
    float *fx = narrow(x, nx), *fw = narrow(w, nw), *fy = narrow(y, ny);
    double *got = malloc((size_t)(nx + nw + ny) * sizeof *got + 1);
    assert_non_null(got);
    assert_true(tg__conv_forward(TG_F64, s, x, w, b, got));
    assert_all_close_f64(got, ys, ny, 1e-11, 1e-11);
    assert_true(tg__conv_input(TG_F64, s, y, w, got));
    assert_all_close_f64(got, xs, nx, 1e-11, 1e-11);
    assert_true(tg__conv_weight(TG_F64, s, x, y, got));
    assert_all_close_f64(got, ws, nw, 1e-11, 1e-11);
    float *small = (float *)got, *expected = narrow(ws, nw);
    assert_true(tg__conv_weight(TG_F32, s, fx, fy, small));
    assert_all_close_f32(small, expected, nw, 1e-3, 1e-3);
    free(expected);
    expected = narrow(xs, nx);
    assert_true(tg__conv_input(TG_F32, s, fy, fw, small));
    assert_all_close_f32(small, expected, nx, 1e-4, 1e-4);
    free(expected);
    for (int64_t i = 0; i < ny; i++)
        ys[i] -= b[i / volume(s->out) % (s->groups * s->o)];
    expected = narrow(ys, ny);
    assert_true(tg__conv_forward(TG_F32, s, fx, fw, NULL, small));
    assert_all_close_f32(small, expected, ny, 1e-4, 1e-4);
    void *all[] = {x, w, y, b, xs, ws, ys, fx, fw, fy, got, expected};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

static void all_geometries_agree_with_plain_loops(void **state) {
    (void)state;
    uint64_t r = 1;
    for (int round = 0; round < 600; round++) {
        tg__conv s;
        int64_t draw[22];
        for (int i = 0; i < 22; i++) {
            r = r * 6364136223846793005u + 1442695040888963407u;
            draw[i] = (int64_t)(r >> 40);
        }
        s.n = draw[0] % 4;
        s.groups = 1 + draw[1] % 3;
        s.c = 1 + draw[2] % 3;
        s.o = 1 + draw[3] % 6;
        for (int d = 0; d < 3; d++) {
            s.k[d] = round % 5 == 0 ? 1 : 1 + draw[4 + d] % 3;
            s.stride[d] = round % 5 == 0 ? 1 : 1 + draw[7 + d] % 3;
            s.dilation[d] = 1 + draw[10 + d] % 2;
            s.pad[d] = round % 5 == 0 ? 0 : draw[13 + d] % 4;
            const int64_t extent = s.dilation[d] * (s.k[d] - 1) + 1;
            s.in[d] = 1 + draw[16 + d] % 5;
            while (s.in[d] + 2 * s.pad[d] < extent)
                s.in[d]++;
            s.out[d] = (s.in[d] + 2 * s.pad[d] - extent) / s.stride[d] + 1;
        }
        check(&s);
    }
}

/* Several workspaces of columns, with a rest; one image larger than a workspace; depthwise. */
static void batches_are_cut_into_pieces(void **state) {
    (void)state;
    check(&(tg__conv){
        7, 1, 16, 3, {1, 32, 32}, {1, 3, 3}, {1, 32, 32}, {1, 1, 1}, {0, 1, 1}, {1, 1, 1}});
    check(&(tg__conv){
        2, 1, 20, 2, {1, 40, 60}, {1, 3, 3}, {1, 40, 60}, {1, 1, 1}, {0, 1, 1}, {1, 1, 1}});
    check(&(tg__conv){
        3, 8, 1, 2, {1, 33, 29}, {1, 3, 5}, {1, 17, 15}, {1, 2, 2}, {0, 1, 2}, {1, 1, 1}});
}

static void columns_are_laid_out_as_asked_and_added_back(void **state) {
    (void)state;
    const tg__conv s = {1,         1,         1,         1,         {1, 1, 4},
                        {1, 1, 2}, {1, 1, 3}, {1, 1, 2}, {0, 0, 1}, {1, 1, 1}};
    const float x[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    float col[12], back[8];
    tg__im2col(4, &s, 2, x, col, 3, 6); /* two images side by side */
    static const float expected[12] = {0, 2, 4, 0, 6, 8, 1, 3, 0, 5, 7, 0};
    assert_all_close_f32(col, expected, 12, 0, 0);
    tg__im2col(4, &s, 2, x, col, 6, 3); /* one after the other */
    static const float other[12] = {0, 2, 4, 1, 3, 0, 0, 6, 8, 5, 7, 0};
    assert_all_close_f32(col, other, 12, 0, 0);
    tg__col2im(TG_F32, &s, 2, col, back);
    assert_all_close_f32(back, x, 8, 0, 0); /* each position is in one window */
}

TG_TEST_MAIN(cmocka_unit_test(all_geometries_agree_with_plain_loops),
             cmocka_unit_test(batches_are_cut_into_pieces),
             cmocka_unit_test(columns_are_laid_out_as_asked_and_added_back))
