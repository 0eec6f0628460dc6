/* test_op_hostile.c - random calls of every operation by name: operands of any dtype, layout and
 * size, absent ones, too many, and attributes at the ends of their range.
 *
 * A call works, or fails with an error and leaves nothing behind. What it gives can be
 * differentiated twice. No call is the library's own fault (TG_ERR_INTERNAL). Run it under the
 * sanitizers: they see what a test cannot. */
/* ctest: timeout=600 */
#include "tensors.h"

#include <tensorgrad/tensorgrad.h>

#include <limits.h>

enum { OPERANDS = 12, ATTRS = 16, LONGEST = 18, OUTPUTS = 4 };

typedef struct {
    uint64_t seed;
    bool agreeing; /* all sizes are 3, so that more calls fit */
    bool starving; /* requests for memory fail */
    tg_op_info info;
    tg_tensor *in[OPERANDS];
    int n_in;
    tg_attr attr[ATTRS];
    int n_attr;
    int64_t ints[ATTRS][LONGEST];
    tg_index_item items[ATTRS][LONGEST];
} call;

static struct { int worked, walked, starved; } seen;

static uint64_t current;

static int pick(call *c, int n) {
    c->seed ^= c->seed << 13;
    c->seed ^= c->seed >> 7;
    c->seed ^= c->seed << 17;
    return (int)((c->seed >> 20) % (uint64_t)n);
}
static bool rarely(call *c) { return pick(c, 30) == 0; }

#define expect(condition, c)                                                                       \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_msg("%s, seed %llu: %s does not hold; %s: %s", (c)->info.name,                    \
                     (unsigned long long)current, #condition, tg_status_name(tg_error_status()),   \
                     tg_error_message());                                                          \
    } while (0)

/* ---- Operands ---- */

static tg_tensor *layout_of(call *c, tg_tensor *x) {
    int n = tg_ndim(x);
    switch (pick(c, 8)) {
    case 0:
        return n >= 2 ? tg_transpose(x, 0, n - 1) : x;
    case 1:
        return n >= 1 ? tg_slice(x, n - 1, 0, TG_SLICE_END, 2) : x;
    case 2:
        return n < 3 ? tg_squeeze(
                           tg_expand(tg_unsqueeze(x, 0), n + 1, (const int64_t[]){2, -1, -1, -1}),
                           TG_ALL)
                     : x;
    case 3:
        return tg_contiguous(x);
    default:
        return x;
    }
}

static tg_tensor *operand(call *c) {
    static const tg_dtype dtypes[] = {TG_F64, TG_F64, TG_F64, TG_F32,
                                      TG_I64, TG_I32, TG_U8,  TG_BOOL};
    static const int64_t sizes[] = {0, 1, 1, 2, 2, 3, 3, 4};
    if (rarely(c))
        return pick(c, 2) ? TG_NONE : NULL;
    int64_t shape[3];
    int n = pick(c, 4);
    for (int i = 0; i < n; i++)
        shape[i] = c->agreeing ? 3 : sizes[pick(c, 8)];
    tg_dtype dtype = dtypes[pick(c, 8)];
    tg_tensor *x = tg_randn(TG_F64, n, shape, NULL);
    if (dtype == TG_I64 || dtype == TG_I32 || pick(c, 3) == 0)
        x = tg_abs(x); /* what may be an index */
    x = tg_test_made(tg_cast(x, dtype));
    if (tg_dtype_is_float(dtype) && pick(c, 3))
        leaf(x);
    return tg_test_made(c->agreeing && pick(c, 3) ? x : layout_of(c, x));
}

/* ---- Attributes ---- */

static int64_t whole(call *c, bool wild) {
    static const int64_t ends[] = {
        INT64_MAX, INT64_MAX - 1,   INT64_MIN, INT64_MIN + 1, INT32_MAX, INT32_MIN, 100, -100, 8,
        -9,        (int64_t)1 << 40};
    return wild ? ends[pick(c, 11)] : pick(c, 6) - 2;
}

static double fraction(call *c, bool wild) {
    static const double ends[] = {1e300, -1e300, (double)NAN, (double)INFINITY, -(double)INFINITY,
                                  5e-324};
    return wild ? ends[pick(c, 6)] : (pick(c, 9) - 4) / 2.0;
}

static void list(call *c, tg_attr *a, int k, bool wild) {
    a->n = wild ? pick(c, LONGEST + 2) - 1 : pick(c, 4);
    for (int i = 0; i < a->n && i < LONGEST; i++) {
        c->ints[k][i] = whole(c, pick(c, 10) == 0);
        c->items[k][i] = (tg_index_item){rarely(c) ? 9 : pick(c, 5),
                                         0,
                                         whole(c, pick(c, 8) == 0),
                                         whole(c, pick(c, 8) == 0),
                                         pick(c, 8) ? 1 + pick(c, 2) : whole(c, true),
                                         NULL};
    }
    if (a->n > LONGEST) /* more than any list may have: not looked at */
        a->n = INT32_MAX;
    a->ints = rarely(c) ? NULL : c->ints[k];
    a->items = rarely(c) ? NULL : c->items[k];
}

static const char *text(call *c, bool wild) {
    static const char *const texts[] = {"ij,jk->ik", "i,i", "ii->i",  "...i->...",
                                        "",          "->",  "a\1\xff"};
    return wild && pick(c, 2) ? NULL : texts[pick(c, 7)];
}

static void attributes(call *c, int op) {
    c->n_attr = 0;
    for (int k = 0; k < c->info.n_attrs; k++) {
        tg_attr *a = &c->attr[c->n_attr];
        bool required;
        assert_ok(tg_op_attr(op, k, a, &required));
        if (required ? rarely(c) : pick(c, 3) == 0)
            continue;
        bool wild = pick(c, 6) == 0;
        if (a->type == TG_ATTR_TEXT)
            a->text = text(c, wild);
        else if (a->type == TG_ATTR_FLOAT)
            a->f = fraction(c, wild);
        else if (a->type <= TG_ATTR_DTYPE)
            a->i = wild ? whole(c, true) : a->type == TG_ATTR_DTYPE ? pick(c, 6) : whole(c, false);
        else
            list(c, a, k, wild);
        c->n_attr++;
    }
}

/* ---- Calling ---- */

static void starve(call *c, int requests) {
    if (c->starving)
        tg__alloc_fail_at((uint64_t)pick(c, requests) + 1, pick(c, 2) == 0);
}

/* Whether a status other than TG_OK may come from a walk. */
static bool excused(const call *c, tg_status status) {
    return status == TG_OK || (c->starving && status == TG_ERR_MEMORY);
}

static void differentiate(call *c, tg_tensor *const *out) {
    tg_tensor *x[OPERANDS];
    tg_tensor *g[OPERANDS];
    tg_tensor *roots[OUTPUTS];
    int n_roots = 0;
    int n = 0;
    for (int i = 0; i < c->info.n_outputs; i++)
        if (tg_requires_grad(out[i])) {
            expect(tg_dtype_is_float(tg_dtype_of(out[i])), c);
            roots[n_roots++] = tg_test_made(tg_sum(out[i], TG_ALL, false));
        }
    for (int i = 0; i < c->n_in && n_roots > 0; i++)
        if (tg_requires_grad(c->in[i]))
            x[n++] = c->in[i];
    if (n == 0)
        return;
    tg_gradients_options o = TG_GRADIENTS_OPTIONS_INIT;
    o.create_graph = o.allow_unused = true;
    starve(c, 40);
    tg_status status = tg_gradients(roots, n_roots, x, n, &o, g);
    tg__alloc_fail_at(0, false);
    expect(excused(c, status), c);
    tg_tensor *sum = number(0);
    for (int i = 0; i < n; i++) {
        expect(status == TG_OK || g[i] == NULL, c);
        if (g[i] == NULL)
            continue;
        expect(tg_dtype_of(g[i]) == tg_dtype_of(x[i]) && tg_numel(g[i]) == tg_numel(x[i]), c);
        if (tg_requires_grad(g[i]))
            sum = tg_test_made(tg_add(sum, tg_sum(g[i], TG_ALL, false)));
    }
    tg_error_clear();
    if (tg_requires_grad(sum)) {
        status = tg_gradients(&sum, 1, x, n, &o, g);
        expect(status == TG_OK || status == TG_ERR_UNSUPPORTED, c);
        tg_error_clear();
    }
    starve(c, 40);
    status = tg_backward_ex(roots, n_roots, NULL);
    tg__alloc_fail_at(0, false);
    expect(excused(c, status), c);
    tg_error_clear();
    for (int i = 0; i < n && status != TG_OK; i++)
        expect(tg_grad(x[i]) == NULL, c);
    seen.walked += status == TG_OK;
}

static void run_call(call *c) {
    int op = pick(c, tg_op_count());
    assert_ok(tg_op_describe(op, &c->info));
    c->n_in = rarely(c) || c->info.n_inputs < 0 ? pick(c, OPERANDS) : c->info.n_inputs;
    for (int i = 0; i < c->n_in; i++)
        c->in[i] = i > 0 && pick(c, 6) == 0 ? c->in[pick(c, i)] : operand(c);
    attributes(c, op);
    int n_out = rarely(c) ? pick(c, OUTPUTS) : c->info.n_outputs;
    tg_tensor *out[OUTPUTS];
    for (int i = 0; i < OUTPUTS; i++)
        out[i] = tg_none(); /* must be overwritten */
    int64_t tensors = tg_live_tensors();
    int64_t nodes = tg_live_nodes();
    starve(c, 12);
    tg_status status = tg_op_call(c->info.name, c->in, c->n_in, c->attr, c->n_attr, out, n_out);
    tg__alloc_fail_at(0, false);
    expect(tg_error_status() == status, c);
    for (int i = 0; i < n_out; i++)
        expect((out[i] != NULL) == (status == TG_OK) && !tg_is_none(out[i]), c);
    if (status == TG_OK) {
        seen.worked++;
        differentiate(c, out);
        return;
    }
    expect(status != TG_ERR_INTERNAL, c);
    expect(tg_live_tensors() == tensors && tg_live_nodes() == nodes, c);
    seen.starved += c->starving && status == TG_ERR_MEMORY;
    tg_error_clear();
}

static void run(int calls, bool agreeing, bool starving) {
    memset(&seen, 0, sizeof seen);
    assert_ok(tg_manual_seed(1));
    for (int i = 1; i <= calls; i++) {
        static call c;
        tg_scope s = tg_scope_open();
        current = (uint64_t)i;
        c = (call){
            .seed = current * 0x9e3779b97f4a7c15u, .agreeing = agreeing, .starving = starving};
        run_call(&c);
        assert_ok(tg_scope_close(s));
        expect(tg_live_tensors() == 0 && tg_live_nodes() == 0, &c);
    }
}

static void calls_with_anything_fail_cleanly_or_work(void **state) {
    (void)state;
    run(12000, false, false);
    assert_true(seen.worked > 2000 && seen.walked > 500);
}

static void calls_that_fit_can_be_differentiated_twice(void **state) {
    (void)state;
    run(8000, true, false);
    assert_true(seen.worked > 2500 && seen.walked > 800);
}

static void calls_without_memory_leave_nothing_behind(void **state) {
    (void)state;
    run(8000, true, true);
    assert_true(seen.starved > 500 && seen.walked > 100);
}

/* ---- What such calls have found ---- */

/* A 0-d tensor has one position: with no index at all, memory beyond the list was read as one. */
static void a_0d_tensor_takes_exactly_one_index(void **state) {
    (void)state;
    const int64_t zeros[2] = {0, 0};
    assert_refused(tg_index_select(number(7), 0, tg_zeros(TG_I64, TG_SHAPE(0))), TG_ERR_SHAPE,
                   "index_select: x is 0-d", "i64 [0]");
    assert_refused(tg_index_select(number(7), 0, tg_from_array(TG_I64, TG_SHAPE(2), zeros)),
                   TG_ERR_SHAPE, "i64 [2]");
    assert_values(tg_index_select(number(7), 0, tg_from_array(TG_I64, TG_SHAPE(1), zeros)), 7);
    assert_values(tg_index_select(number(7), 0, tg_scalar_i64(0)), 7);
    tg_tensor *in[] = {number(7), tg_zeros(TG_I64, TG_SHAPE(0)), number(1)};
    const tg_attr dim = {.name = "dim", .type = TG_ATTR_INT};
    tg_tensor *out = NULL;
    assert_denied(tg_op_call("index_add", in, 3, &dim, 1, &out, 1), TG_ERR_SHAPE, "index_add: ");
}

/* Without elements any sizes have the right count, but their strides must exist. */
static void sizes_beside_a_zero_may_not_overflow(void **state) {
    (void)state;
    tg_tensor *empty = tg_zeros(TG_F32, TG_SHAPE(0, 3));
    assert_refused(tg_reshape(empty, TG_SHAPE(0, 3, INT64_MAX - 1)), TG_ERR_SHAPE, "reshape: ");
    assert_refused(tg_view(empty, TG_SHAPE(INT64_MAX, 3, 0)), TG_ERR_SHAPE, "view: ");
    assert_shape(tg_reshape(empty, TG_SHAPE(7, 0, 1000)), TG_F32, TG_SHAPE(7, 0, 1000));
}

int main(void) {
    setenv("TENSORGRAD_POOL_MAX", "64M", 1); /* sizes at the ends of their range find no memory */
    const struct CMUnitTest tests[] = {tg_tidy(calls_with_anything_fail_cleanly_or_work),
                                       tg_tidy(calls_that_fit_can_be_differentiated_twice),
                                       tg_tidy(calls_without_memory_leave_nothing_behind),
                                       tg_scoped(a_0d_tensor_takes_exactly_one_index),
                                       tg_scoped(sizes_beside_a_zero_may_not_overflow)};
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
