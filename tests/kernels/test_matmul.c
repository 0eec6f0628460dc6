/* test_matmul.c - batched products in every layout, with bias, beyond 32 bits, without memory. */
/* ctest: threads */
#include "base/alloc.h"
#include "kernels/blas.h"
#include "kernels/products.h"

/* A batched product with its memory. */
typedef struct {
    tg__matmul m;
    char *a, *b, *c, *bias;
} problem;

/* Batch strides of an operand whose items span `span` elements; dims in the mask are broadcast. */
static int64_t batch_strides(const tg__matmul *m, int64_t span, unsigned broadcast,
                             int64_t *stride) {
    int64_t size = span;
    for (int d = m->n_batch - 1; d >= 0; d--) {
        stride[d] = broadcast >> d & 1 ? 0 : size;
        if (stride[d] != 0)
            size *= m->batch[d] > 0 ? m->batch[d] : 1;
    }
    return size;
}

/* m, n, k, dtype and the batch are set. Items lie `gap` elements apart. */
static void make(problem *q, operand_layout la, operand_layout lb, int64_t gap,
                 unsigned a_broadcast, unsigned b_broadcast, bool bias) {
    tg__matmul *m = &q->m;
    const int64_t a_span = operand_strides(la, m->m, m->k, &m->a.row, &m->a.col) + gap;
    const int64_t b_span = operand_strides(lb, m->k, m->n, &m->b.row, &m->b.col) + gap;
    const int64_t a_size = batch_strides(m, a_span, a_broadcast, m->a.batch);
    const int64_t b_size = batch_strides(m, b_span, b_broadcast, m->b.batch);
    int64_t c_size = m->m * m->n;
    for (int d = 0; d < m->n_batch; d++)
        c_size *= m->batch[d];
    const size_t item = item_size[m->dtype];
    q->a = malloc((size_t)a_size * item + 1);
    q->b = malloc((size_t)b_size * item + 1);
    q->c = malloc((size_t)c_size * item + 1);
    q->bias = bias ? malloc((size_t)m->n * item + 1) : NULL;
    product_fill(m->dtype, q->a, a_size, 1);
    product_fill(m->dtype, q->b, b_size, 2);
    memset(q->c, 0xFF, (size_t)c_size * item + 1); /* NaNs, which must not matter */
    if (bias)
        product_fill(m->dtype, q->bias, m->n, 3);
    m->a.data = q->a;
    m->b.data = q->b;
    m->c = q->c;
    m->bias = q->bias;
}

static void drop(problem *q) { free(q->a), free(q->b), free(q->c), free(q->bias); }

/* Checks every item, and that nothing was written behind the last one. */
static void check_items(const problem *q) {
    const tg__matmul *m = &q->m;
    const int64_t item = (int64_t)item_size[m->dtype];
    char *start = NULL;
    if (m->bias) {
        start = malloc((size_t)(m->m * m->n * item) + 1);
        for (int64_t i = 0; i < m->m; i++)
            memcpy(start + i * m->n * item, q->bias, (size_t)(m->n * item));
    }
    int64_t items = 1;
    for (int d = 0; d < m->n_batch; d++)
        items *= m->batch[d];
    for (int64_t t = 0; t < items; t++) {
        int64_t a = 0, b = 0, rest = t;
        for (int d = m->n_batch - 1; d >= 0; d--) {
            a += rest % m->batch[d] * m->a.batch[d];
            b += rest % m->batch[d] * m->b.batch[d];
            rest /= m->batch[d];
        }
        tg__gemm g = {.dtype = m->dtype, .m = m->m, .n = m->n, .k = m->k, .c_row = m->n};
        g.a = q->a + a * item;
        g.a_row = m->a.row;
        g.a_col = m->a.col;
        g.b = q->b + b * item;
        g.b_row = m->b.row;
        g.b_col = m->b.col;
        g.c = q->c + t * m->m * m->n * item;
        check_product(&g, start);
    }
    assert_int_equal((uint8_t)q->c[items * m->m * m->n * item], 0xFF);
    free(start);
}

static void run_and_check(problem *q) {
    assert_true(tg__matmul_run(&q->m));
    check_items(q);
    drop(q);
}

/* ---- Sizes and layouts
 * --------------------------------------------------------------------------- */

static const int64_t sizes[] = {0, 1, 2, 3, 7, 8, 9, 33, 65};

static void every_size_is_right(void **state) {
    (void)state;
    for (int dtype = TG_F32; dtype <= TG_F64; dtype++)
        for (int m = 0; m < 9; m++)
            for (int n = 0; n < 9; n++)
                for (int k = 0; k < 9; k++) {
                    const int pick = m * 81 + n * 9 + k + 3 * dtype;
                    problem q = {.m = {.dtype = (tg_dtype)dtype, .m = sizes[m], .n = sizes[n]}};
                    q.m.k = sizes[k];
                    make(&q, (operand_layout)(pick % LAYOUTS),
                         (operand_layout)(pick / LAYOUTS % LAYOUTS), 0, 0, 0, pick % 5 < 2);
                    run_and_check(&q);
                }
}

static void every_pair_of_layouts_is_right(void **state) {
    (void)state;
    static const int64_t shapes[][3] = {{20, 30, 25},  {1, 40, 30},   {40, 1, 30},  {1, 1, 700},
                                        {50, 50, 1},   {1, 700, 1},   {700, 1, 1},  {2, 2, 300},
                                        {100, 90, 80}, {1, 200, 100}, {200, 1, 100}};
    for (int s = 0; s < 11; s++)
        for (int a = 0; a < LAYOUTS; a++)
            for (int b = 0; b < LAYOUTS; b++)
                for (int bias = 0; bias < 2; bias++) {
                    problem q = {.m = {.dtype = (a + b + bias) % 2 ? TG_F32 : TG_F64}};
                    q.m.m = shapes[s][0];
                    q.m.n = shapes[s][1];
                    q.m.k = shapes[s][2];
                    make(&q, (operand_layout)a, (operand_layout)b, 0, 0, 0, bias);
                    run_and_check(&q);
                }
}

/* A problem of random sizes, layouts, batch dims and broadcasting. */
static problem random_problem(uint64_t *random, tg_dtype dtype) {
    problem q = {.m = {.dtype = dtype}};
    q.m.n_batch = (int)random_below(random, 4);
    for (int d = 0; d < q.m.n_batch; d++)
        q.m.batch[d] = random_below(random, 20) == 0 ? 0 : 1 + random_below(random, 4);
    q.m.m = sizes[random_below(random, 9)];
    q.m.n = sizes[random_below(random, 9)];
    q.m.k = sizes[random_below(random, 9)];
    const unsigned mask = (unsigned)next_random(random);
    make(&q, (operand_layout)random_below(random, LAYOUTS),
         (operand_layout)random_below(random, LAYOUTS), mask >> 20 & 3, mask & mask >> 8,
         mask >> 4 & mask >> 12, mask >> 30 & 1);
    return q;
}

static void batches_are_right(void **state) {
    (void)state;
    static const tg_dtype types[] = {TG_F32, TG_F64, TG_F32, TG_F64, TG_I64, TG_I32, TG_U8};
    uint64_t random = 1;
    for (int round = 0; round < 3000; round++) {
        problem q = random_problem(&random, types[round % 7]);
        run_and_check(&q);
    }
}

static void sizes_beyond_the_limit_are_cut(void **state) {
    (void)state;
    uint64_t random = 2;
    tg__blas_int_limit = 7;
    for (int round = 0; round < 600; round++) {
        problem q = random_problem(&random, round % 2 ? TG_F32 : TG_F64);
        run_and_check(&q);
    }
    problem q = {.m = {.dtype = TG_F32, .m = 20, .n = 20, .k = 20}};
    make(&q, ROWS, COLUMNS, 0, 0, 0, true);
    tg__alloc_fail_at(1, true);
    assert_true(tg__matmul_run(&q.m) == !tg__blas_usable()); /* tiles need memory */
    tg__alloc_fail_at(0, false);
    drop(&q);
    tg__blas_int_limit = INT32_MAX;
}

/* ---- What becomes one product
 * -------------------------------------------------------------------- */

static void a_shared_matrix_makes_one_product_of_a_batch(void **state) {
    (void)state;
    enum { BATCH = 8, M = 20, N = 30, K = 40 };
    problem q = {.m = {.dtype = TG_F32, .n_batch = 2, .batch = {2, 4}, .m = M, .n = N, .k = K}};
    make(&q, ROWS, COLUMNS, 0, 0, 3, false);
    for (int d = 0; d < 2; d++) /* items follow on: no gap after the last element */
        q.m.a.batch[d] = d == 0 ? 4 * M * K : M * K;
    char *a = realloc(q.a, (size_t)BATCH * M * K * 4);
    q.a = a;
    product_fill(TG_F32, a, (int64_t)BATCH * M * K, 1);
    q.m.a.data = a;
    assert_true(tg__matmul_run(&q.m));
    float *whole = malloc((size_t)BATCH * M * N * 4);
    tg__matmul one = q.m;
    one.n_batch = 0;
    one.m = BATCH * M;
    one.c = whole;
    assert_true(tg__matmul_run(&one));
    assert_memory_equal(q.c, whole, (size_t)BATCH * M * N * 4);
    free(whole);
    drop(&q);
}

static void a_batch_of_rows_times_one_matrix_is_one_product(void **state) {
    (void)state;
    for (int shared_b = 0; shared_b < 2; shared_b++) {
        /* [64, 1, k] · [k, n], and [1, k] · [64, k, n] with items side by side in each row */
        problem q = {.m = {.dtype = TG_F64, .n_batch = 1, .batch = {64}, .m = 1, .n = 30, .k = 40}};
        make(&q, ROWS, ROWS, 0, shared_b ? 0 : 1, shared_b ? 1 : 0, false);
        if (!shared_b) {
            q.m.b.row = 64 * 30;
            q.m.b.batch[0] = 30;
        }
        run_and_check(&q);
    }
}

/* ---- Memory
 * -------------------------------------------------------------------------------------- */

static bool needs_packing(operand_layout l) {
    return l == SPREAD || l == ONE_ROW || l == ONE_COLUMN || l == ONE_VALUE;
}

static void only_what_blas_cannot_read_is_packed(void **state) {
    (void)state;
    for (int a = 0; a < LAYOUTS; a++)
        for (int b = 0; b < LAYOUTS; b++)
            for (int batched = 0; batched < 2; batched++) {
                problem q = {.m = {.dtype = TG_F32, .m = 30, .n = 31, .k = 32}};
                q.m.n_batch = batched;
                q.m.batch[0] = 3;
                make(&q, (operand_layout)a, (operand_layout)b, 1, 0, 0, false);
                const bool needed = tg__blas_usable() && (needs_packing((operand_layout)a) ||
                                                          needs_packing((operand_layout)b));
                tg__alloc_fail_at(0, false);
                for (uint64_t nth = 1; nth <= 2; nth++) {
                    tg__alloc_fail_at(nth, false);
                    const bool done = tg__matmul_run(&q.m);
                    const uint64_t asked = tg__alloc_fail_at(0, false);
                    assert_true(done == (asked < nth) || !tg__blas_usable());
                    assert_true(needed ? asked > 0 : asked == 0 || !tg__blas_usable());
                }
                run_and_check(&q);
            }
}

static void too_large_to_pack_is_no_memory(void **state) {
    (void)state;
    if (!tg__blas_usable())
        tg_skip("no BLAS, so nothing is packed");
    const float one = 1;
    float c[4];
    tg__matmul m = {.dtype = TG_F32, .m = 2, .n = 2, .k = INT64_MAX / 8, .c = c};
    m.a.data = m.b.data = &one; /* stride 0 everywhere: 2^60 elements that are one */
    const int64_t limit = tg__blas_int_limit;
    tg__blas_int_limit = INT64_MAX;
    assert_false(tg__matmul_run(&m));
    tg__blas_int_limit = limit;
}

/* ---- Values
 * -------------------------------------------------------------------------------------- */

static void nothing_to_add_gives_zeros_or_the_bias(void **state) {
    (void)state;
    float c[2 * 2 * 3];
    const float bias[3] = {1, -2, 3};
    for (int with = 0; with < 2; with++) {
        memset(c, 0xFF, sizeof c);
        tg__matmul m = {
            .dtype = TG_F32, .n_batch = 1, .batch = {2}, .m = 2, .n = 3, .k = 0, .c = c};
        m.bias = with ? bias : NULL;
        assert_true(tg__matmul_run(&m));
        for (int i = 0; i < 12; i++)
            assert_true(c[i] == (with ? bias[i % 3] : 0));
    }
    tg__matmul nothing = {.dtype = TG_F32, .n_batch = 1, .batch = {0}, .m = 2, .n = 3, .k = 4};
    assert_true(tg__matmul_run(&nothing));
    nothing.batch[0] = 2;
    nothing.m = 0;
    assert_true(tg__matmul_run(&nothing));
}

/* 0 · NaN is NaN: in C where A is zero and B has one NaN, the column of the NaN is NaN and the rest
 * 0. */
static void nan_is_never_multiplied_away(void **state) {
    (void)state;
    static const int64_t shapes[][3] = {{2, 3, 4},     {20, 30, 25}, {1, 40, 30},   {40, 1, 30},
                                        {1, 1, 700},   {1, 1, 20},   {100, 90, 80}, {1, 300, 100},
                                        {300, 1, 100}, {33, 65, 9},  {1, 5000, 3},  {5000, 1, 3}};
    const double values[] = {(double)NAN, (double)INFINITY};
    for (int s = 0; s < 12; s++)
        for (int dtype = TG_F32; dtype <= TG_F64; dtype++)
            for (int mode = 0; mode < 16; mode++) {
                problem q = {.m = {.dtype = (tg_dtype)dtype, .m = shapes[s][0], .n = shapes[s][1]}};
                q.m.k = shapes[s][2];
                make(&q, mode & 1 ? ROWS : COLUMNS, mode & 2 ? ROWS : COLUMNS, 0, 0, 0, false);
                const int64_t m = q.m.m, n = q.m.n, k = q.m.k, item = (int64_t)item_size[dtype];
                const bool in_a = mode & 4;
                memset(q.a, 0, (size_t)(m * k * item));
                memset(q.b, 0, (size_t)(k * n * item));
                /* the last element but one of k, in the last row of A or column of B */
                const int64_t p = k > 1 ? k - 2 : 0;
                char *place = in_a ? q.a + (m > 1 ? (m - 1) * q.m.a.row : 0) * item +
                                         (k > 1 ? p * q.m.a.col : 0) * item
                                   : q.b + (k > 1 ? p * q.m.b.row : 0) * item +
                                         (n > 1 ? (n - 1) * q.m.b.col : 0) * item;
                const double v = values[mode >> 3];
                if (dtype == TG_F32)
                    *(float *)place = (float)v;
                else
                    *(double *)place = v;
                assert_true(tg__matmul_run(&q.m));
                for (int64_t i = 0; i < m; i++)
                    for (int64_t j = 0; j < n; j++) {
                        const double c = product_value(q.m.dtype, q.c, i * n + j);
                        assert_true((in_a ? i == m - 1 : j == n - 1) ? isnan(c) : c == 0);
                    }
                drop(&q);
            }
}

static void small_items_give_the_same_bits_for_any_number_of_threads(void **state) {
    (void)state;
    static const int64_t shapes[][3] = {
        {4, 4, 4}, {30, 20, 25}, {1, 60, 50}, {60, 1, 50}, {1, 1, 900}};
    for (int s = 0; s < 5; s++)
        for (int dtype = TG_F32; dtype <= TG_I64; dtype++) {
            problem q = {.m = {.dtype = (tg_dtype)dtype, .n_batch = 1, .batch = {300}}};
            q.m.m = shapes[s][0];
            q.m.n = shapes[s][1];
            q.m.k = shapes[s][2];
            make(&q, SPREAD, COLUMNS, 2, 0, 0, true);
            const size_t bytes = (size_t)(300 * q.m.m * q.m.n) * item_size[dtype];
            char *first = malloc(bytes);
            for (int t = 1; t <= 8; t = t < 3 ? t + 1 : t + 5) {
                assert_ok(tg_set_num_threads(t));
                assert_true(tg__matmul_run(&q.m));
                if (t == 1)
                    memcpy(first, q.c, bytes);
                else
                    assert_memory_equal(q.c, first, bytes);
            }
            free(first);
            run_and_check(&q);
        }
}

TG_TEST_MAIN(cmocka_unit_test(every_size_is_right),
             cmocka_unit_test(every_pair_of_layouts_is_right), cmocka_unit_test(batches_are_right),
             cmocka_unit_test(sizes_beyond_the_limit_are_cut),
             cmocka_unit_test(a_shared_matrix_makes_one_product_of_a_batch),
             cmocka_unit_test(a_batch_of_rows_times_one_matrix_is_one_product),
             cmocka_unit_test(only_what_blas_cannot_read_is_packed),
             cmocka_unit_test(too_large_to_pack_is_no_memory),
             cmocka_unit_test(nothing_to_add_gives_zeros_or_the_bias),
             cmocka_unit_test(nan_is_never_multiplied_away),
             cmocka_unit_test(small_items_give_the_same_bits_for_any_number_of_threads))
