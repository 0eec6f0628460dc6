/* peer.h - the same work in another process, asked in turn: PyTorch, the Python binding.
 *
 * A peer prints "ready" and its version, and then, for every line that it reads, how many
 * nanoseconds the work took. Between its turns it waits for input and uses no CPU. It ends with its
 * input. */
#ifndef TG_BENCH_PEER_H
#define TG_BENCH_PEER_H

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    char name[32], version[96];
    FILE *to, *from;
} peer;

static inline bool peer_read(peer *p, char *line, size_t cap) {
    if (p->from == NULL || fgets(line, (int)cap, p->from) == NULL)
        return false;
    line[strcspn(line, "\n")] = '\0';
    return true;
}

/* Starts `NAME=COMMAND`. */
static inline void peer_start(peer *p, const char *text) {
    int to[2], from[2];
    const char *command = strchr(text, '=');
    if (command == NULL || pipe(to) != 0 || pipe(from) != 0) {
        fprintf(stderr, "foundation: cannot start the peer '%s'\n", text);
        return;
    }
    snprintf(p->name, sizeof p->name, "%.*s", (int)(command - text), text);
    if (fork() == 0) {
        dup2(to[0], STDIN_FILENO);
        dup2(from[1], STDOUT_FILENO);
        for (int i = 0; i < 2; i++) {
            close(to[i]);
            close(from[i]);
        }
        execl("/bin/sh", "sh", "-c", command + 1, (char *)NULL);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    p->to = fdopen(to[1], "w");
    p->from = fdopen(from[0], "r");
    char line[160];
    if (peer_read(p, line, sizeof line) && strncmp(line, "ready ", 6) == 0)
        snprintf(p->version, sizeof p->version, "%.90s", line + 6);
    else
        fprintf(stderr, "foundation: the peer %s does not start\n", p->name);
}

/* Nanoseconds of its next turn; NaN if it did not start or has ended. */
static inline double peer_time(peer *p) {
    char line[160];
    if (p->version[0] == '\0' || fputs("go\n", p->to) < 0 || fflush(p->to) != 0 ||
        !peer_read(p, line, sizeof line))
        return NAN;
    double ns = strtod(line, NULL);
    return ns > 0 ? ns : NAN;
}

#endif
