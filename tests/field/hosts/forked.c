/* A process that is forked off: the inherited model refuses by name and is freed without waiting; what needs no threads goes on; a
 * model that is loaded there answers, whatever other threads did while it was forked. */
#define _GNU_SOURCE
#include "common.h"
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>
enum { CHILDREN = 12 };
static ecg2lab_model *one, *three, *graph;
static volatile int stop;
static void* keep_asking(void* rate) { /* always another resampler, so that one is designed most of the time */
  ecg2lab_recording r = recording(); int turn = 0;
  while (!stop) {
    ecg2lab_result* q = NULL;
    r.sampling_rate_hz = *(double*)rate + turn++ % 7;
    ecg2lab_predict(three, &r, NULL, &q);
    if (q) ecg2lab_result_json(q);
    ecg2lab_result_free(q);
  }
  return NULL;
}
static int child(ecg2lab_stream* stream, ecg2lab_result* kept, double expected) {
  ecg2lab_recording r = recording(); ecg2lab_result* q = NULL; ecg2lab_prepared* p = NULL; ecg2lab_model* own;
  ecg2lab_model* inherited[2] = {one, three}; int i;
  alarm(60); /* a child that hangs is ended by a signal */
  for (i = 0; i < 2; ++i) {
    check("refused", ecg2lab_predict(inherited[i], &r, NULL, &q) == ECG2LAB_ERROR_BACKEND && q == NULL);
    check("by name", strstr(ecg2lab_last_error(), "forked") != NULL);
  }
  ecg2lab_stream_push(stream, ecg, 5000);
  check("a stream", ecg2lab_stream_next(stream, &q) == ECG2LAB_ERROR_BACKEND && strstr(ecg2lab_last_error(), "forked") != NULL);
  check("a result is whole", strlen(ecg2lab_result_json(kept)) > 100 && kept->finding_count > 0);
  check("preparing goes on", ecg2lab_prepare(graph, &r, NULL, &p) == ECG2LAB_OK);
  check("describing goes on", strlen(ecg2lab_describe(three)->name) > 0);
  ecg2lab_prepared_free(p); ecg2lab_stream_free(stream); ecg2lab_result_free(kept);
  ecg2lab_free(one); ecg2lab_free(three); ecg2lab_free(graph);
  own = load(3);
  for (i = 0; i < 3; ++i) {
    check("its own answers", ecg2lab_predict(own, &r, NULL, &q) == ECG2LAB_OK && q->findings[0]->probability == expected);
    ecg2lab_result_free(q);
  }
  ecg2lab_free(own);
  return wrong;
}
int main(void) {
  ecg2lab_recording r = recording(); ecg2lab_result* kept = NULL; ecg2lab_stream* stream = NULL; ecg2lab_options o; pthread_t threads[2]; double rates[2] = {250, 400}, expected; int i;
  ecg2lab_options_init(&o, sizeof o);
  one = load(1); three = load(3);
  ecg2lab_load_without_engine(DEMO, &o, &graph);
  check("predict", ecg2lab_predict(three, &r, NULL, &kept) == ECG2LAB_OK);
  expected = kept->findings[0]->probability;
  check("open", ecg2lab_stream_open(three, &r, NULL, NULL, &stream) == ECG2LAB_OK);
  for (i = 0; i < 2; ++i) pthread_create(&threads[i], NULL, keep_asking, &rates[i]);
  for (i = 0; i < CHILDREN; ++i) {
    int status = -1; const pid_t pid = fork();
    if (pid == 0) exit(child(stream, kept, expected));
    waitpid(pid, &status, 0);
    check("a child", WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  stop = 1;
  for (i = 0; i < 2; ++i) pthread_join(threads[i], NULL);
  { ecg2lab_result* q = NULL; check("the parent answers on", ecg2lab_predict(three, &r, NULL, &q) == ECG2LAB_OK && q->findings[0]->probability == expected); ecg2lab_result_free(q); }
  ecg2lab_result_free(kept); ecg2lab_stream_free(stream); ecg2lab_free(one); ecg2lab_free(three); ecg2lab_free(graph);
  return wrong;
}
