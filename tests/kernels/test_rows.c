/* test_rows.c - softmax and its kin against long double, in every layout and corner. */
/* ctest: threads */
#include "base/alloc.h"
#include "kernels/tables.h"
#include "kernels/values.h"
#include "tg_test.h"
#include <stdlib.h>

static const char *const isas[] = {"base", "avx2", "avx512"};
enum { ISAS = 3 };

static double get(tg_dtype dtype, const void *x, int64_t i) {
    return dtype == TG_F32 ? (double)((const float *)x)[i] : ((const double *)x)[i];
}

static void put(tg_dtype dtype, void *x, int64_t i, double value) {
    if (dtype == TG_F32)
        ((float *)x)[i] = (float)value;
    else
        ((double *)x)[i] = value;
}

static double epsilon(tg_dtype dtype) {
    return dtype == TG_F32 ? (double)FLT_EPSILON : DBL_EPSILON;
}

/* Uniform in [-range, range]. */
static void fill(tg_dtype dtype, void *x, int64_t n, double range, uint64_t seed) {
    for (int64_t i = 0; i < n; i++)
        put(dtype, x, i, range * ((double)(next_random(&seed) >> 11) * 0x1p-52 - 1));
}

/* ---- Accuracy -------------------------------------------------------------------------------- */

/* exp(x - max) is off by the rounding of x - max times the distance, so bounds grow with the range.
 */
static void softmax_is_accurate(void **state) {
    (void)state;
    static const int64_t lengths[] = {1,   2,   3,   10,   15,   16,   17,
                                      127, 128, 129, 1000, 1024, 1025, 5000};
    for (int dtype = TG_F32; dtype <= TG_F64; dtype++)
        for (int l = 0; l < 14; l++)
            for (int range = 1; range <= 64; range *= 8) {
                const tg_dtype type = (tg_dtype)dtype;
                const int64_t n = lengths[l];
                static double x[5000], y[5000], log_y[5000];
                fill(type, x, n, range, (uint64_t)n);
                tg__row(TG__ROW_SOFTMAX, type, 1, n, 1, x, NULL, y);
                tg__row(TG__ROW_LOG_SOFTMAX, type, 1, n, 1, x, NULL, log_y);
                double lse;
                tg__row_logsumexp(type, 1, n, 1, x, &lse);
                long double max = (long double)-INFINITY, sum = 0;
                for (int64_t i = 0; i < n; i++)
                    max = fmaxl(max, (long double)get(type, x, i));
                for (int64_t i = 0; i < n; i++)
                    sum += expl((long double)get(type, x, i) - max);
                const double eps = epsilon(type);
                for (int64_t i = 0; i < n; i++) {
                    const long double d = (long double)get(type, x, i) - max;
                    assert_close(get(type, y, i), (double)(expl(d) / sum), eps * (4 + 2 * range),
                                 type == TG_F32 ? (double)FLT_MIN : DBL_MIN);
                    assert_close(get(type, log_y, i), (double)(d - logl(sum)), 2 * eps, 2 * eps);
                }
                assert_close(get(type, &lse, 0), (double)(max + logl(sum)), 2 * eps, 4 * eps);
            }
}

static void gradients_are_accurate(void **state) {
    (void)state;
    static const int64_t lengths[] = {1, 2, 16, 33, 1000, 1025, 3000};
    for (int dtype = TG_F32; dtype <= TG_F64; dtype++)
        for (int l = 0; l < 7; l++) {
            const tg_dtype type = (tg_dtype)dtype;
            const int64_t n = lengths[l];
            static double x[3000], y[3000], g[3000], dx[3000];
            fill(type, x, n, 3, 1);
            fill(type, g, n, 1, 2);
            for (int log_too = 0; log_too < 2; log_too++) {
                tg__row(log_too ? TG__ROW_LOG_SOFTMAX : TG__ROW_SOFTMAX, type, 1, n, 1, x, NULL, y);
                tg__row(log_too ? TG__ROW_LOG_SOFTMAX_GRAD : TG__ROW_SOFTMAX_GRAD, type, 1, n, 1, g,
                        y, dx);
                long double s = 0;
                for (int64_t i = 0; i < n; i++)
                    s +=
                        (long double)get(type, g, i) * (log_too ? 1 : (long double)get(type, y, i));
                for (int64_t i = 0; i < n; i++) {
                    const long double gi = (long double)get(type, g, i);
                    const long double yi = (long double)get(type, y, i);
                    const long double exact = log_too ? gi - expl(yi) * s : yi * (gi - s);
                    assert_close(get(type, dx, i), (double)exact, 4 * epsilon(type),
                                 4 * epsilon(type));
                }
            }
        }
}

static void sums_to_one(void **state) {
    (void)state;
    static float x[4000], y[4000];
    for (int64_t n = 1; n <= 4000; n += 211) {
        fill(TG_F32, x, n, 30, 4);
        tg__row(TG__ROW_SOFTMAX, TG_F32, 1, n, 1, x, NULL, y);
        double sum = 0;
        for (int64_t i = 0; i < n; i++)
            sum += (double)y[i];
        assert_close(sum, 1, 1e-6, 0);
    }
}

/* ---- Corners --------------------------------------------------------------------------------- */

/* The four results of a row of three f32. */
static void run3(const float *x, float *y, float *log_y, float *lse, int64_t inner) {
    float in[3 * 4], out[3 * 4], sums[4];
    for (int64_t i = 0; i < 3; i++)
        for (int64_t j = 0; j < inner; j++)
            in[i * inner + j] = x[i];
    tg__row(TG__ROW_SOFTMAX, TG_F32, 1, 3, inner, in, NULL, out);
    for (int64_t i = 0; i < 3; i++)
        y[i] = out[i * inner + inner - 1];
    tg__row(TG__ROW_LOG_SOFTMAX, TG_F32, 1, 3, inner, in, NULL, out);
    for (int64_t i = 0; i < 3; i++)
        log_y[i] = out[i * inner + inner - 1];
    tg__row_logsumexp(TG_F32, 1, 3, inner, in, sums);
    *lse = sums[inner - 1];
}

static void infinities_behave_as_documented(void **state) {
    (void)state;
    const float inf = INFINITY;
    float y[3], log_y[3], lse;
    for (int64_t inner = 1; inner <= 4; inner += 3) {
        run3((float[]){-inf, -inf, -inf}, y, log_y, &lse, inner);
        for (int i = 0; i < 3; i++)
            assert_true(isnan(y[i]) && isnan(log_y[i]));
        assert_true(lse == -inf);
        run3((float[]){-inf, 2, -inf}, y, log_y, &lse, inner);
        assert_true(y[0] == 0 && y[1] == 1 && log_y[0] == -inf && log_y[1] == 0 && lse == 2);
        run3((float[]){inf, 2, 1}, y, log_y, &lse, inner);
        assert_true(isnan(y[0]) && isnan(y[1]) && isnan(log_y[0]) && isnan(log_y[1]));
        assert_true(lse == inf);
        run3((float[]){1e30F, 0, -1e30F}, y, log_y, &lse, inner);
        assert_true(y[0] == 1 && y[1] == 0 && y[2] == 0);
        assert_true(log_y[0] == 0 && log_y[1] == -1e30F && lse == 1e30F);
        run3((float[]){1, NAN, 2}, y, log_y, &lse, inner);
        for (int i = 0; i < 3; i++)
            assert_true(isnan(y[i]) && isnan(log_y[i]));
        assert_true(isnan(lse));
        run3((float[]){1000, 1000, 1000}, y, log_y, &lse, inner);
        assert_close((double)y[2], 1.0 / 3, 1e-7, 0);
        assert_close((double)lse, 1000 + log(3), 1e-7, 0);
    }
}

static void no_elements_are_fine(void **state) {
    (void)state;
    double y[3] = {7, 7, 7};
    for (int op = 0; op < 4; op++) {
        tg__row((tg__row_op)op, TG_F64, 0, 5, 1, NULL, NULL, NULL);
        tg__row((tg__row_op)op, TG_F64, 3, 0, 1, NULL, NULL, NULL);
        tg__row((tg__row_op)op, TG_F32, 3, 5, 0, NULL, NULL, NULL);
    }
    tg__row_logsumexp(TG_F64, 3, 0, 1, NULL, y);
    for (int i = 0; i < 3; i++)
        assert_true(y[i] == -(double)INFINITY);
    float z[2];
    tg__row_logsumexp(TG_F32, 1, 0, 2, NULL, z);
    assert_true(z[0] == -INFINITY && z[1] == -INFINITY);
    tg__row_logsumexp(TG_F64, 0, 4, 2, NULL, NULL);
    tg__row_prod_others(TG_F64, 2, 0, 3, NULL, NULL);
    tg__row_prod_others(TG_F64, 0, 2, 3, NULL, NULL);
}

/* ---- Layout, threads, instruction sets, memory ----------------------------------------------- */

/* One call; LOGSUMEXP beside the ops of tg__row_op. */
enum { LOGSUMEXP = 4, OPS = 5 };
static void call(const tg__kernels *k, int op, tg_dtype dtype, int64_t outer, int64_t n,
                 int64_t inner, const void *a, const void *b, void *out) {
    if (op == LOGSUMEXP)
        tg__row_logsumexp_with(k, dtype, outer, n, inner, a, out);
    else
        tg__row_with(k, (tg__row_op)op, dtype, outer, n, inner, a, b, out);
}

/* [outer, n, inner] to [outer, inner, n]. */
static void to_rows(int64_t item, int64_t outer, int64_t n, int64_t inner, const char *x,
                    char *rows) {
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < inner; j++)
                memcpy(rows + ((o * inner + j) * n + i) * item,
                       x + ((o * n + i) * inner + j) * item, (size_t)item);
}

static void check_columns(int op, tg_dtype dtype, int64_t outer, int64_t n, int64_t inner) {
    const int64_t item = (int64_t)item_size[dtype], total = outer * n * inner;
    const size_t bytes = (size_t)(total * item);
    char *a = malloc(bytes), *b = malloc(bytes), *out = malloc(bytes), *expected = malloc(bytes);
    char *a_rows = malloc(bytes), *b_rows = malloc(bytes), *out_rows = malloc(bytes);
    fill(dtype, a, total, 5, 1);
    fill(dtype, b, total, 2, 2);
    to_rows(item, outer, n, inner, a, a_rows);
    to_rows(item, outer, n, inner, b, b_rows);
    call(tg__kernels_get(), op, dtype, outer * inner, n, 1, a_rows, b_rows, expected);
    const size_t used = op == LOGSUMEXP ? (size_t)(outer * inner * item) : bytes;
    for (int mode = 0; mode < 6; mode++) {
        assert_ok(tg_set_num_threads(mode == 4 ? 3 : 1));
        const tg__kernels *k = mode < ISAS ? tg__kernels_named(isas[mode]) : tg__kernels_get();
        if (!k)
            continue;
        if (mode == 5)
            tg__alloc_fail_at(1, true);
        if (mode == 3 && op != LOGSUMEXP) { /* in place */
            memcpy(out, a, bytes);
            call(k, op, dtype, outer, n, inner, out, b, out);
        } else {
            call(k, op, dtype, outer, n, inner, a, b, out);
        }
        tg__alloc_fail_at(0, false);
        if (op == LOGSUMEXP)
            memcpy(out_rows, out, used);
        else
            to_rows(item, outer, n, inner, out, out_rows);
        if (memcmp(out_rows, expected, used) != 0) {
            print_error("op %d, %s [%lld, %lld, %lld], mode %d\n", op, type_name[dtype],
                        (long long)outer, (long long)n, (long long)inner, mode);
            fail();
        }
    }
    free(a), free(b), free(out), free(expected), free(a_rows), free(b_rows), free(out_rows);
}

static void columns_give_the_bits_of_rows(void **state) {
    (void)state;
    static const int64_t shapes[][3] = {{1, 1, 2},    {2, 3, 5},     {3, 10, 7},   {1, 16, 64},
                                        {1, 17, 33},  {2, 130, 20},  {1, 1024, 3}, {1, 1025, 40},
                                        {1, 5000, 2}, {2, 40, 2100}, {1, 300, 300}};
    for (int s = 0; s < 11; s++)
        for (int op = 0; op < OPS; op++)
            for (int dtype = TG_F32; dtype <= TG_F64; dtype++)
                check_columns(op, (tg_dtype)dtype, shapes[s][0], shapes[s][1], shapes[s][2]);
}

static void rows_do_not_depend_on_threads_or_instruction_set(void **state) {
    (void)state;
    static const int64_t shapes[][2] = {{1000, 10}, {300, 129}, {30, 3000}, {1, 70000}};
    static double a[90000], b[90000], first[90000], out[90000];
    fill(TG_F64, a, 90000, 4, 1);
    fill(TG_F64, b, 90000, 4, 2);
    for (int s = 0; s < 4; s++)
        for (int op = 0; op < OPS; op++)
            for (int dtype = TG_F32; dtype <= TG_F64; dtype++) {
                const tg_dtype type = (tg_dtype)dtype;
                const int64_t outer = shapes[s][0], n = shapes[s][1];
                if (type == TG_F32) {
                    fill(TG_F32, a, outer * n, 4, 1);
                    fill(TG_F32, b, outer * n, 4, 2);
                } else {
                    fill(TG_F64, a, outer * n, 4, 1);
                    fill(TG_F64, b, outer * n, 4, 2);
                }
                const size_t bytes =
                    (size_t)(op == LOGSUMEXP ? outer : outer * n) * item_size[dtype];
                assert_ok(tg_set_num_threads(1));
                call(tg__kernels_named("base"), op, type, outer, n, 1, a, b, first);
                for (int t = 1; t <= 8; t = t < 3 ? t + 1 : t + 5)
                    for (int i = 0; i < ISAS; i++) {
                        const tg__kernels *k = tg__kernels_named(isas[i]);
                        if (!k)
                            continue;
                        assert_ok(tg_set_num_threads(t));
                        memset(out, 0, bytes);
                        call(k, op, type, outer, n, 1, a, b, out);
                        assert_memory_equal(out, first, bytes);
                    }
            }
}

/* ---- Products of the others ------------------------------------------------------------------ */

static void products_of_the_others_are_accurate(void **state) {
    (void)state;
    static const int64_t lengths[] = {1, 2, 3, 63, 64, 65, 127, 129, 1000};
    for (int dtype = TG_F32; dtype <= TG_F64; dtype++)
        for (int l = 0; l < 9; l++)
            for (int64_t inner = 1; inner <= 3; inner += 2) {
                const tg_dtype type = (tg_dtype)dtype;
                const int64_t n = lengths[l];
                static double x[2 * 3000], y[2 * 3000];
                uint64_t random = (uint64_t)n;
                for (int64_t i = 0; i < 2 * n * inner; i++)
                    put(type, x, i,
                        (1 + (double)(next_random(&random) % 1000) * 1e-3 - 0.44) *
                            (random % 2 ? 1 : -1));
                tg__row_prod_others(type, 2, n, inner, x, y);
                for (int64_t o = 0; o < 2; o++)
                    for (int64_t j = 0; j < inner; j++)
                        for (int64_t i = 0; i < n; i += 1 + n / 50) {
                            long double p = 1;
                            for (int64_t k = 0; k < n; k++)
                                if (k != i)
                                    p *= (long double)get(type, x, (o * n + k) * inner + j);
                            assert_close(get(type, y, (o * n + i) * inner + j), (double)p,
                                         epsilon(type) + (double)n * DBL_EPSILON, 0);
                        }
            }
}

static void products_of_the_others_are_exact_with_zeros(void **state) {
    (void)state;
    static float x[200], y[200];
    for (int i = 0; i < 200; i++)
        x[i] = i % 2 ? 2 : 0.5F;
    x[70] = 0;
    tg__row_prod_others(TG_F32, 1, 200, 1, x, y);
    for (int i = 0; i < 200; i++)
        assert_true(y[i] == (i == 70 ? 2 : 0));
    x[150] = 0;
    tg__row_prod_others(TG_F32, 1, 200, 1, x, y);
    for (int i = 0; i < 200; i++)
        assert_true(y[i] == 0);
    /* Products on the way may leave the range of f32. */
    const float wide[4] = {1e-30F, 1e-30F, 1e30F, 1e30F};
    tg__row_prod_others(TG_F32, 1, 4, 1, wide, y);
    for (int i = 0; i < 4; i++)
        assert_close((double)y[i], i < 2 ? 1e30 : 1e-30, 1e-6, 0);
}

TG_TEST_MAIN(cmocka_unit_test(softmax_is_accurate), cmocka_unit_test(gradients_are_accurate),
             cmocka_unit_test(sums_to_one), cmocka_unit_test(infinities_behave_as_documented),
             cmocka_unit_test(no_elements_are_fine),
             cmocka_unit_test(columns_give_the_bits_of_rows),
             cmocka_unit_test(rows_do_not_depend_on_threads_or_instruction_set),
             cmocka_unit_test(products_of_the_others_are_accurate),
             cmocka_unit_test(products_of_the_others_are_exact_with_zeros))
