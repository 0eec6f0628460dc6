/* csv.c - RFC 4180 reader.
 *
 * One pass over the bytes with a fixed buffer: a state machine cuts them into cells, a cell that is
 * wanted becomes a number at once, a finished row goes to a list of blocks, and the blocks are
 * copied into the tensor at the end. Memory: twice the result at most, plus one buffer, one cell
 * and the column names. Text columns that are not asked for cost nothing but the scan.
 *
 * The first row tells how many columns there are. It is kept as text; it holds the names or,
 * without a header, is parsed like the others once it is complete.
 *
 * Beyond the RFC: LF alone ends a line; lines with nothing but blanks are skipped (a missing value
 * of a single column is written ""); blanks around a quoted cell are ignored. A quote inside an
 * unquoted cell, a lone CR and a zero byte are errors, since they mean that the file is something
 * else than it seems. */
#include <tensorgrad/data.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/number.h"
#include "base/options.h"
#include "base/threads.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OP "read_csv"
#define BUFFER_BYTES 65536
#define CELL_LIMIT 1048576 /* of a cell that is kept: an open quote must not swallow the file */
#define BLOCK_BYTES 65536

typedef struct block block;
struct block {
    block *next;
    size_t bytes, used; /* of values, which follow */
};

typedef enum {
    START,  /* of a cell: nothing but blanks so far */
    PLAIN,  /* in an unquoted cell */
    QUOTED, /* in a quoted cell */
    QUOTE,  /* after a quote in a quoted cell: it ends here, unless another quote follows */
    CLOSED, /* after the end of a quoted cell */
    RETURN  /* after a CR: LF must follow */
} scan_state;

typedef struct {
    char *bytes;
    size_t length, capacity;
} text;

typedef struct {
    const char *path;
    int fd;
    tg_dtype dtype;
    tg_csv_options options;
    unsigned char *buffer;
    bool ordinary[256]; /* bytes that mean nothing special in an unquoted cell */

    scan_state state;
    int64_t line, row_line, cell_line; /* from 1: here, where the row and the cell began */
    int64_t rows;                      /* of data, finished */
    int64_t column;                    /* of the cell, from 0 */
    bool quoted, touched, done;        /* touched: the cell is not empty */
    text cell;

    /* The columns, known after the first row. */
    bool have_columns;
    int64_t n_columns;
    text first;      /* cells of the first row, each ended by a zero byte */
    text first_at;   /* size_t: where each begins in it */
    bool *wanted;    /* per column of the file */
    double *row;     /* per column of the file */
    int64_t *source; /* per column of the result: its column in the file */
    int32_t n_out;

    block *blocks, *last;
} reader;

/* ---- Memory ---------------------------------------------------------------------------------- */

static tg_status text_append(text *t, const void *bytes, size_t n) {
    if (t->capacity - t->length < n) {
        size_t capacity = t->capacity < 64 ? 64 : t->capacity;
        while (capacity - t->length < n)
            capacity *= 2;
        char *grown = tg__realloc(t->bytes, t->capacity, capacity);
        if (grown == NULL)
            return tg__fail_memory(OP, capacity);
        t->bytes = grown;
        t->capacity = capacity;
    }
    memcpy(t->bytes + t->length, bytes, n);
    t->length += n;
    return TG_OK;
}

static tg_status allocate(void **out, int64_t n, size_t size) {
    *out = tg__alloc_zero((size_t)n * size);
    return *out != NULL ? TG_OK : tg__fail_memory(OP, (uint64_t)n * size);
}

static void reader_free(reader *r) {
    tg__file_close(r->fd);
    tg__free(r->buffer, BUFFER_BYTES);
    tg__free(r->cell.bytes, r->cell.capacity);
    tg__free(r->first.bytes, r->first.capacity);
    tg__free(r->first_at.bytes, r->first_at.capacity);
    tg__free(r->wanted, (size_t)r->n_columns * sizeof *r->wanted);
    tg__free(r->row, (size_t)r->n_columns * sizeof *r->row);
    tg__free(r->source, (size_t)r->n_out * sizeof *r->source);
    while (r->blocks != NULL) {
        block *b = r->blocks;
        r->blocks = b->next;
        tg__free(b, sizeof *b + b->bytes);
    }
}

/* ---- Errors ---------------------------------------------------------------------------------- */

static const char *first_cell(const reader *r, int64_t column) {
    size_t at;
    memcpy(&at, r->first_at.bytes + (size_t)column * sizeof at, sizeof at);
    return r->first.bytes + at;
}

/* A fault at a line and, unless column < 0, a column. */
static tg_status bad(const reader *r, int64_t line, int64_t column, const char *what) {
    if (column < 0)
        return tg__fail(TG_ERR_FORMAT, OP, "%s, line %lld: %s", tg__path(r->path), (long long)line,
                        what);
    bool named = r->have_columns && !r->options.no_header && column < r->n_columns;
    return tg__fail(TG_ERR_FORMAT, OP, "%s, line %lld, column %lld%s%s: %s", tg__path(r->path),
                    (long long)line, (long long)column + 1, named ? " " : "",
                    named ? tg__quote(first_cell(r, column)) : "", what);
}

static tg_status bad_here(const reader *r, const char *what) {
    return bad(r, r->line, r->column, what);
}

/* ---- Numbers --------------------------------------------------------------------------------- */

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

/* An infinity that was written with digits is a number that does not fit. */
static bool overflowed(const char *cell, size_t length, double value) {
    if (!isinf(value))
        return false;
    for (size_t i = 0; i < length; i++)
        if (cell[i] >= '0' && cell[i] <= '9')
            return true;
    return false;
}

static tg_status parse_cell(reader *r, const char *cell, size_t length, int64_t line,
                            int64_t column) {
    while (length > 0 && is_blank(cell[length - 1]))
        length--;
    for (; length > 0 && is_blank(*cell); length--)
        cell++;
    double value = NAN;
    if (length == 0) {
        if (!r->options.missing_as_nan)
            return bad(r, line, column,
                       "the value is missing; fill it in or set missing_as_nan to read NaN");
    } else if (!tg__parse_double(cell, length, &value)) {
        char found[64], *what = tg__desc_buffer();
        snprintf(found, sizeof found, "%.*s", length < 63 ? (int)length : 63, cell);
        snprintf(what, TG__DESC_BYTES, "expected a decimal number, found %s", tg__quote(found));
        return bad(r, line, column, what);
    }
    double stored = r->dtype == TG_F32 ? (double)(float)value : value;
    if (overflowed(cell, length, stored))
        return bad(r, line, column,
                   r->dtype == TG_F32 && !isinf(value)
                       ? "the number is beyond the range of f32; read the file as f64"
                       : "the number is beyond the range of f64; write inf if infinity is meant");
    r->row[column] = stored;
    return TG_OK;
}

/* ---- Columns --------------------------------------------------------------------------------- */

/* Without a header, columns are called by their number. */
static int64_t find_number(const reader *r, const char *name) {
    int64_t c = 0;
    size_t n = strspn(name, "0123456789");
    bool number = n > 0 && n < 19 && name[n] == '\0' && (name[0] != '0' || n == 1);
    for (size_t i = 0; i < n && number; i++)
        c = 10 * c + (name[i] - '0');
    if (number && c < r->n_columns)
        return c;
    tg__fail(TG_ERR_ARG, OP, "%s: no column %s; without a header they are called 0 to %lld",
             tg__path(r->path), tg__quote(name), (long long)r->n_columns - 1);
    return -1;
}

/* The column called `name`; -1 with an error if there is none, or more than one. */
static int64_t find_name(const reader *r, const char *name) {
    int64_t found = -1;
    for (int64_t c = 0; c < r->n_columns; c++) {
        if (strcmp(name, first_cell(r, c)) != 0)
            continue;
        if (found >= 0) {
            tg__fail(TG_ERR_ARG, OP,
                     "%s: columns %lld and %lld are both called %s; give each its own name",
                     tg__path(r->path), (long long)found + 1, (long long)c + 1, tg__quote(name));
            return -1;
        }
        found = c;
    }
    if (found < 0)
        tg__fail(TG_ERR_ARG, OP, "%s: no column is called %s; the header has %lld names, first %s",
                 tg__path(r->path), tg__quote(name), (long long)r->n_columns,
                 tg__quote(first_cell(r, 0)));
    return found;
}

static tg_status choose_columns(reader *r) {
    const tg_csv_options *o = &r->options;
    if (r->n_columns > INT32_MAX)
        return tg__fail(TG_ERR_SHAPE, OP, "%s has more than %d columns", tg__path(r->path),
                        INT32_MAX);
    int64_t n_out = o->columns != NULL ? o->n_columns : r->n_columns;
    void *wanted = NULL, *row = NULL, *source = NULL;
    tg_status status = allocate(&wanted, r->n_columns, sizeof *r->wanted);
    r->wanted = wanted;
    if (status == TG_OK)
        status = allocate(&row, r->n_columns, sizeof *r->row);
    r->row = row;
    if (status == TG_OK)
        status = allocate(&source, n_out, sizeof *r->source);
    r->source = source;
    r->n_out = (int32_t)n_out;
    for (int64_t i = 0; i < n_out && status == TG_OK; i++) {
        int64_t c = i;
        if (o->columns != NULL)
            c = o->no_header ? find_number(r, o->columns[i]) : find_name(r, o->columns[i]);
        if (c < 0)
            return TG_ERR_ARG;
        r->source[i] = c;
        r->wanted[c] = true;
    }
    return status;
}

/* Losing a row of data to a header that is not there is easy to overlook. */
static void warn_of_numbers(const reader *r) {
    for (int64_t c = 0; c < r->n_columns; c++) {
        double value;
        const char *name = first_cell(r, c);
        if (!tg__parse_double(name, strlen(name), &value))
            return;
    }
    tg__log(TG_LOG_WARN, OP ": %s: the header holds numbers only; if it is data, set no_header",
            tg__path(r->path));
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static tg_status store_row(reader *r) {
    size_t item = r->dtype == TG_F32 ? sizeof(float) : sizeof(double);
    for (int32_t i = 0; i < r->n_out; i++) {
        block *b = r->last;
        if (b == NULL || b->used == b->bytes) {
            size_t bytes =
                b == NULL ? BLOCK_BYTES / 16 : BLOCK_BYTES; /* small files, small start */
            b = tg__alloc(sizeof *b + bytes);
            if (b == NULL)
                return tg__fail_memory(OP, sizeof *b + bytes);
            *b = (block){.bytes = bytes};
            *(r->last == NULL ? &r->blocks : &r->last->next) = b;
            r->last = b;
        }
        double value = r->row[r->source[i]];
        char *to = (char *)(b + 1) + b->used;
        if (r->dtype == TG_F32)
            memcpy(to, &(float){(float)value}, item);
        else
            memcpy(to, &value, item);
        b->used += item;
    }
    r->rows++;
    r->done = r->rows == r->options.max_rows;
    return TG_OK;
}

static tg_status end_first_row(reader *r) {
    r->n_columns = r->column;
    r->have_columns = true;
    tg_status status = choose_columns(r);
    if (status == TG_OK && !r->options.no_header) {
        warn_of_numbers(r);
        return TG_OK;
    }
    for (int64_t c = 0; c < r->n_columns && status == TG_OK; c++)
        if (r->wanted[c])
            status = parse_cell(r, first_cell(r, c), strlen(first_cell(r, c)), r->row_line, c);
    return status == TG_OK ? store_row(r) : status;
}

static tg_status end_cell(reader *r) {
    tg_status status = TG_OK;
    if (!r->quoted)
        while (r->cell.length > 0 && is_blank(r->cell.bytes[r->cell.length - 1]))
            r->cell.length--;
    if (!r->have_columns) {
        status = text_append(&r->first_at, &r->first.length, sizeof r->first.length);
        if (status == TG_OK && r->cell.length > 0)
            status = text_append(&r->first, r->cell.bytes, r->cell.length);
        if (status == TG_OK)
            status = text_append(&r->first, "", 1);
    } else if (r->column >= r->n_columns) {
        char *what = tg__desc_buffer();
        snprintf(what, TG__DESC_BYTES, "the row has more cells than the %lld columns",
                 (long long)r->n_columns);
        status = bad(r, r->row_line, -1, what);
    } else if (r->wanted[r->column]) {
        status = parse_cell(r, r->cell.bytes, r->cell.length, r->cell_line, r->column);
    }
    r->column++;
    r->cell.length = 0;
    r->quoted = r->touched = false;
    r->state = START;
    r->cell_line = r->line;
    return status;
}

/* The end of a line, or of the file. */
static tg_status end_row(reader *r) {
    tg_status status = TG_OK;
    if (r->column > 0 || r->touched || r->quoted) {
        status = end_cell(r);
        if (status == TG_OK && !r->have_columns) {
            status = end_first_row(r);
        } else if (status == TG_OK && r->column < r->n_columns) {
            char *what = tg__desc_buffer();
            snprintf(what, TG__DESC_BYTES, "the row has %lld cells, expected %lld",
                     (long long)r->column, (long long)r->n_columns);
            status = bad(r, r->row_line, -1, what);
        } else if (status == TG_OK) {
            status = store_row(r);
        }
    }
    r->column = 0;
    r->state = START;
    r->row_line = r->cell_line = ++r->line;
    return status;
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

static tg_status keep(reader *r, const unsigned char *bytes, size_t n) {
    r->touched = true;
    if (r->have_columns && (r->column >= r->n_columns || !r->wanted[r->column]))
        return TG_OK;
    if (n > CELL_LIMIT - r->cell.length)
        return bad(r, r->cell_line, r->column,
                   r->quoted ? "the cell is longer than 1 MiB; is its quote closed?"
                             : "the cell is longer than 1 MiB; is this a text file?");
    return text_append(&r->cell, bytes, n);
}

/* A byte outside quotes that is not ordinary, or that follows a quoted cell. */
static tg_status special_byte(reader *r, unsigned char c) {
    if (c == (unsigned char)r->options.separator)
        return end_cell(r);
    switch (c) {
    case '\n':
        return end_row(r);
    case '\r':
        r->state = RETURN;
        return TG_OK;
    case '\0':
        return bad_here(r, "a zero byte; is this a binary file, or text in UTF-16?");
    case '"':
        if (r->state != START)
            return bad_here(r, r->state == PLAIN
                                   ? "a quote inside an unquoted cell; put the cell in quotes and "
                                     "double those inside"
                                   : "text after the end of a quoted cell; double the quotes "
                                     "inside it");
        r->quoted = true;
        r->cell_line = r->line;
        r->state = QUOTED;
        return TG_OK;
    case ' ':
    case '\t':
        if (r->state == PLAIN)
            return keep(r, &c, 1);
        return TG_OK;
    default:
        return bad_here(r, "text after the end of a quoted cell; double the quotes inside it");
    }
}

static tg_status quoted_byte(reader *r, unsigned char c) {
    if (c == '"') {
        r->state = QUOTE;
        return TG_OK;
    }
    if (c == '\0')
        return bad_here(r, "a zero byte; is this a binary file, or text in UTF-16?");
    r->line += c == '\n';
    return keep(r, &c, 1);
}

static tg_status scan(reader *r, const unsigned char *p, const unsigned char *end) {
    tg_status status = TG_OK;
    while (p < end && status == TG_OK && !r->done) {
        unsigned char c = *p;
        if (r->state <= PLAIN && r->ordinary[c]) {
            const unsigned char *run = p;
            while (p < end && r->ordinary[*p])
                p++;
            r->state = PLAIN;
            status = keep(r, run, (size_t)(p - run));
            continue;
        }
        p++;
        if (r->state == QUOTED) {
            status = quoted_byte(r, c);
        } else if (r->state == QUOTE && c == '"') {
            r->state = QUOTED;
            status = keep(r, &c, 1);
        } else if (r->state == RETURN && c != '\n') {
            status = bad(r, r->line, -1,
                         "a carriage return without a line feed; end lines with LF "
                         "or CRLF");
        } else {
            if (r->state == QUOTE)
                r->state = CLOSED;
            status = special_byte(r, c);
        }
    }
    return status;
}

static tg_status end_of_file(reader *r) {
    if (r->done)
        return TG_OK;
    if (r->state == QUOTED)
        return bad(r, r->cell_line, r->column, "the quote opened here is never closed");
    if (r->state == RETURN)
        return bad(r, r->line, -1,
                   "a carriage return without a line feed; end lines with LF or "
                   "CRLF");
    tg_status status = end_row(r);
    if (status == TG_OK && !r->have_columns)
        return tg__fail(TG_ERR_FORMAT, OP, "%s is empty; expected %s", tg__path(r->path),
                        r->options.no_header ? "at least one row" : "a header with column names");
    return status;
}

/* Skips a UTF-8 byte order mark; one of UTF-16 is an error. */
static tg_status skip_mark(reader *r, size_t filled, size_t *skip) {
    const unsigned char *b = r->buffer;
    *skip = filled >= 3 && b[0] == 0xEF && b[1] == 0xBB && b[2] == 0xBF ? 3 : 0;
    if (filled >= 2 && ((b[0] == 0xFF && b[1] == 0xFE) || (b[0] == 0xFE && b[1] == 0xFF)))
        return bad(r, 1, -1, "the text is in UTF-16; save it as UTF-8");
    return TG_OK;
}

static tg_status read_rows(reader *r) {
    for (int c = 1; c < 256; c++)
        r->ordinary[c] = c != (unsigned char)r->options.separator && strchr("\"\r\n \t", c) == NULL;
    r->line = r->row_line = r->cell_line = 1;
    r->buffer = tg__alloc(BUFFER_BYTES);
    if (r->buffer == NULL)
        return tg__fail_memory(OP, BUFFER_BYTES);
    tg_status status = tg__file_open(OP, r->path, &r->fd);
    size_t filled = BUFFER_BYTES;
    for (bool begin = true; status == TG_OK && !r->done && filled == BUFFER_BYTES; begin = false) {
        size_t skip = 0;
        if (tg__interrupted())
            return tg__fail(TG_ERR_INTERRUPTED, OP, "interrupted in line %lld of %s",
                            (long long)r->line, tg__path(r->path));
        status = tg__file_read(OP, r->path, r->fd, r->buffer, BUFFER_BYTES, &filled);
        if (status == TG_OK && begin)
            status = skip_mark(r, filled, &skip);
        if (status == TG_OK)
            status = scan(r, r->buffer + skip, r->buffer + filled);
    }
    return status == TG_OK ? end_of_file(r) : status;
}

/* ---- The call -------------------------------------------------------------------------------- */

static tg_status check_arguments(reader *r, const tg_csv_options *options) {
    tg_status status =
        tg__options(OP, "options", "TG_CSV_OPTIONS_INIT", options, &r->options, sizeof r->options);
    if (status != TG_OK)
        return status;
    tg_csv_options *o = &r->options;
    unsigned char separator = (unsigned char)o->separator;
    if (separator == '\0')
        o->separator = ',';
    else if ((separator < ' ' && separator != '\t') || separator > '~' || separator == '"' ||
             strchr("0123456789+-.eE", separator) != NULL)
        return tg__fail(TG_ERR_ARG, OP,
                        "the separator is byte 0x%02x; give ',', ';', a tab or another ASCII "
                        "character that is no quote, line end or part of a number",
                        separator);
    if (o->max_rows < 0)
        return tg__fail(TG_ERR_ARG, OP, "max_rows is %lld; give a number of rows, or 0 for all",
                        (long long)o->max_rows);
    if ((o->columns == NULL) != (o->n_columns == 0) || o->n_columns < 0)
        return tg__fail(TG_ERR_ARG, OP,
                        "columns is %sNULL and n_columns %d; give names and their number, or NULL "
                        "and 0 for all columns",
                        o->columns == NULL ? "" : "not ", (int)o->n_columns);
    for (int32_t i = 0; i < o->n_columns; i++)
        if (o->columns[i] == NULL)
            return tg__fail(TG_ERR_ARG, OP, "columns[%d] is NULL; give a name", (int)i);
    return TG_OK;
}

static tg_tensor *make_tensor(const reader *r) {
    tg_tensor *x = tg_empty(r->dtype, TG_SHAPE(r->rows, r->n_out));
    char *to = tg_numel(x) > 0 ? tg_data_mut(x) : NULL;
    if (to != NULL)
        for (const block *b = r->blocks; b != NULL; b = b->next) {
            memcpy(to, b + 1, b->used);
            to += b->used;
        }
    return x;
}

tg_tensor *tg_read_csv(const char *path, tg_dtype dtype, const tg_csv_options *options) {
    if (path == NULL) {
        tg__fail(TG_ERR_ARG, OP, "argument path is NULL; give the path of a CSV file");
        return NULL;
    }
    if (dtype != TG_F32 && dtype != TG_F64) {
        tg__fail(TG_ERR_DTYPE, OP, "dtype %s; expected f32 or f64 (tg_cast converts afterwards)",
                 tg_dtype_name(dtype));
        return NULL;
    }
    reader r = {.path = path, .fd = -1, .dtype = dtype, .options = TG_CSV_OPTIONS_INIT};
    tg_status status = check_arguments(&r, options);
    if (status == TG_OK)
        status = read_rows(&r);
    tg_tensor *x = status == TG_OK ? make_tensor(&r) : NULL;
    reader_free(&r);
    return x;
}
