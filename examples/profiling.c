/* profiling.c - where the time of a training step goes, and what it did.
 *
 * A small network is trained for some steps while a profile is open. Its trace, for
 * chrome://tracing or ui.perfetto.dev, goes to the file that the first argument names. Then what
 * does not depend on the machine is printed: calls, bytes and FLOPs of each operation. One step
 * more is traced and drawn in Graphviz's language. */
#include <tensorgrad/tensorgrad.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 20, BATCH = 32, IN = 8, HIDDEN = 16 };

static int report_error(void) {
    fprintf(stderr, "%s\n", tg_error_message());
    return 1;
}

static tg_tensor *network(tg_tensor *x, tg_tensor *const *w) {
    return tg_matmul(tg_tanh(tg_matmul(x, w[0])), w[1]);
}

static int train(tg_tensor *x, tg_tensor *y, tg_tensor *const *w) {
    tg_optimizer *opt =
        tg_sgd_new(w, 2, &(tg_sgd_options){.size = sizeof(tg_sgd_options), .lr = 0.1});
    int failed = opt == NULL;
    for (int step = 0; step < STEPS && !failed; step++) {
        tg_scope s = tg_scope_open();
        tg_tensor *error = tg_sub(network(x, w), y);
        tg_backward(tg_mean(tg_mul(error, error), TG_ALL, false));
        tg_optimizer_step(opt);
        tg_optimizer_zero_grad(opt);
        failed = tg_scope_close(s) != TG_OK;
    }
    tg_optimizer_free(opt);
    return failed;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const tg_profile_row_info *)a)->op, ((const tg_profile_row_info *)b)->op);
}

/* The table without times, by name. tg_profile_print has them too. */
static int print_counts(const tg_profile *profile) {
    tg_profile_row_info rows[32];
    int n = (int)tg_profile_rows(profile);
    if (n < 0 || n > 32)
        return 1;
    for (int i = 0; i < n; i++)
        if (tg_profile_row(profile, i, &rows[i]) != TG_OK)
            return 1;
    qsort(rows, (size_t)n, sizeof *rows, by_name);
    printf("op        calls    bytes    FLOPs  rules    bytes    FLOPs\n");
    for (int i = 0; i < n; i++)
        printf("%-8s %6lld %8llu %8.0f %6lld %8llu %8.0f\n", rows[i].op, (long long)rows[i].calls,
               (unsigned long long)rows[i].bytes, rows[i].flops, (long long)rows[i].backward_calls,
               (unsigned long long)rows[i].backward_bytes, rows[i].backward_flops);
    return 0;
}

static int write_trace(const tg_profile *profile, const char *path) {
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        perror(path);
        return 1;
    }
    int failed = tg_profile_write_trace(profile, file) != TG_OK;
    return fclose(file) != 0 || failed;
}

static int draw(tg_tensor *x, tg_tensor *const *w) {
    tg_scope s = tg_scope_open();
    tg_trace_t *trace = tg_trace_begin();
    network(x, w);
    tg_graph *graph = tg_graph_from_trace(trace);
    tg_graph_label(graph, tg_graph_find(graph, x), "x");
    tg_graph_label(graph, tg_graph_find(graph, w[0]), "w0");
    tg_graph_label(graph, tg_graph_find(graph, w[1]), "w1");
    int failed = tg_graph_write_dot(graph, stdout) != TG_OK;
    tg_graph_free(graph);
    failed |= tg_trace_free(trace) != TG_OK;
    return tg_scope_close(s) != TG_OK || failed;
}

int main(int argc, char **argv) {
    const char *path = argc > 1 ? argv[1] : "profiling.json";
    tg_scope s = tg_scope_open();
    tg_manual_seed(1);
    tg_tensor *x = tg_randn(TG_F32, TG_SHAPE(BATCH, IN), NULL);
    tg_tensor *y = tg_randn(TG_F32, TG_SHAPE(BATCH, 1), NULL);
    tg_tensor *w[] = {tg_requires_grad_(tg_randn(TG_F32, TG_SHAPE(IN, HIDDEN), NULL), true),
                      tg_requires_grad_(tg_randn(TG_F32, TG_SHAPE(HIDDEN, 1), NULL), true)};
    tg_profile *profile = tg_profile_begin(NULL);
    int failed = train(x, y, w) || tg_profile_end(profile) != TG_OK;
    failed = failed || write_trace(profile, path) || print_counts(profile) || draw(x, w);
    if (failed && tg_error_status() != TG_OK)
        report_error();
    failed |= tg_profile_free(profile) != TG_OK;
    failed |= tg_scope_close(s) != TG_OK;
    return failed || tg_live_tensors() != 0;
}

/* expected output of: profiling profiling.json
op        calls    bytes    FLOPs  rules    bytes    FLOPs
matmul       40   116480   184320     40   161280   204800
mean         20     2640      640     20      240       20
mul          20     7680      640     20    15360     1280
sub          20     7680      640     20        0        0
tanh         20    81920    10240     20   122880    10240
digraph tensorgrad {
  node [shape=box, style=filled, fillcolor=white, fontname="sans-serif"];
  n0 [label="x\nf32 [32, 8]", fillcolor="#dbe9f6"];
  n1 [label="w0\nf32 [8, 16]", fillcolor="#dbe9f6"];
  n2 [label="w1\nf32 [16, 1]", fillcolor="#dbe9f6"];
  n3 [label="matmul\nf32 [32, 16]", style="rounded,filled"];
  n4 [label="tanh\nf32 [32, 16]", style="rounded,filled"];
  n5 [label="matmul\nf32 [32, 1]", style="rounded,filled", penwidth=2];
  n0 -> n3;
  n1 -> n3;
  n3 -> n4;
  n4 -> n5;
  n2 -> n5;
}
*/
