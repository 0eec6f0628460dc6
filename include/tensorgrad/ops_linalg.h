/* ops_linalg.h - products and linear algebra. The rules for all operations stand in ops.h. */
#ifndef TENSORGRAD_OPS_LINALG_H
#define TENSORGRAD_OPS_LINALG_H

#include <tensorgrad/scope.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Products ------------------------------------------------------------------------------- */

/** a·b: [m,k]·[k,n], batched over leading dims, which broadcast; a 1-d operand is a row (left) or a
 *  column (right) whose dim is dropped from the result. f32, f64, i64, i32. */
TG_API tg_tensor *tg_matmul(tg_tensor *a, tg_tensor *b);
/** Σ aᵢ bᵢ of two 1-d tensors of equal length. */
TG_API tg_tensor *tg_dot(tg_tensor *a, tg_tensor *b);
/** x·wᵀ + b: x [..., in], w [out, in], b [out] or TG_NONE. f32, f64. */
TG_API tg_tensor *tg_linear(tg_tensor *x, tg_tensor *w, tg_tensor *b_or_none);

#ifdef __cplusplus
}
#endif
#endif
