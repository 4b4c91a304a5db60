/* Whatever the log callback does, and whatever is asked that returns no status, the last error is that of the last call with one. */
#include "common.h"
static const ecg2lab_model* shared;
static void on_log(void* u, int32_t level, const char* text) {
  ecg2lab_recording r = recording(); ecg2lab_result* q = NULL; ecg2lab_patient p; ecg2lab_model* m = NULL;
  (void)u; (void)level; (void)text;
  ecg2lab_patient_init(&p, sizeof p);                                  /* succeeds */
  ecg2lab_patient_init(&p, 3);                                         /* fails */
  ecg2lab_load("/nowhere", NULL, &m);                                  /* fails */
  if (shared) ecg2lab_predict(shared, &r, NULL, &q);                   /* succeeds */
  ecg2lab_result_free(q);
}
static void says(const char* what, const char* part) { check(what, strstr(ecg2lab_last_error(), part) != NULL); }
static void unstated(const ecg2lab_model* m, ecg2lab_stream* s, const ecg2lab_result* q) {
  ecg2lab_result_json(q); ecg2lab_result_json(NULL); ecg2lab_stream_describe(s); ecg2lab_stream_describe(NULL); ecg2lab_describe(m);
  ecg2lab_describe(NULL); ecg2lab_window_graph(m); ecg2lab_status_name(99); ecg2lab_version(); ecg2lab_abi_version();
  ecg2lab_result_free(NULL); ecg2lab_free(NULL); ecg2lab_stream_free(NULL); ecg2lab_prepared_free(NULL);
}
int main(void) {
  ecg2lab_recording r = recording(); ecg2lab_options o; ecg2lab_model* m = NULL; ecg2lab_result *q = NULL, *good = NULL; ecg2lab_stream* s = NULL;
  ecg2lab_prepared* p = NULL; double inf[12]; int i;
  shared = load(1);
  ecg2lab_options_init(&o, sizeof o); o.log = on_log;
  check("load", ecg2lab_load(DEMO, &o, &m) == ECG2LAB_OK && ecg2lab_last_error()[0] == '\0');
  check("predict", ecg2lab_predict(m, &r, NULL, &good) == ECG2LAB_OK);
  ecg2lab_stream_open(m, &r, NULL, NULL, &s);
  r.sampling_rate_hz = 10;
  check("a refused predict", ecg2lab_predict(m, &r, NULL, &q) == ECG2LAB_ERROR_RECORDING); says("its sentence", "sampling rate");
  unstated(m, s, q); says("after calls without a status", "sampling rate");
  ecg2lab_result_free(q); says("after its result was freed", "sampling rate");
  check("a refused prepare", ecg2lab_prepare(m, &r, NULL, &p) == ECG2LAB_ERROR_RECORDING); says("its sentence", "sampling rate");
  for (i = 0; i < 12; ++i) inf[i] = INFINITY;
  check("a refused push", ecg2lab_stream_push(s, inf, 1) == ECG2LAB_ERROR_RECORDING); says("its sentence", "infinite");
  unstated(m, s, good); says("after calls without a status", "infinite");
  for (i = 0; i < 12; ++i) inf[i] = NAN;
  for (i = 0; i < 5000; ++i) ecg2lab_stream_push(s, inf, 1);
  check("a refused window", ecg2lab_stream_next(s, &q) == ECG2LAB_ERROR_QUALITY); says("its sentence", "lead");
  ecg2lab_result_free(q); ecg2lab_result_free(good); ecg2lab_prepared_free(p); ecg2lab_stream_free(s); ecg2lab_free(m); ecg2lab_free((ecg2lab_model*)shared);
  return wrong;
}
