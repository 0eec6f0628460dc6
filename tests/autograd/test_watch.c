/* test_watch.c - a thread is watched only while a trace or a profile is open on it. */
#include "tensors.h"

#include <tensorgrad/tensorgrad.h>

#include "autograd/watch.h"

static void a_thread_has_a_watch_only_while_somebody_watches(void **state) {
    (void)state;
    assert_null(tg__self()->watch);
    tg_trace_t *t = tg_trace_begin();
    assert_non_null(tg__self()->watch);
    tg_profile *p = tg_profile_begin(NULL);
    assert_ok(tg_trace_end(t));
    assert_non_null(tg__self()->watch);
    assert_ok(tg_profile_end(p));
    assert_null(tg__self()->watch);
    tg_trace_free(t);
    tg_profile_free(p);
    assert_int_equal(tg_live_tensors(), 0);
}

static tg_trace_t *trace;

static void ends_the_trace(void *status) { *(tg_status *)status = tg_trace_free(trace); }

/* A deleter runs in the middle of what an operation does. */
static void nothing_ends_inside_a_backward(void **state) {
    (void)state;
    static double data[2] = {1, 2};
    tg_status inside = TG_OK;
    trace = tg_trace_begin();
    tg_tensor *x = LEAF(3, 4);
    tg_tensor *c = tg_from_blob(data, TG_F64, TG_SHAPE(2), NULL, ends_the_trace, &inside);
    if (c == NULL)
        fail_msg("%s", tg_error_message());
    assert_ok(tg_trace_end(trace)); /* it would hold c */
    tg_tensor *y = tg_mul(x, c), *loss = tg_sum(y, TG_ALL, false);
    tg_trace_free(trace);
    trace = tg_trace_begin();
    tg_release(y);
    tg_release(c);
    assert_ok(tg_backward(loss)); /* gives up c */
    assert_int_equal(inside, TG_ERR_STATE);
    assert_ok(tg_trace_free(trace));
    tg_release(loss);
    tg_release(x);
    tg_error_clear();
    assert_int_equal(tg_live_tensors(), 0);
}

TG_TEST_MAIN(cmocka_unit_test(a_thread_has_a_watch_only_while_somebody_watches),
             cmocka_unit_test(nothing_ends_inside_a_backward))
