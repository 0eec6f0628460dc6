/* tg_tidy.h - a test leaves nothing behind.
 *
 *     TG_TEST_MAIN(tg_tidy(this_holds), tg_tidy(that_fails))
 *
 * After each test no more tensors, storages and nodes are live than before it; an error it left
 * pending is cleared. */
#ifndef TG_TIDY_H
#define TG_TIDY_H

#include "tg_test.h"

static inline int tg_test_tidy(void **state) {
    static int64_t before[3];
    (void)state;
    const int64_t live[3] = {tg_live_tensors(), tg_live_storages(), tg_live_nodes()};
    bool tidy = memcmp(live, before, sizeof live) == 0;
    if (!tidy)
        print_error("left behind: %lld tensors, %lld storages, %lld nodes\n",
                    (long long)(live[0] - before[0]), (long long)(live[1] - before[1]),
                    (long long)(live[2] - before[2]));
    memcpy(before, live, sizeof live);
    tg_error_clear();
    return tidy ? 0 : 1;
}

#define tg_tidy(test) cmocka_unit_test_teardown(test, tg_test_tidy)

#endif
