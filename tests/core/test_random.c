/* test_random.c - generators, and tensors of random numbers. */
/* ctest: threads */
#include "base/thread.h"
#include "core/tensor.h"
#include "kernels/philox.h"

#include "tg_tidy.h"

#include <tensorgrad/random.h>

#include <pthread.h>

typedef tg_tensor *(*draw_fn)(tg_dtype dtype, int ndim, const int64_t *shape, tg_generator *g);
static const draw_fn draws[] = {tg_rand, tg_randn};
static const tg_dtype dtypes[] = {TG_F32, TG_F64};

/* Row-major elements of a new tensor of n, released. */
static void draw(draw_fn fn, tg_dtype dtype, int64_t n, tg_generator *g, double *out) {
    tg_tensor *x = fn(dtype, TG_SHAPE(n), g);
    assert_non_null(x);
    for (int64_t i = 0; i < n; i++)
        out[i] =
            tg__load_double(dtype, (const char *)tg_data(x) + i * (int64_t)tg_dtype_size(dtype));
    tg_release(x);
}

static uint64_t position(const tg_generator *g) {
    tg_generator_state s;
    assert_ok(tg_generator_get_state(g, &s));
    return s.position;
}

/* ---- The stream ---- */

/* The first block of seed 0 is the known answer of Philox4x32-10 for zero key and counter:
 * 6627e8d5 e169c58d bc57ac4c 9b00dbd8. A seed means the same numbers in every version. */
static void the_numbers_of_a_seed_never_change(void **state) {
    (void)state;
    double v[4];
    tg_generator *g = tg_generator_new(0);
    draw(tg_rand, TG_F32, 4, g, v);
    assert_close(v[0], 0x6627e8 / 16777216.0, 0, 0);
    assert_close(v[1], 0xe169c5 / 16777216.0, 0, 0);
    assert_close(v[2], 0xbc57ac / 16777216.0, 0, 0);
    assert_close(v[3], 0x9b00db / 16777216.0, 0, 0);
    assert_int_equal(position(g), 1);
    tg_generator_free(g);

    g = tg_generator_new(0);
    draw(tg_rand, TG_F64, 2, g, v);
    assert_close(v[0], (double)(0x6627e8d5e169c58du >> 11) * 0x1p-53, 0, 0);
    assert_close(v[1], (double)(0xbc57ac4c9b00dbd8u >> 11) * 0x1p-53, 0, 0);
    assert_int_equal(position(g), 1);
    tg_generator_free(g);

    g = tg_generator_new(0);
    draw(tg_randn, TG_F32, 4, g, v);
    assert_close(v[0], 0.991137683, 1e-7, 0);
    assert_close(v[1], -0.92466259, 1e-7, 0);
    assert_close(v[2], -0.617608964, 1e-7, 0);
    assert_close(v[3], -0.482068598, 1e-7, 0);
    tg_generator_free(g);
}

static void equal_seeds_give_equal_numbers_and_others_do_not(void **state) {
    (void)state;
    for (int d = 0; d < 2; d++)
        for (int f = 0; f < 2; f++) {
            double a[100];
            double b[100];
            double c[100];
            tg_generator *g = tg_generator_new(42);
            tg_generator *h = tg_generator_new(42);
            tg_generator *other = tg_generator_new(43);
            draw(draws[f], dtypes[d], 100, g, a);
            draw(draws[f], dtypes[d], 100, h, b);
            draw(draws[f], dtypes[d], 100, other, c);
            assert_memory_equal(a, b, sizeof a);
            int equal = 0;
            for (int i = 0; i < 100; i++)
                equal += a[i] == c[i];
            assert_int_equal(equal, 0);
            draw(draws[f], dtypes[d], 100, g, b); /* the stream goes on */
            assert_memory_not_equal(a, b, sizeof a);
            tg_generator_free(g);
            tg_generator_free(h);
            tg_generator_free(other);
        }
}

static void the_shape_only_cuts_the_stream(void **state) {
    (void)state;
    tg_generator *g = tg_generator_new(5);
    tg_generator *h = tg_generator_new(5);
    tg_tensor *x = tg_randn(TG_F64, TG_SHAPE(3, 4, 5), g);
    tg_tensor *y = tg_randn(TG_F64, TG_SHAPE(60), h);
    assert_int_equal(tg_ndim(x), 3);
    assert_true(tg_is_contiguous(x));
    assert_memory_equal(tg_data(x), tg_data(y), 60 * sizeof(double));
    tg_release(x);
    tg_release(y);
    tg_generator_free(g);
    tg_generator_free(h);
}

static void the_stream_is_the_same_for_any_number_of_threads(void **state) {
    (void)state;
    enum { N = 200003 };
    const int before = tg_num_threads();
    static const int counts[] = {1, 2, 8};
    for (int d = 0; d < 2; d++)
        for (int f = 0; f < 2; f++) {
            tg_tensor *first = NULL;
            for (int k = 0; k < 3; k++) {
                assert_ok(tg_set_num_threads(counts[k]));
                tg_generator *g = tg_generator_new(9);
                tg_tensor *head = draws[f](dtypes[d], TG_SHAPE(3), g); /* not at a whole block */
                tg_tensor *x = draws[f](dtypes[d], TG_SHAPE(N), g);
                assert_non_null(x);
                if (first == NULL)
                    first = tg_retain(x);
                assert_memory_equal(tg_data(x), tg_data(first), N * tg_dtype_size(dtypes[d]));
                tg_release(x);
                tg_release(head);
                tg_generator_free(g);
            }
            tg_release(first);
        }
    assert_ok(tg_set_num_threads(before));
}

/* ---- Statistics: the seed is fixed, so the bounds either hold for ever or never ---- */

static void uniform_numbers_are_uniform(void **state) {
    (void)state;
    enum { N = 1 << 20, BINS = 64 };
    for (int d = 0; d < 2; d++) {
        tg_generator *g = tg_generator_new(1);
        tg_tensor *x = tg_rand(dtypes[d], TG_SHAPE(N), g);
        double sum = 0;
        double squares = 0;
        double neighbours = 0;
        double previous = 0.5;
        int bin[BINS] = {0};
        for (int64_t i = 0; i < N; i++) {
            double v = tg__load_double(dtypes[d], (const char *)tg_data(x) +
                                                      (size_t)i * tg_dtype_size(dtypes[d]));
            assert_true(v >= 0 && v < 1);
            sum += v;
            squares += (v - 0.5) * (v - 0.5);
            neighbours += (v - 0.5) * (previous - 0.5);
            previous = v;
            bin[(int)(v * BINS)]++;
        }
        double chi = 0;
        for (int b = 0; b < BINS; b++)
            chi += (bin[b] - (double)N / BINS) * (bin[b] - (double)N / BINS) / ((double)N / BINS);
        assert_close(sum / N, 0.5, 0, 4 * 0.28868 / 1024); /* four standard errors */
        assert_close(squares / N, 1.0 / 12, 0, 4 * 0.0745 / 1024);
        assert_close(neighbours / N, 0, 0, 4 / 12.0 / 1024);
        assert_true(chi > 63 - 4 * 11.3 && chi < 63 + 4 * 11.3);
        tg_release(x);
        tg_generator_free(g);
    }
}

static void f32_uniform_reaches_0_but_not_1(void **state) {
    (void)state;
    enum { N = 1 << 22 };
    tg_generator *g = tg_generator_new(3);
    tg_tensor *x = tg_rand(TG_F32, TG_SHAPE(N), g);
    const float *v = tg_data(x);
    float least = 1;
    float most = 0;
    for (int64_t i = 0; i < N; i++) {
        least = v[i] < least ? v[i] : least;
        most = v[i] > most ? v[i] : most;
        assert_close((double)v[i] * 16777216, floor((double)v[i] * 16777216), 0, 0); /* 24 bits */
    }
    assert_true(least < 2e-6F);
    assert_true(most > 1 - 2e-6F && most < 1);
    tg_release(x);
    tg_generator_free(g);
}

static void normal_numbers_are_normal(void **state) {
    (void)state;
    enum { N = 1 << 20 };
    for (int d = 0; d < 2; d++) {
        tg_generator *g = tg_generator_new(2);
        tg_tensor *x = tg_randn(dtypes[d], TG_SHAPE(N), g);
        double moment[5] = {0};
        double pairs = 0;
        double previous = 0;
        int64_t within1 = 0;
        int64_t beyond3 = 0;
        for (int64_t i = 0; i < N; i++) {
            double v = tg__load_double(dtypes[d], (const char *)tg_data(x) +
                                                      (size_t)i * tg_dtype_size(dtypes[d]));
            assert_true(isfinite(v));
            double power = 1;
            for (int k = 0; k < 5; k++, power *= v)
                moment[k] += power;
            if (i % 2 == 1)
                pairs += v * previous; /* the two of a Box-Muller pair */
            previous = v;
            within1 += fabs(v) < 1;
            beyond3 += fabs(v) > 3;
        }
        assert_close(moment[1] / N, 0, 0, 4.0 / 1024);
        assert_close(moment[2] / N, 1, 0, 4 * 1.4142 / 1024);
        assert_close(moment[3] / N, 0, 0, 4 * 3.873 / 1024);
        assert_close(moment[4] / N, 3, 0, 4 * 9.798 / 1024);
        assert_close(pairs / (N / 2), 0, 0, 4 * 1.4142 / 1024);
        assert_close((double)within1 / N, 0.6826895, 0, 4 * 0.4655 / 1024);
        assert_close((double)beyond3 / N, 0.0026998, 0, 4 * 0.0519 / 1024);
        tg_release(x);
        tg_generator_free(g);
    }
}

/* ---- Splitting ---- */

static void split_is_named_by_seed_and_index(void **state) {
    (void)state;
    double a[64];
    double b[64];
    tg_generator *g = tg_generator_new(7);
    tg_generator *s = tg_generator_split(g, 3);
    draw(tg_rand, TG_F64, 64, s, a);
    tg_generator_free(s);
    assert_int_equal(position(g), 0); /* the parent did not move */
    draw(tg_rand, TG_F64, 10, g, b);
    s = tg_generator_split(g, 3); /* and where it stands does not matter */
    draw(tg_rand, TG_F64, 64, s, b);
    assert_memory_equal(a, b, sizeof a);
    tg_generator_free(s);
    tg_generator_free(g);
}

static void splits_differ_from_each_other_and_from_the_parent(void **state) {
    (void)state;
    enum { N = 200 };
    tg_generator_state seen[N * 2 + 1];
    tg_generator *g = tg_generator_new(7);
    int n = 0;
    assert_ok(tg_generator_get_state(g, &seen[n++]));
    for (uint64_t i = 0; i < N; i++) {
        tg_generator *s = tg_generator_split(g, i == N - 1 ? UINT64_MAX : i);
        tg_generator *t = tg_generator_split(s, i); /* grandchildren too */
        assert_ok(tg_generator_get_state(s, &seen[n++]));
        assert_ok(tg_generator_get_state(t, &seen[n++]));
        tg_generator_free(s);
        tg_generator_free(t);
    }
    for (int i = 0; i < n; i++) {
        assert_true(seen[i].seed == 7);
        assert_true(seen[i].position == 0);
        for (int j = 0; j < i; j++)
            assert_true(seen[i].stream != seen[j].stream);
    }
    tg_generator_free(g);
}

static void splits_are_uncorrelated(void **state) {
    (void)state;
    enum { N = 1 << 16 };
    static double a[N];
    static double b[N];
    tg_generator *g = tg_generator_new(0);
    tg_generator *s = tg_generator_split(g, 0);
    tg_generator *t = tg_generator_split(g, 1);
    draw(tg_randn, TG_F64, N, s, a);
    draw(tg_randn, TG_F64, N, t, b);
    double sum = 0;
    for (int i = 0; i < N; i++)
        sum += a[i] * b[i];
    assert_close(sum / N, 0, 0, 4.0 / 256);
    tg_generator_free(s);
    tg_generator_free(t);
    tg_generator_free(g);
}

/* ---- State ---- */

static void a_saved_state_continues_the_stream(void **state) {
    (void)state;
    for (int f = 0; f < 2; f++) {
        double a[33];
        double b[33];
        tg_generator_state s;
        tg_generator *g = tg_generator_new(11);
        tg_generator *split = tg_generator_split(g, 4);
        draw(draws[f], TG_F32, 7, split, a);
        assert_ok(tg_generator_get_state(split, &s));
        draw(draws[f], TG_F32, 33, split, a);
        assert_ok(tg_generator_set_state(split, &s));
        draw(draws[f], TG_F32, 33, split, b);
        assert_memory_equal(a, b, sizeof a);
        assert_ok(tg_generator_set_state(g, &s)); /* into another generator as well */
        draw(draws[f], TG_F32, 33, g, b);
        assert_memory_equal(a, b, sizeof a);
        tg_generator_free(split);
        tg_generator_free(g);
    }
}

static void the_position_may_be_anywhere(void **state) {
    (void)state;
    double a[8];
    double b[4];
    tg_generator *g = tg_generator_new(1);
    tg_generator_state s = {.seed = 1, .position = UINT32_MAX};
    assert_ok(tg_generator_set_state(g, &s));
    draw(tg_rand, TG_F32, 8, g, a); /* crosses 2^32 blocks */
    s.position++;
    assert_ok(tg_generator_set_state(g, &s));
    draw(tg_rand, TG_F32, 4, g, b);
    assert_memory_equal(a + 4, b, sizeof b);
    tg_generator_free(g);
}

static void a_state_of_null_is_refused(void **state) {
    (void)state;
    tg_generator *g = tg_generator_new(1);
    assert_fails(tg_generator_get_state(g, NULL), TG_ERR_ARG,
                 "generator_get_state: argument state");
    assert_fails(tg_generator_set_state(g, NULL), TG_ERR_ARG,
                 "generator_set_state: argument state");
    tg_generator_free(g);
    tg_generator_free(NULL);
}

/* ---- The thread's own generator ---- */

static void manual_seed_is_a_generator_of_that_seed(void **state) {
    (void)state;
    double a[50];
    double b[50];
    tg_generator *g = tg_generator_new(1234);
    assert_ok(tg_manual_seed(1234));
    draw(tg_randn, TG_F32, 50, g, a);
    draw(tg_randn, TG_F32, 50, NULL, b);
    assert_memory_equal(a, b, sizeof a);
    assert_ok(tg_manual_seed(1234)); /* back to the start */
    draw(tg_randn, TG_F32, 50, NULL, b);
    assert_memory_equal(a, b, sizeof a);
    tg_generator_free(g);
}

static void null_means_the_own_generator_everywhere(void **state) {
    (void)state;
    double a[20];
    double b[20];
    tg_generator_state s;
    assert_ok(tg_manual_seed(77));
    draw(tg_rand, TG_F32, 5, NULL, a);
    assert_ok(tg_generator_get_state(NULL, &s));
    assert_true(s.seed == 77 && s.stream == 0 && s.position == 2);
    draw(tg_rand, TG_F32, 20, NULL, a);
    assert_ok(tg_generator_set_state(NULL, &s));
    draw(tg_rand, TG_F32, 20, NULL, b);
    assert_memory_equal(a, b, sizeof a);
    tg_generator *g = tg_generator_new(77);
    tg_generator *s1 = tg_generator_split(NULL, 9);
    tg_generator *s2 = tg_generator_split(g, 9);
    draw(tg_rand, TG_F32, 20, s1, a);
    draw(tg_rand, TG_F32, 20, s2, b);
    assert_memory_equal(a, b, sizeof a);
    tg_generator_free(s1);
    tg_generator_free(s2);
    tg_generator_free(g);
}

typedef struct {
    bool seed;
    tg_generator_state state;
    tg_status status;
} own;

static void *use_own(void *ctx) {
    own *o = ctx;
    tg_status status = o->seed ? tg_manual_seed(5) : TG_OK;
    o->status = status != TG_OK ? status : tg_generator_get_state(NULL, &o->state);
    tg_release(tg_rand(TG_F32, TG_SHAPE(1000), NULL));
    return NULL;
}

static void threads_draw_from_streams_of_their_own(void **state) {
    (void)state;
    enum { THREADS = 8 };
    pthread_t thread[THREADS];
    own o[THREADS] = {0};
    for (int i = 0; i < THREADS; i++) {
        o[i].seed = i >= 6;
        assert_int_equal(pthread_create(&thread[i], NULL, use_own, &o[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    for (int i = 0; i < THREADS; i++) {
        assert_ok(o[i].status);
        assert_true(o[i].state.position == 0);
        assert_true(o[i].state.seed == (i >= 6 ? 5 : 0));
        for (int j = 0; j < i; j++)
            if (j < 6)
                assert_true(o[i].state.stream != o[j].state.stream);
    }
    assert_true(o[6].state.stream == 0 && o[7].state.stream == 0); /* what they asked for */
}

static void *forget_own(void *ctx) {
    tg_manual_seed(3);
    int64_t *in_use = ctx;
    tg_memory_stats_t stats = TG_MEMORY_STATS_INIT;
    tg_memory_stats(&stats);
    *in_use = (int64_t)stats.bytes_in_use;
    return NULL;
}

static void a_thread_that_ends_frees_its_generator(void **state) {
    (void)state;
    tg_memory_stats_t before = TG_MEMORY_STATS_INIT;
    tg_memory_stats_t after = TG_MEMORY_STATS_INIT;
    assert_ok(tg_memory_stats(&before));
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        int64_t during = 0;
        assert_int_equal(pthread_create(&thread, NULL, forget_own, &during), 0);
        pthread_join(thread, NULL);
        assert_true(during > (int64_t)before.bytes_in_use);
    }
    assert_ok(tg_memory_stats(&after));
    assert_true(after.bytes_in_use == before.bytes_in_use);
}

/* ---- Failures ---- */

static void bad_arguments_are_refused_and_take_nothing(void **state) {
    (void)state;
    tg_generator *g = tg_generator_new(1);
    for (int f = 0; f < 2; f++) {
        const char *name = f == 0 ? "rand: " : "randn: ";
        assert_null(draws[f](TG_I64, TG_SHAPE(3), g));
        assert_fails(tg_error_status(), TG_ERR_DTYPE,
                     f == 0 ? "rand: dtype i64; it takes f32 and f64"
                            : "randn: dtype i64; it takes f32");
        assert_null(draws[f](TG_BOOL, TG_0D, g));
        assert_fails(tg_error_status(), TG_ERR_DTYPE, name);
        assert_null(draws[f](TG_F16, TG_0D, g));
        assert_fails(tg_error_status(), TG_ERR_DTYPE, name);
        assert_null(draws[f](TG_F32, TG_SHAPE(3, -1), g));
        assert_fails(tg_error_status(), TG_ERR_SHAPE, name);
        assert_null(draws[f](TG_F32, TG_SHAPE((int64_t)1 << 43), g));
        assert_fails(tg_error_status(), TG_ERR_MEMORY, name);
        assert_int_equal(position(g), 0);
    }
    tg_generator_free(g);
}

static void empty_and_0d_tensors_are_drawn_too(void **state) {
    (void)state;
    tg_generator *g = tg_generator_new(1);
    for (int f = 0; f < 2; f++) {
        tg_tensor *x = draws[f](TG_F32, TG_SHAPE(3, 0), g);
        assert_int_equal(tg_numel(x), 0);
        assert_int_equal(position(g), f); /* nothing was needed */
        tg_release(x);
        x = draws[f](TG_F64, TG_0D, g);
        assert_int_equal(tg_ndim(x), 0);
        assert_int_equal(position(g), f + 1);
        tg_release(x);
    }
    tg_generator_free(g);
}

static void each_allocation_may_fail_without_moving_the_stream(void **state) {
    (void)state;
    for (int f = 0; f < 2; f++)
        for (int scoped = 0; scoped < 2; scoped++) {
            double expected[40];
            double got[40];
            tg_generator *g = tg_generator_new(8);
            draw(draws[f], TG_F64, 40, g, expected);
            tg_generator_free(g);
            g = tg_generator_new(8);
            int failures = 0;
            for (uint64_t n = 1; failures == 0 || tg_error_status() != TG_OK; n++) {
                tg_error_clear();
                tg_scope s = scoped ? tg_scope_open() : 0;
                tg__alloc_fail_at(n, n % 2);
                tg_tensor *x = draws[f](TG_F64, TG_SHAPE(40), g);
                tg__alloc_fail_at(0, false);
                if (x == NULL) {
                    assert_fails(tg_error_status(), TG_ERR_MEMORY, "out of memory");
                    assert_int_equal(position(g), 0);
                    failures++;
                } else {
                    memcpy(got, tg_data(x), sizeof got);
                }
                tg_status closed = scoped ? tg_scope_close(s) : TG_OK;
                assert_int_equal(closed, scoped && x == NULL ? TG_ERR_MEMORY : TG_OK);
                if (!scoped)
                    tg_release(x);
            }
            assert_true(failures >= 2);
            assert_memory_equal(got, expected, sizeof got);
            tg_generator_free(g);
        }
}

static void *starved(void *ctx) {
    bool *good = ctx;
    tg_generator_state s = {1, 2, 3};
    tg__self();
    tg__alloc_fail_at(1, true);
    *good =
        tg_rand(TG_F32, TG_SHAPE(2), NULL) == NULL && tg_error_status() == TG_ERR_MEMORY &&
        tg_manual_seed(1) == TG_ERR_MEMORY && tg_generator_get_state(NULL, &s) == TG_ERR_MEMORY &&
        tg_generator_set_state(NULL, &s) == TG_ERR_MEMORY && tg_generator_split(NULL, 1) == NULL &&
        tg_generator_new(1) == NULL && s.seed == 1 && s.stream == 2 && s.position == 3;
    tg__alloc_fail_at(0, false);
    *good = *good && tg_manual_seed(1) == TG_OK;
    return NULL;
}

static void a_generator_without_memory_is_an_error(void **state) {
    (void)state;
    pthread_t thread; /* a new one, which has no generator yet */
    bool good = false;
    assert_int_equal(pthread_create(&thread, NULL, starved, &good), 0);
    pthread_join(thread, NULL);
    assert_true(good);
}

static void a_shut_scope_still_draws(void **state) {
    (void)state;
    double a[4];
    double b[4];
    assert_ok(tg_manual_seed(6));
    draw(tg_rand, TG_F32, 4, NULL, a);
    tg_scope s = tg_scope_open();
    assert_null(tg_rand(TG_F32, TG_SHAPE(-1), NULL));
    assert_ok(tg_manual_seed(6)); /* so that clean-up code can put a stream back */
    tg_tensor *x = tg_rand(TG_F32, TG_SHAPE(4), NULL);
    assert_non_null(x);
    for (int i = 0; i < 4; i++)
        b[i] = (double)((const float *)tg_data(x))[i];
    assert_memory_equal(a, b, sizeof a);
    assert_int_equal(tg_scope_close(s), TG_ERR_SHAPE);
}

TG_TEST_MAIN(tg_tidy(the_numbers_of_a_seed_never_change),
             tg_tidy(equal_seeds_give_equal_numbers_and_others_do_not),
             tg_tidy(the_shape_only_cuts_the_stream),
             tg_tidy(the_stream_is_the_same_for_any_number_of_threads),
             tg_tidy(uniform_numbers_are_uniform), tg_tidy(f32_uniform_reaches_0_but_not_1),
             tg_tidy(normal_numbers_are_normal), tg_tidy(split_is_named_by_seed_and_index),
             tg_tidy(splits_differ_from_each_other_and_from_the_parent),
             tg_tidy(splits_are_uncorrelated), tg_tidy(a_saved_state_continues_the_stream),
             tg_tidy(the_position_may_be_anywhere), tg_tidy(a_state_of_null_is_refused),
             tg_tidy(manual_seed_is_a_generator_of_that_seed),
             tg_tidy(null_means_the_own_generator_everywhere),
             tg_tidy(threads_draw_from_streams_of_their_own),
             tg_tidy(a_thread_that_ends_frees_its_generator),
             tg_tidy(bad_arguments_are_refused_and_take_nothing),
             tg_tidy(empty_and_0d_tensors_are_drawn_too),
             tg_tidy(each_allocation_may_fail_without_moving_the_stream),
             tg_tidy(a_generator_without_memory_is_an_error), tg_tidy(a_shut_scope_still_draws))
