/* number.h - numbers as text, the same in every locale. */
#ifndef TG_BASE_NUMBER_H
#define TG_BASE_NUMBER_H

#include <tensorgrad/base.h>

/* Reads one decimal number that fills text[0..length): optional sign, digits, point, exponent; also
 * "inf", "infinity", "nan" in any case. Correctly rounded. False on anything else (blanks, hex,
 * trailing characters); values beyond the range give infinity or 0 as IEEE rounding does. errno is
 * left as it was. */
bool tg__parse_double(const char *text, size_t length, double *out);
/* Writes `value` with `digits` significant digits (1..17), as %.*g in the "C" locale; digits = 0:
 * the fewest that read back the same. Returns the length; buf needs 32 bytes. */
int tg__format_double(char *buf, double value, int digits);
/* Writes `value` with a fixed number of decimals (0..20), as %.*f; buf needs 352 bytes. */
int tg__format_fixed(char *buf, double value, int decimals);
/* Writes in scientific form with `decimals` digits after the point, as %.*e; buf needs 32 bytes. */
int tg__format_exp(char *buf, double value, int decimals);

#endif
