/* test_elementwise.c - promotion, broadcasting, layouts and in-place results, through add and its
 * like. */
#include "ops/elementwise.h"

#include "tensors.h"

#define DTYPES 6
static const char *const names[DTYPES] = {"f32", "f64", "i64", "i32", "u8", "bool"};

static void assert_dtype(const tg_tensor *x, tg_dtype expected, const char *what, int a, int b) {
    if (x == NULL)
        fail_msg("%s of %s and %s: %s", what, names[a], names[b], tg_error_message());
    if (tg_dtype_of(x) != expected)
        fail_msg("%s of %s and %s is %s, not %s", what, names[a], names[b],
                 tg_dtype_name(tg_dtype_of(x)), names[expected]);
}

/* ---- Promotion ---- */

static const tg_dtype promoted[DTYPES][DTYPES] = {
    /*         f32     f64     i64     i32     u8      bool */
    [TG_F32] = {TG_F32, TG_F64, TG_F32, TG_F32, TG_F32, TG_F32},
    [TG_F64] = {TG_F64, TG_F64, TG_F64, TG_F64, TG_F64, TG_F64},
    [TG_I64] = {TG_F32, TG_F64, TG_I64, TG_I64, TG_I64, TG_I64},
    [TG_I32] = {TG_F32, TG_F64, TG_I64, TG_I32, TG_I32, TG_I32},
    [TG_U8] = {TG_F32, TG_F64, TG_I64, TG_I32, TG_U8, TG_U8},
    [TG_BOOL] = {TG_F32, TG_F64, TG_I64, TG_I32, TG_U8, TG_BOOL}};

static void tensors_with_dims_promote_by_category_then_width(void **state) {
    (void)state;
    for (int a = 0; a < DTYPES; a++)
        for (int b = 0; b < DTYPES; b++) {
            tg_tensor *x = tg_ones((tg_dtype)a, TG_SHAPE(2));
            tg_tensor *y = tg_ones((tg_dtype)b, TG_SHAPE(2));
            tg_tensor *sum = tg_add(x, y);
            assert_dtype(sum, promoted[a][b], "the sum", a, b);
            assert_values(sum, a == TG_BOOL && b == TG_BOOL ? 1 : 2,
                          a == TG_BOOL && b == TG_BOOL ? 1 : 2);
            assert_int_equal(tg_promote_types((tg_dtype)a, (tg_dtype)b), promoted[a][b]);
        }
}

static void two_0d_tensors_promote_like_two_with_dims(void **state) {
    (void)state;
    for (int a = 0; a < DTYPES; a++)
        for (int b = 0; b < DTYPES; b++)
            assert_dtype(tg_add(tg_scalar((tg_dtype)a, 1), tg_scalar((tg_dtype)b, 1)),
                         promoted[a][b], "the 0-d sum", a, b);
}

static int category(int dtype) { return dtype <= TG_F64 ? 2 : dtype == TG_BOOL ? 0 : 1; }

/* PyTorch: a 0-d tensor takes part only if its category is higher. */
static void a_0d_tensor_does_not_widen_within_its_category(void **state) {
    (void)state;
    for (int a = 0; a < DTYPES; a++)
        for (int b = 0; b < DTYPES; b++) {
            tg_dtype expected = category(b) > category(a) ? promoted[a][b] : (tg_dtype)a;
            tg_tensor *x = tg_ones((tg_dtype)a, TG_SHAPE(2));
            assert_dtype(tg_add(x, tg_scalar((tg_dtype)b, 1)), expected, "dims + 0-d", a, b);
            assert_dtype(tg_add(tg_scalar((tg_dtype)b, 1), x), expected, "0-d + dims", a, b);
            assert_dtype(tg_where(tg_scalar(TG_BOOL, 1), x, tg_scalar((tg_dtype)b, 1)), expected,
                         "where", a, b);
        }
}

static void a_c_scalar_is_of_the_float_category_and_never_widens_a_float(void **state) {
    (void)state;
    for (int a = 0; a < DTYPES; a++) {
        tg_dtype expected = a == TG_F64 ? TG_F64 : TG_F32;
        assert_dtype(tg_add_scalar(tg_ones((tg_dtype)a, TG_SHAPE(2)), 1.5), expected, "+ 1.5", a,
                     a);
        assert_dtype(tg_mul_scalar(tg_ones((tg_dtype)a, TG_0D), 1.5), expected, "0-d * 1.5", a, a);
        assert_dtype(tg_rsub_scalar(tg_ones((tg_dtype)a, TG_SHAPE(2)), 1e300), expected, "1e300 -",
                     a, a);
    }
    assert_values(tg_add_scalar(row(TG_I32, LIST(1, -7)), 1.5), 2.5, -5.5);
}

static void a_chain_of_scalars_and_0d_results_stays_narrow(void **state) {
    (void)state;
    tg_tensor *x = tg_ones(TG_F32, TG_SHAPE(3));
    tg_tensor *mean = tg_mean(tg_cast(x, TG_F64), TG_ALL, false); /* 0-d f64 */
    assert_shape(tg_sub(x, mean), TG_F32, TG_SHAPE(3));
    assert_shape(tg_mul_scalar(tg_sum(x, TG_ALL, false), 2), TG_F32, TG_0D);
}

static void mixed_dtypes_compute_in_the_promoted_one(void **state) {
    (void)state;
    tg_tensor *big = row(TG_I64, LIST(16777217)); /* 2^24 + 1: not an f32 */
    assert_values(tg_add(big, row(TG_F32, LIST(0))), 16777216);
    assert_values(tg_add(big, row(TG_F64, LIST(0.5))), 16777217.5);
    assert_values(tg_add(row(TG_U8, LIST(200)), row(TG_I32, LIST(100))), 300);
    assert_values(tg_add(row(TG_U8, LIST(200)), row(TG_U8, LIST(100))), 44); /* wraps */
    assert_values(tg_mul(row(TG_BOOL, LIST(1, 0)), row(TG_I32, LIST(7, 7))), 7, 0);
}

static void gradients_come_back_in_each_inputs_own_dtype(void **state) {
    (void)state;
    tg_tensor *a = leaf(row(TG_F32, LIST(1, 2)));
    tg_tensor *b = leaf(row(TG_F64, LIST(3, 5)));
    tg_tensor *c = leaf(tg_scalar(TG_F64, 10));
    tg_tensor *y = tg_mul(tg_mul(a, c), b);
    assert_shape(y, TG_F64, TG_SHAPE(2));
    sum_backward(y);
    assert_shape(tg_grad(a), TG_F32, TG_SHAPE(2));
    assert_values(tg_grad(a), 30, 50);
    assert_shape(tg_grad(b), TG_F64, TG_SHAPE(2));
    assert_values(tg_grad(b), 10, 20);
    assert_shape(tg_grad(c), TG_F64, TG_0D);
    assert_values(tg_grad(c), 13);
}

/* ---- Broadcasting ---- */

static void broadcasting_works_both_ways_and_in_all_dims(void **state) {
    (void)state;
    tg_tensor *a = of(TG_F64, TG_SHAPE(2, 1, 3), LIST(0, 1, 2, 3, 4, 5));
    tg_tensor *b = of(TG_F64, TG_SHAPE(2, 1), LIST(10, 20));
    tg_tensor *y = tg_add(a, b);
    assert_shape(y, TG_F64, TG_SHAPE(2, 2, 3));
    assert_values(y, 10, 11, 12, 20, 21, 22, 13, 14, 15, 23, 24, 25);
    assert_shape(tg_add(b, a), TG_F64, TG_SHAPE(2, 2, 3));
    assert_shape(tg_add(number(1), b), TG_F64, TG_SHAPE(2, 1));
    assert_shape(tg_add(tg_ones(TG_F32, TG_SHAPE(1, 1, 1, 1, 1, 1, 1, 2)),
                        tg_ones(TG_F32, TG_SHAPE(2, 1, 1, 1, 1, 1, 1, 1))),
                 TG_F32, TG_SHAPE(2, 1, 1, 1, 1, 1, 1, 2));
}

static void broadcast_dims_are_summed_in_the_gradient(void **state) {
    (void)state;
    tg_tensor *a = leaf(of(TG_F64, TG_SHAPE(2, 1, 3), LIST(0, 1, 2, 3, 4, 5)));
    tg_tensor *b = leaf(of(TG_F64, TG_SHAPE(2, 1), LIST(10, 20)));
    tg_tensor *c = leaf(number(2));
    sum_backward(tg_mul(tg_mul(a, b), c));
    assert_shape(tg_grad(a), TG_F64, TG_SHAPE(2, 1, 3));
    assert_values(tg_grad(a), 60, 60, 60, 60, 60, 60);
    assert_shape(tg_grad(b), TG_F64, TG_SHAPE(2, 1));
    assert_values(tg_grad(b), 30, 30);
    assert_shape(tg_grad(c), TG_F64, TG_0D);
    assert_values(tg_grad(c), 450);
}

static void a_broadcast_mismatch_names_the_op_both_shapes_and_the_dim(void **state) {
    (void)state;
    tg_tensor *a = tg_ones(TG_F32, TG_SHAPE(2, 3));
    tg_tensor *b = tg_ones(TG_F64, TG_SHAPE(4));
    assert_refused(tg_add(a, b), TG_ERR_SHAPE, "add: ", "f32 [2, 3]", "f64 [4]", "3 and 4",
                   "dim -1");
    assert_refused(tg_maximum(a, tg_ones(TG_F32, TG_SHAPE(3, 3))), TG_ERR_SHAPE,
                   "maximum: ", "[2, 3]", "[3, 3]", "dim -2");
    assert_refused(tg_lt(a, b), TG_ERR_SHAPE, "lt: ");
    assert_refused(tg_logical_and(a, b), TG_ERR_SHAPE, "logical_and: ");
    assert_string_equal(tg_error_op(), "");
}

static void sizes_of_0_broadcast_against_1_only(void **state) {
    (void)state;
    tg_tensor *none = tg_zeros(TG_F64, TG_SHAPE(0, 3));
    assert_shape(tg_add(none, tg_ones(TG_F64, TG_SHAPE(3))), TG_F64, TG_SHAPE(0, 3));
    assert_shape(tg_add(none, number(1)), TG_F64, TG_SHAPE(0, 3));
    assert_shape(tg_add(none, tg_ones(TG_F64, TG_SHAPE(1, 1))), TG_F64, TG_SHAPE(0, 3));
    assert_refused(tg_add(none, tg_ones(TG_F64, TG_SHAPE(2, 3))), TG_ERR_SHAPE, "0 and 2");
    tg_tensor *x = leaf(tg_ones(TG_F64, TG_SHAPE(1, 3)));
    sum_backward(tg_mul(none, x));
    assert_shape(tg_grad(x), TG_F64, TG_SHAPE(1, 3));
    assert_values(tg_grad(x), 0, 0, 0);
}

static void a_result_that_overflows_memory_is_refused(void **state) {
    (void)state;
    tg_tensor *one = tg_ones(TG_F64, TG_SHAPE(1));
    tg_tensor *tall = tg_expand(one, TG_SHAPE((int64_t)1 << 30, 1));
    tg_tensor *wide = tg_expand(one, TG_SHAPE((int64_t)1 << 30));
    assert_refused(tg_add(tall, wide), TG_ERR_SHAPE, "add: ", "overflow");
}

/* ---- Layouts ---- */

static void strided_operands_give_the_values_of_packed_ones(void **state) {
    (void)state;
    tg_tensor *a = counting(TG_SHAPE(3, 4));
    tg_tensor *b = tg_transpose(counting(TG_SHAPE(4, 3)), 0, 1);
    tg_tensor *y = tg_sub(a, b);
    assert_true(tg_is_contiguous(y));
    assert_values(y, 0, -2, -4, -6, 3, 1, -1, -3, 6, 4, 2, 0);
    tg_tensor *sliced = tg_slice(a, 1, 0, TG_SLICE_END, 2);
    assert_values(tg_neg(sliced), 0, -2, -4, -6, -8, -10);
    tg_tensor *repeated = tg_expand(tg_select(a, 0, 1), TG_SHAPE(2, 4));
    assert_values(tg_mul(repeated, repeated), 16, 25, 36, 49, 16, 25, 36, 49);
}

static void eight_dims_in_any_order_work(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(2, 1, 3, 2, 1, 2, 1, 2));
    tg_tensor *turned = tg_permute(x, TG_DIMS(7, 6, 5, 4, 3, 2, 1, 0));
    tg_tensor *back = tg_permute(tg_add_scalar(turned, 1), TG_DIMS(7, 6, 5, 4, 3, 2, 1, 0));
    tg_tensor *difference = tg_sub(back, x);
    assert_int_equal(at(tg_min(difference), 0), 1);
    assert_int_equal(at(tg_max(difference), 0), 1);
    assert_shape(back, TG_F64, TG_SHAPE(2, 1, 3, 2, 1, 2, 1, 2));
}

static void many_threads_give_the_same_bits_as_one(void **state) {
    (void)state;
    const int before = tg_num_threads();
    enum { N = 300001 };
    tg_tensor *a = tg_arange(TG_F64, 1, N + 1, 1);
    tg_tensor *b = tg_slice(tg_arange(TG_F64, 0, 2 * N, 1), 0, 1, TG_SLICE_END, 2);
    tg_tensor *y[2];
    for (int k = 0; k < 2; k++) {
        assert_ok(tg_set_num_threads(k == 0 ? 1 : 4));
        y[k] = tg_div(tg_tanh(tg_div(a, b)), tg_exp(tg_div_scalar(tg_neg(b), 1e6)));
    }
    assert_ok(tg_set_num_threads(before));
    assert_int_equal(tg_numel(y[0]), N);
    assert_memory_equal(tg_data(y[0]), tg_data(y[1]), N * sizeof(double));
}

/* ---- In place ---- */

static void in_place_forms_return_their_first_argument_and_count_a_write(void **state) {
    (void)state;
    tg_tensor *x = ROW(1, 2, 3);
    uint32_t version = tg_version_of(x);
    assert_ptr_equal(tg_add_(x, ROW(10, 20, 30)), x);
    assert_values(x, 11, 22, 33);
    assert_int_equal(tg_version_of(x), version + 1);
    assert_ptr_equal(tg_mul_scalar_(x, 2), x);
    assert_values(x, 22, 44, 66);
    assert_int_equal(tg_version_of(x), version + 2);
    assert_ptr_equal(tg_add_(x, number(0.5)), x); /* the other operand may broadcast */
    assert_values(x, 22.5, 44.5, 66.5);
}

static void in_place_results_must_fit_the_shape(void **state) {
    (void)state;
    tg_tensor *x = ROW(1, 2, 3);
    uint32_t version = tg_version_of(x);
    assert_refused(tg_add_(x, tg_ones(TG_F64, TG_SHAPE(2, 3))), TG_ERR_SHAPE, "add: ", "[2, 3]",
                   "f64 [3]", "without _");
    assert_refused(tg_mul_(number(1), x), TG_ERR_SHAPE, "mul: ", "[3]", "f64 []");
    assert_refused(tg_masked_fill_(x, row(TG_BOOL, LIST(1, 0)), 0), TG_ERR_SHAPE, "masked_fill: ");
    assert_values(x, 1, 2, 3);
    assert_int_equal(tg_version_of(x), version);
}

static void in_place_results_must_fit_the_category(void **state) {
    (void)state;
    tg_tensor *i = row(TG_I64, LIST(1, 2));
    tg_tensor *b = row(TG_BOOL, LIST(1, 0));
    assert_refused(tg_add_(i, ROW(0.5, 0.5)), TG_ERR_DTYPE, "add: ", "f64", "i64 [2]", "without _");
    assert_refused(tg_add_scalar_(i, 1), TG_ERR_DTYPE, "f32", "i64 [2]");
    assert_refused(tg_div_(i, i), TG_ERR_DTYPE, "div: ", "f32");
    assert_refused(tg_exp_(i), TG_ERR_DTYPE, "exp: ", "f32", "i64 [2]");
    assert_refused(tg_add_(b, i), TG_ERR_DTYPE, "add: ", "i64", "bool [2]");
    assert_values(i, 1, 2);
    assert_values(b, 1, 0);
}

static void in_place_results_are_converted_within_the_category(void **state) {
    (void)state;
    tg_tensor *f = row(TG_F32, LIST(1, 2));
    tg_add_(f, ROW(1e-9, 0.25)); /* computed in f64, stored as f32 */
    assert_shape(f, TG_F32, TG_SHAPE(2));
    assert_values(f, 1, 2.25);
    assert_ptr_equal(tg_add_(f, row(TG_I64, LIST(1, 1))), f);
    assert_values(f, 2, 3.25);
    tg_tensor *i = row(TG_I32, LIST(1, 2));
    assert_ptr_equal(tg_add_(i, row(TG_I64, LIST(4294967296, 1))), i); /* wraps to 32 bits */
    assert_values(i, 1, 3);
    tg_tensor *u = row(TG_U8, LIST(250));
    assert_ptr_equal(tg_add_(u, row(TG_I64, LIST(10))), u);
    assert_values(u, 4);
}

static void memory_that_overlaps_itself_is_not_written(void **state) {
    (void)state;
    tg_tensor *one = ROW(1);
    tg_tensor *many = tg_expand(one, TG_SHAPE(3));
    uint32_t version = tg_version_of(one);
    assert_refused(tg_add_scalar_(many, 1), TG_ERR_STATE, "add: ", "f64 [3]", "overlaps itself",
                   "tg_clone");
    assert_refused(tg_zero_(many), TG_ERR_STATE, "overlaps itself");
    assert_refused(tg_copy_(many, ROW(1, 2, 3)), TG_ERR_STATE, "overlaps itself");
    double data[4] = {1, 2, 3, 4};
    tg_tensor *windows =
        tg_from_blob(data, TG_F64, TG_SHAPE(3, 2), (const int64_t[]){1, 1}, NULL, NULL);
    assert_refused(tg_exp_(windows), TG_ERR_STATE, "overlaps itself");
    assert_values(one, 1);
    assert_int_equal(tg_version_of(one), version);
    assert_true(data[3] == 4);
}

/* The brute-force oracle: as if the operand had been copied first. */
static void an_operand_in_the_written_memory_counts_as_it_was(void **state) {
    (void)state;
    for (int64_t shift = 0; shift <= 3; shift++)
        for (int forwards = 0; forwards < 2; forwards++) {
            tg_tensor *x = tg_arange(TG_F64, 1, 8, 1);
            tg_tensor *low = tg_narrow(x, 0, 0, 7 - shift);
            tg_tensor *high = tg_narrow(x, 0, shift, 7 - shift);
            tg_tensor *to = forwards ? high : low;
            tg_tensor *from = forwards ? low : high;
            tg_tensor *expected = tg_add(to, tg_clone(from));
            assert_ptr_equal(tg_add_(to, from), to);
            double *values = tg_test_read(expected);
            double *got = tg_test_read(to);
            assert_memory_equal(got, values, (size_t)(7 - shift) * sizeof *got);
            free(values);
            free(got);
        }
    tg_tensor *m = counting(TG_SHAPE(2, 2));
    tg_sub_(m, tg_transpose(m, 0, 1));
    assert_values(m, 0, -1, 1, 0);
    tg_tensor *c = ROW(1, 2, 3);
    tg_copy_(tg_narrow(c, 0, 1, 2), tg_narrow(c, 0, 0, 2));
    assert_values(c, 1, 1, 2);
}

static void writing_through_a_view_changes_the_base(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(2, 3));
    tg_tensor *column = tg_select(x, 1, 1);
    uint32_t version = tg_version_of(x);
    assert_ptr_equal(tg_mul_scalar_(column, 10), column);
    assert_values(x, 0, 10, 2, 3, 40, 5);
    assert_int_equal(tg_version_of(x), version + 1);
    assert_non_null(tg_add_(tg_transpose(x, 0, 1), of(TG_F64, TG_SHAPE(3, 1), LIST(1, 2, 3))));
    assert_values(x, 1, 12, 5, 4, 42, 8);
}

static void null_and_none_are_refused_by_name(void **state) {
    (void)state;
    tg_tensor *x = ROW(1);
    assert_refused(tg_add(NULL, x), TG_ERR_ARG, "add: ", "argument a is NULL");
    assert_refused(tg_add(x, NULL), TG_ERR_ARG, "add: ", "argument b is NULL");
    assert_refused(tg_add(x, TG_NONE), TG_ERR_ARG, "add: ", "argument b is TG_NONE");
    assert_refused(tg_add_(NULL, x), TG_ERR_ARG, "argument a is NULL");
    assert_refused(tg_add_scalar(NULL, 1), TG_ERR_ARG, "argument x is NULL");
    assert_refused(tg_exp(NULL), TG_ERR_ARG, "exp: ", "argument x is NULL");
    /* behind an error NULL only passes through */
    tg_tensor *bad = tg_add(ROW(1, 2), ROW(1, 2, 3));
    assert_null(tg_exp_(x)); /* and what changes state does nothing */
    assert_refused(tg_add(x, tg_exp(bad)), TG_ERR_SHAPE, "add: f64 [2] and f64 [3]");
    assert_values(x, 1);
    assert_int_equal(tg_version_of(x), 0);
}

static void a_released_tensor_is_refused(void **state) {
    (void)state;
    tg_tensor *kept = tg_retain(ROW(1)); /* memory stays: another reference holds it */
    kept->magic = 0;                     /* as after its release */
    assert_refused(tg_add(kept, kept), TG_ERR_ARG, "add: ", "argument a is not a live tensor");
    assert_refused(tg_add_scalar_(kept, 1), TG_ERR_ARG, "argument x is not a live tensor");
    kept->magic = TG__MAGIC;
    tg_release(kept);
}

TG_TEST_MAIN(tg_scoped(tensors_with_dims_promote_by_category_then_width),
             tg_scoped(two_0d_tensors_promote_like_two_with_dims),
             tg_scoped(a_0d_tensor_does_not_widen_within_its_category),
             tg_scoped(a_c_scalar_is_of_the_float_category_and_never_widens_a_float),
             tg_scoped(a_chain_of_scalars_and_0d_results_stays_narrow),
             tg_scoped(mixed_dtypes_compute_in_the_promoted_one),
             tg_scoped(gradients_come_back_in_each_inputs_own_dtype),
             tg_scoped(broadcasting_works_both_ways_and_in_all_dims),
             tg_scoped(broadcast_dims_are_summed_in_the_gradient),
             tg_scoped(a_broadcast_mismatch_names_the_op_both_shapes_and_the_dim),
             tg_scoped(sizes_of_0_broadcast_against_1_only),
             tg_scoped(a_result_that_overflows_memory_is_refused),
             tg_scoped(strided_operands_give_the_values_of_packed_ones),
             tg_scoped(eight_dims_in_any_order_work),
             tg_scoped(many_threads_give_the_same_bits_as_one),
             tg_scoped(in_place_forms_return_their_first_argument_and_count_a_write),
             tg_scoped(in_place_results_must_fit_the_shape),
             tg_scoped(in_place_results_must_fit_the_category),
             tg_scoped(in_place_results_are_converted_within_the_category),
             tg_scoped(memory_that_overlaps_itself_is_not_written),
             tg_scoped(an_operand_in_the_written_memory_counts_as_it_was),
             tg_scoped(writing_through_a_view_changes_the_base),
             tg_scoped(null_and_none_are_refused_by_name), tg_scoped(a_released_tensor_is_refused))
