/* test_copy.c - copies between layouts, fills and ranges against plain walks. */
/* ctest: threads */
#include "kernels/kernels.h"
#include "kernels/values.h"
#include "tg_test.h"
#include <stdlib.h>

enum { SPAN = 1 << 21, GUARD = 64 };
static char src[SPAN], dst[SPAN + 2 * GUARD], expected[SPAN + 2 * GUARD];

/* Copies the shape in both ways and compares all of dst: what is between and around stays. */
static void check(int ndim, const int64_t *shape, const int64_t *dst_stride,
                  const int64_t *src_stride, size_t item) {
    memset(dst, 0x5A, sizeof(dst));
    memset(expected, 0x5A, sizeof(expected));
    int64_t index[TG_MAX_DIMS] = {0}, n = 1;
    for (int d = 0; d < ndim; d++)
        n *= shape[d];
    for (int64_t i = 0; i < n; i++) {
        int64_t to = 0, from = 0;
        for (int d = 0; d < ndim; d++) {
            to += index[d] * dst_stride[d];
            from += index[d] * src_stride[d];
        }
        assert_true(to + (int64_t)item <= SPAN && from + (int64_t)item <= SPAN);
        memcpy(expected + GUARD + to, src + from, item);
        for (int d = ndim - 1; d >= 0 && ++index[d] == shape[d]; d--)
            index[d] = 0;
    }
    tg__copy_strided(ndim, shape, dst + GUARD, dst_stride, src, src_stride, item);
    if (memcmp(dst, expected, sizeof(dst)) != 0) {
        print_error("items of %d bytes, shape", (int)item);
        for (int d = 0; d < ndim; d++)
            print_error(" %lld", (long long)shape[d]);
        print_error("\n");
        fail();
    }
}

/* Row-major strides of the shape with its dims taken in the given order. */
static void strides_of(int ndim, const int64_t *shape, const int *order, size_t item,
                       int64_t *stride) {
    int64_t span = (int64_t)item;
    for (int i = ndim - 1; i >= 0; i--) {
        stride[order[i]] = span;
        span *= shape[order[i]];
    }
}

static void shuffle(int ndim, int *order, uint64_t *state) {
    for (int d = 0; d < ndim; d++)
        order[d] = d;
    for (int d = 0; d < ndim; d++) {
        const int other = (int)random_below(state, ndim), t = order[d];
        order[d] = order[other];
        order[other] = t;
    }
}

static int setup(void **state) {
    (void)state;
    random_values(TG_U8, src, SPAN, 1);
    return 0;
}

static const size_t items[] = {1, 4, 8};

static void transposes_of_all_small_sizes_are_exact(void **state) {
    (void)state;
    static const int64_t sizes[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 100, 129, 200};
    const int count = sizeof(sizes) / sizeof(*sizes);
    for (int i = 0; i < 3; i++) {
        const int64_t item = (int64_t)items[i];
        for (int a = 0; a < count; a++) {
            for (int b = 0; b < count; b++) {
                const int64_t shape[] = {sizes[a], sizes[b]};
                check(2, shape, (const int64_t[]){sizes[b] * item, item},
                      (const int64_t[]){item, sizes[a] * item}, items[i]);
            }
        }
    }
}

static void random_permutations_are_exact(void **state) {
    (void)state;
    uint64_t seed = 2;
    for (int round = 0; round < 400; round++) {
        const int ndim = (int)random_below(&seed, 6);
        const size_t item = items[random_below(&seed, 3)];
        int64_t shape[TG_MAX_DIMS], to[TG_MAX_DIMS], from[TG_MAX_DIMS];
        int order[TG_MAX_DIMS];
        const int64_t largest = ndim <= 2 ? 250 : ndim == 3 ? 40 : 9;
        for (int d = 0; d < ndim; d++)
            shape[d] = 1 + random_below(&seed, largest);
        shuffle(ndim, order, &seed);
        strides_of(ndim, shape, order, item, to);
        shuffle(ndim, order, &seed);
        strides_of(ndim, shape, order, item, from);
        for (int d = 0; d < ndim; d++) {
            if (random_below(&seed, 5) == 0)
                from[d] = 0; /* expanded */
        }
        check(ndim, shape, to, from, item);
    }
}

static void slices_with_steps_are_exact(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        const int64_t item = (int64_t)items[i];
        check(1, (const int64_t[]){1000}, (const int64_t[]){item}, (const int64_t[]){3 * item},
              items[i]);
        check(1, (const int64_t[]){1000}, (const int64_t[]){3 * item}, (const int64_t[]){item},
              items[i]);
        check(2, (const int64_t[]){50, 70}, (const int64_t[]){200 * item, 2 * item},
              (const int64_t[]){item, 100 * item}, items[i]);
        check(2, (const int64_t[]){50, 70}, (const int64_t[]){70 * item, item},
              (const int64_t[]){100 * item, item}, items[i]);
    }
}

static void image_layouts_change_exactly_with_threads(void **state) {
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        assert_ok(tg_set_num_threads(threads));
        const int64_t shape[] = {2, 3, 60, 70}; /* to NCHW from NHWC, and back */
        const int64_t nchw[] = {50400, 16800, 280, 4}, nhwc[] = {50400, 4, 840, 12};
        check(4, shape, nchw, nhwc, 4);
        check(4, shape, nhwc, nchw, 4);
        check(2, (const int64_t[]){700, 600}, (const int64_t[]){2400, 4},
              (const int64_t[]){4, 2800}, 4);
        check(1, (const int64_t[]){250000}, (const int64_t[]){8}, (const int64_t[]){8}, 8);
        check(2, (const int64_t[]){500, 500}, (const int64_t[]){4000, 8}, (const int64_t[]){0, 0},
              8);
    }
}

static void no_elements_and_no_dims_are_fine(void **state) {
    (void)state;
    check(0, NULL, NULL, NULL, 4);
    check(2, (const int64_t[]){3, 0}, (const int64_t[]){0, 4}, (const int64_t[]){0, 4}, 4);
    tg__copy_strided(1, (const int64_t[]){0}, NULL, (const int64_t[]){4}, NULL,
                     (const int64_t[]){4}, 4);
    tg__fill(NULL, "abcd", 4, 0);
    tg__fill_range(TG_F32, 4, NULL, 0, 1, 0);
}

static void fill_writes_the_value_n_times(void **state) {
    (void)state;
    static const int64_t lengths[] = {1, 2, 3, 17, 1000, 40000, 200000};
    for (int i = 0; i < 3; i++) {
        for (size_t l = 0; l < sizeof(lengths) / sizeof(*lengths); l++) {
            memset(dst, 0x5A, sizeof(dst));
            tg__fill(dst + GUARD, src + 8, items[i], lengths[l]);
            for (int64_t j = 0; j < lengths[l]; j++)
                assert_memory_equal(dst + GUARD + j * (int64_t)items[i], src + 8, items[i]);
            for (int j = 0; j < GUARD; j++) {
                assert_int_equal(dst[j], 0x5A);
                assert_int_equal(dst[GUARD + lengths[l] * (int64_t)items[i] + j], 0x5A);
            }
        }
    }
}

static void ranges_are_start_plus_index_times_step(void **state) {
    (void)state;
    for (tg_dtype t = 0; t < 6; t++) {
        for (int64_t n = 1; n < 60000; n = n * 5 + 2) {
            memset(dst, 0x5A, sizeof(dst));
            tg__fill_range(t, item_size[t], dst + GUARD, -3.7, 0.9, n);
            for (int64_t i = 0; i < n; i++) {
                char element[8];
                tg__convert_double(t, element, -3.7 + (double)i * 0.9);
                assert_memory_equal(dst + GUARD + (size_t)i * item_size[t], element, item_size[t]);
            }
            assert_int_equal(dst[GUARD + (size_t)n * item_size[t]], 0x5A);
        }
    }
    int64_t big[3];
    tg__fill_range(TG_I64, 8, big, 9e18, 1e18, 3); /* beyond the type: saturates */
    assert_int_equal(big[0], 9000000000000000000);
    assert_int_equal(big[1], INT64_MAX);
    assert_int_equal(big[2], INT64_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transposes_of_all_small_sizes_are_exact),
        cmocka_unit_test(random_permutations_are_exact),
        cmocka_unit_test(slices_with_steps_are_exact),
        cmocka_unit_test(image_layouts_change_exactly_with_threads),
        cmocka_unit_test(no_elements_and_no_dims_are_fine),
        cmocka_unit_test(fill_writes_the_value_n_times),
        cmocka_unit_test(ranges_are_start_plus_index_times_step),
    };
    return cmocka_run_group_tests(tests, setup, NULL) == 0 ? 0 : 1;
}
