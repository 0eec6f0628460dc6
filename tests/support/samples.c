/* samples.c - parsing sample lines and making tensors of them. */
#include "samples.h"

#include "tg_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *op;
    const char *lines[16];
} sample_lines;

/* One struct per op; an op without samples does not compile here. */
#define TG_SAMPLES(name, ...) static const sample_lines samples_##name = {#name, {__VA_ARGS__}}
#include "op_samples.h"

static const sample_lines *const table[] = {
#define TG_OP_X(name) &samples_##name,
#include "op_list.h"
#undef TG_OP_X
};

static int lines_of(const sample_lines *t) {
    int n = 0;
    while (n < 16 && t->lines[n] != NULL)
        n++;
    return n;
}

/* Whether TG_TEST_OPS names the op, or a beginning of it before a *. */
static bool chosen(const char *op) {
    const char *list = getenv("TG_TEST_OPS");
    if (list == NULL || *list == '\0')
        return true;
    for (size_t n; *list != '\0'; list += n + (list[n] == ',')) {
        n = strcspn(list, ",");
        bool prefix = n > 0 && list[n - 1] == '*';
        if (strncmp(op, list, prefix ? n - 1 : n) == 0 && (prefix || op[n] == '\0'))
            return true;
    }
    return false;
}

bool sample_all(void) { return chosen("\1"); }

int sample_count(void) {
    static int count = -1;
    if (count < 0) {
        count = 0;
        for (size_t i = 0; i < sizeof table / sizeof *table; i++)
            count += chosen(table[i]->op) ? lines_of(table[i]) : 0;
    }
    return count;
}

const char *layout_name(layout l) {
    static const char *const names[] = {"contiguous", "transposed", "sliced", "expanded"};
    return names[l];
}

/* ---- Parsing ---- */

static void bad(const sample *s, const char *at, const char *why) {
    fail_msg("sample of %s: \"%s\": %s at \"%s\"", s->op, s->text, why, at);
}

static const char *parse_shape(const sample *s, const char *p, sample_input *in) {
    if (*p != '[')
        bad(s, p, "expected [");
    p++;
    while (*p != ']') {
        char *end;
        if (in->ndim == TG_MAX_DIMS)
            bad(s, p, "too many dims");
        in->shape[in->ndim++] = strtoll(p, &end, 10);
        if (end == p)
            bad(s, p, "expected a size");
        p = *end == ',' ? end + 1 : end;
    }
    return p + 1;
}

static const char *parse_input(sample *s, const char *p) {
    sample_input *in = &s->in[s->n_in++];
    memset(in, 0, sizeof *in);
    if (strncmp(p, "none", 4) == 0) {
        in->kind = 'n';
        return p + 4;
    }
    in->kind = *p == '[' ? 'x' : *p++;
    if (strchr("x+>%bispw", in->kind) == NULL)
        bad(s, p - 1, "unknown kind");
    p = parse_shape(s, p, in);
    if (*p == '<') {
        char *end;
        in->bound = strtoll(p + 1, &end, 10);
        p = end;
    }
    if (strncmp(p, "@c", 2) == 0) {
        in->contiguous_only = true;
        p += 2;
    }
    return p;
}

static tg_index_item parse_item(const char *text) {
    if (strcmp(text, "...") == 0)
        return (tg_index_item)TG_ELLIPSIS;
    if (strcmp(text, "none") == 0)
        return (tg_index_item)TG_NEWAXIS;
    const char *colon = strchr(text, ':');
    if (strcmp(text, "t") == 0)
        return (tg_index_item){.kind = TG_INDEX_TENSOR};
    if (colon == NULL)
        return (tg_index_item)TG_AT(strtoll(text, NULL, 10));
    tg_index_item item = TG_EVERYTHING;
    item.start = colon == text ? 0 : strtoll(text, NULL, 10);
    const char *second = strchr(colon + 1, ':');
    if (colon[1] != '\0' && colon[1] != ':')
        item.end = strtoll(colon + 1, NULL, 10);
    if (second != NULL && second[1] != '\0')
        item.step = strtoll(second + 1, NULL, 10);
    return item;
}

static void parse_list(const sample *s, tg_attr *a, int k, char *value, sample *out) {
    char *save = NULL;
    for (char *part = strtok_r(value, ",", &save); part != NULL;
         part = strtok_r(NULL, ",", &save)) {
        if (a->n == SAMPLE_LIST)
            bad(s, part, "list too long");
        if (a->type == TG_ATTR_INDEX)
            out->items[k][a->n++] = parse_item(part);
        else
            out->ints[k][a->n++] = strtoll(part, NULL, 10);
    }
    a->ints = out->ints[k];
    a->items = out->items[k];
}

static int64_t parse_dtype(const char *name) {
    for (int d = 0; d <= TG_BF16; d++)
        if (strcmp(tg_dtype_name((tg_dtype)d), name) == 0)
            return d;
    return -1;
}

void sample_attr(sample *s, char *word) {
    char *equals = strchr(word, '=');
    if (equals == NULL || s->n_attr == SAMPLE_ATTRS)
        bad(s, word, "expected name=value");
    *equals = '\0';
    int k = s->n_attr++;
    tg_attr *a = &s->attr[k];
    bool required;
    for (int i = 0; i < s->info.n_attrs; i++) {
        assert_int_equal(tg_op_attr(s->number, i, a, &required), TG_OK);
        if (strcmp(a->name, word) == 0)
            break;
        a->name = NULL;
    }
    if (a->name == NULL)
        bad(s, word, "the op has no such attribute");
    snprintf(s->names[k], sizeof s->names[k], "%s", word);
    a->n = 0;
    switch (a->type) {
    case TG_ATTR_FLOAT:
        a->f = strtod(equals + 1, NULL);
        break;
    case TG_ATTR_DTYPE:
        a->i = parse_dtype(equals + 1);
        break;
    case TG_ATTR_INT:
    case TG_ATTR_BOOL:
        a->i = strtoll(equals + 1, NULL, 10);
        break;
    case TG_ATTR_TEXT:
        snprintf(s->texts[k], sizeof s->texts[k], "%s", equals + 1);
        a->text = s->texts[k];
        break;
    default:
        parse_list(s, a, k, equals + 1, s);
    }
}

bool sample_of(sample *s, const char *op) {
    s->op = op;
    s->text = "";
    s->number = tg_op_find(op);
    return s->number >= 0 && tg_op_describe(s->number, &s->info) == TG_OK;
}

void sample_repoint(sample *s) {
    for (int k = 0; k < s->n_attr; k++) {
        s->attr[k].ints = s->ints[k];
        s->attr[k].items = s->items[k];
        s->attr[k].text = s->texts[k];
    }
}

void sample_get(int i, sample *s) {
    const sample_lines *const *at = table;
    for (;; at++) {
        int n = chosen((*at)->op) ? lines_of(*at) : 0;
        if (i < n)
            break;
        i -= n;
    }
    const sample_lines *t = *at;
    memset(s, 0, sizeof *s);
    assert_true(sample_of(s, t->op));
    s->text = t->lines[i];
    const char *p = s->text;
    while (*p != '\0' && *p != '|') {
        p = parse_input(s, p);
        while (*p == ' ')
            p++;
    }
    if (*p != '|')
        return;
    char words[256];
    snprintf(words, sizeof words, "%s", p + 1);
    char *save = NULL;
    char *copies[SAMPLE_ATTRS];
    int n = 0;
    for (char *w = strtok_r(words, " ", &save); w != NULL && n < SAMPLE_ATTRS;
         w = strtok_r(NULL, " ", &save))
        copies[n++] = w;
    for (int k = 0; k < n; k++)
        sample_attr(s, copies[k]);
}

/* ---- Tensors ---- */

bool sample_is_float(const sample *s, int i) { return strchr("bin", s->in[i].kind) == NULL; }

static uint64_t mix(uint64_t x) {
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdu;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53u;
    return x ^ x >> 33;
}

/* In (0, 1). */
static double uniform(uint64_t seed, int64_t at) {
    return ((double)(mix(seed * 1000003u + (uint64_t)at + 1) >> 11) + 0.5) * 0x1p-53;
}

static double value_of(char kind, int64_t bound, uint64_t seed, int64_t at) {
    double u = uniform(seed, at);
    switch (kind) {
    case '+':
        return 0.5 + u;
    case '>':
        return 1.2 + 1.8 * u;
    case '%':
        return 0.05 + 0.9 * u;
    case 'b':
        return u < 0.5;
    case 'i':
        return (double)(int64_t)(u * (double)bound);
    default:
        return 4.0 * u - 2.0; /* in (-2, 2): away from 0 and from ties by far more than a step */
    }
}

/* The shape that the layout stores for an input of shape `want`. */
static void stored_shape(const sample_input *in, layout l, int64_t *shape) {
    for (int d = 0; d < in->ndim; d++)
        shape[d] = in->shape[l == LAYOUT_TRANSPOSED ? in->ndim - 1 - d : d];
    if (l == LAYOUT_SLICED && in->ndim > 0)
        shape[in->ndim - 1] = 2 * in->shape[in->ndim - 1] + 1;
    if (l == LAYOUT_EXPANDED && in->ndim > 0 && in->shape[0] > 0)
        shape[0] = 1;
}

tg_tensor *sample_leaf(const sample *s, int i, layout l, tg_dtype float_dtype, uint64_t seed) {
    const sample_input *in = &s->in[i];
    if (in->kind == 'n')
        return TG_NONE;
    int64_t shape[TG_MAX_DIMS];
    int64_t numel = 1;
    stored_shape(in, l, shape);
    for (int d = 0; d < in->ndim; d++)
        numel *= shape[d];
    double *values = calloc((size_t)numel + 1, sizeof *values);
    assert_non_null(values);
    for (int64_t k = 0; k < numel; k++)
        values[k] = value_of(in->kind, in->bound, seed + (uint64_t)i, k);
    tg_tensor *wide = tg_from_array(TG_F64, in->ndim, shape, values);
    free(values);
    tg_dtype dtype = in->kind == 'b' ? TG_BOOL : in->kind == 'i' ? TG_I64 : float_dtype;
    tg_tensor *leaf = tg_cast(wide, dtype);
    tg_release(wide);
    return leaf;
}

/* The view that the layout gives. */
static tg_tensor *laid_out(const sample_input *in, layout l, tg_tensor *leaf) {
    int dims[TG_MAX_DIMS];
    if (in->kind == 'n' || in->ndim == 0)
        return leaf;
    switch (l) {
    case LAYOUT_TRANSPOSED:
        for (int d = 0; d < in->ndim; d++)
            dims[d] = in->ndim - 1 - d;
        return tg_permute(leaf, in->ndim, dims);
    case LAYOUT_SLICED:
        return tg_slice(leaf, -1, 1, TG_SLICE_END, 2);
    case LAYOUT_EXPANDED:
        return tg_expand(leaf, in->ndim, in->shape);
    default:
        return leaf;
    }
}

/* Matrices with a property, made of any by recorded ops. */
tg_tensor *sample_view(const sample *s, int i, layout l, tg_tensor *leaf) {
    const sample_input *in = &s->in[i];
    tg_tensor *x = laid_out(in, l, leaf);
    if (strchr("spw", in->kind) == NULL || x == NULL || !tg_dtype_is_float(tg_dtype_of(x)))
        return x; /* of other dtypes only refusals are tested */
    int64_t n = in->shape[in->ndim - 2];
    int64_t m = in->shape[in->ndim - 1];
    tg_tensor *eye = tg_eye(tg_dtype_of(x), n, m);
    if (in->kind == 'w')
        return tg_add(x, tg_mul_scalar(eye, 4.0));
    tg_tensor *mirror = tg_transpose(x, -2, -1);
    if (in->kind == 'p')
        return tg_add(tg_matmul(x, mirror), eye);
    tg_tensor *apart = tg_mul(eye, tg_mul_scalar(tg_arange(tg_dtype_of(x), 0, (double)n, 1), 3.0));
    return tg_add(tg_mul_scalar(tg_add(x, mirror), 0.25), apart);
}

tg_tensor *sample_plain(const sample *s, int i, tg_dtype float_dtype, uint64_t seed) {
    if (s->in[i].kind == 'n')
        return TG_NONE;
    tg_scope scope = tg_scope_open();
    tg_tensor *leaf = sample_leaf(s, i, LAYOUT_CONTIGUOUS, float_dtype, seed);
    return tg_scope_return(scope, tg_clone(sample_view(s, i, LAYOUT_CONTIGUOUS, leaf)));
}

tg_status sample_call(const sample *s, tg_tensor *const *in, tg_tensor **out) {
    return tg_op_call(s->op, in, s->n_in, s->attr, s->n_attr, out, s->info.n_outputs);
}
