/* test_threads.c - the library's own pool of worker threads. */
#include "base/threads.h"

#include "base/env.h"
#include "base/pages.h"
#include "base/thread.h"

#include "tg_test.h"

#include <fenv.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif
#ifndef UNDER_TSAN
#define UNDER_TSAN 0
#endif

enum { ITEMS = 10007 };

typedef struct {
    int64_t n, grain;
    _Atomic int seen[ITEMS];
    _Atomic int pieces, wrong;
} coverage;

static void cover(int64_t begin, int64_t end, void *ctx) {
    coverage *c = ctx;
    c->pieces++;
    if (begin % c->grain != 0 || (end != c->n && end - begin != c->grain) || end <= begin)
        c->wrong++;
    for (int64_t i = begin; i < end; i++)
        c->seen[i]++;
}

/* Every item once, in pieces that depend on n and grain only. */
static bool covers(int64_t n, int64_t grain) {
    coverage *c = calloc(1, sizeof *c);
    if (c == NULL)
        return false;
    c->n = n;
    c->grain = grain;
    tg__parallel_for(n, grain, cover, c);
    bool good = c->wrong == 0 && c->pieces == (n + grain - 1) / grain;
    for (int64_t i = 0; i < ITEMS; i++)
        good = good && c->seen[i] == (i < n ? 1 : 0);
    free(c);
    return good;
}

static void (*const nobody)(int);

static int reset(void **state) {
    (void)state;
    tg_set_log_hook(NULL, NULL);
    tg_set_interrupt_check(NULL, NULL);
    tg__threads_changed = nobody;
    return tg_set_num_threads(1) == TG_OK && tg__threads_started() == 0 ? 0 : -1;
}

static void note(tg_log_level level, const char *message, void *ctx) {
    (void)message;
    if (level == TG_LOG_WARN)
        ++*(int *)ctx;
}

/* First: it sees the state in which the library was loaded. */
static void the_default_is_the_cpus_allowed_and_nothing_is_started(void **state) {
    (void)state;
    cpu_set_t allowed;
    unsetenv("TENSORGRAD_NUM_THREADS");
    tg__env_reset();
    assert_int_equal(sched_getaffinity(0, sizeof allowed, &allowed), 0);
    assert_int_equal(tg__threads_started(), 0);
    assert_int_equal(tg_num_threads(), CPU_COUNT(&allowed));
    assert_int_equal(tg__threads_limit(), CPU_COUNT(&allowed));
    assert_int_equal(tg__threads_started(), 0);
    assert_true(covers(10, 10)); /* one piece needs no worker */
    assert_int_equal(tg__threads_started(), 0);
}

static void the_number_of_threads_is_checked(void **state) {
    (void)state;
    assert_ok(tg_set_num_threads(3));
    assert_int_equal(tg_num_threads(), 3);
    assert_fails(tg_set_num_threads(0), TG_ERR_ARG, "set_num_threads: n is 0, expected 1 to 1024");
    assert_fails(tg_set_num_threads(-1), TG_ERR_ARG, "n is -1");
    assert_fails(tg_set_num_threads(1025), TG_ERR_ARG, "n is 1025");
    assert_int_equal(tg_num_threads(), 3);
}

static int told;

static void tell(int n) { told = n; }

static void the_shim_hears_of_changes(void **state) {
    (void)state;
    tg__threads_changed = tell;
    told = 0;
    assert_ok(tg_set_num_threads(2));
    assert_int_equal(told, 2);
    assert_fails(tg_set_num_threads(9999), TG_ERR_ARG, "9999");
    assert_int_equal(told, 2);
}

static void every_item_is_handled_once(void **state) {
    (void)state;
    static const int64_t sizes[] = {1, 2, 7, 64, 1000, ITEMS};
    static const int64_t grains[] = {1, 3, 64, 1000, ITEMS, (int64_t)1 << 62};
    for (int threads = 1; threads <= 5; threads++) {
        assert_ok(tg_set_num_threads(threads));
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (size_t g = 0; g < sizeof grains / sizeof *grains; g++)
                if (!covers(sizes[s], grains[g]))
                    fail_msg("n %d grain %lld threads %d", (int)sizes[s], (long long)grains[g],
                             threads);
    }
}

static void never(int64_t begin, int64_t end, void *ctx) {
    (void)begin;
    (void)end;
    ++*(int *)ctx;
}

static void odd_sizes_do_no_harm(void **state) {
    (void)state;
    int calls = 0;
    tg__parallel_for(0, 10, never, &calls);
    tg__parallel_for(-5, 10, never, &calls);
    tg__parallel_for(INT64_MIN, INT64_MIN, never, &calls);
    assert_int_equal(calls, 0);
    tg__parallel_for(3, 0, never, &calls); /* taken as 1 */
    assert_int_equal(calls, 3);
    tg__parallel_for(INT64_MAX, INT64_MAX - 1, never, &calls);
    assert_int_equal(calls, 5);
}

static void workers_start_when_needed_and_end_when_not(void **state) {
    (void)state;
    assert_ok(tg_set_num_threads(8));
    assert_int_equal(tg__threads_started(), 0);
    assert_true(covers(3, 1));
    assert_int_equal(tg__threads_started(), 2); /* one piece is the caller's */
    assert_true(covers(1000, 1));
    assert_int_equal(tg__threads_started(), 7);
    assert_ok(tg_set_num_threads(3));
    assert_int_equal(tg__threads_started(), 2);
    assert_true(covers(1000, 1));
    assert_ok(tg_set_num_threads(8));
    assert_true(covers(1000, 1));
    assert_int_equal(tg__threads_started(), 7);
}

typedef struct {
    pthread_t caller;
    _Atomic bool helped;
    _Atomic int wrong;
} helper;

/* Holds the caller back until somebody else has taken a piece, for a second at most. */
static void wait_for_help(int64_t begin, int64_t end, void *ctx) {
    (void)begin;
    (void)end;
    helper *h = ctx;
    sigset_t blocked;
    if (!pthread_equal(pthread_self(), h->caller)) {
        pthread_sigmask(SIG_SETMASK, NULL, &blocked);
        if (sigismember(&blocked, SIGINT) != 1 || sigismember(&blocked, SIGUSR1) != 1 ||
            sigismember(&blocked, SIGSEGV) != 0)
            h->wrong++;
        if (fegetround() != FE_UPWARD || tg__threads_limit() != 1)
            h->wrong++;
        h->helped = true;
        return;
    }
    for (int i = 0; i < 1000 && !h->helped; i++)
        usleep(1000);
}

static void workers_take_part_with_the_callers_rounding_and_no_signals(void **state) {
    (void)state;
    assert_ok(tg_set_num_threads(2));
    assert_true(covers(100, 1)); /* the worker exists before the rounding changes */
    helper h = {.caller = pthread_self()};
    fesetround(FE_UPWARD);
    tg__parallel_for(2, 1, wait_for_help, &h);
    int rounding = fegetround();
    fesetround(FE_TONEAREST);
    assert_true(h.helped);
    assert_int_equal(h.wrong, 0);
    assert_int_equal(rounding, FE_UPWARD);
    usleep(20000); /* long enough to fall asleep, and to be woken again */
    h.helped = false;
    fesetround(FE_UPWARD);
    tg__parallel_for(2, 1, wait_for_help, &h);
    fesetround(FE_TONEAREST);
    assert_true(h.helped);
}

/* The caller's pieces are done at once, those of the workers take long. */
static void be_slow_elsewhere(int64_t begin, int64_t end, void *ctx) {
    (void)begin;
    (void)end;
    helper *h = ctx;
    if (pthread_equal(pthread_self(), h->caller)) {
        for (int i = 0; i < 1000 && !h->helped; i++)
            usleep(1000);
        return;
    }
    h->helped = true;
    usleep(30000);
    h->wrong--;
}

static void a_region_ends_when_the_last_piece_is_done(void **state) {
    (void)state;
    assert_ok(tg_set_num_threads(2));
    for (int i = 0; i < 3; i++) {
        helper h = {.caller = pthread_self(), .wrong = 1};
        tg__parallel_for(2, 1, be_slow_elsewhere, &h);
        assert_int_equal(h.wrong, 0);
    }
}

static void nest(int64_t begin, int64_t end, void *ctx) {
    (void)begin;
    (void)end;
    int before = tg__threads_limit();
    if (before != 1 || !covers(50, 7) || tg__threads_limit() != 1)
        ++*(_Atomic int *)ctx;
}

static void nested_regions_run_serially(void **state) {
    (void)state;
    assert_ok(tg_set_num_threads(4));
    _Atomic int wrong = 0;
    tg__parallel_for(200, 1, nest, &wrong);
    assert_int_equal(wrong, 0);
    assert_int_equal(tg__threads_limit(), 4);
}

static void *many_regions(void *arg) {
    bool good = true;
    for (int i = 0; i < 300; i++)
        good = covers(500 + i, 1 + i % 50) && good;
    *(bool *)arg = good;
    return NULL;
}

static void callers_share_one_pool(void **state) {
    (void)state;
    assert_ok(tg_set_num_threads(3));
    pthread_t threads[4];
    bool good[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, many_regions, &good[i]), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 4; i++)
        assert_true(good[i]);
    assert_true(tg__threads_started() <= 2);
}

static void *change_number(void *arg) {
    _Atomic bool *stop = arg;
    for (int n = 1; !*stop; n = n % 5 + 1)
        if (tg_set_num_threads(n) != TG_OK)
            return arg;
    return NULL;
}

static void the_number_may_change_while_regions_run(void **state) {
    (void)state;
    _Atomic bool stop = false;
    pthread_t changer;
    assert_int_equal(pthread_create(&changer, NULL, change_number, &stop), 0);
    bool good = false;
    many_regions(&good);
    stop = true;
    void *failed = NULL;
    pthread_join(changer, &failed);
    assert_true(good);
    assert_null(failed);
}

/* ---- Processes
 * ----------------------------------------------------------------------------------- */

/* Runs f in a forked child, for 20 seconds at most; returns what it returned. */
static int in_child(int (*f)(void)) {
    pid_t pid = fork();
    if (pid == 0) {
        alarm(20);
        _exit(f());
    }
    int status = -1;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

static int use_pool(void) {
    if (tg__threads_started() != 0)
        return 1;
    for (int i = 0; i < 50; i++)
        if (!covers(1000, 1))
            return 2;
    if (tg__threads_started() != 3)
        return 3;
    return tg_set_num_threads(1) == TG_OK && tg__threads_started() == 0 ? 0 : 4;
}

static void a_forked_child_starts_its_own_workers(void **state) {
    (void)state;
    if (UNDER_TSAN)
        tg_skip("ThreadSanitizer has no threads in a child that was forked among threads");
    assert_ok(tg_set_num_threads(4));
    for (int i = 0; i < 10; i++) {
        assert_true(covers(1000, 1));
        assert_int_equal(in_child(use_pool), 0);
    }
    assert_true(covers(1000, 1));
    assert_int_equal(tg__threads_started(), 3);
}

static void a_child_forked_while_others_compute_has_a_free_pool(void **state) {
    (void)state;
    if (UNDER_TSAN || TG__ALLOC_DIRECT)
        tg_skip("the sanitizers' own locks do not survive a fork among threads");
    assert_ok(tg_set_num_threads(4));
    pthread_t threads[2];
    bool good[2];
    int bad = 0;
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, many_regions, &good[i]), 0);
    for (int i = 0; i < 5; i++)
        bad += in_child(use_pool) != 0;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(bad, 0);
    assert_true(good[0] && good[1]);
}

/* Where this user may have no more threads. */
static int work_without_threads(void) {
    struct rlimit none = {0, 0};
    int warnings = 0;
    tg_set_log_hook(note, &warnings);
    if (getuid() == 0 && setuid(65534) != 0)
        return 50;
    if (setrlimit(RLIMIT_NPROC, &none) != 0)
        return 51;
    if (tg_set_num_threads(4) != TG_OK)
        return 1;
    for (int i = 0; i < 10; i++)
        if (!covers(1000, 1))
            return 2;
    if (tg__threads_started() != 0)
        return 52; /* a machine that does not keep the limit */
    if (warnings != 1 || tg__threads_limit() != 1)
        return 3;
    return 0;
}

static void without_threads_the_caller_works_alone_and_says_so_once(void **state) {
    (void)state;
    int code = in_child(work_without_threads);
    if (code >= 50 && code < 60)
        tg_skip("this machine cannot forbid threads (%d)", code);
    assert_int_equal(code, 0);
}

static void sleep_a_little(int64_t begin, int64_t end, void *ctx) {
    (void)begin;
    (void)end;
    *(_Atomic bool *)ctx = true;
    usleep(1000);
}

static void *compute_for_long(void *arg) {
    for (;;)
        tg__parallel_for(1000, 1, sleep_a_little, arg);
    return NULL;
}

/* exit runs the library's destructor, idle and busy. */
static int exit_idle(void) {
    if (tg_set_num_threads(4) != TG_OK || !covers(1000, 1))
        return 1;
    exit(0);
}

static int exit_busy(void) {
    static _Atomic bool running;
    pthread_t thread;
    if (tg_set_num_threads(4) != TG_OK ||
        pthread_create(&thread, NULL, compute_for_long, &running) != 0)
        return 1;
    while (!running)
        usleep(100);
    exit(0);
}

static void the_process_may_end_at_any_time(void **state) {
    (void)state;
    assert_int_equal(in_child(exit_idle), 0);
    assert_int_equal(in_child(exit_busy), 0);
}

/* ---- Interrupts
 * ---------------------------------------------------------------------------------- */

typedef struct {
    int polls;
    bool answer;
} asked;

static bool ask(void *ctx) {
    asked *a = ctx;
    a->polls++;
    return a->answer;
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void the_check_is_asked_20_times_a_second_at_most(void **state) {
    (void)state;
    assert_false(tg__interrupted());
    asked a = {0};
    tg_set_interrupt_check(ask, &a);
    tg__self()->interrupt_polled_ns = 0;
    double start = seconds();
    while (seconds() < start + 0.3)
        assert_false(tg__interrupted());
    double took = seconds() - start;
    assert_in_range(a.polls, 3, (uintmax_t)(took * 20) + 1);
}

static void an_interrupt_is_told_when_asked_and_not_kept(void **state) {
    (void)state;
    asked a = {.answer = true};
    tg_set_interrupt_check(ask, &a);
    tg__self()->interrupt_polled_ns = 0;
    assert_true(tg__interrupted());
    assert_false(tg__interrupted()); /* not asked again so soon */
    assert_int_equal(a.polls, 1);
    usleep(60000);
    a.answer = false;
    assert_false(tg__interrupted());
    assert_int_equal(a.polls, 2);
    usleep(60000);
    tg_set_interrupt_check(NULL, NULL);
    assert_false(tg__interrupted());
    assert_int_equal(a.polls, 2);
}

#define TEST(f) cmocka_unit_test_teardown(f, reset)

/* ctest: threads serial */
TG_TEST_MAIN(TEST(the_default_is_the_cpus_allowed_and_nothing_is_started),
             TEST(the_number_of_threads_is_checked), TEST(the_shim_hears_of_changes),
             TEST(every_item_is_handled_once), TEST(odd_sizes_do_no_harm),
             TEST(workers_start_when_needed_and_end_when_not),
             TEST(workers_take_part_with_the_callers_rounding_and_no_signals),
             TEST(a_region_ends_when_the_last_piece_is_done), TEST(nested_regions_run_serially),
             TEST(callers_share_one_pool), TEST(the_number_may_change_while_regions_run),
             TEST(a_forked_child_starts_its_own_workers),
             TEST(a_child_forked_while_others_compute_has_a_free_pool),
             TEST(without_threads_the_caller_works_alone_and_says_so_once),
             TEST(the_process_may_end_at_any_time),
             TEST(the_check_is_asked_20_times_a_second_at_most),
             TEST(an_interrupt_is_told_when_asked_and_not_kept))
