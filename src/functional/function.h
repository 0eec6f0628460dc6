/* function.h - functions that the user gives: calling them, and differentiating what they record.
 */
#ifndef TG_FUNCTIONAL_FUNCTION_H
#define TG_FUNCTIONAL_FUNCTION_H

#include "core/tensor.h"

#include <tensorgrad/functional.h>

typedef struct {
    const char *op; /* for messages */
    tg_fn call;
    void *ctx;
    bool owns;
} tg__function;

/* Calls f and gives its outputs to the open scope. False with an error: all of out[] is NULL, and
 * the thread's default generator is where it was. */
bool tg__function_call(const tg__function *f, tg_tensor *const *in, int n_in, tg_tensor **out,
                       int n_out);
/* Checks a function and its lists; inputs must be there, and floats if so asked. */
bool tg__function_check(const tg__function *f, tg_tensor *const *in, int n_in, int n_out,
                        bool floats);
/* False with an error if a list of results lies over the inputs, which it would overwrite. */
bool tg__lists_apart(const char *op, tg_tensor *const *in, int n_in, tg_tensor **out,
                     int64_t n_out);
/* The flags of an options struct. */
bool tg__flags_check(const char *op, const char *what, uint32_t flags);
/* A zeroed list of n pointers; NULL with an error. Free it with tg__list_free. */
tg_tensor **tg__list_new(const char *op, int64_t n);
void tg__list_free(tg_tensor **list, int64_t n);

/* x as a leaf of its own that requires gradients; `linked`: as a result that leads back to x, if x
 * requires gradients. */
tg_tensor *tg__stand_in(tg_tensor *x, bool linked);

/* ---- Outputs that were recorded from inputs ---- */

typedef struct {
    const char *op; /* for messages */
    tg_tensor *const *out;
    int n_out;
    tg_tensor *const *in;
    int n_in;
    bool create; /* with history */
    bool retain; /* the graph is walked again */
} tg__graph;

/* All results belong to the open scope; zeros where nothing depends. False with an error. */

/* grads[i]: Σ seeds[k] · ∂out[k]/∂in[i]. seeds or an entry TG_NONE: 1. */
bool tg__pull(const tg__graph *g, tg_tensor *const *seeds, tg_tensor **grads);
/* results[k]: Σ ∂out[k]/∂in[i] · tangents[i]. */
bool tg__push(const tg__graph *g, tg_tensor *const *tangents, tg_tensor **results);
/* rows[k · n_in + i]: the Jacobian as [numel(out[k]), numel(in[i])], one pull per row. */
bool tg__rows(const tg__graph *g, tg_tensor **rows);
/* The same, by columns where that is cheaper. */
bool tg__jacobian_of(const tg__graph *g, tg_tensor **matrices);
/* Makes leaves u[k] like the outputs, and h[i]: Σ u[k] · ∂out[k]/∂in[i], recorded. */
bool tg__pull_seeds(const tg__graph *g, tg_tensor **u, tg_tensor **h);
/* False with an error unless y, of a function, has one element. */
bool tg__one_element(const char *op, const tg_tensor *y);
/* False with an error unless seed (NULL or TG_NONE: 1) fits x. */
bool tg__seed_fits(const char *op, const char *list, const char *of, int i, tg_tensor *seed,
                   const tg_tensor *x);

/* The function (x…, seeds…) ↦ gradients of f: one seed for each output that `seeded` marks, and the
 * gradient of each input that `wanted` marks. A tg_fn, with a tg__pullback as ctx; recorded where
 * recording is on, and then a function of the inputs that `recorded` marks. */
typedef struct {
    tg__function f;
    int n_in, n_out;
    const bool *wanted;   /* [n_in] */
    const bool *recorded; /* [n_in] at least those wanted */
    const bool *seeded;   /* [n_out] */
} tg__pullback;
tg_status tg__pullback_call(void *ctx, tg_tensor *const *inputs, int n_inputs, tg_tensor **outputs,
                            int n_outputs);

/* ---- A public call: fn on stand-ins of the inputs, inside a scope ---- */

typedef struct {
    tg__function f;
    tg__graph g; /* of what f recorded */
    tg_tensor **in, **out;
    tg_scope scope;
} tg__session;

/* Checks, opens a scope with recording on, calls fn. False with an error: nothing to end. Sets
 * results[0..n_results) and values[0..n_outputs) to NULL in any case; values may be NULL. */
bool tg__session_begin(tg__session *s, const char *op, tg_fn fn, void *ctx,
                       tg_tensor *const *inputs, int n_inputs, int n_outputs,
                       const tg_functional_options *options, tg_tensor **results, int64_t n_results,
                       tg_tensor **values);
/* Closes the scope and hands out results[0..n), and values[0..n_outputs) unless NULL. */
tg_status tg__session_end(tg__session *s, bool good, tg_tensor **results, int64_t n_results,
                          tg_tensor **values);

#endif
