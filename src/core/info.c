/* info.c - what this library is, and what it runs on.
 *
 * tg_build_info is for bug reports: one fact a line, warnings last. The text is made anew at each
 * call, because threads, pool and environment change; it lives in a buffer of the calling thread.
 */
#include "base/env.h"
#include "base/error.h"
#include "base/thread.h"
#include "base/threads.h"
#include "kernels/blas.h"
#include "kernels/kernels.h"

#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__SSE__)
#include <xmmintrin.h>
#endif
#if defined(__has_include)
#if __has_include("base/abi_hash.h")
#include "base/abi_hash.h"
#endif
#endif
#ifndef TG__ABI_HASH
#define TG__ABI_HASH 0 /* no binding was generated */
#endif

#define TEXT_OF(x) #x
#define NUMBER(x) TEXT_OF(x)
#define VERSION NUMBER(TG_VERSION_MAJOR) "." NUMBER(TG_VERSION_MINOR) "." NUMBER(TG_VERSION_PATCH)

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

const char *tg_version(void) { return VERSION; }

uint64_t tg_abi_hash(void) { return TG__ABI_HASH; }

/* ---- A text that grows in a buffer ---- */

typedef struct {
    char *buf;
    size_t cap, length;
} text;

static void add(text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(text *t, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->buf + t->length, t->cap - t->length, format, args);
    va_end(args);
    if (n > 0)
        t->length += (size_t)n;
    if (t->length >= t->cap)
        t->length = t->cap - 1;
}

/* ---- Warnings ---- */

typedef struct {
    int count;
    char names[256];
} mapped;

/* One shared object of the process. Debian's libblas.so.3 in a directory named after OpenBLAS only
 * forwards to it, so the file's own name counts. */
static int see_object(struct dl_phdr_info *info, size_t size, void *ctx) {
    (void)size;
    mapped *found = ctx;
    const char *path = info->dlpi_name;
    if (path == NULL)
        return 0;
    const char *slash = strrchr(path, '/');
    if (strstr(slash != NULL ? slash + 1 : path, "openblas") == NULL)
        return 0;
    size_t used = strlen(found->names);
    snprintf(found->names + used, sizeof found->names - used, "%s%s", found->count > 0 ? ", " : "",
             path);
    found->count++;
    return 0;
}

static void warn_blas(text *t) {
    if (tg__blas_is_openmp())
        add(t, "warning: this OpenBLAS uses OpenMP, whose threads do not survive fork(): a child "
               "that multiplies matrices hangs; use the pthread or serial build\n");
    mapped found = {0};
    dl_iterate_phdr(see_object, &found);
    if (found.count > 1)
        add(t, "warning: %d OpenBLAS libraries are loaded, each with its own threads: %s\n",
            found.count, found.names);
}

static bool bad_setting(const char *name, const char *value, const tg__env *env) {
    int64_t flag;
    if (strcmp(name, "NUM_THREADS") == 0)
        return env->num_threads == 0;
    if (strcmp(name, "ISA") == 0)
        return env->isa[0] == '\0';
    if (strcmp(name, "POOL_MAX") == 0)
        return env->pool_max == UINT64_MAX;
    return !tg__env_parse_int(value, 0, 1, &flag);
}

extern char **environ;

/* Variables with our prefix that were not understood, or that nobody reads. */
static void warn_environment(text *t, const tg__env *env) {
    static const char prefix[] = "TENSORGRAD_";
    static const char *const known[] = {"NUM_THREADS",   "ISA",   "POOL_MAX",
                                        "DETERMINISTIC", "LEAKS", "PROGRESS"};
    for (char **e = environ; e != NULL && *e != NULL; e++) {
        const char *name = *e + sizeof prefix - 1;
        if (strncmp(*e, prefix, sizeof prefix - 1) != 0 || strncmp(name, "LIBRARY=", 8) == 0)
            continue;
        size_t i = 0;
        size_t n = strcspn(name, "=");
        while (i < sizeof known / sizeof *known &&
               (strlen(known[i]) != n || strncmp(name, known[i], n) != 0))
            i++;
        if (i == sizeof known / sizeof *known)
            add(t, "warning: %s is no variable of this library\n", tg__quote(*e));
        else if (name[n] == '=' && bad_setting(known[i], name + n + 1, env))
            add(t, "warning: %s was ignored\n", tg__quote(*e));
    }
}

static void warn_processor(text *t, const tg__env *env, const char *isa) {
    if (env->isa[0] != '\0' && strcmp(env->isa, isa) != 0)
        add(t, "warning: TENSORGRAD_ISA=%s is not available here\n", env->isa);
#if defined(__SSE__)
    if ((_mm_getcsr() & 0x8040u) != 0) /* FTZ, DAZ */
        add(t, "warning: this thread flushes denormal numbers to zero (a library built with "
               "-ffast-math does that on loading); results near 0 differ\n");
#endif
}

/* ---- The whole ---- */

static void describe(text *t) {
    const tg__env *env = tg__env_get();
    const char *isa = tg__kernels_get()->isa;
    char blas[256];
    tg__blas_describe(blas, sizeof blas);
    tg_memory_stats_t memory = TG_MEMORY_STATS_INIT;
    tg_memory_stats(&memory);

    add(t, "tensorgrad " VERSION "\n");
    add(t, "compiler: " COMPILER ", %d-bit%s\n", (int)sizeof(void *) * 8,
#if defined(__OPTIMIZE__)
        ""
#else
        ", not optimised"
#endif
    );
    add(t, "kernels: %s\n", isa);
    add(t, "blas: %s\n", blas);
    add(t, "threads: %d\n", tg_num_threads());
    if (env->pool_max == UINT64_MAX)
        add(t, "pool: %llu bytes held, no limit\n", (unsigned long long)memory.bytes_held);
    else
        add(t, "pool: %llu bytes held, at most %llu\n", (unsigned long long)memory.bytes_held,
            (unsigned long long)env->pool_max);
    add(t, "deterministic: %s\n", env->deterministic ? "yes" : "no");
    warn_blas(t);
    warn_environment(t, env);
    warn_processor(t, env, isa);
}

const char *tg_build_info(void) {
    tg__thread *thread = tg__self();
    if (!thread->usable)
        return "tensorgrad " VERSION "\n";
    if (thread->info == NULL)
        thread->info = tg__alloc(TG__INFO_BYTES);
    if (thread->info == NULL)
        return "tensorgrad " VERSION "\n";
    text t = {.buf = thread->info, .cap = TG__INFO_BYTES};
    describe(&t);
    return thread->info;
}
