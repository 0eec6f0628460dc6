/* ops_activation.h - activation functions. The rules for all operations stand in ops.h. */
#ifndef TENSORGRAD_OPS_ACTIVATION_H
#define TENSORGRAD_OPS_ACTIVATION_H

#include <tensorgrad/random.h>
#include <tensorgrad/scope.h>

#ifdef __cplusplus
extern "C" {
#endif

/* tg_relu, tg_sigmoid and tg_tanh are in ops_elementwise.h, tg_softmax in ops_reduce.h.
 *
 * Parameters must be finite numbers unless it says otherwise: TG_ERR_ARG. */

/* ---- Of straight pieces: the second derivative is 0 ------------------------------------------ */

/** x where x > 0, else slope·x; gradient slope at 0. Float. */
TG_API tg_tensor *tg_leaky_relu(tg_tensor *x, double slope);
/** x where x > 0, else weight·x. weight has one element, or one for each channel of dim 1. At 0 the
 *  gradient of x is weight·g, that of weight 0. x and weight are both f32 or both f64. */
TG_API tg_tensor *tg_prelu(tg_tensor *x, tg_tensor *weight);
/** leaky_relu with a slope between lower and upper: in training drawn for each element, uniformly
 *  (generator NULL: the thread's default one), else their mean. lower <= upper. f32, f64. */
TG_API tg_tensor *tg_rrelu(tg_tensor *x, double lower, double upper, bool training,
                           tg_generator *generator);
/** x limited to [0, 6]; NaN stays; gradient 0 at both limits. No bool. */
TG_API tg_tensor *tg_relu6(tg_tensor *x);
/** x limited to [lo, hi], lo <= hi, infinities allowed; NaN stays; gradient 0 at both limits (that
 * of tg_clamp is g). Float. */
TG_API tg_tensor *tg_hardtanh(tg_tensor *x, double lo, double hi);
/** (x + 3)/6 limited to [0, 1]; gradient g/6 where -3 < x < 3. Float. PyTorch has 1/6 in f32 only.
 */
TG_API tg_tensor *tg_hardsigmoid(tg_tensor *x);
/** x·hardsigmoid(x); gradient 0 up to -3, g from 3 on, g(x/3 + ½) between. Float. */
TG_API tg_tensor *tg_hardswish(tg_tensor *x);
/** 0 where |x| <= lambd, else x; gradient g where x is kept. lambd >= 0. Float. */
TG_API tg_tensor *tg_hardshrink(tg_tensor *x, double lambd);
/** x moved toward 0 by lambd, 0 where |x| <= lambd; gradient g where |x| > lambd. lambd >= 0.
 *  Float. */
TG_API tg_tensor *tg_softshrink(tg_tensor *x, double lambd);
/** x where x > threshold, else value; gradient g where x is kept. NaN is kept. threshold may be
 *  infinite, value anything. Float. */
TG_API tg_tensor *tg_threshold(tg_tensor *x, double threshold, double value);

/* ---- Smooth ---------------------------------------------------------------------------------- */

/** x where x > 0, else alpha(eˣ - 1); gradient alpha·g at 0. Float. */
TG_API tg_tensor *tg_elu(tg_tensor *x, double alpha);
/** elu with alpha = 1.6732632423543772, times 1.0507009873554805 (Klambauer et al. 2017). Float. */
TG_API tg_tensor *tg_selu(tg_tensor *x);
/** x where x > 0, else alpha(e^(x/alpha) - 1); gradient g at 0. alpha is not 0. Float. */
TG_API tg_tensor *tg_celu(tg_tensor *x, double alpha);
/** xΦ(x), Φ the normal distribution; approximate: ½x(1 + tanh(√(2/π)(x + 0.044715x³))). Accurate to
 *  a few units in the last place, also far below 0. Float. */
TG_API tg_tensor *tg_gelu(tg_tensor *x, bool approximate);
/** x/(1 + e⁻ˣ). Float. */
TG_API tg_tensor *tg_silu(tg_tensor *x);
/** Another name of tg_silu. */
TG_API tg_tensor *tg_swish(tg_tensor *x);
/** x·tanh(ln(1 + eˣ)). Float. */
TG_API tg_tensor *tg_mish(tg_tensor *x);
/** ln(1 + e^(beta·x))/beta, and x itself where beta·x > threshold. beta is not 0. Float. */
TG_API tg_tensor *tg_softplus(tg_tensor *x, double beta, double threshold);
/** ln(1/(1 + e⁻ˣ)), without overflow. Float. */
TG_API tg_tensor *tg_logsigmoid(tg_tensor *x);
/** x/(1 + |x|). Float. */
TG_API tg_tensor *tg_softsign(tg_tensor *x);
/** x - tanh(x), accurate also for small x. Float. */
TG_API tg_tensor *tg_tanhshrink(tg_tensor *x);

TG_API tg_tensor *tg_leaky_relu_(tg_tensor *x, double slope);
TG_API tg_tensor *tg_relu6_(tg_tensor *x);
TG_API tg_tensor *tg_hardtanh_(tg_tensor *x, double lo, double hi);
TG_API tg_tensor *tg_hardsigmoid_(tg_tensor *x);
TG_API tg_tensor *tg_hardswish_(tg_tensor *x);
TG_API tg_tensor *tg_hardshrink_(tg_tensor *x, double lambd);
TG_API tg_tensor *tg_softshrink_(tg_tensor *x, double lambd);
TG_API tg_tensor *tg_threshold_(tg_tensor *x, double threshold, double value);
TG_API tg_tensor *tg_elu_(tg_tensor *x, double alpha);
TG_API tg_tensor *tg_selu_(tg_tensor *x);
TG_API tg_tensor *tg_celu_(tg_tensor *x, double alpha);
TG_API tg_tensor *tg_gelu_(tg_tensor *x, bool approximate);
TG_API tg_tensor *tg_silu_(tg_tensor *x);
TG_API tg_tensor *tg_mish_(tg_tensor *x);
TG_API tg_tensor *tg_softplus_(tg_tensor *x, double beta, double threshold);
TG_API tg_tensor *tg_logsigmoid_(tg_tensor *x);
TG_API tg_tensor *tg_softsign_(tg_tensor *x);
TG_API tg_tensor *tg_tanhshrink_(tg_tensor *x);

/* ---- Along a dim ----------------------------------------------------------------------------- */

/* Gated linear units (Shazeer 2020). x is cut along dim into halves a (first) and b; its size there
 * must be even: TG_ERR_SHAPE. f32, f64. */

/** a·σ(b): the second half is the gate, as in PyTorch. */
TG_API tg_tensor *tg_glu(tg_tensor *x, int dim);
/** silu(a)·b: the first half is the gate. */
TG_API tg_tensor *tg_swiglu(tg_tensor *x, int dim);
/** gelu(a)·b (exact gelu): the first half is the gate. */
TG_API tg_tensor *tg_geglu(tg_tensor *x, int dim);
/** relu(a)·b: the first half is the gate. */
TG_API tg_tensor *tg_reglu(tg_tensor *x, int dim);
/** softmax(-x) along dim. f32, f64. */
TG_API tg_tensor *tg_softmin(tg_tensor *x, int dim);

#ifdef __cplusplus
}
#endif
#endif
