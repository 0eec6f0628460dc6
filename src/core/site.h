/* site.h - a place in the user's program: where something was made. */
#ifndef TG_CORE_SITE_H
#define TG_CORE_SITE_H

#include <stddef.h>

#define TG__SITE_FRAMES 16
#define TG__SITE_BYTES 512 /* room for the text of a site */

typedef struct {
    const char *file; /* of TENSORGRAD_SITES; NULL: see the frames */
    int line;
    int n_frames;
    void *frame[TG__SITE_FRAMES]; /* return addresses, innermost first */
} tg__site;

/* Notes the place that the library was called from: cheap, nothing is looked up yet. */
void tg__site_here(tg__site *site);
/* Its text: "file.c:12", "function+0x12 in program(+0x1234)", or "an unknown place". */
void tg__site_text(const tg__site *site, char *text, size_t cap);

#endif
