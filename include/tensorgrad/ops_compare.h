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
/** Inputs of any dtype count as true where they are not 0. */
TG_API tg_tensor *tg_logical_and(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_logical_or(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_logical_xor(tg_tensor *a, tg_tensor *b);
TG_API tg_tensor *tg_logical_not(tg_tensor *x);
TG_API tg_tensor *tg_isnan(tg_tensor *x);
TG_API tg_tensor *tg_isfinite(tg_tensor *x);
/** a where condition (bool) is true, else b; all three broadcast. The branch that is not taken gets
 *  gradient 0. */
TG_API tg_tensor *tg_where(tg_tensor *condition, tg_tensor *a, tg_tensor *b);

#ifdef __cplusplus
}
#endif
#endif
