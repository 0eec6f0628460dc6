/* ctest: timeout=600 */
/* test_op_gradients.c - every operation's first and second derivatives against central differences
 * in f64, for every sample line and every layout of the inputs. */
#include "samples.h"
#include "tg_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP 1e-5
#define MOST 160 /* elements of one leaf */

/* A function of its leaves: the op's float outputs, weighted and summed. The weights are leaves
 * too, so that the second order covers the gradients with respect to output gradients. */
typedef struct {
    const sample *s;
    layout l;
    tg_tensor *leaf[SAMPLE_INPUTS];
    tg_tensor *weight[SAMPLE_OUTPUTS];
} function;

static layout layout_of(const function *f, int i) {
    return f->s->in[i].contiguous_only ? LAYOUT_CONTIGUOUS : f->l;
}

static bool has_gradient(const function *f, int i) {
    tg_op_info info = f->s->info;
    return sample_is_float(f->s, i) && info.differentiable;
}

static tg_status outputs(const function *f, tg_tensor **out) {
    tg_tensor *in[SAMPLE_INPUTS];
    for (int i = 0; i < f->s->n_in; i++)
        in[i] = sample_view(f->s, i, layout_of(f, i), f->leaf[i]);
    return sample_call(f->s, in, out);
}

static void make(function *f, const sample *s, layout l) {
    f->s = s;
    f->l = l;
    memset(f->weight, 0, sizeof f->weight);
    for (int i = 0; i < s->n_in; i++) {
        f->leaf[i] = sample_leaf(s, i, layout_of(f, i), TG_F64, 17);
        if (has_gradient(f, i))
            tg_requires_grad_(f->leaf[i], true);
    }
    tg_tensor *out[SAMPLE_OUTPUTS] = {NULL};
    if (outputs(f, out) != TG_OK)
        fail_msg("%s \"%s\" (%s): %s", s->op, s->text, layout_name(l), tg_error_message());
    for (int k = 0; k < s->info.n_outputs; k++) {
        if (!tg_dtype_is_float(tg_dtype_of(out[k])))
            continue;
        tg_generator *g = tg_generator_new(5 + (uint64_t)k);
        f->weight[k] =
            tg_requires_grad_(tg_randn(TG_F64, tg_ndim(out[k]), tg_shape(out[k]), g), true);
        tg_generator_free(g);
    }
}

/* Σ output · weight, recorded. */
static tg_tensor *value(const function *f) {
    tg_tensor *out[SAMPLE_OUTPUTS] = {NULL};
    assert_int_equal(outputs(f, out), TG_OK);
    tg_tensor *sum = NULL;
    for (int k = 0; k < f->s->info.n_outputs; k++) {
        if (f->weight[k] == NULL)
            continue;
        tg_tensor *y = tg_cast(out[k], TG_F64);
        tg_tensor *part = tg_sum(tg_mul(y, f->weight[k]), TG_ALL, false);
        sum = sum == NULL ? part : tg_add(sum, part);
    }
    return sum;
}

/* The leaves that have gradients: inputs, then (for the second order) weights. */
static int leaves_of(const function *f, bool weights, tg_tensor **list) {
    int n = 0;
    for (int i = 0; i < f->s->n_in; i++)
        if (has_gradient(f, i))
            list[n++] = f->leaf[i];
    for (int k = 0; weights && k < SAMPLE_OUTPUTS; k++)
        if (f->weight[k] != NULL)
            list[n++] = f->weight[k];
    return n;
}

/* Σ gradient · direction over the input leaves, recorded: what the second order differentiates. */
static tg_tensor *slope(const function *f) {
    tg_tensor *leaves[SAMPLE_INPUTS];
    tg_tensor *g[SAMPLE_INPUTS];
    int n = leaves_of(f, false, leaves);
    tg_tensor *root = value(f);
    tg_gradients_options o = TG_GRADIENTS_OPTIONS_INIT;
    o.create_graph = true;
    o.allow_unused = true;
    if (tg_gradients(&root, 1, leaves, n, &o, g) != TG_OK)
        fail_msg("%s \"%s\": %s", f->s->op, f->s->text, tg_error_message());
    tg_tensor *sum = NULL;
    for (int i = 0; i < n; i++) {
        if (g[i] == NULL)
            continue;
        tg_generator *rng = tg_generator_new(91 + (uint64_t)i);
        tg_tensor *d = tg_randn(TG_F64, tg_ndim(g[i]), tg_shape(g[i]), rng);
        tg_generator_free(rng);
        tg_tensor *part = tg_sum(tg_mul(g[i], d), TG_ALL, false);
        sum = sum == NULL ? part : tg_add(sum, part);
    }
    return sum;
}

typedef tg_tensor *(*scalar_fn)(const function *f);

static double evaluate(const function *f, scalar_fn fn) {
    tg_scope s = tg_scope_open();
    tg_tensor *y = fn(f);
    double v = y != NULL ? tg_item(y) : NAN;
    assert_int_equal(tg_scope_close(s), TG_OK);
    return v;
}

/* Compares the gradient of fn with differences, element by element. */
static void compare(const function *f, scalar_fn fn, bool weights, const char *order) {
    tg_tensor *leaves[SAMPLE_INPUTS + SAMPLE_OUTPUTS];
    tg_tensor *g[SAMPLE_INPUTS + SAMPLE_OUTPUTS];
    int n = leaves_of(f, weights, leaves);
    tg_tensor *root = fn(f);
    if (n == 0 || root == NULL || !tg_requires_grad(root))
        return;
    tg_gradients_options o = TG_GRADIENTS_OPTIONS_INIT;
    o.allow_unused = true;
    if (tg_gradients(&root, 1, leaves, n, &o, g) != TG_OK)
        fail_msg("%s \"%s\" (%s), %s: %s", f->s->op, f->s->text, layout_name(f->l), order,
                 tg_error_message());
    for (int i = 0; i < n; i++) {
        double *x = tg_data_mut(leaves[i]);
        double exact[MOST] = {0};
        int64_t numel = tg_numel(leaves[i]);
        assert_true(numel <= MOST);
        if (g[i] != NULL) {
            assert_int_equal(tg_ndim(g[i]), tg_ndim(leaves[i]));
            assert_int_equal(tg_copy_to(g[i], exact, (size_t)numel * sizeof(double)), TG_OK);
        }
        for (int64_t e = 0; e < numel; e++) {
            double old = x[e];
            x[e] = old + STEP;
            double up = evaluate(f, fn);
            x[e] = old - STEP;
            double down = evaluate(f, fn);
            x[e] = old;
            double numeric = (up - down) / (2 * STEP);
            if (!tg_test_close(exact[e], numeric, 1e-5, 1e-6))
                fail_msg("%s \"%s\" (%s), %s derivative, leaf %d element %lld: %.12g, differences "
                         "give %.12g",
                         f->s->op, f->s->text, layout_name(f->l), order, i, (long long)e, exact[e],
                         numeric);
        }
    }
}

static void for_all(scalar_fn fn, bool weights, const char *order) {
    int checked = 0;
    int64_t live = tg_live_tensors();
    for (int i = 0; i < sample_count(); i++) {
        sample s;
        sample_get(i, &s);
        if (!s.info.differentiable)
            continue;
        for (int l = 0; l < LAYOUTS; l++) {
            if (TG_TEST_SLOW && l != i % LAYOUTS) /* one layout each, in turn */
                continue;
            tg_scope scope = tg_scope_open();
            function f;
            make(&f, &s, (layout)l);
            compare(&f, fn, weights, order);
            checked++;
            assert_int_equal(tg_scope_close(scope), TG_OK);
            if (tg_live_tensors() != live || tg_live_nodes() != 0)
                fail_msg("%s \"%s\" (%s): %lld tensors and %lld nodes left over", s.op, s.text,
                         layout_name((layout)l), (long long)(tg_live_tensors() - live),
                         (long long)tg_live_nodes());
        }
    }
    print_message("%d calls checked\n", checked);
    assert_true(checked > 4 * 60 || !sample_all());
}

static void first_derivatives_match_differences(void **state) {
    (void)state;
    for_all(value, false, "first");
}

static void second_derivatives_match_differences(void **state) {
    (void)state;
    for_all(slope, true, "second");
}

TG_TEST_MAIN(cmocka_unit_test(first_derivatives_match_differences),
             cmocka_unit_test(second_derivatives_match_differences))
