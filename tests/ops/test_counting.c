/* test_counting.c - how many elements are not 0, have a value, or fall into a bin. */
#include "tensors.h"

#define INF INFINITY

static void everything_but_zero_counts(void **state) {
    (void)state;
    for (int dtype = TG_F32; dtype <= TG_BOOL; dtype++) {
        tg_tensor *x = grid((tg_dtype)dtype, 2, 3, LIST(0, 1, 1, 0, 0, 1));
        assert_shape(tg_count_nonzero(x, TG_ALL), TG_I64, TG_0D);
        assert_values(tg_count_nonzero(x, TG_ALL), 3);
        assert_values(tg_count_nonzero(x, TG_DIMS(-1)), 2, 1);
        assert_values(tg_count_nonzero(tg_transpose(x, 0, 1), TG_DIMS(1)), 0, 1, 2);
    }
    assert_values(tg_count_nonzero(ROW(NAN, -0.0, INF, 0.25), TG_ALL), 3);
    assert_refused(tg_count_nonzero(ROW(1), TG_DIMS(1)), TG_ERR_INDEX, "count_nonzero: ");
}

static void values_are_counted_or_weighed(void **state) {
    (void)state;
    tg_tensor *x = row(TG_I64, LIST(1, 1, 3));
    assert_shape(tg_bincount(x, TG_NONE, 0), TG_I64, TG_SHAPE(4));
    assert_values(tg_bincount(x, TG_NONE, 0), 0, 2, 0, 1);
    assert_values(tg_bincount(row(TG_U8, LIST(1, 1, 3)), ROW(.5, 1, 2), 6), 0, 1.5, 0, 2, 0, 0);
    assert_shape(tg_bincount(x, row(TG_F32, LIST(1, 2, 3)), 0), TG_F32, TG_SHAPE(4));
    assert_shape(tg_bincount(x, row(TG_I64, LIST(1, 2, 3)), 0), TG_F64, TG_SHAPE(4));
    assert_values(tg_bincount(tg_zeros(TG_I64, TG_SHAPE(0)), TG_NONE, 2), 0, 0);
    assert_refused(tg_bincount(row(TG_I64, LIST(2, -1)), TG_NONE, 0), TG_ERR_INDEX,
                   "bincount: ", "x is -1 at position 1");
    const int64_t far = INT64_MAX;
    assert_refused(tg_bincount(tg_from_array(TG_I64, TG_SHAPE(1), &far), TG_NONE, 0), TG_ERR_INDEX,
                   "bincount: ");
    assert_refused(tg_bincount(ROW(1), TG_NONE, 0), TG_ERR_DTYPE, "bincount: ", "f64 [1]");
    assert_refused(tg_bincount(x, ROW(1), 0), TG_ERR_SHAPE, "i64 [3]", "f64 [1]");
    assert_refused(tg_bincount(grid(TG_I64, 1, 1, LIST(1)), TG_NONE, 0), TG_ERR_SHAPE,
                   "i64 [1, 1]");
    assert_refused(tg_bincount(x, TG_NONE, -1), TG_ERR_ARG, "minlength is -1");
}

/* Values of PyTorch. */
static void bins_are_equal_parts_and_the_last_has_its_end(void **state) {
    (void)state;
    tg_tensor *x = ROW(1, 2, 1, NAN, 3, -5, 99);
    assert_values(tg_histc(x, 4, 0, 3), 0, 2, 1, 1);
    assert_shape(tg_histc(tg_cast(x, TG_F32), 4, 0, 3), TG_F32, TG_SHAPE(4));
    assert_values(tg_histc(ROW(1, 2, 1, 3), 4, 0, 0), 2, 0, 1, 1);
    assert_values(tg_histc(ROW(2, 2), 4, 0, 0), 0, 0, 2, 0);
    assert_values(tg_histc(tg_zeros(TG_F64, TG_SHAPE(0)), 3, 0, 0), 0, 0, 0);
    assert_values(tg_histc(ROW(2, INF), 4, 0, 5), 0, 1, 0, 0);
    assert_values(tg_histc(tg_slice(counting(TG_SHAPE(10)), 0, 0, 10, 3), 3, 0, 9), 1, 1, 2);
    assert_refused(tg_histc(x, 4, 0, 0), TG_ERR_ARG, "histc: ", "finite");
    assert_refused(tg_histc(x, 4, 2, 1), TG_ERR_ARG, "2 to 1");
    assert_refused(tg_histc(x, 4, -INF, 1), TG_ERR_ARG, "histc: ");
    assert_refused(tg_histc(x, 0, 0, 1), TG_ERR_ARG, "bins is 0");
    assert_refused(tg_histc(row(TG_I64, LIST(1)), 4, 0, 1), TG_ERR_DTYPE, "i64 [1]");
}

/* Where max - min is 0 or infinite in the dtype, a bin was no number and memory outside was
 * written.
 */
static void ranges_are_those_of_the_dtype(void **state) {
    (void)state;
    tg_tensor *x = row(TG_F32, LIST(0, 0, 1));
    assert_refused(tg_histc(x, 4, 0, 1e-300), TG_ERR_ARG, "histc: ", "0 to 1e-300", "f32");
    assert_refused(tg_histogram(x, 2, 0, 1e-300, TG_NONE, false, NULL), TG_ERR_ARG, "f32");
    assert_refused(tg_histc(x, 4, 1, 1 + 1e-12), TG_ERR_ARG, "histc: ");
    assert_refused(tg_histc(x, 4, 0, 1e300), TG_ERR_ARG, "histc: ", "finite");
    assert_refused(tg_histc(x, 4, -3e38, 3e38), TG_ERR_ARG, "histc: ", "finite");
    assert_refused(tg_histc(ROW(0, 1e308), 4, -1e308, 1e308), TG_ERR_ARG, "histc: ", "finite");
    assert_refused(tg_histogram(x, 4, -3e38, 3e38, TG_NONE, false, NULL), TG_ERR_ARG, "finite");
    assert_refused(tg_histc(ROW(-1e308, 1e308), 4, 0, 0), TG_ERR_ARG, "histc: ");
}

/* Values of PyTorch. */
static void histograms_weigh_and_give_their_edges(void **state) {
    (void)state;
    tg_tensor *edges;
    tg_tensor *x = ROW(1, 2, 1, 3, NAN, -1);
    assert_values(tg_histogram(x, 4, 0, 3, TG_NONE, false, &edges), 0, 2, 1, 1);
    assert_values(edges, 0, .75, 1.5, 2.25, 3);
    assert_values(tg_histogram(ROW(1, 2, 1), 4, 0, 2, ROW(.5, 1, 2), false, NULL), 0, 0, 2.5, 1);
    assert_values(tg_histogram(ROW(1, 2, 1), 2, 0, 2, TG_NONE, true, NULL), 0, 1);
    tg_tensor *f = tg_histogram(row(TG_F32, LIST(0, .5, 1)), 2, 0, 0, TG_NONE, false, &edges);
    assert_shape(f, TG_F32, TG_SHAPE(2));
    assert_values(f, 1, 2);
    assert_shape(edges, TG_F32, TG_SHAPE(3));
    assert_refused(tg_histogram(x, 4, 0, 0, TG_NONE, false, &edges), TG_ERR_ARG,
                   "histogram: ", "finite");
    assert_null(edges);
    assert_refused(tg_histogram(x, 4, 0, 1, ROW(1), false, NULL), TG_ERR_SHAPE, "f64 [6]",
                   "f64 [1]");
    assert_refused(tg_histogram(x, 0, 0, 1, TG_NONE, false, NULL), TG_ERR_ARG, "bins is 0");
    assert_refused(tg_histogram(x, INT64_MAX, 0, 1, TG_NONE, false, NULL), TG_ERR_SHAPE,
                   "histogram: ");
}

TG_TEST_MAIN(tg_scoped(histograms_weigh_and_give_their_edges),
             tg_scoped(everything_but_zero_counts), tg_scoped(values_are_counted_or_weighed),
             tg_scoped(bins_are_equal_parts_and_the_last_has_its_end),
             tg_scoped(ranges_are_those_of_the_dtype))
