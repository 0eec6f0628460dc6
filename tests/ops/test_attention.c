/* test_attention.c - scaled dot-product attention: values of PyTorch 2.13, pieces, dropout. */
#include "tensors.h"

#include <tensorgrad/tensorgrad.h>

#define near(x, ...) tg_test_values(x, 1e-13, 1e-15, LIST(__VA_ARGS__), #x, __FILE__, __LINE__)

static tg_tensor *waves(double start, int ndim, const int64_t *shape) {
    return leaf(tg_detach(tg_sin(tg_add_scalar(counting(ndim, shape), start))));
}
static double apart(tg_tensor *a, tg_tensor *b) {
    return tg_item(tg_max(tg_abs(tg_sub(tg_detach(a), tg_detach(b)))));
}

static void values_are_those_of_pytorch(void **state) {
    (void)state;
    tg_tensor *q = waves(0, TG_SHAPE(2, 3, 2));
    tg_tensor *k = waves(1, TG_SHAPE(2, 4, 2));
    tg_tensor *v = waves(2, TG_SHAPE(2, 4, 2));
    near(tg_scaled_dot_product_attention(q, k, v, NULL), 0.5246934930854604, 0.18586288855429062,
         0.4821153967612297, 0.06477543004678986, -0.2499369979658007, 0.008863888943376426,
         0.08321242143060317, -0.027830067279609433, 0.10602273577608552, -0.24750027847423992,
         -0.35386227315121394, -0.20819656719007767);
    tg_attention_options o = TG_ATTENTION_OPTIONS_INIT;
    o.is_causal = true;
    o.scale = .5;
    near(tg_scaled_dot_product_attention(q, k, v, &o), 0.9092974268256817, 0.1411200080598672,
         0.25501869461569415, -0.2908682353302163, -0.3057290835126258, -0.04619267011095474,
         -0.5440211108893698, -0.9999902065507035, -0.5415447626226786, -0.5278214562903313,
         -0.2973417573492333, -0.028743663732922295);
}

/* The second query sees no key. */
static void a_query_that_sees_nothing_gives_zero(void **state) {
    (void)state;
    tg_tensor *q = waves(0, TG_SHAPE(2, 3, 2));
    tg_tensor *k = waves(1, TG_SHAPE(2, 4, 2));
    tg_tensor *v = waves(2, TG_SHAPE(2, 4, 2));
    tg_attention_options o = TG_ATTENTION_OPTIONS_INIT;
    tg_tensor *seen = of(TG_BOOL, TG_SHAPE(3, 4), LIST(1, 0, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1));
    for (int numbers = 0; numbers < 2; numbers++) {
        o.mask = numbers ? leaf(tg_masked_fill(tg_zeros(TG_F64, TG_SHAPE(3, 4)),
                                               tg_logical_not(seen), -INFINITY))
                         : seen;
        tg_tensor *y = tg_scaled_dot_product_attention(q, k, v, &o);
        near(y, 0.5167884303513263, 0.3114574154788947, 0, 0, -0.2499369979658007,
             0.008863888943376426, 0.4852486256742503, 0.10684528319644548, 0, 0,
             -0.35386227315121394, -0.20819656719007767);
        sum_backward(tg_mul(y, counting(TG_SHAPE(2, 3, 2))));
        assert_values(tg_select(tg_grad(q), 1, 1), 0, 0, 0, 0);
        assert_values(tg_all(tg_isfinite(tg_grad(k)), TG_ALL, false), 1);
    }
    assert_values(tg_select(tg_grad(o.mask), 0, 1), 0, 0, 0, 0);
    tg_tensor *none = tg_zeros(TG_F64, TG_SHAPE(2, 0, 2));
    assert_values(tg_scaled_dot_product_attention(tg_narrow(q, 1, 0, 1), none, none, NULL), 0, 0, 0,
                  0);
}

/* Attention of all scores at once, in recorded operations. */
static tg_tensor *plain(tg_tensor *q, tg_tensor *k, tg_tensor *v, tg_tensor *mask) {
    const double scale = 1 / sqrt((double)tg_size(q, -1));
    tg_tensor *s = tg_mul_scalar(tg_matmul(q, tg_transpose(k, -2, -1)), scale);
    return tg_matmul(tg_softmax(tg_add(s, mask), -1), v);
}

static void pieces_give_what_the_whole_gives(void **state) {
    (void)state;
    enum { L = 900, S = 1500 }; /* two scores matrices: 2.7 times what is computed at a time */
    tg_tensor *in[4] = {waves(0, TG_SHAPE(2, L, 3)), waves(1, TG_SHAPE(2, S, 3)),
                        waves(2, TG_SHAPE(2, S, 2)), waves(3, TG_SHAPE(L, S))};
    tg_attention_options o = TG_ATTENTION_OPTIONS_INIT;
    o.mask = in[3];
    tg_tensor *w = tg_sin(tg_mul_scalar(counting(TG_SHAPE(2, L, 2)), .1));
    tg_tensor *y[2] = {tg_scaled_dot_product_attention(in[0], in[1], in[2], &o),
                       plain(in[0], in[1], in[2], in[3])};
    assert_true(apart(y[0], y[1]) < 1e-13);
    tg_tensor *g[2][4];
    for (int k = 0; k < 2; k++) {
        tg_tensor *root = tg_sum(tg_mul(y[k], w), TG_ALL, false);
        assert_ok(tg_gradients(&root, 1, in, 4, NULL, g[k]));
    }
    for (int i = 0; i < 4; i++)
        assert_true(apart(g[0][i], g[1][i]) < 1e-12);
    /* causal, with the pieces' rows counted from the start */
    o.mask = NULL;
    o.is_causal = true;
    tg_tensor *later =
        tg_gt(tg_arange(TG_F64, 0, S, 1), tg_unsqueeze(tg_arange(TG_F64, 0, L, 1), 1));
    tg_tensor *mask = tg_masked_fill(tg_zeros(TG_F64, TG_SHAPE(L, S)), later, -INFINITY);
    assert_true(apart(tg_scaled_dot_product_attention(in[0], in[1], in[2], &o),
                      plain(in[0], in[1], in[2], mask)) < 1e-13);
}

static void groups_of_queries_share_keys(void **state) {
    (void)state;
    tg_tensor *q = waves(0, TG_SHAPE(2, 4, 3, 2));
    tg_tensor *k = waves(1, TG_SHAPE(2, 2, 5, 2));
    tg_attention_options o = TG_ATTENTION_OPTIONS_INIT;
    assert_refused(tg_scaled_dot_product_attention(q, k, k, &o), TG_ERR_SHAPE, "f64 [2, 4, 3, 2]",
                   "f64 [2, 2, 5, 2]");
    o.enable_gqa = true;
    tg_tensor *y = tg_scaled_dot_product_attention(q, k, k, &o);
    for (int h = 0; h < 4; h++) {
        tg_tensor *one = tg_select(k, 1, h / 2);
        tg_tensor *alone = tg_scaled_dot_product_attention(tg_select(q, 1, h), one, one, NULL);
        assert_true(apart(tg_select(y, 1, h), alone) < 1e-15);
    }
    assert_refused(tg_scaled_dot_product_attention(tg_narrow(q, 1, 0, 3), k, k, &o), TG_ERR_SHAPE,
                   "enable_gqa");
}

static void dropout_is_drawn_from_the_generator(void **state) {
    (void)state;
    tg_generator *g = tg_generator_new(5);
    tg_tensor *q = tg_zeros(TG_F64, TG_SHAPE(2, 30, 2));
    tg_tensor *v = tg_ones(TG_F64, TG_SHAPE(2, 50, 1));
    tg_attention_options o = TG_ATTENTION_OPTIONS_INIT;
    o.dropout_p = .5;
    o.generator = g;
    tg_tensor *k = tg_zeros(TG_F64, TG_SHAPE(2, 50, 2));
    tg_tensor *y = tg_scaled_dot_product_attention(q, k, v, &o);
    assert_close(tg_item(tg_mean(y, TG_ALL, false)), 1, .1, 0); /* weights 0 or 1/25 */
    tg_tensor *kept = tg_mul_scalar(y, 25);
    tg_tensor *whole = tg_cast(tg_add_scalar(kept, .5), TG_I64);
    assert_close(tg_item(tg_max(tg_abs(tg_sub(kept, whole)))), 0, 0, 1e-12);
    tg_generator_state s;
    assert_ok(tg_generator_get_state(g, &s));
    assert_true(s.position == 2 * 30 * 50 / 4);
    o.dropout_p = 2;
    assert_refused(tg_scaled_dot_product_attention(q, k, v, &o), TG_ERR_ARG, "dropout_p is 2");
    tg_generator_free(g);
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    tg_tensor *q = waves(0, TG_SHAPE(3, 2));
    tg_tensor *k = waves(0, TG_SHAPE(4, 2));
    tg_attention_options o = TG_ATTENTION_OPTIONS_INIT;
    assert_refused(tg_scaled_dot_product_attention(q, k, q, NULL), TG_ERR_SHAPE,
                   "value f64 [3, 2]");
    assert_refused(tg_scaled_dot_product_attention(ROW(1), k, k, NULL), TG_ERR_SHAPE, "f64 [1]");
    assert_refused(tg_scaled_dot_product_attention(q, tg_cast(k, TG_F32), k, NULL), TG_ERR_DTYPE,
                   "key f32 [4, 2]");
    o.mask = tg_zeros(TG_F64, TG_SHAPE(4, 3));
    assert_refused(tg_scaled_dot_product_attention(q, k, k, &o), TG_ERR_SHAPE,
                   "mask is f64 [4, 3]");
    o.mask = tg_zeros(TG_I64, TG_SHAPE(3, 4));
    assert_refused(tg_scaled_dot_product_attention(q, k, k, &o), TG_ERR_DTYPE,
                   "mask is i64 [3, 4]");
    o.mask = tg_zeros(TG_F64, TG_SHAPE(3, 4));
    o.is_causal = true;
    assert_refused(tg_scaled_dot_product_attention(q, k, k, &o), TG_ERR_ARG,
                   "together with a mask");
    o.mask = NULL;
    o.scale = INFINITY;
    assert_refused(tg_scaled_dot_product_attention(q, k, k, &o), TG_ERR_ARG, "scale is inf");
}

TG_TEST_MAIN(tg_scoped(values_are_those_of_pytorch),
             tg_scoped(a_query_that_sees_nothing_gives_zero),
             tg_scoped(pieces_give_what_the_whole_gives), tg_scoped(groups_of_queries_share_keys),
             tg_scoped(dropout_is_drawn_from_the_generator),
             tg_scoped(what_does_not_fit_is_refused))
