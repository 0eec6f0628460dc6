/* options.h - structs that begin with their size: options, and tables of methods. */
#ifndef TG_BASE_OPTIONS_H
#define TG_BASE_OPTIONS_H

#include <tensorgrad/base.h>

/**
 * Copies a struct that the caller filled over `out`, which holds the defaults.
 *
 * Both begin with a uint32_t size; known is out's. given NULL leaves the defaults. A smaller size
 * is a caller built for an older version: what it does not know keeps its default. A larger one is
 * a newer caller: TG_ERR_UNSUPPORTED if it sets what is not known here. `what` names the struct,
 * `init` its initialiser ("TG_SGD_OPTIONS_INIT").
 */
tg_status tg__options(const char *op, const char *what, const char *init, const void *given,
                      void *out, size_t known);

#endif
