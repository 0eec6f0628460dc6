/* test_scope_memory.c - many scopes, many entries, no memory, and deleters that use scopes. */
/* ctest: threads */
#include "references.h"

#include <pthread.h>

/* ---- Memory ---- */

static void the_first_scopes_and_entries_need_no_memory(void **state) {
    (void)state;
    tg_tensor *x = make();
    tg_scope s[TG__FIRST_LEVELS];
    tg__alloc_fail_at(1, true);
    bool good = true;
    for (int i = 0; i < TG__FIRST_LEVELS; i++)
        s[i] = tg_scope_open();
    for (int i = 0; i < TG__FIRST_ENTRIES; i++)
        good = good && tg__give_existing(x) == x;
    tg__alloc_fail_at(0, false);
    assert_true(good);
    assert_int_equal(tg_scope_close(s[0]), TG_OK);
    assert_refs(x, 1, 1);
    tg_release(x);
}

static void depth_and_width_grow_and_shrink(void **state) {
    (void)state;
    enum { DEPTH = 3000, WIDTH = 20000 };
    static tg_scope s[DEPTH];
    tg_tensor *x = make();
    for (int i = 0; i < DEPTH; i++) {
        s[i] = tg_scope_open();
        tg__give_existing(x);
    }
    for (int i = 0; i < WIDTH; i++)
        tg__give_existing(x);
    assert_refs(x, 1 + DEPTH + WIDTH, 1);
    for (int i = DEPTH - 1; i >= DEPTH / 2; i--)
        assert_int_equal(tg_scope_close(s[i]), TG_OK);
    assert_refs(x, 1 + DEPTH / 2, 1);
    assert_int_equal(tg_scope_close(s[0]), TG_OK);
    assert_refs(x, 1, 1);
    tg_release(x);
}

/* The body of a program that counts references, inside somebody's scope: first the new, then the
 * old. On a thread of its own, whose array has not grown. */
static void *replace_for_long(void *ctx) {
    tg_scope s = tg_scope_open();
    tg_tensor *stays = tg_zeros(TG_F32, TG_SHAPE(3));
    tg_tensor *x[8] = {NULL};
    for (int i = 0; i < 5000; i++) {
        int k = i < 1500 ? i % 8 : i < 3000 ? 7 - i % 8 : i * 5 % 8;
        tg_tensor *fresh = tg_zeros(TG_F32, TG_SHAPE(3));
        tg_release(x[k]);
        x[k] = fresh;
        if (i % 7 == 0) {
            tg__give_existing(stays);
            tg__give_existing(stays);
            tg_release(stays);
        }
        if (i % 7 == 3)
            tg_release(stays);
    }
    bool good = tg__self()->cap_entries == TG__FIRST_ENTRIES && tg_live_tensors() == 9;
    for (int i = 0; i < 8; i++)
        tg_release(x[i]);
    while (total(stays) > 1)
        tg_release(stays);
    tg_release(stays);
    good = good && tg__self()->n_entries == 0 && tg_live_tensors() == 0;
    *(bool *)ctx = tg_scope_close(s) == TG_OK && good;
    return NULL;
}

static void a_loop_that_releases_what_it_makes_needs_no_room(void **state) {
    (void)state;
    pthread_t thread;
    bool good = false;
    assert_int_equal(pthread_create(&thread, NULL, replace_for_long, &good), 0);
    pthread_join(thread, NULL);
    assert_true(good);
}

static void scopes_deeper_than_can_be_numbered_are_born_shut(void **state) {
    (void)state;
    tg_scope first = tg_scope_open();
    for (int i = 1; i < 65535; i++)
        tg_scope_open();
    assert_int_equal(tg_error_status(), TG_OK);
    tg_scope lost = tg_scope_open();
    assert_int_equal(tg_error_status(), TG_ERR_MEMORY);
    make();
    assert_int_equal(tg_live_tensors(), 1);
    assert_int_equal(tg_scope_close(lost), TG_ERR_STATE);
    assert_int_equal(tg_scope_close(first), TG_ERR_MEMORY);
    assert_int_equal(tg_live_tensors(), 0);
    assert_int_equal(tg__self()->n_levels, 0);
    assert_int_equal(tg__self()->lost_levels, 0);
}

static void an_entry_without_memory_is_an_error_and_no_leak(void **state) {
    (void)state;
    tg_tensor *x = make();
    tg_scope s = tg_scope_open();
    while (tg__self()->n_entries < tg__self()->cap_entries)
        tg__give_existing(x);
    uint32_t before = total(x);
    tg__alloc_fail_at(1, false);
    assert_null(tg__give_existing(x));
    tg__alloc_fail_at(0, false);
    assert_fails(tg_error_status(), TG_ERR_MEMORY, "out of memory");
    assert_int_equal(total(x), before);
    tg_error_clear();
    tg__alloc_fail_at(1, false);
    assert_false(tg__reserve("add", 1));
    tg__alloc_fail_at(0, false);
    assert_fails(tg_error_status(), TG_ERR_MEMORY, "add: out of memory");
    tg_error_clear();
    assert_ptr_equal(tg__give_existing(x), x);
    assert_int_equal(tg_scope_close(s), TG_OK);
    assert_refs(x, 1, 1);
    tg_release(x);
}

static void what_was_reserved_cannot_fail(void **state) {
    (void)state;
    tg_tensor *x = make();
    assert_true(tg__reserve("op", 5)); /* outside scopes nothing is needed */
    tg_scope s = tg_scope_open();
    for (uint32_t n = 1; n < 5000; n = n * 3 + 1) {
        assert_true(tg__reserve("op", n));
        tg__alloc_fail_at(1, true);
        bool good = true;
        for (uint32_t i = 0; i < n; i++)
            good = good && tg__give_existing(x) == x;
        tg__alloc_fail_at(0, false);
        assert_true(good);
    }
    assert_int_equal(tg_scope_close(s), TG_OK);
    tg_release(x);
}

/* ---- Deleters that use scopes ---- */

static tg_scope target;
static tg_status target_status;

static void closes_the_target(void *ctx) {
    (void)ctx;
    target_status = tg_scope_close(target);
}

static void opens_and_leaves_open(void *ctx) {
    (void)ctx;
    tg_scope_open();
    tg_zeros(TG_F32, TG_SHAPE(3));
}

static tg_tensor *with_deleter(void (*deleter)(void *)) {
    static float data[1];
    tg_tensor *x = tg_from_blob(data, TG_F32, TG_SHAPE(1), NULL, deleter, NULL);
    assert_non_null(x);
    return x;
}

static void a_deleter_may_close_the_scope_that_is_being_closed(void **state) {
    (void)state;
    for (int outer_is_target = 0; outer_is_target < 2; outer_is_target++) {
        tg_scope a = tg_scope_open();
        make();
        tg_scope b = tg_scope_open();
        make();
        with_deleter(closes_the_target);
        make();
        target = outer_is_target ? a : b;
        assert_int_equal(tg_scope_close(b), TG_OK);
        assert_int_equal(target_status, TG_OK);
        assert_int_equal(tg__self()->n_levels, outer_is_target ? 0 : 1);
        assert_int_equal(tg_live_tensors(), outer_is_target ? 0 : 1);
        if (!outer_is_target)
            assert_int_equal(tg_scope_close(a), TG_OK);
        assert_int_equal(tg_live_tensors(), 0);
    }
}

static void a_deleter_may_leave_a_scope_open(void **state) {
    (void)state;
    tg_scope a = tg_scope_open();
    make();
    tg_scope b = tg_scope_open();
    make();
    with_deleter(opens_and_leaves_open);
    with_deleter(opens_and_leaves_open);
    assert_int_equal(tg_scope_close(b), TG_OK);
    assert_int_equal(tg_live_tensors(), 1);
    assert_int_equal(tg__self()->n_levels, 1);
    assert_int_equal(tg_scope_close(a), TG_OK);
}

TG_TEST_MAIN(tg_tidy(the_first_scopes_and_entries_need_no_memory),
             tg_tidy(depth_and_width_grow_and_shrink),
             tg_tidy(a_loop_that_releases_what_it_makes_needs_no_room),
             tg_tidy(scopes_deeper_than_can_be_numbered_are_born_shut),
             tg_tidy(an_entry_without_memory_is_an_error_and_no_leak),
             tg_tidy(what_was_reserved_cannot_fail),
             tg_tidy(a_deleter_may_close_the_scope_that_is_being_closed),
             tg_tidy(a_deleter_may_leave_a_scope_open))
