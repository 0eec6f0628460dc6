/* anomaly.c - where the first NaN or infinity of a gradient comes from.
 *
 * Under anomaly mode a node remembers its operands and the call stack it was recorded under, and a
 * walk looks at every gradient that a rule gives before it goes anywhere. So what is reported is
 * the first that went wrong: all that the rule was given was finite. Elements are judged by their
 * bits; nothing is converted. */
#include "autograd/walk.h"

#include <tensorgrad/hooks.h>

#include <stdio.h>
#include <string.h>

bool tg_set_anomaly_enabled(bool on) {
    tg__thread *t = tg__self();
    bool was = t->anomaly_on;
    if (t->usable)
        t->anomaly_on = on;
    return was;
}

bool tg_anomaly_enabled(void) { return tg__self()->anomaly_on; }

/* ---- What a recording remembers ---- */

static void list_inputs(const tg__node *node, tg_tensor *const *in, char *text, size_t cap) {
    size_t used = 0;
    for (uint32_t i = 0; i < node->n_in && used + 8 < cap; i++) {
        const char *what = in[i]->flags & TG__IS_NONE ? "none" : tg__describe(in[i]);
        int n = snprintf(text + used, cap - used, "%s%s %s", i > 0 ? ", " : "",
                         tg__input_name(node->op, (int)i), what);
        if (n < 0 || (size_t)n >= cap - used) { /* whole operands only */
            snprintf(text + used, cap - used, "%s", i > 0 ? ", ..." : "");
            return;
        }
        used += (size_t)n;
    }
}

bool tg__origin_note(tg__node *node, tg_tensor *const *in) {
    tg__extra *x = tg__extra_make(node->op->name, node);
    if (x == NULL)
        return false;
    x->origin = tg__alloc_zero(sizeof *x->origin);
    if (x->origin == NULL) {
        tg__fail_memory(node->op->name, sizeof *x->origin);
        return false;
    }
    tg__site_here(&x->origin->site);
    list_inputs(node, in, x->origin->inputs, sizeof x->origin->inputs);
    return true;
}

/* By the time an operation runs, the sites of the calls that made its operands have come and gone:
 * the macros of sites.h name its result afterwards. */
void tg__node_sited(tg__node *node, const char *file, int line) {
    tg__extra *x = tg__extra_of(node);
    if (x == NULL || x->origin == NULL || file == NULL)
        return;
    x->origin->site.file = file;
    x->origin->site.line = line;
}

/* ---- Looking ---- */

/* 0: finite, 1: an infinity, 2: a NaN. */
static int kind(unsigned dtype, const char *at) {
    uint64_t bits;
    uint32_t bits32;
    uint16_t bits16;
    uint64_t exponent;
    uint64_t mantissa;
    switch (dtype) {
    case TG_F64:
        memcpy(&bits, at, sizeof bits);
        exponent = (uint64_t)0x7ff << 52;
        mantissa = ((uint64_t)1 << 52) - 1;
        break;
    case TG_F32:
        memcpy(&bits32, at, sizeof bits32);
        bits = bits32;
        exponent = 0x7f800000;
        mantissa = 0x7fffff;
        break;
    default:
        memcpy(&bits16, at, sizeof bits16);
        bits = bits16;
        exponent = dtype == TG_F16 ? 0x7c00 : 0x7f80;
        mantissa = dtype == TG_F16 ? 0x3ff : 0x7f;
        break;
    }
    if ((bits & exponent) != exponent)
        return 0;
    return (bits & mantissa) != 0 ? 2 : 1;
}

/* The kind of the first element that is not finite, row-major, and its index; 0: there is none. */
static int find(const tg_tensor *g, int64_t *index) {
    if (!tg_dtype_is_float((tg_dtype)g->dtype))
        return 0;
    const int64_t item = (int64_t)tg__item_size(g->dtype);
    const char *at = g->data;
    for (int d = 0; d < g->ndim; d++)
        index[d] = 0;
    for (int64_t i = 0; i < g->numel; i++) {
        int k = kind(g->dtype, at);
        if (k != 0)
            return k;
        for (int d = g->ndim - 1; d >= 0; d--) { /* the next element */
            at += g->stride[d] * item;
            if (++index[d] < g->shape[d])
                break;
            at -= index[d] * g->stride[d] * item;
            index[d] = 0;
        }
    }
    return 0;
}

static const char *kind_name(int k) { return k == 2 ? "NaN" : "infinity"; }

/* ---- Saying ---- */

bool tg__anomaly_input(const tg__walk *w, const tg__node *n, uint32_t i, const tg_tensor *g) {
    int64_t index[TG_MAX_DIMS];
    int k = find(g, index);
    if (k == 0)
        return true;
    const tg__extra *x = tg__extra_of(n);
    char site[TG__SITE_BYTES / 2] = "";
    if (x != NULL && x->origin != NULL)
        tg__site_text(&x->origin->site, site, sizeof site);
    tg__fail(TG_ERR_NUMERIC, w->op,
             "the gradient of %s for its input %s (%s) has the first %s, at %s; what came from its "
             "result was finite",
             tg__node_called(n), tg__input_name(n->op, (int)i), tg__describe(g), kind_name(k),
             tg__describe_shape(g->ndim, index));
    if (site[0] != '\0')
        tg__fail_add(". It was called with %s, at %s: look at the values there", x->origin->inputs,
                     site);
    else
        tg__fail_add(
            ". Turn anomaly mode on before the operation is recorded to learn its operands "
            "and where it was called");
    return false;
}

bool tg__anomaly_arrived(const tg__walk *w, const tg__node *n) {
    int64_t index[TG_MAX_DIMS];
    for (int k = 0; k < n->n_out; k++) {
        int found = n->g[k] != NULL ? find(n->g[k], index) : 0;
        if (found == 0)
            continue;
        tg__fail(TG_ERR_NUMERIC, w->op,
                 "the gradients that reach the result of %s%s (%s) are finite, and their sum has "
                 "the first %s, at %s; scale the loss down",
                 tg__node_called(n), tg__node_where(n), tg__describe(n->g[k]), kind_name(found),
                 tg__describe_shape(n->g[k]->ndim, index));
        return false;
    }
    return true;
}

bool tg__anomaly_targets(const tg__walk *w) {
    int64_t index[TG_MAX_DIMS];
    for (uint32_t i = 0; i < w->s->n_target; i++) {
        const tg__target *t = &w->s->target[i];
        int found = t->grad != NULL ? find(t->grad, index) : 0;
        if (found == 0)
            continue;
        const tg_tensor *leaf = t->out_nr == TG__LEAF_EDGE ? t->target : t->grad;
        tg__fail(TG_ERR_NUMERIC, w->op,
                 "the gradients that reach %s are finite, and their sum has the first %s, at %s; "
                 "scale the loss down",
                 tg__describe(leaf), kind_name(found), tg__describe_shape(t->grad->ndim, index));
        return false;
    }
    return true;
}

bool tg__anomaly_value(const tg__walk *w, const tg_tensor *g, const char *what) {
    int64_t index[TG_MAX_DIMS];
    int k = find(g, index);
    if (k == 0)
        return true;
    tg__fail(TG_ERR_NUMERIC, w->op, "%s (%s) has a %s at %s; anomaly mode wants it finite", what,
             tg__describe(g), kind_name(k), tg__describe_shape(g->ndim, index));
    return false;
}
