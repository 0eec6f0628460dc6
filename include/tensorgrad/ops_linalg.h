/* ops_linalg.h - products, linear algebra and distances. The rules for all operations stand in
 * ops.h. */
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
/** tg_matmul of two matrices: [m,k]·[k,n], no other ranks. */
TG_API tg_tensor *tg_mm(tg_tensor *a, tg_tensor *b);
/** tg_matmul of two batches: [b,m,k]·[b,k,n], without broadcasting. */
TG_API tg_tensor *tg_bmm(tg_tensor *a, tg_tensor *b);
/** A matrix times a vector: [m,k]·[k]. */
TG_API tg_tensor *tg_mv(tg_tensor *a, tg_tensor *b);
/** Σ aᵢ bᵢ of two 1-d tensors of equal length. */
TG_API tg_tensor *tg_dot(tg_tensor *a, tg_tensor *b);
/** The same as tg_dot: there are no complex numbers. */
TG_API tg_tensor *tg_vdot(tg_tensor *a, tg_tensor *b);
/** Σₖ a[..., k]·b[..., k] over the last dims, for all pairs of the others: a's dims, then b's. With
 *  a 0-d operand, the product. */
TG_API tg_tensor *tg_inner(tg_tensor *a, tg_tensor *b);
/** aᵢ·bⱼ of two 1-d tensors: [m,n]. */
TG_API tg_tensor *tg_outer(tg_tensor *a, tg_tensor *b);
/** Another name of tg_outer. */
TG_API tg_tensor *tg_ger(tg_tensor *a, tg_tensor *b);
/** x·wᵀ + b: x [..., in], w [out, in], b [out] or TG_NONE. f32, f64. */
TG_API tg_tensor *tg_linear(tg_tensor *x, tg_tensor *w, tg_tensor *b_or_none);
/** Σᵢⱼ x1[..., i]·w[o, i, j]·x2[..., j] + b[o]: w [out, in1, in2], b [out] or TG_NONE. f32, f64. */
TG_API tg_tensor *tg_bilinear(tg_tensor *x1, tg_tensor *x2, tg_tensor *w, tg_tensor *b_or_none);

/* beta·c + alpha·product; c broadcasts to the product's shape. With beta = 0, c is not read: NaN in
 * it does no harm, and it gets no gradient. For integers beta and alpha must be whole. TG_ERR_ARG
 * if they are not finite. */

/** beta·c + alpha·a·b of matrices a [m,k] and b [k,n]. */
TG_API tg_tensor *tg_addmm(tg_tensor *c, tg_tensor *a, tg_tensor *b, double beta, double alpha);
TG_API tg_tensor *tg_addmm_(tg_tensor *c, tg_tensor *a, tg_tensor *b, double beta, double alpha);
/** beta·c + alpha·a·b of a matrix a [m,k] and a vector b [k]. */
TG_API tg_tensor *tg_addmv(tg_tensor *c, tg_tensor *a, tg_tensor *b, double beta, double alpha);
TG_API tg_tensor *tg_addmv_(tg_tensor *c, tg_tensor *a, tg_tensor *b, double beta, double alpha);
/** beta·c + alpha·aᵢ·bⱼ of vectors a [m] and b [n]. */
TG_API tg_tensor *tg_addr(tg_tensor *c, tg_tensor *a, tg_tensor *b, double beta, double alpha);
TG_API tg_tensor *tg_addr_(tg_tensor *c, tg_tensor *a, tg_tensor *b, double beta, double alpha);
/** beta·c + alpha·Σ over the batch of a·b: a [b,m,k], b [b,k,n], c to [m,n]. */
TG_API tg_tensor *tg_addbmm(tg_tensor *c, tg_tensor *a, tg_tensor *b, double beta, double alpha);
TG_API tg_tensor *tg_addbmm_(tg_tensor *c, tg_tensor *a, tg_tensor *b, double beta, double alpha);
/** beta·c + alpha·a·b of batches a [b,m,k], b [b,k,n]. */
TG_API tg_tensor *tg_baddbmm(tg_tensor *c, tg_tensor *a, tg_tensor *b, double beta, double alpha);
TG_API tg_tensor *tg_baddbmm_(tg_tensor *c, tg_tensor *a, tg_tensor *b, double beta, double alpha);

/**
 * Sums of products by Einstein's convention: "ij,jk->ik" is matmul.
 *
 * One list of subscripts (letters) per operand, separated by commas, then optionally "->" and those
 * of the result; blanks are skipped. Dims with the same letter are multiplied along each other, and
 * summed unless the result has the letter; a letter that stands twice in one operand means its
 * diagonal. "..." stands for any further dims, which broadcast. Without "->" the result has the
 * dims of "...", then the letters that stand once, in alphabetical order, capitals first. Sizes of
 * one letter must be equal, or 1 in different operands. Up to 64 operands and 127 bytes of
 * equation; operands are contracted from left to right. f32, f64, i64, i32, promoted. TG_ERR_ARG
 * for a malformed equation, with the position; TG_ERR_SHAPE for sizes that do not fit.
 */
TG_API tg_tensor *tg_einsum(const char *equation, tg_tensor *const *operands, int n);
/** Σ over pairs of dims, dims_a[i] of a with dims_b[i] of b; the result has the other dims of a,
 *  then those of b. Without dims, all products. */
TG_API tg_tensor *tg_tensordot(tg_tensor *a, tg_tensor *b, int ndims_a, const int *dims_a,
                               int ndims_b, const int *dims_b);
/** The Kronecker product: block (i, j) is a[i, j]·b. Up to 4 dims; the shorter shape gets ones at
 *  the left. */
TG_API tg_tensor *tg_kron(tg_tensor *a, tg_tensor *b);
/** The vector product along a dim of size 3; the other dims broadcast. */
TG_API tg_tensor *tg_cross(tg_tensor *a, tg_tensor *b, int dim);
/** The product of matrices in the order that takes the fewest multiplications; the first and the
 *  last may be 1-d. Up to 64. */
TG_API tg_tensor *tg_chain_matmul(tg_tensor *const *matrices, int n);
/** Another name of tg_chain_matmul. */
TG_API tg_tensor *tg_multi_dot(tg_tensor *const *matrices, int n);
/** Σ xᵢᵢ of one matrix [m, n]. */
TG_API tg_tensor *tg_trace(tg_tensor *x);
/** xⁿ of square matrices, by squaring; n = 0 gives the identity, n < 0 powers of the inverse. */
TG_API tg_tensor *tg_matrix_power(tg_tensor *x, int64_t n);
/** eˣ = Σ xᵏ/k! of square matrices, by scaling and squaring (Higham 2005). */
TG_API tg_tensor *tg_matrix_exp(tg_tensor *x);

/* ---- Systems ---------------------------------------------------------------------------------
 * Matrices are the last two dims, f32 or f64, the dims before them a batch. TG_ERR_NUMERIC names
 * the matrix that is singular, not positive definite, or (for eigenvalues and singular values) not
 * finite. Through LAPACK, or our own algorithms in builds without it. */

/** y of a·y = b: a [..., n, n]; b [..., n, k], or vectors: [n], or a's shape without the last dim.
 *  Batches broadcast. */
TG_API tg_tensor *tg_solve(tg_tensor *a, tg_tensor *b);
/** x⁻¹. */
TG_API tg_tensor *tg_inv(tg_tensor *x);
/** Another name of tg_inv. */
TG_API tg_tensor *tg_inverse(tg_tensor *x);
/** y of a·y = b (y·a = b unless left), where only one triangle of a is read, with ones on its
 *  diagonal if unitriangular. Batches broadcast. A 0 on the diagonal is TG_ERR_NUMERIC. */
TG_API tg_tensor *tg_solve_triangular(tg_tensor *a, tg_tensor *b, bool upper, bool left,
                                      bool unitriangular);
/** L (lower triangular) of x = L·Lᵀ, of which the lower triangle is read; with upper, U of x = Uᵀ·U
 *  and the upper one. The gradient is that of a symmetric x. */
TG_API tg_tensor *tg_cholesky(tg_tensor *x, bool upper);
/** y of L·Lᵀ·y = b [..., n, k] (Uᵀ·U·y = b with upper). */
TG_API tg_tensor *tg_cholesky_solve(tg_tensor *b, tg_tensor *l, bool upper);
/** (L·Lᵀ)⁻¹, or (Uᵀ·U)⁻¹ with upper. */
TG_API tg_tensor *tg_cholesky_inverse(tg_tensor *l, bool upper);
/** x = P·L·U with row swaps: L (ones on the diagonal, left out) below the diagonal, U on and above
 *  it. *pivots (i32 [..., min(m, n)], may be NULL) counts from 1: row i was swapped with row
 *  pivots[i] - 1, in order. */
TG_API tg_tensor *tg_lu_factor(tg_tensor *x, tg_tensor **pivots);
/** P [..., m, m] of x = P·L·U; *l [..., m, k] and *u [..., k, n], k = min(m, n), may be NULL. */
TG_API tg_tensor *tg_lu(tg_tensor *x, tg_tensor **l, tg_tensor **u);
/** y of (P·L·U)·y = b [..., n, k] by what tg_lu_factor gave. */
TG_API tg_tensor *tg_lu_solve(tg_tensor *lu, tg_tensor *pivots, tg_tensor *b);

/* ---- Determinants --------------------------------------------------------------------------- */

/** The determinant. The gradient is the cofactor matrix, exact for singular matrices too; so is the
 *  second derivative. */
TG_API tg_tensor *tg_det(tg_tensor *x);
/** The sign of the determinant (0 if x is singular), and in *logabsdet (may be NULL) ln|det x|
 *  (-inf). Gradient of the latter: x⁻ᵀ, infinite if x is singular. */
TG_API tg_tensor *tg_slogdet(tg_tensor *x, tg_tensor **logabsdet);
/** ln det x; -inf at 0, NaN below. */
TG_API tg_tensor *tg_logdet(tg_tensor *x);

/* ---- Decompositions -------------------------------------------------------------------------- */

/** x = Q·R: Q [..., m, k] with orthonormal columns, *r [..., k, n] upper triangular; k is
 *  min(m, n), or m if complete, which has no gradient for m > n. */
TG_API tg_tensor *tg_qr(tg_tensor *x, bool complete, tg_tensor **r);
/** Eigenvalues of a symmetric x, ascending, and in *vectors (may be NULL) its eigenvectors as
 *  columns: x = V·diag(w)·Vᵀ. Reads the lower triangle, or the upper one. Of each
 *  vector the element of largest size is positive; where eigenvalues are equal, gradients through
 * vectors are infinite or NaN. The gradient is symmetric. */
TG_API tg_tensor *tg_eigh(tg_tensor *x, bool upper, tg_tensor **vectors);
/** Eigenvalues of a symmetric x, ascending. */
TG_API tg_tensor *tg_eigvalsh(tg_tensor *x, bool upper);
/** x = U·diag(s)·Vᵀ: U [..., m, k], *s [..., k] descending, *vt [..., k, n], k = min(m, n); with
 *  full_matrices U is [..., m, m] and *vt [..., n, n], which has no gradient for m != n. Signs (of
 *  U) and equal values as for tg_eigh. */
TG_API tg_tensor *tg_svd(tg_tensor *x, bool full_matrices, tg_tensor **s, tg_tensor **vt);
/** Singular values, descending. */
TG_API tg_tensor *tg_svdvals(tg_tensor *x);
/** The pseudo-inverse V·S⁺·Uᵀ; singular values up to rtol times the largest count as 0. rtol = -1:
 *  max(m, n)·ε of the dtype. The gradient is that at constant rank. */
TG_API tg_tensor *tg_pinv(tg_tensor *x, double rtol);
/** The number (i64) of singular values above rtol times the largest; rtol as for tg_pinv. */
TG_API tg_tensor *tg_matrix_rank(tg_tensor *x, double rtol);
/** The y [..., n, k] that makes ‖a·y - b‖ least, a [..., m, n] and b [..., m, k] (or vectors, as
 *  for tg_solve), and among several the shortest (m < n). a must have full rank, else
 * TG_ERR_NUMERIC: tg_pinv takes any. */
TG_API tg_tensor *tg_lstsq(tg_tensor *a, tg_tensor *b);
/** A norm over two dims (TG_ALL: the last two). ord: "fro" or NULL √Σx², "nuc" the sum of the
 *  singular values, "2" and "-2" the largest and the smallest of them, "1" and "-1" the largest and
 *  the smallest sum of a column (of |x|), "inf" and "-inf" of a row. Gradient of "fro" at 0: 0. */
TG_API tg_tensor *tg_matrix_norm(tg_tensor *x, const char *ord, int ndims, const int *dims,
                                 bool keepdim);

/* ---- Distances -------------------------------------------------------------------------------
 * ‖d‖ₚ is (Σ|d|ᵖ)^(1/p); p = 0 counts what is not 0 (gradient 0), p = INFINITY is the largest |d|,
 * whose equals share the gradient evenly. The gradient is 0 where d is 0. f32 or f64; TG_ERR_ARG
 * for a negative p or eps. */

/** ‖x1[..., i, :] - x2[..., j, :]‖ₚ for all i and j: [..., m, n] of [..., m, d] and [..., n, d].
 *  Exact differences, which take m·n·d elements of memory. */
TG_API tg_tensor *tg_cdist(tg_tensor *x1, tg_tensor *x2, double p);
/** ‖x[i] - x[j]‖ₚ for all i < j of rows [n, d]: [n·(n-1)/2]. */
TG_API tg_tensor *tg_pdist(tg_tensor *x, double p);
/** ‖x1 - x2 + eps‖ₚ along the last dim; eps is added to every difference (PyTorch's 1e-6). */
TG_API tg_tensor *tg_pairwise_distance(tg_tensor *x1, tg_tensor *x2, double p, double eps,
                                       bool keepdim);
/** ‖a - b‖ₚ over all elements, 0-d; a and b broadcast. */
TG_API tg_tensor *tg_dist(tg_tensor *a, tg_tensor *b, double p);
/** x / max(‖x‖ₚ, eps) along dim (PyTorch: p 2, dim 1, eps 1e-12). */
TG_API tg_tensor *tg_normalize(tg_tensor *x, double p, int dim, double eps);
/** Σ x1·x2 / (max(‖x1‖₂, eps)·max(‖x2‖₂, eps)) along dim (PyTorch: dim 1, eps 1e-8); x1 and x2
 *  broadcast. */
TG_API tg_tensor *tg_cosine_similarity(tg_tensor *x1, tg_tensor *x2, int dim, double eps);

#ifdef __cplusplus
}
#endif
#endif
