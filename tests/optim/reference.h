/* reference.h - what the tests of the optimizers share: parameters whose gradients are set step by
 * step, the same for the optimizer and for the formula in plain C. */
#ifndef TG_TEST_OPTIM_REFERENCE_H
#define TG_TEST_OPTIM_REFERENCE_H

#include "tg_test.h"

#include "base/alloc.h"

#include <tensorgrad/optim.h>

#include <stdio.h>
#include <stdlib.h>

enum { N = 6, STEPS = 100 };

/* Gradient of element i at a step; parameter `which` has none at some steps. */
static inline double gradient_at(int which, int step, int i) {
    return sin(1.7 * step + 0.9 * i + which) * (i == 3 ? 1e-3 : 2.0);
}
static inline bool has_gradient(int which, int step) { return which == 0 || step % 3 != 1; }

static inline double start_at(int which, int i) { return 0.3 * i - 0.7 + which; }

static inline tg_tensor *param_new(tg_dtype dtype, int which) {
    tg_tensor *p = tg_empty(dtype, TG_SHAPE(2, 3));
    assert_non_null(p);
    for (int i = 0; i < N; i++)
        if (dtype == TG_F32)
            ((float *)tg_data_mut(p))[i] = (float)start_at(which, i);
        else
            ((double *)tg_data_mut(p))[i] = start_at(which, i);
    assert_ptr_equal(tg_requires_grad_(p, true), p);
    return p;
}

static inline void set_gradient(tg_tensor *p, int which, int step) {
    double g[N];
    float narrow[N];
    for (int i = 0; i < N; i++)
        narrow[i] = (float)(g[i] = gradient_at(which, step, i));
    tg_dtype dtype = tg_dtype_of(p);
    tg_tensor *grad =
        has_gradient(which, step)
            ? tg_from_array(dtype, TG_SHAPE(2, 3), dtype == TG_F32 ? (void *)narrow : (void *)g)
            : TG_NONE;
    assert_non_null(grad);
    assert_ok(tg_set_grad(p, grad));
    tg_release(grad);
}

static inline double element(const tg_tensor *p, int i) {
    return tg_dtype_of(p) == TG_F32 ? (double)((const float *)tg_data(p))[i]
                                    : ((const double *)tg_data(p))[i];
}

/* The formula under test: updates value by gradient g at the element's step t = 1, 2, …. */
typedef struct {
    double state[4];
    int t;
} element_state;
typedef void (*formula)(double *value, double g, element_state *s, const void *options);

/* Runs two parameters of a dtype over STEPS steps and compares them with the formula. Skipped steps
 * do not count for the parameter that is skipped. */
static inline void compare_with(tg_dtype dtype, tg_optimizer *o, tg_tensor *const *params,
                                formula update, const void *options, double rtol,
                                const char *name) {
    double values[2][N];
    element_state states[2][N] = {{{{0}, 0}}};
    assert_non_null(o);
    for (int w = 0; w < 2; w++)
        for (int i = 0; i < N; i++)
            values[w][i] = dtype == TG_F32 ? (double)(float)start_at(w, i) : start_at(w, i);
    for (int step = 1; step <= STEPS; step++) {
        for (int w = 0; w < 2; w++) {
            set_gradient(params[w], w, step);
            for (int i = 0; i < N && has_gradient(w, step); i++) {
                double g = gradient_at(w, step, i);
                states[w][i].t++;
                update(&values[w][i], dtype == TG_F32 ? (double)(float)g : g, &states[w][i],
                       options);
            }
        }
        assert_ok(tg_optimizer_step(o));
        for (int w = 0; w < 2; w++)
            for (int i = 0; i < N; i++)
                if (!tg_test_close(element(params[w], i), values[w][i], rtol, rtol))
                    fail_msg("%s, step %d, parameter %d, element %d: %.17g, expected %.17g", name,
                             step, w, i, element(params[w], i), values[w][i]);
    }
}

/* One step with the n-th allocation failing, for every n, once and from then on: the parameters and
 * gradients keep their bits, the next try gives what an undisturbed optimizer gives. */
static inline void step_survives_failing_allocations(tg_optimizer *(*make)(tg_tensor *const *)) {
    for (int persistent = 0; persistent < 2; persistent++) {
        int failures = 0;
        bool failed = true;
        for (uint64_t n = 1; failed; n++) {
            tg_tensor *params[] = {param_new(TG_F64, 0), param_new(TG_F64, 1)};
            tg_tensor *others[] = {param_new(TG_F64, 0), param_new(TG_F64, 1)};
            tg_optimizer *o = make(params), *undisturbed = make(others);
            assert_true(o != NULL && undisturbed != NULL);
            for (int w = 0; w < 2; w++) {
                set_gradient(params[w], w, 2);
                set_gradient(others[w], w, 2);
            }
            tg__alloc_fail_at(n, persistent != 0);
            tg_status status = tg_optimizer_step(o);
            failed = tg__alloc_fail_at(0, false) >= n;
            if (status != TG_OK) {
                assert_int_equal(status, TG_ERR_MEMORY);
                assert_int_equal(tg_error_status(), TG_ERR_MEMORY);
                failures++;
                for (int w = 0; w < 2; w++)
                    for (int i = 0; i < N; i++)
                        assert_true(element(params[w], i) == start_at(w, i));
                tg_error_clear();
                assert_ok(tg_optimizer_step(o));
            }
            assert_ok(tg_optimizer_step(undisturbed));
            for (int w = 0; w < 2; w++)
                assert_memory_equal(tg_data(params[w]), tg_data(others[w]), N * sizeof(double));
            for (int w = 0; w < 2; w++) {
                tg_release(params[w]);
                tg_release(others[w]);
            }
            tg_optimizer_free(o);
            tg_optimizer_free(undisturbed);
            assert_int_equal(tg_live_tensors(), 0);
        }
        assert_true(failures >= 2); /* state is allocated */
    }
}

/* Making an optimizer with the n-th allocation failing. */
static inline void
construction_survives_failing_allocations(tg_optimizer *(*make)(tg_tensor *const *)) {
    tg_tensor *params[] = {param_new(TG_F64, 0), param_new(TG_F64, 1)};
    tg_memory_stats_t before = TG_MEMORY_STATS_INIT, after = TG_MEMORY_STATS_INIT;
    assert_ok(tg_memory_stats(&before));
    bool failed = true;
    int failures = 0;
    for (uint64_t n = 1; failed; n++) {
        tg__alloc_fail_at(n, n % 2 == 0);
        tg_optimizer *o = make(params);
        failed = tg__alloc_fail_at(0, false) >= n;
        if (o == NULL) {
            assert_int_equal(tg_error_status(), TG_ERR_MEMORY);
            tg_error_clear();
            failures++;
        }
        tg_optimizer_free(o);
        assert_ok(tg_memory_stats(&after));
        assert_int_equal(after.bytes_in_use, before.bytes_in_use);
    }
    assert_true(failures >= 4);
    tg_release(params[0]);
    tg_release(params[1]);
    assert_int_equal(tg_live_tensors(), 0);
}

#endif
