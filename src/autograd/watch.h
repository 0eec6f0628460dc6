/* watch.h - who is told of the operations that a thread runs: an open trace, an open profile. */
#ifndef TG_AUTOGRAD_WATCH_H
#define TG_AUTOGRAD_WATCH_H

#include "autograd/walk.h"

#include <tensorgrad/profile.h>
#include <tensorgrad/trace.h>

typedef struct {
    tg_trace_t *trace;   /* NULL: none is open */
    tg_profile *profile; /* the same */
    uint32_t depth;      /* operations and gradient rules under way */
    bool through;        /* the next call is the watched one itself */
} tg__watch;

/* True for the call that tg__watched makes: it goes the ordinary way. */
static inline bool tg__watch_through(void *watch) {
    tg__watch *w = watch;
    bool through = w->through;
    w->through = false;
    return through;
}

/* watch.c: */

/* tg__apply, tg__apply_ and the run of one node, told to whoever watches. */
bool tg__watched(const tg__op *op, tg_tensor *const *in, int n_in, const void *attr,
                 tg_tensor **out);
tg_tensor *tg__watched_(const tg__op *op, tg_tensor *const *in, int n_in, const void *attr);
bool tg__watched_rule(tg__walk *w, tg__node *n, bool (*run)(tg__walk *w, tg__node *n));

/* One operation or rule under way: what was counted when it began. */
typedef struct {
    double began, inside_before;
    int64_t in_use, peak_before;
    uint64_t ended_before;
    int32_t rule_before;
} tg__span;

/* A call under way that is told to whoever watches. What does not go through tg__apply stands
 * between the two below, if the thread has a watch. */
typedef struct {
    tg__watch *watch;
    tg__span span;
    bool traced;
} tg__watching;
/* Before the call, with room for n_out outputs; false with an error. */
bool tg__watch_begin(tg__watching *c, const tg__op *op, tg_tensor *const *in, int n_in,
                     const void *attr, int n_out, bool in_place);
/* After it; n_out == 0: it failed. */
void tg__watch_end(const tg__watching *c, const tg__op *op, tg_tensor *const *in, int n_in,
                   tg_tensor *const *out, int n_out);

/* The calling thread's watch, made if there is none; NULL with an error: no memory, or inside an
 * operation (`what` is "trace_begin" or so). */
tg__watch *tg__watch_open(const char *what);
/* Frees the thread's watch if nobody is told any more. */
void tg__watch_close(void);

/* trace.c: */

/* Before an operation: room for it, so that what follows cannot fail, and its inputs. False with an
 * error. After it: its outputs, or, if it failed (n_out == 0), everything as it was. */
bool tg__trace_before(tg_trace_t *trace, const tg__op *op, tg_tensor *const *in, int n_in,
                      const void *attr, int n_out, bool in_place);
void tg__trace_after(tg_trace_t *trace, tg_tensor *const *out, int n_out);
/* The tensor of a value that no node made; borrowed. */
tg_tensor *tg__trace_held(const tg_trace_t *trace, int64_t i);
/* The thread of an open trace or profile ends. */
void tg__trace_orphan(tg_trace_t *trace);

/* profile.c: */

void tg__profile_enter(tg_profile *p, tg__span *s, const tg__op *rule_or_null);
/* in == NULL: a rule. n_out == 0: it failed. */
void tg__profile_leave(tg_profile *p, const tg__span *s, const tg__op *op, tg_tensor *const *in,
                       int n_in, tg_tensor *const *out, int n_out);
void tg__profile_orphan(tg_profile *p);

#endif
