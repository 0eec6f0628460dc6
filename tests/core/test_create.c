/* test_create.c - new tensors: from memory, filled, ranges. */
#include "core/tensor.h"

#include "tg_tidy.h"

#include <float.h>

static const tg_dtype dtypes[] = {TG_F32, TG_F64, TG_I64, TG_I32, TG_U8, TG_BOOL};

/* Element i of a contiguous tensor. */
static double at(const tg_tensor *x, int64_t i) {
    const void *data = tg_data(x);
    switch (tg_dtype_of(x)) {
    case TG_F32:
        return (double)((const float *)data)[i];
    case TG_F64:
        return ((const double *)data)[i];
    case TG_I64:
        return (double)((const int64_t *)data)[i];
    case TG_I32:
        return ((const int32_t *)data)[i];
    default:
        return ((const uint8_t *)data)[i];
    }
}

/* Checks all elements, dtype, contiguity and the count; releases x. */
static void check(tg_tensor *x, tg_dtype dtype, int64_t n, const double *expected) {
    if (x == NULL)
        fail_msg("%s", tg_error_message());
    assert_int_equal(tg_dtype_of(x), dtype);
    assert_int_equal(tg_numel(x), n);
    assert_true(tg_is_contiguous(x));
    assert_int_equal(tg_version_of(x), 0);
    for (int64_t i = 0; i < n; i++)
        assert_close(at(x, i), expected[i], 0, 0);
    tg_release(x);
}

#define VALUES(...)                                                                                \
    (int64_t)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)), (double[]) { __VA_ARGS__ }

static void refused(tg_tensor *x, tg_status status, const char *part) {
    assert_null(x);
    assert_fails(tg_error_status(), status, part);
    tg_error_clear();
}

/* ---- from_array ---- */

static void from_array_copies(void **state) {
    (void)state;
    float data[] = {1, 2, 3, 4, 5, 6};
    tg_tensor *x = tg_from_array(TG_F32, TG_SHAPE(2, 3), data);
    assert_non_null(x);
    assert_ptr_not_equal(tg_data(x), data);
    data[0] = 100;
    assert_int_equal(tg_ndim(x), 2);
    assert_int_equal(tg_shape(x)[0], 2);
    assert_int_equal(tg_shape(x)[1], 3);
    assert_int_equal(tg_strides(x)[0], 3);
    assert_int_equal(tg_strides(x)[1], 1);
    check(x, TG_F32, VALUES(1, 2, 3, 4, 5, 6));
    check(tg_from_array(TG_I64, TG_0D, (int64_t[]){-7}), TG_I64, VALUES(-7));
    check(tg_from_array(TG_U8, TG_SHAPE(3), "\x00\x80\xff"), TG_U8, VALUES(0, 128, 255));
}

static void from_array_makes_every_true_byte_one(void **state) {
    (void)state;
    check(tg_from_array(TG_BOOL, TG_SHAPE(5), "\x00\x01\x02\x80\xff"), TG_BOOL,
          VALUES(0, 1, 1, 1, 1));
}

static void from_array_takes_unaligned_memory(void **state) {
    (void)state;
    char bytes[3 * sizeof(double) + 1];
    const double values[] = {1.5, -2, 1e300};
    memcpy(bytes + 1, values, sizeof values);
    check(tg_from_array(TG_F64, TG_SHAPE(3), bytes + 1), TG_F64, 3, values);
}

static void from_array_without_elements_takes_null(void **state) {
    (void)state;
    check(tg_from_array(TG_F32, TG_SHAPE(0), NULL), TG_F32, 0, NULL);
    check(tg_from_array(TG_BOOL, TG_SHAPE(3, 0, 2), NULL), TG_BOOL, 0, NULL);
    refused(tg_from_array(TG_F32, TG_SHAPE(2, 3), NULL), TG_ERR_ARG,
            "from_array: argument data is NULL for f32 [2, 3]; pass 24 bytes");
    refused(tg_from_array(TG_F32, TG_0D, NULL), TG_ERR_ARG, "data is NULL");
}

/* Each function that takes a shape says what is wrong with it, under its own name. */
static void bad_shapes_are_refused_by_all(void **state) {
    (void)state;
    const int64_t nine[] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    char name[32];
    for (int f = 0; f < 6; f++) {
        static const char *const names[] = {"from_array", "from_blob", "empty",
                                            "zeros",      "ones",      "full"};
        double one = 1;
#define MAKE(dtype, ndim, shape)                                                                   \
    (f == 0   ? tg_from_array(dtype, ndim, shape, &one)                                            \
     : f == 1 ? tg_from_blob(&one, dtype, ndim, shape, NULL, NULL, NULL)                           \
     : f == 2 ? tg_empty(dtype, ndim, shape)                                                       \
     : f == 3 ? tg_zeros(dtype, ndim, shape)                                                       \
     : f == 4 ? tg_ones(dtype, ndim, shape)                                                        \
              : tg_full(dtype, ndim, shape, 1))
        snprintf(name, sizeof name, "%s: ", names[f]);
        const int64_t negative[] = {2, -3};
        const int64_t huge[] = {(int64_t)1 << 40, (int64_t)1 << 40};
        const int64_t hidden[] = {(int64_t)1 << 40, 0, (int64_t)1 << 40};
        refused(MAKE(TG_F32, 9, nine), TG_ERR_SHAPE, name);
        refused(MAKE(TG_F32, -1, nine), TG_ERR_SHAPE, name);
        refused(MAKE(TG_F32, 2, negative), TG_ERR_SHAPE, "-3");
        refused(MAKE(TG_F32, 2, huge), TG_ERR_SHAPE, "overflow");
        refused(MAKE(TG_F32, 3, hidden), TG_ERR_SHAPE, "overflow");
        refused(MAKE(TG_F32, 2, NULL), TG_ERR_ARG, name);
        refused(MAKE((tg_dtype)10, 0, NULL), TG_ERR_DTYPE, "dtype 10");
        refused(MAKE((tg_dtype)99, 0, NULL), TG_ERR_DTYPE, name);
        refused(MAKE((tg_dtype)-1, 0, NULL), TG_ERR_DTYPE, name);
#undef MAKE
    }
}

static void a_huge_valid_request_is_out_of_memory(void **state) {
    (void)state;
    refused(tg_zeros(TG_F32, TG_SHAPE((int64_t)1 << 43)), TG_ERR_MEMORY, "35184372088832 bytes");
    refused(tg_empty(TG_U8, TG_SHAPE(INT64_MAX)), TG_ERR_MEMORY, "empty: out of memory");
}

/* ---- from_blob ---- */

static void count_deletes(void *ctx) { ++*(int *)ctx; }

static void from_blob_shares_the_memory(void **state) {
    (void)state;
    double data[] = {1, 2, 3, 4, 5, 6};
    int deleted = 0;
    tg_tensor *x = tg_from_blob(data, TG_F64, TG_SHAPE(2, 3), NULL, count_deletes, &deleted);
    assert_ptr_equal(tg_data(x), data);
    assert_true(tg_is_contiguous(x));
    assert_int_equal(tg_strides(x)[0], 3);
    data[4] = 50;
    assert_close(at(x, 4), 50, 0, 0);
    tg_tensor *again = tg_retain(x);
    tg_release(x);
    assert_int_equal(deleted, 0);
    tg_release(again);
    assert_int_equal(deleted, 1);
}

static void from_blob_takes_any_strides(void **state) {
    (void)state;
    float data[12];
    for (int i = 0; i < 12; i++)
        data[i] = (float)i;
    const int64_t columns[] = {1, 4};
    const int64_t repeated[] = {0, 2};
    float out[12];
    tg_tensor *x = tg_from_blob(data, TG_F32, TG_SHAPE(4, 3), columns, NULL, NULL);
    assert_false(tg_is_contiguous(x));
    assert_int_equal(tg_strides(x)[1], 4);
    assert_ok(tg_copy_to(x, out, sizeof out));
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 3; j++)
            assert_close((double)out[i * 3 + j], (double)(j * 4 + i), 0, 0);
    tg_release(x);

    x = tg_from_blob(data, TG_F32, TG_SHAPE(3, 4), repeated, NULL, NULL);
    assert_ok(tg_copy_to(x, out, sizeof out));
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 4; j++)
            assert_close((double)out[i * 4 + j], (double)(j * 2), 0, 0);
    assert_null(tg_data_mut(x)); /* elements overlap */
    assert_fails(tg_error_status(), TG_ERR_STATE, "overlaps itself");
    tg_release(x);
}

static void from_blob_strides_of_single_elements_are_free(void **state) {
    (void)state;
    float data[] = {1, 2, 3};
    const int64_t strides[] = {1000000, 1, 77};
    tg_tensor *x = tg_from_blob(data, TG_F32, TG_SHAPE(1, 3, 1), strides, NULL, NULL);
    assert_true(tg_is_contiguous(x));
    assert_non_null(tg_data_mut(x));
    tg_release(x);
}

static void from_blob_refuses_bad_memory(void **state) {
    (void)state;
    double data[8] = {0};
    char *bytes = (char *)data;
    int deleted = 0;
#define BLOB(data, dtype, strides, ...)                                                            \
    tg_from_blob(data, dtype, __VA_ARGS__, strides, count_deletes, &deleted)
    const int64_t negative[] = {4, -1};
    const int64_t far[] = {INT64_MAX / 8, 1};
    const int64_t wide[] = {INT64_MAX / 4, 1};
    const int64_t most[] = {(int64_t)1 << 60, 1};
    refused(BLOB(NULL, TG_F32, NULL, TG_SHAPE(2)), TG_ERR_ARG, "from_blob: argument data is NULL");
    refused(BLOB(bytes + 1, TG_F32, NULL, TG_SHAPE(2)), TG_ERR_ARG,
            "aligned to the 4 bytes of f32");
    refused(BLOB(bytes + 4, TG_F64, NULL, TG_SHAPE(2)), TG_ERR_ARG,
            "aligned to the 8 bytes of f64");
    refused(BLOB(bytes + 4, TG_I64, NULL, TG_SHAPE(2)), TG_ERR_ARG,
            "aligned to the 8 bytes of i64");
    refused(BLOB(data, TG_F32, negative, TG_SHAPE(2, 2)), TG_ERR_ARG,
            "stride -1 of dim 1 in [4, -1] is negative");
    refused(BLOB(data, TG_F32, far, TG_SHAPE(9, 1)), TG_ERR_SHAPE, "overflow");
    refused(BLOB(data, TG_F64, wide, TG_SHAPE(1, 1)), TG_ERR_SHAPE, "overflow");
    refused(BLOB(data, TG_F64, far, TG_SHAPE(1000, 0)), TG_ERR_SHAPE, "overflow");
    refused(BLOB((void *)(UINTPTR_MAX - 63), TG_F64, NULL, TG_SHAPE(8)), TG_ERR_SHAPE,
            "end of the address space");
    refused(BLOB(data, TG_F64, most, TG_SHAPE(2, 2)), TG_ERR_SHAPE, "overflow");
#undef BLOB
    assert_int_equal(deleted, 0); /* the memory stayed ours each time */
}

static void from_blob_without_elements(void **state) {
    (void)state;
    int deleted = 0;
    tg_tensor *x = tg_from_blob(NULL, TG_F64, TG_SHAPE(0, 3), NULL, count_deletes, &deleted);
    assert_int_equal(tg_numel(x), 0);
    assert_null(tg_data(x));
    assert_ok(tg_copy_to(x, NULL, 0));
    assert_int_equal(deleted, 0);
    tg_release(x);
    assert_int_equal(deleted, 1);
}

static void from_blob_takes_single_bytes_anywhere(void **state) {
    (void)state;
    uint8_t data[] = {0, 1, 2, 3};
    check(tg_from_blob(data + 1, TG_U8, TG_SHAPE(3), NULL, NULL, NULL), TG_U8, VALUES(1, 2, 3));
}

/* ---- Filled ---- */

static void filled_tensors_hold_their_value(void **state) {
    (void)state;
    for (size_t d = 0; d < 6; d++) {
        for (int n = 0; n < 70; n += 23) {
            double zeros[70] = {0};
            double ones[70];
            for (int i = 0; i < 70; i++)
                ones[i] = 1;
            check(tg_zeros(dtypes[d], TG_SHAPE(n)), dtypes[d], n, zeros);
            check(tg_ones(dtypes[d], TG_SHAPE(n)), dtypes[d], n, ones);
        }
        check(tg_zeros(dtypes[d], TG_0D), dtypes[d], VALUES(0));
        check(tg_ones(dtypes[d], TG_SHAPE(2, 1, 3)), dtypes[d], VALUES(1, 1, 1, 1, 1, 1));
    }
}

static void full_converts_as_a_cast_does(void **state) {
    (void)state;
    check(tg_full(TG_F64, TG_SHAPE(2), 0.1), TG_F64, VALUES(0.1, 0.1));
    check(tg_full(TG_F32, TG_SHAPE(1), 0.1), TG_F32, VALUES((double)0.1F));
    check(tg_full(TG_F32, TG_SHAPE(1), 1e300), TG_F32, VALUES(INFINITY));
    check(tg_full(TG_I64, TG_SHAPE(1), -2.7), TG_I64, VALUES(-2));
    check(tg_full(TG_I32, TG_SHAPE(1), 1e20), TG_I32, VALUES(INT32_MAX));
    check(tg_full(TG_I32, TG_SHAPE(1), NAN), TG_I32, VALUES(0));
    check(tg_full(TG_U8, TG_SHAPE(1), 300), TG_U8, VALUES(255));
    check(tg_full(TG_U8, TG_SHAPE(1), -1), TG_U8, VALUES(0));
    check(tg_full(TG_BOOL, TG_SHAPE(1), 0.001), TG_BOOL, VALUES(1));
    check(tg_full(TG_BOOL, TG_SHAPE(1), NAN), TG_BOOL, VALUES(1));
    check(tg_full(TG_BOOL, TG_SHAPE(1), -0.0), TG_BOOL, VALUES(0));
}

static void scalars_are_0d(void **state) {
    (void)state;
    tg_tensor *x = tg_scalar(TG_F64, 2.5);
    assert_int_equal(tg_ndim(x), 0);
    check(x, TG_F64, VALUES(2.5));
    check(tg_scalar(TG_I32, -3.9), TG_I32, VALUES(-3));
    refused(tg_scalar((tg_dtype)10, 1), TG_ERR_DTYPE, "scalar");
    check(tg_scalar(TG_U8, 1.25), TG_U8, VALUES(1));
    tg_tensor *big = tg_scalar_i64(9007199254740993);
    assert_int_equal(tg_dtype_of(big), TG_I64);
    assert_true(tg_item_i64(big) == 9007199254740993);
    tg_release(big);
    big = tg_scalar_i64(INT64_MIN);
    assert_true(tg_item_i64(big) == INT64_MIN);
    tg_release(big);
}

static void likes_take_shape_and_dtype_only(void **state) {
    (void)state;
    float data[6] = {1, 2, 3, 4, 5, 6};
    const int64_t columns[] = {1, 2};
    tg_tensor *x = tg_from_blob(data, TG_F32, TG_SHAPE(2, 3), columns, NULL, NULL);
    check(tg_zeros_like(x), TG_F32, VALUES(0, 0, 0, 0, 0, 0));
    check(tg_ones_like(x), TG_F32, VALUES(1, 1, 1, 1, 1, 1));
    check(tg_full_like(x, -2), TG_F32, VALUES(-2, -2, -2, -2, -2, -2));
    tg_tensor *e = tg_empty_like(x);
    assert_int_equal(tg_size(e, 0), 2);
    assert_int_equal(tg_size(e, 1), 3);
    assert_true(tg_is_contiguous(e));
    tg_release(e);
    tg_release(x);
}

static void likes_refuse_null_and_none(void **state) {
    (void)state;
    refused(tg_zeros_like(NULL), TG_ERR_ARG, "zeros_like: argument x is NULL");
    refused(tg_ones_like(TG_NONE), TG_ERR_ARG, "ones_like: argument x is TG_NONE");
    refused(tg_empty_like(NULL), TG_ERR_ARG, "empty_like");
    refused(tg_full_like(TG_NONE, 1), TG_ERR_ARG, "full_like");
    /* a pending error stays what it was */
    assert_null(tg_zeros(TG_F32, TG_SHAPE(-1)));
    assert_null(tg_zeros_like(NULL));
    assert_fails(tg_error_status(), TG_ERR_SHAPE, "zeros: ");
}

/* ---- Ranges ---- */

static void arange_agrees_with_pytorch(void **state) {
    (void)state;
    check(tg_arange(TG_F64, 0, 1, .3), TG_F64, VALUES(0, .3, .6, 0.8999999999999999));
    check(tg_arange(TG_F64, 5, 0, -1.5), TG_F64, VALUES(5, 3.5, 2, 0.5));
    check(tg_arange(TG_F64, 1, 1.3, .1), TG_F64, VALUES(1, 1.1, 1.2, 1.3));
    check(tg_arange(TG_F64, 0, .3, .1), TG_F64, VALUES(0, .1, .2));
    check(tg_arange(TG_F64, -1, 1, .5), TG_F64, VALUES(-1, -.5, 0, .5));
    check(tg_arange(TG_F32, 0, 1, .3), TG_F32,
          VALUES(0, 0.30000001192092896, 0.6000000238418579, 0.8999999761581421));
    check(tg_arange(TG_I64, 0, 10, 3), TG_I64, VALUES(0, 3, 6, 9));
    check(tg_arange(TG_I32, 3, -3, -2), TG_I32, VALUES(3, 1, -1));
    check(tg_arange(TG_U8, 250, 256, 1), TG_U8, VALUES(250, 251, 252, 253, 254, 255));
    check(tg_arange(TG_F32, 0, 0, 1), TG_F32, 0, NULL);
    check(tg_arange(TG_F32, 2, 2, -1), TG_F32, 0, NULL);
}

static void arange_of_a_fractional_step_truncates_each_element(void **state) {
    (void)state;
    check(tg_arange(TG_I32, 0.5, 4, .7), TG_I32, VALUES(0, 1, 1, 2, 3));
}

static void arange_is_exact_far_out(void **state) {
    (void)state;
    tg_tensor *x = tg_arange(TG_I64, 9007199254740000.0, 9007199254740992.0, 1);
    assert_int_equal(tg_numel(x), 992);
    for (int64_t i = 0; i < 992; i++)
        assert_true(((const int64_t *)tg_data(x))[i] == 9007199254740000 + i);
    tg_release(x);
}

static void arange_refuses_what_never_arrives(void **state) {
    (void)state;
    refused(tg_arange(TG_F32, 0, 1, 0), TG_ERR_ARG, "step is 0");
    refused(tg_arange(TG_F32, 0, 1, -0.0), TG_ERR_ARG, "step is 0");
    refused(tg_arange(TG_F32, 0, 1, -1), TG_ERR_ARG, "step -1 leads away from 0 to 1");
    refused(tg_arange(TG_F32, 1, 0, .5), TG_ERR_ARG, "step 0.5 leads away from 1 to 0");
    refused(tg_arange(TG_F32, NAN, 1, 1), TG_ERR_ARG, "argument start is nan");
    refused(tg_arange(TG_F32, 0, INFINITY, 1), TG_ERR_ARG, "argument end is inf");
    refused(tg_arange(TG_F32, 0, 1, -INFINITY), TG_ERR_ARG, "argument step is -inf");
    refused(tg_arange(TG_F32, 0, 1e300, 1e-300), TG_ERR_SHAPE, "size overflow");
    refused(tg_arange(TG_F32, -DBL_MAX, DBL_MAX, 1), TG_ERR_SHAPE, "size overflow");
    refused(tg_arange(TG_U8, 0, 9.1e15, 1), TG_ERR_SHAPE, "size overflow");
    refused(tg_arange(TG_BOOL, 0, 2, 1), TG_ERR_DTYPE, "arange: dtype bool");
    refused(tg_arange((tg_dtype)10, 0, 2, 1), TG_ERR_DTYPE, "dtype 10");
}

static void linspace_agrees_with_pytorch(void **state) {
    (void)state;
    check(tg_linspace(TG_F64, 0, 1, 5), TG_F64, VALUES(0, .25, .5, .75, 1));
    check(tg_linspace(TG_F64, 3, 10, 5), TG_F64, VALUES(3, 4.75, 6.5, 8.25, 10));
    check(tg_linspace(TG_F64, 1, 0, 4), TG_F64, VALUES(1, 0.6666666666666667, 1.0 / 3, 0));
    check(tg_linspace(TG_F64, 0, 1, 2), TG_F64, VALUES(0, 1));
    check(tg_linspace(TG_F64, 7, 9, 1), TG_F64, VALUES(7));
    check(tg_linspace(TG_F64, 7, 9, 0), TG_F64, 0, NULL);
    check(tg_linspace(TG_I64, 0, 10, 5), TG_I64, VALUES(0, 2, 5, 7, 10));
    check(tg_linspace(TG_I32, -10, 10, 6), TG_I32, VALUES(-10, -6, -2, 2, 6, 10));
    check(tg_linspace(TG_I64, 10, -10, 6), TG_I64, VALUES(10, 6, 2, -2, -6, -10));
    check(tg_linspace(TG_U8, 0, 255, 4), TG_U8, VALUES(0, 85, 170, 255));
}

static void linspace_is_symmetric(void **state) {
    (void)state;
    for (int64_t n = 2; n < 600; n += 37) {
        tg_tensor *x = tg_linspace(TG_F64, -0.3, 0.3, n);
        const double *v = tg_data(x);
        assert_close(v[0], -0.3, 0, 0);
        assert_close(v[n - 1], 0.3, 0, 0);
        for (int64_t i = 0; i < n; i++) {
            assert_close(v[i], -v[n - 1 - i], 0, 0);
            assert_close(v[i], -0.3 + 0.6 * (double)i / (double)(n - 1), 0, 2e-16);
        }
        tg_release(x);
    }
}

static void linspace_spans_the_whole_range_of_doubles(void **state) {
    (void)state;
    tg_tensor *x = tg_linspace(TG_F64, -DBL_MAX, DBL_MAX, 1001);
    const double *v = tg_data(x);
    assert_close(v[0], -DBL_MAX, 0, 0);
    assert_close(v[1000], DBL_MAX, 0, 0);
    assert_close(v[500], 0, 0, 0);
    for (int i = 0; i < 1000; i++)
        assert_true(v[i] < v[i + 1]);
    tg_release(x);
}

static void linspace_refuses_bad_arguments(void **state) {
    (void)state;
    refused(tg_linspace(TG_F32, 0, 1, -1), TG_ERR_ARG, "linspace: argument n is -1");
    refused(tg_linspace(TG_F32, NAN, 1, 3), TG_ERR_ARG, "argument start is nan");
    refused(tg_linspace(TG_F32, 0, -INFINITY, 3), TG_ERR_ARG, "argument end is -inf");
    refused(tg_linspace(TG_BOOL, 0, 1, 3), TG_ERR_DTYPE, "linspace: dtype bool");
    refused(tg_linspace(TG_F32, 0, 1, INT64_MAX), TG_ERR_SHAPE, "overflow");
}

static void eye_has_ones_on_the_diagonal(void **state) {
    (void)state;
    for (size_t d = 0; d < 6; d++) {
        check(tg_eye(dtypes[d], 2, 3), dtypes[d], VALUES(1, 0, 0, 0, 1, 0));
        check(tg_eye(dtypes[d], 3, 2), dtypes[d], VALUES(1, 0, 0, 1, 0, 0));
    }
    tg_tensor *x = tg_eye(TG_F32, 0, 4);
    assert_int_equal(tg_size(x, 0), 0);
    assert_int_equal(tg_size(x, 1), 4);
    tg_release(x);
    refused(tg_eye(TG_F32, -1, 2), TG_ERR_SHAPE, "eye");
    refused(tg_eye((tg_dtype)10, 2, 2), TG_ERR_DTYPE, "eye");
}

/* ---- Memory runs out ---- */

static float blob[6] = {1, 2, 3, 4, 5, 6};
static int blob_deleted;

static tg_tensor *make(int which) {
    switch (which) {
    case 0:
        return tg_from_array(TG_F32, TG_SHAPE(2, 3), blob);
    case 1:
        return tg_from_blob(blob, TG_F32, TG_SHAPE(2, 3), NULL, count_deletes, &blob_deleted);
    case 2:
        return tg_zeros(TG_F64, TG_SHAPE(100, 100));
    case 3:
        return tg_full(TG_I32, TG_0D, 3);
    case 4:
        return tg_scalar_i64(4);
    case 5:
        return tg_arange(TG_F32, 0, 100, 1);
    case 6:
        return tg_linspace(TG_F32, 0, 100, 1000);
    case 7:
        return tg_eye(TG_BOOL, 5, 5);
    default:
        return NULL;
    }
}

static void each_allocation_may_fail(void **state) {
    (void)state;
    for (int which = 0; which < 8; which++)
        for (int scoped = 0; scoped < 2; scoped++)
            for (int persistent = 0; persistent < 2; persistent++) {
                int failures = 0;
                for (uint64_t n = 1;; n++) {
                    blob_deleted = 0;
                    tg_scope s = scoped ? tg_scope_open() : 0;
                    tg__alloc_fail_at(n, persistent);
                    tg_tensor *x = make(which);
                    tg__alloc_fail_at(0, false);
                    bool made = x != NULL;
                    if (!made) {
                        assert_fails(tg_error_status(), TG_ERR_MEMORY, "out of memory");
                        assert_int_equal(blob_deleted, 0);
                        assert_int_equal(tg_live_tensors(), 0);
                        assert_int_equal(tg_live_storages(), 0);
                        failures++;
                    }
                    if (scoped)
                        assert_int_equal(tg_scope_close(s), made ? TG_OK : TG_ERR_MEMORY);
                    else
                        tg_release(x);
                    tg_error_clear();
                    if (made)
                        break;
                }
                assert_true(failures >= 2); /* the header and the storage at least */
            }
}

static void a_shut_scope_still_creates(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    assert_null(tg_zeros(TG_F32, TG_SHAPE(-1)));
    for (int which = 0; which < 8; which++)
        assert_non_null(make(which));
    assert_int_equal(tg_scope_close(s), TG_ERR_SHAPE);
    assert_int_equal(tg_live_tensors(), 0);
}

TG_TEST_MAIN(tg_tidy(from_array_copies), tg_tidy(from_array_makes_every_true_byte_one),
             tg_tidy(from_array_takes_unaligned_memory),
             tg_tidy(from_array_without_elements_takes_null),
             tg_tidy(bad_shapes_are_refused_by_all), tg_tidy(a_huge_valid_request_is_out_of_memory),
             tg_tidy(from_blob_shares_the_memory), tg_tidy(from_blob_takes_any_strides),
             tg_tidy(from_blob_strides_of_single_elements_are_free),
             tg_tidy(from_blob_refuses_bad_memory), tg_tidy(from_blob_without_elements),
             tg_tidy(from_blob_takes_single_bytes_anywhere),
             tg_tidy(filled_tensors_hold_their_value), tg_tidy(full_converts_as_a_cast_does),
             tg_tidy(scalars_are_0d), tg_tidy(likes_take_shape_and_dtype_only),
             tg_tidy(likes_refuse_null_and_none), tg_tidy(arange_agrees_with_pytorch),
             tg_tidy(arange_of_a_fractional_step_truncates_each_element),
             tg_tidy(arange_is_exact_far_out), tg_tidy(arange_refuses_what_never_arrives),
             tg_tidy(linspace_agrees_with_pytorch), tg_tidy(linspace_is_symmetric),
             tg_tidy(linspace_spans_the_whole_range_of_doubles),
             tg_tidy(linspace_refuses_bad_arguments), tg_tidy(eye_has_ones_on_the_diagonal),
             tg_tidy(each_allocation_may_fail), tg_tidy(a_shut_scope_still_creates))
