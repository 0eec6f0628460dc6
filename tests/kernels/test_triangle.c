/* test_triangle.c - the triangles of matrices of every item size. */
#include "tg_test.h"

#include "kernels/triangle.h"

static void what_lies_beyond_the_diagonal_is_zeroed(void **state) {
    (void)state;
    for (size_t item = 1; item <= 8; item *= 2)
        for (int diagonal = -4; diagonal <= 4; diagonal++)
            for (int lower = 0; lower < 2; lower++) {
                char x[2 * 3 * 2 * 8];
                memset(x, 5, sizeof x);
                tg__triangle(item, 2, 3, 2, diagonal, lower, x);
                for (int k = 0; k < 12; k++) {
                    int j = k % 2;
                    int i = k / 2 % 3;
                    bool kept = lower ? j - i <= diagonal : j - i >= diagonal;
                    assert_int_equal(x[(size_t)k * item], kept ? 5 : 0);
                }
            }
}

static void extreme_diagonals_do_not_overflow(void **state) {
    (void)state;
    char x[2] = {1, 1};
    tg__triangle(1, 1, 1, 2, INT64_MAX, true, x);
    tg__triangle(1, 1, 1, 2, INT64_MIN, false, x);
    assert_true(x[0] == 1 && x[1] == 1);
    tg__triangle(1, 0, 0, 0, 0, true, x);
    tg__triangle(1, 1, 1, 2, INT64_MIN, true, x);
    assert_true(x[0] == 0 && x[1] == 0);
}

TG_TEST_MAIN(cmocka_unit_test(what_lies_beyond_the_diagonal_is_zeroed),
             cmocka_unit_test(extreme_diagonals_do_not_overflow))
