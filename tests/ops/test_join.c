/* test_join.c - cat and stack. */
#include "tensors.h"

#define THESE(...)                                                                                 \
    ((tg_tensor *const[]){__VA_ARGS__}),                                                           \
        (int)(sizeof((tg_tensor *[]){__VA_ARGS__}) / sizeof(void *))

/* ---- cat ---- */

static void cat_joins_along_any_dim(void **state) {
    (void)state;
    tg_tensor *a = grid(TG_F64, 2, 1, LIST(1, 2));
    tg_tensor *b = counting(TG_SHAPE(2, 3));
    tg_tensor *y = tg_cat(THESE(a, b, a), 1);
    assert_shape(y, TG_F64, TG_SHAPE(2, 5));
    assert_values(y, 1, 0, 1, 2, 1, 2, 3, 4, 5, 2);
    assert_shape(tg_cat(THESE(b, b), 0), TG_F64, TG_SHAPE(4, 3));
    assert_values(tg_cat(THESE(b, b), -2), 0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5);
    assert_values(tg_cat(THESE(tg_transpose(b, 0, 1), tg_expand(a, TG_SHAPE(2, 2))), 0), 0, 3, 1, 4,
                  2, 5, 1, 1, 2, 2);
    tg_tensor *only = tg_cat(THESE(b), 0);
    assert_values(only, 0, 1, 2, 3, 4, 5);
    assert_ptr_not_equal(tg_data(only), tg_data(b));
}

static void cat_splits_the_gradient(void **state) {
    (void)state;
    tg_tensor *a = leaf(grid(TG_F64, 2, 1, LIST(1, 2)));
    tg_tensor *b = leaf(counting(TG_SHAPE(2, 2)));
    tg_tensor *y = tg_cat(THESE(a, b, a), -1);
    sum_backward(tg_mul(y, counting(TG_SHAPE(2, 4))));
    assert_shape(tg_grad(a), TG_F64, TG_SHAPE(2, 1));
    assert_values(tg_grad(a), 3, 11);
    assert_values(tg_grad(b), 1, 2, 5, 6);
    tg_tensor *g = slope(tg_mul(y, tg_square(y)), NULL, a);
    assert_values(g, 6, 24);
    assert_values(slope(g, NULL, a), 12, 24);
}

static void cat_promotes_and_casts_gradients_back(void **state) {
    (void)state;
    tg_tensor *a = leaf(row(TG_F32, LIST(1, 2)));
    tg_tensor *b = leaf(row(TG_F64, LIST(3)));
    tg_tensor *y = tg_cat(THESE(a, row(TG_I64, LIST(7)), b), 0);
    assert_shape(y, TG_F64, TG_SHAPE(4));
    assert_values(y, 1, 2, 7, 3);
    sum_backward(tg_square(y));
    assert_shape(tg_grad(a), TG_F32, TG_SHAPE(2));
    assert_values(tg_grad(a), 2, 4);
    assert_values(tg_grad(b), 6);
    assert_shape(tg_cat(THESE(row(TG_I32, LIST(1)), row(TG_F32, LIST(2))), 0), TG_F32, TG_SHAPE(2));
    assert_shape(tg_cat(THESE(row(TG_BOOL, LIST(1)), row(TG_U8, LIST(2))), 0), TG_U8, TG_SHAPE(2));
}

static void cat_skips_1d_tensors_without_elements(void **state) {
    (void)state;
    tg_tensor *none = leaf(tg_zeros(TG_F64, TG_SHAPE(0)));
    tg_tensor *b = leaf(counting(TG_SHAPE(2, 2)));
    tg_tensor *y = tg_cat(THESE(none, b, none), 1);
    assert_shape(y, TG_F64, TG_SHAPE(2, 2));
    sum_backward(y);
    assert_shape(tg_grad(none), TG_F64, TG_SHAPE(0));
    assert_values(tg_grad(b), 1, 1, 1, 1);
    assert_shape(tg_cat(THESE(none, none), 0), TG_F64, TG_SHAPE(0));
    /* others without elements take part */
    tg_tensor *flat = tg_zeros(TG_F64, TG_SHAPE(2, 0));
    assert_shape(tg_cat(THESE(flat, b), 1), TG_F64, TG_SHAPE(2, 2));
    assert_refused(tg_cat(THESE(flat, b), 0), TG_ERR_SHAPE, "cat: ", "tensor 1", "f64 [2, 2]",
                   "f64 [2, 0]");
}

static void cat_names_the_tensor_that_does_not_fit(void **state) {
    (void)state;
    tg_tensor *a = counting(TG_SHAPE(2, 3));
    assert_refused(tg_cat(THESE(a, a, counting(TG_SHAPE(3, 3))), 1), TG_ERR_SHAPE,
                   "cat: ", "tensor 2", "f64 [3, 3]", "f64 [2, 3]", "dim 1");
    assert_refused(tg_cat(THESE(a, ROW(1, 2, 3)), 0), TG_ERR_SHAPE, "tensor 1", "f64 [3]");
    assert_refused(tg_cat(THESE(number(1), number(2)), 0), TG_ERR_SHAPE, "cat: ", "0-d",
                   "tg_stack");
    assert_refused(tg_cat(THESE(a, a), 2), TG_ERR_INDEX, "cat: ", "dim 2", "f64 [2, 3]", "-2 to 1");
    assert_refused(tg_cat(THESE(a, a), INT32_MIN), TG_ERR_INDEX, "cat: ");
    tg_tensor *huge = tg_expand(ROW(1), TG_SHAPE((int64_t)1 << 59));
    assert_refused(tg_cat(THESE(huge, huge), 0), TG_ERR_SHAPE, "cat: ", "overflow");
    assert_refused(tg_cat((tg_tensor *const[]){a, a}, -1, 0), TG_ERR_ARG, "cat: ", "-1 tensors");
    assert_refused(tg_cat(NULL, 2, 0), TG_ERR_ARG, "cat: ", "2 tensors at NULL");
    assert_refused(tg_cat(NULL, 0, 0), TG_ERR_ARG, "cat: ", "at least one");
    assert_refused(tg_cat(THESE(a, NULL), 0), TG_ERR_ARG, "cat: ", "NULL");
    assert_refused(tg_cat(THESE(a, TG_NONE), 0), TG_ERR_ARG, "cat: ", "TG_NONE");
}

static void cat_of_many_has_a_gradient_for_each(void **state) {
    (void)state;
    enum { N = 1000 };
    tg_tensor *parts[N];
    for (int i = 0; i < N; i++)
        parts[i] = leaf(row(i % 2 ? TG_F32 : TG_F64, LIST(i)));
    tg_tensor *y = tg_cat(parts, N, 0);
    assert_shape(y, TG_F64, TG_SHAPE(N));
    sum_backward(tg_square(y));
    for (int i = 0; i < N; i++) {
        assert_int_equal(tg_dtype_of(tg_grad(parts[i])), i % 2 ? TG_F32 : TG_F64);
        assert_values(tg_grad(parts[i]), 2 * i);
    }
}

/* ---- stack ---- */

static void stack_joins_along_a_new_dim(void **state) {
    (void)state;
    tg_tensor *a = leaf(row(TG_F64, LIST(1, 2)));
    tg_tensor *b = leaf(row(TG_F32, LIST(3, 4)));
    tg_tensor *y = tg_stack(THESE(a, b, a), 0);
    assert_shape(y, TG_F64, TG_SHAPE(3, 2));
    assert_values(y, 1, 2, 3, 4, 1, 2);
    assert_values(tg_stack(THESE(a, b), -1), 1, 3, 2, 4);
    assert_shape(tg_stack(THESE(a, b), 1), TG_F64, TG_SHAPE(2, 2));
    assert_shape(tg_stack(THESE(number(1), number(2)), 0), TG_F64, TG_SHAPE(2));
    assert_shape(tg_stack(THESE(tg_zeros(TG_F32, TG_SHAPE(0))), 1), TG_F32, TG_SHAPE(0, 1));
    sum_backward(tg_mul(y, counting(TG_SHAPE(3, 2))));
    assert_values(tg_grad(a), 4, 6);
    assert_shape(tg_grad(b), TG_F32, TG_SHAPE(2));
    assert_values(tg_grad(b), 2, 3);
}

static void stack_refuses_other_shapes_and_dims_in_its_own_name(void **state) {
    (void)state;
    tg_tensor *a = ROW(1, 2);
    assert_refused(tg_stack(THESE(a, ROW(1, 2, 3)), 0), TG_ERR_SHAPE, "stack: ", "tensor 1",
                   "f64 [3]", "f64 [2]");
    assert_refused(tg_stack(THESE(a, a), 2), TG_ERR_INDEX, "stack: ", "dim 2");
    assert_refused(tg_stack(THESE(a, a), -3), TG_ERR_INDEX, "stack: ");
    assert_refused(tg_stack(NULL, 0, 0), TG_ERR_ARG, "stack: ", "at least one");
    assert_refused(tg_stack(NULL, 1, 0), TG_ERR_ARG, "stack: ", "NULL");
    tg_tensor *full = tg_ones(TG_F32, TG_SHAPE(1, 1, 1, 1, 1, 1, 1, 1));
    assert_refused(tg_stack(THESE(full), 0), TG_ERR_SHAPE, "stack: ", "largest number of dims");
    assert_refused(tg_stack(THESE(a, NULL), 0), TG_ERR_ARG, "stack: ", "NULL");
}

/* ---- hstack, vstack, dstack, block_diag ---- */

static void stacks_by_name_count_missing_dims(void **state) {
    (void)state;
    tg_tensor *rows[2] = {LEAF(1, 2), ROW(3, 4)};
    assert_values(tg_hstack(rows, 2), 1, 2, 3, 4);
    tg_tensor *v = tg_vstack(rows, 2);
    assert_shape(v, TG_F64, TG_SHAPE(2, 2));
    assert_values(v, 1, 2, 3, 4);
    assert_values(slope(v, counting(TG_SHAPE(2, 2)), rows[0]), 0, 1);
    tg_tensor *d = tg_dstack(rows, 2);
    assert_shape(d, TG_F64, TG_SHAPE(1, 2, 2));
    assert_values(d, 1, 3, 2, 4);
    tg_tensor *grids[2] = {counting(TG_SHAPE(2, 1)), counting(TG_SHAPE(2, 2))};
    assert_shape(tg_hstack(grids, 2), TG_F64, TG_SHAPE(2, 3));
    assert_refused(tg_vstack(grids, 2), TG_ERR_SHAPE, "vstack: ");
    tg_tensor *numbers[2] = {number(1), number(2)};
    assert_values(tg_hstack(numbers, 2), 1, 2);
    assert_shape(tg_dstack(numbers, 2), TG_F64, TG_SHAPE(1, 1, 2));
    assert_shape(tg_dstack(&grids[1], 1), TG_F64, TG_SHAPE(2, 2, 1));
    assert_refused(tg_hstack(rows, 0), TG_ERR_ARG, "hstack: ");
    rows[1] = NULL;
    assert_refused(tg_dstack(rows, 2), TG_ERR_ARG, "dstack: ", "tensors");
}

static void block_diag_puts_matrices_on_the_diagonal(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *in[3] = {x, number(3), row(TG_I32, LIST(4))};
    tg_tensor *y = tg_block_diag(in, 3);
    assert_shape(y, TG_F64, TG_SHAPE(3, 4));
    assert_values(y, 1, 2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 4);
    assert_values(slope(y, counting(TG_SHAPE(3, 4)), x), 0, 1);
    in[1] = counting(TG_SHAPE(1, 1, 1));
    assert_refused(tg_block_diag(in, 2), TG_ERR_SHAPE, "block_diag: ", "tensor 1");
    assert_refused(tg_block_diag(NULL, 1), TG_ERR_ARG, "block_diag: ");
}

TG_TEST_MAIN(tg_scoped(stacks_by_name_count_missing_dims),
             tg_scoped(block_diag_puts_matrices_on_the_diagonal),
             tg_scoped(cat_joins_along_any_dim), tg_scoped(cat_splits_the_gradient),
             tg_scoped(cat_promotes_and_casts_gradients_back),
             tg_scoped(cat_skips_1d_tensors_without_elements),
             tg_scoped(cat_names_the_tensor_that_does_not_fit),
             tg_scoped(cat_of_many_has_a_gradient_for_each), tg_scoped(stack_joins_along_a_new_dim),
             tg_scoped(stack_refuses_other_shapes_and_dims_in_its_own_name))
