/* curve.c - one value per step, drawn as SVG.
 *
 * A curve keeps every finite value it is given (16 bytes each). Drawn, a column of pixels shows no
 * more than the first, the lowest, the highest and the last value that fall into it, so a peak of
 * one step among millions is still seen and a file stays below 100 kB. The same curve gives the
 * same bytes. The vertical scale is logarithmic where all values are positive and span more than
 * two decades. */
#include <tensorgrad/train.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define TEXT_LIMIT 200 /* bytes of title and label */

/* The drawing, in pixels: the plot from (LEFT, TOP) to (RIGHT, BOTTOM). */
#define WIDTH 720
#define HEIGHT 440
#define LEFT 84
#define RIGHT 700
#define TOP 48
#define BOTTOM 360
#define COLUMNS (RIGHT - LEFT)

typedef struct {
    int64_t step;
    double value;
} point;

struct tg_curve {
    point *points;
    int64_t n, capacity;
    int64_t not_finite;
    int64_t last_step; /* of any value, finite or not */
    char title[TEXT_LIMIT + 1], label[TEXT_LIMIT + 1];
};

/* ---- Collecting ------------------------------------------------------------------------------ */

/* Copies at most TEXT_LIMIT bytes, and no part of a character. */
static void set_text(char *to, const char *from) {
    size_t n = strlen(from);
    if (n > TEXT_LIMIT)
        for (n = TEXT_LIMIT; n > 0 && ((unsigned char)from[n] & 0xC0) == 0x80;)
            n--;
    memcpy(to, from, n);
    to[n] = '\0';
}

tg_curve *tg_curve_new(const char *title, const char *label) {
    static const char op[] = "curve_new";
    if (title == NULL || label == NULL) {
        tg__fail(TG_ERR_ARG, op, "argument %s is NULL; give a text, or \"\"",
                 title == NULL ? "title" : "label");
        return NULL;
    }
    tg_curve *c = tg__alloc_zero(sizeof *c);
    if (c == NULL) {
        tg__fail_memory(op, sizeof *c);
        return NULL;
    }
    set_text(c->title, title);
    set_text(c->label, label);
    return c;
}

void tg_curve_free(tg_curve *c) {
    if (c == NULL)
        return;
    tg__free(c->points, (size_t)c->capacity * sizeof *c->points);
    tg__free(c, sizeof *c);
}

/* A NULL curve comes from a tg_curve_new that failed: its error stays. */
static tg_status no_curve(const char *op) {
    tg_status pending = tg_error_status();
    return pending != TG_OK
               ? pending
               : tg__fail(TG_ERR_ARG, op, "argument curve is NULL; make one with tg_curve_new");
}

tg_status tg_curve_add(tg_curve *c, int64_t step, double value) {
    static const char op[] = "curve_add";
    if (c == NULL)
        return no_curve(op);
    tg_status gate = tg__gate(tg__self());
    if (gate != TG_OK)
        return gate;
    if (tg_curve_count(c) > 0 && step <= c->last_step)
        return tg__fail(TG_ERR_ARG, op, "step %lld after step %lld; steps must increase",
                        (long long)step, (long long)c->last_step);
    if (isfinite(value)) {
        if (c->n == c->capacity) {
            int64_t capacity = c->capacity == 0 ? 64 : 2 * c->capacity;
            size_t old = (size_t)c->capacity * sizeof *c->points;
            point *grown = tg__realloc(c->points, old, (size_t)capacity * sizeof *c->points);
            if (grown == NULL)
                return tg__fail_memory(op, (uint64_t)capacity * sizeof *c->points);
            c->points = grown;
            c->capacity = capacity;
        }
        c->points[c->n++] = (point){step, value};
    } else {
        c->not_finite++;
    }
    c->last_step = step;
    return TG_OK;
}

int64_t tg_curve_count(const tg_curve *c) { return c == NULL ? -1 : c->n + c->not_finite; }

/* ---- Pieces of XML --------------------------------------------------------------------------- */

/* ` name="value"`, to a tenth of a pixel. */
static void put_attribute(tg__output *o, const char *name, double value) {
    tg__put(o, " ");
    tg__put(o, name);
    tg__put(o, "=\"");
    tg__put_fixed(o, value, 1);
    tg__put(o, "\"");
}

/* ---- Scales ---------------------------------------------------------------------------------- */

/* Maps low..high to 0..1. Halves keep the widest range of doubles from overflowing. */
typedef struct {
    double low, high;
    bool logarithmic; /* then low and high are decimal logarithms */
} scale;

static double place(const scale *s, double value) {
    if (s->logarithmic)
        value = log10(value);
    return (value / 2 - s->low / 2) / (s->high / 2 - s->low / 2);
}

static double limited(double x) { return x > DBL_MAX ? DBL_MAX : x < -DBL_MAX ? -DBL_MAX : x; }

/* Adds a margin; values that hardly differ get a range around them. */
static scale value_scale(double lowest, double highest) {
    scale s = {lowest, highest, false};
    if (lowest > 0 && log10(highest) - log10(lowest) > 2) {
        s = (scale){log10(lowest), log10(highest), true};
    } else if (highest / 2 - lowest / 2 <= 1e-9 * fmax(fabs(lowest), fabs(highest))) {
        double around = highest == 0 && lowest == 0 ? 1 : fmax(fabs(lowest), fabs(highest)) / 10;
        return (scale){limited(lowest - around), limited(highest + around), false};
    }
    double margin = (s.high / 2 - s.low / 2) / 10;
    return (scale){limited(s.low - margin), limited(s.high + margin), s.logarithmic};
}

/* 1, 2 or 5 times a power of ten, so that about `parts` of them fill the range. */
static double tick_distance(double low, double high, int parts) {
    double rough = (high / 2 - low / 2) / parts * 2;
    double power = fmax(DBL_MIN, pow(10, floor(log10(rough))));
    double times = rough / power;
    return power * (times <= 1 ? 1 : times <= 2 ? 2 : times <= 5 ? 5 : 10);
}

/* No range has more ticks; where a step of k is below its last digit, the loop ends here too. */
#define MOST_TICKS 20

/* A tick's value with as many digits as tell it from its neighbours. */
static void put_tick(tg__output *o, double value, double distance, double largest) {
    value = value == 0 ? 0 : value; /* not "-0" */
    double power = floor(log10(distance) + 1e-9);
    if (largest < 1e7 && distance >= 1e-5) {
        tg__put_fixed(o, value, power < 0 ? (int)-power : 0);
        return;
    }
    double digits = floor(log10(largest)) - power + 1;
    tg__put_double(o, value, digits < 1 ? 1 : digits > 17 ? 17 : (int)digits);
}

static double x_of(double place_in_scale) { return LEFT + COLUMNS * place_in_scale; }
static double y_of(double place_in_scale) { return BOTTOM - (BOTTOM - TOP) * place_in_scale; }

/* ---- The drawing ----------------------------------------------------------------------------- */

static void put_grid_line(tg__output *o, double x1, double y1, double x2, double y2, bool faint) {
    tg__put(o, faint ? "<line class=\"f\"" : "<line");
    put_attribute(o, "x1", x1);
    put_attribute(o, "y1", y1);
    put_attribute(o, "x2", x2);
    put_attribute(o, "y2", y2);
    tg__put(o, "/>\n");
}

/* `anchor`: which point of the text lies at (x, y). */
static void begin_text(tg__output *o, double x, double y, const char *anchor) {
    tg__put(o, "<text");
    put_attribute(o, "x", x);
    put_attribute(o, "y", y);
    tg__put(o, " text-anchor=\"");
    tg__put(o, anchor);
    tg__put(o, "\">");
}

static void put_steps(tg__output *o, const scale *s) {
    double distance = fmax(1, tick_distance(s->low, s->high, 8));
    double largest = fmax(fabs(s->low), fabs(s->high));
    double first = ceil(s->low / distance);
    for (int i = 0; i < MOST_TICKS && (first + i) * distance <= s->high; i++) {
        double at = (first + i) * distance, x = x_of(place(s, at));
        put_grid_line(o, x, TOP, x, BOTTOM, false);
        begin_text(o, x, BOTTOM + 18, "middle");
        put_tick(o, at, distance, largest);
        tg__put(o, "</text>\n");
    }
    begin_text(o, (LEFT + RIGHT) / 2.0, BOTTOM + 40, "middle");
    tg__put(o, "step</text>\n");
}

static void put_values(tg__output *o, const scale *s) {
    double distance = tick_distance(s->low, s->high, 6);
    double largest = fmax(fabs(s->low), fabs(s->high));
    double first = ceil(s->low / distance);
    for (int i = 0; i < MOST_TICKS && (first + i) * distance <= s->high; i++) {
        double at = (first + i) * distance, y = y_of(place(s, at));
        put_grid_line(o, LEFT, y, RIGHT, y, false);
        begin_text(o, LEFT - 8, y + 4, "end");
        put_tick(o, at, distance, largest);
        tg__put(o, "</text>\n");
    }
}

/* Decades, with faint lines between them where there are few. */
static void put_decades(tg__output *o, const scale *s) {
    int first = (int)floor(s->low), last = (int)floor(s->high);
    static const int strides[] = {1, 2, 5, 10, 20, 50, 100}; /* doubles span 632 decades */
    int stride = 0;
    while (strides[stride] * 9 < last - first)
        stride++;
    stride = strides[stride];
    for (int k = first; k <= last; k++) {
        for (int times = 2; times <= 9 && stride == 1 && last - first <= 4; times++) {
            double at = (k + log10(times) - s->low) / (s->high - s->low);
            if (at > 0 && at < 1)
                put_grid_line(o, LEFT, y_of(at), RIGHT, y_of(at), true);
        }
        double y = y_of((k - s->low) / (s->high - s->low));
        if (k < s->low || k % stride != 0)
            continue;
        put_grid_line(o, LEFT, y, RIGHT, y, false);
        begin_text(o, LEFT - 8, y + 4, "end");
        if (k >= -4 && k <= 5) {
            tg__put_fixed(o, pow(10, k), k < 0 ? -k : 0);
        } else {
            tg__put(o, "1e");
            tg__put_integer(o, k);
        }
        tg__put(o, "</text>\n");
    }
}

static void put_point(tg__output *o, const scale *x, const scale *y, const point *p) {
    tg__put_fixed(o, x_of(place(x, (double)p->step)), 2);
    tg__put(o, ",");
    tg__put_fixed(o, y_of(place(y, p->value)), 2);
    tg__put(o, " ");
}

/* Of each column of pixels: its first, lowest, highest and last value, in their order. */
static void put_line(tg__output *o, const tg_curve *c, const scale *x, const scale *y) {
    tg__put(o, "<polyline class=\"c\" points=\"");
    for (int64_t i = 0; i < c->n;) {
        double column = floor(COLUMNS * place(x, (double)c->points[i].step));
        int64_t first = i, lowest = i, highest = i;
        for (; i < c->n && floor(COLUMNS * place(x, (double)c->points[i].step)) == column; i++) {
            if (c->points[i].value < c->points[lowest].value)
                lowest = i;
            if (c->points[i].value > c->points[highest].value)
                highest = i;
        }
        int64_t second = lowest < highest ? lowest : highest;
        int64_t third = lowest < highest ? highest : lowest;
        put_point(o, x, y, &c->points[first]);
        if (second > first)
            put_point(o, x, y, &c->points[second]);
        if (third > second)
            put_point(o, x, y, &c->points[third]);
        if (i - 1 > third)
            put_point(o, x, y, &c->points[i - 1]);
    }
    tg__put(o, "\"/>\n");
    if (c->n == 1) {
        tg__put(o, "<circle class=\"d\"");
        put_attribute(o, "cx", x_of(place(x, (double)c->points[0].step)));
        put_attribute(o, "cy", y_of(place(y, c->points[0].value)));
        tg__put(o, " r=\"3\"/>\n");
    }
}

static void put_caption(tg__output *o, const tg_curve *c, const point *lowest) {
    tg__put_integer(o, c->n + c->not_finite);
    tg__put(o, c->n + c->not_finite == 1 ? " value" : " values");
    if (c->n > 0) {
        const point *last = &c->points[c->n - 1];
        tg__put(o, "; last ");
        tg__put_double(o, last->value, 6);
        tg__put(o, " at step ");
        tg__put_integer(o, last->step);
        tg__put(o, "; lowest ");
        tg__put_double(o, lowest->value, 6);
        tg__put(o, " at step ");
        tg__put_integer(o, lowest->step);
    }
    if (c->not_finite > 0) {
        tg__put(o, "; ");
        tg__put_integer(o, c->not_finite);
        tg__put(o, c->not_finite == 1 ? " is not finite and left out"
                                      : " are not finite and left out");
    }
}

static void put_head(tg__output *o, const tg_curve *c) {
    tg__put(o, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"");
    tg__put_integer(o, WIDTH);
    tg__put(o, "\" height=\"");
    tg__put_integer(o, HEIGHT);
    tg__put(o, "\" viewBox=\"0 0 ");
    tg__put_integer(o, WIDTH);
    tg__put(o, " ");
    tg__put_integer(o, HEIGHT);
    tg__put(o,
            "\" role=\"img\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#333\">\n<title>");
    tg__put_xml(o, c->title);
    tg__put(o, "</title>\n"
               "<style>line{stroke:#d8d8d8}.f{stroke:#f0f0f0}.a{fill:none;stroke:#666}"
               ".c{fill:none;stroke:#0a58a8;stroke-width:1.6;stroke-linejoin:round}"
               ".d{fill:#0a58a8}</style>\n"
               "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
               "<g font-size=\"16\" font-weight=\"bold\">");
    begin_text(o, LEFT, 30, "start");
    tg__put_xml(o, c->title);
    tg__put(o, "</text></g>\n");
}

static void put_drawing(tg__output *o, const tg_curve *c) {
    const point *lowest = c->points, *highest = c->points;
    for (int64_t i = 1; i < c->n; i++) {
        if (c->points[i].value < lowest->value)
            lowest = &c->points[i];
        if (c->points[i].value > highest->value)
            highest = &c->points[i];
    }
    put_head(o, c);
    if (c->n > 0) {
        scale y = value_scale(lowest->value, highest->value);
        scale x = {(double)c->points[0].step, (double)c->points[c->n - 1].step, false};
        if (x.low == x.high)
            x = (scale){x.low - 1, x.high + 1, false};
        if (x.low == x.high) /* steps beyond what doubles tell apart */
            x = (scale){x.low - fabs(x.low) / 2, x.high + fabs(x.high) / 2, false};
        put_steps(o, &x);
        if (y.logarithmic)
            put_decades(o, &y);
        else
            put_values(o, &y);
        put_line(o, c, &x, &y);
    }
    tg__put(o, "<rect class=\"a\"");
    put_attribute(o, "x", LEFT);
    put_attribute(o, "y", TOP);
    put_attribute(o, "width", RIGHT - LEFT);
    put_attribute(o, "height", BOTTOM - TOP);
    tg__put(o, "/>\n<g transform=\"translate(18 ");
    tg__put_integer(o, (TOP + BOTTOM) / 2);
    tg__put(o, ") rotate(-90)\">");
    begin_text(o, 0, 0, "middle");
    tg__put_xml(o, c->label);
    tg__put(o, "</text></g>\n");
    begin_text(o, LEFT, HEIGHT - 14, "start");
    put_caption(o, c, lowest);
    tg__put(o, "</text>\n</svg>\n");
}

tg_status tg_curve_write_svg(const tg_curve *c, const char *path) {
    static const char op[] = "curve_write_svg";
    if (c == NULL)
        return no_curve(op);
    tg_status status = tg__gate(tg__self());
    if (status != TG_OK)
        return status;
    if (path == NULL || *path == '\0')
        return tg__fail(TG_ERR_ARG, op, "argument path is %s; give the path of the file to write",
                        path == NULL ? "NULL" : "empty");
    tg__output o = {0};
    put_drawing(&o, c);
    status = o.refused == 0 ? tg__file_replace(op, path, o.bytes, o.length)
                            : tg__fail_memory(op, o.refused);
    tg__output_free(&o);
    return status;
}
