/* test_scatter.c - scatter and scatter_reduce: order, reductions, gradients, checks. */
#include "tensors.h"

#define IDS(...) row(TG_I64, LIST(__VA_ARGS__))

static void scatter_writes_in_order_and_gives_every_source_the_gradient(void **state) {
    (void)state;
    tg_tensor *x = LEAF(9, 9, 9);
    tg_tensor *src = LEAF(1, 2, 3);
    tg_tensor *y = tg_scatter(x, 0, IDS(0, 0, 2), src);
    assert_values(y, 2, 9, 3);
    sum_backward(tg_mul(y, ROW(10, 20, 30)));
    assert_values(tg_grad(x), 0, 20, 0);
    assert_values(tg_grad(src), 10, 10, 30);
    tg_tensor *m = tg_zeros(TG_F64, TG_SHAPE(2, 3));
    assert_values(tg_scatter(m, 1, grid(TG_I64, 2, 1, LIST(2, 0)), counting(TG_SHAPE(2, 2))), 0, 0,
                  0, 2, 0, 0);
    assert_values(tg_scatter_value(m, -1, grid(TG_I32, 2, 2, LIST(0, 1, 2, 2)), 4), 4, 4, 0, 0, 0,
                  4);
    assert_ptr_equal(tg_scatter_value_(m, 0, grid(TG_I64, 1, 2, LIST(1, 0)), 5), m);
    assert_values(m, 0, 5, 0, 5, 0, 0);
    assert_ptr_equal(tg_scatter_(m, 0, grid(TG_I64, 1, 1, LIST(0)), grid(TG_F64, 1, 1, LIST(7))),
                     m);
    assert_values(m, 7, 5, 0, 5, 0, 0);
    for (int dtype = TG_F32; dtype <= TG_BF16; dtype++) {
        tg_tensor *z = tg_scatter_value(tg_cast(ROW(0, 1), (tg_dtype)dtype), 0, IDS(0), 1);
        assert_values(tg_cast(z, TG_F64), 1, 1);
    }
}

static void scatter_checks_before_it_writes(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(3));
    assert_refused(tg_scatter_(x, 0, IDS(0, 3), ROW(8, 9)), TG_ERR_INDEX, "scatter: ", "index 3",
                   "position 1", "dim 0", "f64 [3]");
    assert_values(x, 0, 1, 2);
    assert_refused(tg_scatter(x, 0, IDS(0, 1), ROW(8)), TG_ERR_SHAPE, "f64 [1]", "i64 [2]");
    assert_refused(tg_scatter(x, 0, IDS(0), row(TG_F32, LIST(1))), TG_ERR_DTYPE, "f32 [1]",
                   "f64 [3]");
    assert_refused(tg_scatter(x, 0, ROW(0), ROW(1)), TG_ERR_DTYPE, "i64 or i32");
    assert_refused(tg_scatter(x, 0, IDS(0), TG_NONE), TG_ERR_ARG, "src");
}

static tg_tensor *reduced(tg_scatter_mode mode, bool self) {
    return tg_scatter_reduce(ROW(10, 20, 30), 0, IDS(0, 0, 2, 0), ROW(1, 2, 3, 4), mode, self);
}

static void scatter_reduce_combines_with_or_without_x(void **state) {
    (void)state;
    assert_values(reduced(TG_SCATTER_SUM, true), 17, 20, 33);
    assert_values(reduced(TG_SCATTER_SUM, false), 7, 20, 3);
    assert_values(reduced(TG_SCATTER_PROD, true), 80, 20, 90);
    assert_values(reduced(TG_SCATTER_PROD, false), 8, 20, 3);
    assert_values(reduced(TG_SCATTER_MEAN, true), 4.25, 20, 16.5);
    assert_values_near(reduced(TG_SCATTER_MEAN, false), 1e-15, 7.0 / 3, 20, 3);
    assert_values(reduced(TG_SCATTER_AMAX, true), 10, 20, 30);
    assert_values(reduced(TG_SCATTER_AMAX, false), 4, 20, 3);
    assert_values(reduced(TG_SCATTER_AMIN, true), 1, 20, 3);
    assert_values(reduced(TG_SCATTER_AMIN, false), 1, 20, 3);
    tg_tensor *n = row(TG_I32, LIST(5, 6));
    assert_values(tg_scatter_reduce(n, 0, IDS(1), row(TG_I32, LIST(-2)), TG_SCATTER_AMAX, false), 5,
                  -2);
    tg_tensor *b = row(TG_BOOL, LIST(1, 0));
    assert_values(
        tg_scatter_reduce(b, 0, IDS(0, 1), row(TG_BOOL, LIST(0, 1)), TG_SCATTER_AMAX, false), 0, 1);
    tg_tensor *x = ROW(1, 2);
    assert_ptr_equal(tg_scatter_reduce_(x, 0, IDS(1, 1), ROW(3, 4), TG_SCATTER_PROD, true), x);
    assert_values(x, 1, 24);
    assert_values(tg_scatter_reduce(x, 0, IDS(0), ROW(NAN), TG_SCATTER_AMIN, true), NAN, 24);
}

static void equal_extremes_share_the_gradient_with_x(void **state) {
    (void)state;
    tg_tensor *x = LEAF(2, 7);
    tg_tensor *src = LEAF(2, 2);
    sum_backward(tg_scatter_reduce(x, 0, IDS(0, 0), src, TG_SCATTER_AMAX, true));
    assert_values(tg_grad(x), 1.0 / 3, 1);
    assert_values(tg_grad(src), 1.0 / 3, 1.0 / 3);
    tg_tensor *out = tg_scatter_reduce(x, 0, IDS(0, 0), src, TG_SCATTER_AMAX, false);
    assert_values(slope(out, NULL, x), 0, 1);
    assert_values(slope(out, NULL, src), 0.5, 0.5);
}

static void the_gradient_of_a_product_is_exact_at_zeros(void **state) {
    (void)state;
    tg_tensor *x = LEAF(4, 7);
    tg_tensor *src = LEAF(0, 2);
    tg_tensor *one = tg_scatter_reduce(x, 0, IDS(0, 0), src, TG_SCATTER_PROD, true);
    assert_values(slope(one, NULL, x), 0, 1);
    assert_values(slope(one, NULL, src), 8, 0);
    tg_tensor *zeros = LEAF(0, 0);
    tg_tensor *two = tg_scatter_reduce(x, 0, IDS(0, 0), zeros, TG_SCATTER_PROD, true);
    assert_values(slope(two, NULL, x), 0, 1);
    assert_values(slope(two, NULL, zeros), 0, 0);
}

static void scatter_reduce_names_what_it_takes(void **state) {
    (void)state;
    assert_refused(tg_scatter_reduce(ROW(1), 0, IDS(0), ROW(1), (tg_scatter_mode)9, true),
                   TG_ERR_ARG, "scatter_reduce: ", "reduce is 9");
    assert_refused(tg_scatter_reduce(IDS(1), 0, IDS(0), IDS(1), TG_SCATTER_MEAN, true),
                   TG_ERR_DTYPE, "i64 [1]", "f32, f64");
    assert_refused(tg_scatter_reduce(ROW(1), 0, IDS(1), ROW(1), TG_SCATTER_SUM, true), TG_ERR_INDEX,
                   "index 1");
}

TG_TEST_MAIN(tg_scoped(scatter_writes_in_order_and_gives_every_source_the_gradient),
             tg_scoped(scatter_checks_before_it_writes),
             tg_scoped(scatter_reduce_combines_with_or_without_x),
             tg_scoped(equal_extremes_share_the_gradient_with_x),
             tg_scoped(the_gradient_of_a_product_is_exact_at_zeros),
             tg_scoped(scatter_reduce_names_what_it_takes))
