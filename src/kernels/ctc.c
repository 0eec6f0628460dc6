/* ctc.c - connectionist temporal classification: the sum over all alignments.
 *
 * Graves et al. 2006. A sample with labels l1 … lL has 2L + 1 states: blank, l1, blank, …, lL,
 * blank. From frame to frame an alignment stays, goes one state on, or two where that passes a
 * blank between different labels. alpha[t][s] is the logarithm of the summed probability of what
 * leads to state s at frame t, that frame included; beta[t][s] of what leads from it to the end,
 * that frame not included. Everything is computed in double. */
#include "kernels/ctc.h"
#include "base/alloc.h"
#include "base/threads.h"
#include <math.h>
#include <stdatomic.h>
#include <string.h>

typedef struct {
    const tg__ctc *c;
    const void *g;
    void *out;
    _Atomic bool failed;
} batch;

/* One sample. */
typedef struct {
    const tg__ctc *c;
    int64_t sample, frames, states;
    const int64_t *labels;
} lattice;

static lattice lattice_of(const tg__ctc *c, int64_t sample) {
    return (lattice){c, sample, c->frame_count[sample], 2 * c->label_count[sample] + 1,
                     c->labels + sample * c->most_labels};
}

static int64_t class_of(const lattice *l, int64_t s) {
    return s % 2 ? l->labels[s / 2] : l->c->blank;
}
/* Whether state s can be entered from s - 2. */
static bool skips(const lattice *l, int64_t s) {
    return s % 2 && s > 1 && l->labels[s / 2] != l->labels[s / 2 - 1];
}
static double emitted(const lattice *l, int64_t t, int64_t s) {
    const int64_t at = (t * l->c->batch + l->sample) * l->c->classes + class_of(l, s);
    return l->c->dtype == TG_F64 ? ((const double *)l->c->logp)[at]
                                 : (double)((const float *)l->c->logp)[at];
}

/* ln(eᵃ + eᵇ + eᶜ); -inf of three -inf. */
static double log_sum(double a, double b, double c) {
    const double ab = a > b ? a : b, m = ab > c ? ab : c;
    if (m == -(double)INFINITY)
        return a + b + c; /* it, or a NaN that lost the comparisons */
    return m + log(exp(a - m) + exp(b - m) + exp(c - m));
}

static void first_alpha(const lattice *l, double *alpha) {
    for (int64_t s = 0; s < l->states; s++)
        alpha[s] = s < 2 ? emitted(l, 0, s) : -(double)INFINITY;
}
static void next_alpha(const lattice *l, int64_t t, const double *before, double *alpha) {
    const double none = -(double)INFINITY;
    for (int64_t s = 0; s < l->states; s++)
        alpha[s] = emitted(l, t, s) + log_sum(before[s], s > 0 ? before[s - 1] : none,
                                              skips(l, s) ? before[s - 2] : none);
}
/* after: beta of frame t + 1 plus what that frame emits. */
static void previous_beta(const lattice *l, const double *after, double *beta) {
    const double none = -(double)INFINITY;
    for (int64_t s = 0; s < l->states; s++)
        beta[s] = log_sum(after[s], s + 1 < l->states ? after[s + 1] : none,
                          s + 2 < l->states && skips(l, s + 2) ? after[s + 2] : none);
}
/* From the last alpha. */
static double log_total(const lattice *l, const double *alpha) {
    const double none = -(double)INFINITY;
    return log_sum(alpha[l->states - 1], l->states > 1 ? alpha[l->states - 2] : none, none);
}

static void store(tg_dtype dtype, void *out, int64_t at, double value) {
    if (dtype == TG_F64)
        ((double *)out)[at] = value;
    else
        ((float *)out)[at] = (float)value;
}

/* ---- The loss -------------------------------------------------------------------------------- */

static void losses(int64_t begin, int64_t end, void *ctx) {
    batch *b = ctx;
    const tg__ctc *c = b->c;
    const size_t row = (size_t)(2 * c->most_labels + 1), bytes = 2 * row * sizeof(double);
    double *memory = tg__alloc(bytes);
    if (memory == NULL) {
        atomic_store(&b->failed, true);
        return;
    }
    for (int64_t i = begin; i < end; i++) {
        const lattice l = lattice_of(c, i);
        double total = l.states == 1 ? 0 : -(double)INFINITY; /* without frames */
        double *alpha = memory, *before = memory + row;
        for (int64_t t = 0; t < l.frames; t++) {
            double *other = before;
            before = alpha;
            alpha = other;
            if (t == 0)
                first_alpha(&l, alpha);
            else
                next_alpha(&l, t, before, alpha);
        }
        if (l.frames > 0)
            total = log_total(&l, alpha);
        store(c->dtype, b->out, i, c->zero_infinity && isinf(total) && total < 0 ? 0 : -total);
    }
    tg__free(memory, bytes);
}

/* ---- Its gradient ---------------------------------------------------------------------------- */

/* Adds the posteriors of frame t to sum[classes]. */
static void take_posteriors(const lattice *l, const double *alpha, const double *beta, double total,
                            double *sum) {
    for (int64_t k = 0; k < l->c->classes; k++)
        sum[k] = 0;
    for (int64_t s = 0; s < l->states; s++)
        sum[class_of(l, s)] += exp(alpha[s] + beta[s] - total);
}

/* memory: alpha of all frames, two rows of states, one of classes. */
static void sample_grad(const batch *b, const lattice *l, double *memory) {
    const tg__ctc *c = b->c;
    const int64_t states = l->states, last = l->frames - 1;
    double *beta = memory + l->frames * states, *after = beta + states, *sum = after + states;
    for (int64_t t = 0; t < l->frames; t++)
        if (t == 0)
            first_alpha(l, memory);
        else
            next_alpha(l, t, memory + (t - 1) * states, memory + t * states);
    const double total = log_total(l, memory + last * states);
    const double g = c->dtype == TG_F64 ? ((const double *)b->g)[l->sample]
                                        : (double)((const float *)b->g)[l->sample];
    const bool impossible = isinf(total) && total < 0;
    for (int64_t t = last; t >= 0; t--) {
        if (t == last)
            for (int64_t s = 0; s < states; s++)
                beta[s] = s + 2 >= states ? 0 : -(double)INFINITY;
        else
            previous_beta(l, after, beta);
        take_posteriors(l, memory + t * states, beta, total, sum);
        const int64_t at = (t * c->batch + l->sample) * c->classes;
        for (int64_t k = 0; k < c->classes; k++)
            if (impossible)
                store(c->dtype, b->out, at + k, c->zero_infinity ? 0 : (double)NAN);
            else
                store(c->dtype, b->out, at + k, -g * sum[k]);
        for (int64_t s = 0; s < states; s++)
            after[s] = beta[s] + emitted(l, t, s);
    }
}

static void grads(int64_t begin, int64_t end, void *ctx) {
    batch *b = ctx;
    const tg__ctc *c = b->c;
    for (int64_t i = begin; i < end; i++) {
        const lattice l = lattice_of(c, i);
        const size_t item = c->dtype == TG_F64 ? 8 : 4;
        for (int64_t t = l.frames; t < c->frames; t++)
            memset((char *)b->out + (size_t)((t * c->batch + i) * c->classes) * item, 0,
                   (size_t)c->classes * item);
        if (l.frames == 0)
            continue;
        size_t bytes;
        const bool fits = !__builtin_mul_overflow(l.frames + 2, l.states, &bytes) &&
                          !__builtin_add_overflow(bytes, (size_t)c->classes, &bytes) &&
                          !__builtin_mul_overflow(bytes, sizeof(double), &bytes);
        double *memory = fits ? tg__alloc(bytes) : NULL;
        if (memory == NULL) {
            atomic_store(&b->failed, true);
            return;
        }
        sample_grad(b, &l, memory);
        tg__free(memory, bytes);
    }
}

bool tg__ctc_loss(const tg__ctc *c, void *loss, uint64_t *bytes) {
    batch b = {.c = c, .out = loss};
    *bytes = (uint64_t)(2 * (2 * c->most_labels + 1)) * sizeof(double);
    tg__parallel_for(c->batch, 1, losses, &b);
    return !atomic_load(&b.failed);
}

bool tg__ctc_grad(const tg__ctc *c, const void *g, void *grad, uint64_t *bytes) {
    batch b = {.c = c, .g = g, .out = grad};
    *bytes = (uint64_t)((c->frames + 2) * (2 * c->most_labels + 1)) * sizeof(double);
    tg__parallel_for(c->batch, 1, grads, &b);
    return !atomic_load(&b.failed);
}
