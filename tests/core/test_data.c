/* test_data.c - reading and writing the elements: pointers, single items, copies. */
#include "core/tensor.h"
#include "kernels/kernels.h"

#include "tg_tidy.h"

#include <stdlib.h>

static const tg_dtype dtypes[] = {TG_F32, TG_F64, TG_I64, TG_I32, TG_U8, TG_BOOL};

static tg_tensor *count_up(tg_dtype dtype, int ndim, const int64_t *shape) {
    tg_tensor *x = tg_empty(dtype, ndim, shape);
    assert_non_null(x);
    for (int64_t i = 0; i < x->numel; i++)
        tg__convert_double(dtype, x->data + i * (int64_t)tg__item_size(dtype), (double)(i % 120));
    return x;
}

/* The element that an index names, by the definition of strides. */
static double element(const tg_tensor *x, int64_t flat) {
    int64_t at = 0;
    for (int d = x->ndim - 1; d >= 0; d--) {
        at += flat % x->shape[d] * x->stride[d];
        flat /= x->shape[d];
    }
    return tg__load_double((tg_dtype)x->dtype, x->data + at * (int64_t)tg__item_size(x->dtype));
}

static tg_tensor *view(const tg_tensor *x, int ndim, const int64_t *shape, const int64_t *stride,
                       int64_t offset) {
    tg_tensor *v = tg__give(tg__view("test", x, ndim, shape, stride, offset));
    assert_non_null(v);
    return v;
}

#define STRIDES(...) ((const int64_t[]){__VA_ARGS__})

/* ---- Pointers ---- */

static void data_points_at_element_0(void **state) {
    (void)state;
    tg_tensor *x = count_up(TG_F32, TG_SHAPE(3, 4));
    tg_tensor *v = view(x, TG_SHAPE(2, 2), STRIDES(4, 1), 5);
    assert_close((double)*(const float *)tg_data(v), 5, 0, 0);
    assert_ptr_equal(tg_data(v), (const float *)tg_data(x) + 5);
    tg_release(v);
    tg_release(x);
}

static void data_of_nothing_is_null_without_an_error(void **state) {
    (void)state;
    tg_tensor *x = tg_zeros(TG_F32, TG_SHAPE(2, 0));
    assert_null(tg_data(NULL));
    assert_null(tg_data(TG_NONE));
    assert_null(tg_data(x));
    assert_null(tg_data_mut(x));
    assert_int_equal(tg_version_of(x), 0);
    assert_int_equal(tg_error_status(), TG_OK);
    tg_release(x);
}

static void data_mut_counts_as_a_write_seen_by_views(void **state) {
    (void)state;
    tg_tensor *x = tg_zeros(TG_F64, TG_SHAPE(2, 3));
    tg_tensor *v = view(x, TG_SHAPE(3), STRIDES(1), 3);
    assert_int_equal(tg_version_of(v), 0);
    double *p = tg_data_mut(v);
    p[2] = 7;
    assert_close(((const double *)tg_data(x))[5], 7, 0, 0);
    assert_int_equal(tg_version_of(x), 1);
    assert_non_null(tg_data_mut(x));
    assert_int_equal(tg_version_of(v), 2);
    assert_int_equal(atomic_load(&x->storage->writer), TG__NO_OP);
    tg_release(v);
    tg_release(x);
}

static void data_mut_refuses_expanded_memory(void **state) {
    (void)state;
    tg_tensor *x = tg_zeros(TG_F32, TG_SHAPE(3));
    tg_tensor *v = view(x, TG_SHAPE(2, 3), STRIDES(0, 1), 0);
    tg_tensor *once = view(x, TG_SHAPE(1, 3), STRIDES(0, 1), 0);
    assert_null(tg_data_mut(v));
    assert_fails(tg_error_status(), TG_ERR_STATE,
                 "data_mut: f32 [2, 3] lies on memory that "
                 "overlaps itself");
    assert_int_equal(tg_version_of(x), 0);
    tg_error_clear();
    assert_non_null(tg_data_mut(once)); /* nothing is repeated */
    tg_release(once);
    tg_release(v);
    tg_release(x);
}

static void data_mut_refuses_null_and_none(void **state) {
    (void)state;
    assert_null(tg_data_mut(NULL));
    assert_fails(tg_error_status(), TG_ERR_ARG, "data_mut: argument x is NULL");
    tg_error_clear();
    assert_null(tg_data_mut(TG_NONE));
    assert_fails(tg_error_status(), TG_ERR_ARG, "data_mut: argument x is TG_NONE");
}

static void a_shut_scope_gives_no_pointer_to_write_through(void **state) {
    (void)state;
    tg_tensor *x = tg_zeros(TG_F32, TG_SHAPE(3));
    tg_scope s = tg_scope_open();
    assert_non_null(tg_data_mut(x));
    assert_null(tg_zeros(TG_F32, TG_SHAPE(-1)));
    assert_null(tg_data_mut(x));
    assert_non_null(tg_data(x));
    assert_int_equal(tg_version_of(x), 1);
    assert_int_equal(tg_scope_close(s), TG_ERR_SHAPE);
    assert_non_null(tg_data_mut(x));
    tg_release(x);
}

/* ---- Items ---- */

static void item_reads_every_dtype(void **state) {
    (void)state;
    for (size_t d = 0; d < 6; d++)
        for (int ndim = 0; ndim < 3; ndim++) {
            tg_tensor *x = tg_full(dtypes[d], ndim, STRIDES(1, 1), 1);
            assert_close(tg_item(x), 1, 0, 0);
            if (!tg_dtype_is_float(dtypes[d]))
                assert_int_equal(tg_item_i64(x), 1);
            tg_release(x);
        }
    tg_tensor *x = tg_scalar(TG_F32, 0.1);
    assert_close(tg_item(x), (double)0.1F, 0, 0);
    tg_release(x);
    x = tg_scalar(TG_F64, NAN); /* a NaN that is no error */
    assert_true(isnan(tg_item(x)));
    assert_int_equal(tg_error_status(), TG_OK);
    tg_release(x);
}

static void item_reads_through_a_view(void **state) {
    (void)state;
    tg_tensor *x = count_up(TG_I32, TG_SHAPE(4, 5));
    tg_tensor *v = view(x, TG_SHAPE(1, 1), STRIDES(5, 1), 13);
    assert_close(tg_item(v), 13, 0, 0);
    assert_int_equal(tg_item_i64(v), 13);
    tg_release(v);
    tg_release(x);
}

static void item_i64_is_exact(void **state) {
    (void)state;
    const int64_t values[] = {INT64_MAX, INT64_MIN, 9007199254740993, -9007199254740993};
    for (int i = 0; i < 4; i++) {
        tg_tensor *x = tg_scalar_i64(values[i]);
        assert_true(tg_item_i64(x) == values[i]);
        assert_close(tg_item(x), (double)values[i], 0, 0);
        tg_release(x);
    }
}

static void item_refuses_other_counts(void **state) {
    (void)state;
    tg_tensor *two = tg_zeros(TG_I32, TG_SHAPE(2));
    tg_tensor *none = tg_zeros(TG_I32, TG_SHAPE(1, 0));
    assert_true(isnan(tg_item(two)));
    assert_fails(tg_error_status(), TG_ERR_SHAPE, "item: i32 [2] has 2 elements");
    assert_int_equal(tg_item_i64(none), 0);
    assert_fails(tg_error_status(), TG_ERR_SHAPE, "item_i64: i32 [1, 0] has 0 elements");
    tg_release(two);
    tg_release(none);
}

static void item_refuses_null_none_and_floats_as_integers(void **state) {
    (void)state;
    assert_true(isnan(tg_item(NULL)));
    assert_fails(tg_error_status(), TG_ERR_ARG, "item: argument x is NULL");
    tg_error_clear();
    assert_true(isnan(tg_item(TG_NONE)));
    assert_fails(tg_error_status(), TG_ERR_ARG, "TG_NONE");
    tg_error_clear();
    assert_int_equal(tg_item_i64(NULL), 0);
    assert_fails(tg_error_status(), TG_ERR_ARG, "item_i64: argument x is NULL");
    tg_tensor *x = tg_scalar(TG_F64, 3);
    assert_int_equal(tg_item_i64(x), 0);
    assert_fails(tg_error_status(), TG_ERR_DTYPE, "item_i64: f64 [] is floating point");
    tg_release(x);
}

/* ---- copy_to ---- */

static void copy_to_is_row_major_whatever_the_layout(void **state) {
    (void)state;
    tg_tensor *x = count_up(TG_I64, TG_SHAPE(3, 4));
    tg_tensor *views[] = {
        tg_retain(x),
        view(x, TG_SHAPE(4, 3), STRIDES(1, 4), 0),       /* transposed */
        view(x, TG_SHAPE(2, 2), STRIDES(4, 2), 1),       /* sliced with a step */
        view(x, TG_SHAPE(2, 3, 4), STRIDES(0, 4, 1), 0), /* expanded */
        view(x, TG_SHAPE(3, 2, 1), STRIDES(4, 0, 9), 2), /* a column, repeated */
        view(x, TG_SHAPE(2, 0), STRIDES(4, 1), 0),
    };
    for (int v = 0; v < 6; v++) {
        int64_t out[24];
        int64_t n = views[v]->numel;
        assert_ok(tg_copy_to(views[v], out, (size_t)n * sizeof *out));
        for (int64_t i = 0; i < n; i++)
            assert_close((double)out[i], element(views[v], i), 0, 0);
        tg_release(views[v]);
    }
    tg_release(x);
}

static void copy_to_writes_no_byte_more(void **state) {
    (void)state;
    uint8_t out[5] = {9, 9, 9, 9, 9};
    tg_tensor *x = tg_ones(TG_U8, TG_SHAPE(3));
    assert_ok(tg_copy_to(x, out + 1, 3));
    assert_memory_equal(out, "\x09\x01\x01\x01\x09", 5);
    tg_release(x);
}

static void copy_to_refuses_a_wrong_size(void **state) {
    (void)state;
    float out[4] = {9, 9, 9, 9};
    tg_tensor *x = tg_zeros(TG_F32, TG_SHAPE(3));
    assert_fails(tg_copy_to(x, out, 16), TG_ERR_ARG,
                 "copy_to: f32 [3] takes 12 bytes and dst has 16");
    assert_fails(tg_copy_to(x, out, 8), TG_ERR_ARG, "takes 12 bytes and dst has 8");
    assert_fails(tg_copy_to(x, NULL, 12), TG_ERR_ARG, "copy_to: argument dst is NULL");
    assert_close((double)out[0], 9, 0, 0);
    tg_error_clear();
    assert_fails(tg_copy_to(NULL, out, 12), TG_ERR_ARG, "copy_to: argument x is NULL");
    tg_error_clear();
    assert_fails(tg_copy_to(TG_NONE, out, 12), TG_ERR_ARG, "TG_NONE");
    tg_release(x);
}

/* ---- assign ---- */

/* All pairs of dtypes over layouts that differ, against one conversion at a time. */
static void assign_converts_between_all_dtypes_and_layouts(void **state) {
    (void)state;
    for (size_t to = 0; to < 6; to++)
        for (size_t from = 0; from < 6; from++)
            for (int layout = 0; layout < 6; layout++) {
                tg_tensor *src = count_up(dtypes[from], TG_SHAPE(5, 7));
                tg_tensor *dst = tg_zeros(dtypes[to], TG_SHAPE(70));
                bool transposed_src = layout & 1;
                const int64_t *shape = STRIDES(5, 7);
                tg_tensor *s = transposed_src ? view(src, 2, shape, STRIDES(1, 5), 0)
                               : layout == 4  ? view(src, 2, shape, STRIDES(0, 1), 7)
                                              : tg_retain(src);
                tg_tensor *d = layout / 2 == 0   ? view(dst, 2, shape, STRIDES(7, 1), 0)
                               : layout / 2 == 1 ? view(dst, 2, shape, STRIDES(1, 5), 0)
                                                 : view(dst, 2, shape, STRIDES(14, 2), 0);
                tg__assign(d, s);
                for (int64_t i = 0; i < 35; i++) {
                    uint64_t cell = 0;
                    tg__convert_double(dtypes[to], &cell, element(s, i));
                    assert_close(element(d, i), tg__load_double(dtypes[to], &cell), 0, 0);
                }
                tg_release(d);
                tg_release(s);
                tg_release(dst);
                tg_release(src);
            }
}

static void assign_leaves_what_lies_between_alone(void **state) {
    (void)state;
    for (size_t from = 0; from < 2; from++) {
        tg_tensor *src = tg_zeros(dtypes[from], TG_SHAPE(3, 2));
        tg_tensor *dst = tg_ones(TG_F64, TG_SHAPE(4, 5));
        tg_tensor *d = view(dst, TG_SHAPE(3, 2), STRIDES(5, 2), 1);
        tg__assign(d, src);
        for (int64_t i = 0; i < 20; i++) {
            bool inside = i / 5 < 3 && (i % 5 == 1 || i % 5 == 3);
            assert_close(element(dst, i), inside ? 0 : 1, 0, 0);
        }
        tg_release(d);
        tg_release(dst);
        tg_release(src);
    }
}

static void assign_saturates_and_truncates(void **state) {
    (void)state;
    const double values[] = {2.7, -2.7, NAN, 1e30, -1e30, 0};
    const double as_i32[] = {2, -2, 0, INT32_MAX, INT32_MIN, 0};
    const double as_u8[] = {2, 0, 0, 255, 0, 0};
    const double as_bool[] = {1, 1, 1, 1, 1, 0};
    tg_tensor *src = tg_from_array(TG_F64, TG_SHAPE(6), values);
    const double *const expected[] = {as_i32, as_u8, as_bool};
    for (int k = 0; k < 3; k++) {
        tg_tensor *dst = tg_empty(dtypes[3 + k], TG_SHAPE(6));
        tg__assign(dst, src);
        for (int64_t i = 0; i < 6; i++)
            assert_close(element(dst, i), expected[k][i], 0, 0);
        tg_release(dst);
    }
    tg_release(src);
}

static void assign_of_nothing_does_nothing(void **state) {
    (void)state;
    tg_tensor *a = tg_zeros(TG_F32, TG_SHAPE(0, 3));
    tg_tensor *b = tg_zeros(TG_I64, TG_SHAPE(0, 3));
    tg__assign(a, a);
    tg__assign(a, b);
    char untouched = 'x';
    tg__pack(a, &untouched);
    assert_int_equal(untouched, 'x');
    tg_release(b);
    tg_release(a);
}

/* Random shapes of up to 8 dims, random strides; the oracle walks index by index. */
static void pack_and_assign_agree_with_the_definition(void **state) {
    (void)state;
    srandom(11);
    tg_tensor *base = count_up(TG_F32, TG_SHAPE(20000));
    for (int round = 0; round < 300; round++) {
        int ndim = (int)(random() % (TG_MAX_DIMS + 1));
        int64_t shape[TG_MAX_DIMS];
        int64_t stride[TG_MAX_DIMS];
        int64_t reach = 0;
        for (int d = 0; d < ndim; d++) {
            shape[d] = 1 + random() % (ndim > 5 ? 3 : 5);
            stride[d] = random() % 4 == 0 ? 0 : random() % 400;
            reach += (shape[d] - 1) * stride[d];
        }
        tg_tensor *v = view(base, ndim, shape, stride, random() % (20000 - reach));
        float *out = malloc((size_t)v->numel * sizeof *out);
        assert_non_null(out);
        tg__pack(v, out);
        tg_tensor *same = tg_empty(TG_F32, ndim, shape);
        tg_tensor *wide = tg_empty(TG_I64, ndim, shape);
        tg__assign(same, v);
        tg__assign(wide, v);
        for (int64_t i = 0; i < v->numel; i++) {
            double expected = element(v, i);
            assert_close((double)out[i], expected, 0, 0);
            assert_close(element(same, i), expected, 0, 0);
            assert_close(element(wide, i), expected, 0, 0);
        }
        free(out);
        tg_release(wide);
        tg_release(same);
        tg_release(v);
    }
    tg_release(base);
}

TG_TEST_MAIN(tg_tidy(data_points_at_element_0), tg_tidy(data_of_nothing_is_null_without_an_error),
             tg_tidy(data_mut_counts_as_a_write_seen_by_views),
             tg_tidy(data_mut_refuses_expanded_memory), tg_tidy(data_mut_refuses_null_and_none),
             tg_tidy(a_shut_scope_gives_no_pointer_to_write_through),
             tg_tidy(item_reads_every_dtype), tg_tidy(item_reads_through_a_view),
             tg_tidy(item_i64_is_exact), tg_tidy(item_refuses_other_counts),
             tg_tidy(item_refuses_null_none_and_floats_as_integers),
             tg_tidy(copy_to_is_row_major_whatever_the_layout),
             tg_tidy(copy_to_writes_no_byte_more), tg_tidy(copy_to_refuses_a_wrong_size),
             tg_tidy(assign_converts_between_all_dtypes_and_layouts),
             tg_tidy(assign_leaves_what_lies_between_alone),
             tg_tidy(assign_saturates_and_truncates), tg_tidy(assign_of_nothing_does_nothing),
             tg_tidy(pack_and_assign_agree_with_the_definition))
