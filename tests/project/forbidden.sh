#!/bin/sh
# forbidden.sh - the library never ends the process and never prints: no object file of it refers to
# a function that would.
#
#   sh forbidden.sh <file with one object file a line> <nm>
#
# Where a function writes to a FILE * that it is given, or to the terminal because the user asked
# for it, its file is named below.
set -eu
objects=$1 nm=$2

while read -r object; do
    echo "$object -"
    "$nm" -u "$object" | awk -v object="$object" '{ print object, $NF }'
done < "$objects" | awk '
BEGIN {
    # name -> what is wrong with it
    n = split("abort exit _exit _Exit quick_exit raise kill pthread_kill pthread_exit " \
              "__assert_fail __assert __chk_fail longjmp siglongjmp", w, " ")
    for (i = 1; i <= n; i++) bad[w[i]] = "ends or leaves the process, the thread or the call"
    n = split("printf vprintf puts putchar __printf_chk __vprintf_chk stdout perror psignal " \
              "err errx warn warnx error syslog", w, " ")
    for (i = 1; i <= n; i++) bad[w[i]] = "prints"
    n = split("setlocale uselocale localeconv newlocale", w, " ")
    for (i = 1; i <= n; i++) bad[w[i]] = "depends on or changes the locale"
    n = split("system popen fork vfork execv execve execvp signal sigaction", w, " ")
    for (i = 1; i <= n; i++) bad[w[i]] = "touches what belongs to the program"
    n = split("strcpy strcat sprintf vsprintf gets strtok atoi atol atof alloca tmpnam mktemp rand srand", w, " ")
    for (i = 1; i <= n; i++) bad[w[i]] = "is banned"
    n = split("fprintf vfprintf fputs fputc putc fwrite __fprintf_chk __vfprintf_chk stderr", w, " ")
    for (i = 1; i <= n; i++) stream[w[i]] = 1

    # file -> it may write to streams, because that is its purpose
    writes["base/text"] = writes["core/leaks"] = writes["core/print"] = writes["train/progress"] = 1
}
{
    file = $1; sub(/\.c\.o(bj)?$/, "", file); sub(/\.o$/, "", file)
    m = split(file, path, "/")
    short = path[m - 1] "/" path[m]
    name = $2; sub(/@.*/, "", name)
    seen[file] = 1
    if (name in bad) { print "src/" short ".c uses " name ", which " bad[name]; failures++ }
    if ((name in stream) && !(short in writes)) {
        print "src/" short ".c uses " name ": only base/text, core/leaks, core/print and train/progress may write to streams"
        failures++
    }
}
END {
    for (f in seen) count++
    if (count == 0) { print "no object file was found: this check is broken"; exit 1 }
    if (failures) exit 1
    print count " object files refer to nothing forbidden"
}'
