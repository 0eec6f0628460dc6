/* test_conv_nd.c - the trilinear form behind convolution. */
/* ctest: threads */
#include "tensors.h"

#include <tensorgrad/tensorgrad.h>

typedef struct {
    int nd;
    int64_t stride[3], padding[3], dilation[3], groups, size[3];
} choice;

static tg_status call(const char *op, const choice *c, tg_tensor *a, tg_tensor *b,
                      tg_tensor **out) {
    tg_tensor *in[2] = {a, b};
    const tg_attr attrs[] = {
        {.name = "stride", .type = TG_ATTR_INTS, .n = c->nd, .ints = c->stride},
        {.name = "padding", .type = TG_ATTR_INTS, .n = c->nd, .ints = c->padding},
        {.name = "dilation", .type = TG_ATTR_INTS, .n = c->nd, .ints = c->dilation},
        {.name = "groups", .type = TG_ATTR_INT, .i = c->groups},
        {.name = "size", .type = TG_ATTR_SHAPE, .n = c->nd, .ints = c->size}};
    return tg_op_call(op, in, 2, attrs, 5, out, 1);
}

static double dot(tg_tensor *a, tg_tensor *b) {
    return tg_item(tg_test_made(tg_sum(tg_mul(a, b), TG_ALL, false)));
}

/* Σ y·F(x, w) = Σ x·I(y, w) = Σ w·W(x, y), with padding on the right that `padding` does not say.
 */
static void the_three_are_partial_derivatives_of_one_form(void **state) {
    (void)state;
    tg_tensor *x = tg_sin(counting(TG_SHAPE(2, 4, 5, 6)));
    tg_tensor *w = tg_cos(counting(TG_SHAPE(6, 2, 2, 3)));
    tg_tensor *y = tg_sin(tg_mul_scalar(counting(TG_SHAPE(2, 6, 5, 3)), 0.3));
    choice c = {2, {1, 2}, {0, 1}, {1, 1}, 2, {5, 3}};
    tg_tensor *out[3] = {NULL};
    assert_ok(call("conv_nd", &c, x, w, &out[0]));
    memcpy(c.size, (int64_t[]){5, 6}, 16);
    assert_ok(call("conv_nd_input", &c, y, w, &out[1]));
    memcpy(c.size, (int64_t[]){2, 3}, 16);
    assert_ok(call("conv_nd_weight", &c, x, y, &out[2]));
    const double form = dot(out[0], y);
    assert_close(dot(out[1], x), form, 1e-13, 0);
    assert_close(dot(out[2], w), form, 1e-13, 0);
}

static void sizes_that_do_not_belong_together_are_refused(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(2, 4, 5));
    tg_tensor *w = counting(TG_SHAPE(3, 4, 2));
    tg_tensor *y = counting(TG_SHAPE(2, 3, 4));
    tg_tensor *out = NULL;
    choice c = {1, {1}, {0}, {1}, 1, {4}};
    assert_ok(call("conv_nd", &c, x, w, &out));
    c.size[0] = 7;
    assert_denied(call("conv_nd", &c, x, w, &out), TG_ERR_SHAPE, "7 windows", "5 positions");
    assert_denied(call("conv_nd_input", &c, y, w, &out), TG_ERR_SHAPE, "4 windows", "7 positions");
    c.size[0] = 0;
    assert_denied(call("conv_nd_weight", &c, x, y, &out), TG_ERR_SHAPE, "at least 1");
    c.size[0] = INT64_MAX;
    assert_denied(call("conv_nd", &c, x, w, &out), TG_ERR_SHAPE, "windows");
    c.size[0] = 2;
    assert_denied(call("conv_nd_weight", &c, x, counting(TG_SHAPE(1, 3, 4)), &out), TG_ERR_SHAPE,
                  "batch sizes must be equal");
    assert_denied(call("conv_nd_weight", &c, x, counting(TG_SHAPE(3, 4)), &out), TG_ERR_SHAPE,
                  "numbers of dims must agree");
    c.groups = 3;
    assert_denied(call("conv_nd_weight", &c, x, y, &out), TG_ERR_SHAPE,
                  "must divide into 3 groups");
    c.groups = INT64_MAX;
    c.size[0] = 4;
    assert_denied(call("conv_nd", &c, x, w, &out), TG_ERR_SHAPE, "groups");
    c.nd = 0;
    assert_denied(call("conv_nd", &c, x, w, &out), TG_ERR_SHAPE, "size has 0 entries");
}

TG_TEST_MAIN(tg_scoped(the_three_are_partial_derivatives_of_one_form),
             tg_scoped(sizes_that_do_not_belong_together_are_refused))
