/* ops.h - the operations: the rules for all of them, and the headers of their families. */
#ifndef TENSORGRAD_OPS_H
#define TENSORGRAD_OPS_H

/* Rules for all of them:
 *
 * - They return a new reference (scope.h), or NULL with an error; given NULL they return NULL.
 * - Dims may be negative (counted from the end). keepdim keeps reduced dims with size 1.
 * - Binary operations broadcast: shapes are aligned at the right, sizes must be equal or 1.
 * - Mixed dtypes are promoted: the higher category of bool < integer < float wins; tensors with
 * dims outrank 0-d tensors of the same category, which outrank C scalars.
 * - Functions that end in _ work in place: they write into their first argument and return it, with
 *   no new reference. The result must fit its shape and dtype category. While recording they are
 *   refused (TG_ERR_STATE) on a leaf that requires gradients and on views that take part in
 *   gradients.
 * - Errors: TG_ERR_SHAPE for shapes that do not fit, TG_ERR_DTYPE for a dtype the operation does
 * not take (the text lists those it takes), TG_ERR_INDEX for dims and indices out of range. They
 * are found before anything is written.
 * - f16 and bf16 are computed as f32, i16 and i8 as i32, and results of those types converted back.
 * - "float" in the headers below means f32 or f64; integer and bool inputs of operations marked
 * float are converted to f32. */

#include <tensorgrad/ops_activation.h>
#include <tensorgrad/ops_compare.h>
#include <tensorgrad/ops_conv.h>
#include <tensorgrad/ops_create.h>
#include <tensorgrad/ops_elementwise.h>
#include <tensorgrad/ops_index.h>
#include <tensorgrad/ops_linalg.h>
#include <tensorgrad/ops_loss.h>
#include <tensorgrad/ops_nn.h>
#include <tensorgrad/ops_reduce.h>
#include <tensorgrad/ops_sort.h>
#include <tensorgrad/ops_step.h>
#include <tensorgrad/ops_view.h>

#endif
