/* test_random.c - distributions by their moments and frequencies, and the use of the generator. */
/* ctest: threads */
#include "tensors.h"

#include "base/alloc.h"

#include <tensorgrad/tensorgrad.h>

#define N 100000

static tg_generator *rng;

static int seeded(void **state) {
    rng = tg_generator_new(20240301);
    return tg_test_begin(state);
}
static int unseeded(void **state) {
    tg_generator_free(rng);
    return tg_test_end(state);
}
#define with_rng(test) cmocka_unit_test_setup_teardown(test, seeded, unseeded)

static double mean_of(tg_tensor *x) { return tg_item(tg_mean(tg_cast(x, TG_F64), TG_ALL, false)); }
static double var_of(tg_tensor *x) { return tg_item(tg_var(tg_cast(x, TG_F64), TG_ALL, 1, false)); }
static tg_tensor *as(tg_dtype dtype) { return tg_zeros(dtype, TG_SHAPE(N)); }

/* Mean and variance within five standard deviations of a sample mean; fourth: E(x - mean)^4. */
static void moments(const char *name, tg_tensor *x, double mean, double var, double fourth) {
    assert_non_null(x);
    const double m = mean_of(x);
    const double v = var_of(x);
    if (!(fabs(m - mean) <= 5 * sqrt(var / N)) ||
        !(fabs(v - var) <= 5 * sqrt((fourth - var * var) / N)))
        fail_msg("%s: mean %g for %g, variance %g for %g", name, m, mean, v, var);
}

static void distributions_have_their_moments(void **state) {
    (void)state;
    for (tg_dtype t = TG_F32; t <= TG_F64; t++) {
        const int ndim = 1;
        const int64_t shape[1] = {N};
        moments("uniform", tg_uniform(t, ndim, shape, -1, 3, rng), 1, 16. / 12, 256. / 80);
        moments("normal", tg_normal(t, ndim, shape, 2, 3, rng), 2, 9, 3 * 81);
        moments("exponential", tg_exponential(t, ndim, shape, 2, rng), .5, .25, 9. / 16);
        const double pi = 3.14159265358979323846;
        moments("gumbel", tg_gumbel(t, ndim, shape, rng), 0.57721566490153286, pi * pi / 6,
                5.4 * pow(pi * pi / 6, 2));
        moments("uniform_", tg_uniform_(as(t), 0, 1, rng), .5, 1. / 12, 1. / 80);
        moments("normal_", tg_normal_(as(t), -1, .5, rng), -1, .25, 3. / 16);
        moments("exponential_", tg_exponential_(as(t), 1, rng), 1, 1, 9);
        const double e = exp(.25);
        moments("log_normal_", tg_log_normal_(as(t), 0, .5, rng), exp(.125), (e - 1) * e,
                8 * pow((e - 1) * e, 2));
        moments("bernoulli_", tg_bernoulli_(as(t), .3, rng), .3, .21, .3 * .7 * (1 - 3 * .21));
        moments("geometric_", tg_geometric_(as(t), .4, rng), 2.5, .6 / .16,
                pow(.6 / .16, 2) * (9 + .16 / .6));
        tg_tensor *p = tg_full(t, ndim, shape, .9);
        moments("bernoulli", tg_bernoulli(p, rng), .9, .09, .09 * (1 - 3 * .09));
        for (double rate = .5; rate < 1e10; rate *= 12)
            moments("poisson", tg_poisson(tg_full(TG_F64, ndim, shape, rate), rng), rate, rate,
                    rate * (1 + 3 * rate));
    }
    moments("geometric_", tg_geometric_(as(TG_I32), .4, rng), 2.5, .6 / .16,
            pow(.6 / .16, 2) * (9 + .16 / .6));
    moments("bernoulli_", tg_bernoulli_(as(TG_BOOL), .3, rng), .3, .21, .3 * .7 * (1 - 3 * .21));
}

/* Half of Cauchy's numbers lie within `scale` of the median. */
static void cauchy_numbers_have_their_quartiles(void **state) {
    (void)state;
    tg_tensor *x = tg_abs(tg_sub_scalar(tg_cauchy_(as(TG_F64), 7, 2, rng), 7));
    assert_close(mean_of(tg_lt_scalar(x, 2)), .5, 0, 5 * .5 / sqrt(N));
    assert_close(mean_of(tg_lt_scalar(x, 2 * 2.41421356237309505)), .75, 0, 5 * .44 / sqrt(N));
}

static void a_truncated_normal_stays_within_its_limits(void **state) {
    (void)state;
    tg_tensor *x = tg_trunc_normal(TG_F32, TG_SHAPE(N), 0, 1, -2, 2, rng);
    moments("trunc_normal", x, 0, 0.7737412935894964, 1.4161);
    assert_true(tg_item(tg_max(tg_abs(x))) <= 2);
    /* far out on either side; the mean of a tail beyond 6 is 6.1584826 */
    x = tg_trunc_normal_(as(TG_F64), 0, 1, 6, 50, rng);
    assert_close(mean_of(x), 6.158482676, 1e-3, 0);
    assert_true(tg_item(tg_min(x)) >= 6);
    x = tg_trunc_normal_(as(TG_F64), 10, 2, -50, -2, rng);
    assert_close(mean_of(x), 10 - 2 * 6.158482676, 2e-3, 0);
    assert_true(tg_item(tg_max(x)) <= -2);
    /* beyond where the distribution function is 0 in f64 all of it lies at the nearer limit */
    x = tg_trunc_normal_(as(TG_F32), 0, 1, 50, 60, rng);
    assert_true(tg_item(tg_min(x)) == 50 && tg_item(tg_max(x)) == 50);
    x = tg_trunc_normal_(as(TG_F64), 0, 1, -60, -50, rng);
    assert_true(tg_item(tg_min(x)) == -50 && tg_item(tg_max(x)) == -50);
}

static void uniform_numbers_stay_below_hi(void **state) {
    (void)state;
    const double hi = 1 + 0x1p-22; /* three floats away from 1 */
    tg_tensor *x = tg_uniform(TG_F32, TG_SHAPE(1000), 1, hi, rng);
    assert_true(tg_item(tg_max(x)) < hi);
    assert_true(tg_item(tg_min(x)) == 1);
    assert_values(tg_uniform(TG_F64, TG_SHAPE(2), 3, 3, rng), 3, 3);
    x = tg_uniform(TG_F64, TG_SHAPE(1000), -1e308, 1e308, rng);
    assert_true(tg_item(tg_max(tg_abs(x))) < 1e308);
    for (tg_dtype t = TG_F16; t <= TG_BF16; t++) {
        x = tg_cast(tg_uniform_(as(t), 0, 1, rng), TG_F64);
        assert_true(tg_item(tg_max(x)) < 1 && tg_item(tg_max(x)) > .99);
        x = tg_cast(tg_uniform_(as(t), -2, -1, rng), TG_F64);
        assert_true(tg_item(tg_max(x)) < -1 && tg_item(tg_min(x)) >= -2);
        x = tg_cast(tg_uniform_(as(t), -1, 0, rng), TG_F64);
        assert_true(tg_item(tg_max(x)) < 0);
    }
}

/* ---- Integers ---- */

/* Chi squared of counts against equal expectations. */
static double chi_squared(const int64_t *x, int64_t n, int64_t lo, int cells) {
    double count[64] = {0};
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        assert_true(x[i] >= lo && x[i] < lo + cells);
        count[x[i] - lo]++;
    }
    for (int c = 0; c < cells; c++)
        sum += pow(count[c] - (double)n / cells, 2) / ((double)n / cells);
    return sum;
}

static void integers_are_equally_frequent(void **state) {
    (void)state;
    tg_tensor *x = tg_randint(TG_I64, TG_SHAPE(N), -3, 17, rng);
    assert_true(chi_squared(tg_data(x), N, -3, 20) < 45.3); /* P = 0.999 of 19 degrees: 43.8 */
    for (tg_dtype t = TG_F32; t <= TG_U8; t++) {
        tg_tensor *y = tg_cast(tg_randint(t, TG_SHAPE(N), 2, 9, rng), TG_I64);
        assert_true(chi_squared(tg_data(y), N, 2, 7) < 22.5);
    }
    for (tg_dtype t = TG_I16; t <= TG_I8; t++) {
        tg_tensor *y = tg_cast(tg_randint(t, TG_SHAPE(N), -5, 2, rng), TG_I64);
        assert_true(chi_squared(tg_data(y), N, -5, 7) < 22.5);
    }
    moments("wide",
            tg_div_scalar(tg_cast(tg_randint_like(as(TG_I64), INT64_MIN, INT64_MAX, rng), TG_F64),
                          0x1p63),
            0, 1. / 3, 1. / 5);
    assert_values(tg_randint(TG_I64, TG_SHAPE(3), 5, 6, rng), 5, 5, 5);
    assert_shape(tg_randint_like(tg_zeros(TG_I32, TG_SHAPE(2, 3)), 0, 2, rng), TG_I32,
                 TG_SHAPE(2, 3));
}

static void permutations_are_equally_frequent(void **state) {
    (void)state;
    enum { TRIALS = 24000 };
    static int64_t which[TRIALS];
    for (int t = 0; t < TRIALS; t++) {
        tg_tensor *x = tg_randperm(4, rng);
        const int64_t *p = tg_data(x);
        int64_t rank = 0;
        int seen = 0;
        for (int i = 0; i < 4; i++) {
            int64_t smaller = 0;
            seen |= 1 << p[i];
            for (int j = i + 1; j < 4; j++)
                smaller += p[j] < p[i];
            rank = rank * (4 - i) + smaller;
        }
        assert_int_equal(seen, 15);
        which[t] = rank;
        tg_release(x);
    }
    assert_true(chi_squared(which, TRIALS, 0, 24) < 51.2); /* 23 degrees, P = 0.999: 49.7 */
    assert_shape(tg_randperm(0, rng), TG_I64, TG_SHAPE(0));
}

static void columns_are_drawn_in_proportion(void **state) {
    (void)state;
    tg_tensor *w = grid(TG_F64, 2, 4, LIST(1, 0, 3, 4, 0, 0, 5, 0));
    tg_tensor *x = tg_multinomial(w, N, true, rng);
    assert_shape(x, TG_I64, TG_SHAPE(2, N));
    tg_tensor *first = tg_select(x, 0, 0);
    const double share[] = {.125, 0, .375, .5};
    for (int c = 0; c < 4; c++)
        assert_close(mean_of(tg_eq_scalar(first, c)), share[c], 0, 5 * .5 / sqrt(N));
    assert_values(tg_min(tg_select(x, 0, 1)), 2);
    assert_values(tg_max(tg_select(x, 0, 1)), 2);
}

/* Without replacement the first is drawn as with it, the second in proportion to the others. */
static void a_race_draws_no_column_twice(void **state) {
    (void)state;
    tg_tensor *w = tg_expand(row(TG_F32, LIST(1, 2, 0, 3, 4)), TG_SHAPE(20000, 5));
    tg_tensor *x = tg_multinomial(w, 2, false, rng);
    tg_tensor *first = tg_select(x, 1, 0);
    tg_tensor *second = tg_select(x, 1, 1);
    assert_values(tg_sum(tg_eq(first, second), TG_ALL, false), 0);
    const double share[] = {.1, .2, 0, .3, .4};
    for (int c = 0; c < 5; c++) {
        double next = 0;
        for (int k = 0; k < 5; k++)
            next += k != c ? share[k] * share[c] / (1 - share[k]) : 0;
        assert_close(mean_of(tg_eq_scalar(first, c)), share[c], 0, 5 * .5 / sqrt(20000));
        assert_close(mean_of(tg_eq_scalar(second, c)), next, 0, 5 * .5 / sqrt(20000));
    }
    tg_tensor *all = tg_multinomial(ROW(1e-300, 1, 1e300), 3, false, rng);
    assert_values(all, 2, 1, 0);
    /* a weight of 0 loses against the smallest one */
    w = tg_expand(ROW(0, 5e-324), TG_SHAPE(100, 2));
    assert_values(tg_sum(tg_multinomial(w, 1, false, rng), TG_ALL, false), 100);
}

/* ---- The generator ---- */

typedef tg_tensor *(*draw)(void);
static tg_tensor *uniform(void) { return tg_uniform(TG_F32, TG_SHAPE(10001), 0, 1, rng); }
static tg_tensor *normal(void) { return tg_normal(TG_F64, TG_SHAPE(10001), 0, 1, rng); }
static tg_tensor *limited(void) { return tg_trunc_normal_(as(TG_F32), 0, 1, -1, 1, rng); }
static tg_tensor *gumbel(void) { return tg_gumbel(TG_F64, TG_SHAPE(10001), rng); }
static tg_tensor *integers(void) { return tg_randint(TG_U8, TG_SHAPE(10001), 0, 256, rng); }
static tg_tensor *permutation(void) { return tg_randperm(10001, rng); }
static tg_tensor *bernoulli(void) { return tg_bernoulli_(as(TG_BOOL), .5, rng); }
static tg_tensor *poisson(void) { return tg_poisson(tg_full(TG_F32, TG_SHAPE(10001), 30), rng); }
static tg_tensor *with(void) { return tg_multinomial(tg_ones(TG_F64, TG_SHAPE(9)), 7, true, rng); }
static tg_tensor *without(void) {
    return tg_multinomial(tg_ones(TG_F64, TG_SHAPE(3, 9)), 7, false, rng);
}
/* Elements that take half a block each, or (normal f64) the same. */
static const struct {
    draw fn;
    uint64_t blocks;
} draws[] = {{uniform, 5001},  {normal, 5001},      {limited, N / 2},   {gumbel, 5001},
             {integers, 5001}, {permutation, 5001}, {bernoulli, N / 2}, {poisson, 5001},
             {with, 4},        {without, 14}};

static void a_draw_depends_on_the_state_only_and_takes_what_it_should(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof draws / sizeof *draws; k++) {
        tg_generator_state before;
        tg_generator_state after;
        assert_ok(tg_generator_get_state(rng, &before));
        tg_set_num_threads(1);
        tg_tensor *a = draws[k].fn();
        assert_ok(tg_generator_get_state(rng, &after));
        if (after.position - before.position != draws[k].blocks)
            fail_msg("draw %zu took %llu blocks", k,
                     (unsigned long long)(after.position - before.position));
        assert_ok(tg_generator_set_state(rng, &before));
        tg_set_num_threads(4);
        tg_tensor *b = draws[k].fn();
        tg_tensor *c = draws[k].fn();
        const size_t bytes = (size_t)tg_numel(a) * tg_dtype_size(tg_dtype_of(a));
        assert_memory_equal(tg_data(a), tg_data(b), bytes);
        assert_memory_not_equal(tg_data(a), tg_data(c), bytes);
    }
}

static void a_call_without_memory_draws_nothing(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof draws / sizeof *draws; k++)
        for (uint64_t n = 1;; n++) {
            tg_generator_state before;
            tg_generator_state after;
            assert_ok(tg_generator_get_state(rng, &before));
            tg_scope s = tg_scope_open();
            tg__alloc_fail_at(n, true);
            const bool good = draws[k].fn() != NULL;
            tg__alloc_fail_at(0, false);
            (void)!tg_scope_close(s);
            tg_error_clear();
            assert_ok(tg_generator_get_state(rng, &after));
            if (good)
                break;
            assert_true(after.position == before.position);
        }
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    tg_generator_state before;
    tg_generator_state after;
    assert_ok(tg_generator_get_state(rng, &before));
    tg_tensor *x = as(TG_F64);
    tg_tensor *i = as(TG_I64);
    assert_refused(tg_uniform(TG_F64, TG_SHAPE(2), 1, 0, rng), TG_ERR_ARG, "uniform", "lo is 1");
    assert_refused(tg_uniform(TG_I64, TG_SHAPE(2), 0, 1, rng), TG_ERR_DTYPE, "i64");
    assert_refused(tg_uniform(TG_F64, TG_SHAPE(-2), 0, 1, rng), TG_ERR_SHAPE, "-2");
    assert_refused(tg_uniform_(x, 0, INFINITY, rng), TG_ERR_ARG, "hi is inf");
    assert_refused(tg_normal_(x, 0, -1, rng), TG_ERR_ARG, "std is -1");
    assert_refused(tg_normal_(i, 0, 1, rng), TG_ERR_DTYPE, "normal_", "i64");
    assert_refused(tg_normal_(LEAF(1), 0, 1, rng), TG_ERR_STATE, "normal_", "in place on a leaf");
    assert_refused(tg_trunc_normal_(x, 0, 1, 2, 2, rng), TG_ERR_ARG, "lo must be below hi");
    assert_refused(tg_exponential_(x, 0, rng), TG_ERR_ARG, "rate is 0");
    assert_refused(tg_cauchy_(x, 0, (double)NAN, rng), TG_ERR_ARG, "scale is nan");
    assert_refused(tg_uniform(TG_F32, TG_SHAPE(2), 0, 1e39, rng), TG_ERR_ARG, "hi 1e+39", "f32");
    assert_refused(tg_uniform_(as(TG_F16), -1e5, 0, rng), TG_ERR_ARG, "lo is -100000", "f16");
    assert_refused(tg_bernoulli_(x, 1.1, rng), TG_ERR_ARG, "p is 1.1");
    assert_refused(tg_geometric_(x, 0, rng), TG_ERR_ARG, "p is 0");
    assert_refused(tg_geometric_(as(TG_BOOL), .5, rng), TG_ERR_DTYPE, "any dtype but bool");
    assert_refused(tg_bernoulli(ROW(.5, 2), rng), TG_ERR_NUMERIC, "p is 2 at position 1");
    assert_refused(tg_bernoulli(i, rng), TG_ERR_DTYPE, "i64");
    assert_refused(tg_poisson(ROW((double)NAN), rng), TG_ERR_NUMERIC, "rate is nan");
    assert_refused(tg_randint(TG_I64, TG_SHAPE(2), 3, 3, rng), TG_ERR_ARG, "lo is 3 and hi 3");
    assert_refused(tg_randint(TG_U8, TG_SHAPE(2), 0, 257, rng), TG_ERR_ARG, "0 to at most 255");
    assert_refused(tg_randint(TG_BOOL, TG_SHAPE(2), 0, 2, rng), TG_ERR_DTYPE, "bool");
    assert_refused(tg_randperm(-1, rng), TG_ERR_ARG, "n is -1");
    assert_refused(tg_multinomial(ROW(1, 2), 3, false, rng), TG_ERR_ARG, "n is 3 for 2 weights");
    assert_refused(tg_multinomial(ROW(1, 0), 2, false, rng), TG_ERR_NUMERIC, "1 positive weights");
    assert_refused(tg_multinomial(ROW(0, 0), 1, true, rng), TG_ERR_NUMERIC, "row 0");
    assert_refused(tg_multinomial(ROW(1, -1), 1, true, rng), TG_ERR_NUMERIC, "-1 at position 1");
    assert_refused(tg_multinomial(number(1), 1, true, rng), TG_ERR_SHAPE, "[k]");
    assert_refused(tg_rand_like(NULL, rng), TG_ERR_ARG, "x is NULL");
    assert_ok(tg_generator_get_state(rng, &after));
    assert_true(before.position == after.position);
}

/* What was recorded of x is gone with its values. */
static void in_place_the_history_is_replaced(void **state) {
    (void)state;
    tg_tensor *w = LEAF(1, 2, 3);
    tg_tensor *x = tg_mul_scalar(w, 2);
    assert_ptr_equal(tg_uniform_(x, 0, 1, rng), x);
    sum_backward(x);
    assert_values(tg_grad(w), 0, 0, 0);
    tg_tensor *t = tg_transpose(tg_zeros(TG_F64, TG_SHAPE(3, 2)), 0, 1);
    tg_generator_state s;
    assert_ok(tg_generator_get_state(rng, &s));
    tg_uniform_(t, 0, 1, rng);
    assert_ok(tg_generator_set_state(rng, &s));
    tg_tensor *u = tg_uniform(TG_F64, TG_SHAPE(2, 3), 0, 1, rng);
    assert_values(tg_max(tg_abs(tg_sub(t, u))), 0);
}

TG_TEST_MAIN(with_rng(distributions_have_their_moments),
             with_rng(cauchy_numbers_have_their_quartiles),
             with_rng(a_truncated_normal_stays_within_its_limits),
             with_rng(uniform_numbers_stay_below_hi), with_rng(integers_are_equally_frequent),
             with_rng(permutations_are_equally_frequent), with_rng(columns_are_drawn_in_proportion),
             with_rng(a_race_draws_no_column_twice),
             with_rng(a_draw_depends_on_the_state_only_and_takes_what_it_should),
             with_rng(a_call_without_memory_draws_nothing), with_rng(what_does_not_fit_is_refused),
             with_rng(in_place_the_history_is_replaced))
