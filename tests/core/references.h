/* references.h - what tests of scopes look at. */
#ifndef TG_TEST_REFERENCES_H
#define TG_TEST_REFERENCES_H

#include "core/tensor.h"

#include "tg_tidy.h"

static inline tg_tensor *make(void) {
    tg_tensor *x = tg_zeros(TG_F32, TG_SHAPE(3));
    assert_non_null(x);
    return x;
}

static inline uint32_t total(const tg_tensor *x) { return (uint32_t)atomic_load(&x->refs); }

static inline uint32_t of_user(const tg_tensor *x) {
    return (uint32_t)(atomic_load(&x->refs) >> 32);
}

#define assert_refs(x, all, user)                                                                  \
    do {                                                                                           \
        assert_int_equal(total(x), all);                                                           \
        assert_int_equal(of_user(x), user);                                                        \
    } while (0)

static inline void nothing_to_release(tg_tensor *x) {
    uint64_t before = atomic_load(&x->refs);
    tg_release(x);
    assert_fails(tg_error_status(), TG_ERR_STATE, "release: f32 [3]: no reference of yours");
    assert_true(atomic_load(&x->refs) == before);
    tg_error_clear();
}

#endif
