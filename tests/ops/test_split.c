/* test_split.c - pieces of a tensor, handed out through an array. */
#include "tensors.h"

static void split_gives_views_of_the_given_sizes(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(2, 5)));
    tg_tensor *out[5];
    assert_ok(tg_split(x, TG_SHAPE(2, 0, 3), -1, out));
    assert_values(out[0], 0, 1, 5, 6);
    assert_shape(out[1], TG_F64, TG_SHAPE(2, 0));
    assert_values(out[2], 2, 3, 4, 7, 8, 9);
    assert_true(tg_data(out[0]) == tg_data(x));
    assert_values(slope(tg_square(out[0]), NULL, x), 0, 2, 0, 0, 0, 10, 12, 0, 0, 0);
    assert_denied(tg_split(x, TG_SHAPE(2, 2), 1, out), TG_ERR_SHAPE, "split: ", "size 5", "dim 1",
                  "f64 [2, 5]");
    assert_null(out[0]);
    assert_denied(tg_split(x, TG_SHAPE(6, -1), 1, out), TG_ERR_SHAPE, "split: ");
    assert_denied(tg_split(x, TG_SHAPE(5), 2, out), TG_ERR_INDEX, "dim 2");
    assert_denied(tg_split(x, TG_SHAPE(5), 1, NULL), TG_ERR_ARG, "out");
    assert_denied(tg_split(number(1), TG_SHAPE(1), 0, out), TG_ERR_SHAPE, "f64 []");
    assert_denied(tg_split(NULL, TG_SHAPE(1), 0, out), TG_ERR_ARG, "x");
}

/* PyTorch: torch.arange(n).chunk(4) and tensor_split(4). */
static void chunks_are_of_one_size_and_sections_nearly(void **state) {
    (void)state;
    tg_tensor *out[5];
    int n = -1;
    assert_ok(tg_chunk(counting(TG_SHAPE(6)), 4, 0, out, &n));
    assert_int_equal(n, 3); /* 2, 2, 2 */
    assert_values(out[2], 4, 5);
    assert_ok(tg_chunk(counting(TG_SHAPE(7)), 4, 0, out, &n));
    assert_int_equal(n, 4);
    assert_values(out[3], 6);
    assert_ok(tg_chunk(tg_zeros(TG_F32, TG_SHAPE(0)), 2, 0, out, &n));
    assert_int_equal(n, 2);
    assert_ok(tg_tensor_split(counting(TG_SHAPE(6)), 4, 0, out));
    assert_values(out[0], 0, 1);
    assert_values(out[1], 2, 3);
    assert_values(out[2], 4);
    assert_values(out[3], 5);
    const int64_t at[3] = {1, -2, 9};
    assert_ok(tg_tensor_split_at(counting(TG_SHAPE(5)), 3, at, 0, out));
    assert_values(out[0], 0);
    assert_values(out[1], 1, 2);
    assert_values(out[2], 3, 4);
    assert_int_equal(tg_numel(out[3]), 0);
    assert_denied(tg_chunk(counting(TG_SHAPE(5)), 0, 0, out, &n), TG_ERR_ARG, "chunk: ");
    assert_denied(tg_chunk(counting(TG_SHAPE(5)), 1, 0, out, NULL), TG_ERR_ARG, "n_out");
    assert_denied(tg_tensor_split(counting(TG_SHAPE(5)), 0, 0, out), TG_ERR_ARG, "0 sections");
    assert_denied(tg_tensor_split_at(counting(TG_SHAPE(5)), 1, NULL, 0, out), TG_ERR_ARG, "NULL");
}

static void equal_sections_run_along_dims_by_name(void **state) {
    (void)state;
    tg_tensor *out[2];
    assert_ok(tg_hsplit(counting(TG_SHAPE(2, 2)), 2, out));
    assert_values(out[1], 1, 3);
    assert_ok(tg_hsplit(counting(TG_SHAPE(2)), 2, out));
    assert_values(out[1], 1);
    assert_ok(tg_vsplit(counting(TG_SHAPE(2, 2)), 2, out));
    assert_values(out[1], 2, 3);
    assert_ok(tg_dsplit(counting(TG_SHAPE(1, 2, 2)), 2, out));
    assert_values(out[1], 1, 3);
    assert_denied(tg_hsplit(counting(TG_SHAPE(3)), 2, out), TG_ERR_SHAPE, "hsplit: ", "f64 [3]");
    assert_denied(tg_vsplit(counting(TG_SHAPE(2)), 2, out), TG_ERR_SHAPE, "vsplit: ");
    assert_denied(tg_dsplit(NULL, 2, out), TG_ERR_ARG, "x");
}

static void unbind_drops_the_dim(void **state) {
    (void)state;
    tg_tensor *x = leaf(counting(TG_SHAPE(2, 3)));
    tg_tensor *out[3];
    assert_ok(tg_unbind(x, 1, out, 3));
    assert_values(out[2], 2, 5);
    assert_values(slope(tg_mul(out[0], out[2]), NULL, x), 2, 0, 0, 5, 0, 3);
    assert_denied(tg_unbind(x, 0, out, 3), TG_ERR_SHAPE, "unbind: ", "3 pieces", "has 2");
}

/* Each allocation fails once: no piece is left. */
static void pieces_are_given_back_when_memory_ends(void **state) {
    (void)state;
    tg_tensor *x = tg_zeros(TG_F64, TG_SHAPE(4));
    int64_t live = tg_live_tensors();
    tg_tensor *out[4] = {NULL};
    for (int k = 1; k < 100; k++) {
        tg__alloc_fail_at(k, false);
        tg_status status = tg_unbind(x, 0, out, 4);
        tg__alloc_fail_at(0, false);
        if (status == TG_OK)
            break;
        assert_int_equal(status, TG_ERR_MEMORY);
        tg_error_clear();
        assert_int_equal(tg_live_tensors(), live);
        for (int i = 0; i < 4; i++)
            assert_null(out[i]);
    }
    assert_non_null(out[3]);
}

TG_TEST_MAIN(tg_scoped(split_gives_views_of_the_given_sizes),
             tg_scoped(chunks_are_of_one_size_and_sections_nearly),
             tg_scoped(equal_sections_run_along_dims_by_name), tg_scoped(unbind_drops_the_dim),
             tg_scoped(pieces_are_given_back_when_memory_ends))
