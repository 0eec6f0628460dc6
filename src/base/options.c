/* options.c - structs that begin with their size: options, and tables of methods. */
#include "base/options.h"

#include "base/error.h"

#include <string.h>

tg_status tg__options(const char *op, const char *what, const char *init, const void *given,
                      void *out, size_t known) {
    if (given == NULL)
        return TG_OK;
    uint32_t size;
    memcpy(&size, given, sizeof size);
    if (size < sizeof size)
        return tg__fail(TG_ERR_ARG, op, "%s.size is %u; begin with %s", what, (unsigned)size, init);
    for (size_t i = known; i < size; i++)
        if (((const unsigned char *)given)[i] != 0)
            return tg__fail(TG_ERR_UNSUPPORTED, op,
                            "%s has %u bytes and sets some that are not known here (this version "
                            "knows %zu); build the program with this version's headers",
                            what, (unsigned)size, known);
    memcpy(out, given, size < known ? size : known);
    size = (uint32_t)known;
    memcpy(out, &size, sizeof size);
    return TG_OK;
}
