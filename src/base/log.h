/* log.h - lines for the user's log hook. */
#ifndef TG_BASE_LOG_H
#define TG_BASE_LOG_H

#include <tensorgrad/base.h>

/* Formats one line (at most 255 bytes) and hands it to the hook. Without a hook, lines of level
 * WARN are kept (the first 16 of the process) and delivered when a hook is set. Allocates nothing.
 */
void tg__log(tg_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
