/* test_label.c - names of tensors, and the messages they appear in. */
#include "tensors.h"

#include <tensorgrad/tensorgrad.h>

static void names_are_copied_replaced_and_dropped(void **state) {
    (void)state;
    tg_tensor *x = ROW(1, 2);
    char text[] = "weight";
    assert_string_equal(tg_name_of(x), "");
    assert_ok(tg_name(x, text));
    text[0] = 'h';
    assert_string_equal(tg_name_of(x), "weight");
    assert_ok(tg_name(x, "bias"));
    assert_string_equal(tg_name_of(x), "bias");
    assert_ok(tg_name(x, NULL));
    assert_string_equal(tg_name_of(x), "");
    assert_ok(tg_name(x, "again"));
    assert_ok(tg_name(x, ""));
    assert_string_equal(tg_name_of(x), "");
    assert_string_equal(tg_name_of(NULL), "");
    assert_string_equal(tg_name_of(TG_NONE), "");
    assert_denied(tg_name(NULL, "x"), TG_ERR_ARG, "NULL");
    assert_denied(tg_name(TG_NONE, "x"), TG_ERR_ARG, "TG_NONE");
}

static void a_name_makes_no_leaf(void **state) {
    (void)state;
    tg_tensor *x = ROW(1, 2);
    assert_ok(tg_name(x, "data"));
    assert_false(tg_requires_grad(x));
    assert_denied(tg_set_grad(x, ROW(1, 2)), TG_ERR_STATE, "'data'", "no leaf");
    assert_null(tg_grad(x));
    tg_tensor *w = LEAF(3, 4);
    assert_ptr_equal(tg_mul_(x, w), x); /* recorded in place: not for what was a leaf */
    sum_backward(x);
    assert_values(tg_grad(w), 1, 2);
}

static void messages_show_names_escaped(void **state) {
    (void)state;
    tg_tensor *x = ROW(1, 2);
    assert_ok(tg_name(x, "in\n\x1b[31mput"));
    assert_refused(tg_reshape(x, TG_SHAPE(3)), TG_ERR_SHAPE, "f64 [2] 'in\\x0a\\x1b[31mput'");
    tg_tensor *w = LEAF(1, 2);
    assert_ok(tg_name(w, "w"));
    assert_refused(tg_add_(w, x), TG_ERR_STATE, "in place on a leaf", "f64 [2] 'w'");
    char *longest = malloc(100001);
    assert_non_null(longest);
    memset(longest, 'y', 100000);
    longest[100000] = '\0';
    assert_ok(tg_name(x, longest));
    free(longest);
    assert_int_equal(strlen(tg_name_of(x)), 100000);
    assert_refused(tg_reshape(x, TG_SHAPE(3)), TG_ERR_SHAPE, "f64 [2] 'yyy", "...'");
}

static void a_changed_value_is_named(void **state) {
    (void)state;
    tg_tensor *w = LEAF(1, 2);
    tg_tensor *x = tg_clone(ROW(3, 4));
    assert_ok(tg_name(x, "batch"));
    tg_tensor *y = tg_mul(w, x);
    assert_ok(tg_name(y, "scaled"));
    tg_tensor *root = tg_sum(y, TG_ALL, false);
    tg_fill_(x, 0);
    assert_denied(tg_backward(root), TG_ERR_STATE,
                  "mul 'scaled' saved input b (f64 [2] 'batch') at version 0",
                  "now at version 1, last written by fill", "tg_clone");
    w = leaf(number(2));
    tg_tensor *e = tg_exp(w);
    assert_ok(tg_name(e, "rate"));
    tg_tensor *f = tg_mul_scalar(e, 2);
    *(double *)tg_data_mut(e) = 5;
    assert_denied(tg_backward(f), TG_ERR_STATE, "exp 'rate' saved its output", "tg_data_mut");
}

static void a_second_backward_names_the_result(void **state) {
    (void)state;
    tg_tensor *x = leaf(number(2));
    tg_tensor *y = tg_exp(x);
    assert_ok(tg_name(y, "loss"));
    assert_ok(tg_backward(y));
    assert_denied(tg_backward(y), TG_ERR_STATE, "first met at exp 'loss'", "retain_graph");
}

/* The name follows the tensor to its new operation, and no longer belongs to the old one. */
static void a_name_follows_a_write_in_place(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    tg_tensor *h = tg_exp(x);
    assert_ok(tg_name(h, "h"));
    tg_mul_scalar_(h, 2); /* exp saved its output: too late for it */
    assert_denied(tg_backward(tg_sum(h, TG_ALL, false)), TG_ERR_STATE, "exp saved its output",
                  "last written by mul");
    tg_tensor *y = tg_exp_(h);
    tg_tensor *root = tg_sum(y, TG_ALL, false);
    *(double *)tg_data_mut(y) = 1;
    assert_denied(tg_backward(root), TG_ERR_STATE, "exp 'h' saved its output");
}

static void the_leak_report_shows_names(void **state) {
    (void)state;
    setenv("TENSORGRAD_LEAKS", "1", 1); /* before the first tensor: main() runs this in front */
    tg_tensor *x = tg_zeros(TG_F32, TG_SHAPE(2));
    assert_ok(tg_name(x, "forgotten"));
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(tg_leak_report(file), 1);
    rewind(file);
    char report[2048];
    report[fread(report, 1, sizeof report - 1, file)] = '\0';
    fclose(file);
    assert_contains(report, "f32 [2] 'forgotten'");
    tg_release(x);
}

static void naming_needs_memory_and_changes_nothing_without(void **state) {
    (void)state;
    for (uint64_t n = 1;; n++) {
        tg_tensor *y = tg_square(LEAF(1));
        tg__alloc_fail_at(n, false);
        tg_status status = tg_name(y, "y");
        tg__alloc_fail_at(0, false);
        if (status == TG_OK) {
            assert_int_equal(n, 5); /* the copy, the tensor's part, the node's, the note */
            return;
        }
        assert_denied(status, TG_ERR_MEMORY, "name", "out of memory");
        assert_string_equal(tg_name_of(y), "");
        assert_ok(tg_name(y, "y"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {tg_tidy(the_leak_report_shows_names),
                                       tg_scoped(names_are_copied_replaced_and_dropped),
                                       tg_scoped(a_name_makes_no_leaf),
                                       tg_scoped(messages_show_names_escaped),
                                       tg_scoped(a_changed_value_is_named),
                                       tg_scoped(a_second_backward_names_the_result),
                                       tg_scoped(a_name_follows_a_write_in_place),
                                       tg_scoped(naming_needs_memory_and_changes_nothing_without)};
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
