/* test_loop.c - loops over random shapes and layouts against a plain walk over the indices. */
/* ctest: threads */
#include "kernels/loop.h"
#include "kernels/values.h"
#include "tg_test.h"
#include <stdatomic.h>
#include <stdlib.h>

/* A kernel of our own: out = 3 a + 5 b + 7 c + 1 over those inputs that there are. arg: their
 * number. It counts its calls and elements. */
static _Atomic int64_t n_calls, n_elements, n_empty;

static void mix(char *const *p, const int64_t *s, int64_t n, const void *arg) {
    const int inputs = *(const int *)arg;
    static const int32_t factor[] = {3, 5, 7};
    n_empty += n <= 0;
    n_calls++;
    n_elements += n;
    for (int64_t i = 0; i < n; i++) {
        int32_t sum = 1;
        for (int k = 0; k < inputs; k++)
            sum += factor[k] * *(const int32_t *)(p[k + 1] + i * s[k + 1]);
        *(int32_t *)(p[0] + i * s[0]) = sum;
    }
}

enum { SPAN = 1 << 17 };
static int32_t in[3][SPAN], out[SPAN], expected[SPAN];

/* Strides of a random layout of the shape: the dims in random order, gaps between, and, for inputs,
 * some dims broadcast. Returns the bytes it spans, or -1 if too many. */
static int64_t random_layout(int ndim, const int64_t *shape, int64_t *stride, bool may_broadcast,
                             bool may_permute, uint64_t *state) {
    int order[TG_MAX_DIMS];
    for (int d = 0; d < ndim; d++)
        order[d] = d;
    for (int d = 0; d < ndim && may_permute; d++) {
        const int other = (int)random_below(state, ndim), t = order[d];
        order[d] = order[other];
        order[other] = t;
    }
    int64_t span = 4;
    const bool gaps = random_below(state, 3) == 0;
    for (int i = ndim - 1; i >= 0; i--) {
        const int d = order[i];
        if (may_broadcast && random_below(state, 4) == 0) {
            stride[d] = 0;
            continue;
        }
        if (gaps)
            span *= 1 + random_below(state, 3);
        stride[d] = span;
        span *= shape[d];
        if (span > (int64_t)sizeof(out))
            return -1;
    }
    return span;
}

static int64_t walk(const tg__loop *l) {
    int64_t index[TG_MAX_DIMS] = {0}, n = 1;
    for (int d = 0; d < l->ndim; d++)
        n *= l->shape[d];
    static const int32_t factor[] = {3, 5, 7};
    for (int64_t i = 0; i < n; i++) {
        int64_t offset[4] = {0};
        for (int d = 0; d < l->ndim; d++)
            for (int k = 0; k < l->n_operands; k++)
                offset[k] += index[d] * l->stride[k][d];
        int32_t sum = 1;
        for (int k = 1; k < l->n_operands; k++)
            sum += factor[k - 1] * *(const int32_t *)(l->data[k] + offset[k]);
        expected[offset[0] / 4] = sum;
        for (int d = l->ndim - 1; d >= 0 && ++index[d] == l->shape[d]; d--)
            index[d] = 0;
    }
    return n;
}

static void check(tg__loop l, double cost, bool coalesce) {
    const int inputs = l.n_operands - 1;
    memset(out, 0x5A, sizeof(out));
    memset(expected, 0x5A, sizeof(expected));
    const int64_t n = walk(&l);
    if (coalesce)
        tg__loop_coalesce(&l);
    n_calls = n_elements = 0;
    tg__loop_run(&l, mix, &inputs, cost);
    assert_int_equal(n_elements, n); /* every element once */
    assert_int_equal(n_empty, 0);
    assert_memory_equal(out, expected, sizeof(out));
}

static void fill_inputs(void) {
    for (int k = 0; k < 3; k++)
        random_values(TG_I32, in[k], SPAN, (uint64_t)k);
    for (int k = 0; k < 3; k++) /* no overflow in the sums */
        for (int i = 0; i < SPAN; i++)
            in[k][i] %= 1 << 24;
}

/* Random loops with sizes up to `largest`. */
static void check_random_loops(int count, int64_t largest, int max_ndim, double cost,
                               uint64_t seed) {
    fill_inputs();
    uint64_t state = seed;
    for (int round = 0; round < count;) {
        tg__loop l = {.n_operands = 1 + (int)random_below(&state, 4),
                      .ndim = (int)random_below(&state, max_ndim + 1),
                      .data = {(char *)out, (char *)in[0], (char *)in[1], (char *)in[2]}};
        for (int d = 0; d < l.ndim; d++)
            l.shape[d] = random_below(&state, 40) == 0 ? 0 : 1 + random_below(&state, largest);
        const bool permute = random_below(&state, 2) == 0;
        bool fits = true;
        for (int k = 0; k < l.n_operands; k++)
            fits = fits && random_layout(l.ndim, l.shape, l.stride[k], k > 0, permute, &state) >= 0;
        if (!fits)
            continue;
        check(l, cost, random_below(&state, 4) != 0);
        round++;
    }
}

static void small_loops_agree_with_a_plain_walk(void **state) {
    (void)state;
    check_random_loops(1500, 6, TG_MAX_DIMS, 0.25, 1);
}

static void larger_loops_agree_with_a_plain_walk(void **state) {
    (void)state;
    check_random_loops(600, 70, 3, 0.25, 2);
    check_random_loops(300, 400, 2, 0.25, 3);
}

static void threaded_loops_agree_with_a_plain_walk(void **state) {
    (void)state;
    for (int threads = 1; threads <= 4; threads++) {
        assert_ok(tg_set_num_threads(threads));
        check_random_loops(100, 400, 2, 100, 4);
        check_random_loops(100, 40, 3, 1000, 5);
    }
}

/* ---- Coalescing ------------------------------------------------------------------------------ */

static tg__loop loop_of(int ndim, const int64_t *shape, const int64_t *a, const int64_t *b) {
    tg__loop l = {.n_operands = 2, .ndim = ndim, .data = {(char *)out, (char *)in[0]}};
    for (int d = 0; d < ndim; d++) {
        l.shape[d] = shape[d];
        l.stride[0][d] = a[d];
        l.stride[1][d] = b[d];
    }
    return l;
}

#define LIST(...) ((const int64_t[]){__VA_ARGS__})

static void contiguous_operands_become_one_dim(void **state) {
    (void)state;
    tg__loop l = loop_of(4, LIST(2, 3, 4, 5), LIST(240, 80, 20, 4), LIST(240, 80, 20, 4));
    tg__loop_coalesce(&l);
    assert_int_equal(l.ndim, 1);
    assert_int_equal(l.shape[0], 120);
    assert_int_equal(l.stride[0][0], 4);
    assert_int_equal(l.stride[1][0], 4);
}

static void operands_permuted_alike_become_one_dim(void **state) {
    (void)state;
    tg__loop l = loop_of(3, LIST(5, 2, 3), LIST(4, 60, 20), LIST(4, 60, 20));
    tg__loop_coalesce(&l);
    assert_int_equal(l.ndim, 1);
    assert_int_equal(l.shape[0], 30);
    assert_int_equal(l.stride[0][0], 4);
}

static void dims_of_size_one_and_their_strides_are_dropped(void **state) {
    (void)state;
    tg__loop l = loop_of(4, LIST(1, 3, 1, 5), LIST(999, 20, 77, 4), LIST(0, 20, 12345, 4));
    tg__loop_coalesce(&l);
    assert_int_equal(l.ndim, 1);
    assert_int_equal(l.shape[0], 15);
    l = loop_of(2, LIST(1, 1), LIST(4, 4), LIST(0, 0));
    tg__loop_coalesce(&l);
    assert_int_equal(l.ndim, 0);
}

static void a_broadcast_input_keeps_its_dims_apart(void **state) {
    (void)state;
    tg__loop l = loop_of(3, LIST(2, 3, 4), LIST(48, 16, 4), LIST(0, 16, 4)); /* a bias */
    tg__loop_coalesce(&l);
    assert_int_equal(l.ndim, 2);
    assert_int_equal(l.shape[0], 2);
    assert_int_equal(l.shape[1], 12);
    assert_int_equal(l.stride[1][0], 0);
    l = loop_of(3, LIST(2, 3, 4), LIST(48, 16, 4), LIST(0, 0, 0)); /* one value */
    tg__loop_coalesce(&l);
    assert_int_equal(l.ndim, 1);
    assert_int_equal(l.stride[1][0], 0);
}

static void an_empty_shape_calls_nothing(void **state) {
    (void)state;
    const int inputs = 1;
    tg__loop l = loop_of(3, LIST(2, 0, 4), LIST(0, 16, 4), LIST(0, 16, 4));
    n_calls = 0;
    tg__loop_run(&l, mix, &inputs, 1);
    tg__loop_coalesce(&l);
    tg__loop_run(&l, mix, &inputs, 1);
    l = loop_of(2, LIST(5, 0), LIST(0, 4), LIST(4, 20));
    tg__loop_coalesce(&l);
    tg__loop_run(&l, mix, &inputs, 1);
    tg__loop_flat(l.data, LIST(4, 4), 2, 0, mix, &inputs, 1);
    assert_int_equal(n_calls, 0);
}

/* ---- The contiguous path -----------------------------------------------------------------------
 */

static void flat_runs_cover_every_element_once(void **state) {
    (void)state;
    fill_inputs();
    const int inputs = 2;
    static const int64_t lengths[] = {1, 2, 1023, 1024, 1025, 32768, 32769, 65537, SPAN};
    for (int threads = 1; threads <= 3; threads += 2) {
        assert_ok(tg_set_num_threads(threads));
        for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
            for (double cost = 0; cost <= 100; cost = cost * 30 + 0.5) {
                char *const p[3] = {(char *)out, (char *)in[0], (char *)in[1]};
                memset(out, 0x5A, sizeof(out));
                n_elements = 0;
                tg__loop_flat(p, LIST(4, 4, 0), 3, lengths[i], mix, &inputs, cost);
                assert_int_equal(n_elements, lengths[i]);
                for (int64_t j = 0; j < lengths[i]; j++)
                    assert_int_equal(out[j], 1 + 3 * in[0][j] + 5 * in[1][0]);
                for (int64_t j = lengths[i]; j < SPAN; j++)
                    assert_int_equal(out[j], 0x5A5A5A5A);
            }
        }
    }
}

static void cheap_work_is_not_cut_and_dear_work_is(void **state) {
    (void)state;
    const int inputs = 1;
    char *const p[2] = {(char *)out, (char *)in[0]};
    assert_ok(tg_set_num_threads(2));
    n_calls = 0;
    tg__loop_flat(p, LIST(4, 4), 2, 60000, mix, &inputs, 0.25);
    assert_int_equal(n_calls, 1);
    n_calls = 0;
    tg__loop_flat(p, LIST(4, 4), 2, 1000, mix, &inputs, 1e6); /* too few to bother */
    assert_int_equal(n_calls, 1);
    n_calls = 0;
    tg__loop_flat(p, LIST(4, 4), 2, 100000, mix, &inputs, 0.25);
    assert_int_equal(n_calls, 4); /* pieces of 32768 */
    n_calls = 0;
    tg__loop_flat(p, LIST(4, 4), 2, 10240, mix, &inputs, 8);
    assert_int_equal(n_calls, 10); /* of 1024 */
}

TG_TEST_MAIN(cmocka_unit_test(small_loops_agree_with_a_plain_walk),
             cmocka_unit_test(larger_loops_agree_with_a_plain_walk),
             cmocka_unit_test(threaded_loops_agree_with_a_plain_walk),
             cmocka_unit_test(contiguous_operands_become_one_dim),
             cmocka_unit_test(operands_permuted_alike_become_one_dim),
             cmocka_unit_test(dims_of_size_one_and_their_strides_are_dropped),
             cmocka_unit_test(a_broadcast_input_keeps_its_dims_apart),
             cmocka_unit_test(an_empty_shape_calls_nothing),
             cmocka_unit_test(flat_runs_cover_every_element_once),
             cmocka_unit_test(cheap_work_is_not_cut_and_dear_work_is))
