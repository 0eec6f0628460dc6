/* text.c - text that grows, and ends in a buffer or a file.
 *
 * Writers of SVG, DOT, JSON and tables append piece by piece and look once, at the end, whether the
 * memory was there. */
#include "base/text.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/number.h"

#include <errno.h>
#include <string.h>

void tg__put_bytes(tg__output *o, const char *bytes, size_t n) {
    if (o->capacity - o->length < n && o->refused == 0) {
        size_t capacity = o->capacity < 4096 ? 4096 : o->capacity;
        while (capacity - o->length < n)
            capacity *= 2;
        char *grown = tg__realloc(o->bytes, o->capacity, capacity);
        if (grown == NULL) {
            o->refused = capacity;
        } else {
            o->bytes = grown;
            o->capacity = capacity;
        }
    }
    if (o->refused != 0)
        return;
    memcpy(o->bytes + o->length, bytes, n);
    o->length += n;
}

void tg__put(tg__output *o, const char *text) { tg__put_bytes(o, text, strlen(text)); }

void tg__put_fixed(tg__output *o, double value, int decimals) {
    char buf[352];
    tg__put_bytes(o, buf, (size_t)tg__format_fixed(buf, value, decimals));
}

void tg__put_integer(tg__output *o, int64_t value) {
    char buf[24];
    snprintf(buf, sizeof buf, "%lld", (long long)value);
    tg__put(o, buf);
}

void tg__put_double(tg__output *o, double value, int digits) {
    char buf[32];
    tg__put_bytes(o, buf, (size_t)tg__format_double(buf, value, digits));
}

/* ---- Text of the user's ---- */

/* Bytes of the UTF-8 character at s if XML may contain it, else 0. */
static int character(const unsigned char *s) {
    if (s[0] < 0x80)
        return s[0] >= ' ' || s[0] == '\t' ? 1 : 0;
    int n = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    uint32_t c = s[0] & (0xFFu >> (n + 1));
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    for (int i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3Fu);
    }
    bool surrogate = c >= 0xD800 && c <= 0xDFFF;
    return s[0] < 0xC2 || s[0] > 0xF4 || c < least[n] || c > 0x10FFFF || surrogate || c == 0xFFFE ||
                   c == 0xFFFF
               ? 0
               : n;
}

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

void tg__put_xml(tg__output *o, const char *text) {
    const unsigned char *s = (const unsigned char *)text;
    while (*s != '\0') {
        int n = character(s);
        if (n == 0)
            tg__put(o, REPLACEMENT);
        else if (*s == '&')
            tg__put(o, "&amp;");
        else if (*s == '<')
            tg__put(o, "&lt;");
        else if (*s == '>')
            tg__put(o, "&gt;");
        else if (*s == '"')
            tg__put(o, "&quot;");
        else
            tg__put_bytes(o, (const char *)s, (size_t)n);
        s += n == 0 ? 1 : n;
    }
}

void tg__put_json(tg__output *o, const char *text) {
    const unsigned char *s = (const unsigned char *)text;
    tg__put(o, "\"");
    while (*s != '\0') {
        int n = character(s);
        if (*s < ' ') {
            char buf[8];
            snprintf(buf, sizeof buf, "\\u%04x", *s);
            tg__put(o, buf);
            n = 1;
        } else if (n == 0) {
            tg__put(o, REPLACEMENT);
        } else {
            if (*s == '"' || *s == '\\')
                tg__put(o, "\\");
            tg__put_bytes(o, (const char *)s, (size_t)n);
        }
        s += n == 0 ? 1 : n;
    }
    tg__put(o, "\"");
}

/* ---- The end ---- */

void tg__output_free(tg__output *o) {
    tg__free(o->bytes, o->capacity);
    *o = (tg__output){0};
}

int64_t tg__output_format(const char *op, tg__output *o, char *buf, size_t cap) {
    int64_t length = (int64_t)o->length;
    if (o->refused != 0) {
        tg__fail_memory(op, o->refused);
        length = -1;
    } else if (cap > 0) {
        size_t n = o->length < cap - 1 ? o->length : cap - 1;
        if (n > 0)
            memcpy(buf, o->bytes, n);
        buf[n] = '\0';
    }
    tg__output_free(o);
    return length;
}

tg_status tg__output_write(const char *op, tg__output *o, FILE *file) {
    tg_status status = TG_OK;
    char reason[128];
    errno = 0;
    if (o->refused != 0)
        status = tg__fail_memory(op, o->refused);
    else if (o->length > 0 && fwrite(o->bytes, 1, o->length, file) != o->length)
        status = tg__fail(TG_ERR_IO, op, "cannot write %zu bytes: %s", o->length,
                          strerror_r(errno != 0 ? errno : EIO, reason, sizeof reason));
    tg__output_free(o);
    return status;
}
