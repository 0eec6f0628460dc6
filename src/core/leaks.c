/* leaks.c - counters of live objects, and the register of tensors that TENSORGRAD_LEAKS=1 keeps.
 *
 * The register is a hash table by address with the records in the order of creation, under one
 * mutex. It takes its memory from the C library rather than from the pool: so it does not disturb
 * what is being watched (statistics, fault injection, a change of the allocator). A tensor that
 * finds no memory for its record is only counted. */
#include "core/leaks.h"

#include "core/site.h"

#include "base/env.h"

#include <pthread.h>
#include <stdlib.h>

#define FIRST_BUCKETS 1024 /* a power of two */

typedef struct record record;
struct record {
    const tg_tensor *x;
    record *in_bucket;       /* next of the same bucket */
    record *older, *younger; /* by creation */
    tg__site site;
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
    record *r = calloc(1, sizeof *r);
    if (r == NULL)
        return;
    r->x = x;
    tg__site_here(&r->site);
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
    if (x != NULL && x->node != NULL && tg__self()->anomaly_on)
        tg__node_sited(x->node, file, line);
    if (x == NULL || atomic_load_explicit(&tg__leaks_on, memory_order_relaxed) <= 0)
        return x;
    pthread_mutex_lock(&lock);
    record *r = n_buckets > 0 ? buckets[bucket_of(x, n_buckets)] : NULL;
    while (r != NULL && r->x != x)
        r = r->in_bucket;
    if (r != NULL) {
        r->site.file = file;
        r->site.line = line;
    }
    pthread_mutex_unlock(&lock);
    return x;
}

/* ---- The report ---- */

static void write_record(FILE *file, const record *r) {
    const char *op = r->x->op == TG__NO_OP ? "" : tg__op_name(r->x->op);
    fprintf(file, "  %s%s%s, made at ", tg__describe(r->x), op[0] != '\0' ? " by " : "", op);
    char site[TG__SITE_BYTES];
    tg__site_text(&r->site, site, sizeof site);
    fprintf(file, "%s\n", site);
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
