/* step.c - optimizer steps over lists of tensors: checked first, then one pass per parameter. Not
 * recorded, not in the op table: they give nothing back. */
#include "base/options.h"
#include "kernels/optim.h"
#include "ops/elementwise.h"

/* ---- Checks ---- */

static tg_status check_number(const char *op, const char *name, double value, double lowest,
                              double below) {
    if (value >= lowest && value < below)
        return TG_OK;
    return tg__fail(TG_ERR_ARG, op, "%s is %s; give a number in [%s, %s)", name, tg__num(value),
                    tg__num(lowest), tg__num(below));
}

static bool absent(const tg_tensor *x) { return x != NULL && (x->flags & TG__IS_NONE); }

/* A tensor beside parameter i: there, alike, contiguous where it is state. */
static tg_status check_beside(const char *op, const char *name, int i, const tg_tensor *p,
                              const tg_tensor *x, bool state) {
    if (!tg__required(op, name, x))
        return tg_error_status();
    if (x->dtype != p->dtype || !tg__same_shape(x, p))
        return tg__fail(x->dtype != p->dtype ? TG_ERR_DTYPE : TG_ERR_SHAPE, op,
                        "%s[%d] is %s and its parameter is %s; they must be alike", name, i,
                        tg__describe(x), tg__describe(p));
    if (state && !(x->flags & TG__CONTIGUOUS))
        return tg__fail(TG_ERR_STATE, op,
                        "%s[%d] (%s) is not contiguous; make it with "
                        "tg_zeros_like",
                        name, i, tg__describe(x));
    return TG_OK;
}

static tg_status check_params(const char *op, tg_tensor *const *params, tg_tensor *const *grads,
                              int n) {
    tg_status gate = tg__gate(tg__self());
    if (gate != TG_OK)
        return gate;
    if (n < 0 || (n > 0 && (params == NULL || grads == NULL)))
        return tg__fail(TG_ERR_ARG, op, "%d parameters with params or grads NULL; pass lists", n);
    for (int i = 0; i < n; i++) {
        const tg_tensor *p = params[i];
        if (!tg__required(op, "params", p))
            return tg_error_status();
        if (p->dtype != TG_F32 && p->dtype != TG_F64) {
            tg__refuse_dtype(op, p, "f32, f64");
            return TG_ERR_DTYPE;
        }
        if (!tg__writable(op, p))
            return TG_ERR_STATE;
        if (absent(grads[i]))
            continue;
        tg_status status = check_beside(op, "grads", i, p, grads[i], false);
        if (status != TG_OK)
            return status;
    }
    return TG_OK;
}

static tg_status check_state(const char *op, const char *name, tg_tensor *const *params,
                             tg_tensor *const *grads, tg_tensor *const *state, int n) {
    if (n > 0 && state == NULL)
        return tg__fail(TG_ERR_ARG, op, "%s is NULL; pass a list", name);
    for (int i = 0; i < n; i++) {
        tg_status status =
            absent(grads[i]) ? TG_OK : check_beside(op, name, i, params[i], state[i], true);
        if (status != TG_OK)
            return status;
    }
    return TG_OK;
}

/* ---- Packed copies of what is not contiguous ---- */

/* Two raw tensors per parameter: the parameter and its gradient, themselves or packed. NULL with an
 * error. */
static tg_tensor **packed_lists(const char *op, tg_tensor *const *params, tg_tensor *const *grads,
                                int n) {
    size_t bytes = 2 * (size_t)n * sizeof(tg_tensor *);
    tg_tensor **list = tg__alloc_zero(bytes);
    if (list == NULL) {
        tg__fail_memory(op, bytes);
        return NULL;
    }
    bool good = true;
    for (int i = 0; good && i < n; i++) {
        if (absent(grads[i]))
            continue;
        list[2 * i] = tg__packed(op, params[i]);
        list[2 * i + 1] = list[2 * i] != NULL ? tg__packed(op, grads[i]) : NULL;
        good = list[2 * i + 1] != NULL;
    }
    if (good)
        return list;
    for (int i = 0; i < 2 * n; i++)
        tg__unref(list[i]);
    tg__free(list, bytes);
    return NULL;
}

/* Writes packed parameters back, bumps versions, frees the lists. */
static void finish(tg_tensor **list, tg_tensor *const *params, int n, uint16_t writer) {
    for (int i = 0; i < n; i++) {
        if (list[2 * i] == NULL)
            continue;
        if (list[2 * i] != params[i])
            tg__assign(params[i], list[2 * i]);
        tg__bump(params[i], writer);
        tg__unref(list[2 * i]);
        tg__unref(list[2 * i + 1]);
    }
    tg__free(list, 2 * (size_t)n * sizeof(tg_tensor *));
}

/* ---- SGD ---- */

static tg_status check_sgd(const tg_sgd_options *o) {
    tg_status s = check_number("sgd_step_", "lr", o->lr, 0, __builtin_inf());
    if (s == TG_OK)
        s = check_number("sgd_step_", "momentum", o->momentum, 0, __builtin_inf());
    if (s == TG_OK)
        s = check_number("sgd_step_", "dampening", o->dampening, -__builtin_inf(), __builtin_inf());
    if (s == TG_OK)
        s = check_number("sgd_step_", "weight_decay", o->weight_decay, 0, __builtin_inf());
    if (s == TG_OK && o->nesterov && (o->momentum <= 0 || o->dampening != 0))
        s = tg__fail(TG_ERR_ARG, "sgd_step_", "nesterov needs momentum > 0 and dampening 0");
    return s;
}

tg_status tg_sgd_step_(tg_tensor *const *params, tg_tensor *const *grads, tg_tensor *const *buffers,
                       const bool *first, int n, const tg_sgd_options *options) {
    static const char op[] = "sgd_step_";
    tg_sgd_options o = TG_SGD_OPTIONS_INIT;
    tg_status status = check_params(op, params, grads, n);
    if (status == TG_OK)
        status = tg__options(op, "tg_sgd_options", "TG_SGD_OPTIONS_INIT", options, &o, sizeof o);
    if (status == TG_OK)
        status = check_sgd(&o);
    bool momentum = o.momentum != 0;
    if (status == TG_OK && momentum)
        status = check_state(op, "buffers", params, grads, buffers, n);
    if (status == TG_OK && momentum && n > 0 && first == NULL)
        status = tg__fail(TG_ERR_ARG, op, "first is NULL; pass one flag per parameter");
    if (status != TG_OK || n == 0)
        return status;
    tg_tensor **list = packed_lists(op, params, grads, n);
    if (list == NULL)
        return tg_error_status();
    tg__sgd_args a = {.lr = o.lr,
                      .momentum = o.momentum,
                      .dampening = o.dampening,
                      .weight_decay = o.weight_decay,
                      .nesterov = o.nesterov,
                      .maximize = o.maximize};
    for (int i = 0; i < n; i++) {
        if (absent(grads[i]))
            continue;
        a.first = momentum && first[i];
        tg__sgd_step((tg_dtype)params[i]->dtype, params[i]->numel, list[2 * i]->data,
                     list[2 * i + 1]->data, momentum ? buffers[i]->data : NULL, &a);
        if (momentum)
            tg__bump(buffers[i], TG__SGD_STEP);
    }
    finish(list, params, n, TG__SGD_STEP);
    return TG_OK;
}

/* ---- Adam ---- */

static tg_status check_adam(const tg_adam_options *o) {
    tg_status s = check_number("adam_step_", "lr", o->lr, 0, __builtin_inf());
    if (s == TG_OK)
        s = check_number("adam_step_", "beta1", o->beta1, 0, 1);
    if (s == TG_OK)
        s = check_number("adam_step_", "beta2", o->beta2, 0, 1);
    if (s == TG_OK)
        s = check_number("adam_step_", "eps", o->eps, 0, __builtin_inf());
    if (s == TG_OK)
        s = check_number("adam_step_", "weight_decay", o->weight_decay, 0, __builtin_inf());
    return s;
}

static tg_status check_steps(const int64_t *steps, tg_tensor *const *grads, int n) {
    if (n > 0 && steps == NULL)
        return tg__fail(TG_ERR_ARG, "adam_step_", "steps is NULL; pass one per parameter");
    for (int i = 0; i < n; i++)
        if (!absent(grads[i]) && steps[i] < 1)
            return tg__fail(TG_ERR_ARG, "adam_step_", "steps[%d] is %lld; the first step is 1", i,
                            (long long)steps[i]);
    return TG_OK;
}

tg_status tg_adam_step_(tg_tensor *const *params, tg_tensor *const *grads, tg_tensor *const *m,
                        tg_tensor *const *v, tg_tensor *const *max_v, const int64_t *steps, int n,
                        const tg_adam_options *options) {
    static const char op[] = "adam_step_";
    tg_adam_options o = TG_ADAM_OPTIONS_INIT;
    tg_status status = check_params(op, params, grads, n);
    if (status == TG_OK)
        status = tg__options(op, "tg_adam_options", "TG_ADAM_OPTIONS_INIT", options, &o, sizeof o);
    if (status == TG_OK)
        status = check_adam(&o);
    if (status == TG_OK)
        status = check_state(op, "m", params, grads, m, n);
    if (status == TG_OK)
        status = check_state(op, "v", params, grads, v, n);
    if (status == TG_OK && o.amsgrad)
        status = check_state(op, "max_v", params, grads, max_v, n);
    if (status == TG_OK)
        status = check_steps(steps, grads, n);
    if (status != TG_OK || n == 0)
        return status;
    tg_tensor **list = packed_lists(op, params, grads, n);
    if (list == NULL)
        return tg_error_status();
    tg__adam_args a = {.lr = o.lr,
                       .beta1 = o.beta1,
                       .beta2 = o.beta2,
                       .eps = o.eps,
                       .weight_decay = o.weight_decay,
                       .maximize = o.maximize};
    for (int i = 0; i < n; i++) {
        if (absent(grads[i]))
            continue;
        a.step = steps[i];
        tg__adam_step((tg_dtype)params[i]->dtype, params[i]->numel, list[2 * i]->data,
                      list[2 * i + 1]->data, m[i]->data, v[i]->data,
                      o.amsgrad ? max_v[i]->data : NULL, &a);
        tg__bump(m[i], TG__ADAM_STEP);
        tg__bump(v[i], TG__ADAM_STEP);
        if (o.amsgrad)
            tg__bump(max_v[i], TG__ADAM_STEP);
    }
    finish(list, params, n, TG__ADAM_STEP);
    return TG_OK;
}
