/* ops_nn.h - normalisation, dropout, embedding, attention, recurrent layers. The rules for all
 * operations stand in ops.h. */
#ifndef TENSORGRAD_OPS_NN_H
#define TENSORGRAD_OPS_NN_H

#include <tensorgrad/random.h>
#include <tensorgrad/scope.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Normalisation: f32, f64; sums in f64; the variance is divided by n ----------------------
 * Weights and biases have x's dtype. eps is added to the variance: finite and >= 0. */

/** (x - mean)/√(variance + eps)·weight + bias over the last dims, whose sizes are normalized_shape
 *  and those of weight and bias (or TG_NONE). A constant row gives 0, and gradient 0. */
TG_API tg_tensor *tg_layer_norm(tg_tensor *x, int ndim, const int64_t *normalized_shape,
                                tg_tensor *weight_or_none, tg_tensor *bias_or_none, double eps);
/** x/√(mean(x²) + eps)·weight over the last dims, as in tg_layer_norm. A negative eps means the
 *  epsilon of x's dtype. */
TG_API tg_tensor *tg_rms_norm(tg_tensor *x, int ndim, const int64_t *normalized_shape,
                              tg_tensor *weight_or_none, double eps);
/** The same per sample over each of num_groups groups of channels of x [N, C, …]; weight and bias
 *  are [C] or TG_NONE. C must be a multiple of num_groups. */
TG_API tg_tensor *tg_group_norm(tg_tensor *x, int64_t num_groups, tg_tensor *weight_or_none,
                                tg_tensor *bias_or_none, double eps);
/** The same per sample and channel. TG_ERR_SHAPE if a channel has one value. */
TG_API tg_tensor *tg_instance_norm(tg_tensor *x, tg_tensor *weight_or_none, tg_tensor *bias_or_none,
                                   double eps);

typedef struct {
    uint32_t size; /**< sizeof(tg_batch_norm_options) */
    bool training; /**< normalise by the batch, and update the running statistics; default false */
    double momentum; /**< of the running statistics, in [0, 1]; NaN: cumulative mean; default 0.1 */
    double eps;      /**< added to the variance, finite and >= 0; default 1e-5 */
    tg_tensor *running_mean; /**< [C] or NULL; needed unless training */
    tg_tensor *running_var;  /**< [C] or NULL; needed unless training */
    tg_tensor *weight;       /**< [C] or NULL */
    tg_tensor *bias;         /**< [C] or NULL */
    tg_tensor *num_batches;  /**< 0-d i64 or NULL: counts the updates; needed if momentum is NaN */
} tg_batch_norm_options;
#define TG_BATCH_NORM_OPTIONS_INIT                                                                 \
    { sizeof(tg_batch_norm_options), false, 0.1, 1e-5, NULL, NULL, NULL, NULL, NULL }

/**
 * (x - mean)/√(variance + eps)·weight + bias for each channel of x [N, C, …].
 *
 * In training mean and variance (divided by n) are those of the batch and take part in gradients;
 * then the running statistics become (1 - momentum)·old + momentum·new, with the variance divided
 * by n - 1, and num_batches is incremented. These are buffers: written in place without recording,
 * not at all if the call fails (TG_ERR_STATE if they require gradients). One value per channel is
 * TG_ERR_SHAPE. Otherwise the running statistics are used as they are.
 */
TG_API tg_tensor *tg_batch_norm(tg_tensor *x, const tg_batch_norm_options *options);

/* ---- Dropout: f32, f64 -----------------------------------------------------------------------
 * With probability p an element is 0, else it is multiplied by 1/(1 - p); the gradient is treated
 * in the same way. p = 1 gives 0, and gradient 0. Without `train` x itself is returned and nothing
 * is drawn. The mask is not kept: it is computed again from the state of the generator at the call,
 * one block of it for 4 elements. TG_ERR_ARG unless p is in [0, 1]. */

TG_API tg_tensor *tg_dropout(tg_tensor *x, double p, bool train, tg_generator *generator_or_null);
TG_API tg_tensor *tg_dropout_(tg_tensor *x, double p, bool train, tg_generator *generator_or_null);
/** Whole channels of x [N, C, L], or [C, L]. */
TG_API tg_tensor *tg_dropout1d(tg_tensor *x, double p, bool train, tg_generator *generator_or_null);
/** Whole channels of x [N, C, H, W], or [C, H, W]. */
TG_API tg_tensor *tg_dropout2d(tg_tensor *x, double p, bool train, tg_generator *generator_or_null);
/** Whole channels of x [N, C, D, H, W], or [C, D, H, W]. */
TG_API tg_tensor *tg_dropout3d(tg_tensor *x, double p, bool train, tg_generator *generator_or_null);
/** Keeps mean 0 and variance 1 (Klambauer et al. 2017): dropped elements become -λα, and the result
 *  is a·x + b. */
TG_API tg_tensor *tg_alpha_dropout(tg_tensor *x, double p, bool train,
                                   tg_generator *generator_or_null);
/** tg_alpha_dropout of whole channels of x [N, C, …]. */
TG_API tg_tensor *tg_feature_alpha_dropout(tg_tensor *x, double p, bool train,
                                           tg_generator *generator_or_null);

/* ---- Embedding: f32, f64 weights; i64 or i32 indices ----------------------------------------- */

#define TG_NO_PADDING INT64_MIN

/** Rows of weight [V, D] at indices [...]: [..., D]. The row padding_idx (TG_NO_PADDING: none;
 *  negative: from the end) gets no gradient, though it is looked up as any other. With
 *  scale_grad_by_freq the gradient of a row is divided by how often it was looked up. Gradients are
 *  added in the order of the indices. TG_ERR_INDEX for an index outside [0, V). */
TG_API tg_tensor *tg_embedding(tg_tensor *weight, tg_tensor *indices, int64_t padding_idx,
                               bool scale_grad_by_freq);
/** Divides in place, without recording, those rows of weight [V, D] that indices name and whose
 *  p-norm is above max_norm, so that it becomes max_norm. Returns weight. */
TG_API tg_tensor *tg_embedding_renorm_(tg_tensor *weight, tg_tensor *indices, double max_norm,
                                       double norm_type);

typedef enum { TG_BAG_SUM = 0, TG_BAG_MEAN = 1, TG_BAG_MAX = 2 } tg_bag_mode;

typedef struct {
    uint32_t size;             /**< sizeof(tg_embedding_bag_options) */
    int32_t mode;              /**< tg_bag_mode; default mean */
    int64_t padding_idx;       /**< a row that bags leave out; default TG_NO_PADDING */
    bool scale_grad_by_freq;   /**< not with TG_BAG_MAX */
    bool include_last_offset;  /**< offsets has one more entry: the number of indices */
    tg_tensor *offsets;        /**< [B], where each bag begins, for 1-d indices; else NULL */
    tg_tensor *sample_weights; /**< one factor per index, TG_BAG_SUM only; or NULL */
} tg_embedding_bag_options;
#define TG_EMBEDDING_BAG_OPTIONS_INIT                                                              \
    { sizeof(tg_embedding_bag_options), TG_BAG_MEAN, TG_NO_PADDING, false, false, NULL, NULL }

/**
 * Sums, means or maxima of rows of weight [V, D] over bags of indices: [B, D].
 *
 * indices: [B, N], a bag per row, or [n] with offsets, which begin with 0 and do not decrease. An
 * empty bag gives 0. Of equal maxima the first gets the gradient. Derivatives of every order.
 * options may be NULL for 2-d indices.
 */
TG_API tg_tensor *tg_embedding_bag(tg_tensor *weight, tg_tensor *indices,
                                   const tg_embedding_bag_options *options);

/* ---- Attention: f32, f64 --------------------------------------------------------------------- */

typedef struct {
    uint32_t size;    /**< sizeof(tg_attention_options) */
    bool is_causal;   /**< query i sees keys 0 to i only; not together with a mask */
    bool enable_gqa;  /**< query may have a multiple of the heads of key and value */
    double scale;     /**< of query · key; 0: 1/√E, the default */
    double dropout_p; /**< of the attention weights, in [0, 1]; default 0 */
    tg_tensor *mask;  /**< broadcast to [..., L, S]: bool, true where a key is seen, or numbers of
                         query's dtype that are added; or NULL */
    tg_generator *generator; /**< of dropout; NULL: the thread's own */
} tg_attention_options;
#define TG_ATTENTION_OPTIONS_INIT                                                                  \
    { sizeof(tg_attention_options), false, false, 0.0, 0.0, NULL, NULL }

/**
 * softmax(query·keyᵀ·scale + mask)·value.
 *
 * query [..., L, E], key [..., S, E], value [..., S, V] give [..., L, V]; the other sizes are equal
 * (with enable_gqa, heads are dim -3). A query that sees no key gives 0, and gradient 0. Without
 * dropout neither call nor gradient keeps [L, S] numbers: some rows of them are computed at a time.
 * A gradient that is itself recorded, for a second derivative, does hold them all.
 * Gradients also to a mask of numbers. options may be NULL.
 */
TG_API tg_tensor *tg_scaled_dot_product_attention(tg_tensor *query, tg_tensor *key,
                                                  tg_tensor *value,
                                                  const tg_attention_options *options);

typedef struct {
    uint32_t size;              /**< sizeof(tg_mha_options) */
    int32_t num_heads;          /**< E is a multiple of it */
    bool batch_first;           /**< [N, L, E] instead of [L, N, E]; default false */
    bool is_causal;             /**< query i sees keys 0 to i only; not together with attn_mask */
    bool average_weights;       /**< weights are the mean over heads; default true */
    double dropout_p;           /**< of the attention weights, in [0, 1]; default 0 */
    tg_tensor *in_proj_weight;  /**< [3E, E]: of query, key and value */
    tg_tensor *in_proj_bias;    /**< [3E] or NULL */
    tg_tensor *out_proj_weight; /**< [E, E] */
    tg_tensor *out_proj_bias;   /**< [E] or NULL */
    tg_tensor *attn_mask; /**< [L, S] or [N·num_heads, L, S]: bool, true where a key is NOT seen, or
                             numbers that are added; or NULL */
    tg_tensor *key_padding_mask; /**< [N, S]: the same for whole keys; or NULL */
    tg_generator *generator;     /**< of dropout; NULL: the thread's own */
} tg_mha_options;
#define TG_MHA_OPTIONS_INIT                                                                        \
    { sizeof(tg_mha_options), 1, false, false, true, 0.0, NULL, NULL, NULL, NULL, NULL, NULL, NULL }

/**
 * Multi-head attention (Vaswani et al. 2017), as torch.nn.functional.multi_head_attention_forward.
 *
 * query [L, N, E], key and value [S, N, E] (or without N for a single sample) are projected by the
 * three parts of in_proj_weight, attend in num_heads heads of E/num_heads numbers, and are
 * projected by out_proj_weight. Returns query's shape. weights, unless NULL, gets the attention
 * weights: [N, L, S], or [N, num_heads, L, S] without average_weights.
 */
TG_API tg_tensor *tg_multi_head_attention(tg_tensor *query, tg_tensor *key, tg_tensor *value,
                                          const tg_mha_options *options, tg_tensor **weights);

/** Rotary position embedding (Su et al. 2021) of x [..., T, D]: turns pairs of numbers by the
 * angles whose cosines and sines are cos and sin [T, D/2] (or broadcast to [..., T, D/2]). Pairs
 * are (2i, 2i + 1) if interleaved, else (i, i + D/2). f32, f64. */
TG_API tg_tensor *tg_rope(tg_tensor *x, tg_tensor *cos, tg_tensor *sin, bool interleaved);
/** The angles of tg_rope for positions 0 … n - 1: position · base^(-2i/dim), [n, dim/2]. */
TG_API tg_tensor *tg_rope_angles(tg_dtype dtype, int64_t n, int64_t dim, double base);
/** The slopes of ALiBi (Press et al. 2022), one per head. */
TG_API tg_tensor *tg_alibi_slopes(tg_dtype dtype, int64_t num_heads);

/* ---- Recurrent layers: f32, f64 --------------------------------------------------------------
 * One step from the input x and the state h, with w_ih [G·H, I], w_hh [G·H, H] and biases [G·H],
 * where a = w_ih·x + b_ih and b = w_hh·h + b_hh are cut into G parts of H numbers:
 *
 *     rnn:  h' = tanh(a + b), or relu
 *     lstm: i, f, g, o = a + b;  c' = σ(f)·c + σ(i)·tanh(g);  h' = σ(o)·tanh(c')
 *     gru:  r = σ(a_r + b_r), z = σ(a_z + b_z), n = tanh(a_n + r·b_n);  h' = (1 - z)·n + z·h
 *
 * PyTorch's order of gates: lstm i f g o, gru r z n. */

/** One step of x [N, I] and h [N, H], or [I] and [H]; biases may be TG_NONE. */
TG_API tg_tensor *tg_rnn_cell(tg_tensor *x, tg_tensor *h, tg_tensor *const *weights, int n_weights,
                              bool relu);
TG_API tg_tensor *tg_gru_cell(tg_tensor *x, tg_tensor *h, tg_tensor *const *weights, int n_weights);
/** The same for lstm; c_next gets c', and may be NULL. */
TG_API tg_tensor *tg_lstm_cell(tg_tensor *x, tg_tensor *h, tg_tensor *c, tg_tensor *const *weights,
                               int n_weights, tg_tensor **c_next);

typedef struct {
    uint32_t size;      /**< sizeof(tg_recurrent_options) */
    int32_t num_layers; /**< >= 1; default 1 */
    bool bidirectional; /**< a second pass from the end, whose outputs are appended */
    bool batch_first;   /**< [N, T, I] instead of [T, N, I] */
    bool no_biases;     /**< weights has none */
    bool relu;          /**< tg_rnn: instead of tanh */
    bool projection;    /**< tg_lstm: h' is multiplied by w_hr [R, H]; states h have R numbers */
    bool train;         /**< whether there is dropout */
    double dropout_p;   /**< of what goes from one layer to the next, in [0, 1] */
    tg_tensor *h0;      /**< [num_layers·directions, N, H or R]; NULL: zeros */
    tg_tensor *c0;      /**< tg_lstm: [num_layers·directions, N, H]; NULL: zeros */
    tg_generator *generator; /**< of dropout; NULL: the thread's own */
} tg_recurrent_options;
#define TG_RECURRENT_OPTIONS_INIT                                                                  \
    {                                                                                              \
        sizeof(tg_recurrent_options), 1, false, false, false, false, false, false, 0.0, NULL,      \
            NULL, NULL                                                                             \
    }

/**
 * Layers of steps over a sequence x [T, N, I] (or [T, I], a single sample, with states without N).
 *
 * weights: for each layer and direction w_ih, w_hh, b_ih, b_hh and w_hr, as far as there are such;
 * later layers take the outputs of the one before, so their I is directions·H. Returns the outputs
 * of the last layer, [T, N, directions·H]. h_n and c_n, unless NULL, get the last states, with the
 * shapes of h0 and c0. TG_ERR_SHAPE for T = 0. options may be NULL.
 */
TG_API tg_tensor *tg_rnn(tg_tensor *x, tg_tensor *const *weights, int n_weights,
                         const tg_recurrent_options *options, tg_tensor **h_n);
TG_API tg_tensor *tg_gru(tg_tensor *x, tg_tensor *const *weights, int n_weights,
                         const tg_recurrent_options *options, tg_tensor **h_n);
TG_API tg_tensor *tg_lstm(tg_tensor *x, tg_tensor *const *weights, int n_weights,
                          const tg_recurrent_options *options, tg_tensor **h_n, tg_tensor **c_n);

#ifdef __cplusplus
}
#endif
#endif
