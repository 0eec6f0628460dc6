/* test_options.c - structs that begin with their size. */
#include "tg_test.h"

#include "base/error.h"
#include "base/options.h"

#include <string.h>

typedef struct {
    uint32_t size;
    int32_t a;
    double b;
} options;

typedef struct {
    options known;
    int64_t more;
} newer;

static tg_status take(const void *given, options *out) {
    *out = (options){sizeof *out, 7, 0.5};
    return tg__options("op", "options", "OPTIONS_INIT", given, out, sizeof *out);
}

static void null_means_the_defaults(void **state) {
    (void)state;
    options o;
    assert_ok(take(NULL, &o));
    assert_true(o.a == 7 && o.b == 0.5);
}

static void the_same_size_is_copied(void **state) {
    (void)state;
    options o;
    assert_ok(take(&(options){sizeof(options), 3, 2}, &o));
    assert_true(o.a == 3 && o.b == 2);
}

static void an_older_struct_keeps_the_defaults_it_does_not_know(void **state) {
    (void)state;
    options o;
    assert_ok(take(&(options){offsetof(options, b), 3, 2}, &o));
    assert_true(o.a == 3 && o.b == 0.5);
    assert_int_equal(o.size, sizeof o);
    assert_ok(take(&(options){sizeof o.size, 3, 2}, &o));
    assert_int_equal(o.a, 7);
}

static void a_newer_struct_is_fine_if_it_asks_for_nothing_unknown(void **state) {
    (void)state;
    options o;
    newer n = {{sizeof n, 3, 2}, 0};
    assert_ok(take(&n, &o));
    assert_true(o.a == 3 && o.size == sizeof o);
    n.more = 1;
    assert_int_equal(take(&n, &o), TG_ERR_UNSUPPORTED);
    assert_contains(tg_error_message(), "op: options has 24 bytes");
    assert_true(o.a == 7 && o.b == 0.5); /* nothing was taken */
    tg_error_clear();
}

static void no_size_is_an_error(void **state) {
    (void)state;
    options o;
    for (uint32_t size = 0; size < sizeof size; size++) {
        assert_int_equal(take(&(options){size, 3, 2}, &o), TG_ERR_ARG);
        assert_contains(tg_error_message(), "begin with OPTIONS_INIT");
        assert_int_equal(o.a, 7);
        tg_error_clear();
    }
}

TG_TEST_MAIN(cmocka_unit_test(null_means_the_defaults), cmocka_unit_test(the_same_size_is_copied),
             cmocka_unit_test(an_older_struct_keeps_the_defaults_it_does_not_know),
             cmocka_unit_test(a_newer_struct_is_fine_if_it_asks_for_nothing_unknown),
             cmocka_unit_test(no_size_is_an_error))
