/* profile.h - where time and memory go: calls, seconds, bytes and FLOPs of each operation. */
#ifndef TENSORGRAD_PROFILE_H
#define TENSORGRAD_PROFILE_H

#include <tensorgrad/op.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Between tg_profile_begin and tg_profile_end each operation that the calling thread runs is
 * counted, in the row of its name. An operation that is made of others (linear, cross_entropy, ...)
 * has the time between them in its row and its parts in theirs, so times add up. What the gradient
 * rule of an operation runs, and handing on its gradients, counts as backward in the row of that
 * operation. Without an open profile an operation pays one branch for all this. */

/** A profile. One thread at a time may use it; after tg_profile_end any number may read it. */
typedef struct tg_profile tg_profile;

typedef struct {
    uint32_t size;              /**< sizeof(tg_profile_options) */
    bool totals_only;           /**< keep no events: tg_profile_write_trace has none to write */
    int64_t max_events;         /**< further ones are only counted; 0: 1 000 000 (of 48 bytes) */
    double (*clock)(void *ctx); /**< seconds, any origin; NULL: the monotonic clock */
    void *clock_ctx;
} tg_profile_options;
#define TG_PROFILE_OPTIONS_INIT                                                                    \
    { sizeof(tg_profile_options), false, 0, NULL, NULL }

/** Begins to count on the calling thread. options may be NULL. NULL with TG_ERR_STATE while a
 *  profile is open on it, or inside an operation or a hook; TG_ERR_ARG for a negative max_events;
 *  TG_ERR_MEMORY. */
TG_API tg_profile *tg_profile_begin(const tg_profile_options *options);
/** Ends the counting; what was counted stays. TG_ERR_STATE if it was ended before, is another
 *  thread's, or inside an operation or a hook. The end of the thread ends it too. */
TG_API tg_status tg_profile_end(tg_profile *profile);
/** Ends it if need be and frees it. NULL is fine. TG_ERR_STATE (nothing is freed) as for
 *  tg_profile_end, except that an ended one is fine. */
TG_API tg_status tg_profile_free(tg_profile *profile);

/** What was counted of one operation. Bytes are estimates: each operand read and each result
 *  written once. FLOPs are 2 per multiply-add of matrix products and convolutions, else
 * one per element of the largest operand, and none where elements only move. */
typedef struct {
    const char *op; /**< valid as long as the profile */
    int64_t calls, backward_calls;
    double seconds, backward_seconds;
    uint64_t bytes, backward_bytes;
    double flops, backward_flops;
    uint64_t
        peak_bytes; /**< the most memory that one call, or its rule, took beyond what it found */
} tg_profile_row_info;

/** How many operations were counted; -1 for NULL and before tg_profile_end. The functions below
 *  fail with TG_ERR_STATE before it. */
TG_API int64_t tg_profile_rows(const tg_profile *profile);
/** Row i, the most seconds (forward and backward) first, then by name. TG_ERR_INDEX if there is
 *  none. */
TG_API tg_status tg_profile_row(const tg_profile *profile, int64_t i, tg_profile_row_info *row);
/** The sums of all rows, named "total"; peak_bytes is the most that the thread had in use beyond
 *  what it had at the beginning. */
TG_API tg_status tg_profile_total(const tg_profile *profile, tg_profile_row_info *total);

/** The rows as a table, the most seconds first, and their total. buf gets at most cap bytes with
 *  the final zero. Returns the full length without it, or -1 with an error. */
TG_API int64_t tg_profile_format(const tg_profile *profile, char *buf, size_t cap);
/** The same to a file. TG_ERR_IO. */
TG_API tg_status tg_profile_print(const tg_profile *profile, FILE *file);
/** Every call and every gradient rule as JSON that chrome://tracing and Perfetto show: complete
 *  events with time, operation, bytes, FLOPs and memory in use. buf as for tg_profile_format. */
TG_API int64_t tg_profile_format_trace(const tg_profile *profile, char *buf, size_t cap);
/** The same to a file. TG_ERR_IO. */
TG_API tg_status tg_profile_write_trace(const tg_profile *profile, FILE *file);

#ifdef __cplusplus
}
#endif
#endif
