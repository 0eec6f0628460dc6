/* test_view.c - other shapes for the same memory: geometry, gradients, refusals. */
#include "tensors.h"

/* The view shows these elements of 0, 1, 2, … and shares its memory. */
static void assert_shares(const tg_tensor *view, const tg_tensor *base) {
    const char *from = tg_data(base);
    const char *to = tg_data(view);
    assert_true(to >= from && to < from + 8 * tg_numel(base));
}

static void assert_strides(const tg_tensor *x, int n, const int64_t *expected) {
    assert_int_equal(tg_ndim(x), n);
    for (int i = 0; i < n; i++)
        assert_int_equal(tg_strides(x)[i], expected[i]);
}

/* ---- reshape, view ---- */

static void reshape_of_contiguous_memory_is_a_view(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(2, 6));
    tg_tensor *y = tg_reshape(x, TG_SHAPE(3, 2, 2));
    assert_shape(y, TG_F64, TG_SHAPE(3, 2, 2));
    assert_ptr_equal(tg_data(y), tg_data(x));
    assert_strides(y, TG_SHAPE(4, 2, 1));
    assert_shape(tg_reshape(x, TG_SHAPE(-1)), TG_F64, TG_SHAPE(12));
    assert_shape(tg_reshape(x, TG_SHAPE(4, -1)), TG_F64, TG_SHAPE(4, 3));
    assert_shape(tg_reshape(x, TG_SHAPE(1, 12, -1, 1)), TG_F64, TG_SHAPE(1, 12, 1, 1));
    assert_shape(tg_reshape(number(5), TG_SHAPE(1, -1, 1)), TG_F64, TG_SHAPE(1, 1, 1));
    assert_shape(tg_reshape(ROW(5), TG_0D), TG_F64, TG_0D);
    assert_shape(tg_reshape(x, TG_SHAPE(2, 1, 2, 1, 3, 1, 1, 1)), TG_F64,
                 TG_SHAPE(2, 1, 2, 1, 3, 1, 1, 1));
}

static void reshape_splits_and_merges_strided_dims_where_it_can(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(4, 6));
    tg_tensor *columns = tg_slice(x, 1, 0, 4, 1); /* [4, 4], strides 6, 1 */
    tg_tensor *y = tg_view(columns, TG_SHAPE(2, 2, 2, 2));
    assert_shares(y, x);
    assert_strides(y, TG_SHAPE(12, 6, 2, 1));
    assert_values(tg_select(tg_select(y, 0, 1), 0, 0), 12, 13, 14, 15);
    tg_tensor *t = tg_transpose(x, 0, 1); /* [6, 4], strides 1, 6 */
    assert_strides(tg_view(t, TG_SHAPE(3, 2, 4)), TG_SHAPE(2, 1, 6));
    assert_strides(tg_view(t, TG_SHAPE(6, 2, 2)), TG_SHAPE(1, 12, 6));
    tg_tensor *every = tg_slice(counting(TG_SHAPE(12)), 0, 0, TG_SLICE_END, 2);
    assert_strides(tg_view(every, TG_SHAPE(2, 3)), TG_SHAPE(6, 2));
    tg_tensor *repeated = tg_expand(counting(TG_SHAPE(3, 1)), TG_SHAPE(3, 4));
    assert_strides(tg_view(repeated, TG_SHAPE(3, 2, 2)), TG_SHAPE(1, 0, 0));
    assert_values(tg_view(tg_unsqueeze(t, 1), TG_SHAPE(6, 4)), 0, 6, 12, 18, 1, 7, 13, 19, 2, 8, 14,
                  20, 3, 9, 15, 21, 4, 10, 16, 22, 5, 11, 17, 23);
}

static void where_strides_do_not_allow_a_view_reshape_copies_and_view_refuses(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(2, 3));
    tg_tensor *t = tg_transpose(x, 0, 1);
    tg_tensor *y = tg_reshape(t, TG_SHAPE(6));
    assert_values(y, 0, 3, 1, 4, 2, 5);
    assert_true(tg_is_contiguous(y));
    assert_ptr_not_equal(tg_data(y), tg_data(x));
    assert_refused(tg_view(t, TG_SHAPE(6)), TG_ERR_SHAPE, "view: ", "strides [1, 3]", "f64 [3, 2]",
                   "[6]", "tg_reshape or tg_contiguous");
    assert_refused(tg_view(tg_slice(x, 1, 0, 2, 1), TG_SHAPE(4)), TG_ERR_SHAPE, "strides [3, 1]");
    assert_refused(tg_view(tg_expand(ROW(1), TG_SHAPE(2, 3)), TG_SHAPE(3, 4)), TG_ERR_SHAPE,
                   "6 elements");
}

/* Every factorisation of 24 elements, from every permutation of three layouts: the elements of the
 * reshape are those of the contiguous copy's, and view agrees where it gives anything. */
static void reshape_agrees_with_the_packed_copy_for_all_layouts(void **state) {
    (void)state;
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    static const int64_t shapes[][4] = {{24, 1, 1, 1}, {2, 12, 1, 1}, {4, 6, 1, 1}, {2, 3, 4, 1},
                                        {2, 2, 3, 2},  {1, 8, 3, 1},  {3, 1, 2, 4}, {6, 2, 2, 1}};
    int views = 0;
    for (int base = 0; base < 3; base++)
        for (int o = 0; o < 6; o++)
            for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
                tg_scope scope = tg_scope_open();
                tg_tensor *x = counting(TG_SHAPE(2, 3, 4));
                if (base == 1)
                    x = tg_slice(counting(TG_SHAPE(2, 3, 8)), 2, 1, 8, 2);
                if (base == 2)
                    x = tg_expand(counting(TG_SHAPE(2, 1, 4)), TG_SHAPE(2, 3, 4));
                x = tg_permute(x, 3, orders[o]);
                double *expected = tg_test_read(x);
                double *got = tg_test_read(tg_reshape(x, 4, shapes[s]));
                assert_memory_equal(got, expected, 24 * sizeof *got);
                free(got);
                tg_tensor *v = tg_view(x, 4, shapes[s]);
                if (v != NULL) {
                    got = tg_test_read(v);
                    assert_memory_equal(got, expected, 24 * sizeof *got);
                    free(got);
                    views++;
                } else {
                    tg_error_clear();
                }
                free(expected);
                assert_ok(tg_scope_close(scope));
            }
    assert_true(views >= 24 && views < 144);
}

static void impossible_shapes_are_refused(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(2, 3));
    assert_refused(tg_reshape(x, TG_SHAPE(4)), TG_ERR_SHAPE, "reshape: ", "f64 [2, 3]",
                   "6 elements", "[4]");
    assert_refused(tg_reshape(x, TG_SHAPE(4, -1)), TG_ERR_SHAPE, "[4, -1]");
    assert_refused(tg_reshape(x, TG_SHAPE(-1, -1)), TG_ERR_SHAPE, "[-1, -1]", "one may be -1");
    assert_refused(tg_reshape(x, TG_SHAPE(-2, 3)), TG_ERR_SHAPE, "[-2, 3]");
    assert_refused(tg_reshape(x, TG_SHAPE((int64_t)1 << 40, (int64_t)1 << 40)), TG_ERR_SHAPE,
                   "reshape: ");
    assert_refused(tg_reshape(x, 9, (const int64_t[9]){6, 1, 1, 1, 1, 1, 1, 1, 1}), TG_ERR_SHAPE,
                   "9 dims", "0 to 8");
    assert_refused(tg_reshape(x, -1, NULL), TG_ERR_SHAPE, "-1 dims");
    assert_refused(tg_reshape(x, 2, NULL), TG_ERR_ARG, "shape is NULL");
    assert_refused(tg_view(NULL, TG_SHAPE(1)), TG_ERR_ARG, "view: ", "argument x is NULL");
}

static void minus_one_is_ambiguous_without_elements(void **state) {
    (void)state;
    tg_tensor *x = tg_zeros(TG_F64, TG_SHAPE(0, 3));
    assert_shape(tg_reshape(x, TG_SHAPE(3, 0)), TG_F64, TG_SHAPE(3, 0));
    assert_shape(tg_reshape(x, TG_SHAPE(-1)), TG_F64, TG_SHAPE(0));
    assert_shape(tg_reshape(x, TG_SHAPE(5, -1)), TG_F64, TG_SHAPE(5, 0));
    assert_refused(tg_reshape(x, TG_SHAPE(0, -1)), TG_ERR_SHAPE, "[0, -1]", "ambiguous");
    assert_refused(tg_reshape(x, TG_SHAPE(3)), TG_ERR_SHAPE, "0 elements");
}

/* ---- flatten ---- */

static void flatten_merges_a_range_of_dims(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(2, 3, 4));
    assert_shape(tg_flatten(x, 0, -1), TG_F64, TG_SHAPE(24));
    assert_shape(tg_flatten(x, 1, 2), TG_F64, TG_SHAPE(2, 12));
    assert_shape(tg_flatten(x, -3, -2), TG_F64, TG_SHAPE(6, 4));
    assert_shape(tg_flatten(x, 1, 1), TG_F64, TG_SHAPE(2, 3, 4));
    assert_shape(tg_flatten(number(1), 0, -1), TG_F64, TG_SHAPE(1));
    assert_shape(tg_flatten(tg_zeros(TG_F32, TG_SHAPE(2, 0, 3)), 0, 1), TG_F32, TG_SHAPE(0, 3));
    assert_ptr_equal(tg_data(tg_flatten(x, 0, -1)), tg_data(x));
    assert_values(tg_flatten(tg_transpose(counting(TG_SHAPE(2, 2)), 0, 1), 0, 1), 0, 2, 1, 3);
    assert_refused(tg_flatten(x, 2, 1), TG_ERR_INDEX, "flatten: ", "start_dim 2", "end_dim 1",
                   "f64 [2, 3, 4]");
    assert_refused(tg_flatten(x, 0, 3), TG_ERR_INDEX, "flatten: ", "dim 3", "-3 to 2");
    assert_refused(tg_flatten(x, -4, 1), TG_ERR_INDEX, "flatten: ", "dim -4");
}

/* ---- permute, transpose ---- */

static void permute_reorders_dims_and_its_gradient_orders_them_back(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(2, 3, 4)));
    tg_tensor *y = tg_permute(x, TG_DIMS(2, 0, 1));
    assert_shape(y, TG_F64, TG_SHAPE(4, 2, 3));
    assert_strides(y, TG_SHAPE(1, 12, 4));
    assert_shares(y, x);
    sum_backward(tg_mul(y, counting(TG_SHAPE(4, 2, 3))));
    /* d/dx[i][j][k] = 6k + 3i + j */
    for (int64_t i = 0; i < 2; i++)
        for (int64_t j = 0; j < 3; j++)
            for (int64_t k = 0; k < 4; k++)
                assert_true(at(tg_grad(x), (i * 3 + j) * 4 + k) == (double)(6 * k + 3 * i + j));
    assert_shape(tg_permute(x, TG_DIMS(-1, -3, 1)), TG_F64, TG_SHAPE(4, 2, 3));
    assert_shape(tg_permute(number(1), 0, NULL), TG_F64, TG_0D);
}

static void permute_wants_every_dim_once(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(2, 3, 4));
    assert_refused(tg_permute(x, TG_DIMS(0, 1)), TG_ERR_INDEX, "permute: ", "2 dims",
                   "f64 [2, 3, 4]");
    assert_refused(tg_permute(x, TG_DIMS(0, 1, 1)), TG_ERR_INDEX, "permute: ", "dim 1", "twice");
    assert_refused(tg_permute(x, TG_DIMS(0, 1, -2)), TG_ERR_INDEX, "permute: ", "dim -2", "twice");
    assert_refused(tg_permute(x, TG_DIMS(0, 1, 3)), TG_ERR_INDEX, "permute: ", "dim 3", "-3 to 2");
    assert_refused(tg_permute(x, TG_DIMS(0, 1, INT32_MIN)), TG_ERR_INDEX, "permute: ");
    assert_refused(tg_permute(x, 3, NULL), TG_ERR_ARG, "permute: ", "NULL");
}

static void transpose_swaps_two_dims(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(2, 3)));
    tg_tensor *y = tg_transpose(x, 0, -1);
    assert_shape(y, TG_F64, TG_SHAPE(3, 2));
    assert_values(y, 0, 3, 1, 4, 2, 5);
    sum_backward(tg_mul(y, counting(TG_SHAPE(3, 2))));
    assert_values(tg_grad(x), 0, 2, 4, 1, 3, 5);
    assert_shape(tg_transpose(x, 1, 1), TG_F64, TG_SHAPE(2, 3));
    assert_shape(tg_transpose(number(1), 0, -1), TG_F64, TG_0D);
    assert_shape(tg_transpose(tg_zeros(TG_I32, TG_SHAPE(2, 0)), 0, 1), TG_I32, TG_SHAPE(0, 2));
    assert_refused(tg_transpose(x, 0, 2), TG_ERR_INDEX, "transpose: ", "dim 2", "f64 [2, 3]",
                   "-2 to 1");
    assert_refused(tg_transpose(x, -3, 0), TG_ERR_INDEX, "transpose: ", "dim -3");
}

/* ---- expand ---- */

static void expand_repeats_without_copying_and_sums_back(void **state) {
    (void)state;
    tg_tensor *x = leaf(of(TG_F64, TG_SHAPE(3, 1), LIST(1, 2, 3)));
    tg_tensor *y = tg_expand(x, TG_SHAPE(2, -1, 4));
    assert_shape(y, TG_F64, TG_SHAPE(2, 3, 4));
    assert_strides(y, TG_SHAPE(0, 1, 0));
    assert_shares(y, x);
    sum_backward(tg_mul(y, counting(TG_SHAPE(2, 3, 4))));
    assert_shape(tg_grad(x), TG_F64, TG_SHAPE(3, 1));
    assert_values(tg_grad(x), 60, 92, 124);
    assert_values(tg_expand(number(7), TG_SHAPE(2, 2)), 7, 7, 7, 7);
    assert_shape(tg_expand(number(7), TG_0D), TG_F64, TG_0D);
    tg_tensor *none = leaf(tg_ones(TG_F64, TG_SHAPE(1, 3)));
    y = tg_expand(none, TG_SHAPE(0, 3));
    assert_shape(y, TG_F64, TG_SHAPE(0, 3));
    sum_backward(y);
    assert_values(tg_grad(none), 0, 0, 0);
}

static void expand_refuses_other_sizes(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(3, 1));
    assert_refused(tg_expand(x, TG_SHAPE(4, 1)), TG_ERR_SHAPE, "expand: ", "f64 [3, 1]", "[4, 1]");
    assert_refused(tg_expand(x, TG_SHAPE(3)), TG_ERR_SHAPE, "expand: ", "[3]");
    assert_refused(tg_expand(x, TG_SHAPE(-1, 3, 1)), TG_ERR_SHAPE, "expand: ", "[-1, 3, 1]");
    assert_refused(tg_expand(x, TG_SHAPE(3, -2)), TG_ERR_SHAPE, "expand: ", "[3, -2]");
    assert_refused(tg_expand(x, TG_SHAPE(0, 1)), TG_ERR_SHAPE, "expand: ", "[0, 1]");
    assert_refused(tg_expand(ROW(1), TG_SHAPE((int64_t)1 << 40, (int64_t)1 << 40)), TG_ERR_SHAPE,
                   "expand: ", "overflow");
}

static void a_huge_expansion_is_only_a_header(void **state) {
    (void)state;
    tg_tensor *x = tg_expand(ROW(3), TG_SHAPE((int64_t)1 << 40));
    assert_int_equal(tg_numel(x), (int64_t)1 << 40);
    assert_values(tg_select(x, 0, -1), 3);
    assert_refused(tg_clone(x), TG_ERR_MEMORY, "clone: ", "8796093022208 bytes");
}

/* ---- squeeze, unsqueeze ---- */

static void squeeze_drops_dims_of_size_1(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(1, 2, 1, 3)));
    assert_shape(tg_squeeze(x, TG_ALL), TG_F64, TG_SHAPE(2, 3));
    assert_shape(tg_squeeze(x, TG_DIMS(0)), TG_F64, TG_SHAPE(2, 1, 3));
    assert_shape(tg_squeeze(x, TG_DIMS(-2, 1)), TG_F64, TG_SHAPE(1, 2, 3)); /* size 2 stays */
    assert_shape(tg_squeeze(counting(TG_SHAPE(1, 1)), TG_ALL), TG_F64, TG_0D);
    assert_shape(tg_squeeze(number(1), TG_ALL), TG_F64, TG_0D);
    assert_shape(tg_squeeze(number(1), TG_DIMS(0)), TG_F64, TG_0D);
    sum_backward(tg_mul(tg_squeeze(x, TG_ALL), counting(TG_SHAPE(2, 3))));
    assert_shape(tg_grad(x), TG_F64, TG_SHAPE(1, 2, 1, 3));
    assert_values(tg_grad(x), 0, 1, 2, 3, 4, 5);
    assert_refused(tg_squeeze(x, TG_DIMS(4)), TG_ERR_INDEX, "squeeze: ", "dim 4", "-4 to 3");
    assert_refused(tg_squeeze(x, TG_DIMS(0, -4)), TG_ERR_INDEX, "squeeze: ", "twice");
}

static void unsqueeze_inserts_a_dim(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(2, 3)));
    assert_shape(tg_unsqueeze(x, 0), TG_F64, TG_SHAPE(1, 2, 3));
    assert_shape(tg_unsqueeze(x, 1), TG_F64, TG_SHAPE(2, 1, 3));
    assert_shape(tg_unsqueeze(x, -1), TG_F64, TG_SHAPE(2, 3, 1));
    assert_shape(tg_unsqueeze(x, -3), TG_F64, TG_SHAPE(1, 2, 3));
    assert_shape(tg_unsqueeze(number(1), 0), TG_F64, TG_SHAPE(1));
    assert_true(tg_is_contiguous(tg_unsqueeze(x, 1)));
    sum_backward(tg_mul(tg_unsqueeze(x, 1), counting(TG_SHAPE(2, 1, 3))));
    assert_values(tg_grad(x), 0, 1, 2, 3, 4, 5);
    assert_refused(tg_unsqueeze(x, 3), TG_ERR_INDEX, "unsqueeze: ", "dim 3", "f64 [2, 3]",
                   "-3 to 2");
    assert_refused(tg_unsqueeze(x, -4), TG_ERR_INDEX, "unsqueeze: ", "dim -4");
    assert_refused(tg_unsqueeze(tg_ones(TG_F32, TG_SHAPE(1, 1, 1, 1, 1, 1, 1, 1)), 0), TG_ERR_SHAPE,
                   "unsqueeze: ", "largest number of dims");
}

/* ---- Chains ---- */

static void views_of_views_differentiate_twice(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(2, 1, 3)));
    tg_tensor *y = tg_squeeze(x, TG_DIMS(1));
    y = tg_expand(tg_unsqueeze(tg_transpose(y, 0, 1), 0), TG_SHAPE(2, 3, 2));
    y = tg_reshape(tg_permute(y, TG_DIMS(1, 0, 2)), TG_SHAPE(-1));
    tg_tensor *g = slope(tg_mul(y, tg_square(y)), NULL, x); /* 2 · 3x² */
    assert_values(g, 0, 6, 24, 54, 96, 150);
    tg_tensor *h = slope(g, NULL, x);
    assert_shape(h, TG_F64, TG_SHAPE(2, 1, 3));
    assert_values(h, 0, 12, 24, 36, 48, 60);
}

static void views_share_one_version_and_outlive_their_base(void **state) {
    (void)state;
    tg_tensor *x = tg_retain(tg_zeros(TG_F32, TG_SHAPE(2, 3)));
    tg_tensor *view = tg_transpose(x, 0, 1);
    tg_fill_(tg_select(view, 0, 1), 4);
    assert_int_equal(tg_version_of(x), 1);
    assert_int_equal(tg_version_of(view), 1);
    tg_release(x);
    assert_values(view, 0, 0, 4, 4, 0, 0);
}

/* ---- unflatten, t, movedim, and the shape of another tensor ---- */

static void unflatten_splits_a_dim(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(2, 6)));
    tg_tensor *y = tg_unflatten(x, -1, TG_SHAPE(-1, 2));
    assert_shape(y, TG_F64, TG_SHAPE(2, 3, 2));
    assert_true(tg_data(y) == tg_data(x));
    assert_shape(slope(y, NULL, x), TG_F64, TG_SHAPE(2, 6));
    assert_shape(tg_unflatten(x, 0, TG_SHAPE(2, 1)), TG_F64, TG_SHAPE(2, 1, 6));
    assert_refused(tg_unflatten(x, 1, TG_SHAPE(4, -1)), TG_ERR_SHAPE, "unflatten: ", "[4, -1]");
    assert_refused(tg_unflatten(x, 1, 0, NULL), TG_ERR_SHAPE, "0 sizes");
    assert_refused(tg_unflatten(x, 2, TG_SHAPE(1)), TG_ERR_INDEX, "dim 2");
    assert_refused(tg_unflatten(tg_zeros(TG_F32, TG_SHAPE(0)), 0, TG_SHAPE(0, -1)), TG_ERR_SHAPE,
                   "ambiguous");
}

static void dims_move_and_swap(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(2, 3, 4));
    assert_shape(tg_movedim(x, TG_DIMS(0), TG_DIMS(-1)), TG_F64, TG_SHAPE(3, 4, 2));
    assert_shape(tg_movedim(x, TG_DIMS(0, 1), TG_DIMS(2, 0)), TG_F64, TG_SHAPE(3, 4, 2));
    assert_shape(tg_moveaxis(x, TG_DIMS(2), TG_DIMS(0)), TG_F64, TG_SHAPE(4, 2, 3));
    assert_shape(tg_movedim(x, TG_ALL, TG_ALL), TG_F64, TG_SHAPE(2, 3, 4));
    assert_shape(tg_swapaxes(x, 0, 2), TG_F64, TG_SHAPE(4, 3, 2));
    assert_shape(tg_swapdims(x, 0, 1), TG_F64, TG_SHAPE(3, 2, 4));
    tg_tensor *m = counting(TG_SHAPE(2, 3));
    assert_values(tg_t(m), 0, 3, 1, 4, 2, 5);
    assert_shape(tg_t(ROW(1, 2)), TG_F64, TG_SHAPE(2));
    assert_shape(tg_t(number(1)), TG_F64, TG_0D);
    assert_refused(tg_t(x), TG_ERR_SHAPE, "t: ", "f64 [2, 3, 4]", "tg_transpose");
    assert_refused(tg_movedim(x, TG_DIMS(0, 0), TG_DIMS(1, 2)), TG_ERR_INDEX, "movedim: ");
    assert_refused(tg_movedim(x, TG_DIMS(0), TG_DIMS(1, 2)), TG_ERR_INDEX, "1 dims");
}

static void shapes_are_taken_from_others(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(2, 3));
    tg_tensor *other = tg_zeros(TG_I32, TG_SHAPE(3, 2));
    assert_shape(tg_reshape_as(x, other), TG_F64, TG_SHAPE(3, 2));
    assert_shape(tg_view_as(x, other), TG_F64, TG_SHAPE(3, 2));
    assert_shape(tg_expand_as(ROW(1, 2), other), TG_F64, TG_SHAPE(3, 2));
    assert_shape(tg_broadcast_to(ROW(1), TG_SHAPE(2, 2)), TG_F64, TG_SHAPE(2, 2));
    assert_values(tg_ravel(tg_transpose(x, 0, 1)), 0, 3, 1, 4, 2, 5);
    assert_shape(tg_ravel(tg_zeros(TG_F32, TG_SHAPE(0, 2))), TG_F32, TG_SHAPE(0));
    assert_refused(tg_view_as(x, NULL), TG_ERR_ARG, "other");
    assert_refused(tg_expand_as(x, TG_NONE), TG_ERR_ARG, "other");
    assert_refused(tg_reshape_as(x, number(1)), TG_ERR_SHAPE, "reshape: ");
}

TG_TEST_MAIN(tg_scoped(unflatten_splits_a_dim), tg_scoped(dims_move_and_swap),
             tg_scoped(shapes_are_taken_from_others),
             tg_scoped(reshape_of_contiguous_memory_is_a_view),
             tg_scoped(reshape_splits_and_merges_strided_dims_where_it_can),
             tg_scoped(where_strides_do_not_allow_a_view_reshape_copies_and_view_refuses),
             tg_scoped(reshape_agrees_with_the_packed_copy_for_all_layouts),
             tg_scoped(impossible_shapes_are_refused),
             tg_scoped(minus_one_is_ambiguous_without_elements),
             tg_scoped(flatten_merges_a_range_of_dims),
             tg_scoped(permute_reorders_dims_and_its_gradient_orders_them_back),
             tg_scoped(permute_wants_every_dim_once), tg_scoped(transpose_swaps_two_dims),
             tg_scoped(expand_repeats_without_copying_and_sums_back),
             tg_scoped(expand_refuses_other_sizes), tg_scoped(a_huge_expansion_is_only_a_header),
             tg_scoped(squeeze_drops_dims_of_size_1), tg_scoped(unsqueeze_inserts_a_dim),
             tg_scoped(views_of_views_differentiate_twice),
             tg_scoped(views_share_one_version_and_outlive_their_base))
