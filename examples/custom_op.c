/* custom_op.c - an operation of your own: forward and backward as two callbacks.
 *
 * The operation is swish, y = x·σ(βx), with a factor β that is learned too. Forward saves what
 * backward needs; backward is written in the library's operations, so that second derivatives
 * follow by themselves. They are compared with central differences; the program fails if one is
 * wrong. */
#include <tensorgrad/tensorgrad.h>

#include <math.h>
#include <stdio.h>

/* inputs x, beta; y = x·s with s = σ(βx) */
static tg_status swish_forward(void *ctx, tg_call *call, tg_tensor *const *in, int n_in,
                               tg_tensor **out, int n_out) {
    (void)ctx, (void)n_in, (void)n_out;
    tg_tensor *s = tg_sigmoid(tg_mul(in[1], in[0]));
    out[0] = tg_mul(in[0], s);
    return tg_call_save(call, in, 2);
}

/* With d = s(1 - s): dy/dx = s + βx·d, dy/dβ = x²·d. Saved are the inputs, not s: what forward made
 * on its way has no history, and a second derivative would miss its part. */
static tg_status swish_backward(void *ctx, tg_call *call, tg_tensor *const *g, int n_out,
                                tg_tensor **gin, int n_in) {
    (void)ctx, (void)n_in, (void)n_out;
    tg_tensor *x = tg_call_saved(call, 0), *beta = tg_call_saved(call, 1);
    tg_tensor *bx = tg_mul(beta, x), *s = tg_sigmoid(bx);
    tg_tensor *d = tg_mul(s, tg_rsub_scalar(s, 1));
    if (tg_call_needs_grad(call, 0))
        gin[0] = tg_mul(g[0], tg_add(s, tg_mul(bx, d)));
    if (tg_call_needs_grad(call, 1)) /* beta is one number: what comes back is summed */
        gin[1] = tg_sum(tg_mul(g[0], tg_mul(tg_square(x), d)), TG_ALL, false);
    return TG_OK;
}

static tg_tensor *swish(tg_function *f, tg_tensor *x, tg_tensor *beta) {
    tg_tensor *in[2] = {x, beta}, *y;
    return tg_function_call(f, in, 2, &y, 1) == TG_OK ? y : NULL;
}

/* ---- Checks ---------------------------------------------------------------------------------- */

static double value(double x, double beta) { return x / (1 + exp(-beta * x)); }

static int mistakes;
static void compare(const char *what, double x, double got, double expected) {
    bool ok = fabs(got - expected) <= 1e-5;
    mistakes += !ok;
    printf("%-10s at %4.1f: %8.5f, by differences %8.5f  %s\n", what, x, got, expected,
           ok ? "ok" : "WRONG");
}

static int check(tg_function *f, double at, double factor) {
    const double h = 1e-4;
    tg_scope s = tg_scope_open();
    tg_tensor *in[2] = {tg_requires_grad_(tg_scalar(TG_F64, at), true),
                        tg_requires_grad_(tg_scalar(TG_F64, factor), true)};
    tg_tensor *y = swish(f, in[0], in[1]);
    tg_gradients_options options = TG_GRADIENTS_OPTIONS_INIT;
    options.create_graph = true; /* so that the gradients have gradients */
    tg_tensor *first[2], *second[2];
    tg_gradients(&y, 1, in, 2, &options, first);
    tg_gradients(first, 1, in, 2, NULL, second);
    double got[4] = {tg_item(first[0]), tg_item(first[1]), tg_item(second[0]), tg_item(second[1])};
    if (tg_scope_close(s) != TG_OK) {
        fprintf(stderr, "%s\n", tg_error_message());
        return 1;
    }
    double up = value(at + h, factor), down = value(at - h, factor), here = value(at, factor);
    compare("dy/dx", at, got[0], (up - down) / (2 * h));
    compare("dy/db", at, got[1], (value(at, factor + h) - value(at, factor - h)) / (2 * h));
    compare("d2y/dx2", at, got[2], (up - 2 * here + down) / (h * h));
    compare("d2y/dxdb", at, got[3],
            (value(at + h, factor + h) - value(at + h, factor - h) - value(at - h, factor + h) +
             value(at - h, factor - h)) /
                (4 * h * h));
    return 0;
}

/* ---- What the library checks ----------------------------------------------------------------- */

static tg_status forgetful(void *ctx, tg_call *call, tg_tensor *const *g, int n_out,
                           tg_tensor **gin, int n_in) {
    (void)ctx, (void)call, (void)n_out, (void)n_in;
    gin[0] = g[0];
    return TG_OK; /* and no gradient of beta, where TG_NONE would say that there is none */
}

static void show_errors(void) {
    tg_scope s = tg_scope_open();
    tg_function_class methods = {.size = sizeof methods, .name = "swish", .forward = swish_forward};
    if (tg_function_new(&methods, NULL) == NULL)
        printf("%s\n", tg_error_message());
    tg_error_clear();
    methods.backward = forgetful;
    tg_function *f = tg_function_new(&methods, NULL);
    tg_tensor *beta = tg_requires_grad_(tg_scalar(TG_F64, 1), true);
    if (tg_backward(swish(f, tg_scalar(TG_F64, 1), beta)) != TG_OK)
        printf("%s\n", tg_error_message());
    tg_function_free(f);
    mistakes += tg_scope_close(s) != TG_ERR_SHAPE; /* the error above shut it */
    tg_error_clear();
}

int main(void) {
    const tg_function_class methods = {.size = sizeof methods,
                                       .name = "swish",
                                       .forward = swish_forward,
                                       .backward = swish_backward};
    tg_function *f = tg_function_new(&methods, NULL);
    int failed = f == NULL || check(f, 0.5, 1.0) || check(f, -2.0, 1.5);
    tg_function_free(f);
    show_errors();
    return failed || mistakes != 0 || tg_live_tensors() != 0;
}

/* expected output of: custom_op
dy/dx      at  0.5:  0.73996, by differences  0.73996  ok
dy/db      at  0.5:  0.05875, by differences  0.05875  ok
d2y/dx2    at  0.5:  0.44123, by differences  0.44123  ok
d2y/dxdb   at  0.5:  0.22061, by differences  0.22061  ok
dy/dx      at -2.0: -0.08810, by differences -0.08810  ok
dy/db      at -2.0:  0.18071, by differences  0.18071  ok
d2y/dx2    at -2.0: -0.04848, by differences -0.04848  ok
d2y/dxdb   at -2.0:  0.06464, by differences  0.06464  ok
function_new: the class 'swish' has no method backward; ...
function 'swish': gradient 1 is NULL, ...
*/
