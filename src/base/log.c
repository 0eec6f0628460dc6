/* log.c - lines for the user's log hook.
 *
 * A line is formatted on the stack, cut at 255 bytes (never inside a UTF-8 character) and freed of
 * control characters, so that it is one line. The hook is called without any lock held: it may wait
 * for something (an interpreter's lock) that a thread waiting for our lock holds. So a hook may
 * still see a line for a moment after it was replaced. Without a hook, the first warnings of the
 * process wait for one. */
#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_BYTES 256
#define KEPT_LINES 16

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static tg_log_fn hook;
static void *hook_ctx;
static char kept[KEPT_LINES][LINE_BYTES]; /* [n_delivered, n_kept) wait for a hook */
static int n_kept, n_delivered;

static void before_fork(void) { pthread_mutex_lock(&lock); }
static void after_fork(void) { pthread_mutex_unlock(&lock); }
static void survive_fork(void) { pthread_atfork(before_fork, after_fork, after_fork); }

static void enter(void) {
    pthread_once(&once, survive_fork);
    pthread_mutex_lock(&lock);
}

static void leave(void) { pthread_mutex_unlock(&lock); }

/* Removes the character that the end of a full line may have cut in two. */
static void drop_partial_character(char *line, size_t length) {
    size_t start = length;
    while (start > 0 && ((unsigned char)line[start - 1] & 0xc0) == 0x80)
        start--;
    if (start == 0)
        return;
    unsigned char lead = (unsigned char)line[start - 1];
    size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    if (length - (start - 1) < bytes)
        line[start - 1] = '\0';
}

static void deliver_kept(void) {
    for (;;) {
        char line[LINE_BYTES];
        enter();
        tg_log_fn fn = hook;
        void *ctx = hook_ctx;
        bool any = fn != NULL && n_delivered < n_kept;
        if (any)
            memcpy(line, kept[n_delivered++], sizeof line);
        leave();
        if (!any)
            return;
        fn(TG_LOG_WARN, line, ctx);
    }
}

void tg_set_log_hook(tg_log_fn fn, void *ctx) {
    enter();
    hook = fn;
    hook_ctx = ctx;
    leave();
    deliver_kept();
}

void tg__log(tg_log_level level, const char *format, ...) {
    char line[LINE_BYTES];
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (wanted < 0)
        return;
    if (wanted >= LINE_BYTES)
        drop_partial_character(line, LINE_BYTES - 1);
    for (char *p = line; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = ' ';

    enter();
    tg_log_fn fn = hook;
    void *ctx = hook_ctx;
    if (fn == NULL && level == TG_LOG_WARN && n_kept < KEPT_LINES)
        memcpy(kept[n_kept++], line, sizeof line);
    leave();
    if (fn != NULL)
        fn(level, line, ctx);
}
