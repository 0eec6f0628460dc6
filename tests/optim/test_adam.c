/* test_adam.c - Adam against its formula in plain C, and its options. */
#include "reference.h"

static void formula_of_adam(double *p, double g, element_state *s, const void *options) {
    const tg_adam_options *o = options;
    double *m = &s->state[0], *v = &s->state[1], *largest = &s->state[2];
    if (o->maximize)
        g = -g;
    g += o->weight_decay * *p;
    *m = o->beta1 * *m + (1 - o->beta1) * g;
    *v = o->beta2 * *v + (1 - o->beta2) * g * g;
    *largest = fmax(*largest, *v);
    double used = o->amsgrad ? *largest : *v;
    double denominator = sqrt(used) / sqrt(1 - pow(o->beta2, s->t)) + o->eps;
    *p -= o->lr / (1 - pow(o->beta1, s->t)) * *m / denominator;
}

#define OPTIONS                                                                                    \
    .size = sizeof(tg_adam_options), .lr = 0.01, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8

static void follows_its_formula(void **state) {
    (void)state;
    static const struct {
        const char *name;
        tg_adam_options options;
    } cases[] = {
        {"plain", {OPTIONS}},
        {"weight decay", {OPTIONS, .weight_decay = 0.05}},
        {"amsgrad", {OPTIONS, .amsgrad = true}},
        {"maximize", {OPTIONS, .maximize = true, .weight_decay = 0.01}},
        {"no memory", {.size = sizeof(tg_adam_options), .lr = 0.01, .eps = 1e-8}},
        {"large eps",
         {.size = sizeof(tg_adam_options),
          .lr = 0.1,
          .beta1 = 0.5,
          .beta2 = 0.9,
          .eps = 1,
          .amsgrad = true}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int wide = 0; wide < 2; wide++) {
            tg_dtype dtype = wide ? TG_F64 : TG_F32;
            tg_tensor *params[] = {param_new(dtype, 0), param_new(dtype, 1)};
            tg_optimizer *o = tg_adam_new(params, 2, &cases[i].options);
            compare_with(dtype, o, params, formula_of_adam, &cases[i].options, wide ? 1e-13 : 2e-5,
                         cases[i].name);
            tg_optimizer_free(o);
            tg_release(params[0]);
            tg_release(params[1]);
            assert_int_equal(tg_live_tensors(), 0);
        }
}

/* Whatever the gradient's size, the first step is lr against its sign. */
static void the_first_step_is_the_learning_rate(void **state) {
    (void)state;
    tg_tensor *p = tg_requires_grad_(tg_zeros(TG_F64, TG_SHAPE(3)), true);
    tg_tensor *g = tg_from_array(TG_F64, TG_SHAPE(3), (double[]){1e6, -1e-2, 5});
    tg_optimizer *o = tg_adam_new(&p, 1, NULL);
    assert_true(tg_optimizer_lr(o) == 1e-3);
    assert_ok(tg_set_grad(p, g));
    assert_ok(tg_optimizer_step(o));
    assert_close(element(p, 0), -1e-3, 1e-5, 0);
    assert_close(element(p, 1), 1e-3, 1e-5, 0);
    assert_close(element(p, 2), -1e-3, 1e-5, 0);
    tg_optimizer_free(o);
    tg_release(g);
    tg_release(p);
}

#define WITH(...)                                                                                  \
    { sizeof(tg_adam_options), false, false, __VA_ARGS__ }

static void bad_options_are_named(void **state) {
    (void)state;
    tg_tensor *p = param_new(TG_F64, 0);
    static const struct {
        tg_adam_options options;
        const char *text;
    } cases[] = {
        {WITH(NAN, 0.9, 0.999, 1e-8, 0), "adam: lr is NaN; give a finite value >= 0"},
        {WITH(-1, 0.9, 0.999, 1e-8, 0), "adam: lr is -1; give a finite value >= 0"},
        {WITH(1, 1, 0.999, 1e-8, 0), "adam: beta1 is 1; give a value in [0, 1)"},
        {WITH(1, NAN, 0.999, 1e-8, 0), "adam: beta1 is NaN; give a value in [0, 1)"},
        {WITH(1, 0.9, -0.1, 1e-8, 0), "adam: beta2 is -0.1; give a value in [0, 1)"},
        {WITH(1, 0.9, 1.5, 1e-8, 0), "adam: beta2 is 1.5; give a value in [0, 1)"},
        {WITH(1, 0.9, 0.999, -1e-8, 0), "adam: eps is -1e-08; give a finite value >= 0"},
        {WITH(1, 0.9, 0.999, INFINITY, 0), "adam: eps is inf; give a finite value >= 0"},
        {WITH(1, 0.9, 0.999, 1e-8, NAN), "adam: weight_decay is NaN; give a finite value >= 0"},
        {{.lr = 1}, "adam: options.size is 0; begin with TG_ADAM_OPTIONS_INIT"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_null(tg_adam_new(&p, 1, &cases[i].options));
        assert_fails(tg_error_status(), TG_ERR_ARG, cases[i].text);
    }
    tg_error_clear();
    tg_optimizer *o = tg_adam_new(&p, 1, NULL);
    assert_ok(tg_optimizer_set_lr(o, 0));
    assert_fails(tg_optimizer_set_lr(o, INFINITY), TG_ERR_ARG, "adam: lr is inf");
    tg_error_clear();
    assert_true(tg_optimizer_lr(o) == 0);
    tg_optimizer_free(o);
    tg_release(p);
    assert_int_equal(tg_live_tensors(), 0);
}

static void state_is_made_once(void **state) {
    (void)state;
    tg_tensor *params[] = {param_new(TG_F64, 0), param_new(TG_F64, 1)};
    tg_optimizer *o = tg_adam_new(params, 2, NULL);
    set_gradient(params[0], 0, 1);
    assert_false(has_gradient(1, 1));
    assert_ok(tg_optimizer_step(o));
    assert_int_equal(tg_live_tensors(), 2 + 1 + 2); /* the skipped one has no moments yet */
    set_gradient(params[1], 1, 2);
    assert_ok(tg_optimizer_step(o));
    assert_int_equal(tg_live_tensors(), 2 + 2 + 4);
    for (int i = 0; i < 5; i++)
        assert_ok(tg_optimizer_step(o));
    assert_int_equal(tg_live_tensors(), 2 + 2 + 4);
    assert_ok(tg_optimizer_zero_grad(o));
    tg_optimizer_free(o);
    assert_int_equal(tg_live_tensors(), 2);
    tg_release(params[0]);
    tg_release(params[1]);
}

static tg_optimizer *with_amsgrad(tg_tensor *const *params) {
    tg_adam_options o = TG_ADAM_OPTIONS_INIT;
    o.amsgrad = true;
    return tg_adam_new(params, 2, &o);
}

static void every_allocation_of_a_step_may_fail(void **state) {
    (void)state;
    step_survives_failing_allocations(with_amsgrad);
}

static void every_allocation_of_the_constructor_may_fail(void **state) {
    (void)state;
    construction_survives_failing_allocations(with_amsgrad);
}

TG_TEST_MAIN(cmocka_unit_test(follows_its_formula),
             cmocka_unit_test(the_first_step_is_the_learning_rate),
             cmocka_unit_test(bad_options_are_named), cmocka_unit_test(state_is_made_once),
             cmocka_unit_test(every_allocation_of_a_step_may_fail),
             cmocka_unit_test(every_allocation_of_the_constructor_may_fail))
