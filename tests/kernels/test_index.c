/* test_index.c - gather and scatter against plain loops. */
/* ctest: threads */
#include "kernels/index.h"
#include "kernels/values.h"
#include "tg_test.h"
#include <stdlib.h>

static void the_first_bad_index_is_found(void **state) {
    (void)state;
    enum { N = 1000 };
    static int64_t wide[2 * N];
    static int32_t narrow[2 * N];
    int64_t bad = 77;
    for (int i = 0; i < 2 * N; i++) {
        wide[i] = i % 2 ? -1 : i % 50; /* every second one is not looked at with a step of two */
        narrow[i] = (int32_t)wide[i];
    }
    assert_int_equal(tg__index_check(TG_I64, wide, 16, N, 50, &bad), -1);
    assert_int_equal(tg__index_check(TG_I32, narrow, 8, N, 50, &bad), -1);
    assert_int_equal(bad, 77);
    assert_int_equal(tg__index_check(TG_I64, wide, 8, 2, 50, &bad), 1);
    assert_int_equal(bad, -1);
    static const int64_t wrong[] = {-1, 50, 51, INT64_MIN, INT64_MAX, INT32_MIN, INT32_MAX};
    for (int w = 0; w < 7; w++)
        for (int at = 0; at < N; at += 37) {
            wide[2 * at] = wrong[w];
            if (at + 5 < N)
                wide[2 * (at + 5)] = -9;
            assert_int_equal(tg__index_check(TG_I64, wide, 16, N, 50, &bad), at);
            assert_true(bad == wrong[w]);
            if (wrong[w] >= INT32_MIN && wrong[w] <= INT32_MAX) {
                narrow[2 * at] = (int32_t)wrong[w];
                assert_int_equal(tg__index_check(TG_I32, narrow, 8, N, 50, &bad), at);
                assert_true(bad == wrong[w]);
            }
            wide[2 * at] = narrow[2 * at] = 0;
            if (at + 5 < N)
                wide[2 * (at + 5)] = 0;
        }
    assert_int_equal(tg__index_check(TG_I64, NULL, 8, 0, 0, &bad), -1);
    const int64_t zero = 0;
    assert_int_equal(tg__index_check(TG_I64, &zero, 0, 3, 0, &bad), 0); /* nothing is in [0, 0) */
    assert_int_equal(bad, 0);
}

/* ---- Along one dim --------------------------------------------------------------------------- */

static void make_indices(int64_t *wide, int32_t *narrow, int64_t n, int64_t size, uint64_t seed) {
    for (int64_t i = 0; i < n; i++) {
        wide[i] = random_below(&seed, size);
        narrow[i] = (int32_t)wide[i];
    }
}

static const int64_t shapes[][4] = {/* outer, size, inner, n */
                                    {1, 5, 1, 7},        {3, 4, 2, 6},     {2, 100, 33, 300},
                                    {1, 1000, 64, 5000}, {1, 3, 70000, 2}, {50, 7, 9, 40},
                                    {1, 10, 1, 40000},   {2, 1, 3, 5},     {1, 6, 200, 0}};
enum { SHAPES = 9 };

static void rows_are_selected(void **state) {
    (void)state;
    static int64_t wide[40000];
    static int32_t narrow[40000];
    for (int s = 0; s < SHAPES; s++)
        for (int dtype = 0; dtype < 6; dtype++) {
            const int64_t outer = shapes[s][0], size = shapes[s][1], inner = shapes[s][2];
            const int64_t n = shapes[s][3], item = (int64_t)item_size[dtype];
            make_indices(wide, narrow, n, size, (uint64_t)s);
            char *x = malloc((size_t)(outer * size * inner * item));
            char *out = malloc((size_t)(outer * n * inner * item) + 1);
            random_values((tg_dtype)dtype, x, outer * size * inner, 3);
            for (int t = 1; t <= 3; t++) {
                assert_ok(tg_set_num_threads(t));
                memset(out, 0x5A, (size_t)(outer * n * inner * item) + 1);
                if (t == 2)
                    tg__index_select((size_t)item, outer, size, inner, n, TG_I32, narrow, 4, x,
                                     out);
                else
                    tg__index_select((size_t)item, outer, size, inner, n, TG_I64, wide, 8, x, out);
                for (int64_t r = 0; r < outer * n; r++)
                    assert_memory_equal(out + r * inner * item,
                                        x + (r / n * size + wide[r % n]) * inner * item,
                                        (size_t)(inner * item));
                assert_int_equal(out[outer * n * inner * item], 0x5A);
            }
            free(x);
            free(out);
        }
}

/* What adding does to one element. */
static void add_element(tg_dtype dtype, char *out, const char *src) {
    switch (dtype) {
    case TG_F32:
        *(float *)out += *(const float *)src;
        break;
    case TG_F64:
        *(double *)out += *(const double *)src;
        break;
    case TG_I64:
        *(int64_t *)out =
            (int64_t)((uint64_t) * (int64_t *)out + (uint64_t) * (const int64_t *)src);
        break;
    case TG_I32:
        *(int32_t *)out =
            (int32_t)(uint32_t)((int64_t) * (int32_t *)out + (int64_t) * (const int32_t *)src);
        break;
    case TG_U8:
        *(uint8_t *)out = (uint8_t)(*(uint8_t *)out + *(const uint8_t *)src);
        break;
    default:
        *(uint8_t *)out = *(uint8_t *)out || *(const uint8_t *)src;
    }
}

static void assert_same(tg_dtype dtype, const char *a, const char *b, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (!same_bits(dtype, a + (size_t)i * item_size[dtype], b + (size_t)i * item_size[dtype])) {
            print_error("%s: element %lld of %lld differs\n", type_name[dtype], (long long)i,
                        (long long)n);
            fail();
        }
}

static void rows_are_added_in_order(void **state) {
    (void)state;
    static int64_t wide[40000];
    static int32_t narrow[40000];
    for (int s = 0; s < SHAPES; s++)
        for (int dtype = 0; dtype < 6; dtype++) {
            const int64_t outer = shapes[s][0], size = shapes[s][1], inner = shapes[s][2];
            const int64_t n = shapes[s][3], item = (int64_t)item_size[dtype];
            const size_t bytes = (size_t)(outer * size * inner * item);
            make_indices(wide, narrow, n, size, (uint64_t)s);
            char *src = malloc((size_t)(outer * n * inner * item) + 1);
            char *start = malloc(bytes), *out = malloc(bytes), *expected = malloc(bytes);
            random_values((tg_dtype)dtype, src, outer * n * inner, 3);
            random_values((tg_dtype)dtype, start, outer * size * inner, 4);
            memcpy(expected, start, bytes);
            for (int64_t o = 0; o < outer; o++)
                for (int64_t j = 0; j < n; j++)
                    for (int64_t i = 0; i < inner; i++)
                        add_element((tg_dtype)dtype,
                                    expected + ((o * size + wide[j]) * inner + i) * item,
                                    src + ((o * n + j) * inner + i) * item);
            for (int t = 1; t <= 4; t++) {
                assert_ok(tg_set_num_threads(t));
                memcpy(out, start, bytes);
                if (t == 2)
                    tg__index_add((tg_dtype)dtype, outer, size, inner, n, TG_I32, narrow, 4, src,
                                  out);
                else
                    tg__index_add((tg_dtype)dtype, outer, size, inner, n, TG_I64, wide, 8, src,
                                  out);
                assert_same((tg_dtype)dtype, out, expected, outer * size * inner);
            }
            free(src), free(start), free(out), free(expected);
        }
}

static void one_index_may_serve_all(void **state) {
    (void)state;
    const int64_t two = 2;
    const float x[4] = {10, 11, 12, 13};
    float out[3], sums[4] = {0};
    tg__index_select(4, 1, 4, 1, 3, TG_I64, &two, 0, x, out);
    assert_true(out[0] == 12 && out[1] == 12 && out[2] == 12);
    tg__index_add(TG_F32, 1, 4, 1, 4, TG_I64, &two, 0, x, sums);
    assert_true(sums[2] == 46 && sums[1] == 0);
}

/* ---- Any strides
 * --------------------------------------------------------------------------------- */

/* Strides for a random order of dims in memory with gaps; returns the number of elements spanned.
 */
static int64_t random_strides(int ndim, const int64_t *shape, int64_t *stride, uint64_t *random) {
    int order[TG_MAX_DIMS] = {0};
    for (int d = 0; d < ndim; d++) {
        const int64_t place = random_below(random, d + 1);
        order[d] = order[place];
        order[place] = d;
    }
    int64_t size = 1;
    for (int k = 0; k < ndim; k++) {
        stride[order[k]] = size;
        size = size * (shape[order[k]] > 0 ? shape[order[k]] : 1) + random_below(random, 2);
    }
    return size;
}

typedef struct {
    int ndim, dim;
    int64_t shape[TG_MAX_DIMS], stride[3][TG_MAX_DIMS]; /* elements; the operand behind the indices,
                                                           the indices, the one like them */
    int64_t span[3], total, size;
} strided;

static strided random_case(uint64_t *random, int64_t most) {
    strided c;
    c.ndim = (int)random_below(random, 5);
    c.dim = c.ndim > 0 ? (int)random_below(random, c.ndim) : 0;
    c.total = 1;
    c.size = 1 + random_below(random, 6);
    int64_t big[TG_MAX_DIMS] = {1};
    for (int d = 0; d < c.ndim; d++) {
        c.shape[d] = random_below(random, 12) == 0 ? 0 : 1 + random_below(random, most);
        c.total *= c.shape[d];
        big[d] = d == c.dim ? c.size : c.shape[d];
    }
    if (c.ndim == 0)
        c.size = 1;
    c.span[0] = random_strides(c.ndim, big, c.stride[0], random);
    for (int k = 1; k < 3; k++)
        c.span[k] = random_strides(c.ndim, c.shape, c.stride[k], random);
    return c;
}

/* The element offsets of the three operands at a position; the first without the indexed dim. */
static void offsets_at(const strided *c, int64_t at, int64_t *offset) {
    offset[0] = offset[1] = offset[2] = 0;
    for (int d = c->ndim - 1; d >= 0; d--) {
        for (int k = 0; k < 3; k++)
            if (k > 0 || d != c->dim)
                offset[k] += at % c->shape[d] * c->stride[k][d];
        at /= c->shape[d];
    }
}

static void check_case(uint64_t *random, tg_dtype dtype, int64_t most) {
    const strided c = random_case(random, most);
    const int64_t item = (int64_t)item_size[dtype];
    int64_t bytes[3][TG_MAX_DIMS] = {{0}}, *index = malloc((size_t)c.span[1] * 8);
    for (int d = 0; d < c.ndim; d++)
        for (int k = 0; k < 3; k++)
            bytes[k][d] = c.stride[k][d] * (k == 1 ? 8 : item);
    for (int64_t i = 0; i < c.span[1]; i++)
        index[i] = random_below(random, c.size);
    char *x = malloc((size_t)(c.span[0] * item)), *y = malloc((size_t)(c.span[2] * item));
    char *x_expected = malloc((size_t)(c.span[0] * item)),
         *start = malloc((size_t)(c.span[0] * item));
    char *y_expected = malloc((size_t)(c.span[2] * item));
    random_values(dtype, x, c.span[0], 1);
    random_values(dtype, y, c.span[2], 2);
    memcpy(start, x, (size_t)(c.span[0] * item));
    memcpy(x_expected, x, (size_t)(c.span[0] * item));
    memcpy(y_expected, y, (size_t)(c.span[2] * item));
    for (int64_t i = 0; i < c.total; i++) {
        int64_t at[3];
        offsets_at(&c, i, at);
        at[0] += index[at[1]] * (c.ndim > 0 ? c.stride[0][c.dim] : 0);
        add_element(dtype, x_expected + at[0] * item, y + at[2] * item);
        memcpy(y_expected + at[2] * item, x + at[0] * item, (size_t)item);
    }
    for (int t = 1; t <= 3; t += 2) {
        assert_ok(tg_set_num_threads(t));
        memcpy(x, start, (size_t)(c.span[0] * item));
        tg__scatter_add(dtype, c.ndim, c.shape, c.dim, x, bytes[0], (char *)index, bytes[1], y,
                        bytes[2]);
        assert_same(dtype, x, x_expected, c.span[0]);
    }
    tg__gather((size_t)item, c.ndim, c.shape, c.dim, start, bytes[0], (char *)index, bytes[1], y,
               bytes[2]);
    assert_same(dtype, y, y_expected, c.span[2]);
    free(index), free(x), free(y), free(start), free(x_expected), free(y_expected);
}

static void any_strides_are_gathered_and_scattered(void **state) {
    (void)state;
    uint64_t random = 5;
    for (int round = 0; round < 2000; round++)
        check_case(&random, (tg_dtype)(round % 6), 8);
    for (int round = 0; round < 12; round++) /* enough for several threads */
        check_case(&random, round % 2 ? TG_F32 : TG_F64, 60);
}

TG_TEST_MAIN(cmocka_unit_test(the_first_bad_index_is_found), cmocka_unit_test(rows_are_selected),
             cmocka_unit_test(rows_are_added_in_order), cmocka_unit_test(one_index_may_serve_all),
             cmocka_unit_test(any_strides_are_gathered_and_scattered))
