/* dlclose unloads the library when everything was freed, whatever was asked, also while threads that asked live on; and they keep no
 * memory. ECG2LAB_LIB: a copy of the shared library, which this program is not linked with. */
#define _GNU_SOURCE
#include <ecg2lab.h>
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
enum { THREADS = 24 };
static const char* const names[] = {"I","II","III","aVR","aVL","aVF","V1","V2","V3","V4","V5","V6"};
static double ecg[60000];
static void* handle;
static sem_t asked, end;
#define CALL(name) ((__typeof__(&name))dlsym(handle, #name))
static int mapped(void) { FILE* f = fopen("/proc/self/maps", "r"); char b[512]; int n = 0; while (fgets(b, sizeof b, f)) n += strstr(b, getenv("ECG2LAB_LIB")) != NULL; fclose(f); return n; }
static void ask(size_t threads) {
  ecg2lab_options o; ecg2lab_recording r; ecg2lab_model* m = NULL; ecg2lab_result* q = NULL; ecg2lab_stream* s = NULL; ecg2lab_prepared* p = NULL;
  CALL(ecg2lab_options_init)(&o, sizeof o); o.threads = threads;
  CALL(ecg2lab_load)("/nowhere", &o, &m); /* an exception within */
  if (CALL(ecg2lab_load)(getenv("ECG2LAB_DEMO"), &o, &m) != ECG2LAB_OK) exit(9);
  CALL(ecg2lab_recording_init)(&r, sizeof r);
  r.samples = ecg; r.sample_type = ECG2LAB_DOUBLE; r.unit = ECG2LAB_MILLIVOLT; r.leads = names; r.lead_count = 12; r.sample_count = 5000; r.sampling_rate_hz = 500;
  if (CALL(ecg2lab_predict)(m, &r, NULL, &q) != ECG2LAB_OK) exit(9);
  CALL(ecg2lab_result_json)(q); CALL(ecg2lab_result_free)(q);
  CALL(ecg2lab_prepare)(m, &r, NULL, &p); CALL(ecg2lab_prepared_free)(p);
  CALL(ecg2lab_stream_open)(m, &r, NULL, NULL, &s); CALL(ecg2lab_stream_push)(s, ecg, 5000); CALL(ecg2lab_stream_next)(s, &q);
  CALL(ecg2lab_result_free)(q); CALL(ecg2lab_stream_free)(s); CALL(ecg2lab_free)(m);
}
static void* live_on(void* threads) { ask(*(size_t*)threads); sem_post(&asked); sem_wait(&end); return NULL; }
int main(void) {
  pthread_t others[THREADS]; size_t one = 1, two = 2, before, after; int i, left; FILE* f = fopen(getenv("ECG2LAB_ECG"), "rb");
  if (f == NULL || fread(ecg, 8, 60000, f) != 60000) exit(9);
  fclose(f);
  mallopt(M_ARENA_MAX, 1); mallopt(M_MMAP_THRESHOLD, 1 << 30); sem_init(&asked, 0, 0); sem_init(&end, 0, 0);
  handle = dlopen(getenv("ECG2LAB_LIB"), RTLD_NOW);
  ask(1);
  before = mallinfo2().uordblks;
  for (i = 0; i < THREADS; ++i) { pthread_create(&others[i], NULL, live_on, i % 2 ? &one : &two); sem_wait(&asked); }
  after = mallinfo2().uordblks;
  printf("kept for each thread that asked: %ld bytes\n", (long)(after - before) / THREADS);
  dlclose(handle);
  left = mapped();
  printf("mapped parts after dlclose %d\n", left);
  for (i = 0; i < 5; ++i) { handle = dlopen(getenv("ECG2LAB_LIB"), RTLD_NOW); ask(2); dlclose(handle); }
  after = mallinfo2().uordblks;
  printf("kept after five more times: %ld bytes\n", (long)after - (long)before);
  for (i = 0; i < THREADS; ++i) sem_post(&end);
  for (i = 0; i < THREADS; ++i) pthread_join(others[i], NULL);
  return left != 0;
}
