/* test_index.c - gathering and adding by index tensors. */
#include "tensors.h"

#define IDS(...) row(TG_I64, LIST(__VA_ARGS__))

/* ---- index_select ---- */

static void index_select_takes_rows_along_any_dim(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(3, 2));
    tg_tensor *y = tg_index_select(x, 0, IDS(2, 0, 2, 1));
    assert_shape(y, TG_F64, TG_SHAPE(4, 2));
    assert_values(y, 4, 5, 0, 1, 4, 5, 2, 3);
    assert_values(tg_index_select(x, -1, row(TG_I32, LIST(1, 1, 0))), 1, 1, 0, 3, 3, 2, 5, 5, 4);
    assert_shape(tg_index_select(x, 0, tg_zeros(TG_I64, TG_SHAPE(0))), TG_F64, TG_SHAPE(0, 2));
    assert_shape(tg_index_select(x, 1, tg_scalar_i64(1)), TG_F64, TG_SHAPE(3, 1));
    assert_shape(tg_index_select(number(7), 0, IDS(0)), TG_F64, TG_0D);
    for (int dtype = TG_F32; dtype <= TG_BOOL; dtype++)
        assert_values(tg_index_select(row((tg_dtype)dtype, LIST(0, 1)), 0, IDS(1, 0, 1)), 1, 0, 1);
    tg_tensor *turned = tg_transpose(x, 0, 1); /* and strided operands */
    assert_values(tg_index_select(turned, 1, tg_slice(IDS(0, 9, 2, 9), 0, 0, 4, 2)), 0, 4, 1, 5);
}

static void index_select_sums_the_gradient_of_repeated_rows(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(3, 2)));
    tg_tensor *y = tg_index_select(x, 0, IDS(2, 0, 2));
    tg_tensor *g = slope(tg_square(y), NULL, x);
    assert_values(g, 0, 2, 0, 0, 16, 20);
    assert_values(slope(g, NULL, x), 2, 2, 0, 0, 4, 4);
    sum_backward(
        tg_mul(tg_index_select(x, 1, tg_scalar_i64(1)), of(TG_F64, TG_SHAPE(3, 1), LIST(1, 2, 3))));
    assert_values(tg_grad(x), 0, 1, 0, 2, 0, 3);
    tg_tensor *s = leaf(number(3));
    assert_ok(tg_backward(tg_index_select(s, 0, IDS(0))));
    assert_values(tg_grad(s), 1);
    tg_tensor *none = leaf(counting(TG_SHAPE(3, 2)));
    sum_backward(tg_index_select(none, 0, tg_zeros(TG_I64, TG_SHAPE(0))));
    assert_values(tg_grad(none), 0, 0, 0, 0, 0, 0);
}

static void bad_indices_name_position_value_dim_and_range(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(3, 2));
    assert_refused(tg_index_select(x, 0, IDS(0, 1, 3)), TG_ERR_INDEX, "index_select: ", "index 3",
                   "position 2", "dim 0", "f64 [3, 2]", "0 to 2");
    assert_refused(tg_index_select(x, 1, IDS(-1)), TG_ERR_INDEX, "index_select: ", "index -1",
                   "position 0", "dim 1");
    assert_refused(tg_index_select(x, 0, row(TG_I32, LIST(0, 2147483647))), TG_ERR_INDEX,
                   "index 2147483647");
    assert_refused(tg_index_select(tg_zeros(TG_F32, TG_SHAPE(0, 2)), 0, IDS(0)), TG_ERR_INDEX,
                   "f32 [0, 2]");
    assert_refused(tg_index_select(number(1), 0, IDS(1)), TG_ERR_INDEX, "index 1");
    assert_refused(tg_index_select(x, 2, IDS(0)), TG_ERR_INDEX, "dim 2", "-2 to 1");
    assert_refused(tg_gather(x, 0, grid(TG_I64, 2, 2, LIST(0, 1, 2, 3))), TG_ERR_INDEX,
                   "gather: ", "index 3", "position 3", "dim 0", "0 to 2");
    assert_refused(tg_gather(x, 1, grid(TG_I32, 1, 1, LIST(-2))), TG_ERR_INDEX,
                   "gather: ", "index -2");
}

static void indices_must_be_integers_of_one_dim(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(3, 2));
    assert_refused(tg_index_select(x, 0, ROW(0)), TG_ERR_DTYPE, "index_select: ", "f64 [1]",
                   "i64 or i32");
    assert_refused(tg_index_select(x, 0, row(TG_U8, LIST(0))), TG_ERR_DTYPE, "u8 [1]");
    assert_refused(tg_index_select(x, 0, row(TG_BOOL, LIST(0))), TG_ERR_DTYPE, "bool [1]");
    assert_refused(tg_gather(x, 0, ROW(0)), TG_ERR_DTYPE, "gather: ", "f64 [1]", "i64 or i32");
    assert_refused(tg_index_select(x, 0, grid(TG_I64, 1, 1, LIST(0))), TG_ERR_SHAPE,
                   "index_select: ", "i64 [1, 1]", "tg_gather");
    assert_refused(tg_index_select(x, 0, NULL), TG_ERR_ARG, "argument index is NULL");
}

/* ---- gather ---- */

static void gather_picks_along_a_dim(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(3, 4));
    tg_tensor *y = tg_gather(x, 0, grid(TG_I64, 2, 4, LIST(0, 1, 2, 0, 2, 2, 0, 1)));
    assert_shape(y, TG_F64, TG_SHAPE(2, 4));
    assert_values(y, 0, 5, 10, 3, 8, 9, 2, 7);
    assert_values(tg_gather(x, 1, grid(TG_I32, 2, 5, LIST(3, 2, 1, 0, 0, 1, 1, 1, 1, 3))), 3, 2, 1,
                  0, 0, 5, 5, 5, 5, 7);
    assert_values(tg_gather(x, -1, grid(TG_I64, 3, 1, LIST(1, 2, 3))), 1, 6, 11);
    assert_shape(tg_gather(x, 0, tg_zeros(TG_I64, TG_SHAPE(0, 4))), TG_F64, TG_SHAPE(0, 4));
    assert_shape(tg_gather(number(5), 0, tg_scalar_i64(0)), TG_F64, TG_0D);
    assert_values(tg_gather(number(5), 0, tg_scalar_i64(0)), 5);
    assert_values(
        tg_gather(tg_transpose(x, 0, 1), 0, tg_transpose(grid(TG_I64, 3, 1, LIST(1, 2, 3)), 0, 1)),
        1, 6, 11);
}

static void gather_sums_the_gradient_of_repeated_places(void **state) {
    (void)state;
    tg_tensor *x = LEAF(5, 7);
    sum_backward(tg_gather(x, 0, IDS(0, 1, 0)));
    assert_values(tg_grad(x), 2, 1);
    tg_tensor *m = leaf(counting(TG_SHAPE(2, 3)));
    tg_tensor *y = tg_gather(m, 1, grid(TG_I64, 2, 2, LIST(2, 2, 0, 1)));
    tg_tensor *g = slope(tg_square(y), NULL, m);
    assert_values(g, 0, 0, 8, 6, 8, 0);
    assert_values(slope(g, NULL, m), 0, 0, 4, 2, 2, 0);
}

static void gather_wants_an_index_that_fits(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(3, 4));
    assert_refused(tg_gather(x, 0, IDS(0)), TG_ERR_SHAPE, "gather: ", "i64 [1]", "f64 [3, 4]");
    assert_refused(tg_gather(x, 0, tg_zeros(TG_I64, TG_SHAPE(2, 5))), TG_ERR_SHAPE, "i64 [2, 5]");
    assert_shape(tg_gather(x, 0, tg_zeros(TG_I64, TG_SHAPE(9, 4))), TG_F64, TG_SHAPE(9, 4));
    assert_refused(tg_gather(x, 2, tg_zeros(TG_I64, TG_SHAPE(2, 4))), TG_ERR_INDEX, "dim 2");
}

/* ---- scatter_add ---- */

static void scatter_add_adds_repeated_places_in_order(void **state) {
    (void)state;
    tg_tensor *x = ROW(100, 200);
    assert_values(tg_scatter_add(x, 0, IDS(0, 1, 0), ROW(1, 2, 4)), 105, 202);
    assert_values(x, 100, 200);
    /* row-major order decides what rounding leaves: (1e16 + 1) + 1 - 1e16 */
    assert_values(tg_scatter_add(ROW(0), 0, IDS(0, 0, 0, 0), ROW(1e16, 1, 1, -1e16)),
                  ((1e16 + 1) + 1) - 1e16);
    tg_tensor *m = tg_zeros(TG_F64, TG_SHAPE(2, 3));
    tg_tensor *index = grid(TG_I32, 2, 2, LIST(1, 0, 1, 1));
    assert_values(tg_scatter_add(m, 0, index, counting(TG_SHAPE(2, 3))), 0, 1, 0, 3, 4, 0);
    assert_values(tg_scatter_add(m, 1, grid(TG_I64, 1, 3, LIST(2, 2, 0)), counting(TG_SHAPE(1, 3))),
                  2, 0, 1, 0, 0, 0);
    assert_values(tg_scatter_add(number(1), 0, tg_scalar_i64(0), number(2)), 3);
    assert_values(tg_scatter_add(row(TG_U8, LIST(250)), 0, IDS(0), row(TG_U8, LIST(10))), 4);
    assert_values(
        tg_scatter_add(x, 0, tg_zeros(TG_I64, TG_SHAPE(0)), tg_zeros(TG_F64, TG_SHAPE(0))), 100,
        200);
}

static void scatter_add_gives_every_source_the_gradient_of_its_place(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *src = LEAF(3, 4, 5, 6); /* one more than the index uses */
    tg_tensor *y = tg_scatter_add(x, 0, IDS(0, 1, 0), src);
    assert_values(y, 9, 6);
    tg_tensor *gs = slope(tg_square(y), NULL, src);
    assert_values(gs, 18, 12, 18, 0);
    assert_values(slope(gs, NULL, src), 4, 2, 4, 0);
    sum_backward(tg_mul(y, ROW(10, 1)));
    assert_values(tg_grad(x), 10, 1);
    assert_values(tg_grad(src), 10, 1, 10, 0);
}

static void scatter_add_checks_everything_before_it_writes(void **state) {
    (void)state;
    tg_tensor *x = ROW(1, 2, 3);
    assert_refused(tg_scatter_add_(x, 0, IDS(0, 1, 5), ROW(1, 1, 1)), TG_ERR_INDEX,
                   "scatter_add: ", "index 5", "position 2", "f64 [3]");
    assert_refused(tg_scatter_add_(x, 0, IDS(0, 1), ROW(1)), TG_ERR_SHAPE,
                   "scatter_add: ", "i64 [2]", "f64 [1]");
    assert_refused(tg_scatter_add_(x, 0, IDS(0), row(TG_F32, LIST(1))), TG_ERR_DTYPE,
                   "scatter_add: ", "f32 [1]", "f64 [3]");
    assert_refused(tg_scatter_add_(x, 0, ROW(0), ROW(1)), TG_ERR_DTYPE, "i64 or i32");
    assert_refused(tg_scatter_add_(x, 1, IDS(0), ROW(1)), TG_ERR_INDEX, "dim 1");
    assert_refused(tg_scatter_add(x, 0, IDS(0), NULL), TG_ERR_ARG, "argument src is NULL");
    assert_values(x, 1, 2, 3);
    assert_int_equal(tg_version_of(x), 0);
}

static void scatter_add_in_place_writes_and_records(void **state) {
    (void)state;
    tg_tensor *w = LEAF(1, 2);
    tg_tensor *src = LEAF(3, 4);
    tg_tensor *x = tg_mul_scalar(w, 2);
    assert_ptr_equal(tg_scatter_add_(x, 0, IDS(1, 1), src), x);
    assert_values(x, 2, 11);
    sum_backward(tg_square(x));
    assert_values(tg_grad(w), 8, 44);
    assert_values(tg_grad(src), 22, 22);
    tg_tensor *m = counting(TG_SHAPE(2, 2));
    assert_non_null(tg_scatter_add_(tg_transpose(m, 0, 1), 0, grid(TG_I64, 1, 2, LIST(1, 0)),
                                    grid(TG_F64, 1, 2, LIST(10, 20))));
    assert_values(m, 0, 11, 22, 3);
    /* the source may be the tensor itself */
    tg_tensor *s = ROW(1, 2, 3);
    tg_scatter_add_(s, 0, IDS(2, 0, 1), s);
    assert_values(s, 3, 5, 4);
}

/* ---- index_add ---- */

static void index_add_adds_rows_times_alpha(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *src = LEAF(3, 4, 5);
    tg_tensor *y = tg_index_add(x, 0, IDS(0, 0, 1), src, 0.5);
    assert_values(y, 4.5, 4.5);
    sum_backward(tg_mul(y, ROW(10, 20)));
    assert_values(tg_grad(x), 10, 20);
    assert_values(tg_grad(src), 5, 5, 10);
    tg_tensor *m = counting(TG_SHAPE(2, 3));
    assert_ptr_equal(tg_index_add_(m, 1, IDS(2), tg_ones(TG_F64, TG_SHAPE(2, 1)), 2), m);
    assert_values(m, 0, 1, 4, 3, 4, 7);
    tg_tensor *turned = tg_transpose(m, 0, 1); /* rows with gaps */
    assert_ptr_equal(tg_index_add_(turned, 0, IDS(0), tg_ones(TG_F64, TG_SHAPE(1, 2)), 1), turned);
    assert_values(m, 1, 1, 4, 4, 4, 7);
    assert_values(tg_index_add(row(TG_I32, LIST(1, 2)), 0, IDS(1), row(TG_I32, LIST(3)), 2), 1, 8);
    assert_refused(tg_index_add_(m, 0, IDS(0, 2), counting(TG_SHAPE(2, 3)), 1), TG_ERR_INDEX,
                   "index_add: ", "index 2");
    assert_values(m, 1, 1, 4, 4, 4, 7);
    assert_refused(tg_index_add(m, 0, IDS(0), ROW(1, 2, 3), 1), TG_ERR_SHAPE, "f64 [3]");
    assert_refused(tg_index_add(m, 0, IDS(0), tg_zeros(TG_F32, TG_SHAPE(1, 3)), 1), TG_ERR_DTYPE,
                   "f32 [1, 3]");
}

TG_TEST_MAIN(tg_scoped(index_add_adds_rows_times_alpha),
             tg_scoped(index_select_takes_rows_along_any_dim),
             tg_scoped(index_select_sums_the_gradient_of_repeated_rows),
             tg_scoped(bad_indices_name_position_value_dim_and_range),
             tg_scoped(indices_must_be_integers_of_one_dim), tg_scoped(gather_picks_along_a_dim),
             tg_scoped(gather_sums_the_gradient_of_repeated_places),
             tg_scoped(gather_wants_an_index_that_fits),
             tg_scoped(scatter_add_adds_repeated_places_in_order),
             tg_scoped(scatter_add_gives_every_source_the_gradient_of_its_place),
             tg_scoped(scatter_add_checks_everything_before_it_writes),
             tg_scoped(scatter_add_in_place_writes_and_records))
