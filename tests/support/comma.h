/* comma.h - running a check in a locale with a decimal comma.
 *
 *     if (!in_decimal_comma(check))
 *         tg_skip("no locale with a decimal comma");
 *
 * The locale is made by localedef, in a directory of its own, where the machine has none. */
#ifndef TG_COMMA_H
#define TG_COMMA_H

#include "tg_test.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static inline int tg_test_run_quietly(const char *const *argv) {
    pid_t pid = fork();
    if (pid == 0) {
        if (freopen("/dev/null", "w", stderr) == NULL || freopen("/dev/null", "w", stdout) == NULL)
            _exit(126);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Switches to such a locale; false with a reason if this machine has and makes none. */
static inline bool tg_test_use_comma(const char *directory) {
    if (setlocale(LC_ALL, "de_DE.UTF-8") != NULL)
        return true;
    char target[256];
    snprintf(target, sizeof target, "%s/de_DE.UTF-8", directory);
    const char *const make[] = {"localedef", "-i", "de_DE", "-f", "UTF-8", target, NULL};
    int code = tg_test_run_quietly(make);
    if (code != 0 && code != 1) { /* 1: made, with warnings */
        print_message("localedef made no de_DE.UTF-8 (code %d)\n", code);
        return false;
    }
    setenv("LOCPATH", directory, 1);
    if (setlocale(LC_ALL, "de_DE.UTF-8") != NULL)
        return true;
    print_message("setlocale does not take the locale that localedef made\n");
    return false;
}

/* Runs the check there; false if there is no such locale. */
static inline bool in_decimal_comma(void (*check)(void)) {
    char directory[] = "/tmp/tg_locale_XXXXXX";
    assert_non_null(mkdtemp(directory));
    bool there = tg_test_use_comma(directory);
    const char *const clean[] = {"rm", "-rf", directory, NULL};
    if (there) {
        char buf[8];
        snprintf(buf, sizeof buf, "%.1f", 1.5);
        assert_string_equal(buf, "1,5"); /* the locale is in force */
        check();
    }
    setlocale(LC_ALL, "C");
    unsetenv("LOCPATH");
    assert_int_equal(tg_test_run_quietly(clean), 0);
    return there;
}

#endif
