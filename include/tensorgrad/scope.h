/* scope.h - who owns a tensor, and when it goes. */
#ifndef TENSORGRAD_SCOPE_H
#define TENSORGRAD_SCOPE_H

#include <tensorgrad/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Every function that returns a tensor gives one new reference. If a scope is open on the calling
 * thread the reference belongs to the scope, else to the caller, who gives it back with tg_release.
 *
 *     tg_scope s = tg_scope_open();
 *     tg_tensor *loss = tg_mse_loss(tg_matmul(x, w), y, TG_REDUCE_MEAN);   // no intermediate leaks
 *     tg_backward(loss);
 *     if (tg_scope_close(s) != TG_OK) ...                                  // one check for all
 *
 * Keep or retain a tensor before handing it to another thread or letting it outlive the scope. */

/** An open scope of the calling thread. */
typedef uint64_t tg_scope;

/** Opens a scope. Never fails: if there is no memory for it, it is born shut with TG_ERR_MEMORY. */
TG_API tg_scope tg_scope_open(void);
/** Releases everything made since s was opened, also by scopes left open inside it, restores the
 *  modes (grad and anomaly mode) found at opening, and returns the error that shut s, or TG_OK. The
 * message stays readable. A scope that is closed already, belongs to another thread or lies outside
 * the running callback: TG_ERR_STATE, and nothing happens. */
TG_API TG_NODISCARD tg_status tg_scope_close(tg_scope s);
/** Closes s and hands one new reference of y to the scope around it, or to the caller, whoever
 *  owned y. NULL if s was shut by an error or y is NULL. */
TG_API tg_tensor *tg_scope_return(tg_scope s, tg_tensor *y);

/** Turns x's youngest scope entry into a reference of yours; without an entry does nothing.
 *  Returns x. */
TG_API tg_tensor *tg_keep(tg_tensor *x);
/** Adds one reference of yours. Returns x; NULL with TG_ERR_SHAPE at 2^31 references. */
TG_API tg_tensor *tg_retain(tg_tensor *x);
/** Undoes the youngest acquisition of x: a reference of yours made after the youngest scope entry,
 *  else that entry, else a reference of yours. With nothing to give back: an error (TG_ERR_STATE),
 *  and nothing happens. NULL and TG_NONE are fine. Any order, any thread. */
TG_API void tg_release(tg_tensor *x);
/** A reference for long-lived holders (modules, optimizers, caches), which neither scopes nor
 *  tg_release can take. Returns x. */
TG_API tg_tensor *tg_hold(tg_tensor *x);
/** Gives back what tg_hold took. NULL is fine. */
TG_API void tg_unhold(tg_tensor *x);

/** Flag of callbacks written in a garbage-collected language: what is made inside belongs to the
 *  callee, and the reference of what it returns is handed over. Without it a callback runs in a
 *  fresh scope, and what it returns passes out as by tg_scope_return. */
#define TG_CALLBACK_OWNS 1u

/* ---- Creation sites --------------------------------------------------------------------------
 * TENSORGRAD_LEAKS=1 in the environment makes tg_leak_report (base.h) tell where each live tensor
 * was made, and anomaly mode (hooks.h) tells where an operation was called: as the return address
 * of the call, or, in sources that define TENSORGRAD_SITES before they include tensorgrad.h, as
 * file and line. Macros (sites.h) then wrap each function that makes a tensor in the two below;
 * bindings may call them directly. Where nobody asks they cost two calls per tensor and nothing
 * else. */

/** Names the place of the tensors that the calling thread makes from here on, until tg_sited or the
 *  next call. The text must live until the report. file NULL: no place. */
TG_API void tg_site(const char *file, int line);
/** Names the place where x was made (NULL is fine), ends what tg_site began, and returns x. */
TG_API tg_tensor *tg_sited(tg_tensor *x, const char *file, int line);

#ifdef __cplusplus
}
#endif
#endif
