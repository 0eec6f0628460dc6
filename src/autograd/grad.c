/* grad.c - leaves, their gradients, and grad mode. */
#include "autograd/node.h"

#include <tensorgrad/autograd.h>

bool tg_set_grad_enabled(bool on) {
    tg__thread *t = tg__self();
    bool was = t->grad_on;
    if (t->usable)
        t->grad_on = on;
    return was;
}

bool tg_grad_enabled(void) { return tg__self()->grad_on; }

bool tg_requires_grad(const tg_tensor *x) { return x != NULL && (x->flags & TG__REQUIRES_GRAD); }

bool tg_is_leaf(const tg_tensor *x) { return x == NULL || x->node == NULL; }

const char *tg_grad_op(const tg_tensor *x) {
    return x != NULL && x->node != NULL ? x->node->op->name : "";
}

tg_tensor *tg_requires_grad_(tg_tensor *x, bool on) {
    if (!tg__required("requires_grad_", "x", x) || tg__gate(tg__self()) != TG_OK)
        return NULL;
    if (x->node != NULL) {
        if (on)
            return x;
        tg__fail(TG_ERR_STATE, "requires_grad_",
                 "%s is the result of %s and cannot stop requiring gradients; use tg_detach",
                 tg__describe(x), x->node->op->name);
        return NULL;
    }
    if (!on) {
        x->flags &= (uint8_t)~TG__REQUIRES_GRAD;
        return x;
    }
    if (!tg_dtype_is_float((tg_dtype)x->dtype)) {
        tg__fail(TG_ERR_DTYPE, "requires_grad_", "%s cannot require gradients; use f32 or f64",
                 tg__describe(x));
        return NULL;
    }
    if (atomic_load_explicit(&x->attached, memory_order_relaxed)) {
        tg__fail(TG_ERR_STATE, "requires_grad_",
                 "%s is attached to a leaf as its gradient; use tg_detach of it", tg__describe(x));
        return NULL;
    }
    if (x->leaf == NULL) {
        x->leaf = tg__alloc_zero(sizeof *x->leaf);
        if (x->leaf == NULL) {
            tg__fail_memory("requires_grad_", sizeof *x->leaf);
            return NULL;
        }
    }
    x->flags |= TG__REQUIRES_GRAD;
    atomic_store_explicit(&x->storage->needs_grad, 1, memory_order_relaxed);
    return x;
}

tg_tensor *tg_detach(tg_tensor *x) {
    if (!tg__required("detach", "x", x))
        return NULL;
    tg_tensor *y = tg__alias("detach", x);
    if (y != NULL)
        y->epoch = UINT32_MAX; /* it has no history to lose: never stale */
    return tg__give(y);
}

tg_tensor *tg_grad(const tg_tensor *leaf) {
    if (leaf == NULL || leaf->leaf == NULL)
        return NULL;
    tg__leaf_lock(leaf);
    tg_tensor *g = leaf->leaf->grad;
    if (g != NULL)
        tg__ref(g);
    tg__leaf_unlock(leaf);
    return tg__give(g);
}

/* Puts g (raw, or NULL) in place of the present gradient. */
static void replace(tg_tensor *leaf, tg_tensor *g) {
    tg__leaf_lock(leaf);
    tg_tensor *old = leaf->leaf->grad;
    leaf->leaf->grad = g;
    if (old != NULL)
        atomic_store_explicit(&old->attached, 0, memory_order_relaxed);
    tg__leaf_unlock(leaf);
    tg__unref(old);
}

static tg_status refuse_grad(const tg_tensor *leaf, const tg_tensor *grad) {
    if (leaf->leaf == NULL)
        return tg__fail(TG_ERR_STATE, "set_grad",
                        "%s is no leaf that requires gradients; call tg_requires_grad_ first",
                        tg__describe(leaf));
    if (leaf->dtype != grad->dtype || !tg__same_shape(leaf, grad))
        return tg__fail(leaf->dtype != grad->dtype ? TG_ERR_DTYPE : TG_ERR_SHAPE, "set_grad",
                        "the gradient is %s and the leaf is %s; they must be alike",
                        tg__describe(grad), tg__describe(leaf));
    if (tg__overlaps_itself(grad))
        return tg__fail(TG_ERR_STATE, "set_grad",
                        "the gradient (%s) lies on memory that overlaps itself and could not be "
                        "added to; pass tg_clone of it",
                        tg__describe(grad));
    return TG_OK;
}

tg_status tg_set_grad(tg_tensor *leaf, tg_tensor *grad) {
    if (!tg__required("set_grad", "leaf", leaf))
        return tg_error_status();
    if (grad == NULL)
        return tg__fail_null("set_grad", "grad");
    tg_status gate = tg__gate(tg__self());
    if (gate != TG_OK)
        return gate;
    if (grad->flags & TG__IS_NONE) {
        if (leaf->leaf != NULL)
            replace(leaf, NULL);
        return TG_OK;
    }
    tg_status status = refuse_grad(leaf, grad);
    if (status != TG_OK)
        return status;
    tg_tensor *g = tg__alias("set_grad", grad);
    if (g == NULL)
        return TG_ERR_MEMORY;
    atomic_store_explicit(&g->attached, 1, memory_order_relaxed);
    g->epoch = UINT32_MAX;
    replace(leaf, g);
    return TG_OK;
}

tg_status tg_zero_grad(tg_tensor *const *leaves, int n) {
    if (n < 0 || (n > 0 && leaves == NULL))
        return tg__fail(TG_ERR_ARG, "zero_grad", "%d leaves at %s; pass a list", n,
                        leaves == NULL ? "NULL" : "the list");
    tg_status gate = tg__gate(tg__self());
    if (gate != TG_OK)
        return gate;
    for (int i = 0; i < n; i++)
        if (leaves[i] != NULL && leaves[i]->leaf != NULL)
            replace(leaves[i], NULL);
    return TG_OK;
}
