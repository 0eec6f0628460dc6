/* loop.c - one plan for broadcasting and strides.
 *
 * A loop is a shape and up to four operands with a byte stride per dim (0: broadcast). Coalescing
 * brings most cases down to one dim, which is a single call of the kernel per thread. What is left
 * runs in tiles over two dims: "in", along which the kernel is called, and "out", the next one. The
 * tile's shape is where the speed comes from:
 *   - usually a tile is some rows of the innermost dim, enough to forget the bookkeeping;
 *   - if an input is contiguous along another dim than the output (a transpose), that dim becomes
 *     "out" and tiles are 128 x 16, so that every cache line fetched is used up while it is there;
 *     square tiles were up to 2x slower where rows are near a power of two long, as theirs compete
 *     for the same cache sets;
 *   - if the innermost dim has only a few elements, the calls go along the other dim instead.
 * Tiles are numbered; threads take runs of them. An elementwise result does not depend on how the
 * shape is cut, so neither do the bits.
 *
 * Cost: a contiguous call of up to 1024 elements adds one comparison to the kernel; planning takes
 * some tens of nanoseconds. */
#include "kernels/loop.h"
#include "base/threads.h"

#define LOOP_SERIAL 1024     /* elements that are never worth a thread */
#define LOOP_SERIAL_NS 16384 /* and work, in nanoseconds: waking a worker costs a quarter of it */
#define LOOP_PIECE 32768     /* largest piece of work, in elements */
#define LOOP_PIECE_NS 8192   /* expensive elements make smaller pieces */
#define LOOP_TILE_OUT 128    /* of a transposing tile */
#define LOOP_TILE_IN 16
#define LOOP_TILE_ELEMENTS 4096
#define LOOP_THIN 12 /* inner dims below this are run across */

/* ---- Coalescing ------------------------------------------------------------------------------ */

/* Whether dim a belongs outside dim b: the larger stride of the first operand that tells. */
static bool outside(const tg__loop *l, int a, int b) {
    for (int k = 0; k < l->n_operands; k++) {
        if (l->stride[k][a] != l->stride[k][b])
            return l->stride[k][a] > l->stride[k][b];
    }
    return true;
}

static void swap_dims(tg__loop *l, int a, int b) {
    const int64_t size = l->shape[a];
    l->shape[a] = l->shape[b];
    l->shape[b] = size;
    for (int k = 0; k < l->n_operands; k++) {
        const int64_t stride = l->stride[k][a];
        l->stride[k][a] = l->stride[k][b];
        l->stride[k][b] = stride;
    }
}

static void move_dim(tg__loop *l, int to, int from) {
    l->shape[to] = l->shape[from];
    for (int k = 0; k < l->n_operands; k++)
        l->stride[k][to] = l->stride[k][from];
}

/* Whether dim a and the dim b directly inside it are one run for every operand. */
static bool mergeable(const tg__loop *l, int a, int b) {
    for (int k = 0; k < l->n_operands; k++) {
        if (l->stride[k][a] != l->shape[b] * l->stride[k][b])
            return false;
    }
    return true;
}

void tg__loop_coalesce(tg__loop *l) {
    int n = 0;
    for (int d = 0; d < l->ndim; d++) {
        if (l->shape[d] == 1)
            continue;
        if (n != d)
            move_dim(l, n, d);
        n++;
    }
    for (int d = 1; d < n; d++) { /* insertion sort: nearly always sorted already */
        for (int e = d; e > 0 && !outside(l, e - 1, e); e--)
            swap_dims(l, e - 1, e);
    }
    int last = 0;
    for (int d = 1; d < n; d++) {
        if (mergeable(l, last, d)) {
            const int64_t size = l->shape[last] * l->shape[d];
            move_dim(l, last, d);
            l->shape[last] = size;
        } else {
            last++;
            if (last != d)
                move_dim(l, last, d);
        }
    }
    l->ndim = n > 0 ? last + 1 : 0;
}

/* ---- Contiguous runs ------------------------------------------------------------------------- */

typedef struct {
    char *const *p;
    const int64_t *s;
    int n_operands;
    tg__ew_fn fn;
    const void *arg;
} flat;

static void flat_piece(int64_t begin, int64_t end, void *ctx) {
    const flat *f = ctx;
    char *p[TG__LOOP_OPERANDS];
    for (int k = 0; k < f->n_operands; k++)
        p[k] = f->p[k] + begin * f->s[k];
    f->fn(p, f->s, end - begin, f->arg);
}

/* How many elements make a piece worth a thread's while. */
static int64_t piece_elements(double cost) {
    const double n = cost > 0 ? LOOP_PIECE_NS / cost : LOOP_PIECE;
    return n >= LOOP_PIECE ? LOOP_PIECE : n <= LOOP_SERIAL ? LOOP_SERIAL : (int64_t)n;
}

static bool worth_threads(int64_t n, double cost) {
    return n > LOOP_SERIAL && (double)n * cost > LOOP_SERIAL_NS;
}

void tg__loop_flat(char *const *p, const int64_t *s, int n_operands, int64_t n, tg__ew_fn fn,
                   const void *arg, double cost) {
    if (n <= LOOP_SERIAL || !worth_threads(n, cost)) {
        if (n > 0)
            fn(p, s, n, arg);
        return;
    }
    flat f = {p, s, n_operands, fn, arg};
    tg__parallel_for(n, piece_elements(cost), flat_piece, &f);
}

/* ---- Tiles ----------------------------------------------------------------------------------- */

enum { OUT, IN };

typedef struct {
    tg__loop l;       /* the last two dims are those of the tiles */
    int dim[2];       /* which of them is OUT, which IN */
    int64_t edge[2];  /* of a tile, by OUT and IN */
    int64_t tiles[2]; /* how many, by position: [0] the last but one dim, [1] the last */
    int64_t total;
    tg__tile_fn fn;
    const void *ctx;
} plan;

/* The dim along which an input is contiguous while the output is not, so that running along the
 * last dim would use a cache line for one element; -1 if there is none. */
static int crossing_dim(const tg__loop *l) {
    const int last = l->ndim - 1;
    for (int k = 1; k < l->n_operands; k++) {
        if (l->stride[k][last] < 64)
            continue;
        int best = -1;
        for (int d = 0; d < last; d++) {
            const int64_t stride = l->stride[k][d];
            if (stride > 0 && stride < l->stride[k][last] &&
                (best < 0 || stride < l->stride[k][best]))
                best = d;
        }
        if (best >= 0 && l->shape[best] >= 4)
            return best;
    }
    return -1;
}

static int64_t at_most(int64_t a, int64_t b) { return a < b ? a : b; }

static int largest_dim(const tg__loop *l, int end) {
    int best = 0;
    for (int d = 1; d < end; d++) {
        if (l->shape[d] >= l->shape[best])
            best = d;
    }
    return best;
}

/* Chooses which two dims make tiles, how large, and the direction of the calls. */
static void make_plan(plan *q, const tg__loop *l) {
    q->l = *l;
    const int last = l->ndim - 1;
    int64_t *shape = q->l.shape;
    const int crossing = crossing_dim(l);
    const bool thin = shape[last] < LOOP_THIN;
    if (crossing >= 0)
        swap_dims(&q->l, crossing, last - 1);
    else if (thin)
        swap_dims(&q->l, largest_dim(l, last), last - 1);
    const bool across = thin && shape[last - 1] > 2 * shape[last];
    q->dim[OUT] = across ? last : last - 1;
    q->dim[IN] = across ? last - 1 : last;
    if (across) {
        q->edge[OUT] = shape[last];
        q->edge[IN] = LOOP_TILE_ELEMENTS / LOOP_THIN;
    } else if (crossing >= 0) {
        q->edge[OUT] = LOOP_TILE_OUT;
        q->edge[IN] = LOOP_TILE_IN;
    } else {
        q->edge[OUT] = LOOP_TILE_ELEMENTS / shape[last] + 1;
        q->edge[IN] = LOOP_PIECE;
    }
    q->total = 1;
    for (int d = 0; d < last - 1; d++)
        q->total *= shape[d];
    for (int i = 0; i < 2; i++) {
        const int64_t size = shape[q->dim[i]];
        q->edge[i] = at_most(q->edge[i], size);
        const int64_t tiles = (size - 1) / q->edge[i] + 1;
        q->tiles[q->dim[i] - (last - 1)] = tiles;
        q->total *= tiles;
    }
}

/* Runs the tile whose corner is at index at[OUT], at[IN]; origin: the operands at index 0 of both.
 */
static void run_tile(const plan *q, char *const *origin, const int64_t *at) {
    char *p[TG__LOOP_OPERANDS];
    int64_t step[2][TG__LOOP_OPERANDS], n[2];
    const tg__loop *l = &q->l;
    for (int i = 0; i < 2; i++)
        n[i] = at_most(q->edge[i], l->shape[q->dim[i]] - at[i]);
    for (int k = 0; k < l->n_operands; k++) {
        step[OUT][k] = l->stride[k][q->dim[OUT]];
        step[IN][k] = l->stride[k][q->dim[IN]];
        p[k] = origin[k] + at[OUT] * step[OUT][k] + at[IN] * step[IN][k];
    }
    q->fn(p, step[OUT], step[IN], n[OUT], n[IN], q->ctx);
}

/* Runs tiles begin to end; they count up along the last dim, then the last but one, then the rest.
 */
static void run_tiles(int64_t begin, int64_t end, void *ctx) {
    const plan *q = ctx;
    const tg__loop *l = &q->l;
    const int first = l->ndim - 2; /* position of the tile dims */
    int64_t index[TG_MAX_DIMS];
    char *origin[TG__LOOP_OPERANDS];
    int64_t rest = begin / q->tiles[1];
    int64_t tile[2] = {rest % q->tiles[0], begin % q->tiles[1]};
    rest /= q->tiles[0];
    for (int k = 0; k < l->n_operands; k++)
        origin[k] = l->data[k];
    for (int d = first - 1; d >= 0; d--) {
        index[d] = rest % l->shape[d];
        rest /= l->shape[d];
        for (int k = 0; k < l->n_operands; k++)
            origin[k] += index[d] * l->stride[k][d];
    }
    for (int64_t t = begin; t < end; t++) {
        const int64_t at[2] = {tile[q->dim[OUT] - first] * q->edge[OUT],
                               tile[q->dim[IN] - first] * q->edge[IN]};
        run_tile(q, origin, at);
        if (++tile[1] < q->tiles[1])
            continue;
        tile[1] = 0;
        if (++tile[0] < q->tiles[0])
            continue;
        tile[0] = 0;
        for (int d = first - 1; d >= 0; d--) {
            const bool carry = ++index[d] == l->shape[d];
            if (carry)
                index[d] = 0;
            for (int k = 0; k < l->n_operands; k++)
                origin[k] += (carry ? 1 - l->shape[d] : 1) * l->stride[k][d];
            if (!carry)
                break;
        }
    }
}

void tg__loop_tiles(const tg__loop *l, tg__tile_fn fn, const void *ctx, double cost) {
    int64_t n = 1;
    for (int d = 0; d < l->ndim; d++)
        n *= l->shape[d];
    if (n <= 0)
        return;
    plan q;
    make_plan(&q, l);
    q.fn = fn;
    q.ctx = ctx;
    if (!worth_threads(n, cost)) {
        run_tiles(0, q.total, &q);
        return;
    }
    const int64_t tiles = piece_elements(cost) / (q.edge[OUT] * q.edge[IN]);
    tg__parallel_for(q.total, tiles > 0 ? tiles : 1, run_tiles, &q);
}

/* ---- The usual loop: the kernel is called along IN --------------------------------------------
 */

typedef struct {
    int n_operands;
    tg__ew_fn fn;
    const void *arg;
} lines;

static void run_lines(char *const *p, const int64_t *out_step, const int64_t *in_step,
                      int64_t n_out, int64_t n_in, const void *ctx) {
    const lines *r = ctx;
    char *line[TG__LOOP_OPERANDS];
    for (int k = 0; k < r->n_operands; k++)
        line[k] = p[k];
    for (int64_t i = 0; i < n_out; i++) {
        r->fn(line, in_step, n_in, r->arg);
        for (int k = 0; k < r->n_operands; k++)
            line[k] += out_step[k];
    }
}

void tg__loop_run(const tg__loop *l, tg__ew_fn fn, const void *arg, double cost) {
    if (l->ndim <= 1) {
        int64_t s[TG__LOOP_OPERANDS] = {0};
        for (int k = 0; k < l->n_operands && l->ndim == 1; k++)
            s[k] = l->stride[k][0];
        tg__loop_flat(l->data, s, l->n_operands, l->ndim == 1 ? l->shape[0] : 1, fn, arg, cost);
        return;
    }
    const lines r = {l->n_operands, fn, arg};
    tg__loop_tiles(l, run_lines, &r, cost);
}
