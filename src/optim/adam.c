/* adam.c - Adam (Kingma & Ba 2015) and its AMSGrad variant.
 *
 * The arithmetic is the operation tg_adam_step_. The moments of a parameter are made, as zeros, at
 * its first step with a gradient. Each parameter counts its own steps, and only those that
 * succeeded, so one that is skipped for a while keeps its bias correction right. */
#include "optim/optimizer.h"

#include "base/error.h"
#include "base/options.h"

/* State per parameter; every array has n entries. */
typedef struct {
    tg_adam_options options;
    int n;
    tg_tensor **m, **v, **max_v; /* held; TG_NONE: not made yet */
    int64_t *steps;              /* taken */
    int64_t *next;               /* numbers of the step being taken */
} adam;

static tg_status make_zeros(int n, tg_tensor *const *params, tg_tensor *const *grads,
                            tg_tensor **state) {
    for (int i = 0; i < n; i++) {
        if (tg_is_none(grads[i]) || !tg_is_none(state[i]))
            continue;
        tg_tensor *fresh = tg_zeros_like(params[i]);
        if (fresh == NULL)
            return tg_error_status();
        state[i] = tg_hold(fresh);
    }
    return TG_OK;
}

static tg_status step(void *self, tg_tensor *const *params, tg_tensor *const *grads, int n) {
    adam *a = self;
    tg_status status = make_zeros(n, params, grads, a->m);
    if (status == TG_OK)
        status = make_zeros(n, params, grads, a->v);
    if (status == TG_OK && a->options.amsgrad)
        status = make_zeros(n, params, grads, a->max_v);
    for (int i = 0; i < n; i++)
        a->next[i] = a->steps[i] + 1;
    if (status == TG_OK)
        status = tg_adam_step_(params, grads, a->m, a->v, a->options.amsgrad ? a->max_v : NULL,
                               a->next, n, &a->options);
    for (int i = 0; i < n && status == TG_OK; i++)
        if (!tg_is_none(grads[i]))
            a->steps[i] = a->next[i];
    return status;
}

static void free_states(tg_tensor **state, int n) {
    if (state != NULL)
        for (int i = 0; i < n; i++)
            tg_unhold(state[i]);
    tg__free(state, (size_t)n * sizeof *state);
}

static void destroy(void *self) {
    adam *a = self;
    free_states(a->m, a->n);
    free_states(a->v, a->n);
    free_states(a->max_v, a->n);
    tg__free(a->steps, (size_t)a->n * sizeof *a->steps);
    tg__free(a->next, (size_t)a->n * sizeof *a->next);
}

static double get_lr(const void *self) { return ((const adam *)self)->options.lr; }

static tg_status set_lr(void *self, double lr) {
    tg_status status = tg__check_not_negative("adam", "lr", lr);
    if (status == TG_OK)
        ((adam *)self)->options.lr = lr;
    return status;
}

static tg_status check(const tg_adam_options *o) {
    tg_status status = tg__check_not_negative("adam", "lr", o->lr);
    if (status == TG_OK)
        status = tg__check_fraction("adam", "beta1", o->beta1);
    if (status == TG_OK)
        status = tg__check_fraction("adam", "beta2", o->beta2);
    if (status == TG_OK)
        status = tg__check_not_negative("adam", "eps", o->eps);
    if (status == TG_OK)
        status = tg__check_not_negative("adam", "weight_decay", o->weight_decay);
    return status;
}

static tg_tensor **no_states(int n) {
    tg_tensor **state = tg__alloc((size_t)n * sizeof *state);
    for (int i = 0; i < n && state != NULL; i++)
        state[i] = TG_NONE;
    return state;
}

tg_optimizer *tg_adam_new(tg_tensor *const *params, int n, const tg_adam_options *options) {
    static const tg_optimizer_class methods = {.size = sizeof methods,
                                               .name = "adam",
                                               .state_size = sizeof(adam),
                                               .step = step,
                                               .destroy = destroy,
                                               .get_lr = get_lr,
                                               .set_lr = set_lr};
    tg_adam_options o = TG_ADAM_OPTIONS_INIT;
    if (tg__options("adam", "options", "TG_ADAM_OPTIONS_INIT", options, &o, sizeof o) != TG_OK ||
        check(&o) != TG_OK)
        return NULL;
    void *self;
    tg_optimizer *optimizer = tg_optimizer_new(&methods, params, n, &self);
    if (optimizer == NULL)
        return NULL;
    adam *a = self;
    a->options = o;
    a->n = n;
    a->m = no_states(n);
    a->v = no_states(n);
    a->max_v = no_states(n);
    a->steps = tg__alloc_zero((size_t)n * sizeof *a->steps);
    a->next = tg__alloc_zero((size_t)n * sizeof *a->next);
    if (a->m == NULL || a->v == NULL || a->max_v == NULL || a->steps == NULL || a->next == NULL) {
        tg__fail_memory("adam", (size_t)n * (3 * sizeof *a->m + 2 * sizeof *a->steps));
        tg_optimizer_free(optimizer);
        return NULL;
    }
    return optimizer;
}
