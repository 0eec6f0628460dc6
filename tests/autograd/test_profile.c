/* test_profile.c - counting what operations cost. */
#include "tensors.h"

#include <tensorgrad/tensorgrad.h>

#include "base/alloc.h"

#include <locale.h>
#include <pthread.h>
#include <stdlib.h>

static int teardown(void **state) {
    (void)state;
    tg_error_clear();
    return tg_live_tensors() == 0 && tg_live_nodes() == 0 ? 0 : -1;
}

/* A clock that is a millisecond later each time. */
static double ticking(void *ctx) { return 1e-3 * (*(int *)ctx)++; }

static tg_profile *begin(int *ticks) {
    tg_profile_options o = TG_PROFILE_OPTIONS_INIT;
    o.clock = ticking;
    o.clock_ctx = ticks;
    tg_profile *p = tg_profile_begin(&o);
    if (p == NULL)
        fail_msg("no profile: %s", tg_error_message());
    return p;
}

static tg_profile_row_info find(const tg_profile *p, const char *op) {
    tg_profile_row_info r = {0};
    for (int64_t i = 0; i < tg_profile_rows(p); i++) {
        assert_ok(tg_profile_row(p, i, &r));
        if (strcmp(r.op, op) == 0)
            return r;
    }
    fail_msg("there is no row %s", op);
    return r;
}

static void calls_times_bytes_and_flops_add_up(void **state) {
    (void)state;
    int ticks = 0;
    tg_scope s = tg_scope_open();
    tg_tensor *x = leaf(tg_ones(TG_F32, TG_SHAPE(8, 4)));
    tg_tensor *w = leaf(tg_ones(TG_F32, TG_SHAPE(4, 2)));
    tg_profile *p = begin(&ticks);
    tg_tensor *y = tg_matmul(x, w);
    tg_backward(tg_sum(tg_exp(tg_exp(y)), TG_ALL, false));
    assert_int_equal(tg_profile_rows(p), -1);
    assert_ok(tg_profile_end(p));
    tg_profile_row_info matmul = find(p, "matmul"), exp = find(p, "exp"), sum = find(p, "sum");
    assert_int_equal(matmul.calls, 1);
    assert_int_equal(matmul.backward_calls, 1);
    assert_true(matmul.flops == 2 * 8 * 4 * 2);
    assert_true(matmul.backward_flops == 2 * matmul.flops); /* transposes compute nothing */
    assert_int_equal(matmul.bytes, 4 * (32 + 8 + 16));
    assert_int_equal(exp.calls, 2);
    assert_true(exp.flops == 32);
    assert_int_equal(exp.bytes, 2 * 4 * (16 + 16));
    assert_int_equal(exp.backward_calls, 2);
    assert_true(exp.backward_flops == 32);
    assert_true(sum.flops == 16);
    assert_close(matmul.seconds, 1e-3, 1e-9, 0); /* from one tick to the next */
    assert_close(exp.seconds, 2e-3, 1e-9, 0);
    assert_close(exp.backward_seconds, 2 * 3e-3, 1e-9, 0); /* the rule, with a mul inside */
    tg_profile_row_info total;
    assert_ok(tg_profile_total(p, &total));
    assert_string_equal(total.op, "total");
    assert_int_equal(total.calls, 4);
    assert_int_equal(total.backward_calls, 4);
    assert_true(total.flops == matmul.flops + exp.flops + sum.flops);
    assert_true(total.peak_bytes >= 5 * 16 * 4);
    tg_profile_row_info first, second;
    assert_ok(tg_profile_row(p, 0, &first));
    assert_ok(tg_profile_row(p, 1, &second));
    assert_true(first.seconds + first.backward_seconds >= second.seconds + second.backward_seconds);
    assert_denied(tg_profile_row(p, 99, &first), TG_ERR_INDEX, "row 99 does not exist");
    assert_ok(tg_profile_free(p));
    assert_ok(tg_scope_close(s));
}

static void convolutions_are_counted_exactly(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    tg_tensor *x = leaf(tg_ones(TG_F32, TG_SHAPE(2, 3, 5, 5)));
    tg_tensor *w = leaf(tg_ones(TG_F32, TG_SHAPE(4, 3, 3, 3)));
    int ticks = 0;
    tg_profile *p = begin(&ticks);
    tg_tensor *y = tg_conv2d(x, w, TG_NONE, NULL);
    assert_ok(tg_backward(tg_sum(y, TG_ALL, false)));
    assert_ok(tg_profile_end(p));
    tg_profile_row_info conv = find(p, "conv_nd"), around = find(p, "conv2d");
    assert_shape(y, TG_F32, TG_SHAPE(2, 4, 3, 3));
    assert_true(conv.flops == 2.0 * (2 * 4 * 3 * 3) * (3 * 3 * 3));
    assert_true(conv.backward_flops == 2 * conv.flops);
    assert_int_equal(around.calls, 1);
    assert_true(around.flops == 0);
    assert_close(around.seconds, 2e-3, 1e-9, 0); /* without the operation inside */
    tg_profile_free(p);
    assert_ok(tg_scope_close(s));
}

static void work_is_counted_where_it_is_done(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    tg_tensor *q = tg_ones(TG_F32, TG_SHAPE(2, 3, 4)), *k = tg_ones(TG_F32, TG_SHAPE(2, 5, 4));
    tg_tensor *v = tg_ones(TG_F32, TG_SHAPE(2, 5, 6));
    tg_profile *p = tg_profile_begin(NULL);
    tg_tensor *y = tg_scaled_dot_product_attention(q, k, v, NULL);
    assert_ok(tg_profile_end(p));
    assert_shape(y, TG_F32, TG_SHAPE(2, 3, 6));
    assert_true(find(p, "attention").flops == 0); /* its parts are counted */
    assert_true(find(p, "matmul").flops == 2.0 * 2 * 3 * 5 * 4 + 2.0 * 2 * 3 * 5 * 6);
    tg_profile_free(p);
    assert_ok(tg_scope_close(s));
}

static void moving_memory_is_no_work(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    tg_tensor *x = tg_ones(TG_F32, TG_SHAPE(4, 6));
    int ticks = 0;
    tg_profile *p = begin(&ticks);
    tg_transpose(x, 0, 1);
    tg_clone(x);
    tg_exp(tg_cast(x, TG_F16));
    tg_add_(x, x);
    assert_ok(tg_profile_end(p));
    assert_int_equal(find(p, "transpose").bytes, 0);
    assert_true(find(p, "transpose").flops == 0);
    assert_int_equal(find(p, "clone").bytes, 2 * 4 * 24);
    assert_true(find(p, "clone").flops == 0);
    assert_int_equal(find(p, "exp").calls, 1); /* through f32 */
    assert_true(find(p, "exp").flops == 24);
    assert_int_equal(find(p, "cast").calls, 3);
    assert_int_equal(find(p, "add").calls, 1);
    assert_int_equal(find(p, "add").bytes, 3 * 4 * 24);
    tg_profile_free(p);
    assert_ok(tg_scope_close(s));
}

static void memory_has_its_peak(void **state) {
    (void)state;
    tg_profile_row_info total;
    tg_tensor *x = tg_ones(TG_F32, TG_SHAPE(20000));
    tg_memory_reset_peak();
    uint64_t base = tg_memory_peak();
    tg_profile *p = tg_profile_begin(NULL);
    for (int i = 0; i < 3000; i++) { /* its own events do not count */
        tg_tensor *y = tg_exp(x);
        if (i == 2000)
            tg_release(tg_exp(y));
        tg_release(y);
    }
    assert_ok(tg_profile_end(p));
    assert_ok(tg_profile_total(p, &total));
    assert_in_range(total.peak_bytes, 160000, 162000);
    assert_in_range(find(p, "exp").peak_bytes, 80000, 81000);
    assert_true(tg_memory_peak() >= base + 160000);
    tg_profile_free(p);
    tg_memory_reset_peak();
    assert_true(tg_memory_peak() < base + 80000);
    tg_release(x);
}

static char *text_of(int64_t (*format)(const tg_profile *, char *, size_t), const tg_profile *p) {
    int64_t n = format(p, NULL, 0);
    assert_true(n > 0);
    char *text = malloc((size_t)n + 1), small[8];
    assert_non_null(text);
    assert_int_equal(format(p, text, (size_t)n + 1), n);
    assert_int_equal(strlen(text), n);
    assert_int_equal(format(p, small, sizeof small), n);
    assert_int_equal(strlen(small), sizeof small - 1);
    assert_memory_equal(small, text, sizeof small - 1);
    return text;
}

static void the_table_is_aligned_and_sorted(void **state) {
    (void)state;
    int ticks = 0;
    tg_tensor *x = tg_ones(TG_F32, TG_SHAPE(1500));
    tg_profile *p = begin(&ticks);
    for (int i = 0; i < 3; i++)
        tg_release(tg_exp(x));
    tg_release(tg_neg(x));
    tg_profile_end(p);
    char *text = text_of(tg_profile_format, p);
    char *line = strchr(strchr(text, '\n') + 1, '\n') + 1;
    assert_int_equal(
        strncmp(line,
                "exp                                       3       3.000    36.0k     4.5k "
                "       0       0.000        0        0",
                110),
        0);
    assert_contains(line, "   75.0\nneg    ");
    assert_contains(
        line, "   25.0\ntotal                                     4       4.000    48.0k     6.0k");
    size_t width = strcspn(line, "\n");
    for (; *line != '\0'; line += width + 1)
        assert_int_equal(strcspn(line, "\n"), width);
    FILE *file = tmpfile();
    char *again = calloc(strlen(text) + 2, 1);
    assert_ok(tg_profile_print(p, file));
    rewind(file);
    assert_int_equal(fread(again, 1, strlen(text) + 1, file), strlen(text));
    assert_string_equal(again, text);
    fclose(file);
    file = fopen("/dev/full", "w");
    if (file != NULL) {
        setvbuf(file, NULL, _IONBF, 0);
        assert_denied(tg_profile_print(p, file), TG_ERR_IO, "profile_print: cannot write");
        fclose(file);
    }
    assert_denied(tg_profile_print(p, NULL), TG_ERR_ARG, "file is NULL");
    free(again);
    free(text);
    tg_profile_free(p);
    tg_release(x);
}

/* Walks over one JSON value; NULL if it is none. */
static const char *json(const char *s) {
    s += strspn(s, " \n");
    if (*s == '{' || *s == '[') {
        char end = *s == '{' ? '}' : ']';
        s++;
        s += strspn(s, " \n");
        while (*s != end) {
            if (end == '}') {
                s = *s == '"' ? json(s) : NULL;
                s = s != NULL && *s == ':' ? s + 1 : NULL;
            }
            s = s != NULL ? json(s) : NULL;
            if (s == NULL)
                return NULL;
            s += strspn(s, " \n");
            if (*s == ',')
                s++, s += strspn(s, " \n");
            else if (*s != end)
                return NULL;
        }
        return s + 1;
    }
    if (*s == '"') {
        for (s++; *s != '"'; s++) {
            if ((unsigned char)*s < ' ')
                return NULL;
            s += *s == '\\';
        }
        return s + 1;
    }
    size_t n = strspn(s, "-+.0123456789eE");
    return n > 0 ? s + n : NULL;
}

static int count(const char *text, const char *part) {
    int n = 0;
    for (; (text = strstr(text, part)) != NULL; text++)
        n++;
    return n;
}

static void the_trace_is_json(void **state) {
    (void)state;
    int ticks = 0;
    tg_scope s = tg_scope_open();
    tg_tensor *x = LEAF(1, 2);
    tg_profile *p = begin(&ticks);
    tg_backward(tg_sum(tg_exp(x), TG_ALL, false));
    tg_profile_end(p);
    char *text = text_of(tg_profile_format_trace, p);
    const char *end = json(text);
    assert_non_null(end);
    assert_string_equal(end, "\n");
    assert_int_equal(count(text, "\"ph\":\"X\""), count(text, "\"name\":"));
    assert_int_equal(count(text, "\"cat\":\"forward\""), 2);
    assert_int_equal(count(text, "\"cat\":\"rule\""), 2);
    assert_true(count(text, "\"cat\":\"backward\"") >= 2);
    assert_contains(text, "{\"name\":\"exp\",\"cat\":\"forward\",\"ph\":\"X\",\"ts\":1000.000,"
                          "\"dur\":1000.000,\"pid\":1,\"tid\":");
    assert_contains(text, "\"args\":{\"bytes\":32,\"flops\":2,\"memory\":");
    assert_contains(text, "\"dropped_events\":\"0\"");
    free(text);
    FILE *file = tmpfile();
    assert_ok(tg_profile_write_trace(p, file));
    assert_true(ftell(file) > 500);
    fclose(file);
    tg_profile_free(p);
    assert_ok(tg_scope_close(s));
}

static void events_are_limited(void **state) {
    (void)state;
    tg_tensor *x = number(1);
    tg_profile_options o = TG_PROFILE_OPTIONS_INIT;
    o.max_events = 3;
    tg_profile *p = tg_profile_begin(&o);
    for (int i = 0; i < 5; i++)
        tg_release(tg_exp(x));
    tg_profile_end(p);
    char *text = text_of(tg_profile_format_trace, p);
    assert_int_equal(count(text, "\"ph\":"), 3);
    assert_contains(text, "\"dropped_events\":\"2\"");
    free(text);
    assert_int_equal(find(p, "exp").calls, 5);
    tg_profile_free(p);
    o.totals_only = true;
    p = tg_profile_begin(&o);
    tg_release(tg_exp(x));
    tg_profile_end(p);
    text = text_of(tg_profile_format_trace, p);
    assert_int_equal(count(text, "\"ph\":"), 0);
    assert_non_null(json(text));
    free(text);
    tg_profile_free(p);
    tg_release(x);
}

static void it_is_begun_and_ended_once(void **state) {
    (void)state;
    tg_profile_options o = TG_PROFILE_OPTIONS_INIT;
    o.max_events = -1;
    assert_refused((tg_tensor *)(void *)tg_profile_begin(&o), TG_ERR_ARG, "max_events is -1");
    tg_profile *p = tg_profile_begin(NULL);
    assert_refused((tg_tensor *)(void *)tg_profile_begin(NULL), TG_ERR_STATE, "open");
    tg_profile_row_info row;
    assert_denied(tg_profile_row(p, 0, &row), TG_ERR_STATE, "call tg_profile_end first");
    assert_int_equal(tg_profile_format(p, NULL, 0), -1);
    tg_error_clear();
    assert_ok(tg_profile_end(p));
    assert_denied(tg_profile_end(p), TG_ERR_STATE, "ended before");
    assert_ok(tg_profile_free(p));
    assert_ok(tg_profile_free(NULL));
    assert_denied(tg_profile_end(NULL), TG_ERR_ARG, "NULL");
    assert_int_equal(tg_profile_rows(NULL), -1);
}

static void a_trace_may_be_open_too(void **state) {
    (void)state;
    tg_tensor *x = number(1);
    tg_profile *p = tg_profile_begin(NULL);
    tg_trace_t *t = tg_trace_begin();
    tg_release(tg_exp(x));
    assert_ok(tg_profile_end(p));
    tg_release(tg_exp(x));
    assert_ok(tg_trace_end(t));
    tg_release(tg_exp(x));
    assert_int_equal(find(p, "exp").calls, 1);
    assert_int_equal(tg_trace_nodes(t), 2);
    tg_profile_free(p);
    tg_trace_free(t);
    tg_release(x);
}

static bool run(tg_tensor *x) {
    tg_profile *p = tg_profile_begin(NULL);
    tg_tensor *y = p != NULL ? tg_exp(x) : NULL;
    tg_tensor *loss = y != NULL ? tg_sum(y, TG_ALL, false) : NULL;
    bool good = loss != NULL && tg_backward(loss) == TG_OK && tg_profile_end(p) == TG_OK &&
                tg_profile_format(p, NULL, 0) > 0 && tg_profile_format_trace(p, NULL, 0) > 0;
    tg_release(loss);
    tg_release(y);
    if (tg_profile_free(p) != TG_OK)
        fail_msg("not freed: %s", tg_error_message());
    return good;
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    tg_tensor *x = LEAF(1, 2);
    uint64_t n = 1;
    for (bool done = false; !done; n++) {
        tg_zero_grad(&x, 1);
        tg__alloc_fail_at(n, false);
        done = run(x) && tg__alloc_fail_at(0, false) < n; /* a dropped event is no failure */
        tg__alloc_fail_at(0, false);
        tg_error_clear();
    }
    assert_true(n > 8);
    tg_release(x);
}

static void *profiles_alone(void *x) {
    tg_profile *p = tg_profile_begin(NULL);
    for (int i = 0; i < 500; i++)
        tg_release(tg_exp(x));
    bool good = tg_profile_end(p) == TG_OK && tg_profile_rows(p) == 1;
    tg_profile_row_info row;
    good = good && tg_profile_row(p, 0, &row) == TG_OK && row.calls == 500;
    return tg_profile_free(p) == TG_OK && good ? x : NULL;
}

static void threads_profile_on_their_own(void **state) {
    (void)state;
    tg_tensor *x = number(1);
    pthread_t thread[4];
    tg_profile *p = tg_profile_begin(NULL);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, profiles_alone, x), 0);
    for (int i = 0; i < 4; i++) {
        void *result;
        pthread_join(thread[i], &result);
        assert_ptr_equal(result, x);
    }
    tg_profile_end(p);
    assert_int_equal(tg_profile_rows(p), 0);
    tg_profile_free(p);
    tg_release(x);
}

#define TEST(f) cmocka_unit_test_teardown(f, teardown)
TG_TEST_MAIN(TEST(calls_times_bytes_and_flops_add_up), TEST(convolutions_are_counted_exactly),
             TEST(work_is_counted_where_it_is_done), TEST(moving_memory_is_no_work),
             TEST(memory_has_its_peak), TEST(the_table_is_aligned_and_sorted),
             TEST(the_trace_is_json), TEST(events_are_limited), TEST(it_is_begun_and_ended_once),
             TEST(a_trace_may_be_open_too), TEST(every_allocation_may_fail),
             TEST(threads_profile_on_their_own))
