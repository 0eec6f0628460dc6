/* sort.h - sorting, selecting and counting equals along one dim. */
#ifndef TG_KERNELS_SORT_H
#define TG_KERNELS_SORT_H

#include "kernels/kernels.h"

/* Lines of n elements in x [outer, n, inner], contiguous. All orders are stable, NaN counts as the
 * greatest of all, zeros of both signs as equal. What is found goes to `values` (of x's dtype) and
 * `at` (positions along the line); either may be NULL. The results do not depend on threads. All
 * functions return false if memory is short. */
typedef struct {
    tg_dtype dtype;
    int64_t outer, n, inner;
    const void *x;
    void *values;
    int64_t *at;
} tg__lines_to_sort;

/* The first k <= n of each line in ascending (or descending) order: [outer, k, inner]. */
bool tg__sort(const tg__lines_to_sort *l, int64_t k, bool descending);

typedef enum {
    TG__SELECT_KTH,      /* the one at position k */
    TG__SELECT_MEDIAN,   /* the lower middle; the first NaN if there is one */
    TG__SELECT_NANMEDIAN /* the lower middle of those that are not NaN; else the first NaN */
} tg__select_rule;
/* One of each line, n >= 1, where the ascending order has it: [outer, inner]. */
bool tg__select(const tg__lines_to_sort *l, tg__select_rule rule, int64_t k);

/* The most frequent of each line, n >= 1: of several the smallest, of equals the last. A NaN equals
 * nothing. */
bool tg__mode(const tg__lines_to_sort *l);

/* Numbers the runs of equal neighbours in x (n elements, contiguous): run[i] is the number of the
 * run that element i is in. Returns how many there are. A NaN equals nothing. */
int64_t tg__runs(tg_dtype dtype, int64_t n, const void *x, int64_t *run);

/* The same for rows of m elements in x [n, m], in the order of order[0..n) (NULL: as they stand).
 */
int64_t tg__row_runs(tg_dtype dtype, int64_t n, int64_t m, const void *x, const int64_t *order,
                     int64_t *run);
/* Orders the rows of x [n, m], contiguous, by their first elements, then their second, …: order[i]
 * is the row at position i. Stable; false if memory is short. */
bool tg__sort_rows(tg_dtype dtype, int64_t n, int64_t m, const void *x, int64_t *order);

#endif
