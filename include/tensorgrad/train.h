/* train.h - what a training loop shows: a progress bar and a loss curve. */
#ifndef TENSORGRAD_TRAIN_H
#define TENSORGRAD_TRAIN_H

#include <tensorgrad/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A progress bar. On a terminal it redraws one line at most 10 times a second; elsewhere it writes
 *  a plain line every tenth of the way. TENSORGRAD_PROGRESS=0 silences it. */
typedef struct tg_progress tg_progress;

typedef struct {
    uint32_t size;              /**< sizeof(tg_progress_options) */
    int32_t width;              /**< columns of the bar; 0: fit the terminal */
    FILE *file;                 /**< NULL: stderr */
    double (*clock)(void *ctx); /**< seconds, any origin; NULL: the monotonic clock */
    void *clock_ctx;
} tg_progress_options;
#define TG_PROGRESS_OPTIONS_INIT                                                                   \
    { sizeof(tg_progress_options), 0, NULL, NULL, NULL }

/** A bar of `total` steps (> 0) called `label`. options may be NULL. */
TG_API tg_progress *tg_progress_new(const char *label, int64_t total,
                                    const tg_progress_options *options);
/** Tells that `done` steps are done, with a value to show (the loss, say). NULL shows nothing. */
TG_API void tg_progress_update(tg_progress *progress, int64_t done, double value);
/** Ends the line and frees the bar. NULL is fine. */
TG_API void tg_progress_free(tg_progress *progress);

/** A curve: one value per step, drawn as SVG. */
typedef struct tg_curve tg_curve;

/** An empty curve with a title and the name of its values ("loss"). */
TG_API tg_curve *tg_curve_new(const char *title, const char *label);
/** Adds the value of a step; steps must increase. Values that are not finite are left out of the
 *  drawing and counted in its caption. TG_ERR_ARG, TG_ERR_MEMORY; in a shut scope nothing is added.
 */
TG_API tg_status tg_curve_add(tg_curve *curve, int64_t step, double value);
/** How many values were added, finite or not; -1 for NULL. */
TG_API int64_t tg_curve_count(const tg_curve *curve);
/** Writes the curve as a self-contained SVG file, log scale where the values span more than two
 *  decades and are positive. The file appears whole or not at all. TG_ERR_IO names the path and the
 *  system's reason. */
TG_API TG_NODISCARD tg_status tg_curve_write_svg(const tg_curve *curve, const char *path);
/** NULL is fine. */
TG_API void tg_curve_free(tg_curve *curve);

#ifdef __cplusplus
}
#endif
#endif
