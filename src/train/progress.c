/* progress.c - the progress bar of a loop.
 *
 * On a terminal one line is redrawn in place, at most 10 times a second and without escape codes:
 *
 *     fit  42% [=======>          ] 84/200  0:12 elapsed, 0:17 left  0.123457
 *
 * Where the line is too long for the terminal, first the bar goes, then the counts, the times and
 * the value. Elsewhere (a file, a pipe, CI) a plain line comes at every tenth of the way. A bar
 * never fails once it is made: showing progress must not stop the work, so what the stream says is
 * ignored and a NULL bar shows nothing. */
#include <tensorgrad/train.h>

#include "base/alloc.h"
#include "base/env.h"
#include "base/error.h"
#include "base/number.h"
#include "base/options.h"

#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define LABEL_COLUMNS 32
#define LABEL_BYTES (4 * LABEL_COLUMNS + 1)
#define BAR_LIMIT 40 /* columns of a bar that fits itself to the terminal */
#define BAR_LEAST 8  /* below this it is left out */
#define REDRAW_SECONDS 0.1
#define LINE_BYTES 1024

struct tg_progress {
    FILE *file;
    double (*clock)(void *ctx);
    void *clock_ctx;
    bool silent, terminal;
    int32_t width;
    int64_t total, done;
    double value;
    double began, drawn_at;
    bool drawn; /* something is on the terminal's line */
    bool stale; /* and it is not the present state */
    int64_t drawn_done;
    int columns_used; /* of the terminal's line */
    int tenths;       /* of plain lines written */
    int label_columns;
    char label[LABEL_BYTES];
};

/* What the lines are made of. */
typedef struct {
    char bytes[LINE_BYTES];
    size_t length;
} line;

__attribute__((format(printf, 2, 3))) static void append(line *l, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(l->bytes + l->length, sizeof l->bytes - l->length, format, args);
    va_end(args);
    if (n > 0)
        l->length += (size_t)n;
    if (l->length >= sizeof l->bytes)
        l->length = sizeof l->bytes - 1;
}

static double monotonic(void *ctx) {
    (void)ctx;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Copies at most LABEL_COLUMNS characters; what would move the cursor becomes '?'. Bytes of a
 * character beyond the first begin with the bits 10. */
static void set_label(tg_progress *p, const char *label) {
    size_t n = 0;
    for (; *label != '\0' && n < LABEL_BYTES - 1; label++) {
        unsigned char c = (unsigned char)*label;
        bool begins = (c & 0xC0) != 0x80;
        if (begins && p->label_columns == LABEL_COLUMNS)
            break;
        p->label_columns += begins;
        p->label[n++] = c < ' ' || c == 0x7F ? '?' : (char)c;
    }
    p->label[n] = '\0';
}

tg_progress *tg_progress_new(const char *label, int64_t total, const tg_progress_options *options) {
    static const char op[] = "progress_new";
    tg_progress_options o = TG_PROGRESS_OPTIONS_INIT;
    if (tg__options(op, "options", "TG_PROGRESS_OPTIONS_INIT", options, &o, sizeof o) != TG_OK)
        return NULL;
    if (label == NULL) {
        tg__fail(TG_ERR_ARG, op, "argument label is NULL; give a text, or \"\"");
        return NULL;
    }
    if (total <= 0) {
        tg__fail(TG_ERR_ARG, op, "total is %lld; give the number of steps, 1 or more",
                 (long long)total);
        return NULL;
    }
    if (o.width < 0) {
        tg__fail(TG_ERR_ARG, op,
                 "width is %d; give the columns of the bar, or 0 to fit the terminal",
                 (int)o.width);
        return NULL;
    }
    tg_progress *p = tg__alloc_zero(sizeof *p);
    if (p == NULL) {
        tg__fail_memory(op, sizeof *p);
        return NULL;
    }
    p->file = o.file != NULL ? o.file : stderr;
    p->clock = o.clock != NULL ? o.clock : monotonic;
    p->clock_ctx = o.clock_ctx;
    p->width = o.width;
    p->total = total;
    p->silent = tg__env_get()->progress_off;
    int fd = fileno(p->file);
    p->terminal = fd >= 0 && isatty(fd);
    set_label(p, label);
    p->began = p->clock(p->clock_ctx);
    return p;
}

/* ---- Pieces of a line ------------------------------------------------------------------------ */

/* How far the work is, in units of 1/parts of the way. */
static int part_done(const tg_progress *p, int parts) {
    return (int)((double)parts * (double)p->done / (double)p->total);
}

static void append_seconds(line *l, double seconds) {
    if (!(seconds < 359999.5)) { /* 100 hours, or no number */
        append(l, ">99h");
        return;
    }
    long s = (long)(seconds + 0.5);
    if (s >= 3600)
        append(l, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        append(l, "%ld:%02ld", s / 60, s % 60);
}

static void append_times(line *l, const tg_progress *p, double now) {
    double elapsed = now - p->began;
    if (!(elapsed >= 0)) /* the clock went backwards */
        elapsed = 0;
    append(l, "  ");
    append_seconds(l, elapsed);
    append(l, " elapsed, ");
    if (p->done > 0)
        append_seconds(l, elapsed * ((double)(p->total - p->done) / (double)p->done));
    else
        append(l, "?:??");
    append(l, " left");
}

/* Padded, like the counts, so that the bar does not jump. */
static void append_value(line *l, const tg_progress *p) {
    char number[32];
    tg__format_double(number, p->value, 6);
    append(l, "  %-10s", number);
}

static void append_bar(line *l, const tg_progress *p, int width) {
    int full = part_done(p, width);
    append(l, " [");
    for (int i = 0; i < width; i++)
        append(l, i < full ? "=" : i == full ? ">" : " ");
    append(l, "]");
}

/* The line of a terminal without its first `dropped` pieces, with a bar of `bar` columns (0: none).
 */
static void compose(line *l, const tg_progress *p, double now, int dropped, int bar) {
    l->length = 0;
    append(l, "%s%s%3d%%", p->label, p->label_columns > 0 ? " " : "", part_done(p, 100));
    if (bar > 0)
        append_bar(l, p, bar);
    if (dropped < 2)
        append(l, " %*lld/%lld", snprintf(NULL, 0, "%lld", (long long)p->total), (long long)p->done,
               (long long)p->total);
    if (dropped < 3)
        append_times(l, p, now);
    if (dropped < 4)
        append_value(l, p);
}

/* Columns of a line: characters, of which only the label may be longer than a byte. */
static int columns_of(const line *l, const tg_progress *p) {
    return (int)(l->length - strlen(p->label)) + p->label_columns;
}

/* ---- Drawing --------------------------------------------------------------------------------- */

static int terminal_columns(const tg_progress *p) {
    struct winsize size;
    if (ioctl(fileno(p->file), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

static void draw_terminal(tg_progress *p, double now) {
    int room = terminal_columns(p) - 1; /* writing in the last column may wrap */
    line l;
    compose(&l, p, now, 1, 0);
    int bar = room - columns_of(&l, p) - 3;
    if (p->width > 0)
        bar = bar < p->width ? bar : p->width;
    else if (bar > BAR_LIMIT)
        bar = BAR_LIMIT;
    if (bar >= BAR_LEAST || (bar > 0 && bar == p->width))
        compose(&l, p, now, 0, bar);
    for (int dropped = 2; dropped <= 4 && columns_of(&l, p) > room; dropped++)
        compose(&l, p, now, dropped, 0);
    int columns = columns_of(&l, p);
    if (columns > room) {
        l.length = 0;
        append(&l, "%3d%%", part_done(p, 100));
        columns = (int)l.length;
    }
    fprintf(p->file, "\r%s%*s", l.bytes, p->columns_used > columns ? p->columns_used - columns : 0,
            "");
    fflush(p->file);
    p->columns_used = columns;
    p->drawn = true;
    p->drawn_at = now;
    p->drawn_done = p->done;
    p->stale = false;
}

static void write_plain(const tg_progress *p, double now) {
    line l = {.length = 0};
    append(&l, "%s%s%lld/%lld (%d%%)", p->label, p->label_columns > 0 ? ": " : "",
           (long long)p->done, (long long)p->total, part_done(p, 100));
    append_times(&l, p, now);
    append_value(&l, p);
    while (l.bytes[l.length - 1] == ' ')
        l.bytes[--l.length] = '\0';
    fprintf(p->file, "%s\n", l.bytes);
    fflush(p->file);
}

void tg_progress_update(tg_progress *p, int64_t done, double value) {
    if (p == NULL || p->silent)
        return;
    p->done = done < 0 ? 0 : done > p->total ? p->total : done;
    p->value = value;
    if (p->terminal) {
        double now = p->clock(p->clock_ctx);
        double since = now - p->drawn_at;
        bool completed = p->done == p->total && p->drawn_done != p->total;
        p->stale = true;
        if (!p->drawn || completed || !(since >= 0 && since < REDRAW_SECONDS))
            draw_terminal(p, now);
        return;
    }
    int tenths = part_done(p, 10);
    if (tenths > p->tenths) {
        p->tenths = tenths;
        write_plain(p, p->clock(p->clock_ctx));
    }
}

void tg_progress_free(tg_progress *p) {
    if (p == NULL)
        return;
    if (p->stale)
        draw_terminal(p, p->clock(p->clock_ctx));
    if (p->drawn) {
        fputs("\n", p->file);
        fflush(p->file);
    }
    tg__free(p, sizeof *p);
}
