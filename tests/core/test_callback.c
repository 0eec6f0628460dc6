/* test_callback.c - entering and leaving functions that the user supplied. */
#include "core/callback.h"

#include "core/tensor.h"

#include "tg_tidy.h"

static void raise_error(tg_status status) { tg__fail(status, "inside", "error %d", (int)status); }

static bool gated(void) { return tg__gate(tg__self()) != TG_OK; }

static tg_tensor *make(void) {
    tg_tensor *x = tg_zeros(TG_F32, TG_SHAPE(3));
    assert_non_null(x);
    return x;
}

static void assert_refs(const tg_tensor *x, uint32_t all, uint32_t user) {
    assert_int_equal((uint32_t)atomic_load(&x->refs), all);
    assert_int_equal((uint32_t)(atomic_load(&x->refs) >> 32), user);
}

static tg__callback enter(bool owns) {
    tg__callback c = tg__callback_enter(owns);
    assert_true(tg__callback_ok(c));
    return c;
}

static tg_status leave(tg__callback c) { return tg__callback_leave(c, "call", TG_OK, NULL, 0); }

/* Nothing of the call is left on this thread. */
static void assert_outside(uint32_t levels) {
    assert_int_equal(tg__self()->n_levels, levels);
    assert_int_equal(tg__self()->barrier, 0);
    assert_int_equal(tg__self()->lost_levels, 0);
}

/* ---- What is made inside ---- */

static void without_owns_what_is_made_inside_goes(void **state) {
    (void)state;
    for (int scoped = 0; scoped < 2; scoped++) {
        tg_scope s = scoped ? tg_scope_open() : 0;
        tg__callback c = enter(false);
        tg_tensor *x = make();
        assert_refs(x, 1, 0);
        tg_scope_open(); /* left open */
        make();
        assert_int_equal(tg_live_tensors(), 2);
        assert_int_equal(leave(c), TG_OK);
        assert_int_equal(tg_live_tensors(), 0);
        assert_outside((uint32_t)scoped);
        if (scoped)
            assert_int_equal(tg_scope_close(s), TG_OK);
    }
}

static void without_owns_keep_takes_out(void **state) {
    (void)state;
    tg__callback c = enter(false);
    tg_tensor *x = tg_keep(make());
    assert_int_equal(leave(c), TG_OK);
    assert_refs(x, 1, 1);
    tg_release(x);
}

static void with_owns_what_is_made_inside_is_the_callees(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    tg__callback c = enter(true);
    tg_tensor *x = make();
    assert_refs(x, 1, 1); /* though a scope is open further out */
    tg_tensor *y = make();
    tg_release(y);
    assert_int_equal(leave(c), TG_OK);
    assert_refs(x, 1, 1);
    assert_int_equal(tg_scope_close(s), TG_OK);
    assert_refs(x, 1, 1);
    tg_release(x);
}

/* ---- Results ---- */

static void a_result_that_was_made_inside_passes_out(void **state) {
    (void)state;
    tg__callback c = enter(false);
    make();
    tg_tensor *result[] = {make()};
    assert_int_equal(tg__callback_leave(c, "call", TG_OK, result, 1), TG_OK);
    assert_int_equal(tg_live_tensors(), 1);
    assert_refs(result[0], 1, 0); /* the engine's */
    tg__unref(result[0]);
}

static void a_result_that_belongs_to_others_gets_a_reference_more(void **state) {
    (void)state;
    tg_tensor *ours = make();
    tg_scope s = tg_scope_open();
    tg_tensor *scoped = make();
    tg__callback c = enter(false);
    tg_tensor *kept = tg_keep(make());
    tg_tensor *result[] = {ours, scoped, kept, ours, NULL, TG_NONE};
    assert_int_equal(tg__callback_leave(c, "call", TG_OK, result, 6), TG_OK);
    assert_refs(ours, 3, 1);
    assert_refs(scoped, 2, 0);
    assert_refs(kept, 2, 1);
    assert_null(result[4]);
    assert_ptr_equal(result[5], TG_NONE);
    for (int i = 0; i < 6; i++)
        tg__unref(result[i]);
    tg_release(kept);
    assert_int_equal(tg_scope_close(s), TG_OK);
    tg_release(ours);
}

static void with_owns_the_callees_reference_is_taken_over(void **state) {
    (void)state;
    tg_tensor *ours = make();
    tg__callback c = enter(true);
    tg_tensor *fresh = make();
    tg_retain(ours); /* a binding retains what it returns */
    tg_tensor *kept_too = tg_retain(make());
    tg_tensor *result[] = {fresh, ours, kept_too, NULL, TG_NONE};
    assert_int_equal(tg__callback_leave(c, "call", TG_OK, result, 5), TG_OK);
    assert_refs(fresh, 1, 0);
    assert_refs(ours, 2, 1);
    assert_refs(kept_too, 2, 1);
    for (int i = 0; i < 5; i++)
        tg__unref(result[i]);
    tg_release(kept_too);
    tg_release(ours);
}

static void with_owns_a_result_that_was_not_retained_does_no_harm(void **state) {
    (void)state;
    tg_tensor *held = tg_hold(make());
    tg_release(held);
    tg__callback c = enter(true);
    tg_tensor *result[] = {held}; /* a borrowed argument, returned as it is */
    assert_int_equal(tg__callback_leave(c, "call", TG_OK, result, 1), TG_OK);
    assert_refs(held, 2, 0);
    tg__unref(result[0]);
    assert_refs(held, 1, 0);
    tg_unhold(held);
}

static void on_failure_all_results_are_given_back(void **state) {
    (void)state;
    for (int owns = 0; owns < 2; owns++)
        for (int raised = 0; raised < 2; raised++) {
            tg_tensor *ours = make();
            tg__callback c = enter(owns);
            tg_tensor *result[] = {make(), owns ? tg_retain(ours) : ours, NULL, TG_NONE};
            if (raised)
                raise_error(TG_ERR_NUMERIC);
            tg_status returned = raised ? TG_OK : TG_ERR_NUMERIC;
            assert_int_equal(tg__callback_leave(c, "call", returned, result, 4), TG_ERR_NUMERIC);
            for (int i = 0; i < 4; i++)
                assert_null(result[i]);
            assert_refs(ours, 1, 1);
            assert_int_equal(tg_live_tensors(), 1);
            assert_fails(tg_error_status(), TG_ERR_NUMERIC, raised ? "inside: error 7" : "call: ");
            tg_error_clear();
            tg_release(ours);
        }
}

/* ---- The barrier ---- */

static void scopes_outside_are_out_of_reach(void **state) {
    (void)state;
    for (int owns = 0; owns < 2; owns++) {
        tg_scope outer = tg_scope_open();
        tg_tensor *x = make();
        tg__callback c = enter(owns);
        assert_fails(tg_scope_close(outer), TG_ERR_STATE, "opened outside the running callback");
        tg_error_clear();
        assert_null(tg_scope_return(outer, x));
        tg_error_clear();
        assert_refs(x, 1, 0);
        assert_int_equal(leave(c), TG_OK);
        assert_int_equal(tg_scope_close(outer), TG_OK);
    }
}

static void the_callbacks_own_level_cannot_be_closed(void **state) {
    (void)state;
    tg__callback c = enter(true);
    tg_scope s = tg_scope_open();
    for (tg_scope guess = s - 1; guess + 3 > s; guess -= 1)
        assert_int_equal(tg_scope_close(guess), TG_ERR_STATE);
    tg_error_clear();
    assert_int_equal(tg_scope_close(s), TG_OK);
    assert_int_equal(tg_scope_close(s), TG_ERR_STATE);
    tg_error_clear();
    assert_int_equal(leave(c), TG_OK);
}

static void entries_outside_are_out_of_reach(void **state) {
    (void)state;
    for (int owns = 0; owns < 2; owns++) {
        tg_scope outer = tg_scope_open();
        tg_tensor *x = make(); /* a borrowed argument */
        tg__callback c = enter(owns);
        tg_keep(x);
        assert_refs(x, 1, 0);
        tg_release(x);
        assert_fails(tg_error_status(), TG_ERR_STATE, "release: ");
        tg_error_clear();
        assert_refs(x, 1, 0);
        tg_retain(x); /* what is taken inside can be given back inside */
        tg_release(x);
        assert_refs(x, 1, 0);
        assert_int_equal(leave(c), TG_OK);
        tg_keep(x); /* within reach again */
        assert_refs(x, 1, 1);
        assert_int_equal(tg_scope_close(outer), TG_OK);
        tg_release(x);
    }
}

static void scopes_inside_work_as_ever(void **state) {
    (void)state;
    for (int owns = 0; owns < 2; owns++) {
        tg_scope outer = tg_scope_open();
        tg__callback c = enter(owns);
        tg_scope s = tg_scope_open();
        make();
        assert_int_equal(tg_scope_close(s), TG_OK);
        assert_int_equal(tg_live_tensors(), 0);
        s = tg_scope_open();
        tg_tensor *y = make();
        assert_ptr_equal(tg_scope_return(s, y), y);
        assert_refs(y, 1, owns);
        if (owns)
            tg_release(y);
        assert_int_equal(leave(c), TG_OK);
        assert_int_equal(tg_scope_close(outer), TG_OK);
    }
}

static void callbacks_nest(void **state) {
    (void)state;
    tg_scope outer = tg_scope_open();
    tg__callback a = enter(true);
    tg_tensor *x = make();
    tg_scope inner = tg_scope_open();
    tg_tensor *y = make();
    tg__callback b = enter(false);
    assert_int_equal(tg_scope_close(inner), TG_ERR_STATE);
    tg_error_clear();
    tg_tensor *result[] = {make()};
    assert_int_equal(tg__callback_leave(b, "inner", TG_OK, result, 1), TG_OK);
    tg__unref(result[0]);
    assert_refs(y, 1, 0);
    assert_int_equal(tg_scope_close(inner), TG_OK); /* the outer callback's own */
    assert_int_equal(tg_scope_close(outer), TG_ERR_STATE);
    tg_error_clear();
    tg_release(x);
    assert_int_equal(leave(a), TG_OK);
    assert_int_equal(tg_scope_close(outer), TG_OK);
    assert_outside(0);
}

static void modes_are_restored(void **state) {
    (void)state;
    for (int owns = 0; owns < 2; owns++) {
        tg__self()->grad_on = false;
        tg__callback c = enter(owns);
        tg__self()->grad_on = true;
        assert_int_equal(leave(c), TG_OK);
        assert_false(tg__self()->grad_on);
        tg__self()->grad_on = true;
        c = enter(owns);
        tg__self()->grad_on = false;
        assert_int_equal(tg__callback_leave(c, "call", TG_ERR_IO, NULL, 0), TG_ERR_IO);
        assert_true(tg__self()->grad_on);
        tg_error_clear();
    }
}

/* ---- Errors ---- */

static void an_error_that_is_left_uncleared_is_a_failure(void **state) {
    (void)state;
    for (int owns = 0; owns < 2; owns++)
        for (int scoped = 0; scoped < 2; scoped++) {
            tg_scope s = scoped ? tg_scope_open() : 0;
            tg__callback c = enter(owns);
            raise_error(TG_ERR_SHAPE);
            assert_int_equal(leave(c), TG_ERR_SHAPE); /* whatever it returned */
            assert_fails(tg_error_status(), TG_ERR_SHAPE, "inside: error 2");
            assert_int_equal(gated(), scoped); /* it shuts the scope around */
            if (scoped)
                assert_int_equal(tg_scope_close(s), TG_ERR_SHAPE);
            tg_error_clear();
        }
}

static void an_error_below_a_scope_that_is_left_open_counts(void **state) {
    (void)state;
    tg__callback c = enter(true);
    raise_error(TG_ERR_SHAPE);
    tg_scope_open(); /* sets it aside */
    assert_int_equal(tg_error_status(), TG_OK);
    assert_int_equal(leave(c), TG_ERR_SHAPE);
    assert_fails(tg_error_status(), TG_ERR_SHAPE, "inside: error 2");
}

static void an_error_that_is_cleared_is_none(void **state) {
    (void)state;
    for (int owns = 0; owns < 2; owns++) {
        tg_scope s = tg_scope_open();
        tg__callback c = enter(owns);
        raise_error(TG_ERR_SHAPE);
        tg_error_clear();
        assert_int_equal(tg_error_status(), TG_OK);
        assert_int_equal(leave(c), TG_OK);
        assert_false(gated());
        assert_int_equal(tg_scope_close(s), TG_OK);
    }
}

static void a_status_without_an_error_gets_a_text(void **state) {
    (void)state;
    tg__callback c = enter(false);
    assert_int_equal(tg__callback_leave(c, "optimizer_step", TG_ERR_NUMERIC, NULL, 0),
                     TG_ERR_NUMERIC);
    assert_fails(tg_error_status(), TG_ERR_NUMERIC,
                 "optimizer_step: the callback returned TG_ERR_NUMERIC");
}

static void the_first_error_inside_wins_over_the_status(void **state) {
    (void)state;
    tg__callback c = enter(false);
    raise_error(TG_ERR_SHAPE);
    raise_error(TG_ERR_IO);
    assert_int_equal(tg__callback_leave(c, "call", TG_ERR_NUMERIC, NULL, 0), TG_ERR_SHAPE);
    assert_fails(tg_error_status(), TG_ERR_SHAPE, "inside: error 2");
}

static void without_owns_the_fresh_scope_shuts(void **state) {
    (void)state;
    tg__callback c = enter(false);
    raise_error(TG_ERR_SHAPE);
    assert_true(gated());
    assert_int_equal(leave(c), TG_ERR_SHAPE);
    tg_error_clear();
    c = enter(true); /* no scope: the latest counts and gates nothing */
    raise_error(TG_ERR_SHAPE);
    assert_false(gated());
    raise_error(TG_ERR_IO);
    assert_int_equal(leave(c), TG_ERR_IO);
}

static void an_older_error_is_out_of_sight(void **state) {
    (void)state;
    for (int owns = 0; owns < 2; owns++) {
        raise_error(TG_ERR_IO);
        tg__callback c = enter(owns);
        assert_int_equal(tg_error_status(), TG_OK);
        tg_error_clear();
        assert_int_equal(leave(c), TG_OK);
        assert_fails(tg_error_status(), TG_ERR_IO, "inside: error 10");
        tg_error_clear();
    }
}

/* What is raised and cleared inside would take the place of the error that shut the scope. */
static void in_a_shut_scope_nothing_is_called(void **state) {
    (void)state;
    for (int owns = 0; owns < 2; owns++) {
        tg_scope s = tg_scope_open();
        raise_error(TG_ERR_IO);
        tg__callback c = tg__callback_enter(owns);
        assert_false(tg__callback_ok(c));
        assert_int_equal(leave(c), TG_ERR_IO);
        assert_outside(1);
        assert_int_equal(tg_scope_close(s), TG_ERR_IO);
        assert_fails(tg_error_status(), TG_ERR_IO, "inside: error 10");
        tg_error_clear();
    }
}

/* ---- Memory ---- */

static void without_memory_entering_fails_cleanly(void **state) {
    (void)state;
    for (int owns = 0; owns < 2; owns++)
        for (uint32_t spare = 0; spare < 2; spare++) {
            tg_scope s = tg_scope_open();
            while (tg__self()->n_levels + spare < tg__self()->cap_levels)
                tg_scope_open();
            uint32_t levels = tg__self()->n_levels;
            tg__alloc_fail_at(1, true);
            tg__callback c = tg__callback_enter(owns);
            tg__alloc_fail_at(0, false);
            bool expected = owns && spare == 1; /* a barrier takes one level, a scope one more */
            assert_int_equal(tg__callback_ok(c), expected);
            assert_int_equal(leave(c), expected ? TG_OK : TG_ERR_MEMORY);
            if (!expected)
                assert_fails(tg_error_status(), TG_ERR_MEMORY, "callback: out of memory");
            assert_outside(levels);
            tg_error_clear();
            assert_int_equal(tg_scope_close(s), TG_OK);
        }
}

static void inside_a_scope_that_got_no_memory_nothing_is_called(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    while (tg__self()->n_levels < tg__self()->cap_levels)
        tg_scope_open();
    tg__alloc_fail_at(1, false);
    tg_scope lost = tg_scope_open();
    tg__alloc_fail_at(0, false);
    tg_error_clear(); /* the program goes on all the same */
    tg__callback c = tg__callback_enter(false);
    assert_false(tg__callback_ok(c));
    assert_int_equal(leave(c), TG_ERR_MEMORY);
    tg_error_clear();
    assert_int_equal(tg_scope_close(lost), TG_OK);
    assert_int_equal(tg_scope_close(s), TG_OK);
    assert_outside(0);
}

static void a_scope_without_memory_inside_goes_with_the_callback(void **state) {
    (void)state;
    for (int owns = 0; owns < 2; owns++) {
        tg_scope s = tg_scope_open();
        while (tg__self()->n_levels + 2 - (uint32_t)owns < tg__self()->cap_levels)
            tg_scope_open();
        uint32_t levels = tg__self()->n_levels;
        tg__callback c = enter(owns);
        tg__alloc_fail_at(1, false);
        tg_scope_open();
        tg__alloc_fail_at(0, false);
        assert_int_equal(tg_error_status(), TG_ERR_MEMORY);
        make(); /* falls to the callback */
        assert_int_equal(leave(c), TG_ERR_MEMORY);
        assert_int_equal(tg_live_tensors(), 0);
        assert_outside(levels);
        tg_error_clear();
        assert_int_equal(tg_scope_close(s), TG_OK);
    }
}

TG_TEST_MAIN(
    tg_tidy(without_owns_what_is_made_inside_goes), tg_tidy(without_owns_keep_takes_out),
    tg_tidy(with_owns_what_is_made_inside_is_the_callees),
    tg_tidy(a_result_that_was_made_inside_passes_out),
    tg_tidy(a_result_that_belongs_to_others_gets_a_reference_more),
    tg_tidy(with_owns_the_callees_reference_is_taken_over),
    tg_tidy(with_owns_a_result_that_was_not_retained_does_no_harm),
    tg_tidy(on_failure_all_results_are_given_back), tg_tidy(scopes_outside_are_out_of_reach),
    tg_tidy(the_callbacks_own_level_cannot_be_closed), tg_tidy(entries_outside_are_out_of_reach),
    tg_tidy(scopes_inside_work_as_ever), tg_tidy(callbacks_nest), tg_tidy(modes_are_restored),
    tg_tidy(an_error_that_is_left_uncleared_is_a_failure),
    tg_tidy(an_error_below_a_scope_that_is_left_open_counts),
    tg_tidy(an_error_that_is_cleared_is_none), tg_tidy(a_status_without_an_error_gets_a_text),
    tg_tidy(the_first_error_inside_wins_over_the_status),
    tg_tidy(without_owns_the_fresh_scope_shuts), tg_tidy(an_older_error_is_out_of_sight),
    tg_tidy(in_a_shut_scope_nothing_is_called), tg_tidy(without_memory_entering_fails_cleanly),
    tg_tidy(inside_a_scope_that_got_no_memory_nothing_is_called),
    tg_tidy(a_scope_without_memory_inside_goes_with_the_callback))
