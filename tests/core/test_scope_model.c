/* test_scope_model.c - references, scopes and callbacks against a model of the law.
 *
 * Random calls run on two threads, one call at a time, and beside them a model that knows nothing
 * of slots, chains or gaps: each thread has its levels and, in order, its entries (tensor, level,
 * how many references were the user's when it was made); each tensor counts the user's references
 * and the holders'. After every call all reference counts must agree. */
#include "core/callback.h"
#include "core/tensor.h"

#include "tg_tidy.h"

#include <pthread.h>
#include <stdlib.h>

enum { TENSORS = 12, LEVELS = 70, ENTRIES = 600, STEPS = 6000 };

/* How many entries and levels a thread may have. With few the array is full of gaps rather than of
 * entries, and closing the gaps is what is tested. */
static int most_entries, most_levels;
static bool alone; /* only the second thread, a fresh one, does anything */
static bool calm;  /* scopes stay open for long */

/* ---- The model ---- */

typedef struct {
    tg_tensor *x; /* NULL: not made, or gone */
    int user, held, entries;
} model_tensor;

typedef struct {
    int tensor, level, user_at;
} model_entry;

typedef struct {
    bool barrier, owns;
    tg_scope token;
    tg__callback callback;
} model_level;

typedef struct {
    model_level level[LEVELS];
    model_entry entry[ENTRIES];
    int n_levels, n_entries;
} model_thread;

static model_tensor tensors[TENSORS];
static model_thread threads[2];

static int references(int i) { return tensors[i].user + tensors[i].held + tensors[i].entries; }

static void lose(int i) {
    if (references(i) == 0)
        tensors[i].x = NULL;
}

/* Levels from here on may be touched: those above the innermost barrier. */
static int floor_of(const model_thread *t) {
    int n = t->n_levels;
    while (n > 0 && !t->level[n - 1].barrier)
        n--;
    return n;
}

static int youngest_of(const model_thread *t, int i) {
    int at = t->n_entries - 1;
    while (at >= 0 && t->entry[at].tensor != i)
        at--;
    return at >= 0 && t->entry[at].level >= floor_of(t) ? at : -1;
}

static void drop_entry(model_thread *t, int at) {
    tensors[t->entry[at].tensor].entries--;
    memmove(&t->entry[at], &t->entry[at + 1], (size_t)(t->n_entries - at - 1) * sizeof *t->entry);
    t->n_entries--;
}

static void model_give(model_thread *t, int i) {
    if (t->n_levels > floor_of(t)) {
        t->entry[t->n_entries++] = (model_entry){i, t->n_levels - 1, tensors[i].user};
        tensors[i].entries++;
    } else {
        tensors[i].user++;
    }
}

static void model_close(model_thread *t, int down_to) {
    while (t->n_entries > 0 && t->entry[t->n_entries - 1].level >= down_to) {
        int i = t->entry[t->n_entries - 1].tensor;
        drop_entry(t, t->n_entries - 1);
        lose(i);
    }
    t->n_levels = down_to;
}

/* True if there was something to give back. */
static bool model_release(model_thread *t, int i) {
    int at = youngest_of(t, i);
    if (at >= 0 && tensors[i].user <= t->entry[at].user_at)
        drop_entry(t, at);
    else if (tensors[i].user > 0)
        tensors[i].user--;
    else
        return false;
    lose(i);
    return true;
}

/* ---- Calls, on the thread that they are for ---- */

typedef enum {
    MAKE,
    GIVE,
    KEEP,
    RETAIN,
    RELEASE,
    HOLD,
    UNHOLD,
    OPEN,
    CLOSE,
    RETURN,
    ENTER,
    LEAVE,
    END
} action;

typedef struct {
    action what;
    tg_tensor *x;
    tg_scope scope;
    tg__callback callback;
    bool owns;
    tg_status status;
} call;

static void run(call *c) {
    c->status = TG_OK;
    switch (c->what) {
    case MAKE:
        c->x = tg_zeros(TG_U8, TG_0D);
        break;
    case GIVE:
        c->x = tg__give_existing(c->x);
        break;
    case KEEP:
        c->x = tg_keep(c->x);
        break;
    case RETAIN:
        c->x = tg_retain(c->x);
        break;
    case RELEASE:
        tg_release(c->x);
        break;
    case HOLD:
        c->x = tg_hold(c->x);
        break;
    case UNHOLD:
        tg_unhold(c->x);
        break;
    case OPEN:
        c->scope = tg_scope_open();
        break;
    case CLOSE:
        c->status = tg_scope_close(c->scope);
        break;
    case RETURN:
        c->x = tg_scope_return(c->scope, c->x);
        break;
    case ENTER:
        c->callback = tg__callback_enter(c->owns);
        break;
    case LEAVE:
        c->status = tg__callback_leave(c->callback, "model", TG_OK, &c->x, 1);
        break;
    case END:
        break;
    }
    if (c->status == TG_OK)
        c->status = tg_error_status();
    tg_error_clear();
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static call *waiting; /* a call for the other thread, until it is done */

static void *other_thread(void *ctx) {
    for (bool end = false; !end;) {
        pthread_mutex_lock(&lock);
        while (waiting == NULL)
            pthread_cond_wait(&changed, &lock);
        run(waiting);
        end = waiting->what == END;
        waiting = NULL;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&lock);
    }
    return ctx;
}

static void run_on(int thread, call *c) {
    if (thread == 0) {
        run(c);
        return;
    }
    pthread_mutex_lock(&lock);
    waiting = c;
    pthread_cond_broadcast(&changed);
    while (waiting != NULL)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

/* ---- One random call on both ---- */

static int below(int n) { return n > 0 ? (int)(random() % n) : 0; }

static void on_tensor(int thread, action what, int i) {
    model_thread *t = &threads[thread];
    call c = {.what = what, .x = tensors[i].x};
    int at = youngest_of(t, i);
    bool good = true;
    if (what == UNHOLD && tensors[i].held == 0)
        return;
    if (what == GIVE && t->n_entries >= most_entries)
        return;
    run_on(thread, &c);
    if (what == GIVE) {
        model_give(t, i);
    } else if (what == KEEP && at >= 0) {
        drop_entry(t, at);
        tensors[i].user++;
    } else if (what == RETAIN) {
        tensors[i].user++;
    } else if (what == HOLD) {
        tensors[i].held++;
    } else if (what == UNHOLD) {
        tensors[i].held--;
        lose(i);
    } else if (what == RELEASE) {
        good = model_release(t, i);
    }
    assert_int_equal(c.status, good ? TG_OK : TG_ERR_STATE);
}

static void make_one(int thread, int i) {
    if (threads[thread].n_entries >= most_entries)
        return;
    call c = {.what = MAKE};
    run_on(thread, &c);
    assert_non_null(c.x);
    tensors[i].x = c.x;
    model_give(&threads[thread], i);
}

static void open_one(int thread) {
    model_thread *t = &threads[thread];
    if (t->n_levels >= most_levels)
        return;
    call c = {.what = OPEN};
    run_on(thread, &c);
    assert_int_equal(c.status, TG_OK);
    t->level[t->n_levels++] = (model_level){.token = c.scope};
}

/* Any open scope, and now and then one that is out of reach. */
static void close_one(int thread, int i) {
    model_thread *t = &threads[thread];
    if (t->n_levels == 0)
        return;
    int k = t->n_levels - 1 - below(below(3) == 0 ? t->n_levels : 1);
    bool returns = i >= 0 && below(2) == 0 && t->n_entries < most_entries;
    bool good = k >= floor_of(t) && t->level[k].token != 0;
    call c = {.what = returns ? RETURN : CLOSE,
              .scope = t->level[k].token,
              .x = returns ? tensors[i].x : NULL};
    run_on(thread, &c);
    assert_int_equal(c.status, good ? TG_OK : TG_ERR_STATE);
    if (!good) {
        assert_null(c.x);
        return;
    }
    if (returns)
        tensors[i].held++; /* kept alive over the close */
    model_close(t, k);
    if (returns) {
        assert_ptr_equal(c.x, tensors[i].x);
        model_give(t, i);
        tensors[i].held--;
    }
}

static void enter_one(int thread) {
    model_thread *t = &threads[thread];
    if (t->n_levels + 2 > most_levels)
        return;
    call c = {.what = ENTER, .owns = below(2)};
    run_on(thread, &c);
    assert_true(tg__callback_ok(c.callback));
    t->level[t->n_levels++] =
        (model_level){.barrier = true, .owns = c.owns, .callback = c.callback};
    if (!c.owns)
        t->level[t->n_levels++] = (model_level){.token = 0}; /* its fresh scope, without a token */
}

/* The result is the engine's afterwards, which here gives it back as a holder would. */
static void leave_one(int thread, int i) {
    model_thread *t = &threads[thread];
    int barrier = floor_of(t) - 1;
    if (barrier < 0)
        return;
    bool owns = t->level[barrier].owns;
    bool result = i >= 0 && (!owns || tensors[i].user > 0);
    call c = {
        .what = LEAVE, .callback = t->level[barrier].callback, .x = result ? tensors[i].x : NULL};
    if (result && owns) { /* its youngest acquisition changes hands */
        int at = youngest_of(t, i);
        if (at >= 0 && tensors[i].user <= t->entry[at].user_at)
            drop_entry(t, at);
        else
            tensors[i].user--;
    }
    run_on(thread, &c);
    assert_int_equal(c.status, TG_OK);
    if (result)
        tensors[i].held++;
    model_close(t, barrier);
}

static void compare(void) {
    int live = 0;
    for (int i = 0; i < TENSORS; i++) {
        if (tensors[i].x == NULL)
            continue;
        live++;
        uint64_t refs = atomic_load(&tensors[i].x->refs);
        assert_int_equal(refs >> 32, tensors[i].user);
        assert_int_equal(refs & TG__ALL_REFS, references(i));
    }
    assert_int_equal(tg_live_tensors(), live);
}

static void step(void) {
    int thread = alone ? 1 : below(2);
    int i = below(TENSORS);
    if (tensors[i].x == NULL) {
        make_one(thread, i);
        return;
    }
    int choice = below(calm && below(30) != 0 ? 70 : 100);
    if (choice < 20)
        on_tensor(thread, GIVE, i);
    else if (choice < 30)
        on_tensor(thread, KEEP, i);
    else if (choice < 40)
        on_tensor(thread, RETAIN, i);
    else if (choice < 62)
        on_tensor(thread, RELEASE, i);
    else if (choice < 66)
        on_tensor(thread, HOLD, i);
    else if (choice < 70)
        on_tensor(thread, UNHOLD, i);
    else if (choice < 80)
        open_one(thread);
    else if (choice < 90)
        close_one(thread, below(3) == 0 ? -1 : i);
    else if (choice < 94)
        enter_one(thread);
    else
        leave_one(thread, below(3) == 0 ? -1 : i);
}

static void wind_up(void) {
    for (int thread = 0; thread < 2; thread++)
        while (threads[thread].n_levels > 0)
            if (floor_of(&threads[thread]) > 0)
                leave_one(thread, -1);
            else
                close_one(thread, -1);
    for (int i = 0; i < TENSORS; i++)
        for (int held = tensors[i].held; held > 0; held--)
            on_tensor(0, UNHOLD, i);
    for (int i = 0; i < TENSORS; i++)
        for (int user = tensors[i].user; user > 0; user--)
            on_tensor(1, RELEASE, i);
    compare();
    assert_int_equal(tg_live_tensors(), 0);
}

static void run_seeds(unsigned first, unsigned last) {
    for (unsigned seed = first; seed <= last; seed++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, other_thread, NULL), 0);
        srandom(seed);
        for (int n = 0; n < STEPS; n++) {
            step();
            compare();
        }
        wind_up();
        call end = {.what = END};
        run_on(1, &end);
        pthread_join(thread, NULL);
    }
}

static void random_calls_agree_with_the_model(void **state) {
    (void)state;
    alone = calm = false;
    most_entries = ENTRIES;
    most_levels = LEVELS;
    run_seeds(1, 4);
}

static void random_calls_among_gaps_agree_with_the_model(void **state) {
    (void)state;
    most_entries = TG__FIRST_ENTRIES * 2 / 3;
    most_levels = 2;
    calm = true;
    alone = true;
    run_seeds(5, 10);
    alone = false;
    run_seeds(11, 16);
}

TG_TEST_MAIN(tg_tidy(random_calls_agree_with_the_model),
             tg_tidy(random_calls_among_gaps_agree_with_the_model))
