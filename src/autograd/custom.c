/* custom.c - operations of the user's: functions, which are classes of callbacks with a context. */
#include "autograd/custom.h"

#include "base/options.h"

#include <stdio.h>
#include <string.h>

#define LABEL "function '%s'"
#define KNOWN_FLAGS (TG_CALLBACK_OWNS | TG_FUNCTION_NOT_DIFFERENTIABLE | TG_FUNCTION_ONCE)

/* ---- Functions ------------------------------------------------------------------------------- */

static tg_status missing(const tg_function_class *m, const char *method) {
    return tg__fail(TG_ERR_ARG, "function_new", "the class %s has no method %s; set methods.%s%s",
                    tg__quote(m->name), method, method,
                    strcmp(method, "backward") == 0 ? ", or the flag TG_FUNCTION_NOT_DIFFERENTIABLE"
                                                    : "");
}

static tg_status check_text(const char *what, const char *text) {
    if (text == NULL || strlen(text) <= TG__FUNCTION_NAME)
        return TG_OK;
    return tg__fail(TG_ERR_ARG, "function_new", "%s is %s of %zu bytes; give at most %d", what,
                    tg__quote(text), strlen(text), TG__FUNCTION_NAME);
}

static tg_status check_methods(const tg_function_class *given, tg_function_class *m) {
    static const char op[] = "function_new";
    if (given == NULL)
        return tg__fail(TG_ERR_ARG, op, "argument methods is NULL; give a tg_function_class");
    tg_status status =
        tg__options(op, "methods", "{.size = sizeof(tg_function_class), ...}", given, m, sizeof *m);
    if (status != TG_OK)
        return status;
    if (m->name == NULL || m->name[0] == '\0')
        return tg__fail(TG_ERR_ARG, op, "the class has no name; set methods.name");
    if (check_text("the name", m->name) != TG_OK || check_text("onnx", m->onnx) != TG_OK)
        return TG_ERR_ARG;
    if ((m->flags & ~KNOWN_FLAGS) != 0)
        return tg__fail(TG_ERR_UNSUPPORTED, op,
                        "the class %s sets flags 0x%x; this version knows 0x%x", tg__quote(m->name),
                        (unsigned)m->flags, (unsigned)KNOWN_FLAGS);
    if (m->forward == NULL)
        return missing(m, "forward");
    if (m->backward == NULL && !(m->flags & TG_FUNCTION_NOT_DIFFERENTIABLE))
        return missing(m, "backward");
    return TG_OK;
}

tg_function *tg_function_new(const tg_function_class *methods, void *ctx) {
    tg_function_class known = {.size = sizeof known};
    if (check_methods(methods, &known) != TG_OK)
        return NULL;
    tg_function *f = tg__alloc_zero(sizeof *f);
    if (f == NULL) {
        tg__fail_memory("function_new", sizeof *f);
        return NULL;
    }
    atomic_store_explicit(&f->refs, 1, memory_order_relaxed);
    f->methods = known;
    f->ctx = ctx;
    f->number = TG__CUSTOM_FUNCTION;
    snprintf(f->name, sizeof f->name, "%s", known.name);
    snprintf(f->onnx, sizeof f->onnx, "%s", known.onnx != NULL ? known.onnx : "none");
    snprintf(f->label, sizeof f->label, LABEL, f->name);
    f->methods.name = f->name;
    f->methods.onnx = f->onnx;
    return f;
}

void tg_function_free(tg_function *f) {
    if (f == NULL || atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (f->methods.destroy != NULL)
        tg__call_deleter(f->methods.destroy, f->ctx);
    tg__free(f, sizeof *f);
}

const char *tg_function_name(const tg_function *f) { return f != NULL ? f->name : ""; }
const char *tg_function_onnx(const tg_function *f) { return f != NULL ? f->onnx : "none"; }

void tg__function_named(const tg_function *f, const char *method) {
    if (strstr(tg_error_message(), f->label) == NULL)
        tg__fail_add("; in %s of %s", method, f->label);
}

/* ---- Inputs and what follows from them --------------------------------------------------------
 */

bool tg__function_inputs(const tg_function *f, tg_tensor *const *inputs, int n_in) {
    if (n_in < 0 || n_in > INT16_MAX || (n_in > 0 && inputs == NULL)) {
        tg__fail(TG_ERR_ARG, f->label, "%d inputs at %s; pass a list and its length", n_in,
                 inputs == NULL ? "NULL" : "the list");
        return false;
    }
    char name[16];
    for (int i = 0; i < n_in; i++) {
        snprintf(name, sizeof name, "input %d", i);
        if ((inputs[i] == NULL || !tg__is_none(inputs[i])) &&
            !tg__required(f->label, name, inputs[i]))
            return false;
    }
    return true;
}

bool tg__function_infer(const tg_function *f, tg_tensor *const *inputs, int n_in, int output,
                        tg_dtype *dtype, int *ndim, int64_t *shape) {
    tg__callback cb = tg__callback_enter(tg__function_owns(f));
    tg_status status = TG_ERR_MEMORY;
    *ndim = -1;
    *dtype = (tg_dtype)-1;
    if (tg__callback_ok(cb))
        status = f->methods.infer(f->ctx, inputs, n_in, output, dtype, ndim, shape);
    status = tg__callback_leave(cb, f->label, status, NULL, 0);
    if (status != TG_OK)
        tg__function_named(f, "infer");
    return status == TG_OK && tg__shape_check(f->label, *dtype, *ndim, shape, NULL, NULL);
}

tg_status tg_function_infer(tg_function *f, tg_tensor *const *inputs, int n_inputs, int output,
                            tg_dtype *dtype, int *ndim, int64_t *shape) {
    static const char op[] = "function_infer";
    if (f == NULL || dtype == NULL || ndim == NULL || shape == NULL)
        return tg__fail_null(op, f == NULL       ? "function"
                                 : dtype == NULL ? "dtype"
                                 : ndim == NULL  ? "ndim"
                                                 : "shape");
    if (f->methods.infer == NULL)
        return tg__fail(TG_ERR_UNSUPPORTED, op, "%s has no method infer; call it to see", f->label);
    if (output < 0 || output >= TG_FUNCTION_MAX_OUTPUTS)
        return tg__fail(TG_ERR_INDEX, op, "output %d; give 0 to %d", output,
                        TG_FUNCTION_MAX_OUTPUTS - 1);
    tg_status gate = tg__gate(tg__self());
    if (gate != TG_OK)
        return gate;
    if (!tg__function_inputs(f, inputs, n_inputs) ||
        !tg__function_infer(f, inputs, n_inputs, output, dtype, ndim, shape))
        return tg_error_status();
    return TG_OK;
}
