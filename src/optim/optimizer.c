/* optimizer.c - what all optimizers share: parameters, gradients and the call of the method.
 *
 * An optimizer holds its parameters (tg_hold), a copy of its methods and the memory of the
 * instance. A step collects the present gradients inside a scope of its own, with recording off,
 * and calls the method behind a callback barrier, so that nothing the method makes or leaves open
 * gets out. Steps allocate no memory here; what state a method needs it makes on the first step
 * that needs it. */
#include "optim/optimizer.h"

#include "base/error.h"
#include "base/options.h"
#include "base/threads.h"
#include "core/callback.h"

#include <math.h>
#include <stdio.h>

#define NAME_BYTES 48

struct tg_optimizer {
    tg_optimizer_class methods;
    char name[NAME_BYTES]; /* methods.name points here: the caller's text may be gone by now */
    tg_tensor **params;    /* held */
    tg_tensor **grads;     /* filled in during a step */
    int n;
    bool running;
    void *self;
};

/* ---- Checks ---------------------------------------------------------------------------------- */

static tg_status out_of_range(const char *op, const char *name, double value, const char *allowed) {
    return tg__fail(TG_ERR_ARG, op, "%s is %s; give a %s", name,
                    isnan(value) ? "NaN" : tg__num(value), allowed);
}

tg_status tg__check_not_negative(const char *op, const char *name, double value) {
    return isfinite(value) && value >= 0 ? TG_OK
                                         : out_of_range(op, name, value, "finite value >= 0");
}

tg_status tg__check_fraction(const char *op, const char *name, double value) {
    return value >= 0 && value < 1 ? TG_OK : out_of_range(op, name, value, "value in [0, 1)");
}

tg_status tg__check_finite(const char *op, const char *name, double value) {
    return isfinite(value) ? TG_OK : out_of_range(op, name, value, "finite value");
}

static tg_status check_param(const char *op, tg_tensor *const *params, int i) {
    tg_tensor *p = params[i];
    char name[32];
    snprintf(name, sizeof name, "params[%d]", i);
    if (p == NULL)
        return tg__fail_null(op, name);
    if (tg_is_none(p))
        return tg__fail(TG_ERR_ARG, op, "%s is TG_NONE; give a tensor", name);
    if (!tg_is_leaf(p))
        return tg__fail(TG_ERR_ARG, op,
                        "%s (%s, %d dims) is the result of %s; give leaves, which are made without "
                        "recording (tg_detach)",
                        name, tg_dtype_name(tg_dtype_of(p)), tg_ndim(p), tg_grad_op(p));
    if (!tg_requires_grad(p))
        return tg__fail(TG_ERR_ARG, op,
                        "%s (%s, %d dims) does not require gradients; call tg_requires_grad_ first",
                        name, tg_dtype_name(tg_dtype_of(p)), tg_ndim(p));
    for (int j = 0; j < i; j++)
        if (params[j] == p)
            return tg__fail(TG_ERR_ARG, op, "%s is params[%d] again; give every parameter once",
                            name, j);
    return TG_OK;
}

static tg_status check_methods(const tg_optimizer_class *given, tg_optimizer_class *methods) {
    static const char op[] = "optimizer_new";
    if (given == NULL)
        return tg__fail(TG_ERR_ARG, op, "argument methods is NULL; give a tg_optimizer_class");
    tg_status status = tg__options(op, "methods", "{.size = sizeof(tg_optimizer_class), ...}",
                                   given, methods, sizeof *methods);
    if (status != TG_OK)
        return status;
    if (methods->name == NULL || methods->name[0] == '\0')
        return tg__fail(TG_ERR_ARG, op, "the class has no name; set methods.name");
    if (methods->step == NULL)
        return tg__fail(TG_ERR_ARG, op, "the class %s has no method step; set methods.step",
                        tg__quote(methods->name));
    if ((methods->flags & ~TG_CALLBACK_OWNS) != 0)
        return tg__fail(TG_ERR_UNSUPPORTED, op,
                        "the class %s sets flags 0x%x; this version knows TG_CALLBACK_OWNS",
                        tg__quote(methods->name), (unsigned)methods->flags);
    return TG_OK;
}

/* A NULL optimizer comes from a constructor that failed: its error stays. */
static tg_status no_optimizer(const char *op) {
    tg_status pending = tg_error_status();
    return pending != TG_OK ? pending
                            : tg__fail(TG_ERR_ARG, op,
                                       "argument optimizer is NULL; make one with tg_sgd_new, "
                                       "tg_adam_new or tg_optimizer_new");
}

/* ---- Making and freeing ---------------------------------------------------------------------- */

static tg_status allocate(tg_optimizer *o, int n) {
    size_t bytes = (size_t)n * sizeof *o->params;
    o->n = n;
    o->params = tg__alloc_zero(bytes);
    o->grads = tg__alloc_zero(bytes);
    o->self = tg__alloc_zero(o->methods.state_size);
    return o->params != NULL && o->grads != NULL && o->self != NULL
               ? TG_OK
               : tg__fail_memory(o->name, 2 * bytes + o->methods.state_size);
}

static void release(tg_optimizer *o) {
    size_t bytes = (size_t)o->n * sizeof *o->params;
    if (o->params != NULL)
        for (int i = 0; i < o->n; i++)
            tg_unhold(o->params[i]);
    tg__free(o->params, bytes);
    tg__free(o->grads, bytes);
    tg__free(o->self, o->methods.state_size);
    tg__free(o, sizeof *o);
}

tg_optimizer *tg_optimizer_new(const tg_optimizer_class *methods, tg_tensor *const *params, int n,
                               void **self) {
    if (self != NULL)
        *self = NULL;
    tg_optimizer_class known = {.size = sizeof known};
    if (check_methods(methods, &known) != TG_OK)
        return NULL;
    if (params == NULL || n < 1) {
        tg__fail(TG_ERR_ARG, known.name, "params is %s and n is %d; give at least one parameter",
                 params == NULL ? "NULL" : "an array", n);
        return NULL;
    }
    for (int i = 0; i < n; i++)
        if (check_param(known.name, params, i) != TG_OK)
            return NULL;
    tg_optimizer *o = tg__alloc_zero(sizeof *o);
    if (o == NULL) {
        tg__fail_memory(known.name, sizeof *o);
        return NULL;
    }
    o->methods = known;
    snprintf(o->name, sizeof o->name, "%s", known.name);
    o->methods.name = o->name;
    if (allocate(o, n) != TG_OK) {
        release(o);
        return NULL;
    }
    for (int i = 0; i < n; i++)
        o->params[i] = tg_hold(params[i]);
    if (self != NULL)
        *self = o->self;
    return o;
}

void tg_optimizer_free(tg_optimizer *o) {
    if (o == NULL)
        return;
    if (o->running) {
        tg__fail(TG_ERR_STATE, "optimizer_free",
                 "%s: called by a method of the optimizer; nothing "
                 "was freed",
                 o->name);
        return;
    }
    if (o->methods.destroy != NULL)
        o->methods.destroy(o->self);
    release(o);
}

/* ---- Steps ----------------------------------------------------------------------------------- */

/* The references belong to the open scope. */
static tg_status collect_grads(tg_optimizer *o) {
    for (int i = 0; i < o->n; i++) {
        tg_tensor *g = tg_grad(o->params[i]);
        if (g == NULL && tg_error_status() != TG_OK)
            return tg_error_status();
        o->grads[i] = g == NULL ? TG_NONE : g;
    }
    return TG_OK;
}

static tg_status call_step(tg_optimizer *o) {
    tg__callback c = tg__callback_enter((o->methods.flags & TG_CALLBACK_OWNS) != 0);
    tg_status returned = TG_ERR_MEMORY;
    if (tg__callback_ok(c)) {
        o->running = true;
        returned = o->methods.step(o->self, o->params, o->grads, o->n);
        o->running = false;
    }
    return tg__callback_leave(c, o->name, returned, NULL, 0);
}

tg_status tg_optimizer_step(tg_optimizer *o) {
    static const char op[] = "optimizer_step";
    if (o == NULL)
        return no_optimizer(op);
    tg_status status = tg__gate(tg__self());
    if (status != TG_OK)
        return status;
    if (o->running)
        return tg__fail(TG_ERR_STATE, op, "%s: called by its own step method", o->name);
    if (tg__interrupted())
        return tg__fail(TG_ERR_INTERRUPTED, op,
                        "%s: interrupted before the step; no parameter has "
                        "changed",
                        o->name);
    tg_scope s = tg_scope_open();
    tg_set_grad_enabled(false);
    status = tg_error_status(); /* the scope is born shut if there was no memory for it */
    if (status == TG_OK)
        status = collect_grads(o);
    if (status == TG_OK)
        status = call_step(o);
    tg_status closed = tg_scope_close(s);
    return status != TG_OK ? status : closed;
}

tg_status tg_optimizer_zero_grad(tg_optimizer *o) {
    return o == NULL ? no_optimizer("optimizer_zero_grad") : tg_zero_grad(o->params, o->n);
}

/* ---- Learning rate --------------------------------------------------------------------------- */

double tg_optimizer_lr(const tg_optimizer *o) {
    static const char op[] = "optimizer_lr";
    if (o == NULL) {
        no_optimizer(op);
        return NAN;
    }
    if (o->methods.get_lr == NULL) {
        tg__fail(TG_ERR_UNSUPPORTED, op, "the class %s has no method get_lr", tg__quote(o->name));
        return NAN;
    }
    return o->methods.get_lr(o->self);
}

tg_status tg_optimizer_set_lr(tg_optimizer *o, double lr) {
    static const char op[] = "optimizer_set_lr";
    if (o == NULL)
        return no_optimizer(op);
    tg_status gate = tg__gate(tg__self());
    if (gate != TG_OK)
        return gate;
    if (o->methods.set_lr == NULL)
        return tg__fail(TG_ERR_UNSUPPORTED, op, "the class %s has no method set_lr",
                        tg__quote(o->name));
    tg__callback c = tg__callback_enter((o->methods.flags & TG_CALLBACK_OWNS) != 0);
    tg_status returned = tg__callback_ok(c) ? o->methods.set_lr(o->self, lr) : TG_ERR_MEMORY;
    return tg__callback_leave(c, o->name, returned, NULL, 0);
}
