/* ew_activations.h - what the kernels of activation functions and losses must give; included by
 * test_ew.c, which has value, FLOAT and kernels. */
#ifndef TESTS_KERNELS_EW_ACTIVATIONS_H
#define TESTS_KERNELS_EW_ACTIVATIONS_H

static long double limited(long double x, long double lo, long double hi) {
    return x < lo ? lo : x > hi ? hi : x;
}
static long double logistic(long double x) {
    return x >= 0 ? 1 / (1 + expl(-x)) : expl(x) / (1 + expl(x));
}
static long double softplus(long double x) { return (x > 0 ? x : 0) + log1pl(expl(-fabsl(x))); }
static long double tanh_argument(long double x) { /* √(2/π)(x + 0.044715x³) */
    return 0.797884560802865355879892119868763737L * (x + 0.044715L * x * x * x);
}

/* x - tanh(x): of small x by its series, whose next term is 7e-18 of the first at 1/50. */
static long double shrunk(long double x) {
    const long double s = x * x;
    if (s > 4e-4L || s == 0)
        return x - tanhl(x);
    return x * s * (1 / 3.0L - s * (2 / 15.0L - s * (17 / 315.0L - s * 62 / 2835)));
}

static value activation_float(tg__unary op, long double x) {
    switch (op) {
    case TG__UN_relu6:
        FLOAT(isnan(x) ? x : x > 6 ? 6 : x > 0 ? x : 0, 0);
    case TG__UN_hardsigmoid:
        FLOAT(limited(x + 3, 0, 6) / 6, 1.5);
    case TG__UN_hardswish:
        FLOAT(x * limited(x + 3, 0, 6) / 6, 2);
    case TG__UN_selu:
        FLOAT(x <= 0 ? 1.75809934084737685994L * expm1l(x) : 1.05070098735548049342L * x, 3);
    case TG__UN_gelu:
        FLOAT(x * erfcl(-x * sqrtl(0.5L)) / 2, 6);
    case TG__UN_gelu_tanh:
        FLOAT(x * logistic(2 * tanh_argument(x)), 6);
    case TG__UN_silu:
        FLOAT(x * logistic(x), 4);
    case TG__UN_mish:
        FLOAT(x * (x < -40 ? expl(x) : tanhl(softplus(x))), 4);
    case TG__UN_logsigmoid:
        FLOAT(-softplus(-x), 3);
    case TG__UN_tanhshrink:
        FLOAT(shrunk(x), 3);
    case TG__UN_softsign:
        FLOAT(x / (1 + fabsl(x)), 1.5);
    case TG__UN_log_cosh:
        FLOAT(fabsl(x) < 1 ? log1pl(2 * sinhl(x / 2) * sinhl(x / 2))
                           : fabsl(x) + (log1pl(expl(-2 * fabsl(x))) - logl(2)),
              3);
    default:
        fail_msg("no expectation for unary kernel %d", (int)op);
        FLOAT(0, 0);
    }
}

static value activation_pair(tg__binary op, long double a, long double b) {
    switch (op) {
    case TG__BIN_prelu:
        FLOAT(a > 0 ? a : a * b, 0.501);
    case TG__BIN_hardsigmoid_grad:
        FLOAT(b > -3 && b < 3 ? a / 6 : 0, 0.501);
    case TG__BIN_hardswish_grad:
        FLOAT(b <= -3 ? 0 : b < 3 ? a * (b / 3 + 0.5L) : a, 6);
    default:
        fail_msg("no expectation for binary kernel %d", (int)op);
        FLOAT(0, 0);
    }
}

/* Those of the form g·f'(x), and losses of x and t: near a root their errors cancel at will. */
static bool is_slope(tg__binary op) {
    return op == TG__BIN_gelu_grad || op == TG__BIN_gelu_tanh_grad || op == TG__BIN_silu_grad ||
           op == TG__BIN_mish_grad || op == TG__BIN_bce || op == TG__BIN_bce_logits ||
           op == TG__BIN_kl_div;
}

static long double expected_slope(tg__binary op, long double a, long double b) {
    const long double s = logistic(b), u = 2 * tanh_argument(b);
    const long double du = 2 * 0.797884560802865355879892119868763737L * (1 + 0.134145L * b * b);
    const long double t = tanhl(softplus(b));
    switch (op) {
    case TG__BIN_gelu_grad:
        return a * (erfcl(-b * sqrtl(0.5L)) / 2 + b * expl(-b * b / 2) / sqrtl(2 * acosl(-1)));
    case TG__BIN_gelu_tanh_grad:
        return a * (logistic(u) + b * logistic(u) * logistic(-u) * du);
    case TG__BIN_silu_grad:
        return a * s * (1 + b * logistic(-b));
    case TG__BIN_mish_grad:
        return a * (t + b * (1 - t * t) * s);
    case TG__BIN_bce: /* of probabilities: the test passes b to the logistic */
        return -(a * logl(s) + (1 - a) * log1pl(-s));
    case TG__BIN_bce_logits:
        return (1 - a) * softplus(b) + a * softplus(-b);
    default:
        return s * (logl(s) - a);
    }
}

static void slopes_and_losses_match_their_formulas(void **state) {
    (void)state;
    for (int op = 0; op < TG__BIN_COUNT; op++)
        for (int i = -80; i <= 80 && is_slope(op); i++)
            for (int wide = 0; wide < 2; wide++) {
                const bool probability = op == TG__BIN_bce || op == TG__BIN_kl_div;
                const double a = 0.75, b = i / 8.0, x = probability ? (double)logistic(b) : b;
                const bool first = op == TG__BIN_bce || op == TG__BIN_bce_logits;
                double in[2] = {first ? x : a, first ? a : x}, out;
                float narrow[2] = {(float)in[0], (float)in[1]}, result = 0;
                char *p[3] = {(char *)&out, (char *)&in[0], (char *)&in[1]};
                char *q[3] = {(char *)&result, (char *)&narrow[0], (char *)&narrow[1]};
                const int64_t s[3] = {wide ? 8 : 4, wide ? 8 : 4, wide ? 8 : 4};
                kernels()->binary[op][wide ? TG_F64 : TG_F32](wide ? p : q, s, 1, NULL);
                const double scale = probability ? 1 / (double)logistic(-fabs(b)) : 1;
                assert_close(wide ? out : (double)result, (double)expected_slope(op, a, b),
                             (wide ? 1e-14 : 4e-7) * scale, wide ? 1e-15 : 2e-7);
            }
}

#endif
