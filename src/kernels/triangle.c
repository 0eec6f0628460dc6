/* triangle.c - the lower or upper triangle of matrices, row by row. */
#include "kernels/triangle.h"

#include "base/threads.h"

#include <string.h>

#define PIECE 16384 /* bytes worth handing to another thread */

typedef struct {
    int64_t item, rows, cols, diagonal;
    bool lower;
    char *x;
} job;

/* Where row i leaves the kept part (lower) or enters it (upper), within 0 and cols. */
static int64_t border(const job *j, int64_t i) {
    const int64_t from = j->lower ? 1 : 0;
    if (j->diagonal > j->cols) /* far beyond: no sums that overflow */
        return j->cols;
    if (j->diagonal < -j->rows)
        return 0;
    const int64_t at = i + j->diagonal + from;
    return at < 0 ? 0 : at > j->cols ? j->cols : at;
}

static void run_rows(int64_t begin, int64_t end, void *ctx) {
    const job *j = ctx;
    for (int64_t r = begin; r < end; r++) {
        char *row = j->x + r * j->cols * j->item;
        const int64_t at = border(j, r % j->rows);
        if (j->lower)
            memset(row + at * j->item, 0, (size_t)((j->cols - at) * j->item));
        else
            memset(row, 0, (size_t)(at * j->item));
    }
}

void tg__triangle(size_t item, int64_t count, int64_t rows, int64_t cols, int64_t diagonal,
                  bool lower, char *x) {
    if (count == 0 || rows == 0 || cols == 0)
        return;
    job j = {(int64_t)item, rows, cols, diagonal, lower, x};
    const int64_t bytes = cols * (int64_t)item;
    tg__parallel_for(count * rows, bytes < PIECE ? PIECE / bytes : 1, run_rows, &j);
}
