/* test_info.c - what this library is, and what it runs on. */
#include "base/env.h"
#include "base/thread.h"
#include "kernels/blas.h"
#include "kernels/kernels.h"

#include "tg_tidy.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

#define VARIABLES 6
static const char *const variables[VARIABLES] = {
    "TENSORGRAD_NUM_THREADS",   "TENSORGRAD_ISA",   "TENSORGRAD_POOL_MAX",
    "TENSORGRAD_DETERMINISTIC", "TENSORGRAD_LEAKS", "TENSORGRAD_PROGRESS"};

/* The build information of a process that found this variable so (NULL: that it was not set). */
static const char *info_with(const char *name, const char *value) {
    for (int i = 0; i < VARIABLES; i++)
        unsetenv(variables[i]);
    if (value != NULL)
        setenv(name, value, 1);
    tg__env_reset();
    const char *info = tg_build_info();
    if (value != NULL)
        unsetenv(name);
    tg__env_reset();
    return info;
}

static void version_is_that_of_the_header(void **state) {
    (void)state;
    char expected[64];
    snprintf(expected, sizeof expected, "%d.%d.%d", TG_VERSION_MAJOR, TG_VERSION_MINOR,
             TG_VERSION_PATCH);
    assert_string_equal(tg_version(), expected);
}

static void abi_hash_is_fixed_for_a_build(void **state) {
    (void)state;
#if __has_include("base/abi_hash.h")
    assert_true(tg_abi_hash() != 0);
#else
    assert_true(tg_abi_hash() == 0);
#endif
    assert_true(tg_abi_hash() == tg_abi_hash());
}

/* Each fact is the rest of a line. */
static void has_line(const char *info, const char *line) {
    char between[512];
    snprintf(between, sizeof between, "\n%s\n", line);
    assert_contains(info, between);
}

static void build_info_has_one_fact_a_line(void **state) {
    (void)state;
    char line[512];
    char blas[256];
    const char *info = info_with("", NULL);
    snprintf(line, sizeof line, "tensorgrad %s\n", tg_version());
    assert_int_equal(strncmp(info, line, strlen(line)), 0);
    assert_contains(info, "\ncompiler: ");
    snprintf(line, sizeof line, "kernels: %s", tg__kernels_get()->isa);
    has_line(info, line);
    tg__blas_describe(blas, sizeof blas);
    snprintf(line, sizeof line, "blas: %s", blas);
    has_line(info, line);
    snprintf(line, sizeof line, "threads: %d", tg_num_threads());
    has_line(info, line);
    assert_contains(info, "\npool: ");
    assert_contains(info, " bytes held, no limit\n");
    has_line(info, "deterministic: no");
    assert_true(strlen(info) < TG__INFO_BYTES);
    assert_int_equal(info[strlen(info) - 1], '\n');
}

static void build_info_follows_what_changes(void **state) {
    (void)state;
    char line[64];
    const int before = tg_num_threads();
    const int other = before == 3 ? 4 : 3;
    assert_ok(tg_set_num_threads(other));
    snprintf(line, sizeof line, "threads: %d", other);
    has_line(tg_build_info(), line);
    assert_ok(tg_set_num_threads(before));
    snprintf(line, sizeof line, "threads: %d", before);
    has_line(tg_build_info(), line);
    has_line(info_with("TENSORGRAD_DETERMINISTIC", "1"), "deterministic: yes");
    assert_contains(info_with("TENSORGRAD_POOL_MAX", "64M"), " bytes held, at most 67108864\n");
}

static void bad_variables_are_warned_of(void **state) {
    (void)state;
    static const char *const bad[VARIABLES] = {"-3", "sse9", "lots", "2", "yes", ""};
    static const char *const good[VARIABLES] = {"2", "base", "1G", "0", "0", "1"};
    char expected[128];
    for (int i = 0; i < VARIABLES; i++) {
        snprintf(expected, sizeof expected, "\nwarning: '%s=%s' was ignored\n", variables[i],
                 bad[i]);
        assert_contains(info_with(variables[i], bad[i]), expected);
        assert_null(strstr(info_with(variables[i], good[i]), "was ignored"));
        assert_null(strstr(info_with(variables[i], NULL), "was ignored"));
    }
}

static void unknown_variables_are_warned_of(void **state) {
    (void)state;
    assert_contains(info_with("TENSORGRAD_NUM_THREAD", "2"),
                    "\nwarning: 'TENSORGRAD_NUM_THREAD=2' is no variable of this library\n");
    assert_null(strstr(info_with("TENSORGRAD_LIBRARY", "/some/where.so"), "is no variable"));
    assert_null(strstr(info_with("TENSORGRADIENT", "1"), "is no variable"));
    assert_contains(info_with("TENSORGRAD_\x01", "\xff"),
                    "'TENSORGRAD_\\x01=\\xff' is no variable");
}

static void an_instruction_set_that_is_not_there_is_warned_of(void **state) {
    (void)state;
    const char *info = info_with("TENSORGRAD_ISA", "neon");
    if (strcmp(tg__kernels_get()->isa, "neon") == 0)
        tg_skip("this machine has NEON");
    has_line(info, "warning: TENSORGRAD_ISA=neon is not available here");
}

static void flushing_of_denormals_is_warned_of(void **state) {
    (void)state;
#if defined(__SSE__)
    unsigned before = _mm_getcsr();
    assert_null(strstr(tg_build_info(), "denormal"));
    _mm_setcsr(before | 0x8000u);
    const char *info = tg_build_info();
    unsigned after = _mm_getcsr();
    _mm_setcsr(before);
    assert_contains(info, "\nwarning: this thread flushes denormal numbers to zero");
    assert_int_equal(after, before | 0x8000u); /* only looked at */
#else
    tg_skip("no SSE");
#endif
}

static int find_libm(struct dl_phdr_info *info, size_t size, void *path) {
    (void)size;
    if (strstr(info->dlpi_name, "/libm.so") == NULL && strstr(info->dlpi_name, "/libm-") == NULL)
        return 0;
    snprintf(path, 512, "%s", info->dlpi_name);
    return 1;
}

static bool copy_file(const char *from, const char *to) {
    static char buf[1 << 16];
    FILE *in = fopen(from, "rb");
    FILE *out = fopen(to, "wb");
    bool good = in != NULL && out != NULL;
    for (size_t n; good && (n = fread(buf, 1, sizeof buf, in)) > 0;)
        good = fwrite(buf, 1, n, out) == n;
    if (in != NULL)
        fclose(in);
    return out != NULL && fclose(out) == 0 && good;
}

/* Any library under the name does: its file is what is looked at. */
static void several_openblas_are_warned_of(void **state) {
    (void)state;
    char path[512] = "";
    static const char *const names[] = {"./libopenblas_first.so", "./libscipy_openblas64_.so"};
    void *handle[2];
    assert_null(strstr(tg_build_info(), "OpenBLAS libraries"));
    dl_iterate_phdr(find_libm, path);
    for (int i = 0; i < 2; i++) {
        if (path[0] == '\0' || !copy_file(path, names[i]))
            tg_skip("no library to copy");
        handle[i] = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        unlink(names[i]);
        if (handle[i] == NULL)
            tg_skip("a copied library does not load");
    }
    const char *info = tg_build_info();
    assert_contains(info, " OpenBLAS libraries are loaded, each with its own threads: ");
    assert_contains(info, names[0]);
    assert_contains(info, names[1]);
    dlclose(handle[0]);
    dlclose(handle[1]);
    assert_null(strstr(tg_build_info(), "OpenBLAS libraries"));
}

static void openmp_is_warned_of(void **state) {
    (void)state;
    bool warned = strstr(tg_build_info(), "warning: this OpenBLAS uses OpenMP") != NULL;
    assert_int_equal(warned, tg__blas_is_openmp());
}

static void the_text_is_cut_at_its_buffer(void **state) {
    (void)state;
    char name[64];
    for (int i = 0; i < 80; i++) {
        snprintf(name, sizeof name, "TENSORGRAD_NOT_A_VARIABLE_WITH_A_LONG_NAME_%d", i);
        setenv(name, "and a value that goes on and on", 1);
    }
    assert_int_equal(strlen(tg_build_info()), TG__INFO_BYTES - 1);
    for (int i = 0; i < 80; i++) {
        snprintf(name, sizeof name, "TENSORGRAD_NOT_A_VARIABLE_WITH_A_LONG_NAME_%d", i);
        unsetenv(name);
    }
    assert_true(strlen(tg_build_info()) < TG__INFO_BYTES - 1);
}

static void *info_of_thread(void *ctx) {
    const char *info = tg_build_info();
    *(const char **)ctx = info;
    return strncmp(info, "tensorgrad ", 11) == 0 ? NULL : ctx;
}

static void each_thread_has_its_text(void **state) {
    (void)state;
    pthread_t thread;
    const char *mine = tg_build_info();
    const char *theirs = NULL;
    void *wrong = NULL;
    assert_int_equal(pthread_create(&thread, NULL, info_of_thread, &theirs), 0);
    pthread_join(thread, &wrong);
    assert_null(wrong);
    assert_ptr_not_equal(mine, theirs);
    assert_ptr_equal(mine, tg_build_info());
}

static void *info_without_memory(void *ctx) {
    tg__self();
    tg__alloc_fail_at(1, true);
    const char *info = tg_build_info();
    tg__alloc_fail_at(0, false);
    snprintf(ctx, 64, "%s", info);
    return NULL;
}

static void without_memory_the_version_is_left(void **state) {
    (void)state;
    pthread_t thread;
    char got[64] = "";
    assert_int_equal(pthread_create(&thread, NULL, info_without_memory, got), 0);
    pthread_join(thread, NULL);
    char expected[64];
    snprintf(expected, sizeof expected, "tensorgrad %s\n", tg_version());
    assert_string_equal(got, expected);
}

static void nothing_of_this_is_an_error(void **state) {
    (void)state;
    tg_build_info();
    assert_int_equal(tg_error_status(), TG_OK);
}

TG_TEST_MAIN(tg_tidy(version_is_that_of_the_header), tg_tidy(abi_hash_is_fixed_for_a_build),
             tg_tidy(build_info_has_one_fact_a_line), tg_tidy(build_info_follows_what_changes),
             tg_tidy(bad_variables_are_warned_of), tg_tidy(unknown_variables_are_warned_of),
             tg_tidy(an_instruction_set_that_is_not_there_is_warned_of),
             tg_tidy(flushing_of_denormals_is_warned_of), tg_tidy(several_openblas_are_warned_of),
             tg_tidy(openmp_is_warned_of), tg_tidy(the_text_is_cut_at_its_buffer),
             tg_tidy(each_thread_has_its_text), tg_tidy(without_memory_the_version_is_left),
             tg_tidy(nothing_of_this_is_an_error))
