/* test_site.c - where the library was called from. */
#include "core/site.h"

#include "base/thread.h"

#include "tg_tidy.h"

#include <tensorgrad/scope.h>

static void file_and_line_come_first(void **state) {
    (void)state;
    tg__site site;
    char text[TG__SITE_BYTES];
    tg_site("model.c", 12);
    tg__site_here(&site);
    tg_site(NULL, 0);
    tg__site_text(&site, text, sizeof text);
    assert_string_equal(text, "model.c:12");
}

static void a_text_that_is_too_long_is_cut(void **state) {
    (void)state;
    tg__site site = {.file = "a/long/path/to/model.c", .line = 12};
    char text[8];
    tg__site_text(&site, text, sizeof text);
    assert_string_equal(text, "a/long/");
}

static void a_site_without_frames_is_unknown(void **state) {
    (void)state;
    tg__site site = {0};
    char text[TG__SITE_BYTES];
    tg__site_text(&site, text, sizeof text);
    assert_string_equal(text, "an unknown place");
}

TG_TEST_MAIN(tg_tidy(file_and_line_come_first), tg_tidy(a_text_that_is_too_long_is_cut),
             tg_tidy(a_site_without_frames_is_unknown))
