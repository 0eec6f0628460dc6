/* test_scope_references.c - keep, retain, release and hold: who owns a tensor. */
/* ctest: threads */
#include "references.h"

#include <pthread.h>

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
    tg_tensor *x = make(); /* entry 1, with 0 of ours */
    tg_retain(x);          /* ours 1 */
    tg_scope b = tg_scope_open();
    tg__give_existing(x); /* entry 2, with 1 of ours */
    tg_retain(x);         /* ours 2 */
    assert_refs(x, 4, 2);
    tg_release(x); /* the last retain */
    assert_refs(x, 3, 1);
    tg_release(x); /* entry 2 */
    assert_refs(x, 2, 1);
    tg_release(x); /* the first retain */
    assert_refs(x, 1, 0);
    tg_hold(x);
    tg_release(x); /* entry 1, of the outer scope */
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

TG_TEST_MAIN(tg_tidy(keep_takes_a_tensor_out_of_its_scope),
             tg_tidy(keep_without_an_entry_does_nothing),
             tg_tidy(keep_takes_the_youngest_of_several_entries),
             tg_tidy(plain_reference_counting_works_inside_a_scope),
             tg_tidy(release_undoes_the_youngest_acquisition),
             tg_tidy(an_older_reference_of_the_user_survives_the_scope),
             tg_tidy(a_kept_tensor_is_released_like_any_other),
             tg_tidy(with_nothing_to_give_back_release_is_refused), tg_tidy(holds_outlive_scopes),
             tg_tidy(null_and_none_are_fine_everywhere), tg_tidy(references_are_limited),
             tg_tidy(releasing_in_any_order_is_safe),
             tg_tidy(kept_tensors_may_go_to_another_thread),
             tg_tidy(one_tensor_may_stand_in_scopes_of_many_threads),
             tg_tidy(releases_of_many_threads_add_up))
