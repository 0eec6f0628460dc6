/* profile.c - counting what operations cost.
 *
 * Each operation has a row. Time is counted where it is spent: what operations inside an operation
 * take is taken off its own. During a gradient rule time, bytes and FLOPs go to the row of the
 * operation that the rule belongs to. The memory that the profile itself takes for its events is
 * kept out of its figures. */
#include "autograd/watch.h"

#include "base/number.h"
#include "base/options.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FOREIGN 64 /* operations that are not in the table; more share the last row */
#define ROWS (TG__OP_COUNT + FOREIGN + 1)
#define MOST_EVENTS 1000000

typedef struct {
    double began, seconds, flops;
    uint64_t bytes;
    int64_t in_use; /* after it, beyond the beginning */
    int32_t row;
    uint8_t backward, rule;
} event;

struct tg_profile {
    tg__thread *thread; /* that is counted; NULL: ended */
    tg_profile_options options;
    double began;
    double inside;  /* seconds of what ran inside the operation under way */
    uint64_t ended; /* operations that have run */
    int32_t rule;   /* row of the gradient rule under way; -1: none */
    uint32_t thread_id;
    int64_t in_use, peak_before; /* of the thread, when the profile began */
    uint64_t peak;
    event *events;
    uint64_t n_events, cap_events, dropped;
    int32_t n_rows; /* after the end: sorted, in order[] */
    int32_t order[ROWS];
    tg_profile_row_info row[ROWS];
    char foreign[FOREIGN + 1][48]; /* names */
};

static double now(const tg_profile *p) {
    if (p->options.clock != NULL)
        return p->options.clock(p->options.clock_ctx);
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int32_t row_of(tg_profile *p, const tg__op *op) {
    if (op->number < TG__OP_COUNT && tg__op_table[op->number] == op)
        return op->number;
    int32_t i = 0;
    for (; i < FOREIGN && p->foreign[i][0] != '\0'; i++)
        if (strncmp(p->foreign[i], op->name, sizeof p->foreign[i] - 1) == 0)
            break;
    if (p->foreign[i][0] == '\0')
        snprintf(p->foreign[i], sizeof p->foreign[i], "%s", i < FOREIGN ? op->name : "others");
    p->row[TG__OP_COUNT + i].op = p->foreign[i];
    return TG__OP_COUNT + i;
}

/* ---- Memory, without the profile's own ---- */

static int64_t own(const tg_profile *p) { return (int64_t)(p->cap_events * sizeof *p->events); }

static int64_t in_use(const tg_profile *p) {
    const tg__magazines *m = &tg__self()->magazines;
    return atomic_load_explicit(&m->bytes_in_use, memory_order_relaxed) - own(p);
}
static int64_t peak(const tg_profile *p) { return tg__self()->magazines.bytes_peak - own(p); }
static void set_peak(const tg_profile *p, int64_t bytes) {
    tg__self()->magazines.bytes_peak = bytes + own(p);
}

static void add_event(tg_profile *p, const event *e) {
    if (p->options.totals_only)
        return;
    if (p->n_events == p->cap_events) {
        uint64_t limit = (uint64_t)p->options.max_events;
        uint64_t cap = p->cap_events == 0 ? 1024 : 2 * p->cap_events;
        cap = cap < limit ? cap : limit;
        int64_t highest = peak(p);
        event *grown = cap > p->cap_events ? tg__realloc(p->events, p->cap_events * sizeof *grown,
                                                         cap * sizeof *grown)
                                           : NULL;
        if (grown == NULL) {
            p->dropped++;
            return;
        }
        p->events = grown;
        p->cap_events = cap;
        set_peak(p, highest);
    }
    p->events[p->n_events++] = *e;
}

/* ---- Estimates ---- */

static bool converted(const tg__op *op, tg_tensor *const *in, int n_in) {
    bool narrow = false;
    for (int i = 0; i < n_in; i++)
        narrow |= tg__is_narrow(in[i]->dtype);
    return narrow && !(op->flags & TG__ANY_DTYPE);
}

/* The call runs as others, which are counted themselves. */
static bool in_parts(const tg__op *op, tg_tensor *const *in, int n_in) {
    return (op->flags & TG__COMPOSED) || converted(op, in, n_in);
}

static uint64_t bytes_of(const tg_tensor *x) {
    return x->flags & TG__IS_NONE ? 0 : (uint64_t)x->numel * tg__item_size(x->dtype);
}

static uint64_t bytes_moved(const tg__op *op, tg_tensor *const *in, int n_in, tg_tensor *const *out,
                            int n_out) {
    uint64_t bytes = 0;
    if ((op->flags & TG__VIEWS) && out[0]->storage == in[0]->storage && out[0] != in[0])
        return 0;
    for (int i = 0; i < n_in; i++)
        bytes += bytes_of(in[i]);
    for (int k = 0; k < n_out; k++)
        bytes += bytes_of(out[k]);
    return bytes;
}

static double last_size(const tg_tensor *x, int from_end) {
    return x->ndim >= from_end ? (double)x->shape[x->ndim - from_end] : 1;
}

/* Multiply-adds of a convolution: each element of the result of `w` takes one window. */
static double windows(const tg_tensor *result, const tg_tensor *w) {
    return w->shape[0] > 0 ? (double)result->numel * ((double)w->numel / (double)w->shape[0]) : 0;
}

static double flops_of(const tg__op *op, tg_tensor *const *in, int n_in, tg_tensor *const *out,
                       int n_out) {
    double most = 0;
    if (op->flags & (TG__VIEWS | TG__ANY_DTYPE))
        return 0;
    switch (op->number) {
    case TG__OP_matmul:
        return 2 * (double)out[0]->numel * last_size(in[0], 1);
    case TG__OP_linear:
        return 2 * (double)out[0]->numel * last_size(in[0], 1) +
               (in[2]->flags & TG__IS_NONE ? 0 : (double)out[0]->numel);
    case TG__OP_conv_nd:
        return 2 * windows(out[0], in[1]) +
               (in[2]->flags & TG__IS_NONE ? 0 : (double)out[0]->numel);
    case TG__OP_conv_nd_input:
        return 2 * windows(in[0], in[1]);
    case TG__OP_conv_nd_weight:
        return 2 * windows(in[1], out[0]);
    default:
        break;
    }
    for (int i = 0; i < n_in; i++)
        if (!(in[i]->flags & TG__IS_NONE))
            most = (double)in[i]->numel > most ? (double)in[i]->numel : most;
    for (int k = 0; k < n_out; k++)
        most = (double)out[k]->numel > most ? (double)out[k]->numel : most;
    return most;
}

/* ---- Counting ---- */

void tg__profile_enter(tg_profile *p, tg__span *s, const tg__op *rule) {
    s->inside_before = p->inside;
    s->rule_before = p->rule;
    s->ended_before = p->ended;
    s->in_use = in_use(p);
    s->peak_before = peak(p);
    set_peak(p, s->in_use);
    p->inside = 0;
    if (rule != NULL)
        p->rule = row_of(p, rule);
    s->began = now(p);
}

/* What an operation that succeeded moved and computed, in its own row or that of the rule. */
static void count_work(tg_profile *p, tg_profile_row_info *row, event *e, const tg__op *op,
                       tg_tensor *const *in, int n_in, tg_tensor *const *out, int n_out) {
    if (in_parts(op, in, n_in))
        return;
    bool known = op == tg__op_table[op->number < TG__OP_COUNT ? op->number : 0];
    e->bytes = bytes_moved(op, in, n_in, out, n_out);
    e->flops = known ? flops_of(op, in, n_in, out, n_out) : 0;
    if (p->rule >= 0) {
        p->row[p->rule].backward_bytes += e->bytes;
        p->row[p->rule].backward_flops += e->flops;
    } else {
        row->bytes += e->bytes;
        row->flops += e->flops;
    }
}

void tg__profile_leave(tg_profile *p, const tg__span *s, const tg__op *op, tg_tensor *const *in,
                       int n_in, tg_tensor *const *out, int n_out) {
    double took = now(p) - s->began;
    bool is_rule = in == NULL;
    int32_t number = is_rule ? p->rule : row_of(p, op);
    tg_profile_row_info *row = &p->row[number];
    event e = {.began = s->began - p->began,
               .seconds = took,
               .row = number,
               .backward = p->rule >= 0,
               .rule = is_rule};
    if (is_rule) {
        row->backward_calls++;
        row->backward_seconds += took - p->inside;
    } else if (p->rule < 0) {
        row->calls += n_out == 0 || !converted(op, in, n_in);
        row->seconds += took - p->inside;
    }
    /* An operation that ran others has done their work, which is counted. */
    if (!is_rule && n_out > 0 && p->ended == s->ended_before)
        count_work(p, row, &e, op, in, n_in, out, n_out);
    /* Of what ran inside a rule only other rules are taken off its time. */
    p->inside = s->inside_before + (is_rule || p->rule < 0 ? took : p->inside);
    p->rule = s->rule_before;
    p->ended++;
    int64_t highest = peak(p);
    if (highest - s->in_use > (int64_t)row->peak_bytes)
        row->peak_bytes = (uint64_t)(highest - s->in_use);
    set_peak(p, highest > s->peak_before ? highest : s->peak_before);
    e.in_use = in_use(p) - p->in_use;
    add_event(p, &e);
}

/* ---- Beginning and ending ---- */

tg_profile *tg_profile_begin(const tg_profile_options *given) {
    static const char op[] = "profile_begin";
    tg_profile_options o = TG_PROFILE_OPTIONS_INIT;
    if (tg__options(op, "tg_profile_options", "TG_PROFILE_OPTIONS_INIT", given, &o, sizeof o) !=
        TG_OK)
        return NULL;
    if (o.max_events < 0) {
        tg__fail(TG_ERR_ARG, op, "max_events is %lld; give a number above 0, or 0 for %d",
                 (long long)o.max_events, MOST_EVENTS);
        return NULL;
    }
    tg__watch *w = tg__watch_open(op);
    if (w == NULL)
        return NULL;
    if (w->profile != NULL) {
        tg__fail(TG_ERR_STATE, op, "a profile is open on this thread; end it with tg_profile_end");
        return NULL;
    }
    tg_profile *p = tg__alloc_zero(sizeof *p);
    if (p == NULL) {
        tg__watch_close();
        tg__fail_memory(op, sizeof *p);
        return NULL;
    }
    p->options = o;
    if (o.max_events == 0)
        p->options.max_events = MOST_EVENTS;
    for (int i = 0; i < TG__OP_COUNT; i++)
        p->row[i].op = tg__op_table[i]->name;
    p->thread = tg__self();
    p->thread_id = p->thread->id;
    p->rule = -1;
    p->in_use = in_use(p);
    p->peak_before = peak(p);
    set_peak(p, p->in_use);
    w->profile = p;
    p->began = now(p);
    return p;
}

static double both(const tg_profile_row_info *r) { return r->seconds + r->backward_seconds; }

static bool comes_before(const tg_profile_row_info *a, const tg_profile_row_info *b) {
    return both(a) != both(b) ? both(a) > both(b) : strcmp(a->op, b->op) < 0;
}

static void sort_rows(tg_profile *p) {
    for (int32_t i = 0; i < ROWS; i++) {
        if (p->row[i].calls == 0 && p->row[i].backward_calls == 0)
            continue;
        int32_t at = p->n_rows++;
        for (; at > 0 && comes_before(&p->row[i], &p->row[p->order[at - 1]]); at--)
            p->order[at] = p->order[at - 1];
        p->order[at] = i;
    }
}

void tg__profile_orphan(tg_profile *p) {
    p->peak = peak(p) > p->in_use ? (uint64_t)(peak(p) - p->in_use) : 0;
    set_peak(p, peak(p) > p->peak_before ? peak(p) : p->peak_before);
    p->thread = NULL;
    sort_rows(p);
}

static tg_status stop(tg_profile *p, const char *op) {
    if (p->thread != tg__self())
        return tg__fail(TG_ERR_STATE, op,
                        "the profile counts on another thread; end it there, or end that thread");
    tg__watch *w = tg__watch_open(op);
    if (w == NULL)
        return tg_error_status();
    w->profile = NULL;
    tg__profile_orphan(p);
    tg__watch_close();
    return TG_OK;
}

tg_status tg_profile_end(tg_profile *p) {
    static const char op[] = "profile_end";
    if (p == NULL)
        return tg__fail_null(op, "profile");
    if (p->thread == NULL)
        return tg__fail(TG_ERR_STATE, op, "the profile was ended before; read it, or free it");
    return stop(p, op);
}

tg_status tg_profile_free(tg_profile *p) {
    if (p == NULL)
        return TG_OK;
    if (p->thread != NULL && stop(p, "profile_free") != TG_OK)
        return tg_error_status();
    tg__free(p->events, p->cap_events * sizeof *p->events);
    tg__free(p, sizeof *p);
    return TG_OK;
}

/* ---- Reading ---- */

static bool readable(const char *op, const tg_profile *p) {
    if (p == NULL)
        tg__fail_null(op, "profile");
    else if (p->thread != NULL)
        tg__fail(TG_ERR_STATE, op, "the profile still counts; call tg_profile_end first");
    else
        return true;
    return false;
}

int64_t tg_profile_rows(const tg_profile *p) {
    return p == NULL || p->thread != NULL ? -1 : p->n_rows;
}

tg_status tg_profile_row(const tg_profile *p, int64_t i, tg_profile_row_info *row) {
    static const char op[] = "profile_row";
    if (!readable(op, p))
        return tg_error_status();
    if (row == NULL)
        return tg__fail_null(op, "row");
    if (i < 0 || i >= p->n_rows)
        return tg__fail(TG_ERR_INDEX, op, "row %lld does not exist; the profile has %d",
                        (long long)i, (int)p->n_rows);
    *row = p->row[p->order[i]];
    return TG_OK;
}

tg_status tg_profile_total(const tg_profile *p, tg_profile_row_info *total) {
    static const char op[] = "profile_total";
    if (!readable(op, p))
        return tg_error_status();
    if (total == NULL)
        return tg__fail_null(op, "total");
    tg_profile_row_info sum = {.op = "total", .peak_bytes = p->peak};
    for (int32_t i = 0; i < p->n_rows; i++) {
        const tg_profile_row_info *r = &p->row[p->order[i]];
        sum.calls += r->calls;
        sum.backward_calls += r->backward_calls;
        sum.seconds += r->seconds;
        sum.backward_seconds += r->backward_seconds;
        sum.bytes += r->bytes;
        sum.backward_bytes += r->backward_bytes;
        sum.flops += r->flops;
        sum.backward_flops += r->backward_flops;
    }
    *total = sum;
    return TG_OK;
}

/* ---- The table ---- */

#define NAME 34 /* letters of the longest operation, and two */

/* Text right-aligned in a column. */
static void put_cell(tg__output *o, int width, const char *text) {
    for (int n = (int)strlen(text); n < width; n++)
        tg__put(o, " ");
    tg__put(o, text);
}

static void put_count(tg__output *o, int width, int64_t n) {
    char buf[24];
    snprintf(buf, sizeof buf, "%lld", (long long)n);
    put_cell(o, width, buf);
}

static void put_milliseconds(tg__output *o, int width, double seconds) {
    char buf[352];
    tg__format_fixed(buf, seconds * 1e3, 3);
    put_cell(o, width, buf);
}

/* With a factor of 1000 as one letter: 12.3M. */
static void put_scaled(tg__output *o, int width, double value) {
    static const char letters[] = " kMGTPE";
    char buf[360];
    int k = 0;
    while (value >= 999.95 && letters[k + 1] != '\0') {
        value /= 1000;
        k++;
    }
    int n = tg__format_fixed(buf, value, k == 0 ? 0 : 1);
    if (k > 0) {
        buf[n] = letters[k];
        buf[n + 1] = '\0';
    }
    put_cell(o, width, buf);
}

static void put_row(tg__output *o, const tg_profile_row_info *r, double all) {
    char share[352];
    int width = NAME - (int)strlen(r->op);
    tg__put(o, r->op);
    put_cell(o, width > 0 ? width : 0, "");
    put_count(o, 9, r->calls);
    put_milliseconds(o, 12, r->seconds);
    put_scaled(o, 9, (double)r->bytes);
    put_scaled(o, 9, r->flops);
    put_count(o, 9, r->backward_calls);
    put_milliseconds(o, 12, r->backward_seconds);
    put_scaled(o, 9, (double)r->backward_bytes);
    put_scaled(o, 9, r->backward_flops);
    put_scaled(o, 9, (double)r->peak_bytes);
    tg__format_fixed(share, all > 0 ? both(r) / all * 100 : 0, 1);
    put_cell(o, 7, share);
    tg__put(o, "\n");
}

static bool put_table(const char *op, const tg_profile *p, tg__output *o) {
    tg_profile_row_info total;
    if (!readable(op, p) || tg_profile_total(p, &total) != TG_OK)
        return false;
    tg__put(o,
            "                                    forward                                 backward\n"
            "op                                    calls          ms    bytes    FLOPs"
            "    calls          ms    bytes    FLOPs     peak      %\n");
    for (int32_t i = 0; i < p->n_rows; i++)
        put_row(o, &p->row[p->order[i]], both(&total));
    put_row(o, &total, both(&total));
    return true;
}

/* ---- Chrome's trace ---- */

static void put_event(tg__output *o, const tg_profile *p, const event *e) {
    tg__put(o, "{\"name\":");
    tg__put_json(o, p->row[e->row].op);
    tg__put(o, e->rule       ? ",\"cat\":\"rule\",\"ph\":\"X\",\"ts\":"
               : e->backward ? ",\"cat\":\"backward\",\"ph\":\"X\",\"ts\":"
                             : ",\"cat\":\"forward\",\"ph\":\"X\",\"ts\":");
    tg__put_fixed(o, e->began * 1e6, 3);
    tg__put(o, ",\"dur\":");
    tg__put_fixed(o, e->seconds * 1e6, 3);
    tg__put(o, ",\"pid\":1,\"tid\":");
    tg__put_integer(o, p->thread_id);
    tg__put(o, ",\"args\":{\"bytes\":");
    tg__put_integer(o, (int64_t)e->bytes);
    tg__put(o, ",\"flops\":");
    tg__put_fixed(o, e->flops, 0);
    tg__put(o, ",\"memory\":");
    tg__put_integer(o, e->in_use);
    tg__put(o, "}}");
}

static bool put_trace(const char *op, const tg_profile *p, tg__output *o) {
    if (!readable(op, p))
        return false;
    tg__put(o, "{\"displayTimeUnit\":\"ms\",\"otherData\":{\"dropped_events\":\"");
    tg__put_integer(o, (int64_t)p->dropped);
    tg__put(o, "\"},\"traceEvents\":[");
    for (uint64_t i = 0; i < p->n_events; i++) {
        tg__put(o, i == 0 ? "\n" : ",\n");
        put_event(o, p, &p->events[i]);
    }
    tg__put(o, "\n]}\n");
    return true;
}

typedef bool writer(const char *op, const tg_profile *p, tg__output *o);

static int64_t format(const char *op, const tg_profile *p, writer *put, char *buf, size_t cap) {
    tg__output o = {0};
    if (buf == NULL && cap > 0) {
        tg__fail_null(op, "buf");
        return -1;
    }
    return put(op, p, &o) ? tg__output_format(op, &o, buf, cap) : -1;
}

static tg_status print(const char *op, const tg_profile *p, writer *put, FILE *file) {
    tg__output o = {0};
    if (file == NULL)
        return tg__fail_null(op, "file");
    return put(op, p, &o) ? tg__output_write(op, &o, file) : tg_error_status();
}

int64_t tg_profile_format(const tg_profile *p, char *buf, size_t cap) {
    return format("profile_format", p, put_table, buf, cap);
}
tg_status tg_profile_print(const tg_profile *p, FILE *file) {
    return print("profile_print", p, put_table, file);
}
int64_t tg_profile_format_trace(const tg_profile *p, char *buf, size_t cap) {
    return format("profile_format_trace", p, put_trace, buf, cap);
}
tg_status tg_profile_write_trace(const tg_profile *p, FILE *file) {
    return print("profile_write_trace", p, put_trace, file);
}
