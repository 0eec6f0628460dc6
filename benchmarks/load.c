/* load.c - what loading the library costs a program that has loaded OpenBLAS.
 *
 *     load <libtensorgrad.so> [<libopenblas.so>]
 *
 * Prints the microseconds that dlopen took, and how many threads it started. Linked against neither
 * library; run by foundation once per round, since a library is loaded once per process. */
#include "bench.h"

#include <dirent.h>
#include <dlfcn.h>

static int threads(void) {
    int n = 0;
    DIR *tasks = opendir("/proc/self/task");
    if (tasks == NULL)
        return -1;
    while (readdir(tasks) != NULL)
        n++;
    closedir(tasks);
    return n - 2; /* . and .. */
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "load <libtensorgrad.so> [<libopenblas.so>]\n");
        return 2;
    }
    if (argc > 2 && dlopen(argv[2], RTLD_NOW | RTLD_GLOBAL) == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    int before = threads();
    double start = bench_now();
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL);
    double seconds = bench_now() - start;
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    printf("%.3f %d\n", 1e6 * seconds, threads() - before);
    return 0;
}
