/* watch.c - calls of operations while the thread has a trace or a profile open.
 *
 * A thread without one has no watch, which is the one branch that tg__apply, tg__apply_ and the
 * walk pay. With one they come here, and from here back to the same functions with `through` set,
 * so the operation runs as ever. Operations inside operations come here too: the profile counts
 * them, the trace does not, because the one that the program called stands for its parts. */
#include "autograd/watch.h"

/* A failing operation says itself what is wrong with its inputs. */
static bool all_alive(tg_tensor *const *in, int n_in) {
    for (int i = 0; i < n_in; i++)
        if (in[i] == NULL || in[i]->magic != TG__MAGIC)
            return false;
    return true;
}

bool tg__watch_begin(tg__watching *c, const tg__op *op, tg_tensor *const *in, int n_in,
                     const void *attr, int n_out, bool in_place) {
    tg__watch *w = tg__self()->watch;
    c->watch = w;
    c->traced = w->trace != NULL && w->depth == 0 && all_alive(in, n_in);
    if (c->traced && !tg__trace_before(w->trace, op, in, n_in, attr, n_out, in_place))
        return false;
    if (w->profile != NULL)
        tg__profile_enter(w->profile, &c->span, NULL);
    w->depth++;
    return true;
}

void tg__watch_end(const tg__watching *c, const tg__op *op, tg_tensor *const *in, int n_in,
                   tg_tensor *const *out, int n_out) {
    tg__watch *w = c->watch;
    w->depth--;
    if (w->profile != NULL)
        tg__profile_leave(w->profile, &c->span, op, in, n_in, out, n_out);
    if (c->traced)
        tg__trace_after(w->trace, out, n_out);
}

bool tg__watched(const tg__op *op, tg_tensor *const *in, int n_in, const void *attr,
                 tg_tensor **out) {
    tg__watching c;
    int n_out = tg__n_out(op);
    if (!tg__watch_begin(&c, op, in, n_in, attr, n_out, false)) {
        for (int k = 0; k < n_out; k++)
            out[k] = NULL;
        return false;
    }
    c.watch->through = true;
    bool good = tg__apply(op, in, n_in, attr, out);
    tg__watch_end(&c, op, in, n_in, out, good ? n_out : 0);
    return good;
}

tg_tensor *tg__watched_(const tg__op *op, tg_tensor *const *in, int n_in, const void *attr) {
    tg__watching c;
    if (!tg__watch_begin(&c, op, in, n_in, attr, 1, true))
        return NULL;
    c.watch->through = true;
    tg_tensor *x = tg__apply_(op, in, n_in, attr);
    tg__watch_end(&c, op, in, n_in, &x, x != NULL ? 1 : 0);
    return x;
}

bool tg__watched_rule(tg__walk *walk, tg__node *n, bool (*run)(tg__walk *w, tg__node *n)) {
    tg__watch *w = tg__self()->watch;
    tg__span span;
    if (w->profile != NULL)
        tg__profile_enter(w->profile, &span, n->op);
    w->depth++;
    bool good = run(walk, n);
    w->depth--;
    if (w->profile != NULL)
        tg__profile_leave(w->profile, &span, n->op, NULL, 0, NULL, 0);
    return good;
}

/* ---- Opening and closing ---- */

static void thread_ends(tg__thread *t) {
    tg__watch *w = t->watch;
    if (w == NULL)
        return;
    if (w->trace != NULL)
        tg__trace_orphan(w->trace);
    if (w->profile != NULL)
        tg__profile_orphan(w->profile);
    t->watch = NULL;
    tg__free(w, sizeof *w);
}

tg__watch *tg__watch_open(const char *what) {
    tg__thread *t = tg__self();
    tg__watch *w = t->watch;
    if (w != NULL && w->depth > 0) {
        tg__fail(TG_ERR_STATE, what, "called inside an operation or a backward; call it outside");
        return NULL;
    }
    if (w != NULL)
        return w;
    w = t->usable ? tg__alloc_zero(sizeof *w) : NULL;
    if (w == NULL) {
        tg__fail_memory(what, sizeof *w);
        return NULL;
    }
    t->watch = w;
    t->watch_free = thread_ends;
    return w;
}

void tg__watch_close(void) {
    tg__thread *t = tg__self();
    tg__watch *w = t->watch;
    if (w == NULL || w->trace != NULL || w->profile != NULL)
        return;
    t->watch = NULL;
    tg__free(w, sizeof *w);
}
