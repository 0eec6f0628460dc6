/* callback.h - entering and leaving functions that the user supplied. */
#ifndef TG_CORE_CALLBACK_H
#define TG_CORE_CALLBACK_H

#include <tensorgrad/scope.h>

typedef struct {
    uint64_t token; /* 0: entering failed */
} tg__callback;

/* Begins a call into user code: a barrier that scopes inside cannot reach past, and inside it a
 * fresh scope, unless `owns` (bindings): then what is made inside belongs to the callee. Fails
 * without memory (raises an error) and in a shut scope; leave must still be called then. */
tg__callback tg__callback_enter(bool owns);
/**
 * Ends the call: closes scope and barrier, restores the modes.
 *
 * results[i] (may be NULL or TG_NONE) become engine references of the caller of leave: without
 * `owns` as by tg_scope_return, with it by taking over the callee's reference, also on failure. On
 * failure all are given back and set to NULL. Returns TG_OK only if `returned` is TG_OK and no
 * uncleared error was raised inside; otherwise an error is pending. `op` is for messages.
 */
tg_status tg__callback_leave(tg__callback c, const char *op, tg_status returned,
                             tg_tensor **results, int n_results);
/* Whether entering worked. */
static inline bool tg__callback_ok(tg__callback c) { return c.token != 0; }

#endif
