/* table.c - the list of operations, and calling them by name. */
#include "autograd/op.h"

#include <string.h>

const tg__op *const tg__op_table[TG__OP_COUNT + 1] = {
#define TG_OP_X(name) &tg__op_##name,
#include "op_list.h"
#undef TG_OP_X
    NULL};

const tg__op *tg__op_at(int number) {
    if (number < 0)
        return NULL;
    return number < TG__OP_COUNT ? tg__op_table[number] : tg__registered(number - TG__OP_COUNT);
}

const char *tg__op_name(uint16_t op) {
    const tg__op *known = tg__op_at(op);
    if (known != NULL)
        return known->name;
    switch (op) {
    case TG__SGD_STEP:
        return "sgd_step_";
    case TG__ADAM_STEP:
        return "adam_step_";
    case TG__CUSTOM_FUNCTION:
        return "a custom function";
    default:
        return "tg_data_mut";
    }
}

int tg_op_count(void) { return TG__OP_COUNT + tg__registered_count(); }

int tg_op_find(const char *name) {
    if (name == NULL)
        return -1;
    for (int i = 0; i < tg_op_count(); i++)
        if (strcmp(tg__op_at(i)->name, name) == 0)
            return i;
    return -1;
}

static int count_fields(const tg__op *op) {
    int n = 0;
    if (op->fields != NULL)
        while (op->fields[n].name != NULL)
            n++;
    return n;
}

static tg_status no_such_op(const char *caller, int op) {
    return tg__fail(TG_ERR_INDEX, caller, "op %d does not exist; give 0 to %d", op,
                    tg_op_count() - 1);
}

tg_status tg_op_describe(int number, tg_op_info *info) {
    if (number < 0 || number >= tg_op_count())
        return no_such_op("op_describe", number);
    if (info == NULL)
        return tg__fail_null("op_describe", "info");
    const tg__op *op = tg__op_at(number);
    *info = (tg_op_info){.name = op->name,
                         .maths = op->maths,
                         .n_inputs = op->n_in,
                         .n_optional = op->n_optional,
                         .n_outputs = tg__n_out(op),
                         .n_attrs = count_fields(op),
                         .differentiable = op->rule != NULL || (op->flags & TG__COMPOSED),
                         .in_place = op->flags & TG__IN_PLACE,
                         .internal = op->flags & TG__INTERNAL,
                         .onnx = op->onnx.op,
                         .onnx_opset = op->onnx.opset};
    return TG_OK;
}

tg_status tg_op_attr(int number, int attr, tg_attr *out, bool *required) {
    if (number < 0 || number >= tg_op_count())
        return no_such_op("op_attr", number);
    const tg__op *op = tg__op_at(number);
    if (attr < 0 || attr >= count_fields(op))
        return tg__fail(TG_ERR_INDEX, "op_attr", "%s has %d attributes; there is no number %d",
                        op->name, count_fields(op), attr);
    if (out == NULL || required == NULL)
        return tg__fail_null("op_attr", out == NULL ? "out" : "required");
    const tg__field *f = &op->fields[attr];
    *out = (tg_attr){.name = f->name, .type = f->type, .i = f->i, .f = f->f};
    *required = f->required;
    return TG_OK;
}

void tg__attr_read(const tg__field *f, const void *attrs, const int64_t *dims, tg_attr *out) {
    const void *at = (const char *)attrs + f->offset;
    *out = (tg_attr){.name = f->name, .type = f->type};
    switch (f->type) {
    case TG_ATTR_INT:
        out->i = *(const int64_t *)at;
        break;
    case TG_ATTR_FLOAT:
        out->f = *(const double *)at;
        break;
    case TG_ATTR_BOOL:
        out->i = *(const bool *)at;
        break;
    case TG_ATTR_DTYPE:
        out->i = *(const int32_t *)at;
        break;
    case TG_ATTR_DIMS:
        out->n = ((const tg__dims *)at)->n;
        out->ints = dims;
        break;
    case TG_ATTR_SHAPE:
        out->n = ((const tg__sizes *)at)->n;
        out->ints = ((const tg__sizes *)at)->size;
        break;
    case TG_ATTR_INDEX:
        out->n = ((const tg__items *)at)->n;
        out->items = ((const tg__items *)at)->item;
        break;
    case TG_ATTR_INTS:
        out->n = ((const tg__ints *)at)->n;
        out->ints = ((const tg__ints *)at)->value;
        break;
    case TG_ATTR_TEXT:
        out->text = ((const tg__text *)at)->text;
        break;
    }
}

/* ---- tg_op_call ---- */

#define ATTR_MAX 1024

static void *field_at(const tg__field *f, void *attrs) { return (char *)attrs + f->offset; }

static void set_default(const tg__field *f, void *attrs) {
    switch (f->type) {
    case TG_ATTR_INT:
        *(int64_t *)field_at(f, attrs) = f->i;
        break;
    case TG_ATTR_FLOAT:
        *(double *)field_at(f, attrs) = f->f;
        break;
    case TG_ATTR_BOOL:
        *(bool *)field_at(f, attrs) = f->i != 0;
        break;
    case TG_ATTR_DTYPE:
        *(int32_t *)field_at(f, attrs) = (int32_t)f->i;
        break;
    default: /* lists: the struct was zeroed */
        break;
    }
}

static const char *type_name(int type) {
    static const char *const names[] = {"INT",   "FLOAT", "BOOL", "DTYPE", "DIMS",
                                        "SHAPE", "INDEX", "INTS", "TEXT"};
    return type >= 0 && type <= TG_ATTR_TEXT ? names[type] : "of unknown type";
}

static bool set_list(const tg__op *op, const tg__field *f, const tg_attr *a, void *attrs) {
    int limit = f->type == TG_ATTR_INDEX  ? TG__MAX_ITEMS
                : f->type == TG_ATTR_INTS ? TG__MAX_INTS
                                          : TG_MAX_DIMS;
    if (a->n < 0 || a->n > limit) {
        tg__fail(TG_ERR_SHAPE, op->name, "attribute %s has %d entries; give 0 to %d", f->name, a->n,
                 limit);
        return false;
    }
    if (a->n > 0 && (f->type == TG_ATTR_INDEX ? (const void *)a->items : a->ints) == NULL) {
        tg__fail(TG_ERR_ARG, op->name, "attribute %s has %d entries at NULL; pass the list",
                 f->name, a->n);
        return false;
    }
    if (f->type == TG_ATTR_INDEX) {
        tg__items *items = field_at(f, attrs);
        items->n = a->n;
        for (int i = 0; i < a->n; i++) {
            items->item[i] = a->items[i];
            items->item[i].tensor = NULL; /* tensors of the list are inputs of the call */
        }
    } else if (f->type == TG_ATTR_INTS) {
        tg__ints *ints = field_at(f, attrs);
        ints->n = a->n;
        for (int i = 0; i < a->n; i++)
            ints->value[i] = a->ints[i];
    } else if (f->type == TG_ATTR_SHAPE) {
        tg__sizes *sizes = field_at(f, attrs);
        sizes->n = a->n;
        for (int i = 0; i < a->n; i++)
            sizes->size[i] = a->ints[i];
    } else {
        tg__dims *dims = field_at(f, attrs);
        dims->n = (int8_t)a->n;
        for (int i = 0; i < a->n && i < TG_MAX_DIMS; i++) {
            if (a->ints[i] < -TG_MAX_DIMS || a->ints[i] >= TG_MAX_DIMS) {
                tg__fail(TG_ERR_INDEX, op->name,
                         "dim %lld of attribute %s is out of range; give %d to %d",
                         (long long)a->ints[i], f->name, -TG_MAX_DIMS, TG_MAX_DIMS - 1);
                return false;
            }
            dims->dim[i] = (int8_t)a->ints[i];
        }
    }
    return true;
}

static bool set_text(const tg__op *op, const tg__field *f, const tg_attr *a, void *attrs) {
    size_t n = a->text != NULL ? strlen(a->text) : 0;
    if (a->text == NULL || n >= TG__MAX_TEXT) {
        tg__fail(TG_ERR_ARG, op->name, "attribute %s is %s; give a text of at most %d bytes",
                 f->name, tg__quote(a->text), TG__MAX_TEXT - 1);
        return false;
    }
    memcpy(((tg__text *)field_at(f, attrs))->text, a->text, n + 1);
    return true;
}

static bool set_field(const tg__op *op, const tg__field *f, const tg_attr *a, void *attrs) {
    bool int_as_float = f->type == TG_ATTR_FLOAT && a->type == TG_ATTR_INT;
    if (a->type != (int32_t)f->type && !int_as_float) {
        tg__fail(TG_ERR_ARG, op->name, "attribute %s is %s; give TG_ATTR_%s", f->name,
                 type_name(a->type), type_name(f->type));
        return false;
    }
    switch (f->type) {
    case TG_ATTR_INT:
        *(int64_t *)field_at(f, attrs) = a->i;
        return true;
    case TG_ATTR_FLOAT:
        *(double *)field_at(f, attrs) = int_as_float ? (double)a->i : a->f;
        return true;
    case TG_ATTR_BOOL:
        *(bool *)field_at(f, attrs) = a->i != 0;
        return true;
    case TG_ATTR_DTYPE:
        *(int32_t *)field_at(f, attrs) = a->i < 0 || a->i > INT32_MAX ? -1 : (int32_t)a->i;
        return true;
    case TG_ATTR_TEXT:
        return set_text(op, f, a, attrs);
    default:
        return set_list(op, f, a, attrs);
    }
}

static bool fill_attrs(const tg__op *op, const tg_attr *given, int n_given, void *attrs) {
    uint32_t seen = 0;
    int n = count_fields(op);
    for (int k = 0; k < n; k++)
        set_default(&op->fields[k], attrs);
    for (int i = 0; i < n_given; i++) {
        int k = 0;
        while (k < n && (given[i].name == NULL || strcmp(op->fields[k].name, given[i].name) != 0))
            k++;
        if (k == n) {
            tg__fail(TG_ERR_ARG, op->name, "has no attribute %s; tg_op_attr lists what it has",
                     tg__quote(given[i].name));
            return false;
        }
        if (!set_field(op, &op->fields[k], &given[i], attrs))
            return false;
        seen |= 1u << k;
    }
    for (int k = 0; k < n; k++)
        if (op->fields[k].required && !(seen & 1u << k)) {
            tg__fail(TG_ERR_ARG, op->name, "attribute %s is required; give it a value",
                     op->fields[k].name);
            return false;
        }
    return true;
}

static bool check_counts(const tg__op *op, int n_inputs, int n_attrs, const tg_attr *attrs,
                         int n_out) {
    int fewest = op->n_in < 0 ? 0 : op->n_in - op->n_optional;
    if (n_inputs < fewest || (op->n_in >= 0 && n_inputs > op->n_in)) {
        tg__fail(TG_ERR_ARG, op->name, "takes %d to %d inputs, not %d", fewest, op->n_in, n_inputs);
        return false;
    }
    if (n_attrs < 0 || (n_attrs > 0 && attrs == NULL)) {
        tg__fail(TG_ERR_ARG, op->name, "%d attributes at %s; pass a list and its length", n_attrs,
                 attrs == NULL ? "NULL" : "the list");
        return false;
    }
    if (n_out != tg__n_out(op)) {
        tg__fail(TG_ERR_ARG, op->name, "gives %d outputs, room is for %d; pass an array of as many",
                 tg__n_out(op), n_out);
        return false;
    }
    return true;
}

tg_status tg_op_call(const char *name, tg_tensor *const *inputs, int n_inputs, const tg_attr *attrs,
                     int n_attrs, tg_tensor **out, int n_out) {
    if (out == NULL || n_out < 1)
        return tg__fail(TG_ERR_ARG, "op_call", "out is NULL or has no room");
    for (int i = 0; i < n_out; i++)
        out[i] = NULL;
    int number = tg_op_find(name);
    if (number < 0)
        return tg__fail(TG_ERR_ARG, "op_call",
                        "there is no operation %s; tg_op_describe lists them", tg__quote(name));
    const tg__op *op = tg__op_at(number);
    _Alignas(8) char values[ATTR_MAX] = {0};
    if (n_inputs < 0 || (n_inputs > 0 && inputs == NULL))
        return tg__fail(TG_ERR_ARG, op->name, "%d inputs at %s; pass a list and its length",
                        n_inputs, inputs == NULL ? "NULL" : "the list");
    if (!check_counts(op, n_inputs, n_attrs, attrs, n_out) ||
        !fill_attrs(op, attrs, n_attrs, values))
        return tg_error_status();
    tg_tensor *padded[16];
    tg_tensor *const *in = inputs;
    if (n_inputs < op->n_in) {
        for (int i = 0; i < op->n_in; i++)
            padded[i] = i < n_inputs ? inputs[i] : TG_NONE;
        in = padded;
        n_inputs = op->n_in;
    }
    if (number >= TG__OP_COUNT)
        return tg__registered_call(number - TG__OP_COUNT, in, n_inputs, values, out, n_out);
    return tg__apply(op, in, n_inputs, values, out) ? TG_OK : tg_error_status();
}
