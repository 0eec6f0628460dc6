/* test_pick.c - the named forms of index lists with tensors. */
#include "tensors.h"

#define IDS(...) row(TG_I64, LIST(__VA_ARGS__))

static void index_copy_and_index_fill_write_rows(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(3, 2)));
    tg_tensor *src = leaf(grid(TG_F64, 2, 2, LIST(6, 7, 8, 9)));
    tg_tensor *y = tg_index_copy(x, 0, IDS(2, 0), src);
    assert_values(y, 8, 9, 2, 3, 6, 7);
    assert_values(slope(y, counting(TG_SHAPE(3, 2)), x), 0, 0, 2, 3, 0, 0);
    assert_values(slope(y, counting(TG_SHAPE(3, 2)), src), 4, 5, 0, 1);
    tg_tensor *z = tg_index_fill(x, -1, tg_scalar_i64(1), 5);
    assert_values(z, 0, 5, 2, 5, 4, 5);
    assert_values(slope(z, NULL, x), 1, 0, 1, 0, 1, 0);
    tg_tensor *p = counting(TG_SHAPE(3));
    assert_ptr_equal(tg_index_copy_(p, 0, IDS(-1), ROW(7)), p);
    assert_ptr_equal(tg_index_fill_(p, 0, IDS(0), 4), p);
    assert_values(p, 4, 1, 7);
    assert_refused(tg_index_copy(p, 0, IDS(0, 1), ROW(1)), TG_ERR_SHAPE, "index_copy: ", "f64 [1]");
    assert_refused(tg_index_fill_(p, 0, IDS(0, 3), 9), TG_ERR_INDEX, "index_fill: ", "index 3");
    assert_values(p, 4, 1, 7);
    assert_refused(tg_index_fill(p, 0, row(TG_BOOL, LIST(1, 0, 1)), 9), TG_ERR_DTYPE, "bool [3]");
    assert_refused(tg_index_fill(number(1), 0, IDS(0), 9), TG_ERR_SHAPE, "0-d");
}

static void take_and_put_see_x_flat(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(2, 3)));
    tg_tensor *y = tg_take(x, grid(TG_I64, 2, 2, LIST(0, -1, 4, 0)));
    assert_shape(y, TG_F64, TG_SHAPE(2, 2));
    assert_values(y, 0, 5, 4, 0);
    assert_values(slope(y, NULL, x), 2, 0, 0, 0, 1, 1);
    assert_values(tg_put(x, IDS(1, -1), ROW(8, 9), false), 0, 8, 2, 3, 4, 9);
    assert_values(tg_put(x, IDS(1, 1), ROW(8, 9), true), 0, 18, 2, 3, 4, 5);
    tg_tensor *p = counting(TG_SHAPE(2, 2));
    assert_ptr_equal(tg_put_(p, IDS(3), ROW(7), false), p);
    assert_values(p, 0, 1, 2, 7);
    assert_refused(tg_take(x, IDS(6)), TG_ERR_INDEX, "take: ", "index 6");
    assert_refused(tg_take(x, ROW(1)), TG_ERR_DTYPE, "take: ", "i64 or i32");
    assert_refused(tg_put(x, IDS(1), ROW(1, 2), false), TG_ERR_SHAPE, "put: ", "f64 [2]");
}

static void take_along_dim_broadcasts(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(2, 3)));
    tg_tensor *y = tg_take_along_dim(x, grid(TG_I64, 1, 2, LIST(0, -1)), TG_DIMS(1));
    assert_shape(y, TG_F64, TG_SHAPE(2, 2));
    assert_values(y, 0, 2, 3, 5);
    assert_values(slope(y, NULL, x), 1, 0, 1, 1, 0, 1);
    assert_values(tg_take_along_dim(x, IDS(5, 0, 5), TG_ALL), 5, 0, 5);
    assert_refused(tg_take_along_dim(x, IDS(0), TG_DIMS(1)), TG_ERR_SHAPE, "i64 [1]", "f64 [2, 3]");
    assert_refused(tg_take_along_dim(x, IDS(6), TG_ALL), TG_ERR_INDEX, "index 6");
}

static void select_scatter_and_slice_scatter_replace_a_part(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(2, 3)));
    tg_tensor *src = LEAF(8, 9);
    tg_tensor *y = tg_select_scatter(x, src, 1, -1);
    assert_values(y, 0, 1, 8, 3, 4, 9);
    assert_values(slope(y, NULL, x), 1, 1, 0, 1, 1, 0);
    assert_values(slope(y, NULL, src), 1, 1);
    assert_values(tg_slice_scatter(x, tg_zeros(TG_F64, TG_SHAPE(2, 2)), 1, 0, TG_SLICE_END, 2), 0,
                  1, 0, 0, 4, 0);
    assert_refused(tg_select_scatter(x, ROW(1), 1, 0), TG_ERR_SHAPE, "f64 [1]", "[2]");
    assert_refused(tg_slice_scatter(x, src, 0, 0, 1, 1), TG_ERR_SHAPE, "[1, 3]");
}

TG_TEST_MAIN(tg_scoped(index_copy_and_index_fill_write_rows), tg_scoped(take_and_put_see_x_flat),
             tg_scoped(take_along_dim_broadcasts),
             tg_scoped(select_scatter_and_slice_scatter_replace_a_part))
