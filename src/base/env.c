/* env.c - the settings that come from environment variables, read once and checked.
 *
 * What is here is the third source of a setting: arguments come first, then these variables, then
 * the default that the setting's user knows. A value that cannot be used is left out and named in
 * one line of the log. Nothing here asks for the thread's block or for memory, so that everything
 * may ask for the settings. */
#include "base/env.h"

#include "base/log.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_BYTES 48

static pthread_once_t once = PTHREAD_ONCE_INIT;
static tg__env settings;

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Reads the digits at *p and moves it behind them; false if there are none or they overflow. */
static bool parse_digits(const char **p, uint64_t *out) {
    uint64_t n = 0;
    const char *q = *p;
    if (!is_digit(*q))
        return false;
    for (; is_digit(*q); q++)
        if (__builtin_mul_overflow(n, (uint64_t)10, &n) ||
            __builtin_add_overflow(n, (uint64_t)(*q - '0'), &n))
            return false;
    *p = q;
    *out = n;
    return true;
}

bool tg__env_parse_int(const char *text, int64_t lowest, int64_t highest, int64_t *out) {
    if (text == NULL)
        return false;
    bool negative = *text == '-';
    if (*text == '-' || *text == '+')
        text++;
    uint64_t n;
    if (!parse_digits(&text, &n) || *text != '\0' || n > INT64_MAX)
        return false;
    int64_t value = negative ? -(int64_t)n : (int64_t)n;
    if (value < lowest || value > highest)
        return false;
    *out = value;
    return true;
}

bool tg__env_parse_bytes(const char *text, uint64_t *out) {
    uint64_t n;
    if (text == NULL || !parse_digits(&text, &n))
        return false;
    unsigned shift = 0;
    switch (*text) {
    case 'K':
    case 'k':
        shift = 10;
        break;
    case 'M':
    case 'm':
        shift = 20;
        break;
    case 'G':
    case 'g':
        shift = 30;
        break;
    default:
        break;
    }
    if (shift != 0)
        text++;
    if (*text != '\0' || n > UINT64_MAX >> shift)
        return false;
    *out = n << shift;
    return true;
}

static void complain(const char *name, const char *text, const char *expected) {
    char shown[SHOWN_BYTES + 4];
    size_t n = 0;
    for (; text[n] != '\0' && n < SHOWN_BYTES; n++)
        shown[n] = text[n] >= 0x20 && text[n] < 0x7f ? text[n] : '?';
    memcpy(shown + n, text[n] == '\0' ? "" : "...", text[n] == '\0' ? 1 : 4);
    tg__log(TG_LOG_WARN, "%s='%s' is ignored: expected %s", name, shown, expected);
}

static void read_bool(const char *name, bool *out) {
    const char *text = getenv(name);
    int64_t value;
    if (text == NULL)
        return;
    if (tg__env_parse_int(text, 0, 1, &value))
        *out = value == 1;
    else
        complain(name, text, "0 or 1");
}

static void read_threads(void) {
    const char *text = getenv("TENSORGRAD_NUM_THREADS");
    int64_t value;
    if (text == NULL)
        return;
    if (tg__env_parse_int(text, 1, 1024, &value))
        settings.num_threads = (int)value;
    else
        complain("TENSORGRAD_NUM_THREADS", text, "a whole number from 1 to 1024");
}

static void read_isa(void) {
    static const char *const known[] = {"base", "avx2", "avx512", "neon"};
    const char *text = getenv("TENSORGRAD_ISA");
    if (text == NULL)
        return;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(text, known[i]) == 0) {
            memcpy(settings.isa, known[i], strlen(known[i]) + 1);
            return;
        }
    complain("TENSORGRAD_ISA", text, "base, avx2, avx512 or neon");
}

static void read_pool_max(void) {
    const char *text = getenv("TENSORGRAD_POOL_MAX");
    uint64_t value;
    if (text == NULL)
        return;
    if (tg__env_parse_bytes(text, &value) && value > 0)
        settings.pool_max = value;
    else
        complain("TENSORGRAD_POOL_MAX", text, "bytes above 0, with K, M or G if you like (512M)");
}

static void read_all(void) {
    bool progress = true;
    settings = (tg__env){.pool_max = UINT64_MAX};
    read_threads();
    read_isa();
    read_pool_max();
    read_bool("TENSORGRAD_DETERMINISTIC", &settings.deterministic);
    read_bool("TENSORGRAD_LEAKS", &settings.leaks);
    read_bool("TENSORGRAD_PROGRESS", &progress);
    settings.progress_off = !progress;
}

/* pthread_once rather than a mutex: it works in a child forked while another thread was reading. */
const tg__env *tg__env_get(void) {
    pthread_once(&once, read_all);
    return &settings;
}

void tg__env_reset(void) {
    static const pthread_once_t again = PTHREAD_ONCE_INIT;
    once = again;
}
