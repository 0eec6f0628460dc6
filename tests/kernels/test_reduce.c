/* test_reduce.c - reductions over any layout against a model that follows the same tree. */
/* ctest: threads */
#include "base/alloc.h"
#include "kernels/tables.h"
#include "kernels/tree.h"
#include "kernels/values.h"
#include "tg_test.h"
#include <stdlib.h>

static const char *const isas[] = {"base", "avx2", "avx512"};
enum { ISAS = 3 };

static const char *const op_name[] = {"sum",    "prod", "max", "min",  "argmax",
                                      "argmin", "all",  "any", "sumsq"};

/* ---- The model ------------------------------------------------------------------------------- */

/* One case: a strided input and where its outputs go. */
typedef struct {
    tg__reduce_op op;
    tg_dtype dtype, out_dtype;
    tg__reduction r;
    int64_t outputs, length;
    char *in, *out, *center, *expected;
    size_t in_bytes, out_bytes;
} problem;

static tg_dtype type_of_output(tg__reduce_op op, tg_dtype dtype) {
    if (op == TG__REDUCE_ARGMAX || op == TG__REDUCE_ARGMIN)
        return TG_I64;
    if (op == TG__REDUCE_ALL || op == TG__REDUCE_ANY)
        return TG_BOOL;
    if ((op == TG__REDUCE_SUM || op == TG__REDUCE_PROD) && dtype > TG_F64)
        return TG_I64;
    return dtype;
}

static bool has_reduction(tg__reduce_op op, tg_dtype dtype) {
    return op != TG__REDUCE_SUMSQ || dtype <= TG_F64;
}

static void store_f(tg_dtype dtype, char *p, double x) {
    if (dtype == TG_F32)
        *(float *)p = (float)x;
    else
        *(double *)p = x;
}

static double load_f(tg_dtype dtype, const char *p) {
    return dtype == TG_F32 ? (double)*(const float *)p : *(const double *)p;
}

static int64_t load_i(tg_dtype dtype, const char *p) {
    return dtype == TG_I64   ? *(const int64_t *)p
           : dtype == TG_I32 ? *(const int32_t *)p
                             : *(const uint8_t *)p;
}

/* The address of element `at` (row-major) of dims [first, first + n). */
static int64_t offset_of(const problem *q, int first, int n, const int64_t *stride, int64_t at) {
    int64_t offset = 0;
    for (int d = first + n - 1; d >= first; d--) {
        offset += at % q->r.shape[d] * stride[d];
        at /= q->r.shape[d];
    }
    return offset;
}

static void store_i(tg_dtype dtype, char *p, int64_t x) {
    if (dtype == TG_I64)
        *(int64_t *)p = x;
    else if (dtype == TG_I32)
        *(int32_t *)p = (int32_t)x;
    else
        *(uint8_t *)p = (uint8_t)x;
}

static int64_t model_arg(const double *f, const int64_t *i, int64_t n, bool largest) {
    int64_t best = 0;
    for (int64_t k = 1; k < n; k++)
        if (f ? (isnan(f[k]) && !isnan(f[best])) || (largest ? f[k] > f[best] : f[k] < f[best])
              : (largest ? i[k] > i[best] : i[k] < i[best]))
            best = k;
    return best;
}

static void model_floats(const problem *q, double *x, const char *center, char *out) {
    const int64_t n = q->length;
    const tg__reduce_op op = q->op;
    if (op == TG__REDUCE_SUM || op == TG__REDUCE_PROD) {
        const double y = model_tree(x, n, op == TG__REDUCE_PROD);
        store_f(q->dtype, out, op == TG__REDUCE_SUM ? y * q->r.scale : y);
    } else if (op == TG__REDUCE_SUMSQ) {
        const double c = load_f(q->dtype, center);
        for (int64_t i = 0; i < n; i++)
            x[i] = (x[i] - c) * (x[i] - c);
        store_f(q->dtype, out, model_tree(x, n, false) * q->r.scale);
    } else if (op == TG__REDUCE_ALL || op == TG__REDUCE_ANY) {
        bool all = true, any = false;
        for (int64_t i = 0; i < n; i++) {
            all = all && x[i] != 0;
            any = any || x[i] != 0;
        }
        *(uint8_t *)out = op == TG__REDUCE_ALL ? all : any;
    } else {
        const int64_t at = model_arg(x, NULL, n, op == TG__REDUCE_MAX || op == TG__REDUCE_ARGMAX);
        if (op == TG__REDUCE_MAX || op == TG__REDUCE_MIN)
            store_f(q->dtype, out, x[at]);
        else
            *(int64_t *)out = at;
    }
}

static void model_integers(const problem *q, const int64_t *x, char *out) {
    const int64_t n = q->length;
    const tg__reduce_op op = q->op;
    uint64_t sum = 0, product = 1;
    bool all = true, any = false;
    for (int64_t i = 0; i < n; i++) {
        sum += (uint64_t)x[i];
        product *= (uint64_t)x[i];
        all = all && x[i] != 0;
        any = any || x[i] != 0;
    }
    if (op == TG__REDUCE_SUM || op == TG__REDUCE_PROD) {
        *(int64_t *)out = (int64_t)(op == TG__REDUCE_SUM ? sum : product);
    } else if (op == TG__REDUCE_ALL || op == TG__REDUCE_ANY) {
        *(uint8_t *)out = op == TG__REDUCE_ALL ? all : any;
    } else {
        const int64_t at = model_arg(NULL, x, n, op == TG__REDUCE_MAX || op == TG__REDUCE_ARGMAX);
        if (op == TG__REDUCE_MAX || op == TG__REDUCE_MIN)
            store_i(q->dtype, out, x[at]);
        else
            *(int64_t *)out = at;
    }
}

/* Fills q->expected. */
static void model(problem *q) {
    memset(q->expected, 0xA5, q->out_bytes);
    double *f = malloc((size_t)(q->length + 1) * sizeof *f);
    int64_t *i = malloc((size_t)(q->length + 1) * sizeof *i);
    const tg__reduction *r = &q->r;
    for (int64_t o = 0; o < q->outputs; o++) {
        const char *base = r->in + offset_of(q, 0, r->n_kept, r->in_stride, o);
        char *out = q->expected + offset_of(q, 0, r->n_kept, r->out_stride, o);
        const char *center =
            r->center ? r->center + offset_of(q, 0, r->n_kept, r->center_stride, o) : NULL;
        for (int64_t k = 0; k < q->length; k++) {
            const char *p = base + offset_of(q, r->n_kept, r->n_reduced, r->in_stride, k);
            if (q->dtype <= TG_F64)
                f[k] = load_f(q->dtype, p);
            else
                i[k] = load_i(q->dtype, p);
        }
        if (q->dtype <= TG_F64)
            model_floats(q, f, center, out);
        else
            model_integers(q, i, out);
    }
    free(f);
    free(i);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

/* Values of any kind, NaN and infinities among them; or (floats, odd seeds) finite ones whose sums
 * and products are rounded and stay in range, so that every change of order shows. */
static void fill_values(const problem *q, char *x, int64_t n, uint64_t seed) {
    if (q->dtype > TG_F64 || seed % 2 == 0) {
        random_values(q->dtype, x, n, seed);
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        const uint64_t r = next_random(&seed);
        const double u = (double)(r >> 11) * 0x1p-52 - 1;
        store_f(q->dtype, x + i * (int64_t)item_size[q->dtype],
                q->op == TG__REDUCE_PROD ? (1 + u * 0x1p-10) * (r % 2 ? 1 : -1)
                                         : ldexp(u, (int)(r % 20)));
    }
}

/* Lays out the input: dims in memory in the order given (outermost first), with `gap` elements left
 * free after each row of a dim, and stride 0 for the dims in `broadcast` (a bit mask). */
static void lay_out(problem *q, const int *order, int64_t gap, unsigned broadcast, uint64_t seed) {
    tg__reduction *r = &q->r;
    const int n = r->n_kept + r->n_reduced;
    const int64_t item = (int64_t)item_size[q->dtype];
    q->out_dtype = type_of_output(q->op, q->dtype);
    int64_t size = 1;
    for (int k = n - 1; k >= 0; k--) {
        const int d = order[k];
        r->in_stride[d] = broadcast >> d & 1 ? 0 : size * item;
        if (!(broadcast >> d & 1))
            size = size * (r->shape[d] > 0 ? r->shape[d] : 1) + gap;
    }
    q->in_bytes = (size_t)(size * item);
    q->in = malloc(q->in_bytes + 1);
    fill_values(q, q->in, size, seed);
    r->in = q->in;
    q->outputs = q->length = 1;
    for (int d = 0; d < r->n_kept; d++)
        q->outputs *= r->shape[d];
    for (int d = r->n_kept; d < n; d++)
        q->length *= r->shape[d];
    /* Outputs in their own order, every second place; centers in a third one. */
    const int64_t out_item = (int64_t)item_size[q->out_dtype];
    int64_t step = 2, center_step = 1;
    for (int d = r->n_kept - 1; d >= 0; d--) {
        r->out_stride[d] = step * out_item;
        step *= r->shape[d] > 0 ? r->shape[d] : 1;
    }
    for (int d = 0; d < r->n_kept; d++) {
        r->center_stride[d] = center_step * item;
        center_step *= r->shape[d] > 0 ? r->shape[d] : 1;
    }
    q->out_bytes = (size_t)((q->outputs * 2 + 1) * out_item);
    q->out = malloc(q->out_bytes);
    q->expected = malloc(q->out_bytes);
    r->out = q->expected;
    if (q->op == TG__REDUCE_SUMSQ) {
        q->center = malloc((size_t)(q->outputs * item) + 1);
        fill_values(q, q->center, q->outputs, seed + 2);
        r->center = q->center;
    }
    r->out = q->out;
}

static void drop(problem *q) {
    free(q->in);
    free(q->out);
    free(q->center);
    free(q->expected);
}

static void describe(const problem *q, const char *with) {
    print_error("%s of %s with %s; shape", op_name[q->op], type_name[q->dtype], with);
    for (int d = 0; d < q->r.n_kept + q->r.n_reduced; d++)
        print_error("%s%lld (step %lld)", d == q->r.n_kept ? " | " : " ", (long long)q->r.shape[d],
                    (long long)q->r.in_stride[d]);
    print_error("\n");
}

/* Runs and compares all of the output's memory: what lies between the outputs must stay. */
static void check(problem *q, const struct tg__reduce_table *table, const char *with) {
    memset(q->out, 0xA5, q->out_bytes);
    assert_true(tg__reduce_with(table, q->op, q->dtype, &q->r));
    const size_t item = item_size[q->out_dtype];
    for (size_t i = 0; i + item <= q->out_bytes; i += item)
        if (!same_bits(q->out_dtype, q->out + i, q->expected + i)) {
            describe(q, with);
            if (q->out_dtype == TG_F32)
                print_error("place %zu: %a, expected %a\n", i / item,
                            (double)*(float *)(q->out + i), (double)*(float *)(q->expected + i));
            if (q->out_dtype == TG_F64)
                print_error("place %zu: %a, expected %a\n", i / item, *(double *)(q->out + i),
                            *(double *)(q->expected + i));
            fail();
        }
}

static void check_all_isas(problem *q) {
    model(q);
    for (int i = 0; i < ISAS; i++) {
        const tg__kernels *k = tg__kernels_named(isas[i]);
        if (k)
            check(q, k->reduce, isas[i]);
    }
}

static void any_layout_gives_the_bits_of_the_model(void **state) {
    (void)state;
    static const int64_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 40, 70, 0};
    uint64_t random = 1;
    for (int round = 0; round < 4000; round++) {
        problem q = {.op = (tg__reduce_op)(round % 9), .dtype = (tg_dtype)(round / 9 % 6)};
        if (!has_reduction(q.op, q.dtype))
            continue;
        const int n = (int)random_below(&random, 6);
        q.r.n_kept = (int)random_below(&random, n + 1);
        q.r.n_reduced = n - q.r.n_kept;
        q.r.scale = random_below(&random, 2) ? 1 : 1.0 / 3;
        int64_t total = 1;
        int order[TG_MAX_DIMS];
        for (int d = 0; d < n; d++) {
            /* zeros in every tenth round only, and no empty max */
            const int64_t choices = round % 10 == 0 && (q.op < TG__REDUCE_MAX || d < q.r.n_kept ||
                                                        q.op > TG__REDUCE_ARGMIN)
                                        ? 15
                                        : 14;
            q.r.shape[d] = sizes[random_below(&random, choices)];
            if (total * q.r.shape[d] > 40000)
                q.r.shape[d] = 1;
            total *= q.r.shape[d];
            const int64_t place = random_below(&random, d + 1);
            order[d] = order[place];
            order[place] = d;
        }
        const unsigned broadcast =
            random_below(&random, 4) ? 0 : (unsigned)random_below(&random, 64);
        lay_out(&q, order, random_below(&random, 3), broadcast, next_random(&random));
        check_all_isas(&q);
        drop(&q);
    }
}

/* ---- Long sequences, threads, memory --------------------------------------------------------- */

enum { LAYOUTS = 4 };
static const char *const layout_name[] = {"row", "column", "transposed", "pieces"};

/* `outputs` sequences of `length` elements. pieces: the sequence is a dim of 49 within another. */
static void make_long(problem *q, int layout, int64_t outputs, int64_t length, uint64_t seed) {
    static const int orders[LAYOUTS][3] = {{0, 1}, {1, 0}, {2, 1, 0}, {1, 0, 2}};
    q->r.n_kept = 1;
    q->r.shape[0] = outputs;
    q->r.n_reduced = layout < 2 ? 1 : 2;
    if (layout < 2) {
        q->r.shape[1] = length;
    } else {
        q->r.shape[2] = layout == 2 ? length / 8 : 49;
        q->r.shape[1] = length / q->r.shape[2];
    }
    q->r.scale = 1;
    lay_out(q, orders[layout], 0, 0, seed);
}

static void check_threads(problem *q, const char *with) {
    static const int threads[] = {1, 2, 3, 8};
    for (int t = 0; t < 4; t++) {
        assert_ok(tg_set_num_threads(threads[t]));
        check_all_isas(q);
    }
    tg__alloc_fail_at(1, true); /* no memory at all */
    check(q, tg__kernels_get()->reduce, with);
    tg__alloc_fail_at(0, false);
    assert_ok(tg_set_num_threads(1));
    tg__alloc_fail_at(1, true);
    check(q, tg__kernels_get()->reduce, with);
    tg__alloc_fail_at(0, false);
}

static void long_sequences_give_the_bits_of_the_model_for_any_number_of_threads(void **state) {
    (void)state;
    static const int64_t lengths[] = {1023, 1024, 1025, 2048, 3 * 1024 + 5, 65536, 80000, 140003};
    for (int l = 0; l < 8; l++)
        for (int layout = 0; layout < LAYOUTS; layout++) {
            problem q = {.op = (tg__reduce_op)((l * 4 + layout) % 9), .dtype = TG_F32};
            if (l % 2)
                q.op = TG__REDUCE_SUM;
            for (uint64_t seed = 4; seed <= 5; seed++) {
                make_long(&q, layout, l % 3 == 0 ? 1 : 3, lengths[l], seed);
                check_threads(&q, layout_name[layout]);
                drop(&q);
            }
        }
}

static void every_operation_is_independent_of_threads_and_memory(void **state) {
    (void)state;
    for (int op = 0; op < 9; op++)
        for (int dtype = 0; dtype < 6; dtype++)
            for (int layout = 0; layout < LAYOUTS; layout++) {
                problem q = {.op = (tg__reduce_op)op, .dtype = (tg_dtype)dtype};
                if (!has_reduction(q.op, q.dtype) || (dtype > 1 && (op + dtype + layout) % 3))
                    continue;
                make_long(&q, layout, 1, 150000, 9);
                model(&q);
                for (int t = 1; t <= 3; t += 2) {
                    assert_ok(tg_set_num_threads(t));
                    check(&q, tg__kernels_get()->reduce, layout_name[layout]);
                }
                tg__alloc_fail_at(1, true);
                check(&q, tg__kernels_get()->reduce, "no memory");
                tg__alloc_fail_at(0, false);
                drop(&q);
            }
}

static void columns_of_any_width_give_the_bits_of_the_model(void **state) {
    (void)state;
    static const int64_t widths[] = {2, 3, 4, 11, 12, 64, 200, 257, 1030, 2100};
    for (int w = 0; w < 10; w++)
        for (int op = 0; op < 9; op++) {
            problem q = {.op = (tg__reduce_op)op, .dtype = w % 2 ? TG_F64 : TG_F32};
            make_long(&q, 1, widths[w], widths[w] > 1000 ? 1100 : 70000 / widths[w] + 3,
                      w % 3 ? 11 : 12);
            model(&q);
            for (int t = 1; t <= 2; t++) {
                assert_ok(tg_set_num_threads(t));
                check(&q, tg__kernels_get()->reduce, "columns");
            }
            tg__alloc_fail_at(1, true);
            check(&q, tg__kernels_get()->reduce, "columns without memory");
            tg__alloc_fail_at(0, false);
            drop(&q);
        }
}

/* ---- Values ---------------------------------------------------------------------------------- */

static void reduce_row(tg__reduce_op op, tg_dtype dtype, const void *x, int64_t n, void *out) {
    tg__reduction r = {.n_reduced = 1, .in = x, .out = out, .scale = 1};
    r.shape[0] = n;
    r.in_stride[0] = (int64_t)item_size[dtype];
    assert_true(tg__reduce(op, dtype, &r));
}

static void nothing_gives_the_neutral_value(void **state) {
    (void)state;
    double y = 7;
    int64_t i = 7;
    bool b = false;
    reduce_row(TG__REDUCE_SUM, TG_F64, NULL, 0, &y);
    assert_true(y == 0 && !signbit(y));
    reduce_row(TG__REDUCE_PROD, TG_F64, NULL, 0, &y);
    assert_true(y == 1);
    reduce_row(TG__REDUCE_SUM, TG_BOOL, NULL, 0, &i);
    assert_int_equal(i, 0);
    reduce_row(TG__REDUCE_PROD, TG_U8, NULL, 0, &i);
    assert_int_equal(i, 1);
    reduce_row(TG__REDUCE_ALL, TG_F32, NULL, 0, &b);
    assert_true(b);
    reduce_row(TG__REDUCE_ANY, TG_F32, NULL, 0, &b);
    assert_false(b);
}

static void no_outputs_write_nothing(void **state) {
    (void)state;
    tg__reduction r = {.n_kept = 2, .n_reduced = 1, .scale = 1};
    r.shape[0] = 3;
    r.shape[1] = 0;
    r.shape[2] = 5;
    assert_true(tg__reduce(TG__REDUCE_SUM, TG_F32, &r)); /* in and out are NULL */
    assert_true(tg__reduce(TG__REDUCE_ARGMAX, TG_I32, &r));
}

static void variance_is_for_floats_only(void **state) {
    (void)state;
    tg__reduction r = {.n_reduced = 1, .scale = 1};
    for (int dtype = TG_I64; dtype <= TG_BOOL; dtype++)
        assert_false(tg__reduce(TG__REDUCE_SUMSQ, (tg_dtype)dtype, &r));
    assert_false(tg__reduce(TG__REDUCE_SUM, TG_I16, &r));
    assert_false(tg__reduce(TG__REDUCE_SUM, TG_BF16, &r));
}

static void nan_wins_and_the_first_of_equals_counts(void **state) {
    (void)state;
    enum { N = 3000 };
    static float x[N];
    int64_t at;
    float y;
    for (int first = 0; first < N; first += 7) {
        for (int i = 0; i < N; i++)
            x[i] = (float)(i % 5);
        x[first] = 9;
        x[N - 1] = 9;
        reduce_row(TG__REDUCE_ARGMAX, TG_F32, x, N, &at);
        assert_int_equal(at, first);
        x[first] = NAN;
        x[(first + 500) % N] = NAN;
        const int nan = first + 500 < N ? first : (first + 500) % N;
        reduce_row(TG__REDUCE_ARGMAX, TG_F32, x, N, &at);
        assert_int_equal(at, nan);
        reduce_row(TG__REDUCE_ARGMIN, TG_F32, x, N, &at);
        assert_int_equal(at, nan);
        reduce_row(TG__REDUCE_MAX, TG_F32, x, N, &y);
        assert_true(isnan(y));
        reduce_row(TG__REDUCE_MIN, TG_F32, x, N, &y);
        assert_true(isnan(y));
    }
    for (int i = 0; i < N; i++)
        x[i] = -INFINITY;
    reduce_row(TG__REDUCE_ARGMAX, TG_F32, x, N, &at);
    assert_int_equal(at, 0);
    reduce_row(TG__REDUCE_MAX, TG_F32, x, N, &y);
    assert_true(y == -INFINITY);
}

static void products_are_exact_with_zeros(void **state) {
    (void)state;
    double y;
    reduce_row(TG__REDUCE_PROD, TG_F64, (double[]){2, 0, 4}, 3, &y);
    assert_true(y == 0);
    reduce_row(TG__REDUCE_PROD, TG_F64, (double[]){2, 0, (double)INFINITY}, 3, &y);
    assert_true(isnan(y));
    float z;
    reduce_row(TG__REDUCE_PROD, TG_F32, (float[]){1e30F, 1e30F, 1e-30F, 1e-30F}, 4, &z);
    assert_close((double)z, 1, 1e-6, 0); /* no overflow on the way: products are taken in double */
}

static void twenty_million_ones_are_counted_exactly(void **state) {
    (void)state;
    const float one = 1;
    float y;
    tg__reduction r = {.n_reduced = 1, .in = (const char *)&one, .out = (char *)&y, .scale = 1};
    r.shape[0] = 20000000; /* beyond 2^24, where f32 stops counting */
    assert_true(tg__reduce(TG__REDUCE_SUM, TG_F32, &r));
    assert_true(y == 20000000.0F);
}

/* The double sum of n numbers along the tree is off by at most (64 + 4 + log2 of the leaves)
 * roundings of the sum of their magnitudes. */
static void sums_are_within_their_error_bound(void **state) {
    (void)state;
    enum { N = 1000003 };
    double *x = malloc(N * sizeof *x);
    uint64_t random = 3;
    for (int kind = 0; kind < 3; kind++) {
        long double exact = 0, magnitude = 0;
        for (int i = 0; i < N; i++) {
            const double u = (double)(next_random(&random) >> 11) * 0x1p-53;
            x[i] = kind == 0   ? u
                   : kind == 1 ? (u - 0.5) * 1e6
                               : exp(40 * (u - 0.5)) * (i % 2 ? 1 : -1);
            exact += (long double)x[i];
            magnitude += fabsl((long double)x[i]);
        }
        double y;
        reduce_row(TG__REDUCE_SUM, TG_F64, x, N, &y);
        const long double bound = (64 + 4 + 10 + 1) * 0x1p-53L * magnitude;
        assert_true(fabsl((long double)y - exact) <= bound);
        assert_true(kind > 0 ||
                    fabsl((long double)y - exact) <= 20 * 0x1p-53L * exact); /* typical */
    }
    free(x);
}

static void a_mean_is_rounded_once(void **state) {
    (void)state;
    enum { N = 1000 };
    static float x[N];
    float y;
    double exact = 0;
    for (int i = 0; i < N; i++) {
        x[i] = 16777216.0F + (float)(2 * (i % 7)); /* the f32 sum would overflow its 24 bits */
        exact += (double)x[i];
    }
    tg__reduction r = {.n_reduced = 1, .in = (char *)x, .out = (char *)&y, .scale = 1.0 / N};
    r.shape[0] = N;
    r.in_stride[0] = 4;
    assert_true(tg__reduce(TG__REDUCE_SUM, TG_F32, &r));
    assert_true(y == (float)(exact * (1.0 / N)));
}

TG_TEST_MAIN(cmocka_unit_test(any_layout_gives_the_bits_of_the_model),
             cmocka_unit_test(long_sequences_give_the_bits_of_the_model_for_any_number_of_threads),
             cmocka_unit_test(every_operation_is_independent_of_threads_and_memory),
             cmocka_unit_test(columns_of_any_width_give_the_bits_of_the_model),
             cmocka_unit_test(nothing_gives_the_neutral_value),
             cmocka_unit_test(no_outputs_write_nothing),
             cmocka_unit_test(variance_is_for_floats_only),
             cmocka_unit_test(nan_wins_and_the_first_of_equals_counts),
             cmocka_unit_test(products_are_exact_with_zeros),
             cmocka_unit_test(twenty_million_ones_are_counted_exactly),
             cmocka_unit_test(sums_are_within_their_error_bound),
             cmocka_unit_test(a_mean_is_rounded_once))
