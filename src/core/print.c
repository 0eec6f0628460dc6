/* print.c - tensors as text, as NumPy prints arrays.
 *
 *     [[1.    2.5  ]
 *      [3.    0.125]] f32 [2, 2]
 *
 * Two passes over the elements that are shown: the first finds what all columns need (width,
 * decimals, whether the range calls for an exponent), the second writes. Both walk with one counter
 * per dim and compute each text when it is needed, so nothing recurses and nothing is allocated.
 * More than 1000 elements are summarised: of a dim longer than 6, the first and last 3.
 *
 * Floating point has at most 4 decimals. Like NumPy, all elements get an exponent if the largest
 * reaches 1e8, the smallest is below 1e-4, or one is more than 1000 times the other (zeros, NaN and
 * infinities aside). Lines break before column 75. */
#include "base/number.h"
#include "core/tensor.h"
#include "kernels/kernels.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#define SUMMARY_ABOVE 1000
#define EDGE 3
#define DECIMALS 4
#define LINE_WIDTH 75
#define TEXT_BYTES 368 /* tg__format_fixed asks for 352; then room for a point */

/* ---- Where the text goes ---- */

typedef struct {
    char *buf;
    size_t cap;
    FILE *file; /* instead of buf */
    int reason; /* errno of the first write that failed */
    int64_t length;
    int64_t column; /* of the present line, blanks that are due included */
    int64_t blanks; /* due before the next text; dropped at the end of a line */
} sink;

static void emit(sink *s, const char *text, size_t n) {
    if (s->file != NULL) {
        errno = 0;
        if (s->reason == 0 && fwrite(text, 1, n, s->file) != n)
            s->reason = errno != 0 ? errno : EIO;
    } else if ((uint64_t)s->length + 1 < s->cap) {
        size_t room = s->cap - 1 - (size_t)s->length;
        memcpy(s->buf + s->length, text, n < room ? n : room);
    }
    s->length += (int64_t)n;
}

static void put(sink *s, const char *text, size_t n) {
    for (; s->blanks > 0; s->blanks--)
        emit(s, " ", 1);
    emit(s, text, n);
    s->column += (int64_t)n;
}

static void put_text(sink *s, const char *text) { put(s, text, strlen(text)); }

static void put_blanks(sink *s, int64_t n) {
    s->blanks += n;
    s->column += n;
}

static void put_lines(sink *s, int n, int indent) {
    s->blanks = 0;
    s->column = 0;
    for (int i = 0; i < n; i++)
        emit(s, "\n", 1);
    put_blanks(s, indent);
}

/* ---- Which elements are shown ---- */

typedef struct {
    const tg_tensor *x;
    bool summary;
    int64_t index[TG_MAX_DIMS];
} walk;

static walk walk_start(const tg_tensor *x) {
    walk w = {.x = x, .summary = x->numel > SUMMARY_ABOVE};
    return w;
}

/* Goes to the next element. Returns the dim that counted up (those right of it start over), -1 at
 * the end; *skipped: elements of that dim were left out just before. */
static int walk_next(walk *w, bool *skipped) {
    for (int d = w->x->ndim - 1; d >= 0; d--) {
        int64_t size = w->x->shape[d];
        if (++w->index[d] < size) {
            *skipped = w->summary && size > 2 * EDGE && w->index[d] == EDGE;
            if (*skipped)
                w->index[d] = size - EDGE;
            return d;
        }
        w->index[d] = 0;
    }
    return -1;
}

static const char *walk_address(const walk *w) {
    int64_t at = 0;
    for (int d = 0; d < w->x->ndim; d++)
        at += w->index[d] * w->x->stride[d];
    return w->x->data + at * (int64_t)tg__item_size(w->x->dtype);
}

/* ---- One element ---- */

typedef enum { FORM_BOOL, FORM_INTEGER, FORM_FIXED, FORM_EXP } form;

/* What all elements have in common. Fixed: `left` characters before the point, `right` after it.
 * Exponent: `right` decimals, `exponent` digits. `width` is that of every text. */
typedef struct {
    form form;
    int width;
    int left, right;
    int exponent;
} layout;

/* Trailing zeros after a point; text[n - 1] is the last digit. */
static int trim_zeros(const char *text, int n, int decimals) {
    while (decimals > 0 && text[n - 1] == '0') {
        n--;
        decimals--;
    }
    return decimals;
}

typedef int (*write_fn)(char *text, double value, int decimals);

static bool same_element(tg_dtype dtype, double a, double b) {
    uint64_t x = 0;
    uint64_t y = 0;
    tg__convert_double(dtype, &x, a);
    tg__convert_double(dtype, &y, b);
    return x == y;
}

/* Decimals, at most 4, of the shortest text that reads back as the element. */
static int decimals_of(write_fn write, tg_dtype dtype, double value) {
    char text[TEXT_BYTES];
    for (int d = 0; d < DECIMALS; d++) {
        double again;
        int n = write(text, value, d);
        if (tg__parse_double(text, (size_t)n, &again) && same_element(dtype, again, value))
            return d;
    }
    int n = write(text, value, DECIMALS);
    const char *e = memchr(text, 'e', (size_t)n);
    return trim_zeros(text, e != NULL ? (int)(e - text) : n, DECIMALS);
}

/* Fixed notation with a point, "-12.5", "3."; returns the length. */
static int text_fixed(tg_dtype dtype, double value, char *text) {
    int decimals = decimals_of(tg__format_fixed, dtype, value);
    int n = tg__format_fixed(text, value, decimals);
    if (decimals == 0)
        text[n++] = '.';
    return n;
}

/* Puts `more` copies of c in front of text[at]; returns the new length. */
static int insert(char *text, int n, int at, char c, int more) {
    if (more <= 0)
        return n;
    memmove(text + at + more, text + at, (size_t)(n - at));
    memset(text + at, c, (size_t)more);
    return n + more;
}

/* "1.50e-07": with a point, `decimals` digits after it and at least `digits` digits of the
 * exponent; returns the length. */
static int text_exp(double value, int decimals, int digits, char *text) {
    int n = tg__format_exp(text, value, decimals);
    int e = (int)((char *)memchr(text, 'e', (size_t)n) - text);
    if (decimals == 0)
        n = insert(text, n, e++, '.', 1);
    return insert(text, n, e + 2, '0', digits - (n - e - 2));
}

static int text_special(double value, char *text) {
    const char *name = isnan(value) ? "nan" : value < 0 ? "-inf" : "inf";
    size_t n = strlen(name);
    memcpy(text, name, n);
    return (int)n;
}

static int text_integer(const tg_tensor *x, const char *at, char *text) {
    return snprintf(text, TEXT_BYTES, "%" PRId64, tg__load_i64((tg_dtype)x->dtype, at));
}

/* ---- First pass ---- */

static void widen(int *width, int n) {
    if (n > *width)
        *width = n;
}

/* The span of finite elements other than 0, in the precision of the elements. */
static bool wants_exponent(const tg_tensor *x) {
    double least = INFINITY;
    double most = 0;
    bool skipped;
    walk w = walk_start(x);
    do {
        double value = fabs(tg__load_double((tg_dtype)x->dtype, walk_address(&w)));
        if (!isfinite(value) || value == 0)
            continue;
        least = value < least ? value : least;
        most = value > most ? value : most;
    } while (walk_next(&w, &skipped) >= 0);
    if (most == 0)
        return false;
    double small = x->dtype == TG_F32 ? (double)1e-4F : 1e-4;
    return most >= 1e8 || least < small || most / least > 1000;
}

static void measure_float(layout *l, const tg_tensor *x, double value, int *special) {
    char text[TEXT_BYTES];
    if (!isfinite(value)) {
        widen(special, text_special(value, text));
        return;
    }
    if (l->form == FORM_FIXED) {
        int n = text_fixed((tg_dtype)x->dtype, value, text);
        int point = (int)((char *)memchr(text, '.', (size_t)n) - text);
        widen(&l->left, point);
        widen(&l->right, n - point - 1);
        return;
    }
    int decimals = decimals_of(tg__format_exp, (tg_dtype)x->dtype, value);
    int n = text_exp(value, decimals, 0, text);
    int point = (int)((char *)memchr(text, '.', (size_t)n) - text);
    widen(&l->left, point);
    widen(&l->right, decimals);
    widen(&l->exponent, n - point - 1 - decimals - 2);
}

static layout measure(const tg_tensor *x) {
    layout l = {.form = FORM_INTEGER};
    int special = 0;
    bool skipped;
    char text[TEXT_BYTES];
    if (x->dtype == TG_BOOL) {
        l.form = FORM_BOOL;
        l.width = x->ndim > 0 ? 5 : 0;
        return l;
    }
    if (tg_dtype_is_float((tg_dtype)x->dtype))
        l.form = wants_exponent(x) ? FORM_EXP : FORM_FIXED;
    walk w = walk_start(x);
    do {
        const char *at = walk_address(&w);
        if (l.form == FORM_INTEGER)
            widen(&l.width, text_integer(x, at, text));
        else
            measure_float(&l, x, tg__load_double((tg_dtype)x->dtype, at), &special);
    } while (walk_next(&w, &skipped) >= 0);
    if (l.form == FORM_FIXED && l.left > 0)
        l.width = l.left + 1 + l.right;
    if (l.form == FORM_EXP)
        l.width = l.left + 1 + l.right + 2 + l.exponent;
    widen(&l.width, special);
    return l;
}

/* ---- Second pass ---- */

/* Writes the element's text and returns its length; *lead and *trail blanks go around it. */
static int element(const tg_tensor *x, const layout *l, const char *at, char *text, int *lead,
                   int *trail) {
    int n;
    *trail = 0;
    if (l->form == FORM_BOOL) {
        const char *name = *at != 0 ? "True" : "False";
        n = (int)strlen(name);
        memcpy(text, name, (size_t)n);
    } else if (l->form == FORM_INTEGER) {
        n = text_integer(x, at, text);
    } else {
        double value = tg__load_double((tg_dtype)x->dtype, at);
        if (!isfinite(value)) {
            n = text_special(value, text);
        } else if (l->form == FORM_EXP) {
            n = text_exp(value, l->right, l->exponent, text);
        } else {
            n = text_fixed((tg_dtype)x->dtype, value, text);
            int point = (int)((char *)memchr(text, '.', (size_t)n) - text);
            *trail = x->ndim > 0 ? l->right - (n - point - 1) : 0;
        }
    }
    *lead = l->width > n + *trail ? l->width - n - *trail : 0;
    return n;
}

/* A word of the innermost dim: on a new line if it does not fit on this one. */
static void put_word(sink *s, const char *text, int n, int lead, int trail, int indent) {
    if (s->column + lead + n + trail > LINE_WIDTH - indent && s->column > indent)
        put_lines(s, 1, indent);
    put_blanks(s, lead);
    put(s, text, (size_t)n);
    put_blanks(s, trail);
}

static void put_brackets(sink *s, char bracket, int n) {
    for (int i = 0; i < n; i++)
        put(s, &bracket, 1);
}

static void put_elements(sink *s, const tg_tensor *x) {
    const layout l = measure(x);
    const int last = x->ndim - 1;
    char text[TEXT_BYTES];
    walk w = walk_start(x);
    put_brackets(s, '[', x->ndim);
    for (;;) {
        int lead;
        int trail;
        int n = element(x, &l, walk_address(&w), text, &lead, &trail);
        put_word(s, text, n, lead, trail, x->ndim);
        bool skipped = false;
        int d = walk_next(&w, &skipped);
        if (d < 0)
            break;
        if (d == last) {
            put_blanks(s, 1);
            if (skipped) {
                put_word(s, "...", 3, 0, 0, x->ndim);
                put_blanks(s, 1);
            }
            continue;
        }
        put_brackets(s, ']', last - d);
        put_lines(s, last - d, d + 1);
        if (skipped) {
            put_text(s, "...");
            put_lines(s, last - d, d + 1);
        }
        put_brackets(s, '[', last - d);
    }
    put_brackets(s, ']', x->ndim);
}

static void put_tensor(sink *s, const tg_tensor *x) {
    char text[32];
    if (x->numel > 0)
        put_elements(s, x);
    else
        put_text(s, "[]");
    put_text(s, " ");
    put_text(s, tg_dtype_name((tg_dtype)x->dtype));
    put_text(s, " [");
    for (int d = 0; d < x->ndim; d++) {
        int n = snprintf(text, sizeof text, d > 0 ? ", %" PRId64 : "%" PRId64, x->shape[d]);
        put(s, text, (size_t)n);
    }
    put_text(s, "]");
}

int64_t tg_format(const tg_tensor *x, char *buf, size_t cap) {
    if (!tg__required("format", "x", x))
        return -1;
    if (buf == NULL && cap > 0) {
        tg__fail(TG_ERR_ARG, "format",
                 "argument buf is NULL with a size of %llu; pass a buffer, or "
                 "0 to ask for the length",
                 (unsigned long long)cap);
        return -1;
    }
    sink s = {.buf = buf, .cap = cap};
    put_tensor(&s, x);
    if (cap > 0)
        buf[(uint64_t)s.length < cap ? (size_t)s.length : cap - 1] = '\0';
    return s.length;
}

tg_status tg_print(const tg_tensor *x, FILE *file) {
    if (!tg__required("print", "x", x))
        return tg_error_status();
    if (file == NULL)
        return tg__fail(TG_ERR_ARG, "print",
                        "argument file is NULL; pass stdout or another stream");
    sink s = {.file = file};
    flockfile(file); /* one tensor's lines stay together */
    put_tensor(&s, x);
    emit(&s, "\n", 1);
    funlockfile(file);
    if (s.reason != 0) {
        char why[128];
        return tg__fail(TG_ERR_IO, "print", "cannot write %s: %s", tg__describe(x),
                        strerror_r(s.reason, why, sizeof why));
    }
    return TG_OK;
}
