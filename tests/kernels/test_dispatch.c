/* test_dispatch.c - the choice of an instruction set; all sets compute the same bits. */
#include "kernels/isa.h"
#include "kernels/values.h"
#include "tg_test.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- Same bits ------------------------------------------------------------------------------- */

enum { CAP = 320, GUARD = 64 };
/* Room for CAP elements of 8 bytes three steps apart. */
static _Alignas(64) char in[3][CAP * 24], out[2][CAP * 24 + 2 * GUARD];

typedef struct {
    const char *what, *name;
    tg__ew_fn base, other;
    int n_in;
    tg_dtype to, from[3];
    const void *arg;
} pair;

/* Runs both kernels over n elements with the given steps (in elements) and compares the whole
 * output buffers: elements between and beyond those to be written must stay. */
static void compare(const pair *q, int64_t n, const int64_t *steps, int64_t offset) {
    char *p[4];
    int64_t s[4];
    for (int k = 0; k < q->n_in; k++) {
        const int64_t size = (int64_t)item_size[q->from[k]];
        p[k + 1] = in[k] + offset * size;
        s[k + 1] = steps[k + 1] * size;
    }
    const int64_t size = (int64_t)item_size[q->to];
    s[0] = steps[0] * size;
    for (int i = 0; i < 2; i++) {
        memset(out[i], 0x5A, sizeof(out[i]));
        p[0] = out[i] + GUARD + offset * size;
        (i == 0 ? q->base : q->other)(p, s, n, q->arg);
    }
    for (int64_t i = 0; i < (int64_t)sizeof(out[0]) / size; i++) {
        if (!same_bits(q->to, out[0] + i * size, out[1] + i * size)) {
            print_error("%s %s to %s of %s: differs at byte %lld of %lld elements, steps %lld %lld "
                        "%lld, offset %lld\n",
                        q->what, q->name, type_name[q->to], type_name[q->from[0]],
                        (long long)(i * size), (long long)n, (long long)steps[0],
                        (long long)steps[1], (long long)steps[2], (long long)offset);
            fail();
        }
    }
    for (int64_t i = 0; i < GUARD; i++)
        assert_int_equal(out[1][i], 0x5A);
}

static void compare_all(const pair *q) {
    assert_true((q->base == NULL) == (q->other == NULL));
    if (!q->base || q->base == q->other)
        return;
    static const int64_t lengths[] = {0,  1,  2,  3,  4,  5,  7,  8,   9,   15,  16,
                                      17, 31, 33, 63, 64, 65, 95, 100, 129, 257, 300};
    static const int64_t steps[][4] = {{1, 1, 1, 1}, {1, 1, 0, 0}, {1, 0, 1, 1}, {2, 1, 1, 1},
                                       {1, 2, 1, 0}, {3, 2, 3, 2}, {1, 1, 1, 0}};
    for (int k = 0; k < q->n_in; k++)
        random_values(q->from[k], in[k], (int64_t)(sizeof(in[k]) / item_size[q->from[k]]),
                      (uint64_t)(k + 17 * (int)q->from[k]));
    for (size_t l = 0; l < sizeof(lengths) / sizeof(*lengths); l++) {
        for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
            for (int64_t offset = 0; offset < 4; offset++)
                compare(q, lengths[l], steps[i], offset);
    }
}

static const char *const unary_name[] = {
#define TG_UN(name, types, expr) #name,
#define TG_BIN(name, types, expr)
#define TG_CMP(name, types, expr)
#define TG_PRED(name, types, expr)
#include "kernels/ew_ops.def"
};
static const char *const binary_name[] = {
#define TG_UN(name, types, expr)
#define TG_BIN(name, types, expr) #name,
#define TG_CMP(name, types, expr)
#define TG_PRED(name, types, expr)
#include "kernels/ew_ops.def"
};

static void check_elementwise(const tg__kernels *a, const tg__kernels *b) {
    for (int t = 0; t < TG__DTYPES; t++) {
        for (int i = 0; i < TG__UN_COUNT; i++)
            compare_all(
                &(pair){"unary", unary_name[i], a->unary[i][t], b->unary[i][t], 1, t, {t}, NULL});
        for (int i = 0; i < TG__BIN_COUNT; i++)
            compare_all(&(pair){
                "binary", binary_name[i], a->binary[i][t], b->binary[i][t], 2, t, {t, t}, NULL});
        for (int i = 0; i < TG__CMP_COUNT; i++)
            compare_all(&(pair){
                "compare", "", a->compare[i][t], b->compare[i][t], 2, TG_BOOL, {t, t}, NULL});
        for (int i = 0; i < TG__PRED_COUNT; i++)
            compare_all(&(pair){
                "predicate", "", a->predicate[i][t], b->predicate[i][t], 1, TG_BOOL, {t}, NULL});
        for (int to = 0; to < TG__DTYPES; to++)
            compare_all(&(pair){"cast", "", a->cast[to][t], b->cast[to][t], 1, to, {t}, NULL});
        compare_all(&(pair){"where", "", a->where[t], b->where[t], 3, t, {TG_BOOL, t, t}, NULL});
        uint64_t state = 5;
        for (int i = 0; i < 8; i++) {
            _Alignas(8) char arg[16];
            random_value(t, arg, &state);
            random_value(t, arg + item_size[t], &state);
            compare_all(&(pair){"clamp", "", a->clamp[t], b->clamp[t], 1, t, {t}, arg});
            for (int k = 0; k < TG__UNP_COUNT; k++)
                compare_all(
                    &(pair){"unary_p", "", a->unary_p[k][t], b->unary_p[k][t], 1, t, {t}, arg});
            for (int k = 0; k < TG__BINP_COUNT; k++)
                compare_all(&(pair){
                    "binary_p", "", a->binary_p[k][t], b->binary_p[k][t], 2, t, {t, t}, arg});
            for (int k = 0; k < TG__TER_COUNT; k++)
                compare_all(&(pair){
                    "ternary", "", a->ternary[k][t], b->ternary[k][t], 3, t, {t, t, t}, arg});
            compare_all(&(pair){
                "masked_fill", "", a->masked_fill[t], b->masked_fill[t], 2, t, {t, TG_BOOL}, arg});
        }
    }
}

static void check_random(const tg__kernels *a, const tg__kernels *b) {
    for (int t = TG_F32; t <= TG_F64; t++) {
        for (int64_t n = 0; n < CAP; n += 7) {
            for (int normal = 0; normal < 2; normal++) {
                memset(out, 0x5A, sizeof(out));
                const struct tg__random_table *r[2] = {a->random, b->random};
                for (int i = 0; i < 2; i++)
                    (normal ? r[i]->normal : r[i]->uniform)[t](out[i], n, 7, 9, (uint64_t)n);
                assert_memory_equal(out[0], out[1], sizeof(out[0]));
            }
        }
    }
}

static void fill_state(int t, void *p, int64_t n, uint64_t seed) {
    random_values(t, p, n, seed);
    for (int64_t i = 0; i < n; i++) { /* mostly ordinary numbers */
        if (i % 16 == 3)
            continue;
        if (t == TG_F32)
            ((float *)p)[i] = (float)((double)((seed * 31 + (uint64_t)i * 7) % 101) / 50 - 1);
        else
            ((double *)p)[i] = (double)((seed * 31 + (uint64_t)i * 7) % 101) / 50 - 1;
    }
}

static void check_optim(const tg__kernels *a, const tg__kernels *b) {
    static _Alignas(64) char state[2][5][CAP * 8];
    const tg__kernels *k[2] = {a, b};
    for (int variant = 0; variant < 64; variant++) {
        const bool f0 = variant & 1, f1 = variant & 2, f2 = variant & 4, f3 = variant & 8;
        const int t = variant & 16 ? TG_F64 : TG_F32;
        const int64_t n = 300 - (variant & 32);
        const tg__sgd_args sgd = {0.1, 0.9, f0 ? 0.2 : 0, f1 ? 0.01 : 0, f2, f3, variant & 32};
        const tg__adam_args adam = {0.1, 0.9, 0.99, 1e-8, f1 ? 0.01 : 0, f2, f3, 3};
        for (int kind = 0; kind < 2; kind++) {
            for (int i = 0; i < 2; i++) {
                char(*s)[CAP * 8] = state[i];
                for (int j = 0; j < 5; j++)
                    fill_state(t, s[j], CAP, (uint64_t)j);
                if (kind == 0)
                    k[i]->optim->sgd[t](n, s[0], s[1], f0 || f2 ? s[2] : NULL, &sgd);
                else
                    k[i]->optim->adam[t](n, s[0], s[1], s[2], s[3], f0 ? s[4] : NULL, &adam);
            }
            for (int j = 0; j < 5; j++)
                for (size_t e = 0; e < CAP; e++)
                    assert_true(same_bits(t, state[0][j] + e * item_size[t],
                                          state[1][j] + e * item_size[t]));
        }
    }
}

static void check_isa(const char *isa) {
    const tg__kernels *base = tg__kernels_named("base"), *other = tg__kernels_named(isa);
    assert_non_null(base);
    assert_string_equal(base->isa, "base");
    if (!other)
        tg_skip("no %s here", isa);
    assert_string_equal(other->isa, isa);
    check_elementwise(base, other);
    check_random(base, other);
    check_optim(base, other);
}

static void avx2_computes_the_bits_of_base(void **state) {
    (void)state;
    check_isa("avx2");
}

static void avx512_computes_the_bits_of_base(void **state) {
    (void)state;
    check_isa("avx512");
}

static void every_table_is_complete(void **state) {
    (void)state;
    static const char *const names[] = {"base", "avx2", "avx512"};
    for (int i = 0; i < 3; i++) {
        const tg__kernels *k = tg__kernels_named(names[i]);
        if (!k)
            continue;
        assert_non_null(k->reduce);
        assert_non_null(k->rows);
        for (int t = 0; t < TG__DTYPES; t++) {
            for (int c = 0; c < TG__CMP_COUNT; c++)
                assert_non_null(k->compare[c][t]);
            for (int c = 0; c < TG__DTYPES; c++)
                assert_non_null(k->cast[c][t]);
            assert_non_null(k->where[t]);
            assert_non_null(k->masked_fill[t]);
            assert_true((k->clamp[t] != NULL) == (t != TG_BOOL));
            assert_true((k->unary[TG__UN_exp][t] != NULL) == (t <= TG_F64));
            assert_true((k->unary[TG__UN_neg][t] != NULL) == (t != TG_BOOL));
            assert_true((k->unary[TG__UN_logical_not][t] != NULL) == (t == TG_BOOL));
            assert_true((k->binary[TG__BIN_pow][t] != NULL) == (t != TG_BOOL));
            assert_non_null(k->binary[TG__BIN_add][t]);
        }
    }
}

static void unknown_instruction_sets_have_no_table(void **state) {
    (void)state;
    assert_null(tg__kernels_named("neon"));
    assert_null(tg__kernels_named(""));
    assert_null(tg__kernels_named("AVX2"));
}

/* ---- The choice, each time in a process of its own --------------------------------------------
 */

static char lines[2][256];
static int n_lines;

static void take_line(tg_log_level level, const char *message, void *ctx) {
    (void)ctx;
    if (level == TG_LOG_WARN && n_lines < 2)
        snprintf(lines[n_lines++], sizeof(lines[0]), "%s", message);
}

static void *get_table(void *arg) {
    (void)arg;
    return (void *)(uintptr_t)tg__kernels_get();
}

/* What the child prints: the chosen set, how many warnings there were, and the first. */
static int child(void) {
    tg_set_log_hook(take_line, NULL);
    pthread_t threads[8];
    for (int i = 0; i < 8; i++) {
        if (pthread_create(&threads[i], NULL, get_table, NULL) != 0)
            return 1;
    }
    bool same = true;
    for (int i = 0; i < 8; i++) {
        void *table;
        pthread_join(threads[i], &table);
        same = same && table == (void *)(uintptr_t)tg__kernels_get();
    }
    printf("%s %s %d %s\n", same ? "same" : "different", tg__kernels_get()->isa, n_lines, lines[0]);
    return 0;
}

static void ask_child(const char *isa, char *answer, int size) {
    char self[512], command[640];
    const ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    assert_true(n > 0);
    self[n] = 0;
    snprintf(command, sizeof(command), "TENSORGRAD_ISA='%s' '%s' child", isa, self);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    assert_non_null(fgets(answer, size, f));
    assert_int_equal(pclose(f), 0);
}

static void a_forced_instruction_set_is_used(void **state) {
    (void)state;
    static const char *const names[] = {"base", "avx2", "avx512"};
    for (int i = 0; i < 3; i++) {
        if (!tg__kernels_named(names[i]))
            continue;
        char answer[400], expected[64];
        ask_child(names[i], answer, sizeof(answer));
        snprintf(expected, sizeof(expected), "same %s 0 ", names[i]);
        assert_contains(answer, expected);
    }
}

static void a_forced_instruction_set_that_is_missing_is_ignored_with_one_line(void **state) {
    (void)state;
    const char *best = tg__kernels_named("avx512") ? "avx512"
                       : tg__kernels_named("avx2") ? "avx2"
                                                   : "base";
    char answer[400], expected[64];
    ask_child("neon", answer, sizeof(answer));
    snprintf(expected, sizeof(expected), "same %s 1 ", best);
    assert_contains(answer, expected);
    assert_contains(answer, "TENSORGRAD_ISA=neon");
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "child") == 0)
        return child();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(avx2_computes_the_bits_of_base),
        cmocka_unit_test(avx512_computes_the_bits_of_base),
        cmocka_unit_test(every_table_is_complete),
        cmocka_unit_test(unknown_instruction_sets_have_no_table),
        cmocka_unit_test(a_forced_instruction_set_is_used),
        cmocka_unit_test(a_forced_instruction_set_that_is_missing_is_ignored_with_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
