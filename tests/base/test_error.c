/* test_error.c - each thread's error: which one stays, what it gates, and how its text is made.
 *
 * What scopes do to errors in use is tested in core/test_scope_error.c. */
#include "base/error.h"

#include "core/callback.h"

#include "comma.h"
#include "tg_tidy.h"

#include <float.h>
#include <limits.h>
#include <pthread.h>

static tg_status raise_error(tg_status status) {
    return tg__fail(status, "test", "error %d", (int)status);
}

static tg_status gate(void) { return tg__gate(tg__self()); }

#define assert_pending(status, text)                                                               \
    do {                                                                                           \
        assert_int_equal(tg_error_status(), status);                                               \
        assert_string_equal(tg_error_message(), text);                                             \
    } while (0)

static void assert_clear(void) {
    assert_pending(TG_OK, "");
    assert_string_equal(tg_error_op(), "");
    assert_int_equal(gate(), TG_OK);
}

/* ---- Raising ---- */

static void a_fresh_thread_has_no_error(void **state) {
    (void)state;
    assert_clear();
}

static void an_error_has_status_operation_and_text(void **state) {
    (void)state;
    assert_int_equal(tg__fail(TG_ERR_SHAPE, "matmul", "%d and %s", 3, "four"), TG_ERR_SHAPE);
    assert_pending(TG_ERR_SHAPE, "matmul: 3 and four");
    assert_string_equal(tg_error_op(), "matmul");
    tg_error_clear();
    assert_clear();
}

static void the_name_of_the_operation_may_be_short_lived(void **state) {
    (void)state;
    char op[] = "briefly";
    tg__fail(TG_ERR_ARG, op, "x");
    memset(op, 'z', sizeof op - 1);
    assert_string_equal(tg_error_op(), "briefly");
    assert_string_equal(tg_error_message(), "briefly: x");
}

static void each_status_has_its_name(void **state) {
    (void)state;
    static const char *const names[] = {"TG_OK",
                                        "TG_ERR_ARG",
                                        "TG_ERR_SHAPE",
                                        "TG_ERR_DTYPE",
                                        "TG_ERR_INDEX",
                                        "TG_ERR_STATE",
                                        "TG_ERR_MEMORY",
                                        "TG_ERR_NUMERIC",
                                        "TG_ERR_UNSUPPORTED",
                                        "TG_ERR_FORMAT",
                                        "TG_ERR_IO",
                                        "TG_ERR_BUSY",
                                        "TG_ERR_INTERRUPTED",
                                        "TG_ERR_INTERNAL"};
    for (int i = 0; i < 14; i++)
        assert_string_equal(tg_status_name((tg_status)i), names[i]);
    assert_string_equal(tg_status_name(TG_ERR_INTERNAL), "TG_ERR_INTERNAL");
    static const int others[] = {-1, 14, 1000, INT_MAX, INT_MIN};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_string_equal(tg_status_name((tg_status)others[i]), "unknown status");
}

static void want_of_memory_tells_the_bytes(void **state) {
    (void)state;
    assert_int_equal(tg__fail_memory("zeros", UINT64_MAX), TG_ERR_MEMORY);
    assert_contains(tg_error_message(),
                    "zeros: out of memory asking for 18446744073709551615 bytes");
}

/* ---- Which error stays ---- */

static void outside_scopes_the_latest_stays(void **state) {
    (void)state;
    raise_error(TG_ERR_SHAPE);
    assert_int_equal(raise_error(TG_ERR_DTYPE), TG_ERR_DTYPE);
    assert_pending(TG_ERR_DTYPE, "test: error 3");
    assert_int_equal(gate(), TG_OK);
}

static void inside_a_scope_the_first_stays_until_it_is_cleared(void **state) {
    (void)state;
    tg_scope s = tg_scope_open();
    raise_error(TG_ERR_SHAPE);
    assert_int_equal(gate(), TG_ERR_SHAPE);
    assert_int_equal(tg__fail(TG_ERR_DTYPE, "other", "later"), TG_ERR_DTYPE); /* told, not kept */
    assert_pending(TG_ERR_SHAPE, "test: error 2");
    assert_string_equal(tg_error_op(), "test");
    tg_error_clear();
    assert_clear();
    tg__fail(TG_ERR_DTYPE, "other", "later");
    assert_pending(TG_ERR_DTYPE, "other: later");
    assert_int_equal(tg_scope_close(s), TG_ERR_DTYPE);
    assert_pending(TG_ERR_DTYPE, "other: later");
    assert_int_equal(gate(), TG_OK);
}

static void an_error_from_before_is_set_aside(void **state) {
    (void)state;
    raise_error(TG_ERR_IO);
    tg_scope s = tg_scope_open();
    assert_int_equal(tg_error_status(), TG_OK);
    assert_int_equal(gate(), TG_OK);
    tg_error_clear(); /* it was not raised in here */
    assert_string_equal(tg_error_message(), "test: error 10");
    assert_int_equal(tg_scope_close(s), TG_OK);
    assert_pending(TG_ERR_IO, "test: error 10");

    s = tg_scope_open();
    raise_error(TG_ERR_SHAPE); /* the first in here */
    assert_int_equal(gate(), TG_ERR_SHAPE);
    assert_int_equal(tg_scope_close(s), TG_ERR_SHAPE);
    assert_pending(TG_ERR_SHAPE, "test: error 2");
}

static void an_error_shuts_the_scopes_around_and_those_opened_later(void **state) {
    (void)state;
    tg_scope a = tg_scope_open();
    tg_scope b = tg_scope_open();
    raise_error(TG_ERR_INDEX);
    tg_scope c = tg_scope_open();
    assert_int_equal(gate(), TG_ERR_INDEX);
    tg_error_clear(); /* nothing was raised since c */
    assert_int_equal(gate(), TG_ERR_INDEX);
    assert_int_equal(tg_scope_close(c), TG_ERR_INDEX);
    assert_int_equal(tg_scope_close(b), TG_ERR_INDEX);
    assert_int_equal(gate(), TG_ERR_INDEX);
    tg_error_clear(); /* raised since a was opened */
    assert_clear();
    assert_int_equal(tg_scope_close(a), TG_OK);
}

static void a_callback_begins_with_a_clean_slate(void **state) {
    (void)state;
    raise_error(TG_ERR_IO);
    tg__callback c = tg__callback_enter(true);
    assert_int_equal(tg_error_status(), TG_OK);
    tg_error_clear();
    raise_error(TG_ERR_SHAPE);
    assert_pending(TG_ERR_SHAPE, "test: error 2");
    assert_int_equal(gate(), TG_OK); /* no scope of the callback's is open */
    raise_error(TG_ERR_DTYPE);
    assert_pending(TG_ERR_DTYPE, "test: error 3");
    tg_scope s = tg_scope_open();
    assert_int_equal(tg_error_status(), TG_OK);
    assert_int_equal(tg_scope_close(s), TG_OK);
    tg_error_clear();
    assert_clear();
    assert_int_equal(tg__callback_leave(c, "test", TG_OK, NULL, 0), TG_OK);
}

static void null_leaves_a_pending_error_alone(void **state) {
    (void)state;
    assert_int_equal(tg__fail_null("add", "b"), TG_ERR_ARG);
    assert_contains(tg_error_message(), "add: argument b is NULL; ");
    raise_error(TG_ERR_SHAPE);
    assert_int_equal(tg__fail_null("add", "b"), TG_ERR_SHAPE);
    assert_pending(TG_ERR_SHAPE, "test: error 2");

    tg_scope s = tg_scope_open(); /* set aside: not pending in here */
    assert_int_equal(tg__fail_null("mul", "a"), TG_ERR_ARG);
    assert_contains(tg_error_message(), "mul: argument a is NULL; ");
    assert_int_equal(tg__fail_null("mul", "b"), TG_ERR_ARG);
    assert_contains(tg_error_message(), "mul: argument a is NULL; ");
    assert_int_equal(tg_scope_close(s), TG_ERR_ARG);
}

static void composed_operations_speak_in_their_own_name(void **state) {
    (void)state;
    const char *outer = tg__errors_as("mse_loss");
    raise_error(TG_ERR_SHAPE);
    assert_pending(TG_ERR_SHAPE, "mse_loss: error 2");
    assert_string_equal(tg_error_op(), "mse_loss");
    const char *inner = tg__errors_as("var"); /* what the user called is the outer one */
    raise_error(TG_ERR_DTYPE);
    assert_pending(TG_ERR_DTYPE, "mse_loss: error 3");
    tg__errors_back(inner);
    raise_error(TG_ERR_IO);
    assert_pending(TG_ERR_IO, "mse_loss: error 10");
    tg__errors_back(outer);
    raise_error(TG_ERR_IO);
    assert_pending(TG_ERR_IO, "test: error 10");
}

static void *look_and_raise(void *status) {
    *(tg_status *)status = tg_error_status();
    raise_error(TG_ERR_FORMAT);
    return NULL;
}

static void errors_belong_to_threads(void **state) {
    (void)state;
    pthread_t thread;
    tg_status seen = TG_ERR_INTERNAL;
    raise_error(TG_ERR_SHAPE);
    assert_int_equal(pthread_create(&thread, NULL, look_and_raise, &seen), 0);
    pthread_join(thread, NULL);
    assert_int_equal(seen, TG_OK);
    assert_pending(TG_ERR_SHAPE, "test: error 2");
}

static void an_error_needs_no_memory(void **state) {
    (void)state;
    raise_error(TG_ERR_IO);
    tg__alloc_fail_at(1, true);
    tg__fail(TG_ERR_ARG, "op", "%s, %s, %s", tg__quote("a\nb"), tg__num(0.1), tg__desc_buffer());
    tg_status status = tg_error_status();
    const char *message = tg_error_message();
    uint64_t requests = tg__alloc_fail_at(0, false);
    assert_int_equal(requests, 0);
    assert_int_equal(status, TG_ERR_ARG);
    assert_contains(message, "op: 'a\\x0ab', 0.1, ");
}

/* ---- Long texts ---- */

/* Well-formed UTF-8 without control characters. */
static bool is_clean(const char *text) {
    for (const unsigned char *s = (const unsigned char *)text; *s != 0;) {
        int n = *s < 0x80 ? 1 : *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : 4;
        uint32_t code = n == 1 ? *s : *s & (0xffu >> (n + 1));
        if (n > 1 && *s < 0xc2)
            return false;
        for (int i = 1; i < n; i++) {
            if ((s[i] & 0xc0) != 0x80)
                return false;
            code = code << 6 | (s[i] & 0x3f);
        }
        static const uint32_t smallest[] = {0, 0x20, 0xa0, 0x800, 0x10000};
        if (code < smallest[n] || code == 0x7f || code > 0x10ffff ||
            (code >= 0xd800 && code < 0xe000))
            return false;
        s += n;
    }
    return true;
}

static void long_messages_are_cut(void **state) {
    (void)state;
    static char text[3000];
    memset(text, 'x', sizeof text - 1);
    tg__fail(TG_ERR_ARG, "op", "%s", text);
    const char *message = tg_error_message();
    assert_int_equal(strlen(message), TG__MESSAGE_BYTES - 1);
    assert_int_equal(strncmp(message, "op: xxxx", 8), 0);
    tg__fail(TG_ERR_ARG, text, "%s", text);
    assert_int_equal(strlen(tg_error_message()), TG__MESSAGE_BYTES - 1);
    assert_int_equal(strlen(tg_error_op()), sizeof tg__self()->error_op_copy - 1);
    tg__fail(TG_ERR_ARG, "op", "short");
    assert_pending(TG_ERR_ARG, "op: short");
}

/* Wherever the end falls, no character is torn. */
static void characters_are_not_torn(void **state) {
    (void)state;
    static const char *const characters[] = {"\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    static char text[1200];
    for (int c = 0; c < 3; c++)
        for (int offset = 0; offset < 4; offset++) {
            size_t n = strlen(characters[c]);
            memset(text, 'a', sizeof text);
            for (size_t i = (size_t)offset; i + n < sizeof text; i += n)
                memcpy(text + i, characters[c], n);
            text[sizeof text - 1] = '\0';
            tg__fail(TG_ERR_ARG, text, "%s", "");
            assert_true(is_clean(tg_error_op()));
            assert_true(strlen(tg_error_op()) > sizeof tg__self()->error_op_copy - 1 - n);
            tg__fail(TG_ERR_ARG, "op", "%s", text);
            assert_true(is_clean(tg_error_message()));
            assert_true(strlen(tg_error_message()) > TG__MESSAGE_BYTES - 1 - n);
        }
    tg__fail(TG_ERR_ARG, "op", "10 \xe2\x82\xac"); /* whole ones stay */
    assert_string_equal(tg_error_message(), "op: 10 \xe2\x82\xac");
}

/* ---- Pieces of a message ---- */

static void eight_pieces_live_at_a_time(void **state) {
    (void)state;
    char *piece[TG__DESC_SLOTS + 1];
    for (int i = 0; i <= TG__DESC_SLOTS; i++) {
        piece[i] = tg__desc_buffer();
        memset(piece[i], '0' + i, TG__DESC_BYTES); /* all of it may be used */
        for (int k = 0; k < i && i < TG__DESC_SLOTS; k++)
            assert_true(piece[k] != piece[i] && piece[k][0] == '0' + k &&
                        piece[k][TG__DESC_BYTES - 1] == '0' + k);
    }
    assert_ptr_equal(piece[TG__DESC_SLOTS], piece[0]);
}

static void user_text_is_quoted(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"plain text", "'plain text'"},
        {"", "''"},
        {"it's", "'it's'"},
        {"a\tb\n", "'a\\x09b\\x0a'"},
        {"\x1b[31m\x7f", "'\\x1b[31m\\x7f'"},
        {"C:\\x0a", "'C:\\x5cx0a'"}, /* not to be mistaken for a line feed */
        {"gr\xc3\xb6\xc3\x9f"
         "e",
         "'gr\xc3\xb6\xc3\x9f"
         "e'"},
        {"\xe2\x82\xac \xf0\x9f\x98\x80", "'\xe2\x82\xac \xf0\x9f\x98\x80'"},
        {"\xff\xfe", "'\\xff\\xfe'"},
        {"\xc3", "'\\xc3'"},                            /* cut */
        {"\xe2\x82", "'\\xe2\\x82'"},                   /* cut */
        {"\xf0\x9f\x98", "'\\xf0\\x9f\\x98'"},          /* cut */
        {"\xc0\xaf", "'\\xc0\\xaf'"},                   /* overlong */
        {"\xe0\x80\xaf", "'\\xe0\\x80\\xaf'"},          /* overlong */
        {"\xf0\x80\x80\xaf", "'\\xf0\\x80\\x80\\xaf'"}, /* overlong */
        {"\xed\xa0\x80", "'\\xed\\xa0\\x80'"},          /* a surrogate */
        {"\xf4\x90\x80\x80", "'\\xf4\\x90\\x80\\x80'"}, /* beyond U+10FFFF */
        {"\xc2\x9b"
         "31m",
         "'\\xc2\\x9b"
         "31m'"}, /* a control character of 8 bits */
        {"\xc2\xa0\xe0\xa0\x80\xed\x9f\xbf\xf4\x8f\xbf\xbf",
         "'\xc2\xa0\xe0\xa0\x80\xed\x9f\xbf\xf4\x8f\xbf\xbf'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(tg__quote(cases[i][0]), cases[i][1]);
    assert_string_equal(tg__quote(NULL), "(null)");
}

static void long_user_text_is_cut(void **state) {
    (void)state;
    char text[200];
    for (int n = 0; n < 200; n++) {
        memset(text, 'a', (size_t)n);
        text[n] = '\0';
        const char *quoted = tg__quote(text);
        assert_int_equal(strlen(quoted), n <= 60 ? n + 2 : 65);
        assert_string_equal(quoted + strlen(quoted) - 4,
                            n > 60 ? "...'" : quoted + strlen(quoted) - 4);
    }
    memset(text, '\n', 199);
    text[199] = '\0';
    assert_string_equal(tg__quote(text) + strlen(tg__quote(text)) - 8, "\\x0a...'");
}

/* Any bytes give a clean text that fits. */
static void quoted_text_is_clean(void **state) {
    (void)state;
    uint64_t seed = 88172645463325252u;
    char text[80];
    static const char few[] = "\xc2\xe2\xf0\xed\x80\x9f\xa0\xbf\xff\n\\'a";
    for (int round = 0; round < 20000; round++) {
        size_t n = 0;
        for (; n < sizeof text - 1; n++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            text[n] = round % 2 ? (char)(seed >> 32) : few[(seed >> 32) % (sizeof few - 1)];
            if (seed % 97 == 0)
                break;
        }
        text[n] = '\0';
        const char *quoted = tg__quote(text);
        size_t length = strlen(quoted);
        assert_true(length < TG__DESC_BYTES && is_clean(quoted));
        assert_true(quoted[0] == '\'' && quoted[length - 1] == '\'');
    }
}

static void numbers_read_back(void **state) {
    (void)state;
    assert_string_equal(tg__num(0.1), "0.1");
    assert_string_equal(tg__num(-1e300), "-1e+300");
    assert_string_equal(tg__num(3), "3");
    assert_string_equal(tg__num((double)NAN), "nan");
    assert_string_equal(tg__num(-(double)INFINITY), "-inf");
    assert_true(strtod(tg__num(DBL_MIN / 3), NULL) == DBL_MIN / 3);
}

static void check_in_comma_locale(void) {
    assert_string_equal(tg__num(1234.5), "1234.5");
    tg__fail(TG_ERR_ARG, "clamp", "%s of %d", tg__num(0.25), 1234567);
    assert_string_equal(tg_error_message(), "clamp: 0.25 of 1234567");
    assert_string_equal(tg__quote("\xe9"), "'\\xe9'");
}

static void texts_do_not_depend_on_the_locale(void **state) {
    (void)state;
    if (!in_decimal_comma(check_in_comma_locale))
        tg_skip("no locale with a decimal comma");
}

TG_TEST_MAIN(tg_tidy(a_fresh_thread_has_no_error), tg_tidy(an_error_has_status_operation_and_text),
             tg_tidy(the_name_of_the_operation_may_be_short_lived),
             tg_tidy(each_status_has_its_name), tg_tidy(want_of_memory_tells_the_bytes),
             tg_tidy(outside_scopes_the_latest_stays),
             tg_tidy(inside_a_scope_the_first_stays_until_it_is_cleared),
             tg_tidy(an_error_from_before_is_set_aside),
             tg_tidy(an_error_shuts_the_scopes_around_and_those_opened_later),
             tg_tidy(a_callback_begins_with_a_clean_slate),
             tg_tidy(null_leaves_a_pending_error_alone),
             tg_tidy(composed_operations_speak_in_their_own_name),
             tg_tidy(errors_belong_to_threads), tg_tidy(an_error_needs_no_memory),
             tg_tidy(long_messages_are_cut), tg_tidy(characters_are_not_torn),
             tg_tidy(eight_pieces_live_at_a_time), tg_tidy(user_text_is_quoted),
             tg_tidy(long_user_text_is_cut), tg_tidy(quoted_text_is_clean),
             tg_tidy(numbers_read_back), tg_tidy(texts_do_not_depend_on_the_locale))
