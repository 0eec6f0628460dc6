/* label.c - names of tensors, and how messages name a node.
 *
 * A name stands in the tensor's tg__leaf, so tg__describe shows it. Of a result the node notes that
 * tg__leaf too, for messages about the operation; so it does for results whose gradient is kept. */
#include "autograd/node.h"

#include <tensorgrad/hooks.h>

#include <stdio.h>
#include <string.h>

/* ---- Notes ---- */

static tg__note *first_note(const tg__node *node) {
    const tg__extra *x = tg__extra_of(node);
    return x != NULL ? atomic_load_explicit(&x->notes, memory_order_acquire) : NULL;
}

bool tg__note_add(const char *op, tg__node *node, uint32_t out_nr, tg__leaf *leaf) {
    for (tg__note *n = first_note(node); n != NULL; n = n->next)
        if (n->leaf == leaf)
            return true;
    tg__extra *x = tg__extra_make(op, node);
    tg__note *fresh = x != NULL ? tg__alloc_zero(sizeof *fresh) : NULL;
    if (fresh == NULL) {
        if (x != NULL)
            tg__fail_memory(op, sizeof *fresh);
        return false;
    }
    tg__leaf_ref(leaf);
    fresh->leaf = leaf;
    fresh->out_nr = out_nr;
    fresh->next = atomic_load_explicit(&x->notes, memory_order_acquire);
    while (!atomic_compare_exchange_weak_explicit(&x->notes, &fresh->next, fresh,
                                                  memory_order_acq_rel, memory_order_acquire))
        ;
    return true;
}

void tg__note_leave(tg__node *node, const tg__leaf *leaf) {
    for (tg__note *n = first_note(node); n != NULL; n = n->next)
        if (n->leaf == leaf)
            atomic_store_explicit(&n->gone, true, memory_order_relaxed);
}

/* ---- Text ---- */

const char *tg__node_name(const tg__node *node) {
    const char *name = NULL;
    for (const tg__note *n = first_note(node); n != NULL && name == NULL; n = n->next)
        if (!atomic_load_explicit(&n->gone, memory_order_relaxed))
            name = n->leaf->name;
    return name;
}

const char *tg__node_called(const tg__node *node) {
    const char *name = tg__node_name(node);
    if (name == NULL)
        return node->op->name;
    char *buf = tg__desc_buffer();
    const char *quoted = tg__quote(name);
    snprintf(buf, TG__DESC_BYTES, "%.40s %s", node->op->name,
             strlen(quoted) + 42 <= TG__DESC_BYTES ? quoted : "(a long name)");
    tg__desc_undo();
    return buf;
}

const char *tg__node_where(const tg__node *node) {
    const tg__extra *x = tg__extra_of(node);
    if (x == NULL || x->origin == NULL)
        return "";
    char *buf = tg__desc_buffer();
    int n = snprintf(buf, TG__DESC_BYTES, " recorded at ");
    tg__site_text(&x->origin->site, buf + n, TG__DESC_BYTES - (size_t)n);
    return buf;
}

/* ---- Names ---- */

tg_status tg_name(tg_tensor *x, const char *name) {
    static const char op[] = "name";
    if (!tg__required(op, "x", x))
        return tg_error_status();
    tg_status gate = tg__gate(tg__self());
    if (gate != TG_OK)
        return gate;
    char *copy = NULL;
    if (name != NULL && name[0] != '\0') {
        size_t bytes = strlen(name) + 1;
        copy = tg__alloc(bytes);
        if (copy == NULL)
            return tg__fail_memory(op, bytes);
        memcpy(copy, name, bytes);
        if (tg__leaf_make(op, x) == NULL ||
            (x->node != NULL && !tg__note_add(op, x->node, x->out_nr, x->leaf))) {
            tg__free(copy, bytes);
            return tg_error_status();
        }
    }
    if (x->leaf == NULL)
        return TG_OK;
    char *old = x->leaf->name;
    x->leaf->name = copy;
    if (old != NULL)
        tg__free(old, strlen(old) + 1);
    return TG_OK;
}

const char *tg_name_of(const tg_tensor *x) {
    return x != NULL && x->leaf != NULL && x->leaf->name != NULL ? x->leaf->name : "";
}
