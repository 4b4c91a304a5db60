/* Of every thread that the library has, the mask of signals is full but for faults of its own; that of the program's thread is as it was. */
#define _GNU_SOURCE
#include "common.h"
#include <dirent.h>
#include <signal.h>
#include <unistd.h>
static unsigned long long blocked(const char* task) {
  char path[300], line[300]; unsigned long long mask = 0; FILE* f;
  snprintf(path, sizeof path, "/proc/self/task/%s/status", task);
  f = fopen(path, "r");
  while (fgets(line, sizeof line, f)) sscanf(line, "SigBlk: %llx", &mask);
  fclose(f);
  return mask;
}
int main(void) {
  ecg2lab_recording r = recording(); ecg2lab_model* models[2]; ecg2lab_result* q = NULL; sigset_t set; int helpers = 0; struct dirent* entry; DIR* tasks;
  /* Kernel and C library keep KILL and STOP, and two of their own, for themselves. */
  const unsigned long long faults = 1ull << (SIGSEGV - 1) | 1ull << (SIGBUS - 1) | 1ull << (SIGFPE - 1) | 1ull << (SIGILL - 1) | 1ull << (SIGTRAP - 1);
  const unsigned long long all = ~faults & ~(1ull << (SIGKILL - 1) | 1ull << (SIGSTOP - 1) | 1ull << 31 | 1ull << 32);
  char self[20];
  sigemptyset(&set); sigaddset(&set, SIGUSR1); sigprocmask(SIG_SETMASK, &set, NULL);
  models[0] = load(3); models[1] = load(4);
  ecg2lab_predict(models[0], &r, NULL, &q); ecg2lab_result_free(q);
  sprintf(self, "%d", (int)getpid());
  check("the program's own mask", blocked(self) == 1ull << (SIGUSR1 - 1));
  for (tasks = opendir("/proc/self/task"); (entry = readdir(tasks)) != NULL;) {
    if (entry->d_name[0] == '.' || strcmp(entry->d_name, self) == 0) continue;
    ++helpers;
    check("a helper's mask", (blocked(entry->d_name) & all) == all);
    check("a helper's faults", (blocked(entry->d_name) & faults) == 0);
  }
  closedir(tasks);
  check("helpers", helpers == 5);
  ecg2lab_free(models[0]); ecg2lab_free(models[1]);
  return wrong;
}
