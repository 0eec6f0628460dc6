/* number.c - numbers as text, the same in every locale.
 *
 * The C library reads and writes numbers by the locale of the process, which is the program's and
 * may change at any time, so nothing here depends on it:
 *
 *   - Reading scans the text itself and hands strtod a whole number with an exponent
 *     ("15" "e" "-1" for 1.5), a form without a decimal point. Up to 780 digits are passed on; of
 *     more it matters only whether one is not zero, since a double and the middle between two
 *     neighbours have at most 767 digits. Short numbers need no strtod: a whole number below 2^53
 *     times or over a power of ten up to 10^22, both exact, is one correctly rounded operation.
 *   - Writing lets snprintf choose the digits and replaces whatever stands between two of them,
 *     which may be several bytes, by a point.
 *
 * A private "C" locale (newlocale) would do too, but it can fail, and allocates. */
#include "base/number.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DIGITS 780
#define MAX_EXPONENT 100000000000000000 /* far beyond any length of text, far from overflow */

/* The value is the whole number in digits times 10^exponent; no digits: zero. */
typedef struct {
    int64_t exponent;
    int n;
    char digits[MAX_DIGITS + 32]; /* room for the last digit, the exponent and the terminator */
} decimal;

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool is_word(const char *p, const char *end, const char *word) {
    for (; p < end && *word != '\0'; p++, word++)
        if ((*p | 0x20) != *word)
            return false;
    return p == end && *word == '\0';
}

/* Reads digits with at most one point among them; returns where they end, NULL if there are none.
 */
static const char *scan_digits(const char *p, const char *end, decimal *d) {
    bool any = false;
    bool point = false;
    bool more = false; /* a digit that is not zero was dropped */
    for (; p < end; p++) {
        if (*p == '.' && !point) {
            point = true;
            continue;
        }
        if (!is_digit(*p))
            break;
        any = true;
        if (point)
            d->exponent--;
        if (d->n == 0 && *p == '0')
            continue;
        if (d->n < MAX_DIGITS) {
            d->digits[d->n++] = *p;
        } else {
            d->exponent++;
            more = more || *p != '0';
        }
    }
    if (more) {
        d->digits[d->n++] = '1';
        d->exponent--;
    }
    return any ? p : NULL;
}

/* Reads what follows an 'e': an optional sign and digits that fill the rest. */
static bool scan_exponent(const char *p, const char *end, decimal *d) {
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    if (p == end)
        return false;
    int64_t e = 0;
    for (; p < end; p++) {
        if (!is_digit(*p))
            return false;
        if (e < MAX_EXPONENT)
            e = e * 10 + (*p - '0');
    }
    d->exponent += negative ? -e : e;
    return true;
}

static bool exact_value(const decimal *d, double *out) {
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (FLT_EVAL_METHOD != 0 || d->n > 15 || d->exponent < -22 || d->exponent > 22)
        return false;
    int64_t whole = 0;
    for (int i = 0; i < d->n; i++)
        whole = whole * 10 + (d->digits[i] - '0');
    *out = d->exponent < 0 ? (double)whole / powers[-d->exponent]
                           : (double)whole * powers[d->exponent];
    return true;
}

static double value_of(decimal *d) {
    double value;
    if (d->n == 0)
        return 0;
    if (exact_value(d, &value))
        return value;
    int64_t magnitude = d->exponent + d->n; /* the value lies in [0.1, 1) times 10^magnitude */
    if (magnitude > 400)
        return INFINITY;
    if (magnitude < -400)
        return 0;
    snprintf(d->digits + d->n, sizeof d->digits - (size_t)d->n, "e%d", (int)d->exponent);
    int saved = errno;
    value = strtod(d->digits, NULL);
    errno = saved;
    return value;
}

bool tg__parse_double(const char *text, size_t length, double *out) {
    if (text == NULL || length == 0)
        return false;
    const char *p = text;
    const char *end = text + length;
    bool negative = *p == '-';
    if (*p == '-' || *p == '+')
        p++;
    double value;
    if (is_word(p, end, "inf") || is_word(p, end, "infinity")) {
        value = INFINITY;
    } else if (is_word(p, end, "nan")) {
        value = NAN;
    } else {
        decimal d;
        d.exponent = 0;
        d.n = 0;
        p = scan_digits(p, end, &d);
        if (p == NULL)
            return false;
        if (p < end && ((*p != 'e' && *p != 'E') || !scan_exponent(p + 1, end, &d)))
            return false;
        value = value_of(&d);
    }
    *out = negative ? -value : value;
    return true;
}

static int print(char *buf, char kind, int precision, double value) {
    if (isnan(value)) {
        memcpy(buf, "nan", 4);
        return 3;
    }
    if (isinf(value)) {
        memcpy(buf, value < 0 ? "-inf" : "inf", value < 0 ? 5 : 4);
        return value < 0 ? 4 : 3;
    }
    char text[384]; /* 309 digits, 20 decimals, sign, and a point that may be several bytes */
    int saved = errno;
    if (kind == 'g')
        snprintf(text, sizeof text, "%.*g", precision, value);
    else if (kind == 'e')
        snprintf(text, sizeof text, "%.*e", precision, value);
    else
        snprintf(text, sizeof text, "%.*f", precision, value);
    errno = saved;
    int n = 0;
    for (const char *p = text; *p != '\0'; p++) {
        if (is_digit(*p) || *p == '+' || *p == '-' || *p == 'e')
            buf[n++] = *p;
        else if (n > 0 && buf[n - 1] != '.')
            buf[n++] = '.';
    }
    buf[n] = '\0';
    return n;
}

static int clamp(int x, int lowest, int highest) {
    return x < lowest ? lowest : x > highest ? highest : x;
}

/* 15 digits are the fewest whenever they read back the same, as a text of up to 15 digits survives
 * the way through a double and %g drops trailing zeros. Not so below DBL_MIN, where there are fewer
 * bits: 5e-324 needs one digit. */
static int print_shortest(char *buf, double value) {
    int digits = isfinite(value) && fabs(value) < DBL_MIN ? 1 : 15;
    for (;; digits++) {
        int n = print(buf, 'g', digits, value);
        double again;
        if (digits >= 17 || isnan(value) ||
            (tg__parse_double(buf, (size_t)n, &again) && again == value))
            return n;
    }
}

int tg__format_double(char *buf, double value, int digits) {
    return digits == 0 ? print_shortest(buf, value) : print(buf, 'g', clamp(digits, 1, 17), value);
}

int tg__format_fixed(char *buf, double value, int decimals) {
    return print(buf, 'f', clamp(decimals, 0, 20), value);
}

int tg__format_exp(char *buf, double value, int decimals) {
    return print(buf, 'e', clamp(decimals, 0, 20), value);
}
