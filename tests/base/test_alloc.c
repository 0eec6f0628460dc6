/* test_alloc.c - the caching pool. */
#include "base/alloc.h"

#include "base/env.h"
#include "base/pages.h"
#include "base/thread.h"

#include "tg_test.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static tg_memory_stats_t stats(void) {
    tg_memory_stats_t s = TG_MEMORY_STATS_INIT;
    assert_ok(tg_memory_stats(&s));
    return s;
}

static uint32_t next_random(uint32_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Nothing is in use at the end of a test, and all of it can be given back. */
static int all_is_returned(void **state) {
    (void)state;
    tg__alloc_fail_at(0, false);
    unsetenv("TENSORGRAD_POOL_MAX");
    tg__env_reset();
    tg_memory_trim(0);
    tg_memory_stats_t s = TG_MEMORY_STATS_INIT;
    if (tg_memory_stats(&s) != TG_OK || s.bytes_in_use != 0 || s.bytes_held != 0) {
        print_error("%llu bytes in use, %llu held\n", (unsigned long long)s.bytes_in_use,
                    (unsigned long long)s.bytes_held);
        return -1;
    }
    return tg_set_allocator(NULL) == TG_OK ? 0 : -1;
}

static void blocks_are_aligned_and_writable(void **state) {
    (void)state;
    for (size_t bytes = 0; bytes < 70000; bytes += bytes < 2048 ? 1 : 61) {
        size_t sizes[2] = {bytes, bytes & ~(size_t)63};
        for (int i = 0; i < 2; i++) {
            char *block = tg__alloc(sizes[i]);
            assert_non_null(block);
            assert_int_equal((uintptr_t)block % 16, 0);
            if (sizes[i] >= 64 && sizes[i] % 64 == 0)
                assert_int_equal((uintptr_t)block % 64, 0);
            memset(block, 0x5a, sizes[i]);
            tg__free(block, sizes[i]);
        }
    }
}

typedef struct {
    unsigned char *block;
    size_t bytes;
    unsigned char tag;
} piece;

static void fill(piece *p, uint32_t *random) {
    uint32_t r = next_random(random);
    p->bytes = r % 16 == 0 ? r % 200000 : r % 4 == 0 ? r % 5000 : r % 400;
    p->tag = (unsigned char)(r >> 24);
    p->block = tg__alloc(p->bytes);
    if (p->block != NULL)
        memset(p->block, p->tag, p->bytes);
}

/* Frees it; false if somebody wrote into it. */
static bool check_and_free(piece *p) {
    bool intact = true;
    for (size_t i = 0; i < p->bytes; i++)
        intact = intact && p->block[i] == p->tag;
    tg__free(p->block, p->bytes);
    p->block = NULL;
    return intact;
}

static void blocks_do_not_overlap(void **state) {
    (void)state;
    enum { PIECES = 3000 };
    static piece pieces[PIECES];
    uint32_t random = 12345;
    for (int i = 0; i < 60000; i++) {
        piece *p = &pieces[next_random(&random) % PIECES];
        if (p->block != NULL)
            assert_true(check_and_free(p));
        else
            fill(p, &random);
    }
    for (int i = 0; i < PIECES; i++)
        if (pieces[i].block != NULL)
            assert_true(check_and_free(&pieces[i]));
}

static void blocks_of_no_bytes_are_distinct(void **state) {
    (void)state;
    void *a = tg__alloc(0);
    void *b = tg__alloc(0);
    void *c = tg__alloc_zero(0);
    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(c);
    assert_ptr_not_equal(a, b);
    tg__free(a, 0);
    tg__free(b, 0);
    tg__free(c, 0);
    tg__free(NULL, 0);
    tg__free(NULL, 100000);
}

static void statistics_count_bytes_and_requests(void **state) {
    (void)state;
    tg_memory_stats_t before = stats();
    void *a = tg__alloc(100);
    void *b = tg__alloc(1000000);
    void *c = tg__alloc_zero(31);
    tg_memory_stats_t now = stats();
    assert_int_equal(now.bytes_in_use - before.bytes_in_use, 1000131);
    assert_int_equal(now.requests - before.requests, 3);
    assert_true(now.bytes_held >= 1000131);
    assert_true(now.system_allocs > before.system_allocs);
    tg__free(a, 100);
    tg__free(b, 1000000);
    tg__free(c, 31);
    now = stats();
    assert_int_equal(now.bytes_in_use, before.bytes_in_use);
    assert_int_equal(now.requests - before.requests, 3);
}

static void statistics_need_a_known_size(void **state) {
    (void)state;
    assert_fails(tg_memory_stats(NULL), TG_ERR_ARG, "memory_stats: stats is NULL");
    tg_memory_stats_t s = {0};
    assert_fails(tg_memory_stats(&s), TG_ERR_ARG, "TG_MEMORY_STATS_INIT");
    s.size = sizeof s + 8;
    assert_fails(tg_memory_stats(&s), TG_ERR_ARG, "expected");
}

static void one_step(void **blocks, size_t *sizes, int n) {
    for (int i = 0; i < n; i++) {
        blocks[i] = tg__alloc(sizes[i]);
        assert_non_null(blocks[i]);
        memset(blocks[i], i, sizes[i]);
    }
    for (int i = 0; i < n; i++)
        tg__free(blocks[i], sizes[i]);
}

static void a_steady_step_asks_the_system_for_nothing(void **state) {
    (void)state;
    if (TG__ALLOC_DIRECT)
        tg_skip("the pool steps aside for AddressSanitizer");
    enum { N = 2000 };
    static void *blocks[N];
    static size_t sizes[N];
    uint32_t random = 7;
    for (int i = 0; i < N; i++)
        sizes[i] = next_random(&random) % (i % 20 == 0 ? 300000u : 3000u);
    for (int i = 0; i < 3; i++)
        one_step(blocks, sizes, N);
    uint64_t calls = stats().system_allocs;
    struct rusage before;
    struct rusage after;
    getrusage(RUSAGE_SELF, &before);
    for (int i = 0; i < 50; i++)
        one_step(blocks, sizes, N);
    getrusage(RUSAGE_SELF, &after);
    assert_int_equal(stats().system_allocs, calls);
#ifndef __SANITIZE_THREAD__ /* ThreadSanitizer's shadow memory faults by itself */
    assert_in_range(after.ru_minflt - before.ru_minflt, 0, 5); /* the stack may grow once */
#endif
}

static void large_blocks_are_reused_within_a_quarter(void **state) {
    (void)state;
    if (TG__ALLOC_DIRECT)
        tg_skip("the pool steps aside for AddressSanitizer");
    char *a = tg__alloc(1 << 20);
    tg__free(a, 1 << 20);
    char *b = tg__alloc((1 << 20) - 1000); /* its own class */
    assert_ptr_equal(a, b);
    tg__free(b, (1 << 20) - 1000);
    b = tg__alloc(900000); /* the same class still */
    assert_ptr_equal(a, b);
    tg__free(b, 900000);
    b = tg__alloc(800000); /* the next smaller one: 7/8 */
    assert_ptr_equal(a, b);
    memset(b, 1, 800000);
    tg__free(b, 800000);
    b = tg__alloc(1 << 20); /* it kept its size */
    assert_ptr_equal(a, b);
    memset(b, 2, 1 << 20);
    tg__free(b, 1 << 20);
    b = tg__alloc(600000); /* two classes below: too much waste */
    assert_ptr_not_equal(a, b);
    tg__free(b, 600000);
}

static void zeroed_blocks_are_zero(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 16, 100, 4096, 32768, 32769, 1 << 20, (3 << 20) + 5};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int round = 0; round < 3; round++) {
            unsigned char *block = tg__alloc_zero(sizes[s]);
            assert_non_null(block);
            for (size_t i = 0; i < sizes[s]; i++)
                if (block[i] != 0)
                    fail_msg("byte %zu of %zu is %d in round %d", i, sizes[s], block[i], round);
            memset(block, 0xff, sizes[s]);
            tg__free(block, sizes[s]);
        }
}

static void growing_keeps_the_content(void **state) {
    (void)state;
    unsigned char *block = tg__realloc(NULL, 0, 10);
    assert_non_null(block);
    size_t bytes = 10;
    memset(block, 0, bytes);
    block[9] = 9;
    while (bytes < 1000000) {
        size_t more = bytes * 2 + 3;
        unsigned char *grown = tg__realloc(block, bytes, more);
        assert_non_null(grown);
        block = grown;
        assert_int_equal(block[9], 9);
        memset(block + bytes, 1, more - bytes);
        bytes = more;
    }
    block = tg__realloc(block, bytes, 20);
    assert_non_null(block);
    assert_int_equal(block[9], 9);

    tg__alloc_fail_at(1, false);
    assert_null(tg__realloc(block, 20, 2000));
    assert_int_equal(block[9], 9);
    assert_null(tg__realloc(block, 20, SIZE_MAX));
    tg__free(block, 20);
}

static void absurd_sizes_fail_at_once(void **state) {
    (void)state;
    tg_memory_stats_t before = stats();
    assert_null(tg__alloc(SIZE_MAX));
    assert_null(tg__alloc(SIZE_MAX / 2));
    assert_null(tg__alloc(SIZE_MAX / 4 + 1));
    assert_null(tg__alloc_zero(SIZE_MAX - 100));
    assert_int_equal(stats().system_allocs, before.system_allocs);
    assert_null(tg__alloc(SIZE_MAX / 4));
    assert_null(tg__alloc((size_t)1 << 45));
    assert_int_equal(stats().bytes_in_use, before.bytes_in_use);
    assert_int_equal(stats().bytes_held, before.bytes_held);
}

static void trimming_gives_back_what_is_unused(void **state) {
    (void)state;
    if (TG__ALLOC_DIRECT)
        tg_skip("the pool steps aside for AddressSanitizer");
    enum { N = 20000 };
    static void *small[N];
    for (int i = 0; i < N; i++)
        assert_non_null(small[i] = tg__alloc(200));
    void *large[8];
    for (int i = 0; i < 8; i++)
        assert_non_null(large[i] = tg__alloc(1 << 20));
    uint64_t held = stats().bytes_held;
    assert_int_equal(tg_memory_trim(0),
                     0); /* all is in use, but what was carved and not asked for */
    for (int i = 0; i < N; i++)
        memset(small[i], i & 255, 200);
    for (int i = 0; i < 8; i++)
        tg__free(large[i], 1 << 20);
    uint64_t back = tg_memory_trim(4 << 20);
    assert_true(back >= 4 << 20 && back < 6 << 20);
    assert_int_equal(stats().bytes_held, held - back);
    assert_int_equal(tg_memory_trim(UINT64_MAX), 0);

    for (int i = 1; i < N; i++) /* one block keeps its chunk */
        tg__free(small[i], 200);
    tg_memory_trim(0);
    assert_int_equal(stats().bytes_held, 1 << 20);
    for (int i = 0; i < 200; i++)
        assert_int_equal(((unsigned char *)small[0])[i], 0);

    for (int i = 1; i < N; i++) /* the rest of that chunk is still used */
        assert_non_null(small[i] = tg__alloc(200));
    for (int i = 0; i < N; i++)
        memset(small[i], 1, 200);
    for (int i = 0; i < N; i++)
        tg__free(small[i], 200);
    assert_true(tg_memory_trim(0) >= N * 200);
    assert_int_equal(stats().bytes_held, 0);
}

static void the_oldest_large_blocks_go_first(void **state) {
    (void)state;
    if (TG__ALLOC_DIRECT)
        tg_skip("the pool steps aside for AddressSanitizer");
    void *a = tg__alloc(1 << 20);
    void *b = tg__alloc(2 << 20);
    void *c = tg__alloc(4 << 20);
    tg__free(b, 2 << 20);
    tg__free(c, 4 << 20);
    tg__free(a, 1 << 20);
    uint64_t back = tg_memory_trim((5 << 20) + 4096);
    assert_true(back >= 2 << 20 && back < 3 << 20);
    assert_ptr_equal(tg__alloc(1 << 20), a);
    assert_ptr_equal(tg__alloc(4 << 20), c);
    tg__free(a, 1 << 20);
    tg__free(c, 4 << 20);
}

static void the_cap_is_hard_and_trims_first(void **state) {
    (void)state;
    setenv("TENSORGRAD_POOL_MAX", "8M", 1);
    tg__env_reset();
    void *a = tg__alloc(5 << 20);
    assert_non_null(a);
    assert_null(tg__alloc(5 << 20));
    assert_null(tg__alloc(9 << 20));
    tg__free(a, 5 << 20);
    void *b = tg__alloc(6 << 20); /* the cached block must go */
    assert_non_null(b);
    assert_true(stats().bytes_held <= 8 << 20);
    void *c = tg__alloc(100);
    assert_non_null(c);
    tg__free(b, 6 << 20);
    tg__free(c, 100);
}

/* Has memory for so many calls, then none for so many, and then again. */
typedef struct {
    int good, bad, refused;
} stubborn;

static void *stubborn_alloc(void *ctx, size_t bytes, size_t alignment) {
    stubborn *s = ctx;
    void *block = NULL;
    if (s->good > 0)
        s->good--;
    else if (s->bad > 0) {
        s->bad--;
        s->refused++;
        return NULL;
    }
    return posix_memalign(&block, alignment, bytes) == 0 ? block : NULL;
}

static void stubborn_free(void *ctx, void *block, size_t bytes) {
    (void)ctx;
    (void)bytes;
    free(block);
}

static void a_refusal_trims_the_pool_and_is_tried_once_more(void **state) {
    (void)state;
    if (TG__ALLOC_DIRECT)
        tg_skip("the pool steps aside for AddressSanitizer");
    stubborn s = {.good = 1, .bad = 1};
    tg_allocator mine = {sizeof mine, stubborn_alloc, stubborn_free, &s};
    assert_ok(tg_set_allocator(&mine));
    tg__free(tg__alloc(1 << 20), 1 << 20); /* cached */
    void *block = tg__alloc(3 << 20);
    assert_non_null(block);
    assert_int_equal(s.refused, 1);
    assert_true(stats().bytes_held < 4 << 20); /* the cached one went back */

    s.bad = 10;
    s.refused = 0;
    assert_null(tg__alloc(3 << 20)); /* nothing to trim: no second try */
    assert_int_equal(s.refused, 1);
    assert_null(tg__alloc(100));
    assert_int_equal(s.refused, 2);
    tg__free(block, 3 << 20);
    assert_null(tg__alloc(5 << 20)); /* trims and fails again */
    assert_int_equal(s.refused, 4);
    s.bad = 0;
    tg__free(tg__alloc(100), 100);
}

static void injected_failures_hit_the_request_asked_for(void **state) {
    (void)state;
    static const size_t sizes[] = {10, 100000, 10, 500, 3 << 20, 10};
    for (int persistent = 0; persistent < 2; persistent++)
        for (uint64_t n = 1; n <= 6; n++) {
            tg__alloc_fail_at(n, persistent != 0);
            for (uint64_t i = 1; i <= 6; i++) {
                void *block = i % 2 == 0 ? tg__alloc_zero(sizes[i - 1]) : tg__alloc(sizes[i - 1]);
                assert_int_equal(block == NULL, persistent != 0 ? i >= n : i == n);
                tg__free(block, sizes[i - 1]);
                if (block == NULL) /* frees nothing, but was counted as no use */
                    assert_int_equal(stats().bytes_in_use, 0);
            }
            assert_int_equal(tg__alloc_fail_at(0, false), 6);
        }
    tg__free(tg__alloc(10), 10);
    assert_int_equal(tg__alloc_fail_at(0, false), 1);
    assert_int_equal(tg__alloc_fail_at(0, false), 0);
}

static void threads_without_a_block_free_but_get_nothing(void **state) {
    (void)state;
    void *small = tg__alloc(100);
    void *large = tg__alloc(100000);
    tg__thread *mine = tg__self();
    static tg__thread nobody; /* usable is false, and nothing may write to it */
    static const tg__thread untouched;
    tg__thread_block = &nobody;
    void *none[3] = {tg__alloc(100), tg__alloc_zero(100000), tg__realloc(NULL, 0, 10)};
    tg__free(small, 100);
    tg__free(large, 100000);
    tg_memory_trim(UINT64_MAX);
    bool clean = memcmp(&nobody, &untouched, sizeof nobody) == 0;
    tg__thread_block = mine;
    assert_null(none[0]);
    assert_null(none[1]);
    assert_null(none[2]);
    assert_true(clean);
    assert_int_equal(stats().bytes_in_use, 0);
}

/* ---- Several threads
 * ----------------------------------------------------------------------------- */

enum { SLOTS = 64 };
static struct {
    pthread_mutex_t lock;
    piece pieces[SLOTS]; /* made by one thread, freed by another */
} exchange = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *trade(void *arg) {
    uint32_t random = *(uint32_t *)arg;
    bool intact = true;
    for (int i = 0; i < 6000; i++) {
        piece mine = {0};
        fill(&mine, &random);
        if (mine.block == NULL)
            continue;
        pthread_mutex_lock(&exchange.lock);
        piece *slot = &exchange.pieces[next_random(&random) % SLOTS];
        piece theirs = *slot;
        *slot = mine;
        pthread_mutex_unlock(&exchange.lock);
        if (theirs.block != NULL)
            intact = check_and_free(&theirs) && intact;
        if (i % 1000 == 999)
            tg_memory_trim(i % 2000 == 999 ? 0 : 1 << 20);
    }
    *(uint32_t *)arg = intact ? 1 : 0;
    return NULL;
}

static void blocks_may_be_freed_by_other_threads(void **state) {
    (void)state;
    pthread_t threads[4];
    uint32_t seeds[4] = {1, 22, 333, 4444};
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, trade, &seeds[i]), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 4; i++)
        assert_int_equal(seeds[i], 1);
    for (int i = 0; i < SLOTS; i++)
        if (exchange.pieces[i].block != NULL)
            assert_true(check_and_free(&exchange.pieces[i]));
}

static void *free_many(void *arg) {
    void **blocks = arg;
    for (int i = 0; i < 1000; i++)
        tg__free(blocks[i], 48);
    return NULL;
}

static void a_thread_that_ends_leaves_its_cache(void **state) {
    (void)state;
    static void *blocks[1000];
    for (int i = 0; i < 1000; i++)
        assert_non_null(blocks[i] = tg__alloc(48));
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, free_many, blocks), 0);
    pthread_join(thread, NULL);
    assert_int_equal(stats().bytes_in_use, 0);
    tg_memory_trim(0);
    assert_int_equal(stats().bytes_held, 0);
}

static _Atomic bool stop;

static void *churn(void *arg) {
    (void)arg;
    while (!stop) {
        void *a = tg__alloc(30000);
        void *b = tg__alloc(300000);
        tg__free(a, 30000);
        tg__free(b, 300000);
        tg_memory_trim(0);
    }
    return NULL;
}

/* What the child of a fork does; 0 if all is well. */
static int use_in_child(piece *inherited) {
    bool intact = check_and_free(inherited);
    uint32_t random = 99;
    for (int i = 0; i < 500; i++) {
        piece p;
        fill(&p, &random);
        intact = intact && p.block != NULL && check_and_free(&p);
    }
    tg_memory_trim(0);
    return intact ? 0 : 1;
}

static void a_forked_child_can_allocate(void **state) {
    (void)state;
    if (TG__ALLOC_DIRECT)
        tg_skip("AddressSanitizer's own locks do not survive a fork among threads");
    pthread_t threads[2];
    stop = false;
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, churn, NULL), 0);
    uint32_t random = 5;
    int bad = 0;
    for (int i = 0; i < 20; i++) {
        piece p;
        fill(&p, &random);
        assert_non_null(p.block);
        pid_t pid = fork();
        if (pid == 0) {
            alarm(20); /* a deadlock ends the child */
            _exit(use_in_child(&p));
        }
        int status = -1;
        waitpid(pid, &status, 0);
        bad += status != 0;
        assert_true(check_and_free(&p));
    }
    stop = true;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(bad, 0);
}

#define TEST(f) cmocka_unit_test_teardown(f, all_is_returned)

/* ctest: threads */
TG_TEST_MAIN(TEST(blocks_are_aligned_and_writable), TEST(blocks_do_not_overlap),
             TEST(blocks_of_no_bytes_are_distinct), TEST(statistics_count_bytes_and_requests),
             TEST(statistics_need_a_known_size), TEST(a_steady_step_asks_the_system_for_nothing),
             TEST(large_blocks_are_reused_within_a_quarter), TEST(zeroed_blocks_are_zero),
             TEST(growing_keeps_the_content), TEST(absurd_sizes_fail_at_once),
             TEST(trimming_gives_back_what_is_unused), TEST(the_oldest_large_blocks_go_first),
             TEST(the_cap_is_hard_and_trims_first),
             TEST(a_refusal_trims_the_pool_and_is_tried_once_more),
             TEST(injected_failures_hit_the_request_asked_for),
             TEST(threads_without_a_block_free_but_get_nothing),
             TEST(blocks_may_be_freed_by_other_threads), TEST(a_thread_that_ends_leaves_its_cache),
             TEST(a_forked_child_can_allocate))
