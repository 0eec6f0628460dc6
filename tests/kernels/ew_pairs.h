/* ew_pairs.h - what kernels of two inputs beyond arithmetic must give; included by test_ew.c, which
 * has value, FLOAT, wide_int and wrapped. */
#ifndef TESTS_KERNELS_EW_PAIRS_H
#define TESTS_KERNELS_EW_PAIRS_H

/* ---- Floats ---- */

static long double rest_like_b(long double a, long double b) {
    const long double rest = fmodl(a, b);
    return rest != 0 && signbit(rest) != signbit(b) ? rest + b : rest;
}

static long double quotient_down(long double a, long double b) {
    if (b == 0)
        return a / b;
    if (isinf(b) && isfinite(a)) /* the quotient is 0, or just below */
        return a != 0 && signbit(a) != signbit(b) ? -1 : copysignl(0, a / b);
    const long double y = roundl((a - rest_like_b(a, b)) / b);
    return y == 0 ? copysignl(0, a / b) : y;
}

static long double log_of_sum(long double a, long double b, bool binary) {
    const long double m = a > b ? a : b, d = a == b ? 0 : -fabsl(a - b);
    if (isnan(a) || isnan(b))
        return (long double)NAN;
    return m + (binary ? log1pl(exp2l(d)) * 1.442695040888963407359924681L : log1pl(expl(d)));
}

static value pair_float(tg__binary op, tg_dtype t, long double a, long double b) {
    const bool narrow = t == TG_F32;
    switch (op) {
    case TG__BIN_div_trunc: /* of the rounded quotient */
        FLOAT(narrow ? (long double)truncf((float)a / (float)b)
                     : (long double)trunc((double)a / (double)b),
              0);
    case TG__BIN_floor_divide:
        FLOAT(quotient_down(a, b), 1.5);
    case TG__BIN_fmod_whole:
        FLOAT(isnan(fmodl(a, b)) ? truncl(a / b) : roundl((a - fmodl(a, b)) / b), 1.5);
    case TG__BIN_fmod:
        FLOAT(fmodl(a, b), 0);
    case TG__BIN_remainder:
        FLOAT(rest_like_b(a, b), 0.501);
    case TG__BIN_fmax:
        FLOAT(isnan(b) || a >= b ? a : b, 0);
    case TG__BIN_fmin:
        FLOAT(isnan(b) || a <= b ? a : b, 0);
    case TG__BIN_atan2:
        FLOAT(atan2l(a, b), 2);
    case TG__BIN_hypot:
        FLOAT(hypotl(a, b), 2);
    case TG__BIN_copysign:
        FLOAT(copysignl(a, b), 0);
    case TG__BIN_nextafter:
        FLOAT(narrow ? (long double)nextafterf((float)a, (float)b)
                     : (long double)nextafter((double)a, (double)b),
              0);
    case TG__BIN_heaviside:
        FLOAT(a == 0 ? b : a > 0, 0);
    case TG__BIN_logaddexp: /* near 0 what is left of a difference */
        FLOAT(log_of_sum(a, b, false), 64);
    case TG__BIN_logaddexp2:
        FLOAT(log_of_sum(a, b, true), 64);
    case TG__BIN_xlogy:
        FLOAT(a == 0 && !isnan(b) ? 0 : a * logl(b), 3);
    case TG__BIN_xlog1py:
        FLOAT(a == 0 && !isnan(b) ? 0 : a * log1pl(b), 3);
    default:
        return activation_pair(op, a, b);
    }
}

/* ---- Integers ---- */

static wide_int divided_down(wide_int a, wide_int b) {
    return b == 0 ? 0 : a / b - (a % b != 0 && (a < 0) != (b < 0));
}

static wide_int positive(wide_int x) { return x < 0 ? -x : x; }

static wide_int common_divisor(wide_int a, wide_int b) {
    return b == 0 ? positive(a) : common_divisor(b, a % b);
}

static wide_int common_multiple(tg_dtype t, wide_int a, wide_int b) {
    const wide_int g = common_divisor(a, b);
    return g == 0 ? 0 : wrapped(t, positive(wrapped(t, a / g * b)));
}

static wide_int shifted(tg_dtype t, wide_int a, wide_int b, bool left) {
    const bool out = b < 0 || b >= (wide_int)item_size[t] * 8;
    if (left)
        return out ? 0 : wrapped(t, a * ((wide_int)1 << (int)b));
    return out ? -(a < 0) : divided_down(a, (wide_int)1 << (int)b);
}

static value pair_int(tg__binary op, tg_dtype t, wide_int a, wide_int b) {
    switch (op) {
    case TG__BIN_div_trunc:
        return (value){0, b == 0 ? 0 : wrapped(t, a / b), 0};
    case TG__BIN_floor_divide:
        return (value){0, wrapped(t, divided_down(a, b)), 0};
    case TG__BIN_fmod:
        return (value){0, b == 0 ? 0 : a % b, 0};
    case TG__BIN_remainder:
        return (value){0, b == 0 ? 0 : a - divided_down(a, b) * b, 0};
    case TG__BIN_fmax:
        return (value){0, a > b ? a : b, 0};
    case TG__BIN_fmin:
        return (value){0, a < b ? a : b, 0};
    case TG__BIN_heaviside:
        return (value){0, a == 0 ? b : a > 0, 0};
    case TG__BIN_gcd:
        return (value){0, wrapped(t, common_divisor(a, b)), 0};
    case TG__BIN_lcm:
        return (value){0, common_multiple(t, a, b), 0};
    case TG__BIN_bitwise_and:
        return (value){0, a & b, 0};
    case TG__BIN_bitwise_or:
        return (value){0, a | b, 0};
    case TG__BIN_bitwise_xor:
        return (value){0, a ^ b, 0};
    case TG__BIN_bitwise_left_shift:
        return (value){0, shifted(t, a, b, true), 0};
    case TG__BIN_bitwise_right_shift:
        return (value){0, shifted(t, a, b, false), 0};
    default:
        fail_msg("no expectation for binary kernel %d", (int)op);
        return (value){0, 0, 0};
    }
}

#endif
