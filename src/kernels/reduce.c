/* reduce.c - plans reductions and runs them.
 *
 * A reduction maps sequences to outputs (sequence.h). The reduced dims, in their order, form the
 * sequence; where order cannot matter (integers, all, any) they are read in the order of memory.
 * The kept dims are split into one dim along which a job takes several outputs at a time (`v`), and
 * the others (`outer`). If the sequence is not contiguous in memory but a kept dim is, that dim
 * becomes `v` and its outputs are computed side by side, in rows of up to WIDTH.
 *
 * Jobs run in parallel. Long sequences with few outputs are cut into runs of whole leaves, a power
 * of two of them, which are subtrees of the sum; their cells are joined along the same tree. How
 * the work is cut changes no bit of the results.
 *
 * Side by side needs scratch memory for wide rows, and runs need a place for their cells. If that
 * cannot be had, rows are as narrow as the stack allows and sequences are not cut: slower, the same
 * bits. Frames stay below 2 KiB. */
#include "base/alloc.h"
#include "base/threads.h"
#include "kernels/sequence.h"
#include <math.h>

#define WIDTH 1024    /* outputs per job, side by side: long rows are what memory likes */
#define OUTPUTS 64    /* outputs per job, otherwise */
#define LOCAL 192     /* cells on the stack */
#define PIECE 32768   /* elements worth handing to another thread */
#define MIN_COLUMNS 4 /* narrower rows are gathered */

typedef struct {
    tg__sequence s;
    tg_dtype dtype, out_dtype;
    double scale;
    bool by_cols;

    const char *in, *center;
    char *out;
    int n_outer;
    int64_t shape[TG_MAX_DIMS], in_stride[TG_MAX_DIMS]; /* the outer dims */
    int64_t out_stride[TG_MAX_DIMS], center_stride[TG_MAX_DIMS];
    int64_t v, v_in, v_out, v_center;

    int64_t width, blocks,
        outer;         /* outputs per block; blocks along v; positions of the outer dims */
    int64_t run, runs; /* elements per run, runs per output */
    tg__cell *partial; /* [outer, v, runs] if runs > 1 */
    int64_t *partial_at;
} plan;

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/* ---- Jobs ------------------------------------------------------------------------------------ */

/* A block of w outputs, and a part of their sequences. */
typedef struct {
    const char *in, *center;
    char *out;
    int64_t index; /* of the first output, in row-major order of [outer, v] */
    int64_t w;
    int64_t run, first, n;
} job;

/* Job `number` of those that cut each sequence into p->runs, or (runs = 1) leave it whole. */
static job job_of(const plan *p, int64_t number, int64_t runs) {
    job j = {.in = p->in, .center = p->center, .out = p->out};
    j.run = number % runs;
    number /= runs;
    const int64_t start = number % p->blocks * p->width;
    int64_t outer = number / p->blocks;
    j.index = outer * p->v + start;
    j.w = smaller(p->width, p->v - start);
    j.first = j.run * p->run;
    j.n = smaller(p->run, p->s.length - j.first);
    j.in += start * p->v_in;
    j.out += start * p->v_out;
    if (j.center)
        j.center += start * p->v_center;
    for (int d = p->n_outer - 1; d >= 0; d--) {
        const int64_t at = outer % p->shape[d];
        outer /= p->shape[d];
        j.in += at * p->in_stride[d];
        j.out += at * p->out_stride[d];
        if (j.center)
            j.center += at * p->center_stride[d];
    }
    return j;
}

static void load_centers(const plan *p, const char *center, int64_t w, double *values) {
    for (int64_t i = 0; i < w; i++, center += p->v_center)
        values[i] = p->dtype == TG_F32 ? (double)*(const float *)center : *(const double *)center;
}

/* Writes w results in the output's type. All NaNs come out alike, whatever they came from. */
static void store(const plan *p, const tg__cell *cells, const int64_t *at, char *out, int64_t w) {
    const int64_t step = p->v_out;
    if (p->s.arg) {
        for (int64_t i = 0; i < w; i++)
            *(int64_t *)(out + i * step) = at[i];
    } else if (p->out_dtype == TG_F32) {
        for (int64_t i = 0; i < w; i++)
            *(float *)(out + i * step) = isnan(cells[i].f) ? NAN : (float)(cells[i].f * p->scale);
    } else if (p->out_dtype == TG_F64) {
        for (int64_t i = 0; i < w; i++)
            *(double *)(out + i * step) = isnan(cells[i].f) ? (double)NAN : cells[i].f * p->scale;
    } else if (p->out_dtype == TG_I64) {
        for (int64_t i = 0; i < w; i++)
            *(int64_t *)(out + i * step) = cells[i].i;
    } else if (p->out_dtype == TG_I32) {
        for (int64_t i = 0; i < w; i++)
            *(int32_t *)(out + i * step) = (int32_t)cells[i].i;
    } else {
        for (int64_t i = 0; i < w; i++)
            *(uint8_t *)(out + i * step) = (uint8_t)cells[i].i;
    }
}

/* Hands on the cells of outputs [skip, skip + w) of a job. */
static void deliver(const plan *p, const job *j, int64_t skip, int64_t w, const tg__cell *cells,
                    const int64_t *at) {
    if (p->runs == 1) {
        store(p, cells, at, j->out + skip * p->v_out, w);
        return;
    }
    for (int64_t i = 0; i < w; i++) {
        const int64_t place = (j->index + skip + i) * p->runs + j->run;
        p->partial[place] = cells[i];
        if (p->s.arg)
            p->partial_at[place] = at[i];
    }
}

/* One output's part of a sequence that is scattered in memory: copied first, if there is memory. */
static tg__cell reduce_scattered(const plan *p, const job *j, const char *x, double center,
                                 char *copy, int64_t *at) {
    if (!copy)
        return tg__sequence_reduce(&p->s, x, j->first, j->n, center, at);
    tg__sequence_copy(&p->s, x, j->first, j->n, copy);
    tg__sequence s = p->s;
    s.ndim = 1;
    s.shape[0] = s.length = j->n;
    s.stride[0] = s.item;
    s.contiguous = true;
    const tg__cell cell = tg__sequence_reduce(&s, copy, 0, j->n, center, at);
    if (s.arg)
        *at += j->first;
    return cell;
}

static void jobs_by_rows(int64_t begin, int64_t end, void *ctx) {
    const plan *p = ctx;
    const tg__sequence *s = &p->s;
    size_t bytes = 0;
    char *copy = NULL;
    if (tg__sequence_scattered(s) && p->run <= TG__SEQ_PIECE && p->run > TG__LEAF) {
        bytes = (size_t)(p->run * s->item);
        copy = tg__alloc(bytes);
    }
    for (int64_t t = begin; t < end; t++) {
        const job j = job_of(p, t, p->runs);
        tg__cell cells[OUTPUTS];
        int64_t at[OUTPUTS];
        double center[OUTPUTS];
        if (j.center)
            load_centers(p, j.center, j.w, center);
        if (s->contiguous && s->length <= TG__LEAF) {
            s->k->leaves(cells, j.in, p->v_in, s->length, j.w, j.center ? center : NULL, 1);
            for (int64_t i = 0; s->arg && i < j.w; i++)
                at[i] = s->k->find(j.in + i * p->v_in, s->length, cells[i]);
        } else {
            for (int64_t i = 0; i < j.w; i++)
                cells[i] = reduce_scattered(p, &j, j.in + i * p->v_in, j.center ? center[i] : 0,
                                            copy, &at[i]);
        }
        deliver(p, &j, 0, j.w, cells, at);
    }
    tg__free(copy, bytes);
}

/* Memory of a job by columns, in cells per column: results, positions, centers, scratch. */
static int64_t cells_per_column(const plan *p) {
    return 1 + p->s.arg + (p->center != NULL) +
           tg__sequence_levels(&p->s, smaller(p->width, p->v), p->run);
}

static void jobs_by_cols(int64_t begin, int64_t end, void *ctx) {
    const plan *p = ctx;
    tg__cell local[LOCAL], *memory = local;
    const int64_t per_column = cells_per_column(p);
    int64_t most = smaller(p->width, p->v);
    const size_t bytes = (size_t)(most * per_column) * sizeof *local;
    tg__cell *heap = bytes > sizeof local ? tg__alloc(bytes) : NULL;
    if (heap)
        memory = heap;
    else
        most = smaller(most, LOCAL / per_column);
    for (int64_t t = begin; t < end; t++) {
        const job j = job_of(p, t, p->runs);
        for (int64_t skip = 0, w; skip < j.w; skip += w) {
            w = smaller(most, j.w - skip);
            tg__cell *rest = memory + w;
            int64_t *at = &rest->i;
            double *center = j.center ? &rest->f : NULL;
            if (p->s.arg || j.center)
                rest += w;
            if (j.center)
                load_centers(p, j.center + skip * p->v_center, w, center);
            tg__sequence_cols(&p->s, j.in + skip * p->v_in, w, j.first, j.n, center, memory, at,
                              rest);
            deliver(p, &j, skip, w, memory, at);
        }
    }
    tg__free(heap, bytes);
}

/* The cells of the runs of each output become one. */
static void join_runs(const plan *p) {
    for (int64_t t = 0; t < p->outer * p->blocks; t++) {
        const job j = job_of(p, t, 1);
        for (int64_t i = 0; i < j.w; i++) {
            const int64_t place = (j.index + i) * p->runs;
            int64_t at = 0;
            const tg__cell cell =
                tg__sequence_join(&p->s, p->partial + place, p->partial_at + place, p->runs, &at);
            store(p, &cell, &at, j.out + i * p->v_out, 1);
        }
    }
}

static void run_jobs(plan *p) {
    tg__cell local[64];
    int64_t local_at[64];
    const int64_t n = p->outer * p->v * p->runs;
    size_t bytes = 0;
    tg__cell *heap = NULL;
    p->partial = local;
    p->partial_at = local_at;
    if (p->runs > 1 && n > 64) {
        bytes = 2 * (size_t)n * sizeof *heap;
        heap = tg__alloc(bytes);
        if (heap) {
            p->partial = heap;
            p->partial_at = &heap[n].i;
        } else {
            p->run = p->s.length;
            p->runs = 1;
        }
    }
    const int64_t work = smaller(p->width, p->v) * p->run;
    tg__parallel_for(p->outer * p->blocks * p->runs, work < PIECE ? PIECE / work : 1,
                     p->by_cols ? jobs_by_cols : jobs_by_rows, p);
    if (p->runs > 1)
        join_runs(p);
    tg__free(heap, bytes);
}

/* ---- The plan -------------------------------------------------------------------------------- */

/* The reduced dims in the order they are read, neighbours merged. */
static void plan_sequence(tg__sequence *s, const tg__reduction *r) {
    const int64_t *shape = r->shape + r->n_kept, *stride = r->in_stride + r->n_kept;
    const bool any_order = !s->arg && !s->floats;
    int order[TG_MAX_DIMS], n = 0;
    for (int d = 0; d < r->n_reduced; d++) {
        if (shape[d] == 1)
            continue;
        int place = n++;
        for (; any_order && place > 0 && stride[order[place - 1]] < stride[d]; place--)
            order[place] = order[place - 1];
        order[place] = d;
    }
    s->ndim = 1;
    s->shape[0] = 1;
    s->stride[0] = s->item;
    for (int i = 0; i < n; i++) {
        const int d = order[i], last = s->ndim - 1;
        if (i == 0) {
            s->shape[0] = shape[d];
        } else if (s->stride[last] == stride[d] * shape[d]) {
            s->shape[last] *= shape[d];
        } else {
            s->shape[s->ndim++] = shape[d];
        }
        s->stride[s->ndim - 1] = stride[d];
    }
    s->contiguous = s->ndim == 1 && s->stride[0] == s->item;
}

/* The kept dims, neighbours merged where one step leads from the end of one to the next. */
static void plan_outputs(plan *p, const tg__reduction *r) {
    int n = 0;
    for (int d = 0; d < r->n_kept; d++) {
        const int64_t size = r->shape[d], center = p->center ? r->center_stride[d] : 0;
        if (size == 1)
            continue;
        if (n > 0 && p->in_stride[n - 1] == r->in_stride[d] * size &&
            p->out_stride[n - 1] == r->out_stride[d] * size &&
            p->center_stride[n - 1] == center * size)
            p->shape[n - 1] *= size;
        else
            p->shape[n++] = size;
        p->in_stride[n - 1] = r->in_stride[d];
        p->out_stride[n - 1] = r->out_stride[d];
        p->center_stride[n - 1] = center;
    }
    p->n_outer = n;
}

/* Takes one kept dim out as `v`: a contiguous one if the sequence is not, else the largest. */
static void plan_vector(plan *p) {
    int best = -1;
    for (int d = 0; d < p->n_outer; d++)
        if (!p->s.contiguous && p->in_stride[d] == p->s.item &&
            (p->shape[d] >= MIN_COLUMNS || tg__sequence_dense(&p->s, p->shape[d]))) {
            best = d;
            p->by_cols = true;
        } else if (!p->by_cols && (best < 0 || p->shape[d] > p->shape[best])) {
            best = d;
        }
    if (best < 0)
        return;
    p->v = p->shape[best];
    p->v_in = p->in_stride[best];
    p->v_out = p->out_stride[best];
    p->v_center = p->center_stride[best];
    p->n_outer--;
    for (int d = best; d < p->n_outer; d++) {
        p->shape[d] = p->shape[d + 1];
        p->in_stride[d] = p->in_stride[d + 1];
        p->out_stride[d] = p->out_stride[d + 1];
        p->center_stride[d] = p->center_stride[d + 1];
    }
}

/* Cuts the work. */
static void plan_jobs(plan *p) {
    const int64_t length = p->s.length;
    p->width = p->by_cols ? WIDTH : PIECE / length < OUTPUTS ? PIECE / length + 1 : OUTPUTS;
    p->blocks = (p->v + p->width - 1) / p->width;
    p->outer = 1;
    for (int d = 0; d < p->n_outer; d++)
        p->outer *= p->shape[d];
    p->run = length;
    p->runs = 1;
    const int64_t jobs = p->outer * p->blocks, w = smaller(p->width, p->v);
    if (!p->by_cols && tg__sequence_scattered(&p->s) && length > TG__SEQ_PIECE) {
        p->run = TG__SEQ_PIECE;
        p->runs = (length + p->run - 1) / p->run;
        return;
    }
    if (jobs >= 16 || length <= TG__LEAF || length < 2 * PIECE / w || tg__threads_limit() < 2)
        return;
    p->run = TG__LEAF;
    while (p->run * w < PIECE || length / p->run >= 64 / jobs)
        p->run *= 2;
    p->runs = (length + p->run - 1) / p->run;
}

/* Empty sequences: every output is what nothing gives. */
static void store_empty(plan *p) {
    const tg__cell cell = tg__sequence_identity(&p->s);
    const int64_t at = 0;
    p->width = p->blocks = p->outer = p->runs = 1;
    p->run = 0;
    p->blocks = p->v;
    for (int d = 0; d < p->n_outer; d++)
        p->outer *= p->shape[d];
    for (int64_t t = 0; t < p->outer * p->blocks; t++)
        store(p, &cell, &at, job_of(p, t, p->runs).out, 1);
}

static tg_dtype output_dtype(tg__reduce_op op, tg_dtype dtype) {
    switch (op) {
    case TG__REDUCE_ARGMAX:
    case TG__REDUCE_ARGMIN:
        return TG_I64;
    case TG__REDUCE_ALL:
    case TG__REDUCE_ANY:
        return TG_BOOL;
    case TG__REDUCE_SUM:
    case TG__REDUCE_PROD:
        return dtype == TG_F32 || dtype == TG_F64 ? dtype : TG_I64;
    default:
        return dtype;
    }
}

bool tg__reduce_with(const struct tg__reduce_table *table, tg__reduce_op op, tg_dtype dtype,
                     const tg__reduction *r) {
    static const uint8_t item[TG__DTYPES] = {4, 8, 8, 4, 1, 1};
    if ((unsigned)dtype >= TG__DTYPES || !table->op[op][dtype].leaves)
        return false;
    plan p;
    p.dtype = dtype;
    p.out_dtype = output_dtype(op, dtype);
    p.scale = op == TG__REDUCE_SUM || op == TG__REDUCE_SUMSQ ? r->scale : 1;
    p.by_cols = false;
    p.in = r->in;
    p.out = r->out;
    p.center = op == TG__REDUCE_SUMSQ ? r->center : NULL;
    p.v = 1;
    p.v_in = p.v_out = p.v_center = 0;
    p.s.op = op;
    p.s.k = &table->op[op][dtype];
    p.s.tree = p.s.k->lanes != NULL;
    p.s.product = op == TG__REDUCE_PROD;
    p.s.arg = p.s.k->find != NULL;
    p.s.floats = dtype <= TG_F64 && op != TG__REDUCE_ALL && op != TG__REDUCE_ANY;
    p.s.item = item[dtype];
    p.s.length = 1;
    int64_t outputs = 1;
    for (int d = 0; d < r->n_kept; d++)
        outputs *= r->shape[d];
    for (int d = r->n_kept; d < r->n_kept + r->n_reduced; d++)
        p.s.length *= r->shape[d];
    if (outputs == 0)
        return true;
    plan_sequence(&p.s, r);
    plan_outputs(&p, r);
    plan_vector(&p);
    if (p.s.length == 0) {
        store_empty(&p);
        return true;
    }
    plan_jobs(&p);
    run_jobs(&p);
    return true;
}

bool tg__reduce(tg__reduce_op op, tg_dtype dtype, const tg__reduction *r) {
    return tg__reduce_with(tg__kernels_get()->reduce, op, dtype, r);
}
