/* ctest: serial */
/* test_checkpoint_memory.c - what checkpointing saves, and what it costs. */
#include "tensors.h"

#include <tensorgrad/checkpoint.h>
#include <tensorgrad/ops.h>

#include <time.h>

/* Under AddressSanitizer the pool keeps nothing, so what it holds is no peak. */
#if defined(__SANITIZE_ADDRESS__)
#define WITHOUT_POOL
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITHOUT_POOL
#endif
#endif

enum { LAYERS = 24, SEGMENT = 3, BATCH = 1024, WIDTH = 128 };

static tg_tensor *normalized(tg_tensor *x) {
    return tg_layer_norm(x, TG_SHAPE(WIDTH), TG_NONE, TG_NONE, 1e-5);
}

/* Layers of silu(norm(x w + b)): inputs x, w, b, w, b, … */
static tg_status segment(void *ctx, tg_tensor *const *in, int n_in, tg_tensor **out, int n_out) {
    (void)ctx, (void)n_out;
    tg_tensor *h = in[0];
    for (int i = 1; i < n_in; i += 2)
        h = tg_silu(normalized(tg_linear(h, in[i], in[i + 1])));
    out[0] = h;
    return TG_OK;
}

typedef struct {
    double seconds, megabytes, loss, slope;
} figures;

/* Of this thread: what else runs on the machine does not count. */
static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* One training step; the last segment is recorded plainly, because backward starts with it. */
static void step(tg_tensor *x, tg_tensor *const *params, bool checkpointed, figures *f) {
    tg_scope s = tg_scope_open();
    tg_tensor *h = x;
    for (int i = 0; i < LAYERS; i += SEGMENT) {
        tg_scope part = tg_scope_open();
        tg_tensor *in[1 + 2 * SEGMENT] = {h};
        memcpy(in + 1, params + 2 * i, 2 * SEGMENT * sizeof *in);
        tg_tensor *out = NULL;
        if (checkpointed && i + SEGMENT < LAYERS)
            (void)tg_checkpoint(segment, NULL, in, 1 + 2 * SEGMENT, &out, 1, NULL);
        else
            segment(NULL, in, 1 + 2 * SEGMENT, &out, 1);
        h = tg_scope_return(part, out);
    }
    tg_tensor *loss = tg_mean(tg_square(h), TG_ALL, false);
    assert_ok(tg_backward(loss));
    f->loss = tg_item(loss);
    f->slope = at(tg_grad(params[0]), 0);
    assert_ok(tg_scope_close(s));
}

static figures measure(tg_tensor *x, tg_tensor *const *params, bool checkpointed) {
    figures f = {.seconds = INFINITY};
    tg_memory_stats_t m = TG_MEMORY_STATS_INIT;
    tg_memory_trim(0);
    assert_ok(tg_memory_stats(&m));
    const uint64_t idle = m.bytes_held; /* parameters and their gradients */
    step(x, params, checkpointed, &f);
    assert_ok(tg_memory_stats(&m)); /* the pool holds what it had to give at the peak */
    f.megabytes = (double)(m.bytes_held - idle) / 1e6;
    return f;
}

/* The best of several, in turns, so that both meet the same machine. */
static void time_both(tg_tensor *x, tg_tensor *const *params, figures *plain, figures *with) {
    figures *of[2] = {plain, with};
    for (int i = 0; i < 20; i++) {
        figures *f = of[i % 2];
        double start = now();
        step(x, params, i % 2, f);
        double seconds = now() - start;
        f->seconds = seconds < f->seconds ? seconds : f->seconds;
    }
}

static void a_deep_network_needs_a_third_of_the_memory(void **state) {
    (void)state;
    tg_generator *g = tg_generator_new(1);
    tg_tensor *x = tg_randn(TG_F32, TG_SHAPE(BATCH, WIDTH), g);
    tg_tensor *params[2 * LAYERS];
    for (int i = 0; i < LAYERS; i++) {
        params[2 * i] =
            leaf(tg_mul_scalar(tg_randn(TG_F32, TG_SHAPE(WIDTH, WIDTH), g), sqrt(2. / WIDTH)));
        params[2 * i + 1] = leaf(tg_zeros(TG_F32, TG_SHAPE(WIDTH)));
    }
    tg_generator_free(g);
    int threads = tg_num_threads();
    assert_ok(tg_set_num_threads(1));
    figures plain;
    step(x, params, false, &plain); /* the gradients are there from now on */
    plain = measure(x, params, false);
    figures with = measure(x, params, true);
    time_both(x, params, &plain, &with);
    assert_ok(tg_set_num_threads(threads));
    print_message("%d layers: peak of activations %.1f MB plain, %.1f MB checkpointed (%.2f); "
                  "%.1f ms and %.1f ms a step (%.2f)\n",
                  LAYERS, plain.megabytes, with.megabytes, with.megabytes / plain.megabytes,
                  1e3 * plain.seconds, 1e3 * with.seconds, with.seconds / plain.seconds);
    assert_close(with.loss, plain.loss, 0, 0);
#ifndef WITHOUT_POOL
    assert_true(with.megabytes <= plain.megabytes / 3);
#endif
#if defined(__OPTIMIZE__) && !defined(WITHOUT_POOL) && !defined(__SANITIZE_THREAD__)
    assert_true(with.seconds <= 1.6 * plain.seconds); /* 1.4, and room for busy caches */
#endif
}

TG_TEST_MAIN(tg_scoped(a_deep_network_needs_a_third_of_the_memory))
