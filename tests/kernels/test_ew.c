/* test_ew.c - the elementwise kernels against plain evaluations in wider arithmetic.
 *
 * These are the kernels of isa_base.c; test_dispatch.c shows that the others give the same bits. */
#include "kernels/kernels.h"
#include "kernels/values.h"
#include "tg_test.h"
#include <fenv.h>
#include <stdlib.h>

__extension__ typedef __int128 wide_int;

static const tg__kernels *kernels(void) { return tg__kernels_named("base"); }

/* ---- Reading and comparing elements -----------------------------------------------------------
 */

static bool is_float(tg_dtype t) { return t == TG_F32 || t == TG_F64; }

static long double load_float(tg_dtype t, const void *p) {
    if (t == TG_F32) {
        float x;
        memcpy(&x, p, sizeof(x));
        return (long double)x;
    }
    double x;
    memcpy(&x, p, sizeof(x));
    return (long double)x;
}

static wide_int load_int(tg_dtype t, const void *p) {
    int64_t i64;
    int32_t i32;
    if (t == TG_I64) {
        memcpy(&i64, p, sizeof(i64));
        return i64;
    }
    if (t == TG_I32) {
        memcpy(&i32, p, sizeof(i32));
        return i32;
    }
    return *(const uint8_t *)p;
}

/* The integer modulo the type's range. */
static wide_int wrapped(tg_dtype t, wide_int x) {
    return t == TG_I64 ? (int64_t)(uint64_t)x : t == TG_I32 ? (int32_t)(uint32_t)x : (uint8_t)x;
}

/* x in units of the last place of the type's `expected`. */
static long double ulps(tg_dtype t, long double x, long double expected) {
    if (x == expected || (isnan(x) && isnan(expected)))
        return 0;
    const long double rounded =
        t == TG_F32 ? (long double)(float)expected : (long double)(double)expected;
    if (x == rounded)
        return 0.5L;
    if (isnan(x) || isnan(expected) || isinf(rounded) || isinf(x))
        return INFINITY;
    int e;
    frexpl(expected, &e);
    const int digits = t == TG_F32 ? 24 : 53, lowest = t == TG_F32 ? -149 : -1074;
    return fabsl(x - expected) / ldexpl(1, e - digits > lowest ? e - digits : lowest);
}

/* An expected element: a float within some ulps and with the given sign if zero, or an integer. */
typedef struct {
    long double f;
    wide_int i;
    double ulp;
} value;

static void check(tg_dtype t, const void *got, value expected, const char *what, long double a,
                  long double b) {
    bool good;
    if (is_float(t)) {
        const long double x = load_float(t, got);
        good = ulps(t, x, expected.f) <= (long double)expected.ulp;
        if (good && x == 0 && expected.f == 0)
            good = signbit(x) == signbit(expected.f);
    } else {
        good = load_int(t, got) == expected.i;
    }
    if (good)
        return;
    print_error("%s of %s: (%.20Lg, %.20Lg) gives %.20Lg, expected %.20Lg\n", what, type_name[t], a,
                b, is_float(t) ? load_float(t, got) : (long double)load_int(t, got),
                is_float(t) ? expected.f : (long double)expected.i);
    fail();
}

/* ---- The expected values ----------------------------------------------------------------------
 */

#define FLOAT(expression, error)                                                                   \
    return (value) { expression, 0, error }

#include "kernels/ew_activations.h"
#include "kernels/ew_singles.h"

static value unary_float(tg__unary op, long double x) {
    switch (op) {
    case TG__UN_neg:
        FLOAT(-x, 0);
    case TG__UN_abs:
        FLOAT(fabsl(x), 0);
    case TG__UN_sign:
        FLOAT(x > 0 ? 1 : x < 0 ? -1 : 0, 0);
    case TG__UN_square:
        FLOAT(x * x, 0.5);
    case TG__UN_sqrt:
        FLOAT(sqrtl(x), 0.501);
    case TG__UN_rsqrt:
        FLOAT(1 / sqrtl(x), 2);
    case TG__UN_reciprocal:
        FLOAT(1 / x, 0.501);
    case TG__UN_exp:
        FLOAT(expl(x), 2);
    case TG__UN_log:
        FLOAT(logl(x), 2);
    case TG__UN_sin:
        FLOAT(sinl(x), 2);
    case TG__UN_cos:
        FLOAT(cosl(x), 2);
    case TG__UN_tanh:
        FLOAT(tanhl(x), 4);
    case TG__UN_sigmoid:
        FLOAT(x >= 0 ? 1 / (1 + expl(-x)) : expl(x) / (1 + expl(x)), 4);
    case TG__UN_relu:
        FLOAT(isnan(x) ? x : x > 0 ? x : 0, 0);
    default:
        return single_float(op, x);
    }
}

static value unary_int(tg__unary op, tg_dtype t, wide_int x) {
    switch (op) {
    case TG__UN_neg:
        return (value){0, wrapped(t, -x), 0};
    case TG__UN_abs:
        return (value){0, wrapped(t, x < 0 ? -x : x), 0};
    case TG__UN_sign:
        return (value){0, x > 0 ? 1 : x < 0 ? -1 : 0, 0};
    case TG__UN_square:
        return (value){0, wrapped(t, x * x), 0};
    case TG__UN_relu:
        return (value){0, x > 0 ? x : 0, 0};
    case TG__UN_relu6:
        return (value){0, x > 6 ? 6 : x > 0 ? x : 0, 0};
    case TG__UN_positive:
    case TG__UN_floor:
    case TG__UN_ceil:
    case TG__UN_round:
    case TG__UN_trunc:
        return (value){0, x, 0};
    case TG__UN_logical_not:
        return (value){0, x == 0, 0};
    case TG__UN_bitwise_not:
        return (value){0, t == TG_BOOL ? x == 0 : wrapped(t, -1 - x), 0};
    default:
        fail_msg("no expectation for unary kernel %d", (int)op);
        return (value){0, 0, 0};
    }
}

#include "kernels/ew_pairs.h"

static value binary_float(tg__binary op, tg_dtype t, long double a, long double b) {
    switch (op) {
    case TG__BIN_add:
        FLOAT(a + b, 0.501);
    case TG__BIN_sub:
        FLOAT(a - b, 0.501);
    case TG__BIN_mul:
        FLOAT(a * b, 0.501);
    case TG__BIN_div:
        FLOAT(a / b, 0.501);
    case TG__BIN_pow: /* some powl are wrong for an infinite base */
        FLOAT(isinf(a) ? (long double)pow((double)a, (double)b) : powl(a, b), 2);
    case TG__BIN_maximum: /* of equal zeros the second */
        FLOAT(isnan(a) ? a : isnan(b) ? b : a > b ? a : b, 0);
    case TG__BIN_minimum:
        FLOAT(isnan(a) ? a : isnan(b) ? b : a < b ? a : b, 0);
    case TG__BIN_relu_grad:
        FLOAT(b > 0 || isnan(b) ? a : 0, 0);
    case TG__BIN_abs_grad:
        FLOAT(a * (b > 0 ? 1 : b < 0 ? -1 : 0), 0);
    default:
        return pair_float(op, t, a, b);
    }
}

static wide_int int_power(tg_dtype t, wide_int a, wide_int b) {
    if (b > 4000) /* by parity: only what stays small is tested here */
        return a == 0 || a == 1 ? a : a == -1 ? (b % 2 == 0 ? 1 : -1) : -2;
    wide_int y = 1;
    for (; b > 0; b--)
        y = wrapped(t, y * a);
    return y;
}

static value binary_int(tg__binary op, tg_dtype t, wide_int a, wide_int b) {
    const bool logical = t == TG_BOOL;
    switch (op) {
    case TG__BIN_add:
        return (value){0, logical ? a || b : wrapped(t, a + b), 0};
    case TG__BIN_sub:
        return (value){0, wrapped(t, a - b), 0};
    case TG__BIN_mul:
        return (value){0, logical ? a && b : wrapped(t, a * b), 0};
    case TG__BIN_maximum:
        return (value){0, a > b ? a : b, 0};
    case TG__BIN_minimum:
        return (value){0, a < b ? a : b, 0};
    case TG__BIN_logical_and:
        return (value){0, a && b, 0};
    case TG__BIN_logical_or:
        return (value){0, a || b, 0};
    case TG__BIN_logical_xor:
        return (value){0, !a != !b, 0};
    case TG__BIN_pow:
        return (value){0, int_power(t, a, b), 0};
    default:
        return pair_int(op, t, a, b);
    }
}

/* ---- Running a kernel over all pairs of special values -----------------------------------------
 */

/* Steps in elements of out, a and b. The output buffer must stay as it was between elements. */
static void run(tg__ew_fn fn, tg_dtype to, tg_dtype from, char *o, const char *a, const char *b,
                int64_t n, const int *steps, const void *arg) {
    char *p[3] = {o, (char *)(uintptr_t)a, (char *)(uintptr_t)b};
    const int64_t size = (int64_t)item_size[from];
    const int64_t s[3] = {steps[0] * (int64_t)item_size[to], steps[1] * size, steps[2] * size};
    memset(o, 0x5A, (size_t)(n * 3) * item_size[to]);
    fn(p, s, n, arg);
    for (int64_t i = 0; i < n * 3 * (int64_t)item_size[to]; i++) {
        if (i / s[0] >= n || i % s[0] >= (int64_t)item_size[to])
            assert_int_equal(o[i], 0x5A);
    }
}

static const int layouts[][3] = {{1, 1, 1}, {2, 1, 3}, {1, 2, 2}, {3, 1, 1}};

static void check_unary(tg__unary op, tg_dtype t, bool in_place) {
    const tg__ew_fn fn = kernels()->unary[op][t];
    if (!fn || is_special(op))
        return;
    int64_t n;
    const char *x = special_values(t, &n);
    const size_t size = item_size[t];
    char wide[8 * 3 * 64], o[8 * 3 * 64];
    for (size_t l = 0; l < sizeof(layouts) / sizeof(*layouts); l++) {
        const int *steps = layouts[l];
        for (int64_t i = 0; i < n; i++)
            memcpy(wide + (size_t)(i * steps[1]) * size, x + (size_t)i * size, size);
        if (in_place) {
            char *p[2] = {wide, wide};
            const int64_t s[2] = {steps[1] * (int64_t)size, steps[1] * (int64_t)size};
            fn(p, s, n, NULL);
        } else {
            run(fn, t, t, o, wide, NULL, n, steps, NULL);
        }
        for (int64_t i = 0; i < n; i++) {
            const char *got =
                in_place ? wide + (size_t)(i * steps[1]) * size : o + (size_t)(i * steps[0]) * size;
            const char *xi = x + (size_t)i * size;
            if (is_float(t))
                check(t, got, unary_float(op, load_float(t, xi)), "unary", load_float(t, xi), op);
            else
                check(t, got, unary_int(op, t, load_int(t, xi)), "unary",
                      (long double)load_int(t, xi), op);
        }
    }
}

static void unary_kernels_give_the_documented_values(void **state) {
    (void)state;
    for (int op = 0; op < TG__UN_COUNT; op++)
        for (tg_dtype t = 0; t < TG__DTYPES; t++)
            for (int in_place = 0; in_place < 2; in_place++)
                check_unary(op, t, in_place);
}

static void check_pair(tg__binary op, tg_dtype t, const char *got, const char *a, const char *b) {
    if (is_float(t)) {
        const long double x = load_float(t, a), y = load_float(t, b);
        check(t, got, binary_float(op, t, x, y), "binary", x, y);
        return;
    }
    const wide_int x = load_int(t, a), y = load_int(t, b);
    if (op == TG__BIN_pow && (y < 0 || (y > 4000 && (x > 1 || x < -1))))
        return; /* refused by callers; too long for the plain evaluation */
    check(t, got, binary_int(op, t, x, y), "binary", (long double)x, (long double)y);
}

static void check_binary(tg__binary op, tg_dtype t) {
    const tg__ew_fn fn = kernels()->binary[op][t];
    if (!fn)
        return;
    int64_t n;
    const char *x = special_values(t, &n);
    const size_t size = item_size[t];
    char b[8 * 64 * 3], o[8 * 64 * 3];
    for (int64_t shift = 0; shift < n; shift++) { /* every a with every b */
        for (int64_t i = 0; i < n; i++)
            memcpy(b + (size_t)i * size, x + (size_t)((i + shift) % n) * size, size);
        run(fn, t, t, o, x, b, n, (const int[]){1, 1, 1}, NULL);
        for (int64_t i = 0; i < n; i++)
            check_pair(op, t, o + (size_t)i * size, x + (size_t)i * size, b + (size_t)i * size);
        const char *one = x + (size_t)shift * size;
        run(fn, t, t, o, x, one, n, (const int[]){1, 1, 0}, NULL);
        for (int64_t i = 0; i < n; i++)
            check_pair(op, t, o + (size_t)i * size, x + (size_t)i * size, one);
        run(fn, t, t, o, one, x, n, (const int[]){2, 0, 1}, NULL);
        for (int64_t i = 0; i < n; i++)
            check_pair(op, t, o + (size_t)(2 * i) * size, one, x + (size_t)i * size);
        run(fn, t, t, o, one, x, n, (const int[]){1, 0, 1}, NULL);
        for (int64_t i = 0; i < n; i++)
            check_pair(op, t, o + (size_t)i * size, one, x + (size_t)i * size);
    }
    memcpy(b, x, (size_t)n * size); /* b = op(b, b) in place */
    char *p[3] = {b, b, b};
    const int64_t s[3] = {(int64_t)size, (int64_t)size, (int64_t)size};
    fn(p, s, n, NULL);
    for (int64_t i = 0; i < n; i++)
        check_pair(op, t, b + (size_t)i * size, x + (size_t)i * size, x + (size_t)i * size);
}

static void binary_kernels_give_the_documented_values(void **state) {
    (void)state;
    for (int op = 0; op < TG__BIN_COUNT; op++) {
        if (op == TG__BIN_sigmoid_grad || op == TG__BIN_tanh_grad || is_slope(op))
            continue; /* below: their rounding errors cancel at will */
        for (tg_dtype t = 0; t < TG__DTYPES; t++)
            check_binary(op, t);
    }
}

static void gradients_of_sigmoid_and_tanh_take_the_result(void **state) {
    (void)state;
    for (int i = -20; i <= 20; i++) {
        const double g = 1.5, y = i / 20.0;
        double o;
        char *p[3] = {(char *)&o, (char *)(uintptr_t)&g, (char *)(uintptr_t)&y};
        const int64_t s[3] = {8, 8, 8};
        kernels()->binary[TG__BIN_tanh_grad][TG_F64](p, s, 1, NULL);
        assert_close(o, g * (1 - y) * (1 + y), 1e-14, 1e-15);
        kernels()->binary[TG__BIN_sigmoid_grad][TG_F64](p, s, 1, NULL);
        assert_close(o, g * y * (1 - y), 1e-14, 1e-15);
    }
}

/* ---- Comparisons, predicates -------------------------------------------------------------------
 */

static bool expected_comparison(tg__compare op, long double a, long double b) {
    switch (op) {
    case TG__CMP_eq:
        return a == b;
    case TG__CMP_ne:
        return a != b;
    case TG__CMP_lt:
        return a < b;
    case TG__CMP_le:
        return a <= b;
    case TG__CMP_gt:
        return a > b;
    default:
        assert_int_equal(op, TG__CMP_ge);
        return a >= b;
    }
}

static long double number(tg_dtype t, const char *p) {
    return is_float(t) ? load_float(t, p) : (long double)load_int(t, p);
}

static void comparisons_follow_ieee_and_integer_order(void **state) {
    (void)state;
    for (int op = 0; op < TG__CMP_COUNT; op++) {
        for (tg_dtype t = 0; t < TG__DTYPES; t++) {
            int64_t n;
            const char *x = special_values(t, &n);
            const size_t size = item_size[t];
            char b[8 * 64], o[64 * 3];
            for (int64_t shift = 0; shift < n; shift++) {
                for (int64_t i = 0; i < n; i++)
                    memcpy(b + (size_t)i * size, x + (size_t)((i + shift) % n) * size, size);
                for (int scalar = 0; scalar < 3; scalar++) { /* no, b, a */
                    const int steps[3] = {1, scalar != 2, scalar != 1};
                    run(kernels()->compare[op][t], TG_BOOL, t, o, x, b, n, steps, NULL);
                    for (int64_t i = 0; i < n; i++)
                        assert_int_equal(o[i], expected_comparison(
                                                   op, number(t, x + (size_t)(i * steps[1]) * size),
                                                   number(t, b + (size_t)(i * steps[2]) * size)));
                }
            }
        }
    }
}

static void predicates_know_nan_and_infinity(void **state) {
    (void)state;
    for (tg_dtype t = 0; t < TG__DTYPES; t++) {
        int64_t n;
        const char *x = special_values(t, &n);
        char o[64 * 3];
        for (int step = 1; step <= 2; step++) {
            const int steps[3] = {step, 1, 0};
            run(kernels()->predicate[TG__PRED_isnan][t], TG_BOOL, t, o, x, NULL, n, steps, NULL);
            for (int64_t i = 0; i < n; i++)
                assert_int_equal(o[i * step], isnan(number(t, x + (size_t)i * item_size[t])));
            run(kernels()->predicate[TG__PRED_isfinite][t], TG_BOOL, t, o, x, NULL, n, steps, NULL);
            for (int64_t i = 0; i < n; i++)
                assert_int_equal(o[i * step],
                                 isfinite(number(t, x + (size_t)i * item_size[t])) != 0);
            for (int64_t i = 0; i < n; i++) {
                const long double v = number(t, x + (size_t)i * item_size[t]);
                const bool negative = signbit(v) != 0;
                const struct {
                    tg__predicate op;
                    bool expected;
                } cases[] = {{TG__PRED_isinf, isinf(v) != 0},
                             {TG__PRED_isposinf, isinf(v) && !negative},
                             {TG__PRED_isneginf, isinf(v) && negative},
                             {TG__PRED_signbit, negative}};
                for (int k = 0; k < 4; k++) {
                    run(kernels()->predicate[cases[k].op][t], TG_BOOL, t, o, x, NULL, n, steps,
                        NULL);
                    assert_int_equal(o[i * step], cases[k].expected);
                }
            }
        }
    }
}

/* ---- Casts, clamp, selection -------------------------------------------------------------------
 */

static value expected_cast(tg_dtype to, tg_dtype from, const char *p) {
    static const long double lowest[] = {0, 0, -0x1p63L, -0x1p31L, 0, 0},
                             highest[] = {0, 0, 0x1p63L - 1, 0x1p31L - 1, 255, 1};
    const long double x = number(from, p);
    if (is_float(to))
        return (value){x, 0, 0.5};
    if (to == TG_BOOL)
        return (value){0, x != 0, 0};
    if (!is_float(from))
        return (value){0, wrapped(to, load_int(from, p)), 0};
    if (isnan(x))
        return (value){0, 0, 0};
    const long double y = x > highest[to] ? highest[to] : x < lowest[to] ? lowest[to] : x;
    return (value){0, (wide_int)y, 0};
}

static void casts_round_truncate_saturate_and_wrap(void **state) {
    (void)state;
    for (tg_dtype from = 0; from < TG__DTYPES; from++) {
        int64_t n;
        const char *x = special_values(from, &n);
        for (tg_dtype to = 0; to < TG__DTYPES; to++) {
            char o[8 * 64 * 3];
            for (int step = 1; step <= 2; step++) {
                const int steps[3] = {step, 1, 0};
                run(kernels()->cast[to][from], to, from, o, x, NULL, n, steps, NULL);
                for (int64_t i = 0; i < n; i++) {
                    const char *xi = x + (size_t)i * item_size[from];
                    check(to, o + (size_t)(i * step) * item_size[to], expected_cast(to, from, xi),
                          "cast", number(from, xi), (int)from);
                }
            }
        }
    }
}

static void clamp_lets_nan_through_and_the_upper_bound_win(void **state) {
    (void)state;
    for (tg_dtype t = 0; t < TG_BOOL; t++) {
        int64_t n;
        const char *x = special_values(t, &n);
        const size_t size = item_size[t];
        uint64_t seed = 3;
        for (int round = 0; round < 200; round++) {
            _Alignas(8) char arg[16], o[8 * 64 * 3];
            random_value(t, arg, &seed);
            random_value(t, arg + size, &seed);
            const long double lo = number(t, arg), hi = number(t, arg + size);
            run(kernels()->clamp[t], t, t, o, x, NULL, n, layouts[round % 2 * 3], arg);
            for (int64_t i = 0; i < n; i++) {
                const long double xi = number(t, x + (size_t)i * size);
                long double y = xi < lo ? lo : xi;
                y = isnan(lo) || isnan(hi) ? (long double)NAN : y > hi ? hi : y;
                check(t, o + (size_t)(i * (round % 2 * 2 + 1)) * size,
                      (value){y, is_float(t) ? 0 : (wide_int)y, 0}, "clamp", xi, lo);
            }
        }
    }
}

static void where_and_masked_fill_choose_by_the_mask(void **state) {
    (void)state;
    for (tg_dtype t = 0; t < TG__DTYPES; t++) {
        enum { N = 77 };
        char a[8 * N], b[8 * N], o[8 * N], mask[2 * N];
        const size_t size = item_size[t];
        random_values(t, a, N, 1);
        random_values(t, b, N, 2);
        random_values(TG_BOOL, mask, 2 * N, 3);
        for (int step = 1; step <= 2; step++) {
            const int64_t whole = (int64_t)size, s[4] = {whole, step, whole, whole};
            char *p[4] = {o, mask, a, b};
            kernels()->where[t](p, s, N, NULL);
            for (size_t i = 0; i < N; i++)
                assert_memory_equal(o + i * size, (mask[i * (size_t)step] ? a : b) + i * size,
                                    size);
            for (int one = 0; one < 2; one++) { /* a, then b is one value */
                const int64_t t4[4] = {whole, step, one == 0 ? 0 : whole, one == 0 ? whole : 0};
                kernels()->where[t](p, t4, N, NULL);
                for (size_t i = 0; i < N; i++) {
                    const bool yes = mask[i * (size_t)step];
                    const size_t at = yes == (one == 0) ? 0 : i;
                    assert_memory_equal(o + i * size, (yes ? a : b) + at * size, size);
                }
            }
            char *q[3] = {o, a, mask};
            const int64_t r[3] = {whole, whole, step};
            kernels()->masked_fill[t](q, r, N, b);
            for (size_t i = 0; i < N; i++)
                assert_memory_equal(o + i * size, mask[i * (size_t)step] ? b : a + i * size, size);
        }
    }
}

static void kernels_keep_subnormal_numbers_and_the_rounding_mode(void **state) {
    (void)state;
    float x[4] = {0x1p-140F, 1e30F, NAN, 0.1F}, half = 0.5F, o[4];
    char *p[3] = {(char *)o, (char *)x, (char *)&half};
    const int64_t s[3] = {4, 4, 0};
    const int rounding = fegetround();
    kernels()->binary[TG__BIN_mul][TG_F32](p, s, 4, NULL);
    assert_true(o[0] == 0x1p-141F);
    assert_int_equal(fegetround(), rounding);
    volatile float tiny = 0x1p-149F;
    assert_true(tiny * 1.0F > 0); /* the processor does not flush to zero now */
}

TG_TEST_MAIN(cmocka_unit_test(unary_kernels_give_the_documented_values),
             cmocka_unit_test(binary_kernels_give_the_documented_values),
             cmocka_unit_test(gradients_of_sigmoid_and_tanh_take_the_result),
             cmocka_unit_test(slopes_and_losses_match_their_formulas),
             cmocka_unit_test(comparisons_follow_ieee_and_integer_order),
             cmocka_unit_test(predicates_know_nan_and_infinity),
             cmocka_unit_test(casts_round_truncate_saturate_and_wrap),
             cmocka_unit_test(clamp_lets_nan_through_and_the_upper_bound_win),
             cmocka_unit_test(where_and_masked_fill_choose_by_the_mask),
             cmocka_unit_test(kernels_keep_subnormal_numbers_and_the_rounding_mode))
