/* test_scope_error.c - what a scope does to errors: it keeps the first, shuts, and tells at its
 * end.
 */
#include "core/tensor.h"

#include "tg_tidy.h"

#include <pthread.h>

static void raise_error(tg_status status) { tg__fail(status, "test", "error %d", (int)status); }

static bool gated(void) { return tg__gate(tg__self()) != TG_OK; }

#define assert_pending(status, part) assert_fails(tg_error_status(), status, part)

static void assert_clear(void) {
    assert_int_equal(tg_error_status(), TG_OK);
    assert_false(gated());
}

/* ---- Outside scopes ---- */

static void outside_scopes_the_latest_failure_counts_and_gates_nothing(void **state) {
    (void)state;
    raise_error(TG_ERR_SHAPE);
    assert_pending(TG_ERR_SHAPE, "test: error 2");
    assert_false(gated());
    raise_error(TG_ERR_DTYPE);
    assert_pending(TG_ERR_DTYPE, "test: error 3");
    assert_null(tg_zeros_like(NULL)); /* propagation is no failure of its own */
    assert_pending(TG_ERR_DTYPE, "test: error 3");
    tg_error_clear();
    assert_clear();
    assert_string_equal(tg_error_message(), "");
    assert_string_equal(tg_error_op(), "");
}

/* ---- Shutting ---- */

static void the_first_failure_inside_stays(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    assert_clear();
    raise_error(TG_ERR_SHAPE);
    assert_true(gated());
    raise_error(TG_ERR_DTYPE);
    assert_pending(TG_ERR_SHAPE, "test: error 2");
    assert_string_equal(tg_error_op(), "test");
    assert_null(tg_zeros((tg_dtype)10, TG_0D));
    assert_pending(TG_ERR_SHAPE, "test: error 2");
    assert_int_equal(tg_scope_close(s), TG_ERR_SHAPE);
    assert_string_equal(tg_error_message(), "test: error 2"); /* still readable */
    assert_int_equal(tg_error_status(), TG_ERR_SHAPE);
    assert_false(gated());
}

static void a_shut_scope_stops_actions(void **state) {
    (void)state;
    tg_tensor *x = tg_zeros(TG_F32, TG_SHAPE(2));
    tg_scope s = tg_scope_open();
    raise_error(TG_ERR_NUMERIC);
    assert_null(tg_data_mut(x));
    assert_int_equal(tg_version_of(x), 0);
    assert_int_equal(tg_scope_close(s), TG_ERR_NUMERIC);
    assert_non_null(tg_data_mut(x)); /* outside it is possible again */
    tg_release(x);
}

static void references_move_in_a_shut_scope(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    tg_tensor *x = tg_zeros(TG_F32, TG_SHAPE(2));
    tg_tensor *y = tg_zeros(TG_F32, TG_SHAPE(2));
    raise_error(TG_ERR_NUMERIC);
    tg_keep(x);
    tg_release(y);
    assert_int_equal(tg_live_tensors(), 1);
    assert_int_equal(tg_scope_close(s), TG_ERR_NUMERIC);
    tg_release(x);
}

static void closing_an_inner_scope_leaves_the_outer_one_shut(void **state) {
    (void)state;
    tg_scope a = tg_scope_open();
    tg_scope b = tg_scope_open();
    raise_error(TG_ERR_IO);
    assert_int_equal(tg_scope_close(b), TG_ERR_IO);
    assert_true(gated());
    assert_int_equal(tg_error_status(), TG_ERR_IO);
    raise_error(TG_ERR_SHAPE); /* not the first */
    assert_int_equal(tg_scope_close(a), TG_ERR_IO);
    assert_pending(TG_ERR_IO, "test: error 10");
}

static void a_scope_opened_in_a_shut_one_is_born_shut(void **state) {
    (void)state;
    tg_scope a = tg_scope_open();
    raise_error(TG_ERR_INDEX);
    tg_scope b = tg_scope_open();
    assert_true(gated());
    assert_int_equal(tg_error_status(), TG_ERR_INDEX);
    raise_error(TG_ERR_SHAPE);
    tg_error_clear(); /* nothing was raised since b was opened */
    assert_true(gated());
    assert_pending(TG_ERR_INDEX, "test: error 4");
    assert_int_equal(tg_scope_close(b), TG_ERR_INDEX);
    assert_int_equal(tg_scope_close(a), TG_ERR_INDEX);
}

static void closing_the_outer_scope_tells_what_the_inner_one_met(void **state) {
    (void)state;
    tg_scope a = tg_scope_open();
    tg_scope_open();
    tg_scope_open();
    raise_error(TG_ERR_FORMAT);
    assert_int_equal(tg_scope_close(a), TG_ERR_FORMAT);
    assert_pending(TG_ERR_FORMAT, "test: error 9");
}

static void scope_return_from_a_shut_scope_is_null(void **state) {
    (void)state;
    tg_tensor *ours = tg_zeros(TG_F32, TG_SHAPE(2));
    tg_scope a = tg_scope_open();
    tg_tensor *y = tg_zeros(TG_F32, TG_SHAPE(2));
    raise_error(TG_ERR_IO);
    assert_null(tg_scope_return(a, y));
    assert_int_equal(tg_live_tensors(), 1); /* y went with the scope */
    assert_pending(TG_ERR_IO, "test: error 10");
    tg_error_clear();

    a = tg_scope_open();
    tg_scope b = tg_scope_open();
    raise_error(TG_ERR_IO);
    assert_null(tg_scope_return(b, ours));
    assert_true(gated());
    assert_null(tg_scope_return(a, TG_NONE));
    assert_true(atomic_load(&ours->refs) == (TG__USER | 1));
    tg_release(ours);
}

static void a_null_that_is_returned_shuts_what_is_around(void **state) {
    (void)state;
    tg_scope a = tg_scope_open();
    tg_scope b = tg_scope_open();
    assert_null(tg_scope_return(b, NULL));
    assert_true(gated());
    assert_pending(TG_ERR_ARG, "scope_return: argument y is NULL");
    assert_int_equal(tg_scope_close(a), TG_ERR_ARG);

    a = tg_scope_open();
    assert_null(tg_zeros(TG_F32, TG_SHAPE(-1)));
    assert_null(tg_scope_return(a, NULL)); /* the failure that made it NULL stays */
    assert_pending(TG_ERR_SHAPE, "zeros: ");
}

static void refused_calls_of_scopes_are_failures_too(void **state) {
    (void)state;
    tg_scope a = tg_scope_open();
    tg_scope b = tg_scope_open();
    assert_int_equal(tg_scope_close(b), TG_OK);
    assert_int_equal(tg_scope_close(b), TG_ERR_STATE);
    assert_true(gated());
    assert_int_equal(tg_scope_close(a), TG_ERR_STATE);

    a = tg_scope_open();
    tg_tensor *held = tg_hold(tg_keep(tg_zeros(TG_F32, TG_SHAPE(2))));
    tg_release(held);
    tg_release(held);
    assert_pending(TG_ERR_STATE, "release: ");
    assert_int_equal(tg_scope_close(a), TG_ERR_STATE);
    tg_unhold(held);
}

/* ---- Clearing ---- */

static void clearing_reopens_the_scope(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    raise_error(TG_ERR_SHAPE);
    tg_error_clear();
    assert_clear();
    raise_error(TG_ERR_DTYPE); /* the first again */
    assert_pending(TG_ERR_DTYPE, "test: error 3");
    tg_error_clear();
    assert_int_equal(tg_scope_close(s), TG_OK);
    assert_clear();
}

static void clearing_inside_clears_what_was_raised_inside(void **state) {
    (void)state;
    tg_scope a = tg_scope_open();
    tg_scope b = tg_scope_open();
    raise_error(TG_ERR_SHAPE);
    tg_error_clear();
    assert_clear();
    assert_int_equal(tg_scope_close(b), TG_OK);
    assert_clear();
    assert_int_equal(tg_scope_close(a), TG_OK);
}

static void after_the_close_a_bad_batch_can_be_skipped(void **state) {
    (void)state;
    for (int outer = 0; outer < 2; outer++) {
        tg_scope a = outer ? tg_scope_open() : 0;
        for (int batch = 0; batch < 4; batch++) {
            tg_scope s = tg_scope_open();
            assert_clear();
            if (batch == 1)
                raise_error(TG_ERR_NUMERIC);
            assert_int_equal(tg_scope_close(s), batch == 1 ? TG_ERR_NUMERIC : TG_OK);
            tg_error_clear();
            assert_clear();
        }
        if (outer)
            assert_int_equal(tg_scope_close(a), TG_OK);
    }
}

static void clearing_without_an_error_does_nothing(void **state) {
    (void)state;
    tg_error_clear();
    tg_scope s = tg_scope_open();
    tg_error_clear();
    assert_clear();
    assert_int_equal(tg_scope_close(s), TG_OK);
}

/* ---- Errors from before ---- */

static void an_older_error_is_set_aside(void **state) {
    (void)state;
    raise_error(TG_ERR_IO);
    tg_scope a = tg_scope_open();
    assert_clear(); /* it gates nothing and does not count */
    tg_tensor *x = tg_zeros(TG_F32, TG_SHAPE(2));
    assert_non_null(tg_data_mut(x));
    tg_scope b = tg_scope_open();
    assert_clear();
    assert_int_equal(tg_scope_close(b), TG_OK);
    tg_error_clear(); /* not raised in here */
    assert_int_equal(tg_scope_close(a), TG_OK);
    assert_pending(TG_ERR_IO, "test: error 10"); /* and pending again */
}

static void a_null_argument_is_an_error_though_an_older_one_is_set_aside(void **state) {
    (void)state;
    raise_error(TG_ERR_IO);
    tg_scope s = tg_scope_open();
    assert_null(tg_zeros_like(NULL));
    assert_pending(TG_ERR_ARG, "zeros_like: argument x is NULL");
    assert_int_equal(tg_scope_close(s), TG_ERR_ARG);
}

static void a_failure_inside_replaces_the_older_error(void **state) {
    (void)state;
    raise_error(TG_ERR_IO);
    tg_scope s = tg_scope_open();
    raise_error(TG_ERR_SHAPE);
    assert_true(gated());
    assert_pending(TG_ERR_SHAPE, "test: error 2");
    assert_int_equal(tg_scope_close(s), TG_ERR_SHAPE);
    assert_pending(TG_ERR_SHAPE, "test: error 2");
}

static void the_training_loop_stops_where_it_failed(void **state) {
    (void)state;
    tg_tensor *w = tg_zeros(TG_F32, TG_SHAPE(1));
    int step = 0;
    tg_status status = TG_OK;
    for (; step < 10 && status == TG_OK; step++) {
        tg_scope s = tg_scope_open();
        if (step == 6)
            tg_zeros(TG_F32, TG_SHAPE(-1));
        float *p = tg_data_mut(w);
        if (p != NULL)
            *p += 1;
        status = tg_scope_close(s);
    }
    assert_int_equal(step, 7);
    assert_close(tg_item(w), 6, 0, 0); /* the bad step changed nothing */
    assert_pending(TG_ERR_SHAPE, "zeros: size -1");
    tg_release(w);
}

/* ---- Threads ---- */

static void *meanwhile(void *ctx) {
    tg_status *status = ctx;
    status[0] = tg_error_status();
    tg_scope s = tg_scope_open();
    raise_error(TG_ERR_BUSY);
    status[1] = tg_scope_close(s);
    return NULL;
}

static void each_thread_has_its_own_error(void **state) {
    (void)state;
    pthread_t thread;
    tg_status status[2];
    tg_scope s = tg_scope_open();
    raise_error(TG_ERR_IO);
    assert_int_equal(pthread_create(&thread, NULL, meanwhile, status), 0);
    pthread_join(thread, NULL);
    assert_int_equal(status[0], TG_OK);
    assert_int_equal(status[1], TG_ERR_BUSY);
    assert_int_equal(tg_scope_close(s), TG_ERR_IO);
}

/* ---- A scope without memory ---- */

/* Opens scopes until the next one needs a bigger array; their first goes to *bottom. */
static int fill_levels(tg_scope *bottom) {
    *bottom = tg_scope_open();
    int n = 1;
    for (; tg__self()->n_levels < tg__self()->cap_levels; n++)
        tg_scope_open();
    return n;
}

static tg_scope open_without_memory(void) {
    tg__alloc_fail_at(1, false);
    tg_scope s = tg_scope_open();
    tg__alloc_fail_at(0, false);
    return s;
}

static void without_memory_a_scope_is_born_shut(void **state) {
    (void)state;
    tg_scope bottom;
    int n = fill_levels(&bottom);
    tg_scope s = open_without_memory();
    assert_pending(TG_ERR_MEMORY, "scope_open: out of memory");
    assert_true(gated());
    tg_zeros(TG_F32, TG_SHAPE(2));
    assert_int_equal(tg_scope_close(s), TG_ERR_MEMORY);
    assert_int_equal(tg_live_tensors(), 1); /* it fell to the scope around */
    assert_true(gated());                   /* which stays shut */
    assert_int_equal(tg__self()->n_levels, n);
    tg_error_clear();
    assert_clear();
    s = tg_scope_open(); /* there is memory again */
    assert_clear();
    tg_zeros(TG_F32, TG_SHAPE(2));
    assert_int_equal(tg_scope_close(s), TG_OK);
    assert_int_equal(tg_live_tensors(), 1);
    assert_int_equal(tg_scope_close(bottom), TG_OK);
    assert_int_equal(tg_live_tensors(), 0);
}

static void scopes_inside_one_without_memory_close_in_order(void **state) {
    (void)state;
    tg_scope bottom;
    int n = fill_levels(&bottom);
    tg_scope a = open_without_memory();
    tg_scope b = tg_scope_open();
    tg_scope c = tg_scope_open();
    tg_zeros(TG_F32, TG_SHAPE(2));
    assert_int_equal(tg_scope_close(b), TG_ERR_MEMORY); /* closes c too */
    assert_int_equal(tg_scope_close(c), TG_ERR_STATE);
    assert_int_equal(tg_scope_close(a), TG_ERR_MEMORY);
    assert_int_equal(tg_scope_close(a), TG_ERR_STATE);
    assert_int_equal(tg__self()->n_levels, n);
    assert_int_equal(tg__self()->lost_levels, 0);
    assert_int_equal(tg_live_tensors(), 1);
    assert_int_equal(tg_scope_close(bottom), TG_ERR_MEMORY);
}

static void closing_around_scopes_without_memory_works(void **state) {
    (void)state;
    tg_scope bottom;
    fill_levels(&bottom);
    open_without_memory();
    tg_scope_open();
    tg_zeros(TG_F32, TG_SHAPE(2));
    assert_int_equal(tg_scope_close(bottom), TG_ERR_MEMORY);
    assert_int_equal(tg__self()->n_levels, 0);
    assert_int_equal(tg__self()->lost_levels, 0);
    tg_error_clear();
    assert_clear();
}

static void scope_return_without_memory(void **state) {
    (void)state;
    tg_scope bottom;
    fill_levels(&bottom);
    tg_scope s = open_without_memory();
    tg_tensor *y = tg_zeros(TG_F32, TG_SHAPE(2));
    assert_null(tg_scope_return(s, y)); /* shut */
    tg_error_clear();
    s = open_without_memory();
    tg_error_clear(); /* the caller has seen it and goes on */
    assert_clear();
    y = tg_zeros(TG_F32, TG_SHAPE(2));
    assert_ptr_equal(tg_scope_return(s, y), y);
    assert_int_equal(tg_scope_close(bottom), TG_OK);
}

TG_TEST_MAIN(tg_tidy(outside_scopes_the_latest_failure_counts_and_gates_nothing),
             tg_tidy(the_first_failure_inside_stays), tg_tidy(a_shut_scope_stops_actions),
             tg_tidy(references_move_in_a_shut_scope),
             tg_tidy(closing_an_inner_scope_leaves_the_outer_one_shut),
             tg_tidy(a_scope_opened_in_a_shut_one_is_born_shut),
             tg_tidy(closing_the_outer_scope_tells_what_the_inner_one_met),
             tg_tidy(scope_return_from_a_shut_scope_is_null),
             tg_tidy(a_null_that_is_returned_shuts_what_is_around),
             tg_tidy(refused_calls_of_scopes_are_failures_too), tg_tidy(clearing_reopens_the_scope),
             tg_tidy(clearing_inside_clears_what_was_raised_inside),
             tg_tidy(after_the_close_a_bad_batch_can_be_skipped),
             tg_tidy(clearing_without_an_error_does_nothing), tg_tidy(an_older_error_is_set_aside),
             tg_tidy(a_null_argument_is_an_error_though_an_older_one_is_set_aside),
             tg_tidy(a_failure_inside_replaces_the_older_error),
             tg_tidy(the_training_loop_stops_where_it_failed),
             tg_tidy(each_thread_has_its_own_error), tg_tidy(without_memory_a_scope_is_born_shut),
             tg_tidy(scopes_inside_one_without_memory_close_in_order),
             tg_tidy(closing_around_scopes_without_memory_works),
             tg_tidy(scope_return_without_memory))
