/* split.c - a tensor in pieces: views along one dim, handed out through an array. */
#include "ops/elementwise.h"
#include "ops/view.h"

/* ---- Shared ---- */

/* The dim of x to split, -1 with an error; out gets room for n pieces cleared. */
static int split_dim(const char *op, tg_tensor *x, int64_t dim, tg_tensor **out, int64_t n) {
    if (!tg__required(op, "x", x))
        return -1;
    if (n < 0 || n > INT32_MAX || (n > 0 && out == NULL)) {
        tg__fail(TG_ERR_ARG, op, "%lld pieces into %s; give an array with room for each",
                 (long long)n, out == NULL ? "out, which is NULL" : "out");
        return -1;
    }
    for (int64_t i = 0; i < n; i++)
        out[i] = NULL;
    if (x->ndim > 0)
        return tg__dim(op, x, dim);
    tg__fail(TG_ERR_SHAPE, op, "x is %s and has no dim to split", tg__describe(x));
    return -1;
}

/* Piece i; if it could not be made, those before it are given back. */
static bool put_piece(tg_tensor *piece, tg_tensor **out, int64_t i) {
    out[i] = piece;
    for (int64_t k = 0; piece == NULL && k < i; k++) {
        tg_release(out[k]);
        out[k] = NULL;
    }
    return piece != NULL;
}

static tg_status ended(bool good, const char *was) {
    tg__errors_back(was);
    return good ? TG_OK : tg_error_status();
}

/* ---- Pieces of given sizes ---- */
tg_status tg_split(tg_tensor *x, int n, const int64_t *sizes, int dim, tg_tensor **out) {
    int d = split_dim("split", x, dim, out, n);
    if (d < 0)
        return tg_error_status();
    int64_t sum = 0;
    bool good = n == 0 || sizes != NULL;
    for (int i = 0; good && i < n; i++)
        good = sizes[i] >= 0 && !__builtin_add_overflow(sum, sizes[i], &sum);
    if (!good || sum != x->shape[d])
        return tg__fail(TG_ERR_SHAPE, "split",
                        "%d sizes do not add up to the size %lld of dim %d of %s; give sizes of 0 "
                        "or more that do",
                        n, (long long)x->shape[d], d, tg__describe(x));
    const char *was = tg__errors_as("split");
    int64_t at = 0;
    for (int i = 0; good && i < n; i++) {
        good = put_piece(tg_narrow(x, d, at, sizes[i]), out, i);
        at += sizes[i];
    }
    return ended(good, was);
}

/* ---- Pieces of one size, the last perhaps smaller ---- */
tg_status tg_chunk(tg_tensor *x, int chunks, int dim, tg_tensor **out, int *n_out) {
    if (n_out == NULL)
        return tg__fail_null("chunk", "n_out");
    *n_out = 0;
    int d = split_dim("chunk", x, dim, out, chunks);
    if (d < 0)
        return tg_error_status();
    if (chunks < 1)
        return tg__fail(TG_ERR_ARG, "chunk", "%d chunks; give 1 or more", chunks);
    int64_t size = x->shape[d];
    int64_t each = size / chunks + (size % chunks != 0);
    int n = size == 0 ? chunks : (int)((size - 1) / each + 1); /* as PyTorch: empty ones stay */
    const char *was = tg__errors_as("chunk");
    bool good = true;
    for (int i = 0; good && i < n; i++) {
        int64_t at = i * each;
        good = put_piece(tg_narrow(x, d, at, size - at < each ? size - at : each), out, i);
    }
    *n_out = good ? n : 0;
    return ended(good, was);
}

/* ---- A number of pieces, sizes as equal as can be ---- */
static tg_status sections(const char *op, tg_tensor *x, int n, int dim, tg_tensor **out) {
    int d = split_dim(op, x, dim, out, n);
    if (d < 0)
        return tg_error_status();
    if (n < 1)
        return tg__fail(TG_ERR_ARG, op, "%d sections; give 1 or more", n);
    int64_t size = x->shape[d] / n;
    int64_t larger = x->shape[d] % n;
    const char *was = tg__errors_as(op);
    bool good = true;
    int64_t at = 0;
    for (int i = 0; good && i < n; i++) {
        int64_t length = size + (i < larger);
        good = put_piece(tg_narrow(x, d, at, length), out, i);
        at += length;
    }
    return ended(good, was);
}
tg_status tg_tensor_split(tg_tensor *x, int n, int dim, tg_tensor **out) {
    return sections("tensor_split", x, n, dim, out);
}

/* Between positions, which are those of a slice. */
tg_status tg_tensor_split_at(tg_tensor *x, int n, const int64_t *indices, int dim,
                             tg_tensor **out) {
    if (n < 0 || (n > 0 && indices == NULL))
        return tg__fail(TG_ERR_ARG, "tensor_split_at", "%d indices at %s; give 0 or more", n,
                        indices == NULL ? "NULL" : "the list");
    int d = split_dim("tensor_split_at", x, dim, out, (int64_t)n + 1);
    if (d < 0)
        return tg_error_status();
    const char *was = tg__errors_as("tensor_split_at");
    bool good = true;
    for (int i = 0; good && i <= n; i++) {
        int64_t end = i < n ? indices[i] : TG_SLICE_END;
        good = put_piece(tg_slice(x, d, i > 0 ? indices[i - 1] : 0, end, 1), out, i);
    }
    return ended(good, was);
}

/* ---- Along the first, second or third dim, into equal sections ---- */
static tg_status equal_sections(const char *op, tg_tensor *x, int n, int least, int dim,
                                tg_tensor **out) {
    if (!tg__required(op, "x", x))
        return tg_error_status();
    if (x->ndim < least || n < 1 || x->shape[dim] % n != 0)
        return tg__fail(TG_ERR_SHAPE, op,
                        "x is %s and does not split into %d equal sections; give x of %d or more "
                        "dims and a divisor of the size",
                        tg__describe(x), n, least);
    return sections(op, x, n, dim, out);
}
tg_status tg_hsplit(tg_tensor *x, int n, tg_tensor **out) {
    return equal_sections("hsplit", x, n, 1, tg_ndim(x) == 1 ? 0 : 1, out);
}
tg_status tg_vsplit(tg_tensor *x, int n, tg_tensor **out) {
    return equal_sections("vsplit", x, n, 2, 0, out);
}
tg_status tg_dsplit(tg_tensor *x, int n, tg_tensor **out) {
    return equal_sections("dsplit", x, n, 3, 2, out);
}

/* ---- Single positions; the dim goes ---- */
tg_status tg_unbind(tg_tensor *x, int dim, tg_tensor **out, int n) {
    int d = split_dim("unbind", x, dim, out, n);
    if (d < 0)
        return tg_error_status();
    if (n != x->shape[d])
        return tg__fail(TG_ERR_SHAPE, "unbind",
                        "room for %d pieces and dim %d of %s has %lld; give room for each", n, d,
                        tg__describe(x), (long long)x->shape[d]);
    const char *was = tg__errors_as("unbind");
    bool good = true;
    for (int i = 0; good && i < n; i++)
        good = put_piece(tg_select(x, d, i), out, i);
    return ended(good, was);
}
