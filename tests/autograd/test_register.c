/* test_register.c - operations of the user's in the table of operations. */
#include "functions.h"

#include <pthread.h>
#include <stddef.h>
#include <string.h>

typedef struct {
    int64_t times;
    double factor;
    bool negative;
} power_attrs;

/* y = ±factor·x^times, + b if it is there */
static tg_status power_forward(void *ctx, tg_call *call, tg_tensor *const *in, int n_in,
                               tg_tensor **out, int n_out) {
    const power_attrs *a = tg_call_attrs(call);
    (void)ctx, (void)n_out;
    assert_int_equal(n_in, 2);
    out[0] =
        tg_mul_scalar(tg_pow_scalar(in[0], (double)a->times), a->negative ? -a->factor : a->factor);
    if (!tg_is_none(in[1]))
        out[0] = tg_add(out[0], in[1]);
    return tg_call_save(call, in, 1);
}
static tg_status power_backward(void *ctx, tg_call *call, tg_tensor *const *g, int n_out,
                                tg_tensor **gin, int n_in) {
    const power_attrs *a = tg_call_attrs(call);
    double times = (double)a->times, factor = a->negative ? -a->factor : a->factor;
    (void)ctx, (void)n_out, (void)n_in;
    gin[0] = tg_mul(
        g[0], tg_mul_scalar(tg_pow_scalar(tg_call_saved(call, 0), times - 1), times * factor));
    gin[1] = g[0];
    return TG_OK;
}

static const tg_op_field power_fields[] = {
    {"times", TG_ATTR_INT, offsetof(power_attrs, times), true, 0, 0},
    {"factor", TG_ATTR_FLOAT, offsetof(power_attrs, factor), false, 0, 2.5},
    {"negative", TG_ATTR_BOOL, offsetof(power_attrs, negative), false, 0, 0},
};

static tg_function_class power_function(const char *name) {
    tg_function_class f = cube_class();
    f.name = name;
    f.forward = power_forward;
    f.backward = power_backward;
    f.onnx = "Power";
    return f;
}
static tg_op_class power_class(const tg_function_class *f) {
    return (tg_op_class){.size = sizeof(tg_op_class),
                         .n_outputs = 1,
                         .maths = "±factor·x^times + b",
                         .n_inputs = 2,
                         .n_optional = 1,
                         .fields = power_fields,
                         .n_fields = 3,
                         .attr_size = sizeof(power_attrs),
                         .function = f};
}

/* Registered once for all tests. */
static int power(void) {
    static int number = -1;
    if (number >= 0)
        return number;
    char name[] = "test.power";
    tg_function_class f = power_function(name);
    tg_op_class op = power_class(&f);
    int before = tg_op_count();
    number = tg_op_register(&op);
    assert_int_equal(number, before);
    assert_int_equal(tg_op_count(), before + 1);
    memset(name, 0, sizeof name);
    return number;
}

static void the_table_knows_a_registered_op(void **state) {
    (void)state;
    int number = power();
    assert_int_equal(tg_op_find("test.power"), number);
    tg_op_info info;
    assert_ok(tg_op_describe(number, &info));
    assert_string_equal(info.name, "test.power");
    assert_string_equal(info.maths, "±factor·x^times + b");
    assert_string_equal(info.onnx, "Power");
    assert_true(info.n_inputs == 2 && info.n_optional == 1 && info.n_outputs == 1);
    assert_true(info.n_attrs == 3 && info.differentiable && !info.in_place && !info.internal);
    tg_attr attr;
    bool required;
    assert_ok(tg_op_attr(number, 0, &attr, &required));
    assert_string_equal(attr.name, "times");
    assert_true(required && attr.type == TG_ATTR_INT);
    assert_ok(tg_op_attr(number, 1, &attr, &required));
    assert_true(!required && attr.f == 2.5);
    assert_denied(tg_op_attr(number, 3, &attr, &required), TG_ERR_INDEX, "has 3 attributes");
    assert_denied(tg_op_describe(number + 1, &info), TG_ERR_INDEX, "does not exist");
}

static tg_tensor *call_power(tg_tensor *x, tg_tensor *b, int n_in, const tg_attr *attrs, int n) {
    tg_tensor *in[2] = {x, b}, *y;
    return tg_op_call("test.power", in, n_in, attrs, n, &y, 1) == TG_OK ? y : NULL;
}

static void a_registered_op_is_called_by_name(void **state) {
    (void)state;
    power();
    tg_tensor *x = LEAF(1, 2), *b = LEAF(10, 20);
    const tg_attr attrs[] = {{.name = "times", .type = TG_ATTR_INT, .i = 3},
                             {.name = "negative", .type = TG_ATTR_BOOL, .i = 1}};
    tg_tensor *y = call_power(x, NULL, 1, attrs, 1); /* b left off */
    assert_values(y, 2.5, 20);
    y = call_power(x, b, 2, attrs, 2);
    assert_values(y, 7.5, 0);
    assert_string_equal(tg_grad_op(y), "test.power");
    tg_tensor *first = slope(y, NULL, x);
    assert_values(first, -7.5, -30);
    assert_values(slope(first, NULL, x), -15, -30);
    assert_values(slope(y, NULL, b), 1, 1);
}

static void wrong_calls_are_refused(void **state) {
    (void)state;
    power();
    tg_tensor *x = LEAF(1, 2);
    const tg_attr times = {.name = "times", .type = TG_ATTR_INT, .i = 3};
    const tg_attr other = {.name = "other", .type = TG_ATTR_INT, .i = 3};
    assert_refused(call_power(x, x, 2, NULL, 0), TG_ERR_ARG, "test.power", "times is required");
    assert_refused(call_power(x, x, 2, &other, 1), TG_ERR_ARG, "has no attribute 'other'");
    assert_refused(call_power(x, x, 0, &times, 1), TG_ERR_ARG, "takes 1 to 2 inputs, not 0");
    assert_refused(call_power(TG_NONE, x, 2, &times, 1), TG_ERR_ARG, "input 0 is TG_NONE");
    assert_refused(call_power(x, NULL, 2, &times, 1), TG_ERR_ARG, "input 1");
}

static void bad_classes_are_refused(void **state) {
    (void)state;
    power();
    static const tg_op_field twice[] = {{"a", TG_ATTR_INT, 0, false, 0, 0},
                                        {"a", TG_ATTR_INT, 8, false, 0, 0}};
    static const tg_op_field outside[] = {{"a", TG_ATTR_INT, 24, false, 0, 0}};
    static const tg_op_field askew[] = {{"a", TG_ATTR_FLOAT, 4, false, 0, 0}};
    static const tg_op_field list[] = {{"a", TG_ATTR_DIMS, 0, false, 0, 0}};
    static const tg_op_field nameless[] = {{NULL, TG_ATTR_INT, 0, false, 0, 0}};
    static const struct {
        const tg_op_field *fields;
        int n;
        const char *text;
    } bad[] = {{twice, 2, "both named 'a'"},
               {outside, 1, "does not lie in a struct of 24 bytes"},
               {askew, 1, "at offset 4 does not lie"},
               {list, 1, "field 'a' has type 4"},
               {nameless, 1, "field 0 is named"},
               {NULL, 1, "1 fields in 24 bytes"},
               {twice, 17, "17 fields"}};
    int before = tg_op_count();
    tg_function_class f = power_function("test.bad");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tg_op_class op = power_class(&f);
        op.fields = bad[i].fields;
        op.n_fields = bad[i].n;
        op.attr_size = 24;
        assert_int_equal(tg_op_register(&op), -1);
        assert_denied(tg_error_status(), TG_ERR_ARG, "op_register", bad[i].text);
    }
    const char *const names[] = {"mul", "test.power", "a name"};
    const char *const texts[] = {"'mul' is taken", "'test.power' is taken", "other characters"};
    counts n = {0};
    for (int i = 0; i < 3; i++) {
        f = power_function(names[i]);
        f.destroy = count_destroyed;
        tg_op_class op = power_class(&f);
        op.ctx = &n;
        assert_int_equal(tg_op_register(&op), -1);
        assert_denied(tg_error_status(), TG_ERR_ARG, texts[i]);
    }
    assert_int_equal(n.destroyed, 0);
    f.name = "test.half";
    f.backward = NULL;
    tg_op_class op = power_class(&f);
    assert_int_equal(tg_op_register(&op), -1);
    assert_denied(tg_error_status(), TG_ERR_ARG, "no method backward");
    op.function = NULL;
    assert_int_equal(tg_op_register(&op), -1);
    assert_denied(tg_error_status(), TG_ERR_ARG, "op.function is NULL");
    op = power_class(&f);
    op.n_inputs = 17;
    assert_int_equal(tg_op_register(&op), -1);
    assert_denied(tg_error_status(), TG_ERR_ARG, "n_inputs is 17");
    op.n_outputs = 0;
    assert_int_equal(tg_op_register(&op), -1);
    assert_denied(tg_error_status(), TG_ERR_ARG, "n_outputs is 0");
    op.size = 0;
    assert_int_equal(tg_op_register(&op), -1);
    assert_denied(tg_error_status(), TG_ERR_ARG, "op.size is 0");
    assert_int_equal(tg_op_register(NULL), -1);
    assert_denied(tg_error_status(), TG_ERR_ARG, "op is NULL");
    assert_int_equal(tg_op_count(), before);
    assert_null(tg_call_attrs(NULL));
}

static void a_failed_allocation_registers_nothing(void **state) {
    (void)state;
    int before = tg_op_count();
    tg_function_class f = power_function("test.memory");
    tg_op_class op = power_class(&f);
    for (uint64_t n = 1; n <= 2; n++) {
        tg__alloc_fail_at(n, false);
        assert_int_equal(tg_op_register(&op), -1);
        tg__alloc_fail_at(0, false);
        assert_denied(tg_error_status(), TG_ERR_MEMORY, "out of memory");
    }
    assert_int_equal(tg_op_count(), before);
    assert_int_equal(tg_op_register(&op), before);
}

static void *register_ten(void *ctx) {
    for (int i = 0; i < 10; i++) {
        char name[] = "thread.x0";
        name[7] = (char)('a' + *(int *)ctx);
        name[8] = (char)('0' + i);
        tg_function_class f = power_function(name);
        tg_op_class op = power_class(&f);
        if (tg_op_register(&op) < 0 || tg_op_find(name) < 0)
            *(int *)ctx = -1;
    }
    return NULL;
}

static void threads_register_side_by_side(void **state) {
    (void)state;
    enum { THREADS = 4 };
    int before = tg_op_count(), which[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        which[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, register_ten, &which[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(which[i], i);
    }
    assert_int_equal(tg_op_count(), before + 10 * THREADS);
}

static void there_is_a_limit(void **state) {
    (void)state;
    char name[] = "limit.000";
    for (int i = 0;; i++) {
        name[6] = (char)('0' + i / 100);
        name[7] = (char)('0' + i / 10 % 10);
        name[8] = (char)('0' + i % 10);
        tg_function_class f = power_function(name);
        tg_op_class op = power_class(&f);
        if (tg_op_register(&op) >= 0)
            continue;
        assert_true(i > 100 && i < TG_OP_MAX_REGISTERED);
        assert_denied(tg_error_status(), TG_ERR_STATE, "256 operations already");
        return;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        tg_scoped(the_table_knows_a_registered_op),
        tg_scoped(a_registered_op_is_called_by_name),
        tg_scoped(wrong_calls_are_refused),
        tg_scoped(bad_classes_are_refused),
        tg_scoped(a_failed_allocation_registers_nothing),
        tg_scoped(threads_register_side_by_side),
        tg_scoped(there_is_a_limit), /* last: fills the table */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
