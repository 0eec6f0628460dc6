/* test_op_table.c - what holds for every operation in the table: layouts, empty inputs, dtypes,
 * error texts, in-place forms, ONNX rows. */
#include "samples.h"
#include "tg_test.h"

#include "autograd/op.h"

#include <stdio.h>
#include <stdlib.h>

static int make_inputs(const sample *s, layout l, tg_dtype dtype, tg_tensor **in) {
    for (int i = 0; i < s->n_in; i++) {
        layout use = s->in[i].contiguous_only ? LAYOUT_CONTIGUOUS : l;
        in[i] = sample_view(s, i, use, sample_leaf(s, i, use, dtype, 29));
        assert_non_null(in[i]);
    }
    return s->n_in;
}

static bool same_bits(const tg_tensor *a, const tg_tensor *b) {
    size_t n = (size_t)tg_numel(a) * tg_dtype_size(tg_dtype_of(a));
    if (tg_dtype_of(a) != tg_dtype_of(b) || tg_numel(a) != tg_numel(b))
        return false;
    char *x = malloc(2 * n + 1);
    assert_non_null(x);
    assert_int_equal(tg_copy_to(a, x, n), TG_OK);
    assert_int_equal(tg_copy_to(b, x + n, n), TG_OK);
    bool same = memcmp(x, x + n, n) == 0;
    free(x);
    return same;
}

#define FOR_ALL_SAMPLES(s)                                                                         \
    for (int at_ = 0; at_ < sample_count(); at_++)                                                 \
        for (sample s, *once_ = (sample_get(at_, &s), &s); once_ != NULL; once_ = NULL)

/* ---- The table itself ---- */

static void every_op_has_maths_inputs_onnx_and_a_rule_or_a_mark(void **state) {
    (void)state;
    for (int k = 0; k < tg_op_count(); k++) {
        const tg__op *op = tg__op_table[k];
        if (op->maths == NULL || op->inputs == NULL || op->onnx.op == NULL || op->forward == NULL)
            fail_msg("%s lacks maths, inputs, forward or an ONNX row", op->name);
        bool not_diff = op->flags & TG__NOT_DIFF;
        bool rule = op->rule != NULL || (op->flags & TG__COMPOSED);
        if (not_diff == rule)
            fail_msg("%s: give it a gradient rule, or mark it TG__NOT_DIFF", op->name);
        if (op->number != k || tg_op_find(op->name) != k)
            fail_msg("%s is not found under its number", op->name);
    }
    print_message("%d operations\n", tg_op_count());
}

static void every_onnx_row_names_an_operator_of_its_opset(void **state) {
    (void)state;
    FILE *file = fopen(TG_TEST_SOURCE_DIR "/tests/ops/onnx_operators.txt", "r");
    assert_non_null(file);
    static char known[1024][64];
    static int since[1024];
    int n = 0;
    char line[128];
    while (fgets(line, sizeof line, file) != NULL)
        if (line[0] != '#' && n < 1024 && sscanf(line, "%63s %d", known[n], &since[n]) == 2)
            n++;
    fclose(file);
    assert_true(n > 500);
    int mapped = 0;
    for (int k = 0; k < tg_op_count(); k++) {
        const tg__onnx *o = &tg__op_table[k]->onnx;
        if (strcmp(o->op, "composed") == 0 || strcmp(o->op, "none") == 0) {
            assert_int_equal(o->opset, 0);
            continue;
        }
        bool found = false;
        for (int i = 0; i < n && !found; i++)
            found = strcmp(known[i], o->op) == 0 && since[i] == o->opset;
        if (!found)
            fail_msg("%s: ONNX has no %s with opset %d", tg__op_table[k]->name, o->op, o->opset);
        mapped++;
    }
    print_message("%d operations map to one ONNX operator\n", mapped);
}

/* ---- Values ---- */

static double largest_difference(const tg_tensor *a, const tg_tensor *b) {
    tg_tensor *x = tg_cast((tg_tensor *)a, TG_F64);
    tg_tensor *y = tg_cast((tg_tensor *)b, TG_F64);
    tg_tensor *scale = tg_add_scalar(tg_abs(y), 1.0);
    tg_tensor *d = tg_div(tg_abs(tg_sub(x, y)), scale);
    return tg_numel(d) > 0 ? tg_item(tg_max(d)) : 0.0;
}

static void every_layout_gives_the_same_bits(void **state) {
    (void)state;
    FOR_ALL_SAMPLES(s) {
        for (int l = 1; l < LAYOUTS; l++) {
            tg_scope scope = tg_scope_open();
            tg_tensor *in[SAMPLE_INPUTS];
            tg_tensor *packed[SAMPLE_INPUTS];
            tg_tensor *out[SAMPLE_OUTPUTS];
            tg_tensor *expected[SAMPLE_OUTPUTS];
            make_inputs(&s, (layout)l, TG_F64, in);
            for (int i = 0; i < s.n_in; i++)
                packed[i] = tg_is_none(in[i]) ? in[i] : tg_clone(in[i]);
            assert_int_equal(sample_call(&s, in, out), TG_OK);
            assert_int_equal(sample_call(&s, packed, expected), TG_OK);
            bool product = tg__op_table[s.number]->flags & TG__BLAS;
            for (int k = 0; k < s.info.n_outputs; k++)
                if (product ? largest_difference(out[k], expected[k]) > 1e-10
                            : !same_bits(out[k], expected[k]))
                    fail_msg("%s \"%s\": the %s inputs give another result", s.op, s.text,
                             layout_name((layout)l));
            assert_int_equal(tg_scope_close(scope), TG_OK);
        }
    }
}

/* Else what is written into a result in place would show in the input. */
static void only_views_share_memory_with_inputs(void **state) {
    (void)state;
    FOR_ALL_SAMPLES(s) {
        if (tg__op_table[s.number]->flags & TG__VIEWS)
            continue;
        for (int l = 0; l < LAYOUTS; l++) {
            tg_scope scope = tg_scope_open();
            tg_tensor *in[SAMPLE_INPUTS];
            tg_tensor *out[SAMPLE_OUTPUTS];
            make_inputs(&s, (layout)l, TG_F64, in);
            assert_int_equal(sample_call(&s, in, out), TG_OK);
            if (s.info.n_outputs == 1 && (out[0]->flags & TG__IS_VIEW))
                fail_msg("%s \"%s\": the output counts as a view", s.op, s.text);
            for (int k = 0; k < s.info.n_outputs; k++)
                for (int i = 0; i < s.n_in; i++)
                    if (!tg_is_none(in[i]) && out[k]->storage == in[i]->storage)
                        fail_msg("%s \"%s\": output %d is a view of input %d", s.op, s.text, k, i);
            assert_int_equal(tg_scope_close(scope), TG_OK);
        }
    }
}

static void recording_does_not_change_the_result(void **state) {
    (void)state;
    FOR_ALL_SAMPLES(s) {
        tg_scope scope = tg_scope_open();
        tg_tensor *in[SAMPLE_INPUTS];
        tg_tensor *recorded[SAMPLE_OUTPUTS];
        tg_tensor *plain[SAMPLE_OUTPUTS];
        make_inputs(&s, LAYOUT_CONTIGUOUS, TG_F64, in);
        for (int i = 0; i < s.n_in; i++)
            if (sample_is_float(&s, i))
                tg_requires_grad_(in[i], true);
        assert_int_equal(sample_call(&s, in, recorded), TG_OK);
        tg_set_grad_enabled(false);
        assert_int_equal(sample_call(&s, in, plain), TG_OK);
        tg_set_grad_enabled(true);
        for (int k = 0; k < s.info.n_outputs; k++) {
            assert_true(same_bits(recorded[k], plain[k]));
            assert_false(tg_requires_grad(plain[k]));
            bool expected = s.info.differentiable && tg_dtype_is_float(tg_dtype_of(recorded[k]));
            if (tg_requires_grad(recorded[k]) != expected)
                fail_msg("%s \"%s\": output %d %s recorded", s.op, s.text, k,
                         expected ? "is not" : "is");
        }
        assert_int_equal(tg_scope_close(scope), TG_OK);
    }
}

/* Every size in turn becomes 0: the op gives an empty (or reduced) result with gradients of the
 * right shape, or a clean error. */
static void empty_inputs_work_or_are_refused_cleanly(void **state) {
    (void)state;
    int worked = 0;
    FOR_ALL_SAMPLES(original) {
        for (int64_t size = 1; size <= 6; size++) {
            sample s = original;
            sample_repoint(&s);
            for (int k = 0; k < s.n_attr; k++)
                for (int j = 0; s.attr[k].type == TG_ATTR_SHAPE && j < s.attr[k].n; j++)
                    s.ints[k][j] = s.ints[k][j] == size ? 0 : s.ints[k][j];
            bool changed = false;
            for (int i = 0; i < s.n_in; i++)
                for (int d = 0; d < s.in[i].ndim; d++)
                    if (s.in[i].shape[d] == size) {
                        s.in[i].shape[d] = 0;
                        changed = true;
                    }
            if (!changed)
                continue;
            tg_scope scope = tg_scope_open();
            tg_tensor *in[SAMPLE_INPUTS];
            tg_tensor *out[SAMPLE_OUTPUTS];
            make_inputs(&s, LAYOUT_CONTIGUOUS, TG_F64, in);
            for (int i = 0; i < s.n_in; i++)
                if (sample_is_float(&s, i))
                    tg_requires_grad_(in[i], true);
            tg_status status = sample_call(&s, in, out);
            if (status != TG_OK) {
                if (status != TG_ERR_SHAPE && status != TG_ERR_INDEX)
                    fail_msg("%s \"%s\" with %lld -> 0: %s", s.op, s.text, (long long)size,
                             tg_error_message());
                (void)!tg_scope_close(scope);
                tg_error_clear();
                continue;
            }
            worked++;
            if (tg_requires_grad(out[0])) {
                tg_tensor *seed = tg_ones_like(out[0]);
                tg_backward_options o = TG_BACKWARD_OPTIONS_INIT;
                o.grad_outputs = &seed;
                if (tg_backward_ex(out, 1, &o) != TG_OK)
                    fail_msg("%s \"%s\" with %lld -> 0: %s", s.op, s.text, (long long)size,
                             tg_error_message());
                for (int i = 0; i < s.n_in; i++) {
                    tg_tensor *g = tg_is_none(in[i]) ? NULL : tg_grad(in[i]);
                    if (g != NULL)
                        assert_int_equal(tg_numel(g), tg_numel(in[i]));
                }
            }
            assert_int_equal(tg_scope_close(scope), TG_OK);
        }
    }
    print_message("%d calls with empty inputs worked\n", worked);
    assert_true(worked > 60 || !sample_all());
}

/* ---- Dtypes ---- */

/* Each dtype works, or is refused with TG_ERR_DTYPE and a text that names op and dtype; f32 agrees
 * with f64. */
static void every_dtype_works_or_is_refused_by_name(void **state) {
    (void)state;
    int worked = 0;
    int refused = 0;
    FOR_ALL_SAMPLES(s) {
        for (int d = 0; d <= TG_BF16; d++) {
            tg_scope scope = tg_scope_open();
            tg_tensor *in[SAMPLE_INPUTS];
            tg_tensor *wide[SAMPLE_INPUTS];
            tg_tensor *out[SAMPLE_OUTPUTS];
            tg_tensor *exact[SAMPLE_OUTPUTS];
            make_inputs(&s, LAYOUT_CONTIGUOUS, (tg_dtype)d, in);
            for (int i = 0; i < s.n_in; i++)
                wide[i] = sample_is_float(&s, i) ? tg_cast(in[i], TG_F64) : in[i];
            tg_status status = sample_call(&s, in, out);
            if (status == TG_OK) {
                worked++;
                assert_int_equal(sample_call(&s, wide, exact), TG_OK);
                double tolerance = d == TG_F32 ? 1e-4 : 3e-2;
                for (int k = 0; (d == TG_F32 || d == TG_F16) && k < s.info.n_outputs; k++)
                    if (tg_dtype_is_float(tg_dtype_of(out[k])) &&
                        largest_difference(out[k], exact[k]) > tolerance)
                        fail_msg("%s \"%s\": %s differs from f64", s.op, s.text,
                                 tg_dtype_name((tg_dtype)d));
                assert_int_equal(tg_scope_close(scope), TG_OK);
                continue;
            }
            refused++;
            const char *text = tg_error_message();
            bool numeric = status == TG_ERR_NUMERIC && d >= TG_I64; /* division by 0, say */
            if (!numeric &&
                (status != TG_ERR_DTYPE || strstr(text, tg_dtype_name((tg_dtype)d)) == NULL))
                fail_msg("%s \"%s\" of %s: %s: %s", s.op, s.text, tg_dtype_name((tg_dtype)d),
                         tg_status_name(status), text);
            if (tg_dtype_is_float((tg_dtype)d))
                fail_msg("%s \"%s\" refuses %s", s.op, s.text, tg_dtype_name((tg_dtype)d));
            (void)!tg_scope_close(scope);
            tg_error_clear();
        }
    }
    print_message("%d worked, %d refused\n", worked, refused);
    assert_true(worked > 300 || !sample_all());
}

/* ---- Errors ---- */

static void null_inputs_are_named_and_propagate(void **state) {
    (void)state;
    FOR_ALL_SAMPLES(s) {
        for (int i = 0; i < s.n_in; i++) {
            tg_tensor *in[SAMPLE_INPUTS];
            tg_tensor *out[SAMPLE_OUTPUTS];
            tg_scope scope = tg_scope_open();
            make_inputs(&s, LAYOUT_CONTIGUOUS, TG_F64, in);
            in[i] = NULL;
            assert_int_equal(sample_call(&s, in, out), TG_ERR_ARG);
            assert_null(out[0]);
            assert_string_equal(tg_error_op(), s.op);
            if (strstr(tg_error_message(), "is NULL") == NULL ||
                strstr(tg_error_message(),
                       tg__input_name(tg__op_table[s.number], s.info.n_inputs < 0 ? 0 : i)) == NULL)
                fail_msg("%s: \"%s\"", s.op, tg_error_message());
            /* a second NULL leaves the first error alone */
            char first[512];
            snprintf(first, sizeof first, "%s", tg_error_message());
            assert_int_equal(sample_call(&s, in, out), TG_ERR_ARG);
            assert_string_equal(tg_error_message(), first);
            (void)!tg_scope_close(scope);
            tg_error_clear();
        }
    }
}

static void tg_none_is_refused_where_a_tensor_is_required(void **state) {
    (void)state;
    FOR_ALL_SAMPLES(s) {
        int required = s.info.n_inputs < 0 ? s.n_in : s.info.n_inputs - s.info.n_optional;
        for (int i = 0; i < required; i++) {
            tg_tensor *in[SAMPLE_INPUTS];
            tg_tensor *out[SAMPLE_OUTPUTS];
            tg_scope scope = tg_scope_open();
            make_inputs(&s, LAYOUT_CONTIGUOUS, TG_F64, in);
            in[i] = TG_NONE;
            assert_int_equal(sample_call(&s, in, out), TG_ERR_ARG);
            assert_string_equal(tg_error_op(), s.op);
            (void)!tg_scope_close(scope);
            tg_error_clear();
        }
    }
}

/* Dims out of range, too many dims, sizes that do not fit: the error names op and shape. */
static void bad_dims_are_refused_with_op_and_shape(void **state) {
    (void)state;
    int tried = 0;
    FOR_ALL_SAMPLES(original) {
        for (int k = 0; k < original.info.n_attrs; k++) {
            sample s = original;
            tg_attr a;
            bool required;
            assert_int_equal(tg_op_attr(s.number, k, &a, &required), TG_OK);
            int64_t far[1] = {7};
            bool dim = a.type == TG_ATTR_INT && strstr(a.name, "dim") != NULL;
            if (!dim && a.type != TG_ATTR_DIMS)
                continue;
            a.i = 7;
            a.n = 1;
            a.ints = far;
            int at = 0;
            while (at < s.n_attr && strcmp(s.attr[at].name, a.name) != 0)
                at++;
            s.attr[at] = a;
            s.n_attr = at == s.n_attr ? at + 1 : s.n_attr;
            sample_repoint(&s);
            s.attr[at].ints = far;
            tg_scope scope = tg_scope_open();
            tg_tensor *in[SAMPLE_INPUTS];
            tg_tensor *out[SAMPLE_OUTPUTS];
            make_inputs(&s, LAYOUT_CONTIGUOUS, TG_F64, in);
            tg_status status = sample_call(&s, in, out);
            if (status != TG_ERR_INDEX || strstr(tg_error_message(), "[") == NULL)
                fail_msg("%s \"%s\" with %s = 7: %s: %s", s.op, s.text, a.name,
                         tg_status_name(status), tg_error_message());
            tried++;
            (void)!tg_scope_close(scope);
            tg_error_clear();
        }
    }
    print_message("%d bad dims refused\n", tried);
    assert_true(tried > 50 || !sample_all());
}

/* One input gets a shape that fits nothing: the op works (it takes any) or says what came. */
static void odd_shapes_are_refused_with_all_shapes(void **state) {
    (void)state;
    int refused = 0;
    FOR_ALL_SAMPLES(original) {
        for (int i = 0; i < original.n_in && original.n_in > 1; i++) {
            if (original.in[i].kind == 'n')
                continue;
            sample s = original;
            s.in[i].ndim = 3;
            s.in[i].shape[0] = 7;
            s.in[i].shape[1] = 9;
            s.in[i].shape[2] = 11;
            sample_repoint(&s);
            tg_scope scope = tg_scope_open();
            tg_tensor *in[SAMPLE_INPUTS];
            tg_tensor *out[SAMPLE_OUTPUTS];
            make_inputs(&s, LAYOUT_CONTIGUOUS, TG_F64, in);
            tg_status status = sample_call(&s, in, out);
            if (status != TG_OK) {
                refused++;
                bool good = (status == TG_ERR_SHAPE || status == TG_ERR_INDEX) &&
                            strstr(tg_error_message(), "7, 9, 11") != NULL;
                if (!good)
                    fail_msg("%s \"%s\" with input %d [7, 9, 11]: %s: %s", s.op, s.text, i,
                             tg_status_name(status), tg_error_message());
            }
            (void)!tg_scope_close(scope);
            tg_error_clear();
        }
    }
    print_message("%d odd shapes refused\n", refused);
    assert_true(refused > 30 || !sample_all());
}

static void unknown_attributes_and_counts_are_refused(void **state) {
    (void)state;
    FOR_ALL_SAMPLES(s) {
        tg_scope scope = tg_scope_open();
        tg_tensor *in[SAMPLE_INPUTS];
        tg_tensor *out[4];
        make_inputs(&s, LAYOUT_CONTIGUOUS, TG_F64, in);
        tg_attr unknown = {.name = "no_such", .type = TG_ATTR_INT};
        assert_int_equal(tg_op_call(s.op, in, s.n_in, &unknown, 1, out, s.info.n_outputs),
                         TG_ERR_ARG);
        assert_non_null(strstr(tg_error_message(), "no_such"));
        (void)!tg_scope_close(scope);
        tg_error_clear();
        int wrong = s.info.n_outputs == 3 ? 2 : 3;
        assert_int_equal(tg_op_call(s.op, in, s.n_in, s.attr, s.n_attr, out, wrong), TG_ERR_ARG);
        assert_string_equal(tg_error_op(), s.op);
        tg_error_clear();
    }
    tg_tensor *out;
    assert_int_equal(tg_op_call("no_op", NULL, 0, NULL, 0, &out, 1), TG_ERR_ARG);
    assert_int_equal(tg_op_call(NULL, NULL, 0, NULL, 0, &out, 1), TG_ERR_ARG);
    tg_error_clear();
}

/* ---- In place ---- */

static void attrs_of(const sample *s, void *values) {
    const tg__op *op = tg__op_table[s->number];
    memset(values, 0, 1024);
    for (int k = 0; op->fields != NULL && op->fields[k].name != NULL; k++) {
        const tg__field *f = &op->fields[k];
        char *at = (char *)values + f->offset;
        const tg_attr *a = NULL;
        for (int j = 0; j < s->n_attr; j++)
            if (strcmp(s->attr[j].name, f->name) == 0)
                a = &s->attr[j];
        if (f->type == TG_ATTR_INT)
            *(int64_t *)(void *)at = a != NULL ? a->i : f->i;
        else if (f->type == TG_ATTR_FLOAT)
            *(double *)(void *)at = a != NULL ? a->f : f->f;
        else if (f->type == TG_ATTR_INDEX && a != NULL) {
            tg__items *items = (tg__items *)(void *)at;
            items->n = a->n;
            memcpy(items->item, a->items, (size_t)a->n * sizeof *a->items);
        } else if (f->type == TG_ATTR_BOOL)
            *(bool *)(void *)at = (a != NULL ? a->i : f->i) != 0;
        else if (f->type == TG_ATTR_TEXT && a != NULL)
            snprintf(((tg__text *)(void *)at)->text, TG__MAX_TEXT, "%s", a->text);
        else if (f->type == TG_ATTR_INTS && a != NULL) {
            tg__ints *list = (tg__ints *)(void *)at;
            list->n = a->n;
            memcpy(list->value, a->ints, (size_t)a->n * sizeof *a->ints);
        }
    }
}

/* The form that ends in _ gives the bits and the gradients of the other one. */
static void in_place_forms_equal_the_others(void **state) {
    (void)state;
    int compared = 0;
    FOR_ALL_SAMPLES(s) {
        const tg__op *op = tg__op_table[s.number];
        if (!(op->flags & TG__IN_PLACE))
            continue;
        tg_scope scope = tg_scope_open();
        _Alignas(8) char attr[1024];
        attrs_of(&s, attr);
        tg_tensor *leaf[SAMPLE_INPUTS];
        tg_tensor *in[SAMPLE_INPUTS];
        tg_tensor *grads[2][SAMPLE_INPUTS] = {{NULL}};
        tg_tensor *y[2] = {NULL, NULL};
        make_inputs(&s, LAYOUT_CONTIGUOUS, TG_F64, leaf);
        bool fits = true;
        for (int way = 0; way < 2 && fits; way++) {
            for (int i = 0; i < s.n_in; i++) {
                if (sample_is_float(&s, i))
                    tg_requires_grad_(leaf[i], true);
                in[i] = tg_is_none(leaf[i]) ? leaf[i] : tg_clone(leaf[i]);
            }
            int n = s.n_in; /* samples may leave out what may be absent */
            while (n < op->n_in)
                in[n++] = tg_none();
            if (way == 0)
                assert_int_equal(sample_call(&s, in, y), TG_OK);
            else
                y[1] = tg__apply_(op, in, n, attr);
            if (way == 1 && y[1] == NULL) { /* the result outgrows the first input */
                assert_int_equal(tg_error_status(), TG_ERR_SHAPE);
                fits = false;
                break;
            }
            tg_tensor *seed = tg_full_like(y[way], 0.75);
            tg_gradients_options o = TG_GRADIENTS_OPTIONS_INIT;
            o.allow_unused = true;
            o.grad_outputs = &seed;
            for (int i = 0; i < s.n_in; i++)
                if (sample_is_float(&s, i)) {
                    o.retain_graph = true;
                    assert_int_equal(tg_gradients(&y[way], 1, &leaf[i], 1, &o, &grads[way][i]),
                                     TG_OK);
                }
        }
        if (fits) {
            compared++;
            if (!same_bits(y[0], y[1]))
                fail_msg("%s_ \"%s\" gives another result", s.op, s.text);
            for (int i = 0; i < s.n_in; i++)
                if (sample_is_float(&s, i) && (grads[0][i] == NULL) != (grads[1][i] == NULL))
                    fail_msg("%s_ \"%s\": gradient %d is missing", s.op, s.text, i);
                else if (grads[0][i] != NULL && !same_bits(grads[0][i], grads[1][i]))
                    fail_msg("%s_ \"%s\" gives another gradient %d", s.op, s.text, i);
        }
        (void)!tg_scope_close(scope);
        tg_error_clear();
    }
    print_message("%d in-place calls compared\n", compared);
    assert_true(compared > 25 || !sample_all());
}

static int nothing_is_live(void **state) {
    (void)state;
    assert_int_equal(tg_live_tensors(), 0);
    assert_int_equal(tg_live_nodes(), 0);
    assert_int_equal(tg_live_storages(), 0);
    return 0;
}

/* What a loop made outside scopes, when a call did not take it: released here by the scopes above.
 */
#define CHECKED(f) cmocka_unit_test_teardown(f, nothing_is_live)

int main(void) {
    const struct CMUnitTest tests[] = {CHECKED(every_op_has_maths_inputs_onnx_and_a_rule_or_a_mark),
                                       CHECKED(every_onnx_row_names_an_operator_of_its_opset),
                                       CHECKED(every_layout_gives_the_same_bits),
                                       CHECKED(only_views_share_memory_with_inputs),
                                       CHECKED(recording_does_not_change_the_result),
                                       CHECKED(empty_inputs_work_or_are_refused_cleanly),
                                       CHECKED(every_dtype_works_or_is_refused_by_name),
                                       CHECKED(null_inputs_are_named_and_propagate),
                                       CHECKED(tg_none_is_refused_where_a_tensor_is_required),
                                       CHECKED(bad_dims_are_refused_with_op_and_shape),
                                       CHECKED(odd_shapes_are_refused_with_all_shapes),
                                       CHECKED(unknown_attributes_and_counts_are_refused),
                                       CHECKED(in_place_forms_equal_the_others)};
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
