/* site.c - a place in the user's program, from the return addresses above it.
 *
 * The addresses are kept as they are and turned into names when somebody asks: the site is the
 * first address outside the library's own shared object. Linked statically, the library and the
 * program are one object; then the site is what called the last of our functions, if the program
 * exports names (-rdynamic), else the chain of calls is shown, as offsets that addr2line
 * understands. */
#include "core/site.h"

#include "base/thread.h"

#include <dlfcn.h>
#if defined(__GLIBC__)
#include <link.h>
#endif
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#if defined(__has_include)
#if __has_include(<execinfo.h>)
#include <execinfo.h>
#define HAVE_BACKTRACE 1
#endif
#endif

#define CHAIN_SHOWN 6

void tg__site_here(tg__site *site) {
    const tg__thread *t = tg__self();
    site->file = t->site_file;
    site->line = t->site_line;
    site->n_frames = 0;
#if defined(HAVE_BACKTRACE)
    if (site->file == NULL)
        site->n_frames = backtrace(site->frame, TG__SITE_FRAMES);
#endif
}

/* ---- Text ---- */

typedef struct {
    char *at;
    size_t left; /* the final zero included */
} text;

__attribute__((format(printf, 2, 3))) static void add(text *t, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->at, t->left, format, args);
    va_end(args);
    size_t used = n < 0 ? 0 : (size_t)n < t->left ? (size_t)n : t->left - 1;
    t->at += used;
    t->left -= used;
}

typedef struct {
    uintptr_t address;    /* inside the call instruction */
    const char *object;   /* file that the code was loaded from, without its directories; or NULL */
    uintptr_t offset;     /* in that file, as addr2line -e wants it */
    uintptr_t base;       /* the same for all code of one object */
    const char *function; /* the exported name that the address belongs to; or NULL */
    uintptr_t start;
} place;

static place resolve(const void *return_address) {
    place p = {.address = (uintptr_t)return_address - 1};
    Dl_info info;
#if defined(__GLIBC__)
    struct link_map *map = NULL;
    if (dladdr1((const void *)p.address, &info, (void **)&map, RTLD_DL_LINKMAP) == 0)
        return p;
    p.offset = p.address - (map != NULL ? (uintptr_t)map->l_addr : (uintptr_t)info.dli_fbase);
#else
    if (dladdr((const void *)p.address, &info) == 0)
        return p;
    p.offset = p.address - (uintptr_t)info.dli_fbase;
#endif
    p.base = (uintptr_t)info.dli_fbase;
    if (info.dli_fname != NULL) {
        const char *slash = strrchr(info.dli_fname, '/');
        p.object = slash != NULL ? slash + 1 : info.dli_fname;
    }
    p.function = info.dli_sname;
    p.start = (uintptr_t)info.dli_saddr;
    return p;
}

static void write_place(text *t, const place *p) {
    if (p->object == NULL)
        add(t, "%#llx", (unsigned long long)p->address);
    else if (p->function == NULL)
        add(t, "%s(+%#llx)", p->object, (unsigned long long)p->offset);
    else
        add(t, "%s+%#llx in %s(+%#llx)", p->function, (unsigned long long)(p->address - p->start),
            p->object, (unsigned long long)p->offset);
}

/* Linked statically: what called the outermost of our functions in the first row of them, if there
 * are names, else the frames of the program's own code. */
static void write_chain(text *t, const tg__site *s, int start, uintptr_t own) {
    int first = start;
    for (int i = start; i < s->n_frames; i++) {
        place p = resolve(s->frame[i]);
        if (p.function != NULL && strncmp(p.function, "tg_", 3) != 0)
            break;
        if (p.function != NULL)
            first = i + 1;
    }
    int last = first > start ? first + 1 : first + CHAIN_SHOWN;
    for (int i = first; i < s->n_frames && i < last; i++) {
        place p = resolve(s->frame[i]);
        if (i > first && p.base != own)
            break;
        if (i > first)
            add(t, " < ");
        write_place(t, &p);
    }
}

void tg__site_text(const tg__site *s, char *out, size_t cap) {
    text all = {out, cap};
    text *t = &all;
    if (s->file != NULL) {
        add(t, "%s:%d", s->file, s->line);
        return;
    }
    const place own = resolve((const void *)((uintptr_t)&tg__site_here + 1));
    int start = 0; /* behind tg__site_here and its caller; below it a sanitizer may have put a frame
                      of its own */
    while (start < s->n_frames && resolve(s->frame[start]).base != own.base)
        start++;
    start += 2;
    if (start >= s->n_frames) {
        add(t, "an unknown place");
        return;
    }
    if (own.object == NULL || strncmp(own.object, "libtensorgrad.", 14) != 0) {
        write_chain(t, s, start, own.base);
        return;
    }
    for (int i = start; i < s->n_frames; i++) {
        place p = resolve(s->frame[i]);
        if (p.base != own.base || i == s->n_frames - 1) {
            write_place(t, &p);
            return;
        }
    }
}
