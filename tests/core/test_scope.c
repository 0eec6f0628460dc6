/* test_scope.c - scopes: what they release, when, and what they hand out.
 *
 * References are tested in test_scope_references.c and against a model in test_scope_model.c,
 * errors in test_scope_error.c, the ends of memory in test_scope_memory.c. */
/* ctest: threads */
#include "references.h"

#include <pthread.h>

/* ---- Scopes ---- */

static void outside_scopes_references_are_the_callers(void **state) {
    (void)state;
    tg_tensor *x = make();
    assert_refs(x, 1, 1);
    assert_int_equal(tg_live_tensors(), 1);
    tg_release(x);
    assert_int_equal(tg_live_tensors(), 0);
}

static void a_scope_releases_what_was_made_inside(void **state) {
    (void)state;
    tg_tensor *outside = make();
    tg_scope s = tg_scope_open();
    for (int i = 0; i < 10; i++)
        make();
    assert_int_equal(tg_live_tensors(), 11);
    assert_int_equal(tg_scope_close(s), TG_OK);
    assert_int_equal(tg_live_tensors(), 1);
    assert_refs(outside, 1, 1);
    tg_release(outside);
}

static void scopes_nest(void **state) {
    (void)state;
    tg_scope a = tg_scope_open();
    make();
    tg_scope b = tg_scope_open();
    make();
    make();
    assert_int_equal(tg_scope_close(b), TG_OK);
    assert_int_equal(tg_live_tensors(), 1);
    make();
    assert_int_equal(tg_live_tensors(), 2);
    assert_int_equal(tg_scope_close(a), TG_OK);
}

static void an_empty_scope_is_nothing(void **state) {
    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(tg_scope_close(tg_scope_open()), TG_OK);
    assert_int_equal(tg__self()->n_entries, 0);
}

static void leaves_early(int depth) {
    tg_scope_open();
    make();
    if (depth > 0)
        leaves_early(depth - 1);
} /* without closing */

static void closing_closes_what_was_left_open_inside(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    make();
    leaves_early(5);
    assert_int_equal(tg_live_tensors(), 7);
    assert_int_equal(tg_scope_close(s), TG_OK);
    assert_int_equal(tg_live_tensors(), 0);
    assert_int_equal(tg__self()->n_levels, 0);
}

static void refused(tg_scope s, const char *part) {
    int64_t live = tg_live_tensors();
    uint32_t levels = tg__self()->n_levels;
    uint32_t entries = tg__self()->n_entries;
    assert_fails(tg_scope_close(s), TG_ERR_STATE, part);
    assert_int_equal(tg_live_tensors(), live);
    assert_int_equal(tg__self()->n_levels, levels);
    assert_int_equal(tg__self()->n_entries, entries);
    tg_error_clear();
    tg_tensor *y = tg_scalar(TG_F32, 1);
    uint64_t before = atomic_load(&y->refs);
    assert_null(tg_scope_return(s, y));
    assert_fails(tg_error_status(), TG_ERR_STATE, part);
    assert_true(atomic_load(&y->refs) == before); /* y was not taken */
    tg_error_clear();
    tg_release(y);
}

static void closing_twice_is_refused_without_effect(void **state) {
    (void)state;
    tg_scope a = tg_scope_open();
    make();
    tg_scope b = tg_scope_open();
    assert_int_equal(tg_scope_close(b), TG_OK);
    refused(b, "scope_");
    refused(b, "closed already");
    tg_scope c = tg_scope_open(); /* at the depth that b had */
    make();
    refused(b, "closed already");
    assert_int_equal(tg_scope_close(c), TG_OK);
    assert_int_equal(tg_scope_close(a), TG_OK);
    refused(a, "closed already");
    refused(c, "closed already");
}

static void a_scope_that_an_outer_one_closed_is_closed(void **state) {
    (void)state;
    tg_scope a = tg_scope_open();
    tg_scope b = tg_scope_open();
    assert_int_equal(tg_scope_close(a), TG_OK);
    refused(b, "closed already");
}

static void what_is_no_scope_is_refused(void **state) {
    (void)state;
    tg_scope a = tg_scope_open();
    make();
    refused(0, "it is no scope");
    refused(a & ~(tg_scope)0xffff, "it is no scope"); /* depth 0 of this thread */
    refused(UINT64_MAX, "");
    refused(a + 1, "");
    refused(a + ((tg_scope)1 << 16), "");
    refused(a ^ ((tg_scope)1 << 40), "opened on another thread");
    assert_int_equal(tg_scope_close(a), TG_OK);
}

static tg_status closed_elsewhere;

static void *close_elsewhere(void *s) {
    closed_elsewhere = tg_scope_close(*(tg_scope *)s);
    return NULL;
}

static void closing_on_another_thread_is_refused(void **state) {
    (void)state;
    pthread_t thread;
    tg_scope s = tg_scope_open();
    make();
    assert_int_equal(pthread_create(&thread, NULL, close_elsewhere, &s), 0);
    pthread_join(thread, NULL);
    assert_int_equal(closed_elsewhere, TG_ERR_STATE);
    assert_int_equal(tg_live_tensors(), 1);
    assert_int_equal(tg_scope_close(s), TG_OK);
}

static void a_scope_restores_the_modes_it_found(void **state) {
    (void)state;
    tg__thread *t = tg__self();
    assert_true(t->grad_on);
    tg_scope a = tg_scope_open();
    t->grad_on = false;
    tg_scope b = tg_scope_open();
    t->grad_on = true;
    tg_scope_open(); /* left open */
    t->grad_on = false;
    assert_int_equal(tg_scope_close(b), TG_OK);
    assert_false(t->grad_on);
    assert_null(tg_scope_return(a, NULL));
    assert_true(t->grad_on);
}

static void *leaves_scopes_open(void *ctx) {
    (void)ctx;
    tg_scope_open();
    tg_zeros(TG_F32, TG_SHAPE(3));
    tg_tensor *kept = tg_keep(tg_zeros(TG_F32, TG_SHAPE(3)));
    for (int i = 0; i < 100; i++) {
        tg_scope_open();
        tg_zeros(TG_F32, TG_SHAPE(3));
    }
    return kept;
}

static void thread_exit_closes_what_is_open(void **state) {
    (void)state;
    pthread_t thread;
    void *kept;
    tg_scope s = tg_scope_open(); /* of this thread: untouched */
    make();
    assert_int_equal(pthread_create(&thread, NULL, leaves_scopes_open, NULL), 0);
    pthread_join(thread, &kept);
    assert_int_equal(tg_live_tensors(), 2);
    assert_refs((tg_tensor *)kept, 1, 1);
    tg_release(kept);
    assert_int_equal(tg_scope_close(s), TG_OK);
}

/* ---- scope_return ---- */

static tg_tensor *helper(void) {
    tg_scope s = tg_scope_open();
    make();
    tg_tensor *y = make();
    make();
    return tg_scope_return(s, y);
}

static void a_helper_returns_one_of_its_tensors(void **state) {
    (void)state;
    tg_tensor *y = helper(); /* to the caller */
    assert_refs(y, 1, 1);
    assert_int_equal(tg_live_tensors(), 1);
    tg_release(y);

    tg_scope s = tg_scope_open();
    y = helper(); /* to the scope around */
    assert_refs(y, 1, 0);
    assert_int_equal(tg_live_tensors(), 1);
    assert_int_equal(tg_scope_close(s), TG_OK);
}

static void what_belongs_to_others_is_returned_as_a_new_reference(void **state) {
    (void)state;
    tg_tensor *ours = make();
    tg_scope s = tg_scope_open();
    assert_ptr_equal(tg_scope_return(s, ours), ours);
    assert_refs(ours, 2, 2);
    tg_release(ours);

    tg_scope outer = tg_scope_open();
    tg_tensor *scoped = make();
    s = tg_scope_open();
    assert_ptr_equal(tg_scope_return(s, scoped), scoped);
    assert_refs(scoped, 2, 0);
    s = tg_scope_open();
    assert_ptr_equal(tg_scope_return(s, ours), ours);
    assert_refs(ours, 2, 1);
    assert_int_equal(tg_scope_close(outer), TG_OK);
    assert_refs(ours, 1, 1);

    s = tg_scope_open();
    tg_tensor *held = tg_hold(make());
    assert_ptr_equal(tg_scope_return(s, held), held);
    assert_refs(held, 2, 1);
    tg_release(held);
    tg_unhold(held);

    s = tg_scope_open();
    tg_tensor *kept = tg_keep(make()); /* a helper that keeps and returns gives two */
    assert_ptr_equal(tg_scope_return(s, kept), kept);
    assert_refs(kept, 2, 2);
    tg_release(kept);
    tg_release(kept);
    tg_release(ours);
}

static void returning_closes_what_was_left_open_inside(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    leaves_early(2);
    tg_tensor *y = make(); /* belongs to the innermost of them */
    assert_ptr_equal(tg_scope_return(s, y), y);
    assert_refs(y, 1, 1);
    assert_int_equal(tg_live_tensors(), 1);
    tg_release(y);
}

static void returning_none_closes_too(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    make();
    assert_ptr_equal(tg_scope_return(s, TG_NONE), TG_NONE);
    assert_int_equal(tg_live_tensors(), 0);
    assert_int_equal(tg_error_status(), TG_OK);
}

static void returning_null_is_a_failure(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    make();
    assert_null(tg_scope_return(s, NULL));
    assert_int_equal(tg_live_tensors(), 0);
    assert_int_equal(tg__self()->n_levels, 0);
    assert_fails(tg_error_status(), TG_ERR_ARG, "scope_return: argument y is NULL");
}

static void what_is_returned_through_many_levels_survives(void **state) {
    (void)state;
    tg_scope s[40];
    for (int i = 0; i < 40; i++) {
        s[i] = tg_scope_open();
        make();
    }
    tg_tensor *y = make();
    for (int i = 39; i >= 0; i--) {
        assert_ptr_equal(tg_scope_return(s[i], y), y);
        assert_refs(y, 1, i == 0);
    }
    assert_int_equal(tg_live_tensors(), 1);
    tg_release(y);
}

TG_TEST_MAIN(tg_tidy(outside_scopes_references_are_the_callers),
             tg_tidy(a_scope_releases_what_was_made_inside), tg_tidy(scopes_nest),
             tg_tidy(an_empty_scope_is_nothing), tg_tidy(closing_closes_what_was_left_open_inside),
             tg_tidy(closing_twice_is_refused_without_effect),
             tg_tidy(a_scope_that_an_outer_one_closed_is_closed),
             tg_tidy(what_is_no_scope_is_refused), tg_tidy(closing_on_another_thread_is_refused),
             tg_tidy(a_scope_restores_the_modes_it_found),
             tg_tidy(a_helper_returns_one_of_its_tensors),
             tg_tidy(what_belongs_to_others_is_returned_as_a_new_reference),
             tg_tidy(returning_closes_what_was_left_open_inside),
             tg_tidy(returning_none_closes_too), tg_tidy(returning_null_is_a_failure),
             tg_tidy(what_is_returned_through_many_levels_survives),
             tg_tidy(thread_exit_closes_what_is_open))
