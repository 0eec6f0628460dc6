/* backward.c - tg_backward and tg_gradients: what goes into a walk and what comes out. */
#include "autograd/walk.h"

#include "base/options.h"

#include <tensorgrad/autograd.h>

#include <string.h>

static bool check_list(const char *op, const char *what, tg_tensor *const *list, int n) {
    if (n <= 0 || list == NULL) {
        tg__fail(TG_ERR_ARG, op, "%d %s at %s; pass at least one", n, what,
                 list == NULL ? "NULL" : "the list");
        return false;
    }
    for (int i = 0; i < n; i++)
        if (!tg__required(op, what, list[i]))
            return false;
    return true;
}

static bool check_roots(const char *op, tg_tensor *const *roots, int n) {
    if (!check_list(op, "roots", roots, n))
        return false;
    for (int i = 0; i < n; i++)
        if (!(roots[i]->flags & TG__REQUIRES_GRAD)) {
            tg__fail(TG_ERR_STATE, op,
                     "root %d (%s) does not require gradients and no recorded operation made it; "
                     "call tg_requires_grad_ on a leaf it is made from, with recording on",
                     i, tg__describe(roots[i]));
            return false;
        }
    return true;
}

/* The seed of root i: NULL for ones. */
static bool seed_all(tg__walk *w, tg_tensor *const *roots, int n, tg_tensor *const *grads) {
    for (int i = 0; i < n; i++) {
        tg_tensor *g = grads != NULL ? grads[i] : &tg__none_tensor;
        if (g == NULL) {
            tg__fail_null(w->op, "grad_outputs");
            return false;
        }
        if (!tg__walk_seed(w, roots[i], g->flags & TG__IS_NONE ? NULL : g, i))
            return false;
    }
    return true;
}

/* ---- tg_backward ---- */

/* Makes every staged gradient one that a leaf may own: dense and shared with nobody. */
static bool prepare(tg__walk *w) {
    for (uint32_t i = 0; i < w->s->n_target; i++) {
        tg_tensor *g = w->s->target[i].grad;
        if (g == NULL || (tg__exclusive(g) && (g->flags & TG__CONTIGUOUS) && g->node == NULL))
            continue;
        tg_tensor *own = tg__new(w->op, (tg_dtype)g->dtype, g->ndim, g->shape);
        if (own == NULL)
            return false;
        tg__pack(g, own->data);
        w->s->target[i].grad = own;
        tg__unref(g);
    }
    return true;
}

static tg__leaf *leaf_of(const tg__target *t) {
    if (t->out_nr == TG__RETAIN_EDGE)
        return t->target;
    const tg_tensor *x = t->target;
    return x->leaf;
}

/* Cannot fail: the leaf's struct exists and adding allocates nothing. */
static void commit(tg__walk *w) {
    for (uint32_t i = 0; i < w->s->n_target; i++) {
        tg__target *t = &w->s->target[i];
        if (t->grad == NULL)
            continue;
        tg__leaf *leaf = leaf_of(t);
        t->due = TG__COMMITTED;
        tg__leaf_lock(leaf);
        if (leaf->grad == NULL) {
            t->grad->flags &= (uint8_t)~TG__IS_VIEW;
            atomic_store_explicit(&t->grad->attached, 1, memory_order_relaxed);
            leaf->grad = t->grad;
            t->grad = NULL;
        } else {
            tg__accumulate(leaf->grad, t->grad);
            tg__bump(leaf->grad, TG__OP_add);
        }
        tg__leaf_unlock(leaf);
    }
}

/* The hooks that follow the commit, as without recording. The graph is free by now. */
static bool follow(tg__walk *w) {
    if (atomic_load_explicit(&tg__accumulated_hooks, memory_order_relaxed) == 0)
        return true;
    tg__walk_leave(w);
    bool was = tg__grad_off();
    bool good = true;
    for (uint32_t i = 0; good && i < w->s->n_target; i++) {
        const tg__target *t = &w->s->target[i];
        if (t->due == TG__COMMITTED && t->out_nr == TG__LEAF_EDGE)
            good = tg__hooks_follow(w->op, t->target);
    }
    tg__grad_back(was);
    return good;
}

static bool options_for_backward(const tg_backward_options *given, tg_backward_options *o) {
    return tg__options("backward", "tg_backward_options", "TG_BACKWARD_OPTIONS_INIT", given, o,
                       sizeof *o) == TG_OK;
}

tg_status tg_backward_ex(tg_tensor *const *roots, int n_roots, const tg_backward_options *options) {
    tg_status gate = tg__gate(tg__self());
    if (gate != TG_OK)
        return gate;
    tg_backward_options o = TG_BACKWARD_OPTIONS_INIT;
    tg__walk w = {0};
    if (!check_roots("backward", roots, n_roots) || !options_for_backward(options, &o) ||
        !tg__walk_begin(&w, "backward"))
        return tg_error_status();
    w.retain = o.retain_graph;
    bool hooked = atomic_load_explicit(&tg__leaf_hooks, memory_order_relaxed) > 0;
    bool good = (!hooked || tg__walk_discover(&w, roots, n_roots)) &&
                seed_all(&w, roots, n_roots, o.grad_outputs) && tg__walk_run(&w) && prepare(&w);
    if (good) {
        commit(&w);
        good = follow(&w);
    }
    tg__walk_end(&w);
    return good ? TG_OK : tg_error_status();
}

tg_status tg_backward(tg_tensor *root) { return tg_backward_ex(&root, 1, NULL); }

/* ---- tg_gradients ---- */

static bool check_inputs(tg_tensor *const *inputs, int n) {
    if (!check_list("gradients", "inputs", inputs, n))
        return false;
    for (int i = 0; i < n; i++)
        if (!(inputs[i]->flags & TG__REQUIRES_GRAD)) {
            tg__fail(
                TG_ERR_STATE, "gradients",
                "input %d (%s) does not require gradients; call tg_requires_grad_ on it before "
                "the computation",
                i, tg__describe(inputs[i]));
            return false;
        }
    return true;
}

static tg__target *target_of(tg__walk *w, tg_tensor *x, bool add) {
    if (x->node == NULL)
        return tg__walk_target(w, x, TG__LEAF_EDGE, add);
    return tg__walk_target(w, x->node, x->out_nr, add);
}

/* A leaf that came straight through, as a result that leads back to it. Raw. */
static tg_tensor *behind_leaf(tg_tensor *leaf) {
    tg_scope s = tg_scope_open();
    tg_set_grad_enabled(true);
    tg_tensor *y = tg__apply1(&tg__op_contiguous, leaf, NULL);
    tg__take(y);
    (void)!tg_scope_close(s); /* which restores the mode */
    return y;
}

/* A header of its own for each result, sharing memory and history. Raw. */
static tg_tensor *own_header(tg_tensor *g) {
    if ((atomic_load_explicit(&g->refs, memory_order_acquire) & TG__ALL_REFS) == 1) {
        tg__ref(g);
        return g;
    }
    tg_tensor *y = tg__alias("gradients", g);
    if (y == NULL)
        return NULL;
    y->epoch = UINT32_MAX;
    if (g->node != NULL) {
        tg__node_ref(g->node);
        tg__node_attach(g->node, y, g->out_nr);
    }
    return y;
}

static bool unused(int i, tg_tensor *const *inputs) {
    tg__fail(
        TG_ERR_STATE, "gradients",
        "no output depends on input %d (%s); leave it out, or set allow_unused to get NULL for "
        "it",
        i, tg__describe(inputs[i]));
    return false;
}

/* Fills out[] with raw tensors. */
static bool results(tg__walk *w, tg_tensor *const *inputs, int n, bool allow_unused,
                    tg_tensor **out) {
    for (int i = 0; i < n; i++) {
        tg__target *t = target_of(w, inputs[i], false);
        if (t == NULL || t->grad == NULL) {
            if (!allow_unused)
                return unused(i, inputs);
            continue;
        }
        tg_tensor *g = t->grad;
        if (!(g->flags & TG__REQUIRES_GRAD)) {
            out[i] = own_header(g);
        } else if (!w->create) { /* a seed with history passed straight through */
            out[i] = tg__alias("gradients", g);
            if (out[i] != NULL)
                out[i]->epoch = UINT32_MAX;
        } else {
            out[i] = g->node != NULL ? own_header(g) : behind_leaf(g);
        }
        if (out[i] == NULL)
            return false;
    }
    return true;
}

static bool compute(tg__walk *w, tg_tensor *const *outputs, int n_outputs, tg_tensor *const *inputs,
                    int n_inputs, const tg_gradients_options *o, tg_tensor **out) {
    for (int i = 0; i < n_inputs; i++)
        if (target_of(w, inputs[i], true) == NULL)
            return false;
    tg__thread *t = tg__self();
    bool was = t->grad_on;
    t->grad_on = w->create;
    bool good = tg__walk_prune(w, outputs, n_outputs) &&
                seed_all(w, outputs, n_outputs, o->grad_outputs) && tg__walk_run(w);
    t->grad_on = was;
    return good && results(w, inputs, n_inputs, o->allow_unused, out) &&
           tg__reserve("gradients", (uint32_t)n_inputs);
}

static bool options_for_gradients(const tg_gradients_options *given, tg_gradients_options *o) {
    return tg__options("gradients", "tg_gradients_options", "TG_GRADIENTS_OPTIONS_INIT", given, o,
                       sizeof *o) == TG_OK;
}

tg_status tg_gradients(tg_tensor *const *outputs, int n_outputs, tg_tensor *const *inputs,
                       int n_inputs, const tg_gradients_options *options, tg_tensor **out) {
    if (out == NULL)
        return tg__fail(TG_ERR_ARG, "gradients", "out is NULL; pass room for %d tensors", n_inputs);
    for (int i = 0; i < n_inputs; i++)
        out[i] = NULL;
    tg_status gate = tg__gate(tg__self());
    if (gate != TG_OK)
        return gate;
    tg_gradients_options o = TG_GRADIENTS_OPTIONS_INIT;
    tg__walk w = {0};
    if (!check_roots("gradients", outputs, n_outputs) || !check_inputs(inputs, n_inputs) ||
        !options_for_gradients(options, &o) || !tg__walk_begin(&w, "gradients"))
        return tg_error_status();
    w.create = o.create_graph;
    w.retain = o.retain_graph || o.create_graph;
    for (int i = 0; i < n_inputs; i++) /* deleters run during the walk */
        tg__ref(inputs[i]);
    bool good = compute(&w, outputs, n_outputs, inputs, n_inputs, &o, out);
    tg__walk_end(&w);
    for (int i = 0; i < n_inputs; i++) {
        tg__unref(inputs[i]);
        if (!good) {
            tg__unref(out[i]);
            out[i] = NULL;
        } else {
            out[i] = tg__give(out[i]); /* room was reserved */
        }
    }
    return good ? TG_OK : tg_error_status();
}
