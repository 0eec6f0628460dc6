/* checkpointing.c - the gradients of a deep network in less memory.
 *
 * Recording keeps what backward will need: here two activations for each of 24 layers. A segment of
 * layers called through tg_checkpoint keeps its inputs only, and computes the rest again when
 * backward comes to it: the same gradients, bit for bit (dropout included), for one forward more.
 */
#include <tensorgrad/tensorgrad.h>

#include <stdio.h>
#include <string.h>

enum { LAYERS = 24, SEGMENT = 4, BATCH = 512, WIDTH = 64 };

/* SEGMENT layers: inputs are x [BATCH, WIDTH], then a weight for each. All that needs a gradient
 * comes in as an input. */
static tg_status segment(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)ctx, (void)n_out;
    tg_tensor *h = in[0];
    for (int i = 1; i < n_in; i++)
        h = tg_dropout(tg_silu(tg_matmul(h, in[i])), 0.1, true, NULL);
    out[0] = h;
    return TG_OK;
}

/* Bytes in use after the forward pass; the gradients end up in the weights. */
static uint64_t train_step(tg_tensor *x, tg_tensor *const *weights, bool checkpointed) {
    tg_memory_stats_t before = TG_MEMORY_STATS_INIT;
    tg_memory_stats_t after = TG_MEMORY_STATS_INIT;
    tg_zero_grad(weights, LAYERS);
    tg_manual_seed(1); /* the same dropout each time */
    tg_scope s = tg_scope_open();
    tg_memory_stats(&before);
    tg_tensor *h = x;
    for (int i = 0; i < LAYERS; i += SEGMENT) {
        tg_scope part = tg_scope_open();
        tg_tensor *in[1 + SEGMENT] = {h};
        memcpy(in + 1, weights + i, SEGMENT * sizeof *in);
        tg_tensor *out = NULL;
        if (checkpointed)
            tg_checkpoint(segment, NULL, in, 1 + SEGMENT, &out, 1, NULL);
        else
            segment(NULL, in, 1 + SEGMENT, &out, 1);
        h = tg_scope_return(part, out);
    }
    tg_tensor *loss = tg_mean(tg_square(h), TG_ALL, false);
    tg_memory_stats(&after);
    tg_backward(loss);
    if (tg_scope_close(s) != TG_OK)
        fprintf(stderr, "%s\n", tg_error_message());
    return after.bytes_in_use - before.bytes_in_use;
}

/* The gradient of the first weight, to which all segments have contributed. */
static void copy_gradient(tg_tensor *weight, float *to) {
    tg_tensor *g = tg_grad(weight);
    if (tg_copy_to(g, to, WIDTH * WIDTH * sizeof *to) != TG_OK)
        fprintf(stderr, "%s\n", tg_error_message());
    tg_release(g);
}

int main(void) {
    static float plain[WIDTH * WIDTH];
    static float checkpointed[WIDTH * WIDTH];
    tg_manual_seed(7);
    tg_tensor *x = tg_randn(TG_F32, TG_SHAPE(BATCH, WIDTH), NULL);
    tg_tensor *weights[LAYERS];
    for (int i = 0; i < LAYERS; i++) {
        weights[i] = tg_normal(TG_F32, TG_SHAPE(WIDTH, WIDTH), 0, 0.2, NULL);
        tg_requires_grad_(weights[i], true);
    }
    uint64_t all = train_step(x, weights, false);
    copy_gradient(weights[0], plain);
    uint64_t some = train_step(x, weights, true);
    copy_gradient(weights[0], checkpointed);

    printf("kept by forward: %.1f MB plain, %.1f MB checkpointed: a %s\n", 1e-6 * (double)all,
           1e-6 * (double)some, 6 * some < all ? "sixth or less" : "lot");
    printf("the gradients are %s\n",
           memcmp(plain, checkpointed, sizeof plain) == 0 ? "the same, bit for bit" : "different");
    for (int i = 0; i < LAYERS; i++)
        tg_release(weights[i]);
    tg_release(x);
    return tg_error_status() != TG_OK || tg_live_tensors() != 0;
}

/* expected output of: checkpointing
kept by forward: ... MB plain, ... MB checkpointed: a sixth or less
the gradients are the same, bit for bit
*/
