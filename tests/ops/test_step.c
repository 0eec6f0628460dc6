/* test_step.c - optimizer steps over lists of tensors. The numbers over many steps are in
 * tests/optim; here are one step's arithmetic, the corners and the checks. */
#include "tensors.h"

#include <tensorgrad/optim.h>

#define INF INFINITY

static tg_sgd_options sgd(double lr) {
    tg_sgd_options o = TG_SGD_OPTIONS_INIT;
    o.lr = lr;
    return o;
}

static tg_adam_options adam(double lr) {
    tg_adam_options o = TG_ADAM_OPTIONS_INIT;
    o.lr = lr;
    return o;
}

/* ---- SGD ---- */

static void sgd_subtracts_the_gradient(void **state) {
    (void)state;
    tg_tensor *p = leaf(ROW(1, 2));
    tg_tensor *g = ROW(0.5, -4);
    tg_sgd_options o = sgd(0.5);
    assert_ok(tg_sgd_step_(&p, &g, NULL, NULL, 1, &o));
    assert_values(p, 0.75, 4);
    assert_int_equal(tg_version_of(p), 1);
    assert_int_equal(tg_version_of(g), 0);
    assert_true(tg_is_leaf(p)); /* nothing was recorded */
    o.maximize = true;
    assert_ok(tg_sgd_step_(&p, &g, NULL, NULL, 1, &o));
    assert_values(p, 1, 2);
    o = sgd(1);
    o.weight_decay = 0.25; /* g + 0.25 p */
    assert_ok(tg_sgd_step_(&p, &g, NULL, NULL, 1, &o));
    assert_values(p, 0.25, 5.5);
}

static void sgd_momentum_follows_the_formula(void **state) {
    (void)state;
    tg_tensor *p = ROW(10);
    tg_tensor *g = ROW(1);
    tg_tensor *buffer = tg_full(TG_F64, TG_SHAPE(1), NAN); /* the first step does not read it */
    tg_sgd_options o = sgd(1);
    o.momentum = 0.5;
    o.dampening = 0.25;
    bool first = true;
    assert_ok(tg_sgd_step_(&p, &g, &buffer, &first, 1, &o));
    assert_values(buffer, 1); /* undampened */
    assert_values(p, 9);
    first = false;
    assert_ok(tg_sgd_step_(&p, &g, &buffer, &first, 1, &o));
    assert_values(buffer, 1.25); /* 0.5·1 + 0.75·1 */
    assert_values(p, 7.75);
    assert_int_equal(tg_version_of(buffer), 2);
    o.dampening = 0;
    o.nesterov = true;
    assert_ok(tg_sgd_step_(&p, &g, &buffer, &first, 1, &o));
    assert_values(buffer, 1.625);
    assert_values(p, 7.75 - (1 + 0.5 * 1.625));
}

/* ---- Adam ---- */

static void adam_moves_by_lr_at_its_first_step(void **state) {
    (void)state;
    tg_tensor *p = ROW(1, 1, 1);
    tg_tensor *g = ROW(1e-3, -7, 0);
    tg_tensor *m = tg_zeros_like(p);
    tg_tensor *v = tg_zeros_like(p);
    int64_t step = 1;
    tg_adam_options o = adam(0.125);
    o.eps = 0;
    assert_ok(tg_adam_step_(&p, &g, &m, &v, NULL, &step, 1, &o));
    assert_close(at(p, 0), 0.875, 1e-15, 0);
    assert_close(at(p, 1), 1.125, 1e-15, 0);
    assert_true(isnan(at(p, 2))); /* 0/0: eps is there for that */
    assert_values_near(m, 1e-15, 1e-4, -0.7, 0);
    assert_values_near(v, 1e-13, 1e-9, 0.049, 0);
    assert_int_equal(tg_version_of(p), 1);
    assert_int_equal(tg_version_of(m), 1);
    assert_int_equal(tg_version_of(v), 1);
}

static void adam_keeps_the_largest_v_with_amsgrad(void **state) {
    (void)state;
    tg_tensor *p = ROW(0);
    tg_tensor *m = ROW(0);
    tg_tensor *v = ROW(0);
    tg_tensor *largest = ROW(0);
    tg_adam_options o = adam(1);
    o.beta1 = 0;
    o.beta2 = 0;
    o.eps = 0;
    o.amsgrad = true;
    static const double gradients[] = {4, 1, 2};
    double expected = 0;
    for (int64_t step = 1; step <= 3; step++) {
        tg_tensor *g = ROW(gradients[step - 1]);
        assert_ok(tg_adam_step_(&p, &g, &m, &v, &largest, &step, 1, &o));
        expected -= gradients[step - 1] / 4;
        assert_values(largest, 16);
    }
    assert_values(p, expected);
    assert_int_equal(tg_version_of(largest), 3);
}

/* ---- Lists ---- */

static void absent_gradients_skip_their_parameters(void **state) {
    (void)state;
    tg_tensor *p[3] = {ROW(1), row(TG_F32, LIST(2, 2)), ROW(3)};
    tg_tensor *g[3] = {ROW(1), TG_NONE, ROW(1)};
    tg_tensor *m[3] = {ROW(0), NULL, ROW(0)}; /* nor is their state looked at */
    tg_tensor *v[3] = {ROW(0), NULL, ROW(0)};
    int64_t steps[3] = {1, 0, 1};
    tg_sgd_options s = sgd(0.5);
    assert_ok(tg_sgd_step_(p, g, NULL, NULL, 3, &s));
    assert_values(p[0], 0.5);
    assert_values(p[1], 2, 2);
    assert_values(p[2], 2.5);
    assert_int_equal(tg_version_of(p[1]), 0);
    tg_adam_options a = adam(0.5);
    assert_ok(tg_adam_step_(p, g, m, v, NULL, steps, 3, &a));
    assert_values(p[1], 2, 2);
    assert_ok(tg_sgd_step_(NULL, NULL, NULL, NULL, 0, &s));
    assert_ok(tg_adam_step_(NULL, NULL, NULL, NULL, NULL, NULL, 0, &a));
}

static void parameters_and_gradients_may_be_strided_scalar_or_empty(void **state) {
    (void)state;
    tg_tensor *base = counting(TG_SHAPE(2, 3));
    tg_tensor *p[3] = {tg_transpose(base, 0, 1), number(1), tg_zeros(TG_F64, TG_SHAPE(0))};
    tg_tensor *g[3] = {tg_expand(ROW(1, 10), TG_SHAPE(3, 2)), number(1),
                       tg_zeros(TG_F64, TG_SHAPE(0))};
    tg_sgd_options o = sgd(1);
    assert_ok(tg_sgd_step_(p, g, NULL, NULL, 3, &o));
    assert_values(base, -1, 0, 1, -7, -6, -5);
    assert_values(p[1], 0);
}

static void a_gradient_of_infinite_parameters_stays_out_without_decay(void **state) {
    (void)state;
    tg_tensor *p = ROW(INF, NAN);
    tg_tensor *g = ROW(1, 1);
    tg_tensor *buffer = ROW(0, 0);
    tg_sgd_options o = sgd(1);
    o.momentum = 0.5;
    bool first = false;
    assert_ok(tg_sgd_step_(&p, &g, &buffer, &first, 1, &o));
    assert_values(buffer, 1, 1);
    assert_values(p, INF, NAN);
}

/* ---- Checks come before the first write ---- */

static void bad_lists_are_refused_by_name_and_position(void **state) {
    (void)state;
    tg_tensor *p[2] = {ROW(1), ROW(2, 3)};
    tg_tensor *g[2] = {ROW(1), ROW(1, 1)};
    tg_tensor *wrong[2] = {g[0], ROW(1)};
    tg_tensor *other[2] = {g[0], row(TG_F32, LIST(1, 1))};
    tg_tensor *missing[2] = {g[0], NULL};
    bool first[2] = {true, true};
    tg_sgd_options o = sgd(1);
    assert_denied(tg_sgd_step_(p, wrong, NULL, NULL, 2, &o), TG_ERR_SHAPE,
                  "sgd_step_: ", "grads[1] is f64 [1]", "f64 [2]");
    assert_denied(tg_sgd_step_(p, other, NULL, NULL, 2, &o), TG_ERR_DTYPE, "grads[1] is f32 [2]");
    assert_denied(tg_sgd_step_(p, missing, NULL, NULL, 2, &o), TG_ERR_ARG,
                  "argument grads is NULL");
    assert_denied(tg_sgd_step_(missing, g, NULL, NULL, 2, &o), TG_ERR_ARG,
                  "argument params is NULL");
    assert_denied(tg_sgd_step_(NULL, g, NULL, NULL, 2, &o), TG_ERR_ARG, "2 parameters");
    assert_denied(tg_sgd_step_(p, NULL, NULL, NULL, 2, &o), TG_ERR_ARG, "grads");
    assert_denied(tg_sgd_step_(p, g, NULL, NULL, -1, &o), TG_ERR_ARG, "-1 parameters");
    o.momentum = 0.9;
    assert_denied(tg_sgd_step_(p, g, NULL, first, 2, &o), TG_ERR_ARG, "buffers is NULL");
    assert_denied(tg_sgd_step_(p, g, g, NULL, 2, &o), TG_ERR_ARG, "first is NULL");
    assert_denied(tg_sgd_step_(p, g, wrong, first, 2, &o), TG_ERR_SHAPE, "buffers[1]");
    tg_tensor *strided[2] = {g[0], tg_slice(ROW(0, 0, 0, 0), 0, 0, 4, 2)};
    assert_denied(tg_sgd_step_(p, g, strided, first, 2, &o), TG_ERR_STATE, "buffers[1]",
                  "contiguous", "tg_zeros_like");
    tg_tensor *ints[2] = {p[0], row(TG_I64, LIST(1, 2))};
    assert_denied(tg_sgd_step_(ints, g, NULL, NULL, 2, &o), TG_ERR_DTYPE, "i64 [2]", "f32, f64");
    tg_tensor *repeated[2] = {p[0], tg_expand(ROW(1), TG_SHAPE(2))};
    assert_denied(tg_sgd_step_(repeated, g, g, first, 2, &o), TG_ERR_STATE, "overlaps itself");
    assert_values(p[0], 1);
    assert_int_equal(tg_version_of(p[0]), 0);
}

static void bad_state_of_adam_is_refused_by_name(void **state) {
    (void)state;
    tg_tensor *p = ROW(1);
    tg_tensor *g = ROW(1);
    tg_tensor *m = ROW(0);
    tg_tensor *v = ROW(0);
    tg_tensor *wide = ROW(0, 0);
    int64_t step = 1;
    int64_t zero = 0;
    tg_adam_options o = adam(1);
    assert_denied(tg_adam_step_(&p, &g, NULL, &v, NULL, &step, 1, &o), TG_ERR_ARG,
                  "adam_step_: ", "m is NULL");
    assert_denied(tg_adam_step_(&p, &g, &m, &wide, NULL, &step, 1, &o), TG_ERR_SHAPE, "v[0]");
    assert_denied(tg_adam_step_(&p, &g, &m, &v, NULL, NULL, 1, &o), TG_ERR_ARG, "steps is NULL");
    assert_denied(tg_adam_step_(&p, &g, &m, &v, NULL, &zero, 1, &o), TG_ERR_ARG, "steps[0] is 0",
                  "first step is 1");
    o.amsgrad = true;
    assert_denied(tg_adam_step_(&p, &g, &m, &v, NULL, &step, 1, &o), TG_ERR_ARG, "max_v is NULL");
    assert_values(p, 1);
    assert_values(m, 0);
}

static void bad_numbers_are_refused_by_name(void **state) {
    (void)state;
    tg_tensor *p = ROW(1);
    tg_tensor *g = ROW(1);
    int64_t step = 1;
    static const struct {
        const char *name;
        size_t offset;
        double bad[3];
    } of_sgd[] = {{"lr", offsetof(tg_sgd_options, lr), {-1, NAN, INF}},
                  {"momentum", offsetof(tg_sgd_options, momentum), {-1, NAN, INF}},
                  {"dampening", offsetof(tg_sgd_options, dampening), {NAN, NAN, INF}},
                  {"weight_decay", offsetof(tg_sgd_options, weight_decay), {-1, NAN, INF}}},
      of_adam[] = {{"lr", offsetof(tg_adam_options, lr), {-1, NAN, INF}},
                   {"beta1", offsetof(tg_adam_options, beta1), {-0.1, NAN, 1}},
                   {"beta2", offsetof(tg_adam_options, beta2), {-0.1, NAN, 1}},
                   {"eps", offsetof(tg_adam_options, eps), {-1, NAN, INF}},
                   {"weight_decay", offsetof(tg_adam_options, weight_decay), {-1, NAN, INF}}};
    for (size_t k = 0; k < 4; k++)
        for (int i = 0; i < 3; i++) {
            tg_sgd_options o = sgd(1);
            memcpy((char *)&o + of_sgd[k].offset, &of_sgd[k].bad[i], sizeof(double));
            assert_denied(tg_sgd_step_(&p, &g, &g, &(bool){true}, 1, &o), TG_ERR_ARG,
                          "sgd_step_: ", of_sgd[k].name);
        }
    for (size_t k = 0; k < 5; k++)
        for (int i = 0; i < 3; i++) {
            tg_adam_options o = adam(1);
            memcpy((char *)&o + of_adam[k].offset, &of_adam[k].bad[i], sizeof(double));
            assert_denied(tg_adam_step_(&p, &g, &g, &g, NULL, &step, 1, &o), TG_ERR_ARG,
                          "adam_step_: ", of_adam[k].name);
        }
    tg_sgd_options o = sgd(1);
    o.nesterov = true;
    assert_denied(tg_sgd_step_(&p, &g, NULL, NULL, 1, &o), TG_ERR_ARG, "nesterov needs momentum");
    o = sgd(1);
    o.size = 0;
    assert_denied(tg_sgd_step_(&p, &g, NULL, NULL, 1, &o), TG_ERR_ARG, "TG_SGD_OPTIONS_INIT");
    assert_values(p, 1);
}

/* ---- Failing allocations, shut scopes ---- */

static void a_step_that_finds_no_memory_changes_nothing(void **state) {
    (void)state;
    for (uint64_t n = 1;; n++) {
        tg_tensor *base = counting(TG_SHAPE(2, 2));
        tg_tensor *p[2] = {ROW(1), tg_transpose(base, 0, 1)};
        tg_tensor *g[2] = {ROW(1), tg_ones(TG_F64, TG_SHAPE(2, 2))};
        tg_sgd_options o = sgd(1);
        tg__alloc_fail_at(n, false);
        tg_status status = tg_sgd_step_(p, g, NULL, NULL, 2, &o);
        tg__alloc_fail_at(0, false);
        if (status == TG_OK) {
            assert_true(n > 1);
            assert_values(base, -1, 0, 1, 2);
            return;
        }
        assert_denied(status, TG_ERR_MEMORY, "sgd_step_: ", "out of memory");
        assert_values(p[0], 1);
        assert_values(base, 0, 1, 2, 3);
        assert_int_equal(tg_version_of(p[0]), 0);
    }
}

static void in_a_shut_scope_a_step_does_nothing(void **state) {
    (void)state;
    tg_tensor *p = ROW(1);
    tg_tensor *g = ROW(1);
    int64_t step = 1;
    assert_null(tg_reshape(p, TG_SHAPE(7)));
    assert_int_equal(tg_sgd_step_(&p, &g, NULL, NULL, 1, NULL), TG_ERR_SHAPE);
    assert_int_equal(tg_adam_step_(&p, &g, &g, &g, NULL, &step, 1, NULL), TG_ERR_SHAPE);
    tg_error_clear();
    assert_values(p, 1);
}

TG_TEST_MAIN(tg_scoped(sgd_subtracts_the_gradient), tg_scoped(sgd_momentum_follows_the_formula),
             tg_scoped(adam_moves_by_lr_at_its_first_step),
             tg_scoped(adam_keeps_the_largest_v_with_amsgrad),
             tg_scoped(absent_gradients_skip_their_parameters),
             tg_scoped(parameters_and_gradients_may_be_strided_scalar_or_empty),
             tg_scoped(a_gradient_of_infinite_parameters_stays_out_without_decay),
             tg_scoped(bad_lists_are_refused_by_name_and_position),
             tg_scoped(bad_state_of_adam_is_refused_by_name),
             tg_scoped(bad_numbers_are_refused_by_name),
             tg_scoped(a_step_that_finds_no_memory_changes_nothing),
             tg_scoped(in_a_shut_scope_a_step_does_nothing))
