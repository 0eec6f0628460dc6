/* ctest: timeout=600 */
/* test_op_invalid.c - wrong calls of every operation, made from its sample lines: no input, an
 * absent one, too many, another rank, size or dtype, indices and dims out of range, attributes that
 * do not exist, are missing, of another type, not finite, or at the ends of their range.
 *
 * A call that is refused has the status of its kind and a text that names the operation, says what
 * came and what to do; inputs are as they were and nothing is left. A call may also work: then the
 * operation takes what it got. Every operation refuses at least eight. */
#include "samples.h"
#include "tg_test.h"

#include "autograd/op.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 4096 /* bytes of an input */

typedef struct {
    sample s;
    tg_tensor *in[SAMPLE_INPUTS + 1];
    int n_in, n_out, n_attr;
    const tg_attr *attrs;
    const char *what; /* is wrong */
    bool must_fail;
} call;

static struct { int refused, worked, complaints; } seen;

/* Prints what is wrong and goes on; the test fails at its end. */
#define complain(...)                                                                              \
    do {                                                                                           \
        print_error(__VA_ARGS__);                                                                  \
        print_error("\n");                                                                         \
        seen.complaints++;                                                                         \
    } while (0)

/* ---- Judging ---- */

/* After what came stands what was expected or what to do. */
static bool says_what_to_do(const char *text) {
    static const char *const words[] = {"give ", "use ", "must ", "pass ", "takes ", "needs "};
    for (const char *p = text; (p = strstr(p, "; ")) != NULL; p += 2)
        if (strncmp(p, "; called with", 13) != 0)
            return true;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(text, words[i]) != NULL)
            return true;
    return false;
}

static void judge_text(const call *c, tg_status status) {
    const char *text = tg_error_message();
    const char *op = c->s.op;
    /* the text of an op that others are made of bears their name */
    bool named = strcmp(tg_error_op(), op) == 0 && strstr(text, op) == text;
    if (!named && !c->s.info.internal)
        complain("%s \"%s\", %s: the text does not begin with the operation: %s", op, c->s.text,
                 c->what, text);
    if (!says_what_to_do(text))
        complain("%s \"%s\", %s: the text does not say what to do: %s", op, c->s.text, c->what,
                 text);
    if (status != TG_ERR_SHAPE && status != TG_ERR_DTYPE && status != TG_ERR_INDEX)
        return;
    for (int i = 0; i < c->n_in && i < 8; i++) {
        const tg_tensor *x = c->in[i];
        if (x == NULL || tg_is_none(x))
            continue;
        char shape[128];
        snprintf(shape, sizeof shape, "%s", tg__describe(x));
        bool long_list = strlen(text) > 600; /* there is room for some only */
        bool attribute =
            strstr(text, "attribute") != NULL; /* refused before inputs are looked at */
        if (strstr(text, shape) == NULL && !long_list && !attribute)
            complain("%s \"%s\", %s: the text does not name %s: %s", op, c->s.text, c->what, shape,
                     text);
    }
}

static bool good_status(tg_status status) {
    return status == TG_ERR_ARG || status == TG_ERR_SHAPE || status == TG_ERR_DTYPE ||
           status == TG_ERR_INDEX || status == TG_ERR_NUMERIC || status == TG_ERR_UNSUPPORTED ||
           status == TG_ERR_MEMORY; /* sizes at the end of the range */
}

/* True if it was refused. */
static bool try(const call *c) {
    static char before[SAMPLE_INPUTS + 1][MOST];
    size_t bytes[SAMPLE_INPUTS + 1] = {0};
    for (int i = 0; i < c->n_in && i <= SAMPLE_INPUTS; i++)
        if (c->in[i] != NULL && !tg_is_none(c->in[i])) {
            bytes[i] = (size_t)tg_numel(c->in[i]) * tg_dtype_size(tg_dtype_of(c->in[i]));
            if (bytes[i] <= MOST)
                assert_int_equal(tg_copy_to(c->in[i], before[i], bytes[i]), TG_OK);
        }
    tg_tensor *out[SAMPLE_OUTPUTS + 1];
    for (int k = 0; k <= SAMPLE_OUTPUTS; k++)
        out[k] = NULL;
    int64_t tensors = tg_live_tensors();
    tg_status status = tg_op_call(c->s.op, c->in, c->n_in, c->attrs, c->n_attr, out, c->n_out);
    if (status == TG_OK) {
        if (c->must_fail)
            complain("%s \"%s\", %s: was not refused", c->s.op, c->s.text, c->what);
        for (int k = 0; k <= SAMPLE_OUTPUTS; k++)
            tg_release(out[k]);
        seen.worked++;
        return false;
    }
    seen.refused++;
    if (!good_status(status))
        complain("%s \"%s\", %s: %s: %s", c->s.op, c->s.text, c->what, tg_status_name(status),
                 tg_error_message());
    judge_text(c, status);
    if (tg_live_tensors() != tensors)
        complain("%s \"%s\", %s: %lld tensors are left", c->s.op, c->s.text, c->what,
                 (long long)(tg_live_tensors() - tensors));
    tg_error_clear();
    for (int k = 0; k < c->n_out && k <= SAMPLE_OUTPUTS; k++)
        assert_null(out[k]);
    for (int i = 0; i < c->n_in && i <= SAMPLE_INPUTS; i++) {
        static char after[MOST];
        if (bytes[i] == 0 || bytes[i] > MOST)
            continue;
        assert_int_equal(tg_copy_to(c->in[i], after, bytes[i]), TG_OK);
        if (memcmp(before[i], after, bytes[i]) != 0)
            complain("%s \"%s\", %s: input %d was written", c->s.op, c->s.text, c->what, i);
    }
    return true;
}

/* ---- Making ---- */

static void open_call(call *c, int number) {
    sample_get(number, &c->s);
    c->n_in = c->s.n_in;
    c->n_out = c->s.info.n_outputs;
    c->n_attr = c->s.n_attr;
    c->attrs = c->s.attr;
    c->must_fail = false;
    for (int i = 0; i <= SAMPLE_INPUTS; i++) {
        c->in[i] = i < c->n_in ? sample_plain(&c->s, i, TG_F64, 7) : TG_NONE;
        assert_non_null(c->in[i]);
    }
}

static void close_call(call *c) {
    for (int i = 0; i < c->s.n_in; i++)
        tg_release(c->in[i]);
}

static int with_counts(call *c) {
    int refused = 0;
    call d = *c;
    d.must_fail = true;
    d.what = "an attribute that does not exist";
    tg_attr unknown = {.name = "no_such", .type = TG_ATTR_INT};
    d.attrs = &unknown;
    d.n_attr = 1;
    refused += try(&d);
    d = *c;
    d.must_fail = true;
    d.what = "no room for the outputs";
    d.n_out = c->n_out == SAMPLE_OUTPUTS ? 1 : c->n_out + 1;
    refused += try(&d);
    d.n_out = c->n_out;
    d.what = "a negative number of attributes";
    d.n_attr = -1;
    refused += try(&d);
    d.what = "attributes at NULL";
    d.n_attr = 2;
    d.attrs = NULL;
    refused += try(&d);
    d = *c;
    d.must_fail = true;
    d.what = "a negative number of inputs";
    d.n_in = -1;
    refused += try(&d);
    if (c->s.info.n_inputs >= 0) {
        d.what = "too many inputs";
        d.n_in = c->s.info.n_inputs + 1;
        d.in[d.n_in - 1] = c->in[0];
        refused += d.n_in <= SAMPLE_INPUTS ? try(&d) : 0;
        d = *c;
        d.must_fail = true;
        d.what = "too few inputs";
        d.n_in = c->s.info.n_inputs - c->s.info.n_optional - 1;
        refused += d.n_in >= 0 ? try(&d) : 0;
    }
    return refused;
}

static int with_inputs(call *c) {
    int refused = 0;
    int required = c->s.info.n_inputs < 0 ? c->s.n_in : c->s.info.n_inputs - c->s.info.n_optional;
    for (int i = 0; i < c->n_in; i++) {
        call d = *c;
        d.must_fail = true;
        d.what = "an input that is NULL";
        d.in[i] = NULL;
        refused += try(&d);
        d.what = "an input that is absent";
        d.in[i] = TG_NONE;
        d.must_fail = i < required;
        refused += tg_is_none(c->in[i]) ? 0 : try(&d);
        if (tg_is_none(c->in[i]))
            continue;
        d.must_fail = false;
        static const struct {
            const char *what;
            int ndim;
            int64_t shape[TG_MAX_DIMS];
        } shapes[] = {{"an input without dims", 0, {0}},
                      {"an input with another size", 1, {13}},
                      {"an input of three odd sizes", 3, {7, 9, 11}},
                      {"an input without elements", 2, {0, 3}},
                      {"an input of eight dims", 8, {1, 1, 2, 1, 1, 2, 1, 1}}};
        for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
            d.what = shapes[k].what;
            d.in[i] = tg_zeros(tg_dtype_of(c->in[i]), shapes[k].ndim, shapes[k].shape);
            refused += try(&d);
            tg_release(d.in[i]);
        }
        for (tg_dtype t = TG_F32; t <= TG_BF16; t++) {
            d.what = "an input of another dtype";
            d.in[i] = tg_cast(c->in[i], t);
            refused += try(&d);
            tg_release(d.in[i]);
        }
    }
    return refused;
}

/* Indices far out of range, in each index input. */
static int with_indices(call *c) {
    int refused = 0;
    for (int i = 0; i < c->n_in; i++) {
        if (c->s.in[i].kind != 'i')
            continue;
        static const double wrong[] = {1e6, -1e6, 9e18};
        for (int k = 0; k < 3; k++) {
            call d = *c;
            d.what = "an index out of range";
            d.in[i] = tg_full_like(c->in[i], wrong[k]);
            refused += try(&d);
            tg_release(d.in[i]);
        }
    }
    return refused;
}

/* The call with attribute `a` in place of, or beside, those of the sample. */
static int with_attr(call *c, const tg_attr *a, const char *what, bool must_fail) {
    tg_attr attrs[SAMPLE_ATTRS + 1];
    int n = 0;
    for (int k = 0; k < c->s.n_attr; k++)
        if (strcmp(c->s.attr[k].name, a->name) != 0)
            attrs[n++] = c->s.attr[k];
    attrs[n++] = *a;
    call d = *c;
    d.attrs = attrs;
    d.n_attr = n;
    d.what = what;
    d.must_fail = must_fail;
    return try(&d);
}

static int with_attrs(call *c) {
    int refused = 0;
    for (int k = 0; k < c->s.info.n_attrs; k++) {
        tg_attr plain;
        bool required;
        assert_int_equal(tg_op_attr(c->s.number, k, &plain, &required), TG_OK);
        tg_attr a = plain;
        a.type = plain.type == TG_ATTR_SHAPE ? TG_ATTR_DTYPE : TG_ATTR_SHAPE;
        refused += with_attr(c, &a, "an attribute of another type", true);
        a = plain;
        static const int64_t ends[] = {INT64_MIN, INT64_MAX, -1000, 1000, INT32_MAX};
        static const double fractions[] = {1e300, -1e300, -1.0};
        static int64_t list[TG__MAX_INTS + 1];
        switch (plain.type) {
        case TG_ATTR_INT:
        case TG_ATTR_DTYPE:
            for (int j = 0; j < 5; j++) {
                a.i = ends[j];
                refused += with_attr(c, &a, "an integer at the end of its range",
                                     plain.type == TG_ATTR_DTYPE);
            }
            break;
        case TG_ATTR_FLOAT:
            a.f = (double)NAN;
            refused += with_attr(c, &a, "an attribute that is NaN",
                                 tg__op_table[c->s.number]->fields[k].i != TG__NAN_OK);
            a.f = (double)INFINITY;
            refused += with_attr(c, &a, "an infinite attribute", false);
            for (int j = 0; j < 3; j++) {
                a.f = fractions[j];
                refused += with_attr(c, &a, "an extreme attribute", false);
            }
            break;
        case TG_ATTR_TEXT:
            a.text = NULL;
            refused += with_attr(c, &a, "a text that is NULL", true);
            a.text = "!?";
            refused += with_attr(c, &a, "a text without sense", true);
            break;
        case TG_ATTR_DIMS:
        case TG_ATTR_SHAPE:
        case TG_ATTR_INTS:
            a.ints = list;
            a.n = -1;
            refused += with_attr(c, &a, "a list of negative length", true);
            a.n = TG__MAX_INTS + 1;
            refused += with_attr(c, &a, "a list that is too long", true);
            a.n = 2;
            a.ints = NULL;
            refused += with_attr(c, &a, "a list at NULL", true);
            a.ints = list;
            for (int j = 0; j < 5; j++) {
                list[0] = list[1] = ends[j];
                refused += with_attr(c, &a, "a list with entries out of range",
                                     plain.type == TG_ATTR_DIMS);
            }
            list[0] = list[1] = 0;
            refused += with_attr(c, &a, "a list of zeros", false);
            break;
        default:
            break;
        }
    }
    return refused;
}

static void every_wrong_call_is_refused_in_words_or_works(void **state) {
    (void)state;
    int least = 1000;
    for (int i = 0; i < sample_count(); i++) {
        static call c;
        open_call(&c, i);
        int refused = with_counts(&c) + with_inputs(&c) + with_indices(&c) + with_attrs(&c);
        close_call(&c);
        if (refused < 8)
            complain("%s \"%s\" refuses only %d calls", c.s.op, c.s.text, refused);
        least = refused < least ? refused : least;
        assert_int_equal(tg_live_tensors(), 0);
    }
    print_message("%d calls refused, %d worked; at least %d refused per sample\n", seen.refused,
                  seen.worked, least);
    assert_int_equal(seen.complaints, 0);
}

int main(void) {
    setenv("TENSORGRAD_POOL_MAX", "256M", 1); /* sizes at the ends of their range find no memory */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_wrong_call_is_refused_in_words_or_works)};
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
