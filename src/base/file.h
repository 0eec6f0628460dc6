/* file.h - files: reading piece by piece, replacing whole. */
#ifndef TG_BASE_FILE_H
#define TG_BASE_FILE_H

#include <tensorgrad/base.h>

/* A path for a message: quoted, and of a long one the end. NULL: "(null)". */
const char *tg__path(const char *path);

/* Each raises TG_ERR_IO with the path and the system's reason; `op` is for messages. */

/* Opens for reading. */
tg_status tg__file_open(const char *op, const char *path, int *fd);
/* Reads until `size` bytes are there or the file ends; *got < size only at the end. Signals that
 * arrive meanwhile poll the interrupt check. */
tg_status tg__file_read(const char *op, const char *path, int fd, void *buf, size_t size,
                        size_t *got);
void tg__file_close(int fd);

/**
 * Makes `path` hold exactly these bytes, or leaves it as it was.
 *
 * A regular file is written beside the old one, brought to the disk and moved over it, keeping the
 * old one's permissions; symbolic links stay links. What is no regular file (a pipe, a terminal) is
 * written straight.
 */
tg_status tg__file_replace(const char *op, const char *path, const void *data, size_t size);

#endif
