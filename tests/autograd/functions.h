/* functions.h - functions of the user's to test with. */
#ifndef TG_FUNCTIONS_H
#define TG_FUNCTIONS_H

#include "tensors.h"

#include <tensorgrad/custom.h>

/* ctx of a function under test: how often what was called. */
typedef struct {
    int forwards, backwards, destroyed;
    int wanted; /* the mask that backward saw */
} counts;

static inline void count_destroyed(void *ctx) { ((counts *)ctx)->destroyed++; }

/* x³ of the first input: y = x·x², dx = g·3x². */
static inline tg_status cube_forward(void *ctx, tg_call *call, tg_tensor *const *in, int n_in,
                                     tg_tensor **out, int n_out) {
    (void)n_in;
    (void)n_out;
    if (ctx != NULL)
        ((counts *)ctx)->forwards++;
    out[0] = tg_mul(in[0], tg_square(in[0]));
    return tg_call_save(call, in, 1);
}
static inline tg_status cube_backward(void *ctx, tg_call *call, tg_tensor *const *g, int n_out,
                                      tg_tensor **gin, int n_in) {
    (void)n_in;
    (void)n_out;
    if (ctx != NULL)
        ((counts *)ctx)->backwards++;
    gin[0] = tg_mul(g[0], tg_mul_scalar(tg_square(tg_call_saved(call, 0)), 3));
    return TG_OK;
}
static inline tg_function_class cube_class(void) {
    return (tg_function_class){.size = sizeof(tg_function_class),
                               .name = "cube",
                               .forward = cube_forward,
                               .backward = cube_backward,
                               .destroy = NULL};
}

static inline tg_function *function_of(const tg_function_class *methods, void *ctx) {
    tg_function *f = tg_function_new(methods, ctx);
    if (f == NULL)
        fail_msg("no function: %s", tg_error_message());
    return f;
}

/* One input, one output. */
static inline tg_tensor *call1(tg_function *f, tg_tensor *x) {
    tg_tensor *y;
    return tg_function_call(f, &x, 1, &y, 1) == TG_OK ? y : NULL;
}

/* The same with a function made for the occasion, which the graph keeps. */
static inline tg_tensor *once(const tg_function_class *methods, void *ctx, tg_tensor *x) {
    tg_function *f = function_of(methods, ctx);
    tg_tensor *y = call1(f, x);
    tg_function_free(f);
    return y;
}

#endif
