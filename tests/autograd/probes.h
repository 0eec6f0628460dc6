/* probes.h - hooks that tests hang on tensors. */
#ifndef TG_PROBES_H
#define TG_PROBES_H

#include "tensors.h"

#include <tensorgrad/hooks.h>

/* Counts calls, notes their order and the first element it saw, and scales by `factor`. */
typedef struct {
    int calls, destroyed;
    double factor; /* 0: leaves the gradient alone */
    double seen;
    bool recording;
    char mark;
} probe;

static char trail[64];

static inline void leave_mark(char mark) {
    size_t n = strlen(trail);
    if (n + 1 < sizeof trail)
        trail[n] = mark;
}

static inline int fresh_trail(void **state) {
    memset(trail, 0, sizeof trail);
    return tg_test_begin(state);
}

#define hook_test(test) cmocka_unit_test_setup_teardown(test, fresh_trail, tg_test_end)

static inline tg_tensor *probing(void *ctx, tg_tensor *grad) {
    probe *p = ctx;
    p->calls++;
    p->seen = at(grad, 0);
    p->recording = tg_grad_enabled();
    leave_mark(p->mark);
    return p->factor != 0 ? tg_mul_scalar(grad, p->factor) : TG_NONE;
}

static inline void destroyed(void *ctx) { ((probe *)ctx)->destroyed++; }

static inline uint64_t add(tg_tensor *x, tg_tensor *(*gradient)(void *, tg_tensor *), void *ctx) {
    tg_hook h = TG_HOOK_INIT(gradient, ctx);
    uint64_t id = tg_hook_add(x, &h);
    if (id == 0)
        fail_msg("no hook: %s", tg_error_message());
    return id;
}

/* The tensor must go, or the hook be removed, before p does. */
static inline uint64_t add_owned(tg_tensor *x, probe *p) {
    tg_hook h = TG_HOOK_INIT(probing, p);
    h.destroy = destroyed;
    uint64_t id = tg_hook_add(x, &h);
    assert_true(id != 0);
    return id;
}

static inline uint64_t add_probe(tg_tensor *x, probe *p) { return add(x, probing, p); }

static inline uint64_t add_accumulated(tg_tensor *x, tg_status (*accumulated)(void *, tg_tensor *),
                                       void *ctx) {
    tg_hook h = TG_HOOK_INIT(NULL, ctx);
    h.accumulated = accumulated;
    uint64_t id = tg_hook_add(x, &h);
    assert_true(id != 0);
    return id;
}

static inline tg_status keep_backward(tg_tensor *root) {
    tg_backward_options o = TG_BACKWARD_OPTIONS_INIT;
    o.retain_graph = true;
    return tg_backward_ex(&root, 1, &o);
}

static inline tg_tensor *constant_hook(void *ctx, tg_tensor *grad) {
    (void)grad;
    return ctx;
}

#endif
