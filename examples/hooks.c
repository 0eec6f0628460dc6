/* hooks.c - looking into backward: clipping on the way, a kept gradient, a step in a hook, and
 * which operation made a NaN.
 *
 * Two layers, h = tanh(w1·x), y = w2·h, with the loss y², at x = 0.5, w1 = 2, w2 = 3. */
#define TENSORGRAD_SITES /* so that messages name file and line */
#include <tensorgrad/tensorgrad.h>

#include <stdio.h>
#include <string.h>

/* Runs when the gradient of its tensor is complete; what it returns takes the gradient's place. */
static tg_tensor *clip(void *limit, tg_tensor *grad) {
    double c = *(const double *)limit;
    printf("  clip: %.4f at most %.0f\n", tg_item(grad), c);
    return tg_clamp(grad, -c, c);
}

/* TG_NONE leaves the gradient as it is. */
static tg_tensor *tell(void *name, tg_tensor *grad) {
    printf("  %s: %.4f\n", (const char *)name, tg_item(grad));
    return TG_NONE;
}

/* Runs after backward has added into all gradients: one step of gradient descent, and the memory of
 * the gradient is free before the next begins. */
static tg_status step(void *rate, tg_tensor *leaf) {
    tg_tensor *g = tg_grad(leaf);
    tg_sub_(leaf, tg_mul_scalar(g, *(const double *)rate));
    printf("  step: %s is now %.4f\n", tg_name_of(leaf), tg_item(leaf));
    return tg_set_grad(leaf, TG_NONE);
}

int main(void) {
    double limit = 10;
    double rate = 0.01;
    char first[] = "w1";
    tg_scope s = tg_scope_open();
    tg_tensor *x = tg_scalar(TG_F64, 0.5);
    tg_tensor *w1 = tg_requires_grad_(tg_scalar(TG_F64, 2), true);
    tg_tensor *w2 = tg_requires_grad_(tg_scalar(TG_F64, 3), true);
    if (tg_name(w1, "w1") != TG_OK || tg_name(w2, "w2") != TG_OK)
        return 1;

    printf("backward\n");
    tg_tensor *h = tg_tanh(tg_mul(w1, x));
    tg_hook clipping = TG_HOOK_INIT(clip, &limit);
    tg_hook telling = TG_HOOK_INIT(tell, first);
    uint64_t handle = tg_hook_add(w1, &telling);
    if (tg_hook_add(h, &clipping) == 0 || handle == 0 || tg_retain_grad(h) != TG_OK)
        return 1;
    tg_backward(tg_square(tg_mul(w2, h)));
    printf("dh = %.4f, dw1 = %.4f\n", tg_item(tg_grad(h)), tg_item(tg_grad(w1)));
    if (tg_hook_remove(handle) != TG_OK)
        return 1;

    printf("steps\n");
    tg_tensor *both[2] = {w1, w2};
    tg_zero_grad(both, 2);
    tg_hook stepping = TG_HOOK_INIT(NULL, &rate);
    stepping.accumulated = step;
    if (tg_hook_add(w2, &stepping) == 0)
        return 1;
    for (int i = 0; i < 2; i++)
        tg_backward(tg_square(tg_mul(w2, tg_tanh(tg_mul(w1, x)))));

    printf("anomaly mode\n");
    tg_set_anomaly_enabled(true); /* until the scope closes */
    tg_tensor *distance = tg_sqrt(tg_mul_scalar(w1, 0));
    tg_status status = tg_backward(tg_mul_scalar(distance, 0));
    const char *place = strstr(tg_error_message(), "hooks.c:"); /* without the directory */
    printf("  %s: sqrt, called at %s\n", tg_status_name(status), place != NULL ? place : "?");
    tg_error_clear();

    if (tg_scope_close(s) != TG_OK) {
        fprintf(stderr, "%s\n", tg_error_message());
        return 1;
    }
    return tg_live_tensors() != 0;
}

/* expected output of: hooks
backward
  clip: 13.7087 at most 10
  w1: 2.0999
dh = 10.0000, dw1 = 2.0999
steps
  step: w2 is now 2.9652
  step: w2 is now 2.9308
anomaly mode
  TG_ERR_NUMERIC: sqrt, called at hooks.c:68: look at the values there
*/
