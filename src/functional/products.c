/* products.c - products of vectors with Jacobians and Hessians.
 *
 * Pulling is one backward. Pushing takes two: the gradients for seeds u are h(u) = Jᵀu, recorded,
 * and h is linear in u, so pulling the tangents back through it to u gives Jv. The Hessian is the
 * Jacobian of the gradient, so its products are the same two of what the first pull recorded. */
#include "functional/function.h"

#include <tensorgrad/tensorgrad.h>

/* ---- Pulling ---- */

bool tg__seed_fits(const char *op, const char *list, const char *of, int i, tg_tensor *seed,
                   const tg_tensor *x) {
    if (seed != NULL && !(seed->flags & TG__IS_NONE)) {
        if (seed->dtype == x->dtype && tg__same_shape(seed, x))
            return true;
        tg__fail(seed->dtype != x->dtype ? TG_ERR_DTYPE : TG_ERR_SHAPE, op,
                 "%s[%d] is %s and %s %d is %s; they must be alike", list, i, tg__describe(seed),
                 of, i, tg__describe(x));
        return false;
    }
    if (x->numel == 1)
        return true;
    tg__fail(TG_ERR_SHAPE, op,
             "%s %d is %s and %s[%d] is absent, which means 1 and is for one element only; give a "
             "tensor alike",
             of, i, tg__describe(x), list, i);
    return false;
}

static tg_tensor *seed_of(tg_tensor *const *seeds, int i) {
    return seeds != NULL ? seeds[i] : &tg__none_tensor;
}

/* Checks a list of seeds for the tensors x, which may not hold NULL. */
static bool seeds_fit(const char *op, const char *list, const char *of, tg_tensor *const *seeds,
                      tg_tensor *const *x, int n) {
    for (int i = 0; i < n; i++) {
        tg_tensor *seed = seed_of(seeds, i);
        if (seed == NULL) {
            tg__fail_null(op, list);
            return false;
        }
        if (!tg__seed_fits(op, list, of, i, seed, x[i]))
            return false;
    }
    return true;
}

static bool fill_zeros(tg_tensor **list, tg_tensor *const *like, int n) {
    for (int i = 0; i < n; i++) {
        if (list[i] == NULL)
            list[i] = tg_zeros_like(like[i]);
        if (list[i] == NULL)
            return false;
    }
    return true;
}

/* tg_gradients of those of roots[] that have a history; the others contribute nothing. */
static bool gradients(const tg__graph *g, tg_tensor *const *roots, tg_tensor *const *seeds,
                      int n_roots, tg_tensor *const *in, int n_in, tg_tensor **grads) {
    tg_tensor **list = tg__list_new(g->op, 2 * (int64_t)n_roots);
    if (list == NULL)
        return false;
    int live = 0;
    for (int k = 0; k < n_roots; k++) {
        if (!tg_requires_grad(roots[k]))
            continue;
        list[live] = roots[k];
        list[n_roots + live] = seed_of(seeds, k);
        live++;
    }
    for (int i = 0; i < n_in; i++)
        grads[i] = NULL;
    tg_gradients_options o = TG_GRADIENTS_OPTIONS_INIT;
    o.create_graph = g->create;
    o.retain_graph = g->retain;
    o.allow_unused = true;
    o.grad_outputs = list + n_roots;
    const char *was = tg__errors_as(g->op);
    bool good = live == 0 || tg_gradients(list, live, in, n_in, &o, grads) == TG_OK;
    tg__errors_back(was);
    tg__list_free(list, 2 * (int64_t)n_roots);
    return good && fill_zeros(grads, in, n_in);
}

bool tg__pull(const tg__graph *g, tg_tensor *const *seeds, tg_tensor **grads) {
    return gradients(g, g->out, seeds, g->n_out, g->in, g->n_in, grads);
}

/* ---- Pushing ---- */

bool tg__pull_seeds(const tg__graph *g, tg_tensor **u, tg_tensor **h) {
    for (int k = 0; k < g->n_out; k++) {
        u[k] = tg_requires_grad_(tg_zeros_like(g->out[k]), true);
        if (u[k] == NULL)
            return false;
    }
    tg__graph first = *g;
    first.create = true;
    return tg__pull(&first, u, h);
}

bool tg__push(const tg__graph *g, tg_tensor *const *tangents, tg_tensor **results) {
    int64_t n = (int64_t)g->n_out + g->n_in;
    tg_tensor **u = tg__list_new(g->op, n); /* [n_out] seeds, then [n_in] their images */
    if (u == NULL)
        return false;
    tg_tensor **h = u + g->n_out;
    bool good = tg__pull_seeds(g, u, h) && gradients(g, h, tangents, g->n_in, u, g->n_out, results);
    tg__list_free(u, n);
    return good;
}

/* ---- First order ---- */

tg_status tg_vjp(tg_fn fn, void *ctx, tg_tensor *const *inputs, int n_inputs,
                 tg_tensor *const *cotangents, int n_outputs, const tg_functional_options *options,
                 tg_tensor **outputs, tg_tensor **out) {
    tg__session s;
    if (!tg__session_begin(&s, "vjp", fn, ctx, inputs, n_inputs, n_outputs, options, out, n_inputs,
                           outputs))
        return tg_error_status();
    bool good = seeds_fit("vjp", "cotangents", "output", cotangents, s.out, n_outputs) &&
                tg__pull(&s.g, cotangents, out);
    return tg__session_end(&s, good, out, n_inputs, outputs);
}

tg_status tg_jvp(tg_fn fn, void *ctx, tg_tensor *const *inputs, int n_inputs,
                 tg_tensor *const *tangents, int n_outputs, const tg_functional_options *options,
                 tg_tensor **outputs, tg_tensor **derivatives) {
    tg__session s;
    if (!tg__session_begin(&s, "jvp", fn, ctx, inputs, n_inputs, n_outputs, options, derivatives,
                           n_outputs, outputs))
        return tg_error_status();
    bool good = seeds_fit("jvp", "tangents", "input", tangents, s.in, n_inputs) &&
                tg__push(&s.g, tangents, derivatives);
    return tg__session_end(&s, good, derivatives, n_outputs, outputs);
}

/* ---- Second order ---- */

typedef bool (*product_fn)(const tg__graph *g, tg_tensor *const *vectors, tg_tensor **products);

/* The product of `vectors` with the Jacobian of the gradient. */
static bool of_gradient(tg__session *s, product_fn product, tg_tensor *const *vectors,
                        tg_tensor **products) {
    if (!tg__one_element(s->f.op, s->out[0]) ||
        !seeds_fit(s->f.op, "vectors", "input", vectors, s->in, s->g.n_in))
        return false;
    tg_tensor **grads = tg__list_new(s->f.op, s->g.n_in);
    if (grads == NULL)
        return false;
    tg__graph first = s->g;
    first.create = true;
    bool good = tg__pull(&first, NULL, grads);
    tg__graph second = s->g;
    second.out = grads;
    second.n_out = s->g.n_in;
    good = good && product(&second, vectors, products);
    tg__list_free(grads, s->g.n_in);
    return good;
}

static tg_status second_order(const char *op, product_fn product, tg_fn fn, void *ctx,
                              tg_tensor *const *inputs, int n_inputs, tg_tensor *const *vectors,
                              const tg_functional_options *options, tg_tensor **value,
                              tg_tensor **products) {
    tg__session s;
    if (!tg__session_begin(&s, op, fn, ctx, inputs, n_inputs, 1, options, products, n_inputs,
                           value))
        return tg_error_status();
    bool good = of_gradient(&s, product, vectors, products);
    return tg__session_end(&s, good, products, n_inputs, value);
}

tg_status tg_hvp(tg_fn fn, void *ctx, tg_tensor *const *inputs, int n_inputs,
                 tg_tensor *const *vectors, const tg_functional_options *options, tg_tensor **value,
                 tg_tensor **products) {
    return second_order("hvp", tg__push, fn, ctx, inputs, n_inputs, vectors, options, value,
                        products);
}

tg_status tg_vhp(tg_fn fn, void *ctx, tg_tensor *const *inputs, int n_inputs,
                 tg_tensor *const *vectors, const tg_functional_options *options, tg_tensor **value,
                 tg_tensor **products) {
    return second_order("vhp", tg__pull, fn, ctx, inputs, n_inputs, vectors, options, value,
                        products);
}

/* ---- The pull as a function itself ---- */

/* Inputs for the function, and of them those whose gradient is asked for. */
static bool choose_inputs(const tg__pullback *p, tg_tensor *const *given, bool create,
                          tg_tensor **x, tg_tensor **wanted) {
    for (int i = 0; i < p->n_in; i++) {
        if (create && tg_requires_grad(given[i]))
            x[i] = given[i];
        else if (p->recorded[i])
            x[i] = tg__stand_in(given[i], false);
        else
            x[i] = tg_requires_grad(given[i]) ? tg_detach(given[i]) : given[i];
        if (x[i] == NULL)
            return false;
        if (p->wanted[i])
            *wanted++ = x[i];
    }
    return true;
}

tg_status tg__pullback_call(void *ctx, tg_tensor *const *inputs, int n_inputs, tg_tensor **outputs,
                            int n_outputs) {
    const tg__pullback *p = ctx;
    bool create = tg_grad_enabled();
    (void)n_inputs;
    tg_set_grad_enabled(true); /* the scope around this call restores it */
    int64_t n = 2 * (int64_t)p->n_in + 2 * (int64_t)p->n_out;
    tg_tensor **x = tg__list_new(p->f.op, n);
    if (x == NULL)
        return TG_ERR_MEMORY;
    tg_tensor **wanted = x + p->n_in;
    tg_tensor **out = wanted + p->n_in;
    tg_tensor **seeded = out + p->n_out;
    bool good = choose_inputs(p, inputs, create, x, wanted) &&
                tg__function_call(&p->f, x, p->n_in, out, p->n_out);
    int n_seeded = 0;
    for (int k = 0; k < p->n_out && good; k++)
        if (p->seeded[k])
            seeded[n_seeded++] = out[k];
    tg__graph g = {.op = p->f.op,
                   .out = seeded,
                   .n_out = n_seeded,
                   .in = wanted,
                   .n_in = n_outputs,
                   .create = create};
    good = good && tg__pull(&g, inputs + p->n_in, outputs);
    tg__list_free(x, n);
    return good ? TG_OK : tg_error_status();
}
