/* test_matmul.c - matmul in all ranks, dot, linear. */
#include "tensors.h"

#define INF INFINITY

/* Whole numbers in [-4, 4]: every product and sum of them is exact. */
static tg_tensor *whole(tg_dtype dtype, int ndim, const int64_t *shape, uint32_t seed) {
    int64_t n = 1;
    for (int i = 0; i < ndim; i++)
        n *= shape[i];
    double *values = malloc((size_t)n * sizeof *values + 1);
    assert_non_null(values);
    for (int64_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        values[i] = (double)(seed >> 24) - 128;
        values[i] = (double)((int)values[i] % 5);
    }
    tg_tensor *x = of(dtype, ndim, shape, (size_t)n, values);
    free(values);
    return x;
}

/* Σ_k a[.., i, k]·b[.., k, j] by elementwise operations. */
static tg_tensor *naive(tg_tensor *a, tg_tensor *b) {
    bool row_vector = tg_ndim(a) == 1;
    bool column_vector = tg_ndim(b) == 1;
    a = row_vector ? tg_unsqueeze(a, 0) : a;
    b = column_vector ? tg_unsqueeze(b, 1) : b;
    tg_tensor *y = tg_sum(tg_mul(tg_unsqueeze(a, -1), tg_unsqueeze(b, -3)), TG_DIMS(-2), false);
    if (column_vector)
        y = tg_squeeze(y, TG_DIMS(-1));
    if (row_vector)
        y = tg_squeeze(y, TG_DIMS(column_vector ? -1 : -2));
    return y;
}

static void assert_same(const tg_tensor *got, const tg_tensor *expected) {
    assert_shape(got, tg_dtype_of(expected), tg_ndim(expected), tg_shape(expected));
    size_t bytes = (size_t)tg_numel(got) * tg_dtype_size(tg_dtype_of(got));
    char *a = malloc(2 * bytes + 1);
    assert_non_null(a);
    assert_ok(tg_copy_to(got, a, bytes));
    assert_ok(tg_copy_to(expected, a + bytes, bytes));
    assert_memory_equal(a, a + bytes, bytes);
    free(a);
}

typedef struct {
    int na;
    int64_t a[4];
    int nb;
    int64_t b[4];
} ranks;
static const ranks all_ranks[] = {{1, {3}, 1, {3}},
                                  {2, {2, 3}, 1, {3}},
                                  {1, {3}, 2, {3, 4}},
                                  {2, {2, 3}, 2, {3, 4}},
                                  {3, {5, 2, 3}, 1, {3}},
                                  {1, {3}, 3, {5, 3, 2}},
                                  {3, {5, 2, 3}, 2, {3, 4}},
                                  {2, {2, 3}, 3, {5, 3, 4}},
                                  {3, {5, 2, 3}, 3, {5, 3, 4}},
                                  {3, {1, 2, 3}, 3, {5, 3, 4}},
                                  {4, {5, 1, 2, 3}, 3, {4, 3, 2}},
                                  {4, {2, 5, 1, 3}, 4, {2, 1, 3, 1}},
                                  {2, {1, 1}, 2, {1, 1}},
                                  {2, {4, 0}, 2, {0, 3}},
                                  {1, {0}, 1, {0}},
                                  {3, {0, 2, 3}, 2, {3, 4}},
                                  {3, {2, 2, 0}, 1, {0}},
                                  {2, {0, 3}, 2, {3, 0}}};
#define RANKS (int)(sizeof all_ranks / sizeof *all_ranks)

/* ---- matmul ---- */

static void products_of_all_ranks_and_dtypes_are_exact_on_whole_numbers(void **state) {
    (void)state;
    static const tg_dtype dtypes[] = {TG_F64, TG_F32, TG_I64, TG_I32};
    for (int r = 0; r < RANKS; r++)
        for (int d = 0; d < 4; d++) {
            tg_tensor *a = whole(dtypes[d], all_ranks[r].na, all_ranks[r].a, 1);
            tg_tensor *b = whole(dtypes[d], all_ranks[r].nb, all_ranks[r].b, 2);
            tg_tensor *expected = naive(a, b);
            if (dtypes[d] == TG_I32) /* sum gives i64 */
                expected = tg_cast(expected, TG_I32);
            assert_same(tg_matmul(a, b), expected);
        }
}

/* Every order of the stored dims, steps, offsets, stride 0: operands as they lie in memory. */
static void strided_operands_are_multiplied_as_they_lie(void **state) {
    (void)state;
    tg_tensor *a[6];
    tg_tensor *b[6];
    a[0] = whole(TG_F64, TG_SHAPE(3, 4, 5), 3);
    a[1] = tg_transpose(whole(TG_F64, TG_SHAPE(3, 5, 4), 4), 1, 2);
    a[2] = tg_permute(whole(TG_F64, TG_SHAPE(5, 3, 4), 5), TG_DIMS(1, 2, 0));
    a[3] = tg_slice(whole(TG_F64, TG_SHAPE(3, 4, 11), 6), 2, 1, 11, 2);
    a[4] = tg_expand(whole(TG_F64, TG_SHAPE(1, 4, 5), 7), TG_SHAPE(3, 4, 5));
    a[5] = tg_expand(whole(TG_F64, TG_SHAPE(3, 4, 1), 8), TG_SHAPE(3, 4, 5));
    for (int i = 0; i < 6; i++)
        b[i] = tg_clone(tg_transpose(a[i], 1, 2)); /* [3, 5, 4] */
    b[1] = tg_transpose(a[0], 1, 2);
    b[2] = tg_slice(whole(TG_F64, TG_SHAPE(3, 10, 9), 9), 1, 0, 10, 2);
    b[2] = tg_slice(b[2], 2, 1, 9, 2);
    b[3] = tg_expand(whole(TG_F64, TG_SHAPE(5, 4), 10), TG_SHAPE(3, 5, 4));
    b[4] = tg_expand(whole(TG_F64, TG_SHAPE(3, 1, 4), 11), TG_SHAPE(3, 5, 4));
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 6; j++) {
            assert_same(tg_matmul(a[i], b[j]), naive(a[i], b[j]));
            tg_tensor *m = tg_select(a[i], 0, 1);
            tg_tensor *n = tg_select(b[j], 0, 2);
            assert_same(tg_matmul(m, n), naive(m, n));
            assert_same(tg_matmul(m, tg_select(n, 1, 3)), naive(m, tg_select(n, 1, 3)));
            assert_same(tg_matmul(tg_select(m, 0, 2), n), naive(tg_select(m, 0, 2), n));
            assert_same(tg_matmul(a[i], n), naive(a[i], n));
        }
}

static void larger_products_agree_with_the_exact_one(void **state) {
    (void)state;
    static const int64_t sizes[][3] = {{1, 257, 1},   {64, 64, 64}, {65, 130, 33}, {1, 100, 200},
                                       {200, 100, 1}, {7, 300, 5},  {128, 1, 96}};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        const int64_t *s = sizes[k];
        tg_tensor *a = whole(TG_F32, TG_SHAPE(s[0], s[1]), 20 + (uint32_t)k);
        tg_tensor *b = whole(TG_F32, TG_SHAPE(s[1], s[2]), 40 + (uint32_t)k);
        tg_tensor *exact = tg_cast(naive(a, b), TG_F32);
        assert_same(tg_matmul(a, b), exact);
        tg_tensor *other =
            tg_transpose(tg_matmul(tg_transpose(b, 0, 1), tg_transpose(a, 0, 1)), 0, 1);
        assert_same(other, exact);
    }
}

static void inner_size_0_gives_zeros(void **state) {
    (void)state;
    assert_values(tg_matmul(tg_zeros(TG_F32, TG_SHAPE(2, 0)), tg_zeros(TG_F32, TG_SHAPE(0, 3))), 0,
                  0, 0, 0, 0, 0);
    assert_values(tg_matmul(tg_zeros(TG_F64, TG_SHAPE(0)), tg_zeros(TG_F64, TG_SHAPE(0))), 0);
    tg_tensor *a = leaf(tg_zeros(TG_F64, TG_SHAPE(2, 0)));
    tg_tensor *b = leaf(tg_zeros(TG_F64, TG_SHAPE(0, 3)));
    sum_backward(tg_matmul(a, b));
    assert_shape(tg_grad(a), TG_F64, TG_SHAPE(2, 0));
    assert_shape(tg_grad(b), TG_F64, TG_SHAPE(0, 3));
}

/* A BLAS may skip what is multiplied by 0. */
static void zero_times_nan_and_infinity_is_nan(void **state) {
    (void)state;
    tg_tensor *zero = tg_zeros(TG_F64, TG_SHAPE(2, 2));
    tg_tensor *bad = grid(TG_F64, 2, 2, LIST(NAN, 1, INF, 1));
    assert_values(tg_matmul(zero, bad), NAN, 0, NAN, 0);
    assert_values(tg_matmul(bad, zero), NAN, NAN, NAN, NAN);
    assert_values(tg_matmul(zero, tg_select(bad, 1, 0)), NAN, NAN);
    assert_values(tg_matmul(ROW(0, 0), ROW(1, -INF)), NAN);
    tg_tensor *large = tg_zeros(TG_F32, TG_SHAPE(40, 40));
    tg_tensor *spoilt =
        tg_index_put(tg_zeros(TG_F32, TG_SHAPE(40, 40)), 2, (tg_index_item[]){TG_AT(17), TG_AT(5)},
                     tg_scalar(TG_F32, NAN));
    assert_values(tg_sum(tg_isnan(tg_matmul(large, spoilt)), TG_ALL, false), 40);
    assert_values(tg_sum(tg_isnan(tg_matmul(spoilt, large)), TG_ALL, false), 40);
}

static void dtypes_promote_as_in_arithmetic(void **state) {
    (void)state;
    tg_tensor *f = whole(TG_F32, TG_SHAPE(2, 2), 1);
    tg_tensor *d = whole(TG_F64, TG_SHAPE(2, 2), 2);
    tg_tensor *i = whole(TG_I32, TG_SHAPE(2, 2), 3);
    tg_tensor *l = whole(TG_I64, TG_SHAPE(2, 2), 4);
    tg_tensor *u = tg_ones(TG_U8, TG_SHAPE(2, 2));
    assert_int_equal(tg_dtype_of(tg_matmul(f, d)), TG_F64);
    assert_int_equal(tg_dtype_of(tg_matmul(i, f)), TG_F32);
    assert_int_equal(tg_dtype_of(tg_matmul(i, l)), TG_I64);
    assert_int_equal(tg_dtype_of(tg_matmul(u, i)), TG_I32);
    assert_refused(tg_matmul(u, u), TG_ERR_DTYPE, "matmul: ", "u8 [2, 2]", "f32, f64, i64, i32");
    tg_tensor *b = tg_ones(TG_BOOL, TG_SHAPE(2, 2));
    assert_refused(tg_matmul(b, b), TG_ERR_DTYPE, "matmul: ", "bool [2, 2]");
    tg_tensor *big = grid(TG_I64, 1, 1, LIST(4294967296));
    assert_true(tg_item_i64(tg_matmul(big, big)) == 0); /* wraps */
    tg_tensor *a = leaf(f);
    tg_tensor *w = leaf(d);
    sum_backward(tg_matmul(a, w));
    assert_shape(tg_grad(a), TG_F32, TG_SHAPE(2, 2));
    assert_shape(tg_grad(w), TG_F64, TG_SHAPE(2, 2));
}

static void shapes_that_do_not_fit_are_named_with_advice(void **state) {
    (void)state;
    tg_tensor *a = tg_ones(TG_F32, TG_SHAPE(2, 3));
    tg_tensor *b = tg_ones(TG_F64, TG_SHAPE(4, 5));
    assert_refused(tg_matmul(a, b), TG_ERR_SHAPE, "matmul: ", "f32 [2, 3]", "f64 [4, 5]", "(3)",
                   "(4)");
    assert_refused(tg_matmul(a, a), TG_ERR_SHAPE, "[2, 3]", "did you mean tg_transpose(b, -2, -1)");
    assert_refused(tg_matmul(a, tg_ones(TG_F32, TG_SHAPE(2))), TG_ERR_SHAPE, "f32 [2]", "length");
    assert_refused(
        tg_matmul(tg_ones(TG_F32, TG_SHAPE(3, 2, 2)), tg_ones(TG_F32, TG_SHAPE(4, 2, 2))),
        TG_ERR_SHAPE, "matmul: ", "batch sizes 3 and 4", "[3, 2, 2]", "[4, 2, 2]");
    assert_refused(tg_matmul(number(1), b), TG_ERR_SHAPE, "matmul: ", "argument a is 0-d",
                   "tg_mul");
    assert_refused(tg_matmul(b, number(1)), TG_ERR_SHAPE, "argument b is 0-d");
    assert_refused(tg_matmul(a, NULL), TG_ERR_ARG, "argument b is NULL");
    tg_tensor *tall = tg_expand(tg_ones(TG_F32, TG_SHAPE(1, 1)), TG_SHAPE((int64_t)1 << 31, 1));
    tg_tensor *wide = tg_expand(tg_ones(TG_F32, TG_SHAPE(1, 1)), TG_SHAPE(1, (int64_t)1 << 31));
    assert_refused(tg_matmul(tall, wide), TG_ERR_SHAPE, "matmul: ", "overflow");
}

/* ---- Gradients ---- */

/* Both gradients, and one second derivative, against those of the elementwise form. */
static void gradients_of_all_ranks_are_those_of_the_elementwise_form(void **state) {
    (void)state;
    for (int r = 0; r < RANKS; r++) {
        tg_tensor *g[2][4];
        for (int form = 0; form < 2; form++) {
            tg_tensor *a = leaf(whole(TG_F64, all_ranks[r].na, all_ranks[r].a, 1));
            tg_tensor *b = leaf(whole(TG_F64, all_ranks[r].nb, all_ranks[r].b, 2));
            tg_tensor *y = form == 0 ? tg_matmul(a, b) : naive(a, b);
            y = tg_mul(y, tg_square(y));
            g[form][0] = slope(y, NULL, a);
            g[form][1] = slope(y, NULL, b);
            g[form][2] = slope(tg_square(g[form][0]), NULL, b);
            g[form][3] = slope(tg_square(g[form][1]), NULL, b);
        }
        for (int k = 0; k < 4; k++)
            assert_same(g[0][k], g[1][k]);
    }
}

static void only_what_is_wanted_is_computed(void **state) {
    (void)state;
    tg_tensor *a = leaf(whole(TG_F64, TG_SHAPE(2, 3), 1));
    tg_tensor *b = tg_full(TG_F64, TG_SHAPE(3, 2), 2);
    sum_backward(tg_matmul(a, b));
    assert_values(tg_grad(a), 4, 4, 4, 4, 4, 4);
    assert_null(tg_grad(b));
}

static void a_matrix_times_itself_gets_both_gradients(void **state) {
    (void)state;
    tg_tensor *a = leaf(grid(TG_F64, 2, 2, LIST(1, 2, 3, 4)));
    sum_backward(tg_matmul(a, a));
    assert_values(tg_grad(a), 7, 11, 9, 13);
    assert_ok(tg_zero_grad(&a, 1));
    sum_backward(tg_matmul(a, tg_transpose(a, 0, 1)));
    assert_values(tg_grad(a), 8, 12, 8, 12);
}

/* ---- dot ---- */

static void dot_sums_products_of_two_vectors(void **state) {
    (void)state;
    tg_tensor *a = LEAF(1, 2, 3);
    tg_tensor *b = LEAF(4, -5, 6);
    tg_tensor *y = tg_dot(a, b);
    assert_shape(y, TG_F64, TG_0D);
    assert_values(y, 12);
    assert_ok(tg_backward(y));
    assert_values(tg_grad(a), 4, -5, 6);
    assert_values(tg_grad(b), 1, 2, 3);
    assert_values(tg_dot(row(TG_I32, LIST(2, 3)), row(TG_I32, LIST(5, 7))), 31);
    assert_values(tg_dot(tg_slice(counting(TG_SHAPE(6)), 0, 0, 6, 2), ROW(1, 10, 100)), 420);
    assert_values(tg_dot(tg_zeros(TG_F32, TG_SHAPE(0)), tg_zeros(TG_F32, TG_SHAPE(0))), 0);
    assert_refused(tg_dot(a, ROW(1, 2)), TG_ERR_SHAPE, "dot: ", "f64 [3]", "f64 [2]");
    assert_refused(tg_dot(a, counting(TG_SHAPE(3, 1))), TG_ERR_SHAPE, "dot: ", "1-d");
    assert_refused(tg_dot(number(1), number(1)), TG_ERR_SHAPE, "dot: ");
    assert_refused(tg_dot(row(TG_BOOL, LIST(1)), row(TG_BOOL, LIST(1))), TG_ERR_DTYPE,
                   "dot: ", "bool [1]");
}

/* ---- linear ---- */

static void linear_is_x_times_w_transposed_plus_b(void **state) {
    (void)state;
    static const struct {
        int n;
        int64_t shape[4];
    } xs[] = {{1, {3}},          {2, {5, 3}}, {3, {2, 5, 3}},
              {4, {2, 1, 4, 3}}, {2, {0, 3}}, {3, {2, 0, 3}}};
    for (size_t k = 0; k < sizeof xs / sizeof *xs; k++)
        for (int with_bias = 0; with_bias < 2; with_bias++) {
            tg_tensor *g[2][3];
            for (int form = 0; form < 2; form++) {
                tg_tensor *x = leaf(whole(TG_F64, xs[k].n, xs[k].shape, 1));
                tg_tensor *w = leaf(whole(TG_F64, TG_SHAPE(4, 3), 2));
                tg_tensor *b = leaf(whole(TG_F64, TG_SHAPE(4), 3));
                tg_tensor *y = form == 0 ? tg_linear(x, w, with_bias ? b : TG_NONE)
                                         : tg_matmul(x, tg_transpose(w, 0, 1));
                if (form == 1 && with_bias)
                    y = tg_add(y, b);
                assert_int_equal(tg_ndim(y), xs[k].n);
                assert_int_equal(tg_size(y, -1), 4);
                g[form][0] = slope(tg_mul(y, tg_square(y)), NULL, x);
                g[form][1] = slope(tg_mul(y, tg_square(y)), NULL, w);
                g[form][2] = slope(tg_mul(y, tg_square(y)), NULL, b);
            }
            for (int i = 0; i < 3; i++)
                assert_same(g[0][i], g[1][i]);
        }
}

static void linear_takes_strided_operands_and_no_inputs(void **state) {
    (void)state;
    tg_tensor *x = tg_permute(whole(TG_F32, TG_SHAPE(3, 2, 4), 1), TG_DIMS(2, 1, 0));
    tg_tensor *w = tg_transpose(whole(TG_F32, TG_SHAPE(3, 5), 2), 0, 1);
    tg_tensor *b = tg_slice(whole(TG_F32, TG_SHAPE(10), 3), 0, 0, 10, 2);
    assert_same(tg_linear(x, w, b), tg_add(tg_matmul(x, tg_transpose(w, 0, 1)), b));
    tg_tensor *repeated = tg_expand(tg_ones(TG_F32, TG_SHAPE(1)), TG_SHAPE(5));
    assert_same(tg_linear(x, w, repeated), tg_add_scalar(tg_linear(x, w, TG_NONE), 1));
    /* no inputs: the bias alone */
    tg_tensor *none = leaf(tg_zeros(TG_F64, TG_SHAPE(2, 0)));
    tg_tensor *v = leaf(tg_zeros(TG_F64, TG_SHAPE(3, 0)));
    tg_tensor *y = tg_linear(none, v, ROW(1, 2, 3));
    assert_values(y, 1, 2, 3, 1, 2, 3);
    sum_backward(y);
    assert_shape(tg_grad(v), TG_F64, TG_SHAPE(3, 0));
    assert_shape(tg_grad(none), TG_F64, TG_SHAPE(2, 0));
    assert_shape(
        tg_linear(tg_ones(TG_F32, TG_SHAPE(2, 3)), tg_ones(TG_F32, TG_SHAPE(0, 3)), TG_NONE),
        TG_F32, TG_SHAPE(2, 0));
}

static void linear_refuses_what_does_not_fit(void **state) {
    (void)state;
    tg_tensor *x = tg_ones(TG_F32, TG_SHAPE(2, 3));
    tg_tensor *w = tg_ones(TG_F32, TG_SHAPE(4, 3));
    tg_tensor *b = tg_ones(TG_F32, TG_SHAPE(4));
    assert_refused(tg_linear(x, tg_transpose(w, 0, 1), b), TG_ERR_SHAPE, "linear: ", "f32 [2, 3]",
                   "f32 [3, 4]", "[out, in]");
    assert_refused(tg_linear(x, w, tg_ones(TG_F32, TG_SHAPE(3))), TG_ERR_SHAPE,
                   "linear: ", "b is f32 [3]", "f32 [4, 3]");
    assert_refused(tg_linear(x, w, tg_ones(TG_F32, TG_SHAPE(1, 4))), TG_ERR_SHAPE, "f32 [1, 4]");
    assert_refused(tg_linear(x, tg_ones(TG_F32, TG_SHAPE(3)), b), TG_ERR_SHAPE, "linear: ");
    assert_refused(tg_linear(tg_scalar(TG_F32, 1), w, b), TG_ERR_SHAPE, "linear: ", "f32 []");
    assert_refused(tg_linear(x, tg_cast(w, TG_F64), b), TG_ERR_DTYPE, "linear: ", "f64 [4, 3]",
                   "tg_cast");
    assert_refused(tg_linear(x, w, tg_cast(b, TG_F64)), TG_ERR_DTYPE, "linear: ", "f64 [4]");
    assert_refused(tg_linear(tg_cast(x, TG_I32), tg_cast(w, TG_I32), TG_NONE), TG_ERR_DTYPE,
                   "linear: ", "i32 [2, 3]", "f32");
    assert_refused(tg_linear(x, TG_NONE, b), TG_ERR_ARG, "argument w is TG_NONE");
    assert_refused(tg_linear(x, w, NULL), TG_ERR_ARG, "argument b is NULL");
}

TG_TEST_MAIN(tg_scoped(products_of_all_ranks_and_dtypes_are_exact_on_whole_numbers),
             tg_scoped(strided_operands_are_multiplied_as_they_lie),
             tg_scoped(larger_products_agree_with_the_exact_one),
             tg_scoped(inner_size_0_gives_zeros), tg_scoped(zero_times_nan_and_infinity_is_nan),
             tg_scoped(dtypes_promote_as_in_arithmetic),
             tg_scoped(shapes_that_do_not_fit_are_named_with_advice),
             tg_scoped(gradients_of_all_ranks_are_those_of_the_elementwise_form),
             tg_scoped(only_what_is_wanted_is_computed),
             tg_scoped(a_matrix_times_itself_gets_both_gradients),
             tg_scoped(dot_sums_products_of_two_vectors),
             tg_scoped(linear_is_x_times_w_transposed_plus_b),
             tg_scoped(linear_takes_strided_operands_and_no_inputs),
             tg_scoped(linear_refuses_what_does_not_fit))
