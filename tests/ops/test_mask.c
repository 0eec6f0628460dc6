/* test_mask.c - bool masks: filling, selecting, scattering, nonzero. */
#include "tensors.h"

#define IDS(...) row(TG_I64, LIST(__VA_ARGS__))
#define MASK(...) row(TG_BOOL, LIST(__VA_ARGS__))

/* ---- masked_fill ---- */

static void masked_fill_replaces_and_cuts_the_gradient(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(2, 3)));
    tg_tensor *mask = row(TG_BOOL, LIST(1, 0, 1));
    tg_tensor *y = tg_masked_fill(x, mask, -INFINITY);
    assert_values(y, -INFINITY, 1, -INFINITY, -INFINITY, 4, -INFINITY);
    tg_tensor *g = slope(tg_square(tg_masked_fill(x, mask, 7)), NULL, x);
    assert_values(g, 0, 2, 0, 0, 8, 0);
    assert_values(slope(g, NULL, x), 0, 2, 0, 0, 2, 0);
    tg_tensor *r = LEAF(1, 2, 3); /* x broadcasts too */
    y = tg_masked_fill(r, of(TG_BOOL, TG_SHAPE(2, 1), LIST(0, 1)), 9);
    assert_shape(y, TG_F64, TG_SHAPE(2, 3));
    assert_values(y, 1, 2, 3, 9, 9, 9);
    sum_backward(y);
    assert_values(tg_grad(r), 1, 1, 1);
}

static void masked_fill_keeps_the_dtype_and_converts_the_value(void **state) {
    (void)state;
    tg_tensor *mask = row(TG_BOOL, LIST(0, 1));
    assert_values(tg_masked_fill(row(TG_I32, LIST(1, 2)), mask, -7.9), 1, -7);
    assert_values(tg_masked_fill(row(TG_U8, LIST(1, 2)), mask, 300), 1, 255);
    assert_values(tg_masked_fill(row(TG_BOOL, LIST(0, 0)), mask, 0.5), 0, 1);
    assert_values(tg_masked_fill(row(TG_F32, LIST(1, 2)), mask, 0.1), 1, (double)0.1F);
    assert_shape(tg_masked_fill(tg_zeros(TG_F32, TG_SHAPE(0)), tg_scalar(TG_BOOL, 1), 1), TG_F32,
                 TG_SHAPE(0));
}

static void masked_fill_in_place_writes_and_records(void **state) {
    (void)state;
    tg_tensor *w = LEAF(1, 2, 3);
    tg_tensor *x = tg_mul_scalar(w, 2);
    assert_ptr_equal(tg_masked_fill_(x, row(TG_BOOL, LIST(0, 1, 0)), 5), x);
    assert_values(x, 2, 5, 6);
    sum_backward(tg_square(x));
    assert_values(tg_grad(w), 8, 0, 24);
}

static void masked_fill_refuses_other_masks(void **state) {
    (void)state;
    tg_tensor *x = ROW(1, 2);
    assert_refused(tg_masked_fill(x, ROW(1, 0), 0), TG_ERR_DTYPE, "masked_fill: ", "f64 [2]",
                   "bool");
    assert_refused(tg_masked_fill(x, row(TG_BOOL, LIST(1, 0, 1)), 0), TG_ERR_SHAPE,
                   "masked_fill: ", "f64 [2]", "bool [3]");
    assert_refused(tg_masked_fill(x, NULL, 0), TG_ERR_ARG, "argument mask is NULL");
    assert_refused(tg_masked_fill_(x, grid(TG_BOOL, 1, 2, LIST(1, 0)), 0), TG_ERR_SHAPE,
                   "masked_fill: ", "[1, 2]", "without _");
}

/* ---- masked_fill_tensor ---- */

static void a_filling_tensor_gets_the_sum_over_the_mask(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(2, 2)));
    tg_tensor *v = leaf(number(7));
    tg_tensor *y = tg_masked_fill_tensor(x, MASK(1, 0), v);
    assert_values(y, 7, 1, 7, 3);
    sum_backward(tg_mul(y, grid(TG_F64, 2, 2, LIST(1, 2, 3, 4))));
    assert_values(tg_grad(v), 4);
    assert_values(tg_grad(x), 0, 2, 0, 4);
    tg_tensor *n = row(TG_I32, LIST(1, 2));
    assert_shape(tg_masked_fill_tensor(n, MASK(1, 0), number(2.9)), TG_I32, TG_SHAPE(2));
    assert_ptr_equal(tg_masked_fill_tensor_(n, MASK(1, 0), number(2.9)), n);
    assert_values(n, 2, 2);
    assert_refused(tg_masked_fill_tensor(x, MASK(1, 0), ROW(1, 2)), TG_ERR_SHAPE, "f64 [2]",
                   "tg_where");
    assert_refused(tg_masked_fill_tensor(x, ROW(1, 0), v), TG_ERR_DTYPE, "a bool mask");
}

/* ---- masked_select, masked_scatter ---- */

static void masked_select_takes_the_true_ones_in_order(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(2, 3)));
    tg_tensor *y = tg_masked_select(x, MASK(1, 0, 1));
    assert_values(y, 0, 2, 3, 5);
    assert_values(slope(tg_square(y), NULL, x), 0, 0, 4, 6, 0, 10);
    tg_tensor *r = LEAF(1, 2);
    tg_tensor *z = tg_masked_select(r, of(TG_BOOL, TG_SHAPE(2, 1), LIST(1, 1)));
    assert_values(z, 1, 2, 1, 2);
    assert_values(slope(z, NULL, r), 2, 2);
    assert_shape(tg_masked_select(x, MASK(0, 0, 0)), TG_F64, TG_SHAPE(0));
    assert_shape(tg_masked_select(number(3), tg_full(TG_BOOL, TG_0D, 1)), TG_F64, TG_SHAPE(1));
    assert_refused(tg_masked_select(x, ROW(1, 0, 1)), TG_ERR_DTYPE, "masked_select: ", "f64 [3]");
    assert_refused(tg_masked_select(x, MASK(1, 0)), TG_ERR_SHAPE, "bool [2]");
}

static void masked_scatter_puts_elements_in_order(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(2, 3)));
    tg_tensor *src = LEAF(7, 8, 9, 10, 11);
    tg_tensor *y = tg_masked_scatter(x, MASK(1, 0, 1), src);
    assert_values(y, 7, 1, 8, 9, 4, 10);
    sum_backward(y);
    assert_values(tg_grad(x), 0, 1, 0, 0, 1, 0);
    assert_values(tg_grad(src), 1, 1, 1, 1, 0);
    tg_tensor *p = counting(TG_SHAPE(3));
    assert_ptr_equal(tg_masked_scatter_(p, MASK(0, 1, 1), ROW(8, 9)), p);
    assert_values(p, 0, 8, 9);
    assert_refused(tg_masked_scatter_(p, MASK(1, 1, 1), ROW(1, 2)), TG_ERR_SHAPE, "f64 [2]",
                   "3 places");
    assert_values(p, 0, 8, 9);
}

/* ---- nonzero ---- */

static void nonzero_lists_indices(void **state) {
    (void)state;
    tg_tensor *y = tg_nonzero(grid(TG_F64, 2, 2, LIST(0, NAN, -0.0, 2)));
    assert_shape(y, TG_I64, TG_SHAPE(2, 2));
    assert_values(y, 0, 1, 1, 1);
    assert_shape(tg_nonzero(number(3)), TG_I64, TG_SHAPE(1, 0));
    assert_shape(tg_nonzero(number(0)), TG_I64, TG_SHAPE(0, 0));
    assert_values(tg_argwhere(IDS(0, 5, 0, 7)), 1, 3);
    assert_shape(tg_nonzero(tg_zeros(TG_F32, TG_SHAPE(0, 3))), TG_I64, TG_SHAPE(0, 2));
    assert_false(tg_requires_grad(tg_nonzero(LEAF(1, 0))));
}

TG_TEST_MAIN(tg_scoped(a_filling_tensor_gets_the_sum_over_the_mask),
             tg_scoped(masked_select_takes_the_true_ones_in_order),
             tg_scoped(masked_scatter_puts_elements_in_order), tg_scoped(nonzero_lists_indices),
             tg_scoped(masked_fill_replaces_and_cuts_the_gradient),
             tg_scoped(masked_fill_keeps_the_dtype_and_converts_the_value),
             tg_scoped(masked_fill_in_place_writes_and_records),
             tg_scoped(masked_fill_refuses_other_masks))
