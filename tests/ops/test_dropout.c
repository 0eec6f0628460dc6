/* test_dropout.c - what dropout keeps, its gradients, and its place in the random sequence. */
/* ctest: threads */
#include "tensors.h"

#include "base/alloc.h"
#include "kernels/philox.h"

#include <tensorgrad/tensorgrad.h>

#define N 40000

static void the_mask_is_that_of_the_words_of_the_sequence(void **state) {
    (void)state;
    tg_generator_state s = {77, 5, 123};
    tg_generator *g = tg_generator_new(0);
    assert_ok(tg_generator_set_state(g, &s));
    tg_tensor *x = leaf(tg_add_scalar(counting(TG_SHAPE(N)), 1));
    tg_tensor *y = tg_dropout(x, 0.25, true, g);
    sum_backward(y);
    tg_tensor *slope = tg_grad(x);
    int64_t kept = 0;
    for (int64_t i = 0; i < N; i++) {
        uint32_t w[4];
        tg__philox(77, 5, 123 + (uint64_t)i / 4, w);
        const bool keep = (double)w[i % 4] >= 0.25 * 4294967296.0;
        assert_true(((const double *)tg_data(y))[i] == (keep ? (double)(i + 1) * (1 / .75) : 0));
        assert_true(((const double *)tg_data(slope))[i] == (keep ? 1 / .75 : 0));
        kept += keep;
    }
    assert_close((double)kept / N, .75, 0.01, 0); /* five standard deviations */
    assert_ok(tg_generator_get_state(g, &s));
    assert_true(s.position == 123 + N / 4);
    tg_generator_free(g);
}

static void threads_and_layout_do_not_matter(void **state) {
    (void)state;
    tg_tensor *x = tg_cast(tg_sin(counting(TG_SHAPE(200, 200))), TG_F32);
    tg_tensor *turned = tg_transpose(tg_contiguous(tg_transpose(x, 0, 1)), 0, 1);
    tg_tensor *y[3];
    for (int k = 0; k < 3; k++) {
        tg_generator *g = tg_generator_new(9);
        tg_set_num_threads(k == 1 ? 1 : 4);
        y[k] = tg_dropout(k == 2 ? turned : x, 0.5, true, g);
        tg_generator_free(g);
    }
    assert_memory_equal(tg_data(y[0]), tg_data(y[1]), N * sizeof(float));
    assert_memory_equal(tg_data(y[0]), tg_data(y[2]), N * sizeof(float));
}

static void everything_or_nothing_may_be_dropped(void **state) {
    (void)state;
    tg_tensor *x = LEAF(INFINITY, NAN, 3);
    tg_tensor *y = tg_dropout(x, 1, true, NULL);
    assert_values(y, 0, 0, 0);
    sum_backward(y);
    assert_values(tg_grad(x), 0, 0, 0);
    assert_values(tg_dropout(x, 0, true, NULL), INFINITY, NAN, 3);
    assert_values(tg_alpha_dropout(ROW(1, 2, 3), 1, true, NULL), 0, 0, 0);
}

static void without_training_x_comes_back_and_nothing_is_drawn(void **state) {
    (void)state;
    tg_generator_state before;
    tg_generator_state after;
    tg_tensor *x = LEAF(1, 2, 3);
    assert_ok(tg_generator_get_state(NULL, &before));
    assert_ptr_equal(tg_dropout(x, .5, false, NULL), x);
    assert_ptr_equal(tg_dropout_(x, .5, false, NULL), x);
    assert_ptr_equal(tg_alpha_dropout(x, .5, false, NULL), x);
    assert_ptr_equal(tg_feature_alpha_dropout(x, .5, false, NULL), x);
    assert_ok(tg_generator_get_state(NULL, &after));
    assert_true(before.position == after.position);
}

static void a_failed_call_draws_nothing(void **state) {
    (void)state;
    tg_generator_state before;
    tg_generator_state after;
    assert_ok(tg_generator_get_state(NULL, &before));
    assert_refused(tg_dropout(ROW(1), 1.5, true, NULL), TG_ERR_ARG, "dropout", "p is 1.5");
    assert_refused(tg_dropout(ROW(1), (double)NAN, false, NULL), TG_ERR_ARG, "p is nan");
    assert_refused(tg_dropout(row(TG_I64, LIST(1)), .5, true, NULL), TG_ERR_DTYPE, "i64 [1]");
    assert_refused(tg_dropout_(LEAF(1), .5, true, NULL), TG_ERR_STATE, "in place on a leaf");
    assert_refused(tg_dropout(NULL, .5, true, NULL), TG_ERR_ARG, "x is NULL");
    assert_refused(tg_dropout2d(ROW(1), .5, true, NULL), TG_ERR_SHAPE, "dropout2d", "give 4 dims");
    assert_refused(tg_feature_alpha_dropout(ROW(1), .5, true, NULL), TG_ERR_SHAPE, "[N, C, ...]");
    assert_ok(tg_generator_get_state(NULL, &after));
    assert_true(before.position == after.position);
}

static void in_place_gives_the_same_also_in_a_strided_tensor(void **state) {
    (void)state;
    tg_tensor *x = counting(TG_SHAPE(4, 6));
    tg_tensor *t = tg_transpose(tg_clone(x), 0, 1);
    tg_generator *g[2] = {tg_generator_new(4), tg_generator_new(4)};
    tg_tensor *y = tg_dropout(tg_clone(t), .5, true, g[0]);
    assert_ptr_equal(tg_dropout_(t, .5, true, g[1]), t);
    assert_close(tg_item(tg_max(tg_abs(tg_sub(y, t)))), 0, 0, 0);
    assert_true(tg_item(tg_sum(tg_cast(tg_eq_scalar(t, 0), TG_F64), TG_ALL, false)) > 3);
    tg_generator_free(g[0]);
    tg_generator_free(g[1]);
}

/* Every channel is all kept or all dropped. */
static void channels_go_as_a_whole(void **state) {
    (void)state;
    tg_tensor *(*const drop[])(tg_tensor *, double, bool,
                               tg_generator *) = {tg_dropout1d, tg_dropout2d, tg_dropout3d};
    for (int d = 0; d < 3; d++)
        for (int single = 0; single < 2; single++) {
            const int64_t shape[5] = {single ? 40 : 4, 10, d > 0 ? 2 : 3, d > 1 ? 2 : 3, 2};
            const int ndim = 3 + d - single;
            int64_t sizes[5] = {shape[0], single ? 3 : 10, 3, 2, 2};
            tg_tensor *x = tg_ones(TG_F64, ndim, sizes);
            tg_tensor *y = drop[d](x, .5, true, NULL);
            assert_shape(y, TG_F64, ndim, sizes);
            const int64_t channels = single ? sizes[0] : sizes[0] * sizes[1];
            tg_tensor *rows = tg_reshape(y, TG_SHAPE(channels, tg_numel(y) / channels));
            tg_tensor *low =
                tg_min(tg_sub(tg_mean(rows, TG_DIMS(1), false), tg_select(rows, 1, 0)));
            assert_close(tg_item(low), 0, 0, 1e-15);
            assert_values(tg_max(y), 2);
            assert_values(tg_min(y), 0);
        }
}

/* Klambauer et al.: what stands for "dropped" and the affine map keep mean 0 and variance 1. */
static void alpha_dropout_keeps_mean_and_variance(void **state) {
    (void)state;
    tg_generator *g = tg_generator_new(3);
    tg_tensor *x = tg_randn(TG_F64, TG_SHAPE(200000), g);
    tg_tensor *y = tg_alpha_dropout(x, 0.2, true, g);
    assert_close(tg_item(tg_mean(y, TG_ALL, false)), 0, 0, 0.01);
    assert_close(tg_item(tg_var(y, TG_ALL, 1, false)), 1, 0, 0.02);
    /* p = 0.2: a = 0.8783..., dropped elements are -λα·a + b with b = λα·a·p */
    const double limit = 1.7580993408473766;
    const double a = 1 / sqrt((limit * limit * .2 + 1) * .8);
    assert_close(tg_item(tg_min(tg_alpha_dropout(tg_zeros(TG_F64, TG_SHAPE(100)), .2, true, g))),
                 -limit * a * .8, 1e-14, 0);
    tg_tensor *rows = tg_feature_alpha_dropout(tg_ones(TG_F64, TG_SHAPE(5, 20, 3)), .5, true, g);
    assert_values(tg_max(tg_abs(tg_sub(rows, tg_narrow(rows, 2, 0, 1)))), 0);
    tg_generator_free(g);
}

/* ---- Without memory ---- */

static tg_tensor *image; /* [4, 4, 4] */
static tg_tensor *elements(tg_generator *g) { return tg_dropout(image, .5, true, g); }
static tg_tensor *sample(tg_generator *g) { return tg_dropout2d(image, .5, true, g); }
static tg_tensor *batch(tg_generator *g) { return tg_dropout1d(image, .5, true, g); }
static tg_tensor *selu(tg_generator *g) { return tg_feature_alpha_dropout(image, .5, true, g); }
static tg_tensor *attention(tg_generator *g) {
    tg_attention_options o = TG_ATTENTION_OPTIONS_INIT;
    o.dropout_p = .5;
    o.generator = g;
    return tg_scaled_dot_product_attention(image, image, image, &o);
}
static tg_tensor *layers(tg_generator *g) {
    tg_recurrent_options o = TG_RECURRENT_OPTIONS_INIT;
    o.num_layers = 2;
    o.no_biases = true;
    o.train = true;
    o.dropout_p = .5;
    o.generator = g;
    tg_tensor *w = tg_select(image, 0, 0);
    return w == NULL ? NULL : tg_rnn(image, (tg_tensor *[]){w, w, w, w}, 4, &o, NULL);
}

static void a_call_without_memory_draws_nothing(void **state) {
    (void)state;
    static tg_tensor *(*const draws[])(tg_generator *) = {elements, sample,    batch,
                                                          selu,     attention, layers};
    image = tg_ones(TG_F64, TG_SHAPE(4, 4, 4));
    tg_generator *g = tg_generator_new(1);
    for (size_t k = 0; k < sizeof draws / sizeof *draws; k++)
        for (uint64_t n = 1;; n++) {
            tg_generator_state before;
            tg_generator_state after;
            assert_ok(tg_generator_get_state(g, &before));
            tg_scope s = tg_scope_open();
            tg__alloc_fail_at(n, true);
            const bool good = draws[k](g) != NULL;
            tg__alloc_fail_at(0, false);
            (void)!tg_scope_close(s);
            tg_error_clear();
            assert_ok(tg_generator_get_state(g, &after));
            if (good != (after.position != before.position))
                fail_msg("draw %zu, request %llu", k, (unsigned long long)n);
            if (good)
                break;
        }
    tg_generator_free(g);
}

TG_TEST_MAIN(tg_scoped(the_mask_is_that_of_the_words_of_the_sequence),
             tg_scoped(threads_and_layout_do_not_matter),
             tg_scoped(everything_or_nothing_may_be_dropped),
             tg_scoped(without_training_x_comes_back_and_nothing_is_drawn),
             tg_scoped(a_failed_call_draws_nothing),
             tg_scoped(in_place_gives_the_same_also_in_a_strided_tensor),
             tg_scoped(channels_go_as_a_whole), tg_scoped(alpha_dropout_keeps_mean_and_variance),
             tg_scoped(a_call_without_memory_draws_nothing))
