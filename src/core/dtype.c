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

/* The higher rank is the promoted type, but for two pairs of which neither holds the other. */
static const uint8_t rank_of[TG__KNOWN_DTYPES] = {
    [TG_BOOL] = 0, [TG_U8] = 1,  [TG_I8] = 2,   [TG_I16] = 3, [TG_I32] = 4,
    [TG_I64] = 5,  [TG_F16] = 6, [TG_BF16] = 7, [TG_F32] = 8, [TG_F64] = 9};

static bool known(tg_dtype dtype) { return (unsigned)dtype < TG__KNOWN_DTYPES; }

size_t tg_dtype_size(tg_dtype dtype) { return known(dtype) ? tg__item_size(dtype) : 0; }

const char *tg_dtype_name(tg_dtype dtype) {
    return (size_t)dtype < sizeof names / sizeof *names ? names[dtype] : "unknown";
}

bool tg_dtype_is_float(tg_dtype dtype) {
    return dtype == TG_F32 || dtype == TG_F64 || dtype == TG_F16 || dtype == TG_BF16;
}

bool tg__is_narrow(unsigned dtype) { return dtype > TG_BOOL && dtype < TG__KNOWN_DTYPES; }

tg_dtype tg__wide(tg_dtype dtype) {
    return dtype == TG_F16 || dtype == TG_BF16 ? TG_F32
           : dtype == TG_I16 || dtype == TG_I8 ? TG_I32
                                               : dtype;
}

int tg__category(tg_dtype dtype) { return dtype == TG_BOOL ? 0 : tg_dtype_is_float(dtype) ? 2 : 1; }

tg_dtype tg_promote_types(tg_dtype a, tg_dtype b) {
    if (!known(a) || !known(b))
        return (tg_dtype)-1;
    if ((a == TG_F16 && b == TG_BF16) || (a == TG_BF16 && b == TG_F16))
        return TG_F32;
    if ((a == TG_U8 && b == TG_I8) || (a == TG_I8 && b == TG_U8))
        return TG_I16;
    return rank_of[a] >= rank_of[b] ? a : b;
}

/* ---- Of operands: tensors with dims outrank 0-d tensors, and those C scalars ---- */

/* 2: with dims, 1: 0-d, 0: a C scalar. */
static int standing(const tg_tensor *x) {
    return x->flags & TG__IS_NUMBER ? 0 : x->ndim > 0 ? 2 : 1;
}

tg_dtype tg__promote(const tg_tensor *a, const tg_tensor *b) {
    tg_dtype da = (tg_dtype)a->dtype;
    tg_dtype db = (tg_dtype)b->dtype;
    if (da == db)
        return da;
    int ra = standing(a);
    int rb = standing(b);
    if (ra == rb)
        return tg_promote_types(da, db);
    tg_dtype high = ra > rb ? da : db;
    tg_dtype low = ra > rb ? db : da;
    if (tg__category(low) > tg__category(high))
        return tg_promote_types(high, low);
    return high;
}

tg_dtype tg__promote_all(tg_tensor *const *in, int n) {
    int best[3] = {-1, -1, -1}; /* by standing */
    for (int i = 0; i < n; i++) {
        if (in[i]->flags & TG__IS_NONE)
            continue;
        int *b = &best[standing(in[i])];
        *b = *b < 0 ? in[i]->dtype : (int)tg_promote_types((tg_dtype)*b, (tg_dtype)in[i]->dtype);
    }
    int dtype = best[2];
    for (int r = 1; r >= 0; r--) {
        if (dtype < 0)
            dtype = best[r];
        else if (best[r] >= 0 && tg__category((tg_dtype)best[r]) > tg__category((tg_dtype)dtype))
            dtype = (int)tg_promote_types((tg_dtype)dtype, (tg_dtype)best[r]);
    }
    return (tg_dtype)dtype;
}
