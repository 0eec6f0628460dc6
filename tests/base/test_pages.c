/* test_pages.c - where the pool's memory comes from. */
#include "base/pages.h"

#include "base/alloc.h"
#include "base/env.h"

#include "tg_test.h"

#include <stdio.h>
#include <stdlib.h>

/* An allocator over malloc that keeps books and misbehaves on demand. */
typedef struct {
    uint64_t held, calls;
    bool empty;      /* has no memory */
    bool misaligned; /* returns memory that is off by 16 */
    size_t last_bytes, last_alignment;
} meter;

static void *meter_alloc(void *ctx, size_t bytes, size_t alignment) {
    meter *m = ctx;
    void *block = NULL;
    m->calls++;
    m->last_bytes = bytes;
    m->last_alignment = alignment;
    if (m->empty || posix_memalign(&block, alignment, bytes + 64) != 0)
        return NULL;
    m->held += bytes;
    return (char *)block + (m->misaligned ? 16 : 0);
}

static void meter_free(void *ctx, void *block, size_t bytes) {
    meter *m = ctx;
    m->held -= bytes;
    free((char *)block - (m->misaligned ? 16 : 0));
}

static tg_allocator metered(meter *m) {
    return (tg_allocator){sizeof(tg_allocator), meter_alloc, meter_free, m};
}

static int restore(void **state) {
    (void)state;
    tg_set_log_hook(NULL, NULL);
    unsetenv("TENSORGRAD_POOL_MAX");
    tg__env_reset();
    return tg_set_allocator(NULL) == TG_OK ? 0 : -1;
}

static uint64_t held(void) {
    uint64_t bytes;
    uint64_t calls;
    tg__pages_stats(&bytes, &calls);
    return bytes;
}

static void memory_is_aligned_zero_and_writable(void **state) {
    (void)state;
    static const size_t sizes[] = {1,       64,           4096, 4097, 1 << 20, (2 << 20) - 1,
                                   2 << 20, (5 << 20) + 3};
    static const size_t alignments[] = {64, 4096, 1 << 20};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (size_t a = 0; a < sizeof alignments / sizeof *alignments; a++) {
            uint64_t excess;
            unsigned char *block = tg__pages_alloc(sizes[s], alignments[a], &excess);
            assert_non_null(block);
            assert_int_equal((uintptr_t)block % alignments[a], 0);
            if (!TG__ALLOC_DIRECT && sizes[s] >= 2 << 20)
                assert_int_equal((uintptr_t)block % (2 << 20), 0);
            assert_int_equal(tg__pages_zeroed(), !TG__ALLOC_DIRECT);
            for (size_t i = 0; i < sizes[s]; i++)
                if (!TG__ALLOC_DIRECT && block[i] != 0)
                    fail_msg("byte %zu of %zu is %d", i, sizes[s], block[i]);
            memset(block, 0xa5, sizes[s]);
            assert_int_equal(held(), sizes[s]);
            tg__pages_free(block, sizes[s]);
            assert_int_equal(held(), 0);
        }
}

static void the_cap_holds(void **state) {
    (void)state;
    setenv("TENSORGRAD_POOL_MAX", "100K", 1);
    tg__env_reset();
    uint64_t excess = 0;
    void *a = tg__pages_alloc(60 << 10, 64, &excess);
    assert_non_null(a);
    assert_null(tg__pages_alloc(60 << 10, 64, &excess));
    assert_int_equal(excess, 20 << 10);
    assert_null(tg__pages_alloc((100 << 10) + 1, 64, &excess));
    assert_int_equal(excess, 0);
    void *b = tg__pages_alloc(40 << 10, 64, &excess);
    assert_non_null(b);
    assert_int_equal(held(), 100 << 10);
    tg__pages_free(a, 60 << 10);
    tg__pages_free(b, 40 << 10);
}

static void absurd_sizes_are_refused(void **state) {
    (void)state;
    uint64_t excess;
    meter m = {.empty = true};
    tg_allocator none = metered(&m);
    assert_null(tg__pages_alloc((size_t)1 << 61, 64, &excess));
    assert_int_equal(held(), 0);
    assert_ok(tg_set_allocator(&none));
    assert_null(tg__pages_alloc(100, 64, &excess));
    assert_true(excess == UINT64_MAX);
    assert_int_equal(held(), 0);
}

static void the_programs_allocator_serves_all(void **state) {
    (void)state;
    meter m = {0};
    tg_allocator mine = metered(&m);
    assert_ok(tg_set_allocator(&mine));
    assert_ok(tg_set_allocator(&mine)); /* nothing is in use: again is fine */
    void *small = tg__alloc(100);
    void *large = tg__alloc(100000);
    assert_non_null(small);
    assert_non_null(large);
    assert_false(tg__pages_zeroed());
    tg_memory_stats_t stats = TG_MEMORY_STATS_INIT;
    assert_ok(tg_memory_stats(&stats));
    assert_int_equal(stats.bytes_held, m.held);
    assert_true(m.held >= 100100);
    assert_int_equal(stats.bytes_in_use, 100100);
    memset(small, 1, 100);
    memset(large, 1, 100000);
    tg__free(small, 100);
    tg__free(large, 100000);
    assert_ok(tg_set_allocator(NULL));
    assert_int_equal(m.held, 0);
    uint64_t calls = m.calls;
    tg__free(tg__alloc(100), 100);
    assert_int_equal(m.calls, calls);
}

static void replacing_one_in_use_is_refused(void **state) {
    (void)state;
    meter m = {0};
    tg_allocator mine = metered(&m);
    void *block = tg__alloc(100);
    assert_non_null(block);
    assert_fails(tg_set_allocator(&mine), TG_ERR_STATE, "set_allocator: ");
    assert_contains(tg_error_message(), "in use");
    void *other = tg__alloc(100000); /* the old one still serves */
    assert_non_null(other);
    assert_int_equal(m.calls, 0);
    tg__free(other, 100000);
    tg__free(block, 100);
    assert_ok(tg_set_allocator(&mine));
}

static void incomplete_allocators_are_refused(void **state) {
    (void)state;
    meter m = {0};
    tg_allocator a = metered(&m);
    a.alloc = NULL;
    assert_fails(tg_set_allocator(&a), TG_ERR_ARG, "'alloc'");
    a = metered(&m);
    a.free = NULL;
    assert_fails(tg_set_allocator(&a), TG_ERR_ARG, "'free'");
    a = metered(&m);
    a.size = 0;
    assert_fails(tg_set_allocator(&a), TG_ERR_ARG, "sizeof(tg_allocator)");
    a.size = offsetof(tg_allocator, free);
    assert_fails(tg_set_allocator(&a), TG_ERR_ARG, "'free'");

    struct {
        tg_allocator known;
        uint64_t more;
    } newer = {metered(&m), 0};
    newer.known.size = sizeof newer;
    assert_ok(tg_set_allocator(&newer.known));
    newer.more = 1;
    assert_fails(tg_set_allocator(&newer.known), TG_ERR_UNSUPPORTED, "set_allocator: ");
}

static char last[512];

static void note(tg_log_level level, const char *message, void *ctx) {
    (void)level;
    (void)ctx;
    snprintf(last, sizeof last, "%s", message);
}

static void misaligned_memory_is_given_back(void **state) {
    (void)state;
    meter m = {.misaligned = true};
    tg_allocator bad = metered(&m);
    tg_set_log_hook(note, NULL);
    assert_ok(tg_set_allocator(&bad));
    assert_null(tg__alloc(100));
    assert_contains(last, "aligned");
    assert_null(tg__alloc(100000));
    assert_int_equal(m.calls, 2);
    assert_int_equal(m.held, 0);
    assert_int_equal(held(), 0);
}

#define TEST(f) cmocka_unit_test_teardown(f, restore)

TG_TEST_MAIN(TEST(memory_is_aligned_zero_and_writable), TEST(the_cap_holds),
             TEST(absurd_sizes_are_refused), TEST(the_programs_allocator_serves_all),
             TEST(replacing_one_in_use_is_refused), TEST(incomplete_allocators_are_refused),
             TEST(misaligned_memory_is_given_back))
