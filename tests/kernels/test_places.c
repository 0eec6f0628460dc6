/* test_places.c - parts of an array by lists of offsets: any strides, order, threads. */
#include "tg_test.h"

#include "kernels/places.h"

#include <stdlib.h>

/* Blocks [2, 3] of an array of doubles, whose rows are 4 apart. */
static void blocks_are_read_and_written_at_their_offsets(void **state) {
    (void)state;
    double x[16];
    double v[12] = {0};
    for (int i = 0; i < 16; i++)
        x[i] = i;
    const int64_t x_at[2] = {5 * 8, 0};
    const int64_t v_at[2] = {0, 6 * 8};
    tg__places p = {.item = 8, .ndim = 2, .shape = {2, 3}, .n = 2, .x_at = x_at, .v_at = v_at};
    p.x_stride[0] = 4 * 8;
    p.x_stride[1] = 8;
    p.v_stride[0] = 3 * 8;
    p.v_stride[1] = 8;
    p.x = (char *)x;
    p.v = (char *)v;
    tg__places_read(&p);
    const double expected[12] = {5, 6, 7, 9, 10, 11, 0, 1, 2, 4, 5, 6};
    assert_memory_equal(v, expected, sizeof v);
    tg__places_add(&p, TG_F64);
    assert_true(x[0] == 0 && x[2] == 4 && x[3] == 3);
    /* element 5 is in both blocks: 5 + 5 + 5, as 5 was in both */
    assert_true(x[5] == 15 && x[7] == 14 && x[11] == 22);
    v[0] = 100;
    v[10] = 200;
    tg__places_write(&p);
    assert_true(x[5] == 200 && x[0] == 0); /* the second block wins */
}

static void every_item_size_moves(void **state) {
    (void)state;
    for (size_t item = 1; item <= 8; item *= 2) {
        char x[32];
        char v[16];
        for (int i = 0; i < 32; i++)
            x[i] = (char)i;
        const int64_t x_at[2] = {(int64_t)(3 * item), (int64_t)item};
        const int64_t v_at[2] = {0, (int64_t)item};
        tg__places p = {.item = item, .n = 2, .x_at = x_at, .v_at = v_at, .x = x, .v = v};
        tg__places_read(&p);
        assert_memory_equal(v, x + 3 * item, item);
        assert_memory_equal(v + item, x + item, item);
        memset(v, 7, sizeof v);
        tg__places_write(&p);
        assert_memory_equal(x + 3 * item, v, item);
        assert_int_equal(x[0], 0);
    }
}

static void sums_do_not_depend_on_threads(void **state) {
    (void)state;
    enum { ROWS = 1000, COLS = 300 };
    float *x = calloc(COLS, sizeof *x);
    float *one = calloc(COLS, sizeof *one);
    float *v = malloc(ROWS * COLS * sizeof *v);
    int64_t *at = calloc(2 * ROWS, sizeof *at);
    assert_true(x != NULL && one != NULL && v != NULL && at != NULL);
    for (int i = 0; i < ROWS * COLS; i++)
        v[i] = 1.0F / (float)(i % 977 + 1);
    for (int i = 0; i < ROWS; i++)
        at[ROWS + i] = (int64_t)i * COLS * 4;
    tg__places p = {.item = 4, .ndim = 1, .shape = {COLS}, .n = ROWS};
    p.x_stride[0] = p.v_stride[0] = 4;
    p.x_at = at;
    p.v_at = at + ROWS;
    p.v = (char *)v;
    p.x = (char *)x;
    tg__places_add(&p, TG_F32);
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COLS; j++)
            one[j] += v[i * COLS + j];
    assert_memory_equal(x, one, COLS * sizeof *x);
    free(x);
    free(one);
    free(v);
    free(at);
}

static void strided_sums_add_up_where_windows_overlap(void **state) {
    (void)state;
    double out[6] = {0};
    const double src[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    tg__add_strided(TG_F64, 2, (const int64_t[]){4, 2}, (char *)out, (const int64_t[]){8, 8},
                    (const char *)src, (const int64_t[]){16, 8});
    const double expected[6] = {1, 5, 9, 13, 8, 0};
    assert_memory_equal(out, expected, sizeof out);
    tg__add_strided(TG_F64, 0, NULL, (char *)out, NULL, (const char *)src, NULL);
    assert_true(out[0] == 2);
}

static void true_ones_are_counted_and_listed(void **state) {
    (void)state;
    const uint8_t mask[6] = {0, 1, 1, 0, 0, 1};
    int64_t at[3];
    assert_int_equal(tg__count_true(mask, 6), 3);
    assert_int_equal(tg__count_true(mask, 0), 0);
    tg__list_true(mask, 6, at);
    assert_true(at[0] == 1 && at[1] == 2 && at[2] == 5);
}

TG_TEST_MAIN(cmocka_unit_test(blocks_are_read_and_written_at_their_offsets),
             cmocka_unit_test(every_item_size_moves),
             cmocka_unit_test(sums_do_not_depend_on_threads),
             cmocka_unit_test(strided_sums_add_up_where_windows_overlap),
             cmocka_unit_test(true_ones_are_counted_and_listed))
