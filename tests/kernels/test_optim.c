/* test_optim.c - optimizer steps against the formulas element by element, and closed forms. */
/* ctest: threads */
#include "kernels/optim.h"
#include "kernels/values.h"
#include "tg_test.h"
#include <stdlib.h>

enum { N = 1003 };

static double get(tg_dtype t, const void *x, int64_t i) {
    return t == TG_F32 ? (double)((const float *)x)[i] : ((const double *)x)[i];
}

static void set(tg_dtype t, void *x, int64_t i, double value) {
    if (t == TG_F32)
        ((float *)x)[i] = (float)value;
    else
        ((double *)x)[i] = value;
}

static double gradient(int step, int64_t i) {
    return sin((double)(step * 37 + i)) * (i % 5 == 0 ? 10 : 1);
}

typedef struct {
    double p[N], a[N], b[N], c[N];
} state_t;

/* Parameters p and up to three state arrays of a dtype, and the same in double. */
static void start(tg_dtype t, state_t *s, double (*x)[N]) {
    memset(x, 0, 4 * sizeof(*x));
    for (int64_t i = 0; i < N; i++) {
        set(t, s->p, i, cos((double)i));
        x[0][i] = get(t, s->p, i);
        set(t, s->a, i, 0);
        set(t, s->b, i, 0);
        set(t, s->c, i, 0);
    }
}

static void expect_close(tg_dtype t, const void *got, const double *expected, double scale) {
    for (int64_t i = 0; i < N; i++)
        assert_close(get(t, got, i), expected[i], 0, (t == TG_F32 ? 2e-6 : 4e-15) * scale);
}

static void sgd_reference(double *p, const double *g, double *buf, const tg__sgd_args *a) {
    for (int64_t i = 0; i < N; i++) {
        double d = a->maximize ? -g[i] : g[i];
        d += a->weight_decay * p[i];
        if (a->momentum != 0) {
            buf[i] = a->first ? d : a->momentum * buf[i] + (1 - a->dampening) * d;
            d = a->nesterov ? d + a->momentum * buf[i] : buf[i];
        }
        p[i] -= a->lr * d;
    }
}

static void sgd_follows_the_formula(void **state) {
    (void)state;
    static state_t s;
    static double x[4][N], g[N], g_typed[N];
    for (int variant = 0; variant < 64; variant++) {
        const tg_dtype t = variant & 1 ? TG_F64 : TG_F32;
        const bool momentum = variant & 2, nesterov = variant & 4;
        tg__sgd_args a = {0.1,
                          momentum ? 0.9 : 0,
                          variant & 8 && !nesterov ? 0.3 : 0,
                          variant & 16 ? 0.05 : 0,
                          momentum && nesterov,
                          variant & 32,
                          true};
        start(t, &s, x);
        for (int64_t i = 0; i < N; i++)
            set(t, s.a, i, NAN); /* the first step does not read the buffer */
        for (int step = 0; step < 5; step++) {
            for (int64_t i = 0; i < N; i++) {
                set(t, g_typed, i, gradient(step, i));
                g[i] = get(t, g_typed, i);
            }
            tg__sgd_step(t, N, s.p, g_typed, momentum ? s.a : NULL, &a);
            sgd_reference(x[0], g, x[1], &a);
            a.first = false;
            expect_close(t, s.p, x[0], 20);
            if (momentum)
                expect_close(t, s.a, x[1], 60);
        }
    }
}

static void adam_reference(double (*x)[N], const double *g, bool amsgrad, const tg__adam_args *a) {
    double *p = x[0], *m = x[1], *v = x[2], *max_v = x[3];
    for (int64_t i = 0; i < N; i++) {
        double d = a->maximize ? -g[i] : g[i];
        if (a->decoupled)
            p[i] *= 1 - a->lr * a->weight_decay;
        else
            d += a->weight_decay * p[i];
        m[i] = a->beta1 * m[i] + (1 - a->beta1) * d;
        v[i] = a->beta2 * v[i] + (1 - a->beta2) * d * d;
        max_v[i] = fmax(max_v[i], v[i]);
        const double c1 = 1 - pow(a->beta1, (double)a->step),
                     c2 = 1 - pow(a->beta2, (double)a->step);
        p[i] -= a->lr / c1 * m[i] / (sqrt(amsgrad ? max_v[i] : v[i]) / sqrt(c2) + a->eps);
    }
}

static void adam_follows_the_formula(void **state) {
    (void)state;
    static state_t s;
    static double x[4][N], g[N], g_typed[N];
    for (int variant = 0; variant < 32; variant++) {
        const tg_dtype t = variant & 1 ? TG_F64 : TG_F32;
        const bool amsgrad = variant & 2;
        tg__adam_args a = {0.01,        0.9,          0.95, 1e-3, variant & 4 ? 0.1 : 0,
                           variant & 8, variant & 16, 1};
        start(t, &s, x);
        for (; a.step <= 6; a.step++) {
            for (int64_t i = 0; i < N; i++) { /* gradients fade: the maximum of v matters */
                set(t, g_typed, i, gradient((int)a.step, i) / (double)(a.step * a.step));
                g[i] = get(t, g_typed, i);
            }
            tg__adam_step(t, N, s.p, g_typed, s.a, s.b, amsgrad ? s.c : NULL, &a);
            adam_reference(x, g, amsgrad, &a);
            expect_close(t, s.p, x[0], 3);
            expect_close(t, s.a, x[1], 20);
            expect_close(t, s.b, x[2], 200);
            if (amsgrad)
                expect_close(t, s.c, x[3], 200);
        }
    }
}

/* With a constant gradient g the buffer is g (1 - μ^k) / (1 - μ) after k steps. */
static void momentum_on_a_constant_gradient_has_the_closed_form(void **state) {
    (void)state;
    double p = 1, g = 2, buf = 0;
    tg__sgd_args a = {0.1, 0.5, 0, 0, false, false, true};
    double sum = 0;
    for (int k = 1; k <= 10; k++) {
        tg__sgd_step(TG_F64, 1, &p, &g, &buf, &a);
        a.first = false;
        const double expected = g * (1 - pow(0.5, k)) / 0.5;
        assert_close(buf, expected, 1e-15, 0);
        sum += expected;
        assert_close(p, 1 - 0.1 * sum, 1e-14, 0);
    }
}

/* A constant gradient: the corrected moments are g and g² at every step, so each step is
 * lr g / (|g| + eps). */
static void adam_on_a_constant_gradient_has_the_closed_form(void **state) {
    (void)state;
    double p = 3, g = -0.25, m = 0, v = 0, max_v = 0;
    tg__adam_args a = {0.001, 0.9, 0.999, 1e-8, 0, false, false, 1};
    for (; a.step <= 100; a.step++) {
        tg__adam_step(TG_F64, 1, &p, &g, &m, &v, &max_v, &a);
        assert_close(p, 3 + (double)a.step * 0.001 * 0.25 / (0.25 + 1e-8), 1e-13, 0);
    }
    assert_close(max_v, v, 0, 0);
}

/* AdamW with zero gradients only shrinks, by (1 - lr wd) each step. */
static void decoupled_decay_shrinks_without_a_gradient(void **state) {
    (void)state;
    double p = 2, g = 0, m = 0, v = 0;
    tg__adam_args a = {0.1, 0.9, 0.999, 1e-8, 0.5, true, false, 1};
    for (; a.step <= 8; a.step++)
        tg__adam_step(TG_F64, 1, &p, &g, &m, &v, NULL, &a);
    assert_close(p, 2 * pow(1 - 0.1 * 0.5, 8), 1e-14, 0);
    assert_true(m == 0 && v == 0);
}

/* lr 0.1, momentum 0.9, weight decay 0.1, nesterov, from p = 1 with g = 0.5 then -0.5; worked out
 * by hand: d = 0.6, buf = 0.6, p = 0.886; d = -0.4114, buf = 0.1286, p = 0.915566. */
static void a_hand_computed_run_is_reproduced(void **state) {
    (void)state;
    double p = 1, g = 0.5, buf = 0;
    tg__sgd_args a = {0.1, 0.9, 0, 0.1, true, false, true};
    tg__sgd_step(TG_F64, 1, &p, &g, &buf, &a);
    assert_close(buf, 0.6, 1e-15, 0);
    assert_close(p, 0.886, 1e-15, 0);
    a.first = false;
    g = -0.5;
    tg__sgd_step(TG_F64, 1, &p, &g, &buf, &a);
    assert_close(buf, 0.1286, 1e-14, 0);
    assert_close(p, 0.915566, 1e-14, 0);
}

static void nan_and_infinity_stay_where_they_are(void **state) {
    (void)state;
    float p[40], g[40], m[40], v[40], max_v[40];
    for (int i = 0; i < 40; i++) {
        p[i] = 1;
        g[i] = i == 17 ? NAN : 0.5F;
        m[i] = v[i] = 0;
        max_v[i] = i == 5 ? NAN : 0;
    }
    p[30] = INFINITY;
    tg__sgd_args sgd = {0.1, 0, 0, 0, false, false, true};
    tg__sgd_step(TG_F32, 40, p, g, NULL, &sgd);
    assert_true(isnan(p[17]) && p[30] == INFINITY && p[16] == 0.95F && p[31] == 0.95F);
    tg__adam_args adam = {0.1, 0.9, 0.99, 1e-8, 0, false, false, 1};
    tg__adam_step(TG_F32, 40, p, g, m, v, max_v, &adam);
    for (int i = 0; i < 40; i++) {
        assert_int_equal(isnan(p[i]) != 0, i == 17 || i == 5);
        assert_int_equal(isnan(m[i]) != 0, i == 17);
    }
    assert_true(isnan(max_v[5]) && isnan(max_v[17]) && p[30] == INFINITY);
}

static void threads_and_pieces_do_not_matter(void **state) {
    (void)state;
    enum { LARGE = 100001 };
    float *x[2][4], *g = malloc(LARGE * sizeof(float));
    assert_non_null(g);
    for (int i = 0; i < LARGE; i++)
        g[i] = (float)gradient(1, i);
    for (int run = 0; run < 2; run++) {
        assert_ok(tg_set_num_threads(run == 0 ? 1 : 4));
        for (int k = 0; k < 4; k++) {
            x[run][k] = calloc(LARGE, sizeof(float));
            assert_non_null(x[run][k]);
        }
        tg__sgd_args sgd = {0.1, 0.9, 0, 0.1, false, false, true};
        tg__adam_args adam = {0.1, 0.9, 0.99, 1e-8, 0.1, true, false, 1};
        for (int64_t at = 0, n; at < LARGE; at += n) { /* once in one call, once in several */
            n = run == 0 ? LARGE : at + 20011 < LARGE ? 20011 : LARGE - at;
            float *const p = x[run][0] + at, *const m = x[run][1] + at;
            tg__sgd_step(TG_F32, n, p, g + at, m, &sgd);
            tg__adam_step(TG_F32, n, p, g + at, m, x[run][2] + at, x[run][3] + at, &adam);
        }
    }
    for (int k = 0; k < 4; k++) {
        assert_memory_equal(x[0][k], x[1][k], LARGE * sizeof(float));
        assert_true(x[0][k][LARGE - 1] != 0);
        free(x[0][k]);
        free(x[1][k]);
    }
    free(g);
}

static void no_elements_are_no_work(void **state) {
    (void)state;
    tg__sgd_args sgd = {0.1, 0.9, 0, 0, false, false, true};
    tg__adam_args adam = {0.1, 0.9, 0.99, 1e-8, 0, false, false, 1};
    tg__sgd_step(TG_F32, 0, NULL, NULL, NULL, &sgd);
    tg__adam_step(TG_F64, 0, NULL, NULL, NULL, NULL, NULL, &adam);
}

TG_TEST_MAIN(cmocka_unit_test(sgd_follows_the_formula), cmocka_unit_test(adam_follows_the_formula),
             cmocka_unit_test(momentum_on_a_constant_gradient_has_the_closed_form),
             cmocka_unit_test(adam_on_a_constant_gradient_has_the_closed_form),
             cmocka_unit_test(decoupled_decay_shrinks_without_a_gradient),
             cmocka_unit_test(a_hand_computed_run_is_reproduced),
             cmocka_unit_test(nan_and_infinity_stay_where_they_are),
             cmocka_unit_test(threads_and_pieces_do_not_matter),
             cmocka_unit_test(no_elements_are_no_work))
