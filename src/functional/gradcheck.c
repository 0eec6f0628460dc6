/* gradcheck.c - derivatives held against central differences.
 *
 * Both sides are the numbers v·(J u) for directions u of an input and functionals v of an output:
 * in full every pair of unit vectors, so that each is an element of the Jacobian, in fast mode one
 * random pair. The second order is the first order of the pullback (products.c), whose inputs are
 * those of the function and a random gradient for each output. */
#include "functional/function.h"

#include "base/options.h"
#include "base/threads.h"

#include <tensorgrad/tensorgrad.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    tg__function f;
    tg_gradcheck_options o;
    int n_in, n_out;
    tg_generator_state random; /* of the thread, at the call */
    tg_tensor **in;            /* [n_in] without history; those checked contiguous */
    tg_tensor **u;             /* [n_in] directions of the fast mode, or NULL */
    tg_tensor **v;     /* [n_out] functionals of the fast mode; NULL: an output not compared */
    tg_tensor **exact; /* [n_out, n_in] analytic: [functionals, directions] f64 */
    tg_tensor **first; /* [n_out] values at the inputs */
    bool *checked;     /* [n_in] */
    tg_gradcheck_result r;
    int64_t wrong;
} check;

/* ---- Running the function ---- */

/* In the state of the generator that the call found. */
static bool run(const check *c, tg_tensor *const *in, tg_tensor **out) {
    if (tg__interrupted()) {
        tg__fail(TG_ERR_INTERRUPTED, c->f.op, "interrupted by the interrupt check");
        return false;
    }
    return tg_generator_set_state(NULL, &c->random) == TG_OK &&
           tg__function_call(&c->f, in, c->n_in, out, c->n_out);
}

/* The float outputs as contiguous f64, without history; the others as they are. */
static bool values(const check *c, tg_tensor *const *in, tg_tensor **out) {
    bool was = tg_set_grad_enabled(false);
    bool good = run(c, in, out);
    for (int k = 0; k < c->n_out && good; k++) {
        if (tg_dtype_is_float(tg_dtype_of(out[k])))
            out[k] = tg_contiguous(tg_cast(tg_detach(out[k]), TG_F64));
        good = out[k] != NULL;
    }
    tg_set_grad_enabled(was);
    return good;
}

static const double *numbers(const tg_tensor *x) { return (const double *)(const void *)x->data; }

static double dot(const tg_tensor *a, const tg_tensor *b) {
    double sum = 0;
    for (int64_t i = 0; i < a->numel; i++)
        sum += numbers(a)[i] * numbers(b)[i];
    return sum;
}

/* ---- Nondeterminism ---- */

static bool differ(check *c, const char *what, int k, int64_t e, double a, double b) {
    snprintf(c->r.text, sizeof c->r.text,
             "%s: not deterministic: %s %d, element %lld, was %s and then %s, for the same inputs",
             c->f.op, what, k, (long long)e, isnan(a) ? "nan" : tg__num(a),
             isnan(b) ? "nan" : tg__num(b));
    c->wrong++;
    return false;
}

/* False, with the report written, if b is not a within nondet_tol. */
static bool repeats(check *c, const char *what, int k, const tg_tensor *a, const tg_tensor *b) {
    if (!tg__same_shape(a, b))
        return differ(c, what, k, -1, (double)a->numel, (double)b->numel);
    for (int64_t e = 0; e < a->numel; e++) {
        double x = numbers(a)[e];
        double y = numbers(b)[e];
        bool same = x == y || (isnan(x) && isnan(y)) || fabs(x - y) <= c->o.nondet_tol;
        if (!same)
            return differ(c, what, k, e, x, y);
    }
    return true;
}

/* ---- Analytic ---- */

/* v·(J u) of the fast mode, from the gradients for the seed v. */
static bool project(const check *c, const tg__graph *g, int k, tg_tensor *const *wanted_u,
                    tg_tensor **row, tg_tensor **grads) {
    tg__graph one = *g;
    one.out = g->out + k;
    one.n_out = 1;
    tg_tensor *seed = tg_cast(c->v[k], tg_dtype_of(g->out[k]));
    if (seed == NULL || !tg__pull(&one, &seed, grads))
        return false;
    for (int i = 0; i < g->n_in; i++) {
        tg_tensor *flat = tg_contiguous(grads[i]);
        row[i] = flat != NULL ? tg_full(TG_F64, 2, (const int64_t[]){1, 1}, dot(flat, wanted_u[i]))
                              : NULL;
        if (row[i] == NULL)
            return false;
    }
    return true;
}

/* rows[k · n + j] for output k and the j-th checked input; NULL where v[k] is. */
static bool derive(const check *c, const tg__graph *g, tg_tensor *const *wanted_u,
                   tg_tensor **rows) {
    tg_tensor **grads = tg__list_new(c->f.op, g->n_in);
    bool good = grads != NULL;
    for (int k = 0; k < c->n_out && good; k++) {
        tg_tensor **row = rows + (int64_t)k * g->n_in;
        tg__graph one = *g;
        one.out = g->out + k;
        one.n_out = 1;
        if (c->v[k] == NULL)
            continue;
        good = c->o.fast ? project(c, g, k, wanted_u, row, grads) : tg__rows(&one, row);
        for (int j = 0; j < g->n_in && good; j++) {
            row[j] = tg_contiguous(row[j]);
            good = row[j] != NULL;
        }
    }
    if (grads != NULL)
        tg__list_free(grads, g->n_in);
    return good;
}

/* exact[k · n_in + i] for every checked input. */
static bool analytic(const check *c, tg_tensor **exact) {
    int64_t n = 3 * (int64_t)c->n_in + c->n_out + (int64_t)c->n_out * c->n_in;
    tg_tensor **x = tg__list_new(c->f.op, n);
    if (x == NULL)
        return false;
    tg_tensor **wanted = x + c->n_in;
    tg_tensor **wanted_u = wanted + c->n_in;
    tg_tensor **out = wanted_u + c->n_in;
    tg_tensor **rows = out + c->n_out;
    int n_wanted = 0;
    bool good = true;
    for (int i = 0; i < c->n_in && good; i++) {
        x[i] = c->checked[i] ? tg__stand_in(c->in[i], false) : c->in[i];
        good = x[i] != NULL;
        if (!c->checked[i])
            continue;
        wanted[n_wanted] = x[i];
        wanted_u[n_wanted++] = c->u[i];
    }
    bool was = tg_set_grad_enabled(true);
    good = good && run(c, x, out);
    tg__graph g = {.op = c->f.op,
                   .out = out,
                   .n_out = c->n_out,
                   .in = wanted,
                   .n_in = n_wanted,
                   .retain = true};
    good = good && derive(c, &g, wanted_u, rows);
    tg_set_grad_enabled(was);
    for (int k = 0; k < c->n_out && good; k++)
        for (int i = 0, j = 0; i < c->n_in; i++)
            if (c->checked[i])
                exact[(int64_t)k * c->n_in + i] = rows[(int64_t)k * n_wanted + j++];
    tg__list_free(x, n);
    return good;
}

/* Twice, and compared. False with an error pending, or with c->wrong. */
static bool analytic_twice(check *c) {
    int64_t n = (int64_t)c->n_out * c->n_in;
    tg_tensor **again = tg__list_new(c->f.op, n);
    bool good = again != NULL && analytic(c, c->exact) && analytic(c, again);
    for (int k = 0; k < c->n_out && good; k++)
        for (int i = 0; i < c->n_in && good; i++)
            if (c->checked[i] && c->v[k] != NULL)
                good = repeats(c, "the gradient by input", i, c->exact[(int64_t)k * c->n_in + i],
                               again[(int64_t)k * c->n_in + i]);
    if (again != NULL)
        tg__list_free(again, n);
    return good;
}

/* ---- Numeric ---- */

/* Values at in + step · (direction e of input i). */
static bool values_at(const check *c, int i, int64_t e, double step, tg_tensor **x,
                      tg_tensor **out) {
    for (int j = 0; j < c->n_in; j++)
        x[j] = c->in[j];
    x[i] = tg_clone(c->in[i]);
    double *data = x[i] != NULL ? (double *)(void *)x[i]->data : NULL;
    if (data == NULL)
        return false;
    if (!c->o.fast)
        data[e] += step;
    for (int64_t j = 0; c->o.fast && j < x[i]->numel; j++)
        data[j] += step * numbers(c->u[i])[j];
    return values(c, x, out);
}

static void compare(check *c, int k, int64_t o, int i, int64_t e, double exact, double numeric) {
    double error = fabs(exact - numeric);
    double allowed = c->o.atol + c->o.rtol * fabs(numeric);
    double excess = exact == numeric                          ? 0
                    : error < (double)INFINITY && allowed > 0 ? error / allowed
                                                              : (double)INFINITY;
    c->r.compared++;
    c->wrong += excess > 1;
    if (c->r.input >= 0 && !(excess > c->r.excess))
        return;
    c->r.input = i;
    c->r.output = k;
    c->r.input_element = c->o.fast ? -1 : e;
    c->r.output_element = c->o.fast ? -1 : o;
    c->r.analytic = exact;
    c->r.numeric = numeric;
    c->r.excess = excess;
}

/* All functionals of all outputs, along direction e of input i. */
static bool compare_along(check *c, int i, int64_t e, tg_tensor **lists) {
    tg_tensor **x = lists;
    tg_tensor **up = x + c->n_in;
    tg_tensor **down = up + c->n_out;
    double h = c->o.eps;
    if (!values_at(c, i, e, h, x, up) || !values_at(c, i, e, -h, x, down))
        return false;
    for (int k = 0; k < c->n_out; k++) {
        if (c->v[k] == NULL)
            continue;
        if (!tg__same_shape(up[k], c->first[k]) || !tg__same_shape(down[k], c->first[k])) {
            tg__fail(TG_ERR_SHAPE, c->f.op,
                     "output %d is %s at the inputs and %s beside them; its shape must not depend "
                     "on their values",
                     k, tg__describe(c->first[k]), tg__describe(up[k]));
            return false;
        }
        const double *exact = numbers(c->exact[(int64_t)k * c->n_in + i]);
        if (c->o.fast) {
            compare(c, k, 0, i, 0, exact[0],
                    (dot(up[k], c->v[k]) - dot(down[k], c->v[k])) / (2 * h));
            continue;
        }
        for (int64_t o = 0; o < up[k]->numel; o++)
            compare(c, k, o, i, e, exact[o * c->in[i]->numel + e],
                    (numbers(up[k])[o] - numbers(down[k])[o]) / (2 * h));
    }
    return true;
}

static bool compare_all(check *c) {
    int64_t n = (int64_t)c->n_in + 2 * (int64_t)c->n_out;
    tg_tensor **lists = tg__list_new(c->f.op, n);
    bool good = lists != NULL;
    for (int i = 0; i < c->n_in && good; i++) {
        int64_t directions = !c->checked[i] ? 0 : c->o.fast ? 1 : c->in[i]->numel;
        for (int64_t e = 0; e < directions && good; e++) {
            tg_scope s = tg_scope_open();
            good = compare_along(c, i, e, lists);
            good = tg_scope_close(s) == TG_OK && good;
        }
    }
    if (lists != NULL)
        tg__list_free(lists, n);
    return good;
}

/* ---- Report ---- */

static const char *place(int64_t element) {
    char *buf = tg__desc_buffer();
    if (element < 0)
        snprintf(buf, TG__DESC_BYTES, "in a random direction");
    else
        snprintf(buf, TG__DESC_BYTES, "element %lld", (long long)element);
    return buf;
}

static const char *text_of(double value) {
    return isnan(value) ? "nan" : isinf(value) ? (value < 0 ? "-inf" : "inf") : tg__num(value);
}

static void report(check *c) {
    tg_gradcheck_result *r = &c->r;
    r->passed = c->wrong == 0;
    if (r->text[0] != '\0') /* not deterministic */
        return;
    int at = snprintf(r->text, sizeof r->text, "%s: %lld of %lld derivatives differ", c->f.op,
                      (long long)c->wrong, (long long)r->compared);
    if (r->compared == 0)
        return;
    snprintf(r->text + at, sizeof r->text - (size_t)at,
             "; the worst is output %d, %s, by input %d, %s: analytic %s, numeric %s, %s times the "
             "tolerance",
             (int)r->output, place(r->output_element), (int)r->input, place(r->input_element),
             text_of(r->analytic), text_of(r->numeric), text_of(r->excess));
}

/* ---- The check ---- */

static bool check_options(const char *op, const tg_gradcheck_options *given,
                          tg_gradcheck_options *o) {
    if (tg__options(op, "tg_gradcheck_options", "TG_GRADCHECK_OPTIONS_INIT", given, o, sizeof *o) !=
            TG_OK ||
        !tg__flags_check(op, "tg_gradcheck_options", o->flags))
        return false;
    const struct {
        const char *name;
        double value;
        bool positive;
    } all[] = {{"eps", o->eps, true},
               {"atol", o->atol, false},
               {"rtol", o->rtol, false},
               {"nondet_tol", o->nondet_tol, false}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (isfinite(all[i].value) && (all[i].positive ? all[i].value > 0 : all[i].value >= 0))
            continue;
        tg__fail(TG_ERR_ARG, op, "%s is %s; give a finite number %s 0", all[i].name,
                 text_of(all[i].value), all[i].positive ? "above" : "of at least");
        return false;
    }
    return true;
}

static bool check_result(const char *op, const tg_gradcheck_result *r) {
    if (r == NULL || r->size == sizeof *r)
        return true;
    tg__fail(TG_ERR_ARG, op, "result.size is %u; begin with TG_GRADCHECK_RESULT_INIT",
             (unsigned)r->size);
    return false;
}

/* Which inputs to check: those that require gradients, else all f64. */
static bool choose(const char *op, tg_tensor *const *in, int n, bool *checked) {
    bool any = false;
    for (int i = 0; i < n; i++)
        any |= tg_requires_grad(in[i]);
    int n_checked = 0;
    for (int i = 0; i < n; i++) {
        checked[i] = any ? tg_requires_grad(in[i]) : in[i]->dtype == TG_F64;
        n_checked += checked[i];
        if (!checked[i] || in[i]->dtype == TG_F64)
            continue;
        tg__fail(
            TG_ERR_DTYPE, op,
            "input %d is %s; differences need f64: tg_cast it, or let it not require gradients", i,
            tg__describe(in[i]));
        return false;
    }
    if (n_checked == 0)
        tg__fail(TG_ERR_DTYPE, op,
                 "none of the %d inputs is f64, and differences need f64: tg_cast", n);
    return n_checked > 0;
}

static tg_tensor *random_like(const tg_tensor *x, tg_generator *g) {
    return tg_randn(TG_F64, x->ndim, x->shape, g);
}

/* Inputs without history, values at them, and the directions. */
static bool prepare(check *c, tg_tensor *const *given, tg_generator *g) {
    for (int i = 0; i < c->n_in; i++) {
        c->in[i] = tg_detach(given[i]);
        if (c->checked[i])
            c->in[i] = tg_contiguous(c->in[i]);
        if (c->in[i] == NULL)
            return false;
        if (c->checked[i] && c->o.fast && (c->u[i] = random_like(c->in[i], g)) == NULL)
            return false;
    }
    if (!values(c, c->in, c->first))
        return false;
    for (int k = 0; k < c->n_out; k++) { /* in full mode v only says which outputs count */
        if (!tg_dtype_is_float(tg_dtype_of(c->first[k])))
            continue;
        c->v[k] = c->o.fast ? random_like(c->first[k], g) : c->first[k];
        if (c->v[k] == NULL)
            return false;
    }
    return true;
}

/* False with an error pending; differences are counted. */
static bool compare_everything(check *c, tg_tensor *const *given, tg_generator *g) {
    tg_tensor **again = tg__list_new(c->f.op, c->n_out);
    bool good = again != NULL && prepare(c, given, g) && values(c, c->in, again);
    bool same = good;
    for (int k = 0; k < c->n_out && same; k++)
        if (c->v[k] != NULL)
            same = repeats(c, "output", k, c->first[k], again[k]);
    if (again != NULL)
        tg__list_free(again, c->n_out);
    if (!good || !same)
        return good;
    return analytic_twice(c) ? compare_all(c) : c->wrong > 0;
}

/* The body of both checks; checked[] says which inputs. */
static tg_status carry_out(const tg__function *f, const tg_gradcheck_options *o,
                           tg_tensor *const *given, int n_in, bool *checked, int n_out,
                           tg_gradcheck_result *result) {
    check c = {.f = *f, .o = *o, .n_in = n_in, .n_out = n_out, .checked = checked};
    c.r = (tg_gradcheck_result)TG_GRADCHECK_RESULT_INIT;
    int64_t n = 2 * ((int64_t)n_in + n_out) + (int64_t)n_in * n_out;
    if (tg_generator_get_state(NULL, &c.random) != TG_OK)
        return tg_error_status();
    tg_generator *g = tg_generator_new(o->seed);
    tg_tensor **lists = g != NULL ? tg__list_new(f->op, n) : NULL;
    tg_status status = tg_error_status();
    if (lists != NULL) {
        c.in = lists;
        c.u = c.in + n_in;
        c.v = c.u + n_in;
        c.first = c.v + n_out;
        c.exact = c.first + n_out;
        tg_scope s = tg_scope_open();
        bool good = tg__gate(tg__self()) == TG_OK && compare_everything(&c, given, g);
        status = tg_scope_close(s);
        if (!good && status == TG_OK)
            status = TG_ERR_INTERNAL; /* never: nothing fails without an error */
        tg__list_free(lists, n);
    }
    tg_generator_free(g);
    (void)tg_generator_set_state(NULL, &c.random);
    if (status != TG_OK)
        return status;
    report(&c);
    if (result != NULL)
        *result = c.r;
    return c.r.passed ? TG_OK
                      : tg__fail(TG_ERR_NUMERIC, f->op,
                                 "%s; mend the gradient rule, or check that the "
                                 "function is smooth at these inputs",
                                 c.r.text + strlen(f->op) + 2);
}

static bool begin(const tg__function *f, tg_tensor *const *inputs, int n_inputs, int n_outputs,
                  const tg_gradcheck_options *options, tg_gradcheck_options *o,
                  const tg_gradcheck_result *result, bool **checked) {
    *checked = NULL;
    if (tg__gate(tg__self()) != TG_OK ||
        !tg__function_check(f, inputs, n_inputs, n_outputs, false) ||
        !check_options(f->op, options, o) || !check_result(f->op, result))
        return false;
    int64_t n = (int64_t)n_inputs + n_outputs; /* the second order adds inputs */
    *checked = tg__alloc_zero((size_t)n);
    if (*checked == NULL) {
        tg__fail_memory(f->op, (uint64_t)n);
        return false;
    }
    if (choose(f->op, inputs, n_inputs, *checked))
        return true;
    tg__free(*checked, (size_t)n);
    return false;
}

tg_status tg_gradcheck(tg_fn fn, void *ctx, tg_tensor *const *inputs, int n_inputs, int n_outputs,
                       const tg_gradcheck_options *options, tg_gradcheck_result *result) {
    tg__function f = {"gradcheck", fn, ctx, false};
    tg_gradcheck_options o = TG_GRADCHECK_OPTIONS_INIT;
    bool *checked;
    if (!begin(&f, inputs, n_inputs, n_outputs, options, &o, result, &checked))
        return tg_error_status();
    f.owns = (o.flags & TG_CALLBACK_OWNS) != 0;
    tg_status status = carry_out(&f, &o, inputs, n_inputs, checked, n_outputs, result);
    tg__free(checked, (size_t)n_inputs + (size_t)n_outputs);
    return status;
}

/* ---- Second order ---- */

/* Appends a random gradient for each float output of the function to list[n_in…]; marks those
 * outputs, and as checked the gradients that are f64. How many, or -1. */
static int seeds_for(const tg__function *f, const tg_gradcheck_options *o, tg_tensor **list,
                     int n_in, int n_out, bool *checked, bool *seeded) {
    tg_tensor **out = tg__list_new(f->op, n_out);
    tg_generator *g = out != NULL ? tg_generator_new(o->seed + 1) : NULL;
    bool was = tg_set_grad_enabled(false);
    tg_generator_state random;
    bool good = g != NULL && tg_generator_get_state(NULL, &random) == TG_OK;
    if (good) {
        good = tg__function_call(f, list, n_in, out, n_out);
        (void)tg_generator_set_state(NULL, &random);
    }
    int n = 0;
    for (int k = 0; k < n_out && good; k++) {
        seeded[k] = tg_dtype_is_float(tg_dtype_of(out[k]));
        if (!seeded[k])
            continue;
        checked[n_in + n] = out[k]->dtype == TG_F64;
        list[n_in + n] = tg_cast(random_like(out[k], g), (tg_dtype)out[k]->dtype);
        good = list[n_in + n++] != NULL;
    }
    tg_set_grad_enabled(was);
    tg_generator_free(g);
    if (out != NULL)
        tg__list_free(out, n_out);
    return good ? n : -1;
}

static tg_status second(const tg__function *f, const tg_gradcheck_options *o,
                        tg_tensor *const *inputs, int n_in, int n_out, bool *checked,
                        tg_gradcheck_result *result) {
    int64_t n_list = (int64_t)n_in + n_out;
    size_t n_masks = (size_t)n_list;
    tg_tensor **list = tg__list_new(f->op, n_list);
    bool *masks = tg__alloc_zero(n_masks); /* [n_in] wanted, [n_out] seeded */
    if (masks == NULL)
        tg__fail_memory(f->op, n_masks);
    tg_status status = list == NULL || masks == NULL ? TG_ERR_MEMORY : TG_OK;
    int n_wanted = 0;
    for (int i = 0; i < n_in && status == TG_OK; i++) {
        list[i] = inputs[i];
        masks[i] = checked[i];
        n_wanted += checked[i];
    }
    if (status == TG_OK) {
        tg_scope s = tg_scope_open();
        int n_seeds = tg__gate(tg__self()) == TG_OK
                          ? seeds_for(f, o, list, n_in, n_out, checked, masks + n_in)
                          : -1;
        tg__pullback p = {*f, n_in, n_out, masks, masks, masks + n_in};
        tg__function pull = {f->op, tg__pullback_call, &p, false};
        if (n_seeds >= 0)
            status = carry_out(&pull, o, list, n_in + n_seeds, checked, n_wanted, result);
        tg_status closed = tg_scope_close(s);
        status = status != TG_OK ? status : closed;
    }
    tg__free(masks, n_masks);
    if (list != NULL)
        tg__list_free(list, n_list);
    return status;
}

tg_status tg_gradgradcheck(tg_fn fn, void *ctx, tg_tensor *const *inputs, int n_inputs,
                           int n_outputs, const tg_gradcheck_options *options,
                           tg_gradcheck_result *result) {
    tg__function f = {"gradgradcheck", fn, ctx, false};
    tg_gradcheck_options o = TG_GRADCHECK_OPTIONS_INIT;
    bool *checked;
    if (!begin(&f, inputs, n_inputs, n_outputs, options, &o, result, &checked))
        return tg_error_status();
    f.owns = (o.flags & TG_CALLBACK_OWNS) != 0;
    tg_status status = second(&f, &o, inputs, n_inputs, n_outputs, checked, result);
    tg__free(checked, (size_t)n_inputs + (size_t)n_outputs);
    return status;
}

/* ---- Operations ---- */

typedef struct {
    const char *name;
    const tg_attr *attrs;
    int n_attrs;
} op_call;

static tg_status call_op(void *ctx, tg_tensor *const *inputs, int n_inputs, tg_tensor **outputs,
                         int n_outputs) {
    const op_call *c = ctx;
    return tg_op_call(c->name, inputs, n_inputs, c->attrs, c->n_attrs, outputs, n_outputs);
}

tg_status tg_gradcheck_op(const char *name, tg_tensor *const *inputs, int n_inputs,
                          const tg_attr *attrs, int n_attrs, bool of_second_order,
                          const tg_gradcheck_options *options, tg_gradcheck_result *result) {
    tg_status gate = tg__gate(tg__self());
    if (gate != TG_OK)
        return gate;
    int number = tg_op_find(name);
    if (number < 0)
        return tg__fail(TG_ERR_ARG, "gradcheck_op",
                        "there is no operation %s; tg_op_describe lists them", tg__quote(name));
    tg_op_info info;
    if (tg_op_describe(number, &info) != TG_OK)
        return tg_error_status();
    op_call c = {name, attrs, n_attrs};
    return (of_second_order ? tg_gradgradcheck : tg_gradcheck)(call_op, &c, inputs, n_inputs,
                                                               info.n_outputs, options, result);
}
