/* error.c - each thread's error, and how scopes keep the first one.
 *
 * An error remembers the number of levels (scopes and callback barriers) open when it was raised. A
 * level number above the innermost barrier means "raised inside an open scope": it shuts all scopes
 * down to that barrier. An error from outside the outermost scope is set aside while scopes are
 * open: it gates nothing, and the first failure inside replaces it. Closing a scope lowers the
 * error's level to the levels that remain, so the outer scope stays shut. */
#include "base/error.h"

#include "base/number.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static uint32_t depth(const tg__thread *t) { return t->n_levels + t->lost_levels; }

static bool pending(const tg__thread *t) {
    if (t->error_status == TG_OK)
        return false;
    return depth(t) > t->barrier ? t->error_level > t->barrier : t->error_level >= t->barrier;
}

tg_status tg__gate(const tg__thread *t) {
    if (!t->usable)
        return TG_ERR_MEMORY;
    return depth(t) > t->barrier && pending(t) ? t->error_status : TG_OK;
}

/* Bytes of the UTF-8 character that begins at s; 0 if there is none (overlong forms, surrogates,
 * control characters and the final zero included). Reads no further than it needs to. */
static size_t character(const unsigned char *s) {
    if (s[0] < 0x80)
        return s[0] >= 0x20 && s[0] != 0x7f;
    size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    unsigned char lowest = s[0] == 0xc2 || s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char highest = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;
    if (s[1] < lowest || s[1] > highest)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

/* A text that was cut may end inside a character: takes what there is of it off. */
static void trim(char *text) {
    size_t i = strlen(text);
    while (i > 0 && ((unsigned char)text[i - 1] & 0xc0) == 0x80)
        i--;
    if (i > 0 && (unsigned char)text[i - 1] >= 0x80 &&
        character((const unsigned char *)text + i - 1) == 0)
        text[i - 1] = '\0';
}

static void set_op(tg__thread *t, const char *op) {
    snprintf(t->error_op_copy, sizeof t->error_op_copy, "%s", op);
    trim(t->error_op_copy);
    t->error_op = t->error_op_copy;
}

tg_status tg__fail(tg_status status, const char *op, const char *format, ...) {
    tg__thread *t = tg__self();
    if (!t->usable || tg__gate(t) != TG_OK)
        return status;
    if (t->error_as != NULL)
        op = t->error_as;
    int head = snprintf(t->message, sizeof t->message, "%s: ", op);
    size_t used = head < 0 ? 0 : (size_t)head;
    if (used >= sizeof t->message)
        used = sizeof t->message - 1;
    va_list args;
    va_start(args, format);
    vsnprintf(t->message + used, sizeof t->message - used, format, args);
    va_end(args);
    trim(t->message);
    set_op(t, op);
    t->error_status = status;
    t->error_level = depth(t);
    return status;
}

void tg__fail_add(const char *format, ...) {
    tg__thread *t = tg__self();
    if (!t->usable)
        return;
    size_t used = strlen(t->message);
    va_list args;
    va_start(args, format);
    vsnprintf(t->message + used, sizeof t->message - used, format, args);
    va_end(args);
    trim(t->message);
}

tg_status tg__fail_memory(const char *op, uint64_t bytes) {
    return tg__fail(TG_ERR_MEMORY, op,
                    "out of memory asking for %llu bytes; free tensors, lower the batch size or "
                    "raise TENSORGRAD_POOL_MAX",
                    (unsigned long long)bytes);
}

tg_status tg__fail_null(const char *op, const char *name) {
    tg__thread *t = tg__self();
    if (!t->usable)
        return TG_ERR_MEMORY;
    if (pending(t))
        return t->error_status;
    return tg__fail(TG_ERR_ARG, op,
                    "argument %s is NULL; pass a tensor (TG_NONE for an absent one)", name);
}

tg_status tg_error_status(void) {
    const tg__thread *t = tg__self();
    if (!t->usable)
        return TG_ERR_MEMORY;
    return pending(t) ? t->error_status : TG_OK;
}

const char *tg_error_message(void) {
    const tg__thread *t = tg__self();
    return t->usable ? t->message : "out of memory: this thread could get no state of its own";
}

const char *tg_error_op(void) {
    const tg__thread *t = tg__self();
    return t->usable && t->error_op != NULL ? t->error_op : "";
}

void tg_error_clear(void) {
    tg__thread *t = tg__self();
    if (!t->usable || t->error_level < depth(t))
        return;
    t->error_status = TG_OK;
    t->error_level = 0;
    t->error_op = "";
    t->message[0] = '\0';
}

/* Not inlined: the copy of the message is a large frame. */
static __attribute__((noinline)) void call_in_error(tg__thread *t, void (*deleter)(void *),
                                                    void *ctx) {
    char message[TG__MESSAGE_BYTES];
    char op[sizeof t->error_op_copy];
    const tg_status status = t->error_status;
    const uint32_t level = t->error_level;
    memcpy(message, t->message, sizeof message);
    memcpy(op, t->error_op_copy, sizeof op);
    deleter(ctx);
    memcpy(t->message, message, sizeof message);
    memcpy(t->error_op_copy, op, sizeof op);
    t->error_op = t->error_op_copy;
    t->error_status = status;
    t->error_level = level;
}

void tg__call_deleter(void (*deleter)(void *ctx), void *ctx) {
    tg__thread *t = tg__self();
    if (t->usable && t->error_status != TG_OK)
        call_in_error(t, deleter, ctx);
    else
        deleter(ctx);
}

const char *tg_status_name(tg_status status) {
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
    size_t i = (size_t)status;
    return i < sizeof names / sizeof *names ? names[i] : "unknown status";
}

char *tg__desc_buffer(void) {
    static char nowhere[TG__DESC_BYTES]; /* for threads without a block: content does not matter */
    tg__thread *t = tg__self();
    if (!t->usable)
        return nowhere;
    t->next_desc = (t->next_desc + 1) % TG__DESC_SLOTS;
    return t->desc[t->next_desc];
}

void tg__desc_undo(void) {
    tg__thread *t = tg__self();
    if (t->usable)
        t->next_desc = (t->next_desc + TG__DESC_SLOTS - 1) % TG__DESC_SLOTS;
}

const char *tg__num(double value) {
    char *buf = tg__desc_buffer();
    tg__format_double(buf, value, 0);
    return buf;
}

#define QUOTED_BYTES 60

const char *tg__quote(const char *text) {
    if (text == NULL)
        return "(null)";
    char *buf = tg__desc_buffer();
    size_t out = 0;
    size_t i = 0;
    buf[out++] = '\'';
    while (text[i] != '\0') {
        const unsigned char *at = (const unsigned char *)text + i;
        size_t n = character(at);
        bool plain = n > 0 && *at != '\\';
        size_t taken = n > 0 ? n : 1;
        /* at the end: "...", a quote and a zero */
        if (i + taken > QUOTED_BYTES || out + (plain ? n : 4) + 5 > TG__DESC_BYTES)
            break;
        if (plain) {
            memcpy(buf + out, at, n);
            out += n;
        } else {
            out += (size_t)snprintf(buf + out, 5, "\\x%02x", *at);
        }
        i += taken;
    }
    if (text[i] != '\0') {
        memcpy(buf + out, "...", 3);
        out += 3;
    }
    buf[out++] = '\'';
    buf[out] = '\0';
    return buf;
}
