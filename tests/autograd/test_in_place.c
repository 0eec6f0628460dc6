/* test_in_place.c - random programs that write in place, against the same programs written without:
 * values, gradients of both orders, and which of them may be refused.
 *
 * Each variable exists twice. `t` is written in place; `f` is replaced by the result of the
 * functional form. Operands may be the variable itself, parts of it, of other dtypes, or broadcast.
 * A refused write changes neither. A walk may be refused only because a saved value was changed;
 * careful programs, which never write what somebody saved, must not be refused at all. */
#include "tensors.h"

#include <tensorgrad/tensorgrad.h>

enum { LEAVES = 3, OPS = 16, VARIABLES = LEAVES + OPS };

typedef struct {
    tg_tensor *t, *f;
    bool used;         /* somebody may have saved it */
    bool output_saved; /* the operation that made it saved its result */
} variable;

typedef struct {
    uint64_t seed;
    bool mixed, careful;
    variable v[VARIABLES];
    int n;
    tg_tensor *leaf_t[LEAVES], *leaf_f[LEAVES];
    int n_leaves;
} program;

static struct { int walked, changed, second, written, refused; } seen;

static int pick(program *p, int n) {
    p->seed ^= p->seed << 13;
    p->seed ^= p->seed >> 7;
    p->seed ^= p->seed << 17;
    return (int)((p->seed >> 20) % (uint64_t)n);
}

static void close_enough(const program *p, const tg_tensor *t, const tg_tensor *f, double factor,
                         const char *what, int i) {
    assert_int_equal(tg_dtype_of(t), tg_dtype_of(f));
    assert_int_equal(tg_numel(t), tg_numel(f));
    double *a = tg_test_read(t);
    double *b = tg_test_read(f);
    double tolerance = factor * (p->mixed ? 3e-4 : 1e-9);
    bool same = true;
    for (int64_t k = 0; k < tg_numel(t); k++)
        same &= tg_test_close(a[k], b[k], tolerance, tolerance);
    if (!same)
        print_error("%s %d: %.12g, expected %.12g\n", what, i, a[0], b[0]);
    free(a);
    free(b);
    assert_true(same);
}

/* ---- Operations, in both forms ---- */

enum { UNARY = 9 };
static tg_tensor *unary(int op, tg_tensor *x, bool in_place) {
    switch (op) {
    case 0:
        return in_place ? tg_tanh_(x) : tg_tanh(x);
    case 1:
        return in_place ? tg_sigmoid_(x) : tg_sigmoid(x);
    case 2:
        return in_place ? tg_relu_(x) : tg_relu(x);
    case 3:
        return in_place ? tg_neg_(x) : tg_neg(x);
    case 4:
        return in_place ? tg_sin_(x) : tg_sin(x);
    case 5:
        return in_place ? tg_abs_(x) : tg_abs(x);
    case 6:
        return in_place ? tg_clamp_(x, -0.4, 0.6) : tg_clamp(x, -0.4, 0.6);
    case 7:
        return in_place ? tg_mul_scalar_(x, 0.5) : tg_mul_scalar(x, 0.5);
    default:
        return in_place ? tg_add_scalar_(x, 0.3) : tg_add_scalar(x, 0.3);
    }
}
static bool saves_output(int op) { return op <= 2; }

static tg_tensor *binary(int op, tg_tensor *a, tg_tensor *b, bool in_place) {
    switch (op) {
    case 0:
        return in_place ? tg_add_(a, b) : tg_add(a, b);
    case 1:
        return in_place ? tg_sub_(a, b) : tg_sub(a, b);
    default:
        return in_place ? tg_mul_(a, b) : tg_mul(a, b);
    }
}

/* ---- Building ---- */

static tg_tensor *fresh(tg_dtype dtype, bool with_dim, double v) {
    const double values[] = {v, v / 2 + 0.25, 0.125 - v};
    return tg_test_made(with_dim ? row(dtype, 3, values) : tg_scalar(dtype, v));
}

static void add_leaf(program *p) {
    variable *v = &p->v[p->n++];
    tg_dtype dtype = p->mixed && pick(p, 2) ? TG_F32 : TG_F64;
    bool with_dim = pick(p, 4) != 0;
    double value = (pick(p, 200) - 100) / 64.0;
    *v = (variable){fresh(dtype, with_dim, value), fresh(dtype, with_dim, value), false, false};
    if (p->n > 1 && pick(p, 3) == 0)
        return;
    p->leaf_t[p->n_leaves] = leaf(v->t);
    p->leaf_f[p->n_leaves++] = leaf(v->f);
}

static void add_result(program *p) {
    variable *a = &p->v[pick(p, p->n)];
    variable *b = &p->v[pick(p, p->n)];
    variable *y = &p->v[p->n];
    int kind = pick(p, 8);
    int op = pick(p, UNARY);
    *y = (variable){NULL, NULL, false, false};
    a->used = true;
    if (kind < 3) {
        y->t = unary(op, a->t, false);
        y->f = unary(op, a->f, false);
        y->output_saved = saves_output(op);
    } else if (kind < 6) {
        b->used = true;
        y->t = binary(op % 3, a->t, b->t, false);
        y->f = binary(op % 3, a->f, b->f, false);
    } else if (kind == 6 && tg_ndim(a->t) == 1) {
        y->t = tg_sum(tg_slice(a->t, 0, 0, 3, 2), TG_ALL, false);
        y->f = tg_sum(tg_slice(a->f, 0, 0, 3, 2), TG_ALL, false);
    } else {
        y->t = tg_mul_scalar(tg_detach(a->t), 1);
        y->f = tg_mul_scalar(tg_detach(a->f), 1);
    }
    assert_ok(tg_error_status());
    p->n++;
}

/* Writes into a->t; the functional result goes to *f. NULL if refused. */
static tg_tensor *write(program *p, variable *a, variable *b, tg_tensor **f) {
    int kind = pick(p, 4);
    int op = pick(p, UNARY);
    tg_tensor *done = NULL;
    a->output_saved = false;
    if (kind == 0) {
        if ((done = unary(op, a->t, true)) != NULL)
            *f = unary(op, a->f, false);
        a->output_saved = saves_output(op);
        return done;
    }
    b->used |= b != a;
    if (kind == 3 && tg_ndim(a->t) == 1) {
        const tg_index_item part[] = {TG_RANGE(pick(p, 2), 3, 1 + pick(p, 2))};
        bool dim = tg_ndim(b->t) == 1;
        tg_tensor *one = dim ? tg_select(b->t, 0, 1) : b->t; /* perhaps of a itself */
        if ((done = tg_index_put_(a->t, 1, part, one)) != NULL)
            *f = tg_index_put(a->f, 1, part, dim ? tg_select(b->f, 0, 1) : b->f);
    } else if ((done = binary(op % 3, a->t, b->t, true)) != NULL) {
        *f = binary(op % 3, a->f, b->f, false);
    }
    return done;
}

static void write_in_place(program *p) {
    variable *a = &p->v[pick(p, p->n)];
    variable *b = &p->v[pick(p, p->n)];
    if (p->careful && (a->used || a->output_saved))
        return;
    variable before = *a;
    uint32_t version = tg_version_of(a->t);
    tg_dtype dtype = tg_dtype_of(a->t);
    tg_tensor *f = NULL;
    tg_tensor *done = write(p, a, b, &f);
    if (done == NULL) {
        tg_status status = tg_error_status();
        assert_true(status == TG_ERR_STATE || status == TG_ERR_SHAPE);
        assert_int_equal(tg_version_of(a->t), version);
        a->output_saved = before.output_saved;
        tg_error_clear();
        seen.refused++;
        return;
    }
    assert_ptr_equal(done, a->t);
    assert_int_equal(tg_version_of(a->t), version + 1);
    a->f = tg_test_made(tg_dtype_of(f) == dtype ? f : tg_cast(f, dtype));
    seen.written++;
}

/* ---- Checking ---- */

static tg_tensor *total(const program *p, bool functional) {
    tg_tensor *sum = NULL;
    for (int i = 0; i < p->n; i++) {
        tg_tensor *x = functional ? p->v[i].f : p->v[i].t;
        if (!tg_requires_grad(x))
            continue;
        x = tg_cast(tg_sum(tg_mul_scalar(x, i % 3 + 1), TG_ALL, false), TG_F64);
        sum = sum == NULL ? x : tg_add(sum, x);
    }
    return tg_test_made(sum);
}

/* Gradients of root with history, zeros where there are none. */
static tg_status gradients(tg_tensor *root, tg_tensor *const *leaves, int n, tg_tensor **out) {
    tg_gradients_options o = TG_GRADIENTS_OPTIONS_INIT;
    o.create_graph = o.allow_unused = true;
    tg_status status = tg_gradients(&root, 1, leaves, n, &o, out);
    for (int i = 0; i < n && status == TG_OK; i++)
        if (out[i] == NULL)
            out[i] = tg_test_made(tg_zeros_like(leaves[i]));
    return status;
}

static void second_order(const program *p, tg_tensor *const *gt, tg_tensor *const *gf) {
    tg_tensor *ht[LEAVES];
    tg_tensor *hf[LEAVES];
    tg_tensor *st = number(0);
    tg_tensor *sf = number(0);
    for (int i = 0; i < p->n_leaves; i++) {
        st = tg_add(st, tg_cast(tg_sum(tg_square(gt[i]), TG_ALL, false), TG_F64));
        sf = tg_add(sf, tg_cast(tg_sum(tg_square(gf[i]), TG_ALL, false), TG_F64));
    }
    if (!tg_requires_grad(st) || !tg_requires_grad(sf))
        return;
    assert_ok(gradients(st, p->leaf_t, p->n_leaves, ht));
    assert_ok(gradients(sf, p->leaf_f, p->n_leaves, hf));
    for (int i = 0; i < p->n_leaves; i++)
        close_enough(p, ht[i], hf[i], 20, "second order of leaf", i);
    seen.second++;
}

static void check(const program *p) {
    for (int i = 0; i < p->n; i++) {
        close_enough(p, p->v[i].t, p->v[i].f, 1, "value of variable", i);
        assert_int_equal(tg_requires_grad(p->v[i].t), tg_requires_grad(p->v[i].f));
    }
    tg_tensor *root = total(p, false);
    tg_tensor *gt[LEAVES];
    tg_tensor *gf[LEAVES];
    tg_status status = gradients(root, p->leaf_t, p->n_leaves, gt);
    if (status != TG_OK) {
        assert_false(p->careful);
        assert_denied(status, TG_ERR_STATE, " saved ", "last written by");
        assert_denied(tg_backward(root), TG_ERR_STATE, " saved ");
        for (int i = 0; i < p->n_leaves; i++) {
            assert_null(gt[i]);
            assert_null(tg_grad(p->leaf_t[i]));
        }
        seen.changed++;
        return;
    }
    assert_ok(gradients(total(p, true), p->leaf_f, p->n_leaves, gf));
    for (int i = 0; i < p->n_leaves; i++)
        close_enough(p, gt[i], gf[i], 1, "gradient of leaf", i);
    second_order(p, gt, gf);
    assert_ok(tg_backward(root));
    for (int i = 0; i < p->n_leaves; i++)
        if (tg_grad(p->leaf_t[i]) != NULL)
            close_enough(p, tg_grad(p->leaf_t[i]), gf[i], 1, ".grad of leaf", i);
    seen.walked++;
}

static void run(int programs, bool mixed, bool careful) {
    for (int k = 1; k <= programs; k++) {
        tg_scope s = tg_scope_open();
        program p = {.seed = (uint64_t)k * 0x9e3779b97f4a7c15u, .mixed = mixed, .careful = careful};
        for (int i = 0; i < LEAVES; i++)
            add_leaf(&p);
        for (int i = 0; i < OPS; i++)
            if (pick(&p, 2))
                add_result(&p);
            else
                write_in_place(&p);
        check(&p);
        assert_ok(tg_scope_close(s));
        assert_int_equal(tg_live_tensors(), 0);
        assert_int_equal(tg_live_nodes(), 0);
    }
}

enum { PROGRAMS = 1000 };

static void writing_in_place_gives_what_the_functions_give(void **state) {
    (void)state;
    memset(&seen, 0, sizeof seen);
    run(PROGRAMS, false, false);
    run(PROGRAMS, true, false);
    assert_true(seen.walked > PROGRAMS / 4 && seen.changed > PROGRAMS / 20);
    assert_true(seen.second > PROGRAMS / 8 && seen.refused > PROGRAMS / 8);
    assert_true(seen.written > PROGRAMS);
}

static void what_nobody_saved_may_be_written(void **state) {
    (void)state;
    memset(&seen, 0, sizeof seen);
    run(PROGRAMS, false, true);
    run(PROGRAMS, true, true);
    assert_int_equal(seen.walked, 2 * PROGRAMS);
    assert_int_equal(seen.changed, 0);
    assert_true(seen.written > PROGRAMS / 2 && seen.second > PROGRAMS / 2);
}

TG_TEST_MAIN(tg_tidy(writing_in_place_gives_what_the_functions_give),
             tg_tidy(what_nobody_saved_may_be_written))
