/* test_sequence.c - reading the elements of a reduction in their order, whatever the layout. */
#include "kernels/sequence.h"
#include "kernels/tree.h"
#include "kernels/values.h"
#include "tg_test.h"
#include <stdlib.h>

/* A sum of f64 over the given dims (strides in elements). */
static tg__sequence make_sequence(int ndim, const int64_t *shape, const int64_t *stride) {
    tg__sequence s = {.op = TG__REDUCE_SUM, .tree = true, .floats = true, .item = 8, .ndim = ndim};
    s.k = &tg__kernels_get()->reduce->op[TG__REDUCE_SUM][TG_F64];
    s.length = 1;
    for (int d = 0; d < ndim; d++) {
        s.shape[d] = shape[d];
        s.stride[d] = stride[d] * 8;
        s.length *= shape[d];
    }
    s.contiguous = ndim == 1 && stride[0] == 1;
    return s;
}

static void any_range_is_copied_in_order(void **state) {
    (void)state;
    static const int64_t shape[4] = {3, 5, 4, 7};
    static const int64_t strides[3][4] = {{140, 28, 7, 1}, {1, 3, 15, 60}, {0, 7, 35, 1}};
    double x[500], expected[420], copy[421];
    for (int i = 0; i < 500; i++)
        x[i] = i;
    for (int k = 0; k < 3; k++) {
        const tg__sequence s = make_sequence(4, shape, strides[k]);
        for (int64_t i = 0; i < 420; i++) {
            int64_t at = i, offset = 0;
            for (int d = 3; d >= 0; d--) {
                offset += at % shape[d] * strides[k][d];
                at /= shape[d];
            }
            expected[i] = x[offset];
        }
        for (int64_t first = 0; first < 420; first += 3)
            for (int64_t n = 1; first + n <= 420; n += 1 + n / 3) {
                copy[n] = -1;
                tg__sequence_copy(&s, (const char *)x, first, n, (char *)copy);
                assert_memory_equal(copy, expected + first, (size_t)n * 8);
                assert_true(copy[n] == -1);
            }
    }
}

static void leaves_join_as_the_tree_says(void **state) {
    (void)state;
    enum { LEAVES = 200 };
    double x[LEAVES], padded[LEAVES * 1024];
    memset(padded, 0, sizeof padded);
    uint64_t random = 1;
    for (int i = 0; i < LEAVES; i++)
        padded[i * 1024] = x[i] = 1.0 / (double)(1 + random_below(&random, 1000));
    for (int n = 1; n <= LEAVES; n++) {
        tg__tree t;
        t.n = 0;
        for (int i = 0; i < n; i++)
            tg__tree_push(&t, x[i], false);
        assert_true(tg__tree_result(&t, false) == model_tree(padded, (int64_t)n * 1024, false));
    }
}

static void runs_of_whole_subtrees_join_to_the_same_bits(void **state) {
    (void)state;
    enum { N = 23 * 1024 + 17 };
    static double x[N];
    for (int i = 0; i < N; i++)
        x[i] = 1.0 / (i + 1);
    const tg__sequence s = make_sequence(1, (const int64_t[]){N}, (const int64_t[]){1});
    int64_t at;
    const double whole = tg__sequence_reduce(&s, (const char *)x, 0, N, 0, &at).f;
    assert_true(whole == model_tree(x, N, false));
    for (int64_t run = 1024; run < 2 * N; run *= 2) {
        tg__cell cells[24];
        int64_t n = 0;
        for (int64_t first = 0; first < N; first += run)
            cells[n++] = tg__sequence_reduce(&s, (const char *)x, first,
                                             N - first < run ? N - first : run, 0, &at);
        assert_true(tg__sequence_join(&s, cells, NULL, n, NULL).f == whole);
    }
}

static void positions_join_to_the_first_of_equals(void **state) {
    (void)state;
    tg__sequence s = {.op = TG__REDUCE_ARGMAX, .arg = true, .floats = true};
    const tg__cell cells[5] = {
        {.f = 1}, {.f = 3}, {.f = 3}, {.f = (double)NAN}, {.f = (double)NAN}};
    const int64_t positions[5] = {10, 20, 30, 40, 50};
    int64_t at;
    assert_true(tg__sequence_join(&s, cells, positions, 3, &at).f == 3);
    assert_int_equal(at, 20);
    assert_true(isnan(tg__sequence_join(&s, cells, positions, 5, &at).f));
    assert_int_equal(at, 40);
    s.op = TG__REDUCE_ARGMIN;
    assert_true(tg__sequence_join(&s, cells, positions, 3, &at).f == 1);
    assert_int_equal(at, 10);
}

static void side_by_side_needs_a_row_of_cells_per_level(void **state) {
    (void)state;
    assert_int_equal(tg__cols_levels(1), 4);
    assert_int_equal(tg__cols_levels(1024), 4);
    assert_int_equal(tg__cols_levels(1025), 5);
    assert_int_equal(tg__cols_levels(2048), 5);
    assert_int_equal(tg__cols_levels(2049), 6);
    assert_int_equal(tg__cols_levels(4097), 7);
}

/* Narrow dense rows (a leaf at a time), and the same with a gap after each row (lane by lane). */
static void side_by_side_writes_no_more_than_it_says(void **state) {
    (void)state;
    static const int64_t lengths[] = {1, 2, 15, 16, 17, 100, 1024, 1025, 5000};
    for (int64_t w = 1; w <= 40; w += 13)
        for (int gap = 0; gap < 2; gap++)
            for (int l = 0; l < 9; l++) {
                const int64_t n = lengths[l], step = w + gap;
                const tg__sequence s = make_sequence(1, &n, &step);
                assert_true(tg__sequence_dense(&s, w) == (gap == 0));
                double *x = malloc((size_t)(n * step) * 8), column[5000];
                for (int64_t i = 0; i < n * step; i++)
                    x[i] = 1.0 / (double)(i + 1);
                const int64_t cells = w * (1 + tg__sequence_levels(&s, w, n));
                tg__cell *memory = malloc((size_t)(cells + 1) * sizeof *memory);
                memory[cells].i = 0x5A5A;
                tg__sequence_cols(&s, (const char *)x, w, 0, n, NULL, memory, NULL, memory + w);
                assert_int_equal(memory[cells].i, 0x5A5A);
                for (int64_t j = 0; j < w; j++) {
                    for (int64_t i = 0; i < n; i++)
                        column[i] = x[i * step + j];
                    assert_true(memory[j].f == model_tree(column, n, false));
                }
                free(x);
                free(memory);
            }
}

TG_TEST_MAIN(cmocka_unit_test(any_range_is_copied_in_order),
             cmocka_unit_test(leaves_join_as_the_tree_says),
             cmocka_unit_test(runs_of_whole_subtrees_join_to_the_same_bits),
             cmocka_unit_test(positions_join_to_the_first_of_equals),
             cmocka_unit_test(side_by_side_needs_a_row_of_cells_per_level),
             cmocka_unit_test(side_by_side_writes_no_more_than_it_says))
