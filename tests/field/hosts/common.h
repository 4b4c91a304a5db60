/* The demo bundle and its ECG: environment variables ECG2LAB_DEMO (a bundle) and ECG2LAB_ECG (12 leads x 5000 doubles, mV, one lead
 * after another); and what is counted as wrong. */
#include <ecg2lab.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static const char* const L12[] = {"I","II","III","aVR","aVL","aVF","V1","V2","V3","V4","V5","V6"};
#define DEMO getenv("ECG2LAB_DEMO")
static double ecg[60000];
static inline ecg2lab_recording recording(void) {
  ecg2lab_recording r; FILE* f = fopen(getenv("ECG2LAB_ECG"), "rb");
  if (f == NULL || fread(ecg, 8, 60000, f) != 60000) exit(9);
  fclose(f);
  ecg2lab_recording_init(&r, sizeof r);
  r.samples = ecg; r.sample_type = ECG2LAB_DOUBLE; r.unit = ECG2LAB_MILLIVOLT; r.leads = L12; r.lead_count = 12;
  r.sample_count = 5000; r.sampling_rate_hz = 500;
  return r;
}
static inline ecg2lab_model* load(size_t threads) {
  ecg2lab_options o; ecg2lab_model* m = NULL;
  ecg2lab_options_init(&o, sizeof o); o.threads = threads;
  if (ecg2lab_load(DEMO, &o, &m) != ECG2LAB_OK) { puts(ecg2lab_last_error()); exit(9); }
  return m;
}
static inline int status_number(const char* key) { /* VmRSS in KiB, Threads */
  FILE* f = fopen("/proc/self/status", "r"); char b[256]; int v = -1, n = (int)strlen(key);
  while (fgets(b, sizeof b, f)) if (strncmp(b, key, n) == 0) v = atoi(b + n + 1);
  fclose(f); return v;
}
/* A program of our own ends with `return wrong`, after a line for each thing that is not as it should be. */
static int wrong;
static inline void check(const char* what, int right) {
  if (right) return;
  printf("wrong: %s [%s]\n", what, ecg2lab_last_error());
  ++wrong;
}
