/* test_slice.c - parts of a tensor: select, narrow, slice, index lists, and writing into parts. */
#include "tensors.h"

#define ITEMS(...)                                                                                 \
    ((int)(sizeof((const tg_index_item[]){__VA_ARGS__}) / sizeof(tg_index_item))),                 \
        ((const tg_index_item[]){__VA_ARGS__})

/* ---- select, narrow ---- */

static void select_takes_one_position_and_drops_the_dim(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(2, 3)));
    assert_values(tg_select(x, 0, 1), 3, 4, 5);
    assert_values(tg_select(x, 1, -1), 2, 5);
    assert_values(tg_select(x, -2, -2), 0, 1, 2);
    assert_shape(tg_select(ROW(4, 5), 0, 1), TG_F64, TG_0D);
    sum_backward(tg_square(tg_select(x, 1, 2)));
    assert_values(tg_grad(x), 0, 0, 4, 0, 0, 10);
    assert_refused(tg_select(x, 1, 3), TG_ERR_INDEX, "select: ", "index 3", "dim 1", "f64 [2, 3]",
                   "-3 to 2");
    assert_refused(tg_select(x, 1, -4), TG_ERR_INDEX, "select: ", "index -4");
    assert_refused(tg_select(x, 0, INT64_MIN), TG_ERR_INDEX, "select: ");
    assert_refused(tg_select(x, 2, 0), TG_ERR_INDEX, "select: ", "dim 2", "-2 to 1");
    assert_refused(tg_select(number(1), 0, 0), TG_ERR_INDEX, "select: ", "f64 []");
    assert_refused(tg_select(tg_zeros(TG_F32, TG_SHAPE(0)), 0, 0), TG_ERR_INDEX, "select: ");
}

static void narrow_takes_a_range_that_lies_inside(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(4, 2)));
    assert_values(tg_narrow(x, 0, 1, 2), 2, 3, 4, 5);
    assert_values(tg_narrow(x, -1, -1, 1), 1, 3, 5, 7);
    assert_shape(tg_narrow(x, 0, 4, 0), TG_F64, TG_SHAPE(0, 2));
    assert_shape(tg_narrow(x, 0, 0, 4), TG_F64, TG_SHAPE(4, 2));
    sum_backward(tg_square(tg_narrow(x, 0, 1, 2)));
    assert_values(tg_grad(x), 0, 0, 4, 6, 8, 10, 0, 0);
    assert_refused(tg_narrow(x, 0, 3, 2), TG_ERR_INDEX, "narrow: ", "start 3", "length 2",
                   "f64 [4, 2]");
    assert_refused(tg_narrow(x, 0, -5, 1), TG_ERR_INDEX, "narrow: ", "start -5");
    assert_refused(tg_narrow(x, 0, 0, -1), TG_ERR_INDEX, "narrow: ", "length -1");
    assert_refused(tg_narrow(x, 0, 5, 0), TG_ERR_INDEX, "narrow: ", "start 5");
    assert_refused(tg_narrow(x, 0, 1, INT64_MAX), TG_ERR_INDEX, "narrow: ");
    assert_refused(tg_narrow(x, 0, INT64_MIN, 1), TG_ERR_INDEX, "narrow: ");
    assert_refused(tg_narrow(x, 2, 0, 1), TG_ERR_INDEX, "narrow: ", "dim 2");
}

/* ---- slice ---- */

/* Python's rule, written out. */
static int64_t python_slice(int64_t size, int64_t start, int64_t end, int64_t step, int64_t *out) {
    if (start < 0)
        start = start + size < 0 ? 0 : start + size;
    if (end < 0)
        end = end + size < 0 ? 0 : end + size;
    int64_t n = 0;
    for (int64_t i = start; i < end && i < size; i += step)
        out[n++] = i;
    return n;
}

static void slices_are_those_of_python_for_all_small_arguments(void **state) {
    (void)state;
    for (int64_t size = 0; size <= 5; size++)
        for (int64_t start = -7; start <= 7; start++)
            for (int64_t end = -7; end <= 7; end++)
                for (int64_t step = 1; step <= 4; step++) {
                    tg_scope s = tg_scope_open();
                    int64_t expected[8];
                    int64_t n = python_slice(size, start, end, step, expected);
                    tg_tensor *x = tg_arange(TG_F64, 0, (double)size, 1);
                    tg_tensor *y = tg_slice(x, 0, start, end, step);
                    assert_shape(y, TG_F64, TG_SHAPE(n));
                    for (int64_t i = 0; i < n; i++)
                        if (at(y, i) != (double)expected[i])
                            fail_msg("[%lld:%lld:%lld] of %lld", (long long)start, (long long)end,
                                     (long long)step, (long long)size);
                    assert_ok(tg_scope_close(s));
                }
}

static void slices_clip_extreme_positions_and_steps(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(5));
    assert_values(tg_slice(x, 0, INT64_MIN, TG_SLICE_END, 2), 0, 2, 4);
    assert_values(tg_slice(x, 0, -2, TG_SLICE_END, 1), 3, 4);
    assert_values(tg_slice(x, 0, 1, TG_SLICE_END, INT64_MAX), 1);
    assert_shape(tg_slice(x, 0, INT64_MAX, TG_SLICE_END, 1), TG_F64, TG_SHAPE(0));
    assert_shape(tg_slice(x, 0, 0, INT64_MIN, 1), TG_F64, TG_SHAPE(0));
}

static void slices_refuse_steps_below_1_and_bad_dims(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(5));
    assert_refused(tg_slice(x, 0, 0, 5, 0), TG_ERR_ARG, "slice: ", "step 0", "1 or more");
    assert_refused(tg_slice(x, 0, 5, 0, -1), TG_ERR_ARG, "slice: ", "step -1");
    assert_refused(tg_slice(x, 1, 0, 5, 1), TG_ERR_INDEX, "slice: ", "dim 1", "f64 [5]");
    assert_refused(tg_slice(number(1), 0, 0, 1, 1), TG_ERR_INDEX, "slice: ", "f64 []");
    assert_refused(tg_slice(NULL, 0, 0, 1, 1), TG_ERR_ARG, "slice: ", "argument x is NULL");
}

static void the_gradient_of_a_slice_fills_its_places(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(2, 5)));
    tg_tensor *g = slope(tg_square(tg_slice(x, 1, 1, 5, 2)), NULL, x);
    assert_values(g, 0, 2, 0, 6, 0, 0, 12, 0, 16, 0);
    assert_values(slope(g, NULL, x), 0, 2, 0, 2, 0, 0, 2, 0, 2, 0);
    sum_backward(tg_slice(x, 0, 2, 2, 1)); /* nothing of it */
    assert_values(tg_grad(x), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
}

/* ---- Index lists ---- */

static void index_lists_combine_all_kinds(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(2, 3, 4));
    assert_values(tg_index(x, ITEMS(TG_AT(1), TG_AT(-1), TG_AT(0))), 20);
    assert_shape(tg_index(x, ITEMS(TG_AT(1), TG_AT(-1), TG_AT(0))), TG_F64, TG_0D);
    assert_values(tg_index(x, ITEMS(TG_AT(1), TG_RANGE(0, 3, 2), TG_AT(1))), 13, 21);
    assert_values(tg_index(x, ITEMS(TG_ELLIPSIS, TG_AT(3))), 3, 7, 11, 15, 19, 23);
    assert_shape(tg_index(x, ITEMS(TG_ELLIPSIS, TG_AT(3))), TG_F64, TG_SHAPE(2, 3));
    assert_values(tg_index(x, ITEMS(TG_AT(0), TG_ELLIPSIS, TG_RANGE(-1, TG_SLICE_END, 1))), 3, 7,
                  11);
    assert_shape(tg_index(x, ITEMS(TG_NEWAXIS, TG_AT(0), TG_NEWAXIS, TG_ELLIPSIS, TG_NEWAXIS)),
                 TG_F64, TG_SHAPE(1, 1, 3, 4, 1));
    assert_shape(tg_index(x, ITEMS(TG_EVERYTHING, TG_AT(1))), TG_F64, TG_SHAPE(2, 4));
    assert_shape(tg_index(x, ITEMS(TG_AT(1), TG_AT(1), TG_AT(1), TG_ELLIPSIS)), TG_F64, TG_0D);
    assert_shape(tg_index(x, 0, NULL), TG_F64, TG_SHAPE(2, 3, 4));
    assert_shape(tg_index(number(1), ITEMS(TG_ELLIPSIS, TG_NEWAXIS)), TG_F64, TG_SHAPE(1));
    assert_ptr_equal(tg_data(tg_index(x, ITEMS(TG_ELLIPSIS))), tg_data(x));
}

static void index_lists_are_checked(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(2, 3));
    assert_refused(tg_index(x, ITEMS(TG_AT(0), TG_AT(3))), TG_ERR_INDEX, "index: ", "index 3",
                   "dim 1", "f64 [2, 3]", "-3 to 2");
    assert_refused(tg_index(x, ITEMS(TG_AT(0), TG_AT(0), TG_AT(0))), TG_ERR_INDEX, "3 indices",
                   "f64 [2, 3]");
    assert_refused(tg_index(x, ITEMS(TG_ELLIPSIS, TG_ELLIPSIS)), TG_ERR_ARG, "item 1",
                   "second ellipsis");
    assert_refused(tg_index(x, ITEMS({7, 0, 0, 0, 0, NULL})), TG_ERR_ARG, "item 0",
                   "no known kind");
    assert_refused(tg_index(x, ITEMS({-1, 0, 0, 0, 0, NULL})), TG_ERR_ARG, "item 0");
    assert_refused(tg_index(x, ITEMS(TG_RANGE(0, 2, 0))), TG_ERR_ARG, "step 0");
    assert_refused(tg_index(x, 2, NULL), TG_ERR_ARG, "items is NULL");
    assert_refused(tg_index(x, -1, NULL), TG_ERR_SHAPE, "-1 index items");
    tg_index_item many[13];
    for (int i = 0; i < 13; i++)
        many[i] = (tg_index_item)TG_NEWAXIS;
    assert_refused(tg_index(x, 13, many), TG_ERR_SHAPE, "13 index items", "0 to 12");
    assert_refused(tg_index(x, 7, many), TG_ERR_SHAPE, "more than 8 dims");
    assert_shape(tg_index(x, 6, many), TG_F64, TG_SHAPE(1, 1, 1, 1, 1, 1, 2, 3));
}

static void the_gradient_of_an_index_reaches_its_places_alone(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(2, 3, 2)));
    tg_tensor *y = tg_index(x, ITEMS(TG_AT(-1), TG_NEWAXIS, TG_RANGE(0, 3, 2), TG_AT(0)));
    assert_shape(y, TG_F64, TG_SHAPE(1, 2));
    sum_backward(tg_mul(y, ROW(5, 7)));
    assert_values(tg_grad(x), 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 7, 0);
    sum_backward(tg_add(tg_select(x, 0, 0), tg_select(x, 0, 0)));
    assert_values(tg_grad(x), 2, 2, 2, 2, 2, 2, 5, 0, 0, 0, 7, 0);
}

/* ---- index_put ---- */

static void index_put_writes_a_copy(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(2, 3));
    assert_values(tg_index_put(x, ITEMS(TG_AT(1)), ROW(7, 8, 9)), 0, 1, 2, 7, 8, 9);
    assert_values(tg_index_put(x, ITEMS(TG_EVERYTHING, TG_RANGE(0, 3, 2)), number(-1)), -1, 1, -1,
                  -1, 4, -1);
    assert_values(tg_index_put(x, ITEMS(TG_EVERYTHING, TG_RANGE(2, 2, 1)), number(-1)), 0, 1, 2, 3,
                  4, 5);
    assert_values(tg_index_put(tg_transpose(x, 0, 1), ITEMS(TG_AT(0)), row(TG_I32, LIST(8, 9))), 8,
                  9, 1, 4, 2, 5);
    assert_values(tg_index_put(row(TG_U8, LIST(1, 2)), ITEMS(TG_AT(0)), number(2.9)), 2, 2);
    assert_values(tg_index_put(number(1), 0, NULL, number(5)), 5);
    assert_values(x, 0, 1, 2, 3, 4, 5);
}

static void index_put_splits_the_gradient(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(2, 3)));
    tg_tensor *value = leaf(row(TG_F32, LIST(7)));
    tg_tensor *y = tg_index_put(x, ITEMS(TG_AT(1), TG_RANGE(1, 3, 1)), value);
    tg_tensor *g = slope(tg_square(y), NULL, x);
    assert_values(g, 0, 2, 4, 6, 0, 0);
    assert_values(slope(g, NULL, x), 2, 2, 2, 2, 0, 0);
    sum_backward(tg_mul(y, counting(TG_SHAPE(2, 3))));
    assert_values(tg_grad(x), 0, 1, 2, 3, 0, 0);
    assert_shape(tg_grad(value), TG_F32, TG_SHAPE(1));
    assert_values(tg_grad(value), 9);
}

static void index_put_refuses_a_value_that_does_not_fit(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(2, 3));
    assert_refused(tg_index_put(x, ITEMS(TG_AT(0)), ROW(1, 2)), TG_ERR_SHAPE,
                   "index_put: ", "f64 [2]", "[3]");
    assert_refused(tg_index_put_(x, ITEMS(TG_AT(0)), counting(TG_SHAPE(1, 3))), TG_ERR_SHAPE,
                   "index_put: ", "f64 [1, 3]", "[3]");
    assert_refused(tg_index_put_(x, ITEMS(TG_AT(2)), number(1)), TG_ERR_INDEX, "index_put",
                   "index 2");
    assert_refused(tg_index_put(x, ITEMS(TG_AT(0)), NULL), TG_ERR_ARG, "argument value is NULL");
    assert_values(x, 0, 1, 2, 3, 4, 5);
    assert_int_equal(tg_version_of(x), 0);
}

/* ---- index_put_ ---- */

static void index_put_in_place_records_on_the_base(void **state) {
    (void)state;
    tg_tensor *w = leaf(counting(TG_SHAPE(2, 3)));
    tg_tensor *value = LEAF(10, 20, 30);
    tg_tensor *x = tg_mul_scalar(w, 2);
    assert_ptr_equal(tg_index_put_(x, ITEMS(TG_AT(0)), value), x);
    assert_values(x, 10, 20, 30, 6, 8, 10);
    assert_string_equal(tg_grad_op(x), "index_part_put");
    sum_backward(tg_square(x));
    assert_values(tg_grad(w), 0, 0, 0, 24, 32, 40);
    assert_values(tg_grad(value), 20, 40, 60);
}

static void index_put_in_place_builds_a_tensor_piece_by_piece(void **state) {
    (void)state;
    tg_tensor *x = tg_zeros(TG_F64, TG_SHAPE(4));
    tg_tensor *w = leaf(number(3));
    tg_tensor *power = w;
    for (int i = 0; i < 4; i++) {
        tg_index_put_(x, ITEMS(TG_AT(i)), power);
        power = tg_mul(power, w);
    }
    assert_values(x, 3, 9, 27, 81);
    sum_backward(x);
    assert_values(tg_grad(w), 1 + 6 + 27 + 108);
}

static void a_value_from_the_tensor_itself_counts_as_it_was(void **state) {
    (void)state;
    tg_tensor *w = LEAF(1, 2, 3, 4);
    tg_tensor *x = tg_mul_scalar(w, 1);
    tg_index_put_(x, ITEMS(TG_RANGE(1, 4, 1)), tg_slice(x, 0, 0, 3, 1));
    assert_values(x, 1, 1, 2, 3);
    sum_backward(tg_mul(x, ROW(1, 10, 100, 1000)));
    assert_values(tg_grad(w), 11, 100, 1000, 0);
}

static void without_recording_index_put_works_on_leaves_and_views(void **state) {
    (void)state;
    tg_tensor *w = leaf(counting(TG_SHAPE(2, 2)));
    assert_refused(tg_index_put_(w, ITEMS(TG_AT(0)), number(9)), TG_ERR_STATE,
                   "index_put: ", "leaf that requires gradients", "f64 [2, 2]");
    bool was = no_grad();
    assert_ptr_equal(tg_index_put_(w, ITEMS(TG_AT(0)), number(9)), w);
    tg_tensor *view = tg_select(w, 1, 0);
    assert_ptr_equal(tg_index_put_(view, ITEMS(TG_AT(1)), number(7)), view);
    (void)tg_set_grad_enabled(was);
    assert_values(w, 9, 9, 7, 3);
    assert_int_equal(tg_version_of(w), 2);
}

TG_TEST_MAIN(tg_scoped(select_takes_one_position_and_drops_the_dim),
             tg_scoped(narrow_takes_a_range_that_lies_inside),
             tg_scoped(slices_are_those_of_python_for_all_small_arguments),
             tg_scoped(slices_clip_extreme_positions_and_steps),
             tg_scoped(slices_refuse_steps_below_1_and_bad_dims),
             tg_scoped(the_gradient_of_a_slice_fills_its_places),
             tg_scoped(index_lists_combine_all_kinds), tg_scoped(index_lists_are_checked),
             tg_scoped(the_gradient_of_an_index_reaches_its_places_alone),
             tg_scoped(index_put_writes_a_copy), tg_scoped(index_put_splits_the_gradient),
             tg_scoped(index_put_refuses_a_value_that_does_not_fit),
             tg_scoped(index_put_in_place_records_on_the_base),
             tg_scoped(index_put_in_place_builds_a_tensor_piece_by_piece),
             tg_scoped(a_value_from_the_tensor_itself_counts_as_it_was),
             tg_scoped(without_recording_index_put_works_on_leaves_and_views))
