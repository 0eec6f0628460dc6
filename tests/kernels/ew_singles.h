/* ew_singles.h - what kernels of one input must give that are libm's functions; included by
 * test_ew.c, which has value and FLOAT. */
#ifndef TESTS_KERNELS_EW_SINGLES_H
#define TESTS_KERNELS_EW_SINGLES_H

static value single_float(tg__unary op, long double x) {
    switch (op) {
    case TG__UN_positive:
        FLOAT(x, 0);
    case TG__UN_floor:
        FLOAT(floorl(x), 0);
    case TG__UN_ceil:
        FLOAT(ceill(x), 0);
    case TG__UN_round:
        FLOAT(rintl(x), 0);
    case TG__UN_trunc:
        FLOAT(truncl(x), 0);
    case TG__UN_frac:
        FLOAT(x - truncl(x), 0);
    case TG__UN_deg2rad:
        FLOAT(x * acosl(-1) / 180, 1.5);
    case TG__UN_rad2deg:
        FLOAT(x * (180 / acosl(-1)), 1.5);
    case TG__UN_exp2:
        FLOAT(exp2l(x), 2);
    case TG__UN_expm1:
        FLOAT(expm1l(x), 2);
    case TG__UN_log2:
        FLOAT(log2l(x), 2);
    case TG__UN_log10:
        FLOAT(log10l(x), 3);
    case TG__UN_log1p:
        FLOAT(log1pl(x), 2);
    case TG__UN_tan:
        FLOAT(tanl(x), 2);
    case TG__UN_asin:
        FLOAT(asinl(x), 2);
    case TG__UN_acos:
        FLOAT(acosl(x), 2);
    case TG__UN_atan:
        FLOAT(atanl(x), 2);
    case TG__UN_sinh:
        FLOAT(sinhl(x), 4);
    case TG__UN_cosh:
        FLOAT(coshl(x), 4);
    case TG__UN_asinh:
        FLOAT(asinhl(x), 4);
    case TG__UN_acosh:
        FLOAT(acoshl(x), 4);
    case TG__UN_atanh:
        FLOAT(atanhl(x), 4);
    case TG__UN_erf:
        FLOAT(erfl(x), 2);
    case TG__UN_erfc:
        FLOAT(erfcl(x), 5);
    default:
        return activation_float(op, x);
    }
}

/* Those of special.h have a test of their own. */
static bool is_special(tg__unary op) {
    return op == TG__UN_erfcx || op == TG__UN_erfinv || op == TG__UN_ndtr || op == TG__UN_ndtri ||
           op == TG__UN_log_ndtr || op == TG__UN_lgamma || op == TG__UN_digamma ||
           op == TG__UN_i0 || op == TG__UN_i0e || op == TG__UN_i1 || op == TG__UN_i1e ||
           op == TG__UN_sinc;
}

#endif
