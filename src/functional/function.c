/* function.c - calling a function of the user's, and what all derivatives of one begin and end
 * with.
 *
 * A session runs the function once on stand-ins of the inputs. Those are leaves of their own, so
 * that neither the inputs nor their .grad are touched; where the results shall have a history they
 * are recorded copies of headers, through which the results lead back to the inputs. */
#include "functional/function.h"

#include "base/options.h"
#include "core/callback.h"

#include <tensorgrad/tensorgrad.h>

/* ---- Lists ---- */

tg_tensor **tg__list_new(const char *op, int64_t n) {
    size_t bytes;
    if (__builtin_mul_overflow((size_t)n, sizeof(tg_tensor *), &bytes))
        bytes = SIZE_MAX;
    tg_tensor **list = bytes < SIZE_MAX ? tg__alloc_zero(bytes) : NULL;
    if (list == NULL)
        tg__fail_memory(op, bytes);
    return list;
}

void tg__list_free(tg_tensor **list, int64_t n) { tg__free(list, (size_t)n * sizeof *list); }

/* ---- Checks ---- */

bool tg__flags_check(const char *op, const char *what, uint32_t flags) {
    if ((flags & ~TG_CALLBACK_OWNS) == 0)
        return true;
    tg__fail(TG_ERR_UNSUPPORTED, op, "%s.flags is 0x%x; this version knows TG_CALLBACK_OWNS", what,
             (unsigned)flags);
    return false;
}

bool tg__function_check(const tg__function *f, tg_tensor *const *in, int n_in, int n_out,
                        bool floats) {
    const char *what = f->call == NULL ? "argument fn" : in == NULL ? "the list inputs" : NULL;
    if (what != NULL) {
        tg__fail(TG_ERR_ARG, f->op, "%s is NULL; give one", what);
        return false;
    }
    if (n_in < 1 || n_out < 1) {
        tg__fail(TG_ERR_ARG, f->op, "%d inputs and %d outputs; there must be at least one of each",
                 n_in, n_out);
        return false;
    }
    for (int i = 0; i < n_in; i++) {
        if (!tg__required(f->op, "inputs", in[i]))
            return false;
        if (!floats || tg_dtype_is_float((tg_dtype)in[i]->dtype))
            continue;
        tg__fail(TG_ERR_DTYPE, f->op,
                 "input %d is %s, which has no gradient; give floats, and hand others to the "
                 "function through ctx",
                 i, tg__describe(in[i]));
        return false;
    }
    return true;
}

bool tg__lists_apart(const char *op, tg_tensor *const *in, int n_in, tg_tensor **out,
                     int64_t n_out) {
    uintptr_t a = (uintptr_t)in;
    uintptr_t b = (uintptr_t)out;
    if (in == NULL || out == NULL || n_in < 1 || n_out < 1 ||
        a >= b + (uintptr_t)n_out * sizeof *out || b >= a + (uintptr_t)n_in * sizeof *in)
        return true;
    tg__fail(TG_ERR_ARG, op, "inputs and results share an array; pass another one for the results");
    return false;
}

/* ---- Calling ---- */

static bool outputs_there(const tg__function *f, tg_tensor **out, int n_out) {
    for (int k = 0; k < n_out; k++) {
        if (out[k] != NULL && !(out[k]->flags & TG__IS_NONE))
            continue;
        tg__fail(TG_ERR_ARG, f->op, "the function left output %d of %d %s; it must set each", k,
                 n_out, out[k] == NULL ? "unset" : "as TG_NONE");
        return false;
    }
    return true;
}

bool tg__function_call(const tg__function *f, tg_tensor *const *in, int n_in, tg_tensor **out,
                       int n_out) {
    for (int k = 0; k < n_out; k++)
        out[k] = NULL;
    tg_generator_state random;
    if (tg_generator_get_state(NULL, &random) != TG_OK || !tg__reserve(f->op, (uint32_t)n_out))
        return false;
    const char *was = tg__self()->error_as;
    tg__errors_back(NULL); /* the function's errors carry their own names */
    tg__callback c = tg__callback_enter(f->owns);
    tg_status status = TG_ERR_MEMORY;
    if (tg__callback_ok(c))
        status = f->call(f->ctx, in, n_in, out, n_out);
    bool good = tg__callback_leave(c, f->op, status, out, n_out) == TG_OK;
    tg__errors_back(was);
    if (good && !outputs_there(f, out, n_out)) {
        for (int k = 0; k < n_out; k++) {
            tg__unref(out[k]);
            out[k] = NULL;
        }
        good = false;
    }
    if (!good) {
        (void)tg_generator_set_state(NULL, &random);
        return false;
    }
    for (int k = 0; k < n_out; k++)
        tg__give(out[k]); /* room was reserved */
    return true;
}

tg_tensor *tg__stand_in(tg_tensor *x, bool linked) {
    if (linked && tg_requires_grad(x))
        return tg_contiguous(x);
    return tg_requires_grad_(tg_detach(x), true);
}

/* ---- Sessions ---- */

static bool float_outputs(const tg__session *s) {
    for (int k = 0; k < s->g.n_out; k++) {
        if (tg_dtype_is_float((tg_dtype)s->out[k]->dtype))
            continue;
        tg__fail(TG_ERR_DTYPE, s->f.op,
                 "output %d of the function is %s, which has no derivative; return floats", k,
                 tg__describe(s->out[k]));
        return false;
    }
    return true;
}

static void free_lists(tg__session *s) {
    if (s->in != NULL)
        tg__list_free(s->in, s->g.n_in);
    if (s->out != NULL)
        tg__list_free(s->out, s->g.n_out);
}

static bool run(tg__session *s, tg_tensor *const *inputs) {
    for (int i = 0; i < s->g.n_in; i++) {
        s->in[i] = tg__stand_in(inputs[i], s->g.create);
        if (s->in[i] == NULL)
            return false;
    }
    return tg__function_call(&s->f, s->in, s->g.n_in, s->out, s->g.n_out) && float_outputs(s);
}

bool tg__session_begin(tg__session *s, const char *op, tg_fn fn, void *ctx,
                       tg_tensor *const *inputs, int n_inputs, int n_outputs,
                       const tg_functional_options *options, tg_tensor **results, int64_t n_results,
                       tg_tensor **values) {
    tg_functional_options o = TG_FUNCTIONAL_OPTIONS_INIT;
    *s = (tg__session){.f = {op, fn, ctx, false}};
    if (!tg__lists_apart(op, inputs, n_inputs, results, n_results) ||
        !tg__lists_apart(op, inputs, n_inputs, values, n_outputs))
        return false;
    bool counts = n_inputs > 0 && n_outputs > 0;
    for (int64_t i = 0; counts && results != NULL && i < n_results; i++)
        results[i] = NULL;
    for (int k = 0; counts && values != NULL && k < n_outputs; k++)
        values[k] = NULL;
    if (tg__gate(tg__self()) != TG_OK ||
        !tg__function_check(&s->f, inputs, n_inputs, n_outputs, true))
        return false;
    if (results == NULL || n_results > INT32_MAX - n_outputs) {
        tg__fail(TG_ERR_ARG, op, "%lld results at %s; pass room for that many, below 2^31",
                 (long long)n_results, results == NULL ? "NULL" : "the list");
        return false;
    }
    if (tg__options(op, "tg_functional_options", "TG_FUNCTIONAL_OPTIONS_INIT", options, &o,
                    sizeof o) != TG_OK ||
        !tg__flags_check(op, "tg_functional_options", o.flags) ||
        !tg__reserve(op, (uint32_t)(n_results + n_outputs)))
        return false;
    s->f.owns = (o.flags & TG_CALLBACK_OWNS) != 0;
    s->g = (tg__graph){.op = op, .n_out = n_outputs, .n_in = n_inputs, .create = o.create_graph};
    s->in = tg__list_new(op, n_inputs);
    s->out = s->in != NULL ? tg__list_new(op, n_outputs) : NULL;
    s->g.in = s->in;
    s->g.out = s->out;
    if (s->out == NULL) {
        free_lists(s);
        return false;
    }
    s->scope = tg_scope_open();
    tg_set_grad_enabled(true);
    if (tg__gate(tg__self()) == TG_OK && run(s, inputs))
        return true;
    (void)!tg_scope_close(s->scope);
    free_lists(s);
    return false;
}

/* Takes what is in the list out of the scope, or, with `good` false, forgets it. */
static void lift(tg_tensor **list, int64_t n, bool good) {
    for (int64_t i = 0; i < n; i++) {
        if (good)
            tg__ref(list[i]);
        else
            list[i] = NULL;
    }
}

static void hand_out(tg_tensor **list, int64_t n, bool good) {
    for (int64_t i = 0; i < n; i++) {
        if (good) {
            list[i] = tg__give(list[i]); /* room was reserved at the beginning */
        } else {
            tg__unref(list[i]);
            list[i] = NULL;
        }
    }
}

tg_status tg__session_end(tg__session *s, bool good, tg_tensor **results, int64_t n_results,
                          tg_tensor **values) {
    int64_t n_values = values != NULL ? s->g.n_out : 0;
    for (int64_t k = 0; k < n_values; k++) {
        values[k] = s->g.create ? s->out[k] : tg_detach(s->out[k]);
        good = good && values[k] != NULL;
    }
    lift(results, n_results, good);
    lift(values, n_values, good);
    tg_status status = tg_scope_close(s->scope);
    bool handed = good && status == TG_OK;
    hand_out(results, n_results, handed);
    hand_out(values, n_values, handed);
    free_lists(s);
    return handed ? TG_OK : tg_error_status();
}
