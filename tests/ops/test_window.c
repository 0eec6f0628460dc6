/* test_window.c - lists with one entry for all spatial dims, or one for each. */
#include "tensors.h"

#include <tensorgrad/tensorgrad.h>

static tg_status pool(int n_kernel, const int64_t *kernel, int n_stride, const int64_t *stride,
                      tg_tensor **out) {
    tg_tensor *x = counting(TG_SHAPE(1, 4, 6));
    const tg_attr attrs[2] = {
        {.name = "kernel_size", .type = TG_ATTR_INTS, .n = n_kernel, .ints = kernel},
        {.name = "stride", .type = TG_ATTR_INTS, .n = n_stride, .ints = stride}};
    return tg_op_call("avg_pool2d", &x, 1, attrs, 2, out, 1);
}

static void one_entry_stands_for_all_dims(void **state) {
    (void)state;
    tg_tensor *y = NULL;
    assert_ok(pool(TG_SHAPE(2), 0, NULL, &y));
    assert_shape(y, TG_F64, TG_SHAPE(1, 2, 3));
    assert_ok(pool(TG_SHAPE(2), TG_SHAPE(1), &y));
    assert_shape(y, TG_F64, TG_SHAPE(1, 3, 5));
}

static void entries_belong_to_dims_from_the_left(void **state) {
    (void)state;
    tg_tensor *y = NULL;
    assert_ok(pool(TG_SHAPE(4, 1), 0, NULL, &y));
    assert_shape(y, TG_F64, TG_SHAPE(1, 1, 6));
    assert_ok(pool(TG_SHAPE(1, 2), TG_SHAPE(3, 1), &y));
    assert_shape(y, TG_F64, TG_SHAPE(1, 2, 5));
}

static void other_counts_and_values_are_refused_by_name(void **state) {
    (void)state;
    tg_tensor *y = NULL;
    assert_denied(pool(0, NULL, 0, NULL, &y), TG_ERR_ARG, "avg_pool2d: kernel_size has 0 entries");
    assert_denied(pool(TG_SHAPE(1, 2, 3), 0, NULL, &y), TG_ERR_ARG, "kernel_size has 3 entries");
    assert_denied(pool(TG_SHAPE(2), TG_SHAPE(1, 2, 3), &y), TG_ERR_ARG, "stride has 3 entries");
    assert_denied(pool(TG_SHAPE(2, 0), 0, NULL, &y), TG_ERR_ARG, "kernel_size is 0", "1 to ");
    assert_denied(pool(TG_SHAPE(2), TG_SHAPE(INT64_MIN), &y), TG_ERR_ARG, "stride is -92233");
    assert_refused(tg_avg_pool2d(counting(TG_SHAPE(1, 4, 6)), 4, NULL, NULL), TG_ERR_ARG,
                   "kernel_size has 4 entries at NULL");
    assert_refused(tg_avg_pool2d(counting(TG_SHAPE(1, 4, 6)), -1, (const int64_t[]){2}, NULL),
                   TG_ERR_ARG, "kernel_size has -1 entries");
}

TG_TEST_MAIN(tg_scoped(one_entry_stands_for_all_dims),
             tg_scoped(entries_belong_to_dims_from_the_left),
             tg_scoped(other_counts_and_values_are_refused_by_name))
