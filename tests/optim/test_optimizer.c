/* test_optimizer.c - optimizers of one's own, and what all of them share. */
#include "reference.h"

#include <unistd.h>

/* ---- An optimizer of one's own --------------------------------------------------------------- */

typedef enum {
    WORK,
    FAIL_SILENTLY,
    FAIL_WITH_TEXT,
    LEAVE_AN_ERROR,
    CLEAR_AN_ERROR,
    LEAVE_SCOPES_OPEN,
    CLOSE_THE_OUTER_SCOPE,
    TURN_RECORDING_ON,
    STEP_AGAIN,
    FREE_ITSELF
} behaviour;

typedef struct {
    double lr;
    behaviour how;
    int calls, destroyed, skipped;
    bool recording;
    tg_tensor *made; /* by TG_CALLBACK_OWNS */
    tg_optimizer *optimizer;
    tg_scope outer;
    tg_status inner;
} mine;

static mine *latest; /* survives the instance, for what destroy tells */
static int destroyed;

static tg_status descend(mine *m, tg_tensor *const *params, tg_tensor *const *grads, int n) {
    for (int i = 0; i < n; i++) {
        if (tg_is_none(grads[i])) {
            m->skipped++;
            continue;
        }
        tg_tensor *change = tg_mul_scalar(grads[i], m->lr); /* goes with the callback's scope */
        if (tg_sub_(params[i], change) == NULL)
            return tg_error_status();
    }
    return TG_OK;
}

static tg_status my_step(void *self, tg_tensor *const *params, tg_tensor *const *grads, int n) {
    mine *m = self;
    m->calls++;
    m->recording = tg_grad_enabled();
    switch (m->how) {
    case FAIL_SILENTLY:
        return TG_ERR_NUMERIC;
    case FAIL_WITH_TEXT:
        tg_zeros(TG_F64, TG_SHAPE(-1));
        return tg_error_status();
    case LEAVE_AN_ERROR:
        tg_zeros(TG_F64, TG_SHAPE(-1));
        return TG_OK;
    case CLEAR_AN_ERROR:
        tg_zeros(TG_F64, TG_SHAPE(-1));
        tg_error_clear();
        break;
    case LEAVE_SCOPES_OPEN:
        tg_scope_open();
        tg_zeros(TG_F64, TG_SHAPE(3));
        tg_scope_open();
        break;
    case CLOSE_THE_OUTER_SCOPE:
        m->inner = tg_scope_close(m->outer);
        tg_error_clear();
        break;
    case TURN_RECORDING_ON:
        tg_set_grad_enabled(true);
        return TG_OK;
    case STEP_AGAIN:
        m->inner = tg_optimizer_step(m->optimizer);
        tg_error_clear();
        break;
    case FREE_ITSELF:
        tg_optimizer_free(m->optimizer);
        m->inner = tg_error_status();
        tg_error_clear();
        break;
    case WORK:
        break;
    }
    return descend(m, params, grads, n);
}

static void my_destroy(void *self) {
    (void)self;
    destroyed++;
}
static double my_get_lr(const void *self) { return ((const mine *)self)->lr; }
static tg_status my_set_lr(void *self, double lr) {
    if (lr < 0)
        return TG_ERR_ARG;
    ((mine *)self)->lr = lr;
    return TG_OK;
}

static tg_optimizer_class my_class(void) {
    return (tg_optimizer_class){.size = sizeof(tg_optimizer_class),
                                .name = "mine",
                                .state_size = sizeof(mine),
                                .step = my_step,
                                .destroy = my_destroy,
                                .get_lr = my_get_lr,
                                .set_lr = my_set_lr};
}

/* p = 1, 2, 3 with gradient 10, 10, 10; lr 0.1. */
static tg_optimizer *my_optimizer(tg_tensor **p) {
    *p = tg_from_array(TG_F64, TG_SHAPE(3), (double[]){1, 2, 3});
    assert_non_null(tg_requires_grad_(*p, true));
    tg_tensor *g = tg_full(TG_F64, TG_SHAPE(3), 10);
    assert_ok(tg_set_grad(*p, g));
    tg_release(g);
    void *self;
    tg_optimizer_class class = my_class();
    tg_optimizer *o = tg_optimizer_new(&class, p, 1, &self);
    assert_non_null(o);
    latest = self;
    latest->lr = 0.1;
    latest->optimizer = o;
    return o;
}

static void expect_param(const tg_tensor *p, double first) {
    for (int i = 0; i < 3; i++)
        assert_close(((const double *)tg_data(p))[i], first + i, 1e-15, 0);
}

static void finish(tg_optimizer *o, tg_tensor *p) {
    tg_optimizer_free(o);
    tg_release(p);
    tg_error_clear();
    assert_int_equal(tg_live_tensors(), 0);
    assert_int_equal(tg_live_nodes(), 0);
}

/* ---- What works ------------------------------------------------------------------------------ */

static void steps_call_the_method_with_recording_off(void **state) {
    (void)state;
    tg_tensor *p;
    tg_optimizer *o = my_optimizer(&p);
    destroyed = 0;
    int64_t live = tg_live_tensors();
    assert_ok(tg_optimizer_step(o));
    assert_ok(tg_optimizer_step(o));
    expect_param(p, -1);
    assert_int_equal(latest->calls, 2);
    assert_false(latest->recording);
    assert_true(tg_grad_enabled());
    assert_int_equal(tg_live_tensors(), live); /* what the method made is gone */
    assert_true(tg_is_leaf(p) && tg_requires_grad(p));
    tg_scope s = tg_scope_open();
    assert_ok(tg_optimizer_step(o));
    assert_true(tg_grad_enabled());
    assert_ok(tg_scope_close(s));
    expect_param(p, -2);
    assert_int_equal(destroyed, 0);
    tg_optimizer_free(o);
    assert_int_equal(destroyed, 1);
    finish(NULL, p);
}

static void parameters_are_held(void **state) {
    (void)state;
    tg_tensor *p;
    tg_optimizer *o = my_optimizer(&p);
    tg_release(p);
    assert_true(tg_live_tensors() > 0);
    assert_ok(tg_optimizer_step(o));
    expect_param(p, 0);
    tg_optimizer_free(o);
    assert_int_equal(tg_live_tensors(), 0);
}

static void parameters_of_a_scope_outlive_it(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    tg_tensor *p = tg_requires_grad_(tg_ones(TG_F64, TG_SHAPE(3)), true);
    tg_optimizer *o = tg_sgd_new(&p, 1, NULL);
    assert_ok(tg_scope_close(s));
    assert_non_null(o);
    assert_int_equal(tg_live_tensors(), 1);
    assert_ok(tg_optimizer_step(o)); /* without a gradient nothing happens */
    tg_optimizer_free(o);
    assert_int_equal(tg_live_tensors(), 0);
}

static void without_a_gradient_a_parameter_is_skipped(void **state) {
    (void)state;
    tg_tensor *p;
    tg_optimizer *o = my_optimizer(&p);
    assert_ok(tg_optimizer_zero_grad(o));
    assert_null(tg_grad(p));
    assert_ok(tg_optimizer_step(o));
    assert_int_equal(latest->skipped, 1);
    expect_param(p, 1);
    finish(o, p);
}

/* An error from before belongs to nobody here. */
static void an_old_error_does_not_matter(void **state) {
    (void)state;
    tg_tensor *p;
    tg_optimizer *o = my_optimizer(&p);
    assert_ok(tg_optimizer_zero_grad(o));
    assert_null(tg_zeros(TG_F64, TG_SHAPE(-1)));
    assert_int_equal(tg_error_status(), TG_ERR_SHAPE);
    assert_ok(tg_optimizer_step(o));
    assert_int_equal(latest->calls, 1);
    finish(o, p);
}

static void the_learning_rate_goes_through_the_class(void **state) {
    (void)state;
    tg_tensor *p;
    tg_optimizer *o = my_optimizer(&p);
    assert_true(tg_optimizer_lr(o) == 0.1);
    assert_ok(tg_optimizer_set_lr(o, 0.2));
    assert_true(tg_optimizer_lr(o) == 0.2);
    assert_fails(tg_optimizer_set_lr(o, -1), TG_ERR_ARG, "mine: the callback returned TG_ERR_ARG");
    assert_true(tg_optimizer_lr(o) == 0.2);
    tg_optimizer_free(o);
    tg_optimizer_class class = my_class();
    class.get_lr = NULL;
    class.set_lr = NULL;
    o = tg_optimizer_new(&class, &p, 1, NULL);
    tg_error_clear();
    assert_true(isnan(tg_optimizer_lr(o)));
    assert_fails(tg_error_status(), TG_ERR_UNSUPPORTED, "the class 'mine' has no method get_lr");
    assert_fails(tg_optimizer_set_lr(o, 1), TG_ERR_UNSUPPORTED, "'mine' has no method set_lr");
    finish(o, p);
}

/* ---- Methods that misbehave ------------------------------------------------------------------ */

static void a_failed_step_says_why(void **state) {
    (void)state;
    tg_tensor *p;
    tg_optimizer *o = my_optimizer(&p);
    latest->how = FAIL_SILENTLY;
    assert_fails(tg_optimizer_step(o), TG_ERR_NUMERIC,
                 "mine: the callback returned TG_ERR_NUMERIC without saying why");
    latest->how = FAIL_WITH_TEXT;
    assert_fails(tg_optimizer_step(o), TG_ERR_SHAPE, "zeros: ");
    latest->how = LEAVE_AN_ERROR; /* which is a failure, whatever it returned */
    assert_fails(tg_optimizer_step(o), TG_ERR_SHAPE, "zeros: ");
    latest->how = CLEAR_AN_ERROR;
    expect_param(p, 1);
    assert_ok(tg_optimizer_step(o));
    expect_param(p, 0);
    finish(o, p);
}

static void a_failed_step_shuts_the_scope(void **state) {
    (void)state;
    tg_tensor *p;
    tg_optimizer *o = my_optimizer(&p);
    latest->how = FAIL_SILENTLY;
    tg_scope s = tg_scope_open();
    assert_int_equal(tg_optimizer_step(o), TG_ERR_NUMERIC);
    latest->how = WORK;
    assert_int_equal(tg_optimizer_step(o), TG_ERR_NUMERIC); /* not called */
    assert_int_equal(latest->calls, 1);
    assert_int_equal(tg_optimizer_zero_grad(o), TG_ERR_NUMERIC);
    assert_int_equal(tg_optimizer_set_lr(o, 9), TG_ERR_NUMERIC);
    assert_fails(tg_scope_close(s), TG_ERR_NUMERIC, "mine: the callback returned");
    assert_true(tg_optimizer_lr(o) == 0.1);
    tg_error_clear();
    assert_ok(tg_optimizer_step(o));
    expect_param(p, 0);
    finish(o, p);
}

static void what_a_method_leaves_open_is_closed(void **state) {
    (void)state;
    tg_tensor *p;
    tg_optimizer *o = my_optimizer(&p);
    int64_t live = tg_live_tensors();
    latest->how = LEAVE_SCOPES_OPEN;
    assert_ok(tg_optimizer_step(o));
    expect_param(p, 0);
    assert_int_equal(tg_live_tensors(), live);
    latest->how = TURN_RECORDING_ON;
    tg_set_grad_enabled(false);
    assert_ok(tg_optimizer_step(o));
    assert_false(tg_grad_enabled());
    tg_set_grad_enabled(true);
    finish(o, p);
}

static void a_method_cannot_reach_out(void **state) {
    (void)state;
    tg_tensor *p;
    tg_optimizer *o = my_optimizer(&p);
    latest->how = CLOSE_THE_OUTER_SCOPE;
    latest->outer = tg_scope_open();
    tg_tensor *kept = tg_ones(TG_F64, TG_SHAPE(2));
    assert_ok(tg_optimizer_step(o));
    assert_int_equal(latest->inner, TG_ERR_STATE);
    assert_true(tg_item(tg_sum(kept, TG_ALL, false)) == 2);
    assert_ok(tg_scope_close(latest->outer));
    expect_param(p, 0);
    finish(o, p);
}

static void a_method_cannot_step_or_free_its_optimizer(void **state) {
    (void)state;
    tg_tensor *p;
    tg_optimizer *o = my_optimizer(&p);
    latest->how = STEP_AGAIN;
    assert_ok(tg_optimizer_step(o));
    assert_int_equal(latest->inner, TG_ERR_STATE);
    latest->how = FREE_ITSELF;
    assert_ok(tg_optimizer_step(o));
    assert_int_equal(latest->inner, TG_ERR_STATE);
    assert_int_equal(latest->calls, 2);
    expect_param(p, -1);
    finish(o, p);
}

/* Bindings keep what they make. */
static tg_status owning_step(void *self, tg_tensor *const *params, tg_tensor *const *grads, int n) {
    (void)params;
    (void)n;
    ((mine *)self)->made = tg_mul_scalar(grads[0], 2);
    return TG_OK;
}

static void with_callback_owns_what_is_made_stays(void **state) {
    (void)state;
    tg_tensor *p;
    tg_optimizer *o = my_optimizer(&p);
    tg_optimizer_class class = my_class();
    class.step = owning_step;
    class.flags = TG_CALLBACK_OWNS;
    void *self;
    tg_optimizer *owning = tg_optimizer_new(&class, &p, 1, &self);
    assert_non_null(owning);
    tg_scope s = tg_scope_open();
    assert_ok(tg_optimizer_step(owning));
    assert_ok(tg_scope_close(s));
    tg_tensor *made = ((mine *)self)->made;
    assert_true(((const double *)tg_data(made))[2] == 20);
    tg_release(made);
    tg_optimizer_free(owning);
    finish(o, p);
}

static bool asked_to_stop(void *ctx) {
    (void)ctx;
    return true;
}

static void an_interrupt_comes_before_the_step(void **state) {
    (void)state;
    tg_tensor *p;
    tg_optimizer *o = my_optimizer(&p);
    tg_set_interrupt_check(asked_to_stop, NULL);
    usleep(60000); /* the check is polled 20 times a second at most */
    tg_status status = tg_optimizer_step(o);
    tg_set_interrupt_check(NULL, NULL);
    assert_fails(status, TG_ERR_INTERRUPTED, "optimizer_step: mine: interrupted before the step");
    assert_int_equal(latest->calls, 0);
    expect_param(p, 1);
    finish(o, p);
}

/* ---- Bad input ------------------------------------------------------------------------------- */

static void missing_methods_are_named(void **state) {
    (void)state;
    tg_tensor *p = param_new(TG_F64, 0);
    tg_optimizer_class class = my_class();
    void *self = &class;
    assert_null(tg_optimizer_new(NULL, &p, 1, &self));
    assert_fails(tg_error_status(), TG_ERR_ARG, "optimizer_new: argument methods is NULL");
    assert_null(self);
    class.step = NULL;
    assert_null(tg_optimizer_new(&class, &p, 1, NULL));
    assert_fails(tg_error_status(), TG_ERR_ARG, "the class 'mine' has no method step");
    class.name = NULL;
    assert_null(tg_optimizer_new(&class, &p, 1, NULL));
    assert_fails(tg_error_status(), TG_ERR_ARG, "the class has no name");
    class = my_class();
    class.size = 0;
    assert_null(tg_optimizer_new(&class, &p, 1, NULL));
    assert_fails(tg_error_status(), TG_ERR_ARG, "methods.size is 0");
    class = my_class();
    class.size = offsetof(tg_optimizer_class, step); /* too old to have the method */
    assert_null(tg_optimizer_new(&class, &p, 1, NULL));
    assert_fails(tg_error_status(), TG_ERR_ARG, "has no method step");
    class = my_class();
    class.flags = 6;
    assert_null(tg_optimizer_new(&class, &p, 1, NULL));
    assert_fails(tg_error_status(), TG_ERR_UNSUPPORTED, "sets flags 0x6");
    struct {
        tg_optimizer_class known;
        void *more;
    } newer = {my_class(), &p};
    newer.known.size = sizeof newer;
    assert_null(tg_optimizer_new(&newer.known, &p, 1, NULL));
    assert_fails(tg_error_status(), TG_ERR_UNSUPPORTED, "methods has");
    finish(NULL, p);
}

static void bad_parameters_are_named(void **state) {
    (void)state;
    tg_tensor *p = param_new(TG_F64, 0), *q = param_new(TG_F64, 1);
    tg_tensor *constant = tg_ones(TG_F32, TG_SHAPE(2));
    tg_tensor *result = tg_mul(p, q);
    struct {
        tg_tensor *params[3];
        int n;
        const char *text;
    } cases[] = {
        {{p, q, p}, 3, "sgd: params[2] is params[0] again; give every parameter once"},
        {{p, TG_NONE, q}, 3, "sgd: params[1] is TG_NONE"},
        {{p, NULL, q}, 2, "sgd: argument params[1] is NULL"},
        {{constant, p, q}, 3, "sgd: params[0] (f32, 1 dims) does not require gradients"},
        {{p, result, q}, 3, "sgd: params[1] (f64, 2 dims) is the result of mul; give leaves"},
        {{p, q, p}, 0, "sgd: params is an array and n is 0; give at least one parameter"},
        {{p, q, p}, -1, "n is -1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tg_error_clear();
        assert_null(tg_sgd_new(cases[i].params, cases[i].n, NULL));
        assert_fails(tg_error_status(), TG_ERR_ARG, cases[i].text);
    }
    assert_null(tg_adam_new(NULL, 1, NULL));
    assert_fails(tg_error_status(), TG_ERR_ARG, "adam: params is NULL and n is 1");
    tg_release(result);
    tg_release(constant);
    tg_release(q);
    finish(NULL, p);
}

static void no_optimizer_is_an_error_or_passes_one_on(void **state) {
    (void)state;
    tg_optimizer_free(NULL);
    assert_fails(tg_optimizer_step(NULL), TG_ERR_ARG, "optimizer_step: argument optimizer is NULL");
    tg_error_clear();
    assert_fails(tg_optimizer_zero_grad(NULL), TG_ERR_ARG, "optimizer_zero_grad: argument");
    tg_error_clear();
    assert_true(isnan(tg_optimizer_lr(NULL)));
    assert_fails(tg_error_status(), TG_ERR_ARG, "optimizer_lr: argument optimizer is NULL");
    tg_error_clear();
    assert_fails(tg_optimizer_set_lr(NULL, 1), TG_ERR_ARG, "optimizer_set_lr: argument");
    tg_error_clear();
    tg_optimizer *o = tg_sgd_new(NULL, 1, NULL);
    assert_fails(tg_optimizer_step(o), TG_ERR_ARG,
                 "sgd: params is NULL"); /* the first error stays */
    tg_error_clear();
}

/* More gradients than a scope has room for at first: collecting them allocates. */
static void collecting_gradients_may_fail(void **state) {
    (void)state;
    enum { MANY = 100 };
    tg_tensor *params[MANY];
    for (int i = 0; i < MANY; i++) {
        params[i] = tg_requires_grad_(tg_scalar(TG_F64, i), true);
        tg_tensor *g = tg_scalar(TG_F64, 1);
        assert_ok(tg_set_grad(params[i], g));
        tg_release(g);
    }
    tg_optimizer *o = tg_sgd_new(params, MANY, NULL);
    assert_non_null(o);
    int failures = 0;
    tg_status status = TG_ERR_MEMORY;
    for (uint64_t n = 1; status != TG_OK; n++) {
        tg__alloc_fail_at(n, false);
        status = tg_optimizer_step(o);
        tg__alloc_fail_at(0, false);
        failures += status != TG_OK;
        for (int i = 0; i < MANY; i++)
            assert_close(tg_item(params[i]), status == TG_OK ? i - 1e-3 : i, 0, 1e-15 * MANY);
        if (status != TG_OK)
            assert_fails(status, TG_ERR_MEMORY, "out of memory");
        tg_error_clear();
    }
    assert_true(failures >= 2); /* the scope's entries, the lists of the operation */
    for (int i = 0; i < MANY; i++)
        tg_release(params[i]);
    finish(o, NULL);
}

static void every_allocation_of_the_constructor_may_fail(void **state) {
    (void)state;
    tg_tensor *p = param_new(TG_F64, 0);
    tg_optimizer_class class = my_class();
    int failures = 0;
    for (uint64_t n = 1;; n++) {
        tg__alloc_fail_at(n, false);
        tg_optimizer *o = tg_optimizer_new(&class, &p, 1, NULL);
        tg__alloc_fail_at(0, false);
        if (o != NULL) {
            tg_optimizer_free(o);
            break;
        }
        assert_fails(tg_error_status(), TG_ERR_MEMORY, "mine: out of memory");
        tg_error_clear();
        failures++;
    }
    assert_int_equal(failures, 4); /* the optimizer, two lists, the instance */
    finish(NULL, p);
}

TG_TEST_MAIN(cmocka_unit_test(steps_call_the_method_with_recording_off),
             cmocka_unit_test(parameters_are_held),
             cmocka_unit_test(parameters_of_a_scope_outlive_it),
             cmocka_unit_test(without_a_gradient_a_parameter_is_skipped),
             cmocka_unit_test(an_old_error_does_not_matter),
             cmocka_unit_test(the_learning_rate_goes_through_the_class),
             cmocka_unit_test(a_failed_step_says_why),
             cmocka_unit_test(a_failed_step_shuts_the_scope),
             cmocka_unit_test(what_a_method_leaves_open_is_closed),
             cmocka_unit_test(a_method_cannot_reach_out),
             cmocka_unit_test(a_method_cannot_step_or_free_its_optimizer),
             cmocka_unit_test(with_callback_owns_what_is_made_stays),
             cmocka_unit_test(an_interrupt_comes_before_the_step),
             cmocka_unit_test(missing_methods_are_named),
             cmocka_unit_test(bad_parameters_are_named),
             cmocka_unit_test(no_optimizer_is_an_error_or_passes_one_on),
             cmocka_unit_test(collecting_gradients_may_fail),
             cmocka_unit_test(every_allocation_of_the_constructor_may_fail))
