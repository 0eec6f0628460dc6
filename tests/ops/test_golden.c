/* test_golden.c - replays the cases of tests/golden: what PyTorch gives for every operation. The
 * format stands in tests/golden/README.md. */
#include "samples.h"
#include "tg_test.h"

#include <dirent.h>
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TENSORS (SAMPLE_INPUTS + SAMPLE_OUTPUTS)

/* What a line says must come out. */
typedef struct {
    enum { OUTPUT, GRADIENT, SECOND } what;
    int index;
    tg_tensor *value; /* NULL: zeros or nothing */
} expectation;

typedef struct {
    const char *file;
    int line, first_line;
    sample call; /* op and attributes */
    tg_tensor *in[SAMPLE_INPUTS];
    int n_in;
    bool ones;
    bool relative; /* each element by itself, however small */
    expectation expected[2 * SAMPLE_INPUTS + SAMPLE_OUTPUTS];
    int n_expected;
    double tolerance[3];
} golden;

static struct { int cases, gradients, seconds; } seen;

static void bad(const golden *g, const char *why) { fail_msg("%s:%d: %s", g->file, g->line, why); }

/* ---- Reading ---- */

static tg_dtype dtype_of(const golden *g, const char *name) {
    for (int d = 0; d <= TG_BF16; d++)
        if (strcmp(tg_dtype_name((tg_dtype)d), name) == 0)
            return (tg_dtype)d;
    bad(g, "unknown dtype");
    return TG_F64;
}

/* "f64 [2,3] 1 2 3 4 5 6" */
static tg_tensor *read_tensor(const golden *g, char *text) {
    char *save = NULL;
    tg_dtype dtype = dtype_of(g, strtok_r(text, " ", &save));
    char *p = strtok_r(NULL, " ", &save);
    int64_t shape[TG_MAX_DIMS];
    int ndim = 0;
    int64_t numel = 1;
    for (p++; *p != ']'; p += *p == ',') {
        shape[ndim] = strtoll(p, &p, 10);
        numel *= shape[ndim++];
    }
    double *values = calloc((size_t)numel + 1, sizeof *values);
    int64_t *integers = calloc((size_t)numel + 1, sizeof *integers);
    assert_true(values != NULL && integers != NULL);
    for (int64_t i = 0; i < numel; i++) {
        const char *word = strtok_r(NULL, " ", &save);
        if (word == NULL)
            bad(g, "too few values");
        values[i] = strtod(word, NULL);
        integers[i] = strtoll(word, NULL, 10);
    }
    bool exact = dtype == TG_I64; /* beyond 2^53 a double will not do */
    tg_tensor *wide = exact ? tg_from_array(TG_I64, ndim, shape, integers)
                            : tg_from_array(TG_F64, ndim, shape, values);
    free(values);
    free(integers);
    tg_tensor *x = tg_cast(wide, dtype);
    if (x == NULL)
        bad(g, tg_error_message());
    return x;
}

static void expect_line(golden *g, int what, char *rest) {
    expectation *e = &g->expected[g->n_expected++];
    assert_true((size_t)g->n_expected <= sizeof g->expected / sizeof *g->expected);
    e->what = what;
    e->index = (int)strtol(rest, &rest, 10);
    rest++;
    e->value = strcmp(rest, "zero") == 0 ? NULL : read_tensor(g, rest);
}

static void begin(golden *g, char *rest) {
    char *save = NULL;
    g->first_line = g->line;
    g->n_in = g->n_expected = 0;
    memset(&g->call, 0, sizeof g->call);
    static char name[64];
    snprintf(name, sizeof name, "%s", strtok_r(rest, " ", &save));
    const char *source = strtok_r(NULL, " ", &save);
    g->relative = source != NULL && strcmp(source, "exact") == 0;
    if (!sample_of(&g->call, name))
        bad(g, "there is no such operation");
}

static void read_line(golden *g, char *word, char *rest) {
    if (strcmp(word, "attr") == 0) {
        *strchr(rest, ' ') = '=';
        sample_attr(&g->call, rest);
    } else if (strcmp(word, "in") == 0) {
        assert_true(g->n_in < SAMPLE_INPUTS);
        g->in[g->n_in++] = strcmp(rest, "none") == 0 ? TG_NONE : read_tensor(g, rest);
    } else if (strcmp(word, "seed") == 0) {
        g->ones = strcmp(rest, "ones") == 0;
    } else if (strcmp(word, "out") == 0) {
        expect_line(g, OUTPUT, rest);
    } else if (strcmp(word, "grad") == 0) {
        expect_line(g, GRADIENT, rest);
    } else if (strcmp(word, "second") == 0) {
        expect_line(g, SECOND, rest);
    } else if (strcmp(word, "tol") == 0) {
        for (int i = 0; i < 3; i++)
            g->tolerance[i] = strtod(rest, &rest);
    } else {
        bad(g, "unknown word");
    }
}

/* ---- Calling ---- */

/* The patterns of calls.py: `mod` numbers around 0. */
static tg_tensor *pattern(const tg_tensor *like, int factor, int offset, int mod, double scale,
                          bool ones) {
    int64_t n = tg_numel(like);
    double *values = calloc((size_t)n + 1, sizeof *values);
    assert_non_null(values);
    for (int64_t i = 0; i < n; i++)
        values[i] = ones ? 1.0 : ((double)((i * factor + offset) % mod) - (mod / 2 - 0.5)) / scale;
    tg_tensor *x = tg_from_array(TG_F64, tg_ndim(like), tg_shape(like), values);
    free(values);
    return tg_cast(x, tg_dtype_of(like));
}

static void compare(golden *g, const expectation *e, const tg_tensor *got) {
    static const char *const names[] = {"output", "gradient", "second derivative"};
    if (e->value == NULL || got == NULL) {
        const tg_tensor *there = e->value == NULL ? got : e->value;
        if (there != NULL &&
            tg_item(tg_sum(tg_abs((tg_tensor *)(uintptr_t)there), TG_ALL, false)) != 0)
            fail_msg("%s:%d: %s: %s %d is %s", g->file, g->first_line, g->call.op, names[e->what],
                     e->index, got == NULL ? "absent" : "not zero");
        return;
    }
    bool same = tg_dtype_of(got) == tg_dtype_of(e->value) && tg_ndim(got) == tg_ndim(e->value);
    for (int d = 0; same && d < tg_ndim(got); d++)
        same = tg_shape(got)[d] == tg_shape(e->value)[d];
    if (!same)
        fail_msg("%s:%d: %s: %s %d has another shape or dtype", g->file, g->first_line, g->call.op,
                 names[e->what], e->index);
    int64_t n = tg_numel(got);
    size_t bytes = (size_t)n * sizeof(double);
    double *a = malloc(2 * bytes + 1);
    assert_non_null(a);
    double *b = a + n;
    assert_int_equal(tg_copy_to(tg_cast((tg_tensor *)(uintptr_t)got, TG_F64), a, bytes), TG_OK);
    assert_int_equal(tg_copy_to(tg_cast(e->value, TG_F64), b, bytes), TG_OK);
    double scale = 0;
    for (int64_t i = 0; i < n; i++)
        if (isfinite(b[i]) && fabs(b[i]) > scale)
            scale = fabs(b[i]);
    double rtol = g->tolerance[e->what];
    double least = g->relative ? 4 * DBL_TRUE_MIN : rtol * (0.01 * scale + 1e-3);
    for (int64_t i = 0; i < n; i++)
        if (!tg_test_close(a[i], b[i], rtol, least))
            fail_msg("%s:%d: %s: %s %d, element %lld: %.17g, expected %.17g", g->file,
                     g->first_line, g->call.op, names[e->what], e->index, (long long)i, a[i], b[i]);
    free(a);
}

typedef struct {
    tg_tensor *out[SAMPLE_OUTPUTS];
    tg_tensor *grad[SAMPLE_INPUTS], *second[SAMPLE_INPUTS];
} results;

static void differentiate(golden *g, results *r, bool second) {
    tg_tensor *roots[SAMPLE_OUTPUTS], *seeds[SAMPLE_OUTPUTS];
    tg_tensor *leaf[SAMPLE_INPUTS], *grad[SAMPLE_INPUTS];
    tg_tensor *parts[SAMPLE_INPUTS], *factors[SAMPLE_INPUTS];
    int at[SAMPLE_INPUTS];
    int n_roots = 0, n = 0, n_parts = 0;
    for (int k = 0; k < g->call.info.n_outputs; k++)
        if (tg_requires_grad(r->out[k])) {
            roots[n_roots] = r->out[k];
            seeds[n_roots++] =
                tg_requires_grad_(pattern(r->out[k], 7, 3 * k, 11, 4.0, g->ones), true);
        }
    for (int i = 0; i < g->n_in; i++)
        if (tg_requires_grad(g->in[i])) {
            at[n] = i;
            leaf[n++] = g->in[i];
        }
    if (n_roots == 0 || n == 0)
        return;
    tg_gradients_options o = TG_GRADIENTS_OPTIONS_INIT;
    o.allow_unused = o.retain_graph = true;
    o.create_graph = second;
    o.grad_outputs = seeds;
    if (tg_gradients(roots, n_roots, leaf, n, &o, grad) != TG_OK)
        bad(g, tg_error_message());
    for (int i = 0; i < n; i++) {
        r->grad[at[i]] = grad[i];
        if (!second || grad[i] == NULL || !tg_requires_grad(grad[i]))
            continue;
        parts[n_parts] = grad[i];
        factors[n_parts++] = pattern(grad[i], 5, 2 * at[i], 7, 3.0, false);
    }
    if (n_parts == 0)
        return;
    o.create_graph = false;
    o.grad_outputs = factors;
    if (tg_gradients(parts, n_parts, leaf, n, &o, grad) != TG_OK)
        bad(g, tg_error_message());
    for (int i = 0; i < n; i++)
        r->second[at[i]] = grad[i];
}

static void run(golden *g) {
    results r = {{NULL}, {NULL}, {NULL}};
    bool wanted[3] = {false, false, false};
    for (int k = 0; k < g->n_expected; k++)
        wanted[g->expected[k].what] = true;
    for (int i = 0; wanted[GRADIENT] && i < g->n_in; i++)
        if (tg_dtype_is_float(tg_dtype_of(g->in[i])))
            tg_requires_grad_(g->in[i], true);
    g->call.n_in = g->n_in;
    if (sample_call(&g->call, g->in, r.out) != TG_OK)
        bad(g, tg_error_message());
    if (wanted[GRADIENT])
        differentiate(g, &r, wanted[SECOND]);
    for (int k = 0; k < g->n_expected; k++) {
        const expectation *e = &g->expected[k];
        compare(g, e,
                e->what == OUTPUT     ? r.out[e->index]
                : e->what == GRADIENT ? r.grad[e->index]
                                      : r.second[e->index]);
    }
    seen.cases++;
    seen.gradients += wanted[GRADIENT];
    seen.seconds += wanted[SECOND];
}

static void replay(const char *path) {
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    static golden g;
    g.file = path;
    g.line = 0;
    char *line = NULL;
    size_t capacity = 0;
    tg_scope scope = 0;
    while (getline(&line, &capacity, file) > 0) {
        g.line++;
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '\0' || line[0] == '#')
            continue;
        char *rest = line + strcspn(line, " ");
        rest += *rest == ' ' ? 1 : 0;
        if (rest > line && rest[-1] == ' ')
            rest[-1] = '\0';
        if (strcmp(line, "case") == 0) {
            scope = tg_scope_open();
            begin(&g, rest);
        } else if (strcmp(line, "end") == 0) {
            run(&g);
            assert_int_equal(tg_scope_close(scope), TG_OK);
            assert_int_equal(tg_live_tensors(), 0);
        } else {
            read_line(&g, line, rest);
        }
    }
    free(line);
    fclose(file);
}

static void all_golden_cases_agree(void **state) {
    (void)state;
    const char *directory = TG_TEST_SOURCE_DIR "/tests/golden";
    DIR *d = opendir(directory);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        size_t n = strlen(e->d_name);
        char path[512];
        if (n < 4 || strcmp(e->d_name + n - 4, ".txt") != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", directory, e->d_name);
        replay(path);
    }
    closedir(d);
    print_message("%d cases, %d with gradients, %d with second derivatives\n", seen.cases,
                  seen.gradients, seen.seconds);
    assert_true(seen.cases > 2);
}

TG_TEST_MAIN(cmocka_unit_test(all_golden_cases_agree))
