/* test_embedding.c - rows of a table and bags of them: values and slopes of PyTorch 2.13. */
#include "tensors.h"

#include <tensorgrad/tensorgrad.h>

static tg_tensor *table(void) { return leaf(counting(TG_SHAPE(4, 3))); }
static tg_tensor *indices(size_t n, const double *values) { return row(TG_I64, n, values); }

static void rows_are_looked_up_and_their_gradients_add_up(void **state) {
    (void)state;
    tg_tensor *w = table();
    tg_tensor *y = tg_embedding(w, indices(LIST(1, 2, 1, 3, 1)), TG_NO_PADDING, false);
    assert_values(y, 3, 4, 5, 6, 7, 8, 3, 4, 5, 9, 10, 11, 3, 4, 5);
    sum_backward(tg_mul(y, counting(TG_SHAPE(5, 3))));
    assert_values(tg_grad(w), 0, 0, 0, 18, 21, 24, 3, 4, 5, 9, 10, 11);
    assert_shape(tg_embedding(w, tg_zeros(TG_I32, TG_SHAPE(2, 0, 5)), 0, false), TG_F64,
                 TG_SHAPE(2, 0, 5, 3));
}

static void padding_and_frequency_shape_the_gradient(void **state) {
    (void)state;
    for (int64_t padding = -1; padding <= 3; padding += 4) {
        tg_tensor *w = table();
        tg_tensor *y = tg_embedding(w, indices(LIST(1, 2, 1, 3, 1)), padding, true);
        assert_values(tg_select(y, 0, 3), 9, 10, 11); /* looked up as any other */
        sum_backward(tg_mul(y, counting(TG_SHAPE(5, 3))));
        assert_values_near(tg_grad(w), 1e-15, 0, 0, 0, 6, 7, 8, 3, 4, 5, 0, 0, 0);
    }
}

static void renorm_limits_the_rows_that_are_named(void **state) {
    (void)state;
    tg_tensor *w = leaf(grid(TG_F64, 3, 2, LIST(3, 4, .3, .4, 6, 8)));
    assert_ptr_equal(tg_embedding_renorm_(w, indices(LIST(0, 1, 0)), 1, 2), w);
    assert_values_near(w, 1e-14, 0.5999999880000002, 0.7999999840000003, .3, .4, 6, 8);
    w = grid(TG_F64, 3, 2, LIST(3, 4, .3, .4, 6, 8));
    tg_embedding_renorm_(w, indices(LIST(0, 1)), 1, 1);
    assert_values_near(w, 1e-14, 0.42857142244897967, 0.5714285632653062, .3, .4, 6, 8);
    w = tg_transpose(grid(TG_F32, 2, 2, LIST(3, 6, 4, 8)), 0, 1);
    tg_embedding_renorm_(w, indices(LIST(1)), 4, INFINITY);
    assert_values_near(w, 1e-6, 3, 4, 3, 4);
    assert_int_equal(tg_version_of(w), 1);
    assert_refused(tg_embedding_renorm_(w, indices(LIST(2)), 1, 2), TG_ERR_INDEX, "index 2");
    assert_refused(tg_embedding_renorm_(w, indices(LIST(1)), -1, 2), TG_ERR_ARG, "max_norm is -1");
    assert_refused(tg_embedding_renorm_(w, indices(LIST(1)), 1, 0), TG_ERR_ARG, "norm_type 0");
}

static void bag(tg_bag_mode mode, size_t n, const double *y, const double *slope) {
    tg_tensor *w = table();
    tg_embedding_bag_options o = TG_EMBEDDING_BAG_OPTIONS_INIT;
    o.mode = mode;
    o.padding_idx = 1;
    for (int last = 0; last < 2; last++) {
        o.offsets = last ? indices(LIST(0, 2, 2, 5)) : row(TG_I32, LIST(0, 2, 2));
        o.include_last_offset = last;
        tg_tensor *got = tg_embedding_bag(w, indices(LIST(1, 2, 1, 3, 0)), &o);
        tg_test_values(got, 1e-15, 0, n, y, "bags", __FILE__, __LINE__);
        tg_tensor *weighed = tg_mul(got, tg_add_scalar(counting(TG_SHAPE(3, 3)), 1));
        sum_backward(weighed);
        tg_test_values(tg_grad(w), 1e-15, 0, 12, slope, "slope", __FILE__, __LINE__);
        assert_ok(tg_zero_grad(&w, 1));
    }
}
static void bags_are_those_of_pytorch(void **state) {
    (void)state;
    bag(TG_BAG_SUM, LIST(6, 7, 8, 0, 0, 0, 9, 11, 13),
        (double[]){7, 8, 9, 0, 0, 0, 1, 2, 3, 7, 8, 9});
    bag(TG_BAG_MEAN, LIST(6, 7, 8, 0, 0, 0, 4.5, 5.5, 6.5),
        (double[]){3.5, 4, 4.5, 0, 0, 0, 1, 2, 3, 3.5, 4, 4.5});
    bag(TG_BAG_MAX, LIST(6, 7, 8, 0, 0, 0, 9, 10, 11),
        (double[]){0, 0, 0, 0, 0, 0, 1, 2, 3, 7, 8, 9});
}

static void of_equal_rows_the_first_is_the_largest_and_nan_wins(void **state) {
    (void)state;
    tg_tensor *w = leaf(grid(TG_F64, 3, 1, LIST(5, 5, NAN)));
    tg_embedding_bag_options o = TG_EMBEDDING_BAG_OPTIONS_INIT;
    o.mode = TG_BAG_MAX;
    tg_tensor *i = of(TG_I64, TG_SHAPE(2, 3), LIST(1, 0, 1, 0, 2, 1));
    tg_tensor *y = tg_embedding_bag(w, i, &o);
    assert_values(y, 5, NAN);
    sum_backward(y);
    assert_values(tg_grad(w), 0, 1, 1);
}

static void a_bag_may_be_empty(void **state) {
    (void)state;
    tg_tensor *w = table();
    tg_embedding_bag_options o = TG_EMBEDDING_BAG_OPTIONS_INIT;
    for (o.mode = TG_BAG_SUM; o.mode <= TG_BAG_MAX; o.mode++) {
        o.offsets = NULL;
        assert_shape(tg_embedding_bag(w, tg_zeros(TG_I64, TG_SHAPE(0, 2)), &o), TG_F64,
                     TG_SHAPE(0, 3));
        assert_values(tg_embedding_bag(w, tg_zeros(TG_I64, TG_SHAPE(1, 0)), &o), 0, 0, 0);
        o.offsets = indices(LIST(0));
        assert_values(tg_embedding_bag(w, tg_zeros(TG_I64, TG_SHAPE(0)), &o), 0, 0, 0);
    }
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    tg_tensor *w = table();
    tg_embedding_bag_options o = TG_EMBEDDING_BAG_OPTIONS_INIT;
    tg_tensor *i = indices(LIST(0, 1));
    assert_refused(tg_embedding(w, indices(LIST(0, 4)), TG_NO_PADDING, false), TG_ERR_INDEX,
                   "embedding", "index 4 at position 1", "f64 [4, 3]", "0 to 3");
    assert_refused(tg_embedding(w, indices(LIST(-1)), TG_NO_PADDING, false), TG_ERR_INDEX, "-1");
    assert_refused(tg_embedding(w, i, 4, false), TG_ERR_INDEX, "padding_idx is 4", "-4 to 3");
    assert_refused(tg_embedding(w, ROW(1), TG_NO_PADDING, false), TG_ERR_DTYPE, "i64 or i32");
    assert_refused(tg_embedding(ROW(1), i, TG_NO_PADDING, false), TG_ERR_SHAPE, "[V, D]");
    assert_refused(tg_embedding_bag(w, i, &o), TG_ERR_SHAPE, "offsets none");
    o.offsets = indices(LIST(1, 2));
    assert_refused(tg_embedding_bag(w, i, &o), TG_ERR_INDEX, "offset 1 at position 0");
    o.offsets = indices(LIST(0, 2, 1));
    assert_refused(tg_embedding_bag(w, i, &o), TG_ERR_INDEX, "offset 1 at position 2");
    o.offsets = indices(LIST(0, 3));
    assert_refused(tg_embedding_bag(w, i, &o), TG_ERR_INDEX, "offset 3 at position 1");
    o.offsets = indices(LIST(0, 1));
    o.include_last_offset = true;
    assert_refused(tg_embedding_bag(w, i, &o), TG_ERR_INDEX, "the last offset is 1");
    o.include_last_offset = false;
    o.sample_weights = ROW(1, 2);
    assert_refused(tg_embedding_bag(w, i, &o), TG_ERR_ARG, "sample_weights with mode 1");
    o.mode = TG_BAG_SUM;
    o.sample_weights = ROW(1);
    assert_refused(tg_embedding_bag(w, i, &o), TG_ERR_SHAPE, "sample_weights is f64 [1]");
    o.mode = 7;
    assert_refused(tg_embedding_bag(w, i, &o), TG_ERR_ARG, "mode is 7");
}

TG_TEST_MAIN(tg_scoped(rows_are_looked_up_and_their_gradients_add_up),
             tg_scoped(padding_and_frequency_shape_the_gradient),
             tg_scoped(renorm_limits_the_rows_that_are_named), tg_scoped(bags_are_those_of_pytorch),
             tg_scoped(of_equal_rows_the_first_is_the_largest_and_nan_wins),
             tg_scoped(a_bag_may_be_empty), tg_scoped(what_does_not_fit_is_refused))
