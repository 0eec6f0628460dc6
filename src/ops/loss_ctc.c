/* loss_ctc.c - connectionist temporal classification.
 *
 * The loss and its gradient have kernels. The gradient is that with respect to the
 * log-probabilities as they are, minus the posterior of each class at each frame; PyTorch's adds
 * e^log_probs, which is right only where log_probs came from log_softmax (through log_softmax both
 * give the same). The gradient's own derivative is the covariance of a Markov chain, written in
 * recorded operations, a few dozen per frame: any further order follows from those. */
#include "base/alloc.h"
#include "base/options.h"
#include "kernels/ctc.h"
#include "ops/index.h"
#include "ops/loss.h"

typedef struct {
    int64_t blank;
    bool zero_infinity;
    int64_t reduction;
} ctc_attr;
/* Of the inner ops, which reduce nothing. */
static const tg__field each_fields[] = {
    {"blank", TG_ATTR_INT, offsetof(ctc_attr, blank), false, 0, 0},
    {"zero_infinity", TG_ATTR_BOOL, offsetof(ctc_attr, zero_infinity), false, 0, 0},
    {0}};
#define EACH .fields = each_fields, .attr_size = sizeof(ctc_attr)

/* ---- The inner ops: log_probs [T, N, C], labels [N, S], frame and label counts [N] ---- */

static const int64_t *integers(const tg_tensor *x) {
    return (const int64_t *)(const void *)x->data;
}

/* False with an error unless all entries of counts lie in [0, most]. */
static bool check_counts(const tg__call *c, int i, const tg_tensor *counts, int64_t most) {
    for (int64_t n = 0; n < counts->numel; n++) {
        int64_t value = integers(counts)[n];
        if (value >= 0 && value <= most)
            continue;
        tg__fail(TG_ERR_INDEX, c->op->name, "%s has %lld at position %lld; give 0 to %lld",
                 tg__input_name(c->op, i), (long long)value, (long long)n, (long long)most);
        return false;
    }
    return true;
}

static bool check_labels(const tg__call *c, const tg_tensor *labels, const tg_tensor *counts,
                         int64_t classes, int64_t blank) {
    int64_t most = labels->shape[1];
    for (int64_t n = 0; n < counts->numel; n++)
        for (int64_t s = 0; s < integers(counts)[n]; s++) {
            int64_t value = integers(labels)[n * most + s];
            if (value >= 0 && value < classes && value != blank)
                continue;
            tg__fail(TG_ERR_INDEX, c->op->name,
                     "label %lld of sample %lld is %lld; give 0 to %lld, except the blank %lld, or "
                     "a smaller target length",
                     (long long)s, (long long)n, (long long)value, (long long)classes - 1,
                     (long long)blank);
            return false;
        }
    return true;
}

/* Inputs `first`.. of a call, checked and packed; raw, to be given back by unpack. */
typedef struct {
    tg_tensor *logp, *labels, *frames, *counts;
    tg__ctc ctc;
} packed;
static void unpack(packed *p) {
    tg__unref(p->logp);
    tg__unref(p->labels);
    tg__unref(p->frames);
    tg__unref(p->counts);
}
static bool check_shapes(const tg__call *c, int first) {
    tg_tensor *const *in = c->in + first;
    const tg_tensor *x = in[0];
    bool fits = x->ndim == 3 && in[1]->ndim == 2 && in[2]->ndim == 1 && in[3]->ndim == 1;
    for (int i = 1; fits && i < 4; i++)
        fits = in[i]->shape[0] == x->shape[1] && in[i]->dtype == TG_I64;
    if (!fits)
        tg__fail(TG_ERR_SHAPE, c->op->name,
                 "give log_probs [T, N, C], and in i64 labels [N, S], frames [N], counts [N]");
    return fits && tg__float_only(c->op->name, x);
}
static bool pack(const tg__call *c, int first, packed *p) {
    const ctc_attr *a = c->attr;
    const char *op = c->op->name;
    tg_tensor *const *in = c->in + first;
    *p = (packed){0};
    if (!check_shapes(c, first))
        return false;
    tg_tensor *x = in[0];
    if (a->blank < 0 || a->blank >= x->shape[2]) {
        tg__fail(TG_ERR_INDEX, op, "blank is %lld for %s; give a class, 0 to %lld",
                 (long long)a->blank, tg__describe(x), (long long)x->shape[2] - 1);
        return false;
    }
    p->logp = tg__packed(op, x);
    p->labels = p->logp != NULL ? tg__packed(op, in[1]) : NULL;
    p->frames = p->labels != NULL ? tg__packed(op, in[2]) : NULL;
    p->counts = p->frames != NULL ? tg__packed(op, in[3]) : NULL;
    if (p->counts == NULL || !check_counts(c, first + 2, p->frames, x->shape[0]) ||
        !check_counts(c, first + 3, p->counts, in[1]->shape[1]) ||
        !check_labels(c, p->labels, p->counts, x->shape[2], a->blank)) {
        unpack(p);
        return false;
    }
    p->ctc = (tg__ctc){.dtype = (tg_dtype)x->dtype,
                       .frames = x->shape[0],
                       .batch = x->shape[1],
                       .classes = x->shape[2],
                       .most_labels = in[1]->shape[1],
                       .blank = a->blank,
                       .logp = p->logp->data,
                       .labels = integers(p->labels),
                       .frame_count = integers(p->frames),
                       .label_count = integers(p->counts),
                       .zero_infinity = a->zero_infinity};
    return true;
}

/* ---- ctc_each: the loss of each sample ---- */
static bool ctc_each_forward(const tg__call *c) {
    packed p;
    if (!pack(c, 0, &p))
        return false;
    uint64_t bytes;
    tg_tensor *y = tg__new(c->op->name, p.ctc.dtype, 1, &p.ctc.batch);
    if (y != NULL && !tg__ctc_loss(&p.ctc, y->data, &bytes)) {
        tg__fail_memory(c->op->name, bytes);
        tg__unref(y);
        y = NULL;
    }
    unpack(&p);
    c->out[0] = y;
    return y != NULL;
}
static void ctc_each_rule(tg__rule *r) {
    tg_tensor *in[5] = {r->g[0], r->in[0], r->in[1], r->in[2], r->in[3]};
    tg__apply(&tg__op_ctc_grad, in, 5, r->attr, &r->gin[0]);
}
TG_OP(ctc_each, .maths = "-ln(sum over alignments of prod of e^log_probs)",
      .inputs = "log_probs labels frames counts", .n_in = 4, .no_grad = 0xe, .flags = TG__INTERNAL,
      EACH, .forward = ctc_each_forward, .rule = ctc_each_rule,
      .saves = {TG__SAVE_IN(0, 1), TG__SAVE_IN(1, 1), TG__SAVE_IN(2, 1), TG__SAVE_IN(3, 1)},
      .onnx = {"none"});
TG_SAMPLES(ctc_each, "[4,2,3] i[2,2]<2 i[2]<5 i[2]<3 | blank=2 zero_infinity=1",
           "[5,1,3] i[1,3]<2 i[1]<6 i[1]<2 | blank=2 zero_infinity=1");

/* ---- ctc_grad: -g·posterior ---- */
static bool ctc_grad_forward(const tg__call *c) {
    packed p;
    tg_tensor *g = c->in[0];
    if (!pack(c, 1, &p))
        return false;
    if (g->ndim != 1 || g->shape[0] != p.ctc.batch || g->dtype != p.ctc.dtype) {
        tg__fail(TG_ERR_SHAPE, c->op->name, "g is %s for log_probs %s; give one per sequence",
                 tg__describe(g), tg__describe(c->in[1]));
        unpack(&p);
        return false;
    }
    uint64_t bytes;
    tg_tensor *each = tg__packed(c->op->name, g);
    tg_tensor *y = each != NULL ? tg__new(c->op->name, p.ctc.dtype, 3, c->in[1]->shape) : NULL;
    if (y != NULL && !tg__ctc_grad(&p.ctc, each->data, y->data, &bytes)) {
        tg__fail_memory(c->op->name, bytes);
        tg__unref(y);
        y = NULL;
    }
    tg__unref(each);
    unpack(&p);
    c->out[0] = y;
    return y != NULL;
}

/* ---- Its derivative: a Markov chain in recorded operations ----
 * With S = Σ_t h[t, π_t] over an alignment π, the derivative of Σ h·posterior with respect to
 * log_probs[t, c] is Cov(1{π_t = c}, S) = Σ_{s of class c} posterior[t, s]·(before + after - mean):
 * the expectations of S up to frame t and beyond it, given state s at t, and of all of it. They go
 * along with alpha and beta (kernels/ctc.c). */

/* What does not change from frame to frame; states are [N, L], L = 2S + 1. */
typedef struct {
    int64_t frames, batch, states;
    tg_tensor *classes;     /* [T, N, L] i64: the class that each state emits */
    tg_tensor *no_skip;     /* [N, L] bool: cannot be entered from two states before */
    tg_tensor *not_first;   /* [N, L] bool: an alignment cannot start there */
    tg_tensor *not_last;    /* [N, L] bool: it cannot end there */
    tg_tensor *frame_count; /* [N, 1] i64 */
    tg_tensor *emitted, *h; /* [T, N, L]: log_probs and h at the classes */
} chain;

/* Raw tensors of the states, handed to the rule's scope. */
static bool fill_chain(const tg_tensor *labels, const tg_tensor *counts, int64_t blank, chain *k) {
    int64_t shape[2] = {k->batch, k->states};
    tg_tensor *made[4];
    for (int i = 0; i < 4; i++) {
        made[i] = tg__give(tg__new("ctc_grad", i == 0 ? TG_I64 : TG_BOOL, 2, shape));
        if (made[i] == NULL)
            return false;
    }
    for (int64_t n = 0; n < k->batch; n++)
        for (int64_t s = 0; s < k->states; s++) {
            const int64_t *label = integers(labels) + n * labels->shape[1];
            int64_t last = 2 * integers(counts)[n];
            int64_t at = n * k->states + s;
            bool is_label = s % 2 == 1 && s < last;
            ((int64_t *)(void *)made[0]->data)[at] = is_label ? label[s / 2] : blank;
            made[1]->data[at] = !(is_label && s > 1 && label[s / 2] != label[s / 2 - 1]);
            made[2]->data[at] = s > 1 || s > last;
            made[3]->data[at] = !(s == last || s == last - 1);
        }
    k->classes = tg_expand(made[0], 3, (int64_t[]){k->frames, k->batch, k->states});
    k->no_skip = made[1];
    k->not_first = made[2];
    k->not_last = made[3];
    return k->classes != NULL;
}

/* x moved by n states up (from lower ones) or down, with `fill` where none comes. */
static tg_tensor *moved(tg_tensor *x, int64_t n, bool up, double fill) {
    int64_t states = x != NULL ? x->shape[1] : 0;
    n = n < states ? n : states;
    tg_tensor *gap = x != NULL ? tg_full((tg_dtype)x->dtype, TG_SHAPE(x->shape[0], n), fill) : NULL;
    tg_tensor *rest = tg_narrow(x, 1, up ? 0 : n, states - n);
    return tg_cat((tg_tensor *[]){up ? gap : rest, up ? rest : gap}, 2, 1);
}

/* One step along the chain: from a, the logarithms, and e, the expectations, of the states that
 * three ways lead in from. */
typedef struct {
    tg_tensor *a, *e;
} step;
static step joined(tg_tensor *const a[3], tg_tensor *const e[3]) {
    const double none = -__builtin_inf();
    tg_tensor *all = tg_stack(a, 3, 0);
    step s = {tg_logsumexp(all, TG_DIMS(0), false), NULL};
    /* Where no way leads in, all three shares are e^(-∞). */
    tg_tensor *safe = tg_masked_fill(s.a, tg_eq_scalar(s.a, none), 0.0);
    tg_tensor *share = tg_exp(tg_sub(all, safe));
    s.e = tg_sum(tg_mul(share, tg_stack(e, 3, 0)), TG_DIMS(0), false);
    return s;
}
static step forth(const chain *k, step from) {
    const double none = -__builtin_inf();
    tg_tensor *two = tg_masked_fill(moved(from.a, 2, true, none), k->no_skip, none);
    return joined((tg_tensor *[]){from.a, moved(from.a, 1, true, none), two},
                  (tg_tensor *[]){from.e, moved(from.e, 1, true, 0), moved(from.e, 2, true, 0)});
}
static step back(const chain *k, step from) {
    const double none = -__builtin_inf();
    tg_tensor *two = moved(tg_masked_fill(from.a, k->no_skip, none), 2, false, none);
    return joined((tg_tensor *[]){from.a, moved(from.a, 1, false, none), two},
                  (tg_tensor *[]){from.e, moved(from.e, 1, false, 0), moved(from.e, 2, false, 0)});
}

/* alpha and expectation of all frames, which stay as they were beyond a sample's last. */
static bool all_forth(const chain *k, step *at) {
    const double none = -__builtin_inf();
    for (int64_t t = 0; t < k->frames; t++) {
        tg_tensor *emitted = tg_select(k->emitted, 0, t);
        tg_tensor *h = tg_select(k->h, 0, t);
        if (t == 0) {
            at[0] = (step){tg_masked_fill(emitted, k->not_first, none), h};
            continue;
        }
        step next = forth(k, at[t - 1]);
        tg_tensor *runs = tg_gt_scalar(k->frame_count, (double)t);
        at[t].a = tg_where(runs, tg_add(next.a, emitted), at[t - 1].a);
        at[t].e = tg_where(runs, tg_add(next.e, h), at[t - 1].e);
        if (at[t].e == NULL)
            return false;
    }
    return at[0].a != NULL;
}

/* Posterior times deviation for all frames, [T, N, L]; each[] has room for T. */
static tg_tensor *all_back(const chain *k, const step *at, bool zero_infinity, tg_tensor **each) {
    const double none = -__builtin_inf();
    const step *last = &at[k->frames - 1];
    tg_tensor *ends = tg_masked_fill(last->a, k->not_last, none);
    tg_tensor *total = tg_logsumexp(ends, TG_DIMS(1), true); /* [N, 1] */
    tg_tensor *impossible = tg_eq_scalar(total, none);
    total = tg_masked_fill(total, impossible, 0.0);
    tg_tensor *mean = tg_sum(tg_mul(tg_exp(tg_sub(ends, total)), last->e), TG_DIMS(1), true);
    tg_tensor *final = tg_masked_fill(tg_zeros_like(last->a), k->not_last, none);
    step beta = {final, tg_zeros_like(last->a)};
    for (int64_t t = k->frames - 1; t >= 0; t--) {
        if (t < k->frames - 1) {
            step next = {tg_add(beta.a, tg_select(k->emitted, 0, t + 1)),
                         tg_add(beta.e, tg_select(k->h, 0, t + 1))};
            tg_tensor *runs = tg_gt_scalar(k->frame_count, (double)(t + 1));
            next = back(k, next);
            beta.a = tg_where(runs, next.a, final);
            beta.e = tg_masked_fill(next.e, tg_logical_not(runs), 0.0);
        }
        tg_tensor *posterior = tg_exp(tg_sub(tg_add(at[t].a, beta.a), total));
        tg_tensor *deviation = tg_sub(tg_add(at[t].e, beta.e), mean);
        tg_tensor *y = tg_masked_fill(tg_mul(posterior, deviation), impossible,
                                      zero_infinity ? 0.0 : (double)__builtin_nanf(""));
        each[t] = tg_masked_fill(y, tg_le_scalar(k->frame_count, (double)t), 0.0);
        if (each[t] == NULL)
            return NULL;
    }
    return tg_stack(each, (int)k->frames, 0);
}

/* Cov(1{π_t = c}, S) for all t and c. */
static tg_tensor *covariance(tg_tensor *x, tg_tensor *labels, tg_tensor *frames, tg_tensor *counts,
                             tg_tensor *h, const ctc_attr *a) {
    chain k = {.frames = x->shape[0], .batch = x->shape[1], .states = 2 * labels->shape[1] + 1};
    tg_tensor *zeros = tg_zeros_like(x);
    labels = tg_contiguous(labels);
    counts = tg_contiguous(counts);
    if (k.frames == 0 || k.batch == 0)
        return zeros;
    if (labels == NULL || counts == NULL || !fill_chain(labels, counts, a->blank, &k))
        return NULL;
    k.frame_count = tg_unsqueeze(frames, 1);
    k.emitted = tg_gather(x, 2, k.classes);
    k.h = tg_gather(h, 2, k.classes);
    if (k.h == NULL)
        return NULL;
    size_t bytes = (size_t)k.frames * (sizeof(step) + sizeof(tg_tensor *));
    step *at = tg__alloc(bytes);
    if (at == NULL) {
        tg__fail_memory("ctc_grad", bytes);
        return NULL;
    }
    tg_tensor *each = all_forth(&k, at) ? all_back(&k, at, a->zero_infinity,
                                                   (tg_tensor **)(void *)(at + k.frames))
                                        : NULL;
    tg__free(at, bytes);
    return tg_scatter_add(zeros, 2, k.classes, each);
}

static void ctc_grad_rule(tg__rule *r) {
    tg_tensor *h = r->g[0];
    tg_tensor *g = r->in[0];
    tg_tensor *x = r->in[1];
    if (r->wanted[0]) {
        tg_tensor *in[5] = {tg_ones((tg_dtype)x->dtype, 1, &x->shape[1]), x, r->in[2], r->in[3],
                            r->in[4]};
        tg_tensor *unit;
        if (in[0] != NULL && tg__apply(&tg__op_ctc_grad, in, 5, r->attr, &unit))
            r->gin[0] = tg_sum(tg_mul(h, unit), TG_DIMS(0, 2), false);
    }
    if (r->wanted[1]) {
        tg_tensor *cov = covariance(x, r->in[2], r->in[3], r->in[4], h, r->attr);
        r->gin[1] = tg_mul(cov, tg_neg(tg_unsqueeze(g, -1)));
    }
}
TG_OP(ctc_grad, .maths = "-g * posterior of each class at each frame",
      .inputs = "g log_probs labels frames counts", .n_in = 5, .no_grad = 0x1c,
      .flags = TG__INTERNAL, EACH, .forward = ctc_grad_forward, .rule = ctc_grad_rule,
      .saves = {TG__SAVE_IN(0, 2), TG__SAVE_IN(1, TG__ANY), TG__SAVE_IN(2, TG__ANY),
                TG__SAVE_IN(3, TG__ANY), TG__SAVE_IN(4, TG__ANY)},
      .onnx = {"none"});
TG_SAMPLES(ctc_grad, "[2] [4,2,3] i[2,2]<2 i[2]<5 i[2]<3 | blank=2 zero_infinity=1",
           "[1] [3,1,3] i[1,1]<2 i[1]<4 i[1]<2 | blank=2 zero_infinity=1");

/* ---- ctc_loss: of [T, N, C] or [T, C], in all the forms that targets come in ---- */

/* Counts [N] of i64 from a tensor of N elements, or all `most` without one. */
static tg_tensor *counts_of(const tg__call *c, int i, int64_t batch, int64_t most) {
    tg_tensor *x = c->in[i];
    if (x->flags & TG__IS_NONE)
        return tg_full(TG_I64, TG_SHAPE(batch), (double)most);
    if (!tg__is_index(x)) {
        tg__refuse_dtype("ctc_loss", x, "lengths of i64 or i32");
        return NULL;
    }
    if (x->numel != batch || x->ndim > 1) {
        tg__fail(TG_ERR_SHAPE, "ctc_loss", "%s is %s; give one length for each of %lld samples",
                 tg__input_name(c->op, i), tg__describe(x), (long long)batch);
        return NULL;
    }
    return tg_contiguous(tg_reshape(tg_cast(x, TG_I64), TG_SHAPE(batch)));
}

/* Labels that stand one after the other, as [N, S]. */
static tg_tensor *padded(tg_tensor *targets, const tg_tensor *counts) {
    int64_t most = 0;
    int64_t sum = 0;
    for (int64_t n = 0; n < counts->numel; n++) {
        int64_t some = integers(counts)[n];
        if (some < 0 || some > targets->numel - sum) {
            tg__fail(TG_ERR_INDEX, "ctc_loss",
                     "target_lengths has %lld at position %lld; they are not negative and add up "
                     "to at most the %lld of targets",
                     (long long)some, (long long)n, (long long)targets->numel);
            return NULL;
        }
        sum += some;
        most = some > most ? some : most;
    }
    tg_tensor *y = tg_zeros(TG_I64, TG_SHAPE(counts->numel, most));
    for (int64_t n = 0, from = 0; y != NULL && n < counts->numel; n++)
        for (int64_t s = 0; s < integers(counts)[n]; s++)
            ((int64_t *)(void *)y->data)[n * most + s] = integers(targets)[from++];
    return y;
}

/* targets and lengths in the form of the inner ops; false with an error. */
static bool prepared(const tg__call *c, tg_tensor **in) {
    tg_tensor *x = c->in[0];
    tg_tensor *targets = c->in[1];
    if (!tg__float_only("ctc_loss", x))
        return false;
    if (!tg__is_index(targets)) {
        tg__refuse_dtype("ctc_loss", targets, "targets of i64 or i32");
        return false;
    }
    bool single = x->ndim == 2;
    int64_t batch = single ? 1 : x->ndim == 3 ? x->shape[1] : 0;
    bool in_rows = targets->ndim == 2 && targets->shape[0] == batch && !single;
    bool in_line = targets->ndim == 1 && (single || !(c->in[3]->flags & TG__IS_NONE));
    if (x->ndim < 2 || x->ndim > 3 || (!in_rows && !in_line)) {
        tg__fail(TG_ERR_SHAPE, "ctc_loss",
                 "log_probs is %s and targets is %s; give log_probs [T, N, C] with targets [N, S], "
                 "or one after the other with target_lengths, or [T, C] with [S]",
                 tg__describe(x), tg__describe(targets));
        return false;
    }
    in[0] = single ? tg_unsqueeze(x, 1) : x;
    in[1] = tg_contiguous(tg_cast(targets, TG_I64));
    in[2] = counts_of(c, 2, batch, x->shape[0]);
    in[3] = in[2] != NULL ? counts_of(c, 3, batch, targets->shape[targets->ndim - 1]) : NULL;
    if (in[1] != NULL && in[3] != NULL && in_line)
        in[1] = padded(in[1], in[3]);
    return in[0] != NULL && in[1] != NULL && in[3] != NULL;
}

static bool ctc_loss_forward(const tg__call *c) {
    const ctc_attr *a = c->attr;
    tg_tensor *in[4];
    tg_tensor *each;
    if (!tg__loss_reduction("ctc_loss", a->reduction) || !prepared(c, in) ||
        !tg__apply(&tg__op_ctc_each, in, 4, a, &each))
        return false;
    if (a->reduction == TG_REDUCE_MEAN) {
        tg_tensor *counts = tg_clamp(tg_cast(in[3], (tg_dtype)each->dtype), 1.0, __builtin_inf());
        each = tg_div(each, counts);
    } else if (a->reduction == TG_REDUCE_NONE && c->in[0]->ndim == 2) {
        each = tg_reshape(each, TG_0D);
    }
    c->out[0] = tg__loss_reduced(each, a->reduction);
    return c->out[0] != NULL;
}
static const tg__field ctc_fields[] = {
    {"blank", TG_ATTR_INT, offsetof(ctc_attr, blank), false, 0, 0},
    {"reduction", TG_ATTR_INT, offsetof(ctc_attr, reduction), false, TG_REDUCE_MEAN, 0},
    {"zero_infinity", TG_ATTR_BOOL, offsetof(ctc_attr, zero_infinity), false, 0, 0},
    {0}};
TG_OP(ctc_loss, .maths = "-ln(sum over alignments of prod of e^log_probs)",
      .inputs = "log_probs targets input_lengths target_lengths", .n_in = 4, .n_optional = 2,
      .no_grad = 0xe, .flags = TG__COMPOSED, .fields = ctc_fields, .attr_size = sizeof(ctc_attr),
      .forward = ctc_loss_forward, .onnx = {"none"});
TG_SAMPLES(ctc_loss, "[5,2,3] i[2,2]<2 none none | blank=2",
           "[5,2,3] i[2,2]<2 none i[2]<3 | blank=2 reduction=0",
           "[5,2,3] i[2,2]<2 i[2]<6 i[2]<3 | blank=2 zero_infinity=1 reduction=2",
           "[4,3] i[1]<2 none none | blank=2 reduction=0");
tg_tensor *tg_ctc_loss(tg_tensor *log_probs, tg_tensor *targets, tg_tensor *input_lengths,
                       tg_tensor *target_lengths, const tg_ctc_loss_options *options) {
    tg_ctc_loss_options o = TG_CTC_LOSS_OPTIONS_INIT;
    if (tg__options("ctc_loss", "tg_ctc_loss_options", "TG_CTC_LOSS_OPTIONS_INIT", options, &o,
                    sizeof o) != TG_OK)
        return NULL;
    ctc_attr a = {o.blank, o.zero_infinity, o.reduction};
    tg_tensor *in[4] = {log_probs, targets, input_lengths, target_lengths};
    tg_tensor *out;
    return tg__apply(&tg__op_ctc_loss, in, 4, &a, &out) ? out : NULL;
}
