/* test_file.c - reading files and replacing them whole.
 *
 * The system calls that bring a file to the disk are replaced by ones that fail when told to: names
 * defined here come before the C library's. */
#include "tg_test.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DIRECTORY "test_file.d"
#define PATH DIRECTORY "/text"

static int fail_fsync, fail_rename; /* errno to fail with, 0: work */

int fsync(int fd) {
    if (fail_fsync != 0) {
        errno = fail_fsync;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

int rename(const char *from, const char *to) {
    if (fail_rename != 0) {
        errno = fail_rename;
        return -1;
    }
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

static int fresh_directory(void **state) {
    (void)state;
    fail_fsync = fail_rename = 0;
    return system("rm -rf " DIRECTORY " && mkdir " DIRECTORY) == 0 ? 0 : -1;
}

static tg_status replace(const char *text) {
    return tg__file_replace("op", PATH, text, strlen(text));
}

static void expect_content(const char *text) {
    int fd;
    char got[64];
    size_t n;
    assert_ok(tg__file_open("op", PATH, &fd));
    assert_ok(tg__file_read("op", PATH, fd, got, sizeof got, &n));
    tg__file_close(fd);
    assert_int_equal(n, strlen(text));
    assert_memory_equal(got, text, n);
}

/* Nothing lies beside the file. */
static void expect_clean(void) {
    assert_int_equal(system("test $(ls -A " DIRECTORY " | wc -l) -le 1"), 0);
}

static void what_was_written_is_read(void **state) {
    (void)state;
    assert_ok(replace("first"));
    expect_content("first");
    assert_ok(replace("second and longer"));
    expect_content("second and longer");
    assert_ok(replace(""));
    expect_content("");
    expect_clean();
}

static void permissions_and_links_stay(void **state) {
    (void)state;
    struct stat s;
    mode_t mask = umask(027);
    assert_ok(replace("first"));
    umask(mask);
    assert_int_equal(stat(PATH, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0640); /* as any file that the program makes */
    assert_int_equal(chmod(PATH, 0604), 0);
    assert_int_equal(symlink("text", DIRECTORY "/link"), 0);
    assert_ok(tg__file_replace("op", DIRECTORY "/link", "second", 6));
    expect_content("second");
    assert_int_equal(stat(PATH, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0604);
    assert_int_equal(lstat(DIRECTORY "/link", &s), 0);
    assert_true(S_ISLNK(s.st_mode));
}

static void a_failure_leaves_the_old_file(void **state) {
    (void)state;
    assert_ok(replace("old"));
    fail_fsync = EIO;
    assert_fails(replace("new"), TG_ERR_IO, "op: cannot write '" PATH "': Input/output error");
    fail_fsync = 0;
    fail_rename = ENOSPC;
    assert_fails(replace("new"), TG_ERR_IO, "No space left on device");
    fail_rename = 0;

    struct rlimit limit, tiny;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    tiny = (struct rlimit){2, limit.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tiny), 0);
    tg_status status = replace("new");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    signal(SIGXFSZ, handler);
    assert_fails(status, TG_ERR_IO, "File too large");

    tg__alloc_fail_at(1, false);
    status = replace("new");
    tg__alloc_fail_at(0, false);
    assert_fails(status, TG_ERR_MEMORY, "out of memory");
    expect_content("old");
    expect_clean();
    assert_ok(replace("new"));
    expect_content("new");
}

static void a_failure_leaves_no_file(void **state) {
    (void)state;
    fail_rename = EIO;
    assert_fails(replace("new"), TG_ERR_IO, "Input/output error");
    assert_int_equal(system("test -z \"$(ls -A " DIRECTORY ")\""), 0);
}

static void paths_that_cannot_be_written(void **state) {
    (void)state;
    assert_fails(tg__file_replace("op", "no/such/file", "x", 1), TG_ERR_IO,
                 "cannot write 'no/such/file': No such file or directory; give a path");
    assert_fails(tg__file_replace("op", DIRECTORY, "x", 1), TG_ERR_IO, "Is a directory");
    assert_fails(tg__file_replace("op", "", "x", 1), TG_ERR_IO, "cannot write ''");
    char name[8000];
    memset(name, 'a', sizeof name);
    memcpy(name, DIRECTORY "/", sizeof DIRECTORY);
    name[300] = '\0'; /* one name of the path is too long */
    assert_fails(tg__file_replace("op", name, "x", 1), TG_ERR_IO, "File name too long");
    name[300] = 'a';
    for (size_t i = 100; i < sizeof name; i += 100)
        name[i - 1] = '/';
    name[sizeof name - 1] = '\0'; /* the path is too long */
    assert_fails(tg__file_replace("op", name, "x", 1), TG_ERR_IO, "File name too long");
    if (geteuid() != 0) { /* root may write anywhere */
        assert_ok(replace("old"));
        assert_int_equal(chmod(PATH, 0444), 0);
        assert_fails(replace("new"), TG_ERR_IO, "Permission denied");
        expect_content("old");
    }
}

/* A device is written, not replaced by a file. */
static void devices_stay_devices(void **state) {
    (void)state;
    struct stat s;
    assert_ok(tg__file_replace("op", "/dev/null", "x", 1));
    assert_int_equal(stat("/dev/null", &s), 0);
    assert_true(S_ISCHR(s.st_mode));
    if (access("/dev/full", W_OK) == 0) {
        assert_fails(tg__file_replace("op", "/dev/full", "x", 1), TG_ERR_IO,
                     "No space left on device");
        assert_int_equal(stat("/dev/full", &s), 0);
        assert_true(S_ISCHR(s.st_mode));
    }
}

static void files_that_cannot_be_read(void **state) {
    (void)state;
    int fd;
    char byte;
    size_t n;
    assert_fails(tg__file_open("op", PATH, &fd), TG_ERR_IO,
                 "op: cannot open '" PATH "': No such file or directory");
    assert_ok(tg__file_open("op", DIRECTORY, &fd));
    assert_fails(tg__file_read("op", DIRECTORY, fd, &byte, 1, &n), TG_ERR_IO,
                 "op: cannot read '" DIRECTORY "': Is a directory");
    tg__file_close(fd);
    tg__file_close(-1);
}

static bool interrupt(void *on) { return *(volatile bool *)on; }
static void on_signal(int number) { (void)number; }

static void *knock(void *thread) {
    for (int i = 0; i < 5; i++) {
        usleep(60000);
        pthread_kill(*(pthread_t *)thread, SIGUSR1);
    }
    return NULL;
}

/* A signal wakes a reader that waits; only an interrupt check ends it. */
static void signals_poll_the_interrupt_check(void **state) {
    (void)state;
    struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART */
    assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
    bool on = true;
    int ends[2];
    char byte;
    size_t n;
    pthread_t self = pthread_self(), helper;
    assert_int_equal(pipe(ends), 0);
    tg_set_interrupt_check(interrupt, &on);
    assert_int_equal(pthread_create(&helper, NULL, knock, &self), 0);
    assert_fails(tg__file_read("op", "a pipe", ends[0], &byte, 1, &n), TG_ERR_INTERRUPTED,
                 "op: interrupted while reading 'a pipe'");
    assert_int_equal(pthread_join(helper, NULL), 0);
    tg_set_interrupt_check(NULL, NULL);
    close(ends[0]);
    close(ends[1]);
}

static void long_paths_show_their_end(void **state) {
    (void)state;
    char path[300];
    memset(path, 'd', sizeof path);
    memcpy(path + sizeof path - 10, "/last.csv", 10);
    const char *shown = tg__path(path);
    assert_true(strlen(shown) < 70);
    assert_memory_equal(shown, "'...ddd", 7);
    assert_string_equal(shown + strlen(shown) - 10, "/last.csv'");
    assert_string_equal(tg__path("short"), "'short'");
    assert_string_equal(tg__path(NULL), "(null)");
}

TG_TEST_MAIN(cmocka_unit_test_setup(what_was_written_is_read, fresh_directory),
             cmocka_unit_test_setup(permissions_and_links_stay, fresh_directory),
             cmocka_unit_test_setup(a_failure_leaves_the_old_file, fresh_directory),
             cmocka_unit_test_setup(a_failure_leaves_no_file, fresh_directory),
             cmocka_unit_test_setup(paths_that_cannot_be_written, fresh_directory),
             cmocka_unit_test_setup(devices_stay_devices, fresh_directory),
             cmocka_unit_test_setup(files_that_cannot_be_read, fresh_directory),
             cmocka_unit_test(signals_poll_the_interrupt_check),
             cmocka_unit_test(long_paths_show_their_end))
