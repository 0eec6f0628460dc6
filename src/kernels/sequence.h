/* sequence.h - the elements that make one output of a reduction, and ways to read them. */
#ifndef TG_KERNELS_SEQUENCE_H
#define TG_KERNELS_SEQUENCE_H

#include "kernels/tables.h"

#define TG__SEQ_ROWS 64 /* rows handed to a kernel at a time */

/* What is computed, and the shape of every output's sequence (at least one dim, strides in bytes).
 */
typedef struct {
    tg__reduce_op op;
    const tg__reduce_kernels *k;
    bool tree;    /* SUM, PROD, SUMSQ of floats: the fixed tree of tables.h */
    bool product; /* PROD */
    bool arg;     /* ARGMAX, ARGMIN */
    bool floats;  /* cells are used as .f */
    int64_t item; /* bytes per element */
    int ndim;
    int64_t shape[TG_MAX_DIMS], stride[TG_MAX_DIMS];
    int64_t length;
    bool contiguous;
} tg__sequence;

/* True if the sequence jumps about in memory so that reading it pays in pieces of TG__SEQ_PIECE
 * elements, copied by tg__sequence_copy to contiguous memory. */
#define TG__SEQ_PIECE 65536
bool tg__sequence_scattered(const tg__sequence *s);
void tg__sequence_copy(const tg__sequence *s, const char *x, int64_t first, int64_t n, char *dst);

/* What an empty sequence gives; for MAX and MIN the value that every other replaces. */
tg__cell tg__sequence_identity(const tg__sequence *s);

/* Reduces the n >= 1 elements from number `first` on (a multiple of TG__LEAF) of the sequence at x.
 * ARGMAX and ARGMIN: *at is the position in the whole sequence. */
tg__cell tg__sequence_reduce(const tg__sequence *s, const char *x, int64_t first, int64_t n,
                             double center, int64_t *at);

/* The same for w sequences side by side, element i of output j at offset(i) + j * item. at: ARGMAX
 * and ARGMIN, center: SUMSQ. scratch: w * tg__sequence_levels(s, w, n) cells. Same bits. */
void tg__sequence_cols(const tg__sequence *s, const char *x, int64_t w, int64_t first, int64_t n,
                       const double *center, tg__cell *cells, int64_t *at, tg__cell *scratch);
/* For smaller w the number is not larger. */
int tg__sequence_levels(const tg__sequence *s, int64_t w, int64_t n);
/* True if w sequences side by side fill the memory without gaps and are few: taken by TG__LANES
 * rows at a time. */
bool tg__sequence_dense(const tg__sequence *s, int64_t w);

/* Puts together the cells of n runs of one sequence, in order. Runs of tree reductions have a power
 * of two of leaves, but for the last. at: NULL unless ARGMAX or ARGMIN. */
tg__cell tg__sequence_join(const tg__sequence *s, const tg__cell *cells, const int64_t *cells_at,
                           int64_t n, int64_t *at);

#endif
