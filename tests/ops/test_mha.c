/* test_mha.c - multi-head attention (PyTorch 2.13), rotary embedding and ALiBi. */
#include "tensors.h"

#include <tensorgrad/tensorgrad.h>

#define near(x, ...) tg_test_values(x, 1e-13, 1e-15, LIST(__VA_ARGS__), #x, __FILE__, __LINE__)

static tg_tensor *waves(double start, int ndim, const int64_t *shape) {
    return tg_sin(tg_add_scalar(counting(ndim, shape), start));
}
static double apart(tg_tensor *a, tg_tensor *b) { return tg_item(tg_max(tg_abs(tg_sub(a, b)))); }
static tg_mha_options options(void) {
    tg_mha_options o = TG_MHA_OPTIONS_INIT;
    o.num_heads = 2;
    o.in_proj_weight = waves(0, TG_SHAPE(12, 4));
    o.in_proj_bias = waves(0, TG_SHAPE(12));
    o.out_proj_weight = waves(3, TG_SHAPE(4, 4));
    o.out_proj_bias = waves(4, TG_SHAPE(4));
    return o;
}

static void values_are_those_of_pytorch(void **state) {
    (void)state;
    tg_mha_options o = options();
    o.key_padding_mask = of(TG_BOOL, TG_SHAPE(2, 3), LIST(0, 0, 1, 0, 1, 0));
    o.attn_mask = of(TG_BOOL, TG_SHAPE(2, 3), LIST(0, 1, 0, 0, 0, 0));
    tg_tensor *q = waves(0, TG_SHAPE(2, 2, 4));
    tg_tensor *k = waves(1, TG_SHAPE(3, 2, 4));
    tg_tensor *v = waves(2, TG_SHAPE(3, 2, 4));
    tg_tensor *w;
    tg_tensor *y = tg_multi_head_attention(q, k, v, &o, &w);
    near(y, -0.28792205965623174, -0.024690767897597388, -1.9696074780392987, 1.9323195032682439,
         -0.9336114298803686, 0.8878713925202694, -2.5168989774124713, 1.7352245374866886,
         -1.9370021963759847, 1.1314093692236389, -1.8318823007372318, 0.5961729989953961,
         -1.010731536910644, 1.1467448494992185, -2.7782008379125975, 1.8179476689791412);
    assert_shape(w, TG_F64, TG_SHAPE(2, 2, 3));
    near(w, 1, 0, 0, 0.6292662955829902, 0.3707337044170098, 0, 0.02535745357262892, 0,
         0.974642546427371, 0.03904761059015222, 0, 0.9609523894098477);
    assert_true(apart(tg_multi_head_attention(q, k, v, &o, NULL), y) < 1e-14);
    o.average_weights = false;
    tg_multi_head_attention(q, k, v, &o, &w);
    assert_shape(w, TG_F64, TG_SHAPE(2, 2, 2, 3));
    /* the same with the batch first, and sample by sample */
    o.batch_first = true;
    tg_tensor *in[3] = {tg_transpose(q, 0, 1), tg_transpose(k, 0, 1), tg_transpose(v, 0, 1)};
    assert_true(apart(tg_transpose(tg_multi_head_attention(in[0], in[1], in[2], &o, NULL), 0, 1),
                      y) < 1e-14);
    o.key_padding_mask = tg_select(o.key_padding_mask, 0, 1);
    tg_tensor *one =
        tg_multi_head_attention(tg_select(q, 1, 1), tg_select(k, 1, 1), tg_select(v, 1, 1), &o, &w);
    assert_true(apart(one, tg_select(y, 1, 1)) < 1e-14);
    assert_shape(w, TG_F64, TG_SHAPE(2, 2, 3));
}

static void a_causal_mask_may_join_a_padding_mask(void **state) {
    (void)state;
    tg_mha_options o = options();
    tg_tensor *x = waves(0, TG_SHAPE(3, 2, 4));
    tg_mha_options p = o;
    o.is_causal = true;
    p.attn_mask = of(TG_BOOL, TG_SHAPE(3, 3), LIST(0, 1, 1, 0, 0, 1, 0, 0, 0));
    for (int padding = 0; padding < 2; padding++) {
        assert_true(apart(tg_multi_head_attention(x, x, x, &o, NULL),
                          tg_multi_head_attention(x, x, x, &p, NULL)) < 1e-14);
        o.key_padding_mask = p.key_padding_mask =
            of(TG_BOOL, TG_SHAPE(2, 3), LIST(0, 0, 1, 0, 1, 0));
    }
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    tg_mha_options o = options();
    tg_tensor *x = waves(0, TG_SHAPE(3, 2, 4));
    o.num_heads = 3;
    assert_refused(tg_multi_head_attention(x, x, x, &o, NULL), TG_ERR_SHAPE, "num_heads is 3",
                   "E = 4");
    o.num_heads = 0;
    assert_refused(tg_multi_head_attention(x, x, x, &o, NULL), TG_ERR_ARG, "num_heads is 0");
    o.num_heads = 2;
    o.in_proj_bias = ROW(1, 2);
    assert_refused(tg_multi_head_attention(x, x, x, &o, NULL), TG_ERR_SHAPE,
                   "in_proj_bias is f64 [2]", "[3E]");
    o.in_proj_bias = NULL;
    o.attn_mask = tg_zeros(TG_BOOL, TG_SHAPE(3, 2));
    assert_refused(tg_multi_head_attention(x, x, x, &o, NULL), TG_ERR_SHAPE,
                   "attn_mask is bool [3, 2]");
    o.attn_mask = tg_zeros(TG_I64, TG_SHAPE(3, 3));
    assert_refused(tg_multi_head_attention(x, x, x, &o, NULL), TG_ERR_DTYPE, "attn_mask is i64");
    o.attn_mask = NULL;
    o.dropout_p = -1;
    assert_refused(tg_multi_head_attention(x, x, x, &o, NULL), TG_ERR_ARG, "dropout_p is -1");
    o.dropout_p = 0;
    o.out_proj_weight = NULL;
    tg_tensor *w;
    assert_refused(tg_multi_head_attention(x, x, x, &o, &w), TG_ERR_ARG, "out_proj_weight is NULL");
    assert_null(w);
    assert_refused(tg_multi_head_attention(x, ROW(1), x, &o, NULL), TG_ERR_ARG, "NULL");
}

/* ---- Positions ---- */

/* As complex numbers: pair · e^(i·angle). */
static void rope_turns_pairs_by_their_angles(void **state) {
    (void)state;
    tg_tensor *angle = tg_rope_angles(TG_F64, 3, 4, 100);
    near(angle, 0, 0, 1, .1, 2, .2);
    tg_tensor *x = counting(TG_SHAPE(3, 4));
    tg_tensor *y = tg_rope(x, tg_cos(angle), tg_sin(angle), false);
    tg_tensor *z = tg_rope(x, tg_cos(angle), tg_sin(angle), true);
    for (int t = 0; t < 3; t++)
        for (int i = 0; i < 2; i++) {
            const double a = t * (i == 0 ? 1 : .1);
            const double p = 4 * t + i;
            const double q = 4 * t + i + 2;
            assert_close(at(y, 4 * t + i), p * cos(a) - q * sin(a), 1e-14, 1e-14);
            assert_close(at(y, 4 * t + i + 2), q * cos(a) + p * sin(a), 1e-14, 1e-14);
            const double u = 4 * t + 2 * i;
            assert_close(at(z, 4 * t + 2 * i), u * cos(a) - (u + 1) * sin(a), 1e-14, 1e-14);
            assert_close(at(z, 4 * t + 2 * i + 1), (u + 1) * cos(a) + u * sin(a), 1e-14, 1e-14);
        }
    assert_refused(tg_rope(ROW(1, 2, 3), ROW(1), ROW(1), false), TG_ERR_SHAPE, "an even D");
    assert_refused(tg_rope(ROW(1, 2), ROW(1, 2), ROW(1), false), TG_ERR_SHAPE, "cos is f64 [2]");
    assert_refused(tg_rope_angles(TG_F64, 3, 5, 100), TG_ERR_ARG, "dim 5");
    assert_refused(tg_rope_angles(TG_I64, 3, 4, 100), TG_ERR_DTYPE, "i64");
}

/* The slopes printed in the paper for 8 heads, and those of its code for 12. */
static void alibi_slopes_are_those_of_the_paper(void **state) {
    (void)state;
    assert_values(tg_alibi_slopes(TG_F32, 8), .5, .25, .125, .0625, .03125, .015625, .0078125,
                  .00390625);
    const double r = sqrt(.5);
    near(tg_alibi_slopes(TG_F64, 12), .5, .25, .125, .0625, .03125, .015625, .0078125, .00390625, r,
         r / 2, r / 4, r / 8);
    assert_refused(tg_alibi_slopes(TG_F64, 0), TG_ERR_ARG, "num_heads is 0");
}

TG_TEST_MAIN(tg_scoped(values_are_those_of_pytorch),
             tg_scoped(a_causal_mask_may_join_a_padding_mask),
             tg_scoped(what_does_not_fit_is_refused), tg_scoped(rope_turns_pairs_by_their_angles),
             tg_scoped(alibi_slopes_are_those_of_the_paper))
