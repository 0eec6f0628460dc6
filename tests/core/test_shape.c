/* test_shape.c - sizes, strides and broadcasting. */
#include "core/tensor.h"

#include "tg_tidy.h"

#include <stdlib.h>

#define SIZES(...)                                                                                 \
    (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]) { __VA_ARGS__ }

/* A header on no memory, for functions that look at sizes only. */
static tg_tensor header(int ndim, const int64_t *shape, const int64_t *stride) {
    tg_tensor x = {.magic = TG__MAGIC, .dtype = TG_F32, .ndim = (uint8_t)ndim, .numel = 1};
    if (stride == NULL)
        tg__row_major(ndim, shape, x.stride);
    for (int d = 0; d < ndim; d++) {
        x.shape[d] = shape[d];
        x.numel *= shape[d];
        if (stride != NULL)
            x.stride[d] = stride[d];
    }
    if (tg__is_row_major(ndim, x.shape, x.stride))
        x.flags = TG__CONTIGUOUS;
    return x;
}

/* ---- tg__shape_check ---- */

static void checked(tg_dtype dtype, int ndim, const int64_t *shape, int64_t numel) {
    int64_t n = -1;
    size_t bytes = 1;
    assert_true(tg__shape_check("op", dtype, ndim, shape, &n, &bytes));
    assert_true(n == numel);
    assert_true(bytes == (size_t)numel * tg_dtype_size(dtype));
    assert_true(tg__shape_check("op", dtype, ndim, shape, NULL, NULL));
    assert_int_equal(tg_error_status(), TG_OK);
}

static void refused(tg_dtype dtype, int ndim, const int64_t *shape, tg_status status,
                    const char *part) {
    int64_t n = -77;
    size_t bytes = 77;
    assert_false(tg__shape_check("op", dtype, ndim, shape, &n, &bytes));
    assert_fails(tg_error_status(), status, part);
    assert_int_equal(strncmp(tg_error_message(), "op: ", 4), 0);
    assert_true(n == -77 && bytes == 77);
    tg_error_clear();
}

static void good_shapes_are_measured(void **state) {
    (void)state;
    checked(TG_F32, 0, NULL, 1);
    checked(TG_F64, SIZES(3), 3);
    checked(TG_I32, SIZES(2, 3, 4), 24);
    checked(TG_U8, SIZES(1, 1, 1, 1, 1, 1, 1, 2), 2);
    checked(TG_F32, SIZES(0), 0);
    checked(TG_F32, SIZES(5, 0, 7), 0);
    checked(TG_BOOL, SIZES(INT64_MAX), INT64_MAX);
    checked(TG_F64, SIZES(INT64_MAX / 8), INT64_MAX / 8);
    checked(TG_F64, SIZES(0, INT64_MAX / 8), 0);
}

static void bad_shapes_are_named(void **state) {
    (void)state;
    refused(TG_F32, -1, NULL, TG_ERR_SHAPE, "-1 dims; give 0 to 8");
    refused(TG_F32, 9, (int64_t[9]){0}, TG_ERR_SHAPE, "9 dims; give 0 to 8");
    refused(TG_F32, INT32_MAX, (int64_t[1]){0}, TG_ERR_SHAPE, "dims");
    refused(TG_F32, 2, NULL, TG_ERR_ARG, "shape is NULL with 2 dims");
    refused(TG_F32, SIZES(3, -4), TG_ERR_SHAPE, "size -4 of dim 1 in [3, -4] is negative");
    refused(TG_F32, SIZES(0, INT64_MIN), TG_ERR_SHAPE, "negative");
    refused((tg_dtype)10, 0, NULL, TG_ERR_DTYPE,
            "dtype 10 (unknown) is not supported; use one of those that tg_dtype names");
    refused((tg_dtype)-1, 0, NULL, TG_ERR_DTYPE, "(unknown)");
}

static void overflow_is_found_for_every_dim(void **state) {
    (void)state;
    const int64_t big = (int64_t)1 << 40;
    refused(TG_U8, SIZES(big, big), TG_ERR_SHAPE, "size overflow");
    refused(TG_U8, SIZES(0, big, big), TG_ERR_SHAPE, "size overflow");
    refused(TG_U8, SIZES(big, big, 0), TG_ERR_SHAPE, "size overflow");
    refused(TG_U8, SIZES(big, 0, big), TG_ERR_SHAPE, "size overflow");
    refused(TG_F64, SIZES(0, INT64_MAX, INT64_MAX), TG_ERR_SHAPE, "size overflow");
    refused(TG_F32, SIZES(INT64_MAX / 4 + 1), TG_ERR_SHAPE, "size overflow"); /* bytes only */
    refused(TG_F64, SIZES(0, INT64_MAX / 8 + 1), TG_ERR_SHAPE, "size overflow");
    /* 2^32 * 2^32 is 0 modulo 2^64 */
    refused(TG_U8, SIZES((int64_t)1 << 32, (int64_t)1 << 32), TG_ERR_SHAPE, "size overflow");
}

/* ---- Strides ---- */

static void row_major_strides_multiply_from_the_right(void **state) {
    (void)state;
    int64_t s[TG_MAX_DIMS];
    tg__row_major(3, (int64_t[]){2, 3, 4}, s);
    assert_true(s[0] == 12 && s[1] == 4 && s[2] == 1);
    tg__row_major(3, (int64_t[]){2, 0, 4}, s); /* as if empty dims had size 1 */
    assert_true(s[0] == 4 && s[1] == 4 && s[2] == 1);
    s[0] = 99;
    tg__row_major(0, NULL, s);
    assert_true(s[0] == 99);
}

static void row_major_is_recognised(void **state) {
    (void)state;
    const int64_t shape[] = {2, 3, 4};
    assert_true(tg__is_row_major(0, NULL, NULL));
    assert_true(tg__is_row_major(3, shape, (int64_t[]){12, 4, 1}));
    assert_false(tg__is_row_major(3, shape, (int64_t[]){12, 4, 2}));
    assert_false(tg__is_row_major(3, shape, (int64_t[]){1, 2, 6}));
    assert_false(tg__is_row_major(3, shape, (int64_t[]){0, 4, 1}));
    /* strides of single elements do not matter, nor any of an empty tensor */
    assert_true(tg__is_row_major(3, (int64_t[]){2, 1, 4}, (int64_t[]){4, 77, 1}));
    assert_true(tg__is_row_major(2, (int64_t[]){1, 1}, (int64_t[]){5, 0}));
    assert_true(tg__is_row_major(2, (int64_t[]){3, 0}, (int64_t[]){9, 9}));
}

/* Whether two indices reach the same element, by trying all. */
static bool meets(const tg_tensor *x) {
    static int64_t seen[1 << 12];
    bool twice = false;
    for (int64_t i = 0; i < x->numel; i++) {
        int64_t rest = i;
        seen[i] = 0;
        for (int d = x->ndim - 1; d >= 0; d--) {
            seen[i] += rest % x->shape[d] * x->stride[d];
            rest /= x->shape[d];
        }
        for (int64_t j = 0; j < i; j++)
            twice = twice || seen[i] == seen[j];
    }
    return twice;
}

static void overlap_is_never_missed(void **state) {
    (void)state;
    srandom(3);
    int found = 0;
    for (int round = 0; round < 3000; round++) {
        int ndim = 1 + (int)(random() % 4);
        int64_t shape[4];
        int64_t stride[4];
        for (int d = 0; d < ndim; d++) {
            shape[d] = 1 + random() % 4;
            stride[d] = random() % 20;
        }
        tg_tensor x = header(ndim, shape, stride);
        bool really = meets(&x);
        found += really;
        if (really)
            assert_true(tg__overlaps_itself(&x));
    }
    assert_true(found > 300);
}

/* Slices with steps, transposed, of a contiguous tensor: what views are made of. */
static void views_without_repetition_do_not_overlap(void **state) {
    (void)state;
    srandom(4);
    for (int round = 0; round < 3000; round++) {
        int ndim = 1 + (int)(random() % TG_MAX_DIMS);
        int64_t shape[TG_MAX_DIMS];
        int64_t stride[TG_MAX_DIMS];
        int64_t step = 1;
        for (int d = ndim - 1; d >= 0; d--) {
            int64_t full = 1 + random() % 5;
            int64_t by = 1 + random() % 3;
            shape[d] = (full - 1) / by + 1;
            stride[d] = step * by;
            step *= full;
        }
        for (int d = ndim - 1; d > 0; d--) {
            int e = (int)(random() % (d + 1));
            int64_t a = shape[d];
            int64_t b = stride[d];
            shape[d] = shape[e];
            stride[d] = stride[e];
            shape[e] = a;
            stride[e] = b;
        }
        tg_tensor x = header(ndim, shape, stride);
        assert_false(tg__overlaps_itself(&x));
    }
}

static void repetition_is_overlap(void **state) {
    (void)state;
    tg_tensor x = header(2, (int64_t[]){2, 3}, (int64_t[]){0, 1});
    assert_true(tg__overlaps_itself(&x));
    x = header(2, (int64_t[]){1, 3}, (int64_t[]){0, 1}); /* one element repeats nothing */
    assert_false(tg__overlaps_itself(&x));
    x = header(2, (int64_t[]){0, 3}, (int64_t[]){1, 0});
    assert_false(tg__overlaps_itself(&x));
    x = header(2, (int64_t[]){3, 2}, (int64_t[]){1, 1}); /* a sliding window */
    assert_true(tg__overlaps_itself(&x));
    x = header(0, NULL, NULL);
    assert_false(tg__overlaps_itself(&x));
}

static void ranges_of_memory_are_compared(void **state) {
    (void)state;
    tg_tensor *x = tg_zeros(TG_F32, TG_SHAPE(10));
    tg_tensor *other = tg_zeros(TG_F64, TG_SHAPE(10));
    const int64_t five[] = {5};
    const int64_t none[] = {0};
    tg_tensor *low = tg__view("test", x, 1, five, (int64_t[]){1}, 0);
    tg_tensor *high = tg__view("test", x, 1, five, (int64_t[]){1}, 5);
    tg_tensor *even = tg__view("test", x, 1, five, (int64_t[]){2}, 0);
    tg_tensor *empty = tg__view("test", x, 1, none, (int64_t[]){1}, 0);
    assert_true(tg__ranges_meet(x, x));
    assert_true(tg__ranges_meet(x, low));
    assert_true(tg__ranges_meet(high, x));
    assert_false(tg__ranges_meet(low, high)); /* they touch */
    assert_true(tg__ranges_meet(even, high));
    assert_true(tg__ranges_meet(even, low));
    assert_false(tg__ranges_meet(x, other));
    assert_false(tg__ranges_meet(x, empty));
    assert_false(tg__ranges_meet(empty, x));
    tg__unref(low);
    tg__unref(high);
    tg__unref(even);
    tg__unref(empty);
    tg_release(x);
    tg_release(other);
}

/* ---- Dims ---- */

static void dims_count_from_both_ends(void **state) {
    (void)state;
    tg_tensor x = header(3, (int64_t[]){2, 3, 4}, NULL);
    tg_tensor zero = header(0, NULL, NULL);
    for (int d = 0; d < 3; d++) {
        assert_int_equal(tg__dim("op", &x, d), d);
        assert_int_equal(tg__dim("op", &x, d - 3), d);
    }
    assert_int_equal(tg__dim("op", &zero, 0), 0); /* 0-d counts as 1-d */
    assert_int_equal(tg__dim("op", &zero, -1), 0);
    assert_int_equal(tg_error_status(), TG_OK);
}

static void dims_out_of_range_are_named(void **state) {
    (void)state;
    tg_tensor x = header(3, (int64_t[]){2, 3, 4}, NULL);
    tg_tensor zero = header(0, NULL, NULL);
    assert_int_equal(tg__dim("sum", &x, 3), -1);
    assert_fails(tg_error_status(), TG_ERR_INDEX,
                 "sum: dim 3 is out of range for f32 [2, 3, 4]; give -3 to 2");
    assert_int_equal(tg__dim("sum", &x, -4), -1);
    assert_fails(tg_error_status(), TG_ERR_INDEX, "dim -4");
    assert_int_equal(tg__dim("sum", &zero, 1), -1);
    assert_fails(tg_error_status(), TG_ERR_INDEX, "give -1 to 0");
    assert_int_equal(tg__dim("sum", &x, INT32_MIN), -1);
}

static void masks_of_dims(void **state) {
    (void)state;
    uint32_t mask;
    tg_tensor x = header(3, (int64_t[]){2, 3, 4}, NULL);
    tg_tensor zero = header(0, NULL, NULL);
    tg_tensor eight = header(8, (int64_t[]){1, 1, 1, 1, 1, 1, 1, 1}, NULL);
    assert_true(tg__dim_mask("op", &x, TG_ALL, &mask));
    assert_int_equal(mask, 7);
    assert_true(tg__dim_mask("op", &x, TG_DIMS(-1, 0), &mask));
    assert_int_equal(mask, 5);
    assert_true(tg__dim_mask("op", &zero, TG_ALL, &mask));
    assert_int_equal(mask, 0);
    assert_true(tg__dim_mask("op", &zero, TG_DIMS(-1), &mask));
    assert_int_equal(mask, 0);
    assert_true(tg__dim_mask("op", &eight, TG_ALL, &mask));
    assert_int_equal(mask, 255);
}

static void bad_lists_of_dims_are_named(void **state) {
    (void)state;
    uint32_t mask;
    tg_tensor x = header(3, (int64_t[]){2, 3, 4}, NULL);
    assert_false(tg__dim_mask("sum", &x, TG_DIMS(0, 3), &mask));
    assert_fails(tg_error_status(), TG_ERR_INDEX, "sum: dim 3 is out of range");
    assert_false(tg__dim_mask("sum", &x, TG_DIMS(1, -2), &mask));
    assert_fails(tg_error_status(), TG_ERR_INDEX, "sum: dim -2 is given twice for f32 [2, 3, 4]");
    assert_false(tg__dim_mask("sum", &x, 2, NULL, &mask));
    assert_fails(tg_error_status(), TG_ERR_ARG, "sum: 2 dims at NULL");
    assert_false(tg__dim_mask("sum", &x, -1, (const int[]){0}, &mask));
    assert_fails(tg_error_status(), TG_ERR_ARG, "sum: -1 dims");
    assert_false(tg__dim_mask("sum", &x, 9, (const int[]){0, 1, 2, 0, 1, 2, 0, 1, 2}, &mask));
    assert_fails(tg_error_status(), TG_ERR_INDEX, "twice");
}

/* ---- Broadcasting ---- */

static void broadcast(int na, const int64_t *a, int nb, const int64_t *b, int n,
                      const int64_t *expected) {
    for (int swap = 0; swap < 2; swap++) {
        tg_tensor x = header(swap ? nb : na, swap ? b : a, NULL);
        tg_tensor y = header(swap ? na : nb, swap ? a : b, NULL);
        int ndim;
        int64_t shape[TG_MAX_DIMS];
        assert_true(tg__broadcast("op", &x, &y, &ndim, shape));
        assert_int_equal(ndim, n);
        for (int d = 0; d < n; d++)
            assert_true(shape[d] == expected[d]);
    }
}

static void shapes_broadcast_from_the_right(void **state) {
    (void)state;
    broadcast(0, NULL, 0, NULL, 0, NULL);
    broadcast(0, NULL, SIZES(2, 3), SIZES(2, 3));
    broadcast(SIZES(3), SIZES(2, 3), SIZES(2, 3));
    broadcast(SIZES(2, 1), SIZES(1, 3), SIZES(2, 3));
    broadcast(SIZES(4, 1, 5), SIZES(2, 1), SIZES(4, 2, 5));
    broadcast(SIZES(1), SIZES(0), SIZES(0)); /* 1 gives way to 0 */
    broadcast(SIZES(0, 3), SIZES(1), SIZES(0, 3));
    broadcast(SIZES(2, 0), SIZES(2, 1), SIZES(2, 0));
    broadcast(SIZES(1, 1, 1, 1, 1, 1, 1, 2), SIZES(3, 1), SIZES(1, 1, 1, 1, 1, 1, 3, 2));
}

static void shapes_that_do_not_broadcast_are_named(void **state) {
    (void)state;
    int ndim;
    int64_t shape[TG_MAX_DIMS];
    tg_tensor x = header(2, (int64_t[]){2, 3}, NULL);
    tg_tensor y = header(2, (int64_t[]){4, 3}, NULL);
    tg_tensor z = header(1, (int64_t[]){0}, NULL);
    assert_false(tg__broadcast("add", &x, &y, &ndim, shape));
    assert_fails(tg_error_status(), TG_ERR_SHAPE,
                 "add: f32 [2, 3] and f32 [4, 3] do not broadcast: "
                 "sizes 2 and 4 at dim -2");
    assert_false(tg__broadcast("add", &x, &z, &ndim, shape));
    assert_fails(tg_error_status(), TG_ERR_SHAPE, "sizes 3 and 0 at dim -1");
}

static void broadcast_strides_repeat_by_0(void **state) {
    (void)state;
    int64_t s[TG_MAX_DIMS];
    tg_tensor x = header(2, (int64_t[]){3, 1}, (int64_t[]){5, 9});
    tg__broadcast_strides(&x, 4, s);
    assert_true(s[0] == 0 && s[1] == 0 && s[2] == 5 && s[3] == 0);
    tg_tensor zero = header(0, NULL, NULL);
    tg__broadcast_strides(&zero, 2, s);
    assert_true(s[0] == 0 && s[1] == 0);
}

static void equal_shapes_are_equal(void **state) {
    (void)state;
    tg_tensor a = header(2, (int64_t[]){2, 3}, NULL);
    tg_tensor b = header(2, (int64_t[]){2, 3}, (int64_t[]){1, 2});
    tg_tensor c = header(2, (int64_t[]){3, 2}, NULL);
    tg_tensor d = header(3, (int64_t[]){2, 3, 1}, NULL);
    tg_tensor zero = header(0, NULL, NULL);
    assert_true(tg__same_shape(&a, &a));
    assert_true(tg__same_shape(&a, &b)); /* strides do not count */
    assert_false(tg__same_shape(&a, &c));
    assert_false(tg__same_shape(&a, &d));
    assert_false(tg__same_shape(&d, &a));
    assert_false(tg__same_shape(&a, &zero));
    assert_true(tg__same_shape(&zero, &zero));
}

/* ---- Descriptions ---- */

static void descriptions_say_dtype_and_shape(void **state) {
    (void)state;
    tg_tensor x = header(2, (int64_t[]){2, 3}, NULL);
    tg_tensor zero = header(0, NULL, NULL);
    zero.dtype = TG_BOOL;
    assert_string_equal(tg__describe(&x), "f32 [2, 3]");
    assert_string_equal(tg__describe(&zero), "bool []");
    assert_string_equal(tg__describe(NULL), "NULL");
    assert_string_equal(tg__describe(TG_NONE), "TG_NONE");
}

static void several_descriptions_stand_in_one_message(void **state) {
    (void)state;
    tg_tensor x = header(1, (int64_t[]){1}, NULL);
    tg_tensor y = header(1, (int64_t[]){2}, NULL);
    tg_tensor z = header(1, (int64_t[]){3}, NULL);
    const char *a = tg__describe(&x);
    const char *b = tg__describe(&y);
    const char *c = tg__describe(&z);
    assert_string_equal(a, "f32 [1]");
    assert_string_equal(b, "f32 [2]");
    assert_string_equal(c, "f32 [3]");
}

static void the_longest_description_fits_or_is_cut(void **state) {
    (void)state;
    int64_t shape[TG_MAX_DIMS];
    for (int d = 0; d < TG_MAX_DIMS; d++)
        shape[d] = INT64_MIN;
    const char *text = tg__describe_shape(TG_MAX_DIMS, shape);
    assert_true(strlen(text) < TG__DESC_BYTES);
    assert_contains(text, "[-9223372036854775808, -9223372036854775808");
    assert_int_equal(text[strlen(text) - 1], ']');
}

TG_TEST_MAIN(tg_tidy(good_shapes_are_measured), tg_tidy(bad_shapes_are_named),
             tg_tidy(overflow_is_found_for_every_dim),
             tg_tidy(row_major_strides_multiply_from_the_right), tg_tidy(row_major_is_recognised),
             tg_tidy(overlap_is_never_missed), tg_tidy(views_without_repetition_do_not_overlap),
             tg_tidy(repetition_is_overlap), tg_tidy(ranges_of_memory_are_compared),
             tg_tidy(dims_count_from_both_ends), tg_tidy(dims_out_of_range_are_named),
             tg_tidy(masks_of_dims), tg_tidy(bad_lists_of_dims_are_named),
             tg_tidy(shapes_broadcast_from_the_right),
             tg_tidy(shapes_that_do_not_broadcast_are_named),
             tg_tidy(broadcast_strides_repeat_by_0), tg_tidy(equal_shapes_are_equal),
             tg_tidy(descriptions_say_dtype_and_shape),
             tg_tidy(several_descriptions_stand_in_one_message),
             tg_tidy(the_longest_description_fits_or_is_cut))
