/* foundation.c - what the ground floor costs: operations, graph, memory, products, loading.
 *
 *     foundation [--rounds N] [--chain N] [--load PROGRAM] [--peer NAME=COMMAND]... [--json FILE]
 *
 * scripts/benchmark.sh builds it and gives it its peers: the same step in PyTorch and in the Python
 * binding (foundation_python.py), which run as processes beside it and are asked in turn. Each
 * figure is the median of rounds in which all of them are measured once. One thread, f32, one
 * element, unless the text says otherwise. */
#include "bench.h"
#include "counter.h"
#include "peer.h"

#include <tensorgrad/tensorgrad.h>

#include <dlfcn.h>
#include <link.h>
#include <math.h>
#include <pthread.h>
#include <sys/resource.h>

#if TG_BLAS_OPENBLAS
#include <cblas.h>
#endif

enum {
    ADD,
    MUL,
    BACKWARD,
    BACKWARD_BOTH,
    STEP_C,
    STEP_TORCH,
    STEP_BINDING,
    FASTER_C,
    FASTER_BINDING,
    TRAIN,
    TRAIN_SYSTEM,
    TRAIN_MALLOC,
    TRAIN_FAULTS,
    SGEMM,
    SGEMM_RATIO,
    CHAIN_RECORD,
    CHAIN_BACKWARD,
    CHAIN_FREE,
    CHAIN_BYTES,
    LIBRARY_SIZE,
    LOAD_TIME,
    LOAD_THREADS,
    FIGURES
};

static bench_figure figures[FIGURES] = {
    [ADD] = BENCH_FIGURE("add_release", "add and release, not recorded", "ns", -1, 80),
    [MUL] = BENCH_FIGURE("mul_recorded", "mul, recorded, and release", "ns", -1, 120),
    [BACKWARD] = BENCH_FIGURE("backward_node", "backward per node, chain of x*c", "ns", -1, 120),
    [BACKWARD_BOTH] =
        BENCH_FIGURE("backward_node_both", "backward per node, chain of x*w", "ns", 0, 0),
    [STEP_C] = BENCH_FIGURE("step_c", "(w*x + b - y)^2 forward and backward, C", "ns", 0, 0),
    [STEP_TORCH] = BENCH_FIGURE("step_torch", "the same, PyTorch", "ns", 0, 0),
    [STEP_BINDING] = BENCH_FIGURE("step_python", "the same, Python binding", "ns", 0, 0),
    [FASTER_C] = BENCH_FIGURE("faster_c", "faster than PyTorch, from C", "times", 1, 20),
    [FASTER_BINDING] =
        BENCH_FIGURE("faster_python", "faster than PyTorch, from Python", "times", 1, 2),
    [TRAIN] = BENCH_FIGURE("train_step", "training step: MLP 64-64-10, batch 32, Adam", "us", 0, 0),
    [TRAIN_SYSTEM] = BENCH_FIGURE("train_system_allocs",
                                  "  system allocations of the pool, 1000 steps", "", -1, 0),
    [TRAIN_MALLOC] =
        BENCH_FIGURE("train_mallocs", "  calls of malloc and its like, 1000 steps", "", -1, 0),
    [TRAIN_FAULTS] = BENCH_FIGURE("train_page_faults", "  page faults, 1000 steps", "", -1, 0),
    [SGEMM] = BENCH_FIGURE("sgemm", "tg_matmul 1024x1024x1024", "GFLOP/s", 0, 0),
    [SGEMM_RATIO] = BENCH_FIGURE("sgemm_ratio", "  its speed relative to cblas_sgemm", "", 1, 0.97),
    [CHAIN_RECORD] =
        BENCH_FIGURE("chain_record", "long chain, 64 KiB stack: record, per node", "ns", 0, 0),
    [CHAIN_BACKWARD] = BENCH_FIGURE("chain_backward", "  backward, per node", "ns", 0, 0),
    [CHAIN_FREE] = BENCH_FIGURE("chain_free", "  free without backward, per node", "ns", 0, 0),
    [CHAIN_BYTES] = BENCH_FIGURE("chain_bytes", "  memory per node", "bytes", 0, 0),
    [LIBRARY_SIZE] = BENCH_FIGURE("library_size", "shared library, stripped", "bytes", -1, 1 << 20),
    [LOAD_TIME] = BENCH_FIGURE("load_time", "loading it, beyond OpenBLAS", "us", -1, 2000),
    [LOAD_THREADS] = BENCH_FIGURE("load_threads", "  threads that this starts", "", -1, 0),
};

static _Noreturn void die(const char *what) {
    fprintf(stderr, "foundation: %s: %s\n", what, tg_error_message());
    exit(1);
}

static void skip(int figure, const char *why) {
    snprintf(figures[figure].skipped, sizeof figures[figure].skipped, "%s", why);
}

static tg_tensor *number(double value, bool requires_grad) {
    tg_tensor *x = tg_requires_grad_(tg_scalar(TG_F32, value), requires_grad);
    if (x == NULL)
        die("scalar");
    return x;
}

/* ---- Single operations ----------------------------------------------------------------------- */

static double time_add(tg_tensor *a, tg_tensor *b) {
    enum { N = 20000 };
    double slices[BENCH_SLICES];
    for (int k = 0; k < BENCH_SLICES; k++) {
        double start = bench_now();
        for (int i = 0; i < N; i++)
            tg_release(tg_add(a, b));
        slices[k] = 1e9 * (bench_now() - start) / N;
    }
    return bench_median_of(slices, BENCH_SLICES);
}

static double time_mul(tg_tensor *w, tg_tensor *b) {
    enum { N = 10000 };
    double slices[BENCH_SLICES];
    for (int k = 0; k < BENCH_SLICES; k++) {
        double start = bench_now();
        for (int i = 0; i < N; i++)
            tg_release(tg_mul(w, b));
        slices[k] = 1e9 * (bench_now() - start) / N;
    }
    return bench_median_of(slices, BENCH_SLICES);
}

/* Backward alone, over chains of 1000 products with `factor`. */
static double time_backward(tg_tensor *x, tg_tensor *factor) {
    enum { NODES = 1000, CHAINS = 31 };
    double slices[CHAINS];
    for (int k = 0; k < CHAINS; k++) {
        tg_tensor *y = tg_mul(x, factor);
        for (int i = 1; i < NODES; i++) {
            tg_tensor *next = tg_mul(y, factor);
            tg_release(y);
            y = next;
        }
        double start = bench_now();
        if (tg_backward(y) != TG_OK)
            die("backward");
        slices[k] = 1e9 * (bench_now() - start) / NODES;
        tg_release(y);
        if (tg_zero_grad((tg_tensor *const[]){x, factor}, 2) != TG_OK)
            die("zero_grad");
    }
    return bench_median_of(slices, CHAINS);
}

typedef struct {
    tg_tensor *x, *y, *w, *b;
} neuron;

/* (w*x + b - y)^2 forward and backward, the gradients dropped: as a user writes it. */
static double time_step(const neuron *n) {
    enum { N = 2000 };
    double slices[BENCH_SLICES];
    for (int k = 0; k < BENCH_SLICES; k++) {
        double start = bench_now();
        for (int i = 0; i < N; i++) {
            tg_scope s = tg_scope_open();
            tg_tensor *loss = tg_square(tg_sub(tg_add(tg_mul(n->w, n->x), n->b), n->y));
            tg_backward(loss);
            tg_zero_grad((tg_tensor *const[]){n->w, n->b}, 2);
            if (tg_scope_close(s) != TG_OK)
                die("step");
        }
        slices[k] = 1e9 * (bench_now() - start) / N;
    }
    return bench_median_of(slices, BENCH_SLICES);
}

static void check_step(const neuron *n) {
    tg_scope s = tg_scope_open();
    tg_backward(tg_square(tg_sub(tg_add(tg_mul(n->w, n->x), n->b), n->y)));
    double dw = tg_item(tg_grad(n->w)), db = tg_item(tg_grad(n->b));
    tg_zero_grad((tg_tensor *const[]){n->w, n->b}, 2);
    if (tg_scope_close(s) != TG_OK || !(fabs(dw + 15.6) < 1e-4 && fabs(db + 7.8) < 1e-4))
        die("the gradients are wrong");
}

/* ---- A training step ------------------------------------------------------------------------- */

typedef struct {
    tg_tensor *x, *target, *params[4];
    tg_optimizer *optimizer;
} training;

static tg_tensor *weights(int64_t rows, int64_t columns) {
    return tg_requires_grad_(tg_mul_scalar(tg_randn(TG_F32, TG_SHAPE(rows, columns), NULL), 0.1),
                             true);
}

static training training_new(void) {
    training t = {0};
    int64_t classes[32];
    for (int i = 0; i < 32; i++)
        classes[i] = i % 10;
    tg_scope s = tg_scope_open();
    t.x = tg_keep(tg_randn(TG_F32, TG_SHAPE(32, 64), NULL));
    t.target = tg_keep(tg_from_array(TG_I64, TG_SHAPE(32), classes));
    t.params[0] = tg_keep(weights(64, 64));
    t.params[1] = tg_keep(tg_requires_grad_(tg_zeros(TG_F32, TG_SHAPE(64)), true));
    t.params[2] = tg_keep(weights(10, 64));
    t.params[3] = tg_keep(tg_requires_grad_(tg_zeros(TG_F32, TG_SHAPE(10)), true));
    t.optimizer = tg_adam_new(t.params, 4, NULL);
    if (tg_scope_close(s) != TG_OK)
        die("training");
    return t;
}

/* Seconds of these steps. */
static double train(const training *t, int steps) {
    double start = bench_now();
    for (int i = 0; i < steps; i++) {
        tg_scope s = tg_scope_open();
        tg_tensor *hidden = tg_relu(tg_linear(t->x, t->params[0], t->params[1]));
        tg_tensor *logits = tg_linear(hidden, t->params[2], t->params[3]);
        tg_backward(tg_cross_entropy(logits, t->target, NULL));
        tg_optimizer_step(t->optimizer);
        tg_optimizer_zero_grad(t->optimizer);
        if (tg_scope_close(s) != TG_OK)
            die("training step");
    }
    return bench_now() - start;
}

static double time_training(const training *t) {
    enum { N = 50 };
    double slices[BENCH_SLICES];
    for (int k = 0; k < BENCH_SLICES; k++)
        slices[k] = 1e6 * train(t, N) / N;
    return bench_median_of(slices, BENCH_SLICES);
}

static void training_free(training *t) {
    tg_optimizer_free(t->optimizer);
    for (int i = 0; i < 4; i++)
        tg_release(t->params[i]);
    tg_release(t->target);
    tg_release(t->x);
}

/* What 1000 steps ask of the system once the first are over. */
static void count_training(void) {
    training t = training_new();
    train(&t, 100);
    tg_memory_stats_t before = TG_MEMORY_STATS_INIT, after = TG_MEMORY_STATS_INIT;
    struct rusage usage_before, usage_after;
    if (tg_memory_stats(&before) != TG_OK)
        die("memory_stats");
    uint64_t calls = counter_calls();
    getrusage(RUSAGE_SELF, &usage_before);
    train(&t, 1000);
    getrusage(RUSAGE_SELF, &usage_after);
    calls = counter_calls() - calls;
    if (tg_memory_stats(&after) != TG_OK)
        die("memory_stats");
    bench_add(&figures[TRAIN_SYSTEM], (double)(after.system_allocs - before.system_allocs));
    bench_add(&figures[TRAIN_FAULTS], (double)(usage_after.ru_minflt + usage_after.ru_majflt -
                                               usage_before.ru_minflt - usage_before.ru_majflt));
    if (COUNTER_WORKS)
        bench_add(&figures[TRAIN_MALLOC], (double)calls);
    else
        skip(TRAIN_MALLOC, "malloc cannot be counted in this build");
    training_free(&t);
}

/* ---- A matrix product ------------------------------------------------------------------------ */

enum { SIDE = 1024, PRODUCTS = 3 };

static double time_matmul(tg_tensor *a, tg_tensor *b) {
    double start = bench_now();
    tg_release(tg_matmul(a, b));
    return bench_now() - start;
}

/* A bare call of the BLAS that the library uses; NaN without one. */
static double time_bare(tg_tensor *a, tg_tensor *b, tg_tensor *c) {
#if TG_BLAS_OPENBLAS
    float *out = tg_data_mut(c);
    double start = bench_now();
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, SIDE, SIDE, SIDE, 1, tg_data(a), SIDE,
                tg_data(b), SIDE, 0, out, SIDE);
    return bench_now() - start;
#else
    (void)a, (void)b, (void)c;
    return NAN;
#endif
}

static void measure_sgemm(tg_tensor *a, tg_tensor *b, tg_tensor *c) {
    double ours[PRODUCTS], bare[PRODUCTS];
    for (int i = 0; i < PRODUCTS; i++) {
        ours[i] = time_matmul(a, b);
        bare[i] = time_bare(a, b, c);
    }
    double seconds = bench_median_of(ours, PRODUCTS);
    bench_add(&figures[SGEMM], 2.0 * SIDE * SIDE * SIDE / seconds * 1e-9);
    if (isnan(bare[0]))
        skip(SGEMM_RATIO, "this build has no OpenBLAS");
    else
        bench_add(&figures[SGEMM_RATIO], bench_median_of(bare, PRODUCTS) / seconds);
}

/* ---- A long chain on a small stack ----------------------------------------------------------- */

typedef struct {
    int64_t n;
    const char *failed;
} chain;

/* The end of a chain of n products; *seconds and *bytes per node. NULL: no memory. */
static tg_tensor *record_chain(tg_tensor *x, tg_tensor *c, int64_t n, double *seconds,
                               double *bytes) {
    tg_memory_stats_t before = TG_MEMORY_STATS_INIT, after = TG_MEMORY_STATS_INIT;
    if (tg_memory_stats(&before) != TG_OK)
        return NULL;
    double start = bench_now();
    tg_tensor *y = tg_mul(x, c);
    for (int64_t i = 1; i < n; i++) {
        tg_tensor *next = tg_mul(y, c);
        tg_release(y);
        y = next;
    }
    *seconds = (bench_now() - start) / (double)n;
    if (tg_memory_stats(&after) != TG_OK)
        return NULL;
    *bytes = (double)(after.bytes_in_use - before.bytes_in_use) / (double)n;
    return y;
}

static void *run_chain(void *ctx) {
    chain *job = ctx;
    double seconds, bytes;
    tg_tensor *x = number(1, true), *c = number(-1, false);
    tg_tensor *y = record_chain(x, c, job->n, &seconds, &bytes);
    if (y == NULL) {
        job->failed = "recording";
        return NULL;
    }
    bench_add(&figures[CHAIN_RECORD], 1e9 * seconds);
    bench_add(&figures[CHAIN_BYTES], bytes);
    double start = bench_now();
    if (tg_backward(y) != TG_OK) {
        job->failed = "backward";
        return NULL;
    }
    tg_release(y);
    bench_add(&figures[CHAIN_BACKWARD], 1e9 * (bench_now() - start) / (double)job->n);
    tg_tensor *g = tg_grad(x);
    if (tg_item(g) != (job->n % 2 == 0 ? 1 : -1))
        job->failed = "the gradient is wrong";
    tg_release(g);

    y = record_chain(x, c, job->n, &seconds, &bytes);
    start = bench_now();
    tg_release(y);
    bench_add(&figures[CHAIN_FREE], 1e9 * (bench_now() - start) / (double)job->n);
    if (tg_live_nodes() != 0)
        job->failed = "nodes are left";
    tg_release(x);
    tg_release(c);
    return NULL;
}

/* Thread-local variables of all libraries lie in a thread's stack, and OpenBLAS alone has 60 KiB.
 */
static int add_local_storage(struct dl_phdr_info *info, size_t size, void *bytes) {
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_TLS)
            *(size_t *)bytes += info->dlpi_phdr[i].p_memsz + info->dlpi_phdr[i].p_align;
    return 0;
}

static void measure_chain(int64_t n) {
    char why[96];
    pthread_t thread;
    pthread_attr_t attributes;
    double room = bench_memory_free();
    snprintf(why, sizeof why, "%.1f GiB are free, 12 are needed", room);
    if (n == 0)
        snprintf(why, sizeof why, "--chain 0");
    if (n == 0 || room < 12) {
        for (int f = CHAIN_RECORD; f <= CHAIN_BYTES; f++)
            skip(f, why);
        return;
    }
    chain job = {n, NULL};
    size_t stack = 64 * 1024;
    dl_iterate_phdr(add_local_storage, &stack);
    if (pthread_attr_init(&attributes) != 0 ||
        pthread_attr_setstacksize(&attributes, (stack + 4095) & ~(size_t)4095) != 0 ||
        pthread_create(&thread, &attributes, run_chain, &job) != 0)
        die("no thread with a stack of 64 KiB");
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    if (job.failed != NULL) {
        fprintf(stderr, "foundation: chain: %s\n", job.failed);
        exit(1);
    }
    tg_memory_trim(0);
}

/* ---- The library as a file ------------------------------------------------------------------- */

/* Runs a command and reads the first line of its output. */
static bool first_line(const char *command, char *line, int cap) {
    FILE *f = popen(command, "r");
    bool good = f != NULL && fgets(line, cap, f) != NULL;
    return f != NULL && pclose(f) == 0 && good;
}

/* Where a function's library is. */
static const char *library_of(void *function) {
    Dl_info info;
    return dladdr(function, &info) != 0 ? info.dli_fname : "";
}

static void measure_library(int rounds, const char *load) {
    char command[2048], line[256];
    const char *library = library_of((void *)(uintptr_t)tg_version), *blas = "";
#if TG_BLAS_OPENBLAS
    blas = library_of((void *)(uintptr_t)cblas_sgemm);
#endif
    snprintf(command, sizeof command,
             "t=$(mktemp) && strip -s -o \"$t\" '%s' && wc -c < \"$t\"; rm -f \"$t\"", library);
    if (first_line(command, line, sizeof line))
        bench_add(&figures[LIBRARY_SIZE], strtod(line, NULL));
    else
        skip(LIBRARY_SIZE, "strip cannot be run");
    snprintf(command, sizeof command, "'%s' '%s' %s", load != NULL ? load : "false", library, blas);
    for (int i = 0; i < rounds; i++) {
        char *end;
        if (load == NULL || !first_line(command, line, sizeof line)) {
            skip(LOAD_TIME, "give the program 'load' with --load");
            skip(LOAD_THREADS, "give the program 'load' with --load");
            return;
        }
        bench_add(&figures[LOAD_TIME], strtod(line, &end));
        bench_add(&figures[LOAD_THREADS], strtod(end, NULL));
    }
}

/* ---- All together ---------------------------------------------------------------------------- */

typedef struct {
    int rounds;
    int64_t chain;
    const char *load, *json;
    peer torch, binding;
    double foreign; /* CPUs that others used while we measured */
} settings;

static void add_unless_nan(int figure, double value) {
    if (!isnan(value))
        bench_add(&figures[figure], value);
}

static void run_rounds(settings *s) {
    double others = 0, wall = 0;
    neuron n = {number(2, false), number(5, false), number(0.5, true), number(0.1, true)};
    tg_tensor *a = tg_randn(TG_F32, TG_SHAPE(SIDE, SIDE), NULL);
    tg_tensor *b = tg_randn(TG_F32, TG_SHAPE(SIDE, SIDE), NULL);
    tg_tensor *c = tg_zeros(TG_F32, TG_SHAPE(SIDE, SIDE));
    training t = training_new();
    if (a == NULL || b == NULL || c == NULL)
        die("matrices");
    check_step(&n);
    for (int round = -1; round < s->rounds; round++) { /* the first warms up */
        if (round == 0)
            for (int f = 0; f < FIGURES; f++)
                figures[f].n = 0;
        double start = bench_now(), all = bench_all_cpu();
        double own = bench_clock(CLOCK_PROCESS_CPUTIME_ID);
        bench_add(&figures[ADD], time_add(n.x, n.y));
        bench_add(&figures[MUL], time_mul(n.w, n.x));
        bench_add(&figures[BACKWARD], time_backward(n.w, n.x));
        bench_add(&figures[BACKWARD_BOTH], time_backward(n.w, n.b));
        bench_add(&figures[TRAIN], time_training(&t));
        measure_sgemm(a, b, c);
        double step = time_step(&n);
        bench_add(&figures[STEP_C], step);
        others += bench_all_cpu() - all - (bench_clock(CLOCK_PROCESS_CPUTIME_ID) - own);
        wall += bench_now() - start;
        double torch = peer_time(&s->torch), binding = peer_time(&s->binding);
        add_unless_nan(STEP_TORCH, torch);
        add_unless_nan(STEP_BINDING, binding);
        add_unless_nan(FASTER_C, torch / step);
        add_unless_nan(FASTER_BINDING, torch / binding);
    }
    s->foreign = others > 0 ? others / wall : 0;
    skip(STEP_TORCH, "no Python with PyTorch was given");
    skip(FASTER_C, "no Python with PyTorch was given");
    skip(STEP_BINDING, "the Python binding was not given");
    skip(FASTER_BINDING, "PyTorch or the Python binding was not given");
    training_free(&t);
    tg_tensor *const all[] = {a, b, c, n.x, n.y, n.w, n.b};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        tg_release(all[i]);
}

static void report(const settings *s) {
    char machine[256];
    bench_machine(machine, sizeof machine);
    printf("%s\n%s", machine, tg_build_info());
    printf("PyTorch: %s; binding: %s\n", s->torch.version[0] ? s->torch.version : "none",
           s->binding.version[0] ? s->binding.version : "none");
    printf("%d rounds; other processes used %.2f CPUs meanwhile\n\n", s->rounds, s->foreign);
    printf("%-46s %10s %-8s %-22s %s\n", "", "median", "", "range", "goal");
    for (int f = 0; f < FIGURES; f++)
        bench_print(&figures[f]);
    if (s->json == NULL)
        return;
    FILE *file = fopen(s->json, "w");
    if (file == NULL) {
        fprintf(stderr, "foundation: cannot write %s\n", s->json);
        exit(1);
    }
    fprintf(file, "{\n  \"version\": \"%s\",\n  \"machine\": \"%s\",\n", tg_version(), machine);
    fprintf(file, "  \"torch\": \"%s\",\n  \"binding\": \"%s\",\n  \"foreign_cpus\": %.3f,\n",
            s->torch.version, s->binding.version, s->foreign);
    fprintf(file, "  \"figures\": [\n");
    for (int f = 0; f < FIGURES; f++) {
        bench_print_json(&figures[f], file);
        fprintf(file, f + 1 < FIGURES ? ",\n" : "\n  ]\n}\n");
    }
    fclose(file);
}

static bool parse(settings *s, int argc, char **argv) {
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc)
            return false;
        const char *value = argv[i + 1];
        if (strcmp(argv[i], "--rounds") == 0)
            s->rounds = (int)strtol(value, NULL, 10);
        else if (strcmp(argv[i], "--chain") == 0)
            s->chain = strtoll(value, NULL, 10);
        else if (strcmp(argv[i], "--load") == 0)
            s->load = value;
        else if (strcmp(argv[i], "--json") == 0)
            s->json = value;
        else if (strcmp(argv[i], "--peer") == 0)
            peer_start(strncmp(value, "torch=", 6) == 0 ? &s->torch : &s->binding, value);
        else
            return false;
    }
    return s->rounds >= 1 && s->rounds < BENCH_ROUNDS && s->chain >= 0;
}

int main(int argc, char **argv) {
    settings s = {.rounds = 15, .chain = 10000000};
    if (!parse(&s, argc, argv)) {
        fprintf(stderr,
                "foundation [--rounds 1..%d] [--chain NODES] [--load PROGRAM] [--peer "
                "torch=COMMAND] [--peer python=COMMAND] [--json FILE]\n",
                BENCH_ROUNDS - 1);
        return 2;
    }
    if (tg_set_num_threads(1) != TG_OK)
        die("set_num_threads");
#if TG_BLAS_OPENBLAS
    openblas_set_num_threads(1); /* for the bare call */
#endif
    run_rounds(&s);
    count_training();
    measure_library(s.rounds, s.load);
    measure_chain(s.chain);
    report(&s);
    if (tg_live_tensors() != 0)
        die("tensors are left");
    return 0;
}
