/* data.h - reading data. */
#ifndef TENSORGRAD_DATA_H
#define TENSORGRAD_DATA_H

#include <tensorgrad/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    uint32_t size;              /**< sizeof(tg_csv_options) */
    bool no_header;             /**< the first row is data; columns are then named "0", "1", … */
    bool missing_as_nan;        /**< empty cells become NaN; default: an error */
    char separator;             /**< default ',' */
    const char *const *columns; /**< which columns, in this order; NULL: all */
    int32_t n_columns;
    int64_t max_rows; /**< 0: all */
} tg_csv_options;
#define TG_CSV_OPTIONS_INIT                                                                        \
    { sizeof(tg_csv_options), false, false, ',', NULL, 0, 0 }

/**
 * Reads a CSV file (RFC 4180: quoted cells, doubled quotes, LF or CRLF) of numbers into a tensor
 * [rows, columns] of dtype f32 or f64.
 *
 * Numbers are decimal with a point in every locale (inf and nan too); blanks around them, empty
 * lines and a UTF-8 byte order mark are skipped. Columns that are not chosen may hold any text.
 * TG_ERR_IO if the file cannot be read; TG_ERR_FORMAT naming file, line and column for a cell that
 * is no number or one beyond the range of dtype, a missing value, a row with too many or too few
 * cells, an unclosed quote; TG_ERR_ARG for a column that the header does not have, or has twice. A
 * header of nothing but numbers is logged as a warning.
 */
TG_API tg_tensor *tg_read_csv(const char *path, tg_dtype dtype, const tg_csv_options *options);

#ifdef __cplusplus
}
#endif
#endif
