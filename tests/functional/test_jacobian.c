/* test_jacobian.c - whole Jacobians and Hessians: values by hand, shapes, rows against columns. */
#include "tensors.h"

#include <tensorgrad/functional.h>

/* y0 [2, 1] = W x (x [3]), y1 [] = Σ x²·s. */
static tg_status parts(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)n_in, (void)n_out;
    out[0] = tg_matmul(ctx, tg_reshape(in[0], TG_SHAPE(3, 1)));
    out[1] = tg_sum(tg_mul(tg_square(in[0]), in[1]), TG_ALL, false);
    return TG_OK;
}

/* x [n] ↦ [5, n]: column by column sin(k x). */
static tg_status wide(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)ctx, (void)n_in, (void)n_out;
    tg_tensor *k = tg_reshape(tg_arange(TG_F64, 1, 6, 1), TG_SHAPE(5, 1));
    out[0] = tg_sin(tg_mul(k, in[0]));
    return TG_OK;
}

/* Rosenbrock's function of x [2]. */
static tg_status rosenbrock(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)ctx, (void)n_in, (void)n_out;
    tg_tensor *x = tg_select(in[0], 0, 0);
    tg_tensor *y = tg_select(in[0], 0, 1);
    tg_tensor *valley = tg_square(tg_sub(y, tg_square(x)));
    out[0] = tg_add(tg_square(tg_rsub_scalar(x, 1)), tg_mul_scalar(valley, 100));
    return TG_OK;
}

static tg_status product(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)ctx, (void)n_in, (void)n_out;
    out[0] = tg_sum(tg_mul(tg_square(in[0]), in[1]), TG_ALL, false);
    return TG_OK;
}

static tg_status same(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)ctx, (void)n_in, (void)n_out;
    out[0] = in[0];
    return TG_OK;
}

static void jacobians_have_outputs_then_inputs(void **state) {
    (void)state;
    tg_tensor *w = grid(TG_F64, 2, 3, LIST(1, 2, 3, 4, 5, 6));
    tg_tensor *in[2] = {ROW(1, 2, 3), number(10)};
    tg_tensor *j[4];
    assert_ok(tg_jacobian(parts, w, in, 2, 2, NULL, j));
    assert_shape(j[0], TG_F64, TG_SHAPE(2, 1, 3));
    assert_values(j[0], 1, 2, 3, 4, 5, 6);
    assert_shape(j[1], TG_F64, TG_SHAPE(2, 1));
    assert_values(j[1], 0, 0);
    assert_shape(j[2], TG_F64, TG_SHAPE(3));
    assert_values(j[2], 20, 40, 60);
    assert_shape(j[3], TG_F64, TG_0D);
    assert_values(j[3], 14);
}

/* 1 input for 5 outputs goes by columns, 5 for 25 too; [x, x, x…] with itself by rows. */
static void columns_give_what_rows_would(void **state) {
    (void)state;
    tg_tensor *x = leaf(ROW(.3, -.7));
    tg_functional_options o = TG_FUNCTIONAL_OPTIONS_INIT;
    o.create_graph = true;
    tg_tensor *j;
    assert_ok(tg_jacobian(wide, NULL, &x, 1, 1, &o, &j));
    assert_shape(j, TG_F64, TG_SHAPE(5, 2, 2));
    assert_true(tg_is_contiguous(j));
    for (int k = 1; k <= 5; k++)
        for (int a = 0; a < 2; a++)
            for (int b = 0; b < 2; b++)
                assert_close(at(j, (k - 1) * 4 + a * 2 + b), a == b ? k * cos(k * at(x, a)) : 0,
                             1e-14, 1e-14);
    tg_tensor *second = slope(j, NULL, x); /* Σ -k² sin(kx) */
    for (int a = 0; a < 2; a++) {
        double sum = 0;
        for (int k = 1; k <= 5; k++)
            sum -= k * k * sin(k * at(x, a));
        assert_close(at(second, a), sum, 1e-13, 1e-13);
    }
}

static void the_identity_and_nothing(void **state) {
    (void)state;
    tg_tensor *x = ROW(1, 2);
    tg_tensor *j;
    assert_ok(tg_jacobian(same, NULL, &x, 1, 1, NULL, &j));
    assert_values(j, 1, 0, 0, 1);
    tg_tensor *none = tg_zeros(TG_F64, TG_SHAPE(0, 3));
    assert_ok(tg_jacobian(same, NULL, &none, 1, 1, NULL, &j));
    assert_shape(j, TG_F64, TG_SHAPE(0, 3, 0, 3));
    tg_tensor *half = row(TG_F16, LIST(1, 2));
    assert_ok(tg_jacobian(same, NULL, &half, 1, 1, NULL, &j));
    assert_shape(j, TG_F16, TG_SHAPE(2, 2));
    assert_values(j, 1, 0, 0, 1);
}

static void the_hessian_of_rosenbrock(void **state) {
    (void)state;
    tg_tensor *x = ROW(-1.2, 1);
    tg_tensor *h;
    assert_ok(tg_hessian(rosenbrock, NULL, &x, 1, NULL, &h));
    assert_shape(h, TG_F64, TG_SHAPE(2, 2));
    assert_values_near(h, 1e-13, 1330, 480, 480, 200); /* 2 - 400(y - 3x²), -400x */
}

static void hessians_come_in_blocks(void **state) {
    (void)state;
    tg_tensor *in[2] = {leaf(ROW(1, 2)), leaf(number(3))};
    tg_functional_options o = TG_FUNCTIONAL_OPTIONS_INIT;
    o.create_graph = true;
    tg_tensor *h[4];
    assert_ok(tg_hessian(product, NULL, in, 2, &o, h));
    assert_values(h[0], 6, 0, 0, 6);
    assert_values(h[1], 2, 4);
    assert_shape(h[1], TG_F64, TG_SHAPE(2));
    assert_values(h[2], 2, 4);
    assert_values(h[3], 0);
    assert_values(slope(h[0], NULL, in[1]), 4);
}

static void refusals_name_what_is_wrong(void **state) {
    (void)state;
    tg_tensor *x = tg_ones(TG_F64, TG_SHAPE(1, 1, 1, 1, 1));
    tg_tensor *h = x;
    assert_denied(tg_jacobian(same, NULL, &x, 1, 1, NULL, &h), TG_ERR_SHAPE,
                  "jacobian: ", "[1, 1, 1, 1, 1]", "10 dims", "8");
    assert_null(h);
    tg_tensor *two = ROW(1, 2);
    assert_denied(tg_hessian(same, NULL, &two, 1, NULL, &h), TG_ERR_SHAPE, "hessian: ", "f64 [2]",
                  "tg_sum");
    assert_denied(tg_jacobian(same, NULL, &two, 1, 1, NULL, NULL), TG_ERR_ARG, "1 results at NULL");
    assert_denied(tg_jacobian(same, NULL, &two, 1, 0, NULL, &h), TG_ERR_ARG, "0 outputs");
}

static bool yes(void *ctx) {
    (void)ctx;
    return true;
}

static void an_interrupt_stops_between_rows(void **state) {
    (void)state;
    tg_tensor *x = ROW(1, 2);
    tg_tensor *j = x;
    tg_set_interrupt_check(yes, NULL);
    assert_denied(tg_jacobian(same, NULL, &x, 1, 1, NULL, &j), TG_ERR_INTERRUPTED, "interrupt");
    tg_set_interrupt_check(NULL, NULL);
    assert_null(j);
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    for (int kind = 0; kind < 3; kind++)
        for (uint64_t n = 1;; n++) {
            tg_scope s = tg_scope_open();
            tg_tensor *x = LEAF(-1.2, 1);
            tg_tensor *j = x;
            const tg_functional_options o = {sizeof o, 0, true};
            int64_t live[3] = {tg_live_tensors(), tg_live_storages(), tg_live_nodes()};
            tg__alloc_fail_at(n, false);
            tg_status status = kind == 0   ? tg_jacobian(same, NULL, &x, 1, 1, &o, &j)
                               : kind == 1 ? tg_jacobian(wide, NULL, &x, 1, 1, &o, &j)
                                           : tg_hessian(rosenbrock, NULL, &x, 1, &o, &j);
            tg__alloc_fail_at(0, false);
            if (status == TG_OK) {
                assert_ok(tg_scope_close(s));
                assert_true(n > 10);
                break;
            }
            assert_denied(status, TG_ERR_MEMORY, "out of memory");
            assert_null(j);
            assert_int_equal(tg_live_tensors(), live[0]);
            assert_int_equal(tg_live_storages(), live[1]);
            assert_int_equal(tg_live_nodes(), live[2]);
            assert_ok(tg_scope_close(s));
        }
}

TG_TEST_MAIN(tg_scoped(jacobians_have_outputs_then_inputs), tg_scoped(columns_give_what_rows_would),
             tg_scoped(the_identity_and_nothing), tg_scoped(the_hessian_of_rosenbrock),
             tg_scoped(hessians_come_in_blocks), tg_scoped(refusals_name_what_is_wrong),
             tg_scoped(an_interrupt_stops_between_rows), tg_scoped(every_allocation_may_fail))
