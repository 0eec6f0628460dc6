/* test_thread.c - the block of state that each thread has: made on its first call, gone at its end.
 *
 * Threads here only gather; assertions are made on the main thread. */
/* ctest: threads */
#include "base/thread.h"

#include "base/error.h"

#include "tg_tidy.h"

#include <tensorgrad/tensorgrad.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

static void run(void *(*body)(void *), void *ctx) {
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, body, ctx), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

/* ---- The block ---- */

/* What a thread finds on its first call. */
static bool is_fresh(const tg__thread *t) {
    return t->usable && t->grad_on && !t->in_parallel && t->id != 0 && t->n_levels == 0 &&
           t->n_entries == 0 && t->lost_levels == 0 && t->barrier == 0 && t->clock == 0 &&
           t->error_status == TG_OK && t->message[0] == '\0' && t->exit_hook == NULL &&
           t->engine == NULL && t->generator == NULL && t->info == NULL && t->dead_nodes == NULL &&
           !t->destroying && t->site_file == NULL && t->levels == t->first_levels &&
           t->cap_levels == TG__FIRST_LEVELS && t->entries == t->first_entries &&
           t->cap_entries == TG__FIRST_ENTRIES;
}

static void a_thread_keeps_its_block(void **state) {
    (void)state;
    tg__thread *t = tg__self();
    assert_non_null(t);
    assert_true(t->usable);
    assert_int_not_equal(t->id, 0);
    tg_release(tg_zeros(TG_F32, TG_SHAPE(3)));
    assert_ptr_equal(tg__self(), t);
    assert_ptr_equal(tg__thread_block, t);
}

/* More threads than there are static blocks, all at once. */
enum { MANY = 40 };

typedef struct {
    pthread_barrier_t *meet;
    int number;
    tg__thread *block;
    uint32_t id;
    bool fresh, kept;
} member;

static void *be_different(void *arg) {
    member *m = arg;
    m->block = tg__self();
    m->fresh = is_fresh(m->block);
    m->id = m->block->id;
    tg__fail(TG_ERR_SHAPE, "thread", "number %d", m->number);
    tg_set_grad_enabled(m->number % 2 == 0);
    tg_scope s = tg_scope_open();
    for (int i = 0; i < m->number; i++)
        tg_zeros(TG_F32, TG_SHAPE(4));
    pthread_barrier_wait(m->meet); /* all are there */
    pthread_barrier_wait(m->meet); /* the main thread has counted */
    char expected[32];
    snprintf(expected, sizeof expected, "thread: number %d", m->number);
    m->kept = tg__self() == m->block && tg_grad_enabled() == (m->number % 2 == 0) &&
              strcmp(tg_error_message(), expected) == 0 && tg_scope_close(s) == TG_OK &&
              tg_error_status() == TG_ERR_SHAPE;
    return NULL;
}

static void many_threads_have_blocks_of_their_own(void **state) {
    (void)state;
    pthread_barrier_t meet;
    pthread_t thread[MANY];
    member m[MANY];
    assert_int_equal(pthread_barrier_init(&meet, NULL, MANY + 1), 0);
    for (int i = 0; i < MANY; i++) {
        m[i] = (member){.meet = &meet, .number = i};
        assert_int_equal(pthread_create(&thread[i], NULL, be_different, &m[i]), 0);
    }
    pthread_barrier_wait(&meet);
    int64_t tensors = tg_live_tensors();
    int64_t storages = tg_live_storages();
    pthread_barrier_wait(&meet);
    for (int i = 0; i < MANY; i++)
        pthread_join(thread[i], NULL);
    pthread_barrier_destroy(&meet);
    assert_int_equal(tensors, MANY * (MANY - 1) / 2);
    assert_int_equal(storages, MANY * (MANY - 1) / 2);
    for (int i = 0; i < MANY; i++) {
        assert_true(m[i].fresh);
        assert_true(m[i].kept);
        assert_true(m[i].id != 0 && m[i].id != tg__self()->id && m[i].block != tg__self());
        for (int k = 0; k < i; k++)
            assert_true(m[k].id != m[i].id && m[k].block != m[i].block);
    }
}

typedef struct {
    bool with_info; /* which takes a lock of the C library's that no child of a fork can rely on */
    bool fresh;
    uint32_t id;
} visit;

static void *leave_a_mess(void *arg) {
    visit *v = arg;
    v->fresh = is_fresh(tg__self());
    v->id = tg__self()->id;
    tg_set_grad_enabled(false);
    tg_site("mess", 1);
    if (v->with_info)
        tg_build_info();
    tg_manual_seed(3);
    for (int i = 0; i < 2 * TG__FIRST_LEVELS; i++) {
        tg_scope_open();
        for (int k = 0; k < 4; k++)
            tg_zeros(TG_F32, TG_SHAPE(3));
    }
    tg__fail(TG_ERR_IO, "thread", "left behind");
    return NULL;
}

/* Blocks are used again; what the last owner left is not seen. */
static void a_used_block_begins_anew(void **state) {
    (void)state;
    uint32_t last = 0;
    for (int i = 0; i < 30; i++) {
        visit v = {.with_info = true};
        run(leave_a_mess, &v);
        assert_true(v.fresh);
        assert_int_not_equal(v.id, last);
        last = v.id;
        assert_int_equal(tg_live_tensors(), 0);
    }
}

/* ---- Counters ---- */

static void *count(void *arg) {
    tg__thread *t = tg__self();
    int64_t *by = arg;
    tg__count(&t->live_tensors, by[TG__COUNT_TENSORS]);
    tg__count(&t->live_nodes, by[TG__COUNT_NODES]);
    tg__count(&t->live_storages, by[TG__COUNT_STORAGES]);
    return NULL;
}

static void counters_are_summed_over_living_and_ended_threads(void **state) {
    (void)state;
    int64_t up[] = {5, 7, 11};
    int64_t down[] = {-5, -7, -11};
    int64_t before[] = {tg__thread_total(TG__COUNT_TENSORS), tg__thread_total(TG__COUNT_NODES),
                        tg__thread_total(TG__COUNT_STORAGES)};
    for (int i = 0; i < 12; i++)
        run(count, up);
    assert_int_equal(tg__thread_total(TG__COUNT_TENSORS) - before[0], 12 * 5);
    assert_int_equal(tg__thread_total(TG__COUNT_NODES) - before[1], 12 * 7);
    assert_int_equal(tg__thread_total(TG__COUNT_STORAGES) - before[2], 12 * 11);
    assert_int_equal(tg_live_tensors() - before[0], 12 * 5);
    for (int i = 0; i < 11; i++)
        run(count, down);
    count(down); /* what others made may go here: a thread's share may be negative */
    assert_int_equal(tg__thread_total(TG__COUNT_TENSORS), before[0]);
    assert_int_equal(tg__thread_total(TG__COUNT_NODES), before[1]);
    assert_int_equal(tg__thread_total(TG__COUNT_STORAGES), before[2]);
}

enum { REQUESTS = 50, REQUEST_BYTES = 320 };

static void *take_blocks(void *arg) {
    for (int i = 0; i < REQUESTS; i++)
        ((void **)arg)[i] = tg__alloc(REQUEST_BYTES);
    return NULL;
}

static void memory_is_counted_past_the_end_of_a_thread(void **state) {
    (void)state;
    void *block[REQUESTS];
    int64_t bytes = tg__thread_total(TG__COUNT_BYTES);
    int64_t requests = tg__thread_total(TG__COUNT_REQUESTS);
    run(take_blocks, block);
    assert_true(tg__thread_total(TG__COUNT_BYTES) - bytes >= REQUESTS * REQUEST_BYTES);
    assert_int_equal(tg__thread_total(TG__COUNT_REQUESTS) - requests, REQUESTS);
    for (int i = 0; i < REQUESTS; i++) {
        assert_non_null(block[i]);
        tg__free(block[i], REQUEST_BYTES);
    }
    assert_int_equal(tg__thread_total(TG__COUNT_BYTES), bytes);
}

/* ---- The end of a thread ---- */

static int order[4];
static tg__thread *hooked[4];
static bool own_block[4];
static int hooks;

static void note(int which, tg__thread *t) {
    if (hooks < 4) {
        order[hooks] = which;
        own_block[hooks] = tg__self() == t;
        hooked[hooks++] = t;
    }
}
static void on_exit_hook(tg__thread *t) { note(1, t); }
static void on_generator_free(tg__thread *t) { note(2, t); }
static void on_engine_free(tg__thread *t) { note(3, t); }

static void *set_hooks(void *arg) {
    tg__thread *t = *(tg__thread **)arg = tg__self();
    t->exit_hook = on_exit_hook;
    t->generator_free = on_generator_free;
    t->engine_free = on_engine_free;
    return NULL;
}

static void hooks_run_once_at_the_end_of_their_thread(void **state) {
    (void)state;
    tg__thread *t = NULL;
    hooks = 0;
    run(set_hooks, &t);
    assert_int_equal(hooks, 3);
    for (int i = 0; i < 3; i++) { /* scopes first: what they hold may use the rest */
        assert_int_equal(order[i], i + 1);
        assert_ptr_equal(hooked[i], t);
        assert_true(own_block[i]);
    }
}

static _Atomic int deleted;

/* Does what a deleter may: makes tensors, leaves a scope open, raises an error. */
static void busy_deleter(void *ctx) {
    (void)ctx;
    tg_scope_open();
    tg_add(tg_ones(TG_F32, TG_SHAPE(2)), tg_ones(TG_F32, TG_SHAPE(3)));
    tg_randn(TG_F32, TG_SHAPE(5), NULL);
    atomic_fetch_add(&deleted, 1);
}

static void *end_with_open_scopes(void *arg) {
    static float data[2];
    (void)arg;
    for (int i = 0; i < 20; i++) {
        tg_scope_open();
        tg_from_blob(data, TG_F32, TG_SHAPE(2), NULL, busy_deleter, NULL);
        tg_exp(tg_requires_grad_(tg_ones(TG_F32, TG_SHAPE(2)), true));
    }
    tg_backward(tg_sum(tg_requires_grad_(tg_ones(TG_F32, TG_SHAPE(2)), true), TG_ALL, false));
    return NULL;
}

static void the_end_of_a_thread_closes_its_scopes(void **state) {
    (void)state;
    atomic_store(&deleted, 0);
    for (int i = 0; i < 10; i++)
        run(end_with_open_scopes, NULL);
    assert_int_equal(atomic_load(&deleted), 10 * 20);
    assert_int_equal(tg_live_tensors(), 0);
    assert_int_equal(tg_live_nodes(), 0);
}

/* A key of the program's, whose destructor runs when the library has said goodbye to the thread
 * already, and calls it again. */
static pthread_key_t late;
static _Atomic int late_calls;

static void call_late(void *value) {
    tg_scope_open();
    tg_tensor *x = tg_ones(TG_F64, TG_SHAPE(3));
    if (tg_item(tg_sum(x, TG_ALL, false)) == 3 && value != NULL)
        atomic_fetch_add(&late_calls, 1);
}

static void *with_late_call(void *arg) {
    tg_release(tg_zeros(TG_F32, TG_SHAPE(2)));
    pthread_setspecific(late, arg);
    return NULL;
}

static void calls_from_later_destructors_work(void **state) {
    (void)state;
    tg__self(); /* so that the library's key comes first, and its destructor with it */
    assert_int_equal(pthread_key_create(&late, call_late), 0);
    for (int i = 0; i < 20; i++)
        run(with_late_call, &late);
    pthread_key_delete(late);
    assert_int_equal(atomic_load(&late_calls), 20);
    assert_int_equal(tg_live_tensors(), 0);
}

/* ---- Fork ---- */

#define CHILD_SECONDS 20

/* Runs body in a child and returns its exit code; -1 if it died or hung. */
static int in_child(int (*body)(void)) {
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(CHILD_SECONDS);
        _exit(body());
    }
    int status = 0;
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static tg__thread *parent_block;
static uint32_t parent_id;

static int child_goes_on(void) {
    if (tg__self() != parent_block || tg__self()->id != parent_id || tg_live_tensors() != 1)
        return 1;
    if (tg_error_status() != TG_ERR_IO || strcmp(tg_error_message(), "parent: an error") != 0)
        return 2;
    for (int i = 0; i < 20; i++) {
        visit v = {0};
        pthread_t thread;
        if (pthread_create(&thread, NULL, leave_a_mess, &v) != 0 ||
            pthread_join(thread, NULL) != 0 || !v.fresh || v.id == parent_id)
            return 3;
    }
    return tg_live_tensors() == 1 ? 0 : 4;
}

static void *fork_here(void *arg) {
    parent_block = tg__self();
    parent_id = parent_block->id;
    tg_tensor *x = tg_zeros(TG_F32, TG_SHAPE(2));
    tg__fail(TG_ERR_IO, "parent", "an error");
    *(int *)arg = in_child(child_goes_on);
    tg_release(x);
    return NULL;
}

static void a_child_goes_on_with_the_block_of_the_thread_that_forked(void **state) {
    (void)state;
#ifdef __SANITIZE_THREAD__
    tg_skip("ThreadSanitizer lets no child of a threaded program start threads");
#endif
    int code = -1;
    fork_here(&code);
    assert_int_equal(code, 0);
    run(fork_here, &code);
    assert_int_equal(code, 0);
}

static _Atomic bool stop;

static void *come_and_go(void *arg) {
    while (!atomic_load(&stop)) {
        pthread_t thread;
        visit v = {0};
        if (pthread_create(&thread, NULL, leave_a_mess, &v) == 0)
            pthread_join(thread, NULL);
        tg_live_tensors();
    }
    return arg;
}

static int child_makes_threads(void) {
    visit v = {0};
    pthread_t thread;
    if (pthread_create(&thread, NULL, leave_a_mess, &v) != 0 || pthread_join(thread, NULL) != 0)
        return 1;
    return v.fresh && tg_live_tensors() >= 0 ? 0 : 2;
}

static void fork_while_threads_come_and_go(void **state) {
    (void)state;
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    tg_skip("the sanitizer's own locks do not survive this");
#endif
    pthread_t thread[2];
    int failed = 0;
    atomic_store(&stop, false);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, come_and_go, NULL), 0);
    for (int i = 0; i < 40 && failed == 0; i++)
        failed = in_child(child_makes_threads);
    atomic_store(&stop, true);
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(failed, 0);
}

/* ---- Without a block ---- */

#define assert_no_memory(call)                                                                     \
    do {                                                                                           \
        tg_tensor *result_ = call;                                                                 \
        assert_null(result_);                                                                      \
        assert_int_equal(tg_error_status(), TG_ERR_MEMORY);                                        \
    } while (0)

/* A thread that can get no block shares one, which is not written: here it cannot be. */
static void without_a_block_every_call_fails_cleanly(void **state) {
    (void)state;
    tg_tensor *x = tg_ones(TG_F64, TG_SHAPE(2, 2));
    tg_tensor *w = tg_requires_grad_(tg_ones(TG_F64, TG_SHAPE(2, 2)), true);
    tg_tensor *y = tg_sum(w, TG_ALL, false);
    size_t bytes = (sizeof(tg__thread) + 4095) / 4096 * 4096;
    void *none = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(none != MAP_FAILED);
    tg__thread *own = tg__thread_block;
    tg__thread_block = none;

    assert_no_memory(tg_zeros(TG_F32, TG_SHAPE(2)));
    assert_no_memory(tg_from_array(TG_F32, TG_0D, (const float[]){1}));
    assert_no_memory(tg_rand(TG_F32, TG_SHAPE(2), NULL));
    assert_no_memory(tg_add(x, x));
    assert_no_memory(tg_add_(x, x));
    assert_no_memory(tg_add_scalar(x, 1));
    assert_no_memory(tg_mse_loss(x, x, TG_REDUCE_MEAN));
    assert_no_memory(tg_std(x, TG_ALL, 1, false));
    assert_no_memory(tg_cross_entropy(x, x, NULL));
    assert_no_memory(tg_view(x, TG_SHAPE(4)));
    assert_no_memory(tg_detach(x));
    assert_no_memory(tg_requires_grad_(x, true));
    assert_null(tg_data_mut(x));
    assert_int_equal(tg_backward(y), TG_ERR_MEMORY);
    tg_tensor *g = x;
    assert_int_equal(tg_gradients(&y, 1, &w, 1, NULL, &g), TG_ERR_MEMORY);
    assert_null(g);
    assert_int_equal(tg_set_grad(w, x), TG_ERR_MEMORY);
    assert_int_equal(tg_zero_grad(&w, 1), TG_ERR_MEMORY);
    assert_int_equal(tg_manual_seed(1), TG_ERR_MEMORY);
    assert_null(tg_sgd_new(&w, 1, NULL));
    tg_scope s = tg_scope_open();
    assert_int_equal(tg_scope_close(s), TG_ERR_MEMORY);
    assert_null(tg_scope_return(s, x));
    tg_set_grad_enabled(true);
    tg_error_clear();
    tg_site("file", 1);
    assert_int_equal(tg_error_status(), TG_ERR_MEMORY);
    assert_contains(tg_error_message(), "out of memory");
    assert_string_equal(tg_error_op(), "");
    assert_true(tg_item(y) == 4); /* reading needs nothing */
    assert_contains(tg_build_info(), "tensorgrad ");
    tg_release(tg_retain(x));

    tg__thread_block = own;
    munmap(none, bytes);
    assert_true(tg_item(y) == 4);
    assert_int_equal(tg_live_tensors(), 3);
    tg_release(x);
    tg_release(w);
    tg_release(y);
}

/* The real thing: more threads than static blocks, and no memory for another one. */
enum { WAITING = 9 };
static _Atomic int arrived, may_go;
static tg_tensor *to_release[WAITING];
static bool refused[WAITING];

/* Takes what the C library still has for the calling thread; each has an arena of its own. */
static void use_up_memory(void) {
    for (size_t bytes = 1 << 16; bytes >= 16; bytes /= 2)
        while (malloc(bytes) != NULL)
            continue;
}

static void *wait_then_release(void *arg) {
    int me = (int)(intptr_t)arg;
    atomic_fetch_add(&arrived, 1);
    while (!atomic_load(&may_go))
        sched_yield();
    use_up_memory();
    refused[me] = !tg__self()->usable && tg_zeros(TG_F32, TG_SHAPE(2)) == NULL &&
                  tg_error_status() == TG_ERR_MEMORY;
    tg_release(to_release[me]);
    atomic_fetch_sub(&arrived, 1);
    while (atomic_load(&arrived) > 0) /* or their blocks would be used again */
        sched_yield();
    return NULL;
}

static int child_runs_out_of_blocks(void) {
    pthread_t thread[WAITING];
    int without = 0;
    for (intptr_t i = 0; i < WAITING; i++) {
        to_release[i] = tg_ones(TG_F32, TG_SHAPE(2));
        if (to_release[i] == NULL ||
            pthread_create(&thread[i], NULL, wait_then_release, (void *)i) != 0)
            return 1;
    }
    while (atomic_load(&arrived) < WAITING)
        sched_yield();
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_AS, &none);
    use_up_memory();
    atomic_store(&may_go, 1);
    for (int i = 0; i < WAITING; i++) {
        pthread_join(thread[i], NULL);
        without += refused[i];
    }
    if (without == 0)
        return 77;
    return tg_live_tensors() == 0 && tg_live_storages() == 0 ? 0 : 2;
}

static void a_thread_without_a_block_can_give_tensors_back(void **state) {
    (void)state;
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    tg_skip("a sanitizer needs the memory that this takes away");
#endif
    int code = in_child(child_runs_out_of_blocks);
    if (code == 77)
        tg_skip("every thread got a block: there was memory left");
    assert_int_equal(code, 0);
}

TG_TEST_MAIN(tg_tidy(a_thread_keeps_its_block), tg_tidy(many_threads_have_blocks_of_their_own),
             tg_tidy(a_used_block_begins_anew),
             tg_tidy(counters_are_summed_over_living_and_ended_threads),
             tg_tidy(memory_is_counted_past_the_end_of_a_thread),
             tg_tidy(hooks_run_once_at_the_end_of_their_thread),
             tg_tidy(the_end_of_a_thread_closes_its_scopes),
             tg_tidy(calls_from_later_destructors_work),
             tg_tidy(a_child_goes_on_with_the_block_of_the_thread_that_forked),
             tg_tidy(fork_while_threads_come_and_go),
             tg_tidy(without_a_block_every_call_fails_cleanly),
             tg_tidy(a_thread_without_a_block_can_give_tensors_back))
