/* test_create.c - windows: values of PyTorch 2.13. */
#include "tensors.h"

#include <tensorgrad/tensorgrad.h>

#define near(x, ...) tg_test_values(x, 1e-13, 1e-15, LIST(__VA_ARGS__), #x, __FILE__, __LINE__)

static void windows_are_those_of_pytorch(void **state) {
    (void)state;
    near(tg_hann_window(TG_F64, 5, true), 0, 0.3454915028125263, 0.9045084971874737,
         0.9045084971874737, 0.3454915028125264);
    near(tg_hann_window(TG_F64, 5, false), 0, .5, 1, .5, 0);
    near(tg_hamming_window(TG_F64, 5, true), .08, 0.3978521825875242, 0.9121478174124757,
         0.9121478174124757, 0.3978521825875242);
    near(tg_hamming_window(TG_F64, 5, false), .08, .54, 1, .54, .08);
    near(tg_blackman_window(TG_F64, 5, true), 0, 0.20077014326253045, 0.8492298567374694,
         0.8492298567374694, 0.20077014326253045);
    near(tg_blackman_window(TG_F64, 5, false), 0, .34, 1, .34, 0);
    near(tg_bartlett_window(TG_F64, 5, true), 0, .4, .8, .8, .4);
    near(tg_bartlett_window(TG_F64, 5, false), 0, .5, 1, .5, 0);
}

static void short_windows_are_ones_or_empty(void **state) {
    (void)state;
    tg_tensor *(*const all[])(tg_dtype, int64_t, bool) = {tg_hann_window, tg_hamming_window,
                                                          tg_blackman_window, tg_bartlett_window};
    for (int k = 0; k < 4; k++)
        for (int periodic = 0; periodic < 2; periodic++) {
            assert_shape(all[k](TG_F32, 0, periodic), TG_F32, TG_SHAPE(0));
            assert_values(all[k](TG_F32, 1, periodic), 1);
        }
}

static void both_halves_have_the_same_bits(void **state) {
    (void)state;
    enum { N = 1001 };
    const double *w = tg_data(tg_blackman_window(TG_F64, N, false));
    for (int i = 0; i < N; i++)
        assert_true(w[i] == w[N - 1 - i]);
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    assert_refused(tg_hann_window(TG_F64, -1, true), TG_ERR_ARG, "hann_window", "n is -1");
    assert_refused(tg_bartlett_window(TG_I64, 3, true), TG_ERR_DTYPE, "bartlett_window", "i64");
    assert_refused(tg_hamming_window((tg_dtype)99, 3, true), TG_ERR_DTYPE, "hamming_window");
    assert_refused(tg_blackman_window(TG_F64, INT64_MAX, true), TG_ERR_SHAPE, "blackman_window");
}

TG_TEST_MAIN(tg_scoped(windows_are_those_of_pytorch), tg_scoped(short_windows_are_ones_or_empty),
             tg_scoped(both_halves_have_the_same_bits), tg_scoped(what_does_not_fit_is_refused))
