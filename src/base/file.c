/* file.c - files: reading piece by piece, replacing whole.
 *
 * A file that is written appears complete or not at all: the bytes go to a new file in the same
 * directory, fsync brings them to the disk, rename moves it over the old one, and the directory is
 * synced so that the move itself survives a crash. Renaming over a device would replace the device,
 * so only regular files go that way. */
#include "base/file.h"

#include "base/error.h"
#include "base/threads.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SHOWN 56 /* bytes of a long path in a message */

const char *tg__path(const char *path) {
    size_t length = path == NULL ? 0 : strlen(path);
    if (length <= PATH_SHOWN)
        return tg__quote(path);
    const char *quoted = tg__quote(path + length - PATH_SHOWN);
    char *buf = tg__desc_buffer();
    snprintf(buf, TG__DESC_BYTES, "'...%s", quoted + 1);
    return buf;
}

static tg_status fail(const char *op, const char *verb, const char *path, int reason,
                      const char *hint) {
    char text[128];
    return tg__fail(TG_ERR_IO, op, "cannot %s %s: %s%s", verb, tg__path(path),
                    strerror_r(reason, text, sizeof text), hint);
}

tg_status tg__file_open(const char *op, const char *path, int *fd) {
    do
        *fd = open(path, O_RDONLY | O_CLOEXEC);
    while (*fd < 0 && errno == EINTR && !tg__interrupted());
    if (*fd < 0)
        return fail(op, "open", path, errno, "; give the path of a file that may be read");
    return TG_OK;
}

tg_status tg__file_read(const char *op, const char *path, int fd, void *buf, size_t size,
                        size_t *got) {
    *got = 0;
    while (*got < size) {
        ssize_t n = read(fd, (char *)buf + *got, size - *got);
        if (n == 0)
            break;
        if (n > 0)
            *got += (size_t)n;
        else if (errno != EINTR)
            return fail(op, "read", path, errno, "");
        else if (tg__interrupted())
            return tg__fail(TG_ERR_INTERRUPTED, op, "interrupted while reading %s", tg__path(path));
    }
    return TG_OK;
}

void tg__file_close(int fd) {
    if (fd >= 0)
        close(fd);
}

/* 0, or the errno of what failed. */
static int write_all(int fd, const char *data, size_t size) {
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : EIO;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

/* Writes to a thing that is there and is no regular file. */
static int write_straight(const char *path, const void *data, size_t size) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int reason = write_all(fd, data, size);
    if (close(fd) != 0 && reason == 0 && errno != EINTR)
        reason = errno;
    return reason;
}

/* Puts the name of a new file in path's directory into `name`; 0 or ENAMETOOLONG. */
static int name_beside(const char *path, char name[PATH_MAX]) {
    static _Atomic unsigned counter;
    const char *slash = strrchr(path, '/');
    size_t directory = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    if (directory >= PATH_MAX)
        return ENAMETOOLONG;
    memcpy(name, path, directory);
    int n = snprintf(name + directory, PATH_MAX - directory, ".tensorgrad-%ld-%u.tmp",
                     (long)getpid(), atomic_fetch_add(&counter, 1));
    return n < 0 || (size_t)n >= PATH_MAX - directory ? ENAMETOOLONG : 0;
}

/* Makes the move to `path` last. Best effort: the file is in place already, and not every file
 * system can sync a directory. */
static void sync_directory(char *path) {
    char *slash = strrchr(path, '/');
    if (slash != NULL)
        slash[slash == path] = '\0';
    int fd = open(slash == NULL ? "." : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)fsync(fd);
    close(fd);
}

/* `old` describes what is at path now, NULL: nothing. `name` is room for a path. */
static int write_beside(const char *path, const struct stat *old, const void *data, size_t size,
                        char name[PATH_MAX]) {
    int fd = -1;
    for (int tries = 0; fd < 0 && tries < 100; tries++) {
        int reason = name_beside(path, name);
        if (reason != 0)
            return reason;
        fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST && errno != EINTR)
            return errno;
    }
    if (fd < 0)
        return EEXIST;
    int reason = write_all(fd, data, size);
    if (reason == 0 && old != NULL && fchmod(fd, old->st_mode & 07777) != 0)
        reason = errno;
    if (reason == 0 && fsync(fd) != 0)
        reason = errno;
    if (close(fd) != 0 && reason == 0 && errno != EINTR)
        reason = errno;
    if (reason == 0 && rename(name, path) != 0)
        reason = errno;
    if (reason != 0)
        unlink(name);
    else
        sync_directory(name);
    return reason;
}

tg_status tg__file_replace(const char *op, const char *path, const void *data, size_t size) {
    static const char hint[] = "; give a path in a directory that exists and may be written";
    struct stat old;
    bool there = stat(path, &old) == 0;
    if (there && S_ISDIR(old.st_mode))
        return fail(op, "write", path, EISDIR, hint);
    if (there && access(path, W_OK) != 0) /* moving a file over it would not ask */
        return fail(op, "write", path, errno, hint);
    if (there && !S_ISREG(old.st_mode)) {
        int reason = write_straight(path, data, size);
        return reason == 0 ? TG_OK : fail(op, "write", path, reason, "");
    }
    char *room = tg__alloc(2 * PATH_MAX);
    if (room == NULL)
        return tg__fail_memory(op, 2 * PATH_MAX);
    /* Of a link, the file that it leads to is replaced. */
    const char *target = there && realpath(path, room) != NULL ? room : path;
    int reason = write_beside(target, there ? &old : NULL, data, size, room + PATH_MAX);
    tg__free(room, 2 * PATH_MAX);
    return reason == 0 ? TG_OK : fail(op, "write", path, reason, hint);
}
