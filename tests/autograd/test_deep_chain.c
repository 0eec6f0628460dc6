/* ctest: long serial timeout=1800 */
/* test_deep_chain.c - a chain of ten million nodes is recorded, walked and freed in a thread with a
 * stack of 64 KiB (and the thread-local memory of the loaded libraries, which lies there too). */
#include "tg_test.h"

#include "small_stack.h"

#include <tensorgrad/tensorgrad.h>

#include <stdio.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define NODES 100000
#else
#define NODES 10000000
#endif

static double free_gib(void) {
    FILE *file = fopen("/proc/meminfo", "r");
    char line[128];
    long kib = 0;
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "MemAvailable: %ld", &kib) == 1)
            break;
    if (file != NULL)
        fclose(file);
    return (double)kib / (1 << 20);
}

static void *chain(void *ok) {
    tg_tensor *x = tg_requires_grad_(tg_scalar(TG_F32, 1), true);
    tg_tensor *one = tg_scalar(TG_F32, 1);
    tg_tensor *y = tg_retain(x);
    for (int i = 0; i < NODES && y != NULL; i++) {
        tg_tensor *z = tg_mul(y, one);
        tg_release(y);
        y = z;
    }
    bool good = tg_live_nodes() == NODES && tg_backward(y) == TG_OK;
    tg_tensor *g = tg_grad(x);
    *(bool *)ok = good && tg_item(g) == 1;
    tg_release(g);
    tg_release(y);
    tg_release(one);
    tg_release(x);
    return NULL;
}

static void ten_million_nodes_fit_a_64_kib_stack(void **state) {
    (void)state;
    if (free_gib() < 12)
        tg_skip("%.1f GiB of memory are free, 12 are needed", free_gib());
    bool ok = false;
    on_a_small_stack(chain, &ok);
    assert_true(ok);
    assert_int_equal(tg_live_nodes(), 0);
    assert_int_equal(tg_live_tensors(), 0);
}

TG_TEST_MAIN(cmocka_unit_test(ten_million_nodes_fit_a_64_kib_stack))
