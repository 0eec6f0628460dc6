/* special.h - special functions of one number, in double.
 *
 * The f32 kernels compute in double too and round once. NaN gives NaN; out of the domain gives NaN;
 * poles and overflow give infinities. Thread-safe, without state. */
#ifndef TG_KERNELS_SPECIAL_H
#define TG_KERNELS_SPECIAL_H

/* The y with erf(y) = x; ±inf at ±1. */
double tg__erfinv(double x);
/* exp(x²) · erfc(x), without overflow for positive x. */
double tg__erfcx(double x);
/* Its n-th derivative, for n from 0 to TG__ERFCX_MOST. */
#define TG__ERFCX_MOST 500
double tg__erfcx_slope(int n, double x);
/* The normal distribution: the probability of less than x, its inverse and its logarithm. */
double tg__ndtr(double x);
double tg__ndtri(double p);
double tg__log_ndtr(double x);

/* ln |Γ(x)|; +inf at 0, -1, -2, … */
double tg__lgamma(double x);
/* ψ(x) = d/dx ln Γ(x); ∓inf at ±0, NaN at -1, -2, … */
double tg__digamma(double x);
/* The n-th derivative of ψ, for n from 0 to TG__POLYGAMMA_MOST. */
#define TG__POLYGAMMA_MOST 700
double tg__polygamma(int n, double x);

/* Modified Bessel functions of the first kind; those with e times exp(-|x|). */
double tg__i0(double x);
double tg__i0e(double x);
double tg__i1(double x);
double tg__i1e(double x);

/* The n-th derivative of sin(πx)/(πx), for n from 0 to TG__SINC_MOST. */
#define TG__SINC_MOST 500
double tg__sinc(int n, double x);

#endif
