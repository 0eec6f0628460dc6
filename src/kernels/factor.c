/* factor.c - factorisations written for clarity: they serve builds without LAPACK, calls that must
 * not reach it, and tests as a second opinion.
 *
 * Matrices lie column by column, so inner loops run down columns. LU picks the largest element of
 * the column; QR is Householder's with LAPACK's signs; eigenvalues come by cyclic Jacobi rotations
 * and singular values by one-sided ones (Golub & Van Loan, Matrix Computations, 4th ed., 3.4, 5.2,
 * 8.5, 8.6.3), which are slow for large matrices and accurate for all. */
#include "kernels/factor.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define SWEEPS 60 /* quadratic convergence: ten are usual */

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

static void swap_rows(int64_t m, int64_t n, double *a, int64_t i, int64_t j) {
    for (int64_t c = 0; c < n && i != j; c++) {
        double t = a[c * m + i];
        a[c * m + i] = a[c * m + j];
        a[c * m + j] = t;
    }
}

/* y += s·x, n numbers; x·y. */
static void add_multiple(int64_t n, double s, const double *x, double *y) {
    for (int64_t i = 0; i < n; i++)
        y[i] += s * x[i];
}
static double dot(int64_t n, const double *x, const double *y) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

/* Without overflow and underflow. */
static double length(int64_t n, const double *x) {
    double largest = 0;
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        largest = fabs(x[i]) > largest || isnan(x[i]) ? fabs(x[i]) : largest;
    if (largest == 0 || !isfinite(largest))
        return largest;
    for (int64_t i = 0; i < n; i++)
        sum += (x[i] / largest) * (x[i] / largest);
    return largest * sqrt(sum);
}

int64_t tg__factor_lu(int64_t m, int64_t n, double *a, int32_t *pivots) {
    int64_t zero = 0;
    for (int64_t j = 0; j < smaller(m, n); j++) {
        double *column = a + j * m;
        int64_t p = j;
        for (int64_t i = j + 1; i < m; i++)
            if (fabs(column[i]) > fabs(column[p]))
                p = i;
        pivots[j] = (int32_t)(p + 1);
        if (column[p] == 0) {
            zero = zero == 0 ? j + 1 : zero;
            continue;
        }
        swap_rows(m, n, a, j, p);
        for (int64_t i = j + 1; i < m; i++)
            column[i] /= column[j];
        for (int64_t c = j + 1; c < n; c++)
            add_multiple(m - j - 1, -a[c * m + j], column + j + 1, a + c * m + j + 1);
    }
    return zero;
}

/* Both triangles by one loop: element (i, j) of L is that of Uᵀ. */
int64_t tg__factor_cholesky(int64_t n, double *a, bool upper) {
#define AT(i, j) a[upper ? (i)*n + (j) : (j)*n + (i)]
    for (int64_t j = 0; j < n; j++) {
        double d = AT(j, j);
        for (int64_t k = 0; k < j; k++)
            d -= AT(j, k) * AT(j, k);
        if (!(d > 0))
            return j + 1;
        d = sqrt(d);
        AT(j, j) = d;
        for (int64_t i = j + 1; i < n; i++) {
            double s = AT(i, j);
            for (int64_t k = 0; k < j; k++)
                s -= AT(i, k) * AT(j, k);
            AT(i, j) = s / d;
        }
    }
#undef AT
    return 0;
}

void tg__factor_triangular(bool upper, bool transposed, bool unit, int64_t n, int64_t k,
                           const double *a, double *b) {
    for (int64_t c = 0; c < k; c++) {
        double *x = b + c * n;
        for (int64_t s = 0; s < n; s++) {
            /* forwards for L and Uᵀ, else backwards */
            const int64_t i = upper == transposed ? s : n - 1 - s;
            const int64_t first = upper ? 0 : i + 1; /* of column i, beside the diagonal */
            const int64_t count = upper ? i : n - 1 - i;
            if (transposed)
                x[i] -= dot(count, a + i * n + first, x + first);
            if (!unit)
                x[i] /= a[i * n + i];
            if (!transposed)
                add_multiple(count, -x[i], a + i * n + first, x + first);
        }
    }
}

/* ---- QR ---- */

/* Makes v of x such that (I - tau·v·vᵀ)·x = beta·e₁, v₀ = 1; x becomes beta and the rest of v. */
static double householder(int64_t n, double *x) {
    double tail = length(n - 1, x + 1);
    if (tail == 0)
        return 0;
    double beta = -copysign(hypot(x[0], tail), x[0]);
    double tau = (beta - x[0]) / beta;
    for (int64_t i = 1; i < n; i++)
        x[i] /= x[0] - beta;
    x[0] = beta;
    return tau;
}

/* y -= tau·v·(vᵀ·y), v₀ = 1. */
static void reflect(int64_t n, double tau, const double *v, double *y) {
    double s = tau * (y[0] + dot(n - 1, v + 1, y + 1));
    y[0] -= s;
    add_multiple(n - 1, -s, v + 1, y + 1);
}

void tg__factor_qr(int64_t m, int64_t n, int64_t cols, double *q, double *r, double *tau) {
    int64_t k = smaller(m, n);
    for (int64_t j = 0; j < k; j++) {
        tau[j] = householder(m - j, q + j * m + j);
        for (int64_t c = j + 1; c < n; c++)
            reflect(m - j, tau[j], q + j * m + j, q + c * m + j);
    }
    for (int64_t c = 0; c < n; c++)
        for (int64_t i = 0; i < cols; i++)
            r[c * cols + i] = i <= c ? q[c * m + i] : 0;
    /* Q = H₀·…·Hₖ₋₁ of the first columns of I, from the last column on: v is still in column j */
    for (int64_t j = cols - 1; j >= 0; j--) {
        double *column = q + j * m;
        if (j >= k) {
            memset(column, 0, (size_t)m * sizeof *column);
            column[j] = 1;
            continue;
        }
        for (int64_t c = j + 1; c < cols; c++)
            reflect(m - j, tau[j], column + j, q + c * m + j);
        for (int64_t i = j + 1; i < m; i++)
            column[i] *= -tau[j];
        column[j] = 1 - tau[j];
        memset(column, 0, (size_t)j * sizeof *column);
    }
}

/* ---- Eigenvalues ---- */

/* The rotation that makes the symmetric [[p, o], [o, q]] diagonal: Golub & Van Loan 8.5.2. */
static void rotation(double p, double o, double q, double *cosine, double *sine) {
    double t = 0;
    if (o != 0) {
        double tau = (q - p) / (2 * o);
        t = copysign(1.0, tau) / (fabs(tau) + hypot(1.0, tau));
    }
    *cosine = 1 / sqrt(1 + t * t);
    *sine = t * *cosine;
}

/* [x y] · [[c, s], [-s, c]], elements `step` apart. */
static void rotate(int64_t n, double c, double s, double *x, double *y, int64_t step) {
    for (int64_t i = 0; i < n * step; i += step) {
        double t = x[i];
        x[i] = c * t - s * y[i];
        y[i] = s * t + c * y[i];
    }
}

/* Sorts n keys with their columns (of `rows` numbers), descending or ascending. */
static void sort_columns(int64_t n, double *key, bool descending, int64_t rows1, double *one,
                         int64_t rows2, double *two) {
    for (int64_t i = 0; i < n; i++) {
        int64_t best = i;
        for (int64_t j = i + 1; j < n; j++)
            if (descending ? key[j] > key[best] : key[j] < key[best])
                best = j;
        if (best == i)
            continue;
        double t = key[i];
        key[i] = key[best];
        key[best] = t;
        for (int pair = 0; pair < 2; pair++) {
            int64_t rows = pair == 0 ? rows1 : rows2;
            double *x = pair == 0 ? one : two;
            for (int64_t r = 0; x != NULL && r < rows; r++) {
                t = x[i * rows + r];
                x[i * rows + r] = x[best * rows + r];
                x[best * rows + r] = t;
            }
        }
    }
}

static void identity(int64_t n, double *v) {
    memset(v, 0, (size_t)(n * n) * sizeof *v);
    for (int64_t i = 0; i < n; i++)
        v[i * n + i] = 1;
}

int64_t tg__factor_eigh(int64_t n, double *a, double *w, double *v, bool upper) {
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = 0; i < j; i++)
            *(upper ? &a[i * n + j] : &a[j * n + i]) = upper ? a[j * n + i] : a[i * n + j];
    identity(n, v);
    double scale = length(n * n, a);
    bool rotated = scale > 0;
    for (int sweep = 0; rotated; sweep++) {
        if (sweep == SWEEPS)
            return 1;
        rotated = false;
        for (int64_t p = 0; p < n; p++)
            for (int64_t q = p + 1; q < n; q++) {
                double o = a[q * n + p];
                if (fabs(o) <= scale * DBL_MIN ||
                    fabs(o) <=
                        0.5 * DBL_EPSILON * sqrt(fabs(a[p * n + p])) * sqrt(fabs(a[q * n + q])) ||
                    fabs(o) <= 0.01 * DBL_EPSILON * scale / (double)n)
                    continue;
                double c;
                double s;
                rotated = true;
                rotation(a[p * n + p], o, a[q * n + q], &c, &s);
                rotate(n, c, s, a + p * n, a + q * n, 1);
                rotate(n, c, s, a + p, a + q, n);
                rotate(n, c, s, v + p * n, v + q * n, 1);
            }
    }
    for (int64_t i = 0; i < n; i++)
        w[i] = a[i * n + i];
    sort_columns(n, w, false, n, v, 0, NULL);
    memcpy(a, v, (size_t)(n * n) * sizeof *a);
    return 0;
}

/* ---- Singular values ---- */

/* Column j of u becomes a unit vector orthogonal to the columns before it: the axis that is
 * farthest from their span, orthogonalised twice. */
static void complete(int64_t m, int64_t j, double *u) {
    int64_t axis = 0;
    double farthest = -1;
    for (int64_t i = 0; i < m; i++) {
        double left = 1;
        for (int64_t c = 0; c < j; c++)
            left -= u[c * m + i] * u[c * m + i];
        if (left > farthest) {
            farthest = left;
            axis = i;
        }
    }
    double *x = u + j * m;
    memset(x, 0, (size_t)m * sizeof *x);
    x[axis] = 1;
    for (int pass = 0; pass < 2; pass++)
        for (int64_t c = 0; c < j; c++)
            add_multiple(m, -dot(m, u + c * m, x), u + c * m, x);
    double norm = length(m, x);
    for (int64_t i = 0; i < m; i++)
        x[i] /= norm;
}

/* Rotates the columns of u until they are orthogonal. The columns are scaled to at most 1. */
static bool orthogonalise(int64_t m, int64_t n, double *u, double *v) {
    bool rotated = true;
    for (int sweep = 0; rotated; sweep++) {
        if (sweep == SWEEPS)
            return false;
        rotated = false;
        for (int64_t p = 0; p < n; p++)
            for (int64_t q = p + 1; q < n; q++) {
                double pp = dot(m, u + p * m, u + p * m);
                double qq = dot(m, u + q * m, u + q * m);
                double pq = dot(m, u + p * m, u + q * m);
                if (fabs(pq) <= DBL_EPSILON * sqrt(pp) * sqrt(qq) || fabs(pq) < DBL_MIN)
                    continue;
                double c;
                double s;
                rotated = true;
                rotation(pp, pq, qq, &c, &s);
                rotate(m, c, s, u + p * m, u + q * m, 1);
                rotate(n, c, s, v + p * n, v + q * n, 1);
            }
    }
    return true;
}

int64_t tg__factor_svd(int64_t m, int64_t n, int64_t cols, double *u, double *s, double *v) {
    double largest = 0;
    for (int64_t i = 0; i < m * n; i++)
        largest = fabs(u[i]) > largest ? fabs(u[i]) : largest;
    for (int64_t i = 0; i < m * n && largest > 0; i++)
        u[i] /= largest;
    identity(n, v);
    if (!orthogonalise(m, n, u, v))
        return 1;
    for (int64_t j = 0; j < n; j++)
        s[j] = length(m, u + j * m);
    sort_columns(n, s, true, m, u, n, v);
    for (int64_t j = 0; j < cols; j++) {
        /* what rounding left of a column that is 0 has no direction */
        if (j >= n || s[j] <= 4 * DBL_EPSILON * s[0] * (double)m) {
            complete(m, j, u);
            continue;
        }
        for (int64_t i = 0; i < m; i++)
            u[j * m + i] /= s[j];
    }
    for (int64_t j = 0; j < n; j++)
        s[j] *= largest;
    return 0;
}
