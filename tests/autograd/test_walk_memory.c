/* test_walk_memory.c - a walk with every allocation failed in turn: no gradient changes, nothing is
 * left over, nobody stays busy, and the retry gives the same bits. */
#include "tensors.h"

enum { LEAVES = 5, BYTES = 512 };

/* Leaves of several shapes and dtypes; the second has a gradient already. */
static void make_leaves(tg_tensor **x) {
    x[0] = leaf(of(TG_F64, TG_SHAPE(2, 3), LIST(.1, -.2, .3, .4, -.5, .6)));
    x[1] = leaf(row(TG_F32, LIST(1.5, -2, .25)));
    x[2] = leaf(of(TG_F64, TG_SHAPE(3, 2), LIST(1, 2, -1, .5, .25, -2)));
    x[3] = leaf(number(.75));
    x[4] = leaf(of(TG_F64, TG_SHAPE(2, 2), LIST(3, -1, 2, 7)));
    assert_ok(tg_set_grad(x[1], row(TG_F32, LIST(10, 20, 30))));
}

/* A bit of everything: products, broadcasting, casts, views, in-place writes, two outputs, joins.
 */
static tg_tensor *program(tg_tensor *const *x) {
    tg_tensor *h = tg_tanh(tg_mul(x[0], x[1])); /* [2, 3] */
    tg_tensor *y = tg_matmul(h, x[2]);          /* [2, 2] */
    y = tg_mul_(tg_add_scalar(y, .5), x[3]);    /* in place */
    y = tg_index_put_(y, 1, (tg_index_item[]){TG_AT(0)}, tg_select(x[4], 1, 1));
    tg_tensor *z = tg_softmax(tg_transpose(tg_sub(y, x[4]), 0, 1), 0);
    tg_tensor *largest = tg_max_dim(x[0], 1, false, NULL); /* [2] */
    tg_tensor *parts[3] = {tg_reshape(z, TG_SHAPE(-1)), largest, tg_exp_(tg_clone(x[1]))};
    tg_tensor *all = tg_cat(parts, 3, 0); /* [9] */
    return tg_add(tg_std(all, TG_ALL, 1, false),
                  tg_mul(tg_sum(tg_square(all), TG_ALL, false), x[3]));
}

typedef struct {
    char bits[BYTES];
    size_t used;
    int attached;
} gradients;

static gradients gradients_of(tg_tensor *const *x) {
    gradients g = {.used = 0};
    for (int i = 0; i < LEAVES; i++) {
        tg_tensor *grad = tg_grad(x[i]);
        if (grad == NULL)
            continue;
        size_t bytes = (size_t)tg_numel(grad) * tg_dtype_size(tg_dtype_of(grad));
        assert_true(g.used + bytes <= BYTES);
        assert_ok(tg_copy_to(grad, g.bits + g.used, bytes));
        g.used += bytes;
        g.attached |= 1 << i;
        tg_release(grad);
    }
    return g;
}

static void assert_same(const gradients *a, const gradients *b) {
    assert_int_equal(a->attached, b->attached);
    assert_int_equal(a->used, b->used);
    assert_memory_equal(a->bits, b->bits, a->used);
}

static tg_status walk(tg_tensor *root, bool retain) {
    tg_backward_options o = TG_BACKWARD_OPTIONS_INIT;
    o.retain_graph = retain;
    return tg_backward_ex(&root, 1, &o);
}

static gradients expected(bool after) {
    tg_scope s = tg_scope_open();
    tg_tensor *x[LEAVES];
    make_leaves(x);
    tg_tensor *y = tg_test_made(program(x));
    if (after)
        assert_ok(walk(y, false));
    gradients g = gradients_of(x);
    assert_ok(tg_scope_close(s));
    return g;
}

static void a_failed_backward_changes_nothing_and_can_be_retried(void **state) {
    (void)state;
    const gradients before = expected(false);
    const gradients after = expected(true);
    assert_int_equal(before.attached, 2);
    assert_int_equal(after.attached, 31);
    for (int persistent = 0; persistent < 2; persistent++)
        for (int retain = 0; retain < 2; retain++)
            for (uint64_t n = 1;; n++) {
                tg_scope s = tg_scope_open();
                tg_tensor *x[LEAVES];
                make_leaves(x);
                tg_tensor *y = tg_test_made(program(x));
                int64_t live[3] = {tg_live_tensors(), tg_live_storages(), tg_live_nodes()};
                tg__alloc_fail_at(n, persistent);
                tg_status status = walk(y, retain);
                tg__alloc_fail_at(0, false);
                gradients got = gradients_of(x);
                if (status == TG_OK) {
                    assert_same(&got, &after);
                    assert_ok(tg_scope_close(s));
                    assert_true(n > 50);
                    break;
                }
                assert_denied(status, TG_ERR_MEMORY, "out of memory");
                assert_same(&got, &before);
                assert_int_equal(tg_live_nodes(), live[2]);
                if (retain) {
                    assert_int_equal(tg_live_tensors(), live[0]);
                    assert_int_equal(tg_live_storages(), live[1]);
                }
                /* consumed without retain_graph, unless nothing had been walked yet */
                status = walk(y, retain);
                if (!retain && status != TG_OK) {
                    assert_denied(status, TG_ERR_STATE, "walked before");
                    assert_ok(walk(tg_test_made(program(x)), false));
                } else {
                    assert_ok(status);
                }
                got = gradients_of(x);
                assert_same(&got, &after);
                assert_ok(tg_scope_close(s));
            }
}

static void failed_gradients_give_nothing_and_can_be_retried(void **state) {
    (void)state;
    for (int create = 0; create < 2; create++) {
        char bits[BYTES];
        for (uint64_t n = 0;; n++) { /* 0: what is to be expected */
            tg_scope s = tg_scope_open();
            tg_tensor *x[LEAVES];
            tg_tensor *out[LEAVES];
            make_leaves(x);
            tg_tensor *y = tg_test_made(program(x));
            tg_gradients_options o = TG_GRADIENTS_OPTIONS_INIT;
            o.retain_graph = true;
            o.create_graph = create;
            int64_t live[3] = {tg_live_tensors(), tg_live_storages(), tg_live_nodes()};
            tg__alloc_fail_at(n, false);
            tg_status status = tg_gradients(&y, 1, x, LEAVES, &o, out);
            tg__alloc_fail_at(0, false);
            bool failed = status != TG_OK;
            if (failed) {
                assert_denied(status, TG_ERR_MEMORY, "out of memory");
                for (int i = 0; i < LEAVES; i++)
                    assert_null(out[i]);
                assert_int_equal(tg_live_tensors(), live[0]);
                assert_int_equal(tg_live_storages(), live[1]);
                assert_int_equal(tg_live_nodes(), live[2]);
                assert_ok(tg_gradients(&y, 1, x, LEAVES, &o, out));
            }
            char *at_bits = bits;
            for (int i = 0; i < LEAVES; i++) {
                size_t bytes = (size_t)tg_numel(out[i]) * tg_dtype_size(tg_dtype_of(out[i]));
                if (n == 0)
                    assert_ok(tg_copy_to(out[i], at_bits, bytes));
                else
                    assert_memory_equal(tg_data(tg_contiguous(out[i])), at_bits, bytes);
                at_bits += bytes;
            }
            if (create)
                assert_ok(tg_backward(tg_sum(tg_square(out[0]), TG_ALL, false)));
            assert_ok(tg_scope_close(s));
            if (n > 0 && !failed) {
                assert_true(n > 50);
                break;
            }
        }
    }
}

static void a_failed_recording_leaves_no_node_and_no_change(void **state) {
    (void)state;
    uint64_t n = 1;
    for (bool passed = false; !passed; n++) {
        tg_scope s = tg_scope_open();
        tg_tensor *x[LEAVES];
        make_leaves(x);
        const gradients before = gradients_of(x);
        uint32_t versions[LEAVES];
        for (int i = 0; i < LEAVES; i++)
            versions[i] = tg_version_of(x[i]);
        tg_scope inner = tg_scope_open();
        tg__alloc_fail_at(n, false);
        tg_tensor *y = program(x);
        tg__alloc_fail_at(0, false);
        passed = y != NULL;
        tg_status status = tg_scope_close(inner);
        assert_int_equal(status, passed ? TG_OK : TG_ERR_MEMORY);
        tg_error_clear();
        assert_int_equal(tg_live_nodes(), 0);
        gradients got = gradients_of(x);
        assert_same(&got, &before);
        for (int i = 0; i < LEAVES; i++)
            assert_int_equal(tg_version_of(x[i]), versions[i]);
        assert_ok(tg_scope_close(s));
    }
    assert_true(n > 60);
}

/* Whatever fails, the tensor has its old values and its old history. */
static void a_failed_write_in_place_changes_neither_values_nor_history(void **state) {
    (void)state;
    for (int form = 0; form < 4; form++)
        for (uint64_t n = 1;; n++) {
            tg_scope s = tg_scope_open();
            tg_tensor *w = LEAF(1, 2, 3);
            tg_tensor *v = leaf(row(TG_F32, LIST(4, 5, 6)));
            tg_tensor *x = tg_mul_scalar(w, 2);
            tg_tensor *nine = number(9);
            int64_t nodes = tg_live_nodes();
            tg__alloc_fail_at(n, false);
            tg_tensor *y = form == 0   ? tg_mul_(x, v)
                           : form == 1 ? tg_mul_(x, x)
                           : form == 2 ? tg_index_put_(x, 1, (tg_index_item[]){TG_AT(1)}, nine)
                                       : tg_pow_(x, v);
            tg__alloc_fail_at(0, false);
            if (y != NULL) {
                assert_ptr_equal(y, x);
                assert_ok(tg_scope_close(s));
                assert_true(n > 1);
                break;
            }
            assert_denied(tg_error_status(), TG_ERR_MEMORY, "out of memory");
            assert_values(x, 2, 4, 6);
            assert_int_equal(tg_version_of(x), 0);
            assert_int_equal(tg_live_nodes(), nodes);
            sum_backward(tg_square(x));
            assert_values(tg_grad(w), 8, 16, 24);
            assert_ok(tg_scope_close(s));
        }
}

TG_TEST_MAIN(tg_scoped(a_failed_backward_changes_nothing_and_can_be_retried),
             tg_scoped(failed_gradients_give_nothing_and_can_be_retried),
             tg_scoped(a_failed_recording_leaves_no_node_and_no_change),
             tg_scoped(a_failed_write_in_place_changes_neither_values_nor_history))
