/* small_stack.h - running a function in a thread with a stack of 64 KiB. */
#ifndef TG_SMALL_STACK_H
#define TG_SMALL_STACK_H

#include "tg_test.h"

#include <link.h>
#include <pthread.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SMALL_STACK ((size_t)512 << 10) /* the sanitizers need stack of their own */
#else
#define SMALL_STACK ((size_t)64 << 10)
#endif

/* The thread-local memory of the loaded libraries lies on a thread's stack too. */
static inline int tg_test_add_tls(struct dl_phdr_info *info, size_t size, void *sum) {
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_TLS)
            *(size_t *)sum += (info->dlpi_phdr[i].p_memsz + 63) & ~(size_t)63;
    return 0;
}

static inline void on_a_small_stack(void *(*run)(void *), void *arg) {
    size_t stack = SMALL_STACK;
    dl_iterate_phdr(tg_test_add_tls, &stack);
    pthread_attr_t attr;
    assert_int_equal(pthread_attr_init(&attr), 0);
    assert_int_equal(pthread_attr_setstacksize(&attr, (stack + 4095) & ~(size_t)4095), 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, &attr, run, arg), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attr);
}

#endif
