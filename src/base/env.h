/* env.h - the settings that come from environment variables, read once and checked. */
#ifndef TG_BASE_ENV_H
#define TG_BASE_ENV_H

#include <tensorgrad/base.h>

typedef struct {
    int num_threads;    /* TENSORGRAD_NUM_THREADS: 1..1024; 0: not set */
    char isa[16];       /* TENSORGRAD_ISA: "base", "avx2", "avx512", "neon"; "": not set */
    uint64_t pool_max;  /* TENSORGRAD_POOL_MAX: bytes, with suffix K, M, G; UINT64_MAX: no cap */
    bool deterministic; /* TENSORGRAD_DETERMINISTIC: 0 or 1 */
    bool leaks;         /* TENSORGRAD_LEAKS: 0 or 1 */
    bool progress_off;  /* TENSORGRAD_PROGRESS: 0 off; 1 (default) on */
} tg__env;

/* Reads and validates on first use (thread-safe). A bad value is ignored and named through the log
 * hook; lines that come before a hook is set are kept (up to 16) and delivered when it is. */
const tg__env *tg__env_get(void);
/* For tests: forgets what was read. */
void tg__env_reset(void);

/* Parsers, for env and tests. Each returns false on malformed text and leaves *out alone. */
bool tg__env_parse_int(const char *text, int64_t lowest, int64_t highest, int64_t *out);
bool tg__env_parse_bytes(const char *text, uint64_t *out);

#endif
