/* test_scan.c - running sums, products and extremes along one dim. */
#include "tensors.h"

#define INF INFINITY

static void sums_run_along_any_dim(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(2, 3)));
    assert_values(tg_cumsum(x, 1), 0, 1, 3, 3, 7, 12);
    assert_values(tg_cumsum(tg_transpose(x, 0, 1), -2), 0, 3, 1, 7, 3, 12);
    tg_tensor *g = slope(tg_square(tg_cumsum(x, 1)), NULL, x); /* 2·(sums from behind) */
    assert_values(g, 8, 8, 6, 44, 38, 24);
    assert_values(slope(g, NULL, x), 12, 10, 6, 12, 10, 6);
    assert_values(tg_cumsum(number(4), 0), 4);
    assert_shape(tg_cumsum(tg_zeros(TG_F32, TG_SHAPE(2, 0)), 1), TG_F32, TG_SHAPE(2, 0));
}

static void integers_and_bool_run_in_i64(void **state) {
    (void)state;
    assert_shape(tg_cumsum(row(TG_U8, LIST(200, 100)), 0), TG_I64, TG_SHAPE(2));
    assert_values(tg_cumsum(row(TG_U8, LIST(200, 100)), 0), 200, 300);
    assert_values(tg_cumsum(row(TG_BOOL, LIST(1, 0, 1)), 0), 1, 1, 2);
    assert_values(tg_cumprod(row(TG_I32, LIST(65536, 65536, 2)), 0), 65536, 4294967296.0,
                  8589934592.0);
    tg_tensor *x = row(TG_I32, LIST(2, 3, 4)); /* in place the dtype stays */
    assert_ptr_equal(tg_cumprod_(x, 0), x);
    assert_shape(x, TG_I32, TG_SHAPE(3));
    assert_values(x, 2, 6, 24);
    assert_values(tg_cumsum_(x, -1), 2, 8, 32);
}

static void f32_is_accumulated_in_f64(void **state) {
    (void)state;
    tg_tensor *x = row(TG_F32, LIST(1e8, 1, -1e8, 1));
    assert_values(tg_cumsum(x, 0), 1e8, 1e8, 1, 2);
    x = row(TG_F32, LIST(1e30, 1e30, 1e-30));
    assert_values_near(tg_select(tg_cumprod(x, 0), 0, 2), 1e-6, 1e30);
}

/* Values of PyTorch. */
static void slopes_of_products_are_exact_with_zeros(void **state) {
    (void)state;
    static const struct {
        double x[3], g[3], h[3]; /* h: slope of the sum of g */
    } cases[] = {{{2, 0, 4}, {1, 10, 0}, {5, 7, 2}},
                 {{2, 0, 0}, {1, 2, 0}, {1, 3, 2}},
                 {{2, 3, 4}, {16, 10, 6}, {8, 7, 5}}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        tg_tensor *x = leaf(row(TG_F64, 3, cases[k].x));
        tg_tensor *g = slope(tg_cumprod(x, 0), NULL, x);
        tg_tensor *h = slope(g, NULL, x);
        for (int i = 0; i < 3; i++) {
            assert_true(at(g, i) == cases[k].g[i]);
            assert_true(at(h, i) == cases[k].h[i]);
        }
    }
}

static void logcumsumexp_neither_overflows_nor_gives_nan(void **state) {
    (void)state;
    tg_tensor *x = LEAF(-INF, -INF, 1, 2);
    tg_tensor *y = tg_logcumsumexp(x, 0);
    assert_values_near(y, 1e-15, -INF, -INF, 1, 2.3132616875182228);
    assert_values_near(slope(y, NULL, x), 1e-15, 0, 0, 1.2689414213699951, 0.7310585786300049);
    assert_values(tg_logcumsumexp(ROW(1000, 1000 - 800, 1000), 0), 1000, 1000,
                  1000 + 0.69314718055994531);
    assert_values(tg_logcumsumexp(ROW(-1000, INF, 3, NAN, 1), 0), -1000, INF, INF, NAN, NAN);
    assert_shape(tg_logcumsumexp(row(TG_I64, LIST(1, 2)), 0), TG_F32, TG_SHAPE(2));
    x = LEAF(800, -800, 0); /* e^(y0 - y1) and its like stay below 1 */
    assert_values(slope(tg_logcumsumexp(x, 0), NULL, x), 3, 0, 0);
}

static void running_extremes_move_to_the_last_of_equals(void **state) {
    (void)state;
    tg_tensor *where;
    tg_tensor *x = LEAF(1, 1, 0, 2);
    tg_tensor *y = tg_cummax(x, 0, &where);
    assert_values(y, 1, 1, 1, 2);
    assert_shape(where, TG_I64, TG_SHAPE(4));
    assert_values(where, 0, 1, 1, 3);
    tg_tensor *g = slope(tg_square(y), NULL, x);
    assert_values(g, 2, 4, 0, 4);
    assert_values(slope(g, NULL, x), 2, 4, 0, 2);
    y = tg_cummin(ROW(2, 1, 1, 3), -1, &where);
    assert_values(y, 2, 1, 1, 1);
    assert_values(where, 0, 1, 2, 2);
    y = tg_cummin(ROW(1, NAN, 3, NAN, 0), 0, &where);
    assert_values(y, 1, NAN, NAN, NAN, NAN);
    assert_values(where, 0, 1, 1, 3, 3);
    assert_values(tg_cummax(grid(TG_U8, 3, 2, LIST(1, 9, 200, 3, 7, 9)), 0, &where), 1, 9, 200, 9,
                  200, 9);
    assert_values(where, 0, 0, 1, 0, 1, 2);
    assert_values(tg_cummax(number(3), 0, NULL), 3);
}

static void bad_dims_are_refused_by_name(void **state) {
    (void)state;
    tg_tensor *where = number(1);
    assert_refused(tg_cumsum(ROW(1), 1), TG_ERR_INDEX, "cumsum: ", "dim 1", "f64 [1]");
    assert_refused(tg_cumprod(ROW(1), -2), TG_ERR_INDEX, "cumprod: ", "dim -2");
    assert_refused(tg_cummax(ROW(1), 3, &where), TG_ERR_INDEX, "cummax: ", "dim 3");
    assert_null(where);
}

static void scans_are_the_same_bits_for_any_thread_count(void **state) {
    (void)state;
    const int before = tg_num_threads();
    tg_tensor *x = tg_reshape(tg_sin_(tg_arange(TG_F64, 0, 120000, 1)), TG_SHAPE(3, 400, 100));
    tg_tensor *out[2][3];
    for (int k = 0; k < 2; k++) {
        assert_ok(tg_set_num_threads(k == 0 ? 1 : 5));
        for (int dim = 0; dim < 3; dim++)
            out[k][dim] = tg_cumsum(x, dim);
    }
    assert_ok(tg_set_num_threads(before));
    for (int i = 0; i < 3; i++)
        assert_memory_equal(tg_data(out[0][i]), tg_data(out[1][i]),
                            8 * (size_t)tg_numel(out[0][i]));
}

TG_TEST_MAIN(tg_scoped(sums_run_along_any_dim), tg_scoped(integers_and_bool_run_in_i64),
             tg_scoped(f32_is_accumulated_in_f64),
             tg_scoped(slopes_of_products_are_exact_with_zeros),
             tg_scoped(logcumsumexp_neither_overflows_nor_gives_nan),
             tg_scoped(running_extremes_move_to_the_last_of_equals),
             tg_scoped(bad_dims_are_refused_by_name),
             tg_scoped(scans_are_the_same_bits_for_any_thread_count))
