/* ctest: threads timeout=600 */
/* test_walk.c - the walk itself: random graphs, deep graphs, small stacks, two walks at once. */
#include "tg_test.h"

#include "small_stack.h"
#include "tensors.h"

#include "autograd/node.h"

#include <tensorgrad/tensorgrad.h>

#include <pthread.h>
#include <stdatomic.h>

/* ---- Random programs against forward mode ---- */

/* A value and its derivative along one direction: forward mode, evaluated beside the tape. */
typedef struct {
    double v, d;
} dual;

static uint64_t next(uint64_t *s) {
    *s ^= *s << 13;
    *s ^= *s >> 7;
    return *s ^= *s << 17;
}

enum { LEAVES = 3, OPS = 24 };

/* Runs one random program on tensors and on duals; the last value is its result. */
static tg_tensor *program(uint64_t seed, tg_tensor *const *x, const dual *dx, dual *result) {
    tg_tensor *t[LEAVES + OPS];
    dual a[LEAVES + OPS];
    uint64_t s = seed * 0x9e3779b97f4a7c15u + 1;
    for (int i = 0; i < LEAVES; i++) {
        t[i] = x[i];
        a[i] = dx[i];
    }
    for (int n = LEAVES; n < LEAVES + OPS; n++) {
        int i = (int)(next(&s) % (uint64_t)n);
        int j = (int)(next(&s) % (uint64_t)n);
        dual p = a[i];
        dual q = a[j];
        switch (next(&s) % 8) {
        case 0:
            t[n] = tg_add(t[i], t[j]);
            a[n] = (dual){p.v + q.v, p.d + q.d};
            break;
        case 1:
            t[n] = tg_sub(t[i], t[j]);
            a[n] = (dual){p.v - q.v, p.d - q.d};
            break;
        case 2:
            t[n] = tg_mul(t[i], t[j]);
            a[n] = (dual){p.v * q.v, p.d * q.v + p.v * q.d};
            break;
        case 3:
            t[n] = tg_tanh(t[i]);
            a[n].v = tanh(p.v);
            a[n].d = (1 - a[n].v * a[n].v) * p.d;
            break;
        case 4:
            t[n] = tg_sin(t[i]);
            a[n] = (dual){sin(p.v), cos(p.v) * p.d};
            break;
        case 5: { /* p / (q^2 + 1) */
            double w = q.v * q.v + 1;
            t[n] = tg_div(t[i], tg_add_scalar(tg_square(t[j]), 1));
            a[n] = (dual){p.v / w, (p.d * w - p.v * 2 * q.v * q.d) / (w * w)};
            break;
        }
        case 6:
            t[n] = tg_sigmoid(t[i]);
            a[n].v = 1 / (1 + exp(-p.v));
            a[n].d = a[n].v * (1 - a[n].v) * p.d;
            break;
        default: /* in place, on a copy */
            t[n] = tg_mul_scalar_(tg_add_(tg_clone(t[i]), t[j]), 0.5);
            a[n] = (dual){0.5 * (p.v + q.v), 0.5 * (p.d + q.d)};
            break;
        }
    }
    *result = a[LEAVES + OPS - 1];
    return t[LEAVES + OPS - 1];
}

static void random_programs_agree_with_forward_mode(void **state) {
    (void)state;
    int checked = 0;
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        tg_scope s = tg_scope_open();
        const double at[LEAVES] = {0.7, -0.4, 1.3};
        tg_tensor *x[LEAVES];
        tg_tensor *g[LEAVES];
        for (int i = 0; i < LEAVES; i++)
            x[i] = leaf(number(at[i]));
        for (int k = 0; k < LEAVES; k++) {
            dual d[LEAVES];
            dual expected;
            for (int i = 0; i < LEAVES; i++)
                d[i] = (dual){at[i], i == k};
            tg_tensor *y = program(seed, x, d, &expected);
            assert_close(tg_item(y), expected.v, 1e-12, 1e-14);
            if (!tg_requires_grad(y) || tg_is_leaf(y))
                continue;
            tg_gradients_options o = TG_GRADIENTS_OPTIONS_INIT;
            o.allow_unused = true;
            assert_int_equal(tg_gradients(&y, 1, x, LEAVES, &o, g), TG_OK);
            assert_close(g[k] != NULL ? tg_item(g[k]) : 0.0, expected.d, 1e-10, 1e-12);
            checked++;
        }
        assert_int_equal(tg_scope_close(s), TG_OK);
        assert_int_equal(tg_live_nodes(), 0);
    }
    print_message("%d gradients checked\n", checked);
    assert_true(checked > 5000);
}

static void two_walks_of_one_program_give_the_same_bits(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        double got[2][LEAVES];
        for (int way = 0; way < 2; way++) {
            tg_scope s = tg_scope_open();
            tg_tensor *x[LEAVES];
            dual unused[LEAVES] = {{0, 0}};
            dual result;
            for (int i = 0; i < LEAVES; i++)
                x[i] = leaf(number(0.3 * (i + 1)));
            tg_tensor *y = program(seed, x, unused, &result);
            if (!tg_is_leaf(y))
                assert_int_equal(tg_backward(y), TG_OK);
            for (int i = 0; i < LEAVES; i++) {
                tg_tensor *g = tg_grad(x[i]);
                got[way][i] = g != NULL ? tg_item(g) : 0;
            }
            assert_int_equal(tg_scope_close(s), TG_OK);
        }
        assert_memory_equal(got[0], got[1], sizeof got[0]);
    }
}

/* ---- Deep graphs ---- */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define DEEP 20000
#else
#define DEEP 200000
#endif

static void *deep_chain(void *ok) {
    tg_tensor *x = tg_requires_grad_(tg_scalar(TG_F64, 1), true);
    tg_tensor *one = tg_scalar(TG_F64, 1);
    tg_tensor *y = tg_retain(x);
    for (int i = 0; i < DEEP && y != NULL; i++) {
        tg_tensor *z = i % 2 == 0 ? tg_mul(y, one) : tg_add(y, one);
        tg_release(y);
        y = z;
    }
    tg_backward_options o = TG_BACKWARD_OPTIONS_INIT;
    o.retain_graph = true; /* so that freeing is deep as well */
    bool good = tg_backward_ex(&y, 1, &o) == TG_OK;
    tg_tensor *g;
    good = good && tg_gradients(&y, 1, &x, 1, NULL, &g) == TG_OK && tg_item(g) == 1;
    tg_tensor *grad = tg_grad(x);
    *(bool *)ok = good && tg_item(grad) == 1;
    tg_release(g);
    tg_release(grad);
    tg_release(y);
    tg_release(one);
    tg_release(x);
    return NULL;
}

static void a_deep_chain_fits_a_64_kib_stack(void **state) {
    (void)state;
    bool ok = false;
    on_a_small_stack(deep_chain, &ok);
    assert_true(ok);
    assert_int_equal(tg_live_nodes(), 0);
}

/* ---- Two walks at once ---- */

typedef struct {
    tg_tensor *root;
    _Atomic int inside, leave;
    tg_status status;
} walker;

/* Holds the first walk inside the graph until told to go on. */
static bool hold(void *ctx) {
    walker *w = ctx;
    atomic_store(&w->inside, 1);
    while (!atomic_load(&w->leave))
        sched_yield();
    return false;
}

static void *walk_first(void *ctx) {
    walker *w = ctx;
    tg_backward_options o = TG_BACKWARD_OPTIONS_INIT;
    o.retain_graph = true;
    w->status = tg_backward_ex(&w->root, 1, &o);
    return NULL;
}

static void a_graph_that_is_being_walked_is_busy(void **state) {
    (void)state;
    tg_tensor *x = leaf(number(3));
    tg_tensor *shared = tg_exp(tg_square(x));
    walker w = {.root = tg_keep(tg_square(shared))};
    tg_set_interrupt_check(hold, &w);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, walk_first, &w), 0);
    while (!atomic_load(&w.inside))
        sched_yield();
    tg_set_interrupt_check(NULL, NULL);
    tg_tensor *other = tg_mul_scalar(shared, 2); /* shares the nodes below */
    tg_tensor *alone = tg_square(x);             /* shares the leaf only */
    assert_int_equal(tg_backward(alone), TG_OK);
    tg_tensor *g = tg_grad(x);
    assert_values(g, 6);
    assert_denied(tg_backward(other), TG_ERR_BUSY, "another backward");
    assert_denied(tg_gradients(&other, 1, &x, 1, NULL, &g), TG_ERR_BUSY, "another backward");
    assert_values(tg_grad(x), 6);
    atomic_store(&w.leave, 1);
    pthread_join(thread, NULL);
    assert_int_equal(w.status, TG_OK);
    assert_close(tg_item(tg_grad(x)), 6 + 12 * exp(18), 1e-12, 0);
    tg_release(w.root);
}

int main(void) {
    const struct CMUnitTest tests[] = {tg_scoped(random_programs_agree_with_forward_mode),
                                       tg_scoped(two_walks_of_one_program_give_the_same_bits),
                                       tg_scoped(a_deep_chain_fits_a_64_kib_stack),
                                       tg_scoped(a_graph_that_is_being_walked_is_busy)};
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
