/* places.c - reading and writing parts of an array that lists of offsets name.
 *
 * When reading, threads share out places; when writing, pieces of the blocks, so that everything
 * that is written to one element comes from one thread, in the order of the places. */
#include "kernels/places.h"

#include "base/threads.h"
#include "kernels/index.h"

#include <string.h>

#define PIECE 16384 /* bytes worth handing to another thread */
#define COLUMNS 64  /* elements of a line that stay together */

typedef enum { READ, WRITE, ADD } act;

typedef struct {
    const tg__places *p;
    act act;
    tg_dtype dtype;
    int lines;       /* dims of the lines' coordinates */
    int64_t length;  /* elements of a line */
    int64_t step[2]; /* along a line, in x and v */
} job;

/* n elements of a line. */
static void move_line(const job *j, char *x, char *v, int64_t n) {
    const size_t item = j->p->item;
    char *to = j->act == READ ? v : x;
    const char *from = j->act == READ ? x : v;
    const int64_t to_step = j->step[j->act == READ];
    const int64_t from_step = j->step[j->act != READ];
    if (j->act == ADD && j->step[0] == (int64_t)item && j->step[1] == (int64_t)item) {
        tg__add_elements(j->dtype, x, v, n);
    } else if (j->act == ADD) {
        for (int64_t i = 0; i < n; i++)
            tg__add_elements(j->dtype, x + i * j->step[0], v + i * j->step[1], 1);
    } else if (item == 4 && n == 1) {
        memcpy(to, from, 4);
    } else if (item == 8 && n == 1) {
        memcpy(to, from, 8);
    } else if (to_step == (int64_t)item && from_step == (int64_t)item) {
        memcpy(to, from, (size_t)n * item);
    } else {
        for (int64_t i = 0; i < n; i++)
            memcpy(to + i * to_step, from + i * from_step, item);
    }
}

/* Where line number `line` begins within a block. */
static void line_at(const job *j, int64_t line, int64_t *x, int64_t *v) {
    const tg__places *p = j->p;
    *x = *v = 0;
    for (int d = j->lines - 1; d >= 0; d--) {
        const int64_t at = line % p->shape[d];
        line /= p->shape[d];
        *x += at * p->x_stride[d];
        *v += at * p->v_stride[d];
    }
}

static int64_t blocks_of(const job *j) { return (j->length + COLUMNS - 1) / COLUMNS; }

/* Blocks [begin, end) of [lines, blocks of COLUMNS], of all places. */
static void run_lines(int64_t begin, int64_t end, void *ctx) {
    const job *j = ctx;
    const tg__places *p = j->p;
    const int64_t blocks = blocks_of(j);
    while (begin < end) { /* as many blocks of one line as there are, at once */
        const int64_t first = begin % blocks;
        const int64_t last = first + (end - begin) < blocks ? first + (end - begin) : blocks;
        const int64_t start = first * COLUMNS;
        const int64_t n = (last * COLUMNS < j->length ? last * COLUMNS : j->length) - start;
        int64_t x;
        int64_t v;
        line_at(j, begin / blocks, &x, &v);
        x += start * j->step[0];
        v += start * j->step[1];
        for (int64_t i = 0; i < p->n; i++)
            move_line(j, p->x + p->x_at[i] + x, p->v + p->v_at[i] + v, n);
        begin += last - first;
    }
}

/* Places [begin, end), every line of them. */
static void run_places(int64_t begin, int64_t end, void *ctx) {
    const job *j = ctx;
    const tg__places *p = j->p;
    int64_t count = 1;
    for (int d = 0; d < j->lines; d++)
        count *= p->shape[d];
    for (int64_t line = 0; line < count; line++) {
        int64_t x;
        int64_t v;
        line_at(j, line, &x, &v);
        for (int64_t i = begin; i < end; i++)
            move_line(j, p->x + p->x_at[i] + x, p->v + p->v_at[i] + v, j->length);
    }
}

static void run(const tg__places *p, act what, tg_dtype dtype) {
    job j = {.p = p, .act = what, .dtype = dtype, .lines = p->ndim > 0 ? p->ndim - 1 : 0};
    j.length = p->ndim > 0 ? p->shape[j.lines] : 1;
    j.step[0] = p->ndim > 0 ? p->x_stride[j.lines] : (int64_t)p->item;
    j.step[1] = p->ndim > 0 ? p->v_stride[j.lines] : (int64_t)p->item;
    int64_t count = 1;
    for (int d = 0; d < j.lines; d++)
        count *= p->shape[d];
    if (count == 0 || j.length == 0 || p->n == 0)
        return;
    const int64_t block = count * j.length * (int64_t)p->item;
    const int64_t width = j.length < COLUMNS ? j.length : COLUMNS;
    const int64_t column = p->n * width * (int64_t)p->item;
    if (what == READ)
        tg__parallel_for(p->n, block < PIECE ? PIECE / block : 1, run_places, &j);
    else
        tg__parallel_for(count * blocks_of(&j), column < PIECE ? PIECE / column : 1, run_lines, &j);
}

void tg__places_read(const tg__places *p) { run(p, READ, TG_U8); }
void tg__places_write(const tg__places *p) { run(p, WRITE, TG_U8); }
void tg__places_add(const tg__places *p, tg_dtype dtype) { run(p, ADD, dtype); }

void tg__add_strided(tg_dtype dtype, int ndim, const int64_t *shape, char *out,
                     const int64_t *out_stride, const char *src, const int64_t *src_stride) {
    int64_t at[TG_MAX_DIMS] = {0};
    const int last = ndim - 1;
    const int64_t n = ndim > 0 ? shape[last] : 1;
    int d = 0;
    while (d >= 0) {
        for (int64_t i = 0; i < n; i++)
            tg__add_elements(dtype, out + (ndim > 0 ? i * out_stride[last] : 0),
                             src + (ndim > 0 ? i * src_stride[last] : 0), 1);
        for (d = last - 1; d >= 0; d--) { /* the next line */
            out += out_stride[d];
            src += src_stride[d];
            if (++at[d] < shape[d])
                break;
            out -= shape[d] * out_stride[d];
            src -= shape[d] * src_stride[d];
            at[d] = 0;
        }
    }
}

int64_t tg__count_true(const uint8_t *mask, int64_t n) {
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        count += mask[i] != 0;
    return count;
}

void tg__list_true(const uint8_t *mask, int64_t n, int64_t *out) {
    for (int64_t i = 0; i < n; i++)
        if (mask[i] != 0)
            *out++ = i;
}
