/* base.h - status codes, errors, logging, memory, threads and build information. */
#ifndef TENSORGRAD_BASE_H
#define TENSORGRAD_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#if defined(_WIN32)
#error "libtensorgrad supports POSIX systems"
#endif
#if defined(__GNUC__)
#define TG_API __attribute__((visibility("default")))
#define TG_NODISCARD __attribute__((warn_unused_result))
#else
#define TG_API
#define TG_NODISCARD
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define TG_VERSION_MAJOR 0
#define TG_VERSION_MINOR 1
#define TG_VERSION_PATCH 0

/** Largest number of dimensions of a tensor. */
#define TG_MAX_DIMS 8

/**
 * What an action returns, and what tg_error_status() tells after a tensor function returned NULL.
 * The numbers are part of the ABI.
 */
typedef enum {
    TG_OK = 0,
    TG_ERR_ARG = 1,     /**< a bad argument: NULL, an option out of range, an unknown name */
    TG_ERR_SHAPE = 2,   /**< shapes that do not fit, or sizes beyond the limits */
    TG_ERR_DTYPE = 3,   /**< an element type the operation does not take */
    TG_ERR_INDEX = 4,   /**< an index or axis out of range */
    TG_ERR_STATE = 5,   /**< a call that the object's state does not allow now */
    TG_ERR_MEMORY = 6,  /**< an allocation failed */
    TG_ERR_NUMERIC = 7, /**< no defined result: division of integers by zero, NaN in anomaly mode */
    TG_ERR_UNSUPPORTED = 8,  /**< not available here; an operation without a derivative */
    TG_ERR_FORMAT = 9,       /**< malformed file contents */
    TG_ERR_IO = 10,          /**< the system refused to open, read or write */
    TG_ERR_BUSY = 11,        /**< another thread is using the object */
    TG_ERR_INTERRUPTED = 12, /**< the interrupt check asked to stop */
    TG_ERR_INTERNAL = 13     /**< a fault of the library itself: please report it */
} tg_status;

/** The name of a status code, such as "TG_ERR_SHAPE"; "unknown status" for other numbers. */
TG_API const char *tg_status_name(tg_status status);

/* ---- Errors -------------------------------------------------------------------------------
 * Each thread has one error: a status, the operation, and a text that says what came, what was
 * expected and what to do. Functions that return a tensor return NULL on failure; given NULL they
 * return NULL and leave the error alone, so a nested expression is checked once, at its end.
 *
 * Outside scopes the latest failure is kept. Inside a scope (scope.h) the first one is: it shuts
 * the scope, and actions that change state do nothing until the scope is closed or the error
 * cleared. */

/** The calling thread's pending error; TG_OK if there is none. */
TG_API tg_status tg_error_status(void);
/** The text of the calling thread's last error; "" if there was none. Never NULL; valid until the
 *  thread's next failure. Stays readable after the scope that the error shut was closed. */
TG_API const char *tg_error_message(void);
/** The operation that failed, such as "matmul"; "" if there is no error. */
TG_API const char *tg_error_op(void);
/** Forgets the error raised since the innermost open scope (or callback) began, and reopens it. */
TG_API void tg_error_clear(void);

/* ---- Logging ------------------------------------------------------------------------------- */

typedef enum { TG_LOG_DEBUG = 0, TG_LOG_INFO = 1, TG_LOG_WARN = 2 } tg_log_level;
/** Receives one line without a newline. May be called from any thread; must not call the library.
 */
typedef void (*tg_log_fn)(tg_log_level level, const char *message, void *ctx);
/** Sets where log lines go (NULL: nowhere, the default). The library itself never prints. Bad
 *  values in environment variables are named here, also when they were read before the hook came.
 */
TG_API void tg_set_log_hook(tg_log_fn fn, void *ctx);

/* ---- Memory ---------------------------------------------------------------------------------
 * All memory comes from an allocator that the program may replace, through a caching pool that
 * keeps freed blocks for the next step. */

/** Where the pool gets its memory. Both methods are required and must be thread-safe. */
typedef struct {
    uint32_t size; /**< sizeof(tg_allocator) */
    /** Returns memory aligned to `alignment` (a power of two >= 64), or NULL. */
    void *(*alloc)(void *ctx, size_t bytes, size_t alignment);
    /** Takes back what alloc returned, with the same size. */
    void (*free)(void *ctx, void *block, size_t bytes);
    void *ctx;
} tg_allocator;

/** Replaces the allocator (NULL: back to the built-in one). Call it before anything else: it is
 *  TG_ERR_STATE while memory of the present one is in use, the state that threads keep included.
 *  TG_ERR_ARG names a missing method. */
TG_API tg_status tg_set_allocator(const tg_allocator *allocator);

/** Sizes in bytes, counts since the process began. */
typedef struct {
    uint32_t size; /**< sizeof(tg_memory_stats_t), set by the caller */
    uint32_t reserved;
    uint64_t bytes_in_use;  /**< in tensors and graphs now */
    uint64_t bytes_held;    /**< taken from the allocator and not given back */
    uint64_t system_allocs; /**< calls of the allocator's alloc */
    uint64_t requests;      /**< blocks asked of the pool */
} tg_memory_stats_t;

#define TG_MEMORY_STATS_INIT                                                                       \
    { sizeof(tg_memory_stats_t), 0, 0, 0, 0, 0 }

/** Fills *stats. TG_ERR_ARG if stats is NULL or its size unknown. */
TG_API tg_status tg_memory_stats(tg_memory_stats_t *stats);
/** The most bytes that the calling thread has had in use since it began or since
 *  tg_memory_reset_peak: what it took less what it gave back. With all work on one thread that is
 *  the peak of bytes_in_use. */
TG_API uint64_t tg_memory_peak(void);
/** Makes what the calling thread has in use now its peak. */
TG_API void tg_memory_reset_peak(void);
/** Gives cached blocks back to the allocator until at most keep_bytes of unused ones remain, as far
 *  as whole blocks allow; returns how many bytes were given back. */
TG_API uint64_t tg_memory_trim(uint64_t keep_bytes);

/* ---- Live objects --------------------------------------------------------------------------- */

/** Tensors that exist now in the whole process, those held by graphs included. */
TG_API int64_t tg_live_tensors(void);
/** Recorded graph nodes that exist now. */
TG_API int64_t tg_live_nodes(void);
/** Storages (memory blocks behind tensors) that exist now. */
TG_API int64_t tg_live_storages(void);
/** Writes one line per live tensor (op, dtype, shape, name, creation site) to `file` and returns
 * how many there are. The lines need TENSORGRAD_LEAKS=1 in the environment, which also makes this
 * report appear on stderr at exit; without it only the count is written. */
TG_API int64_t tg_leak_report(FILE *file);

/* ---- Threads -------------------------------------------------------------------------------- */

/** Sets how many threads kernels and BLAS may use: 1 to 1024. The default is the number of CPUs the
 *  process may run on, or TENSORGRAD_NUM_THREADS. TG_ERR_ARG outside the range. */
TG_API tg_status tg_set_num_threads(int n);
TG_API int tg_num_threads(void);

/** Return true to interrupt. Called on the thread that runs the long call, at most 20 times a
 *  second. */
typedef bool (*tg_interrupt_fn)(void *ctx);
/** Sets a check that long calls (backward, data readers, optimizer steps) poll; when it returns
 *  true they stop with TG_ERR_INTERRUPTED and change nothing. NULL: no check. Process-wide. */
TG_API void tg_set_interrupt_check(tg_interrupt_fn fn, void *ctx);

/* ---- Version and build ---------------------------------------------------------------------- */

/** The library's version, "MAJOR.MINOR.PATCH". */
TG_API const char *tg_version(void);
/** One line per fact: version, compiler, CPU level in use, BLAS variant, core and threads, pool and
 *  thread settings, and warnings about the environment. The text is rebuilt at each call into a
 *  buffer of the calling thread. */
TG_API const char *tg_build_info(void);
/** A hash of the public prototypes, for bindings to compare with the one they were made from. */
TG_API uint64_t tg_abi_hash(void);

#ifdef __cplusplus
}
#endif
#endif
