/* test_philox.c - the generator against published answers, and the numbers made of it. */
/* ctest: threads */
#include "kernels/philox.h"
#include "kernels/values.h"
#include "tg_test.h"
#include <stdlib.h>

typedef uint64_t (*fill_fn)(tg_dtype, void *, int64_t, uint64_t, uint64_t, uint64_t);

static void blocks_are_those_of_the_published_answers(void **state) {
    (void)state;
    /* Random123's known answers for philox4x32 with 10 rounds: counter, key, result. */
    static const uint32_t known[][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d,
         0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09,
         0x94fdcceb, 0x5001e420, 0x24126ea1}};
    for (int i = 0; i < 3; i++) {
        const uint32_t *k = known[i];
        uint32_t out[4];
        tg__philox((uint64_t)k[5] << 32 | k[4], (uint64_t)k[3] << 32 | k[2],
                   (uint64_t)k[1] << 32 | k[0], out);
        assert_memory_equal(out, k + 6, sizeof(out));
    }
}

/* What a seed gives must never change: values from an evaluation with 200 bits. */
static void a_seed_gives_the_recorded_numbers(void **state) {
    (void)state;
    float f[4];
    double d[2];
    tg__random_uniform(TG_F32, f, 4, 20240229, 7, 5);
    assert_true(f[0] == 0x1.e52a64p-1F && f[1] == 0x1.c1891cp-1F && f[2] == 0x1.74251cp-2F &&
                f[3] == 0x1.57ccdap-1F);
    tg__random_uniform(TG_F64, d, 2, 20240229, 7, 5);
    assert_true(d[0] == 0x1.e52a642dc1891p-1 && d[1] == 0x1.74251c9aaf99ap-2);
    tg__random_normal(TG_F32, f, 4, 20240229, 7, 5);
    assert_true(f[0] == 0x1.e40d2ap-3F && f[1] == -0x1.d224b4p-3F && f[2] == -0x1.58f9cp-1F &&
                f[3] == -0x1.40cebep+0F);
    tg__random_normal(TG_F64, d, 2, 20240229, 7, 5);
    assert_close(d[0], -0x1.b763e0b9673a2p-3, 4e-16, 0);
    assert_close(d[1], 0x1.fc75cb0a7e2d8p-3, 4e-16, 0);
}

static double word53(const uint32_t *w) { return (double)(((uint64_t)w[0] << 32 | w[1]) >> 11); }

/* Element i of a stream, one block at a time and with the C library's functions. */
static double plain(tg_dtype t, bool normal, uint64_t seed, uint64_t stream, uint64_t position,
                    int64_t i) {
    const int64_t per_block = t == TG_F32 ? 4 : 2;
    uint32_t w[4];
    tg__philox(seed, stream, position + (uint64_t)(i / per_block), w);
    const int64_t j = i % per_block;
    if (!normal)
        return t == TG_F32 ? (double)(w[j] >> 8) * 0x1p-24 : word53(w + 2 * j) * 0x1p-53;
    const double v = t == TG_F32 ? ((double)w[j / 2 * 2] + 1) * 0x1p-32 : (word53(w) + 1) * 0x1p-53;
    const double u = t == TG_F32 ? (double)w[j / 2 * 2 + 1] * 0x1p-32 : word53(w + 2) * 0x1p-53;
    const double angle = 6.283185307179586477 * u, r = sqrt(-2 * log(v));
    return r * (j % 2 == 0 ? cos(angle) : sin(angle));
}

static double element(tg_dtype t, const void *data, int64_t i) {
    return t == TG_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

static void runs_agree_with_single_blocks(void **state) {
    (void)state;
    enum { N = 20000 }; /* several pieces */
    static double buf[N];
    /* Positions where the counter carries into its upper words and round the end. */
    static const uint64_t positions[] = {0, 1, 0xFFFFFFF0, 0xFFFFFFFFFFFFFFF0};
    for (tg_dtype t = TG_F32; t <= TG_F64; t++) {
        for (size_t p = 0; p < 4; p++) {
            for (int normal = 0; normal < 2; normal++) {
                const fill_fn fill = normal ? tg__random_normal : tg__random_uniform;
                fill(t, buf, N, 0x123456789ABCDEF0, 0xFEDCBA9876543210, positions[p]);
                for (int64_t i = 0; i < N; i++)
                    assert_close(
                        element(t, buf, i),
                        plain(t, normal, 0x123456789ABCDEF0, 0xFEDCBA9876543210, positions[p], i),
                        normal ? (t == TG_F32 ? 6e-8 : 4e-15) : 0, normal ? 8e-15 : 0);
            }
        }
    }
}

static void a_shorter_run_is_the_beginning_of_a_longer_one(void **state) {
    (void)state;
    static char whole[8 * 700], part[8 * 700 + 1];
    for (tg_dtype t = TG_F32; t <= TG_F64; t++) {
        for (int normal = 0; normal < 2; normal++) {
            const fill_fn fill = normal ? tg__random_normal : tg__random_uniform;
            const uint64_t per_block = t == TG_F32 ? 4 : 2;
            fill(t, whole, 700, 1, 2, 3);
            for (int64_t n = 0; n < 700; n += 1 + n / 9) {
                const size_t bytes = (size_t)n * item_size[t];
                memset(part, 0x5A, sizeof(part));
                assert_int_equal(fill(t, part, n, 1, 2, 3),
                                 ((uint64_t)n + per_block - 1) / per_block);
                assert_memory_equal(part, whole, bytes);
                assert_int_equal(part[bytes], 0x5A);
            }
        }
    }
}

static void the_next_run_continues_where_the_first_ended(void **state) {
    (void)state;
    static float whole[512], part[512];
    tg__random_normal(TG_F32, whole, 512, 1, 2, 3);
    const uint64_t used = tg__random_normal(TG_F32, part, 200, 1, 2, 3);
    tg__random_normal(TG_F32, part + 200, 312, 1, 2, 3 + used);
    assert_memory_equal(part, whole, sizeof(whole));
}

static void the_number_of_threads_does_not_matter(void **state) {
    (void)state;
    const int64_t n = 100003;
    char *one = malloc(8 * (size_t)n), *many = malloc(8 * (size_t)n);
    assert_non_null(one);
    assert_non_null(many);
    for (tg_dtype t = TG_F32; t <= TG_F64; t++) {
        for (int normal = 0; normal < 2; normal++) {
            const fill_fn fill = normal ? tg__random_normal : tg__random_uniform;
            assert_ok(tg_set_num_threads(1));
            fill(t, one, n, 1, 2, 3);
            assert_ok(tg_set_num_threads(4));
            fill(t, many, n, 1, 2, 3);
            assert_memory_equal(one, many, (size_t)n * item_size[t]);
        }
    }
    free(one);
    free(many);
}

/* Mean, variance and fourth moment lie within 5 standard errors of what they should be. */
static void the_distributions_have_the_right_moments(void **state) {
    (void)state;
    enum { N = 1 << 18 };
    double *x = malloc(N * sizeof(double));
    assert_non_null(x);
    for (tg_dtype t = TG_F32; t <= TG_F64; t++) {
        for (int normal = 0; normal < 2; normal++) {
            (normal ? tg__random_normal : tg__random_uniform)(t, x, N, 99, 0, 0);
            double m1 = 0, m2 = 0, m4 = 0, lowest = 1, highest = 0;
            for (int64_t i = 0; i < N; i++) {
                const double e = element(t, x, i), c = normal ? e : e - 0.5;
                m1 += c / N;
                m2 += c * c / N;
                m4 += c * c * c * c / N;
                lowest = e < lowest ? e : lowest;
                highest = e > highest ? e : highest;
            }
            if (normal) {
                assert_close(m1, 0, 0, 5 / sqrt(N));
                assert_close(m2, 1, 0, 5 * sqrt(2.0 / N));
                assert_close(m4, 3, 0, 5 * sqrt(96.0 / N));
                assert_true(lowest > -8 && lowest < -4 && highest < 8 && highest > 4);
            } else {
                assert_close(m1, 0, 0, 5 * sqrt(1.0 / 12 / N));
                assert_close(m2, 1.0 / 12, 0, 5 * sqrt(1.0 / 180 / N));
                assert_close(m4, 1.0 / 80, 0, 5 * sqrt(1.0 / 3600 / N));
                assert_true(lowest >= 0 && lowest < 1e-4 && highest < 1 && highest > 0.9999);
            }
        }
    }
    free(x);
}

static void seeds_streams_and_positions_give_different_blocks(void **state) {
    (void)state;
    uint32_t block[4][4];
    tg__philox(1, 2, 3, block[0]);
    tg__philox(2, 2, 3, block[1]);
    tg__philox(1, 3, 3, block[2]);
    tg__philox(1, 2, 4, block[3]);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < i; j++)
            assert_memory_not_equal(block[i], block[j], sizeof(block[0]));
}

TG_TEST_MAIN(cmocka_unit_test(blocks_are_those_of_the_published_answers),
             cmocka_unit_test(a_seed_gives_the_recorded_numbers),
             cmocka_unit_test(runs_agree_with_single_blocks),
             cmocka_unit_test(a_shorter_run_is_the_beginning_of_a_longer_one),
             cmocka_unit_test(the_next_run_continues_where_the_first_ended),
             cmocka_unit_test(the_number_of_threads_does_not_matter),
             cmocka_unit_test(the_distributions_have_the_right_moments),
             cmocka_unit_test(seeds_streams_and_positions_give_different_blocks))
