/* test_pool.c - maxima and means over windows, against plain loops over all positions. */
/* ctest: threads */
#include "kernels/pool.h"
#include "tg_test.h"

#include <stdlib.h>

static int64_t volume(const int64_t *s) { return s[0] * s[1] * s[2]; }

/* Whether position `at` of the plane lies in window `w`, written from the definition; *count is how
 * many positions the window has with those in the padding. */
static bool inside(const tg__pool *p, int64_t w, int64_t at, double *count) {
    bool in = true;
    *count = 1;
    for (int d = 2; d >= 0; d--) {
        const int64_t i = w % p->out[d], x = at % p->in[d];
        w /= p->out[d];
        at /= p->in[d];
        if (p->adaptive) { /* x overlaps [i·in/out, (i + 1)·in/out) as a unit interval */
            in &= (x + 1) * p->out[d] > i * p->in[d] && x * p->out[d] < (i + 1) * p->in[d];
            continue;
        }
        const int64_t start = i * p->stride[d] - p->pad[d];
        const int64_t steps = x - start;
        in &= steps >= 0 && steps % p->dilation[d] == 0 && steps / p->dilation[d] < p->k[d];
        int64_t within = 0;
        for (int64_t k = 0; k < p->k[d]; k++)
            within += start + k < p->in[d] + p->pad[d];
        *count *= (double)within;
    }
    return in;
}

static void check(const tg__pool *p) {
    const int64_t in = volume(p->in), out = volume(p->out);
    double *x = malloc((size_t)(p->planes * in) * sizeof *x + 1);
    double *y = malloc((size_t)(p->planes * out) * sizeof *y + 1);
    double *back = malloc((size_t)(p->planes * in) * sizeof *back + 1);
    double *expected = calloc((size_t)(p->planes * in) + 1, sizeof *expected);
    int64_t *at = malloc((size_t)(p->planes * out) * sizeof *at + 1);
    assert_true(x && y && back && expected && at);
    for (int64_t i = 0; i < p->planes * in; i++)
        x[i] = floor(4 * sin(1.3 * (double)i));
    assert_true(tg__max_pool(TG_F64, p, x, y, at));
    for (int64_t t = 0; t < p->planes * out; t++) {
        int64_t best = -1;
        double count;
        for (int64_t i = 0; i < in; i++)
            if (inside(p, t % out, i, &count) &&
                (best < 0 || x[t / out * in + i] > x[t / out * in + best]))
                best = i;
        assert_int_equal(at[t], best);
        assert_true(y[t] == x[t / out * in + best]);
    }
    tg__avg_pool(TG_F64, p, x, y);
    for (int64_t t = 0; t < p->planes * out; t++) {
        double sum = 0, count = 0, own = 0;
        for (int64_t i = 0; i < in; i++)
            if (inside(p, t % out, i, &count)) {
                sum += x[t / out * in + i];
                own++;
            }
        const double divisor = p->divisor                     ? (double)p->divisor
                               : p->count_pad && !p->adaptive ? count
                                                              : own;
        assert_close(y[t], sum / divisor, 1e-14, 1e-14);
        for (int64_t i = 0; i < in; i++)
            if (inside(p, t % out, i, &count))
                expected[t / out * in + i] += sum / divisor / divisor;
    }
    tg__avg_pool_grad(TG_F64, p, y, back);
    assert_all_close_f64(back, expected, p->planes * in, 1e-13, 1e-13);
    free(x);
    free(y);
    free(back);
    free(expected);
    free(at);
}

static void windows_agree_with_their_definition(void **state) {
    (void)state;
    uint64_t r = 7;
    for (int round = 0; round < 400; round++) {
        int64_t draw[20];
        for (int i = 0; i < 20; i++) {
            r = r * 6364136223846793005u + 1442695040888963407u;
            draw[i] = (int64_t)(r >> 40);
        }
        tg__pool p = {
            .planes = draw[0] % 4, .count_pad = draw[1] % 2, .adaptive = draw[2] % 3 == 0};
        p.divisor = p.adaptive || draw[3] % 3 ? 0 : 1 + draw[3] % 5;
        for (int d = 0; d < 3; d++) {
            p.in[d] = 1 + draw[4 + d] % 6;
            p.k[d] = 1 + draw[7 + d] % 3;
            p.stride[d] = 1 + draw[10 + d] % 3;
            p.pad[d] = draw[13 + d] % (p.k[d] / 2 + 1);
            p.dilation[d] = 1;
            if (p.adaptive)
                p.out[d] = 1 + draw[16 + d] % 7;
            else
                p.out[d] = (p.in[d] + 2 * p.pad[d] + p.stride[d] - 1 - p.k[d]) / p.stride[d] + 1;
            while (!p.adaptive && (p.out[d] - 1) * p.stride[d] >= p.in[d] + p.pad[d])
                p.out[d]--;
            p.out[d] = p.out[d] > 0 ? p.out[d] : 1;
        }
        check(&p);
    }
    check(&(tg__pool){.planes = 40,
                      .in = {1, 33, 31},
                      .out = {1, 16, 15},
                      .k = {1, 3, 3},
                      .stride = {1, 2, 2},
                      .dilation = {1, 1, 1},
                      .count_pad = true});
}

static void gaps_and_all_dtypes(void **state) {
    (void)state;
    const tg__pool p = {.planes = 1,
                        .in = {1, 1, 6},
                        .out = {1, 1, 2},
                        .k = {1, 1, 3},
                        .stride = {1, 1, 1},
                        .dilation = {1, 1, 2},
                        .pad = {0, 0, 0}};
    int64_t at[2];
    const int64_t wide[6] = {-9, 5, -7, 4, -8, 6};
    int64_t most[2];
    assert_true(tg__max_pool(TG_I64, &p, wide, most, at));
    assert_true(most[0] == -7 && most[1] == 6 && at[0] == 2 && at[1] == 5);
    const int32_t narrow[6] = {-9, 5, -7, 4, -8, 6};
    int32_t less[2];
    assert_true(tg__max_pool(TG_I32, &p, narrow, less, at));
    assert_true(less[0] == -7 && less[1] == 6 && at[0] == 2);
    const uint8_t bytes[6] = {200, 5, 7, 4, 8, 6};
    uint8_t byte[2];
    assert_true(tg__max_pool(TG_U8, &p, bytes, byte, at));
    assert_true(byte[0] == 200 && byte[1] == 6 && at[0] == 0);
    const float f[6] = {1, -INFINITY, NAN, -INFINITY, NAN, -INFINITY};
    float g[2];
    assert_true(tg__max_pool(TG_F32, &p, f, g, at));
    assert_true(isnan(g[0]) && at[0] == 4 && g[1] == -INFINITY && at[1] == 1);
    assert_false(tg__max_pool(TG_BOOL, &p, bytes, byte, at));
}

static void unpooling_clears_and_writes(void **state) {
    (void)state;
    const int64_t at[4] = {2, 0, 1, 1};
    const double x[4] = {5, 6, 7, 8};
    double y[6];
    tg__unpool(8, 2, 2, 3, x, at, y);
    static const double expected[6] = {6, 0, 5, 0, 8, 0};
    assert_all_close_f64(y, expected, 6, 0, 0);
}

TG_TEST_MAIN(cmocka_unit_test(windows_agree_with_their_definition),
             cmocka_unit_test(gaps_and_all_dtypes), cmocka_unit_test(unpooling_clears_and_writes))
