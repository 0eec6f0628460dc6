/* ops_compare.h - comparison, logic and selection. The rules for all operations stand in ops.h. */
#ifndef TENSORGRAD_OPS_COMPARE_H
#define TENSORGRAD_OPS_COMPARE_H

#include <tensorgrad/scope.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Comparison and logic: bool results, no gradients --------------------------------------- */

TG_API tg_tensor *tg_eq(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_ne(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_lt(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_le(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_gt(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_ge(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_eq_scalar(tg_tensor *x, double s);
TG_API tg_tensor *tg_ne_scalar(tg_tensor *x, double s);
TG_API tg_tensor *tg_lt_scalar(tg_tensor *x, double s);
TG_API tg_tensor *tg_le_scalar(tg_tensor *x, double s);
TG_API tg_tensor *tg_gt_scalar(tg_tensor *x, double s);
TG_API tg_tensor *tg_ge_scalar(tg_tensor *x, double s);
/* In place: 0 or 1 in the dtype of the first argument, whose gradient ends there. */
TG_API tg_tensor *tg_eq_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_ne_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_lt_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_le_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_gt_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_ge_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_eq_scalar_(tg_tensor *x, double s);
TG_API tg_tensor *tg_ne_scalar_(tg_tensor *x, double s);
TG_API tg_tensor *tg_lt_scalar_(tg_tensor *x, double s);
TG_API tg_tensor *tg_le_scalar_(tg_tensor *x, double s);
TG_API tg_tensor *tg_gt_scalar_(tg_tensor *x, double s);
TG_API tg_tensor *tg_ge_scalar_(tg_tensor *x, double s);
/** Inputs of any dtype count as true where they are not 0. */
TG_API tg_tensor *tg_logical_and(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_logical_or(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_logical_xor(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_logical_not(tg_tensor *x);
TG_API tg_tensor *tg_logical_and_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_logical_or_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_logical_xor_(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_logical_not_(tg_tensor *x);
TG_API tg_tensor *tg_isnan(tg_tensor *x);
TG_API tg_tensor *tg_isfinite(tg_tensor *x);
/** |a - b| <= atol + rtol·|b| or a = b, with equal_nan also where both are NaN; b is the reference.
 *  Integers take the distance in f64. TG_ERR_ARG for a tolerance that is negative or not finite.
 *  Usual: 1e-5, 1e-8, false. */
TG_API tg_tensor *tg_isclose(tg_tensor *a, tg_tensor *b, double rtol, double atol, bool equal_nan);
/** *out = whether tg_isclose holds everywhere. a and b broadcast. */
TG_API tg_status tg_allclose(tg_tensor *a, tg_tensor *b, double rtol, double atol, bool equal_nan,
                             bool *out);
/** *out = whether a and b have the same shape and equal elements; dtypes may differ, NaN is not
 *  equal to itself. */
TG_API tg_status tg_equal(tg_tensor *a, tg_tensor *b, bool *out);

/** a where condition (bool) is true, else b; all three broadcast. The branch that is not taken gets
 *  gradient 0. */
TG_API tg_tensor *tg_where(tg_tensor *condition, tg_tensor *a, tg_tensor *b);
/** x where condition is true, else s. */
TG_API tg_tensor *tg_where_scalar(tg_tensor *condition, tg_tensor *x, double s);
/** s where condition is true, else x. */
TG_API tg_tensor *tg_rwhere_scalar(tg_tensor *condition, tg_tensor *x, double s);
/**
 * x where condition is true, else fill: put it before a function that is not finite everywhere.
 *
 * tg_where after such a function chooses among results, but the function was evaluated everywhere:
 * the gradient 0 of an element that was not chosen is multiplied by its slope, and 0 · inf = NaN.
 * So in
 *
 *     y = tg_where(ok, tg_log(x), zero)                        NaN gradient where x = 0
 *     y = tg_where(ok, tg_log(tg_where_safe(ok, x, 1)), zero)  with ok = x > 0: gradient 0
 *
 * the second form gives the function `fill` instead, a number at which it and its slope are finite,
 * and the gradient to the elements of x that are not chosen is exactly 0, whatever comes back, of
 * every order. fill must be finite (TG_ERR_ARG).
 */
TG_API tg_tensor *tg_where_safe(tg_tensor *condition, tg_tensor *x, double fill);

#ifdef __cplusplus
}
#endif
#endif
