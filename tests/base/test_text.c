/* test_text.c - text that grows, and ends in a buffer or a file. */
#include "tg_test.h"

#include "base/alloc.h"
#include "base/text.h"

#include <string.h>

static const char *ended(tg__output *o) {
    static char buf[20000];
    int64_t n = tg__output_format("test", o, buf, sizeof buf);
    assert_int_equal(n, strlen(buf));
    assert_null(o->bytes);
    return buf;
}

static void pieces_are_appended(void **state) {
    (void)state;
    tg__output o = {0};
    assert_string_equal(ended(&o), "");
    tg__put(&o, "a");
    tg__put_bytes(&o, "bcd", 2);
    tg__put_integer(&o, INT64_MIN);
    tg__put(&o, " ");
    tg__put_fixed(&o, 1234.5, 2);
    tg__put(&o, " ");
    tg__put_double(&o, 0.1, 0);
    assert_string_equal(ended(&o), "abc-9223372036854775808 1234.50 0.1");
    for (int i = 0; i < 10000; i++)
        tg__put(&o, "x");
    assert_int_equal(strlen(ended(&o)), 10000);
}

static void text_is_escaped(void **state) {
    (void)state;
    tg__output o = {0};
    tg__put_xml(&o, "a<b>&\"\xC3\xA9\xFF\x01\n");
    assert_string_equal(ended(&o),
                        "a&lt;b&gt;&amp;&quot;\xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    tg__put_json(&o, "a\"\\\xC3\xA9\xFF\x01\n\t");
    assert_string_equal(ended(&o), "\"a\\\"\\\\\xC3\xA9\xEF\xBF\xBD\\u0001\\u000a\\u0009\"");
    tg__put_xml(&o, "\xED\xA0\x80"); /* a surrogate: three bytes that are none of UTF-8 */
    assert_string_equal(ended(&o), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
}

static void a_small_buffer_gets_the_beginning(void **state) {
    (void)state;
    tg__output o = {0};
    char buf[4];
    tg__put(&o, "abcdef");
    assert_int_equal(tg__output_format("test", &o, buf, sizeof buf), 6);
    assert_string_equal(buf, "abc");
    tg__put(&o, "abcdef");
    assert_int_equal(tg__output_format("test", &o, NULL, 0), 6);
}

static void running_out_of_memory_is_told_once(void **state) {
    (void)state;
    tg__output o = {0};
    char buf[4] = "";
    tg__alloc_fail_at(1, true);
    tg__put(&o, "a");
    tg__alloc_fail_at(0, false);
    tg__put(&o, "b"); /* nothing comes after what is missing */
    assert_int_equal(tg__output_format("test", &o, buf, sizeof buf), -1);
    assert_fails(tg_error_status(), TG_ERR_MEMORY, "test: ");
    tg_error_clear();
}

static void files_get_all_or_tell_why(void **state) {
    (void)state;
    tg__output o = {0};
    char buf[8] = "";
    FILE *file = tmpfile();
    tg__put(&o, "abc");
    assert_ok(tg__output_write("test", &o, file));
    rewind(file);
    assert_int_equal(fread(buf, 1, sizeof buf, file), 3);
    assert_string_equal(buf, "abc");
    fclose(file);
    file = fopen("/dev/full", "w");
    if (file == NULL)
        tg_skip("there is no /dev/full");
    setvbuf(file, NULL, _IONBF, 0);
    tg__put(&o, "abc");
    assert_fails(tg__output_write("test", &o, file), TG_ERR_IO, "test: cannot write 3 bytes: No");
    fclose(file);
    tg_error_clear();
}

TG_TEST_MAIN(cmocka_unit_test(pieces_are_appended), cmocka_unit_test(text_is_escaped),
             cmocka_unit_test(a_small_buffer_gets_the_beginning),
             cmocka_unit_test(running_out_of_memory_is_told_once),
             cmocka_unit_test(files_get_all_or_tell_why))
