/* test_arrange.c - flip, roll, rot90, repeat, repeat_interleave. */
#include "tensors.h"

#define IDS(...) row(TG_I64, LIST(__VA_ARGS__))

static void flip_turns_dims_round(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(2, 3)));
    assert_values(tg_flip(x, TG_DIMS(0)), 3, 4, 5, 0, 1, 2);
    assert_values(tg_flip(x, TG_DIMS(-1)), 2, 1, 0, 5, 4, 3);
    assert_values(tg_flip(x, TG_ALL), 5, 4, 3, 2, 1, 0);
    assert_values(tg_flipud(x), 3, 4, 5, 0, 1, 2);
    assert_values(tg_fliplr(x), 2, 1, 0, 5, 4, 3);
    assert_values(slope(tg_flip(x, TG_DIMS(1)), counting(TG_SHAPE(2, 3)), x), 2, 1, 0, 5, 4, 3);
    assert_values(tg_flip(tg_transpose(x, 0, 1), TG_DIMS(0)), 2, 5, 1, 4, 0, 3);
    assert_values(tg_flip(tg_expand(number(2), TG_SHAPE(3)), TG_ALL), 2, 2, 2);
    assert_values(tg_flip(number(4), TG_ALL), 4);
    assert_shape(tg_flip(tg_zeros(TG_F32, TG_SHAPE(0, 2)), TG_ALL), TG_F32, TG_SHAPE(0, 2));
    for (int dtype = TG_F32; dtype <= TG_BF16; dtype++)
        assert_values(tg_cast(tg_flip(tg_cast(ROW(0, 1, 1), (tg_dtype)dtype), TG_ALL), TG_F64), 1,
                      1, 0);
    assert_refused(tg_flip(x, TG_DIMS(0, 0)), TG_ERR_INDEX, "flip: ");
    assert_refused(tg_fliplr(ROW(1)), TG_ERR_INDEX, "fliplr: ", "dim 1");
}

/* All sizes around the tiles of the copy kernel, against reading backwards. */
static void flips_of_larger_tensors_reverse_too(void **state) {
    (void)state;
    for (int64_t rows = 1; rows < 200; rows = rows * 3 + 1)
        for (int64_t cols = 1; cols < 200; cols = cols * 3 + 2) {
            tg_tensor *x = counting(TG_SHAPE(rows, cols));
            double *both = tg_test_read(tg_flip(tg_transpose(x, 0, 1), TG_ALL));
            double *second = tg_test_read(tg_flip(tg_transpose(x, 0, 1), TG_DIMS(0)));
            for (int64_t j = 0; j < cols; j++)
                for (int64_t i = 0; i < rows; i++) {
                    int64_t at = j * rows + i;
                    assert_true(both[at] == (double)((rows - 1 - i) * cols + cols - 1 - j));
                    assert_true(second[at] == (double)(i * cols + cols - 1 - j));
                }
            free(both);
            free(second);
        }
}

static void roll_moves_round_the_end(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(2, 3)));
    assert_values(tg_roll(x, TG_SHAPE(1), TG_DIMS(1)), 2, 0, 1, 5, 3, 4);
    assert_values(tg_roll(x, TG_SHAPE(-1), TG_DIMS(-1)), 1, 2, 0, 4, 5, 3);
    assert_values(tg_roll(x, TG_SHAPE(1, 4), TG_DIMS(0, 1)), 5, 3, 4, 2, 0, 1);
    assert_values(tg_roll(x, TG_SHAPE(1), TG_ALL), 5, 0, 1, 2, 3, 4);
    assert_values(tg_roll(x, TG_SHAPE(INT64_MIN), TG_DIMS(0)), 0, 1, 2, 3, 4, 5);
    tg_tensor *same = tg_roll(x, TG_SHAPE(3), TG_DIMS(1));
    assert_true(tg_data(same) != tg_data(x)); /* always a copy */
    assert_values(slope(tg_roll(x, TG_SHAPE(1), TG_ALL), counting(TG_SHAPE(2, 3)), x), 1, 2, 3, 4,
                  5, 0);
    assert_shape(tg_roll(tg_zeros(TG_F64, TG_SHAPE(0)), TG_SHAPE(2), TG_DIMS(0)), TG_F64,
                 TG_SHAPE(0));
    assert_refused(tg_roll(x, TG_SHAPE(1, 2), TG_DIMS(0)), TG_ERR_ARG, "2 shifts for 1 dims");
    assert_refused(tg_roll(x, TG_SHAPE(1), TG_DIMS(2)), TG_ERR_INDEX, "roll: ", "dim 2");
}

static void rot90_turns_from_the_first_dim_towards_the_second(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(2, 3)));
    tg_tensor *y = tg_rot90(x, 1, TG_DIMS(0, 1));
    assert_shape(y, TG_F64, TG_SHAPE(3, 2));
    assert_values(y, 2, 5, 1, 4, 0, 3);
    assert_values(tg_rot90(x, 2, TG_ALL), 5, 4, 3, 2, 1, 0);
    assert_values(tg_rot90(x, -1, TG_ALL), 3, 0, 4, 1, 5, 2);
    assert_values(tg_rot90(x, 1, TG_DIMS(1, 0)), 3, 0, 4, 1, 5, 2);
    assert_values(tg_rot90(x, -8, TG_ALL), 0, 1, 2, 3, 4, 5);
    assert_refused(tg_rot90(x, 1, TG_DIMS(0)), TG_ERR_INDEX, "rot90: ");
    assert_refused(tg_rot90(x, 1, TG_DIMS(1, -1)), TG_ERR_INDEX, "rot90: ");
    assert_refused(tg_rot90(ROW(1), 1, TG_ALL), TG_ERR_INDEX, "f64 [1]");
}

static void repeat_puts_copies_side_by_side(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *y = tg_repeat(x, TG_SHAPE(2, 2));
    assert_shape(y, TG_F64, TG_SHAPE(2, 4));
    assert_values(y, 1, 2, 1, 2, 1, 2, 1, 2);
    assert_values(slope(y, counting(TG_SHAPE(2, 4)), x), 12, 16);
    tg_tensor *m = counting(TG_SHAPE(2, 2));
    assert_values(tg_repeat(m, TG_SHAPE(2, 1)), 0, 1, 2, 3, 0, 1, 2, 3);
    assert_values(tg_repeat(m, TG_SHAPE(1, 2)), 0, 1, 0, 1, 2, 3, 2, 3);
    assert_shape(tg_repeat(m, TG_SHAPE(0, 3)), TG_F64, TG_SHAPE(0, 6));
    tg_tensor *copy = tg_repeat(number(5), TG_SHAPE(3)); /* no view: it can be written */
    assert_non_null(tg_fill_(copy, 1));
    assert_true(tg_data(tg_repeat(m, TG_SHAPE(1, 1))) != tg_data(m));
    assert_values(tg_tile(m, TG_SHAPE(2)), 0, 1, 0, 1, 2, 3, 2, 3);
    assert_shape(tg_tile(x, TG_SHAPE(3, 1)), TG_F64, TG_SHAPE(3, 2));
    tg_tensor *deep = tg_zeros(TG_F32, TG_SHAPE(1, 1, 1, 1, 1, 1, 1, 2));
    assert_shape(tg_repeat(deep, TG_SHAPE(2, 1, 1, 1, 1, 1, 3, 2)), TG_F32,
                 TG_SHAPE(2, 1, 1, 1, 1, 1, 3, 4));
    assert_refused(tg_repeat(m, TG_SHAPE(2)), TG_ERR_SHAPE, "repeat: ", "f64 [2, 2]");
    assert_refused(tg_repeat(m, TG_SHAPE(1, -1)), TG_ERR_SHAPE, "[1, -1]");
    assert_refused(tg_repeat(m, TG_SHAPE(INT64_MAX, 2)), TG_ERR_SHAPE, "repeat: ");
    assert_refused(tg_tile(m, TG_SHAPE(-1)), TG_ERR_SHAPE, "tile: ");
}

static void repeat_interleave_repeats_each_element(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(2, 2)));
    assert_values(tg_repeat_interleave(x, 2, TG_DIMS(0)), 0, 1, 0, 1, 2, 3, 2, 3);
    assert_values(tg_repeat_interleave(x, 2, TG_DIMS(-1)), 0, 0, 1, 1, 2, 2, 3, 3);
    assert_values(tg_repeat_interleave(x, 2, TG_ALL), 0, 0, 1, 1, 2, 2, 3, 3);
    assert_shape(tg_repeat_interleave(x, 0, TG_ALL), TG_F64, TG_SHAPE(0));
    tg_tensor *y = tg_repeat_interleave_by(x, IDS(3, 0), TG_DIMS(1));
    assert_shape(y, TG_F64, TG_SHAPE(2, 3));
    assert_values(y, 0, 0, 0, 2, 2, 2);
    assert_values(slope(y, NULL, x), 3, 0, 3, 0);
    assert_values(tg_repeat_interleave_by(x, row(TG_I32, LIST(0, 1, 0, 2)), TG_ALL), 1, 3, 3);
    assert_values(tg_repeat_interleave_by(ROW(1, 2), tg_scalar_i64(2), TG_DIMS(0)), 1, 1, 2, 2);
    assert_refused(tg_repeat_interleave(x, -1, TG_ALL), TG_ERR_ARG, "repeats is -1");
    assert_refused(tg_repeat_interleave_by(x, IDS(1, -2), TG_DIMS(0)), TG_ERR_ARG, "-2 repeats",
                   "position 1");
    assert_refused(tg_repeat_interleave_by(x, IDS(1, 2, 3), TG_DIMS(0)), TG_ERR_SHAPE, "i64 [3]");
    assert_refused(tg_repeat_interleave_by(x, ROW(1, 2), TG_DIMS(0)), TG_ERR_DTYPE, "i64 or i32");
    assert_refused(tg_repeat_interleave(x, 2, TG_DIMS(0, 1)), TG_ERR_INDEX, "2 dims");
}

TG_TEST_MAIN(tg_scoped(flip_turns_dims_round), tg_scoped(flips_of_larger_tensors_reverse_too),
             tg_scoped(roll_moves_round_the_end),
             tg_scoped(rot90_turns_from_the_first_dim_towards_the_second),
             tg_scoped(repeat_puts_copies_side_by_side),
             tg_scoped(repeat_interleave_repeats_each_element))
