/* ctest: timeout=600 */
/* test_op_memory.c - every operation with every allocation failed in turn: a clean error, nothing
 * left over, and the same bits when it is called again. */
#include "samples.h"
#include "tg_test.h"

#include "base/alloc.h"

#include <stdlib.h>

#define BYTES 16384

/* The bits of an op's outputs and of the gradients of its leaves. */
typedef struct {
    char bits[BYTES];
    size_t used;
} result;

static void add(result *r, const tg_tensor *x) {
    size_t n = (size_t)tg_numel(x) * tg_dtype_size(tg_dtype_of(x));
    assert_true(r->used + n <= BYTES);
    assert_int_equal(tg_copy_to(x, r->bits + r->used, n), TG_OK);
    r->used += n;
}

typedef struct {
    sample s;
    tg_tensor *in[SAMPLE_INPUTS];
} call;

static void open_call(call *c, int i) {
    sample_get(i, &c->s);
    for (int k = 0; k < c->s.n_in; k++) {
        c->in[k] = sample_plain(&c->s, k, TG_F64, 3);
        if (sample_is_float(&c->s, k) && c->s.info.differentiable)
            tg_requires_grad_(c->in[k], true);
    }
}

static void close_call(call *c) {
    for (int k = 0; k < c->s.n_in; k++)
        tg_release(c->in[k]);
}

/* Calls the op; TG_OK and the bits, or the error. Leaves nothing behind. */
static tg_status forward(call *c, result *r) {
    tg_tensor *out[SAMPLE_OUTPUTS] = {NULL};
    tg_status status = sample_call(&c->s, c->in, out);
    r->used = 0;
    for (int k = 0; k < c->s.info.n_outputs; k++) {
        if (status != TG_OK)
            assert_null(out[k]);
        else
            add(r, out[k]);
        tg_release(out[k]);
    }
    return status;
}

/* Runs `work` with the n-th request failing, for every n, until it passes without meeting one. */
static int torture(call *c, tg_status (*work)(call *, result *), bool persistent,
                   const char *what) {
    static result expected, got;
    tg_error_clear();
    assert_int_equal(work(c, &expected), TG_OK);
    int64_t tensors = tg_live_tensors();
    int64_t nodes = tg_live_nodes();
    for (int n = 1;; n++) {
        tg__alloc_fail_at((uint64_t)n, persistent);
        tg_status status = work(c, &got);
        tg__alloc_fail_at(0, false);
        bool same_live = tg_live_tensors() == tensors && tg_live_nodes() == nodes;
        if (!same_live)
            fail_msg("%s of %s \"%s\": request %d failed and %lld tensors, %lld nodes are left",
                     what, c->s.op, c->s.text, n, (long long)(tg_live_tensors() - tensors),
                     (long long)(tg_live_nodes() - nodes));
        if (status == TG_OK) {
            assert_int_equal(got.used, expected.used);
            assert_memory_equal(got.bits, expected.bits, got.used);
            return n - 1;
        }
        if (status != TG_ERR_MEMORY)
            fail_msg("%s of %s \"%s\": request %d failed and the error is %s: %s", what, c->s.op,
                     c->s.text, n, tg_status_name(status), tg_error_message());
        tg_error_clear();
        if (work(c, &got) != TG_OK)
            fail_msg("%s of %s \"%s\" after failed request %d: %s", what, c->s.op, c->s.text, n,
                     tg_error_message());
        assert_int_equal(got.used, expected.used);
        assert_memory_equal(got.bits, expected.bits, got.used);
    }
}

static void for_all(tg_status (*work)(call *, result *), bool needs_gradient, const char *what) {
    int failed = 0;
    int64_t tensors = tg_live_tensors();
    for (int i = 0; i < sample_count(); i++) {
        call c;
        if (TG_TEST_SLOW && i % 4 != 0) /* a quarter of the samples */
            continue;
        open_call(&c, i);
        if (!needs_gradient || c.s.info.differentiable) {
            failed += torture(&c, work, false, what);
            failed += torture(&c, work, true, what);
        }
        close_call(&c);
        assert_int_equal(tg_live_tensors(), tensors);
    }
    print_message("%d failed requests survived\n", failed);
    assert_true(failed > 500 || !sample_all());
}

static void every_failed_allocation_of_a_call_is_a_clean_error(void **state) {
    (void)state;
    for_all(forward, false, "call");
}

/* Forward, backward with retain_graph; the failure may come in either. Gradients are all there or
 * all absent. */
static tg_status with_backward(call *c, result *r) {
    tg_tensor *out[SAMPLE_OUTPUTS] = {NULL};
    tg_tensor *seed[SAMPLE_OUTPUTS];
    tg_tensor *root[SAMPLE_OUTPUTS];
    int n = 0;
    tg_status status = sample_call(&c->s, c->in, out);
    r->used = 0;
    for (int k = 0; status == TG_OK && k < c->s.info.n_outputs; k++) {
        if (!tg_requires_grad(out[k]))
            continue;
        seed[n] = tg_ones_like(out[k]);
        root[n] = out[k];
        status = seed[n] != NULL ? TG_OK : tg_error_status();
        n += seed[n] != NULL;
    }
    if (status == TG_OK && n > 0) {
        tg_backward_options o = TG_BACKWARD_OPTIONS_INIT;
        o.grad_outputs = seed;
        o.retain_graph = true;
        status = tg_backward_ex(root, n, &o);
        int with = 0;
        int without = 0;
        for (int k = 0; k < c->s.n_in; k++) {
            tg_tensor *g = tg_is_none(c->in[k]) ? NULL : tg_grad(c->in[k]);
            *(g != NULL ? &with : &without) += tg_requires_grad(c->in[k]);
            if (g != NULL && status == TG_OK)
                add(r, g);
            tg_release(g);
        }
        if (with > 0 && (without > 0 || status != TG_OK))
            fail_msg("%s \"%s\": backward failed and some gradients are there", c->s.op, c->s.text);
        if (status != TG_OK) { /* the same graph again */
            tg__alloc_fail_at(0, false);
            tg_error_clear();
            assert_int_equal(tg_backward_ex(root, n, &o), TG_OK);
            tg_error_clear();
            status = TG_ERR_MEMORY;
        }
        assert_int_equal(tg_zero_grad(c->in, c->s.n_in), TG_OK);
    }
    for (int k = 0; k < n; k++)
        tg_release(seed[k]);
    for (int k = 0; k < c->s.info.n_outputs; k++)
        tg_release(out[k]);
    return status;
}

static void every_failed_allocation_of_backward_leaves_no_gradient(void **state) {
    (void)state;
    for_all(with_backward, true, "backward");
}

TG_TEST_MAIN(cmocka_unit_test(every_failed_allocation_of_a_call_is_a_clean_error),
             cmocka_unit_test(every_failed_allocation_of_backward_leaves_no_gradient))
