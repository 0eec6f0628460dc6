/* test_advanced.c - index lists with tensors and masks: placement, gradients, checks. */
#include "tensors.h"

#define ITEMS(...)                                                                                 \
    ((int)(sizeof((const tg_index_item[]){__VA_ARGS__}) / sizeof(tg_index_item))),                 \
        ((const tg_index_item[]){__VA_ARGS__})
#define IDS(...) row(TG_I64, LIST(__VA_ARGS__))
#define MASK(...) row(TG_BOOL, LIST(__VA_ARGS__))

static void index_tensors_pick_and_negative_ones_count_from_the_end(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(3, 4));
    tg_tensor *y = tg_index(x, ITEMS(TG_PICK(IDS(2, -3, -1))));
    assert_shape(y, TG_F64, TG_SHAPE(3, 4));
    assert_values(y, 8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11);
    assert_values(tg_index(x, ITEMS(TG_PICK(row(TG_I32, LIST(1, 2))), TG_PICK(IDS(0, -1)))), 4, 11);
    assert_shape(tg_index(x, ITEMS(TG_PICK(tg_scalar_i64(1)))), TG_F64, TG_SHAPE(4));
    assert_shape(tg_index(x, ITEMS(TG_PICK(tg_zeros(TG_I64, TG_SHAPE(0, 2))))), TG_F64,
                 TG_SHAPE(0, 2, 4));
    for (int dtype = TG_F32; dtype <= TG_BF16; dtype++) /* bytes are bytes */
        assert_values(
            tg_cast(tg_index(tg_cast(MASK(0, 1), (tg_dtype)dtype), ITEMS(TG_PICK(IDS(1, 0, 1)))),
                    TG_F64),
            1, 0, 1);
}

/* PyTorch: x = torch.arange(24).reshape(2, 3, 4). */
static void the_dims_of_tensors_stand_where_those_of_neighbours_stood_else_first(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(2, 3, 4));
    tg_tensor *i = IDS(1, 0, 1);
    tg_tensor *j = tg_reshape(IDS(3, 0), TG_SHAPE(2, 1));
    tg_tensor *y = tg_index(x, ITEMS(TG_EVERYTHING, TG_PICK(i), TG_PICK(j)));
    assert_shape(y, TG_F64, TG_SHAPE(2, 2, 3));
    assert_values(y, 7, 3, 7, 4, 0, 4, 19, 15, 19, 16, 12, 16);
    y = tg_index(x, ITEMS(TG_PICK(i), TG_EVERYTHING, TG_PICK(j)));
    assert_shape(y, TG_F64, TG_SHAPE(2, 3, 3));
    assert_values(y, 15, 19, 23, 3, 7, 11, 15, 19, 23, 12, 16, 20, 0, 4, 8, 12, 16, 20);
    /* an integer between them takes its dim away first */
    y = tg_index(x, ITEMS(TG_PICK(i), TG_AT(2), TG_PICK(IDS(0, 1, 2))));
    assert_values(y, 20, 9, 22);
    y = tg_index(x, ITEMS(TG_AT(1), TG_EVERYTHING, TG_PICK(IDS(3, 3))));
    assert_shape(y, TG_F64, TG_SHAPE(3, 2));
    assert_values(y, 15, 15, 19, 19, 23, 23);
    /* a new dim separates them */
    assert_shape(tg_index(x, ITEMS(TG_PICK(i), TG_NEWAXIS, TG_PICK(i))), TG_F64, TG_SHAPE(3, 1, 4));
    assert_shape(tg_index(x, ITEMS(TG_ELLIPSIS, TG_PICK(j))), TG_F64, TG_SHAPE(2, 3, 2, 1));
}

static void masks_stand_for_the_positions_where_they_are_true(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(2, 3));
    assert_values(tg_index(x, ITEMS(TG_PICK(grid(TG_BOOL, 2, 3, LIST(1, 0, 1, 0, 0, 1))))), 0, 2,
                  5);
    tg_tensor *y = tg_index(x, ITEMS(TG_EVERYTHING, TG_PICK(MASK(0, 1, 1))));
    assert_shape(y, TG_F64, TG_SHAPE(2, 2));
    assert_values(y, 1, 2, 4, 5);
    assert_values(tg_index(x, ITEMS(TG_PICK(MASK(1, 1)), TG_PICK(IDS(2, 0)))), 2, 3);
    assert_shape(tg_index(x, ITEMS(TG_PICK(MASK(0, 0)))), TG_F64, TG_SHAPE(0, 3));
    /* a 0-d mask makes a dim */
    assert_shape(tg_index(x, ITEMS(TG_PICK(tg_full(TG_BOOL, TG_0D, 1)))), TG_F64,
                 TG_SHAPE(1, 2, 3));
    assert_shape(tg_index(x, ITEMS(TG_PICK(tg_full(TG_BOOL, TG_0D, 0)))), TG_F64,
                 TG_SHAPE(0, 2, 3));
    assert_values(tg_index(number(7), ITEMS(TG_PICK(tg_full(TG_BOOL, TG_0D, 1)))), 7);
}

static void what_is_picked_often_gets_the_sum_of_the_gradient(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2, 3);
    tg_tensor *y = tg_index(x, ITEMS(TG_PICK(IDS(0, 0, 2))));
    tg_tensor *g = slope(tg_square(y), NULL, x);
    assert_values(g, 4, 0, 6);
    assert_values(slope(g, NULL, x), 4, 0, 2);
}

static void index_put_writes_the_last_value_and_gives_all_the_gradient(void **state) {
    (void)state;
    tg_tensor *x = LEAF(9, 9, 9);
    tg_tensor *v = LEAF(1, 2, 3);
    tg_tensor *y = tg_index_put(x, ITEMS(TG_PICK(IDS(0, 0, -1))), v);
    assert_values(y, 2, 9, 3);
    sum_backward(tg_mul(y, ROW(10, 20, 30)));
    assert_values(tg_grad(x), 0, 20, 0);
    assert_values(tg_grad(v), 10, 10, 30);
    tg_tensor *z = tg_index_put_accumulate(x, ITEMS(TG_PICK(IDS(0, 0, -1))), v);
    assert_values(z, 12, 9, 12);
    assert_values(slope(z, ROW(10, 20, 30), v), 10, 10, 30);
    assert_values(slope(z, ROW(10, 20, 30), x), 10, 20, 30);
    /* without tensors no position repeats */
    assert_values(tg_index_put_accumulate(x, ITEMS(TG_RANGE(1, 3, 1)), number(1)), 9, 10, 10);
    /* the value is broadcast and converted */
    tg_tensor *n = tg_index_put(counting(TG_SHAPE(2, 3)), ITEMS(TG_EVERYTHING, TG_PICK(IDS(2, 0))),
                                row(TG_I32, LIST(7, 8)));
    assert_values(n, 8, 1, 7, 8, 4, 7);
}

static void index_put_in_place_writes_and_records(void **state) {
    (void)state;
    tg_tensor *w = LEAF(1, 2, 3, 4);
    tg_tensor *v = leaf(number(5));
    tg_tensor *x = tg_mul_scalar(w, 2);
    tg_tensor *mask = tg_gt(x, number(5));
    assert_ptr_equal(tg_index_put_(x, ITEMS(TG_PICK(mask)), v), x);
    assert_values(x, 2, 4, 5, 5);
    assert_ptr_equal(tg_index_put_accumulate_(x, ITEMS(TG_PICK(IDS(0, 0))), v), x);
    assert_values(x, 12, 4, 5, 5);
    sum_backward(x);
    assert_values(tg_grad(w), 2, 2, 0, 0);
    assert_values(tg_grad(v), 4);
    tg_tensor *z = counting(TG_SHAPE(3)); /* a value from the tensor itself counts as it was */
    assert_non_null(tg_index_put_(z, ITEMS(TG_PICK(IDS(2, 1, 0))), z));
    assert_values(z, 2, 1, 0);
}

static void every_index_is_checked_before_anything_is_written(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(2, 3));
    assert_refused(tg_index_put_(x, ITEMS(TG_EVERYTHING, TG_PICK(IDS(0, 3))), number(9)),
                   TG_ERR_INDEX, "index_put: ", "index 3", "position 1", "dim 1", "f64 [2, 3]",
                   "size 3", "-3 to 2");
    assert_values(x, 0, 1, 2, 3, 4, 5);
    assert_refused(tg_index(x, ITEMS(TG_PICK(IDS(-3)))), TG_ERR_INDEX, "index: ", "index -3",
                   "dim 0");
    assert_refused(tg_index(x, ITEMS(TG_PICK(MASK(1, 0, 1)))), TG_ERR_INDEX, "bool [3]",
                   "f64 [2, 3]", "dim 0");
    assert_refused(tg_index(x, ITEMS(TG_PICK(IDS(0, 1)), TG_PICK(IDS(0, 1, 2)))), TG_ERR_SHAPE,
                   "[2]", "[3]");
    assert_refused(tg_index(x, ITEMS(TG_PICK(ROW(0)))), TG_ERR_DTYPE, "f64 [1]", "i64 or i32");
    assert_refused(tg_index(x, ITEMS(TG_PICK(row(TG_U8, LIST(1))))), TG_ERR_DTYPE, "u8 [1]");
    assert_refused(tg_index(x, ITEMS(TG_PICK(NULL))), TG_ERR_ARG, "indices");
    assert_refused(tg_index(x, ITEMS(TG_AT(0), TG_AT(0), TG_PICK(IDS(0)))), TG_ERR_INDEX,
                   "3 indices");
    assert_refused(tg_index(x, ITEMS(TG_ELLIPSIS, TG_PICK(IDS(0)), TG_ELLIPSIS)), TG_ERR_ARG,
                   "2 ellipses");
    assert_refused(tg_index_put(x, ITEMS(TG_PICK(IDS(0, 1))), ROW(1, 2)), TG_ERR_SHAPE,
                   "index_put: ", "f64 [2]", "[2, 3]");
    assert_refused(tg_index_put(x, ITEMS(TG_PICK(IDS(0, 1))), NULL), TG_ERR_ARG, "value");
    assert_refused(tg_index_put_(NULL, ITEMS(TG_PICK(IDS(0))), number(1)), TG_ERR_ARG, "x");
    tg_tensor *wide = tg_expand(number(1), TG_SHAPE(3));
    assert_refused(tg_index_put_(wide, ITEMS(TG_PICK(IDS(0))), number(1)), TG_ERR_STATE,
                   "index_put");
}

static void half_types_move_and_add(void **state) {
    (void)state;
    for (int d = TG_F16; d <= TG_BF16; d++) {
        tg_dtype dtype = (tg_dtype)d;
        tg_tensor *x = leaf(tg_cast(ROW(1, 2, 3), dtype));
        sum_backward(tg_index(x, ITEMS(TG_PICK(IDS(0, 0, 2)))));
        assert_shape(tg_grad(x), dtype, TG_SHAPE(3));
        assert_values(tg_cast(tg_grad(x), TG_F64), 2, 0, 1);
        tg_tensor *y = tg_mul_scalar(x, 1);
        tg_tensor *v = tg_cast(ROW(1, 2, 3), dtype);
        assert_ptr_equal(tg_index_put_accumulate_(y, ITEMS(TG_PICK(IDS(0, 0, 2))), v), y);
        assert_ptr_equal(tg_index_put_(y, ITEMS(TG_PICK(IDS(1))), number(9)), y);
        assert_values(tg_cast(y, TG_F64), 4, 9, 6);
    }
}

static void a_table_call_takes_the_tensors_in_order(void **state) {
    (void)state;
    tg_index_item items[2] = {TG_PICK(NULL), TG_PICK(NULL)};
    tg_attr attr = {.name = "items", .type = TG_ATTR_INDEX, .n = 2, .items = items};
    tg_tensor *in[3] = {counting(TG_SHAPE(2, 3)), IDS(1, 0), IDS(2, 1)};
    tg_tensor *y;
    assert_ok(tg_op_call("index", in, 3, &attr, 1, &y, 1));
    assert_values(y, 5, 1);
    assert_denied(tg_op_call("index", in, 2, &attr, 1, &y, 1), TG_ERR_ARG, "2 tensors", "1 came");
}

TG_TEST_MAIN(tg_scoped(index_tensors_pick_and_negative_ones_count_from_the_end),
             tg_scoped(the_dims_of_tensors_stand_where_those_of_neighbours_stood_else_first),
             tg_scoped(masks_stand_for_the_positions_where_they_are_true),
             tg_scoped(what_is_picked_often_gets_the_sum_of_the_gradient),
             tg_scoped(index_put_writes_the_last_value_and_gives_all_the_gradient),
             tg_scoped(index_put_in_place_writes_and_records),
             tg_scoped(every_index_is_checked_before_anything_is_written),
             tg_scoped(half_types_move_and_add), tg_scoped(a_table_call_takes_the_tensors_in_order))
