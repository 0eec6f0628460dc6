/* test_scope.c - who owns a tensor, and when it goes.
 *
 * What scopes do to errors is tested in test_scope_error.c, references against a model in
 * test_scope_model.c. */
/* ctest: threads */
#include "core/tensor.h"

#include "tg_tidy.h"

#include <pthread.h>

static tg_tensor *make(void) {
    tg_tensor *x = tg_zeros(TG_F32, TG_SHAPE(3));
    assert_non_null(x);
    return x;
}

static uint32_t total(const tg_tensor *x) { return (uint32_t)atomic_load(&x->refs); }
static uint32_t of_user(const tg_tensor *x) { return (uint32_t)(atomic_load(&x->refs) >> 32); }

#define assert_refs(x, all, user)                                                                  \
    do {                                                                                           \
        assert_int_equal(total(x), all);                                                           \
        assert_int_equal(of_user(x), user);                                                        \
    } while (0)

static void nothing_to_release(tg_tensor *x) {
    uint64_t before = atomic_load(&x->refs);
    tg_release(x);
    assert_fails(tg_error_status(), TG_ERR_STATE, "release: f32 [3]: no reference of yours");
    assert_true(atomic_load(&x->refs) == before);
    tg_error_clear();
}

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

/* ---- keep, retain, release, hold ---- */

static void keep_takes_a_tensor_out_of_its_scope(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    tg_tensor *x = make();
    assert_refs(x, 1, 0);
    assert_ptr_equal(tg_keep(x), x);
    assert_refs(x, 1, 1);
    assert_int_equal(tg_scope_close(s), TG_OK);
    assert_refs(x, 1, 1);
    tg_release(x);
}

static void keep_without_an_entry_does_nothing(void **state) {
    (void)state;
    tg_tensor *x = make();
    assert_ptr_equal(tg_keep(x), x);
    assert_refs(x, 1, 1);
    tg_scope s = tg_scope_open();
    tg_keep(tg_keep(x));
    assert_refs(x, 1, 1);
    assert_int_equal(tg_scope_close(s), TG_OK);
    tg_release(x);
}

static void keep_takes_the_youngest_of_several_entries(void **state) {
    (void)state;
    tg_scope a = tg_scope_open();
    tg_tensor *x = make();
    tg_scope b = tg_scope_open();
    tg__give_existing(x);
    tg_keep(x);
    assert_refs(x, 2, 1);
    assert_int_equal(tg_scope_close(b), TG_OK);
    assert_refs(x, 2, 1);
    tg_keep(x); /* that of the outer scope */
    assert_refs(x, 2, 2);
    tg_keep(x);
    assert_refs(x, 2, 2);
    assert_int_equal(tg_scope_close(a), TG_OK);
    tg_release(x);
    tg_release(x);
}

static void plain_reference_counting_works_inside_a_scope(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    tg_tensor *x = make();
    tg_retain(x);
    tg_release(x);
    assert_refs(x, 1, 0);
    tg_release(x); /* the reference that making gave */
    assert_int_equal(tg_live_tensors(), 0);
    assert_int_equal(tg_scope_close(s), TG_OK);
}

static void release_undoes_the_youngest_acquisition(void **state) {
    (void)state;
    tg_scope a = tg_scope_open();
    tg_tensor *x = make();        /* entry 1, with 0 of ours */
    tg_retain(x);                 /* ours 1 */
    tg_scope b = tg_scope_open();
    tg__give_existing(x);         /* entry 2, with 1 of ours */
    tg_retain(x);                 /* ours 2 */
    assert_refs(x, 4, 2);
    tg_release(x);                /* the last retain */
    assert_refs(x, 3, 1);
    tg_release(x);                /* entry 2 */
    assert_refs(x, 2, 1);
    tg_release(x);                /* the first retain */
    assert_refs(x, 1, 0);
    tg_hold(x);
    tg_release(x);                /* entry 1, of the outer scope */
    assert_refs(x, 1, 0);
    nothing_to_release(x);
    assert_int_equal(tg_scope_close(b), TG_OK);
    assert_int_equal(tg_scope_close(a), TG_OK);
    assert_refs(x, 1, 0);
    tg_unhold(x);
}

static void an_older_reference_of_the_user_survives_the_scope(void **state) {
    (void)state;
    tg_tensor *x = make(); /* ours */
    tg_scope s = tg_scope_open();
    tg__give_existing(x);
    tg_release(x); /* the entry, which is younger */
    assert_refs(x, 1, 1);
    assert_int_equal(tg_scope_close(s), TG_OK);
    s = tg_scope_open();
    tg_release(x); /* no entry: ours */
    assert_int_equal(tg_live_tensors(), 0);
    assert_int_equal(tg_scope_close(s), TG_OK);
}

static void a_kept_tensor_is_released_like_any_other(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    tg_tensor *x = tg_keep(make());
    tg__give_existing(x);
    tg_retain(x);
    assert_refs(x, 3, 2);
    tg_release(x);
    assert_refs(x, 2, 1);
    tg_release(x); /* the entry: made when one was ours */
    assert_refs(x, 1, 1);
    assert_int_equal(tg_scope_close(s), TG_OK);
    assert_refs(x, 1, 1);
    tg_release(x);
}

static void with_nothing_to_give_back_release_is_refused(void **state) {
    (void)state;
    tg_tensor *x = tg_hold(make());
    tg_release(x);
    assert_refs(x, 1, 0);
    nothing_to_release(x); /* the holder's is out of reach */
    tg_unhold(x);

    tg_scope s = tg_scope_open();
    x = tg_hold(make());
    assert_int_equal(tg_scope_close(s), TG_OK);
    nothing_to_release(x);
    tg_retain(x);
    tg_release(x);
    nothing_to_release(x);
    tg_unhold(x);
}

static void holds_outlive_scopes(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    tg_tensor *x = make();
    assert_ptr_equal(tg_hold(x), x);
    assert_refs(x, 2, 0);
    assert_int_equal(tg_scope_close(s), TG_OK);
    assert_refs(x, 1, 0);
    s = tg_scope_open();
    tg_keep(x); /* no entry: nothing */
    assert_refs(x, 1, 0);
    assert_int_equal(tg_scope_close(s), TG_OK);
    tg_unhold(x);
    assert_int_equal(tg_live_tensors(), 0);
}

static void null_and_none_are_fine_everywhere(void **state) {
    (void)state;
    tg_tensor *const nothing[] = {NULL, TG_NONE};
    for (int scoped = 0; scoped < 2; scoped++) {
        tg_scope s = scoped ? tg_scope_open() : 0;
        for (int i = 0; i < 2; i++) {
            assert_ptr_equal(tg_keep(nothing[i]), nothing[i]);
            assert_ptr_equal(tg_retain(nothing[i]), nothing[i]);
            assert_ptr_equal(tg_hold(nothing[i]), nothing[i]);
            tg_unhold(nothing[i]);
            tg_release(nothing[i]);
            tg_release(nothing[i]);
            tg__take(nothing[i]);
            assert_ptr_equal(tg__give_existing(nothing[i]), nothing[i]);
        }
        if (scoped)
            assert_int_equal(tg_scope_close(s), TG_OK);
    }
    assert_int_equal(tg_error_status(), TG_OK);
    assert_true(tg_is_none(TG_NONE));
}

static void references_are_limited(void **state) {
    (void)state;
    tg_tensor *x = make();
    uint64_t before = atomic_load(&x->refs);
    atomic_store(&x->refs, before + 0x7ffffffeu);
    assert_ptr_equal(tg_retain(x), x);
    assert_null(tg_retain(x));
    assert_fails(tg_error_status(), TG_ERR_SHAPE, "retain: f32 [3] has 2^31 references");
    atomic_store(&x->refs, before);
    tg_release(x);
}

static void releasing_in_any_order_is_safe(void **state) {
    (void)state;
    for (int mask = 0; mask < 32; mask++) {
        tg_scope s = tg_scope_open();
        tg_tensor *x[5];
        for (int i = 0; i < 5; i++)
            x[i] = make();
        for (int i = 0; i < 5; i++) /* gaps in the array of entries */
            if (mask >> i & 1)
                tg_release(x[(i * 3) % 5]);
        make();
        for (int i = 0; i < 5; i++)
            if (!(mask >> i & 1))
                tg_keep(x[(i * 3) % 5]);
        assert_int_equal(tg_scope_close(s), TG_OK);
        assert_int_equal(tg_live_tensors(), 5 - __builtin_popcount((unsigned)mask));
        for (int i = 0; i < 5; i++)
            if (!(mask >> i & 1))
                tg_release(x[(i * 3) % 5]);
    }
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

/* ---- Threads ---- */

static void *release_there(void *x) {
    tg_release(x);
    return NULL;
}

static void kept_tensors_may_go_to_another_thread(void **state) {
    (void)state;
    pthread_t thread;
    tg_scope s = tg_scope_open();
    tg_tensor *x = tg_keep(make());
    assert_int_equal(pthread_create(&thread, NULL, release_there, x), 0);
    pthread_join(thread, NULL);
    assert_int_equal(tg_live_tensors(), 0);
    assert_int_equal(tg_scope_close(s), TG_OK);
}

enum { THREADS = 4, ROUNDS = 300 };

static void *use_and_keep(void *x) {
    for (int i = 0; i < ROUNDS; i++) {
        tg_scope s = tg_scope_open();
        tg__give_existing(x);
        tg__give_existing(x);
        tg_scope inner = tg_scope_open();
        tg__give_existing(x);
        if (i % 3 == 0)
            tg_keep(x);
        if (i % 2 == 0 && tg_scope_close(inner) != TG_OK)
            return NULL;
        if (i % 3 != 2)
            tg_keep(x);
        if (tg_scope_close(s) != TG_OK)
            return NULL;
    }
    return x;
}

static void *use_and_release(void *x) {
    for (int i = 0; i < ROUNDS; i++) {
        tg_scope s = tg_scope_open();
        tg__give_existing(x);
        tg_retain(x);
        tg_scope inner = tg_scope_open();
        tg__give_existing(x);
        if (i % 3 == 0)
            tg_release(tg_keep(x));
        if (i % 2 == 0 && tg_scope_close(inner) != TG_OK)
            return NULL;
        tg_release(x);
        if (tg_scope_close(s) != TG_OK)
            return NULL;
    }
    return x;
}

static void run_threads(void *(*work)(void *), tg_tensor *x) {
    pthread_t thread[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, work, x), 0);
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(thread[i], &result);
        assert_ptr_equal(result, x);
    }
}

static void one_tensor_may_stand_in_scopes_of_many_threads(void **state) {
    (void)state;
    tg_tensor *x = make();
    run_threads(use_and_keep, x);
    const uint32_t kept = THREADS * ROUNDS; /* of three rounds, one keeps twice and one never */
    assert_refs(x, 1 + kept, 1 + kept);
    for (uint32_t i = 0; i < kept; i++)
        tg_release(x);
    assert_refs(x, 1, 1);
    tg_release(x);
}

/* With other threads' references around, a release may take an entry where it would alone have
 * taken a reference of ours, or the other way round; none is lost or given back twice. */
static void releases_of_many_threads_add_up(void **state) {
    (void)state;
    tg_tensor *x = make();
    run_threads(use_and_release, x);
    assert_true(of_user(x) >= 1);
    assert_int_equal(total(x), of_user(x));
    while (of_user(x) > 1)
        tg_release(x);
    tg_release(x);
}

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

TG_TEST_MAIN(tg_tidy(outside_scopes_references_are_the_callers),
             tg_tidy(a_scope_releases_what_was_made_inside), tg_tidy(scopes_nest),
             tg_tidy(an_empty_scope_is_nothing), tg_tidy(closing_closes_what_was_left_open_inside),
             tg_tidy(closing_twice_is_refused_without_effect),
             tg_tidy(a_scope_that_an_outer_one_closed_is_closed),
             tg_tidy(what_is_no_scope_is_refused), tg_tidy(closing_on_another_thread_is_refused),
             tg_tidy(a_scope_restores_the_modes_it_found),
             tg_tidy(keep_takes_a_tensor_out_of_its_scope),
             tg_tidy(keep_without_an_entry_does_nothing),
             tg_tidy(keep_takes_the_youngest_of_several_entries),
             tg_tidy(plain_reference_counting_works_inside_a_scope),
             tg_tidy(release_undoes_the_youngest_acquisition),
             tg_tidy(an_older_reference_of_the_user_survives_the_scope),
             tg_tidy(a_kept_tensor_is_released_like_any_other),
             tg_tidy(with_nothing_to_give_back_release_is_refused),
             tg_tidy(holds_outlive_scopes), tg_tidy(null_and_none_are_fine_everywhere),
             tg_tidy(references_are_limited), tg_tidy(releasing_in_any_order_is_safe),
             tg_tidy(a_helper_returns_one_of_its_tensors),
             tg_tidy(what_belongs_to_others_is_returned_as_a_new_reference),
             tg_tidy(returning_closes_what_was_left_open_inside),
             tg_tidy(returning_none_closes_too), tg_tidy(returning_null_is_a_failure),
             tg_tidy(what_is_returned_through_many_levels_survives),
             tg_tidy(kept_tensors_may_go_to_another_thread),
             tg_tidy(one_tensor_may_stand_in_scopes_of_many_threads),
             tg_tidy(releases_of_many_threads_add_up),
             tg_tidy(the_first_scopes_and_entries_need_no_memory),
             tg_tidy(depth_and_width_grow_and_shrink),
             tg_tidy(a_loop_that_releases_what_it_makes_needs_no_room),
             tg_tidy(scopes_deeper_than_can_be_numbered_are_born_shut),
             tg_tidy(an_entry_without_memory_is_an_error_and_no_leak),
             tg_tidy(what_was_reserved_cannot_fail),
             tg_tidy(a_deleter_may_close_the_scope_that_is_being_closed),
             tg_tidy(a_deleter_may_leave_a_scope_open), tg_tidy(thread_exit_closes_what_is_open))
