/* text.h - text that grows, and ends in a buffer or a file. */
#ifndef TG_BASE_TEXT_H
#define TG_BASE_TEXT_H

#include <tensorgrad/base.h>

typedef struct {
    char *bytes; /* no final zero */
    size_t length, capacity;
    size_t refused; /* bytes that could not be had; 0 while all is well */
} tg__output;

/* Each appends; after memory ran out they do nothing. */
void tg__put_bytes(tg__output *o, const char *bytes, size_t n);
void tg__put(tg__output *o, const char *text);
void tg__put_integer(tg__output *o, int64_t value);
/* A fixed number of decimals, and significant digits (0: as many as needed); in every locale. */
void tg__put_fixed(tg__output *o, double value, int decimals);
void tg__put_double(tg__output *o, double value, int digits);
/* Text of the user's inside XML; what XML may not contain becomes U+FFFD. */
void tg__put_xml(tg__output *o, const char *text);
/* The same as a JSON string, with its quotes. */
void tg__put_json(tg__output *o, const char *text);

void tg__output_free(tg__output *o);
/* Ends the text in buf as snprintf does: at most cap bytes with the final zero. Frees it. Returns
 * its length, or -1 with an error (memory). */
int64_t tg__output_format(const char *op, tg__output *o, char *buf, size_t cap);
/* Ends it in a file, and frees it. TG_ERR_MEMORY, TG_ERR_IO. */
tg_status tg__output_write(const char *op, tg__output *o, FILE *file);

#endif
