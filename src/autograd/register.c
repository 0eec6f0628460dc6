/* register.c - operations of the user's in the table of operations.
 *
 * An entry is a function (custom.c) with a record like those of our own ops: names, counts, fields.
 * Entries are made under a lock, never change and never go; readers see them by the count, which is
 * raised last. So looking one up takes no lock. */
#include "autograd/custom.h"

#include "base/options.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    tg__op op;
    tg_function *function;
    char maths[TG__FUNCTION_NAME + 1];
    tg__field fields[TG_OP_MAX_FIELDS + 1];
    char names[TG_OP_MAX_FIELDS][TG__FUNCTION_NAME + 1];
} entry;

static entry *entries[TG_OP_MAX_REGISTERED];
static _Atomic int n_entries;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The child of a fork has none of the threads that may have held it. */
static void forget_lock(void) { lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER; }
static void survive_fork(void) { pthread_atfork(NULL, NULL, forget_lock); }

int tg__registered_count(void) { return atomic_load_explicit(&n_entries, memory_order_acquire); }

const tg__op *tg__registered(int i) { return i < tg__registered_count() ? &entries[i]->op : NULL; }

tg_status tg__registered_call(int i, tg_tensor *const *in, int n_in, const void *attr,
                              tg_tensor **out, int n_out) {
    const entry *e = entries[i];
    for (int k = 0; k < n_in; k++)
        if ((e->op.n_in < 0 || k < e->op.n_in - e->op.n_optional) && in[k] != NULL &&
            tg__is_none(in[k]))
            return tg__fail(TG_ERR_ARG, e->op.name, "input %d is TG_NONE; it is required", k);
    return tg__custom_call(e->function, in, n_in, attr, e->op.attr_size, out, n_out);
}

/* ---- Checks ---------------------------------------------------------------------------------- */

static tg_status check_name(const char *name) {
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:";
    if (name[strspn(name, allowed)] != '\0')
        return tg__fail(
            TG_ERR_ARG, "op_register",
            "the name %s holds other characters than letters, digits, _ . and :", tg__quote(name));
    if (tg_op_find(name) >= 0)
        return tg__fail(TG_ERR_ARG, "op_register", "the name %s is taken; choose another",
                        tg__quote(name));
    return TG_OK;
}

static size_t field_bytes(int type) {
    switch (type) {
    case TG_ATTR_INT:
        return sizeof(int64_t);
    case TG_ATTR_FLOAT:
        return sizeof(double);
    case TG_ATTR_BOOL:
        return sizeof(bool);
    case TG_ATTR_DTYPE:
        return sizeof(int32_t);
    default:
        return 0;
    }
}

static tg_status check_field(const tg_op_class *c, int i) {
    static const char op[] = "op_register";
    const tg_op_field *f = &c->fields[i];
    size_t bytes = field_bytes(f->type);
    if (f->name == NULL || f->name[0] == '\0' || strlen(f->name) > TG__FUNCTION_NAME)
        return tg__fail(TG_ERR_ARG, op, "field %d is named %s; give 1 to %d bytes", i,
                        tg__quote(f->name), TG__FUNCTION_NAME);
    if (bytes == 0)
        return tg__fail(TG_ERR_ARG, op,
                        "field %s has type %d; give TG_ATTR_INT, FLOAT, BOOL or DTYPE",
                        tg__quote(f->name), (int)f->type);
    if (f->offset > c->attr_size || c->attr_size - f->offset < bytes || f->offset % bytes != 0)
        return tg__fail(TG_ERR_ARG, op,
                        "field %s of %zu bytes at offset %u does not lie in a struct of %u bytes",
                        tg__quote(f->name), bytes, (unsigned)f->offset, (unsigned)c->attr_size);
    for (int k = 0; k < i; k++)
        if (strcmp(c->fields[k].name, f->name) == 0)
            return tg__fail(TG_ERR_ARG, op, "fields %d and %d are both named %s", k, i,
                            tg__quote(f->name));
    return TG_OK;
}

static tg_status check_class(const tg_op_class *given, tg_op_class *c) {
    static const char op[] = "op_register";
    if (given == NULL)
        return tg__fail(TG_ERR_ARG, op, "argument op is NULL; give a tg_op_class");
    tg_status status =
        tg__options(op, "op", "{.size = sizeof(tg_op_class), ...}", given, c, sizeof *c);
    if (status != TG_OK)
        return status;
    if (c->function == NULL)
        return tg__fail(TG_ERR_ARG, op, "op.function is NULL; give a tg_function_class");
    if (c->n_outputs < 1 || c->n_outputs > TG_FUNCTION_MAX_OUTPUTS)
        return tg__fail(TG_ERR_ARG, op, "n_outputs is %d; give 1 to %d", (int)c->n_outputs,
                        TG_FUNCTION_MAX_OUTPUTS);
    if (c->n_inputs < -1 || c->n_inputs > 16 || c->n_optional < 0 ||
        c->n_optional > (c->n_inputs < 0 ? 0 : c->n_inputs))
        return tg__fail(TG_ERR_ARG, op,
                        "n_inputs is %d and n_optional %d; give up to 16, or -1 and 0",
                        (int)c->n_inputs, (int)c->n_optional);
    if (c->n_fields < 0 || c->n_fields > TG_OP_MAX_FIELDS ||
        (c->n_fields > 0 && c->fields == NULL) || c->attr_size > TG_OP_MAX_ATTR_BYTES)
        return tg__fail(
            TG_ERR_ARG, op, "%d fields in %u bytes; give a list of up to %d in up to %d",
            (int)c->n_fields, (unsigned)c->attr_size, TG_OP_MAX_FIELDS, TG_OP_MAX_ATTR_BYTES);
    if (c->maths != NULL && strlen(c->maths) > TG__FUNCTION_NAME)
        return tg__fail(TG_ERR_ARG, op, "maths has %zu bytes; give at most %d", strlen(c->maths),
                        TG__FUNCTION_NAME);
    for (int i = 0; i < c->n_fields; i++)
        if (check_field(c, i) != TG_OK)
            return TG_ERR_ARG;
    return TG_OK;
}

/* ---- Registering ----------------------------------------------------------------------------- */

static void fill(entry *e, const tg_op_class *c, tg_function *f, int number) {
    snprintf(e->maths, sizeof e->maths, "%s", c->maths != NULL ? c->maths : "");
    for (int i = 0; i < c->n_fields; i++) {
        const tg_op_field *from = &c->fields[i];
        snprintf(e->names[i], sizeof e->names[i], "%s", from->name);
        e->fields[i] = (tg__field){
            e->names[i], (tg_attr_type)from->type, (uint16_t)from->offset, from->required, from->i,
            from->f};
    }
    bool constant = (f->methods.flags & TG_FUNCTION_NOT_DIFFERENTIABLE) != 0;
    f->number = (uint16_t)number;
    e->function = f;
    e->op = (tg__op){.name = f->name,
                     .maths = e->maths,
                     .inputs = "input",
                     .n_in = (int16_t)c->n_inputs,
                     .n_optional = (uint8_t)c->n_optional,
                     .n_out = (uint8_t)c->n_outputs,
                     .number = (uint16_t)number,
                     .flags = constant ? TG__NOT_DIFF : 0,
                     .attr_size = (uint16_t)c->attr_size,
                     .fields = e->fields,
                     .rule = constant ? NULL : tg__custom_rule,
                     .onnx = {f->onnx, 0, NULL}};
}

/* Under the lock. */
static int add(const tg_op_class *c, entry *e, tg_function *f) {
    int i = atomic_load_explicit(&n_entries, memory_order_relaxed);
    if (check_name(f->name) != TG_OK)
        return -1;
    if (i == TG_OP_MAX_REGISTERED) {
        tg__fail(TG_ERR_STATE, "op_register", "there are %d operations already; no more fit", i);
        return -1;
    }
    fill(e, c, f, TG__OP_COUNT + i);
    entries[i] = e;
    atomic_store_explicit(&n_entries, i + 1, memory_order_release);
    return TG__OP_COUNT + i;
}

int tg_op_register(const tg_op_class *op) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    tg_op_class known = {.size = sizeof known};
    if (check_class(op, &known) != TG_OK)
        return -1;
    tg_function *f = tg_function_new(known.function, known.ctx);
    if (f == NULL)
        return -1;
    entry *e = tg__alloc_zero(sizeof *e);
    if (e == NULL)
        tg__fail_memory("op_register", sizeof *e);
    int number = -1;
    if (e != NULL) {
        pthread_once(&once, survive_fork);
        pthread_mutex_lock(&lock);
        number = add(&known, e, f);
        pthread_mutex_unlock(&lock);
    }
    if (number >= 0)
        return number;
    f->methods.destroy = NULL; /* ctx stays the caller's */
    tg_function_free(f);
    tg__free(e, sizeof *e);
    return -1;
}
