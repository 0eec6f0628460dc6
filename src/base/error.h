/* error.h - the one function that makes errors. */
#ifndef TG_BASE_ERROR_H
#define TG_BASE_ERROR_H

#include "base/thread.h"

/**
 * Raises an error on the calling thread and returns its status.
 *
 * The text is "op: " followed by the format: what came (shapes, dtypes), what was expected, what to
 * do. Inside a scope that is shut already the first error stays. Allocates nothing. `op` may be a
 * short-lived string. Formats must not use %f, %e, %g: they follow the locale (tg__num).
 */
tg_status tg__fail(tg_status status, const char *op, const char *format, ...)
    __attribute__((format(printf, 3, 4), cold, noinline));

/* Adds to the text of the pending error. */
void tg__fail_add(const char *format, ...) __attribute__((format(printf, 1, 2), cold, noinline));

/* tg__fail for "out of memory" with the byte count. */
tg_status tg__fail_memory(const char *op, uint64_t bytes) __attribute__((cold, noinline));
/* What an operation does when argument `name` is NULL: leaves a pending error alone, else raises
 * TG_ERR_ARG. Returns the pending status. */
tg_status tg__fail_null(const char *op, const char *name) __attribute__((cold, noinline));

/* For operations made of others: between the two calls errors of this thread carry the name that
 * the user called, `op`, or that of the operation around it. */
static inline const char *tg__errors_as(const char *op) {
    tg__thread *t = tg__self();
    const char *was = t->error_as;
    if (was == NULL && t->usable)
        t->error_as = op;
    return was;
}
static inline void tg__errors_back(const char *was) {
    tg__thread *t = tg__self();
    if (t->usable)
        t->error_as = was;
}

/* Calls a deleter of the user's, which may raise and clear errors: one that was pending before is
 * pending again afterwards, so that a failing operation still fails. */
void tg__call_deleter(void (*deleter)(void *ctx), void *ctx);

/* The status that gates actions: not TG_OK while the innermost scope is shut. */
tg_status tg__gate(const tg__thread *t);

/* A short-lived buffer of TG__DESC_BYTES for pieces of a message: the next of a ring of 8. */
char *tg__desc_buffer(void);
/* Gives the latest of them back. */
void tg__desc_undo(void);
/* A double for a message, locale-free: the shortest text that reads back the same. */
const char *tg__num(double value);
/* User text for a message: cut to 60 bytes, control and non-UTF-8 bytes escaped. NULL: "(null)". */
const char *tg__quote(const char *text);

#endif
