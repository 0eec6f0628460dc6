/* test_sgd.c - SGD against its formula in plain C, and its options. */
#include "reference.h"

static void formula_of_sgd(double *p, double g, element_state *s, const void *options) {
    const tg_sgd_options *o = options;
    double *buffer = &s->state[0];
    if (o->maximize)
        g = -g;
    g += o->weight_decay * *p;
    if (o->momentum != 0) {
        *buffer = s->t == 1 ? g : o->momentum * *buffer + (1 - o->dampening) * g;
        g = o->nesterov ? g + o->momentum * *buffer : *buffer;
    }
    *p -= o->lr * g;
}

static void follows_its_formula(void **state) {
    (void)state;
    static const struct {
        const char *name;
        tg_sgd_options options;
    } cases[] = {
        {"plain", {.size = sizeof(tg_sgd_options), .lr = 0.1}},
        {"no learning rate", {.size = sizeof(tg_sgd_options), .lr = 0, .momentum = 0.5}},
        {"weight decay", {.size = sizeof(tg_sgd_options), .lr = 0.1, .weight_decay = 0.05}},
        {"momentum", {.size = sizeof(tg_sgd_options), .lr = 0.05, .momentum = 0.9}},
        {"dampening",
         {.size = sizeof(tg_sgd_options), .lr = 0.05, .momentum = 0.8, .dampening = 0.3}},
        {"nesterov",
         {.size = sizeof(tg_sgd_options), .lr = 0.02, .momentum = 0.9, .nesterov = true}},
        {"maximize",
         {.size = sizeof(tg_sgd_options), .lr = 0.02, .momentum = 0.5, .maximize = true}},
        {"all",
         {.size = sizeof(tg_sgd_options),
          .lr = 0.02,
          .momentum = 0.7,
          .weight_decay = 0.1,
          .nesterov = true,
          .maximize = true}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int wide = 0; wide < 2; wide++) {
            tg_dtype dtype = wide ? TG_F64 : TG_F32;
            tg_tensor *params[] = {param_new(dtype, 0), param_new(dtype, 1)};
            tg_optimizer *o = tg_sgd_new(params, 2, &cases[i].options);
            compare_with(dtype, o, params, formula_of_sgd, &cases[i].options, wide ? 1e-13 : 2e-5,
                         cases[i].name);
            tg_optimizer_free(o);
            tg_release(params[0]);
            tg_release(params[1]);
            assert_int_equal(tg_live_tensors(), 0);
        }
}

static void null_options_are_the_defaults(void **state) {
    (void)state;
    tg_tensor *p = param_new(TG_F64, 0);
    tg_optimizer *o = tg_sgd_new(&p, 1, NULL);
    assert_true(tg_optimizer_lr(o) == 1e-3);
    set_gradient(p, 0, 1);
    assert_ok(tg_optimizer_step(o));
    assert_true(element(p, 0) == start_at(0, 0) - 1e-3 * gradient_at(0, 1, 0));
    tg_optimizer_free(o);
    tg_release(p);
}

static void the_learning_rate_can_be_changed(void **state) {
    (void)state;
    tg_tensor *p = param_new(TG_F64, 0);
    tg_optimizer *o = tg_sgd_new(&p, 1, NULL);
    assert_ok(tg_optimizer_set_lr(o, 0.5));
    assert_true(tg_optimizer_lr(o) == 0.5);
    assert_fails(tg_optimizer_set_lr(o, -1), TG_ERR_ARG, "sgd: lr is -1; give a finite value >= 0");
    assert_fails(tg_optimizer_set_lr(o, NAN), TG_ERR_ARG, "sgd: lr is NaN");
    tg_error_clear();
    assert_true(tg_optimizer_lr(o) == 0.5);
    set_gradient(p, 0, 1);
    assert_ok(tg_optimizer_step(o));
    assert_true(element(p, 1) == start_at(0, 1) - 0.5 * gradient_at(0, 1, 1));
    tg_optimizer_free(o);
    tg_release(p);
}

static void bad_options_are_named(void **state) {
    (void)state;
    tg_tensor *p = param_new(TG_F64, 0);
    static const struct {
        tg_sgd_options options;
        const char *text;
    } cases[] = {
        {{.lr = NAN}, "sgd: lr is NaN; give a finite value >= 0"},
        {{.lr = INFINITY}, "sgd: lr is inf; give a finite value >= 0"},
        {{.lr = -0.1}, "sgd: lr is -0.1; give a finite value >= 0"},
        {{.momentum = -0.5}, "sgd: momentum is -0.5; give a finite value >= 0"},
        {{.momentum = NAN}, "sgd: momentum is NaN"},
        {{.dampening = -INFINITY}, "sgd: dampening is -inf; give a finite value"},
        {{.weight_decay = -1}, "sgd: weight_decay is -1; give a finite value >= 0"},
        {{.weight_decay = NAN}, "sgd: weight_decay is NaN"},
        {{.nesterov = true}, "sgd: nesterov with momentum 0 and dampening 0"},
        {{.nesterov = true, .momentum = 0.9, .dampening = 0.5},
         "sgd: nesterov with momentum 0.9 and dampening 0.5; it needs a momentum > 0 and no"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tg_sgd_options o = cases[i].options;
        assert_null(tg_sgd_new(&p, 1, &o));
        assert_fails(tg_error_status(), TG_ERR_ARG, "sgd: options.size is 0; begin with TG_SGD_");
        o.size = sizeof o;
        assert_null(tg_sgd_new(&p, 1, &o));
        assert_fails(tg_error_status(), TG_ERR_ARG, cases[i].text);
    }
    struct {
        tg_sgd_options known;
        double more;
    } newer = {TG_SGD_OPTIONS_INIT, 1};
    newer.known.size = sizeof newer;
    assert_null(tg_sgd_new(&p, 1, &newer.known));
    assert_fails(tg_error_status(), TG_ERR_UNSUPPORTED, "sgd: options has ");
    tg_error_clear();
    newer.more = 0;
    tg_optimizer *o = tg_sgd_new(&p, 1, &newer.known);
    assert_non_null(o);
    tg_optimizer_free(o);
    tg_sgd_options older = TG_SGD_OPTIONS_INIT;
    older.size = offsetof(tg_sgd_options, momentum);
    older.lr = 0.25;
    older.momentum = NAN; /* a field that this caller does not have */
    o = tg_sgd_new(&p, 1, &older);
    assert_true(tg_optimizer_lr(o) == 0.25);
    tg_optimizer_free(o);
    tg_release(p);
    assert_int_equal(tg_live_tensors(), 0);
}

/* The buffer is made at the first step and stays the same memory. */
static void state_is_made_once(void **state) {
    (void)state;
    tg_tensor *p = param_new(TG_F64, 0);
    tg_sgd_options options = TG_SGD_OPTIONS_INIT;
    options.momentum = 0.9;
    tg_optimizer *o = tg_sgd_new(&p, 1, &options);
    assert_int_equal(tg_live_tensors(), 1);
    set_gradient(p, 0, 1);
    assert_ok(tg_optimizer_step(o));
    int64_t live = tg_live_tensors();
    assert_int_equal(live, 3); /* parameter, gradient, buffer */
    uint32_t version = tg_version_of(p);
    for (int i = 0; i < 5; i++)
        assert_ok(tg_optimizer_step(o));
    assert_int_equal(tg_live_tensors(), live);
    assert_true(tg_version_of(p) != version); /* saved values notice */
    assert_ok(tg_optimizer_zero_grad(o));
    tg_optimizer_free(o);
    assert_int_equal(tg_live_tensors(), 1);
    tg_release(p);
}

static tg_optimizer *with_momentum(tg_tensor *const *params) {
    tg_sgd_options o = TG_SGD_OPTIONS_INIT;
    o.momentum = 0.9;
    return tg_sgd_new(params, 2, &o);
}

static void every_allocation_of_a_step_may_fail(void **state) {
    (void)state;
    step_survives_failing_allocations(with_momentum);
}

static void every_allocation_of_the_constructor_may_fail(void **state) {
    (void)state;
    construction_survives_failing_allocations(with_momentum);
}

/* y = 3 x from three points: the tape gives the gradients. */
static void fits_a_line(void **state) {
    (void)state;
    tg_tensor *x = tg_from_array(TG_F32, TG_SHAPE(3), (float[]){1, 2, 3});
    tg_tensor *y = tg_mul_scalar(x, 3);
    tg_tensor *w = tg_requires_grad_(tg_zeros(TG_F32, TG_0D), true);
    tg_sgd_options options = TG_SGD_OPTIONS_INIT;
    options.lr = 0.05;
    tg_optimizer *o = tg_sgd_new(&w, 1, &options);
    for (int i = 0; i < 50; i++) {
        tg_scope s = tg_scope_open();
        tg_backward(tg_mse_loss(tg_mul(x, w), y, TG_REDUCE_MEAN));
        tg_optimizer_step(o);
        tg_optimizer_zero_grad(o);
        assert_ok(tg_scope_close(s));
    }
    assert_close(tg_item(w), 3, 1e-6, 0);
    tg_optimizer_free(o);
    tg_release(w);
    tg_release(y);
    tg_release(x);
    assert_int_equal(tg_live_tensors(), 0);
}

TG_TEST_MAIN(cmocka_unit_test(follows_its_formula), cmocka_unit_test(null_options_are_the_defaults),
             cmocka_unit_test(the_learning_rate_can_be_changed),
             cmocka_unit_test(bad_options_are_named), cmocka_unit_test(state_is_made_once),
             cmocka_unit_test(every_allocation_of_a_step_may_fail),
             cmocka_unit_test(every_allocation_of_the_constructor_may_fail),
             cmocka_unit_test(fits_a_line))
