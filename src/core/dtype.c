/* dtype.c - sizes, names and promotion of element types.
 *
 * Six types are complete: f32 f64 i64 i32 u8 bool. i16, i8, f16 and bf16 have their numbers and
 * names, but no tensor of them can be made in this version: their size is 0 and they promote to
 * nothing.
 *
 * Promotion goes by category, bool < integer < float, and within a category to the wider type. u8
 * with a signed integer gives the signed one, which holds every u8. */
#include "core/tensor.h"

static const char *const names[] = {"f32",  "f64", "i64", "i32", "u8",
                                    "bool", "i16", "i8",  "f16", "bf16"};

/* Each type is contained in those of higher rank, so the higher rank is the promoted type. */
static const uint8_t rank_of[TG__KNOWN_DTYPES] = {4, 5, 3, 2, 1, 0};

static bool known(tg_dtype dtype) { return (unsigned)dtype < TG__KNOWN_DTYPES; }

size_t tg_dtype_size(tg_dtype dtype) { return known(dtype) ? tg__item_size(dtype) : 0; }

const char *tg_dtype_name(tg_dtype dtype) {
    return (size_t)dtype < sizeof names / sizeof *names ? names[dtype] : "unknown";
}

bool tg_dtype_is_float(tg_dtype dtype) { return dtype == TG_F32 || dtype == TG_F64; }

int tg__category(tg_dtype dtype) { return dtype == TG_BOOL ? 0 : tg_dtype_is_float(dtype) ? 2 : 1; }

tg_dtype tg_promote_types(tg_dtype a, tg_dtype b) {
    if (!known(a) || !known(b))
        return (tg_dtype)-1;
    return rank_of[a] >= rank_of[b] ? a : b;
}
