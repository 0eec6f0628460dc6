/* einsum.c - sums of products by an equation, and chains of matrix products.
 *
 * Each operand becomes a term: a tensor and one label per dim (letters, and numbers for the dims of
 * an ellipsis, counted from the right). A label that stands twice in a term is its diagonal; one
 * that nobody else needs is summed at once. Then the terms are contracted from left to right, each
 * pair by one matmul: labels in both that are needed later are its batch, the others its inner
 * dim. */
#include "base/alloc.h"
#include "ops/matrix.h"

#include <stdint.h>
#include <string.h>

#define LETTERS 52
#define LABELS (LETTERS + TG_MAX_DIMS)
#define MOST_TERMS 64

typedef struct {
    tg_tensor *x;
    int n;
    uint8_t label[TG_MAX_DIMS];
} term;

typedef struct {
    const char *equation;
    const char *at; /* being read */
    int n_in;
    int widest; /* dims of the longest ellipsis; -1 without any */
    int seen[LABELS];
    int64_t size[LABELS];
    int n_out;
    uint8_t out[LABELS];
} plan;

typedef struct {
    tg__text equation;
} einsum_attr;
static const tg__field einsum_fields[] = {
    {"equation", TG_ATTR_TEXT, offsetof(einsum_attr, equation), true, 0, 0}, {0}};

/* ---- Reading the equation ---- */

static bool malformed(const plan *p, const char *why) {
    tg__fail(TG_ERR_ARG, "einsum", "equation %s, at character %d: %s; use the form \"ij,jk->ik\"",
             tg__quote(p->equation), (int)(p->at - p->equation), why);
    return false;
}

static int letter(char c) {
    return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : -1;
}

static void skip_blanks(plan *p) { p->at += strspn(p->at, " "); }

/* Reads one subscript list; *dots is where the ellipsis stands, -1 without. */
static bool read_list(plan *p, uint8_t *label, int most, int *n, int *dots) {
    *n = 0;
    *dots = -1;
    for (skip_blanks(p); *p->at != '\0' && *p->at != ',' && *p->at != '-'; skip_blanks(p)) {
        if (*p->at == '.') {
            if (strncmp(p->at, "...", 3) != 0)
                return malformed(p, "a dot that is no part of \"...\"");
            if (*dots >= 0)
                return malformed(p, "a second ellipsis");
            *dots = *n;
            p->at += 3;
            continue;
        }
        int l = letter(*p->at);
        if (l < 0)
            return malformed(p, "expected a letter, \"...\", \",\" or \"->\"");
        if (*n == most)
            return malformed(p, "too many subscripts");
        label[(*n)++] = (uint8_t)l;
        p->at++;
    }
    return true;
}

/* The labels of operand i, its ellipsis filled in. */
static bool read_operand(plan *p, int i, term *t) {
    int n;
    int dots;
    uint8_t label[TG_MAX_DIMS];
    const char *start = p->at;
    if (!read_list(p, label, TG_MAX_DIMS, &n, &dots))
        return false;
    int hidden = t->x->ndim - n;
    if (hidden < 0 || (hidden > 0 && dots < 0)) {
        tg__fail(
            TG_ERR_SHAPE, "einsum",
            "equation %s: operand %d is %s and has %d subscripts at character %d; give one per "
            "dim%s",
            tg__quote(p->equation), i, tg__describe(t->x), n, (int)(start - p->equation),
            hidden > 0 ? ", and \"...\" for the others" : "");
        return false;
    }
    t->n = 0;
    for (int k = 0; k <= n; k++) {
        if (k == dots)
            for (int h = hidden; h > 0; h--)
                t->label[t->n++] = (uint8_t)(LABELS - h);
        if (k < n)
            t->label[t->n++] = label[k];
    }
    if (dots >= 0 && hidden > p->widest)
        p->widest = hidden;
    return true;
}

/* Sizes of equal labels must be equal, or 1 in different operands. */
static bool note_sizes(plan *p, int i, const term *t) {
    int64_t own[LABELS];
    memset(own, -1, sizeof own);
    for (int k = 0; k < t->n; k++) {
        int l = t->label[k];
        int64_t s = t->x->shape[k];
        int64_t other = own[l] >= 0 ? own[l] : p->seen[l] > 0 ? p->size[l] : s;
        if (s != other && (own[l] >= 0 || (s != 1 && other != 1))) {
            tg__fail(TG_ERR_SHAPE, "einsum",
                     "equation %s: dim %d of operand %d (%s) has size %lld where the same "
                     "subscript has %lld; they must be equal or 1",
                     tg__quote(p->equation), k, i, tg__describe(t->x), (long long)s,
                     (long long)other);
            return false;
        }
        own[l] = s;
        if (p->seen[l]++ == 0 || p->size[l] == 1)
            p->size[l] = s;
    }
    return true;
}

/* Without "->": the dims of the ellipsis, then the letters that stand once, in order. */
static void implicit_output(plan *p) {
    for (int h = p->widest; h > 0; h--)
        p->out[p->n_out++] = (uint8_t)(LABELS - h);
    for (int l = 0; l < LETTERS; l++)
        if (p->seen[l] == 1)
            p->out[p->n_out++] = (uint8_t)l;
}

static bool explicit_output(plan *p) {
    uint8_t label[LETTERS];
    int n;
    int dots;
    if (!read_list(p, label, LETTERS, &n, &dots))
        return false;
    if (*p->at != '\0')
        return malformed(p, "expected the end after the output's subscripts");
    for (int k = 0; k <= n; k++) {
        if (k == dots)
            for (int h = p->widest; h > 0; h--)
                p->out[p->n_out++] = (uint8_t)(LABELS - h);
        if (k == n)
            break;
        if (p->seen[label[k]] == 0)
            return malformed(p, "the output has a subscript that no operand has");
        if (memchr(label, label[k], (size_t)k) != NULL)
            return malformed(p, "the output has a subscript twice");
        p->out[p->n_out++] = label[k];
    }
    return true;
}

static bool read_equation(plan *p, tg_tensor *const *in, term *terms) {
    p->at = p->equation;
    p->widest = -1;
    for (int i = 0; i < p->n_in; i++) {
        terms[i].x = in[i];
        if (i > 0 && *p->at++ != ',') {
            tg__fail(TG_ERR_ARG, "einsum",
                     "equation %s names %d operand%s and %d came; give as many",
                     tg__quote(p->equation), i, i == 1 ? "" : "s", p->n_in);
            return false;
        }
        if (!read_operand(p, i, &terms[i]) || !note_sizes(p, i, &terms[i]))
            return false;
    }
    if (*p->at == ',') {
        tg__fail(TG_ERR_ARG, "einsum",
                 "equation %s names more than the %d operand%s that came; give as many",
                 tg__quote(p->equation), p->n_in, p->n_in == 1 ? "" : "s");
        return false;
    }
    if (*p->at == '\0')
        implicit_output(p);
    else if (strncmp(p->at, "->", 2) != 0)
        return malformed(p, "expected \"->\"");
    else {
        p->at += 2;
        if (!explicit_output(p))
            return false;
    }
    if (p->n_out <= TG_MAX_DIMS)
        return true;
    tg__fail(TG_ERR_SHAPE, "einsum", "equation %s gives %d dims; at most %d are possible",
             tg__quote(p->equation), p->n_out, TG_MAX_DIMS);
    return false;
}

/* ---- Terms ---- */

static int find(const term *t, int label) {
    for (int k = 0; k < t->n; k++)
        if (t->label[k] == label)
            return k;
    return -1;
}

static void remove_dim(term *t, int k) {
    memmove(t->label + k, t->label + k + 1, (size_t)(--t->n - k));
}

static void take_diagonals(term *t) {
    for (int k = 0; k < t->n; k++)
        for (int j = k + 1; j < t->n; j++)
            if (t->label[j] == t->label[k]) {
                uint8_t label = t->label[k];
                t->x = tg_diagonal(t->x, 0, k, j);
                remove_dim(t, j);
                remove_dim(t, k);
                t->label[t->n++] = label;
                k = -1;
                break;
            }
}

/* Sums over the dims whose labels are not needed. */
static void sum_unneeded(term *t, const bool *needed) {
    int dims[TG_MAX_DIMS];
    int n = 0;
    int kept = 0;
    for (int k = 0; k < t->n; k++)
        if (needed[t->label[k]])
            t->label[kept++] = t->label[k];
        else
            dims[n++] = k;
    t->n = kept;
    if (n > 0)
        t->x = tg_sum(t->x, n, dims, false);
}

/* Labels of the output and of the terms from `first` on. */
static void mark_needed(const plan *p, const term *terms, int first, bool *needed) {
    memset(needed, 0, LABELS);
    for (int k = 0; k < p->n_out; k++)
        needed[p->out[k]] = true;
    for (int i = first; i < p->n_in; i++)
        for (int k = 0; k < terms[i].n; k++)
            needed[terms[i].label[k]] = true;
}

/* A dim of size 1 against a larger one of the other term goes. */
static void drop_ones(term *t, const term *other) {
    for (int k = t->n - 1; k >= 0 && t->x != NULL && other->x != NULL; k--) {
        int j = find(other, t->label[k]);
        if (j < 0 || t->x->shape[k] != 1 || other->x->shape[j] == 1)
            continue;
        t->x = tg_squeeze(t->x, TG_DIMS(k));
        remove_dim(t, k);
    }
}

/* The labels of a and b in four groups. */
typedef struct {
    int batch, only_a, only_b, inner;
    uint8_t label[4][TG_MAX_DIMS];
} groups;

/* t's dims in the order of three groups of labels, as a tensor of three dims. */
static tg_tensor *as_three(const term *t, const uint8_t *const *label, const int *n) {
    int order[TG_MAX_DIMS];
    int64_t size[3];
    int at = 0;
    if (t->x == NULL)
        return NULL;
    for (int g = 0; g < 3; g++) {
        size[g] = 1;
        for (int k = 0; k < n[g]; k++) {
            order[at] = find(t, label[g][k]);
            size[g] *= t->x->shape[order[at++]];
        }
    }
    return tg_reshape(tg_permute(t->x, at, order), TG_SHAPE(size[0], size[1], size[2]));
}

/* a becomes the contraction of a and b. */
static bool contract(term *a, const term *b, const bool *needed) {
    groups g = {0};
    for (int k = 0; k < a->n; k++) {
        uint8_t l = a->label[k];
        if (find(b, l) < 0)
            g.label[1][g.only_a++] = l;
        else if (needed[l])
            g.label[0][g.batch++] = l;
        else
            g.label[3][g.inner++] = l;
    }
    for (int k = 0; k < b->n; k++)
        if (find(a, b->label[k]) < 0)
            g.label[2][g.only_b++] = b->label[k];
    int n = g.batch + g.only_a + g.only_b;
    if (n > TG_MAX_DIMS) {
        tg__fail(TG_ERR_SHAPE, "einsum", "an intermediate of %d dims; at most %d are possible", n,
                 TG_MAX_DIMS);
        return false;
    }
    int64_t shape[TG_MAX_DIMS];
    uint8_t label[TG_MAX_DIMS];
    n = 0;
    for (int group = 0; group < 3; group++) {
        const int count = group == 0 ? g.batch : group == 1 ? g.only_a : g.only_b;
        const term *from = group == 2 ? b : a;
        for (int k = 0; k < count; k++) {
            label[n] = g.label[group][k];
            shape[n++] = from->x->shape[find(from, g.label[group][k])];
        }
    }
    tg_tensor *left = as_three(a, (const uint8_t *[]){g.label[0], g.label[1], g.label[3]},
                               (int[]){g.batch, g.only_a, g.inner});
    tg_tensor *right = as_three(b, (const uint8_t *[]){g.label[0], g.label[3], g.label[2]},
                                (int[]){g.batch, g.inner, g.only_b});
    /* without inner dims: [batch, a, 1] times [batch, 1, b] */
    tg_tensor *y = g.inner == 0 ? tg_mul(left, right) : tg_matmul(left, right);
    a->x = tg_reshape(y, n, shape);
    a->n = n;
    memcpy(a->label, label, sizeof label);
    return a->x != NULL;
}

/* ---- einsum ---- */

static bool contract_all(const plan *p, term *terms) {
    bool needed[LABELS];
    for (int i = 0; i < p->n_in; i++)
        take_diagonals(&terms[i]);
    for (int i = 1; i < p->n_in; i++) {
        drop_ones(&terms[0], &terms[i]);
        drop_ones(&terms[i], &terms[0]);
        mark_needed(p, terms, i, needed); /* by terms[i] and what follows */
        sum_unneeded(&terms[0], needed);
        mark_needed(p, terms, i + 1, needed);
        for (int k = 0; k < terms[0].n; k++)
            needed[terms[0].label[k]] = true;
        sum_unneeded(&terms[i], needed);
        mark_needed(p, terms, i + 1, needed);
        if (terms[0].x == NULL || terms[i].x == NULL || !contract(&terms[0], &terms[i], needed))
            return false;
    }
    mark_needed(p, terms, p->n_in, needed);
    sum_unneeded(&terms[0], needed);
    return terms[0].x != NULL;
}

static bool einsum_forward(const tg__call *c) {
    plan p = {.equation = ((const einsum_attr *)c->attr)->equation.text, .n_in = c->n_in};
    if (c->n_in < 1 || c->n_in > MOST_TERMS) {
        tg__fail(TG_ERR_ARG, "einsum", "%d operands; give 1 to %d", c->n_in, MOST_TERMS);
        return false;
    }
    size_t bytes = (size_t)c->n_in * sizeof(term);
    term *terms = tg__alloc(bytes);
    if (terms == NULL) {
        tg__fail_memory("einsum", bytes);
        return false;
    }
    if (read_equation(&p, c->in, terms) && contract_all(&p, terms)) {
        int order[TG_MAX_DIMS];
        for (int k = 0; k < p.n_out; k++)
            order[k] = find(&terms[0], p.out[k]);
        c->out[0] = tg_permute(terms[0].x, p.n_out, order);
    }
    tg__free(terms, bytes);
    return c->out[0] != NULL;
}
TG_OP(einsum, .maths = "sum of products by an equation", .inputs = "operands", .n_in = -1,
      .flags = TG__COMPOSED | TG__BLAS | TG__VIEWS, .fields = einsum_fields,
      .attr_size = sizeof(einsum_attr), .forward = einsum_forward,
      .onnx = {"Einsum", 12, "equation=equation"});
TG_SAMPLES(einsum, "[2,3] [3,4] | equation=ij,jk->ik", "[2,2,3] [2,3,2] | equation=bij,bjk",
           "[3,3] | equation=ii", "[2,3,3] | equation=...ii->...i", "[2,3] | equation=ij->ji",
           "[2,3] [2,1] | equation=ij,ij->i", "[2] [3] [2,3] | equation=i,j,ij->",
           "[2,1,2,3] [3,3,2] | equation=...ij,...jk->...ik", "[2,3] [3] | equation=ij,k->k",
           "[3,2,3] [2,2] | equation=iji,jj->j");
tg_tensor *tg_einsum(const char *equation, tg_tensor *const *operands, int n) {
    einsum_attr a = {0};
    size_t length = equation != NULL ? strlen(equation) : 0;
    if (equation == NULL || length >= TG__MAX_TEXT) {
        tg__fail(TG_ERR_ARG, "einsum", "equation is %s; give a text of at most %d bytes",
                 tg__quote(equation), TG__MAX_TEXT - 1);
        return NULL;
    }
    if (operands == NULL || n < 1) {
        tg__fail(TG_ERR_ARG, "einsum", "%d operands at %s; pass at least one", n,
                 operands == NULL ? "NULL" : "the list");
        return NULL;
    }
    memcpy(a.equation.text, equation, length + 1);
    tg_tensor *out;
    return tg__apply(&tg__op_einsum, operands, n, &a, &out) ? out : NULL;
}

/* ---- chain_matmul: a·b·c·… in the cheapest order ---- */

/* Where to split the products i..j: cost[i][j] is that of the best order, split[i][j] its last
 * product. The classical dynamic programme (Cormen et al., 15.2). */
typedef struct {
    int n;
    double *cost;
    int *split;
} chain;

static void find_order(const chain *t, const double *size) {
    int n = t->n;
    for (int i = 0; i < n; i++)
        t->cost[i * n + i] = 0;
    for (int length = 2; length <= n; length++)
        for (int i = 0; i + length <= n; i++) {
            int j = i + length - 1;
            double best = -1;
            for (int k = i; k < j; k++) {
                double cost = t->cost[i * n + k] + t->cost[(k + 1) * n + j] +
                              size[i] * size[k + 1] * size[j + 1];
                if (best < 0 || cost < best) {
                    best = cost;
                    t->split[i * n + j] = k;
                }
            }
            t->cost[i * n + j] = best;
        }
}

/* At most n deep. */
static tg_tensor *multiply(const chain *t, tg_tensor *const *in, int i, int j) {
    if (i == j)
        return in[i];
    int k = t->split[i * t->n + j];
    return tg_matmul(multiply(t, in, i, k), multiply(t, in, k + 1, j));
}

static bool chain_check(const tg__call *c) {
    int n = c->n_in;
    if (n < 1 || n > MOST_TERMS) {
        tg__fail(TG_ERR_ARG, "chain_matmul", "%d matrices; give 1 to %d", n, MOST_TERMS);
        return false;
    }
    for (int i = 0; i < n; i++) {
        const tg_tensor *x = c->in[i];
        bool end = n > 1 && (i == 0 || i == n - 1);
        if (x->ndim != 2 && !(end && x->ndim == 1)) {
            tg__fail(TG_ERR_SHAPE, "chain_matmul",
                     "matrix %d is %s; give 2-d ones, the first and last may be 1-d", i,
                     tg__describe(x));
            return false;
        }
        if (i > 0 && c->in[i - 1]->shape[c->in[i - 1]->ndim - 1] != x->shape[0]) {
            tg__fail(TG_ERR_SHAPE, "chain_matmul",
                     "matrix %d is %s and the one before it %s; inner sizes must be equal", i,
                     tg__describe(x), tg__describe(c->in[i - 1]));
            return false;
        }
    }
    return true;
}

static bool chain_matmul_forward(const tg__call *c) {
    int n = c->n_in;
    if (!chain_check(c))
        return false;
    if (n == 1) {
        c->out[0] = tg_clone(c->in[0]);
        return c->out[0] != NULL;
    }
    double size[MOST_TERMS + 1];
    for (int i = 0; i < n; i++)
        size[i] = c->in[i]->ndim == 1 && i == 0 ? 1.0 : (double)c->in[i]->shape[0];
    const tg_tensor *last = c->in[n - 1];
    size[n] = last->ndim == 1 ? 1.0 : (double)last->shape[1];
    size_t cells = (size_t)n * (size_t)n;
    size_t bytes = cells * (sizeof(double) + sizeof(int));
    chain t = {.n = n, .cost = tg__alloc(bytes)};
    if (t.cost == NULL) {
        tg__fail_memory("chain_matmul", bytes);
        return false;
    }
    t.split = (int *)(void *)(t.cost + cells);
    find_order(&t, size);
    c->out[0] = multiply(&t, c->in, 0, n - 1);
    tg__free(t.cost, bytes);
    return c->out[0] != NULL;
}
TG_OP(chain_matmul, .maths = "a . b . c ... in the cheapest order", .inputs = "matrices",
      .n_in = -1, .flags = TG__COMPOSED | TG__BLAS, .forward = chain_matmul_forward,
      .onnx = {"composed"});
TG_SAMPLES(chain_matmul, "[2,3] [3,4] [4,2]", "[3] [3,2] [2]", "[2,2] [2,3]", "[2,3]");
tg_tensor *tg_chain_matmul(tg_tensor *const *matrices, int n) {
    if (matrices == NULL || n < 1) {
        tg__fail(TG_ERR_ARG, "chain_matmul", "%d matrices at %s; pass at least one", n,
                 matrices == NULL ? "NULL" : "the list");
        return NULL;
    }
    tg_tensor *out;
    return tg__apply(&tg__op_chain_matmul, matrices, n, NULL, &out) ? out : NULL;
}
tg_tensor *tg_multi_dot(tg_tensor *const *matrices, int n) { return tg_chain_matmul(matrices, n); }
