/* leaks.c - counters of live objects, and the register of tensors that TENSORGRAD_LEAKS=1 keeps.
 *
 * The register is a hash table by address with the records in the order of creation, under one
 * mutex. It takes its memory from the C library rather than from the pool: so it does not disturb
 * what is being watched (statistics, fault injection, a change of the allocator). A tensor that
 * finds no memory for its record is only counted.
 *
 * A record keeps the return addresses above the creation. They are turned into names when the
 * report is written: the site is the first address outside the library's own shared object. Linked
 * statically, the library and the program are one object; then the site is what called the last of
 * our functions, if the program exports names (-rdynamic), else the chain of calls is shown, as
 * offsets that addr2line understands. */
#include "core/leaks.h"

#include "base/env.h"

#include <dlfcn.h>
#if defined(__GLIBC__)
#include <link.h>
#endif
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#if defined(__has_include)
#if __has_include(<execinfo.h>)
#include <execinfo.h>
#define HAVE_BACKTRACE 1
#endif
#endif

#define FRAMES 16
#define CHAIN_SHOWN 6
#define FIRST_BUCKETS 1024 /* a power of two */

typedef struct record record;
struct record {
    const tg_tensor *x;
    record *in_bucket;       /* next of the same bucket */
    record *older, *younger; /* by creation */
    const char *file;        /* TENSORGRAD_SITES; NULL: see the frames */
    int line;
    int n_frames;
    void *frame[FRAMES]; /* return addresses, innermost first */
};

_Atomic int tg__leaks_on = -1;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool registered; /* the report at exit, the handlers of fork */
static record **buckets;
static size_t n_buckets, n_records;
static record *oldest, *youngest;

/* ---- Counters ---- */

int64_t tg_live_tensors(void) { return tg__thread_total(TG__COUNT_TENSORS); }
int64_t tg_live_nodes(void) { return tg__thread_total(TG__COUNT_NODES); }
int64_t tg_live_storages(void) { return tg__thread_total(TG__COUNT_STORAGES); }

/* ---- The register ---- */

static size_t bucket_of(const tg_tensor *x, size_t n) {
    return (size_t)(((uint64_t)(uintptr_t)x >> 4) * 0x9e3779b97f4a7c15u >> 20) & (n - 1);
}

/* Doubles the table when it is full; longer buckets if there is no memory. */
static void make_room(void) {
    if (n_records < n_buckets)
        return;
    size_t n = n_buckets > 0 ? 2 * n_buckets : FIRST_BUCKETS;
    record **fresh = calloc(n, sizeof *fresh);
    if (fresh == NULL)
        return;
    for (record *r = oldest; r != NULL; r = r->younger) {
        record **bucket = &fresh[bucket_of(r->x, n)];
        r->in_bucket = *bucket;
        *bucket = r;
    }
    free(buckets);
    buckets = fresh;
    n_buckets = n;
}

void tg__leaks_add(const tg_tensor *x) {
    const tg__thread *t = tg__self();
    record *r = calloc(1, sizeof *r);
    if (r == NULL)
        return;
    r->x = x;
    r->file = t->site_file;
    r->line = t->site_line;
#if defined(HAVE_BACKTRACE)
    if (r->file == NULL)
        r->n_frames = backtrace(r->frame, FRAMES);
#endif
    pthread_mutex_lock(&lock);
    make_room();
    if (n_buckets == 0) {
        free(r);
    } else {
        record **bucket = &buckets[bucket_of(x, n_buckets)];
        r->in_bucket = *bucket;
        *bucket = r;
        r->older = youngest;
        *(youngest != NULL ? &youngest->younger : &oldest) = r;
        youngest = r;
        n_records++;
    }
    pthread_mutex_unlock(&lock);
}

void tg__leaks_remove(const tg_tensor *x) {
    pthread_mutex_lock(&lock);
    record **link = n_buckets > 0 ? &buckets[bucket_of(x, n_buckets)] : NULL;
    while (link != NULL && *link != NULL && (*link)->x != x)
        link = &(*link)->in_bucket;
    record *r = link != NULL ? *link : NULL;
    if (r != NULL) {
        *link = r->in_bucket;
        *(r->older != NULL ? &r->older->younger : &oldest) = r->younger;
        *(r->younger != NULL ? &r->younger->older : &youngest) = r->older;
        n_records--;
    }
    pthread_mutex_unlock(&lock);
    free(r);
}

/* ---- Sites ---- */

void tg_site(const char *file, int line) {
    tg__thread *t = tg__self();
    if (!t->usable)
        return;
    t->site_file = file;
    t->site_line = line;
}

/* By the time of a call the sites of the calls that made its arguments have come and gone, so the
 * result is looked up and named afterwards. */
tg_tensor *tg_sited(tg_tensor *x, const char *file, int line) {
    tg_site(NULL, 0);
    if (x == NULL || atomic_load_explicit(&tg__leaks_on, memory_order_relaxed) <= 0)
        return x;
    pthread_mutex_lock(&lock);
    record *r = n_buckets > 0 ? buckets[bucket_of(x, n_buckets)] : NULL;
    while (r != NULL && r->x != x)
        r = r->in_bucket;
    if (r != NULL) {
        r->file = file;
        r->line = line;
    }
    pthread_mutex_unlock(&lock);
    return x;
}

/* ---- The report ---- */

typedef struct {
    uintptr_t address;    /* inside the call instruction */
    const char *object;   /* file that the code was loaded from, without its directories; or NULL */
    uintptr_t offset;     /* in that file, as addr2line -e wants it */
    uintptr_t base;       /* the same for all code of one object */
    const char *function; /* the exported name that the address belongs to; or NULL */
    uintptr_t start;
} place;

static place resolve(const void *return_address) {
    place p = {.address = (uintptr_t)return_address - 1};
    Dl_info info;
#if defined(__GLIBC__)
    struct link_map *map = NULL;
    if (dladdr1((const void *)p.address, &info, (void **)&map, RTLD_DL_LINKMAP) == 0)
        return p;
    p.offset = p.address - (map != NULL ? (uintptr_t)map->l_addr : (uintptr_t)info.dli_fbase);
#else
    if (dladdr((const void *)p.address, &info) == 0)
        return p;
    p.offset = p.address - (uintptr_t)info.dli_fbase;
#endif
    p.base = (uintptr_t)info.dli_fbase;
    if (info.dli_fname != NULL) {
        const char *slash = strrchr(info.dli_fname, '/');
        p.object = slash != NULL ? slash + 1 : info.dli_fname;
    }
    p.function = info.dli_sname;
    p.start = (uintptr_t)info.dli_saddr;
    return p;
}

static void write_place(FILE *file, const place *p) {
    if (p->object == NULL)
        fprintf(file, "%#llx", (unsigned long long)p->address);
    else if (p->function == NULL)
        fprintf(file, "%s(+%#llx)", p->object, (unsigned long long)p->offset);
    else
        fprintf(file, "%s+%#llx in %s(+%#llx)", p->function,
                (unsigned long long)(p->address - p->start), p->object,
                (unsigned long long)p->offset);
}

/* Linked statically: what called the outermost of our functions in the first row of them, if there
 * are names, else the frames of the program's own code. */
static void write_chain(FILE *file, const record *r, int start, uintptr_t own) {
    int first = start;
    for (int i = start; i < r->n_frames; i++) {
        place p = resolve(r->frame[i]);
        if (p.function != NULL && strncmp(p.function, "tg_", 3) != 0)
            break;
        if (p.function != NULL)
            first = i + 1;
    }
    int last = first > start ? first + 1 : first + CHAIN_SHOWN;
    for (int i = first; i < r->n_frames && i < last; i++) {
        place p = resolve(r->frame[i]);
        if (i > first && p.base != own)
            break;
        if (i > first)
            fputs(" < ", file);
        write_place(file, &p);
    }
}

static void write_site(FILE *file, const record *r) {
    if (r->file != NULL) {
        fprintf(file, "%s:%d", r->file, r->line);
        return;
    }
    const place own = resolve((const void *)((uintptr_t)&tg__leaks_add + 1));
    int start = 0; /* behind tg__leaks_add; below it a sanitizer may have put a frame of its own */
    while (start < r->n_frames && resolve(r->frame[start]).base != own.base)
        start++;
    start++;
    if (start >= r->n_frames) {
        fputs("an unknown place", file);
        return;
    }
    if (own.object == NULL || strncmp(own.object, "libtensorgrad.", 14) != 0) {
        write_chain(file, r, start, own.base);
        return;
    }
    for (int i = start; i < r->n_frames; i++) {
        place p = resolve(r->frame[i]);
        if (p.base != own.base || i == r->n_frames - 1) {
            write_place(file, &p);
            return;
        }
    }
}

static void write_record(FILE *file, const record *r) {
    const char *op = r->x->op == TG__NO_OP ? "" : tg__op_name(r->x->op);
    fprintf(file, "  %s%s%s, made at ", tg__describe(r->x), op[0] != '\0' ? " by " : "", op);
    write_site(file, r);
    fputs("\n", file);
}

static void write_report(FILE *file, int64_t live) {
    pthread_mutex_lock(&lock);
    fprintf(file, "tensorgrad: %lld live tensors, %lld nodes, %lld storages\n", (long long)live,
            (long long)tg_live_nodes(), (long long)tg_live_storages());
    for (const record *r = oldest; r != NULL; r = r->younger)
        write_record(file, r);
    if (n_records > 0 && live > (int64_t)n_records)
        fprintf(file, "  and %lld without a record\n", (long long)(live - (int64_t)n_records));
    pthread_mutex_unlock(&lock);
}

int64_t tg_leak_report(FILE *file) {
    if (file == NULL) {
        tg__fail(TG_ERR_ARG, "leak_report", "argument file is NULL; pass stderr or another stream");
        return -1;
    }
    int64_t live = tg_live_tensors();
    write_report(file, live);
    return live;
}

static void report_at_exit(void) {
    if (atomic_load(&tg__leaks_on) <= 0)
        return;
    int64_t live = tg_live_tensors();
    if (live != 0 || tg_live_nodes() != 0 || tg_live_storages() != 0)
        write_report(stderr, live);
}

/* ---- Switching on ---- */

static void before_fork(void) { pthread_mutex_lock(&lock); }
static void after_fork(void) { pthread_mutex_unlock(&lock); }

void tg__leaks_decide(void) {
    bool on = tg__env_get()->leaks;
    pthread_mutex_lock(&lock);
    if (on && !registered)
        registered =
            atexit(report_at_exit) == 0 && pthread_atfork(before_fork, after_fork, after_fork) == 0;
    pthread_mutex_unlock(&lock);
    atomic_store(&tg__leaks_on, on ? 1 : 0);
}
