/* test_gemm_reference.c - our own matrix products against exact ones. */
/* ctest: threads */
#include "base/alloc.h"
#include "kernels/products.h"

static const tg_dtype types[] = {TG_F32, TG_F64, TG_I64, TG_I32, TG_U8};
typedef void (*product_fn)(const tg__gemm *g);

/* One product in one pair of layouts, written and added; C has a gap after each row that must stay.
 */
static void check(product_fn fn, tg_dtype dtype, int64_t m, int64_t n, int64_t k, operand_layout la,
                  operand_layout lb, bool add) {
    tg__gemm g = {.dtype = dtype, .m = m, .n = n, .k = k, .c_row = n + 2, .add = add};
    const int64_t a_span = operand_strides(la, m, k, &g.a_row, &g.a_col);
    const int64_t b_span = operand_strides(lb, k, n, &g.b_row, &g.b_col);
    const int64_t c_span = m * g.c_row;
    const size_t item = item_size[dtype];
    char *a = malloc((size_t)a_span * item), *b = malloc((size_t)b_span * item);
    char *c = malloc((size_t)c_span * item + 1), *start = malloc((size_t)c_span * item + 1);
    product_fill(dtype, a, a_span, 1);
    product_fill(dtype, b, b_span, 2);
    product_fill(dtype, start, c_span, 3);
    if (!add) /* what C held must not matter */
        for (int64_t i = 0; i < c_span && dtype <= TG_F64; i++)
            memset(start + (size_t)i * item, 0xFF, item);
    memcpy(c, start, (size_t)c_span * item);
    g.a = a;
    g.b = b;
    g.c = c;
    fn(&g);
    check_product(&g, add ? start : NULL);
    for (int64_t i = 0; i < m; i++)
        assert_memory_equal(c + (size_t)(i * g.c_row + n) * item,
                            start + (size_t)(i * g.c_row + n) * item, 2 * item);
    free(a), free(b), free(c), free(start);
}

static void every_size_and_layout_is_right(void **state) {
    (void)state;
    static const int64_t sizes[] = {0, 1, 2, 3, 7, 8, 9, 33, 65};
    for (int t = 0; t < 5; t++)
        for (int m = 0; m < 9; m++)
            for (int n = 0; n < 9; n++)
                for (int k = 0; k < 9; k++) {
                    const int pick =
                        m * 81 + n * 9 + k + t; /* all pairs come up, with other sizes */
                    check(tg__gemm_reference, types[t], sizes[m], sizes[n], sizes[k],
                          (operand_layout)(pick % LAYOUTS),
                          (operand_layout)(pick / LAYOUTS % LAYOUTS), pick % 3 == 0);
                    if (sizes[m] * sizes[n] * sizes[k] <= 512)
                        check(tg__gemm_small, types[t], sizes[m], sizes[n], sizes[k],
                              (operand_layout)(pick % LAYOUTS),
                              (operand_layout)(pick / LAYOUTS % LAYOUTS), pick % 3 == 0);
                }
}

static void every_pair_of_layouts_is_right(void **state) {
    (void)state;
    for (int t = 0; t < 5; t++)
        for (int a = 0; a < LAYOUTS; a++)
            for (int b = 0; b < LAYOUTS; b++) {
                check(tg__gemm_reference, types[t], 70, 130, 140, (operand_layout)a,
                      (operand_layout)b, false);
                check(tg__gemm_small, types[t], 7, 9, 8, (operand_layout)a, (operand_layout)b,
                      true);
            }
}

static void bits_do_not_depend_on_threads_memory_or_layout(void **state) {
    (void)state;
    enum { M = 150, N = 200, K = 170 };
    static float a[M * K], b[K * N], bt[N * K], first[M * N], c[M * N];
    product_fill(TG_F32, a, M * K, 1);
    product_fill(TG_F32, b, K * N, 2);
    for (int p = 0; p < K; p++)
        for (int j = 0; j < N; j++)
            bt[j * K + p] = b[p * N + j];
    tg__gemm g = {.dtype = TG_F32, .m = M, .n = N, .k = K, .a = a, .a_row = K, .a_col = 1};
    g.b = b;
    g.b_row = N;
    g.b_col = 1;
    g.c = first;
    g.c_row = N;
    assert_ok(tg_set_num_threads(1));
    tg__gemm_reference(&g);
    g.c = c;
    for (int mode = 0; mode < 12; mode++) {
        static const int threads[] = {1, 2, 3, 8};
        assert_ok(tg_set_num_threads(threads[mode % 4]));
        g.b = mode < 4 ? b : bt;
        g.b_row = mode < 4 ? N : 1;
        g.b_col = mode < 4 ? 1 : K;
        if (mode >= 8)
            tg__alloc_fail_at(1, true);
        memset(c, 0, sizeof c);
        tg__gemm_reference(&g);
        tg__alloc_fail_at(0, false);
        assert_memory_equal(c, first, sizeof c);
    }
}

static void no_product_is_skipped(void **state) {
    (void)state;
    for (int64_t n = 1; n <= 40; n += 13)
        for (int transposed = 0; transposed < 2; transposed++) {
            static double a[40 * 40], b[40 * 40], c[40 * 40];
            for (int64_t i = 0; i < n * n; i++)
                a[i] = b[i] = 0;
            b[n * n - 1] = (double)NAN;
            tg__gemm g = {.dtype = TG_F64, .m = n, .n = n, .k = n, .a = a, .a_row = n, .a_col = 1};
            g.b = b;
            g.b_row = transposed ? 1 : n;
            g.b_col = transposed ? n : 1;
            g.c = c;
            g.c_row = n;
            for (int which = 0; which < 2; which++) {
                (which ? tg__gemm_small : tg__gemm_reference)(&g);
                for (int64_t i = 0; i < n; i++)
                    for (int64_t j = 0; j < n; j++)
                        assert_true(j == n - 1 ? isnan(c[i * n + j]) : c[i * n + j] == 0);
            }
        }
}

TG_TEST_MAIN(cmocka_unit_test(every_size_and_layout_is_right),
             cmocka_unit_test(every_pair_of_layouts_is_right),
             cmocka_unit_test(bits_do_not_depend_on_threads_memory_or_layout),
             cmocka_unit_test(no_product_is_skipped))
