/* test_draw.c - quantiles against SciPy and mpmath, and the use of the random words. */
#include "kernels/draw.h"
#include "kernels/philox.h"
#include "kernels/random_log.h"
#include "tg_test.h"

__extension__ typedef unsigned __int128 wide;

static void normal_quantiles_are_those_of_scipy(void **state) {
    (void)state;
    static const double known[][2] = {{1e-300, -37.0470962993612},
                                      {1e-20, -9.262340089798409},
                                      {1e-5, -4.264890793922825},
                                      {.01, -2.3263478740408408},
                                      {.07, -1.4757910281791706},
                                      {.2, -0.8416212335729142},
                                      {.5, 0},
                                      {.6, 0.2533471031357997},
                                      {.975, 1.959963984540054},
                                      {.999999, 4.753424308817087}};
    for (int i = 0; i < 10; i++)
        assert_close(tg__normal_quantile(known[i][0]), known[i][1], 1e-13, 1e-17);
}

static void poisson_quantiles_are_the_exact_ones(void **state) {
    (void)state;
    static const double mean[] = {.3, 5, 15.9, 16.5, 100.25, 12345.6, 3e6};
    static const double u[] = {1e-6, .1, .5, .9, .999999};
    static const double known[5][7] = {{0, 0, 1, 1, 56, 11821, 2991770},
                                       {0, 2, 11, 11, 88, 12203, 2997780},
                                       {0, 5, 16, 16, 100, 12345, 3000000},
                                       {1, 8, 21, 22, 113, 12488, 3002220},
                                       {5, 19, 38, 39, 151, 12877, 3008237}};
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 7; j++)
            assert_close(tg__poisson_quantile(u[i], mean[j]), known[i][j], 0, 0);
    assert_true(tg__poisson_quantile(.5, 0) == 0);
    assert_close(tg__poisson_quantile(.9, 1e12), 1e12 + 1.2815515655446004e6, 1e-12, 0);
}

static void logarithms_are_exact_to_the_last_bits(void **state) {
    (void)state;
    for (double x = 1e-17; x < 1e18; x *= 1.37)
        assert_close(random_log(x), log(x), 4e-16, 1e-17);
}

static double fraction(const uint32_t *w) {
    return ((double)(((uint64_t)w[0] << 32 | w[1]) >> 12) + .5) * 0x1p-52;
}

static void element_i_is_made_of_its_own_words(void **state) {
    (void)state;
    enum { N = 9001 };
    static double y[N], e[N];
    static int64_t k[N];
    const tg__draw_from from = {3, 1, 0xFFFFFFFFFFFFFF00}; /* the position goes round */
    tg__draw(TG__DRAW_UNIFORM, TG_F64, y, N, 2, 5, TG_F64, NULL, from);
    tg__draw(TG__DRAW_EXPONENTIAL, TG_F64, e, N, 4, 0, TG_F64, NULL, from);
    tg__draw_integers(TG_I64, k, N, -10, 1000, from);
    for (int64_t i = 0; i < N; i++) {
        uint32_t w[4];
        tg__philox(from.seed, from.stream, from.position + (uint64_t)i / 2, w);
        const double u = fraction(w + i % 2 * 2);
        assert_close(y[i], 2 + 3 * u, 1e-15, 0);
        assert_close(e[i], -log(u) / 4, 1e-15, 0);
        const uint64_t word = (uint64_t)w[i % 2 * 2] << 32 | w[i % 2 * 2 + 1];
        assert_true(k[i] == -10 + (int64_t)(uint64_t)((wide)word * 1000 >> 64));
    }
    assert_true(tg__draw_blocks64(N) == 4501 && tg__draw_blocks32(N) == 2251);
    assert_true(tg__draw_blocks64(0) == 0 && tg__draw_blocks32(1) == 1);
}

static void wide_spans_use_all_bits(void **state) {
    (void)state;
    int64_t k[64];
    int64_t all = 0;
    const tg__draw_from from = {3, 1, 0};
    tg__draw_integers(TG_I64, k, 64, 0, UINT64_MAX, from);
    for (int i = 0; i < 64; i++)
        all |= k[i];
    assert_true(all == -1);
}

TG_TEST_MAIN(cmocka_unit_test(normal_quantiles_are_those_of_scipy),
             cmocka_unit_test(poisson_quantiles_are_the_exact_ones),
             cmocka_unit_test(logarithms_are_exact_to_the_last_bits),
             cmocka_unit_test(element_i_is_made_of_its_own_words),
             cmocka_unit_test(wide_spans_use_all_bits))
