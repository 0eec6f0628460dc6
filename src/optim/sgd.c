/* sgd.c - stochastic gradient descent with momentum, dampening and Nesterov's variant.
 *
 * The arithmetic is the operation tg_sgd_step_. The momentum buffer of a parameter is made at its
 * first step with a gradient; until a step has succeeded, `first` says that it holds nothing. */
#include "optim/optimizer.h"

#include "base/error.h"
#include "base/options.h"

typedef struct {
    tg_sgd_options options;
    int n;
    tg_tensor **buffers; /* held; TG_NONE: not made yet */
    bool *first;
} sgd;

static tg_status make_buffers(sgd *s, tg_tensor *const *params, tg_tensor *const *grads) {
    for (int i = 0; i < s->n; i++) {
        if (tg_is_none(grads[i]) || !tg_is_none(s->buffers[i]))
            continue;
        tg_tensor *fresh = tg_zeros_like(params[i]);
        if (fresh == NULL)
            return tg_error_status();
        s->buffers[i] = tg_hold(fresh);
    }
    return TG_OK;
}

static tg_status step(void *self, tg_tensor *const *params, tg_tensor *const *grads, int n) {
    sgd *s = self;
    bool momentum = s->options.momentum != 0;
    tg_status status = momentum ? make_buffers(s, params, grads) : TG_OK;
    if (status == TG_OK)
        status =
            tg_sgd_step_(params, grads, momentum ? s->buffers : NULL, s->first, n, &s->options);
    for (int i = 0; i < n && status == TG_OK; i++)
        s->first[i] = s->first[i] && tg_is_none(grads[i]);
    return status;
}

static void destroy(void *self) {
    sgd *s = self;
    if (s->buffers != NULL)
        for (int i = 0; i < s->n; i++)
            tg_unhold(s->buffers[i]);
    tg__free(s->buffers, (size_t)s->n * sizeof *s->buffers);
    tg__free(s->first, (size_t)s->n * sizeof *s->first);
}

static double get_lr(const void *self) { return ((const sgd *)self)->options.lr; }

static tg_status set_lr(void *self, double lr) {
    tg_status status = tg__check_not_negative("sgd", "lr", lr);
    if (status == TG_OK)
        ((sgd *)self)->options.lr = lr;
    return status;
}

static tg_status check(const tg_sgd_options *o) {
    tg_status status = tg__check_not_negative("sgd", "lr", o->lr);
    if (status == TG_OK)
        status = tg__check_not_negative("sgd", "momentum", o->momentum);
    if (status == TG_OK)
        status = tg__check_finite("sgd", "dampening", o->dampening);
    if (status == TG_OK)
        status = tg__check_not_negative("sgd", "weight_decay", o->weight_decay);
    if (status == TG_OK && o->nesterov && (o->momentum == 0 || o->dampening != 0))
        return tg__fail(TG_ERR_ARG, "sgd",
                        "nesterov with momentum %s and dampening %s; it needs a momentum > 0 and "
                        "no dampening",
                        tg__num(o->momentum), tg__num(o->dampening));
    return status;
}

tg_optimizer *tg_sgd_new(tg_tensor *const *params, int n, const tg_sgd_options *options) {
    static const tg_optimizer_class methods = {.size = sizeof methods,
                                               .name = "sgd",
                                               .state_size = sizeof(sgd),
                                               .step = step,
                                               .destroy = destroy,
                                               .get_lr = get_lr,
                                               .set_lr = set_lr};
    tg_sgd_options o = TG_SGD_OPTIONS_INIT;
    if (tg__options("sgd", "options", "TG_SGD_OPTIONS_INIT", options, &o, sizeof o) != TG_OK ||
        check(&o) != TG_OK)
        return NULL;
    void *self;
    tg_optimizer *optimizer = tg_optimizer_new(&methods, params, n, &self);
    if (optimizer == NULL)
        return NULL;
    sgd *s = self;
    s->options = o;
    s->n = n;
    s->buffers = tg__alloc((size_t)n * sizeof *s->buffers);
    s->first = tg__alloc((size_t)n * sizeof *s->first);
    for (int i = 0; i < n && s->buffers != NULL; i++)
        s->buffers[i] = TG_NONE;
    for (int i = 0; i < n && s->first != NULL; i++)
        s->first[i] = true;
    if (s->buffers == NULL || s->first == NULL) {
        tg__fail_memory("sgd", (size_t)n * (sizeof *s->buffers + sizeof *s->first));
        tg_optimizer_free(optimizer);
        return NULL;
    }
    return optimizer;
}
