/* bench.h - what the benchmarks share: a clock, medians, figures with their goals, the machine.
 *
 * A figure collects one value per round; rounds of different figures alternate, so that whatever
 * else the machine does meanwhile falls on all of them. Header only: every benchmark is one file.
 */
#ifndef TG_BENCH_H
#define TG_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define BENCH_ROUNDS 101

typedef struct {
    const char *key;  /* in JSON */
    const char *text; /* in the table */
    const char *unit;
    int goal; /* -1: at most `bound`, 1: at least, 0: no goal, for information */
    double bound;
    double values[BENCH_ROUNDS];
    int n;
    char skipped[160]; /* why there are no values */
} bench_figure;

#define BENCH_FIGURE(key_, text_, unit_, goal_, bound_)                                            \
    { .key = key_, .text = text_, .unit = unit_, .goal = goal_, .bound = bound_ }

static inline double bench_clock(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
static inline double bench_now(void) { return bench_clock(CLOCK_MONOTONIC); }

static inline void bench_add(bench_figure *f, double value) {
    if (f->n < BENCH_ROUNDS)
        f->values[f->n++] = value;
}

static int bench_compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts the values; NaN without any. */
static inline double bench_median_of(double *values, int n) {
    if (n == 0)
        return 0.0 / 0.0;
    qsort(values, (size_t)n, sizeof *values, bench_compare);
    return 0.5 * (values[(n - 1) / 2] + values[n / 2]);
}
static inline double bench_median(bench_figure *f) { return bench_median_of(f->values, f->n); }

/* One value of a figure is the median of this many short slices (about a millisecond each): where
 * the system gives the CPU to someone else for a while, that falls on few of them. */
#define BENCH_SLICES 11

static inline bool bench_met(bench_figure *f) {
    double median = bench_median(f);
    return f->goal < 0 ? median <= f->bound : median >= f->bound;
}

/* One line of the table: median, range, goal. */
static inline void bench_print(bench_figure *f) {
    if (f->n == 0) {
        printf("%-46s skipped: %s\n", f->text, f->skipped);
        return;
    }
    char range[48] = "", goal[64] = "";
    double median = bench_median(f);
    if (f->n > 1)
        snprintf(range, sizeof range, "%.4g .. %.4g", f->values[0], f->values[f->n - 1]);
    if (f->goal != 0)
        snprintf(goal, sizeof goal, "%s %-8.6g %s", f->goal < 0 ? "<=" : ">=", f->bound,
                 bench_met(f) ? "met" : "MISSED");
    printf("%-46s %10.5g %-8s %-22s %s\n", f->text, median, f->unit, range, goal);
}

static inline void bench_print_json(bench_figure *f, FILE *file) {
    fprintf(file, "    {\"key\": \"%s\", \"unit\": \"%s\"", f->key, f->unit);
    if (f->n > 0) {
        double median = bench_median(f);
        fprintf(file, ", \"median\": %.9g, \"lowest\": %.9g, \"highest\": %.9g, \"rounds\": %d",
                median, f->values[0], f->values[f->n - 1], f->n);
        if (f->goal != 0)
            fprintf(file, ", \"goal\": \"%s %.9g\", \"met\": %s",
                    f->goal < 0 ? "<=" : ">=", f->bound, bench_met(f) ? "true" : "false");
    } else {
        fprintf(file, ", \"skipped\": \"%s\"", f->skipped);
    }
    fprintf(file, "}");
}

/* ---- The machine ----------------------------------------------------------------------------- */

/* The value after `key` and a colon in a file of such lines; "?" if there is none. */
static inline void bench_line_of(const char *path, const char *key, char *out, size_t cap) {
    char line[512];
    snprintf(out, cap, "?");
    FILE *f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        char *colon = strchr(line, ':');
        if (colon == NULL || strncmp(line, key, strlen(key)) != 0)
            continue;
        colon += 1 + strspn(colon + 1, " \t");
        colon[strcspn(colon, "\n")] = '\0';
        snprintf(out, cap, "%s", colon);
        break;
    }
    if (f != NULL)
        fclose(f);
}

static inline void bench_machine(char *out, size_t cap) {
    char model[128];
    struct utsname system;
    bench_line_of("/proc/cpuinfo", "model name", model, sizeof model);
    if (uname(&system) != 0)
        snprintf(system.release, sizeof system.release, "?");
    snprintf(out, cap, "%s, %ld CPUs, %.1f GiB, Linux %s", model, sysconf(_SC_NPROCESSORS_ONLN),
             (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / (1 << 30),
             system.release);
}

/* GiB that can be had without swapping. */
static inline double bench_memory_free(void) {
    char text[64];
    bench_line_of("/proc/meminfo", "MemAvailable", text, sizeof text);
    return strtod(text, NULL) / (1 << 20);
}

/* Seconds of CPU that all processes have used; 0 if unknown. */
static inline double bench_all_cpu(void) {
    FILE *f = fopen("/proc/stat", "r");
    double v[8] = {0};
    if (f == NULL)
        return 0;
    if (fscanf(f, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5],
               &v[6], &v[7]) != 8)
        memset(v, 0, sizeof v);
    fclose(f);
    return (v[0] + v[1] + v[2] + v[5] + v[6] + v[7]) / (double)sysconf(_SC_CLK_TCK);
}

#endif
