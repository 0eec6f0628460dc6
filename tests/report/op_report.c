/* op_report.c - what the table of operations holds, in numbers and op by op, as Markdown.
 *
 *     op_report               prints it
 *     op_report FILE          fails if the file holds something else
 *
 * Which dtypes an operation takes is found by calling its samples with each. */
#include "samples.h"
#include "tg_test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAMILIES 128
#define DTYPES (TG_BF16 + 1)

typedef struct {
    const char *name;
    tg_op_info info;
    char family[40];
    bool takes[DTYPES];
    int samples, golden;
} row;

static row rows[1024];
static int n_rows;
static char families[FAMILIES][40];
static int n_families;

static row *row_of(const char *name, size_t n) {
    for (int i = 0; i < n_rows; i++)
        if (strlen(rows[i].name) == n && strncmp(rows[i].name, name, n) == 0)
            return &rows[i];
    return NULL;
}

/* ---- What the source tree says ---- */

/* Calls `visit` with every line of every file in a directory whose name ends so. */
static void each_line(const char *directory, const char *ending,
                      void (*visit)(const char *file, const char *line)) {
    char path[512];
    snprintf(path, sizeof path, TG_TEST_SOURCE_DIR "/%s", directory);
    struct dirent **list;
    int n = scandir(path, &list, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        size_t length = strlen(list[i]->d_name);
        size_t tail = strlen(ending);
        if (length > tail && strcmp(list[i]->d_name + length - tail, ending) == 0) {
            snprintf(path, sizeof path, TG_TEST_SOURCE_DIR "/%s/%s", directory, list[i]->d_name);
            FILE *file = fopen(path, "r");
            assert_non_null(file);
            char *line = NULL;
            size_t capacity = 0;
            while (getline(&line, &capacity, file) > 0)
                visit(list[i]->d_name, line);
            free(line);
            fclose(file);
        }
        free(list[i]);
    }
    free(list);
}

static void find_family(const char *file, const char *line) {
    if (strncmp(line, "TG_OP(", 6) != 0)
        return;
    row *r = row_of(line + 6, strcspn(line + 6, ","));
    if (r == NULL)
        return;
    snprintf(r->family, sizeof r->family, "%.*s", (int)strcspn(file, "."), file);
    if (n_families == 0 || strcmp(families[n_families - 1], r->family) != 0)
        snprintf(families[n_families++], sizeof *families, "%s", r->family);
    assert_true(n_families < FAMILIES);
}

static int golden_cases;

static void count_golden(const char *file, const char *line) {
    (void)file;
    if (strncmp(line, "case ", 5) != 0)
        return;
    golden_cases++;
    row *r = row_of(line + 5, strcspn(line + 5, " "));
    if (r != NULL)
        r->golden++;
}

static int functions, in_place_functions;

static void count_functions(const char *file, const char *line) {
    if (strncmp(file, "ops_", 4) != 0 && strcmp(file, "random.h") != 0)
        return;
    if (strncmp(line, "TG_API ", 7) != 0)
        return;
    functions++;
    const char *end = strchr(line, '(');
    in_place_functions += end != NULL && end[-1] == '_';
}

/* ---- What the operations do ---- */

static bool works_in(const sample *s, tg_dtype dtype) {
    tg_scope scope = tg_scope_open();
    tg_tensor *in[SAMPLE_INPUTS];
    tg_tensor *out[SAMPLE_OUTPUTS];
    bool has_float = false;
    for (int i = 0; i < s->n_in; i++) {
        in[i] = sample_plain(s, i, dtype, 29);
        has_float |= sample_is_float(s, i);
    }
    bool works = has_float && sample_call(s, in, out) == TG_OK;
    (void)!tg_scope_close(scope);
    tg_error_clear();
    return works;
}

static void collect(void) {
    n_rows = tg_op_count();
    for (int i = 0; i < n_rows; i++) {
        assert_int_equal(tg_op_describe(i, &rows[i].info), TG_OK);
        rows[i].name = rows[i].info.name;
    }
    each_line("src/ops", ".c", find_family);
    each_line("tests/golden", ".txt", count_golden);
    each_line("include/tensorgrad", ".h", count_functions);
    for (int i = 0; i < sample_count(); i++) {
        sample s;
        sample_get(i, &s);
        row *r = &rows[s.number];
        r->samples++;
        for (tg_dtype d = TG_F32; d < DTYPES; d++)
            r->takes[d] |= works_in(&s, d);
    }
}

/* ---- Printing ---- */

static int count(bool (*is)(const row *r)) {
    int n = 0;
    for (int i = 0; i < n_rows; i++)
        n += !rows[i].info.internal && is(&rows[i]);
    return n;
}
static bool any(const row *r) { return r != NULL; }
static bool differentiable(const row *r) { return r->info.differentiable; }
static bool second_order(const row *r) { return r->info.differentiable && r->samples > 0; }
static bool in_place(const row *r) { return r->info.in_place; }
static bool one_operator(const row *r) { return r->info.onnx_opset > 0; }
static bool composed(const row *r) { return strcmp(r->info.onnx, "composed") == 0; }
static bool has_golden(const row *r) { return r->golden > 0; }

static void print_counts(FILE *out) {
    int internal = 0;
    for (int i = 0; i < n_rows; i++)
        internal += rows[i].info.internal;
    fprintf(out, "| | |\n|---|---|\n");
    fprintf(out, "| public operations | %d |\n", count(any));
    fprintf(out, "| operations that only gradient rules use | %d |\n", internal);
    fprintf(out, "| public functions in `ops_*.h` and `random.h` | %d |\n", functions);
    fprintf(out, "| of them working in place | %d |\n", in_place_functions);
    fprintf(out, "| differentiable | %d |\n", count(differentiable));
    fprintf(out, "| differentiable with a tested second derivative | %d |\n", count(second_order));
    fprintf(out, "| with an in-place form | %d |\n", count(in_place));
    fprintf(out, "| one ONNX operator | %d |\n", count(one_operator));
    fprintf(out, "| a composition of ONNX operators | %d |\n", count(composed));
    fprintf(out, "| without a way to ONNX | %d |\n",
            count(any) - count(one_operator) - count(composed));
    fprintf(out, "| sample lines (each called in four layouts and all dtypes) | %d |\n",
            sample_count());
    fprintf(out, "| golden cases from PyTorch | %d |\n", golden_cases);
    fprintf(out, "| operations with golden cases | %d |\n\n", count(has_golden));
    fprintf(out, "Operations that take a dtype where a sample has numbers:\n\n|");
    for (int d = 0; d < DTYPES; d++)
        fprintf(out, " %s |", tg_dtype_name((tg_dtype)d));
    fprintf(out, "\n|");
    for (int d = 0; d < DTYPES; d++)
        fprintf(out, "---|");
    fprintf(out, "\n|");
    for (int d = 0; d < DTYPES; d++) {
        int n = 0;
        for (int i = 0; i < n_rows; i++)
            n += !rows[i].info.internal && rows[i].takes[d];
        fprintf(out, " %d |", n);
    }
    fprintf(out, "\n");
}

/* "x, dim=-1, keepdim" */
static void print_call(FILE *out, const row *r, int number) {
    const char *lead = "";
    for (int k = 0; k < r->info.n_attrs; k++) {
        tg_attr a;
        bool required;
        assert_int_equal(tg_op_attr(number, k, &a, &required), TG_OK);
        fprintf(out, "%s%s", lead, a.name);
        if (!required && a.type == TG_ATTR_FLOAT)
            fprintf(out, "=%g", a.f);
        else if (!required && (a.type == TG_ATTR_INT || a.type == TG_ATTR_BOOL))
            fprintf(out, a.i == INT64_MAX ? "=end" : "=%lld", (long long)a.i);
        lead = ", ";
    }
}

static void escape(FILE *out, const char *text) {
    for (; *text != '\0'; text++)
        fprintf(out, *text == '|' ? "\\|" : "%c", *text);
}

static void print_family(FILE *out, const char *family) {
    bool headed = false;
    for (int i = 0; i < n_rows; i++) {
        const row *r = &rows[i];
        if (strcmp(r->family, family) != 0 || r->info.internal)
            continue;
        if (!headed)
            fprintf(out,
                    "\n### %s.c\n\n| operation | | attributes | derivative | in place | ONNX |\n"
                    "|---|---|---|---|---|---|\n",
                    family);
        headed = true;
        fprintf(out, "| %s | ", r->name);
        escape(out, r->info.maths);
        fprintf(out, " | ");
        print_call(out, r, i);
        fprintf(out, " | %s | %s | %s", r->info.differentiable ? "yes" : "no",
                r->info.in_place ? "yes" : "", r->info.onnx);
        if (r->info.onnx_opset > 0)
            fprintf(out, " %d", r->info.onnx_opset);
        fprintf(out, " |\n");
    }
}

static void print_all(FILE *out) {
    fprintf(out,
            "# Operations\n\nWritten by `sh scripts/ops.sh`; do not edit. The comments in "
            "`include/tensorgrad/ops_*.h` are the\nreference. `tg_op_call` calls each by name; "
            "its inputs come first, then the attributes.\n\n## Counts\n\n");
    print_counts(out);
    fprintf(out, "\n## By file\n\nDerivative: of first and second order, both tested. ONNX: the "
                 "operator and the first opset of the form\nused; `composed`: several operators; "
                 "`none`: ONNX has no way to say it.\n");
    for (int i = 0; i < n_families; i++)
        print_family(out, families[i]);
}

static int check(const char *path) {
    char *text = NULL;
    size_t n = 0;
    FILE *memory = open_memstream(&text, &n);
    assert_non_null(memory);
    print_all(memory);
    fclose(memory);
    FILE *file = fopen(path, "r");
    char *present = calloc(n + 2, 1);
    size_t got = file != NULL && present != NULL ? fread(present, 1, n + 1, file) : 0;
    bool same = got == n && memcmp(present, text, n) == 0;
    if (file != NULL)
        fclose(file);
    free(present);
    free(text);
    if (!same)
        printf("%s is stale: run scripts/ops.sh\n", path);
    return same ? 0 : 1;
}

int main(int argc, char **argv) {
    collect();
    if (argc > 1)
        return check(argv[1]);
    print_all(stdout);
    return 0;
}
