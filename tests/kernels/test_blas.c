/* test_blas.c - when OpenBLAS is called, with how many threads, and what if it cannot be.
 *
 * What happens at the first call is tested in forked children, before this process makes one. */
/* ctest: threads */
#include "kernels/blas.h"

#include "base/env.h"
#include "kernels/gemm.h"
#include "kernels/products.h"
#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static int threads_described(void) {
    char text[256];
    tg__blas_describe(text, sizeof text);
    const char *p = strstr(text, " thread");
    while (p && p > text && p[-1] >= '0' && p[-1] <= '9')
        p--;
    return p ? (int)strtol(p, NULL, 10) : 0;
}

/* C = A · B of n × n ones, through the whole shim. */
static bool product_of_ones(int64_t n) {
    float *x = malloc((size_t)(n * n) * 4), *c = malloc((size_t)(n * n) * 4);
    for (int64_t i = 0; i < n * n; i++)
        x[i] = 1;
    tg__matmul m = {.dtype = TG_F32, .m = n, .n = n, .k = n, .c = c};
    m.a = m.b = (tg__matrix){.data = x, .row = n, .col = 1};
    bool right = tg__matmul_run(&m);
    for (int64_t i = 0; i < n * n; i++)
        right = right && c[i] == (float)n;
    free(x);
    free(c);
    return right;
}

/* Runs fn in a child that is killed after a minute; true if it returned true. */
static bool in_child(bool (*fn)(void)) {
    fflush(stdout);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(60);
        _exit(fn() ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* ---- The first call
 * ------------------------------------------------------------------------------ */

static int log_lines;
static char log_text[256];
static void keep_line(tg_log_level level, const char *message, void *ctx) {
    (void)level, (void)ctx;
    if (!strstr(message, "OpenBLAS"))
        return;
    log_lines++;
    snprintf(log_text, sizeof log_text, "%s", message);
}

static bool first_call_without_address_space(void) {
    tg_set_log_hook(keep_line, NULL);
    tg__blas_buffer_bytes = (size_t)1 << 48;
    bool right = product_of_ones(100) && product_of_ones(300) && !tg__blas_usable();
    right = right && log_lines == 1 && strstr(log_text, "address space");
    char text[256];
    tg__blas_describe(text, sizeof text);
    return right && strstr(text, "not used");
}

static void short_address_space_means_our_own_product(void **state) {
    (void)state;
    if (!TG_BLAS_OPENBLAS)
        tg_skip("built without OpenBLAS");
    assert_true(in_child(first_call_without_address_space));
}

/* As much as is mapped now and 60 MB: not enough for one buffer of OpenBLAS. */
static bool first_call_under_a_limit(void) {
    FILE *f = fopen("/proc/self/statm", "r");
    long pages = 0;
    if (!f || fscanf(f, "%ld", &pages) != 1)
        return false;
    fclose(f);
    const rlim_t bytes = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + ((rlim_t)60 << 20);
    if (setrlimit(RLIMIT_AS, &(struct rlimit){bytes, bytes}) != 0)
        return false;
    return product_of_ones(300);
}

static void a_memory_limit_does_not_hang(void **state) {
    (void)state;
    if (SANITIZED)
        tg_skip("sanitizers need address space themselves");
    assert_true(in_child(first_call_under_a_limit));
}

static bool environment_sets_threads(void) {
    setenv("TENSORGRAD_NUM_THREADS", "3", 1);
    tg__env_reset();
    return threads_described() == 3 && product_of_ones(300) && threads_described() == 3;
}

static bool call_before_sets_threads(void) {
    const int n = tg_num_threads() + 1;
    return tg_set_num_threads(n) == TG_OK && threads_described() == n;
}

static bool call_after_sets_threads(void) {
    return product_of_ones(300) && tg_set_num_threads(1) == TG_OK && threads_described() == 1 &&
           tg_set_num_threads(2) == TG_OK && threads_described() == 2 && product_of_ones(300);
}

static bool more_threads_than_address_space(void) {
    const int before = threads_described();
    tg_set_log_hook(keep_line, NULL);
    tg__blas_buffer_bytes = (size_t)1 << 46;
    return tg_set_num_threads(before + 5) == TG_OK && threads_described() == before &&
           log_lines == 1 && strstr(log_text, "address space") && product_of_ones(300);
}

/* The limit counts threads of the user; root is exempt, so this one is a guest. */
static bool refuse_threads(void) {
    return setrlimit(RLIMIT_NPROC, &(struct rlimit){1, 1}) == 0 &&
           (geteuid() != 0 || setuid(65534) == 0);
}

/* A forked child has none of OpenBLAS's threads. */
static bool no_threads_for_a_product(void) {
    tg_set_log_hook(keep_line, NULL);
    if (threads_described() == 1 || !refuse_threads())
        return threads_described() == 1;
    return product_of_ones(60) && log_lines == 0 && product_of_ones(300) && product_of_ones(300) &&
           log_lines == 1 && strstr(log_text, "cannot start");
}

static bool no_threads_for_more(void) {
    const int before = threads_described();
    tg_set_log_hook(keep_line, NULL);
    return refuse_threads() && tg_set_num_threads(before + 5) == TG_OK &&
           threads_described() == before && log_lines == 1 && strstr(log_text, "threads for") &&
           product_of_ones(300);
}

static void where_the_system_refuses_threads_products_still_come(void **state) {
    (void)state;
    if (!TG_BLAS_OPENBLAS)
        tg_skip("built without OpenBLAS");
#ifdef __SANITIZE_THREAD__
    tg_skip("ThreadSanitizer has a thread of its own, which looks like one of OpenBLAS");
#endif
    assert_true(in_child(no_threads_for_a_product));
    assert_true(in_child(no_threads_for_more));
}

static void threads_follow_what_the_program_says(void **state) {
    (void)state;
    if (!TG_BLAS_OPENBLAS)
        tg_skip("built without OpenBLAS");
    assert_true(in_child(environment_sets_threads));
    assert_true(in_child(call_before_sets_threads));
    assert_true(in_child(call_after_sets_threads));
    assert_true(in_child(more_threads_than_address_space));
}

/* ---- Later calls
 * --------------------------------------------------------------------------------- */

static void the_description_names_variant_and_threads(void **state) {
    (void)state;
    char text[256], cut[8];
    tg__blas_describe(text, sizeof text);
    tg__blas_describe(cut, sizeof cut);
    assert_true(strlen(cut) <= 7 && strncmp(text, cut, strlen(cut)) == 0);
    if (!TG_BLAS_OPENBLAS) {
        assert_string_equal(text, "reference");
        assert_false(tg__blas_is_openmp());
        return;
    }
    assert_contains(text, "OpenBLAS 0.");
    assert_contains(text, "core ");
    assert_true(strstr(text, "serial") || strstr(text, "pthread") || strstr(text, "openmp"));
    assert_true(tg__blas_is_openmp() == (strstr(text, "; openmp;") != NULL));
    assert_true(threads_described() >= 1);
}

static bool product_in_child(void) { return product_of_ones(700) && product_of_ones(20); }

static void a_forked_child_may_multiply(void **state) {
    (void)state;
    if (tg__blas_is_openmp())
        tg_skip("the pool of an OpenMP build hangs in forked children");
    assert_true(product_of_ones(700));
    assert_true(in_child(product_in_child));
#ifndef __SANITIZE_THREAD__ /* which has a thread of its own in the child */
    if (TG_BLAS_OPENBLAS)
        assert_true(in_child(no_threads_for_a_product));
#endif
}

static tg__gemm shape_of(int64_t m, int64_t n, int64_t k) {
    tg__gemm g = {.dtype = TG_F32, .m = m, .n = n, .k = k};
    g.a_row = k;
    g.b_row = g.c_row = n;
    g.a_col = g.b_col = 1;
    return g;
}

static void layouts_blas_can_read_are_known(void **state) {
    (void)state;
    static const struct {
        int64_t m, k, row, col;
        bool yes;
    } cases[] = {
        {3, 4, 4, 1, true},  {3, 4, 9, 1, true},  {3, 4, 1, 3, true},  {3, 4, 1, 9, true},
        {3, 4, 3, 1, false}, {3, 4, 1, 2, false}, {3, 4, 0, 1, false}, {3, 4, 1, 0, false},
        {3, 4, 8, 2, false}, {3, 4, 0, 0, false}, {3, 1, 5, 77, true}, {3, 1, 1, 0, true},
        {3, 1, 0, 1, false}, {1, 4, 77, 5, true}, {1, 4, 0, 1, true},  {1, 4, 9, 0, false},
        {1, 1, 0, 0, true},
    };
    for (int i = 0; i < 17; i++) {
        tg__gemm g = shape_of(cases[i].m, 7, cases[i].k);
        g.a_row = cases[i].row;
        g.a_col = cases[i].col;
        assert_true(tg__blas_takes_a(&g) == cases[i].yes);
        g = shape_of(7, cases[i].m, cases[i].k); /* the same seen as B, transposed */
        g.b_col = cases[i].row;
        g.b_row = cases[i].col;
        assert_true(tg__blas_takes_b(&g) == cases[i].yes);
    }
}

static void sizes_are_held_against_the_limit(void **state) {
    (void)state;
    tg__blas_int_limit = 7;
    tg__gemm g = shape_of(7, 7, 7);
    assert_true(tg__blas_fits(&g));
    for (int i = 0; i < 5; i++) {
        g = shape_of(i == 0 ? 8 : 7, 7, i == 1 ? 8 : 7);
        g.a_row = i == 2 ? 8 : g.a_row;
        g.b_row = i == 3 ? 8 : g.b_row;
        g.c_row = i == 4 ? 8 : g.c_row;
        assert_false(tg__blas_fits(&g));
    }
    g = shape_of(1, 7, 7); /* the row stride of a single row means nothing */
    g.a_row = g.c_row = 1000;
    assert_true(tg__blas_fits(&g));
    g.a_col = 8;
    assert_false(tg__blas_fits(&g));
    tg__blas_int_limit = INT32_MAX;
    g = shape_of(INT32_MAX, 2, 2);
    assert_true(tg__blas_fits(&g));
    g.m++;
    assert_false(tg__blas_fits(&g));
}

static void products_are_right_where_they_lie(void **state) {
    (void)state;
    if (!tg__blas_usable())
        tg_skip("OpenBLAS is not there");
    static const int64_t shapes[][3] = {{1, 1, 1},  {1, 1, 90}, {1, 40, 30}, {40, 1, 30}, {5, 6, 7},
                                        {1, 40, 1}, {40, 1, 1}, {20, 30, 1}, {70, 80, 90}};
    static float a[30000], b[30000], c[30000], start[30000];
    product_fill(TG_F32, a, 30000, 1);
    product_fill(TG_F32, b, 30000, 2);
    product_fill(TG_F32, start, 30000, 3);
    for (int s = 0; s < 9; s++)
        for (int la = ROWS; la <= WIDE_COLUMNS; la++)
            for (int lb = ROWS; lb <= WIDE_COLUMNS; lb++)
                for (int add = 0; add < 2; add++) {
                    tg__gemm g = {
                        .dtype = TG_F32, .m = shapes[s][0], .n = shapes[s][1], .add = add};
                    g.k = shapes[s][2];
                    operand_strides((operand_layout)la, g.m, g.k, &g.a_row, &g.a_col);
                    operand_strides((operand_layout)lb, g.k, g.n, &g.b_row, &g.b_col);
                    g.a = a;
                    g.b = b;
                    g.c = c;
                    g.c_row = g.n + 2;
                    memcpy(c, start, sizeof c);
                    tg__blas_product(&g);
                    check_product(&g, add ? start : NULL);
                    for (int64_t i = 0; i < g.m - 1; i++) /* the gap between rows stays */
                        assert_memory_equal(c + i * g.c_row + g.n, start + i * g.c_row + g.n, 8);
                }
}

/* ---- TENSORGRAD_DETERMINISTIC
 * -------------------------------------------------------------------- */

enum { N = 700 };
static float left[N * N], right[N * N];

static void multiply(float *c) {
    tg__matmul m = {.dtype = TG_F32, .m = N, .n = N, .k = N, .c = c};
    m.a = (tg__matrix){.data = left, .row = N, .col = 1};
    m.b = (tg__matrix){.data = right, .row = N, .col = 1};
    tg__matmul_run(&m);
}

static void *multiply_often(void *c) {
    for (int i = 0; i < 5; i++)
        multiply(c);
    return NULL;
}

static bool deterministic_products(void) {
    setenv("TENSORGRAD_DETERMINISTIC", "1", 1);
    tg__env_reset();
    product_fill(TG_F32, left, N * N, 1);
    product_fill(TG_F32, right, N * N, 2);
    static float first[N * N], c[4][N * N];
    bool same = tg_set_num_threads(1) == TG_OK;
    multiply(first);
    for (int t = 2; t <= 4; t++) {
        same = same && tg_set_num_threads(t) == TG_OK;
        multiply(c[0]);
        same = same && memcmp(c[0], first, sizeof first) == 0 && threads_described() == t;
    }
    pthread_t threads[4]; /* the number of threads is put back by the last one to leave */
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, multiply_often, c[i]);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 4; i++)
        same = same && memcmp(c[i], first, sizeof first) == 0;
    return same && threads_described() == 4;
}

static void deterministic_products_do_not_depend_on_threads(void **state) {
    (void)state;
    if (!tg__blas_usable())
        tg_skip("OpenBLAS is not there");
    assert_true(in_child(deterministic_products));
}

static void *check_products(void *ok) {
    for (int64_t n = 1; n < 200; n += 13)
        *(bool *)ok = *(bool *)ok && product_of_ones(n);
    return NULL;
}

static void several_threads_may_multiply_at_once(void **state) {
    (void)state;
    bool ok[6];
    pthread_t threads[6];
    for (int i = 0; i < 6; i++) {
        ok[i] = true;
        assert_int_equal(pthread_create(&threads[i], NULL, check_products, &ok[i]), 0);
    }
    for (int i = 0; i < 6; i++) {
        pthread_join(threads[i], NULL);
        assert_true(ok[i]);
    }
}

static void small_products_stay_on_the_calling_thread(void **state) {
    (void)state;
    tg__gemm g = shape_of(64, 64, 64);
    assert_true(tg__blas_is_serial(&g));
    g.m = 65;
    assert_false(tg__blas_is_serial(&g));
    g = shape_of(1, 95, 95);
    assert_true(tg__blas_is_serial(&g));
    g.k = 98;
    assert_false(tg__blas_is_serial(&g));
    g = shape_of(1, 1, 10001);
    assert_false(tg__blas_is_serial(&g));
    g.k = 10000;
    assert_true(tg__blas_is_serial(&g));
}

TG_TEST_MAIN(cmocka_unit_test(short_address_space_means_our_own_product),
             cmocka_unit_test(a_memory_limit_does_not_hang),
             cmocka_unit_test(threads_follow_what_the_program_says),
             cmocka_unit_test(where_the_system_refuses_threads_products_still_come),
             cmocka_unit_test(the_description_names_variant_and_threads),
             cmocka_unit_test(a_forked_child_may_multiply),
             cmocka_unit_test(layouts_blas_can_read_are_known),
             cmocka_unit_test(sizes_are_held_against_the_limit),
             cmocka_unit_test(products_are_right_where_they_lie),
             cmocka_unit_test(deterministic_products_do_not_depend_on_threads),
             cmocka_unit_test(several_threads_may_multiply_at_once),
             cmocka_unit_test(small_products_stay_on_the_calling_thread))
