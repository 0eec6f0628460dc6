/* test_einsum.c - equations and their results; what is malformed is named with its position. */
#include "tensors.h"

#define sum1(equation, a) tg_einsum(equation, (tg_tensor *[]){a}, 1)
#define sum2(equation, a, b) tg_einsum(equation, (tg_tensor *[]){a, b}, 2)
#define sum3(equation, a, b, c) tg_einsum(equation, (tg_tensor *[]){a, b, c}, 3)

static tg_tensor *m22(void) { return grid(TG_F64, 2, 2, LIST(1, 2, 3, 4)); }
static tg_tensor *m23(void) { return grid(TG_F64, 2, 3, LIST(1, 2, 3, 4, 5, 6)); }

static void one_operand_is_permuted_summed_or_its_diagonal(void **state) {
    (void)state;
    assert_values(sum1("ij->ji", m23()), 1, 4, 2, 5, 3, 6);
    assert_values(sum1("ba", m23()), 1, 4, 2, 5, 3, 6); /* alphabetical */
    assert_values(sum1("ij->", m23()), 21);
    assert_values(sum1("ij->j", m23()), 5, 7, 9);
    assert_values(sum1("ii", m22()), 5);
    assert_values(sum1("ii->i", m22()), 1, 4);
    assert_values(sum1("...->...", m22()), 1, 2, 3, 4);
    assert_values(sum1("...j->j...", m23()), 1, 4, 2, 5, 3, 6);
    assert_values(sum1("...j->j", m23()), 5, 7, 9); /* what "..." stands for is summed */
    assert_values(sum1("", number(3)), 3);
    assert_values(sum1(" i j -> j i ", m23()), 1, 4, 2, 5, 3, 6);
    tg_tensor *cube = counting(TG_SHAPE(2, 2, 2));
    assert_values(sum1("iii->i", cube), 0, 7);
    /* infinities off the diagonal do no harm */
    assert_values(sum1("ii", grid(TG_F64, 2, 2, LIST(1, INFINITY, NAN, 4))), 5);
}

static void a_result_is_a_new_header(void **state) {
    (void)state;
    tg_tensor *x = m22();
    tg_tensor *y = sum1("ij->ij", x);
    assert_ptr_not_equal(x, y);
    assert_values(y, 1, 2, 3, 4);
}

static void two_operands_are_contracted(void **state) {
    (void)state;
    assert_values(sum2("ij,jk->ik", m22(), m23()), 9, 12, 15, 19, 26, 33);
    assert_values(sum2("ij,jk", m22(), m23()), 9, 12, 15, 19, 26, 33);
    assert_values(sum2("i,i", ROW(1, 2), ROW(3, 4)), 11);
    assert_values(sum2("i,j->ji", ROW(1, 2), ROW(3, 4)), 3, 6, 4, 8);
    assert_values(sum2("ij,ij->i", m23(), m23()), 14, 77);
    assert_values(sum2("ij,i->j", m23(), ROW(1, 10)), 41, 52, 63);
    assert_values(sum2("ij,kl->", m22(), m23()), 210);
    assert_values(sum2("ik,jk->ij", m23(), m23()), 14, 32, 32, 77);
    assert_values(sum2("bij,bjk->bik", tg_unsqueeze(m22(), 0), tg_unsqueeze(m23(), 0)), 9, 12, 15,
                  19, 26, 33);
    assert_values(sum2("Zz,z->Z", m22(), ROW(1, 1)), 3, 7);
}

static void sizes_of_1_broadcast(void **state) {
    (void)state;
    tg_tensor *one = grid(TG_F64, 2, 1, LIST(10, 100));
    assert_values(sum2("ij,ij->ij", m23(), one), 10, 20, 30, 400, 500, 600);
    assert_values(sum2("ij,ij->i", one, m23()), 60, 1500);
    assert_values(sum2("...i,...i->...", m23(), ROW(1, 1, 1)), 6, 15);
    assert_shape(sum2("...ij,...jk->...ik", tg_zeros(TG_F64, TG_SHAPE(2, 1, 2, 3)),
                      tg_zeros(TG_F64, TG_SHAPE(4, 3, 2))),
                 TG_F64, TG_SHAPE(2, 4, 2, 2));
}

static void three_operands_and_integers(void **state) {
    (void)state;
    assert_values(sum3("i,ij,j->", ROW(1, -1), m23(), ROW(1, 0, 2)), -9);
    assert_values(sum3("i,i,i->i", ROW(1, 2), ROW(3, 4), ROW(5, 6)), 15, 48);
    tg_tensor *whole = grid(TG_I64, 2, 2, LIST(1, 2, 3, 4));
    assert_values(sum2("ij,jk->ik", whole, whole), 7, 10, 15, 22);
    assert_shape(sum2("ij,jk->ik", whole, m22()), TG_F64, TG_SHAPE(2, 2));
}

static void empty_dims_give_zeros(void **state) {
    (void)state;
    tg_tensor *none = tg_zeros(TG_F64, TG_SHAPE(2, 0));
    assert_values(sum2("ij,kj->ik", none, none), 0, 0, 0, 0);
    assert_shape(sum2("ij,ik->jk", none, m23()), TG_F64, TG_SHAPE(0, 3));
}

static void malformed_equations_are_named_with_the_place(void **state) {
    (void)state;
    tg_tensor *x = m22();
    assert_refused(sum1("i1", x), TG_ERR_ARG, "einsum: equation 'i1', at character 1", "a letter");
    assert_refused(sum1("i.j", x), TG_ERR_ARG, "at character 1", "\"...\"");
    assert_refused(sum1("...i...", x), TG_ERR_ARG, "second ellipsis");
    assert_refused(sum1("ij-", x), TG_ERR_ARG, "expected \"->\"");
    assert_refused(sum1("ij->k", x), TG_ERR_ARG, "no operand has");
    assert_refused(sum1("ij->ii", x), TG_ERR_ARG, "twice");
    assert_refused(sum1("ij->i,j", x), TG_ERR_ARG, "expected the end");
    assert_refused(sum1("ij->i->j", x), TG_ERR_ARG, "expected the end");
    assert_refused(sum1("ij,jk", x), TG_ERR_ARG, "more than the 1 operand");
    assert_refused(sum2("ij", x, x), TG_ERR_ARG, "names 1 operand and 2 came");
    assert_refused(sum1("ijk", x), TG_ERR_SHAPE, "operand 0 is f64 [2, 2]", "3 subscripts");
    assert_refused(sum1("i", x), TG_ERR_SHAPE, "operand 0 is f64 [2, 2]", "\"...\" for the others");
    assert_refused(sum1("ijklmnopq", x), TG_ERR_ARG, "too many subscripts");
    assert_refused(sum2("ij,jk", x, ROW(1)), TG_ERR_SHAPE, "operand 1 is f64 [1]");
    assert_refused(sum2("ij,jk", m23(), x), TG_ERR_SHAPE, "operand 1 (f64 [2, 2])", "size 2",
                   "has 3");
    assert_refused(sum1("ii", m23()), TG_ERR_SHAPE, "dim 1 of operand 0", "has 2");
    assert_refused(tg_einsum(NULL, &x, 1), TG_ERR_ARG, "equation is (null)");
    assert_refused(tg_einsum("i", NULL, 1), TG_ERR_ARG, "at NULL");
    char longest[300];
    memset(longest, 'i', sizeof longest);
    longest[299] = '\0';
    assert_refused(sum1(longest, x), TG_ERR_ARG, "at most 127 bytes");
    assert_refused(sum2("abcde,fghij->abcdefghij", tg_zeros(TG_F32, TG_SHAPE(1, 1, 1, 1, 1)),
                        tg_zeros(TG_F32, TG_SHAPE(1, 1, 1, 1, 1))),
                   TG_ERR_SHAPE, "10 dims");
}

static void chains_are_multiplied_in_the_cheapest_order(void **state) {
    (void)state;
    tg_tensor *a = m22();
    tg_tensor *b = m23();
    tg_tensor *all[] = {a, b, tg_transpose(b, 0, 1), a};
    tg_tensor *expected = tg_matmul(tg_matmul(tg_matmul(all[0], all[1]), all[2]), all[3]);
    tg_tensor *got = tg_chain_matmul(all, 4);
    for (int i = 0; i < 4; i++)
        assert_true(at(got, i) == at(expected, i));
    tg_tensor *ends[] = {ROW(1, 2), a, ROW(3, 4)};
    assert_values(tg_multi_dot(ends, 3), 61); /* [7, 10]·[3, 4] */
    assert_values(tg_chain_matmul(&a, 1), 1, 2, 3, 4);
    assert_refused(tg_chain_matmul((tg_tensor *[]){b, a}, 2), TG_ERR_SHAPE,
                   "chain_matmul: ", "matrix 1 is f64 [2, 2]", "inner sizes");
    assert_refused(tg_chain_matmul((tg_tensor *[]){a, ROW(1, 2), a}, 3), TG_ERR_SHAPE,
                   "matrix 1 is f64 [2]");
    assert_refused(tg_chain_matmul(NULL, 2), TG_ERR_ARG, "at NULL");
}

TG_TEST_MAIN(tg_scoped(one_operand_is_permuted_summed_or_its_diagonal),
             tg_scoped(a_result_is_a_new_header), tg_scoped(two_operands_are_contracted),
             tg_scoped(sizes_of_1_broadcast), tg_scoped(three_operands_and_integers),
             tg_scoped(empty_dims_give_zeros),
             tg_scoped(malformed_equations_are_named_with_the_place),
             tg_scoped(chains_are_multiplied_in_the_cheapest_order))
