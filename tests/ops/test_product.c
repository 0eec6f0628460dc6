/* test_product.c - products by their classical names. */
#include "tensors.h"

#define N NAN

static tg_tensor *m23(void) { return grid(TG_F64, 2, 3, LIST(1, 2, 3, 4, 5, 6)); }
static tg_tensor *m32(void) { return grid(TG_F64, 3, 2, LIST(1, -1, 0, 2, 3, 1)); }

static void fixed_ranks_give_matmul(void **state) {
    (void)state;
    assert_values(tg_mm(m23(), m32()), 10, 6, 22, 12);
    assert_values(tg_mv(m23(), ROW(1, 0, -1)), -2, -2);
    tg_tensor *a = tg_stack((tg_tensor *[]){m23(), m23()}, 2, 0);
    tg_tensor *b = tg_stack((tg_tensor *[]){m32(), tg_neg(m32())}, 2, 0);
    assert_values(tg_bmm(a, b), 10, 6, 22, 12, -10, -6, -22, -12);
    assert_values(tg_vdot(ROW(1, 2), ROW(3, 4)), 11);
}

static void other_ranks_are_refused_by_name(void **state) {
    (void)state;
    assert_refused(tg_mm(ROW(1, 2), m23()), TG_ERR_SHAPE, "mm: a is f64 [2]", "2 dims");
    assert_refused(tg_mv(m23(), m32()), TG_ERR_SHAPE, "mv: b is f64 [3, 2]", "1 dim,");
    assert_refused(tg_bmm(m23(), m32()), TG_ERR_SHAPE, "bmm: a is f64 [2, 3]", "3 dims");
    tg_tensor *three = tg_zeros(TG_F64, TG_SHAPE(3, 2, 2));
    tg_tensor *two = tg_zeros(TG_F64, TG_SHAPE(2, 2, 2));
    assert_refused(tg_bmm(three, two), TG_ERR_SHAPE, "bmm: ", "first dims must be equal");
    assert_refused(tg_outer(m23(), ROW(1)), TG_ERR_SHAPE, "outer: a is f64 [2, 3]");
}

static void inner_outer_and_kron_of_small_numbers(void **state) {
    (void)state;
    assert_values(tg_inner(ROW(1, 2), ROW(3, 4)), 11);
    assert_values(tg_inner(m23(), m23()), 14, 32, 32, 77);
    assert_shape(tg_inner(tg_zeros(TG_F64, TG_SHAPE(2, 4, 3)), m23()), TG_F64, TG_SHAPE(2, 4, 2));
    assert_values(tg_inner(number(2), ROW(3, 4)), 6, 8);
    assert_refused(tg_inner(ROW(1, 2), ROW(1, 2, 3)), TG_ERR_SHAPE, "inner: ", "last dims");
    assert_values(tg_outer(ROW(1, 2), ROW(3, 4, 5)), 3, 4, 5, 6, 8, 10);
    assert_values(tg_ger(ROW(1, 2), ROW(3)), 3, 6);
    tg_tensor *a = grid(TG_F64, 2, 2, LIST(1, 2, 3, 4));
    tg_tensor *k = tg_kron(a, grid(TG_F64, 1, 2, LIST(1, 10)));
    assert_shape(k, TG_F64, TG_SHAPE(2, 4));
    assert_values(k, 1, 10, 2, 20, 3, 30, 4, 40);
    assert_values(tg_kron(ROW(1, 2), a), 1, 2, 2, 4, 3, 4, 6, 8);
    assert_refused(tg_kron(tg_zeros(TG_F32, TG_SHAPE(1, 1, 1, 1, 1)), a), TG_ERR_SHAPE,
                   "kron: ", "at most 4 dims");
}

static void beta_0_does_not_read_the_addend(void **state) {
    (void)state;
    tg_tensor *nan = tg_full(TG_F64, TG_SHAPE(2, 2), N);
    assert_values(tg_addmm(nan, m23(), m32(), 0, 1), 10, 6, 22, 12);
    assert_values(tg_addmm(tg_ones(TG_F64, TG_SHAPE(2)), m23(), m32(), 2, 0.5), 7, 5, 13, 8);
    assert_values(tg_addmv(ROW(N, N), m23(), ROW(1, 0, -1), 0, 3), -6, -6);
    assert_values(tg_addr(nan, ROW(1, 2), ROW(3, 4), 0, 1), 3, 4, 6, 8);
    /* nothing to sum over: zeros, and the addend */
    tg_tensor *none = tg_zeros(TG_F64, TG_SHAPE(2, 0));
    assert_values(tg_addmm(nan, none, tg_transpose(none, 0, 1), 0, 1), 0, 0, 0, 0);
    assert_values(tg_addmm(ROW(1, 2), none, tg_transpose(none, 0, 1), 2, 1), 2, 4, 2, 4);
}

static void batches_are_added_or_summed(void **state) {
    (void)state;
    tg_tensor *a = tg_stack((tg_tensor *[]){m23(), m23()}, 2, 0);
    tg_tensor *b = tg_stack((tg_tensor *[]){m32(), tg_mul_scalar(m32(), 2)}, 2, 0);
    assert_values(tg_baddbmm(number(1), a, b, 1, 1), 11, 7, 23, 13, 21, 13, 45, 25);
    assert_values(tg_addbmm(number(1), a, b, 1, 1), 31, 19, 67, 37);
    assert_values(tg_addbmm(ROW(N, N), a, b, 0, -1), -30, -18, -66, -36);
    assert_refused(tg_addbmm(number(1), a, tg_transpose(b, 1, 2), 1, 1), TG_ERR_SHAPE,
                   "addbmm: ", "dim 1 of b");
}

static void additive_products_write_in_place(void **state) {
    (void)state;
    tg_tensor *c = tg_zeros(TG_F64, TG_SHAPE(2, 2));
    assert_ptr_equal(tg_addmm_(c, m23(), m32(), 1, 1), c);
    assert_values(tg_addmm_(c, m23(), m32(), 0.5, 1), 15, 9, 33, 18);
    assert_refused(tg_addmm_(ROW(1, 2), m23(), m32(), 1, 1), TG_ERR_SHAPE, "addmm: ", "in place");
}

static void bad_scales_and_addends_are_refused(void **state) {
    (void)state;
    tg_tensor *c = tg_zeros(TG_F64, TG_SHAPE(2, 2));
    assert_refused(tg_addmm(c, m23(), m32(), N, 1), TG_ERR_ARG, "addmm: ", "beta is ");
    assert_refused(tg_addmm(c, m23(), m32(), 1, INFINITY), TG_ERR_ARG, "addmm: alpha is inf");
    assert_refused(tg_addmm(tg_zeros(TG_F64, TG_SHAPE(3, 2)), m23(), m32(), 1, 1), TG_ERR_SHAPE,
                   "f64 [3, 2]");
    assert_refused(tg_addmm(tg_zeros(TG_F64, TG_SHAPE(2, 2, 2)), m23(), m32(), 1, 1), TG_ERR_SHAPE,
                   "addmm: c is f64 [2, 2, 2]", "must broadcast");
    tg_tensor *i = grid(TG_I64, 1, 1, LIST(3));
    assert_values(tg_addmm(i, i, i, 2, 3), 33);
    assert_shape(tg_addmm(i, i, i, 2, 3), TG_I64, TG_SHAPE(1, 1));
    assert_refused(tg_addmm(i, i, i, 0.5, 1), TG_ERR_DTYPE, "addmm: beta is 0.5", "whole");
}

static void tensordot_pairs_dims(void **state) {
    (void)state;
    tg_tensor *a = counting(TG_SHAPE(2, 3, 2));
    assert_shape(tg_tensordot(a, m23(), TG_DIMS(1), TG_DIMS(1)), TG_F64, TG_SHAPE(2, 2, 2));
    /* Σⱼ a[i, j, k]·m[l, j] by hand for i = k = l = 0: 0·1 + 2·2 + 4·3 */
    assert_true(at(tg_tensordot(a, m23(), TG_DIMS(1), TG_DIMS(1)), 0) == 16);
    assert_values(tg_tensordot(m23(), m23(), TG_DIMS(0, 1), TG_DIMS(0, 1)), 91);
    assert_values(tg_tensordot(m23(), m32(), TG_DIMS(0, 1), TG_DIMS(-1, 0)), 22);
    assert_values(tg_tensordot(ROW(1, 2), ROW(3, 4), 0, NULL, 0, NULL), 3, 4, 6, 8);
    assert_refused(tg_tensordot(m23(), m23(), TG_DIMS(0), TG_DIMS(1)), TG_ERR_SHAPE,
                   "tensordot: ", "sizes 2 and 3");
    assert_refused(tg_tensordot(m23(), m23(), TG_DIMS(0, 1), TG_DIMS(1)), TG_ERR_SHAPE,
                   "2 dims of f64 [2, 3] and 1");
    assert_refused(tg_tensordot(m23(), m23(), TG_DIMS(0, -2), TG_DIMS(0, 1)), TG_ERR_INDEX,
                   "given twice");
    assert_refused(tg_tensordot(m23(), m23(), TG_DIMS(2), TG_DIMS(1)), TG_ERR_INDEX, "dim 2");
    tg_tensor *many = tg_zeros(TG_F32, TG_SHAPE(1, 1, 1, 1, 1));
    assert_refused(tg_tensordot(many, many, 0, NULL, 0, NULL), TG_ERR_SHAPE, "10 dims");
}

static void cross_is_the_right_handed_product(void **state) {
    (void)state;
    assert_values(tg_cross(ROW(1, 0, 0), ROW(0, 1, 0), 0), 0, 0, 1);
    assert_values(tg_cross(ROW(1, 2, 3), ROW(4, 5, 6), -1), -3, 6, -3);
    tg_tensor *columns = tg_transpose(grid(TG_F64, 2, 3, LIST(1, 2, 3, 0, 1, 0)), 0, 1);
    assert_values(tg_cross(columns, tg_unsqueeze(ROW(4, 5, 6), 1), 0), -3, 6, 6, 0, -3, -4);
    assert_refused(tg_cross(ROW(1, 2), ROW(1, 2), 0), TG_ERR_SHAPE, "cross: a is f64 [2]",
                   "size 3");
    assert_refused(tg_cross(ROW(1, 2, 3), m23(), 1), TG_ERR_INDEX, "dim 1");
    assert_refused(tg_cross(ROW(1, 2, 3), m23(), -1), TG_ERR_SHAPE, "as many dims");
}

static void bilinear_sums_over_both_inputs(void **state) {
    (void)state;
    tg_tensor *w = counting(TG_SHAPE(2, 2, 3));
    /* o = 0: Σ x1ᵢ·x2ⱼ·(3i + j); o = 1 adds 6·Σx1·Σx2 */
    tg_tensor *y = tg_bilinear(ROW(1, 2), ROW(1, 0, -1), w, ROW(100, 200));
    assert_values(y, 94, 194);
    assert_shape(tg_bilinear(tg_zeros(TG_F32, TG_SHAPE(0, 5, 2)),
                             tg_zeros(TG_F32, TG_SHAPE(0, 5, 3)), tg_cast(w, TG_F32), TG_NONE),
                 TG_F32, TG_SHAPE(0, 5, 2));
    assert_refused(tg_bilinear(ROW(1, 2, 3), ROW(1, 0, -1), w, TG_NONE), TG_ERR_SHAPE,
                   "bilinear: x1 is f64 [3]", "[out, in1, in2]");
    assert_refused(tg_bilinear(ROW(1, 2), ROW(1, 0, -1), w, ROW(1)), TG_ERR_SHAPE, "b is f64 [1]");
    assert_refused(tg_bilinear(ROW(1, 2), ROW(1, 0, -1), tg_cast(w, TG_F32), TG_NONE), TG_ERR_DTYPE,
                   "bilinear: ", "tg_cast");
}

TG_TEST_MAIN(tg_scoped(fixed_ranks_give_matmul), tg_scoped(other_ranks_are_refused_by_name),
             tg_scoped(inner_outer_and_kron_of_small_numbers),
             tg_scoped(beta_0_does_not_read_the_addend), tg_scoped(batches_are_added_or_summed),
             tg_scoped(additive_products_write_in_place),
             tg_scoped(bad_scales_and_addends_are_refused), tg_scoped(tensordot_pairs_dims),
             tg_scoped(cross_is_the_right_handed_product),
             tg_scoped(bilinear_sums_over_both_inputs))
