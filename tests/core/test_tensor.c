/* test_tensor.c - headers and storages: making them, sharing them, freeing them, asking them. */
/* ctest: threads */
#include "core/tensor.h"

#include "tg_tidy.h"

#include <pthread.h>

#define SHAPE(...) ((const int64_t[]){__VA_ARGS__})

static uint64_t refs(const tg_tensor *x) { return atomic_load(&x->refs); }

/* ---- Making ---- */

static void a_raw_tensor_has_one_reference_of_the_engine(void **state) {
    (void)state;
    tg_tensor *x = tg__new("test", TG_F64, TG_SHAPE(2, 3));
    assert_non_null(x);
    assert_true(refs(x) == 1);
    assert_int_equal(x->magic, TG__MAGIC);
    assert_int_equal(x->dtype, TG_F64);
    assert_int_equal(x->ndim, 2);
    assert_int_equal(x->numel, 6);
    assert_int_equal(x->flags, TG__CONTIGUOUS);
    assert_int_equal(x->op, TG__NO_OP);
    assert_null(x->node);
    assert_null(x->leaf);
    assert_true(x->storage->bytes == 48);
    assert_int_equal(atomic_load(&x->storage->refs), 1);
    assert_true(tg__exclusive(x));
    tg__unref(x);
    assert_int_equal(tg_live_tensors(), 0);
}

static void data_is_aligned_for_vectors(void **state) {
    (void)state;
    for (int64_t n = 0; n < 100000; n = n * 3 + 1) {
        tg_tensor *x = tg__new("test", TG_U8, TG_SHAPE(n));
        assert_true(x->data != NULL);
        assert_int_equal((uintptr_t)x->data % 64, 0);
        memset(x->data, 7, (size_t)n); /* all of it is ours */
        tg__unref(x);
    }
}

static void making_refuses_bad_shapes_by_name(void **state) {
    (void)state;
    assert_null(tg__new("matmul", TG_F32, TG_SHAPE(-1)));
    assert_fails(tg_error_status(), TG_ERR_SHAPE, "matmul: size -1");
    assert_null(tg__new("matmul", (tg_dtype)10, TG_0D));
    assert_fails(tg_error_status(), TG_ERR_DTYPE, "matmul: dtype 10 (unknown)");
    assert_null(tg__new("matmul", TG_U8, TG_SHAPE(INT64_MAX)));
    assert_fails(tg_error_status(), TG_ERR_MEMORY,
                 "matmul: out of memory asking for "
                 "9223372036854775807 bytes");
}

static void making_fails_cleanly_without_memory(void **state) {
    (void)state;
    tg_tensor *x = tg__new("test", TG_F32, TG_SHAPE(4));
    for (uint64_t n = 1; n <= 2; n++) {
        tg__alloc_fail_at(n, true);
        assert_null(tg__new("first", TG_F32, TG_SHAPE(4)));
        tg__alloc_fail_at(0, false);
        assert_fails(tg_error_status(), TG_ERR_MEMORY, "first: out of memory");
        assert_int_equal(tg_live_tensors(), 1);
        assert_int_equal(tg_live_storages(), 1);
    }
    tg__alloc_fail_at(1, true);
    assert_null(tg__view("second", x, 1, SHAPE(2), SHAPE(1), 0));
    assert_null(tg__alias("third", x));
    tg__alloc_fail_at(0, false);
    assert_fails(tg_error_status(), TG_ERR_MEMORY, "third: out of memory");
    assert_int_equal(atomic_load(&x->storage->refs), 1);
    tg__unref(x);
}

/* ---- Views ---- */

static void a_view_shares_the_storage(void **state) {
    (void)state;
    tg_tensor *x = tg__new("test", TG_I32, TG_SHAPE(3, 4));
    tg_tensor *v = tg__view("test", x, 2, SHAPE(4, 3), SHAPE(1, 4), 0);
    tg_tensor *row = tg__view("test", x, 1, SHAPE(4), SHAPE(1), 8);
    assert_ptr_equal(v->storage, x->storage);
    assert_int_equal(atomic_load(&x->storage->refs), 3);
    assert_int_equal(tg_live_storages(), 1);
    assert_int_equal(v->dtype, TG_I32);
    assert_int_equal(v->numel, 12);
    assert_int_equal(v->flags, TG__IS_VIEW);
    assert_int_equal(row->flags, TG__IS_VIEW | TG__CONTIGUOUS);
    assert_ptr_equal(row->data, x->data + 8 * sizeof(int32_t));
    assert_false(tg__exclusive(x));
    assert_false(tg__exclusive(v));
    tg__bump(v, 5);
    assert_int_equal(tg_version_of(x), 1);
    assert_int_equal(atomic_load(&x->storage->writer), 5);
    tg__unref(x); /* views outlive what they were made from */
    *(int32_t *)(void *)row->data = 3;
    tg__unref(v);
    assert_true(tg__exclusive(row));
    tg__unref(row);
}

static void an_empty_view_stays_inside(void **state) {
    (void)state;
    tg_tensor *x = tg__new("test", TG_F32, TG_SHAPE(4));
    tg_tensor *v = tg__view("test", x, 1, SHAPE(0), SHAPE(1), 4);
    assert_int_equal(v->numel, 0);
    assert_ptr_equal(v->data, x->data); /* not one past the end */
    tg__unref(v);
    tg__unref(x);
}

static void views_know_the_epoch_of_their_base(void **state) {
    (void)state;
    tg_tensor *x = tg__new("test", TG_F32, TG_SHAPE(4));
    tg_tensor *old = tg__view("test", x, 1, SHAPE(4), SHAPE(1), 0);
    atomic_fetch_add(&x->storage->epoch, 1);
    tg_tensor *fresh = tg__view("test", x, 1, SHAPE(4), SHAPE(1), 0);
    tg_tensor *of_old = tg__view("test", old, 1, SHAPE(2), SHAPE(1), 0);
    assert_int_equal(old->epoch, 0);
    assert_int_equal(fresh->epoch, 1);
    assert_int_equal(of_old->epoch, 0); /* a view of a stale view is as stale */
    tg__unref(old);
    tg__unref(fresh);
    tg__unref(of_old);
    tg__unref(x);
}

static void an_alias_is_the_same_tensor_again(void **state) {
    (void)state;
    tg_tensor *x = tg__new("test", TG_F64, TG_SHAPE(2, 2));
    x->flags |= TG__IS_NUMBER;
    tg_tensor *a = tg__alias("test", x);
    assert_true(tg__same_shape(a, x));
    assert_ptr_equal(a->data, x->data);
    assert_true(a->flags & TG__IS_NUMBER);
    assert_true(a->flags & TG__CONTIGUOUS);
    assert_null(a->node);
    assert_null(a->leaf);
    tg__unref(a);
    tg__unref(x);
}

/* ---- Giving out ---- */

static void given_outside_scopes_a_tensor_is_the_callers(void **state) {
    (void)state;
    assert_null(tg__give(NULL));
    assert_ptr_equal(tg__give(TG_NONE), TG_NONE);
    tg_tensor *x = tg__give(tg__new("test", TG_F32, TG_0D));
    assert_true(refs(x) == (TG__USER | 1));
    assert_ptr_equal(tg__give_existing(x), x);
    assert_true(refs(x) == 2 * (TG__USER | 1));
    tg__take(x); /* one becomes the engine's */
    assert_true(refs(x) == (TG__USER | 2));
    tg_release(x);
    assert_true(refs(x) == 1);
    tg__unref(x);
}

static void given_inside_a_scope_it_is_the_scopes(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    tg_tensor *x = tg__give(tg__new("test", TG_F32, TG_0D));
    assert_true(refs(x) == 1);
    assert_ptr_equal(tg__give_existing(x), x);
    assert_true(refs(x) == 2);
    tg__take(x);
    tg__take(x);
    assert_true(refs(x) == 2);
    assert_int_equal(tg_scope_close(s), TG_OK);
    assert_true(refs(x) == 2); /* the scope had nothing left */
    tg__unref(x);
    tg__unref(x);
}

/* ---- Freeing ---- */

static int order[4];
static int deletions;

static void note(void *ctx) { order[deletions++] = (int)(intptr_t)ctx; }

static void deleters_run_once_with_the_last_view(void **state) {
    (void)state;
    static float data[4];
    deletions = 0;
    tg_tensor *x = tg_from_blob(data, TG_F32, TG_SHAPE(4), NULL, note, (void *)(intptr_t)1);
    tg_tensor *y = tg_from_blob(data, TG_F32, TG_SHAPE(4), NULL, note, (void *)(intptr_t)2);
    tg_tensor *v = tg__view("test", x, 1, SHAPE(2), SHAPE(1), 2);
    tg_release(x);
    assert_int_equal(deletions, 0);
    tg_release(y);
    assert_int_equal(deletions, 1);
    tg__unref(v);
    assert_int_equal(deletions, 2);
    assert_int_equal(order[0], 2);
    assert_int_equal(order[1], 1);
}

static tg_tensor *held_by_deleter;

static void use_the_library(void *ctx) {
    (void)ctx;
    tg_scope s = tg_scope_open();
    held_by_deleter = tg_retain(tg_zeros(TG_F32, TG_SHAPE(3)));
    if (tg_scope_close(s) != TG_OK)
        held_by_deleter = NULL;
}

static void deleters_may_use_the_library(void **state) {
    (void)state;
    static float data[4];
    tg_tensor *x = tg_from_blob(data, TG_F32, TG_SHAPE(4), NULL, use_the_library, NULL);
    tg_release(x);
    assert_non_null(held_by_deleter);
    assert_int_equal(tg_live_tensors(), 1);
    tg_release(held_by_deleter);
}

static void unref_of_null_and_none_does_nothing(void **state) {
    (void)state;
    tg__unref(NULL);
    for (int i = 0; i < 3; i++)
        tg__unref(TG_NONE);
    assert_true(tg_is_none(TG_NONE));
}

static void *drop(void *x) {
    for (int i = 0; i < 1000; i++) {
        tg__ref(x);
        tg__unref(x);
    }
    tg__unref(x);
    return NULL;
}

static void the_last_reference_may_go_on_any_thread(void **state) {
    (void)state;
    enum { THREADS = 4 };
    for (int round = 0; round < 20; round++) {
        pthread_t thread[THREADS];
        tg_tensor *x = tg__new("test", TG_F32, TG_SHAPE(4));
        for (int i = 0; i < THREADS; i++)
            tg__ref(x);
        for (int i = 0; i < THREADS; i++)
            assert_int_equal(pthread_create(&thread[i], NULL, drop, x), 0);
        tg__unref(x);
        for (int i = 0; i < THREADS; i++)
            pthread_join(thread[i], NULL);
        assert_int_equal(tg_live_tensors(), 0);
    }
}

/* ---- Checks ---- */

static void required_tells_null_none_and_good_apart(void **state) {
    (void)state;
    tg_tensor *x = tg_scalar(TG_F32, 1);
    assert_true(tg__required("op", "w", x));
    assert_false(tg__required("op", "w", NULL));
    assert_fails(tg_error_status(), TG_ERR_ARG, "op: argument w is NULL");
    assert_false(tg__required("op", "w", TG_NONE)); /* raised anew */
    assert_fails(tg_error_status(), TG_ERR_ARG, "op: argument w is TG_NONE");
    assert_false(tg__required("later", "v", NULL)); /* propagation leaves the first */
    assert_fails(tg_error_status(), TG_ERR_ARG, "op: argument w is TG_NONE");
    tg_release(x);
}

static void a_dead_tensor_is_recognised_by_its_magic(void **state) {
    (void)state;
    tg_tensor dead = {.magic = 0, .dtype = TG_F32, .numel = 1};
    assert_false(tg__required("op", "x", &dead));
    assert_fails(tg_error_status(), TG_ERR_ARG, "op: argument x is not a live tensor");
    tg_error_clear();
    tg_release(&dead);
    assert_fails(tg_error_status(), TG_ERR_ARG, "release: argument x is not a live tensor");
    tg_error_clear();
    assert_null(tg_retain(&dead));
    assert_fails(tg_error_status(), TG_ERR_ARG, "retain: argument x is not a live tensor");
}

/* ---- Queries ---- */

static void queries_answer(void **state) {
    (void)state;
    tg_tensor *x = tg_zeros(TG_I64, TG_SHAPE(2, 3, 4));
    tg_tensor *t = tg__view("test", x, 2, SHAPE(4, 3), SHAPE(1, 4), 0);
    assert_int_equal(tg_ndim(x), 3);
    assert_int_equal(tg_shape(x)[2], 4);
    assert_int_equal(tg_strides(x)[0], 12);
    assert_int_equal(tg_strides(t)[1], 4);
    assert_int_equal(tg_numel(x), 24);
    assert_int_equal(tg_dtype_of(x), TG_I64);
    assert_true(tg_is_contiguous(x));
    assert_false(tg_is_contiguous(t));
    assert_false(tg_is_none(x));
    assert_int_equal(tg_version_of(x), 0);
    for (int d = 0; d < 3; d++) {
        assert_int_equal(tg_size(x, d), 2 + d);
        assert_int_equal(tg_size(x, d - 3), 2 + d);
    }
    assert_int_equal(tg_size(x, 3), -1);
    assert_int_equal(tg_size(x, -4), -1);
    assert_int_equal(tg_size(x, INT32_MIN), -1);
    tg__unref(t);
    tg_release(x);
}

static void queries_of_nothing_answer_without_an_error(void **state) {
    (void)state;
    tg_tensor *const nothing[] = {NULL, TG_NONE};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(tg_ndim(nothing[i]), -1);
        assert_null(tg_shape(nothing[i]));
        assert_null(tg_strides(nothing[i]));
        assert_int_equal(tg_size(nothing[i], 0), -1);
        assert_int_equal(tg_numel(nothing[i]), -1);
        assert_int_equal(tg_dtype_of(nothing[i]), (tg_dtype)-1);
        assert_false(tg_is_contiguous(nothing[i]));
        assert_int_equal(tg_version_of(nothing[i]), 0);
    }
    assert_false(tg_is_none(NULL));
    assert_true(tg_is_none(TG_NONE));
    assert_ptr_equal(TG_NONE, tg_none());
    assert_int_equal(tg_error_status(), TG_OK);
    tg_tensor *x = tg_scalar(TG_F32, 1);
    assert_int_equal(tg_ndim(x), 0);
    assert_int_equal(tg_size(x, 0), -1); /* 0-d has no dim */
    assert_non_null(tg_shape(x));
    tg_release(x);
}

/* ---- Leaf locks ---- */

static tg_tensor *leaves[3];
static int64_t counts[3];

static void *count_under_lock(void *ctx) {
    (void)ctx;
    for (int i = 0; i < 3000; i++) {
        tg__leaf_lock(leaves[i % 3]);
        counts[i % 3]++;
        tg__leaf_unlock(leaves[i % 3]);
    }
    return NULL;
}

static void leaf_locks_exclude_each_other(void **state) {
    (void)state;
    pthread_t thread[4];
    for (int i = 0; i < 3; i++) {
        leaves[i] = tg_scalar(TG_F32, i);
        counts[i] = 0;
    }
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, count_under_lock, NULL), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(counts[i], 4000);
        tg_release(leaves[i]);
    }
}

TG_TEST_MAIN(tg_tidy(a_raw_tensor_has_one_reference_of_the_engine),
             tg_tidy(data_is_aligned_for_vectors), tg_tidy(making_refuses_bad_shapes_by_name),
             tg_tidy(making_fails_cleanly_without_memory), tg_tidy(a_view_shares_the_storage),
             tg_tidy(an_empty_view_stays_inside), tg_tidy(views_know_the_epoch_of_their_base),
             tg_tidy(an_alias_is_the_same_tensor_again),
             tg_tidy(given_outside_scopes_a_tensor_is_the_callers),
             tg_tidy(given_inside_a_scope_it_is_the_scopes),
             tg_tidy(deleters_run_once_with_the_last_view), tg_tidy(deleters_may_use_the_library),
             tg_tidy(unref_of_null_and_none_does_nothing),
             tg_tidy(the_last_reference_may_go_on_any_thread),
             tg_tidy(required_tells_null_none_and_good_apart),
             tg_tidy(a_dead_tensor_is_recognised_by_its_magic), tg_tidy(queries_answer),
             tg_tidy(queries_of_nothing_answer_without_an_error),
             tg_tidy(leaf_locks_exclude_each_other))
